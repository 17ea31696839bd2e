//! Ways to a goal, with changes of lane.
//!
//! Method: Dijkstra (1959) over lanes. To follow a lane costs its metres, to change to the lane beside it [`CHANGE_M`] metres, over a solid
//! line [`FORBIDDEN_CHANGE_M`]. Costs are whole millimetres, and of equally cheap ways the one with the lower lanes counts, so
//! that the answer is always the same.

use super::{Border, LaneId, LaneKind, LaneNetwork, LanePlace, Neighbor};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use types::{Pose2, wrap_angle};

/// A change of lane is worth this much of a detour, m.
pub const CHANGE_M: f64 = 30.0;
/// A change over a solid line is worth this much of a detour, m: only if there is no other way.
pub const FORBIDDEN_CHANGE_M: f64 = 2000.0;
/// A pose belongs to lanes at most this far away, m.
const NEAR_M: f64 = 5.0;
/// And to lanes that lead at most this far off its heading, rad.
const ALONG_RAD: f64 = 1.3;
/// To begin on a lane costs this much for each metre from its surface and each radian off its heading, m.
const OFF_LANE_COST: (f64, f64) = (20.0, 10.0);

/// A stretch of a lane that is a goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// The lane.
    pub lane: LaneId,
    /// Where it begins along the lane's middle, m.
    pub from_m: f64,
    /// Where it ends, m.
    pub to_m: f64,
}

/// Lanes that follow each other, without a change between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// The lanes; never empty.
    pub lanes: Vec<LaneId>,
    /// Where it begins on the first lane, m.
    pub from_m: f64,
    /// Where it ends on the last lane, m. If another leg follows, one must have changed to it by then.
    pub to_m: f64,
    /// Where the goal begins on the last lane, m; `to_m` if another leg follows.
    pub goal_from_m: f64,
}

/// A way to a goal: legs, and a change to the lane beside between each and the next.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneWay {
    /// In order; never empty.
    pub legs: Vec<Leg>,
    /// Metres to drive and what the changes are worth, m.
    pub cost_m: f64,
}

/// A node of the search: a lane and where one comes to it, or the goal on it.
#[derive(Clone, Copy, Debug)]
struct Visit {
    cost: u64,
    before: Option<usize>,
    enter_m: f64,
}

impl LaneNetwork {
    /// The lanes that a pose can belong to, and what it costs to begin there, m, cheapest first: driving lanes near it that lead its way.
    #[must_use]
    pub fn places(&self, pose: &Pose2) -> Vec<(LanePlace, f64)> {
        let mut found = Vec::new();
        for (lane, part) in self.lanes().iter().enumerate().filter(|(_, part)| part.kind == LaneKind::Driving) {
            let foot = part.center.project(pose.x, pose.y);
            let turn = wrap_angle(pose.yaw - part.center.pose(foot.s_m).yaw).abs();
            let (left_m, right_m) = part.reach_m(foot.s_m);
            let side_m = if foot.d_m > 0.0 { left_m } else { right_m };
            // Beside the lane, and before its beginning or behind its end.
            let beside_m = (foot.d_m.abs() - side_m).max(0.0);
            let beyond_m = (foot.distance_m.powi(2) - foot.d_m.powi(2)).max(0.0).sqrt();
            if beside_m + beyond_m <= NEAR_M && turn <= ALONG_RAD {
                let outside = OFF_LANE_COST.0 * (beside_m + beyond_m) + OFF_LANE_COST.1 * turn;
                let cost = outside + 0.5 * foot.distance_m;
                found.push((LanePlace { lane, s_m: foot.s_m, d_m: foot.d_m }, cost));
            }
        }
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.lane.cmp(&b.0.lane)));
        found
    }

    /// The cheapest way from a pose to any of the goals, from whichever of [`LaneNetwork::places`] makes it so.
    #[must_use]
    pub fn way(&self, from: &Pose2, goals: &[Stretch]) -> Option<LaneWay> {
        let from_each = self.places(from).into_iter().filter_map(|(place, extra)| {
            let way = self.way_from(place, goals)?;
            Some((millimetres(way.cost_m + extra), way))
        });
        // The first of equals stays.
        from_each.reduce(|best, next| if next.0 < best.0 { next } else { best }).map(|(_, way)| way)
    }

    /// The cheapest way from a place on a lane to any of the goals; nothing if there is none.
    #[must_use]
    pub fn way_from(&self, from: LanePlace, goals: &[Stretch]) -> Option<LaneWay> {
        let count = self.lanes().len();
        if from.lane >= count || !from.s_m.is_finite() {
            return None;
        }
        // Nodes: lanes, behind them the goals, and the start: a ring may come back to the lane from which one starts.
        let start = count + goals.len();
        let mut visits: BTreeMap<usize, Visit> = BTreeMap::new();
        let mut open = BinaryHeap::from([Reverse((0, start))]);
        visits.insert(start, Visit { cost: 0, before: None, enter_m: from.s_m });
        while let Some(Reverse((cost, node))) = open.pop() {
            let Some(visit) = visits.get(&node).copied().filter(|visit| visit.cost == cost) else { continue };
            if (count..start).contains(&node) {
                return Some(self.legs(&visits, node, from.lane, goals.get(node - count)?));
            }
            let lane_id = if node == start { from.lane } else { node };
            let mut offer = |next: usize, step_m: f64, enter_m: f64| {
                let cost = cost + millimetres(step_m);
                if visits.get(&next).is_none_or(|old| cost < old.cost) {
                    visits.insert(next, Visit { cost, before: Some(node), enter_m });
                    open.push(Reverse((cost, next)));
                }
            };
            let lane = self.lane(lane_id);
            for (index, goal) in goals.iter().enumerate().filter(|(_, goal)| goal.lane == lane_id) {
                if visit.enter_m <= goal.to_m {
                    offer(count + index, goal.from_m - visit.enter_m, goal.from_m.max(visit.enter_m));
                }
            }
            for &next in &lane.successors {
                offer(next, lane.center.length_m() - visit.enter_m, 0.0);
            }
            for left in [true, false] {
                if let Some((beside, cost_m)) = self.change(lane_id, left) {
                    let share = visit.enter_m / lane.center.length_m();
                    offer(beside, cost_m, share * self.lane(beside).center.length_m());
                }
            }
        }
        None
    }

    /// The lane to change to on a side, if there is one, and what that costs, m.
    #[must_use]
    pub fn change(&self, lane: LaneId, left: bool) -> Option<(LaneId, f64)> {
        let (own, neighbor) = self.lane(lane).side(left);
        let Neighbor { lane: beside, same_direction: true } = neighbor? else { return None };
        let (others, _) = self.lane(beside).side(!left);
        let cost_m = match own.max(others) {
            Border::Open | Border::Dashed => CHANGE_M,
            Border::Solid | Border::Double => FORBIDDEN_CHANGE_M,
            Border::Kerb | Border::Rail => return None,
        };
        (self.lane(beside).kind == LaneKind::Driving).then_some((beside, cost_m))
    }

    /// Back from the goal to the start, cut where the lane was changed.
    fn legs(&self, visits: &BTreeMap<usize, Visit>, goal: usize, first: LaneId, stretch: &Stretch) -> LaneWay {
        let arrival = &visits[&goal];
        let mut nodes = Vec::new();
        let mut at = arrival.before;
        while let Some(node) = at {
            let visit = &visits[&node];
            nodes.push((if node < self.lanes().len() { node } else { first }, visit.enter_m));
            at = visit.before;
        }
        nodes.reverse();
        let mut legs: Vec<Leg> = Vec::new();
        for (index, &(lane, from_m)) in nodes.iter().enumerate() {
            let follows = index > 0 && self.lane(nodes[index - 1].0).successors.contains(&lane);
            let length = self.lane(lane).center.length_m();
            match legs.last_mut().filter(|_| follows) {
                Some(leg) => {
                    leg.lanes.push(lane);
                    (leg.to_m, leg.goal_from_m) = (length, length);
                }
                None => legs.push(Leg { lanes: vec![lane], from_m, to_m: length, goal_from_m: length }),
            }
        }
        if let Some(last) = legs.last_mut() {
            (last.goal_from_m, last.to_m) = (stretch.from_m, stretch.to_m);
        }
        LaneWay { legs, cost_m: arrival.cost as f64 * 1e-3 }
    }

    /// The same lanes and, where they end within `reach_m`, the lanes behind them: each time the one that turns least.
    /// A ring is gone round at most once.
    #[must_use]
    pub fn onward(&self, lanes: &[LaneId], reach_m: f64) -> Vec<LaneId> {
        self.grown(lanes, reach_m, false)
    }

    /// The same lanes and, as far as `reach_m` back, the lanes before them.
    #[must_use]
    pub fn backward(&self, lanes: &[LaneId], reach_m: f64) -> Vec<LaneId> {
        self.grown(lanes, reach_m, true)
    }

    fn grown(&self, lanes: &[LaneId], reach_m: f64, back: bool) -> Vec<LaneId> {
        let mut all = lanes.to_vec();
        let mut grown_m = 0.0;
        while grown_m < reach_m {
            let Some(&end) = (if back { all.first() } else { all.last() }) else { break };
            let Some(next) = self.straightest(end, back).filter(|next| !all.contains(next)) else { break };
            grown_m += self.lane(next).center.length_m();
            if back { all.insert(0, next) } else { all.push(next) }
        }
        all
    }

    /// The lane behind (or before) that turns least, of equals the first.
    fn straightest(&self, lane: LaneId, back: bool) -> Option<LaneId> {
        let own = self.lane(lane);
        let heading = own.center.pose(if back { 0.0 } else { own.center.length_m() }).yaw;
        let turn = |id: LaneId| {
            let other = &self.lane(id).center;
            wrap_angle(other.pose(if back { 0.0 } else { other.length_m() }).yaw - heading).abs()
        };
        let next = if back { &own.predecessors } else { &own.successors };
        next.iter().copied().min_by(|a, b| turn(*a).total_cmp(&turn(*b)).then(a.cmp(b)))
    }
}

/// Whole millimetres, which order totally; nothing below 0.
pub(super) fn millimetres(metres: f64) -> u64 {
    (metres.max(0.0) * 1e3).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::fixture::rows;
    use proptest::prelude::*;

    #[test]
    fn a_way_goes_on_changes_where_it_must_and_ends_in_the_goal() {
        let network = rows();
        let goal = [Stretch { lane: 2, from_m: 50.0, to_m: 60.0 }];
        let own = network.way(&Pose2 { x: 20.0, y: 0.3, yaw: 0.1 }, &goal).unwrap();
        assert_eq!((own.legs.len(), own.cost_m), (1, 230.0));
        assert_eq!((&own.legs[0].lanes, own.legs[0].from_m, own.legs[0].to_m), (&vec![0, 1, 2], 20.0, 60.0));
        let other = network.way(&Pose2 { x: 20.0, y: 3.4, yaw: 0.0 }, &goal).unwrap();
        assert_eq!((other.legs.len(), other.cost_m), (2, 260.0));
        let lanes: Vec<LaneId> = other.legs.iter().flat_map(|leg| leg.lanes.clone()).collect();
        assert!(lanes == [3, 0, 1, 2] || lanes == [3, 4, 1, 2], "{lanes:?}");
        let within = network.way(&Pose2 { x: 255.0, y: 0.0, yaw: 0.0 }, &goal).unwrap();
        assert!(within.cost_m == 0.0 && (within.legs[0].from_m - 55.0).abs() < 1e-9, "{within:?}");
        for pose in [
            Pose2 { x: 265.0, y: 0.0, yaw: 0.0 },
            Pose2 { x: 20.0, y: 0.0, yaw: 3.0 },
            Pose2 { x: 20.0, y: 40.0, yaw: 0.0 },
        ] {
            assert_eq!(network.way(&pose, &goal), None, "{pose:?}");
        }
    }

    #[test]
    fn solid_lines_are_crossed_only_if_nothing_else_leads_there_and_kerbs_never() {
        let with = |border| {
            let mut roads = rows().roads().clone();
            for id in [3, 4] {
                roads.lanes[id].right_border = border;
            }
            LaneNetwork::new(roads).unwrap()
        };
        let (from, goal) = (LanePlace { lane: 3, s_m: 0.0, d_m: 0.0 }, [Stretch { lane: 1, from_m: 0.0, to_m: 9.0 }]);
        assert_eq!(with(Border::Solid).way_from(from, &goal).unwrap().cost_m, 2100.0);
        assert_eq!(with(Border::Kerb).way_from(from, &goal), None);
    }

    #[test]
    fn lanes_grow_at_both_ends() {
        let network = rows();
        assert_eq!(network.onward(&[0], 50.0), [0, 1]);
        assert_eq!(network.onward(&[0], 500.0), [0, 1, 2]);
        assert_eq!(network.backward(&[4], 1.0), [3, 4]);
        assert_eq!(network.backward(&[], 1.0), [0; 0]);
    }

    proptest! {
        /// No way is cheaper than the straight line, and every leg hangs together.
        #[test]
        fn ways_hang_together(x in 0.0..299.0f64, y in -1.5..5.0f64, lane in 0usize..5, at in 0.0..99.0f64) {
            let network = rows();
            let goal = Stretch { lane, from_m: at, to_m: at + 1.0 };
            if let Some(way) = network.way(&Pose2 { x, y, yaw: 0.0 }, &[goal]) {
                let target = network.lane(lane).center.pose(at);
                prop_assert!(way.cost_m >= target.x - x - 0.01);
                prop_assert_eq!(way.legs.last().unwrap().lanes.last(), Some(&lane));
                for leg in &way.legs {
                    for pair in leg.lanes.windows(2) {
                        prop_assert!(network.lane(pair[0]).successors.contains(&pair[1]));
                    }
                }
                for pair in way.legs.windows(2) {
                    let (last, next) = (*pair[0].lanes.last().unwrap(), pair[1].lanes[0]);
                    prop_assert!([true, false].iter().any(|left| network.change(last, *left).is_some_and(|c| c.0 == next)));
                }
            }
        }
    }
}
