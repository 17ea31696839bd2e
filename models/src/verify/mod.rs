//! Holds a catalogue entry against itself, against its role and against its file.

mod roles;

pub(crate) use roles::{camera_sections, detector_sections, segmenter_section};

use crate::{
    Carries, Element, ModelError, NetworkSpec, Role, TensorSpec,
    onnx_header::{Dimension, OnnxHeader, UNNAMED, ValueHeader},
};
use types::ObjectClass;

/// No two networks share a name or a role.
pub(crate) fn unique(networks: &[NetworkSpec]) -> Result<(), ModelError> {
    for (index, second) in networks.iter().enumerate() {
        for first in &networks[..index] {
            let duplicate = |what, value: String| {
                let (first, second) = (first.name.clone(), second.name.clone());
                Err(ModelError::Duplicate { what, value, first, second })
            };
            if first.name == second.name {
                return duplicate("name", second.name.clone());
            }
            if first.role == second.role {
                return duplicate("role", second.role.to_string());
            }
        }
    }
    Ok(())
}

/// The entry makes sense by itself: tensors and sections of its role, shapes that belong together, known classes.
pub(crate) fn entry(spec: &NetworkSpec) -> Result<(), ModelError> {
    for (name, ours) in &spec.classes {
        if !ours.is_empty() && ObjectClass::from_name(ours).is_none() {
            let known = ObjectClass::ALL.map(ObjectClass::name).join(", ");
            return Err(spec.mismatch(format!("class {name}"), format!("nothing or one of {known}"), ours));
        }
    }
    match spec.role {
        Role::CameraDetector => roles::camera(spec),
        Role::LidarSegmenter => roles::segmenter(spec),
        Role::LidarDetector => roles::detector(spec),
    }
}

/// Each of `wanted` is carried by exactly one tensor, and no tensor carries anything else.
fn carried(spec: &NetworkSpec, tensors: &[TensorSpec], wanted: &[Carries]) -> Result<(), ModelError> {
    if let Some(tensor) = tensors.iter().find(|tensor| !wanted.contains(&tensor.carries)) {
        let what = format!("what {} carries", tensor.name);
        return Err(spec.mismatch(what, format!("one of {wanted:?}"), format!("{:?}", tensor.carries)));
    }
    for &kind in wanted {
        let count = tensors.iter().filter(|tensor| tensor.carries == kind).count();
        if count != 1 && !(kind == Carries::Logits && count == 0) {
            return Err(spec.mismatch(format!("tensors that carry {kind:?}"), 1, count));
        }
    }
    Ok(())
}

fn shape<const N: usize>(
    spec: &NetworkSpec,
    tensor: &TensorSpec,
    element: Element,
    wanted: [Option<usize>; N],
) -> Result<[usize; N], ModelError> {
    if tensor.element != element {
        let what = format!("element of {}", tensor.name);
        return Err(spec.mismatch(what, format!("{element:?}"), format!("{:?}", tensor.element)));
    }
    let found: Option<[usize; N]> = tensor.shape.as_slice().try_into().ok();
    let fits = |found: &[usize; N]| {
        found
            .iter()
            .zip(&wanted)
            .all(|(&size, want)| want.is_none_or(|want| want == size) && (1..=1 << 24).contains(&size))
    };
    found.filter(fits).ok_or_else(|| {
        let wanted = wanted.map(|size| size.map_or("any".into(), |size| size.to_string())).join(", ");
        spec.mismatch(format!("shape of {}", tensor.name), format!("[{wanted}]"), format!("{:?}", tensor.shape))
    })
}

/// The file is what the entry says: opset, and every input and output by name, type and shape.
pub(crate) fn header(spec: &NetworkSpec, header: &OnnxHeader) -> Result<(), ModelError> {
    if header.opset != spec.opset {
        return Err(spec.mismatch("opset", spec.opset, header.opset));
    }
    tensors(spec, "inputs", &spec.inputs, &header.inputs)?;
    tensors(spec, "outputs", &spec.outputs, &header.outputs)
}

fn tensors(spec: &NetworkSpec, what: &str, declared: &[TensorSpec], found: &[ValueHeader]) -> Result<(), ModelError> {
    let mut declared_names: Vec<&str> = declared.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut found_names: Vec<&str> = found.iter().map(|value| value.name.as_str()).collect();
    declared_names.sort_unstable();
    found_names.sort_unstable();
    if declared_names != found_names {
        return Err(spec.mismatch(what, declared_names.join(", "), found_names.join(", ")));
    }
    for (tensor, value) in declared.iter().flat_map(|t| found.iter().filter(|v| v.name == t.name).map(move |v| (t, v)))
    {
        let element = match tensor.element {
            Element::F32 => 1,
            Element::U8 => 2,
        };
        if value.element != element {
            let (expected, found) = (element_name(element), element_name(value.element));
            return Err(spec.mismatch(format!("element of {}", tensor.name), expected, found));
        }
        let fits = |(&size, dimension): (&usize, &Dimension)| match dimension {
            Dimension::Fixed(found) => *found == size as u64,
            Dimension::Symbol(_) => true,
        };
        let same_rank = tensor.shape.len() == value.dimensions.len();
        if !(same_rank && tensor.shape.iter().zip(&value.dimensions).all(fits)) {
            let found: Vec<String> = value.dimensions.iter().map(dimension_name).collect();
            let found = format!("[{}]", found.join(", "));
            return Err(spec.mismatch(format!("shape of {}", tensor.name), format!("{:?}", tensor.shape), found));
        }
    }
    Ok(())
}

/// The sizes that the entry gives to the named dimensions of the file's inputs.
pub(crate) fn symbols(spec: &NetworkSpec) -> Vec<(String, i64)> {
    let mut symbols = Vec::new();
    for (tensor, value) in
        spec.inputs.iter().flat_map(|t| spec.header.inputs.iter().filter(|v| v.name == t.name).map(move |v| (t, v)))
    {
        for (&size, dimension) in tensor.shape.iter().zip(&value.dimensions) {
            match (dimension, i64::try_from(size)) {
                (Dimension::Symbol(name), Ok(size)) if name != UNNAMED => symbols.push((name.clone(), size)),
                _ => {}
            }
        }
    }
    symbols
}

fn dimension_name(dimension: &Dimension) -> String {
    match dimension {
        Dimension::Fixed(size) => size.to_string(),
        Dimension::Symbol(name) => name.clone(),
    }
}

fn element_name(number: u64) -> String {
    let names = ["undefined", "f32", "u8", "i8", "u16", "i16", "i32", "i64", "string", "bool", "f16", "f64"];
    let name = usize::try_from(number).ok().and_then(|index| names.get(index));
    name.map_or_else(|| format!("type {number}"), |name| (*name).into())
}
