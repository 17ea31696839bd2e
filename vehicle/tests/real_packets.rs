//! Real VLP-16 packets against the cloud that another decoder (Nebula) made of them.
#![cfg(test)]

mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::process::Command;
    use types::{LidarSweep, Stamp};
    use vehicle::{Config, SweepAssembler, velodyne};

    const CLOUD: &str = "1673400472138016708.pcd";
    /// Writes every packet of the bag (CDR velodyne_msgs/VelodyneScan) as 8 bytes of time and 1206 bytes of payload.
    const EXTRACT: &str = r"
import sqlite3, struct, sys
rows = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro&immutable=1', uri=True).execute('select data from messages order by timestamp')
with open(sys.argv[2], 'wb') as out:
    for (data,) in rows:
        align = lambda at: 4 + (at - 4 + 3) // 4 * 4
        name, = struct.unpack_from('<I', data, 12)
        at = align(16 + name)
        count, = struct.unpack_from('<I', data, at)
        at += 4
        for _ in range(count):
            at = align(at)
            seconds, nanos = struct.unpack_from('<II', data, at)
            out.write(struct.pack('<q', seconds * 10**9 + nanos) + data[at + 8:at + 1214])
            at += 1214
";

    struct Point {
        xyz: [f64; 3],
        intensity: u8,
        ring: u16,
    }

    fn f32_at(row: &[u8], at: usize) -> f64 {
        f64::from(f32::from_le_bytes(row[at..at + 4].try_into().unwrap()))
    }

    fn expected(path: &Path) -> Vec<Point> {
        let bytes = std::fs::read(path).unwrap();
        let mark = b"DATA binary\n";
        let start = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
        // Fields x y z intensity return_type channel azimuth elevation distance time_stamp: 32 bytes.
        let point = |row: &[u8]| Point {
            xyz: [f32_at(row, 0), f32_at(row, 4), f32_at(row, 8)],
            intensity: row[12],
            ring: u16::from_le_bytes([row[14], row[15]]),
        };
        bytes[start..].chunks_exact(32).map(point).collect()
    }

    fn points(sweep: &LidarSweep) -> Vec<Point> {
        let point = |row: &[u8]| {
            let ring = u16::from_le_bytes([row[16], row[17]]);
            // The other decoder leaves the optical centres at the origin.
            let z = f32_at(row, 8) - velodyne::optical_center_m(ring);
            Point { xyz: [f32_at(row, 0), f32_at(row, 4), z], intensity: (f32_at(row, 12) * 255.0).round() as u8, ring }
        };
        sweep.data.chunks_exact(sweep.stride).map(point).collect()
    }

    #[test]
    fn decodes_real_packets_as_another_decoder_does() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/lidar_packets/vlp16"));
        if !folder.join("packets.db3").exists() {
            eprintln!("skipped: ../shared/data is absent");
            return;
        }
        let raw = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vlp16_packets.bin");
        let python = Command::new("python3").args(["-c", EXTRACT]).arg(folder.join("packets.db3")).arg(&raw).status();
        if !python.is_ok_and(|status| status.success()) {
            eprintln!("skipped: python3 with sqlite3 is absent");
            return;
        }
        let mut assembler = SweepAssembler::new(Config { cut_deg: 0.0, ..Config::default() });
        let (mut whole, mut packets, mut block_azimuths) = (Vec::new(), 0, BTreeSet::new());
        for record in std::fs::read(&raw).unwrap().chunks_exact(1214) {
            let received = Stamp::from_nanos(i64::from_le_bytes(record[..8].try_into().unwrap()));
            whole.extend(assembler.push(&record[8..], received).unwrap());
            packets += 1;
            block_azimuths
                .extend((0..12).map(|block| u16::from_le_bytes([record[10 + 100 * block], record[11 + 100 * block]])));
        }
        assert_eq!((packets, whole.len()), (603, 3));
        for pair in whole.windows(2) {
            let turn_ns = pair[1].stamp.nanos() - pair[0].stamp.nanos();
            assert!((98_000_000..102_000_000).contains(&turn_ns), "{turn_ns}");
        }
        let expected = expected(&folder.join(CLOUD));
        let found = points(whole.last().unwrap());
        assert!((0..60).contains(&(found.len() - expected.len())), "the other decoder leaves out the last degree");
        let (mut interpolated, mut close) = (0, 0);
        for point in &expected {
            let same_echo = |other: &&Point| {
                other.ring == point.ring
                    && other.intensity == point.intensity
                    && (norm(&other.xyz) - norm(&point.xyz)).abs() < 0.0015
            };
            let off = |other: &Point| (0..3).map(|i| (other.xyz[i] - point.xyz[i]).powi(2)).sum::<f64>().sqrt();
            let nearest = found.iter().filter(same_echo).map(off).min_by(f64::total_cmp).unwrap_or(f64::INFINITY);
            // The other decoder does not turn on within the last block of a packet nor within second echoes: it holds the azimuth
            // of a block, up to 0.4 degrees away.
            assert!(nearest < 0.002 + 0.0075 * norm(&point.xyz), "{nearest} m at {:?}", point.xyz);
            let azimuth_cdeg =
                (100.0 * (-point.xyz[1]).atan2(point.xyz[0]).to_degrees().rem_euclid(360.0)).round() as u16;
            if !block_azimuths.contains(&azimuth_cdeg) {
                interpolated += 1;
                close += usize::from(nearest <= 0.002);
            }
        }
        assert!(interpolated > 11_000 && close * 1000 >= interpolated * 999, "{close} of {interpolated}");
    }

    fn norm(xyz: &[f64; 3]) -> f64 {
        xyz.iter().map(|v| v * v).sum::<f64>().sqrt()
    }
}
