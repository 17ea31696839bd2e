//! What is odd about the sensors that tell where the vehicle is. It is told, never followed in silence.

use std::fmt;

/// One oddity in one frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// GPS/INS is somewhere else than the vehicle can be. The fix is left out.
    InsJump {
        /// How far from where it should be, m.
        off_m: f64,
        /// And how much turned, rad.
        off_rad: f64,
    },
    /// GPS/INS stays where it has jumped to, or comes back after a gap: its frame is moved, `odom` is not.
    InsMoved {
        /// How far the frame is moved, m.
        by_m: f64,
    },
    /// GPS/INS measures another way than the lidar, over more metres than either is usually off: it counts less.
    InsDisagrees(Disagreement),
    /// Lidar odometry measures another way than GPS/INS and the wheels: it counts less.
    LidarDisagrees(Disagreement),
    /// The lidar's pose is not where the vehicle can be. It is left out.
    LidarJump {
        /// How far from where it should be, m.
        off_m: f64,
    },
    /// A sweep gave no pose.
    LidarRefused(String),
    /// The lidar's map is given up and a new one begun.
    LidarRestarted,
    /// The wheels turn as the vehicle does not drive.
    WheelSlip {
        /// What they say, m/s.
        wheels_mps: f64,
        /// What is believed, m/s.
        speed_mps: f64,
    },
    /// Nothing measures the pose: the last motion goes on.
    Held {
        /// Frames in a row.
        frames: u32,
    },
}

/// Two ways of the same seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disagreement {
    /// How long, s.
    pub seconds: f64,
    /// Way by lidar odometry, m.
    pub lidar_m: f64,
    /// Way by GPS/INS, m.
    pub ins_m: f64,
    /// Way by the wheels, m, if there are any.
    pub wheels_m: Option<f64>,
    /// Distance of the two ends, m.
    pub apart_m: f64,
    /// What would be usual at most, m.
    pub usual_m: f64,
}

impl Finding {
    /// A short name for counting.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::InsJump { .. } => "GPS/INS jumps",
            Self::InsMoved { .. } => "GPS/INS frame moved",
            Self::InsDisagrees(_) => "GPS/INS disagrees with lidar odometry",
            Self::LidarDisagrees(_) => "lidar odometry disagrees with GPS/INS and wheels",
            Self::LidarJump { .. } => "lidar odometry jumps",
            Self::LidarRefused(_) => "sweep without a pose",
            Self::LidarRestarted => "lidar map begun anew",
            Self::WheelSlip { .. } => "wheels slip",
            Self::Held { .. } => "pose held",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::InsJump { off_m, off_rad } => {
                write!(f, "{kind}: {off_m:.2} m and {:.2} deg off, left out", off_rad.to_degrees())
            }
            Self::InsMoved { by_m } => write!(f, "{kind} by {by_m:.2} m, odom stays"),
            Self::InsDisagrees(d) => write!(f, "{kind}: {d}; it counts less"),
            Self::LidarDisagrees(d) => write!(f, "{kind}: {d}; it counts less"),
            Self::LidarJump { off_m } => write!(f, "{kind}: {off_m:.2} m off, left out"),
            Self::LidarRefused(reason) => write!(f, "{kind}: {reason}"),
            Self::LidarRestarted => f.write_str(kind),
            Self::WheelSlip { wheels_mps, speed_mps } => {
                write!(f, "{kind}: {wheels_mps:.2} m/s, believed {speed_mps:.2} m/s, left out")
            }
            Self::Held { frames } => write!(f, "{kind}: nothing measures it, the last motion goes on, frame {frames}"),
        }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, lidar_m, ins_m, wheels_m, apart_m, usual_m } = self;
        let percent = 100.0 * (ins_m / lidar_m.max(1e-3) - 1.0);
        write!(f, "within {seconds:.1} s {ins_m:.2} m by GPS/INS, {lidar_m:.2} m by lidar ({percent:+.1} %)")?;
        if let Some(wheels_m) = wheels_m {
            write!(f, ", {wheels_m:.2} m by the wheels")?;
        }
        write!(f, ", the ends {apart_m:.2} m apart where {usual_m:.2} m are usual")
    }
}
