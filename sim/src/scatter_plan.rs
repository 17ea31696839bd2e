//! The plan of a random place: roads through it, what lies beside them, and the shape of the ground.

use crate::random::{Random, smooth_noise};
use crate::relief::Relief;
use crate::surface::Surface;
use types::{Pose2, wrap_angle};

/// Kinds of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A street between houses, often with parked cars.
    Street,
    /// Two streets that cross.
    Junction,
    /// A road through fields and gardens.
    Country,
    /// Two carriageways with barriers.
    Highway,
    /// An open paved square.
    Square,
    /// Rows of parked cars.
    CarPark,
    /// A logistics yard.
    Yard,
}

/// A straight or an arc without end.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Pose at s = 0.
    pub start: Pose2,
    /// Signed curvature, 1/m, positive to the left.
    pub curvature: f64,
}

impl Line {
    /// The pose at (s, d), heading along the line.
    pub fn pose(&self, s: f64, d: f64) -> Pose2 {
        let turn = self.curvature * s;
        let (x, y) = if self.curvature.abs() < 1e-9 {
            (s, 0.0)
        } else {
            (turn.sin() / self.curvature, (1.0 - turn.cos()) / self.curvature)
        };
        let (sin, cos) = turn.sin_cos();
        let [x, y] = self.start.transform(x - d * sin, y + d * cos);
        Pose2 { x, y, yaw: wrap_angle(self.start.yaw + turn) }
    }

    /// Lateral position of a point.
    pub fn aside(&self, x: f64, y: f64) -> f64 {
        let [x, y] = self.start.inverse_transform(x, y);
        if self.curvature.abs() < 1e-9 {
            return y;
        }
        let (side, radius) = (self.curvature.signum(), 1.0 / self.curvature.abs());
        side * (radius - (x * x + (radius - side * y).powi(2)).sqrt())
    }
}

/// A road with lanes on both sides of its line.
#[derive(Clone, Debug)]
pub struct Road {
    /// Its middle.
    pub line: Line,
    /// Lateral position of each lane's middle and whether it runs with the line.
    pub lanes: Vec<(f64, bool)>,
    /// Half the width of the carriageway with parking strips, m.
    pub half_m: f64,
    /// Width of the parking strips, m; zero if there are none.
    pub parking_m: f64,
    /// Width of the pavements, m.
    pub pavement_m: f64,
}

/// A random place around the ego at the origin.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is.
    pub place: Place,
    /// Its roads; the ego is on the first. Empty on open ground.
    pub roads: Vec<Road>,
    /// Height of kerbs, m.
    kerb_m: f64,
    /// What lies beyond the pavements.
    beyond: u8,
    slope: [f64; 2],
    /// Wave vectors (1/m), amplitude (m) and phase.
    waves: Vec<[f64; 4]>,
    bumps_m: f64,
    bank: f64,
    offset: [f64; 2],
}

/// What the ground is made of, in the order of the raster's indices.
const KINDS: [Surface; 5] = [Surface::Asphalt, Surface::Sidewalk, Surface::Grass, Surface::Gravel, Surface::Kerb];

impl Plan {
    /// Draws a place.
    pub fn draw(random: &mut Random) -> Self {
        use Place::{CarPark, Country, Highway, Junction, Square, Street, Yard};
        let place = random.pick(&[
            Street, Street, Street, Street, Street, Junction, Junction, Junction, Country, Country, Highway, Square,
            CarPark, Yard,
        ]);
        let curvature = random.pick(&[0.0, 0.0, 1.0]) * random.between(-0.012, 0.012);
        let lane_width = random.between(2.8, 3.7);
        let mut roads = Vec::new();
        match place {
            Square | CarPark | Yard => {}
            Highway => {
                let (count, median) = (random.between(2.0, 4.0) as usize, random.between(2.0, 6.0));
                let one_side: Vec<f64> = (0..count).map(|i| 0.5 * median + (i as f64 + 0.5) * lane_width).collect();
                let lanes = one_side.iter().flat_map(|d| [(-d, true), (*d, false)]).collect();
                let half_m = 0.5 * median + count as f64 * lane_width + random.between(0.5, 3.0);
                let curvature = 0.15 * curvature;
                roads.push(Self::road(random, curvature, lanes, half_m, 0.0, 0.0));
            }
            Street | Junction | Country => {
                let per_side = if random.unit() < 0.2 { 2 } else { 1 };
                let parking_m =
                    if place == Country || random.unit() < 0.25 { 0.0 } else { random.pick(&[2.2, 2.2, 2.4, 4.8]) };
                let one_way = place != Country && random.unit() < 0.15;
                let lanes: Vec<(f64, bool)> = (0..per_side)
                    .flat_map(|i| {
                        let d = (f64::from(i) + 0.5) * lane_width;
                        [(-d, true), (d, one_way)]
                    })
                    .collect();
                let half_m = f64::from(per_side) * lane_width + parking_m + random.between(0.0, 0.5);
                let pavement_m = if place == Country { 0.0 } else { random.between(1.2, 5.0) };
                roads.push(Self::road(random, curvature, lanes, half_m, parking_m, pavement_m));
            }
        }
        if place == Junction || (place == Street && random.unit() < 0.3) {
            // A second road across, ahead or behind.
            let first = &roads[0];
            let at = first.line.pose(random.between(-20.0, 45.0), 0.0);
            let yaw = wrap_angle(at.yaw + std::f64::consts::FRAC_PI_2 + random.between(-0.35, 0.35));
            let start = Pose2 { yaw, ..at };
            let line = Line { start, curvature: random.between(-0.006, 0.006) };
            let second = Road { line, ..first.clone() };
            roads.push(second);
        }
        let flat = random.unit() < 0.25;
        let steep = if flat { 0.002 } else { 0.022 };
        let waves = (0..if flat { 0 } else { 4 })
            .map(|_| {
                let (length, angle) = (random.between(18.0, 90.0), random.between(0.0, std::f64::consts::TAU));
                let k = std::f64::consts::TAU / length;
                [k * angle.cos(), k * angle.sin(), 0.0035 * length * random.unit(), random.between(0.0, 6.3)]
            })
            .collect();
        let kerb_m = if place == Highway || place == Country {
            0.0
        } else {
            random.pick(&[0.0, 1.0, 1.0, 1.0]) * random.between(0.03, 0.17)
        };
        let beyond = match place {
            Country | Highway => random.pick(&[2, 2, 2, 3]),
            Square | CarPark | Yard => random.pick(&[0, 0, 1, 3]),
            Street | Junction => random.pick(&[1, 2, 2, 3]),
        };
        Self {
            place,
            roads,
            kerb_m,
            beyond,
            slope: [steep * random.normal(), steep * random.normal()],
            waves,
            bumps_m: random.between(0.0, 0.08),
            bank: random.pick(&[0.0, 0.0, 1.0]) * random.between(-0.12, 0.2),
            offset: [random.between(-900.0, 900.0), random.between(-900.0, 900.0)],
        }
    }

    /// A road so that the ego at the origin drives in one of its lanes, or nearly.
    fn road(
        random: &mut Random,
        curvature: f64,
        lanes: Vec<(f64, bool)>,
        half_m: f64,
        parking_m: f64,
        pavement_m: f64,
    ) -> Road {
        let (lane, _) = random.pick(&lanes.iter().copied().filter(|lane| lane.1).collect::<Vec<_>>());
        let d = lane + 0.25 * random.normal();
        let heading = if random.unit() < 0.15 { 0.4 * random.normal() } else { 0.03 * random.normal() };
        let (sin, cos) = heading.sin_cos();
        let start = Pose2 { x: -sin * d, y: -cos * d, yaw: -heading };
        Road { line: Line { start, curvature }, lanes, half_m, parking_m, pavement_m }
    }

    /// How far a point lies beyond the edge of the nearest carriageway (negative on it) and the width of the pavement there.
    pub fn beside(&self, x: f64, y: f64) -> (f64, f64) {
        let beyond = self.roads.iter().map(|road| (road.line.aside(x, y).abs() - road.half_m, road.pavement_m));
        beyond.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((-1.0, 0.0))
    }

    /// The ground; at the origin its height is zero.
    pub fn relief(&self) -> Relief {
        let origin = self.ground(0.0, 0.0).0;
        Relief::new(KINDS.to_vec(), |x, y| {
            let (height, kind) = self.ground(x, y);
            (height - origin, kind)
        })
    }

    fn ground(&self, x: f64, y: f64) -> (f64, u8) {
        let mut height = self.slope[0] * x + self.slope[1] * y;
        for [kx, ky, amplitude, phase] in &self.waves {
            height += amplitude * wave(kx * x + ky * y + phase);
        }
        let (beyond, pavement) = self.beside(x, y);
        let rough = |size: f64| smooth_noise((x + self.offset[0]) / size, (y + self.offset[1]) / size) - 0.5;
        if beyond < 0.0 {
            // The road is crowned: its middle is a little higher.
            let crown = if self.roads.is_empty() { 0.0 } else { 0.02 * (-beyond).min(4.0) };
            let open = if self.roads.is_empty() && self.beyond != 0 && rough(9.0) > 0.1 { self.beyond } else { 0 };
            return (height + crown + 0.012 * rough(2.3), open);
        }
        if beyond < pavement {
            return (height + self.kerb_m + 0.015 * rough(1.7), if beyond < 0.2 { 4 } else { 1 });
        }
        let away = beyond - pavement;
        let bank = self.bank * (away - 1.0).clamp(0.0, 8.0);
        let wild = self.bumps_m * (2.0 * rough(2.9) + 1.5 * rough(0.9)) * (away / 0.5).min(1.0);
        (height + self.kerb_m + bank + wild, self.beyond)
    }
}

/// A smooth wave from -1 to 1 that repeats each full turn, like a sine.
fn wave(angle: f64) -> f64 {
    let turns = angle / std::f64::consts::TAU;
    let place = turns - turns.round();
    16.0 * place * (0.5 - place.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn aside_undoes_pose(s in -60.0..60.0f64, d in -20.0..20.0f64, k in -0.012..0.012f64, yaw in -3.0..3.0f64) {
            let line = Line { start: Pose2 { x: 3.0, y: -2.0, yaw }, curvature: k };
            let pose = line.pose(s, d);
            prop_assert!((line.aside(pose.x, pose.y) - d).abs() < 1e-6);
        }
    }

    #[test]
    fn the_ego_stands_on_the_first_road_at_height_zero() {
        for seed in 0..30 {
            let plan = Plan::draw(&mut Random::new(seed, 0));
            assert!(plan.beside(0.0, 0.0).0 < 0.0, "{plan:?}");
        }
    }
}
