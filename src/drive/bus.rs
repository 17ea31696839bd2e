//! The CAN bus: frames over UDP (cannelloni) or SocketCAN. Sending never blocks.

use super::address::BusAddress;
use anyhow::Context;
use socketcan::{
    CanAnyFrame, CanDataFrame, CanFdFrame, CanFdSocket, EmbeddedFrame, ExtendedId, Id as SocketId, Socket, StandardId,
};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use vehicle::can::cannelloni;
use vehicle::can::{Frame, Id};

/// The longest that [`Bus::receive`] waits.
const PATIENCE: Duration = Duration::from_millis(20);

/// A bus that is open.
#[derive(Debug)]
pub enum Bus {
    /// Cannelloni.
    Udp {
        /// The port.
        socket: UdpSocket,
        /// Where frames go.
        peer: SocketAddr,
        /// Of the next datagram.
        sequence: u8,
        /// Datagrams are read and written here.
        buffer: Vec<u8>,
    },
    /// SocketCAN.
    Interface(CanFdSocket),
}

impl Bus {
    /// Opens the bus.
    ///
    /// # Errors
    /// Names the port or interface and what the system says.
    pub fn open(address: &BusAddress, peer: Option<SocketAddr>) -> anyhow::Result<Self> {
        match address {
            BusAddress::Udp(port) => {
                let socket = UdpSocket::bind(port).with_context(|| format!("car.can.bus: UDP port {port}"))?;
                Self::of_socket(socket, peer.context("car.can.peer is missing")?).context("car.can.bus")
            }
            BusAddress::Interface(name) => {
                let socket = CanFdSocket::open(name).with_context(|| format!("car.can.bus: interface {name}"))?;
                socket.set_read_timeout(PATIENCE).with_context(|| format!("car.can.bus: interface {name}"))?;
                Ok(Self::Interface(socket))
            }
        }
    }

    /// A bus over a UDP port that is open.
    ///
    /// # Errors
    /// The system's.
    pub fn of_socket(socket: UdpSocket, peer: SocketAddr) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self::Udp { socket, peer, sequence: 0, buffer: Vec::with_capacity(65_536) })
    }

    /// The same bus once more: for a thread that only sends, or for another process.
    ///
    /// # Errors
    /// The system's.
    pub fn again(&self, address: &BusAddress) -> anyhow::Result<Self> {
        match self {
            Self::Udp { socket, peer, .. } => Ok(Self::of_socket(socket.try_clone()?, *peer)?),
            Self::Interface(_) => Self::open(address, None),
        }
    }

    /// The UDP port, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<&UdpSocket> {
        match self {
            Self::Udp { socket, .. } => Some(socket),
            Self::Interface(_) => None,
        }
    }

    /// Adds frames that have come already. Says whether there may be more.
    pub fn receive_now(&mut self, frames: &mut Vec<Frame>) -> bool {
        let before = frames.len();
        let ready = match self {
            Self::Udp { socket, .. } => is_readable(&*socket),
            Self::Interface(socket) => is_readable(&*socket),
        };
        ready && self.receive(frames).is_ok() && frames.len() > before
    }

    /// Adds the frames that come next, or none after a short while. Says how many datagrams or frames were none of the bus.
    ///
    /// # Errors
    /// The system's: the bus is off, the interface is down.
    pub fn receive(&mut self, frames: &mut Vec<Frame>) -> io::Result<u64> {
        let received = match self {
            Self::Udp { socket, buffer, .. } => {
                buffer.resize(65_536, 0);
                socket
                    .recv_from(buffer)
                    .map(|(length, _)| u64::from(cannelloni::decode(&buffer[..length], frames).is_err()))
            }
            Self::Interface(socket) => match socket.read_frame() {
                Ok(CanAnyFrame::Normal(frame)) => Ok(add(frames, frame.id(), frame.data())),
                Ok(CanAnyFrame::Fd(frame)) => Ok(add(frames, frame.id(), frame.data())),
                Ok(CanAnyFrame::Remote(_)) => Ok(0),
                // The controller tells of errors on the bus.
                Ok(CanAnyFrame::Error(_)) => Ok(1),
                Err(error) => Err(error),
            },
        };
        match received {
            // A peer that is not there yet answers a datagram with a refusal.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted | ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(0)
            }
            other => other,
        }
    }

    /// Sends frames now. What the bus does not take at once is an error, and lost: the next period brings newer ones.
    ///
    /// # Errors
    /// The system's.
    pub fn send(&mut self, frames: &[Frame]) -> io::Result<()> {
        match self {
            Self::Udp { socket, peer, sequence, buffer } => {
                let mut rest = frames;
                while !rest.is_empty() {
                    buffer.clear();
                    let taken = cannelloni::encode(*sequence, rest, buffer);
                    *sequence = sequence.wrapping_add(1);
                    rest = &rest[taken.clamp(1, rest.len())..];
                    match rustix::net::sendto(&*socket, buffer, rustix::net::SendFlags::DONTWAIT, peer) {
                        Ok(_) => {}
                        Err(rustix::io::Errno::CONNREFUSED) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(())
            }
            Self::Interface(socket) => frames.iter().try_for_each(|frame| {
                let frame = to_socket(frame).ok_or(ErrorKind::InvalidData)?;
                // The socket's queue takes a frame or says that it is full; the system does not wait for the bus.
                socket.write_frame(&frame)
            }),
        }
    }
}

/// Whether a read would find something.
fn is_readable(socket: &impl std::os::fd::AsFd) -> bool {
    let mut one = [rustix::event::PollFd::new(socket, rustix::event::PollFlags::IN)];
    let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut one, Some(&at_once)).is_ok_and(|count| count > 0)
}

fn add(frames: &mut Vec<Frame>, id: SocketId, data: &[u8]) -> u64 {
    let id = match id {
        SocketId::Standard(id) => Id::Standard(id.as_raw()),
        SocketId::Extended(id) => Id::Extended(id.as_raw()),
    };
    let frame = Frame::new(id, data);
    frames.extend(frame);
    u64::from(frame.is_none())
}

fn to_socket(frame: &Frame) -> Option<CanAnyFrame> {
    let id = match frame.id {
        Id::Standard(id) => SocketId::Standard(StandardId::new(id)?),
        Id::Extended(id) => SocketId::Extended(ExtendedId::new(id)?),
    };
    if frame.data().len() <= 8 {
        CanDataFrame::new(id, frame.data()).map(CanAnyFrame::Normal)
    } else {
        CanFdFrame::new(id, frame.data()).map(CanAnyFrame::Fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cross_a_loopback_and_noise_is_counted() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (one, other) = (UdpSocket::bind(any).unwrap(), UdpSocket::bind(any).unwrap());
        let (at_one, at_other) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        let mut car = Bus::of_socket(other.try_clone().unwrap(), at_one).unwrap();
        let mut computer = Bus::of_socket(one, at_other).unwrap();
        let frames: Vec<Frame> = (0..200).map(|i| Frame::new(Id::Standard(i), &[i as u8; 8]).unwrap()).collect();
        computer.send(&frames).unwrap();
        let mut received = Vec::new();
        while received.len() < frames.len() {
            assert_eq!(car.receive(&mut received).unwrap(), 0);
        }
        assert_eq!(received, frames);
        other.send_to(&[7; 99], at_one).unwrap();
        assert_eq!(computer.receive(&mut received).unwrap(), 1);
        assert_eq!(computer.receive(&mut received).unwrap(), 0, "silence is no error");
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = Bus::open(&BusAddress::Interface("can99".into()), None).unwrap_err();
        assert!(format!("{error:#}").contains("car.can.bus: interface can99: "), "{error:#}");
    }

    #[test]
    fn frames_of_both_kinds_become_the_systems() {
        let long = Frame::new(Id::Extended(0x18FF_0010), &[3; 12]).unwrap();
        assert!(matches!(to_socket(&long), Some(CanAnyFrame::Fd(_))));
        let short = Frame::new(Id::Standard(0x7FF), &[3; 8]).unwrap();
        let Some(CanAnyFrame::Normal(frame)) = to_socket(&short) else { panic!() };
        let mut frames = Vec::new();
        assert_eq!((add(&mut frames, frame.id(), frame.data()), frames), (0, vec![short]));
    }
}
