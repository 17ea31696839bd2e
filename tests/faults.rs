//! What a run does when a stage misbehaves. Protects: one bad frame is skipped, one bad stage stops the car, and the
//! report names it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test may panic, and a stage that hangs must sleep

use chauffeur::config::Config;
use chauffeur::runtime::control_loop::Ticks;
use chauffeur::runtime::frame::{Frame, SensorSet, SourceItem};
use chauffeur::runtime::join::{Join, Sensors};
use chauffeur::runtime::log::Recorder;
use chauffeur::runtime::{Corridor, FaultCell, Feed, Input, Outcome, Progress, Settings, Stage, run};
use chauffeur::stack;
use std::sync::Arc;
use std::time::Duration;
use types::{LidarSweep, Stamp, StepError};

/// A stage that does `deed` at frame 3.
struct Odd(fn() -> Result<(), StepError>);

impl Stage for Odd {
    fn name(&self) -> &'static str {
        "odd"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        if frame.admission.frame == 3 { (self.0)() } else { Ok(()) }
    }
}

fn stamp(frame: i64) -> Stamp {
    Stamp::from_nanos(frame * 100_000_000)
}

fn outcome(feed: Feed, deed: fn() -> Result<(), StepError>, serial: bool) -> Outcome {
    // Printing where a panic came from takes a while, too.
    let step_budget = Duration::from_millis(if matches!(feed, Feed::RealTime { .. }) { 300 } else { 30_000 });
    let settings = Settings { serial, step_budget, ..Settings::default() };
    let recorder = Recorder::new(None, true, false, 0);
    let (fault, progress) = (Arc::new(FaultCell::default()), Arc::new(Progress::default()));
    let ticker = stack::ticker(&Config::default());
    let corridor = Corridor { stages: vec![Box::new(Odd(deed))], ticker, recorder };
    run(feed, corridor, &settings, &fault, &progress).unwrap()
}

fn lossless(frames: i64) -> Feed {
    let sets = (0..frames)
        .map(|frame| Ok(SourceItem::Set(Box::new(SensorSet { stamp: stamp(frame), ..SensorSet::default() }), None)));
    Feed::Virtual(Box::new(sets), Ticks::Stamps)
}

fn real_time(frames: i64) -> Feed {
    let sweep = |frame: i64| LidarSweep {
        seq: frame.unsigned_abs(),
        stamp: stamp(frame),
        stride: 16,
        fields: Vec::new(),
        data: Vec::new().into(),
    };
    let inputs = (0..frames).map(move |frame| Ok(Input::Lidar(Arc::new(sweep(frame)))));
    let join = Box::new(Join::new(Sensors { camera: false, lidar: true, ins: false }, 0.05));
    Feed::RealTime { inputs: Box::new(inputs), join, origin: stamp(0), rate: 2.0 }
}

#[test]
fn a_skipped_frame_is_counted_and_the_run_goes_on() {
    for serial in [false, true] {
        let outcome = outcome(lossless(10), || Err(StepError::Skip("no light".into())), serial);
        assert_eq!(outcome.fault, None);
        assert_eq!(outcome.tally.frames, 10);
        assert_eq!(outcome.tally.skipped["odd"], (1, "no light".to_string()));
    }
}

#[test]
fn a_fatal_step_ends_the_run_and_names_the_stage() {
    for serial in [false, true] {
        let outcome = outcome(lossless(1000), || Err(StepError::Fatal("lens cap".into())), serial);
        let fault = outcome.fault.unwrap();
        assert_eq!((fault.stage.as_str(), fault.reason.as_str()), ("odd", "frame 3: lens cap"));
        assert!((4..20).contains(&outcome.tally.frames), "{}", outcome.tally.frames);
    }
}

#[test]
fn a_panic_is_a_fault() {
    for serial in [false, true] {
        let outcome = outcome(lossless(1000), || panic!("out of cheese"), serial);
        assert_eq!(outcome.fault.unwrap().reason, "frame 3: panicked: out of cheese");
    }
}

#[test]
fn a_hung_stage_is_found_and_control_stops_the_car() {
    let hang = || {
        std::thread::sleep(Duration::from_secs(3600));
        Ok(())
    };
    let outcome = outcome(real_time(200), hang, false);
    let fault = outcome.fault.unwrap();
    assert_eq!(fault.stage, "odd");
    assert!(
        fault.reason.contains("hung") && fault.reason.contains("threads that did not end: odd"),
        "{}",
        fault.reason
    );
    // Control went on with its stop after the fault: more ticks than the frames before it account for.
    assert!(outcome.tally.commands > 20, "{}", outcome.tally.commands);
    assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
}

#[test]
fn a_source_that_breaks_keeps_what_came_before() {
    for serial in [false, true] {
        let good = (0..5).map(|frame| {
            Ok(SourceItem::Set(Box::new(SensorSet { stamp: stamp(frame), ..SensorSet::default() }), None))
        });
        let broken = good.chain([Err(anyhow::anyhow!("cut at byte 7"))]);
        let outcome = outcome(Feed::Virtual(Box::new(broken), Ticks::Stamps), || Ok(()), serial);
        assert_eq!(outcome.tally.frames, 5);
        assert_eq!(outcome.error.unwrap().to_string(), "cut at byte 7");
    }
}
