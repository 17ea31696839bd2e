//! Watches the ego: contacts, rules, the goal.

use crate::event::{self, Event, EventKind, Fault, Party};
use crate::plant::EgoMotion;
use crate::roads::Setting;
use std::collections::{BTreeMap, BTreeSet};
use types::{Box3, ObjectClass, Phase, Route, Stamp, StopKind, Vehicle, wrap_angle};

/// Somebody as the judge sees them.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// As in the truth.
    pub id: u64,
    /// What it is.
    pub class: ObjectClass,
    /// Outline and velocity.
    pub party: Party,
}

/// What it remembers.
#[derive(Clone, Debug)]
pub struct Judge {
    vehicle: Vehicle,
    events: Vec<Event>,
    touching: BTreeSet<u64>,
    /// When somebody came into the ego's way: gap, m, and both speeds, m/s.
    in_way: BTreeMap<u64, (f64, f64, f64)>,
    /// Headings of those near the ego at the last look, and its time, s.
    headings_rad: (f64, BTreeMap<u64, f64>),
    min_time_to_contact_s: f64,
    is_off_road: bool,
    is_speeding: bool,
    has_arrived: bool,
    has_stood: bool,
    front_m: Option<f64>,
}

/// Others farther than this from the ego's middle are not looked at, m.
const NEAR_M: f64 = 70.0;
/// The ego's way is its width and this on both sides, m.
const MARGIN_M: f64 = 0.25;
/// Somebody counts as in the way this long before, s.
const FORESIGHT_S: f64 = 0.7;
/// Nobody turns faster for long, rad/s.
const FASTEST_TURN_RADPS: f64 = 1.0;
/// Time to contact is looked for this far ahead, s.
const HORIZON_S: f64 = 6.0;

impl Judge {
    /// Has seen nothing.
    pub fn new(vehicle: Vehicle) -> Self {
        Self {
            vehicle,
            events: Vec::new(),
            touching: BTreeSet::new(),
            in_way: BTreeMap::new(),
            headings_rad: (0.0, BTreeMap::new()),
            min_time_to_contact_s: f64::INFINITY,
            is_off_road: false,
            is_speeding: false,
            has_arrived: false,
            has_stood: true,
            front_m: None,
        }
    }

    /// What happened since the last call.
    pub fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Smallest time to contact with somebody in the ego's way so far, s.
    pub fn min_time_to_contact_s(&self) -> f64 {
        self.min_time_to_contact_s
    }

    /// Whether the goal was reached.
    pub fn has_arrived(&self) -> bool {
        self.has_arrived
    }

    fn ego(&self, motion: &EgoMotion) -> Party {
        let (sin, cos) = motion.pose.yaw.sin_cos();
        let speed = motion.speed_mps;
        Party { bbox: self.vehicle.footprint(&motion.pose), velocity_mps: [speed * cos, speed * sin] }
    }

    /// Looks for contacts.
    pub fn touch(&mut self, stamp: Stamp, motion: &EgoMotion, others: impl Iterator<Item = Other>) {
        let ego = self.ego(motion);
        let mut now = BTreeSet::new();
        for other in others {
            let reach = 0.5 * (ego.bbox.length + ego.bbox.width + other.party.bbox.length + other.party.bbox.width);
            let (a, b) = (&ego.bbox.center, &other.party.bbox.center);
            if (a[0] - b[0]).abs() > reach || (a[1] - b[1]).abs() > reach || !ego.bbox.overlaps_bev(&other.party.bbox) {
                continue;
            }
            now.insert(other.id);
            if !self.touching.contains(&other.id) {
                let velocity = [0, 1].map(|axis| ego.velocity_mps[axis] - other.party.velocity_mps[axis]);
                let fault = event::fault(&ego, &other.party, self.in_way.get(&other.id).copied());
                let impact_mps = velocity[0].hypot(velocity[1]);
                let kind = EventKind::Collision { other: other.id, class: other.class, fault, impact_mps };
                self.events.push(Event { stamp, kind });
            }
        }
        self.touching = now;
    }

    /// Looks at the ego's way: who is in it, and the rules along it. `place` is where the rear axle is along the route.
    #[allow(clippy::too_many_arguments)] // one call, all of them needed
    pub fn look(
        &mut self,
        stamp: Stamp,
        time_s: f64,
        motion: &EgoMotion,
        place_m: f64,
        route: &RouteLine,
        setting: &Setting,
        others: impl Iterator<Item = Other>,
    ) {
        let ego = self.ego(motion);
        self.watch_way(&ego, time_s, motion.yaw_rate_radps, place_m, route, others);
        let mut note = |kind| self.events.push(Event { stamp, kind });
        let front_m = place_m + self.vehicle.front_offset_m();
        self.has_stood |= motion.speed_mps < 0.2;
        if let Some(before) = self.front_m {
            for stop in route.route.stops.iter().filter(|stop| before < stop.s_m && stop.s_m <= front_m) {
                match stop.kind {
                    StopKind::Signal(id) => {
                        let plan = setting.signals.iter().find(|plan| plan.id == id);
                        if plan.is_some_and(|plan| plan.phase(time_s) == Phase::Red) {
                            note(EventKind::RedLight { signal: id });
                        }
                    }
                    StopKind::Stop if !self.has_stood => note(EventKind::NoStop { s_m: stop.s_m }),
                    _ => {}
                }
            }
            let near_stop = route.route.stops.iter().any(|stop| (0.0..8.0).contains(&(stop.s_m - front_m)));
            self.has_stood &= near_stop || motion.speed_mps < 0.2;
        }
        self.front_m = Some(front_m);
        let outside = ego.bbox.corners_bev().into_iter().find(|[x, y]| !setting.network.is_drivable(*x, *y));
        if let (Some([x, y]), false) = (outside, self.is_off_road) {
            note(EventKind::OffRoad { x, y });
        }
        self.is_off_road = outside.is_some();
        let index = route.route.points.len().saturating_sub(1).min((place_m.max(0.0) / route.step_m) as usize);
        let limit_mps = route.route.points.get(index).map_or(f64::INFINITY, |point| point.speed_limit_mps);
        let speed_mps = motion.speed_mps;
        let is_speeding = speed_mps > 1.1 * limit_mps && speed_mps > limit_mps + 1.0;
        if is_speeding && !self.is_speeding {
            note(EventKind::Speeding { speed_mps, limit_mps });
        }
        self.is_speeding = is_speeding;
        let goal_m =
            route.route.stops.iter().find(|stop| stop.kind == StopKind::Goal).map_or(f64::INFINITY, |stop| stop.s_m);
        let arrives = (front_m > goal_m - 3.0 && speed_mps < 0.3) || front_m > goal_m + 1.0;
        if arrives && !self.has_arrived {
            self.has_arrived = true;
            note(EventKind::Goal);
        }
    }

    fn watch_way(
        &mut self,
        ego: &Party,
        time_s: f64,
        ego_radps: f64,
        place_m: f64,
        route: &RouteLine,
        others: impl Iterator<Item = Other>,
    ) {
        let ego_front = place_m + self.vehicle.front_offset_m();
        let ego_mps = ego.velocity_mps[0].hypot(ego.velocity_mps[1]);
        let (mut seen, mut headings_rad) = (BTreeMap::new(), BTreeMap::new());
        for other in others {
            let bbox = &other.party.bbox;
            let (dx, dy) = (bbox.center[0] - ego.bbox.center[0], bbox.center[1] - ego.bbox.center[1]);
            if dx.hypot(dy) > NEAR_M {
                continue;
            }
            headings_rad.insert(other.id, bbox.yaw);
            let Some((gap_m, along_mps)) = self.in_way_of(&other.party, place_m, ego_front, route) else { continue };
            let first = (gap_m, ego_mps, along_mps);
            seen.insert(other.id, self.in_way.get(&other.id).copied().unwrap_or(first));
            if ego_mps > 0.5
                && let Some(time) = event::time_to_contact(
                    ego,
                    &other.party,
                    [ego_radps, self.turning_radps(&other, time_s)],
                    HORIZON_S,
                )
            {
                self.min_time_to_contact_s = self.min_time_to_contact_s.min(time);
            }
        }
        self.in_way = seen;
        self.headings_rad = (time_s, headings_rad);
    }

    /// Yaw rate of somebody since the last look, rad/s; zero for one who was not near then.
    fn turning_radps(&self, other: &Other, time_s: f64) -> f64 {
        let (before_s, headings_rad) = &self.headings_rad;
        let turn = headings_rad.get(&other.id).map_or(0.0, |before| wrap_angle(other.party.bbox.yaw - before));
        (turn / (time_s - before_s).max(0.01)).clamp(-FASTEST_TURN_RADPS, FASTEST_TURN_RADPS)
    }

    /// Gap from the ego's front to somebody in its way, now or in a moment, m, and their speed along it, m/s.
    fn in_way_of(&self, other: &Party, place_m: f64, ego_front: f64, route: &RouteLine) -> Option<(f64, f64)> {
        let line = route.line.as_ref()?;
        let mut rear = f64::INFINITY;
        let mut is_in = false;
        let mut sides = [false; 2];
        for later in [0.0, FORESIGHT_S] {
            for [x, y] in other.bbox.corners_bev() {
                let (x, y) = (x + later * other.velocity_mps[0], y + later * other.velocity_mps[1]);
                let foot = line.project_within(x, y, place_m - 10.0, place_m + NEAR_M);
                if foot.s_m < place_m {
                    continue;
                }
                rear = rear.min(foot.s_m);
                let half = 0.5 * self.vehicle.width_m + MARGIN_M;
                is_in |= foot.d_m.abs() < half;
                sides[usize::from(foot.d_m > 0.0)] = true;
            }
        }
        let heading = line.pose(rear.min(1e9)).yaw;
        let along = other.velocity_mps[0] * heading.cos() + other.velocity_mps[1] * heading.sin();
        ((is_in || (sides[0] && sides[1])) && rear.is_finite()).then_some(((rear - ego_front).max(0.0), along))
    }
}

/// A route as a line.
#[derive(Clone, Debug)]
pub struct RouteLine {
    /// The route.
    pub route: Route,
    /// Its middle.
    pub line: Option<maps::Polyline>,
    /// Between its points, m.
    pub step_m: f64,
}

impl RouteLine {
    /// The line of a route with evenly spaced points.
    pub fn new(route: Route) -> Self {
        let points: Vec<[f64; 2]> = route.points.iter().map(|point| [point.pose.x, point.pose.y]).collect();
        let line = maps::Polyline::new(&points);
        let length = line.as_ref().map_or(0.0, maps::Polyline::length_m);
        let step_m = (length / (points.len().max(2) - 1) as f64).max(0.1);
        Self { route, line, step_m }
    }
}

/// The outline of a body.
pub fn outline(pose: &types::Pose2, [length, width, height]: [f64; 3], ground_z: f64) -> Box3 {
    Box3 { center: [pose.x, pose.y, ground_z + 0.5 * height], length, width, height, yaw: wrap_angle(pose.yaw) }
}

impl Fault {
    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ego => "ego",
            Self::Other => "other",
        }
    }
}
