//! `annotations`: the labelled objects of every sweep, boxes in the ego frame.

use super::transforms;
use crate::RecordingError;
use crate::labelled::Labelled;
use crate::table::Table;
use nalgebra::Vector3;
use std::collections::BTreeMap;
use std::path::Path;
use types::{Box3, ObjectClass, Stamp};

/// The objects by stamp, boxes still in the ego frame; none if the log has no labels.
pub(super) fn read(log: &Path) -> Result<BTreeMap<Stamp, Vec<Labelled>>, RecordingError> {
    let mut labels = BTreeMap::<_, Vec<_>>::new();
    let Some(path) = Table::find(log, "annotations") else { return Ok(labels) };
    let table = Table::read(&path)?;
    let (stamps, poses) = (table.integers("timestamp_ns")?, transforms(&table)?);
    let (names, categories) = (table.texts("track_uuid")?, table.texts("category")?);
    let [lengths, widths, heights] = [table.floats("length_m")?, table.floats("width_m")?, table.floats("height_m")?];
    let points = table.integers("num_interior_pts")?;
    for row in 0..table.rows() {
        let Some(class) = class(&categories[row]) else { continue };
        let forward = poses[row].rotation * Vector3::x();
        let bbox = Box3 {
            center: poses[row].translation.vector.into(),
            length: lengths[row],
            width: widths[row],
            height: heights[row],
            yaw: forward.y.atan2(forward.x),
        };
        if !bbox.is_valid() {
            return Err(table.wrong(format!("row {}: a box with an impossible number", row + 1)));
        }
        let points = u32::try_from(points[row]).unwrap_or(0);
        let labelled = Labelled { name: names[row].clone(), class, bbox, points, visible: 1.0 };
        labels.entry(Stamp::from_nanos(stamps[row])).or_default().push(labelled);
    }
    Ok(labels)
}

/// The class of a category; `None` for the ego itself. A bicycle without its rider is an obstacle without a name.
fn class(category: &str) -> Option<ObjectClass> {
    Some(match category {
        "EGO_VEHICLE" => return None,
        "REGULAR_VEHICLE" => ObjectClass::Car,
        "LARGE_VEHICLE" | "BOX_TRUCK" | "TRUCK" | "TRUCK_CAB" | "VEHICULAR_TRAILER" => ObjectClass::Truck,
        "BUS" | "SCHOOL_BUS" | "ARTICULATED_BUS" => ObjectClass::Bus,
        "MOTORCYCLE" | "MOTORCYCLIST" => ObjectClass::Motorcycle,
        "BICYCLIST" => ObjectClass::Cyclist,
        "PEDESTRIAN" | "OFFICIAL_SIGNALER" | "STROLLER" | "WHEELCHAIR" | "WHEELED_RIDER" => ObjectClass::Pedestrian,
        "STOP_SIGN" => ObjectClass::StopSign,
        _ => ObjectClass::Unknown,
    })
}
