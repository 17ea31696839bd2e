//! The bird's-eye view: everything known about the ground around the vehicle, layer on layer.

use super::canvas::{Canvas, Pen};
use super::ground::Ground;
use super::labels::Labels;
use super::{View, colors, objects, plan, text};
use types::ObjectClass;

/// Draws the view on a canvas of this size.
pub fn draw(view: &View, width: usize, height: usize) -> Canvas {
    let mut ground = Ground::new(width, height, view.usable_ego().map(types::EgoState::pose));
    ground.grid();
    ground.points(view);
    plan::route(&mut ground, view);
    if let Some(plan) = view.plan {
        plan::candidates(&mut ground, plan);
        plan::predictions(&mut ground, view, plan);
    }
    plan::stops(&mut ground, view);
    objects::truth(&mut ground, view);
    objects::detections(&mut ground, view);
    objects::tracks(&mut ground, view);
    objects::ego(&mut ground, view);
    let mut labels = Labels::default();
    labels.block(body(&ground, view));
    labels.block(legend(&mut ground.canvas, view));
    if let Some(plan) = view.plan {
        plan::trajectory(&mut ground, view, plan, &mut labels);
    }
    objects::track_labels(&mut ground, view, &mut labels);
    objects::detection_labels(&mut ground, view, &mut labels);
    ground.grid_labels();
    notes(&mut ground.canvas, view);
    ground.canvas
}

/// The area of the own vehicle: left, top, right, bottom.
fn body(ground: &Ground, view: &View) -> [f64; 4] {
    let half = 0.5 * view.vehicle.width_m;
    let [left, top] = ground.base([view.vehicle.front_offset_m(), half]);
    let [right, bottom] = ground.base([-view.vehicle.rear_overhang_m, -half]);
    [left, top, right, bottom]
}

/// What the lines mean, in the upper left corner; gives the area it covers.
fn legend(canvas: &mut Canvas, view: &View) -> [f64; 4] {
    let track = |opacity| Pen::solid(colors::class(ObjectClass::Car).faded(opacity), 2.0);
    let costs = [0.0, 0.3, 0.6, 1.0].map(|share| Pen::solid(colors::cost(share), 2.0));
    let all: [(bool, &[Pen], &str); 9] = [
        (view.plan.is_some(), &[Pen::solid(colors::PLAN, 4.0)], "plan, m/s at 1 s steps"),
        (view.plan.is_some(), &[Pen::dashed(colors::TAIL, 3.0, 7.0, 4.0)], "its braking tail"),
        (view.plan.is_some(), &costs, "candidates, cheap to dear"),
        (view.plan.is_some(), &[Pen { width: 1.0, ..track(0.5) }], "predictions, 1 s steps"),
        (!view.route.points.is_empty(), &[Pen::dashed(colors::ROUTE, 2.0, 2.0, 7.0)], "route and its edges"),
        (view.tracks.is_some(), &[track(1.0)], "tracks: id class m/s"),
        (view.tracks.is_some(), &[Pen::solid(colors::TEXT, 2.0)], "their way in 1 s"),
        (view.detections.is_some(), &[Pen::dashed(colors::DETECTION, 1.0, 4.0, 3.0)], "detections"),
        (view.truth.is_some(), &[Pen::dashed(colors::TRUTH, 1.0, 2.0, 2.0)], "truth"),
    ];
    let rows: Vec<_> = all.into_iter().filter(|(shown, ..)| *shown).collect();
    let (left, top, step) = (44.0, 8.0, 18.0);
    let area = [left, top, left + 240.0, top + step * rows.len() as f64 + 10.0];
    if rows.is_empty() {
        return [0.0; 4];
    }
    canvas.rectangle([left, top, area[2] - left, area[3] - top], colors::PANEL.faded(0.82));
    for (row, (_, pens, name)) in rows.into_iter().enumerate() {
        let y = top + 14.0 + step * row as f64;
        let step = 36.0 / pens.len() as f64;
        for (part, &pen) in pens.iter().enumerate() {
            let from = left + 8.0 + step * part as f64;
            canvas.line(&[[from, y], [from + step, y]], pen);
        }
        canvas.text([left + 54.0, y + 4.0], text::SMALL, colors::TEXT, name);
    }
    area
}

/// What is missing.
fn notes(canvas: &mut Canvas, view: &View) {
    let mut notes = Vec::new();
    if view.usable_ego().is_none() {
        notes.push("no ego state: tracks, plan and route cannot be placed");
    }
    if view.points.is_none_or(types::PointCloud::is_empty) {
        notes.push("no lidar points");
    }
    for (row, note) in notes.iter().enumerate() {
        let [width, height] = text::chip_size(text::BODY, note);
        let corner = [canvas.width() as f64 - width - 10.0, 10.0 + (height + 4.0) * row as f64];
        canvas.chip(corner, text::BODY, colors::ALARM, colors::PANEL.faded(0.85), note);
    }
}
