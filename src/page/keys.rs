//! The full keys of a row leaf, one after the other, and their order.
//!
//! One buffer holds the key; an order check compares only what follows the shared prefix.

use super::rules::{Breaches, Rule};
use super::what::{What, misordered};

/// Where the bytes of a key are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Page,
    Item,
    /// It could not be had.
    Nowhere,
}

/// Full keys, one at a time, without an allocation per key.
pub(super) struct Keys {
    /// The last key that was not an overflow key.
    full: Vec<u8>,
    /// Whether `full` can be a prefix: false behind a key that could not be built.
    base: bool,
    /// The last overflow key that is known.
    item: Vec<u8>,
    now: Place,
    /// The last key that is known, and the number of its cell.
    known: Place,
    known_cell: u32,
}

impl Default for Keys {
    fn default() -> Self {
        let (now, known) = (Place::Nowhere, Place::Nowhere);
        Self { full: Vec::new(), base: true, item: Vec::new(), now, known, known_cell: 0 }
    }
}

impl Keys {
    /// The present key, if it is known.
    pub(super) fn current(&self) -> Option<&[u8]> {
        match self.now {
            Place::Page => Some(&self.full),
            Place::Item => Some(&self.item),
            Place::Nowhere => None,
        }
    }

    /// The last key that is known.
    pub(super) fn last(&self) -> Option<&[u8]> {
        match self.known {
            Place::Page => Some(&self.full),
            Place::Item => Some(&self.item),
            Place::Nowhere => None,
        }
    }

    /// Take a plain key cell.
    #[inline]
    pub(super) fn push(
        &mut self,
        at: usize,
        prefix: u8,
        data: &[u8],
        number: u32,
        byte_order: bool,
        breaches: &mut Breaches,
    ) {
        let prefix = usize::from(prefix);
        let tail = match self.full.get(prefix..) {
            Some(tail) if self.base || prefix == 0 => tail,
            tail => {
                if tail.is_none() && self.base {
                    let previous = self.full.len();
                    breaches.add(Rule::Prefix, at, || What::PrefixTooLong { number, prefix, previous });
                }
                // Whatever builds on this key is unknown too, and not to be blamed again.
                (self.base, self.now) = (false, Place::Nowhere);
                return;
            }
        };
        // The shared bytes are equal by construction.
        if byte_order && self.known == Place::Page && tail >= data {
            let what = || {
                let mut high = self.full.clone();
                high.truncate(prefix);
                high.extend_from_slice(data);
                misordered(self.known_cell, number, &self.full, &high)
            };
            breaches.add(Rule::Order, at, what);
        }
        self.full.truncate(prefix);
        self.full.extend_from_slice(data);
        if byte_order && self.known == Place::Item && self.item >= self.full {
            let what = || misordered(self.known_cell, number, &self.item, &self.full);
            breaches.add(Rule::Order, at, what);
        }
        (self.base, self.now, self.known, self.known_cell) = (true, Place::Page, Place::Page, number);
    }

    /// Take an overflow key.
    pub(super) fn push_item(
        &mut self,
        item: Option<Vec<u8>>,
        at: usize,
        number: u32,
        byte_order: bool,
        breaches: &mut Breaches,
    ) {
        let Some(item) = item else {
            self.now = Place::Nowhere;
            return;
        };
        if let Some(low) = self.last().filter(|low| byte_order && *low >= item.as_slice()) {
            let what = || misordered(self.known_cell, number, low, &item);
            breaches.add(Rule::Order, at, what);
        }
        self.item = item;
        (self.now, self.known, self.known_cell) = (Place::Item, Place::Item, number);
    }
}
