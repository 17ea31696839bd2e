//! The numbers: own motion, decision, command, counts, candidates by verdict, planned speed, nearest tracks.

use super::canvas::Canvas;
use super::colors::{self, ALARM, MUTED, TEXT};
use super::column::Column;
use super::{View, chart, plan, raster, text};
use types::{Command, CommandLimit, EgoState, ObjectClass, Plan, PoseSource, Track, TrajectoryPoint, Verdict};

const PADDING: f64 = 14.0;
const CHART_HEIGHT: f64 = 128.0;

/// Draws the panel on a canvas of this size.
pub fn draw(view: &View, width: usize, height: usize) -> Canvas {
    let mut canvas = Canvas::new(width, height, colors::PANEL);
    let column_width = (width as f64 - 4.0 * PADDING) / 3.0;
    for (index, fill) in [own, planning, objects].into_iter().enumerate() {
        let left = PADDING + index as f64 * (column_width + PADDING);
        fill(view, &mut Column { canvas: &mut canvas, left, width: column_width, top: 2.0 });
    }
    canvas
}

fn own(view: &View, column: &mut Column) {
    column.heading("EGO");
    match view.ego {
        Some(ego) => motion(ego, column),
        None => column.sentence(ALARM, "no ego state", 1),
    }
    column.heading("DECISION");
    match view.plan {
        Some(plan) => decision(plan, column),
        None => column.sentence(MUTED, "no plan", 1),
    }
    column.heading("COMMAND");
    match view.command {
        Some(command) => orders(command, column),
        None => column.sentence(MUTED, "no command", 1),
    }
    curve(view, column, "PLANNED ACCELERATION  m/s²", |point| point.acceleration_mps2, 1.0);
}

fn motion(ego: &EgoState, column: &mut Column) {
    let color = if ego.is_finite() { TEXT } else { ALARM };
    column.row("speed", color, &format!("{:.2} m/s  {:.1} km/h", ego.speed_mps, 3.6 * ego.speed_mps));
    column.row("acceleration", color, &format!("{:+.2} m/s²", ego.acceleration_mps2));
    let source = match ego.source {
        PoseSource::Ins => "GPS/INS",
        PoseSource::LidarOdometry => "lidar odometry",
        PoseSource::Fused => "lidar and GPS/INS",
    };
    column.row("yaw rate", color, &format!("{:+.2} °/s", ego.yaw_rate_radps.to_degrees()));
    column.row("pose from", TEXT, source);
}

fn decision(plan: &Plan, column: &mut Column) {
    let decision = &plan.decision;
    let about = decision.track.map_or(String::new(), |track| format!("track {track}"));
    column.marked_row(colors::decision(decision.kind), decision.kind.name(), TEXT, &about);
    column.sentence(TEXT, &decision.reason, 3);
}

fn orders(command: &Command, column: &mut Column) {
    let side = if command.steering_rad > 0.0 { "left" } else { "right" };
    column.row("steering", TEXT, &format!("{:.2}° {side}", command.steering_rad.to_degrees().abs()));
    column.row("acceleration", TEXT, &format!("{:+.2} m/s²", command.acceleration_mps2));
    match command.stop {
        Some(reason) => column.row("stop", ALARM, reason.name()),
        None => column.row("stop", MUTED, "no"),
    }
    let applied: Vec<&str> = CommandLimit::ALL
        .into_iter()
        .filter(|limit| command.limits & *limit as u32 != 0)
        .map(CommandLimit::name)
        .collect();
    if applied.is_empty() {
        column.row("gate", MUTED, "nothing limited");
    } else {
        column.row("gate", colors::class(ObjectClass::Car), &applied.join(", "));
    }
}

fn planning(view: &View, column: &mut Column) {
    match view.plan {
        Some(plan) => {
            column.heading(&format!("CANDIDATES  {}", plan.candidates.len()));
            for verdict in Verdict::ALL {
                let count = plan.candidates.iter().filter(|candidate| candidate.verdict == verdict).count();
                let color = if count == 0 { MUTED } else { TEXT };
                column.marked_row(colors::verdict(verdict), verdict.name(), color, &count.to_string());
            }
            costs(plan, column);
        }
        None => {
            column.heading("CANDIDATES");
            column.sentence(MUTED, "no plan", 1);
        }
    }
    column.heading("COUNTS");
    let count = |number: Option<usize>| number.map_or("none".to_owned(), |number| number.to_string());
    column.row("lidar points", TEXT, &count(view.points.map(types::PointCloud::len)));
    let boxes = view.detections.map(|found| {
        let fused = found.lidar.iter().filter(|detection| detection.camera.is_some()).count();
        format!("lidar {} (fused {fused}), camera {}", found.lidar.len(), found.camera.len())
    });
    column.row("detections", TEXT, &boxes.unwrap_or("none".to_owned()));
    if view.calibration.camera.is_some() && !view.image.is_some_and(raster::is_whole) {
        column.row("image", ALARM, "none");
    }
    column.row("predictions", TEXT, &count(view.plan.map(|plan| plan.predictions.len())));
    curve(view, column, "PLANNED CURVATURE  1/m", |point| point.curvature_1pm, 0.01);
}

/// The scale of costs, from the cheapest candidate to the one that nine of ten do not exceed.
fn costs(plan: &Plan, column: &mut Column) {
    let Some([low, high]) = plan::cost_range(&plan.candidates) else { return };
    if column.rows_left() == 0 {
        return;
    }
    let (from, to) = (format!("{low:.1}"), format!("{high:.1}+"));
    let baseline = column.top + 13.0;
    column.canvas.text([column.left, baseline], text::BODY, MUTED, "  cost");
    let bar_left = column.left + 7.0 * text::BODY + text::width(text::BODY, &from) + 8.0;
    let bar_right = column.left + column.width - text::width(text::BODY, &to) - 8.0;
    column.canvas.text([column.left + 7.0 * text::BODY, baseline], text::BODY, TEXT, &from);
    column.canvas.text_right([column.left + column.width, baseline], text::BODY, TEXT, &to);
    let steps = (bar_right - bar_left).clamp(0.0, 1000.0) as usize;
    for step in 0..steps {
        let color = colors::cost(step as f64 / steps as f64);
        column.canvas.rectangle([bar_left.round() + step as f64, column.top + 4.0, 1.0, 9.0], color);
    }
    column.top += Column::ROW;
}

fn objects(view: &View, column: &mut Column) {
    curve(view, column, "PLANNED SPEED  m/s", |point| point.speed_mps, 1.0);
    let Some(tracks) = view.tracks else {
        column.heading("TRACKS");
        return column.sentence(MUTED, "none", 1);
    };
    column.heading(&format!("TRACKS  {}  nearest first", tracks.objects.len()));
    let mut nearest: Vec<(f64, [f64; 2], &Track)> = tracks.objects.iter().map(|track| placed(view, track)).collect();
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.id.cmp(&b.2.id)));
    if column.rows_left() > 1 && !nearest.is_empty() {
        column.row("", MUTED, "m/s   ahead  left m");
    }
    let rows = column.rows_left();
    for (_, [ahead, left], track) in nearest.into_iter().take(rows) {
        let name = format!("{} {}", track.id, track.class.name());
        let numbers = format!("{:.1}  {ahead:6.1} {left:6.1}", track.speed_mps());
        column.marked_row(colors::class(track.class), &name, if track.misses == 0 { TEXT } else { MUTED }, &numbers);
    }
}

/// A number of the plan over time, if there is room for it.
fn curve(view: &View, column: &mut Column, name: &str, value: fn(&TrajectoryPoint) -> f64, least: f64) {
    let room = column.canvas.height() as f64 - column.top;
    if room < CHART_HEIGHT + 2.0 * Column::ROW {
        return;
    }
    column.heading(name);
    let Some(plan) = view.plan else { return column.sentence(MUTED, "no plan", 1) };
    // A tall panel has room for taller curves.
    let height = (0.25 * column.canvas.height() as f64).clamp(CHART_HEIGHT, 220.0).min(room - 2.0 * Column::ROW);
    chart::over_time(column.canvas, [column.left, column.top, column.width, height], &plan.trajectory, value, least);
    column.top += height;
}

/// A track's distance and its place in `base_link`; NaN, and so last, without an own pose.
fn placed<'a>(view: &View, track: &'a Track) -> (f64, [f64; 2], &'a Track) {
    let [x, y, _] = track.bbox.center;
    let place = view.usable_ego().map_or([f64::NAN; 2], |ego| ego.pose().inverse_transform(x, y));
    (place[0].hypot(place[1]), place, track)
}
