//! What to stop behind or follow: the nearest objects in the ego's corridor, and the first that will cross it.

use crate::config::Config;
use crate::predict::Obstacles;
use crate::reference::Road;
use types::Vehicle;

/// Objects in the corridor that are looked at.
const LEADS: usize = 2;
/// Crossing objects count if they enter the corridor within this time, s.
const CROSSING_S: f64 = 6.0;
/// Slower targets stand, m/s.
pub const MOVING_MPS: f64 = 0.5;

/// Something to stay behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Index into [`Obstacles::objects`].
    pub object: usize,
    /// Arc length of its near end now (or when it crosses), m.
    pub rear_s_m: f64,
    /// Its speed along the line, m/s, not negative.
    pub speed_mps: f64,
    /// It will cross; it is not in the corridor now.
    pub crosses: bool,
}

/// Up to two leads and one crossing object, nearest first in each kind.
#[must_use]
pub fn targets(obstacles: &Obstacles, road: &Road<'_>, config: &Config, vehicle: &Vehicle) -> Vec<Target> {
    let half_width = 0.5 * vehicle.width_m + config.margin_m;
    let corridor = [road.ego.d_m.min(0.0) - half_width, road.ego.d_m.max(0.0) + half_width];
    let center_s = road.s_m + vehicle.center_offset_m();
    let (mut leads, mut crossing): (Vec<Target>, Vec<Target>) = (Vec::new(), Vec::new());
    for (object, o) in obstacles.objects.iter().enumerate() {
        let beside = [corridor[0] - (o.d_m + o.half_d_m), (o.d_m - o.half_d_m) - corridor[1]];
        let speed_mps = o.s_dot_mps.max(0.0);
        if beside[0] < 0.0 && beside[1] < 0.0 {
            if o.s_m > center_s {
                let moving = if speed_mps < MOVING_MPS { 0.0 } else { speed_mps };
                leads.push(Target { object, rear_s_m: o.s_m - o.half_s_m, speed_mps: moving, crosses: false });
            }
            continue;
        }
        let (gap, closing) = if beside[0] > 0.0 { (beside[0], o.d_dot_mps) } else { (beside[1], -o.d_dot_mps) };
        if closing < 0.3 || gap / closing > CROSSING_S {
            continue;
        }
        let enters_s = gap / closing;
        let leaves_s = enters_s + (corridor[1] - corridor[0] + 2.0 * o.half_d_m) / closing;
        let rear_s_m = o.s_m - o.half_s_m + (o.s_dot_mps * enters_s).min(o.s_dot_mps * leaves_s);
        if rear_s_m > center_s {
            crossing.push(Target { object, rear_s_m, speed_mps: 0.0, crosses: true });
        }
    }
    let nearest = |a: &Target, b: &Target| a.rear_s_m.total_cmp(&b.rear_s_m).then(a.object.cmp(&b.object));
    leads.sort_by(nearest);
    crossing.sort_by(nearest);
    leads.truncate(LEADS);
    crossing.truncate(1);
    leads.extend(crossing);
    leads
}

#[cfg(test)]
mod tests {
    use crate::fixture::{line, scene, start, track};

    #[test]
    fn leads_are_nearest_first_and_neighbours_are_none() {
        let objects = vec![
            track(1, 60.0, 0.3, [3.0, 0.0]),
            track(2, 30.0, -0.4, [0.0, 0.0]),
            track(3, 20.0, 3.6, [0.0, 0.0]),
            track(4, 90.0, 0.0, [5.0, 0.0]),
        ];
        let found = scene(&start(0.0, 0.0, 10.0), &line(), objects).targets;
        assert_eq!(found.iter().map(|t| t.object).collect::<Vec<_>>(), [1, 0]);
        assert!((found[0].rear_s_m - 28.0).abs() < 1e-9 && found[0].speed_mps == 0.0);
        assert!((found[1].speed_mps - 3.0).abs() < 1e-9);
    }

    #[test]
    fn crossing_objects_count_before_they_are_there() {
        let found = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(7, 40.0, -8.0, [0.0, 2.0])]).targets;
        assert!(found.len() == 1 && found[0].crosses && (found[0].rear_s_m - 38.0).abs() < 1e-9);
        let leaving = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(7, 40.0, -8.0, [0.0, -2.0])]).targets;
        assert!(leaving.is_empty());
    }
}
