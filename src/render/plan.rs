//! Route, candidates, predictions and the chosen trajectory seen from above.

use super::canvas::{Lines, Pen};
use super::colors::{self, Color};
use super::ground::Ground;
use super::labels::Labels;
use super::{View, text};
use types::{Candidate, Plan, RoutePoint, StopKind, TrajectoryPoint, Verdict};

/// Steps of the color scale of costs.
const COST_STEPS: usize = 24;

/// Dots along the route, lines along the edges of what may be driven on.
pub fn route(ground: &mut Ground, view: &View) {
    let beside = |ground: &Ground, offset: fn(&RoutePoint) -> f64| {
        let mut line = ground.canvas.lines();
        line.add(view.route.points.iter().map(|p| ground.odom(p.pose.transform(0.0, offset(p)))));
        line
    };
    for edge in [|p: &RoutePoint| p.left_m, |p: &RoutePoint| -p.right_m] {
        let line = beside(ground, edge);
        ground.canvas.stroke(line, Pen::solid(colors::ROUTE.faded(0.35), 1.0));
    }
    let line = beside(ground, |_| 0.0);
    ground.canvas.stroke(line, Pen::dashed(colors::ROUTE.faded(0.8), 2.0, 2.0, 7.0));
}

/// Stop lines across the route: signals in the color they show, the others pale.
pub fn stops(ground: &mut Ground, view: &View) {
    for stop in &view.route.stops {
        let Some(at) = view.route.at(stop.s_m) else { continue };
        let (color, width) = match stop.kind {
            StopKind::Signal(id) => {
                let phase = view.signals.and_then(|signals| signals.phase(id));
                (phase.map_or(colors::MUTED, colors::phase), 4.0)
            }
            StopKind::Goal => (colors::PLAN.faded(0.7), 3.0),
            StopKind::GiveWay | StopKind::Stop | StopKind::Crossing => (colors::ROUTE.faded(0.6), 2.0),
        };
        let line = [at.left_m, -at.right_m].map(|offset| ground.odom(at.pose.transform(0.0, offset)));
        ground.canvas.line(&line, Pen::solid(color, width));
    }
}

/// The costs between which the scale of colors runs: the cheapest, and the one that nine of ten do not exceed.
pub fn cost_range(candidates: &[Candidate]) -> Option<[f64; 2]> {
    let free = candidates.iter().filter(|c| matches!(c.verdict, Verdict::Free | Verdict::Chosen) && c.cost.is_finite());
    let mut costs: Vec<f64> = free.map(|candidate| candidate.cost).collect();
    costs.sort_by(f64::total_cmp);
    Some([*costs.first()?, *costs.get((costs.len() - 1) * 9 / 10)?])
}

/// Every trajectory that was looked at: rejected ones by verdict, free ones by cost, the cheapest on top.
pub fn candidates(ground: &mut Ground, plan: &Plan) {
    let line = |lines: &mut Lines, ground: &Ground, candidate: &Candidate| {
        lines.add(candidate.path.iter().map(|&[x, y]| ground.odom([f64::from(x), f64::from(y)])));
    };
    for verdict in Verdict::ALL.into_iter().filter(|v| !matches!(v, Verdict::Free | Verdict::Chosen)) {
        let mut lines = ground.canvas.lines();
        let rejected = plan.candidates.iter().filter(|candidate| candidate.verdict == verdict);
        rejected.for_each(|candidate| line(&mut lines, ground, candidate));
        ground.canvas.stroke(lines, Pen::solid(colors::verdict(verdict).faded(0.2), 1.0));
    }
    let Some([low, high]) = cost_range(&plan.candidates) else { return };
    for step in (0..COST_STEPS).rev() {
        let mut lines = ground.canvas.lines();
        for candidate in plan.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Free) {
            let share = ((candidate.cost - low) / (high - low).max(1e-9)).clamp(0.0, 1.0);
            if (share * (COST_STEPS - 1) as f64).round() as usize == step {
                line(&mut lines, ground, candidate);
            }
        }
        let share = step as f64 / (COST_STEPS - 1) as f64;
        ground.canvas.stroke(lines, Pen::solid(colors::cost(share).faded(0.75 - 0.35 * share), 1.0));
    }
}

/// Where objects are expected: their paths and, once per second, their outlines.
pub fn predictions(ground: &mut Ground, view: &View, plan: &Plan) {
    for prediction in &plan.predictions {
        let tracks = view.tracks.map_or(&[][..], |tracks| &tracks.objects);
        let track = tracks.iter().find(|track| track.id == prediction.track);
        let color = track.map_or(colors::DETECTION, |track| colors::class(track.class));
        let mut lines = ground.canvas.lines();
        lines.add(prediction.poses.iter().map(|&[x, y, _]| ground.odom([x, y])));
        let per_second = (1.0 / prediction.step_s).round();
        let stride = if (1.0..1000.0).contains(&per_second) { per_second as usize } else { 1 };
        let shape = track.filter(|track| track.bbox.is_valid()).map(|track| track.bbox);
        for (&[x, y, yaw], bbox) in prediction.poses.iter().skip(stride).step_by(stride).zip(std::iter::repeat(shape)) {
            let Some(mut bbox) = bbox else { break };
            bbox.center = [x, y, bbox.center[2]];
            bbox.yaw = yaw;
            lines.add_closed(&ground.footprint(&bbox));
        }
        ground.canvas.stroke(lines, Pen::solid(color.faded(0.38), 1.0));
    }
}

/// The chosen trajectory: the lane it sweeps, the way up to the braking tail, the tail, and the speed at every full second.
pub fn trajectory(ground: &mut Ground, view: &View, plan: &Plan, labels: &mut Labels) {
    let points = &plan.trajectory.points;
    let tail_start = plan.trajectory.tail_start.min(points.len());
    let (way, tail) = (&points[..points.len().min(tail_start + 1)], &points[tail_start..]);
    let width = (view.vehicle.width_m * ground.scale).clamp(1.0, 100.0);
    path(ground, tail, Pen::solid(colors::TAIL.faded(0.10), width));
    path(ground, way, Pen::solid(colors::PLAN.faded(0.13), width));
    path(ground, &points[..], Pen::solid(colors::PANEL.faded(0.6), 7.0));
    path(ground, tail, Pen::dashed(colors::TAIL, 3.0, 7.0, 4.0));
    path(ground, way, Pen::solid(colors::PLAN, 4.0));
    let end = points.last().map_or(0.0, |point| point.time_s.clamp(0.0, 30.0)) as usize;
    let start_s = points.get(tail_start).map_or(f64::INFINITY, |point| point.time_s);
    for second in 1..=end {
        let Some(point) = plan.trajectory.at(second as f64) else { continue };
        let in_tail = point.time_s > start_s;
        let at = tick(ground, &point, if in_tail { colors::TAIL } else { colors::PLAN });
        let name = format!("{:.1}", point.speed_mps);
        let [width, height] = text::chip_size(text::SMALL, &name);
        let [left, top] = [at[0] - width - 13.0, at[1] - 0.5 * height];
        if !in_tail && labels.claim([left, top - 8.0, left + width, top + height + 8.0]) {
            ground.canvas.chip([left, top], text::SMALL, colors::PLAN, colors::PANEL.faded(0.72), &name);
        }
    }
}

fn path(ground: &mut Ground, points: &[TrajectoryPoint], pen: Pen) {
    let mut line = ground.canvas.lines();
    line.add(points.iter().map(|point| ground.odom([point.x, point.y])));
    ground.canvas.stroke(line, pen);
}

/// A short bar across the trajectory; gives its middle.
fn tick(ground: &mut Ground, point: &TrajectoryPoint, color: Color) -> [f64; 2] {
    let (sin, cos) = point.heading_rad.sin_cos();
    let across = |side: f64| ground.odom([point.x - side * sin, point.y + side * cos]);
    let bar = [across(0.55), across(-0.55)];
    ground.canvas.line(&bar, Pen::solid(color, 2.0));
    ground.odom([point.x, point.y])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_of_costs_ignores_rejects_and_outliers() {
        let candidate = |verdict, cost| Candidate { verdict, cost, path: [[0.0; 2]; 8] };
        let mut all: Vec<Candidate> = (0..10).map(|i| candidate(Verdict::Free, f64::from(10 - i))).collect();
        all.push(candidate(Verdict::Collision, 0.0));
        all.push(candidate(Verdict::Free, 1e9));
        all.push(candidate(Verdict::Free, f64::NAN));
        assert_eq!(cost_range(&all), Some([1.0, 10.0]));
        assert_eq!(cost_range(&all[10..11]), None);
    }
}
