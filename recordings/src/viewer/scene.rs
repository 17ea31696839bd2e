//! Boxes, velocities and trajectories in space. One entity a topic: the next one replaces it.

use super::lines::{Line, Scene};
use super::{class_color, color, planar_pose};
use foxglove::messages::{
    ArrowPrimitive, Color, CubePrimitive, SceneEntity, TextPrimitive, Timestamp, Vector3, line_primitive,
};
use types::{Box3, Detections, ObjectClass, Plan, Tracks, Truth, Verdict};

/// Candidates lie a little above the ground, the choice above them.
const CANDIDATE_HEIGHT_M: f64 = 0.05;
const CHOICE_HEIGHT_M: f64 = 0.15;

pub(super) fn detections(detections: &Detections, timestamp: Option<Timestamp>) -> Scene {
    let mut scene = new_scene("base_link", "detections", timestamp);
    for found in detections.lidar.iter().filter(|found| found.bbox.is_valid()) {
        add_box(&mut scene, &found.bbox, found.class, 0.3);
        let fused = if found.camera.is_some() { " + camera" } else { "" };
        let text = format!("{} {:.2}{fused}", found.class.name(), found.score);
        add_text(&mut scene, &found.bbox, text);
    }
    scene
}

pub(super) fn tracks(tracks: &Tracks, timestamp: Option<Timestamp>) -> Scene {
    let mut scene = new_scene("odom", "tracks", timestamp);
    for track in tracks.objects.iter().filter(|track| track.bbox.is_valid()) {
        add_box(&mut scene, &track.bbox, track.class, 0.5);
        let speed = track.speed_mps();
        add_text(&mut scene, &track.bbox, format!("#{} {} {speed:.1} m/s", track.id, track.class.name()));
        if speed.is_finite() && speed > 0.3 {
            let ([x, y, z], [vx, vy]) = (track.bbox.center, track.velocity_mps);
            // As long as the way of one second.
            scene.entity.arrows.push(ArrowPrimitive {
                pose: Some(planar_pose(x, y, z, vy.atan2(vx))),
                shaft_length: speed,
                shaft_diameter: 0.12,
                head_length: 0.5,
                head_diameter: 0.35,
                color: Some(class_color(track.class, 1.0)),
            });
        }
    }
    scene
}

/// Outlines, so that a detection in the same place shows.
pub(super) fn truth(truth: &Truth, timestamp: Option<Timestamp>) -> Scene {
    let mut scene = new_scene("odom", "truth", timestamp);
    for object in truth.objects.iter().filter(|object| object.bbox.is_valid()) {
        let (bbox, tint) = (object.bbox, class_color(object.class, 0.9));
        let corners = bbox.corners_bev();
        for z in [bbox.center[2] - 0.5 * bbox.height, bbox.center[2] + 0.5 * bbox.height] {
            let ring = corners.map(|[x, y]| [x, y, z]);
            let line = line_strip(ring.to_vec(), 0.04, tint);
            scene.lines.push(Line { kind: line_primitive::Type::LineLoop, ..line });
        }
        let share = 100.0 * object.visible;
        let text = format!("{} {}, {} points, {share:.0} % seen", object.class.name(), object.id, object.points);
        add_text(&mut scene, &bbox, text);
    }
    scene
}

pub(super) fn plan(plan: &Plan, timestamp: Option<Timestamp>) -> Scene {
    let mut scene = new_scene("odom", "plan", timestamp);
    for verdict in Verdict::ALL {
        let paths = plan.candidates.iter().filter(|candidate| candidate.verdict == verdict);
        if let Some(lines) = candidate_lines(paths.map(|candidate| &candidate.path), verdict_color(verdict)) {
            scene.lines.push(lines);
        }
    }
    for path in &plan.predictions {
        let points = path.poses.iter().map(|&[x, y, _]| [x, y, CHOICE_HEIGHT_M]).collect();
        scene.lines.push(line_strip(points, 0.15, color(0.7, 0.3, 1.0, 0.8)));
    }
    let points = &plan.trajectory.points;
    let tail = plan.trajectory.tail_start.min(points.len());
    // The tail's line begins where the other one ends.
    let parts =
        [(&points[..tail], color(0.1, 0.9, 0.3, 0.9)), (&points[tail.saturating_sub(1)..], color(1.0, 0.5, 0.0, 0.9))];
    for (part, tint) in parts {
        let points = part.iter().map(|p| [p.x, p.y, CHOICE_HEIGHT_M]).collect();
        scene.lines.push(line_strip(points, 0.3, tint));
    }
    if let Some(first) = points.first() {
        scene.texts.push(TextPrimitive {
            pose: Some(planar_pose(first.x, first.y, 3.0, 0.0)),
            billboard: true,
            font_size: 16.0,
            scale_invariant: true,
            color: Some(color(1.0, 1.0, 1.0, 1.0)),
            text: format!("{}: {}", plan.decision.kind.name(), plan.decision.reason),
        });
    }
    scene
}

pub(super) fn new_scene(frame: &str, id: &str, timestamp: Option<Timestamp>) -> Scene {
    let entity = SceneEntity { timestamp, frame_id: frame.into(), id: id.into(), ..SceneEntity::default() };
    Scene { entity, lines: Vec::new(), texts: Vec::new() }
}

fn add_box(scene: &mut Scene, bbox: &Box3, class: ObjectClass, alpha: f64) {
    let [x, y, z] = bbox.center;
    scene.entity.cubes.push(CubePrimitive {
        pose: Some(planar_pose(x, y, z, bbox.yaw)),
        size: Some(Vector3 { x: bbox.length, y: bbox.width, z: bbox.height }),
        color: Some(class_color(class, alpha)),
    });
}

fn add_text(scene: &mut Scene, bbox: &Box3, text: String) {
    let [x, y, z] = bbox.center;
    scene.texts.push(TextPrimitive {
        pose: Some(planar_pose(x, y, z + 0.5 * bbox.height + 0.4, 0.0)),
        billboard: true,
        font_size: 12.0,
        scale_invariant: true,
        color: Some(color(1.0, 1.0, 1.0, 1.0)),
        text,
    });
}

pub(super) fn line_strip(points: Vec<[f64; 3]>, thickness_m: f64, color: Color) -> Line {
    Line { kind: line_primitive::Type::LineStrip, thickness_m, points, color, indices: Vec::new() }
}

/// All candidates of one colour as one list of line pieces.
fn candidate_lines<'a>(paths: impl Iterator<Item = &'a [[f32; 2]; 8]>, tint: Color) -> Option<Line> {
    let (mut points, mut indices) = (Vec::new(), Vec::new());
    for path in paths {
        let first = points.len() as u32;
        points.extend(path.iter().map(|&[x, y]| [x.into(), y.into(), CANDIDATE_HEIGHT_M]));
        indices.extend((first..first + 7).flat_map(|i| [i, i + 1]));
    }
    if points.is_empty() {
        return None;
    }
    let line = line_strip(points, 0.03, tint);
    Some(Line { kind: line_primitive::Type::LineList, indices, ..line })
}

const fn verdict_color(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Chosen => color(0.1, 0.9, 0.3, 0.9),
        Verdict::Free => color(0.4, 0.8, 0.5, 0.4),
        Verdict::Dearer => color(0.4, 0.8, 0.5, 0.15),
        Verdict::Collision => color(1.0, 0.15, 0.15, 0.4),
        Verdict::OffRoad => color(0.9, 0.6, 0.2, 0.25),
        Verdict::Speed | Verdict::Acceleration | Verdict::Jerk | Verdict::Curvature | Verdict::LateralAcceleration => {
            color(0.6, 0.6, 0.6, 0.2)
        }
    }
}
