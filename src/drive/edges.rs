//! The threads at the car's ports. Each reads its socket or device, hands what is whole to the door, and notes on the board what came,
//! what did not, and how far the sensor's clock is off. None waits for the door: what it has no room for is dropped and counted.

use super::address::InsAddress;
use super::board::{Board, Line};
use super::bus::Bus;
use super::concatenate::Concatenator;
use super::lidar_port::LidarPort;
use super::serial;
use crate::runtime::Input;
use crate::runtime::clock::receive_time;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::io::{ErrorKind, Read};
use std::net::UdpSocket;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use types::{LidarSweep, Stamp, WheelSpeed};
use vehicle::can::Frame;
use vehicle::can::bindings::Quantity;
use vehicle::can::reader::{CarState, Reader};
use vehicle::clock::{self, ClockOffset, Verdict};
use vehicle::ins::{InsUnit, Stream};
use vehicle::signals;

/// The longest that a thread waits for a message before it looks whether the drive is over.
pub const PATIENCE: Duration = Duration::from_millis(20);

/// Hands a message to the door.
pub fn hand(door: &Sender<Input>, line: &Line, input: Input) {
    line.heard();
    if door.try_send(input).is_err() {
        line.drop_one();
    }
}

/// A lidar's port: whole turns go to the door, or to where several lidars become one.
pub fn lidar(mut port: LidarPort, board: &Board, place: usize, mut give: impl FnMut(LidarSweep)) {
    let line = &board.sensors[place];
    while !board.is_over() {
        match port.receive() {
            Ok(turn) => {
                let (counts, status) = (port.assembler().counts(), port.assembler().clock());
                line.refuse(counts.refused + counts.untimely);
                line.lose(counts.lost);
                line.set_clock(status);
                turn.into_iter().for_each(|turn| give(turn.sweep));
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => pause(line, error.to_string()),
        }
    }
}

/// Sweeps of several lidars become one.
pub fn concatenation(
    sweeps: &Receiver<(usize, LidarSweep)>,
    mut concatenator: Concatenator,
    board: &Board,
    give: impl Fn(LidarSweep),
) {
    let begin = Instant::now();
    while !board.is_over() {
        match sweeps.recv_timeout(Duration::from_millis(5)) {
            Ok((lidar, sweep)) => concatenator.push(lidar, sweep, begin.elapsed()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Some(sweep) = concatenator.pop(begin.elapsed()) {
            give(sweep);
        }
    }
}

/// Where a GPS/INS unit's bytes come from.
#[derive(Debug)]
pub enum InsPort {
    /// Datagrams.
    Udp(UdpSocket),
    /// A serial line.
    Serial(std::fs::File),
}

impl InsPort {
    /// Opens the port.
    ///
    /// # Errors
    /// Names it, and what the system says.
    pub fn open(address: &InsAddress) -> anyhow::Result<Self> {
        use anyhow::Context;
        Ok(match address {
            InsAddress::Udp(port) => {
                let socket = UdpSocket::bind(port).with_context(|| format!("car.ins.source: UDP port {port}"))?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Self::Udp(socket)
            }
            InsAddress::Serial(device, baud) => Self::Serial(
                serial::open(device, *baud).with_context(|| format!("car.ins.source: {}", device.display()))?,
            ),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = match self {
            Self::Udp(socket) => socket.recv(buffer),
            Self::Serial(line) => line.read(buffer),
        };
        match read {
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                Ok(0)
            }
            other => other,
        }
    }
}

/// A GPS/INS unit. A fix that is not newer than the last tells nothing: a unit that repeats itself falls silent.
pub fn ins(mut port: InsPort, mut unit: InsUnit, board: &Board, place: usize, door: &Sender<Input>) {
    let line = &board.sensors[place];
    let (mut stream, mut buffer) = (Stream::default(), vec![0; 65_536]);
    let (mut newest, mut old): (Option<Stamp>, u64) = (None, 0);
    while !board.is_over() {
        let length = match port.read(&mut buffer) {
            Ok(length) => length,
            Err(error) => {
                pause(line, error.to_string());
                continue;
            }
        };
        let received = receive_time();
        stream.push(&buffer[..length], |message| {
            let Some(fix) = unit.take(&message, received) else { return };
            if newest.is_some_and(|newest| fix.state.stamp <= newest) {
                old += 1;
                return;
            }
            newest = Some(fix.state.stamp);
            hand(door, line, Input::Ins(fix));
        });
        let counts = stream.counts();
        line.refuse(counts.checksum + counts.broken + unit.unusable() + old);
        line.set_clock(unit.clock());
    }
}

/// The gateway of the traffic lights.
pub fn traffic_lights(socket: &UdpSocket, config: clock::Config, board: &Board, place: usize, door: &Sender<Input>) {
    let line = &board.sensors[place];
    let (mut clock, mut buffer, mut seq) = (ClockOffset::new(config), vec![0; 65_536], 0);
    while !board.is_over() {
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                continue;
            }
            Err(error) => {
                pause(line, error.to_string());
                continue;
            }
        };
        let received = receive_time();
        let Ok((mut signals, time)) = signals::parse(&buffer[..length]) else {
            line.refuse_one();
            continue;
        };
        let verdict = clock.observe(time, received);
        line.set_clock(clock.status());
        let Some(stamp) = clock.stamp(time).filter(|_| verdict != Verdict::Refused) else {
            line.refuse_one();
            continue;
        };
        // Numbers of the drive: a gateway that begins anew does not repeat one.
        (signals.seq, signals.stamp) = (seq, stamp);
        seq += 1;
        hand(door, line, Input::Signals(Arc::new(signals)));
    }
}

/// The CAN bus: what the car tells goes to the board, the speed of the wheels to the door. Who reads the bus while the supervisor drives is
/// said by `is_ours`.
pub fn can(mut bus: Bus, mut reader: Reader, board: &Board, door: &Sender<Input>, is_ours: impl Fn() -> bool) {
    let line = &board.can;
    let (mut frames, mut seq, mut told): (Vec<Frame>, u64, Option<types::ReceiveTime>) = (Vec::new(), 0, None);
    while !board.is_over() {
        if !is_ours() {
            std::thread::sleep(PATIENCE);
            continue;
        }
        frames.clear();
        match bus.receive(&mut frames) {
            Ok(refused) => (0..refused).for_each(|_| line.refuse_one()),
            Err(error) => {
                pause(line, error.to_string());
                continue;
            }
        }
        let received = receive_time();
        for frame in &frames {
            match reader.take(frame, received) {
                Ok(0) => {}
                Ok(_) => line.heard(),
                Err(_) => line.refuse_one(),
            }
        }
        line.lose(reader.lost());
        if frames.is_empty() {
            continue;
        }
        line.set_trouble(None);
        let state = reader.state();
        *board.car.lock().unwrap_or_else(PoisonError::into_inner) = state;
        if let Some((speed_mps, at)) = wheel_speed(&state)
            && told.is_none_or(|before| before != at)
        {
            told = Some(at);
            let wheel = WheelSpeed { seq, stamp: Stamp::from_nanos(at.nanos()), speed_mps };
            seq += 1;
            if door.try_send(Input::WheelSpeed(wheel)).is_err() {
                line.drop_one();
            }
        }
    }
}

/// Mean speed of the rear wheels, and when the older of the two came.
#[must_use]
pub fn wheel_speed(state: &CarState) -> Option<(f64, types::ReceiveTime)> {
    let (left, right) = (state.get(Quantity::WheelRearLeftMps)?, state.get(Quantity::WheelRearRightMps)?);
    Some((0.5 * (left.0 + right.0), left.1.min(right.1)))
}

/// Notes what is wrong with a port and waits before it is tried again.
pub fn pause(line: &Line, trouble: String) {
    line.set_trouble(Some(trouble));
    std::thread::sleep(Duration::from_millis(50));
}
