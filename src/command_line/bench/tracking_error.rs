//! How far a car was from the plan that it followed: a path beside the plans and commands of the drive's log. The path is that of the
//! positions it had, by which it was driven; or the true one, which has the drift of its GPS/INS unit in it, too.

use crate::simulation::as_car::outcome::Moment;
use recordings::{DriveReader, Message};
use std::collections::BTreeMap;
use std::path::Path;
use types::{Authority, Command, EgoState, Plan, Pose2, Stamp, Trajectory, wrap_angle};

/// Slower is standing, m/s: neither plan nor car moves.
const STANDS_MPS: f64 = 0.1;
/// The place beside the car is looked for so near the place where it should be, m.
const NEAR_M: f64 = 10.0;
/// Plans that are remembered: a command follows a plan of the last second.
const PLANS: usize = 50;

/// Errors at each tick of control in which the computer drove by a plan.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    /// To the left of the plan, m.
    pub lateral_m: Vec<f64>,
    /// Faster than the plan, m/s, while car or plan moved.
    pub speed_mps: Vec<f64>,
}

/// Where the car took itself to be: the positions of a log.
///
/// # Errors
/// A log that cannot be read.
pub fn own_path(log: &Path) -> anyhow::Result<Vec<Moment>> {
    let mut reader = DriveReader::open(log)?;
    reader.only(&["/ego/state"]);
    let mut path = Vec::new();
    for message in reader {
        if let Message::Ego { state, .. } = message? {
            let Pose2 { x, y, yaw } = state.pose();
            let EgoState { stamp, speed_mps, .. } = state;
            path.push(Moment { stamp, x_m: x, y_m: y, heading_rad: yaw, speed_mps });
        }
    }
    Ok(path)
}

/// Reads the log of a drive beside a path of the car.
///
/// # Errors
/// A log that cannot be read.
pub fn errors(log: &Path, path: &[Moment]) -> anyhow::Result<Errors> {
    let mut reader = DriveReader::open(log)?;
    reader.only(&["/plan", "/command"]);
    let (mut errors, mut plans) = (Errors::default(), BTreeMap::new());
    for message in reader {
        match message? {
            Message::Plan(Plan { frame, stamp, trajectory, .. }) => {
                plans.insert(frame, (stamp, trajectory));
                if plans.len() > PLANS {
                    plans.pop_first();
                }
            }
            Message::Command(Command { stamp, plan: Some(plan), grant: Some(grant), .. })
                if grant.authority == Authority::Follow =>
            {
                let Some((begin, trajectory)) = plans.get(&plan) else { continue };
                let Some(car) = at(path, stamp) else { continue };
                errors.add(*begin, trajectory, &car);
            }
            _ => {}
        }
    }
    Ok(errors)
}

impl Errors {
    fn add(&mut self, begin: Stamp, trajectory: &Trajectory, car: &Moment) {
        let time_s = car.stamp.seconds_since(begin);
        let Some(wanted) = trajectory.at(time_s) else { return };
        if wanted.speed_mps.max(car.speed_mps.abs()) > STANDS_MPS {
            self.speed_mps.push(car.speed_mps - wanted.speed_mps);
        }
        // Beside the path, not beside the place that it should have reached by now.
        let ahead_m = |point: &types::TrajectoryPoint| {
            let (sin, cos) = point.heading_rad.sin_cos();
            (car.x_m - point.x) * cos + (car.y_m - point.y) * sin
        };
        let close = trajectory.points.iter().filter(|point| (point.x - wanted.x).hypot(point.y - wanted.y) < NEAR_M);
        let nearest = close.min_by(|a, b| ahead_m(a).abs().total_cmp(&ahead_m(b).abs()));
        let near = nearest.unwrap_or(&wanted);
        let ahead_m = ahead_m(near);
        let heading_rad = near.heading_rad + 0.5 * ahead_m * near.curvature_1pm;
        let (sin, cos) = heading_rad.sin_cos();
        self.lateral_m.push((car.y_m - near.y) * cos - (car.x_m - near.x) * sin);
    }
}

/// The car at a stamp, between two moments.
fn at(path: &[Moment], stamp: Stamp) -> Option<Moment> {
    let after = path.partition_point(|moment| moment.stamp <= stamp);
    let (a, b) = (path.get(after.checked_sub(1)?)?, path.get(after)?);
    let share = stamp.seconds_since(a.stamp) / b.stamp.seconds_since(a.stamp);
    let between = |a: f64, b: f64| a + share * (b - a);
    Some(Moment {
        stamp,
        x_m: between(a.x_m, b.x_m),
        y_m: between(a.y_m, b.y_m),
        heading_rad: a.heading_rad + share * wrap_angle(b.heading_rad - a.heading_rad),
        speed_mps: between(a.speed_mps, b.speed_mps),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::TrajectoryPoint;

    #[test]
    fn a_car_beside_and_behind_its_plan_on_a_circle() {
        // To the left around (0, 20) with 5 m/s.
        let (radius, speed) = (20.0, 5.0);
        let on = |radius: f64, angle: f64| (radius * angle.sin(), 20.0 - radius * angle.cos());
        let points = (0..60).map(|i| {
            let time_s = 0.1 * f64::from(i);
            let heading_rad = speed * time_s / radius;
            let (x, y) = on(radius, heading_rad);
            TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm: 0.05, speed_mps: speed, ..Default::default() }
        });
        let trajectory = Trajectory { points: points.collect(), tail_start: 59 };
        let path: Vec<Moment> = (0..50)
            .map(|i| {
                let time_s = 0.05 * f64::from(i);
                // 0.3 m inside, 1 m behind.
                let heading_rad = (speed * time_s - 1.0) / radius;
                let (x_m, y_m) = on(radius - 0.3, heading_rad);
                let stamp = Stamp::from_nanos((1e9 * time_s) as i64);
                Moment { stamp, x_m, y_m, heading_rad, speed_mps: 4.8 }
            })
            .collect();
        let mut errors = Errors::default();
        for ms in [330, 777, 1490] {
            let car = at(&path, Stamp::from_nanos(ms * 1_000_000)).unwrap();
            errors.add(Stamp::from_nanos(0), &trajectory, &car);
        }
        assert!(errors.lateral_m.iter().all(|error| (error - 0.3).abs() < 0.005), "{errors:?}");
        assert!(errors.speed_mps.iter().all(|error| (error + 0.2).abs() < 1e-9), "{errors:?}");
        assert_eq!(at(&path, Stamp::from_nanos(-1)), None);
        assert_eq!(at(&path, Stamp::from_nanos(9_000_000_000)), None);
    }
}
