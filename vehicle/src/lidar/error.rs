//! Why bytes are no packet of a lidar.

use thiserror::Error;

/// Why bytes are no data packet of the sensor they should come from.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PacketError {
    /// Wrong size.
    #[error("the packet has {found} bytes, a data packet has {needed}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes of a data packet.
        needed: usize,
    },
    /// A packet or a block does not begin as it must.
    #[error("block {block} begins with {found:#06x} instead of {needed:#06x}")]
    Flag {
        /// Which block; 0 also stands for the packet.
        block: usize,
        /// Flag found.
        found: u16,
        /// Flag needed.
        needed: u16,
    },
    /// An azimuth is not an angle.
    #[error("block {block} has azimuth {found}, a turn has {turn} hundredths of a degree")]
    Azimuth {
        /// Which block.
        block: usize,
        /// Azimuth found, hundredths of a degree.
        found: u16,
        /// Hundredths of a degree in a turn.
        turn: u16,
    },
    /// No known return mode.
    #[error("return mode {found:#04x} is not known of this sensor")]
    ReturnMode {
        /// Byte found.
        found: u8,
    },
    /// The packet comes from another sensor.
    #[error("product {found:#04x} is not the configured sensor ({needed:#04x})")]
    Product {
        /// Byte found.
        found: u8,
        /// Byte of the configured sensor.
        needed: u8,
    },
    /// The packet has another shape than the configured sensor's.
    #[error("{lasers} lasers in {blocks} blocks instead of {needed_lasers} in {needed_blocks}")]
    Shape {
        /// Lasers found.
        lasers: u8,
        /// Blocks found.
        blocks: u8,
        /// Lasers of the sensor.
        needed_lasers: u8,
        /// Blocks of the sensor.
        needed_blocks: u8,
    },
    /// A date that does not exist.
    #[error("the packet's date {year}-{month}-{day} {hour}:{minute}:{second} does not exist")]
    Date {
        /// Year.
        year: u16,
        /// Month.
        month: u8,
        /// Day.
        day: u8,
        /// Hour.
        hour: u8,
        /// Minute.
        minute: u8,
        /// Second.
        second: u8,
    },
    /// A column that the sensor does not have.
    #[error("column {found} of {columns}")]
    Column {
        /// Column found.
        found: u16,
        /// Columns of a turn.
        columns: u16,
    },
    /// No column of the packet holds data.
    #[error("none of the packet's columns is valid")]
    NoColumn,
}
