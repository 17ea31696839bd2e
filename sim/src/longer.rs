//! A longer drive of the same kind: more roads of the same density of traffic, for a route that lasts.

use crate::scenario::{
    MOST_CYCLISTS, MOST_JAYWALKERS, MOST_PEDESTRIANS, MOST_VEHICLES, Range, Scenario, ScenarioError,
};

/// Mean speed of a drive that is to be outlasted, as a share of the highest limit: through a town, and on a road without junctions.
const TOWN_SHARE: f64 = 0.6;
const ROAD_SHARE: f64 = 0.95;
/// Roads of a town for each road of the route: no road is taken twice, so a route through half of them is found.
const SPARE: f64 = 2.2;
/// Road behind and beyond the route, m.
const BEYOND_M: f64 = 400.0;

impl Scenario {
    /// The scenario for a drive of at least `duration_s`: with its own route if that is as long as usual, else with a longer one through a
    /// larger town, or along a longer road, and as many more people and vehicles.
    ///
    /// # Errors
    /// If so large a town or so long a road cannot be built.
    pub fn lasting(&self, duration_s: f64) -> Result<Self, ScenarioError> {
        let mut longer = self.clone();
        if duration_s <= self.duration_s {
            return Ok(longer);
        }
        longer.duration_s = duration_s;
        let mut events = 1.0;
        if let Some(grid) = &mut longer.grid {
            let route_m = TOWN_SHARE * grid.speed_limit_mps.most() * duration_s;
            events = route_m / self.route_m.most();
            longer.route_m = Range([route_m; 2]);
            let needed = SPARE * route_m / mean(&grid.block_m);
            let before = roads(mean(&grid.columns), mean(&grid.rows));
            if needed > before {
                let side = (0.5 * (1.0 + (1.0 + 2.0 * needed).sqrt())).ceil();
                (grid.columns, grid.rows) = (Range([side; 2]), Range([side; 2]));
                let (more, actors) = (roads(side, side) / before, &mut longer.actors);
                actors.vehicles = times(actors.vehicles, more, MOST_VEHICLES);
                actors.cyclists = times(actors.cyclists, more, MOST_CYCLISTS);
                actors.pedestrians = times(actors.pedestrians, more, MOST_PEDESTRIANS);
            }
        }
        if let Some(corridor) = &mut longer.corridor {
            let route_m = ROAD_SHARE * corridor.speed_limit_mps.most() * duration_s;
            longer.route_m = Range([route_m; 2]);
            corridor.length_m = Range([route_m + BEYOND_M; 2]);
        }
        longer.events.jaywalkers = times(longer.events.jaywalkers, events, MOST_JAYWALKERS);
        longer.check()?;
        Ok(longer)
    }
}

fn mean(range: &Range) -> f64 {
    0.5 * (range.0[0] + range.0[1])
}

/// So many times as many, at most `most`.
fn times(range: Range, factor: f64, most: f64) -> Range {
    Range(range.0.map(|count| (count * factor).min(most)))
}

/// Roads of a town with so many nodes.
fn roads(columns: f64, rows: f64) -> f64 {
    2.0 * columns * rows - columns - rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;

    #[test]
    fn a_town_for_ten_minutes_has_a_route_of_ten_minutes_and_traffic_along_it() {
        for (name, seeds) in [("urban", 1..4), ("yard", 1..4)] {
            let usual = Scenario::family(name).unwrap();
            assert_eq!(usual.lasting(usual.duration_s).unwrap(), usual);
            let longer = usual.lasting(600.0).unwrap();
            for seed in seeds {
                let mut world = World::new(&longer, seed).unwrap();
                let (route, objects) = (world.route(), world.truth().objects);
                let length_m = route.stops.last().unwrap().s_m;
                assert!(length_m > 0.6 * 600.0 * longer.grid.as_ref().unwrap().speed_limit_mps.most() - 150.0);
                let signals = world.signals().phases.len();
                assert_eq!(signals > 0, name == "urban", "{name} {seed}");
                // Somebody moves near each stretch of the route.
                let near = |at: &[types::RoutePoint]| {
                    let [x, y] = [at[0].pose.x, at[0].pose.y];
                    objects.iter().any(|object| {
                        (object.bbox.center[0] - x).hypot(object.bbox.center[1] - y) < 150.0
                            && object.velocity_mps != [0.0; 2]
                    })
                };
                let stretches: Vec<bool> = route.points.chunks(100).map(near).collect();
                let busy = stretches.iter().filter(|busy| **busy).count();
                assert!(10 * busy >= 8 * stretches.len(), "{name} {seed}: {busy} of {}", stretches.len());
            }
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let error = Scenario::family("urban").unwrap().lasting(3000.0).unwrap_err().to_string();
        assert!(error.contains("urban: grid.columns is 1"), "{error}");
        assert!(Scenario::family("highway").unwrap().lasting(120.0).is_ok());
    }
}
