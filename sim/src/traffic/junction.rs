//! Who may pass a junction: a way is given to one at a time among those whose ways meet, by signals, rank and arrival.

use super::{EGO, Traffic};
use crate::roads::{Connection, Setting};
use maps::LaneId;
use types::{Phase, StopKind};

/// Time between one who has to wait and one who goes first, s.
const MARGIN_S: f64 = 1.5;
/// Braking that is asked for when a signal changes, m/s2.
const AMBER_BRAKING_MPS2: f64 = 3.0;

/// The ego keeps a way that it does not take for so long, and then does without one for as long, s.
const DAWDLING_S: f64 = 4.0;

/// After so long others let somebody in who would have to wait, s.
const PATIENCE_S: f64 = 4.0;

/// One who waits to turn at a signal may still begin to for so long after the green, s: it would else have waited inside the
/// junction and would clear it now.
const CLEARS_S: f64 = 1.5;

/// Whether one at this distance from its line turns across others and is first at the line.
fn clears_at_amber(connection: &Connection, way_m: f64) -> bool {
    connection.rank > 0 && way_m < 1.5
}

/// An agent before a junction.
#[derive(Clone, Copy, Debug)]
struct Claim {
    rank: u8,
    way_m: f64,
    agent: usize,
    connection: LaneId,
}

impl Traffic {
    /// The next way through a junction of an agent that has not entered it, and the distance from its front to the line.
    fn next_connection<'a>(&self, setting: &'a Setting, index: usize) -> Option<(&'a Connection, f64)> {
        let agent = &self.agents[index];
        let (mut lane, mut length) = (agent.lane, -agent.s - agent.half_m());
        for &next in &agent.ahead {
            if let Some(connection) = &setting.connections[next] {
                return Some((connection, length + self.line_m(setting, lane)));
            }
            length += setting.network.lane(lane).center.length_m();
            lane = next;
        }
        None
    }

    /// Where one stops at the end of a lane, m along it.
    fn line_m(&self, setting: &Setting, lane: LaneId) -> f64 {
        let length = setting.network.lane(lane).center.length_m();
        let lines = self.stops[lane].iter().map(|stop| &setting.network.roads().stops[*stop]);
        let last = lines.filter(|stop| stop.s_m > length - 12.0 && stop.s_m > 1.0).map(|stop| stop.s_m);
        last.fold(length - 1.0, f64::min)
    }

    fn must_stand(&self, setting: &Setting, lane: LaneId) -> bool {
        self.stops[lane].iter().any(|stop| setting.network.roads().stops[*stop].kind == StopKind::Stop)
    }

    /// Gives and takes ways.
    pub(super) fn grant(&mut self, setting: &Setting, time_s: f64) {
        self.release(setting);
        let mut claims = Vec::new();
        for index in 0..self.agents.len() {
            let agent = &self.agents[index];
            if agent.is_gone {
                continue;
            }
            let Some((connection, way_m)) = self.next_connection(setting, index) else { continue };
            let (rank, connection) = (connection.rank, connection.lane);
            let reach = agent.speed * agent.speed / 4.0 + if index == EGO { 5.0 } else { 12.0 };
            if agent.granted == Some(connection) {
                if self.is_lost(setting, index, connection, way_m, time_s) {
                    self.agents[index].granted = None;
                }
            } else if agent.granted.is_none() && way_m < reach {
                claims.push(Claim { rank, way_m, agent: index, connection });
            }
        }
        for claim in &mut claims {
            let connection = setting.connections[claim.connection].as_ref();
            if connection.is_some_and(|connection| self.has_waited(setting, claim.agent, connection, time_s)) {
                claim.rank = 0;
            }
        }
        claims.sort_by(|a, b| a.rank.cmp(&b.rank).then(a.way_m.total_cmp(&b.way_m)).then(a.agent.cmp(&b.agent)));
        for claim in claims {
            if self.may_go(setting, &claim, time_s) {
                self.agents[claim.agent].granted = Some(claim.connection);
                if claim.agent == EGO {
                    self.ego_granted_s = time_s;
                }
            }
        }
    }

    /// Whether an agent has waited for so long, though its signal is green, that it is let in.
    fn has_waited(&self, setting: &Setting, index: usize, connection: &Connection, time_s: f64) -> bool {
        let green_s = connection.signal.map_or(f64::INFINITY, |signal| setting.signals[signal].since_green_s(time_s));
        // Nobody waits for an ego that did not go when it could.
        if index == EGO && time_s - self.ego_granted_s < 2.0 * DAWDLING_S {
            return false;
        }
        self.agents[index].stands_s.min(green_s) > PATIENCE_S
    }

    /// Whoever has left its way through gives it back; whoever is on one has it.
    fn release(&mut self, setting: &Setting) {
        for agent in &mut self.agents {
            if setting.connections[agent.lane].is_some() {
                agent.granted = Some(agent.lane);
                agent.has_stood = false;
            } else if let Some(granted) = agent.granted
                && agent.behind.contains(&granted)
                && agent.s > agent.tail_m()
            {
                agent.granted = None;
            }
        }
    }

    /// Whether one who was given a way must wait after all.
    fn is_lost(&self, setting: &Setting, index: usize, connection: LaneId, way_m: f64, time_s: f64) -> bool {
        let agent = &self.agents[index];
        if way_m < -0.5 {
            return false;
        }
        let Some(connection) = &setting.connections[connection] else { return false };
        let red = connection.signal.is_some_and(|signal| match setting.signals[signal].phase(time_s) {
            Phase::Red => true,
            Phase::Amber => !clears_at_amber(connection, way_m),
            _ => false,
        });
        let can_stop = agent.speed * agent.speed < 2.0 * AMBER_BRAKING_MPS2 * way_m.max(0.0);
        // The ego may stay where it is although it may go.
        (red && can_stop) || (index == EGO && agent.stands_s > 3.0 && time_s - self.ego_granted_s > DAWDLING_S)
    }

    fn may_go(&self, setting: &Setting, claim: &Claim, time_s: f64) -> bool {
        let (agent, lanes) = (&self.agents[claim.agent], &setting.network);
        let Some(connection) = &setting.connections[claim.connection] else { return true };
        let entered = claim.way_m < -1.0;
        if let (Some(signal), false) = (connection.signal, entered) {
            let phase = setting.signals[signal].phase(time_s);
            let can_stop = agent.speed * agent.speed < 2.0 * AMBER_BRAKING_MPS2 * claim.way_m.max(0.0);
            let amber_s = setting.signals[signal].since_green_s(time_s) - setting.signals[signal].green_s;
            let clears = clears_at_amber(connection, claim.way_m) && agent.stands_s > 1.0 && amber_s < CLEARS_S;
            if phase == Phase::Red || (phase == Phase::Amber && can_stop && !clears) {
                return false;
            }
        }
        if self.must_stand(setting, connection.from) && !agent.has_stood && !entered {
            return false;
        }
        // Whoever lets the others wait has to wait, too.
        if claim.agent == EGO && (DAWDLING_S..2.0 * DAWDLING_S).contains(&(time_s - self.ego_granted_s)) {
            return false;
        }
        if self.is_behind_somebody(setting, claim.agent, connection.from) || !self.exit_is_free(setting, claim) {
            return false;
        }
        // Time until the tail has left each conflict.
        let acceleration = 0.8 * agent.driver.acceleration_mps2;
        let time_for = |way: f64| {
            let root = (agent.speed * agent.speed + 2.0 * acceleration * way.max(0.0)).sqrt();
            (root - agent.speed) / acceleration
        };
        let line_to_lane = lanes.lane(connection.from).center.length_m() - self.line_m(setting, connection.from);
        for conflict in &connection.conflicts {
            let needed = time_for(claim.way_m + line_to_lane + conflict.own[1] + agent.half_m() + agent.tail_m());
            for (index, other) in self.agents.iter().enumerate() {
                if index == claim.agent || other.is_gone {
                    continue;
                }
                if other.granted == Some(conflict.other) {
                    let passed = other.behind.contains(&conflict.other) && other.lane != conflict.other;
                    let beyond = other.lane == conflict.other && other.s - other.tail_m() > conflict.their[1];
                    let left = passed
                        && (other.s > other.tail_m()
                            || conflict.their[1] + 0.5 < self.rear_on(setting, index, conflict.other));
                    if !(beyond || left) {
                        return false;
                    }
                }
            }
            // Those who go first and are near.
            for (index, other) in self.agents.iter().enumerate() {
                if index == claim.agent || other.is_gone || other.granted == Some(conflict.other) {
                    continue;
                }
                let Some((next, way)) = self.next_connection(setting, index) else { continue };
                if next.lane != conflict.other {
                    continue;
                }
                // Who has waited for long is let in by the others, though not by the ego, of whom nobody knows.
                let waits = self.has_waited(setting, claim.agent, connection, time_s);
                let lets_in = index != EGO && waits;
                let is_let_in = !waits && self.has_waited(setting, index, next, time_s);
                if !is_let_in && (next.rank >= connection.rank || lets_in) {
                    continue;
                }
                // Who was not given its way and can still stop at a signal will do so.
                let can_stop = other.speed * other.speed < 2.0 * AMBER_BRAKING_MPS2 * way.max(0.0);
                let red = next.signal.is_some_and(|signal| match setting.signals[signal].phase(time_s) {
                    Phase::Red => true,
                    Phase::Amber => can_stop,
                    _ => false,
                });
                // One who stands and cannot go either does not count.
                let theirs = Claim { rank: next.rank, way_m: way, agent: index, connection: next.lane };
                let stuck =
                    || self.is_behind_somebody(setting, index, next.from) || !self.exit_is_free(setting, &theirs);
                if other.stands_s > 1.0 && (way > 12.0 || stuck()) {
                    continue;
                }
                let arrives = (way + conflict.their[0]).max(0.0) / other.speed.max(1.0);
                if !red && arrives < needed + MARGIN_S {
                    return false;
                }
            }
        }
        true
    }

    /// The rear end of an agent along a lane that it has left, m.
    fn rear_on(&self, setting: &Setting, index: usize, lane: LaneId) -> f64 {
        let agent = &self.agents[index];
        let mut back = agent.s - agent.tail_m();
        for &before in agent.behind.iter().rev() {
            back += setting.network.lane(before).center.length_m();
            if before == lane {
                return back;
            }
        }
        f64::INFINITY
    }

    /// Whether somebody stands between an agent and the junction who was not given a way: then it is not its turn.
    fn is_behind_somebody(&self, setting: &Setting, index: usize, from: LaneId) -> bool {
        let own = &self.agents[index];
        self.agents.iter().enumerate().any(|(other_index, other)| {
            let ahead = other.lane == from && (own.lane != from || other.s > own.s);
            let may_go = other.granted.is_some_and(|granted| {
                setting.connections[granted].as_ref().is_some_and(|connection| connection.from == from)
            });
            other_index != index && !other.is_gone && ahead && !may_go
        })
    }

    /// Whether there is room behind the junction.
    fn exit_is_free(&self, setting: &Setting, claim: &Claim) -> bool {
        let own = &self.agents[claim.agent];
        let Some(&exit) = setting.network.lane(claim.connection).successors.first() else { return true };
        let mut needed = own.half_m() + own.tail_m() + 2.5;
        for (index, other) in self.agents.iter().enumerate() {
            let same = |granted: LaneId| setting.network.lane(granted).successors.first() == Some(&exit);
            if index != claim.agent && other.granted.is_some_and(same) && other.lane != exit {
                needed += other.half_m() + other.tail_m() + 2.5;
            }
        }
        let first = self.lanes.of(exit).iter().filter(|other| other.who != claim.agent);
        let first = first.min_by(|a, b| a.rear.total_cmp(&b.rear));
        first.is_none_or(|first| first.rear > needed || (first.speed > 3.0 && first.rear > 1.0))
    }

    /// Distance from an agent's front to where it must wait for a way that it was not given.
    pub(super) fn barrier_m(&self, setting: &Setting, index: usize) -> Option<f64> {
        let (connection, way_m) = self.next_connection(setting, index)?;
        (self.agents[index].granted != Some(connection.lane)).then_some(way_m)
    }

    /// Remembers who has stood at the line.
    pub(super) fn note_standing(&mut self, setting: &Setting) {
        for index in 0..self.agents.len() {
            let near = self.next_connection(setting, index).is_some_and(|(_, way)| way < 3.0);
            let agent = &mut self.agents[index];
            agent.has_stood |= near && agent.speed < 0.15;
        }
    }
}
