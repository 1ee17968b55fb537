//! Texts of the engine's metadata with other checksums in their cookies, and without the
//! application's own words.

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

/// The cookies in a text.
pub(super) fn cookies(text: &str) -> Vec<Vec<u8>> {
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

/// The lines of a turtle or a backup list: keys and texts of the engine, cookies replaced.
/// A line that is neither becomes question marks.
pub(super) fn lines(old: &[u8], cookie: &super::page::Recook<'_>) -> Vec<u8> {
    const KEYS: [&str; 4] =
        ["Compatibility version", "Live Restore", "WiredTiger version string", "WiredTiger version"];
    let mut out = Vec::with_capacity(old.len());
    for line in old.split_inclusive(|b| *b == b'\n') {
        let (body, end) = line.split_at(line.len() - usize::from(line.ends_with(b"\n")));
        let text = std::str::from_utf8(body).ok().filter(|t| t.bytes().all(|b| b.is_ascii_graphic() || b == b' '));
        match text {
            // A line that was cut off is a text no longer; what is left of its cookies is.
            Some(t) if t.contains("allocation_size=") || t.contains("checkpoint=(") => {
                out.extend_from_slice(rewritten(t, &|old| cookie(old, Some(t))).as_bytes());
            }
            Some(t) if KEYS.contains(&t) || is_name(body) || t.starts_with("major=") || t.starts_with("state=") => {
                out.extend_from_slice(body);
            }
            Some(t) if crate::format::config::Config::parse(t).is_ok() && t.contains("_format=") => {
                out.extend_from_slice(rewritten(t, &|_| None).as_bytes());
            }
            _ => out.resize(out.len() + body.len(), b'?'),
        }
        out.extend_from_slice(end);
    }
    out
}

/// Of a configuration file what an audit needs: the settings of the log.
pub(super) fn log_settings(old: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(old);
    let lines = text.lines().filter(|l| l.starts_with("log=(") && l.bytes().all(|b| b.is_ascii_graphic()));
    lines.flat_map(|l| [l.as_bytes(), b"\n"].concat()).collect()
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
