//! A load on the log: how much it takes without leaving anything out, and whether control feels it.

use super::clock::CpuWatch;
use super::crew::Crew;
use super::fault::FaultCell;
use super::frame::Input;
use super::log::{LogItem, LogSender, Recorder};
use super::run::Progress;
use super::threads::log_thread;
use crossbeam_channel::bounded;
use recordings::DriveWriter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{CameraFrame, Command, ImageFormat, LidarSweep, PointField, PointKind, Stamp};

/// Control's period.
const TICK: Duration = Duration::from_millis(10);
const IMAGE_BYTES: usize = 400_000;
/// What is left of the queue must be on the disk by then.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What to put on the log.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Bytes of sensors each second.
    pub bytes_per_s: f64,
    /// For how long.
    pub duration: Duration,
    /// Bytes that wait for the log at most, as while driving.
    pub limit_bytes: usize,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct Felt {
    /// How late each tick of control began, ns, sorted.
    pub lateness_ns: Vec<u64>,
    /// How long each tick was busy handing its items to the log, ns, sorted.
    pub handing_ns: Vec<u64>,
    /// Messages left out: sensors, then others.
    pub lost: (u64, u64),
    /// From the first item to the closed file, s.
    pub elapsed_s: f64,
    /// Processor time of the log's thread, s.
    pub log_cpu_s: f64,
}

/// Ticks as control does, each time with a command for the log, while another thread gives it sensors as the door does: through the queue and
/// the thread that a drive has. Without a writer there are only the ticks and the making of the sensors' messages.
///
/// # Errors
/// If a thread cannot be started or the log cannot be written.
pub fn put(load: &Load, writer: Option<DriveWriter>) -> anyhow::Result<Felt> {
    let fault = Arc::new(FaultCell::default());
    let progress = Arc::new(Progress::default());
    let (queue, items) = bounded(1 << 16);
    let log = LogSender::new(queue, load.limit_bytes, false);
    let account = log.account();
    let recorder = Recorder::new(writer, false, true, 0);
    let (sender, result) = bounded(1);
    let mut crew = Crew::new(&fault);
    {
        let (account, fault) = (log.account(), Arc::clone(&fault));
        crew.start("log", move || {
            let watch = CpuWatch::start();
            let end = log_thread(&items, recorder, &account, &fault, &progress);
            let _ = sender.try_send((end, watch.elapsed()));
        })?;
    }
    let ticks = (load.duration.as_secs_f64() / TICK.as_secs_f64()) as u32;
    let begin = Instant::now();
    {
        let (log, bytes_per_tick) = (log.clone(), (load.bytes_per_s * TICK.as_secs_f64()) as usize);
        crew.start("sensors", move || sense(&log, bytes_per_tick, begin, ticks))?;
    }
    let mut felt = Felt::default();
    for tick in 0..ticks {
        let due = begin + TICK * tick;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        felt.lateness_ns.push(Instant::now().saturating_duration_since(due).as_nanos() as u64);
        let start = Instant::now();
        let (steering_rad, acceleration_mps2) = (0.01, -0.5);
        let (tick, stamp) = (tick.into(), stamp(tick));
        let command = Command {
            tick,
            stamp,
            steering_rad,
            acceleration_mps2,
            plan: None,
            ego: None,
            stop: None,
            limits: 0,
            fallback: None,
            grant: None,
        };
        let _ = log.send(LogItem::Commands(vec![command]));
        felt.handing_ns.push(start.elapsed().as_nanos() as u64);
    }
    drop(log);
    crew.wait(&[], LONGEST_WAIT);
    let ((recorder, error), cpu) = result.recv_timeout(LONGEST_WAIT)?;
    error.map_or(Ok(()), Err)?;
    let (tally, _) = recorder.finish()?;
    anyhow::ensure!(tally.log_ended.is_none(), "the log has ended: {}", tally.log_ended.unwrap_or_default());
    (felt.elapsed_s, felt.lost, felt.log_cpu_s) = (begin.elapsed().as_secs_f64(), account.lost(), cpu.as_secs_f64());
    felt.lateness_ns.sort_unstable();
    felt.handing_ns.sort_unstable();
    Ok(felt)
}

/// An image and a sweep each tick.
fn sense(log: &LogSender, bytes_per_tick: usize, begin: Instant, ticks: u32) {
    let (image, sweep) = (noise(IMAGE_BYTES), noise(bytes_per_tick.saturating_sub(IMAGE_BYTES) / 16 * 16));
    for tick in 0..ticks {
        let due = begin + TICK * tick;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for input in [camera(tick.into(), stamp(tick), &image), lidar(tick.into(), stamp(tick), &sweep)] {
            let _ = log.send(LogItem::Input(input));
        }
    }
}

fn stamp(tick: u32) -> Stamp {
    Stamp::from_nanos(i64::from(tick) * TICK.as_nanos() as i64)
}

/// Bytes that no compression makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(count).collect()
}

fn camera(seq: u64, stamp: Stamp, data: &[u8]) -> Input {
    Input::Camera(Arc::new(CameraFrame { seq, stamp, format: ImageFormat::Jpeg, data: data.to_vec().into() }))
}

fn lidar(seq: u64, stamp: Stamp, data: &[u8]) -> Input {
    let names = ["x", "y", "z", "intensity"].into_iter().enumerate();
    let fields = names.map(|(n, name)| PointField { name: name.into(), offset: 4 * n, kind: PointKind::F32 }).collect();
    Input::Lidar(Arc::new(LidarSweep { seq, stamp, stride: 16, fields, data: data.to_vec().into() }))
}
