//! Single values as Extended JSON v2: both forms, compact, UTF-8, without HTML escapes.
//!
//! Doubles are written as mongodump and bsondump do (the Go driver's newer form), so that texts can be compared:
//! the shortest digits that read back as the same double; `.0` behind a whole number; from 10^6 on and below
//! 10^-4 with an exponent of a sign and at least two digits (`1.234567E+06`, `1E+300`, `1E-05`). pymongo's
//! `json_util` writes `1234567.0`, `1e+300` and `1e-05`. All read back the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// The first millisecond of the year 10000.
const YEAR_10000: i64 = 253_402_300_800_000;

/// Which of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every type can be read back.
    Canonical,
    /// Numbers and dates as people write them.
    Relaxed,
}

/// A text in quotes. Answers whether it is UTF-8; what is not becomes U+FFFD.
pub fn string(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let mut whole = true;
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        escaped(out, chunk.valid());
        if !chunk.invalid().is_empty() {
            whole = false;
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
    whole
}

fn escaped(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            // Beside what JSON asks for: ends of lines for JavaScript, and what a terminal may obey.
            c if c < ' ' || ('\u{7f}'..'\u{a0}').contains(&c) || c == '\u{2028}' || c == '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// `{"NAME":"TEXT"}` of texts that need no escapes.
fn wrapped(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(format!("{{\"{name}\":\"{text}\"}}").as_bytes());
}

pub fn int32(out: &mut Vec<u8>, mode: Mode, n: i32) {
    match mode {
        Mode::Canonical => wrapped(out, "$numberInt", &n.to_string()),
        Mode::Relaxed => out.extend_from_slice(n.to_string().as_bytes()),
    }
}

pub fn int64(out: &mut Vec<u8>, mode: Mode, n: i64) {
    match mode {
        Mode::Canonical => wrapped(out, "$numberLong", &n.to_string()),
        Mode::Relaxed => out.extend_from_slice(n.to_string().as_bytes()),
    }
}

pub fn double(out: &mut Vec<u8>, mode: Mode, n: f64) {
    if mode == Mode::Canonical || !n.is_finite() {
        wrapped(out, "$numberDouble", &double_text(n));
    } else {
        out.extend_from_slice(double_text(n).as_bytes());
    }
}

/// The digits of a double; see the head of this file.
pub fn double_text(n: f64) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n < 0.0 { "-Infinity".to_owned() } else { "Infinity".to_owned() };
    }
    let text = format!("{n:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    if exponent.parse::<i32>().is_ok_and(|e| (-4..6).contains(&e)) {
        let text = n.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{digits}E{sign}{exponent:0>2}")
}

/// Answers whether the text reads back as the same bytes.
pub fn decimal(out: &mut Vec<u8>, bytes: [u8; 16]) -> bool {
    let (text, same) = super::decimal::text(bytes);
    wrapped(out, "$numberDecimal", &text);
    same
}

/// A decimal whose text is known.
pub fn decimal_text(out: &mut Vec<u8>, text: &str) {
    wrapped(out, "$numberDecimal", text);
}

pub fn object_id(out: &mut Vec<u8>, id: [u8; 12]) {
    wrapped(out, "$oid", &hex::encode(id));
}

pub fn date(out: &mut Vec<u8>, mode: Mode, millis: i64) {
    if mode == Mode::Relaxed && (0..YEAR_10000).contains(&millis) {
        wrapped(out, "$date", &date_text(millis));
    } else {
        out.extend_from_slice(format!("{{\"$date\":{{\"$numberLong\":\"{millis}\"}}}}").as_bytes());
    }
}

/// `2012-12-24T12:15:30.501Z`, without `.000`.
fn date_text(millis: i64) -> String {
    let (year, month, day) = civil(millis.div_euclid(DAY));
    let rest = millis.rem_euclid(DAY);
    let (seconds, millis) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Year, month and day of a day since 1970, for years 1970 to 9999. Counted in eras of 400 years from
/// 1 March of the year 0, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

pub fn binary(out: &mut Vec<u8>, subtype: u8, bytes: &[u8]) {
    let text = STANDARD.encode(bytes);
    out.extend_from_slice(
        format!("{{\"$binary\":{{\"base64\":\"{text}\",\"subType\":\"{subtype:02x}\"}}}}").as_bytes(),
    );
}

pub fn timestamp(out: &mut Vec<u8>, seconds: u32, increment: u32) {
    out.extend_from_slice(format!("{{\"$timestamp\":{{\"t\":{seconds},\"i\":{increment}}}}}").as_bytes());
}

/// Answers whether it reads back as the same: not if its options were not sorted, or not UTF-8.
pub fn regex(out: &mut Vec<u8>, pattern: &[u8], options: &[u8]) -> bool {
    let mut sorted = options.to_vec();
    sorted.sort_unstable();
    out.extend_from_slice(b"{\"$regularExpression\":{\"pattern\":");
    let pattern = string(out, pattern);
    out.extend_from_slice(b",\"options\":");
    let letters = string(out, &sorted);
    out.extend_from_slice(b"}}");
    pattern && letters && sorted == options
}

pub fn db_pointer(out: &mut Vec<u8>, namespace: &[u8], id: [u8; 12]) -> bool {
    out.extend_from_slice(b"{\"$dbPointer\":{\"$ref\":");
    let whole = string(out, namespace);
    out.extend_from_slice(b",\"$id\":");
    object_id(out, id);
    out.extend_from_slice(b"}}");
    whole
}

/// `{"NAME":TEXT}`.
pub fn wrapped_string(out: &mut Vec<u8>, name: &str, text: &[u8]) -> bool {
    out.extend_from_slice(format!("{{\"{name}\":").as_bytes());
    let whole = string(out, text);
    out.push(b'}');
    whole
}

pub const UNDEFINED: &[u8] = b"{\"$undefined\":true}";
pub const MIN_KEY: &[u8] = b"{\"$minKey\":1}";
pub const MAX_KEY: &[u8] = b"{\"$maxKey\":1}";
