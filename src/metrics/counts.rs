//! The numbers behind the endpoint.

use super::buckets::Buckets;
use crate::runtime::Frame;
use crate::runtime::frame::Spans;
use crate::runtime::log::Tally;
use control::safety::Mode;
use std::collections::BTreeMap;
use std::time::Duration;
use types::{Command, Stamp};

#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) frames: u64,
    pub(super) dropped: u64,
    /// Frames that a stage could not use.
    pub(super) skipped: BTreeMap<&'static str, u64>,
    pub(super) findings: BTreeMap<&'static str, u64>,
    pub(super) rejected_points: u64,
    pub(super) plans: u64,
    pub(super) tracks: usize,
    pub(super) speed_mps: Option<f64>,
    /// Time of each part, and of the whole.
    pub(super) parts: BTreeMap<&'static str, Buckets>,
    pub(super) end_to_end: Buckets,
    pub(super) commands: u64,
    pub(super) stops: BTreeMap<&'static str, u64>,
    pub(super) fallbacks: BTreeMap<&'static str, u64>,
    /// The newest plans: frame and stamp.
    plan_stamps: [Option<(u64, Stamp)>; 8],
    /// Age of the plan that the last command follows, by stamps, s.
    pub(super) plan_age_s: Option<f64>,
    /// Messages that the log left out: sensors, others.
    pub(super) log_lost: (u64, u64),
    pub(super) log_ended: bool,
    pub(super) mode: Option<Mode>,
    pub(super) clock_offsets_s: BTreeMap<String, f64>,
    pub(super) viewers: Option<(usize, u64)>,
}

impl Counts {
    pub(super) fn frame(&mut self, frame: &Frame, tally: &Tally) {
        self.frames = tally.frames;
        self.dropped = tally.dropped;
        self.rejected_points = tally.rejected_points;
        self.plans = tally.plans;
        if let Some(skipped) = &frame.skipped {
            *self.skipped.entry(skipped.stage).or_default() += 1;
        }
        for (kind, _) in &frame.findings {
            *self.findings.entry(kind).or_default() += 1;
        }
        if let Some(tracks) = &frame.tracks {
            self.tracks = tracks.objects.len();
        }
        if let Some(ego) = &frame.ego {
            self.speed_mps = Some(ego.speed_mps);
        }
        if frame.plan.is_some() {
            self.plan_stamps.rotate_right(1);
            self.plan_stamps[0] = Some((frame.admission.frame, frame.admission.stamp));
        }
    }

    /// A part that occurs more than once in a frame, such as a queue, counts with its sum.
    pub(super) fn times(&mut self, spans: &Spans) {
        self.end_to_end.record(spans.total());
        let laps = spans.laps();
        for (place, (name, duration)) in laps.iter().enumerate() {
            if laps[..place].iter().any(|(before, _)| before == name) {
                continue;
            }
            let again = laps[place + 1..].iter().filter(|(other, _)| other == name).map(|(_, more)| *more);
            self.parts.entry(name).or_default().record(*duration + again.sum::<Duration>());
        }
    }

    pub(super) fn command(&mut self, command: &Command) {
        self.commands += 1;
        if let Some(reason) = command.stop {
            *self.stops.entry(reason.name()).or_default() += 1;
        }
        if let Some(reason) = command.fallback {
            *self.fallbacks.entry(reason.name()).or_default() += 1;
        }
        let stamp =
            |frame| self.plan_stamps.iter().flatten().find(|(known, _)| *known == frame).map(|(_, stamp)| *stamp);
        self.plan_age_s = command.plan.and_then(stamp).map(|plan| command.stamp.seconds_since(plan));
    }
}
