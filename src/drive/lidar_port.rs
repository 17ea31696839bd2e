//! Sockets of the car: thin readers that hand what comes to the room `vehicle`.

use crate::runtime::clock::receive_time;
use rustix::net::sockopt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use vehicle::lidar::{Config, Decoder, SweepAssembler, Turn};

/// Largest datagram, bytes.
const LARGEST: usize = 65_536;
/// Room in the kernel for half a second of 64 beams: a thread that waits its turn must lose no packet. Without the right to it, as much as the
/// system grants (`net.core.rmem_max`).
const WAITING: usize = 4 << 20;

/// The UDP port of a lidar.
#[derive(Debug)]
pub struct LidarPort {
    socket: UdpSocket,
    assembler: SweepAssembler,
    buffer: Vec<u8>,
}

impl LidarPort {
    /// Opens the port. `patience` is the longest time that [`Self::receive`] waits for a datagram.
    ///
    /// # Errors
    /// The address is taken or not of this computer.
    pub fn open(address: SocketAddr, patience: Duration, decoder: Decoder, config: Config) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(patience))?;
        sockopt::set_socket_recv_buffer_size_force(&socket, WAITING)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&socket, WAITING))?;
        Ok(Self { socket, assembler: SweepAssembler::new(decoder, config), buffer: vec![0; LARGEST] })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The counts and the clock of what came so far.
    #[must_use]
    pub fn assembler(&self) -> &SweepAssembler {
        &self.assembler
    }

    /// Waits for a datagram and takes it: the sweep that it ends, or `None`. What is no packet is counted, not an error.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] if nothing comes: the lidar is silent. Others are the system's.
    pub fn receive(&mut self) -> io::Result<Option<Turn>> {
        match self.socket.recv(&mut self.buffer) {
            Ok(length) => Ok(self.assembler.push(&self.buffer[..length], receive_time()).ok().flatten()),
            // Some systems tell a timeout as an operation that would block.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_counted_and_silence_told() {
        let decoder = vehicle::lidar::setup::decoder("vlp-16", None).unwrap();
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut port = LidarPort::open(loopback, Duration::from_millis(50), decoder, Config::default()).unwrap();
        let sender = UdpSocket::bind(loopback).unwrap();
        for length in [0, 1, 1206, 9000] {
            sender.send_to(&vec![0xFF; length], port.address().unwrap()).unwrap();
            assert_eq!(port.receive().unwrap(), None);
        }
        assert_eq!(port.receive().unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!((port.assembler().counts().packets, port.assembler().counts().refused), (4, 4));
    }
}
