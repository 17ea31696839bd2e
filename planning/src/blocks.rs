//! Candidates of one profile that are rolled out together, what promises to be cheap first.

use crate::bound::Bounds;
use crate::judge::Court;
use crate::lanes::WIDTH;

/// A candidate of a block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Its path.
    pub lateral: usize,
    /// It costs no less.
    pub lower: f64,
    /// Of that: besides its samples.
    pub beside: f64,
    estimate: f64,
}

/// Up to [`WIDTH`] candidates of a profile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub profile: usize,
    places: [Place; WIDTH],
    count: usize,
}

impl Block {
    /// The candidates, cheapest first.
    pub fn places(&self) -> &[Place] {
        &self.places[..self.count]
    }
}

/// All blocks of a cycle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<Block>,
    places: Vec<Place>,
}

impl Blocks {
    pub fn clear(&mut self) {
        self.blocks.clear();
    }

    /// Adds a profile with its first `paths` paths.
    pub fn add(&mut self, court: &Court<'_>, bounds: &Bounds, profile: usize, paths: usize) {
        self.places.clear();
        self.places.extend((0..paths).map(|lateral| {
            let beside = bounds.beside(court, profile, lateral);
            let [lower, estimate] = bounds.of(court, profile, lateral, beside);
            Place { lateral, lower, beside, estimate }
        }));
        self.places.sort_unstable_by(|a, b| a.estimate.total_cmp(&b.estimate).then(a.lateral.cmp(&b.lateral)));
        self.blocks.extend(self.places.chunks(WIDTH).map(|chunk| {
            let mut places = [Place::default(); WIDTH];
            places[..chunk.len()].copy_from_slice(chunk);
            Block { profile, places, count: chunk.len() }
        }));
    }

    /// Sorts the blocks by their cheapest candidates.
    pub fn promising_first(&mut self) {
        let key = |block: &Block| (block.places[0].estimate, block.profile, block.places[0].lateral);
        self.blocks.sort_unstable_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
        });
    }

    pub fn all(&self) -> &[Block] {
        &self.blocks
    }
}
