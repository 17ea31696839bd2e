//! How far apart two runs may be and still count as the same.

use super::fields::Value;
use recordings::Message;
use std::borrow::Cow;
use types::Detections;

/// Share of the frames that must be within the tolerance of networks: an object whose score is at the threshold may come or go.
pub const SHARE_OF_FRAMES: f64 = 0.99;

/// A rule by which runs are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tolerance {
    /// Every bit: the same networks on the same device, library and number of threads, or none at all.
    #[default]
    Exact,
    /// Networks ran on other devices or in other libraries, where sums run in another order.
    Networks,
}

impl Tolerance {
    /// Its name, as it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Networks => "networks",
        }
    }

    /// What it means, in one line.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Exact => "exact: every bit",
            Self::Networks => {
                "tolerance \"networks\": the same objects and decisions, boxes within 1e-3 m, rad and score and 0.1 px, \
                 tracks and plans within 1e-2, commands within 1e-3; candidates and reasons are not compared"
            }
        }
    }

    /// Whether a field may have these two values.
    #[must_use]
    pub fn allows(self, name: &str, a: &Value, b: &Value) -> bool {
        if self == Self::Exact || a.same(b) {
            return a.same(b);
        }
        let Some(limit) = limit(name) else { return true };
        match (a, b) {
            (Value::Number(a), Value::Number(b)) if name.ends_with("yaw") || name.ends_with("heading") => {
                types::wrap_angle(a - b).abs() <= limit
            }
            (Value::Number(a), Value::Number(b)) => (a - b).abs() <= limit,
            (Value::Whole(a), Value::Whole(b)) if name == "lidar[].points" => a.abs_diff(*b) <= POINTS,
            _ => false,
        }
    }

    /// The messages with the elements of their lists in the same places, as far as they belong together: detections lie in falling
    /// score, and two that are nearly alike may change places.
    #[must_use]
    pub fn matched<'a>(
        self,
        a: Option<&'a Message>,
        b: Option<&'a Message>,
    ) -> (Option<Cow<'a, Message>>, Option<Cow<'a, Message>>) {
        let second = match (self, a, b) {
            (Self::Networks, Some(Message::Detections(a)), Some(Message::Detections(b))) => {
                Some(Cow::Owned(Message::Detections(in_the_order_of(a, b))))
            }
            _ => b.map(Cow::Borrowed),
        };
        (a.map(Cow::Borrowed), second)
    }
}

/// Points on an object's edge may fall to either side.
const POINTS: u64 = 5;

/// The largest difference of a number, `None` where nothing is compared.
fn limit(name: &str) -> Option<f64> {
    match name {
        // The door's drops and a box's partner in the image follow from what is compared.
        "reason" | "lidar[].camera" | "trajectory count" | "tail start" | "tick[].limits" => None,
        name if name.starts_with("candidate") => None,
        name if name.starts_with("camera[].x") || name.starts_with("camera[].y") => Some(0.1),
        name if name.starts_with("lidar[]") || name.starts_with("camera[]") || name.starts_with("tick[]") => Some(1e-3),
        _ => Some(1e-2),
    }
}

fn in_the_order_of(a: &Detections, b: &Detections) -> Detections {
    let lidar = ordered(&a.lidar, &b.lidar, |x, y| {
        let apart = (x.bbox.center[0] - y.bbox.center[0]).hypot(x.bbox.center[1] - y.bbox.center[1]);
        if x.class == y.class { apart } else { f64::INFINITY }
    });
    let camera = ordered(&a.camera, &b.camera, |x, y| {
        let apart = (x.bbox.x_min - y.bbox.x_min).hypot(x.bbox.y_max - y.bbox.y_max);
        if x.class == y.class { apart } else { f64::INFINITY }
    });
    Detections { frame: b.frame, stamp: b.stamp, camera, lidar }
}

/// The elements of `b`, each in the place of the nearest free one of `a`; the rest behind.
fn ordered<T: Clone>(a: &[T], b: &[T], apart: impl Fn(&T, &T) -> f64) -> Vec<T> {
    let mut rest: Vec<T> = b.to_vec();
    let mut placed = Vec::with_capacity(b.len());
    for x in a {
        let nearest = (0..rest.len()).min_by(|&i, &j| apart(x, &rest[i]).total_cmp(&apart(x, &rest[j])));
        if let Some(nearest) = nearest {
            placed.push(rest.remove(nearest));
        }
    }
    placed.extend(rest);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;
    use types::{Box3, Detection3, ObjectClass};

    #[test]
    fn the_tolerance_of_networks_forgives_order_and_last_digits_only() {
        let networks = Tolerance::Networks;
        let number = Value::Number;
        assert!(networks.allows("lidar[].x", &number(1.0), &number(1.0009)));
        assert!(!networks.allows("lidar[].x", &number(1.0), &number(1.002)));
        assert!(networks.allows("lidar[].yaw", &number(PI - 1e-4), &number(1e-4 - PI)));
        assert!(!networks.allows("lidar count", &Value::Whole(3), &Value::Whole(4)));
        assert!(!networks.allows("decision", &Value::Text("stop".into()), &Value::Text("follow".into())));
        assert!(networks.allows("reason", &Value::Text("1.0 m".into()), &Value::Text("1.1 m".into())));
        assert!(!Tolerance::Exact.allows("lidar[].x", &number(0.0), &number(-0.0)));
    }

    #[test]
    fn detections_that_change_places_are_matched() {
        let object = |x: f64| Detection3 {
            bbox: Box3 { center: [x, 0.0, 0.0], ..Box3::default() },
            class: ObjectClass::Car,
            score: 0.5,
            point_count: 9,
            camera: None,
            seen_after_s: 0.0,
        };
        let detections =
            |xs: &[f64]| Detections { lidar: xs.iter().map(|x| object(*x)).collect(), ..Detections::default() };
        let ordered = in_the_order_of(&detections(&[1.0, 2.0, 3.0]), &detections(&[2.0, 1.0, 3.0, 9.0]));
        let xs: Vec<f64> = ordered.lidar.iter().map(|object| object.bbox.center[0]).collect();
        assert_eq!(xs, [1.0, 2.0, 3.0, 9.0]);
    }
}
