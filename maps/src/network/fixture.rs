//! Small networks for tests.

use super::{Border, Lane, LaneKind, LaneNetwork, Neighbor, Roads};
use crate::polyline::Polyline;

fn lane(kind: LaneKind, from: [f64; 2], to: [f64; 2], width: f64) -> Lane {
    let length = (to[0] - from[0]).hypot(to[1] - from[1]);
    let (nx, ny) = (-(to[1] - from[1]) / length * 0.5 * width, (to[0] - from[0]) / length * 0.5 * width);
    let line =
        |k: f64| Polyline::new(&[[from[0] + k * nx, from[1] + k * ny], [to[0] + k * nx, to[1] + k * ny]]).unwrap();
    Lane {
        kind,
        center: line(0.0),
        left: line(1.0),
        right: line(-1.0),
        left_border: Border::Dashed,
        right_border: Border::Kerb,
        successors: Vec::new(),
        predecessors: Vec::new(),
        left_neighbor: None,
        right_neighbor: None,
        speed_limit_mps: 13.9,
        junction: None,
    }
}

/// Lanes 0 and 1 along x, 100 m each, lane 2 beside lane 0 and 1 the other way, lane 3 a sidewalk.
pub(super) fn straight() -> Roads {
    let mut roads = Roads {
        lanes: vec![
            lane(LaneKind::Driving, [0.0, 0.0], [100.0, 0.0], 3.5),
            lane(LaneKind::Driving, [100.0, 0.0], [200.0, 0.0], 3.5),
            lane(LaneKind::Driving, [200.0, 3.5], [0.0, 3.5], 3.5),
            lane(LaneKind::Sidewalk, [0.0, -3.0], [100.0, -3.0], 2.5),
        ],
        ..Roads::default()
    };
    roads.lanes[0].successors.push(1);
    roads.lanes[1].predecessors.push(0);
    roads.lanes[0].left_neighbor = Some(Neighbor { lane: 2, same_direction: false });
    roads.lanes[2].left_neighbor = Some(Neighbor { lane: 0, same_direction: false });
    roads
}

/// Two rows of three lanes, 100 m each; the left row ends after two.
pub(super) fn rows() -> LaneNetwork {
    let mut roads = Roads::default();
    for (row, count) in [(0, 3), (1, 2)] {
        for column in 0..count {
            let mut lane = straight().lanes[0].clone();
            let (dx, dy) = (100.0 * f64::from(column), 3.5 * f64::from(row));
            for line in [&mut lane.center, &mut lane.left, &mut lane.right] {
                let moved: Vec<[f64; 2]> = line.points().iter().map(|p| [p[0] + dx, p[1] + dy]).collect();
                *line = Polyline::new(&moved).unwrap();
            }
            let id = roads.lanes.len();
            (lane.left_neighbor, lane.right_neighbor) = (None, None);
            (lane.left_border, lane.right_border) = (Border::Dashed, Border::Dashed);
            (lane.successors, lane.predecessors) = (Vec::new(), Vec::new());
            if column > 0 {
                lane.predecessors.push(id - 1);
                roads.lanes[id - 1].successors.push(id);
            }
            if row == 1 {
                let below = column as usize;
                lane.right_neighbor = Some(Neighbor { lane: below, same_direction: true });
                roads.lanes[below].left_neighbor = Some(Neighbor { lane: id, same_direction: true });
            }
            roads.lanes.push(lane);
        }
    }
    LaneNetwork::new(roads).unwrap()
}
