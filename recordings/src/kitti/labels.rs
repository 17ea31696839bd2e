//! `label_02/SEQ.txt`: the labelled objects, as boxes in `base_link`.

use crate::RecordingError;
use nalgebra::{Isometry3, Point3, Vector3};
use std::fs;
use std::path::Path;
use types::Box3;

/// Numbers of a row up to `rotation_y`; result files have a score behind.
const FEWEST_COLUMNS: usize = 17;

/// A labelled object in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The frame.
    pub frame: u64,
    /// The same object keeps it.
    pub id: u64,
    /// The benchmark's type, such as `Car` or `Van`.
    pub kind: String,
    /// In `base_link`.
    pub bbox: Box3,
}

/// Reads rows of `frame id type truncated occluded alpha x1 y1 x2 y2 h w l x y z rotation_y`. Rows without an identity (areas that
/// nobody looked at) are left out.
pub(super) fn read(path: &Path, base_from_label: &Isometry3<f64>) -> Result<Vec<Label>, RecordingError> {
    let text = fs::read_to_string(path).map_err(RecordingError::io(path, "read"))?;
    let mut labels = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |reason| RecordingError::source(path, Some(index + 1), reason);
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() < FEWEST_COLUMNS {
            return Err(wrong(format!("{} words, expected at least {FEWEST_COLUMNS}", words.len())));
        }
        let number = |column: usize| match words[column].parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(wrong(format!("\"{}\" is not a finite number", words[column]))),
        };
        let (frame, id) = (number(0)?, number(1)?);
        if id < 0.0 {
            continue;
        }
        let [height, width, length] = [number(10)?, number(11)?, number(12)?];
        let [x, y, z, turn] = [number(13)?, number(14)?, number(15)?, number(16)?];
        // Given by the middle of the bottom; y points down.
        let center = base_from_label * Point3::new(x, y - 0.5 * height, z);
        let along = base_from_label.rotation * Vector3::new(turn.cos(), 0.0, -turn.sin());
        let bbox = Box3 { center: center.coords.into(), length, width, height, yaw: along.y.atan2(along.x) };
        labels.push(Label { frame: frame as u64, id: id as u64, kind: words[2].to_owned(), bbox });
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix3, Rotation3, UnitQuaternion};

    /// Optical axes under `base_link`: z forward, x right, y down.
    fn base_from_label() -> Isometry3<f64> {
        let axes = Rotation3::from_matrix_unchecked(Matrix3::new(0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0));
        Isometry3::translation(0.5, 0.0, 1.65) * UnitQuaternion::from_rotation_matrix(&axes)
    }

    #[test]
    fn boxes_come_to_the_vehicle_and_bad_rows_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let good = "3 7 Van 0 1 -1.5 10 20 30 40 2.0 1.8 4.5 -2.0 1.65 20.0 -1.5707963267948966\n";
        let area = "3 -1 DontCare -1 -1 -10 1 2 3 4 -1000 -1000 -1000 -10 -1 -1 -1\n";
        fs::write(file.path(), format!("{good}{area}")).unwrap();
        let labels = read(file.path(), &base_from_label()).unwrap();
        assert_eq!(labels.len(), 1);
        let Label { frame, id, kind, bbox } = &labels[0];
        assert_eq!((*frame, *id, kind.as_str()), (3, 7, "Van"));
        let off = nalgebra::Vector3::from(bbox.center) - nalgebra::Vector3::new(20.5, 2.0, 1.0);
        assert!(off.norm() < 1e-9 && bbox.yaw.abs() < 1e-9, "{bbox:?}");
        for (text, reason) in [("3 7 Van\n", "3 words"), (&good.replace("20.0", "nan"), "\"nan\" is not a finite")] {
            fs::write(file.path(), text).unwrap();
            let said = read(file.path(), &base_from_label()).unwrap_err().to_string();
            assert!(said.contains(":1: ") && said.contains(reason), "{said}");
        }
    }
}
