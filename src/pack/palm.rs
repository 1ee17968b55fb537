//! The data file of a PALM store with other content (the LMDB format as far as
//! [`crate::store::palm::lmdb`] describes it).
//!
//! The new file is as long as the old one and begins as zeros. Meta pages, page headers, node offsets,
//! keys and the lists of free pages are carried over from every tree that a meta page leads to; values
//! are put in where they were. Free pages stay zero.

use super::PackError;
use crate::id::Lsn;
use crate::store::palm::lmdb::{Env, MAX_DEPTH, State};
use crate::store::palm::{CHECKPOINT_KEY_LEN, PAGE_KEY_LEN, decode_checkpoint_key};
use crate::store::{CompletionRow, Row};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const HEADER: usize = 16;
const NODE_HEADER: usize = 8;
/// Bytes of a meta page that mean something: header, magic, two databases, last page, transaction.
const META: usize = 152;
const FLAG_BRANCH: u16 = 0x01;
const FLAG_LEAF: u16 = 0x02;
const NODE_OVERFLOW: u16 = 0x01;
const NODE_DATABASE: u16 = 0x02;
/// Bytes of the record of a database.
const DATABASE: usize = 48;
/// Longest name of a database that is one.
const MAX_NAME: usize = 32;
/// What is read at the head of the file to find the meta pages: two pages of the largest size.
const HEAD: usize = 64 << 10;

/// What the records of a database are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Records {
    /// Names of databases and their records.
    Databases,
    /// Keys of so many bytes; the values are put in later.
    Keys(usize),
    /// Numbers of the engine and lists of free pages.
    Numbers,
    /// Nothing that is known.
    Unknown,
}

/// The new data file, and where the completion records are in it.
pub(super) struct DataFile {
    source: File,
    out: File,
    len: u64,
    /// Offset and length of the text of a completion record, by its LSN.
    completions: BTreeMap<Lsn, (u64, u32)>,
    seen: HashSet<u64>,
}

impl DataFile {
    /// Carry the structure of `from` over into the new file `to`.
    pub(super) fn copy(from: &Path, to: &Path) -> Result<Self, PackError> {
        let failed = |e: io::Error| PackError::io(from, &e);
        let source = crate::store::regular_file(from).map_err(failed)?;
        let len = source.metadata().map_err(failed)?.len();
        let out = File::options().read(true).write(true).create_new(true).open(to);
        let out = out.map_err(|e| PackError::io(to, &e))?;
        out.set_len(len).map_err(|e| PackError::io(to, &e))?;
        let mut data = Self { source, out, len, completions: BTreeMap::new(), seen: HashSet::new() };
        let head = data.read(0, HEAD.min(usize::try_from(len).unwrap_or(HEAD))).map_err(failed)?;
        let states = Env::states(&head).map(|(states, _)| states).unwrap_or_default();
        data.structure(&head, &states).map_err(failed)?;
        Ok(data)
    }

    /// Put new data in the place of a row's.
    pub(super) fn put(&self, row: &Row, data: &[u8]) -> Result<(), PackError> {
        self.write(row.locator, data).map_err(|e| PackError::Image(format!("data.mdb: {e}")))
    }

    /// Put a new completion record in the place of one; false if it does not fit.
    pub(super) fn complete(&self, row: &CompletionRow, text: &[u8]) -> Result<bool, PackError> {
        let Some((offset, len)) = self.completions.get(&row.lsn) else { return Ok(false) };
        if u32::try_from(text.len()) != Ok(*len) {
            return Ok(false);
        }
        self.write(*offset, text).map_err(|e| PackError::Image(format!("data.mdb: {e}")))?;
        Ok(true)
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.source.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > self.len {
            return Err(io::Error::other("a value past the end of the file"));
        }
        self.out.write_all_at(bytes, offset)
    }

    fn structure(&mut self, head: &[u8], states: &[State]) -> io::Result<()> {
        let size = states.first().map_or(4096, |s| s.page_size);
        // A meta page that cannot be used keeps what made it so.
        for at in [0, size] {
            if let Some(meta) = head.get(at..(at + META).min(head.len())) {
                self.write(at as u64, meta)?;
            }
        }
        for state in states {
            for (db, records) in [(&state.main, Records::Databases), (&state.free, Records::Numbers)] {
                if let Some(root) = db.root {
                    self.tree(root, state.page_size, records, 0)?;
                }
            }
        }
        Ok(())
    }

    fn tree(&mut self, number: u64, size: usize, records: Records, depth: u16) -> io::Result<()> {
        let offset = number.saturating_mul(size as u64);
        if depth > MAX_DEPTH || offset.saturating_add(HEADER as u64) > self.len || !self.seen.insert(number) {
            return Ok(());
        }
        let there = usize::try_from(self.len - offset).unwrap_or(size).min(size);
        let page = self.read(offset, there)?;
        let u16_at = |at: usize| page.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let flags = u16_at(10).unwrap_or(0);
        let mut new = vec![0; page.len()];
        new[..HEADER].copy_from_slice(&page[..HEADER]);
        let (leaf, branch) = (flags & FLAG_LEAF != 0, flags & FLAG_BRANCH != 0);
        let lower = usize::from(u16_at(12).unwrap_or(0));
        let mut below = Vec::new();
        if (leaf != branch) && (HEADER..=page.len()).contains(&lower) {
            new[HEADER..lower].copy_from_slice(&page[HEADER..lower]);
            for at in (HEADER..lower).step_by(2).filter_map(u16_at).map(usize::from) {
                if at >= lower {
                    self.node(&page, &mut new, offset, at, leaf, records, &mut below);
                }
            }
        }
        self.write(offset, &new)?;
        for (child, records, run) in below {
            match run {
                // An overflow run has one header, in front of its value.
                true => self.overflow(child, size, records)?,
                false => self.tree(child, size, records, depth + 1)?,
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a node is identified by its page, position and tree")]
    fn node(
        &mut self,
        page: &[u8],
        new: &mut [u8],
        offset: u64,
        at: usize,
        leaf: bool,
        records: Records,
        below: &mut Vec<(u64, Records, bool)>,
    ) {
        let Some(header) = page.get(at..at + NODE_HEADER) else { return };
        let word = |n: usize| u16::from_le_bytes([header[n], header[n + 1]]);
        let (low, high, flags, key_len) = (word(0), word(2), word(4), usize::from(word(6)));
        let from = at + NODE_HEADER;
        let Some(key) = page.get(from..from + key_len) else { return };
        new[at..from].copy_from_slice(header);
        let name = key_len <= MAX_NAME && key.iter().all(u8::is_ascii_graphic);
        let known = match records {
            Records::Databases => name,
            Records::Keys(len) => key_len == len || (!leaf && key_len == 0),
            Records::Numbers => key_len <= 8,
            Records::Unknown => false,
        };
        if known {
            new[from..from + key_len].copy_from_slice(key);
        }
        if !leaf {
            let child = u64::from(low) | u64::from(high) << 16 | u64::from(flags) << 32;
            below.push((child, records, false));
            return;
        }
        let data = from + key_len;
        let len = usize::from(low) | usize::from(high) << 16;
        let number = |at: usize| page.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        if flags & NODE_OVERFLOW != 0 {
            if let Some(run) = number(data) {
                new[data..data + 8].copy_from_slice(&run.to_le_bytes());
                below.push((run, records, true));
            }
        } else if flags & NODE_DATABASE != 0 && records == Records::Databases {
            let Some(record) = page.get(data..data + DATABASE) else { return };
            new[data..data + DATABASE].copy_from_slice(record);
            let kind = match key {
                b"pages" => Records::Keys(PAGE_KEY_LEN),
                b"checkpoints" => Records::Keys(CHECKPOINT_KEY_LEN),
                b"globals" => Records::Numbers,
                _ => Records::Unknown,
            };
            // Flags, depth, three counts and the number of entries come before the root.
            below.extend(number(data + 40).filter(|root| *root != u64::MAX).map(|root| (root, kind, false)));
        } else if records == Records::Numbers
            && let Some(value) = page.get(data..data + len)
        {
            new[data..data + len].copy_from_slice(value);
        } else if let (Records::Keys(CHECKPOINT_KEY_LEN), Ok(key)) = (records, decode_checkpoint_key(key)) {
            let place = (offset + data as u64, u32::try_from(len).unwrap_or(0));
            self.completions.entry(key.lsn).or_insert(place);
        }
    }

    fn overflow(&mut self, number: u64, size: usize, records: Records) -> io::Result<()> {
        let offset = number.saturating_mul(size as u64);
        if offset.saturating_add(HEADER as u64) > self.len || !self.seen.insert(number) {
            return Ok(());
        }
        let header = self.read(offset, HEADER)?;
        self.write(offset, &header)?;
        if records == Records::Numbers {
            let pages = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
            let end = offset.saturating_add(u64::from(pages).saturating_mul(size as u64)).min(self.len);
            let mut at = offset + HEADER as u64;
            while at < end {
                let n = usize::try_from(end - at).unwrap_or(size).min(size);
                self.write(at, &self.read(at, n)?)?;
                at += n as u64;
            }
        }
        Ok(())
    }
}
