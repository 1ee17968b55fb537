//! Reading a page version: fetch its blocks, verify the checksum chain, decode.

use super::broken;
use super::chain::Chain;
use super::fault::{Fact, Fault, FaultKind, Note};
use crate::format::block;
use crate::format::compress::Compressor;
use crate::format::cookie::{Cookie, Layout};
use crate::format::image::{Era, Image};
use crate::format::page_header::PageHeader;
use crate::format::{Class, FormatError};
use crate::id::Version;
use crate::page::delta::{self, Above, Body, Children, Rows, Summary};
use crate::page::plain_child::{self, Entries};
use crate::store::{BlockReader, FLAG_DELTA, Index, Row, StoreError};
use std::borrow::Cow;

/// The compressor of a tree, as far as its configuration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not known; the framing of each image decides.
    #[default]
    Unknown,
    /// Known and supported, or none at all.
    Known(Option<Compressor>),
    /// The configuration names a compressor this tool does not have.
    Unsupported,
}

/// Buffers for one page's blocks, reused from page to page.
#[derive(Debug, Default)]
pub struct Scratch {
    blocks: Vec<Vec<u8>>,
    used: usize,
}

impl Scratch {
    /// The blocks of the page read last, base image first.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        self.blocks.iter().take(self.used).map(Vec::as_slice)
    }

    fn slot(&mut self) -> &mut Vec<u8> {
        if self.blocks.len() == self.used {
            self.blocks.push(Vec::new());
        }
        self.used += 1;
        &mut self.blocks[self.used - 1]
    }
}

/// Which references between checksums hold, as far as the caller knows.
#[derive(Debug, Clone, Copy)]
pub struct Checks {
    /// What the newest block must carry: the cookie's checksum, or `None` if that is in doubt.
    pub newest: Option<u32>,
    /// Each block names its predecessor's checksum; false for a chain already known to be broken,
    /// where every link would be reported once more.
    pub linked: bool,
}

impl Checks {
    /// Everything must hold.
    pub fn all(cookie: &Cookie) -> Self {
        Self { newest: Some(cookie.checksum), linked: true }
    }
}

/// The header layout that goes with a cookie's layout.
pub fn era_of(cookie: &Cookie) -> Era {
    if cookie.layout == Layout::V0 { Era::Current } else { Era::June2025 }
}

/// Read and verify all blocks of a chain into `scratch`; returns the header of the base image.
///
/// Verification follows the engine's order, newest block first; one fault a block at most.
/// The blocks stay in `scratch` whatever was found, unless the store could not deliver them.
pub fn read(
    reader: &mut dyn BlockReader,
    index: &Index,
    cookie: &Cookie,
    checks: Checks,
    chain: Chain,
    scratch: &mut Scratch,
    faults: &mut Vec<Fault>,
) -> Option<PageHeader> {
    let rows = chain.rows(index);
    let era = era_of(cookie);
    scratch.used = 0;
    if let Some(row) = rows.iter().find(|row| !row.has_bytes()) {
        faults.push(not_supplied(&row));
        return None;
    }
    for row in rows {
        if let Err(e) = reader.read(&row, scratch.slot()) {
            faults.push(unreadable(Version::new(row.table, row.page, row.lsn), &e));
            scratch.used = 0;
            return None;
        }
    }
    // Of what the service has encrypted nothing can be judged, whatever lies beside it.
    let encrypted = rows.iter().zip(scratch.blocks()).find(|(_, bytes)| block::is_service_encrypted(bytes));
    if let Some(row) = encrypted.map(|(row, _)| row) {
        let place = Version::new(row.table, row.page, row.lsn);
        let error = FormatError::unsupported("encrypted by the page service");
        faults.push(from_format(FaultKind::Encrypted, place, error));
        scratch.used = 0;
        return None;
    }
    let mut expected = checks.newest;
    let mut header = None;
    let alone = rows.len() == 1;
    for (at, (row, bytes)) in rows.iter().zip(scratch.blocks.iter_mut()).enumerate().rev() {
        let place = Version::new(row.table, row.page, row.lsn);
        let mut flipped = None;
        if let Ok(image) = Image::parse(bytes, Some(era)) {
            flipped = verify(&image, expected, (row.flags & FLAG_DELTA != 0, alone), place, faults);
        }
        // Damage known to the bit is put right in this copy, so that the audit sees what lies below.
        if let Some((offset, bit)) = flipped
            && let Some(byte) = bytes.get_mut(offset)
        {
            *byte ^= 1 << bit;
        }
        let image = match Image::parse(bytes, Some(era)) {
            Ok(image) => image,
            Err(e) => {
                faults.push(from_format(FaultKind::Header, place, e));
                expected = None;
                continue;
            }
        };
        expected = checks.linked.then_some(image.block.previous_checksum);
        if at == 0 {
            header = Some(image.page);
        }
    }
    header
}

/// The fault of a row whose bytes are in no dump, or that the service has encrypted.
pub fn not_supplied(row: &Row) -> Fault {
    let (kind, what) = match row.was_encrypted() {
        true => (FaultKind::Encrypted, "encrypted by the page service"),
        false => (FaultKind::LengthOnly, "supplied as a length only"),
    };
    from_format(kind, row.key(), FormatError::unsupported(what))
}

/// The checksum tests on one block, in the engine's order: whether it is a delta, and all there is of its
/// page. Returns the flipped bit, where a single one explains a wrong checksum.
fn verify(
    image: &Image<'_>,
    expected: Option<u32>,
    (delta, alone): (bool, bool),
    place: Version,
    faults: &mut Vec<Fault>,
) -> Option<(usize, u8)> {
    let stored = image.block.checksum;
    let computed = image.compute_checksum();
    // A modified image stands for the whole page; the cookie still has the checksum of what it replaces.
    let modified = image.is_modified();
    let replaced = image.block.previous_checksum;
    let named = if modified && alone { replaced } else { stored };
    if let Some(wanted) = expected.filter(|e| *e != named) {
        let fact = if modified && alone {
            Fact::ModifiedSum { expected: wanted, replaced }
        } else {
            Fact::HeaderSum { expected: wanted, stored, computed }
        };
        let recovered = computed == wanted && !modified;
        faults.push(Fault { recovered, ..Fault::new(FaultKind::Checksum, place, fact) });
        return None;
    }
    if computed != stored {
        let flipped = image.find_flipped_bit(stored);
        let fact = Fact::ComputedSum { expected: stored, computed, kind: image.check_kind(delta).err(), flipped };
        faults.push(Fault { recovered: flipped.is_some(), ..Fault::new(FaultKind::Checksum, place, fact) });
        return flipped;
    }
    let only = || {
        let beside = modified && !alone;
        if beside { Err(FormatError::invalid("a modified image is not the only block of its page")) } else { Ok(()) }
    };
    let rules = image.check_kind(delta).and_then(|()| image.check_headers()).and_then(|()| only());
    if let Err(e) = rules {
        let kind = if e.class == Class::Unsupported { FaultKind::CookieUnsupported } else { FaultKind::Header };
        faults.push(from_format(kind, place, e).with(Note::ChecksumHolds));
    }
    None
}

/// A block with its plain form.
type Plain<'s> = (Image<'s>, Cow<'s, [u8]>);

/// The plain form of the blocks in `scratch`, base image first.
fn plain<'s>(
    scratch: &'s Scratch,
    era: Era,
    compression: Compression,
) -> Result<Vec<Plain<'s>>, (FaultKind, FormatError)> {
    scratch
        .blocks()
        .map(|bytes| {
            let image = Image::parse(bytes, Some(era)).map_err(|e| (FaultKind::Undecodable, e))?;
            if image.is_encrypted() {
                return Err((FaultKind::Encrypted, FormatError::unsupported("encrypted")));
            }
            let compressor = match compression {
                Compression::Unknown | Compression::Known(None) => None,
                Compression::Known(some) => some,
                Compression::Unsupported if image.is_compressed() => {
                    return Err((FaultKind::UnknownCompressor, FormatError::unsupported("unknown compressor")));
                }
                Compression::Unsupported => None,
            };
            image.plain(compressor).map(|p| (image, p)).map_err(|e| {
                let unknown = e.class == Class::Unsupported;
                (if unknown { FaultKind::UnknownCompressor } else { FaultKind::Undecodable }, e)
            })
        })
        .collect()
}

/// The page now in `scratch`: what it is called in messages and how to decompress it.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    /// Table, page and LSN of the version.
    pub place: Version,
    /// The header layout.
    pub era: Era,
    /// The tree's compressor.
    pub compression: Compression,
}

/// Decompress every block in `scratch` whose checksum covers its first 64 bytes only: the engine
/// relies on the stream failing where such a block is damaged, and so must a check.
pub fn check_streams(scratch: &Scratch, loaded: Loaded, faults: &mut Vec<Fault>) {
    let partial = |bytes: &[u8]| {
        Image::parse(bytes, Some(loaded.era))
            .is_ok_and(|i| i.is_compressed() && i.block.flags & block::FLAG_DATA_CHECKSUM == 0)
    };
    if !scratch.blocks().any(partial) || faults.iter().any(|f| f.page == loaded.place.page && !f.recovered) {
        return;
    }
    if let Err((kind, e)) = plain(scratch, loaded.era, loaded.compression) {
        faults.push(from_format(kind, loaded.place, e));
    }
}

/// How closely the cells of a page are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Look<'t> {
    /// What is there, and why something may be missing.
    Structure,
    /// Every rule, with what the cell above the page says of it.
    Rules(Above<'t>),
}

/// Hand the merged children of the internal page in `scratch` to `f`.
pub fn with_children<T>(
    scratch: &Scratch,
    loaded: Loaded,
    faults: &mut Vec<Fault>,
    f: impl FnOnce(&Children<'_>) -> T,
) -> Option<T> {
    with_bodies(scratch, loaded, faults, |base, deltas, faults| {
        let children = delta::children(base, deltas);
        broken::missing(&children.broken, base, deltas, loaded.place, faults);
        f(&children)
    })
}

/// The children of an internal page, in the form that takes the least work.
#[derive(Debug)]
pub enum Kids<'c, 'a> {
    /// A sound base image alone.
    Entries(&'c Entries<'a>),
    /// Anything else.
    Merged(&'c Children<'a>),
}

/// As [`with_children`], but unless every rule is asked for the children of a sound page without deltas
/// come as [`Entries`].
pub fn with_kids<T>(
    scratch: &Scratch,
    loaded: Loaded,
    look: Look<'_>,
    faults: &mut Vec<Fault>,
    f: impl FnOnce(Kids<'_, '_>) -> T,
) -> Option<T> {
    with_bodies(scratch, loaded, faults, |base, deltas, faults| {
        if deltas.is_empty()
            && matches!(look, Look::Structure)
            && let Some(entries) = plain_child::entries(base)
        {
            return f(Kids::Entries(&entries));
        }
        let mut children = delta::children(base, deltas);
        match look {
            Look::Structure => broken::missing(&children.broken, base, deltas, loaded.place, faults),
            Look::Rules(above) => {
                children.judge(base, deltas, above);
                broken::all(&children.broken, base, deltas, loaded.place, faults);
            }
        }
        f(Kids::Merged(&children))
    })
}

/// Hand the merged rows of the leaf page in `scratch` to `f`.
pub fn with_rows<T>(
    scratch: &Scratch,
    loaded: Loaded,
    faults: &mut Vec<Fault>,
    f: impl FnOnce(&Rows<'_>) -> T,
) -> Option<T> {
    with_bodies(scratch, loaded, faults, |base, deltas, faults| {
        let rows = delta::rows(base, deltas);
        broken::missing(&rows.broken, base, deltas, loaded.place, faults);
        f(&rows)
    })
}

/// Hand what the leaf page in `scratch` holds to `f`, without its rows.
pub fn with_summary<T>(
    scratch: &Scratch,
    loaded: Loaded,
    look: Look<'_>,
    faults: &mut Vec<Fault>,
    f: impl FnOnce(&Summary) -> T,
) -> Option<T> {
    with_bodies(scratch, loaded, faults, |base, deltas, faults| {
        let summary = match look {
            Look::Structure => {
                let summary = delta::summary(base, deltas, None);
                broken::missing(&summary.broken, base, deltas, loaded.place, faults);
                summary
            }
            Look::Rules(above) => {
                let summary = delta::summary(base, deltas, Some(above));
                broken::all(&summary.broken, base, deltas, loaded.place, faults);
                summary
            }
        };
        f(&summary)
    })
}

fn with_bodies<T>(
    scratch: &Scratch,
    loaded: Loaded,
    faults: &mut Vec<Fault>,
    f: impl FnOnce(&Body<'_>, &[Body<'_>], &mut Vec<Fault>) -> T,
) -> Option<T> {
    let blocks = match plain(scratch, loaded.era, loaded.compression) {
        Ok(blocks) => blocks,
        Err((kind, e)) => {
            // A block whose checksum failed already has its finding; do not say it twice.
            if kind.is_unchecked() || !faults.iter().any(|f| f.page == loaded.place.page && !f.recovered) {
                faults.push(from_format(kind, loaded.place, e));
            }
            return None;
        }
    };
    let bodies: Vec<Body<'_>> = blocks
        .iter()
        .map(|(image, plain)| Body { plain, start: image.data_offset(), header: image.page, era: image.era })
        .collect();
    let (base, deltas) = bodies.split_first()?;
    Some(f(base, deltas, faults))
}

pub fn from_format(kind: FaultKind, place: Version, e: FormatError) -> Fault {
    Fault::new(kind, place, Fact::Format { error: e })
}

/// A fault for bytes the store could not deliver.
pub fn unreadable(place: Version, e: &StoreError) -> Fault {
    let unread = e.unread();
    let kind = if unread.is_some() { FaultKind::Unread } else { FaultKind::Unreadable };
    Fault { unread, ..Fault::new(kind, place, Fact::NotDelivered { error: e.to_string() }) }
}
