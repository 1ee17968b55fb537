//! The forms of a line: mongod's plain text and its JSON, the engine's own lines, plain and JSON, alone or
//! inside a line of mongod, and what container runtimes and journals put around them.

use super::engine_line::{HEAD, PART, head, without_function};
use super::entry::{Entry, Severity, clock, level_of};
use super::lines::{self, HARD, Record, joined};
use crate::format::unescape::{Out, Unescape};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Levels of objects that hold a line as a string: a container runtime around a journal around mongod.
const NESTED: usize = 4;
/// Longest text of a JSON line's attributes that is kept.
const ATTRIBUTES: usize = 16 << 10;

/// A line of mongod since 4.4.
#[derive(Debug, Deserialize)]
struct Server<'a> {
    #[serde(borrow)]
    t: Option<Date<'a>>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
    #[serde(borrow)]
    c: Option<Cow<'a, str>>,
    id: Option<u32>,
    #[serde(borrow)]
    ctx: Option<Cow<'a, str>>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attr: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Date<'a> {
    #[serde(rename = "$date", borrow)]
    date: Option<Cow<'a, str>>,
}

/// The engine's own object.
#[derive(Debug, Default, Deserialize)]
struct Engine<'a> {
    ts_sec: Option<u64>,
    ts_usec: Option<u64>,
    #[serde(borrow)]
    thread: Option<Cow<'a, str>>,
    #[serde(borrow)]
    session_dhandle_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    session_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    category: Option<Cow<'a, str>>,
    #[serde(borrow)]
    verbose_level: Option<Cow<'a, str>>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error_str: Option<Cow<'a, str>>,
    error_code: Option<i32>,
}

/// What a container runtime or a journal makes of a line.
#[derive(Debug, Deserialize)]
struct Wrapped<'a> {
    #[serde(alias = "MESSAGE", alias = "message", borrow)]
    log: Option<Cow<'a, str>>,
}

/// Whether lines of mongod with a number are worth a look below the severity of an error.
fn is_telling(id: u32) -> bool {
    // 22430: what the engine says beside errors. 23087 and 6384300 begin a backtrace's lines, and are not.
    matches!(
        id,
        22430..=22436 | 22312 | 22313 | 22347..=22349 | 22355 | 22271 | 22302 | 22409 | 51782 | 7887900 | 20573 | 20557
            | 4615611 | 20698 | 23377 | 23138 | 6384304 | 22266 | 22251 | 22252 | 11722300 | 40414 | 11722321 | 22308 | 23403 | 23016
    )
}

/// Take a record apart. None of a line that cannot matter: whole, of mongod, and no more than information.
pub fn entry(record: &Record) -> Option<Entry> {
    let mut entry = Entry { line: record.line, limit: record.limit, ..Entry::default() };
    let text = &record.text;
    if text.starts_with(b"{") && record.limit == text.len() {
        match object(&joined(text, b""), &mut entry, NESTED).or_else(|| object(&joined(text, b" "), &mut entry, NESTED))
        {
            Some(true) => return Some(entry),
            Some(false) => return None,
            None => {}
        }
    }
    // Cut, escaped once more, or no JSON at all: read as text.
    let text = if text.contains(&b'\\') { unescaped(text) } else { text.clone() };
    if let Some(whole) = inner_object(&text).filter(|_| record.limit == record.text.len())
        && let Some(telling) = object(&whole, &mut entry, 1)
    {
        return telling.then_some(entry);
    }
    entry.limit = if record.limit == record.text.len() { text.len() } else { entry.limit.min(text.len()) };
    plain(text, &mut entry);
    Some(entry)
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut escape = Unescape::default();
    let mut out = Vec::with_capacity(text.len());
    for b in text {
        match escape.push(*b) {
            Some(Out::Byte(c)) => out.push(c),
            Some(Out::Escaped(10)) => out.push(HARD),
            Some(Out::Escaped(c)) => {
                let c = char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            None => {}
        }
    }
    out
}

/// Read an object: whether it is worth a look. None if it is no object of a kind that is known.
fn object(text: &[u8], entry: &mut Entry, depth: usize) -> Option<bool> {
    let text = text.trim_ascii();
    if text.starts_with(b"{\"ts_sec\"") {
        let engine: Engine<'_> = serde_json::from_slice(text).ok()?;
        engine_object(&engine, entry);
        return Some(true);
    }
    if !text.starts_with(b"{\"t\"") && !text.starts_with(b"{ \"t\"") {
        let wrapped: Wrapped<'_> = serde_json::from_slice(text).ok()?;
        let inner = wrapped.log?;
        let inner = inner.trim().as_bytes().to_vec();
        if depth > 0
            && let Some(whole) = inner_object(&inner).or_else(|| inner.starts_with(b"{").then(|| inner.clone()))
            && let Some(telling) = object(&whole, entry, depth.saturating_sub(1))
        {
            return Some(telling);
        }
        entry.limit = inner.len();
        plain(inner, entry);
        return Some(true);
    }
    let server: Server<'_> = serde_json::from_slice(text).ok()?;
    entry.severity = match server.s.as_deref() {
        Some("F") => Severity::Fatal,
        Some("E") => Severity::Error,
        Some("W") => Severity::Warning,
        Some("I") => Severity::Info,
        _ => Severity::Debug,
    };
    let telling = server.id.is_some_and(is_telling);
    if entry.severity < Severity::Warning && !telling {
        return Some(false);
    }
    entry.id = server.id;
    entry.time = server.t.and_then(|t| t.date).map(Cow::into_owned);
    entry.component = server.c.map(Cow::into_owned);
    entry.context = server.ctx.map(Cow::into_owned);
    attributes(server.msg.as_deref().unwrap_or_default(), server.attr, entry);
    Some(true)
}

/// What a line of mongod says, with its attributes.
fn attributes(msg: &str, attr: Option<&RawValue>, entry: &mut Entry) {
    let raw = attr.map_or("{}", RawValue::get);
    let value: serde_json::Value = serde_json::from_str(raw).unwrap_or_default();
    let number = |name: &str| value.get(name).and_then(serde_json::Value::as_i64);
    entry.code = number("error").and_then(|n| i32::try_from(n).ok());
    entry.assertion = number("msgid").and_then(|n| u32::try_from(n).ok());
    if entry.id == Some(4_615_611) {
        entry.pid = number("pid").and_then(|n| u64::try_from(n).ok());
    }
    // A blank may have been lost where the line was wrapped.
    let is_engine = matches!(entry.id, Some(22430..=22436)) || msg.starts_with("WiredTiger");
    match value.get("message") {
        Some(serde_json::Value::Object(_)) if is_engine => {
            let message = value.get("message").map(ToString::to_string).unwrap_or_default();
            if let Ok(engine) = serde_json::from_str::<Engine<'_>>(&message) {
                let severity = entry.severity;
                engine_object(&engine, entry);
                entry.severity = entry.severity.max(severity);
                return;
            }
        }
        Some(serde_json::Value::String(message)) if is_engine => {
            if let Ok(engine) = serde_json::from_str::<Engine<'_>>(message) {
                let severity = entry.severity;
                engine_object(&engine, entry);
                entry.severity = entry.severity.max(severity);
                return;
            }
            head(message.as_bytes().to_vec(), entry);
            return;
        }
        _ => {}
    }
    let mut text = msg.to_string();
    flat(&value, &mut text, 6);
    let end = (0..=ATTRIBUTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or_default());
    entry.text = text.into_bytes();
    entry.limit = entry.text.len();
    entry.headed = true;
}

/// Attributes that quote what users wrote.
const ATTRIBUTES_OF_USERS: [&str; 22] = [
    "command",
    "cmd",
    "filter",
    "query",
    "stats",
    "doc",
    "document",
    "documents",
    "pipeline",
    "originatingCommand",
    "q",
    "o",
    "o2",
    "op",
    "oplogEntry",
    "entry",
    "planSummary",
    "update",
    "updates",
    "insert",
    "obj",
    "namespaceComment",
];

/// Attributes as text: names and values.
fn flat(value: &serde_json::Value, out: &mut String, depth: usize) {
    use serde_json::Value as V;
    if depth == 0 || out.len() > ATTRIBUTES {
        return;
    }
    match value {
        V::Object(map) => {
            for (name, value) in map.iter().filter(|(name, _)| !ATTRIBUTES_OF_USERS.contains(&name.as_str())) {
                out.push_str(&format!("; {name}: "));
                flat(value, out, depth.saturating_sub(1));
            }
        }
        V::Array(list) => {
            for value in list {
                out.push(' ');
                flat(value, out, depth.saturating_sub(1));
            }
        }
        V::String(text) => out.push_str(text),
        V::Null => {}
        other => out.push_str(&other.to_string()),
    }
}

fn engine_object(engine: &Engine<'_>, entry: &mut Entry) {
    let own = |t: &Option<Cow<'_, str>>| t.as_deref().map(str::to_string);
    entry.engine = true;
    entry.handle = own(&engine.session_dhandle_name);
    entry.session = own(&engine.session_name);
    entry.category = own(&engine.category);
    entry.pid = engine.thread.as_deref().and_then(|t| t.split(':').next()?.parse().ok());
    entry.micros = clock(engine.ts_sec, engine.ts_usec);
    if entry.time.is_none() {
        entry.time = engine.ts_sec.map(|s| format!("{s}.{:06}", engine.ts_usec.unwrap_or_default()));
    }
    if let Some(level) = engine.verbose_level.as_deref() {
        entry.severity = level_of(level);
    }
    entry.code = engine.error_code.or(entry.code);
    let mut text = without_function(engine.msg.as_deref().unwrap_or_default(), ':').to_string();
    if let Some(error) = engine.error_str.as_deref()
        && !text.ends_with(error)
    {
        text.push_str(&format!(": {error}"));
    }
    entry.text = text.into_bytes();
    entry.limit = entry.text.len();
    entry.headed = true;
}

/// A line of text: what mongod or a journal put in front, then the engine's head, then the message.
fn plain(text: Vec<u8>, entry: &mut Entry) {
    let mut rest = text.as_slice();
    if let Some(stamp) = lines::time_stamp(rest) {
        let time = rest.get(..stamp.len).unwrap_or_default();
        entry.time = Some(String::from_utf8_lossy(time).trim_matches(['[', ']', '(', ')']).to_string());
        let behind = rest.get(stamp.len..).unwrap_or_default();
        rest = server_head(behind, entry).unwrap_or_else(|| older_head(behind.trim_ascii_start(), entry));
    } else if rest.starts_with(b"{") {
        loose(rest, entry);
    }
    let skipped = text.len().saturating_sub(rest.len());
    entry.limit = entry.limit.saturating_sub(skipped);
    let rest = rest.to_vec();
    if rest.starts_with(b"exception in initAndListen") {
        entry.severity = entry.severity.max(Severity::Error);
    }
    head(rest, entry);
}

/// An object of mongod or of the engine behind something else on its line.
fn inner_object(text: &[u8]) -> Option<Vec<u8>> {
    let near = text.get(..text.len().min(HEAD))?;
    let at = [&b"{\"t\":{"[..], b"{\"ts_sec\":"].iter().find_map(|k| near.windows(k.len()).position(|w| w == *k))?;
    let rest = text.get(at..)?;
    let end = rest.iter().rposition(|c| *c == b'}')?;
    let whole = rest.get(..=end)?;
    Some(joined(whole, b"").into_owned())
}

/// mongod's head before 4.4: severity, component, thread, and what it says of an error of the engine.
fn server_head<'t>(text: &'t [u8], entry: &mut Entry) -> Option<&'t [u8]> {
    let mut rest = text.trim_ascii_start();
    let (letter, behind) = rest.split_first()?;
    entry.severity = match letter {
        b'F' => Severity::Fatal,
        b'E' => Severity::Error,
        b'W' => Severity::Warning,
        b'I' => Severity::Info,
        b'D' => Severity::Debug,
        _ => return None,
    };
    let behind = behind.strip_prefix(b"1").or_else(|| behind.strip_prefix(b"2")).unwrap_or(behind);
    if !behind.first().is_some_and(u8::is_ascii_whitespace) {
        entry.severity = Severity::Unmarked;
        return None;
    }
    rest = behind.trim_ascii_start();
    let component = rest.iter().take_while(|c| c.is_ascii_uppercase() || matches!(**c, b'_' | b'-')).count();
    entry.component = rest.get(..component).map(|c| String::from_utf8_lossy(c).into_owned()).filter(|c| !c.is_empty());
    rest = rest.get(component..)?.trim_ascii_start();
    if let [b'[', inside @ ..] = rest
        && let Some(end) = inside.iter().take(PART).position(|c| *c == b']')
    {
        entry.context = inside.get(..end).map(|c| String::from_utf8_lossy(c).into_owned());
        rest = inside.get(end.saturating_add(1)..)?.trim_ascii_start();
    }
    for words in [&b"WiredTiger error ("[..], b"WiredTiger ERROR (", b"WiredTiger (", b"WiredTiger message ("] {
        if let Some(behind) = rest.strip_prefix(words) {
            let end = behind.iter().take(12).position(|c| *c == b')')?;
            entry.code = std::str::from_utf8(behind.get(..end)?).ok().and_then(|n| n.parse().ok());
            entry.engine = true;
            return Some(behind.get(end.saturating_add(1)..)?.trim_ascii_start());
        }
    }
    Some(rest.strip_prefix(b"WiredTiger message").map_or(rest, <[u8]>::trim_ascii_start))
}

/// mongod's head before 3.0: the thread alone.
fn older_head<'t>(text: &'t [u8], entry: &mut Entry) -> &'t [u8] {
    let inside = text.strip_prefix(b"[").filter(|_| lines::envelope(text).is_none());
    let end = inside.and_then(|i| i.iter().take(PART).position(|c| *c == b']'));
    let (Some(inside), Some(end)) = (inside, end) else { return text };
    let name = inside.get(..end).unwrap_or_default();
    if !name.first().is_some_and(u8::is_ascii_alphabetic) {
        return text;
    }
    entry.context = Some(String::from_utf8_lossy(name).into_owned());
    let text = inside.get(end.saturating_add(1)..).unwrap_or_default().trim_ascii_start();
    if text.starts_with(b"ERROR") {
        entry.severity = Severity::Error;
    }
    text
}

/// Fields of a JSON line that does not parse: cut, or escaped in a way of its own.
fn loose(text: &[u8], entry: &mut Entry) {
    let near = text.get(..text.len().min(8192)).unwrap_or_default();
    let squeezed: Vec<u8> = near.iter().filter(|c| !c.is_ascii_whitespace() && **c != HARD).copied().collect();
    let squeezed = String::from_utf8_lossy(&squeezed).into_owned();
    let after = |name: &str| squeezed.split_once(name).map(|(_, rest)| rest);
    let string =
        |name: &str| after(name).and_then(|r| r.split('"').next()).map(str::to_string).filter(|v| v.len() < PART);
    let number = |name: &str| {
        let rest = after(name)?;
        let len = rest.bytes().take_while(|c| c.is_ascii_digit() || *c == b'-').count();
        rest.get(..len)?.parse::<i64>().ok()
    };
    entry.time = string("\"$date\":\"");
    entry.severity = match string("\"s\":\"").as_deref() {
        Some("F") => Severity::Fatal,
        Some("E") => Severity::Error,
        Some("W") => Severity::Warning,
        Some("I") => Severity::Info,
        _ => Severity::Unmarked,
    };
    entry.component = string("\"c\":\"");
    entry.id = number("\"id\":").and_then(|n| u32::try_from(n).ok());
    entry.context = string("\"ctx\":\"");
    entry.assertion = number("\"msgid\":").and_then(|n| u32::try_from(n).ok());
    entry.code = number("\"error\":").or_else(|| number("\"error_code\":")).and_then(|n| i32::try_from(n).ok());
    entry.session = string("\"session_name\":\"");
    entry.handle = string("\"session_dhandle_name\":\"");
    entry.pid = string("\"thread\":\"").and_then(|t| t.split(':').next()?.parse().ok());
    entry.engine = squeezed.contains("\"ts_sec\":");
    let seconds = number("\"ts_sec\":").and_then(|n| u64::try_from(n).ok());
    entry.micros = clock(seconds, number("\"ts_usec\":").and_then(|n| u64::try_from(n).ok()));
    if let Some(level) = string("\"verbose_level\":\"") {
        entry.severity = level_of(&level);
    }
}
