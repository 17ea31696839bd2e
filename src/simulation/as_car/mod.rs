//! The simulated world as a car on loopback, in real time: `chauffeur drive` drives it through the edges that a real car has.
//!
//! In: a scenario and a seed, and what a computer says on the bus. Out: a description of the car, lidar packets, images, fixes,
//! frames, and in the end what became of the car. Never: the truth to the computer; time that is slowed in silence.
//!
//! The world is one step of 10 ms ahead of the clock: what a sensor sees within the step is made at its begin and sent when it
//! is due. A command counts from the next step on. Stamps are the computer's time of day at the start plus the world's time.
//!
//! ```text
//! ear (thread) --last command--> world (thread) --items--> post (thread) --datagrams--> computer
//!                                      |--glimpse--> camera (thread) --image--^
//! ```

mod authority;
pub mod describe;
pub mod driver;
pub mod ear;
pub mod fault;
mod ins;
pub mod outcome;
pub mod post;
mod stream;
mod turner;
mod wheel;

use crate::runtime::clock::receive_time;
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use describe::Ports;
use driver::SafetyDriver;
use ear::Ear;
use fault::{Faults, Line};
use outcome::{Outcome, Pace};
use post::{Item, Post};
use sim::{Eye, Glimpse, Range, Scenario, World};
use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use stream::{Streamer, part};
use types::{ReceiveTime, Stamp};
use vehicle::can::cannelloni;
use wheel::Wheel;

/// A step of the world.
const STEP: Duration = Duration::from_millis(10);
/// Batches that wait for the post: two seconds.
const BATCHES: usize = 200;
/// Largest datagram, bytes.
const LARGEST: usize = 65_536;

/// A simulated car that is to be driven.
#[derive(Clone, Debug)]
pub struct AsCar {
    /// What kind of world.
    pub scenario: Scenario,
    /// Which of its kind.
    pub seed: u64,
    /// Where its description goes.
    pub folder: PathBuf,
    /// Where it is reached.
    pub ports: Ports,
    /// How long the computer shall drive, s; without it until the goal, at most three times the scenario's usual time. Longer than usual:
    /// in a larger world of the kind, with a route that lasts.
    pub duration_s: Option<f64>,
    /// How long to wait for it to drive, s.
    pub patience_s: f64,
    /// Whether the car has its camera.
    pub camera: bool,
    /// Who sits behind the wheel.
    pub driver: SafetyDriver,
    /// What goes wrong.
    pub faults: Faults,
}

/// What a run and those around it tell each other.
#[derive(Debug, Default)]
pub struct Signs {
    /// Somebody asks for the end.
    pub stop: AtomicBool,
    /// The computer has been engaged.
    pub engaged: AtomicBool,
}

/// A car whose ports are open and whose description is written.
pub struct Prepared {
    car: AsCar,
    world: World,
    bus: UdpSocket,
    streamer: Option<(Arc<Streamer>, std::thread::JoinHandle<()>)>,
}

/// Columns of the camera's pictures, 480 x 270 pixels: the world is drawn while the stack drives in it, on the same two cores.
const COLUMNS: usize = 480;
/// It draws no farther: a car there is two or three columns broad, and no network of ours looks beyond 80 m.
const REACH_M: f64 = 250.0;

impl AsCar {
    /// Builds the world, opens the ports and writes the description. The car stands: who drives it begins at rest.
    ///
    /// # Errors
    /// Names what cannot be built, the port that is taken, or the file that cannot be written.
    pub fn prepare(mut self) -> anyhow::Result<Prepared> {
        if let Some(duration_s) = self.duration_s {
            self.scenario = self.scenario.lasting(duration_s)?;
        }
        self.scenario.start_speed_share = Range([0.0, 0.0]);
        let world = World::new(&self.scenario, self.seed)?.with_small_camera(self.seed, COLUMNS, REACH_M);
        let bus = UdpSocket::bind(self.ports.bus).with_context(|| format!("the bus's port {}", self.ports.bus))?;
        bus.set_read_timeout(Some(Duration::from_millis(50)))?;
        self.ports.bus = bus.local_addr()?;
        let streamer = if self.camera {
            let (streamer, address, thread) = Streamer::start(self.ports.camera)?;
            self.ports.camera = address;
            Some((streamer, thread))
        } else {
            None
        };
        describe::write(&self.folder, &world, &self.ports, self.camera)?;
        Ok(Prepared { car: self, world, bus, streamer })
    }
}

impl Prepared {
    /// Is the car until it has arrived, has hit something, the time is over or the end is asked for.
    ///
    /// # Errors
    /// If a thread cannot be had.
    pub fn run(self, signs: &Signs) -> anyhow::Result<Outcome> {
        let Self { car, mut world, bus, streamer } = self;
        let ear = Mutex::new(Ear::new()?);
        let over = AtomicBool::new(false);
        let addresses = [(Line::Lidar, car.ports.lidar), (Line::Ins, car.ports.ins), (Line::Can, car.ports.computer)];
        let addresses: BTreeMap<_, _> = addresses.into_iter().chain([(Line::Signals, car.ports.signals)]).collect();
        let images = streamer.as_ref().map(|(streamer, _)| Arc::clone(streamer));
        let post = Post::new(&bus, addresses, images, car.faults.clone(), car.seed)?;
        let (items, to_post) = bounded::<Vec<Item>>(BATCHES);
        let (glimpses, to_camera) = bounded::<View>(1);
        let eye = streamer.as_ref().map(|_| world.eye());
        let begin = Instant::now();
        let start_unix_ns = receive_time().nanos();
        let clock = Clock { begin, start_unix_ns, start: world.now() };
        let (pace, wheel, sent) = std::thread::scope(|scope| -> anyhow::Result<_> {
            let thread = |name: &str| std::thread::Builder::new().name(name.to_string());
            let (ear, over, bus) = (&ear, &over, &bus);
            let listening = thread("ear").spawn_scoped(scope, move || listen(bus, ear, over))?;
            let posting = thread("post").spawn_scoped(scope, move || post.run(begin, &to_post))?;
            let drawing = match eye {
                None => None,
                Some(eye) => {
                    let items = items.clone();
                    Some(thread("camera").spawn_scoped(scope, move || draw(eye, &to_camera, &items, &clock))?)
                }
            };
            let mut wheel = Wheel::new(&car, &mut world)?;
            let sight = drawing.is_some().then_some(&glimpses);
            let mut pace = live(&car, &mut world, &mut wheel, ear, (&items, sight), &clock, signs);
            over.store(true, Ordering::Relaxed);
            drop((glimpses, items));
            // A panic in there has been reported as missing counts.
            pace.images = drawing.and_then(|thread| thread.join().ok()).unwrap_or_default();
            let sent = posting.join().unwrap_or_default();
            let _ = listening.join();
            Ok((pace, wheel, sent))
        })?;
        if let Some((streamer, thread)) = streamer {
            streamer.stop();
            let _ = thread.join();
        }
        let ear = ear.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(wheel.conclude(ear, pace, sent, start_unix_ns))
    }
}

/// The world's time and the computer's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begin: Instant,
    start_unix_ns: i64,
    start: Stamp,
}

impl Clock {
    /// Time of day of an instant of the world, ns since 1970.
    pub(crate) fn unix_ns(&self, stamp: Stamp) -> i64 {
        self.start_unix_ns + self.since_ns(stamp)
    }

    /// An instant of the world, ns after the start.
    pub(crate) fn since_ns(&self, stamp: Stamp) -> i64 {
        stamp.nanos() - self.start.nanos()
    }
}

/// What the camera is to draw: the instant, and what the computer's being engaged means for its faults.
struct View {
    glimpse: Glimpse,
    engaged_s: Option<f64>,
    clock_ahead_ns: i64,
}

/// Steps the world with the clock. Where the machine is too slow the world catches up as fast as it can, and it is counted.
fn live(
    car: &AsCar,
    world: &mut World,
    wheel: &mut Wheel,
    ear: &Mutex<Ear>,
    (items, glimpses): (&Sender<Vec<Item>>, Option<&Sender<View>>),
    clock: &Clock,
    signs: &Signs,
) -> Pace {
    let mut pace = Pace::default();
    while !wheel.is_over(signs.stop.load(Ordering::Relaxed)) {
        let due = clock.begin + STEP * u32::try_from(pace.steps).unwrap_or(u32::MAX);
        let wait = due.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            let lag = Instant::now().saturating_duration_since(due);
            pace.worst_lag_ms = pace.worst_lag_ms.max(lag.as_secs_f64() * 1e3);
            pace.late_steps += u64::from(lag > STEP);
        } else {
            std::thread::sleep(wait);
        }
        let heard = ear.lock().unwrap_or_else(PoisonError::into_inner).hear(receive_time());
        let batch = wheel.step(world, &heard, clock);
        pace.steps += 1;
        signs.engaged.store(wheel.engaged_for_s().is_some(), Ordering::Relaxed);
        if let (Some(glimpses), true) = (glimpses, pace.steps.is_multiple_of(10))
            && let Some(glimpse) = world.glimpse_now()
        {
            let engaged_s = wheel.engaged_for_s();
            let view = View { glimpse, engaged_s, clock_ahead_ns: car.faults.clock_ns(Line::Camera, engaged_s) };
            // The camera that is not done with the last picture leaves this one out.
            let is_full = matches!(glimpses.try_send(view), Err(TrySendError::Full(_)));
            pace.images_dropped += u64::from(is_full);
        }
        if items.send(batch).is_err() {
            break;
        }
    }
    pace.simulated_s = clock.since_ns(world.now()) as f64 * 1e-9;
    pace.passed_s = clock.begin.elapsed().as_secs_f64();
    pace
}

/// Hears the bus until it is over.
fn listen(bus: &UdpSocket, ear: &Mutex<Ear>, over: &AtomicBool) {
    let (mut buffer, mut frames) = (vec![0; LARGEST], Vec::new());
    while !over.load(Ordering::Relaxed) {
        let Ok(length) = bus.recv(&mut buffer) else { continue };
        let received: ReceiveTime = receive_time();
        frames.clear();
        // What is no datagram of frames is left: the car's own bus knows none.
        if cannelloni::decode(&buffer[..length], &mut frames).is_ok() {
            let mut ear = ear.lock().unwrap_or_else(PoisonError::into_inner);
            frames.iter().for_each(|frame| ear.take(frame, received));
        }
    }
}

/// Draws what it is shown; gives the number of images.
fn draw(mut eye: Eye, views: &Receiver<View>, items: &Sender<Vec<Item>>, clock: &Clock) -> u64 {
    let mut images = 0;
    for View { glimpse, engaged_s, clock_ahead_ns } in views {
        // The encoder of a picture of ours does not fail; if it does, this one is missing.
        let Ok(picture) = eye.picture(&glimpse) else { continue };
        let bytes = part(&picture.data, clock.unix_ns(picture.stamp) + clock_ahead_ns);
        let due_ns = clock.since_ns(picture.stamp);
        images += 1;
        if items.send(vec![Item { line: Line::Camera, due_ns, bytes, engaged_s }]).is_err() {
            break;
        }
    }
    images
}
