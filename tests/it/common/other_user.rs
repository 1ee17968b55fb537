//! The program as another user runs it, who may not read everything.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program where everybody can run it.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = dir.path().join("wtcheck");
        let built = Path::new(env!("CARGO_BIN_EXE_wtcheck"));
        if fs::hard_link(built, &path).is_err() {
            // By another process: a child that a test starts meanwhile would hold what is written here, and a
            // program that is open for writing cannot be run.
            assert!(Command::new("cp").args([built, &path]).status().unwrap().success());
        }
        (dir, path)
    });
    path
}

pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// What a command comes to, without its progress.
pub fn ran(command: &mut Command) -> Ran {
    let out = command.arg("--no-progress").output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Ran { code: out.status.code().unwrap_or(-1), stdout: text(&out.stdout), stderr: text(&out.stderr) }
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }
}
