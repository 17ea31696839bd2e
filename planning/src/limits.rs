//! Whether a state can be driven: on the road, and within the limits of steering, tyres and comfort.

use crate::View;
use crate::config::Config;
use crate::effort::Effort;
use crate::lanes::Lanes;
use crate::longitudinal::SAMPLE_STEP_S;
use crate::reference::Road;
use crate::rollout::{Side, State};
use crate::table::Row;
use types::{Limits, Vehicle, Verdict};

/// How far over the edge of the road a corner may be, m: what the map and the own place are worth.
const EDGE_M: f64 = 0.05;
/// And what the present motion across the road covers in this time, s.
const DRIFT_S: f64 = 2.0;
/// See `settles`: 0.2 s.
const SETTLES: usize = (0.2 / SAMPLE_STEP_S) as usize;
/// What is this near to the rate of steering is asked once more, as a share.
const NEARLY: f64 = 1.0 - 1e-9;
/// Above the vehicle's limits, m/s and m/s2: what the transformation to the path adds.
const OVER_MPS: f64 = 0.5;
const OVER_MPS2: f64 = 0.2;

/// The limits of an attempt.
pub(crate) struct Feasible<'a> {
    limits: &'a Limits,
    vehicle: &'a Vehicle,
    sharpest_1pm: f64,
    fastest_mps: f64,
    /// How far beyond the left and right edge the ego may be, m.
    beyond_m: [f64; 2],
    /// Samples in which the front wheels may turn at any rate: a measured turn rate is noise for a good part, and a car must not brake
    /// because by it the wheels would have to turn back too quickly.
    settles: usize,
}

/// What the line says of the bumper at one sample: how far it is off the line in a bend, and how far it may be over each edge, m.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bumper {
    on_line_m: f64,
    over_m: [f64; 2],
}

/// What lies between two samples: the curvature before, if the steering has settled; lateral acceleration and jerk now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<T> {
    pub before_1pm: Option<T>,
    pub lateral_mps2: T,
    pub jerk_mps3: T,
}

impl<'a> Feasible<'a> {
    pub fn new(view: &View<'a>, effort: &'a Effort) -> Self {
        let &View { road, config, vehicle, .. } = view;
        Self {
            limits: &effort.limits,
            vehicle,
            sharpest_1pm: vehicle.max_steering_rad.tan() / vehicle.wheelbase_m,
            fastest_mps: effort.limits.speed_mps.max(road.ego.s_dot_mps) + OVER_MPS,
            beyond_m: beyond_edges(road, config, vehicle),
            settles: if view.is_measured { SETTLES } else { 0 },
        }
    }

    /// Whether the steering counts at a sample.
    pub fn is_settled(&self, sample: usize) -> bool {
        sample > self.settles
    }

    /// The bumper on the line at a row. In tight turns it leaves the lane even on its middle: that much is the road's.
    pub fn bumper(&self, row: &Row) -> Bumper {
        let (front, half) = (self.vehicle.front_offset_m(), 0.5 * self.vehicle.width_m);
        let on_line_m = -0.5 * front * front * row.curvature_1pm;
        let over = |side: f64, i: usize| self.beyond_m[i].max(side * on_line_m + half - row.front_edges_m[i] + EDGE_M);
        Bumper { on_line_m, over_m: [over(1.0, 0), over(-1.0, 1)] }
    }

    /// How many limits the lanes are beyond, or seem to be: 0 only where [`Feasible::verdict`] is free.
    #[inline]
    pub fn marks(
        &self,
        row: &Row,
        bumper: &Bumper,
        [d, slope, _]: [Lanes; 3],
        side: &Side,
        turn: &Turn<Lanes>,
    ) -> Lanes {
        let (limits, half) = (self.limits, 0.5 * self.vehicle.width_m);
        let swing = d + slope * self.vehicle.front_offset_m() + bumper.on_line_m;
        let mut marks = side.scale_marks
            + (d + half - row.edges_m[0]).above(self.beyond_m[0])
            + (d * -1.0 + half - row.edges_m[1]).above(self.beyond_m[1])
            + (swing + half - row.front_edges_m[0]).above(bumper.over_m[0])
            + (swing * -1.0 + half - row.front_edges_m[1]).above(bumper.over_m[1])
            + side.curvature.abs().above(self.sharpest_1pm)
            + turn.lateral_mps2.abs().above(limits.lateral_acceleration_mps2)
            + turn.jerk_mps3.abs().above(limits.lateral_jerk_mps3)
            + side.speed.above(self.fastest_mps)
            + side.acceleration.above(limits.acceleration_mps2 + OVER_MPS2)
            + side.acceleration.below(-limits.deceleration_mps2 - OVER_MPS2);
        if let Some(before) = turn.before_1pm {
            let wheelbase = self.vehicle.wheelbase_m;
            let mean = (before + side.curvature) * (wheelbase * 0.5);
            let allowed = (mean * mean + 1.0) * (self.vehicle.max_steering_rate_radps * SAMPLE_STEP_S * NEARLY);
            marks = marks + ((side.curvature - before).abs() * wheelbase).above_lanes(allowed);
        }
        marks
    }

    /// What is wrong with a state, the road first.
    pub fn verdict(&self, row: &Row, bumper: &Bumper, offset: &[f64; 3], state: &State, turn: &Turn<f64>) -> Verdict {
        let limits = self.limits;
        if self.leaves_road(row, bumper, offset) {
            Verdict::OffRoad
        } else if state.curvature.is_nan()
            || state.curvature.abs() > self.sharpest_1pm
            || turn.before_1pm.is_some_and(|before| {
                self.steering_rate(before, state.curvature) > self.vehicle.max_steering_rate_radps
            })
        {
            Verdict::Curvature
        } else if turn.lateral_mps2.abs() > limits.lateral_acceleration_mps2 {
            Verdict::LateralAcceleration
        } else if turn.jerk_mps3.abs() > limits.lateral_jerk_mps3 {
            Verdict::Jerk
        } else if state.speed > self.fastest_mps {
            Verdict::Speed
        } else if state.acceleration < -limits.deceleration_mps2 - OVER_MPS2
            || state.acceleration > limits.acceleration_mps2 + OVER_MPS2
        {
            Verdict::Acceleration
        } else {
            Verdict::Free
        }
    }

    /// Whether a corner is over the edge: at the rear axle, or at the bumper, which swings out in bends.
    fn leaves_road(&self, row: &Row, bumper: &Bumper, [d, slope, _]: &[f64; 3]) -> bool {
        let half = 0.5 * self.vehicle.width_m;
        let swing = d + self.vehicle.front_offset_m() * slope + bumper.on_line_m;
        let over = |side: f64, i: usize| {
            side * d + half - row.edges_m[i] > self.beyond_m[i]
                || side * swing + half - row.front_edges_m[i] > bumper.over_m[i]
        };
        over(1.0, 0) || over(-1.0, 1)
    }

    /// How fast the front wheels turn between two samples, rad/s.
    fn steering_rate(&self, before_1pm: f64, now_1pm: f64) -> f64 {
        let wheelbase = self.vehicle.wheelbase_m;
        let steepness = (wheelbase * 0.5 * (before_1pm + now_1pm)).powi(2);
        (now_1pm - before_1pm).abs() * wheelbase / ((1.0 + steepness) * SAMPLE_STEP_S)
    }
}

/// How far over the edges the ego is, or will be before its present motion across the road ends.
fn beyond_edges(road: &Road<'_>, config: &Config, vehicle: &Vehicle) -> [f64; 2] {
    let (ego, half) = (&road.ego, 0.5 * vehicle.width_m);
    let drift = DRIFT_S * ego.s_dot_mps * ego.d_prime;
    let station = road.station(road.s_m, config, &vehicle.limits);
    let front = ego.d_m + vehicle.front_offset_m() * ego.d_prime.clamp(-1.0, 1.0);
    let over = |side: f64, edge: f64| (side * ego.d_m).max(side * front) + half - edge;
    let allowed = |side: f64, edge: f64| over(side, edge).max(0.0) + (side * drift).max(0.0) + EDGE_M;
    [allowed(1.0, station.left_m), allowed(-1.0, station.right_m)]
}
