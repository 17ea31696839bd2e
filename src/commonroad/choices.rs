//! What a passenger would call a decision, and how often it changes.
//!
//! A plan decides three things: which line to follow, on which side to pass something in the way, if it passes, and whether to go or
//! to come to rest. A change of any of them counts. Following somebody or driving freely in the same lane is no change, nor is
//! another speed. Going back to the line's middle after passing is none, nor are new numbers for the same lanes.

use types::{DecisionKind, Plan};

/// The decision of one plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Which of the lines; `relaid` if they are other lines than those of the plan before.
    pub line: usize,
    /// The lines were laid anew before this plan.
    pub relaid: bool,
    /// It comes to rest.
    pub stops: bool,
    /// Who is passed on which side: the track, and whether it is left of the track.
    pub passes: Option<(u64, bool)>,
}

/// How two choices differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another line.
    Line,
    /// Passing the same thing on the other side, or no more, or from now on.
    Side,
    /// Stopping instead of going, or the other way round.
    Stop,
}

impl Choice {
    /// The choice of a plan.
    #[must_use]
    pub fn of(plan: &Plan, line: usize, relaid: bool) -> Self {
        let kind = plan.decision.kind;
        let left = plan.decision.reason.contains(" to the left,");
        let passes = plan.decision.track.filter(|_| kind == DecisionKind::Pass).map(|track| (track, left));
        Self { line, relaid, stops: matches!(kind, DecisionKind::Stop | DecisionKind::EmergencyStop), passes }
    }

    /// What has changed since the choice before.
    #[must_use]
    pub fn change_from(&self, before: &Self) -> Option<Change> {
        if !self.relaid && self.line != before.line {
            return Some(Change::Line);
        }
        if self.stops != before.stops {
            return Some(Change::Stop);
        }
        match (before.passes, self.passes) {
            (Some((a, left)), Some((b, now_left))) if a == b && left == now_left => None,
            (None, None) => None,
            _ => Some(Change::Side),
        }
    }
}
