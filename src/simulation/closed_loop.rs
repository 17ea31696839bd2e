//! The world as a source of frames, and the end of the commands' way.

use super::judge::{Judge, Report};
use super::sensing::Sensing;
use crate::runtime::SourceItem;
use crossbeam_channel::{Receiver, Sender};
use types::Command;

/// Gives one frame, waits for the commands until the next one is complete, lets that time pass, and so on.
pub struct ClosedLoop {
    sensing: Sensing,
    batches: Receiver<Vec<Command>>,
    judge: Judge,
    frames: u64,
    most_frames: u64,
    report: Sender<Report>,
}

impl ClosedLoop {
    /// A loop over at most `most_frames` frames. At its end, whatever the reason, the report is sent.
    pub fn new(
        sensing: Sensing,
        batches: Receiver<Vec<Command>>,
        judge: Judge,
        most_frames: u64,
        report: Sender<Report>,
    ) -> Self {
        Self { sensing, batches, judge, frames: 0, most_frames, report }
    }
}

impl Iterator for ClosedLoop {
    type Item = anyhow::Result<SourceItem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.judge.is_over() || self.frames == self.most_frames {
            return None;
        }
        let set = if self.frames == 0 {
            self.sensing.look()
        } else {
            // Without commands the stack has ended.
            let commands = self.batches.recv().ok()?;
            self.sensing.pass_judged(&commands, &mut self.judge)
        };
        self.frames += 1;
        Some(set.map(|set| {
            self.judge.frame(self.sensing.world());
            SourceItem::Set(Box::new(set), None)
        }))
    }
}

impl Drop for ClosedLoop {
    fn drop(&mut self) {
        let ran_out = self.frames == self.most_frames;
        // There is room for one report, and this is the one.
        let _ = self.report.try_send(self.judge.conclude(ran_out));
    }
}
