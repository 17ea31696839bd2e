//! Who is where in which lane.

use maps::LaneId;

/// Somebody in a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occupant {
    /// Rear end along the lane, m.
    pub rear: f64,
    /// Front end along the lane, m.
    pub front: f64,
    /// Speed along the lane, m/s.
    pub speed: f64,
    /// Index of the agent; [`NOBODY`] for people on foot.
    pub who: usize,
    /// The agent beside whose body somebody on foot waits: not in that one's way.
    pub beside: Option<usize>,
    /// From the lane's middle to its body, m, of one who has stood beside it for long: who is slim enough passes. Others: 0.
    pub aside_m: f64,
}

impl Occupant {
    /// One who takes up the lane's whole width.
    pub fn whole(rear: f64, front: f64, speed: f64, who: usize) -> Self {
        Self { rear, front, speed, who, beside: None, aside_m: 0.0 }
    }
}

/// One who passes somebody that stands keeps so far away, m.
const PASSING_M: f64 = 0.15;

/// Not an agent.
pub const NOBODY: usize = usize::MAX;

/// The occupants of all lanes.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    lists: Vec<Vec<Occupant>>,
    used: Vec<LaneId>,
}

impl Lanes {
    /// Empty lanes.
    pub fn new(count: usize) -> Self {
        Self { lists: vec![Vec::new(); count], used: Vec::new() }
    }

    /// Removes everybody and keeps the memory.
    pub fn clear(&mut self) {
        for lane in self.used.drain(..) {
            self.lists[lane].clear();
        }
    }

    /// Adds somebody.
    pub fn add(&mut self, lane: LaneId, occupant: Occupant) {
        if self.lists[lane].is_empty() {
            self.used.push(lane);
        }
        self.lists[lane].push(occupant);
    }

    /// Those in a lane.
    pub fn of(&self, lane: LaneId) -> &[Occupant] {
        &self.lists[lane]
    }

    /// The first before a place, but not `own`: their rear end and speed. Those who overlap the place count if their middle
    /// lies before it; those whom `own` can pass do not.
    pub fn first_ahead(&self, lane: LaneId, s: f64, own: usize, half_width_m: f64) -> Option<Occupant> {
        let ahead = |other: &&Occupant| {
            other.who != own
                && other.beside != Some(own)
                && other.aside_m < half_width_m + PASSING_M
                && 0.5 * (other.rear + other.front) > s
        };
        self.of(lane).iter().filter(ahead).min_by(|a, b| a.rear.total_cmp(&b.rear)).copied()
    }

    /// The first behind a place, but not `own`.
    pub fn first_behind(&self, lane: LaneId, s: f64, own: usize) -> Option<Occupant> {
        let behind = |other: &&Occupant| other.who != own && 0.5 * (other.rear + other.front) <= s;
        self.of(lane).iter().filter(behind).max_by(|a, b| a.front.total_cmp(&b.front)).copied()
    }
}
