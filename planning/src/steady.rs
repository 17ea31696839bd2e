//! Filling, judging and choosing allocate nothing once the buffers have grown.
#![allow(unsafe_code)] // an allocator that counts

use crate::choose::try_all;
use crate::fixture::{line, scene, start, track};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what the thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_steady_cycle_allocates_nothing() {
    let objects = (0..60).map(|i| track(i, 6.0 * i as f64 - 40.0, 3.4 * ((i % 3) as f64 - 1.0) + 0.4, [7.0, 0.0]));
    let mut s = scene(&start(0.0, 0.2, 10.0), &line(), objects.collect());
    let mut lattice = std::mem::take(&mut s.lattice);
    let asked = |lattice: &mut crate::lattice::Lattice| {
        let before = ASKED.get();
        let choice = try_all(lattice, &s.view(), &s.effort, f64::INFINITY);
        (ASKED.get() - before, choice)
    };
    let (grown, first) = asked(&mut lattice);
    let (steady, second) = asked(&mut lattice);
    assert!(grown > 0 && steady == 0 && first == second, "{grown} and {steady} allocations");
    assert!(lattice.candidates.len() > 300);
}
