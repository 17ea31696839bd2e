//! The ground seen from above: metres of `base_link` to pixels, grid, lidar points.

use super::canvas::{Canvas, Pen, Pixel};
use super::raster::Raster;
use super::{View, colors, text};
use nalgebra::Point3;
use types::{Box3, Pose2};

/// The farthest ground shown behind and before the rear axle, m.
const BEHIND_M: f64 = -20.0;
const AHEAD_M: f64 = 60.0;

/// A canvas with a metric scale: forward is up, left is left.
pub struct Ground {
    /// What is painted on.
    pub canvas: Canvas,
    /// Pixels per metre.
    pub scale: f64,
    ego: Option<Pose2>,
}

impl Ground {
    /// Empty ground around the vehicle.
    pub fn new(width: usize, height: usize, ego: Option<Pose2>) -> Self {
        let scale = height as f64 / (AHEAD_M - BEHIND_M);
        Self { canvas: Canvas::new(width, height, colors::PANEL), scale, ego }
    }

    /// The pixel of a place in `base_link`.
    pub fn base(&self, [x, y]: [f64; 2]) -> Pixel {
        [0.5 * self.canvas.width() as f64 - y * self.scale, (AHEAD_M - x) * self.scale]
    }

    /// The pixel of a place in `odom`; NaN without an own pose, which no shape paints.
    pub fn odom(&self, [x, y]: [f64; 2]) -> Pixel {
        self.ego.map_or([f64::NAN; 2], |ego| self.base(ego.inverse_transform(x, y)))
    }

    /// The pixels of the corners of a box in `odom`: front left, rear left, rear right, front right.
    pub fn footprint(&self, bbox: &Box3) -> [Pixel; 4] {
        bbox.corners_bev().map(|corner| self.odom(corner))
    }

    /// Distance from the own rear axle of a place in `odom`, m.
    pub fn distance(&self, [x, y]: [f64; 2]) -> f64 {
        self.ego.map_or(f64::INFINITY, |ego| (x - ego.x).hypot(y - ego.y))
    }

    /// Lines every 10 m with their distances, and circles for the eye.
    pub fn grid(&mut self) {
        let (width, height) = (self.canvas.width() as f64, self.canvas.height() as f64);
        let half_m = 0.5 * width / self.scale;
        let mut lines = self.canvas.lines();
        let forward: Vec<i32> = (-10..=50).step_by(10).collect();
        let reach = (half_m / 10.0).floor() as i32 * 10;
        let sideways: Vec<i32> = (-reach..=reach).step_by(10).collect();
        for &x in &forward {
            let row = self.base([f64::from(x), 0.0])[1].round() + 0.5;
            lines.add([[0.0, row], [width, row]]);
        }
        for &y in &sideways {
            let column = self.base([0.0, f64::from(y)])[0].round() + 0.5;
            lines.add([[column, 0.0], [column, height]]);
        }
        self.canvas.stroke(lines, Pen::solid(colors::GRID, 1.0));
    }

    /// The distances on the grid's lines; painted last so that points do not cover them.
    pub fn grid_labels(&mut self) {
        let (width, height) = (self.canvas.width() as f64, self.canvas.height() as f64);
        let reach = (0.5 * width / self.scale / 10.0).floor() as i32 * 10;
        for x in (-10..=50).step_by(10) {
            let row = self.base([f64::from(x), 0.0])[1];
            let name = if x == 0 { "0 m".to_owned() } else { format!("{x:+}") };
            self.canvas.chip([4.0, row - 7.0], text::SMALL, colors::MUTED, colors::PANEL.faded(0.8), &name);
        }
        for y in (-reach..=reach).step_by(10).filter(|&y| y != 0) {
            let column = self.base([0.0, f64::from(y)])[0];
            let name = format!("{} {}", y.abs(), if y > 0 { "left" } else { "right" });
            let size = text::chip_size(text::SMALL, &name)[0];
            let left = (column - 0.5 * size).clamp(4.0, (width - size - 4.0).max(4.0));
            self.canvas.chip([left, height - 18.0], text::SMALL, colors::MUTED, colors::PANEL.faded(0.8), &name);
        }
    }

    /// The sweep, colored by height above the ground; where points coincide the highest shows.
    pub fn points(&mut self, view: &View) {
        let Some(points) = view.points else { return };
        let mut raster = Raster::of(&self.canvas);
        for ((&x, &y), &z) in points.x.iter().zip(&points.y).zip(&points.z) {
            let base = view.calibration.base_from_lidar * Point3::new(f64::from(x), f64::from(y), f64::from(z));
            let size = if base.z > 0.3 { 2 } else { 1 };
            raster.drop(self.base([base.x, base.y]), size, base.z as f32);
        }
        raster.paint(&mut self.canvas, colors::height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_is_up_and_left_is_left() {
        let ground = Ground::new(800, 1000, Some(Pose2 { x: 100.0, y: 50.0, yaw: std::f64::consts::FRAC_PI_2 }));
        assert_eq!(ground.base([0.0, 0.0]), [400.0, 750.0]);
        assert_eq!(ground.base([10.0, 2.0]), [375.0, 625.0]);
        // The vehicle heads along y of odom: 10 m before it and 2 m to its left.
        let pixel = ground.odom([98.0, 60.0]);
        assert!((pixel[0] - 375.0).abs() < 1e-9 && (pixel[1] - 625.0).abs() < 1e-9, "{pixel:?}");
        assert!(Ground::new(8, 8, None).odom([0.0, 0.0])[0].is_nan());
    }
}
