//! One step of the car: who drives, the world goes on, the sensors look, the judge watches.

use super::authority::{Authority, Who};
use super::describe::{BINDINGS, DBC, lidar_metadata};
use super::driver::{Hands, SafetyDriver};
use super::ear::{Ear, Heard};
use super::fault::{Faults, Line, Trouble};
use super::ins::Unit;
use super::outcome::{Moment, Outcome, Pace, effects};
use super::post::{Item, Sent};
use super::turner::Turner;
use super::{AsCar, Clock};
use crate::simulation::judge::Judge;
use anyhow::Context;
use sim::{Driver, World};
use std::collections::BTreeMap;
use types::{Command, Pose2, Vehicle};
use vehicle::can::bindings::{Bindings, Quantity};
use vehicle::can::speaker::{Broken, Speaker};
use vehicle::can::{Database, cannelloni};

const STEP_S: f64 = 0.01;
/// Steps between two looks of the judge at jerk, and between two messages of the signals.
const FRAME_STEPS: u64 = 10;
/// Steps between two moments of the true path.
const PATH_STEPS: u64 = 5;
/// After the end the driver takes over and the world goes on for a while, s.
const AFTER_S: f64 = 1.0;
/// Between the wheels of an axle, m.
const TRACK_M: f64 = 1.56;
/// Silences that are remembered.
const MOST_SILENCES: usize = 1000;
/// Number of the gear to drive.
const DRIVE_GEAR: f64 = 4.0;

/// The car.
pub struct Wheel {
    driver: SafetyDriver,
    faults: Faults,
    authority: Authority,
    vehicle: Vehicle,
    turner: Turner,
    unit: Unit,
    speaker: Speaker,
    datagrams: u8,
    steps: u64,
    /// How long the computer drives at most, s, and whether it shall reach the goal until then.
    limit: (f64, bool),
    patience_s: f64,
    judge: Option<Judge>,
    /// When the computer was engaged: steps, and time of day, ns.
    engaged: Option<(u64, i64)>,
    /// When the computer fell silent while it commanded, time of day, ns.
    silences: Vec<i64>,
    /// When the driver first steered, braked or accelerated after the computer was engaged, time of day, ns.
    acted_ns: Option<i64>,
    driven_steps: u64,
    beside_the_line_m: Vec<f64>,
    path: Vec<Moment>,
    /// Steps at the end, and whether the time ran out.
    ended: Option<(u64, bool)>,
}

impl Wheel {
    /// The car at its start.
    ///
    /// # Errors
    /// If the car's own description does not fit together.
    pub fn new(car: &AsCar, world: &mut World) -> anyhow::Result<Self> {
        let bus = Database::parse(DBC.as_bytes()).context("car.dbc")?;
        let table: toml::Table = toml::from_str(BINDINGS).context("bindings.toml")?;
        let bindings = table.get("car").and_then(|car| car.get("can")).and_then(|can| can.get("bindings"));
        let bindings: Bindings = bindings.context("bindings.toml has no [car.can.bindings]")?.clone().try_into()?;
        Ok(Self {
            driver: car.driver.clone(),
            faults: car.faults.clone(),
            authority: Authority::default(),
            vehicle: Vehicle::default(),
            turner: Turner::new(lidar_metadata(world), world.now()),
            unit: Unit::new(world),
            speaker: Speaker::new(&bus, &bindings)?,
            datagrams: 0,
            steps: 0,
            limit: (car.duration_s.unwrap_or(3.0 * world.duration_s()), car.duration_s.is_none()),
            patience_s: car.patience_s,
            judge: None,
            engaged: None,
            silences: Vec::new(),
            acted_ns: None,
            driven_steps: 0,
            beside_the_line_m: Vec::new(),
            path: Vec::new(),
            ended: None,
        })
    }

    /// How long ago the computer was engaged first, s.
    pub fn engaged_for_s(&self) -> Option<f64> {
        self.engaged.map(|(step, _)| (self.steps - step) as f64 * STEP_S)
    }

    /// Whether the run is over; `stopped`: somebody asks for it.
    pub fn is_over(&mut self, stopped: bool) -> bool {
        let now_s = self.steps as f64 * STEP_S;
        let ran_out = match self.engaged_for_s() {
            Some(engaged_s) => engaged_s >= self.limit.0,
            None => now_s >= self.patience_s,
        };
        if self.ended.is_none() && (stopped || ran_out || self.judge.as_ref().is_some_and(Judge::is_over)) {
            self.ended = Some((self.steps, ran_out && !stopped));
        }
        self.ended.is_some_and(|(step, _)| (self.steps - step) as f64 * STEP_S >= AFTER_S)
    }

    /// Lets a step pass: what is to be sent of it.
    pub fn step(&mut self, world: &mut World, heard: &Heard, clock: &Clock) -> Vec<Item> {
        let now_s = self.steps as f64 * STEP_S;
        let mut hands = self.driver.step(now_s, heard.seen);
        if self.ended.is_some() {
            hands.buttons[1] = true;
        }
        if self.acted_ns.is_none() && self.engaged.is_some() && hands.act() {
            self.acted_ns = Some(heard.now.nanos());
        }
        let before = self.authority.who();
        let asked = self.authority.step(now_s, heard.command, heard.is_enabled, &hands);
        if before == Who::Computer
            && matches!(self.authority.who(), Who::Nobody { .. })
            && self.silences.len() < MOST_SILENCES
        {
            self.silences.push(heard.now.nanos());
        }
        world.drive(match asked {
            None => Driver::Script,
            Some((steering_rad, acceleration_mps2)) => {
                let stamp = world.now();
                Driver::Command(Command { stamp, steering_rad, acceleration_mps2, ..Command::default() })
            }
        });
        world.advance(STEP_S);
        self.steps += 1;
        self.watch(world, heard, clock);
        self.sense(world, &hands, clock)
    }

    /// The judge looks once the computer drives.
    fn watch(&mut self, world: &mut World, heard: &Heard, clock: &Clock) {
        let is_driving = self.authority.who() == Who::Computer;
        if is_driving && self.engaged.is_none() {
            self.engaged = Some((self.steps, heard.now.nanos()));
            // What happened before is not the computer's.
            world.events();
            self.judge = Some(Judge::new(&world.route(), world.stamp(), self.limit.1));
        }
        let (Some(judge), None) = (&mut self.judge, self.ended) else { return };
        judge.moment(world);
        self.driven_steps += u64::from(is_driving);
        if self.steps.is_multiple_of(PATH_STEPS) {
            let (motion, now) = (world.motion_now().0, world.now());
            let Pose2 { x, y, yaw } = motion.pose;
            let stamp = types::Stamp::from_nanos(clock.unix_ns(now));
            self.path.push(Moment { stamp, x_m: x, y_m: y, heading_rad: yaw, speed_mps: motion.speed_mps });
        }
        if self.steps.is_multiple_of(FRAME_STEPS) {
            judge.frame(world);
            if is_driving {
                self.beside_the_line_m.push(world.progress().1);
            }
        }
    }

    fn sense(&mut self, world: &mut World, hands: &Hands, clock: &Clock) -> Vec<Item> {
        let engaged_s = self.engaged_for_s();
        let (now, faults) = (world.now(), &self.faults);
        let ahead = |line| faults.clock_ns(line, engaged_s);
        let mut items = Vec::new();
        let mut add = |line, due_ns, bytes| items.push(Item { line, due_ns, bytes, engaged_s });
        let lidar_ahead = ahead(Line::Lidar);
        self.turner.turn(
            world,
            |stamp| clock.unix_ns(stamp) + lidar_ahead,
            |due, packet| add(Line::Lidar, clock.since_ns(due), packet),
        );
        let now_ns = clock.since_ns(now);
        add(Line::Ins, now_ns, self.unit.tell(world, clock.unix_ns(now) + ahead(Line::Ins)));
        let troubles: Vec<Trouble> = faults.of(Line::Can, engaged_s).collect();
        let broken =
            Broken { counter: troubles.contains(&Trouble::Counter), checksum: troubles.contains(&Trouble::Checksum) };
        let (mut frames, mut datagram) = (Vec::new(), Vec::new());
        let quantities = self.quantities(world, hands);
        self.speaker.tell(quantities, broken, &mut frames);
        cannelloni::encode(self.datagrams, &frames, &mut datagram);
        self.datagrams = self.datagrams.wrapping_add(1);
        add(Line::Can, now_ns, datagram);
        if self.steps.is_multiple_of(FRAME_STEPS) {
            let signals = world.signals_now();
            let phases: Vec<_> = signals.phases.iter().map(|(id, phase)| (id, phase.name())).collect();
            let stamp_ns = clock.unix_ns(now) + ahead(Line::Signals);
            let told = serde_json::json!({"seq": signals.seq, "stamp_ns": stamp_ns, "phases": phases});
            add(Line::Signals, now_ns, told.to_string().into_bytes());
        }
        items
    }

    /// What the car's own sensors say.
    fn quantities(&self, world: &mut World, hands: &Hands) -> impl Fn(Quantity) -> f64 + use<> {
        let (motion, steering_rad) = world.motion_now();
        let speed_mps = world.wheel_speed_now().speed_mps;
        let across = 0.5 * TRACK_M * motion.yaw_rate_radps;
        let (accelerator, brake) = self.authority.pedals(motion.acceleration_mps2, hands);
        let (hands, wheelbase_m) = (*hands, self.vehicle.wheelbase_m);
        move |what| match what {
            Quantity::WheelRearLeftMps => (speed_mps - across).max(0.0),
            Quantity::WheelRearRightMps => (speed_mps + across).max(0.0),
            Quantity::WheelFrontLeftMps => (speed_mps - across).hypot(wheelbase_m * motion.yaw_rate_radps),
            Quantity::WheelFrontRightMps => (speed_mps + across).hypot(wheelbase_m * motion.yaw_rate_radps),
            Quantity::SpeedMps => speed_mps,
            Quantity::SteeringRad => steering_rad,
            Quantity::DriverTorqueNm => hands.torque_nm,
            Quantity::Accelerator => accelerator,
            Quantity::Brake => brake,
            Quantity::YawRateRadps => motion.yaw_rate_radps,
            Quantity::AccelerationMps2 => motion.acceleration_mps2,
            Quantity::Gear => DRIVE_GEAR,
            Quantity::ActuatorsReady => 1.0,
            Quantity::Arm => f64::from(u8::from(hands.buttons[0])),
            Quantity::Disarm => f64::from(u8::from(hands.buttons[1])),
            Quantity::Engage => f64::from(u8::from(hands.buttons[2])),
            Quantity::Stop => f64::from(u8::from(hands.buttons[3])),
        }
    }

    /// What became of it all.
    pub fn conclude(mut self, ear: Ear, pace: Pace, sent: BTreeMap<Line, Sent>, start_unix_ns: i64) -> Outcome {
        let ran_out = self.ended.is_some_and(|(_, ran_out)| ran_out);
        Outcome {
            report: self.judge.as_mut().map(|judge| judge.conclude(ran_out)),
            engaged_s: self.engaged.map(|(step, _)| step as f64 * STEP_S),
            driven_s: self.driven_steps as f64 * STEP_S,
            beside_the_line_m: self.beside_the_line_m,
            path: self.path,
            effects: effects(&self.faults, (ear.changes(), &self.silences), self.engaged.map(|(_, unix_ns)| unix_ns)),
            engaged_unix_ns: self.engaged.map(|(_, unix_ns)| unix_ns),
            silences: self.silences,
            acted_unix_ns: self.acted_ns,
            pace,
            sent,
            ear,
            start_unix_ns,
        }
    }
}
