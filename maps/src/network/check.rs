//! What must be true of a network.

use super::{Lane, LaneId, Neighbor, Roads};
use crate::polyline::{FARTHEST_M, Polyline, distance};
use std::collections::BTreeSet;
use thiserror::Error;
use types::StopKind;

/// Lanes that follow each other may be this far apart, m.
const LARGEST_GAP_M: f64 = 0.3;
/// A lane narrower than this at any place is none, m.
const NARROWEST_M: f64 = 0.3;
/// A lane wider than this at any place is none, m.
const WIDEST_M: f64 = 60.0;

/// Why parts do not make a network.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum NetworkError {
    /// There is no lane.
    #[error("the network has no lane")]
    Empty,
    /// A border lies on the wrong side of the middle or too near or too far.
    #[error("lane {lane} reaches {reach_m:.2} m to its {side} {s_m:.1} m along, outside {low_m} to {high_m} m")]
    Width {
        /// The lane.
        lane: LaneId,
        /// Which border.
        side: &'static str,
        /// Where along the middle, m.
        s_m: f64,
        /// From the middle to the border, m; negative on the wrong side.
        reach_m: f64,
        /// Least accepted, m.
        low_m: f64,
        /// Most accepted, m.
        high_m: f64,
    },
    /// A border runs backwards: the curve is tighter than the lane is wide.
    #[error(
        "the {side} border of lane {lane} runs backwards near ({x:.1}, {y:.1}): the curve is tighter than the lane is wide"
    )]
    Folded {
        /// The lane.
        lane: LaneId,
        /// Which border.
        side: &'static str,
        /// Where, m.
        x: f64,
        /// Where, m.
        y: f64,
    },
    /// A reference to a part that is not there.
    #[error("{from} refers to {what} {index}, but there are {count}")]
    Missing {
        /// Who refers.
        from: String,
        /// To what.
        what: &'static str,
        /// Which.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// One lane names the other, but not the other way round.
    #[error("lane {lane} has lane {other} as its {relation}, which does not say the same of lane {lane}")]
    OneSided {
        /// The lane.
        lane: LaneId,
        /// The other.
        other: LaneId,
        /// What it is said to be.
        relation: &'static str,
    },
    /// A lane continues in one that begins elsewhere.
    #[error("lane {lane} ends {gap_m:.2} m away from where its successor {successor} begins; at most {most_m} m")]
    Gap {
        /// The lane.
        lane: LaneId,
        /// The one behind it.
        successor: LaneId,
        /// Between the end and the beginning, m.
        gap_m: f64,
        /// Most accepted, m.
        most_m: f64,
    },
    /// A number that cannot be.
    #[error("{field} of {part} {index} is {value}, outside {low} to {high}")]
    OutOfRange {
        /// Kind of part.
        part: &'static str,
        /// Its index.
        index: usize,
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// Smallest accepted.
        low: f64,
        /// Largest accepted.
        high: f64,
    },
    /// Two signals of one identity.
    #[error("signal {id} stands twice in the network")]
    SignalTwice {
        /// The identity.
        id: u32,
    },
    /// A stop for a signal that is not there.
    #[error("stop {stop} waits for signal {id}, which is not in the network")]
    NoSignal {
        /// The stop.
        stop: usize,
        /// The identity.
        id: u32,
    },
}

/// Checks everything, in the order of the parts.
pub(super) fn check(roads: &Roads) -> Result<(), NetworkError> {
    match survey(roads)?.into_iter().next() {
        Some(doubt) => Err(doubt),
        None => Ok(()),
    }
}

/// Checks everything. What is wrong with the shape of lanes is given back, one doubt a lane and one a link.
pub(super) fn survey(roads: &Roads) -> Result<Vec<NetworkError>, NetworkError> {
    if roads.lanes.is_empty() {
        return Err(NetworkError::Empty);
    }
    let mut doubts = Vec::new();
    for (id, lane) in roads.lanes.iter().enumerate() {
        in_range("lane", id, "speed_limit_mps", lane.speed_limit_mps, 0.1, 100.0)?;
        doubts.extend(check_shape(id, lane).err());
        check_links(roads, id, lane, &mut doubts)?;
    }
    check_signs(roads)?;
    Ok(doubts)
}

fn check_shape(id: LaneId, lane: &Lane) -> Result<(), NetworkError> {
    let length = lane.center.length_m();
    let samples = (length / 2.0).ceil().clamp(2.0, 1e5);
    for i in 0..=samples as usize {
        let s_m = length * i as f64 / samples;
        for (side, border, sign) in [("left", &lane.left, 1.0), ("right", &lane.right, -1.0)] {
            let foot = lane.border_foot(border, s_m);
            // A border to the left has the middle on its right.
            let reach_m = if foot.d_m * sign > 0.0 { -foot.distance_m } else { foot.distance_m };
            let (low_m, high_m) = (0.5 * NARROWEST_M, 0.5 * WIDEST_M);
            if !(low_m..=high_m).contains(&reach_m) {
                return Err(NetworkError::Width { lane: id, side, s_m, reach_m, low_m, high_m });
            }
        }
    }
    for (side, border) in [("left", &lane.left), ("right", &lane.right)] {
        if let Some([x, y]) = folded(border, &lane.center) {
            return Err(NetworkError::Folded { lane: id, side, x, y });
        }
    }
    Ok(())
}

/// Where a border runs against its lane.
fn folded(border: &Polyline, center: &Polyline) -> Option<[f64; 2]> {
    let points = border.points();
    points.windows(2).enumerate().find_map(|(i, pair)| {
        let (a, b) = (pair[0], pair[1]);
        let middle = [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])];
        let share = i as f64 / (points.len() - 1) as f64 * center.length_m();
        let around = 20.0 + 0.03 * center.length_m();
        let foot = center.project_within(middle[0], middle[1], share - around, share + around);
        let heading = center.pose(foot.s_m).yaw;
        let along = (b[0] - a[0]) * heading.cos() + (b[1] - a[1]) * heading.sin();
        (along < -0.05).then_some(middle)
    })
}

fn check_links(roads: &Roads, id: LaneId, lane: &Lane, doubts: &mut Vec<NetworkError>) -> Result<(), NetworkError> {
    let count = roads.lanes.len();
    let exists = |what, index: usize, count: usize| {
        let missing = || NetworkError::Missing { from: format!("lane {id}"), what, index, count };
        if index < count { Ok(()) } else { Err(missing()) }
    };
    let agrees = |other: LaneId, relation, agrees: bool| {
        if agrees { Ok(()) } else { Err(NetworkError::OneSided { lane: id, other, relation }) }
    };
    for &successor in &lane.successors {
        exists("lane", successor, count)?;
        let next = &roads.lanes[successor];
        agrees(successor, "successor", next.predecessors.contains(&id))?;
        let points = lane.center.points();
        let gap_m = distance(points[points.len() - 1], next.center.points()[0]);
        if gap_m > LARGEST_GAP_M {
            doubts.push(NetworkError::Gap { lane: id, successor, gap_m, most_m: LARGEST_GAP_M });
        }
    }
    for &predecessor in &lane.predecessors {
        exists("lane", predecessor, count)?;
        agrees(predecessor, "predecessor", roads.lanes[predecessor].successors.contains(&id))?;
    }
    let beside = |neighbor: Option<Neighbor>, relation, is_left: bool| {
        let Some(Neighbor { lane: other, same_direction }) = neighbor else { return Ok(()) };
        exists("lane", other, count)?;
        let back = if is_left == same_direction {
            roads.lanes[other].right_neighbor
        } else {
            roads.lanes[other].left_neighbor
        };
        agrees(other, relation, back == Some(Neighbor { lane: id, same_direction }))
    };
    beside(lane.left_neighbor, "left neighbor", true)?;
    beside(lane.right_neighbor, "right neighbor", false)?;
    lane.junction.map_or(Ok(()), |junction| exists("area", junction, roads.areas.len()))
}

fn check_signs(roads: &Roads) -> Result<(), NetworkError> {
    for (index, area) in roads.areas.iter().enumerate() {
        in_range("area", index, "number of corners", area.outline.len() as f64, 3.0, 1e6)?;
        finite("area", index, &area.outline)?;
    }
    for (index, crossing) in roads.crossings.iter().enumerate() {
        finite("crossing", index, &[crossing.from, crossing.to])?;
        in_range("crossing", index, "length", distance(crossing.from, crossing.to), 0.5, 200.0)?;
        in_range("crossing", index, "width_m", crossing.width_m, 0.5, 50.0)?;
    }
    let mut ids = BTreeSet::new();
    for (index, signal) in roads.signals.iter().enumerate() {
        finite("signal", index, &[[signal.pose.x, signal.pose.y], [signal.pose.yaw, 0.0]])?;
        if !ids.insert(signal.id) {
            return Err(NetworkError::SignalTwice { id: signal.id });
        }
    }
    for (index, stop) in roads.stops.iter().enumerate() {
        let Some(lane) = roads.lanes.get(stop.lane) else {
            let from = format!("stop {index}");
            return Err(NetworkError::Missing { from, what: "lane", index: stop.lane, count: roads.lanes.len() });
        };
        in_range("stop", index, "s_m", stop.s_m, 0.0, lane.center.length_m() + 0.01)?;
        in_range("stop", index, "area_m", stop.area_m, 0.0, 1000.0)?;
        if let Some(crossing) = stop.crossing.filter(|crossing| *crossing >= roads.crossings.len()) {
            let (from, count) = (format!("stop {index}"), roads.crossings.len());
            return Err(NetworkError::Missing { from, what: "crossing", index: crossing, count });
        }
        if let StopKind::Signal(id) = stop.kind
            && !ids.contains(&id)
        {
            return Err(NetworkError::NoSignal { stop: index, id });
        }
    }
    Ok(())
}

fn finite(part: &'static str, index: usize, points: &[[f64; 2]]) -> Result<(), NetworkError> {
    points.iter().flatten().try_for_each(|v| in_range(part, index, "coordinate", *v, -FARTHEST_M, FARTHEST_M))
}

fn in_range(
    part: &'static str,
    index: usize,
    field: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), NetworkError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(NetworkError::OutOfRange { part, index, field, value, low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::fixture::straight;
    use crate::network::{Area, LaneNetwork, LaneStop, Signal};
    use types::Pose2;

    fn error(change: impl FnOnce(&mut Roads)) -> NetworkError {
        let mut roads = straight();
        change(&mut roads);
        LaneNetwork::new(roads).unwrap_err()
    }

    #[test]
    fn a_good_network_passes() {
        assert!(LaneNetwork::new(straight()).is_ok());
    }

    #[test]
    fn what_cannot_be_is_named() {
        assert_eq!(error(|roads| *roads = Roads::default()), NetworkError::Empty);
        let swapped = error(|roads| {
            let lane = &mut roads.lanes[0];
            std::mem::swap(&mut lane.left, &mut lane.right);
        });
        assert!(matches!(swapped, NetworkError::Width { lane: 0, reach_m, .. } if reach_m < -1.7), "{swapped}");
        let nowhere = error(|roads| roads.lanes[1].successors.push(9));
        assert!(matches!(nowhere, NetworkError::Missing { index: 9, count: 4, .. }), "{nowhere}");
        let one_sided = error(|roads| roads.lanes[0].successors.push(3));
        assert!(matches!(one_sided, NetworkError::OneSided { lane: 0, other: 3, .. }), "{one_sided}");
        let gap = error(|roads| {
            roads.lanes[0].successors.push(3);
            roads.lanes[3].predecessors.push(0);
        });
        assert!(matches!(gap, NetworkError::Gap { lane: 0, successor: 3, .. }), "{gap}");
        let limit = error(|roads| roads.lanes[2].speed_limit_mps = f64::NAN);
        assert!(limit.to_string().contains("speed_limit_mps of lane 2 is NaN"), "{limit}");
        let stop = error(|roads| {
            let kind = StopKind::GiveWay;
            roads.stops.push(LaneStop { lane: 0, s_m: 999.0, area_m: 5.0, kind, painted: true, crossing: None });
        });
        assert!(matches!(stop, NetworkError::OutOfRange { field: "s_m", value: 999.0, .. }), "{stop}");
        let unknown = error(|roads| {
            let kind = StopKind::Signal(4);
            roads.stops.push(LaneStop { lane: 0, s_m: 9.0, area_m: 5.0, kind, painted: true, crossing: None });
        });
        assert_eq!(unknown, NetworkError::NoSignal { stop: 0, id: 4 });
        let twice = error(|roads| {
            let signal = Signal { id: 4, pose: Pose2::default(), pedestrian: false };
            roads.signals = vec![signal, signal];
        });
        assert_eq!(twice, NetworkError::SignalTwice { id: 4 });
        let flat = error(|roads| roads.areas.push(Area { outline: vec![[0.0, 0.0], [1.0, 1.0]] }));
        assert!(matches!(flat, NetworkError::OutOfRange { part: "area", .. }));
    }

    #[test]
    fn a_curve_tighter_than_the_lane_is_wide_is_refused() {
        let tight = error(|roads| {
            let points: Vec<[f64; 2]> =
                (0..=20).map(|i| f64::from(i) * 0.1).map(|a| [a.sin(), 1.0 - a.cos()]).collect();
            let line = Polyline::new(&points).unwrap();
            let side = |d: f64| {
                let points: Vec<[f64; 2]> = (0..=20)
                    .map(|i| line.offset(line.length_m() * f64::from(i) / 20.0, d))
                    .map(|pose| [pose.x, pose.y])
                    .collect();
                Polyline::new(&points).unwrap()
            };
            roads.lanes.push(Lane {
                left: side(1.75),
                right: side(-1.75),
                center: line,
                successors: Vec::new(),
                predecessors: Vec::new(),
                left_neighbor: None,
                right_neighbor: None,
                ..roads.lanes[0].clone()
            });
        });
        assert!(matches!(tight, NetworkError::Folded { lane: 4, .. } | NetworkError::Width { lane: 4, .. }), "{tight}");
    }
}
