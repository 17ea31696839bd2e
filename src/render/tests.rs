//! The picture as a whole: what is where, what is missing, and that no number can break it.

use super::*;
use nalgebra::{Isometry3, Matrix3, UnitQuaternion, Vector3};
use types::{
    Box2, Box3, CameraModel, Candidate, Detection2, Detection3, ObjectClass, Phase, Pose2, PoseSource, PredictedPath,
    RoutePoint, StopKind, StopLine, Track, Trajectory, TrajectoryPoint, TruthObject, Verdict,
};

/// Everything a view borrows.
struct Scene {
    calibration: Calibration,
    vehicle: Vehicle,
    ego: EgoState,
    points: PointCloud,
    image: Image,
    detections: Detections,
    tracks: Tracks,
    plan: Plan,
    command: Command,
    route: Route,
    signals: Signals,
    truth: Truth,
}

fn track(id: u64, class: ObjectClass, bbox: Box3) -> Track {
    Track {
        id,
        class,
        existence: 1.0,
        bbox,
        velocity_mps: [0.0; 2],
        yaw_rate_radps: 0.0,
        covariance: [[0.0; 4]; 4],
        heading_covariance: [[0.0; 2]; 2],
        hits: 9,
        misses: 0,
    }
}

impl Scene {
    /// A car 20 m before and 10 m left of a vehicle that stands anywhere in `odom`; nothing else.
    fn new() -> Self {
        let pose = Isometry3::new(Vector3::new(300.0, -80.0, 5.0), Vector3::z() * 2.0);
        let bbox = Box3 { center: [20.0, 10.0, 0.8], length: 8.0, width: 4.0, height: 1.6, yaw: 0.0 };
        let k = Matrix3::new(700.0, 0.0, 600.0, 0.0, 700.0, 180.0, 0.0, 0.0, 1.0);
        let turn = Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0);
        let camera_from_lidar = Isometry3::from_parts(Vector3::zeros().into(), UnitQuaternion::from_matrix(&turn));
        Self {
            calibration: Calibration {
                base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73),
                camera: Some(CameraModel { width: 1200, height: 360, k, camera_from_lidar }),
            },
            vehicle: Vehicle::default(),
            ego: EgoState {
                stamp: Stamp::from_nanos(-5),
                odom_from_base: pose,
                speed_mps: 8.0,
                acceleration_mps2: 0.0,
                yaw_rate_radps: 0.0,
                source: PoseSource::Ins,
            },
            points: PointCloud::default(),
            image: Image { width: 1200, height: 360, rgb: vec![0; 1200 * 360 * 3] },
            detections: Detections::default(),
            tracks: Tracks { objects: vec![track(4, ObjectClass::Car, bbox.transformed(&pose))], ..Tracks::default() },
            plan: Plan::default(),
            command: Command { tick: 1, ..Command::default() },
            route: Route::default(),
            signals: Signals::default(),
            truth: Truth {
                seq: 0,
                stamp: Stamp::from_nanos(0),
                odom_from_base: nalgebra::Isometry3::identity(),
                objects: Vec::new(),
            },
        }
    }

    fn view(&self) -> View<'_> {
        View {
            title: "test",
            time_s: 1.0,
            frame: Some(3),
            stamp: Some(self.ego.stamp),
            calibration: &self.calibration,
            vehicle: &self.vehicle,
            ego: Some(&self.ego),
            points: Some(&self.points),
            image: Some(&self.image),
            detections: Some(&self.detections),
            tracks: Some(&self.tracks),
            plan: Some(&self.plan),
            command: Some(&self.command),
            route: &self.route,
            signals: Some(&self.signals),
            truth: Some(&self.truth),
        }
    }
}

static NO_ROUTE: Route = Route { points: Vec::new(), stops: Vec::new() };

fn empty<'a>(scene: &'a Scene) -> View<'a> {
    View {
        title: "",
        time_s: f64::NAN,
        frame: None,
        stamp: None,
        ego: None,
        points: None,
        image: None,
        detections: None,
        tracks: None,
        plan: None,
        command: None,
        route: &NO_ROUTE,
        signals: None,
        truth: None,
        ..scene.view()
    }
}

/// Pixels of exactly this color in a part of the picture: left, top, right, bottom.
fn count(image: &Image, color: colors::Color, [left, top, right, bottom]: [usize; 4]) -> usize {
    let at = |column: usize, row: usize| &image.rgb[3 * (row * image.width + column)..][..3];
    let all = (top..bottom).flat_map(|row| (left..right).map(move |column| (column, row)));
    all.filter(|&(column, row)| at(column, row) == [color.0, color.1, color.2]).count()
}

#[test]
fn a_box_ahead_and_left_lies_up_and_left_in_both_views() {
    let scene = Scene::new();
    let image = picture(&scene.view());
    let orange = colors::class(ObjectClass::Car);
    // 12.8 px/m; the rear axle is at column 12 + 406, row 44 + 768. The box spans 16..24 m ahead, 8..12 m left.
    assert!(count(&image, orange, [262, 502, 318, 610]) > 200, "outline");
    assert!(count(&image, orange, [420, 44, 824, 1068]) == 0, "nothing on the right");
    assert!(count(&image, orange, [12, 620, 824, 1068]) == 0, "nothing behind");
    // In the image it is left of the middle: 600 - 700 * 10 / 19 px and about 4 m wide.
    let (first, last) = (836, 836 + 1072);
    assert!(count(&image, orange, [first, 44, first + 400, 400]) > 100, "wireframe");
    assert!(count(&image, orange, [first + 420, 44, last, 400]) == 0, "nothing in the right half");
}

#[test]
fn the_same_view_gives_the_same_bytes_and_something_is_drawn() {
    let scene = Scene::new();
    let image = picture(&scene.view());
    assert_eq!((image.width, image.height, image.rgb.len()), (WIDTH, HEIGHT, WIDTH * HEIGHT * 3));
    assert!(image == picture(&scene.view()));
    let mut moved = Scene::new();
    moved.command.stop = Some(types::StopReason::Fault);
    assert!(image != picture(&moved.view()));
}

#[test]
fn what_is_missing_is_said() {
    let scene = Scene::new();
    let nothing = picture(&empty(&scene));
    assert!(count(&nothing, colors::ALARM, [12, 44, 824, 100]) > 50);
    let bare = Calibration { camera: None, ..scene.calibration.clone() };
    let blind = picture(&View { calibration: &bare, ..empty(&scene) });
    assert!(blind != nothing);
    let damaged = Image { width: 1200, height: 360, rgb: vec![0; 7] };
    let damaged = picture(&View { image: Some(&damaged), ..scene.view() });
    assert!(count(&damaged, colors::ALARM, [836, 44, 1908, 400]) > 50);
}

#[test]
fn no_number_breaks_the_picture() {
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -f64::MAX, 1e12, 0.0, -0.1, 30.0];
    let mut scene = Scene::new();
    for (i, &a) in bad.iter().enumerate() {
        for &b in &bad {
            let bbox = Box3 { center: [a, b, a], length: b, width: a, height: b, yaw: a };
            scene.tracks.objects.push(Track { velocity_mps: [a, b], ..track(i as u64, ObjectClass::Bus, bbox) });
            let class = ObjectClass::Cyclist;
            scene.detections.lidar.push(Detection3 {
                bbox,
                class,
                score: a,
                point_count: 0,
                camera: None,
                seen_after_s: 0.0,
            });
            let bbox = Box2 { x_min: a, y_min: b, x_max: b, y_max: a };
            scene.detections.camera.push(Detection2 { bbox, class, score: b });
            let (x, y) = (a as f32, b as f32);
            scene.plan.candidates.push(Candidate {
                verdict: Verdict::ALL[i],
                cost: b,
                path: [[x, y], [y, x], [0.0, x], [x, 0.0], [y, y], [x, x], [3.0, y], [x, 9.0]],
            });
            let poses = vec![[a, b, a], [b, a, b], [0.0; 3]];
            scene.plan.predictions.push(PredictedPath { track: i as u64, poses, step_s: b });
            let heading_rad = a;
            let point = TrajectoryPoint {
                time_s: b,
                x: a,
                y: b,
                heading_rad,
                curvature_1pm: a,
                speed_mps: b,
                acceleration_mps2: a,
            };
            scene.plan.trajectory.points.push(point);
            let pose = Pose2 { x: a, y: b, yaw: a };
            scene.route.points.push(RoutePoint { pose, left_m: a, right_m: b, speed_limit_mps: a });
            scene.route.stops.push(StopLine { s_m: a, area_m: b, kind: StopKind::Signal(i as u32) });
            scene.signals.phases.push((i as u32, Phase::Red));
            let bbox = Box3 { center: [a, b, a], length: b, width: a, height: b, yaw: a };
            scene.truth.objects.push(TruthObject {
                id: i as u64,
                class: ObjectClass::Car,
                bbox,
                velocity_mps: [a, b],
                points: 0,
                image: None,
                visible: a,
            });
            scene.points.x.push(x);
            scene.points.y.push(y);
            scene.points.z.push(x);
        }
    }
    scene.plan.trajectory.tail_start = usize::MAX;
    for &number in &bad {
        scene.command.steering_rad = number;
        scene.vehicle.width_m = number;
        scene.vehicle.rear_overhang_m = -number;
        scene.ego.yaw_rate_radps = number;
        if number.is_nan() {
            scene.ego.odom_from_base.translation.x = number;
        }
        let _ = picture(&View { time_s: number, ..scene.view() });
        scene.ego = Scene::new().ego;
        scene.calibration.base_from_lidar.translation.y = number;
        if let Some(camera) = &mut scene.calibration.camera {
            camera.k *= number;
        }
        let _ = picture(&scene.view());
        scene.calibration = Scene::new().calibration;
    }
    scene.plan.trajectory = Trajectory::default();
    let sizes = [[0, 0], [1, 100_000], [100_000, 1], [usize::MAX, usize::MAX]];
    for [width, height] in sizes {
        let rgb = vec![9; width.wrapping_mul(height).wrapping_mul(3).min(400_000)];
        let image = Image { width, height, rgb };
        if let Some(camera) = &mut scene.calibration.camera {
            (camera.width, camera.height) = (width, height);
        }
        let _ = picture(&View { image: Some(&image), ..scene.view() });
        let _ = picture(&View { image: None, ..scene.view() });
    }
}

#[test]
fn ten_thousand_of_everything_are_drawn() {
    let mut scene = Scene::new();
    let odom = scene.ego.pose();
    for i in 0..10_000u32 {
        let share = f64::from(i) / 10_000.0;
        let place = |x: f64, y: f64| odom.transform(x, y).map(|v| v as f32);
        let path = std::array::from_fn(|step| place(7.0 * step as f64, (share - 0.5) * step as f64));
        let verdict = Verdict::ALL[1 + i as usize % 8];
        scene.plan.candidates.push(Candidate { verdict, cost: share, path });
        let [x, y] = odom.transform(60.0 * share, 40.0 * (share * 611.0).fract() - 20.0);
        let bbox = Box3 { center: [x, y, 0.8], length: 1.0, width: 0.5, height: 1.6, yaw: share };
        scene.tracks.objects.push(track(u64::from(i), ObjectClass::Pedestrian, bbox));
    }
    let image = picture(&scene.view());
    assert!(count(&image, colors::class(ObjectClass::Pedestrian), [12, 44, 824, 812]) > 10_000);
}

#[test]
fn a_picture_is_saved_and_read_back() {
    let scene = Scene::new();
    let image = picture(&empty(&scene));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    save_png(&image, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let back = image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).unwrap().to_rgb8();
    assert!(back.into_raw() == image.rgb);
    let damaged = Image { width: 3, height: 3, rgb: vec![0; 5] };
    assert!(save_png(&damaged, &path).unwrap_err().to_string().contains("3 x 3"));
    assert!(save_png(&image, &folder.path().join("no/such/folder.png")).is_err());
}
