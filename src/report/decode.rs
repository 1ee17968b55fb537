//! `decode`: single pieces of the formats, decoded for people and programs. Every function takes
//! hostile bytes and answers with what could be decoded and what the engine would say.

use super::block::Block;
use super::cells::{CellInfo, CellList, cell_table};
use super::cookies::{AnyCookie, CheckpointInfo, CookieInfo};
use super::text::{Paint, grouped, size};
use super::view::{Addresses, Fields, LISTED, Problem, Sum, View, remarks, time_hint};
use crate::audit::result::SCHEMA_VERSION;
use crate::format::checkpoint_list::{CheckpointEntry, TS_MAX, TXN_MAX};
use crate::format::completion;
use crate::format::config::{Config, Kind};
use crate::format::crc::crc32c;
use crate::format::key_page::{self, KeyLayout};
use crate::format::pagelog_turtle::{self, Turtle, TurtleForm};
use crate::format::{Class, FormatError};
use crate::id::{Lsn, PageId};
use serde::Serialize;

/// Keys of a completion record that have a meaning here.
const COMPLETION_KEYS: [&str; 6] =
    ["metadata_lsn", "metadata_checksum", "database_size", "version", "compatible_version", "id"];
/// Readers from this version on take stable values as they are; older ones unescape them (07.5.1).
const UNESCAPED_FROM: u32 = 2;

/// A decoded piece.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Version of this schema.
    pub schema_version: u32,
    /// What was decoded.
    pub kind: &'static str,
    /// Its content.
    #[serde(flatten)]
    pub body: Body,
}

/// The content of a [`Document`].
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// Address cookies.
    Cookies {
        /// In the order given.
        cookies: Vec<CookieReport>,
    },
    /// A checkpoint cookie.
    Checkpoint(Box<CheckpointReport>),
    /// A completion record.
    Completion(CompletionReport),
    /// A turtle page.
    Turtle(Box<TurtleReport>),
    /// A configuration text.
    Config(ConfigReport),
    /// A key page.
    Keystore(KeystoreReport),
    /// A stored block.
    Page(Box<Block>),
    /// Cells.
    Cells(CellsReport),
}

/// One cookie.
#[derive(Debug, Serialize)]
pub struct CookieReport {
    /// The bytes, in hexadecimal.
    pub input: String,
    /// The fields.
    pub cookie: Option<AnyCookie>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
}

/// A checkpoint cookie.
#[derive(Debug, Serialize)]
pub struct CheckpointReport {
    /// `classic`, `disaggregated`, or `empty`; `None` if it is neither.
    pub form: Option<&'static str>,
    /// The classic fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointInfo>,
    /// The root's cookie of a disaggregated checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieInfo>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// A completion record.
#[derive(Debug, Serialize)]
pub struct CompletionReport {
    /// LSN of the turtle page.
    pub metadata_lsn: Option<Lsn>,
    /// The LSN as a time, where it looks like one.
    pub metadata_lsn_time: Option<String>,
    /// crc32c of the turtle page.
    pub metadata_checksum: Option<Sum>,
    /// Bytes of the database.
    pub database_size: Option<u64>,
    /// Version of the writer.
    pub version: Option<u32>,
    /// Minimum reader version.
    pub compatible_version: Option<u32>,
    /// Keys that are missing and have a default.
    pub defaulted: Vec<&'static str>,
    /// How stable values are stored: `escaped` or `plain`.
    pub stable_values: Option<&'static str>,
    /// Checkpoint id, PALM only.
    pub id: Option<u64>,
    /// Other keys.
    pub unknown: Vec<ConfigEntry>,
    /// What a pick-up by the newest engine answers: `ok` or an error.
    pub pick_up: &'static str,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// A turtle page.
#[derive(Debug, Serialize)]
pub struct TurtleReport {
    /// Bytes of the page.
    pub bytes: usize,
    /// crc32c of the page, to compare with `metadata_checksum`.
    pub crc32c: Sum,
    /// The fields.
    #[serde(flatten)]
    pub content: Option<TurtleContent>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// The fields of a turtle page.
#[derive(Debug, Serialize)]
pub struct TurtleContent {
    /// `spring`, `legacy`, `legacy-key`, `v1` or `v2`.
    pub form: &'static str,
    /// Version of the writer.
    pub version: Option<u32>,
    /// Minimum reader version.
    pub compatible_version: Option<u32>,
    /// Checkpoints of the shared metadata, the newest last.
    pub checkpoints: Vec<EntryInfo>,
    /// Timestamp.
    pub timestamp: Stamp,
    /// Oldest timestamp.
    pub oldest_timestamp: Option<Stamp>,
    /// Schema epoch.
    pub schema_epoch: Option<Stamp>,
    /// Highest file index in use.
    pub largest_file_id: Option<u64>,
    /// Base write generation.
    pub base_write_gen: Option<u64>,
    /// Where the key page lies.
    pub key_provider: Option<KeyReferenceInfo>,
    /// Other keys and their text.
    pub unknown: Vec<Unknown>,
}

/// A timestamp the way metadata has it, and as a time where it looks like one.
#[derive(Debug, Serialize)]
pub struct Stamp {
    /// Hexadecimal digits.
    pub hex: String,
    /// The number.
    pub value: u64,
    /// The time.
    pub time: Option<String>,
}

impl Stamp {
    fn new(value: u64) -> Self {
        Self { hex: format!("{value:x}"), value, time: time_hint(value) }
    }
}

/// The reference to the key page.
#[derive(Debug, Serialize)]
pub struct KeyReferenceInfo {
    /// Page id.
    pub page_id: PageId,
    /// LSN.
    pub lsn: Lsn,
    /// The LSN as a time.
    pub lsn_time: Option<String>,
    /// Version of the reference.
    pub version: u32,
}

/// A key without a meaning here.
#[derive(Debug, Serialize)]
pub struct Unknown {
    /// The key.
    pub key: String,
    /// Its text.
    pub value: String,
}

/// One entry of a checkpoint list.
#[derive(Debug, Serialize)]
pub struct EntryInfo {
    /// Its name.
    pub name: String,
    /// Ascending number.
    pub order: i64,
    /// Seconds since 1970.
    pub time: u64,
    /// The same as a date.
    pub time_utc: String,
    /// Bytes.
    pub size: u64,
    /// Write generation.
    pub write_gen: u64,
    /// Write generation at the start of the run.
    pub run_write_gen: u64,
    /// Next free page id.
    pub next_page_id: Option<u64>,
    /// Oldest start timestamp.
    pub oldest_start_ts: u64,
    /// Newest durable start timestamp.
    pub newest_start_durable_ts: u64,
    /// Newest transaction.
    pub newest_txn: u64,
    /// Newest stop timestamp; `null` for none.
    pub newest_stop_ts: Option<u64>,
    /// Newest stop transaction; `null` for none.
    pub newest_stop_txn: Option<u64>,
    /// Newest durable stop timestamp.
    pub newest_stop_durable_ts: u64,
    /// Holds prepared updates.
    pub prepare: bool,
    /// The cookie of the root, in hexadecimal; empty for a checkpoint without a root.
    pub addr: String,
    /// The cookie decoded.
    pub root: Option<CookieInfo>,
}

/// A configuration text.
#[derive(Debug, Serialize)]
pub struct ConfigReport {
    /// Entries in the order of the text; keys may be repeated, the last one counts.
    pub entries: Vec<ConfigEntry>,
    /// What does not parse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// An entry of a configuration text.
#[derive(Debug, Serialize)]
pub struct ConfigEntry {
    /// The key; empty for a structure without one.
    pub key: String,
    /// The value.
    pub value: ConfigValue,
    /// `number`, `bool`, `string`, `id` or `struct`.
    pub kind: &'static str,
}

/// The value of a [`ConfigEntry`].
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ConfigValue {
    /// Its text.
    Text(String),
    /// The entries of a structure.
    Entries(Vec<ConfigEntry>),
}

/// A key page. The payload itself is in no report.
#[derive(Debug, Serialize)]
pub struct KeystoreReport {
    /// Bytes of the page.
    pub bytes: usize,
    /// The header; `None` if the page is damaged.
    #[serde(flatten)]
    pub header: Option<KeystoreHeader>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// The header of a sound key page.
#[derive(Debug, Serialize)]
pub struct KeystoreHeader {
    /// `A`, `B`, `v1` or `v2`.
    pub layout: &'static str,
    /// Version of the writer.
    pub version: u8,
    /// Minimum reader version.
    pub compatible_version: Option<u8>,
    /// Bytes of the header.
    pub header_size: u8,
    /// The checksum.
    pub checksum: Sum,
    /// It holds; a page where it does not has a problem instead of a header.
    pub checksum_ok: bool,
    /// Timestamp of the key.
    pub timestamp: Option<Stamp>,
    /// Bytes of the payload.
    pub payload_bytes: usize,
    /// crc32c of the payload: tells whether two pages hold the same key.
    pub payload_crc32c: Sum,
}

/// Cells without a page.
#[derive(Debug, Serialize)]
pub struct CellsReport {
    /// How many there are.
    pub cells_total: usize,
    /// The first [`LISTED`] of them.
    pub cells: Vec<CellInfo>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
}

/// Decode address cookies.
#[must_use]
pub fn cookies(inputs: &[Vec<u8>], addresses: Addresses) -> Document {
    let cookies = inputs
        .iter()
        .map(|raw| {
            let (cookie, problems) = match AnyCookie::decode(raw, addresses) {
                Ok(c) => (Some(c), Vec::new()),
                Err(e) => (None, vec![e.into()]),
            };
            CookieReport { input: hex::encode(raw), cookie, problems }
        })
        .collect();
    Document::new("cookie", Body::Cookies { cookies })
}

/// Decode a checkpoint cookie; in disaggregated storage that is the root's address cookie.
#[must_use]
pub fn checkpoint(raw: &[u8], alloc: u32) -> Document {
    let mut out =
        CheckpointReport { form: None, checkpoint: None, cookie: None, problems: Vec::new(), notes: Vec::new() };
    if raw.is_empty() {
        out.form = Some("empty");
        out.notes.push("a checkpoint without a root: the tree is empty".to_string());
        return Document::new("checkpoint", Body::Checkpoint(Box::new(out)));
    }
    match (CheckpointInfo::decode(raw, alloc), CookieInfo::decode(raw)) {
        (Ok(c), _) => {
            out.form = Some("classic");
            out.checkpoint = Some(c);
        }
        (Err(_), Ok(c)) => {
            out.form = Some("disaggregated");
            out.cookie = Some(c);
            out.notes.push(
                "no classic checkpoint cookie: in disaggregated storage it is the address cookie of the root".into(),
            );
        }
        // A classic cookie begins with its version, which is 1.
        (Err(classic), Err(other)) => out.problems.push(match raw.first() {
            Some(0 | 0x80..) => other.within("address cookie of a root").into(),
            _ => classic.into(),
        }),
    }
    Document::new("checkpoint", Body::Checkpoint(Box::new(out)))
}

/// Decode a completion record.
#[must_use]
pub fn completion(raw: &[u8]) -> Document {
    let mut out = CompletionReport {
        metadata_lsn: None,
        metadata_lsn_time: None,
        metadata_checksum: None,
        database_size: None,
        version: None,
        compatible_version: None,
        defaulted: Vec::new(),
        stable_values: None,
        id: None,
        unknown: Vec::new(),
        pick_up: "ok",
        problems: Vec::new(),
        notes: Vec::new(),
    };
    let config = Config::parse_bytes(raw).ok();
    if let Some(config) = &config {
        let mut tree = Tree::default();
        out.unknown = config
            .entries()
            .iter()
            .filter(|e| !COMPLETION_KEYS.contains(&e.key))
            .map_while(|e| tree.entry(e.key, &e.value))
            .collect();
    }
    match completion::parse(raw) {
        Ok(c) => {
            out.metadata_lsn = Some(c.metadata_lsn);
            out.metadata_lsn_time = time_hint(c.metadata_lsn.get());
            out.metadata_checksum = c.metadata_checksum.map(Sum);
            out.database_size = c.database_size;
            out.version = Some(c.version);
            out.compatible_version = Some(c.compatible_version);
            out.stable_values = Some(if c.compatible_version < UNESCAPED_FROM { "escaped" } else { "plain" });
            out.id = c.id;
            let missing = |key: &&str| config.as_ref().is_some_and(|c| c.get(key).is_none());
            out.defaulted = ["version", "compatible_version"].into_iter().filter(missing).collect();
            if c.metadata_checksum.is_none() {
                out.notes.push("without metadata_checksum a pick-up warns and does not check the turtle page".into());
            }
            if c.database_size.is_none() {
                out.pick_up = Class::NotFound.name();
                out.notes.push(
                    "without database_size a pick-up fails with WT_NOTFOUND since 2026-05-06; earlier builds accept it"
                        .into(),
                );
            }
        }
        Err(e) => {
            out.pick_up = e.class.name();
            out.problems.push(e.into());
        }
    }
    Document::new("completion", Body::Completion(out))
}

/// Decode a turtle page.
#[must_use]
pub fn turtle(raw: &[u8]) -> Document {
    let mut out = TurtleReport {
        bytes: raw.len(),
        crc32c: Sum(crc32c(raw)),
        content: None,
        problems: Vec::new(),
        notes: Vec::new(),
    };
    if let Some(rest) = raw.strip_suffix(b"\n") {
        out.notes.push(format!(
            "ends with a line feed, which stored pages do not; without it the crc32c is {:08x}",
            crc32c(rest)
        ));
    }
    match pagelog_turtle::parse(raw) {
        Ok(t) => out.content = Some(turtle_content(t, &mut out.problems, &mut out.notes)),
        Err(e) => out.problems.push(e.into()),
    }
    Document::new("turtle", Body::Turtle(Box::new(out)))
}

fn turtle_content(t: Turtle, problems: &mut Vec<Problem>, notes: &mut Vec<String>) -> TurtleContent {
    let checkpoints = t.checkpoints.iter().map(|c| entry(c, problems, notes)).collect();
    TurtleContent {
        form: match t.form {
            TurtleForm::Spring => "spring",
            TurtleForm::Legacy => "legacy",
            TurtleForm::LegacyKey => "legacy-key",
            TurtleForm::V1 => "v1",
            TurtleForm::V2 => "v2",
        },
        version: t.version,
        compatible_version: t.compatible_version,
        checkpoints,
        timestamp: Stamp::new(t.timestamp),
        oldest_timestamp: t.oldest_timestamp.map(Stamp::new),
        schema_epoch: t.schema_epoch.map(Stamp::new),
        largest_file_id: t.largest_file_id,
        base_write_gen: t.base_write_gen,
        key_provider: t.key_provider.map(|k| KeyReferenceInfo {
            page_id: k.page_id,
            lsn: k.lsn,
            lsn_time: time_hint(k.lsn.get()),
            version: k.version,
        }),
        unknown: t.unknown.into_iter().map(|(key, value)| Unknown { key, value }).collect(),
    }
}

fn entry(c: &CheckpointEntry, problems: &mut Vec<Problem>, notes: &mut Vec<String>) -> EntryInfo {
    let root = if c.addr.is_empty() { None } else { Some(CookieInfo::decode(&c.addr)) };
    let root = root.and_then(|r| r.map_err(|e| problems.push(e.within(&c.name).into())).ok());
    if let (Some(root), Some(next)) = (&root, c.next_page_id)
        && root.page_id >= next
    {
        notes.push(format!("{}: root page {} is not below next_page_id {next}", c.name, root.page_id));
    }
    EntryInfo {
        name: c.name.clone(),
        order: c.order,
        time: c.time,
        time_utc: date(c.time),
        size: c.size,
        write_gen: c.write_gen,
        run_write_gen: c.run_write_gen,
        next_page_id: c.next_page_id,
        oldest_start_ts: c.oldest_start_ts,
        newest_start_durable_ts: c.newest_start_durable_ts,
        newest_txn: c.newest_txn,
        newest_stop_ts: (c.newest_stop_ts != TS_MAX).then_some(c.newest_stop_ts),
        newest_stop_txn: (c.newest_stop_txn != TXN_MAX).then_some(c.newest_stop_txn),
        newest_stop_durable_ts: c.newest_stop_durable_ts,
        prepare: c.prepare,
        addr: hex::encode(&c.addr),
        root,
    }
}

/// A date, for seconds that have one in this millennium.
fn date(seconds: u64) -> String {
    if seconds <= u64::from(u32::MAX) { super::view::utc(seconds) } else { "out of range".to_string() }
}

/// Decode a configuration text.
#[must_use]
pub fn config(raw: &[u8]) -> Document {
    let mut tree = Tree::default();
    let entries = match Config::parse_bytes(raw) {
        Ok(config) => tree.entries(&config),
        Err(e) => {
            tree.problems.push(e.into());
            Vec::new()
        }
    };
    let mut notes = Vec::new();
    if tree.count > LISTED {
        notes.push(format!("only the first {LISTED} entries are listed"));
    }
    Document::new("config", Body::Config(ConfigReport { entries, problems: tree.problems, notes }))
}

/// Builds the entries of a configuration text. The parser bounds the depth of brackets.
#[derive(Default)]
struct Tree {
    count: usize,
    problems: Vec<Problem>,
}

impl Tree {
    fn entries(&mut self, config: &Config<'_>) -> Vec<ConfigEntry> {
        config.entries().iter().map_while(|e| self.entry(e.key, &e.value)).collect()
    }

    /// `None` once enough entries are listed.
    fn entry(&mut self, key: &str, value: &crate::format::config::Value<'_>) -> Option<ConfigEntry> {
        self.count += 1;
        if self.count > LISTED {
            return None;
        }
        let kind = match value.kind {
            Kind::Number => "number",
            Kind::Bool => "bool",
            Kind::String => "string",
            Kind::Id => "id",
            Kind::Struct => "struct",
        };
        let value = if value.kind == Kind::Struct {
            ConfigValue::Entries(match value.config() {
                Ok(inner) => self.entries(&inner),
                Err(e) => {
                    let name = if key.is_empty() { "structure" } else { key };
                    self.problems.push(e.within(name).into());
                    Vec::new()
                }
            })
        } else if key == "secretkey" {
            // The one key of the engine's configuration whose value is a secret.
            ConfigValue::Text("(hidden)".to_string())
        } else {
            ConfigValue::Text(value.text.to_string())
        };
        Some(ConfigEntry { key: key.to_string(), value, kind })
    }
}

/// Decode a key page. Of the payload only length and checksum are told.
#[must_use]
pub fn keystore(raw: &[u8]) -> Document {
    let mut out = KeystoreReport { bytes: raw.len(), header: None, problems: Vec::new(), notes: Vec::new() };
    match key_page::parse(raw) {
        Ok(k) => {
            if k.version > key_page::READER_VERSION {
                out.notes.push(format!(
                    "written by version {}, this reader knows {}",
                    k.version,
                    key_page::READER_VERSION
                ));
            }
            out.header = Some(KeystoreHeader {
                layout: match k.layout {
                    KeyLayout::A => "A",
                    KeyLayout::B => "B",
                    KeyLayout::V1 => "v1",
                    KeyLayout::V2 => "v2",
                },
                version: k.version,
                compatible_version: k.compatible_version,
                header_size: k.header_size,
                checksum: Sum(k.checksum),
                checksum_ok: true,
                timestamp: k.timestamp.map(Stamp::new),
                payload_bytes: k.payload_len,
                payload_crc32c: Sum(k.payload_crc32c),
            });
        }
        Err(e) => out.problems.push(e.into()),
    }
    Document::new("keystore", Body::Keystore(out))
}

/// Decode a stored block.
#[must_use]
pub fn page(raw: &[u8], view: &View) -> Document {
    Document::new("page", Body::Page(Box::new(super::block::block(raw, view))))
}

/// Decode cells from the first byte to the last; `page_flags` are those of their page.
#[must_use]
pub fn cells(raw: &[u8], page_flags: u8, addresses: Addresses, view: &View) -> Document {
    let list = CellList::read(raw, 0, page_flags, false, addresses, view);
    let mut out = CellsReport { cells_total: list.total, cells: list.cells, problems: list.problems };
    if raw.is_empty() {
        out.problems.push(FormatError::invalid("no cell: the input is empty").into());
    }
    Document::new("cell", Body::Cells(out))
}

impl Document {
    fn new(kind: &'static str, body: Body) -> Self {
        Self { schema_version: SCHEMA_VERSION, kind, body }
    }

    /// The worst error: damage before what is merely too new.
    #[must_use]
    pub fn worst(&self) -> Option<Class> {
        let problems: Vec<&Problem> = match &self.body {
            Body::Cookies { cookies } => cookies.iter().flat_map(|c| &c.problems).collect(),
            Body::Checkpoint(r) => r.problems.iter().collect(),
            Body::Completion(r) => r.problems.iter().collect(),
            Body::Turtle(r) => r.problems.iter().collect(),
            Body::Config(r) => r.problems.iter().collect(),
            Body::Keystore(r) => r.problems.iter().collect(),
            Body::Page(r) => r.problems.iter().collect(),
            Body::Cells(r) => r.problems.iter().collect(),
        };
        let damage = problems.iter().find(|p| p.class != Class::Unsupported);
        damage.or(problems.first()).map(|p| p.class)
    }

    /// The document for people.
    #[must_use]
    pub fn text(&self, width: Option<u16>, paint: Paint) -> String {
        match &self.body {
            Body::Cookies { cookies } => {
                let one = |r: &CookieReport| cookie_text(r, width, paint, cookies.len() > 1);
                cookies.iter().map(one).collect::<Vec<_>>().join("\n")
            }
            Body::Checkpoint(r) => checkpoint_text(r, width, paint),
            Body::Completion(r) => completion_text(r, width, paint),
            Body::Turtle(r) => turtle_text(r, width, paint),
            Body::Config(r) => config_text(r, width, paint),
            Body::Keystore(r) => keystore_text(r, width, paint),
            Body::Page(r) => super::block::text(r, width, paint),
            Body::Cells(r) => {
                let table = if r.cells.is_empty() { String::new() } else { cell_table(&r.cells, width) };
                table + &remarks(&r.problems, &[], paint)
            }
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
    f.maybe("base lsn", c.base_lsn, if c.base_lsn == Some(Lsn::NONE) { "no delta" } else { "of the full image" });
    f.maybe("checkpoint id", c.checkpoint_id, "");
    f.maybe("reconciliation id", c.reconciliation_id, "");
    let meaning = if c.flags.is_empty() { "" } else { "of the whole chain; before 2026-01-29 of the newest block" };
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
    f.note("crc32c", r.crc32c, "compare with metadata_checksum of the completion record");
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
    f.maybe("base write generation", t.base_write_gen, "");
    if let Some(k) = &t.key_provider {
        f.note("key page", format!("page {} at LSN {}", k.page_id, k.lsn), k.lsn_time.as_deref().unwrap_or_default());
    }
    for u in &t.unknown {
        f.note(&u.key, &u.value, "unknown key");
    }
    let mut out = f.table(width);
    let mut notes = r.notes.clone();
    for c in &t.checkpoints {
        out.push_str(&format!("\n{}\n", paint.head(&super::text::escape(&c.name))));
        let mut f = Fields::default();
        f.add("order", c.order);
        f.note("time", c.time, &c.time_utc);
        f.add("size", size(c.size));
        f.note("write_gen", c.write_gen, format!("run began at {}", c.run_write_gen));
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
            None => f.note("root", &c.addr, "does not decode"),
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
        f.note("payload crc32c", h.payload_crc32c, "tells whether two pages hold the same key");
    }
    f.table(width) + &remarks(&r.problems, &r.notes, paint)
}
