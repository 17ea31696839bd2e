//! CommonRoad XML, versions 2018b and 2020a: the lanelets of a scenario, and the scenario in them.
//!
//! Source: "CommonRoad: documentation of the XML format", version 2020a (Technical University of Munich). Lengths are metres, angles
//! radians counter-clockwise from x, times whole steps of the file's `timeStepSize`; one planar frame for everything.

mod goal;
mod lanelets;
mod motion;
mod problem;
mod rules;
pub mod scenario;

pub use scenario::{
    AngleInterval, Future, Goal, GoalPlace, InitialState, Interval, MovingState, Obstacle, Occupancy, PlanningProblem,
    Scenario, Shape, SignalProgram, StepInterval,
};

use super::xml::{Element, Xml};
use super::{Map, MapError, text};

/// Reads the lanelets alone.
///
/// # Errors
/// See [`MapError`].
pub fn read_map(file: &str, bytes: &[u8]) -> Result<Map, MapError> {
    let xml = Xml::parse(file, text(file, bytes)?)?;
    lanelets::read(file, root(file, &xml)?)
}

/// Reads everything.
///
/// # Errors
/// See [`MapError`].
pub fn read(file: &str, bytes: &[u8]) -> Result<Scenario, MapError> {
    let xml = Xml::parse(file, text(file, bytes)?)?;
    read_root(file, root(file, &xml)?)
}

pub(super) fn read_root(file: &str, root: Element) -> Result<Scenario, MapError> {
    let time_step_s = root.attribute_number("timeStepSize")?;
    if !(1e-3..=10.0).contains(&time_step_s) {
        return Err(root.error(format!("timeStepSize is {time_step_s} s, outside 0.001 to 10 s")));
    }
    let map = lanelets::read(file, root)?;
    let mut problems = Vec::new();
    for element in root.children("planningProblem") {
        problems.push(problem::read(element, &map)?);
    }
    let mut obstacles = Vec::new();
    for element in root.all().filter(|e| matches!(e.name(), "obstacle" | "staticObstacle" | "dynamicObstacle")) {
        obstacles.push(motion::obstacle(element)?);
    }
    let id = root.attribute("benchmarkID").unwrap_or_default().to_string();
    Ok(Scenario { id, time_step_s, map, problems, obstacles, programs: rules::programs(root)? })
}

fn root<'d>(file: &str, xml: &'d Xml<'_>) -> Result<Element<'d>, MapError> {
    let root = xml.root();
    if root.name() == "commonRoad" {
        return Ok(root);
    }
    let found = format!("its outermost element is <{}>", root.name());
    Err(MapError::Foreign { file: file.into(), found, expected: "<commonRoad>" })
}
