//! Texts of the engine's metadata with other checksums in their cookies, and without the
//! application's own words (spec 07.1, 07.6, 16.9).

/// What holds words of the application: `app_metadata=(...)`.
const APPLICATION: &str = "app_metadata=";
/// What begins the cookie of a checkpoint.
const COOKIE: &str = "addr=\"";

/// A text of metadata with every cookie replaced and the application's words gone. Every length stays.
#[must_use]
pub(super) fn rewritten(text: &str, cookie: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> String {
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
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth > 0 => {
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

/// Whether a text can only be the engine's own: plain characters, a key it begins with.
#[must_use]
pub(super) fn is_engines(text: &str, keys: &[&str]) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() || matches!(b, b' ' | b'\n'))
        && keys.iter().any(|k| text.starts_with(k))
        && crate::format::config::Config::parse(text.split_once('\n').map_or(text, |(_, rest)| rest)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_change_and_words_go() {
        let text = "access_pattern_hint=none,app_metadata=(formatVersion=1,\"x y\"=\"z\\\"q)\",é=(a)),\
                    checkpoint=(a=(addr=\"0102\",size=1),b=(addr=\"\",size=0),c=(addr=\"zz\")),x=(app_metadata=shop.db)";
        let new = rewritten(text, &|c| Some(c.iter().map(|b| b + 1).collect()));
        assert_eq!(
            new,
            "access_pattern_hint=none,app_metadata=(xxxxxxxxxxxxx=0,\"xxx\"=\"x\\\"xx\",xx=(x)),\
             checkpoint=(a=(addr=\"0203\",size=1),b=(addr=\"\",size=0),c=(addr=\"zz\")),x=(app_metadata=xxxxxxx)"
        );
        assert_eq!(new.len(), text.len());
    }

    #[test]
    fn texts_of_the_engine() {
        assert!(is_engines("version=2,compatible_version=1,\ncheckpoint=(", &["version="]) == false);
        assert!(is_engines("checkpoint=(a=(addr=\"00\")),\ntimestamp=1", &["checkpoint="]));
        assert!(!is_engines("Dear Ada", &["checkpoint="]));
    }
}
