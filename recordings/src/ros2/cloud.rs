//! `sensor_msgs/PointCloud2` of any driver as a sweep.
//!
//! Fields by the names in use (Velodyne, Hesai, Ouster, Livox, Autoware). Times of points are taken as offsets from the header's stamp:
//! integers in ns, small floats in s, large ones as absolute times in s or ns. The sweep's stamp becomes that of its
//! first point.

use super::messages::{Field, PointCloud2};
use crate::axes::Axes;
use crate::points::{Point, Told, pack};
use types::{LidarSweep, Stamp};

const INTENSITY: [&str; 3] = ["intensity", "reflectivity", "i"];
const RING: [&str; 4] = ["ring", "channel", "line", "laser_id"];
const TIME: [&str; 6] = ["time", "t", "time_stamp", "timestamp", "offset_time", "point_time_offset"];
/// No lidar takes longer for a sweep.
const LONGEST_SWEEP_NS: f64 = 1e9;

/// What is fixed about a bag's lidar.
pub(super) struct Lidar {
    pub(super) axes: Axes,
    /// What stands for full reflectance; known after the first sweep.
    pub(super) full: Option<f64>,
}

impl Lidar {
    /// Converts a sweep. `stamp` is the header's, or the time of the log where the driver gives none.
    pub(super) fn sweep(&mut self, cloud: &PointCloud2, seq: u64, stamp: Stamp) -> Result<LidarSweep, String> {
        let layout = Layout::of(cloud)?;
        let rows = || layout.rows(cloud);
        if self.full.is_none()
            && let Some(intensity) = layout.intensity
        {
            self.full = Some(full_reflectance(intensity, rows()));
        }
        let offsets = layout.time.map(|time| offsets_ns(time, rows(), stamp)).transpose()?;
        let first = offsets.as_deref().map_or(0.0, |offsets| offsets.iter().copied().fold(f64::INFINITY, f64::min));
        let first = if first.is_finite() { first } else { 0.0 };
        let told = Told { ring: layout.ring.is_some(), time: offsets.is_some() };
        let full = self.full.unwrap_or(1.0);
        let point = |(index, row): (usize, &[u8])| {
            let position = layout.position.map(|place| place.read(row) as f32);
            let intensity = layout.intensity.map_or(0.0, |place| (place.read(row) / full).clamp(0.0, 1.0) as f32);
            let ring = layout.ring.map_or(0, |place| place.read(row) as u16);
            let time_ns = offsets.as_ref().map_or(0, |offsets| (offsets[index] - first).round() as u32);
            Point { position: self.axes.turn(position), intensity, ring, time_ns }
        };
        let start = Stamp::from_nanos(stamp.nanos().saturating_add(first.round() as i64));
        Ok(pack(seq, start, told, rows().enumerate().map(point)))
    }
}

/// Offset and reader of one field.
#[derive(Clone, Copy)]
struct Place {
    offset: usize,
    datatype: u8,
    big_endian: bool,
}

impl Place {
    fn read(self, row: &[u8]) -> f64 {
        match self.datatype {
            1 => f64::from(i8::from_le_bytes(self.bytes(row))),
            2 => f64::from(u8::from_le_bytes(self.bytes(row))),
            3 => f64::from(i16::from_le_bytes(self.bytes(row))),
            4 => f64::from(u16::from_le_bytes(self.bytes(row))),
            5 => f64::from(i32::from_le_bytes(self.bytes(row))),
            6 => f64::from(u32::from_le_bytes(self.bytes(row))),
            7 => f64::from(f32::from_le_bytes(self.bytes(row))),
            _ => f64::from_le_bytes(self.bytes(row)),
        }
    }

    /// The layout was checked, so the bytes are always there.
    fn bytes<const SIZE: usize>(self, row: &[u8]) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(&row[self.offset..self.offset + SIZE]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    const fn is_float(self) -> bool {
        self.datatype >= 7
    }
}

struct Layout {
    stride: usize,
    row_bytes: usize,
    columns: usize,
    position: [Place; 3],
    intensity: Option<Place>,
    ring: Option<Place>,
    time: Option<Place>,
}

impl Layout {
    fn of(cloud: &PointCloud2) -> Result<Self, String> {
        let (stride, row_bytes) = (cloud.point_step as usize, cloud.row_step as usize);
        let (columns, rows) = (cloud.width as usize, cloud.height as usize);
        let bytes = cloud.data.0.len();
        let fits = stride > 0 && columns.saturating_mul(stride) <= row_bytes && rows.saturating_mul(row_bytes) <= bytes;
        if !fits && columns * rows > 0 {
            return Err(format!(
                "{rows} rows of {row_bytes} bytes with {columns} points of {stride} bytes do not fit into {bytes} bytes"
            ));
        }
        let place = |field: &Field| {
            let size = match field.datatype {
                1 | 2 => 1,
                3 | 4 => 2,
                5..=7 => 4,
                8 => 8,
                other => return Err(format!("field {} has the unknown type {other}", field.name)),
            };
            let offset = field.offset as usize;
            if offset.saturating_add(size) > stride {
                return Err(format!("field {} at byte {offset} of a point of {stride} bytes", field.name));
            }
            Ok(Place { offset, datatype: field.datatype, big_endian: cloud.is_bigendian })
        };
        let find = |names: &[&str]| {
            let named = |name: &&str| cloud.fields.iter().find(|field| field.name == **name);
            names.iter().find_map(named).map(place).transpose()
        };
        let axis = |name| match find(&[name])? {
            Some(place) if place.is_float() => Ok(place),
            Some(_) => Err(format!("field {name} is no float")),
            None => Err(format!("no field {name}; there: {}", names(&cloud.fields))),
        };
        Ok(Self {
            stride,
            row_bytes: row_bytes.max(1),
            columns,
            position: [axis("x")?, axis("y")?, axis("z")?],
            intensity: find(&INTENSITY)?,
            ring: find(&RING)?.filter(|place| !place.is_float()),
            time: find(&TIME)?,
        })
    }

    /// The points of all rows, without what fills up a row.
    fn rows<'a>(&self, cloud: &'a PointCloud2) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (stride, used) = (self.stride.max(1), self.columns * self.stride);
        let lines = cloud.data.0.chunks_exact(self.row_bytes).take(cloud.height as usize);
        lines.flat_map(move |line| line[..used].chunks_exact(stride))
    }
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// One, 255 or 65535, whichever the first sweep's values stay below.
fn full_reflectance<'a>(place: Place, rows: impl Iterator<Item = &'a [u8]>) -> f64 {
    if place.datatype == 2 {
        return 255.0;
    }
    let largest = rows.map(|row| place.read(row)).filter(|value| value.is_finite()).fold(0.0, f64::max);
    [1.0, 255.0].into_iter().find(|&full| largest <= full).unwrap_or(65_535.0)
}

/// Time of every point after the header's stamp, ns.
fn offsets_ns<'a>(place: Place, rows: impl Iterator<Item = &'a [u8]>, stamp: Stamp) -> Result<Vec<f64>, String> {
    let header_ns = stamp.nanos();
    let offset = |value: f64| match (place.is_float(), value.abs()) {
        (false, _) => value,
        (true, size) if size < 1e6 => value * 1e9,
        // Absolute: whole seconds and nanoseconds apart, since f64 holds no nanosecond of today.
        (true, size) if size < 1e12 => {
            (value.floor() - (header_ns / 1_000_000_000) as f64) * 1e9
                + (value.fract() * 1e9 - (header_ns % 1_000_000_000) as f64)
        }
        (true, _) => value - header_ns as f64,
    };
    let offsets = rows.map(|row| offset(place.read(row))).map(|ns| if ns.is_finite() { ns } else { 0.0 });
    let offsets = offsets.collect::<Vec<_>>();
    let (low, high) = offsets.iter().fold((0.0_f64, 0.0_f64), |(low, high), &ns| (low.min(ns), high.max(ns)));
    if high - low > LONGEST_SWEEP_NS {
        let (low, high) = (low * 1e-9, high * 1e-9);
        return Err(format!("the points' times reach from {low:.3} s to {high:.3} s after the header's stamp"));
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdr::Octets;
    use nalgebra::UnitQuaternion;
    use proptest::prelude::*;

    fn field(name: &str, offset: u32, datatype: u8) -> Field {
        Field { name: name.into(), offset, datatype, count: 1 }
    }

    fn cloud(fields: Vec<Field>, step: u32, points: &[Vec<u8>]) -> PointCloud2 {
        let data = points.concat();
        let (width, row_step) = (points.len() as u32, data.len() as u32);
        PointCloud2 { height: 1, width, fields, point_step: step, row_step, data: Octets(data), ..Default::default() }
    }

    fn convert(cloud: &PointCloud2) -> Result<LidarSweep, String> {
        let axes = Axes::nearest(&UnitQuaternion::identity());
        Lidar { axes, full: None }.sweep(cloud, 3, Stamp::from_nanos(1_700_000_000_500_000_000))
    }

    fn numbers(sweep: &LidarSweep) -> Vec<(f32, u32)> {
        let at = |row: &[u8], offset: usize| [row[offset], row[offset + 1], row[offset + 2], row[offset + 3]];
        let rows = sweep.data.chunks_exact(sweep.stride);
        rows.map(|row| (f32::from_le_bytes(at(row, 12)), u32::from_le_bytes(at(row, sweep.stride - 4)))).collect()
    }

    /// The same two points as four drivers give them: intensities 51 and 255 of 255, 1 ms apart.
    #[test]
    fn drivers_agree() {
        let xyz = |x: f32| [x, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        let xyz_fields = || ["x", "y", "z"].iter().zip(0..).map(|(name, n)| field(name, 4 * n, 7)).collect::<Vec<_>>();
        let with = |more: [Field; 2]| xyz_fields().into_iter().chain(more).collect::<Vec<_>>();
        let absolute = 1_700_000_000.499_5_f64;
        let clouds = [
            // Velodyne: float intensity, seconds, negative before the stamp.
            cloud(
                with([field("intensity", 12, 7), field("time", 16, 7)]),
                20,
                &[
                    [xyz(1.0), 51.0_f32.to_le_bytes().to_vec(), (-0.0005_f32).to_le_bytes().to_vec()].concat(),
                    [xyz(4.0), 255.0_f32.to_le_bytes().to_vec(), 0.0005_f32.to_le_bytes().to_vec()].concat(),
                ],
            ),
            // Autoware: an octet and nanoseconds.
            cloud(
                with([field("intensity", 12, 2), field("time_stamp", 13, 6)]),
                17,
                &[
                    [xyz(1.0), vec![51], 0_u32.to_le_bytes().to_vec()].concat(),
                    [xyz(4.0), vec![255], 1_000_000_u32.to_le_bytes().to_vec()].concat(),
                ],
            ),
            // Hesai: absolute seconds.
            cloud(
                with([field("intensity", 12, 7), field("timestamp", 16, 8)]),
                24,
                &[
                    [xyz(1.0), 51.0_f32.to_le_bytes().to_vec(), absolute.to_le_bytes().to_vec()].concat(),
                    [xyz(4.0), 255.0_f32.to_le_bytes().to_vec(), (absolute + 0.001).to_le_bytes().to_vec()].concat(),
                ],
            ),
            // Livox: absolute nanoseconds, an octet of reflectivity.
            cloud(
                with([field("reflectivity", 12, 2), field("timestamp", 13, 8)]),
                21,
                &[
                    [xyz(1.0), vec![51], (absolute * 1e9).to_le_bytes().to_vec()].concat(),
                    [xyz(4.0), vec![255], (absolute * 1e9 + 1e6).to_le_bytes().to_vec()].concat(),
                ],
            ),
        ];
        for (n, cloud) in clouds.iter().enumerate() {
            let sweep = convert(cloud).unwrap();
            let found = numbers(&sweep);
            assert!((found[0].0 - 0.2).abs() < 1e-6 && found[1].0 == 1.0, "{n}: {found:?}");
            assert!(found[0].1 == 0 && found[1].1.abs_diff(1_000_000) < 500, "{n}: {found:?}");
            let start = sweep.stamp.nanos() - 1_700_000_000_500_000_000;
            let expected = if n == 1 { 0 } else { -500_000 };
            assert!((start - expected).abs() < 500, "{n}: {start}");
        }
    }

    #[test]
    fn rows_may_be_filled_up_and_holes_go() {
        let fields = ["x", "y", "z"].iter().zip(0..).map(|(name, n)| field(name, 4 * n, 7)).collect();
        let point = |x: f32| [x, 1.0, 1.0].iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<_>>();
        let line = |a, b| [point(a), point(b), vec![9; 5]].concat();
        let mut organised = cloud(fields, 12, &[line(1.0, f32::NAN), line(2.0, 3.0)]);
        (organised.height, organised.width, organised.row_step, organised.is_bigendian) = (2, 2, 29, true);
        let sweep = convert(&organised).unwrap();
        assert_eq!((sweep.stride, sweep.data.len()), (16, 48));
        organised.row_step = 30;
        assert!(convert(&organised).unwrap_err().contains("do not fit into 58 bytes"));
        organised.fields[2].name = "height".into();
        organised.row_step = 29;
        assert_eq!(convert(&organised).unwrap_err(), "no field z; there: x, y, height");
    }

    proptest! {
        #[test]
        fn any_cloud_is_a_sweep_or_an_error(
            height in 0..4_u32, width in 0..9_u32, step in 0..40_u32, row in 0..200_u32, bytes in 0..400_usize,
            places in prop::collection::vec((0..50_u32, 0..10_u8), 6), big: bool,
        ) {
            let names = ["x", "y", "z", "intensity", "ring", "time"];
            let fields = names.iter().zip(places).map(|(name, (offset, kind))| field(name, offset, kind)).collect();
            let data = Octets((0..bytes).map(|i| (i * 37) as u8).collect());
            let cloud = PointCloud2 {
                height, width, fields, point_step: step, row_step: row, data, is_bigendian: big, ..Default::default()
            };
            if let Ok(sweep) = convert(&cloud) {
                prop_assert!(sweep.data.len() <= (height * width) as usize * sweep.stride);
            }
        }
    }
}
