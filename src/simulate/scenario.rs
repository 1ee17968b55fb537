//! The scenario of a simulation of accounting: what people write, what it means, and its limits.

use crate::format::compress::Compressor;
use crate::model::account::Rule;
use crate::model::fault::{Deed, Fail, Fault, Form};
use crate::scenario::Part;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Most tables: the metadata page holds a few rows of each.
pub const MAX_TABLES: usize = 16;
/// Most rows of a table.
pub const MAX_ROWS: u64 = 100_000;
/// Longest value.
pub const MAX_VALUE_BYTES: u64 = 64 << 10;
/// Most bytes of values in all tables: they are held in memory.
pub const MAX_DATA_BYTES: u64 = 64 << 20;
/// Smallest and largest size of a leaf page.
pub const LEAF_BYTES: std::ops::RangeInclusive<u64> = 256..=1 << 20;
/// Most steps.
pub const MAX_STEPS: usize = 1_000;
/// Most repetitions of a step.
pub const MAX_REPEAT: u64 = 1_000;
/// Most bytes put into the page log: it is held in memory until it is written.
pub const MAX_LOG_BYTES: u64 = 128 << 20;
/// Most attempts to reconcile a page, in all.
pub const MAX_ATTEMPTS: u64 = 100_000;
/// Longest name of a table.
const MAX_NAME: usize = 64;

/// What kind of scenario a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Accounting,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub kind: Kind,
    /// Where random choices start: values, rows that change, pages that are picked.
    #[serde(default = "one")]
    pub seed: u64,
    /// The rule of accounting, unless the command line names one.
    #[serde(default)]
    pub accounting: Option<Rule>,
    /// A key page is written before the first checkpoint.
    #[serde(default)]
    pub key_page: bool,
    /// The tables, all of which are there from the beginning.
    pub tables: Vec<Table>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// A table and its first rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Name, without `file:` and `.wt_stable`.
    pub name: String,
    pub rows: u64,
    /// Length of each value.
    #[serde(default = "hundred")]
    pub value_bytes: u64,
    /// Size a leaf page is filled to.
    #[serde(default = "leaf_bytes")]
    pub leaf_bytes: u64,
    /// How its blocks are compressed.
    #[serde(default)]
    pub compressor: Option<String>,
}

fn one() -> u64 {
    1
}
fn hundred() -> u64 {
    100
}
fn leaf_bytes() -> u64 {
    4096
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Change rows and reconcile their pages.
    Reconcile,
    /// Write what is dirty, and the roots; publish the sizes.
    Checkpoint,
    /// Drop a table.
    Drop,
}

/// When a failed reconciliation is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// When the page is reconciled next, by a step or a checkpoint.
    #[default]
    Later,
    /// At once, and successfully.
    Now,
}

/// Which leaves of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaves {
    All,
    /// So many, whichever.
    Some(u64),
    /// These, counted from 0 in key order.
    These(Vec<u64>),
}

impl<'de> Deserialize<'de> for Leaves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Leaves;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("all, a number of leaves, or a list of leaves counted from 0")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Leaves, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                if text == "all" { Ok(Leaves::All) } else { Err(wrong()) }
            }
            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Leaves, E> {
                Ok(Leaves::Some(n))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Leaves, A::Error> {
                let mut list = Vec::new();
                while let Some(n) = seq.next_element()? {
                    list.push(n);
                }
                Ok(Leaves::These(list))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// One step. Which fields go with it depends on what it does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(rename = "do")]
    pub verb: Verb,
    /// The table; of a checkpoint the one whose root fails.
    #[serde(default)]
    pub table: Option<String>,
    /// The leaves; one if not given.
    #[serde(default)]
    pub leaves: Option<Leaves>,
    /// As what they are written; full images if not given.
    #[serde(default, rename = "as")]
    pub form: Option<Form>,
    #[serde(default)]
    pub fail: Fail,
    /// In place of `as` and `fail`, the name of a fault that comes of them.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// Rows of each leaf that change before each attempt; one if not given.
    #[serde(default)]
    pub rows: Option<u64>,
    /// How often.
    #[serde(default)]
    pub repeat: Option<u64>,
    /// When a failed page is tried again.
    #[serde(default)]
    pub retry: Option<Retry>,
}

/// What is wrong with a scenario, and with which field.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) way: Vec<Part>,
    pub(super) reason: String,
}

impl Wrong {
    pub(super) fn step(at: usize, field: Option<&'static str>, reason: impl Into<String>) -> Self {
        let field = field.map(Part::Key);
        let way = [Part::Key("steps"), Part::At(at)].into_iter().chain(field).collect();
        Self { way, reason: reason.into() }
    }

    fn table(at: usize, field: &'static str, reason: impl Into<String>) -> Self {
        Self { way: vec![Part::Key("tables"), Part::At(at), Part::Key(field)], reason: reason.into() }
    }

    fn list(field: &'static str, reason: impl Into<String>) -> Self {
        Self { way: vec![Part::Key(field)], reason: reason.into() }
    }
}

impl Table {
    /// The compressor it names.
    pub(super) fn compressor(&self) -> Option<Compressor> {
        self.compressor.as_deref().and_then(Compressor::from_name)
    }

    fn check(&self, at: usize) -> Result<(), Wrong> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || self.name.len() > MAX_NAME || !self.name.chars().all(good) {
            let reason = format!("a name has 1 to {MAX_NAME} letters, digits, - and _");
            return Err(Wrong::table(at, "name", reason));
        }
        if self.name.starts_with("WiredTiger") {
            return Err(Wrong::table(at, "name", "names that start with WiredTiger are reserved for the engine"));
        }
        if self.rows > MAX_ROWS {
            return Err(Wrong::table(at, "rows", format!("at most {MAX_ROWS}")));
        }
        if !(1..=MAX_VALUE_BYTES).contains(&self.value_bytes) {
            return Err(Wrong::table(at, "value_bytes", format!("from 1 to {MAX_VALUE_BYTES}")));
        }
        if !LEAF_BYTES.contains(&self.leaf_bytes) {
            let reason = format!("from {} to {}", LEAF_BYTES.start(), LEAF_BYTES.end());
            return Err(Wrong::table(at, "leaf_bytes", reason));
        }
        if self.compressor.is_some() && self.compressor().is_none() {
            return Err(Wrong::table(at, "compressor", "use snappy, zlib, zstd or lz4"));
        }
        Ok(())
    }
}

impl Scenario {
    /// Take faults that are named for what they are.
    pub(super) fn resolve(&mut self) -> Result<(), Wrong> {
        for (at, step) in self.steps.iter_mut().enumerate() {
            let Some(fault) = step.fault else { continue };
            let wrong = |reason| Err(Wrong::step(at, Some("fault"), reason));
            let Deed::Fails(form, fail) = fault.row().deed else {
                return wrong("that is not a failed reconciliation; wtcheck-dev makes it");
            };
            if step.verb != Verb::Reconcile || step.form.is_some() || step.fail != Fail::None {
                return wrong("only a reconciliation has this, and without as and fail");
            }
            (step.form, step.fail) = (Some(form), fail);
        }
        Ok(())
    }

    /// What can be seen to be wrong before it runs.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        if self.tables.is_empty() || self.tables.len() > MAX_TABLES {
            return Err(Wrong::list("tables", format!("from 1 to {MAX_TABLES} tables")));
        }
        // Whether a table is still there, by name.
        let mut there: BTreeMap<&str, bool> = BTreeMap::new();
        let mut data = 0_u64;
        for (at, table) in self.tables.iter().enumerate() {
            table.check(at)?;
            data = data.saturating_add(table.rows.saturating_mul(table.value_bytes));
            if data > MAX_DATA_BYTES {
                let reason = format!("the values of all tables come to more than {MAX_DATA_BYTES} bytes");
                return Err(Wrong::table(at, "rows", reason));
            }
            if there.insert(&table.name, true).is_some() {
                return Err(Wrong::table(at, "name", format!("there is already a table {}", table.name)));
            }
        }
        if self.steps.len() > MAX_STEPS {
            return Err(Wrong::list("steps", format!("at most {MAX_STEPS} steps")));
        }
        let mut completed = false;
        for (at, step) in self.steps.iter().enumerate() {
            step.check(at)?;
            completed |= step.verb == Verb::Checkpoint && step.fail == Fail::None;
            if step.verb == Verb::Drop && !completed {
                let reason = "no checkpoint has named the table yet; complete one before it is dropped";
                return Err(Wrong::step(at, Some("table"), reason));
            }
            let Some(name) = step.table.as_deref() else { continue };
            match there.get_mut(name) {
                None => return Err(Wrong::step(at, Some("table"), format!("there is no table {name}"))),
                Some(false) => {
                    return Err(Wrong::step(at, Some("table"), format!("the table {name} was dropped before")));
                }
                Some(there) => *there = step.verb != Verb::Drop,
            }
        }
        if completed {
            return Ok(());
        }
        Err(Wrong::list("steps", "no checkpoint completes, so no size is published; add one with do: checkpoint"))
    }
}

impl Step {
    fn check(&self, at: usize) -> Result<(), Wrong> {
        let wrong = |field, reason: &str| Err(Wrong::step(at, Some(field), reason));
        let given = [
            ("leaves", self.leaves.is_some()),
            ("as", self.form.is_some()),
            ("rows", self.rows.is_some()),
            ("repeat", self.repeat.is_some()),
            ("retry", self.retry.is_some()),
        ];
        if self.verb != Verb::Reconcile
            && let Some((field, _)) = given.into_iter().find(|g| g.1)
        {
            return wrong(field, "only a reconciliation has this");
        }
        match self.verb {
            Verb::Checkpoint if self.table.is_some() != (self.fail != Fail::None) => {
                return wrong("table", "of a checkpoint, fail and the table whose root fails go together");
            }
            Verb::Reconcile | Verb::Drop if self.table.is_none() => return wrong("table", "say which table"),
            Verb::Drop if self.fail != Fail::None => return wrong("fail", "a drop cannot fail here"),
            _ => {}
        }
        if self.repeat.is_some_and(|n| !(1..=MAX_REPEAT).contains(&n)) {
            return wrong("repeat", &format!("from 1 to {MAX_REPEAT}"));
        }
        if self.rows.is_some_and(|n| n > MAX_ROWS) {
            return wrong("rows", &format!("at most {MAX_ROWS}"));
        }
        if self.retry.is_some() && self.fail == Fail::None {
            return wrong("retry", "nothing fails, so nothing is retried");
        }
        match &self.leaves {
            Some(Leaves::Some(0)) => wrong("leaves", "at least one leaf"),
            Some(Leaves::These(list)) if list.is_empty() => wrong("leaves", "at least one leaf"),
            Some(Leaves::These(list)) if list.windows(2).any(|w| w.first() >= w.last()) => {
                wrong("leaves", "each leaf once, in ascending order")
            }
            _ => Ok(()),
        }
    }
}
