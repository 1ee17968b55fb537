//! What several integration tests need: fixtures, real data directories, private copies, and proof that a
//! source was left alone.

#![allow(dead_code, missing_docs, unreachable_pub)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod faults;
pub mod forge;
pub mod forge_local;
pub mod hands;
pub mod localdamage;
#[cfg(target_os = "linux")]
pub mod other_user;
#[cfg(target_os = "linux")]
pub mod scene;
pub mod schema;
mod sets;
#[cfg(feature = "devtools")]
pub mod sums;
#[cfg(target_os = "linux")]
pub mod terminal;
pub mod terminal_svg;
pub mod told;

pub use sets::real;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Refuse to test interrupts where they never arrive: a program keeps ignoring what its parents ignored.
pub fn signals_arrive() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    for (name, number) in [("SIGHUP", 1), ("SIGINT", 2), ("SIGTERM", 15)] {
        let why = "is ignored here, as in a background job or under nohup; put env --default-signal before cargo test";
        assert!(ignored >> (number - 1) & 1 == 0, "{name} {why}");
    }
}

/// Run the command line quietly and without a terminal: exit code (-1: killed), stdout, stderr.
pub fn wtcheck(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let out = command.args(args).arg("--no-progress").stdin(Stdio::null()).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// A path as an argument.
pub fn path(p: &Path) -> &str {
    p.to_str().unwrap()
}

/// A directory under `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The data file of `fixtures/palm`: the page log of a leader.
pub fn palm_data() -> Vec<u8> {
    zstd::decode_all(&std::fs::read(fixture("palm/data.mdb.zst")).unwrap()[..]).unwrap()
}

/// The PALite samples of a directory: (name, home, facts).
pub fn samples(dir: &Path) -> Vec<(String, PathBuf, serde_json::Value)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".facts.json")) else {
            continue;
        };
        let facts = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        out.push((name.to_string(), dir.join(name), facts));
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// Copy a directory, following links, and make the copy writable.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Names, bytes and mtimes of everything below a directory.
pub fn snapshot(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    fn collect(dir: &Path, out: &mut BTreeMap<PathBuf, (SystemTime, Vec<u8>)>) {
        out.insert(dir.to_path_buf(), (std::fs::metadata(dir).unwrap().modified().unwrap(), Vec::new()));
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, out);
            } else {
                let mtime = std::fs::metadata(&path).unwrap().modified().unwrap();
                out.insert(path.clone(), (mtime, std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut out = BTreeMap::new();
    collect(dir, &mut out);
    out
}

/// A pipe that nobody writes to.
pub fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
}

/// How often something that depends on the moment is tried: more often where `WTCHECK_ROUNDS` says so.
pub fn rounds(usual: u64) -> u64 {
    std::env::var("WTCHECK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}
