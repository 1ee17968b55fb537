//! The data directories of `fixtures/real`: unpacked when a test asks for one, once, and read only from
//! then on. A test that changes something copies it first.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Archives and the sets in them. A damaged set lies with its base, of which it repeats most bytes.
const ARCHIVES: [(&str, &[&str]); 11] = [
    ("cases", &["cases"]),
    ("classic-crash", &["classic-crash"]),
    ("classic-encrypted", &["classic-encrypted"]),
    ("classic-mongo-like", &["classic-mongo-like"]),
    ("classic-one", &["classic-one", "classic-one-damaged"]),
    ("classic-small", &["classic-small", "classic-damaged"]),
    ("disagg-small", &["disagg-small", "disagg-damaged"]),
    ("engines", &["engines"]),
    ("mongo-keys", &["mongo-keys"]),
    ("palite", &["palite"]),
    ("recovered", &["recovered"]),
];

/// A set, or what lies in it: `real("classic-one/db")`.
pub fn real(path: &str) -> PathBuf {
    static UNPACKED: [OnceLock<PathBuf>; ARCHIVES.len()] = [const { OnceLock::new() }; ARCHIVES.len()];
    let set = path.split('/').next().unwrap();
    let at = ARCHIVES.iter().position(|(_, sets)| sets.contains(&set)).unwrap_or_else(|| panic!("no set {set}"));
    UNPACKED[at].get_or_init(|| unpacked(ARCHIVES[at].0)).join(path)
}

/// Where an archive lies unpacked. The place is named after its checksum, so what an older one left is not
/// taken for it, and gets its name last, so it is there as a whole or not at all.
fn unpacked(archive: &str) -> PathBuf {
    let packed = std::fs::read(super::fixture(&format!("real/{archive}.tar.zst"))).unwrap();
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real");
    let place = all.join(format!("{archive}-{}", &hex::encode(Sha256::digest(&packed))[..16]));
    if place.is_dir() {
        return place;
    }
    std::fs::create_dir_all(&all).unwrap();
    let own = tempfile::tempdir_in(&all).unwrap();
    let mut tar = tar::Archive::new(zstd::Decoder::new(&packed[..]).unwrap());
    tar.set_preserve_permissions(false);
    tar.unpack(own.path()).unwrap();
    // Another run may have been faster; its files are the same.
    if let Err(e) = std::fs::rename(own.path(), &place) {
        assert!(place.is_dir(), "{}: {e}", place.display());
    }
    place
}
