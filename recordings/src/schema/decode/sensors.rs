//! What the sensors gave, where they sit, and lines of text.

use super::{Decoded, known, pose, size, sized};
use crate::LogLevel;
use crate::schema::{Calibration, CompressedImage, Ego, PointCloud};
use foxglove::messages::{log, packed_element_field::NumericType};
use nalgebra::Matrix3;
use types::{CameraModel, EgoState, ImageFormat, PointField, PointKind, PoseSource, Stamp};

pub(super) fn calibration(found: &Calibration) -> Decoded<types::Calibration> {
    let base_from_lidar = pose("base_from_lidar", found.base_from_lidar.as_ref())?;
    let Some(camera) = &found.camera else { return Ok(types::Calibration { base_from_lidar, camera: None }) };
    sized("camera.k", camera.k.len(), 9)?;
    let camera = CameraModel {
        width: size("camera.width", camera.width)?,
        height: size("camera.height", camera.height)?,
        k: Matrix3::from_row_slice(&camera.k),
        camera_from_lidar: pose("camera.camera_from_lidar", camera.camera_from_lidar.as_ref())?,
    };
    Ok(types::Calibration { base_from_lidar, camera: Some(camera) })
}

pub(super) fn image(image: CompressedImage, stamp: Stamp, seq: u64) -> Decoded<types::CameraFrame> {
    let format = match image.format.as_str() {
        "jpeg" => ImageFormat::Jpeg,
        "png" => ImageFormat::Png,
        other => return Err(format!("image format is \"{other}\", expected \"jpeg\" or \"png\"")),
    };
    Ok(types::CameraFrame { seq, stamp, format, data: image.data })
}

pub(super) fn points(cloud: PointCloud, stamp: Stamp, seq: u64) -> Decoded<types::LidarSweep> {
    let (stride, bytes) = (cloud.point_stride as usize, cloud.data.len());
    if stride == 0 || bytes % stride != 0 {
        return Err(format!("{bytes} bytes of points are not a multiple of the stride of {stride} bytes"));
    }
    let mut fields = Vec::with_capacity(cloud.fields.len());
    for field in cloud.fields {
        let kind = point_kind(field.r#type)
            .ok_or_else(|| format!("field \"{}\" has the unknown type {}", field.name, field.r#type))?;
        let offset = field.offset as usize;
        if offset + kind.size() > stride {
            let (name, end) = (field.name, offset + kind.size());
            return Err(format!("field \"{name}\" ends at byte {end}, outside the stride of {stride} bytes"));
        }
        fields.push(PointField { name: field.name, offset, kind });
    }
    Ok(types::LidarSweep { seq, stamp, stride, fields, data: cloud.data })
}

pub(super) fn point_kind(found: i32) -> Option<PointKind> {
    Some(match NumericType::try_from(found).ok()? {
        NumericType::Unknown => return None,
        NumericType::Uint8 => PointKind::U8,
        NumericType::Uint16 => PointKind::U16,
        NumericType::Uint32 => PointKind::U32,
        NumericType::Int8 => PointKind::I8,
        NumericType::Int16 => PointKind::I16,
        NumericType::Int32 => PointKind::I32,
        NumericType::Float32 => PointKind::F32,
        NumericType::Float64 => PointKind::F64,
    })
}

pub(super) fn log_level(found: i32) -> Decoded<LogLevel> {
    Ok(match log::Level::try_from(found) {
        Ok(log::Level::Debug) => LogLevel::Debug,
        Ok(log::Level::Info) => LogLevel::Info,
        Ok(log::Level::Warning) => LogLevel::Warning,
        Ok(log::Level::Error) => LogLevel::Error,
        Ok(log::Level::Fatal) => LogLevel::Fatal,
        Ok(log::Level::Unknown) | Err(_) => return Err(format!("level is {found}, which is unknown")),
    })
}

pub(super) fn ego_state(ego: &Ego, stamp: Stamp) -> Decoded<EgoState> {
    let source = match ego.source.as_str() {
        "ins" => Some(PoseSource::Ins),
        "lidar odometry" => Some(PoseSource::LidarOdometry),
        "fused" => Some(PoseSource::Fused),
        _ => None,
    };
    Ok(EgoState {
        stamp,
        odom_from_base: pose("odom_from_base", ego.odom_from_base.as_ref())?,
        speed_mps: ego.speed_mps,
        acceleration_mps2: ego.acceleration_mps2,
        yaw_rate_radps: ego.yaw_rate_radps,
        source: known("source", &ego.source, source)?,
    })
}
