//! The runtime: threads, queues, clocks, the door, the log. The only place that has any of them.
//!
//! In: sensor messages or a recorded drive, and the stages. Out: commands and the log. Never: an algorithm.
//!
//! ```text
//! source -> door -> decode -> localize -> detect -> track -> plan -> control -> log
//! ```
//! Frames are dropped at the door and nowhere else; every later queue is bounded and first in, first out.
#![allow(clippy::disallowed_methods)] // this is the room that measures time and owns threads

pub mod beside;
pub mod clock;
pub mod control_loop;
mod courier;
pub mod crew;
pub mod detection;
pub mod digest;
pub mod door;
pub mod fault;
pub mod following;
pub mod frame;
pub mod join;
pub mod load;
pub mod log;
pub mod pool;
pub mod recall;
pub mod run;
pub mod seat;
pub mod source;
pub mod stage;
pub mod stages;
pub mod statistics;
pub mod threads;
pub mod ticker;
pub mod watchdog;

pub use fault::{Fault, FaultCell};
pub use frame::{Frame, Input, Source, SourceItem};
pub use run::{Corridor, Feed, Outcome, Progress, Settings, run};
pub use seat::Seat;
pub use stage::Stage;
pub use ticker::Ticker;
