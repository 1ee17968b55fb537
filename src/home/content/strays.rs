//! Leaves of a file that no page leads to any more: found by their headers, their rows told newest first.

use super::fetch;
use super::rows::{Content, Key, Only};
use super::version::Shown;
use super::walk::{Range, Step, Steps};
use crate::format::local::LocalAddress;
use crate::home::block;
use crate::home::leaves::item;
use crate::page::leaf::{Options, Value};
use roaring::RoaringTreemap;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A leaf that nothing leads to.
#[derive(Debug, Clone, Copy)]
struct Stray {
    address: LocalAddress,
    write_gen: u64,
}

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strays {
    /// Pages that had rows in the ranges.
    pub pages: u64,
    pub rows: u64,
}

impl Content {
    /// Give the rows of stray leaves whose keys lie in one of the ranges: of each key the newest that there is.
    pub fn strays(&self, ranges: &[Range], row: &mut dyn FnMut(Key<'_>, &[u8])) -> Strays {
        let ranges: Vec<Only> = ranges.iter().map(|range| self.only_of(range)).collect();
        let mut out = Strays::default();
        let mut told: HashSet<u64> = HashSet::new();
        let order = self.overlay.order();
        for stray in self.find_strays() {
            let shape = fetch::shape(&self.file, &self.entry, u64::MAX);
            let Ok(plain) = fetch::read(&shape, &stray.address) else { continue };
            let Ok(page) = plain.page() else { continue };
            let options =
                Options { bounds: shape.bounds(), deep: true, byte_order: false, fixed_width: self.entry.fixed_width };
            let before = out.rows;
            let mut one = |key: Key<'_>, ordered: &[u8], value: &[u8]| {
                if !ranges.iter().any(|range| range.has(ordered, order)) {
                    return;
                }
                let mut hash = DefaultHasher::new();
                ordered.hash(&mut hash);
                if told.insert(hash.finish()) {
                    out.rows = out.rows.saturating_add(1);
                    row(key, value);
                }
            };
            let found = crate::page::leaf::leaf(&page, &options, &mut |a| item(&shape, a), &mut |row| {
                if row.times.is_stopped() || self.point.shows(&row.times) == Shown::Nothing {
                    return;
                }
                let (held, number);
                let value: &[u8] = match row.value {
                    Value::Inline(bytes) => bytes,
                    Value::Empty => &[],
                    Value::Number(n) => {
                        number = [n];
                        &number
                    }
                    Value::Overflow(Some(address)) => match item(&shape, &address) {
                        Some(bytes) => {
                            held = bytes;
                            &held
                        }
                        None => return,
                    },
                    _ => return,
                };
                match row.key {
                    Some(key) => one(Key::Bytes(key), key, value),
                    None if self.entry.key_format == "r" => {
                        for record in row.recno..row.recno.saturating_add(row.run.min(1 << 20)) {
                            one(Key::Record(record), &record.to_be_bytes(), value);
                        }
                    }
                    None => {}
                }
            });
            // Of a page that breaks the rules of its kind nothing is sure, but its checksum held.
            let _ = found;
            out.pages = out.pages.saturating_add(u64::from(out.rows > before));
        }
        out
    }

    /// Leaves of the file's kind that the checkpoint does not lead to, newest first.
    fn find_strays(&self) -> Vec<Stray> {
        let unit = u64::from(self.entry.alloc.max(512));
        let mut reached = RoaringTreemap::new();
        for step in Steps::new(&self.file, &self.entry, &self.cookie, &self.point) {
            if let Step::Leaf(leaf) = step {
                reached.insert(leaf.address.offset / unit);
            }
        }
        let (mut out, mut buffer) = (Vec::new(), Vec::new());
        let mut offset = unit;
        while offset < self.file.len() {
            let step = u32::try_from(unit).unwrap_or(4096);
            let Some((address, headers, _)) = block::probe(&self.file, offset, step, &mut buffer) else {
                offset = offset.saturating_add(unit);
                continue;
            };
            offset = address.end();
            let kind = headers.page.page_type().ok();
            if kind.is_some() && kind == self.entry.leaf_type() && !reached.contains(address.offset / unit) {
                out.push(Stray { address, write_gen: headers.page.write_gen });
            }
        }
        out.sort_by_key(|stray| std::cmp::Reverse((stray.write_gen, stray.address.offset)));
        out
    }
}
