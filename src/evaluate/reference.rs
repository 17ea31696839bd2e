//! What a drive is compared with: digests and numbers of each frame of an earlier run, and what made it.

use super::frames::{CONTROL, FrameRecord, STAGES};
use super::metrics::FrameMetrics;
use super::tolerance::Tolerance;
use recordings::RunRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::hash::Hasher;
use twox_hash::XxHash3_64;
use types::Stamp;

/// The version of the file.
pub const FORMAT: u32 = 1;

/// What made a reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maker {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of Chauffeur.
    pub version: String,
    /// Kind of replay.
    pub mode: String,
    /// SHA-256 of the configuration.
    pub config_sha256: String,
    /// SHA-256 of each network.
    pub models: BTreeMap<String, String>,
    /// Engine, provider, device and processor of the networks; empty if none ran.
    pub engine: String,
    /// The drive's file name.
    pub drive: String,
}

impl From<&RunRecord> for Maker {
    fn from(run: &RunRecord) -> Self {
        Self {
            format: FORMAT,
            version: run.version.clone(),
            mode: run.mode.clone(),
            config_sha256: run.config_sha256.clone(),
            models: run.models.clone(),
            engine: run.engine.clone(),
            drive: run.source.clone(),
        }
    }
}

/// One frame of a reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Digests by stage, in hexadecimal.
    pub digests: BTreeMap<String, String>,
    /// The frame in numbers, rounded to millionths, without what is absent.
    pub metrics: Map<String, Value>,
}

impl Line {
    /// A frame as it is kept.
    #[must_use]
    pub fn new(digests: BTreeMap<String, String>, metrics: &FrameMetrics) -> Self {
        let metrics = match serde_json::to_value(metrics) {
            Ok(Value::Object(all)) => all.into_iter().filter_map(|(key, value)| Some((key, kept(value)?))).collect(),
            _ => Map::new(),
        };
        Self { digests, metrics }
    }

    fn number(&self, key: &str) -> f64 {
        self.metrics.get(key).and_then(Value::as_f64).unwrap_or(0.0)
    }

    /// The frame's stamp.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::from_nanos(self.metrics.get("stamp").and_then(Value::as_i64).unwrap_or(0))
    }
}

fn kept(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) => Some(Value::Array(list.into_iter().filter_map(kept).collect())),
        Value::Object(all) => {
            Some(Value::Object(all.into_iter().filter_map(|(key, value)| Some((key, kept(value)?))).collect()))
        }
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|value| (value * 1e6).round() * 1e-6).map(|value| {
                // A short decimal, not the sum of a rounded product.
                format!("{value:.6}").parse::<f64>().unwrap_or(value)
            });
            rounded.and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        other => Some(other),
    }
}

/// The digests of a frame, control's commands included.
#[must_use]
pub fn digests(record: &FrameRecord) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        record.digests.iter().map(|(stage, digest)| (stage.clone(), format!("{digest:016x}"))).collect();
    let (mut hasher, mut buffer) = (XxHash3_64::with_seed(0), Vec::new());
    for command in &record.commands {
        buffer.clear();
        command.append_to(command.stamp().unwrap_or_default(), &mut buffer);
        hasher.write(&buffer);
    }
    all.insert(STAGES[CONTROL].to_string(), format!("{:016x}", hasher.finish()));
    all
}

/// Where a run leaves its reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parting {
    /// The frame.
    pub frame: u64,
    /// Since the first frame, s.
    pub time_s: f64,
    /// The first stage of the corridor that differs.
    pub stage: String,
    /// Numbers of that frame that differ, the reference first. None if the difference is below a millionth, or in what has no number.
    pub fields: Vec<(String, String, String)>,
}

/// A run beside its reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// `exact` or `networks`.
    pub tolerance: String,
    /// Frames of the reference.
    pub frames: u64,
    /// Frames that differ or that only one of both has.
    pub differ: u64,
    /// Frames that differ, by stage.
    pub stages: BTreeMap<String, u64>,
    /// The first difference.
    pub first: Option<Parting>,
    /// Whether this passes.
    pub passed: bool,
}

/// Compares a run with its reference, frame by frame, joined by stamp.
#[must_use]
pub fn compare(reference: &[Line], run: &[Line], tolerance: Tolerance) -> Comparison {
    let mut comparison =
        Comparison { tolerance: tolerance.name().to_string(), frames: reference.len() as u64, ..Comparison::default() };
    let by_stamp = |lines: &[Line]| -> BTreeMap<Stamp, usize> {
        lines.iter().enumerate().map(|(place, line)| (line.stamp(), place)).collect()
    };
    let (old, new) = (by_stamp(reference), by_stamp(run));
    let stamps: std::collections::BTreeSet<Stamp> = old.keys().chain(new.keys()).copied().collect();
    for stamp in stamps {
        let pair = (old.get(&stamp).map(|&place| &reference[place]), new.get(&stamp).map(|&place| &run[place]));
        let (line, differing, fields) = match pair {
            (Some(old), Some(new)) => (old, differing(old, new, tolerance), fields(old, new, tolerance)),
            (Some(line), None) => (line, vec![0], vec![("frame".into(), line.number("frame").to_string(), "-".into())]),
            (None, Some(line)) => (line, vec![0], vec![("frame".into(), "-".into(), line.number("frame").to_string())]),
            (None, None) => continue,
        };
        let Some(&first) = differing.first() else { continue };
        comparison.differ += 1;
        for stage in &differing {
            *comparison.stages.entry(STAGES[*stage].to_string()).or_default() += 1;
        }
        comparison.first.get_or_insert_with(|| Parting {
            frame: line.number("frame") as u64,
            time_s: line.number("time_s"),
            stage: STAGES[first].to_string(),
            fields: fields.into_iter().take(12).collect(),
        });
    }
    let within = comparison.frames.saturating_sub(comparison.differ) as f64;
    comparison.passed = match tolerance {
        Tolerance::Exact => comparison.differ == 0,
        Tolerance::Networks => within >= super::tolerance::SHARE_OF_FRAMES * comparison.frames as f64,
    };
    comparison
}

/// The stages that differ, in the order of the corridor.
fn differing(old: &Line, new: &Line, tolerance: Tolerance) -> Vec<usize> {
    if tolerance == Tolerance::Exact {
        let differs = |stage: &usize| {
            let name = STAGES[*stage];
            let pair = (old.digests.get(name), new.digests.get(name));
            pair.0 != pair.1
        };
        return (0..STAGES.len()).filter(differs).collect();
    }
    let mut stages: Vec<usize> = fields(old, new, tolerance).iter().map(|(name, ..)| stage_of(name)).collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}

/// The numbers that differ: name, old, new.
fn fields(old: &Line, new: &Line, tolerance: Tolerance) -> Vec<(String, String, String)> {
    let names: std::collections::BTreeSet<&String> = old.metrics.keys().chain(new.metrics.keys()).collect();
    let mut all = Vec::new();
    for name in names {
        let (a, b) = (old.metrics.get(name).unwrap_or(&Value::Null), new.metrics.get(name).unwrap_or(&Value::Null));
        if a != b && !(tolerance == Tolerance::Networks && near(name, a, b)) {
            let shown = |value: &Value| match value {
                Value::Null => "-".to_string(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            all.push((name.clone(), shown(a), shown(b)));
        }
    }
    all.sort_by_key(|(name, ..)| stage_of(name));
    all
}

/// Whether two values of a metric are the same in the tolerance of networks.
fn near(name: &str, a: &Value, b: &Value) -> bool {
    let limit = match name {
        "reason" | "candidates" | "command_limits" | "parts" | "latency_ms" | "time_to_collision_track" => return true,
        "time_to_collision_s" => 0.11,
        "plan_cost" => 0.1,
        // A difference of 1e-3 in a tenth of a second.
        "jerk_mps3" | "commanded_jerk_mps3" => 0.02,
        "detection_sums" | "track_sums" => 0.05,
        "plan_path_deviation_m" | "plan_place_deviation_m" => 1e-2,
        _ => 1e-3,
    };
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| apart(a, b).is_some_and(|apart| apart <= limit))
        }
        (a, b) if a.is_u64() && b.is_u64() => a == b,
        // At the end of the horizon a contact is seen or not.
        (Value::Null, b) if name == "time_to_collision_s" => b.as_f64().is_some_and(|time| time >= 5.8),
        (a, Value::Null) if name == "time_to_collision_s" => a.as_f64().is_some_and(|time| time >= 5.8),
        (a, b) => apart(a, b).is_some_and(|apart| apart <= limit),
    }
}

fn apart(a: &Value, b: &Value) -> Option<f64> {
    Some((a.as_f64()? - b.as_f64()?).abs())
}

/// The stage that a metric comes from.
fn stage_of(name: &str) -> usize {
    match name {
        "frame" | "stamp" | "time_s" | "dropped" => 0,
        "speed_mps" | "acceleration_mps2" | "lateral_acceleration_mps2" | "jerk_mps3" => 2,
        "camera_detections" | "lidar_detections" | "detection_sums" => 3,
        "tracks" | "track_sums" | "time_to_collision_s" | "time_to_collision_track" | "collision_track" | "labels" => 4,
        "decision"
        | "decision_track"
        | "reason"
        | "plan_cost"
        | "candidates"
        | "plan_path_deviation_m"
        | "plan_place_deviation_m" => 5,
        _ => CONTROL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(change: impl Fn(u64, &mut FrameMetrics)) -> Vec<Line> {
        let line = |frame: u64| {
            let mut metrics = FrameMetrics {
                frame,
                stamp: Stamp::from_nanos(frame as i64 * 100_000_000),
                time_s: 0.1 * frame as f64,
                speed_mps: Some(10.0 / 3.0),
                tracks: Some(3),
                decision: Some("cruise".into()),
                ..FrameMetrics::default()
            };
            change(frame, &mut metrics);
            let plan = format!("{:?}{:?}", metrics.decision, metrics.plan_cost);
            let digests = [("track", format!("{:?}", metrics.tracks)), ("plan", plan)];
            Line::new(digests.into_iter().map(|(stage, digest)| (stage.to_string(), digest)).collect(), &metrics)
        };
        (0..10).map(line).collect()
    }

    #[test]
    fn lines_are_short_and_come_back() {
        let line = &lines(|_, _| {})[3];
        let text = serde_json::to_string(line).unwrap();
        assert!(text.contains("\"speed_mps\":3.333333,") && !text.contains("null"), "{text}");
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), *line);
    }

    #[test]
    fn the_first_frame_and_stage_are_found() {
        let same = compare(&lines(|_, _| {}), &lines(|_, _| {}), Tolerance::Exact);
        assert!(same.passed && same.first.is_none() && same.frames == 10);
        let other = lines(|frame, metrics| {
            if frame >= 4 {
                metrics.decision = Some("stop".into());
            }
        });
        let comparison = compare(&lines(|_, _| {}), &other, Tolerance::Exact);
        let first = comparison.first.unwrap();
        assert_eq!((first.frame, first.stage.as_str(), comparison.differ), (4, "plan", 6));
        assert_eq!(first.fields, [("decision".to_string(), "cruise".to_string(), "stop".to_string())]);
        assert!(!compare(&lines(|_, _| {}), &other, Tolerance::Networks).passed);
        let missing = compare(&lines(|_, _| {}), &other[..9], Tolerance::Exact);
        assert_eq!((missing.differ, missing.stages["door"]), (6, 1));
    }

    #[test]
    fn what_is_below_the_tolerance_of_networks_passes_it_and_not_the_exact_one() {
        let other = lines(|_, metrics| metrics.plan_cost = Some(1e-5));
        let plain = lines(|_, metrics| metrics.plan_cost = Some(0.0));
        assert!(!compare(&plain, &other, Tolerance::Exact).passed);
        assert!(compare(&plain, &other, Tolerance::Networks).passed);
        let more = lines(|frame, metrics| metrics.tracks = Some(if frame == 7 { 4 } else { 3 }));
        assert!(!compare(&plain, &more, Tolerance::Networks).passed);
    }
}
