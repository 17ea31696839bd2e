//! The computer: clock, processor, scheduling, memory, disk.

use super::{Check, Verdict};
use crate::runtime::clock::Stopwatch;
use crate::system::{clock, realtime};
use anyhow::Context;
use control::safety::HealthItem;
use std::io::Write;
use std::path::Path;

/// A log of one camera, one lidar of 64 beams and everything else, MB/s.
const LOG_MB_S: f64 = 30.0;
/// Written to measure the disk, MB.
const PROBE_MB: usize = 64;
/// Less memory than this fails, MB: networks, buffers, log queue.
const LEAST_MEMORY_MB: f64 = 1500.0;

/// Whether somebody keeps the kernel's clock in step.
pub(super) fn clock() -> Check {
    let new = |verdict, finding: String| Check::new(HealthItem::Clocks, "kernel clock", verdict, finding);
    let mut check = match clock::kernel_clock() {
        Err(error) => new(Verdict::Warn, format!("the kernel does not tell: {error}")),
        Ok(state) if !state.synchronised => new(
            Verdict::Warn,
            "not synchronised by NTP or PTP: stamps agree within the car, not with the world".to_string(),
        ),
        Ok(state) => new(
            if state.estimated_error_s <= 0.001 { Verdict::Pass } else { Verdict::Warn },
            format!(
                "synchronised, error {:.3} ms by estimate, {:.1} ms at most",
                state.estimated_error_s * 1e3,
                state.maximum_error_s * 1e3
            ),
        ),
    };
    let hardware = std::fs::read_dir("/sys/class/ptp").into_iter().flatten().flatten();
    check.notes.extend(hardware.filter_map(|entry| {
        let name = std::fs::read_to_string(entry.path().join("clock_name")).ok()?;
        Some(format!("PTP hardware clock {}: {}", entry.file_name().display(), name.trim()))
    }));
    check
}

/// Cores, and whether they run at full speed.
pub(super) fn processor() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let governor = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let governor = governor.map(|text| text.trim().to_string()).ok();
    let slow = governor.as_deref().is_some_and(|name| name != "performance");
    let (verdict, mut finding) = match cores {
        0..2 => (Verdict::Fail, format!("{cores} core: the stack needs two")),
        2..4 => (Verdict::Warn, format!("{cores} cores: enough for small networks only")),
        _ => (Verdict::Pass, format!("{cores} cores")),
    };
    if let Some(name) = &governor {
        finding += &format!(", governor {name}");
    }
    let verdict = if slow { verdict.max(Verdict::Warn) } else { verdict };
    let mut check = Check::new(HealthItem::Pipeline, "processor", verdict, finding);
    if slow {
        check.notes.push("a core that saves power wakes late: cpupower frequency-set -g performance".into());
    }
    check
}

/// Whether control may be put before others and memory kept.
pub(super) fn scheduling() -> Check {
    let (priority, memory) = realtime::limits();
    let fifo = priority.is_none_or(|limit| limit >= realtime::SUPERVISOR_PRIORITY.unsigned_abs().into());
    let lock = memory.is_none();
    let number = |limit: Option<u64>| limit.map_or("no limit".to_string(), |limit| limit.to_string());
    let finding = format!("RLIMIT_RTPRIO {}, RLIMIT_MEMLOCK {}", number(priority), number(memory));
    let verdict = if fifo && lock { Verdict::Pass } else { Verdict::Warn };
    let mut check = Check::new(HealthItem::Pipeline, "scheduling", verdict, finding);
    if verdict == Verdict::Warn {
        check
            .notes
            .push("control may be pushed aside under load: use the systemd unit, or ulimit -r and ulimit -l".into());
    }
    check
}

/// Memory that is free to use.
pub(super) fn memory() -> Check {
    let table = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let value = |key: &str| {
        let line = table.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1.024e-3)
    };
    let new = |verdict, finding| Check::new(HealthItem::Pipeline, "memory", verdict, finding);
    let Some(free) = value("MemAvailable") else { return new(Verdict::Warn, "the system does not tell".into()) };
    let verdict = match free {
        _ if free < LEAST_MEMORY_MB => Verdict::Fail,
        _ if free < 2.0 * LEAST_MEMORY_MB => Verdict::Warn,
        _ => Verdict::Pass,
    };
    new(verdict, format!("{free:.0} MB available of {:.0} MB", value("MemTotal").unwrap_or(free)))
}

/// How fast a folder takes a log, and for how long.
pub(super) fn disk(folder: &Path) -> Vec<Check> {
    let shown = folder.display();
    let speed = match write_speed_mb_s(folder) {
        Err(error) => return vec![Check::fail(HealthItem::Log, "disk speed", &error)],
        Ok(speed) => speed,
    };
    let verdict = match speed {
        _ if speed < LOG_MB_S => Verdict::Fail,
        _ if speed < 2.0 * LOG_MB_S => Verdict::Warn,
        _ => Verdict::Pass,
    };
    let finding = format!("{shown} takes {speed:.0} MB/s with fsync; a log needs {LOG_MB_S:.0}");
    let mut checks = vec![Check::new(HealthItem::Log, "disk speed", verdict, finding)];
    checks.push(match free_mb(folder) {
        Err(error) => Check::fail(HealthItem::Log, "disk space", &error),
        Ok(free) => {
            let minutes = free / LOG_MB_S / 60.0;
            let verdict = match minutes {
                _ if minutes < 5.0 => Verdict::Fail,
                _ if minutes < 60.0 => Verdict::Warn,
                _ => Verdict::Pass,
            };
            let finding = format!("{:.1} GB free: {minutes:.0} minutes of log at {LOG_MB_S:.0} MB/s", free * 1e-3);
            Check::new(HealthItem::Log, "disk space", verdict, finding)
        }
    });
    checks
}

/// Writes a file without a name, so that nothing is left whatever happens.
fn write_speed_mb_s(folder: &Path) -> anyhow::Result<f64> {
    let said = || format!("{}: cannot be written to", folder.display());
    std::fs::create_dir_all(folder).with_context(said)?;
    let mut file = tempfile::tempfile_in(folder).with_context(said)?;
    // Bytes that no file system makes smaller.
    let mut state = 1u64;
    let block: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(1_000_000)
    .collect();
    let watch = Stopwatch::start();
    for _ in 0..PROBE_MB {
        file.write_all(&block).with_context(said)?;
    }
    file.sync_all().with_context(said)?;
    Ok(PROBE_MB as f64 / watch.elapsed().as_secs_f64().max(1e-6))
}

fn free_mb(folder: &Path) -> anyhow::Result<f64> {
    let state = rustix::fs::statvfs(folder).with_context(|| format!("{}", folder.display()))?;
    Ok(state.f_bavail as f64 * state.f_frsize as f64 * 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let checks = disk(folder.path());
        assert_eq!(checks.len(), 2);
        assert!(checks[0].finding.contains("MB/s"), "{checks:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_fails_by_name() {
        let checks = disk(Path::new("/proc/nothing"));
        assert!(checks[0].verdict == Verdict::Fail && checks[0].finding.contains("/proc/nothing"), "{checks:?}");
    }
}
