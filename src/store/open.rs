//! Find out what a directory holds and open its page log (spec 10.2.1, 10.3).

use super::palite::{Palite, PaliteOptions};
use super::{PageLog, StoreError, StoreKind, live};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The page log's directory under a home directory.
const KV_HOME: &str = "kv_home";
/// How many names an error message quotes.
const QUOTED_NAMES: usize = 4;

/// How to open a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Read with ordinary reads instead of memory maps (a mapped file that shrinks kills the process).
    pub no_mmap: bool,
    /// Open a store although another process holds it.
    pub allow_live: bool,
}

/// Where a page log lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The home directory around it, if known.
    pub home: Option<PathBuf>,
    /// The page log's own directory.
    pub kv_home: PathBuf,
    /// Its kind.
    pub kind: StoreKind,
}

/// Find the page log in `dir`: a home directory with `kv_home/` in it, or the `kv_home` itself.
pub fn locate(dir: &Path) -> Result<Located, StoreError> {
    let names = list(dir)?;
    let (home, kv_home, names) = if names.iter().any(|n| n == KV_HOME) {
        let kv_home = follow_flattened_link(dir, dir.join(KV_HOME));
        let inner = list(&kv_home)?;
        (Some(dir.to_path_buf()), kv_home, inner)
    } else {
        // With a relative path such as "." the parent is only known after resolving it.
        let home = std::fs::canonicalize(dir).ok().and_then(|p| p.parent().map(Path::to_path_buf));
        (home, dir.to_path_buf(), names)
    };
    let kind = if names.iter().any(|n| is_palite(n)) {
        StoreKind::Palite
    } else if names.iter().any(|n| n == "data.mdb") {
        StoreKind::Palm
    } else {
        return Err(StoreError::NoPageLog { reason: describe(&kv_home, &names), path: kv_home });
    };
    Ok(Located { home, kv_home, kind })
}

/// Open the page log in `dir`: a home directory with `kv_home/` in it, or the `kv_home` itself.
pub fn open(dir: &Path, options: &OpenOptions) -> Result<Box<dyn PageLog>, StoreError> {
    let Located { home, kv_home, kind } = locate(dir)?;
    if !options.allow_live {
        live::check(home.as_deref(), &kv_home)?;
    }
    if kind == StoreKind::Palite {
        // Mapped files would count as memory, and gain a tenth at most where nothing is cold.
        let options = PaliteOptions { no_mmap: true, ..PaliteOptions::default() };
        Ok(Box::new(Palite::open_with(&kv_home, options)?))
    } else {
        Ok(Box::new(super::palm::Palm::open(&kv_home, options.no_mmap)?))
    }
}

/// Open a regular file to read it. Anything else of that name is refused and not waited for: a FIFO
/// would block until someone writes to it.
pub fn regular_file(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match file.metadata()? {
        meta if meta.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        meta if !meta.is_file() => Err(std::io::Error::other("is no regular file")),
        _ => Ok(file),
    }
}

/// All of a regular file.
pub fn read_regular_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut regular_file(path)?, &mut out)?;
    Ok(out)
}

/// Archives and checkouts without symbolic links leave a small text file that holds the target; a
/// follower's `kv_home` is a link to its leader's. Anything else comes back as it was.
fn follow_flattened_link(dir: &Path, kv_home: PathBuf) -> PathBuf {
    flattened_link(dir, &kv_home).unwrap_or(kv_home)
}

/// The directory a flattened link `kv_home` in `dir` stands for.
#[must_use]
pub fn flattened_link(dir: &Path, kv_home: &Path) -> Option<PathBuf> {
    const LONGEST: u64 = 4096;
    let named = kv_home.file_name().is_some_and(|n| n == KV_HOME);
    let small = named && std::fs::metadata(kv_home).is_ok_and(|m| m.is_file() && m.len() <= LONGEST);
    let target = small.then(|| std::fs::read_to_string(kv_home).ok()).flatten();
    target.map(|t| dir.join(t.trim_end_matches(['\n', '\r']))).filter(|t| t.is_dir())
}

fn is_palite(name: &str) -> bool {
    name == "checkpoints.db" || name == "globals.db" || (name.starts_with("pages_") && name.ends_with(".db"))
}

/// The names in a directory, sorted, or an error that says what the path is instead.
fn list(dir: &Path) -> Result<Vec<String>, StoreError> {
    let not_a_directory = |reason: String| StoreError::NotADirectory { path: dir.to_path_buf(), reason };
    let unreadable = |e: &std::io::Error| StoreError::Unreadable {
        path: dir.to_path_buf(),
        reason: match e.kind() {
            ErrorKind::PermissionDenied => "permission denied".into(),
            _ => e.to_string(),
        },
    };
    let meta = match std::fs::metadata(dir) {
        Ok(meta) => meta,
        Err(_) if dir.as_os_str().is_empty() => return Err(not_a_directory("the path is empty".into())),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let reason = if std::fs::symlink_metadata(dir).is_ok() {
                "is a symbolic link to something that does not exist"
            } else {
                "does not exist"
            };
            return Err(not_a_directory(reason.into()));
        }
        Err(e) if e.kind() == ErrorKind::NotADirectory => {
            return Err(not_a_directory("does not exist: a part of the path is a file".into()));
        }
        Err(e) => return Err(unreadable(&e)),
    };
    if !meta.is_dir() {
        return Err(not_a_directory(describe_file(dir)));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| unreadable(&e))? {
        names.push(entry.map_err(|e| unreadable(&e))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// What to say of a file given in place of a directory.
fn describe_file(file: &Path) -> String {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let base = name.trim_end_matches("-wal").trim_end_matches("-shm");
    let of_a_store = is_palite(base) || base == "data.mdb" || base == "lock.mdb";
    let of_a_home = base.starts_with("WiredTiger") || base.ends_with(".wt");
    if of_a_store || of_a_home {
        let above = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let what = if of_a_store { "a page-log store" } else { "a home directory" };
        format!("is a file of {what}; the directory above it is wanted: {}", above.display())
    } else {
        "is a file, not a directory".into()
    }
}

/// What a directory without a page log is instead.
fn describe(dir: &Path, names: &[String]) -> String {
    if names.is_empty() {
        return "is an empty directory".into();
    }
    let home_files = ["WiredTiger", "WiredTiger.wt", "WiredTiger.turtle"];
    if names.iter().any(|n| home_files.contains(&n.as_str())) {
        return format!(
            "is a WiredTiger home without {KV_HOME}/: a local (classic) home without a page log, or its page log is elsewhere"
        );
    }
    let found = quote(names);
    if dir.file_name().is_some_and(|n| n == KV_HOME) {
        return format!("holds no page log: neither checkpoints.db (PALite) nor data.mdb (PALM), but {found}");
    }
    let below: Vec<PathBuf> = names.iter().map(|n| dir.join(n)).filter(|p| p.join(KV_HOME).is_dir()).take(1).collect();
    match below.first() {
        Some(home) => {
            format!(
                "is no WiredTiger home: neither {KV_HOME}/ nor checkpoints.db nor data.mdb; {} is one",
                home.display()
            )
        }
        None => format!("is no WiredTiger home: neither {KV_HOME}/ nor checkpoints.db nor data.mdb, but {found}"),
    }
}

fn quote(names: &[String]) -> String {
    let mut out = names.iter().take(QUOTED_NAMES).map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(QUOTED_NAMES);
    if more > 0 {
        out.push_str(&format!(" and {more} more"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn reason(dir: &Path) -> String {
        match open(dir, &OpenOptions::default()) {
            Ok(_) => panic!("opened {}", dir.display()),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn every_wrong_path_has_its_own_words() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        assert!(reason(&at("nothing")).contains("does not exist"));
        fs::create_dir(at("empty")).unwrap();
        assert!(reason(&at("empty")).contains("is an empty directory"));
        fs::create_dir(at("other")).unwrap();
        fs::write(at("other/letter.txt"), "x").unwrap();
        assert!(reason(&at("other")).contains("is no WiredTiger home"));
        assert!(reason(&at("other")).contains("letter.txt"));
        assert!(reason(&at("other/letter.txt")).contains("is a file, not a directory"));
        assert!(reason(&at("other/letter.txt/x")).contains("a part of the path is a file"));
        fs::create_dir(at("classic")).unwrap();
        fs::write(at("classic/WiredTiger.wt"), "x").unwrap();
        assert!(reason(&at("classic")).contains("local (classic) home without a page log"));
        fs::create_dir_all(at("home/kv_home")).unwrap();
        assert!(reason(&at("home")).contains("kv_home: is an empty directory"));
        fs::write(at("home/kv_home/globals.db"), "x").unwrap();
        assert!(reason(&at("home")).contains("no checkpoints.db"));
        assert!(reason(&at("home/kv_home/globals.db")).contains("the directory above it is wanted"));
        assert!(reason(temp.path()).contains("home is one"));
        fs::create_dir(at("flat")).unwrap();
        fs::write(at("flat/kv_home"), "../home/kv_home").unwrap();
        assert!(reason(&at("flat")).contains("no checkpoints.db"), "a flattened link is followed");
        fs::write(at("flat/kv_home"), "../nowhere").unwrap();
        assert!(reason(&at("flat")).contains("is a file, not a directory"));
        std::os::unix::fs::symlink("gone", at("link")).unwrap();
        assert!(reason(&at("link")).contains("symbolic link"));
    }
}
