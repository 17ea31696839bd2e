//! Which GPS/INS fixes can be used at all, and how their frame lies to `odom`.

use nalgebra::Isometry3;
use types::{EgoState, InsFix, PoseSource, Stamp};

/// A fix older or newer than the frame by more than this is of no use, s.
const LARGEST_AGE_S: f64 = 0.5;
/// Fixes in a row that do not fit before their frame is moved.
const PATIENCE: u32 = 5;

/// The transform between the frame of the fixes and `odom`.
#[derive(Clone, Debug, Default)]
pub(super) struct InsFrame {
    odom_from_ins: Option<Isometry3<f64>>,
    /// Fixes in a row that did not fit.
    strikes: u32,
}

impl InsFrame {
    /// The fix moved to the frame's stamp, in its own frame; `None` if it is missing, not finite or far in time.
    pub(super) fn usable(fix: Option<&InsFix>, stamp: Stamp) -> Option<EgoState> {
        let state = fix.map(|fix| fix.state).filter(EgoState::is_finite)?;
        let unit = (state.odom_from_base.rotation.coords.norm() - 1.0).abs() < 1e-3;
        let recent = stamp.seconds_since(state.stamp).abs() <= LARGEST_AGE_S;
        (unit && recent).then(|| EgoState { source: PoseSource::Ins, ..state.extrapolated(stamp) })
    }

    /// Whether a fix was ever put into `odom`.
    pub(super) fn is_anchored(&self) -> bool {
        self.odom_from_ins.is_some()
    }

    /// From now on `fix` stands for this pose. How far the frame is moved by that, m.
    pub(super) fn anchor(&mut self, fix: &EgoState, odom_from_base: &Isometry3<f64>) -> f64 {
        let before = self.in_odom(fix).odom_from_base.translation.vector;
        self.odom_from_ins = Some(odom_from_base * fix.odom_from_base.inverse());
        self.strikes = 0;
        (odom_from_base.translation.vector - before).norm()
    }

    /// The fix in `odom`. Without an anchor the two frames are the same.
    pub(super) fn in_odom(&self, fix: &EgoState) -> EgoState {
        let odom_from_ins = self.odom_from_ins.unwrap_or_else(Isometry3::identity);
        EgoState { odom_from_base: odom_from_ins * fix.odom_from_base, ..*fix }
    }

    /// Notes whether a fix was where it should be. Says yes if it is time to move the frame.
    pub(super) fn note(&mut self, fits: bool) -> bool {
        self.strikes = if fits { 0 } else { self.strikes + 1 };
        self.strikes >= PATIENCE
    }
}
