//! Logs that five real engines wrote about injuries made on purpose (`fixtures/real/engine-logs.tar.zst`): the
//! cause is the injury. The first line of each file says what was injured; it is not shown to the reader.

use std::collections::BTreeMap;
use std::path::Path;
use wtcheck::diagnosis::Reader;
use wtcheck::serverlog::source::{Encoding, Packing};
use wtcheck::serverlog::text::LogFile;

/// Injuries that the engines say something about, and the causes that are right, of any engine; an empty one is
/// none: verbose lines of a start that goes well.
const TRUTH: &[(&str, &[&str])] = &[
    ("backup-file-empty", &["backup-recreate"]),
    ("backup-file-there", &["backup-file-bad"]),
    ("basecfg-garbled", &["basecfg-garbled"]),
    ("cache-stuck-timeout", &["txn-too-big"]),
    ("cache-too-small-txn", &["txn-too-big"]),
    ("cell-corrupt", &["page-content"]),
    ("checksum-column-leaf", &["block-checksum-content"]),
    ("checksum-compressed-leaf", &["block-checksum-content"]),
    ("checksum-extent-list", &["block-checksum-content"]),
    ("checksum-internal-root", &["root-unreadable"]),
    ("checksum-leaf", &["block-checksum-content"]),
    ("checksum-leaf-headerbit", &["block-checksum-header"]),
    ("checksum-overflow", &["block-checksum-content"]),
    ("checksum-zeroed-block", &["block-zeros"]),
    ("collator-missing", &["extension-missing"]),
    ("compact-nothing", &["compaction"]),
    ("compressor-missing", &["extension-missing"]),
    ("compressor-missing-unclean", &["extension-missing"]),
    ("create-over-existing-file", &["file-unexpected"]),
    ("desc-checksum", &["not-a-wiredtiger-file"]),
    ("desc-magic", &["not-a-wiredtiger-file"]),
    ("desc-version", &["desc-version"]),
    ("drop-colgroup", &["column-groups"]),
    ("ebusy-rename", &["rename-failed"]),
    ("eio-fdatasync-collection", &["fsync-failed"]),
    ("eio-fdatasync-dir", &["fsync-failed"]),
    ("eio-fdatasync-log", &["fsync-failed"]),
    ("eio-fdatasync-turtle", &["fsync-failed"]),
    ("eio-ftruncate", &["eio"]),
    ("eio-read-collection", &["eio"]),
    ("eio-read-metadata", &["eio"]),
    ("encrypted-extension-missing", &["enc-config"]),
    ("encrypted-no-encryptor", &["metadata-unreadable"]),
    ("encrypted-other-keyid", &["enc-other-key", "block-checksum-header"]),
    ("enospc-open-log", &["enospc"]),
    ("enospc-turtle-set", &["enospc"]),
    ("enospc-write-collection", &["enospc"]),
    ("enospc-write-log", &["enospc"]),
    ("enospc-write-metadata", &["enospc"]),
    ("entries-wrong", &["page-content"]),
    ("erofs-open", &["erofs"]),
    ("erofs-open-collection", &["erofs"]),
    ("estale-open", &["estale"]),
    ("estale-read", &["estale"]),
    ("extension-file-missing", &["extension-missing"]),
    ("home-missing", &["enoent-home"]),
    ("hs-empty", &["hs-damaged"]),
    ("hs-header", &["hs-damaged"]),
    ("hs-missing", &["hs-missing"]),
    ("hs-zeroed", &["hs-damaged"]),
    ("json-checksum-leaf", &["config-unknown", "block-checksum-content"]),
    ("json-metadata-root-damaged", &["config-unknown", "metadata-unreadable"]),
    ("json-page-type-zero", &["config-unknown", "page-type-invalid"]),
    ("json-verbose-recovery", &["config-unknown", ""]),
    ("lock-busy", &["lock-busy"]),
    ("log-compressor-missing", &["log-compressed"]),
    ("log-dir-missing", &["log-dir-missing"]),
    ("log-empty", &["log-empty"]),
    ("log-header-magic", &["log-magic"]),
    ("log-header-version", &["log-version"]),
    ("log-header-version-cksum", &["log-version"]),
    ("log-record-bit", &["log-record-bad"]),
    ("log-record-first", &["log-system-record"]),
    ("memsize-wrong", &["page-content"]),
    ("metadata-empty", &["file-too-small"]),
    ("metadata-extent-list-damaged", &["metadata-extent-list"]),
    ("metadata-missing", &["metadata-missing"]),
    ("metadata-older", &["log-missing-needed", "files-of-different-moments"]),
    ("metadata-older-turtle-kept", &["turtle-stale", "short-read"]),
    ("metadata-root-damaged", &["metadata-unreadable"]),
    ("metadata-truncated", &["short-read"]),
    ("metadata-zeroed", &["desc-corrupted", "not-a-wiredtiger-file"]),
    ("operation-not-permitted", &["eperm-open"]),
    ("page-type-wrong", &["page-type-invalid"]),
    ("page-type-zero", &["page-type-invalid"]),
    ("permission-denied-collection", &["eacces-open"]),
    ("permission-denied-dir", &["eacces-open"]),
    ("permission-denied-hs", &["eacces-open"]),
    ("permission-denied-lock", &["eacces-open"]),
    ("permission-denied-metadata", &["eacces-open"]),
    ("permission-denied-turtle", &["eacces-open"]),
    ("permission-denied-wiredtiger", &["eacces-open"]),
    ("plain-with-encryptor", &["metadata-unreadable"]),
    ("readonly-unclean", &["needs-recovery"]),
    ("recover-error", &["needs-recovery"]),
    ("recover-table-damaged", &["root-unreadable"]),
    ("recover-table-missing", &["table-file-missing"]),
    ("rename-turtle", &["rename-failed"]),
    ("root-type-zero", &["root-unreadable"]),
    ("salvage-log-empty", &["log-empty", "config-unknown"]),
    ("salvage-log-header-magic", &["log-magic", "config-unknown"]),
    ("salvage-log-record-bit", &["log-record-bad", "config-unknown"]),
    ("salvage-log-record-middle", &["config-unknown"]),
    ("salvage-metadata-empty", &["file-too-small", "config-unknown"]),
    ("salvage-metadata-missing", &["metadata-missing", "config-unknown"]),
    ("salvage-metadata-root", &["config-unknown"]),
    ("salvage-table-file-missing", &["table-file-missing", "config-unknown"]),
    ("salvage-turtle-garbled", &["config-unknown"]),
    ("salvage-turtle-missing", &["turtle-missing", "config-unknown"]),
    ("snappy-corrupt", &["decompress-failed"]),
    ("table-file-empty", &["file-too-small"]),
    ("table-file-missing", &["table-file-missing"]),
    ("table-file-older", &["block-checksum-header", "short-read"]),
    ("table-file-shorter-than-header", &["file-too-small"]),
    ("table-file-truncated", &["block-zeros", "short-read"]),
    ("too-many-open-files", &["emfile"]),
    ("ts-commit-before-oldest", &["ts-commit"]),
    ("ts-commit-before-stable", &["ts-commit"]),
    ("ts-out-of-order-ordered", &["ts-order", "config-unknown"]),
    ("ts-prepare-before-stable", &["ts-prepare"]),
    ("ts-prepare-logged-table", &["ts-prepare"]),
    ("ts-prepared-durable-before-stable", &["ts-durable", "ts-commit"]),
    ("ts-read-before-oldest", &["ts-read"]),
    ("ts-stable-before-oldest", &["ts-global"]),
    ("turtle-bad-config", &["turtle-config"]),
    ("turtle-cut", &["turtle-config"]),
    ("turtle-empty", &["turtle-unreadable"]),
    ("turtle-garbled", &["turtle-unreadable"]),
    ("turtle-missing", &["turtle-missing"]),
    ("turtle-older", &["turtle-stale"]),
    ("turtle-only-set", &["turtle-only-set", "turtle-missing"]),
    ("turtle-version-major9", &["turtle-version-major"]),
    ("turtle-zeroed", &["turtle-unreadable"]),
    ("unknown-config", &["config-unknown"]),
    ("version-other-engine", &["incompatible-config", "turtle-version-too-old"]),
    ("version-other-engine-unclean", &["incompatible-config", "turtle-version-too-old"]),
    ("wiredtiger-file-empty", &["wiredtiger-file-empty"]),
    ("wiredtiger-file-missing", &["wiredtiger-file-missing"]),
];

/// Logs that hold a line of the engine.
const WITH_LINES: usize = 592;

fn cause(log: &[u8]) -> (Option<&'static str>, u8, u64) {
    let mut reader = Reader::new();
    reader.push(log);
    let bytes = log.len() as u64;
    let (packing, encoding) = (Packing::Plain, Encoding::Utf8);
    reader.end_log(LogFile { name: "log".into(), lines: 0, bytes, packing, encoding, cut: false, open: false });
    let found = reader.diagnose();
    let note = found.folded.first().map(|f| f.cause.name());
    (found.main().map(|f| f.cause.name()).or(note), found.exit_code, found.unknown_errors)
}

#[test]
fn the_cause_is_what_was_injured() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/real/engine-logs.tar.zst");
    let packed = std::fs::read(path).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(packed.as_slice()).unwrap());
    let truth: BTreeMap<&str, &[&str]> = TRUTH.iter().copied().collect();
    let mut with_lines = 0;
    let mut wrong = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| n.ends_with(".log")) else { continue };
        let (injury, engine) = name.trim_end_matches(".log").split_once("--").unwrap();
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut text).unwrap();
        let lines = text.split_inclusive(|b| *b == b'\n').filter(|l| !l.starts_with(b"#"));
        let log: Vec<u8> = lines.flatten().copied().collect();
        if log.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        with_lines += 1;
        let (told, exit, unknown) = cause(&log);
        let right = truth.get(injury).copied().unwrap_or_default();
        let harmless = ["compaction", "turtle-only-set"].iter().any(|n| told == Some(n)) || told.is_none();
        if !right.contains(&told.unwrap_or_default()) || unknown > 0 || (exit != 1 && !harmless) {
            wrong.push(format!("{injury} on {engine}: {told:?}, exit {exit}, {unknown} unknown; right is {right:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(with_lines, WITH_LINES);
}
