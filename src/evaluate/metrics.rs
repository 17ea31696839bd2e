//! The numbers of each frame of a drive, as its messages come by.

use super::contact;
use super::deviation::{Deviation, REACH_S};
use super::labels::{LabelCounts, Labels};
use recordings::Message;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Command, Detections, EgoState, Latency, Plan, Stamp, Tracks, Truth, Vehicle};

/// A measured part of a frame's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name, e.g. `infer lidar`.
    pub name: String,
    /// From the frame's first sensor message to its begin, ms.
    pub start_ms: f64,
    /// How long it took, ms.
    pub duration_ms: f64,
}

/// One frame in numbers. What the drive does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrameMetrics {
    /// The frame's counter.
    pub frame: u64,
    /// The frame's stamp.
    pub stamp: Stamp,
    /// Since the first frame, s.
    pub time_s: f64,
    /// Speed of the ego, m/s.
    pub speed_mps: Option<f64>,
    /// Acceleration of the ego, m/s2.
    pub acceleration_mps2: Option<f64>,
    /// Speed times yaw rate of the ego, m/s2, positive to the left.
    pub lateral_acceleration_mps2: Option<f64>,
    /// Change of the acceleration since the frame before, m/s3.
    pub jerk_mps3: Option<f64>,
    /// Angle of the front wheels in the first command from the frame's stamp on, rad, positive to the left.
    pub steering_rad: Option<f64>,
    /// Acceleration in the same command, m/s2.
    pub commanded_acceleration_mps2: Option<f64>,
    /// What that steering does at the ego's speed, m/s2, positive to the left.
    pub commanded_lateral_acceleration_mps2: Option<f64>,
    /// Change of the commanded acceleration since the frame before, m/s3.
    pub commanded_jerk_mps3: Option<f64>,
    /// All limits that the gate applied until the next frame: bits of [`types::CommandLimit`].
    pub command_limits: u32,
    /// Why control stopped the car instead of following the plan, at any tick until the next frame.
    pub command_stop: Option<String>,
    /// Time until the ego touches a track if nobody changes speed, s; absent beyond [`contact::HORIZON_S`].
    pub time_to_collision_s: Option<f64>,
    /// The track of that contact.
    pub time_to_collision_track: Option<u64>,
    /// A track whose box overlaps the ego's box.
    pub collision_track: Option<u64>,
    /// Objects detected in the image.
    pub camera_detections: Option<u64>,
    /// Objects detected in the sweep.
    pub lidar_detections: Option<u64>,
    /// Sums of x, y and score of the objects in the sweep, m and 1: they tell small differences without keeping every box.
    pub detection_sums: Option<[f64; 3]>,
    /// Tracks.
    pub tracks: Option<u64>,
    /// Sums of x and y in `odom` and of the speed of the tracks, m and m/s.
    pub track_sums: Option<[f64; 3]>,
    /// The planner's decision.
    pub decision: Option<String>,
    /// The track that it is about.
    pub decision_track: Option<u64>,
    /// Its reason, in words with numbers.
    pub reason: Option<String>,
    /// Cost of the chosen trajectory.
    pub plan_cost: Option<f64>,
    /// Candidates looked at.
    pub candidates: Option<u64>,
    /// Largest distance across from the planned path to where the car went in the next 3 s, m.
    pub plan_path_deviation_m: Option<f64>,
    /// Distance between where the plan wanted the car 2 s later and where it was, m.
    pub plan_place_deviation_m: Option<f64>,
    /// What the truth says, if the drive holds it.
    pub labels: Option<LabelCounts>,
    /// Time of the frame from its first sensor message to its end, ms. Only drives of the wall clock have it.
    pub latency_ms: Option<f64>,
    /// Its parts in order.
    pub parts: Vec<Part>,
    /// Sets dropped at the door since the frame before.
    pub dropped: u64,
}

/// A frame whose numbers are not complete yet.
#[derive(Debug, Default)]
struct Row {
    metrics: FrameMetrics,
    ego: Option<EgoState>,
    plan: Option<Arc<Plan>>,
    detections: Option<Detections>,
    tracks: Option<Tracks>,
    truth: Option<Truth>,
    deviation: Deviation,
}

/// Makes [`FrameMetrics`] of messages. A frame comes out three seconds of the drive later, when its plan has been compared with what
/// came of it.
#[derive(Debug)]
pub struct Metrics {
    vehicle: Vehicle,
    labels: Labels,
    /// It comes before its frame.
    truth: Option<Truth>,
    start: Option<Stamp>,
    current: Option<Row>,
    waiting: VecDeque<Row>,
    last: FrameMetrics,
    dropped: u64,
}

impl Metrics {
    /// Metrics of a drive of this vehicle.
    #[must_use]
    pub fn new(vehicle: Vehicle) -> Self {
        Self {
            vehicle,
            labels: Labels::default(),
            truth: None,
            start: None,
            current: None,
            waiting: VecDeque::new(),
            last: FrameMetrics::default(),
            dropped: 0,
        }
    }

    /// Takes the next message and gives the frames that it completes.
    pub fn take(&mut self, message: &Message) -> Vec<FrameMetrics> {
        match message {
            Message::Truth(truth) => self.truth = Some(truth.clone()),
            Message::Admission(admission) => {
                self.close();
                let start = *self.start.get_or_insert(admission.stamp);
                let mut row = Row::default();
                row.metrics.frame = admission.frame;
                row.metrics.stamp = admission.stamp;
                row.metrics.time_s = admission.stamp.seconds_since(start);
                row.metrics.dropped = admission.dropped.saturating_sub(self.dropped);
                self.dropped = admission.dropped;
                row.truth = self.truth.take().filter(|truth| truth.stamp == admission.stamp);
                self.current = Some(row);
                return self.ready(Some(admission.stamp));
            }
            other => {
                if let Some(row) = &mut self.current {
                    row.take(other, &self.vehicle);
                }
            }
        }
        Vec::new()
    }

    /// The drive is over: the frames that were still waiting.
    pub fn finish(&mut self) -> Vec<FrameMetrics> {
        self.close();
        self.ready(None)
    }

    /// The current frame has all its own messages: what follows from them, and what its ego state says of earlier plans.
    fn close(&mut self) {
        let Some(mut row) = self.current.take() else { return };
        row.conclude(&self.vehicle, &self.last);
        if let (Some(truth), true) = (row.truth.take(), row.detections.is_some() || row.tracks.is_some()) {
            let tracks = row.tracks.as_ref().map_or(&[][..], |tracks| &tracks.objects);
            row.metrics.labels = Some(self.labels.count(&truth, row.detections.as_ref(), tracks));
        }
        if let Some(ego) = &row.ego {
            for earlier in &mut self.waiting {
                let time_s = row.metrics.stamp.seconds_since(earlier.metrics.stamp);
                if let Some(plan) = &earlier.plan {
                    earlier.deviation.see(&plan.trajectory, ego, time_s);
                }
            }
        }
        (row.detections, row.tracks) = (None, None);
        self.last = row.metrics.clone();
        self.waiting.push_back(row);
    }

    fn ready(&mut self, now: Option<Stamp>) -> Vec<FrameMetrics> {
        let mut done = Vec::new();
        while let Some(row) = self.waiting.front() {
            if now.is_some_and(|now| now.seconds_since(row.metrics.stamp) <= REACH_S) {
                break;
            }
            done.extend(self.waiting.pop_front().map(|row| FrameMetrics {
                plan_path_deviation_m: row.deviation.path_m,
                plan_place_deviation_m: row.deviation.place_m,
                ..row.metrics
            }));
        }
        done
    }
}

impl Row {
    fn take(&mut self, message: &Message, vehicle: &Vehicle) {
        let frame = self.metrics.frame;
        match message {
            Message::Ego { frame: of, state } if *of == frame => self.ego = Some(*state),
            Message::Detections(detections) if detections.frame == frame => self.detections = Some(detections.clone()),
            Message::Tracks(tracks) if tracks.frame == frame => self.tracks = Some(tracks.clone()),
            Message::Plan(plan) if plan.frame == frame => self.plan = Some(Arc::new(plan.clone())),
            Message::Command(command) => self.command(command, vehicle),
            Message::Latency(latency) if latency.frame == frame => self.latency(latency),
            _ => {}
        }
    }

    fn command(&mut self, command: &Command, vehicle: &Vehicle) {
        let metrics = &mut self.metrics;
        metrics.command_limits |= command.limits;
        // The stop at the end of a replay is no event of the drive.
        let stop = command.stop.filter(|reason| *reason != types::StopReason::Shutdown);
        metrics.command_stop = stop.map(|reason| reason.name().to_string()).or(metrics.command_stop.take());
        if metrics.steering_rad.is_none() {
            metrics.steering_rad = Some(command.steering_rad);
            metrics.commanded_acceleration_mps2 = Some(command.acceleration_mps2);
            metrics.commanded_lateral_acceleration_mps2 = self.ego.map(|ego| {
                let curvature = command.steering_rad.tan() / vehicle.wheelbase_m;
                ego.speed_mps * ego.speed_mps * curvature
            });
        }
    }

    fn latency(&mut self, latency: &Latency) {
        let ms = |ns: u64| ns as f64 * 1e-6;
        let part = |span: &types::Span| Part {
            name: span.name.clone(),
            start_ms: ms(span.start_ns),
            duration_ms: ms(span.duration_ns),
        };
        self.metrics.parts = latency.spans.iter().map(part).collect();
        self.metrics.latency_ms = latency.spans.last().map(|span| ms(span.start_ns + span.duration_ns));
    }

    fn conclude(&mut self, vehicle: &Vehicle, last: &FrameMetrics) {
        let metrics = &mut self.metrics;
        let passed_s = metrics.stamp.seconds_since(last.stamp);
        let rate = |now: Option<f64>, before: Option<f64>| {
            now.zip(before).filter(|_| passed_s > 0.0).map(|(now, before)| (now - before) / passed_s)
        };
        if let Some(ego) = &self.ego {
            metrics.speed_mps = Some(ego.speed_mps);
            metrics.acceleration_mps2 = Some(ego.acceleration_mps2);
            metrics.lateral_acceleration_mps2 = Some(ego.speed_mps * ego.yaw_rate_radps);
        }
        metrics.jerk_mps3 = rate(metrics.acceleration_mps2, last.acceleration_mps2);
        metrics.commanded_jerk_mps3 = rate(metrics.commanded_acceleration_mps2, last.commanded_acceleration_mps2);
        if let Some(found) = &self.detections {
            metrics.camera_detections = Some(found.camera.len() as u64);
            metrics.lidar_detections = Some(found.lidar.len() as u64);
            metrics.detection_sums =
                Some(sums(found.lidar.iter().map(|d| [d.bbox.center[0], d.bbox.center[1], d.score])));
        }
        if let Some(tracks) = &self.tracks {
            let objects = &tracks.objects;
            metrics.tracks = Some(objects.len() as u64);
            metrics.track_sums =
                Some(sums(objects.iter().map(|t| [t.bbox.center[0], t.bbox.center[1], t.speed_mps()])));
            if let Some(ego) = &self.ego {
                let contact = contact::first(ego, vehicle, objects);
                metrics.time_to_collision_s = contact.time_s;
                metrics.time_to_collision_track = contact.with;
                metrics.collision_track = contact.now;
            }
        }
        if let Some(plan) = &self.plan {
            metrics.decision = Some(plan.decision.kind.name().to_string());
            metrics.decision_track = plan.decision.track;
            metrics.reason = Some(plan.decision.reason.clone());
            metrics.plan_cost = Some(plan.cost);
            metrics.candidates = Some(plan.candidates.len() as u64);
        }
    }
}

fn sums(rows: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    rows.fold([0.0; 3], |sum, row| std::array::from_fn(|i| sum[i] + row[i]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use types::{Admission, Box3, Decision, DecisionKind, ObjectClass, PoseSource, Track, Trajectory, TrajectoryPoint};

    /// The ego at x, along the x axis.
    pub(crate) fn ego(x: f64, speed_mps: f64) -> EgoState {
        EgoState {
            stamp: Stamp::default(),
            odom_from_base: Isometry3::translation(x, 0.0, 0.0),
            speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        }
    }

    /// A standing car of 4.5 m by 1.8 m.
    pub(crate) fn track(id: u64, x: f64, y: f64) -> Track {
        Track {
            id,
            class: ObjectClass::Car,
            existence: 0.9,
            bbox: Box3 { center: [x, y, 0.8], length: 4.5, width: 1.8, height: 1.6, yaw: 0.0 },
            velocity_mps: [0.0; 2],
            yaw_rate_radps: 0.0,
            covariance: [[0.0; 4]; 4],
            heading_covariance: [[0.0; 2]; 2],
            hits: 5,
            misses: 0,
        }
    }

    /// Four seconds along the x axis.
    pub(crate) fn straight_plan(speed_mps: f64) -> Trajectory {
        let point = |step: u32| {
            let time_s = 0.5 * f64::from(step);
            TrajectoryPoint { time_s, x: speed_mps * time_s, speed_mps, ..TrajectoryPoint::default() }
        };
        Trajectory { points: (0..=8).map(point).collect(), tail_start: 8 }
    }

    /// A drive at 10 m/s towards a standing car at 60 m, with a frame every tenth of a second.
    pub(crate) fn drive(frames: u64) -> Vec<Message> {
        let mut messages = Vec::new();
        for frame in 0..frames {
            let stamp = Stamp::from_nanos(i64::try_from(frame).unwrap() * 100_000_000);
            let x = frame as f64;
            let state = EgoState { stamp, acceleration_mps2: 0.01 * x, ..ego(x, 10.0) };
            let mut trajectory = straight_plan(10.0);
            trajectory.points.iter_mut().for_each(|point| point.x += x);
            let kind = if frame < 10 { DecisionKind::Cruise } else { DecisionKind::Follow };
            let decision = Decision { kind, track: Some(7), reason: format!("frame {frame}") };
            messages.push(Message::Admission(Admission { frame, stamp, dropped: frame / 4, ..Admission::default() }));
            messages.push(Message::Ego { frame, state });
            messages.push(Message::Detections(Detections { frame, stamp, ..Detections::default() }));
            messages.push(Message::Tracks(Tracks { frame, stamp, objects: vec![track(7, 60.0, 0.0)] }));
            messages.push(Message::Plan(Plan { frame, stamp, trajectory, decision, cost: 1.0, ..Plan::default() }));
            for tick in 0..10 {
                let stamp = stamp.offset(0.01 * tick as f64);
                let (steering_rad, acceleration_mps2) = (0.01, -0.05 * x);
                messages.push(Message::Command(Command {
                    tick: 10 * frame + tick,
                    stamp,
                    steering_rad,
                    acceleration_mps2,
                    plan: Some(frame),
                    ego: Some(frame),
                    stop: None,
                    limits: 0,
                    fallback: None,
                    grant: None,
                }));
            }
        }
        messages
    }

    #[test]
    fn the_truth_counts_for_the_frame_behind_it() {
        let car = track(7, 60.0, 0.0);
        let object = types::TruthObject {
            id: 1,
            class: ObjectClass::Car,
            bbox: car.bbox,
            velocity_mps: [0.0; 2],
            points: 50,
            image: None,
            visible: 1.0,
        };
        let mut metrics = Metrics::new(Vehicle::default());
        let mut rows: Vec<FrameMetrics> = Vec::new();
        for message in drive(40) {
            if let Message::Admission(Admission { frame, stamp, .. }) = message {
                let odom_from_base = Isometry3::translation(20.0, 0.0, 0.0);
                let truth = Truth { seq: frame, stamp, odom_from_base, objects: vec![object] };
                rows.extend(metrics.take(&Message::Truth(truth)));
            }
            rows.extend(metrics.take(&message));
        }
        rows.extend(metrics.finish());
        let tracked: Vec<u64> = rows.iter().map(|row| row.labels.map_or(0, |labels| labels.tracked)).collect();
        assert_eq!(tracked, [1; 40]);
    }

    #[test]
    fn a_drive_in_numbers() {
        let mut metrics = Metrics::new(Vehicle::default());
        let mut rows: Vec<FrameMetrics> = Vec::new();
        let mut longest = 0;
        for message in drive(50) {
            rows.extend(metrics.take(&message));
            longest = longest.max(metrics.waiting.len());
        }
        rows.extend(metrics.finish());
        assert!(longest <= 32, "{longest} frames in memory");
        assert_eq!(rows.iter().map(|row| row.frame).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
        let row = &rows[12];
        let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-6;
        assert!(near(row.jerk_mps3, 0.1) && near(row.commanded_jerk_mps3, -0.5), "{row:?}");
        assert!(near(row.commanded_lateral_acceleration_mps2, 100.0 * 0.01_f64.tan() / 2.71));
        assert!(near(row.plan_path_deviation_m, 0.0) && near(row.plan_place_deviation_m, 0.0));
        assert!((row.time_to_collision_s.unwrap() - (60.0 - 2.25 - 3.67 - 12.0) / 10.0).abs() < 0.051);
        assert_eq!((row.dropped, rows[11].dropped, row.tracks), (1, 0, Some(1)));
        assert_eq!((row.decision.as_deref(), row.reason.as_deref()), (Some("follow"), Some("frame 12")));
        // The last plans have no future to be compared with.
        assert_eq!((rows[49].plan_path_deviation_m, rows[40].plan_place_deviation_m), (None, None));
        assert_eq!(rows[0].jerk_mps3, None);
    }
}
