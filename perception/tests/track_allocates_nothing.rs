//! The tracker in a steady state takes no memory. Protects: the same time for every frame.
#![allow(unsafe_code)] // a counting allocator is one
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

use nalgebra::Isometry3;
use perception::track::{Config, Tracker};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use types::{Box3, Detection3, Detections, EgoState, ObjectClass, PoseSource, Stamp};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Cars and crowds that go their way; every seventh is missed, as a detector does.
fn scene(frame: u64) -> Detections {
    let mut lidar = Vec::new();
    for i in 0..60u64 {
        if (i + frame).is_multiple_of(7) {
            continue;
        }
        let (class, length, width) =
            if i % 3 == 0 { (ObjectClass::Car, 4.4, 1.8) } else { (ObjectClass::Pedestrian, 0.8, 0.7) };
        let x = -40.0 + 6.0 * (i % 15) as f64 + 0.1 * (frame % 50) as f64;
        let y = -12.0 + 8.0 * (i / 15) as f64 + 0.6 * (i % 3) as f64;
        let bbox = Box3 { center: [x, y, 0.8], length, width, height: 1.6, yaw: 0.0 };
        lidar.push(Detection3 { bbox, class, score: 0.8, point_count: 50, camera: None, seen_after_s: 0.0 });
    }
    Detections { frame, stamp: Stamp::from_nanos(100_000_000 * frame as i64), camera: Vec::new(), lidar }
}

#[test]
fn a_steady_state_takes_no_memory() {
    let mut tracker = Tracker::new(Config::default());
    let mut told = 0;
    let mut taken = 0;
    for frame in 0..300 {
        let detections = scene(frame);
        let ego = EgoState {
            stamp: detections.stamp,
            odom_from_base: Isometry3::translation(0.02 * frame as f64, 0.0, 0.0),
            speed_mps: 0.2,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        };
        let before = COUNT.get();
        let tracks = tracker.step(&detections, &ego);
        if frame >= 100 {
            taken += COUNT.get() - before;
            told += tracks.objects.len();
        }
    }
    assert!(told > 200 * 40, "{told} tracks told");
    assert_eq!(taken, 0, "allocations in 200 frames");
}
