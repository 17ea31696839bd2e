//! From sensor frames to tracked objects: decode, detect, fuse, localize, track.
//!
//! In: compressed images and packed sweeps as the sensors sent them, the calibration, what the networks of the room
//! `models` say about an image and about every point, GPS/INS fixes. Out: detections in `base_link`, the ego's pose
//! and tracks in `odom`. Never: a thread, a clock, a file, a random number, or a choice of what may be dropped.
//!
//! Every stage is a plain step over plain data, so that the same frames give the same bits on every run.

pub mod decode;
pub mod detect;
pub mod fuse;
pub mod localize;
pub mod misalignment;
pub mod track;
