//! When control ticks, and with which plan and ego state.

use super::frame::Frame;
use control::{ControlInput, Controller};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use types::{Command, EgoState, Grant, Plan, Stamp, StopReason};

/// The longest time without a frame that is filled with ticks, s.
const LONGEST_GAP_S: f64 = 10.0;

/// A spinning lidar's turn: a frame is complete so long after its stamp, s.
pub const TURN_S: f64 = 0.1;

/// Calls the controller once per tick and remembers what the newest frame brought.
///
/// Ticks follow each other at one period. In virtual time a frame's plan counts from its stamp plus the turn of the lidar
/// plus a fixed latency, which stands for the work of the stages: all ticks before that are made with the plan before it,
/// and the first tick with the first plan. When a drive is obeyed, the recorded commands say which plan and ego state each
/// tick used.
#[derive(Debug)]
pub struct Ticker {
    controller: Controller,
    period_ns: i64,
    latency_s: f64,
    origin: Option<Stamp>,
    next_tick: u64,
    plan: Option<Arc<Plan>>,
    ego: Option<(u64, EgoState)>,
    obeyed: VecDeque<Command>,
    recent: BTreeMap<u64, (Option<Arc<Plan>>, Option<EgoState>)>,
}

impl Ticker {
    /// A ticker with this period, and this latency of plans in virtual time.
    #[must_use]
    pub fn new(controller: Controller, period_s: f64, latency_s: f64) -> Self {
        Self {
            controller,
            period_ns: ((period_s * 1e9).round() as i64).max(1),
            latency_s,
            origin: None,
            next_tick: 0,
            plan: None,
            ego: None,
            obeyed: VecDeque::new(),
            recent: BTreeMap::new(),
        }
    }

    /// Sets the stamp of the first tick, once.
    pub fn start_at(&mut self, stamp: Stamp) {
        self.origin.get_or_insert(stamp);
    }

    /// Stamp of the next tick; `None` before the start.
    #[must_use]
    pub fn next_stamp(&self) -> Option<Stamp> {
        let ticks = i64::try_from(self.next_tick).unwrap_or(i64::MAX);
        self.origin.map(|o| Stamp::from_nanos(o.nanos().saturating_add(ticks.saturating_mul(self.period_ns))))
    }

    /// The newest plan.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// Leaves out the ticks before a stamp: nobody needs the commands of the past. Says how many.
    pub fn skip_until(&mut self, stamp: Stamp) -> u64 {
        let Some(next) = self.next_stamp() else { return 0 };
        let missed = stamp.nanos().saturating_sub(next.nanos()).max(0) / self.period_ns;
        self.next_tick += missed.unsigned_abs();
        missed.unsigned_abs()
    }

    /// Makes the next tick with what is newest.
    pub fn tick(&mut self, stop: Option<StopReason>) -> Option<Command> {
        self.tick_with(stop, None)
    }

    /// The same in a real car.
    pub fn tick_with(&mut self, stop: Option<StopReason>, grant: Option<Grant>) -> Option<Command> {
        let stamp = self.next_stamp()?;
        let ego = self.ego.as_ref().map(|(frame, state)| (*frame, state));
        let input = ControlInput { tick: self.next_tick, stamp, plan: self.plan.as_deref(), ego, stop, grant };
        self.next_tick += 1;
        Some(self.controller.step(&input))
    }

    /// Virtual time: makes the ticks before the instant from which the frame's plan counts, then takes the frame up.
    pub fn take(&mut self, frame: &Frame, commands: &mut Vec<Command>) {
        let counts_from = frame.admission.stamp.offset(TURN_S + self.latency_s);
        self.start_at(counts_from);
        self.tick_until(counts_from, commands);
        self.adopt(frame);
    }

    /// Virtual time: makes the ticks that are due before `stamp`. In a gap of the drive only the first
    /// ten seconds have ticks: by then the vehicle has been told to stand for long.
    pub fn tick_until(&mut self, stamp: Stamp, commands: &mut Vec<Command>) {
        let Some(begin) = self.next_stamp() else { return };
        let end = stamp.min(begin.offset(LONGEST_GAP_S));
        while self.next_stamp().is_some_and(|next| next < end) {
            commands.extend(self.tick(None));
        }
        if end < stamp {
            let missed = stamp.nanos().saturating_sub(end.nanos()) / self.period_ns;
            self.next_tick += missed.unsigned_abs();
        }
    }

    /// Takes up a frame's plan and ego state, whichever it has.
    pub fn adopt(&mut self, frame: &Frame) {
        if let Some(plan) = &frame.plan {
            self.plan = Some(Arc::clone(plan));
        }
        if let Some(ego) = frame.ego {
            self.ego = Some((frame.admission.frame, ego));
        }
    }

    /// Obeys a drive: remembers a frame for the commands that were made with it.
    pub fn remember(&mut self, frame: &Frame) {
        self.recent.insert(frame.admission.frame, (frame.plan.clone(), frame.ego));
    }

    /// Obeys a drive: makes the recorded ticks again, up to the first one that needs a frame which is not there yet.
    ///
    /// # Errors
    /// At the end of the drive (`last`): the tick and the frame that never came.
    pub fn obey(&mut self, recorded: &mut Vec<Command>, last: bool, commands: &mut Vec<Command>) -> Result<(), String> {
        self.obeyed.extend(recorded.drain(..));
        while let Some(next) = self.obeyed.front() {
            let newest = self.recent.last_key_value().map(|(frame, _)| *frame);
            let waits_for = next.plan.max(next.ego);
            if waits_for > newest && !last {
                return Ok(());
            }
            let missing = |what: &str, frame: u64| {
                format!(
                    "tick {} was made with the {what} of frame {frame}, which this replay did not produce",
                    next.tick
                )
            };
            let plan = match next.plan {
                None => None,
                Some(frame) => {
                    let known = self.recent.get(&frame).and_then(|(plan, _)| plan.clone());
                    Some(known.ok_or_else(|| missing("plan", frame))?)
                }
            };
            let ego = match next.ego {
                None => None,
                Some(frame) => {
                    let known = self.recent.get(&frame).and_then(|(_, ego)| *ego);
                    Some((frame, known.ok_or_else(|| missing("ego state", frame))?))
                }
            };
            // What the controller finds by itself it finds again; what it was told is told again.
            let stop = next.stop.filter(|reason| matches!(reason, StopReason::Fault | StopReason::Shutdown));
            let ego_input = ego.as_ref().map(|(frame, state)| (*frame, state));
            let (tick, stamp, grant) = (next.tick, next.stamp, next.grant);
            let input = ControlInput { tick, stamp, plan: plan.as_deref(), ego: ego_input, stop, grant };
            commands.push(self.controller.step(&input));
            let oldest_needed = match (next.plan, next.ego) {
                (Some(plan), Some(ego)) => plan.min(ego),
                _ => 0,
            };
            self.obeyed.pop_front();
            self.recent = self.recent.split_off(&oldest_needed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use types::Vehicle;

    #[test]
    fn a_gap_of_years_has_ticks_for_seconds() {
        let controller = Controller::new(Config::default().control, Vehicle::default());
        let mut ticker = Ticker::new(controller, 0.02, 0.05);
        let mut commands = Vec::new();
        ticker.start_at(Stamp::from_nanos(0));
        ticker.tick_until(Stamp::from_nanos(100_000_000), &mut commands);
        assert_eq!(commands.len(), 5);
        let later = Stamp::from_nanos(i64::MAX / 2);
        ticker.tick_until(later, &mut commands);
        assert_eq!(commands.len(), 505);
        let next = ticker.next_stamp().unwrap();
        assert!(next.seconds_since(later).abs() <= 0.02, "{next:?}");
        assert!(commands.windows(2).all(|pair| pair[0].tick < pair[1].tick));
    }
}
