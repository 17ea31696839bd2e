//! Responsibility for who comes from behind: a motion that it could only meet by braking hard costs.
//!
//! It sees the ego and is no obstacle. But it needs time: for the next seconds it is taken to go on as predicted, and the shorter the gap that
//! it would have then, against what its closing speed asks for, the dearer the profile. So the ego does not dawdle or brake without need before
//! somebody who is near and faster.

use crate::View;
use crate::lattice::Lattice;
use crate::longitudinal::{SAMPLE_STEP_S, SAMPLES};
use crate::predict::{Obstacle, PREDICTION_STEP_S};

/// Squared missing share of the gap, the mean over the times.
const PRICE: f64 = 8.0;
/// It is looked at this often and this long, s.
const EVERY_S: f64 = 0.4;
const LOOKS: usize = 10;
/// Gap wanted without closing speed, m, and for each m/s of it, s.
const STILL_M: f64 = 1.0;
const CLOSING_S: f64 = 0.6;
/// A missing share counts up to this.
const MOST: f64 = 2.0;
/// Followers in the ego's lane overlap with its width and this much more, m.
const BESIDE_M: f64 = 0.2;
/// Slower ones do not matter, m/s.
const SLOW_MPS: f64 = 1.0;

/// The price of every profile of the lattice.
pub(crate) fn prices(lattice: &Lattice, view: &View<'_>, out: &mut Vec<f64>) {
    out.clear();
    out.resize(lattice.profiles.len(), 0.0);
    // Who comes from behind sees the same signal or line: what must be done there is done in good time.
    if view.obstacles.known || view.rules.halt.is_some() {
        return;
    }
    let Some(follower) = follower(view) else { return };
    let (o, path) = (&view.obstacles.objects[follower], view.obstacles.path(follower));
    let begin = path[0];
    let ahead = |step: usize| {
        let pose = &path[step.min(path.len() - 1)];
        // Where its bumper is along the line, by the chord of its way.
        o.s_m + o.half_s_m + (pose.x - begin.x).hypot(pose.y - begin.y)
    };
    let steps = (EVERY_S / PREDICTION_STEP_S).round() as usize;
    let samples = (EVERY_S / SAMPLE_STEP_S).round() as usize;
    let bumpers: [f64; LOOKS + 1] = std::array::from_fn(|look| ahead(look * steps));
    let rear_m = view.road.s_m - view.vehicle.rear_overhang_m;
    for (price, profile) in out.iter_mut().zip(lattice.samples.chunks(SAMPLES)) {
        let missing = (1..=LOOKS).map(|look| {
            let [travelled, speed, ..] = profile[look * samples];
            let closing = ((bumpers[look] - bumpers[look - 1]) / EVERY_S - speed).max(0.0);
            let wanted = STILL_M + CLOSING_S * closing;
            let gap = rear_m + travelled - bumpers[look];
            ((wanted - gap) / wanted).clamp(0.0, MOST).powi(2)
        });
        *price = PRICE * missing.sum::<f64>() / LOOKS as f64;
    }
}

/// The nearest object that comes from behind in the lane of the ego.
fn follower(view: &View<'_>) -> Option<usize> {
    let &View { road, vehicle, .. } = view;
    let in_lane = |o: &Obstacle| {
        let beside = (o.d_m - road.ego.d_m).abs() - o.half_d_m - 0.5 * vehicle.width_m;
        o.behind && !o.second && o.s_dot_mps > SLOW_MPS && o.s_m < road.s_m && beside < BESIDE_M
    };
    let found = view.obstacles.objects.iter().enumerate().filter(|(_, o)| in_lane(o));
    found.max_by(|a, b| a.1.s_m.total_cmp(&b.1.s_m).then(b.0.cmp(&a.0))).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use crate::fixture::{line, scene, start, track};
    use crate::longitudinal::Aim;
    use crate::rules::Halt;

    #[test]
    fn braking_before_a_near_and_faster_car_costs_and_driving_on_does_not() {
        let cost = |speed: f64, gap: f64, brakes: bool| {
            let rear = -types::Vehicle::default().rear_overhang_m - gap - 2.0;
            let s = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(1, rear, 0.0, [speed, 0.0])]);
            let wanted = |aim: &Aim| {
                matches!(aim, Aim::Brake(d) if brakes && *d > 2.0)
                    || matches!(aim, Aim::Keep(v) if !brakes && *v > 13.0)
            };
            let profiles = s.lattice.profiles.iter().zip(&s.lattice.rear_prices).filter(|(p, _)| wanted(&p.aim));
            profiles.map(|(_, price)| *price).fold(f64::INFINITY, f64::min)
        };
        assert_eq!(cost(10.0, 30.0, false), 0.0);
        assert!(cost(12.0, 8.0, true) > 2.0 && cost(12.0, 8.0, true) > 2.0 * cost(12.0, 8.0, false));
        assert_eq!(cost(12.0, 60.0, true), 0.0);
    }

    #[test]
    fn a_red_light_is_no_matter_of_who_comes_from_behind() {
        let rear = -types::Vehicle::default().rear_overhang_m - 10.0;
        let mut s = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(1, rear, 0.0, [12.0, 0.0])]);
        assert!(s.lattice.rear_prices.iter().any(|price| *price > 1.0));
        let halt = Halt { limit_s_m: 40.0, aim_s_m: 39.3, goal: false, track: None, reason: "signal 1 at red".into() };
        s.rules.halt = Some(halt);
        let mut prices = Vec::new();
        super::prices(&s.lattice, &s.view(), &mut prices);
        assert!(prices.len() == s.lattice.profiles.len() && prices.iter().all(|price| *price == 0.0));
    }
}
