//! A damaged store of each kind with a plan for it, in the hands of somebody else.

use super::other_user::{is_root, program};
use super::{path, wtcheck};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Whom the hostile directory belongs to.
pub const OTHER: u32 = 1000;
pub const SECRET: &str = "nobody else's business";

/// A damaged store, a plan for it, and files outside that must stay as they are.
pub struct Scene {
    pub temp: TempDir,
    pub home: PathBuf,
    pub plan: PathBuf,
    pub outside: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Palite,
    Palm,
    Home,
}

pub const KINDS: [Kind; 3] = [Kind::Palite, Kind::Palm, Kind::Home];

impl Scene {
    pub fn new(kind: Kind) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (home, plan, outside) =
            (temp.path().join("home"), temp.path().join("plan.yaml"), temp.path().join("outside"));
        let mut more = vec![];
        match kind {
            Kind::Palite => super::copy_dir(&super::fixture("palite/2026-07-leak-full"), &home),
            Kind::Palm => {
                super::copy_dir(&super::real("disagg-small/db/leader"), &home);
                more = vec!["--only", "size-is-root-page-id"];
            }
            Kind::Home => {
                super::copy_dir(&super::real("classic-one/db"), &home);
                fs::remove_file(home.join("WiredTiger.turtle")).unwrap();
            }
        }
        let (code, out, err) = wtcheck(&[&["repair", "plan", path(&home), "-o", path(&plan)], &more[..]].concat());
        assert_eq!(code, 1, "{kind:?}: {out}{err}");
        fs::create_dir(&outside).unwrap();
        for name in ["victim", "victim.db", "data.mdb"] {
            fs::write(outside.join(name), SECRET).unwrap();
        }
        if is_root() {
            fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
            give(&home, OTHER);
        }
        Self { temp, home, plan, outside }
    }

    pub fn kv_home(&self, name: &str) -> PathBuf {
        self.home.join("kv_home").join(name)
    }

    /// Names, owners, modes and content of what lies outside.
    pub fn outside(&self) -> BTreeMap<PathBuf, (u32, u32, u64, Vec<u8>)> {
        let mut out = BTreeMap::new();
        for entry in fs::read_dir(&self.outside).unwrap() {
            let at = entry.unwrap().path();
            let meta = fs::symlink_metadata(&at).unwrap();
            let content = if meta.is_file() { fs::read(&at).unwrap() } else { Vec::new() };
            out.insert(at, (meta.uid(), meta.mode(), meta.ino(), content));
        }
        out
    }

    /// No file below the scene but those outside holds the secret, as it is or in hex.
    pub fn nothing_leaked(&self, label: &str) {
        let hex = hex::encode(SECRET);
        let mut todo = vec![self.temp.path().to_path_buf()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let at = entry.unwrap().path();
                let meta = fs::symlink_metadata(&at).unwrap();
                if meta.is_dir() && at != self.outside {
                    todo.push(at);
                } else if meta.is_file() && meta.nlink() == 1 {
                    let text = String::from_utf8_lossy(&fs::read(&at).unwrap()).into_owned();
                    assert!(!text.contains(SECRET) && !text.contains(&hex), "{label}: {}", at.display());
                }
            }
        }
    }

    pub fn run(&self, args: &[&str]) -> (i32, String) {
        let out = Command::new(program()).args(args).arg("--no-progress").stdin(Stdio::null()).output().unwrap();
        (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stderr).into_owned())
    }

    pub fn in_place(&self) -> (i32, String) {
        self.run(&["repair", "apply", path(&self.plan), "--in-place", "--yes"])
    }
}

pub fn give(at: &Path, user: u32) {
    let meta = fs::symlink_metadata(at).unwrap();
    std::os::unix::fs::lchown(at, Some(user), Some(user)).unwrap();
    if meta.is_dir() {
        fs::read_dir(at).unwrap().for_each(|e| give(&e.unwrap().path(), user));
    }
}

/// The undo journal in a directory: the newest.
pub fn journal(home: &Path) -> PathBuf {
    journals(home).pop().unwrap()
}

pub fn journals(home: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(home).unwrap().map(|e| e.unwrap().path());
    let mut all: Vec<PathBuf> = names.filter(|p| p.extension().is_some_and(|e| e == "journal")).collect();
    all.sort();
    all
}
