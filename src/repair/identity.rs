//! Which store this is, and in which state: what binds a plan to it.

use super::RepairError;
use super::plan::{FileIdentity, Identity};
use crate::audit::pagelog::Opened;
use crate::audit::result::Audit;
use crate::id::Lsn;
use crate::store::{read_regular_file, regular_file};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::BufRead;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Files up to this size that are not databases of pages are hashed whole.
const SMALL: u64 = 16 << 20;

/// SHA-256 over every row and record in order. Blocks that were verified stand in it by their
/// checksum, all others by their bytes.
pub fn fingerprint(opened: &Opened<'_>) -> Result<String, RepairError> {
    let mut hash = Sha256::new();
    let mut reader = opened.store.reader()?;
    let mut bytes = Vec::new();
    let number = |hash: &mut Sha256, n: u64| hash.update(n.to_le_bytes());
    number(&mut hash, opened.layout.lsn_counter.map_or(0, |c| c.get().wrapping_add(1)));
    for row in opened.index.rows() {
        for n in [row.table.get(), row.page.get(), row.lsn.get(), row.backlink_lsn.get(), row.base_lsn.get()] {
            number(&mut hash, n);
        }
        number(&mut hash, u64::from(row.flags) << 32 | u64::from(row.len));
        if row.seal.state != 0 {
            number(&mut hash, u64::from(row.seal.checksum) << 32 | u64::from(row.seal.previous));
        } else if row.len > 0 {
            // What cannot be read now will not be read later either; both times it counts the same.
            match reader.read(&row, &mut bytes) {
                Ok(()) => hash.update(&bytes),
                Err(_) => number(&mut hash, u64::MAX),
            }
        }
    }
    for record in &opened.completions {
        for n in [record.lsn.get(), record.timestamp, record.checkpoint_id.unwrap_or(0), record.text.len() as u64] {
            number(&mut hash, n);
        }
        hash.update(&record.text);
    }
    Ok(hex::encode(hash.finalize()))
}

/// The identity of a page log.
pub fn of(opened: &Opened<'_>, audit: &Audit, kv_home: &Path, directory: &Path) -> Result<Identity, RepairError> {
    let names = opened.layout.files.iter().map(|(name, _)| name.as_str());
    Ok(Identity {
        directory: absolute(directory),
        kind: opened.store.kind(),
        generation: audit.store.generation.to_string(),
        lsn_counter: opened.layout.lsn_counter,
        newest_completion_lsn: opened.completions.last().map(|c| c.lsn),
        stands_on_lsn: audit.checkpoint.as_ref().map(|c| c.lsn),
        fingerprint: fingerprint(opened)?,
        files: names.map(|name| file(kv_home, name)).collect(),
    })
}

/// A path that still leads there from another directory.
pub fn absolute(path: &Path) -> String {
    let full = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    full.unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

/// A file in words, with all of its content.
pub fn whole_file(dir: &Path, name: &str) -> FileIdentity {
    let sha256 = regular_file(&dir.join(name)).and_then(hashed).ok();
    FileIdentity { sha256, ..file(dir, name) }
}

/// The SHA-256 of what a file holds, in hexadecimal digits.
fn hashed(file: impl std::io::Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = std::io::BufReader::with_capacity(1 << 16, file);
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(piece);
        let read = piece.len();
        file.consume(read);
    }
}

/// A file in words.
pub fn file(dir: &Path, name: &str) -> FileIdentity {
    let path = dir.join(name);
    let meta = fs::metadata(&path).ok();
    let time = meta.as_ref().and_then(|m| m.modified().ok()).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let size = meta.as_ref().map_or(0, fs::Metadata::len);
    let whole = size <= SMALL && !name.starts_with("pages_") && !name.ends_with(".mdb");
    FileIdentity {
        name: name.to_string(),
        size,
        modified: time.map_or(String::new(), |t| format!("{}.{:09}", t.as_secs(), t.subsec_nanos())),
        sha256: whole.then(|| read_regular_file(&path).ok()).flatten().map(|bytes| hex::encode(Sha256::digest(bytes))),
    }
}

/// First and last bytes of a file that is too large to be hashed on the way.
pub fn ends(path: &Path) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    const PART: usize = 64 << 10;
    let Ok(file) = regular_file(path) else { return Vec::new() };
    let len = file.metadata().map_or(0, |m| m.len());
    let mut out = Vec::new();
    for at in [0, len.saturating_sub(PART as u64)] {
        let mut part = vec![0; PART];
        let read = file.read_at(&mut part, at).unwrap_or(0);
        out.extend_from_slice(&part[..read]);
    }
    out
}

/// Refuse a store that is not the one a plan was made for, or not in that state.
pub fn check(planned: &Identity, now: &Identity) -> Result<(), RepairError> {
    match differs(planned, now) {
        None => Ok(()),
        Some(why) => {
            Err(RepairError::Refused(format!("the store is not as it was for the plan: {why}; make a new plan")))
        }
    }
}

/// Why a store is not the one a plan was made for, or not in that state; `None` if it is.
pub fn differs(planned: &Identity, now: &Identity) -> Option<String> {
    if planned.kind != now.kind {
        return Some(format!("the plan is for {}, but this is {}", planned.kind.words(), now.kind.words()));
    }
    if planned.fingerprint == now.fingerprint {
        return None;
    }
    let lsn = |l: Option<Lsn>| l.map_or("none".to_string(), |l| l.to_string());
    let what = if planned.newest_completion_lsn != now.newest_completion_lsn {
        let (then, is) = (lsn(planned.newest_completion_lsn), lsn(now.newest_completion_lsn));
        format!("the newest completion record was at LSN {then}, and is now at LSN {is}")
    } else if planned.lsn_counter != now.lsn_counter {
        format!("the LSN counter was {}, and is now {}", lsn(planned.lsn_counter), lsn(now.lsn_counter))
    } else {
        "its rows have changed".to_string()
    };
    let changed: Vec<&str> = planned
        .files
        .iter()
        .filter(|f| now.files.iter().all(|n| (n.name.as_str(), n.size, &n.sha256) != (&f.name, f.size, &f.sha256)))
        .map(|f| f.name.as_str())
        .collect();
    let files = if changed.is_empty() { String::new() } else { format!(" (changed: {})", changed.join(", ")) };
    Some(format!("{what}{files}"))
}
