//! Packed sweeps of any layout to a structure of arrays.

use super::DecodeError;
use types::{LidarSweep, PointCloud, PointField, PointKind};

/// Decodes one sweep into `out`, whose memory is reused.
///
/// `x`, `y`, `z` are F32 or F64. The other fields may have any kind. Intensity: integers are divided by the largest
/// value of their kind (255, 65 535, ...), floats are taken as they are, negative or not finite becomes zero. `ring` and `time`
/// are rounded down and clamped to their type. Points with a coordinate that is not finite are dropped and counted.
///
/// # Errors
/// A length that is not a multiple of the stride, a field outside the stride, a missing coordinate or one of another
/// kind, and [`DecodeError::Empty`] when no point is left. `out` is then empty (`rejected` still counts).
pub fn points(sweep: &LidarSweep, out: &mut PointCloud) -> Result<(), DecodeError> {
    let layout = Layout::of(sweep).inspect_err(|_| out.clear())?;
    if layout.is_packed_f32 {
        read_packed(&sweep.data, out);
    } else {
        out.clear();
        layout.read(sweep, out);
    }
    let total = sweep.data.len() / sweep.stride;
    out.rejected = total - out.len();
    if out.is_empty() {
        return Err(DecodeError::Empty { seq: sweep.seq, rejected: out.rejected });
    }
    Ok(())
}

/// Where the known fields are.
struct Layout {
    coordinates: [(usize, PointKind); 3],
    intensity: Option<(usize, PointKind)>,
    ring: Option<(usize, PointKind)>,
    time: Option<(usize, PointKind)>,
    is_packed_f32: bool,
}

impl Layout {
    fn of(sweep: &LidarSweep) -> Result<Self, DecodeError> {
        let (seq, stride, len) = (sweep.seq, sweep.stride, sweep.data.len());
        if stride == 0 || len % stride != 0 {
            return Err(DecodeError::Stride { seq, len, stride });
        }
        for PointField { name, offset, kind } in &sweep.fields {
            let size = kind.size();
            if offset.checked_add(size).is_none_or(|end| end > stride) {
                return Err(DecodeError::FieldOutside { seq, field: name.clone(), offset: *offset, size, stride });
            }
        }
        let find = |name| sweep.fields.iter().find(|field| field.name == name).map(|field| (field.offset, field.kind));
        let coordinate = |name: &'static str| match find(name) {
            None => Err(DecodeError::FieldMissing { seq, field: name }),
            Some((offset, kind @ (PointKind::F32 | PointKind::F64))) => Ok((offset, kind)),
            Some((_, kind)) => Err(DecodeError::FieldKind { seq, field: name, kind: format!("{kind:?}") }),
        };
        let coordinates = [coordinate("x")?, coordinate("y")?, coordinate("z")?];
        let (intensity, ring, time) = (find("intensity"), find("ring"), find("time"));
        let f32_at = |offset| (offset, PointKind::F32);
        let is_packed_f32 = stride == 16
            && coordinates == [f32_at(0), f32_at(4), f32_at(8)]
            && intensity == Some(f32_at(12))
            && ring.is_none()
            && time.is_none();
        Ok(Self { coordinates, intensity, ring, time, is_packed_f32 })
    }

    fn read(&self, sweep: &LidarSweep, out: &mut PointCloud) {
        for (column, place) in [&mut out.x, &mut out.y, &mut out.z].into_iter().zip(self.coordinates) {
            read_column(sweep, place, |value| value as f32, column);
        }
        match self.intensity {
            None => out.intensity.resize(out.x.len(), 0.0),
            Some(place) => {
                let scale = 1.0 / largest(place.1);
                read_column(sweep, place, |value| reflectance((value * scale) as f32), &mut out.intensity);
            }
        }
        if let Some(place) = self.ring {
            read_column(sweep, place, |value| value as u16, &mut out.ring);
        }
        if let Some(place) = self.time {
            read_column(sweep, place, |value| value as u32, &mut out.time_ns);
        }
        if out.x.iter().chain(&out.y).chain(&out.z).any(|value| !value.is_finite()) {
            drop_not_finite(out);
        }
    }
}

/// The value of an integer kind that means full reflectance; one for floats.
const fn largest(kind: PointKind) -> f64 {
    match kind {
        PointKind::U8 => u8::MAX as f64,
        PointKind::U16 => u16::MAX as f64,
        PointKind::U32 => u32::MAX as f64,
        PointKind::I8 => i8::MAX as f64,
        PointKind::I16 => i16::MAX as f64,
        PointKind::I32 => i32::MAX as f64,
        PointKind::F32 | PointKind::F64 => 1.0,
    }
}

fn reflectance(value: f32) -> f32 {
    if value > 0.0 && value < f32::INFINITY { value } else { 0.0 }
}

/// Reads one field of all points. The kind is chosen once, outside the loop.
fn read_column<T>(
    sweep: &LidarSweep,
    (offset, kind): (usize, PointKind),
    convert: impl Fn(f64) -> T,
    out: &mut Vec<T>,
) {
    let rows = sweep.data.chunks_exact(sweep.stride);
    match kind {
        PointKind::U8 => out.extend(rows.map(|row| convert(u8::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::U16 => out.extend(rows.map(|row| convert(u16::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::U32 => out.extend(rows.map(|row| convert(u32::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::I8 => out.extend(rows.map(|row| convert(i8::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::I16 => out.extend(rows.map(|row| convert(i16::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::I32 => out.extend(rows.map(|row| convert(i32::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::F32 => out.extend(rows.map(|row| convert(f32::from_le_bytes(bytes(row, offset)).into()))),
        PointKind::F64 => out.extend(rows.map(|row| convert(f64::from_le_bytes(bytes(row, offset))))),
    }
}

/// The bytes of one number. The layout was checked, so they are always there.
fn bytes<const SIZE: usize>(row: &[u8], offset: usize) -> [u8; SIZE] {
    row.get(offset..offset + SIZE).and_then(|part| part.try_into().ok()).unwrap_or([0; SIZE])
}

/// The commonest layout: x, y, z, intensity as packed F32. One pass without a branch; whether any point must go is known
/// after it.
fn read_packed(data: &[u8], out: &mut PointCloud) {
    let (rows, _) = data.as_chunks::<16>();
    // Every value is overwritten: only what is new is filled with zeros first.
    for column in [&mut out.x, &mut out.y, &mut out.z, &mut out.intensity] {
        column.resize(rows.len(), 0.0);
    }
    out.ring.clear();
    out.time_ns.clear();
    let mut are_finite = true;
    let columns = out.x.iter_mut().zip(&mut out.y).zip(&mut out.z).zip(&mut out.intensity);
    for (row, (((out_x, out_y), out_z), out_intensity)) in rows.iter().zip(columns) {
        let [x, y, z, intensity] = [0, 4, 8, 12].map(|offset| f32::from_le_bytes(bytes(row, offset)));
        are_finite &= x.is_finite() & y.is_finite() & z.is_finite();
        (*out_x, *out_y, *out_z, *out_intensity) = (x, y, z, reflectance(intensity));
    }
    if !are_finite {
        drop_not_finite(out);
    }
}

fn drop_not_finite(out: &mut PointCloud) {
    keep_if(out, |point| point.iter().all(|value| value.is_finite()));
}

/// Keeps the points that `keep` tells, in their order. Nothing moves before the first that goes.
pub(super) fn keep_if(out: &mut PointCloud, keep: impl Fn([f32; 3]) -> bool) {
    let stays = |out: &PointCloud, i: usize| keep([out.x[i], out.y[i], out.z[i]]);
    let Some(first) = (0..out.len()).find(|&i| !stays(out, i)) else { return };
    let mut kept = first;
    for i in first + 1..out.len() {
        if stays(out, i) {
            for column in [&mut out.x, &mut out.y, &mut out.z, &mut out.intensity] {
                column[kept] = column[i];
            }
            if let Some(&ring) = out.ring.get(i) {
                out.ring[kept] = ring;
            }
            if let Some(&time) = out.time_ns.get(i) {
                out.time_ns[kept] = time;
            }
            kept += 1;
        }
    }
    for column in [&mut out.x, &mut out.y, &mut out.z, &mut out.intensity] {
        column.truncate(kept);
    }
    out.ring.truncate(kept);
    out.time_ns.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::Stamp;

    fn field(name: &str, offset: usize, kind: PointKind) -> PointField {
        PointField { name: name.into(), offset, kind }
    }

    fn sweep(stride: usize, fields: Vec<PointField>, data: Vec<u8>) -> LidarSweep {
        LidarSweep { seq: 3, stamp: Stamp::default(), stride, fields, data: data.into() }
    }

    fn packed_fields() -> Vec<PointField> {
        ["x", "y", "z", "intensity"].iter().enumerate().map(|(i, name)| field(name, 4 * i, PointKind::F32)).collect()
    }

    fn packed(rows: &[[f32; 4]]) -> LidarSweep {
        sweep(16, packed_fields(), rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect())
    }

    #[test]
    fn packed_points_are_read_and_bad_ones_counted() {
        let rows = [
            [1.0, 2.0, 3.0, 0.5],
            [f32::NAN, 0.0, 0.0, 0.0],
            [4.0, 5.0, f32::INFINITY, 0.1],
            [7.0, 8.0, 9.0, f32::NAN],
        ];
        let mut out = PointCloud::default();
        points(&packed(&rows), &mut out).unwrap();
        assert_eq!(
            (out.x.as_slice(), out.y.as_slice(), out.z.as_slice()),
            (&[1.0, 7.0][..], &[2.0, 8.0][..], &[3.0, 9.0][..])
        );
        assert_eq!((out.intensity.as_slice(), out.rejected), (&[0.5, 0.0][..], 2));
        assert!(out.ring.is_empty() && out.time_ns.is_empty());
    }

    #[test]
    fn an_odd_layout_is_read() {
        let mut data = Vec::new();
        for (x, y, z, intensity, ring, time) in [
            (1.5f64, -2.0f64, 0.25f32, 255u8, 63u16, -5i32),
            (f64::NAN, 0.0, 0.0, 1, 2, 3),
            (1e300, 0.0, 0.0, 1, 2, 3),
            (3.0, 4.0, 5.0, 51, 7, 99),
        ] {
            data.extend([intensity]);
            data.extend(x.to_le_bytes());
            data.extend(y.to_le_bytes());
            data.extend(z.to_le_bytes());
            data.extend(ring.to_le_bytes());
            data.extend(time.to_le_bytes());
        }
        let fields = vec![
            field("z", 17, PointKind::F32),
            field("x", 1, PointKind::F64),
            field("y", 9, PointKind::F64),
            field("intensity", 0, PointKind::U8),
            field("ring", 21, PointKind::U16),
            field("time", 23, PointKind::I32),
        ];
        let mut out = PointCloud::default();
        points(&sweep(27, fields, data), &mut out).unwrap();
        assert_eq!((out.x, out.y, out.z), (vec![1.5, 3.0], vec![-2.0, 4.0], vec![0.25, 5.0]));
        assert_eq!((out.intensity, out.ring, out.time_ns, out.rejected), (vec![1.0, 0.2], vec![63, 7], vec![0, 99], 2));
    }

    #[test]
    fn errors_carry_their_numbers() {
        let mut out = PointCloud::default();
        let mut check = |sweep: &LidarSweep| points(sweep, &mut out).unwrap_err();
        assert_eq!(
            check(&sweep(16, packed_fields(), vec![0; 33])),
            DecodeError::Stride { seq: 3, len: 33, stride: 16 }
        );
        assert_eq!(check(&sweep(0, packed_fields(), vec![])), DecodeError::Stride { seq: 3, len: 0, stride: 0 });
        let outside = DecodeError::FieldOutside { seq: 3, field: "intensity".into(), offset: 12, size: 4, stride: 15 };
        assert_eq!(check(&sweep(15, packed_fields(), vec![0; 30])), outside);
        assert_eq!(
            check(&sweep(16, packed_fields()[..2].to_vec(), vec![0; 32])),
            DecodeError::FieldMissing { seq: 3, field: "z" }
        );
        assert_eq!(check(&packed(&[])), DecodeError::Empty { seq: 3, rejected: 0 });
        assert_eq!(check(&packed(&[[f32::NAN; 4]; 5])), DecodeError::Empty { seq: 3, rejected: 5 });
        let whole = vec![field("x", 0, PointKind::U32), field("y", 4, PointKind::F32), field("z", 8, PointKind::F32)];
        assert_eq!(
            check(&sweep(12, whole, vec![0; 12])),
            DecodeError::FieldKind { seq: 3, field: "x", kind: "U32".into() }
        );
    }

    fn any_kind() -> impl Strategy<Value = PointKind> {
        use PointKind::{F32, F64, I8, I16, I32, U8, U16, U32};
        prop::sample::select(vec![U8, U16, U32, I8, I16, I32, F32, F64])
    }

    proptest! {
        #[test]
        fn any_layout_and_bytes_are_answered(
            stride in 0..40usize,
            fields in proptest::collection::vec((prop::sample::select(vec!["x", "y", "z", "intensity", "ring", "time", "?"]), prop_oneof![0..40usize, Just(usize::MAX)], any_kind()), 0..8),
            data in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let fields = fields.into_iter().map(|(name, offset, kind)| field(name, offset, kind)).collect();
            let mut out = PointCloud { x: vec![1.0; 3], rejected: 9, ..PointCloud::default() };
            let result = points(&sweep(stride, fields, data), &mut out);
            prop_assert_eq!(result.is_err(), out.is_empty());
            let columns = [&out.x, &out.y, &out.z, &out.intensity];
            prop_assert!(columns.iter().all(|column| column.len() == out.len() && column.iter().all(|v| v.is_finite())));
            prop_assert!(out.ring.is_empty() || out.ring.len() == out.len());
            prop_assert!(out.time_ns.is_empty() || out.time_ns.len() == out.len());
        }

        #[test]
        fn both_paths_agree(bits in proptest::collection::vec(any::<[u32; 4]>(), 1..40)) {
            let rows: Vec<[f32; 4]> = bits.iter().map(|row| row.map(f32::from_bits)).collect();
            let (mut fast, mut general) = (PointCloud::default(), PointCloud::default());
            let quick = points(&packed(&rows), &mut fast);
            let mut same = packed(&rows);
            same.fields.push(field("ring", 12, PointKind::U8));
            prop_assert_eq!(points(&same, &mut general).is_ok(), quick.is_ok());
            general.ring.clear();
            prop_assert_eq!(fast, general);
        }
    }
}
