//! Where the ego goes slower although nothing is in its way: beside people, and beside parked vehicles that may hide some.

use crate::config::Config;
use crate::predict::Obstacles;
use crate::reference::Road;
use crate::rules::Cap;
use types::{ObjectClass, Vehicle};

/// Beside people: highest speed without a gap, m/s, what each metre of gap adds, 1/s, and up to which gap, m.
const PEOPLE: [f64; 3] = [3.0, 3.0, 3.0];
/// Beside parked vehicles likewise.
const PARKED: [f64; 3] = [5.0, 3.5, 2.0];
/// The stretch begins this far before and ends this far behind the object, m.
const AROUND_M: f64 = 2.0;
/// Objects are looked at this far ahead, s and m.
const AHEAD_S: f64 = 8.0;
const AHEAD_M: f64 = 20.0;
/// Most stretches.
const MOST: usize = 64;

/// Adds the stretches to `caps`.
pub fn caution(obstacles: &Obstacles, road: &Road<'_>, config: &Config, vehicle: &Vehicle, caps: &mut Vec<Cap>) {
    let half_width = 0.5 * vehicle.width_m;
    let front = road.s_m + vehicle.front_offset_m();
    let reach = AHEAD_S * road.ego.s_dot_mps + AHEAD_M;
    for o in obstacles.objects.iter().filter(|o| !o.second) {
        let person = o.class == ObjectClass::Pedestrian;
        let parked = o.class.is_vehicle() && o.speed_mps == 0.0;
        let [base, slope, widest] = if person { PEOPLE } else { PARKED };
        let gap_m = (o.d_m.abs() - o.half_d_m - half_width).max(0.0);
        let (from, to) = (o.s_m - o.half_s_m - AROUND_M, o.s_m + o.half_s_m + AROUND_M);
        if !(person || parked) || gap_m > widest || to < road.s_m || from > front + reach || caps.len() >= MOST {
            continue;
        }
        // Who is nearer than the margin is passed beside the line, with more room than the line has.
        let gap_m = gap_m.max(config.margin_m);
        let reason = if person { "somebody is beside the way" } else { "a parked vehicle is beside the way" };
        let speed_mps = base + slope * gap_m;
        caps.push(Cap { from_s_m: from, to_s_m: to, speed_mps, track: Some(o.track), reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start, track};

    #[test]
    fn slower_beside_people_than_beside_cars_and_free_of_both_farther_off() {
        let mut person = track(1, 40.0, -2.4, [0.0, 0.0]);
        (person.class, person.bbox.length, person.bbox.width) = (ObjectClass::Pedestrian, 0.6, 0.6);
        let objects = vec![person, track(2, 60.0, -2.8, [0.0, 0.0]), track(3, 80.0, -5.0, [0.0, 0.0])];
        let s = scene(&start(0.0, 0.0, 10.0), &line(), objects);
        let mut caps = Vec::new();
        caution(&s.obstacles, &s.road, &s.config, &s.vehicle, &mut caps);
        assert_eq!(caps.iter().map(|cap| cap.track).collect::<Vec<_>>(), [Some(1), Some(2)]);
        assert!((5.0..8.0).contains(&caps[0].speed_mps) && caps[1].speed_mps > 8.0, "{caps:?}");
    }
}
