//! The area behind a stop line, and who will be in it when.

use crate::collision::{Rectangle, separation};
use crate::predict::{Obstacles, PREDICTION_STEP_S, PredictedPose};
use crate::reference::Road;
use types::{ObjectClass, StopLine, Vehicle};

/// Free space wanted beside the ego in the area: from vehicles, and from people on foot or on two wheels, m.
const BESIDE_M: [f64; 2] = [0.6, 0.9];
/// Distance between the pieces of the area, m.
const PIECE_M: f64 = 2.0;
/// Most pieces of an area.
const MOST_PIECES: usize = 24;
/// Predictions are looked at in every second pose.
const STRIDE: usize = 2;

/// The strip that the ego sweeps behind a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    pieces: Vec<Rectangle>,
    center: [f64; 2],
    radius_m: f64,
}

/// When an object is in the zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Presence {
    pub object: usize,
    pub from_s: f64,
    pub to_s: f64,
}

impl Zone {
    /// Lays the zone of a line over its old content.
    pub fn lay(&mut self, road: &Road<'_>, line: &StopLine, vehicle: &Vehicle) {
        let length = line.area_m.max(PIECE_M);
        let count = ((length / PIECE_M).ceil() as usize).min(MOST_PIECES);
        let piece = length / count as f64;
        self.pieces.clear();
        self.pieces.extend((0..count).map(|i| {
            let place = road.line.at(line.s_m + (i as f64 + 0.5) * piece);
            let (sin, cos) = place.heading_rad.sin_cos();
            Rectangle {
                center: [place.x, place.y],
                direction: [cos, sin],
                half_length: 0.5 * piece,
                half_width: 0.5 * vehicle.width_m,
            }
        }));
        let (first, last) = (self.pieces[0].center, self.pieces[count - 1].center);
        self.center = [0.5 * (first[0] + last[0]), 0.5 * (first[1] + last[1])];
        self.radius_m = 0.5 * length + vehicle.width_m;
    }

    /// When the object will be in the zone, within what is believed of its prediction, and if there is a second thought about it,
    /// when it will be there by that one.
    pub fn presences(&self, obstacles: &Obstacles, object: usize) -> impl Iterator<Item = Presence> {
        let thoughts = [Some(obstacles.path(object)), obstacles.apart(object)];
        thoughts.map(|path| path.and_then(|path| self.presence(obstacles, object, path))).into_iter().flatten()
    }

    fn presence(&self, obstacles: &Obstacles, object: usize, path: &[PredictedPose]) -> Option<Presence> {
        let o = &obstacles.objects[object];
        let beside = if o.class.is_vulnerable() { BESIDE_M[1] } else { BESIDE_M[0] };
        let reach = self.radius_m + o.half_length_m + o.half_width_m + beside;
        let mut found: Option<Presence> = None;
        for (step, pose) in path.iter().enumerate().step_by(STRIDE) {
            let delta = [pose.x - self.center[0], pose.y - self.center[1]];
            if delta[0] * delta[0] + delta[1] * delta[1] > reach * reach {
                continue;
            }
            let body = Rectangle {
                center: [pose.x, pose.y],
                direction: pose.direction,
                half_length: o.half_length_m,
                half_width: o.half_width_m,
            };
            if self.pieces.iter().any(|piece| separation(piece, &body) < beside) {
                let time_s = step as f64 * PREDICTION_STEP_S;
                let from_s = found.map_or(time_s, |presence| presence.from_s);
                found = Some(Presence { object, from_s, to_s: time_s });
            }
        }
        found
    }

    /// Where (m from the line) and when an oncoming object will first be in the zone if it does not follow the ego's line.
    pub fn meeting(&self, obstacles: &Obstacles, object: usize) -> Option<(f64, f64)> {
        let (o, path) = (&obstacles.objects[object], obstacles.apart(object)?);
        let mut met: Option<(f64, f64)> = None;
        for (step, pose) in path.iter().enumerate().step_by(STRIDE) {
            let body = Rectangle {
                center: [pose.x, pose.y],
                direction: pose.direction,
                half_length: o.half_length_m,
                half_width: o.half_width_m,
            };
            let Some(piece) = self.pieces.iter().position(|piece| separation(piece, &body) < BESIDE_M[0]) else {
                continue;
            };
            let from_m = 2.0 * piece as f64 * self.pieces[0].half_length;
            let (nearest_m, first_s) = met.unwrap_or((from_m, step as f64 * PREDICTION_STEP_S));
            met = Some((nearest_m.min(from_m), first_s));
        }
        met
    }

    /// How far an object is from the zone when the plan takes effect, m.
    pub fn distance(&self, obstacles: &Obstacles, object: usize) -> f64 {
        let (o, pose) = (&obstacles.objects[object], &obstacles.at(0)[object]);
        let body = Rectangle {
            center: [pose.x, pose.y],
            direction: pose.direction,
            half_length: o.half_length_m,
            half_width: o.half_width_m,
        };
        self.pieces.iter().map(|piece| separation(piece, &body)).fold(f64::INFINITY, f64::min)
    }

    /// A standing vehicle that hides what comes from one of the sides within `reach_m`: seen from `eye`.
    pub fn hidden_by(&self, eye: [f64; 2], reach_m: f64, obstacles: &Obstacles) -> Option<usize> {
        let middle = &self.pieces[self.pieces.len() / 2];
        let normal = [-middle.direction[1], middle.direction[0]];
        let side = |reach: f64| [middle.center[0] + reach * normal[0], middle.center[1] + reach * normal[1]];
        let ends = [side(reach_m), side(-reach_m)];
        obstacles.objects.iter().enumerate().position(|(object, o)| {
            let large = matches!(o.class, ObjectClass::Car | ObjectClass::Truck | ObjectClass::Bus);
            large && o.speed_mps == 0.0 && ends.iter().any(|end| crosses(eye, *end, obstacles, object))
        })
    }
}

/// Whether the line of sight between two points meets the object's box.
fn crosses(from: [f64; 2], to: [f64; 2], obstacles: &Obstacles, object: usize) -> bool {
    let (o, pose) = (&obstacles.objects[object], &obstacles.at(0)[object]);
    let delta = [to[0] - from[0], to[1] - from[1]];
    let length = delta[0].hypot(delta[1]);
    let sight = Rectangle {
        center: [0.5 * (from[0] + to[0]), 0.5 * (from[1] + to[1])],
        direction: [delta[0] / length.max(1e-9), delta[1] / length.max(1e-9)],
        half_length: 0.5 * length,
        half_width: 0.05,
    };
    let body = Rectangle {
        center: [pose.x, pose.y],
        direction: pose.direction,
        half_length: o.half_length_m,
        half_width: o.half_width_m,
    };
    separation(&sight, &body) < 0.0
}
