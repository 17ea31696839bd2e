//! GPS/INS units over a serial line or UDP: NMEA 0183 and u-blox UBX.
//!
//! In: bytes, in pieces of any size. Out: sentences and messages with their numbers in SI
//! units, and fixes of the vehicle made of them. UBX is the binary protocol, since it is
//! openly documented and the receivers (F9R, F9P, M8U) are what small test fleets have.

pub mod local;
pub mod nmea;
pub mod stream;
pub mod ubx;
pub mod ubx_encoder;
pub mod unit;

pub use local::{Geodetic, LocalFrame};
pub use stream::{Counts, Message, Stream};
pub use unit::InsUnit;
