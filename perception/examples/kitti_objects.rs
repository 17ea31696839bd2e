//! Runs the detectors over a KITTI drive and writes KITTI tracking result rows.
//!
//! `cargo run --release -p perception --example kitti_objects -- TRAINING SEQUENCE LABELS|- OUT [visible]`

use nalgebra::{Isometry3, Matrix3, Matrix4, Rotation3, Translation3, UnitQuaternion};
use perception::{decode, detect};
use std::{fs, path::Path, time::Instant};
use types::{Calibration, LidarSweep, ObjectClass, PointCloud, PointField, PointKind, Stamp};

fn row(text: &str, key: &str) -> Vec<f64> {
    text.lines().find(|l| l.starts_with(key)).unwrap().split_whitespace().skip(1).map(|v| v.parse().unwrap()).collect()
}

fn iso(m: &Matrix4<f64>) -> Isometry3<f64> {
    let r = Rotation3::from_matrix(&m.fixed_view::<3, 3>(0, 0).into_owned());
    Isometry3::from_parts(Translation3::new(m[(0, 3)], m[(1, 3)], m[(2, 3)]), UnitQuaternion::from_rotation_matrix(&r))
}

#[allow(clippy::disallowed_methods)]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (root, seq, labels, out) = (Path::new(&args[1]), &args[2], &args[3], &args[4]);
    let visible = args.get(5).is_some_and(|a| a == "visible");
    let calib = fs::read_to_string(root.join(format!("calib/{seq}.txt"))).unwrap();
    let (tr, r0, p2) = (row(&calib, "Tr_velo_to_cam"), row(&calib, "R0_rect"), row(&calib, "P2"));
    let mut velo = Matrix4::identity();
    velo.fixed_view_mut::<3, 4>(0, 0).copy_from(&nalgebra::Matrix3x4::from_row_slice(&tr));
    let mut rect = Matrix4::identity();
    rect.fixed_view_mut::<3, 3>(0, 0).copy_from(&Matrix3::from_row_slice(&r0));
    let cam0_from_lidar = iso(&(rect * velo));
    let _ = p2;
    let calibration = Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73), camera: None };
    let cam_from_base = cam0_from_lidar * calibration.base_from_lidar.inverse();
    let mut files: Vec<_> = fs::read_dir(root.join(format!("velodyne/{seq}"))).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut text = String::new();
    let mut base = String::new();
    let mut segment = detect::SegmentDetector::new(detect::SegmentConfig { complete: !visible, ..Default::default() });
    let mut geometric = detect::GeometricDetector::new(detect::GeometricConfig::default());
    let mut cloud = PointCloud::default();
    let mut times = Vec::new();
    for (frame, file) in files.iter().enumerate() {
        let fields = ["x", "y", "z", "intensity"].iter().enumerate().map(|(i, n)| PointField { name: n.to_string(), offset: 4 * i, kind: PointKind::F32 }).collect();
        let sweep = LidarSweep { seq: 0, stamp: Stamp::default(), stride: 16, fields, data: fs::read(file).unwrap() };
        let a = Instant::now();
        decode::points(&sweep, &mut cloud).unwrap();
        let b = Instant::now();
        let found = if labels == "-" {
            geometric.step(&cloud, &calibration)
        } else {
            let bytes = fs::read(Path::new(labels).join(file.with_extension("lab").file_name().unwrap())).unwrap();
            let n = cloud.len();
            let class: Vec<Option<ObjectClass>> = bytes[..n].iter().map(|l| match l {
                1 => Some(ObjectClass::Car), 4 => Some(ObjectClass::Truck), 5 => Some(ObjectClass::Bus),
                2 | 7 => Some(ObjectClass::Cyclist), 3 | 8 => Some(ObjectClass::Motorcycle), 6 => Some(ObjectClass::Pedestrian), _ => None }).collect();
            let conf: Vec<f32> = bytes[n..].chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect();
            let b = Instant::now();
            let f = segment.step_slices(&cloud, &class, &conf, &calibration);
            let _ = b; f
        };
        times.push([(b - a).as_secs_f64() * 1e3, b.elapsed().as_secs_f64() * 1e3]);
        for d in found {
            let k = d.bbox;
            base += &format!("{frame} {} {:.3} {:.3} {:.3} {:.3} {:.3} {:.3} {:.4} {:.4} {}\n", d.class.name(), k.center[0], k.center[1], k.center[2], k.length, k.width, k.height, k.yaw, d.score, d.point_count);
            let name = match d.class { ObjectClass::Car | ObjectClass::Bus => "Car", ObjectClass::Truck => "Truck", ObjectClass::Pedestrian => "Pedestrian", ObjectClass::Cyclist => "Cyclist", _ => continue };
            let bottom = cam_from_base * nalgebra::Point3::new(k.center[0], k.center[1], k.center[2] - 0.5 * k.height);
            let dir = cam_from_base * nalgebra::Vector3::new(k.yaw.cos(), k.yaw.sin(), 0.0);
            let ry = (-dir.z).atan2(dir.x);
            text += &format!("{frame} -1 {name} -1 -1 -10 -1 -1 -1 -1 {:.4} {:.4} {:.4} {:.4} {:.4} {:.4} {:.4} {:.5}\n", k.height, k.width, k.length, bottom.x, bottom.y, bottom.z, ry, d.score);
        }
    }
    fs::write(out, text).unwrap();
    fs::write(format!("{out}.base"), base).unwrap();
    times.sort_by(|a, b| a[1].total_cmp(&b[1]));
    let mut decode_ms: Vec<f64> = times.iter().map(|t| t[0]).collect();
    decode_ms.sort_by(f64::total_cmp);
    eprintln!("decode p50 {:.2} ms max {:.2}; detect p50 {:.2} ms p90 {:.2} max {:.2}", decode_ms[decode_ms.len() / 2], decode_ms[decode_ms.len() - 1], times[times.len() / 2][1], times[times.len() * 9 / 10][1], times[times.len() - 1][1]);
}
