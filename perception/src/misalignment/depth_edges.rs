//! Where the depth of a sweep jumps: the rims of objects before something farther away.

use nalgebra::{Isometry3, Point3};
use types::PointCloud;

/// A rim: the farther side is at least so much behind, of the nearer side's range and in m.
const JUMP: [f64; 2] = [0.15, 0.8];
/// Ranges that are looked at, m. Nearer the place of the camera matters too much, farther the beams lie too far apart.
const RANGE_M: [f64; 2] = [4.0, 50.0];
/// Beams beside each other are at most so far apart, rad.
const BESIDE_RAD: f64 = 0.012;
/// Azimuths of one column of the grid, rad.
const COLUMN_RAD: f64 = 0.006;

/// A point on a rim, in the camera's optical frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthEdge {
    /// Where the rim runs: between the beams, at the nearer range.
    pub point: Point3<f64>,
    /// 0: the rim stands upright, beside the object; 1: it lies on top of it.
    pub direction: usize,
    /// How much it counts, 0..1.
    pub weight: f32,
}

/// One return.
#[derive(Clone, Copy, Debug)]
struct Beam {
    point: Point3<f64>,
    range: f64,
    azimuth: f64,
}

/// The rims of a sweep that lie before the camera. `camera_from` moves a point by its index into the camera's frame at the image's instant.
#[must_use]
pub fn depth_edges(
    cloud: &PointCloud,
    camera_from_lidar: &Isometry3<f64>,
    moved: impl Fn(usize, Point3<f64>) -> Point3<f64>,
) -> Vec<DepthEdge> {
    let rings = rings(cloud);
    let mut found = Vec::new();
    let mut put = |from: &Beam, to: [f64; 3], direction: usize, jump: f64, index: usize| {
        let rim = Point3::from(to.map(|axis| axis * from.range));
        let point = camera_from_lidar * moved(index, rim);
        if point.z > 1.0 {
            // Above three times the least jump nothing is said more.
            found.push(DepthEdge { point, direction, weight: ((jump / 3.0) as f32).min(1.0) });
        }
    };
    for ring in &rings {
        for four in ring.windows(4) {
            let [(_, first), (i, a), (j, b), (_, last)] = [four[0], four[1], four[2], four[3]];
            let apart = turn(last.azimuth - first.azimuth).abs();
            let (index, before, near, far) = if a.range < b.range { (i, first, a, b) } else { (j, last, b, a) };
            if let Some(jump) = jump(&before, &near, &far).filter(|_| apart < 3.0 * BESIDE_RAD) {
                put(&near, between(&near, &far), 0, jump, index);
            }
        }
    }
    let columns: Vec<Vec<Option<(usize, Beam)>>> = rings.iter().map(|ring| by_column(ring)).collect();
    // Rims on top of objects alone: the farther return is the higher one.
    for three in columns.windows(3) {
        for ((below, one), other) in three[0].iter().zip(&three[1]).zip(&three[2]) {
            let (Some((_, below)), Some((index, near)), Some((_, far))) = (below, one, other) else { continue };
            if let Some(jump) = jump(below, near, far) {
                put(near, between(near, far), 1, jump, *index);
            }
        }
    }
    found
}

/// How many times the least jump lies between two returns, if at least one. `before` is the neighbour of the nearer one on its other
/// side: a surface seen at a flat angle, such as the road, goes on from it evenly in the inverse of the range, and is no rim.
fn jump(before: &Beam, near: &Beam, far: &Beam) -> Option<f64> {
    let least = (JUMP[0] * near.range).max(JUMP[1]);
    let goes_on = 2.0 / near.range - 1.0 / before.range;
    // Beyond the horizon of that surface nothing is told.
    if goes_on * 2.0 * RANGE_M[1] < 1.0 || (before.range - near.range).abs() > least {
        return None;
    }
    let times = (far.range - (1.0 / goes_on).max(near.range)) / least;
    ((RANGE_M[0]..RANGE_M[1]).contains(&near.range) && times >= 1.0).then_some(times)
}

/// The direction between two beams, a unit vector.
fn between(a: &Beam, b: &Beam) -> [f64; 3] {
    let middle = a.point.coords / a.range + b.point.coords / b.range;
    (middle / middle.norm()).into()
}

/// The same angle within half a turn.
fn turn(angle: f64) -> f64 {
    (angle + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI
}

/// Returns by beam, from the lowest beam to the highest, each in the order of its azimuth. Where a sweep does not name the beams it must tell
/// them one after the other, as KITTI's do: a new one begins where the azimuth starts anew.
fn rings(cloud: &PointCloud) -> Vec<Vec<(usize, Beam)>> {
    let mut rings: Vec<Vec<(usize, Beam)>> = Vec::new();
    let mut last: Option<f64> = None;
    for i in 0..cloud.len() {
        let point = Point3::new(f64::from(cloud.x[i]), f64::from(cloud.y[i]), f64::from(cloud.z[i]));
        let (range, azimuth) = (point.coords.norm(), point.y.atan2(point.x));
        if range < 0.5 {
            continue;
        }
        let ring = match cloud.ring.get(i) {
            Some(ring) => usize::from(*ring).min(511),
            None => {
                // One turn is told from the azimuth 0 up, or down; a step of more than half a turn begins the next.
                let around = azimuth.rem_euclid(std::f64::consts::TAU);
                let anew = last.is_some_and(|last| (around - last).abs() > std::f64::consts::PI);
                last = Some(around);
                (rings.len().max(1) - 1 + usize::from(anew)).min(511)
            }
        };
        if rings.len() <= ring {
            rings.resize_with(ring + 1, Vec::new);
        }
        rings[ring].push((i, Beam { point, range, azimuth }));
    }
    rings.retain(|ring| ring.len() > 8);
    for ring in &mut rings {
        ring.sort_by(|a, b| a.1.azimuth.total_cmp(&b.1.azimuth).then(a.0.cmp(&b.0)));
    }
    let height = |ring: &Vec<(usize, Beam)>| {
        let mut heights: Vec<f64> = ring.iter().map(|(_, beam)| beam.point.z / beam.range).collect();
        let middle = heights.len() / 2;
        *heights.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    let mut by_height: Vec<(f64, Vec<(usize, Beam)>)> = rings.into_iter().map(|ring| (height(&ring), ring)).collect();
    by_height.sort_by(|a, b| a.0.total_cmp(&b.0));
    by_height.into_iter().map(|(_, ring)| ring).collect()
}

/// The nearest return of each column of azimuths.
fn by_column(ring: &[(usize, Beam)]) -> Vec<Option<(usize, Beam)>> {
    let count = (std::f64::consts::TAU / COLUMN_RAD).ceil() as usize;
    let mut columns: Vec<Option<(usize, Beam)>> = vec![None; count];
    for (index, beam) in ring {
        let column = ((beam.azimuth + std::f64::consts::PI) / COLUMN_RAD) as usize;
        let place = &mut columns[column.min(count - 1)];
        if place.is_none_or(|(_, other)| beam.range < other.range) {
            *place = Some((*index, *beam));
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A board of 2 m by 2 m at 10 m, from the ground up, within a round wall at 20 m.
    fn board(named: bool) -> PointCloud {
        let mut cloud = PointCloud::default();
        for ring in 0..40u16 {
            let elevation = (f64::from(ring) * 0.4 - 6.0).to_radians();
            for step in 0..1800u32 {
                let azimuth = f64::from(step) * 0.2f64.to_radians();
                let direction = [azimuth.cos() * elevation.cos(), azimuth.sin() * elevation.cos(), elevation.sin()];
                let hits = |x: f64| {
                    let t = x / direction[0];
                    (t > 0.0).then(|| direction.map(|axis| axis * t))
                };
                let on_board = hits(10.0).filter(|p| p[1].abs() < 1.0 && p[2] < 1.0);
                let point = on_board.unwrap_or(direction.map(|axis| axis * 20.0));
                cloud.x.push(point[0] as f32);
                cloud.y.push(point[1] as f32);
                cloud.z.push(point[2] as f32);
                cloud.intensity.push(0.5);
                if named {
                    cloud.ring.push(ring);
                }
            }
        }
        cloud
    }

    #[test]
    fn the_rims_of_a_board_are_where_they_are() {
        // From x ahead, y left, z up to z ahead, x right, y down.
        let q = nalgebra::Quaternion::new(0.5, 0.5, -0.5, 0.5);
        let camera_from_lidar =
            Isometry3::from_parts(nalgebra::Translation3::identity(), nalgebra::UnitQuaternion::from_quaternion(q));
        assert!((camera_from_lidar * Point3::new(1.0, 0.0, 0.0) - Point3::new(0.0, 0.0, 1.0)).norm() < 1e-12);
        for named in [true, false] {
            let edges = depth_edges(&board(named), &camera_from_lidar, |_, point| point);
            let of = |direction: usize| edges.iter().filter(move |edge| edge.direction == direction);
            assert!(of(0).count() > 20 && of(1).count() > 20, "{} {}", of(0).count(), of(1).count());
            for edge in of(0) {
                assert!((edge.point.x.abs() - 1.0).abs() < 0.03, "{edge:?}");
            }
            // The mean of where the top is seen, over azimuths, within the beams' distance.
            for edge in of(1) {
                assert!((edge.point.y + 1.0).abs() < 0.05 && edge.point.x.abs() < 1.05, "{edge:?}");
            }
        }
    }
}
