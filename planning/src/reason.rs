//! The decision and its reason in one line with numbers.

use crate::config::Config;
use crate::lattice::Lattice;
use crate::longitudinal::Aim;
use crate::predict::{Obstacle, Obstacles};
use crate::reference::Road;
use crate::targets::{MOVING_MPS, Target};
use types::{Decision, DecisionKind, Vehicle, Verdict};

/// Smaller offsets are no passing, m.
const BESIDE_M: f64 = 0.2;

/// Says what was chosen and why.
#[must_use]
pub fn decide(
    choice: Option<usize>,
    lattice: &Lattice,
    obstacles: &Obstacles,
    targets: &[Target],
    road: &Road<'_>,
    config: &Config,
    vehicle: &Vehicle,
) -> Decision {
    let view = View { lattice, obstacles, targets, road, config, vehicle };
    let mut decision = choice.map_or_else(|| view.emergency(), |index| view.chosen(index));
    if let Some(why) = &road.no_route {
        decision.reason = format!("{}; straight ahead: {why}", decision.reason);
    }
    decision
}

struct View<'a> {
    lattice: &'a Lattice,
    obstacles: &'a Obstacles,
    targets: &'a [Target],
    road: &'a Road<'a>,
    config: &'a Config,
    vehicle: &'a Vehicle,
}

impl View<'_> {
    fn chosen(&self, index: usize) -> Decision {
        let candidate = &self.lattice.candidates[index];
        let (profile, lateral) = (&self.lattice.profiles[candidate.profile], &self.lattice.laterals[candidate.lateral]);
        let travel = self.lattice.samples_of(candidate.profile)[profile.horizon_sample()][0];
        let target = if let Aim::Behind(t) = profile.aim { Some(self.targets[t].object) } else { None };
        let blocker = self.blocker();
        let lead = self.targets.iter().find(|t| !t.crosses).map(|t| t.object);
        let about = target.or(blocker).or(lead);
        let speed = profile.end_speed_mps;
        let wanted = self.lattice.row(travel).wanted_mps;
        let quick = speed > self.road.ego.s_dot_mps.min(0.7 * wanted) - 0.5;
        match (about, blocker) {
            (Some(object), _) if profile.stops() => self.stop(object, travel),
            (_, Some(object)) if lateral.end_m.abs() > BESIDE_M && target.is_none() && quick => {
                self.pass(object, lateral.end_m, speed)
            }
            (Some(object), _) if target.is_some() || speed < wanted - 0.5 => self.follow(object, speed),
            _ => self.cruise(profile.stops() && wanted > 0.5, speed, wanted),
        }
    }

    /// The object that the undisturbed drive (the wanted speed, on the line) would hit first.
    fn blocker(&self) -> Option<usize> {
        let undisturbed = self
            .lattice
            .candidates
            .iter()
            .filter(|c| c.lateral == 0 && matches!(self.lattice.profiles[c.profile].aim, Aim::Keep(v) if v > 0.0));
        let first = undisturbed.filter_map(|c| c.hit).min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        first.map(|(object, _)| object)
    }

    fn stop(&self, object: usize, travel: f64) -> Decision {
        let (o, ahead) = self.seen(object);
        let gap = self
            .targets
            .iter()
            .find(|t| t.object == object)
            .map_or(ahead - travel, |t| t.rear_s_m - self.vehicle.front_offset_m() - self.road.s_m - travel);
        let what = name(o);
        let crossing = self.targets.iter().any(|t| t.object == object && t.crosses);
        let verb = if self.road.ego.s_dot_mps < 0.1 && travel < 0.1 { "stands" } else { "stops" };
        let reason = if crossing {
            format!("{verb} {gap:.1} m before the way of {what} {ahead:.1} m ahead")
        } else {
            format!("{verb} {gap:.1} m behind {what} {ahead:.1} m ahead")
        };
        Decision { kind: DecisionKind::Stop, track: Some(o.track), reason }
    }

    fn follow(&self, object: usize, speed: f64) -> Decision {
        let (o, ahead) = self.seen(object);
        let wanted = self.config.standstill_gap_m + self.config.headway_s * o.s_dot_mps.max(0.0);
        let verb = if o.s_dot_mps > MOVING_MPS { "follows" } else { "slows for" };
        let reason = format!("{verb} {} {ahead:.1} m ahead at {speed:.1} m/s, wanted gap {wanted:.1} m", name(o));
        Decision { kind: DecisionKind::Follow, track: Some(o.track), reason }
    }

    fn pass(&self, object: usize, offset: f64, speed: f64) -> Decision {
        let (o, ahead) = self.seen(object);
        let side = if offset > 0.0 { "left" } else { "right" };
        let reason =
            format!("passes {} {ahead:.1} m ahead, {:.2} m to the {side}, at {speed:.1} m/s", name(o), offset.abs());
        Decision { kind: DecisionKind::Pass, track: Some(o.track), reason }
    }

    fn cruise(&self, stops: bool, speed: f64, wanted: f64) -> Decision {
        let (now, cruise) = (self.road.ego.s_dot_mps, self.config.cruise_speed_mps);
        let allowed = self.lattice.row(0.0).wanted_mps;
        let (kind, reason) = if now > allowed + 0.5 {
            (DecisionKind::Cruise, format!("slows from {now:.1} m/s; {allowed:.1} m/s wanted here"))
        } else if stops {
            (DecisionKind::Stop, format!("stops from {now:.1} m/s; {wanted:.1} m/s wanted"))
        } else {
            let why = if wanted < cruise - 0.5 { "for the curve ahead" } else { "on a free road" };
            let reason = format!("drives at {speed:.1} m/s from {now:.1} m/s; {wanted:.1} m/s wanted {why}");
            (DecisionKind::Cruise, reason)
        };
        Decision { kind, track: None, reason }
    }

    fn emergency(&self) -> Decision {
        let candidates = &self.lattice.candidates;
        let counts = Verdict::ALL.map(|verdict| (verdict, candidates.iter().filter(|c| c.verdict == verdict).count()));
        let named: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| format!("{count} {}", verdict.name()))
            .collect();
        let last = candidates.iter().filter_map(|c| c.hit).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let mut reason = format!(
            "brakes hard from {:.1} m/s: none of {} trajectories is free ({})",
            self.road.ego.s_dot_mps,
            candidates.len(),
            named.join(", ")
        );
        let mut track = None;
        if let Some((object, time_s)) = last {
            let (o, ahead) = self.seen(object);
            track = Some(o.track);
            reason = format!("{reason}; {} {ahead:.1} m ahead is hit after {time_s:.1} s at the latest", name(o));
        }
        Decision { kind: DecisionKind::EmergencyStop, track, reason }
    }

    /// The object and its distance from the front bumper along the line now.
    fn seen(&self, object: usize) -> (&Obstacle, f64) {
        let o = &self.obstacles.objects[object];
        (o, o.s_m - o.half_s_m - self.road.s_m - self.vehicle.front_offset_m())
    }
}

fn name(o: &Obstacle) -> String {
    format!("track {} ({}, {:.1} m/s)", o.track, o.class.name(), o.speed_mps)
}
