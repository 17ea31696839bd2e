//! How far apart two upright boxes are, without trigonometry.

/// A rectangle in the plane: centre, unit vector of its length, half extents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rectangle {
    /// Centre, m.
    pub center: [f64; 2],
    /// Cosine and sine of the heading.
    pub direction: [f64; 2],
    /// Half of the extent along the heading, m.
    pub half_length: f64,
    /// Half of the extent across the heading, m.
    pub half_width: f64,
}

/// The largest gap along one of the four edge normals: positive if the rectangles are apart (then never more than the
/// true distance), negative if they overlap (separating-axis test).
#[must_use]
pub fn separation(a: &Rectangle, b: &Rectangle) -> f64 {
    let delta = [b.center[0] - a.center[0], b.center[1] - a.center[1]];
    let cos = a.direction[0] * b.direction[0] + a.direction[1] * b.direction[1];
    let sin = a.direction[0] * b.direction[1] - a.direction[1] * b.direction[0];
    let (cos, sin) = (cos.abs(), sin.abs());
    let own = |direction: [f64; 2]| {
        (
            (delta[0] * direction[0] + delta[1] * direction[1]).abs(),
            (delta[1] * direction[0] - delta[0] * direction[1]).abs(),
        )
    };
    let (along_a, across_a) = own(a.direction);
    let (along_b, across_b) = own(b.direction);
    let gaps = [
        along_a - a.half_length - cos * b.half_length - sin * b.half_width,
        across_a - a.half_width - sin * b.half_length - cos * b.half_width,
        along_b - b.half_length - cos * a.half_length - sin * a.half_width,
        across_b - b.half_width - sin * a.half_length - cos * a.half_width,
    ];
    gaps[0].max(gaps[1]).max(gaps[2].max(gaps[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::Box3;

    fn rectangle(b: &Box3) -> Rectangle {
        Rectangle {
            center: [b.center[0], b.center[1]],
            direction: [b.yaw.cos(), b.yaw.sin()],
            half_length: 0.5 * b.length,
            half_width: 0.5 * b.width,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_boxes(x in -8.0..8.0f64, y in -8.0..8.0f64, a in -4.0..4.0f64, b in -4.0..4.0f64,
                                length in 0.2..9.0f64, width in 0.2..3.0f64) {
            let first = Box3 { center: [1.0, 2.0, 0.0], length: 4.77, width: 1.82, height: 1.5, yaw: a };
            let second = Box3 { center: [1.0 + x, 2.0 + y, 0.0], length, width, height: 1.5, yaw: b };
            let gap = separation(&rectangle(&first), &rectangle(&second));
            if gap.abs() > 1e-9 { prop_assert_eq!(gap < 0.0, first.overlaps_bev(&second)); }
            let corners = second.corners_bev();
            let nearest = corners.iter().flat_map(|p| first.corners_bev().map(|q| (p[0] - q[0]).hypot(p[1] - q[1])))
                .fold(f64::INFINITY, f64::min);
            prop_assert!(gap <= nearest + 1e-9);
        }
    }
}
