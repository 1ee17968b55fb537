//! Faults in the middle of a command: kill it, or make its write fail, at any one of the calls that
//! change files. A small library in C (faults.c), loaded into the command, counts these calls and
//! does it.
//!
//! It can also send the program a signal there, to interrupt it at a known place.
//!
//! What it stands for: a process that dies, a full disk, a medium that is read-only or gives errors.
//! Not a loss of power: what was written before a kill is there afterwards, synced or not.
//!
//! What it sees: calls of libc on files below given directories. Not stores into mapped memory, and no
//! system calls that a program does on its own; rustix does, unless built with its feature `use-libc`.

#![allow(dead_code, missing_docs, unreachable_pub)]

use crate::common::copy_dir;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use tempfile::TempDir;

// The same on every Linux.
pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;
pub const EROFS: i32 = 30;

const SIGKILL: i32 = 9;

/// A command that takes longer than this hangs.
const SECONDS: u32 = 120;

/// How long a thread waits after a signal, so that the one that meets it gets its turn.
const MILLISECONDS: u64 = 1000;

/// How many runs at once.
const THREADS: usize = 2;

/// The library, built.
#[derive(Debug, Clone)]
pub struct Faults {
    lib: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Only count.
    Count,
    /// Die before the call.
    Kill,
    /// Die after it.
    KillAfter,
    /// Write the first half, and die. Calls that write no bytes are not done, as with `Kill`.
    Torn,
    /// This call fails, with this errno, and does nothing.
    Error(i32),
    /// This one and all later ones fail. With `ENOSPC`, those that need space.
    Sticky(i32),
    /// The program gets this signal before the call, which is done a moment later if it still can be.
    Signal(i32),
    /// The write is done with one bit flipped: a medium that lies. Other calls are done as they are.
    Flip,
}

/// All ways to die, an error that passes, a full disk, and a medium that is read-only from then on.
pub const MODES: [Mode; 6] =
    [Mode::Kill, Mode::KillAfter, Mode::Torn, Mode::Error(EIO), Mode::Sticky(ENOSPC), Mode::Sticky(EROFS)];

impl Mode {
    pub fn kills(self) -> bool {
        matches!(self, Mode::Kill | Mode::KillAfter | Mode::Torn)
    }
}

/// A call on a counted file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function, without variants: `pwrite` is `pwrite64` too. Opening is `create`, `cut` (an existing
    /// file is truncated), or `open` (it is only to be written to).
    pub kind: String,
    /// Resolved, except that links, unlinks and renames leave their name as it is.
    pub path: PathBuf,
    /// The new name.
    pub to: Option<PathBuf>,
    pub offset: Option<u64>,
    pub len: Option<u64>,
    /// A full disk makes it fail.
    pub needs_space: bool,
    /// It was made to fail.
    pub failed: bool,
    /// The program got a signal before it.
    pub signalled: bool,
}

impl Call {
    /// Does it write bytes, so that half of it can be done?
    pub fn writes(&self) -> bool {
        const KINDS: [&str; 7] = ["write", "pwrite", "writev", "pwritev", "copy_file_range", "sendfile", "splice"];
        KINDS.contains(&self.kind.as_str()) && self.len != Some(0)
    }

    pub fn file_name(&self) -> &str {
        self.path.file_name().and_then(OsStr::to_str).unwrap_or_default()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path.display())?;
        if let Some(to) = &self.to {
            write!(f, " -> {}", to.display())?;
        }
        if let Some(offset) = self.offset {
            write!(f, " at {offset}")?;
        }
        if let Some(len) = self.len {
            write!(f, " length {len}")?;
        }
        f.write_str(if self.failed { " (made to fail)" } else { "" })
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub killed: bool,
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// In order; the last one is that of the kill.
    pub calls: Vec<Call>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Did the fault happen?
    pub fn hit(&self) -> bool {
        self.killed || self.calls.iter().any(|c| c.failed || c.signalled)
    }

    pub fn count(&self, kind: &str) -> usize {
        self.calls.iter().filter(|c| c.kind == kind).count()
    }
}

impl Faults {
    /// Compile the library, once per process. Whoever built this program has a C compiler, for SQLite.
    pub fn build() -> Faults {
        static BUILT: OnceLock<Faults> = OnceLock::new();
        BUILT.get_or_init(Self::compile).clone()
    }

    fn compile() -> Faults {
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let mut words = compiler.split_whitespace();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::create_dir_all(dir).unwrap();
        // Two runs may stand side by side: each makes its own, and the last one stays.
        let made = tempfile::Builder::new().prefix("faults-").suffix(".so").tempfile_in(dir).unwrap();
        let mut command = Command::new(words.next().unwrap_or("cc"));
        command.args(words).args(["-shared", "-fPIC", "-O2", "-o"]).arg(made.path());
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/common/faults.c")).arg("-ldl");
        let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        assert!(out.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&out.stderr));
        let lib = dir.join("faults.so");
        made.persist(&lib).unwrap();
        Faults { lib }
    }

    /// Make a command meet a fault at call `at` of those on files below some directories, from 1. Its
    /// calls go to a report.
    pub fn prepare(&self, cmd: &mut Command, below: &[&Path], mode: Mode, at: u64, report: &Path) {
        let dirs: Vec<PathBuf> = below.iter().map(|p| resolved(p)).collect();
        let (signal, wait) = match mode {
            Mode::Signal(signal) => (signal, MILLISECONDS),
            _ => (0, 0),
        };
        let (name, errno, sticky) = match mode {
            Mode::Count => ("count", 0, false),
            Mode::Kill => ("kill", 0, false),
            Mode::KillAfter => ("kill-after", 0, false),
            Mode::Torn => ("torn", 0, false),
            Mode::Error(errno) => ("error", errno, false),
            Mode::Sticky(errno) => ("error", errno, true),
            Mode::Flip => ("flip", 0, false),
            Mode::Signal(_) => ("signal", 0, false),
        };
        cmd.env("LD_PRELOAD", &self.lib)
            .env("WTFAULT_DIRS", std::env::join_paths(&dirs).unwrap())
            .env("WTFAULT_MODE", name)
            .env("WTFAULT_AT", at.to_string())
            .env("WTFAULT_ERRNO", errno.to_string())
            .env("WTFAULT_STICKY", u8::from(sticky).to_string())
            .env("WTFAULT_SIGNAL", signal.to_string())
            .env("WTFAULT_WAIT", wait.to_string())
            .env("WTFAULT_REPORT", report)
            .env("WTFAULT_ALARM", SECONDS.to_string());
    }

    /// Make a place of a file one that the medium does not give: reads that touch it fail with `EIO`.
    pub fn prepare_bad(&self, cmd: &mut Command, file: &Path, from: u64, to: u64) {
        cmd.env("LD_PRELOAD", &self.lib)
            .env("WTFAULT_BAD", format!("{}:{from}:{to}", resolved(file).display()))
            .env("WTFAULT_ALARM", SECONDS.to_string());
    }

    /// Make a file lose all but its first page as soon as it is mapped: the system then has no bytes for the map.
    pub fn prepare_shrinking(&self, cmd: &mut Command, file: &Path) {
        cmd.env("LD_PRELOAD", &self.lib)
            .env("WTFAULT_SHRINK", resolved(file))
            .env("WTFAULT_ALARM", SECONDS.to_string());
    }

    /// Run a command with a fault, see [`Self::prepare`].
    pub fn run(&self, cmd: &mut Command, below: &[&Path], mode: Mode, at: u64) -> Outcome {
        let temp = tempfile::tempdir().unwrap();
        let report = temp.path().join("report");
        self.prepare(cmd, below, mode, at, &report);
        let out = cmd.stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        let signal = out.status.signal();
        assert!(
            signal.is_none_or(|s| s == SIGKILL || mode == Mode::Signal(s)),
            "{cmd:?} died of signal {signal:?} (14: it hung)\n{stderr}"
        );
        // The library makes the file when it is loaded. Names with spaces or colons cannot be preloaded.
        let lines = std::fs::read(&report)
            .unwrap_or_else(|e| panic!("{} was not loaded into {cmd:?}: {e}\n{stderr}", self.lib.display()));
        Outcome {
            killed: signal == Some(SIGKILL),
            code: out.status.code(),
            signal,
            calls: calls(&lines),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr,
        }
    }
}

/// A path as the kernel names it; what does not exist yet is looked up above.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(above), Some(name)) if !above.as_os_str().is_empty() => resolved(above).join(name),
        _ => std::env::current_dir().unwrap().join(path),
    })
}

/// The calls of a report, in order; threads may have written their lines in another.
fn calls(report: &[u8]) -> Vec<Call> {
    let mut out = BTreeMap::new();
    for line in report.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        let fields: Vec<&[u8]> = line.split(|&b| b == b'\t').collect();
        let text = |i: usize| std::str::from_utf8(fields[i]).unwrap();
        let number = |i: usize| text(i).parse::<i64>().unwrap();
        let path = |i: usize| PathBuf::from(OsStr::from_bytes(fields[i]));
        assert_eq!(fields.len(), 8, "{}", String::from_utf8_lossy(line));
        let call = Call {
            kind: text(1).to_string(),
            needs_space: text(2) == "+",
            failed: text(3) == "failed",
            signalled: text(3) == "signal",
            offset: u64::try_from(number(4)).ok(),
            len: u64::try_from(number(5)).ok(),
            path: path(6),
            to: (!fields[7].is_empty()).then(|| path(7)),
        };
        assert!(out.insert(number(0), call).is_none(), "two processes count into one report");
    }
    out.into_values().collect()
}

/// A private copy of something, and the command that works on it.
pub struct Case {
    pub dir: TempDir,
    pub command: Command,
    /// Where calls count; the copy, unless said otherwise.
    pub below: Vec<PathBuf>,
}

impl Case {
    pub fn new(template: &Path, command: impl FnOnce(&Path) -> Command) -> Case {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(template, dir.path());
        Case { command: command(dir.path()), below: vec![dir.path().to_path_buf()], dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn run(&mut self, faults: &Faults, fault: Fault) -> Outcome {
        let below: Vec<&Path> = self.below.iter().map(PathBuf::as_path).collect();
        faults.run(&mut self.command, &below, fault.mode, fault.at)
    }
}

/// Which call, and what happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub mode: Mode,
    /// From 1; 0 when only counting.
    pub at: u64,
}

/// Run a command once without a fault, then with each fault at each of its calls, always on a fresh
/// case. `check` sees what each run left behind, that of the first too, and panics if it is wrong.
///
/// Gives the first run back, and panics with the first fault for which a check failed.
pub fn for_each_fault(
    faults: &Faults,
    modes: &[Mode],
    make_case: impl Fn() -> Case + Sync,
    check: impl Fn(&Case, &Outcome, Fault) + Sync,
) -> Outcome {
    for_chosen_faults(faults, modes, |_, _| true, make_case, check)
}

/// The same, for the faults that are chosen, where all would take too long.
pub fn for_chosen_faults(
    faults: &Faults,
    modes: &[Mode],
    choose: impl Fn(Fault, &Call) -> bool,
    make_case: impl Fn() -> Case + Sync,
    check: impl Fn(&Case, &Outcome, Fault) + Sync,
) -> Outcome {
    let none = Fault { mode: Mode::Count, at: 0 };
    let mut case = make_case();
    let counted = case.run(faults, none);
    check(&case, &counted, none);
    drop(case);
    assert!(!counted.calls.is_empty(), "no call is counted\n{}", counted.stderr);

    let mut todo = Vec::new();
    for &mode in modes {
        for (at, call) in (1..).zip(&counted.calls) {
            let fault = Fault { mode, at };
            // These are the same as another: the kill here, the full disk at the next call that needs space.
            let same = match mode {
                Mode::Torn => !call.writes() && modes.contains(&Mode::Kill),
                Mode::Sticky(ENOSPC) => !call.needs_space,
                _ => false,
            };
            if !same && choose(fault, call) {
                todo.push(fault);
            }
        }
    }
    let next = AtomicUsize::new(0);
    let failed: Mutex<BTreeMap<usize, String>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // Those before a failed one are under way already, so the first one is found.
                while failed.lock().unwrap().is_empty() {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&fault) = todo.get(i) else { break };
                    if let Err(message) = attempt(faults, fault, &counted.calls, &make_case, &check) {
                        failed.lock().unwrap().insert(i, message);
                    }
                }
            });
        }
    });
    if let Some((_, message)) = failed.into_inner().unwrap().pop_first() {
        panic!("{message}");
    }
    counted
}

/// One run and its check; the error says all about it.
fn attempt(
    faults: &Faults,
    fault: Fault,
    counted: &[Call],
    make_case: &impl Fn() -> Case,
    check: &impl Fn(&Case, &Outcome, Fault),
) -> Result<(), String> {
    let mut outcome = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut case = make_case();
        let outcome = outcome.insert(case.run(faults, fault));
        assert!(
            outcome.hit() || fault.mode == Mode::Flip,
            "the call was not reached: the number of calls differs from run to run"
        );
        assert_eq!(outcome.killed, fault.mode.kills(), "killed");
        check(&case, outcome, fault);
    }));
    let Err(panic) = result else { return Ok(()) };
    let why = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (_, Some(text)) => *text,
        _ => "a panic",
    };
    let calls = outcome.as_ref().map_or(counted, |o| &o.calls);
    let mut message = format!("{:?} at call {} of {}: {why}\n", fault.mode, fault.at, counted.len());
    for (n, call) in (1..).zip(calls).filter(|(n, _)| fault.at.abs_diff(*n) <= 4) {
        message += &format!("{} {n:>5} {call}\n", if n == fault.at { ">" } else { " " });
    }
    if let Some(o) = outcome {
        message += &format!("exit code {:?}, stdout:\n{}\nstderr:\n{}", o.code, o.stdout, o.stderr);
    }
    Err(message)
}
