//! A place for one run of a command: private sources, a directory for results, one for temporary
//! files; and what to compare of them.

#![allow(dead_code, missing_docs, unreachable_pub)]

use crate::common::{copy_dir, fixture, palm_data, path};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A line of the contract.
pub struct Line {
    /// The words of the verb.
    pub verb: &'static str,
    /// Arguments; {name} stands for a source, {out} for the directory of results.
    pub args: &'static str,
    /// The exit code.
    pub code: i32,
    /// Its text has colour.
    pub coloured: bool,
}

pub struct Scene {
    dir: tempfile::TempDir,
    out: PathBuf,
    tmp: PathBuf,
}

/// Texts and hexadecimal samples, from the specification's examples.
const SAMPLES: [(&str, &str); 7] = [
    ("cookie", "00c025808282bd21596019"),
    ("checkpoint", "018e81e4f7dc19e29081e47bcef2b99281e470c9eed09181e4219ad4aee3011fc0cfc0"),
    ("completion", "metadata_lsn=243,metadata_checksum=396ea56c,database_size=1158381,version=2,compatible_version=1"),
    (
        "turtle",
        "version=2,compatible_version=1,\ncheckpoint=(WiredTigerCheckpoint.3=(addr=\"00c025808282bd21596019\",order=3,\
         time=1,size=61,write_gen=3,next_page_id=102)),\ntimestamp=69e29c5400000001,\noldest_timestamp=0,\n\
         largest_file_id=3",
    ),
    ("keystore", "7774636801011000100000003a618c83deadbeefdeadbeefdeadbeefdeadbeef"),
    (
        "page",
        "00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c650f72656416\
         027269636f748c089080866f72616e67651962616e616e610f79656c",
    ),
    ("cell", "156170706c650f726564"),
];

impl Scene {
    /// With the sources that a line names.
    pub fn new(line: &Line) -> Self {
        // On a disk: in memory a command can be done before the thread that is to end it has its turn.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (out, tmp) = (dir.path().join("out"), dir.path().join("tmp"));
        for d in [&out, &tmp, &dir.path().join("src")] {
            fs::create_dir(d).unwrap();
        }
        let scene = Self { dir, out, tmp };
        for name in names(line.args) {
            scene.make(name);
        }
        scene
    }

    pub fn src(&self) -> PathBuf {
        self.dir.path().join("src")
    }

    /// Where results go; the command runs there.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Where temporary files go.
    pub fn tmp(&self) -> &Path {
        &self.tmp
    }

    /// Some other path.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The path of a source.
    fn at(&self, name: &str) -> PathBuf {
        match name {
            "out" => self.out.clone(),
            "lost" => self.src().join("lost/one.wt"),
            "journal" => {
                let home = self.src().join("mended");
                let journal = |p: &PathBuf| p.extension().is_some_and(|e| e == "journal");
                fs::read_dir(home).unwrap().map(|e| e.unwrap().path()).find(journal).unwrap()
            }
            name => self.src().join(name),
        }
    }

    fn make(&self, name: &str) {
        let at = self.src().join(name);
        let copied = |from: &str| copy_dir(&fixture(from), &at);
        let file = |from: &str| fs::write(&at, fs::read(fixture(from)).unwrap()).unwrap();
        let run = |args: &[&str], code| {
            let out = Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(args).output().unwrap();
            assert_eq!(out.status.code(), Some(code), "{}", String::from_utf8_lossy(&out.stderr));
        };
        match name {
            "out" => {}
            "palite" => copied("palite/2026-07-leak-full"),
            "wal" => copied("palite/2026-07-dup-delta-wal"),
            "stale" => copied("palite/2026-07-stale-keystore-inflight"),
            "home" => copied("local/mongo"),
            "lost" => copied("local/lost-extent"),
            "palm" => {
                fs::create_dir_all(at.join("kv_home")).unwrap();
                fs::write(at.join("kv_home/data.mdb"), palm_data()).unwrap();
            }
            "log" => file("logs/standby-abort.txt"),
            "faulty" => file("logs/causes/block-zeros.1.log"),
            "dump" => file("dumps/turtles.jsonl"),
            "scenario" => file("scenarios/rapid_seal_burst.yaml"),
            "leader" => file("scenarios/new_leader.yaml"),
            "accounting" => file("scenarios/accounting-leak.yaml"),
            "image" => run(&["pack", path(&fixture("palite/2026-07-leak-full")), path(&at)], 0),
            "plan" => {
                let home = self.src().join("palite");
                copy_dir(&fixture("palite/2026-07-leak-full"), &home);
                run(&["repair", "plan", path(&home), "-o", path(&at)], 1);
            }
            "journal" => {
                let (home, plan) = (self.src().join("mended"), self.src().join("plan"));
                copy_dir(&fixture("palite/2026-07-leak-full"), &home);
                run(&["repair", "plan", path(&home), "-o", path(&plan)], 1);
                run(&["repair", "apply", path(&plan), "--in-place", "--yes"], 4);
            }
            other => {
                let (_, text) =
                    SAMPLES.iter().find(|(n, _)| *n == other).unwrap_or_else(|| panic!("no source {other}"));
                fs::write(&at, text).unwrap();
            }
        }
    }

    fn base(&self, line: &Line) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
        command.args(line.verb.split(' ')).current_dir(&self.out).stdin(Stdio::null());
        command.env("TMPDIR", &self.tmp).env("TERM", "xterm").env_remove("NO_COLOR");
        command
    }

    /// The command of a line.
    pub fn command(&self, line: &Line) -> Command {
        let mut command = self.base(line);
        command.args(self.args(line, None));
        command
    }

    /// The same with another input: for the first {…}.
    pub fn command_on(&self, line: &Line, input: &Path) -> Command {
        let mut command = self.base(line);
        command.args(self.args(line, Some(path(input))));
        command
    }

    /// The same with its input from stdin.
    pub fn command_from_stdin(&self, line: &Line) -> Command {
        let mut command = self.base(line);
        command.args(self.args(line, Some("-")));
        command
    }

    fn args(&self, line: &Line, input: Option<&str>) -> Vec<String> {
        let first = names(line.args).first().copied();
        let mut out = Vec::new();
        for word in line.args.split(' ').filter(|w| !w.is_empty()) {
            let mut word = word.to_string();
            if let (Some(input), Some(first)) = (input, first) {
                if input == "-" && word.contains(&format!("{{{first}}}")) {
                    word = "-".into();
                }
                word = word.replace(&format!("{{{first}}}"), input);
            }
            for name in names(&word.clone()) {
                word = word.replace(&format!("{{{name}}}"), path(&self.at(name)));
            }
            out.push(word);
        }
        out
    }

    /// The input of a line.
    pub fn input(&self, line: &Line) -> PathBuf {
        self.at(names(line.args)[0])
    }

    /// All sources as they are.
    pub fn source(&self) -> Tree {
        let mut out = Tree::new();
        let root = self.src();
        tree(&root, &root, &mut out);
        out
    }
}

/// The names in braces.
fn names(args: &str) -> Vec<&str> {
    args.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect()
}

/// What a file is: mode, owner, times, links, and its bytes. A new ctime is a touch, too.
pub type Tree = BTreeMap<PathBuf, (u32, (u32, u32), [i64; 4], u64, Vec<u8>)>;

fn tree(root: &Path, at: &Path, out: &mut Tree) {
    let m = fs::symlink_metadata(at).unwrap();
    let bytes = match () {
        () if m.is_file() => fs::read(at).unwrap(),
        () if m.is_symlink() => path(&fs::read_link(at).unwrap()).into(),
        () => Vec::new(),
    };
    let times = [m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()];
    out.insert(at.strip_prefix(root).unwrap().into(), (m.mode(), (m.uid(), m.gid()), times, m.nlink(), bytes));
    if m.is_dir() {
        for entry in fs::read_dir(at).unwrap() {
            tree(root, &entry.unwrap().path(), out);
        }
    }
}

/// Every file below a directory.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        } else {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// The names in a directory.
pub fn left_over(dir: &Path) -> Vec<String> {
    let mut out: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    out.sort();
    out
}

/// A pipe that takes no further byte.
pub fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let size = fcntl_setpipe_size(&writer, 4096).unwrap();
    File::from(writer.try_clone().unwrap()).write_all(&vec![b'.'; size]).unwrap();
    (reader, writer)
}

/// Read a pipe to its end.
pub fn drain(reader: OwnedFd) {
    std::thread::spawn(move || File::from(reader).read_to_end(&mut Vec::new()));
}

/// What a command does that cannot print.
pub enum Waits {
    AtOutput,
    Ended,
}

/// Wait until one of its threads is in the system call that writes to stdout, or it has ended.
pub fn wait_for_output(child: &Child) -> Waits {
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let from = Instant::now();
    loop {
        let state = fs::read_to_string(proc.join("stat")).unwrap_or_default();
        if state.rsplit(") ").next().is_none_or(|s| s.starts_with('Z') || s.is_empty()) {
            return Waits::Ended;
        }
        let threads = fs::read_dir(proc.join("task")).into_iter().flatten().flatten();
        for thread in threads {
            // The kernel's word for it; or the number of write on x86-64 or AArch64, and its first argument.
            let at = fs::read_to_string(thread.path().join("wchan")).unwrap_or_default();
            let call = fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
            let writes = ["1 0x1 ", "64 0x1 "].iter().any(|w| call.starts_with(w));
            if at.contains("pipe_write") || writes {
                return Waits::AtOutput;
            }
        }
        assert!(from.elapsed() < Duration::from_secs(60), "it neither prints nor ends");
        std::thread::sleep(Duration::from_millis(2));
    }
}
