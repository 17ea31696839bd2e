//! Points of an imported lidar, packed as a sweep.

use types::{LidarSweep, PointField, PointKind, Stamp};

/// One point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// m, in the frame of the sweep.
    pub(crate) position: [f32; 3],
    /// 0..1.
    pub(crate) intensity: f32,
    /// Beam; used if the lidar tells of it.
    pub(crate) ring: u16,
    /// ns after the sweep's stamp; used if the lidar tells of it.
    pub(crate) time_ns: u32,
}

impl Point {
    /// Whether there is a measurement: drivers fill the holes of a sweep with zeros or what is not finite.
    pub(crate) fn is_measured(&self) -> bool {
        self.position.iter().all(|value| value.is_finite()) && self.position != [0.0; 3]
    }
}

/// What the lidar tells beside positions and intensity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) ring: bool,
    pub(crate) time: bool,
}

/// Packs the measured points: x, y, z, intensity (f32), then ring and time (u32 each) where they are told.
pub(crate) fn pack(seq: u64, stamp: Stamp, told: Told, points: impl Iterator<Item = Point>) -> LidarSweep {
    let mut fields = Vec::new();
    let mut stride = 0;
    let mut field = |name: &str, kind: PointKind| {
        fields.push(PointField { name: name.into(), offset: stride, kind });
        stride += 4;
    };
    for name in ["x", "y", "z", "intensity"] {
        field(name, PointKind::F32);
    }
    for (name, wanted) in [("ring", told.ring), ("time", told.time)] {
        if wanted {
            field(name, PointKind::U32);
        }
    }
    let mut data = Vec::with_capacity(points.size_hint().0 * stride);
    for point in points.filter(Point::is_measured) {
        for value in point.position.iter().chain([&point.intensity]) {
            data.extend_from_slice(&value.to_le_bytes());
        }
        if told.ring {
            data.extend_from_slice(&u32::from(point.ring).to_le_bytes());
        }
        if told.time {
            data.extend_from_slice(&point.time_ns.to_le_bytes());
        }
    }
    LidarSweep { seq, stamp, stride, fields, data: data.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_left_out_and_fields_fit() {
        let point = Point { position: [1.0, 2.0, 3.0], intensity: 0.5, ring: 3, time_ns: 9 };
        let holes = [Point { position: [0.0; 3], ..point }, Point { position: [f32::NAN, 0.0, 0.0], ..point }];
        for (told, stride) in [(Told::default(), 16), (Told { ring: true, time: true }, 24)] {
            let sweep = pack(5, Stamp::default(), told, [point].into_iter().chain(holes));
            assert_eq!((sweep.seq, sweep.stride, sweep.data.len()), (5, stride, stride));
            assert!(sweep.fields.iter().all(|field| field.offset + field.kind.size() <= stride));
        }
    }
}
