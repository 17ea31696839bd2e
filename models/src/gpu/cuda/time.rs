//! How long work takes on the device.

use super::{Cuda, refused};
use crate::ModelError;
use cudarc::driver::{CudaEvent, sys};
use std::sync::{Mutex, PoisonError};

impl Cuda {
    /// Marks this place in the stream.
    ///
    /// # Errors
    /// The driver's own.
    pub fn mark(&self) -> Result<Event, ModelError> {
        let timed = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        self.stream.record_event(timed).map(Event).map_err(|error| refused("event", error))
    }

    /// Moves a mark to this place in the stream.
    ///
    /// # Errors
    /// The driver's own.
    pub fn mark_again(&self, event: &Event) -> Result<(), ModelError> {
        event.0.record(&self.stream).map_err(|error| refused("event", error))
    }

    /// From now on notes how long every piece of work takes on the device, or no longer. That costs two marks for each.
    ///
    /// # Errors
    /// The driver's own.
    pub fn profile(&self, on: bool) -> Result<(), ModelError> {
        let begin = on.then(|| self.mark()).transpose()?;
        let mut kept = self.profile.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = begin.map(|begin| Kept { begin, work: Vec::new() });
        Ok(())
    }

    /// What was done since the last call, or since profiling began. Waits for it.
    ///
    /// # Errors
    /// The driver's own.
    pub fn profiled(&self) -> Result<Vec<Work>, ModelError> {
        let mut kept = self.profile.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Kept { begin, work }) = &mut *kept else { return Ok(Vec::new()) };
        let measured = work.iter().map(|(name, bytes, [start, end])| {
            Ok(Work { name, bytes: *bytes, start_ms: begin.elapsed_ms(start)?, ms: start.elapsed_ms(end)? })
        });
        let measured = measured.collect::<Result<_, ModelError>>();
        work.clear();
        self.mark_again(begin)?;
        measured
    }

    /// Runs `work`, with marks around it if anybody wants to know.
    pub(crate) fn noted<E: From<ModelError>>(
        &self,
        name: &'static str,
        bytes: usize,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut kept = self.profile.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = &mut *kept else {
            drop(kept);
            return work();
        };
        let start = self.mark()?;
        work()?;
        kept.work.push((name, bytes, [start, self.mark()?]));
        Ok(())
    }
}

/// A piece of work on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// The kernel, `upload`, `download`, `zero` or `network`.
    pub name: &'static str,
    /// Bytes of a copy.
    pub bytes: usize,
    /// From the begin of the profile, ms.
    pub start_ms: f64,
    /// How long it took, ms: about 2 microseconds of it are the marks' own.
    pub ms: f64,
}

#[derive(Default)]
pub(super) struct Profile(Mutex<Option<Kept>>);

struct Kept {
    begin: Event,
    work: Vec<(&'static str, usize, [Event; 2])>,
}

/// A place in a stream.
pub struct Event(CudaEvent);

impl Event {
    /// From this place to a later one of the same stream, ms. Waits for it.
    ///
    /// # Errors
    /// The driver's own.
    pub fn elapsed_ms(&self, end: &Self) -> Result<f64, ModelError> {
        end.0.synchronize().map_err(|error| refused("event", error))?;
        self.0.elapsed_ms(&end.0).map(f64::from).map_err(|error| refused("event", error))
    }
}
