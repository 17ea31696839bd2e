//! Heat maps become boxes: the peaks, and what the network says at each of them.
//!
//! Centre heads as in T. Yin, X. Zhou, P. Krähenbühl: "Center-based 3D Object Detection and Tracking", CVPR 2021; the score takes in the
//! overlap that the network expects of its own box, as in "CIA-SSD" (W. Zheng et al., AAAI 2021, section 3.3).

use types::Box3;

/// Channels of the regression: offset x and y, z, logarithms of length, width and height, sine and cosine of the heading.
pub const BOX_CHANNELS: usize = 8;
/// No road user is shorter, narrower or lower, or longer than this, m: such a box is none.
pub const EXTENT_M: [f64; 2] = [0.05, 40.0];

/// A cell of a heat map that no neighbour exceeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Class of the network: the plane of the heat map.
    pub class: usize,
    /// row * columns + column.
    pub cell: usize,
    /// The heat map there, 0..1.
    pub heat: f32,
}

impl Peak {
    /// In falling heat, then rising class, then rising cell: no two peaks tie.
    pub(crate) fn by_heat(&self, other: &Self) -> std::cmp::Ordering {
        other.heat.total_cmp(&self.heat).then((self.class, self.cell).cmp(&(other.class, other.cell)))
    }
}

/// A box before suppression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CenterBox {
    /// Box in the frame of the grid, m.
    pub bbox: Box3,
    /// Class of the network.
    pub class: usize,
    /// Heat and expected overlap in one number, 0..1.
    pub score: f32,
    /// row * columns + column of the peak.
    pub cell: usize,
}

/// Puts the peaks of `heat` (classes x rows x columns) into `found`: every cell of at least `threshold` that is not lower than any of its
/// eight neighbours in its plane. In falling heat, then rising class, then rising cell. Of a flat top every cell is a peak.
///
/// A cell that is not a number is no peak and hides none. Planes that are cut short, or no rows or columns, give nothing.
pub fn peaks(heat: &[f32], [rows, columns]: [usize; 2], threshold: f32, found: &mut Vec<Peak>) {
    found.clear();
    if rows == 0 || columns == 0 {
        return;
    }
    for (class, plane) in heat.chunks_exact(rows * columns).enumerate() {
        for (cell, &heat) in plane.iter().enumerate().filter(|(_, heat)| **heat >= threshold) {
            let (row, column) = (cell / columns, cell % columns);
            let is_lower = |row: usize| {
                let line = &plane[row * columns..][..columns];
                line[column.saturating_sub(1)..(column + 2).min(columns)].iter().any(|&other| heat < other)
            };
            if !(row.saturating_sub(1)..(row + 2).min(rows)).any(is_lower) {
                found.push(Peak { class, cell, heat });
            }
        }
    }
    found.sort_unstable_by(Peak::by_heat);
}

/// The least heat of a peak whose score can reach `threshold`, whatever overlap is expected of its box.
#[must_use]
pub fn least_heat(threshold: f32, overlap_weight: f32) -> f32 {
    threshold.powf(1.0 / (1.0 - overlap_weight).max(f32::MIN_POSITIVE))
}

/// How the cells of a heat map lie in the plane, and how heat and overlap make a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CenterGrid {
    /// Rows (along x) and columns (along y).
    pub size: [usize; 2],
    /// Side of a cell, m.
    pub cell_m: f64,
    /// x and y of the first cell's outer corner are minus this, m.
    pub reach_m: f64,
    /// Part of the expected overlap in the score, 0..1: score = heat^(1 - a) * overlap^a.
    pub overlap_weight: f32,
}

/// Reads the boxes at the peaks out of `regression` ([`BOX_CHANNELS`] x rows x columns: dx and dy of the centre from the middle of the cell,
/// z of the centre, m; logarithms of length, width and height, m; sine and cosine of the heading, not normalised) and
/// `overlap` (rows x columns, 0..1). Those of at least `threshold` are put into `found` in the order of the peaks.
///
/// A box with a number that is not finite, or of a size that nothing on a road has ([`EXTENT_M`]), is left out, and so is a peak beyond the
/// end of a plane.
pub fn decode_centers(
    peaks: &[Peak],
    regression: &[f32],
    overlap: &[f32],
    grid: &CenterGrid,
    threshold: f32,
    found: &mut Vec<CenterBox>,
) {
    found.clear();
    let [rows, columns] = grid.size;
    let plane = rows * columns;
    for peak in peaks {
        let (true, Some(&overlap)) = (peak.cell < plane, overlap.get(peak.cell)) else { continue };
        if regression.len() <= (BOX_CHANNELS - 1) * plane + peak.cell {
            continue;
        }
        let numbers = std::array::from_fn(|channel| regression[channel * plane + peak.cell]);
        found.extend(decode_center(peak, numbers, overlap, grid, threshold));
    }
}

/// The box at one peak, from what the network says there; see [`decode_centers`].
#[must_use]
pub fn decode_center(
    peak: &Peak,
    numbers: [f32; BOX_CHANNELS],
    overlap: f32,
    grid: &CenterGrid,
    threshold: f32,
) -> Option<CenterBox> {
    let [dx, dy, z, length, width, height, sin, cos] = numbers.map(f64::from);
    let weight = grid.overlap_weight;
    let score = peak.heat.clamp(0.0, 1.0).powf(1.0 - weight) * overlap.clamp(0.0, 1.0).powf(weight);
    let middle = |index: usize| (index as f64 + 0.5) * grid.cell_m - grid.reach_m;
    let (row, column) = (peak.cell / grid.size[1], peak.cell % grid.size[1]);
    let bbox = Box3 {
        center: [middle(row) + dx, middle(column) + dy, z],
        length: length.exp(),
        width: width.exp(),
        height: height.exp(),
        yaw: sin.atan2(cos),
    };
    let [least, most] = EXTENT_M;
    let has_size = [bbox.length, bbox.width, bbox.height].iter().all(|extent| (least..=most).contains(extent));
    let is_box = score >= threshold && bbox.is_valid() && has_size;
    is_box.then_some(CenterBox { bbox, class: peak.class, score, cell: peak.cell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn peaks_come_in_falling_heat_then_class_then_cell() {
        // Two classes on 2 x 4 cells.
        let heat = [
            [0.1, 0.2, 0.1, 0.5],
            [0.1, 0.1, 0.1, 0.1], //
            [0.5, 0.4, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.9],
        ];
        let mut found = Vec::new();
        peaks(heat.as_flattened(), [2, 4], 0.2, &mut found);
        let peak = |class, cell, heat| Peak { class, cell, heat };
        assert_eq!(found, [peak(1, 7, 0.9), peak(0, 3, 0.5), peak(1, 0, 0.5), peak(0, 1, 0.2)]);
    }

    #[test]
    fn a_flat_top_is_all_peaks_and_broken_numbers_are_none() {
        let mut found = Vec::new();
        peaks(&[0.5; 6], [2, 3], 0.3, &mut found);
        assert_eq!(found.len(), 6);
        peaks(&[f32::NAN, 0.5, f32::NAN, f32::INFINITY], [1, 4], 0.3, &mut found);
        assert_eq!(found.iter().map(|peak| peak.cell).collect::<Vec<_>>(), [3, 1]);
        for size in [[0, 3], [3, 0], [9, 9]] {
            peaks(&[0.5; 6], size, 0.3, &mut found);
            assert_eq!(found, []);
        }
        peaks(&[], [2, 3], 0.3, &mut found);
        assert_eq!(found, []);
    }

    const GRID: CenterGrid = CenterGrid { size: [2, 3], cell_m: 0.4, reach_m: 0.6, overlap_weight: 0.5 };

    fn regression(at: usize, values: [f32; 8]) -> Vec<f32> {
        let mut all = vec![0.0; 8 * 6];
        values.iter().enumerate().for_each(|(channel, value)| all[channel * 6 + at] = *value);
        all
    }

    #[test]
    fn a_box_is_read_at_its_peak() {
        let values = [0.1, -0.2, 0.8, 4f32.ln(), 2f32.ln(), 1.5f32.ln(), 0.5, 0.0];
        let (peak, mut found) = (Peak { class: 2, cell: 5, heat: 0.81 }, Vec::new());
        decode_centers(&[peak], &regression(5, values), &[0.25; 6], &GRID, 0.3, &mut found);
        let [CenterBox { bbox, class: 2, score, cell: 5 }] = found[..] else { panic!("{found:?}") };
        // Row 1, column 2: its middle is at (0.0, 0.4).
        let expected = [0.1, 0.2, 0.8, 4.0, 2.0, 1.5, std::f64::consts::FRAC_PI_2];
        let [x, y, z] = bbox.center;
        for (value, expected) in [x, y, z, bbox.length, bbox.width, bbox.height, bbox.yaw].into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{bbox:?}");
        }
        assert!((score - 0.45).abs() < 1e-6);
        decode_centers(&[peak], &regression(5, values), &[0.25; 6], &GRID, 0.46, &mut found);
        assert_eq!(found, []);
    }

    #[test]
    fn broken_huge_and_short_outputs_give_no_box() {
        let (peak, mut found) = (Peak { class: 0, cell: 5, heat: 0.9 }, Vec::new());
        let good = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        for (channel, bad) in [(0, f32::NAN), (2, f32::INFINITY), (3, 80.0), (4, 1e30), (5, -20.0), (6, f32::NAN)] {
            let mut values = good;
            values[channel] = bad;
            decode_centers(&[peak], &regression(5, values), &[1.0; 6], &GRID, 0.3, &mut found);
            assert_eq!(found, [], "channel {channel}: {bad}");
        }
        let whole = regression(5, good);
        decode_centers(&[peak], &whole[..47], &[1.0; 6], &GRID, 0.3, &mut found);
        decode_centers(&[Peak { cell: 6, ..peak }], &whole, &[1.0; 9], &GRID, 0.3, &mut found);
        decode_centers(&[peak], &whole, &[1.0; 5], &GRID, 0.3, &mut found);
        decode_centers(&[peak], &whole, &[f32::NAN; 6], &GRID, 0.3, &mut found);
        assert_eq!(found, []);
        decode_centers(&[peak], &whole, &[1.0; 6], &GRID, 0.3, &mut found);
        assert_eq!(found.len(), 1);
    }

    proptest! {
        #[test]
        fn every_peak_is_the_greatest_around_it_and_none_is_missed(
            heat in prop::collection::vec(prop_oneof![8 => 0.0..1.0f32, 1 => any::<f32>()], 2 * 35),
        ) {
            let mut found = Vec::new();
            peaks(&heat, [5, 7], 0.4, &mut found);
            for (index, &value) in heat.iter().enumerate() {
                let (class, row, column) = (index / 35, index % 35 / 7, index % 7);
                let near = |other: &usize| other / 35 == class && (other % 35 / 7).abs_diff(row) < 2 && (other % 7).abs_diff(column) < 2;
                let is_peak = value >= 0.4 && !(0..70).filter(near).any(|other| heat[other] > value);
                prop_assert_eq!(is_peak, found.iter().any(|peak| peak.class * 35 + peak.cell == index));
            }
            prop_assert!(found.is_sorted_by(|a, b| a.heat >= b.heat));
        }

        #[test]
        fn no_score_above_the_threshold_is_lost_by_the_least_heat(
            heat in 0.0..1.0f32, overlap in 0.0..1.0f32, threshold in 0.01..1.0f32, weight in 0.0..0.95f32,
        ) {
            let score = heat.powf(1.0 - weight) * overlap.powf(weight);
            prop_assert!(score < threshold || heat >= least_heat(threshold, weight) * 0.9999);
        }

        #[test]
        fn whatever_the_numbers_boxes_are_valid(values in prop::array::uniform8(any::<f32>()), heat: f32, overlap: f32) {
            let mut found = Vec::new();
            let peak = Peak { class: 0, cell: 0, heat };
            decode_centers(&[peak], &regression(0, values), &[overlap; 6], &GRID, 0.0, &mut found);
            prop_assert!(found.iter().all(|found| found.bbox.is_valid() && (0.0..=1.0).contains(&found.score)));
        }
    }
}
