//! Verbs that read open nothing of their source for writing, and make, rename or change nothing there: asked of the
//! system calls, as root and as the owner, of whom SQLite would ask more than of others.

use crate::common::other_user::{is_root, program};
use crate::common::{copy_dir, fixture, palm_data, path};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Calls that open, make or change something by its name or a handle; unknown ones do not matter.
const CALLS: &str = "open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,truncate,ftruncate,\
                     fallocate,chmod,fchmod,fchmodat,fchmodat2,chown,fchown,lchown,fchownat,utime,utimes,futimesat,\
                     utimensat,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat,setxattr,lsetxattr,fsetxattr,\
                     removexattr,lremovexattr,fremovexattr,write,pwrite64,writev,pwritev,copy_file_range,sendfile";

/// Verbs and arguments; `SRC` is the directory of the sources, `OUT` that of results.
const LINES: &[&str] = &[
    "audit SRC/wal",
    "audit --deep SRC/wal",
    "audit --deep -j 2 --no-mmap SRC/palm",
    "audit SRC/palm",
    "audit --deep SRC/home",
    "audit SRC/home/WiredTiger.wt",
    "SRC/home",
    "map SRC/wal",
    "map SRC/palm",
    "map SRC/home",
    "orphans SRC/wal",
    "page SRC/wal 25 110",
    "page SRC/home/WiredTiger.wt --offset 4096",
    "decode turtle @SRC/turtle",
    "decode --from-log SRC/log",
    "pickup replay SRC/wal",
    "pickup explain SRC/log --home SRC/wal",
    "pickup run SRC/scenario",
    "repair plan SRC/wal -o OUT/plan.yaml",
    "repair plan SRC/home -o OUT/home.yaml",
    "export SRC/wal --out OUT/tables",
    "export SRC/palm --out OUT/palm",
    "pack SRC/wal OUT/image",
    "pack SRC/palm OUT/palm-image",
    "pack SRC/home OUT/home-image",
];

fn sources(src: &Path) {
    copy_dir(&fixture("palite/2026-07-dup-delta-wal"), &src.join("wal"));
    copy_dir(&fixture("local/mongo"), &src.join("home"));
    fs::create_dir_all(src.join("palm/kv_home")).unwrap();
    fs::write(src.join("palm/kv_home/data.mdb"), palm_data()).unwrap();
    fs::write(src.join("turtle"), "version=2,compatible_version=1,\noldest_timestamp=0,\nlargest_file_id=3").unwrap();
    fs::copy(fixture("logs/standby-abort.txt"), src.join("log")).unwrap();
    fs::copy(fixture("scenarios/rapid_seal_burst.yaml"), src.join("scenario")).unwrap();
}

fn give(dir: &Path, user: u32) {
    chown(dir, Some(user), Some(user)).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let at = entry.unwrap().path();
        if at.is_dir() { give(&at, user) } else { chown(&at, Some(user), Some(user)).unwrap() }
    }
}

/// Whether a call only reads: it opens for nothing else.
fn reads(call: &str) -> bool {
    let opens = ["open(", "openat(", "openat2("].iter().any(|name| call.contains(name));
    let more = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
    opens && !more.iter().any(|flag| call.contains(flag))
}

/// The part of a call that names what is written, where another part may name what is read.
fn written(call: &str) -> &str {
    // copy_file_range(from, offset, to, …), sendfile(to, from, …)
    if let Some((_, rest)) = call.split_once("copy_file_range(") {
        return rest.splitn(3, ", ").nth(2).unwrap_or(rest);
    }
    match call.split_once("sendfile(") {
        Some((_, rest)) => rest.split_once(", ").map_or(rest, |(to, _)| to),
        None => call,
    }
}

fn traced(user: Option<u32>) {
    let temp = tempfile::tempdir().unwrap();
    let (src, out, tmp) = (temp.path().join("src"), temp.path().join("out"), temp.path().join("tmp"));
    for dir in [&src, &out, &tmp] {
        fs::create_dir(dir).unwrap();
    }
    sources(&src);
    // Writable and readable by the owner: what is not done is not left for want of permission.
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(user) = user {
        give(temp.path(), user);
    }
    let calls = CALLS.split(',').map(|c| format!("?{c}")).collect::<Vec<_>>().join(",");
    for line in LINES {
        let words = line.split(' ').map(|w| w.replace("SRC", path(&src)).replace("OUT", path(&out)));
        // A file for each thread: in one a call of which the end comes later stands in two pieces.
        let log = temp.path().join("calls");
        fs::create_dir(&log).unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o777)).unwrap();
        let mut command = Command::new("strace");
        command.args(["-ff", "-qq", "-y", "-s", "0", "-e", "signal=none", "-e", &format!("trace={calls}"), "-o"]);
        command
            .arg(log.join("calls"))
            .arg(program())
            .args(words)
            .arg("--no-progress")
            .env("TMPDIR", &tmp)
            .current_dir(&out);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let ran = command.stdin(Stdio::null()).output();
        let ran = ran.unwrap_or_else(|e| panic!("strace, which this test needs (apt-get install strace): {e}"));
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{line}: {:?} {stderr}", ran.status);
        let files = fs::read_dir(&log).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let all = files.collect::<String>();
        fs::remove_dir_all(&log).unwrap();
        let of_source: Vec<&str> = all.lines().filter(|call| written(call).contains(path(&src))).collect();
        assert!(of_source.iter().any(|call| reads(call)), "{line}: nothing of the source was seen to be read");
        let touched: Vec<&&str> = of_source.iter().filter(|call| !reads(call)).collect();
        assert!(touched.is_empty(), "{line} as {user:?}: {touched:#?}");
    }
}

#[test]
#[ignore = "needs strace"]
fn as_who_runs_the_tests() {
    traced(None);
}

#[test]
#[ignore = "needs strace, and root to become another user"]
fn as_the_owner() {
    assert!(is_root(), "only root can become the owner of a store and run the program as that");
    traced(Some(1000));
}
