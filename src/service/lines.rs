//! A dump as a stream: opened, unpacked, told apart by its first object, and handed on piece by piece. Memory is one
//! batch of pieces, and a piece has a longest length.

use super::{Malformed, Piece, answer, history, table};
use crate::store::regular_file;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest line, or document of the forms that are none of lines.
pub const LONGEST: u64 = 128 << 20;
/// Bytes of lines that are read before they are parsed, on all cores.
const BATCH: usize = 8 << 20;
/// Documents that are parsed at a time.
const DOCUMENTS: usize = 256;
/// Bytes that are looked at to tell the form.
const HEAD: usize = 64 << 10;
/// Largest window that a packed dump may ask for, as a power of two.
const WINDOW_LOG: u32 = 27;
/// Lines of a batch.
const LINES: usize = 1 << 16;
const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a dump looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Lines of a table, a page each.
    Table,
    /// Answers about single pages, or pages of a fetched tree.
    Page,
    /// Histories with lengths only.
    History,
    /// Something else of a page service that holds no rows: summaries, statistics.
    Summary,
}

/// What reading a dump came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadSource {
    pub form: Form,
    /// SHA-256 of the file as it lies there.
    pub sha256: String,
    pub bytes: u64,
    /// Pieces that were read.
    pub pieces: u64,
}

/// Takes the form of the dump, the number of a line or document, from 1, and what it holds. An error ends the reading.
pub type Take<'t> = dyn FnMut(Form, u64, Piece) -> io::Result<()> + 't;

/// Changes a piece before it is taken; called from any thread, for many pieces at a time.
pub type Prepare<'t> = dyn Fn(&mut Piece) + Sync + 't;

/// What the reading of a dump calls.
pub struct Source<'s> {
    /// Told the lines and bytes that were read.
    pub progress: &'s dyn Fn(u64, u64),
    pub prepare: &'s Prepare<'s>,
    pub take: &'s mut Take<'s>,
}

/// Counts and hashes what is read of a file.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..n).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(u64::try_from(n).unwrap_or(0));
        Ok(n)
    }
}

/// A dump as a file, or standard input if the path is `-`.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") { Ok(Box::new(io::stdin())) } else { Ok(Box::new(regular_file(path)?)) }
}

/// Read a dump. What a stream that is damaged or cut has before that place is taken first.
pub fn read(dump: Box<dyn Read + Send>, source: &mut Source<'_>) -> io::Result<ReadSource> {
    let mut hashing = Hashing { inner: dump, hash: Sha256::new(), bytes: 0 };
    let (form, pieces) = {
        let mut packed = BufReader::with_capacity(1 << 20, &mut hashing);
        let head = packed.fill_buf()?;
        if head.starts_with(&GZIP) {
            pieces(BufReader::new(flate2::bufread::MultiGzDecoder::new(packed)), source)?
        } else if head.starts_with(&ZSTD) {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            decoder.window_log_max(WINDOW_LOG)?;
            pieces(BufReader::new(decoder), source)?
        } else {
            pieces(packed, source)?
        }
    };
    // What lies behind a packed stream belongs to the file as well.
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(ReadSource { form, sha256: hex::encode(hashing.hash.finalize()), bytes: hashing.bytes, pieces })
}

fn pieces(mut from: impl BufRead, source: &mut Source<'_>) -> io::Result<(Form, u64)> {
    let mut head = Vec::new();
    // What is cut is met again behind what could be read.
    let cut = from.by_ref().take(u64::try_from(HEAD).unwrap_or(0)).read_to_end(&mut head).err();
    if head.starts_with(&BOM) {
        head.drain(..BOM.len());
    }
    let form = form(&String::from_utf8_lossy(&head));
    let first = head.trim_ascii_start().split(|b| *b == b'\n').next().unwrap_or_default();
    let more = first.len() < head.trim_ascii_start().len();
    let in_lines = !more || serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok();
    let whole = io::Cursor::new(head).chain(BufReader::new(Cut(cut))).chain(from);
    let pieces = match form {
        Form::Table => lines(whole, form, source)?,
        _ if in_lines => lines(whole, form, source)?,
        _ => documents(whole, form, source)?,
    };
    Ok((form, pieces))
}

/// What a line or document holds.
fn parse(form: Form, bytes: &[u8]) -> Piece {
    match form {
        Form::Table => table::line(bytes),
        Form::Page => answer::answer(bytes),
        Form::History => history::answer(bytes),
        Form::Summary => match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Piece::default(),
            Err(e) => Piece { entries: Vec::new(), faults: vec![Malformed::Json(e.to_string())] },
        },
    }
}

/// By the keys of the first object.
fn form(head: &str) -> Form {
    let at = |key: &str| head.find(&format!("\"{key}\"")).unwrap_or(usize::MAX);
    let first = [
        (at("entries"), Form::Table),
        (at("pageSummaries"), Form::Summary),
        (at("stats"), Form::Summary),
        (at("page"), Form::Page),
        (at("contents").min(at("contents_b64")), Form::Page),
        (at("metadata"), Form::History),
    ];
    let found = first.into_iter().filter(|(at, _)| *at != usize::MAX).min_by_key(|(at, _)| *at);
    found.map_or(Form::Table, |(_, form)| form)
}

fn lines(mut from: impl BufRead, form: Form, source: &mut Source<'_>) -> io::Result<u64> {
    let (mut number, mut done, mut end, mut failed) = (0_u64, 0_u64, false, None);
    while !end {
        let (mut batch, mut held) = (Vec::new(), 0);
        while held < BATCH && batch.len() < LINES {
            let mut line = Vec::new();
            let read = match from.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                Ok(read) => read,
                // The lines before it count.
                Err(e) => {
                    failed = Some(e);
                    0
                }
            };
            if read == 0 {
                end = true;
                break;
            }
            number += 1;
            held += read;
            let cut = line.last() != Some(&b'\n') && u64::try_from(read).is_ok_and(|n| n >= LONGEST);
            if cut {
                skip_line(&mut from)?;
                line.clear();
            }
            // A line of nothing costs more than it holds.
            if cut || !line.trim_ascii().is_empty() {
                batch.push((number, line, cut));
            }
        }
        let prepare = source.prepare;
        let parse = |(number, line, cut): &(u64, Vec<u8>, bool)| {
            let mut piece = match line.trim_ascii() {
                _ if *cut => Piece { entries: Vec::new(), faults: vec![Malformed::TooLong(LONGEST)] },
                [] => return None,
                line => parse(form, line),
            };
            prepare(&mut piece);
            Some((*number, piece))
        };
        let parsed: Vec<Option<(u64, Piece)>> = batch.par_iter().map(parse).collect();
        drop(batch);
        for (number, piece) in parsed.into_iter().flatten() {
            (source.take)(form, number, piece)?;
        }
        done = done.saturating_add(u64::try_from(held).unwrap_or(0));
        (source.progress)(number, done);
    }
    failed.map_or(Ok(number), Err)
}

/// Fails once, with the error it holds; else there is nothing in it.
struct Cut(Option<io::Error>);

impl Read for Cut {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        let (used, found) = match buffer.iter().position(|b| *b == b'\n') {
            Some(at) => (at.saturating_add(1), true),
            None => (buffer.len(), buffer.is_empty()),
        };
        from.consume(used);
        if found {
            return Ok(());
        }
    }
}

/// One JSON document after the other, each on as many lines as it likes.
fn documents(from: impl BufRead, form: Form, source: &mut Source<'_>) -> io::Result<u64> {
    let mut text = Vec::new();
    from.take(LONGEST + 1).read_to_end(&mut text)?;
    let fault = |fault| Piece { entries: Vec::new(), faults: vec![fault] };
    if u64::try_from(text.len()).is_ok_and(|n| n > LONGEST) {
        (source.take)(form, 1, fault(Malformed::TooLong(LONGEST)))?;
        return Ok(1);
    }
    let mut number = 0;
    let mut documents = serde_json::Deserializer::from_slice(&text).into_iter::<&serde_json::value::RawValue>();
    loop {
        let some: Vec<_> = documents.by_ref().take(DOCUMENTS).collect();
        if some.is_empty() {
            return Ok(number);
        }
        let parse = |document: Result<&serde_json::value::RawValue, serde_json::Error>| {
            let mut piece = match document {
                Err(e) => fault(Malformed::Json(e.to_string())),
                Ok(document) => parse(form, document.get().as_bytes()),
            };
            (source.prepare)(&mut piece);
            piece
        };
        for piece in some.into_par_iter().map(parse).collect::<Vec<_>>() {
            number += 1;
            (source.take)(form, number, piece)?;
        }
    }
}
