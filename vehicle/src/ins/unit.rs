//! From what a GPS/INS unit says to fixes of the vehicle.
//!
//! A fix needs place, motion and time of one instant: NAV-PVT has them all, NMEA has them in GGA and RMC. Attitude comes from NAV-ATT of the
//! same instant or from HDT; without either the course stands for the heading while the vehicle drives.

use super::nmea::Sentence;
use super::ubx::{NavAtt, NavPvt, Ubx};
use super::{Geodetic, LocalFrame, Message};
use crate::clock::{self, ClockOffset, Verdict};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use types::{EgoState, InsFix, PoseSource, ReceiveTime, SensorTime, Stamp};

/// Slower than this the course says nothing of the heading, m/s.
const COURSE_MPS: f64 = 1.0;
/// Longest time between fixes over which rates are taken, s.
const LONGEST_GAP_S: f64 = 1.0;
/// How old a heading without a time may be, ns.
const HEADING_AGE_NS: i64 = 200_000_000;

/// How the unit is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Place of the antenna (or what the unit tells the place of) in `base_link`, m.
    pub antenna_m: [f64; 3],
    /// How its clock is set; its times are UTC.
    pub clock: clock::Config,
    /// Origin of `odom`, x east, y north, z up: that of the map. Without one it is the first place of the vehicle.
    pub origin: Option<Geodetic>,
}

/// What is known of an instant so far.
#[derive(Clone, Copy, Debug, Default)]
struct Instant {
    time_of_day_s: f64,
    place: Option<Geodetic>,
    /// Time, speed and course.
    motion: Option<(i64, f64, Option<f64>)>,
}

/// Makes fixes of one unit's messages.
#[derive(Clone, Debug)]
pub struct InsUnit {
    config: Config,
    clock: ClockOffset,
    frame: Option<LocalFrame>,
    attitude: Option<NavAtt>,
    /// Heading and when it came.
    heading_deg: Option<(f64, ReceiveTime)>,
    instant: Instant,
    before: Option<EgoState>,
    seq: u64,
    unusable: u64,
}

/// Place, velocity east and north, and time of one instant.
struct Measured {
    unix_ns: i64,
    place: Geodetic,
    speed_mps: f64,
    course_deg: Option<f64>,
    heading_deg: Option<f64>,
    roll_pitch_deg: (f64, f64),
}

impl InsUnit {
    /// A unit that has said nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            clock: ClockOffset::new(config.clock),
            frame: config.origin.map(LocalFrame::new),
            attitude: None,
            heading_deg: None,
            instant: Instant::default(),
            before: None,
            seq: 0,
            unusable: 0,
        }
    }

    /// The unit's clock against the computer's.
    #[must_use]
    pub fn clock(&self) -> clock::Status {
        self.clock.status()
    }

    /// Instants without a fix, a time or a heading so far.
    #[must_use]
    pub fn unusable(&self) -> u64 {
        self.unusable
    }

    /// Takes a message: the fix that it completes.
    pub fn take(&mut self, message: &Message, received: ReceiveTime) -> Option<InsFix> {
        match message {
            Message::Ubx(Ubx::NavAtt(attitude)) => {
                self.attitude = Some(*attitude);
                None
            }
            Message::Ubx(Ubx::NavPvt(pvt)) => {
                let measured = self.of_pvt(pvt);
                self.fix(measured, received)
            }
            Message::Nmea(Sentence::Hdt { heading_deg }) => {
                self.heading_deg = heading_deg.map(|heading| (heading, received));
                None
            }
            Message::Nmea(Sentence::Gga { time_of_day_s: Some(time), place, quality, .. }) => {
                self.at(*time).place = place.filter(|_| *quality > 0);
                self.complete(received)
            }
            Message::Nmea(Sentence::Rmc {
                unix_ns: Some(unix_ns),
                valid: true,
                speed_mps: Some(speed),
                course_deg,
                ..
            }) => {
                let time_of_day_s = unix_ns.rem_euclid(86_400_000_000_000) as f64 * 1e-9;
                self.at(time_of_day_s).motion = Some((*unix_ns, *speed, *course_deg));
                self.complete(received)
            }
            Message::Nmea(_) => None,
        }
    }

    /// What is known of a time of the day; of another than before, nothing.
    fn at(&mut self, time_of_day_s: f64) -> &mut Instant {
        if (self.instant.time_of_day_s - time_of_day_s).abs() > 1e-6 {
            self.instant = Instant { time_of_day_s, ..Instant::default() };
        }
        &mut self.instant
    }

    fn complete(&mut self, received: ReceiveTime) -> Option<InsFix> {
        let (place, (unix_ns, speed_mps, course_deg)) = self.instant.place.zip(self.instant.motion)?;
        self.instant = Instant::default();
        let fresh = |(_, came): &(f64, ReceiveTime)| received.nanos().saturating_sub(came.nanos()) <= HEADING_AGE_NS;
        let heading_deg = self.heading_deg.filter(fresh).map(|(heading, _)| heading);
        let measured = Measured { unix_ns, place, speed_mps, course_deg, heading_deg, roll_pitch_deg: (0.0, 0.0) };
        self.fix(Some(measured), received)
    }

    fn of_pvt(&self, pvt: &NavPvt) -> Option<Measured> {
        let unix_ns = pvt.unix_ns.filter(|_| pvt.valid && (2..=4).contains(&pvt.fix))?;
        let attitude = self.attitude.filter(|attitude| attitude.week_ms == pvt.week_ms);
        let [east, north, _] = pvt.velocity_mps;
        Some(Measured {
            unix_ns,
            place: pvt.place,
            speed_mps: east.hypot(north),
            course_deg: Some(pvt.course_deg),
            heading_deg: attitude.map(|attitude| attitude.heading_deg).or(pvt.heading_deg),
            roll_pitch_deg: attitude.map_or((0.0, 0.0), |attitude| (attitude.roll_deg, attitude.pitch_deg)),
        })
    }

    fn fix(&mut self, measured: Option<Measured>, received: ReceiveTime) -> Option<InsFix> {
        let state = measured.and_then(|measured| self.state(&measured, received));
        if state.is_none() {
            self.unusable += 1;
        }
        let state = state?;
        self.before = Some(state);
        self.seq += 1;
        Some(InsFix { seq: self.seq - 1, state })
    }

    fn state(&mut self, measured: &Measured, received: ReceiveTime) -> Option<EgoState> {
        let time = SensorTime::from_nanos(measured.unix_ns);
        match self.clock.observe(time, received) {
            Verdict::Refused => return None,
            Verdict::Jumped { .. } => self.before = None,
            Verdict::Taken | Verdict::Late => {}
        }
        let stamp = self.clock.stamp(time)?;
        let driven = measured.course_deg.filter(|_| measured.speed_mps > COURSE_MPS);
        // Clockwise from north to counter-clockwise from east.
        let yaw_of = |degrees: f64| (90.0 - degrees).to_radians();
        let held = self.before.map(|state| state.odom_from_base.rotation.euler_angles().2);
        let yaw = measured.heading_deg.or(driven).map(yaw_of).or(held)?;
        let (roll, pitch) = (measured.roll_pitch_deg.0.to_radians(), -measured.roll_pitch_deg.1.to_radians());
        let rotation = UnitQuaternion::from_euler_angles(roll, pitch, yaw);
        let lever = rotation * Vector3::from(self.config.antenna_m);
        let frame =
            *self.frame.get_or_insert_with(|| LocalFrame::new(LocalFrame::new(measured.place).place((-lever).into())));
        let place = Vector3::from(frame.enu(measured.place)) - lever;
        // Backwards if the course is behind the heading.
        let ahead = measured.course_deg.map_or(1.0, |course| (yaw_of(course) - yaw).cos());
        let speed_mps = if measured.speed_mps > COURSE_MPS { measured.speed_mps * ahead } else { measured.speed_mps };
        let (acceleration_mps2, yaw_rate_radps) = self.rates(stamp, speed_mps, &rotation);
        let odom_from_base = Isometry3::from_parts(Translation3::from(place), rotation);
        let state =
            EgoState { stamp, odom_from_base, speed_mps, acceleration_mps2, yaw_rate_radps, source: PoseSource::Ins };
        state.is_finite().then_some(state)
    }

    /// Acceleration and yaw rate since the fix before; zero after a gap.
    fn rates(&self, stamp: Stamp, speed_mps: f64, rotation: &UnitQuaternion<f64>) -> (f64, f64) {
        let Some(before) = self.before else { return (0.0, 0.0) };
        let passed_s = stamp.seconds_since(before.stamp);
        if !(1e-3..=LONGEST_GAP_S).contains(&passed_s) {
            return (0.0, 0.0);
        }
        let turned = (before.odom_from_base.rotation.inverse() * rotation).euler_angles().2;
        ((speed_mps - before.speed_mps) / passed_s, turned / passed_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_774_656_000_000_000;

    fn unit() -> InsUnit {
        InsUnit::new(Config { antenna_m: [1.0, 0.0, 1.5], clock: clock::Config::default(), origin: None })
    }

    fn pvt(tick: i64, place: Geodetic, velocity_mps: [f64; 3]) -> Message {
        let course_deg = velocity_mps[0].atan2(velocity_mps[1]).to_degrees();
        Message::Ubx(Ubx::NavPvt(NavPvt {
            week_ms: (tick * 100) as u32,
            unix_ns: Some(START + tick * 100_000_000),
            fix: 3,
            valid: true,
            carrier: 2,
            satellites: 20,
            place,
            accuracy_m: (0.01, 0.02),
            velocity_mps,
            speed_accuracy_mps: 0.05,
            course_deg,
            heading_deg: None,
        }))
    }

    fn received(tick: i64) -> ReceiveTime {
        ReceiveTime::from_nanos(START + 7_000_000_000 + tick * 100_000_000)
    }

    /// A car that drives north at 10 m/s and is 7 s ahead of the computer's clock.
    #[test]
    fn a_car_that_drives_north() {
        let frame = LocalFrame::new(Geodetic { latitude_deg: 49.0, longitude_deg: 8.4, height_m: 110.0 });
        let mut unit = unit();
        for tick in 0..20 {
            let place = frame.place([0.0, tick as f64, 0.0]);
            let fix = unit.take(&pvt(tick, place, [0.0, 10.0, 0.0]), received(tick)).unwrap();
            let at = fix.state.odom_from_base.translation.vector;
            assert!(at.x.abs() < 1e-3 && (at.y - tick as f64).abs() < 1e-3 && at.z.abs() < 1e-3, "{tick}: {at:?}");
            assert!((fix.state.pose().yaw - std::f64::consts::FRAC_PI_2).abs() < 1e-6);
            assert_eq!((fix.seq, fix.state.stamp.nanos()), (tick as u64, received(tick).nanos()));
            assert!((fix.state.speed_mps - 10.0).abs() < 1e-9 && fix.state.acceleration_mps2.abs() < 1e-6);
        }
        assert!((unit.clock().offset_s + 7.0).abs() < 1e-6);
    }

    #[test]
    fn a_map_has_its_own_origin() {
        let origin = Geodetic { latitude_deg: 49.0, longitude_deg: 8.4, height_m: 110.0 };
        let config = Config { antenna_m: [1.0, 0.0, 1.5], clock: clock::Config::default(), origin: Some(origin) };
        let mut unit = InsUnit::new(config);
        // The antenna, a metre ahead of the axle, of a car that drives east at (30, 40).
        let place = LocalFrame::new(origin).place([31.0, 40.0, 1.5]);
        let at =
            unit.take(&pvt(0, place, [10.0, 0.0, 0.0]), received(0)).unwrap().state.odom_from_base.translation.vector;
        assert!((at - Vector3::new(30.0, 40.0, 0.0)).norm() < 1e-3, "{at}");
    }

    #[test]
    fn reverse_turn_and_attitude() {
        let place = Geodetic { latitude_deg: 49.0, longitude_deg: 8.4, height_m: 110.0 };
        let mut unit = unit();
        let attitude = |tick: i64, heading_deg| {
            let accuracy_deg = [0.1; 3];
            Message::Ubx(Ubx::NavAtt(NavAtt {
                week_ms: (tick * 100) as u32,
                roll_deg: 2.0,
                pitch_deg: 3.0,
                heading_deg,
                accuracy_deg,
            }))
        };
        assert_eq!(unit.take(&attitude(0, 90.0), received(0)), None);
        // Heading east, moving west: backwards.
        let first = unit.take(&pvt(0, place, [-3.0, 0.0, 0.0]), received(0)).unwrap().state;
        assert!((first.speed_mps + 3.0).abs() < 1e-9, "{first:?}");
        let (roll, pitch, yaw) = first.odom_from_base.rotation.euler_angles();
        assert!((roll.to_degrees() - 2.0).abs() < 1e-9 && (pitch.to_degrees() + 3.0).abs() < 1e-9 && yaw.abs() < 1e-9);
        // Nose up: what is ahead is higher.
        assert!((first.odom_from_base.rotation * Vector3::x()).z > 0.05);
        unit.take(&attitude(1, 89.0), received(1));
        let second = unit.take(&pvt(1, place, [-3.0, 0.0, 0.0]), received(1)).unwrap().state;
        assert!((second.yaw_rate_radps - 1_f64.to_radians() * 10.0).abs() < 1e-3, "{}", second.yaw_rate_radps);
    }

    #[test]
    fn without_a_heading_there_is_no_fix_until_the_car_drives() {
        let place = Geodetic { latitude_deg: 49.0, longitude_deg: 8.4, height_m: 110.0 };
        let mut unit = unit();
        assert_eq!(unit.take(&pvt(0, place, [0.0, 0.1, 0.0]), received(0)), None);
        assert!(unit.take(&pvt(1, place, [2.0, 0.0, 0.0]), received(1)).is_some());
        let held = unit.take(&pvt(2, place, [0.0, 0.1, 0.0]), received(2)).unwrap();
        assert!(held.state.pose().yaw.abs() < 1e-9, "the heading is held");
        assert_eq!(unit.unusable(), 1);
    }

    #[test]
    fn sentences_of_one_instant_make_a_fix() {
        let parse = |line: &str| Message::Nmea(super::super::nmea::parse(line).unwrap());
        let gga = parse("$GPGGA,101736.25,4900.66001,N,00824.96001,E,4,17,0.7,67.123,M,48.0,M,1.0,0000*73");
        let rmc = parse("$GNRMC,101736.25,A,4900.66001,N,00824.96001,E,2.64,335.32,271126,1.5,E,R*30");
        let mut unit = unit();
        assert_eq!(unit.take(&parse("$GNHDT,271.123,T*2F"), received(0)), None);
        assert_eq!(unit.take(&gga, received(0)), None);
        let fix = unit.take(&rmc, received(0)).unwrap();
        assert!((fix.state.pose().yaw.to_degrees() - (90.0 - 271.123 + 360.0)).abs() < 1e-6, "{fix:?}");
        assert_eq!(unit.take(&gga, received(1)), None, "an instant makes one fix");
    }
}
