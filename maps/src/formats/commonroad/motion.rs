//! Obstacles: shapes, states, what becomes of them.

use super::super::MapError;
use super::super::xml::Element;
use super::scenario::{Future, Interval, MovingState, Obstacle, Occupancy, Shape};
use crate::polyline::FARTHEST_M;

/// No step of a scenario lies beyond this.
const LAST_STEP: f64 = 1e9;

/// An obstacle of any version and role.
pub(super) fn obstacle(element: Element) -> Result<Obstacle, MapError> {
    let id = element.needed_attribute("id")?.to_string();
    let kind = element.child("type").map_or("unknown", |kind| kind.text()).to_string();
    let shape = shapes(element.needed("shape")?)?;
    let initial = state(element.needed("initialState")?)?;
    let is_static = element.name() == "staticObstacle"
        || (element.name() == "obstacle" && element.child("role").is_some_and(|role| role.text() == "static"));
    let future = if is_static {
        Future::Static
    } else if let Some(trajectory) = element.child("trajectory") {
        let mut states = trajectory.children("state").map(state).collect::<Result<Vec<_>, _>>()?;
        states.sort_by_key(|state| state.step);
        if let Some(pair) = states.windows(2).find(|pair| pair[0].step == pair[1].step) {
            return Err(trajectory.error(format!("step {} stands twice", pair[0].step)));
        }
        Future::Trajectory(states)
    } else if let Some(set) = element.child("occupancySet") {
        let mut all = set.children("occupancy").map(occupancy).collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|occupancy| occupancy.step);
        Future::Occupancies(all)
    } else {
        Future::Trajectory(Vec::new())
    };
    Ok(Obstacle { id, kind, shape, initial, future })
}

fn occupancy(element: Element) -> Result<Occupancy, MapError> {
    Ok(Occupancy { step: step(element.needed("time")?)?, shape: shapes(element.needed("shape")?)? })
}

fn state(element: Element) -> Result<MovingState, MapError> {
    let [x, y] = position(element.needed("position")?)?;
    let middle = |name: &'static str| element.child(name).map(|child| value(child).map(Interval::middle)).transpose();
    Ok(MovingState {
        step: step(element.needed("time")?)?,
        x,
        y,
        heading_rad: middle("orientation")?.unwrap_or(0.0),
        speed_mps: middle("velocity")?.unwrap_or(0.0),
        acceleration_mps2: middle("acceleration")?,
    })
}

/// A point, or the middle of the shape that it lies in.
pub(super) fn position(element: Element) -> Result<[f64; 2], MapError> {
    if let Some(point) = element.child("point") {
        return point.place();
    }
    match shapes(element)?.first() {
        Some(shape) => Ok(shape.center()),
        None => Err(element.error("has neither a <point> nor a shape")),
    }
}

/// An exact value or an interval.
pub(super) fn value(element: Element) -> Result<Interval, MapError> {
    if let Some(exact) = element.child("exact") {
        let value = exact.number()?;
        return Ok(Interval { low: value, high: value });
    }
    let (low, high) = (element.number_in("intervalStart")?, element.number_in("intervalEnd")?);
    if low > high {
        return Err(element.error(format!("its interval from {low} to {high} is empty")));
    }
    Ok(Interval { low, high })
}

/// A step: an exact one, or the first of an interval.
pub(super) fn step(element: Element) -> Result<i64, MapError> {
    whole(element, value(element)?.low)
}

/// A number of steps.
pub(super) fn whole(element: Element, steps: f64) -> Result<i64, MapError> {
    if steps.abs() > LAST_STEP {
        return Err(element.error(format!("is step {steps}, beyond {LAST_STEP}")));
    }
    Ok(steps.round() as i64)
}

/// All shapes in an element.
pub(super) fn shapes(element: Element) -> Result<Vec<Shape>, MapError> {
    let size = |part: Element, name| {
        let value = part.number_in(name)?;
        let wrong = || part.error(format!("its {name} is {value} m, outside 0 to {FARTHEST_M}"));
        if (0.0..=FARTHEST_M).contains(&value) { Ok(value) } else { Err(wrong()) }
    };
    let mut all = Vec::new();
    for part in element.all() {
        let center = || part.child("center").map_or(Ok([0.0; 2]), |center| center.place());
        match part.name() {
            "rectangle" => all.push(Shape::Rectangle {
                center: center()?,
                heading_rad: part.child("orientation").map_or(Ok(0.0), |angle| angle.number())?,
                length_m: size(part, "length")?,
                width_m: size(part, "width")?,
            }),
            "circle" => all.push(Shape::Circle { center: center()?, radius_m: size(part, "radius")? }),
            "polygon" => {
                let corners = part.children("point").map(|point| point.place()).collect::<Result<Vec<_>, _>>()?;
                if corners.len() < 3 {
                    return Err(part.error(format!("has {} points, needs 3", corners.len())));
                }
                all.push(Shape::Polygon { corners });
            }
            _ => {}
        }
    }
    Ok(all)
}

impl Interval {
    /// Its middle.
    pub(super) fn middle(self) -> f64 {
        0.5 * (self.low + self.high)
    }
}
