//! The controller drives a plant that is not its own model: a dynamic single-track with tyre slip, dead time and lag.
#![allow(clippy::unwrap_used)] // a test may panic

use control::{Config, ControlInput, Controller};
use nalgebra::{Isometry3, Vector3};
use types::{Command, EgoState, Plan, PoseSource, Stamp, StopReason, Trajectory, TrajectoryPoint, Vehicle, wrap_angle};

/// Seconds per integration step, per control tick, between ego states and between plans.
const STEP_S: f64 = 0.001;
const TICK_S: f64 = 0.01;
const EGO_S: f64 = 0.1;
const PLAN_S: f64 = 0.1;

/// A linear-tyre single-track model (Rajamani, "Vehicle Dynamics and Control", 2012, chapter 2), dead time and first-order
/// lags before it. Below 2 m/s it rolls without slip.
struct Plant {
    x: f64,
    y: f64,
    yaw: f64,
    speed: f64,
    sideways: f64,
    yaw_rate: f64,
    steering: f64,
    acceleration: f64,
    pending: Vec<(f64, f64)>,
    delay_steps: usize,
}

impl Plant {
    fn new(x: f64, y: f64, yaw: f64, speed: f64, delay_s: f64) -> Self {
        let delay_steps = (delay_s / STEP_S) as usize;
        let pending = vec![(0.0, 0.0); delay_steps];
        Self { x, y, yaw, speed, sideways: 0.0, yaw_rate: 0.0, steering: 0.0, acceleration: 0.0, pending, delay_steps }
    }

    fn advance(&mut self, command: &Command) {
        self.pending.push((command.steering_rad, command.acceleration_mps2));
        let (steering, acceleration) = self.pending[self.pending.len() - 1 - self.delay_steps];
        self.steering += (steering - self.steering) * STEP_S / 0.06;
        self.acceleration += (acceleration - self.acceleration) * STEP_S / 0.15;
        // Rolling resistance that nobody told the controller.
        let drag = if self.speed > 0.01 { 0.12 } else { 0.0 };
        self.speed = (self.speed + (self.acceleration - drag) * STEP_S).max(0.0);
        let (mass, inertia, front, rear) = (1650.0, 2900.0, 1.25, 1.46);
        let (front_stiffness, rear_stiffness) = (95_000.0, 120_000.0);
        if self.speed > 2.0 {
            let front_slip = self.steering - (self.sideways + front * self.yaw_rate) / self.speed;
            let rear_slip = -(self.sideways - rear * self.yaw_rate) / self.speed;
            let (front_force, rear_force) = (front_stiffness * front_slip, rear_stiffness * rear_slip);
            self.sideways += ((front_force + rear_force) / mass - self.speed * self.yaw_rate) * STEP_S;
            self.yaw_rate += (front * front_force - rear * rear_force) / inertia * STEP_S;
        } else {
            self.yaw_rate = self.speed * self.steering.tan() / (front + rear);
            self.sideways = rear * self.yaw_rate;
        }
        // The sideways speed is that of the centre of mass; the pose is that of the rear axle.
        let rear_sideways = self.sideways - rear * self.yaw_rate;
        let (sin, cos) = self.yaw.sin_cos();
        self.x += (self.speed * cos - rear_sideways * sin) * STEP_S;
        self.y += (self.speed * sin + rear_sideways * cos) * STEP_S;
        self.yaw += self.yaw_rate * STEP_S;
    }

    fn state(&self, stamp: Stamp) -> EgoState {
        EgoState {
            stamp,
            odom_from_base: Isometry3::new(Vector3::new(self.x, self.y, 0.0), Vector3::z() * self.yaw),
            speed_mps: self.speed,
            acceleration_mps2: self.acceleration,
            yaw_rate_radps: self.yaw_rate,
            source: PoseSource::Ins,
        }
    }
}

/// A path of given curvature driven with given acceleration.
fn trajectory(
    speed: f64,
    curvature: impl Fn(f64) -> f64,
    acceleration: impl Fn(f64) -> f64,
    seconds: f64,
) -> Trajectory {
    let (mut x, mut y, mut yaw, mut v, mut s) = (0.0f64, 0.0f64, 0.0f64, speed, 0.0);
    let mut points = Vec::new();
    for i in 0..=(seconds * 1000.0) as usize {
        let t = i as f64 * 0.001;
        if i % 100 == 0 {
            let acceleration_mps2 = if v > 0.0 { acceleration(t) } else { 0.0 };
            points.push(TrajectoryPoint {
                time_s: t,
                x,
                y,
                heading_rad: wrap_angle(yaw),
                curvature_1pm: curvature(s),
                speed_mps: v,
                acceleration_mps2,
            });
        }
        v = (v + acceleration(t) * 0.001).max(0.0);
        (x, y) = (x + v * yaw.cos() * 0.001, y + v * yaw.sin() * 0.001);
        yaw += v * curvature(s) * 0.001;
        s += v * 0.001;
    }
    let tail_start = points.len() - 1;
    Trajectory { points, tail_start }
}

/// The same motion as seen by a plan made at a later time.
fn plan_at(whole: &Trajectory, frame: u64, time_s: f64, stamp: Stamp) -> Plan {
    let mut points: Vec<TrajectoryPoint> = whole.points.iter().copied().filter(|p| p.time_s >= time_s - 1e-9).collect();
    points.iter_mut().for_each(|p| p.time_s -= time_s);
    let tail_start = points.len().saturating_sub(1);
    Plan { frame, stamp, trajectory: Trajectory { points, tail_start }, ..Plan::default() }
}

struct Run {
    offsets: Vec<f64>,
    speed_errors: Vec<f64>,
    plant: Plant,
    commands: Vec<Command>,
}

/// Drives with fresh plans until `plans_end_s`.
fn run(whole: &Trajectory, mut plant: Plant, seconds: f64, plans_end_s: f64) -> Run {
    let mut controller = Controller::new(Config::default(), Vehicle::default());
    let start = Stamp::from_nanos(5_000_000_000);
    let (mut ego, mut plan) = (plant.state(start), plan_at(whole, 0, 0.0, start));
    let mut out = Run {
        offsets: Vec::new(),
        speed_errors: Vec::new(),
        plant: Plant::new(0.0, 0.0, 0.0, 0.0, 0.0),
        commands: Vec::new(),
    };
    for tick in 0..(seconds / TICK_S) as u64 {
        let time_s = tick as f64 * TICK_S;
        let stamp = start.offset(time_s);
        if tick % (EGO_S / TICK_S).round() as u64 == 0 {
            ego = plant.state(stamp);
        }
        if tick % (PLAN_S / TICK_S).round() as u64 == 0 && time_s < plans_end_s {
            plan = plan_at(whole, tick / 10, time_s, stamp);
        }
        let input = ControlInput { tick, stamp, plan: Some(&plan), ego: Some((tick, &ego)), stop: None, grant: None };
        let command = controller.step(&input);
        for _ in 0..(TICK_S / STEP_S).round() as usize {
            plant.advance(&command);
        }
        let nearest = whole
            .points
            .iter()
            .min_by(|a, b| (a.x - plant.x).hypot(a.y - plant.y).total_cmp(&(b.x - plant.x).hypot(b.y - plant.y)))
            .unwrap();
        let (sin, cos) = nearest.heading_rad.sin_cos();
        out.offsets.push(cos * (plant.y - nearest.y) - sin * (plant.x - nearest.x));
        out.speed_errors.push(plant.speed - whole.at(time_s + TICK_S).unwrap().speed_mps);
        out.commands.push(command);
    }
    out.plant = plant;
    out
}

fn worst(values: &[f64]) -> f64 {
    values.iter().map(|v| v.abs()).fold(0.0, f64::max)
}

#[test]
fn a_straight_line_is_reached_and_held() {
    let whole = trajectory(8.0, |_| 0.0, |_| 0.0, 15.0);
    let out = run(&whole, Plant::new(0.0, 0.5, 0.05, 8.0, 0.2), 12.0, 99.0);
    assert!(worst(&out.offsets) < 0.9, "{}", worst(&out.offsets));
    assert!(worst(&out.offsets[600..]) < 0.03, "{}", worst(&out.offsets[600..]));
    assert!(worst(&out.speed_errors[800..]) < 0.1, "{}", worst(&out.speed_errors[800..]));
    assert!(out.commands.iter().all(|c| c.stop.is_none()));
}

#[test]
fn a_curve_of_30_m_is_held_at_8_mps() {
    // A straight, 15 m of clothoid, the curve, and out again.
    let curvature = |s: f64| ((s - 20.0) / 15.0).clamp(0.0, 1.0).min(((90.0 - s) / 15.0).clamp(0.0, 1.0)) / 30.0;
    let whole = trajectory(8.0, curvature, |_| 0.0, 18.0);
    let out = run(&whole, Plant::new(0.0, 0.0, 0.0, 8.0, 0.2), 14.0, 99.0);
    assert!(worst(&out.offsets) < 0.25, "{}", worst(&out.offsets));
    assert!(worst(&out.offsets[1300..]) < 0.06, "{}", worst(&out.offsets[1300..]));
}

#[test]
fn it_comes_to_rest_at_the_end_of_the_plan() {
    // 8 m/s, then braking with 2 m/s2 that is taken up and released over half a second.
    let braking = |t: f64| -2.0 * ((t - 2.0) / 0.5).clamp(0.0, 1.0).min(((6.5 - t) / 0.5).clamp(0.0, 1.0));
    let whole = trajectory(8.0, |_| 0.0, braking, 15.0);
    let end = whole.points[whole.points.len() - 1];
    let out = run(&whole, Plant::new(0.0, 0.0, 0.0, 8.0, 0.2), 13.0, 99.0);
    assert!(end.speed_mps < 1e-9 && out.plant.speed < 1e-9, "{} {}", end.speed_mps, out.plant.speed);
    assert!((out.plant.x - end.x).abs() < 0.6, "{} {}", out.plant.x, end.x);
    let last = out.commands[out.commands.len() - 1];
    assert!(last.acceleration_mps2 < -0.5, "held");
}

#[test]
fn it_starts_from_rest() {
    let whole = trajectory(
        0.0,
        |s| (s / 200.0).min(0.02),
        |t| 1.5 * (t / 0.5).clamp(0.0, 1.0).min(((5.0 - t) / 0.5).clamp(0.0, 1.0)),
        12.0,
    );
    let out = run(&whole, Plant::new(0.0, 0.0, 0.0, 0.0, 0.2), 10.0, 99.0);
    assert!(worst(&out.speed_errors[700..]) < 0.15, "{}", worst(&out.speed_errors[700..]));
    assert!(worst(&out.offsets) < 0.2, "{}", worst(&out.offsets));
}

#[test]
fn without_new_plans_it_brakes_along_the_old_one() {
    let curvature = |s: f64| ((s - 10.0) / 15.0).clamp(0.0, 1.0) / 40.0;
    let whole = trajectory(8.0, curvature, |_| 0.0, 20.0);
    let out = run(&whole, Plant::new(0.0, 0.0, 0.0, 8.0, 0.2), 8.0, 2.0);
    let stale = out.commands.iter().position(|c| c.stop == Some(StopReason::StalePlan)).unwrap();
    assert!((220..=225).contains(&stale), "{stale}");
    assert!(out.commands[stale..].iter().all(|c| c.stop == Some(StopReason::StalePlan)));
    assert!(out.plant.speed < 1e-9, "{}", out.plant.speed);
    assert!(worst(&out.offsets) < 0.3, "{}", worst(&out.offsets));
}

#[test]
fn without_plan_or_state_it_stops_and_says_why() {
    let vehicle = Vehicle::default();
    let plant = Plant::new(0.0, 0.0, 0.0, 5.0, 0.0);
    let stamp = Stamp::from_nanos(1_000_000_000);
    let (ego, plan) = (plant.state(stamp), plan_at(&trajectory(5.0, |_| 0.0, |_| 0.0, 3.0), 7, 0.0, stamp));
    let broken = EgoState { speed_mps: f64::NAN, ..ego };
    let old = EgoState { stamp: stamp.offset(-0.6), ..ego };
    let cases = [
        (None, Some(&ego), None, StopReason::NoPlan),
        (Some(&plan), None, None, StopReason::NoEgoState),
        (Some(&plan), Some(&broken), None, StopReason::NoEgoState),
        (Some(&plan), Some(&old), None, StopReason::NoEgoState),
        (Some(&plan), Some(&ego), Some(StopReason::Shutdown), StopReason::Shutdown),
    ];
    for (plan, ego, stop, expected) in cases {
        let mut controller = Controller::new(Config::default(), vehicle);
        let mut command = None;
        for tick in 0..60 {
            let ego = ego.map(|ego| (3, ego));
            command = Some(controller.step(&ControlInput {
                tick,
                stamp: stamp.offset(0.002 * tick as f64),
                plan,
                ego,
                stop,
                grant: None,
            }));
        }
        let command = command.unwrap();
        assert_eq!(command.stop, Some(expected));
        assert!(command.acceleration_mps2 < -1.0 && command.steering_rad.abs() < 0.01, "{command:?}");
    }
}
