//! What a cluster can be, by its size alone.

use types::{Box3, ObjectClass};

/// What is known of a cluster before it has a class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The visible box, standing on the ground, its length not less than its width.
    pub bbox: Box3,
    /// Extent of the upper third along the length, m: wide on a car, narrow on a rider.
    pub upper_length: f64,
    /// Points below the overhead limit.
    pub points: usize,
    /// Points above the overhead limit over the same area, as a share of `points`.
    pub overhead_share: f64,
    /// Distance from the lidar, m.
    pub range: f64,
    /// Points of the whole sweep: how dense the lidar is.
    pub sweep_points: usize,
}

/// What a cluster is, and how sure its size makes us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// An object of this class and score.
    Object(ObjectClass, f64),
    /// Larger than any road user: a wall, a hedge, a building.
    Structure,
    /// Too small to be anything.
    Nothing,
}

/// Cars and people have nothing above them and hide what is behind them; poles, trees and hedges do not.
/// Trucks are long, high and straight.
pub(super) fn judge(shape: &Shape) -> Verdict {
    let Box3 { length, width, height, .. } = shape.bbox;
    if length > 13.0 || width > 3.2 {
        return Verdict::Structure;
    }
    if length > 6.0 {
        let is_truck = height > 2.0 && width > 1.0 && is_solid(shape, 0.2);
        return if is_truck { Verdict::Object(ObjectClass::Truck, 0.35) } else { Verdict::Structure };
    }
    if height < 0.4 {
        return Verdict::Nothing;
    }
    let class = if shape.overhead_share > 0.03 { ObjectClass::Unknown } else { by_extent(shape) };
    let score = match class {
        ObjectClass::Car if length > 2.4 && width > 0.6 => 0.75,
        ObjectClass::Car => 0.55,
        ObjectClass::Unknown => 0.25,
        _ => 0.4,
    };
    Verdict::Object(class, score)
}

fn by_extent(shape: &Shape) -> ObjectClass {
    let Box3 { length, width, height, .. } = shape.bbox;
    let is_rider = shape.upper_length < 0.8 && length < 2.1;
    if is_solid(shape, 0.2) && length >= 1.4 && width <= 2.6 && (1.0..2.6).contains(&height) && !is_rider {
        ObjectClass::Car
    } else if is_solid(shape, 0.4) && length < 1.2 && (0.2..1.0).contains(&width) && (1.2..2.05).contains(&height) {
        ObjectClass::Pedestrian
    } else if is_solid(shape, 0.15)
        && is_rider
        && length >= 1.1
        && (0.2..1.0).contains(&width)
        && (1.3..2.05).contains(&height)
    {
        ObjectClass::Cyclist
    } else {
        ObjectClass::Unknown
    }
}

/// Whether the cluster stopped at least `share` of the beams that a face of its length and height would meet.
///
/// A sweep of n points over a full turn and about 27 degrees of pitch has 0.34 n beams per steradian. Not all return.
fn is_solid(shape: &Shape, share: f64) -> bool {
    let Shape { bbox, points, range, sweep_points, .. } = *shape;
    let beams = 0.4 * sweep_points as f64 * bbox.length * bbox.height / (range * range).max(1.0);
    let enough_for_a_shape = points as f64 * range * 120.0 > sweep_points as f64;
    points as f64 > share * beams && enough_for_a_shape
}
