//! Where everything was in the last moments: a sweep takes time, so its columns ask for instants in the past.

use crate::plant::EgoMotion;
use crate::scene::Scene;
use std::collections::VecDeque;
use types::{Pose2, wrap_angle};

/// A moving object at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActorState {
    /// Pose of its middle in `odom`.
    pub pose: Pose2,
    /// Velocity in `odom`, m/s.
    pub velocity_mps: [f64; 2],
    /// Whether its brake lights are on.
    pub braking: bool,
    /// Whether it has left the world; it is then far away.
    pub is_gone: bool,
}

/// All that moves, at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Time since the start, ns.
    pub time_ns: i64,
    /// The ego.
    pub ego: EgoMotion,
    /// The actors, in the order of their objects in the scene.
    pub actors: Vec<ActorState>,
}

/// Snapshots in rising time. Questions about a time before the first or after the last are answered with the nearest one;
/// an empty history may only be pushed to.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Snapshot>);

impl History {
    /// Adds the newest snapshot.
    pub fn push(&mut self, snapshot: Snapshot) {
        self.0.push_back(snapshot);
    }

    /// Time of the newest snapshot, ns; zero if there is none.
    pub fn newest_ns(&self) -> i64 {
        self.0.back().map_or(0, |last| last.time_ns)
    }

    /// The newest snapshot, if there is one.
    pub fn newest(&self) -> Option<&Snapshot> {
        self.0.back()
    }

    /// Drops what is not needed to answer for `time_ns` and later.
    pub fn forget_before(&mut self, time_ns: i64) {
        while self.0.len() > 1 && self.0[1].time_ns <= time_ns {
            self.0.pop_front();
        }
    }

    /// The ego at a time.
    pub fn ego(&self, time_ns: i64) -> EgoMotion {
        let (before, after, share) = self.bracket(time_ns);
        let (a, b) = (&before.ego, &after.ego);
        let blend = |a: f64, b: f64| a + (b - a) * share;
        EgoMotion {
            pose: between(&a.pose, &b.pose, share),
            speed_mps: blend(a.speed_mps, b.speed_mps),
            lateral_mps: blend(a.lateral_mps, b.lateral_mps),
            acceleration_mps2: blend(a.acceleration_mps2, b.acceleration_mps2),
            yaw_rate_radps: blend(a.yaw_rate_radps, b.yaw_rate_radps),
        }
    }

    /// The actors at a time, between steps.
    pub fn actors(&self, time_ns: i64) -> Vec<ActorState> {
        let (before, after, share) = self.bracket(time_ns);
        let blend = |(a, b): (&ActorState, &ActorState)| ActorState { pose: between(&a.pose, &b.pose, share), ..*a };
        before.actors.iter().zip(&after.actors).map(blend).collect()
    }

    /// Puts the moving objects, which come first in the scene, where they are at a time. Gives the pose of `base_link` then.
    pub fn place(&self, scene: &mut Scene, time_ns: i64) -> Pose2 {
        self.place_within(scene, time_ns, f64::INFINITY)
    }

    /// The same for a sensor that sees nobody farther than `reach_m` from the rear axle: those are put there without heading and height.
    pub fn place_within(&self, scene: &mut Scene, time_ns: i64, reach_m: f64) -> Pose2 {
        let (before, after, share) = self.bracket(time_ns);
        let base = between(&before.ego.pose, &after.ego.pose, share);
        for ((object, a), b) in scene.objects.iter_mut().zip(&before.actors).zip(&after.actors) {
            let (x, y) = (a.pose.x + (b.pose.x - a.pose.x) * share, a.pose.y + (b.pose.y - a.pose.y) * share);
            if (x - base.x).abs() > reach_m || (y - base.y).abs() > reach_m {
                object.slide(x, y);
                continue;
            }
            let pose = between(&a.pose, &b.pose, share);
            object.place(pose);
            object.braking = a.braking;
            object.ground_z = scene.ground.height_m(pose.x, pose.y);
        }
        base
    }

    /// The snapshots around a time and how far it lies between them, 0..1.
    fn bracket(&self, time_ns: i64) -> (&Snapshot, &Snapshot, f64) {
        let next = self.0.partition_point(|snapshot| snapshot.time_ns <= time_ns).min(self.0.len() - 1);
        let (before, after) = (&self.0[next.saturating_sub(1)], &self.0[next]);
        let span = (after.time_ns - before.time_ns).max(1);
        (before, after, ((time_ns - before.time_ns) as f64 / span as f64).clamp(0.0, 1.0))
    }
}

fn between(a: &Pose2, b: &Pose2, share: f64) -> Pose2 {
    Pose2 {
        x: a.x + (b.x - a.x) * share,
        y: a.y + (b.y - a.y) * share,
        yaw: wrap_angle(a.yaw + wrap_angle(b.yaw - a.yaw) * share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(time_ns: i64, x: f64, yaw: f64) -> Snapshot {
        let ego = EgoMotion {
            pose: Pose2 { x, y: 0.0, yaw },
            speed_mps: x,
            lateral_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
        };
        Snapshot { time_ns, ego, actors: Vec::new() }
    }

    #[test]
    fn asks_between_before_and_after() {
        let mut history = History::default();
        history.push(snapshot(0, 0.0, 3.1));
        assert_eq!(history.ego(7).pose.x, 0.0);
        history.push(snapshot(10, 1.0, -3.1));
        history.push(snapshot(20, 3.0, -3.1));
        assert_eq!((history.ego(-5).pose.x, history.ego(15).pose.x, history.ego(99).pose.x), (0.0, 2.0, 3.0));
        assert!((history.ego(5).pose.yaw.abs() - std::f64::consts::PI).abs() < 1e-9);
        history.forget_before(12);
        assert_eq!((history.newest_ns(), history.ego(0).pose.x, history.ego(15).pose.x), (20, 1.0, 2.0));
    }
}
