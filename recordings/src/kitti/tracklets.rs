//! `tracklet_labels.xml`: the labelled objects of a raw recording, as boxes in the lidar's frame.

use crate::RecordingError;
use crate::labelled::Labelled;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use types::{Box3, ObjectClass};

/// The objects by frame. Boxes are given by the middle of their bottom and turn about z alone.
pub(super) fn read(path: &Path) -> Result<BTreeMap<u64, Vec<Labelled>>, RecordingError> {
    let text = fs::read_to_string(path).map_err(RecordingError::io(path, "read"))?;
    let wrong = |line: Option<usize>, reason: String| RecordingError::source(path, line, reason);
    let document = Document::parse(&text).map_err(|error| wrong(None, error.to_string()))?;
    let line = |node: &Node| Some(document.text_pos_at(node.range().start).row as usize);
    let number = |node: &Node, name: &str| {
        let text = child(node, name).and_then(|node| node.text()).unwrap_or("").trim();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(wrong(line(node), format!("{name} is \"{text}\", not a finite number"))),
        }
    };
    let list = document.descendants().find(|node| node.has_tag_name("tracklets"));
    let list = list.ok_or_else(|| wrong(None, "no element tracklets".into()))?;
    let mut frames = BTreeMap::<_, Vec<_>>::new();
    for (tracklet, id) in list.children().filter(|node| node.has_tag_name("item")).zip(0..) {
        let kind = child(&tracklet, "objectType").and_then(|node| node.text()).unwrap_or("").trim();
        let [height, width, length] = [number(&tracklet, "h")?, number(&tracklet, "w")?, number(&tracklet, "l")?];
        let first = number(&tracklet, "first_frame")? as u64;
        let poses = child(&tracklet, "poses").ok_or_else(|| wrong(line(&tracklet), "no element poses".into()))?;
        for (pose, frame) in poses.children().filter(|node| node.has_tag_name("item")).zip(first..) {
            let [x, y, bottom] = [number(&pose, "tx")?, number(&pose, "ty")?, number(&pose, "tz")?];
            let yaw = number(&pose, "rz")?;
            let bbox = Box3 { center: [x, y, bottom + 0.5 * height], length, width, height, yaw };
            if !bbox.is_valid() {
                return Err(wrong(line(&tracklet), format!("a box of {length} x {width} x {height} m")));
            }
            let labelled = Labelled { name: format!("{id}"), class: class(kind), bbox, points: 0, visible: 1.0 };
            frames.entry(frame).or_default().push(labelled);
        }
    }
    Ok(frames)
}

fn child<'a, 'input>(node: &Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn class(kind: &str) -> ObjectClass {
    match kind {
        "Car" | "Van" => ObjectClass::Car,
        "Truck" => ObjectClass::Truck,
        "Pedestrian" | "Person (sitting)" => ObjectClass::Pedestrian,
        "Cyclist" => ObjectClass::Cyclist,
        _ => ObjectClass::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refusal = |text: &str| {
            fs::write(file.path(), text).unwrap();
            read(file.path()).unwrap_err().to_string()
        };
        assert!(refusal("<a/>").ends_with("no element tracklets"));
        assert!(
            refusal("<tracklets>\n<item><h>2</h></item></tracklets>").ends_with(":2: w is \"\", not a finite number")
        );
    }
}
