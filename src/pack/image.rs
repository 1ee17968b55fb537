//! The image: one zstd-compressed tar archive, the manifest first, then the files in the order of
//! their names. The same source gives the same bytes: no times, no owners.
//!
//! An image comes from a stranger. Reading one follows no link and leaves no directory, writes only
//! what the manifest lists, in its order and with its sizes, and writes zeros as holes.

use super::same::Essence;
use super::{PackError, Replaced};
use crate::store::StoreKind;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path};

/// The format of images this version writes and reads.
pub const FORMAT: u32 = 2;
/// The archive's first member.
const MANIFEST: &str = "manifest.json";
/// Where the store's files are in the archive.
const FILES: &str = "store/";
/// Longest manifest that is believed; one of a hundred thousand orphans and findings is shorter.
const MAX_MANIFEST: u64 = 64 << 20;
/// Most values of a manifest: each takes up to a hundred bytes once it is read, and three in the text.
const MAX_VALUES: usize = 3_000_000;
/// Most files of a store.
const MAX_FILES: usize = 1_000_000;
/// Longest name of a file.
const MAX_NAME: usize = 4096;
/// How hard to compress: what is left is mostly zeros.
const LEVEL: i32 = 9;
/// Bytes that are written or skipped at a time.
const CHUNK: usize = 64 << 10;
/// Largest window a reader of an image allows the compressor, as a power of two: what [`LEVEL`] takes, twice.
const WINDOW_LOG: u32 = 23;

/// What an image is, and what it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the tool that wrote it.
    pub tool: String,
    /// Kind of store.
    pub kind: StoreKind,
    /// Generation of the formats, as the audit of the source detected it.
    pub generation: String,
    /// What was replaced and what stayed, in words.
    pub notes: Vec<String>,
    /// How much was replaced.
    pub replaced: Replaced,
    /// Files and their sizes, in the order of the archive.
    pub files: Vec<FileEntry>,
    /// Files of the source that the image does not have.
    pub left_out: Vec<LeftOut>,
    /// What audits of the source came to.
    pub audits: Vec<Essence>,
}

/// A file of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FileEntry {
    /// Name below the directory.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
}

/// A file the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LeftOut {
    /// Name below the directory.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Why.
    pub reason: String,
}

/// Write an image of the files below `tree`.
pub(super) fn write(manifest: &Manifest, tree: &Path, out: &File) -> Result<(), PackError> {
    let failed = |e: io::Error| PackError::io(tree, &e);
    let text = serde_json::to_vec(manifest).map_err(|e| PackError::Image(e.to_string()))?;
    let mut encoder = zstd::Encoder::new(BufWriter::new(out), LEVEL).map_err(failed)?;
    encoder.include_checksum(true).map_err(failed)?;
    let mut archive = tar::Builder::new(encoder);
    append(&mut archive, MANIFEST, text.len() as u64, text.as_slice()).map_err(failed)?;
    for entry in &manifest.files {
        let file = File::open(tree.join(&entry.name)).map_err(failed)?;
        append(&mut archive, &format!("{FILES}{}", entry.name), entry.bytes, file).map_err(failed)?;
    }
    let encoder = archive.into_inner().map_err(failed)?;
    encoder.finish().and_then(|mut w| w.flush()).map_err(failed)?;
    out.sync_all().map_err(failed)
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: u64, data: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, name, data.take(bytes))
}

type Archive = tar::Archive<zstd::Decoder<'static, BufReader<File>>>;

fn open(image: &Path) -> Result<Archive, PackError> {
    let failed = |e: io::Error| PackError::io(image, &e);
    let meta = fs::metadata(image).map_err(failed)?;
    if !meta.is_file() {
        return Err(PackError::Image(format!("{}: not a regular file", image.display())));
    }
    let mut decoder = zstd::Decoder::new(crate::store::regular_file(image).map_err(failed)?).map_err(failed)?;
    decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
    Ok(tar::Archive::new(decoder))
}

type Decoder = zstd::Decoder<'static, BufReader<File>>;
type Entry<'a> = tar::Entry<'a, Decoder>;

/// The members of an archive, as they lie: the library would take a name of any length into memory.
struct Members<'a>(tar::Entries<'a, Decoder>);

impl<'a> Members<'a> {
    fn of(archive: &'a mut Archive) -> io::Result<Self> {
        Ok(Self(archive.entries()?.raw(true)))
    }

    /// The next member and its name.
    fn next(&mut self) -> Result<Option<(Vec<u8>, Entry<'a>)>, String> {
        let Some(entry) = self.0.next() else { return Ok(None) };
        let mut entry = entry.map_err(|e| e.to_string())?;
        if !entry.header().entry_type().is_gnu_longname() {
            return Ok(Some((entry.path_bytes().into_owned(), entry)));
        }
        // A name that does not fit the header is a member of its own in front, with a zero behind it.
        let longest = u64::try_from(MAX_NAME + FILES.len() + 1).unwrap_or(u64::MAX);
        if entry.size() > longest {
            return Err(format!("a name of {} bytes", entry.size()));
        }
        let mut name = Vec::new();
        entry.by_ref().take(longest).read_to_end(&mut name).map_err(|e| e.to_string())?;
        name.pop_if(|last| *last == 0);
        match self.0.next() {
            Some(Ok(entry)) => Ok(Some((name, entry))),
            Some(Err(e)) => Err(e.to_string()),
            None => Err("a name without its file".into()),
        }
    }
}

fn first(members: &mut Members<'_>) -> Result<Manifest, String> {
    let (name, entry) =
        members.next().map_err(|e| format!("not an image of a store: {e}"))?.ok_or("an empty archive")?;
    if name != MANIFEST.as_bytes() || !entry.header().entry_type().is_file() {
        return Err("not an image of a store: it does not start with a manifest".into());
    }
    if entry.size() > MAX_MANIFEST {
        return Err(format!("a manifest of {} bytes", entry.size()));
    }
    let mut text = Vec::new();
    // As much as it says, and not twice that: a vector that grows doubles.
    text.try_reserve_exact(usize::try_from(entry.size()).unwrap_or(0)).map_err(|e| e.to_string())?;
    entry.take(MAX_MANIFEST).read_to_end(&mut text).map_err(|e| format!("the manifest cannot be read: {e}"))?;
    let values = text.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count();
    if values > MAX_VALUES {
        return Err(format!("a manifest of {values} values"));
    }
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let version: Version = serde_json::from_slice(&text).map_err(|e| format!("no manifest: {e}"))?;
    if version.format != FORMAT {
        return Err(format!("an image in format {}; this version reads format {FORMAT}", version.format));
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| format!("no manifest: {e}"))?;
    check(&manifest)?;
    Ok(manifest)
}

/// Names and numbers of a manifest, before anything is written.
fn check(manifest: &Manifest) -> Result<(), String> {
    if manifest.files.len() > MAX_FILES {
        return Err(format!("{} files", manifest.files.len()));
    }
    let mut seen = HashSet::new();
    for file in &manifest.files {
        if !is_plain(&file.name) {
            return Err(format!("the name {:?} leaves the directory", file.name));
        }
        if !seen.insert(file.name.as_str()) {
            return Err(format!("the name {:?} twice", file.name));
        }
    }
    Ok(())
}

/// A relative name of ordinary components.
pub(super) fn is_plain(name: &str) -> bool {
    let path = Path::new(name);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    // `a//b` and `a/./b` are the same file under another name.
    let rebuilt: std::path::PathBuf = path.components().collect();
    plain && !name.is_empty() && name.len() <= MAX_NAME && !name.contains('\0') && rebuilt.as_os_str() == name
}

/// Write the files of an image below `dir`, which exists and is empty. At most `limit` bytes.
pub(super) fn extract(image: &Path, dir: &Path, limit: u64) -> Result<Manifest, PackError> {
    let refuse = |reason: String| PackError::Image(format!("{}: {reason}", image.display()));
    let mut archive = open(image)?;
    let mut members = Members::of(&mut archive).map_err(|e| PackError::io(image, &e))?;
    let manifest = first(&mut members).map_err(refuse)?;
    let total = manifest.files.iter().fold(0_u64, |sum, f| sum.saturating_add(f.bytes));
    if total > limit {
        return Err(refuse(format!("{total} bytes unpacked, above the limit of {limit}")));
    }
    for file in &manifest.files {
        let member = members.next().map_err(refuse)?;
        let (found, mut entry) = member.ok_or_else(|| refuse(format!("{:?} is missing", file.name)))?;
        let name = format!("{FILES}{}", file.name);
        let regular = entry.header().entry_type().is_file();
        if found != name.as_bytes() || !regular || entry.size() != file.bytes {
            return Err(refuse(format!("{:?} is not the file that the manifest names", file.name)));
        }
        let target = dir.join(&file.name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|e| PackError::io(parent, &e))?;
        }
        sparse(&mut entry, &target, file.bytes).map_err(|e| PackError::io(&target, &e))?;
    }
    match members.next() {
        Ok(None) => Ok(manifest),
        Ok(Some(_)) => Err(refuse("a file that the manifest does not name".into())),
        Err(e) => Err(refuse(e)),
    }
}

/// Write a file, leaving holes where it is zero.
fn sparse(from: &mut impl Read, to: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(to)?;
    let mut buffer = vec![0; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let n = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        from.read_exact(&mut buffer[..n])?;
        if buffer[..n].iter().all(|b| *b == 0) {
            file.seek(SeekFrom::Current(n as i64))?;
        } else {
            file.write_all(&buffer[..n])?;
        }
        left -= n as u64;
    }
    file.set_len(bytes)?;
    file.sync_all()
}
