//! Who may pass a junction: a way is given to one at a time among those whose ways meet, by signals, rank and arrival.

use super::{Agent, EGO, Traffic};
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

/// Who waits inside a junction has passed the place by no more than this, m.
const INSIDE_SLACK_M: f64 = 0.5;

/// A way through a junction that an agent comes to.
#[derive(Clone, Copy, Debug)]
struct Approach<'a> {
    connection: &'a Connection,
    /// From its front to where it must wait: the line, or the place inside the junction, m.
    way_m: f64,
    /// From its front to the line, m.
    line_m: f64,
    /// From its front to the beginning of the connection, m.
    lane_m: f64,
}

/// An agent that asks for its way.
#[derive(Clone, Copy, Debug)]
struct Claim<'a> {
    rank: u8,
    agent: usize,
    to: Approach<'a>,
}

impl Traffic {
    /// The next way through a junction of an agent that it has not entered, or on which it waits inside the junction.
    fn approach<'a>(&self, setting: &'a Setting, index: usize) -> Option<Approach<'a>> {
        let agent = &self.agents[index];
        let inside = agent.inside.and_then(|lane| setting.connections[lane].as_ref());
        if let Some((connection, wait_m)) = inside.and_then(|inside| inside.wait_m.map(|wait_m| (inside, wait_m)))
            && agent.lane == connection.lane
        {
            let lane_m = -agent.s - agent.half_m();
            return Some(Approach { connection, way_m: lane_m + wait_m, line_m: lane_m, lane_m });
        }
        let (mut lane, mut lane_m) = (agent.lane, -agent.s - agent.half_m());
        for &next in &agent.ahead {
            let line_m = lane_m + self.line_m(setting, lane);
            lane_m += setting.network.lane(lane).center.length_m();
            if let Some(connection) = &setting.connections[next] {
                let wait_m = connection.wait_m.filter(|_| agent.inside == Some(next));
                let way_m = wait_m.map_or(line_m, |wait_m| lane_m + wait_m);
                return Some(Approach { connection, way_m, line_m, lane_m });
            }
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
            let Some(to) = self.approach(setting, index) else { continue };
            // A signal that changes holds back who has not passed its line.
            if agent.inside.is_some()
                && to.line_m > 0.0
                && self.is_red(setting, &to, time_s)
                && agent.can_stop(to.line_m)
            {
                self.agents[index].inside = None;
                continue;
            }
            let reach = agent.speed * agent.speed / 4.0 + if index == EGO { 5.0 } else { 12.0 };
            if agent.granted == Some(to.connection.lane) {
                if self.is_lost(setting, index, &to, time_s) {
                    self.agents[index].granted = None;
                }
            } else if agent.granted.is_none() && to.way_m < reach {
                claims.push(Claim { rank: to.connection.rank, agent: index, to });
            }
        }
        for claim in &mut claims {
            if self.has_waited(setting, claim.agent, claim.to.connection, time_s) {
                claim.rank = 0;
            }
        }
        claims.sort_by(|a, b| a.rank.cmp(&b.rank).then(a.to.way_m.total_cmp(&b.to.way_m)).then(a.agent.cmp(&b.agent)));
        for claim in claims {
            let lane = claim.to.connection.lane;
            if self.may_go(setting, &claim, f64::INFINITY, time_s) {
                self.agents[claim.agent].granted = Some(lane);
                if claim.agent == EGO {
                    self.ego_granted_s = time_s;
                }
            } else if self.may_wait_inside(setting, &claim, time_s) {
                self.agents[claim.agent].inside = Some(lane);
            }
        }
    }

    /// Whether one who cannot turn left yet may go as far as the place inside the junction where one waits.
    fn may_wait_inside(&self, setting: &Setting, claim: &Claim, time_s: f64) -> bool {
        let (agent, connection) = (&self.agents[claim.agent], claim.to.connection);
        let Some(wait_m) = connection.wait_m.filter(|_| agent.inside.is_none() && agent.trailer.is_none()) else {
            return false;
        };
        let is_taken = self.agents.iter().any(|other| !other.is_gone && other.inside == Some(connection.lane));
        !is_taken && self.may_go(setting, claim, wait_m, time_s)
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
    pub(super) fn release(&mut self, setting: &Setting) {
        for (index, agent) in self.agents.iter_mut().enumerate() {
            if let Some(connection) = &setting.connections[agent.lane] {
                agent.has_stood = false;
                let front_m = agent.s + agent.half_m();
                let is_before = connection.wait_m.is_some_and(|wait_m| front_m < wait_m + INSIDE_SLACK_M);
                // Nobody knows whether the ego will wait.
                if is_before && (index == EGO || agent.inside == Some(agent.lane)) {
                    agent.inside = Some(agent.lane);
                } else {
                    (agent.granted, agent.inside) = (Some(agent.lane), None);
                }
            } else if let Some(granted) = agent.granted
                && agent.behind.contains(&granted)
                && agent.s > agent.tail_m()
            {
                agent.granted = None;
            }
        }
    }

    /// Whether one who was given a way must wait after all.
    fn is_lost(&self, setting: &Setting, index: usize, to: &Approach, time_s: f64) -> bool {
        let agent = &self.agents[index];
        // The ego may stay where it is although it may go.
        if index == EGO && agent.stands_s > 3.0 && time_s - self.ego_granted_s > DAWDLING_S && to.way_m >= -0.5 {
            return true;
        }
        if to.way_m < -0.5 || agent.inside.is_some() {
            return false;
        }
        self.is_red(setting, to, time_s) && agent.can_stop(to.way_m)
    }

    /// Whether one who can stop at the line has to.
    fn is_red(&self, setting: &Setting, to: &Approach, time_s: f64) -> bool {
        to.connection.signal.is_some_and(|signal| match setting.signals[signal].phase(time_s) {
            Phase::Red => true,
            Phase::Amber => !clears_at_amber(to.connection, to.line_m),
            _ => false,
        })
    }

    /// Whether nothing speaks against the first `until_m` metres of a way through a junction.
    fn may_go(&self, setting: &Setting, claim: &Claim, until_m: f64, time_s: f64) -> bool {
        let (agent, connection) = (&self.agents[claim.agent], claim.to.connection);
        let Approach { line_m, lane_m, .. } = claim.to;
        let is_inside = agent.inside == Some(connection.lane);
        let entered = line_m < -1.0;
        if let (Some(signal), false) = (connection.signal, entered) {
            let phase = setting.signals[signal].phase(time_s);
            let amber_s = setting.signals[signal].since_green_s(time_s) - setting.signals[signal].green_s;
            let clears = clears_at_amber(connection, line_m) && agent.stands_s > 1.0 && amber_s < CLEARS_S;
            if phase == Phase::Red || (phase == Phase::Amber && agent.can_stop(line_m) && !clears) {
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
        let is_behind = !is_inside && self.is_behind_somebody(setting, claim.agent, connection.from);
        if is_behind || self.is_behind_a_waiter(claim) || !self.exit_is_free(setting, claim.agent, connection.lane) {
            return false;
        }
        // Time until the tail has left each conflict.
        let own_mps = self.curve_mps[connection.lane].min(agent.kind.fastest_mps());
        let acceleration = 0.8 * agent.driver.acceleration_mps2;
        for conflict in connection.conflicts.iter().filter(|conflict| conflict.own[0] < until_m) {
            let way_m = lane_m + conflict.own[1].min(until_m) + agent.half_m() + agent.tail_m();
            let needed = seconds_for(way_m, agent.speed, acceleration, own_mps);
            for (index, other) in self.agents.iter().enumerate() {
                if index == claim.agent || other.is_gone {
                    continue;
                }
                // Who waits inside for oncoming traffic is in the way of all the others.
                let theirs = setting.connections[conflict.other].as_ref();
                let yields = conflict.oncoming && theirs.is_some_and(|theirs| theirs.rank > connection.rank);
                if other.granted == Some(conflict.other) || (other.inside == Some(conflict.other) && !yields) {
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
                let Some(to) = self.approach(setting, index) else { continue };
                let next = to.connection;
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
                let can_stop = other.can_stop(to.line_m);
                let red = next.signal.is_some_and(|signal| match setting.signals[signal].phase(time_s) {
                    Phase::Red => true,
                    Phase::Amber => can_stop,
                    _ => false,
                });
                // One who stands and cannot go either does not count.
                let stuck = || {
                    self.is_behind_somebody(setting, index, next.from) || !self.exit_is_free(setting, index, next.lane)
                };
                if other.stands_s > 1.0 && (to.way_m > 12.0 || stuck()) {
                    continue;
                }
                // It goes on as fast as it may.
                let their_mps = self.curve_mps[next.lane].min(setting.limit_mps).max(other.speed);
                let their_m = to.lane_m + conflict.their[0];
                let arrives = seconds_for(their_m, other.speed, other.driver.acceleration_mps2, their_mps);
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
            let may_go = other.granted.or(other.inside).is_some_and(|granted| {
                setting.connections[granted].as_ref().is_some_and(|connection| connection.from == from)
            });
            other_index != index && !other.is_gone && ahead && !may_go
        })
    }

    /// Whether one who waits inside the junction to turn left bars the way.
    fn is_behind_a_waiter(&self, claim: &Claim) -> bool {
        self.agents.iter().enumerate().any(|(index, other)| {
            let bars = |lane: LaneId| claim.to.connection.siblings.iter().any(|(sibling, _)| *sibling == lane);
            let waits = other.inside.filter(|inside| other.granted != Some(*inside)).is_some_and(bars);
            index != claim.agent && !other.is_gone && waits
        })
    }

    /// Whether there is room behind the junction.
    fn exit_is_free(&self, setting: &Setting, index: usize, connection: LaneId) -> bool {
        let own = &self.agents[index];
        let Some(&exit) = setting.network.lane(connection).successors.first() else { return true };
        let mut needed = own.half_m() + own.tail_m() + 2.5;
        for (other_index, other) in self.agents.iter().enumerate() {
            let same = |granted: LaneId| setting.network.lane(granted).successors.first() == Some(&exit);
            if other_index != index && other.granted.is_some_and(same) && other.lane != exit {
                needed += other.half_m() + other.tail_m() + 2.5;
            }
        }
        let first = self.lanes.of(exit).iter().filter(|other| other.who != index);
        let first = first.min_by(|a, b| a.rear.total_cmp(&b.rear));
        first.is_none_or(|first| first.rear > needed || (first.speed > 3.0 && first.rear > 1.0))
    }

    /// Distance from an agent's front to where it must wait for a way that it was not given.
    pub(super) fn barrier_m(&self, setting: &Setting, index: usize) -> Option<f64> {
        let to = self.approach(setting, index)?;
        (self.agents[index].granted != Some(to.connection.lane)).then_some(to.way_m)
    }

    /// Remembers who has stood at the line.
    pub(super) fn note_standing(&mut self, setting: &Setting) {
        for index in 0..self.agents.len() {
            let near = self.approach(setting, index).is_some_and(|to| to.way_m < 3.0);
            let agent = &mut self.agents[index];
            agent.has_stood |= near && agent.speed < 0.15;
        }
    }
}

/// Time for a way, m, from a speed on with an acceleration, m/s2, up to a highest speed, m/s; s.
fn seconds_for(way_m: f64, speed: f64, acceleration: f64, highest: f64) -> f64 {
    let (way_m, highest) = (way_m.max(0.0), highest.max(speed).max(0.5));
    let gaining_m = (highest * highest - speed * speed) / (2.0 * acceleration);
    if way_m < gaining_m {
        ((speed * speed + 2.0 * acceleration * way_m).sqrt() - speed) / acceleration
    } else {
        (highest - speed) / acceleration + (way_m - gaining_m) / highest
    }
}

impl Agent {
    /// Whether it can stop within a way, m, as one does when a signal changes.
    fn can_stop(&self, way_m: f64) -> bool {
        self.speed * self.speed < 2.0 * AMBER_BRAKING_MPS2 * way_m.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_known_motions() {
        assert!((seconds_for(8.0, 0.0, 1.0, 10.0) - 4.0).abs() < 1e-12);
        assert!((seconds_for(60.0, 0.0, 1.0, 10.0) - 11.0).abs() < 1e-12);
        // One who is faster than allowed keeps its speed.
        assert!((seconds_for(50.0, 10.0, 1.0, 5.0) - 5.0).abs() < 1e-12);
        assert_eq!(seconds_for(-3.0, 4.0, 1.0, 5.0), 0.0);
    }
}
