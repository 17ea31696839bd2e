//! A whole drive in numbers.

use super::metrics::FrameMetrics;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the frames of a drive add up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Frames.
    pub frames: u64,
    /// From the first to the last frame, s.
    pub duration_s: f64,
    /// States of tracks, over all frames.
    pub tracks: u64,
    /// Plans.
    pub plans: u64,
    /// Frames with a command.
    pub commanded_frames: u64,
    /// Changes of the kind of decision from frame to frame.
    pub decision_changes: u64,
    /// Frames by decision.
    pub decisions: BTreeMap<String, u64>,
    /// Objects asked for, over all frames with labels.
    pub asked: u64,
    /// Those that were detected.
    pub detected: u64,
    /// Those that were tracked.
    pub tracked: u64,
    /// Tracks that were no object.
    pub false_tracks: u64,
    /// Changes of identity.
    pub identity_switches: u64,
    /// Sets dropped at the door.
    pub dropped: u64,
    last_decision: Option<String>,
}

impl Summary {
    /// Adds the next frame.
    pub fn add(&mut self, row: &FrameMetrics) {
        self.frames += 1;
        self.duration_s = row.time_s;
        self.tracks += row.tracks.unwrap_or(0);
        self.plans += u64::from(row.decision.is_some());
        self.commanded_frames += u64::from(row.steering_rad.is_some());
        if let Some(decision) = &row.decision {
            let changed = self.last_decision.as_ref().is_some_and(|last| last != decision);
            self.decision_changes += u64::from(changed);
            *self.decisions.entry(decision.clone()).or_default() += 1;
            self.last_decision = Some(decision.clone());
        }
        if let Some(labels) = &row.labels {
            self.asked += labels.asked;
            self.detected += labels.detected;
            self.tracked += labels.tracked;
            self.false_tracks += labels.false_tracks;
            self.identity_switches += labels.identity_switches;
        }
        self.dropped += row.dropped;
    }

    /// Changes of the kind of decision in a minute.
    #[must_use]
    pub fn decision_flips_per_minute(&self) -> Option<f64> {
        (self.duration_s > 0.0).then(|| 60.0 * self.decision_changes as f64 / self.duration_s)
    }

    /// Share of the objects that were detected, 0..1.
    #[must_use]
    pub fn detection_recall(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.detected as f64 / self.asked as f64)
    }

    /// Share of the objects that were tracked, 0..1.
    #[must_use]
    pub fn tracking_recall(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.tracked as f64 / self.asked as f64)
    }

    /// Multiple object tracking accuracy (CLEAR MOT, Bernardin and Stiefelhagen, 2008); at most 1.
    #[must_use]
    pub fn tracking_accuracy(&self) -> Option<f64> {
        let missed = self.asked - self.tracked;
        let wrong = missed + self.false_tracks + self.identity_switches;
        (self.asked > 0).then(|| 1.0 - wrong as f64 / self.asked as f64)
    }

    /// What a drive must have and this one has not.
    #[must_use]
    pub fn silence(&self) -> Option<&'static str> {
        [("frames", self.frames), ("tracks", self.tracks), ("plans", self.plans), ("commands", self.commanded_frames)]
            .into_iter()
            .find(|(_, count)| *count == 0)
            .map(|(what, _)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Metrics;
    use crate::evaluate::metrics::tests::drive;
    use types::Vehicle;

    #[test]
    fn a_drive_adds_up() {
        let mut metrics = Metrics::new(Vehicle::default());
        let mut rows: Vec<FrameMetrics> = drive(31).iter().flat_map(|message| metrics.take(message)).collect();
        rows.extend(metrics.finish());
        let mut summary = Summary::default();
        assert_eq!(summary.silence(), Some("frames"));
        rows.iter().for_each(|row| summary.add(row));
        assert_eq!((summary.frames, summary.decision_changes, summary.silence()), (31, 1, None));
        assert!((summary.decision_flips_per_minute().unwrap() - 20.0).abs() < 1e-9);
        assert_eq!((summary.decisions["cruise"], summary.dropped, summary.detection_recall()), (10, 7, None));
    }
}
