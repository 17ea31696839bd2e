//! The line tabulated as far as any candidate can get, with the speed wanted at each place.

use crate::config::Config;
use crate::goal::Aimed;
use crate::longitudinal::{SAMPLE_STEP_S, SAMPLES};
use crate::reference::Road;
use crate::rules::{Cap, Rules};
use types::Vehicle;

/// Lateral acceleration wanted at most in curves, m/s2.
const CURVE_MPS2: f64 = 1.8;
/// Deceleration before curves and lower limits, m/s2.
const BEFORE_CURVE_MPS2: f64 = 1.2;
/// And before a halt.
const BEFORE_HALT_MPS2: f64 = 1.7;
/// Share of the speed limit that is wanted: what is left is for the controller.
const LIMIT_SHARE: f64 = 0.98;
/// A goal's speed is wanted from this far before it on, m; the pace is this much above what just suffices.
const GOAL_SPEED_M: f64 = 5.0;
const PACE_SHARE: f64 = 1.05;
/// Most rows of the table.
const MOST_ROWS: f64 = 1000.0;

/// The line at one place, for the inner loop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Position, m.
    pub position: [f64; 2],
    /// Cosine and sine of the heading.
    pub direction: [f64; 2],
    /// Curvature, 1/m.
    pub curvature_1pm: f64,
    /// Its change, 1/m2.
    pub curvature_rate_1pm2: f64,
    /// Speed wanted there, m/s.
    pub wanted_mps: f64,
    /// From the line to the left and right edge of the road, m: there, and where the front bumper is then.
    pub edges_m: [f64; 2],
    /// See `edges_m`.
    pub front_edges_m: [f64; 2],
}

/// Rows at equal steps along the line, from the ego's foot point on.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    step_m: f64,
    /// The largest curvature, 1/m.
    sharpest_1pm: f64,
    /// The stretch that limits the speed most within the next seconds.
    pub cap: Option<Cap>,
}

impl Table {
    /// Tabulates the line as far as any profile can get, with the speed wanted at each place.
    pub(crate) fn fill(
        &mut self,
        road: &Road<'_>,
        rules: &Rules,
        goals: &[Aimed],
        seen_mps: f64,
        config: &Config,
        vehicle: &Vehicle,
    ) {
        let limits = &vehicle.limits;
        let seconds = SAMPLE_STEP_S * (SAMPLES - 1) as f64;
        let limit = |s_m: f64| road.station(s_m, config, limits).limit_mps;
        // A goal may ask for a pace of its own, and for a speed where it lies.
        let pace = goals.first().map(Aimed::pace_mps);
        let [slowest, quickest] = pace.map_or([0.0, f64::INFINITY], |[low, high]| [low.min(limits.speed_mps), high]);
        let paced = |s_m: f64, allowed: f64| {
            let at_goal = goals.first().filter(|goal| {
                let way = s_m - road.s_m;
                (goal.way_m[0] - GOAL_SPEED_M..=goal.way_m[1]).contains(&way)
            });
            let asked = at_goal.map_or([0.0, f64::INFINITY], |goal| goal.speed_mps);
            let allowed = allowed.max(PACE_SHARE * slowest).min(quickest.max(1.0));
            allowed.max(asked[0].min(limits.speed_mps)).min(asked[1].max(0.5))
        };
        let fastest = road.ego.s_dot_mps.max(limit(road.s_m)).max(limit(road.s_m + 100.0)).max(slowest)
            + limits.acceleration_mps2;
        let reach = fastest * seconds + 20.0;
        self.step_m = (reach / MOST_ROWS).max(0.5);
        let count = (reach / self.step_m).ceil() as usize + 1;
        let in_curves = CURVE_MPS2.min(0.67 * limits.lateral_acceleration_mps2);
        self.rows.clear();
        self.rows.extend((0..count).map(|i| {
            let s_m = road.s_m + i as f64 * self.step_m;
            let (line, station) = (road.line.at(s_m), road.station(s_m, config, limits));
            let ahead = road.station(s_m + vehicle.front_offset_m(), config, limits);
            let (sin, cos) = line.heading_rad.sin_cos();
            let allowed = paced(s_m, (LIMIT_SHARE * station.limit_mps).min(seen_mps));
            Row {
                position: [line.x, line.y],
                direction: [cos, sin],
                curvature_1pm: line.curvature_1pm,
                curvature_rate_1pm2: line.curvature_rate_1pm2,
                wanted_mps: allowed.min((in_curves / line.curvature_1pm.abs().max(1e-6)).sqrt()),
                edges_m: [station.left_m, station.right_m],
                front_edges_m: [ahead.left_m, ahead.right_m],
            }
        }));
        self.sharpest_1pm = self.rows.iter().map(|row| row.curvature_1pm.abs()).fold(0.0, f64::max);
        self.lower_for_rules(road, rules, vehicle);
        for i in (0..count - 1).rev() {
            let next = self.rows[i + 1].wanted_mps;
            let reachable = (next * next + 2.0 * BEFORE_CURVE_MPS2 * self.step_m).sqrt();
            self.rows[i].wanted_mps = self.rows[i].wanted_mps.min(reachable);
        }
        if let Some(halt) = &rules.halt {
            for (i, row) in self.rows.iter_mut().enumerate() {
                let left = halt.aim_s_m - vehicle.front_offset_m() - road.s_m - i as f64 * self.step_m;
                row.wanted_mps = row.wanted_mps.min((2.0 * BEFORE_HALT_MPS2 * left.max(0.0)).sqrt());
            }
        }
    }

    /// Lowers the wanted speed where the rules or caution want it, and remembers which stretch lowers it most, soon.
    fn lower_for_rules(&mut self, road: &Road<'_>, rules: &Rules, vehicle: &Vehicle) {
        self.cap = None;
        let soon = (4.0 * road.ego.s_dot_mps).max(10.0);
        for cap in &rules.caps {
            let place = |s_m: f64| (s_m - vehicle.front_offset_m() - road.s_m) / self.step_m;
            let (from, to) =
                (place(cap.from_s_m).ceil().max(0.0), place(cap.to_s_m + vehicle.front_offset_m()).floor());
            if to < 0.0 || from as usize >= self.rows.len() {
                continue;
            }
            let to = (to as usize).min(self.rows.len() - 1);
            let stretch = (from as usize).min(to)..=to;
            let lowers = self.rows[stretch.clone()].iter().any(|row| row.wanted_mps > cap.speed_mps);
            self.rows[stretch].iter_mut().for_each(|row| row.wanted_mps = row.wanted_mps.min(cap.speed_mps));
            let nearer = from * self.step_m < soon;
            if lowers && nearer && self.cap.is_none_or(|known| cap.speed_mps < known.speed_mps) {
                self.cap = Some(*cap);
            }
        }
    }

    /// The line after a travelled length, linear between the rows of the table (under 1 mm off on any road).
    #[must_use]
    #[inline]
    pub fn row(&self, travelled_m: f64) -> Row {
        let (a, b, share) = self.between(travelled_m);
        let mix = |a: f64, b: f64| a + share * (b - a);
        Row {
            position: [mix(a.position[0], b.position[0]), mix(a.position[1], b.position[1])],
            direction: [mix(a.direction[0], b.direction[0]), mix(a.direction[1], b.direction[1])],
            curvature_1pm: mix(a.curvature_1pm, b.curvature_1pm),
            curvature_rate_1pm2: mix(a.curvature_rate_1pm2, b.curvature_rate_1pm2),
            wanted_mps: mix(a.wanted_mps, b.wanted_mps),
            edges_m: [mix(a.edges_m[0], b.edges_m[0]), mix(a.edges_m[1], b.edges_m[1])],
            front_edges_m: [mix(a.front_edges_m[0], b.front_edges_m[0]), mix(a.front_edges_m[1], b.front_edges_m[1])],
        }
    }

    /// Curvature of the line and wanted speed after a travelled length, as [`Table::row`] tells them.
    #[must_use]
    #[inline]
    pub fn bend_and_speed(&self, travelled_m: f64) -> (f64, f64) {
        let (a, b, share) = self.between(travelled_m);
        (
            a.curvature_1pm + share * (b.curvature_1pm - a.curvature_1pm),
            a.wanted_mps + share * (b.wanted_mps - a.wanted_mps),
        )
    }

    /// The rows around a travelled length and the share of the second.
    #[inline]
    fn between(&self, travelled_m: f64) -> (&Row, &Row, f64) {
        let place = (travelled_m / self.step_m).clamp(0.0, (self.rows.len() - 1) as f64 - 1e-9);
        let index = place as usize;
        (&self.rows[index], &self.rows[index + 1], place - index as f64)
    }

    /// The highest speed wanted anywhere, m/s.
    #[must_use]
    pub fn best_mps(&self) -> f64 {
        self.rows.iter().map(|row| row.wanted_mps).fold(0.0, f64::max)
    }

    /// The largest curvature, 1/m.
    #[must_use]
    pub fn sharpest_1pm(&self) -> f64 {
        self.sharpest_1pm
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{scene, start};

    #[test]
    fn the_table_agrees_with_the_line() {
        let points: Vec<[f64; 2]> =
            (0..40).map(|i| 0.05 * f64::from(i)).map(|a| [60.0 * a.sin(), 60.0 - 60.0 * a.cos()]).collect();
        let curve = maps::ReferenceLine::new(&points).unwrap();
        let scene = scene(&start(0.0, 0.0, 8.0), &curve, vec![]);
        for i in 0..200 {
            let travelled = 0.37 * f64::from(i);
            let (row, exact) = (scene.lattice.row(travelled), curve.at(scene.road.s_m + travelled));
            assert!((row.position[0] - exact.x).hypot(row.position[1] - exact.y) < 2e-3);
            assert!((row.direction[0] - exact.heading_rad.cos()).abs() < 1e-3);
            assert!((row.curvature_1pm - exact.curvature_1pm).abs() < 3e-3);
            assert!(row.wanted_mps <= 13.9);
        }
    }

    #[test]
    fn curves_lower_the_wanted_speed_in_time() {
        let mut points: Vec<[f64; 2]> = (0..20).map(|i| [5.0 * f64::from(i), 0.0]).collect();
        points.extend((1..16).map(|i| 0.1 * f64::from(i)).map(|a| [95.0 + 20.0 * a.sin(), 20.0 - 20.0 * a.cos()]));
        let scene = scene(&start(0.0, 0.0, 12.0), &maps::ReferenceLine::new(&points).unwrap(), vec![]);
        let (before, within) = (scene.lattice.row(80.0).wanted_mps, scene.lattice.row(110.0).wanted_mps);
        assert!((within - 36f64.sqrt()).abs() < 0.4, "{within}");
        assert!(before > within && before < 10.0 && scene.lattice.row(5.0).wanted_mps > 13.6, "{before}");
    }
}
