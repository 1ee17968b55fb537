//! The page rules as data: which there are, for which
//! pages each holds, and what a broken one is.
//!
//! The readers ([`super::leaf`], [`super::internal`], `fixed`, [`super::old_delta`]) judge every
//! page by all of them; [`Breaches::add`] drops what does not hold for the form of the page. Transaction
//! ids are left out: after a restart a parent may say 0 above leaves that still carry some.

#[cfg_attr(not(feature = "devtools"), allow(unused_imports))]
pub use super::form::{Bounds, Cookies, Form, OverflowRef, Page, leads_to};
pub use super::header::{header, log_header, overflow_item};
use super::what::What;
use crate::format::image::Era;

/// Broken rules of one page that are told; more are only counted.
pub const MAX_BROKEN: usize = 8;
/// Broken rules of one kind that are told.
const MAX_OF_A_RULE: usize = 2;

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The page type is unknown, or not the one wanted.
    Type,
    /// A record number where none may be, none where one must be, or one out of sequence.
    RecordNumber,
    /// Page or block flags.
    Flags,
    /// Page version.
    Version,
    /// An unused header byte that is not zero.
    Unused,
    /// `mem_size` and `disk_size` do not go together.
    Size,
    /// A write generation that is not below that of the page above.
    Generation,
    /// Non-zero or unexpected bytes behind the data.
    Tail,
    /// The number of entries.
    Entries,
    /// The number of entries is 0.
    Empty,
    /// A cell that cannot be decoded, or that has a part it may not have.
    Cell,
    /// A cell of a type that the page may not hold.
    CellType,
    /// Keys and values, or keys and addresses, do not alternate.
    Alternation,
    /// A prefix longer than the previous key.
    Prefix,
    /// What a delta does to a key cannot be told, or contradicts itself.
    Payload,
    /// An overflow item below an address that says there is none.
    Overflow,
    /// An address that cannot be decoded, or that names no block.
    Address,
    /// An address behind the end of the file.
    AddressBeyondEnd,
    /// Keys out of order.
    Order,
    /// A time window or aggregate that contradicts itself, or the aggregate above it.
    Window,
    /// Page-delete information that contradicts the aggregate.
    Truncation,
    /// A value copy that refers to no value of the page.
    Copy,
    /// Equal neighbours of a column store that should have been one run.
    Run,
    /// Bitmap, auxiliary header or filler of a fixed-length column page.
    Bitmap,
}

/// What follows from a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// A header contradicts itself; the cells were read all the same.
    Header,
    /// Cells were not read, or not for what they are: rows or children may be missing.
    Lost,
    /// An address leads nowhere: what lies below it is missing.
    Address,
    /// Keys are not where a search looks for them.
    Order,
    /// All was read, and some of it contradicts itself.
    Content,
}

/// A set of [`Form`]s.
type Forms = u8;
const LOCAL: Forms = 1;
const IMAGE: Forms = 2;
const DELTA: Forms = 4;
const OLD_IMAGE: Forms = 8;
const OLD_DELTA: Forms = 16;
const IMAGES: Forms = IMAGE | OLD_IMAGE;
const LOG: Forms = IMAGES | DELTA | OLD_DELTA;
const ALL: Forms = LOCAL | LOG;

const fn bit(form: Form) -> Forms {
    match form {
        Form::Local => LOCAL,
        Form::Image(Era::Current) => IMAGE,
        Form::Delta(Era::Current) => DELTA,
        Form::Image(Era::June2025) => OLD_IMAGE,
        Form::Delta(Era::June2025) => OLD_DELTA,
    }
}

/// One line of the table.
pub struct Line {
    pub rule: Rule,
    name: &'static str,
    harm: Harm,
    pub holds: Forms,
}

pub const fn line(rule: Rule, name: &'static str, harm: Harm, holds: Forms) -> Line {
    Line { rule, name, harm, holds }
}

/// Every rule, and the pages it holds for. What a form cannot break (a delta has no bitmap) is not in it
/// either.
static RULES: [Line; 24] = [
    line(Rule::Type, "type", Harm::Lost, ALL),
    // Page logs hold row stores alone: a number anywhere is a wrong header.
    line(Rule::RecordNumber, "record-number", Harm::Header, ALL),
    line(Rule::Flags, "flags", Harm::Header, ALL),
    line(Rule::Version, "version", Harm::Header, ALL),
    line(Rule::Unused, "unused", Harm::Header, ALL),
    line(Rule::Size, "size", Harm::Header, ALL),
    line(Rule::Generation, "generation", Harm::Header, ALL),
    line(Rule::Tail, "tail", Harm::Lost, ALL),
    line(Rule::Entries, "entries", Harm::Lost, ALL),
    line(Rule::Empty, "empty", Harm::Header, ALL),
    line(Rule::Cell, "cell", Harm::Lost, ALL),
    line(Rule::CellType, "cell-type", Harm::Lost, ALL),
    // The entries of June 2025 deltas have a form of their own, in which nothing alternates.
    line(Rule::Alternation, "alternation", Harm::Lost, LOCAL | IMAGES | DELTA),
    line(Rule::Prefix, "prefix", Harm::Lost, LOCAL | IMAGES | DELTA),
    line(Rule::Payload, "payload", Harm::Lost, DELTA | OLD_DELTA),
    line(Rule::Overflow, "overflow", Harm::Header, LOCAL | IMAGES),
    line(Rule::Address, "address", Harm::Address, ALL),
    // The end of a page log is no page's business: its index knows what is there.
    line(Rule::AddressBeyondEnd, "address-beyond-end", Harm::Address, LOCAL),
    line(Rule::Order, "order", Harm::Order, ALL),
    line(Rule::Window, "window", Harm::Content, ALL),
    line(Rule::Truncation, "truncation", Harm::Content, ALL),
    line(Rule::Copy, "copy", Harm::Lost, LOCAL | IMAGES),
    line(Rule::Run, "run", Harm::Content, LOCAL),
    line(Rule::Bitmap, "bitmap", Harm::Lost, LOCAL),
];

impl Rule {
    pub fn line(self) -> &'static Line {
        // The table has a line for every rule, which a test holds.
        RULES.iter().find(|l| l.rule == self).unwrap_or(&RULES[0])
    }

    /// Every rule.
    pub fn all() -> impl Iterator<Item = Self> {
        RULES.iter().map(|l| l.rule)
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        self.line().name
    }

    /// What follows if it is broken.
    pub fn harm(self) -> Harm {
        self.line().harm
    }

    /// Whether it holds for pages of a form.
    pub fn holds(self, form: Form) -> bool {
        self.line().holds & bit(form) != 0
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// Offset in the plain page (of the stored block for header and tail rules); 0 stands for the page
    /// as a whole.
    pub at: usize,
    /// What is wrong.
    #[serde(skip)]
    pub what: What,
}

impl Broken {
    /// A broken rule at an offset.
    pub fn new(rule: Rule, at: usize, what: impl Into<What>) -> Self {
        Self { rule, at, what: what.into() }
    }
}

/// The broken rules of a page, in the order of their discovery; the first few of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaches {
    /// The form of the page: what does not hold for it is not noted.
    pub form: Form,
    /// Those that are told, at most [`MAX_BROKEN`].
    pub list: Vec<Broken>,
    /// How many more there were.
    pub more: u64,
}

impl Breaches {
    /// None so far, of a page of this form.
    pub fn of(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    /// No rule is broken.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a rule of this kind is broken.
    pub fn has(&self, rule: Rule) -> bool {
        self.list.iter().any(|b| b.rule == rule)
    }

    /// Note a broken rule. What is wrong is only made out if it is told.
    #[cold]
    pub fn add<W: Into<What>>(&mut self, rule: Rule, at: usize, what: impl FnOnce() -> W) {
        if !rule.holds(self.form) {
            return;
        }
        let same = self.list.iter().filter(|b| b.rule == rule).count();
        if self.list.len() < MAX_BROKEN && same < MAX_OF_A_RULE {
            self.list.push(Broken::new(rule, at, what()));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}
