//! What log records say: bodies and operations. The records themselves are in
//! [`super::wtlog`].

use super::reader::Reader;
use super::wtlog::LogLsn;
use super::{FormatError, Result};

/// Operations with this bit in their type are ignored by recovery.
pub const IGNORED: u64 = 1 << 31;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// Type 0: a checkpoint is complete.
    Checkpoint {
        /// Where recovery would begin: the record that began the checkpoint.
        lsn: LogLsn,
        /// How many transactions ran. The engine writes their number, and leaves their ids out.
        snapshot: u64,
    },
    /// Type 1: a transaction.
    Commit { txn: u64, operations: Operations<'a> },
    /// Type 2: a file was flushed.
    FileSync {
        /// The file; 0 for all of them.
        file_id: u32,
        /// It begins (true) or is done.
        start: bool,
    },
    /// Type 3: text, without its NUL.
    Message(&'a [u8]),
    /// Type 4: operations of the log itself.
    System(Operations<'a>),
    /// Another type.
    Unknown { kind: u64, rest: &'a [u8] },
}

impl<'a> Body<'a> {
    /// Decode a plain body ([`super::wtlog_plain::Plain::body`]).
    pub fn decode(body: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(body);
        Self::read(&mut r)
    }

    fn read(r: &mut Reader<'a>) -> Result<Self> {
        Ok(match r.vuint()? {
            0 => Self::Checkpoint { lsn: LogLsn::read(r)?, snapshot: r.vuint()? },
            1 => {
                let txn = r.vuint()?;
                Self::Commit { txn, operations: Operations { reader: r.clone(), failed: false } }
            }
            2 => {
                let file_id = number(r, "file id")?;
                Self::FileSync { file_id, start: r.vint()? != 0 }
            }
            3 => {
                let rest = r.rest();
                let end = rest.iter().position(|b| *b == 0);
                let end = end.ok_or_else(|| FormatError::invalid("message without NUL"))?;
                let text = r.take(end)?;
                r.u8()?;
                Self::Message(text)
            }
            4 => Self::System(Operations { reader: r.clone(), failed: false }),
            kind => Self::Unknown { kind, rest: r.rest() },
        })
    }

    /// Bytes of the body that hold content, the rest being padding. `None` if it holds operations
    /// (their end is known when they are read, [`Operations::offset`]) or is of unknown type.
    pub fn used(&self, body: &'a [u8]) -> Option<usize> {
        if matches!(self, Self::Commit { .. } | Self::System(_) | Self::Unknown { .. }) {
            return None;
        }
        let mut r = Reader::new(body);
        Self::read(&mut r).ok().map(|_| r.pos())
    }

    /// The name of the record type.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint { .. } => "checkpoint",
            Self::Commit { .. } => "commit",
            Self::FileSync { .. } => "file sync",
            Self::Message(_) => "message",
            Self::System(_) => "system",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The operations of a record, one after the other. Ends at a zero byte, at the end of the body, or
/// after the first error.
#[derive(Debug, Clone)]
pub struct Operations<'a> {
    reader: Reader<'a>,
    failed: bool,
}

impl Operations<'_> {
    /// Offset in the body of the next operation; when there is none left, the end of the content.
    pub fn offset(&self) -> usize {
        self.reader.pos()
    }
}

impl PartialEq for Operations<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.reader.rest() == other.reader.rest() && self.failed == other.failed
    }
}

impl Eq for Operations<'_> {}

impl<'a> Iterator for Operations<'a> {
    type Item = Result<Operation<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || matches!(self.reader.peek(), None | Some(0)) {
            return None;
        }
        let operation = Operation::read(&mut self.reader);
        self.failed = operation.is_err();
        Some(operation)
    }
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation<'a> {
    /// Type number without the "ignore" bit.
    pub kind: u64,
    /// Recovery ignores it (bit 2^31 of the type).
    pub ignored: bool,
    pub change: Change<'a>,
}

/// What an operation does. File id 0 is the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    ColumnPut {
        file_id: u32,
        /// Record number.
        recno: u64,
        value: &'a [u8],
        modify: bool,
    },
    ColumnRemove {
        file_id: u32,
        /// Record number.
        recno: u64,
    },
    ColumnTruncate {
        file_id: u32,
        /// First record number.
        start: u64,
        /// Last record number.
        stop: u64,
    },
    RowPut {
        file_id: u32,
        key: &'a [u8],
        value: &'a [u8],
        modify: bool,
    },
    RowRemove {
        file_id: u32,
        key: &'a [u8],
    },
    RowTruncate {
        file_id: u32,
        /// First key.
        start: &'a [u8],
        /// Last key.
        stop: &'a [u8],
        /// Which of the two are given.
        mode: u64,
    },
    CheckpointStart,
    /// Type 8: end of the last record of the previous log file.
    PreviousLsn(LogLsn),
    Timestamps {
        /// Seconds and nanoseconds of the clock.
        clock: (u64, u64),
        commit: u64,
        durable: u64,
        /// First commit timestamp.
        first_commit: u64,
        prepare: u64,
        read: u64,
    },
    /// Type 12: an incremental backup began.
    BackupId {
        index: u64,
        /// Bytes per bit.
        granularity: u64,
        name: &'a [u8],
    },
    /// Another type.
    Unknown {
        fields: &'a [u8],
    },
}

impl<'a> Operation<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self> {
        let at = r.pos();
        let mut peek = r.clone();
        let (kind, size) = (peek.vuint()?, peek.vuint()?);
        let head = peek.pos().saturating_sub(at);
        let size = usize::try_from(size).ok().filter(|n| (head..=r.remaining()).contains(n)).ok_or_else(|| {
            FormatError::invalid(format!("operation of {size} bytes at body offset {at}, {} left", r.remaining()))
        })?;
        // The fields end where the operation does; it is skipped as a whole, whatever they are.
        let mut fields = Reader::at(r.take(size)?, head)?;
        let ignored = kind & IGNORED != 0;
        let kind = kind & !IGNORED;
        let change = Change::read(kind, &mut fields)
            .and_then(|change| match fields.remaining() {
                0 => Ok(change),
                n => Err(FormatError::invalid(format!("{n} bytes after the fields"))),
            })
            .map_err(|e| e.within(&format!("operation type {kind} at body offset {at}")))?;
        Ok(Self { kind, ignored, change })
    }

    /// The file it works on.
    pub fn file_id(&self) -> Option<u32> {
        match self.change {
            Change::ColumnPut { file_id, .. }
            | Change::ColumnRemove { file_id, .. }
            | Change::ColumnTruncate { file_id, .. }
            | Change::RowPut { file_id, .. }
            | Change::RowRemove { file_id, .. }
            | Change::RowTruncate { file_id, .. } => Some(file_id),
            Change::CheckpointStart
            | Change::PreviousLsn(_)
            | Change::Timestamps { .. }
            | Change::BackupId { .. }
            | Change::Unknown { .. } => None,
        }
    }
}

impl<'a> Change<'a> {
    fn read(kind: u64, r: &mut Reader<'a>) -> Result<Self> {
        fn id(r: &mut Reader<'_>) -> Result<u32> {
            number(r, "file id")
        }
        fn rest<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
            r.take(r.remaining())
        }
        fn item<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
            let n = r.vlen()?;
            r.take(n)
        }
        Ok(match kind {
            1 | 9 => Self::ColumnPut { file_id: id(r)?, recno: r.vuint()?, value: rest(r)?, modify: kind == 9 },
            2 => Self::ColumnRemove { file_id: id(r)?, recno: r.vuint()? },
            3 => Self::ColumnTruncate { file_id: id(r)?, start: r.vuint()?, stop: r.vuint()? },
            4 | 10 => Self::RowPut { file_id: id(r)?, key: item(r)?, value: rest(r)?, modify: kind == 10 },
            5 => Self::RowRemove { file_id: id(r)?, key: rest(r)? },
            6 => Self::RowTruncate { file_id: id(r)?, start: item(r)?, stop: item(r)?, mode: r.vuint()? },
            7 => Self::CheckpointStart,
            8 => Self::PreviousLsn(LogLsn::read(r)?),
            11 => Self::Timestamps {
                clock: (r.vuint()?, r.vuint()?),
                commit: r.vuint()?,
                durable: r.vuint()?,
                first_commit: r.vuint()?,
                prepare: r.vuint()?,
                read: r.vuint()?,
            },
            12 => Self::BackupId { index: r.vuint()?, granularity: r.vuint()?, name: rest(r)? },
            _ => Self::Unknown { fields: rest(r)? },
        })
    }
}

/// A vuint that must fit 32 bits.
pub(super) fn number(r: &mut Reader<'_>, what: &str) -> Result<u32> {
    let n = r.vuint()?;
    u32::try_from(n).map_err(|_| FormatError::invalid(format!("{what} {n} exceeds 32 bits")))
}
