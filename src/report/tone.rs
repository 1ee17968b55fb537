//! Tones of text: marks that take no room, so that marked text is measured and folded like any other, and what they
//! become at the end: colours of a terminal, spans of a page, or nothing.
//!
//! A mark spells the parameters of a colour sequence in code points that have no character and no width, and that
//! `escape` lets through from no store.

use super::xml::xml;

/// Stands before a command, which is folded as a shell reads it.
pub const COMMAND: char = '\u{e0f00}';
/// The code points that spell a mark: this and an ASCII character.
const HIDDEN: u32 = 0xe_0800;
const LAST: u32 = HIDDEN + 0x7f;
/// What ends the spelling.
const ENDS: char = 'm';
/// What ends a tone.
const END: &str = "0";

const BAD: &str = "1;31";
const WARN: &str = "33";
const GOOD: &str = "32";
const HEAD: &str = "1";
const FAINT: &str = "2";

/// Gives text a tone, where tones are on.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    /// Whether to use them.
    pub on: bool,
}

impl Paint {
    /// The parameters of any colour sequence.
    pub fn sgr(self, code: &str, text: &str) -> String {
        match self.on && !text.is_empty() {
            true => format!("{}{text}{}", mark(code), mark(END)),
            false => text.to_string(),
        }
    }
    /// Wrong.
    pub fn bad(self, text: &str) -> String {
        self.sgr(BAD, text)
    }
    /// Doubtful.
    pub fn warn(self, text: &str) -> String {
        self.sgr(WARN, text)
    }
    /// Right.
    pub fn good(self, text: &str) -> String {
        self.sgr(GOOD, text)
    }
    pub fn head(self, text: &str) -> String {
        self.sgr(HEAD, text)
    }
    /// Aside.
    pub fn faint(self, text: &str) -> String {
        self.sgr(FAINT, text)
    }
}

fn mark(code: &str) -> String {
    code.chars().chain([ENDS]).filter_map(|c| char::from_u32(HIDDEN + u32::from(c))).collect()
}

/// The character that a code point spells.
fn spelled(c: char) -> Option<char> {
    let code = u32::from(c);
    (HIDDEN..=LAST).contains(&code).then(|| char::from_u32(code - HIDDEN)).flatten()
}

/// Whether a character belongs to a mark.
pub fn is_mark(c: char) -> bool {
    spelled(c).is_some() || c == COMMAND
}

/// A piece of marked text.
enum Piece<'a> {
    Text(&'a str),
    Mark(String),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c| spelled(c).is_some()) {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            out.push(Piece::Text(before));
        }
        let code: String = from.chars().map_while(spelled).take_while(|c| *c != ENDS).collect();
        let hidden = from.chars().take_while(|c| spelled(*c).is_some());
        let len: usize = hidden.take(code.len() + 1).map(char::len_utf8).sum();
        out.push(Piece::Mark(code));
        rest = from.get(len..).unwrap_or_default();
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

/// With the colours of a terminal. A tone ends with its line, and goes on in the next.
pub fn colours(text: &str) -> String {
    let text = by_line(&text.replace(COMMAND, ""));
    let sequence = |p| match p {
        Piece::Text(t) => t.to_string(),
        Piece::Mark(code) => format!("\x1b[{code}m"),
    };
    pieces(&text).into_iter().map(sequence).collect()
}

/// As HTML, everything escaped.
pub fn html(text: &str) -> String {
    let text = by_line(&text.replace(COMMAND, ""));
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut open = 0_usize;
    for piece in pieces(&text) {
        match piece {
            // `xml` spells out control characters; the lines stay.
            Piece::Text(t) => out.push_str(&t.split('\n').map(xml).collect::<Vec<_>>().join("\n")),
            Piece::Mark(code) if code == END => {
                out.push_str(&"</span>".repeat(std::mem::take(&mut open)));
            }
            Piece::Mark(code) => {
                open += 1;
                out.push_str(&format!("<span class=\"{}\">", class(&code)));
            }
        }
    }
    out + &"</span>".repeat(open)
}

/// The class that a tone has in a page.
fn class(code: &str) -> &'static str {
    match code {
        BAD => "bad",
        WARN => "warn",
        GOOD => "good",
        HEAD => "head",
        FAINT => "faint",
        _ => "tone",
    }
}

/// Without marks.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_mark(*c)).collect()
}

/// Tones that span lines, as tones of each line.
pub fn by_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<String> = None;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if let (Some(code), false) = (&open, line.is_empty()) {
            out.push_str(&mark(code));
        }
        for piece in pieces(line) {
            if let Piece::Mark(code) = piece {
                open = (code != END).then_some(code);
            }
        }
        out.push_str(line);
        if open.is_some() && !line.is_empty() {
            out.push_str(&mark(END));
        }
    }
    out
}
