//! Compressed content in exactly the stored length. Filler compresses better than what it stands for,
//! as a rule; where a page is mostly cookies, the engine's compressor may have been lucky, and it
//! takes more effort than usual to be no worse.

use crate::format::compress::{self, Compressor, VERBATIM};

/// Effort of zstd and zlib, beyond the usual.
const ZSTD_LEVEL: i32 = 19;
/// Longest input of the careful Snappy and LZ4 encoders.
const MOST: usize = 1 << 20;
/// Earlier places with the same four bytes that are looked at.
const CANDIDATES: usize = 256;
/// Longest literal that one tag byte holds, and longest copy.
pub const SNAPPY_LITERAL: usize = 60;
const SNAPPY_COPY: usize = 64;
/// A copy with an offset below this and a length of 4 to 11 takes two bytes, else three.
const SNAPPY_NEAR: usize = 2048;
const SNAPPY_FAR: usize = 1 << 16;
const SHORTEST: usize = 4;

/// A plain image, compressed and padded with zeros to `len` bytes as every reader of the framing
/// allows, and where the padding begins. `None` if it does not fit.
pub fn fitted(compressor: Compressor, plain: &[u8], len: usize) -> Option<(Vec<u8>, usize)> {
    let (head, body) = plain.split_at_checked(VERBATIM)?;
    let mut new = compress::compress(compressor, plain);
    if new.len() > len {
        let stream = match compressor {
            Compressor::Snappy => snappy(body)?,
            Compressor::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL).ok()?,
            Compressor::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
                std::io::Write::write_all(&mut encoder, body).ok()?;
                encoder.finish().ok()?
            }
            Compressor::Lz4 => return None,
        };
        new = head.to_vec();
        if compressor != Compressor::Zlib {
            new.extend_from_slice(&u64::try_from(stream.len()).ok()?.to_le_bytes());
        }
        new.extend_from_slice(&stream);
    }
    let used = new.len();
    (used <= len).then(|| {
        new.resize(len, 0);
        (new, used)
    })
}

/// The shortest Snappy stream of short literals and of copies of what a search finds.
pub fn snappy(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > MOST {
        return None;
    }
    // The cheapest way from every place to the end, and its first step: length, and offset of a copy.
    let mut cost = vec![usize::MAX; body.len() + 1];
    let mut step = vec![(0_usize, 0_usize); body.len()];
    cost[body.len()] = 0;
    let matches = matches(body);
    for at in (0..body.len()).rev() {
        for length in 1..=SNAPPY_LITERAL.min(body.len() - at) {
            let total = 1 + length + cost[at + length];
            if total < cost[at] {
                (cost[at], step[at]) = (total, (length, 0));
            }
        }
        for &(offset, longest) in &matches[at] {
            for length in SHORTEST..=longest.min(SNAPPY_COPY) {
                let bytes = if offset < SNAPPY_NEAR && length <= 11 { 2 } else { 3 };
                let total = bytes + cost[at + length];
                if total < cost[at] {
                    (cost[at], step[at]) = (total, (length, offset));
                }
            }
        }
    }
    let mut out = Vec::with_capacity(cost[0] + 5);
    let mut left = body.len();
    while left >= 0x80 {
        out.push(u8::try_from(left & 0x7f).ok()? | 0x80);
        left >>= 7;
    }
    out.push(u8::try_from(left).ok()?);
    let mut at = 0;
    while at < body.len() {
        let (length, offset) = step[at];
        match offset {
            0 => {
                out.push(u8::try_from(length - 1).ok()? << 2);
                out.extend_from_slice(&body[at..at + length]);
            }
            _ if offset < SNAPPY_NEAR && length <= 11 => {
                out.push(1 | u8::try_from(length - 4).ok()? << 2 | u8::try_from(offset >> 8).ok()? << 5);
                out.push(u8::try_from(offset & 0xff).ok()?);
            }
            _ => {
                out.push(2 | u8::try_from(length - 1).ok()? << 2);
                out.extend_from_slice(&u16::try_from(offset).ok()?.to_le_bytes());
            }
        }
        at += length;
    }
    Some(out)
}

/// For every place the copies that could stand there: offset back, longest length.
fn matches(body: &[u8]) -> Vec<Vec<(usize, usize)>> {
    let mut seen: std::collections::HashMap<[u8; SHORTEST], Vec<usize>> = std::collections::HashMap::new();
    let mut out = vec![Vec::new(); body.len()];
    for at in 0..body.len() {
        let Some(head) = body[at..].first_chunk::<SHORTEST>() else { break };
        let places = seen.entry(*head).or_default();
        for place in places.iter().rev().take(CANDIDATES).take_while(|p| at - **p < SNAPPY_FAR) {
            let length = body[*place..].iter().zip(&body[at..]).take(SNAPPY_COPY).take_while(|(a, b)| a == b).count();
            out[at].push((at - place, length));
            if length == SNAPPY_COPY {
                break;
            }
        }
        places.push(at);
    }
    out
}
