//! What a drive was like: from the messages in its log to numbers, frame by frame and as a whole.
//!
//! In: messages of a drive in the order of its file. Out: one [`FrameMetrics`] a frame, a [`Summary`] of them. Never: a file, a
//! thread, a clock, a line of output; no more of the drive in memory than the last three seconds.
//!
//! `check`, reports and whatever else judges a drive share these numbers, so that they cannot disagree.

pub mod contact;
pub mod criteria;
pub mod deviation;
pub mod difference;
pub mod fields;
pub mod frames;
pub mod labels;
pub mod metrics;
pub mod reference;
pub mod summary;
pub mod tolerance;

pub use difference::Difference;
pub use labels::LabelCounts;
pub use metrics::{FrameMetrics, Metrics, Part};
pub use summary::Summary;
pub use tolerance::Tolerance;
