//! Checksums put right behind a change, so that a target gets past them.
//!
//! Two ways: *reseal* writes the checksum that the bytes now have, so that the block is sound in itself
//! but no longer the one its cookie means; *forge* changes four bytes that nothing depends on until the
//! old checksum holds again, so that the whole tree above stays sound.

use arbitrary::{Arbitrary, Result, Unstructured};
use wtcheck::format::block::{COMBINED_LEN, FLAG_DATA_CHECKSUM, LocalBlockHeader, MAGIC_DELTA, SKIP_LEN};
use wtcheck::format::crc::{crc32c, crc32c_zeroed};
use wtcheck::format::image::{Era, Image};
use wtcheck::format::page_header::{HEADER_LEN, OLD_DELTA_HEADER_LEN};
use wtcheck::format::reader::Reader;

/// Where a page header has its write generation; no reader of pages depends on its lower half.
const WRITE_GEN: usize = 8;

/// What to do behind a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Nothing: the checksum must find the change.
    Nothing,
    /// Write the checksum that the bytes now have.
    Reseal,
    /// Make the bytes have the old checksum.
    Forge,
}

impl<'a> Arbitrary<'a> for Mend {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Nothing, Self::Reseal, Self::Forge]).copied()
    }
}

/// Change the four bytes at `at` so that the crc32c of `bytes`, with the four bytes at `field` taken as
/// zero, is `wanted`. The checksum is linear: each bit at `at` flips a fixed set of its bits.
pub fn forge(bytes: &mut [u8], field: usize, at: usize, wanted: u32) -> bool {
    if field.abs_diff(at) < 4 || at + 4 > bytes.len() || field + 4 > bytes.len() {
        return false;
    }
    bytes[at..at + 4].fill(0);
    let plain = crc32c_zeroed(bytes, field);
    // By leading bit of the effect: effect and the bits that make it.
    let mut basis = [(0_u32, 0_u32); 32];
    for bit in 0..32_u32 {
        bytes[at..at + 4].copy_from_slice(&(1_u32 << bit).to_le_bytes());
        let (mut effect, mut made_of) = (crc32c_zeroed(bytes, field) ^ plain, 1_u32 << bit);
        while effect != 0 {
            let slot = &mut basis[effect.leading_zeros() as usize];
            if slot.0 == 0 {
                *slot = (effect, made_of);
                break;
            }
            effect ^= slot.0;
            made_of ^= slot.1;
        }
    }
    let (mut rest, mut value) = (plain ^ wanted, 0_u32);
    while rest != 0 {
        let (effect, made_of) = basis[rest.leading_zeros() as usize];
        if effect == 0 {
            return false;
        }
        rest ^= effect;
        value ^= made_of;
    }
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    true
}

/// Where the checksum of a stored image lies, and how many bytes it covers.
fn field_of(bytes: &[u8], era: Option<Era>) -> Option<(usize, usize)> {
    let image = Image::parse(bytes, era).ok()?;
    let old_delta = image.era == Era::June2025
        && bytes.get(OLD_DELTA_HEADER_LEN) == Some(&MAGIC_DELTA)
        && image.data_offset() < COMBINED_LEN;
    let field = if old_delta { OLD_DELTA_HEADER_LEN } else { HEADER_LEN } + 4;
    let covered = if image.block.flags & FLAG_DATA_CHECKSUM != 0 { bytes.len() } else { SKIP_LEN.min(bytes.len()) };
    (field + 4 <= covered).then_some((field, covered))
}

/// Put the checksum of an image of a page log right. `old` is what it was before the change.
pub fn image(bytes: &mut [u8], era: Option<Era>, mend: Mend, old: Option<u32>) {
    let Some((field, covered)) = field_of(bytes, era) else { return };
    match (mend, old) {
        (Mend::Nothing, _) => {}
        (Mend::Forge, Some(old)) => {
            bytes[field..field + 4].copy_from_slice(&old.to_le_bytes());
            forge(&mut bytes[..covered], field, WRITE_GEN, old);
        }
        _ => {
            let sum = crc32c_zeroed(&bytes[..covered], field);
            bytes[field..field + 4].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// Put the checksum of a block of a local file right. `old` is what it was before the change.
pub fn local(block: &mut [u8], mend: Mend, old: Option<u32>) {
    const FIELD: usize = HEADER_LEN + 4;
    let mut r = Reader::new(block);
    let header = r.take(HEADER_LEN).and_then(|_| LocalBlockHeader::read(&mut r));
    let Ok(header) = header else { return };
    let covered = if header.flags & FLAG_DATA_CHECKSUM != 0 { block.len() } else { SKIP_LEN.min(block.len()) };
    match (mend, old) {
        (Mend::Nothing, _) => {}
        (Mend::Forge, Some(old)) => {
            block[FIELD..FIELD + 4].copy_from_slice(&old.to_le_bytes());
            forge(&mut block[..covered], FIELD, WRITE_GEN, old);
        }
        _ => {
            let sum = header.compute_checksum(block);
            block[FIELD..FIELD + 4].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// Put the checksum of a key page right, by the layout its bytes 5 and 6 suggest.
pub fn key_page(bytes: &mut [u8]) {
    for field in [12, 16, 8] {
        if field + 4 <= bytes.len() {
            let before: [u8; 4] = bytes[field..field + 4].try_into().unwrap_or_default();
            let sum = crc32c_zeroed(bytes, field);
            bytes[field..field + 4].copy_from_slice(&sum.to_le_bytes());
            let kept = !matches!(wtcheck::format::key_page::parse(bytes), Err(e) if e.message.contains("checksum"));
            if kept {
                return;
            }
            bytes[field..field + 4].copy_from_slice(&before);
        }
    }
}

/// Put the checksums of all records of a log file right, as far as their lengths lead.
pub fn log_file(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 16) {
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if len < 16 || at + len > bytes.len() {
            return;
        }
        let sum = crc32c_zeroed(&bytes[at..at + len], 4);
        bytes[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        at += len;
    }
}

/// Lines of `crc32c text` with the checksum each text has (undo journals).
pub fn journal(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.split_inclusive(|b| *b == b'\n') {
        match line.iter().position(|b| *b == b' ') {
            Some(space) => {
                let json = &line[space + 1..];
                let json = json.strip_suffix(b"\n").unwrap_or(json);
                out.extend_from_slice(format!("{:08x} ", crc32c(json)).as_bytes());
                out.extend_from_slice(&line[space + 1..]);
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}
