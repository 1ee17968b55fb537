//! The text of a server log, cut into records: lines of mongod, of the engine, or of a ticket that
//! quotes them, wrapped at any width.
//!
//! A record begins where a time stamp, a JSON object or an envelope of the engine begins; every other
//! line belongs to the record before it. Messages are looked for without white space, so it does not
//! matter where a line was broken. Memory is bounded: lines and records are cut, and a record that is
//! cut overlaps with the next, so that nothing is lost at the cut.

use crate::format::unescape::{Out, Unescape};
use std::borrow::Cow;

/// Longest line that is held; what is longer is taken in pieces.
pub const MAX_LINE: usize = 64 << 10;
/// Longest record that is held.
pub const MAX_RECORD: usize = 128 << 10;
/// What two pieces of a record share.
const OVERLAP: usize = 8 << 10;
/// A line this short was not broken by a width.
const MIN_WIDTH: usize = 20;
/// Columns by which a continuation may be wider than its first line: it may be indented.
const INDENT: usize = 8;

/// A break where a word may go on.
pub(crate) const SOFT: u8 = b'\n';
/// A break behind a whole word.
pub(crate) const HARD: u8 = 0x0b;
/// A line feed that stood in a message.
const INNER: u8 = 0x0c;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its first line, from 1.
    pub line: u64,
    /// The text; breaks are `SOFT`, `HARD` or inner ones.
    pub text: Vec<u8>,
    /// The text from here on is looked at again with the next record.
    pub limit: usize,
}

/// Cuts a log that comes in pieces of any size.
#[derive(Debug, Default)]
pub struct Lines {
    /// Escapes of JSON stay as they are.
    raw: bool,
    escape: Unescape,
    /// Parts of a line that a container runtime cut, as far as they came.
    parts: Vec<u8>,
    /// The name that stood before the last line, with what follows it.
    service: Vec<u8>,
    line: Vec<u8>,
    /// The line began in a piece that was taken already.
    continued: bool,
    /// Bytes came behind the last line feed.
    open: bool,
    /// Line feeds so far.
    lines: u64,
    record: Vec<u8>,
    record_line: u64,
    /// Columns of the line before, 0 behind an empty one.
    width: usize,
}

impl Lines {
    /// A cutter that leaves the escapes of JSON in the records, for a reader that parses them.
    pub fn raw() -> Self {
        Self { raw: true, ..Self::default() }
    }

    /// Lines so far.
    pub fn lines(&self) -> u64 {
        self.lines.saturating_add(u64::from(self.open))
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Record)) {
        if self.raw {
            return self.push_raw(bytes, sink);
        }
        for b in bytes {
            self.open = *b != b'\n';
            match self.escape.push(*b) {
                Some(Out::Escaped(10)) => self.end_line(INNER, sink),
                Some(Out::Escaped(c)) => {
                    let c = char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
                    self.line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(Out::Byte(b'\n')) => self.end_line(SOFT, sink),
                Some(Out::Byte(b'\r')) | None => {}
                Some(Out::Byte(c)) => self.line.push(c),
            }
            if self.line.len() >= MAX_LINE {
                self.take_line(sink);
                self.continued = true;
            }
            self.lines = self.lines.saturating_add(u64::from(*b == b'\n'));
        }
    }

    fn push_raw(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Record)) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            self.open = !ends;
            for piece in text.chunks(MAX_LINE) {
                self.line.extend_from_slice(piece);
                if self.line.len() >= MAX_LINE {
                    self.take_line(sink);
                    self.continued = true;
                }
            }
            if ends {
                self.end_line(SOFT, sink);
                self.lines = self.lines.saturating_add(1);
            }
        }
    }

    /// The end of a log.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Record)) {
        self.end_line(HARD, sink);
        self.end_record(sink);
        self.escape = Unescape::default();
    }

    fn end_line(&mut self, by: u8, sink: &mut dyn FnMut(Record)) {
        self.take_line(sink);
        self.continued = false;
        if !self.record.is_empty() {
            self.record.push(by);
        }
    }

    fn take_line(&mut self, sink: &mut dyn FnMut(Record)) {
        let raw = std::mem::take(&mut self.line);
        let line = plain(raw);
        let (mut line, width) = match self.continued {
            true => (line, MAX_LINE),
            false => match self.without_runtime(line) {
                Some(line) => without_marks(line),
                None => return,
            },
        };
        if line.is_empty() && !self.continued {
            // Paragraphs are records of their own.
            self.end_record(sink);
            self.width = 0;
            return;
        }
        // Was the line before broken in the middle of a word?
        if !self.continued
            && let Some(last) = self.record.last_mut().filter(|c| **c == SOFT)
            && (self.width < MIN_WIDTH || width > self.width.saturating_add(INDENT))
        {
            *last = HARD;
        }
        self.width = width;
        let mut from = 0;
        for at in starts(&line, self.continued).into_iter().chain([line.len()]) {
            self.append(line.get(from..at).unwrap_or_default());
            if at < line.len() {
                self.end_record(sink);
            }
            from = at;
        }
        line.clear();
        if self.record.len() > MAX_RECORD {
            // Behind a whole line, if there is one: what it says is then counted once.
            let limit = self.record.len().saturating_sub(OVERLAP);
            let is_break = |c: &u8| matches!(*c, SOFT | HARD | INNER);
            let broken = self.record.get(..limit).unwrap_or_default().iter().rposition(is_break);
            let limit = broken.map_or(limit, |at| at.saturating_add(1)).max(limit.saturating_sub(OVERLAP));
            let rest = self.record.split_off(limit);
            let mut text = std::mem::take(&mut self.record);
            let line = self.record_line;
            self.record_line = line.saturating_add(breaks(&text));
            text.extend_from_slice(&rest);
            self.record = rest;
            sink(Record { line, text, limit });
        }
    }

    /// A line without what a container runtime put in front of it; none if it is a part of one.
    fn without_runtime(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        if let Some((whole, rest)) = cri(&line) {
            if !whole && self.parts.len() < MAX_LINE {
                self.parts.extend_from_slice(rest);
                return None;
            }
            let mut parts = std::mem::take(&mut self.parts);
            parts.extend_from_slice(rest);
            return Some(parts);
        }
        let Some((name, rest)) = service(&line) else {
            self.service.clear();
            return Some(line);
        };
        if begins_record(rest) || self.service == name {
            self.service = name.to_vec();
            return Some(rest.to_vec());
        }
        Some(line)
    }

    fn append(&mut self, text: &[u8]) {
        if self.record.is_empty() {
            self.record_line = self.lines.saturating_add(1);
        }
        self.record.extend_from_slice(text);
    }

    fn end_record(&mut self, sink: &mut dyn FnMut(Record)) {
        let text = std::mem::take(&mut self.record);
        if !text.is_empty() {
            sink(Record { line: self.record_line, limit: text.len(), text });
        }
    }
}

/// Line feeds of the log in a text.
pub fn breaks(text: &[u8]) -> u64 {
    text.iter().fold(0_u64, |n, c| n.saturating_add(u64::from(matches!(*c, SOFT | HARD))))
}

/// Characters that a page of the web names, and what they are.
const ENTITIES: [(&[u8], char); 11] = [
    (b"quot;", '"'),
    (b"apos;", '\''),
    (b"lsquo;", '\''),
    (b"rsquo;", '\''),
    (b"ldquo;", '"'),
    (b"rdquo;", '"'),
    (b"nbsp;", ' '),
    (b"lt;", '<'),
    (b"gt;", '>'),
    (b"amp;", '&'),
    (b"ndash;", '-'),
];

/// The character that a page of the web writes as a name or a number, behind its `&`, and the bytes of that.
fn entity(behind: &[u8]) -> Option<(char, usize)> {
    if let Some((name, c)) = ENTITIES.iter().find(|(name, _)| behind.starts_with(name)) {
        return Some((*c, name.len()));
    }
    let digits = behind.strip_prefix(b"#")?;
    let (digits, radix) = match digits {
        [b'x' | b'X', rest @ ..] => (rest, 16),
        rest => (rest, 10),
    };
    let end = digits.iter().take(8).position(|c| *c == b';')?;
    let number = u32::from_str_radix(std::str::from_utf8(digits.get(..end)?).ok()?, radix).ok()?;
    let skipped = behind.len().checked_sub(digits.len())?;
    let c = match char::from_u32(number)? {
        '\u{2018}' | '\u{2019}' => '\'',
        c if c.is_control() => ' ',
        c => c,
    };
    Some((c, skipped.checked_add(end)?.checked_add(1)?))
}

/// The text with its breaks by width replaced.
pub(super) fn joined<'t>(text: &'t [u8], by: &[u8]) -> Cow<'t, [u8]> {
    if !text.iter().any(|c| matches!(*c, SOFT | HARD)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text {
        match *c {
            SOFT => out.extend_from_slice(by),
            HARD => out.push(b' '),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Without colours, typographic quotation marks and other things that only look good.
fn plain(raw: Vec<u8>) -> Vec<u8> {
    if raw.iter().all(|c| (b' '..=b'~').contains(c) && *c != b'&') {
        return raw;
    }
    let mut out = Vec::with_capacity(raw.len());
    // A page of the web has these in place of its quotation marks.
    let page = !raw.contains(&b'"') && raw.contains(&b'&');
    let mut rest = raw.as_slice();
    while let Some((&c, behind)) = rest.split_first() {
        if page
            && c == b'&'
            && let Some((is, len)) = entity(behind)
        {
            out.extend_from_slice(is.encode_utf8(&mut [0; 4]).as_bytes());
            rest = behind.get(len..).unwrap_or_default();
            continue;
        }
        let special: Option<(usize, &[u8])> = match rest {
            [0x1b, b'[', sequence @ ..] => {
                let end = sequence.iter().position(|c| (0x40..=0x7e).contains(c)).map_or(sequence.len(), |at| at + 1);
                Some((end.saturating_add(2), b""))
            }
            [0x1b, ..] => Some((1, b"")),
            [b'<', b'b', b'r', b'>', ..] if page || !raw.contains(&b'"') => Some((4, b" ")),
            [0xef, 0xbb, 0xbf, ..] | [0xe2, 0x80, 0x8b..=0x8f, ..] => Some((3, b"")),
            [0xe2, 0x80, 0x9c..=0x9f, ..] => Some((3, b"\"")),
            [0xe2, 0x80, 0x98..=0x9b, ..] => Some((3, b"'")),
            [0xe2, 0x80, 0x90..=0x95, ..] => Some((3, b"-")),
            [0xe2, 0x80, 0xa2 | 0xa3, ..] => Some((3, b"*")),
            [0xc2, 0xa0, ..] => Some((2, b" ")),
            // Quotation marks of Windows' own code page; a byte behind ASCII is no part of a character.
            [0x91..=0x92, ..] if out.last().is_none_or(u8::is_ascii) => Some((1, b"'")),
            [0x93..=0x94, ..] if out.last().is_none_or(u8::is_ascii) => Some((1, b"\"")),
            [0..=0x1f | 0x7f, ..] => Some((1, b" ")),
            _ => None,
        };
        match special {
            Some((skip, instead)) => {
                out.extend_from_slice(instead);
                rest = rest.get(skip..).unwrap_or_default();
            }
            None => {
                out.push(c);
                rest = behind;
            }
        }
    }
    out
}

/// `2026-01-01T00:00:00.000000000Z stdout F …`: whether the line is whole, and what follows.
fn cri(line: &[u8]) -> Option<(bool, &[u8])> {
    let stamp = time_stamp(line).filter(|t| t.exact && line.get(10) == Some(&b'T'))?;
    let rest = line.get(stamp.len..)?;
    let rest = rest.strip_prefix(b" stdout ").or_else(|| rest.strip_prefix(b" stderr "))?;
    match rest {
        [b'F', b' ', rest @ ..] => Some((true, rest)),
        [b'P', b' ', rest @ ..] => Some((false, rest)),
        _ => None,
    }
}

/// `mongo_1  | …`, `[pod/mongo-0/mongod] …`: the name with what parts it from the line, and the line.
fn service(line: &[u8]) -> Option<(&[u8], &[u8])> {
    const LONGEST: usize = 128;
    let near = line.get(..line.len().min(LONGEST))?;
    let is_name = |name: &[u8]| {
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|c| c.is_ascii_alphanumeric() || b"._-/".contains(c))
    };
    if let [b'[', inside @ ..] = near {
        let end = inside.windows(2).position(|w| w == b"] ")?;
        let name = inside.get(..end).filter(|n| is_name(n) && n.contains(&b'/'))?;
        let behind = name.len().saturating_add(3);
        return line.split_at_checked(behind);
    }
    let end = near.windows(3).position(|w| w == b" | ")?;
    let name = near.get(..end)?.trim_ascii_end();
    if is_name(name) { line.split_at_checked(end.saturating_add(3)) } else { None }
}

/// A line without indentation, quote marks and bullets, and its columns with them.
fn without_marks(line: Vec<u8>) -> (Vec<u8>, usize) {
    let line = line.trim_ascii_end();
    let width = line.iter().filter(|c| **c & 0xc0 != 0x80).count();
    let mut rest = line.trim_ascii_start();
    loop {
        let behind = match rest {
            [b'>'] | [b'|'] => &[],
            [b'>' | b'|' | b'*' | b'-' | b'+', behind @ ..] if behind.first() == Some(&b' ') => behind,
            [b'>', behind @ ..] if behind.first() == Some(&b'>') || begins_record(behind) => behind,
            _ => {
                let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
                let numbered = match rest.get(digits..) {
                    Some([b'.' | b')', b' ', behind @ ..]) if (1..=3).contains(&digits) => behind.trim_ascii_start(),
                    _ => break,
                };
                if begins_record(numbered) { numbered } else { break }
            }
        };
        rest = behind.trim_ascii_start();
    }
    (rest.to_vec(), width)
}

/// Where records begin in a line.
fn starts(line: &[u8], continued: bool) -> Vec<usize> {
    let mut out = Vec::new();
    if !continued && line.starts_with(b"{\"") && line.ends_with(b"}") && begins_record(line) {
        // A whole object; what looks like another inside of it is a value.
        out.push(0);
        if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
            return out;
        }
        out.clear();
    }
    let mut at = 0;
    while let Some(rest) = line.get(at..) {
        let Some(c) = rest.first() else { break };
        let before = at.checked_sub(1).and_then(|b| line.get(b));
        let here = match (before, c) {
            (None, _) => !continued && begins_record(rest),
            (Some(_), b'{') => rest.starts_with(b"{\"t\":{\"$date\""),
            (Some(b' '), b'0'..=b'9') => time_stamp(rest).is_some_and(|t| t.exact),
            // Behind a number of a line, or in a list of strings.
            (Some(b'"' | b':' | b'>' | b',' | b';'), b'2') if !line.starts_with(b"{") && rest.get(4) == Some(&b'-') => {
                time_stamp(rest).is_some_and(|t| t.exact)
            }
            _ => false,
        };
        if here {
            out.push(at);
        }
        // A date in front belongs to the time behind it.
        let skip = if here { time_stamp(rest).map_or(1, |t| t.len.max(1)) } else { 1 };
        at = at.saturating_add(skip);
    }
    out
}

/// Whether a line that begins like this is the first one of a record.
fn begins_record(line: &[u8]) -> bool {
    if let [b'{', behind @ ..] = line {
        let inside = behind.trim_ascii_start();
        let keys: [&[u8]; 4] = [b"\"t\"", b"\"ts_sec\"", b"\"log\"", b"\"MESSAGE\""];
        return inside.is_empty() || keys.iter().any(|key| inside.starts_with(key));
    }
    // The engine's own without its numbers.
    let near = line.get(..line.len().min(300)).unwrap_or_default();
    let bare = near.starts_with(b"WiredTiger Error: ")
        || near.starts_with(b"file:")
            && near.windows(2).position(|w| w == b", ") < near.windows(2).position(|w| w == b": ");
    bare || envelope(line).is_some() || time_stamp(line).is_some()
}

/// A time at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub len: usize,
    /// It has parts of seconds, as logs do and prose does not.
    exact: bool,
}

/// `[sec:usec][pid:thread]`: the length of the first bracket.
pub fn envelope(line: &[u8]) -> Option<usize> {
    let inside = line.strip_prefix(b"[")?;
    let seconds = digits(inside);
    let micros = digits(inside.get(seconds..)?.strip_prefix(b":")?);
    let len = seconds.checked_add(micros)?.checked_add(3)?;
    let whole = seconds >= 9 && micros >= 1 && line.get(len.checked_sub(1)?) == Some(&b']');
    whole.then_some(len)
}

/// A time of day, with a date in front or without; in brackets too.
pub fn time_stamp(line: &[u8]) -> Option<Stamp> {
    let open = usize::from(matches!(line.first(), Some(b'[' | b'(')));
    let mut at = open;
    let fits = |at: usize, shape: &[u8]| {
        line.get(at..at.saturating_add(shape.len())).is_some_and(|part| {
            part.iter().zip(shape).all(|(c, s)| match s {
                b'9' => c.is_ascii_digit(),
                b'a' => c.is_ascii_alphabetic(),
                b'-' => matches!(c, b'-' | b'/'),
                b'T' => matches!(c, b'T' | b' '),
                b' ' => *c == b' ' || c.is_ascii_digit(),
                other => c == other,
            })
        })
    };
    if fits(at, b"9999-99-99T") {
        at = at.saturating_add(11);
    } else if line.get(at).is_some_and(u8::is_ascii_uppercase) && fits(at, b"aaa") && line.get(at + 3) == Some(&b' ') {
        // The day of the week stood in front before 2.6.
        if fits(at + 4, b"aaa") && line.get(at + 7) == Some(&b' ') {
            at = at.saturating_add(4);
        }
        at = if fits(at + 4, b" 9") && line.get(at + 6) == Some(&b' ') { at.saturating_add(7) } else { return None };
    }
    if !fits(at, b"99:99:99") {
        return None;
    }
    at = at.saturating_add(8);
    let mut exact = false;
    if matches!(line.get(at), Some(b'.' | b',')) {
        let part = digits(line.get(at.saturating_add(1)..)?);
        exact = part > 0;
        at = at.saturating_add(if exact { part.saturating_add(1) } else { 0 });
    }
    match line.get(at) {
        Some(b'Z') => at = at.saturating_add(1),
        Some(b'+' | b'-') if fits(at + 1, b"99:99") => at = at.saturating_add(6),
        Some(b'+' | b'-') if fits(at + 1, b"9999") => at = at.saturating_add(5),
        _ => {}
    }
    // Inside a string of JSON, or of something longer: no beginning of a line.
    let whole = line.get(at).is_none_or(|c| !c.is_ascii_alphanumeric() && *c != b'"');
    at = at.saturating_add(usize::from(open == 1 && matches!(line.get(at), Some(b']' | b')'))));
    whole.then_some(Stamp { len: at, exact })
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|c| c.is_ascii_digit()).count()
}
