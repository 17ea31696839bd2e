//! Changing lanes: by wish (MOBIL; Kesting, Treiber and Helbing, 2007) and into the ego's way.

use super::agent::Shift;
use super::{CutIn, EGO, Traffic};
use crate::roads::Setting;
use maps::{LaneId, LaneKind};

/// Gain from which a change is worth it, m/s2.
const WORTH_MPS2: f64 = 0.25;
/// What others lose counts this much.
const POLITENESS: f64 = 0.3;
/// Harder braking than this is asked of nobody, m/s2.
const SAFE_MPS2: f64 = 2.0;
/// To the right one goes with less reason, m/s2.
const RIGHT_MPS2: f64 = 0.25;
/// Between thoughts of changing, s.
const PAUSE_S: f64 = 1.0;
/// Between two changes, s.
const REST_S: f64 = 6.0;

impl Traffic {
    pub(super) fn change_lanes(&mut self, setting: &Setting, time_s: f64) {
        for index in 1..self.agents.len() {
            let agent = &self.agents[index];
            let is_busy = agent.is_gone || agent.patience_s > 0.0 || agent.shift.is_going() || agent.speed < 3.0;
            let is_directed = self.cut_ins.iter().any(|cut_in| cut_in.agent == Some(index));
            if is_busy || is_directed || setting.network.lane(agent.lane).junction.is_some() {
                continue;
            }
            self.agents[index].patience_s = PAUSE_S;
            for is_left in [true, false] {
                if let Some((lane, gain)) = self.gain(setting, index, is_left)
                    && gain > WORTH_MPS2
                {
                    let seconds = self.agents[index].random.between(3.5, 5.0);
                    self.change(setting, index, lane, seconds);
                    break;
                }
            }
        }
        let mut cut_ins = std::mem::take(&mut self.cut_ins);
        for turn in 0..cut_ins.len() {
            let taken: Vec<usize> = cut_ins.iter().filter_map(|cut_in| cut_in.agent).collect();
            self.direct(setting, &mut cut_ins[turn], &taken, time_s);
        }
        self.cut_ins = cut_ins;
    }

    /// The lane on a side, if one may change to it.
    fn lane_beside(&self, setting: &Setting, lane: LaneId, is_left: bool) -> Option<LaneId> {
        let (border, neighbor) = setting.network.lane(lane).side(is_left);
        let neighbor = neighbor.filter(|n| n.same_direction && border == maps::Border::Dashed)?;
        (setting.network.lane(neighbor.lane).kind == LaneKind::Driving).then_some(neighbor.lane)
    }

    fn place_in(&self, setting: &Setting, index: usize, lane: LaneId) -> f64 {
        let agent = &self.agents[index];
        let pose = setting.network.lane(agent.lane).center.pose(agent.s);
        setting.network.lane(lane).center.project_within(pose.x, pose.y, agent.s - 30.0, agent.s + 30.0).s_m
    }

    /// What a change would bring, m/s2; `None` if it is not possible or not safe.
    fn gain(&self, setting: &Setting, index: usize, is_left: bool) -> Option<(LaneId, f64)> {
        let agent = &self.agents[index];
        let target = self.lane_beside(setting, agent.lane, is_left)?;
        let s = self.place_in(setting, index, target);
        let wanted = (setting.network.lane(target).speed_limit_mps * agent.speed_share).min(agent.kind.fastest_mps());
        let follow = |gap: f64, speed: f64| agent.driver.follow(agent.speed, wanted, gap, speed, agent.driver.gap_m);
        let ahead = |lane: LaneId, s: f64| {
            let found = self.lanes.first_ahead(lane, s, index, 0.5 * agent.size[1]);
            found.map_or((f64::INFINITY, wanted), |found| (found.rear - s - agent.half_m(), found.speed))
        };
        let (own_gap, own_speed) = ahead(agent.lane, agent.s);
        let (new_gap, new_speed) = ahead(target, s);
        // Until it is out of its lane it must not reach the one ahead there.
        let is_late = own_gap < 3.0 + 3.0 * (agent.speed - own_speed);
        if new_gap < 4.0 + 0.3 * agent.speed || is_late {
            return None;
        }
        let mut gain = follow(new_gap, new_speed) - follow(own_gap, own_speed);
        if let Some(follower) =
            self.lanes.first_behind(target, s, index).filter(|follower| follower.who < self.agents.len())
        {
            let other = &self.agents[follower.who];
            let gap = s - agent.tail_m() - follower.front;
            // Room for the follower to keep two thirds of its time gap.
            if gap < 3.0 + 0.65 * other.driver.headway_s * follower.speed {
                return None;
            }
            let wanted = setting.network.lane(target).speed_limit_mps * other.speed_share;
            let after = other.driver.follow(follower.speed, wanted, gap, agent.speed, other.driver.gap_m);
            if after < -SAFE_MPS2 {
                return None;
            }
            gain += POLITENESS * (after - other.acceleration).min(0.0);
        }
        Some((target, gain + if is_left { -RIGHT_MPS2 } else { RIGHT_MPS2 }))
    }

    /// Begins a change.
    fn change(&mut self, setting: &Setting, index: usize, lane: LaneId, seconds: f64) {
        let s = self.place_in(setting, index, lane);
        let agent = &mut self.agents[index];
        let pose = setting.network.lane(agent.lane).center.offset(agent.s, agent.shift.at(0.0).0);
        let foot = setting.network.lane(lane).center.project_within(pose.x, pose.y, s - 20.0, s + 20.0);
        (agent.lane, agent.s) = (lane, foot.s_m);
        agent.behind.clear();
        agent.ahead.clear();
        agent.shift = Shift { from_m: foot.d_m, to_m: 0.0, passed_s: 0.0, whole_s: seconds };
        agent.patience_s = REST_S;
        agent.plan(&setting.network);
        // Others that think in this moment already see it in the new lane.
        let (rear, front, speed) = (agent.s - agent.tail_m(), agent.s + agent.half_m(), agent.speed);
        self.lanes.add(lane, super::Occupant::whole(rear, front, speed, index));
    }

    /// Brings a vehicle beside the ego's lane to its gap and lets it change.
    fn direct(&mut self, setting: &Setting, cut_in: &mut CutIn, taken: &[usize], time_s: f64) {
        if time_s < cut_in.at_s || time_s > cut_in.ends_s {
            if let Some(index) = cut_in.agent.take() {
                self.agents[index].urge_mps = None;
            }
            return;
        }
        let ego = &self.agents[EGO];
        let (ego_lane, ego_front, ego_speed) = (ego.lane, ego.s + ego.half_m(), ego.speed);
        let beside: Vec<LaneId> =
            [true, false].into_iter().filter_map(|is_left| self.lane_beside(setting, ego_lane, is_left)).collect();
        // From the ego's front to the rear of another, m.
        let gap_of = |traffic: &Self, index: usize| {
            traffic.place_in(setting, index, ego_lane) - traffic.agents[index].tail_m() - ego_front
        };
        let Some(index) = cut_in.agent else {
            let can = |index: &usize| {
                let agent = &self.agents[*index];
                !agent.is_gone
                    && !taken.contains(index)
                    && beside.contains(&agent.lane)
                    && !agent.shift.is_going()
                    && agent.trailer.is_none()
            };
            let near = (1..self.agents.len()).filter(can).map(|index| (gap_of(self, index) - cut_in.gap_m, index));
            let near = near.filter(|(way, _)| (-35.0..30.0).contains(way));
            cut_in.agent =
                near.min_by(|a, b| a.0.abs().total_cmp(&b.0.abs()).then(a.1.cmp(&b.1))).map(|(_, index)| index);
            return;
        };
        if !beside.contains(&self.agents[index].lane) {
            // It is in the ego's lane: a little slower for a while.
            if self.agents[index].lane == ego_lane && !self.agents[index].shift.is_going() {
                self.agents[index].urge_mps = None;
                cut_in.ends_s = time_s;
            }
            return;
        }
        let gap = gap_of(self, index);
        let limit = 1.1 * setting.network.lane(ego_lane).speed_limit_mps;
        let urge = (ego_speed + (0.35 * (cut_in.gap_m - gap)).clamp(-5.0, 4.0)).clamp(2.0, limit);
        self.agents[index].urge_mps = Some(urge);
        self.agents[index].speed_share = self.agents[index].speed_share.max(1.1);
        let difference = self.agents[index].speed - ego_speed;
        let s = self.place_in(setting, index, ego_lane);
        let room = self.lanes.first_ahead(ego_lane, s, index, 0.5 * self.agents[index].size[1]);
        let has_room = room.is_none_or(|other| other.rear - s - self.agents[index].half_m() > 5.0);
        if (gap - cut_in.gap_m).abs() < 2.0 && (-1.5..4.0).contains(&difference) && has_room && ego_speed > 4.0 {
            let seconds = self.agents[index].random.between(2.4, 3.4);
            self.change(setting, index, ego_lane, seconds);
            self.agents[index].urge_mps = Some((0.93 * ego_speed).max(3.0));
            cut_in.ends_s = cut_in.ends_s.max(time_s + 8.0);
        }
    }
}
