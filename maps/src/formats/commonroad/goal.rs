//! Where on the lanes a goal lies.

use super::super::Map;
use super::scenario::{Goal, GoalPlace, PlanningProblem, Shape};
use crate::network::{Corridor, LaneKind, LaneWay, Stretch};
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

    /// The stretches of lanes that lead to the goals. If a goal may be anywhere: the lane of the start and those behind it, for
    /// `reach_m`. Empty if the ego starts beside all lanes or a goal is beside them.
    #[must_use]
    pub fn stretches(&self, map: &Map, reach_m: f64) -> Vec<Stretch> {
        if self.goals.iter().all(|goal| !goal.places.is_empty()) {
            return self.goals.iter().flat_map(|goal| goal.stretches(map)).collect();
        }
        let Some((place, _)) = map.network.places(&self.pose()).first().copied() else { return Vec::new() };
        let lanes = map.network.onward(&[place.lane], reach_m);
        let whole =
            |lane: &usize| Stretch { lane: *lane, from_m: 0.0, to_m: map.network.lane(*lane).center.length_m() };
        lanes.last().map(whole).into_iter().collect()
    }

    /// The way to the goals, with changes of lane; `None` if no lanes lead from the start to a goal.
    #[must_use]
    pub fn way(&self, map: &Map, reach_m: f64) -> Option<LaneWay> {
        map.network.way(&self.pose(), &self.stretches(map, reach_m))
    }

    /// The lines to choose from at the start, the best first (see `LaneNetwork::corridors`).
    #[must_use]
    pub fn corridors(&self, map: &Map, behind_m: f64, ahead_m: f64) -> Vec<Corridor> {
        map.network.corridors(&self.pose(), &self.stretches(map, ahead_m), behind_m, ahead_m)
    }
}
