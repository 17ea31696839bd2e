//! Which GPS/INS fixes can be used, and how they join the odometry frame without a jump.

use nalgebra::Isometry3;
use types::{EgoState, InsFix, PoseSource, Stamp};

/// A fix older or newer than the frame by more than this is of no use, s.
const LARGEST_AGE_S: f64 = 0.5;
/// Fixes may differ by what a car can drive, and this much noise, m.
const NOISE_M: f64 = 1.0;
const FASTEST_MPS: f64 = 60.0;
const FASTEST_TURN_RADPS: f64 = 2.0;

/// Watches the fixes and holds the transform between their frame and `odom`.
#[derive(Clone, Debug, Default)]
pub(super) struct InsAnchor {
    odom_from_ins: Option<Isometry3<f64>>,
    follows: bool,
    last: Option<EgoState>,
}

impl InsAnchor {
    /// The fix moved to the frame's stamp, in its own frame; `None` if it is missing, not finite, far in time or jumps.
    pub(super) fn usable(&mut self, fix: Option<&InsFix>, stamp: Stamp) -> Option<EgoState> {
        let state = fix.map(|fix| fix.state).filter(EgoState::is_finite)?;
        let unit = (state.odom_from_base.rotation.coords.norm() - 1.0).abs() < 1e-3;
        let recent = stamp.seconds_since(state.stamp).abs() <= LARGEST_AGE_S;
        if !unit || !recent {
            return None;
        }
        let jumps = self.last.is_some_and(|last| jumps(&last, &state));
        self.last = Some(state);
        (!jumps).then(|| EgoState { source: PoseSource::Ins, ..state.extrapolated(stamp) })
    }

    /// Whether the last frame already followed the fixes.
    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// Whether a transform was ever fixed.
    pub(super) fn is_anchored(&self) -> bool {
        self.odom_from_ins.is_some()
    }

    /// Fixes the transform so that `fix` stands for the pose that `odom` already knows.
    pub(super) fn anchor(&mut self, fix: &EgoState, odom_from_base: &Isometry3<f64>) {
        self.odom_from_ins = Some(odom_from_base * fix.odom_from_base.inverse());
    }

    /// The fix in `odom`. Without an anchor the two frames are the same.
    pub(super) fn follow(&mut self, fix: &EgoState) -> EgoState {
        self.follows = true;
        let odom_from_ins = self.odom_from_ins.get_or_insert_with(Isometry3::identity);
        EgoState { odom_from_base: *odom_from_ins * fix.odom_from_base, ..*fix }
    }

    /// Notes that this frame went without a fix.
    pub(super) fn leave(&mut self) {
        self.follows = false;
    }
}

fn jumps(last: &EgoState, next: &EgoState) -> bool {
    let dt = next.stamp.seconds_since(last.stamp).abs();
    let motion = last.odom_from_base.inv_mul(&next.odom_from_base);
    motion.translation.vector.norm() > NOISE_M + FASTEST_MPS * dt
        || motion.rotation.angle() > 0.1 + FASTEST_TURN_RADPS * dt
}
