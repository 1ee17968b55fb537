//! The engine's own lines: `[clock][process:thread], file, session: [category][level]: function, line: message`,
//! in each of the forms that releases gave them, and without their head.

use super::entry::{Entry, Severity, clock, level_of};
use super::lines::{self, HARD, SOFT, joined};
use super::template;

/// How far into a line the head of the engine may stand.
pub(super) const HEAD: usize = 400;
/// Longest part of the engine's head.
pub(super) const PART: usize = 200;

/// A message without the function and the line of the source in front: `__wt_f, 12: `, `int __wt_f(…), 12: `,
/// `__wt_f:12:`.
pub(super) fn without_function(text: &str, by: char) -> &str {
    let name = text.trim_start();
    let looks = name.starts_with("__") || name.starts_with("int __") || name.starts_with("void __");
    if !looks {
        return text;
    }
    let mut depth = 0_usize;
    for (at, c) in name.char_indices().take(4 * HEAD) {
        match c {
            '(' | '<' => depth = depth.saturating_add(1),
            ')' | '>' => depth = depth.saturating_sub(1),
            c if depth == 0 && (c == ',' || c == ':' || c == by) => {
                let rest = name.get(at.saturating_add(1)..).unwrap_or_default();
                let number = rest.trim_start();
                let digits = number.bytes().take_while(u8::is_ascii_digit).count();
                let behind = number.get(digits..).unwrap_or_default();
                return match behind.strip_prefix(':').filter(|_| digits > 0) {
                    Some(text) => text.strip_prefix(' ').unwrap_or(text),
                    // `__wt_f: message`.
                    None if c == ':' => rest.strip_prefix(' ').unwrap_or(rest),
                    None => text,
                };
            }
            _ => {}
        }
    }
    text
}

/// The engine's head, and the message behind it.
pub(super) fn head(text: Vec<u8>, entry: &mut Entry) {
    let near = text.get(..text.len().min(HEAD)).unwrap_or_default();
    let found = (0..near.len())
        .find(|at| near.get(*at) == Some(&b'[') && text.get(*at..).is_some_and(|t| lines::envelope(t).is_some()));
    if found.is_none() && text.contains(&SOFT) && near.contains(&b'[') {
        // The line was wrapped inside of the head.
        let whole = joined(&text, b"").into_owned();
        let near = whole.get(..whole.len().min(HEAD)).unwrap_or_default();
        if (0..near.len())
            .any(|at| near.get(at) == Some(&b'[') && whole.get(at..).is_some_and(|t| lines::envelope(t).is_some()))
        {
            entry.limit = whole.len();
            return head(whole, entry);
        }
    }
    let Some(from) = found else {
        let text = headless(text, entry);
        entry.headed = (entry.engine || entry.time.is_some()) && !text.starts_with(b"{");
        entry.limit = entry.limit.min(text.len());
        entry.text = text;
        return;
    };
    let behind = message(&text, from, entry).unwrap_or(from);
    let whole = without_repetition(text.get(behind..).unwrap_or_default());
    entry.limit = entry.limit.saturating_sub(behind).min(whole.len());
    entry.engine = true;
    entry.headed = true;
    entry.text = whole.to_vec();
    if entry.severity == Severity::Unmarked && entry.category.is_none() && ends_in_error(&entry.text) {
        entry.severity = Severity::Error;
    }
}

/// A line of the engine whose head is not there, or is its shortest: `file:a.wt, session: …`, `WiredTiger Error: …`.
fn headless(text: Vec<u8>, entry: &mut Entry) -> Vec<u8> {
    let mut rest = text.as_slice();
    if let Some(behind) = rest.strip_prefix(b"WiredTiger Error: ") {
        entry.engine = true;
        entry.severity = Severity::Error;
        rest = behind;
        if let Some(session) = [&b"wiredtiger_open: "[..], b"connection: "].iter().find(|s| rest.starts_with(s)) {
            entry.session = Some(String::from_utf8_lossy(session).trim_end_matches(": ").to_string());
            rest = rest.get(session.len()..).unwrap_or_default();
        }
    } else {
        // A prefix of a test's own may stand in front: `t, file:…`.
        let at = rest.iter().take(PART).position(|c| *c == b'f').filter(|at| {
            let before = rest.get(..*at).unwrap_or_default();
            rest.get(*at..).is_some_and(|r| r.starts_with(b"file:"))
                && (before.is_empty() || before.ends_with(b", ") && !before.contains(&b':'))
        });
        let Some(at) = at else { return text };
        let line = rest.get(at..).unwrap_or_default();
        // As with the head, which has a comma here.
        let with = [b", ", line].concat();
        let Some(behind) = parts(&with, 0, entry) else { return text };
        if entry.session.is_none() {
            entry.handle = None;
            return text;
        }
        entry.engine = true;
        rest = line.get(behind.saturating_sub(2)..).unwrap_or_default();
    }
    let words = String::from_utf8_lossy(rest).into_owned();
    let message = without_function(&words, ',');
    let behind = if words.len() == rest.len() { rest.len().saturating_sub(message.len()) } else { 0 };
    let message = rest.get(behind..).unwrap_or_default().to_vec();
    if entry.severity == Severity::Unmarked && ends_in_error(&message) {
        entry.severity = Severity::Error;
    }
    entry.limit = entry.limit.saturating_sub(text.len().saturating_sub(message.len()));
    message
}

/// Read the engine's head that begins at `from`: where the message begins.
fn message(text: &[u8], from: usize, entry: &mut Entry) -> Option<usize> {
    let blank = |c: &u8| matches!(*c, b' ' | SOFT | HARD);
    let skip = |mut at: usize| {
        while text.get(at).is_some_and(blank) {
            at = at.saturating_add(1);
        }
        at
    };
    let clock_len = lines::envelope(text.get(from..)?)?;
    let stamp = text.get(from.checked_add(1)?..from.checked_add(clock_len)?.checked_sub(1)?)?;
    let stamp = String::from_utf8_lossy(stamp).into_owned();
    if let Some((seconds, micros)) = stamp.split_once(':') {
        entry.micros = clock(seconds.parse().ok(), micros.parse().ok());
        if entry.time.is_none() {
            entry.time = Some(format!("{seconds}.{micros}"));
        }
    }
    let mut at = skip(from.checked_add(clock_len)?);
    if text.get(at) == Some(&b'[') {
        let inside = text.get(at.checked_add(1)?..)?;
        let end = inside.iter().take(PART).position(|c| *c == b']')?;
        let thread = String::from_utf8_lossy(inside.get(..end)?).into_owned();
        entry.pid = thread.split(':').next().and_then(|p| p.trim().parse().ok());
        at = at.checked_add(end)?.checked_add(2)?;
    }
    parts(text, at, entry)
}

/// Parts of the engine's head behind its numbers, up to a colon that no name has: where the message begins.
fn parts(text: &[u8], at: usize, entry: &mut Entry) -> Option<usize> {
    let blank = |c: &u8| matches!(*c, b' ' | SOFT | HARD);
    let skip = |mut at: usize| {
        while text.get(at).is_some_and(blank) {
            at = at.saturating_add(1);
        }
        at
    };
    let mut at = at;
    loop {
        at = skip(at);
        match text.get(at) {
            Some(b',') => at = skip(at.checked_add(1)?),
            Some(b':') => {
                at = skip(at.checked_add(1)?);
                break;
            }
            _ => return Some(at),
        }
        let rest = text.get(at..)?;
        let has_colon =
            [&b"file:"[..], b"table:", b"colgroup:", b"index:", b"lsm:", b"layered:", b"tiered:", b"object:"]
                .iter()
                .find(|p| rest.starts_with(p))
                .map_or(0, |p| p.len());
        let end = rest
            .iter()
            .enumerate()
            .take(PART)
            .skip(has_colon)
            .find(|(n, c)| {
                **c == b','
                    || (**c == b':'
                        && rest.get(n.saturating_add(1)).is_none_or(|c| blank(c) || *c == b'[' || *c == b'_'))
            })
            .map(|(n, _)| n)?;
        let part: Vec<u8> = rest.get(..end)?.iter().filter(|c| **c != SOFT).copied().collect();
        let part = String::from_utf8_lossy(&part).trim().to_string();
        if has_colon > 0 {
            entry.handle = Some(part);
        } else {
            entry.session = Some(part);
        }
        at = at.checked_add(end)?;
    }
    // `[WT_VERB_DEFAULT][ERROR]: `; of 10.0.0 the first of them only, for what is no error.
    let mut levelled = false;
    while text.get(at) == Some(&b'[') {
        let inside = text.get(at.checked_add(1)?..)?;
        let end = inside.iter().take(PART).position(|c| *c == b']')?;
        let word: Vec<u8> = inside.get(..end)?.iter().filter(|c| !blank(c)).copied().collect();
        let word = String::from_utf8_lossy(&word).into_owned();
        if word.starts_with("WT_VERB") {
            entry.category = Some(word);
        } else if word.starts_with("DEBUG") || matches!(word.as_str(), "ERROR" | "WARNING" | "NOTICE" | "INFO") {
            let level = level_of(&word);
            entry.severity = if entry.severity == Severity::Unmarked { level } else { entry.severity.max(level) };
            levelled = true;
        } else {
            break;
        }
        at = skip(at.checked_add(end)?.checked_add(2)?);
    }
    if levelled && text.get(at) == Some(&b':') {
        at = skip(at.checked_add(1)?);
    }
    let rest =
        String::from_utf8_lossy(text.get(at..)?.get(..text.len().saturating_sub(at).min(4 * HEAD))?).into_owned();
    let message = without_function(&rest, ',');
    // Bytes that are no UTF-8 become longer in the copy: then the name stays in front.
    if rest.is_ascii() || rest.len() == text.len().saturating_sub(at) {
        at = at.checked_add(rest.len().checked_sub(message.len())?)?;
    }
    Some(at)
}

/// Releases 4.0 and 4.2 write an error twice, the second time behind ` Raw: `.
fn without_repetition(text: &[u8]) -> &[u8] {
    let squeezed = |t: &[u8]| t.iter().filter(|c| !matches!(**c, SOFT | HARD | b' ')).copied().collect::<Vec<u8>>();
    let Some(at) = text.windows(6).position(|w| w == b" Raw: ") else { return text };
    let (first, second) = text.split_at(at);
    // The message of the first stands at the end of the second, which has the whole head again.
    let tail = squeezed(second.get(..second.len().min(first.len().saturating_add(HEAD))).unwrap_or_default());
    let first = squeezed(first);
    if !first.is_empty() && tail.windows(first.len()).any(|w| w == first) {
        text.get(..at).unwrap_or(text)
    } else {
        text
    }
}

/// Whether a message ends in the words of an error, as those of the engine's error handler do.
fn ends_in_error(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text.get(text.len().saturating_sub(HEAD)..).unwrap_or_default()).into_owned();
    text.rsplit_once(": ").is_some_and(|(before, last)| {
        template::errno(last).is_some() || before.rsplit_once(": ").is_some_and(|(_, e)| template::errno(e).is_some())
    })
}
