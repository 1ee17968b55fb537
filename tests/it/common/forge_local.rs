//! Writes homes of local block files of any size and allocation size: row stores with one checkpoint,
//! free space, recovery data, metadata and turtle. For benchmarks, and for what the real samples lack.

#![allow(dead_code, missing_docs, unreachable_pub)]

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use wtcheck::format::compress::{self, Compressor};
use wtcheck::format::crc;
use wtcheck::format::home_turtle;
use wtcheck::format::int;
use wtcheck::format::local::{self, DATA_OFFSET, Extent, ExtentList, LocalAddress, LocalCheckpoint, Recovery};
use wtcheck::format::page_header::{FLAG_COMPRESSED, FLAG_EMPTY_VALUES_NONE, PageHeader, PageType};
use wtcheck::page::cell::{self, CellKind, Times};

pub const VERSION: &str = "WiredTiger 12.0.0: (November 15, 2024)";

/// How to write one file.
#[derive(Debug, Clone)]
pub struct Spec {
    pub name: String,
    pub id: u64,
    pub alloc: u32,
    /// Bytes of a leaf before compression.
    pub leaf_max: usize,
    /// Bytes of an internal page.
    pub internal_max: usize,
    pub compressor: Option<Compressor>,
    /// Format of keys and of values.
    pub formats: (&'static str, &'static str),
    /// Leave one free unit behind every so many leaves.
    pub gap_every: Option<u64>,
    /// Longer values are overflow items.
    pub overflow_above: Option<usize>,
}

impl Spec {
    pub fn new(name: &str, id: u64) -> Self {
        Self {
            name: name.to_string(),
            id,
            alloc: 4096,
            leaf_max: 32 << 10,
            internal_max: 4096,
            compressor: None,
            formats: ("u", "u"),
            gap_every: None,
            overflow_above: None,
        }
    }
}

struct Writer {
    out: BufWriter<File>,
    alloc: u32,
    at: u64,
    generation: u64,
    tree_bytes: u64,
    free: Vec<Extent>,
    compressor: Option<Compressor>,
    blocks: u64,
}

impl Writer {
    /// A block of cells; compressed if it is a leaf of a compressed file.
    fn block(&mut self, kind: PageType, entries: u32, cells: &[u8]) -> LocalAddress {
        self.generation += 1;
        let compress = self.compressor.filter(|_| kind == PageType::RowLeaf && cells.len() > 128);
        let flags = match kind {
            PageType::RowLeaf => FLAG_EMPTY_VALUES_NONE,
            _ => 0,
        };
        let header = PageHeader {
            recno: 0,
            write_gen: self.generation,
            mem_size: u32::try_from(DATA_OFFSET + cells.len()).unwrap(),
            entries,
            type_byte: kind.byte(),
            flags: flags | if compress.is_some() { FLAG_COMPRESSED } else { 0 },
            unused: 0,
            version: u8::from(kind != PageType::Overflow),
        };
        let mut plain = Vec::new();
        header.write(&mut plain);
        plain.resize(DATA_OFFSET, 0);
        plain.extend_from_slice(cells);
        let stored = compress.map_or_else(|| plain.clone(), |c| compress::compress(c, &plain));
        self.put(stored)
    }

    /// Pad, sum and write a block.
    fn put(&mut self, mut stored: Vec<u8>) -> LocalAddress {
        let size = u32::try_from(stored.len()).unwrap().next_multiple_of(self.alloc);
        stored.resize(size as usize, 0);
        stored[28..32].copy_from_slice(&size.to_le_bytes());
        stored[36] = 1;
        let checksum = crc::crc32c_zeroed(&stored, 32);
        stored[32..36].copy_from_slice(&checksum.to_le_bytes());
        self.out.write_all(&stored).unwrap();
        let address = LocalAddress { offset: self.at, size, checksum, object: None };
        self.at += u64::from(size);
        self.blocks += 1;
        address
    }

    fn gap(&mut self) {
        let size = u64::from(self.alloc);
        self.out.write_all(&vec![0; self.alloc as usize]).unwrap();
        self.free.push(Extent { offset: self.at, size });
        self.at += size;
    }

    fn list(&mut self, list: &ExtentList) -> LocalAddress {
        let data = list.encode();
        // The recovery data lies behind what mem_size counts.
        let plain = ExtentList { recovery: None, ..list.clone() }.encode().len();
        let header = PageHeader {
            recno: 0,
            write_gen: 0,
            mem_size: u32::try_from(DATA_OFFSET + plain).unwrap(),
            entries: u32::try_from(plain).unwrap(),
            type_byte: PageType::BlockManager.byte(),
            flags: 0,
            unused: 0,
            version: 1,
        };
        let mut block = Vec::new();
        header.write(&mut block);
        block.resize(DATA_OFFSET, 0);
        block.extend_from_slice(&data);
        self.put(block)
    }
}

/// Write a file with these rows, ascending. Returns its metadata, checkpoint included.
pub fn file(dir: &Path, spec: &Spec, rows: &mut dyn Iterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let alloc = spec.alloc;
    let mut out = BufWriter::new(File::create(dir.join(&spec.name)).unwrap());
    out.write_all(&local::encode_descriptor(alloc).unwrap()).unwrap();
    let mut w = Writer {
        out,
        alloc,
        at: u64::from(alloc),
        generation: 1,
        tree_bytes: 0,
        free: Vec::new(),
        compressor: spec.compressor,
        blocks: 0,
    };
    let mut level: Vec<(Vec<u8>, LocalAddress)> = Vec::new();
    let mut cells = Vec::new();
    let (mut first, mut entries) = (None, 0);
    let mut leaves = 0_u64;
    let mut done = false;
    while !done {
        let row = rows.next();
        done = row.is_none();
        let item = |v: &Vec<u8>| spec.overflow_above.is_some_and(|n| v.len() > n);
        let length = |v: &Vec<u8>| if item(v) { 16 } else { v.len() };
        let more = row.as_ref().map_or(usize::MAX / 2, |(k, v)| k.len() + length(v) + 16);
        if entries > 0 && cells.len() + more > spec.leaf_max - DATA_OFFSET {
            let address = w.block(PageType::RowLeaf, entries, &cells);
            w.tree_bytes += u64::from(address.size);
            level.push((first.take().unwrap(), address));
            (cells, entries) = (Vec::new(), 0);
            leaves += 1;
            if spec.gap_every.is_some_and(|n| leaves.is_multiple_of(n)) {
                w.gap();
            }
        }
        if let Some((key, value)) = row {
            cell::write_key(&mut cells, 0, &key);
            if item(&value) {
                let address = w.block(PageType::Overflow, u32::try_from(value.len()).unwrap(), &value);
                w.tree_bytes += u64::from(address.size);
                let cookie = address.encode(alloc).unwrap();
                cells.push(0xa0);
                int::write_vuint(&mut cells, cookie.len() as u64);
                cells.extend_from_slice(&cookie);
            } else {
                cell::write_value(&mut cells, &Times::EMPTY, &value);
            }
            entries += 2;
            first.get_or_insert(key);
        }
    }
    let mut kind = if spec.overflow_above.is_some() { CellKind::AddrLeaf } else { CellKind::AddrLeafNoOverflow };
    let root = loop {
        let mut next: Vec<(Vec<u8>, LocalAddress)> = Vec::new();
        let mut pending: Vec<(Vec<u8>, LocalAddress)> = Vec::new();
        let mut size = 0;
        let mut flush = |pending: &mut Vec<(Vec<u8>, LocalAddress)>, w: &mut Writer| {
            let mut cells = Vec::new();
            for (n, (key, address)) in pending.iter().enumerate() {
                cell::write_key(&mut cells, 0, if n == 0 { &[0] } else { key });
                cell::write_addr(&mut cells, kind, &Times::EMPTY, None, &address.encode(alloc).unwrap());
            }
            let entries = u32::try_from(pending.len() * 2).unwrap();
            let address = w.block(PageType::RowInternal, entries, &cells);
            next.push((pending[0].0.clone(), address));
            pending.clear();
            address
        };
        for (key, address) in level {
            let more = key.len() + 24;
            if size + more > spec.internal_max - DATA_OFFSET && pending.len() > 1 {
                w.tree_bytes += u64::from(flush(&mut pending, &mut w).size);
                size = 0;
            }
            size += more;
            pending.push((key, address));
        }
        let last = flush(&mut pending, &mut w);
        if next.len() == 1 {
            break last;
        }
        w.tree_bytes += u64::from(last.size);
        (level, kind) = (next, CellKind::AddrInternal);
    };
    finish(w, spec, root)
}

/// Lists, recovery data and the metadata text.
fn finish(mut w: Writer, spec: &Spec, root: LocalAddress) -> String {
    let unit = u64::from(spec.alloc);
    let mut extents = Vec::new();
    let mut from = unit;
    for gap in &w.free {
        extents.push(Extent { offset: from, size: gap.offset - from });
        from = gap.offset + gap.size;
    }
    extents.push(Extent { offset: from, size: w.at - from });
    extents.retain(|e| e.size > 0);
    let plain =
        |extents, end_value, recovery| ExtentList { extents, end: 0, end_value, recovery, recovery_error: None };
    let alloc = w.list(&plain(extents, 0, None));
    let generation = w.generation;
    let mut checkpoint = LocalCheckpoint {
        version: 1,
        root: Some(root),
        alloc: Some(alloc),
        avail: None,
        discard: None,
        file_size: 0,
        checkpoint_size: w.tree_bytes,
        object: None,
    };
    let config = config(spec);
    let size = w.tree_bytes + u64::from(root.size);
    let list = |c: &LocalCheckpoint| list_of(&hex::encode(c.encode(spec.alloc).unwrap()), generation, size);
    let recovery = |file_size, checkpoint: &LocalCheckpoint| Recovery {
        generation: generation + 1,
        file_size,
        metadata: format!("encryption=(keyid=,name=),block_metadata_encrypted=false,block_metadata=[{config}]"),
        checkpoint_list: list(checkpoint),
        cookie: checkpoint.encode(spec.alloc).unwrap(),
    };
    // The size of the file counts the block that states it; its length does not depend on the number.
    let avail = |file_size, c: &LocalCheckpoint| plain(w.free.clone(), 1, Some(recovery(file_size, c)));
    let length = (DATA_OFFSET + avail(0, &checkpoint).encode().len()).next_multiple_of(spec.alloc as usize) as u64;
    let end = w.at + length;
    let avail = avail(end, &checkpoint);
    checkpoint.avail = Some(w.list(&avail));
    checkpoint.file_size = w.at;
    assert_eq!(w.at, end);
    w.out.seek(SeekFrom::End(0)).unwrap();
    w.out.flush().unwrap();
    format!("{config},{},checkpoint_backup_info=,checkpoint_lsn=(4294967295,2147483647)", list(&checkpoint))
}

/// A file that was created and never written.
pub fn empty(dir: &Path, spec: &Spec) -> String {
    std::fs::write(dir.join(&spec.name), local::encode_descriptor(spec.alloc).unwrap()).unwrap();
    format!("{},{},checkpoint_backup_info=,checkpoint_lsn=(4294967295,2147483647)", config(spec), list_of("", 1, 0))
}

fn config(spec: &Spec) -> String {
    // The metadata is always of strings.
    let formats = if spec.id == 0 { ("S", "S") } else { spec.formats };
    format!(
        "allocation_size={},app_metadata=,block_compressor={},checksum=on,collator=,encryption=(keyid=,name=),\
         format=btree,id={},internal_page_max={},key_format={},leaf_page_max={},value_format={},\
         version=(major=2,minor=1)",
        spec.alloc,
        spec.compressor.map_or("", Compressor::name),
        spec.id,
        spec.internal_max,
        formats.0,
        spec.leaf_max,
        formats.1
    )
}

fn list_of(cookie: &str, generation: u64, size: u64) -> String {
    format!(
        "checkpoint=(WiredTigerCheckpoint.1=(addr=\"{cookie}\",order=1,time=1795315797,size={size},\
         newest_start_durable_ts=0,oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,\
         newest_stop_txn=-11,prepare=0,write_gen={generation},run_write_gen=1))"
    )
}

/// Metadata, history store, turtle and version file around files whose metadata is given.
pub fn home(dir: &Path, files: &[(String, String)]) {
    home_with(dir, files, &Spec::new("WiredTiger.wt", 0));
}

/// As [`home`], with a metadata file of another shape.
pub fn home_with(dir: &Path, files: &[(String, String)], metadata: &Spec) {
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let row = |key: &str, value: &str| (format!("{key}\0").into_bytes(), format!("{value}\0").into_bytes());
    for (name, config) in files {
        rows.push(row(&format!("file:{name}"), config));
    }
    let history = empty(dir, &Spec::new("WiredTigerHS.wt", 1));
    rows.push(row("file:WiredTigerHS.wt", &history));
    rows.sort();
    let metadata = file(dir, metadata, &mut rows.into_iter());
    let turtle = home_turtle::from_version_text(VERSION, metadata).unwrap();
    std::fs::write(dir.join(home_turtle::FILE_NAME), home_turtle::render(&turtle)).unwrap();
    std::fs::write(dir.join("WiredTiger"), format!("WiredTiger\n{VERSION}\n")).unwrap();
}
