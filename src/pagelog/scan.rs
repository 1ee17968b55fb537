//! The pages of one tree, in the order of their keys and one at a time, with the rows of its leaves. No threads,
//! and no judgement beyond what keeps a page from being read.

use super::chain;
use super::fault::{Fact, Fault, FaultKind};
use super::page::{self, Checks, Compression, Loaded, Scratch};
use crate::format::cookie::Cookie;
use crate::format::image::Image;
use crate::format::page_header::PageType;
use crate::id::{PageId, TableId, Version};
use crate::page::cell::CellKind;
use crate::page::delta::{Body, LeafValue};
use crate::page::rules;
use crate::store::{BlockReader, Index};
use std::collections::HashSet;

/// More internal levels than any real tree has.
const MAX_DEPTH: usize = 64;

/// A key or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Plain(Vec<u8>),
    /// The cookie of the overflow page it is on.
    Overflow(Vec<u8>),
}

/// A page that was met.
#[derive(Debug)]
pub struct Scanned {
    /// The address it was reached by.
    pub cookie: Cookie,
    pub level: usize,
    /// Its type, where its header could be read.
    pub kind: Option<PageType>,
    /// Keys and values of a leaf that are not deleted.
    pub rows: Vec<(Item, Item)>,
    /// Its first key is not below the one, its last key is below the other.
    pub range: (Option<Vec<u8>>, Option<Vec<u8>>),
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// A page to go to: its cookie, its level, and what bounds its keys.
type Next = (Cookie, usize, Option<Vec<u8>>, Option<Vec<u8>>);

/// The pages of a tree.
pub struct Scan<'a> {
    index: &'a Index,
    reader: Box<dyn BlockReader + 'a>,
    table: TableId,
    compression: Compression,
    stack: Vec<Next>,
    // A cycle would read a page twice; the set bounds the walk.
    seen: HashSet<PageId>,
    scratch: Scratch,
    /// Only pages that may have keys from the one up to the other.
    only: (Option<Vec<u8>>, Option<Vec<u8>>),
}

impl<'a> Scan<'a> {
    /// From the root on.
    pub fn new(
        index: &'a Index,
        reader: Box<dyn BlockReader + 'a>,
        table: TableId,
        root: Option<Cookie>,
        compression: Compression,
    ) -> Self {
        let stack = root.into_iter().map(|c| (c, 0, None, None)).collect();
        let (seen, scratch, only) = (HashSet::new(), Scratch::default(), (None, None));
        Self { index, reader, table, compression, stack, seen, scratch, only }
    }

    /// The pages that may have keys from the one up to the other.
    pub fn within(mut self, from: Option<Vec<u8>>, to: Option<Vec<u8>>) -> Self {
        self.only = (from, to);
        self
    }

    fn read(&mut self, (cookie, level, lower, upper): Next) -> Scanned {
        let place = Version::new(self.table, cookie.page_id, cookie.lsn);
        let range = (lower, upper);
        let mut out = Scanned { cookie, level, kind: None, rows: Vec::new(), range, faults: Vec::new() };
        if level > MAX_DEPTH || !self.seen.insert(cookie.page_id) {
            out.faults.push(Fault::new(FaultKind::ReferencedTwice, place, Fact::References { parents: Vec::new() }));
            return out;
        }
        let Some(loaded) = self.load(&cookie, &mut out.faults) else { return out };
        out.kind = loaded.1;
        let (scratch, faults, stack, rows) = (&self.scratch, &mut out.faults, &mut self.stack, &mut out.rows);
        let (range, only) = (&out.range, &self.only);
        let mut more = Vec::new();
        if out.kind == Some(PageType::RowInternal) {
            page::with_children(scratch, loaded.0, faults, |children| {
                let mut upper = range.1.clone();
                for (n, child) in children.list.iter().enumerate().rev() {
                    // The first key of a page means nothing.
                    let lower = if n == 0 { range.0.clone() } else { Some(child.key.to_vec()) };
                    match Cookie::decode(child.cookie) {
                        _ if child.kind == CellKind::AddrDeleted => {}
                        _ if is_outside(&lower, &upper, only) => {}
                        Ok(c) => stack.push((c, level.saturating_add(1), lower.clone(), upper)),
                        Err(e) => more.push(page::from_format(FaultKind::CookieInvalid, place, e)),
                    }
                    upper = lower;
                }
            });
        } else {
            page::with_rows(scratch, loaded.0, faults, |found| {
                for row in found.list.iter().filter(|r| !r.times.is_stopped()) {
                    let key = row.key.clone();
                    let key = if row.overflow_key { Item::Overflow(key) } else { Item::Plain(key) };
                    rows.push(match row.value {
                        LeafValue::Plain(value) => (key, Item::Plain(value.to_vec())),
                        LeafValue::Overflow(cookie) => (key, Item::Overflow(cookie.to_vec())),
                    });
                }
            });
        }
        out.faults.extend(more);
        out
    }

    /// The version of a page into the scratch; `None` if it is not there, which is a fault.
    fn load(&mut self, cookie: &Cookie, faults: &mut Vec<Fault>) -> Option<(Loaded, Option<PageType>)> {
        let place = Version::new(self.table, cookie.page_id, cookie.lsn);
        let chain = chain::resolve(self.index, self.table, cookie, faults);
        let header = chain.and_then(|c| {
            page::read(&mut *self.reader, self.index, cookie, Checks::all(cookie), c, &mut self.scratch, faults)
        });
        if header.is_none() && faults.is_empty() {
            faults.push(Fault::new(FaultKind::Undecodable, place, Fact::NoPage));
        }
        let loaded = Loaded { place, era: page::era_of(cookie), compression: self.compression };
        Some((loaded, header?.page_type().ok()))
    }

    /// The bytes of a key or value; `None` if they cannot be had.
    pub fn item(&mut self, item: Item) -> Option<Vec<u8>> {
        let cookie = match item {
            Item::Plain(bytes) => return Some(bytes),
            Item::Overflow(cookie) => Cookie::decode(&cookie).ok()?,
        };
        let mut faults = Vec::new();
        let (loaded, _) = self.load(&cookie, &mut faults)?;
        let image = Image::parse(self.scratch.blocks().next()?, Some(loaded.era)).ok()?;
        let compressor = match loaded.compression {
            Compression::Known(some) => some,
            Compression::Unknown | Compression::Unsupported => None,
        };
        let plain = image.plain(compressor).ok()?;
        let body = Body { plain: &plain, start: image.data_offset(), header: image.page, era: image.era };
        let item = rules::overflow_item(&rules::Page::of_body(&body, false).ok()?).ok()?.to_vec();
        faults.is_empty().then_some(item)
    }
}

/// Whether keys from `lower` up to `upper` are none of those that are asked for.
fn is_outside(lower: &Option<Vec<u8>>, upper: &Option<Vec<u8>>, only: &(Option<Vec<u8>>, Option<Vec<u8>>)) -> bool {
    let before = upper.as_ref().zip(only.0.as_ref()).is_some_and(|(upper, from)| upper <= from);
    let behind = lower.as_ref().zip(only.1.as_ref()).is_some_and(|(lower, to)| lower >= to);
    before || behind
}

impl Iterator for Scan<'_> {
    type Item = Scanned;

    fn next(&mut self) -> Option<Scanned> {
        let next = self.stack.pop()?;
        Some(self.read(next))
    }
}
