//! The tracker over simulated objects.

use super::*;
use nalgebra::Isometry3;
use proptest::prelude::*;
use types::{Box3, Detection3, ObjectClass, PoseSource};

fn stamp(frame: u64) -> Stamp {
    Stamp::from_nanos(5_000_000_000 + 100_000_000 * frame as i64)
}

/// The ego drives straight at `speed_mps`.
fn ego(frame: u64, speed_mps: f64) -> EgoState {
    EgoState {
        stamp: stamp(frame),
        odom_from_base: Isometry3::translation(0.1 * frame as f64 * speed_mps, 0.0, 0.0),
        speed_mps,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.0,
        source: PoseSource::Ins,
    }
}

fn car(x: f64, y: f64) -> Detection3 {
    let bbox = Box3 { center: [x, y, 0.8], length: 4.4, width: 1.8, height: 1.6, yaw: 0.0 };
    Detection3 { bbox, class: ObjectClass::Car, score: 0.8, point_count: 200, camera: None, seen_after_s: 0.0 }
}

fn seen(frame: u64, lidar: Vec<Detection3>) -> Detections {
    Detections { frame, stamp: stamp(frame), camera: Vec::new(), lidar }
}

#[test]
fn a_parked_car_stands_while_the_ego_drives_and_an_oncoming_one_moves() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..30 {
        let ego = ego(frame, 10.0);
        let passed = 0.1 * frame as f64 * 10.0;
        let oncoming = 60.0 - 0.1 * frame as f64 * 12.0;
        let tracks = tracker.step(&seen(frame, vec![car(40.0 - passed, 4.0), car(oncoming - passed, -3.0)]), &ego);
        assert_eq!(tracks.objects.iter().map(|track| track.id).collect::<Vec<_>>(), [1, 2], "{frame}");
        if frame > 5 {
            let [parked, moving] = [tracks.objects[0], tracks.objects[1]];
            assert_eq!(parked.velocity_mps, [0.0, 0.0]);
            assert!((moving.velocity_mps[0] + 12.0).abs() < 0.5, "{frame}: {:?}", moving.velocity_mps);
            assert!((moving.bbox.center[0] - oncoming).abs() < 0.3);
        }
    }
}

#[test]
fn a_view_that_grows_makes_no_speed() {
    // A parked car of which the rear shows first and more of the side as the ego comes by.
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..40 {
        let length = (1.5 + 0.1 * frame as f64).min(4.4);
        let mut part = car(20.0 + 0.5 * length, 3.0);
        part.bbox.length = length;
        let tracks = tracker.step(&seen(frame, vec![part]), &ego(frame, 0.0));
        let track = tracks.objects[0];
        assert_eq!(track.velocity_mps, [0.0, 0.0], "{frame}");
        assert!((track.bbox.center[0] - 0.5 * track.bbox.length - 20.0).abs() < 0.25, "{frame}: {track:?}");
    }
}

#[test]
fn a_box_that_flips_by_a_quarter_keeps_its_heading() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..30 {
        let mut detection = car(10.0 + 0.8 * frame as f64, 0.0);
        if frame % 3 == 1 {
            let bbox = &mut detection.bbox;
            (bbox.length, bbox.width, bbox.yaw) = (bbox.width, bbox.length, std::f64::consts::FRAC_PI_2);
        }
        let tracks = tracker.step(&seen(frame, vec![detection]), &ego(frame, 0.0));
        let track = tracks.objects[0];
        assert!(track.bbox.yaw.abs() < 0.1 && track.bbox.length > 4.0, "{frame}: {track:?}");
    }
}

#[test]
fn a_heading_that_starts_wrong_is_mended_by_the_motion() {
    let mut tracker = Tracker::new(Config::default());
    let mut last = Tracks::default();
    for frame in 0..25 {
        let mut detection = car(10.0, 1.0 * frame as f64);
        (detection.bbox.length, detection.bbox.width) = (1.9, 1.8);
        last = tracker.step(&seen(frame, vec![detection]), &ego(frame, 0.0)).clone();
    }
    let track = last.objects[0];
    assert!((track.bbox.yaw - std::f64::consts::FRAC_PI_2).abs() < 0.15, "{track:?}");
    assert!((track.velocity_mps[1] - 10.0).abs() < 0.7, "{track:?}");
}

#[test]
fn an_id_outlives_twenty_misses_and_coasts_for_two() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..40 {
        let missed = (12..32).contains(&frame);
        let lidar = if missed { vec![] } else { vec![car(20.0 + 0.6 * frame as f64, 0.0)] };
        let tracks = tracker.step(&seen(frame, lidar), &ego(frame, 0.0));
        let told = !(14..32).contains(&frame);
        assert_eq!(tracks.objects.len(), usize::from(told), "{frame}");
        assert!(tracks.objects.iter().all(|track| track.id == 1));
    }
}

#[test]
fn what_another_object_hides_is_told_for_longer() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..24 {
        // A parked car behind which another one stands, and a third that is simply gone.
        let mut lidar = vec![car(10.0, 0.0)];
        if frame < 12 {
            lidar.extend([car(20.0, 0.3), car(20.0, 12.0)]);
        }
        let ids: Vec<_> =
            tracker.step(&seen(frame, lidar), &ego(frame, 0.0)).objects.iter().map(|track| track.id).collect();
        let expected: &[u64] = match frame {
            0..14 => &[1, 2, 3],
            14..16 => &[1, 2],
            _ => &[1],
        };
        assert_eq!(ids, expected, "{frame}");
    }
}

#[test]
fn a_rider_found_as_a_pedestrian_too_is_one_rider() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..20 {
        let x = 8.0 + 0.5 * frame as f64;
        let look = |class, length, score| {
            let bbox = Box3 { center: [x, 2.0, 0.9], length, width: 0.6, height: 1.7, yaw: 0.0 };
            Detection3 { bbox, class, score, point_count: 50, camera: None, seen_after_s: 0.0 }
        };
        // For a moment the detector believes more in the pedestrian.
        let doubt = if (8..11).contains(&frame) { 0.95 } else { 0.6 };
        let lidar = vec![look(ObjectClass::Pedestrian, 0.7, doubt), look(ObjectClass::Cyclist, 1.8, 0.9)];
        let tracks = tracker.step(&seen(frame, lidar), &ego(frame, 0.0));
        assert_eq!(tracks.objects.len(), 1, "{frame}");
        let track = tracks.objects[0];
        assert_eq!((track.id, track.class), (1, ObjectClass::Cyclist), "{frame}");
        assert!((track.bbox.length - 1.8).abs() < 1e-6, "{frame}: {track:?}");
    }
}

#[test]
fn a_car_in_a_bend_is_predicted_along_the_bend() {
    let mut tracker = Tracker::new(Config::default());
    let (radius, rate) = (15.0, 0.6);
    let mut worst: f64 = 0.0;
    for frame in 0..40 {
        let angle = 0.1 * rate * frame as f64;
        let mut detection = car(30.0 + radius * angle.sin(), radius * (1.0 - angle.cos()));
        detection.bbox.yaw = angle;
        let missed = frame >= 38;
        let lidar = if missed { vec![] } else { vec![detection] };
        let tracks = tracker.step(&seen(frame, lidar), &ego(frame, 0.0));
        let track = tracks.objects[0];
        if missed {
            let off = [0, 1].map(|axis| track.bbox.center[axis] - detection.bbox.center[axis]);
            worst = worst.max(off[0].hypot(off[1]));
            assert!((track.yaw_rate_radps - rate).abs() < 0.15, "{track:?}");
        }
    }
    assert!(worst < 0.25, "{worst} m off after two frames unseen");
}

#[test]
fn weak_objects_need_two_hits_and_strong_ones_show_at_once() {
    let mut tracker = Tracker::new(Config::default());
    let first = tracker.step(&seen(0, vec![car(10.0, 0.0)]), &ego(0, 0.0));
    assert_eq!(first.objects.len(), 1, "nothing is hidden in the first frame");
    let sure = Detection3 { score: 0.95, ..car(20.0, 5.0) };
    let second = tracker.step(&seen(1, vec![car(10.0, 0.0), car(30.0, -5.0), sure]), &ego(1, 0.0));
    assert_eq!(second.objects.len(), 2);
    let third = tracker.step(&seen(2, vec![car(10.0, 0.0), car(30.0, -5.0)]), &ego(2, 0.0));
    assert_eq!(third.objects.iter().map(|track| track.id).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_class_is_what_most_looks_say() {
    let mut tracker = Tracker::new(Config::default());
    let mut last = Tracks::default();
    for frame in 0..12 {
        let class = match frame % 3 {
            0 => ObjectClass::Unknown,
            1 => ObjectClass::Truck,
            _ => ObjectClass::Truck,
        };
        last = tracker.step(&seen(frame, vec![Detection3 { class, ..car(10.0, 0.0) }]), &ego(frame, 0.0)).clone();
    }
    assert_eq!((last.objects.len(), last.objects[0].class), (1, ObjectClass::Truck));
}

#[test]
fn stamps_that_do_not_advance_change_nothing_and_gaps_forget() {
    let mut tracker = Tracker::new(Config::default());
    let first = tracker.step(&seen(3, vec![car(10.0, 0.0)]), &ego(3, 0.0)).clone();
    for frame in [3, 1] {
        let again = tracker.step(&seen(frame, vec![car(50.0, 0.0); 3]), &ego(frame, 0.0));
        assert_eq!(again.objects, first.objects);
    }
    let later = tracker.step(&seen(100, vec![car(10.0, 0.0)]), &ego(100, 0.0));
    assert_eq!(later.objects.iter().map(|track| track.id).collect::<Vec<_>>(), [2]);
    let earlier = tracker.step(&seen(0, vec![]), &ego(0, 0.0));
    assert!(earlier.objects.is_empty());
}

#[test]
fn a_drive_that_runs_backwards_is_silent_but_sound() {
    let mut tracker = Tracker::new(Config::default());
    let mut ids = Vec::new();
    for frame in (0..200).rev() {
        let tracks = tracker.step(&seen(frame, vec![car(10.0, 0.0)]), &ego(frame, 0.0));
        ids.extend(tracks.objects.iter().map(|track| track.id));
    }
    // A frame of the past changes nothing until the clock has gone back by more than 5 s.
    ids.dedup();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[test]
fn what_is_not_finite_is_left_out() {
    let mut tracker = Tracker::new(Config::default());
    let broken = |f: fn(&mut Detection3)| {
        let mut detection = car(10.0, 0.0);
        f(&mut detection);
        detection
    };
    let bad = vec![
        broken(|d| d.bbox.center[1] = f64::NAN),
        broken(|d| d.bbox.length = f64::INFINITY),
        broken(|d| d.bbox.width = -1.0),
        broken(|d| d.bbox.yaw = f64::NEG_INFINITY),
        broken(|d| d.score = f64::NAN),
        broken(|d| d.bbox.center[0] = 1e300),
        broken(|d| d.bbox.height = 1e9),
    ];
    for frame in 0..4 {
        assert!(tracker.step(&seen(frame, bad.clone()), &ego(frame, 5.0)).objects.is_empty());
    }
    let flat = broken(|d| (d.bbox.length, d.bbox.width, d.bbox.height, d.score) = (0.0, 0.0, 0.0, 7.0));
    for frame in 4..8 {
        let tracks = tracker.step(&seen(frame, vec![flat]), &ego(frame, 5.0));
        assert!(tracks.objects.iter().all(|track| track.bbox.is_valid() && track.existence.is_finite()));
    }
    let lost = EgoState { speed_mps: f64::NAN, ..ego(8, 5.0) };
    tracker.step(&seen(8, vec![flat]), &lost);
}

#[test]
fn ten_thousand_detections_pass() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..3 {
        let spread = |i: u64| car(((i * 37 + frame) % 160) as f64 - 80.0, ((i * 91) % 120) as f64 - 60.0);
        let tracks = tracker.step(&seen(frame, (0..10_000).map(spread).collect()), &ego(frame, 3.0));
        assert!(tracks.objects.len() <= MOST);
        let crowd = seen(frame + 10, vec![car(10.0, 0.0); 600]);
        assert!(tracker.clone().step(&crowd, &ego(frame + 10, 3.0)).objects.len() <= MOST);
    }
}

/// Numbers that no detector should give.
const ODD: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300, 0.0];

fn detection() -> impl Strategy<Value = Detection3> {
    let class = prop::sample::select(ObjectClass::ALL.as_slice());
    let place = (-20.0..20.0f64, -20.0..20.0f64, -4.0..4.0f64);
    let size = (0.2..6.0f64, 0.2..3.0f64);
    (class, place, size, 0.0..1.0f64).prop_map(|(class, (x, y, yaw), (length, width), score)| {
        let bbox = Box3 { center: [x, y, 0.7], length, width, height: 1.5, yaw };
        Detection3 { bbox, class, score, point_count: 9, camera: None, seen_after_s: 0.0 }
    })
}

proptest! {
    #[test]
    fn the_order_of_detections_never_matters(
        frames in prop::collection::vec(prop::collection::vec((detection(), 0..1000u32), 0..12), 1..8),
    ) {
        let (mut plain, mut shuffled) = (Tracker::new(Config::default()), Tracker::new(Config::default()));
        for (frame, detections) in (0u64..).zip(&frames) {
            let mut other = detections.clone();
            other.sort_by_key(|(_, place)| *place);
            let list = |all: &[(Detection3, u32)]| all.iter().map(|(detection, _)| *detection).collect();
            let first = plain.step(&seen(frame, list(detections)), &ego(frame, 4.0));
            let second = shuffled.step(&seen(frame, list(&other)), &ego(frame, 4.0));
            prop_assert_eq!(&first, &second);
            prop_assert!(first.objects.windows(2).all(|pair| pair[0].id < pair[1].id));
            for track in &first.objects {
                prop_assert!(track.bbox.is_valid() && track.speed_mps().is_finite() && track.yaw_rate_radps.is_finite());
                prop_assert!((0.0..=1.0).contains(&track.existence));
                prop_assert!(track.covariance.iter().flatten().all(|v| v.is_finite()));
            }
        }
    }

    /// Whatever comes, in whatever order of time: numbers that are none, copies, steps back, gaps.
    #[test]
    fn whatever_comes_leaves_the_tracks_sound(
        frames in prop::collection::vec(
            (-80i64..80, prop::collection::vec((detection(), prop::sample::select(ODD.as_slice()), 0..9usize), 0..12)),
            1..12,
        ),
    ) {
        let mut tracker = Tracker::new(Config::default());
        let (mut time, mut newest) = (200i64, 0);
        for (step, detections) in &frames {
            // From 8 s back to 8 s ahead: beyond 5 s all is forgotten.
            time = (time + step).max(0);
            let spoil = |(mut detection, odd, place): (Detection3, f64, usize)| {
                let bbox = &mut detection.bbox;
                match place {
                    0..3 => bbox.center[place] = odd,
                    3 => bbox.length = odd,
                    4 => bbox.width = odd,
                    5 => bbox.height = odd,
                    6 => bbox.yaw = odd,
                    7 => detection.score = odd,
                    _ => {}
                }
                [detection, detection]
            };
            let list: Vec<_> = detections.iter().copied().flat_map(spoil).collect();
            let tracks = tracker.step(&seen(time as u64, list), &ego(time as u64, 4.0));
            prop_assert!(tracks.objects.windows(2).all(|pair| pair[0].id < pair[1].id));
            for track in &tracks.objects {
                prop_assert!(track.bbox.is_valid() && track.speed_mps().is_finite());
                prop_assert!((0.0..=1.0).contains(&track.existence));
                prop_assert!(track.covariance.iter().flatten().all(|v| v.is_finite()));
                newest = newest.max(track.id);
            }
            let followed: Vec<u64> = tracker.followed().map(|track| track.id).collect();
            prop_assert!(followed.iter().all(|id| *id < tracker.next_id) && newest < tracker.next_id);
        }
    }
}
