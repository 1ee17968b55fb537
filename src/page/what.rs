//! What is wrong with a page, as facts. The words for them are in `words/page.rs`.

use super::cell::CellKind;
use crate::format::FormatError;
use crate::format::page_header::PageType;

/// A contradiction within a time window, or between a window and what is above or beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clash {
    /// The start of a value lies after its stop.
    StartAfterStop,
    /// The start of a value lies after its durable time.
    StartAfterDurable,
    /// The stop of a value lies after its durable time.
    StopAfterDurable,
    /// The durable start of a value lies after its stop.
    DurableStartAfterStop,
    /// The durable start of a value lies after its durable stop.
    DurableStartAfterDurableStop,
    /// The oldest start of an aggregate lies after its newest stop.
    OldestAfterStop,
    /// The oldest start of an aggregate lies after its newest durable start.
    OldestAfterDurable,
    /// The newest stop of an aggregate lies after its newest durable stop.
    NewestStopAfterDurable,
    /// The newest durable start of an aggregate lies after its newest durable stop.
    NewestDurablesCross,
    /// The oldest start of an aggregate lies after its newest durable stop.
    OldestAfterDurableStop,
    /// A truncation is durable before its commit.
    TruncationDurableFirst,
    /// A stop of the aggregate lies after the truncation of everything below.
    StopAfterTruncation,
    /// A value's durable start lies after the newest one of the parent.
    ValueDurableStart,
    /// A value's start lies before the oldest one of the parent.
    ValueStart,
    /// A value's durable stop lies after the newest one of the parent.
    ValueDurableStop,
    /// A value's stop lies after the newest one of the parent.
    ValueStop,
    /// A value is prepared, the parent's aggregate is not.
    ValuePrepared,
    /// An aggregate's newest durable start lies after that of the parent.
    AggregateDurableStart,
    /// An aggregate's oldest start lies before that of the parent.
    AggregateStart,
    /// An aggregate's newest durable stop lies after that of the parent.
    AggregateDurableStop,
    /// An aggregate's newest stop lies after that of the parent.
    AggregateStop,
    /// An aggregate is prepared, that of the parent is not.
    AggregatePrepared,
    /// A timestamp lies after the stable timestamp.
    AfterStable,
    /// History store: the start in the key lies after the stop in the value.
    VersionStartAfterStop,
    /// History store: the start in the key lies after the durable start in the value.
    VersionStartAfterDurable,
    /// History store: the stops of cell and value differ.
    VersionStop,
    /// History store: the starts of cell and key differ.
    VersionStart,
    /// History store: the durable starts of cell and value differ.
    VersionDurableStart,
    /// History store: the versions of a key are not in order.
    VersionOrder,
    /// History store: two versions of a key overlap.
    VersionOverlap,
}

/// Who a key or a value should have been readable for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    Key,
    Value,
}

/// The kinds of pages that a place asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    Leaf,
    Internal,
    Overflow,
}

/// What is wrong. Cells are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of each are in its text")]
pub enum What {
    // Headers.
    PageType(u8),
    Instead {
        found: PageType,
        wanted: Wanted,
    },
    FamilyType(PageType),
    NoRecordNumber(PageType),
    RecordNumber {
        kind: PageType,
        recno: u64,
    },
    Flags {
        kind: PageType,
        page: u8,
        block: u8,
    },
    UnusedPageByte {
        kind: PageType,
        byte: u8,
    },
    UnusedBlockBytes {
        kind: PageType,
        bytes: [u8; 3],
    },
    Version {
        kind: PageType,
        version: u8,
    },
    DiskSize {
        kind: PageType,
        stated: usize,
        stored: usize,
    },
    MemSizeSmall {
        kind: PageType,
        mem_size: usize,
    },
    MemSizeLarge {
        kind: PageType,
        mem_size: usize,
        limit: usize,
    },
    NoEntries(Option<PageType>),
    EntriesUnfit {
        kind: Option<PageType>,
        entries: usize,
        data: usize,
    },
    BehindMemSize {
        kind: PageType,
        mem_size: usize,
    },
    Header(FormatError),
    Generation {
        own: u64,
        above: u64,
    },
    GenerationOrder {
        own: u64,
        before: u64,
    },
    // Cells.
    Cell {
        number: u32,
        error: FormatError,
    },
    Entry(FormatError),
    EntriesEnd {
        stated: u32,
        read: u32,
    },
    BehindCells(usize),
    IllegalCell {
        cell: CellKind,
        kind: PageType,
    },
    ValueFirst,
    TwoValues,
    AddressFirst,
    TwoAddresses,
    TwoKeys,
    KeyWithoutValue,
    RunInRowStore(u32),
    KeyWithRun(u32),
    InternalKeyParts(u32),
    RecordInRowStore(u32),
    KeyCount {
        keys: u32,
        entries: u32,
        flags: u8,
    },
    FewerAddresses {
        entries: u32,
        keys: u32,
    },
    TooMuch(usize),
    TooManyItems(usize),
    PrefixTooLong {
        number: u32,
        prefix: usize,
        previous: usize,
    },
    /// `same`: leading bytes the keys share; `length`: that of both, where they are equal.
    Misordered {
        first: u32,
        second: u32,
        same: usize,
        length: Option<usize>,
    },
    CopyTarget(u64),
    OverflowBelow,
    Payload(FormatError),
    DeleteWithValue(u8),
    DeltaFlags(u8),
    // Addresses.
    Address(FormatError),
    NoBlock,
    BeyondEnd {
        offset: u64,
        end: u64,
        file_size: u64,
    },
    // Times.
    Times(Clash),
    // Column stores.
    UnjoinedRuns(u32),
    RunTooLong {
        number: u32,
        run: u64,
        recno: u64,
    },
    ChildWithoutRecord(u32),
    FirstChildRecord {
        number: u32,
        record: u64,
        page: u64,
    },
    RecordOrder {
        number: u32,
        record: u64,
        previous: u64,
    },
    Width(u8),
    NoWidth,
    BitmapSize {
        bitmap: usize,
        mem_size: usize,
    },
    BehindBitmap,
    AuxVersion(u8),
    AuxHeader(FormatError),
    AuxGap,
    AuxDistance(u64),
    RecordsEnd {
        records: u64,
        recno: u64,
    },
    WindowsEnd {
        stated: u64,
        read: u64,
    },
    WindowCell {
        pair: u64,
        error: FormatError,
    },
    WindowPair(u64),
    WindowOffset(u64),
    WindowOrder {
        pair: u64,
        offset: u64,
    },
    WindowValue(u64),
    WindowEmpty(u64),
    // Content, and what needs the pages around.
    Format {
        part: Part,
        format: String,
        error: FormatError,
    },
    NoDocument,
    HistoryWithoutValue,
    HistoryRecord(FormatError),
    FirstRecord {
        record: u64,
        parent: u64,
    },
    LastRecord {
        last: u64,
        next: u64,
    },
    BelowSeparator,
    NotBelowNext,
}

impl From<Clash> for What {
    fn from(clash: Clash) -> Self {
        Self::Times(clash)
    }
}

/// Two neighbouring keys that are not in ascending order. Keys are the user's: where they part tells
/// enough to find them.
pub(super) fn misordered(first: u32, second: u32, low: &[u8], high: &[u8]) -> What {
    let same = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    What::Misordered { first, second, same, length: (low == high).then_some(low.len()) }
}
