//! The lanes around the ego, made ready for prediction: where each leads, and how fast it can be driven.

use maps::{LaneId, LaneKind, LaneNetwork};
use types::wrap_angle;

/// Distance between the nodes of a lane, m.
const STEP_M: f64 = 1.0;
/// Curvature is taken over this length to both sides, m.
const BEND_M: f64 = 3.0;
/// Lateral acceleration that others accept in bends, m/s2.
pub(crate) const BEND_MPS2: f64 = 3.0;
/// A lane may lead this much off a heading to be the one that is driven, rad.
const ALONG_RAD: f64 = 0.45;
/// Most lanes of a chain, and most chains that are followed from one place.
const MOST_LANES: usize = 24;
const MOST_CHAINS: usize = 8;

/// A place on the middle of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Node {
    /// Position, m.
    pub position: [f64; 2],
    /// Direction of travel, rad.
    pub heading_rad: f64,
    /// From where a chain begins, m.
    pub s_m: f64,
    /// Square of the highest speed that the bend allows, m2/s2.
    pub bend_mps_squared: f64,
    /// Speed limit, m/s.
    pub limit_mps: f64,
}

/// A network of lanes with a table of nodes for each.
#[derive(Clone, Debug)]
pub struct LaneGraph<'a> {
    network: &'a LaneNetwork,
    nodes: Vec<Vec<Node>>,
}

/// Lanes one behind the other, as one line of nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// In rising arc length; the first is that of the place from which it was followed, or before it.
    pub nodes: Vec<Node>,
}

impl<'a> LaneGraph<'a> {
    /// Made once for a map.
    #[must_use]
    pub fn new(network: &'a LaneNetwork) -> Self {
        let nodes = network.lanes().iter().map(|lane| {
            let length = lane.center.length_m();
            let count = (length / STEP_M).ceil().clamp(1.0, 1e5);
            let step = length / count;
            (0..=count as usize)
                .map(|i| {
                    let s_m = i as f64 * step;
                    let pose = lane.center.pose(s_m);
                    let (back, ahead) = ((s_m - BEND_M).max(0.0), (s_m + BEND_M).min(length));
                    let turn = wrap_angle(lane.center.pose(ahead).yaw - lane.center.pose(back).yaw);
                    let curvature = turn.abs() / (ahead - back).max(STEP_M);
                    Node {
                        position: [pose.x, pose.y],
                        heading_rad: pose.yaw,
                        s_m,
                        bend_mps_squared: BEND_MPS2 / curvature.max(1e-4),
                        limit_mps: lane.speed_limit_mps,
                    }
                })
                .collect()
        });
        Self { network, nodes: nodes.collect() }
    }

    /// The lanes under a place that lead about along a heading, each with the index of its node nearest to the place.
    pub fn places(&self, place: [f64; 2], heading_rad: f64) -> impl Iterator<Item = (LaneId, usize)> {
        let ground = self.network.ground(place[0], place[1]);
        let wheels = |lane: &LaneId| !matches!(self.network.lane(*lane).kind, LaneKind::Sidewalk | LaneKind::Parking);
        ground.lanes.into_iter().filter(wheels).filter_map(move |lane| {
            let nodes = &self.nodes[lane];
            let away = |node: &Node| (node.position[0] - place[0]).powi(2) + (node.position[1] - place[1]).powi(2);
            let (index, _) = nodes.iter().map(away).enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
            (wrap_angle(nodes[index].heading_rad - heading_rad).abs() < ALONG_RAD).then_some((lane, index))
        })
    }

    /// All ways onward from a node of a lane, each at least `reach_m` long if the lanes are, appended to `chains`.
    pub fn onward(&self, (lane, index): (LaneId, usize), reach_m: f64, chains: &mut Vec<Chain>) {
        let first = chains.len();
        let mut open = vec![(vec![lane], self.length(lane) - self.nodes[lane][index].s_m)];
        while let Some((lanes, length_m)) = open.pop() {
            let last = lanes[lanes.len() - 1];
            let next = &self.network.lane(last).successors;
            let ends = length_m >= reach_m || next.is_empty() || lanes.len() >= MOST_LANES;
            if ends || chains.len() - first + open.len() >= MOST_CHAINS {
                chains.push(self.chain(lanes, index, reach_m));
                continue;
            }
            // The first successor is followed first.
            for successor in next.iter().rev().filter(|next| !lanes.contains(next)) {
                let mut longer = lanes.clone();
                longer.push(*successor);
                open.push((longer, length_m + self.length(*successor)));
            }
        }
    }

    fn length(&self, lane: LaneId) -> f64 {
        self.nodes[lane].last().map_or(0.0, |node| node.s_m)
    }

    fn chain(&self, lanes: Vec<LaneId>, index: usize, reach_m: f64) -> Chain {
        // One node behind, so that a place beside the first is between two.
        let begin = index.saturating_sub(1);
        let offset = self.nodes[lanes[0]][begin].s_m;
        let mut nodes: Vec<Node> = Vec::new();
        let mut start_m = -offset;
        for (place, lane) in lanes.iter().enumerate() {
            let skipped = if place == 0 { begin } else { 1 };
            let moved = self.nodes[*lane].iter().skip(skipped).map(|node| Node { s_m: node.s_m + start_m, ..*node });
            nodes.extend(moved.take_while(|node| node.s_m < reach_m + 2.0 * STEP_M));
            start_m += self.length(*lane);
        }
        Chain { nodes }
    }
}

impl Chain {
    /// Arc length and offset to the left of a place near the begin of the chain.
    #[must_use]
    pub fn foot(&self, place: [f64; 2]) -> (f64, f64) {
        let mut best = (f64::INFINITY, 0.0, 0.0);
        for pair in self.nodes.windows(2).take(4) {
            let (a, b) = (&pair[0], &pair[1]);
            let step = [b.position[0] - a.position[0], b.position[1] - a.position[1]];
            let to = [place[0] - a.position[0], place[1] - a.position[1]];
            let share = (to[0] * step[0] + to[1] * step[1]) / (step[0] * step[0] + step[1] * step[1]).max(1e-9);
            let share = share.clamp(0.0, 1.0);
            let off = [to[0] - share * step[0], to[1] - share * step[1]];
            let gap = off[0].hypot(off[1]);
            if gap < best.0 {
                let side = if step[0] * to[1] - step[1] * to[0] < 0.0 { -1.0 } else { 1.0 };
                best = (gap, a.s_m + share * (b.s_m - a.s_m), side * gap);
            }
        }
        (best.1, best.2)
    }

    /// The node at an arc length, interpolated, straight on beyond the end; `hint` is an index not behind it and moves on.
    #[must_use]
    pub fn at(&self, s_m: f64, hint: &mut usize) -> Node {
        let last = self.nodes.len() - 1;
        if last == 0 {
            return self.nodes[0];
        }
        while *hint + 1 < last && self.nodes[*hint + 1].s_m < s_m {
            *hint += 1;
        }
        let (a, b) = (&self.nodes[*hint], &self.nodes[*hint + 1]);
        let share = (s_m - a.s_m) / (b.s_m - a.s_m).max(1e-9);
        let inside = share.clamp(0.0, 1.0);
        Node {
            position: [0, 1].map(|i| a.position[i] + share * (b.position[i] - a.position[i])),
            heading_rad: wrap_angle(a.heading_rad + inside * wrap_angle(b.heading_rad - a.heading_rad)),
            s_m,
            bend_mps_squared: a.bend_mps_squared.min(b.bend_mps_squared),
            limit_mps: a.limit_mps,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use maps::{Border, Lane, Polyline, Roads};

    fn lane(points: &[[f64; 2]], successors: Vec<LaneId>, predecessors: Vec<LaneId>) -> Lane {
        let center = Polyline::new(points).unwrap();
        let beside = |d: f64| {
            let places = 2 * points.len();
            let at = |i: usize| center.offset(center.length_m() * i as f64 / places as f64, d);
            Polyline::new(&(0..=places).map(at).map(|p| [p.x, p.y]).collect::<Vec<_>>()).unwrap()
        };
        Lane {
            kind: LaneKind::Driving,
            left: beside(1.75),
            right: beside(-1.75),
            center,
            left_border: Border::Open,
            right_border: Border::Open,
            successors,
            predecessors,
            left_neighbor: None,
            right_neighbor: None,
            speed_limit_mps: 13.9,
            junction: None,
        }
    }

    /// A lane from the south (0) that goes straight on (1) or turns right on a radius of 8 m (2).
    pub(crate) fn fork() -> LaneNetwork {
        let arc = |i: i32| {
            let a = f64::from(i) * std::f64::consts::FRAC_PI_2 / 12.0;
            [8.0 - 8.0 * a.cos(), 8.0 * a.sin()]
        };
        let mut bend: Vec<[f64; 2]> = (0..=12).map(arc).collect();
        bend.push([60.0, 8.0]);
        let lanes = vec![
            lane(&[[0.0, -60.0], [0.0, 0.0]], vec![1, 2], vec![]),
            lane(&[[0.0, 0.0], [0.0, 60.0]], vec![], vec![0]),
            lane(&bend, vec![], vec![0]),
        ];
        LaneNetwork::new(Roads { lanes, ..Roads::default() }).unwrap()
    }

    #[test]
    fn both_ways_at_a_fork_and_none_against_the_lane() {
        let network = fork();
        let graph = LaneGraph::new(&network);
        let north = std::f64::consts::FRAC_PI_2;
        let places: Vec<_> = graph.places([0.4, -20.3], north).collect();
        assert_eq!(places, [(0, 40)]);
        assert_eq!(graph.places([0.4, -20.3], -north).count() + graph.places([9.0, -20.0], north).count(), 0);
        let mut chains = Vec::new();
        graph.onward(places[0], 50.0, &mut chains);
        assert_eq!(chains.len(), 2);
        let (s_m, d_m) = chains[0].foot([0.4, -20.3]);
        assert!((s_m - 0.7).abs() < 1e-6 && (d_m + 0.4).abs() < 1e-6, "{s_m} {d_m}");
        // 21 m to the fork, then 6 m onward.
        let ends: Vec<[f64; 2]> = chains.iter().map(|chain| chain.at(27.0, &mut 0).position).collect();
        assert!(ends.iter().any(|p| p[0].abs() < 1e-6 && (p[1] - 6.0).abs() < 1e-6), "{ends:?}");
        assert!(ends.iter().any(|p| p[0] > 1.5 && p[1] > 4.0 && p[1] < 5.9), "{ends:?}");
        // In the bend 3 m/s2 are 4.9 m/s.
        let slowest = |chain: &Chain| chain.nodes.iter().map(|n| n.bend_mps_squared).fold(f64::INFINITY, f64::min);
        let speeds: Vec<f64> = chains.iter().map(slowest).map(f64::sqrt).collect();
        assert!(speeds.iter().any(|v| *v > 50.0) && speeds.iter().any(|v| (4.5..5.5).contains(v)), "{speeds:?}");
    }
}
