//! The rules along the route: where the ego has to stop, and how slowly it may come there.
//!
//! Every stop line ahead is asked once per cycle. The nearest one that says stop gives the halt: the front bumper stays
//! before it. A line that can no longer be kept to by firm braking moves to where the ego can stop, or is let go.

mod conflict;
mod signal;
mod zone;

use crate::config::Config;
use crate::predict::Obstacles;
use crate::reference::Road;
use crate::tail::Braking;
use types::{Signals, Stamp, StopKind, StopLine, Vehicle};
use zone::Zone;

/// The bumper aims this far before a line, m; at the goal and elsewhere.
const GOAL_GAP_M: f64 = 0.25;
const LINE_GAP_M: f64 = 0.7;
/// A line this far behind the bumper is passed, m: by a car that moves, and by one that stands.
const PASSED_MOVING_M: f64 = 0.4;
const PASSED_STANDING_M: f64 = 2.0;
/// Slower is rest, m/s.
const REST_MPS: f64 = 0.15;
/// Lines are looked at this far ahead: braking at this deceleration and this distance more, m/s2 and m.
const LOOK_MPS2: f64 = 1.2;
const LOOK_M: f64 = 40.0;
/// Firm braking for a rule, m/s2.
const FIRM_MPS2: f64 = 3.3;
/// If the ego comes to rest at most this far behind the line, it still stops, m.
const LATE_M: f64 = 1.5;
/// Near a line: here a stop counts as made there, m.
const AT_LINE_M: f64 = 2.5;
/// A full stop takes this long, s.
const FULL_STOP_S: f64 = 0.6;

/// Where the front bumper must stay, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Halt {
    /// Arc length that the front bumper must not pass, m.
    pub limit_s_m: f64,
    /// Arc length at which it should come to rest, m.
    pub aim_s_m: f64,
    /// Whether it is the end of the route.
    pub goal: bool,
    /// The track that it is for, if it is for one.
    pub track: Option<u64>,
    /// Why, in words with numbers.
    pub reason: String,
}

/// A stretch on which the ego goes slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cap {
    /// Arc length of the front bumper where it begins and ends, m.
    pub from_s_m: f64,
    /// See `from_s_m`.
    pub to_s_m: f64,
    /// Highest speed there, m/s.
    pub speed_mps: f64,
    /// The track that it is for, if it is for one.
    pub track: Option<u64>,
    /// Why.
    pub reason: &'static str,
}

/// What is remembered of a line while it is ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LineMemory {
    index: usize,
    /// For how long the ego has stood at it, s.
    stood_s: f64,
    /// For how long the ego has stood at it in all, s.
    waited_s: f64,
    /// For how long nothing has spoken against going, s.
    clear_s: f64,
    /// It was told to stop.
    held: bool,
    /// It was too late to stop.
    committed: bool,
    /// Seen in this cycle.
    current: bool,
}

/// The rules of one drive.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    memory: Vec<LineMemory>,
    zone: Zone,
    /// The nearest halt.
    pub halt: Option<Halt>,
    /// Stretches with lower speeds.
    pub caps: Vec<Cap>,
}

/// What a line is asked with.
struct Inquiry<'a> {
    road: &'a Road<'a>,
    obstacles: &'a Obstacles,
    signals: Option<&'a Signals>,
    stamp: Stamp,
    config: &'a Config,
    vehicle: &'a Vehicle,
    /// Arc length of the front bumper, m.
    front_s_m: f64,
    /// Where the bumper would come to rest with firm braking, m.
    rest_s_m: f64,
}

/// Why a line says stop.
struct Stop {
    track: Option<u64>,
    reason: String,
    /// It may be let go if it is too late to stop.
    lenient: bool,
}

impl Rules {
    /// Asks the lines ahead. `elapsed_s` is the time since the last cycle.
    #[expect(clippy::too_many_arguments, reason = "what a rule needs to know")]
    pub fn ask(
        &mut self,
        road: &Road<'_>,
        obstacles: &Obstacles,
        signals: Option<&Signals>,
        stamp: Stamp,
        elapsed_s: f64,
        config: &Config,
        vehicle: &Vehicle,
    ) {
        self.halt = None;
        self.caps.clear();
        self.memory.iter_mut().for_each(|line| line.current = false);
        let speed = road.ego.s_dot_mps;
        let front_s_m = road.s_m + vehicle.front_offset_m();
        let braking = Braking::new(speed, road.ego.s_ddot_mps2, FIRM_MPS2, vehicle.limits.jerk_mps3);
        let rest_s_m = front_s_m + braking.at(f64::INFINITY)[0];
        let inquiry = Inquiry { road, obstacles, signals, stamp, config, vehicle, front_s_m, rest_s_m };
        let reach = front_s_m + speed * speed / (2.0 * LOOK_MPS2) + LOOK_M;
        let passed_m = if speed < REST_MPS { PASSED_STANDING_M } else { PASSED_MOVING_M };
        let stops = road.way.map_or(&[][..], |way| way.stops());
        for (index, line) in stops.iter().enumerate() {
            let goal = line.kind == StopKind::Goal;
            let passed = front_s_m > line.s_m + passed_m && !goal;
            if line.s_m > reach {
                break;
            }
            if passed {
                self.halt = inquiry.inside(line, &mut self.zone);
                if self.halt.is_some() {
                    break;
                }
                continue;
            }
            let mut memory = self.recall(index);
            self.zone.lay(road, line, vehicle);
            let standing = speed < REST_MPS && line.s_m - front_s_m < AT_LINE_M;
            memory.stood_s = if standing { memory.stood_s + elapsed_s.clamp(0.0, 1.0) } else { 0.0 };
            memory.waited_s += if standing { elapsed_s.clamp(0.0, 1.0) } else { 0.0 };
            let stop = inquiry.ask(line, &mut memory, &self.zone, elapsed_s, &mut self.caps);
            let halt = stop.and_then(|stop| inquiry.halt(line, stop, &mut memory));
            memory.held = halt.is_some();
            self.store(memory);
            if halt.is_some() {
                self.halt = halt;
                break;
            }
        }
        self.memory.retain(|line| line.current);
    }

    fn recall(&self, index: usize) -> LineMemory {
        let known = self.memory.iter().find(|line| line.index == index);
        LineMemory { current: true, ..known.copied().unwrap_or(LineMemory { index, ..LineMemory::default() }) }
    }

    fn store(&mut self, memory: LineMemory) {
        match self.memory.iter_mut().find(|line| line.index == memory.index) {
            Some(line) => *line = memory,
            None => self.memory.push(memory),
        }
    }
}

impl Inquiry<'_> {
    fn ask(
        &self,
        line: &StopLine,
        memory: &mut LineMemory,
        zone: &Zone,
        elapsed_s: f64,
        caps: &mut Vec<Cap>,
    ) -> Option<Stop> {
        let stop = match line.kind {
            StopKind::Goal => Some(Stop { track: None, reason: "the end of the route".to_string(), lenient: false }),
            StopKind::Signal(id) => self.signal(id, line, memory),
            StopKind::Stop if memory.stood_s < FULL_STOP_S && !memory.committed => {
                Some(Stop { track: None, reason: "a stop sign".to_string(), lenient: true })
            }
            StopKind::Stop | StopKind::GiveWay | StopKind::Crossing => {
                self.conflict(line, memory, zone, elapsed_s, caps)
            }
        };
        // Once over the full stop, the stop sign stays obeyed on the way to a better view.
        if line.kind == StopKind::Stop && memory.stood_s >= FULL_STOP_S {
            memory.committed = true;
        }
        stop.or_else(|| self.blocked_exit(line))
    }

    /// The halt of a line that says stop, as far as braking can keep it.
    fn halt(&self, line: &StopLine, stop: Stop, memory: &mut LineMemory) -> Option<Halt> {
        let goal = line.kind == StopKind::Goal;
        let gap = if goal { GOAL_GAP_M } else { LINE_GAP_M };
        let late = self.rest_s_m - line.s_m;
        if late > LATE_M && stop.lenient && !memory.held {
            memory.committed = matches!(line.kind, StopKind::Signal(_));
            return None;
        }
        let limit_s_m = line.s_m.max(self.rest_s_m) + 0.05;
        let aim_s_m = (line.s_m - gap).max(self.rest_s_m.min(limit_s_m)).min(limit_s_m);
        // Where the ego stands already near enough it stays.
        Some(Halt { limit_s_m, aim_s_m, goal, track: stop.track, reason: stop.reason })
    }
}
