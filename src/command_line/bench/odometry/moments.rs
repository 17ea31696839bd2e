//! Sweeps with what the other sensors said at the same time, from a drive or from a KITTI sequence.

use crate::replay::Drive;
use nalgebra::Isometry3;
use recordings::kitti::{Label, Sequence};
use recordings::{DriveReader, Message};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use types::{Calibration, InsFix, LidarSweep, Stamp, WheelSpeed};

/// Messages farther apart than this do not belong together, s.
const TOLERANCE_S: f64 = 0.05;

/// One sweep and what belongs to it.
pub struct Moment {
    pub sweep: LidarSweep,
    pub ins: Option<InsFix>,
    pub wheels: Option<WheelSpeed>,
    /// Pose of `base_link`, where it is known.
    pub truth: Option<Isometry3<f64>>,
}

/// Where moments come from.
pub struct Source {
    /// For a person.
    pub name: String,
    pub calibration: Calibration,
    /// Whether there is anything beside sweeps.
    pub has_more: bool,
    /// Counter of the first sweep.
    pub first: u64,
    pub labels: Vec<Label>,
    /// A file of poses beside the data.
    pub poses: Option<PathBuf>,
    moments: Moments,
}

enum Moments {
    Drive {
        reader: Box<DriveReader>,
        waiting: VecDeque<Moment>,
        wheels: Option<WheelSpeed>,
        truth: Option<(Stamp, Isometry3<f64>)>,
    },
    Sequence {
        sweeps: std::vec::IntoIter<u64>,
        sequence: Box<Sequence>,
    },
}

impl Source {
    pub fn drive(path: &Path) -> anyhow::Result<Self> {
        let Drive { reader, calibration, sensors, .. } = Drive::open(path)?;
        let moments = Moments::Drive { reader: Box::new(reader), waiting: VecDeque::new(), wheels: None, truth: None };
        let name = path.display().to_string();
        Ok(Self { name, calibration, has_more: sensors.ins, first: 0, labels: Vec::new(), poses: None, moments })
    }

    pub fn sequence(root: &Path, name: &str) -> anyhow::Result<Self> {
        let sequence = Sequence::open(root, name)?;
        let frames: Vec<u64> = sequence.frames().collect();
        Ok(Self {
            name: name.to_owned(),
            calibration: sequence.calibration.clone(),
            has_more: !sequence.fixes.is_empty(),
            first: frames.first().copied().unwrap_or(0),
            labels: sequence.labels()?,
            poses: sequence.pose_file().map(Path::to_path_buf),
            moments: Moments::Sequence { sweeps: frames.into_iter(), sequence: Box::new(sequence) },
        })
    }

    /// The next sweep and its company.
    pub fn next(&mut self) -> anyhow::Result<Option<Moment>> {
        match &mut self.moments {
            Moments::Sequence { sweeps, sequence } => {
                let Some(frame) = sweeps.next() else { return Ok(None) };
                let sweep = sequence.sweep(frame)?;
                let ins = sequence.fixes.iter().find(|fix| fix.seq == frame).copied();
                Ok(Some(Moment { sweep, ins, wheels: None, truth: None }))
            }
            Moments::Drive { reader, waiting, wheels, truth } => {
                for message in reader.by_ref() {
                    let message = message?;
                    let now = message.stamp();
                    match message {
                        Message::WheelSpeed(wheel) => *wheels = Some(wheel),
                        Message::Truth(whole) => *truth = Some((whole.stamp, whole.odom_from_base)),
                        Message::Ins(fix) => {
                            let near = |stamp: Stamp| fix.state.stamp.seconds_since(stamp).abs() <= TOLERANCE_S;
                            let own = waiting.iter_mut().find(|own| own.ins.is_none() && near(own.sweep.stamp));
                            if let Some(own) = own {
                                own.ins = Some(fix);
                            }
                        }
                        Message::Lidar(sweep) => {
                            let truth = truth.filter(|(stamp, _)| *stamp == sweep.stamp).map(|(_, pose)| pose);
                            waiting.push_back(Moment { sweep, ins: None, wheels: *wheels, truth });
                        }
                        _ => {}
                    }
                    let complete =
                        |moment: &Moment| now.is_some_and(|now| now.seconds_since(moment.sweep.stamp) > TOLERANCE_S);
                    if waiting.front().is_some_and(complete) {
                        return Ok(waiting.pop_front());
                    }
                }
                Ok(waiting.pop_front())
            }
        }
    }
}
