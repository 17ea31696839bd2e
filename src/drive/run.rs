//! A drive from its configuration: everything is read, checked and opened, then it runs until somebody asks for the end.

use super::address::CameraAddress;
use super::board::{Board, Line, Wishes};
use super::bus::Bus;
use super::concatenate::Concatenator;
use super::driver::Observer;
use super::edges::{self, InsPort, PATIENCE, hand};
use super::hold::Hold;
use super::launch::{self, Supervision};
use super::lidar_port::LidarPort;
use super::link::Heard;
use super::pen::Pen;
use super::seat::{CarSeat, Parts};
use super::status::Status;
use super::supervise::{Names, STAGES};
use super::{Car, calibration, camera_port, read_database, route, sensor_budgets, video_port};
use crate::config::Config;
use crate::runtime::clock::receive_time;
use crate::runtime::crew::Crew;
use crate::runtime::join::{Join, Sensors};
use crate::runtime::log::Recorder;
use crate::runtime::{Corridor, FaultCell, Feed, Input, Outcome, Progress, Settings, Stage, run};
use crate::stack::{self, NetworkChoice, Networks, Work};
use crate::system::realtime;
use crate::watch::Watch;
use anyhow::{Context, ensure};
use control::safety::Mode;
use crossbeam_channel::{Sender, bounded};
use recordings::{Compression, DriveWriter, Message, RunRecord};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use types::{LidarSweep, Stamp};
use vehicle::can::reader::{CarState, Reader};
use vehicle::ins::{InsUnit, unit};
use vehicle::lidar;

/// Messages that wait for the door: it takes them at once, so few are enough.
const QUEUE: usize = 128;

/// In a car a step that takes so long does not come back: the car stands long before, and the drive ends.
const HUNG_AFTER: Duration = Duration::from_secs(10);

/// Who supervises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervisor {
    /// Another process, which outlives the pipeline.
    #[default]
    Process,
    /// A thread of this process.
    Thread,
}

/// A drive to be made.
#[derive(Clone, Debug)]
pub struct Drive {
    /// The file of the configuration.
    pub file: PathBuf,
    /// What it says, with the changes.
    pub config: Config,
    /// Changes of single keys, as words `KEY=VALUE`.
    pub changes: Vec<String>,
    /// Another route than the car's.
    pub route: Option<PathBuf>,
    /// The log.
    pub output: PathBuf,
    /// Its compression.
    pub compression: Compression,
    /// Which networks.
    pub networks: NetworkChoice,
    /// Who supervises.
    pub supervisor: Supervisor,
    /// The program that is started as the supervisor.
    pub program: PathBuf,
    /// Who watches.
    pub watch: Watch,
}

/// A drive that is ready: ports are open and their threads wait.
pub struct Prepared {
    /// What edges and control share.
    pub board: Arc<Board>,
    /// What a person sees.
    pub status: Arc<Status>,
    /// What detects, in words.
    pub detectors: String,
    /// The stages; a test may put one of its own among them.
    pub stages: Vec<Box<dyn Stage>>,
    /// Frames done, and whether the log goes on.
    pub progress: Arc<Progress>,
    crew: Crew,
    fault: Arc<FaultCell>,
    inputs: crossbeam_channel::Receiver<Input>,
    join: Box<Join>,
    seat: CarSeat,
    verdicts: Arc<Heard>,
    supervision: Supervision,
    hold: Hold,
    recorder: Recorder,
    config: Config,
}

/// How a drive ended.
pub struct Ending {
    /// Of the runtime.
    pub outcome: Outcome,
    /// Who drove at the end.
    pub mode: Mode,
    /// The supervisor had to stop the car.
    pub was_relieved: bool,
}

impl Drive {
    /// Reads, checks and opens everything.
    ///
    /// # Errors
    /// What is missing or wrong: names the file, the key and the numbers.
    pub fn prepare(&self, fault: &Arc<FaultCell>) -> anyhow::Result<Prepared> {
        let config = &self.config;
        let file = self.file.display();
        let car = config.car.as_ref().with_context(|| format!("{file}: there is no section [car]"))?;
        let names: Vec<&str> = car.lidar.iter().map(|lidar| lidar.name.as_str()).collect();
        let places = calibration::read(&car.calibration, &names, car.camera.is_some())?;
        let way = match self.route.as_ref().or(car.route.as_ref()) {
            Some(path) => route::read(path)?,
            None => route::Way::default(),
        };
        let database = read_database(car)?;
        let bindings = &car.can.bindings;
        let observer = Observer::new(car.driver, &car.budgets, bindings).with_context(|| format!("{file}"))?;
        let reader = Reader::new(&database, bindings).context("car.can.bindings.read")?;
        let networks = Networks::load(&self.networks, car.camera.is_some(), !car.lidar.is_empty())?;
        let detectors = networks.describe();
        let record = self.record(&networks);
        let stages = stack::stages(config, &places.calibration, &way.route, networks, Work::Beside)?;

        let sensors = sensor_budgets(car);
        let board = Arc::new(Board {
            sensors: sensors.iter().map(|(name, budget)| Line::new(name, *budget)).collect(),
            can: Line::new("can", Some(Duration::from_secs_f64(car.budgets.can_s))),
            car: Mutex::new(CarState::default()),
            wishes: Wishes::default(),
            over: false.into(),
        });
        let hold = Hold::of(&car.can.bus)?;
        let bus = Bus::open(&car.can.bus, car.can.peer)?;
        let pen = Pen::new(bus.again(&car.can.bus)?, &database, bindings, &config.vehicle)?;
        let (line, other) = UnixDatagram::pair()?;
        let mut ports = Ports::open(car, way.origin)?;
        // Last, since nothing may fail behind it but the log.
        let mut writer = create(&self.output, &record, self.compression)?;
        writer.write(&Message::Calibration(places.calibration.clone()))?;
        self.watch.begin(&places.calibration, &way.route);
        if !way.route.points.is_empty() {
            writer.write(&Message::Route(way.route.clone()))?;
        }
        let supervision = match self.supervisor {
            Supervisor::Process => launch::process(&self.program, (&self.file, &self.changes), car, &bus, other)?,
            Supervisor::Thread => launch::thread(config, car, &bus, other)?,
        };

        let mut crew = Crew::new(fault);
        let (door, inputs) = bounded(QUEUE);
        let verdicts = Arc::new(Heard::default());
        ports.start(car, &places, &board, &door, &mut crew)?;
        {
            let (board, door, verdicts) = (Arc::clone(&board), door, Arc::clone(&verdicts));
            crew.start("can", move || {
                edges::can(bus, reader, &board, &door, || !verdicts.has_taken_over());
            })?;
        }
        {
            let (board, verdicts, line) = (Arc::clone(&board), Arc::clone(&verdicts), line.try_clone()?);
            line.set_read_timeout(Some(PATIENCE))?;
            crew.start("verdicts", move || verdicts.listen(&line, || board.is_over()))?;
        }
        let (progress, status) = (Arc::new(Progress::default()), Arc::new(Status::default()));
        let parts = Parts {
            vehicle: config.vehicle,
            board: Arc::clone(&board),
            observer,
            pen,
            line,
            verdicts: Arc::clone(&verdicts),
            names: Names {
                sensors: sensors.into_iter().map(|(name, _)| name).collect(),
                stages: STAGES.map(str::to_string).to_vec(),
            },
            budgets: car.budgets,
            progress: Arc::clone(&progress),
            status: Arc::clone(&status),
        };
        let mut recorder = Recorder::new(Some(writer), false, true, 0);
        recorder.watch = self.watch.clone();
        if let Err(error) = realtime::lock_memory() {
            status.say(&format!("warning: {error:#}"));
        }
        let joined = Sensors { camera: car.camera.is_some(), lidar: !car.lidar.is_empty(), ins: true };
        Ok(Prepared {
            board,
            status,
            detectors,
            stages,
            progress,
            crew,
            fault: Arc::clone(fault),
            inputs,
            join: Box::new(Join::new(joined, config.runtime.join_tolerance_s)),
            seat: CarSeat::new(parts),
            verdicts,
            supervision,
            hold,
            recorder,
            config: config.clone(),
        })
    }

    fn record(&self, networks: &Networks) -> RunRecord {
        let has_networks = !networks.digests.is_empty();
        RunRecord {
            version: env!("CARGO_PKG_VERSION").to_string(),
            mode: "drive".to_string(),
            config_sha256: self.config.digest(),
            models: networks.digests.clone(),
            engine: networks.record(),
            provider: if has_networks { self.networks.provider.to_string() } else { String::new() },
            network_threads: if has_networks { self.networks.threads as u64 } else { 0 },
            source: stack::file_name(&self.file),
        }
    }
}

fn create(output: &std::path::Path, record: &RunRecord, compression: Compression) -> anyhow::Result<DriveWriter> {
    ensure!(!output.exists(), "{}: it is there already, and a drive is never written over", output.display());
    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    Ok(DriveWriter::create(output, record, compression)?)
}

/// The ports of all sensors, open.
struct Ports {
    lidars: Vec<LidarPort>,
    ins: Option<(InsPort, InsUnit)>,
    signals: Option<UdpSocket>,
}

impl Ports {
    fn open(car: &Car, origin: Option<vehicle::ins::Geodetic>) -> anyhow::Result<Self> {
        let mut lidars = Vec::new();
        for lidar in &car.lidar {
            let text = lidar
                .angles
                .as_ref()
                .map(|path| std::fs::read_to_string(path).with_context(|| format!("{}", path.display())));
            let decoder = lidar::setup::decoder(&lidar.model, text.transpose()?.as_deref())
                .with_context(|| format!("car.lidar.{}", lidar.name))?;
            let assembly = lidar::Config { cut_deg: lidar.cut_deg, clock: lidar.clock.into() };
            let port = LidarPort::open(lidar.port, PATIENCE, decoder, assembly);
            lidars.push(port.with_context(|| format!("car.lidar.{}: UDP port {}", lidar.name, lidar.port))?);
        }
        let config = unit::Config { antenna_m: car.ins.antenna_m, clock: car.ins.clock.into(), origin };
        let ins = Some((InsPort::open(&car.ins.source)?, InsUnit::new(config)));
        let signals = match &car.signals {
            None => None,
            Some(signals) => {
                let socket = UdpSocket::bind(signals.port)
                    .with_context(|| format!("car.signals.port: UDP port {}", signals.port))?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Some(socket)
            }
        };
        Ok(Self { lidars, ins, signals })
    }

    /// Starts a thread for each port.
    fn start(
        &mut self,
        car: &Car,
        places: &calibration::Places,
        board: &Arc<Board>,
        door: &Sender<Input>,
        crew: &mut Crew,
    ) -> anyhow::Result<()> {
        let several = self.lidars.len() > 1;
        let (sweeps, gathered) = bounded::<(usize, LidarSweep)>(4 * self.lidars.len().max(1));
        let count = self.lidars.len();
        for (place, port) in self.lidars.drain(..).enumerate() {
            let (board, door, sweeps) = (Arc::clone(board), door.clone(), sweeps.clone());
            crew.start("lidar", move || {
                let line = &board.sensors[place];
                edges::lidar(port, &board, place, |sweep| {
                    if several {
                        line.heard();
                        if sweeps.try_send((place, sweep)).is_err() {
                            line.drop_one();
                        }
                    } else {
                        hand(&door, line, Input::Lidar(Arc::new(sweep)));
                    }
                });
            })?;
        }
        if several {
            let timeout = Duration::from_secs_f64(car.concatenation.timeout_s);
            let all = Concatenator::new(places.first_from_lidar.clone(), timeout, car.concatenation.tolerance_s);
            let (board, door) = (Arc::clone(board), door.clone());
            crew.start("concatenation", move || {
                edges::concatenation(&gathered, all, &board, |sweep| {
                    if door.try_send(Input::Lidar(Arc::new(sweep))).is_err() {
                        board.sensors[0].drop_one();
                    }
                });
            })?;
        }
        let mut place = count;
        let size_px = places.calibration.camera.as_ref().map_or([0; 2], |camera| [camera.width, camera.height]);
        if let Some(camera) = car.camera.clone() {
            let (board, door, at) = (Arc::clone(board), door.clone(), place);
            match camera.source.clone() {
                CameraAddress::Http { host, path } => {
                    crew.start("camera", move || camera_port::run(&camera, &host, &path, &board, at, &door))?;
                }
                CameraAddress::Device(device) => {
                    crew.start("camera", move || video_port::run(&camera, &device, size_px, &board, at, &door))?;
                }
            }
            place += 1;
        }
        if let Some((port, unit)) = self.ins.take() {
            let (board, door, at) = (Arc::clone(board), door.clone(), place);
            crew.start("ins", move || edges::ins(port, unit, &board, at, &door))?;
            place += 1;
        }
        if let (Some(socket), Some(signals)) = (self.signals.take(), &car.signals) {
            let (board, door, config) = (Arc::clone(board), door.clone(), signals.clock.into());
            crew.start("signals", move || edges::traffic_lights(&socket, config, &board, place, &door))?;
        }
        Ok(())
    }
}

impl Prepared {
    /// Drives until somebody asks for the end, or something fails and the car stands.
    ///
    /// # Errors
    /// If the threads cannot be had. What goes wrong in the drive is in its ending.
    pub fn run(self) -> anyhow::Result<Ending> {
        let Self {
            board,
            status,
            stages,
            progress,
            mut crew,
            fault,
            inputs,
            join,
            seat,
            verdicts,
            recorder,
            config,
            hold: _hold,
            ..
        } = self;
        let mut supervision = self.supervision;
        let settings = Settings {
            serial: false,
            step_budget: Duration::from_secs_f64(config.runtime.step_budget_s).min(HUNG_AFTER),
            log_limit_bytes: config.runtime.log_limit_bytes,
        };
        let corridor = Corridor { stages, ticker: stack::ticker(&config), recorder };
        let origin = Stamp::from_nanos(receive_time().nanos());
        let feed = Feed::Live { inputs, join, origin, seat: Box::new(seat) };
        let outcome = run(feed, corridor, &settings, &fault, &progress);
        board.over.store(true, Ordering::Release);
        let was_relieved = verdicts.has_taken_over();
        crew.wait(&[], Duration::from_secs(1));
        supervision.finish(was_relieved);
        Ok(Ending { outcome: outcome?, mode: status.mode(), was_relieved })
    }
}
