//! User bytes the way the user asked for: hidden, redacted, hexadecimal, or as BSON.

use crate::mongo::extjson::{self, Mode};
use crate::words::text::escape;
use clap::ValueEnum;

/// How user bytes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// Lengths only
    None,
    /// Letters as x, digits as 9
    Redacted,
    /// Hexadecimal
    Hex,
    /// As BSON if it is BSON, otherwise escaped text
    Bson,
}

/// How many bytes of one item are shown at most, unless all of them were asked for.
const SHOWN: usize = 64;

/// Render user bytes. `all` lifts the limit on long items.
pub fn show(bytes: &[u8], how: Show, all: bool) -> String {
    let cut = if all { bytes.len() } else { bytes.len().min(SHOWN) };
    let head = &bytes[..cut];
    let more = bytes.len() - cut;
    let tail = if more > 0 { format!(" and {more} more bytes") } else { String::new() };
    match how {
        Show::None => format!("{} bytes", bytes.len()),
        Show::Redacted => redact(head) + &tail,
        Show::Hex => hex::encode(head) + &tail,
        Show::Bson => bson(bytes).unwrap_or_else(|| escaped(head) + &tail),
    }
}

/// The shape of the text: letters as x, digits as 9, the rest of ASCII as it is, other bytes as a dot.
fn redact(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' => 'x',
            b'0'..=b'9' => '9',
            b' '..=b'~' => char::from(*b),
            _ => '.',
        })
        .collect()
}

fn escaped(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// Extended JSON, if the bytes are exactly one BSON document.
fn bson(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    extjson::write(bytes, Mode::Relaxed, &mut text).ok()?;
    String::from_utf8(text).ok().map(|s| escape(&s))
}
