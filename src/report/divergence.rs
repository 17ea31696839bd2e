//! Where two drives part, in words for the page. `evaluate::difference` finds it.

use super::facts::Facts;
use crate::evaluate::difference::{self, Difference, First};
use crate::evaluate::frames::{Frames, TOPICS};
use crate::evaluate::tolerance::Tolerance;
use anyhow::Context;
use recordings::{DriveReader, Message, RunRecord};
use serde::Serialize;
use std::convert::Infallible;
use std::path::Path;

/// What the page says of it.
#[derive(Debug, Serialize)]
pub struct Divergence {
    equal: bool,
    /// Time on the page, s; none if there is no such place.
    time_s: Option<f64>,
    text: String,
    /// The first differing fields with both values.
    fields: Vec<[String; 3]>,
}

/// Compares two drives that are in the page already. What cannot be read of them is left out; the page says so elsewhere.
///
/// # Errors
/// A file that has vanished meanwhile.
pub fn find(drives: [&Path; 2], facts: [&Facts; 2]) -> anyhow::Result<Divergence> {
    let unknown = |text: String| Divergence { equal: false, time_s: None, text, fields: Vec::new() };
    if let Some(facts) = facts.into_iter().find(|facts| !facts.was_run()) {
        return Ok(unknown(format!("{} was never run: there is nothing to compare", facts.name())));
    }
    if !facts[1].overlaps(facts[0]) {
        return Ok(unknown("the drives are of different times: both begin at 0 s and cannot be compared".to_string()));
    }
    let (a, made_a) = open(drives[0])?;
    let (b, made_b) = open(drives[1])?;
    let tolerance = tolerance(&made_a, &made_b);
    let difference = difference::compare(Frames::new(a), Frames::new(b), tolerance).context("comparing")?;
    // The comparison counts from the first frame of either.
    let start_s = facts[0].first_frame_s().min(facts[1].first_frame_s());
    Ok(in_words(&difference, tolerance, start_s))
}

type Messages = Box<dyn Iterator<Item = Result<Message, Infallible>>>;

fn open(path: &Path) -> anyhow::Result<(Messages, RunRecord)> {
    let mut reader = DriveReader::open_cut(path)?;
    reader.only(&TOPICS);
    let record = reader.run_record().cloned().unwrap_or_default();
    let messages: Messages = Box::new(reader.filter_map(Result::ok).map(Ok));
    Ok((messages, record))
}

/// Networks of another library or device need not agree to the last bit.
fn tolerance(a: &RunRecord, b: &RunRecord) -> Tolerance {
    let ran = |record: &RunRecord| (record.engine.clone(), record.provider.clone());
    let both_ran = !a.engine.is_empty() && !b.engine.is_empty();
    if both_ran && ran(a) != ran(b) { Tolerance::Networks } else { Tolerance::Exact }
}

fn in_words(difference: &Difference, tolerance: Tolerance, start_s: f64) -> Divergence {
    let Some(First { frame, time_s, stage, fields, field_count }) = &difference.first else {
        let text = format!("the same in {} frames ({})", difference.frames, tolerance.name());
        return Divergence { equal: true, time_s: None, text, fields: Vec::new() };
    };
    let at_s = start_s + time_s;
    let others = if *field_count > 1 { format!(", {field_count} fields") } else { String::new() };
    let text = format!("frame {frame} at {at_s:.2} s, stage {stage}{others} ({})", tolerance.name());
    let fields = fields.iter().map(|pair| [pair.field.clone(), pair.a.clone(), pair.b.clone()]).collect();
    Divergence { equal: false, time_s: Some(at_s), text, fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::drive;

    #[test]
    fn a_difference_in_words() {
        let frames = |change: f64| {
            let mut messages = drive(20);
            for message in &mut messages {
                if let Message::Plan(plan) = message
                    && plan.frame >= 12
                {
                    plan.cost += change;
                }
            }
            Frames::new(messages.into_iter().map(Ok::<_, Infallible>))
        };
        let found = |change| difference::compare(frames(0.0), frames(change), Tolerance::Exact).unwrap();
        let words = in_words(&found(0.5), Tolerance::Exact, 0.05);
        assert_eq!(words.text, "frame 12 at 1.25 s, stage plan (exact)");
        assert_eq!(words.fields, [["cost", "1.0", "1.5"].map(str::to_string)]);
        assert!(words.time_s.is_some_and(|time_s| (time_s - 1.25).abs() < 1e-9));
        assert!(in_words(&found(0.0), Tolerance::Exact, 0.0).equal);
    }

    #[test]
    fn other_engines_get_the_tolerance_of_networks() {
        let made = |engine: &str| RunRecord { engine: engine.into(), ..RunRecord::default() };
        assert_eq!(tolerance(&made("rten"), &made("ONNX Runtime")), Tolerance::Networks);
        assert_eq!(tolerance(&made("rten"), &made("rten")), Tolerance::Exact);
        // A replay from detections ran none.
        assert_eq!(tolerance(&made("rten"), &made("")), Tolerance::Exact);
    }
}
