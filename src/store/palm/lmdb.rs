//! A read-only reader of LMDB environments (`data.mdb`) over a byte slice; PALM's container.
//!
//! Only what a page log needs: find a named database, walk its records in key order. The reader
//! trusts nothing in the file: every page number, offset and size is checked against the page and
//! the file, the walk keeps its own bounded stack and visits no page twice, and damage costs only
//! the subtree or record it lies in. Values are not copied: a record says where its value lies.
//!
//! The format, as far as it is read here (little-endian, 64-bit, data version 1):
//!
//! * Pages 0 and 1 are the meta pages; the newer transaction is the current state, the other one
//!   still describes the state before it, complete.
//! * Every page begins with a 16-byte header: page number, pad, flags, then either two 16-bit bounds
//!   of the free space (trees) or a 32-bit page count (overflow runs).
//! * A tree page holds 16-bit node offsets behind its header and the nodes at its end. A node is
//!   an 8-byte header, the key, and in leaves the value, the number of its overflow run, or the
//!   48-byte record of a named database.

use super::lmdb_page::{HEADER, Header, Node, TreePage, slice};
use super::page_set::PageSet;
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};

/// Trees deeper than this are refused; LMDB's own cursors end there, too.
pub const MAX_DEPTH: u16 = 32;

pub const MAGIC: u32 = 0xBEEF_C0DE;
const DATA_VERSION: u32 = 1;
const META_PAGES: u64 = 2;
const MIN_PAGE_SIZE: usize = 512;
const MAX_PAGE_SIZE: usize = 32768;

const PAGE_BRANCH: u16 = 0x01;
pub const PAGE_LEAF: u16 = 0x02;
const PAGE_OVERFLOW: u16 = 0x04;
pub const PAGE_META: u16 = 0x08;
/// Flags a writer keeps in memory only. They say nothing about the content, so they are not held against it.
const PAGE_VOLATILE: u16 = 0x8000 | 0x4000 | 0x10;

/// So many faults of the main database are kept; garbage could fill memory with them otherwise.
const MAX_FAULTS: usize = 100;

/// Flag of a database: its keys are integers, in native order.
#[cfg(feature = "palm-repair")]
pub const INTEGER_KEYS: u16 = 0x08;

/// Flag of an environment, kept with those of its free pages: it was made without a directory of its own.
#[cfg(feature = "palm-repair")]
const NO_DIRECTORY: u16 = 0x4000;

const NODE_HEADER: usize = 8;
const NODE_OVERFLOW: u16 = 0x01;
const NODE_DATABASE: u16 = 0x02;
const NODE_DUPLICATES: u16 = 0x04;

/// The record of a database: shape and root of its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Db {
    /// LMDB's flags of the database (integer keys, duplicates, ...).
    pub flags: u16,
    /// Levels of the tree, 0 when empty.
    pub depth: u16,
    /// Records as counted by the writer.
    pub entries: u64,
    /// Root page, `None` when empty.
    pub root: Option<u64>,
}

impl Db {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        r.take(4)?;
        let flags = r.u16le()?;
        let depth = r.u16le()?;
        // Branch, leaf and overflow page counts: statistics.
        r.take(24)?;
        let entries = r.u64le()?;
        let root = Some(r.u64le()?).filter(|&root| root != u64::MAX);
        Ok(Self { flags, depth, entries, root })
    }

    fn check(&self, last_page: u64) -> Result<()> {
        match self.root {
            None => Ok(()),
            Some(root) if root < META_PAGES || root > last_page => {
                Err(FormatError::invalid(format!("root page {root} is outside pages {META_PAGES}..={last_page}")))
            }
            Some(_) if self.depth == 0 || self.depth > MAX_DEPTH => {
                Err(FormatError::invalid(format!("impossible depth {} of a tree", self.depth)))
            }
            Some(_) => Ok(()),
        }
    }
}

/// What one meta page says: a complete state of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The meta page it was read from, 0 or 1.
    pub meta_page: u64,
    /// Transaction that wrote it.
    pub txn: u64,
    /// Page size in bytes.
    pub page_size: usize,
    /// The last page in use. The file may be shorter if the pages at its end were never written.
    pub last_page: u64,
    /// Bytes of address space writers have given the environment. As stored; only writers need it.
    pub map_size: u64,
    /// The database of free pages. As stored; only writers need it.
    pub free: Db,
    /// The main database, which holds the named ones.
    pub main: Db,
}

impl State {
    /// Decode the meta page at a file offset; its content must be plausible in itself.
    fn decode(bytes: &[u8], at: usize, meta_page: u64) -> Result<Self> {
        let mut r = Reader::at(bytes, at)?;
        let number = r.u64le()?;
        r.take(2)?;
        let flags = r.u16le()?;
        r.take(4)?;
        let magic = r.u32le()?;
        if magic != MAGIC {
            return Err(FormatError::invalid(format!("not LMDB magic: {magic:#010x}")));
        }
        let version = r.u32le()?;
        if version != DATA_VERSION {
            return Err(FormatError::unsupported(format!("LMDB data version {version}, but only 1 is known")));
        }
        if number != meta_page || flags & PAGE_META == 0 {
            return Err(FormatError::invalid(format!("header says page {number}, flags {flags:#x}")));
        }
        // The address was the writer's own.
        r.take(8)?;
        let map_size = r.u64le()?;
        // The free database's record comes first; its pad field holds the page size.
        let free = r.take(48)?;
        let stored_size = Reader::new(free).u32le()?;
        let free = Db::decode(&mut Reader::new(free))?;
        let page_size = usize::try_from(stored_size)
            .ok()
            .filter(|size| size.is_power_of_two() && (MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(size))
            .ok_or_else(|| FormatError::invalid(format!("impossible page size {stored_size}")))?;
        let main = Db::decode(&mut r)?;
        let last_page = r.u64le()?;
        let txn = r.u64le()?;
        if last_page < META_PAGES.saturating_sub(1) || last_page.checked_mul(page_size as u64).is_none() {
            return Err(FormatError::invalid(format!("impossible last page {last_page}")));
        }
        main.check(last_page).map_err(|e| e.within("main database"))?;
        Ok(Self { meta_page, txn, page_size, last_page, map_size, free, main })
    }
}

/// Damage met on a walk: what lies behind it was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<'a> {
    /// The page it was found on, or that could not be entered.
    pub page: u64,
    pub reason: String,
    /// The key of the record, if only this one record is concerned.
    pub key: Option<&'a [u8]>,
}

impl std::fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "page {}: {}", self.page, self.reason)
    }
}

/// A record of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub key: &'a [u8],
    /// Offset of the value in the file. The value lies there in one piece, and inside the file.
    pub offset: u64,
    /// Length of the value.
    pub len: u32,
    /// The value is the record of a named database; in the main database only.
    pub is_database: bool,
}

/// An environment: the bytes of a data file, seen in one of its states.
#[derive(Debug, Clone, Copy)]
pub struct Env<'a> {
    bytes: &'a [u8],
    state: State,
}

impl<'a> Env<'a> {
    /// The states the meta pages describe, newest first, and what is wrong with an unusable meta page.
    ///
    /// An error means that neither meta page is usable: not an LMDB environment this reader knows.
    pub fn states(bytes: &'a [u8]) -> Result<(Vec<State>, Vec<Fault<'a>>)> {
        let mut faults = Vec::new();
        let mut fault = |page, e: &FormatError| faults.push(Fault { page, reason: e.message.clone(), key: None });
        let first = State::decode(bytes, 0, 0);
        let expected = first.as_ref().ok().map(|s| s.page_size);
        // Where the second meta page lies depends on the page size. It proves itself by naming the
        // size that leads to it, so it is found even if the first one is damaged.
        let second = expected
            .into_iter()
            .chain((MIN_PAGE_SIZE.ilog2()..=MAX_PAGE_SIZE.ilog2()).map(|shift| 1_usize << shift))
            .filter_map(|size| State::decode(bytes, size, 1).ok().filter(|s| s.page_size == size))
            .next();
        let mut states = Vec::new();
        match (first, second) {
            (Ok(first), Some(second)) if first.page_size != second.page_size => {
                let e = format!("page size {}, but meta page 1 says {}", first.page_size, second.page_size);
                fault(0, &FormatError::invalid(e));
                states.push(second);
            }
            (Ok(first), Some(second)) => states.extend([first, second]),
            (Ok(first), None) => {
                let e = State::decode(bytes, first.page_size, 1)
                    .err()
                    .unwrap_or_else(|| FormatError::invalid("page size differs from that of meta page 0"));
                fault(1, &e);
                states.push(first);
            }
            (Err(e), Some(second)) => {
                fault(0, &e);
                states.push(second);
            }
            (Err(e), None) => return Err(e.within("no usable LMDB meta page")),
        }
        states.sort_by_key(|s| std::cmp::Reverse(s.txn));
        Ok((states, faults))
    }

    /// The environment in a state obtained from [`Env::states`] of the same bytes.
    pub fn new(bytes: &'a [u8], state: State) -> Self {
        Self { bytes, state }
    }

    /// The environment in its newest state whose main database can be entered; if there is none, in its newest.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let (states, _) = Self::states(bytes)?;
        let usable = states.iter().find(|s| Self::new(bytes, **s).can_enter(&s.main)).or(states.first());
        let state = usable.ok_or_else(|| FormatError::invalid("no usable LMDB meta page"))?;
        Ok(Self::new(bytes, *state))
    }

    /// The state that is read.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether a tree's root page is there and sound; true for an empty tree.
    pub fn can_enter(&self, db: &Db) -> bool {
        let Some(root) = db.root else { return true };
        self.tree_page(root).is_ok_and(|page| page.leaf == (db.depth == 1))
    }

    /// Look a named database up. The faults are the first ones met in the main database on the way to it.
    pub fn database(&self, name: &[u8]) -> (Option<Db>, Vec<Fault<'a>>) {
        let mut faults = Vec::new();
        for record in self.records(&self.state.main) {
            match record {
                Ok(record) if record.is_database && record.key == name => match self.decode_database(&record) {
                    Ok(db) => return (Some(db), faults),
                    Err(e) if faults.len() < MAX_FAULTS => faults.push(self.database_fault(&record, &e)),
                    Err(_) => {}
                },
                Err(fault) if faults.len() < MAX_FAULTS => faults.push(fault),
                Ok(_) | Err(_) => {}
            }
        }
        (None, faults)
    }

    fn decode_database(&self, record: &Record<'a>) -> Result<Db> {
        let db = Db::decode(&mut Reader::new(self.value(record)?))?;
        db.check(self.state.last_page)?;
        Ok(db)
    }

    fn database_fault(&self, record: &Record<'a>, e: &FormatError) -> Fault<'a> {
        let page = record.offset.checked_div(self.state.page_size as u64).unwrap_or_default();
        let name = String::from_utf8_lossy(record.key);
        Fault { page, reason: format!("record of database {name:?}: {}", e.message), key: Some(record.key) }
    }

    /// The records of a database in key order, with the faults in between.
    ///
    /// To walk the main database itself, pass [`State::main`] of [`Env::state`].
    pub fn records(&self, db: &Db) -> Records<'a> {
        Records {
            env: *self,
            is_main: *db == self.state.main,
            depth: db.depth,
            enter: db.root,
            stack: Vec::new(),
            seen: PageSet::new(self.pages_there()),
        }
    }

    /// Whether a writer may be let at the environment, which trusts what it reads: every record of every
    /// database can be read and is in order, every page has one owner, and no page listed as free has any.
    ///
    /// The error says what is wrong.
    #[cfg(feature = "palm-repair")]
    pub fn check(&self) -> std::result::Result<(), String> {
        let flags = (self.state.main.flags, self.state.free.flags & !NO_DIRECTORY);
        if flags != (0, INTEGER_KEYS) {
            return Err(format!("flags {flags:#x?} of the main database and of the free pages are not the usual ones"));
        }
        let mut used = PageSet::new(0);
        let mut databases = Vec::new();
        self.check_tree("main database", &self.state.main, &mut used, |record| {
            if record.is_database {
                let name = String::from_utf8_lossy(record.key).into_owned();
                let db = self.decode_database(record).map_err(|e| format!("database {name:?}: {}", e.message))?;
                databases.push((format!("database {name:?}"), db));
            }
            Ok(())
        })?;
        for (name, db) in &databases {
            self.check_tree(name, db, &mut used, |_| Ok(()))?;
        }
        let free = self.state.free;
        free.check(self.state.last_page).map_err(|e| format!("free pages: {}", e.message))?;
        let mut lists = Vec::new();
        self.check_tree("free pages", &free, &mut used, |record| {
            lists.push(*record);
            Ok(())
        })?;
        for list in &lists {
            let broken = || format!("free pages: list {} is damaged", hex::encode(list.key));
            // A list is its length, then so many page numbers; there may be room behind them.
            let (words, _) = self.value(list).map_err(|_| broken())?.as_chunks::<8>();
            let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
            let count = words.next().and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count <= words.len()).ok_or_else(broken)?;
            for page in words.take(count) {
                if page < META_PAGES || page > self.state.last_page {
                    return Err(format!("{}: page {page}", broken()));
                }
                // A free page behind the end of the file cannot be in use; all that is was found in the file.
                if page < self.pages_there() && !used.claim(page, 1) {
                    return Err(format!("page {page} is listed as free, but is in use or listed twice"));
                }
            }
        }
        Ok(())
    }

    /// Walk a database to its end and add its pages to those in use.
    #[cfg(feature = "palm-repair")]
    fn check_tree(
        &self,
        name: &str,
        db: &Db,
        used: &mut PageSet,
        mut each: impl FnMut(&Record<'a>) -> std::result::Result<(), String>,
    ) -> std::result::Result<(), String> {
        let mut count = 0_u64;
        let mut last: Option<&[u8]> = None;
        let mut records = self.records(db);
        for record in &mut records {
            let record = record.map_err(|fault| format!("{name}: {fault}"))?;
            if last.is_some_and(|last| !ascends(last, record.key, db.flags & INTEGER_KEYS != 0)) {
                return Err(format!("{name}: key {} is out of order", hex::encode(record.key)));
            }
            last = Some(record.key);
            count = count.saturating_add(1);
            each(&record)?;
        }
        if count != db.entries {
            return Err(format!("{name}: {count} records found, the database says {}", db.entries));
        }
        used.merge(&records.seen).then_some(()).ok_or_else(|| format!("{name}: shares pages with another database"))
    }

    /// How many pages of those in use lie in the file.
    fn pages_there(&self) -> u64 {
        let pages_in_file = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX) / (self.state.page_size as u64);
        pages_in_file.min(self.state.last_page.saturating_add(1))
    }

    pub fn value(&self, record: &Record<'a>) -> Result<&'a [u8]> {
        slice(self.bytes, record.offset, u64::from(record.len))
    }

    /// The bytes from a page's start to the end of `count` pages.
    fn pages(&self, first: u64, count: u64) -> std::result::Result<&'a [u8], String> {
        let size = self.state.page_size as u64;
        let last = first.checked_add(count.saturating_sub(1)).filter(|&last| last <= self.state.last_page);
        if first < META_PAGES || last.is_none() {
            let count =
                if count == 1 { String::new() } else { format!(" and the {} after it", count.saturating_sub(1)) };
            return Err(format!("page {first}{count} outside pages {META_PAGES}..={}", self.state.last_page));
        }
        let range = first.checked_mul(size).zip(count.checked_mul(size));
        range
            .and_then(|(at, len)| slice(self.bytes, at, len).ok())
            .ok_or_else(|| format!("past the end of the file ({} bytes)", self.bytes.len()))
    }

    fn header(&self, number: u64) -> std::result::Result<(&'a [u8], Header), String> {
        let bytes = self.pages(number, 1)?;
        let header = Header::decode(bytes).map_err(|e| e.message)?;
        if header.number != number {
            return Err(format!("header says page {}", header.number));
        }
        Ok((bytes, header))
    }

    fn tree_page(&self, number: u64) -> std::result::Result<TreePage<'a>, String> {
        let (bytes, header) = self.header(number)?;
        let leaf = match header.flags & !PAGE_VOLATILE {
            PAGE_BRANCH => false,
            PAGE_LEAF => true,
            other => return Err(format!("flags {other:#x} are not those of a branch or leaf page")),
        };
        let (lower, upper) = (usize::from(header.lower), usize::from(header.upper));
        if lower < HEADER || lower > upper || upper > bytes.len() || !lower.is_multiple_of(2) {
            return Err(format!("impossible bounds of the free space, {lower}..{upper}"));
        }
        let count = lower.saturating_sub(HEADER) / 2;
        if count == 0 {
            return Err("a tree page without nodes".into());
        }
        Ok(TreePage { bytes, leaf, count, upper })
    }
}

/// Whether one key comes before another; integers are little-endian.
#[cfg(feature = "palm-repair")]
fn ascends(first: &[u8], second: &[u8], integers: bool) -> bool {
    if integers { first.iter().rev().lt(second.iter().rev()) } else { first < second }
}

#[derive(Debug)]
struct Frame<'a> {
    number: u64,
    page: TreePage<'a>,
    next: usize,
    /// Bytes of the nodes so far. Nodes do not overlap, so they cannot exceed the node area; this
    /// keeps a page full of offsets to one node from being multiplied.
    used: usize,
}

/// The records of a database in key order, see [`Env::records`].
#[derive(Debug)]
pub struct Records<'a> {
    env: Env<'a>,
    is_main: bool,
    depth: u16,
    enter: Option<u64>,
    stack: Vec<Frame<'a>>,
    seen: PageSet,
}

impl<'a> Records<'a> {
    fn frame(&mut self, number: u64) -> std::result::Result<Frame<'a>, String> {
        let page = self.env.tree_page(number)?;
        let level = self.stack.len().saturating_add(1);
        let depth = usize::from(self.depth.min(MAX_DEPTH));
        if level > depth || page.leaf != (level == depth) {
            let kind = if page.leaf { "leaf" } else { "branch" };
            return Err(format!("a {kind} page on level {level} of {depth}"));
        }
        if !self.seen.claim(number, 1) {
            return Err("reached twice".into());
        }
        Ok(Frame { number, page, next: 0, used: 0 })
    }

    /// Where the value of a leaf's node lies.
    fn value(&mut self, page: &TreePage<'a>, number: u64, node: &Node<'a>) -> std::result::Result<(u64, u32), String> {
        let len = node.low;
        if node.flags & NODE_OVERFLOW == 0 {
            let end = usize::try_from(len).ok().and_then(|len| node.data.checked_add(len));
            if end.is_none_or(|end| end > page.bytes.len()) {
                return Err(format!("value of {len} bytes runs past the page"));
            }
            let at = number.saturating_mul(page.bytes.len() as u64).saturating_add(node.data as u64);
            return Ok((at, len));
        }
        let first = Reader::at(page.bytes, node.data)
            .and_then(|mut r| r.u64le())
            .map_err(|_| "number of the overflow page cut off by the page end".to_string())?;
        let within = |reason: String| format!("value of {len} bytes in overflow page {first}: {reason}");
        let (_, header) = self.env.header(first).map_err(within)?;
        if header.flags & !PAGE_VOLATILE != PAGE_OVERFLOW {
            return Err(within(format!("flags {:#x} are not those of an overflow page", header.flags)));
        }
        // A run may be longer than its value: one that was replaced by a shorter one stays in place.
        let needed = u64::from(len).saturating_add(HEADER as u64).div_ceil(page.bytes.len() as u64);
        if header.run() < needed {
            return Err(within(format!("a run of {} pages, {needed} needed", header.run())));
        }
        self.env.pages(first, needed).map_err(within)?;
        if !self.seen.claim(first, needed) {
            // A run is tried once only, or a crafted file could make the same long one be tried for every record.
            self.seen.claim(first, 1);
            return Err(within("shares pages with another record or with the tree".into()));
        }
        let at = first.saturating_mul(page.bytes.len() as u64).saturating_add(HEADER as u64);
        Ok((at, len))
    }

    fn record(
        &mut self,
        page: &TreePage<'a>,
        number: u64,
        node: &Node<'a>,
    ) -> std::result::Result<Record<'a>, Fault<'a>> {
        let fault = |reason| Fault { page: number, reason, key: Some(node.key) };
        let is_database = match node.flags {
            0 | NODE_OVERFLOW => false,
            NODE_DATABASE if self.is_main => true,
            flags if flags & !(NODE_OVERFLOW | NODE_DATABASE | NODE_DUPLICATES) == 0 => {
                return Err(fault(format!(
                    "a record of several values (flags {flags:#x}), which page logs do not use"
                )));
            }
            flags => return Err(fault(format!("unknown flags {flags:#x} of a record"))),
        };
        let (offset, len) = self.value(page, number, node).map_err(fault)?;
        Ok(Record { key: node.key, offset, len, is_database })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = std::result::Result<Record<'a>, Fault<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(number) = self.enter.take() {
                match self.frame(number) {
                    Ok(frame) => self.stack.push(frame),
                    Err(reason) => return Some(Err(Fault { page: number, reason, key: None })),
                }
            }
            let frame = self.stack.last_mut()?;
            if frame.next >= frame.page.count {
                self.stack.pop();
                continue;
            }
            let (number, page) = (frame.number, frame.page);
            let at = frame.next;
            frame.next = frame.next.saturating_add(1);
            let node = match page.node(at) {
                Ok(node) => node,
                Err(e) => return Some(Err(Fault { page: number, reason: e.message, key: None })),
            };
            let data = match (page.leaf, node.flags & NODE_OVERFLOW) {
                (false, _) => 0,
                (true, 0) => usize::try_from(node.low).unwrap_or(usize::MAX),
                (true, _) => 8,
            };
            let size = NODE_HEADER.saturating_add(node.key.len()).saturating_add(data);
            frame.used = frame.used.saturating_add(size.checked_next_multiple_of(2).unwrap_or(size));
            if frame.used > page.bytes.len().saturating_sub(page.upper) {
                let left = page.count.saturating_sub(at);
                self.stack.pop();
                let reason = format!("nodes overlap or run past the page; the last {left} of {} left out", page.count);
                return Some(Err(Fault { page: number, reason, key: None }));
            }
            if page.leaf {
                return Some(self.record(&page, number, &node));
            }
            // In branches the flags are the upper bits of the child's page number.
            self.enter = Some(u64::from(node.low) | u64::from(node.flags) << 32);
        }
    }
}
