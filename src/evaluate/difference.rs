//! Where two runs part, and how far they are apart.

use super::fields::{Field, Value, visit};
use super::frames::{CONTROL, FrameRecord, STAGES};
use super::tolerance::Tolerance;
use recordings::Message;
use serde::Serialize;
use std::collections::BTreeMap;
use types::Stamp;

/// So many differing fields of the first frame are kept with both values.
const SHOWN: usize = 12;

/// A field with its two values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The field.
    pub field: String,
    /// In the first run.
    pub a: String,
    /// In the second run.
    pub b: String,
}

/// The first place at which two runs differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct First {
    /// The frame, by the first run's counter.
    pub frame: u64,
    /// Since the first frame, s.
    pub time_s: f64,
    /// The first stage of the corridor that differs in this frame.
    pub stage: &'static str,
    /// Its differing fields, the first ones.
    pub fields: Vec<Pair>,
    /// How many there are.
    pub field_count: u64,
}

/// A stage over all frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StageRow {
    /// Frames that both runs hold of it.
    pub compared: u64,
    /// Frames that differ.
    pub differ: u64,
}

/// A field over all frames and elements of lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FieldRow {
    /// Frames in which it differs.
    pub frames: u64,
    /// Values that differ.
    pub values: u64,
    /// The largest difference of two numbers.
    pub largest: Option<f64>,
    /// The first frame in which it differs.
    pub first_frame: u64,
}

/// Everything in which two runs differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Frames of both.
    pub frames: u64,
    /// Frames that only the first run has, and only the second.
    pub alone: [u64; 2],
    /// The first difference.
    pub first: Option<First>,
    /// By stage.
    pub stages: BTreeMap<&'static str, StageRow>,
    /// By place of the stage and name of the field.
    #[serde(serialize_with = "with_stage_names")]
    pub fields: BTreeMap<(usize, &'static str), FieldRow>,
}

fn with_stage_names<S: serde::Serializer>(
    fields: &BTreeMap<(usize, &'static str), FieldRow>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|((stage, name), row)| (format!("{} {name}", STAGES[*stage]), row)))
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.first.is_none()
    }
}

/// Compares two runs frame by frame, joined by stamp. Of each no more than a frame is in memory.
///
/// # Errors
/// The first error of either run.
pub fn compare<E>(
    a: impl Iterator<Item = Result<FrameRecord, E>>,
    b: impl Iterator<Item = Result<FrameRecord, E>>,
    tolerance: Tolerance,
) -> Result<Difference, E> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let mut comparer = Comparer { tolerance, ..Comparer::default() };
    loop {
        let stamp = |next: Option<&Result<FrameRecord, E>>| next.and_then(|next| next.as_ref().ok()).map(|f| f.stamp);
        let failed = |next: Option<&Result<FrameRecord, E>>| next.is_some_and(Result::is_err);
        let (is_a, is_b) = match (stamp(a.peek()), stamp(b.peek())) {
            _ if failed(a.peek()) => (true, false),
            _ if failed(b.peek()) => (false, true),
            (Some(x), Some(y)) => (x <= y, y <= x),
            (x, y) => (x.is_some(), y.is_some()),
        };
        let first = if is_a { a.next().transpose()? } else { None };
        let second = if is_b { b.next().transpose()? } else { None };
        match (first, second) {
            (Some(a), Some(b)) => comparer.both(&a, &b),
            (Some(a), None) => comparer.alone(&a, 0),
            (None, Some(b)) => comparer.alone(&b, 1),
            (None, None) => return Ok(comparer.difference),
        }
    }
}

#[derive(Default)]
struct Comparer {
    tolerance: Tolerance,
    difference: Difference,
    start: Option<Stamp>,
    buffers: [Vec<u8>; 2],
}

impl Comparer {
    fn alone(&mut self, record: &FrameRecord, side: usize) {
        let start = *self.start.get_or_insert(record.stamp);
        let mut pair = [Value::Nothing, Value::Nothing];
        pair[side] = Value::Whole(record.frame);
        let field = Field { name: "frame", key: None, index: None };
        self.note(record, start, 0, &[(field, pair)]);
        self.difference.alone[side] += 1;
    }

    fn both(&mut self, a: &FrameRecord, b: &FrameRecord) {
        let start = *self.start.get_or_insert(a.stamp);
        self.difference.frames += 1;
        for (place, stage) in STAGES.iter().enumerate() {
            let (compared, differing) = if place == CONTROL {
                (!(a.commands.is_empty() && b.commands.is_empty()), self.commands(a, b))
            } else {
                self.stage(place, a, b)
            };
            let row = self.difference.stages.entry(stage).or_default();
            row.compared += u64::from(compared);
            row.differ += u64::from(!differing.is_empty());
            if !differing.is_empty() {
                self.note(a, start, place, &differing);
            }
        }
    }

    /// Whether both runs tell of the stage, and what differs in it.
    fn stage(&mut self, place: usize, a: &FrameRecord, b: &FrameRecord) -> (bool, Vec<(Field, [Value; 2])>) {
        let digests = [a, b].map(|record| record.digests.get(STAGES[place]).copied());
        match (&a.outputs[place], &b.outputs[place]) {
            (None, None) => {
                let field = Field { name: "digest", key: None, index: None };
                // Pixels and points are not logged: their digest stands for them. Across machines it says too much.
                let differs = digests[0] != digests[1] && self.tolerance == Tolerance::Exact;
                match digests {
                    [Some(x), Some(y)] if differs => {
                        (true, vec![(field, [x, y].map(|digest| Value::Text(format!("{digest:016x}"))))])
                    }
                    [x, y] => (x.is_some() && y.is_some(), Vec::new()),
                }
            }
            (Some(x), Some(y)) if self.same(x, y, a.stamp) => (true, Vec::new()),
            (x, y) => {
                let mut differing = self.differing(x.as_ref(), y.as_ref());
                if differing.is_empty() && self.tolerance == Tolerance::Exact {
                    // Other bytes without another field: a field that `fields` does not know. Never silent.
                    let field = Field { name: "bytes", key: None, index: None };
                    differing.push((field, [Value::Nothing, Value::Nothing]));
                }
                (true, differing)
            }
        }
    }

    fn commands(&mut self, a: &FrameRecord, b: &FrameRecord) -> Vec<(Field, [Value; 2])> {
        let by_stamp = |record: &FrameRecord| -> BTreeMap<_, Message> {
            record.commands.iter().map(|command| (command.stamp(), command.clone())).collect()
        };
        let (a, b) = (by_stamp(a), by_stamp(b));
        let stamps: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).copied().collect();
        let mut all = Vec::new();
        for stamp in stamps {
            let (x, y) = (a.get(&stamp), b.get(&stamp));
            let is_same = match (x, y) {
                (Some(x), Some(y)) => self.same(x, y, stamp.unwrap_or_default()),
                _ => false,
            };
            if !is_same {
                all.extend(self.differing(x, y));
            }
        }
        all
    }

    /// Whether two messages have the same bytes.
    fn same(&mut self, a: &Message, b: &Message, stamp: Stamp) -> bool {
        let [x, y] = &mut self.buffers;
        x.clear();
        y.clear();
        a.append_to(stamp, x);
        b.append_to(stamp, y);
        x == y
    }

    fn differing(&self, a: Option<&Message>, b: Option<&Message>) -> Vec<(Field, [Value; 2])> {
        let list = |message: Option<&Message>| {
            let mut list = Vec::new();
            if let Some(message) = message {
                visit(message, &mut |field, value| list.push((field, value)));
            }
            list
        };
        let (a, b) = self.tolerance.matched(a, b);
        let (first, second) = (list(a.as_deref()), list(b.as_deref()));
        let mut others: BTreeMap<Field, Value> = second.iter().cloned().collect();
        let mut all = Vec::new();
        for (field, value) in first {
            let other = others.remove(&field).unwrap_or(Value::Nothing);
            if !self.tolerance.allows(field.name, &value, &other) {
                all.push((field, [value, other]));
            }
        }
        for (field, _) in second {
            if let Some(value) = others.remove(&field)
                && !self.tolerance.allows(field.name, &Value::Nothing, &value)
            {
                all.push((field, [Value::Nothing, value]));
            }
        }
        all
    }

    fn note(&mut self, record: &FrameRecord, start: Stamp, place: usize, differing: &[(Field, [Value; 2])]) {
        let frame = record.frame;
        let mut seen: BTreeMap<&'static str, bool> = BTreeMap::new();
        for (field, pair) in differing {
            let first = FieldRow { first_frame: frame, ..FieldRow::default() };
            let row = self.difference.fields.entry((place, field.name)).or_insert(first);
            row.values += 1;
            row.frames += u64::from(seen.insert(field.name, true).is_none());
            let apart = match pair {
                [Value::Number(a), Value::Number(b)] => Some((a - b).abs()),
                [Value::Whole(a), Value::Whole(b)] => Some(a.abs_diff(*b) as f64),
                _ => None,
            };
            row.largest = row.largest.into_iter().chain(apart).max_by(f64::total_cmp);
        }
        self.difference.first.get_or_insert_with(|| First {
            frame,
            time_s: record.stamp.seconds_since(start),
            stage: STAGES[place],
            fields: differing
                .iter()
                .take(SHOWN)
                .map(|(field, [a, b])| Pair { field: field.to_string(), a: a.to_string(), b: b.to_string() })
                .collect(),
            field_count: differing.len() as u64,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::frames::Frames;
    use crate::evaluate::metrics::tests::drive;

    fn compared(a: Vec<Message>, b: Vec<Message>) -> Difference {
        let frames = |messages: Vec<Message>| Frames::new(messages.into_iter().map(Ok::<_, String>));
        compare(frames(a), frames(b), Tolerance::Exact).unwrap()
    }

    #[test]
    fn the_same_run_has_no_difference() {
        let difference = compared(drive(20), drive(20));
        assert!(difference.is_equal() && difference.fields.is_empty());
        assert_eq!((difference.frames, difference.alone), (20, [0, 0]));
        assert_eq!(difference.stages["plan"], StageRow { compared: 20, differ: 0 });
    }

    #[test]
    fn one_bit_of_one_field_is_found() {
        let mut other = drive(20);
        for message in &mut other {
            match message {
                Message::Plan(plan) if plan.frame >= 12 => plan.trajectory.points[3].x += 0.5,
                Message::Command(command) if command.tick == 131 => command.steering_rad = -command.steering_rad,
                _ => {}
            }
        }
        let difference = compared(drive(20), other);
        let first = difference.first.unwrap();
        assert_eq!((first.frame, first.stage, first.field_count), (12, "plan", 1));
        assert!((first.time_s - 1.2).abs() < 1e-9);
        let pair = Pair { field: "trajectory[3].x".into(), a: "27.0".into(), b: "27.5".into() };
        assert_eq!(first.fields, [pair]);
        let row = FieldRow { frames: 8, values: 8, largest: Some(0.5), first_frame: 12 };
        assert_eq!(difference.fields[&(5, "trajectory[].x")], row);
        assert_eq!(difference.stages["control"].differ, 1);
        assert_eq!(difference.fields[&(CONTROL, "tick[].steering")].largest, Some(0.02));
    }

    #[test]
    fn a_missing_frame_and_a_missing_object_are_told() {
        let without = |skip: u64| {
            let keep = move |message: &Message| match message {
                Message::Command(command) => command.tick / 10 != skip,
                other => other.sequence() != skip,
            };
            drive(20).into_iter().filter(keep).collect::<Vec<_>>()
        };
        let difference = compared(drive(20), without(5));
        let first = difference.first.unwrap();
        assert_eq!((first.frame, first.stage, difference.alone, difference.frames), (5, "door", [1, 0], 19));
        let mut fewer = drive(20);
        for message in &mut fewer {
            if let Message::Tracks(tracks) = message {
                tracks.objects.retain(|_| tracks.frame < 3);
            }
        }
        let first = compared(drive(20), fewer).first.unwrap();
        assert_eq!((first.frame, first.stage), (3, "track"));
        assert_eq!(
            (first.fields[0].field.as_str(), first.fields[0].a.as_str(), first.fields[0].b.as_str()),
            ("count", "1", "0")
        );
    }
}
