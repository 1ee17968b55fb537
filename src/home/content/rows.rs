//! The rows of one file as a standpoint shows them: leaves decoded on all cores, in the order of their keys,
//! with what the log has put over them.

use super::fetch::{self, Why};
use super::found::Long;
pub use super::found::{Key, Loss, Outcome, Take};
use super::history::Older;
use super::overlay::{Change, Overlay};
pub use super::overlay::{Only, Order};
use super::page_keys::{disorder, first_key, long_runs};
use super::version::{self, How, Shown, Standpoint, Unmade, Version};
use super::walk::{LeafAt, LostAt, Range, Step, Steps};
use crate::format::local::LocalAddress;
use crate::format::modify;
use crate::home::entry::FileEntry;
pub use crate::home::leaves::Bound;
use crate::home::leaves::item;
use crate::home::lost;
use crate::home::shape::{self, Shape};
use crate::page::cell::Times;
use crate::page::leaf::{Options, Row, Value};
use crate::page::rules::{Broken, Rule};
use crate::store::blockfile::BlockFile;
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// Leaves of a batch on each thread.
const BATCH_LEAVES: usize = 64;
/// Bytes on disk of a batch on each thread.
const BATCH_BYTES: u64 = 1 << 20;
/// Records of one page that are shown at all: four thousand million are no page that an engine wrote.
const MAX_RECORDS: u64 = 1 << 32;
/// Records without a page that are shown as 0 in a row: more is no gap but damage.
const MAX_GAP: u64 = 1 << 24;

/// A file at a standpoint.
pub struct Content {
    pub file: Arc<BlockFile>,
    pub entry: FileEntry,
    /// Cookie of the checkpoint.
    pub cookie: Vec<u8>,
    pub point: Standpoint,
    pub history: Older,
    pub overlay: Overlay,
    /// Only these keys.
    pub only: Option<Only>,
}

/// A leaf, or a range without one.
enum Task {
    Leaf(LeafAt, bool),
    Lost(LostAt, bool),
    Gone(Range, bool),
}

impl Task {
    fn of(step: Step, last: bool) -> Self {
        match step {
            Step::Leaf(leaf) => Self::Leaf(leaf, last),
            Step::Lost(lost) => Self::Lost(lost, last),
            Step::Gone(range) => Self::Gone(range, last),
        }
    }
}

impl Content {
    /// Give every row to `row`, which fills a `T` for each part of the tree, and each of those to `done`, in
    /// the order of the keys.
    pub fn rows<T: Take>(
        &self,
        row: &(dyn Fn(&mut T, Key<'_>, &[u8]) + Sync),
        done: &mut dyn FnMut(T, Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut steps = Steps::new(&self.file, &self.entry, &self.cookie, &self.point).peekable();
        if steps.peek().is_none() {
            let mut out = (T::default(), Outcome::default());
            self.one(&Task::Gone(Range::default(), true), row, &mut out);
            return done(out.0, out.1);
        }
        let threads = rayon::current_num_threads();
        let batch = |steps: &mut std::iter::Peekable<Steps<'_>>| {
            let (mut tasks, mut bytes) = (Vec::new(), 0_u64);
            let most = BATCH_BYTES.saturating_mul(u64::try_from(threads).unwrap_or(1));
            while tasks.len() < BATCH_LEAVES.saturating_mul(threads) && bytes < most {
                let Some(step) = steps.next() else { break };
                let own = match &step {
                    Step::Leaf(leaf) => &leaf.range,
                    Step::Lost(lost) => &lost.range,
                    Step::Gone(range) => range,
                };
                if !self.wants(own) {
                    continue;
                }
                if let Step::Leaf(leaf) = &step {
                    bytes = bytes.saturating_add(u64::from(leaf.address.size));
                }
                let last = steps.peek().is_none();
                tasks.push(Task::of(step, last));
            }
            tasks
        };
        let decode = |tasks: Vec<Task>| -> Vec<(T, Outcome)> {
            let each = |task: Task| {
                let mut out = (T::default(), Outcome::default());
                self.one(&task, row, &mut out);
                out
            };
            tasks.into_par_iter().map(each).collect()
        };
        // One thread ahead: what takes the rows may wait, and must not keep a thread of the pool while it does.
        std::thread::scope(|scope| {
            let (send, receive) = sync_channel(1);
            scope.spawn(move || {
                while steps.peek().is_some() {
                    if send.send(decode(batch(&mut steps))).is_err() {
                        return;
                    }
                }
            });
            for results in receive {
                for (made, mut outcome) in results {
                    let long = outcome.long.take();
                    done(made, outcome)?;
                    if let Some(long) = long {
                        self.piecewise(&long, row, done)?;
                    }
                }
            }
            ControlFlow::Continue(())
        })
    }

    /// A page of runs that are too long to be made at once.
    fn piecewise<T: Take>(
        &self,
        long: &Long,
        row: &(dyn Fn(&mut T, Key<'_>, &[u8]) + Sync),
        done: &mut dyn FnMut(T, Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let end = long.end.min(long.first.saturating_add(MAX_RECORDS));
        let mut from = long.first;
        while from < end {
            let to = end.min(from.saturating_add(long.step));
            let (begins, ends) = (from == long.first, to == long.end);
            let mut leaf = long.leaf.clone();
            leaf.records = Some((from, to));
            if !begins {
                leaf.range.lower = Some(Bound::Record(from));
            }
            if !ends {
                leaf.range.upper = Some(Bound::Record(to));
            }
            let mut out = (T::default(), Outcome::default());
            self.one(&Task::Leaf(leaf, long.last && ends), row, &mut out);
            if !begins {
                // What is wrong with the page was told once.
                out.1.losses.clear();
                out.1.mended.clear();
                out.1.read = (0, 0);
            }
            done(out.0, out.1)?;
            from = to;
        }
        if end == long.end {
            return ControlFlow::Continue(());
        }
        let mut range = long.leaf.range.clone();
        range.lower = Some(Bound::Record(end));
        let address = Some(long.leaf.address);
        let loss = Loss { address, range, leaf: true, stated: None, why: Why::Cells, rows: 0, key: None };
        done(T::default(), Outcome { losses: vec![loss], ..Outcome::default() })
    }

    fn one<T: Default>(&self, task: &Task, row: &(dyn Fn(&mut T, Key<'_>, &[u8]) + Sync), out: &mut (T, Outcome)) {
        let (range, last) = match task {
            Task::Leaf(leaf, last) => (&leaf.range, *last),
            Task::Lost(lost, last) => (&lost.range, *last),
            Task::Gone(range, last) => (range, *last),
        };
        let mut merge = Merge::new(self, range, last, row, out);
        match task {
            Task::Leaf(leaf, _) => merge.leaf(leaf),
            Task::Lost(lost, _) => {
                merge.lose(Loss {
                    address: lost.address,
                    range: lost.range.clone(),
                    leaf: lost.leaf,
                    stated: None,
                    why: lost.why,
                    rows: 0,
                    key: None,
                });
                merge.readable = false;
            }
            Task::Gone(..) => {}
        }
        merge.finish();
    }

    fn is_text(&self) -> bool {
        self.entry.value_format == "S"
    }

    fn versions(&self, key: &[u8]) -> Result<Vec<Version>, Why> {
        self.history.versions(self.entry.id, key)
    }

    /// A key or bound as the order of the file compares it.
    fn bound(&self, bound: Option<&Bound>) -> Option<Vec<u8>> {
        match bound? {
            Bound::Key(key) => Some(key.clone()),
            Bound::Overflow(address) => item(&fetch::shape(&self.file, &self.entry, u64::MAX), address),
            Bound::Record(record) => Some(record.to_be_bytes().to_vec()),
        }
    }
}

/// Merges the rows of one leaf with what the log says of its range.
struct Merge<'m, 'c, T> {
    content: &'c Content,
    row: &'m (dyn Fn(&mut T, Key<'_>, &[u8]) + Sync),
    out: &'m mut (T, Outcome),
    /// What the log has in the range, and has not been shown.
    changes: &'c [(Vec<u8>, Change)],
    range: &'m Range,
    /// The range as the order of the file compares it.
    only: Only,
    last: bool,
    /// The next record to show, in a fixed-length column store.
    next: Option<u64>,
    /// The whole range is known, so gaps in it are gaps.
    readable: bool,
    /// Of the cell that is being judged.
    times: Times,
}

impl<'m, 'c, T: Default> Merge<'m, 'c, T> {
    fn new(
        content: &'c Content,
        range: &'m Range,
        last: bool,
        row: &'m (dyn Fn(&mut T, Key<'_>, &[u8]) + Sync),
        out: &'m mut (T, Outcome),
    ) -> Self {
        let changes = if content.overlay.is_empty() {
            &[][..]
        } else {
            let lower = content.bound(range.lower.as_ref());
            let upper = content.bound(range.upper.as_ref()).filter(|_| !last);
            content.overlay.between(lower.as_deref(), upper.as_deref())
        };
        let next = content.entry.fixed_width.map(|_| match range.lower {
            Some(Bound::Record(record)) => record.max(1),
            _ => 1,
        });
        let only = content.only_of(range);
        Self { content, row, out, changes, range, only, last, next, readable: true, times: Times::EMPTY }
    }

    fn lose(&mut self, loss: Loss) {
        self.out.1.losses.push(loss);
    }

    fn leaf(&mut self, leaf: &LeafAt) {
        let content = self.content;
        let shape = fetch::shape(&content.file, &content.entry, u64::MAX);
        self.out.1.read = (1, u64::from(leaf.address.size));
        let lost = |why, stated| Loss {
            address: Some(leaf.address),
            range: leaf.range.clone(),
            leaf: true,
            stated,
            why,
            rows: 0,
            key: None,
        };
        let plain = match fetch::read(&shape, &leaf.address) {
            Ok(plain) => plain,
            Err(why) => {
                self.readable = false;
                // Rows that are deleted, or that the log has replaced, are not lost.
                let sure = leaf.timeless && content.overlay.is_empty();
                let stated = shape::stated_rows(&shape, &leaf.address);
                return self.lose(lost(why, stated.map(|(least, most)| (if sure { least } else { 0 }, most))));
            }
        };
        if plain.mended {
            self.out.1.mended.push(leaf.address);
        }
        let page = match plain.page() {
            Ok(page) if content.entry.leaf_type().is_none_or(|wanted| wanted == page.kind) => page,
            _ => {
                self.readable = false;
                return self.lose(lost(Why::PageType, None));
            }
        };
        if content.entry.huffman {
            self.readable = false;
            return self.lose(lost(Why::Huffman, lost::rows_of(&page.header)));
        }
        let options = Options {
            bounds: shape.bounds(),
            deep: true,
            byte_order: content.entry.byte_order,
            fixed_width: content.entry.fixed_width,
        };
        if let Some((first, end, step)) = long_runs(&page).filter(|_| leaf.records.is_none()) {
            self.readable = false;
            self.changes = &[];
            let long = Long { leaf: leaf.clone(), last: self.last, first, end, step };
            self.out.1.long = Some(Box::new(long));
            self.next = None;
            return;
        }
        let generation = page.header.write_gen;
        let first = first_key(&page, &options, &shape);
        let order = content.overlay.order();
        let here = |key: &[u8]| self.only.has(key, order);
        let belongs = first.as_deref().is_none_or(here) || order == Order::Unknown || leaf.records.is_some();
        if leaf.again {
            // Whoever led to it first has shown its rows, wherever they belong.
            if !belongs {
                self.readable = false;
                self.lose(lost(Why::Twice, None));
            }
            return;
        }
        if !belongs {
            let mut loss = lost(Why::Misplaced, None);
            loss.key = first;
            self.lose(loss);
        }
        let before = (self.changes, self.next, self.out.1.losses.len());
        let mut single = None;
        let mut found = crate::page::leaf::leaf(&page, &options, &mut |a| item(&shape, a), &mut |row| {
            self.cell(row, leaf, generation, &shape, &mut single);
        });
        if found.breaches.has(Rule::Order) {
            // Once more, without the rows that are out of place.
            let aside = disorder(&page, &options, &shape);
            (self.changes, self.next) = (before.0, before.1);
            self.out.0 = T::default();
            self.out.1.rows = 0;
            self.out.1.losses.truncate(before.2);
            single = None;
            found = crate::page::leaf::leaf(&page, &options, &mut |a| item(&shape, a), &mut |row| {
                if aside.binary_search(&row.at).is_ok() {
                    self.aside(row, &leaf.address, &leaf.range, &mut single);
                } else {
                    self.cell(row, leaf, generation, &shape, &mut single);
                }
            });
        }
        if let Some(loss) = single {
            self.lose(loss);
        }
        // A page whose cells end in the middle has rows behind them that nobody can read.
        let cut = |b: &Broken| {
            matches!(
                b.rule,
                Rule::Cell | Rule::CellType | Rule::Entries | Rule::Tail | Rule::Alternation | Rule::Bitmap
            )
        };
        if found.breaches.list.iter().any(cut) {
            self.readable = false;
            let sure = leaf.timeless && content.overlay.is_empty();
            let rest = |(least, most): (u64, u64)| {
                (if sure { least.saturating_sub(found.rows) } else { 0 }, most.saturating_sub(found.rows))
            };
            let mut loss = lost(Why::Cells, lost::rows_of(&page.header).map(rest));
            loss.key = found.last_key;
            self.lose(loss);
        }
    }

    /// A row whose key is out of place.
    fn aside(&mut self, row: &Row<'_, '_>, address: &LocalAddress, range: &Range, single: &mut Option<Loss>) {
        let loss = single.get_or_insert_with(|| Loss {
            address: Some(*address),
            range: range.clone(),
            leaf: true,
            stated: None,
            why: Why::Order,
            rows: 0,
            key: None,
        });
        loss.rows = loss.rows.saturating_add(1);
        let value = match row.value {
            Value::Inline(value) => value,
            _ => &[],
        };
        self.out.1.aside.extend(row.key.map(|key| (key.to_vec(), value.to_vec())));
    }

    /// One row of a leaf, or one run of records.
    fn cell(
        &mut self,
        row: &Row<'_, '_>,
        leaf: &LeafAt,
        generation: u64,
        shape: &Shape<'_>,
        single: &mut Option<Loss>,
    ) {
        let content = self.content;
        let mut lose = |why: Why, key: Vec<u8>| {
            let loss = single.get_or_insert_with(|| Loss {
                address: Some(leaf.address),
                range: leaf.range.clone(),
                leaf: true,
                stated: None,
                why,
                rows: 0,
                key: Some(key),
            });
            loss.rows = loss.rows.saturating_add(1);
        };
        let held;
        let number;
        let value: Option<&[u8]> = match row.value {
            Value::Inline(bytes) => Some(bytes),
            Value::Empty => Some(&[]),
            Value::Number(n) => {
                number = [n];
                Some(&number)
            }
            Value::Overflow(Some(address)) => {
                held = item(shape, &address);
                held.as_deref()
            }
            // Only the log can have put it back, and what that says is merged anyway.
            Value::Deleted | Value::Gone => return,
            Value::Overflow(None) | Value::Unknown => None,
        };
        let times = content.point.times(&row.times, generation);
        let shown = if leaf.visited {
            content.point.shows(&times)
        } else if row.times.is_stopped() {
            Shown::Nothing
        } else {
            Shown::Value
        };
        self.times = times;
        if content.entry.key_format == "r" {
            let runs = row.run;
            let (from, to) = leaf.records.unwrap_or((0, u64::MAX));
            for record in row.recno.max(from)..row.recno.saturating_add(runs).min(to) {
                let key = Key::Record(record);
                self.decide(key, &record.to_be_bytes(), shown, value, &mut lose);
            }
        } else {
            match row.key {
                Some(key) => self.decide(Key::Bytes(key), key, shown, value, &mut lose),
                None => lose(Why::Item, Vec::new()),
            }
        }
    }

    fn decide(
        &mut self,
        key: Key<'_>,
        ordered: &[u8],
        shown: Shown,
        value: Option<&[u8]>,
        lose: &mut dyn FnMut(Why, Vec<u8>),
    ) {
        let content = self.content;
        match shown {
            Shown::Nothing => self.base(key, ordered, None),
            Shown::Value => match value {
                Some(value) => self.base(key, ordered, Some(value)),
                None => {
                    lose(Why::Item, key.packed());
                    self.passed(ordered);
                }
            },
            Shown::Older => {
                let made = content.versions(&key.packed()).and_then(|versions| {
                    let base = value.unwrap_or_default();
                    version::older(&content.point, &self.times, base, &versions, content.is_text())
                        .map_err(|Unmade::Change| Why::Change)
                });
                match made {
                    Ok(made) => self.base(key, ordered, made.as_deref()),
                    Err(why) => {
                        lose(why, key.packed());
                        self.passed(ordered);
                    }
                }
            }
        }
    }

    /// A key that is there and whose value cannot be had: what the log puts in its place is shown all the same.
    fn passed(&mut self, ordered: &[u8]) {
        self.before(ordered);
        if let Some((own, change)) = self.changes.first().filter(|(own, _)| own == ordered) {
            self.changes = self.changes.get(1..).unwrap_or_default();
            if let Change::Put(value) = change {
                return self.show_ordered(own, value);
            }
        }
        // What is lost is no gap that reads as 0.
        if let (Some(next), Some(record)) = (self.next, ordered.first_chunk().map(|b| u64::from_be_bytes(*b))) {
            self.zeros(next, record);
            self.next = Some(record.saturating_add(1));
        }
    }

    /// A row of the tree; `None`: the key is there, and nothing is shown for it.
    fn base(&mut self, key: Key<'_>, ordered: &[u8], value: Option<&[u8]>) {
        let content = self.content;
        if content.overlay.is_empty() {
            return self.show_or_zero(key, value);
        }
        self.before(ordered);
        let own = self.changes.first().filter(|(own, _)| own == ordered);
        if let Some((_, change)) = own {
            self.changes = self.changes.get(1..).unwrap_or_default();
            match change {
                Change::Put(value) => self.show_or_zero(key, Some(value)),
                Change::Removed => self.show_or_zero(key, None),
                Change::Modified(steps) => {
                    let text = content.is_text();
                    let made = value.map(|value| {
                        steps.iter().try_fold(value.to_vec(), |value, step| modify::apply(&value, step, text))
                    });
                    match made {
                        Some(Ok(made)) => self.show_or_zero(key, Some(&made)),
                        Some(Err(_)) => self.lose(Loss {
                            address: None,
                            range: self.range.clone(),
                            leaf: true,
                            stated: None,
                            why: Why::Change,
                            rows: 1,
                            key: Some(key.packed()),
                        }),
                        None => self.show_or_zero(key, None),
                    }
                }
            }
        } else if content.overlay.is_truncated(ordered) {
            self.show_or_zero(key, None);
        } else {
            self.show_or_zero(key, value);
        }
    }

    /// What the log has before a key.
    fn before(&mut self, ordered: &[u8]) {
        let order = self.content.overlay.order();
        while let Some((own, change)) = self.changes.first().filter(|(own, _)| order.less(own, ordered)) {
            self.changes = self.changes.get(1..).unwrap_or_default();
            // Changes to what is not there are none.
            match change {
                Change::Put(value) => self.show_ordered(own, value),
                Change::Removed | Change::Modified(_) => {}
            }
        }
    }

    fn show_ordered(&mut self, own: &[u8], value: &[u8]) {
        if self.content.entry.key_format == "r" {
            let record = own.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            self.show_or_zero(Key::Record(record), Some(value));
        } else {
            self.show_or_zero(Key::Bytes(own), Some(value));
        }
    }

    fn show_or_zero(&mut self, key: Key<'_>, value: Option<&[u8]>) {
        if let (Some(next), Key::Record(record)) = (self.next, key) {
            self.zeros(next, record);
            self.next = Some(record.saturating_add(1));
            return self.show(key, value.unwrap_or(&[0]));
        }
        if let Some(value) = value {
            self.show(key, value);
        }
    }

    /// Records of a fixed-length column store that no page has.
    fn zeros(&mut self, from: u64, to: u64) {
        if to.saturating_sub(from) > MAX_GAP || !self.readable {
            return;
        }
        for record in from..to {
            self.show(Key::Record(record), &[0]);
        }
    }

    fn show(&mut self, key: Key<'_>, value: &[u8]) {
        if let Some(only) = &self.content.only {
            let order = self.content.overlay.order();
            let wanted = match key {
                Key::Bytes(bytes) => only.has(bytes, order),
                Key::Record(record) => only.has(&record.to_be_bytes(), order),
            };
            if !wanted {
                return;
            }
        }
        self.out.1.rows = self.out.1.rows.saturating_add(1);
        (self.row)(&mut self.out.0, key, value);
    }

    /// Behind the last row of the tree in the range.
    fn finish(mut self) {
        for (own, change) in std::mem::take(&mut self.changes) {
            match change {
                Change::Put(value) => self.show_ordered(own, value),
                // A removed record behind the end of a fixed-length column store is there, as 0.
                Change::Removed if self.next.is_some() => {
                    self.show_or_zero(Key::Record(own.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))), None);
                }
                Change::Removed | Change::Modified(_) => {}
            }
        }
        if let (Some(next), Some(Bound::Record(upper)), false) = (self.next, &self.range.upper, self.last) {
            self.zeros(next, *upper);
        }
    }
}

impl Standpoint {
    /// A rollback or a reader needs the history store.
    pub fn wants_history(&self) -> bool {
        self.how != How::Newest || self.stable != crate::page::cell::TS_MAX
    }
}

/// The order in which a file has its keys, by its collator.
pub fn order(entry: &FileEntry, collator: &str) -> Order {
    match collator {
        _ if entry.key_format == "r" => Order::Bytes,
        "" | "none" => Order::Bytes,
        "reverse" => Order::Reverse,
        _ => Order::Unknown,
    }
}

impl Content {
    /// The same file at an older checkpoint, as that stands, for the keys of a range only.
    pub fn older(&self, cookie: &[u8], range: &Range) -> Self {
        Self {
            file: Arc::clone(&self.file),
            entry: self.entry.clone(),
            cookie: cookie.to_vec(),
            point: Standpoint { release: self.point.release, ..Standpoint::newest() },
            history: Older::None,
            overlay: Overlay::new(self.overlay.order(), false),
            only: Some(Only { replaced: self.overlay.clone(), ..self.only_of(range) }),
        }
    }

    /// A range of keys as the order of the file compares them.
    pub fn only_of(&self, range: &Range) -> Only {
        let (lower, upper) = (self.bound(range.lower.as_ref()), self.bound(range.upper.as_ref()));
        Only { lower, upper, replaced: Overlay::default() }
    }

    /// Whether a part of the tree has keys that are asked for.
    fn wants(&self, own: &Range) -> bool {
        let Some(only) = &self.only else { return true };
        let order = self.overlay.order();
        let before =
            self.bound(own.upper.as_ref()).zip(only.lower.as_ref()).is_some_and(|(end, l)| !order.less(l, &end));
        let behind =
            self.bound(own.lower.as_ref()).zip(only.upper.as_ref()).is_some_and(|(begin, u)| !order.less(&begin, u));
        !before && !behind
    }
}
