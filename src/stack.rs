//! The stages of one car on one drive, built from its configuration.

use crate::config::Config;
use crate::onnxruntime;
use crate::runtime::beside::Beside;
use crate::runtime::detection::{CameraEye, Detect, LidarDetection, LookAtImage};
use crate::runtime::stages;
use crate::runtime::{Stage, Ticker};
use anyhow::{Context, bail, ensure};
use control::Controller;
use models::{CameraDetector, Catalogue, Engine, LidarDetector, LidarSegmenter, Provider, Role};
use perception::decode::OwnReturns;
use perception::detect::{GeometricDetector, ObstacleDetector, SegmentDetector};
use perception::localize::Localizer;
use perception::track::Tracker;
use planning::{Planner, Way};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::{Calibration, Route};

/// Where the networks come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CatalogueChoice {
    /// Our own, which are part of the program.
    #[default]
    Own,
    /// There are none: the geometric detector works alone.
    Nothing,
    /// A file names them.
    File(PathBuf),
}

/// Which networks to run, and on what.
#[derive(Clone, Debug)]
pub struct NetworkChoice {
    /// The networks.
    pub catalogue: CatalogueChoice,
    /// Folder of the ONNX files, if it is not the catalogue's.
    pub model_dir: Option<PathBuf>,
    /// The ONNX Runtime library, if it is not to be looked for.
    pub onnxruntime: Option<PathBuf>,
    /// Where the networks run.
    pub provider: Provider,
    /// Threads of a network.
    pub threads: usize,
    /// Whether TensorRT may build an engine that is not there, for minutes.
    pub builds: bool,
}

/// A network for the lidar.
#[allow(clippy::large_enum_variant)] // there is one of it in a run
pub enum LidarNetwork {
    /// Labels points.
    Segmenter(LidarSegmenter),
    /// Finds boxes.
    Detector(LidarDetector),
}

/// The loaded networks and what the run record says about them.
#[derive(Default)]
pub struct Networks {
    /// Finds boxes in the image.
    pub camera: Option<CameraDetector>,
    /// Looks at the sweep.
    pub lidar: Option<LidarNetwork>,
    /// The engine in words; empty if there is no network.
    pub engine: String,
    /// SHA-256 of each network, by name.
    pub digests: BTreeMap<String, String>,
    /// Where each network on a GPU runs, as its session says.
    pub placements: BTreeMap<String, String>,
    /// Memory of the GPU that loading them took, bytes; none on the CPU.
    pub device_bytes: Option<usize>,
}

impl Networks {
    /// Loads what the catalogue names, for the sensors that the drive has. Says in one line on what they run.
    ///
    /// # Errors
    /// What is missing or wrong: library, provider, catalogue, file, digest, shape, operator.
    pub fn load(choice: &NetworkChoice, has_camera: bool, has_lidar: bool) -> anyhow::Result<Self> {
        if choice.catalogue == CatalogueChoice::Nothing {
            let provider = choice.provider;
            ensure!(provider == Provider::Cpu, "{provider} was asked for, but no network: --models says none");
            return Ok(Self::default());
        }
        let library = onnxruntime::find(choice.onnxruntime.as_deref())?;
        let catalogue = match &choice.catalogue {
            CatalogueChoice::File(path) => Catalogue::read(path, choice.model_dir.as_deref())?,
            _ => Catalogue::embedded()?,
        };
        let path = library.as_ref().map(|library| library.path.as_path());
        let engine = Engine::open_with_cache(path, choice.provider, choice.threads, onnxruntime::cache().as_deref())?;
        let engine = if choice.builds { engine } else { engine.without_building() };
        let mut networks = Self { engine: engine.describe(), ..Self::default() };
        let free_before = engine.free_memory();
        if let (Some(one), Some(other)) =
            (catalogue.of_role(Role::LidarSegmenter), catalogue.of_role(Role::LidarDetector))
        {
            bail!("networks {} and {} both look for objects in the sweep: one is enough", one.name, other.name);
        }
        for spec in &catalogue.networks {
            match spec.role {
                Role::CameraDetector if has_camera => {
                    let mut network = CameraDetector::load(&engine, spec)?;
                    networks.placements.extend(network.network().placement().map(|place| (spec.name.clone(), place)));
                    networks.camera = Some(network);
                }
                Role::LidarSegmenter if has_lidar => {
                    networks.lidar = Some(LidarNetwork::Segmenter(LidarSegmenter::load(&engine, spec)?));
                }
                Role::LidarDetector if has_lidar => {
                    let mut network = LidarDetector::load(&engine, spec)?;
                    networks.placements.extend(network.network().placement().map(|place| (spec.name.clone(), place)));
                    networks.lidar = Some(LidarNetwork::Detector(network));
                }
                Role::CameraDetector | Role::LidarSegmenter | Role::LidarDetector => continue,
            }
            networks.digests.insert(spec.name.clone(), spec.sha256.clone());
        }
        networks.device_bytes =
            free_before.zip(engine.free_memory()).map(|(before, after)| before.saturating_sub(after));
        Ok(networks)
    }

    /// Engine, device and places, for the record of a run.
    #[must_use]
    pub fn record(&self) -> String {
        if self.digests.is_empty() {
            return String::new();
        }
        let places = self.placements.iter().map(|(name, place)| format!("; {name}: {place}")).collect::<String>();
        format!("{}{places}; on {}", self.engine, processor())
    }

    /// What detects, in one line for a person; one more for each network on a GPU.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.digests.is_empty() {
            return "no network: geometric lidar detector".to_string();
        }
        let names: Vec<&str> = self.digests.keys().map(String::as_str).collect();
        let places = self.placements.iter().map(|(name, place)| format!("\n  {name}: {place}")).collect::<String>();
        format!("{} on {}{places}", names.join(" and "), self.engine)
    }
}

/// The processor by name: libraries choose their code, and with it the order of sums, by what it can do.
fn processor() -> String {
    let table = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = table.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_string(), |(_, name)| name.trim().to_string())
}

/// How the stages up to detection work on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One after the other, on one thread each.
    InTurn,
    /// Localization beside detection: a frame is ready sooner where there are cores for it. The answers are the same.
    Beside,
    /// Each on a thread of its own, the image's detector, too: as many frames as there are stages are on their way, and all cores have work.
    /// The most frames a second, and the answers are the same.
    InFlight,
}

/// All stages, from bytes to plan.
///
/// # Errors
/// If the calibration or the route cannot be used.
pub fn stages(
    config: &Config,
    calibration: &Calibration,
    route: &Route,
    networks: Networks,
    work: Work,
) -> anyhow::Result<Vec<Box<dyn Stage>>> {
    calibration.validate()?;
    let calibration = Arc::new(calibration.clone());
    let own_returns = OwnReturns::new(&config.decode, &config.vehicle, &calibration.base_from_lidar);
    let localizer = Localizer::new(config.localize.clone());
    let mut detect = Detect {
        camera: CameraEye(networks.camera),
        lidar: match networks.lidar {
            None => LidarDetection::Geometry(GeometricDetector::new(config.geometric)),
            Some(LidarNetwork::Segmenter(network)) => {
                LidarDetection::Segments(network, SegmentDetector::new(config.segments))
            }
            Some(LidarNetwork::Detector(network)) => {
                LidarDetection::Boxes(network, ObstacleDetector::new(config.geometric))
            }
        },
        calibration: Arc::clone(&calibration),
    };
    let localize = stages::Localize { localizer, calibration };
    let mut all: Vec<Box<dyn Stage>> = vec![Box::new(stages::Decode { own_returns })];
    match work {
        Work::InTurn => all.extend([Box::new(localize) as Box<dyn Stage>, Box::new(detect)]),
        Work::Beside => all.push(Box::new(Beside::new(localize, detect))),
        Work::InFlight => {
            let camera = std::mem::replace(&mut detect.camera, CameraEye(None));
            all.extend([Box::new(localize) as Box<dyn Stage>, Box::new(LookAtImage(camera)), Box::new(detect)]);
        }
    }
    all.extend(behind_detection(config, route)?);
    Ok(all)
}

/// The stages behind detection.
///
/// # Errors
/// If the route cannot be used.
pub fn behind_detection(config: &Config, route: &Route) -> anyhow::Result<Vec<Box<dyn Stage>>> {
    Ok(vec![
        Box::new(stages::Track { tracker: Tracker::new(config.track.clone()) }),
        Box::new(planning(config, route)?),
    ])
}

/// The planner on its route.
///
/// # Errors
/// If the route cannot be used.
pub fn planning(config: &Config, route: &Route) -> anyhow::Result<stages::Planning> {
    let route = match route.points.as_slice() {
        [] => None,
        _ => Some(Way::new(route).context("the drive's route")?),
    };
    Ok(stages::Planning { planner: Planner::new(config.planning, config.vehicle), route })
}

/// Control behind the plan.
#[must_use]
pub fn ticker(config: &Config) -> Ticker {
    let controller = Controller::new(config.control, config.vehicle);
    Ticker::new(controller, config.runtime.control_period_s, config.runtime.latency_s)
}

/// The file's name without folders, for a message or a record.
#[must_use]
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Drive;
    use crate::runtime::frame::{Buffers, Frame, Spans};
    use crate::runtime::pool::Pool;
    use crate::runtime::stage::guarded_step;
    use crate::runtime::{FaultCell, SourceItem, source};
    use std::time::Instant;
    use types::{Admission, CameraFrame};

    /// What stages made of each frame of the street, of which two images are cut.
    #[allow(clippy::disallowed_methods)] // a frame has a begin
    fn made(work: Work) -> Vec<String> {
        let street = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/drives/street.mcap");
        let drive = Drive::open(&street).unwrap();
        let config = Config::read(None).unwrap();
        let mut stages = stages(&config, &drive.calibration, &drive.route, Networks::default(), work).unwrap();
        let (pool, fault) = (Pool::new(1, Buffers::default), FaultCell::default());
        let sets = source::lossless(Box::new(drive.reader), drive.sensors, config.runtime.join_tolerance_s);
        let sets = sets.filter_map(|item| match item.unwrap() {
            SourceItem::Set(set, _) => Some(set),
            _ => None,
        });
        let mut all = Vec::new();
        for (frame, mut set) in (0..12).zip(sets) {
            if let (3 | 4, Some(image)) = (frame, &set.camera) {
                set.camera = Some(Arc::new(CameraFrame { data: image.data.slice(..100), ..(**image).clone() }));
            }
            let admission = Admission { frame, stamp: set.stamp, ..Admission::default() };
            let mut frame = Frame::admitted(admission, *set, Spans::starting(Instant::now()));
            frame.buffers = pool.lease();
            for stage in &mut stages {
                assert!(guarded_step(stage.as_mut(), &mut frame, &fault));
            }
            let Frame { decoded, ego, detections, tracks, plan, findings, skipped, .. } = frame;
            all.push(format!("{decoded:?} {ego:?} {detections:?} {tracks:?} {plan:?} {findings:?} {skipped:?}"));
        }
        all
    }

    #[test]
    fn frames_are_the_same_in_turn_beside_and_in_flight() {
        let in_turn = made(Work::InTurn);
        assert_eq!(in_turn.len(), 12);
        assert!(in_turn[3].contains("stage: \"detect\"") && !in_turn[5].contains("Skipped"), "{}", in_turn[3]);
        for work in [Work::Beside, Work::InFlight] {
            assert!(made(work) == in_turn, "{work:?}");
        }
    }
}
