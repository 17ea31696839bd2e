//! Speed and acceleration out of what a source tells without them: differences over at least a tenth of a second.

use nalgebra::Isometry3;
use std::collections::VecDeque;
use types::{EgoState, PoseSource, Stamp};

/// Differences over less than this are noise.
const SPAN_S: f64 = 0.1;
/// After a longer pause there is no difference to speak of.
const PAUSE_S: f64 = 2.0;

/// Differences to what came at least [`SPAN_S`] before: for streams.
#[derive(Default)]
pub(crate) struct Motion {
    speeds: VecDeque<(Stamp, f64)>,
    poses: VecDeque<(Stamp, Isometry3<f64>)>,
}

impl Motion {
    /// Change of the speed, m/s2; zero at the start.
    pub(crate) fn acceleration(&mut self, stamp: Stamp, speed_mps: f64) -> f64 {
        let before = remembered(&mut self.speeds, stamp, speed_mps);
        before.map_or(0.0, |(then, speed)| (speed_mps - speed) / stamp.seconds_since(then))
    }

    /// Speed along the vehicle's x axis, m/s; zero at the start.
    pub(crate) fn speed(&mut self, stamp: Stamp, odom_from_base: &Isometry3<f64>) -> f64 {
        let before = remembered(&mut self.poses, stamp, *odom_from_base);
        before.map_or(0.0, |(then, pose)| forward(&pose, odom_from_base) / stamp.seconds_since(then))
    }
}

/// The newest value that is old enough, and keeps this one.
fn remembered<T: Copy>(values: &mut VecDeque<(Stamp, T)>, stamp: Stamp, value: T) -> Option<(Stamp, T)> {
    let age = |then: Stamp| stamp.seconds_since(then);
    if values.back().is_some_and(|&(then, _)| age(then) <= 0.0 || age(then) > PAUSE_S) {
        values.clear();
    }
    while values.get(1).is_some_and(|&(then, _)| age(then) >= SPAN_S - 1e-6) {
        values.pop_front();
    }
    let before = values.front().copied().filter(|&(then, _)| age(then) > 1e-3);
    values.push_back((stamp, value));
    before
}

/// States out of a whole path: central differences, as smooth as the path. The stamps rise.
pub(crate) fn states(path: &[(Stamp, Isometry3<f64>)]) -> Vec<EgoState> {
    let around = |index: usize| {
        let at = path[index].0;
        let far = |stamp: Stamp| at.seconds_since(stamp).abs() >= SPAN_S - 1e-6;
        let before = path[..index].iter().rev().position(|&(stamp, _)| far(stamp)).map_or(0, |back| index - 1 - back);
        let after =
            path[index + 1..].iter().position(|&(stamp, _)| far(stamp)).map_or(path.len() - 1, |on| index + 1 + on);
        (before, after)
    };
    let rates = (0..path.len()).map(|index| {
        let (before, after) = around(index);
        let ((begin, from), (end, to)) = (path[before], path[after]);
        let seconds = end.seconds_since(begin);
        if seconds <= 0.0 {
            return [0.0, 0.0];
        }
        let turn = (from.rotation.inverse() * to.rotation).scaled_axis().z;
        // Along the heading in the middle of both, as on an arc.
        let middle = Isometry3::from_parts(from.translation, from.rotation.slerp(&to.rotation, 0.5));
        [forward(&middle, &to) / seconds, turn / seconds]
    });
    let rates = rates.collect::<Vec<_>>();
    let state = |(index, &(stamp, odom_from_base)): (usize, &(Stamp, Isometry3<f64>))| {
        let (before, after) = around(index);
        let seconds = path[after].0.seconds_since(path[before].0);
        let change = rates[after][0] - rates[before][0];
        let [speed_mps, yaw_rate_radps] = rates[index];
        let acceleration_mps2 = if seconds > 0.0 { change / seconds } else { 0.0 };
        EgoState { stamp, odom_from_base, speed_mps, acceleration_mps2, yaw_rate_radps, source: PoseSource::Ins }
    };
    path.iter().enumerate().map(state).collect()
}

/// How far one pose lies before the other, along the latter's x axis.
fn forward(from: &Isometry3<f64>, to: &Isometry3<f64>) -> f64 {
    from.rotation.inverse_transform_vector(&(to.translation.vector - from.translation.vector)).x
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    fn at(millis: i64) -> Stamp {
        Stamp::from_nanos(millis * 1_000_000)
    }

    /// A circle of 20 m at 5 m/s that grows by 2 m/s each second.
    fn circle(seconds: f64) -> Isometry3<f64> {
        let way = 5.0 * seconds + seconds * seconds;
        let angle = way / 20.0;
        Isometry3::new(Vector3::new(20.0 * angle.sin(), 20.0 * (1.0 - angle.cos()), 0.0), Vector3::z() * angle)
    }

    #[test]
    fn a_circle_is_found_again() {
        let path = (0..100).map(|n| (at(20 * n), circle(0.02 * n as f64))).collect::<Vec<_>>();
        for (n, state) in states(&path).iter().enumerate().skip(12).take(76) {
            let speed = 5.0 + 2.0 * 0.02 * n as f64;
            assert!((state.speed_mps - speed).abs() < 0.01, "{n}: {} {speed}", state.speed_mps);
            assert!((state.yaw_rate_radps - speed / 20.0).abs() < 1e-3 && (state.acceleration_mps2 - 2.0).abs() < 0.05);
        }
        let alone = states(&path[..1]);
        assert_eq!((alone[0].speed_mps, alone[0].acceleration_mps2), (0.0, 0.0));
        assert!(states(&[]).is_empty());
    }

    #[test]
    fn a_stream_needs_a_tenth_of_a_second_and_forgets_after_a_pause() {
        let mut motion = Motion::default();
        let accelerations = (0..20).map(|n| motion.acceleration(at(10 * n), 0.03 * n as f64)).collect::<Vec<_>>();
        assert_eq!(accelerations[0], 0.0);
        assert!((accelerations[19] - 3.0).abs() < 1e-9);
        assert_eq!(motion.acceleration(at(60_000), 9.0), 0.0);
        let speeds = (0..20).map(|n| motion.speed(at(20 * n), &circle(0.02 * n as f64))).collect::<Vec<_>>();
        assert!((speeds[19] - 5.66).abs() < 0.1, "{}", speeds[19]);
    }
}
