//! Our own lidar network, as it is part of the program, on a sweep that is made here: it finds the cars that stand there, and both engines find the
//! same boxes.

// A test's helpers are tests too, which the lint does not see.
#![allow(clippy::unwrap_used)]

mod street;

use models::{Catalogue, Engine, LidarDetector, Provider, Role};
use nalgebra::Isometry3;
use std::path::PathBuf;
use street::sweep;
use types::Detection3;

/// Boxes of the two engines are the same within this: their sums run in another order.
const CENTER_M: f64 = 0.01;
const SCORE: f64 = 0.005;

#[allow(clippy::disallowed_methods)]
fn onnxruntime() -> Option<Engine> {
    let Some(library) = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from) else {
        eprintln!("skipped: ORT_DYLIB_PATH is not set");
        return None;
    };
    Some(Engine::open(Some(&library), Provider::Cpu, 2).unwrap())
}

fn rten() -> Engine {
    Engine::open(None, Provider::Cpu, 2).unwrap()
}

fn in_sweep(engine: &Engine) -> Vec<Detection3> {
    let catalogue = Catalogue::embedded().unwrap();
    let mut detector = LidarDetector::load(engine, catalogue.of_role(Role::LidarDetector).unwrap()).unwrap();
    detector.prepare(&sweep(0), &Isometry3::translation(0.76, 0.0, 1.73)).unwrap();
    detector.infer().unwrap();
    detector.boxes().unwrap()
}

#[test]
fn the_lidar_network_finds_the_cars() {
    let found = in_sweep(&rten());
    let at = |x: f64, y: f64| {
        let near = |object: &&Detection3| (object.bbox.center[0] - x).hypot(object.bbox.center[1] - y) < 1.0;
        found.iter().find(near).filter(|object| object.score > 0.3)
    };
    assert!(at(12.0, 0.5).is_some_and(|car| car.class.is_vehicle() && car.point_count > 50), "{found:?}");
    assert!(at(20.0, -5.0).is_some_and(|car| car.class.is_vehicle()), "{found:?}");
}

#[test]
fn both_engines_find_the_same_boxes_in_a_sweep() {
    let Some(engine) = onnxruntime() else { return };
    let (a, b) = (in_sweep(&engine), in_sweep(&rten()));
    assert!(!a.is_empty());
    assert_eq!(a.len(), b.len());
    for a in &a {
        let same = |b: &&Detection3| {
            let apart = [0, 1, 2].map(|axis: usize| (a.bbox.center[axis] - b.bbox.center[axis]).abs());
            a.class == b.class && apart.iter().all(|d| *d < CENTER_M) && (a.score - b.score).abs() < SCORE
        };
        let twin = b.iter().find(same).unwrap_or_else(|| panic!("{a:?} is not among {b:?}"));
        assert!(a.bbox.iou_bev(&twin.bbox) > 0.98 && a.point_count.abs_diff(twin.point_count) < 5);
    }
}
