//! The approach to a red light: camera and lidar, both public networks, the whole stack. Protects: boxes equal the
//! reference of the network, the lead car is one track with its rear where it is, and the plan stops behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::Message;
use std::collections::BTreeMap;
use support::{messages, public_networks, real_drives, shared_data, succeed, text};
use types::{Box2, DecisionKind, Detections, EgoState, Plan, Track, Tracks};

/// Where the lidar sits before the rear axle in this data set, m.
const LIDAR_X: f64 = 0.76;

#[derive(Default)]
struct Frames {
    ego: BTreeMap<u64, EgoState>,
    detections: BTreeMap<u64, Detections>,
    tracks: BTreeMap<u64, Tracks>,
    plans: BTreeMap<u64, Plan>,
}

fn frames(drive: &std::path::Path) -> Frames {
    let mut frames = Frames::default();
    for message in messages(drive) {
        match message {
            Message::Ego { frame, state } => drop(frames.ego.insert(frame, state)),
            Message::Detections(detections) => drop(frames.detections.insert(detections.frame, detections)),
            Message::Tracks(tracks) => drop(frames.tracks.insert(tracks.frame, tracks)),
            Message::Plan(plan) => drop(frames.plans.insert(plan.frame, plan)),
            _ => {}
        }
    }
    frames
}

/// The track straight ahead, with the distance of its rear from the lidar.
fn lead(ego: &EgoState, tracks: &Tracks) -> Option<(Track, f64)> {
    let base_from_odom = ego.odom_from_base.inverse();
    let ahead = tracks.objects.iter().filter_map(|track| {
        let bbox = track.bbox.transformed(&base_from_odom);
        let corners = bbox.corners_bev();
        let rear = corners.iter().map(|c| c[0]).fold(f64::INFINITY, f64::min);
        let covers = |y: f64| corners.iter().any(|c| c[1] > y) && corners.iter().any(|c| c[1] < y);
        (rear > 3.0 && covers(0.0)).then_some((*track, rear - LIDAR_X))
    });
    ahead.min_by(|a, b| a.1.total_cmp(&b.1))
}

#[test]
fn the_whole_stack_stops_behind_the_lead_car() {
    let test = "the_whole_stack_stops_behind_the_lead_car";
    let (Some(root), Some(networks), Some(shared)) = (real_drives(test), public_networks(test), shared_data(test))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (drive, log) = (folder.path().join("redlight.mcap"), folder.path().join("log.mcap"));
    succeed(&["import", "kitti", "--root", text(&root), "--sequence", "redlight", "--output", text(&drive)]);
    let mut arguments = vec!["replay", text(&drive), "--output", text(&log)];
    arguments.extend(networks.iter().map(String::as_str));
    succeed(&arguments);
    let frames = frames(&log);
    assert_eq!(frames.plans.len(), 40);

    boxes_equal_the_reference(&frames.detections[&0], &shared);

    let mut id = None;
    for frame in 0..40 {
        let Some((track, rear)) = lead(&frames.ego[&frame], &frames.tracks[&frame]) else {
            panic!("frame {frame}: nothing straight ahead in {:?}", frames.tracks[&frame].objects);
        };
        assert_eq!(*id.get_or_insert(track.id), track.id, "frame {frame}: the lead car changed its identity");
        let known = [(0, 7.98), (11, 7.25), (22, 6.40), (33, 5.61)];
        if let Some((_, x)) = known.iter().find(|(at, _)| *at == frame) {
            assert!((rear - x).abs() < 0.5, "frame {frame}: rear at {rear:.2} m, expected {x} m");
        }
        if frame >= 3 {
            let plan = &frames.plans[&frame];
            let (ego, end) = (&frames.ego[&frame], plan.trajectory.points.last().unwrap());
            let [x, _] = ego.pose().inverse_transform(end.x, end.y);
            let front = x + types::Vehicle::default().front_offset_m() - LIDAR_X;
            // The lead car rolls on while the plan lasts: the end may lie where it will have gone.
            let gone = track.speed_mps() * end.time_s.min(8.0);
            assert!(
                front < rear + gone,
                "frame {frame}: the plan ends at {front:.2} m, the lead car is at {rear:.2} m"
            );
            assert!(end.speed_mps < 0.05, "frame {frame}: the plan ends with {} m/s", end.speed_mps);
        }
    }
    let last = &frames.plans[&39].decision;
    assert!(matches!(last.kind, DecisionKind::Stop | DecisionKind::Follow), "{last:?}");
    assert_eq!(last.track, id, "{last:?}");
}

fn boxes_equal_the_reference(found: &Detections, shared: &std::path::Path) {
    let path = shared.join("golden/redlight_000000_yolox_nano_384x1248.json");
    let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let golden = golden.as_array().unwrap();
    assert_eq!(found.camera.len(), golden.len());
    for expected in golden {
        let side = |i: usize| expected["box"][i].as_f64().unwrap();
        let bbox = Box2 { x_min: side(0), y_min: side(1), x_max: side(2), y_max: side(3) };
        let best = found.camera.iter().max_by(|a, b| a.bbox.iou(&bbox).total_cmp(&b.bbox.iou(&bbox))).unwrap();
        let score = expected["score"].as_f64().unwrap();
        assert!(best.bbox.iou(&bbox) >= 0.95 && (best.score - score).abs() <= 0.02, "{expected} against {best:?}");
        assert_eq!(best.class.name(), expected["class"].as_str().unwrap());
    }
}
