//! What can be wrong with a block of a local file, found by walking; `audit` turns faults into findings.

use crate::format::local::LocalAddress;

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// A checksum does not hold.
    Checksum,
    /// A header or list breaks a rule although its checksum holds.
    Header,
    /// The content cannot be decoded.
    Undecodable,
    /// Keys do not ascend, in a page or between pages.
    KeyOrder,
    /// An address or extent beyond the end the checkpoint states.
    BeyondEnd,
    /// Within the checkpoint's file, beyond the end of the file that is there.
    BeyondPhysical,
    /// A block in use that the allocation lists do not have.
    Unallocated,
    /// The same block twice in one tree.
    ReferencedTwice,
    /// An address cookie that cannot be decoded.
    Cookie,
    /// The medium does not give the bytes.
    Unreadable,
    /// Content cannot be read without the key. No fault of the block.
    Encrypted,
    /// Compressed by an unknown compressor. No fault of the block.
    UnknownCompressor,
}

impl FaultKind {
    /// It says that something could not be checked, not that something is wrong.
    #[must_use]
    pub fn is_unchecked(self) -> bool {
        matches!(self, Self::Encrypted | Self::UnknownCompressor)
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// First byte of the block in its file.
    pub offset: u64,
    /// Bytes of the block; 0 if not known.
    pub size: u32,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// Facts that support it.
    pub evidence: Vec<String>,
    /// Offset of the page that refers to the block, where known.
    pub parent: Option<u64>,
    /// The walk could go on as if the block were whole.
    pub mended: bool,
}

impl Fault {
    /// A fault of the block at an address.
    #[must_use]
    pub fn at(kind: FaultKind, address: &LocalAddress) -> Self {
        Self::new(kind, address.offset, address.size)
    }

    /// A fault at an offset.
    #[must_use]
    pub fn new(kind: FaultKind, offset: u64, size: u32) -> Self {
        Self {
            kind,
            offset,
            size,
            expected: String::new(),
            found: String::new(),
            evidence: Vec::new(),
            parent: None,
            mended: false,
        }
    }

    /// What should be there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// What is there.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    /// Add a line of evidence.
    #[must_use]
    pub fn with(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Say which page refers to the block.
    #[must_use]
    pub fn below(mut self, parent: &LocalAddress) -> Self {
        if parent.offset != self.offset {
            self.parent = Some(parent.offset);
        }
        self
    }

    /// The same fault, reached through whatever page.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.kind, self.offset, self.size, &self.expected, &self.found, &self.evidence)
            == (other.kind, other.offset, other.size, &other.expected, &other.found, &other.evidence)
    }

    /// Say that the walk went on as if the block were whole.
    #[must_use]
    pub fn mended(mut self) -> Self {
        self.mended = true;
        self
    }
}
