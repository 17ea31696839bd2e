//! A stage that fails on purpose, to see what becomes of the car: only for a simulated one.

use super::status::Status;
use crate::runtime::Stage;
use crate::runtime::clock::receive_time;
use crate::runtime::frame::Frame;
use anyhow::{Context, bail};
use control::safety::Mode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::StepError;

/// A hung step takes longer than any drive waits.
const HANGS: Duration = Duration::from_secs(600);
/// What a person reads before the time of day at which it began, ns since 1970.
pub const WORDS: &str = "fails on purpose at";

/// How a stage fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Panics.
    Panics,
    /// Does not come back.
    Hangs,
    /// Takes ten times as long.
    Slow,
}

/// Which stage fails how, and how long after the computer was engaged first: `detect-hangs@5`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sabotage {
    stage: String,
    failure: Failure,
    after: Duration,
}

impl FromStr for Sabotage {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let said = || format!("{text} is not STAGE-FAILURE@SECONDS");
        let (what, seconds) = text.split_once('@').with_context(said)?;
        let (stage, failure) = what.rsplit_once('-').with_context(said)?;
        let failure = match failure {
            "panics" => Failure::Panics,
            "hangs" => Failure::Hangs,
            "slow" => Failure::Slow,
            other => bail!("{other}: a stage panics, hangs or is slow"),
        };
        let seconds = seconds.parse::<f64>().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
        let after = Duration::from_secs_f64(seconds.with_context(|| format!("{text}: seconds from 0 to 3600"))?);
        Ok(Self { stage: stage.to_string(), failure, after })
    }
}

impl Sabotage {
    /// Puts the failing stage in the place of its own.
    ///
    /// # Errors
    /// There is no such stage.
    pub fn apply(&self, stages: Vec<Box<dyn Stage>>, status: &Arc<Status>) -> anyhow::Result<Vec<Box<dyn Stage>>> {
        let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
        if !names.contains(&self.stage.as_str()) {
            bail!("there is no stage {}; there are {}", self.stage, names.join(", "));
        }
        let broken = |inner: Box<dyn Stage>| -> Box<dyn Stage> {
            if inner.name() == self.stage {
                let Self { failure, after, .. } = *self;
                Box::new(Saboteur { inner, failure, after, status: Arc::clone(status), engaged: None, told: false })
            } else {
                inner
            }
        };
        Ok(stages.into_iter().map(broken).collect())
    }
}

struct Saboteur {
    inner: Box<dyn Stage>,
    failure: Failure,
    after: Duration,
    status: Arc<Status>,
    engaged: Option<Instant>,
    told: bool,
}

impl Stage for Saboteur {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn to_blame(&self) -> &'static str {
        self.inner.to_blame()
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        if self.engaged.is_none() && self.status.mode() == Mode::Engaged {
            self.engaged = Some(Instant::now());
        }
        if self.engaged.is_none_or(|since| since.elapsed() < self.after) {
            return self.inner.step(frame);
        }
        if !self.told {
            self.told = true;
            self.status.say(&format!("{} {WORDS} {}", self.name(), receive_time().nanos()));
        }
        let begin = Instant::now();
        match self.failure {
            Failure::Panics => std::panic::resume_unwind(Box::new("on purpose")),
            Failure::Hangs => std::thread::sleep(HANGS),
            Failure::Slow => {
                let result = self.inner.step(frame);
                std::thread::sleep(9 * begin.elapsed());
                return result;
            }
        }
        self.inner.step(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle;

    impl Stage for Idle {
        fn name(&self) -> &'static str {
            "plan"
        }

        fn step(&mut self, _: &mut Frame) -> Result<(), StepError> {
            Ok(())
        }
    }

    #[test]
    fn only_a_stage_that_is_there_fails() {
        let plan: Sabotage = "plan-hangs@2.5".parse().unwrap();
        assert_eq!(
            plan,
            Sabotage { stage: "plan".into(), failure: Failure::Hangs, after: Duration::from_millis(2500) }
        );
        let status = Arc::new(Status::default());
        assert_eq!(plan.apply(vec![Box::new(Idle)], &status).unwrap()[0].name(), "plan");
        let detect: Sabotage = "detect-slow@0".parse().unwrap();
        let error = detect.apply(vec![Box::new(Idle)], &status).err().unwrap().to_string();
        assert_eq!(error, "there is no stage detect; there are plan");
        for text in ["plan", "plan@1", "plan-sings@1", "plan-hangs@-1"] {
            assert!(text.parse::<Sabotage>().is_err(), "{text}");
        }
    }
}
