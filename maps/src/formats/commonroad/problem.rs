//! Planning problems: the start and the goals.

use super::super::xml::Element;
use super::super::{Map, MapError};
use super::motion::{position, shapes, step, value, whole};
use super::rules::reference;
use super::scenario::{AngleInterval, Goal, GoalPlace, InitialState, Interval, PlanningProblem, StepInterval};
use std::f64::consts::TAU;

/// One task.
pub(super) fn read(element: Element, map: &Map) -> Result<PlanningProblem, MapError> {
    let id = element.needed_attribute("id")?.to_string();
    let initial = start(element.needed("initialState")?)?;
    let goals = element.children("goalState").map(|state| goal(state, map)).collect::<Result<Vec<_>, _>>()?;
    if goals.is_empty() {
        return Err(element.error("has no <goalState>"));
    }
    Ok(PlanningProblem { id, initial, goals })
}

fn start(element: Element) -> Result<InitialState, MapError> {
    let [x, y] = position(element.needed("position")?)?;
    let needed = |name: &'static str| value(element.needed(name)?).map(Interval::middle);
    let optional = |name: &'static str| element.child(name).map(|child| value(child).map(Interval::middle)).transpose();
    Ok(InitialState {
        step: step(element.needed("time")?)?,
        x,
        y,
        heading_rad: needed("orientation")?,
        speed_mps: needed("velocity")?,
        acceleration_mps2: optional("acceleration")?,
        yaw_rate_radps: optional("yawRate")?.unwrap_or(0.0),
        slip_rad: optional("slipAngle")?.unwrap_or(0.0),
    })
}

fn goal(element: Element, map: &Map) -> Result<Goal, MapError> {
    let time = element.needed("time")?;
    let when = value(time)?;
    let steps = StepInterval { first: whole(time, when.low)?, last: whole(time, when.high)? };
    let mut places = Vec::new();
    for position in element.children("position") {
        for lanelet in position.children("lanelet") {
            let name = reference(lanelet)?;
            let lane = map.lane(&name);
            places.push(GoalPlace::Lane(
                lane.ok_or_else(|| lanelet.error(format!("lanelet {name} is not in the file or has no shape")))?,
            ));
        }
        places.extend(shapes(position)?.into_iter().map(GoalPlace::Within));
        if places.is_empty() {
            return Err(position.error("has neither a lanelet nor a shape"));
        }
    }
    let heading = element.child("orientation").map(angles).transpose()?;
    let speed_mps = element.child("velocity").map(value).transpose()?;
    Ok(Goal { steps, places, heading, speed_mps })
}

/// An interval of directions; one whose end lies before its start goes over the cut at a half turn.
fn angles(element: Element) -> Result<AngleInterval, MapError> {
    if let Some(exact) = element.child("exact") {
        return Ok(AngleInterval { from_rad: exact.number()?, span_rad: 0.0 });
    }
    let (from_rad, to) = (element.number_in("intervalStart")?, element.number_in("intervalEnd")?);
    let span = to - from_rad;
    let span_rad = if span < 0.0 { span.rem_euclid(TAU) } else { span.min(TAU) };
    Ok(AngleInterval { from_rad, span_rad })
}
