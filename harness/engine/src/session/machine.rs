//! A description of the machine on which a result is measured.

use std::fs;

use jwtbench_result::Machine;

use crate::real::calibrate;
use crate::real::host::processors;

/// Describes this machine, and calibrates its clock, its sleeps and its control kernel. The
/// calibration takes about half a second. `revision` and `rustc` are those of the program that
/// measures, if it knows them.
pub fn describe(revision: Option<&str>, rustc: Option<&str>) -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    let governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let calibration = calibrate();
    Machine {
        cpu: field("model name").unwrap_or_else(|| "unknown".into()),
        cores: processors(),
        memory_bytes: memory_bytes(),
        kernel: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().to_owned(),
        arch: std::env::consts::ARCH.into(),
        governor: fs::read_to_string(governor).ok().map(|text| text.trim().to_owned()),
        virtualised: field("flags").is_some_and(|flags| flags.contains("hypervisor")),
        steal: None,
        profile: profile().into(),
        revision: revision.map(str::to_owned),
        rustc: rustc.unwrap_or("unknown").into(),
        clock_read_ns: calibration.clock_read_ns,
        sleep_overshoot_p99_ns: calibration.sleep_overshoot_p99_ns,
        calibration: Some(calibration),
    }
}

/// The build profile: `release` or `debug`.
pub fn profile() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

fn memory_bytes() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = total.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
