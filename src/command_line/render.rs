//! `chauffeur render`.

use crate::config::Config;
use crate::render::{View, picture, save_png};
use crate::replay::Drive;
use crate::stack::file_name;
use anyhow::{Context, ensure};
use clap::Args;
use recordings::Message;
use std::path::PathBuf;
use std::process::ExitCode;
use types::{
    CameraFrame, Command, Detections, EgoState, Image, LidarSweep, Plan, PointCloud, Signals, Stamp, Tracks, Truth,
};

/// What to draw.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive; one that a replay has written shows what the stack made of it.
    drive: PathBuf,
    /// Seconds after the first message.
    #[arg(long, value_name = "SECONDS")]
    at: f64,
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
    let config = Config::read(options.config.as_deref())?;
    let drive = Drive::open(&options.drive)?;
    let (first, last) = drive.span().with_context(|| format!("{}: the drive is empty", options.drive.display()))?;
    let length_s = last.seconds_since(first);
    let at = options.at;
    ensure!((0.0..=length_s).contains(&at), "--at {at}: {} lasts from 0 to {length_s:.3} s", options.drive.display());
    let moment_stamp = first.offset(at);
    let Drive { reader, calibration, route, .. } = drive;
    let mut moment = Moment::default();
    for message in reader {
        let message = message?;
        if message.stamp().is_some_and(|stamp| stamp > moment_stamp) {
            break;
        }
        moment.take(message);
    }
    let image = decode_image(moment.camera.as_ref());
    let points = decode_points(moment.lidar.as_ref());
    let ego = moment.ego.map(|(_, state)| state).or(moment.ins);
    let view = View {
        title: &file_name(&options.drive),
        time_s: at,
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
    save_png(&picture(&view), &options.output)?;
    println!("{}", options.output.display());
    Ok(ExitCode::SUCCESS)
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
