//! What a cycle may know beyond tracks and a route: several lines to choose from, a goal, and a future that is known.

use crate::lane_graph::LaneGraph;
use crate::way::Way;

/// What there is to do. The default is to follow the route.
#[derive(Clone, Copy, Debug, Default)]
pub struct Task<'a> {
    /// Lines to choose from; they take the route's place. Changing from one to another is changing the lane.
    pub lines: &'a [Line<'a>],
    /// What is known of the future; without it the planner predicts.
    pub futures: Option<&'a Futures>,
    /// The lanes that others drive on, if they are known: where each can go from where it is.
    pub lanes: Option<&'a LaneGraph<'a>>,
}

/// A line to choose.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The line with its edges and rules.
    pub way: &'a Way,
    /// How much longer the way to the goal is along this line than along the shortest, m.
    pub detour_m: f64,
    /// Arc length by which it must be left for another line, m; none if it leads to the goal.
    pub leave_by_m: Option<f64>,
    /// Goals on it; reaching one is enough. None if it does not lead to any.
    pub goals: &'a [Goal],
    /// The last moment to be at a goal, s after the stamp of the cycle; none if there is no hurry.
    pub until_s: Option<f64>,
}

/// A place to be in at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Arc length between which the middle of the vehicle must be, m.
    pub along_m: [f64; 2],
    /// Offsets between which it must be, m.
    pub across_m: [f64; 2],
    /// When, s after the stamp of the cycle.
    pub time_s: [f64; 2],
    /// How fast, m/s.
    pub speed_mps: [f64; 2],
    /// In which direction, if that matters: middle and half width of the interval, rad.
    pub heading_rad: Option<[f64; 2]>,
}

/// Poses of tracks at equal times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Futures {
    /// Seconds between poses; the first is at the stamp of the cycle.
    pub step_s: f64,
    /// In rising identity.
    pub tracks: Vec<Future>,
}

/// Where one track will be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Future {
    /// The track's identity.
    pub track: u64,
    /// Middle of its box and heading; none while it is not there.
    pub poses: Vec<Option<[f64; 3]>>,
}

impl Futures {
    /// The future of a track, if it is known.
    #[must_use]
    pub fn of(&self, track: u64) -> Option<&Future> {
        let place = self.tracks.binary_search_by_key(&track, |future| future.track).ok()?;
        Some(&self.tracks[place])
    }

    /// Where a track will be after `time_s`, linear between poses; none while it is not there.
    #[must_use]
    pub fn at(&self, future: &Future, time_s: f64) -> Option<[f64; 3]> {
        let place = (time_s / self.step_s).max(0.0);
        let (index, share) = (place as usize, place.fract());
        let before = (*future.poses.get(index)?)?;
        if share < 1e-6 {
            return Some(before);
        }
        let after = (*future.poses.get(index + 1)?)?;
        let mix = |i: usize| before[i] + share * (after[i] - before[i]);
        Some([mix(0), mix(1), before[2] + share * types::wrap_angle(after[2] - before[2])])
    }
}

impl Goal {
    /// The same goal after some time has passed.
    #[must_use]
    pub fn later(&self, seconds: f64) -> Self {
        Self { time_s: self.time_s.map(|time| time - seconds), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn futures_are_linear_between_poses_and_end() {
        let poses = vec![None, Some([0.0, 0.0, 3.1]), Some([2.0, 4.0, -3.1])];
        let futures = Futures { step_s: 0.1, tracks: vec![Future { track: 4, poses }] };
        let future = futures.of(4).unwrap();
        assert_eq!(futures.at(future, 0.0), None);
        let [x, y, heading] = futures.at(future, 0.15).unwrap();
        assert!((x - 1.0).abs() < 1e-9 && (y - 2.0).abs() < 1e-9 && (heading - std::f64::consts::PI).abs() < 1e-9);
        assert_eq!(futures.at(future, 0.2), Some([2.0, 4.0, -3.1]));
        assert_eq!((futures.at(future, 0.21), futures.of(5)), (None, None));
    }
}
