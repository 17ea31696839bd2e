//! Cutting lines and areas to the canvas, before the rasterizer sees them.

use super::canvas::Pixel;

/// Wider than half of any pen and any glyph.
const BORDER: f64 = 200.0;
/// Numbers beyond this cannot be a position.
const LIMIT: f64 = 1e12;

/// An upright rectangle.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    low: Pixel,
    high: Pixel,
}

impl Window {
    /// A canvas of this size and a border.
    pub fn around(width: usize, height: usize) -> Self {
        Self { low: [-BORDER; 2], high: [width as f64 + BORDER, height as f64 + BORDER] }
    }

    /// Whether a point lies in the window.
    pub fn contains(&self, point: Pixel) -> bool {
        (0..2).all(|axis| (self.low[axis]..=self.high[axis]).contains(&point[axis]))
    }
}

fn plausible(point: Pixel) -> bool {
    point.iter().all(|v| v.abs() <= LIMIT)
}

/// The part of a line within the window (Liang and Barsky, 1984).
pub fn segment(from: Pixel, to: Pixel, window: Window) -> Option<(Pixel, Pixel)> {
    if !plausible(from) || !plausible(to) {
        return None;
    }
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    for axis in 0..2 {
        let delta = to[axis] - from[axis];
        let (low, high) = (window.low[axis] - from[axis], window.high[axis] - from[axis]);
        if delta == 0.0 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
            continue;
        }
        let (near, far) = if delta > 0.0 { (low / delta, high / delta) } else { (high / delta, low / delta) };
        enter = enter.max(near);
        leave = leave.min(far);
    }
    if enter > leave {
        return None;
    }
    let at = |share: f64| [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
    Some((if enter > 0.0 { at(enter) } else { from }, if leave < 1.0 { at(leave) } else { to }))
}

/// The part of a polygon within the window (Sutherland and Hodgman, 1974). Empty if a corner is not a position.
pub fn polygon(corners: &[Pixel], window: Window) -> Vec<Pixel> {
    if !corners.iter().all(|&corner| plausible(corner)) {
        return Vec::new();
    }
    let mut inside = corners.to_vec();
    for (axis, sign, limit) in
        [(0, 1.0, window.low[0]), (0, -1.0, window.high[0]), (1, 1.0, window.low[1]), (1, -1.0, window.high[1])]
    {
        let distance = |p: Pixel| sign * (p[axis] - limit);
        let mut kept = Vec::with_capacity(inside.len() + 2);
        for (i, &a) in inside.iter().enumerate() {
            let b = inside[(i + 1) % inside.len()];
            let (da, db) = (distance(a), distance(b));
            if da >= 0.0 {
                kept.push(a);
            }
            if (da > 0.0 && db < 0.0) || (da < 0.0 && db > 0.0) {
                let share = da / (da - db);
                kept.push([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]);
            }
        }
        inside = kept;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_cuts() {
        let window = Window::around(100, 100);
        assert_eq!(segment([0.0, 0.0], [9.0, 9.0], window), Some(([0.0, 0.0], [9.0, 9.0])));
        assert_eq!(segment([50.0, 50.0], [1050.0, 50.0], window), Some(([50.0, 50.0], [300.0, 50.0])));
        assert_eq!(segment([-300.0, 0.0], [-300.0, 90.0], window), None);
        assert_eq!(segment([f64::NAN, 0.0], [0.0, 0.0], window), None);
        let huge = [[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]];
        let cut = polygon(&huge, window);
        assert_eq!(cut.len(), 4);
        assert!(cut.iter().flatten().all(|v| (v + 200.0).abs() < 1e-3 || (v - 300.0).abs() < 1e-3), "{cut:?}");
    }

    proptest! {
        #[test]
        fn what_is_left_lies_in_the_window(a in -900.0..900.0f64, b in -900.0..900.0f64, c in -900.0..900.0f64, d in -900.0..900.0f64) {
            let window = Window::around(100, 50);
            let wide = Window { low: [-200.001; 2], high: [300.001, 250.001] };
            if let Some((from, to)) = segment([a, b], [c, d], window) {
                prop_assert!(wide.contains(from) && wide.contains(to));
            } else {
                prop_assert!(!window.contains([a, b]) && !window.contains([c, d]));
            }
            prop_assert!(polygon(&[[a, b], [c, d], [b, c]], window).into_iter().all(|p| wide.contains(p)));
        }
    }
}
