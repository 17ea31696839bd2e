//! Which paths beside the line are tried: back to it, the last one again, a grid, past what stands in the way and between
//! what stands on both sides.

use crate::config::Config;
use crate::effort::Effort;
use crate::goal::Aimed;
use crate::lattice::{Kept, Lateral};
use crate::predict::{Obstacle, Obstacles};
use crate::reference::Road;
use types::{ObjectClass, StopKind, Vehicle};

/// Offsets from the line that are always tried, m.
const GRID_M: [f64; 8] = [0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0];
/// Offsets up to this stay in the lane, m.
pub const IN_LANE_M: f64 = 1.0;
/// Room wanted beside what is passed: vehicles and things, people and riders, m.
const ROOM_M: [f64; 2] = [0.6, 1.0];
/// Kept from the edge of the road, m.
const EDGE_M: f64 = 0.1;
/// What is passed is looked for this far ahead, m.
const AHEAD_M: f64 = 70.0;
/// Riders at this speed or slower are passed, m/s.
const RIDER_MPS: f64 = 7.0;
/// One leaves the lane for what has stood this long: if it was never seen to move, and if it was, s.
const STOOD_S: [f64; 2] = [0.8, 6.0];
/// What stands this near before a line where one waits, waits, m.
const QUEUE_M: f64 = 45.0;
/// But not longer than this, s.
const QUEUE_S: f64 = 40.0;
/// Things nearer together along the line than this are passed in one go, m.
const CHAIN_M: f64 = 14.0;
/// On the way back, the rear is this far behind what was passed, m.
const CLEAR_M: f64 = 1.5;
/// Two paths this similar are one, m.
const ALIKE_M: f64 = 0.08;
/// Most paths past something.
const MOST: usize = 12;
/// Bend of a change of offset: largest second derivative of the quintic, in units of offset / length^2.
const QUINTIC_BEND: f64 = 5.78;
/// A change of offset bends the path by at most this, 1/m.
const BEND_1PM: f64 = 0.15;

#[expect(clippy::too_many_arguments, reason = "what a path can be for")]
/// Fills `laterals` and returns how many of the first are for every profile; the others are for keeping a speed.
pub fn sample(
    laterals: &mut Vec<Lateral>,
    road: &Road<'_>,
    obstacles: &Obstacles,
    goals: &[Aimed],
    kept: Option<&Kept>,
    effort: &Effort,
    config: &Config,
    vehicle: &Vehicle,
) -> usize {
    let speed = road.ego.s_dot_mps;
    let (near, far) = ((1.6 * speed).max(5.0), (3.5 * speed).max(12.0));
    let length =
        |offset: f64, wanted: f64| wanted.max((QUINTIC_BEND * (offset - road.ego.d_m).abs() / BEND_1PM).sqrt());
    laterals.clear();
    for wanted in [far, near, (4.7 * speed).max(16.0), (6.0 * speed).max(20.0)] {
        laterals.push(Lateral::new(road, 0.0, length(0.0, wanted)));
    }
    if let Some(kept) = kept {
        let left = kept.end_s_m - road.s_m;
        let again = if (near..=2.0 * far).contains(&left) && kept.end_m.abs() < 2.0 {
            left
        } else {
            length(kept.end_m, 0.5 * (near + far))
        };
        let path = Lateral::new(road, kept.end_m, again);
        laterals.push(kept.back_s_m.map_or(path, |s_m| path.and_back(s_m - road.s_m, far)));
    }
    for goal in goals {
        // A goal beside the line is driven to beside it.
        let offset = 0.0f64.clamp(goal.across_m[0], goal.across_m[1].max(goal.across_m[0]));
        if offset.abs() > ALIKE_M && offset.abs() < 4.0 && laterals.len() < MOST {
            laterals.push(Lateral::new(road, offset, length(offset, far.min(goal.way_m[1].max(near)))));
        }
    }
    let ways = laterals.len();
    laterals.extend(GRID_M.iter().map(|offset| Lateral::new(road, *offset, far)));
    laterals.extend(GRID_M[2..6].iter().map(|offset| Lateral::new(road, *offset, near)));
    let before = laterals.len();
    if effort.emergency {
        let station = road.station(road.s_m, config, &vehicle.limits);
        let half = 0.5 * vehicle.width_m + EDGE_M;
        for offset in [station.left_m - half, half - station.right_m] {
            laterals.push(Lateral::new(road, offset, length(offset, near)));
            laterals.push(Lateral::new(road, offset, length(offset, 1.3 * near)));
        }
    }
    let mut offer = |offset: f64, reached_m: f64, end_m: f64| {
        let alike = |lateral: &Lateral| (lateral.end_m - offset).abs() < ALIKE_M && lateral.returns();
        if laterals.len() - before + 2 > 2 * MOST || laterals[before..].iter().any(alike) {
            return;
        }
        // Beside the thing when the bumper is there, if that is not too sudden.
        let change = length(offset, near).max(reached_m.min(far));
        let path = Lateral::new(road, offset, change);
        laterals.push(path.and_back(end_m.max(change), far));
        laterals.push(path);
    };
    passes(obstacles, road, effort, config, vehicle, &mut offer);
    ways
}

/// Offers offset, travelled length at which it must be reached, and at which it may end.
fn passes(
    obstacles: &Obstacles,
    road: &Road<'_>,
    effort: &Effort,
    config: &Config,
    vehicle: &Vehicle,
    offer: &mut impl FnMut(f64, f64, f64),
) {
    let half_width = 0.5 * vehicle.width_m;
    let margin = effort.margin_m(2.0);
    let in_way = |o: &Obstacle| {
        let ahead = o.s_m + o.half_s_m - road.s_m;
        let rider = o.class.is_vulnerable() && o.class != ObjectClass::Pedestrian && o.s_dot_mps >= 0.0;
        let slow =
            o.speed_mps == 0.0 || rider && o.speed_mps < RIDER_MPS.min(0.8 * limit(road, o.s_m, config, vehicle));
        !o.outside
            && !o.second
            && slow
            && (0.0..AHEAD_M).contains(&ahead)
            && o.d_m.abs() < o.half_d_m + half_width + ROOM_M[1]
    };
    for (index, first) in obstacles.objects.iter().enumerate().filter(|(_, o)| in_way(o)) {
        let room = if first.class.is_vulnerable() { ROOM_M[1] } else { ROOM_M[0] };
        let reached_m = first.s_m - first.half_s_m - vehicle.front_offset_m() - road.s_m;
        for side in [1.0, -1.0] {
            // Further things in a chain behind it are passed in the same go.
            let (mut inner, mut end) = (side * first.d_m + first.half_d_m, first.s_m + first.half_s_m);
            for _ in 0..2 {
                for o in obstacles.objects.iter().filter(|o| in_way(o) && o.s_m > first.s_m) {
                    if o.s_m - o.half_s_m < end + CHAIN_M && side * o.d_m + o.half_d_m > inner - 3.0 {
                        let beside = side * o.d_m + o.half_d_m;
                        // What leaves room enough for the path so far does not widen it.
                        if side * o.d_m - o.half_d_m < inner + 2.0 * half_width + margin {
                            inner = inner.max(beside);
                            end = end.max(o.s_m + o.half_s_m);
                        }
                    }
                }
            }
            let edge = edge(road, first.s_m, end, side, config, vehicle) - half_width - EDGE_M;
            let (tight, wide) = (inner + half_width + margin + 0.02, inner + half_width + room);
            let travelled_end = end + vehicle.rear_overhang_m + CLEAR_M - road.s_m;
            let moving = first.s_dot_mps.max(0.0) / (road.ego.s_dot_mps - first.s_dot_mps).max(1.0);
            for offset in [wide, 0.5 * (tight + wide), tight, edge] {
                let offset = offset.min(edge);
                let allowed = offset.abs() <= IN_LANE_M || may_leave_lane(first, road, effort);
                if offset >= tight - 1e-9 && offset < 8.0 && allowed {
                    offer(side * offset, reached_m, travelled_end * (1.0 + moving.min(3.0)));
                }
            }
        }
        // Between two: a gate.
        for other in obstacles.objects[index + 1..].iter().filter(|o| in_way(o)) {
            let (left, right) = if first.d_m > other.d_m { (first, other) } else { (other, first) };
            let (low, high) = (right.d_m + right.half_d_m, left.d_m - left.half_d_m);
            let together = (first.s_m - other.s_m).abs() < first.half_s_m + other.half_s_m + vehicle.length_m;
            let middle = 0.5 * (low + high);
            if together && high - low > 2.0 * half_width + 0.2 && middle.abs() < 2.0 {
                let end = (first.s_m + first.half_s_m).max(other.s_m + other.half_s_m);
                offer(middle, reached_m, end + vehicle.rear_overhang_m + CLEAR_M - road.s_m);
            }
        }
    }
}

fn limit(road: &Road<'_>, s_m: f64, config: &Config, vehicle: &Vehicle) -> f64 {
    road.station(s_m, config, &vehicle.limits).limit_mps
}

/// The nearest edge on one side along a stretch, m.
fn edge(road: &Road<'_>, from_m: f64, to_m: f64, side: f64, config: &Config, vehicle: &Vehicle) -> f64 {
    (0..=4).fold(f64::INFINITY, |nearest, i| {
        let station = road.station(from_m + f64::from(i) * 0.25 * (to_m - from_m), config, &vehicle.limits);
        nearest.min(if side > 0.0 { station.left_m } else { station.right_m })
    })
}

/// Whether something that stands in the way may be passed beyond the lane.
#[must_use]
pub fn may_pass(o: &Obstacle, road: &Road<'_>, effort: &Effort, config: &Config, vehicle: &Vehicle) -> bool {
    leaves_room(o, road, effort, config, vehicle) && may_leave_lane(o, road, effort)
}

/// Whether something that stands in the way leaves room to be passed beyond the lane.
#[must_use]
pub fn leaves_room(o: &Obstacle, road: &Road<'_>, effort: &Effort, config: &Config, vehicle: &Vehicle) -> bool {
    let needed = 0.5 * vehicle.width_m + effort.margin_m(2.0);
    let fits = |side: f64| {
        let inner = side * o.d_m + o.half_d_m + needed;
        let edge = edge(road, o.s_m - o.half_s_m, o.s_m + o.half_s_m, side, config, vehicle);
        inner + 0.5 * vehicle.width_m + EDGE_M <= edge && inner > IN_LANE_M
    };
    o.speed_mps == 0.0 && (fits(1.0) || fits(-1.0))
}

/// Whether something stands for good: then one may leave the lane, as far as the road goes.
fn may_leave_lane(o: &Obstacle, road: &Road<'_>, effort: &Effort) -> bool {
    let waits = |kind: StopKind| !matches!(kind, StopKind::Goal);
    let ahead = |s_m: f64| (o.s_m..o.s_m + QUEUE_M).contains(&s_m);
    let queue = road.way.is_some_and(|way| way.stops().iter().any(|stop| waits(stop.kind) && ahead(stop.s_m)));
    let stood = if o.has_moved || queue { STOOD_S[1] } else { STOOD_S[0] };
    let waits_in_queue = queue && (o.has_moved || effort.stuck < 0.5) && o.class.is_vehicle() && o.stood_s < QUEUE_S;
    (o.speed_mps > 0.0 || o.stood_s >= stood) && !waits_in_queue
}
