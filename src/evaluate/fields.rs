//! The fields of what a stage made, one by one, for whoever compares two of them.

use recordings::Message;
use std::fmt;
use types::{Admission, Box3, Command, Detections, EgoState, Plan, PoseSource, Tracks};

/// A field by name, and which one of a list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// Name, with `[]` for each list that it lies in.
    pub name: &'static str,
    /// Place in the outer list, or the identity of a track or a tick.
    pub key: Option<u64>,
    /// Place in the inner list.
    pub index: Option<u64>,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = [self.key, self.index].into_iter().flatten();
        let mut parts = self.name.split("[]");
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| match places.next() {
            Some(place) => write!(f, "[{place}]{part}"),
            None => write!(f, "[]{part}"),
        })
    }
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number with a fraction.
    Number(f64),
    /// A whole number.
    Whole(u64),
    /// Text.
    Text(String),
    /// The field is empty.
    Nothing,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Nothing => f.write_str("-"),
        }
    }
}

impl Value {
    /// Whether both hold the same bits.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }
}

/// Sees the fields of one message in the order in which a person would ask for them.
struct Visitor<'a> {
    see: &'a mut dyn FnMut(Field, Value),
    key: Option<u64>,
    index: Option<u64>,
}

impl Visitor<'_> {
    fn put(&mut self, name: &'static str, value: Value) {
        (self.see)(Field { name, key: self.key, index: self.index }, value);
    }

    fn numbers<const N: usize>(&mut self, numbers: [(&'static str, f64); N]) {
        numbers.into_iter().for_each(|(name, value)| self.put(name, Value::Number(value)));
    }

    fn whole(&mut self, name: &'static str, value: impl Into<Option<u64>>) {
        self.put(name, value.into().map_or(Value::Nothing, Value::Whole));
    }

    fn text(&mut self, name: &'static str, value: &str) {
        self.put(name, Value::Text(value.to_string()));
    }

    /// What follows belongs to this element.
    fn at(&mut self, key: u64) {
        (self.key, self.index) = (Some(key), None);
    }
}

/// Shows every field of a message of a stage; of other messages none.
pub fn visit(message: &Message, see: &mut dyn FnMut(Field, Value)) {
    let mut visitor = Visitor { see, key: None, index: None };
    match message {
        Message::Admission(admission) => door(admission, &mut visitor),
        Message::Ego { state, .. } => ego(state, &mut visitor),
        Message::Detections(detections) => detected(detections, &mut visitor),
        Message::Tracks(tracks) => tracked(tracks, &mut visitor),
        Message::Plan(plan) => planned(plan, &mut visitor),
        Message::Command(command) => commanded(command, &mut visitor),
        _ => {}
    }
}

fn door(admission: &Admission, v: &mut Visitor<'_>) {
    v.whole("frame", admission.frame);
    v.whole("camera", admission.camera);
    v.whole("lidar", admission.lidar);
    v.whole("ins", admission.ins);
    v.whole("signals", admission.signals);
    v.whole("wheel_speed", admission.wheel_speed);
    v.whole("dropped", admission.dropped);
}

fn ego(state: &EgoState, v: &mut Visitor<'_>) {
    let (place, turn) = (state.odom_from_base.translation.vector, state.odom_from_base.rotation.coords);
    v.numbers([("x", place.x), ("y", place.y), ("z", place.z)]);
    v.numbers([("qx", turn.x), ("qy", turn.y), ("qz", turn.z), ("qw", turn.w)]);
    v.numbers([
        ("speed_mps", state.speed_mps),
        ("acceleration_mps2", state.acceleration_mps2),
        ("yaw_rate_radps", state.yaw_rate_radps),
    ]);
    v.text(
        "source",
        match state.source {
            PoseSource::Ins => "ins",
            PoseSource::LidarOdometry => "lidar odometry",
            PoseSource::Fused => "fused",
        },
    );
}

fn detected(detections: &Detections, v: &mut Visitor<'_>) {
    v.whole("lidar count", detections.lidar.len() as u64);
    v.whole("camera count", detections.camera.len() as u64);
    for (index, object) in detections.lidar.iter().enumerate() {
        v.at(index as u64);
        v.text("lidar[].class", object.class.name());
        v.numbers([("lidar[].score", object.score)]);
        let Box3 { center: [x, y, z], length, width, height, yaw } = object.bbox;
        v.numbers([("lidar[].x", x), ("lidar[].y", y), ("lidar[].z", z), ("lidar[].yaw", yaw)]);
        v.numbers([("lidar[].length", length), ("lidar[].width", width), ("lidar[].height", height)]);
        v.whole("lidar[].points", u64::from(object.point_count));
        v.numbers([("lidar[].seen_after", object.seen_after_s)]);
        v.whole("lidar[].camera", object.camera.map(u64::from));
    }
    for (index, object) in detections.camera.iter().enumerate() {
        v.at(index as u64);
        v.text("camera[].class", object.class.name());
        v.numbers([("camera[].score", object.score)]);
        let edges = object.bbox;
        v.numbers([("camera[].x_min", edges.x_min), ("camera[].y_min", edges.y_min)]);
        v.numbers([("camera[].x_max", edges.x_max), ("camera[].y_max", edges.y_max)]);
    }
}

fn tracked(tracks: &Tracks, v: &mut Visitor<'_>) {
    v.whole("count", tracks.objects.len() as u64);
    for track in &tracks.objects {
        v.at(track.id);
        v.text("track[].class", track.class.name());
        v.numbers([("track[].existence", track.existence)]);
        let Box3 { center: [x, y, z], length, width, height, yaw } = track.bbox;
        v.numbers([("track[].x", x), ("track[].y", y), ("track[].z", z), ("track[].yaw", yaw)]);
        v.numbers([("track[].vx", track.velocity_mps[0]), ("track[].vy", track.velocity_mps[1])]);
        v.numbers([("track[].length", length), ("track[].width", width), ("track[].height", height)]);
        v.numbers([("track[].yaw_rate", track.yaw_rate_radps)]);
        for (index, value) in track.heading_covariance.iter().flatten().enumerate() {
            v.index = Some(index as u64);
            v.numbers([("track[].heading_covariance[]", *value)]);
        }
        v.index = None;
        v.whole("track[].hits", u64::from(track.hits));
        v.whole("track[].misses", u64::from(track.misses));
        for (index, value) in track.covariance.iter().flatten().enumerate() {
            v.index = Some(index as u64);
            v.numbers([("track[].covariance[]", *value)]);
        }
    }
}

fn planned(plan: &Plan, v: &mut Visitor<'_>) {
    v.text("decision", plan.decision.kind.name());
    v.whole("decision track", plan.decision.track);
    v.text("reason", &plan.decision.reason);
    v.numbers([("cost", plan.cost)]);
    v.whole("trajectory count", plan.trajectory.points.len() as u64);
    v.whole("tail start", plan.trajectory.tail_start as u64);
    v.whole("candidate count", plan.candidates.len() as u64);
    v.whole("prediction count", plan.predictions.len() as u64);
    for (index, point) in plan.trajectory.points.iter().enumerate() {
        v.at(index as u64);
        v.numbers([("trajectory[].time", point.time_s), ("trajectory[].x", point.x), ("trajectory[].y", point.y)]);
        v.numbers([("trajectory[].heading", point.heading_rad), ("trajectory[].curvature", point.curvature_1pm)]);
        v.numbers([("trajectory[].speed", point.speed_mps), ("trajectory[].acceleration", point.acceleration_mps2)]);
    }
    for (index, candidate) in plan.candidates.iter().enumerate() {
        v.at(index as u64);
        v.text("candidate[].verdict", candidate.verdict.name());
        v.numbers([("candidate[].cost", candidate.cost)]);
        for (index, value) in candidate.path.iter().flatten().enumerate() {
            v.index = Some(index as u64);
            v.numbers([("candidate[].path[]", f64::from(*value))]);
        }
    }
    for path in &plan.predictions {
        v.at(path.track);
        v.numbers([("prediction[].step", path.step_s)]);
        for (index, value) in path.poses.iter().flatten().enumerate() {
            v.index = Some(index as u64);
            v.numbers([("prediction[].pose[]", *value)]);
        }
    }
}

fn commanded(command: &Command, v: &mut Visitor<'_>) {
    v.at(command.tick);
    v.numbers([("tick[].steering", command.steering_rad), ("tick[].acceleration", command.acceleration_mps2)]);
    v.text("tick[].stop", command.stop.map_or("-", types::StopReason::name));
    v.whole("tick[].plan", command.plan);
    v.whole("tick[].ego", command.ego);
    v.whole("tick[].limits", u64::from(command.limits));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::drive;

    #[test]
    fn names_say_which_one() {
        let field = Field { name: "track[].covariance[]", key: Some(7), index: Some(3) };
        assert_eq!(field.to_string(), "track[7].covariance[3]");
        assert_eq!(Field { name: "cost", key: None, index: None }.to_string(), "cost");
        assert!(
            !Value::Number(0.0).same(&Value::Number(-0.0)) && Value::Number(f64::NAN).same(&Value::Number(f64::NAN))
        );
    }

    #[test]
    fn every_field_has_a_place_of_its_own() {
        for message in drive(2) {
            let mut seen = std::collections::BTreeSet::new();
            visit(&message, &mut |field, _| assert!(seen.insert(field), "{field} comes twice"));
            assert!(!seen.is_empty(), "{message:?}");
        }
    }
}
