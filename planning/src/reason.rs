//! The decision and its reason in one line with numbers.

use crate::View;
use crate::config::Config;
use crate::emergency::{self, Threat};
use crate::lattice::Lattice;
use crate::longitudinal::Aim;
use crate::predict::{Obstacle, Obstacles};
use crate::reference::Road;
use crate::rules::{Halt, Rules};
use crate::targets::{MOVING_MPS, Target};
use types::{Decision, DecisionKind, Vehicle};

/// Smaller offsets are no passing, m.
const BESIDE_M: f64 = 0.4;

/// Says what was chosen and why.
#[must_use]
pub(crate) fn decide(choice: Option<usize>, threat: Option<&Threat>, lattice: &Lattice, view: &View<'_>) -> Decision {
    let teller = Teller {
        lattice,
        obstacles: view.obstacles,
        targets: view.targets,
        rules: view.rules,
        road: view.road,
        config: view.config,
        vehicle: view.vehicle,
    };
    let mut decision = match (choice, threat) {
        (_, Some(threat)) => teller.emergency(threat),
        (Some(index), None) => teller.chosen(index),
        (None, None) => teller.stands(&emergency::threat(lattice, view.obstacles)),
    };
    if let Some(why) = &view.road.no_route {
        decision.reason = format!("{}; straight ahead: {why}", decision.reason);
    }
    decision
}

struct Teller<'a> {
    lattice: &'a Lattice,
    obstacles: &'a Obstacles,
    targets: &'a [Target],
    rules: &'a Rules,
    road: &'a Road<'a>,
    config: &'a Config,
    vehicle: &'a Vehicle,
}

impl Teller<'_> {
    fn chosen(&self, index: usize) -> Decision {
        let candidate = &self.lattice.candidates[index];
        let (profile, lateral) = (&self.lattice.profiles[candidate.profile], &self.lattice.laterals[candidate.lateral]);
        let travel = self.lattice.samples_of(candidate.profile)[profile.horizon_sample()][0];
        let aim = if let Aim::Behind(t) = profile.aim { Some(&self.targets[t]) } else { None };
        let target = aim.and_then(|target| target.object);
        let blocker = self.blocker();
        let lead = self.targets.iter().find(|t| !t.crosses).and_then(|t| t.object);
        let about = target.or(blocker).or(lead);
        // A car so slow that it does not reach who is in the way within the horizon passes it as well.
        let passed = blocker.or(lead.filter(|lead| self.clears(*lead, lateral.end_m)));
        let speed = profile.end_speed_mps;
        let wanted = self.lattice.row(travel).wanted_mps;
        let quick = speed > self.road.ego.s_dot_mps.min(0.7 * wanted) - 0.5;
        let by_rule = aim.is_some_and(|target| target.object.is_none());
        match (about, passed, &self.rules.halt) {
            (_, _, Some(halt)) if by_rule || (profile.stops() && self.halt_first(halt, about)) => {
                self.halt(halt, travel)
            }
            (Some(object), ..) if profile.stops() => self.stop(object, travel),
            (_, Some(object), _)
                if lateral.end_m.abs() > BESIDE_M
                    && target.is_none_or(|target| target == object)
                    && (self.clears(object, lateral.end_m) || (quick && target.is_none())) =>
            {
                self.pass(object, lateral.end_m, speed)
            }
            (Some(object), ..) if target.is_some() || speed < wanted - 0.5 => self.follow(object, speed),
            (_, _, Some(halt)) if speed < self.road.ego.s_dot_mps - 0.5 => self.halt(halt, travel),
            _ => self.cruise(profile.stops() && wanted > 0.5, speed, wanted),
        }
    }

    /// Whether an offset leads past an object.
    fn clears(&self, object: usize, offset_m: f64) -> bool {
        let o = &self.obstacles.objects[object];
        (o.d_m - offset_m).abs() > o.half_d_m + 0.5 * self.vehicle.width_m
    }

    /// Whether the halt comes before the object.
    fn halt_first(&self, halt: &Halt, object: Option<usize>) -> bool {
        object.is_none_or(|object| {
            let o = &self.obstacles.objects[object];
            halt.aim_s_m <= o.s_m - o.half_s_m
        })
    }

    fn halt(&self, halt: &Halt, travel: f64) -> Decision {
        let ahead = halt.aim_s_m - self.road.s_m - self.vehicle.front_offset_m();
        let stands = self.road.ego.s_dot_mps < 0.1 && travel < 0.1;
        let reason = if stands {
            format!("stands {ahead:.1} m before {}", halt.reason)
        } else {
            format!("stops in {ahead:.1} m for {}", halt.reason)
        };
        Decision { kind: DecisionKind::Stop, track: halt.track, reason }
    }

    /// The object that the undisturbed drive (the wanted speed, on the line) would hit first.
    fn blocker(&self) -> Option<usize> {
        let undisturbed = self
            .lattice
            .candidates
            .iter()
            .filter(|c| c.lateral == 0 && matches!(self.lattice.profiles[c.profile].aim, Aim::Keep(v) if v > 0.0));
        // Who comes from behind is neither passed nor followed.
        let ahead = |object: usize| {
            let o = &self.obstacles.objects[object];
            o.s_m + o.half_s_m > self.road.s_m
        };
        let hits = undisturbed.filter_map(|c| c.hit).filter(|(object, _)| ahead(*object));
        let first = hits.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        first.map(|(object, _)| object)
    }

    fn stop(&self, object: usize, travel: f64) -> Decision {
        let (o, ahead) = self.seen(object);
        let gap = self
            .targets
            .iter()
            .find(|t| t.object == Some(object))
            .map_or(ahead - travel, |t| t.rear_s_m - self.vehicle.front_offset_m() - self.road.s_m - travel);
        let what = name(o);
        let crossing = self.targets.iter().any(|t| t.object == Some(object) && t.crosses);
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
        let now = self.road.ego.s_dot_mps;
        let allowed = self.lattice.row(0.0).wanted_mps;
        let limit = self.road.station(self.road.s_m, self.config, &self.vehicle.limits).limit_mps;
        let cap =
            self.lattice.table.cap.as_ref().filter(|cap| wanted.min(allowed) < cap.speed_mps + 0.5 || now > wanted);
        let why = cap.map_or_else(
            || if wanted < 0.9 * limit { "for the road ahead".to_string() } else { "on a free road".to_string() },
            |cap| cap.track.map_or_else(|| cap.reason.to_string(), |track| format!("{} (track {track})", cap.reason)),
        );
        let (kind, reason) = if now > allowed + 0.5 {
            (DecisionKind::Cruise, format!("slows from {now:.1} m/s; {allowed:.1} m/s wanted here: {why}"))
        } else if stops {
            (DecisionKind::Stop, format!("stops from {now:.1} m/s; {wanted:.1} m/s wanted"))
        } else {
            let reason = format!("drives at {speed:.1} m/s from {now:.1} m/s; {wanted:.1} m/s wanted: {why}");
            (DecisionKind::Cruise, reason)
        };
        Decision { kind, track: cap.and_then(|cap| cap.track), reason }
    }

    fn emergency(&self, threat: &Threat) -> Decision {
        let (mut reason, mut track) = (self.rejected("brakes hard", threat), None);
        if let Some((object, time_s)) = threat.hit {
            let (o, ahead) = self.seen(object);
            track = Some(o.track);
            reason = format!("{reason}; {} {ahead:.1} m ahead is hit after {time_s:.1} s at the latest", name(o));
        }
        Decision { kind: DecisionKind::EmergencyStop, track, reason }
    }

    /// A standing car without a free candidate.
    fn stands(&self, threat: &Threat) -> Decision {
        let (mut reason, mut track) = (self.rejected("stands", threat), None);
        if let Some((object, _)) = threat.hit {
            let (o, ahead) = self.seen(object);
            track = Some(o.track);
            reason = format!("{reason}; {} is {ahead:.1} m ahead", name(o));
        }
        Decision { kind: DecisionKind::Stop, track, reason }
    }

    fn rejected(&self, verb: &str, threat: &Threat) -> String {
        let named: Vec<String> = threat
            .counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| format!("{count} {}", verdict.name()))
            .collect();
        let total: usize = threat.counts.iter().map(|(_, count)| count).sum();
        let speed = self.road.ego.s_dot_mps;
        format!("{verb} from {speed:.1} m/s: none of {total} trajectories is free ({})", named.join(", "))
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
