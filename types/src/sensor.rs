//! Sensor frames as they arrive (raw bytes) and as the decoder leaves them.

use crate::Stamp;
use bytes::Bytes;

/// How the bytes of a camera frame are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// JPEG, 8 bit.
    Jpeg,
    /// PNG, 8 bit.
    Png,
}

/// One compressed camera frame, the camera's own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraFrame {
    /// Counter of this camera's frames in this drive.
    pub seq: u64,
    /// Middle of the exposure.
    pub stamp: Stamp,
    /// Compression of `data`.
    pub format: ImageFormat,
    /// The compressed image; shared with whatever it was read from, not copied.
    pub data: Bytes,
}

/// A decoded image: RGB, 8 bit, rows from the top, no padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height * width * 3` bytes, R G B.
    pub rgb: Vec<u8>,
}

/// Number type of a point field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    /// Unsigned 8 bit.
    U8,
    /// Unsigned 16 bit.
    U16,
    /// Unsigned 32 bit.
    U32,
    /// Signed 8 bit.
    I8,
    /// Signed 16 bit.
    I16,
    /// Signed 32 bit.
    I32,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
}

impl PointKind {
    /// Bytes of one number.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// One named number within the bytes of a point, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointField {
    /// `x`, `y`, `z` (m, lidar frame), `intensity` (0..1), `ring` (beam), `time` (ns after the sweep's stamp); others are ignored.
    pub name: String,
    /// Bytes from the start of the point.
    pub offset: usize,
    /// Number type.
    pub kind: PointKind,
}

/// One lidar sweep as packed points, the layout described by `fields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LidarSweep {
    /// Counter of this lidar's sweeps in this drive.
    pub seq: u64,
    /// The instant that all points refer to, or the start of the sweep if they carry `time`.
    pub stamp: Stamp,
    /// Bytes from one point to the next.
    pub stride: usize,
    /// The fields of a point.
    pub fields: Vec<PointField>,
    /// The points; shared with whatever they were read from, not copied.
    pub data: Bytes,
}

/// One point of a spinning lidar, in the layout that our own sources pack their sweeps with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpinningPoint {
    /// x, y, z in the lidar frame at the point's own instant, m.
    pub position: [f32; 3],
    /// Reflectance 0..1.
    pub intensity: f32,
    /// Beam.
    pub ring: u16,
    /// After the sweep's stamp, ns.
    pub time_ns: u32,
}

impl SpinningPoint {
    /// Bytes of a packed point: x, y, z, intensity (f32), ring (u16), two unused, time (u32).
    pub const STRIDE: usize = 24;

    /// Appends the point to the data of a sweep.
    pub fn pack(&self, data: &mut Vec<u8>) {
        for value in self.position.iter().chain([&self.intensity]) {
            data.extend_from_slice(&value.to_le_bytes());
        }
        data.extend_from_slice(&u32::from(self.ring).to_le_bytes());
        data.extend_from_slice(&self.time_ns.to_le_bytes());
    }

    /// The fields of a packed point.
    #[must_use]
    pub fn fields() -> Vec<PointField> {
        let field = |name: &str, offset, kind| PointField { name: name.to_owned(), offset, kind };
        vec![
            field("x", 0, PointKind::F32),
            field("y", 4, PointKind::F32),
            field("z", 8, PointKind::F32),
            field("intensity", 12, PointKind::F32),
            field("ring", 16, PointKind::U16),
            field("time", 20, PointKind::U32),
        ]
    }
}

/// A decoded sweep in the lidar frame, structure of arrays; every coordinate is finite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointCloud {
    /// Forward, m.
    pub x: Vec<f32>,
    /// Left, m.
    pub y: Vec<f32>,
    /// Up, m.
    pub z: Vec<f32>,
    /// Reflectance 0..1, zero if the sensor gives none.
    pub intensity: Vec<f32>,
    /// Beam index, empty if the sensor gives none.
    pub ring: Vec<u16>,
    /// Nanoseconds after the sweep's stamp, empty if the sensor gives none.
    pub time_ns: Vec<u32>,
    /// Points of the sweep that were dropped since a coordinate was not finite.
    pub rejected: usize,
}

impl PointCloud {
    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// Removes all points and keeps the memory.
    pub fn clear(&mut self) {
        for column in [&mut self.x, &mut self.y, &mut self.z, &mut self.intensity] {
            column.clear();
        }
        self.ring.clear();
        self.time_ns.clear();
        self.rejected = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_point_fills_its_stride() {
        let mut data = Vec::new();
        SpinningPoint { position: [1.0, 2.0, 3.0], intensity: 0.5, ring: 7, time_ns: 9 }.pack(&mut data);
        assert_eq!(data.len(), SpinningPoint::STRIDE);
        let end = SpinningPoint::fields().iter().map(|field| field.offset + field.kind.size()).max();
        assert_eq!(end, Some(SpinningPoint::STRIDE));
        assert_eq!((data[16], data[20]), (7, 9));
    }
}
