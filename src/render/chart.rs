//! One number of the chosen trajectory over time.

use super::canvas::{Canvas, Pen};
use super::{colors, text};
use types::{Trajectory, TrajectoryPoint};

/// Draws `value` over time into a rectangle: left, top, width, height, px. The tail is drawn as in the bird's-eye view.
/// The scale spans at least `least`, so that noise around zero does not look like much.
pub fn over_time(
    canvas: &mut Canvas,
    [left, top, width, height]: [f64; 4],
    trajectory: &Trajectory,
    value: fn(&TrajectoryPoint) -> f64,
    least: f64,
) {
    let usable = |point: &&TrajectoryPoint| point.time_s.is_finite() && value(point).is_finite();
    let points = || trajectory.points.iter().filter(usable);
    let seconds = points().map(|point| point.time_s).fold(1.0, f64::max).min(1e4).ceil();
    let [low, high] = points().map(value).fold([0.0, 0.0], |[low, high], v| [v.min(low), v.max(high)]);
    let Scale { low, step, lines } = scale(low.max(-1e6), high.clamp(0.0, 1e6).max(low + least));
    let (axis_left, axis_bottom) = (left + 40.0, top + height - 18.0);
    let (plot_width, plot_height) = (left + width - 4.0 - axis_left, axis_bottom - top - 6.0);
    let span = step * lines as f64;
    let at = |time_s: f64, number: f64| {
        [axis_left + time_s / seconds * plot_width, axis_bottom - (number - low) / span * plot_height]
    };

    let mut grid = canvas.lines();
    let decimals = (-step.log10()).ceil().clamp(0.0, 6.0) as usize;
    for line in 0..=lines {
        let number = low + line as f64 * step;
        let [from, to] = [at(0.0, number), at(seconds, number)];
        grid.add([from, to]);
        // Adding zero turns a negative zero into a plain one.
        let name = format!("{:.decimals$}", (number / step).round() * step + 0.0);
        canvas.text_right([axis_left - 5.0, from[1] + 4.0], text::SMALL, colors::MUTED, &name);
    }
    let stride = (seconds / 6.0).ceil() as usize;
    for second in (0..=seconds as usize).step_by(stride.max(1)) {
        let [from, to] = [at(second as f64, low), at(second as f64, low + span)];
        grid.add([from, to]);
        let name = format!("{second} s");
        let end = (from[0] + 0.5 * text::width(text::SMALL, &name)).min(left + width);
        canvas.text_right([end, from[1] + 14.0], text::SMALL, colors::MUTED, &name);
    }
    canvas.stroke(grid, Pen::solid(colors::GRID, 1.0));
    let tail_start = trajectory.tail_start.min(trajectory.points.len());
    let way = &trajectory.points[..trajectory.points.len().min(tail_start + 1)];
    let tail = &trajectory.points[tail_start..];
    for (points, pen) in [(tail, Pen::dashed(colors::TAIL, 2.0, 6.0, 4.0)), (way, Pen::solid(colors::PLAN, 2.5))] {
        let mut line = canvas.lines();
        line.add(points.iter().filter(usable).map(|point| at(point.time_s, value(point))));
        canvas.stroke(line, pen);
    }
}

/// Grid lines at `low`, `low + step`, ..., `low + lines * step`.
#[derive(Debug, PartialEq)]
struct Scale {
    low: f64,
    step: f64,
    lines: usize,
}

/// A scale with about four steps of 1, 2 or 5 times a power of ten that holds both numbers; `low` < `high`.
fn scale(low: f64, high: f64) -> Scale {
    let power = 10.0f64.powf(((high - low) / 4.0).log10().floor());
    let fits = |step: &f64| (high - low) / step <= 4.000_001;
    let step = [1.0, 2.0, 5.0].map(|multiple| multiple * power).into_iter().find(fits).unwrap_or(10.0 * power);
    let (first, last) = ((low / step + 1e-6).floor(), (high / step - 1e-6).ceil());
    Scale { low: first * step, step, lines: (last - first).clamp(1.0, 10.0) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trajectory_paints_its_rectangle_only() {
        let point = |time_s, speed_mps| TrajectoryPoint { time_s, speed_mps, ..Default::default() };
        let points = vec![point(0.0, 8.0), point(1.0, f64::NAN), point(2.0, -9.0), point(1e300, 0.0), point(5.0, 0.0)];
        for points in [points, vec![], vec![point(f64::NAN, f64::INFINITY)], vec![point(0.0, 1e300)]] {
            let wild = points.iter().any(|point| point.time_s > 1e4 || point.speed_mps > 1e6);
            let mut canvas = Canvas::new(300, 200, colors::PANEL);
            let trajectory = Trajectory { points, tail_start: 3 };
            over_time(&mut canvas, [50.0, 40.0, 200.0, 120.0], &trajectory, |point| point.speed_mps, 1.0);
            let image = canvas.into_image();
            let painted = |i: &usize| image.rgb[3 * i..3 * i + 3] != image.rgb[..3];
            let painted: Vec<usize> = (0..300 * 200).filter(painted).collect();
            assert!(painted.len() > 100);
            let inside = |&i: &usize| (36..=254).contains(&(i % 300)) && (36..=164).contains(&(i / 300));
            assert!(wild || painted.iter().all(inside));
        }
    }

    #[test]
    fn scales_hold_their_numbers() {
        assert_eq!(scale(0.0, 7.9), Scale { low: 0.0, step: 2.0, lines: 4 });
        assert_eq!(scale(0.0, 12.0), Scale { low: 0.0, step: 5.0, lines: 3 });
        assert_eq!(scale(-3.5, 1.0), Scale { low: -4.0, step: 2.0, lines: 3 });
        let Scale { low, step, lines } = scale(-0.013, 0.02);
        assert!((low + 0.02).abs() < 1e-12 && (step - 0.01).abs() < 1e-12 && lines == 4);
    }
}
