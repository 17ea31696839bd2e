//! Planned speed over time.

use super::canvas::{Canvas, Pen};
use super::{colors, text};
use types::{Trajectory, TrajectoryPoint};

/// Draws the chosen trajectory's speed into a rectangle: left, top, width, height, px. The tail is drawn as in the bird's-eye view.
pub fn speed(canvas: &mut Canvas, [left, top, width, height]: [f64; 4], trajectory: &Trajectory) {
    let usable = |point: &&TrajectoryPoint| point.time_s.is_finite() && point.speed_mps.is_finite();
    let greatest = |number: fn(&TrajectoryPoint) -> f64| {
        trajectory.points.iter().filter(usable).map(number).fold(0.0f64, f64::max).min(1e4)
    };
    let seconds = greatest(|point| point.time_s).ceil().max(1.0);
    let step = speed_step(greatest(|point| point.speed_mps));
    let highest = (greatest(|point| point.speed_mps) / step).ceil().max(1.0) * step;
    let (axis_left, axis_bottom) = (left + 26.0, top + height - 18.0);
    let (plot_width, plot_height) = (left + width - 4.0 - axis_left, axis_bottom - top - 6.0);
    let at = |time_s: f64, speed_mps: f64| {
        [axis_left + time_s / seconds * plot_width, axis_bottom - speed_mps / highest * plot_height]
    };

    let mut grid = canvas.lines();
    for line in 0..=(highest / step).round() as usize {
        let speed_mps = line as f64 * step;
        grid.add([at(0.0, speed_mps), at(seconds, speed_mps)]);
        let [_, y] = at(0.0, speed_mps);
        canvas.text_right([axis_left - 5.0, y + 4.0], text::SMALL, colors::MUTED, &format!("{speed_mps:.0}"));
    }
    let stride = (seconds / 6.0).ceil() as usize;
    for second in (0..=seconds as usize).step_by(stride.max(1)) {
        grid.add([at(second as f64, 0.0), at(second as f64, highest)]);
        let [x, y] = at(second as f64, 0.0);
        let name = format!("{second} s");
        let end = (x + 0.5 * text::width(text::SMALL, &name)).min(left + width);
        canvas.text_right([end, y + 14.0], text::SMALL, colors::MUTED, &name);
    }
    canvas.stroke(grid, Pen::solid(colors::GRID, 1.0));
    let tail_start = trajectory.tail_start.min(trajectory.points.len());
    let way = &trajectory.points[..trajectory.points.len().min(tail_start + 1)];
    let parts = [
        (&trajectory.points[tail_start..], Pen::dashed(colors::TAIL, 2.0, 6.0, 4.0)),
        (way, Pen::solid(colors::PLAN, 2.5)),
    ];
    for (points, pen) in parts {
        let mut line = canvas.lines();
        line.add(points.iter().filter(usable).map(|point| at(point.time_s, point.speed_mps)));
        canvas.stroke(line, pen);
    }
}

/// Distance between lines of the grid so that there are about four, m/s.
fn speed_step(highest_mps: f64) -> f64 {
    [1.0, 2.0, 5.0, 10.0, 20.0].into_iter().find(|step| highest_mps / step <= 4.0).unwrap_or(highest_mps / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trajectory_paints_its_rectangle_only() {
        let point = |time_s, speed_mps| TrajectoryPoint { time_s, speed_mps, ..Default::default() };
        let points = vec![point(0.0, 8.0), point(1.0, f64::NAN), point(2.0, 9.0), point(1e300, 0.0), point(5.0, 0.0)];
        for points in [points, vec![], vec![point(f64::NAN, f64::INFINITY)]] {
            let mut canvas = Canvas::new(300, 200, colors::PANEL);
            speed(&mut canvas, [50.0, 40.0, 200.0, 120.0], &Trajectory { points, tail_start: 3 });
            let image = canvas.into_image();
            let background = image.rgb[..3].to_vec();
            let painted: Vec<usize> = (0..300 * 200).filter(|i| image.rgb[3 * i..3 * i + 3] != background[..]).collect();
            assert!(painted.len() > 100);
            assert!(painted.iter().all(|i| (46..=254).contains(&(i % 300)) && (36..=164).contains(&(i / 300))));
        }
    }

    #[test]
    fn the_grid_stays_coarse() {
        assert_eq!([3.0, 7.9, 14.0, 36.0, 79.0].map(speed_step), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(speed_step(1000.0), 250.0);
    }
}
