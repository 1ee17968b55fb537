//! Lines of the engine and of mongod as templates: text with named places. One template both writes a line
//! and reads it, white space and case aside.

use super::codes::{Errno, errno_at};
use super::lines::{HARD, SOFT};
use super::squeezed::Squeezed;

/// Longest value of a place that is text.
const LONGEST: usize = 400;
/// How far a text may lie before the words that end it.
const REACH: usize = 2048;

/// What stands in a place of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A file of the engine: `collection-7.wt`.
    File,
    /// A path.
    Path,
    /// The name of a table or an ident.
    Ident,
    /// A namespace.
    Namespace,
    /// First byte of a block.
    Offset,
    /// Bytes.
    Size,
    /// A checksum that was found.
    Found,
    /// The checksum there should be.
    Expected,
    /// What the system or the engine says of the error.
    Errno,
    /// An LSN of a page log.
    Lsn,
    /// The LSN that should be there.
    Backlink,
    /// A page of a page log.
    Page,
    /// A tree of a page log.
    Table,
    /// Number of a wtlog file.
    WtLog,
    /// A number that is told.
    Number,
    /// Another one.
    Limit,
    /// A version that a file has.
    Version,
    /// The newest version a build takes.
    Newest,
    /// A word in quotation marks or up to a blank.
    Name,
    /// Seconds and increment of a time stamp, or its digits.
    Stamp,
    /// Any text.
    Text,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "file" => Self::File,
            "path" => Self::Path,
            "ident" => Self::Ident,
            "ns" => Self::Namespace,
            "offset" => Self::Offset,
            "size" => Self::Size,
            "found" => Self::Found,
            "expected" => Self::Expected,
            "errno" => Self::Errno,
            "lsn" => Self::Lsn,
            "backlink" => Self::Backlink,
            "page" => Self::Page,
            "table" => Self::Table,
            "wtlog" => Self::WtLog,
            "number" => Self::Number,
            "limit" => Self::Limit,
            "version" => Self::Version,
            "newest" => Self::Newest,
            "name" => Self::Name,
            "stamp" => Self::Stamp,
            "text" => Self::Text,
            _ => return None,
        })
    }

    /// The name in a template.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Path => "path",
            Self::Ident => "ident",
            Self::Namespace => "ns",
            Self::Offset => "offset",
            Self::Size => "size",
            Self::Found => "found",
            Self::Expected => "expected",
            Self::Errno => "errno",
            Self::Lsn => "lsn",
            Self::Backlink => "backlink",
            Self::Page => "page",
            Self::Table => "table",
            Self::WtLog => "wtlog",
            Self::Number => "number",
            Self::Limit => "limit",
            Self::Version => "version",
            Self::Newest => "newest",
            Self::Name => "name",
            Self::Stamp => "stamp",
            Self::Text => "text",
        }
    }

    /// Digits, perhaps hexadecimal ones.
    fn shape(self) -> Shape {
        match self {
            Self::Offset | Self::Size | Self::Lsn | Self::Backlink | Self::Page | Self::Table | Self::WtLog => {
                Shape::Digits
            }
            Self::Number | Self::Limit => Shape::Digits,
            Self::Found | Self::Expected => Shape::Checksum,
            Self::Version | Self::Newest => Shape::Version,
            Self::Errno => Shape::Errno,
            Self::Stamp => Shape::Stamp,
            Self::File | Self::Path | Self::Ident | Self::Namespace => Shape::Word,
            Self::Name | Self::Text => Shape::Text,
        }
    }
}

/// What a place may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Digits,
    Checksum,
    /// `4`, `1/0`, `2.1`.
    Version,
    /// `(1, 2)`, `(1,2)`, `64f…`, `Timestamp(1, 2)`.
    Stamp,
    Errno,
    /// A name; in front of more words it may have blanks.
    Word,
    Text,
}

/// What stands in the places of a line, in their order.
pub type Values = Vec<(Field, String)>;

/// Write a line: the template with its places filled.
///
/// A place without a value stays as it is.
pub fn fill(template: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    let mut out = template.to_string();
    for (name, value) in values {
        out = out.replacen(&format!("{{{name}}}"), &value.to_string(), 1);
    }
    out
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Without white space, in lower case.
    Words(Vec<u8>),
    Field(Field),
}

/// A template that is ready to read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Which piece is looked for: the first words.
    anchor: usize,
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Where it begins and ends in the squeezed text.
    pub from: usize,
    pub to: usize,
    pub values: Values,
}

impl Template {
    /// Read a template: words, and places in braces. None if it has an unknown place, two places side by
    /// side, or no words among its first two pieces.
    pub fn new(text: &str) -> Option<Self> {
        let squeeze = |t: &str| -> Vec<u8> {
            t.bytes().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((words, behind)) = rest.split_once('{') {
            let (name, behind) = behind.split_once('}')?;
            let words = squeeze(words);
            if !words.is_empty() {
                pieces.push(Piece::Words(words));
            } else if !pieces.is_empty() {
                return None;
            }
            pieces.push(Piece::Field(Field::named(name)?));
            rest = behind;
        }
        let words = squeeze(rest);
        if !words.is_empty() {
            pieces.push(Piece::Words(words));
        }
        let anchor = pieces.iter().position(|p| matches!(p, Piece::Words(_))).filter(|at| *at < 2)?;
        Some(Self { pieces, anchor })
    }

    /// The words that are looked for, in lower case and without white space.
    pub fn anchor(&self) -> &[u8] {
        match self.pieces.get(self.anchor) {
            Some(Piece::Words(words)) => words,
            _ => b"",
        }
    }

    /// The places, in their order.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.pieces.iter().filter_map(|p| match p {
            Piece::Field(field) => Some(*field),
            Piece::Words(_) => None,
        })
    }

    /// Read the line whose anchor stands at `at`. `head` is where the message begins, if that is known.
    pub(crate) fn read(&self, text: &Squeezed<'_>, at: usize, head: Option<usize>) -> Option<Match> {
        let mut values = Values::new();
        let mut from = at;
        if self.anchor == 1
            && let Some(Piece::Field(field)) = self.pieces.first()
        {
            from = before(text, at, head, field.shape())?;
            values.push((*field, value(text, from, at)));
        }
        let mut here = at.checked_add(self.anchor().len())?;
        let mut rest = self.pieces.get(self.anchor.checked_add(1)?..)?;
        while let Some((piece, behind)) = rest.split_first() {
            match piece {
                Piece::Words(words) => {
                    if !text.lower.get(here..)?.starts_with(words) {
                        return None;
                    }
                    here = here.checked_add(words.len())?;
                }
                Piece::Field(field) => {
                    let until = match behind.first() {
                        Some(Piece::Words(words)) => Some(words.as_slice()),
                        _ => None,
                    };
                    let end = place(text, here, field.shape(), until)?;
                    values.push((*field, value(text, here, end)));
                    here = end;
                }
            }
            rest = behind;
        }
        Some(Match { from, to: here, values })
    }
}

/// Where the value in front of an anchor begins.
fn before(text: &Squeezed<'_>, at: usize, head: Option<usize>, shape: Shape) -> Option<usize> {
    let lowest = at.saturating_sub(LONGEST);
    let mut from = at;
    while from > lowest {
        let Some(c) = text.bytes.get(from.wrapping_sub(1)) else { break };
        let fits = match shape {
            Shape::Digits => c.is_ascii_digit(),
            Shape::Checksum => c.is_ascii_hexdigit() || *c == b'x',
            _ => true,
        };
        if !fits {
            break;
        }
        // What no path has.
        if shape == Shape::Word && matches!(c, b';' | b'"' | b'{' | b'}' | b'<' | b'>' | b'|') {
            break;
        }
        // A blank in front: the value begins here, unless the message began before.
        let parted = from < at && text.gap(from).iter().any(|c| *c == b' ' || *c == HARD);
        if parted && head.is_none_or(|head| head > from) {
            break;
        }
        from = from.saturating_sub(1);
        if head == Some(from) {
            break;
        }
    }
    (from < at).then_some(from)
}

/// Where the value that begins here ends.
fn place(text: &Squeezed<'_>, at: usize, shape: Shape, until: Option<&[u8]>) -> Option<usize> {
    let run = |ok: &dyn Fn(u8) -> bool| -> Option<usize> {
        let mut end = at;
        while let Some(c) = text.bytes.get(end).filter(|c| ok(**c)) {
            // A number that a blank ends.
            if end > at && c.is_ascii_alphanumeric() && !text.gap(end).is_empty() && !text.goes_on(end) {
                break;
            }
            end = end.checked_add(1)?;
        }
        (end > at).then_some(end)
    };
    match shape {
        Shape::Digits => run(&|c| c.is_ascii_digit()),
        Shape::Checksum => {
            let end = if text.is(at, "0x") {
                let digits = text.bytes.get(at.checked_add(2)?..)?;
                let most = digits.iter().take(8).take_while(|c| c.is_ascii_hexdigit()).count();
                // Words that follow may begin with a letter that is a digit.
                let fits = |n: &usize| {
                    let end = at.saturating_add(2).saturating_add(*n);
                    until.is_none_or(|words| text.lower.get(end..).is_some_and(|rest| rest.starts_with(words)))
                };
                let digits = (1..=most).rev().find(fits)?;
                at.checked_add(2)?.checked_add(digits)?
            } else {
                run(&|c| c.is_ascii_digit())?
            };
            Some(end)
        }
        Shape::Version => {
            let mut end = run(&|c| c.is_ascii_digit() || c == b'.' || c == b'/')?;
            while end > at.saturating_add(1) && text.bytes.get(end - 1).is_some_and(|c| !c.is_ascii_digit()) {
                end -= 1;
            }
            Some(end)
        }
        Shape::Stamp => {
            let end = match until {
                Some(words) => find(text, at, words, 64)?,
                None => text.bytes.len().min(at.saturating_add(40)),
            };
            let part = text.bytes.get(at..end)?;
            let ok = |c: &u8| c.is_ascii_hexdigit() || b"(),/xTimesap".contains(c);
            let end = at.checked_add(part.iter().take_while(|c| ok(c)).count())?;
            (end > at).then_some(end)
        }
        Shape::Errno => match errno_at(text.lower.get(at..)?) {
            Some((_, len)) => at.checked_add(len),
            None => end_of_text(text, at),
        },
        Shape::Word => {
            let end = match until {
                Some(words) => find(text, at, words, REACH)?,
                None => end_of_word(text, at),
            };
            (end > at).then_some(end)
        }
        Shape::Text => match until {
            Some(words) => find(text, at, words, REACH).filter(|end| *end > at),
            None => end_of_text(text, at),
        },
    }
}

fn find(text: &Squeezed<'_>, at: usize, words: &[u8], reach: usize) -> Option<usize> {
    let near = text.lower.get(at..text.lower.len().min(at.saturating_add(reach)))?;
    let found = near.windows(words.len().max(1)).position(|w| w == words)?;
    at.checked_add(found)
}

/// The end of a name that no words follow: a blank, or what no name has.
fn end_of_word(text: &Squeezed<'_>, at: usize) -> usize {
    let mut end = at;
    while let Some(c) = text.bytes.get(end).filter(|c| !b";,\"'()[]{}".contains(c)) {
        let blank = end > at && !text.gap(end).is_empty() && !text.goes_on(end);
        // A full stop or a colon belongs to the sentence.
        let last = end > at
            && matches!(c, b'.' | b':')
            && (text.bytes.get(end + 1).is_none() || !text.gap(end + 1).is_empty());
        if blank || last || end - at >= LONGEST {
            break;
        }
        end += 1;
    }
    end
}

/// The end of the line, or of the string of JSON, that goes on here.
fn end_of_text(text: &Squeezed<'_>, at: usize) -> Option<usize> {
    let mut end = at;
    while end < text.bytes.len() && end - at < LONGEST {
        let broken = end > at && text.gap(end).contains(&HARD);
        let closes = text.bytes.get(end) == Some(&b'"') && end > at;
        if broken || closes {
            break;
        }
        end += 1;
    }
    (end > at).then_some(end)
}

/// A value as the line has it.
fn value(text: &Squeezed<'_>, from: usize, to: usize) -> String {
    let (Some(start), Some(last)) = (text.at.get(from), to.checked_sub(1).and_then(|l| text.at.get(l))) else {
        return String::new();
    };
    let part = text.text.get(*start..last.saturating_add(1)).unwrap_or_default();
    let mut out: Vec<u8> = part.iter().filter(|c| **c != SOFT).copied().collect();
    out.iter_mut().filter(|c| **c == HARD).for_each(|c| *c = b' ');
    out.truncate(LONGEST);
    String::from_utf8_lossy(&out).trim().trim_matches(['\'', '"', '`']).to_string()
}

/// The error that a value of [`Field::Errno`] names.
pub fn errno(value: &str) -> Option<Errno> {
    let squeezed: Vec<u8> =
        value.bytes().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    errno_at(&squeezed).map(|(errno, _)| errno)
}
