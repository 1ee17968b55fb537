//! The shape of trees: how deep, how many pages a level has, and how full they are.

use super::map::Look;
use super::text::{count, escape, fold, grouped, human, table};
use crate::format::page_header::PageType;
use crate::home::entry::FileEntry;
use crate::home::rows;
use crate::pagelog::catalog::Tree;
use crate::pagelog::scan::Scan;
use crate::store::blockfile::BlockFile;
use crate::store::{BlockReader, Index};
use serde::Serialize;
use std::borrow::Borrow;

/// Parts of a level's fill.
pub const PARTS: usize = 10;

/// The shape of one tree, overflow pages aside.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "TreeShape"))]
pub struct Shape {
    /// The tree or file.
    pub name: String,
    /// From the root down.
    pub levels: Vec<Level>,
    /// Every page could be read; else what is below those that could not is missing here.
    pub complete: bool,
}

/// One level of a tree.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "TreeLevel"))]
pub struct Level {
    /// Pages.
    pub pages: u64,
    /// Those of them that could not be read.
    pub unread: u64,
    /// Those of them that are internal pages.
    pub internal: u64,
    /// Their bytes as they are stored, deltas included.
    pub bytes: u64,
    /// Bytes of the smallest.
    pub smallest: u32,
    /// Bytes of that in the middle.
    pub median: u32,
    /// Bytes of the greatest.
    pub greatest: u32,
    /// How many are up to a tenth as large as the greatest, up to two tenths, and so on.
    pub fill: [u64; PARTS],
    #[serde(skip)]
    sizes: Vec<u32>,
}

impl Level {
    /// Bytes of all against what they would be if each were as large as the greatest, in percent.
    #[must_use]
    pub fn full(&self) -> u64 {
        let most = u128::from(self.greatest) * u128::from(self.pages);
        (u128::from(self.bytes) * 100).checked_div(most).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    }

    /// What its pages are.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.internal {
            0 => "leaf",
            n if n == self.pages => "internal",
            _ => "both",
        }
    }

    fn settle(&mut self) {
        self.sizes.sort_unstable();
        let at = |n: usize| self.sizes.get(n).copied().unwrap_or(0);
        self.median = at(self.sizes.len().saturating_sub(1) / 2);
        (self.smallest, self.greatest) = (at(0), at(self.sizes.len().saturating_sub(1)));
        for size in std::mem::take(&mut self.sizes) {
            let parts = (u64::from(size) * PARTS as u64).div_ceil(u64::from(self.greatest.max(1)));
            let part = usize::try_from(parts).unwrap_or(PARTS).clamp(1, PARTS) - 1;
            self.fill[part] += 1;
        }
    }
}

impl Shape {
    fn of(name: String, pages: impl Iterator<Item = Page>) -> Self {
        let mut shape = Self { name, levels: Vec::new(), complete: true };
        for page in pages {
            shape.complete &= page.whole;
            if shape.levels.len() <= page.level {
                shape.levels.resize_with(page.level + 1, Level::default);
            }
            let Some(level) = shape.levels.get_mut(page.level) else { continue };
            level.pages += 1;
            level.unread += u64::from(!page.whole);
            level.internal += u64::from(page.kind.is_some_and(PageType::is_internal));
            level.bytes = level.bytes.saturating_add(u64::from(page.size));
            level.sizes.push(page.size);
        }
        shape.levels.iter_mut().for_each(Level::settle);
        shape
    }

    /// Of a tree of a page log.
    pub fn of_log(name: String, index: &Index, reader: Box<dyn BlockReader + '_>, tree: &Tree) -> Self {
        let pages = Scan::new(index, reader, tree.table, tree.root, tree.compression);
        let whole = |faults: &[crate::pagelog::fault::Fault]| faults.iter().all(|f| f.recovered);
        Self::of(
            name,
            pages.map(|p| Page { level: p.level, kind: p.kind, size: p.cookie.size, whole: whole(&p.faults) }),
        )
    }

    /// Of a file: its newest checkpoint.
    pub fn of_file<F: Borrow<BlockFile>>(name: String, file: F, entry: &FileEntry) -> Self {
        let size = |p: &rows::Scanned| p.address.map_or(0, |a| a.size);
        let pages = rows::Scan::new(file, entry);
        Self::of(
            name,
            pages.map(|p| Page { level: p.level, kind: p.kind, size: size(&p), whole: p.whole || p.opaque.is_some() }),
        )
    }

    fn pages(&self) -> u64 {
        self.levels.iter().map(|l| l.pages).sum()
    }

    /// In one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let bytes: u64 = self.levels.iter().fold(0, |sum, l| sum.saturating_add(l.bytes));
        let part = if self.complete { "" } else { "; not everything could be read" };
        match self.levels.len() {
            0 => "no pages".to_string(),
            n => format!("{}, {}, {}{part}", count(n as u64, "level"), count(self.pages(), "page"), human(bytes)),
        }
    }
}

/// A page of either family.
struct Page {
    level: usize,
    kind: Option<PageType>,
    size: u32,
    whole: bool,
}

/// How many pages are how full, a character for each tenth.
fn spark(level: &Level, ascii: bool) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];
    let most = level.fill.iter().copied().max().unwrap_or(0).max(1);
    let step = |n: u64| {
        let at = usize::try_from(u128::from(n) * 7 / u128::from(most)).unwrap_or(7).min(7);
        if ascii { PLAIN[at] } else { STEPS[at] }
    };
    // One page among very many is seen all the same.
    level.fill.iter().map(|n| if *n == 0 { ' ' } else { step(*n) }).collect()
}

/// The shapes as tables.
#[must_use]
pub fn text(shapes: &[Shape], look: Look) -> String {
    let mut out = String::new();
    for shape in shapes {
        out.push_str(&format!("{}: {}\n", look.paint.head(&escape(&shape.name)), shape.summary()));
        if shape.levels.is_empty() {
            out.push('\n');
            continue;
        }
        let rows = (0_u64..).zip(&shape.levels).map(|(n, l)| {
            let sizes = [l.smallest, l.median, l.greatest].map(|s| grouped(u64::from(s)));
            let mut row = vec![n.to_string(), l.kind().to_string(), grouped(l.pages), grouped(l.bytes)];
            row.extend(sizes);
            // One page is as large as the greatest.
            let full = if l.pages > 1 { format!("{} %", l.full()) } else { "-".to_string() };
            row.extend([full, spark(l, look.ascii)]);
            row
        });
        let header = ["Level", "Pages are", "Pages", "Bytes", "Smallest", "Median", "Greatest", "Full", "0 to 100 %"];
        out.push_str(&table(look.width, &header, &[0, 2, 3, 4, 5, 6, 7], rows.collect()));
        out.push('\n');
    }
    out + &fold(NOTE, look.columns().min(100), "")
}

/// What full means.
pub const NOTE: &str = "Bytes are as stored. Full: against the greatest page of the level; the curve has how many pages are \
                        a tenth as large, two tenths, and so on. Overflow pages are left out.";
