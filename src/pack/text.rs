//! Texts of the engine's metadata with other checksums in their cookies, and without the
//! application's own words.

use crate::format::config_keys;

/// What holds words of the application: `app_metadata=(...)`.
const APPLICATION: &str = "app_metadata=";
/// What begins the cookie of a checkpoint.
const COOKIE: &str = "addr=\"";

/// A text of metadata with every cookie replaced and the application's words gone. Every length stays.
pub fn rewritten(text: &str, cookie: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> String {
    let mut out = with_cookies(text, cookie);
    let mut from = 0;
    while let Some(at) = out[from..].find(APPLICATION).map(|n| from + n + APPLICATION.len()) {
        let end = at + value_len(&out[at..]);
        let blank = blanked(&out[at..end]);
        out.replace_range(at..end, &blank);
        from = at + blank.len();
    }
    out
}

/// What marks the time of a checkpoint, which nobody compares.
const TIME: &str = "time=";
/// Structures of which the engine takes the brackets of any kind.
const BRACKETS: [&str; 2] = ["assert=", "verbose="];
/// Last digits of a time that may be others.
const DIGITS: usize = 3;

/// Another text of the same meaning and length for another number, of which it takes what it has room for.
pub fn vary(text: &mut String, left: &mut u64) {
    let mut from = 0;
    while *left > 0
        && let Some(at) = text.get(from..).and_then(|t| t.find(TIME)).map(|n| from + n + TIME.len())
    {
        let end = at + text[at..].bytes().take_while(u8::is_ascii_digit).count();
        let whole = text[..at - TIME.len()].ends_with([',', '(']);
        if let Some(digits) = end.checked_sub(DIGITS).filter(|n| *n > at && whole)
            && let Ok(old) = text[digits..end].parse::<u64>()
        {
            let new = (old + *left) % 1000;
            *left /= 1000;
            text.replace_range(digits..end, &format!("{new:0DIGITS$}"));
        }
        from = end;
    }
    for key in BRACKETS {
        if *left == 0 {
            return;
        }
        let Some(at) = text.find(key).map(|n| n + key.len()) else { continue };
        let end = at + value_len(&text[at..]);
        let pair = match text.get(at..at + 1) {
            Some("(") => "[]",
            Some("[") => "()",
            _ => continue,
        };
        if *left & 1 == 1 && end > at + 1 {
            text.replace_range(end - 1..end, &pair[1..]);
            text.replace_range(at..at + 1, &pair[..1]);
        }
        *left >>= 1;
    }
}

/// The times of checkpoints all the same: they compress best so.
pub fn even_times(text: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|t| t.windows(TIME.len()).position(|w| w == TIME.as_bytes())) {
        let digits = from + at + TIME.len();
        let tail = text.get_mut(digits..).unwrap_or_default();
        let count = tail.iter().take_while(|b| b.is_ascii_digit()).count();
        tail[..count].fill(b'1');
        from = digits + count;
    }
}

/// The cookies in a text.
pub fn cookies(text: &str) -> Vec<Vec<u8>> {
    let found = text.split(COOKIE).skip(1).filter_map(|rest| hex::decode(rest.split('"').next()?).ok());
    found.filter(|c| !c.is_empty()).collect()
}

fn with_cookies(text: &str, cookie: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(COOKIE) {
        let (head, tail) = rest.split_at(at + COOKIE.len());
        let digits = tail.find('"').unwrap_or(tail.len());
        let (old, after) = tail.split_at(digits);
        out.push_str(head);
        let new = hex::decode(old).ok().filter(|b| !b.is_empty()).and_then(|b| cookie(&b)).map(hex::encode);
        out.push_str(new.as_deref().filter(|n| n.len() == old.len()).unwrap_or(old));
        rest = after;
    }
    out + rest
}

/// Length of the value a text begins with.
fn value_len(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b')' | b']' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Letters and digits replaced, what a configuration text is made of kept.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => out.push('0'),
            '(' | ')' | '[' | ']' | '{' | '}' | '=' | ',' | ':' | '"' | '\\' => out.push(c),
            _ => out.extend(std::iter::repeat_n('x', c.len_utf8())),
        }
    }
    out
}

/// Bytes of a line that may be damage: more of them are no text of the engine's any more.
const MOST_ODD: usize = 2;
/// What the value of a row of metadata begins with.
const BEGINNINGS: [&str; 14] = [
    "access_pattern_hint=",
    "allocation_size=",
    "app_metadata=",
    "assert=",
    "block_",
    "checkpoint",
    "colgroups=",
    "columns=",
    "key_format=",
    "lsm=",
    "major=",
    "snapshot_",
    "state=",
    "version=",
];
/// What stands in one, also in a part of one.
const PARTS: [&str; 8] =
    ["allocation_size=", "checkpoint=(", "_format=", "_max=", "=none,", "enabled=", "write_gen=", ",columns="];

/// The lines of a turtle or a backup list: keys and texts of the engine, cookies replaced. A line that is neither
/// becomes question marks among which what does not belong into a text still does not. So damage stays damage, at
/// the same place.
pub fn lines(old: &[u8], cookie: &super::page::Recook<'_>) -> Vec<u8> {
    const KEYS: [&str; 5] = [
        "Compatibility version",
        "Live Restore",
        "WiredTiger version string",
        "WiredTiger version",
        "file:WiredTiger.wt",
    ];
    let mut out = Vec::with_capacity(old.len());
    for line in old.split_inclusive(|b| *b == b'\n') {
        let (body, end) = line.split_at(line.len() - usize::from(line.ends_with(b"\n")));
        let (text, odd) = readable(body);
        let known = odd.len() <= MOST_ODD;
        let nearly = |key: &&str| key.len() == body.len() && differing(key.as_bytes(), body) <= MOST_ODD;
        let new = match () {
            () if KEYS.iter().any(nearly) || (known && is_name(text.as_bytes())) => body.to_vec(),
            () if known && (BEGINNINGS.iter().chain(&PARTS).any(|w| text.contains(w))) => {
                // What is left of a value whose beginning is gone may be words of the application.
                let whole = BEGINNINGS.iter().any(|w| text.starts_with(w));
                let begins = BEGINNINGS.iter().filter_map(|w| text.find(&format!(",{w}"))).min();
                let (head, tail) = text.split_at(if whole { 0 } else { begins.unwrap_or(text.len()) });
                let new = blanked(head) + &rewritten(tail, &|old| cookie(old, Some(&text)));
                with_odd(new.into_bytes(), body, &odd)
            }
            () => marks(body),
        };
        out.extend_from_slice(&new);
        out.extend_from_slice(end);
    }
    out
}

/// Bytes as a text of the same length, and where something stood that belongs into none.
fn readable(bytes: &[u8]) -> (String, Vec<usize>) {
    let mut out = String::with_capacity(bytes.len());
    let mut odd = Vec::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_ascii_control() {
                odd.push(out.len());
                out.push('?');
            } else {
                out.push(c);
            }
        }
        for _ in chunk.invalid() {
            odd.push(out.len());
            out.push('?');
        }
    }
    (out, odd)
}

/// Put back what belongs into no text.
fn with_odd(mut new: Vec<u8>, old: &[u8], odd: &[usize]) -> Vec<u8> {
    if new.len() == old.len() {
        odd.iter().for_each(|at| new[*at] = old[*at]);
    }
    new
}

/// Question marks in the place of bytes; a NUL stays one, and what is no text, or not plain text, still is not.
fn marks(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            out.extend_from_slice(match (c, c.len_utf8()) {
                ('\0', _) => b"\0",
                (c, _) if c.is_ascii_control() => b"\x01",
                (_, 1) => b"?",
                (_, 2) => "\u{e9}".as_bytes(),
                (_, 3) => "\u{fffd}".as_bytes(),
                _ => "\u{1f600}".as_bytes(),
            });
        }
        out.resize(out.len() + chunk.invalid().len(), 0xff);
    }
    out
}

fn differing(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// Of a configuration file what an audit needs: the settings of the log, and lines that are none. Others become
/// comments of the same length.
pub fn log_settings(old: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(old.len());
    let fault = config_keys::check_settings(&String::from_utf8_lossy(old)).err().map(|(at, _)| at);
    for line in old.split_inclusive(|b| *b == b'\n') {
        let (body, end) = line.split_at(line.len() - usize::from(line.ends_with(b"\n")));
        let (text, odd) = readable(body);
        let comment = text.trim_start().starts_with('#');
        // A line of the file that says where its fault is, or may be a part of it.
        let at = out.len();
        let faulty = fault.is_some_and(|fault| (at..=at + line.len()).contains(&fault));
        let kept = odd.len() <= MOST_ODD
            && !comment
            && (text.starts_with("log=(") || faulty || crate::format::config::Config::parse(&text).is_err());
        if kept && !text.contains(['/', '"']) {
            out.extend_from_slice(body);
        } else if kept {
            out.extend_from_slice(&with_odd(blanked(&text).into_bytes(), body, &odd));
        } else if odd.is_empty() && !body.is_empty() {
            out.push(b'#');
            out.resize(at + body.len(), b' ');
        } else {
            out.extend_from_slice(&marks(body));
        }
        out.extend_from_slice(end);
    }
    out
}

/// Words before the colon of a key of metadata.
const NAMES: [&str; 12] = [
    "file:",
    "table:",
    "colgroup:",
    "index:",
    "system:",
    "layered:",
    "tiered:",
    "tier:",
    "object:",
    "lsm:",
    "metadata:",
    "WiredTiger",
];

/// Whether bytes can be a key of metadata, or what a separator leaves of one.
pub fn is_name(key: &[u8]) -> bool {
    let text = key.strip_suffix(&[0]).unwrap_or(key);
    let plain = text.iter().all(|b| b.is_ascii_graphic() || *b == b' ' || *b >= 0x80);
    text.len() <= 1 || plain && NAMES.iter().any(|n| text.starts_with(n.as_bytes()) || n.as_bytes().starts_with(text))
}

/// A text with the hexadecimal digits behind a word replaced by zeros.
pub fn without_hex(text: &str, word: &str) -> String {
    let Some(at) = text.find(word).map(|n| n + word.len()) else { return text.to_string() };
    let (head, tail) = text.split_at(at);
    let digits = tail.bytes().take_while(u8::is_ascii_hexdigit).count();
    format!("{head}{}{}", "0".repeat(digits), &tail[digits..])
}

/// Whether a text can only be the engine's own: plain characters, a key it begins with.
pub fn is_engines(text: &str, keys: &[&str]) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() || matches!(b, b' ' | b'\n'))
        && keys.iter().any(|k| text.starts_with(k))
        && crate::format::config::Config::parse(text.split_once('\n').map_or(text, |(_, rest)| rest)).is_ok()
}
