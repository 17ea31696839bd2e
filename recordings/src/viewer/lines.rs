//! A scene of boxes, texts and lines, which goes into its bytes without a message for each of its thousands of points.
//!
//! The bytes are those of a `foxglove.SceneUpdate` with one entity.

use super::View;
use foxglove::messages::{Color, LinePrimitive, SceneEntity, TextPrimitive, line_primitive};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, message};

/// One entity; a topic's next one replaces it.
pub(super) struct Scene {
    /// Name, time, arrows and boxes.
    pub entity: SceneEntity,
    pub lines: Vec<Line>,
    pub texts: Vec<TextPrimitive>,
}

/// A line through points, around them, or in pieces between pairs of them.
pub(super) struct Line {
    pub kind: line_primitive::Type,
    pub thickness_m: f64,
    pub points: Vec<[f64; 3]>,
    pub color: Color,
    /// The points of the pieces, in pairs; all in their order if there is none.
    pub indices: Vec<u32>,
}

/// Numbers of the fields in `SceneUpdate`, `SceneEntity` and `LinePrimitive`.
const ENTITIES: u32 = 2;
const LINES: u32 = 11;
const TEXTS: u32 = 13;
const POINTS: u32 = 5;
const COLOR: u32 = 6;
const INDICES: u32 = 8;

impl View for Scene {
    fn append(&self, out: &mut Vec<u8>) {
        let heads: Vec<LinePrimitive> = self.lines.iter().map(Line::head).collect();
        let sizes: Vec<usize> = self.lines.iter().zip(&heads).map(|(line, head)| line.size(head)).collect();
        let lines: usize = sizes.iter().map(|size| 1 + encoded_len_varint(*size as u64) + size).sum();
        let size = self.entity.encoded_len() + lines + message::encoded_len_repeated(TEXTS, &self.texts);
        out.reserve(1 + encoded_len_varint(size as u64) + size);
        begin(ENTITIES, size, out);
        self.entity.encode_raw(out);
        for ((line, head), size) in self.lines.iter().zip(&heads).zip(sizes) {
            begin(LINES, size, out);
            line.append(head, out);
        }
        message::encode_repeated(TEXTS, &self.texts, out);
    }
}

impl Line {
    /// What comes before the points.
    fn head(&self) -> LinePrimitive {
        let pose = Some(super::planar_pose(0.0, 0.0, 0.0, 0.0));
        LinePrimitive { r#type: self.kind.into(), pose, thickness: self.thickness_m, ..LinePrimitive::default() }
    }

    fn size(&self, head: &LinePrimitive) -> usize {
        let points: usize = self.points.iter().map(|point| 2 + point_size(point)).sum();
        let indices = 4 * self.indices.len();
        let indices = if indices == 0 { 0 } else { 1 + encoded_len_varint(indices as u64) + indices };
        head.encoded_len() + points + message::encoded_len(COLOR, &self.color) + indices
    }

    fn append(&self, head: &LinePrimitive, out: &mut Vec<u8>) {
        head.encode_raw(out);
        self.points.iter().for_each(|point| append_point(point, out));
        message::encode(COLOR, &self.color, out);
        if !self.indices.is_empty() {
            begin(INDICES, 4 * self.indices.len(), out);
            self.indices.iter().for_each(|index| out.extend_from_slice(&index.to_le_bytes()));
        }
    }
}

/// Begins a field of so many bytes.
fn begin(field: u32, size: usize, out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(size as u64, out);
}

/// A coordinate has a key and eight bytes; what is zero has none.
fn point_size(point: &[f64; 3]) -> usize {
    9 * point.iter().filter(|value| **value != 0.0).count()
}

fn append_point(point: &[f64; 3], out: &mut Vec<u8>) {
    const KEYS: [u8; 3] = [0x09, 0x11, 0x19];
    let mut bytes = [0; 29];
    bytes[0] = (POINTS << 3) as u8 | WireType::LengthDelimited as u8;
    let size = point_size(point);
    bytes[1] = size as u8;
    if size == 27 {
        for (i, value) in point.iter().enumerate() {
            bytes[2 + 9 * i] = KEYS[i];
            bytes[3 + 9 * i..11 + 9 * i].copy_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&bytes);
        return;
    }
    out.extend_from_slice(&bytes[..2]);
    for (key, value) in KEYS.iter().zip(point).filter(|(_, value)| **value != 0.0) {
        out.push(*key);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::color;
    use foxglove::messages::{ArrowPrimitive, Point3, SceneUpdate};
    use proptest::prelude::*;

    /// The same scene as the library has it.
    fn update(scene: &Scene) -> SceneUpdate {
        let line = |line: &Line| LinePrimitive {
            points: line.points.iter().map(|&[x, y, z]| Point3 { x, y, z }).collect(),
            color: Some(line.color),
            indices: line.indices.clone(),
            ..line.head()
        };
        let (lines, texts) = (scene.lines.iter().map(line).collect(), scene.texts.clone());
        SceneUpdate { deletions: Vec::new(), entities: vec![SceneEntity { lines, texts, ..scene.entity.clone() }] }
    }

    fn coordinate() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>(), Just(0.0), Just(-0.0), -100.0..100.0f64]
    }

    proptest! {
        #[test]
        fn the_bytes_are_the_librarys(
            lines in prop::collection::vec(
                (0..3usize, coordinate(), prop::collection::vec(prop::array::uniform3(coordinate()), 0..40), prop::collection::vec(any::<u32>(), 0..40)),
                0..5
            ),
            texts in prop::collection::vec(".*", 0..4), arrows in 0..3usize
        ) {
            let kinds = [line_primitive::Type::LineStrip, line_primitive::Type::LineLoop, line_primitive::Type::LineList];
            let line = |(kind, thickness_m, points, indices)| {
                Line { kind: kinds[kind], thickness_m, points, color: color(0.0, 0.5, 1.0, thickness_m), indices }
            };
            let text = |text| TextPrimitive { text, ..TextPrimitive::default() };
            let arrow = ArrowPrimitive { shaft_length: 2.0, ..ArrowPrimitive::default() };
            let scene = Scene {
                entity: SceneEntity { id: "lines".into(), arrows: vec![arrow; arrows], ..SceneEntity::default() },
                lines: lines.into_iter().map(line).collect(),
                texts: texts.into_iter().map(text).collect(),
            };
            let mut bytes = vec![7];
            scene.append(&mut bytes);
            prop_assert_eq!(&bytes[1..], update(&scene).encode_to_vec());
        }
    }
}
