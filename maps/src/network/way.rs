//! Ways through the network: the nearest lane, a path of lanes, and the route along it.

use super::{Border, Lane, LaneId, LaneKind, LaneNetwork, Neighbor};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use types::{Pose2, Route, RoutePoint, StopKind, StopLine, wrap_angle};

/// Distance between the points of a route, m.
const STEP_M: f64 = 2.0;
/// Beyond this far from the middle a route's edge is not told, m.
const WIDEST_M: f64 = 15.0;

/// A place in a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanePlace {
    /// The lane.
    pub lane: LaneId,
    /// Along its middle, m.
    pub s_m: f64,
    /// To the left of its middle, m.
    pub d_m: f64,
}

impl LaneNetwork {
    /// The lane of a kind nearest to a place, among those that lead within a right angle of `heading_rad` if that is given.
    #[must_use]
    pub fn nearest(&self, x: f64, y: f64, heading_rad: Option<f64>, kind: LaneKind) -> Option<LanePlace> {
        let mut best: Option<(f64, LanePlace)> = None;
        for (id, lane) in self.lanes().iter().enumerate().filter(|(_, lane)| lane.kind == kind) {
            let foot = lane.center.project(x, y);
            let wrong_way = |heading: f64| wrap_angle(heading - lane.center.pose(foot.s_m).yaw).cos() < 0.0;
            if foot.d_m.is_nan() || heading_rad.is_some_and(wrong_way) {
                continue;
            }
            if best.as_ref().is_none_or(|(distance, _)| foot.distance_m < *distance) {
                best = Some((foot.distance_m, LanePlace { lane: id, s_m: foot.s_m, d_m: foot.d_m }));
            }
        }
        best.map(|(_, place)| place)
    }

    /// The shortest chain of lanes from one to another, both included, each a successor of the one before (Dijkstra, 1959).
    /// `None` if there is none or a lane is not in the network.
    #[must_use]
    pub fn path(&self, from: LaneId, to: LaneId) -> Option<Vec<LaneId>> {
        let count = self.lanes().len();
        if from >= count || to >= count {
            return None;
        }
        let mut best = vec![u64::MAX; count];
        let mut before = vec![usize::MAX; count];
        // Whole millimetres order totally.
        let cost = |lane: LaneId| (self.lane(lane).center.length_m() * 1e3) as u64;
        let mut open = BinaryHeap::from([Reverse((0, from))]);
        best[from] = 0;
        while let Some(Reverse((way, lane))) = open.pop() {
            if lane == to {
                let mut path = vec![to];
                while let Some(&last) = path.last().filter(|last| **last != from) {
                    path.push(before[last]);
                }
                path.reverse();
                return Some(path);
            }
            if way > best[lane] {
                continue;
            }
            for &next in &self.lane(lane).successors {
                let further = way + cost(next);
                if further < best[next] {
                    (best[next], before[next]) = (further, lane);
                    open.push(Reverse((further, next)));
                }
            }
        }
        None
    }

    /// The route along lanes that follow each other, from `from_m` on the first to `to_m` on the last, about 2 m between points.
    /// What may be driven on is the lane itself and beside it driving lanes beyond dashed lines or none. The end is a
    /// [`StopKind::Goal`]. No lanes, or an index that is not in the network, give an empty route.
    #[must_use]
    pub fn route(&self, lanes: &[LaneId], from_m: f64, to_m: f64) -> Route {
        let mut route = Route::default();
        if lanes.iter().any(|lane| *lane >= self.lanes().len()) {
            return route;
        }
        // Arc length at which each lane begins, counted from `from_m` on the first.
        let mut start = -from_m;
        let mut starts = Vec::with_capacity(lanes.len());
        for &lane in lanes {
            starts.push(start);
            start += self.lane(lane).center.length_m();
        }
        let Some((&last, &last_start)) = lanes.last().zip(starts.last()) else { return route };
        let end = last_start + to_m.min(self.lane(last).center.length_m());
        if end.is_nan() || end <= 0.0 {
            return route;
        }
        let count = (end / STEP_M).ceil().max(1.0);
        let mut at = 0;
        for i in 0..=count as usize {
            let s = end * i as f64 / count;
            while at + 1 < lanes.len() && starts[at + 1] <= s {
                at += 1;
            }
            let (lane, along) = (self.lane(lanes[at]), s - starts[at]);
            let pose = lane.center.pose(along);
            let (left_m, right_m) = self.drivable_reach(lane, along, &pose);
            route.points.push(RoutePoint { pose, left_m, right_m, speed_limit_mps: lane.speed_limit_mps });
        }
        for (&lane, start) in lanes.iter().zip(&starts) {
            for stop in self.roads().stops.iter().filter(|stop| stop.lane == lane) {
                let s_m = start + stop.s_m;
                if (0.0..end).contains(&s_m) {
                    route.stops.push(StopLine { s_m, area_m: stop.area_m, kind: stop.kind });
                }
            }
        }
        route.stops.push(StopLine { s_m: end, area_m: 0.0, kind: StopKind::Goal });
        route.stops.sort_by(|a, b| a.s_m.total_cmp(&b.s_m).then(a.kind.cmp(&b.kind)));
        route
    }

    /// From a pose in a lane, `s_m` along it, to the edges of what may be driven on, m.
    pub(super) fn drivable_reach(&self, lane: &Lane, s_m: f64, pose: &Pose2) -> (f64, f64) {
        let edge = |border| lane.border_foot_of(border, s_m, pose).distance_m;
        let mut reach = (edge(&lane.left), edge(&lane.right));
        for (is_left, side) in [(true, &mut reach.0), (false, &mut reach.1)] {
            let (mut own, mut left) = (lane, is_left);
            // Each step outwards may turn round: the left of a lane that comes towards us is our right.
            for _ in 0..8 {
                let (border, neighbor) = own.side(left);
                let Some(Neighbor { lane: next, same_direction }) = neighbor else { break };
                let next = self.lane(next);
                if !matches!(border, Border::Open | Border::Dashed) || next.kind != LaneKind::Driving {
                    break;
                }
                left = left == same_direction;
                let outer = if left { &next.left } else { &next.right };
                *side = outer.project(pose.x, pose.y).distance_m.min(WIDEST_M);
                own = next;
            }
        }
        reach
    }
}

impl Lane {
    /// Border and neighbour on a side.
    #[must_use]
    pub fn side(&self, left: bool) -> (Border, Option<Neighbor>) {
        if left { (self.left_border, self.left_neighbor) } else { (self.right_border, self.right_neighbor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::LaneStop;
    use crate::network::fixture::straight;

    #[test]
    fn the_route_has_edges_limits_and_stops() {
        let mut roads = straight();
        let kind = StopKind::GiveWay;
        roads.stops.push(LaneStop { lane: 1, s_m: 10.0, area_m: 8.0, kind, painted: true, crossing: None });
        let network = LaneNetwork::new(roads).unwrap();
        assert_eq!(network.path(0, 1), Some(vec![0, 1]));
        assert_eq!((network.path(1, 0), network.path(0, 99)), (None, None));
        let route = network.route(&[0, 1], 20.0, 40.0);
        assert_eq!((route.points[0].pose.x, route.points.len()), (20.0, 61));
        assert!((route.points[60].pose.x - 140.0).abs() < 1e-9);
        // To the left lies a dashed line and the oncoming lane, to the right a solid one.
        assert!((route.points[3].left_m - 5.25).abs() < 1e-9 && (route.points[3].right_m - 1.75).abs() < 1e-9);
        let stops: Vec<_> = route.stops.iter().map(|stop| (stop.s_m, stop.kind)).collect();
        assert_eq!(stops, [(90.0, StopKind::GiveWay), (120.0, StopKind::Goal)]);
        assert_eq!(network.route(&[], 0.0, 1.0), Route::default());
        assert_eq!(network.route(&[99], 0.0, 1.0), Route::default());
    }

    #[test]
    fn places_are_found() {
        let network = LaneNetwork::new(straight()).unwrap();
        let place = network.nearest(30.0, 1.0, Some(0.1), LaneKind::Driving).unwrap();
        assert_eq!((place.lane, place.s_m, place.d_m), (0, 30.0, 1.0));
        let oncoming = network.nearest(30.0, 1.0, Some(3.0), LaneKind::Driving).unwrap();
        assert_eq!(oncoming.lane, 2);
        assert_eq!(network.nearest(f64::NAN, 1.0, None, LaneKind::Driving), None);
        assert_eq!(network.ground(30.0, 1.0).lanes, [0]);
        assert_eq!(network.ground(130.0, 3.0).lanes, [2]);
        assert!(network.is_drivable(130.0, 0.0) && !network.is_drivable(30.0, -3.0) && !network.is_drivable(30.0, 9.0));
        assert_eq!(network.ground(30.0, -3.0).lanes, [3]);
        assert!(!network.is_drivable(f64::NAN, 0.0) && network.ground(1e9, 0.0).lanes.is_empty());
    }
}
