//! The page rules of local files against real files: no undamaged block breaks any, and every kind
//! of damage breaks the one it should.

use crate::common::real;
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wtcheck::format::block::LocalBlockHeader;
use wtcheck::format::local::{self, LocalAddress, LocalCheckpoint};
use wtcheck::format::local_image;
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::page::cell::{self, Cell, CellKind, Cells, TS_MAX, Times};
use wtcheck::page::history::{HistoryKey, HistoryValue, Update, times_fit, versions_fit};
use wtcheck::page::internal::{Internal, Separator, children};
use wtcheck::page::leaf::{Leaf, Options, Row, Value, leaf, quick};
use wtcheck::page::rules::{Bounds, Broken, Page, Rule, header, leads_to, overflow_item};
use wtcheck::page::what::What;
use wtcheck::page::windows;

const CORPORA: [&str; 4] = ["classic-small", "classic-one", "classic-crash", "classic-mongo-like"];

/// A file, its allocation size, and the blocks in it by offset.
struct File {
    name: String,
    bytes: Vec<u8>,
    alloc: u32,
    blocks: BTreeMap<u64, Block>,
}

#[derive(Clone, Copy)]
struct Block {
    size: usize,
    page: PageHeader,
    local: LocalBlockHeader,
}

impl File {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let alloc = local::allocation_size(&bytes).unwrap();
        let mut blocks = BTreeMap::new();
        let unit = alloc as usize;
        let mut at = unit;
        while let Some(rest) = bytes.get(at..) {
            let mut r = Reader::new(rest);
            let Ok(page) = PageHeader::read(&mut r) else { break };
            let Ok(local) = LocalBlockHeader::read(&mut r) else { break };
            let size = local.disk_size as usize;
            let sane = size != 0 && size.is_multiple_of(unit) && local.disk_size <= local::MAX_BLOCK;
            let whole = rest.get(..size).filter(|_| sane);
            if whole.is_some_and(|b| local.compute_checksum(b) == local.checksum) {
                blocks.insert(at as u64, Block { size, page, local });
                at += size;
            } else {
                at += unit;
            }
        }
        Self { name: path.file_name().unwrap().to_string_lossy().into_owned(), bytes, alloc, blocks }
    }

    fn stored(&self, at: u64, block: &Block) -> &[u8] {
        &self.bytes[at as usize..at as usize + block.size]
    }

    fn plain(&self, at: u64, block: &Block) -> Cow<'_, [u8]> {
        local_image::plain(self.stored(at, block), &block.page, None).unwrap()
    }

    /// The plain image of the block an address names, if it is still there.
    fn at(&self, address: &LocalAddress) -> Option<Cow<'_, [u8]>> {
        let block = self.blocks.get(&address.offset)?;
        let same = block.size == address.size as usize && block.local.checksum == address.checksum;
        same.then(|| self.plain(address.offset, block))
    }

    fn item(&self, address: &LocalAddress) -> Option<Vec<u8>> {
        let plain = self.at(address)?;
        let page = Page::new(&plain).ok()?;
        Some(overflow_item(&page).unwrap().to_vec())
    }

    /// Old blocks may name places that the file has lost since.
    fn bounds(&self) -> Bounds {
        Bounds { alloc: self.alloc, file_size: u64::MAX }
    }

    fn width(&self) -> Option<u8> {
        match self.name.as_str() {
            "cs_fix1.wt" => Some(1),
            "cs_fix8.wt" => Some(8),
            _ => None,
        }
    }

    fn options(&self) -> Options {
        Options { fixed_width: self.width(), ..Options::deep(self.bounds()) }
    }

    fn leaf(&self, page: &Page<'_>, row: &mut dyn FnMut(&Row<'_, '_>)) -> Leaf {
        leaf(page, &self.options(), &mut |a| self.item(a), row)
    }
}

/// The files of a corpus, in order.
fn files(corpus: &Path) -> Vec<PathBuf> {
    let mut out: Vec<_> = std::fs::read_dir(corpus.join("db")).unwrap().map(|e| e.unwrap().path()).collect();
    out.retain(|p| p.is_file() && std::fs::read(p).unwrap().starts_with(&local::DESCRIPTOR_MAGIC.to_le_bytes()));
    out.sort();
    out
}

fn all_files() -> Vec<File> {
    CORPORA.iter().flat_map(|c| files(&real(c))).map(|p| File::read(&p)).collect()
}

#[test]
fn no_block_of_a_real_file_breaks_a_rule() {
    let files = all_files();
    let mut types = BTreeMap::<u8, usize>::new();
    let (mut rows, mut copies, mut prefixed, mut overflows, mut deleted, mut prepared) = (0, 0, 0, 0, 0, 0);
    for file in &files {
        let mut in_file = 0;
        for (at, block) in &file.blocks {
            let place = format!("{} at {at}", file.name);
            assert_eq!(header(file.stored(*at, block), &block.page, &block.local), None, "{place}");
            let kind = block.page.page_type().unwrap();
            *types.entry(kind.byte()).or_default() += 1;
            if kind == PageType::BlockManager {
                continue;
            }
            let plain = file.plain(*at, block);
            let page = Page::new(&plain).unwrap();
            if kind.is_internal() {
                let mut seen = 0;
                let out = children(&page, file.bounds(), true, &mut |c| {
                    assert_eq!(c.index, seen);
                    assert!(c.address.is_some() && c.at >= local::DATA_OFFSET, "{place}");
                    assert_eq!(c.truncate.is_some(), c.kind == CellKind::AddrDeleted, "{place}");
                    seen += 1;
                });
                assert!(out.breaches.is_empty(), "{place}: {:?}", out.breaches);
                assert_eq!(out.children, seen);
                assert_eq!(seen * if kind == PageType::RowInternal { 2 } else { 1 }, page.header.entries, "{place}");
                deleted += out.deleted;
            } else if kind == PageType::Overflow {
                assert_eq!(overflow_item(&page).unwrap().len(), page.header.entries as usize);
            } else {
                let (mut given, mut next) = (0, page.header.recno);
                let out = file.leaf(&page, &mut |row| {
                    given += row.run;
                    assert_eq!(row.recno, next, "{place}");
                    next += if page.header.recno == 0 { 0 } else { row.run };
                    assert!(row.value != Value::Unknown);
                });
                assert!(out.breaches.is_empty(), "{place}: {:?}", out.breaches);
                assert_eq!((given, out.live + out.stopped + out.deleted), (out.rows, out.rows), "{place}");
                let fast = quick(&page, file.bounds());
                assert!(fast.breaches.is_empty(), "{place}: {:?}", fast.breaches);
                assert_eq!((fast.rows, fast.live, fast.stopped), (out.rows, out.live, out.stopped), "{place}");
                assert_eq!(fast.overflows, out.overflows, "{place}");
                // Without the width the page still reads the same.
                if kind == PageType::ColumnFixed {
                    let (mut known, mut guessed) = (Vec::new(), Vec::new());
                    file.leaf(&page, &mut |r| known.push((r.recno, r.value == Value::Number(0), r.times)));
                    let options = Options::deep(file.bounds());
                    let any = leaf(&page, &options, &mut |_| None, &mut |r| {
                        guessed.push((r.recno, r.value == Value::Number(0), r.times));
                    });
                    assert!(any.breaches.is_empty() && known == guessed, "{place}");
                }
                in_file += out.rows;
                copies += out.copies;
                prefixed += out.prefix_keys;
                overflows += out.overflows.len();
                prepared += out.prepared;
            }
        }
        rows += in_file;
    }
    println!("blocks by type: {types:?}");
    println!("{rows} rows, {copies} copies, {prefixed} prefix keys, {overflows} overflow cells");
    println!("{deleted} deleted children, {prepared} prepared rows");
    for kind in 2..=7 {
        assert!(types.get(&kind).is_some_and(|n| *n > 0), "no page of type {kind}: {types:?}");
    }
    assert!(files.len() >= 40 && rows > 300_000, "{} files, {rows} rows", files.len());
    assert!(copies >= 3951 && prefixed >= 4987 && overflows > 0 && deleted >= 124 && prepared >= 50);
}

/// The parts of a reference about one checkpoint: file, name, cookie.
fn cookies(corpus: &Path) -> Vec<(String, String, Vec<u8>)> {
    let text = std::fs::read_to_string(corpus.join("ref/ckpt_decode.txt")).unwrap();
    let mut out = Vec::new();
    for section in text.split("## file:").skip(1) {
        let mut lines = section.lines();
        let head = lines.next().unwrap();
        let name = head.split_once("checkpoint ").unwrap().1.split_once(" allocation_size").unwrap().0;
        let Some(cookie) = lines.next().and_then(|l| l.trim().strip_suffix(':')) else { continue };
        out.push((head.split_once(' ').unwrap().0.into(), name.into(), hex::decode(cookie).unwrap()));
    }
    out
}

#[test]
fn headers_of_encrypted_blocks_obey_the_rules() {
    let mut encrypted = 0;
    for path in files(&real("classic-encrypted")) {
        let file = File::read(&path);
        for (at, block) in &file.blocks {
            let stored = file.stored(*at, block);
            assert_eq!(header(stored, &block.page, &block.local), None, "{} at {at}", file.name);
            if block.page.is_encrypted() {
                let class = local_image::plain(stored, &block.page, None).unwrap_err().class;
                assert_eq!(class, wtcheck::format::Class::Unsupported);
                encrypted += 1;
            }
        }
    }
    assert!(encrypted > 50, "{encrypted} encrypted blocks");
}

/// Rows that the reference tool read: by file, and the checkpoint's name if it is not the last one.
fn row_counts(corpus: &Path) -> Vec<(String, Option<String>, u64)> {
    let file = |uri: &str| match uri.split_once(':').unwrap() {
        ("table", "rs_cg") => "rs_cg_main.wt".to_owned(),
        ("table", name) => format!("{name}.wt"),
        (_, name) => name.to_owned(),
    };
    let text = |name: &str| std::fs::read_to_string(corpus.join("ref").join(name)).unwrap_or_default();
    let mut out = Vec::new();
    for line in text("checkpoint_counts.txt").lines() {
        let words: Vec<_> = line.split([' ', '=']).collect();
        let [uri, "checkpoint", name, "rows", n] = words[..] else { panic!("{line}") };
        out.push((file(uri), Some(name.to_owned()), n.parse().unwrap()));
    }
    for line in text("dump_counts.txt").lines() {
        let Some((uri, rest)) = line.split_once(" dump -x data lines=") else { continue };
        let lines: u64 = rest.split(' ').next().unwrap().parse().unwrap();
        out.push((file(uri), None, lines / 2));
    }
    out
}

/// What a walk of all checkpoints saw.
#[derive(Default)]
struct Seen {
    values: u64,
    aggregates: u64,
    leaves: u64,
    /// Rows without a stop time on pages that are not deleted.
    live: u64,
    /// As the reference prints it: keys of row leaves, entries of column leaves, in tree order.
    shape: Vec<u64>,
}

/// Walk a tree and compare every page with the cell above it. `parent` is `None` below a root.
fn walk(
    file: &File,
    at: &LocalAddress,
    parent: Option<(CellKind, &Times)>,
    last: &mut Option<Vec<u8>>,
    seen: &mut Seen,
) {
    let place = format!("{} at {}", file.name, at.offset);
    let plain = file.at(at).unwrap_or_else(|| panic!("{place}: no such block"));
    let page = Page::new(&plain).unwrap();
    let judge = file.name != "WiredTiger.wt";
    if page.kind.is_internal() {
        let mut all = Vec::new();
        let bounds = Bounds { alloc: file.alloc, file_size: file.bytes.len() as u64 };
        let out = children(&page, bounds, true, &mut |c| {
            let separator = match c.separator {
                Separator::Key(k) => Some(k.to_vec()),
                Separator::Overflow(a) => a.and_then(|a| file.item(&a)),
                _ => None,
            };
            all.push((c.kind, c.times, c.truncate, c.address.unwrap(), separator));
        });
        assert!(out.breaches.is_empty(), "{place}: {:?}", out.breaches);
        for (kind, times, truncate, address, separator) in all {
            if let (Some((_, parent)), true) = (parent, judge) {
                seen.aggregates += 1;
                windows::aggregate_fits(&times, truncate.as_ref(), parent, None)
                    .unwrap_or_else(|e| panic!("{place}: {times:?} below {parent:?}: {e}"));
            }
            let child = &file.blocks[&address.offset].page;
            assert!(leads_to(kind, child.page_type().unwrap()), "{place}: {kind:?} to type {}", child.type_byte);
            assert!(child.write_gen < page.header.write_gen, "{place}");
            if let (Some(low), Some(high)) = (&last, &separator) {
                assert!(low < high, "{place}: separator");
            }
            walk(file, &address, Some((kind, &times)), last, seen);
        }
        return;
    }
    let (kind, parent) = parent.unwrap();
    let out = file.leaf(&page, &mut |row| {
        if judge {
            seen.values += 1;
            windows::value_fits(&row.times, parent)
                .unwrap_or_else(|e| panic!("{place} byte {}: {:?} below {parent:?}: {e}", row.at, row.times));
        }
    });
    if let (Some(low), Some(high)) = (&last, &out.first_key) {
        assert!(low < high, "{place}: first key");
    }
    *last = out.last_key.or(last.take());
    seen.leaves += 1;
    assert!(kind != CellKind::AddrLeafNoOverflow || out.overflows.is_empty(), "{place}: overflow items");
    if kind != CellKind::AddrDeleted {
        // Every record of the history store has ended, and is there to be read all the same.
        seen.live += if file.name == "WiredTigerHS.wt" { out.rows } else { out.live };
    }
    seen.shape.push(if page.kind == PageType::RowLeaf { out.rows } else { u64::from(page.header.entries) });
}

#[test]
fn every_checkpoint_obeys_the_parent_rules_and_has_the_shape_of_the_reference() {
    let (mut total, mut compared, mut counted) = (Seen::default(), 0, 0);
    for corpus in CORPORA {
        let corpus = real(corpus);
        let mut shapes = BTreeMap::<String, Vec<u64>>::new();
        let mut opened = BTreeMap::new();
        let (wanted, mut live) = (row_counts(&corpus), BTreeMap::new());
        for (name, checkpoint, cookie) in cookies(&corpus) {
            let file = opened.entry(name.clone()).or_insert_with(|| File::read(&corpus.join("db").join(&name)));
            let checkpoint_data = LocalCheckpoint::decode(&cookie, file.alloc).unwrap();
            let Some(root) = checkpoint_data.root else { continue };
            let mut seen = Seen::default();
            walk(file, &root, None, &mut None, &mut seen);
            assert!(!seen.shape.is_empty(), "{name} {checkpoint}");
            total.values += seen.values;
            total.aggregates += seen.aggregates;
            total.leaves += seen.leaves;
            live.insert((name.clone(), Some(checkpoint)), seen.live);
            // The last one stays.
            live.insert((name.clone(), None), seen.live);
            shapes.entry(name).or_default().extend(seen.shape);
        }
        for (name, checkpoint, rows) in wanted {
            if let Some(live) = live.get(&(name.clone(), checkpoint.clone())) {
                assert_eq!(*live, rows, "{name} {checkpoint:?}: live rows");
                counted += 1;
            }
        }
        for (name, ours) in shapes {
            let table = format!("table_{}", name.strip_suffix(".wt").unwrap_or(&name));
            let reference = [format!("file_{name}"), table]
                .iter()
                .find_map(|n| std::fs::read_to_string(corpus.join(format!("ref/verify.dump_tree_shape.{n}.txt"))).ok());
            let Some(reference) = reference else { continue };
            // Long references are cut off, in the middle of a line.
            let whole = reference.contains("[exit status");
            let (lines, _) = reference.rsplit_once('\n').unwrap();
            let theirs: Vec<u64> = lines
                .lines()
                .filter(|l| l.contains("  LEAF  "))
                .map(|l| {
                    let at = l.find(" keys: ").map_or_else(|| l.find(" entries: ").unwrap() + 10, |n| n + 7);
                    l[at..].split_whitespace().next().unwrap().parse().unwrap()
                })
                .collect();
            if reference.contains("[exit status 1]") {
                continue;
            }
            let n = theirs.len();
            assert!(if whole { n == ours.len() } else { n <= ours.len() }, "{name}: {n} of {}", ours.len());
            assert_eq!(theirs, ours[..n], "{name}");
            compared += n;
        }
    }
    println!(
        "{} values, {} aggregates, {} leaves, {compared} leaf counts, {counted} row counts",
        total.values, total.aggregates, total.leaves
    );
    assert!(total.values > 300_000 && total.aggregates > 0 && total.leaves > 3000);
    assert!(compared > 800 && counted > 50, "{compared} leaf counts, {counted} row counts compared");
}

#[test]
fn every_history_record_obeys_the_rules() {
    for (corpus, want) in
        [("classic-small", Some(6196)), ("classic-one", None), ("classic-crash", None), ("classic-mongo-like", None)]
    {
        let corpus = real(corpus);
        let file = File::read(&corpus.join("db/WiredTigerHS.wt"));
        let (mut stale, mut standard) = (0_u64, 0_u64);
        let mut judge = |page: &Page<'_>| {
            let mut n = 0;
            file.leaf(page, &mut |row| {
                let key = HistoryKey::decode(row.key.unwrap()).unwrap();
                let item;
                let value = match row.value {
                    Value::Inline(v) => v,
                    Value::Overflow(a) => {
                        item = file.item(&a.unwrap()).unwrap();
                        &item
                    }
                    _ => panic!("a record without value"),
                };
                let value = HistoryValue::decode(value).unwrap();
                times_fit(&key, &value, &row.times).unwrap();
                standard += u64::from(value.update == Update::Standard);
                n += 1;
            });
            n
        };
        for (at, block) in file.blocks.iter().filter(|(_, b)| b.page.page_type() == Ok(PageType::RowLeaf)) {
            stale += judge(&Page::new(&file.plain(*at, block)).unwrap());
        }
        // The records of the last checkpoint, in order.
        let Some((_, _, cookie)) = cookies(&corpus).into_iter().rfind(|c| c.0 == "WiredTigerHS.wt") else { continue };
        let Some(root) = LocalCheckpoint::decode(&cookie, file.alloc).unwrap().root else { continue };
        let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut open = vec![root];
        while let Some(address) = open.pop() {
            let plain = file.at(&address).unwrap();
            let page = Page::new(&plain).unwrap();
            if page.kind.is_internal() {
                let mut below = Vec::new();
                children(&page, file.bounds(), true, &mut |c| below.push(c.address.unwrap()));
                open.extend(below.into_iter().rev());
            } else {
                file.leaf(&page, &mut |row| {
                    let Value::Inline(value) = row.value else { panic!("{:?}", row.value) };
                    records.push((row.key.unwrap().to_vec(), value.to_vec()));
                });
            }
        }
        let mut pairs = 0;
        for two in records.windows(2) {
            let (a, b) = (HistoryKey::decode(&two[0].0).unwrap(), HistoryKey::decode(&two[1].0).unwrap());
            assert!(two[0].0 < two[1].0);
            let [older, newer] = [&two[0].1, &two[1].1].map(|v| HistoryValue::decode(v).unwrap());
            versions_fit((&a, &older), (&b, &newer)).unwrap();
            pairs += usize::from((a.btree_id, a.key) == (b.btree_id, b.key));
        }
        println!(
            "{corpus:?}: {} records in the last checkpoint, {pairs} pairs, {stale} in all blocks, {standard} complete",
            records.len()
        );
        assert!(want.is_none_or(|n| n == records.len()), "{} records", records.len());
    }
}

/// All rules that a plain page breaks, of whatever type it says it is.
fn judge(plain: &[u8], options: &Options) -> Vec<Broken> {
    let Ok(page) = Page::new(plain) else { return vec![Broken::new(Rule::Type, 24, What::PageType(0))] };
    match page.kind {
        PageType::RowInternal | PageType::ColumnInternal => {
            let Internal { breaches, .. } = children(&page, options.bounds, options.byte_order, &mut |_| {});
            breaches.list
        }
        PageType::Overflow => overflow_item(&page).err().into_iter().collect(),
        PageType::BlockManager | PageType::Invalid => Vec::new(),
        _ => leaf(&page, options, &mut |_| None, &mut |_| {}).breaches.list,
    }
}

fn rules(plain: &[u8]) -> Vec<Rule> {
    judge(plain, &Options::deep(BOUNDS)).iter().map(|b| b.rule).collect()
}

const BOUNDS: Bounds = Bounds { alloc: 4096, file_size: 1 << 20 };

/// A stored block of 8192 bytes around cells, and the page in it.
fn synthetic(type_byte: u8, flags: u8, entries: u32, cells: &[u8]) -> Vec<u8> {
    let mem_size = u32::try_from(local::DATA_OFFSET + cells.len()).unwrap();
    let page = PageHeader { recno: 0, write_gen: 5, mem_size, entries, type_byte, flags, unused: 0, version: 1 };
    let mut out = Vec::new();
    page.write(&mut out);
    out.extend_from_slice(&8192_u32.to_le_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0]);
    out.extend_from_slice(cells);
    out.resize(8192, 0);
    out
}

/// A row leaf with 60 prefix-compressed rows at start timestamp 20.
fn sample_leaf() -> Vec<u8> {
    let mut cells = Vec::new();
    for i in 0..60 {
        let key = format!("key{i:08}");
        let prefix = if i == 0 { 0 } else { 9 };
        cell::write_key(&mut cells, prefix, &key.as_bytes()[usize::from(prefix)..]);
        let times = Times { start_ts: 20, start_txn: 7, durable_start_ts: 20, ..Times::EMPTY };
        cell::write_value(&mut cells, &times, format!("value {i}").as_bytes());
    }
    synthetic(7, 4, 120, &cells)
}

/// A row internal page with five children.
fn sample_internal() -> Vec<u8> {
    let mut cells = Vec::new();
    for i in 0..5_u64 {
        cell::write_key(&mut cells, 0, format!("key{i}").as_bytes());
        let cookie = LocalAddress { offset: 4096 * (i + 1), size: 4096, checksum: 99, object: None };
        let times = Times { start_ts: 10, durable_start_ts: 20, ..Times::EMPTY };
        cell::write_addr(&mut cells, CellKind::AddrLeafNoOverflow, &times, None, &cookie.encode(4096).unwrap());
    }
    synthetic(6, 0x20, 10, &cells)
}

fn mem_size(stored: &[u8]) -> usize {
    u32::from_le_bytes(stored[16..20].try_into().unwrap()) as usize
}

fn plain_of(stored: &[u8]) -> &[u8] {
    &stored[..mem_size(stored)]
}

fn header_rule(stored: &[u8]) -> Option<Rule> {
    let mut r = Reader::new(stored);
    let (page, local) = (PageHeader::read(&mut r).unwrap(), LocalBlockHeader::read(&mut r).unwrap());
    header(stored, &page, &local).map(|b| b.rule)
}

fn add_u32(stored: &mut [u8], at: usize, n: u32) {
    let field = u32::from_le_bytes(stored[at..at + 4].try_into().unwrap());
    stored[at..at + 4].copy_from_slice(&field.wrapping_add(n).to_le_bytes());
}

/// Offsets of the cells of a stored plain block.
fn offsets(stored: &[u8]) -> Vec<usize> {
    Cells::new(plain_of(stored), local::DATA_OFFSET, stored[25]).map(|c| c.unwrap().offset).collect()
}

/// Damage to an undamaged row leaf, stored plain: each gives its rule, and only that.
fn damage_a_leaf(good: &[u8]) {
    assert_eq!((header_rule(good), rules(plain_of(good))), (None, vec![]));
    let with = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.to_vec();
        edit(&mut bad);
        bad
    };
    let cells = offsets(good);

    // w40: the first byte of the key of the 13th cell.
    let bad = with(&|b| {
        let at = cells[12];
        let cell = Cell::read(plain_of(good), at, 0).unwrap();
        b[cell.end - cell.data.len()] = 0xff;
    });
    let broken = judge(plain_of(&bad), &Options::deep(BOUNDS));
    assert_eq!(broken.iter().map(|b| b.rule).collect::<Vec<_>>(), [Rule::Order], "{broken:?}");
    assert!(broken[0].what.to_string().contains("13 and 15"), "{:?}", broken[0]);
    let unordered = Options { byte_order: false, ..Options::deep(BOUNDS) };
    assert_eq!(judge(plain_of(&bad), &unordered), []);
    assert_eq!(judge(plain_of(&bad), &Options::quick(BOUNDS)), []);

    // w41: entries + 2, and the other way round.
    assert_eq!(rules(plain_of(&with(&|b| add_u32(b, 20, 2)))), [Rule::Entries]);
    let fewer = rules(plain_of(&with(&|b| add_u32(b, 20, 2_u32.wrapping_neg()))));
    assert_eq!(fewer, [Rule::Tail]);

    // w42: cell type 13, a cell of its own; 14 does not exist at all.
    let bad = with(&|b| (b[cells[1]], b[cells[1] + 1]) = (0xd0, 0x80));
    assert_eq!(rules(plain_of(&bad))[0], Rule::CellType);
    assert_eq!(rules(plain_of(&with(&|b| b[cells[1]] = 0xe0))), [Rule::CellType]);

    // w43: mem_size + 5000. In the block or not, the page shows it.
    let bad = with(&|b| add_u32(b, 16, 5000));
    if mem_size(&bad) > bad.len() {
        assert_eq!(header_rule(&bad), Some(Rule::Size));
    } else {
        assert_eq!(header_rule(&bad), None);
        let broken = judge(plain_of(&bad), &Options::deep(BOUNDS));
        assert_eq!((broken.len(), broken[0].rule), (1, Rule::Tail));
        assert!(broken[0].what.to_string().contains("5000 unexpected bytes"));
    }
    assert_eq!(header_rule(&with(&|b| add_u32(b, 16, 1 << 20))), Some(Rule::Size));
    // Strings end with a zero, so that only the second last byte is sure to show.
    assert_eq!(header_rule(&with(&|b| add_u32(b, 16, 2_u32.wrapping_neg()))), Some(Rule::Tail));

    // w44: type 7 -> 4, and to what else there is.
    assert_eq!(header_rule(&with(&|b| b[24] = 4)), Some(Rule::RecordNumber));
    assert_eq!(header_rule(&with(&|b| b[24] = 6)), Some(Rule::Flags));
    assert_eq!(header_rule(&with(&|b| b[24] = 9)), Some(Rule::Type));
    for type_byte in [3, 4, 6] {
        assert!(rules(plain_of(&with(&|b| b[24] = type_byte))).contains(&Rule::CellType), "{type_byte}");
    }

    // Keys and values change places.
    let first_value = Cell::read(plain_of(good), cells[1], 0).unwrap().end;
    let bad = with(&|b| b[cells[0]..first_value].rotate_left(cells[1] - cells[0]));
    assert_eq!(rules(plain_of(&bad))[0], Rule::Alternation);
}

#[test]
fn damage_to_a_synthetic_leaf() {
    damage_a_leaf(&sample_leaf());
}

#[test]
fn damage_to_a_synthetic_internal_page() {
    let good = sample_internal();
    assert_eq!((header_rule(&good), rules(plain_of(&good))), (None, vec![]));
    let cells = offsets(&good);
    let with = |at: usize, value: u8| {
        let mut bad = good.clone();
        bad[at] = value;
        rules(plain_of(&bad))
    };
    // "key2" becomes "keyz"; the 0th key may be anything.
    assert_eq!(with(cells[4] + 4, b'z'), [Rule::Order]);
    assert_eq!(with(cells[0] + 4, b'z'), []);
    // w47: behind the end of the file.
    let narrow = Bounds { file_size: 5 * 4096, ..BOUNDS };
    let broken = judge(plain_of(&good), &Options::deep(narrow));
    assert_eq!(broken.iter().map(|b| (b.rule, b.at)).collect::<Vec<_>>(), [(Rule::AddressBeyondEnd, cells[9])]);
    assert_eq!(with(20, 12), [Rule::Entries]);
    assert_eq!(with(20, 8), [Rule::Tail]);
    assert_eq!(with(24, 7), [Rule::CellType, Rule::CellType], "told twice, then counted");
    // A second descriptor with the unused bit.
    assert_eq!(with(cells[1] + 1, 0x80), [Rule::Cell]);
}

#[test]
fn start_timestamp_above_the_parent() {
    // w45.
    let parent = Times { start_ts: 20, durable_start_ts: 20, ..Times::EMPTY };
    let good = sample_leaf();
    let page = Page::new(plain_of(&good)).unwrap();
    leaf(&page, &Options::deep(BOUNDS), &mut |_| None, &mut |r| windows::value_fits(&r.times, &parent).unwrap());
    let mut bad = good.clone();
    let value = offsets(&good)[25];
    assert_eq!(bad[value..value + 3], [0x8c, 0x28, 0x80 + 20]);
    bad[value + 2] = 0x80 + 63;
    let page = Page::new(plain_of(&bad)).unwrap();
    let mut unfit = Vec::new();
    let out = leaf(&page, &Options::deep(BOUNDS), &mut |_| None, &mut |r| {
        if let Err(e) = windows::value_fits(&r.times, &parent) {
            unfit.push((r.at, e));
        }
    });
    assert!(out.breaches.is_empty(), "the page alone is sound");
    assert_eq!(unfit.len(), 1);
    assert_eq!(unfit[0].0, offsets(&good)[24], "a row begins with its key");
}

#[test]
fn damage_to_real_leaves() {
    let file = File::read(&real("classic-one/db/one.wt"));
    let mut tried = 0;
    for (at, block) in &file.blocks {
        if block.page.type_byte == 7 && block.page.flags == 4 && block.page.entries >= 60 {
            damage_a_leaf(file.stored(*at, block));
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried} leaves");
}

#[test]
fn damaged_files_of_the_corpus_break_their_rule() {
    let dir = real("classic-one-damaged");
    let good = File::read(&real("classic-one/db/one.wt"));
    for (name, rule, by_header) in [
        ("w40-valid-crc-key-out-of-order", Rule::Order, false),
        ("w42-valid-crc-bad-cell-type", Rule::CellType, false),
        ("w44-valid-crc-page-type", Rule::RecordNumber, true),
        ("w53-valid-crc-avail-beyond-eof", Rule::Type, false),
    ] {
        let path = dir.join(name).join("changed/one.wt");
        let bad = File::read(&path);
        let mut found = Vec::new();
        for (at, block) in &bad.blocks {
            if good.blocks.get(at).is_some_and(|g| g.local.checksum == block.local.checksum) {
                continue;
            }
            let stored = bad.stored(*at, block);
            if let Some(broken) = header(stored, &block.page, &block.local) {
                found.push((*at, broken.rule, true));
            } else if block.page.type_byte != 1 {
                let broken = judge(&bad.plain(*at, block), &Options::deep(bad.bounds()));
                found.extend(broken.into_iter().map(|b| (*at, b.rule, false)));
            }
        }
        println!("{name}: {found:?}");
        if rule == Rule::Type {
            // Damage to a list is none to a page.
            assert!(found.is_empty(), "{name}: {found:?}");
        } else {
            assert!(found.iter().any(|f| (f.1, f.2) == (rule, by_header)), "{name}: {found:?}");
            assert!(found.iter().all(|f| f.0 == found[0].0), "{name}: {found:?}");
        }
    }
}

/// Read a page of any kind in every way there is; nothing may panic.
fn read_all(stored: &[u8], bounds: Bounds) {
    let mut r = Reader::new(stored);
    let (Ok(page), Ok(local)) = (PageHeader::read(&mut r), LocalBlockHeader::read(&mut r)) else { return };
    let _ = header(stored, &page, &local);
    let Ok(plain) = local_image::plain(stored, &page, None) else { return };
    let mut copy = plain.to_vec();
    for type_byte in 1..=7 {
        copy[24] = type_byte;
        for deep in [true, false] {
            let broken = judge(&copy, &Options { deep, ..Options::deep(bounds) });
            assert!(broken.len() <= wtcheck::page::rules::MAX_BROKEN);
        }
    }
    for width in 0..10 {
        copy[24] = 2;
        judge(&copy, &Options { fixed_width: Some(width), ..Options::deep(bounds) });
    }
}

/// Some stored blocks of every type, small ones.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut out = vec![sample_leaf(), sample_internal()];
        let names =
            ["cs_fix8.wt", "cs_fix1.wt", "cs_var.wt", "rs_dict.wt", "rs_ovfl.wt", "rs_fasttrunc.wt", "rs_snappy.wt"];
        for name in names {
            let file = File::read(&real("classic-small/db").join(name));
            let mut kinds = BTreeMap::<u8, usize>::new();
            for (at, block) in file.blocks.iter().filter(|(_, b)| b.page.mem_size < 33_000) {
                let n = kinds.entry(block.page.type_byte).or_default();
                *n += 1;
                if *n <= 2 {
                    out.push(file.stored(*at, block).to_vec());
                }
            }
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_byte_flips_never_panic(
        seed: prop::sample::Index,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..12),
    ) {
        let seeds = seeds();
        let mut block = seeds[seed.index(seeds.len())].clone();
        for (at, value, near) in flips {
            // The head is where most of the structure is.
            let range = if near { block.len().min(128) } else { block.len() };
            block[at.index(range)] ^= value;
        }
        read_all(&block, BOUNDS);
    }

    #[test]
    fn random_data_behind_a_sound_header_never_panics(
        data in prop::collection::vec(any::<u8>(), 0..300),
        entries in 0_u32..400,
        recno: u64,
        flags: u8,
    ) {
        let mut block = synthetic(7, flags, entries, &data);
        block[..8].copy_from_slice(&recno.to_le_bytes());
        read_all(&block, BOUNDS);
        let _ = HistoryKey::decode(&data);
        let _ = HistoryValue::decode(&data);
    }

    #[test]
    fn what_is_written_reads_back(
        rows in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 0..90),
            (prop::collection::vec(any::<u8>(), 0..90), 1_u64..1000, prop::option::of(0_u64..1000)),
            1..40,
        ),
        compress: bool,
    ) {
        let (mut cells, mut previous, mut entries) = (Vec::new(), Vec::<u8>::new(), 0);
        for (key, (value, start, stop)) in &rows {
            let shared = key.iter().zip(&previous).take_while(|(a, b)| a == b).count().min(255);
            let prefix = if compress { shared } else { 0 };
            cell::write_key(&mut cells, u8::try_from(prefix).unwrap(), &key[prefix..]);
            let stop_ts = stop.map_or(TS_MAX, |s| start + s);
            let durable_stop_ts = stop.map_or(0, |s| start + s);
            let times = Times { start_ts: *start, durable_start_ts: *start, stop_ts, durable_stop_ts, ..Times::EMPTY };
            cell::write_value(&mut cells, &times, value);
            previous.clone_from(key);
            entries += 2;
        }
        let block = synthetic(7, 4, entries, &cells);
        let page = Page::new(plain_of(&block)).unwrap();
        let mut seen = Vec::new();
        let out = leaf(&page, &Options::deep(BOUNDS), &mut |_| None, &mut |r| {
            let Value::Inline(value) = r.value else { panic!("{:?}", r.value) };
            seen.push((r.key.unwrap().to_vec(), value.to_vec()));
        });
        prop_assert!(out.breaches.is_empty(), "{:?}", out.breaches);
        let want: Vec<_> = rows.iter().map(|(k, v)| (k.clone(), v.0.clone())).collect();
        prop_assert_eq!(&seen, &want);
        prop_assert_eq!(out.first_key.as_ref(), rows.keys().next());
        prop_assert_eq!(out.last_key.as_ref(), rows.keys().last());
        let stopped = rows.values().filter(|v| v.2.is_some()).count() as u64;
        prop_assert_eq!((out.stopped, out.live), (stopped, rows.len() as u64 - stopped));
    }
}
