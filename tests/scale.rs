//! Drives over the nodes of a cluster. Protects: a worker that is killed costs nothing, each drive has one result, and it is the one that `check` gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

use std::process::Command;

#[test]
fn two_nodes_with_a_killed_worker_give_what_one_check_gives() {
    let available = Command::new("python3").args(["-c", "import obstore, ray"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 with ray and obstore (scale/requirements.txt) is absent");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scale/test_check_on_ray.py");
    let output = Command::new("python3").args([script, env!("CARGO_BIN_EXE_chauffeur")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{}", said.trim());
}
