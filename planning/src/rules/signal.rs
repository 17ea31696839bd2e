//! What a signal's phase means for the ego.

use super::{Inquiry, LineMemory, Stop};
use crate::tail::Braking;
use types::{Phase, StopLine};

/// A message older than this says nothing any more, s.
const OLDEST_S: f64 = 1.0;
/// At amber one stops if this deceleration suffices, m/s2.
const COMFORTABLE_MPS2: f64 = 2.6;

impl Inquiry<'_> {
    /// Stop at red, at amber if that is comfortable, and at a signal of which nothing is known.
    pub(super) fn signal(&self, id: u32, line: &StopLine, memory: &mut LineMemory) -> Option<Stop> {
        let stop = |reason: String, lenient: bool| Some(Stop { track: None, reason, lenient });
        let Some(signals) = self.signals else {
            return stop(format!("signal {id}, of which nothing is known"), false);
        };
        let age_s = self.stamp.seconds_since(signals.stamp);
        if !(-OLDEST_S..=OLDEST_S).contains(&age_s) {
            return stop(format!("signal {id}, last heard of {age_s:.1} s ago"), false);
        }
        match signals.phase(id) {
            None => stop(format!("signal {id}, which is missing in the message"), false),
            Some(Phase::Green) => {
                memory.committed = false;
                None
            }
            Some(Phase::Amber) => {
                let (speed, acceleration) = (self.road.ego.s_dot_mps, self.road.ego.s_ddot_mps2);
                let way = Braking::new(speed, acceleration, COMFORTABLE_MPS2, self.vehicle.limits.jerk_mps3)
                    .at(f64::INFINITY)[0];
                let comfortable = self.front_s_m + way <= line.s_m;
                memory.committed |= !comfortable && !memory.held;
                if memory.committed { None } else { stop(format!("signal {id} at amber"), true) }
            }
            // Who was too late to stop at amber clears the junction.
            Some(Phase::Red) if memory.committed && self.rest_s_m > line.s_m => None,
            Some(Phase::Red) => stop(format!("signal {id} at red"), true),
        }
    }
}
