//! The documents of `decode` for people.

use super::block::{self, cell_table};
use super::fields::{Fields, remarks};
use super::text::{Paint, escape, grouped, size};
use crate::decode::completion::CompletionReport;
use crate::decode::config::{ConfigEntry, ConfigReport, ConfigValue};
use crate::decode::cookies::{AnyCookie, CheckpointReport, CookieInfo, CookieReport};
use crate::decode::document::{Body, Document};
use crate::decode::key_page::KeystoreReport;
use crate::decode::pagelog_turtle::TurtleReport;
use crate::decode::view::Stamp;

/// The document for people.
pub fn text(document: &Document, width: Option<u16>, paint: Paint) -> String {
    match &document.body {
        Body::Cookies { cookies } => {
            let one = |r: &CookieReport| cookie_text(r, width, paint, cookies.len() > 1);
            cookies.iter().map(one).collect::<Vec<_>>().join("\n")
        }
        Body::Checkpoint(r) => checkpoint_text(r, width, paint),
        Body::Completion(r) => completion_text(r, width, paint),
        Body::Turtle(r) => turtle_text(r, width, paint),
        Body::Config(r) => config_text(r, width, paint),
        Body::Keystore(r) => keystore_text(r, width, paint),
        Body::Page(r) => block::text(r, width, paint),
        Body::Cells(r) => {
            let table = if r.cells.is_empty() { String::new() } else { cell_table(&r.cells, width) };
            table + &remarks(&r.problems, &[], paint)
        }
    }
}

fn cookie_text(r: &CookieReport, width: Option<u16>, paint: Paint, head: bool) -> String {
    let mut out = if head { format!("{}\n", paint.head(&r.input)) } else { String::new() };
    let mut f = Fields::default();
    let mut notes: &[String] = &[];
    match &r.cookie {
        Some(AnyCookie::Disaggregated(c)) => {
            cookie_fields(&mut f, c);
            notes = &c.notes;
        }
        Some(c @ AnyCookie::Classic(a)) => {
            f.note("form", "classic", "address of a block in a local file");
            if let Some(a) = a {
                f.add("offset", grouped(a.offset));
                f.add("size", size(a.size.into()));
                f.add("checksum", a.checksum);
                f.maybe("object", a.object, "tiered storage");
            }
            f.add("printable", c);
        }
        None => {}
    }
    out.push_str(&f.table(width));
    out + &remarks(&r.problems, notes, paint)
}

fn cookie_fields(f: &mut Fields, c: &CookieInfo) {
    let meaning = match c.layout {
        "L1" => "October 2024",
        "L2" => "October 2024 to January 2025",
        "L3" => "January to mid 2025",
        _ => "since autumn 2025",
    };
    f.note("layout", c.layout, meaning);
    if let (Some(version), Some(min)) = (c.version, c.version_min) {
        f.note("version", version, format!("readable from version {min} on"));
    }
    f.add("page id", c.page_id);
    if c.version.is_some() {
        let names = if c.flags.is_empty() { "none".to_string() } else { c.flags.join(", ") };
        f.note("flags", names, if c.flags.is_empty() { "the newest block is a full image" } else { "" });
    }
    f.maybe("lsn", c.lsn, &c.lsn_time.as_ref().map(|t| format!("perhaps {t}")).unwrap_or_default());
    f.maybe(
        "base lsn",
        c.base_lsn,
        if c.base_lsn == Some(crate::id::Lsn::NONE) { "no delta" } else { "of the full image" },
    );
    f.maybe("checkpoint id", c.checkpoint_id, "");
    f.maybe("reconciliation id", c.reconciliation_id, "");
    let meaning = if c.flags.is_empty() { "" } else { "of the whole chain; before 2026-01-29, of the newest block" };
    f.note("size", size(c.size.into()), meaning);
    f.note("checksum", c.checksum, "in the header of the newest block");
    f.add("printable", &c.printable);
}

fn checkpoint_text(r: &CheckpointReport, width: Option<u16>, paint: Paint) -> String {
    let mut f = Fields::default();
    f.maybe("form", r.form, "");
    if let Some(c) = &r.checkpoint {
        f.add("version", c.version);
        f.note("allocation size", c.allocation_size, "not part of the cookie");
        for (name, address) in [("root", &c.root), ("alloc", &c.alloc), ("avail", &c.avail), ("discard", &c.discard)] {
            let text = address.map_or_else(|| "no block".to_string(), |a| a.to_string());
            f.note(name, text, if name == "root" { "" } else { "extent list" });
        }
        f.add("file size", size(c.file_size));
        f.note("checkpoint size", size(c.checkpoint_size), "tree blocks without the root");
        let root = c.root.map_or(0, |r| u64::from(r.size));
        f.note("size=", c.checkpoint_size.saturating_add(root), "what the metadata should say: with the root");
        f.maybe("object", c.object, "tiered storage");
    }
    let mut notes = r.notes.clone();
    if let Some(c) = &r.cookie {
        cookie_fields(&mut f, c);
        notes.extend(c.notes.iter().cloned());
    }
    f.table(width) + &remarks(&r.problems, &notes, paint)
}

fn completion_text(r: &CompletionReport, width: Option<u16>, paint: Paint) -> String {
    let mut f = Fields::default();
    let default = |key: &str| if r.defaulted.contains(&key) { "not in the record: the default" } else { "" };
    f.maybe("metadata_lsn", r.metadata_lsn, r.metadata_lsn_time.as_deref().unwrap_or("of the turtle page"));
    f.maybe("metadata_checksum", r.metadata_checksum, "crc32c of the turtle page");
    f.maybe("database_size", r.database_size.map(size), "");
    f.maybe("version", r.version, default("version"));
    f.maybe("compatible_version", r.compatible_version, default("compatible_version"));
    f.maybe("stable values", r.stable_values, "follows from compatible_version");
    f.maybe("id", r.id, "checkpoint id, PALM only");
    for e in &r.unknown {
        config_fields(&mut f, e, 0);
    }
    f.note("pick-up", r.pick_up, "by the newest engine");
    f.table(width) + &remarks(&r.problems, &r.notes, paint)
}

fn turtle_text(r: &TurtleReport, width: Option<u16>, paint: Paint) -> String {
    let mut f = Fields::default();
    f.add("bytes", r.bytes);
    match &r.wt_turtle {
        None => f.note("crc32c", r.crc32c, "compare with metadata_checksum of the completion record"),
        Some(printed) => {
            let expected = printed.expected.or(printed.completion.as_ref().and_then(|c| c.metadata_checksum));
            let holds = match expected {
                None => "no completion record to compare with".to_string(),
                Some(sum) if sum == r.crc32c => "as the completion record states".to_string(),
                Some(sum) => format!("the completion record states {sum}"),
            };
            f.note("crc32c", r.crc32c, holds);
            f.maybe("requested LSN", printed.requested_lsn, "");
            let size = printed.completion.as_ref().and_then(|c| c.database_size);
            f.maybe("database_size", size.map(self::size), "of the completion record");
        }
    }
    let Some(t) = &r.content else { return f.table(width) + &remarks(&r.problems, &r.notes, paint) };
    f.note(
        "form",
        t.form,
        match t.form {
            "spring" => "two lines, spring 2025",
            "legacy" => "bare checkpoint list, until December 2025",
            "legacy-key" => "as legacy, with a key reference, December 2025",
            "v1" => "configuration text without versions, MongoDB 8.3",
            _ => "configuration text with versions, since 9.0",
        },
    );
    f.maybe("version", t.version, "");
    f.maybe("compatible_version", t.compatible_version, "");
    let mut stamp = |name: &str, s: &Stamp| {
        let none = if s.value == 0 { "none" } else { "" };
        f.note(name, &s.hex, s.time.as_deref().unwrap_or(none));
    };
    stamp("timestamp", &t.timestamp);
    for (name, s) in [("oldest_timestamp", &t.oldest_timestamp), ("schema_epoch", &t.schema_epoch)] {
        s.iter().for_each(|s| stamp(name, s));
    }
    f.maybe("largest_file_id", t.largest_file_id, "");
    let derived = if t.max_write_gen == Some(0) { "0: readers derive it" } else { "" };
    f.maybe("max_write_gen", t.max_write_gen, derived);
    if let Some(k) = &t.key_provider {
        f.note("key page", format!("page {} at LSN {}", k.page_id, k.lsn), k.lsn_time.as_deref().unwrap_or_default());
    }
    for u in &t.unknown {
        f.note(&u.key, &u.value, "unknown key");
    }
    let mut out = f.table(width);
    let mut notes = r.notes.clone();
    for c in &t.checkpoints {
        out.push_str(&format!("\n{}\n", paint.head(&escape(&c.name))));
        let mut f = Fields::default();
        f.add("order", c.order);
        f.note("time", c.time, &c.time_utc);
        f.add("size", size(c.size));
        f.note("write_gen", c.write_gen, format!("run started at {}", c.run_write_gen));
        f.maybe("next_page_id", c.next_page_id, "");
        let max = |v: Option<u64>| v.map_or_else(|| "none".to_string(), |v| v.to_string());
        f.note("oldest start", c.oldest_start_ts, format!("newest durable {}", c.newest_start_durable_ts));
        f.add("newest txn", c.newest_txn);
        let stop_note = format!("txn {}, durable {}", max(c.newest_stop_txn), c.newest_stop_durable_ts);
        f.note("newest stop", max(c.newest_stop_ts), stop_note);
        f.add("prepare", c.prepare);
        match &c.root {
            Some(root) => {
                f.note("root", &root.printable, root.lsn_time.as_deref().unwrap_or_default());
                notes.extend(root.notes.iter().map(|n| format!("{}: {n}", c.name)));
            }
            None if c.addr.is_empty() => f.note("root", "none", "the tree is empty"),
            None => f.note("root", &c.addr, "cannot be decoded"),
        }
        out.push_str(&f.table(width));
    }
    out + &remarks(&r.problems, &notes, paint)
}

fn config_text(r: &ConfigReport, width: Option<u16>, paint: Paint) -> String {
    let mut f = Fields::default();
    r.entries.iter().for_each(|e| config_fields(&mut f, e, 0));
    f.table(width) + &remarks(&r.problems, &r.notes, paint)
}

/// One entry and what is below it, indented.
fn config_fields(f: &mut Fields, e: &ConfigEntry, depth: usize) {
    let key = if e.key.is_empty() { "()" } else { e.key.as_str() };
    let field = format!("{}{key}", "  ".repeat(depth));
    match &e.value {
        ConfigValue::Text(text) => f.note(&field, text, e.kind),
        ConfigValue::Entries(inner) => {
            f.note(&field, "", e.kind);
            inner.iter().for_each(|e| config_fields(f, e, depth + 1));
        }
    }
}

fn keystore_text(r: &KeystoreReport, width: Option<u16>, paint: Paint) -> String {
    let mut f = Fields::default();
    f.add("bytes", r.bytes);
    if let Some(h) = &r.header {
        f.add("layout", h.layout);
        let from = h.compatible_version.map(|c| format!("readable from {c} on")).unwrap_or_default();
        f.note("version", h.version, from);
        f.add("header size", h.header_size);
        f.note("checksum", h.checksum, "holds");
        if let Some(t) = &h.timestamp {
            f.note("timestamp", &t.hex, t.time.as_deref().unwrap_or_default());
        }
        f.note("payload", format!("{} bytes", h.payload_bytes), "never shown");
        f.note("payload crc32c", h.payload_crc32c, "shows whether two pages hold the same key");
    }
    f.table(width) + &remarks(&r.problems, &r.notes, paint)
}
