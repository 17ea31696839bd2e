//! What a drive must be like: criteria out of a typed TOML file, and what became of each.

use super::metrics::FrameMetrics;
use super::summary::Summary;
use serde::{Deserialize, Serialize};

/// The version of the file that this program reads.
pub const VERSION: u32 = 1;

/// The criteria that hold where no file is given.
pub const DEFAULT: &str = include_str!("criteria.toml");

/// A file of criteria.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    /// [`VERSION`].
    pub version: u32,
    /// The criteria.
    #[serde(default)]
    pub criterion: Vec<Criterion>,
}

/// What a failed criterion means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The drive fails.
    #[default]
    Error,
    /// It is told.
    Warn,
}

/// What is measured. The first group gives a value for each frame, the second one for the drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// 1 in a frame whose ego overlaps a track, else 0.
    Collision,
    /// Until the ego touches a track if nobody changes speed; beyond the horizon it is infinite.
    TimeToCollisionS,
    /// Speed of the ego.
    SpeedMps,
    /// Magnitude of the ego's acceleration.
    AccelerationMps2,
    /// Magnitude of the ego's lateral acceleration.
    LateralAccelerationMps2,
    /// Magnitude of the ego's jerk.
    JerkMps3,
    /// Magnitude of the commanded acceleration.
    CommandedAccelerationMps2,
    /// Magnitude of the lateral acceleration that the commanded steering makes.
    CommandedLateralAccelerationMps2,
    /// Magnitude of the jerk of the commanded acceleration.
    CommandedJerkMps3,
    /// Magnitude of the commanded angle of the front wheels.
    SteeringRad,
    /// Across from the planned path to where the car went within 3 s.
    PlanPathDeviationM,
    /// Between the planned and the recorded place 2 s later.
    PlanPlaceDeviationM,
    /// Time of a frame, for drives of the wall clock.
    LatencyMs,
    /// Reason of a decision to stop, and of control's own stops: text, see `one_of`.
    StopReason,
    /// Changes of the kind of decision in a minute.
    DecisionFlipsPerMinute,
    /// Share of the labelled objects that were detected, 0..1.
    DetectionRecall,
    /// Share of the labelled objects that were tracked, 0..1.
    TrackingRecall,
    /// MOTA, at most 1.
    TrackingAccuracy,
    /// Changes of identity of labelled objects.
    IdentitySwitches,
    /// Sets dropped at the door.
    Dropped,
    /// 99th percentile of the time of a frame in this run, all stages one after the other.
    LatencyP99Ms,
    /// The most memory that this run had.
    PeakMemoryMb,
}

/// Which frames, and which drives, a criterion is about.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// From and to, of the ego's speed, m/s.
    pub speed_mps: Option<[f64; 2]>,
    /// From and to, since the first frame, s.
    pub time_s: Option<[f64; 2]>,
    /// Kinds of decision.
    pub decision: Vec<String>,
    /// Begins of the names of drives.
    pub drive: Vec<String>,
}

/// One criterion.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// For people; without it the measure.
    #[serde(default)]
    pub name: String,
    /// What is measured.
    pub measure: Measure,
    /// The least value.
    pub at_least: Option<f64>,
    /// The largest value.
    pub at_most: Option<f64>,
    /// For `stop_reason`: a reason must hold one of these texts.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// What failing means.
    #[serde(default)]
    pub level: Level,
    /// Share of the judged frames that must hold it, percent; 100 if it is not given.
    pub pass_rate: Option<f64>,
    /// Which frames and drives.
    #[serde(default)]
    pub filter: Filter,
}

/// Whether a criterion holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not.
    Failed,
    /// The drive has nothing to judge it by.
    NotJudged,
}

/// What became of a criterion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What it asks for, in words.
    pub wanted: String,
    /// Its level.
    pub level: Level,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Frames judged; 1 for a measure of the drive.
    pub judged: u64,
    /// Those that do not hold it.
    pub failed: u64,
    /// The worst value, or the first text that is not wanted.
    pub worst: Option<String>,
    /// The frame of that value.
    pub frame: Option<u64>,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// 99th percentile of a frame's time, ms.
    pub latency_p99_ms: Option<f64>,
    /// The most memory, MB.
    pub peak_memory_mb: Option<f64>,
}

impl Criteria {
    /// Reads a file's text.
    ///
    /// # Errors
    /// One line: an unknown key or measure, a version or a bound that cannot be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let criteria: Self = toml::from_str(text).map_err(|error| one_line(&error, text))?;
        if criteria.version != VERSION {
            return Err(format!("version {} is not {VERSION}, which this program reads", criteria.version));
        }
        for criterion in &criteria.criterion {
            criterion.implausible().map_or(Ok(()), |why| Err(format!("criterion \"{}\": {why}", criterion.title())))?;
        }
        Ok(criteria)
    }

    /// Judges a drive.
    #[must_use]
    pub fn judge(&self, drive: &str, rows: &[FrameMetrics], summary: &Summary, cost: &Cost) -> Vec<Outcome> {
        let applies = |criterion: &&Criterion| {
            let names = &criterion.filter.drive;
            names.is_empty() || names.iter().any(|begin| drive.starts_with(begin.as_str()))
        };
        self.criterion.iter().filter(applies).map(|criterion| criterion.judge(rows, summary, cost)).collect()
    }
}

fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("line {line}: {}", error.message().trim().replace('\n', " "))
}

impl Measure {
    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_string)).unwrap_or_default()
    }

    fn is_of_drive(self) -> bool {
        matches!(
            self,
            Self::DecisionFlipsPerMinute
                | Self::DetectionRecall
                | Self::TrackingRecall
                | Self::TrackingAccuracy
                | Self::IdentitySwitches
                | Self::Dropped
                | Self::LatencyP99Ms
                | Self::PeakMemoryMb
        )
    }

    fn of_drive(self, summary: &Summary, cost: &Cost) -> Option<f64> {
        match self {
            Self::DecisionFlipsPerMinute => summary.decision_flips_per_minute(),
            Self::DetectionRecall => summary.detection_recall(),
            Self::TrackingRecall => summary.tracking_recall(),
            Self::TrackingAccuracy => summary.tracking_accuracy(),
            Self::IdentitySwitches => (summary.asked > 0).then_some(summary.identity_switches as f64),
            Self::Dropped => Some(summary.dropped as f64),
            Self::LatencyP99Ms => cost.latency_p99_ms,
            Self::PeakMemoryMb => cost.peak_memory_mb,
            _ => None,
        }
    }

    fn of_frame(self, row: &FrameMetrics) -> Option<f64> {
        let magnitude = |value: Option<f64>| value.map(f64::abs);
        match self {
            Self::Collision => row.tracks.map(|_| f64::from(u8::from(row.collision_track.is_some()))),
            Self::TimeToCollisionS => row.tracks.map(|_| row.time_to_collision_s.unwrap_or(f64::INFINITY)),
            Self::SpeedMps => row.speed_mps,
            Self::AccelerationMps2 => magnitude(row.acceleration_mps2),
            Self::LateralAccelerationMps2 => magnitude(row.lateral_acceleration_mps2),
            Self::JerkMps3 => magnitude(row.jerk_mps3),
            Self::CommandedAccelerationMps2 => magnitude(row.commanded_acceleration_mps2),
            Self::CommandedLateralAccelerationMps2 => magnitude(row.commanded_lateral_acceleration_mps2),
            Self::CommandedJerkMps3 => magnitude(row.commanded_jerk_mps3),
            Self::SteeringRad => magnitude(row.steering_rad),
            Self::PlanPathDeviationM => row.plan_path_deviation_m,
            Self::PlanPlaceDeviationM => row.plan_place_deviation_m,
            Self::LatencyMs => row.latency_ms,
            _ => None,
        }
    }
}

impl Filter {
    fn takes(&self, row: &FrameMetrics) -> bool {
        let within = |range: Option<[f64; 2]>, value: Option<f64>| {
            range.is_none_or(|[low, high]| value.is_some_and(|value| (low..=high).contains(&value)))
        };
        let decided = |kind: &String| row.decision.as_ref() == Some(kind);
        within(self.speed_mps, row.speed_mps)
            && within(self.time_s, Some(row.time_s))
            && (self.decision.is_empty() || self.decision.iter().any(decided))
    }
}

/// The reason of a stop in a frame: control's own, or the planner's.
fn stop_reason(row: &FrameMetrics) -> Option<&str> {
    let stops = row.decision.as_deref().is_some_and(|kind| kind == "stop" || kind == "emergency stop");
    row.command_stop.as_deref().or(if stops { row.reason.as_deref() } else { None })
}

impl Criterion {
    fn title(&self) -> String {
        if self.name.is_empty() { self.measure.name() } else { self.name.clone() }
    }

    /// Why it cannot be judged by anybody.
    fn implausible(&self) -> Option<String> {
        let is_text = self.measure == Measure::StopReason;
        let bounds = [self.at_least, self.at_most];
        let rates = self.pass_rate.into_iter().find(|rate| !(0.0..=100.0).contains(rate));
        let ranges = [("speed_mps", self.filter.speed_mps), ("time_s", self.filter.time_s)];
        let reversed = ranges
            .into_iter()
            .find(|(_, range)| range.is_some_and(|[low, high]| low.is_nan() || high.is_nan() || low > high));
        let of_frames =
            self.filter.speed_mps.is_some() || self.filter.time_s.is_some() || !self.filter.decision.is_empty();
        if is_text && (self.one_of.is_empty() || bounds != [None, None]) {
            Some("stop_reason wants one_of, and no at_least or at_most".into())
        } else if !is_text && !self.one_of.is_empty() {
            Some("one_of is for stop_reason".into())
        } else if !is_text && bounds == [None, None] {
            Some("at_least or at_most is missing".into())
        } else if bounds.iter().flatten().any(|bound| !bound.is_finite()) {
            Some("a bound is not finite".into())
        } else if let Some(rate) = rates {
            Some(format!("pass_rate {rate} is outside 0 to 100"))
        } else if let Some((name, _)) = reversed {
            Some(format!("filter.{name} is not from low to high"))
        } else if self.measure.is_of_drive() && (self.pass_rate.is_some() || of_frames) {
            Some(format!("{} is one number a drive: no pass_rate, no filter of frames", self.measure.name()))
        } else {
            None
        }
    }

    fn wanted(&self) -> String {
        let mut words = vec![self.measure.name()];
        words.extend(self.at_least.map(|bound| format!("at least {bound}")));
        words.extend(self.at_most.map(|bound| format!("at most {bound}")));
        if !self.one_of.is_empty() {
            words.push(format!("one of \"{}\"", self.one_of.join("\", \"")));
        }
        words.extend(self.pass_rate.map(|rate| format!("in {rate} % of the frames")));
        words.join(" ")
    }

    /// How far outside of the bounds; zero inside, infinite if it is no number.
    fn excess(&self, value: f64) -> f64 {
        let below = self.at_least.map_or(0.0, |bound| bound - value);
        let above = self.at_most.map_or(0.0, |bound| value - bound);
        if value.is_nan() { f64::INFINITY } else { below.max(above).max(0.0) }
    }

    fn judge(&self, rows: &[FrameMetrics], summary: &Summary, cost: &Cost) -> Outcome {
        let mut outcome = Outcome {
            name: self.title(),
            wanted: self.wanted(),
            level: self.level,
            verdict: Verdict::NotJudged,
            judged: 0,
            failed: 0,
            worst: None,
            frame: None,
        };
        if self.measure.is_of_drive() {
            if let Some(value) = self.measure.of_drive(summary, cost) {
                outcome.judged = 1;
                outcome.failed = u64::from(self.excess(value) > 0.0);
                outcome.worst = Some(shown(value));
            }
        } else if self.measure == Measure::StopReason {
            self.judge_reasons(rows, &mut outcome);
        } else {
            self.judge_frames(rows, &mut outcome);
        }
        if outcome.judged > 0 {
            let held = 100.0 * (outcome.judged - outcome.failed) as f64 / outcome.judged as f64;
            let passed = held >= self.pass_rate.unwrap_or(100.0);
            outcome.verdict = if passed { Verdict::Passed } else { Verdict::Failed };
        }
        outcome
    }

    fn judge_frames(&self, rows: &[FrameMetrics], outcome: &mut Outcome) {
        let mut worst: Option<f64> = None;
        for row in rows.iter().filter(|row| self.filter.takes(row)) {
            let Some(value) = self.measure.of_frame(row) else { continue };
            outcome.judged += 1;
            outcome.failed += u64::from(self.excess(value) > 0.0);
            // The worst is what is farthest beyond a bound, or nearest to it.
            let nearness = match (self.at_least, self.at_most) {
                (Some(low), Some(high)) => (low - value).max(value - high),
                (Some(_), None) => -value,
                _ => value,
            };
            if worst.is_none_or(|most| nearness > most) {
                worst = Some(nearness);
                (outcome.worst, outcome.frame) = (Some(shown(value)), Some(row.frame));
            }
        }
    }

    fn judge_reasons(&self, rows: &[FrameMetrics], outcome: &mut Outcome) {
        for row in rows.iter().filter(|row| self.filter.takes(row)) {
            let Some(reason) = stop_reason(row) else { continue };
            outcome.judged += 1;
            if self.one_of.iter().any(|wanted| reason.contains(wanted.as_str())) {
                continue;
            }
            outcome.failed += 1;
            if outcome.worst.is_none() {
                (outcome.worst, outcome.frame) = (Some(reason.to_string()), Some(row.frame));
            }
        }
    }
}

fn shown(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        "-".to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Metrics;
    use crate::evaluate::metrics::tests::drive;
    use types::Vehicle;

    fn judged(text: &str) -> Vec<Outcome> {
        let mut metrics = Metrics::new(Vehicle::default());
        let mut rows: Vec<FrameMetrics> = drive(50).iter().flat_map(|message| metrics.take(message)).collect();
        rows.extend(metrics.finish());
        let mut summary = Summary::default();
        rows.iter().for_each(|row| summary.add(row));
        let cost = Cost { latency_p99_ms: Some(12.0), peak_memory_mb: None };
        Criteria::parse(text).unwrap().judge("street", &rows, &summary, &cost)
    }

    fn one(body: &str) -> Outcome {
        judged(&format!("version = 1\n[[criterion]]\n{body}")).remove(0)
    }

    #[test]
    fn the_default_criteria_are_criteria() {
        let criteria = Criteria::parse(DEFAULT).unwrap();
        assert!(criteria.criterion.len() >= 8);
    }

    #[test]
    fn bounds_rates_and_filters() {
        let near = one("measure = \"time_to_collision_s\"\nat_least = 3.0");
        assert_eq!((near.verdict, near.judged), (Verdict::Failed, 50));
        assert_eq!((near.worst.as_deref(), near.frame), (Some("0.55"), Some(49)));
        let most = one("measure = \"time_to_collision_s\"\nat_least = 3.0\npass_rate = 10");
        assert_eq!(most.verdict, Verdict::Passed);
        let early = one("measure = \"time_to_collision_s\"\nat_least = 3.0\nfilter = { time_s = [0.0, 1.0] }");
        assert_eq!((early.verdict, early.judged), (Verdict::Passed, 11));
        let slow = one("measure = \"collision\"\nat_most = 0\nfilter = { speed_mps = [0.0, 1.0] }");
        assert_eq!((slow.verdict, slow.judged), (Verdict::NotJudged, 0));
        let flips = one("measure = \"decision_flips_per_minute\"\nat_most = 10\nlevel = \"warn\"");
        assert_eq!((flips.verdict, flips.level), (Verdict::Failed, Level::Warn));
        assert_eq!(one("measure = \"detection_recall\"\nat_least = 0.5").verdict, Verdict::NotJudged);
        assert_eq!(one("measure = \"latency_p99_ms\"\nat_most = 10").verdict, Verdict::Failed);
        assert_eq!(one("measure = \"peak_memory_mb\"\nat_most = 10").verdict, Verdict::NotJudged);
        assert!(
            judged("version = 1\n[[criterion]]\nmeasure = \"dropped\"\nat_most = 1\nfilter = { drive = [\"town\"] }")
                .is_empty()
        );
    }

    #[test]
    fn reasons_of_stops() {
        let text = "version = 1\n[[criterion]]\nmeasure = \"stop_reason\"\none_of = [\"red light\"]";
        let criteria = Criteria::parse(text).unwrap();
        let row = |frame, decision: &str, reason: &str| FrameMetrics {
            frame,
            decision: Some(decision.into()),
            reason: Some(reason.into()),
            ..FrameMetrics::default()
        };
        let rows = [
            row(0, "cruise", "free"),
            row(1, "stop", "stops for the red light 7"),
            row(2, "stop", "stands behind car 3"),
        ];
        let outcome = &criteria.judge("x", &rows, &Summary::default(), &Cost::default())[0];
        assert_eq!((outcome.verdict, outcome.judged, outcome.failed, outcome.frame), (Verdict::Failed, 2, 1, Some(2)));
        assert_eq!(outcome.worst.as_deref(), Some("stands behind car 3"));
    }

    #[test]
    fn what_cannot_be_a_criterion_is_refused() {
        for (text, named) in [
            ("version = 2", "version 2 is not 1"),
            ("version = 1\nspeed = 3", "line 2: unknown field `speed`"),
            ("version = 1\n[[criterion]]\nmeasure = \"beauty\"\nat_least = 1", "unknown variant `beauty`"),
            ("version = 1\n[[criterion]]\nmeasure = \"jerk_mps3\"", "at_least or at_most is missing"),
            ("version = 1\n[[criterion]]\nmeasure = \"jerk_mps3\"\nat_most = 1\npass_rate = 101", "pass_rate 101"),
            ("version = 1\n[[criterion]]\nmeasure = \"dropped\"\nat_most = 1\npass_rate = 50", "one number a drive"),
            ("version = 1\n[[criterion]]\nmeasure = \"stop_reason\"\nat_most = 1", "wants one_of"),
        ] {
            let said = Criteria::parse(text).unwrap_err();
            assert!(said.contains(named), "{said}");
        }
    }
}
