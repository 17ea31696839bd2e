//! Who takes up which part of which lane.

use super::agent::Agent;
use super::lanes::{Lanes, NOBODY, Occupant};
use super::walker::Walker;
use super::{EGO, EgoView};
use crate::roads::Setting;
use maps::{LaneId, LaneKind};

/// Half the room that one who passes a junction needs, m.
const WAY_HALF_M: f64 = 1.5;
/// Who has stood inside a junction for so long is passed with less room, s.
const STANDS_S: f64 = 5.0;

/// A vehicle is in the lanes of its path.
pub(super) fn occupy_path(setting: &Setting, lanes: &mut Lanes, who: usize, agent: &Agent) {
    let network = &setting.network;
    let (mut rear, mut front) = (agent.s - agent.tail_m(), agent.s + agent.half_m());
    lanes.add(agent.lane, Occupant::whole(rear, front, agent.speed, who));
    let (whole_rear, whole_front) = (rear, front);
    for &before in agent.behind.iter().rev() {
        if rear >= 0.0 {
            break;
        }
        let length = network.lane(before).center.length_m();
        (rear, front) = (rear + length, front + length);
        lanes.add(before, Occupant::whole(rear, front, agent.speed, who));
    }
    (rear, front) = (whole_rear, whole_front);
    let mut lane = agent.lane;
    for &next in &agent.ahead {
        let length = network.lane(lane).center.length_m();
        if front <= length {
            break;
        }
        (rear, front) = (rear - length, front - length);
        lanes.add(next, Occupant::whole(rear, front, agent.speed, who));
        lane = next;
    }
}

/// The ego is wherever its outline is.
pub(super) fn occupy_ego(setting: &Setting, lanes: &mut Lanes, own: &Agent, ego: &EgoView) {
    let (length, width) = (0.5 * own.size[0], 0.5 * own.size[1] + 0.2);
    let mut found: Vec<LaneId> = Vec::with_capacity(8);
    let mut outline = [[0.0; 2]; 9];
    for (i, place) in outline.iter_mut().enumerate() {
        let (along, across) = ((i % 3) as f64 - 1.0, (i / 3) as f64 - 1.0);
        *place = ego.pose.transform(along * length, across * width);
        for lane in setting.network.ground(place[0], place[1]).lanes {
            // Ways through a junction are wider than what drives along them needs.
            let is_wide = setting.network.lane(lane).junction.is_some();
            let line = &setting.network.lane(lane).center;
            if !found.contains(&lane) && (!is_wide || line.project(place[0], place[1]).distance_m <= WAY_HALF_M) {
                found.push(lane);
            }
        }
    }
    for lane in found {
        let line = &setting.network.lane(lane).center;
        let middle = line.project(ego.pose.x, ego.pose.y).s_m;
        let along = types::wrap_angle(ego.pose.yaw - line.pose(middle).yaw).cos();
        let mut reach = [f64::INFINITY, f64::NEG_INFINITY];
        for place in [outline[0], outline[2], outline[6], outline[8]] {
            let s = line.project_within(place[0], place[1], middle - 10.0, middle + 10.0).s_m;
            reach = [reach[0].min(s), reach[1].max(s)];
        }
        let is_passed = own.stands_s > STANDS_S && setting.network.lane(lane).junction.is_some();
        let from_line = outline.iter().map(|place| line.project(place[0], place[1]).distance_m);
        let aside_m = if is_passed { from_line.fold(f64::INFINITY, f64::min) } else { 0.0 };
        // Where it stands across a lane's beginning it is in the way from before that.
        lanes.add(
            lane,
            Occupant { aside_m, ..Occupant::whole(reach[0], reach[1].max(reach[0] + 0.5), ego.speed * along, EGO) },
        );
    }
}

/// Somebody on foot is in the way where they are and where they will be in a moment.
pub(super) fn occupy_walker(setting: &Setting, lanes: &mut Lanes, walker: &Walker) {
    let pose = walker.pose(&setting.network);
    let mut found: Vec<LaneId> = Vec::with_capacity(4);
    for later in [0.0, 0.5, 1.0] {
        let [x, y] = pose.transform(walker.pace * later, 0.0);
        for lane in setting.network.ground(x, y).lanes {
            let kind = setting.network.lane(lane).kind;
            if found.contains(&lane) || !matches!(kind, LaneKind::Driving | LaneKind::Bicycle) {
                continue;
            }
            found.push(lane);
            let s = setting.network.lane(lane).center.project(x, y).s_m;
            lanes.add(lane, Occupant { beside: walker.waits_beside, ..Occupant::whole(s - 0.5, s + 0.5, 0.0, NOBODY) });
        }
    }
}
