//! The GPS/INS unit: the world's unit, whose errors change smoothly, as UBX.

use super::describe::{ANTENNA_M, ORIGIN};
use nalgebra::Vector3;
use sim::World;
use types::Stamp;
use vehicle::ins::LocalFrame;
use vehicle::ins::ubx::{NavAtt, NavPvt, Ubx};
use vehicle::ins::ubx_encoder::{encode, week_ms};

/// Time between two draws of the errors; between them they go straight from one to the other. A unit filters: what it tells a hundred
/// times a second does not jump a hundred times.
const DRAW_NS: i64 = 500_000_000;

/// How far off the unit is: x and y, m, heading, rad, and speed, m/s.
type Error = [f64; 4];

/// The unit.
#[derive(Clone, Debug)]
pub struct Unit {
    frame: LocalFrame,
    from: Stamp,
    errors: [Error; 2],
}

impl Unit {
    /// The unit of a world.
    #[must_use]
    pub fn new(world: &mut World) -> Self {
        let errors = [draw(world), draw(world)];
        Self { frame: LocalFrame::new(ORIGIN), from: world.now(), errors }
    }

    /// NAV-ATT and NAV-PVT of the newest instant, whose time by the unit's clock is `unix_ns`.
    pub fn tell(&mut self, world: &mut World, unix_ns: i64) -> Vec<u8> {
        let now = world.now();
        while now.nanos() - self.from.nanos() >= DRAW_NS {
            self.errors = [self.errors[1], draw(world)];
            self.from = Stamp::from_nanos(self.from.nanos() + DRAW_NS);
        }
        let share = (now.nanos() - self.from.nanos()) as f64 / DRAW_NS as f64;
        let [a, b] = &self.errors;
        let [dx, dy, turned, faster]: Error = std::array::from_fn(|i| a[i] + share * (b[i] - a[i]));
        let (motion, _) = world.motion_now();
        let (yaw, speed) = (motion.pose.yaw + turned, motion.speed_mps + faster);
        // A unit that stands knows it.
        let speed = if motion.speed_mps < 0.05 { 0.0 } else { speed };
        let (sin, cos) = yaw.sin_cos();
        let [ahead, left, up] = ANTENNA_M;
        let place = Vector3::new(
            motion.pose.x + dx + cos * ahead - sin * left,
            motion.pose.y + dy + sin * ahead + cos * left,
            up,
        );
        let across = motion.lateral_mps;
        let [east, north] = [speed * cos - across * sin, speed * sin + across * cos];
        let degrees = |counter_clockwise: f64| (90.0 - counter_clockwise.to_degrees()).rem_euclid(360.0);
        let week_ms = week_ms(unix_ns);
        let mut bytes = encode(&Ubx::NavAtt(NavAtt {
            week_ms,
            roll_deg: 0.0,
            pitch_deg: 0.0,
            heading_deg: degrees(yaw),
            accuracy_deg: [0.1, 0.1, 0.1],
        }));
        bytes.extend(encode(&Ubx::NavPvt(NavPvt {
            week_ms,
            unix_ns: Some(unix_ns),
            fix: 4,
            valid: true,
            carrier: 2,
            satellites: 24,
            place: self.frame.place(place.into()),
            accuracy_m: (0.05, 0.1),
            velocity_mps: [east, north, 0.0],
            speed_accuracy_mps: 0.05,
            course_deg: degrees(north.atan2(east)),
            heading_deg: Some(degrees(yaw)),
        })));
        bytes
    }
}

/// Errors of the world's unit now.
fn draw(world: &mut World) -> Error {
    let (truth, _) = world.motion_now();
    let told = world.ins_fix_now().state;
    let pose = told.pose();
    let turned = types::wrap_angle(pose.yaw - truth.pose.yaw);
    [pose.x - truth.pose.x, pose.y - truth.pose.y, turned, told.speed_mps - truth.speed_mps]
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Scenario;
    use types::ReceiveTime;
    use vehicle::ins::unit::Config;
    use vehicle::ins::{InsUnit, Stream};

    #[test]
    fn the_car_is_where_the_unit_says() {
        let mut world = World::new(&Scenario::family("urban").unwrap(), 4).unwrap();
        let mut unit = Unit::new(&mut world);
        let clock = vehicle::clock::Config { synchronised: true, bound_s: 0.005 };
        let mut receiver = InsUnit::new(Config { antenna_m: ANTENNA_M, clock, origin: Some(ORIGIN) });
        let (mut stream, mut told) = (Stream::default(), 0);
        for _ in 0..600 {
            world.advance(0.01);
            let (now, truth) = (world.now(), world.motion_now().0);
            let bytes = unit.tell(&mut world, now.nanos());
            stream.push(&bytes, |message| {
                let Some(fix) = receiver.take(&message, ReceiveTime::from_nanos(now.nanos() + 30_000)) else { return };
                let (state, pose) = (fix.state, fix.state.pose());
                assert_eq!(state.stamp, now);
                assert!((pose.x - truth.pose.x).hypot(pose.y - truth.pose.y) < 0.6, "{pose:?} {truth:?}");
                assert!(types::wrap_angle(pose.yaw - truth.pose.yaw).abs() < 0.01);
                assert!((state.speed_mps - truth.speed_mps).abs() < 0.15, "{state:?} {truth:?}");
                // Rates come from differences: they must not be made of noise.
                if told > 0 {
                    assert!((state.yaw_rate_radps - truth.yaw_rate_radps).abs() < 0.05, "{state:?} {truth:?}");
                    assert!((state.acceleration_mps2 - truth.acceleration_mps2).abs() < 1.0, "{state:?} {truth:?}");
                }
                told += 1;
            });
        }
        assert_eq!((told, receiver.unusable()), (600, 0));
    }
}
