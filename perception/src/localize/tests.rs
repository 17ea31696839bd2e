//! The localizer over simulated drives.

use super::*;
use nalgebra::Point3;
use std::f64::consts::TAU;

/// A fixed number in 0..1 that looks random.
fn hash(i: i32, k: u32) -> f64 {
    let mixed = (i as u32).wrapping_mul(2_654_435_761) ^ k.wrapping_mul(2_246_822_519);
    f64::from((mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 8) / f64::from(1 << 24)
}

/// A street of 160 m: ground, two walls with bays, and trees, as points scattered over them.
fn street() -> Vec<Point3<f64>> {
    let mut points = Vec::new();
    for i in 0..8000 {
        points.push(Point3::new(160.0 * hash(i, 1) - 80.0, 20.0 * hash(i, 2) - 10.0, 0.0));
    }
    for i in 0..6000 {
        let (x, z) = (160.0 * hash(i, 3) - 80.0, 3.0 * hash(i, 4));
        let bay = if (x / 5.0).floor() as i32 % 3 == 0 { 2.0 } else { 0.0 };
        points.push(Point3::new(x, if i % 2 == 0 { 11.0 + bay } else { -10.0 - bay }, z));
    }
    for tree in 0..60 {
        let (x, y) = (120.0 * hash(tree, 5) - 60.0, 3.5 + 5.0 * hash(tree, 6));
        let y = if tree % 2 == 0 { y } else { -y };
        for k in 0..40 {
            let angle = f64::from(k) * 0.7;
            points.push(Point3::new(x + 0.25 * angle.cos(), y + 0.25 * angle.sin(), 0.08 * f64::from(k)));
        }
    }
    points
}

fn calibration() -> Calibration {
    Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73), camera: None }
}

/// What the lidar sees of the street from a pose of `base_link`, with a little noise that differs from frame to frame.
fn sweep(street: &[Point3<f64>], base: &Isometry3<f64>, frame: u64) -> PointCloud {
    let lidar_from_odom = (base * calibration().base_from_lidar).inverse();
    let mut cloud = PointCloud::default();
    for (i, point) in street.iter().enumerate() {
        let p = lidar_from_odom * point;
        let noise = 0.01 * ((i as u64 * 7919 + frame * 104_729) as f64).sin();
        if p.coords.norm() < 50.0 {
            cloud.x.push((p.x + noise) as f32);
            cloud.y.push((p.y - noise) as f32);
            cloud.z.push((p.z + noise) as f32);
        }
    }
    cloud.intensity.resize(cloud.x.len(), 0.5);
    cloud
}

fn stamp(frame: u64) -> Stamp {
    Stamp::from_nanos(1_000_000_000 + 100_000_000 * frame as i64)
}

/// A gentle left bend at 6 m/s.
fn truth(frame: u64) -> EgoState {
    let start = EgoState {
        stamp: stamp(0),
        odom_from_base: Isometry3::identity(),
        speed_mps: 6.0,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.05,
        source: PoseSource::Ins,
    };
    start.extrapolated(stamp(frame))
}

fn fix(frame: u64) -> InsFix {
    InsFix { seq: frame, state: truth(frame) }
}

fn go(
    localizer: &mut Localizer,
    frame: u64,
    ins: Option<&InsFix>,
    cloud: Option<&PointCloud>,
) -> Result<EgoState, StepError> {
    localizer.step(frame, stamp(frame), &Senses { ins, wheels: None, cloud }, &calibration())
}

/// The kinds of what was odd in the last step.
fn kinds(localizer: &Localizer) -> Vec<&'static str> {
    localizer.findings().iter().map(Finding::kind).collect()
}

fn distance(a: &EgoState, b: &EgoState) -> f64 {
    (a.odom_from_base.translation.vector - b.odom_from_base.translation.vector).norm()
}

#[test]
fn lidar_alone_follows_a_bend() {
    let street = street();
    let mut localizer = Localizer::new(Config::default());
    for frame in 0..30 {
        let cloud = sweep(&street, &truth(frame).odom_from_base, frame);
        let state = go(&mut localizer, frame, None, Some(&cloud)).unwrap();
        assert_eq!(state.source, PoseSource::LidarOdometry);
        assert!(distance(&state, &truth(frame)) < 0.15, "{frame}: {}", distance(&state, &truth(frame)));
        if frame > 10 {
            assert!((state.speed_mps - 6.0).abs() < 0.3, "{frame}: {}", state.speed_mps);
            assert!((state.yaw_rate_radps - 0.05).abs() < 0.02, "{frame}: {}", state.yaw_rate_radps);
            assert!(state.acceleration_mps2.abs() < 1.5, "{frame}: {}", state.acceleration_mps2);
        }
    }
}

#[test]
fn points_of_a_moving_sweep_are_straightened() {
    let street = street();
    let mut localizer = Localizer::new(Config::default());
    for frame in 0..20u64 {
        // Each point is seen from where the vehicle is when the beam points at it.
        let parts: Vec<_> = (0..10)
            .map(|part| {
                let seconds = 0.01 * f64::from(part);
                (sweep(&street, &truth(frame).extrapolated(stamp(frame).offset(seconds)).odom_from_base, frame), part)
            })
            .collect();
        let mut cloud = PointCloud::default();
        for (seen, part) in &parts {
            for i in 0..seen.len() {
                let angle = f64::from(seen.y[i]).atan2(f64::from(seen.x[i])) + 0.5 * TAU;
                if (angle / TAU * 10.0) as i32 == *part {
                    cloud.x.push(seen.x[i]);
                    cloud.y.push(seen.y[i]);
                    cloud.z.push(seen.z[i]);
                    cloud.time_ns.push(10_000_000 * *part as u32);
                }
            }
        }
        let state = go(&mut localizer, frame, None, Some(&cloud)).unwrap();
        assert!(distance(&state, &truth(frame)) < 0.45, "{frame}: {}", distance(&state, &truth(frame)));
        if frame > 10 {
            assert!((state.speed_mps - 6.0).abs() < 0.3, "{frame}: {}", state.speed_mps);
        }
    }
}

#[test]
fn a_standing_vehicle_stays() {
    let street = street();
    let mut localizer = Localizer::new(Config::default());
    for frame in 0..60 {
        // Brakes from 4 m/s to zero within 2 s, then stands.
        let time = (0.1 * frame as f64).min(2.0);
        let base = Isometry3::translation(4.0 * time - time * time, 0.0, 0.0);
        let cloud = sweep(&street, &base, frame);
        let state = go(&mut localizer, frame, None, Some(&cloud)).unwrap();
        let off = state.odom_from_base.translation.x - base.translation.x;
        assert!(off.abs() < 0.15, "{frame}: {off}");
        if frame > 30 {
            assert_eq!((state.speed_mps, state.yaw_rate_radps), (0.0, 0.0), "{frame}");
        }
    }
}

#[test]
fn fixes_come_and_go_without_a_jump() {
    let street = street();
    let mut localizer = Localizer::new(Config::default());
    let mut last: Option<EgoState> = None;
    let mut said = Vec::new();
    for frame in 0..60 {
        let cloud = sweep(&street, &truth(frame).odom_from_base, frame);
        // Gone from 20 to 39, and 3 m off when they return.
        let mut fix = fix(frame);
        if frame >= 40 {
            fix.state.odom_from_base = Isometry3::translation(2.0, -2.0, 0.5) * fix.state.odom_from_base;
        }
        if frame % 7 == 3 {
            fix.state.speed_mps = f64::NAN;
        }
        let given = (!(20..40).contains(&frame)).then_some(&fix);
        let state = go(&mut localizer, frame, given, Some(&cloud)).unwrap();
        assert!(distance(&state, &truth(frame)) < 0.25, "{frame}: {}", distance(&state, &truth(frame)));
        // The first one stands for the pose; after the gap the fixes do not fit until their frame is moved.
        let expected = match frame {
            0 => PoseSource::Ins,
            20..44 => PoseSource::LidarOdometry,
            _ if frame % 7 == 3 => PoseSource::LidarOdometry,
            _ => PoseSource::Fused,
        };
        assert_eq!(state.source, expected, "{frame}: {:?}", localizer.findings());
        if let Some(last) = last {
            assert!((distance(&state, &last) - 0.6).abs() < 0.12, "{frame}: {}", distance(&state, &last));
        }
        last = Some(state);
        said.extend(kinds(&localizer));
    }
    let count = |kind: &str| said.iter().filter(|said| **said == kind).count();
    assert_eq!((count("GPS/INS jumps"), count("GPS/INS frame moved"), said.len()), (5, 1, 6), "{said:?}");
}

#[test]
fn a_jump_of_the_fixes_is_bridged() {
    let mut localizer = Localizer::new(Config::default());
    for frame in 0..20 {
        let mut fix = fix(frame);
        if frame >= 10 {
            fix.state.odom_from_base = Isometry3::translation(80.0, 0.0, 0.0) * fix.state.odom_from_base;
        }
        let state = go(&mut localizer, frame, Some(&fix), None).unwrap();
        assert!(distance(&state, &truth(frame)) < 0.05, "{frame}: {}", distance(&state, &truth(frame)));
        assert_eq!(kinds(&localizer).contains(&"GPS/INS jumps"), (10..15).contains(&frame), "{frame}");
        assert_eq!(kinds(&localizer).contains(&"GPS/INS frame moved"), frame == 14, "{frame}");
    }
}

/// GPS/INS that measures `share` of the way of a straight drive, and a wheel speed sensor that is off by a percent.
fn drive_with_poor_fixes(share: f64, slipping: bool) -> (EgoState, EgoState, Vec<&'static str>) {
    let street = street();
    let mut localizer = Localizer::new(Config::default());
    let (mut said, mut last) = (Vec::new(), None);
    for frame in 0..60 {
        let base = Isometry3::translation(0.6 * frame as f64 - 20.0, 0.0, 0.0);
        let truth = EgoState { odom_from_base: base, yaw_rate_radps: 0.0, ..truth(0) };
        let truth = EgoState { stamp: stamp(frame), ..truth };
        let measured = Isometry3::translation(0.6 * share * frame as f64 - 20.0, 0.0, 0.0);
        let fix = InsFix { seq: frame, state: EgoState { odom_from_base: measured, ..truth } };
        let speed_mps = if slipping && frame == 30 { 15.0 } else { 6.06 };
        let wheels = WheelSpeed { seq: frame, stamp: stamp(frame), speed_mps };
        let cloud = sweep(&street, &base, frame);
        let senses = Senses { ins: Some(&fix), wheels: Some(&wheels), cloud: Some(&cloud) };
        let state = localizer.step(frame, stamp(frame), &senses, &calibration()).unwrap();
        said.extend(kinds(&localizer));
        last = Some((state, truth));
    }
    let (state, truth) = last.unwrap();
    (state, truth, said)
}

#[test]
fn a_way_that_gps_ins_measures_too_short_is_noticed_and_not_followed() {
    let (state, truth, said) = drive_with_poor_fixes(0.95, false);
    assert!(said.iter().filter(|kind| **kind == "GPS/INS disagrees with lidar odometry").count() > 20, "{said:?}");
    // GPS/INS alone is 1.8 m off here.
    assert!(distance(&state, &truth) < 0.4, "{}", distance(&state, &truth));
    assert_eq!(state.source, PoseSource::Fused);
}

#[test]
fn good_fixes_are_followed_without_a_word_and_a_slipping_wheel_is_left_out() {
    let (state, truth, said) = drive_with_poor_fixes(1.0, true);
    assert_eq!(said, ["wheels slip"]);
    assert!(distance(&state, &truth) < 0.05, "{}", distance(&state, &truth));
    assert!((state.speed_mps - 6.0).abs() < 0.05, "{}", state.speed_mps);
}

#[test]
fn on_bare_ground_the_fixes_are_followed_and_the_lidar_alone_is_refused() {
    // Rings on flat ground: they look the same wherever the vehicle is.
    let mut cloud = PointCloud::default();
    for ring in 0..40 {
        let radius = 4.0 + 0.05 * f64::from(ring * ring);
        for step in 0..400 {
            let angle = TAU * f64::from(step) / 400.0;
            cloud.x.push((radius * angle.cos()) as f32);
            cloud.y.push((radius * angle.sin()) as f32);
            cloud.z.push(-1.73 + 0.005 * (7.0 * f64::from(ring) + 3.0 * f64::from(step)).sin() as f32);
        }
    }
    let (mut fused, mut alone) = (Localizer::new(Config::default()), Localizer::new(Config::default()));
    let mut refused = 0;
    for frame in 0..40 {
        let state = go(&mut fused, frame, Some(&fix(frame)), Some(&cloud)).unwrap();
        assert!(distance(&state, &truth(frame)) < 0.3, "{frame}: {}", distance(&state, &truth(frame)));
        refused += u32::from(go(&mut alone, frame, None, Some(&cloud)).is_err());
    }
    assert!(refused >= 20, "{refused}");
}

#[test]
fn without_sensors_the_motion_goes_on_for_a_few_frames_only() {
    let mut localizer = Localizer::new(Config::default());
    let empty = PointCloud::default();
    assert!(matches!(go(&mut localizer, 0, None, None), Err(StepError::Skip(_))));
    go(&mut localizer, 0, Some(&fix(0)), None).unwrap();
    for frame in 1..=5 {
        let state = go(&mut localizer, frame, None, Some(&empty)).unwrap();
        assert!(distance(&state, &truth(frame)) < 1e-9);
    }
    for frame in 6..10 {
        let refused = go(&mut localizer, frame, None, None);
        assert!(matches!(&refused, Err(StepError::Skip(text)) if text.contains("held of 5")), "{refused:?}");
    }
    let state = go(&mut localizer, 10, Some(&fix(10)), None).unwrap();
    assert!(distance(&state, &truth(10)) < 1e-9);
}

#[test]
fn another_place_is_refused_and_the_old_one_found_again() {
    let street = street();
    let mut localizer = Localizer::new(Config::default());
    let turned = Isometry3::rotation(Vector3::z() * 1.2);
    let mut refused = 0;
    for frame in 0..24 {
        let mut base = truth(0).odom_from_base;
        if (8..18).contains(&frame) {
            base = Isometry3::translation(12.0, 4.0, 0.0) * turned;
        }
        let cloud = sweep(&street, &base, frame);
        match go(&mut localizer, frame, None, Some(&cloud)) {
            Ok(state) => assert!(distance(&state, &truth(0)) < 0.1, "{frame}"),
            Err(_) => refused += 1,
        }
    }
    assert_eq!(refused, 5);
}

#[test]
fn poor_clouds_and_stamps_break_nothing() {
    let cloud = |points: Vec<[f32; 3]>| {
        let column = |axis: usize| points.iter().map(|p| p[axis]).collect::<Vec<_>>();
        PointCloud { x: column(0), y: column(1), z: column(2), ..PointCloud::default() }
    };
    let line = |step: f32| (0..2000).map(|i| [5.0 + step * i as f32, 0.0, 0.0]).collect::<Vec<_>>();
    let clouds = [
        cloud(vec![]),
        cloud(vec![[10.0, 0.0, 0.0]]),
        cloud(vec![[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 10.0]]),
        cloud(vec![[10.0, 1.0, 0.0]; 3000]),
        cloud(line(0.0)),
        cloud(line(0.04)),
    ];
    let street = street();
    for poor in &clouds {
        for start in [false, true] {
            let mut localizer = Localizer::new(Config::default());
            for frame in 0..12 {
                let good = start && frame < 4;
                let seen = if good { &sweep(&street, &truth(frame).odom_from_base, frame) } else { poor };
                if let Ok(state) = go(&mut localizer, frame, None, Some(seen)) {
                    assert!(state.is_finite());
                    let again = go(&mut localizer, frame, None, Some(seen));
                    assert!(matches!(again, Err(StepError::Skip(_))));
                }
            }
        }
    }
}

#[test]
fn equal_drives_give_equal_bits() {
    let street = street();
    let drive = || {
        let mut localizer = Localizer::new(Config::default());
        (0..8)
            .map(|frame| {
                let cloud = sweep(&street, &truth(frame).odom_from_base, frame);
                go(&mut localizer, frame, None, Some(&cloud)).unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(drive(), drive());
}

/// A motorway: a smooth road between guard rails, a sign now and then, and a queue of traffic on both sides that drives as fast as the ego.
fn motorway(way_m: f64) -> Vec<Point3<f64>> {
    let mut points = Vec::new();
    for i in 0..6000 {
        points.push(Point3::new(way_m + 100.0 * hash(i, 1) - 50.0, 14.0 * hash(i, 2) - 7.0, 0.0));
        let side = if i % 2 == 0 { 7.0 } else { -7.0 };
        points.push(Point3::new(way_m + 100.0 * hash(i, 3) - 50.0, side, 0.4 + 0.3 * hash(i, 4)));
    }
    for car in 0..12 {
        let (x, y): (f64, f64) = (way_m + 8.0 * f64::from(car / 2) - 22.0, if car % 2 == 0 { 3.5 } else { -3.5 });
        for k in 0..60 {
            let (u, z) = (hash(k, 5), 0.2 + 1.2 * hash(k, 6));
            points.push(Point3::new(x + 4.0 * u, y - 0.9 * y.signum(), z));
            points.push(Point3::new(x, y + 1.8 * u - 0.9, z));
        }
    }
    for sign in -2..12 {
        for k in 0..40 {
            points.push(Point3::new(20.0 * f64::from(sign), 7.5, 0.06 * f64::from(k)));
        }
    }
    points
}

#[test]
fn traffic_that_drives_along_does_not_hold_the_vehicle_back() {
    for speed_mps in [5.0, 20.0] {
        let mut localizer = Localizer::new(Config::default());
        for frame in 0..40 {
            let way_m = 0.1 * speed_mps * frame as f64;
            let base = Isometry3::translation(way_m, 0.0, 0.0);
            let truth =
                EgoState { stamp: stamp(frame), odom_from_base: base, speed_mps, yaw_rate_radps: 0.0, ..truth(0) };
            // GPS/INS that wanders by a decimetre, wheels that are off by a percent.
            let wander = Isometry3::translation(0.1 * (0.1 * frame as f64).sin(), 0.0, 0.0);
            let fix = InsFix { seq: frame, state: EgoState { odom_from_base: wander * base, ..truth } };
            let wheels = WheelSpeed { seq: frame, stamp: stamp(frame), speed_mps: 1.01 * speed_mps };
            let cloud = sweep(&motorway(way_m), &base, frame);
            let senses = Senses { ins: Some(&fix), wheels: Some(&wheels), cloud: Some(&cloud) };
            let state = localizer.step(frame, stamp(frame), &senses, &calibration()).unwrap();
            assert!(distance(&state, &truth) < 0.12, "{frame}: {}", distance(&state, &truth));
            assert!(kinds(&localizer).is_empty(), "{frame}: {:?}", localizer.findings());
        }
    }
}
