//! What happened to a block of a page log, as far as its bytes prove it. The judge of blocks of local files
//! has a block's place in a file to go by; here there are the image and the checksum that leads to it.

use super::block::FlippedBit;
use super::judge::{self, CHANCE, Evidence, Flip, Judgement, UNIT, Verdict};
use super::view::{FLIP_SEARCH, Sum};
use crate::format::block::{self, COMBINED_LEN, FLAG_DATA_CHECKSUM, OLD_DELTA_COMBINED_LEN, SKIP_LEN};
use crate::format::crc::{crc32c_zeroed, find_flipped_bit};
use crate::format::image::Image;
use crate::format::page_header::{HEADER_LEN, OLD_DELTA_HEADER_LEN, PageType};
use crate::words::text::grouped;

/// Where a layout has its checksum and its flags: the current one, that of June 2025, its deltas.
const LAYOUTS: [(usize, usize); 3] = [
    (HEADER_LEN + 4, HEADER_LEN + 12),
    (HEADER_LEN + 4, HEADER_LEN + 13),
    (OLD_DELTA_HEADER_LEN + 4, OLD_DELTA_HEADER_LEN + 13),
];

/// Whether these are the first bytes of an image, even if one of the bytes that say so is wrong. A block
/// of a local file has its size in their place, a multiple of 512.
pub fn is_image(head: &[u8]) -> bool {
    let like = |at: usize, magics: &[u8], length: usize| {
        let bytes = head.get(at..at.saturating_add(4)).and_then(|b| <[u8; 4]>::try_from(b).ok());
        bytes.is_some_and(|[magic, version, compatible, size]| {
            let same =
                [magics.contains(&magic), version == block::VERSION, compatible == 1, usize::from(size) == length];
            same.iter().filter(|s| **s).count() >= 3
        })
    };
    like(HEADER_LEN, &[block::MAGIC_BASE, block::MAGIC_DELTA], COMBINED_LEN)
        || like(OLD_DELTA_HEADER_LEN, &[block::MAGIC_DELTA], OLD_DELTA_COMBINED_LEN)
        || block::is_service_encrypted(head)
}

/// Judge a block; what the evidence says of a place in a file does not matter.
pub fn judge(e: &Evidence<'_>) -> Judgement {
    let mut out = Judgement::default();
    if e.all_zero(&mut out) {
        return out;
    }
    let head = e.head();
    if block::is_service_encrypted(head) {
        out.judgement = "encrypted by the page service: none of it can be checked".to_string();
        return out;
    }
    let image = Image::parse(head, None).ok();
    out.plausible = image.as_ref().is_some_and(plausible);
    if image.as_ref().is_some_and(|image| by_checksum(e, image, &mut out)) {
        return out;
    }
    by_content(e, image.as_ref(), &mut out);
    out
}

/// Headers an image can have, however much of it is there.
pub(super) fn plausible(image: &Image<'_>) -> bool {
    let header = &image.block;
    let length = usize::from(header.header_size);
    image.page.check().is_ok()
        && [block::MAGIC_BASE, block::MAGIC_DELTA].contains(&header.magic)
        && (length == OLD_DELTA_COMBINED_LEN || (COMBINED_LEN..=SKIP_LEN).contains(&length))
        && header.unused == [0; 3]
        && usize::try_from(image.page.mem_size).is_ok_and(|n| n >= image.data_offset())
}

fn covered(flags: u8, size: usize) -> usize {
    if flags & FLAG_DATA_CHECKSUM != 0 { size } else { SKIP_LEN.min(size) }
}

/// What an image is, in words.
fn words(image: &Image<'_>) -> String {
    let name = image.page.page_type().map_or("unknown", PageType::name);
    let form = if image.is_delta() { "delta" } else { "full image" };
    format!("{name}, a {form} of {} bytes", grouped(image.bytes().len() as u64))
}

/// What the checksums prove. False if they prove nothing.
fn by_checksum(e: &Evidence<'_>, image: &Image<'_>, out: &mut Judgement) -> bool {
    let head = e.head();
    let field = image.checksum_offset();
    let stored = image.block.checksum;
    let wanted = e.expected.unwrap_or(stored);
    let computed = head.get(..covered(image.block.flags, e.size)).map(|bytes| crc32c_zeroed(bytes, field));
    out.computed = computed.map(Sum);
    let empty = e.cleared != Some(false) && stored == 0 && wanted != 0;
    if computed == Some(wanted) {
        out.cleared = empty;
        if stored == wanted || empty {
            out.verdict = Verdict::Sound;
            out.judgement = "intact: its checksum is the expected one, and valid".to_string();
        } else {
            out.verdict = Verdict::ChecksumField;
            out.judgement = format!(
                "only the checksum in the header is wrong: {} instead of {}; everything it covers is right",
                Sum(stored),
                Sum(wanted)
            );
        }
        return true;
    }
    if out.plausible && computed == Some(stored) && stored != wanted {
        out.verdict = Verdict::OtherBlock;
        out.judgement = format!(
            "intact, but not the expected block: {}, write generation {}, checksum {}; it is another version or another \
             page",
            words(image),
            image.page.write_gen,
            Sum(stored)
        );
        return true;
    }
    out.cleared = empty;
    if let Some((byte, bit)) = flipped(head, e.size, wanted) {
        out.verdict = Verdict::FlippedBit;
        out.flipped_bit = Some(Flip { bit: FlippedBit { byte, bit }, file_offset: None });
        out.judgement = format!("a single flipped bit explains it: bit {bit} of byte {}", grouped(byte as u64));
        if stored != wanted && !out.cleared {
            out.judgement.push_str(&format!("; the checksum in the header is wrong as well ({})", Sum(stored)));
        }
        if e.size > CHANCE {
            let odds = (1_u64 << 32) / (e.size as u64 * 8);
            out.notes.push(format!("with random damage to a block this large, one in {odds} looks like a flipped bit"));
        }
        return true;
    }
    if e.size > FLIP_SEARCH {
        out.notes
            .push(format!("the block is too large to search for a flipped bit ({} bytes)", grouped(e.size as u64)));
    }
    false
}

/// The one bit whose flip gives the wanted checksum. The flags say what a checksum covers and may
/// themselves be what is wrong, and so may the bytes that tell the layouts apart.
fn flipped(head: &[u8], size: usize, wanted: u32) -> Option<(usize, u8)> {
    for (field, flags) in LAYOUTS {
        for covers in [size, SKIP_LEN] {
            let Some(bytes) = head.get(..covers).filter(|b| b.len() <= FLIP_SEARCH) else { continue };
            let Some((byte, bit)) = find_flipped_bit(bytes, field, wanted) else { continue };
            let mut right = bytes.to_vec();
            if let Some(b) = right.get_mut(byte) {
                *b ^= 1 << bit;
            }
            let fits = |image: &Image<'_>| {
                let flags = right.get(flags).copied().unwrap_or_default();
                image.checksum_offset() == field && image.block.flags == flags && covered(flags, size) == covers
            };
            if Image::parse(&right, None).ok().as_ref().is_some_and(fits) {
                return Some((byte, bit));
            }
        }
    }
    None
}

/// What the content proves, whatever the checksum.
fn by_content(e: &Evidence<'_>, image: Option<&Image<'_>>, out: &mut Judgement) {
    let head = e.head();
    if !out.plausible {
        out.looks_like = judge::looks_like(head);
    }
    out.zeros = judge::zero_sectors(e, e.size, UNIT);
    if let Some(what) = &out.looks_like {
        out.verdict = Verdict::NotABlock;
        out.judgement = format!("not a block at all: it looks like {what}");
    } else if let Some(first) = out.zeros.first().copied() {
        out.verdict = Verdict::ZeroSectors;
        let from = grouped(first.at as u64);
        out.judgement = if first.at.saturating_add(first.bytes) >= e.size && e.complete() {
            format!("all zeros from byte {from} onwards")
        } else {
            format!("{} bytes starting at byte {from} are zero", grouped(first.bytes as u64))
        };
        out.notes.push("page content may itself be zero".to_string());
    } else if !e.complete() {
        out.verdict = Verdict::Unknown;
        out.judgement = "too little of it is there to judge".to_string();
    } else {
        out.verdict = Verdict::Damaged;
        out.judgement = "damaged in more than one bit; it is not known which bytes are wrong".to_string();
    }
    let Some(image) = image else { return };
    if !out.plausible && out.looks_like.is_none() {
        out.judgement.push_str(&format!(
            "; not the header of an image: page type {}, magic {:02x}, header size {}",
            image.page.type_byte, image.block.magic, image.block.header_size
        ));
    }
    let stored = image.block.checksum;
    if let Some(wanted) = e.expected.filter(|wanted| *wanted != stored && out.plausible && !out.cleared) {
        out.notes.push(format!(
            "the header has the checksum {}, not {}: this is another block that is damaged, or the header is",
            Sum(stored),
            Sum(wanted)
        ));
    }
}
