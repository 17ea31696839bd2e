//! The sky of a picture. It changes slowly from pixel to pixel, so it is looked at on a lattice and blended in between.

use crate::light::Light;
use crate::surface::Color;
use nalgebra::{Matrix3, Vector3};

/// Pixels from node to node.
const STEP: usize = 4;
const UNKNOWN: Color = [f32::NAN; 3];

/// The rows of nodes around one row of pixels. A node is looked at when a pixel needs it, and lies at the same place whatever the
/// part of the picture.
#[derive(Clone, Debug, Default)]
pub struct Sky {
    /// Rows of nodes, above and below, and which they are.
    nodes: [Vec<Color>; 2],
    places: [Option<usize>; 2],
    /// The nodes blended for the row.
    line: Vec<Color>,
    down: f32,
}

impl Sky {
    /// Begins a picture.
    pub fn begin(&mut self) {
        self.places = [None; 2];
    }

    /// Goes to a row of pixels.
    pub fn row(&mut self, row: usize, width: usize) {
        let upper = row / STEP;
        if self.places[1] == Some(upper) {
            self.nodes.swap(0, 1);
            self.places.swap(0, 1);
        }
        let count = width / STEP + 2;
        for (index, nodes) in self.nodes.iter_mut().enumerate() {
            if self.places[index] != Some(upper + index) {
                self.places[index] = Some(upper + index);
                nodes.clear();
                nodes.resize(count, UNKNOWN);
            }
        }
        self.line.clear();
        self.line.resize(count, UNKNOWN);
        self.down = (row % STEP) as f32 / STEP as f32;
    }

    /// The sky at a pixel of the row. `directions` takes a pixel to its direction.
    #[inline(always)]
    pub fn color(&mut self, light: &Light, directions: &Matrix3<f32>, column: usize) -> Color {
        let left = column / STEP;
        let (a, b) = (self.node(light, directions, left), self.node(light, directions, left + 1));
        let right = (column % STEP) as f32 / STEP as f32;
        std::array::from_fn(|i| a[i] + (b[i] - a[i]) * right)
    }

    #[inline(always)]
    fn node(&mut self, light: &Light, directions: &Matrix3<f32>, column: usize) -> Color {
        if self.line[column][0].is_nan() {
            self.look(light, directions, column);
        }
        self.line[column]
    }

    fn look(&mut self, light: &Light, directions: &Matrix3<f32>, column: usize) {
        for (nodes, place) in self.nodes.iter_mut().zip(self.places) {
            if nodes[column][0].is_nan() {
                let [u, v] = [column, place.unwrap_or(0)].map(|index| (index * STEP) as f32);
                nodes[column] = light.sky(&(directions * Vector3::new(u, v, 1.0)).normalize());
            }
        }
        let (upper, lower) = (self.nodes[0][column], self.nodes[1][column]);
        self.line[column] = std::array::from_fn(|i| upper[i] + (lower[i] - upper[i]) * self.down);
    }
}
