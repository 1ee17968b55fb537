//! The English of faults of pages in a page log.

use super::Words;
use super::text::{list, said};
use crate::format::pagelog_ids::{FIRST_PAGE_ID, MAX_DELTAS};
use crate::id::Lsn;
use crate::page::rules::{Broken, Harm};
use crate::pagelog::fault::{Block, Fact, Fault, FaultKind, Lsns, Note, Wanted};
use std::fmt;

/// For messages of one line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&found(self))
    }
}

/// What a fault says; `pages`: how many pages of the tree it stands for.
pub fn of(fault: &Fault, pages: Option<u64>) -> Words {
    let (expected, found) = (expected(fault), found(fault));
    let mut evidence = own_evidence(fault);
    evidence.extend(fault.notes.iter().map(|note| match note {
        Note::ChecksumHolds => "the checksum is valid".into(),
        Note::InAddressCell => "in an address cell of this page".into(),
        Note::BelowDeleted => "its address is that of a truncated page, or is below one".into(),
        Note::Also { broken, block } => {
            let at = offset(broken, *block).map_or(String::new(), |at| format!(" ({at})"));
            format!("also: {}{at}", broken.what)
        }
        Note::MoreRules(n) => format!("and {n} more broken rules of this page"),
    }));
    evidence.extend(pages.map(|n| format!("{n} pages of this tree")));
    let cause = if fault.is_below_deleted() {
        "a truncated page was discarded before its checkpoint was complete, as builds from before June 2026 did \
        (WT-17430)"
    } else {
        ""
    };
    Words { evidence, cause: cause.into(), ..said(expected, found) }
}

fn expected(fault: &Fault) -> String {
    match &fault.fact {
        Fact::NoRow { .. } => format!("a row at LSN {}", fault.lsn.dated()),
        Fact::NoTurtlePage => format!("the turtle page at LSN {}", fault.lsn.dated()),
        Fact::DiscardInChain { .. } => "no discard record in the chain".into(),
        Fact::Discarded { .. } => "no discard record".into(),
        Fact::NoBase { base: Lsn::NONE, .. } => "a full image at the start of the chain".into(),
        Fact::NoBase { base, .. } => format!("a full image at LSN {}", base.dated()),
        Fact::DeltaFlag { delta: true, .. } => "deltas (the cookie's delta flag is 1)".into(),
        Fact::DeltaFlag { delta: false, .. } => "a full image (the cookie's delta flag is 0)".into(),
        Fact::CookieBase { expected, .. } => format!("base image at LSN {}", expected.dated()),
        Fact::DeltaBase { delta, expected, .. } => {
            format!("delta at LSN {} on base LSN {}", delta.dated(), expected.dated())
        }
        Fact::DeltaBacklink { delta, expected, .. } => {
            format!("delta at LSN {} following LSN {}", delta.dated(), expected.dated())
        }
        Fact::ImageBase { image, .. } => format!("full image at LSN {} with base LSN 0", image.dated()),
        Fact::ImageBacklink { image, .. } => format!("full image at LSN {} following an older one", image.dated()),
        Fact::Deltas { .. } => format!("at most {MAX_DELTAS} deltas"),
        Fact::Size { cookie, .. } => format!("{cookie} bytes (the cookie's size)"),
        Fact::HeaderSum { expected, .. } | Fact::ComputedSum { expected, .. } => format!("checksum {expected:08x}"),
        Fact::ModifiedSum { expected, .. } => format!("a modified image of the block with checksum {expected:08x}"),
        Fact::Format { .. } => match fault.kind {
            FaultKind::Encrypted | FaultKind::UnknownCompressor => "readable content",
            FaultKind::CookieInvalid | FaultKind::CookieUnsupported => "a valid address cookie",
            _ => "a valid page",
        }
        .into(),
        Fact::NotDelivered { .. } => "the stored bytes".into(),
        Fact::NotBelowParent { lsn, .. } => format!("an LSN below its parent's, {}", lsn.dated()),
        Fact::NotBelowTurtle { metadata } => format!("a root below the metadata LSN {}", metadata.dated()),
        Fact::Levels { most } => format!("at most {most} levels"),
        Fact::Upward { .. } => "children below the page".into(),
        Fact::References { .. } => "one reference".into(),
        Fact::PageId { next: None } => format!("a page id of at least {FIRST_PAGE_ID}"),
        Fact::PageId { next: Some(n) } => format!("a page id from {FIRST_PAGE_ID} to below next_page_id {n}"),
        Fact::BelowSeparator => "keys at or above the page's separator".into(),
        Fact::NotBelowNext => "keys below the next separator".into(),
        Fact::PageType { wanted: Wanted::Internal, .. } => "an internal page, as its address says".into(),
        Fact::PageType { wanted: Wanted::Leaf, .. } => "a leaf page, as its address says".into(),
        Fact::PageType { wanted: Wanted::Overflow, .. } => "an overflow page".into(),
        Fact::Rule { broken, .. } => match broken.rule.harm() {
            Harm::Header => "valid headers",
            Harm::Lost | Harm::Content => "a page that follows the rules of its type",
            Harm::Address => "valid addresses",
            Harm::Order => "ascending keys",
        }
        .into(),
        Fact::MetadataOverflow => "plain keys and values".into(),
        Fact::NoPage => "a page".into(),
    }
}

fn found(fault: &Fault) -> String {
    match &fault.fact {
        Fact::NoRow { rows } if rows.first.is_empty() => "no row of this page".into(),
        Fact::NoRow { rows } => format!("rows at LSN {}", some(rows)),
        Fact::NoTurtlePage => "no row".into(),
        Fact::DiscardInChain { discard } | Fact::Discarded { discard, .. } => {
            format!("a discard record at LSN {}", discard.dated())
        }
        Fact::NoBase { deltas, .. } => format!("only deltas, at LSN {}", some(deltas)),
        Fact::DeltaFlag { blocks, .. } => format!("a chain of {blocks} blocks"),
        Fact::CookieBase { found, .. } => format!("base image at LSN {}", found.dated()),
        Fact::DeltaBase { found, .. } | Fact::ImageBase { found, .. } => format!("base LSN {}", found.dated()),
        Fact::DeltaBacklink { found, .. } | Fact::ImageBacklink { found, .. } => {
            format!("backlink LSN {}", found.dated())
        }
        Fact::Deltas { found } => format!("{found} deltas"),
        Fact::Size { chain, newest, .. } => format!("{chain} bytes in the chain, {newest} in its newest block"),
        Fact::HeaderSum { stored, .. } => format!("header checksum of {stored:08x}"),
        Fact::ModifiedSum { replaced, .. } => format!("one for the block with checksum {replaced:08x}"),
        Fact::ComputedSum { computed, .. } => format!("calculated checksum of {computed:08x}"),
        Fact::Format { error } => error.to_string(),
        Fact::NotDelivered { error } => error.clone(),
        Fact::NotBelowParent { .. } | Fact::NotBelowTurtle { .. } => format!("LSN {}", fault.lsn.dated()),
        Fact::Levels { .. } => "a deeper tree".into(),
        Fact::Upward { cookie } => {
            format!("a reference to page {} at LSN {}, which is above it", cookie.page_id, cookie.lsn.dated())
        }
        Fact::References { parents } => format!("{} references", parents.len().max(2)),
        Fact::PageId { .. } => format!("page id {}", fault.page),
        Fact::BelowSeparator => "a first key below it".into(),
        Fact::NotBelowNext => "a last key not below it".into(),
        Fact::PageType { found, .. } => format!("a {} page", found.name()),
        Fact::Rule { broken, .. } => broken.what.to_string(),
        Fact::MetadataOverflow => "an overflow item".into(),
        Fact::NoPage => "none".into(),
    }
}

fn own_evidence(fault: &Fault) -> Vec<String> {
    match &fault.fact {
        Fact::Discarded { root, metadata, .. } => {
            let mut out = vec![format!("the tree's root is at LSN {}", root.dated())];
            if fault.kind == FaultKind::DiscardedSoon {
                out.push(format!("the checkpoint's turtle page is at LSN {}", metadata.dated()));
                out.push(
                    "two possibilities: the next checkpoint's work, done after this tree's root was written; or the \
                     page was discarded too early"
                        .into(),
                );
            }
            out
        }
        Fact::HeaderSum { expected, stored, computed } => vec![if computed == expected {
            "only the checksum field is damaged: the bytes match the expected checksum".into()
        } else if computed == stored {
            "the block itself is intact: it is another version, or the reference to it is wrong".into()
        } else {
            format!("the block's own checksum does not match either: computed {computed:08x}")
        }],
        Fact::ComputedSum { kind, flipped, .. } => {
            let kind = kind.iter().map(|e| e.message.clone());
            let flipped = flipped.iter().map(|(offset, bit)| {
                format!("a single flipped bit: byte {offset}, bit {bit}; the audit corrected it in memory and went on")
            });
            kind.chain(flipped).collect()
        }
        Fact::NotBelowParent { parent, .. } => vec![format!("the parent is page {parent}")],
        Fact::Upward { cookie } => vec![format!("the reference is {cookie}")],
        Fact::References { parents } if !parents.is_empty() => vec![format!("parent pages: {}", list(parents))],
        Fact::Rule { broken, block } => offset(broken, *block).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Where in the page. Byte 0 stands for the page as a whole.
fn offset(broken: &Broken, block: Block) -> Option<String> {
    let whole = if block.plain { "" } else { " decompressed" };
    let of = match (block.number, block.deltas) {
        (0, 0) => format!("the{whole} page"),
        (0, _) => format!("the{whole} base image"),
        (n, of) => format!("the{whole} delta {n} of {of}"),
    };
    (broken.at != 0).then(|| format!("byte {} of {of}", broken.at))
}

/// Some LSNs, and how many more there are.
fn some(lsns: &Lsns) -> String {
    let more = if lsns.more > 0 { format!(" and {} more", lsns.more) } else { String::new() };
    format!("{}{more}", list(&lsns.first))
}
