//! `chauffeur drive`.

use super::{CompressionName, NetworkOptions, WatchOptions, replay, table};
use crate::config::Config;
use crate::doctor::{self, Subject, Verdict};
use crate::drive::board::Board;
use crate::drive::quiet::{Quiet, Watcher};
use crate::drive::run::Supervisor;
use crate::drive::sabotage::Sabotage;
use crate::drive::status::{Rate, Status};
use crate::drive::{Drive, launch};
use crate::runtime::{FaultCell, Progress, crew};
use crate::stack::NetworkChoice;
use crate::system::Notifier;
use crate::watch::Watch;
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Which car, and where the log goes.
#[derive(Debug, Args)]
pub struct Options {
    /// The car: its configuration with a section `[car]` (TOML).
    car: PathBuf,
    /// The log to write. It must not be there yet.
    #[arg(long, value_name = "DRIVE.mcap")]
    output: PathBuf,
    /// Another route than the car's.
    #[arg(long, value_name = "FILE")]
    route: Option<PathBuf>,
    /// Change one key of the configuration, such as `planning.headway_s=2`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Compression of the log.
    #[arg(long, value_enum, default_value_t = CompressionName::None)]
    compression: CompressionName,
    /// Where the supervisor runs that stops the car when the pipeline cannot: in a process that outlives it, or in a thread.
    #[arg(long, value_enum, default_value_t = SupervisorName::Process)]
    supervisor: SupervisorName,
    /// End the drive when the bus, once heard, has been silent for so long, as when the car is switched off. Default: wait for it.
    #[arg(long, value_name = "SECONDS")]
    end_when_quiet: Option<f64>,
    /// A stage that fails on purpose, in a simulated car.
    #[arg(long, hide = true, value_name = "STAGE-FAILURE@SECONDS")]
    break_stage: Option<Sabotage>,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    networks: NetworkOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SupervisorName {
    Process,
    Thread,
}

/// The supervisor's process.
#[derive(Debug, Args)]
pub struct SuperviseOptions {
    /// The car.
    car: PathBuf,
    /// Changes of its configuration.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub fn supervise(options: &SuperviseOptions) -> anyhow::Result<ExitCode> {
    launch::serve(&options.car, &options.set)?;
    Ok(ExitCode::SUCCESS)
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let quiet = options.end_when_quiet;
    if let Some(seconds) = quiet {
        ensure!((1.0..=86_400.0).contains(&seconds), "--end-when-quiet {seconds} is outside 1 to 86400");
    }
    let mut quiet = Watcher::new(quiet.map(Duration::from_secs_f64));
    let config = Config::read_with(Some(&options.car), &options.set)?;
    let watchers = options.watch.open()?;
    let watch = watchers.watch();
    let notifier = Notifier::from_environment().context("the service manager (NOTIFY_SOCKET)")?;
    let drive = Drive {
        watch: watch.clone(),
        file: options.car.clone(),
        config,
        changes: options.set.clone(),
        route: options.route.clone(),
        output: options.output.clone(),
        compression: options.compression.into(),
        networks: networks(options),
        supervisor: match options.supervisor {
            SupervisorName::Process => Supervisor::Process,
            SupervisorName::Thread => Supervisor::Thread,
        },
        program: std::env::current_exe().context("the path of this program")?,
    };
    let folder = options.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    examined(options, folder.unwrap_or(Path::new(".")))?;
    let fault = Arc::new(FaultCell::default());
    let mut prepared = drive.prepare(&fault)?;
    if let Some(sabotage) = &options.break_stage {
        let peer = drive.config.car.as_ref().and_then(|car| car.can.peer);
        ensure!(
            peer.is_some_and(|peer| peer.ip().is_loopback()),
            "--break-stage is for a simulated car on loopback alone"
        );
        prepared.stages = sabotage.apply(std::mem::take(&mut prepared.stages), &prepared.status)?;
    }
    println!("{}, {}", options.car.display(), prepared.detectors);
    println!(
        "the driver drives; nothing arms but the driver. Ctrl-C stops the car if the computer drives it, then ends"
    );
    let (board, status, progress) =
        (Arc::clone(&prepared.board), Arc::clone(&prepared.status), Arc::clone(&prepared.progress));
    let leaving = Arc::clone(&board);
    ctrlc::set_handler(move || leaving.wishes.leave.store(true, Ordering::Release))?;
    if drive.config.car.as_ref().is_some_and(|car| car.buttons.terminal) {
        listen(Arc::clone(&board))?;
    }
    if let Some(notifier) = &notifier {
        notifier.ready().context("the service manager")?;
    }
    let mut showing_line = show(board.clone(), status.clone(), progress);
    let (told_board, told_status, told_fault) = (board.clone(), status.clone(), Arc::clone(&fault));
    let mut ticks = 0;
    let showing = crew::periodically(Duration::from_millis(200), move || {
        showing_line();
        match quiet.look(&told_board.can) {
            Quiet::No => {}
            Quiet::Tell(words) => told_status.say(&words),
            Quiet::End(words) => {
                told_status.say(&words);
                told_board.wishes.leave.store(true, Ordering::Release);
            }
        }
        let before = std::mem::replace(&mut ticks, told_status.ticks());
        let ends = told_fault.is_set() || told_board.wishes.leave.load(Ordering::Acquire);
        tell(&told_board, &told_status, &watch, notifier.as_ref(), (ticks > before, ends));
    });
    let ending = prepared.run();
    drop(showing);
    let ending = ending?;
    status.lines().iter().for_each(|line| println!("{line}"));
    table::print_latency(&ending.outcome.statistics.rows());
    table::print_outcome(&ending.outcome);
    summary(&board, &status);
    println!("log: {}", options.output.display());
    if ending.was_relieved {
        eprintln!("the supervisor had to stop the car");
    }
    let code = replay::verdict_of_run(ending.outcome)?;
    Ok(if ending.was_relieved { ExitCode::from(1) } else { code })
}

/// A drive waits for no engine to be built.
fn networks(options: &Options) -> NetworkChoice {
    NetworkChoice { builds: false, ..options.networks.choice() }
}

/// What `doctor` says of this computer and the car's files: with a check that fails no car is driven. Sensors and bus are looked at all the time later.
fn examined(options: &Options, folder: &Path) -> anyhow::Result<()> {
    let subject = Subject {
        config: Some(options.car.clone()),
        changes: options.set.clone(),
        networks: networks(options),
        folder: folder.to_path_buf(),
        listen: false,
    };
    let checks = doctor::examine(&subject);
    let failed = checks.iter().filter(|check| check.verdict == Verdict::Fail);
    let failed: Vec<String> = failed.map(|check| format!("{}: {}", check.name, check.finding)).collect();
    ensure!(failed.is_empty(), "this car must not drive: {}", failed.join("; "));
    Ok(())
}

/// Tells the service manager and the metrics how it is. A manager that does not listen holds nobody up. `lives`: control has ticked since the
/// last time; without that there is no word of life, whoever else still works.
fn tell(board: &Board, status: &Status, watch: &Watch, notifier: Option<&Notifier>, (lives, ends): (bool, bool)) {
    if let Some(notifier) = notifier {
        let _ = if lives { notifier.alive() } else { Ok(()) };
        // From here on the manager waits for the end, and for no word of life.
        let _ = if ends { notifier.stopping() } else { notifier.status(status.mode().name()) };
    }
    if let Some(metrics) = watch.metrics() {
        metrics.mode(status.mode());
        for line in &board.sensors {
            if let Some(clock) = line.clock() {
                metrics.clock_offset(&line.name, clock.offset_s);
            }
        }
    }
}

/// Buttons typed as words. Nothing typed is nothing wanted.
fn listen(board: Arc<Board>) -> anyhow::Result<()> {
    let body = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let wishes = &board.wishes;
            match line.trim() {
                "arm" => wishes.arm.store(true, Ordering::Release),
                "disarm" => wishes.disarm.store(true, Ordering::Release),
                "engage" => wishes.engage.store(true, Ordering::Release),
                "stop" => wishes.stop.store(true, Ordering::Release),
                "" => {}
                other => eprintln!("{other:.40}: there are arm, disarm, engage and stop"),
            }
        }
    };
    std::thread::Builder::new().name("terminal".to_string()).spawn(body)?;
    Ok(())
}

/// Prints changes as they come, and the status: on a terminal one line that changes, else a line every ten seconds.
fn show(board: Arc<Board>, status: Arc<Status>, progress: Arc<Progress>) -> impl FnMut() + Send {
    let (mut rate, mut calls, mut told, terminal) = (Rate::default(), 0_u32, false, std::io::stderr().is_terminal());
    move || {
        let clear = if terminal { "\r\x1b[K" } else { "" };
        for line in status.lines() {
            eprintln!("{clear}{line}");
        }
        if let (false, Some(reason)) = (told, progress.log_ended.get()) {
            eprintln!("{clear}the log has ended, the drive goes on: {reason}");
            told = true;
        }
        calls += 1;
        if calls % if terminal { 5 } else { 50 } == 0 {
            let line = status.line(rate.of(progress.frames.load(Ordering::Relaxed)), &board);
            if terminal {
                eprint!("{clear}{line}");
                let _ = std::io::stderr().flush();
            } else {
                eprintln!("{line}");
            }
        }
    }
}

/// What came from each sensor, and how punctual control was.
fn summary(board: &Board, status: &Status) {
    println!();
    for line in board.sensors.iter().chain([&board.can]) {
        let [refused, lost, dropped] = line.counts();
        let clock = line.clock().map_or(String::new(), |clock| format!("; clock: {clock}"));
        let trouble = line.trouble().map_or(String::new(), |trouble| format!("; {trouble}"));
        println!(
            "{}: {} messages, {refused} refused, {lost} lost, {dropped} dropped{clock}{trouble}",
            line.name,
            line.count()
        );
    }
    let ms = |time: Duration| 1e3 * time.as_secs_f64();
    let ([half, most, all], missed) = status.jitter();
    println!(
        "control was late by {:.2} ms (median), {:.2} ms (p99), {:.2} ms (most); {missed} ticks left out",
        ms(half),
        ms(most),
        ms(all)
    );
    let [half, most, all] = status.writing();
    println!(
        "from a tick to its frames on the bus: {:.2} ms (median), {:.2} ms (p99), {:.2} ms (most)",
        ms(half),
        ms(most),
        ms(all)
    );
}
