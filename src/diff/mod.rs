//! What differs between two audited stores, or between two checkpoints of one.
//!
//! Both sides are audited by themselves. What is compared are the audits, and of page logs the live versions,
//! page by page.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod fields;

use crate::audit::finding::Finding;
use crate::audit::home::result::FileInfo;
use crate::audit::pagelog::classify::Class;
use crate::audit::result::{Audit, TreeInfo, Verdict};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::store::Index;
pub use fields::{Field, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Pages that are listed; all are counted.
const LISTED: usize = 1000;

/// One of the two, audited.
pub struct Side {
    /// Its page log, and the newest block of each live page.
    pub log: Option<(Audit, Vec<Version>)>,
    /// Its local block files.
    pub local: Option<Audit>,
}

/// The newest block of each live page, by table and page.
pub fn live(index: &Index, class: &[Class]) -> Vec<Version> {
    let newest = |page: std::ops::Range<usize>| {
        let at = page.into_iter().rfind(|at| class.get(*at) == Some(&Class::Live))?;
        index.get(at).map(|row| row.key())
    };
    index.pages().filter_map(newest).collect()
}

/// The first or the second of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Which {
    A,
    B,
}

/// What differs.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Diff {
    /// Of the page logs.
    pub page_log: Option<LogDiff>,
    /// Of the local block files.
    pub local: Option<LocalDiff>,
    /// A page log that only one of them has.
    pub page_log_only_in: Option<Which>,
    /// Local block files that only one of them has.
    pub local_only_in: Option<Which>,
    /// Findings that only the first one has.
    #[serde(skip)]
    pub only_a: Vec<Finding>,
    /// Findings that only the second one has.
    #[serde(skip)]
    pub only_b: Vec<Finding>,
    /// Nothing differs.
    pub same: bool,
    /// Both could be read as far as is compared.
    pub complete: bool,
}

/// Two page logs.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LogDiff {
    /// What of the store, its checkpoint and its keys differs.
    pub fields: Vec<Field>,
    /// Trees that differ.
    pub trees: Vec<TreeDiff>,
    /// Trees that both have.
    pub trees_in_both: u64,
    /// Live pages.
    pub pages: PagesDiff,
}

/// Two sets of local block files.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LocalDiff {
    /// What of the home differs.
    pub fields: Vec<Field>,
    /// Files, or trees of the checkpoints that were chosen, that differ.
    pub files: Vec<TreeDiff>,
    /// Files that both have.
    pub files_in_both: u64,
}

/// A tree or a file that differs.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TreeDiff {
    /// URI of the tree, or name of the file.
    pub name: String,
    /// Only one of them has it.
    pub only_in: Option<Which>,
    /// What differs.
    pub fields: Vec<Field>,
}

/// Live pages by table and page id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PagesDiff {
    /// Live in both at the same LSN.
    pub same: u64,
    /// Live in both, at different LSNs.
    pub differ: u64,
    /// Live in the first one only.
    pub only_a: u64,
    /// Live in the second one only.
    pub only_b: u64,
    /// The first of those that differ, by table and page.
    pub list: Vec<PageDiff>,
}

impl PagesDiff {
    /// All that are not the same.
    pub fn total(&self) -> u64 {
        self.differ.saturating_add(self.only_a).saturating_add(self.only_b)
    }
}

/// A page whose live version differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PageDiff {
    pub table_id: TableId,
    pub page_id: PageId,
    /// LSN of its newest block in the first one, where it is live.
    pub a: Option<Lsn>,
    /// In the second one.
    pub b: Option<Lsn>,
}

/// Compare. `chosen`: a checkpoint of one of them was named, so what belongs to none is left out.
pub fn compare(a: &Side, b: &Side, chosen: bool) -> Diff {
    let only = |a: bool, b: bool| match (a, b) {
        (true, false) => Some(Which::A),
        (false, true) => Some(Which::B),
        _ => None,
    };
    let mut out = Diff {
        page_log_only_in: only(a.log.is_some(), b.log.is_some()),
        local_only_in: only(a.local.is_some(), b.local.is_some()),
        complete: true,
        ..Diff::default()
    };
    if let (Some(a), Some(b)) = (&a.log, &b.log) {
        let (trees, trees_in_both) = trees(&a.0.trees, &b.0.trees);
        out.page_log =
            Some(LogDiff { fields: fields::of_log(&a.0, &b.0), trees, trees_in_both, pages: pages(&a.1, &b.1) });
    }
    if let (Some(a), Some(b)) = (&a.local, &b.local) {
        let (files, files_in_both) = if chosen { trees(&a.trees, &b.trees) } else { files(a, b) };
        let fields = if chosen { Vec::new() } else { fields::of_home(a, b) };
        out.local = Some(LocalDiff { fields, files, files_in_both });
    }
    for (a, b) in [(a.log.as_ref().map(|l| &l.0), b.log.as_ref().map(|l| &l.0)), (a.local.as_ref(), b.local.as_ref())] {
        let (only_a, only_b) = findings(a, b);
        out.only_a.extend(only_a);
        out.only_b.extend(only_b);
        out.complete &= a.into_iter().chain(b).all(is_whole);
    }
    let log_same =
        out.page_log.as_ref().is_none_or(|l| l.fields.is_empty() && l.trees.is_empty() && l.pages.total() == 0);
    let local_same = out.local.as_ref().is_none_or(|l| l.fields.is_empty() && l.files.is_empty());
    let parts_same = out.page_log_only_in.is_none() && out.local_only_in.is_none();
    out.same = log_same && local_same && parts_same && out.only_a.is_empty() && out.only_b.is_empty();
    out.complete &= out.page_log.is_some() || out.local.is_some();
    out
}

impl Diff {
    /// 0: the same, 1: they differ, 6: not enough could be read.
    pub fn exit_code(&self) -> u8 {
        match (self.same, self.complete) {
            (false, _) => Verdict::Findings.exit_code(),
            (true, true) => Verdict::Clean.exit_code(),
            (true, false) => Verdict::Incomplete.exit_code(),
        }
    }
}

/// An audit that could look at everything.
fn is_whole(audit: &Audit) -> bool {
    audit.verdict != Verdict::Incomplete
        && audit.coverage.allows_clean()
        && audit.trees.iter().all(|t| t.complete)
        && audit.local.iter().flat_map(|l| &l.files).all(|f| f.space.is_some_and(|s| !s.uncertain))
}

/// Two lists by name: those of one side only, those with fields that differ, and how many both have.
fn by_name<'i, T: 'i>(
    a: impl Iterator<Item = (&'i str, &'i T)>,
    b: impl Iterator<Item = (&'i str, &'i T)>,
    differ: impl Fn(&T, &T) -> Vec<Field>,
) -> (Vec<TreeDiff>, u64) {
    let (a, b): (BTreeMap<&str, &T>, BTreeMap<&str, &T>) = (a.collect(), b.collect());
    let names: BTreeSet<&str> = a.keys().chain(b.keys()).copied().collect();
    let (mut out, mut both) = (Vec::new(), 0);
    for name in names {
        let (only_in, fields) = match (a.get(name), b.get(name)) {
            (Some(a), Some(b)) => {
                both += 1;
                (None, differ(a, b))
            }
            (Some(_), None) => (Some(Which::A), Vec::new()),
            _ => (Some(Which::B), Vec::new()),
        };
        if only_in.is_some() || !fields.is_empty() {
            out.push(TreeDiff { name: name.to_string(), only_in, fields });
        }
    }
    (out, both)
}

fn trees(a: &[TreeInfo], b: &[TreeInfo]) -> (Vec<TreeDiff>, u64) {
    fn named(tree: &TreeInfo) -> (&str, &TreeInfo) {
        (&tree.uri, tree)
    }
    by_name(a.iter().map(named), b.iter().map(named), fields::of_tree)
}

fn files(a: &Audit, b: &Audit) -> (Vec<TreeDiff>, u64) {
    fn named(audit: &Audit) -> impl Iterator<Item = (&str, &FileInfo)> {
        audit.local.iter().flat_map(|l| &l.files).map(|f| (f.file.as_str(), f))
    }
    by_name(named(a), named(b), fields::of_file)
}

/// Both lists are sorted by table and page, and have a page once.
fn pages(a: &[Version], b: &[Version]) -> PagesDiff {
    let mut out = PagesDiff::default();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => (a.table, a.page).cmp(&(b.table, b.page)),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return out,
        };
        let one = if order.is_le() { a.next() } else { None };
        let other = if order.is_ge() { b.next() } else { None };
        let count = match (one, other) {
            (Some(one), Some(other)) if one.lsn == other.lsn => {
                out.same += 1;
                continue;
            }
            (Some(_), Some(_)) => &mut out.differ,
            (Some(_), None) => &mut out.only_a,
            _ => &mut out.only_b,
        };
        *count += 1;
        if let Some(at) = one.or(other).filter(|_| out.list.len() < LISTED) {
            let (a, b) = (one.map(|v| v.lsn), other.map(|v| v.lsn));
            out.list.push(PageDiff { table_id: at.table, page_id: at.page, a, b });
        }
    }
}

/// Findings of one side only, by code and place.
fn findings(a: Option<&Audit>, b: Option<&Audit>) -> (Vec<Finding>, Vec<Finding>) {
    let of = |audit: Option<&Audit>| audit.map(|a| a.findings.clone()).unwrap_or_default();
    let (a, b) = (of(a), of(b));
    let key = |f: &Finding| format!("{} {:?}", f.code.name(), f.place);
    let less = |all: &[Finding], other: &[Finding]| {
        let mut there: BTreeMap<String, u64> = BTreeMap::new();
        for f in other {
            *there.entry(key(f)).or_default() += 1;
        }
        let mut out = Vec::new();
        for f in all {
            match there.get_mut(&key(f)).filter(|n| **n > 0) {
                Some(n) => *n -= 1,
                None => out.push(f.clone()),
            }
        }
        out
    };
    (less(&a, &b), less(&b, &a))
}
