//! The blocks of a file that earlier walks have verified, shared by all threads.

use crate::format::local::LocalAddress;
use roaring::RoaringTreemap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Blocks of a file that were verified, with the cookie their own header states.
#[derive(Debug)]
pub struct Seen {
    starts: Mutex<RoaringTreemap>,
    /// Overflow items among them, also where only one walk is made.
    items: Mutex<RoaringTreemap>,
    alloc: u64,
    /// Only one walk will be made, so nothing need be kept.
    once: bool,
}

impl Seen {
    /// None so far.
    pub fn new(alloc: u32) -> Self {
        Self { starts: Mutex::default(), items: Mutex::default(), alloc: u64::from(alloc.max(1)), once: false }
    }

    /// For a file with one checkpoint: no block is met again.
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Whether an overflow item was verified.
    pub fn has_item(&self, address: &LocalAddress) -> bool {
        locked(&self.items).contains(address.offset / self.alloc)
    }

    /// An overflow item was verified.
    pub fn add_item(&self, address: &LocalAddress) {
        locked(&self.items).insert(address.offset / self.alloc);
    }

    /// Whether a block was verified.
    pub fn has(&self, address: &LocalAddress) -> bool {
        !self.once && locked(&self.starts).contains(address.offset / self.alloc)
    }

    /// A block was verified.
    pub fn add(&self, address: &LocalAddress) {
        if !self.once {
            locked(&self.starts).insert(address.offset / self.alloc);
        }
    }
}

/// A thread that panicked left a set of verified blocks all the same.
fn locked(set: &Mutex<RoaringTreemap>) -> MutexGuard<'_, RoaringTreemap> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}
