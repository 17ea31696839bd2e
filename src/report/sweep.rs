//! A sweep as the page draws it: thinned, in whole steps, a few kilobytes.

use nalgebra::{Isometry3, Point3};
use types::PointCloud;

/// Step of the positions, m: less than a pixel of the view. 16 bit of them reach 3.2 km.
pub const STEP_M: f64 = 0.1;
/// Step of the heights, m, and the height of the lowest step.
pub const HEIGHT_STEP_M: f64 = 0.2;
/// See [`HEIGHT_STEP_M`].
pub const LOWEST_M: f64 = -1.0;

/// Farther points are left out, m.
const REACH_M: f64 = 70.0;
/// What lies lower is ground.
const GROUND_M: f64 = 0.25;
/// One point is kept in each square of this width, m: the highest. Ground is the same everywhere.
const OBJECT_CELL_M: f64 = 0.3;
const GROUND_CELL_M: f64 = 1.5;

/// Thins a sweep and packs it: all x, all y (differences from point to point in 16 bit, low bytes before high bytes), all heights.
///
/// `base_link`, m in steps of [`STEP_M`]. Neighbours follow each other, so that the differences are small and compress well.
#[must_use]
pub fn pack(points: &PointCloud, base_from_lidar: &Isometry3<f64>) -> Vec<u8> {
    let mut kept: Vec<([i16; 3], [i16; 2], u8)> = Vec::with_capacity(points.len());
    for ((&x, &y), &z) in points.x.iter().zip(&points.y).zip(&points.z) {
        let p = base_from_lidar * Point3::new(f64::from(x), f64::from(y), f64::from(z));
        let is_near = p.x.hypot(p.y) <= REACH_M;
        if !is_near {
            continue;
        }
        let ground = p.z < GROUND_M;
        let cell_m = if ground { GROUND_CELL_M } else { OBJECT_CELL_M };
        let cell = [(p.x / cell_m).floor() as i16, (p.y / cell_m).floor() as i16];
        let place = [(p.x / STEP_M).round() as i16, (p.y / STEP_M).round() as i16];
        let height = ((p.z - LOWEST_M) / HEIGHT_STEP_M).round() as u8;
        kept.push(([i16::from(ground), cell[0], cell[1]], place, height));
    }
    // The highest of a cell comes first and stays.
    kept.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.2.cmp(&a.2)).then(a.1.cmp(&b.1)));
    kept.dedup_by_key(|point| point.0);
    let mut packed = Vec::with_capacity(5 * kept.len());
    for axis in 0..2 {
        let values = || kept.iter().map(|point| point.1[axis]);
        let differences =
            || values().zip(std::iter::once(0).chain(values())).map(|(next, last)| next.wrapping_sub(last));
        packed.extend(differences().map(|difference| difference.to_le_bytes()[0]));
        packed.extend(differences().map(|difference| difference.to_le_bytes()[1]));
    }
    packed.extend(kept.iter().map(|point| point.2));
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(points: &[[f32; 3]]) -> PointCloud {
        let column = |axis: usize| points.iter().map(|point| point[axis]).collect();
        PointCloud { x: column(0), y: column(1), z: column(2), ..PointCloud::default() }
    }

    /// What the page's script does.
    fn unpack(packed: &[u8]) -> Vec<[f64; 3]> {
        let count = packed.len() / 5;
        let column = |axis: usize| {
            let mut sum = 0i16;
            let low = &packed[2 * axis * count..];
            (0..count)
                .map(|i| {
                    sum = sum.wrapping_add(i16::from_le_bytes([low[i], low[count + i]]));
                    f64::from(sum) * STEP_M
                })
                .collect::<Vec<_>>()
        };
        let (x, y) = (column(0), column(1));
        (0..count).map(|i| [x[i], y[i], f64::from(packed[4 * count + i]) * HEIGHT_STEP_M + LOWEST_M]).collect()
    }

    #[test]
    fn points_come_back_to_half_a_step() {
        let lidar = Isometry3::translation(1.0, 0.0, 1.7);
        let points =
            [[20.12, -8.21, -0.7], [20.13, -8.2, 0.3], [-40.3, 31.7, -1.65], [69.5, 0.0, 0.0], [900.0, 0.0, 0.0]];
        let mut back = unpack(&pack(&cloud(&points), &lidar));
        back.sort_by(|a, b| a[0].total_cmp(&b[0]));
        // The lower one of two in a cell is gone, and those out of reach.
        let expected = [[-39.3, 31.7, 0.05], [21.13, -8.2, 2.0]];
        assert_eq!(back.len(), expected.len(), "{back:?}");
        for (found, expected) in back.iter().zip(expected) {
            assert!((found[0] - expected[0]).abs() < 0.051 && (found[1] - expected[1]).abs() < 0.051, "{found:?}");
            assert!((found[2] - expected[2]).abs() <= 0.11, "{found:?}");
        }
    }

    #[test]
    fn wild_numbers_do_no_harm() {
        let wild = [[f32::NAN, 0.0, 0.0], [0.0, f32::INFINITY, 0.0], [1.0, 1.0, f32::MAX], [1.0, 9.0, f32::NAN]];
        assert_eq!(unpack(&pack(&cloud(&wild), &Isometry3::identity())).len(), 1);
        assert!(pack(&PointCloud::default(), &Isometry3::identity()).is_empty());
    }
}
