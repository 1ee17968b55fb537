//! Small parts of sentences: names of a store made safe for a screen, numbers that can be read, lists.

use super::Words;
use std::fmt::Display;
use std::path::Path;

/// What should be there and what is.
pub(super) fn said(expected: impl Into<String>, found: impl Into<String>) -> Words {
    Words { expected: expected.into(), found: found.into(), ..Words::default() }
}

/// Some things, with commas.
pub(super) fn list(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Text from a store, safe for a terminal: control characters, what turns text around and what cannot be seen are
/// escaped.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let unseen = matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}');
        if c.is_control() || turns || unseen {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A word that a shell reads as one, in a command to be pasted: safe for a screen, too.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_string(),
        false if text.chars().any(char::is_control) => {
            let bytes = text.bytes().map(|b| match b {
                b'\'' | b'\\' => format!("\\{}", char::from(b)),
                0..0x20 | 0x7f.. => format!("\\x{b:02x}"),
                b => char::from(b).to_string(),
            });
            format!("$'{}'", bytes.collect::<String>())
        }
        false => format!("'{}'", escape(text).replace('\'', r"'\''")),
    }
}

/// A path in a command to be pasted.
pub fn shell(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

/// Digits in groups of three.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Seconds since 1970 as a date and time of day.
pub fn utc(seconds: u64) -> String {
    let (date, time) = crate::id::civil(seconds);
    format!("{date} {time} UTC")
}
