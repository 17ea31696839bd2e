//! What flows through Chauffeur, and nothing else: plain data, its units, its frames.
//!
//! In: nothing. Out: types for every other room. Never: an algorithm with a state, a file, a clock.
//!
//! Frames follow ROS REP-103 and REP-105: x forward, y left, z up, metres, radians, seconds.
//! `odom` is the world of one drive, continuous and free of jumps; `base_link` is the ego's rear axle
//! projected to the ground; `lidar` and `camera` are the sensors (`camera` is optical: z forward, x right, y down).
//! A transform named `a_from_b` takes coordinates in `b` and gives coordinates in `a`.

pub mod calibration;
pub mod command;
pub mod ego;
pub mod frame;
pub mod geometry;
pub mod object;
pub mod plan;
pub mod route;
pub mod sensor;
pub mod step;
pub mod time;
pub mod truth;
pub mod vehicle;

pub use calibration::{Calibration, CalibrationError, CameraModel};
pub use command::{Authority, Command, CommandLimit, Fallback, Grade, Grant, StopReason};
pub use ego::{EgoState, InsFix, PoseSource, WheelSpeed};
pub use frame::{Admission, Digests, Latency, Span, StageDigest};
pub use geometry::{Box2, Box3, Pose2, wrap_angle};
pub use object::{Detection2, Detection3, Detections, ObjectClass, Track, Tracks};
pub use plan::{Candidate, Decision, DecisionKind, Plan, PredictedPath, Trajectory, TrajectoryPoint, Verdict};
pub use route::{Phase, Route, RoutePoint, Signals, StopKind, StopLine};
pub use sensor::{CameraFrame, Image, ImageFormat, LidarSweep, PointCloud, PointField, PointKind, SpinningPoint};
pub use step::StepError;
pub use time::{ReceiveTime, SensorTime, Stamp};
pub use truth::{Truth, TruthObject};
pub use vehicle::{Limits, Vehicle};
