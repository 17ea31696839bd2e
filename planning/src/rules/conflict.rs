//! Giving way: who will be in the area behind a line while the ego needs it, and whether it can be left again.

use super::zone::Zone;
use super::{Cap, Halt, Inquiry, LineMemory, REST_MPS, Stop};
use types::{ObjectClass, StopKind, StopLine};

/// Time kept free before and after a vehicle, and after people on foot or on two wheels, s.
const BEFORE_S: f64 = 0.5;
const AFTER_S: [f64; 2] = [1.5, 2.0];
/// The ego starts and clears the area with these accelerations at least and at most, m/s2.
const SLOW_START_MPS2: f64 = 1.1;
const QUICK_START_MPS2: f64 = 2.0;
/// A line is released after nothing has spoken against it for this long, s.
const CLEAR_S: f64 = 0.25;
/// People who stand this near to the way over a crossing wait to cross, m; after this time they do not want to, s.
const WAITING_M: f64 = 2.0;
const PATIENCE_S: f64 = 4.0;
/// After this time nobody is waited for who moves slower than this: the area itself is watched on the way, s and m/s.
const LONG_WAIT_S: f64 = 12.0;
const SLOW_MPS: f64 = 0.6;
/// Sides are looked at this far from the middle of the area: at a crossing, and where one gives way, m.
const SIDE_M: [f64; 2] = [4.0, 14.0];
/// Highest speed at a line with a hidden side, m/s: at a crossing, and where one gives way.
const HIDDEN_MPS: [f64; 2] = [4.0, 2.5];
/// Highest speed at a line where one gives way, and at a crossing with people near it, m/s.
const GIVE_WAY_MPS: f64 = 5.5;
const PEOPLE_MPS: f64 = 5.0;
const PEOPLE_M: f64 = 4.5;
/// The area must be left again by this much, m; slower traffic ahead counts as standing there, m/s.
const EXIT_M: f64 = 1.0;
const QUEUE_MPS: f64 = 1.5;
/// Shorter areas may be stood on, m.
const SHORT_AREA_M: f64 = 3.0;
/// Inside the area one waits this far before the place where the ways cross, m.
const INSIDE_M: f64 = 1.2;
/// Objects within this of the line's lane and along it drive before or behind the ego, m.
const SAME_LANE_M: f64 = 1.6;

impl Inquiry<'_> {
    /// Whether somebody with priority needs the area in the time that the ego needs it.
    pub(super) fn conflict(
        &self,
        line: &StopLine,
        memory: &mut LineMemory,
        zone: &Zone,
        elapsed_s: f64,
        caps: &mut Vec<Cap>,
    ) -> Option<Stop> {
        let crossing = line.kind == StopKind::Crossing;
        let to_line = line.s_m - self.front_s_m;
        self.approach(line, zone, crossing, caps);
        if to_line < -super::PASSED_MOVING_M {
            return None;
        }
        let way = to_line + line.area_m + self.vehicle.length_m;
        let limit = self.road.station(line.s_m, self.config, &self.vehicle.limits).limit_mps;
        let speed = self.road.ego.s_dot_mps;
        let enters_s = time_for(to_line.max(0.0), speed, limit, QUICK_START_MPS2);
        let leaves_s = time_for(way, speed, limit.min(GIVE_WAY_MPS.max(speed)), SLOW_START_MPS2);
        let mut first: Option<(f64, usize)> = None;
        for (object, o) in self.obstacles.objects.iter().enumerate() {
            let along = o.behind || o.in_lane && o.s_dot_mps > 0.0 && o.d_m.abs() < SAME_LANE_M;
            let stands = o.speed_mps == 0.0 && !o.class.is_vulnerable();
            if along || stands || o.class == ObjectClass::Unknown && o.speed_mps < 2.0 {
                continue;
            }
            let time = if self.waits(object, zone, crossing, memory) {
                Some(0.0)
            } else {
                let after = if o.class.is_vulnerable() { AFTER_S[1] } else { AFTER_S[0] };
                zone.presences(self.obstacles, object)
                    .filter(|p| p.from_s < leaves_s + after && p.to_s > enters_s - BEFORE_S)
                    .filter(|p| o.speed_mps > 0.0 || (crossing && memory.waited_s < PATIENCE_S) || p.from_s > 0.0)
                    .filter(|_| o.speed_mps > SLOW_MPS || memory.waited_s < LONG_WAIT_S)
                    .map(|p| p.from_s)
                    .min_by(f64::total_cmp)
            };
            if let Some(time) = time
                && first.is_none_or(|(earliest, _)| time < earliest)
            {
                first = Some((time, object));
            }
        }
        let Some((time, object)) = first else {
            memory.clear_s += elapsed_s.clamp(0.0, 1.0);
            let waits = memory.held && memory.clear_s < CLEAR_S;
            return waits.then(|| Stop { track: None, reason: format!("{}, just cleared", name(line)), lenient: true });
        };
        memory.clear_s = 0.0;
        let o = &self.obstacles.objects[object];
        let what = format!("{}: track {} ({}, {:.1} m/s)", name(line), o.track, o.class.name(), o.speed_mps);
        let reason = if time > 0.0 {
            format!("{what} is there in {time:.1} s, the ego until {leaves_s:.1} s")
        } else {
            format!("{what} is there")
        };
        Some(Stop { track: Some(o.track), reason, lenient: true })
    }

    /// Behind the line, still in its area: who comes towards the ego and most likely crosses its way is let pass before the
    /// place where the ways cross, if the ego can still stop there.
    pub(super) fn inside(&self, line: &StopLine, zone: &mut Zone) -> Option<Halt> {
        let end_s_m = line.s_m + line.area_m;
        if !matches!(line.kind, StopKind::GiveWay | StopKind::Stop) || self.front_s_m > end_s_m {
            return None;
        }
        zone.lay(self.road, line, self.vehicle);
        let speed = self.road.ego.s_dot_mps;
        let limit = self.road.station(line.s_m, self.config, &self.vehicle.limits).limit_mps;
        let way = end_s_m - self.front_s_m + self.vehicle.length_m;
        let leaves_s = time_for(way, speed, limit.min(GIVE_WAY_MPS.max(speed)), SLOW_START_MPS2);
        let meetings = (0..self.obstacles.objects.len()).filter_map(|object| {
            let o = &self.obstacles.objects[object];
            let (from_m, from_s) = zone.meeting(self.obstacles, object)?;
            let stop_s_m = line.s_m + from_m - INSIDE_M;
            let conflict = o.speed_mps > SLOW_MPS && from_s < leaves_s + AFTER_S[0];
            (conflict && stop_s_m > self.rest_s_m).then_some((stop_s_m, object, from_s))
        });
        let (stop_s_m, object, from_s) = meetings.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        let o = &self.obstacles.objects[object];
        let what = format!("track {} ({}, {:.1} m/s)", o.track, o.class.name(), o.speed_mps);
        let reason = format!(
            "{what}, who comes towards the turn and crosses it in {from_s:.1} s, the ego until {leaves_s:.1} s"
        );
        Some(Halt { limit_s_m: stop_s_m + 0.5, aim_s_m: stop_s_m, goal: false, track: Some(o.track), reason })
    }

    /// Somebody on foot who stands beside the way over a crossing.
    fn waits(&self, object: usize, zone: &Zone, crossing: bool, memory: &LineMemory) -> bool {
        let o = &self.obstacles.objects[object];
        crossing
            && o.class == ObjectClass::Pedestrian
            && o.speed_mps == 0.0
            && memory.waited_s < PATIENCE_S
            && zone.distance(self.obstacles, object) < WAITING_M
    }

    /// Lowers the speed on the way to a line where one gives way.
    fn approach(&self, line: &StopLine, zone: &Zone, crossing: bool, caps: &mut Vec<Cap>) {
        let kind = usize::from(!crossing);
        let eye = self.road.line.at(self.front_s_m.min(line.s_m - 0.5));
        let hidden = zone.hidden_by([eye.x, eye.y], SIDE_M[kind], self.obstacles);
        let track = |object: usize| Some(self.obstacles.objects[object].track);
        let mut cap = |speed_mps: f64, track: Option<u64>, reason: &'static str| {
            let (from_s_m, to_s_m) = (line.s_m - 1.0, line.s_m + 1.0);
            caps.push(Cap { from_s_m, to_s_m, speed_mps, track, reason });
        };
        if let Some(object) = hidden {
            cap(HIDDEN_MPS[kind], track(object), "the view to the side is hidden");
        }
        if !crossing {
            cap(GIVE_WAY_MPS, None, "cross traffic goes first");
        } else if let Some(object) = self.people_near(zone) {
            cap(PEOPLE_MPS, track(object), "people are near the crossing");
        }
    }

    fn people_near(&self, zone: &Zone) -> Option<usize> {
        let objects = &self.obstacles.objects;
        (0..objects.len()).find(|&object| {
            objects[object].class == ObjectClass::Pedestrian && zone.distance(self.obstacles, object) < PEOPLE_M
        })
    }

    /// Traffic that stands so near behind the area that the ego could not leave it.
    pub(super) fn blocked_exit(&self, line: &StopLine) -> Option<Stop> {
        if line.area_m < SHORT_AREA_M || line.kind == StopKind::Goal {
            return None;
        }
        let end = line.s_m + line.area_m;
        let needed = self.vehicle.length_m + EXIT_M;
        let half_width = 0.5 * self.vehicle.width_m;
        self.obstacles.objects.iter().find_map(|o| {
            let rear = o.s_m - o.half_s_m;
            let in_way = o.d_m.abs() < o.half_d_m + half_width && rear > line.s_m;
            let queue = (o.in_lane && o.s_dot_mps > 0.0 || o.speed_mps <= REST_MPS) && o.s_dot_mps < QUEUE_MPS;
            let vehicle = !matches!(o.class, ObjectClass::Pedestrian | ObjectClass::Unknown);
            let later = rear + 2.0 * o.s_dot_mps.max(0.0);
            (vehicle && in_way && queue && later < end + needed).then(|| {
                let room = rear - end;
                let what = format!("track {} ({})", o.track, o.class.name());
                let reason = format!(
                    "the area behind {} could not be left: {room:.1} m free before {what}, {needed:.1} m needed",
                    name(line)
                );
                Stop { track: Some(o.track), reason, lenient: true }
            })
        })
    }
}

/// The line in words.
pub(super) fn name(line: &StopLine) -> String {
    match line.kind {
        StopKind::Signal(id) => format!("signal {id}"),
        StopKind::GiveWay => "a line to give way".to_string(),
        StopKind::Stop => "a stop sign".to_string(),
        StopKind::Crossing => "a crossing".to_string(),
        StopKind::Goal => "the end of the route".to_string(),
    }
}

/// Seconds for a way from a speed, accelerating up to a limit.
fn time_for(way_m: f64, speed_mps: f64, limit_mps: f64, acceleration_mps2: f64) -> f64 {
    let (way, limit) = (way_m.max(0.0), limit_mps.max(1.0));
    if speed_mps >= limit {
        return way / speed_mps.max(0.1);
    }
    let speed = speed_mps.max(0.0);
    let gaining = (limit * limit - speed * speed) / (2.0 * acceleration_mps2);
    if gaining >= way {
        return ((speed * speed + 2.0 * acceleration_mps2 * way).sqrt() - speed) / acceleration_mps2;
    }
    (limit - speed) / acceleration_mps2 + (way - gaining) / limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_known_motions() {
        assert!((time_for(8.0, 0.0, 10.0, 1.0) - 4.0).abs() < 1e-12);
        assert!((time_for(50.0, 10.0, 10.0, 1.0) - 5.0).abs() < 1e-12);
        assert!((time_for(60.0, 0.0, 10.0, 1.0) - 11.0).abs() < 1e-12);
        assert!(time_for(-3.0, 0.0, 0.0, 1.0) == 0.0);
    }
}
