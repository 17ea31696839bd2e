//! The ground: road at z = 0, kerbs, and sidewalks at the kerb's height.

use crate::scene::Ground;
use crate::shape::Ray;
use crate::street::{
    CROSSING_END, CROSSING_START, KERB_HEIGHT, LANE_WIDTH, LEFT_KERB, ONCOMING_STOP_LINE, RIGHT_KERB, SIDEWALK_WIDTH,
    STOP_LINE, Street,
};
use crate::surface::Surface;
use nalgebra::Vector3;

/// The ground of the one street that there is.
#[derive(Clone, Copy, Debug)]
pub struct StreetGround;

impl Ground for StreetGround {
    fn height_m(&self, x: f64, y: f64) -> f64 {
        height(Street::locate(x, y).1)
    }

    fn enter(&self, ray: &Ray, reach: f64) -> Option<(f64, Vector3<f64>, Surface)> {
        enter(ray).filter(|(distance, ..)| *distance < reach)
    }
}

/// Height of the ground at lateral position `d`, m.
pub fn height(d: f64) -> f64 {
    if on_road(d) { 0.0 } else { KERB_HEIGHT }
}

fn on_road(d: f64) -> bool {
    (RIGHT_KERB..=LEFT_KERB).contains(&d)
}

/// Where a ray from above meets the ground: distance along the ray, normal, and what the ground is made of there.
pub fn enter(ray: &Ray) -> Option<(f64, Vector3<f64>, Surface)> {
    if ray.direction.z > -1e-6 || ray.origin.z <= KERB_HEIGHT {
        return None;
    }
    let place = |distance: f64| {
        let point = ray.at(distance);
        Street::locate(point.x, point.y)
    };
    let level = |z: f64| (z - ray.origin.z) / ray.direction.z;
    let upper = level(KERB_HEIGHT);
    let (s, d) = place(upper);
    if !on_road(d) {
        return Some((upper, Vector3::z(), surface(s, d)));
    }
    let lower = level(0.0);
    let (s, end) = place(lower);
    if on_road(end) {
        return Some((lower, Vector3::z(), surface(s, end)));
    }
    // The ray meets the kerb between the two levels. The stretch is short: its lateral position is taken as linear.
    let kerb = if end > LEFT_KERB { LEFT_KERB } else { RIGHT_KERB };
    let distance = upper + (lower - upper) * ((kerb - d) / (end - d)).clamp(0.0, 1.0);
    let (s, _) = place(distance);
    let side = if kerb > 0.0 { -1.0 } else { 1.0 };
    let yaw = Street::pose(s, 0.0).yaw;
    let normal = Vector3::new(-yaw.sin() * side, yaw.cos() * side, 0.0);
    Some((distance, normal, Surface::Kerb))
}

/// What the ground is made of at (s, d).
fn surface(s: f64, d: f64) -> Surface {
    let beyond_kerb = (d - LEFT_KERB).max(RIGHT_KERB - d);
    if beyond_kerb > SIDEWALK_WIDTH {
        return Surface::Grass;
    }
    if beyond_kerb > 0.0 {
        return if beyond_kerb < 0.15 { Surface::Kerb } else { Surface::Sidewalk };
    }
    if marked(s, d) { Surface::Marking } else { Surface::Asphalt }
}

fn marked(s: f64, d: f64) -> bool {
    let half_lane = 0.5 * LANE_WIDTH;
    let within = |value: f64, low: f64, high: f64| value >= low && value < high;
    if within(s, CROSSING_START, CROSSING_END) {
        return (d - RIGHT_KERB).rem_euclid(1.0) < 0.5;
    }
    let near_crossing = within(s, STOP_LINE - 1.0, ONCOMING_STOP_LINE + 1.0);
    let stop = within(s, STOP_LINE, STOP_LINE + 0.4) && within(d, -half_lane, half_lane);
    let stop_oncoming =
        within(s, ONCOMING_STOP_LINE - 0.4, ONCOMING_STOP_LINE) && within(d, half_lane, half_lane + LANE_WIDTH);
    let middle = (d - half_lane).abs() < 0.06 && (s.rem_euclid(6.0) < 3.0 || within(s, STOP_LINE - 15.0, STOP_LINE));
    let parking = (d + half_lane).abs() < 0.05 && s.rem_euclid(1.0) < 0.5;
    stop || stop_oncoming || (!near_crossing && (middle || parking))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(x: f64, y: f64, target: [f64; 3]) -> (f64, Vector3<f64>, Surface) {
        let origin = Vector3::new(x, y, 1.8);
        enter(&Ray { origin, direction: Vector3::from(target) - origin }).unwrap()
    }

    #[test]
    fn road_kerb_and_sidewalk() {
        let (distance, normal, hit) = down(0.0, 0.0, [8.0, 0.5, 0.0]);
        assert!((distance - 1.0).abs() < 1e-12 && normal == Vector3::z());
        assert_eq!(hit, Surface::Asphalt);
        let (distance, normal, hit) = down(0.0, 0.0, [1.0, RIGHT_KERB, 0.06]);
        assert!((distance - 1.0).abs() < 1e-9 && (normal - Vector3::y()).norm() < 1e-12 && hit == Surface::Kerb);
        let (distance, _, hit) = down(0.0, 0.0, [1.0, RIGHT_KERB - 1.0, KERB_HEIGHT]);
        assert!((distance - 1.0).abs() < 1e-12 && hit == Surface::Sidewalk);
        assert!(enter(&Ray { origin: Vector3::new(0.0, 0.0, 1.8), direction: Vector3::x() }).is_none());
    }

    #[test]
    fn markings() {
        assert_eq!(surface(1.0, 1.75), Surface::Marking);
        assert_eq!(surface(4.0, 1.75), Surface::Asphalt);
        assert_eq!(surface(STOP_LINE + 0.1, 0.0), Surface::Marking);
        assert_eq!(surface(0.0, 20.0), Surface::Grass);
    }
}
