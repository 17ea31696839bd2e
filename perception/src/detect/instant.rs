//! Brings the boxes of a turning sweep to one stamp.
//!
//! A lidar takes a tenth of a second to turn, and the vehicle drives on meanwhile: what is ahead at 14 m/s seems 0.7 m too near. A detector sees the
//! points as they were measured. Each box is met at one instant, to within its own width, so it is enough to move the boxes: the ego's motion from
//! the stamp to that instant is known, and what the object did meanwhile is left to who follows it.

use nalgebra::Isometry3;
use types::{Detection3, EgoState, PointCloud};

/// Directions that are told apart, and one point in so many is asked for its time.
const DIRECTIONS: usize = 256;
const EVERY: usize = 8;

/// Moves each box from `base_link` as it was when the sweep met the object to `base_link` at the sweep's stamp, and notes the time in between.
/// Nothing changes if the points have no times: such a sweep is of one instant.
///
/// `ego` is the state at the stamp.
pub fn bring_to_stamp(
    objects: &mut [Detection3],
    cloud: &PointCloud,
    base_from_lidar: &Isometry3<f64>,
    ego: &EgoState,
) {
    if objects.is_empty() || cloud.time_ns.len() != cloud.len() {
        return;
    }
    let Some(times) = Times::of(cloud) else { return };
    let lidar_from_base = base_from_lidar.inverse();
    for object in objects {
        let place = lidar_from_base * nalgebra::Point3::from(object.bbox.center);
        let after_s = times.towards(place.x, place.y);
        if after_s == 0.0 {
            continue;
        }
        let later = ego.extrapolated(ego.stamp.offset(after_s)).odom_from_base;
        object.bbox = object.bbox.transformed(&ego.odom_from_base.inv_mul(&later));
        object.seen_after_s = after_s;
    }
}

/// When the beams pointed where, by the points' own times: whichever way the lidar turns and wherever it begins.
struct Times([Option<u32>; DIRECTIONS]);

impl Times {
    /// `None` if there is no point.
    fn of(cloud: &PointCloud) -> Option<Self> {
        let mut times = [None; DIRECTIONS];
        for i in (0..cloud.len()).step_by(EVERY) {
            // Where the turn ends it began: the first of both is kept.
            times[direction(f64::from(cloud.x[i]), f64::from(cloud.y[i]))].get_or_insert(cloud.time_ns[i]);
        }
        times.iter().any(Option::is_some).then_some(Self(times))
    }

    /// Seconds after the stamp. Where no beam came back, those beside tell.
    fn towards(&self, x: f64, y: f64) -> f64 {
        let own = direction(x, y);
        let around = (0..=DIRECTIONS / 2).flat_map(|step| [own + step, own + DIRECTIONS - step]);
        let time_ns = around.filter_map(|index| self.0[index % DIRECTIONS]).next();
        f64::from(time_ns.unwrap_or(0)) * 1e-9
    }
}

fn direction(x: f64, y: f64) -> usize {
    let turn = y.atan2(x) / std::f64::consts::TAU + 0.5;
    ((turn * DIRECTIONS as f64) as usize).min(DIRECTIONS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};
    use types::{Box3, ObjectClass, PoseSource, Stamp};

    /// A lidar 1 m ahead of the rear axle that turns clockwise from the rear in 0.1 s, and points on a circle of 20 m.
    fn sweep(timed: bool) -> (PointCloud, Isometry3<f64>) {
        let mut cloud = PointCloud::default();
        for column in 0..1024u32 {
            let angle = PI - (f64::from(column) + 0.5) * TAU / 1024.0;
            for _ in 0..8 {
                cloud.x.push((20.0 * angle.cos()) as f32);
                cloud.y.push((20.0 * angle.sin()) as f32);
                cloud.z.push(0.0);
                cloud.intensity.push(0.5);
                if timed {
                    cloud.time_ns.push((u64::from(column) * 100_000_000 / 1024) as u32);
                }
            }
        }
        (cloud, Isometry3::translation(1.0, 0.0, 1.8))
    }

    fn ego() -> EgoState {
        EgoState {
            stamp: Stamp::from_nanos(5),
            odom_from_base: Isometry3::new(nalgebra::Vector3::new(50.0, 9.0, 0.0), nalgebra::Vector3::z()),
            speed_mps: 14.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.2,
            source: PoseSource::Ins,
        }
    }

    fn found(x: f64, y: f64) -> Detection3 {
        let bbox = Box3 { center: [x, y, 0.8], length: 4.0, width: 2.0, height: 1.6, yaw: 0.1 };
        Detection3 { bbox, class: ObjectClass::Car, score: 0.9, point_count: 9, camera: None, seen_after_s: 0.0 }
    }

    #[test]
    fn what_stands_is_where_it_is_from_the_vehicle_at_the_stamp() {
        let (cloud, base_from_lidar) = sweep(true);
        for (x, y, after_s) in [(21.0, 0.0, 0.05), (1.0, 20.0, 0.025), (1.0, -20.0, 0.075)] {
            let truth = ego().odom_from_base * nalgebra::Point3::new(x, y, 0.8);
            // Seen from where the vehicle is when the beam comes by.
            let then = ego().extrapolated(ego().stamp.offset(after_s)).odom_from_base;
            let seen = then.inverse() * truth;
            let mut objects = [found(seen.x, seen.y)];
            bring_to_stamp(&mut objects, &cloud, &base_from_lidar, &ego());
            let [bx, by, _] = objects[0].bbox.center;
            assert!((bx - x).hypot(by - y) < 0.02, "{:?} instead of {x}, {y}", objects[0].bbox);
            assert!((objects[0].seen_after_s - after_s).abs() < 1e-3 && objects[0].bbox.yaw > 0.104);
        }
    }

    #[test]
    fn a_sweep_of_one_instant_stays() {
        let (cloud, base_from_lidar) = sweep(false);
        let mut objects = [found(21.0, 0.0)];
        bring_to_stamp(&mut objects, &cloud, &base_from_lidar, &ego());
        bring_to_stamp(&mut objects, &PointCloud::default(), &base_from_lidar, &ego());
        assert_eq!(objects, [found(21.0, 0.0)]);
        // A few points tell of all directions.
        let (cloud, _) = sweep(true);
        let few = |column: &[f32]| column[..8].to_vec();
        let rear = PointCloud {
            x: few(&cloud.x),
            y: few(&cloud.y),
            z: few(&cloud.z),
            intensity: few(&cloud.intensity),
            time_ns: cloud.time_ns[..8].to_vec(),
            ..PointCloud::default()
        };
        bring_to_stamp(&mut objects, &rear, &base_from_lidar, &ego());
        assert_eq!(objects, [found(21.0, 0.0)]);
    }
}
