//! Being somewhere at a time: which speeds lead there, which profiles end there, and what it costs to miss it.

use crate::reference::Road;
use crate::rollout::State;
use crate::task::Goal;
use types::{Vehicle, wrap_angle};

/// Kept from the ends of the goal's intervals: place, speed, direction, m, m/s and rad.
const INSIDE_M: f64 = 0.25;
const INSIDE_MPS: f64 = 0.1;
const INSIDE_RAD: f64 = 0.01;
/// Missing the goal costs this and as much again, the more the farther off.
const MISS: f64 = 12.0;
/// A speed that does not lead there in time costs this for each m/s beyond the speed needed.
const PACE: f64 = 2.0;
/// Profiles end at the goal if there is at most and at least this time, s.
const SOON_S: [f64; 2] = [0.4, 9.5];
/// A window longer than this needs no profiles of its own, s.
const LONG_S: f64 = 4.0;

/// A goal as a cycle sees it: lengths from the place where the lattice starts, times from when it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aimed {
    /// Length to travel until the vehicle's middle is in the goal, and until it has left it, m.
    pub way_m: [f64; 2],
    /// See [`Goal::across_m`].
    pub across_m: [f64; 2],
    /// When, s.
    pub time_s: [f64; 2],
    /// How fast, m/s.
    pub speed_mps: [f64; 2],
    /// Middle and half of the interval of headings, rad.
    pub heading_rad: Option<[f64; 2]>,
}

impl Aimed {
    /// A goal seen from the ego on its line, some time after the cycle's stamp.
    #[must_use]
    pub fn new(goal: &Goal, road: &Road<'_>, lead_s: f64, vehicle: &Vehicle) -> Self {
        let inside = |[low, high]: [f64; 2], by: f64| {
            let by = by.min(0.45 * (high - low)).max(0.0);
            [low + by, high - by]
        };
        let begin = road.s_m + vehicle.center_offset_m();
        let [from, to] = inside(goal.along_m, INSIDE_M);
        Self {
            way_m: [from - begin, to - begin],
            across_m: inside(goal.across_m, INSIDE_M),
            time_s: goal.later(lead_s).time_s,
            speed_mps: inside(goal.speed_mps, INSIDE_MPS),
            heading_rad: goal.heading_rad.map(|[middle, half]| [middle, (half - INSIDE_RAD).max(0.0)]),
        }
    }

    /// The mean speeds with which one is there in time: not before, not after, m/s.
    #[must_use]
    pub fn pace_mps(&self) -> [f64; 2] {
        let slowest = if self.time_s[1] > 0.0 { (self.way_m[0] / self.time_s[1]).max(0.0) } else { 0.0 };
        let fastest = if self.time_s[0] > 0.0 { (self.way_m[1] / self.time_s[0]).max(0.0) } else { f64::INFINITY };
        [slowest, fastest.max(slowest)]
    }

    /// Ends of profiles: travelled length, speed, duration.
    pub fn ends(&self, speed_mps: f64, limit_mps: f64) -> impl Iterator<Item = [f64; 3]> {
        let [first, last] = [self.time_s[0].max(SOON_S[0]), self.time_s[1].min(SOON_S[1])];
        let soon = first <= last && self.time_s[0] <= SOON_S[1] && self.way_m[1] > 0.0;
        let narrow = self.time_s[1] - self.time_s[0] < LONG_S || self.speed_mps[1] < limit_mps;
        let times = if soon && narrow { [Some(first), Some(0.5 * (first + last)), Some(last)] } else { [None; 3] };
        let [near, far] = [self.way_m[0].max(0.0), self.way_m[1]];
        let far = far.min(near + 40.0);
        let speeds = self.speed_mps;
        times.into_iter().flatten().flat_map(move |time_s| {
            [0.0, 0.25, 0.5, 0.75, 1.0].into_iter().flat_map(move |share| {
                let way = near + share * (far - near);
                let mean = way / time_s;
                // The speed that constant acceleration ends with, the mean, and the middle of what is wanted.
                let natural = 2.0 * mean - speed_mps;
                let most = speeds[1].min(limit_mps.max(speed_mps)).max(speeds[0]);
                [natural, mean, 0.5 * (speeds[0] + most)]
                    .map(|speed| [way, speed.clamp(speeds[0].max(0.0), most.max(0.0)), time_s])
            })
        })
    }

    /// What a trajectory costs for the goal: nothing if it reaches it. `at` gives travelled length, offset of the vehicle's middle and
    /// state of the samples up to `last`, with `step_s` between them.
    #[must_use]
    pub fn price(&self, last: usize, step_s: f64, mut at: impl FnMut(usize) -> (f64, f64, State)) -> f64 {
        let end_s = last as f64 * step_s;
        let Some([first_index, last_index]) = self.window(step_s) else { return 0.0 };
        let mut least = f64::INFINITY;
        for i in first_index..=last_index.min(last) {
            let (way, offset, state) = at(i);
            let wrong = self.wrong(way, offset, &state);
            if wrong <= 0.0 {
                return 0.0;
            }
            least = least.min(wrong);
        }
        if self.time_s[1] <= end_s + 1e-6 {
            return MISS * (1.0 + least.min(1.0));
        }
        let (way, _, state) = at(last);
        self.leads_there(way, [state.speed; 2], end_s)
    }

    /// A profile's trajectories cost no less, if their speeds are within these shares of the speed along the line.
    #[must_use]
    pub fn at_least(&self, samples: &[[f64; 4]], shares: [f64; 2], step_s: f64) -> f64 {
        let last = samples.len() - 1;
        let end_s = last as f64 * step_s;
        let Some([first_index, last_index]) = self.window(step_s) else { return 0.0 };
        let mut least = f64::INFINITY;
        for sample in samples.get(first_index..=last_index.min(last)).unwrap_or_default() {
            let wrong = 0.1 * off(sample[0], self.way_m);
            if wrong <= 0.0 {
                return 0.0;
            }
            least = least.min(wrong);
        }
        if self.time_s[1] <= end_s + 1e-6 {
            return MISS * (1.0 + least.min(1.0));
        }
        let [way, speed, ..] = samples[last];
        self.leads_there(way, shares.map(|share| share * speed), end_s)
    }

    /// First and last sample in the goal's time, if it is not over.
    fn window(&self, step_s: f64) -> Option<[usize; 2]> {
        let first = (self.time_s[0] / step_s - 1e-6).ceil().max(0.0) as usize;
        let last = (self.time_s[1] / step_s + 1e-6).floor();
        (last >= 0.0).then_some([first, last as usize])
    }

    /// There is still time after what is planned: how well does the end of it, at a speed between these, lead there?
    fn leads_there(&self, way: f64, [slow, fast]: [f64; 2], end_s: f64) -> f64 {
        let left = self.time_s.map(|time| time - end_s);
        if way > self.way_m[1] {
            return MISS * 2.0;
        }
        let slowest = (self.way_m[0] - way).max(0.0) / left[1];
        let fastest = if left[0] > 0.0 { (self.way_m[1] - way) / left[0] } else { f64::INFINITY };
        PACE * ((slowest - fast).max(0.0) + (slow - fastest).max(0.0))
    }

    /// How far off the goal a state is; 0 if it is in it.
    fn wrong(&self, way_m: f64, offset_m: f64, state: &State) -> f64 {
        let heading = self.heading_rad.map_or(0.0, |[middle, half]| {
            (wrap_angle(state.direction[1].atan2(state.direction[0]) - middle).abs() - half).max(0.0)
        });
        0.1 * off(way_m, self.way_m)
            + 0.5 * off(offset_m, self.across_m)
            + 0.2 * off(state.speed, self.speed_mps)
            + heading
    }
}

/// How far a value is outside an interval.
fn off(value: f64, [low, high]: [f64; 2]) -> f64 {
    (low - value).max(value - high).max(0.0)
}
