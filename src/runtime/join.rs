//! The door's first half: which sensor messages belong together. A pure function of the messages and their order.

use super::frame::{Input, SensorSet};
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Signals, Stamp, WheelSpeed};

/// Messages that wait for a partner, per sensor; older ones give way.
const CAPACITY: usize = 64;

/// Which sensors a drive has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensors {
    /// A camera.
    pub camera: bool,
    /// A lidar.
    pub lidar: bool,
    /// A GPS/INS unit.
    pub ins: bool,
}

/// Joins messages by stamp: one set for each message of the leading sensor (lidar, or camera without a lidar),
/// with the nearest message of each other sensor within the tolerance.
///
/// A set is complete when each partner is known or anything later than the tolerance has been seen.
/// A message that is not newer than the last one of its sensor is late: it joins nothing and is counted.
///
/// Signals and wheel speed tell a state: a set has the newest one at or before its stamp, and never waits for one.
#[derive(Debug)]
pub struct Join {
    sensors: Sensors,
    tolerance_s: f64,
    queues: [VecDeque<Input>; 3],
    newest: [Option<Stamp>; 3],
    signals: Latest<Arc<Signals>>,
    wheel_speed: Latest<WheelSpeed>,
    unmatched: Vec<Input>,
    late: u64,
    alone: u64,
}

/// Messages of a sensor that tells a state, not yet reached and the newest that is.
#[derive(Debug)]
struct Latest<T> {
    ahead: VecDeque<(Stamp, T)>,
    current: Option<T>,
    newest: Option<Stamp>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { ahead: VecDeque::new(), current: None, newest: None }
    }
}

impl<T> Latest<T> {
    /// Takes a message in; says no to a late one.
    fn push(&mut self, stamp: Stamp, message: T) -> bool {
        if self.newest.is_some_and(|newest| stamp <= newest) {
            return false;
        }
        self.newest = Some(stamp);
        self.ahead.push_back((stamp, message));
        if self.ahead.len() > CAPACITY {
            self.current = self.ahead.pop_front().map(|(_, message)| message);
        }
        true
    }

    /// The newest message at or before a stamp; stamps never fall.
    fn at(&mut self, stamp: Stamp) -> Option<&T> {
        while self.ahead.front().is_some_and(|(own, _)| *own <= stamp) {
            self.current = self.ahead.pop_front().map(|(_, message)| message);
        }
        self.current.as_ref()
    }
}

const CAMERA: usize = 0;
const LIDAR: usize = 1;
const INS: usize = 2;

impl Join {
    /// A join for these sensors; partners lie at most `tolerance_s` apart.
    #[must_use]
    pub fn new(sensors: Sensors, tolerance_s: f64) -> Self {
        let queues = std::array::from_fn(|_| VecDeque::with_capacity(CAPACITY + 1));
        Self {
            sensors,
            tolerance_s,
            queues,
            newest: [None; 3],
            signals: Latest::default(),
            wheel_speed: Latest::default(),
            unmatched: Vec::new(),
            late: 0,
            alone: 0,
        }
    }

    /// Largest distance between partners, s.
    #[must_use]
    pub fn tolerance_s(&self) -> f64 {
        self.tolerance_s
    }

    /// Messages that came after a later one of their sensor.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Camera and lidar messages that found no partner.
    #[must_use]
    pub fn alone(&self) -> u64 {
        self.alone
    }

    /// Takes a message in.
    pub fn push(&mut self, input: Input) {
        let stamp = input.stamp();
        let index = match &input {
            Input::Camera(_) => CAMERA,
            Input::Lidar(_) => LIDAR,
            Input::Ins(_) => INS,
            Input::Signals(_) | Input::WheelSpeed(_) | Input::Truth(_) => {
                let in_time = match &input {
                    Input::Signals(signals) => self.signals.push(stamp, Arc::clone(signals)),
                    Input::WheelSpeed(wheel) => self.wheel_speed.push(stamp, *wheel),
                    _ => true,
                };
                self.late += u64::from(!in_time);
                self.unmatched.push(input);
                return;
            }
        };
        if self.newest[index].is_some_and(|newest| stamp <= newest) {
            self.late += 1;
            self.unmatched.push(input);
            return;
        }
        self.newest[index] = Some(stamp);
        let queue = &mut self.queues[index];
        queue.push_back(input);
        if queue.len() > CAPACITY {
            let oldest = queue.pop_front();
            self.leave_alone(oldest);
        }
    }

    /// The next set, if it is complete. At the end of a drive (`flush`) whatever is there is complete.
    pub fn pop(&mut self, flush: bool) -> Option<SensorSet> {
        let leader = self.leader();
        let stamp = self.queues[leader].front()?.stamp();
        let passed = |newest: &Stamp| newest.seconds_since(stamp) > self.tolerance_s;
        let overdue = self.newest.iter().flatten().any(passed);
        let known = |sensor: usize| self.newest[sensor].is_some_and(|newest| newest >= stamp);
        let wanted = [self.sensors.camera, self.sensors.lidar, self.sensors.ins];
        let complete = (0..3).all(|sensor| sensor == leader || !wanted[sensor] || known(sensor));
        if !(flush || overdue || complete) {
            return None;
        }
        let mut set = SensorSet { stamp, ..SensorSet::default() };
        for sensor in 0..3 {
            match self.take(sensor, stamp, sensor == leader) {
                Some(Input::Camera(frame)) => set.camera = Some(frame),
                Some(Input::Lidar(sweep)) => set.lidar = Some(sweep),
                Some(Input::Ins(fix)) => set.ins = Some(fix),
                _ => {}
            }
        }
        set.signals = self.signals.at(stamp).cloned();
        set.wheel_speed = self.wheel_speed.at(stamp).copied();
        set.unmatched = std::mem::take(&mut self.unmatched);
        Some(set)
    }

    /// What belongs to no set, at the end of a drive.
    pub fn rest(&mut self) -> Vec<Input> {
        for queue in 0..3 {
            while let Some(input) = self.queues[queue].pop_front() {
                self.leave_alone(Some(input));
            }
        }
        std::mem::take(&mut self.unmatched)
    }

    fn leader(&self) -> usize {
        if self.sensors.lidar { LIDAR } else { CAMERA }
    }

    /// The sensor's message nearest to `stamp`, and everything older out of the queue.
    fn take(&mut self, sensor: usize, stamp: Stamp, is_leader: bool) -> Option<Input> {
        if is_leader {
            return self.queues[sensor].pop_front();
        }
        loop {
            let distance = |i: usize| self.queues[sensor].get(i).map(|m| m.stamp().seconds_since(stamp).abs());
            let first = distance(0)?;
            if distance(1).is_some_and(|second| second < first) {
                let passed = self.queues[sensor].pop_front();
                self.leave_alone(passed);
                continue;
            }
            if first <= self.tolerance_s {
                return self.queues[sensor].pop_front();
            }
            let too_old = self.queues[sensor].front().is_some_and(|m| m.stamp() < stamp);
            if !too_old {
                return None;
            }
            let passed = self.queues[sensor].pop_front();
            self.leave_alone(passed);
        }
    }

    fn leave_alone(&mut self, input: Option<Input>) {
        let Some(input) = input else { return };
        // A GPS/INS unit is faster than the other sensors: most of its outputs join nothing.
        if !matches!(input, Input::Ins(_)) {
            self.alone += 1;
        }
        self.unmatched.push(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use types::{CameraFrame, ImageFormat, LidarSweep};

    fn camera(seq: u64, millis: i64) -> Input {
        let stamp = Stamp::from_nanos(millis * 1_000_000);
        Input::Camera(Arc::new(CameraFrame { seq, stamp, format: ImageFormat::Png, data: Vec::new().into() }))
    }

    fn lidar(seq: u64, millis: i64) -> Input {
        let stamp = Stamp::from_nanos(millis * 1_000_000);
        Input::Lidar(Arc::new(LidarSweep { seq, stamp, stride: 16, fields: Vec::new(), data: Vec::new().into() }))
    }

    /// Sequence numbers of a set's image and sweep.
    type Pair = (Option<u64>, Option<u64>);

    fn run(inputs: &[Input]) -> (Vec<Pair>, Join) {
        let mut join = Join::new(Sensors { camera: true, lidar: true, ins: false }, 0.05);
        let mut sets = Vec::new();
        let mut note = |set: SensorSet| sets.push((set.camera.map(|c| c.seq), set.lidar.map(|l| l.seq)));
        for input in inputs {
            join.push(input.clone());
            while let Some(set) = join.pop(false) {
                note(set);
            }
        }
        while let Some(set) = join.pop(true) {
            note(set);
        }
        (sets, join)
    }

    #[test]
    fn nearest_partners_join() {
        let (sets, join) =
            run(&[camera(0, 2), lidar(0, 0), camera(1, 98), lidar(1, 100), camera(2, 130), lidar(2, 200)]);
        assert_eq!(sets, [(Some(0), Some(0)), (Some(1), Some(1)), (None, Some(2))]);
        assert_eq!(join.alone(), 1);
    }

    #[test]
    fn a_set_has_the_newest_state_at_or_before_it() {
        let mut join = Join::new(Sensors { camera: false, lidar: true, ins: false }, 0.05);
        let signals = |seq: u64, millis: i64| {
            let stamp = Stamp::from_nanos(millis * 1_000_000);
            Input::Signals(Arc::new(Signals { seq, stamp, phases: Vec::new() }))
        };
        let mut seen = Vec::new();
        let mut logged = 0;
        for input in
            [signals(0, 0), lidar(0, 0), signals(1, 90), signals(2, 110), signals(3, 80), lidar(1, 100), lidar(2, 200)]
        {
            join.push(input);
            while let Some(set) = join.pop(false) {
                seen.push(set.signals.map(|signals| signals.seq));
                logged += set.unmatched.len();
            }
        }
        assert_eq!((seen, logged, join.late()), (vec![Some(0), Some(1), Some(2)], 4, 1));
    }

    #[test]
    fn a_silent_camera_does_not_hold_the_sweeps() {
        let (sets, _) = run(&[camera(0, 0), lidar(0, 0), lidar(1, 100), lidar(2, 200)]);
        assert_eq!(sets, [(Some(0), Some(0)), (None, Some(1)), (None, Some(2))]);
    }

    #[test]
    fn late_messages_are_counted_and_join_nothing() {
        let (sets, join) =
            run(&[camera(0, 0), lidar(0, 0), camera(2, 200), lidar(2, 200), lidar(1, 100), camera(1, 100)]);
        assert_eq!(sets, [(Some(0), Some(0)), (Some(2), Some(2))]);
        assert_eq!((join.late(), join.alone()), (2, 0));
    }

    #[test]
    fn nothing_is_lost() {
        let mut join = Join::new(Sensors { camera: true, lidar: true, ins: false }, 0.05);
        for seq in 0..1000 {
            join.push(camera(seq, 33 * i64::try_from(seq).unwrap()));
        }
        assert!(join.pop(false).is_none());
        assert_eq!(join.rest().len(), 1000);
    }
}
