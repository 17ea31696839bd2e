//! Sensor time.

use serde::{Deserialize, Serialize};

/// A point in sensor time: nanoseconds since the epoch of the drive's clock.
///
/// A stamp is data. It enters algorithms, logs and goldens. How long work took is measured by the
/// runtime with another type and never mixes with this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp(i64);

impl Stamp {
    /// The stamp `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to this stamp; negative if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 * 1e-9
    }

    /// This stamp moved by `seconds` (may be negative), rounded to whole nanoseconds.
    #[must_use]
    pub fn offset(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * 1e9).round() as i64))
    }
}

/// A reading of a sensor's own clock: nanoseconds since an epoch that only this sensor knows (its start, a full hour, UTC, TAI).
///
/// It is no [`Stamp`]: what lies between the two clocks must be measured first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SensorTime(i64);

/// When a message reached this computer, by the computer's clock: nanoseconds since the epoch of the drive's clock.
///
/// It is no [`Stamp`]: it comes later than what was measured by the way through sensor, network and kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiveTime(i64);

impl SensorTime {
    /// The reading `nanos` nanoseconds after the sensor's epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the sensor's epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// This reading moved by `nanos` nanoseconds.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl ReceiveTime {
    /// The instant `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_offset_are_inverse() {
        let start = Stamp::from_nanos(1_317_000_000_000_000_000);
        assert_eq!(start.offset(0.1).nanos() - start.nanos(), 100_000_000);
        assert!((start.offset(-2.5).seconds_since(start) + 2.5).abs() < 1e-12);
    }

    #[test]
    fn extreme_stamps_saturate() {
        assert_eq!(Stamp::from_nanos(i64::MAX).offset(1e300).nanos(), i64::MAX);
        assert!(Stamp::from_nanos(i64::MIN).seconds_since(Stamp::from_nanos(i64::MAX)).is_finite());
    }
}
