//! The camera: motion JPEG over HTTP. A connection that breaks is made again.

use super::board::Board;
use super::car;
use super::edges::{PATIENCE, hand, pause};
use crate::runtime::Input;
use crate::runtime::clock::receive_time;
use crossbeam_channel::Sender;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{CameraFrame, ImageFormat, ReceiveTime, SensorTime, Stamp};
use vehicle::clock::{ClockOffset, Verdict};
use vehicle::multipart::{Multipart, Part};

/// The longest that a connection may take to come, or be silent.
const CONNECT: Duration = Duration::from_secs(1);
const SILENT: Duration = Duration::from_secs(2);

/// Stamps the images of a camera.
pub struct Stamper {
    /// Its clock.
    pub clock: ClockOffset,
    latency_s: f64,
    seq: u64,
    last: Option<Stamp>,
}

impl Stamper {
    /// Of a camera that has taken no image.
    #[must_use]
    pub fn new(camera: &car::Camera) -> Self {
        Self { clock: ClockOffset::new(camera.clock.into()), latency_s: camera.latency_s, seq: 0, last: None }
    }

    /// The frame of an image; none if its time cannot be, or is not newer than the last.
    pub fn frame(&mut self, part: Part, received: ReceiveTime) -> Option<CameraFrame> {
        let stamp = match part.stamp_ns.map(SensorTime::from_nanos) {
            None => Stamp::from_nanos(received.nanos()).offset(-self.latency_s),
            Some(time) => {
                let verdict = self.clock.observe(time, received);
                self.clock.stamp(time).filter(|_| verdict != Verdict::Refused)?
            }
        };
        let jumped = self.last.is_some_and(|last| stamp <= last && stamp.seconds_since(last) > -1.0);
        if jumped {
            return None;
        }
        self.last = Some(stamp);
        self.seq += 1;
        Some(CameraFrame { seq: self.seq - 1, stamp, format: ImageFormat::Jpeg, data: part.image.into() })
    }
}

/// Reads the camera until the drive is over.
pub fn run(camera: &car::Camera, host: &str, path: &str, board: &Board, place: usize, door: &Sender<Input>) {
    let line = &board.sensors[place];
    let mut stamper = Stamper::new(camera);
    while !board.is_over() {
        let take = |part, received| {
            match stamper.frame(part, received) {
                Some(frame) => hand(door, line, Input::Camera(Arc::new(frame))),
                None => line.refuse_one(),
            }
            line.set_clock(stamper.clock.status());
        };
        if let Err(trouble) = connection(host, path, board, take) {
            pause(line, trouble);
        }
    }
}

/// One connection, until it breaks.
fn connection(host: &str, path: &str, board: &Board, mut take: impl FnMut(Part, ReceiveTime)) -> Result<(), String> {
    let address = host.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?.next();
    let address = address.ok_or_else(|| format!("{host}: no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, CONNECT).map_err(|error| format!("{host}: {error}"))?;
    let said = |error: std::io::Error| format!("{host}: {error}");
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    stream.set_write_timeout(Some(CONNECT)).map_err(said)?;
    // 1.0: no chunks between the parts.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: chauffeur\r\n\r\n").map_err(said)?;
    let (mut reader, mut parts, mut buffer) = (Multipart::default(), Vec::new(), vec![0; 65_536]);
    let mut heard = Instant::now();
    while !board.is_over() {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(format!("{host}: the connection has ended")),
            Ok(length) => {
                let received = receive_time();
                heard = Instant::now();
                reader.push(&buffer[..length], &mut parts).map_err(|broken| format!("{host}: {broken}"))?;
                parts.drain(..).for_each(|part| take(part, received));
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                if heard.elapsed() > SILENT {
                    return Err(format!("{host}: silent for {} s", SILENT.as_secs()));
                }
            }
            Err(error) => return Err(said(error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vehicle::clock;

    #[test]
    fn images_without_a_time_have_that_of_their_arrival_and_none_comes_twice() {
        let mut stamper =
            Stamper { clock: ClockOffset::new(clock::Config::default()), latency_s: 0.03, seq: 0, last: None };
        let part = |stamp_ns| Part { image: vec![0xFF, 0xD8], stamp_ns };
        let at = |millis: i64| ReceiveTime::from_nanos(1_796_000_000_000_000_000 + millis * 1_000_000);
        let first = stamper.frame(part(None), at(0)).unwrap();
        assert_eq!((first.seq, first.stamp.nanos()), (0, at(-30).nanos()));
        assert!(stamper.frame(part(Some(at(70).nanos())), at(100)).is_some());
        assert!(stamper.frame(part(Some(at(70).nanos())), at(101)).is_none(), "the same once more");
        assert!(stamper.frame(part(Some(at(60).nanos())), at(102)).is_none(), "an older one");
        assert!(stamper.frame(part(Some(i64::MAX)), at(103)).is_none(), "a time that cannot be");
        assert_eq!(stamper.frame(part(Some(at(170).nanos())), at(201)).unwrap().seq, 2);
    }
}
