//! Traffic signs, traffic lights and stop lines.

use super::super::draft::{RawLane, RawSignal, RawStop};
use super::super::xml::Element;
use super::super::{Finding, MapError};
use super::scenario::SignalProgram;
use std::collections::BTreeMap;
use types::{Phase, StopKind};

/// Signs by which everybody stops: Germany, United States and those who number alike.
const STOP_SIGNS: [&str; 3] = ["206", "R1-1", "r2"];
/// Signs by which cross traffic goes first.
const YIELD_SIGNS: [&str; 3] = ["205", "R1-2", "r1"];
/// Signs whose additional value is a speed limit in m/s.
const LIMIT_SIGNS: [&str; 6] = ["274", "274.1", "R2-1", "r301", "s1", "c14"];

/// Signs and lights by identity.
#[derive(Debug, Default)]
pub(super) struct Rules {
    signs: BTreeMap<String, Sign>,
    lights: BTreeMap<String, Option<[f64; 2]>>,
}

#[derive(Debug, Default)]
struct Sign {
    limit_mps: Option<f64>,
    stop: Option<StopKind>,
}

/// The identity that an element refers to.
pub(super) fn reference(element: Element) -> Result<String, MapError> {
    Ok(element.needed_attribute("ref")?.to_string())
}

impl Rules {
    /// All signs and lights of a scenario.
    pub fn read(root: Element) -> Result<Self, MapError> {
        let mut rules = Self::default();
        for element in root.children("trafficSign") {
            let mut sign = Sign::default();
            for part in element.children("trafficSignElement") {
                let kind = part.needed("trafficSignID")?.text();
                if LIMIT_SIGNS.contains(&kind)
                    && let Some(value) = part.child("additionalValue")
                {
                    sign.limit_mps = Some(value.number()?);
                } else if STOP_SIGNS.contains(&kind) {
                    sign.stop = Some(StopKind::Stop);
                } else if YIELD_SIGNS.contains(&kind) {
                    sign.stop = Some(StopKind::GiveWay);
                }
            }
            rules.signs.insert(element.needed_attribute("id")?.to_string(), sign);
        }
        for element in root.children("trafficLight") {
            let place = element.child("position").and_then(|position| position.child("point"));
            let place = place.map(|point| point.place()).transpose()?;
            rules.lights.insert(element.needed_attribute("id")?.to_string(), place);
        }
        Ok(rules)
    }

    /// The limit of a lanelet: the lowest of its signs, or its own (2018b), m/s.
    pub fn speed_limit(&self, lanelet: Element) -> Result<Option<f64>, MapError> {
        let mut limit = lanelet.child("speedLimit").map(|own| own.number()).transpose()?;
        for element in lanelet.children("trafficSignRef") {
            let posted = self.signs.get(&reference(element)?).and_then(|sign| sign.limit_mps);
            limit = [limit, posted].into_iter().flatten().reduce(f64::min);
        }
        match limit {
            Some(mps) if !(0.1..=100.0).contains(&mps) => {
                Err(lanelet.error(format!("its speed limit is {mps} m/s, outside 0.1 to 100")))
            }
            _ => Ok(limit),
        }
    }

    /// Where and why one may have to stop on a lanelet, and the signals for that.
    pub fn stops(
        &self,
        lanelet: Element,
        lane: &RawLane,
        findings: &mut Vec<Finding>,
    ) -> Result<(Vec<RawStop>, Vec<RawSignal>), MapError> {
        let line = lanelet.child("stopLine");
        let points = line.map(|line| line.children("point").map(|point| point.place()).collect::<Result<Vec<_>, _>>());
        let ends = match points.transpose()?.as_deref() {
            Some([a, b, ..]) => Some([*a, *b]),
            _ => None,
        };
        let own = |name: &'static str| {
            let inner = line.into_iter().flat_map(move |line| line.children(name));
            lanelet.children(name).chain(inner).map(|e| reference(e)).collect::<Result<Vec<_>, _>>()
        };
        let mut kinds = Vec::new();
        let mut signals = Vec::new();
        for light in own("trafficLightRef")? {
            let Some(place) = self.lights.get(&light) else {
                let problem = format!("its traffic light {light} is not in the file");
                findings.push(Finding::new(format!("lane {}", lane.name), problem));
                continue;
            };
            let id = identity(lanelet, &light)?;
            kinds.push(StopKind::Signal(id));
            signals.push(RawSignal { id, place: *place, lane: lane.name.clone(), pedestrian: false });
        }
        for sign in own("trafficSignRef")? {
            match self.signs.get(&sign) {
                Some(sign) => kinds.extend(sign.stop),
                None => findings.push(Finding::new(
                    format!("lane {}", lane.name),
                    format!("its traffic sign {sign} is not in the file"),
                )),
            }
        }
        if kinds.is_empty() && line.is_some() {
            kinds.push(StopKind::Stop);
        }
        kinds.sort_unstable();
        kinds.dedup();
        let stop =
            |kind| RawStop { lane: lane.name.clone(), line: ends, kind, painted: line.is_some(), crossing: None };
        Ok((kinds.into_iter().map(stop).collect(), signals))
    }
}

/// The identity of a light as `types::Signals` has it.
fn identity(element: Element, text: &str) -> Result<u32, MapError> {
    text.parse().map_err(|_| element.error(format!("the traffic light `{text}` is no whole number below 2^32")))
}

/// What the lights show over time.
pub(super) fn programs(root: Element) -> Result<Vec<SignalProgram>, MapError> {
    let mut programs = Vec::new();
    for element in root.children("trafficLight") {
        let id = identity(element, element.needed_attribute("id")?)?;
        let Some(cycle) = element.child("cycle") else { continue };
        let mut phases = Vec::new();
        for part in cycle.children("cycleElement") {
            let steps = part.number_in("duration")?;
            if !(1.0..=1e6).contains(&steps) {
                return Err(part.error(format!("its duration is {steps} steps, outside 1 to 1000000")));
            }
            let phase = match part.needed("color")?.text() {
                "red" => Some(Phase::Red),
                "redYellow" | "yellow" => Some(Phase::Amber),
                "green" => Some(Phase::Green),
                _ => None,
            };
            phases.push((steps as u32, phase));
        }
        let offset = cycle.child("timeOffset").map_or(Ok(0.0), |offset| offset.number())?;
        if offset.abs() > 1e9 {
            return Err(cycle.error(format!("its timeOffset is {offset} steps, beyond 1e9")));
        }
        if !phases.is_empty() && element.child("active").is_none_or(|active| active.text() != "false") {
            programs.push(SignalProgram { id, offset_steps: offset as i64, phases });
        }
    }
    Ok(programs)
}
