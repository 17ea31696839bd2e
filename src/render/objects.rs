//! Detections, tracks and the own vehicle seen from above.

use super::canvas::{Pen, Pixel};
use super::ground::Ground;
use super::labels::Labels;
use super::{View, colors};
use types::{Pose2, Track};

/// Thin dashed boxes with their class, `base_link`.
pub fn detections(ground: &mut Ground, view: &View) {
    let Some(detections) = view.detections else { return };
    let mut boxes = ground.canvas.lines();
    for detection in detections.lidar.iter().filter(|detection| detection.bbox.is_valid()) {
        boxes.add_closed(&detection.bbox.corners_bev().map(|corner| ground.base(corner)));
    }
    ground.canvas.stroke(boxes, Pen::dashed(colors::DETECTION, 1.0, 4.0, 3.0));
}

/// Thin dashed boxes of what is really there, `odom`.
pub fn truth(ground: &mut Ground, view: &View) {
    let Some(truth) = view.truth else { return };
    let mut boxes = ground.canvas.lines();
    for object in truth.objects.iter().filter(|object| object.bbox.is_valid()) {
        boxes.add_closed(&ground.footprint(&object.bbox));
    }
    ground.canvas.stroke(boxes, Pen::dashed(colors::TRUTH, 1.0, 2.0, 2.0));
}

/// The names of detections that no track covers; the others would only repeat the track's.
pub fn detection_labels(ground: &mut Ground, view: &View, labels: &mut Labels) {
    let Some(detections) = view.detections else { return };
    let tracked: Vec<Pixel> = sorted_tracks(ground, view).iter().map(|track| center(ground, track)).collect();
    for detection in detections.lidar.iter().filter(|detection| detection.bbox.is_valid()) {
        if labels.is_full() {
            break;
        }
        let [x, y, _] = detection.bbox.center;
        let at = ground.base([x, y]);
        let near = 2.0 * ground.scale;
        let corners = detection.bbox.corners_bev().map(|corner| ground.base(corner));
        if tracked.iter().any(|track| (track[0] - at[0]).hypot(track[1] - at[1]) < near) {
            continue;
        }
        let name = format!("{} {:.2}", detection.class.name(), detection.score);
        labels.write(&mut ground.canvas, at, half_extents(at, &corners), colors::DETECTION, &name);
    }
}

/// Boxes colored by class with a tick for the heading and an arrow to where the object is in 1 s.
pub fn tracks(ground: &mut Ground, view: &View) {
    for track in sorted_tracks(ground, view) {
        let color = colors::class(track.class);
        // An object not seen in this frame is only expected to be there.
        let seen = if track.misses == 0 { 1.0 } else { 0.55 };
        let corners = ground.footprint(&track.bbox);
        ground.canvas.fill(&corners, color.faded(0.22 * seen));
        ground.canvas.outline(&corners, Pen::solid(color.faded(seen), 2.0));
        let middle = center(ground, &track);
        let front = [0.5 * (corners[0][0] + corners[3][0]), 0.5 * (corners[0][1] + corners[3][1])];
        ground.canvas.line(&[middle, front], Pen::solid(color.faded(seen), 2.0));
        if track.speed_mps() > 0.3 {
            let [x, y, _] = track.bbox.center;
            let tip = ground.odom([x + track.velocity_mps[0], y + track.velocity_mps[1]]);
            arrow(ground, middle, tip, Pen::solid(colors::TEXT.faded(seen), 2.0));
        }
    }
}

/// Number, class and speed of every track, the nearest first.
pub fn track_labels(ground: &mut Ground, view: &View, labels: &mut Labels) {
    let tracks = sorted_tracks(ground, view);
    let extents = |track| (center(ground, track), half_extents(center(ground, track), &ground.footprint(&track.bbox)));
    let extents: Vec<(Pixel, Pixel)> = tracks.iter().map(extents).collect();
    for ([x, y], [across, down]) in &extents {
        labels.block([x - across, y - down, x + across, y + down]);
    }
    for (track, (middle, half)) in tracks.iter().zip(extents) {
        let name = format!("{} {} {:.1}", track.id, track.class.name(), track.speed_mps());
        labels.write(&mut ground.canvas, middle, half, colors::class(track.class), &name);
    }
}

/// How far a box reaches across and down from its middle, px.
fn half_extents(middle: Pixel, corners: &[Pixel; 4]) -> Pixel {
    [0, 1].map(|axis| corners.iter().map(|corner| (corner[axis] - middle[axis]).abs()).fold(0.0, f64::max))
}

/// The tracks that can be drawn, nearest first.
pub fn sorted_tracks(ground: &Ground, view: &View) -> Vec<Track> {
    let all = view.tracks.map_or(&[][..], |tracks| &tracks.objects);
    let mut sorted: Vec<Track> = all.iter().filter(|track| track.bbox.is_valid()).copied().collect();
    let distance = |track: &Track| ground.distance([track.bbox.center[0], track.bbox.center[1]]);
    sorted.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.id.cmp(&b.id)));
    sorted
}

fn center(ground: &Ground, track: &Track) -> Pixel {
    ground.odom([track.bbox.center[0], track.bbox.center[1]])
}

/// A line with a filled head.
fn arrow(ground: &mut Ground, from: Pixel, to: Pixel, pen: Pen) {
    let length = (to[0] - from[0]).hypot(to[1] - from[1]);
    if !(length > 1.0 && length.is_finite()) {
        return;
    }
    let (along, head) = ([(to[0] - from[0]) / length, (to[1] - from[1]) / length], length.min(9.0));
    let neck = [to[0] - head * along[0], to[1] - head * along[1]];
    let wing = [0.45 * head * along[1], -0.45 * head * along[0]];
    ground.canvas.line(&[from, neck], pen);
    ground
        .canvas
        .fill(&[to, [neck[0] + wing[0], neck[1] + wing[1]], [neck[0] - wing[0], neck[1] - wing[1]]], pen.color);
}

/// The own vehicle to scale, its front wheels turned as commanded.
pub fn ego(ground: &mut Ground, view: &View) {
    let vehicle = view.vehicle;
    let body = vehicle.footprint(&Pose2::default()).corners_bev().map(|corner| ground.base(corner));
    ground.canvas.fill(&body, colors::PANEL.faded(0.85));
    ground.canvas.fill(&body, colors::EGO.faded(0.25));
    let steering = view.command.map_or(0.0, |command| command.steering_rad);
    for (axle, turn) in [(0.0, 0.0), (vehicle.wheelbase_m, steering)] {
        for side in [0.42, -0.42] {
            let wheel = Pose2 { x: axle, y: side * vehicle.width_m, yaw: turn };
            let corners = [(0.33, 0.11), (-0.33, 0.11), (-0.33, -0.11), (0.33, -0.11)];
            let corners = corners.map(|(x, y)| ground.base(wheel.transform(x, y)));
            ground.canvas.fill(&corners, colors::EGO);
        }
    }
    ground.canvas.outline(&body, Pen::solid(colors::EGO, 2.0));
    let nose = vehicle.front_offset_m();
    let tip = [[nose - 0.9, 0.3], [nose - 0.35, 0.0], [nose - 0.9, -0.3]].map(|place| ground.base(place));
    ground.canvas.line(&tip, Pen::solid(colors::EGO, 2.0));
}
