//! Damaged variants of local homes: a private home that shares what was not changed with its base,
//! the map of all references between the blocks of a file, and a re-linker that makes checksums hold
//! again all the way up to the turtle.

#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use wtcheck::format::block::LocalBlockHeader;
use wtcheck::format::int::write_vuint;
use wtcheck::format::local::{DATA_OFFSET, Extent, ExtentList, LocalAddress, LocalCheckpoint, Recovery};
use wtcheck::format::local_image;
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::home::directory::{FileEntry, Home, METADATA, Options};
use wtcheck::page::cell::{Cell, CellKind, Cells, Times, write_value};

pub const TURTLE: &str = "WiredTiger.turtle";
pub const METADATA_FILE: &str = METADATA;

/// Small, seeded, the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Which list of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Alloc,
    Avail,
    Discard,
}

impl List {
    pub fn of(self, cookie: &mut LocalCheckpoint) -> &mut Option<LocalAddress> {
        match self {
            Self::Alloc => &mut cookie.alloc,
            Self::Avail => &mut cookie.avail,
            Self::Discard => &mut cookie.discard,
        }
    }
}

/// What refers to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ref {
    /// The page at this offset.
    Page(u64),
    /// The cookie of this checkpoint.
    Root(usize),
}

/// A block of a tree.
#[derive(Debug, Clone)]
pub struct Node {
    pub address: LocalAddress,
    pub kind: PageType,
    pub compressed: bool,
    /// Levels below the root; roots are 0, overflow items below their leaf.
    pub level: usize,
    /// The kind of the cell that refers to it; `None` for roots.
    pub cell: Option<CellKind>,
    /// The aggregate of that cell.
    pub times: Times,
    pub refs: BTreeSet<Ref>,
    /// Indices of checkpoints that reach it.
    pub checkpoints: BTreeSet<usize>,
}

/// All trees of a file.
#[derive(Debug, Clone)]
pub struct Tree {
    pub entry: FileEntry,
    pub checkpoints: Vec<LocalCheckpoint>,
    pub nodes: BTreeMap<u64, Node>,
}

impl Tree {
    fn read(bytes: &[u8], entry: &FileEntry) -> Self {
        let cookies: Vec<_> = entry.checkpoints.iter().map(|c| decode(&c.addr, entry.alloc)).collect();
        let mut out = Self { entry: entry.clone(), checkpoints: cookies.clone(), nodes: BTreeMap::new() };
        for (at, cookie) in cookies.iter().enumerate() {
            if let Some(root) = cookie.root {
                out.block(bytes, root, Ref::Root(at), (at, 0), None, Times::EMPTY);
            }
        }
        out
    }

    fn block(
        &mut self,
        bytes: &[u8],
        address: LocalAddress,
        from: Ref,
        (checkpoint, level): (usize, usize),
        cell: Option<CellKind>,
        times: Times,
    ) {
        let stored = &bytes[span(&address)];
        let header = PageHeader::read(&mut Reader::new(stored)).unwrap();
        let kind = header.page_type().unwrap();
        let node = self.nodes.entry(address.offset).or_insert_with(|| Node {
            address,
            kind,
            compressed: header.is_compressed(),
            level,
            cell,
            times,
            refs: BTreeSet::new(),
            checkpoints: BTreeSet::new(),
        });
        node.refs.insert(from);
        node.level = node.level.max(level);
        if !node.checkpoints.insert(checkpoint) {
            return;
        }
        // Leaves whose cell says so have nothing below them.
        if kind == PageType::Overflow || cell == Some(CellKind::AddrLeafNoOverflow) {
            return;
        }
        let plain = local_image::plain(stored, &header, self.entry.compression()).unwrap().into_owned();
        for cell in Cells::new(&plain, DATA_OFFSET, header.flags).map(Result::unwrap) {
            if is_reference(cell.kind) {
                let child = LocalAddress::decode(cell.data, self.entry.alloc).unwrap().unwrap();
                let from = Ref::Page(address.offset);
                self.block(bytes, child, from, (checkpoint, level + 1), Some(cell.kind), cell.times);
            }
        }
    }

    pub fn last(&self) -> usize {
        self.checkpoints.len() - 1
    }

    pub fn cookie(&self) -> &LocalCheckpoint {
        self.checkpoints.last().unwrap()
    }

    /// Blocks of a type.
    pub fn of(&self, kind: PageType) -> Vec<&Node> {
        self.nodes.values().filter(|n| n.kind == kind).collect()
    }

    /// Blocks of a type that the newest checkpoint reaches.
    pub fn newest(&self, kind: PageType) -> Vec<&Node> {
        self.of(kind).into_iter().filter(|n| n.checkpoints.contains(&self.last())).collect()
    }
}

/// A cookie; one without data stands for the empty text.
fn decode(addr: &[u8], alloc: u32) -> LocalCheckpoint {
    let empty = LocalCheckpoint {
        version: 1,
        root: None,
        alloc: None,
        avail: None,
        discard: None,
        file_size: 0,
        checkpoint_size: 0,
        object: None,
    };
    if addr.is_empty() { empty } else { LocalCheckpoint::decode(addr, alloc).expect("a cookie of an undamaged file") }
}

fn encode(cookie: &LocalCheckpoint, alloc: u32) -> String {
    if cookie.file_size == 0 { String::new() } else { hex::encode(cookie.encode(alloc).unwrap()) }
}

fn is_reference(kind: CellKind) -> bool {
    kind.is_addr() || matches!(kind, CellKind::KeyOverflow | CellKind::ValueOverflow)
}

pub fn span(address: &LocalAddress) -> std::ops::Range<usize> {
    usize::try_from(address.offset).unwrap()..usize::try_from(address.end()).unwrap()
}

/// An undamaged home.
pub struct Base {
    pub dir: PathBuf,
    pub home: Home,
    trees: Mutex<BTreeMap<String, Tree>>,
}

impl Base {
    pub fn open(dir: &Path) -> Self {
        let dir = std::fs::canonicalize(dir).unwrap();
        let home = Home::open(&dir, Options::default()).unwrap();
        assert!((home.complete || home.encrypted) && home.issues.is_empty(), "{:?}", home.issues);
        Self { dir, home, trees: Mutex::default() }
    }

    pub fn tree(&self, name: &str) -> Tree {
        let mut trees = self.trees.lock().unwrap();
        trees
            .entry(name.to_string())
            .or_insert_with(|| {
                let entry = self.home.file(name).expect(name);
                Tree::read(&std::fs::read(self.dir.join(name)).unwrap(), entry)
            })
            .clone()
    }

    pub fn names(&self) -> Vec<String> {
        self.home.inventory.keys().cloned().collect()
    }

    pub fn case(&self) -> Case<'_> {
        Case { base: self, files: BTreeMap::new(), consistent: false, affected: BTreeSet::new() }
    }
}

/// A damaged home: the files that differ from the base's.
pub struct Case<'b> {
    pub base: &'b Base,
    /// `None` for a file that is gone.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// Rewrite the recovery data of data files too.
    pub consistent: bool,
    /// Files that findings may be in although their bytes are whole: their metadata is not.
    pub affected: BTreeSet<String>,
}

impl Case<'_> {
    /// The bytes of a file, to be changed.
    pub fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        let read = || Some(std::fs::read(self.base.dir.join(name)).unwrap());
        self.files.entry(name.to_string()).or_insert_with(read).as_mut().unwrap()
    }

    /// The bytes of a file, to be looked at.
    pub fn peek(&self, name: &str) -> Vec<u8> {
        match self.files.get(name) {
            Some(bytes) => bytes.clone().unwrap(),
            None => std::fs::read(self.base.dir.join(name)).unwrap(),
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.files.insert(name.to_string(), None);
    }

    pub fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.insert(name.to_string(), Some(bytes));
    }

    /// A bit that counts from the beginning of the file.
    pub fn flip(&mut self, name: &str, byte: u64, bit: u8) {
        self.bytes(name)[usize::try_from(byte).unwrap()] ^= 1 << bit;
    }

    /// Make the home: links to what was not changed.
    pub fn make(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in self.base.home.inventory.keys().filter(|n| !self.files.contains_key(*n)) {
            let to = dir.path().join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(self.base.dir.join(name), to).unwrap();
        }
        for (name, bytes) in &self.files {
            if let Some(bytes) = bytes {
                let to = dir.path().join(name);
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::write(to, bytes).unwrap();
            }
        }
        dir
    }

    /// Change a block, then make all checksums above it hold again.
    pub fn edit(&mut self, name: &str, offset: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let tree = self.base.tree(name);
        let range = span(&tree.nodes[&offset].address);
        let bytes = self.bytes(name);
        let mut block = bytes[range.clone()].to_vec();
        change(&mut block);
        assert_eq!(block.len(), range.len());
        bytes[range].copy_from_slice(&block);
        self.relink(name, &[offset]);
    }

    /// Make the checksums hold for these blocks and everything above them.
    pub fn relink(&mut self, name: &str, offsets: &[u64]) {
        let tree = self.base.tree(name);
        let cookies = self.current(name).0;
        let cookies = self.seal(name, &tree, offsets, cookies);
        self.publish(name, cookies, None);
    }

    fn seal(
        &mut self,
        name: &str,
        tree: &Tree,
        offsets: &[u64],
        mut cookies: Vec<LocalCheckpoint>,
    ) -> Vec<LocalCheckpoint> {
        let key = |offset: u64| (std::cmp::Reverse(tree.nodes[&offset].level), offset);
        let mut dirty: BTreeSet<_> = offsets.iter().map(|o| key(*o)).collect();
        while let Some((_, offset)) = dirty.pop_first() {
            let node = &tree.nodes[&offset];
            let range = span(&node.address);
            let bytes = self.bytes(name);
            let checksum = reseal(&mut bytes[range]);
            for from in &node.refs {
                match from {
                    Ref::Root(at) => cookies[*at].root.as_mut().unwrap().checksum = checksum,
                    Ref::Page(parent) => {
                        let range = span(&tree.nodes[parent].address);
                        let page = &mut bytes[range];
                        let mut new = page.to_vec();
                        for (cell, address) in references(page, tree.entry.alloc) {
                            if address.offset == offset {
                                let cookie = LocalAddress { checksum, ..address }.encode(tree.entry.alloc).unwrap();
                                put_cookie(&mut new, cell, &cookie);
                            }
                        }
                        page.copy_from_slice(&new);
                        dirty.insert(key(*parent));
                    }
                }
            }
        }
        cookies
    }

    /// The cookies and sizes a file has now.
    fn current(&self, name: &str) -> (Vec<LocalCheckpoint>, Vec<u64>) {
        let text = if name == METADATA {
            let turtle = String::from_utf8(self.peek(TURTLE)).unwrap();
            turtle.lines().last().unwrap().to_string()
        } else {
            self.row(name).2
        };
        let entry = FileEntry::parse(name, &text, wtcheck::home::directory::Source::Metadata).unwrap();
        let cookies = entry.checkpoints.iter().map(|c| decode(&c.addr, entry.alloc)).collect();
        (cookies, entry.checkpoints.iter().map(|c| c.size).collect())
    }

    /// Change cookies and `size=` of a file: index of the checkpoint, cookie, size.
    pub fn cookies(&mut self, name: &str, mut change: impl FnMut(usize, &mut LocalCheckpoint, &mut u64)) {
        let (mut cookies, mut sizes) = self.current(name);
        for (at, (cookie, size)) in cookies.iter_mut().zip(&mut sizes).enumerate() {
            change(at, cookie, size);
        }
        self.publish(name, cookies, Some(sizes));
    }

    /// Change an extent list of a checkpoint.
    pub fn list(&mut self, name: &str, checkpoint: usize, which: List, change: impl FnOnce(&mut Vec<Extent>)) {
        let alloc = self.base.home.file(name).unwrap().alloc;
        let mut cookies = self.current(name).0;
        let address = which.of(&mut cookies[checkpoint]).expect("a block of that list");
        let block = &mut self.bytes(name)[span(&address)];
        let mut list = ExtentList::decode(block, alloc, u64::MAX).unwrap();
        change(&mut list.extents);
        let checksum = write_list(block, &list);
        which.of(&mut cookies[checkpoint]).as_mut().unwrap().checksum = checksum;
        self.publish(name, cookies, None);
    }

    /// Put new cookies into the metadata (and, if asked for, into the recovery data).
    fn publish(&mut self, name: &str, mut cookies: Vec<LocalCheckpoint>, sizes: Option<Vec<u64>>) {
        let entry = self.base.home.file(name).unwrap().clone();
        let alloc = entry.alloc;
        let (before, old_sizes) = self.current(name);
        let sizes = sizes.unwrap_or_else(|| old_sizes.clone());
        self.affected.insert(name.to_string());
        // The copy does not know its own avail block.
        let mut known = before.clone();
        if let (Some(known), Some(new)) = (known.last_mut(), cookies.last()) {
            known.avail = new.avail;
        }
        let differs = known != cookies || sizes != old_sizes;
        if self.consistent && name != METADATA && differs {
            self.rewrite_copy(name, alloc, &before, &mut cookies, &sizes);
        }
        let change = |text: &str| {
            let mut text = text.to_string();
            for ((c, (old, new)), size) in entry.checkpoints.iter().zip(before.iter().zip(&cookies)).zip(&sizes) {
                text = with_checkpoint(&text, &c.name, &encode(old, alloc), &encode(new, alloc), *size);
            }
            text
        };
        if name == METADATA {
            let turtle = change(&String::from_utf8(self.peek(TURTLE)).unwrap());
            self.put(TURTLE, turtle.into_bytes());
        } else {
            let (leaf, cell, text) = self.row(name);
            self.set_row(leaf, cell, &change(&text));
        }
    }

    /// Make the copy behind the avail list agree with the cookies.
    fn rewrite_copy(
        &mut self,
        name: &str,
        alloc: u32,
        before: &[LocalCheckpoint],
        cookies: &mut [LocalCheckpoint],
        sizes: &[u64],
    ) {
        let names: Vec<String> =
            self.base.home.file(name).unwrap().checkpoints.iter().map(|c| c.name.clone()).collect();
        let last = cookies.len() - 1;
        let Some(avail) = cookies[last].avail else { return };
        let block = &mut self.bytes(name)[span(&avail)];
        let mut list = ExtentList::decode(block, alloc, u64::MAX).unwrap();
        let copy: &mut Recovery = list.recovery.as_mut().unwrap();
        let previous = LocalCheckpoint::decode(&copy.cookie, alloc).unwrap().file_size;
        let incomplete = LocalCheckpoint { avail: None, file_size: previous, ..cookies[last].clone() };
        let new = incomplete.encode(alloc).unwrap();
        let mut text = copy.checkpoint_list.clone();
        for at in 0..last {
            let (old, new) = (encode(&before[at], alloc), encode(&cookies[at], alloc));
            text = with_checkpoint(&text, &names[at], &old, &new, sizes[at]);
        }
        text = with_checkpoint(&text, &names[last], &hex::encode(&copy.cookie), &hex::encode(&new), sizes[last]);
        (copy.checkpoint_list, copy.cookie, copy.file_size) = (text, new, cookies[last].file_size);
        cookies[last].avail.as_mut().unwrap().checksum = write_list(block, &list);
    }

    /// The leaf of the metadata that has a file's row, the offset of the value cell, and the value.
    pub fn row(&self, name: &str) -> (u64, usize, String) {
        let tree = self.base.tree(METADATA);
        let bytes = self.peek(METADATA);
        let wanted = format!("file:{name}\0");
        for node in tree.newest(PageType::RowLeaf) {
            let block = &bytes[span(&node.address)];
            let header = PageHeader::read(&mut Reader::new(block)).unwrap();
            assert!(!header.is_compressed());
            let mem = header.mem_size as usize;
            let mut found = false;
            for cell in Cells::new(&block[..mem], DATA_OFFSET, header.flags).map(Result::unwrap) {
                if cell.kind == CellKind::Key {
                    found = cell.prefix == 0 && cell.data == wanted.as_bytes();
                } else if found {
                    let text = std::str::from_utf8(cell.data).unwrap().trim_end_matches('\0');
                    return (node.address.offset, cell.offset, text.to_string());
                }
            }
        }
        panic!("no row for {name}");
    }

    /// Put a text in the place of a value of the metadata.
    pub fn set_row(&mut self, leaf: u64, at: usize, text: &str) {
        self.edit(METADATA, leaf, |block| {
            let cell = Cell::read(block, at, 0).unwrap();
            let mut new = Vec::new();
            write_value(&mut new, &cell.times, format!("{text}\0").as_bytes());
            let range = cell.offset..cell.end;
            splice(block, range, &new);
        });
    }
}

/// `NAME=(addr="OLD",..,size=N,..)` with another cookie and size.
fn with_checkpoint(text: &str, name: &str, old: &str, new: &str, size: u64) -> String {
    let head = format!("{name}=(addr=\"{old}\"");
    let at = text.find(&head).unwrap_or_else(|| panic!("{head} in {text}"));
    let rest = &text[at + head.len()..];
    let from = rest.find(",size=").unwrap() + ",size=".len();
    let to = from + rest[from..].find(',').unwrap();
    format!("{}{name}=(addr=\"{new}\"{}{size}{}", &text[..at], &rest[..from], &rest[to..])
}

/// Compute the checksum of a block and put it in.
pub fn reseal(block: &mut [u8]) -> u32 {
    let header = LocalBlockHeader::read(&mut Reader::at(block, 28).unwrap()).unwrap();
    let checksum = header.compute_checksum(block);
    block[32..36].copy_from_slice(&checksum.to_le_bytes());
    checksum
}

/// Write a list into its block, with its recovery data.
fn write_list(block: &mut [u8], list: &ExtentList) -> u32 {
    let all = list.encode();
    let entries = ExtentList { recovery: None, ..list.clone() }.encode().len();
    assert!(DATA_OFFSET + all.len() <= block.len(), "the block has no room");
    block[DATA_OFFSET..].fill(0);
    block[DATA_OFFSET..DATA_OFFSET + all.len()].copy_from_slice(&all);
    block[16..20].copy_from_slice(&u32::try_from(DATA_OFFSET + entries).unwrap().to_le_bytes());
    block[20..24].copy_from_slice(&u32::try_from(entries).unwrap().to_le_bytes());
    reseal(block)
}

/// The cells of a plain page that refer to blocks: offset of the cell, address.
pub fn references(block: &[u8], alloc: u32) -> Vec<(usize, LocalAddress)> {
    cells(block)
        .into_iter()
        .filter(|(_, kind, _)| is_reference(*kind))
        .filter_map(|(at, _, data)| Some((at, LocalAddress::decode(&data, alloc).ok()??)))
        .collect()
}

/// The cells of a plain page: offset, kind, data. A page that was damaged on purpose ends early.
pub fn cells(block: &[u8]) -> Vec<(usize, CellKind, Vec<u8>)> {
    let header = PageHeader::read(&mut Reader::new(block)).unwrap();
    assert!(!header.is_compressed(), "the page is compressed");
    let mem = (header.mem_size as usize).min(block.len());
    Cells::new(&block[..mem], DATA_OFFSET, header.flags)
        .map_while(Result::ok)
        .map(|c| (c.offset, c.kind, c.data.to_vec()))
        .collect()
}

/// Put another cookie into the cell at `at`.
pub fn put_cookie(block: &mut Vec<u8>, at: usize, cookie: &[u8]) {
    let header = PageHeader::read(&mut Reader::new(block)).unwrap();
    let cell = Cell::read(block, at, header.flags).unwrap();
    // The length, one byte for every cookie, stands before the data.
    let data = cell.end - cell.data.len();
    let range = data - 1..cell.end;
    let mut new = Vec::new();
    write_vuint(&mut new, cookie.len() as u64);
    new.extend_from_slice(cookie);
    splice(block, range, &new);
}

/// Replace bytes of a page; what follows moves, `mem_size` with it.
pub fn splice(block: &mut Vec<u8>, range: std::ops::Range<usize>, new: &[u8]) {
    let size = block.len();
    let mem = u32::from_le_bytes(block[16..20].try_into().unwrap()) as usize;
    let mem_new = mem + new.len() - range.len();
    assert!(mem_new <= size, "the page has no room: {mem_new} of {size}");
    block.splice(range, new.iter().copied());
    block.resize(size.max(mem_new), 0);
    block.truncate(size);
    block[mem_new..].fill(0);
    set_u32(block, 16, u32::try_from(mem_new).unwrap());
}

pub fn set_u32(block: &mut [u8], at: usize, value: u32) {
    block[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub fn get_u32(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(block[at..at + 4].try_into().unwrap())
}
