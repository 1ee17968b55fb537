//! The rows of a page log with other content.
//!
//! Rows are self-describing, so no tree is walked: every row is rewritten, reachable or not, table by
//! table. Within a table that happens in the order of LSNs: a child has a lower LSN than the cookie
//! that names it, so its new checksum is known by then. The shared metadata comes after all other
//! tables, the turtle pages after it, the completion records last.

use super::page::{self, Content, Plain, Replaced, Values};
use super::relabel::{Alphabet, Form, Keys};
use super::search::Samples;
use super::squeeze;
use super::sums::{self, Sums};
use super::text;
use crate::audit::Progress;
use crate::audit::pagelog::Opened;
use crate::format::compress::{self, Compressor};
use crate::format::config::Config;
use crate::format::cookie::{Cookie, Layout};
use crate::format::image::{Era, Image};
use crate::format::key_page::{self, KeyLayout};
use crate::format::page_header::PageType;
use crate::format::{block, completion, crc, pagelog_turtle};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::pagelog::catalog::{self, KEY_TABLE, SPECIAL_PAGE, TURTLE_TABLES};
use crate::store::{BlockReader, CompletionRow, Row, StoreError, StoreKind};
use std::collections::{BTreeSet, HashMap, HashSet};

/// How a turtle page of any form begins.
const TURTLE_BEGINS: [&str; 5] = ["version=", "checkpoint=", "(WiredTigerCheckpoint.", "file:", "compatible_version="];
/// How a completion record begins.
const COMPLETION_BEGINS: [&str; 4] = ["metadata_lsn=", "id=", "metadata_checksum=", "database_size="];
/// Tries to find content whose checksum packs into as many bytes as the old one.
const ATTEMPTS: u64 = 4096;
/// A checksum that nothing has.
const NOWHERE: u32 = 0x5eed_5eed;

/// What a page log is rewritten into: one row at a time.
pub(super) type Sink<'a> = dyn FnMut(&Row, &[u8]) -> Result<(), super::PackError> + 'a;

/// A page log being rewritten.
pub(super) struct Rewriter<'a> {
    opened: &'a Opened<'a>,
    era: Era,
    /// Checksums of the rows rewritten so far; several of one LSN differ by their checkpoint.
    sums: HashMap<Version, Vec<Sums>>,
    metadata: BTreeSet<TableId>,
    /// The compressor of the table at hand.
    compressor: Option<Compressor>,
    pub(super) replaced: Replaced,
    /// Blocks whose content does not fit into the old length, or whose checksum does not pack into it.
    pub(super) misfits: Vec<Version>,
    /// Most bytes of keys held at a time.
    pub(super) key_bytes: u64,
    alphabet: Alphabet,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(opened: &'a Opened<'a>, alphabet: Alphabet) -> Self {
        let era = match opened.store.kind() {
            StoreKind::Palm => Era::June2025,
            StoreKind::Palite | StoreKind::Local => Era::Current,
        };
        Self {
            opened,
            era,
            sums: HashMap::new(),
            metadata: BTreeSet::new(),
            compressor: None,
            replaced: Replaced::default(),
            misfits: Vec::new(),
            key_bytes: 0,
            alphabet,
        }
    }

    /// Rewrite every row that has data.
    pub(super) fn rows(
        &mut self,
        samples: &mut Samples,
        progress: &dyn Progress,
        sink: &mut Sink<'_>,
    ) -> Result<(), super::PackError> {
        let index = &self.opened.index;
        let mut reader = self.opened.store.reader()?;
        let special = |r: &Row| r.page == SPECIAL_PAGE && (TURTLE_TABLES.contains(&r.table) || r.table == KEY_TABLE);
        self.find_metadata(&mut *reader);
        let (late, early): (Vec<TableId>, Vec<TableId>) =
            index.tables().into_iter().partition(|t| self.metadata.contains(t));
        let mut done = 0;
        for table in early.into_iter().chain(late) {
            let mut rows: Vec<Row> =
                index.slice(index.table(table)).iter().filter(|r| r.len > 0 && !special(r)).collect();
            rows.sort_by_key(|r| r.lsn);
            self.compressor = self.find_compressor(&rows, &mut *reader);
            let (keys, names) = self.keys(&rows, &mut *reader, samples);
            if !names {
                self.metadata.remove(&table);
            }
            self.key_bytes = self.key_bytes.max(keys.bytes());
            let mut bytes = Vec::new();
            for row in &rows {
                if reader.read(row, &mut bytes).is_err() {
                    bytes.clear();
                    bytes.resize(row.len as usize, 0);
                }
                let new = self.block(row, &bytes, &keys);
                sink(row, &new)?;
                done += 1;
                progress.at(done, 0);
            }
        }
        let mut rest: Vec<Row> = index.rows().iter().filter(|r| r.len > 0 && special(r)).collect();
        rest.sort_by_key(|r| r.lsn);
        let mut bytes = Vec::new();
        for row in &rest {
            if reader.read(row, &mut bytes).is_err() {
                bytes.clear();
                bytes.resize(row.len as usize, 0);
            }
            let new = if row.table == KEY_TABLE {
                key_page(&bytes, self.alphabet, samples)
            } else {
                self.turtle(row, &bytes)
            };
            sink(row, &new)?;
        }
        Ok(())
    }

    /// The tables that turtle pages name as the shared metadata; only there texts are the engine's.
    fn find_metadata(&mut self, reader: &mut dyn BlockReader) {
        let index = &self.opened.index;
        let mut bytes = Vec::new();
        for table in TURTLE_TABLES.into_iter().rev() {
            for row in index.slice(index.page(table, SPECIAL_PAGE)) {
                let parsed = reader.read(&row, &mut bytes).ok().and_then(|()| pagelog_turtle::parse(&bytes).ok());
                let tree = parsed.and_then(|t| catalog::metadata_tree(index, &t).ok());
                self.metadata.extend(tree.filter(|t| t.root.is_some()).map(|t| t.table));
            }
        }
    }

    /// What a table is compressed with, by the framing of a full image: that of deltas does not tell.
    fn find_compressor(&self, rows: &[Row], reader: &mut dyn BlockReader) -> Option<Compressor> {
        let mut bytes = Vec::new();
        rows.iter().filter(|r| r.is_full()).find_map(|row| {
            reader.read(row, &mut bytes).ok()?;
            let image = Image::parse(&bytes, Some(self.era)).ok()?;
            let found = compress::detect(&bytes).filter(|_| image.is_compressed())?;
            image.plain(Some(found)).is_ok().then_some(found)
        })
    }

    fn keys(&self, rows: &[Row], reader: &mut dyn BlockReader, samples: &mut Samples) -> (Keys, bool) {
        let metadata = rows.first().is_some_and(|r| self.metadata.contains(&r.table));
        let mut found: HashSet<Box<[u8]>> = HashSet::new();
        let mut overflow: HashSet<(PageId, Lsn)> = HashSet::new();
        let mut bytes = Vec::new();
        let mut each = |row: &Row, items: Option<&HashSet<(PageId, Lsn)>>, overflow: &mut HashSet<(PageId, Lsn)>| {
            if reader.read(row, &mut bytes).is_err() {
                return;
            }
            mend(&mut bytes, self.era);
            let Ok(image) = Image::parse(&bytes, Some(self.era)) else { return };
            let Ok(plain) = image.plain(self.compressor) else { return };
            let plain = plain_of(&image, &plain, row);
            if let Some(items) = items {
                if plain.header.page_type() == Ok(PageType::Overflow) && items.contains(&(row.page, row.lsn)) {
                    found.insert(plain.bytes.get(plain.start..).unwrap_or_default().into());
                }
                return;
            }
            let mut key = |k: &[u8]| {
                if !found.contains(k) {
                    found.insert(k.into());
                }
            };
            page::collect(plain, &mut key, &mut |cookie| {
                overflow.extend(Cookie::decode(cookie).ok().map(|c| (c.page_id, c.lsn)));
            });
            page::values(plain, &mut |v| match metadata {
                true => samples.shipped(&page::metadata_value(v, &mut 0, &|_, _| None)),
                false => samples.value(v),
            });
        };
        for row in rows {
            each(row, None, &mut overflow);
        }
        if !overflow.is_empty() {
            let items = std::mem::take(&mut overflow);
            rows.iter().for_each(|row| each(row, Some(&items), &mut overflow));
        }
        let names = metadata && found.iter().all(|k| text::is_name(k));
        for key in &found {
            if names { samples.shipped(key) } else { samples.key(key) }
        }
        (Keys::new(found.into_iter().collect(), if names { &Form::Names } else { &Form::Bytes }, self.alphabet), names)
    }

    /// A page image or delta.
    fn block(&mut self, row: &Row, stored: &[u8], keys: &Keys) -> Vec<u8> {
        let place = Version::new(row.table, row.page, row.lsn);
        let mut whole = stored.to_vec();
        let flipped = mend(&mut whole, self.era);
        let Ok(image) = Image::parse(&whole, Some(self.era)) else {
            self.replaced.headers_only += 1;
            return vec![0; stored.len()];
        };
        let sound = image.compute_checksum() == image.block.checksum;
        if !sound && !is_plausible(&image) {
            // Anything may have been written here.
            self.replaced.headers_only += 1;
            return vec![0; stored.len()];
        }
        let values = if self.metadata.contains(&row.table) { Values::Metadata } else { Values::bytes() };
        let packed = |sum: u32| self.era == Era::Current || packs(sum, image.block.checksum);
        let (body, counts, padding) = self.body(row, &image, keys, &values, 0);
        let (mut new, mut sum) = self.sealed(row, &image, body);
        let first = sum;
        for attempt in 1..ATTEMPTS {
            if packed(sum) {
                break;
            }
            // What stands behind a compressed stream is read by nobody; else a value is varied.
            let varied = match new.get(padding..).filter(|p| p.len() >= 8) {
                Some(_) => {
                    let mut varied = new.clone();
                    varied[padding..padding + 8].copy_from_slice(&attempt.to_le_bytes());
                    varied
                }
                None => self.body(row, &image, keys, &values, attempt).0,
            };
            (new, sum) = self.sealed(row, &image, varied);
            if sum == first {
                break;
            }
        }
        if !packed(sum) || counts.headers_only > 0 && !image.is_encrypted() && sound {
            self.misfits.push(place);
        }
        self.replaced.add(counts);
        let new_stored = if sound { sum } else { self.wrong(&new, sum) };
        put_checksum(&mut new, &image, new_stored);
        // A flipped bit is flipped again in what would else be sound.
        if let Some((offset, bit)) = flipped
            && let Some(byte) = new.get_mut(offset)
        {
            *byte ^= 1 << bit;
        }
        let old_computed = if flipped.is_some() { image.block.checksum } else { image.compute_checksum() };
        let entry = Sums { old: image.block.checksum, old_computed, new: new_stored, new_computed: sum };
        self.sums.entry(place).or_default().push(entry);
        new
    }

    /// Plain content replaced and compressed again; still with the old checksums.
    ///
    /// Answers where padding begins.
    fn body(
        &self,
        row: &Row,
        image: &Image<'_>,
        keys: &Keys,
        values: &Values,
        attempt: u64,
    ) -> (Vec<u8>, Replaced, usize) {
        let stored = image.bytes();
        let headers = || {
            let mut out = vec![0; stored.len()];
            let n = image.data_offset().min(stored.len());
            out[..n].copy_from_slice(&stored[..n]);
            (out, Replaced { blocks: 1, headers_only: 1, ..Replaced::default() }, usize::MAX)
        };
        let Ok(plain) = image.plain(self.compressor) else { return headers() };
        let cookie = |old: &[u8], text: Option<&str>| self.cookie(row.table, old, text);
        let content = Content {
            keys,
            values,
            cookie: &cookie,
            item_is_key: keys.get(plain.get(image.data_offset()..).unwrap_or_default()).is_some(),
            width: None,
            alphabet: self.alphabet,
            attempt,
            first_key_is_free: false,
        };
        let (mut new, counts) = page::replaced(plain_of(image, &plain, row), &content);
        if image.is_compressed() {
            let Some(compressor) = self.compressor.or_else(|| compress::detect(stored)) else { return headers() };
            match squeeze::fitted(compressor, &new, stored.len()) {
                Some((new, used)) => (new, counts, used),
                None => headers(),
            }
        } else {
            new.resize(stored.len(), 0);
            // Bytes behind the content are against the rules; that they are there stays.
            if let Some(at) = stored.get(plain.len()..).and_then(|tail| tail.iter().position(|b| *b != 0)) {
                new[plain.len() + at] = 1;
            }
            (new, counts, usize::MAX)
        }
    }

    /// Both checksums of the header; answers the block's own.
    fn sealed(&self, row: &Row, image: &Image<'_>, mut new: Vec<u8>) -> (Vec<u8>, u32) {
        let at = image.checksum_offset();
        let previous = match image.block.previous_checksum {
            0 => 0,
            old => self.previous(row, old),
        };
        if let Some(field) = new.get_mut(at + 4..at + 8) {
            field.copy_from_slice(&previous.to_le_bytes());
        }
        let sum = Image::parse(&new, Some(self.era)).map_or(0, |i| i.compute_checksum());
        put_checksum(&mut new, image, sum);
        (new, sum)
    }

    /// The checksum of the block before, by the one it had.
    fn previous(&self, row: &Row, old: u32) -> u32 {
        let index = &self.opened.index;
        let rows = index.slice(index.page(row.table, row.page));
        let earlier = rows.iter().rev().filter(|r| r.lsn < row.lsn);
        earlier
            .filter_map(|r| self.sums.get(&Version::new(r.table, r.page, r.lsn)))
            .find_map(|all| sums::exact(all, old))
            .unwrap_or(NOWHERE)
    }

    /// A checksum that does not hold, and is no flipped bit away from holding.
    fn wrong(&self, new: &[u8], sum: u32) -> u32 {
        let fits =
            |candidate: &u32| Image::parse(new, Some(self.era)).is_ok_and(|i| i.find_flipped_bit(*candidate).is_none());
        sums::others(sum).find(fits).unwrap_or(!sum)
    }

    /// Another cookie; in a text its table is that of the text's `id=`.
    fn cookie(&self, table: TableId, old: &[u8], text: Option<&str>) -> Option<Vec<u8>> {
        let table = match text {
            None => table,
            Some(text) => TableId(Config::parse(text).ok()?.get("id")?.u64().ok()?),
        };
        self.cookie_in(table, old)
    }

    fn cookie_in(&self, table: TableId, old: &[u8]) -> Option<Vec<u8>> {
        let Ok(cookie) = Cookie::decode(old) else {
            // Of a cookie that breaks the rules only that it does so is kept.
            return Some(broken_cookie(old));
        };
        if cookie.is_none() {
            return Some(old.to_vec());
        }
        let new = match self.sums.get(&Version::new(table, cookie.page_id, cookie.lsn)) {
            Some(all) => sums::renewed(all, cookie.checksum),
            None => NOWHERE,
        };
        match cookie.layout {
            Layout::V0 => {
                let mut out = old.to_vec();
                let end = old.len().checked_sub(cookie.trailing)?;
                out.get_mut(end - 4..end)?.copy_from_slice(&new.to_le_bytes());
                out.get_mut(end..)?.fill(0x80);
                Some(out)
            }
            Layout::L1 | Layout::L2 | Layout::L3 => {
                let before = Cookie { checksum: 0, ..cookie }.encode();
                let head = before.len() - 1;
                let field = sums::packed(new, old.len().checked_sub(head)?)?;
                // Numbers that are not packed the shortest way move the last one; such a cookie stays as it was.
                (old.get(..head) == before.get(..head)).then(|| [&before[..head], &field].concat())
            }
        }
    }

    /// A turtle page: a text of the engine, or nothing.
    fn turtle(&mut self, row: &Row, old: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(old).ok().filter(|t| text::is_engines(t, &TURTLE_BEGINS));
        let new = match text {
            Some(text) => {
                let metadata = self.metadata.clone();
                let cookie = |old: &[u8]| {
                    let decoded = Cookie::decode(old).ok()?;
                    let holds = |t: &&TableId| self.sums.contains_key(&Version::new(**t, decoded.page_id, decoded.lsn));
                    let table = metadata.iter().find(holds).or(metadata.first()).copied().unwrap_or(TableId(0));
                    self.cookie_in(table, old)
                };
                text::rewritten(text, &cookie).into_bytes()
            }
            None => vec![b'?'; old.len()],
        };
        let (old_sum, new_sum) = (crc::crc32c(old), crc::crc32c(&new));
        let entry = Sums { old: old_sum, old_computed: old_sum, new: new_sum, new_computed: new_sum };
        self.sums.entry(Version::new(row.table, row.page, row.lsn)).or_default().push(entry);
        new
    }

    /// A completion record with the new checksum of its turtle page.
    pub(super) fn completion(&self, row: &CompletionRow) -> Vec<u8> {
        let text = std::str::from_utf8(&row.text).ok().map(|t| t.trim_end_matches('\0'));
        let Some(text) = text.filter(|t| text::is_engines(t, &COMPLETION_BEGINS)) else {
            return vec![b'?'; row.text.len()];
        };
        let Ok(parsed) = completion::parse(text.as_bytes()) else { return text.as_bytes().to_vec() };
        let Some(old) = parsed.metadata_checksum else { return row.text.clone() };
        let of = |table: &TableId| self.sums.get(&Version::new(*table, SPECIAL_PAGE, parsed.metadata_lsn));
        let new = TURTLE_TABLES.iter().find_map(of).map_or(NOWHERE, |all| sums::renewed(all, old));
        // The engine writes no leading zeros, and reads them.
        let width = format!("{old:x}").len();
        let mut out = crate::format::config::with_values(text, &[("metadata_checksum", &format!("{new:0width$x}"))])
            .unwrap_or_else(|_| text.to_string())
            .into_bytes();
        if row.text.ends_with(&[0]) {
            out.push(0);
        }
        out
    }
}

/// Whether the headers can be those of a block although its checksum does not hold.
fn is_plausible(image: &Image<'_>) -> bool {
    [block::MAGIC_BASE, block::MAGIC_DELTA].contains(&image.block.magic) && image.page.check().is_ok()
}

/// Put right a bit whose flip explains a wrong checksum; answers where it was.
fn mend(bytes: &mut [u8], era: Era) -> Option<(usize, u8)> {
    let image = Image::parse(bytes, Some(era)).ok()?;
    let stored = image.block.checksum;
    if image.compute_checksum() == stored {
        return None;
    }
    let (offset, bit) = image.find_flipped_bit(stored)?;
    *bytes.get_mut(offset)? ^= 1 << bit;
    Some((offset, bit))
}

fn plain_of<'p>(image: &Image<'_>, plain: &'p [u8], row: &Row) -> Plain<'p> {
    let delta = (row.is_delta() || image.is_delta()).then_some(image.data_offset() == block::OLD_DELTA_COMBINED_LEN);
    Plain { bytes: plain, start: image.data_offset(), header: image.page, delta }
}

fn put_checksum(bytes: &mut [u8], image: &Image<'_>, sum: u32) {
    let at = image.checksum_offset();
    if let Some(field) = bytes.get_mut(at..at + 4) {
        field.copy_from_slice(&sum.to_le_bytes());
    }
}

/// Whether a checksum packs into as many bytes as another, the shortest way: readers accept leading
/// zeros, and tell such a cookie from one they pack themselves.
fn packs(new: u32, old: u32) -> bool {
    sums::packed_len(new) == sums::packed_len(old)
}

/// Bytes that break the rules of cookies as others did, as far as that is a matter of the layout.
fn broken_cookie(old: &[u8]) -> Vec<u8> {
    // A cookie of zeros names page 0; one that is to be refused as too new keeps its version pair.
    let mut out = vec![0; old.len()];
    if let (Some(slot), Some(first)) = (out.first_mut(), old.first()) {
        *slot = if *first >= 0x80 { 0xff } else { *first };
    }
    out
}

/// A key page: its header, and a payload of the same length.
fn key_page(old: &[u8], alphabet: Alphabet, samples: &mut Samples) -> Vec<u8> {
    let parsed = key_page::parse(old);
    let (header, checksum) = match &parsed {
        Ok(p) => (
            usize::from(p.header_size),
            match p.layout {
                KeyLayout::A => 10,
                KeyLayout::B => 11,
                KeyLayout::V1 | KeyLayout::V2 => 12,
            },
        ),
        Err(_) => (14.min(old.len()), 12),
    };
    samples.secret(old.get(header..).unwrap_or_default());
    let mut out = vec![0; old.len()];
    let known = header.min(24).min(old.len());
    out[..known].copy_from_slice(&old[..known]);
    if let Some(payload) = out.get_mut(header..) {
        payload.fill(alphabet.value);
    }
    if parsed.is_ok() {
        crc::seal(&mut out, checksum, usize::MAX);
    }
    out
}

impl From<StoreError> for super::PackError {
    fn from(e: StoreError) -> Self {
        Self::Audit(e.into())
    }
}
