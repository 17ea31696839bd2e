//! What a drive asks of the operating system: the kernel's word on its clock, a place that nobody takes for control, and a word to the
//! service manager. Linux; elsewhere each says that it is not to be had.

pub mod clock;
pub mod notify;
pub mod realtime;
pub mod video;

pub use notify::Notifier;
