//! What each role asks of a catalogue entry: its sections, its tensors and their shapes.

use super::{carried, shape};
use crate::{
    BoxesSpec, Carries, CentersSpec, Element, ImageSpec, ModelError, NetworkSpec, PillarsSpec, ProjectionSpec,
    operations::centers::BOX_CHANNELS,
};

pub(super) fn camera(spec: &NetworkSpec) -> Result<(), ModelError> {
    let (image, boxes) = camera_sections(spec)?;
    if !(image.scale.is_finite() && image.mean.iter().chain(&image.std).all(|v| v.is_finite())) {
        return Err(spec.mismatch("image scale, mean and std", "finite numbers", format!("{image:?}")));
    }
    if image.std.contains(&0.0) {
        return Err(spec.mismatch("image.std", "no zero", format!("{:?}", image.std)));
    }
    in_range(spec, "boxes.score_threshold", f64::from(boxes.score_threshold))?;
    in_range(spec, "boxes.overlap_threshold", boxes.overlap_threshold)?;
    carried(spec, &spec.inputs, &[Carries::Image])?;
    let [_, _, rows, columns] = shape(spec, &spec.inputs[0], Element::F32, [Some(1), Some(3), None, None])?;
    for &stride in &boxes.strides {
        if stride == 0 || rows % stride != 0 || columns % stride != 0 {
            return Err(spec.mismatch("boxes.strides", format!("divisors of {rows} and {columns}"), stride));
        }
    }
    let cells = boxes.strides.iter().map(|stride| (rows / stride) * (columns / stride)).sum();
    let output = |tensor, width| shape(spec, tensor, Element::F32, [Some(1), Some(cells), Some(width)]).map(|_| ());
    if spec.outputs.iter().any(|tensor| tensor.carries == Carries::Anchors) {
        carried(spec, &spec.outputs, &[Carries::Anchors])?;
        return output(&spec.outputs[0], 5 + spec.classes.len());
    }
    carried(spec, &spec.outputs, &[Carries::Scores, Carries::Distances])?;
    spec.outputs.iter().try_for_each(|tensor| match tensor.carries {
        Carries::Scores => output(tensor, spec.classes.len()),
        _ => output(tensor, 4),
    })
}

pub(super) fn segmenter(spec: &NetworkSpec) -> Result<(), ModelError> {
    let projection = segmenter_section(spec)?;
    let (up, down) = (projection.fov_up_deg, projection.fov_down_deg);
    if !(up.is_finite() && down.is_finite() && up > down && up <= 90.0 && down >= -90.0) {
        return Err(spec.mismatch(
            "projection.fov_up_deg, fov_down_deg",
            "-90 <= down < up <= 90",
            [up, down].map(|v| v.to_string()).join(", "),
        ));
    }
    if !(projection.trust_distance_m.is_finite() && projection.trust_distance_m > 0.0) {
        return Err(spec.mismatch("projection.trust_distance_m", "more than 0", projection.trust_distance_m));
    }
    let (rows, columns) = (projection.rows, projection.columns);
    if rows == 0 || columns == 0 || rows.saturating_mul(columns) > 1 << 24 {
        return Err(spec.mismatch("projection.rows, columns", "1 to 2^24 pixels", format!("{rows}, {columns}")));
    }
    if !(1..=256).contains(&spec.classes.len()) {
        return Err(spec.mismatch("classes", "1 to 256", spec.classes.len()));
    }
    carried(spec, &spec.inputs, &[Carries::RangeImage, Carries::Mask])?;
    carried(spec, &spec.outputs, &[Carries::Labels, Carries::Confidence, Carries::Logits])?;
    let image = |channels| [Some(1), Some(channels), Some(rows), Some(columns)];
    for tensor in spec.inputs.iter().chain(&spec.outputs) {
        match tensor.carries {
            Carries::RangeImage => shape(spec, tensor, Element::F32, image(5)).map(|_| ())?,
            Carries::Mask => shape(spec, tensor, Element::F32, image(1)).map(|_| ())?,
            Carries::Logits => shape(spec, tensor, Element::F32, image(spec.classes.len())).map(|_| ())?,
            Carries::Labels => shape(spec, tensor, Element::U8, [Some(1), Some(rows), Some(columns)]).map(|_| ())?,
            _ => shape(spec, tensor, Element::F32, [Some(1), Some(rows), Some(columns)]).map(|_| ())?,
        }
    }
    Ok(())
}

pub(super) fn detector(spec: &NetworkSpec) -> Result<(), ModelError> {
    let (pillars, centers) = detector_sections(spec)?;
    let PillarsSpec { cell_m, reach_m, heights_m, own_x_m, own_y_m } = pillars;
    let between = |value: f32, low, high| (low..=high).contains(&value);
    if !(between(*cell_m, 0.01, 10.0) && between(*reach_m, 1.0, 500.0)) {
        let expected = "0.01 to 10 and 1 to 500";
        return Err(spec.mismatch("pillars.cell_m, reach_m", expected, format!("{cell_m}, {reach_m}")));
    }
    let is_rising = heights_m.is_sorted_by(|a, b| a < b) && heights_m.iter().all(|&edge| between(edge, -100.0, 100.0));
    if !(is_rising && (2..=32).contains(&heights_m.len())) {
        return Err(spec.mismatch("pillars.heights_m", "2 to 32 rising numbers", format!("{heights_m:?}")));
    }
    for (name, [low, high]) in [("pillars.own_x_m", own_x_m), ("pillars.own_y_m", own_y_m)] {
        if !(between(*low, -100.0, *high) && between(*high, *low, 100.0)) {
            return Err(spec.mismatch(name, "two rising numbers", format!("{low}, {high}")));
        }
    }
    in_range(spec, "centers.score_threshold", f64::from(centers.score_threshold))?;
    in_range(spec, "centers.overlap_threshold", centers.overlap_threshold)?;
    if !(0.0..1.0).contains(&centers.overlap_weight) {
        return Err(spec.mismatch("centers.overlap_weight", "0 to less than 1", centers.overlap_weight));
    }
    carried(spec, &spec.inputs, &[Carries::Pillars])?;
    carried(spec, &spec.outputs, &[Carries::Heatmap, Carries::Boxes, Carries::Overlap])?;
    let size = pillars.size();
    shape(spec, &spec.inputs[0], Element::F32, [Some(1), Some(pillars.channels()), Some(size), Some(size)])?;
    let mut cells = None;
    for tensor in &spec.outputs {
        let channels = match tensor.carries {
            Carries::Heatmap => spec.classes.len(),
            Carries::Boxes => BOX_CHANNELS,
            _ => 1,
        };
        let [_, _, rows, _] = shape(spec, tensor, Element::F32, [Some(1), Some(channels), cells, cells])?;
        shape(spec, tensor, Element::F32, [Some(1), Some(channels), Some(rows), Some(rows)])?;
        if size % rows != 0 {
            return Err(spec.mismatch(format!("rows of {}", tensor.name), format!("a divisor of {size}"), rows));
        }
        cells = Some(rows);
    }
    Ok(())
}

fn in_range(spec: &NetworkSpec, name: &str, value: f64) -> Result<(), ModelError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(spec.mismatch(name, "0 to 1", value)) }
}

/// The entry has the sections of its role and no other.
fn sections(spec: &NetworkSpec, wanted: &[&str]) -> Result<(), ModelError> {
    let present = [
        ("image", spec.image.is_some()),
        ("boxes", spec.boxes.is_some()),
        ("projection", spec.projection.is_some()),
        ("pillars", spec.pillars.is_some()),
        ("centers", spec.centers.is_some()),
    ];
    let number = |is_there| if is_there { "one" } else { "none" };
    match present.into_iter().find(|(name, is_there)| *is_there != wanted.contains(name)) {
        None => Ok(()),
        Some((name, is_there)) => {
            let expected = format!("{} for a {}", number(!is_there), spec.role);
            Err(spec.mismatch(format!("section {name}"), expected, number(is_there)))
        }
    }
}

/// The two sections of a camera detector.
pub(crate) fn camera_sections(spec: &NetworkSpec) -> Result<(&ImageSpec, &BoxesSpec), ModelError> {
    sections(spec, &["image", "boxes"])?;
    spec.image.as_ref().zip(spec.boxes.as_ref()).ok_or_else(|| spec.mismatch("sections image and boxes", 2, 0))
}

/// The section of a lidar segmenter.
pub(crate) fn segmenter_section(spec: &NetworkSpec) -> Result<&ProjectionSpec, ModelError> {
    sections(spec, &["projection"])?;
    spec.projection.as_ref().ok_or_else(|| spec.mismatch("section projection", 1, 0))
}

/// The two sections of a lidar detector.
pub(crate) fn detector_sections(spec: &NetworkSpec) -> Result<(&PillarsSpec, &CentersSpec), ModelError> {
    sections(spec, &["pillars", "centers"])?;
    spec.pillars.as_ref().zip(spec.centers.as_ref()).ok_or_else(|| spec.mismatch("sections pillars and centers", 2, 0))
}
