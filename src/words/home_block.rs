//! The English of what is wrong with a block of a local file.

use super::text::grouped;
use crate::format::page_header::PageType;
use crate::home::fault::{BadSum, Fact, Fault, Note, Opaque};
use crate::home::lost::{Bounds, KeyText, LostRows};
use crate::page::rules::Rule;
use std::fmt;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected, found {}", self.expected(), self.found())
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encrypted => "encrypted, and the key is needed",
            Self::UnknownCompressor => "compressed by a compressor that wtcheck does not have",
            Self::Huffman => "keys or values are Huffman-coded",
        })
    }
}

fn name(kind: Option<PageType>, otherwise: &'static str) -> &'static str {
    kind.map_or(otherwise, PageType::name)
}

impl Fault {
    /// What should be there.
    pub(super) fn expected(&self) -> String {
        match &self.fact {
            Fact::FileEnds { needed, .. } => format!("a file of at least {needed} bytes"),
            Fact::Unread => "readable bytes".into(),
            Fact::Checksum { expected, .. } => format!("checksum {expected:08x}"),
            Fact::NoBlock { .. } => "a block: the live ranges hold blocks without gaps".into(),
            Fact::Rule { broken, .. } => rule(broken.rule).into(),
            Fact::PageType { wanted, .. } => format!("{} page", name(*wanted, "leaf")),
            Fact::Generation { parent, .. } => format!("a write generation below the parent's, {parent}"),
            Fact::OlderThanChildren { .. } => "a write generation above those of its children".into(),
            Fact::Alien { why: Opaque::Encrypted } => "a plain page, like the page above it".into(),
            Fact::Alien { .. } => "a page that is not compressed: the file has no compressor".into(),
            Fact::Undecodable { item: false, .. } => "a valid page".into(),
            Fact::Undecodable { item: true, .. } => "an overflow item".into(),
            Fact::UnannouncedItem { .. } => "no overflow item, as the address cell says".into(),
            Fact::Levels { .. } => "a tree with few levels".into(),
            Fact::Twice { .. } => "one reference to each block of a tree".into(),
            Fact::CheckpointCookie { .. } => "a checkpoint cookie".into(),
            Fact::AllocatedTwice { .. } => "ranges that were not allocated before".into(),
            Fact::NeverAllocated { .. } => "ranges that were allocated".into(),
            Fact::RootUnlisted => "a root on an alloc list".into(),
            Fact::ListBeyond { bound, .. } => format!("a block within the {bound} bytes of the newest checkpoint"),
            Fact::NoList { .. } => "a block of an extent list".into(),
            Fact::List { .. } => "aligned extents after the list's magic".into(),
            Fact::ListSize { wanted, .. } => format!("mem_size {wanted}"),
            Fact::Recovery { .. } => "recovery data after the list".into(),
            Fact::ListOrder { avail: true, .. } => "two ascending runs of extents".into(),
            Fact::ListOrder { avail: false, .. } => "ascending extents".into(),
            Fact::ExtentBeyond { bound, .. } => format!("extents within the {bound} bytes of the checkpoint"),
            Fact::TreeUnlisted { .. } => "a range on the alloc lists of this checkpoint or an older one".into(),
            Fact::Unreached { .. } => "a tree that reaches every range its alloc lists name".into(),
        }
    }

    /// What is there.
    pub(super) fn found(&self) -> String {
        match &self.fact {
            Fact::FileEnds { len, .. } => format!("{len} bytes"),
            Fact::Unread => "none".into(),
            Fact::Checksum { found, .. } => sum(found),
            Fact::NoBlock { stated } => format!("a header that states {stated} bytes"),
            Fact::Rule { broken, .. } => broken.what.to_string(),
            Fact::PageType { found, .. } => format!("{} page", found.name()),
            Fact::Generation { own, .. } => own.to_string(),
            Fact::OlderThanChildren { children } => format!("{children} children have higher ones"),
            Fact::Alien { why: Opaque::Encrypted } => "an encrypted page".into(),
            Fact::Alien { .. } => "a compressed page".into(),
            Fact::Undecodable { error, .. } | Fact::CheckpointCookie { error, .. } => error.to_string(),
            Fact::List { error } | Fact::Recovery { error } => error.to_string(),
            Fact::UnannouncedItem { at } => format!("an overflow item at {at}"),
            Fact::Levels { most } => format!("more than {most}"),
            Fact::Twice { root: true } => "a page refers to the root".into(),
            Fact::Twice { root: false } => "a second reference".into(),
            Fact::AllocatedTwice { bytes, extent: e } => {
                format!("{bytes} bytes of {}-{} allocated twice", e.offset, e.offset.saturating_add(e.size))
            }
            Fact::NeverAllocated { bytes } => {
                format!("{bytes} bytes discarded that no checkpoint so far allocates")
            }
            Fact::RootUnlisted => "no alloc list up to this checkpoint has it".into(),
            Fact::ListBeyond { start, end, .. } | Fact::ExtentBeyond { start, end, .. } => format!("{start}-{end}"),
            Fact::NoList { type_byte } => format!("page type {type_byte}"),
            Fact::ListSize { found, .. } => found.to_string(),
            Fact::ListOrder { at, previous, .. } => {
                format!("{}+{} after {}+{}", at.offset, at.size, previous.offset, previous.size)
            }
            Fact::TreeUnlisted { start, end } => format!("{start}-{end}: in the tree, on no alloc list"),
            Fact::Unreached { start, end } => format!("{start}-{end}: allocated, and the tree does not reach it"),
        }
    }

    /// Facts that support it, one a line.
    pub(super) fn evidence(&self) -> Vec<String> {
        let mut out = self.own_evidence();
        for note in &self.notes {
            match note {
                Note::BlockOf(which) => out.push(format!("the block of the {} list", which.name())),
                Note::Also(fault) => {
                    let mut lines = fault.evidence().into_iter();
                    let at = lines.next().map_or(String::new(), |at| format!(" ({at})"));
                    out.push(format!("also: {}{at}", fault.found()));
                    out.extend(lines);
                }
                Note::MoreRules(n) => out.push(format!("and {n} more broken rules of this page")),
                Note::InPlaceOf { wanted, found } => {
                    out.push(format!("a {} page in place of a {} page", found.name(), name(*wanted, "leaf")));
                }
                Note::LostRows(rows) => out.push(format!("lost with it: {}", lost_rows(rows))),
                Note::SoundBlocksThere => {
                    out.push("the same range holds sound blocks of this tree: suspect the reference".into());
                }
            }
        }
        out
    }

    fn own_evidence(&self) -> Vec<String> {
        match &self.fact {
            Fact::Checksum { expected: _, found } => self.sum_evidence(found),
            // Byte 0 stands for the page as a whole.
            Fact::Rule { broken, .. } if broken.at == 0 => Vec::new(),
            Fact::Rule { broken, plain: true } => {
                let at = self.offset.saturating_add(broken.at as u64);
                vec![format!("byte {} of the block, file offset {at}", broken.at)]
            }
            Fact::Rule { broken, plain: false } => vec![format!("byte {} of the decompressed page", broken.at)],
            Fact::CheckpointCookie { addr, .. } => vec![format!("addr={}", hex::encode(addr))],
            Fact::TreeUnlisted { .. } => {
                vec!["when the tree frees the range, it will never become available".into()]
            }
            _ => Vec::new(),
        }
    }

    fn sum_evidence(&self, found: &BadSum) -> Vec<String> {
        match found {
            BadSum::Short { .. } => Vec::new(),
            BadSum::Zeros => vec!["the whole block is zero: it was never written, or was lost".into()],
            BadSum::FieldOnly { .. } => {
                vec!["only the checksum field is damaged: the bytes match the expected checksum".into()]
            }
            BadSum::OtherBlock { kind, write_gen, .. } => vec![format!(
                "the block itself is intact ({} page, write generation {write_gen}): this is another block, or the \
                 reference to it is wrong",
                name(*kind, "unknown")
            )],
            BadSum::NeitherHolds { computed, .. } => {
                vec![format!("the block's own checksum does not match either: computed {computed:08x}")]
            }
            BadSum::Content { disk_size, flipped, .. } => {
                let size = disk_size.map(|n| format!("disk_size is {n} in the header, {} in the cookie", self.size));
                let flipped = flipped.map(|(byte, bit)| {
                    let at = self.offset.saturating_add(byte as u64);
                    format!(
                        "a single flipped bit: byte {byte} of the block (file offset {at}), bit {bit}; the audit \
                         corrected it in memory and went on"
                    )
                });
                size.into_iter().chain(flipped).collect()
            }
        }
    }
}

/// `167 documents, record ids from 506 up to 673`.
pub fn lost_rows(lost: &LostRows) -> String {
    let what = if lost.documents { "document" } else { "row" };
    let records = lost.documents && lost.from.as_ref().or(lost.to.as_ref()).is_some_and(|k| k.number.is_some());
    format!("{}, {}", bounds(lost.rows, what), range(lost.from.as_ref(), lost.to.as_ref(), records))
}

/// `at least 3 rows`.
pub fn bounds(rows: Bounds, what: &str) -> String {
    let count = |n: u64| format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" });
    match rows {
        Bounds { least, most: Some(most) } if least == most => count(least),
        Bounds { least: 0, most: Some(most) } => format!("at most {}", count(most)),
        Bounds { least, most: Some(most) } => format!("{} to {}", grouped(least), count(most)),
        Bounds { least: 0, most: None } => format!("an unknown number of {what}s"),
        Bounds { least, most: None } => format!("at least {}", count(least)),
    }
}

/// `keys from "a" up to "b"`.
pub fn range(from: Option<&KeyText>, to: Option<&KeyText>, records: bool) -> String {
    let what = if records { "record id" } else { "key" };
    match (from, to) {
        (Some(from), Some(to)) if from == to => format!("{what} {}", key(from)),
        (Some(from), Some(to)) => format!("{what}s from {} up to {}", key(from), key(to)),
        (Some(from), None) => format!("{what}s from {} onwards", key(from)),
        (None, Some(to)) => format!("{what}s before {}", key(to)),
        (None, None) => format!("all {what}s"),
    }
}

/// A key for people.
pub fn key(key: &KeyText) -> String {
    match (key.number, &key.text) {
        (Some(n), _) => n.to_string(),
        (None, Some(text)) => format!("{text:?}"),
        (None, None) => key.hex.clone(),
    }
}

fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Type | Rule::RecordNumber | Rule::Flags | Rule::Version | Rule::Unused | Rule::Size => "valid headers",
        Rule::Order => "ascending keys",
        Rule::Address => "valid addresses",
        Rule::AddressBeyondEnd => "addresses within the file",
        _ => "a page that follows the rules of its type",
    }
}

fn sum(found: &BadSum) -> String {
    match found {
        BadSum::Short { bytes } => format!("{bytes} bytes, less than a block header"),
        BadSum::Zeros => "zeros".into(),
        BadSum::FieldOnly { stored } | BadSum::OtherBlock { stored, .. } | BadSum::NeitherHolds { stored, .. } => {
            format!("block header checksum of {stored:08x}")
        }
        BadSum::Content { computed, .. } => format!("calculated block checksum of {computed:08x}"),
    }
}
