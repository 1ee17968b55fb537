//! What a file is, by its name and its first bytes.

use super::{Archive, Block, Kind, Missing, Packing, Special, home_around, unreadable};
use crate::home::directory;
use crate::scratch;
use crate::store::open::is_of_page_log;
use crate::store::regular_file;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Bytes that are looked at, packed or not.
const HEAD: u64 = 64 << 10;
/// Lines that may come before the first that is one of a log.
const LINES: usize = 20;
/// Largest window that a packed file may ask for, as a power of two.
const WINDOW_LOG: u32 = 27;
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Where a tar says that it is one.
const USTAR: std::ops::Range<usize> = 257..262;
/// Other archives and packings by their first bytes.
const OTHERS: [(&[u8], &str); 6] = [
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"!<arch>\n", "ar"),
];

pub(super) fn kind(path: &Path, meta: &Metadata) -> Kind {
    let special = meta.file_type();
    if special.is_fifo() {
        return Kind::Special(Special::Fifo);
    } else if special.is_socket() {
        return Kind::Special(Special::Socket);
    } else if !meta.is_file() {
        return Kind::Special(Special::Device);
    }
    if directory::is_block_file(path) {
        return Kind::BlockFile(block(path));
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let page_log = is_of_page_log(&name);
    if page_log || name == "WiredTiger" || name.starts_with("WiredTiger.") || name.starts_with("WiredTigerLog.") {
        let above = scratch::directory_of(path);
        return Kind::FileOf { directory: above.to_path_buf(), page_log };
    }
    match head(path) {
        Ok(bytes) => content(path, &bytes),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Kind::Missing(Missing::NoSuchName),
        Err(e) => unreadable(path, &e, false),
    }
}

/// The home a block file belongs to, and its name there.
fn block(path: &Path) -> Block {
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let home = home_around(path);
    let alone = home.is_none();
    let directory = home.unwrap_or_else(|| full.parent().unwrap_or(Path::new(".")).to_path_buf());
    let name = full.strip_prefix(&directory).unwrap_or(&full).to_string_lossy().into_owned();
    Block { directory, name, alone }
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    regular_file(path)?.take(HEAD).read_to_end(&mut out)?;
    Ok(out)
}

fn content(path: &Path, bytes: &[u8]) -> Kind {
    if bytes.is_empty() {
        return Kind::EmptyFile;
    }
    let (packing, inner) = if bytes.starts_with(&GZIP) {
        (Packing::Gzip, unpacked(path, |file| Ok(Box::new(flate2::read::GzDecoder::new(file)))))
    } else if bytes.starts_with(&ZSTD) {
        (Packing::Zstd, unpacked(path, zstd))
    } else {
        (Packing::Plain, bytes.to_vec())
    };
    if inner.get(USTAR).is_some_and(|b| b == b"ustar") {
        // Of ours, the manifest comes first and says which form it has.
        let is_image = packing == Packing::Zstd
            && inner.starts_with(b"manifest.json\0")
            && inner.get(512..).is_some_and(|b| b.starts_with(b"{\"format\":"));
        return if is_image { Kind::Image } else { Kind::Archive(Archive::Tar(packing)) };
    }
    let other = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, name)) = other {
        return Kind::Archive(Archive::Other(name));
    }
    if [&b"PK\x03\x04"[..], b"PK\x05\x06"].iter().any(|magic| bytes.starts_with(magic)) {
        return Kind::Archive(Archive::Zip);
    }
    let text = String::from_utf8_lossy(&inner);
    match () {
        () if is_dump(&text) => Kind::Dump(packing),
        () if is_log(&text) => Kind::ServerLog(packing),
        () if packing != Packing::Plain => Kind::Compressed(packing),
        () if is_journal(&text) => Kind::Journal,
        () if text.lines().any(|l| l.starts_with("plan_version:")) && text.contains("\nstore:") => Kind::Plan,
        () => Kind::OtherFile,
    }
}

fn zstd(file: File) -> io::Result<Box<dyn Read>> {
    let mut decoder = zstd::Decoder::new(file)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(Box::new(decoder))
}

/// The beginning of what is packed in a file, as far as it can be had.
fn unpacked(path: &Path, decoder: impl FnOnce(File) -> io::Result<Box<dyn Read>>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(decoder) = regular_file(path).and_then(decoder) {
        // A stream that is cut still gives its beginning.
        let _ = decoder.take(HEAD).read_to_end(&mut out);
    }
    out
}

/// What people take out of a page service: tables as JSON lines, single pages, histories, summaries.
fn is_dump(text: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(&format!("\"{word}\"")));
    let table = has(&["page_id"]) && has(&["entries"]) && has(&["lsn"]);
    let page = has(&["contents", "contents_b64"]) && has(&["pageId", "page_id", "tableId", "table_id", "logId"]);
    let history = has(&["metadata"]) && has(&["lsn"]) && has(&["contentLength", "backlinkLsn"]);
    text.trim_start().starts_with('{') && (table || page || history || has(&["pageSummaries"]))
}

/// A log of mongod, of the engine or of what runs it, also with something put before each line.
fn is_log(text: &str) -> bool {
    let json = |l: &str| l.contains("{\"t\":{\"$date\":") && l.contains("\"c\":");
    text.lines().take(LINES).any(|line| json(line) || is_engine_line(line) || is_old_server_line(line))
}

/// `[1787000000:001200][411:0x7f31c2ffd640], …`
fn is_engine_line(line: &str) -> bool {
    let Some(at) = line.find("][") else { return false };
    let (before, after) = line.split_at(at);
    let seconds = before.rsplit_once('[').and_then(|(_, time)| time.split_once(':'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    seconds.is_some_and(|(s, us)| digits(s) && digits(us)) && after.contains(":0x") && after.contains("], ")
}

/// `2015-05-12T16:54:35.442+0530 I CONTROL  …`, as mongod wrote before 4.4, or `17:22:35.791  WiredTiger …`
fn is_old_server_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (time, level, component) = (words.next(), words.next(), words.next());
    let dated = time.is_some_and(|t| t.len() > 20 && t.as_bytes().get(10) == Some(&b'T') && t.starts_with("20"));
    let upper = |w: &str| w.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'-');
    dated
        && level.is_some_and(|w| w.len() <= 2 && w.starts_with(|c| "DIWEF".contains(c)))
        && component.is_some_and(upper)
        || line.contains("WiredTiger ERROR (")
        || line.contains("WiredTiger error (")
}

/// The first line of an undo journal: a checksum, and a header.
fn is_journal(text: &str) -> bool {
    let line = text.lines().next().and_then(|l| l.split_once(' '));
    line.is_some_and(|(sum, json)| {
        sum.len() == 8 && sum.bytes().all(|b| b.is_ascii_hexdigit()) && json.starts_with("{\"header\":")
    })
}

/// Whether a directory holds dumps of a page service, and how the first is packed.
pub(super) fn dump_directory(path: &Path, names: &[String]) -> Option<Packing> {
    let has = |name: &str| names.iter().any(|n| n == name);
    if has("manifest.json") && has("pages") {
        let text = head(&path.join("manifest.json")).unwrap_or_default();
        return String::from_utf8_lossy(&text).contains("\"pages_visited\"").then_some(Packing::Plain);
    }
    let ends = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst"];
    let first = path.join(names.iter().find(|n| ends.iter().any(|end| n.ends_with(end)))?);
    let meta = std::fs::metadata(&first).ok().filter(Metadata::is_file)?;
    match kind(&first, &meta) {
        Kind::Dump(packing) => Some(packing),
        _ => None,
    }
}
