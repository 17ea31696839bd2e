//! The run book and the service. Protects: every reason that the program can give stands in the run book; the unit never arms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

use control::safety::mode::Act;
use control::safety::{Cause, HealthItem, Mode, Reason, Source};
use types::{Fallback, StopReason};

fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vehicle").join(name);
    std::fs::read_to_string(path).expect("the file")
}

/// Every reason, by kind: a new one does not compile here without a place in the list.
fn reasons() -> Vec<Reason> {
    let plain = |reason: Reason| match reason {
        Reason::Driver(_) | Reason::LetGo | Reason::Arm | Reason::Disarm | Reason::Engage => reason,
        Reason::Stop | Reason::Health(_) | Reason::Supervisor(_) | Reason::Standstill => reason,
    };
    let acts = [Act::Steers, Act::Brakes, Act::Accelerates].map(Reason::Driver);
    let hands = [Reason::LetGo, Reason::Arm, Reason::Disarm, Reason::Engage, Reason::Stop, Reason::Standstill];
    let silent = [Source::Stage(0), Source::Sensor(0), Source::Plan, Source::Command].map(Cause::Silent);
    let causes = silent.into_iter().chain([Cause::OldPlan]).map(Reason::Supervisor);
    let health = HealthItem::ALL.into_iter().map(Reason::Health);
    acts.into_iter().chain(hands).chain(health).chain(causes).map(plain).collect()
}

#[test]
fn every_reason_stands_in_the_run_book() {
    let book = file("RUNBOOK.md");
    let named = |name: &str| assert!(book.contains(&format!("`{name}`")), "`{name}` is not in vehicle/RUNBOOK.md");
    Mode::ALL.iter().for_each(|mode| named(mode.name()));
    StopReason::ALL.iter().for_each(|reason| named(reason.name()));
    Fallback::ALL.iter().for_each(|reason| named(reason.name()));
    for reason in reasons() {
        named(&reason.to_string().replace(" 0 ", " N "));
    }
}

#[test]
fn the_service_speaks_to_its_manager_and_never_arms() {
    let unit = file("deploy/chauffeur.service");
    // A pipeline that is killed leaves its supervisor alive.
    for line in [
        "KillMode=process",
        "Type=notify",
        "WatchdogSec=2",
        "LimitRTPRIO=80",
        "LimitMEMLOCK=infinity",
        "CPUAffinity=1-63",
    ] {
        assert!(unit.lines().any(|own| own == line), "{line}");
    }
    let commands: Vec<&str> = unit.lines().filter(|line| line.starts_with("Exec")).collect();
    assert!(commands.len() == 2 && commands.iter().all(|line| !line.contains("--arm")), "{commands:?}");
}
