//! The supervisor beside the pipeline: a process of its own, or a thread.
//!
//! The process is this program once more. Its standard input is the line of beats and verdicts, its standard output the UDP socket
//! of the bus where the bus is one (SocketCAN it opens by name): what is handed over so survives the pipeline.

use super::bus::Bus;
use super::supervise::Post;
use super::{Car, address::BusAddress};
use crate::config::Config;
use crate::system::realtime;
use anyhow::Context;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The command of the supervisor's process.
pub const COMMAND: &str = "supervise";

/// A supervisor that runs.
#[derive(Debug)]
pub enum Supervision {
    /// In a process.
    Process(Child),
    /// In a thread, until it is told that the drive is over.
    Thread(Option<std::thread::JoinHandle<()>>, Arc<AtomicBool>),
}

/// Starts the supervisor as a process. `program` is this one; `changes` are what the pipeline's configuration differs in from the file.
///
/// # Errors
/// The system's.
pub fn process(
    program: &Path,
    (config, changes): (&Path, &[String]),
    car: &Car,
    bus: &Bus,
    line: UnixDatagram,
) -> anyhow::Result<Supervision> {
    let output = match (&car.can.bus, bus.socket()) {
        (BusAddress::Udp(_), Some(socket)) => Stdio::from(OwnedFd::from(socket.try_clone()?)),
        _ => Stdio::null(),
    };
    let mut command = Command::new(program);
    command
        .arg(COMMAND)
        .arg(config)
        .args(changes.iter().flat_map(|change| ["--set", change]))
        .stdin(OwnedFd::from(line))
        .stdout(output);
    // A Ctrl-C at the terminal is meant for the pipeline.
    command.process_group(0);
    let child = command.spawn().with_context(|| format!("the supervisor: {}", program.display()))?;
    Ok(Supervision::Process(child))
}

/// Starts the supervisor as a thread.
///
/// # Errors
/// What is wrong with the car's bus, or the system's.
pub fn thread(config: &Config, car: &Car, bus: &Bus, line: UnixDatagram) -> anyhow::Result<Supervision> {
    let post = Post::new(car, &config.vehicle, bus.again(&car.can.bus)?)?;
    let over = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&over);
    let body = move || post.run(&line, || end.load(Ordering::Acquire));
    let thread = std::thread::Builder::new().name("supervisor".to_string()).spawn(body)?;
    Ok(Supervision::Thread(Some(thread), over))
}

/// The supervisor's process: the other end of [`process`]. Returns when the car needs nobody any more.
///
/// # Errors
/// It was not started by a pipeline, or the configuration has changed since.
pub fn serve(config: &Path, changes: &[String]) -> anyhow::Result<()> {
    // Whoever ends the pipeline must not end the one who then stops the car.
    let _ = ctrlc::set_handler(|| {});
    let line = UnixDatagram::from(rustix::io::dup(rustix::stdio::stdin())?);
    anyhow::ensure!(line.peer_addr().is_ok(), "{COMMAND}: only `chauffeur drive` starts this command");
    // Where they may not be had, doctor has said so.
    let _ = realtime::lock_memory();
    let _ = realtime::make_thread_fifo(realtime::SUPERVISOR_PRIORITY);
    let config = Config::read_with(Some(config), changes)?;
    let car = config.car.as_ref().context("the configuration has no section [car]")?;
    let bus = match &car.can.bus {
        BusAddress::Udp(_) => {
            let socket = UdpSocket::from(rustix::io::dup(rustix::stdio::stdout())?);
            Bus::of_socket(socket, car.can.peer.context("car.can.peer is missing")?)?
        }
        address => Bus::open(address, None)?,
    };
    Post::new(car, &config.vehicle, bus)?.run(&line, || false);
    Ok(())
}

impl Supervision {
    /// Waits for a supervisor that has nothing to do any more. One that drives is left alone: it ends by itself.
    pub fn finish(&mut self, drives: bool) {
        match self {
            Self::Process(child) if !drives => {
                // It ends when it hears nothing: within its longest budget.
                let until = std::time::Instant::now() + std::time::Duration::from_secs(3);
                while std::time::Instant::now() < until {
                    if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                        return;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            }
            Self::Process(_) => {}
            Self::Thread(thread, over) => {
                over.store(true, Ordering::Release);
                if let Some(Err(_)) = thread.take().map(std::thread::JoinHandle::join) {
                    // A panic was printed when it came.
                }
            }
        }
    }

    /// The process, if it is one.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        match self {
            Self::Process(child) => Some(child.id()),
            Self::Thread(..) => None,
        }
    }
}
