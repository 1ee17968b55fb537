//! What is noted of each block while the index is read: enough to know later, without reading the
//! block again, that a page version is sound.
//!
//! A store is read fastest from end to end, and a leaf's content does not matter to an audit that
//! verifies checksums. So the one pass that finds the rows also verifies each block in itself; the
//! walk then only compares checksums. A block that was not found sound is read again by the walk,
//! which says exactly what is wrong with it.

use super::chain::Chain;
use super::page;
use crate::format::block::{FLAG_DATA_CHECKSUM, FLAG_MODIFIED};
use crate::format::cookie::Cookie;
use crate::format::image::{Era, Image};
use crate::format::page_header::PageType;
use crate::store::{Index, Row, Seal};

/// State: the block is sound in itself, in the current header layout.
const SOUND_CURRENT: u16 = 1;
/// State: the same in the layout of June 2025.
const SOUND_JUNE_2025: u16 = 2;

fn sound(era: Era) -> u16 {
    match era {
        Era::Current => SOUND_CURRENT,
        Era::June2025 => SOUND_JUNE_2025,
    }
}

/// Look at a block as the index is read. The page type is kept in the upper byte of the state.
pub fn seal(era: Era, row: &Row, bytes: &[u8]) -> Seal {
    let Ok(image) = Image::parse(bytes, Some(era)) else { return Seal::default() };
    let mut seal = Seal { checksum: image.block.checksum, previous: image.block.previous_checksum, state: 0 };
    let flags = image.block.flags;
    let holds = image.compute_checksum() == image.block.checksum
        && flags & FLAG_MODIFIED == 0
        && image.check_kind(row.is_delta()).is_ok()
        && image.check_headers().is_ok();
    // A short checksum leaves the rest of a compressed block to its stream.
    let covered = flags & FLAG_DATA_CHECKSUM != 0 || !image.is_compressed() || image.is_encrypted();
    if holds && (covered || image.plain(None).is_ok()) {
        seal.state = sound(era) | u16::from(image.page.type_byte) << 8;
    }
    seal
}

/// Whether a row's seal says that its block is sound and of a leaf, or of an overflow page.
fn fits(row: &Row, era: Era, overflow: bool) -> bool {
    let [state, page_type] = row.seal.state.to_le_bytes();
    let fits = match PageType::from_byte(page_type) {
        Some(t) if overflow => t == PageType::Overflow,
        Some(t) => !t.is_internal(),
        None => false,
    };
    fits && u16::from(state) == sound(era)
}

/// Whether the seal of a full image of the current era proves it a sound leaf with this checksum.
pub fn vouches_for_image(row: &Row, checksum: u32) -> bool {
    row.seal.checksum == checksum && fits(row, Era::Current, false)
}

/// Whether the seals prove a leaf or overflow page sound and the one its cookie means.
pub fn vouches(index: &Index, chain: Chain, cookie: &Cookie, overflow: bool) -> bool {
    let era = page::era_of(cookie);
    let mut previous = None;
    for row in chain.rows(index) {
        let links = previous.is_none_or(|p| p == row.seal.previous);
        if !fits(&row, era, overflow) || !links {
            return false;
        }
        previous = Some(row.seal.checksum);
    }
    previous == Some(cookie.checksum)
}
