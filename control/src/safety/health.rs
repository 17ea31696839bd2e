//! What must be well before the computer may drive.

/// One thing that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthItem {
    /// Clocks of sensors and host agree.
    Clocks,
    /// Calibration loaded and plausible.
    Calibration,
    /// Networks loaded and warm.
    Networks,
    /// Every sensor alive.
    Sensors,
    /// CAN alive, counters and checksums right.
    Can,
    /// The log can be written.
    Log,
    /// Limits and configuration plausible.
    Config,
    /// The pipeline's stages alive.
    Pipeline,
    /// The supervisor alive.
    Supervisor,
}

impl HealthItem {
    /// Every item, in order.
    pub const ALL: [Self; 9] = [
        Self::Clocks,
        Self::Calibration,
        Self::Networks,
        Self::Sensors,
        Self::Can,
        Self::Log,
        Self::Config,
        Self::Pipeline,
        Self::Supervisor,
    ];

    /// Name as it stands in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clocks => "clocks",
            Self::Calibration => "calibration",
            Self::Networks => "networks",
            Self::Sensors => "sensors",
            Self::Can => "CAN",
            Self::Log => "log",
            Self::Config => "configuration",
            Self::Pipeline => "pipeline",
            Self::Supervisor => "supervisor",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// What is known to be well. At first nothing is: what nobody has checked fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    well: u32,
}

impl Health {
    /// Everything is well.
    #[must_use]
    pub fn all_well() -> Self {
        HealthItem::ALL.into_iter().fold(Self::default(), |health, item| health.with(item, true))
    }

    /// The same with one item as it was found.
    #[must_use]
    pub fn with(self, item: HealthItem, well: bool) -> Self {
        Self { well: if well { self.well | item.bit() } else { self.well & !item.bit() } }
    }

    /// The first item that is not known to be well.
    #[must_use]
    pub fn failing(&self) -> Option<HealthItem> {
        HealthItem::ALL.into_iter().find(|item| self.well & item.bit() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_checked_fails() {
        assert_eq!(Health::default().failing(), Some(HealthItem::Clocks));
        assert_eq!(Health::all_well().failing(), None);
        for item in HealthItem::ALL {
            assert_eq!(Health::all_well().with(item, false).failing(), Some(item));
        }
    }
}
