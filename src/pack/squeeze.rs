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
            Compressor::Lz4 => lz4(body)?,
        };
        new = head.to_vec();
        match compressor {
            Compressor::Zlib => {}
            Compressor::Snappy | Compressor::Zstd => {
                new.extend_from_slice(&u64::try_from(stream.len()).ok()?.to_le_bytes());
            }
            Compressor::Lz4 => {
                let plain = u32::try_from(body.len()).ok()?;
                for n in [u32::try_from(stream.len()).ok()?, plain, plain, 0] {
                    new.extend_from_slice(&n.to_le_bytes());
                }
            }
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
    let matches = matches(body, SNAPPY_COPY);
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

/// What an LZ4 block ends with at least: literals, and where its last copy may begin.
const LZ4_LITERALS: usize = 5;
const LZ4_LAST: usize = 12;
/// A length of a token that goes on in bytes behind it.
const LZ4_LONG: usize = 15;
/// Literals in front of a copy that are looked through.
const LZ4_RUN: usize = 300;
const LZ4_COPY: usize = 512;
/// Copies up to this length are tried at every length.
const LZ4_SHORT: usize = 64;

/// Bytes behind a token for a length.
fn lz4_more(length: usize) -> usize {
    if length < LZ4_LONG { 0 } else { 1 + (length - LZ4_LONG) / 255 }
}

/// An LZ4 block that is as short as a search and the library can make it.
pub fn lz4(body: &[u8]) -> Option<Vec<u8>> {
    let found = lz4_search(body)?;
    // The search follows few of all copies that there are, so that now and then the library does better.
    let usual = lz4_flex::block::compress(body);
    Some(if usual.len() < found.len() { usual } else { found })
}

/// The shortest LZ4 block of what a search finds.
fn lz4_search(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > MOST {
        return None;
    }
    let end = body.len();
    let copies = matches(body, LZ4_COPY);
    // The cheapest way from every place to the end, if a sequence begins there, and its first step: literals,
    // then length and offset of a copy, unless it is the last one.
    let mut cost = vec![usize::MAX; end + 1];
    let mut step = vec![(0_usize, 0_usize, 0_usize); end + 1];
    // As well if the copy of a sequence begins there.
    let mut copy_cost = vec![usize::MAX; end + 1];
    let mut copy = vec![(0_usize, 0_usize); end + 1];
    let mut next_copy = end;
    // Offset and length of the copy at the place behind.
    let mut reach = (0_usize, 0_usize);
    cost[end] = 1;
    for at in (0..end).rev() {
        if at + LZ4_LAST <= end {
            // All offsets cost the same, so the longest copy stands for all. Its whole length may be more than
            // what was searched.
            if let Some(&(offset, longest)) = copies[at].iter().max_by_key(|(_, length)| *length) {
                let limit = end - LZ4_LITERALS - at;
                reach = match reach {
                    (before, length) if before == offset => (offset, (length + 1).min(limit)),
                    _ => {
                        let same = |n: &usize| body[at - offset + n] == body[at + n];
                        (offset, (longest..limit).find(|n| !same(n)).unwrap_or(limit).min(limit))
                    }
                };
                for length in (SHORTEST..=longest.min(limit).min(LZ4_SHORT)).chain([longest.min(limit), reach.1]) {
                    if length < SHORTEST {
                        continue;
                    }
                    let rest = cost[at + length];
                    let total = (2 + lz4_more(length - SHORTEST)).saturating_add(rest);
                    if total < copy_cost[at] {
                        (copy_cost[at], copy[at]) = (total, (length, offset));
                    }
                }
            } else {
                reach = (0, 0);
            }
            if copy_cost[at] < usize::MAX {
                next_copy = at;
            }
        }
        let literals = end - at;
        (cost[at], step[at]) = (1 + lz4_more(literals) + literals, (literals, 0, 0));
        let near = at..(at + LZ4_RUN).min(end);
        for place in near.chain((next_copy >= at + LZ4_RUN).then_some(next_copy)).filter(|p| *p < end) {
            let literals = place - at;
            let total = (1 + lz4_more(literals) + literals).saturating_add(copy_cost[place]);
            if total < cost[at] {
                let (length, offset) = copy[place];
                (cost[at], step[at]) = (total, (literals, length, offset));
            }
        }
    }
    let mut out = Vec::with_capacity(cost[0]);
    let more = |out: &mut Vec<u8>, length: usize| {
        let mut left = length.checked_sub(LZ4_LONG);
        while let Some(n) = left {
            out.push(u8::try_from(n.min(255)).unwrap_or(255));
            left = n.checked_sub(255);
        }
    };
    let mut at = 0;
    loop {
        let (literals, length, offset) = if at < end { step[at] } else { (0, 0, 0) };
        let copied = length.saturating_sub(SHORTEST);
        let token = literals.min(LZ4_LONG) << 4 | copied.min(LZ4_LONG);
        out.push(u8::try_from(token).ok()?);
        more(&mut out, literals);
        out.extend_from_slice(&body[at..at + literals]);
        at += literals + length;
        if length == 0 {
            return Some(out);
        }
        out.extend_from_slice(&u16::try_from(offset).ok()?.to_le_bytes());
        more(&mut out, copied);
    }
}

/// For every place the copies that could stand there: offset back, longest length up to `most`.
fn matches(body: &[u8], most: usize) -> Vec<Vec<(usize, usize)>> {
    let mut seen: std::collections::HashMap<[u8; SHORTEST], Vec<usize>> = std::collections::HashMap::new();
    let mut out = vec![Vec::new(); body.len()];
    for at in 0..body.len() {
        let Some(head) = body[at..].first_chunk::<SHORTEST>() else { break };
        let places = seen.entry(*head).or_default();
        for place in places.iter().rev().take(CANDIDATES).take_while(|p| at - **p < SNAPPY_FAR) {
            let length = body[*place..].iter().zip(&body[at..]).take(most).take_while(|(a, b)| a == b).count();
            out[at].push((at - place, length));
            if length == most {
                break;
            }
        }
        places.push(at);
    }
    out
}
