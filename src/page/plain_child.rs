//! The children most internal pages consist of: leaves without overflow items whose newest block is a
//! full image, in cookies of version 0.
//!
//! An audit meets every child of every internal page of every checkpoint, so these are read without
//! making a [`Child`] of each. Whatever else a page holds is read with care, and a page that breaks a
//! rule is left to [`delta::children`] as a whole, which says what is wrong with it.

use super::cell::{Cell, CellKind};
use super::delta::{self, Body, Child, Room};
use super::fast_cell::vuint;
use crate::format::cookie::Cookie;
use crate::format::image::Era;
use crate::format::page_header::PageType;
use crate::id::Lsn;

/// The address cell of a leaf without overflow items, type 3: without window, and with it.
const ADDR_LEAF_NO_OVERFLOW: u8 = CellKind::AddrLeafNoOverflow.byte();
const ADDR_LEAF_NO_OVERFLOW_TIMES: u8 = ADDR_LEAF_NO_OVERFLOW | 0x08;
/// A key cell with 64 bytes or more, and what is taken off its length.
const LONG_KEY: u8 = CellKind::Key.byte();
const LENGTH_ADJUST: u64 = 64;
/// A cookie of version 0 that a reader of version 0 can read.
const VERSIONS: u8 = 0;

/// What a cookie says of a page whose newest block is a full image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainChild {
    pub page: u64,
    /// LSN of the image, not 0.
    pub lsn: u64,
    pub size: u32,
    /// Checksum in the block's header.
    pub checksum: u32,
}

impl PlainChild {
    /// The whole cookie.
    pub fn cookie(&self) -> Cookie {
        Cookie::new(self.page.into(), self.lsn.into(), Lsn::NONE, self.size, self.checksum)
    }
}

/// A child of a sound internal page.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// A leaf without overflow items that is one full image.
    Plain(PlainChild),
    /// Position in [`Entries::others`].
    Other(usize),
}

/// The children of a sound internal page that has no deltas.
#[derive(Debug, Default)]
pub struct Entries<'a> {
    /// All of them, in key order.
    pub list: Vec<Entry>,
    /// Those that are not plain.
    pub others: Vec<Child<'a>>,
}

/// Read the children of a base image; `None` if it breaks any rule.
pub fn entries<'a>(body: &Body<'a>) -> Option<Entries<'a>> {
    if body.era != Era::Current || body.header.page_type() != Ok(PageType::RowInternal) {
        return None;
    }
    let page = body.plain;
    let pairs = usize::try_from(body.header.entries / 2).ok()?;
    let mut out = Entries::default();
    // However many cells the header promises, each takes a byte at least.
    out.list.reserve(pairs.min(page.len() / 2));
    let mut room = Room::new();
    let mut at = body.start;
    while at < page.len() {
        if let Some((child, end)) = plain(page, at) {
            room.take::<Entry>(0).ok()?;
            out.list.push(Entry::Plain(child));
            at = end;
            continue;
        }
        let key = Cell::read(page, at, body.header.flags).ok()?;
        let addr = Cell::read(page, key.end, body.header.flags).ok()?;
        let child = delta::child(&key, &addr)?;
        room.take::<(Entry, Child<'_>)>(0).ok()?;
        // The last one of a page ends too near its end for the fast way.
        match of(&child) {
            Some(plain) => out.list.push(Entry::Plain(plain)),
            None => {
                out.list.push(Entry::Other(out.others.len()));
                out.others.push(child);
            }
        }
        at = addr.end;
    }
    (body.header.entries.is_multiple_of(2) && out.list.len() == pairs).then_some(out)
}

/// A child read with care, if it is a plain one.
fn of(child: &Child<'_>) -> Option<PlainChild> {
    if child.kind != CellKind::AddrLeafNoOverflow || child.overflow_key {
        return None;
    }
    let cookie = Cookie::decode(child.cookie).ok()?;
    let Cookie { page_id, lsn, size, checksum, .. } = cookie;
    let plain = PlainChild { page: page_id.get(), lsn: lsn.get(), size, checksum };
    (lsn != 0 && cookie == plain.cookie()).then_some(plain)
}

/// The key and the plain address at an offset, and where they end.
#[inline(always)]
pub fn plain(page: &[u8], at: usize) -> Option<(PlainChild, usize)> {
    let mut next = at.checked_add(1)?;
    let first = *page.get(at)?;
    let key = match first & 0x3 {
        0x1 => usize::from(first >> 2),
        0x0 if first == LONG_KEY => usize::try_from(vuint(page, &mut next)?.checked_add(LENGTH_ADJUST)?).ok()?,
        _ => return None,
    };
    next = next.checked_add(key)?;
    let addr = *page.get(next)?;
    next = next.checked_add(1)?;
    match addr {
        ADDR_LEAF_NO_OVERFLOW => {}
        ADDR_LEAF_NO_OVERFLOW_TIMES => {
            let bits = *page.get(next)?;
            next = next.checked_add(1)?;
            if bits & 0x80 != 0 {
                return None;
            }
            // One number for each bit but that of prepared work.
            for _ in 0..(bits & 0x7e).count_ones() {
                vuint(page, &mut next)?;
            }
        }
        _ => return None,
    }
    let len = usize::try_from(vuint(page, &mut next)?).ok()?;
    let end = next.checked_add(len)?;
    cookie(page, next, end).map(|child| (child, end))
}

/// The cookie from `at` to `end`, if it is a plain one.
#[inline(always)]
pub fn cookie(page: &[u8], at: usize, end: usize) -> Option<PlainChild> {
    if *page.get(at)? != VERSIONS {
        return None;
    }
    let mut next = at.checked_add(1)?;
    let page_id = vuint(page, &mut next)?;
    let flags = vuint(page, &mut next)?;
    let lsn = vuint(page, &mut next)?;
    let difference = vuint(page, &mut next)?;
    let size = u32::try_from(vuint(page, &mut next)?).ok()?;
    let checksum = u32::from_le_bytes(page.get(next..end)?.try_into().ok()?);
    // Without a base image the difference to its LSN is the whole LSN.
    let sound = page_id != 0 && flags == 0 && lsn != 0 && difference == lsn && size != 0;
    sound.then_some(PlainChild { page: page_id, lsn, size, checksum })
}
