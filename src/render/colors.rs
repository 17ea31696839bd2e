//! Every color of the picture, and the scales that turn a number into a color.

use types::{DecisionKind, ObjectClass, Phase, Verdict};

/// A color: red, green, blue and opacity, 0..255, not premultiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8, pub u8);

impl Color {
    /// An opaque color written as 0xRRGGBB.
    pub const fn hex(rgb: u32) -> Self {
        Self((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8, 255)
    }

    /// The same color with another opacity, 0..1.
    pub fn faded(self, opacity: f64) -> Self {
        Self(self.0, self.1, self.2, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8)
    }
}

/// Between the panels.
pub const PAGE: Color = Color::hex(0x06_09_0d);
/// Background of a panel.
pub const PANEL: Color = Color::hex(0x0d_12_19);
/// Grid lines.
pub const GRID: Color = Color::hex(0x1d_27_33);
/// Text to be read.
pub const TEXT: Color = Color::hex(0xe3_e9_f0);
/// Text beside it: names, units, labels.
pub const MUTED: Color = Color::hex(0x8a_99_ab);
/// A fault, a stop.
pub const ALARM: Color = Color::hex(0xff_5a_5f);
/// The own vehicle.
pub const EGO: Color = Color::hex(0xf4_f7_fa);
/// The chosen trajectory up to its braking tail.
pub const PLAN: Color = Color::hex(0x1f_e5_ff);
/// The braking tail.
pub const TAIL: Color = Color::hex(0xff_5a_5f);
/// The route.
pub const ROUTE: Color = Color::hex(0xb9_c4_d0);
/// Detections of one frame.
pub const DETECTION: Color = Color::hex(0xa9_b4_c0);

/// What is really there.
pub const TRUTH: Color = Color::hex(0x7c_ff_cb);

/// The color of what a signal shows.
pub const fn phase(phase: Phase) -> Color {
    match phase {
        Phase::Red => Color::hex(0xff_3b_3b),
        Phase::Amber => Color::hex(0xff_b0_3a),
        Phase::Green => Color::hex(0x4d_f0_6a),
    }
}

/// The color of an object's class.
pub const fn class(class: ObjectClass) -> Color {
    match class {
        ObjectClass::Unknown => Color::hex(0xc3_cb_d4),
        ObjectClass::Car => Color::hex(0xff_b0_3a),
        ObjectClass::Truck => Color::hex(0xff_7b_3d),
        ObjectClass::Bus => Color::hex(0xe9_d8_4a),
        ObjectClass::Motorcycle => Color::hex(0xc8_8b_ff),
        ObjectClass::Cyclist => Color::hex(0x5b_e3_7d),
        ObjectClass::Pedestrian => Color::hex(0xff_6f_b5),
        ObjectClass::TrafficLight => Color::hex(0xc5_ef_6b),
        ObjectClass::StopSign => Color::hex(0xff_5a_5f),
    }
}

/// The color of what became of a candidate. Free ones are colored by [`cost`] instead.
pub const fn verdict(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Chosen => PLAN,
        Verdict::Free => Color::hex(0x21_90_8d),
        Verdict::Speed => Color::hex(0x5b_7d_b8),
        Verdict::Acceleration => Color::hex(0x8a_6f_c9),
        Verdict::Jerk => Color::hex(0xb0_68_b8),
        Verdict::Curvature => Color::hex(0x9a_7b_4f),
        Verdict::LateralAcceleration => Color::hex(0xc4_8f_3a),
        Verdict::OffRoad => Color::hex(0x6c_78_86),
        Verdict::Collision => Color::hex(0xe0_3b_41),
        Verdict::Dearer => Color::hex(0x3f_6f_6c),
    }
}

/// The color of a decision.
pub const fn decision(kind: DecisionKind) -> Color {
    match kind {
        DecisionKind::Cruise => Color::hex(0x5b_e3_7d),
        DecisionKind::Follow => Color::hex(0x4d_d8_ff),
        DecisionKind::Stop => Color::hex(0xff_b0_3a),
        DecisionKind::Pass => Color::hex(0xc8_8b_ff),
        DecisionKind::EmergencyStop => ALARM,
    }
}

/// Cost of a free candidate, 0 cheapest to 1 dearest: viridis turned round, so that cheap is bright.
pub fn cost(share: f64) -> Color {
    ramp(&[0xfd_e7_25, 0x90_d7_43, 0x35_b7_79, 0x21_91_8c, 0x31_68_8e, 0x44_39_83], share)
}

/// Depth of a lidar point in the image, 0 near to 1 far: the turbo scale from red to blue.
pub fn depth(share: f64) -> Color {
    ramp(&[0xf0_55_2b, 0xfb_9a_2a, 0xe7_d7_39, 0x8d_f0_5b, 0x2b_d8_b4, 0x36_9c_f5, 0x46_5c_cf], share)
}

/// Height of a lidar point above the ground, m: the ground stays dark, what stands on it shines blue.
pub fn height(height_m: f64) -> Color {
    ramp(&[0x3c_4a_5c, 0x43_58_74, 0x48_74_a6, 0x5d_98_d0, 0x86_bd_ea, 0xae_d8_f6], (height_m + 0.2) / 3.2)
}

/// Mixes the neighboring stops of a scale of equal steps. A share that is not finite gives the first stop.
fn ramp(stops: &[u32], share: f64) -> Color {
    let last = stops.len().saturating_sub(1);
    let position = if share.is_finite() { share.clamp(0.0, 1.0) * last as f64 } else { 0.0 };
    let index = (position as usize).min(last.saturating_sub(1));
    let (Some(&low), Some(&high)) = (stops.get(index), stops.get((index + 1).min(last))) else { return MUTED };
    let mix = |shift: u32| {
        let (a, b) = (f64::from(low >> shift & 255), f64::from(high >> shift & 255));
        (a + (position - index as f64) * (b - a)).round() as u8
    };
    Color(mix(16), mix(8), mix(0), 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_ends_and_survive_any_number() {
        assert_eq!(cost(0.0), Color::hex(0xfd_e7_25));
        assert_eq!(cost(1.0), Color::hex(0x44_39_83));
        assert_eq!(cost(9.0), cost(1.0));
        assert_eq!(cost(f64::NAN), cost(0.0));
        assert_eq!(ramp(&[0, 0x0a_14_1e], 0.5), Color(5, 10, 15, 255));
        assert_eq!(ramp(&[7], 0.5), Color(0, 0, 7, 255));
    }

    #[test]
    fn classes_and_verdicts_can_be_told_apart() {
        let classes: Vec<Color> = ObjectClass::ALL.into_iter().map(class).collect();
        let verdicts: Vec<Color> = Verdict::ALL.into_iter().map(verdict).collect();
        for set in [classes, verdicts] {
            for (i, a) in set.iter().enumerate() {
                assert!(set[i + 1..].iter().all(|b| a != b), "{a:?} is used twice");
            }
        }
    }
}
