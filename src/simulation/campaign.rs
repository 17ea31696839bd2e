//! Many runs, several at a time.

use super::{Finished, Simulation};
use crate::runtime::{FaultCell, Progress};
use crossbeam_channel::bounded;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Makes all runs, `jobs` at a time, and hands each to `done` in their order, as soon as all before it are done.
///
/// # Errors
/// What `done` says, or if a thread cannot be had. A run that could not be made is handed to `done` with its reason.
pub fn run(
    simulations: &[Simulation],
    jobs: usize,
    mut done: impl FnMut(&Simulation, anyhow::Result<Finished>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (next, stop) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (sender, results) = bounded(jobs.max(1));
    std::thread::scope(|scope| {
        for job in 0..jobs.clamp(1, simulations.len().max(1)) {
            let (next, stop, sender) = (&next, &stop, sender.clone());
            let body = move || {
                while stop.load(Ordering::Relaxed) == 0 {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(simulation) = simulations.get(index) else { return };
                    if sender.send((index, one(simulation))).is_err() {
                        return;
                    }
                }
            };
            std::thread::Builder::new().name(format!("job {job}")).spawn_scoped(scope, body)?;
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut outcome = Ok(());
        let mut expected = 0;
        // The queue is emptied even after an error: nobody may block on it.
        for (index, result) in &results {
            early.insert(index, result);
            while let Some(result) = early.remove(&expected) {
                if outcome.is_ok() {
                    outcome = done(&simulations[expected], result);
                }
                expected += 1;
            }
            stop.store(usize::from(outcome.is_err()), Ordering::Relaxed);
        }
        outcome
    })
}

fn one(simulation: &Simulation) -> anyhow::Result<Finished> {
    simulation.prepare()?.run(&Arc::new(FaultCell::default()), &Arc::new(Progress::default()))
}
