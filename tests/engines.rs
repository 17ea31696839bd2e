//! Our own networks on the drive of the repository, in both engines. Protects: a machine without ONNX Runtime sees what one with it sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::Message;
use std::path::Path;
use support::{messages, replay, street};
use types::Detections;

/// Sums run in another order: boxes are the same within this.
const CENTER_M: f64 = 0.02;
const EDGE_PX: f64 = 1.0;
const SCORE: f64 = 0.01;
/// A box may be above the threshold in one engine and below it in the other.
const FAINT: f64 = 0.33;

fn detections(drive: &Path) -> Vec<Detections> {
    let found = messages(drive).into_iter().filter_map(|message| match message {
        Message::Detections(detections) => Some(detections),
        _ => None,
    });
    found.collect()
}

/// Boxes of `a` that are surely above the threshold, and how many of them are in `b`.
fn shared(a: &Detections, b: &Detections) -> (usize, usize) {
    let lidar: Vec<_> = a.lidar.iter().filter(|object| object.score > FAINT).collect();
    let camera: Vec<_> = a.camera.iter().filter(|object| object.score > FAINT).collect();
    let in_sweep = |&&object: &&&types::Detection3| {
        b.lidar.iter().any(|other| {
            let near = |axis: usize| (object.bbox.center[axis] - other.bbox.center[axis]).abs() < CENTER_M;
            other.class == object.class && near(0) && near(1) && near(2) && (other.score - object.score).abs() < SCORE
        })
    };
    let in_image = |&&object: &&&types::Detection2| {
        b.camera.iter().any(|other| {
            let (p, q) = (&object.bbox, &other.bbox);
            let apart = [p.x_min - q.x_min, p.y_min - q.y_min, p.x_max - q.x_max, p.y_max - q.y_max];
            other.class == object.class
                && apart.iter().all(|edge| edge.abs() < EDGE_PX)
                && (other.score - object.score).abs() < SCORE
        })
    };
    let same = lidar.iter().filter(in_sweep).count() + camera.iter().filter(in_image).count();
    (lidar.len() + camera.len(), same)
}

#[test]
#[allow(clippy::disallowed_methods)] // tests may read the environment
fn both_engines_find_the_same_objects() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("both_engines_find_the_same_objects skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let runtime = detections(&replay(&street(), folder.path(), "runtime.mcap", &[]));
    let built_in = detections(&replay(&street(), folder.path(), "rten.mcap", &["--onnxruntime", "off"]));
    assert_eq!(runtime.len(), built_in.len());
    let (mut all, mut same) = (0, 0);
    for (a, b) in runtime.iter().zip(&built_in) {
        for (count, found) in [shared(a, b), shared(b, a)] {
            (all, same) = (all + count, same + found);
        }
    }
    println!("{same} of {all} boxes are the same in both engines");
    assert!(all > 200, "{all} boxes");
    assert!(all - same <= all / 500, "{same} of {all} boxes are the same");
}
