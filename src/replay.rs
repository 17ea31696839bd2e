//! A recorded drive through the stack: the modes, and what each one obeys.

use crate::config::Config;
use crate::runtime::control_loop::Ticks;
use crate::runtime::join::{Join, Sensors};
use crate::runtime::log::Recorder;
use crate::runtime::source::{self, Messages};
use crate::runtime::{Corridor, FaultCell, Feed, Outcome, Progress, Settings, run};
use crate::stack::{self, NetworkChoice, Networks, Work};
use crate::watch::Watch;
use anyhow::{Context, bail, ensure};
use recordings::{Compression, DriveInfo, DriveReader, DriveWriter, Message, RunRecord};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use types::{Calibration, Route, Stamp};

/// Where a replay begins to compute; what lies before comes from the drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Start {
    /// Sensors are read again.
    Decode,
    /// As [`Start::Decode`]: odometry looks at the points.
    Localize,
    /// Recorded ego states.
    Detect,
    /// Recorded ego states and detections: no network, no sensor.
    Track,
    /// Recorded ego states and tracks.
    Plan,
    /// Recorded ego states and plans.
    Control,
}

impl Start {
    /// The stages that run behind this start, by name; control runs always.
    #[must_use]
    pub fn runs(self, stage: &str) -> bool {
        match stage {
            "decode" => self <= Self::Detect,
            "localize" => self <= Self::Localize,
            "image" | "detect" => self <= Self::Detect,
            "track" => self <= Self::Track,
            "plan" => self <= Self::Plan,
            _ => true,
        }
    }

    /// Whether the sensors' bytes are needed.
    #[must_use]
    pub fn reads_sensors(self) -> bool {
        self <= Self::Detect
    }
}

/// What a replay obeys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Every frame, in virtual time.
    Lossless,
    /// The choices that the drive recorded: frames, drops, and which plan each command followed.
    Faithful,
    /// As faithful, but what lies before this stage is taken from the drive.
    From(Start),
    /// Sensors at their time on the wall clock, `rate` times as fast; the door drops what comes too fast.
    RealTime {
        /// Speed, 1 is life.
        rate: f64,
    },
}

impl Mode {
    /// Name in the run record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lossless => "lossless",
            Self::Faithful => "faithful",
            Self::From(Start::Decode) => "from-decode",
            Self::From(Start::Localize) => "from-localize",
            Self::From(Start::Detect) => "from-detect",
            Self::From(Start::Track) => "from-detections",
            Self::From(Start::Plan) => "from-plan",
            Self::From(Start::Control) => "from-control",
            Self::RealTime { .. } => "realtime",
        }
    }
}

/// A replay to be made.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The drive.
    pub drive: PathBuf,
    /// What it obeys.
    pub mode: Mode,
    /// Where the log goes; nowhere if there is no path.
    pub output: Option<PathBuf>,
    /// Compression of the log.
    pub compression: Compression,
    /// The vehicle's configuration.
    pub config: Config,
    /// Which networks.
    pub networks: NetworkChoice,
    /// All stages in one thread.
    pub serial: bool,
    /// How the stages up to detection work on a frame.
    pub work: Work,
    /// Leave images and sweeps out of the log, which are in the drive, and the views for people, which any replay makes.
    pub without_sensors: bool,
    /// Frames left out of the statistics at the start.
    pub warm_up: u64,
    /// Frames after them whose times are kept one by one.
    pub kept_frames: usize,
    /// Who watches.
    pub watch: Watch,
}

/// A replay that is ready to run.
pub struct Prepared {
    feed: Feed,
    corridor: Corridor,
    settings: Settings,
    /// Frames that the drive should give; what the progress bar counts to.
    pub expected_frames: u64,
    /// What detects, in words.
    pub detectors: String,
    /// What makes the log: version, mode, configuration, networks.
    pub record: RunRecord,
}

/// What a drive says about itself before its first frame.
pub struct Drive {
    /// The opened file.
    pub reader: DriveReader,
    /// Where the sensors sit.
    pub calibration: Calibration,
    /// Where to go, if the drive knows.
    pub route: Route,
    /// What it was recorded with.
    pub sensors: Sensors,
    /// Its table of contents.
    pub info: DriveInfo,
}

/// Topics that a replay asks for by name.
mod topic {
    pub const CAMERA: &str = "/camera/front/image";
    pub const LIDAR: &str = "/lidar/top/points";
    pub const INS: &str = "/ins/state";
    pub const SIGNALS: &str = "/signals";
    pub const TICK: &str = "/tick";
    pub const EGO: &str = "/ego/state";
    pub const DETECTIONS: &str = "/detections";
    pub const TRACKS: &str = "/tracks";
    pub const PLAN: &str = "/plan";
    pub const TRUTH: &str = "/truth/objects";
    pub const COMMAND: &str = "/command";
}

impl Drive {
    /// Opens a drive.
    ///
    /// # Errors
    /// Not a drive, cut, without calibration, without sensors: names the file.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut reader = DriveReader::open(path)?;
        let info = reader.info()?;
        let calibration = reader.calibration().cloned();
        let calibration = calibration.with_context(|| format!("{}: the drive has no calibration", path.display()))?;
        let has = |topic| count(&info, topic) > 0;
        let sensors = Sensors { camera: has(topic::CAMERA), lidar: has(topic::LIDAR), ins: has(topic::INS) };
        let route = reader.route().cloned().unwrap_or_default();
        Ok(Self { reader, calibration, route, sensors, info })
    }

    /// Stamps of the first and the last message.
    #[must_use]
    pub fn span(&self) -> Option<(Stamp, Stamp)> {
        let stamp = |ns: u64| Stamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX));
        self.info.span_ns.map(|(first, last)| (stamp(first), stamp(last)))
    }
}

/// Messages of a topic.
fn count(info: &DriveInfo, topic: &str) -> u64 {
    info.channels.iter().filter(|channel| channel.topic == topic).map(|channel| channel.messages).sum()
}

impl Replay {
    /// Every frame of a drive, with threads and without a log.
    #[must_use]
    pub fn lossless(drive: PathBuf, config: Config, networks: NetworkChoice) -> Self {
        Self {
            drive,
            mode: Mode::Lossless,
            output: None,
            compression: Compression::None,
            config,
            networks,
            serial: false,
            work: Work::InFlight,
            without_sensors: false,
            warm_up: 0,
            kept_frames: 0,
            watch: Watch::default(),
        }
    }

    /// Opens the drive, loads the networks and creates the log.
    ///
    /// # Errors
    /// Bad input: names the file, the field and the numbers.
    pub fn prepare(&self) -> anyhow::Result<Prepared> {
        let drive = Drive::open(&self.drive)?;
        let span = drive.span();
        let Drive { mut reader, calibration, route, sensors, info } = drive;
        let count = |topic| count(&info, topic);
        let config = &self.config;
        let path = self.drive.display();
        let start = if let Mode::From(start) = self.mode { start } else { Start::Decode };
        for (stage, what, topic) in [
            (Start::Detect, "ego states", topic::EGO),
            (Start::Track, "detections", topic::DETECTIONS),
            (Start::Plan, "tracks", topic::TRACKS),
            (Start::Control, "plans", topic::PLAN),
        ] {
            let wanted = if stage == Start::Detect { start >= stage } else { start == stage };
            ensure!(
                !wanted || count(topic) > 0,
                "{path}: the drive holds no {what}: replay it once with --mode lossless"
            );
        }
        if start.reads_sensors() {
            ensure!(sensors.camera || sensors.lidar, "{path}: the drive holds neither images nor sweeps");
        }
        if matches!(self.mode, Mode::Faithful | Mode::From(_)) {
            ensure!(
                count(topic::TICK) > 0,
                "{path}: the drive holds no choices to obey: it was never run; use --mode lossless"
            );
        }
        let networks = if start.runs("detect") {
            Networks::load(&self.networks, sensors.camera, sensors.lidar)?
        } else {
            Networks::default()
        };
        let record = self.record(&networks);
        let mut writer = self.writer(&record, &calibration, &route)?;
        if let Some(writer) = &mut writer {
            writer.with_views = !self.without_sensors;
        }
        let mut recorder = Recorder::new(
            writer,
            !matches!(self.mode, Mode::RealTime { .. }),
            matches!(self.mode, Mode::RealTime { .. }),
            self.warm_up,
        );
        recorder.statistics.keep(self.kept_frames);
        recorder.without_sensors = self.without_sensors;
        recorder.watch = self.watch.clone();
        recorder.watch.begin(&calibration, &route);
        let expected_frames = match self.mode {
            Mode::Faithful | Mode::From(_) => count(topic::TICK),
            _ if sensors.lidar => count(topic::LIDAR),
            _ => count(topic::CAMERA),
        };
        let detectors = match start {
            Start::Track => "recorded detections".to_string(),
            Start::Plan => "recorded tracks".to_string(),
            Start::Control => "recorded plans".to_string(),
            _ => networks.describe(),
        };
        let mut stages = if start.runs("detect") {
            stack::stages(config, &calibration, &route, networks, self.work(start))?
        } else {
            stack::behind_detection(config, &route)?
        };
        stages.retain(|stage| start.runs(stage.name()));
        let tolerance_s = config.runtime.join_tolerance_s;
        if !start.reads_sensors() {
            let all = [topic::TICK, topic::EGO, topic::DETECTIONS, topic::COMMAND, topic::SIGNALS, topic::TRUTH];
            let more: &[&str] = match start {
                Start::Plan => &[topic::TRACKS],
                Start::Control => &[topic::TRACKS, topic::PLAN],
                _ => &[],
            };
            reader.only(&[&all, more].concat());
        }
        let origin = span.map_or(Stamp::default(), |(first, _)| first);
        let messages: Messages = Box::new(reader);
        let feed = match self.mode {
            Mode::Lossless => Feed::Virtual(source::lossless(messages, sensors, tolerance_s), Ticks::Stamps),
            Mode::Faithful => Feed::Virtual(source::faithful(messages, tolerance_s, false), Ticks::Recorded),
            Mode::From(start) if start.reads_sensors() => {
                let injected = !start.runs("localize");
                Feed::Virtual(source::faithful(messages, tolerance_s, injected), Ticks::Recorded)
            }
            Mode::From(_) => Feed::Virtual(source::recorded(messages), Ticks::Recorded),
            Mode::RealTime { rate } => {
                if !(0.01..=100.0).contains(&rate) {
                    bail!("--rate {rate} is outside 0.01 to 100");
                }
                let join = Box::new(Join::new(sensors, tolerance_s));
                Feed::RealTime { inputs: source::inputs(messages), join, origin, rate }
            }
        };
        let settings = Settings {
            serial: self.serial,
            step_budget: Duration::from_secs_f64(config.runtime.step_budget_s),
            log_limit_bytes: config.runtime.log_limit_bytes,
        };
        let corridor = Corridor { stages, ticker: stack::ticker(config), recorder };
        Ok(Prepared { feed, corridor, settings, expected_frames, detectors, record })
    }

    /// A replay that takes localization from the drive has nothing to put beside detection.
    fn work(&self, start: Start) -> Work {
        if start.runs("localize") { self.work } else { Work::InTurn }
    }

    fn record(&self, networks: &Networks) -> RunRecord {
        RunRecord {
            version: env!("CARGO_PKG_VERSION").to_string(),
            mode: self.mode.name().to_string(),
            config_sha256: self.config.digest(),
            models: networks.digests.clone(),
            engine: networks.record(),
            provider: if networks.digests.is_empty() { String::new() } else { self.networks.provider.to_string() },
            network_threads: if networks.digests.is_empty() { 0 } else { self.networks.threads as u64 },
            source: stack::file_name(&self.drive),
        }
    }

    fn writer(
        &self,
        record: &RunRecord,
        calibration: &Calibration,
        route: &Route,
    ) -> anyhow::Result<Option<DriveWriter>> {
        let Some(output) = &self.output else { return Ok(None) };
        if let (Ok(input), Ok(output)) = (self.drive.canonicalize(), output.canonicalize()) {
            ensure!(input != output, "{}: the output would overwrite the drive", output.display());
        }
        if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        }
        let mut writer = DriveWriter::create(output, record, self.compression)?;
        writer.write(&Message::Calibration(calibration.clone()))?;
        if !route.points.is_empty() {
            writer.write(&Message::Route(route.clone()))?;
        }
        Ok(Some(writer))
    }
}

impl Prepared {
    /// Runs to the end of the drive, a fault, or an interrupt.
    ///
    /// # Errors
    /// If the threads cannot be had. What goes wrong in the run is in the outcome.
    pub fn run(self, fault: &Arc<FaultCell>, progress: &Arc<Progress>) -> anyhow::Result<Outcome> {
        run(self.feed, self.corridor, &self.settings, fault, progress)
    }
}
