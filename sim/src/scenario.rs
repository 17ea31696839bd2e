//! What a scenario asks for: roads, traffic and events, as ranges from which the seed draws.

use crate::beams::Sensors;
use crate::random::Random;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Most of each.
pub(crate) const MOST_VEHICLES: f64 = 300.0;
pub(crate) const MOST_CYCLISTS: f64 = 100.0;
pub(crate) const MOST_PEDESTRIANS: f64 = 300.0;
pub(crate) const MOST_JAYWALKERS: f64 = 20.0;

/// Why a scenario cannot be played.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// No family has this name.
    #[error("there is no family {name:?}; the families are {}", Scenario::FAMILIES.map(|(name, _)| name).join(", "))]
    UnknownFamily {
        /// The name.
        name: String,
    },
    /// The file cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The text is not a scenario.
    #[error("{name}: {cause}")]
    Syntax {
        /// The scenario.
        name: String,
        /// What is wrong and where.
        cause: Box<toml::de::Error>,
    },
    /// A number is outside what can be built.
    #[error("{name}: {field} is {value}, outside {low} to {high}")]
    OutOfRange {
        /// The scenario.
        name: String,
        /// The field.
        field: &'static str,
        /// The number.
        value: f64,
        /// Smallest possible.
        low: f64,
        /// Largest possible.
        high: f64,
    },
    /// The first number of a range is greater than the second.
    #[error("{name}: {field} is [{low}, {high}], but a range rises")]
    FallingRange {
        /// The scenario.
        name: String,
        /// The field.
        field: &'static str,
        /// First number.
        low: f64,
        /// Second number.
        high: f64,
    },
    /// Neither or both kinds of roads.
    #[error("{name}: needs one of [grid] and [corridor], has {count}")]
    Roads {
        /// The scenario.
        name: String,
        /// How many it has.
        count: usize,
    },
    /// No road user but the ego may appear.
    #[error(
        "{name}: asks for no actors: vehicles, cyclists, pedestrians, parked and events are all 0; a world without anybody tests nothing"
    )]
    NoActors {
        /// The scenario.
        name: String,
    },
    /// The seed does not fit into the files that name it.
    #[error("seed {seed} is greater than {largest}, the largest that TOML and JSON can hold without loss")]
    Seed {
        /// The seed.
        seed: u64,
        /// The largest.
        largest: u64,
    },
    /// The roads drawn for this seed cannot be.
    #[error("{name}, seed {seed}: the roads cannot be built: {cause}")]
    Geometry {
        /// The scenario.
        name: String,
        /// The seed.
        seed: u64,
        /// What is impossible.
        cause: String,
    },
}

/// From the first number to the second.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Range(pub [f64; 2]);

impl Range {
    /// A number of the range.
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        random.between(self.0[0], self.0[1])
    }

    /// A whole number of the range, both ends included.
    pub(crate) fn count(&self, random: &mut Random) -> usize {
        let (low, high) = (self.0[0].round(), self.0[1].round());
        (low + ((high - low + 1.0) * random.unit()).floor()).min(high) as usize
    }

    /// The larger end.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.0[1]
    }
}

/// A town, or a yard: nodes of a bent grid joined by roads.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Nodes along x, 2 to 12.
    pub columns: Range,
    /// Nodes along y, 2 to 12.
    pub rows: Range,
    /// Between neighbouring nodes, m.
    pub block_m: Range,
    /// Nodes are moved by up to this much, m.
    pub jitter_m: Range,
    /// Roads bulge sideways by up to this much, m.
    pub bend_m: Range,
    /// Width of a lane, m.
    pub lane_width_m: Range,
    /// From the middle of a junction to where its roads begin, m.
    pub junction_m: Range,
    /// Highest allowed speed, m/s.
    pub speed_limit_mps: Range,
    /// Share of roads with bicycle lanes.
    pub bicycle_share: f64,
    /// Share of roads with parking strips.
    pub parking_share: f64,
    /// Width of the sidewalks, m; below 1 there are none.
    pub sidewalk_m: Range,
    /// Share of junctions with signals.
    pub signal_share: f64,
    /// Share of the other junctions at which the minor roads must stop.
    pub stop_share: f64,
    /// Share of roads with a crossing between junctions.
    pub crossing_share: f64,
    /// Time of green for each direction, s.
    pub green_s: Range,
    /// Share of roads with a narrow gate.
    pub gate_share: f64,
    /// Clear width of a lane at a gate, m.
    pub gate_width_m: Range,
}

/// A road between junctions: a motorway or an arterial road.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corridor {
    /// Its length, m.
    pub length_m: Range,
    /// Lanes of each direction, 1 to 5.
    pub lanes: Range,
    /// Width of a lane, m.
    pub lane_width_m: Range,
    /// Radius of its curves, m.
    pub radius_m: Range,
    /// Between the two directions, m.
    pub median_m: Range,
    /// Width of the paved edge, m.
    pub shoulder_m: Range,
    /// Highest allowed speed, m/s.
    pub speed_limit_mps: Range,
}

/// Who is on the roads.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// Moving motor vehicles.
    pub vehicles: Range,
    /// Cyclists.
    pub cyclists: Range,
    /// People on foot.
    pub pedestrians: Range,
    /// Share of parking places that are taken.
    pub parked_share: Range,
    /// Wanted speed as a share of the limit.
    pub speed_share: Range,
    /// Time gap behind the one ahead, s.
    pub headway_s: Range,
    /// Share of each kind among motor vehicles; the rest are cars.
    pub mix: Mix,
}

/// Shares of motor vehicles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Vans.
    pub van: f64,
    /// Trucks without a trailer.
    pub truck: f64,
    /// Trucks with a trailer.
    pub trailer: f64,
    /// Buses.
    pub bus: f64,
    /// Fork-lift trucks.
    pub forklift: f64,
    /// Motorcycles.
    pub motorcycle: f64,
}

/// What happens to the ego.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// People who step onto the road from between parked cars.
    pub jaywalkers: Range,
    /// Time that the ego has to react to them beyond braking with 2.5 m/s2, s.
    pub reaction_s: Range,
    /// Vehicles that change into the ego's lane before it.
    pub cut_ins: Range,
    /// Their gap before the ego's front bumper, m.
    pub cut_in_gap_m: Range,
    /// Whether the vehicles ahead of the ego stop and go.
    pub stop_and_go: bool,
    /// Whether the first signal on the ego's route turns red as the ego comes near: its amber begins 1.5 to 5 s before an
    /// unhindered ego would be at the line.
    pub red_for_ego: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            jaywalkers: Range([0.0, 0.0]),
            reaction_s: Range([1.2, 2.0]),
            cut_ins: Range([0.0, 0.0]),
            cut_in_gap_m: Range([10.0, 20.0]),
            stop_and_go: false,
            red_for_ego: false,
        }
    }
}

/// A scenario: everything that a seed needs to make a world.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Family or file, for messages.
    #[serde(skip)]
    pub name: String,
    /// Length of a drive, s.
    pub duration_s: f64,
    /// Length of the ego's route, m.
    pub route_m: Range,
    /// The ego's speed at the start as a share of the limit.
    pub start_speed_share: Range,
    /// Roads of a town or yard.
    pub grid: Option<Grid>,
    /// Roads without junctions.
    pub corridor: Option<Corridor>,
    /// Who is on the roads.
    pub actors: Actors,
    /// What happens to the ego.
    #[serde(default)]
    pub events: Events,
    /// What the car carries.
    #[serde(default)]
    pub sensors: Sensors,
}

impl Scenario {
    /// The families in the program: name and text.
    pub const FAMILIES: [(&'static str, &'static str); 6] = [
        ("highway", include_str!("../scenarios/highway.toml")),
        ("urban", include_str!("../scenarios/urban.toml")),
        ("yard", include_str!("../scenarios/yard.toml")),
        ("cut-in", include_str!("../scenarios/cut-in.toml")),
        ("red-light", include_str!("../scenarios/red-light.toml")),
        ("stop-and-go", include_str!("../scenarios/stop-and-go.toml")),
    ];

    /// The largest seed: 2^53, up to which every number is exact in every file that names it.
    pub const LARGEST_SEED: u64 = 1 << 53;

    /// The family of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn family(name: &str) -> Result<Self, ScenarioError> {
        let found = Self::FAMILIES.iter().find(|(own, _)| *own == name);
        let (_, text) = found.ok_or_else(|| ScenarioError::UnknownFamily { name: name.to_owned() })?;
        Self::parse(name, text)
    }

    /// The scenario of a file.
    ///
    /// # Errors
    /// If it cannot be read, is not a scenario, or asks for what cannot be built.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|cause| ScenarioError::Unreadable { path: path.to_owned(), cause })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// The scenario of a text; `name` is for messages.
    ///
    /// # Errors
    /// If it is not a scenario, or asks for what cannot be built.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let parsed: Result<Self, _> = toml::from_str(text);
        let mut scenario =
            parsed.map_err(|cause| ScenarioError::Syntax { name: name.to_owned(), cause: Box::new(cause) })?;
        scenario.name = name.to_owned();
        scenario.check()?;
        Ok(scenario)
    }

    /// Checks every number.
    pub(crate) fn check(&self) -> Result<(), ScenarioError> {
        let name = || self.name.clone();
        let number = |field, value: f64, low, high| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ScenarioError::OutOfRange { name: name(), field, value, low, high })
            }
        };
        let range = |field, range: &Range, low, high| {
            range.0.iter().try_for_each(|value| number(field, *value, low, high))?;
            let [first, second] = range.0;
            if first <= second {
                Ok(())
            } else {
                Err(ScenarioError::FallingRange { name: name(), field, low: first, high: second })
            }
        };
        let count = usize::from(self.grid.is_some()) + usize::from(self.corridor.is_some());
        if count != 1 {
            return Err(ScenarioError::Roads { name: name(), count });
        }
        number("duration_s", self.duration_s, 1.0, 3600.0)?;
        range("route_m", &self.route_m, 30.0, 20_000.0)?;
        number("sensors.rain_mmph", self.sensors.rain_mmph, 0.0, 100.0)?;
        range("start_speed_share", &self.start_speed_share, 0.0, 1.0)?;
        if let Some(grid) = &self.grid {
            range("grid.columns", &grid.columns, 2.0, 12.0)?;
            range("grid.rows", &grid.rows, 2.0, 12.0)?;
            range("grid.junction_m", &grid.junction_m, 11.0, 30.0)?;
            let shortest = 2.0 * grid.junction_m.most() + 2.0 * grid.jitter_m.most() + 20.0;
            range("grid.block_m", &grid.block_m, shortest, 1000.0)?;
            range("grid.jitter_m", &grid.jitter_m, 0.0, 12.0)?;
            range("grid.bend_m", &grid.bend_m, 0.0, 10.0)?;
            range("grid.lane_width_m", &grid.lane_width_m, 2.6, 6.0)?;
            range("grid.speed_limit_mps", &grid.speed_limit_mps, 1.0, 20.0)?;
            range("grid.sidewalk_m", &grid.sidewalk_m, 0.0, 6.0)?;
            range("grid.green_s", &grid.green_s, 5.0, 120.0)?;
            range("grid.gate_width_m", &grid.gate_width_m, 2.4, 6.0)?;
            for (field, share) in [
                ("grid.bicycle_share", grid.bicycle_share),
                ("grid.parking_share", grid.parking_share),
                ("grid.signal_share", grid.signal_share),
                ("grid.stop_share", grid.stop_share),
                ("grid.crossing_share", grid.crossing_share),
                ("grid.gate_share", grid.gate_share),
            ] {
                number(field, share, 0.0, 1.0)?;
            }
        }
        if let Some(corridor) = &self.corridor {
            range("corridor.length_m", &corridor.length_m, 300.0, 20_000.0)?;
            range("corridor.lanes", &corridor.lanes, 1.0, 5.0)?;
            range("corridor.lane_width_m", &corridor.lane_width_m, 2.6, 6.0)?;
            range("corridor.radius_m", &corridor.radius_m, 150.0, 100_000.0)?;
            range("corridor.median_m", &corridor.median_m, 0.0, 20.0)?;
            range("corridor.shoulder_m", &corridor.shoulder_m, 0.5, 5.0)?;
            range("corridor.speed_limit_mps", &corridor.speed_limit_mps, 5.0, 36.0)?;
            number("route_m", self.route_m.most(), 30.0, corridor.length_m.0[0] - 200.0)?;
        }
        self.check_actors(&number, &range)
    }

    fn check_actors(
        &self,
        number: &impl Fn(&'static str, f64, f64, f64) -> Result<(), ScenarioError>,
        range: &impl Fn(&'static str, &Range, f64, f64) -> Result<(), ScenarioError>,
    ) -> Result<(), ScenarioError> {
        let (actors, events) = (&self.actors, &self.events);
        range("actors.vehicles", &actors.vehicles, 0.0, MOST_VEHICLES)?;
        range("actors.cyclists", &actors.cyclists, 0.0, MOST_CYCLISTS)?;
        range("actors.pedestrians", &actors.pedestrians, 0.0, MOST_PEDESTRIANS)?;
        range("actors.parked_share", &actors.parked_share, 0.0, 1.0)?;
        range("actors.speed_share", &actors.speed_share, 0.2, 1.5)?;
        range("actors.headway_s", &actors.headway_s, 0.5, 5.0)?;
        range("events.jaywalkers", &events.jaywalkers, 0.0, MOST_JAYWALKERS)?;
        range("events.reaction_s", &events.reaction_s, 0.8, 10.0)?;
        range("events.cut_ins", &events.cut_ins, 0.0, 10.0)?;
        range("events.cut_in_gap_m", &events.cut_in_gap_m, 3.0, 100.0)?;
        let mix = [
            ("actors.mix.van", actors.mix.van),
            ("actors.mix.truck", actors.mix.truck),
            ("actors.mix.trailer", actors.mix.trailer),
            ("actors.mix.bus", actors.mix.bus),
            ("actors.mix.forklift", actors.mix.forklift),
            ("actors.mix.motorcycle", actors.mix.motorcycle),
        ];
        mix.iter().try_for_each(|(field, share)| number(field, *share, 0.0, 1.0))?;
        number("sum of actors.mix", mix.iter().map(|(_, share)| share).sum(), 0.0, 1.0 + 1e-9)?;
        let counts = [&actors.vehicles, &actors.cyclists, &actors.pedestrians, &events.jaywalkers, &events.cut_ins];
        if counts.iter().all(|count| count.most() < 1.0) && actors.parked_share.most() <= 0.0 {
            return Err(ScenarioError::NoActors { name: self.name.clone() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urban() -> &'static str {
        Scenario::FAMILIES[1].1
    }

    #[test]
    fn every_family_parses() {
        for (name, _) in Scenario::FAMILIES {
            let scenario = Scenario::family(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name, name);
        }
    }

    #[test]
    fn bad_scenarios_are_named() {
        let error = |from: &str, to: &str| {
            assert!(urban().contains(from), "{from}");
            Scenario::parse("mine.toml", &urban().replace(from, to)).unwrap_err().to_string()
        };
        let unknown = error("duration_s", "durations");
        assert!(unknown.contains("mine.toml") && unknown.contains("durations"), "{unknown}");
        let line = urban().lines().find(|line| line.starts_with("lane_width_m")).unwrap();
        let narrow = error(line, "lane_width_m = [0.0, 3.5]");
        assert!(narrow.contains("grid.lane_width_m is 0, outside 2.6 to 6"), "{narrow}");
        let falling = error(line, "lane_width_m = [3.6, 3.0]");
        assert!(falling.contains("[3.6, 3]"), "{falling}");
        let nan = error(line, "lane_width_m = [nan, 3.0]");
        assert!(nan.contains("NaN"), "{nan}");
        let none = Scenario::parse("x", &(urban().to_owned() + "\n[corridor]\n"));
        assert!(none.is_err());
        assert!(Scenario::family("rural").unwrap_err().to_string().contains("highway, urban, yard"));
        let missing = Scenario::read(Path::new("/nowhere/x.toml")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/x.toml"), "{missing}");
    }

    #[test]
    fn nobody_at_all_is_refused() {
        let mut scenario = Scenario::family("urban").unwrap();
        scenario.actors.parked_share = Range([0.0, 0.0]);
        scenario.events.jaywalkers = Range([0.0, 0.0]);
        for count in [&mut scenario.actors.vehicles, &mut scenario.actors.cyclists, &mut scenario.actors.pedestrians] {
            *count = Range([0.0, 0.0]);
        }
        assert!(matches!(scenario.check(), Err(ScenarioError::NoActors { .. })));
    }
}
