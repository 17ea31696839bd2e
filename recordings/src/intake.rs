//! What all imports share: messages are counted as they are written, and the way that was driven becomes the route.

use crate::{Compression, DriveWriter, Message, RecordingError, RunRecord};
use std::path::Path;
use types::{Pose2, Route, Stamp};

/// Poses of the route are at least so far apart.
const ROUTE_STEP_M: f64 = 1.0;

/// What an import found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Lidar sweeps.
    pub sweeps: usize,
    /// Camera images; zero if there are none.
    pub images: usize,
    /// Outputs of GPS/INS, or poses that stand for them; zero if there are none.
    pub ins_fixes: usize,
    /// Moments with labelled objects.
    pub truths: usize,
    /// Poses of the route; zero without poses or if the vehicle stood still.
    pub route_poses: usize,
    /// Size of the drive's file.
    pub bytes: u64,
    /// What a person should know about the source, one line each.
    pub findings: Vec<String>,
}

/// A drive that is being made out of somebody else's data.
pub(crate) struct Intake {
    writer: DriveWriter,
    route: Vec<Pose2>,
    pub(crate) summary: ImportSummary,
}

impl Intake {
    /// Creates the drive. `source` says in words what it is made of.
    pub(crate) fn create(output: &Path, source: String, compression: Compression) -> Result<Self, RecordingError> {
        let version = env!("CARGO_PKG_VERSION").into();
        let run = RunRecord { version, mode: "import".into(), source, ..RunRecord::default() };
        let writer = DriveWriter::create(output, &run, compression)?;
        Ok(Self { writer, route: Vec::new(), summary: ImportSummary::default() })
    }

    pub(crate) fn put(&mut self, message: &Message) -> Result<(), RecordingError> {
        match message {
            Message::Lidar(_) => self.summary.sweeps += 1,
            Message::Camera(_) => self.summary.images += 1,
            Message::Truth(_) => self.summary.truths += 1,
            Message::Ins(fix) => {
                self.summary.ins_fixes += 1;
                let pose = fix.state.pose();
                if self.route.last().is_none_or(|last| (pose.x - last.x).hypot(pose.y - last.y) >= ROUTE_STEP_M) {
                    self.route.push(pose);
                }
            }
            _ => {}
        }
        self.writer.write(message)
    }

    /// A line for the person who imports; each is said once.
    pub(crate) fn remark(&mut self, line: String) {
        if !self.summary.findings.contains(&line) {
            self.summary.findings.push(line);
        }
    }

    /// Writes the way that was driven as the route, and closes the drive.
    pub(crate) fn finish(mut self) -> Result<ImportSummary, RecordingError> {
        if self.route.len() > 1 {
            self.summary.route_poses = self.route.len();
            self.writer.write(&Message::Route(Route::of_poses(self.route.iter().copied())))?;
        }
        self.summary.bytes = self.writer.finish()?.bytes;
        Ok(self.summary)
    }
}

/// A message that is made when its turn comes: images and sweeps stay on the disk until then.
pub(crate) type Later<'a> = Box<dyn FnOnce() -> Result<Message, RecordingError> + 'a>;

impl Intake {
    /// Writes messages in the order of their stamps; those of one stamp in the order given.
    pub(crate) fn put_all(&mut self, mut messages: Vec<(Stamp, Later)>) -> Result<(), RecordingError> {
        messages.sort_by_key(|(stamp, _)| *stamp);
        messages.into_iter().try_for_each(|(_, make)| self.put(&make()?))
    }
}

/// A message that is there already.
pub(crate) fn ready<'a>(message: Message) -> (Stamp, Later<'a>) {
    (message.stamp().unwrap_or_default(), Box::new(move || Ok(message)))
}
