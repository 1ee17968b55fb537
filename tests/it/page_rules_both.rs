//! One page at a time that breaks one rule of `docs/PAGES.md`, its checksum right, in a page log and in
//! a local file: `audit --deep` finds it at its place. What a family does not know is left out there.
//!
//! A page is built anew in the room of an old one; four bytes that mean nothing make its checksum that of
//! the old one, so that every reference to it still holds.

use crate::common;
use crate::common::forge_local;
use crate::common::sums;
use std::path::Path;
use std::sync::OnceLock;
use wtcheck::audit::result::Audit;
use wtcheck::audit::{self, Options, Silent, home};
use wtcheck::devtools::forge::{Spec, forge};
use wtcheck::format::cookie::Cookie;
use wtcheck::format::local::{DATA_OFFSET, LocalCheckpoint};
use wtcheck::format::page_header::PageHeader;
use wtcheck::format::reader::Reader;
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::page::Depth;
use wtcheck::page::cell::{self, Cell, CellKind, Cells, TS_MAX, Times, Truncate};
use wtcheck::pagelog::catalog;
use wtcheck::store::{self, OpenOptions};

/// A page on the way down: its cookie, the page above with the number of the child there, and its first key.
type Reached = (Cookie, Option<(Box<LogBlock>, usize)>, Vec<u8>);
/// What breaks a rule in the draft of a page.
type Breaks<'b> = &'b dyn Fn(&mut Draft);

/// Where a case puts its cells.
#[derive(Debug, Clone, Copy, PartialEq)]
enum On {
    Leaf,
    Internal,
    LeafDelta,
    InternalDelta,
}

/// A page under construction.
struct Draft {
    header: PageHeader,
    /// Cells behind the header.
    cells: Vec<u8>,
    entries: u32,
    /// Of a leaf: keys of the page's range, ascending.
    keys: Vec<Vec<u8>>,
    /// Of a leaf: a key behind those.
    last: Vec<u8>,
    /// Of an internal page: separators, kinds and addresses of the children behind the first.
    children: Vec<(Vec<u8>, CellKind, Vec<u8>)>,
    /// What the address cell above the page says, if it is to be written anew.
    above: Option<Times>,
    delta: bool,
}

impl Draft {
    fn raw(&mut self, hex: &str) {
        self.cells.extend(hex::decode(hex.replace(' ', "")).unwrap());
    }

    fn key(&mut self, n: usize) {
        cell::write_key(&mut self.cells, 0, &self.keys[n].clone());
        self.entries += 1;
    }

    fn value(&mut self, times: &Times) {
        // A payload of the form `Bu` in a delta: no flags.
        let value: &[u8] = if self.delta { b"\0value" } else { b"value" };
        cell::write_value(&mut self.cells, times, value);
        self.entries += 1;
    }

    fn row(&mut self, n: usize, times: &Times) {
        self.key(n);
        self.value(times);
    }

    fn separator(&mut self, n: usize) {
        cell::write_key(&mut self.cells, 0, &self.children[n].0.clone());
        self.entries += 1;
    }

    fn address(&mut self, n: usize, times: &Times, truncate: Option<Truncate>) {
        let (_, kind, cookie) = self.children[n].clone();
        let kind = if truncate.is_some() { CellKind::AddrDeleted } else { kind };
        cell::write_addr(&mut self.cells, kind, times, truncate, &cookie);
        self.entries += 1;
    }

    fn child(&mut self, n: usize, times: &Times) {
        self.separator(n);
        self.address(n, times, None);
    }
}

fn window(start: u64, durable_start: u64, stop: u64, durable_stop: u64) -> Times {
    Times {
        start_ts: start,
        durable_start_ts: durable_start,
        stop_ts: stop,
        durable_stop_ts: durable_stop,
        ..Times::EMPTY
    }
}

/// A rule, the page it is broken on, and what is found.
struct Case {
    name: &'static str,
    on: On,
    make: Box<dyn Fn(&mut Draft)>,
    code: &'static str,
    words: &'static str,
    families: Families,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Families {
    Both,
    Log,
    Local,
}

fn case(
    name: &'static str,
    on: On,
    code: &'static str,
    words: &'static str,
    make: impl Fn(&mut Draft) + 'static,
) -> Case {
    Case { name, on, make: Box::new(make), code, words, families: Families::Both }
}

const BROKEN: &str = "page-undecodable";
const ORDER: &str = "key-out-of-order";
/// Of a page log; a local file has blocks.
const HEADER: &str = "page-header";
const COOKIE: &str = "cookie-invalid";

#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let none = Times::EMPTY;
    let mut out = Vec::new();
    // Time windows, a value in itself: on images and, with the same words, in deltas.
    let own = [
        ("stops before it starts", window(30, 30, 20, 40), "the start timestamp is after the stop"),
        ("durable before it starts", window(30, 20, TS_MAX, 0), "the start timestamp is after its durable"),
        ("durable before it stops", window(10, 10, 30, 20), "the stop timestamp is after its durable"),
        ("durable after its stop", window(5, 9, 7, 8), "the durable start timestamp is after the stop"),
        ("durable starts after stops", window(5, 30, TS_MAX, 20), "is after the durable stop timestamp"),
    ];
    for (name, times, words) in own {
        for on in [On::Leaf, On::LeafDelta] {
            out.push(case(name, on, BROKEN, words, move |d| d.row(0, &times)));
        }
    }
    // A value against the aggregate above it.
    let parent = window(10, 20, 30, 35);
    let below = [
        ("value starts before", window(9, 20, 30, 35), "is before the oldest one of the parent"),
        ("value durable after", window(10, 21, 30, 35), "durable start timestamp is after the newest one of"),
        ("value stops after", window(10, 20, 31, 35), "the stop timestamp is after the newest one of"),
        ("value durably stops after", window(10, 20, 30, 36), "durable stop timestamp is after the newest one"),
        (
            "prepared value",
            Times { prepared: true, ..window(10, 20, 30, 35) },
            "the value is prepared, the parent's aggregate is not",
        ),
    ];
    for (name, times, words) in below {
        out.push(case(name, On::Leaf, BROKEN, words, move |d| {
            d.above = Some(parent);
            d.row(0, &times);
        }));
    }
    // An aggregate in itself.
    let own = [
        ("oldest after newest stop", window(30, 30, 20, 40), "the oldest start timestamp is after the newest stop"),
        ("oldest after newest durable", window(10, 9, TS_MAX, 0), "the oldest start timestamp is after the newest du"),
        ("newest stop after its durable", window(10, 10, 20, 19), "the newest stop timestamp is after the newest du"),
        ("newest durables cross", window(10, 40, 20, 30), "the newest durable start timestamp is after the newest"),
        ("oldest after durable stop", window(10, 10, TS_MAX, 9), "is after the newest durable stop timestamp"),
    ];
    for (name, times, words) in own {
        for on in [On::Internal, On::InternalDelta] {
            out.push(case(name, on, BROKEN, words, move |d| d.child(0, &times)));
        }
    }
    // Page-delete information.
    let deleted = |commit_ts, durable_ts| Truncate { txn: 2, commit_ts, durable_ts };
    for (name, times, truncate, words) in [
        ("delete durable first", window(10, 10, TS_MAX, 0), deleted(40, 39), "the truncation is durable before"),
        ("stop after delete", window(10, 10, 41, 41), deleted(40, 41), "is after the truncation"),
    ] {
        out.push(case(name, On::Internal, BROKEN, words, move |d| {
            d.separator(0);
            d.address(0, &times, Some(truncate));
        }));
    }
    out.push(case(
        "aggregate and delete against the parent",
        On::Internal,
        BROKEN,
        "the newest stop timestamp is after that of the parent",
        |d| {
            d.above = Some(window(0, 20, 39, 60));
            d.separator(0);
            d.address(0, &window(10, 10, 30, 30), Some(Truncate { txn: 2, commit_ts: 40, durable_ts: 40 }));
        },
    ));
    // An aggregate against the one above it.
    let below = [
        ("aggregate starts before", window(9, 20, 30, 35), "is before that of the parent"),
        ("aggregate durable after", window(10, 21, 30, 35), "the newest durable start timestamp is after that of"),
        ("aggregate stops after", window(10, 20, 31, 35), "the newest stop timestamp is after that of the parent"),
        ("aggregate durably stops after", window(10, 20, 30, 36), "the newest durable stop timestamp is after that"),
        (
            "prepared aggregate",
            Times { prepared: true, ..window(10, 20, 30, 35) },
            "the aggregate is prepared, that of the parent is not",
        ),
    ];
    for (name, times, words) in below {
        out.push(case(name, On::Internal, BROKEN, words, move |d| {
            d.above = Some(parent);
            d.child(0, &times);
        }));
    }
    // Headers.
    out.push(case("record number", On::Leaf, HEADER, "record number 3", |d| d.header.recno = 3));
    out.push(case("both value flags", On::Leaf, HEADER, "flags 0x06", |d| d.header.flags = 6));
    out.push(case("a flag of internal pages", On::Leaf, HEADER, "flags 0x20", |d| d.header.flags = 0x20));
    out.push(case("unused byte", On::Leaf, HEADER, "unused page header byte", |d| d.header.unused = 1));
    out.push(case("version", On::Leaf, HEADER, "version 2", |d| d.header.version = 2));
    out.push(Case {
        families: Families::Log,
        ..case("flags of a delta", On::LeafDelta, HEADER, "flags 0x04", |d| {
            d.header.flags = 4;
        })
    });
    out.push(case("write generation", On::Leaf, HEADER, "", |d| d.header.write_gen = 1 << 40));
    // Cells.
    out.push(case("no cell type", On::Leaf, BROKEN, "cell type 14", |d| {
        d.raw("e0");
        d.entries += 1;
    }));
    out.push(case("delta-only cell", On::Leaf, BROKEN, "address that only deltas hold", |d| {
        d.raw("d080");
        d.entries += 1;
    }));
    out.push(case("address on a leaf", On::Leaf, BROKEN, "address of a leaf page on a row leaf", |d| {
        d.raw("2083818283");
        d.entries += 1;
    }));
    out.push(case("value on an internal page", On::Internal, BROKEN, "value on a row internal page", |d| {
        d.separator(0);
        d.raw("0778");
        d.entries += 1;
    }));
    out.push(case("run in a row store", On::Leaf, BROKEN, "a run length in a row store", |d| {
        d.key(0);
        d.raw("8482 81 78");
        d.entries += 1;
    }));
    out.push(case("a value first", On::Leaf, BROKEN, "the page starts with a value", |d| {
        d.raw("0778");
        d.entries += 1;
    }));
    out.push(case("two values", On::Leaf, BROKEN, "the second of two adjacent values", |d| {
        d.row(0, &Times::EMPTY);
        d.raw("0778");
        d.entries += 1;
    }));
    out.push(Case {
        families: Families::Log,
        ..case("a key without a value", On::LeafDelta, BROKEN, "a key without a value", |d| {
            d.key(0);
        })
    });
    out.push(Case {
        families: Families::Log,
        ..case("no payload", On::LeafDelta, BROKEN, "payload is empty", |d| {
            d.key(0);
            d.raw("03");
            d.entries += 1;
        })
    });
    out.push(Case {
        families: Families::Log,
        ..case("a delete that writes", On::LeafDelta, BROKEN, "with a value", |d| {
            d.key(0);
            d.raw("0b 01 78");
            d.entries += 1;
        })
    });
    for on in [On::Internal, On::InternalDelta] {
        out.push(case("two keys", on, BROKEN, "the first of two adjacent keys", |d| {
            d.separator(0);
            d.child(1, &Times::EMPTY);
        }));
        out.push(case("two addresses", on, BROKEN, "the second of two adjacent addresses", |d| {
            d.child(0, &Times::EMPTY);
            d.address(1, &Times::EMPTY, None);
        }));
        out.push(case("separators out of order", on, ORDER, "are out of order", |d| {
            d.child(1, &Times::EMPTY);
            d.child(0, &Times::EMPTY);
        }));
        out.push(case("separators are equal", on, ORDER, "are equal", |d| {
            d.child(0, &Times::EMPTY);
            d.child(0, &Times::EMPTY);
        }));
        out.push(case("prefix on an internal page", on, BROKEN, "key with prefix or run length", |d| {
            d.raw("0601 62");
            d.entries += 1;
            d.address(0, &Times::EMPTY, None);
        }));
    }
    for on in [On::Leaf, On::LeafDelta] {
        out.push(case("prefix too long", on, BROKEN, "is longer than the previous key", |d| {
            d.row(0, &Times::EMPTY);
            cell::write_key(&mut d.cells, 255, b"x");
            d.entries += 1;
            d.value(&Times::EMPTY);
        }));
        out.push(case("keys out of order", on, ORDER, "are out of order", |d| {
            d.row(1, &Times::EMPTY);
            d.row(0, &Times::EMPTY);
        }));
        out.push(case("keys are equal", on, ORDER, "are equal", |d| {
            d.row(0, &Times::EMPTY);
            d.row(0, &Times::EMPTY);
        }));
        out.push(case("too few cells", on, BROKEN, "the data ends after", |d| d.entries += 2));
    }
    out.push(case("cells behind the last", On::Leaf, BROKEN, "unexpected bytes after the last cell", |d| {
        d.row(0, &Times::EMPTY);
        d.entries -= 2;
    }));
    out.push(case("a copy of nothing", On::Leaf, BROKEN, "which is not a value", |d| {
        d.key(0);
        d.raw("90 81");
        d.entries += 1;
    }));
    out.push(case("all values empty, and values", On::Leaf, BROKEN, "do not fit page flags 0x02", move |d| {
        for n in 0..4 {
            d.row(n, &none);
        }
        d.header.flags = 2;
    }));
    out.push(case("no value empty, and one is", On::Leaf, BROKEN, "do not fit page flags 0x04", |d| {
        d.key(0);
        d.header.flags = 4;
    }));
    out.push(case("an address that names nothing", On::Internal, COOKIE, "", |d| {
        d.separator(0);
        d.raw("30 83 808080");
        d.entries += 1;
    }));
    out.push(case("below its separator", On::Leaf, ORDER, "", |d| {
        d.raw("05 00");
        d.entries += 1;
        d.value(&Times::EMPTY);
    }));
    out.push(Case {
        families: Families::Local,
        ..case("beyond the end", On::Internal, "extent-beyond-eof", "is past the end of the file", |d| {
            d.separator(0);
            d.raw("30 86 e3ffffff 8180");
            d.entries += 1;
        })
    });
    out
}

/// What a page holds that a draft is made of: the first keys of a leaf, or the children of an internal page.
fn draft(plain: &[u8], start: usize, header: PageHeader, delta: bool, first: &[u8]) -> Draft {
    let cells: Vec<Cell<'_>> = Cells::new(plain, start, header.flags).map(Result::unwrap).collect();
    let keys = (0..6_u8).map(|n| [first, &[b'a' + n]].concat()).collect();
    let pairs = cells.chunks_exact(2).skip(usize::from(!delta));
    let children = pairs.filter(|p| p[1].kind.is_addr() && p[1].kind != CellKind::AddrGone);
    let children = children.map(|p| (p[0].data.to_vec(), p[1].kind, p[1].data.to_vec())).collect();
    let last = [first, b"~"].concat();
    Draft { header, cells: Vec::new(), entries: 0, keys, last, children, above: None, delta }
}

/// Cells before and behind those of a case, `length` bytes in all, with four free bytes. Returns the cells
/// and where those bytes are. An internal page holds them in its first key, which means nothing.
fn filled(draft: &Draft, on: On, length: usize, first: &(CellKind, Vec<u8>)) -> Option<(Vec<u8>, usize, u32)> {
    for n in 4..length {
        let mut out = Vec::new();
        let (free, entries) = match on {
            On::Internal => {
                cell::write_key(&mut out, 0, &vec![b'f'; n]);
                let free = out.len() - 4;
                cell::write_addr(&mut out, first.0, &Times::EMPTY, None, &first.1);
                out.extend(&draft.cells);
                (free, 2)
            }
            On::InternalDelta => {
                // A key that no search compares with another of the page.
                let key = [b"\xff".repeat(3), vec![b'f'; n]].concat();
                out.extend(&draft.cells);
                cell::write_key(&mut out, 0, &key);
                let free = out.len() - 4;
                cell::write_addr(&mut out, first.0, &Times::EMPTY, None, &first.1);
                (free, 2)
            }
            On::Leaf | On::LeafDelta => {
                out.extend(&draft.cells);
                cell::write_key(&mut out, 0, &draft.last);
                let mut value = vec![b'f'; n];
                if draft.delta {
                    value[0] = 0;
                }
                cell::write_value(&mut out, &draft.above.map_or(Times::EMPTY, |p| p), &value);
                (out.len() - 4, 2)
            }
        };
        if out.len() == length {
            return Some((out, free, draft.entries + entries));
        }
        if out.len() > length {
            return None;
        }
    }
    None
}

/// Write a draft into the room of a stored page.
fn build(
    draft: &Draft,
    on: On,
    stored: &[u8],
    start: usize,
    sum: usize,
    length: usize,
    first: &(CellKind, Vec<u8>),
) -> Vec<u8> {
    let (cells, free, entries) = filled(draft, on, length, first).expect("the page is large enough");
    let mut header = draft.header;
    header.entries = entries;
    header.mem_size = u32::try_from(start + cells.len()).unwrap();
    let mut out = Vec::new();
    header.write(&mut out);
    out.extend_from_slice(&stored[28..start]);
    out.extend_from_slice(&cells);
    out.resize(stored.len(), 0);
    sums::mend(&mut out, start + free, sum);
    out
}

/// Write a page's parent anew, with other times in the address cell of a child: the cell's number is given.
fn with_times(stored: &[u8], start: usize, sum: usize, room: usize, child: usize, times: &Times) -> Vec<u8> {
    let header = PageHeader::read(&mut Reader::new(stored)).unwrap();
    let plain = &stored[..header.mem_size as usize];
    let cells: Vec<Cell<'_>> = Cells::new(plain, start, header.flags).map(Result::unwrap).collect();
    let first = (cells[1].kind, cells[1].data.to_vec());
    // The last children give room, if there is none.
    for kept in (child + 1..=cells.len() / 2).rev() {
        let mut draft = draft(plain, start, header, false, b"");
        for n in 0..kept - 1 {
            draft.child(n, if n + 1 == child { times } else { &Times::EMPTY });
        }
        if filled(&draft, On::Internal, room, &first).is_some() {
            return build(&draft, On::Internal, stored, start, sum, room, &first);
        }
    }
    panic!("no room for the child")
}

/// One finding as the test compares it: code, place, words.
fn told(audit: &Audit) -> Vec<(String, String, String)> {
    let place = |f: &wtcheck::audit::finding::Finding| match f.place.offset {
        Some(offset) => format!("{}@{offset}", f.place.file.as_deref().unwrap_or_default()),
        None => format!("{:?}.{:?}@{:?}", f.place.table_id, f.place.page_id, f.place.lsn),
    };
    let words = |f: &wtcheck::audit::finding::Finding| {
        let words = wtcheck::words::of(f);
        format!("{} | {}", words.found, words.evidence.join(" | "))
    };
    audit.findings.iter().map(|f| (f.code.name().to_string(), place(f), words(f))).collect()
}

/// The codes that tell of a page's content.
fn of_pages(told: &[(String, String, String)]) -> Vec<&(String, String, String)> {
    told.iter()
        .filter(|t| [BROKEN, ORDER, HEADER, COOKIE, "block-header", "block-checksum", "page-checksum"].contains(&&*t.0))
        .collect()
}

/// A block of the page log with its place.
#[derive(Debug, Clone)]
struct LogBlock {
    page: PageId,
    lsn: Lsn,
    bytes: Vec<u8>,
    /// Cookie of the page version the block belongs to.
    cookie: Cookie,
    /// The block of the page above, and the number of the child in it.
    above: Option<(Box<LogBlock>, usize)>,
    /// The first key of the page's range.
    first: Vec<u8>,
    /// A leaf or a child of the same page, for what fills it.
    child: (CellKind, Vec<u8>),
}

/// A store to break, packed as a directory, and its pages.
struct LogSample {
    dir: tempfile::TempDir,
    table: TableId,
    leaf: LogBlock,
    internal: LogBlock,
    leaf_delta: LogBlock,
    internal_delta: Option<LogBlock>,
}

const LOG_START: usize = 44;
const SUM: usize = 32;

fn log_sample() -> &'static LogSample {
    static SAMPLE: OnceLock<LogSample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let spec = Spec { versions: 700, fanout: 9, leaf_bytes: 1200, churn: 30, tables: 1, ..Spec::default() };
        forge(&dir.path().join("home"), &spec, &|_| ()).unwrap();
        let store = store::open(&dir.path().join("home"), &OpenOptions::default()).unwrap();
        let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
        let mut reader = store.reader().unwrap();
        let choice = audit::pagelog::choose(&opened, &mut *reader, None).unwrap();
        let trees = catalog::read(&opened.index, &mut *reader, &choice.audited.unwrap()).trees;
        let user = |uri: &str| !uri.contains("WiredTiger");
        let tree = trees.iter().find(|t| user(&t.uri)).unwrap();
        let mut all: Vec<(LogBlock, u8)> = Vec::new();
        let mut stack: Vec<Reached> = vec![(tree.root.unwrap(), None, vec![])];
        while let Some((cookie, above, first)) = stack.pop() {
            let at = opened.index.find(tree.table, cookie.page_id, cookie.lsn).unwrap();
            let mut bytes = Vec::new();
            reader.read(&opened.index.get(at).unwrap(), &mut bytes).unwrap();
            let header = PageHeader::read(&mut Reader::new(&bytes)).unwrap();
            let cells: Vec<Cell<'_>> = Cells::new(&bytes, LOG_START, header.flags).map(Result::unwrap).collect();
            let child = cells.iter().find(|c| c.kind.is_addr() && c.kind != CellKind::AddrGone);
            let child = child.map_or((CellKind::AddrLeaf, vec![]), |c| (c.kind, c.data.to_vec()));
            let key = cells[0].data.to_vec();
            let first = if header.type_byte == 7 { key } else { first };
            let block =
                LogBlock { page: cookie.page_id, lsn: cookie.lsn, bytes: bytes.clone(), cookie, above, first, child };
            if header.type_byte == 6 && cookie.is_delta() == Some(false) {
                for (n, pair) in cells.chunks_exact(2).enumerate() {
                    let cookie = Cookie::decode(pair[1].data).unwrap();
                    stack.push((cookie, Some((Box::new(block.clone()), n)), pair[0].data.to_vec()));
                }
            }
            all.push((block, header.type_byte));
        }
        let pick = |kind: u8, delta: bool, fits: &dyn Fn(&LogBlock) -> bool| {
            let fitting = all.iter().filter(|(b, k)| *k == kind && b.cookie.is_delta() == Some(delta) && fits(b));
            fitting.map(|(b, _)| b).max_by_key(|b| b.bytes.len()).cloned()
        };
        // Neither the first child nor one without room above.
        let inner = |b: &LogBlock| b.above.as_ref().is_some_and(|(_, n)| (1..6).contains(n));
        let internal = pick(6, false, &inner).expect("an internal page below the root");
        let leaf = pick(7, false, &inner).expect("a leaf that is one image");
        let leaf_delta = pick(7, true, &|_| true).expect("a leaf with deltas");
        let internal_delta = pick(6, true, &|_| true);
        let table = tree.table;
        drop(reader);
        drop(opened);
        drop(store);
        LogSample { dir, table, leaf, internal, leaf_delta, internal_delta }
    })
}

/// Write blocks into a copy of the sample, and audit it.
fn log_audit(sample: &LogSample, blocks: &[(PageId, Lsn, Vec<u8>)], depth: Depth, jobs: usize) -> Audit {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    common::copy_dir(&sample.dir.path().join("home"), &home);
    for (page, lsn, bytes) in blocks {
        let mut changed = 0;
        for entry in std::fs::read_dir(home.join("kv_home")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("pages_") || !name.ends_with(".db") {
                continue;
            }
            let db = rusqlite::Connection::open(&path).unwrap();
            let sql = "UPDATE pages SET page_data = ?1 WHERE table_id = ?2 AND page_id = ?3 AND lsn = ?4";
            changed +=
                db.execute(sql, rusqlite::params![bytes, sample.table.0 as i64, page.0 as i64, lsn.0 as i64]).unwrap();
        }
        assert_eq!(changed, 1, "page {page} at LSN {lsn}");
    }
    let store = store::open(&home, &OpenOptions::default()).unwrap();
    let options = Options { depth, jobs, ..Options::default() };
    audit::pagelog::run(&*store, "HOME", &options, &Silent).unwrap()
}

/// Make the page of a case in the log, and audit it.
fn in_log(on: On, make: &dyn Fn(&mut Draft), depth: Depth) -> Option<(Audit, String)> {
    let sample = log_sample();
    let (block, delta) = match on {
        On::Leaf => (&sample.leaf, false),
        On::Internal => (&sample.internal, false),
        On::LeafDelta => (&sample.leaf_delta, true),
        On::InternalDelta => (sample.internal_delta.as_ref()?, true),
    };
    let header = PageHeader::read(&mut Reader::new(&block.bytes)).unwrap();
    let mut page = draft(&block.bytes, LOG_START, header, delta, &block.first);
    if on == On::Leaf {
        page.header.flags = 0;
    }
    if on == On::InternalDelta {
        // A delta may hold few children: those of a full image come after its own.
        let more = draft(&sample.internal.bytes, LOG_START, header, false, b"").children;
        page.children = more;
    }
    make(&mut page);
    let length = block.bytes.len() - LOG_START;
    let built = build(&page, on, &block.bytes, LOG_START, SUM, length, &block.child);
    let mut blocks = vec![(block.page, block.lsn, built)];
    if let (Some(times), Some((above, child))) = (page.above, &block.above) {
        let room = above.bytes.len() - LOG_START;
        blocks.push((above.page, above.lsn, with_times(&above.bytes, LOG_START, SUM, room, *child, &times)));
    }
    let place = format!("{:?}.{:?}@{:?}", Some(sample.table), Some(block.page), Some(block.lsn));
    Some((log_audit(sample, &blocks, depth, 2), place))
}

const FILE: &str = "broken.wt";

/// A home of local files with a tree of three levels: the directory, and offset and size of an internal page
/// and of a leaf below it, each with its parent's and its number there.
struct LocalSample {
    dir: tempfile::TempDir,
    /// Root, internal page, leaf.
    blocks: [(usize, usize); 3],
    /// The number of the child taken at each step.
    steps: [usize; 2],
}

fn local_sample() -> &'static LocalSample {
    static SAMPLE: OnceLock<LocalSample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let spec = forge_local::Spec { leaf_max: 1200, internal_max: 400, ..forge_local::Spec::new(FILE, 7) };
        let rows = (0..1500).map(|n| (format!("key/{n:06}").into_bytes(), format!("value {n}").repeat(4).into_bytes()));
        let config = forge_local::file(dir.path(), &spec, &mut rows.into_iter());
        forge_local::home(dir.path(), &[(FILE.to_string(), config.clone())]);
        let addr = config.split_once("addr=\"").unwrap().1.split_once('"').unwrap().0;
        let root = LocalCheckpoint::decode(&hex::decode(addr).unwrap(), 4096).unwrap().root.unwrap();
        let bytes = std::fs::read(dir.path().join(FILE)).unwrap();
        let child = |(at, size): (usize, usize), n: usize| {
            let header = PageHeader::read(&mut Reader::new(&bytes[at..])).unwrap();
            let plain = &bytes[at..at + header.mem_size as usize];
            assert!(size >= plain.len() && header.type_byte == 6);
            let cells: Vec<Cell<'_>> = Cells::new(plain, DATA_OFFSET, header.flags).map(Result::unwrap).collect();
            let address = cells.chunks_exact(2).nth(n).unwrap()[1];
            let to = wtcheck::format::local::LocalAddress::decode(address.data, 4096).unwrap().unwrap();
            (to.offset as usize, to.size as usize)
        };
        let root = (root.offset as usize, root.size as usize);
        let internal = child(root, 2);
        let leaf = child(internal, 3);
        LocalSample { dir, blocks: [root, internal, leaf], steps: [2, 3] }
    })
}

/// Make the page of a case in a local file, and audit it.
fn in_home(on: On, make: &dyn Fn(&mut Draft), depth: Depth) -> Option<(Audit, String)> {
    let sample = local_sample();
    let level = match on {
        On::Internal => 1,
        On::Leaf => 2,
        On::LeafDelta | On::InternalDelta => return None,
    };
    let dir = tempfile::tempdir().unwrap();
    common::copy_dir(sample.dir.path(), dir.path());
    let mut bytes = std::fs::read(dir.path().join(FILE)).unwrap();
    let (at, size) = sample.blocks[level];
    let stored = bytes[at..at + size].to_vec();
    let header = PageHeader::read(&mut Reader::new(&stored)).unwrap();
    let plain = &stored[..header.mem_size as usize];
    let first = Cell::read(plain, DATA_OFFSET, header.flags).unwrap().data.to_vec();
    let second =
        Cell::read(plain, DATA_OFFSET, header.flags).and_then(|k| Cell::read(plain, k.end, header.flags)).unwrap();
    let child = (second.kind, second.data.to_vec());
    let mut page = draft(plain, DATA_OFFSET, header, false, &first);
    if on == On::Internal {
        page.header.flags = 0x20;
    } else {
        page.header.flags = 0;
    }
    make(&mut page);
    let room = size - DATA_OFFSET - 200;
    bytes[at..at + size].copy_from_slice(&build(&page, on, &stored, DATA_OFFSET, SUM, room, &child));
    if let Some(times) = page.above {
        let (up, size) = sample.blocks[level - 1];
        let stored = bytes[up..up + size].to_vec();
        let room = size - DATA_OFFSET - 200;
        let anew = with_times(&stored, DATA_OFFSET, SUM, room, sample.steps[level - 1], &times);
        bytes[up..up + size].copy_from_slice(&anew);
    }
    std::fs::write(dir.path().join(FILE), bytes).unwrap();
    Some((audit_home(dir.path(), depth), format!("{FILE}@{at}")))
}

fn audit_home(dir: &Path, depth: Depth) -> Audit {
    let (found, _) = wtcheck::subject::open_home(dir, false, false).unwrap();
    let options = home::Options { checkpoint: None, depth, no_mmap: false, tables: None };
    home::run(&found, "HOME", &options, &Silent).unwrap().0
}

/// The tools themselves: pages built in the room of others, and none broken.
#[test]
fn pages_built_anew_are_sound() {
    let leaf = |d: &mut Draft| (0..4).for_each(|n| d.row(n, &window(10, 20, 30, 35)));
    let internal = |d: &mut Draft| {
        // The values below have no window: they start at 0 and never stop.
        d.child(0, &window(0, 20, TS_MAX, 0));
        d.child(1, &Times::EMPTY);
    };
    let bound = |d: &mut Draft| {
        d.above = Some(window(10, 20, 30, 35));
        leaf(d);
    };
    let narrow = |d: &mut Draft| {
        d.above = Some(window(0, 20, TS_MAX, 0));
        d.child(0, &window(0, 20, TS_MAX, 0));
    };
    let all: [(On, Breaks<'_>); 6] = [
        (On::Leaf, &leaf),
        (On::Leaf, &bound),
        (On::Internal, &internal),
        (On::LeafDelta, &|d| d.row(0, &window(10, 20, 30, 35))),
        (On::InternalDelta, &|d| d.child(0, &window(0, 20, TS_MAX, 0))),
        (On::Internal, &narrow),
    ];
    for (n, (on, make)) in all.into_iter().enumerate() {
        for found in [in_log(on, make, Depth::Deep), in_home(on, make, Depth::Deep)].into_iter().flatten() {
            let told = told(&found.0);
            assert_eq!(of_pages(&told).len(), 0, "{n} {on:?}: {told:#?}");
        }
    }
}

/// What two depths must agree on.
fn sums(audit: &Audit) -> serde_json::Value {
    let trees: Vec<_> = audit.trees.iter().map(|t| serde_json::json!({
        "uri": t.uri, "published": t.published_size, "recomputed": t.recomputed_size, "physical": t.physical_size,
        "difference": t.difference, "pages": t.pages, "complete": t.complete,
    })).collect();
    let codes: Vec<_> = told(audit).into_iter().map(|t| (t.0, t.1, t.2)).collect();
    serde_json::json!({ "trees": trees, "classes": audit.versions, "findings": codes, "orphans": audit.orphans })
}

/// An internal page that names one page twice, at the same LSN or at an older one, before or behind the
/// other: counted once, told, and the same at every depth with any number of threads.
#[test]
fn a_page_named_twice_is_counted_once_at_every_depth() {
    let sample = log_sample();
    let block = &sample.internal;
    let header = PageHeader::read(&mut Reader::new(&block.bytes)).unwrap();
    let store = store::open(&sample.dir.path().join("home"), &OpenOptions::default()).unwrap();
    let (index, _) = store.index(None, &|_| ()).unwrap();
    let children = draft(&block.bytes, LOG_START, header, false, b"").children;
    // An older full image of the same page, where it has one.
    let older = |child: &Cookie| {
        let row = index
            .rows()
            .iter()
            .find(|r| (r.table, r.page) == (sample.table, child.page_id) && r.is_full() && r.lsn < child.lsn)?;
        let mut bytes = Vec::new();
        store.reader().unwrap().read(&row, &mut bytes).unwrap();
        let sum = u32::from_le_bytes(bytes[SUM..SUM + 4].try_into().unwrap());
        Some(Cookie::new(row.page, row.lsn, Lsn(0), row.len, sum))
    };
    let cookies: Vec<Cookie> = children.iter().map(|c| Cookie::decode(&c.2).unwrap()).collect();
    let (n, old) = cookies.iter().enumerate().find_map(|(n, c)| Some((n, older(c)?))).expect("an older image");
    let same = cookies[n];
    let kinds = [CellKind::AddrLeafNoOverflow, CellKind::AddrLeaf];
    for (first, second) in [(same, same), (same, old), (old, same)] {
        for (one, other) in [(kinds[0], kinds[0]), (kinds[1], kinds[0]), (kinds[0], kinds[1])] {
            let mut page = draft(&block.bytes, LOG_START, header, false, b"");
            for (at, (cookie, kind)) in [(first, one), (second, other)].into_iter().enumerate() {
                page.separator(at);
                cell::write_addr(&mut page.cells, kind, &Times::EMPTY, None, &cookie.encode());
                page.entries += 1;
            }
            let length = block.bytes.len() - LOG_START;
            let built = build(&page, On::Internal, &block.bytes, LOG_START, SUM, length, &block.child);
            let blocks = [(block.page, block.lsn, built)];
            let what = format!("{first} {one:?}, {second} {other:?}");
            let mut seen = None;
            for depth in [Depth::Quick, Depth::Normal, Depth::Deep] {
                for jobs in [1, 4] {
                    let audit = log_audit(sample, &blocks, depth, jobs);
                    let twice = audit.findings.iter().filter(|f| f.code.name() == "page-referenced-twice");
                    assert_eq!(twice.map(|f| f.place.page_id).collect::<Vec<_>>(), [Some(same.page_id)], "{what}");
                    let mut now = sums(&audit);
                    // Separators that were moved show in keys alone.
                    let list = now["findings"].as_array_mut().unwrap();
                    list.retain(|f| f[0] != ORDER);
                    let before = seen.get_or_insert_with(|| now.clone());
                    assert_eq!(*before, now, "{what}: {depth:?} with {jobs} jobs");
                }
            }
        }
    }
}

#[test]
fn every_rule_is_found_where_it_is_broken() {
    let (mut log, mut local) = (0, 0);
    let mut failed = Vec::new();
    for case in cases() {
        let mut check = |family: &str, found: Option<(Audit, String)>| {
            let Some((audit, place)) = found else { return 0 };
            let told = told(&audit);
            let code = if family == "local" && case.code == HEADER { "block-header" } else { case.code };
            let hit = told.iter().any(|t| t.0 == code && t.1 == place && t.2.contains(case.words));
            if !hit || audit.exit_code != 1 {
                failed.push(format!(
                    "{family}: {} on {:?}: wanted {} at {place}: {told:#?}",
                    case.name, case.on, case.code
                ));
            }
            1
        };
        if case.families != Families::Local {
            log += check("log", in_log(case.on, &case.make, Depth::Deep));
        }
        if case.families != Families::Log {
            local += check("local", in_home(case.on, &case.make, Depth::Deep));
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    println!("{log} pages in a page log, {local} in a local file");
    assert!(log >= 60 && local >= 40, "{log} {local}");
}
