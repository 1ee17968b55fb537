//! The pages under docs/ say what the code does: drawn headers and examples are compared with the decoders,
//! the pages of finding codes with what the binary writes, commands with the command line.
//!
//! `WTCHECK_UPDATE=1 cargo test --test it docs::` draws the headers again from the tables below them; `wtcheck
//! explain --pages docs/findings --examples fixtures` writes the pages of the codes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wtcheck::audit::advice::advice;
use wtcheck::audit::finding::Code;
use wtcheck::cli::explain;
use wtcheck::format::block::{self, BlockHeader, LocalBlockHeader};
use wtcheck::format::cookie::{Cookie, Layout};
use wtcheck::format::generation::Generation;
use wtcheck::format::local::{self, ExtentList, LocalCheckpoint};
use wtcheck::format::page_header::{self, PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::format::wtlog::{self, Body};
use wtcheck::format::{completion, key_page, pagelog_turtle};
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::page::cell::{Cell, CellKind};
use wtcheck::report::explain as view;
use wtcheck::serverlog::cause::Cause;
use wtcheck::store::palm;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn format_page() -> String {
    std::fs::read_to_string(root().join("docs/FORMAT.md")).unwrap()
}

/// Every page below docs/.
fn pages() -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut dirs = vec![root().join("docs")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false if path.extension().is_some_and(|e| e == "md") => out.push(path),
                false => {}
            }
        }
    }
    out.sort();
    out
}

/// A row of a table, cell by cell.
fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|c| c.trim().trim_matches('`').to_string()).collect()
}

/// The rows of the first table with this head at or behind a place.
fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let at = text.find(head).unwrap_or_else(|| panic!("no table {head}"));
    let rows = text[at..].lines().skip(2).take_while(|l| l.starts_with('|')).map(cells).collect::<Vec<_>>();
    assert!(!rows.is_empty(), "{head}");
    rows
}

/// Fenced blocks: what stands behind the fence, the content, and where it ends.
fn fenced(text: &str) -> Vec<(String, String, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(from) = text[at..].find("```").map(|n| at + n) {
        let (info, body) = text[from + 3..].split_once('\n').unwrap();
        let len = body.find("```").unwrap();
        let end = from + 3 + info.len() + 1 + len + 3;
        out.push((info.to_string(), body[..len].to_string(), end));
        at = end;
    }
    out
}

fn block(kind: &str) -> String {
    let blocks = fenced(&format_page());
    blocks.into_iter().find(|b| b.0 == kind).unwrap_or_else(|| panic!("no block {kind}")).1
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

// ---- Drawn headers ----

#[derive(Debug, Clone)]
struct Field {
    offset: usize,
    size: usize,
    name: String,
    order: String,
}

const FIELDS: &str = "| Offset | Size | Field | Order | Meaning |";
/// Columns of a byte in a drawing.
const COLUMNS: usize = 10;

/// The headers of the page: name, drawing, fields.
fn headers(text: &str) -> Vec<(String, String, Vec<Field>)> {
    let number = |s: &str| s.parse::<usize>().unwrap_or_else(|_| panic!("{s:?} is no number"));
    fenced(text)
        .into_iter()
        .filter_map(|(info, body, end)| Some((info.strip_prefix("header ")?.to_string(), body, end)))
        .map(|(name, drawing, end)| {
            let rows = table(&text[end..], FIELDS).into_iter();
            let field = |r: Vec<String>| Field {
                offset: number(&r[0]),
                size: number(&r[1]),
                name: r[2].clone(),
                order: r[3].clone(),
            };
            (name, drawing, rows.map(field).collect())
        })
        .collect()
}

/// Eight bytes a row. Names that are too long are cut; the table has them whole.
fn draw(fields: &[Field]) -> String {
    let mut out = String::new();
    for (n, field) in fields.iter().enumerate() {
        let column = field.offset % 8;
        assert!(column + field.size <= 8 || field.size % 8 == 0, "{}: does not fit a row", field.name);
        if column == 0 {
            let _ = write!(out, "{:>4} |", field.offset);
        }
        let width = field.size * COLUMNS - 3;
        let name = match field.name.chars().count() > width {
            true => field.name.chars().take(width - 1).chain(['…']).collect(),
            false => field.name.clone(),
        };
        let _ = write!(out, " {name:width$} |");
        if column + field.size == 8 || n + 1 == fields.len() {
            out.push('\n');
        }
    }
    out
}

#[test]
fn drawings_show_their_tables() {
    let path = root().join("docs/FORMAT.md");
    let mut text = format_page();
    for (name, drawing, fields) in headers(&text.clone()) {
        let right = draw(&fields);
        if std::env::var_os("WTCHECK_UPDATE").is_some() {
            text = text.replace(&format!("```header {name}\n{drawing}```"), &format!("```header {name}\n{right}```"));
            continue;
        }
        assert_eq!(drawing, right, "{name}: see the head of tests/it/docs.rs");
    }
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        std::fs::write(path, text).unwrap();
    }
}

/// A header as the code knows it: its bytes, with another value in each field, and what a decoder made of
/// each. What is not decoded is unused, and zero.
struct Known {
    bytes: Vec<u8>,
    fields: BTreeMap<&'static str, u64>,
}

fn known(bytes: &[u8], fields: &[(&'static str, u64)]) -> Known {
    Known { bytes: bytes.to_vec(), fields: fields.iter().copied().collect() }
}

/// Bytes that all differ.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n + 1).unwrap()).collect()
}

fn page_fields(h: &PageHeader) -> Vec<(&'static str, u64)> {
    vec![
        ("write_gen", h.write_gen),
        ("mem_size", h.mem_size.into()),
        ("entries", h.entries.into()),
        ("type", h.type_byte.into()),
        ("flags", h.flags.into()),
        ("unused", h.unused.into()),
        ("version", h.version.into()),
    ]
}

fn block_fields(h: &BlockHeader) -> Vec<(&'static str, u64)> {
    let mut out = vec![
        ("magic", u64::from(h.magic)),
        ("version", h.version.into()),
        ("compatible_version", h.compatible_version.into()),
        ("header_size", h.header_size.into()),
        ("checksum", h.checksum.into()),
        ("previous_checksum", h.previous_checksum.into()),
        ("flags", h.flags.into()),
    ];
    out.extend(h.reconciliation_id.map(|id| ("reconciliation_id", id.into())));
    out
}

fn of_the_code(name: &str) -> Known {
    match name {
        "page-header" => {
            let bytes = pattern(page_header::HEADER_LEN);
            let h = PageHeader::read(&mut Reader::new(&bytes)).unwrap();
            let mut fields = page_fields(&h);
            fields.push(("recno", h.recno));
            known(&bytes, &fields)
        }
        "delta-header-2025-06" => {
            let bytes = pattern(page_header::OLD_DELTA_HEADER_LEN);
            known(&bytes, &page_fields(&PageHeader::read_old_delta(&mut Reader::new(&bytes)).unwrap()))
        }
        "block-header" | "block-header-2025-06" => {
            let bytes = pattern(block::HEADER_LEN);
            let h = BlockHeader::read(&mut Reader::new(&bytes), name != "block-header").unwrap();
            // What the decoder calls unused is what the page must call unused.
            let mut known = known(&bytes, &block_fields(&h));
            let unused = h.unused.iter().filter(|b| **b != 0).count();
            known.bytes[block::HEADER_LEN - unused..].fill(0);
            known
        }
        "key-page-v1" | "key-page-v2" => {
            let payload = [7_u8; 5];
            let bytes = match name {
                "key-page-v1" => key_page::encode_v1(&payload),
                _ => key_page::encode_v2(&payload, 0x0102_0304_0506_0708),
            };
            let k = key_page::parse(&bytes).unwrap();
            let mut fields = vec![
                ("signature", u64::from(key_page::SIGNATURE)),
                ("version", k.version.into()),
                ("compatible_version", k.compatible_version.unwrap().into()),
                ("header_size", k.header_size.into()),
                ("crypt_size", k.crypt_size.into()),
                ("checksum", k.checksum.into()),
            ];
            fields.extend(k.timestamp.map(|t| ("timestamp", t)));
            known(&bytes[..usize::from(k.header_size)], &fields)
        }
        "palm-page-key" => {
            let key = palm::PageKey {
                table: TableId(0x0101),
                page: PageId(0x0202),
                lsn: Lsn(0x0303),
                checkpoint_id: 0x0404,
                is_delta: true,
                backlink_lsn: Lsn(0x0505),
                base_lsn: Lsn(0x0606),
                backlink_checkpoint_id: 0x0707,
                base_checkpoint_id: 0x0808,
                flags: 0x0909,
                materialized_us: 0x0a0a,
            };
            let bytes = palm::encode_page_key(&key);
            assert_eq!(palm::decode_page_key(&bytes).unwrap(), key);
            let fields = [
                ("table_id", key.table.get()),
                ("page_id", key.page.get()),
                ("lsn", key.lsn.get()),
                ("checkpoint_id", key.checkpoint_id),
                ("is_delta", 1),
                ("backlink_lsn", key.backlink_lsn.get()),
                ("base_lsn", key.base_lsn.get()),
                ("backlink_checkpoint_id", key.backlink_checkpoint_id),
                ("base_checkpoint_id", key.base_checkpoint_id),
                ("flags", key.flags.into()),
                ("materialized_us", key.materialized_us),
            ];
            assert_eq!(bytes.len(), palm::PAGE_KEY_LEN);
            known(&bytes, &fields)
        }
        "palm-checkpoint-key" => {
            let bytes = pattern(palm::CHECKPOINT_KEY_LEN);
            let k = palm::decode_checkpoint_key(&bytes).unwrap();
            known(&bytes, &[("lsn", k.lsn.get()), ("checkpoint_id", k.checkpoint_id), ("timestamp", k.timestamp)])
        }
        "local-descriptor" => {
            let bytes = local::encode_descriptor(512).unwrap();
            let d = local::descriptor(&bytes).unwrap();
            let fields = [
                ("magic", u64::from(local::DESCRIPTOR_MAGIC)),
                ("major", d.major.into()),
                ("minor", d.minor.into()),
                ("checksum", d.checksum.into()),
            ];
            known(&bytes[..local::DESCRIPTOR_LEN], &fields)
        }
        "local-block-header" => {
            let bytes = pattern(block::LOCAL_HEADER_LEN);
            let h = LocalBlockHeader::read(&mut Reader::new(&bytes)).unwrap();
            let mut known = known(
                &bytes,
                &[("disk_size", h.disk_size.into()), ("checksum", h.checksum.into()), ("flags", h.flags.into())],
            );
            known.bytes[block::LOCAL_HEADER_LEN - h.unused.len()..].fill(0);
            known
        }
        "log-record" => {
            let bytes = pattern(wtlog::HEADER_LEN);
            let h = wtlog::RecordHeader::read(&mut Reader::new(&bytes)).unwrap();
            let fields = [
                ("len", u64::from(h.len)),
                ("checksum", h.checksum.into()),
                ("flags", h.flags.into()),
                ("unused", h.unused.into()),
                ("mem_len", h.mem_len.into()),
            ];
            known(&bytes, &fields)
        }
        "log-file-header" => {
            let header = wtlog::FileHeader { version: wtlog::VERSION, size: 0x0102_0304_0506_0708 };
            let bytes = header.encode();
            assert_eq!(wtlog::FileHeader::decode(&bytes).unwrap(), header);
            let fields = [("magic", wtlog::MAGIC.into()), ("version", header.version.into()), ("size", header.size)];
            known(&bytes[wtlog::HEADER_LEN..][..16], &fields)
        }
        other => panic!("tests/it/docs.rs does not know the header {other}"),
    }
}

#[test]
fn headers_are_those_of_the_code() {
    let headers = headers(&format_page());
    assert!(headers.len() >= 12, "{}", headers.len());
    for (name, _, fields) in headers {
        let known = of_the_code(&name);
        let mut end = 0;
        let mut met = BTreeSet::new();
        for f in &fields {
            assert_eq!(f.offset, end, "{name}.{}: a gap or an overlap", f.name);
            end += f.size;
            let bytes = &known.bytes[f.offset..end];
            let Some(value) = known.fields.get(f.name.as_str()) else {
                assert!(f.name.starts_with("unused") || f.name.starts_with("padding"), "{name}: no field {}", f.name);
                assert!(bytes.iter().all(|b| *b == 0), "{name}.{} is used: {bytes:?}", f.name);
                continue;
            };
            met.insert(f.name.clone());
            let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
            let (little, big) = (bytes.iter().rev().fold(0, fold), bytes.iter().fold(0, fold));
            let order = match f.size {
                1 => "",
                _ if little == *value => "LE",
                _ => "BE",
            };
            assert!(little == *value || big == *value, "{name}.{}: {bytes:02x?} is not {value:#x}", f.name);
            // `unused` has no order, also where a decoder reads it.
            assert!(f.order == order || f.name == "unused", "{name}.{}: {} and not {}", f.name, order, f.order);
        }
        assert_eq!(end, known.bytes.len(), "{name}: length");
        assert!(known.fields.keys().all(|k| met.contains(*k)), "{name}: fields that the page does not show");
    }
}

// ---- Constants and examples ----

#[test]
fn integers_types_and_flags() {
    let text = format_page();
    for row in table(&text, "| Value | Bytes |") {
        let bytes = hex(&row[1]);
        let mut r = Reader::new(&bytes);
        assert_eq!((r.vuint().unwrap().to_string(), r.is_empty()), (row[0].clone(), true));
    }
    let types = table(&text, "| Type | Page |");
    for row in &types {
        assert_eq!(PageType::from_byte(row[0].parse().unwrap()).unwrap().name(), row[1]);
    }
    assert_eq!(types.len(), (1..=u8::MAX).filter(|b| PageType::from_byte(*b).is_some()).count());
    let flags = |head: &str| -> Vec<u64> {
        table(&text, head).iter().map(|r| u64::from_str_radix(r[0].trim_start_matches("0x"), 16).unwrap()).collect()
    };
    let page = [
        page_header::FLAG_COMPRESSED,
        page_header::FLAG_EMPTY_VALUES_ALL,
        page_header::FLAG_EMPTY_VALUES_NONE,
        page_header::FLAG_ENCRYPTED,
        page_header::FLAG_FAST_TRUNCATE,
    ];
    assert_eq!(flags("| Page flag | Meaning |"), page.map(u64::from));
    let of_block = [block::FLAG_DATA_CHECKSUM, block::FLAG_ENCRYPTED, block::FLAG_COMPRESSED, block::FLAG_MODIFIED];
    assert_eq!(flags("| Block flag | Meaning |"), of_block.map(u64::from));
    let row = [wtcheck::store::FLAG_DELTA, wtcheck::store::FLAG_DISCARDED];
    assert_eq!(flags("| Row flag | Meaning |"), row.map(u64::from));
    for number in [
        format!("0x{:x} base image, 0x{:x} delta", block::MAGIC_BASE, block::MAGIC_DELTA),
        format!("both headers together: {}", block::COMBINED_LEN),
        format!("leaves the first {} bytes alone, encryption the first {}", block::SKIP_LEN, block::COMBINED_LEN),
        format!("data starts at {}", local::DATA_OFFSET),
        format!("multiples of {} bytes", wtlog::ALIGNMENT),
        format!("0x{:x}: the bytes `wtch`", key_page::SIGNATURE),
    ] {
        assert!(text.contains(&number), "{number}");
    }
}

fn joined(rows: &[Vec<String>]) -> Vec<u8> {
    hex(&rows.iter().map(|r| r[0].as_str()).collect::<String>())
}

#[test]
fn cookies_and_lists() {
    let text = format_page();
    let rows = table(&text, "| Bytes | Field | Value | Meaning |");
    let c = Cookie::decode(&joined(&rows)).unwrap();
    assert_eq!((c.layout, c.encode()), (Layout::V0, joined(&rows)));
    let values = [
        ("version", c.version),
        ("page_id", c.page_id.get()),
        ("flags", c.flags),
        ("lsn", c.lsn.get()),
        ("base_lsn", c.base_lsn.get()),
        ("size", c.size.into()),
        ("checksum", c.checksum.into()),
    ];
    let shown: Vec<(String, String)> = rows.iter().map(|r| (r[1].clone(), r[2].clone())).collect();
    assert_eq!(shown, values.map(|(n, v)| (n.to_string(), v.to_string())));

    let rows = table(&text, "| Bytes | Field | Offset | Size | Meaning |");
    let c = LocalCheckpoint::decode(&joined(&rows), 4096).unwrap();
    assert_eq!(c.encode(4096).unwrap(), joined(&rows));
    let lists = [("root", c.root), ("alloc", c.alloc), ("avail", c.avail), ("discard", c.discard)];
    for ((name, address), row) in lists.into_iter().zip(&rows[1..]) {
        let a = address.unwrap();
        assert_eq!([name.to_string(), a.offset.to_string(), a.size.to_string()], row[1..4]);
    }
    assert_eq!((rows[5][3].clone(), rows[6][3].clone()), (c.file_size.to_string(), c.checkpoint_size.to_string()));

    let rows = table(&text, "| Bytes | Offset | Size |");
    let mut list = vec![0; local::DATA_OFFSET];
    list.extend(joined(&rows));
    let found = ExtentList::decode(&list, 4096, 81920).unwrap();
    let shown: Vec<[String; 2]> = rows[1..rows.len() - 1].iter().map(|r| [r[1].clone(), r[2].clone()]).collect();
    assert_eq!(found.extents.iter().map(|e| [e.offset, e.size].map(|n| n.to_string())).collect::<Vec<_>>(), shown);
    assert_eq!(rows[0][1], local::EXTENT_MAGIC.to_string());
    assert_eq!(found.end, list.len());
}

#[test]
fn log_records() {
    let rows = table(&format_page(), "| Record | Example body | In words |");
    let mut operations = Vec::new();
    for row in &rows {
        let body = hex(&row[1]);
        let decoded = Body::decode(&body).unwrap();
        assert_eq!(decoded.name(), row[0]);
        match &decoded {
            Body::Commit { operations: list, txn } => {
                assert!(row[2].contains(&format!("transaction {txn}")));
                operations.extend(list.clone().map(|o| (o.unwrap().kind, row[2].clone())));
            }
            Body::System(list) => operations.extend(list.clone().map(|o| (o.unwrap().kind, row[2].clone()))),
            Body::Checkpoint { lsn, .. } => assert!(row[2].contains(&lsn.to_string()), "{lsn}"),
            Body::FileSync { file_id, start } => assert_eq!((*start, *file_id), (true, 3)),
            Body::Message(_) => {}
            Body::Unknown { .. } => panic!("{row:?}"),
        }
    }
    assert_eq!(operations.iter().map(|o| o.0).collect::<Vec<_>>(), [5, 7, 8]);
    assert!(operations.iter().all(|(kind, words)| words.contains(&format!("operation {kind}"))));
}

fn kind(kind: CellKind) -> String {
    serde_json::to_value(kind).unwrap().as_str().unwrap().to_string()
}

#[test]
fn cells_are_what_the_page_says() {
    let text = format_page();
    let rows = table(&text, "| First byte | Cell | What follows |");
    let mut kinds = BTreeSet::new();
    for row in &rows {
        let first = hex(&row[0])[0];
        // Enough for any: a prefix where one is due, a length or distance, data.
        let mut bytes = vec![0_u8; 8];
        bytes.push(first);
        bytes.extend(if first & 3 == 2 || first == 0x70 { &[1][..] } else { &[] });
        bytes.push(if first == 0x90 { 0x84 } else { 0x80 });
        bytes.extend([0; 80]);
        let cell = Cell::read(&bytes, 8, 0).unwrap_or_else(|e| panic!("{row:?}: {e}"));
        assert_eq!(kind(cell.kind), row[1], "{row:?}");
        kinds.insert(row[1].clone());
    }
    assert_eq!((rows.len(), kinds.len()), (17, 13), "every form, every kind");
    for row in table(&text, "| Bytes | Cell | Content |") {
        let bytes = hex(&row[0]);
        let cell = Cell::read(&bytes, 0, 0).unwrap();
        assert_eq!((kind(cell.kind), cell.end), (row[1].clone(), bytes.len()));
        match cell.kind {
            CellKind::Key | CellKind::Value => {
                let word = row[2].split(',').next().unwrap();
                assert!(bytes.ends_with(word.as_bytes()), "{row:?}");
                assert_eq!(cell.prefix, if row[2].contains("two bytes of the previous key") { 2 } else { 0 });
                assert!(!cell.has_times || row[2].contains(&format!("timestamp {}", cell.times.start_ts)), "{row:?}");
            }
            _ => assert!(row[2].ends_with(&format!("page {}", cell.cookie().unwrap().page_id)), "{row:?}"),
        }
    }
}

#[test]
fn texts_schemas_and_generations() {
    let text = format_page();
    let record = block("completion");
    let parsed = completion::parse(record.trim().as_bytes()).unwrap();
    assert_eq!(parsed.to_text(), record.trim());
    for row in table(&text, "| Key | Meaning |") {
        assert!(row[0].split(", ").all(|key| record.contains(&format!("{key}="))), "{row:?}");
    }
    let page = pagelog_turtle::parse(block("turtle").trim_end().as_bytes()).unwrap();
    assert_eq!((page.form, page.unknown.len()), (pagelog_turtle::TurtleForm::V2, 0));
    assert!(page.key_provider.is_some() && page.largest_file_id.is_some() && page.checkpoints.len() == 1);

    // A store of the fixtures has these tables.
    for (name, file) in [("globals", "globals.db"), ("checkpoints", "checkpoints.db"), ("pages", "pages_08.db")] {
        let columns = |conn: &rusqlite::Connection| -> Vec<(String, i64)> {
            let mut s = conn.prepare(&format!("PRAGMA table_xinfo({name})")).unwrap();
            let rows = s.query_map([], |r| Ok((r.get("name").unwrap(), r.get("hidden").unwrap()))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let drawn = rusqlite::Connection::open_in_memory().unwrap();
        drawn.execute_batch(&block(&format!("sql {name}"))).unwrap();
        let temp = tempfile::tempdir().unwrap();
        let copy = temp.path().join(file);
        std::fs::write(
            &copy,
            std::fs::read(root().join("fixtures/palite/2026-07-leak-full/kv_home").join(file)).unwrap(),
        )
        .unwrap();
        assert_eq!(columns(&drawn), columns(&rusqlite::Connection::open(&copy).unwrap()), "{name}");
    }

    let names: Vec<String> = table(&text, "| Name | Formats | Told by |").into_iter().map(|r| r[0].clone()).collect();
    assert_eq!(names, Generation::ALL.map(|g| g.name().to_string()));
    let dates: Vec<String> =
        table(&text, "| Date | Change | Where it shows |").into_iter().map(|r| r[0].clone()).collect();
    assert!(dates.len() >= 10 && dates.is_sorted(), "{dates:?}");
}

// ---- Pages of finding codes, commands, links ----

#[test]
fn pages_of_finding_codes_are_current() {
    let examples = explain::examples(Path::new("fixtures")).unwrap_or_else(|_| panic!("fixtures cannot be audited"));
    assert!(examples.len() >= 8, "{:?}", examples.keys());
    let pages = view::pages(&examples);
    assert_eq!(pages.len(), Code::ALL.len() + 1);
    let dir = root().join("docs/findings");
    let found: BTreeSet<String> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, pages.iter().map(|p| p.0.clone()).collect());
    for (name, text) in pages {
        let stored = std::fs::read_to_string(dir.join(&name)).unwrap();
        assert!(stored == text, "{name} is not current: see the head of tests/it/docs.rs");
    }
}

#[test]
fn pages_of_causes_are_current() {
    let pages = wtcheck::report::cause::pages();
    assert_eq!(pages.len(), Cause::ALL.len() + 1);
    let dir = root().join("docs/causes");
    let found: BTreeSet<String> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, pages.iter().map(|p| p.0.clone()).collect());
    for (name, text) in pages {
        let stored = std::fs::read_to_string(dir.join(&name)).unwrap();
        assert!(stored == text, "{name} is not current: wtcheck explain --cause-pages docs/causes --force");
    }
}

/// The commands in backquotes, and those of examples.
fn commands(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2).filter(|c| c.starts_with("wtcheck "));
    let shown = text.lines().filter_map(|l| l.strip_prefix("$ wtcheck ")).map(|c| format!("wtcheck {c}"));
    quoted.map(str::to_string).chain(shown).collect()
}

/// Whether the command line takes it, with something for each placeholder.
fn is_taken(command: &str) -> Result<(), String> {
    let words = command.split_whitespace().map(|word| match word {
        "TABLE" => "25",
        "PAGE" => "110",
        "LSN" | "N" => "7",
        "CODE" => "page-missing",
        "NUMBER" => "28595",
        "LOG" => "mongod.log",
        "HEX" => "00c025808282bd21596019",
        "KIND" => "cookie",
        "SHELL" => "zsh",
        other => other,
    });
    match wtcheck::cli::command().try_get_matches_from(words) {
        Ok(_) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

#[test]
fn commands_in_pages_and_advice_are_ones() {
    let mut checked = 0;
    let of_codes = Code::ALL.iter().flat_map(|c| {
        let a = advice(*c);
        let texts = [a.recognised, a.cause, a.evidence].into_iter().chain(a.next.iter().copied());
        texts.flat_map(commands).collect::<Vec<_>>()
    });
    let of_causes =
        Cause::ALL.iter().flat_map(|c| c.row().steps.iter().copied().flat_map(commands).collect::<Vec<_>>());
    // What is made of the schema speaks of verbs in the words of the code.
    let own = |p: &PathBuf| !p.ends_with("json.md");
    let of_pages = pages().into_iter().filter(own).flat_map(|p| {
        let text = std::fs::read_to_string(&p).unwrap();
        // What the guide shows is run: tests/it/readme.rs.
        let run = p.starts_with(root().join("docs/guide"));
        commands(&if run { text.replace("\n$ wtcheck ", "\n") } else { text })
    });
    for command in of_codes.chain(of_causes).chain(of_pages) {
        // A verb by its name alone is spoken of, not run.
        if command.split(' ').count() <= 3 && !command.contains("DIR") && is_taken(&command).is_err() {
            let verb: Vec<&str> = command.split(' ').chain(["--help"]).collect();
            let help = wtcheck::cli::command().try_get_matches_from(verb).unwrap_err();
            assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp, "{command}: {help}");
            continue;
        }
        is_taken(&command).unwrap_or_else(|e| panic!("{command}: {e}"));
        checked += 1;
    }
    assert!(checked >= 100, "{checked}");
}

#[test]
fn links_and_paths_lead_somewhere() {
    let mut checked = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let anchors: BTreeSet<String> = text
            .lines()
            .filter_map(|l| l.strip_prefix('#'))
            .map(|l| l.trim_start_matches('#').trim().to_lowercase())
            .map(|l| l.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>())
            .map(|l| l.replace(' ', "-"))
            .collect();
        for part in text.split("](").skip(1) {
            let link = part.split_once(')').unwrap().0;
            if link.starts_with("http") {
                continue;
            }
            let found = match link.strip_prefix('#') {
                Some(anchor) => anchors.contains(anchor),
                None => page.parent().unwrap().join(link.split('#').next().unwrap()).exists(),
            };
            assert!(found, "{}: {link} leads nowhere", page.display());
            checked += 1;
        }
        let places = ["src/", "tests/", "fixtures/", "docs/", "benches/", "man/", "completions/"];
        for quoted in text.split('`').skip(1).step_by(2).filter(|q| places.iter().any(|p| q.starts_with(p))) {
            let path = quoted.split([' ', ':', '*', '{']).next().unwrap();
            assert!(root().join(path).exists(), "{}: {quoted} is not there", page.display());
            checked += 1;
        }
    }
    assert!(checked >= 100, "{checked}");
}
