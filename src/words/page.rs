//! The English of what is wrong with a page, of both families.

use crate::page::what::{Clash, Part, Wanted, What};
use std::fmt;

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartAfterStop => "the start timestamp is after the stop timestamp",
            Self::StartAfterDurable => "the start timestamp is after its durable timestamp",
            Self::StopAfterDurable => "the stop timestamp is after its durable timestamp",
            Self::DurableStartAfterStop => "the durable start timestamp is after the stop timestamp",
            Self::DurableStartAfterDurableStop => "the durable start timestamp is after the durable stop timestamp",
            Self::OldestAfterStop => "the oldest start timestamp is after the newest stop timestamp",
            Self::OldestAfterDurable => "the oldest start timestamp is after the newest durable start timestamp",
            Self::NewestStopAfterDurable => "the newest stop timestamp is after the newest durable stop timestamp",
            Self::NewestDurablesCross => {
                "the newest durable start timestamp is after the newest durable stop timestamp"
            }
            Self::OldestAfterDurableStop => "the oldest start timestamp is after the newest durable stop timestamp",
            Self::TruncationDurableFirst => "the truncation is durable before its commit timestamp",
            Self::StopAfterTruncation => "a stop time of the aggregate is after the truncation",
            Self::ValueDurableStart => "the durable start timestamp is after the newest one of the parent",
            Self::ValueStart => "the start timestamp is before the oldest one of the parent",
            Self::ValueDurableStop => "the durable stop timestamp is after the newest one of the parent",
            Self::ValueStop => "the stop timestamp is after the newest one of the parent",
            Self::ValuePrepared => "the value is prepared, the parent's aggregate is not",
            Self::AggregateDurableStart => "the newest durable start timestamp is after that of the parent",
            Self::AggregateStart => "the oldest start timestamp is before that of the parent",
            Self::AggregateDurableStop => "the newest durable stop timestamp is after that of the parent",
            Self::AggregateStop => "the newest stop timestamp is after that of the parent",
            Self::AggregatePrepared => "the aggregate is prepared, that of the parent is not",
            Self::AfterStable => "a timestamp is after the stable timestamp",
            Self::VersionStartAfterStop => "the start timestamp of the key is after the stop timestamp of the value",
            Self::VersionStartAfterDurable => "the start timestamp is after its durable timestamp",
            Self::VersionStop => "the stop timestamps of cell and value differ",
            Self::VersionStart => "the start timestamps of cell and key differ",
            Self::VersionDurableStart => "the durable start timestamps of cell and value differ",
            Self::VersionOrder => "the versions of a key are out of order",
            Self::VersionOverlap => "two versions of a key overlap",
        })
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageType(byte) => write!(f, "page type {byte}"),
            Self::Instead { found, wanted } => {
                let wanted = match wanted {
                    Wanted::Leaf => "a leaf page",
                    Wanted::Internal => "an internal page",
                    Wanted::Overflow => "an overflow page",
                };
                write!(f, "{} page instead of {wanted}", found.name())
            }
            Self::FamilyType(kind) => write!(f, "{} page in a page log", kind.name()),
            Self::NoRecordNumber(kind) => write!(f, "{} page: record number 0", kind.name()),
            Self::RecordNumber { kind, recno } => {
                write!(f, "{} page: record number {recno}, but it must have none", kind.name())
            }
            Self::Flags { kind, page, block } => {
                write!(f, "{} page: page flags {page:#04x}, block flags {block:#04x}", kind.name())
            }
            Self::UnusedPageByte { kind, byte } => {
                write!(f, "{} page: unused page header byte is {byte:#04x}", kind.name())
            }
            Self::UnusedBlockBytes { kind, bytes } => {
                write!(f, "{} page: unused block header bytes are {bytes:02x?}", kind.name())
            }
            Self::Version { kind, version } => write!(f, "{} page: version {version}", kind.name()),
            Self::DiskSize { kind, stated, stored } => {
                write!(f, "{} page: disk_size {stated}, the block has {stored}", kind.name())
            }
            Self::MemSizeSmall { kind, mem_size } => {
                write!(f, "{} page: mem_size {mem_size} is smaller than the headers", kind.name())
            }
            Self::MemSizeLarge { kind, mem_size, limit } => {
                write!(f, "{} page: mem_size {mem_size} exceeds the limit of {limit} bytes", kind.name())
            }
            Self::NoEntries(kind) => {
                let kind = kind.map_or(String::new(), |k| format!("{} page: ", k.name()));
                write!(f, "{kind}no entries")
            }
            Self::EntriesUnfit { kind, entries, data } => {
                let kind = kind.map_or(String::new(), |k| format!("{} page: ", k.name()));
                write!(f, "{kind}{entries} entries do not fit {data} bytes of data")
            }
            Self::BehindMemSize { kind, mem_size } => {
                write!(f, "{} page: non-zero bytes after mem_size {mem_size}", kind.name())
            }
            Self::Header(error) => write!(f, "{error}"),
            Self::Generation { own, above } => {
                write!(f, "write generation {own}, that of the page above is {above}")
            }
            Self::GenerationOrder { own, before } => {
                write!(f, "write generation {own}, that of the previous block is {before}")
            }
            Self::Cell { number, error } => write!(f, "cell {number}: {}", error.message),
            Self::Entry(error) | Self::Payload(error) | Self::Address(error) => f.write_str(&error.message),
            Self::EntriesEnd { stated, read } => {
                write!(f, "the header states {stated} entries, the data ends after {read}")
            }
            Self::BehindCells(left) => write!(f, "{left} unexpected bytes after the last cell"),
            Self::IllegalCell { cell, kind } => write!(f, "{} on a {} page", cell.title(), kind.name()),
            Self::ValueFirst => f.write_str("the page starts with a value"),
            Self::TwoValues => f.write_str("the second of two adjacent values"),
            Self::AddressFirst => f.write_str("the page starts with an address"),
            Self::TwoAddresses => f.write_str("the second of two adjacent addresses"),
            Self::TwoKeys => f.write_str("the first of two adjacent keys"),
            Self::KeyWithoutValue => f.write_str("a key without a value in a delta"),
            Self::RunInRowStore(number) => write!(f, "cell {number}: a run length in a row store"),
            Self::KeyWithRun(number) => write!(f, "cell {number}: a key with a run length"),
            Self::InternalKeyParts(number) => {
                write!(f, "cell {number}: key with prefix or run length on an internal page")
            }
            Self::RecordInRowStore(number) => write!(f, "cell {number}: record number in a row store"),
            Self::KeyCount { keys, entries, flags } => {
                write!(f, "{keys} keys in {entries} entries do not fit page flags {flags:#04x}")
            }
            Self::FewerAddresses { entries, keys } => {
                write!(f, "{entries} entries are {keys} keys and fewer addresses")
            }
            Self::TooMuch(bytes) => write!(f, "content of more than {bytes} bytes"),
            Self::TooManyItems(items) => write!(f, "more than {items} overflow items"),
            Self::PrefixTooLong { number, prefix, previous } => {
                write!(f, "cell {number}: prefix {prefix} is longer than the previous key of {previous} bytes")
            }
            Self::Misordered { first, second, length: Some(length), .. } => {
                write!(f, "the keys of cells {first} and {second} are equal ({length} bytes)")
            }
            Self::Misordered { first, second, same, length: None } => {
                write!(f, "the keys of cells {first} and {second} are out of order: they first differ at byte {same}")
            }
            Self::CopyTarget(distance) => {
                write!(f, "the copy refers to the cell {distance} bytes back, which is not a value")
            }
            Self::OverflowBelow => f.write_str("an overflow item below an address that says there are none"),
            Self::DeltaFlags(flags) => write!(f, "delta flags {flags:#04x}, at least one of which has no meaning"),
            Self::DeleteWithValue(flags) => write!(f, "delta flags {flags:#04x} with a value"),
            Self::NoBlock => f.write_str("the address names no block"),
            Self::BeyondEnd { offset, end, file_size } => {
                write!(f, "address {offset}-{end} is past the end of the file ({file_size})")
            }
            Self::Times(clash) => write!(f, "{clash}"),
            Self::UnjoinedRuns(number) => {
                write!(f, "cells {} and {number} should have been run-length encoded", number.saturating_sub(1))
            }
            Self::RunTooLong { number, run, recno } => {
                write!(f, "cell {number}: run of {run} records starting at record {recno}")
            }
            Self::ChildWithoutRecord(number) => write!(f, "cell {number}: no record number"),
            Self::FirstChildRecord { number, record, page } => {
                write!(f, "cell {number}: the first child starts at record {record}, the page at {page}")
            }
            Self::RecordOrder { number, record, previous } => {
                write!(f, "cell {number}: record number {record} after {previous}")
            }
            Self::Width(width) => write!(f, "values of {width} bits"),
            Self::NoWidth => f.write_str("bitmap and windows do not fit any width from 1 to 8 bits"),
            Self::BitmapSize { bitmap, mem_size } => {
                write!(f, "a bitmap of {bitmap} bytes does not fit mem_size {mem_size}")
            }
            Self::BehindBitmap => f.write_str("non-zero bytes after the bitmap"),
            Self::AuxVersion(version) => write!(f, "auxiliary header version {version}"),
            Self::AuxHeader(error) => write!(f, "auxiliary header: {}", error.message),
            Self::AuxGap => f.write_str("non-zero bytes between auxiliary header and cells"),
            Self::AuxDistance(distance) => write!(f, "cells start {distance} bytes after the auxiliary header"),
            Self::RecordsEnd { records, recno } => write!(f, "{records} records starting at record {recno}"),
            Self::WindowsEnd { stated, read } => {
                write!(f, "the auxiliary header states {stated} windows, the data ends after {read}")
            }
            Self::WindowCell { pair, error } => write!(f, "window {pair}: {}", error.message),
            Self::WindowPair(pair) => write!(f, "window {pair}: no pair of key and value"),
            Self::WindowOffset(pair) => write!(f, "window {pair}: the key is not a record offset"),
            Self::WindowOrder { pair, offset } => {
                write!(f, "window {pair}: record offset {offset} is out of sequence or past the end of the page")
            }
            Self::WindowValue(pair) => write!(f, "window {pair}: the value cell has a value or a run length"),
            Self::WindowEmpty(pair) => write!(f, "window {pair} is empty"),
            Self::Format { part, format, error } => {
                let part = match part {
                    Part::Key => "key",
                    Part::Value => "value",
                };
                write!(f, "a {part} that is not {format:?}: {}", error.message)
            }
            Self::NoDocument => f.write_str("a value that is not a BSON document"),
            Self::HistoryWithoutValue => f.write_str("a history-store record without a value"),
            Self::HistoryRecord(error) => write!(f, "history-store record: {error}"),
            Self::FirstRecord { record, parent } => write!(f, "first record {record}, the parent says {parent}"),
            Self::LastRecord { last, next } => write!(f, "records reach {last}, the next page starts at {next}"),
            Self::BelowSeparator => f.write_str("the first key sorts before the separator of this page in its parent"),
            Self::NotBelowNext => f.write_str("the last key does not sort before the separator of the next page"),
        }
    }
}
