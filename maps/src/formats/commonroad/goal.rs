//! Where on the lanes a goal lies.

use super::super::Map;
use super::scenario::{Goal, GoalPlace, PlanningProblem, Shape};
use crate::network::{LaneKind, LaneWay, Stretch};
use std::f64::consts::{PI, TAU};
use types::{Pose2, wrap_angle};

/// Middles are looked at every so far, m.
const STEP_M: f64 = 0.25;
/// A shape that no middle passes belongs to the lane nearest to it, at most this far away, m.
const NEAR_M: f64 = 10.0;
/// A lane whose heading is this far outside a goal's interval does not lead there, rad.
const ALONG_RAD: f64 = 0.8;

impl Goal {
    /// The stretches of lanes from which the goal is reached; none if it is anywhere.
    #[must_use]
    pub fn stretches(&self, map: &Map) -> Vec<Stretch> {
        let mut all = Vec::new();
        for place in &self.places {
            match place {
                GoalPlace::Lane(lane) => {
                    all.push(Stretch { lane: *lane, from_m: 0.0, to_m: map.network.lane(*lane).center.length_m() });
                }
                GoalPlace::Within(shape) => self.within(shape, map, &mut all),
            }
        }
        all
    }

    fn within(&self, shape: &Shape, map: &Map, all: &mut Vec<Stretch>) {
        let before = all.len();
        for (id, lane) in map.network.lanes().iter().enumerate().filter(|(_, lane)| lane.kind == LaneKind::Driving) {
            let length = lane.center.length_m();
            let count = (length / STEP_M).ceil().clamp(1.0, 1e5);
            let mut span: Option<(f64, f64)> = None;
            for i in 0..=count as usize {
                let s_m = length * i as f64 / count;
                let pose = lane.center.pose(s_m);
                if shape.contains(pose.x, pose.y) && self.leads(&pose) {
                    span = Some((span.map_or(s_m, |(from, _)| from), s_m));
                }
            }
            all.extend(span.map(|(from_m, to_m)| Stretch { lane: id, from_m, to_m }));
        }
        if all.len() > before {
            return;
        }
        let [x, y] = shape.center();
        let heading = self.heading.map(|heading| heading.from_rad + 0.5 * heading.span_rad);
        let nearest = map.network.nearest(x, y, heading, LaneKind::Driving);
        if let Some(place) = nearest.filter(|place| place.d_m.abs() <= NEAR_M) {
            all.push(Stretch { lane: place.lane, from_m: place.s_m, to_m: place.s_m + STEP_M });
        }
    }

    /// Whether a lane leads about the goal's way at a place.
    fn leads(&self, pose: &Pose2) -> bool {
        self.heading.is_none_or(|heading| {
            let (middle, half) = (heading.from_rad + 0.5 * heading.span_rad, 0.5 * heading.span_rad.min(TAU));
            half >= PI || wrap_angle(pose.yaw - middle).abs() <= half + ALONG_RAD
        })
    }
}

impl PlanningProblem {
    /// The pose from which the ego starts.
    #[must_use]
    pub fn pose(&self) -> Pose2 {
        Pose2 { x: self.initial.x, y: self.initial.y, yaw: self.initial.heading_rad }
    }

    /// The way to the goals, with changes of lane. If a goal may be anywhere: on along the lane for `reach_m`. `None` if no lanes lead
    /// from the start to a goal.
    #[must_use]
    pub fn way(&self, map: &Map, reach_m: f64) -> Option<LaneWay> {
        let goals: Vec<Stretch> = self.goals.iter().flat_map(|goal| goal.stretches(map)).collect();
        if self.goals.iter().all(|goal| !goal.places.is_empty()) {
            return map.network.way(&self.pose(), &goals);
        }
        let (place, _) = *map.network.places(&self.pose()).first()?;
        let lanes = map.network.onward(&[place.lane], reach_m);
        let last = *lanes.last()?;
        let goal = Stretch { lane: last, from_m: 0.0, to_m: map.network.lane(last).center.length_m() };
        map.network.way_from(place, &[goal])
    }
}
