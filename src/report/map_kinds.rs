//! What can lie on an axis: the kinds, how they look and what they mean.

use super::text::size;
use crate::id::Lsn;
#[cfg(feature = "devtools")]
use crate::schema::by_hand::one_of;
use serde::{Serialize, Serializer};

/// What the numbers of a picture count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Bytes of a file.
    Offset,
    /// Page ids of a tree.
    PageId,
    /// LSNs: from old to new.
    Lsn,
}

impl Axis {
    /// What one unit is called.
    #[must_use]
    pub fn noun(self, n: u64) -> &'static str {
        match (self, n) {
            (Self::Offset, 1) => "block",
            (Self::Offset, _) => "blocks",
            (Self::PageId, 1) => "page id",
            (Self::PageId, _) => "page ids",
            (Self::Lsn, 1) => "LSN",
            (Self::Lsn, _) => "LSNs",
        }
    }

    /// A range in words: exact start and end, and how much that is.
    #[must_use]
    pub fn range(self, start: u64, len: u64) -> String {
        let last = start.saturating_add(len.saturating_sub(1));
        match (self, len) {
            (Self::Offset, _) => format!("offset {start}, {}", size(len)),
            (Self::PageId, 0 | 1) => format!("page {start}"),
            (Self::PageId, _) => format!("pages {start} to {last}"),
            (Self::Lsn, 0 | 1) => format!("LSN {}", Lsn(start).dated()),
            (Self::Lsn, _) => format!("LSN {} to {}", Lsn(start).dated(), Lsn(last).dated()),
        }
    }
}

/// A kind of run: how it looks, and what it means.
#[derive(Debug)]
pub struct Kind {
    /// The stable word; of page versions, the class of the audit.
    pub name: &'static str,
    /// Its character.
    pub glyph: char,
    /// Its character where the locale has no UTF-8.
    pub ascii: char,
    /// Its colour on a terminal: parameters of an SGR sequence.
    pub sgr: &'static str,
    /// Its colour on white.
    pub light: &'static str,
    /// Its colour on black.
    pub dark: &'static str,
    /// Shown wherever it occurs, however little of it there is.
    pub important: bool,
    /// What it means, in a few words.
    pub meaning: &'static str,
}

macro_rules! kinds {
    ($($variant:ident $name:literal $glyph:literal $ascii:literal $sgr:literal $light:literal $dark:literal
       $important:literal, $meaning:literal;)+) => {
        /// The kinds. Of several in one place the earlier one stands for it, where nothing else decides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum KindId { $(#[doc = $meaning] $variant,)+ }

        impl KindId {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }

        /// The catalogue, in the order of [`KindId`].
        pub static KINDS: &[Kind] = &[$(Kind {
            name: $name,
            glyph: $glyph,
            ascii: $ascii,
            sgr: $sgr,
            light: $light,
            dark: $dark,
            important: $important,
            meaning: $meaning,
        },)+];
    };
}

// Colours after Okabe and Ito, who chose them so that everybody can tell them apart.
kinds! {
    Damaged "damaged" '✖' 'X' "1;37;41" "#b00020" "#ff5a6e" true, "cannot be read, or fails its checks";
    DoubleBooked "double-booked" '‡' '2' "1;35" "#a0327d" "#e58ac6" true, "claimed more than once";
    Lost "lost" '?' '?' "1;31" "#d55e00" "#ff8c42" true, "claimed by nothing: leaked";
    Missing "missing" '∅' 'M' "1;31" "#7a3b00" "#ffb380" true, "referenced, but not there";
    Orphan "orphan" '●' '@' "1;31" "#d55e00" "#ff8c42" true, "reached by no checkpoint, covered by no discard: leaked";
    Live "live" '█' '#' "32" "#009e73" "#1fc79a" false, "reached from the checkpoint";
    Kept "kept-for-older-checkpoint" '▄' '+' "36" "#56b4e9" "#3d94c7" false, "only older checkpoints need it";
    After "after-newest-checkpoint" '▸' '>' "34" "#0072b2" "#5aa9e0" false, "written after the checkpoint";
    KeyNotEmbedded "key-page-not-embedded" 'κ' 'K' "33" "#b8860b" "#e0b040" false, "key page newer than the checkpoint's";
    DuplicateDelta "duplicate-delta" 'Δ' '=' "33" "#e69f00" "#f0b838" false, "legal remains of a failed delta";
    Undetermined "undetermined" '¿' 'u' "33" "#cc79a7" "#d993ba" false, "could not be judged";
    Superseded "superseded" '▂' '~' "90" "#8c8c8c" "#8c8c8c" false, "a later full image stands for it";
    Discarded "discarded" '○' 'o' "90" "#b8b8b8" "#666666" false, "freed by a discard record";
    DiscardRecord "discard-record" '¬' 'd' "90" "#d0d0d0" "#505050" false, "says that a page was freed";
    Unjudged "not-judged" '∙' '-' "90" "#c4b7a6" "#6e6456" false, "no checkpoint to judge it by";
    Description "description" '◆' 'D' "35" "#5b2a86" "#b58ae0" false, "the file's description block";
    Internal "internal" '▓' 'I' "34" "#0072b2" "#5aa9e0" false, "internal pages";
    ExtentList "extent-list" '≡' 'E' "33" "#e69f00" "#f0b838" false, "lists of extents";
    Overflow "overflow" '▒' 'V' "36" "#56b4e9" "#3d94c7" false, "overflow items";
    Leaf "leaf" '■' 'L' "32" "#009e73" "#1fc79a" false, "leaf pages";
    Beyond "beyond-checkpoint" '»' 'B' "90" "#8c8c8c" "#8c8c8c" false, "behind the end the checkpoint knows";
    Available "available" '░' '_' "90" "#d9d9d9" "#4a4a4a" false, "free for new blocks";
    Absent "absent" '·' '.' "2" "#f2f2f2" "#242424" false, "nothing is here";
}

impl KindId {
    /// The characters of an important kind that is less than half of what a character stands for: any, ASCII.
    #[must_use]
    pub fn few(self) -> Option<(char, char)> {
        match self {
            Self::Damaged => Some(('×', 'x')),
            Self::DoubleBooked => Some(('†', '1')),
            Self::Lost => Some(('!', '!')),
            Self::Missing => Some(('⌀', 'm')),
            Self::Orphan => Some(('•', 'a')),
            _ => None,
        }
    }

    /// Looks and meaning.
    #[must_use]
    pub fn kind(self) -> &'static Kind {
        &KINDS[self as usize]
    }
}

impl Serialize for KindId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.kind().name)
    }
}

/// A stretch of the axis of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Run {
    /// Where it starts.
    pub start: u64,
    /// How long it is.
    pub len: u64,
    /// What it is.
    pub kind: KindId,
}

#[cfg(feature = "devtools")]
one_of! {
    KindId, "MapKind" => KINDS.iter().map(|k| k.name).collect::<Vec<_>>();
}
