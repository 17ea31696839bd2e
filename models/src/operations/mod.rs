//! What happens before and after a network, as plain functions over slices.
//!
//! These are the reference: another implementation of the same step (on a GPU) is right if it gives what these give.

pub mod boxes;
pub mod centers;
pub mod count;
pub mod distances;
pub mod image;
pub mod labels;
pub mod pillars;
pub mod range;
pub mod resize;
pub mod suppress;
