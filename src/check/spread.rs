//! Many drives, several at a time.

use crossbeam_channel::bounded;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `work` for each of `count` places, `jobs` at a time, and hands each result to `done` as it comes.
///
/// # Errors
/// What `done` says (then no more is begun), or if no thread can be had.
pub fn spread<T: Send>(
    count: usize,
    jobs: usize,
    work: impl Fn(usize) -> T + Sync,
    mut done: impl FnMut(usize, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, results) = bounded(jobs.max(1));
    std::thread::scope(|scope| {
        for job in 0..jobs.clamp(1, count.max(1)) {
            let (next, work, sender) = (&next, &work, sender.clone());
            let body = move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count || sender.send((place, work(place))).is_err() {
                        return;
                    }
                }
            };
            std::thread::Builder::new().name(format!("job {job}")).spawn_scoped(scope, body)?;
        }
        drop(sender);
        let mut outcome = Ok(());
        // The queue is emptied even after an error: nobody may block on it.
        for (place, result) in &results {
            if outcome.is_ok() {
                outcome = done(place, result);
            }
            if outcome.is_err() {
                next.store(count, Ordering::Relaxed);
            }
        }
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_done_once_and_an_error_ends_it() {
        let mut seen = Vec::new();
        spread(
            20,
            3,
            |place| place * place,
            |place, square| {
                seen.push((place, square));
                Ok(())
            },
        )
        .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..20).map(|place| (place, place * place)).collect::<Vec<_>>());
        let mut count = 0;
        let outcome = spread(
            1000,
            2,
            |place| place,
            |_, _| {
                count += 1;
                anyhow::ensure!(count < 3, "full");
                Ok(())
            },
        );
        assert!(outcome.is_err() && count == 3);
    }
}
