//! Times of frames as a trace for Perfetto or Chrome.

use crate::runtime::frame::Spans;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Writes a track for each part; a frame is a flow through its parts.
pub fn write(path: &Path, frames: &[Spans], skipped: u64) -> anyhow::Result<()> {
    std::fs::write(path, format!("{}\n", json!({ "displayTimeUnit": "ms", "traceEvents": events(frames, skipped) })))?;
    Ok(())
}

fn events(frames: &[Spans], skipped: u64) -> Vec<Value> {
    let mut tracks: Vec<&'static str> = Vec::new();
    let mut events = Vec::new();
    let Some(first) = frames.iter().map(Spans::begin).min() else { return events };
    let micros = |time: Duration| time.as_nanos() as f64 * 1e-3;
    for (frame, spans) in (skipped..).zip(frames) {
        let mut at = spans.begin() - first;
        let laps = spans.laps();
        for (index, (part, time)) in laps.iter().enumerate() {
            let track = tracks.iter().position(|known| known == part).unwrap_or_else(|| {
                tracks.push(part);
                tracks.len() - 1
            });
            let place = |kind: &str| json!({ "ph": kind, "pid": 1, "tid": track, "ts": micros(at) });
            let with = |mut event: Value, more: &[(&str, Value)]| {
                more.iter().for_each(|(key, value)| event[*key] = value.clone());
                event
            };
            events.push(with(
                place("X"),
                &[("name", json!(part)), ("dur", json!(micros(*time))), ("args", json!({ "frame": frame }))],
            ));
            let flow = match index {
                0 => "s",
                _ if index + 1 == laps.len() => "f",
                _ => "t",
            };
            let own = [("name", json!("frame")), ("cat", json!("frame")), ("id", json!(frame)), ("bp", json!("e"))];
            events.push(with(place(flow), &own));
            at += *time;
        }
    }
    let name = |(track, part): (usize, &&str)| json!({ "ph": "M", "pid": 1, "tid": track, "name": "thread_name", "args": { "name": part } });
    events.extend(tracks.iter().enumerate().map(name));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    #[allow(clippy::disallowed_methods)] // a test makes times
    fn every_part_is_on_its_track_and_every_frame_is_one_flow() {
        let begin = Instant::now();
        let frame = || {
            let mut spans = Spans::starting(begin);
            ["decode", "infer", "decode", "log"].into_iter().for_each(|part| spans.lap(part));
            spans
        };
        let events = events(&[frame(), frame()], 3);
        let of = |kind: &str| events.iter().filter(|event| event["ph"] == kind).collect::<Vec<_>>();
        assert_eq!((of("X").len(), of("M").len()), (8, 3));
        assert_eq!((of("s").len(), of("t").len(), of("f").len()), (2, 4, 2));
        assert_eq!(of("s")[1]["id"], 4);
        let ends = of("X").windows(2).take(3).all(|pair| {
            let end = pair[0]["ts"].as_f64().unwrap() + pair[0]["dur"].as_f64().unwrap();
            (end - pair[1]["ts"].as_f64().unwrap()).abs() < 1e-6
        });
        assert!(ends, "parts follow each other without a gap");
    }
}
