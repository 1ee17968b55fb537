//! What `wtcheck pack` and `wtcheck unpack` show.

use super::Output;
use super::text::{count, escape, grouped, human, table};
use crate::audit::result::SCHEMA_VERSION;
use crate::pack::same::{Difference, Found, Side, Thing};
use crate::pack::{Packed, Unpacked};
use crate::schema::pack as schema;
use std::path::Path;

/// Differences and files left out that are shown; `--verbose` and the other formats have them all.
const SHOWN: usize = 20;

/// An image that was written.
pub fn packed(packed: &Packed, out: &Path, exit_code: u8, output: &mut Output) {
    let image = out.display().to_string();
    let report = schema::Packed {
        schema_version: SCHEMA_VERSION,
        image: image.clone(),
        source_bytes: packed.source_bytes,
        image_bytes: packed.image_bytes,
        strings_looked_for: packed.searched,
        key_memory: packed.key_bytes,
        same: packed.differences.is_empty(),
        differences: &packed.differences,
        manifest: &packed.manifest,
        exit_code,
    };
    let (width, limit) = (output.width, if output.verbose > 0 { usize::MAX } else { SHOWN });
    output.document(&report, || {
        let m = &packed.manifest;
        let replaced = m.replaced;
        let rows = [
            ("source", format!("{} ({})", grouped(packed.source_bytes), human(packed.source_bytes))),
            ("image", format!("{} ({})", grouped(packed.image_bytes), human(packed.image_bytes))),
            ("files", grouped(m.files.len() as u64)),
            ("blocks rewritten", grouped(replaced.blocks)),
            ("keys replaced", grouped(replaced.keys)),
            ("values replaced", grouped(replaced.values)),
            ("blocks with only headers kept", grouped(replaced.headers_only)),
            ("files left out", grouped(m.left_out.len() as u64)),
        ];
        let rows = rows.map(|(name, value)| vec![name.to_string(), value]);
        let mut text = format!("{}: {}, formats {}\n", escape(&image), m.kind.words(), m.generation);
        text.push_str(&table(width, &["", ""], &[1], rows.to_vec()));
        for note in &m.notes {
            text.push_str(&format!("{}\n", escape(note)));
        }
        if !m.left_out.is_empty() {
            text.push_str("\nLeft out\n");
        }
        for file in m.left_out.iter().take(limit) {
            text.push_str(&format!("  {}: {} ({})\n", escape(&file.name), escape(&file.reason), human(file.bytes)));
        }
        more(&mut text, m.left_out.len(), limit);
        text.push_str(&format!(
            "\nThe image was searched for {}: it contains none.\n",
            match packed.searched {
                1 => "one key or value from the source".to_string(),
                n => format!("{} keys and values from the source", grouped(n)),
            }
        ));
        same(&mut text, &packed.differences, limit);
        text.push_str(&format!(
            "\nTo audit it:\n{}",
            super::text::command(&format!("wtcheck unpack {} DIR", escape(&image)))
        ));
        text
    });
}

/// A directory that was made of an image.
pub fn unpacked(unpacked: &Unpacked, dir: &Path, exit_code: u8, output: &mut Output) {
    let directory = dir.display().to_string();
    let report = schema::Unpacked {
        schema_version: SCHEMA_VERSION,
        directory: directory.clone(),
        same: unpacked.differences.as_ref().map(Vec::is_empty),
        differences: unpacked.differences.as_deref(),
        manifest: &unpacked.manifest,
        exit_code,
    };
    let limit = if output.verbose > 0 { usize::MAX } else { SHOWN };
    output.document(&report, || {
        let m = &unpacked.manifest;
        let bytes = m.files.iter().map(|f| f.bytes).sum();
        let files = count(m.files.len() as u64, "file");
        let mut text = format!("{}: {}, {files}, {}\n", escape(&directory), m.kind.words(), human(bytes));
        if let Some(differences) = &unpacked.differences {
            same(&mut text, differences, limit);
        }
        text.push_str(&format!(
            "\nTo audit it:\n{}",
            super::text::command(&format!("wtcheck audit {}", escape(&directory)))
        ));
        text
    });
}

fn same(text: &mut String, differences: &[Difference], limit: usize) {
    if differences.is_empty() {
        text.push_str("An audit of it gives the same findings as the source.\n");
        return;
    }
    text.push_str("An audit of it does not give the same result as the source.\n");
    for difference in differences.iter().take(limit) {
        text.push_str(&format!("  {}\n", escape(&words(difference))));
    }
    more(text, differences.len(), limit);
}

/// A difference in words.
fn words(difference: &Difference) -> String {
    let only = |side: &Side| match side {
        Side::Source => "only in the source",
        Side::Image => "only in the image",
    };
    match difference {
        Difference::Outcome { source, image } => {
            let (a, b) = ((&source.verdict, source.exit_code), (&image.verdict, image.exit_code));
            format!("the source is {} (exit code {}), the image {} (exit code {})", a.0, a.1, b.0, b.1)
        }
        Difference::Finding { only_in, finding } => format!("{}: {}", only(only_in), finding_words(finding)),
        Difference::Thing { only_in, about } => format!("{}: {}", only(only_in), thing(about)),
        Difference::Value { about, name, source, image } => {
            let name = name.join(", ").replace('_', " ");
            format!("{}: {name}: {} in the source, {} in the image", thing(about), value(source), value(image))
        }
        Difference::NoAudit { reason } => format!("the image cannot be audited: {reason}"),
    }
}

fn finding_words(found: &Found) -> String {
    let mut out = format!("{} {}", found.severity, found.code);
    // A file and the URI of its tree say the same.
    if let Some(name) = found.file.as_ref().or(found.uri.as_ref()) {
        out.push_str(&format!(", {name}"));
    }
    let numbers = [
        ("table", found.table_id.map(|n| n.to_string())),
        ("page", found.page_id.map(|n| n.to_string())),
        ("LSN", found.lsn.map(|n| n.to_string())),
        ("offset", found.offset.map(|n| n.to_string())),
        ("length", found.length.map(|n| n.to_string())),
    ];
    for (name, number) in numbers {
        out.extend(number.map(|n| format!(", {name} {n}")));
    }
    out
}

fn thing(thing: &Thing) -> String {
    match thing {
        Thing::Store => "the store".into(),
        Thing::Database => "the database".into(),
        Thing::Checkpoint => "the checkpoint".into(),
        Thing::Catalog => "the catalog".into(),
        Thing::Log => "the log".into(),
        Thing::Tree { uri, .. } => format!("tree {uri}"),
        Thing::File { file } => format!("file {file}"),
        Thing::Class { class } => format!("rows in class {class}"),
        Thing::Orphan { table_id, page_id, lsn } => format!("orphan, table {table_id}, page {page_id}, LSN {lsn}"),
        Thing::KeyPage { page_id, lsn } => format!("key page {page_id}, LSN {lsn}"),
        Thing::KeyUse { lsn } => format!("key of the checkpoint at LSN {lsn}"),
    }
}

fn value(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(n) => n.as_u64().map_or_else(|| n.to_string(), grouped),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "something".into(),
    }
}

fn more(text: &mut String, all: usize, limit: usize) {
    if all > limit {
        text.push_str(&format!("  and {} more\n", grouped((all - limit) as u64)));
    }
}
