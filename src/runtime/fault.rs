//! The first thing that went wrong in a run, seen by all threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What went wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stage or thread.
    pub stage: String,
    /// Why.
    pub reason: String,
}

/// Set once by whoever fails first. While it is set the door is closed and control stops the vehicle.
#[derive(Debug, Default)]
pub struct FaultCell {
    set: AtomicBool,
    interrupted: AtomicBool,
    first: Mutex<Option<Fault>>,
}

impl FaultCell {
    /// Reports a fault. Only the first one is kept: the others follow from it.
    pub fn report(&self, stage: &str, reason: impl Into<String>) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(Fault { stage: stage.to_string(), reason: reason.into() });
        }
        self.set.store(true, Ordering::Release);
    }

    /// Asks for an orderly end: the door closes, the frames in the corridor are finished.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Release);
    }

    /// Whether something went wrong.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Whether the door is to be closed.
    #[must_use]
    pub fn door_closed(&self) -> bool {
        self.is_set() || self.interrupted.load(Ordering::Acquire)
    }

    /// The first fault.
    #[must_use]
    pub fn first(&self) -> Option<Fault> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
