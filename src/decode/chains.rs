//! Blocks of a page log that a log has dumped, put together to the chains of their pages. A delta names the
//! block before it by that block's checksum, so neither order nor LSNs are needed.

use super::judge::{Judgement, Verdict};
use super::judge_image;
use super::merged::{self, MergedPage};
use super::view::{Sum, View};
use crate::format::block::COMBINED_LEN;
use crate::format::image::Image;
use crate::format::pagelog_ids::MAX_DELTAS;
use crate::id::PageId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most stored bytes of all chains that are put together: a log may make many chains of few blocks.
const MERGED: usize = 1 << 30;

/// Where the checksum of the block before ends in the current layout.
const LINK_END: usize = 40;

/// What is known of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its checksum holds.
    Intact,
    /// Known to the bit, and put right.
    PutRight,
    /// Only a part of it is there.
    Incomplete,
    /// It cannot be used.
    Damaged,
}

/// A block of a page, as it goes into a chain.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Which dump of the log it is.
    pub dump: usize,
    pub file: Option<String>,
    pub page: PageId,
    /// The checksum it is known by.
    pub checksum: u32,
    pub state: State,
    /// What it says of itself, where that can be believed.
    pub link: Option<Link>,
    /// It stands where another block was expected, so perhaps it is of another page.
    pub stray: bool,
    /// Its bytes, where they can be used.
    pub bytes: Vec<u8>,
}

/// How a block stands to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub delta: bool,
    /// Checksum of the block before it; of a full image no link.
    pub previous: u32,
}

/// A block of a chain.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ChainBlock {
    /// Which of the dumps it is, from 0 on.
    pub dump: usize,
    /// Its checksum.
    pub checksum: Sum,
    /// `base` or `delta`, where the block tells.
    pub form: Option<&'static str>,
    /// What is known of it.
    pub state: State,
}

/// A version of a page, as far as the log has it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PageChain {
    /// The file, if the log names it.
    pub file: Option<String>,
    /// Page id.
    pub page_id: PageId,
    /// Its blocks that are there, oldest first.
    pub blocks: Vec<ChainBlock>,
    /// All blocks of it are there and can be used.
    pub complete: bool,
    /// Checksum of the block that is not there, on which the oldest delta stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_checksum: Option<Sum>,
    /// It has more deltas than a page may have, and was not followed further.
    pub too_long: bool,
    /// The page put together, where it is complete and has deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<MergedPage>,
}

/// What a judged dump is in a chain; the caller says which dump of which page. `head` are its first bytes.
pub fn piece(judgement: &Judgement, complete: bool, head: &[u8], expected: u32) -> Piece {
    let mut bytes = head.to_vec();
    let put_checksum = |bytes: &mut Vec<u8>, sum: u32| {
        let field = Image::parse(bytes, None).ok().map(|i| i.checksum_offset());
        if let Some(field) = field.and_then(|at| bytes.get_mut(at..at.saturating_add(4))) {
            field.copy_from_slice(&sum.to_le_bytes());
        }
    };
    let mut checksum = expected;
    let state = match judgement.verdict {
        Verdict::Sound | Verdict::OtherBlock => State::Intact,
        Verdict::FlippedBit | Verdict::ChecksumField => State::PutRight,
        _ if !complete => State::Incomplete,
        _ => State::Damaged,
    };
    if let Some(flip) = judgement.flipped_bit
        && let Some(byte) = bytes.get_mut(flip.bit.byte)
    {
        *byte ^= 1 << flip.bit.bit;
    }
    if judgement.cleared || state == State::PutRight {
        put_checksum(&mut bytes, expected);
    }
    if !complete && (LINK_END..COMBINED_LEN).contains(&bytes.len()) {
        // What is cut off behind the link says nothing that is needed here.
        bytes.resize(COMBINED_LEN, 0);
    }
    let image = Image::parse(&bytes, None).ok();
    let stray = judgement.verdict == Verdict::OtherBlock;
    if let Some(image) = image.as_ref().filter(|_| stray) {
        checksum = image.block.checksum;
    }
    // The header of a part is believed if it has the checksum that the block should have.
    let believed = match state {
        State::Intact | State::PutRight => true,
        State::Incomplete => image.as_ref().is_some_and(|i| judge_image::plausible(i) && i.block.checksum == checksum),
        State::Damaged => false,
    };
    let link = image.filter(|_| believed).map(|i| Link { delta: i.is_delta(), previous: i.block.previous_checksum });
    // A sound checksum may cover the first bytes alone.
    let state = if complete { state } else { State::Incomplete };
    if matches!(state, State::Incomplete | State::Damaged) {
        bytes.clear();
    }
    Piece { dump: 0, file: None, page: PageId(0), checksum, state, link, stray, bytes }
}

/// Put the blocks of each page together.
pub fn chains(pieces: &[Piece], view: &View) -> Vec<PageChain> {
    let mut pages: BTreeMap<(Option<&str>, PageId), Vec<&Piece>> = BTreeMap::new();
    for piece in pieces {
        pages.entry((piece.file.as_deref(), piece.page)).or_default().push(piece);
    }
    let mut budget = MERGED;
    let mut out: Vec<(usize, PageChain)> = Vec::new();
    for ((file, page), pieces) in pages {
        // Of two dumps of one block the better one counts.
        let mut known: BTreeMap<u32, &Piece> = BTreeMap::new();
        for piece in &pieces {
            let rank = |p: &Piece| (p.state as u8, p.stray);
            let best = known.entry(piece.checksum).or_insert(piece);
            if rank(piece) < rank(best) {
                *best = piece;
            }
        }
        let delta = |p: &Piece| p.link.filter(|l| l.delta && l.previous != p.checksum);
        let named: BTreeSet<u32> = known.values().filter_map(|p| delta(p)).map(|l| l.previous).collect();
        let tips = known.iter().filter(|(sum, piece)| !piece.stray && !named.contains(sum));
        out.extend(tips.map(|(tip, _)| follow(file, page, *tip, &known, view, &mut budget)));
    }
    out.sort_by_key(|(first, _)| *first);
    out.into_iter().map(|(_, chain)| chain).collect()
}

/// Follow a chain from its newest block; also the first of its dumps in the log.
fn follow(
    file: Option<&str>,
    page_id: PageId,
    tip: u32,
    known: &BTreeMap<u32, &Piece>,
    view: &View,
    budget: &mut usize,
) -> (usize, PageChain) {
    let mut blocks: Vec<&Piece> = Vec::new();
    let mut next = Some(tip);
    let mut missing = None;
    let mut too_long = false;
    while let Some(sum) = next.take() {
        let Some(piece) = known.get(&sum) else {
            missing = Some(Sum(sum));
            break;
        };
        if blocks.len() > MAX_DELTAS {
            too_long = true;
            break;
        }
        blocks.push(piece);
        next = piece.link.filter(|l| l.delta).map(|l| l.previous);
    }
    blocks.reverse();
    let based = blocks.first().is_some_and(|p| p.link.is_some_and(|l| !l.delta));
    let usable = blocks.iter().all(|p| matches!(p.state, State::Intact | State::PutRight));
    let complete = based && usable && !too_long;
    let bytes: Vec<&[u8]> = blocks.iter().map(|p| p.bytes.as_slice()).collect();
    let cost: usize = bytes.iter().map(|b| b.len()).sum();
    let left = budget.checked_sub(cost).filter(|_| complete && blocks.len() > 1);
    let page = left.map(|left| {
        *budget = left;
        merged::page(&bytes, view)
    });
    let form = |l: Link| if l.delta { "delta" } else { "base" };
    let info =
        |p: &&Piece| ChainBlock { dump: p.dump, checksum: Sum(p.checksum), form: p.link.map(form), state: p.state };
    let chain = PageChain {
        file: file.map(ToString::to_string),
        page_id,
        blocks: blocks.iter().map(info).collect(),
        complete,
        missing_checksum: missing,
        too_long,
        page,
    };
    (blocks.iter().map(|p| p.dump).min().unwrap_or_default(), chain)
}
