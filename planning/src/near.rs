//! Broad phase: which objects a candidate could be near to, step by step.

use crate::collision::Rectangle;
use crate::lattice::Lattice;
use crate::longitudinal::{SAMPLE_STEP_S, SAMPLES};
use crate::predict::{Obstacles, PREDICTION_STEP_S};
use crate::table::Row;
use types::Vehicle;

/// Collisions are looked at in every second sample.
pub(crate) const STRIDE: usize = (PREDICTION_STEP_S / SAMPLE_STEP_S) as usize;
/// And so at this many steps.
pub(crate) const STEPS: usize = (SAMPLES - 1) / STRIDE + 1;
/// A stretch of line is bounded by this many of its places.
const PLACES: usize = 8;
/// With more bodies than this at a step, the first near one is looked for by halving.
const MANY: usize = 16;

/// An object at one step, as the inner loop wants it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Body {
    pub object: usize,
    pub rectangle: Rectangle,
    /// Half of its length and width and its margin, m.
    pub reach_m: f64,
    /// Its place along the step's axis, m.
    along_m: f64,
}

/// The bodies of one step are sorted along an axis.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    begin: usize,
    axis: [f64; 2],
    widest_m: f64,
}

/// Step by step the objects within a rectangle around all places where the ego can be then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Near {
    bodies: Vec<Body>,
    steps: Vec<Step>,
}

impl Near {
    /// `around_m` is the farthest that a part of the ego can be from the line, and what it keeps free.
    pub fn fill(&mut self, lattice: &Lattice, obstacles: &Obstacles, around_m: f64) {
        self.bodies.clear();
        self.steps.clear();
        for step in 0..STEPS {
            let begin = self.bodies.len();
            let strip = Strip::new(lattice, step, around_m);
            let mut widest_m = 0.0f64;
            for (object, (o, pose)) in obstacles.objects.iter().zip(obstacles.at(step)).enumerate() {
                let reach_m = o.half_length_m + o.half_width_m + pose.margin_m;
                let place = strip.place([pose.x, pose.y]);
                // What stands beside the road is no obstacle to a car that stays on it.
                if o.outside || step >= o.steps || !strip.holds(place, reach_m) {
                    continue;
                }
                let rectangle = Rectangle {
                    center: [pose.x, pose.y],
                    direction: pose.direction,
                    half_length: o.half_length_m,
                    half_width: o.half_width_m,
                };
                widest_m = widest_m.max(reach_m);
                self.bodies.push(Body { object, rectangle, reach_m, along_m: place[0] });
            }
            let order = |a: &Body, b: &Body| a.along_m.total_cmp(&b.along_m).then(a.object.cmp(&b.object));
            self.bodies[begin..].sort_unstable_by(order);
            self.steps.push(Step { begin, axis: strip.axis, widest_m });
        }
    }

    /// Whether nobody is near anywhere at a step.
    #[inline]
    pub fn is_empty(&self, step: usize) -> bool {
        self.end(step) == self.steps[step].begin
    }

    fn end(&self, step: usize) -> usize {
        self.steps.get(step + 1).map_or(self.bodies.len(), |next| next.begin)
    }

    /// The bodies at a step that could be within `reach_m` of a place, in no particular order, and some others.
    #[inline]
    pub fn around(&self, step: usize, place: [f64; 2], reach_m: f64) -> &[Body] {
        let Step { begin, axis, widest_m } = self.steps[step];
        let bodies = &self.bodies[begin..self.end(step)];
        if bodies.len() <= MANY {
            return bodies;
        }
        let (along_m, far_m) = (place[0] * axis[0] + place[1] * axis[1], reach_m + widest_m);
        let first = bodies.partition_point(|body| body.along_m < along_m - far_m);
        let count = bodies[first..].partition_point(|body| body.along_m <= along_m + far_m);
        &bodies[first..first + count]
    }
}

/// How far the ego reaches beside its path, m: half its diagonal, and as far as its middle is from the rear axle.
pub(crate) fn own_reach_m(vehicle: &Vehicle) -> f64 {
    0.5 * vehicle.length_m.hypot(vehicle.width_m) + vehicle.center_offset_m().abs()
}

/// A rectangle around all places where the ego can be at a step.
struct Strip {
    axis: [f64; 2],
    from_m: [f64; 2],
    to_m: [f64; 2],
}

impl Strip {
    fn new(lattice: &Lattice, step: usize, around_m: f64) -> Self {
        let sound = lattice.samples.chunks(SAMPLES).zip(&lattice.flaws).filter(|(_, flaw)| flaw.is_none());
        let (low, high) = sound.fold((f64::INFINITY, 0.0f64), |(low, high), (samples, _)| {
            (low.min(samples[step * STRIDE][0]), high.max(samples[step * STRIDE][0]))
        });
        let low = low.min(high);
        let (begin, end) = (lattice.row(low), lattice.row(high));
        let chord = [end.position[0] - begin.position[0], end.position[1] - begin.position[1]];
        let length = chord[0].hypot(chord[1]);
        let axis = if length > 1.0 { [chord[0] / length, chord[1] / length] } else { begin.direction };
        let mut strip = Self { axis, from_m: [f64::INFINITY; 2], to_m: [f64::NEG_INFINITY; 2] };
        let piece = (high - low) / (PLACES - 1) as f64;
        for i in 0..PLACES {
            let Row { position, .. } = lattice.row(low + i as f64 * piece);
            let [along, across] = strip.place(position);
            strip.from_m = [strip.from_m[0].min(along), strip.from_m[1].min(across)];
            strip.to_m = [strip.to_m[0].max(along), strip.to_m[1].max(across)];
        }
        // Between two places a line is at most half their distance from one of them.
        let bow = (0.5 * piece).min(0.125 * piece * piece * lattice.table.sharpest_1pm());
        strip.from_m = strip.from_m.map(|from_m| from_m - around_m - bow);
        strip.to_m = strip.to_m.map(|to_m| to_m + around_m + bow);
        strip
    }

    /// Along the axis and across it.
    #[inline]
    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x * self.axis[0] + y * self.axis[1], y * self.axis[0] - x * self.axis[1]]
    }

    #[inline]
    fn holds(&self, [along, across]: [f64; 2], reach_m: f64) -> bool {
        along + reach_m >= self.from_m[0]
            && along - reach_m <= self.to_m[0]
            && across + reach_m >= self.from_m[1]
            && across - reach_m <= self.to_m[1]
    }
}
