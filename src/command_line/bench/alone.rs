//! The detectors by themselves: the bare networks on what their inputs hold, and every piece of work on the device.

use crate::command_line::table;
use crate::replay::Drive;
use crate::stack::{LidarNetwork, NetworkChoice, Networks};
use models::gpu::{Cuda, Work};
use models::{CameraDetector, LidarDetector};
use recordings::Message;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use types::{Calibration, Image, PointCloud};

/// Frames of the drive that are looked at again and again.
const FRAMES: usize = 8;
/// Rounds over them, with a GPU and without.
const ROUNDS: [usize; 2] = [50, 2];

/// One measured thing, in milliseconds.
struct Times {
    name: String,
    ms: Vec<f64>,
}

/// What was measured.
pub struct Alone {
    networks: Vec<Times>,
    work: Vec<Times>,
    /// Bytes to the device and from it, a frame.
    bytes: Option<[f64; 2]>,
    device_bytes: Option<usize>,
}

/// Measures the detectors of a catalogue on the first frames of a drive. Nothing if there is none that stays on its tensors.
pub fn measure(drive: &Path, choice: &NetworkChoice) -> anyhow::Result<Alone> {
    let opened = Drive::open(drive)?;
    let mut networks = Networks::load(choice, opened.sensors.camera, opened.sensors.lidar)?;
    let calibration = opened.calibration.clone();
    let (images, clouds) = first_frames(opened)?;
    let mut lidar = match networks.lidar.take() {
        Some(LidarNetwork::Detector(network)) => Some(network),
        _ => None,
    };
    let mut detectors = Detectors { camera: networks.camera.take(), lidar: lidar.take(), calibration };
    let is_on_gpu = !detectors.streams().is_empty();
    let rounds = if is_on_gpu { ROUNDS[0] } else { ROUNDS[1] };
    detectors.frames(&images, &clouds, 1)?; // warm-up
    let networks_times = detectors.bare(rounds * FRAMES)?;
    let traffic = |streams: &[Cuda]| {
        streams.iter().map(Cuda::traffic).fold([0, 0], |sum, bytes| [sum[0] + bytes[0], sum[1] + bytes[1]])
    };
    let streams = detectors.streams();
    let before = traffic(&streams);
    let mut all = detectors.frames(&images, &clouds, rounds)?;
    let after = traffic(&streams);
    let frames = all.ms.len().max(1) as f64;
    let bytes = is_on_gpu.then(|| [0, 1].map(|way: usize| (after[way] - before[way]) as f64 / frames));
    all.name = "both detectors, all of it, clock".into();
    let mut networks_times = networks_times;
    networks_times.push(all);
    let work = detectors.profile(&images, &clouds, rounds.min(20))?;
    Ok(Alone { networks: networks_times, work, bytes, device_bytes: networks.device_bytes })
}

/// Decodes the first images and sweeps.
fn first_frames(drive: Drive) -> anyhow::Result<(Vec<Image>, Vec<PointCloud>)> {
    let (mut images, mut clouds) = (Vec::new(), Vec::new());
    for message in drive.reader {
        match message? {
            Message::Camera(frame) if images.len() < FRAMES => {
                let mut image = Image::default();
                perception::decode::image(&frame, &mut image)?;
                images.push(image);
            }
            Message::Lidar(sweep) if clouds.len() < FRAMES => {
                let mut cloud = PointCloud::default();
                perception::decode::points(&sweep, &mut cloud)?;
                clouds.push(cloud);
            }
            _ => {}
        }
        let has = |sensor: bool, found: usize| !sensor || found >= FRAMES;
        if has(drive.sensors.camera, images.len()) && has(drive.sensors.lidar, clouds.len()) {
            break;
        }
    }
    Ok((images, clouds))
}

struct Detectors {
    camera: Option<CameraDetector>,
    lidar: Option<LidarDetector>,
    calibration: Calibration,
}

impl Detectors {
    fn streams(&mut self) -> Vec<Cuda> {
        let camera = self.camera.as_mut().map(CameraDetector::network);
        let lidar = self.lidar.as_mut().map(LidarDetector::network);
        camera.into_iter().chain(lidar).filter_map(|network| network.cuda().cloned()).collect()
    }

    /// One frame as the corridor does it.
    fn frame(&mut self, image: Option<&Image>, cloud: Option<&PointCloud>) -> anyhow::Result<()> {
        let mut camera = self.camera.as_mut().zip(image);
        let mut lidar = self.lidar.as_mut().zip(cloud);
        if let Some((network, image)) = &mut camera {
            network.prepare(image)?;
            network.start()?;
        }
        if let Some((network, cloud)) = &mut lidar {
            network.prepare(cloud, &self.calibration.base_from_lidar)?;
            network.start()?;
        }
        if let Some((network, _)) = camera {
            network.finish()?;
            network.boxes()?;
        }
        if let Some((network, _)) = lidar {
            network.finish()?;
            network.boxes()?;
        }
        Ok(())
    }

    #[allow(clippy::disallowed_methods)] // a bench measures
    fn frames(&mut self, images: &[Image], clouds: &[PointCloud], rounds: usize) -> anyhow::Result<Times> {
        let mut ms = Vec::new();
        for _ in 0..rounds {
            for index in 0..images.len().max(clouds.len()) {
                let begin = Instant::now();
                self.frame(images.get(index), clouds.get(index))?;
                ms.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
        Ok(Times { name: String::new(), ms })
    }

    /// The networks alone, by the clock and on the device.
    #[allow(clippy::disallowed_methods)] // a bench measures
    fn bare(&mut self, runs: usize) -> anyhow::Result<Vec<Times>> {
        let mut measured = Vec::new();
        let mut take = |name: &str, run: &mut dyn FnMut() -> Result<Option<f64>, models::ModelError>| {
            let (mut clock, mut device) = (Vec::new(), Vec::new());
            for _ in 0..runs {
                let begin = Instant::now();
                let on_device = run()?;
                clock.push(begin.elapsed().as_secs_f64() * 1e3);
                device.extend(on_device);
            }
            measured.push(Times { name: format!("{name} network alone, clock"), ms: clock });
            if !device.is_empty() {
                measured.push(Times { name: format!("{name} network alone, device"), ms: device });
            }
            Ok::<_, models::ModelError>(())
        };
        if let Some(network) = &mut self.camera {
            take("camera", &mut || network.network().run_alone())?;
        }
        if let Some(network) = &mut self.lidar {
            take("lidar", &mut || network.network().run_alone())?;
        }
        Ok(measured)
    }

    /// Every piece of work on the device, summed by name over a frame.
    fn profile(&mut self, images: &[Image], clouds: &[PointCloud], rounds: usize) -> anyhow::Result<Vec<Times>> {
        let streams = self.streams();
        streams.iter().try_for_each(|stream| stream.profile(true))?;
        let mut found: Vec<Times> = Vec::new();
        for _ in 0..rounds {
            for index in 0..images.len().max(clouds.len()) {
                self.frame(images.get(index), clouds.get(index))?;
                let mut frame: Vec<(String, f64)> = Vec::new();
                for (stream, sensor) in streams.iter().zip(self.names()) {
                    for Work { name, ms, .. } in stream.profiled()? {
                        let name = format!("{sensor} {name}");
                        match frame.iter_mut().find(|(known, _)| *known == name) {
                            Some((_, sum)) => *sum += ms,
                            None => frame.push((name, ms)),
                        }
                    }
                }
                for (name, ms) in frame {
                    match found.iter_mut().find(|times| times.name == name) {
                        Some(times) => times.ms.push(ms),
                        None => found.push(Times { name, ms: vec![ms] }),
                    }
                }
            }
        }
        streams.iter().try_for_each(|stream| stream.profile(false))?;
        Ok(found)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let camera = self.camera.is_some().then_some("camera");
        camera.into_iter().chain(self.lidar.is_some().then_some("lidar"))
    }
}

impl Times {
    fn row(&mut self) -> (String, [f64; 4]) {
        self.ms.sort_by(f64::total_cmp);
        (self.name.clone(), quantiles(&self.ms))
    }
}

/// Median, 90th and 99th of 100, and the last of rising times; zero if there are none.
pub fn quantiles(sorted: &[f64]) -> [f64; 4] {
    let at = |share: f64| sorted.get((share * sorted.len().saturating_sub(1) as f64).round() as usize);
    [0.5, 0.9, 0.99, 1.0].map(|share| at(share).copied().unwrap_or(0.0))
}

impl Alone {
    /// Prints both tables.
    pub fn print(&mut self) {
        println!("the detectors alone, on the first {FRAMES} frames again and again, after a warm-up round:");
        table::print_times(self.networks.iter_mut().map(Times::row));
        if !self.work.is_empty() {
            println!("work on the device, a frame (marks of the profile included, about 0.002 ms each):");
            table::print_times(self.work.iter_mut().map(Times::row));
        }
        if let Some([to, from]) = self.bytes {
            println!("bytes a frame: {to:.0} to the device, {from:.0} from it");
        }
        if let Some(bytes) = self.device_bytes {
            println!("memory of the device for the networks: {} MiB (what else runs on it counts, too)", bytes >> 20);
        }
    }

    /// The same for a file.
    pub fn report(&mut self) -> Value {
        let list = |times: &mut Vec<Times>| {
            let rows = times.iter_mut().map(Times::row);
            rows.map(|(name, [p50, p90, p99, max])| json!({ "part": name, "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max }))
                .collect::<Vec<_>>()
        };
        json!({
            "alone": list(&mut self.networks),
            "device_work": list(&mut self.work),
            "bytes_to_device": self.bytes.map(|bytes| bytes[0]),
            "bytes_from_device": self.bytes.map(|bytes| bytes[1]),
            "device_bytes": self.device_bytes,
        })
    }
}
