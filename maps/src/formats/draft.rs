//! Lanes as a file gives them, made into a network: links both ways, neighbours both ways, places of stops.
//!
//! What a file says and what cannot be true together is left out and told as a [`Finding`]; it is not an error, since real maps
//! are full of it.

use super::{Finding, Map, MapError, middle};
use crate::network::{
    Area, Border, Crossing, Lane, LaneId, LaneKind, LaneNetwork, LaneStop, Neighbor, NetworkError, Roads, Signal,
};
use crate::polyline::{Polyline, distance};
use std::collections::{BTreeMap, BTreeSet};
use types::{Pose2, StopKind};

/// A lane that ends farther than this from where another begins does not continue in it, m.
const WIDEST_GAP_M: f64 = 0.5;
/// What lies behind a stop line if no lane says more, m.
const AREA_M: (f64, f64) = (5.0, 60.0);

/// A lane as a file gives it; other lanes are meant by their names.
#[derive(Clone, Debug)]
pub(crate) struct RawLane {
    /// Its name in the file.
    pub name: String,
    /// What it is for.
    pub kind: LaneKind,
    /// Left border in the lane's direction, m.
    pub left: Vec<[f64; 2]>,
    /// Right border in the lane's direction, m.
    pub right: Vec<[f64; 2]>,
    /// Middle, if the file has one, m.
    pub center: Option<Vec<[f64; 2]>>,
    /// What the left border is.
    pub left_border: Border,
    /// What the right border is.
    pub right_border: Border,
    /// Lanes behind its end.
    pub successors: Vec<String>,
    /// Lanes before its beginning.
    pub predecessors: Vec<String>,
    /// The lane to the left and whether it leads the same way.
    pub left_neighbor: Option<(String, bool)>,
    /// The lane to the right and whether it leads the same way.
    pub right_neighbor: Option<(String, bool)>,
    /// The posted limit, m/s.
    pub speed_limit_mps: Option<f64>,
    /// What holds where none is posted, m/s.
    pub usual_limit_mps: f64,
}

impl RawLane {
    /// A driving lane between two borders with nothing around it.
    pub fn new(name: String, left: Vec<[f64; 2]>, right: Vec<[f64; 2]>) -> Self {
        Self {
            name,
            kind: LaneKind::Driving,
            left,
            right,
            center: None,
            left_border: Border::Open,
            right_border: Border::Open,
            successors: Vec::new(),
            predecessors: Vec::new(),
            left_neighbor: None,
            right_neighbor: None,
            speed_limit_mps: None,
            usual_limit_mps: super::USUAL_LIMIT_MPS,
        }
    }
}

/// A place to stop on a lane.
#[derive(Clone, Debug)]
pub(crate) struct RawStop {
    /// On which lane.
    pub lane: String,
    /// The line across it, m; none for its end.
    pub line: Option<[[f64; 2]; 2]>,
    /// Why.
    pub kind: StopKind,
    /// Whether a line is painted there.
    pub painted: bool,
    /// The crossing that it is for: a place in [`Draft::crossings`].
    pub crossing: Option<usize>,
}

/// A signal.
#[derive(Clone, Debug)]
pub(crate) struct RawSignal {
    /// Identity.
    pub id: u32,
    /// Where it stands, m; none for the end of the lane.
    pub place: Option<[f64; 2]>,
    /// The lane that it is for.
    pub lane: String,
    /// Whether it is for people on foot.
    pub pedestrian: bool,
}

/// The parts of a file.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub lanes: Vec<RawLane>,
    pub stops: Vec<RawStop>,
    pub crossings: Vec<Crossing>,
    pub signals: Vec<RawSignal>,
    pub areas: Vec<Area>,
    pub findings: Vec<Finding>,
}

impl Draft {
    /// Makes the network. `file` is its name in errors.
    pub fn build(mut self, file: &str) -> Result<Map, MapError> {
        let mut roads = Roads { crossings: std::mem::take(&mut self.crossings), ..Roads::default() };
        let mut names = Vec::new();
        let mut kept = Vec::new();
        for raw in std::mem::take(&mut self.lanes) {
            match shape(&raw) {
                Ok(lane) => {
                    names.push(raw.name.clone());
                    roads.lanes.push(lane);
                    kept.push(raw);
                }
                Err(problem) => self.findings.push(Finding::new(format!("lane {}", raw.name), problem)),
            }
        }
        let mut ids = BTreeMap::new();
        for (id, name) in names.iter().enumerate() {
            if ids.insert(name.as_str(), id).is_some() {
                let problem = "stands twice".to_string();
                return Err(MapError::Element { file: file.into(), element: format!("lane {name}"), problem });
            }
        }
        self.link(&mut roads, &kept, &ids);
        self.neighbors(&mut roads, &kept, &ids);
        self.signs(&mut roads, &ids);
        roads.areas = std::mem::take(&mut self.areas);
        self.crossings_that_can_be(&mut roads);
        let posted = kept.iter().map(|raw| raw.speed_limit_mps.is_some()).collect();
        let (network, doubts) =
            LaneNetwork::surveyed(roads).map_err(|source| MapError::Network { file: file.into(), source })?;
        self.findings.extend(doubts.iter().map(|doubt| told(doubt, &names)));
        Ok(Map { network, names, posted, origin: None, findings: self.findings })
    }

    /// Successors and predecessors, each said by both, where the ends meet.
    fn link(&mut self, roads: &mut Roads, raws: &[RawLane], ids: &BTreeMap<&str, LaneId>) {
        let mut links: BTreeSet<(LaneId, LaneId)> = BTreeSet::new();
        for (id, raw) in raws.iter().enumerate() {
            for (others, before) in [(&raw.successors, false), (&raw.predecessors, true)] {
                for other in others {
                    match ids.get(other.as_str()) {
                        Some(&other) => drop(links.insert(if before { (other, id) } else { (id, other) })),
                        None => self.missing(raw, if before { "predecessor" } else { "successor" }, other),
                    }
                }
            }
        }
        for (from, to) in links {
            let (end, start) = (&roads.lanes[from].center, &roads.lanes[to].center);
            let gap_m = distance(end.points()[end.points().len() - 1], start.points()[0]);
            if gap_m > WIDEST_GAP_M {
                let problem = format!(
                    "ends {gap_m:.2} m from where its successor {} begins, over {WIDEST_GAP_M} m: link left out",
                    raws[to].name
                );
                self.findings.push(Finding::new(format!("lane {}", raws[from].name), problem));
                continue;
            }
            roads.lanes[from].successors.push(to);
            roads.lanes[to].predecessors.push(from);
        }
    }

    /// Leaves out, without a word, links and neighbours that are not among the lanes: for formats that also link what is no lane.
    pub fn drop_links_to_nothing(&mut self) {
        let names: BTreeSet<String> = self.lanes.iter().map(|lane| lane.name.clone()).collect();
        for lane in &mut self.lanes {
            lane.successors.retain(|name| names.contains(name));
            lane.predecessors.retain(|name| names.contains(name));
            for beside in [&mut lane.left_neighbor, &mut lane.right_neighbor] {
                *beside = beside.take().filter(|(name, _)| names.contains(name));
            }
        }
    }

    fn missing(&mut self, raw: &RawLane, what: &str, other: &str) {
        let problem = format!("its {what} {other} is not in the file");
        self.findings.push(Finding::new(format!("lane {}", raw.name), problem));
    }

    /// Neighbours, each said by both. Where a lane already has another one, what comes later is left out.
    fn neighbors(&mut self, roads: &mut Roads, raws: &[RawLane], ids: &BTreeMap<&str, LaneId>) {
        for (id, raw) in raws.iter().enumerate() {
            for (claim, left) in [(&raw.left_neighbor, true), (&raw.right_neighbor, false)] {
                let Some((name, same_direction)) = claim else { continue };
                let side = if left { "left neighbor" } else { "right neighbor" };
                let Some(&other) = ids.get(name.as_str()) else {
                    self.missing(raw, side, name);
                    continue;
                };
                let there = Neighbor { lane: other, same_direction: *same_direction };
                let back = Neighbor { lane: id, same_direction: *same_direction };
                let other_left = left != *same_direction;
                let own = *roads.lanes[id].beside(left);
                let others = *roads.lanes[other].beside(other_left);
                if other == id || own.is_some_and(|n| n != there) || others.is_some_and(|n| n != back) {
                    let problem = format!("its {side} {name} has another lane there: left out");
                    self.findings.push(Finding::new(format!("lane {}", raw.name), problem));
                    continue;
                }
                *roads.lanes[id].beside(left) = Some(there);
                *roads.lanes[other].beside(other_left) = Some(back);
            }
        }
    }

    /// Stops and signals on their lanes.
    fn signs(&mut self, roads: &mut Roads, ids: &BTreeMap<&str, LaneId>) {
        let mut seen = BTreeSet::new();
        for signal in std::mem::take(&mut self.signals) {
            let Some(&lane) = ids.get(signal.lane.as_str()) else { continue };
            if !seen.insert(signal.id) {
                continue;
            }
            let center = &roads.lanes[lane].center;
            let end = center.pose(center.length_m());
            let [x, y] = signal.place.unwrap_or([end.x, end.y]);
            roads.signals.push(Signal {
                id: signal.id,
                pose: Pose2 { x, y, yaw: end.yaw },
                pedestrian: signal.pedestrian,
            });
        }
        for stop in std::mem::take(&mut self.stops) {
            let Some(&id) = ids.get(stop.lane.as_str()) else { continue };
            if let StopKind::Signal(signal) = stop.kind
                && !seen.contains(&signal)
            {
                let problem = format!("its stop line is for signal {signal}, which is not in the file: left out");
                self.findings.push(Finding::new(format!("lane {}", stop.lane), problem));
                continue;
            }
            let lane = &roads.lanes[id];
            let length = lane.center.length_m();
            let s_m = stop.line.map_or(length, |[a, b]| {
                lane.center.project(0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])).s_m.clamp(0.0, length)
            });
            let behind = lane.successors.iter().map(|next| roads.lanes[*next].center.length_m()).fold(0.0, f64::max);
            let area_m = (length - s_m + behind).clamp(AREA_M.0, AREA_M.1);
            let crossing = stop.crossing.filter(|crossing| *crossing < roads.crossings.len());
            roads.stops.push(LaneStop { lane: id, s_m, area_m, kind: stop.kind, painted: stop.painted, crossing });
        }
        // Where a light hangs, the signs beside it only hold while it is dark.
        let is_signal = |stop: &LaneStop| matches!(stop.kind, StopKind::Signal(_));
        let lit: BTreeSet<LaneId> = roads.stops.iter().filter(|stop| is_signal(stop)).map(|stop| stop.lane).collect();
        roads
            .stops
            .retain(|stop| !(lit.contains(&stop.lane) && matches!(stop.kind, StopKind::GiveWay | StopKind::Stop)));
    }

    /// A crossing that is too short or too wide to be one keeps its place in the list, cut to what can be.
    fn crossings_that_can_be(&mut self, roads: &mut Roads) {
        for (index, crossing) in roads.crossings.iter_mut().enumerate() {
            let length = distance(crossing.from, crossing.to);
            let possible = (0.5..=200.0).contains(&length) && (0.5..=50.0).contains(&crossing.width_m);
            if !possible {
                let problem = format!("is {length:.2} m long and {:.2} m wide: cut to what can be", crossing.width_m);
                self.findings.push(Finding::new(format!("crossing {index}"), problem));
                crossing.width_m = crossing.width_m.clamp(0.5, 50.0);
                let long = length.clamp(0.5, 200.0);
                let (dx, dy) = (crossing.to[0] - crossing.from[0], crossing.to[1] - crossing.from[1]);
                let share = if length > 0.01 { long / length } else { 0.0 };
                crossing.to = if share > 0.0 {
                    [crossing.from[0] + share * dx, crossing.from[1] + share * dy]
                } else {
                    [crossing.from[0] + long, crossing.from[1]]
                };
            }
        }
    }
}

/// A doubt about a lane's shape, with the name that the lane has in the file.
fn told(doubt: &NetworkError, names: &[String]) -> Finding {
    let (lane, problem) = match doubt {
        NetworkError::Width { lane, side, s_m, reach_m, .. } => {
            (lane, format!("its {side} border is {reach_m:.2} m from its middle {s_m:.1} m along"))
        }
        NetworkError::Folded { lane, side, x, y } => {
            (lane, format!("its {side} border runs backwards near ({x:.1}, {y:.1})"))
        }
        NetworkError::Gap { lane, gap_m, .. } => (lane, format!("the lane behind it begins {gap_m:.2} m away")),
        other => return Finding::new("network", other.to_string()),
    };
    Finding::new(format!("lane {}", names[*lane]), problem)
}

/// The lane by itself, without links.
fn shape(raw: &RawLane) -> Result<Lane, String> {
    let border = |points: &[[f64; 2]], side: &str| {
        Polyline::new(points).ok_or_else(|| {
            format!("its {side} border of {} points has no length or no possible place: left out", points.len())
        })
    };
    let (left, right) = (border(&raw.left, "left")?, border(&raw.right, "right")?);
    let center = match &raw.center {
        Some(points) => border(points, "middle as a")?,
        None => border(&middle::of_borders(&left, &right), "middle as a")?,
    };
    let speed_limit_mps = raw.speed_limit_mps.unwrap_or(raw.usual_limit_mps);
    if !(0.1..=100.0).contains(&speed_limit_mps) {
        return Err(format!("its speed limit is {speed_limit_mps} m/s, outside 0.1 to 100: left out"));
    }
    Ok(Lane {
        kind: raw.kind,
        center,
        left,
        right,
        left_border: raw.left_border,
        right_border: raw.right_border,
        successors: Vec::new(),
        predecessors: Vec::new(),
        left_neighbor: None,
        right_neighbor: None,
        speed_limit_mps,
        junction: None,
    })
}

impl Lane {
    /// The place of the neighbour on a side.
    fn beside(&mut self, left: bool) -> &mut Option<Neighbor> {
        if left { &mut self.left_neighbor } else { &mut self.right_neighbor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(name: &str, x: [f64; 2], y: f64) -> RawLane {
        RawLane::new(name.into(), x.map(|x| [x, y + 1.5]).to_vec(), x.map(|x| [x, y - 1.5]).to_vec())
    }

    #[test]
    fn links_are_made_mutual_and_what_does_not_fit_is_told() {
        let mut lanes = vec![
            lane("a", [0.0, 50.0], 0.0),
            lane("b", [50.1, 99.0], 0.0),
            lane("c", [0.0, 50.0], 3.0),
            lane("d", [9.0, 9.0], 9.0),
        ];
        lanes[0].successors = vec!["b".into(), "nowhere".into()];
        lanes[1].predecessors = vec!["a".into(), "c".into()];
        lanes[0].left_neighbor = Some(("c".into(), true));
        lanes[2].right_neighbor = Some(("b".into(), true));
        let line = Some([[40.0, -1.0], [40.0, 1.0]]);
        let stop = |kind| RawStop { lane: "a".into(), line, kind, painted: true, crossing: None };
        let draft = Draft { lanes, stops: vec![stop(StopKind::Stop), stop(StopKind::Signal(7))], ..Draft::default() };
        let map = draft.build("f").unwrap();
        let roads = map.network.roads();
        assert_eq!((&roads.lanes[0].successors, &roads.lanes[1].predecessors), (&vec![1], &vec![0]));
        assert_eq!(roads.lanes[2].right_neighbor, Some(Neighbor { lane: 0, same_direction: true }));
        assert_eq!((roads.stops.len(), roads.stops[0].s_m), (1, 40.0));
        let said: Vec<String> = map.findings.iter().map(ToString::to_string).collect();
        for wanted in ["lane d: its left border", "successor nowhere", "3.00 m from where", "b has another", "signal 7"]
        {
            assert!(said.iter().any(|line| line.contains(wanted)), "{wanted} in {said:#?}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_an_error() {
        let lanes = vec![lane("a", [0.0, 50.0], 0.0), lane("a", [0.0, 50.0], 9.0)];
        let said = Draft { lanes, ..Draft::default() }.build("f.xml").unwrap_err().to_string();
        assert_eq!(said, "f.xml: lane a: stands twice");
        assert!(matches!(Draft::default().build("f"), Err(MapError::Network { .. })));
    }
}
