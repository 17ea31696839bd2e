//! What became of the car, how the computer was on the bus, and whether this machine kept up.

use super::ear::{Ear, Told};
use super::fault::{Fault, Faults, Line};
use super::post::Sent;
use crate::simulation::judge::Report;
use std::collections::BTreeMap;
use types::Stamp;

/// How well the world kept up with the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Simulated time, s.
    pub simulated_s: f64,
    /// Time that passed, s.
    pub passed_s: f64,
    /// Steps of 10 ms.
    pub steps: u64,
    /// Steps that began more than a step late.
    pub late_steps: u64,
    /// The latest begin of a step, ms.
    pub worst_lag_ms: f64,
    /// Images that were taken and not.
    pub images: u64,
    /// Images left out since the one before was not done.
    pub images_dropped: u64,
}

/// Where the car truly was, in the frame of its map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// When, as the sensors' stamps.
    pub stamp: Stamp,
    /// The rear axle.
    pub x_m: f64,
    /// The rear axle.
    pub y_m: f64,
    /// Where it looks, rad.
    pub heading_rad: f64,
    /// Its speed.
    pub speed_mps: f64,
}

/// What a fault led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The fault.
    pub fault: Fault,
    /// From its begin until the computer told another mode than engaged, or that it does not command, or until the car did not obey any
    /// more since nothing valid came, ms. `None`: it drove on.
    pub safe_ms: Option<f64>,
    /// Whether the computer drove when the fault began.
    pub was_driving: bool,
    /// The mode at the end of the run.
    pub mode_after: Option<u8>,
}

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the judge saw, from the first moment at which the computer drove; `None` if it never did.
    pub report: Option<Report>,
    /// When the computer was engaged, s after the start.
    pub engaged_s: Option<f64>,
    /// How long the computer drove, s.
    pub driven_s: f64,
    /// Offset from the middle of the route's line while the computer drove, m, each tenth of a second.
    pub beside_the_line_m: Vec<f64>,
    /// Where the car truly was, from the first moment at which the computer drove until the end, each twentieth of a second.
    pub path: Vec<Moment>,
    /// How it kept up.
    pub pace: Pace,
    /// What was sent.
    pub sent: BTreeMap<Line, Sent>,
    /// What was heard.
    pub ear: Ear,
    /// When the computer was engaged first, time of day, ns since 1970.
    pub engaged_unix_ns: Option<i64>,
    /// When it fell silent while it commanded: the car did not obey any more. Time of day, ns since 1970.
    pub silences: Vec<i64>,
    /// When the driver first steered, braked or accelerated after the computer was engaged. Time of day, ns since 1970.
    pub acted_unix_ns: Option<i64>,
    /// What the faults led to.
    pub effects: Vec<Effect>,
    /// Time of day at the start, ns since 1970.
    pub start_unix_ns: i64,
}

/// Names of the modes on the bus.
#[must_use]
pub fn mode_name(mode: Option<u8>) -> &'static str {
    match mode {
        Some(0) => "manual",
        Some(1) => "standby",
        Some(2) => "engaged",
        Some(3) => "overridden",
        Some(4) => "minimum-risk stop",
        Some(5) => "stopped",
        Some(_) => "a mode without a name",
        None => "silent",
    }
}

/// Whether what was told last before an instant is that the computer drives.
#[must_use]
pub fn drove_at(changes: &[(i64, Told)], at_ns: i64) -> bool {
    let last = changes.iter().rev().find(|(at, _)| *at <= at_ns);
    last.is_some_and(|(_, told)| told.enabled && told.mode == Some(2))
}

/// From an instant until the computer told that it does not drive on, or was not obeyed any more, ms.
#[must_use]
pub fn safe_ms(changes: &[(i64, Told)], silences: &[i64], begin_ns: i64) -> Option<f64> {
    let drives = |told: &Told| told.enabled && told.mode == Some(2);
    let told = changes.iter().find(|(at, told)| *at >= begin_ns && !drives(told)).map(|(at, _)| *at);
    let silent = silences.iter().copied().find(|at| *at >= begin_ns);
    told.into_iter().chain(silent).min().map(|at| (at - begin_ns) as f64 * 1e-6)
}

/// Whether what was told last before an instant is that the computer commands, in whatever mode.
#[must_use]
pub fn commanded_at(changes: &[(i64, Told)], at_ns: i64) -> bool {
    changes.iter().rev().find(|(at, _)| *at <= at_ns).is_some_and(|(_, told)| told.enabled)
}

/// From an instant until the computer told that it does not command any more, ms.
#[must_use]
pub fn freed_ms(changes: &[(i64, Told)], begin_ns: i64) -> Option<f64> {
    let told = changes.iter().find(|(at, told)| *at >= begin_ns && !told.enabled);
    told.map(|(at, _)| (at - begin_ns) as f64 * 1e-6)
}

/// What faults led to, from the changes that the bus told and its silences; `engaged_ns` is when the computer was engaged.
#[must_use]
pub fn effects(faults: &Faults, (changes, silences): (&[(i64, Told)], &[i64]), engaged_ns: Option<i64>) -> Vec<Effect> {
    faults
        .iter()
        .map(|fault| {
            let begin_ns = engaged_ns.map(|engaged| engaged + (1e9 * fault.from_s.unwrap_or(0.0)) as i64);
            let safe_ms = begin_ns.and_then(|begin| safe_ms(changes, silences, begin));
            let was_driving = begin_ns.is_some_and(|begin| drove_at(changes, begin));
            Effect { fault: *fault, safe_ms, was_driving, mode_after: changes.last().and_then(|(_, told)| told.mode) }
        })
        .collect()
}

/// The size that a share of all does not exceed.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let rank = ((share * sizes.len() as f64).ceil() as usize).clamp(1, sizes.len().max(1));
    sizes.get(rank - 1).copied()
}

impl Outcome {
    /// Everything as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let report = self.report.as_ref().map(|report| {
            let collisions: Vec<_> = report
                .collisions
                .iter()
                .map(|hit| serde_json::json!({"time_s": hit.time_s, "with": hit.with, "own_fault": hit.own_fault}))
                .collect();
            serde_json::json!({
                "failures": report.failures(), "collisions": collisions, "duration_s": report.duration_s,
                "travelled_m": report.travelled_m, "route_m": report.route_m, "goal_s": report.goal_s,
                "timeout": report.timeout, "off_road_s": report.off_road_s, "red_lights_s": report.red_lights_s,
                "stops_missed_s": report.stops_missed_s, "speeding": report.speeding,
                "time_to_collision_s": report.time_to_collision_s,
                "acceleration_mps2": report.acceleration.most, "lateral_mps2": report.lateral.most,
                "jerk_mps3": report.jerk.most, "lateral_jerk_mps3": report.lateral_jerk.most,
                "lateral_jerk_rms_mps3": report.lateral_jerk.rms(),
            })
        });
        let sent: serde_json::Map<String, serde_json::Value> = self
            .sent
            .iter()
            .map(|(line, sent)| {
                let Sent { count, bytes, refused, latest_ms } = sent;
                let value =
                    serde_json::json!({"count": count, "bytes": bytes, "refused": refused, "latest_ms": latest_ms});
                (line.name().to_string(), value)
            })
            .collect();
        let (frames, refused, lost) = self.ear.counts();
        let jitter = self.ear.jitter_ms();
        let effects: Vec<_> = self
            .effects
            .iter()
            .map(|effect| {
                serde_json::json!({
                    "fault": effect.fault.kind.to_string(), "from_s": effect.fault.from_s, "for_s": effect.fault.for_s.is_finite().then_some(effect.fault.for_s),
                    "safe_ms": effect.safe_ms, "was_driving": effect.was_driving, "mode_after": mode_name(effect.mode_after),
                })
            })
            .collect();
        let modes: Vec<_> = self
            .ear
            .changes()
            .iter()
            .map(|(at, told)| {
                serde_json::json!({
                    "at_s": (at - self.start_unix_ns) as f64 * 1e-9, "mode": mode_name(told.mode),
                    "enabled": told.enabled, "ready": told.ready,
                })
            })
            .collect();
        let pace = &self.pace;
        serde_json::json!({
            "report": report, "engaged_s": self.engaged_s, "driven_s": self.driven_s,
            "beside_the_line_m": {"p50": quantile(&self.beside_the_line_m, 0.5), "p95": quantile(&self.beside_the_line_m, 0.95)},
            "pace": {
                "simulated_s": pace.simulated_s, "passed_s": pace.passed_s, "steps": pace.steps, "late_steps": pace.late_steps,
                "worst_lag_ms": pace.worst_lag_ms, "images": pace.images, "images_dropped": pace.images_dropped,
            },
            "sent": sent,
            "bus": {
                "frames": frames, "refused": refused, "lost": lost, "jitter_p99_ms": jitter.map(|(p99, _)| p99),
                "jitter_most_ms": jitter.map(|(_, most)| most),
            },
            "modes": modes, "faults": effects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_with_the_first_safe_word() {
        let told = |ms: i64, mode, enabled| (ms * 1_000_000, Told { enabled, ready: true, mode: Some(mode) });
        let changes = [told(500, 1, false), told(1000, 2, true), told(3150, 4, true), told(6000, 5, true)];
        let faults = Faults::new(vec!["ins-silent@2".parse().unwrap(), "lidar-lost-1@6".parse().unwrap()]);
        let effects = effects(&faults, (&changes, &[]), Some(1_000_000_000));
        assert_eq!((effects[0].safe_ms, effects[0].mode_after), (Some(150.0), Some(5)));
        assert_eq!((effects[1].safe_ms, effects[0].was_driving, effects[1].was_driving), (None, true, false));
        // A stop is a command, too, until the driver has taken over.
        assert_eq!((commanded_at(&changes, 3_150_000_000), freed_ms(&changes, 3_150_000_000)), (true, None));
        let taken = [&changes[..], &[told(6200, 0, false)]].concat();
        assert_eq!((freed_ms(&taken, 6_190_000_000), commanded_at(&taken, 6_200_000_000)), (Some(10.0), false));
        // Silence counts, too.
        assert_eq!(safe_ms(&changes, &[3_100_000_000], 3_000_000_000), Some(100.0));
    }

    #[test]
    fn quantiles_of_sizes() {
        assert_eq!(quantile(&[], 0.5), None);
        let values: Vec<f64> = (1..=100).map(|i| f64::from(i) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(
            (quantile(&values, 0.5), quantile(&values, 0.95), quantile(&values, 1.0)),
            (Some(50.0), Some(95.0), Some(100.0))
        );
    }
}
