//! `chauffeur render`.

use crate::config::Config;
use crate::render::{View, picture, roads, save_png, sheet};
use crate::replay::Drive;
use crate::stack::file_name;
use anyhow::{Context, bail, ensure};
use clap::Args;
use maps::formats::{Content, MOST_BYTES};
use recordings::Message;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use types::{
    CameraFrame, Command, Detections, EgoState, Image, LidarSweep, Plan, PointCloud, Signals, Stamp, Tracks, Truth,
};

/// Most moments of a sheet.
const MOST_MOMENTS: usize = 48;

/// What to draw.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive; one that a replay has written shows what the stack made of it.
    #[arg(conflicts_with = "map")]
    drive: Option<PathBuf>,
    /// Seconds after the first message.
    #[arg(long, value_name = "SECONDS", conflicts_with = "map")]
    at: Option<f64>,
    /// Instead of one moment, so many of them side by side, from the first to the last: who keeps which identity.
    #[arg(long, value_name = "MOMENTS", conflicts_with_all = ["map", "at"])]
    sheet: Option<usize>,
    /// A map instead of a drive: CommonRoad XML, Lanelet2 OSM, OpenDRIVE or Argoverse 2 JSON. A scenario is drawn with its task, the lines
    /// that lead to the goal, and the traffic at the start.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Width of the ground that a map's picture shows; default: the whole map, or the task.
    #[arg(long, value_name = "METRES", requires = "map")]
    span: Option<f64>,
    /// The picture to write.
    #[arg(long, value_name = "FILE.png")]
    output: PathBuf,
    /// The vehicle's configuration (TOML), for its size.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The newest message of each kind up to one moment.
#[derive(Default)]
struct Moment {
    camera: Option<CameraFrame>,
    lidar: Option<LidarSweep>,
    ego: Option<(u64, EgoState)>,
    ins: Option<EgoState>,
    signals: Option<Signals>,
    truth: Option<Truth>,
    detections: Option<Detections>,
    tracks: Option<Tracks>,
    plan: Option<Plan>,
    command: Option<Command>,
}

impl Moment {
    fn take(&mut self, message: Message) {
        match message {
            Message::Camera(frame) => self.camera = Some(frame),
            Message::Lidar(sweep) => self.lidar = Some(sweep),
            Message::Ins(fix) => self.ins = Some(fix.state),
            Message::Signals(signals) => self.signals = Some(signals),
            Message::Truth(truth) => self.truth = Some(truth),
            Message::Ego { frame, state } => self.ego = Some((frame, state)),
            Message::Detections(detections) => self.detections = Some(detections),
            Message::Tracks(tracks) => self.tracks = Some(tracks),
            Message::Plan(plan) => self.plan = Some(plan),
            Message::Command(command) => self.command = Some(command),
            _ => {}
        }
    }
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    match (&options.map, &options.drive, options.at, options.sheet) {
        (Some(map), ..) => draw_map(map, options)?,
        (None, Some(path), Some(at), None) => draw_moment(path, at, options)?,
        (None, Some(path), None, Some(moments)) => draw_sheet(path, moments, options)?,
        _ => bail!("name a drive with --at or --sheet, or a --map"),
    }
    println!("{}", options.output.display());
    Ok(ExitCode::SUCCESS)
}

fn draw_map(path: &Path, options: &Options) -> anyhow::Result<()> {
    if let Some(span) = options.span {
        ensure!((1.0..=1e6).contains(&span), "--span {span}: outside 1 to 1000000 m");
    }
    let content = map_file(path)?;
    for finding in &content.map().findings {
        eprintln!("{}: {finding}", path.display());
    }
    save_png(&roads::picture(&file_name(path), &content, options.span), &options.output)
}

/// Reads a file of a map; one too large to be read is refused before it is loaded.
pub fn map_file(path: &Path) -> anyhow::Result<Content> {
    let name = path.display().to_string();
    let size = std::fs::metadata(path).with_context(|| name.clone())?.len();
    ensure!(size <= MOST_BYTES as u64, "{name}: {size} bytes, at most {MOST_BYTES} are read");
    let bytes = std::fs::read(path).with_context(|| name.clone())?;
    Ok(maps::formats::read(&name, &bytes)?)
}

fn draw_moment(path: &Path, at: f64, options: &Options) -> anyhow::Result<()> {
    let config = Config::read(options.config.as_deref())?;
    let drive = Drive::open(path)?;
    let (first, last) = drive.span().with_context(|| format!("{}: the drive is empty", path.display()))?;
    let length_s = last.seconds_since(first);
    ensure!((0.0..=length_s).contains(&at), "--at {at}: {} lasts from 0 to {length_s:.3} s", path.display());
    draw_stamp(drive, &file_name(path), first.offset(at), &config, &options.output)
}

/// Draws what a drive holds up to a stamp.
///
/// # Errors
/// A drive that cannot be read, a picture that cannot be written.
pub fn draw_stamp(drive: Drive, title: &str, stamp: Stamp, config: &Config, output: &Path) -> anyhow::Result<()> {
    let mut pictures = draw(drive, title, &[stamp], config, picture)?;
    save_png(&pictures.remove(0), output)
}

fn draw_sheet(path: &Path, moments: usize, options: &Options) -> anyhow::Result<()> {
    ensure!((2..=MOST_MOMENTS).contains(&moments), "--sheet {moments}: from 2 to {MOST_MOMENTS} moments");
    let config = Config::read(options.config.as_deref())?;
    let drive = Drive::open(path)?;
    let (first, last) = drive.span().with_context(|| format!("{}: the drive is empty", path.display()))?;
    let step_s = last.seconds_since(first) / (moments - 1) as f64;
    let stamps: Vec<Stamp> = (0..moments).map(|k| first.offset(k as f64 * step_s)).collect();
    let (title, size) = (file_name(path), sheet::cell_size(moments));
    let cells = draw(drive, &title, &stamps, &config, |view| sheet::cell(view, size))?;
    save_png(&sheet::picture(&title, cells), &options.output)
}

/// Draws what was known at each of some rising stamps.
fn draw<P>(
    drive: Drive,
    title: &str,
    stamps: &[Stamp],
    config: &Config,
    paint: impl Fn(&View) -> P,
) -> anyhow::Result<Vec<P>> {
    let first = drive.span().map(|(first, _)| first);
    let Drive { mut reader, calibration, route, .. } = drive;
    let (mut moment, mut pictures) = (Moment::default(), Vec::new());
    let mut waiting = None;
    for &moment_stamp in stamps {
        while let Some(message) = waiting.take().map(Ok).or_else(|| reader.next()) {
            let message = message?;
            if message.stamp().is_some_and(|stamp| stamp > moment_stamp) {
                waiting = Some(message);
                break;
            }
            moment.take(message);
        }
        let image = decode_image(moment.camera.as_ref());
        let points = decode_points(moment.lidar.as_ref());
        let ego = moment.ego.map(|(_, state)| state).or(moment.ins);
        let view = View {
            title,
            time_s: first.map_or(0.0, |first| moment_stamp.seconds_since(first)),
            frame: moment.ego.map(|(frame, _)| frame),
            stamp: Some(newest_stamp(&moment).unwrap_or(moment_stamp)),
            calibration: &calibration,
            vehicle: &config.vehicle,
            ego: ego.as_ref(),
            points: points.as_ref(),
            image: image.as_ref(),
            detections: moment.detections.as_ref(),
            tracks: moment.tracks.as_ref(),
            plan: moment.plan.as_ref(),
            command: moment.command.as_ref(),
            route: &route,
            signals: moment.signals.as_ref(),
            truth: moment.truth.as_ref(),
        };
        pictures.push(paint(&view));
    }
    Ok(pictures)
}

fn newest_stamp(moment: &Moment) -> Option<Stamp> {
    let lidar = moment.lidar.as_ref().map(|sweep| sweep.stamp);
    lidar.or_else(|| moment.camera.as_ref().map(|frame| frame.stamp))
}

/// A frame that cannot be decoded is left out of the picture, which says so.
fn decode_image(frame: Option<&CameraFrame>) -> Option<Image> {
    let mut image = Image::default();
    frame.filter(|frame| perception::decode::image(frame, &mut image).is_ok())?;
    Some(image)
}

fn decode_points(sweep: Option<&LidarSweep>) -> Option<PointCloud> {
    let mut points = PointCloud::default();
    sweep.filter(|sweep| perception::decode::points(sweep, &mut points).is_ok())?;
    Some(points)
}
