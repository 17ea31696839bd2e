//! The numbers of a drive over time, as columns.

use crate::evaluate::FrameMetrics;
use serde::Serialize;
use types::DecisionKind;

/// One line of a chart: its name and where its numbers come from.
type Line = (&'static str, fn(&FrameMetrics) -> Option<f64>);

/// Title, unit and lines of each chart. An angle is shown in degrees.
#[rustfmt::skip]
const CHARTS: [(&str, &str, &[Line]); 10] = [
    ("speed", "m/s", &[("ego", |m| m.speed_mps)]),
    ("acceleration", "m/s²", &[("ego", |m| m.acceleration_mps2), ("commanded", |m| m.commanded_acceleration_mps2)]),
    ("steering, front wheels, left is positive", "°", &[("commanded", |m| m.steering_rad.map(f64::to_degrees))]),
    ("lateral acceleration, left is positive", "m/s²", &[
        ("ego", |m| m.lateral_acceleration_mps2),
        ("commanded", |m| m.commanded_lateral_acceleration_mps2),
    ]),
    ("jerk", "m/s³", &[("ego", |m| m.jerk_mps3), ("commanded", |m| m.commanded_jerk_mps3)]),
    ("time to collision, if nobody changes speed", "s", &[("nearest track", |m| m.time_to_collision_s)]),
    ("objects", "", &[
        ("tracks", |m| number(m.tracks)),
        ("lidar detections", |m| number(m.lidar_detections)),
        ("camera detections", |m| number(m.camera_detections)),
    ]),
    ("objects that are there, within 50 m", "", &[
        ("asked for", |m| m.labels.map(|labels| labels.asked as f64)),
        ("tracked", |m| m.labels.map(|labels| labels.tracked as f64)),
        ("false tracks", |m| m.labels.map(|labels| labels.false_tracks as f64)),
    ]),
    ("plan beside the way then driven", "m", &[
        ("across, in 3 s", |m| m.plan_path_deviation_m),
        ("place, after 2 s", |m| m.plan_place_deviation_m),
    ]),
    ("dropped at the door", "sets", &[("since the frame before", |m| Some(m.dropped as f64))]),
];

fn number(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}

/// A chart.
#[derive(Debug, Serialize)]
struct Chart {
    title: &'static str,
    unit: &'static str,
    lines: Vec<(&'static str, Vec<Option<f64>>)>,
}

/// Measured parts of every frame: for each part begin and length by frame, ms.
#[derive(Debug, Default, Serialize)]
struct Latency {
    parts: Vec<String>,
    begins: Vec<Vec<Option<f64>>>,
    lengths: Vec<Vec<Option<f64>>>,
}

/// The columns.
#[derive(Debug, Serialize)]
pub struct Series {
    times: Vec<f64>,
    frames: Vec<u64>,
    charts: Vec<Chart>,
    /// Index into the names of decisions.
    decisions: Vec<Option<usize>>,
    decision_tracks: Vec<Option<u64>>,
    reasons: Vec<Option<String>>,
    collision_tracks: Vec<Option<u64>>,
    contact_tracks: Vec<Option<u64>>,
    stops: Vec<Option<String>>,
    limits: Vec<u32>,
    latency: Latency,
}

impl Default for Series {
    fn default() -> Self {
        let chart = |&(title, unit, lines): &(&'static str, &'static str, &[Line])| Chart {
            title,
            unit,
            lines: lines.iter().map(|line| (line.0, Vec::new())).collect(),
        };
        Self {
            times: Vec::new(),
            frames: Vec::new(),
            charts: CHARTS.iter().map(chart).collect(),
            decisions: Vec::new(),
            decision_tracks: Vec::new(),
            reasons: Vec::new(),
            collision_tracks: Vec::new(),
            contact_tracks: Vec::new(),
            stops: Vec::new(),
            limits: Vec::new(),
            latency: Latency::default(),
        }
    }
}

impl Series {
    /// Frames so far.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.times.len()
    }

    /// Adds a frame, `time_s` after the start of the drive.
    pub fn add(&mut self, row: &FrameMetrics, time_s: f64) {
        for (chart, (_, _, lines)) in self.charts.iter_mut().zip(&CHARTS) {
            for (column, (_, value)) in chart.lines.iter_mut().zip(*lines) {
                column.1.push(value(row).and_then(rounded));
            }
        }
        let kind = row.decision.as_deref().and_then(DecisionKind::from_name);
        self.decisions.push(kind.map(|kind| kind as usize));
        self.decision_tracks.push(row.decision_track);
        self.reasons.push(row.reason.clone());
        self.collision_tracks.push(row.time_to_collision_track);
        self.contact_tracks.push(row.collision_track);
        self.stops.push(row.command_stop.clone());
        self.limits.push(row.command_limits);
        self.latency.add(row, self.times.len());
        self.times.push(time_s);
        self.frames.push(row.frame);
    }
}

impl Latency {
    fn add(&mut self, row: &FrameMetrics, frame: usize) {
        for part in &row.parts {
            if !self.parts.contains(&part.name) {
                self.parts.push(part.name.clone());
                self.begins.push(vec![None; frame]);
                self.lengths.push(vec![None; frame]);
            }
        }
        for ((name, begins), lengths) in self.parts.iter().zip(&mut self.begins).zip(&mut self.lengths) {
            let part = row.parts.iter().find(|part| part.name == *name);
            begins.push(part.and_then(|part| rounded(part.start_ms)));
            lengths.push(part.and_then(|part| rounded(part.duration_ms)));
        }
    }
}

/// Thousandths; nothing for what is not finite.
fn rounded(value: f64) -> Option<f64> {
    value.is_finite().then(|| (1e3 * value).round() / 1e3 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Part;

    #[test]
    fn columns_stay_of_one_length() {
        let part = |name: &str| Part { name: name.into(), start_ms: 1.0, duration_ms: 2.0 };
        let mut series = Series::default();
        series.add(&FrameMetrics { speed_mps: Some(1.23456), ..FrameMetrics::default() }, 0.0);
        series.add(
            &FrameMetrics { parts: vec![part("decode")], speed_mps: Some(f64::NAN), ..FrameMetrics::default() },
            0.1,
        );
        series.add(&FrameMetrics { parts: vec![part("plan")], ..FrameMetrics::default() }, 0.2);
        assert_eq!(series.frames(), 3);
        assert_eq!(series.charts[0].lines[0].1, [Some(1.235), None, None]);
        assert_eq!(series.latency.lengths, [vec![None, Some(2.0), None], vec![None, None, Some(2.0)]]);
        let value = serde_json::to_value(&series).unwrap();
        for column in ["times", "frames", "decisions", "reasons", "stops", "limits", "contact_tracks"] {
            assert_eq!(value[column].as_array().unwrap().len(), 3, "{column}");
        }
    }
}
