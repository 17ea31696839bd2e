//! A drive frame by frame: what each stage made of it.

use recordings::Message;
use std::collections::BTreeMap;
use types::Stamp;

/// The stages in the order of the corridor.
pub const STAGES: [&str; 7] = ["door", "decode", "localize", "detect", "track", "plan", "control"];
/// Place of control in [`STAGES`].
pub const CONTROL: usize = 6;

/// Topics that hold what stages made.
pub const TOPICS: [&str; 7] = ["/tick", "/ego/state", "/detections", "/tracks", "/plan", "/command", "/digests"];

/// One frame of a drive.
#[derive(Clone, Debug, Default)]
pub struct FrameRecord {
    /// Its counter.
    pub frame: u64,
    /// Its stamp.
    pub stamp: Stamp,
    /// What each stage made, in the order of [`STAGES`]; none for decode, and for control see `commands`.
    pub outputs: [Option<Message>; 7],
    /// Commands from the frame's stamp to that of the next one.
    pub commands: Vec<Message>,
    /// Digests by stage, as the drive holds them.
    pub digests: BTreeMap<String, u64>,
}

/// Groups the messages of a drive by frame. What comes before the first frame is left out.
pub struct Frames<I> {
    messages: I,
    current: Option<FrameRecord>,
}

impl<I> Frames<I> {
    /// Over messages in the order of a drive.
    pub fn new(messages: I) -> Self {
        Self { messages, current: None }
    }
}

impl<E, I: Iterator<Item = Result<Message, E>>> Iterator for Frames<I> {
    type Item = Result<FrameRecord, E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let message = match self.messages.next() {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Some(Err(error)),
                None => return self.current.take().map(Ok),
            };
            if let Message::Admission(admission) = &message {
                let next = FrameRecord { frame: admission.frame, stamp: admission.stamp, ..FrameRecord::default() };
                let done = self.current.replace(next);
                if let Some(current) = &mut self.current {
                    current.outputs[0] = Some(message);
                }
                if done.is_some() {
                    return done.map(Ok);
                }
                continue;
            }
            let Some(current) = &mut self.current else { continue };
            let place = match &message {
                Message::Ego { .. } => 2,
                Message::Detections(_) => 3,
                Message::Tracks(_) => 4,
                Message::Plan(_) => 5,
                Message::Command(_) => {
                    current.commands.push(message);
                    continue;
                }
                Message::Digests(digests) => {
                    current.digests = digests.stages.iter().map(|one| (one.stage.clone(), one.digest)).collect();
                    continue;
                }
                _ => continue,
            };
            if message.sequence() == current.frame {
                current.outputs[place] = Some(message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::drive;

    #[test]
    fn frames_hold_all_that_was_made_of_them() {
        let messages = drive(3).into_iter().map(Ok::<_, ()>);
        let frames: Vec<FrameRecord> = Frames::new(messages).map(Result::unwrap).collect();
        assert_eq!(frames.len(), 3);
        for (frame, expected) in frames.iter().zip(0..) {
            assert_eq!((frame.frame, frame.commands.len()), (expected, 10));
            let held: Vec<usize> = (0..7).filter(|&place| frame.outputs[place].is_some()).collect();
            assert_eq!(held, [0, 2, 3, 4, 5]);
        }
        let broken = [Err("no"), Ok(drive(1).remove(0))];
        assert!(Frames::new(broken.into_iter()).next().unwrap().is_err());
    }
}
