//! A small deterministic model engine that writes PALite home directories: trees with deltas,
//! splits, frees, evictions and checkpoints, and on request the faults an audit must find.
//!
//! Beside the store it keeps the truth from its own bookkeeping (who wrote a row, and what became of
//! it), never from the rules of the audit. Values are kept as seeds, so that stores of any size can
//! be forged in little memory.

#![allow(dead_code, missing_docs, unreachable_pub)]

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use wtcheck::format::compress::Compressor;
use wtcheck::format::cookie::Cookie;
use wtcheck::format::image::{self, NewImage};
use wtcheck::format::page_header::{
    FLAG_EMPTY_VALUES_ALL, FLAG_EMPTY_VALUES_NONE, FLAG_FAST_TRUNCATE, PageHeader, PageType,
};
use wtcheck::format::{crc, int, key_page};
use wtcheck::id::{Lsn, PageId};
use wtcheck::page::cell::{self, CellKind, TS_MAX, TXN_MAX, Times, Truncate};

const SHARDS: u64 = 17;
const TURTLE: u64 = 2;
const METADATA: u64 = 10;
const HISTORY: u64 = 18;
const KEYS: u64 = 26;
const BUFFER: i64 = 1 << 20;
const FLAG_COMPRESSED: u32 = 0x1;
const FLAG_DELTA: u32 = 0x2;
const FLAG_DISCARDED: u32 = 0x1_0000;
/// Most deltas the engine writes on one image.
const MAX_DELTAS: usize = 32;

/// xorshift64*: small, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d | 1);
        for _ in 0..8 {
            rng.next();
        }
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`; 0 for 0.
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16).checked_rem(n).unwrap_or(0)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'t, T>(&mut self, list: &'t [T]) -> Option<&'t T> {
        list.get(self.below(list.len() as u64) as usize)
    }
}

/// The key pages of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    None,
    V1,
    V2,
}

/// The shape of a store.
#[derive(Debug, Clone)]
pub struct Spec {
    pub seed: u64,
    /// 17 shards, or one file per table.
    pub sharded: bool,
    /// Turtle page of form v2, or v1.
    pub turtle_v2: bool,
    pub keys: KeyForm,
    pub tables: usize,
    /// Rows each table begins with.
    pub rows: u64,
    /// Changes to each table before each checkpoint.
    pub churn: u64,
    pub checkpoints: usize,
    /// The shared history has rows.
    pub history: bool,
    /// By table, in turn.
    pub compressors: Vec<Option<Compressor>>,
    pub leaf_rows: usize,
    pub fanout: usize,
    pub value_len: u32,
    pub prefix: bool,
    pub windows: bool,
    pub truncate: bool,
    pub overflow: bool,
    /// Trees that are done are evicted again while later trees of the checkpoint are written.
    pub frontier: bool,
    pub gaps: bool,
    /// Leaves are written while a table is filled, not only by the first checkpoint.
    pub load_evicts: bool,
    /// The second half of the checkpoints lies in `-wal` files only.
    pub wal: bool,
    pub faults: Vec<Planned>,
}

impl Spec {
    /// Shapes of all kinds, by seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut r = Rng::new(seed ^ 0x00c0_ffee);
        let sharded = r.chance(60);
        let all =
            [None, Some(Compressor::Snappy), Some(Compressor::Zstd), Some(Compressor::Zlib), Some(Compressor::Lz4)];
        Self {
            seed,
            sharded,
            turtle_v2: sharded && r.chance(80),
            keys: *r.pick(&[KeyForm::None, KeyForm::V1, KeyForm::V2, KeyForm::V2]).unwrap(),
            tables: 1 + r.below(3) as usize,
            rows: *r.pick(&[12, 60, 150, 300]).unwrap(),
            churn: 4 + r.below(40),
            checkpoints: 2 + r.below(4) as usize,
            history: r.chance(50),
            compressors: (0..3).map(|_| *r.pick(&all).unwrap()).collect(),
            leaf_rows: 3 + r.below(9) as usize,
            fanout: 3 + r.below(6) as usize,
            value_len: 8 + r.below(90) as u32,
            prefix: r.chance(60),
            windows: r.chance(60),
            truncate: r.chance(50),
            overflow: r.chance(40),
            frontier: r.chance(60),
            gaps: r.chance(30),
            load_evicts: true,
            wal: r.chance(15),
            faults: Vec::new(),
        }
    }

    /// A plain store in which every fault finds a place.
    pub fn plain(seed: u64) -> Self {
        let mut spec = Self::of_seed(seed);
        spec.tables = 2;
        spec.rows = 150;
        spec.churn = 20;
        spec.checkpoints = 4;
        spec.leaf_rows = 5;
        spec.fanout = 5;
        spec.truncate = false;
        spec.overflow = false;
        spec.wal = false;
        spec.keys = if spec.turtle_v2 { KeyForm::V2 } else { KeyForm::V1 };
        spec
    }

    #[must_use]
    pub fn with(mut self, at: usize, table: usize, fault: Fault) -> Self {
        self.faults.push(Planned { at, table, fault });
        self
    }
}

/// A fault, the checkpoint (from 0) it happens before or in, and the user table it happens to.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub at: usize,
    pub table: usize,
    pub fault: Fault,
}

/// What becomes of a live page with a leaked image above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// Re-written as a full image before the next checkpoint.
    Rewrite,
    /// Freed before the next checkpoint.
    Free,
    /// Re-written, and freed one checkpoint later.
    RewriteFree,
}

/// What remains of a failed delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dup {
    /// The retry has the same backlink: the row is replaced.
    Replaced,
    /// It stays above the live chain.
    Left,
    /// A full image follows.
    UnderFull,
    /// The error path discards it, and with it the chain; the page takes a new id.
    Discarded,
    /// It stays, and the page is freed before the next checkpoint.
    LeftFreed,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Orphans: so many images under new page ids.
    LeakNew(usize),
    /// Orphans under a live page id.
    LeakLive(Then),
    /// Chains given up.
    LeakChain,
    DoubleRoot,
    /// Bytes subtracted twice; all of them if `None`.
    Deflated(Option<u64>),
    /// The table is dropped; its bytes stay in `database_size` if true.
    Drop(bool),
    InFlight,
    Duplicate(Dup),
    StaleKeystore,
    /// A key page is written that no checkpoint ever embeds, and another before the checkpoint.
    KeySkipped,
    KeyGarbled,
    KeyMissing,
    FlipLeaf,
    FlipInternal,
    FlipMetadata,
    FlipTurtle,
    MissingBase,
    MissingMiddleDelta,
    MissingNewestDelta,
    MissingLeaf,
    Cycle,
    DoubleReference,
    DiscardLive,
    NextPageId,
    CookieSize(i64),
    LongChain,
    CompletionGarbled,
    MetadataGarbled,
    /// The root cookie in the metadata row cannot be decoded.
    RootCookieGarbled,
    DuplicateId,
    MissingStable,
}

/// A finding that must be there, at checkpoints `from..=to`. Empty fields say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub code: &'static str,
    pub uri: Option<String>,
    pub table: Option<u64>,
    pub page: Option<u64>,
    pub lsn: Option<u64>,
    from: usize,
    to: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Full,
    Delta,
    Discard,
    Turtle,
    Key,
}

/// A row of the page log and what became of it.
#[derive(Debug, Clone)]
pub struct RowTruth {
    pub table: u64,
    pub page: u64,
    pub lsn: u64,
    pub len: u64,
    pub kind: Kind,
    backlink: u64,
    /// Put and counted, but no tree ever knew it.
    leaked: bool,
    /// A failed delta.
    duplicate: bool,
    /// A full image of the page came later, written by a tree that was right to do so.
    replaced: bool,
    /// The page was freed with this row in it.
    freed: bool,
    /// Taken out of the store as damage.
    removed: bool,
}

/// Why a published size is not the true one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Leak,
    Chain,
    Root,
    Deflated,
    /// The size is right; a cookie lies.
    Cookie,
}

/// A page version that a checkpoint reaches.
#[derive(Debug, Clone)]
pub struct Reached {
    pub page: u64,
    pub kind: ReachedKind,
    pub lsns: Vec<u64>,
    pub lens: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachedKind {
    Root,
    Internal,
    Leaf,
    Overflow,
    Deleted,
}

/// One tree at one checkpoint.
#[derive(Debug, Clone, Default)]
pub struct TreeTruth {
    pub uri: String,
    pub table: u64,
    pub root_cookie: String,
    pub root_lsn: Option<u64>,
    pub published: u64,
    pub true_size: u64,
    /// What the cookies add up to; differs from `true_size` only if one lies.
    pub cookie_size: u64,
    pub internal: u64,
    pub leaf: u64,
    pub overflow: u64,
    pub deleted: u64,
    pub deltas: u64,
    pub depth: u64,
    pub keys: u64,
    pub reached: Vec<Reached>,
    pub why: Vec<(Why, i64)>,
}

impl TreeTruth {
    pub fn drift(&self) -> i64 {
        self.why.iter().map(|w| w.1).sum()
    }
}

/// One checkpoint.
#[derive(Debug, Clone)]
pub struct CheckpointTruth {
    pub lsn: u64,
    pub metadata_lsn: u64,
    pub database_size: i64,
    /// `database_size` minus what it should be.
    pub database_drift: i64,
    pub key_lsn: Option<u64>,
    pub trees: Vec<Rc<TreeTruth>>,
    /// Its turtle page or record is damaged.
    pub unusable: bool,
}

/// A forged store and the truth about it.
pub struct Forged {
    pub dir: tempfile::TempDir,
    pub rows: Vec<RowTruth>,
    pub checkpoints: Vec<CheckpointTruth>,
    pub expected: Vec<Expected>,
    /// Pages that miss some of their rows.
    pub holed: HashSet<(u64, u64)>,
    /// Stored bytes.
    pub bytes: u64,
}

pub type Key = (u64, u64, u64);

impl Forged {
    pub fn home(&self) -> &Path {
        self.dir.path()
    }

    /// The newest checkpoint that can be used.
    pub fn newest(&self) -> usize {
        self.checkpoints.iter().rposition(|c| !c.unusable).unwrap()
    }

    fn reached_by(&self, k: usize) -> HashSet<Key> {
        let c = &self.checkpoints[k];
        let mut out: HashSet<Key> = c
            .trees
            .iter()
            .flat_map(|t| t.reached.iter().flat_map(|r| r.lsns.iter().map(|l| (t.table, r.page, *l))))
            .collect();
        out.insert((TURTLE, 1, c.metadata_lsn));
        out.extend(c.key_lsn.map(|l| (KEYS, 1, l)));
        out
    }

    /// The class every row in the store has at checkpoint `k`.
    pub fn classes(&self, k: usize) -> BTreeMap<Key, &'static str> {
        let usable = |i: &usize| !self.checkpoints[*i].unusable;
        let own = self.reached_by(k);
        let older: HashSet<Key> = (0..k).filter(usable).flat_map(|i| self.reached_by(i)).collect();
        let checkpoint = &self.checkpoints[k];
        let frontier = |table: u64| {
            let of = |c: &CheckpointTruth| c.trees.iter().find(|t| t.table == table).cloned();
            match of(checkpoint) {
                Some(t) => t.root_lsn.unwrap_or(checkpoint.metadata_lsn),
                // A dropped table ends with its last root.
                None => (0..k)
                    .rev()
                    .filter(usable)
                    .find_map(|i| of(&self.checkpoints[i]))
                    .map_or(0, |t| t.root_lsn.unwrap_or(0)),
            }
        };
        let mut frontiers: HashMap<u64, u64> = HashMap::new();
        let mut out = BTreeMap::new();
        for row in self.rows.iter().filter(|r| !r.removed) {
            let key = (row.table, row.page, row.lsn);
            let class = if own.contains(&key) {
                "live"
            } else if older.contains(&key) {
                "kept-for-older-checkpoint"
            } else if row.lsn > checkpoint.lsn {
                "after-newest-checkpoint"
            } else if row.kind == Kind::Discard {
                "discard-record"
            } else if row.kind == Kind::Key {
                if row.lsn > checkpoint.key_lsn.unwrap_or(0) { "key-page-not-embedded" } else { "superseded" }
            } else if row.kind == Kind::Turtle {
                "superseded"
            } else if row.lsn > *frontiers.entry(row.table).or_insert_with(|| frontier(row.table)) {
                "after-newest-checkpoint"
            } else if row.leaked {
                "orphan"
            } else if row.freed {
                "discarded"
            } else if row.replaced {
                "superseded"
            } else if row.duplicate {
                "duplicate-delta"
            } else {
                panic!("the model lost track of {row:?}")
            };
            out.insert(key, class);
        }
        out
    }

    /// The findings at checkpoint `k`, in no order.
    pub fn findings(&self, k: usize) -> Vec<Expected> {
        let mut out: Vec<Expected> = self.expected.iter().filter(|e| (e.from..=e.to).contains(&k)).cloned().collect();
        let classes = self.classes(k);
        let at = |code, key: &Key| Expected {
            code,
            uri: None,
            table: Some(key.0),
            page: Some(key.1),
            lsn: Some(key.2),
            from: k,
            to: k,
        };
        let used: HashSet<(u64, u64)> = classes
            .iter()
            .filter(|(_, c)| ["live", "kept-for-older-checkpoint"].contains(c))
            .map(|(key, _)| (key.0, key.1))
            .collect();
        for (key, class) in &classes {
            match *class {
                "orphan" if used.contains(&(key.0, key.1)) => out.push(at("orphan-image", key)),
                "orphan" => out.push(at("orphan-page", key)),
                "duplicate-delta" => out.push(at("duplicate-delta", key)),
                _ => {}
            }
        }
        for tree in &self.checkpoints[k].trees {
            let real: Vec<Why> = tree.why.iter().map(|w| w.0).filter(|w| *w != Why::Cookie).collect();
            let drift: i64 = tree.why.iter().filter(|w| w.0 != Why::Cookie).map(|w| w.1).sum();
            let code = match drift {
                0 => continue,
                1.. if real.iter().all(|w| *w == Why::Root) => "size-double-root",
                1.. => "size-inflated",
                _ => "size-deflated",
            };
            out.push(Expected {
                code,
                uri: Some(tree.uri.clone()),
                table: Some(tree.table),
                page: None,
                lsn: None,
                from: k,
                to: k,
            });
        }
        let code = match self.checkpoints[k].database_drift {
            0 => return out,
            1.. => "database-size-inflated",
            _ => "database-size-deflated",
        };
        let lsn = Some(self.checkpoints[k].lsn);
        out.push(Expected { code, uri: None, table: None, page: None, lsn, from: k, to: k });
        out
    }
}

/// Bytes of a value, as they are or as what makes them.
#[derive(Debug, Clone, PartialEq)]
enum Body {
    Seeded(u64, u32),
    Bytes(Rc<[u8]>),
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Seeded(_, n) => *n as usize,
            Self::Bytes(b) => b.len(),
        }
    }

    /// Half words that compress, half noise.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(b) => out.extend_from_slice(b),
            Self::Seeded(seed, n) => {
                let end = out.len() + *n as usize;
                let mut rng = Rng::new(*seed);
                while out.len() < end {
                    let v = rng.next();
                    match v % 4 {
                        0 | 1 => out.extend_from_slice(&v.to_le_bytes()),
                        _ => out.extend_from_slice(
                            [
                                &b"account balance "[..],
                                b"\0\0\0\0\0\0\0\0",
                                b"{\"name\": \"value\"}",
                                b"ledger entry no. ",
                            ][(v >> 8) as usize % 4],
                        ),
                    }
                }
                out.truncate(end);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Val {
    body: Body,
    times: Times,
    /// Written as an overflow page: its page id and block.
    overflow: Option<(u64, Blk)>,
    wants_overflow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Blk {
    lsn: u64,
    len: u64,
    sum: u32,
}

type Rows = BTreeMap<Vec<u8>, Val>;

#[derive(Debug, Default)]
struct Node {
    leaf: bool,
    parent: usize,
    sep: Vec<u8>,
    /// Page id; 0 if never written, or given up.
    page: u64,
    chain: Vec<Blk>,
    dirty: bool,
    /// A delta would stand on an image the tree does not know.
    full_next: bool,
    /// No random change may touch it: a fault needs it as it is.
    pinned: bool,
    truncated: bool,
    /// The parent on disk says so.
    truncated_on_disk: bool,
    rows: Rows,
    disk: Rows,
    /// Overflow pages to free when the leaf is written.
    dead: Vec<(u64, Blk)>,
    kids: Vec<usize>,
    disk_kids: Vec<(Vec<u8>, Vec<u8>, CellKind)>,
    /// A child address that should not be there.
    extra: Option<Extra>,
    /// Added to the size in this page's cookie.
    lie: i64,
}

#[derive(Debug, Clone)]
enum Extra {
    Cookie(Vec<u8>),
    OwnPage,
}

impl Node {
    fn size(&self) -> u64 {
        self.chain.iter().map(|b| b.len).sum()
    }

    fn cookie(&self) -> Cookie {
        let (base, newest) = (self.chain[0], self.chain[self.chain.len() - 1]);
        let base_lsn = if self.chain.len() > 1 { base.lsn } else { 0 };
        let size = u32::try_from(self.size() as i64 + self.lie).unwrap();
        Cookie::new(PageId(self.page), Lsn(newest.lsn), Lsn(base_lsn), size, newest.sum)
    }

    fn addr_kind(&self) -> CellKind {
        match (self.leaf, self.truncated, self.rows.values().any(|v| v.overflow.is_some())) {
            (false, ..) => CellKind::AddrInternal,
            (_, true, _) => CellKind::AddrDeleted,
            (_, _, true) => CellKind::AddrLeaf,
            _ => CellKind::AddrLeafNoOverflow,
        }
    }
}

/// The page log: SQLite files, the LSN counter, and the truth about every row.
struct Log {
    kv_home: PathBuf,
    sharded: bool,
    wal: bool,
    files: BTreeMap<String, Connection>,
    tables: BTreeSet<u64>,
    lsn: u64,
    rows: Vec<RowTruth>,
    by_page: HashMap<(u64, u64), Vec<usize>>,
    gaps: Option<Rng>,
    bytes: u64,
}

impl Log {
    fn connect(&self, name: &str, schema: &str) -> Connection {
        let conn = Connection::open(self.kv_home.join(name)).unwrap();
        let journal = if self.wal { "WAL" } else { "OFF" };
        conn.execute_batch(&format!("PRAGMA page_size=16384; PRAGMA synchronous=OFF; PRAGMA journal_mode={journal}"))
            .unwrap();
        if self.wal {
            conn.execute_batch("PRAGMA wal_autocheckpoint=0").unwrap();
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        }
        conn.execute_batch(schema).unwrap();
        conn.execute_batch("BEGIN").unwrap();
        conn
    }

    fn file_of(&self, table: u64) -> String {
        if self.sharded { format!("pages_{:02}.db", table % SHARDS) } else { format!("pages_{table:06}.db") }
    }

    fn conn(&mut self, table: u64) -> &Connection {
        let name = self.file_of(table);
        if self.tables.insert(table) && !self.files.contains_key(&name) {
            let conn = self.connect(
                &name,
                "CREATE TABLE pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
                 backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL,
                 delta INTEGER GENERATED ALWAYS AS ((flags & 0x2) != 0) VIRTUAL,
                 discarded INTEGER GENERATED ALWAYS AS ((flags & 0x10000) != 0) VIRTUAL,
                 timestamp_materialized_us INTEGER NOT NULL, page_data BLOB, PRIMARY KEY (table_id, page_id, lsn));
                 CREATE UNIQUE INDEX ux_delta ON pages (table_id, page_id, backlink_lsn)
                 WHERE delta = 1 AND discarded = 0",
            );
            self.files.insert(name.clone(), conn);
        }
        &self.files[&name]
    }

    fn next_lsn(&mut self) -> u64 {
        let gap = self.gaps.as_mut().map_or(0, |r| if r.chance(5) { r.below(4) } else { 0 });
        self.lsn += 1 + gap;
        self.lsn
    }

    fn put(&mut self, place: (u64, u64), kind: Kind, backlink: u64, base: u64, flags: u32, data: &[u8]) -> u64 {
        let (table, page) = place;
        let lsn = self.next_lsn();
        self.conn(table)
            .prepare_cached(
                "INSERT OR REPLACE INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags,
                 timestamp_materialized_us, page_data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
            )
            .unwrap()
            .execute((table as i64, page as i64, lsn as i64, backlink as i64, base as i64, flags, data))
            .unwrap();
        let of_page = self.by_page.entry(place).or_default();
        if kind == Kind::Delta {
            // The unique index replaces a delta with the same backlink.
            for at in of_page.iter() {
                let row = &mut self.rows[*at];
                row.removed |= row.kind == Kind::Delta && row.backlink == backlink;
            }
        }
        of_page.push(self.rows.len());
        self.bytes += data.len() as u64;
        self.rows.push(RowTruth {
            table,
            page,
            lsn,
            len: data.len() as u64,
            kind,
            backlink,
            leaked: false,
            duplicate: false,
            replaced: false,
            freed: false,
            removed: false,
        });
        lsn
    }

    /// The newest row.
    fn last(&mut self) -> &mut RowTruth {
        self.rows.last_mut().unwrap()
    }

    /// A full image the tree meant takes the place of everything before it.
    fn replace(&mut self, place: (u64, u64), by: u64) {
        for at in &self.by_page[&place] {
            let row = &mut self.rows[*at];
            row.replaced |= row.lsn < by && !row.leaked;
        }
    }

    /// A discard record as the tree writes it: it frees what the tree knew of the page.
    fn discard(&mut self, place: (u64, u64), newest: u64, base: u64) {
        self.put(place, Kind::Discard, newest, base, FLAG_DELTA | FLAG_DISCARDED, &[]);
        for at in &self.by_page[&place] {
            let row = &mut self.rows[*at];
            row.freed |= !row.leaked && (!row.duplicate || row.replaced);
        }
    }

    fn commit(&self, keep_wal: bool) {
        for conn in self.files.values() {
            conn.execute_batch("COMMIT").unwrap();
            if self.wal && !keep_wal {
                conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            }
            conn.execute_batch("BEGIN").unwrap();
        }
    }

    fn find(&self, key: Key) -> usize {
        *self.by_page[&(key.0, key.1)].iter().find(|at| self.rows[**at].lsn == key.2).unwrap()
    }

    fn remove(&mut self, key: Key) {
        let n = self.conn(key.0).execute(
            "DELETE FROM pages WHERE table_id=?1 AND page_id=?2 AND lsn=?3",
            (key.0 as i64, key.1 as i64, key.2 as i64),
        );
        assert_eq!(n.unwrap(), 1);
        let at = self.find(key);
        self.rows[at].removed = true;
    }

    fn edit(&mut self, key: Key, f: impl FnOnce(&mut Vec<u8>)) {
        let place = (key.0 as i64, key.1 as i64, key.2 as i64);
        let conn = self.conn(key.0);
        let sql = "SELECT page_data FROM pages WHERE table_id=?1 AND page_id=?2 AND lsn=?3";
        let mut data: Vec<u8> = conn.query_row(sql, place, |r| r.get(0)).unwrap();
        f(&mut data);
        let sql = "UPDATE pages SET page_data=?4 WHERE table_id=?1 AND page_id=?2 AND lsn=?3";
        assert_eq!(conn.execute(sql, (place.0, place.1, place.2, data)).unwrap(), 1);
    }
}

struct Tree {
    uri: String,
    table: u64,
    compressor: Option<Compressor>,
    prefix: bool,
    leaf_rows: usize,
    fanout: usize,
    nodes: Vec<Node>,
    next_page: u64,
    write_gen: u64,
    total: i64,
    /// The root of the last checkpoint.
    root: Option<(u64, Blk)>,
    order: u64,
    truth: Rc<TreeTruth>,
    why: Vec<(Why, i64)>,
    count_old_root: bool,
    next_page_id: u64,
    dropped: bool,
    /// Roots whose discard is still to be written.
    old_roots: Vec<(u64, u64)>,
}

const ROOT: usize = 0;

impl Tree {
    fn new(uri: &str, table: u64, compressor: Option<Compressor>, spec: &Spec) -> Self {
        Self {
            uri: uri.to_string(),
            table,
            compressor,
            prefix: spec.prefix,
            leaf_rows: spec.leaf_rows,
            fanout: spec.fanout,
            nodes: vec![Node::default()],
            next_page: 100,
            write_gen: 0,
            total: 0,
            root: None,
            order: 0,
            truth: Rc::new(TreeTruth { uri: uri.to_string(), table, ..TreeTruth::default() }),
            why: Vec::new(),
            count_old_root: false,
            next_page_id: 100,
            dropped: false,
            old_roots: Vec::new(),
        }
    }

    fn new_page(&mut self) -> u64 {
        self.next_page += 1;
        self.next_page - 1
    }

    fn mark(&mut self, mut n: usize) {
        loop {
            self.nodes[n].dirty = true;
            if n == ROOT {
                return;
            }
            n = self.nodes[n].parent;
        }
    }

    /// The leaf a key belongs to; an empty tree gets one.
    fn leaf_of(&mut self, key: &[u8]) -> usize {
        let mut n = ROOT;
        loop {
            if self.nodes[n].kids.is_empty() {
                let leaf = self.nodes.len();
                self.nodes.push(Node { leaf: true, parent: n, sep: key.to_vec(), ..Node::default() });
                self.nodes[n].kids.push(leaf);
                return leaf;
            }
            let kids = &self.nodes[n].kids;
            let at = kids.partition_point(|k| self.nodes[*k].sep.as_slice() <= key).saturating_sub(1);
            n = kids[at];
            if self.nodes[n].leaf {
                return n;
            }
        }
    }

    fn set(&mut self, key: &[u8], val: Val) -> bool {
        let n = self.leaf_of(key);
        let node = &mut self.nodes[n];
        if node.pinned || node.truncated {
            return false;
        }
        let old = node.rows.insert(key.to_vec(), val);
        node.dead.extend(old.and_then(|v| v.overflow));
        self.mark(n);
        true
    }

    fn unset(&mut self, key: &[u8]) {
        let n = self.leaf_of(key);
        let node = &mut self.nodes[n];
        if node.pinned || node.truncated {
            return;
        }
        if let Some(old) = node.rows.remove(key) {
            node.dead.extend(old.overflow);
            self.mark(n);
        }
    }

    fn leaves(&self) -> Vec<usize> {
        let mut out = Vec::new();
        let mut stack = vec![ROOT];
        while let Some(n) = stack.pop() {
            if self.nodes[n].leaf {
                out.push(n);
            }
            stack.extend(self.nodes[n].kids.iter().rev());
        }
        out
    }

    fn internals(&self) -> Vec<usize> {
        let mut out = Vec::new();
        let mut stack = vec![ROOT];
        while let Some(n) = stack.pop() {
            if !self.nodes[n].leaf {
                out.push(n);
                stack.extend(&self.nodes[n].kids);
            }
        }
        out
    }

    /// Write one block. Compression is used where it helps, as the engine does it.
    fn write(&mut self, log: &mut Log, page: u64, content: Content<'_>, link: Link) -> Blk {
        self.write_gen += 1;
        let delta = link.base != 0;
        let header = PageHeader {
            recno: 0,
            write_gen: self.write_gen,
            mem_size: 0,
            entries: content.entries,
            type_byte: content.page_type.byte(),
            flags: content.flags,
            unused: 0,
            version: u8::from(!delta),
        };
        let build = |compressor| {
            let new = NewImage { delta, previous_checksum: link.sum, compressor, ..NewImage::new(header) };
            image::build(&new, content.cells)
        };
        let (mut bytes, mut sum) = build(None);
        let mut row_flags = if delta { FLAG_DELTA } else { 0 };
        if self.compressor.is_some() && bytes.len() > 100 {
            let (small, its_sum) = build(self.compressor);
            if small.len() < bytes.len() {
                (bytes, sum) = (small, its_sum);
                row_flags |= FLAG_COMPRESSED;
            }
        }
        let kind = if delta { Kind::Delta } else { Kind::Full };
        let lsn = log.put((self.table, page), kind, link.backlink, link.base, row_flags, &bytes);
        Blk { lsn, len: bytes.len() as u64, sum }
    }

    fn key_cell(&self, out: &mut Vec<u8>, previous: &[u8], key: &[u8]) {
        let common = previous.iter().zip(key).take_while(|(a, b)| a == b).count().min(255);
        let common = if self.prefix { common } else { 0 };
        cell::write_key(out, common as u8, &key[common..]);
    }

    /// Cells of a leaf, their number, and the page flags.
    fn leaf_cells(&self, rows: &Rows) -> (Vec<u8>, u32, u8) {
        let mut cells = Vec::new();
        let mut previous: &[u8] = &[];
        let mut value = Vec::new();
        let mut values = 0;
        for (key, val) in rows {
            self.key_cell(&mut cells, previous, key);
            previous = key;
            if let Some((page, blk)) = &val.overflow {
                let cookie = Cookie::new(PageId(*page), Lsn(blk.lsn), Lsn(0), blk.len as u32, blk.sum).encode();
                cells.push(0xa0);
                int::write_vuint(&mut cells, cookie.len() as u64);
                cells.extend_from_slice(&cookie);
                values += 1;
            } else if val.body.len() > 0 || val.times != Times::EMPTY {
                value.clear();
                val.body.write(&mut value);
                cell::write_value(&mut cells, &val.times, &value);
                values += 1;
            }
        }
        let none_empty = values == rows.len() && rows.values().all(|v| v.body.len() > 0);
        let flags = if values == 0 {
            FLAG_EMPTY_VALUES_ALL
        } else if none_empty {
            FLAG_EMPTY_VALUES_NONE
        } else {
            0
        };
        (cells, (rows.len() + values) as u32, flags)
    }

    fn write_overflows(&mut self, log: &mut Log, n: usize) {
        let wanted: Vec<Vec<u8>> = self.nodes[n]
            .rows
            .iter()
            .filter(|(_, v)| v.wants_overflow && v.overflow.is_none())
            .map(|(k, _)| k.clone())
            .collect();
        for key in wanted {
            let mut data = Vec::new();
            self.nodes[n].rows[&key].body.write(&mut data);
            let page = self.new_page();
            let blk =
                self.write(log, page, Content::new(PageType::Overflow, 0, &data, data.len() as u32), Link::default());
            self.total += blk.len as i64;
            self.nodes[n].rows.get_mut(&key).unwrap().overflow = Some((page, blk));
        }
    }

    /// Write a leaf as a full image, under its page id or a new one.
    fn write_full_leaf(&mut self, log: &mut Log, n: usize) {
        self.write_overflows(log, n);
        let (cells, entries, flags) = self.leaf_cells(&self.nodes[n].rows);
        self.put_full(log, n, Content::new(PageType::RowLeaf, flags, &cells, entries));
        let node = &mut self.nodes[n];
        node.disk = node.rows.clone();
    }

    fn put_full(&mut self, log: &mut Log, n: usize, content: Content<'_>) {
        let fresh = self.nodes[n].page == 0;
        let link = if fresh {
            self.nodes[n].page = self.new_page();
            Link::default()
        } else {
            let chain = &self.nodes[n].chain;
            Link { backlink: chain[0].lsn, base: 0, sum: chain[chain.len() - 1].sum }
        };
        let page = self.nodes[n].page;
        let blk = self.write(log, page, content, link);
        self.total += blk.len as i64 - self.nodes[n].size() as i64;
        log.replace((self.table, page), blk.lsn);
        let node = &mut self.nodes[n];
        node.chain = vec![blk];
        node.dirty = false;
        node.full_next = false;
    }

    fn put_delta(&mut self, log: &mut Log, n: usize, content: Content<'_>) {
        let node = &self.nodes[n];
        let newest = node.chain[node.chain.len() - 1];
        let link = Link { backlink: newest.lsn, base: node.chain[0].lsn, sum: newest.sum };
        let blk = self.write(log, self.nodes[n].page, content, link);
        self.total += blk.len as i64;
        let node = &mut self.nodes[n];
        node.chain.push(blk);
        node.dirty = false;
    }

    /// Cells of the leaf delta that turns the page on disk into the one in memory.
    fn leaf_delta(&self, n: usize) -> (Vec<u8>, u32) {
        let node = &self.nodes[n];
        let keys: BTreeSet<&Vec<u8>> = node.rows.keys().chain(node.disk.keys()).collect();
        let mut cells = Vec::new();
        let mut previous: &[u8] = &[];
        let mut entries = 0;
        for key in keys {
            if node.rows.get(key) == node.disk.get(key) {
                continue;
            }
            self.key_cell(&mut cells, previous, key);
            previous = key;
            match node.rows.get(key) {
                Some(val) => {
                    let mut payload = vec![0];
                    val.body.write(&mut payload);
                    cell::write_value(&mut cells, &val.times, &payload);
                }
                None => cell::write_value(&mut cells, &Times::EMPTY, &[1]),
            }
            entries += 2;
        }
        (cells, entries)
    }

    /// Discard a page that is not a root.
    fn free(&mut self, log: &mut Log, n: usize) {
        let node = &mut self.nodes[n];
        if node.page == 0 {
            return;
        }
        let (page, chain) = (std::mem::take(&mut node.page), std::mem::take(&mut node.chain));
        log.discard((self.table, page), chain[chain.len() - 1].lsn, chain[0].lsn);
        self.total -= chain.iter().map(|b| b.len as i64).sum::<i64>();
    }

    fn free_dead(&mut self, log: &mut Log, n: usize) {
        for (page, blk) in std::mem::take(&mut self.nodes[n].dead) {
            log.discard((self.table, page), blk.lsn, blk.lsn);
            self.total -= blk.len as i64;
        }
    }

    /// Reconcile a leaf: nothing, a delta, a full image, a split, or the end of the page.
    fn write_leaf(&mut self, log: &mut Log, rng: &mut Rng, n: usize) {
        let parent = self.nodes[n].parent;
        if self.nodes[n].rows.is_empty() {
            self.free(log, n);
            self.free_dead(log, n);
            self.nodes[parent].kids.retain(|k| *k != n);
            self.mark(parent);
            return;
        }
        if self.nodes[n].page != 0 && self.nodes[n].rows == self.nodes[n].disk && !self.nodes[n].full_next {
            self.nodes[n].dirty = false;
            return;
        }
        if self.nodes[n].rows.len() > self.leaf_rows {
            self.split_leaf(log, n);
        } else {
            let node = &self.nodes[n];
            let spills = |rows: &Rows| rows.values().any(|v| v.wants_overflow);
            let changes = node.rows.iter().filter(|(k, v)| node.disk.get(*k) != Some(v)).count();
            let delta = node.page != 0
                && !node.full_next
                && node.chain.len() <= MAX_DELTAS
                && !spills(&node.rows)
                && !spills(&node.disk)
                && changes * 2 <= node.rows.len() + 2
                && rng.chance(75);
            if delta {
                let (cells, entries) = self.leaf_delta(n);
                self.put_delta(log, n, Content::new(PageType::RowLeaf, 0, &cells, entries));
                let node = &mut self.nodes[n];
                node.disk = node.rows.clone();
            } else {
                self.write_full_leaf(log, n);
            }
        }
        self.free_dead(log, n);
        self.mark(parent);
    }

    fn split_leaf(&mut self, log: &mut Log, n: usize) {
        let parent = self.nodes[n].parent;
        let rows: Vec<(Vec<u8>, Val)> = std::mem::take(&mut self.nodes[n].rows).into_iter().collect();
        let part = (self.leaf_rows * 2).div_ceil(3);
        let (page, chain) = (std::mem::take(&mut self.nodes[n].page), std::mem::take(&mut self.nodes[n].chain));
        let mut parts = vec![n];
        for (i, rows) in rows.chunks(part).enumerate() {
            let node = if i == 0 {
                n
            } else {
                self.nodes.push(Node { leaf: true, parent, sep: rows[0].0.clone(), ..Node::default() });
                parts.push(self.nodes.len() - 1);
                self.nodes.len() - 1
            };
            self.nodes[node].rows = rows.iter().cloned().collect();
            self.write_full_leaf(log, node);
        }
        let at = self.nodes[parent].kids.iter().position(|k| *k == n).unwrap();
        self.nodes[parent].kids.splice(at..=at, parts);
        // The old page goes last, when its parts are safe.
        if page != 0 {
            log.discard((self.table, page), chain[chain.len() - 1].lsn, chain[0].lsn);
            self.total -= chain.iter().map(|b| b.len as i64).sum::<i64>();
        }
    }

    /// Children as they go to disk.
    fn kid_list(&self, n: usize) -> Vec<(Vec<u8>, Vec<u8>, CellKind)> {
        let kids = self.nodes[n].kids.iter().map(|k| &self.nodes[*k]);
        kids.map(|k| (k.sep.clone(), k.cookie().encode(), k.addr_kind())).collect()
    }

    fn addr_cell(&self, out: &mut Vec<u8>, cookie: &[u8], kind: CellKind, windows: bool) {
        let times = if windows && kind != CellKind::AddrGone {
            // Values without window count as start 0. However long the workload, no start is newer, and
            // what a truncation below adds to it is durable at 1001.
            let durable_stop_ts = if kind == CellKind::AddrInternal { 1001 } else { 0 };
            Times { durable_start_ts: 1 << 40, durable_stop_ts, ..Times::EMPTY }
        } else {
            Times::EMPTY
        };
        let truncate =
            (kind == CellKind::AddrDeleted).then_some(Truncate { txn: 7, commit_ts: 1000, durable_ts: 1001 });
        cell::write_addr(out, kind, &times, truncate, cookie);
    }

    /// Free children whose fast truncate the parent on disk already tells.
    fn drop_truncated(&mut self, log: &mut Log, n: usize) {
        for kid in self.nodes[n].kids.clone() {
            if self.nodes[kid].truncated_on_disk {
                self.free(log, kid);
                self.nodes[n].kids.retain(|k| *k != kid);
            } else if self.nodes[kid].truncated {
                self.nodes[kid].truncated_on_disk = true;
            }
        }
    }

    /// Cells of a full internal image; `own` is the page's own id.
    fn internal_cells(&self, n: usize, own: u64, lsn: u64) -> (Vec<u8>, u32) {
        let mut cells = Vec::new();
        let mut list = self.kid_list(n);
        if let Some(extra) = &self.nodes[n].extra {
            let cookie = match extra {
                Extra::Cookie(c) => c.clone(),
                Extra::OwnPage => Cookie::new(PageId(own), Lsn(lsn), Lsn(0), 100, 1).encode(),
            };
            let kind =
                if matches!(extra, Extra::OwnPage) { CellKind::AddrInternal } else { CellKind::AddrLeafNoOverflow };
            let mut sep = list[list.len() - 1].0.clone();
            sep.push(0xff);
            list.push((sep, cookie, kind));
        }
        for (i, (sep, cookie, kind)) in list.iter().enumerate() {
            cell::write_key(&mut cells, 0, if i == 0 { &[0] } else { sep });
            self.addr_cell(&mut cells, cookie, *kind, self.prefix);
        }
        (cells, list.len() as u32 * 2)
    }

    /// Reconcile an internal page that is not the root; its children are clean.
    fn write_internal(&mut self, log: &mut Log, rng: &mut Rng, n: usize) {
        self.drop_truncated(log, n);
        let parent = self.nodes[n].parent;
        if self.nodes[n].kids.is_empty() {
            self.free(log, n);
            self.nodes[parent].kids.retain(|k| *k != n);
            self.mark(parent);
            return;
        }
        if self.nodes[n].kids.len() > self.fanout {
            self.split_internal(log, n);
            self.mark(parent);
            return;
        }
        let new = self.kid_list(n);
        let node = &self.nodes[n];
        if node.page != 0 && new == node.disk_kids && node.extra.is_none() && !node.full_next {
            self.nodes[n].dirty = false;
            return;
        }
        let plain = |list: &[(Vec<u8>, Vec<u8>, CellKind)]| list.iter().all(|k| k.2 != CellKind::AddrDeleted);
        let first = |list: &[(Vec<u8>, Vec<u8>, CellKind)]| list.first().map(|k| (k.1.clone(), k.2));
        // The first child never appears in a delta, and truncate information has no place in one.
        let delta = node.page != 0
            && node.extra.is_none()
            && !node.full_next
            && node.chain.len() <= MAX_DELTAS
            && plain(&new)
            && first(&new) == first(&node.disk_kids)
            && rng.chance(70);
        if delta {
            let mut all: BTreeMap<&[u8], Option<(&[u8], CellKind)>> = BTreeMap::new();
            for (sep, cookie, kind) in &new[1..] {
                let same = node.disk_kids.iter().skip(1).any(|d| (&d.0, &d.1, d.2) == (sep, cookie, *kind));
                if !same {
                    all.insert(sep, Some((cookie, *kind)));
                }
            }
            for (sep, ..) in &node.disk_kids[1..] {
                if !new[1..].iter().any(|k| k.0 == *sep) {
                    all.insert(sep, None);
                }
            }
            let mut cells = Vec::new();
            for (sep, kid) in &all {
                cell::write_key(&mut cells, 0, sep);
                let (cookie, kind) = kid.unwrap_or((&[], CellKind::AddrGone));
                self.addr_cell(&mut cells, cookie, kind, self.prefix);
            }
            let entries = all.len() as u32 * 2;
            self.put_delta(log, n, Content::new(PageType::RowInternal, 0, &cells, entries));
        } else {
            self.put_full_internal(log, n);
        }
        self.nodes[n].disk_kids = new;
        self.mark(parent);
    }

    fn put_full_internal(&mut self, log: &mut Log, n: usize) {
        let (cells, entries) = self.internal_cells(n, self.nodes[n].page, log.lsn + 1);
        self.put_full(log, n, Content::new(PageType::RowInternal, FLAG_FAST_TRUNCATE, &cells, entries));
        self.nodes[n].disk_kids = self.kid_list(n);
    }

    fn split_internal(&mut self, log: &mut Log, n: usize) {
        let parent = self.nodes[n].parent;
        let parts = self.split_kids(n, parent, true);
        let (page, chain) = (std::mem::take(&mut self.nodes[n].page), std::mem::take(&mut self.nodes[n].chain));
        for part in &parts {
            self.put_full_internal(log, *part);
        }
        let at = self.nodes[parent].kids.iter().position(|k| *k == n).unwrap();
        self.nodes[parent].kids.splice(at..=at, parts);
        if page != 0 {
            log.discard((self.table, page), chain[chain.len() - 1].lsn, chain[0].lsn);
            self.total -= chain.iter().map(|b| b.len as i64).sum::<i64>();
        }
    }

    /// Hand the children of `n` to new nodes below `parent`; the first part stays with `n` if `keep`.
    fn split_kids(&mut self, n: usize, parent: usize, keep: bool) -> Vec<usize> {
        let kids = std::mem::take(&mut self.nodes[n].kids);
        let mut parts = Vec::new();
        for (i, part) in kids.chunks((self.fanout * 2).div_ceil(3)).enumerate() {
            let node = if i == 0 && keep {
                n
            } else {
                let sep = self.nodes[part[0]].sep.clone();
                self.nodes.push(Node { parent, sep, ..Node::default() });
                self.nodes.len() - 1
            };
            for kid in part {
                self.nodes[*kid].parent = node;
            }
            self.nodes[node].kids = part.to_vec();
            parts.push(node);
        }
        parts
    }

    /// Write everything dirty below `n`, and `n` itself unless it is the root.
    fn flush(&mut self, log: &mut Log, rng: &mut Rng, n: usize) {
        if !self.nodes[n].dirty {
            return;
        }
        if self.nodes[n].leaf {
            self.write_leaf(log, rng, n);
            return;
        }
        for kid in self.nodes[n].kids.clone() {
            self.flush(log, rng, kid);
        }
        if n != ROOT {
            self.write_internal(log, rng, n);
        }
    }

    fn flush_leaves(&mut self, log: &mut Log, rng: &mut Rng) {
        for leaf in self.leaves() {
            if self.nodes[leaf].dirty {
                self.write_leaf(log, rng, leaf);
            }
        }
    }

    /// Evict some dirty pages without a checkpoint.
    fn evict(&mut self, log: &mut Log, rng: &mut Rng, percent: u64) {
        for leaf in self.leaves() {
            if self.nodes[leaf].dirty && rng.chance(percent) {
                self.write_leaf(log, rng, leaf);
            }
        }
        for n in self.internals() {
            let clean = self.nodes[n].kids.iter().all(|k| !self.nodes[*k].dirty);
            if n != ROOT && self.nodes[n].dirty && clean && rng.chance(percent / 2) {
                self.write_internal(log, rng, n);
            }
        }
    }

    /// Checkpoint: everything dirty, then the root under a fresh page id.
    fn checkpoint(&mut self, log: &mut Log, rng: &mut Rng, deflate: Option<Option<u64>>) {
        if !self.nodes[ROOT].dirty && deflate.is_none() {
            return;
        }
        self.nodes[ROOT].dirty = true;
        self.flush(log, rng, ROOT);
        self.drop_truncated(log, ROOT);
        while self.nodes[ROOT].kids.len() > self.fanout {
            let parts = self.split_kids(ROOT, ROOT, false);
            for part in &parts {
                self.put_full_internal(log, *part);
            }
            self.nodes[ROOT].kids = parts;
        }
        self.order += 1;
        let old = self.root.take();
        if let Some((page, blk)) = old {
            self.old_roots.push((page, blk.lsn));
            if self.count_old_root && !self.nodes[ROOT].kids.is_empty() {
                self.why.push((Why::Root, blk.len as i64));
            } else {
                self.total -= blk.len as i64;
            }
            self.count_old_root = false;
        }
        if !self.nodes[ROOT].kids.is_empty() {
            let page = self.new_page();
            let (cells, entries) = self.internal_cells(ROOT, page, log.lsn + 1);
            let blk = self.write(
                log,
                page,
                Content::new(PageType::RowInternal, FLAG_FAST_TRUNCATE, &cells, entries),
                Link::default(),
            );
            self.total += blk.len as i64;
            self.root = Some((page, blk));
        }
        self.next_page_id = self.next_page;
        self.nodes[ROOT].dirty = false;
        if let Some(by) = deflate {
            let by = by.map_or(self.total, |b| b as i64);
            self.total -= by;
            self.why.push((Why::Deflated, -by));
        }
        self.truth = Rc::new(self.snapshot());
    }

    fn discard_old_roots(&mut self, log: &mut Log) {
        for (page, lsn) in std::mem::take(&mut self.old_roots) {
            log.discard((self.table, page), lsn, lsn);
        }
    }

    /// What the checkpoint just written reaches.
    fn snapshot(&self) -> TreeTruth {
        let mut t = TreeTruth {
            uri: self.uri.clone(),
            table: self.table,
            published: self.total as u64,
            why: self.why.clone(),
            ..TreeTruth::default()
        };
        let Some((page, blk)) = self.root else {
            assert_eq!(self.total, t.drift(), "{}: bytes left in an empty tree", self.uri);
            return t;
        };
        t.root_lsn = Some(blk.lsn);
        t.root_cookie = hex::encode(Cookie::new(PageId(page), Lsn(blk.lsn), Lsn(0), blk.len as u32, blk.sum).encode());
        t.reached.push(Reached { page, kind: ReachedKind::Root, lsns: vec![blk.lsn], lens: vec![blk.len] });
        t.internal = 1;
        let mut lies = 0;
        let mut stack: Vec<(usize, u64)> = self.nodes[ROOT].kids.iter().map(|k| (*k, 2)).collect();
        while let Some((n, level)) = stack.pop() {
            let node = &self.nodes[n];
            assert!(!node.dirty && node.page != 0, "{}: an unwritten page in a checkpoint", self.uri);
            t.depth = t.depth.max(level);
            t.deltas += node.chain.len() as u64 - 1;
            lies += node.lie;
            let kind = match (node.leaf, node.truncated) {
                (false, _) => ReachedKind::Internal,
                (_, true) => ReachedKind::Deleted,
                _ => ReachedKind::Leaf,
            };
            *(if node.leaf { &mut t.leaf } else { &mut t.internal }) += 1;
            t.deleted += u64::from(node.truncated);
            t.keys += node.rows.len() as u64;
            let (lsns, lens) = node.chain.iter().map(|b| (b.lsn, b.len)).unzip();
            t.reached.push(Reached { page: node.page, kind, lsns, lens });
            for (page, blk) in node.rows.values().filter_map(|v| v.overflow) {
                t.overflow += 1;
                t.reached.push(Reached { page, kind: ReachedKind::Overflow, lsns: vec![blk.lsn], lens: vec![blk.len] });
            }
            stack.extend(node.kids.iter().map(|k| (*k, level + 1)));
        }
        t.true_size = t.reached.iter().flat_map(|r| &r.lens).sum();
        t.cookie_size = (t.true_size as i64 + lies) as u64;
        assert_eq!(self.total - t.true_size as i64, t.drift(), "{}: the model's own accounting", self.uri);
        if lies != 0 {
            t.why.push((Why::Cookie, -lies));
        }
        t
    }

    /// The row of the shared metadata.
    fn config(&self, id: u64) -> String {
        let compressor = self.compressor.map_or("", Compressor::name);
        format!(
            "access_pattern_hint=none,allocation_size=4KB,block_compressor={compressor},block_manager=disagg,\
             checkpoint={},disaggregated=(page_log=palite),id={id},key_format=u,value_format=u,\
             version=(major=1,minor=1)",
            self.checkpoint_list()
        )
    }

    fn checkpoint_list(&self) -> String {
        if self.order == 0 {
            return "(WiredTigerCheckpoint.1=(addr=\"\",order=1,time=1783503208,size=0,write_gen=1,next_page_id=100))"
                .into();
        }
        format!(
            "(WiredTigerCheckpoint.{0}=(addr=\"{1}\",order={0},time=1783503208,size={2},newest_start_durable_ts=0,\
             oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,\
             write_gen={3},run_write_gen=1,next_page_id={4}))",
            self.order, self.truth.root_cookie, self.truth.published, self.write_gen, self.next_page_id
        )
    }
}

/// The content of a block to be written.
#[derive(Debug, Clone, Copy)]
struct Content<'c> {
    page_type: PageType,
    flags: u8,
    cells: &'c [u8],
    entries: u32,
}

impl<'c> Content<'c> {
    fn new(page_type: PageType, flags: u8, cells: &'c [u8], entries: u32) -> Self {
        Self { page_type, flags, cells, entries }
    }
}

/// How a block to be written links to the ones before it.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    backlink: u64,
    base: u64,
    sum: u32,
}

/// What a fault leaves to be done before a later checkpoint.
#[derive(Debug, Clone, Copy)]
enum Later {
    Rewrite,
    Free,
}

struct Engine {
    spec: Spec,
    rng: Rng,
    log: Log,
    trees: Vec<Tree>,
    history: Tree,
    metadata: Tree,
    ts: u64,
    checkpoints: Vec<CheckpointTruth>,
    completions: Vec<(u64, u64, String)>,
    expected: Vec<Expected>,
    later: Vec<(usize, usize, usize, Later)>,
    keys: Vec<u64>,
    embedded: Option<u64>,
    last_turtle: u64,
    database_leak: i64,
    extra_rows: Vec<(String, String)>,
    garbled: Vec<usize>,
    rootless: Vec<usize>,
    holed: HashSet<(u64, u64)>,
}

/// Forge a store.
pub fn forge(spec: Spec) -> Forged {
    let dir = tempfile::Builder::new().prefix("forged").tempdir().unwrap();
    let mut engine = Engine::new(spec, dir.path());
    engine.run();
    engine.finish(dir)
}

/// From a checkpoint on.
fn onwards(n: usize) -> (usize, usize) {
    (n, usize::MAX)
}

impl Engine {
    fn new(spec: Spec, home: &Path) -> Self {
        let kv_home = home.join("kv_home");
        std::fs::create_dir_all(&kv_home).unwrap();
        std::fs::write(home.join("WiredTiger"), "WiredTiger\nWiredTiger 12.0.0: (July 8, 2026)\n").unwrap();
        std::fs::write(
            home.join("WiredTiger.turtle"),
            "WiredTiger version string\nWiredTiger 12.0.0: (July 8, 2026)\nWiredTiger version\nmajor=12,minor=0,patch=0\n",
        )
        .unwrap();
        let rng = Rng::new(spec.seed);
        let log = Log {
            kv_home,
            sharded: spec.sharded,
            wal: spec.wal,
            files: BTreeMap::new(),
            tables: BTreeSet::new(),
            lsn: 0,
            rows: Vec::new(),
            by_page: HashMap::new(),
            gaps: spec.gaps.then(|| Rng::new(spec.seed ^ 99)),
            bytes: 0,
        };
        let trees = (0..spec.tables)
            .map(|i| {
                let uri = format!("file:table{i:02}.wt_stable");
                let compressor = spec.compressors[i % spec.compressors.len()];
                Tree::new(&uri, 25 + 16 * i as u64, compressor, &spec)
            })
            .collect();
        let small = Spec { leaf_rows: 4, fanout: 4, ..spec.clone() };
        Self {
            history: Tree::new("file:WiredTigerSharedHS.wt_stable", HISTORY, None, &small),
            metadata: Tree::new("file:WiredTigerShared.wt_stable", METADATA, None, &small),
            trees,
            rng,
            log,
            ts: 100,
            checkpoints: Vec::new(),
            completions: Vec::new(),
            expected: Vec::new(),
            later: Vec::new(),
            keys: Vec::new(),
            embedded: None,
            last_turtle: 0,
            database_leak: 0,
            extra_rows: Vec::new(),
            garbled: Vec::new(),
            rootless: Vec::new(),
            holed: HashSet::new(),
            spec,
        }
    }

    fn expect(&mut self, code: &'static str, place: (Option<u64>, Option<u64>, Option<u64>), span: (usize, usize)) {
        let (table, page, lsn) = place;
        self.expected.push(Expected { code, uri: None, table, page, lsn, from: span.0, to: span.1 });
    }

    fn expect_uri(&mut self, code: &'static str, uri: &str, span: (usize, usize)) {
        let uri = Some(uri.to_string());
        self.expected.push(Expected { code, uri, table: None, page: None, lsn: None, from: span.0, to: span.1 });
    }

    fn key(n: u64) -> Vec<u8> {
        format!("account/{:04}/{:06}", n / 50, n).into_bytes()
    }

    fn value(&mut self) -> Val {
        self.ts += 1;
        let len = match self.rng.below(20) {
            0 => 0,
            _ => self.spec.value_len / 2 + self.rng.below(u64::from(self.spec.value_len)) as u32,
        };
        let windowed = self.spec.windows && self.rng.chance(40);
        let times = if windowed {
            let durable = self.ts + self.rng.below(2) * 3;
            Times { start_ts: self.ts, start_txn: self.rng.below(3), durable_start_ts: durable, ..Times::EMPTY }
        } else {
            Times::EMPTY
        };
        let wants_overflow = self.spec.overflow && !windowed && self.rng.chance(4);
        let len = if wants_overflow { 500 } else { len };
        Val { body: Body::Seeded(self.rng.next(), len), times, overflow: None, wants_overflow }
    }

    /// Random work on a user tree.
    fn mutate(&mut self, tree: usize, changes: u64) {
        let range = self.spec.rows * 2;
        for _ in 0..changes {
            let key = Self::key(self.rng.below(range));
            match self.rng.below(10) {
                0 | 1 => self.trees[tree].unset(&key),
                2 if self.spec.windows => {
                    // A delete that is not yet visible to everybody: the old value with a stop time.
                    let n = self.trees[tree].leaf_of(&key);
                    let mut val = self.value();
                    if let Some(old) = self.trees[tree].nodes[n].rows.get(&key) {
                        val.body = old.body.clone();
                    }
                    val.wants_overflow = false;
                    val.times = Times { stop_ts: self.ts + 5, stop_txn: 9, durable_stop_ts: self.ts + 5, ..val.times };
                    assert!(val.times.stop_ts != TS_MAX && val.times.stop_txn != TXN_MAX);
                    self.trees[tree].set(&key, val);
                }
                _ => {
                    let val = self.value();
                    self.trees[tree].set(&key, val);
                }
            }
        }
        if self.spec.truncate && self.rng.chance(50) {
            self.truncate(tree);
        }
    }

    /// Fast-truncate a leaf.
    fn truncate(&mut self, tree: usize) {
        let t = &mut self.trees[tree];
        let fit: Vec<usize> = t
            .leaves()
            .into_iter()
            .filter(|n| {
                let node = &t.nodes[*n];
                let overflow = node.rows.values().any(|v| v.wants_overflow) || !node.dead.is_empty();
                !node.dirty && !node.truncated && !node.pinned && node.page != 0 && !overflow
            })
            .collect();
        if let Some(n) = self.rng.pick(&fit).copied().filter(|_| fit.len() > 3) {
            t.nodes[n].truncated = true;
            t.mark(t.nodes[n].parent);
        }
    }

    /// Fill a tree in key order, writing leaves as they fill up.
    fn load(&mut self, tree: usize) {
        for n in 0..self.spec.rows {
            let val = self.value();
            let key = Self::key(n * 2);
            self.trees[tree].set(&key, val);
            let leaf = self.trees[tree].leaf_of(&key);
            let t = &mut self.trees[tree];
            if self.spec.load_evicts && t.nodes[leaf].rows.len() > t.leaf_rows && self.rng.chance(50) {
                t.write_leaf(&mut self.log, &mut self.rng, leaf);
            }
        }
    }

    fn run(&mut self) {
        for k in 0..self.spec.checkpoints {
            for tree in 0..self.trees.len() {
                if self.trees[tree].dropped {
                    continue;
                }
                if k == 0 {
                    self.load(tree);
                } else if !self.rng.chance(8) {
                    // Evictions between checkpoints: some of this is superseded before one sees it.
                    for _ in 0..3 {
                        self.mutate(tree, self.spec.churn / 3 + 1);
                        self.trees[tree].evict(&mut self.log, &mut self.rng, 40);
                    }
                }
            }
            if self.spec.history {
                for _ in 0..10 {
                    let key = format!("hs/{:05}", self.rng.below(60)).into_bytes();
                    let val = Val { wants_overflow: false, ..self.value() };
                    self.history.set(&key, val);
                }
            }
            for (_, tree, node, what) in self.later.clone().into_iter().filter(|l| l.0 == k) {
                self.act(tree, node, what);
            }
            for planned in self.spec.faults.clone().into_iter().filter(|f| f.at == k) {
                self.inject(k, planned.table, &planned.fault);
            }
            self.checkpoint(k, true);
            if self.spec.wal && k == self.spec.checkpoints / 2 {
                self.log.commit(false);
            }
        }
        let last = self.spec.checkpoints;
        for planned in self.spec.faults.clone() {
            if planned.fault == Fault::InFlight {
                for tree in 0..self.trees.len() {
                    if !self.trees[tree].dropped {
                        self.mutate(tree, self.spec.churn);
                        self.trees[tree].evict(&mut self.log, &mut self.rng, 50);
                    }
                }
                self.checkpoint(last, false);
            }
        }
        for planned in self.spec.faults.clone() {
            self.damage(planned.table, &planned.fault);
        }
    }

    fn act(&mut self, tree: usize, node: usize, what: Later) {
        let t = &mut self.trees[tree];
        t.nodes[node].pinned = false;
        match what {
            Later::Rewrite => {
                let key = t.nodes[node].rows.keys().next().unwrap().clone();
                t.nodes[node].full_next = true;
                let val =
                    Val { body: Body::Seeded(self.ts, 20), times: Times::EMPTY, overflow: None, wants_overflow: false };
                let t = &mut self.trees[tree];
                assert!(t.set(&key, val));
                t.nodes[node].pinned = true;
            }
            Later::Free => {
                t.nodes[node].rows.clear();
                t.mark(node);
            }
        }
    }

    fn drop_table(&mut self, tree: usize, leak: bool) {
        let t = &mut self.trees[tree];
        t.dropped = true;
        if leak {
            self.database_leak += t.truth.published as i64;
        }
        for uri in [t.uri.clone(), t.uri.replace("file:", "layered:").replace(".wt_stable", "")] {
            self.metadata.unset(format!("{uri}\0").as_bytes());
        }
    }

    /// One checkpoint: trees, history, metadata, key page, turtle page, completion record.
    fn checkpoint(&mut self, k: usize, complete: bool) {
        let mut order: Vec<usize> = (0..self.trees.len()).filter(|t| !self.trees[*t].dropped).collect();
        let first = self.rng.below(order.len() as u64) as usize;
        order.rotate_left(first);
        let mut late = Vec::new();
        for (i, tree) in order.iter().enumerate() {
            let deflate = self.spec.faults.iter().find_map(|f| match f.fault {
                Fault::Deflated(by) if f.at == k && f.table == *tree => Some(by),
                _ => None,
            });
            self.trees[*tree].checkpoint(&mut self.log, &mut self.rng, deflate);
            if self.spec.faults.iter().any(|f| f.at == k && f.table == *tree && f.fault == Fault::NextPageId) {
                // The root has the highest id of the tree, so it alone is out of range.
                let t = &mut self.trees[*tree];
                let (page, blk) = t.root.unwrap();
                t.next_page_id = page;
                let place = (Some(t.table), Some(page), Some(blk.lsn));
                self.expect("page-id-out-of-range", place, (k, k));
            }
            let t = &mut self.trees[*tree];
            if self.rng.chance(50) {
                t.discard_old_roots(&mut self.log);
            } else {
                late.push(*tree);
            }
            // The frontier: trees that are done do not wait for the others.
            for done in &order[..=i] {
                if self.spec.frontier && self.rng.chance(60) && self.trees[*done].root.is_some() {
                    self.mutate(*done, 1 + self.spec.churn / 4);
                    self.trees[*done].evict(&mut self.log, &mut self.rng, 70);
                }
            }
        }
        self.history.checkpoint(&mut self.log, &mut self.rng, None);
        self.history.discard_old_roots(&mut self.log);
        self.rotate_keys(k);
        self.write_metadata(k);
        let has = |f: &Fault| self.spec.faults.iter().any(|p| p.at == k && p.fault == *f);
        if !has(&Fault::StaleKeystore) {
            self.embedded = self.keys.last().copied();
        }
        let text = self.turtle_text();
        let turtle = self.log.put((TURTLE, 1), Kind::Turtle, self.last_turtle, 0, 0, text.as_bytes());
        self.last_turtle = turtle;
        if complete {
            self.complete(k, turtle, &text);
        }
        for tree in late {
            self.trees[tree].discard_old_roots(&mut self.log);
        }
        self.metadata.discard_old_roots(&mut self.log);
    }

    fn rotate_keys(&mut self, k: usize) {
        if self.spec.keys == KeyForm::None {
            return;
        }
        let has = |f: &Fault| self.spec.faults.iter().any(|p| p.at == k && p.fault == *f);
        let rotations = if has(&Fault::KeySkipped) {
            2
        } else {
            u64::from(k == 0 || has(&Fault::StaleKeystore) || self.rng.chance(30))
        };
        for _ in 0..rotations {
            let secret: Vec<u8> = (0..48).map(|_| self.rng.next() as u8).collect();
            let bytes = match self.spec.keys {
                KeyForm::V2 => key_page::encode_v2(&secret, self.ts),
                _ => key_page::encode_v1(&secret),
            };
            let previous = self.keys.last().copied().unwrap_or(0);
            let lsn = self.log.put((KEYS, 1), Kind::Key, previous, 0, 0, &bytes);
            self.keys.push(lsn);
        }
    }

    fn write_metadata(&mut self, k: usize) {
        let mut rows: Vec<(String, String)> = Vec::new();
        for t in self.trees.iter().filter(|t| !t.dropped) {
            let layered = t.uri.replace("file:", "layered:").replace(".wt_stable", "");
            let ingest = t.uri.replace(".wt_stable", ".wt_ingest");
            rows.push((t.uri.clone(), t.config(t.table)));
            rows.push((layered, format!("ingest=\"{ingest}\",key_format=u,stable=\"{}\",value_format=u", t.uri)));
        }
        rows.push((self.history.uri.clone(), self.history.config(HISTORY)));
        rows.extend(self.extra_rows.clone());
        for (uri, mut text) in rows {
            let at = self.trees.iter().position(|t| t.uri == uri);
            if at.is_some_and(|t| self.garbled.contains(&t)) {
                text = text.replace("checkpoint=(", "checkpoint=((");
            }
            if at.is_some_and(|t| self.rootless.contains(&t)) {
                text = text.replace("addr=\"00", "addr=\"00c0");
            }
            let val = Val {
                body: Body::Bytes(text.as_bytes().into()),
                times: Times::EMPTY,
                overflow: None,
                wants_overflow: false,
            };
            let key = format!("{uri}\0").into_bytes();
            let n = self.metadata.leaf_of(&key);
            if self.metadata.nodes[n].rows.get(&key) != Some(&val) {
                self.metadata.set(&key, val);
            }
        }
        if self.metadata.nodes[ROOT].dirty || k == 0 {
            self.metadata.checkpoint(&mut self.log, &mut self.rng, None);
        }
    }

    fn turtle_text(&self) -> String {
        let list = self.metadata.checkpoint_list();
        let ts = format!("timestamp={:x},\noldest_timestamp={:x}", self.ts, 16);
        let key =
            self.embedded.map_or(String::new(), |l| format!(",\nkey_provider=(page.1=(page_id=1,lsn={l}),version=1)"));
        if self.spec.turtle_v2 {
            format!("version=2,compatible_version=1,\ncheckpoint={list},\n{ts},\nlargest_file_id=9{key}")
        } else {
            format!("checkpoint={list},\n{ts}{key}")
        }
    }

    fn complete(&mut self, k: usize, turtle: u64, text: &str) {
        let trees: Vec<Rc<TreeTruth>> = self
            .trees
            .iter()
            .enumerate()
            .filter(|(i, t)| !t.dropped && !self.garbled.contains(i))
            .map(|(_, t)| t)
            .chain([&self.history, &self.metadata])
            .map(|t| t.truth.clone())
            .collect();
        let right: i64 = BUFFER
            + self.trees.iter().filter(|t| !t.dropped).map(|t| t.truth.published as i64).sum::<i64>()
            + self.history.truth.published as i64
            + self.metadata.truth.published as i64;
        let size = right + self.database_leak;
        let sum = crc::crc32c(text.as_bytes());
        let version = if self.spec.turtle_v2 { 2 } else { 1 };
        let record = format!(
            "metadata_lsn={turtle},metadata_checksum={sum:x},database_size={size},version={version},compatible_version={version}"
        );
        let lsn = self.log.next_lsn();
        self.completions.push((lsn, self.ts, record));
        if self.keys.last().copied() != self.embedded {
            // Every later audit reports it, whatever it stands on.
            self.expect("stale-keystore", (Some(KEYS), Some(1), Some(lsn)), (0, usize::MAX));
        }
        self.checkpoints.push(CheckpointTruth {
            lsn,
            metadata_lsn: turtle,
            database_size: size,
            database_drift: self.database_leak,
            key_lsn: self.embedded,
            trees,
            unusable: false,
        });
        debug_assert_eq!(self.checkpoints.len(), k + 1);
    }

    /// A clean leaf with a page, not used by another fault.
    fn clean_leaf(&mut self, tree: usize, fit: impl Fn(&Node) -> bool) -> usize {
        self.trees[tree].flush_leaves(&mut self.log, &mut self.rng);
        let t = &self.trees[tree];
        let fit: Vec<usize> = t
            .leaves()
            .into_iter()
            .filter(|n| {
                let node = &t.nodes[*n];
                !node.pinned && !node.truncated && node.page != 0 && fit(node)
            })
            .collect();
        *self.rng.pick(&fit).expect("a leaf for the fault")
    }

    /// An image put and counted that the tree does not know.
    fn leak(&mut self, tree: usize, page: u64, backlink: u64, rows: &Rows) -> u64 {
        let t = &mut self.trees[tree];
        let (cells, entries, flags) = t.leaf_cells(rows);
        let link = Link { backlink, ..Link::default() };
        let blk = t.write(&mut self.log, page, Content::new(PageType::RowLeaf, flags, &cells, entries), link);
        t.total += blk.len as i64;
        t.why.push((Why::Leak, blk.len as i64));
        self.log.last().leaked = true;
        blk.lsn
    }

    fn some_rows(&mut self) -> Rows {
        let n = 1 + self.rng.below(4);
        (0..n).map(|i| (format!("leaked/{i}").into_bytes(), Val { wants_overflow: false, ..self.value() })).collect()
    }

    /// Faults that happen while the engine runs.
    fn inject(&mut self, k: usize, tree: usize, fault: &Fault) {
        match fault {
            Fault::LeakNew(n) => {
                for _ in 0..*n {
                    let rows = self.some_rows();
                    let page = self.trees[tree].new_page();
                    self.leak(tree, page, 0, &rows);
                }
                self.touch(tree);
            }
            Fault::LeakLive(then) => {
                let n = self.clean_leaf(tree, |_| true);
                let node = &mut self.trees[tree].nodes[n];
                node.pinned = true;
                let (page, backlink, rows) = (node.page, node.chain[0].lsn, node.rows.clone());
                self.leak(tree, page, backlink, &rows);
                self.touch(tree);
                match then {
                    Then::Nothing => {}
                    Then::Rewrite => self.later.push((k + 1, tree, n, Later::Rewrite)),
                    Then::Free => self.later.push((k + 1, tree, n, Later::Free)),
                    Then::RewriteFree => {
                        self.later.push((k + 1, tree, n, Later::Rewrite));
                        self.later.push((k + 2, tree, n, Later::Free));
                    }
                }
            }
            Fault::LeakChain => {
                let n = self.clean_leaf(tree, |_| true);
                let t = &mut self.trees[tree];
                let old = t.nodes[n].size() as i64;
                let page = t.nodes[n].page;
                t.nodes[n].full_next = true;
                // The failed full image takes the page over before the error path discards it.
                t.write_full_leaf(&mut self.log, n);
                t.total += old;
                t.why.push((Why::Chain, old));
                let failed = t.nodes[n].chain[0].lsn;
                t.free(&mut self.log, n);
                t.mark(n);
                let table = t.table;
                self.expect("obsolete-chain-uncounted", (Some(table), Some(page), Some(failed)), onwards(k));
            }
            Fault::DoubleRoot => {
                self.trees[tree].count_old_root = true;
                self.touch(tree);
            }
            Fault::Drop(leak) => self.drop_table(tree, *leak),
            Fault::Duplicate(form) => self.duplicate(k, tree, *form),
            Fault::Cycle => {
                let t = &mut self.trees[tree];
                t.flush_leaves(&mut self.log, &mut self.rng);
                let fit: Vec<usize> =
                    t.internals().into_iter().filter(|n| *n != ROOT && t.nodes[*n].page != 0).collect();
                let n = self.rng.pick(&fit).copied().unwrap_or(ROOT);
                t.nodes[n].extra = Some(Extra::OwnPage);
                t.nodes[n].full_next = true;
                t.mark(n);
                // The page and LSN of the holder are known after the checkpoint.
                self.later.push((usize::MAX, tree, n, Later::Rewrite));
            }
            Fault::DoubleReference => {
                let n = self.clean_leaf(tree, |_| true);
                let t = &mut self.trees[tree];
                let cookie = t.nodes[n].cookie();
                let own = t.nodes[n].parent;
                let parents: BTreeSet<usize> =
                    t.leaves().into_iter().map(|l| t.nodes[l].parent).filter(|p| *p != own).collect();
                let other = parents.into_iter().next_back().unwrap_or(own);
                t.nodes[other].extra = Some(Extra::Cookie(cookie.encode()));
                t.nodes[other].full_next = true;
                t.nodes[n].pinned = true;
                t.mark(other);
                let place = (Some(t.table), Some(cookie.page_id.get()), Some(cookie.lsn.get()));
                self.expect("page-referenced-twice", place, onwards(k));
            }
            Fault::DiscardLive => {
                let n = self.clean_leaf(tree, |_| true);
                let t = &mut self.trees[tree];
                t.nodes[n].pinned = true;
                let (page, newest, base) = (t.nodes[n].page, t.nodes[n].cookie().lsn.get(), t.nodes[n].chain[0].lsn);
                self.log.put((t.table, page), Kind::Discard, newest, base, FLAG_DELTA | FLAG_DISCARDED, &[]);
                let place = (Some(t.table), Some(page), Some(newest));
                self.touch(tree);
                self.expect("discarded-in-use", place, onwards(k));
            }
            Fault::CookieSize(by) => {
                let n = self.clean_leaf(tree, |n| n.size() as i64 + *by > 0);
                let t = &mut self.trees[tree];
                t.nodes[n].lie = *by;
                t.nodes[n].pinned = true;
                let parent = t.nodes[n].parent;
                t.nodes[parent].full_next = true;
                t.mark(parent);
                let cookie = t.nodes[n].cookie();
                let place = (Some(t.table), Some(cookie.page_id.get()), Some(cookie.lsn.get()));
                self.expect("cookie-size-mismatch", place, onwards(k));
            }
            Fault::LongChain => {
                let n = self.clean_leaf(tree, |_| true);
                self.trees[tree].nodes[n].full_next = true;
                self.trees[tree].write_full_leaf(&mut self.log, n);
                let key = self.trees[tree].nodes[n].rows.keys().next().unwrap().clone();
                for _ in 0..=MAX_DELTAS {
                    let val = Val { wants_overflow: false, ..self.value() };
                    let t = &mut self.trees[tree];
                    t.set(&key, val);
                    let (cells, entries) = t.leaf_delta(n);
                    t.put_delta(&mut self.log, n, Content::new(PageType::RowLeaf, 0, &cells, entries));
                    t.nodes[n].disk = t.nodes[n].rows.clone();
                }
                let t = &mut self.trees[tree];
                t.nodes[n].pinned = true;
                t.mark(t.nodes[n].parent);
                let cookie = t.nodes[n].cookie();
                let place = (Some(t.table), Some(cookie.page_id.get()), Some(cookie.lsn.get()));
                self.expect("chain-too-long", place, onwards(k));
            }
            Fault::NextPageId => self.touch(tree),
            Fault::MetadataGarbled => {
                self.garbled.push(tree);
                let uri = self.trees[tree].uri.clone();
                self.expect_uri("metadata-invalid", &uri, onwards(k));
            }
            Fault::RootCookieGarbled => {
                self.rootless.push(tree);
                let (uri, table) = (self.trees[tree].uri.clone(), self.trees[tree].table);
                self.expect_uri("cookie-invalid", &uri, onwards(k));
                self.expected.last_mut().unwrap().table = Some(table);
            }
            Fault::DuplicateId => {
                let uri = "file:zz_twin.wt_stable".to_string();
                let first = self.trees[tree].uri.clone();
                self.extra_rows
                    .push((uri.clone(), Tree::new(&uri, 0, None, &self.spec).config(self.trees[tree].table)));
                self.expect_uri("duplicate-tree-id", &first, onwards(k));
            }
            Fault::MissingStable => {
                let text = "ingest=\"file:lost.wt_ingest\",key_format=u,stable=\"file:lost.wt_stable\",value_format=u";
                self.extra_rows.push(("layered:lost".to_string(), text.to_string()));
                self.expect_uri("missing-stable-file", "layered:lost", onwards(k));
            }
            _ => {}
        }
    }

    /// Make sure that the tree is written at the next checkpoint.
    fn touch(&mut self, tree: usize) {
        let key = b"zzz/touched".to_vec();
        let val = Val { wants_overflow: false, ..self.value() };
        self.trees[tree].set(&key, val);
        self.trees[tree].mark(ROOT);
    }

    fn duplicate(&mut self, k: usize, tree: usize, form: Dup) {
        let n = self.clean_leaf(tree, |n| n.chain.len() < MAX_DELTAS);
        let t = &mut self.trees[tree];
        // The failed delta, with something in it.
        let key = t.nodes[n].rows.keys().next().unwrap().clone();
        let before = t.nodes[n].rows[&key].clone();
        let changed =
            |seed| Val { body: Body::Seeded(seed, 30), overflow: None, wants_overflow: false, ..before.clone() };
        t.nodes[n].rows.insert(key.clone(), changed(self.ts));
        let (cells, entries) = t.leaf_delta(n);
        let chain = t.nodes[n].chain.clone();
        t.put_delta(&mut self.log, n, Content::new(PageType::RowLeaf, 0, &cells, entries));
        let node = &mut t.nodes[n];
        let len = node.chain[node.chain.len() - 1].len as i64;
        if form == Dup::Discarded {
            // The error path subtracts chain and delta; the page goes on under a new id.
            t.free(&mut self.log, n);
            t.mark(n);
            return;
        }
        node.chain = chain;
        t.total -= len;
        self.log.last().duplicate = true;
        node.pinned = true;
        match form {
            Dup::Replaced => {
                node.rows.insert(key, changed(self.ts + 1));
                let (cells, entries) = t.leaf_delta(n);
                t.put_delta(&mut self.log, n, Content::new(PageType::RowLeaf, 0, &cells, entries));
                let node = &mut t.nodes[n];
                node.disk = node.rows.clone();
                t.mark(t.nodes[n].parent);
            }
            Dup::UnderFull => {
                t.write_full_leaf(&mut self.log, n);
                t.mark(t.nodes[n].parent);
            }
            Dup::Left | Dup::LeftFreed => {
                node.rows.insert(key, before);
                if form == Dup::LeftFreed {
                    self.later.push((k + 1, tree, n, Later::Free));
                }
                self.touch(tree);
            }
            Dup::Discarded => {}
        }
    }

    /// Faults done to the finished store, in what the newest checkpoint reaches.
    fn damage(&mut self, tree: usize, fault: &Fault) {
        let last = self.checkpoints.len() - 1;
        let span = (last, last);
        let wanted = match fault {
            Fault::FlipMetadata => METADATA,
            _ => self.trees[tree].table,
        };
        let truth = self.checkpoints[last].trees.iter().find(|t| t.table == wanted).cloned();
        let mut choose = |fit: &dyn Fn(&Reached) -> bool| -> Reached {
            let truth = truth.as_ref().expect("a tree for the damage");
            let fit: Vec<&Reached> = truth.reached.iter().filter(|r| fit(r)).collect();
            (*self.rng.pick(&fit).expect("a page for the damage")).clone()
        };
        let leaf = |r: &Reached| r.kind == ReachedKind::Leaf;
        match fault {
            Fault::FlipLeaf | Fault::FlipInternal | Fault::FlipMetadata => {
                let target = match fault {
                    Fault::FlipInternal => choose(&|r| matches!(r.kind, ReachedKind::Internal | ReachedKind::Root)),
                    Fault::FlipLeaf => choose(&leaf),
                    _ => choose(&|_| true),
                };
                let lsn = target.lsns[self.rng.below(target.lsns.len() as u64) as usize];
                let (at, bit) = (self.rng.next(), self.rng.below(8));
                self.log.edit((wanted, target.page, lsn), |data| {
                    // A compressed image has a checksum over its first 64 bytes only.
                    let end = if data[40] & 0x4 != 0 { data.len().min(64) } else { data.len() };
                    data[44 + at as usize % (end - 44)] ^= 1 << bit;
                });
                self.expect("page-checksum", (Some(wanted), Some(target.page), Some(lsn)), span);
            }
            Fault::FlipTurtle => {
                let lsn = self.checkpoints[last].metadata_lsn;
                let at = self.rng.next();
                self.log.edit((TURTLE, 1, lsn), |data| {
                    let at = at as usize % data.len();
                    data[at] ^= 1 << 2;
                });
                self.checkpoints[last].unusable = true;
                self.expect("turtle-checksum", (Some(TURTLE), Some(1), Some(lsn)), onwards(0));
            }
            Fault::CompletionGarbled => {
                let record = self.completions.last_mut().unwrap();
                record.2 = record.2.replace("metadata_lsn=", "metadata_lsn=x");
                let lsn = record.0;
                self.checkpoints[last].unusable = true;
                self.expect("completion-invalid", (None, None, Some(lsn)), onwards(0));
            }
            Fault::KeyGarbled => {
                let lsn = self.checkpoints[last].key_lsn.unwrap();
                let at = self.rng.next();
                self.log.edit((KEYS, 1, lsn), |data| {
                    let at = at as usize % data.len();
                    data[at] ^= 0x10;
                });
                self.expect("key-page-invalid", (Some(KEYS), Some(1), Some(lsn)), onwards(0));
            }
            Fault::KeyMissing => {
                let lsn = self.checkpoints[last].key_lsn.unwrap();
                self.log.remove((KEYS, 1, lsn));
                self.expect("key-page-missing", (Some(KEYS), Some(1), Some(lsn)), span);
            }
            Fault::MissingBase | Fault::MissingMiddleDelta | Fault::MissingNewestDelta | Fault::MissingLeaf => {
                let deltas = match fault {
                    Fault::MissingLeaf => 0,
                    Fault::MissingMiddleDelta => 2,
                    _ => 1,
                };
                let target = choose(&|r| leaf(r) && r.lsns.len() > deltas);
                let newest = target.lsns[target.lsns.len() - 1];
                let (gone, code) = match fault {
                    Fault::MissingBase => (&target.lsns[..1], "chain-broken"),
                    Fault::MissingMiddleDelta => (&target.lsns[1..2], "chain-broken"),
                    Fault::MissingNewestDelta => (&target.lsns[target.lsns.len() - 1..], "chain-broken"),
                    _ => (&target.lsns[..], "page-missing"),
                };
                for lsn in gone {
                    self.log.remove((wanted, target.page, *lsn));
                }
                self.holed.insert((wanted, target.page));
                self.expect(code, (Some(wanted), Some(target.page), Some(newest)), span);
            }
            Fault::Cycle => {
                let at = self.later.iter().position(|l| l.0 == usize::MAX && l.1 == tree).unwrap();
                let n = self.later.remove(at).2;
                let t = &self.trees[tree];
                let (page, lsn) = if n == ROOT {
                    let (page, blk) = t.root.unwrap();
                    (page, blk.lsn)
                } else {
                    (t.nodes[n].page, t.nodes[n].cookie().lsn.get())
                };
                self.expect("page-cycle", (Some(wanted), Some(page), Some(lsn)), span);
            }
            _ => {}
        }
    }

    fn finish(mut self, dir: tempfile::TempDir) -> Forged {
        let globals =
            self.log.connect("globals.db", "CREATE TABLE globals (id INTEGER, val INTEGER, PRIMARY KEY (id, val))");
        globals.execute("INSERT INTO globals VALUES (0, ?1)", [self.log.lsn as i64]).unwrap();
        for table in &self.log.tables {
            globals.execute("INSERT INTO globals VALUES (1, ?1)", [*table as i64]).unwrap();
        }
        let records = self.log.connect(
            "checkpoints.db",
            "CREATE TABLE checkpoints (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB, PRIMARY KEY (lsn, timestamp))",
        );
        for (lsn, ts, text) in &self.completions {
            records
                .execute("INSERT INTO checkpoints VALUES (?1, ?2, ?3)", (*lsn as i64, *ts as i64, text.as_bytes()))
                .unwrap();
        }
        self.log.files.insert("globals.db".to_string(), globals);
        self.log.files.insert("checkpoints.db".to_string(), records);
        for conn in self.log.files.values() {
            conn.execute_batch("COMMIT").unwrap();
        }
        self.log.files.clear();
        Forged {
            dir,
            rows: self.log.rows,
            checkpoints: self.checkpoints,
            expected: self.expected,
            holed: self.holed,
            bytes: self.log.bytes,
        }
    }
}
