//! What became of the car, seen from outside: from the world's truth, not from what the stack believed.

use sim::{Event, EventKind, Fault, World};
use types::{Route, Stamp};

/// Slower is rest, m/s.
const REST_MPS: f64 = 0.1;
/// So long a rest is no waiting any more, s.
const STUCK_S: f64 = 60.0;

/// A collision.
#[derive(Clone, Debug, PartialEq)]
pub struct Collision {
    /// Since the start, s.
    pub time_s: f64,
    /// Whom the ego met.
    pub with: String,
    /// Whether the ego is to blame.
    pub own_fault: bool,
}

/// Highest and root mean square of the magnitude of a quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// Highest.
    pub most: f64,
    sum_of_squares: f64,
    count: u64,
}

impl Extent {
    fn add(&mut self, value: f64) {
        self.most = self.most.max(value.abs());
        self.sum_of_squares += value * value;
        self.count += 1;
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        self.most = self.most.max(other.most);
        self.sum_of_squares += other.sum_of_squares;
        self.count += other.count;
    }

    /// Root mean square.
    #[must_use]
    pub fn rms(&self) -> f64 {
        (self.sum_of_squares / self.count.max(1) as f64).sqrt()
    }
}

/// What became of the car.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How long, s.
    pub duration_s: f64,
    /// How far, m.
    pub travelled_m: f64,
    /// Length of the route, m.
    pub route_m: f64,
    /// When the goal was reached, s.
    pub goal_s: Option<f64>,
    /// The time ran out before the goal, or the car stood for longer than waiting can explain.
    pub timeout: Option<String>,
    /// Collisions in order.
    pub collisions: Vec<Collision>,
    /// When the car left the road, s.
    pub off_road_s: Vec<f64>,
    /// When it ran a red light, s.
    pub red_lights_s: Vec<f64>,
    /// When it passed a stop sign without having stood, s.
    pub stops_missed_s: Vec<f64>,
    /// When it began to be too fast, s, how fast, and how fast it might have been, m/s.
    pub speeding: Vec<(f64, f64, f64)>,
    /// Shortest time to a collision with somebody in the car's way if nobody had changed speed or heading, s.
    pub time_to_collision_s: Option<f64>,
    /// Longitudinal acceleration, m/s2.
    pub acceleration: Extent,
    /// Lateral acceleration, m/s2.
    pub lateral: Extent,
    /// Longitudinal jerk over a tenth of a second, m/s3.
    pub jerk: Extent,
    /// Lateral jerk over a tenth of a second, m/s3.
    pub lateral_jerk: Extent,
}

/// Watches the world.
pub struct Judge {
    start: Stamp,
    until_goal: bool,
    report: Report,
    last: Option<(Stamp, f64)>,
    last_frame: Option<(Stamp, [f64; 2])>,
    resting_since: Option<Stamp>,
    moved: bool,
}

impl Judge {
    /// A judge of a run along this route. `until_goal`: the goal is to be reached.
    #[must_use]
    pub fn new(route: &Route, start: Stamp, until_goal: bool) -> Self {
        let length = |pair: &[types::RoutePoint]| {
            let (a, b) = (pair[0].pose, pair[1].pose);
            (b.x - a.x).hypot(b.y - a.y)
        };
        let report = Report { route_m: route.points.windows(2).map(length).sum(), ..Report::default() };
        Self { start, until_goal, report, last: None, last_frame: None, resting_since: None, moved: false }
    }

    /// Whether there is nothing left to see.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let report = &self.report;
        !report.collisions.is_empty() || report.goal_s.is_some() || report.timeout.is_some()
    }

    /// Looks at the car after each step of the world: motion, and what happened.
    pub fn moment(&mut self, world: &mut World) {
        let ego = world.ego();
        let report = &mut self.report;
        report.duration_s = ego.stamp.seconds_since(self.start);
        if let Some((stamp, speed)) = self.last {
            report.travelled_m += 0.5 * (speed + ego.speed_mps).abs() * ego.stamp.seconds_since(stamp);
        }
        self.last = Some((ego.stamp, ego.speed_mps));
        report.acceleration.add(ego.acceleration_mps2);
        report.lateral.add(ego.speed_mps * ego.yaw_rate_radps);
        if ego.speed_mps.abs() > REST_MPS {
            (self.resting_since, self.moved) = (None, true);
        } else {
            let rest_s = ego.stamp.seconds_since(*self.resting_since.get_or_insert(ego.stamp));
            if rest_s > STUCK_S {
                report.timeout = Some(format!("stands for {STUCK_S} s"));
            }
        }
        for event in world.events() {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        let at_s = event.stamp.seconds_since(self.start);
        let report = &mut self.report;
        match event.kind {
            EventKind::Collision { other, class, fault, .. } => {
                let (with, own_fault) = (format!("{} {other}", class.name()), fault == Fault::Ego);
                report.collisions.push(Collision { time_s: at_s, with, own_fault });
            }
            EventKind::OffRoad { .. } => report.off_road_s.push(at_s),
            EventKind::RedLight { .. } => report.red_lights_s.push(at_s),
            EventKind::NoStop { .. } => report.stops_missed_s.push(at_s),
            EventKind::Speeding { speed_mps, limit_mps } => report.speeding.push((at_s, speed_mps, limit_mps)),
            EventKind::Goal => report.goal_s = Some(at_s),
        }
    }

    /// Looks at a frame: jerk, from frame to frame.
    pub fn frame(&mut self, world: &World) {
        let ego = world.ego();
        let lateral = ego.speed_mps * ego.yaw_rate_radps;
        if let Some((stamp, [acceleration, lateral_before])) = self.last_frame {
            let seconds = ego.stamp.seconds_since(stamp);
            if seconds > 0.0 {
                self.report.jerk.add((ego.acceleration_mps2 - acceleration) / seconds);
                self.report.lateral_jerk.add((lateral - lateral_before) / seconds);
            }
        }
        self.last_frame = Some((ego.stamp, [ego.acceleration_mps2, lateral]));
        self.report.time_to_collision_s = Some(world.min_time_to_contact_s()).filter(|seconds| seconds.is_finite());
    }

    /// The report; `ran_out`: the run ended since its time was over.
    #[must_use]
    pub fn conclude(&mut self, ran_out: bool) -> Report {
        let report = &mut self.report;
        if report.timeout.is_none() && report.goal_s.is_none() {
            if !self.moved {
                report.timeout = Some("never moved".to_string());
            } else if ran_out && self.until_goal {
                report.timeout = Some(format!("goal not reached in {:.1} s", report.duration_s));
            }
        }
        std::mem::take(report)
    }
}

impl Report {
    /// Why the run is no success, in words; empty if it is one.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> = Vec::new();
        let own = self.collisions.iter().filter(|collision| collision.own_fault);
        failures.extend(own.map(|collision| format!("collision with {} at {:.1} s", collision.with, collision.time_s)));
        failures.extend(self.off_road_s.first().map(|at| format!("off the road at {at:.1} s")));
        failures.extend(self.red_lights_s.first().map(|at| format!("red light run at {at:.1} s")));
        failures.extend(self.timeout.clone());
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_named() {
        assert!(Report::default().failures().is_empty());
        let hit = |own_fault| Collision { time_s: 2.0, with: "car 7".into(), own_fault };
        let mut report = Report { collisions: vec![hit(false)], ..Report::default() };
        assert!(report.failures().is_empty());
        report.collisions.push(hit(true));
        report.timeout = Some("never moved".into());
        assert_eq!(report.failures(), ["collision with car 7 at 2.0 s", "never moved"]);
    }
}
