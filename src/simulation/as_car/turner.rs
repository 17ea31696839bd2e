//! The lidar: columns of the world become packets, each due when its last column was looked along.

use sim::World;
use types::{SpinningPoint, Stamp};
use vehicle::lidar::ouster_encoder::{Echo, Encoder};
use vehicle::lidar::ouster_metadata::Metadata;

/// Time of one turn, ns.
const TURN_NS: i64 = 100_000_000;

/// Turns with the world.
#[derive(Clone, Debug)]
pub struct Turner {
    encoder: Encoder,
    start: Stamp,
    frame: u16,
    /// Columns of this turn that were sent.
    done: usize,
    points: Vec<SpinningPoint>,
    echoes: Vec<Echo>,
}

impl Turner {
    /// A lidar whose first turn begins now.
    #[must_use]
    pub fn new(metadata: Metadata, now: Stamp) -> Self {
        let encoder = Encoder::new(metadata);
        Self { encoder, start: now, frame: 0, done: 0, points: Vec::new(), echoes: Vec::new() }
    }

    /// Makes the packets that the world has come past. `clock_ns` tells what the sensor's clock shows at an instant of the world; `send` gets
    /// each packet and the instant at which it is due.
    pub fn turn(&mut self, world: &mut World, clock_ns: impl Fn(Stamp) -> i64, mut send: impl FnMut(Stamp, Vec<u8>)) {
        let (columns, per_packet) = (self.encoder.metadata().columns, self.encoder.metadata().columns_per_packet);
        loop {
            let passed_ns = world.now().nanos() - self.start.nanos();
            // A packet is whole when the next one's first column comes.
            let reached = |packet: &usize| {
                let end = (packet + 1) * per_packet;
                if end == columns { passed_ns >= TURN_NS } else { world.column_ns(end) <= passed_ns }
            };
            let whole = (self.done / per_packet..columns / per_packet).take_while(reached).count() * per_packet;
            if whole == 0 {
                return;
            }
            let range = self.done..self.done + whole;
            self.points.clear();
            world.lidar_part(self.start, range.clone(), &mut self.points);
            self.echoes.clear();
            self.echoes.extend(self.points.iter().map(|point| Echo {
                // The nearest column: its time was rounded down.
                column: ((i64::from(point.time_ns) * columns as i64 + TURN_NS / 2) / TURN_NS) as usize,
                ring: point.ring,
                point: point.position,
                intensity: point.intensity,
            }));
            let mut rest = &self.echoes[..];
            let start = self.start;
            let at = |column: usize| Stamp::from_nanos(start.nanos() + world.column_ns(column));
            for first in range.clone().step_by(per_packet) {
                let mut packet = Vec::new();
                // Echoes come in the order of their columns.
                let (own, after) = rest.split_at(rest.partition_point(|echo| echo.column < first + per_packet));
                rest = after;
                let clock = |column: usize| clock_ns(at(column)).max(0).cast_unsigned();
                self.encoder.encode(self.frame, first, clock, own, &mut packet);
                let end = first + per_packet;
                send(if end == columns { Stamp::from_nanos(start.nanos() + TURN_NS) } else { at(end) }, packet);
            }
            self.done = range.end;
            if self.done < columns {
                return;
            }
            (self.done, self.frame) = (0, self.frame.wrapping_add(1));
            self.start = Stamp::from_nanos(self.start.nanos() + TURN_NS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::as_car::describe::lidar_metadata;
    use sim::{LidarKind, Scenario};
    use types::ReceiveTime;
    use vehicle::lidar::ouster::Ouster;
    use vehicle::lidar::{Config, Decoder, SweepAssembler};

    /// Position, ring and time of a packed point.
    fn read(point: &[u8]) -> ([f32; 3], f32, u16, u32) {
        let f32_at = |at: usize| f32::from_le_bytes(point[at..at + 4].try_into().unwrap());
        let ring = u16::from_le_bytes([point[16], point[17]]);
        let time_ns = u32::from_le_bytes(point[20..24].try_into().unwrap());
        ([f32_at(0), f32_at(4), f32_at(8)], f32_at(12), ring, time_ns)
    }

    #[test]
    fn the_decoded_sweep_is_the_worlds_own() {
        for kind in LidarKind::ALL {
            let mut scenario = Scenario::family("urban").unwrap();
            scenario.sensors.lidar = kind;
            let (mut world, mut other) = (World::new(&scenario, 5).unwrap(), World::new(&scenario, 5).unwrap());
            let metadata = lidar_metadata(&world);
            let decoder =
                Decoder::Ouster(Box::new(Ouster::new(Metadata::parse(&metadata.to_json().to_string()).unwrap())));
            let clock = vehicle::clock::Config { synchronised: true, bound_s: 0.005 };
            let mut assembler = SweepAssembler::new(decoder, Config { clock, ..Config::default() });
            let mut turner = Turner::new(metadata, world.now());
            let (mut turns, mut last) = (Vec::new(), world.now());
            for _ in 0..31 {
                world.advance(0.01);
                let now = world.now();
                turner.turn(&mut world, Stamp::nanos, |due, packet| {
                    assert!(due > last && due <= now && now.seconds_since(due) < 0.0115, "in order, as they come");
                    last = due;
                    let came = ReceiveTime::from_nanos(due.nanos() + 50_000);
                    turns.extend(assembler.push(&packet, came).unwrap());
                });
            }
            let counts = assembler.counts();
            assert_eq!((turns.len(), counts.lost, counts.late, assembler.clock().out_of_bound), (2, 0, 0, false));
            // The first turn is left out: the assembler did not see its beginning.
            other.lidar_sweep();
            other.advance(0.1);
            for turn in turns {
                other.advance(0.1);
                let own = other.lidar_sweep();
                let stride = SpinningPoint::STRIDE;
                assert_eq!((turn.sweep.stamp, turn.sweep.data.len()), (own.stamp, own.data.len()), "{kind:?}");
                let key = |point: &([f32; 3], f32, u16, u32)| (point.3, point.2);
                let sorted = |data: &[u8]| {
                    let mut points: Vec<_> = data.chunks(stride).map(read).collect();
                    points.sort_by_key(key);
                    points
                };
                let mut farthest = 0.0_f32;
                for (a, b) in sorted(&turn.sweep.data).iter().zip(&sorted(&own.data)) {
                    // The world rounds coordinates to 1/256 m, the sensor the range to 1 mm.
                    let apart = (0..3).map(|i| (a.0[i] - b.0[i]).powi(2)).sum::<f32>().sqrt();
                    assert!(key(a) == key(b) && (a.1 - b.1).abs() <= 0.0021, "{kind:?}: {a:?} {b:?}");
                    farthest = farthest.max(apart);
                }
                assert!(farthest < 0.0041, "{kind:?}: {farthest}");
            }
        }
    }
}
