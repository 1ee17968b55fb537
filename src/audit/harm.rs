//! What a finding does harm to: whether data that someone would read are in danger at all.

use super::finding::{Code, Finding, Severity};
use super::home::detail::{Fact as HomeFact, Note};
use super::home::result::FileInfo;
use super::result::Audit;
use crate::home::fault::{BadSum, Fact as BlockFact};
use crate::home::files::{HISTORY_STORE, METADATA};

/// What is harmed, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Nothing.
    Nothing,
    /// Sizes, counts, space that nobody uses.
    Numbers,
    /// Two statements about the same thing differ, and either may be right.
    Doubt,
    /// What a standby needs to take a checkpoint over.
    PickUp,
    /// What an engine looks at before it opens a file: the content reads in full.
    Opening,
    /// How a file books its space: its content reads in full.
    Space,
    /// An index, which is built again from the documents.
    Index,
    /// What only older checkpoints need, and older versions of rows.
    Past,
    /// Commits after the newest checkpoint, which only the journal has.
    Commits,
    /// What leads to the data: metadata, the turtle, checkpoint records.
    Way,
    /// Pages of the newest checkpoint.
    Content,
}

/// What findings of a code harm, where nothing else is known of them.
fn of_code(code: Code) -> Harm {
    match code {
        Code::SizeInflated
        | Code::SizeDeflated
        | Code::SizeIsRootPageId
        | Code::SizeDoubleRoot
        | Code::DatabaseSizeInflated
        | Code::DatabaseSizeDeflated
        | Code::OrphanPage
        | Code::OrphanImage
        | Code::ObsoleteChainUncounted
        | Code::CheckpointSizeMismatch
        | Code::ExtentLost
        | Code::CountMismatch => Harm::Numbers,
        Code::KeyPageMissing | Code::KeyPageInvalid | Code::StaleKeystore => Harm::PickUp,
        Code::TurtleChecksum
        | Code::TurtleInvalid
        | Code::CompletionInvalid
        | Code::CompletionMissing
        | Code::MetadataInvalid
        | Code::DuplicateTreeId
        | Code::MissingStableFile
        | Code::MetadataReplaced
        | Code::ConfigurationInvalid
        | Code::CatalogMismatch
        | Code::DescriptorInvalid
        | Code::StoreDamaged => Harm::Way,
        Code::RecoveryMismatch | Code::LsnCounterBehind => Harm::Doubt,
        Code::LogDamaged => Harm::Commits,
        Code::PageMissing
        | Code::PageChecksum
        | Code::PageHeader
        | Code::PageUndecodable
        | Code::ChainBroken
        | Code::ChainTooLong
        | Code::CookieSizeMismatch
        | Code::CookieInvalid
        | Code::CookieUnsupported
        | Code::ChildNewerThanParent
        | Code::PageCycle
        | Code::PageReferencedTwice
        | Code::PageIdOutOfRange
        | Code::KeyOutOfOrder
        | Code::DiscardedInUse
        | Code::BlockChecksum
        | Code::BlockHeader
        | Code::ExtentOverlap
        | Code::ExtentBeyondEof
        | Code::FileSizeMismatch
        | Code::FileMissing => Harm::Content,
        Code::DuplicateDelta
        | Code::PageIdReused
        | Code::CheckpointOrder
        | Code::KeyNotRotated
        | Code::UnlistedTable
        | Code::FileUnlisted
        | Code::HistoryUnowned
        | Code::RecoveryNeeded
        | Code::Encrypted
        | Code::UnsupportedCompressor => Harm::Nothing,
    }
}

/// What a finding harms. A block that only older checkpoints need harms the past.
pub fn of(finding: &Finding, audit: &Audit) -> Harm {
    if finding.severity == Severity::Note {
        return Harm::Nothing;
    }
    let harm = of_code(finding.code);
    match (&finding.detail, harm) {
        (super::finding::Detail::Home(detail), Harm::Content) => {
            let files = audit.local.iter().flat_map(|l| &l.files);
            let file = files.into_iter().find(|f| Some(f.file.as_str()) == finding.place.file.as_deref());
            let newest = file.and_then(|f| f.checkpoints.last()).map(|c| c.name.as_str());
            let needed = detail.notes.iter().all(|n| match n {
                Note::NeededBy(names) => names.iter().any(|name| Some(name.as_str()) == newest),
                _ => true,
            });
            let lists = matches!(
                finding.code,
                Code::ExtentOverlap
                    | Code::ExtentBeyondEof
                    | Code::FileSizeMismatch
                    | Code::BlockChecksum
                    | Code::BlockHeader
            );
            let whole = file.and_then(|f| f.checkpoints.last()).is_some_and(|c| c.complete);
            let name = finding.place.file.as_deref().unwrap_or_default();
            match () {
                () if !needed => Harm::Past,
                () if !name.ends_with(".wt") || name == METADATA => Harm::Way,
                () if name == HISTORY_STORE => Harm::Past,
                // Counts, which a validation makes again.
                () if name == "sizeStorer.wt" => Harm::Numbers,
                () if file.is_some_and(|f| f.index.is_some()) || name.starts_with("index-") => Harm::Index,
                () if lists && whole => Harm::Space,
                () => Harm::Content,
            }
        }
        (super::finding::Detail::Home(_), Harm::Way) if finding.code == Code::DescriptorInvalid => {
            let own = |f: &&FileInfo| Some(f.file.as_str()) == finding.place.file.as_deref();
            let file = audit.local.iter().flat_map(|l| &l.files).find(own);
            // What else of the file cannot be read has findings of its own.
            match file {
                Some(_) => Harm::Opening,
                None => Harm::Way,
            }
        }
        _ => harm,
    }
}

/// Whether all that is wrong is one bit of a block, which its checksum tells.
pub fn is_flipped_bit(finding: &Finding) -> bool {
    let super::finding::Detail::Home(detail) = &finding.detail else { return false };
    let HomeFact::Fault(fault) = &detail.fact else { return false };
    matches!(fault.fact, BlockFact::Checksum { found: BadSum::Content { flipped: Some(_), .. }, .. })
}

/// Whether all that is wrong is the checksum that a block's header has.
pub fn is_checksum_field(finding: &Finding) -> bool {
    let super::finding::Detail::Home(detail) = &finding.detail else { return false };
    let HomeFact::Fault(fault) = &detail.fact else { return false };
    matches!(fault.fact, BlockFact::Checksum { found: BadSum::FieldOnly { .. }, .. })
}
