//! What the frames' numbers are looked through for: the result of a drive in words.

use super::facts::Tone;
use crate::evaluate::{FrameMetrics, Summary};
use std::collections::BTreeMap;
use types::DecisionKind;

/// Contacts and complaints that are told one by one.
const MOST_COMPLAINTS: usize = 5;

/// What was found so far.
#[derive(Debug, Default)]
pub struct Judged {
    contacts: Vec<(f64, u64)>,
    stops: BTreeMap<String, (u64, f64)>,
    emergencies: Option<(u64, f64)>,
    closest: Option<(f64, f64, u64)>,
    frames_without_plan: u64,
    /// Parts of the file that could not be read.
    pub unreadable: u64,
    /// Messages that could not be drawn.
    pub undrawn: u64,
    /// Lines of the log.
    pub lines: u64,
    complaints: Vec<String>,
}

impl Judged {
    /// Looks at the next frame.
    pub fn look_at(&mut self, row: &FrameMetrics, time_s: f64) {
        if let Some(track) = row.collision_track
            && self.contacts.last().is_none_or(|last| last.1 != track)
        {
            self.contacts.push((time_s, track));
        }
        if let Some(stop) = &row.command_stop {
            self.stops.entry(stop.clone()).or_insert((0, time_s)).0 += 1;
        }
        if row.decision.as_deref() == Some(DecisionKind::EmergencyStop.name()) {
            self.emergencies.get_or_insert((0, time_s)).0 += 1;
        }
        if let (Some(least_s), Some(track)) = (row.time_to_collision_s, row.time_to_collision_track)
            && self.closest.is_none_or(|(before_s, ..)| least_s < before_s)
        {
            self.closest = Some((least_s, time_s, track));
        }
        self.frames_without_plan += u64::from(row.decision.is_none());
    }

    /// Keeps the first complaints.
    pub fn complain(&mut self, why: String) {
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push(why);
        }
    }

    /// Says what could not be shown.
    pub fn complain_in(&self, notes: &mut Vec<(Tone, String)>) {
        let Self { unreadable, undrawn, complaints, .. } = self;
        for (count, what) in [(unreadable, "parts of the file cannot be read"), (undrawn, "messages cannot be drawn")] {
            if *count > 0 {
                notes.push((Tone::Alarm, format!("{count} {what}.")));
            }
        }
        notes.extend(complaints.iter().map(|complaint| (Tone::Warning, complaint.clone())));
    }

    /// What became of the drive, in words: what is wrong first.
    #[must_use]
    pub fn result(&self, summary: &Summary) -> Vec<(Tone, String)> {
        let mut result = Vec::new();
        let mut say = |tone, text| result.push((tone, text));
        if let Some(what) = summary.silence() {
            say(Tone::Alarm, format!("silent: no {what}"));
        }
        for (time_s, track) in self.contacts.iter().take(MOST_COMPLAINTS) {
            say(Tone::Alarm, format!("ego and track {track} overlap at {time_s:.1} s"));
        }
        for (reason, (frames, first_s)) in &self.stops {
            say(Tone::Alarm, format!("control stops the car in {frames} frames, first at {first_s:.1} s: {reason}"));
        }
        if let Some((frames, first_s)) = self.emergencies {
            say(Tone::Warning, format!("emergency stop in {frames} plans, first at {first_s:.1} s"));
        }
        if self.frames_without_plan > 0 && summary.plans > 0 {
            say(Tone::Warning, format!("{} frames without a plan", self.frames_without_plan));
        }
        if summary.dropped > 0 {
            say(Tone::Warning, format!("{} sets dropped at the door", summary.dropped));
        }
        if result.is_empty() {
            result.push((Tone::Good, "no contact, no stop by control, no emergency stop, no drop".to_string()));
        }
        if let Some((least_s, time_s, track)) = self.closest {
            result.push((
                Tone::Plain,
                format!("least time to collision {least_s:.2} s, at {time_s:.1} s, with track {track}"),
            ));
        }
        if let Some(flips) = summary.decision_flips_per_minute().filter(|_| summary.plans > 0) {
            result.push((Tone::Plain, format!("{flips:.1} changes of decision a minute")));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told_in_words() {
        let mut judged = Judged::default();
        let mut summary = Summary::default();
        assert_eq!(judged.result(&summary), [(Tone::Alarm, "silent: no frames".to_string())]);
        let row = FrameMetrics {
            decision: Some("cruise".into()),
            steering_rad: Some(0.0),
            tracks: Some(3),
            time_to_collision_s: Some(2.5),
            time_to_collision_track: Some(9),
            ..FrameMetrics::default()
        };
        summary.add(&row);
        judged.look_at(&row, 1.0);
        let result = judged.result(&summary);
        assert_eq!(result[0].0, Tone::Good);
        assert!(result[1].1.contains("2.50 s, at 1.0 s, with track 9"), "{result:?}");
        let row = FrameMetrics { collision_track: Some(9), command_stop: Some("stale plan".into()), dropped: 2, ..row };
        summary.add(&row);
        judged.look_at(&row, 1.1);
        let result = judged.result(&summary);
        assert!(
            result.iter().any(|(tone, text)| *tone == Tone::Alarm && text == "ego and track 9 overlap at 1.1 s"),
            "{result:?}"
        );
        assert!(result.iter().any(|(_, text)| text.ends_with("stale plan")));
        assert!(result.iter().all(|(tone, _)| *tone != Tone::Good));
    }
}
