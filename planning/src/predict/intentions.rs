//! What a vehicle on known lanes may want: the ways onward from where it is, each with the motion along it and a probability.
//!
//! A way is likely if the vehicle is on its middle, heads along it, turns with it, and is not too fast for its bends: who
//! wants to turn brakes for it. Along a way a vehicle goes on as it is, brakes before bends, and goes on braking or
//! accelerating for a moment.

use super::motion::{LaneMotion, braked};
use super::{PREDICTION_STEP_S, PREDICTION_STEPS};
use crate::belief::{Belief, Beliefs};
use crate::lane_graph::{Chain, LaneGraph};
use types::{ObjectClass, wrap_angle};

/// Ways are followed for this long at the present speed, and this much more, at most that far, s and m.
const REACH_S: f64 = 8.0;
const REACH_M: f64 = 25.0;
const FARTHEST_M: f64 = 200.0;
/// How far beside a way, off its heading and its turn rate a vehicle on it is: standard deviations, m, rad, rad/s, and of the
/// turn rate this more for each m/s.
const ASIDE_M: f64 = 0.9;
const ASKEW_RAD: f64 = 0.2;
const TURN_RADPS: f64 = 0.1;
const TURN_PER_MPS: f64 = 0.01;
/// The way's turn rate is taken this far ahead of the middle, m.
const TURN_AHEAD_M: f64 = 1.0;
/// Braking for a bend is easy up to this deceleration, and each of these more makes it unlikely, m/s2.
const EASY_MPS2: f64 = 1.5;
const HARD_MPS2: f64 = 1.0;
/// Braking for a bend is at most this hard, m/s2.
const BEFORE_BEND_MPS2: f64 = 2.0;
const MOST_BRAKING_MPS2: f64 = 4.0;
/// Gaining speed is believed from this on, up to this, and for this long, m/s2 and s; up to this share of the speed limit.
const GAINING_MPS2: [f64; 2] = [0.4, 2.5];
const GAINING_S: f64 = 1.5;
const LIMIT_SHARE: f64 = 1.1;
/// Who is slower than this and does not gain speed waits: it comes to rest within this time, m/s and s.
const WAITING_MPS: f64 = 1.6;
const WAITS_S: f64 = 2.0;
/// Sideways motion below this is noise, m/s.
const ACROSS_MPS: f64 = 0.45;
/// On a way that bends within this many metres to less than this radius, m, sideways motion is part of the bend, and what is left of it fades
/// in this time, s.
const BEND_AHEAD_M: f64 = 20.0;
const BEND_RADIUS_M: f64 = 50.0;
const FADES_S: f64 = 0.7;
/// Ways less likely than this are left out, unless they are the likeliest.
const UNLIKELY: f64 = 0.25;
/// And those below this are not even followed.
const LEAST: f64 = 0.02;
/// Ways that lead to within this of each other are one, m, for the first this many steps.
const ALIKE_M: f64 = 1.5;
const ALIKE_STEPS: usize = 26;
/// Speeds that are believed, m/s, and how far from the ego, m.
const LEAST_MPS: f64 = 0.5;
const FASTEST_MPS: f64 = 100.0;
const FAR_M: f64 = 120.0;
/// Most ways of one vehicle.
const MOST: usize = 3;

/// Where one vehicle will be on one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intention {
    /// How likely it is among the ways of the vehicle.
    pub probability: f64,
    /// Middle and heading when the plan takes effect, and from then on.
    pub poses: [[f64; 3]; PREDICTION_STEPS],
}

/// The intentions of all vehicles that move on known lanes, in rising identity of their tracks.
#[derive(Clone, Debug, Default)]
pub struct Intentions {
    tracks: Vec<u64>,
    /// Where those of each track begin, and the end.
    begins: Vec<usize>,
    all: Vec<Intention>,
    buffer: Vec<Intention>,
}

impl Intentions {
    /// Finds them anew; none without lanes.
    pub fn update(&mut self, graph: Option<&LaneGraph<'_>>, beliefs: &Beliefs, near: [f64; 2], lead_s: f64) {
        self.tracks.clear();
        self.all.clear();
        self.begins.clear();
        let Some(graph) = graph else { return };
        let mut found = std::mem::take(&mut self.buffer);
        for belief in beliefs.all().iter().filter(|belief| belief.believed && drives(belief, near)) {
            intentions(graph, belief, lead_s, &mut found);
            if !found.is_empty() {
                self.tracks.push(belief.track.id);
                self.begins.push(self.all.len());
                self.all.append(&mut found);
            }
        }
        self.begins.push(self.all.len());
        self.buffer = found;
    }

    /// Those of a track, likeliest first; none if nothing is known of its ways.
    #[must_use]
    pub fn of(&self, track: u64) -> &[Intention] {
        let place = self.tracks.binary_search(&track);
        place.map_or(&[], |place| &self.all[self.begins[place]..self.begins[place + 1]])
    }
}

/// A vehicle or rider that moves, near enough to matter.
fn drives(belief: &Belief, near: [f64; 2]) -> bool {
    let track = &belief.track;
    let wheels = !matches!(track.class, ObjectClass::Pedestrian | ObjectClass::Unknown);
    let speed_mps = track.speed_mps();
    let [x, y] = [track.bbox.center[0] - near[0], track.bbox.center[1] - near[1]];
    wheels && track.bbox.is_valid() && (LEAST_MPS..FASTEST_MPS).contains(&speed_mps) && x.hypot(y) < FAR_M
}

/// The intentions of a vehicle that moves on lanes, likeliest first; none if no lane under it leads its way.
fn intentions(graph: &LaneGraph<'_>, belief: &Belief, lead_s: f64, out: &mut Vec<Intention>) {
    out.clear();
    let track = &belief.track;
    let center = [track.bbox.center[0], track.bbox.center[1]];
    let speed_mps = track.speed_mps();
    let [vx, vy] = track.velocity_mps;
    let heading_rad = if speed_mps > 1.0 { vy.atan2(vx) } else { track.bbox.yaw };
    let reach_m = (REACH_S * speed_mps + REACH_M).min(FARTHEST_M);
    let mut chains = Vec::new();
    for place in graph.places(center, heading_rad) {
        graph.onward(place, reach_m, &mut chains);
    }
    chains.retain(|chain| chain.nodes.len() > 1);
    let likelihoods: Vec<f64> =
        chains.iter().map(|chain| likelihood(chain, belief, center, heading_rad, speed_mps)).collect();
    let sum: f64 = likelihoods.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return;
    }
    for (chain, likelihood) in chains.iter().zip(likelihoods) {
        // Equal ways may still add up: see `merge`.
        if likelihood < LEAST * sum {
            continue;
        }
        let mut poses = [[0.0; 3]; PREDICTION_STEPS];
        follow(chain, belief, center, speed_mps, lead_s, &mut poses);
        out.push(Intention { probability: likelihood / sum, poses });
    }
    merge(out);
}

/// Ways that lead to the same places are one; what is unlikely is left out.
fn merge(out: &mut Vec<Intention>) {
    out.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let mut kept = 0;
    for index in 0..out.len() {
        let here = out[index];
        let alike = |other: &Intention| {
            (0..ALIKE_STEPS).step_by(5).all(|step| {
                let (a, b) = (other.poses[step], here.poses[step]);
                (a[0] - b[0]).hypot(a[1] - b[1]) < ALIKE_M
            })
        };
        match out[..kept].iter().position(alike) {
            Some(place) => out[place].probability += here.probability,
            None => {
                out[kept] = here;
                kept += 1;
            }
        }
    }
    out.truncate(kept);
    out.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let mut place = 0;
    out.retain(|intention| {
        place += 1;
        place == 1 || (place <= MOST && intention.probability >= UNLIKELY)
    });
}

/// How well a way explains where the vehicle is and what it does.
fn likelihood(chain: &Chain, belief: &Belief, center: [f64; 2], heading_rad: f64, speed_mps: f64) -> f64 {
    let (s_m, d_m) = chain.foot(center);
    let here = chain.at(s_m, &mut 0);
    let ahead = chain.at(s_m + 2.0 * TURN_AHEAD_M, &mut 0);
    let way_rate = speed_mps * wrap_angle(ahead.heading_rad - here.heading_rad) / (2.0 * TURN_AHEAD_M);
    let rate = if belief.track.yaw_rate_radps.is_finite() { belief.track.yaw_rate_radps } else { 0.0 };
    let askew = wrap_angle(heading_rad - here.heading_rad);
    let needed = chain
        .nodes
        .iter()
        .filter(|node| node.s_m > s_m + 1.0)
        .map(|node| (speed_mps * speed_mps - node.bend_mps_squared) / (2.0 * (node.s_m - s_m)));
    let too_hard = ((needed.fold(0.0, f64::max) - EASY_MPS2) / HARD_MPS2).max(0.0);
    let off = [d_m / ASIDE_M, askew / ASKEW_RAD, (rate - way_rate) / (TURN_RADPS + TURN_PER_MPS * speed_mps), too_hard];
    // Even what is far off stays possible.
    off.iter().map(|x| (-0.5 * x * x).exp() + 1e-3).product()
}

/// Moves along a way.
fn follow(
    chain: &Chain,
    belief: &Belief,
    center: [f64; 2],
    speed_mps: f64,
    lead_s: f64,
    poses: &mut [[f64; 3]; PREDICTION_STEPS],
) {
    let (begin_m, d_m) = chain.foot(center);
    let here = chain.at(begin_m, &mut 0);
    let (sin, cos) = here.heading_rad.sin_cos();
    let across = |[vx, vy]: [f64; 2]| vy * cos - vx * sin;
    let (now, calm) = (across(belief.track.velocity_mps), across(belief.calm_mps));
    let least = if calm.abs() < now.abs() { calm } else { now };
    let d_dot_mps = if least.abs() < ACROSS_MPS || now * calm < 0.0 { 0.0 } else { least };
    let aside = LaneMotion { s_m: 0.0, s_dot_mps: 0.0, deceleration_mps2: 0.0, d_m, d_dot_mps, heading_off_rad: 0.0 };
    let sharp = (crate::lane_graph::BEND_MPS2 * BEND_RADIUS_M, begin_m + BEND_AHEAD_M);
    let turns = chain.nodes.iter().any(|node| node.s_m < sharp.1 && node.bend_mps_squared < sharp.0);
    let heading_off_rad = wrap_angle(belief.track.bbox.yaw - here.heading_rad);
    // The highest speeds from which one still brakes gently for what comes: squares, node by node.
    let mut bends: Vec<f64> = chain.nodes.iter().map(|node| node.bend_mps_squared).collect();
    for i in (0..bends.len() - 1).rev() {
        let step_m = chain.nodes[i + 1].s_m - chain.nodes[i].s_m;
        bends[i] = bends[i].min(bends[i + 1] + 2.0 * BEFORE_BEND_MPS2 * step_m);
    }
    let change = belief.acceleration_mps2;
    let waits = speed_mps < WAITING_MPS && change < GAINING_MPS2[0] && !belief.track.class.is_vulnerable();
    let braking = if waits {
        (speed_mps / WAITS_S).max(-change)
    } else if change < -super::BRAKING_MPS2 && belief.track.hits > 4 {
        -change
    } else {
        0.0
    };
    let gaining = if change > GAINING_MPS2[0] { change.min(GAINING_MPS2[1]) } else { 0.0 };
    let (mut s, mut v, mut hint, mut time_s) = (begin_m, speed_mps, 0, 0.0);
    for (step, pose) in poses.iter_mut().enumerate() {
        let until_s = lead_s + step as f64 * PREDICTION_STEP_S;
        while time_s < until_s - 1e-9 {
            let dt = (until_s - time_s).min(PREDICTION_STEP_S);
            let limit = chain.nodes[hint].limit_mps * LIMIT_SHARE;
            let free = if braking > 0.0 {
                braked(speed_mps, braking, time_s + dt)[1]
            } else if time_s < GAINING_S && v < limit {
                (v + gaining * dt).min(limit.max(v))
            } else {
                v
            };
            let bend = bends[hint.min(bends.len() - 1)].sqrt();
            let next = free.min(bend.max(v - MOST_BRAKING_MPS2 * dt)).max(0.0);
            s += 0.5 * (v + next) * dt;
            (v, time_s) = (next, time_s + dt);
            let _ = chain.at(s, &mut hint);
        }
        let node = chain.at(s, &mut hint);
        let d =
            if turns { d_m + d_dot_mps * FADES_S * (1.0 - (-until_s / FADES_S).exp()) } else { aside.offset(until_s) };
        let (sin, cos) = node.heading_rad.sin_cos();
        *pose = [
            node.position[0] - sin * d,
            node.position[1] + cos * d,
            wrap_angle(node.heading_rad + heading_off_rad * (-until_s).exp()),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::track;
    use crate::lane_graph::tests::fork;
    use types::{Stamp, Tracks};

    /// A car heading north 15 m before a fork (straight on, or right with 8 m radius), watched for a second.
    fn seen(speed_mps: f64, gaining_mps2: f64, yaw_rate_radps: f64) -> Vec<Intention> {
        let network = fork();
        let graph = LaneGraph::new(&network);
        let mut beliefs = Beliefs::default();
        for cycle in 0..10 {
            let past_s = 0.1 * f64::from(9 - cycle);
            let speed = speed_mps - gaining_mps2 * past_s;
            let mut object = track(1, 0.2, -15.0 - speed_mps * past_s, [0.0, speed]);
            object.bbox.yaw = std::f64::consts::FRAC_PI_2;
            (object.yaw_rate_radps, object.hits) = (yaw_rate_radps, 20);
            let stamp = Stamp::from_nanos(0).offset(0.1 * f64::from(cycle));
            beliefs.update(&Tracks { frame: 0, stamp, objects: vec![object] }, stamp);
        }
        let mut intentions = Intentions::default();
        intentions.update(Some(&graph), &beliefs, [0.0, 0.0], 0.0);
        assert!(intentions.of(2).is_empty());
        intentions.of(1).to_vec()
    }

    fn turns(intention: &Intention) -> bool {
        intention.poses[PREDICTION_STEPS - 1][2].abs() < 0.3
    }

    #[test]
    fn who_is_too_fast_to_turn_goes_straight_on_and_who_is_slow_may_do_either() {
        let fast = seen(14.0, 0.0, 0.0);
        assert!(fast.len() == 1 && !turns(&fast[0]), "{:?}", fast.len());
        let slow = seen(5.0, 0.0, 0.0);
        assert_eq!(slow.iter().filter(|way| turns(way)).count(), 1);
        assert_eq!(slow.len(), 2);
        let sum: f64 = slow.iter().map(|way| way.probability).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }

    #[test]
    fn ways_are_driven_as_lanes_are() {
        for way in seen(5.0, 0.0, 0.0) {
            // 5 m/s all the way, at most 3 m/s2 in the bend, never a jump.
            let speeds: Vec<f64> =
                way.poses.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1]) / 0.2).collect();
            assert!(speeds.iter().all(|v| (3.8..5.6).contains(v)), "{speeds:?}");
            assert!(way.poses[0][0].abs() < 0.3 && (way.poses[0][1] + 15.0).abs() < 1e-6);
        }
    }

    #[test]
    fn who_creeps_without_gaining_speed_waits_and_who_gains_comes() {
        let way_m = |gaining: f64| {
            let way = seen(1.2, gaining, 0.0)[0];
            way.poses[PREDICTION_STEPS - 1][1] - way.poses[0][1]
        };
        assert!(way_m(0.0) < 1.5, "{}", way_m(0.0));
        assert!(way_m(1.0) > 12.0, "{}", way_m(1.0));
    }
}
