//! The ego car: a dynamic single-track model with saturating tyres (Rajamani, "Vehicle Dynamics and Control", 2012; tyres after
//! Pacejka, "Tire and Vehicle Dynamics", 2012), behind actuators that are late, slow and not quite exact.
//!
//! It is on purpose not the model of the controller: the car understeers, slips, answers late, and is pushed about a little.

use crate::random::Random;
use std::collections::VecDeque;
use types::{Pose2, Vehicle, wrap_angle};

/// Steps of the integration within a step of the world.
const SUBSTEPS: usize = 5;
const GRAVITY: f64 = 9.81;
const MASS_KG: f64 = 1620.0;
const INERTIA_KGM2: f64 = 2750.0;
/// Height of the centre of mass, m.
const HEIGHT_M: f64 = 0.55;
/// Share of the wheelbase between the front axle and the centre of mass.
const FRONT_SHARE: f64 = 0.46;
/// Grip of tyres on the road.
const GRIP: f64 = 0.95;
/// Stiffness and shape of the front and rear tyres' curve: the rear is stiffer, so the car understeers.
const STIFFNESS: [f64; 2] = [9.5, 11.5];
const SHAPE: f64 = 1.35;
/// Pure delay of both actuators, s.
const DELAY_S: f64 = 0.08;
/// Time constants of steering, drive and brake, s.
const STEERING_LAG_S: f64 = 0.07;
const DRIVE_LAG_S: f64 = 0.22;
const BRAKE_LAG_S: f64 = 0.10;
/// Fastest turn of the front wheels, rad/s.
const STEERING_RATE: f64 = 0.8;
/// Fastest change of acceleration, m/s3.
const JERK_MPS3: f64 = 25.0;
/// Strongest drive and brake, m/s2.
const DRIVE_MPS2: f64 = 3.5;
const BRAKE_MPS2: f64 = 9.0;
/// Below the first speed the car rolls without slip, above the second it is all dynamic, m/s.
const SLOW_MPS: [f64; 2] = [1.0, 3.0];
/// How fast the rolling car takes its rates, s.
const ROLLING_S: f64 = 0.03;
/// Strongest yaw acceleration of stability control, rad/s2.
const CONTROL_RADPS2: f64 = 3.0;
/// Air and rolling resistance that the drive does not make up for, as a share of the speed per second.
const DRAG_PER_S: f64 = 0.002;

/// What the actuators are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Request {
    /// Angle of the front wheels, rad, positive to the left.
    pub steering_rad: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
}

/// Motion of the rear axle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EgoMotion {
    /// Pose of `base_link` in `odom`.
    pub pose: Pose2,
    /// Speed along the car, m/s, never negative.
    pub speed_mps: f64,
    /// Speed of the rear axle across the car, m/s, positive to the left.
    pub lateral_mps: f64,
    /// Acceleration along the car, m/s2.
    pub acceleration_mps2: f64,
    /// Rate of the heading, rad/s.
    pub yaw_rate_radps: f64,
}

/// The car.
#[derive(Clone, Debug)]
pub struct Plant {
    vehicle: Vehicle,
    /// Pose of the centre of mass.
    pose: Pose2,
    /// Velocity of the centre of mass in the car's frame, m/s.
    velocity: [f64; 2],
    yaw_rate: f64,
    steering: f64,
    acceleration: f64,
    /// Requests on their way, the oldest first.
    delayed: VecDeque<Request>,
    /// Steering that is off by this, rad.
    steering_offset: f64,
    /// Share of the asked acceleration that comes.
    gain: f64,
    /// Side wind and camber, m/s2.
    push: f64,
    random: Random,
}

impl Plant {
    /// A car whose rear axle stands on the origin, looks along x and moves at a speed.
    pub fn new(vehicle: Vehicle, speed_mps: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, 60);
        let to_mass = (1.0 - FRONT_SHARE) * vehicle.wheelbase_m;
        Self {
            vehicle,
            pose: Pose2 { x: to_mass, y: 0.0, yaw: 0.0 },
            velocity: [speed_mps, 0.0],
            yaw_rate: 0.0,
            steering: 0.0,
            acceleration: 0.0,
            delayed: VecDeque::new(),
            steering_offset: 0.002 * random.normal(),
            gain: 1.0 + 0.02 * random.normal(),
            push: 0.0,
            random,
        }
    }

    /// From the rear axle to the centre of mass, m.
    fn to_mass(&self) -> f64 {
        (1.0 - FRONT_SHARE) * self.vehicle.wheelbase_m
    }

    /// How the rear axle moves.
    pub fn motion(&self) -> EgoMotion {
        let [x, y] = self.pose.transform(-self.to_mass(), 0.0);
        EgoMotion {
            pose: Pose2 { x, y, yaw: self.pose.yaw },
            speed_mps: self.velocity[0],
            lateral_mps: self.velocity[1] - self.to_mass() * self.yaw_rate,
            acceleration_mps2: if self.velocity[0] > 0.0 { self.acceleration } else { 0.0 },
            yaw_rate_radps: self.yaw_rate,
        }
    }

    /// Angle of the front wheels, as the car measures it, rad.
    pub fn steering_rad(&self) -> f64 {
        self.steering
    }

    /// Lets `dt` seconds pass. A request that is not finite asks for hard braking with the wheels as they are.
    pub fn step(&mut self, request: Request, dt: f64) {
        let is_finite = request.steering_rad.is_finite() && request.acceleration_mps2.is_finite();
        let safe = Request { steering_rad: self.steering, acceleration_mps2: -4.0 };
        self.delayed.push_back(if is_finite { request } else { safe });
        let held = (DELAY_S / dt).round() as usize;
        let acting = if self.delayed.len() > held { self.delayed.pop_front() } else { None };
        let acting = acting.unwrap_or_default();
        // Gusts and camber: an Ornstein-Uhlenbeck process of 3 s.
        self.push += dt / 3.0 * -self.push + 0.05 * (2.0 * dt / 3.0).sqrt() * self.random.normal();
        for _ in 0..SUBSTEPS {
            self.integrate(acting, dt / SUBSTEPS as f64);
        }
    }

    fn integrate(&mut self, acting: Request, h: f64) {
        self.actuate(acting, h);
        let [vx, vy] = self.velocity;
        let (front, rear) = (FRONT_SHARE * self.vehicle.wheelbase_m, self.to_mass());
        let angle = self.steering + self.steering_offset;
        let (sin, cos) = angle.sin_cos();
        let rolling = self.vehicle.wheelbase_m;
        let (roll_rate, roll_vy) = (vx * angle.tan() / rolling, vx * angle.tan() / rolling * rear);
        let (mut rate_change, mut vy_change) = (0.0, 0.0);
        let share = ((vx.hypot(vy) - SLOW_MPS[0]) / (SLOW_MPS[1] - SLOW_MPS[0])).clamp(0.0, 1.0);
        let mut drag = 0.0;
        if share > 0.0 {
            let slip_front = angle - (vy + front * self.yaw_rate).atan2(vx);
            let slip_rear = -(vy - rear * self.yaw_rate).atan2(vx);
            // Braking moves load to the front axle.
            let shift = MASS_KG * self.acceleration * HEIGHT_M / rolling;
            let loads = [MASS_KG * GRAVITY * rear / rolling - shift, MASS_KG * GRAVITY * front / rolling + shift];
            let [force_front, force_rear] =
                [(slip_front, 0), (slip_rear, 1)].map(|(slip, axle)| self.tyre(slip, loads[axle], axle));
            vy_change = share * ((force_front * cos + force_rear) / MASS_KG - vx * self.yaw_rate + self.push);
            rate_change = share * (front * force_front * cos - rear * force_rear) / INERTIA_KGM2;
            drag = share * (force_front * sin / MASS_KG - vy * self.yaw_rate);
        }
        rate_change += self.stability_control();
        // Tyres that roll at last bring a slide to its end no faster than they grip.
        let grip = GRIP * GRAVITY;
        vy_change += (1.0 - share) * ((roll_vy - vy) / ROLLING_S).clamp(-grip, grip);
        rate_change += (1.0 - share) * ((roll_rate - self.yaw_rate) / ROLLING_S).clamp(-grip, grip);
        let pulled = self.acceleration - drag - DRAG_PER_S * vx;
        let vx_next = (vx + h * pulled).max(0.0);
        self.velocity = [vx_next, vy + h * vy_change];
        self.yaw_rate += h * rate_change;
        // A car that slides sideways goes on sliding.
        if vx_next <= 0.0 && vy.abs() < 0.1 && self.yaw_rate.abs() < 0.1 {
            (self.velocity[1], self.yaw_rate) = (0.0, 0.0);
        }
        let middle = Pose2 { yaw: self.pose.yaw + 0.5 * h * self.yaw_rate, ..self.pose };
        let [x, y] = middle.transform(h * self.velocity[0], h * self.velocity[1]);
        self.pose = Pose2 { x, y, yaw: wrap_angle(self.pose.yaw + h * self.yaw_rate) };
    }

    /// Yaw acceleration of stability control: it brakes single wheels against a turn faster than the grip allows.
    fn stability_control(&self) -> f64 {
        let speed = self.velocity[0].hypot(self.velocity[1]).max(3.0);
        let most = 0.9 * GRIP * GRAVITY / speed;
        let excess = self.yaw_rate - self.yaw_rate.clamp(-most, most);
        (-12.0 * excess).clamp(-CONTROL_RADPS2, CONTROL_RADPS2)
    }

    /// Lag, rate and range of steering, drive and brake.
    fn actuate(&mut self, acting: Request, h: f64) {
        let limit = self.vehicle.max_steering_rad;
        let wanted = acting.steering_rad.clamp(-limit, limit);
        let rate = ((wanted - self.steering) / STEERING_LAG_S).clamp(-STEERING_RATE, STEERING_RATE);
        self.steering += h * rate;
        let wanted = (self.gain * acting.acceleration_mps2).clamp(-BRAKE_MPS2, DRIVE_MPS2);
        let lag = if wanted < self.acceleration.min(0.0) { BRAKE_LAG_S } else { DRIVE_LAG_S };
        self.acceleration += h * ((wanted - self.acceleration) / lag).clamp(-JERK_MPS3, JERK_MPS3);
    }

    /// Lateral force of an axle, N: the magic formula, within what braking leaves of the grip.
    fn tyre(&self, slip: f64, load: f64, axle: usize) -> f64 {
        let load = load.max(0.0);
        let along = self.acceleration.abs() / (GRIP * GRAVITY);
        // Anti-lock brakes keep some of the grip for steering.
        let left = (1.0 - along * along).max(0.25).sqrt();
        GRIP * load * left * (SHAPE * (STIFFNESS[axle] * slip).atan()).sin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drive(speed: f64, seconds: f64, request: impl Fn(f64) -> Request) -> (Plant, Vec<EgoMotion>) {
        let mut plant = Plant::new(Vehicle::default(), speed, 3);
        let motions = (0..(seconds * 100.0) as usize)
            .map(|i| {
                plant.step(request(i as f64 * 0.01), 0.01);
                plant.motion()
            })
            .collect();
        (plant, motions)
    }

    #[test]
    fn it_starts_on_the_origin_and_brakes_to_a_standstill() {
        assert_eq!(Plant::new(Vehicle::default(), 5.0, 1).motion().pose.x, 0.0);
        let (plant, motions) = drive(5.0, 5.0, |_| Request { steering_rad: 0.0, acceleration_mps2: -3.0 });
        let end = plant.motion();
        assert_eq!((end.speed_mps, end.yaw_rate_radps), (0.0, 0.0));
        // 25 / 6 m, and 5 m/s for the delay and the lag.
        assert!((4.4..6.2).contains(&end.pose.x), "{end:?}");
        assert!(motions[5].acceleration_mps2 == 0.0 && motions[30].acceleration_mps2 < -2.0);
    }

    #[test]
    fn it_understeers_and_its_tyres_saturate() {
        let turn = |speed: f64, steering_rad: f64| {
            // Holds its speed.
            let (_, motions) = drive(speed, 4.0, |_| Request { steering_rad, acceleration_mps2: 0.3 });
            let end = motions[motions.len() - 1];
            (end.yaw_rate_radps / end.speed_mps, end.yaw_rate_radps * end.speed_mps)
        };
        let kinematic = 0.05_f64.tan() / Vehicle::default().wheelbase_m;
        let (slow, _) = turn(3.0, 0.05);
        let (fast, _) = turn(20.0, 0.05);
        assert!((slow / kinematic - 1.0).abs() < 0.15, "{slow} {kinematic}");
        assert!(fast < 0.9 * slow, "{fast} {slow}");
        let (_, sideways) = turn(22.0, 0.3);
        assert!(sideways.abs() < 1.02 * GRIP * GRAVITY, "{sideways}");
    }

    proptest! {
        /// Whatever is asked, the car stays physical.
        #[test]
        fn nothing_breaks_it(speed in 0.0..36.0f64, steering in -9.0..9.0f64, acceleration in -50.0..50.0f64) {
            let ask = |t: f64| Request {
                steering_rad: if t > 1.5 { f64::NAN } else { steering },
                acceleration_mps2: acceleration,
            };
            let (_, motions) = drive(speed, 2.5, ask);
            for pair in motions.windows(2) {
                let (a, b) = (&pair[0], &pair[1]);
                let way = (b.pose.x - a.pose.x).hypot(b.pose.y - a.pose.y);
                let speed = |m: &EgoMotion| m.speed_mps.hypot(m.lateral_mps);
                prop_assert!(way <= 0.5 && b.speed_mps >= 0.0 && (speed(b) - speed(a)).abs() < 0.5, "{a:?} {b:?}");
                prop_assert!(b.yaw_rate_radps.abs() < 2.0 && wrap_angle(b.pose.yaw - a.pose.yaw).abs() < 0.05);
            }
        }
    }
}
