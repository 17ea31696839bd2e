//! Drives on disk: one MCAP file a drive, open to every MCAP viewer, from which a run repeats bit for bit.
//!
//! In: the messages of a run, or a data set of somebody else. Out: a file; from a file the same messages, in the order of
//! stamp, topic and counter. Never: a clock (log times are sensor stamps), a decoded image or sweep, a whole file in memory.
//!
//! [`DriveWriter`] writes, [`DriveReader`] reads, [`DriveInfo`] describes, [`StreamEncoder`] feeds live viewers; [`kitti`], [`ros2`], [`nuscenes`] and [`argoverse`]
//! import, [`files`] works on whole files. What a replay reads is lossless:
//! the sensors' own bytes, and the messages of `schemas/chauffeur.proto`. Beside them lie views (`foxglove.*`), made when
//! writing and never read, so that a person sees images, points, boxes and plans without any set-up.

pub mod argoverse;
mod axes;
mod bare;
mod cdr;
mod container;
mod error;
pub mod files;
mod info;
mod intake;
pub mod kitti;
mod labelled;
mod message;
mod motion;
pub mod nuscenes;
mod points;
mod reader;
mod reserve;
pub mod ros2;
mod run_record;
#[cfg(test)]
mod samples;
mod schema;
mod sink;
mod stream;
mod table;
mod topics;
mod viewer;
mod writer;

pub use bare::read_bare;
pub use error::RecordingError;
pub use info::{ChannelInfo, DriveInfo};
pub use intake::ImportSummary;
pub use message::{LogLevel, Message};
pub use reader::DriveReader;
pub use run_record::RunRecord;
pub use stream::{STREAM_CHANNELS, StreamChannel, StreamEncoder, stream_channels};
pub use writer::{Compression, DriveWriter, Written};
