//! Dumps of corrupt blocks in logs: bytes of a log in, dumps out.
//!
//! The text may be a log of the engine or of mongod, or what a ticket made of either: wrapped
//! anywhere, quoted, with one or more levels of JSON escapes. So nothing here relies on lines. The
//! scanner looks for a few stable fragments in the stream, white space aside, and holds no more than
//! the chunks themselves and a small window of text.

use super::block_error::{self, ReadError, decimal, find_last, hexadecimal, last_word, number_at_end, thread};
use super::local::MAX_BLOCK;
use super::unescape::Unescape;
use std::collections::BTreeMap;

/// Most bytes that are held; each chunk counts as at least [`CHUNK_COST`].
const MAX_HELD: usize = 640 << 20;
/// What holding a chunk costs beside its bytes.
const CHUNK_COST: usize = 256;
/// Most dumps and most read errors that are told apart.
const MAX_LISTED: usize = 10_000;
/// Characters before a fragment that are looked at.
const WINDOW: usize = 1024;
/// Bytes in a chunk, if the number of chunks agrees.
const USUAL_UNIT: u32 = 1024;
/// Other sizes of chunks, powers of two, that are tried.
const UNITS: std::ops::RangeInclusive<u32> = 8..=20;
/// The end of what introduces a chunk, `(chunk N of M):`.
const CHUNK_END: u64 = 0x293a;
/// `!=` between two checksums, as releases up to 3.0 have it.
const UNEQUAL: u64 = 0x213d;
/// The end of `doesn't match`, whatever became of the apostrophe.
const ERROR_END: u64 = 0x746d_6174_6368;

/// Which block a dump says it is of. This is what identifies a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Object id, 0 without tiered storage.
    pub object: u64,
    /// First byte in the file; of a block of a page log its page id.
    pub offset: u64,
    pub size: u32,
    /// The checksum the block should have.
    pub checksum: u32,
}

/// A dump as far as the log has it.
#[derive(Debug, Clone)]
pub struct Dump {
    pub address: Address,
    /// Chunks of the whole block.
    pub chunks_total: u32,
    /// The checksum error before it.
    pub error: Option<ReadError>,
    /// Line of the log of the first chunk that was found.
    pub line: u64,
    /// The data handle that the line names: `a.wt`, or a file and a checkpoint of it.
    pub handle: Option<String>,
    unit: u32,
    thread: u64,
    chunks: BTreeMap<u32, Chunk>,
}

#[derive(Debug, Clone)]
struct Chunk {
    bytes: Vec<u8>,
    /// How often it was logged.
    times: u32,
}

/// What a log holds.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub lines: u64,
    /// Dumps in the order of their first chunks.
    pub dumps: Vec<Dump>,
    /// Checksum errors without a dump.
    pub errors: Vec<ReadError>,
    /// Chunks whose address does not read, and which no dump has for that reason.
    pub unread: u64,
    /// Chunks that were too many to hold.
    pub dropped: u64,
}

impl Dump {
    /// How often the block was dumped, by the chunk seen most often.
    pub fn times(&self) -> u32 {
        self.chunks.values().map(|c| c.times).max().unwrap_or_default()
    }

    /// Every byte is there.
    pub fn is_complete(&self) -> bool {
        u32::try_from(self.chunks.len()).is_ok_and(|n| n == self.chunks_total) && self.cut().is_empty()
    }

    /// Ranges of chunks, first and last, of which nothing is there.
    pub fn missing(&self) -> Vec<(u32, u32)> {
        let mut out = Vec::new();
        let mut next = 1;
        for n in self.chunks.keys() {
            if *n > next {
                out.push((next, n.saturating_sub(1)));
            }
            next = n.saturating_add(1);
        }
        if next <= self.chunks_total {
            out.push((next, self.chunks_total));
        }
        out
    }

    /// Ranges of chunks, first and last, of which only the beginning is there.
    pub fn cut(&self) -> Vec<(u32, u32)> {
        let mut out: Vec<(u32, u32)> = Vec::new();
        for (n, chunk) in &self.chunks {
            if chunk.bytes.len() >= chunk_len(&self.address, self.chunks_total, self.unit, *n) {
                continue;
            }
            match out.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(*n) => *last = *n,
                _ => out.push((*n, *n)),
            }
        }
        out
    }

    /// The bytes that are there, where each part begins in the block, and no two parts touch.
    pub fn parts(&self) -> Vec<(usize, Vec<u8>)> {
        let unit = usize::try_from(self.unit).unwrap_or(usize::MAX);
        let mut out: Vec<(usize, Vec<u8>)> = Vec::new();
        for (n, chunk) in &self.chunks {
            let before = usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
            let at = before.saturating_mul(unit);
            match out.last_mut() {
                Some((start, bytes)) if start.saturating_add(bytes.len()) == at => {
                    bytes.extend_from_slice(&chunk.bytes)
                }
                _ if chunk.bytes.is_empty() => {}
                _ => out.push((at, chunk.bytes.clone())),
            }
        }
        out
    }

    /// Take over what the other dump of the same block has, unless the two contradict each other.
    fn merge(&mut self, other: Self) -> Option<Self> {
        let agrees = |(n, chunk): (&u32, &Chunk)| self.chunks.get(n).is_none_or(|own| agree(&own.bytes, &chunk.bytes));
        if self.address != other.address || self.chunks_total != other.chunks_total || !other.chunks.iter().all(agrees)
        {
            return Some(other);
        }
        for (n, chunk) in other.chunks {
            self.add(n, chunk);
        }
        None
    }

    /// Add a chunk that agrees with what is there.
    fn add(&mut self, n: u32, chunk: Chunk) {
        let own = self.chunks.entry(n).or_insert(Chunk { bytes: Vec::new(), times: 0 });
        own.times = own.times.saturating_add(chunk.times);
        if chunk.bytes.len() > own.bytes.len() {
            own.bytes = chunk.bytes;
        }
    }
}

/// One begins with the other.
fn agree(a: &[u8], b: &[u8]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Bytes in a chunk when the block is in `total` of them; the last one may be shorter.
pub fn unit(size: u32, total: u32) -> Option<u32> {
    let fits = |unit: &u32| size.div_ceil(*unit) == total;
    Some(USUAL_UNIT).filter(fits).or_else(|| UNITS.filter_map(|shift| 1_u32.checked_shl(shift)).find(fits))
}

pub fn chunk_len(address: &Address, total: u32, unit: u32, n: u32) -> usize {
    let last = address.size.saturating_sub(total.saturating_sub(1).saturating_mul(unit));
    usize::try_from(if n < total { unit } else { last }).unwrap_or(usize::MAX)
}

/// Finds dumps in a log that comes in pieces of any size.
#[derive(Debug, Default)]
pub struct Scanner {
    lines: u64,
    /// Bytes came after the last line feed.
    open_line: bool,
    escape: Unescape,
    /// Only quote marks and white space came in this line.
    line_start: bool,
    window: Vec<u8>,
    /// The last eight characters that are no white space.
    recent: u64,
    /// A `!=` came since the last closing bracket.
    unequal: bool,
    digits: Option<Digits>,
    held: usize,
    dumps: Vec<Dump>,
    /// The dump each thread is busy with, by block.
    current: BTreeMap<(Address, u64), usize>,
    errors: Vec<ReadError>,
    unread: u64,
    dropped: u64,
}

/// A chunk whose digits are being read.
#[derive(Debug)]
struct Digits {
    address: Address,
    total: u32,
    unit: u32,
    chunk: u32,
    thread: u64,
    line: u64,
    handle: Option<String>,
    /// Bytes it should have.
    want: usize,
    /// Digits of the lines before this one.
    taken: Vec<u8>,
    /// Digits of this line, with one space between words.
    here: Vec<u8>,
    here_digits: usize,
    /// Digits come in pairs with spaces; unknown before the first word.
    pairs: Option<bool>,
    /// This line only continues a chunk if it looks like it.
    wrapped: bool,
}

/// White space, and the two bytes of a no-break space.
fn is_space(c: u8) -> bool {
    c.is_ascii_whitespace() || matches!(c, 0x0b | 0xa0 | 0xc2)
}

/// What may stand behind the last digit: the end of a string, of a tag, of a bracket.
fn ends_digits(c: u8) -> bool {
    matches!(c, b'"' | b'\'' | b'`' | b'<' | b')' | b']' | b'}')
}

impl Scanner {
    /// A scanner at the beginning of a log.
    pub fn new() -> Self {
        Self { line_start: true, ..Self::default() }
    }

    /// The next bytes of the log.
    pub fn push(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.open_line = *b != b'\n';
            if let Some(out) = self.escape.push(*b) {
                self.character(out.byte());
            }
            self.lines = self.lines.saturating_add(u64::from(*b == b'\n'));
        }
    }

    /// The end of the log.
    pub fn finish(mut self) -> Log {
        self.character(b'\n');
        self.end_chunk();
        let mut kept: Vec<Dump> = Vec::new();
        let mut by_block: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        for dump in std::mem::take(&mut self.dumps) {
            let same = by_block.entry(dump.address).or_default();
            let mut left = Some(dump);
            for at in same.iter() {
                if let (Some(dump), Some(earlier)) = (left.take(), kept.get_mut(*at)) {
                    left = earlier.merge(dump);
                }
            }
            if let Some(dump) = left {
                same.push(kept.len());
                kept.push(dump);
            }
        }
        for dump in &mut kept {
            let of_block = |e: &&ReadError| (e.offset, e.size) == (dump.address.offset, dump.address.size);
            // The same thread says it right before; without threads the nearest line has to do.
            let rank = |e: &&ReadError| (e.thread == dump.thread, e.line <= dump.line, e.line.min(dump.line));
            dump.error = self.errors.iter().filter(of_block).max_by_key(rank).cloned();
        }
        let dumped = |e: &ReadError| kept.iter().any(|d| (d.address.offset, d.address.size) == (e.offset, e.size));
        let errors = self.errors.iter().filter(|e| !dumped(e)).cloned().collect();
        Log {
            lines: self.lines.saturating_add(u64::from(self.open_line)),
            dumps: kept,
            errors,
            unread: self.unread,
            dropped: self.dropped,
        }
    }

    /// The next character of the text.
    fn character(&mut self, c: u8) {
        if self.line_start && c != b'\n' && (is_space(c) || matches!(c, b'>' | b'|')) {
            return;
        }
        self.line_start = c == b'\n';
        if self.digits.is_some() {
            self.digit(c);
        } else {
            self.text(c);
        }
    }

    fn text(&mut self, c: u8) {
        if self.window.len() >= WINDOW.saturating_mul(8) {
            self.window.drain(..WINDOW.saturating_mul(7));
        }
        self.window.push(c);
        if is_space(c) {
            return;
        }
        self.recent = self.recent << 8 | u64::from(c);
        if self.recent & 0xffff == CHUNK_END {
            self.chunk_begins();
        } else if self.recent & 0xffff_ffff_ffff == ERROR_END {
            self.read_error();
        } else if self.recent & 0xffff == UNEQUAL {
            self.unequal = true;
        } else if c == b']' && std::mem::take(&mut self.unequal) {
            self.read_error();
        }
    }

    /// The window's last characters without white space.
    fn squeezed(&self) -> Vec<u8> {
        let from = self.window.len().saturating_sub(WINDOW);
        self.window.get(from..).unwrap_or_default().iter().copied().filter(|c| !is_space(*c)).collect()
    }

    /// The text ends with `):`.
    fn chunk_begins(&mut self) {
        let near = self.squeezed();
        let Some((before, chunk, total)) = chunk_numbers(&near) else { return };
        self.window.clear();
        let known = address(before).filter(|a| (1..=MAX_BLOCK).contains(&a.size));
        let known = known.filter(|_| (1..=total).contains(&chunk)).and_then(|a| Some((a, unit(a.size, total)?)));
        let Some((address, unit)) = known else {
            self.unread = self.unread.saturating_add(1);
            return;
        };
        self.digits = Some(Digits {
            address,
            total,
            unit,
            chunk,
            thread: thread(before),
            line: self.lines.saturating_add(1),
            handle: handle(before),
            want: chunk_len(&address, total, unit, chunk),
            taken: Vec::new(),
            here: Vec::new(),
            here_digits: 0,
            pairs: None,
            wrapped: false,
        });
    }

    /// A character where digits are expected.
    fn digit(&mut self, c: u8) {
        let Some(d) = &mut self.digits else { return };
        if c.is_ascii_hexdigit() {
            d.here.push(c);
            d.here_digits = d.here_digits.saturating_add(1);
            if d.taken.len().saturating_add(d.here_digits) >= d.want.saturating_mul(2) {
                let given_back = d.end_line(Some(b'"'));
                self.end_chunk();
                self.give_back(&given_back);
            }
        } else if c == b'\n' {
            let given_back = d.end_line(None);
            d.wrapped = true;
            if !given_back.is_empty() {
                self.end_chunk();
                self.give_back(&given_back);
                self.text(c);
            }
        } else if is_space(c) {
            if d.here.last().is_some_and(|c| *c != b' ') {
                d.here.push(b' ');
            }
        } else {
            let given_back = d.end_line(Some(c));
            self.end_chunk();
            self.give_back(&given_back);
            self.text(c);
        }
    }

    fn give_back(&mut self, line: &[u8]) {
        for c in line {
            self.text(*c);
        }
    }

    /// Put a chunk with its dump.
    fn end_chunk(&mut self) {
        let Some(d) = self.digits.take() else { return };
        let pair = |p: &[u8]| {
            p.iter().try_fold(0_u8, |b, c| u8::try_from(char::from(*c).to_digit(16)?).ok().map(|n| b << 4 | n))
        };
        let bytes: Vec<u8> = d.taken.chunks_exact(2).map_while(pair).take(d.want).collect();
        let cost = bytes.len().max(CHUNK_COST);
        if self.held.saturating_add(cost) > MAX_HELD {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let chunk = Chunk { bytes, times: 1 };
        let key = (d.address, d.thread);
        let mut chunks = BTreeMap::new();
        if let Some(dump) = self.current.get(&key).and_then(|at| self.dumps.get_mut(*at))
            && dump.chunks_total == d.total
        {
            match dump.chunks.get(&d.chunk) {
                Some(old) if !agree(&old.bytes, &chunk.bytes) => {
                    // Another dump began at chunk 1 and was the same until here.
                    for (n, old) in dump.chunks.iter_mut().filter(|(n, old)| **n < d.chunk && old.times > 1) {
                        old.times = old.times.saturating_sub(1);
                        chunks.insert(*n, Chunk { bytes: old.bytes.clone(), times: 1 });
                        self.held = self.held.saturating_add(old.bytes.len().max(CHUNK_COST));
                    }
                }
                old => {
                    self.held = self.held.saturating_add(if old.is_some() { 0 } else { cost });
                    dump.add(d.chunk, chunk);
                    return;
                }
            }
        }
        if self.dumps.len() >= MAX_LISTED {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.held = self.held.saturating_add(cost);
        chunks.insert(d.chunk, chunk);
        self.current.insert(key, self.dumps.len());
        self.dumps.push(Dump {
            address: d.address,
            chunks_total: d.total,
            error: None,
            line: d.line,
            handle: d.handle,
            unit: d.unit,
            thread: d.thread,
            chunks,
        });
    }

    /// The text ends with `doesn't match`.
    fn read_error(&mut self) {
        let near = self.squeezed();
        let Some(mut error) = block_error::error(&near) else { return };
        // With the white space that belongs to the name, where the line is whole.
        const BEHIND: &[u8] = b": potential hardware corruption";
        if let Some(at) = find_last(&self.window, BEHIND) {
            let name = last_word(self.window.get(..at).unwrap_or_default());
            let spaced = String::from_utf8_lossy(name).replace(['\r', '\n'], "");
            let same = |squeezed: &String| spaced.bytes().filter(|c| !is_space(*c)).eq(squeezed.bytes());
            if error.file.as_ref().is_some_and(same) {
                error.file = Some(spaced.trim().to_string());
            }
        }
        error.line = self.lines.saturating_add(1);
        let known = |e: &ReadError| ReadError { line: error.line, ..e.clone() } == error;
        if self.errors.len() < MAX_LISTED && !self.errors.iter().rev().take(64).any(known) {
            self.errors.push(error);
        }
    }
}

impl Digits {
    /// Take what the line has; `end` is what ended it, `None` the end of the line. What comes back is
    /// no part of the chunk, and nothing if the chunk may go on.
    fn end_line(&mut self, end: Option<u8>) -> Vec<u8> {
        let here = std::mem::take(&mut self.here);
        self.here_digits = 0;
        let clean = end.is_none_or(ends_digits);
        // A word that runs into something else is no number.
        let words: Vec<&[u8]> = here.split(|c| *c == b' ').filter(|w| !w.is_empty()).collect();
        let pairs = *self.pairs.get_or_insert_with(|| words.first().is_none_or(|w| w.len() <= 2));
        if words.is_empty() {
            self.pairs = None;
        }
        let mut odd = self.taken.len() % 2 == 1;
        let mut good = Vec::new();
        let mut whole = true;
        for (at, word) in words.iter().enumerate() {
            let last = at.saturating_add(1) == words.len();
            let ragged = last && !clean && here.last() != Some(&b' ');
            // A line may end, and the next one begin, in the middle of a pair.
            let complete = (word.len() % 2 == 1) == odd || (!odd && last && end.is_none());
            if ragged || !complete || (pairs && word.len() > 2) {
                whole = false;
                break;
            }
            good.extend_from_slice(word);
            odd = false;
        }
        if !self.wrapped || (whole && clean) {
            self.taken.extend_from_slice(&good);
            // The first line is the chunk's, whatever follows on it.
            if whole { Vec::new() } else { b"\n".to_vec() }
        } else {
            here
        }
    }
}

/// `...(chunkNofM):`: what is before, N, M.
pub fn chunk_numbers(near: &[u8]) -> Option<(&[u8], u32, u32)> {
    let (before, total) = number_at_end(near.strip_suffix(b"):")?)?;
    let (before, chunk) = number_at_end(before.strip_suffix(b"of")?)?;
    Some((before.strip_suffix(b"(chunk")?, u32::try_from(chunk).ok()?, u32::try_from(total).ok()?))
}

/// `...{OBJECT:OFFSET,SIZE,0xCHECKSUM}:`; the object id may be absent.
pub fn address(before: &[u8]) -> Option<Address> {
    let inside = before.strip_suffix(b"}:")?;
    let open = inside.iter().rposition(|c| *c == b'{')?;
    let inside = inside.get(open.checked_add(1)?..)?;
    let (object, place) = match inside.iter().position(|c| *c == b':') {
        Some(at) => (decimal(inside.get(..at)?)?, inside.get(at.checked_add(1)?..)?),
        None => (0, inside),
    };
    let mut fields = place.split(|c| *c == b',');
    let (offset, size, sum) = (decimal(fields.next()?)?, decimal(fields.next()?)?, fields.next()?);
    // Zero has no 0x in front.
    let checksum = sum.strip_prefix(b"0x").map_or_else(|| decimal(sum), hexadecimal)?;
    let checksum = u32::try_from(checksum).ok()?;
    fields.next().is_none().then_some(Address { object, offset, size: u32::try_from(size).ok()?, checksum })
}

/// The data handle in the envelope, `file:NAME,` or `"file:NAME"`.
fn handle(before: &[u8]) -> Option<String> {
    const BEGIN: &[u8] = b"file:";
    let rest = before.get(find_last(before, BEGIN)?.checked_add(BEGIN.len())?..)?;
    let name = rest.get(..rest.iter().position(|c| matches!(c, b',' | b'"' | b'\\'))?)?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}
