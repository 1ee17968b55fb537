//! What the benchmarks share: each measurement in a process of its own, rounds interleaved, medians.

use std::path::Path;
use std::process::Command;

/// Megabytes and rounds: `WTCHECK_BENCH_MB` and `WTCHECK_BENCH_ROUNDS`, else as given; tiny under
/// `cargo test --benches`.
#[allow(dead_code)]
pub(crate) fn size(args: &[String], mb: u64, rounds: u64) -> (u64, u64) {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let test = args.iter().any(|a| a == "--test") || !args.iter().any(|a| a == "--bench");
    let mb = number("WTCHECK_BENCH_MB", if test { 4 } else { mb }).max(1);
    (mb, number("WTCHECK_BENCH_ROUNDS", if test { 1 } else { rounds }).max(1))
}

/// Measure every way in turn, round by round: the median of the seconds and the highest peak in MB.
pub(crate) fn measure_all(ways: &[&str], home: &Path, rounds: u64) -> Vec<(f64, f64)> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    let mut peaks = vec![0_f64; ways.len()];
    for _ in 0..rounds {
        for (at, way) in ways.iter().enumerate() {
            let (seconds, peak) = child(way, home);
            times[at].push(seconds);
            peaks[at] = peaks[at].max(peak);
        }
    }
    let medians = times.iter_mut().map(|t| {
        t.sort_by(f64::total_cmp);
        t[t.len() / 2]
    });
    medians.zip(peaks).collect()
}

/// One measurement in a process of its own: this binary again, which prints seconds and peak MB.
fn child(way: &str, home: &Path) -> (f64, f64) {
    let exe = std::env::current_exe().expect("own path");
    let output = Command::new(exe).args(["--measure", way]).arg(home).output().expect("own binary");
    assert!(output.status.success(), "{way}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.split_whitespace().map(|w| w.parse::<f64>().expect("a number"));
    (words.next().expect("seconds"), words.next().expect("peak"))
}

/// A line of the process's status, in MB, where the system tells.
pub(crate) fn status_mb(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|w| w.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
