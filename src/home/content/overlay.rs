//! What the log of a home says about the keys of one file, in the end: the last value of each key, and the ranges
//! that were truncated.

use crate::format::modify;
use std::collections::BTreeMap;

/// How keys are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Bytes,
    /// The engine's example of a collator: bytes the other way round.
    Reverse,
    /// A collator that only the application has.
    Unknown,
}

impl Order {
    /// Whether a key comes before another.
    pub fn less(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            Self::Bytes | Self::Unknown => a < b,
            Self::Reverse => a > b,
        }
    }
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Put(Vec<u8>),
    Removed,
    /// Changes to the value in the tree, one after the other.
    Modified(Vec<Vec<u8>>),
}

/// A range of keys that was truncated: bounds inclusive, none on an open side.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Truncated {
    start: Option<Vec<u8>>,
    stop: Option<Vec<u8>>,
}

/// The changes to one file. Record numbers are keys of eight bytes, big-endian.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    order: Order,
    /// While operations come in.
    keys: BTreeMap<Vec<u8>, Change>,
    truncated: Vec<Truncated>,
    /// In the order of the file, once all have come.
    sorted: Vec<(Vec<u8>, Change)>,
    /// Values are NUL-terminated strings.
    text: bool,
    /// Changes that did not fit what they were made to.
    pub misfits: u64,
}

impl Overlay {
    /// Nothing so far. `text`: values are NUL-terminated strings.
    pub fn new(order: Order, text: bool) -> Self {
        Self { order, text, ..Self::default() }
    }

    pub fn order(&self) -> Order {
        self.order
    }

    /// The log says nothing about the file.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.truncated.is_empty()
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.keys.insert(key.to_vec(), Change::Put(value.to_vec()));
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        self.keys.insert(key.to_vec(), Change::Removed);
    }

    pub(super) fn modify(&mut self, key: &[u8], change: &[u8]) {
        let truncated = self.is_truncated(key);
        match self.keys.get_mut(key) {
            Some(Change::Put(value)) => match modify::apply(value, change, self.text) {
                Ok(made) => *value = made,
                Err(_) => self.misfits = self.misfits.saturating_add(1),
            },
            Some(Change::Modified(steps)) => steps.push(change.to_vec()),
            // What is not there is not changed.
            Some(Change::Removed) => {}
            None if truncated => {}
            None => {
                self.keys.insert(key.to_vec(), Change::Modified(vec![change.to_vec()]));
            }
        }
    }

    pub(super) fn truncate(&mut self, start: Option<&[u8]>, stop: Option<&[u8]>) {
        let range = Truncated { start: start.map(<[u8]>::to_vec), stop: stop.map(<[u8]>::to_vec) };
        let order = self.order;
        for (key, change) in &mut self.keys {
            if range.has(key, order) {
                *change = Change::Removed;
            }
        }
        self.truncated.push(range);
    }

    /// No more operations will come.
    pub(super) fn finish(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        self.sorted = keys.into_iter().collect();
        if self.order == Order::Reverse {
            self.sorted.reverse();
        }
    }

    /// The changes from `lower` on, up to `upper`.
    pub fn between(&self, lower: Option<&[u8]>, upper: Option<&[u8]>) -> &[(Vec<u8>, Change)] {
        let at = |bound: &[u8]| self.sorted.partition_point(|(key, _)| self.order.less(key, bound));
        let from = lower.map_or(0, at);
        let to = upper.map_or(self.sorted.len(), at).max(from);
        self.sorted.get(from..to).unwrap_or_default()
    }

    /// The last change of a key.
    pub fn get(&self, key: &[u8]) -> Option<&Change> {
        self.between(Some(key), None).first().filter(|(own, _)| own == key).map(|(_, change)| change)
    }

    /// Whatever the tree has under a key does not count.
    pub fn has_last_word(&self, key: &[u8]) -> bool {
        match self.get(key) {
            Some(Change::Put(_) | Change::Removed) => true,
            Some(Change::Modified(_)) => false,
            None => self.is_truncated(key),
        }
    }

    /// A truncate has deleted what the tree has under a key.
    pub fn is_truncated(&self, key: &[u8]) -> bool {
        self.truncated.iter().any(|t| t.has(key, self.order))
    }
}

impl Truncated {
    fn has(&self, key: &[u8], order: Order) -> bool {
        self.start.as_ref().is_none_or(|start| !order.less(key, start))
            && self.stop.as_ref().is_none_or(|stop| !order.less(stop, key))
    }
}

/// The keys that are asked for, where these are not all.
#[derive(Debug, Clone, Default)]
pub struct Only {
    pub(super) lower: Option<Vec<u8>>,
    pub(super) upper: Option<Vec<u8>>,
    /// What the log says of these keys is newer.
    pub(super) replaced: Overlay,
}

impl Only {
    /// Whether a key is one of them.
    pub fn has(&self, key: &[u8], order: Order) -> bool {
        self.lower.as_ref().is_none_or(|l| !order.less(key, l))
            && self.upper.as_ref().is_none_or(|u| order.less(key, u))
            && !self.replaced.has_last_word(key)
    }
}
