//! Smooth lines along lanes, and the lines among which a planner chooses: its own lane and the lanes beside it.

use super::routing::{LaneWay, Stretch, millimetres};
use super::{LaneId, LaneNetwork, LanePlace};
use crate::line::{LineError, ReferenceLine};
use types::{Pose2, Route, RoutePoint, StopKind, StopLine};

/// Half of the width that stays free beside a smoothed line in a tight curve, m: half of a car and a hand.
const FREE_M: f64 = 1.1;
/// Distance between the points of a route, m.
const STEP_M: f64 = 2.0;
/// Lanes farther to the side than this many changes are no choice.
const MOST_CHANGES: i32 = 2;

/// A smooth line along lanes that follow each other.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneLine {
    /// The lanes.
    pub lanes: Vec<LaneId>,
    /// The line. Its curvature is continuous; it lies within [`crate::line::LARGEST_DEVIATION_M`] of the lanes' middles, but for tight
    /// curves with room. Beyond both ends it goes on straight.
    pub line: ReferenceLine,
    /// Arc length of the line at which each lane begins, m.
    pub starts_m: Vec<f64>,
}

/// One of the lines to choose from.
#[derive(Clone, Debug, PartialEq)]
pub struct Corridor {
    /// The line, from behind the ego to ahead of it.
    pub line: LaneLine,
    /// How many lanes to the left of the ego's own lane; negative to the right.
    pub lane_changes: i32,
    /// Where the ego is along the line, m.
    pub at_m: f64,
    /// Where the way leaves these lanes: by then one must have changed to the lane beside. None if they lead to the goal.
    pub leave_by_m: Option<f64>,
    /// Where along the line the goal begins and ends, m, if these lanes lead to it.
    pub goal_m: Option<[f64; 2]>,
    /// From the ego to the goal along this corridor, with the changes that it takes to come here, m.
    pub cost_m: f64,
}

impl LaneNetwork {
    /// The smooth line along lanes, each a successor of the one before.
    ///
    /// # Errors
    /// If there is no lane.
    pub fn line(&self, lanes: &[LaneId]) -> Result<LaneLine, LineError> {
        let mut points: Vec<[f64; 2]> = Vec::new();
        let mut begins = Vec::with_capacity(lanes.len());
        let mut travelled = 0.0;
        for &id in lanes {
            let center = &self.lane(id).center;
            begins.push(travelled);
            travelled += center.length_m();
            points.extend(center.points());
        }
        // By arc length along the middles: the narrower side less half a car.
        let room = |s_m: f64| {
            let index = begins.partition_point(|begin| *begin <= s_m).saturating_sub(1);
            let (left, right) = self.lane(lanes[index]).reach_m(s_m - begins[index]);
            left.min(right) - FREE_M
        };
        let line = ReferenceLine::smoothed(&points, &room)?;
        let mut starts_m = Vec::with_capacity(lanes.len());
        let mut at = 0.0;
        for &id in lanes {
            let center = &self.lane(id).center;
            let begin = center.points()[0];
            let (s, _) = line.project_near(begin, at, 10.0);
            starts_m.push(s.clamp(at, line.length()));
            at = (s + center.length_m()).clamp(0.0, line.length());
        }
        Ok(LaneLine { lanes: lanes.to_vec(), line, starts_m })
    }

    /// The lines to choose from: the lane that the ego is in and the lanes beside it from which a goal can be reached, each along the
    /// cheapest way from there, from `behind_m` behind the ego to `ahead_m` ahead as far as there are lanes. The cheapest comes first;
    /// empty if no way leads to a goal.
    #[must_use]
    pub fn corridors(&self, ego: &Pose2, goals: &[Stretch], behind_m: f64, ahead_m: f64) -> Vec<Corridor> {
        let Some(own) = self.way(ego, goals).and_then(|way| Some(*way.legs.first()?.lanes.first()?)) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for left in [true, false] {
            let (mut lane, mut spent_m) = (own, 0.0);
            for changes in 0..=MOST_CHANGES {
                if changes > 0 {
                    let Some((beside, cost_m)) = self.change(lane, left) else { break };
                    (lane, spent_m) = (beside, spent_m + cost_m);
                } else if !left {
                    continue;
                }
                let foot = self.lane(lane).center.project(ego.x, ego.y);
                let place = LanePlace { lane, s_m: foot.s_m, d_m: foot.d_m };
                let Some(way) = self.way_from(place, goals) else { continue };
                let shift = if left { changes } else { -changes };
                all.extend(self.corridor(&way, ego, shift, spent_m, behind_m, ahead_m));
            }
        }
        let rank =
            |corridor: &Corridor| (millimetres(corridor.cost_m), corridor.lane_changes.abs(), corridor.lane_changes);
        all.sort_by_key(rank);
        all
    }

    fn corridor(
        &self,
        way: &LaneWay,
        ego: &Pose2,
        lane_changes: i32,
        spent_m: f64,
        behind_m: f64,
        ahead_m: f64,
    ) -> Option<Corridor> {
        let leg = way.legs.first()?;
        let length: f64 = leg.lanes.iter().map(|lane| self.lane(*lane).center.length_m()).sum();
        let left_m = (ahead_m - (length - leg.from_m)).max(0.0);
        let back = self.backward(&leg.lanes, (behind_m - leg.from_m).max(0.0));
        let first = back.len() - leg.lanes.len();
        let lanes = self.onward(&back, left_m);
        let line = self.line(&lanes).ok()?;
        let (at_m, _) = line.line.project_near([ego.x, ego.y], line.starts_m[first] + leg.from_m, 20.0);
        let last = first + leg.lanes.len() - 1;
        let end_m = line.place(last, leg.to_m, self);
        let leave_by_m = (way.legs.len() > 1).then_some(end_m);
        // A goal on one lane begins where the cheapest way enters it.
        let goal_m = leave_by_m.is_none().then(|| [line.place(last, leg.goal_from_m, self), end_m]);
        Some(Corridor { line, lane_changes, at_m, leave_by_m, goal_m, cost_m: way.cost_m + spent_m })
    }

    /// The route along a smooth line between two arc lengths: its points, what may be driven on beside them, limits and stop lines. The end
    /// is a [`StopKind::Goal`] if `stop_at_end`.
    #[must_use]
    pub fn route_along(&self, line: &LaneLine, from_m: f64, to_m: f64, stop_at_end: bool) -> Route {
        let mut route = Route::default();
        if !(from_m.is_finite() && to_m.is_finite() && to_m > from_m) || line.lanes.is_empty() {
            return route;
        }
        let count = ((to_m - from_m) / STEP_M).ceil().clamp(1.0, 1e6);
        for i in 0..=count as usize {
            let s_m = from_m + (to_m - from_m) * i as f64 / count;
            let point = line.line.at(s_m);
            let pose = Pose2 { x: point.x, y: point.y, yaw: point.heading_rad };
            let index = line.index(s_m);
            let lane = self.lane(line.lanes[index]);
            let along = (s_m - line.starts_m[index]).clamp(0.0, lane.center.length_m());
            let around = 10.0 + 0.05 * lane.center.length_m();
            let foot = lane.center.project_within(pose.x, pose.y, along - around, along + around);
            let (left_m, right_m) = self.drivable_reach(lane, foot.s_m, &pose);
            route.points.push(RoutePoint { pose, left_m, right_m, speed_limit_mps: lane.speed_limit_mps });
        }
        for (index, &lane) in line.lanes.iter().enumerate() {
            for stop in self.roads().stops.iter().filter(|stop| stop.lane == lane) {
                let s_m = line.place(index, stop.s_m, self) - from_m;
                if (0.0..to_m - from_m).contains(&s_m) {
                    route.stops.push(StopLine { s_m, area_m: stop.area_m, kind: stop.kind });
                }
            }
        }
        if stop_at_end {
            route.stops.push(StopLine { s_m: to_m - from_m, area_m: 0.0, kind: StopKind::Goal });
        }
        route.stops.sort_by(|a, b| a.s_m.total_cmp(&b.s_m).then(a.kind.cmp(&b.kind)));
        route
    }
}

impl LaneLine {
    /// The place in [`LaneLine::lanes`] of the lane at an arc length; the first and last go on beyond the ends.
    #[must_use]
    pub fn index(&self, s_m: f64) -> usize {
        self.starts_m.partition_point(|start| *start <= s_m).saturating_sub(1)
    }

    /// Arc length of a place on one of the lanes, m.
    fn place(&self, index: usize, along_m: f64, network: &LaneNetwork) -> f64 {
        let pose = network.lane(self.lanes[index]).center.pose(along_m);
        self.line.project_near([pose.x, pose.y], self.starts_m[index] + along_m, 15.0).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::fixture::rows;

    #[test]
    fn the_own_lane_and_the_lanes_beside_are_the_choice() {
        let network = rows();
        let goal = [Stretch { lane: 2, from_m: 50.0, to_m: 60.0 }];
        let all = network.corridors(&Pose2 { x: 120.0, y: 3.3, yaw: 0.0 }, &goal, 50.0, 200.0);
        let told: Vec<(i32, &[LaneId], f64)> =
            all.iter().map(|c| (c.lane_changes, c.line.lanes.as_slice(), c.cost_m.round())).collect();
        assert_eq!(told, [(0, &[3, 4][..], 160.0), (-1, &[0, 1, 2][..], 160.0)]);
        let (own, beside) = (&all[0], &all[1]);
        assert!((own.at_m - 120.0).abs() < 0.01 && own.goal_m.is_none());
        assert!((own.leave_by_m.unwrap() - 200.0).abs() < 0.01);
        let [from, to] = beside.goal_m.unwrap();
        assert!((from - 250.0).abs() < 0.01 && (to - 260.0).abs() < 0.01 && beside.leave_by_m.is_none());
        assert!(network.corridors(&Pose2 { x: 290.0, y: 0.0, yaw: 0.0 }, &goal, 9.0, 9.0).is_empty());
    }

    #[test]
    fn a_route_along_the_line_has_edges_and_ends_in_the_goal() {
        let network = rows();
        let line = network.line(&[0, 1, 2]).unwrap();
        let route = network.route_along(&line, 10.0, 150.0, true);
        assert_eq!((route.points.len(), route.stops[0].kind), (71, StopKind::Goal));
        let point = route.points[20];
        assert!((point.pose.x - 50.0).abs() < 1e-6 && (point.left_m - 5.25).abs() < 1e-6, "{point:?}");
        assert!((point.right_m - 1.75).abs() < 1e-6);
        assert!(network.route_along(&line, 10.0, f64::NAN, true).points.is_empty());
        assert!(network.line(&[]).is_err());
    }
}
