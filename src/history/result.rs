//! What a history comes to, as programs read it (schema 1).

use crate::audit::result::{OrphanInfo, Verdict};
use crate::coverage::Coverage;
use crate::id::{Lsn, LsnTime, TableId};
use crate::pagelog::catalog::Refusal;
use crate::pickup::code::Code;
use crate::pickup::replay::Ended;
use crate::pickup::step::Step;
use serde::Serialize;

/// The checkpoints of a page log, oldest first, and what became wrong between them.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct History {
    /// What differs from the checkpoint before, oldest first: the answer to when a leak began.
    pub changes: Vec<Change>,
    /// Every completion record, oldest first.
    pub records: Vec<Record>,
    /// The trees, each with the checkpoints at which one of its figures changed.
    pub trees: Vec<TreeHistory>,
    /// Every orphan of the newest checkpoint that can be used, with the record it appeared with.
    pub orphans: Vec<OrphanAt>,
    /// What became of everything under the subject.
    pub coverage: Coverage,
    /// `findings`: a difference or an orphan at some checkpoint.
    pub verdict: Verdict,
}

/// A difference that appears, changes or goes.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Change {
    /// The tree; null: the total of the database.
    pub uri: Option<String>,
    /// Its table.
    pub table_id: Option<TableId>,
    /// Number of the record, from 1.
    pub record: u64,
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
    /// Published minus recomputed at the checkpoint before; 0 where there is none.
    pub from: i64,
    /// The same at this checkpoint.
    pub to: i64,
    /// The blocks were put after this LSN: that of the last checkpoint at which the difference was another, or of the
    /// tree's root there if one of the blocks lies between the two. Null: no older checkpoint is known, it may have
    /// begun before.
    pub after: Option<Lsn>,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_time: Option<LsnTime>,
    /// They were put up to this LSN.
    pub upto: Lsn,
    /// Orphans of the tree that were put in this window: positions in `orphans`.
    pub orphans: Vec<usize>,
}

/// An orphan and the record it appeared with.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct OrphanAt {
    #[serde(flatten)]
    pub orphan: OrphanInfo,
    /// LSN of the first completion record at or above its own LSN.
    pub record_lsn: Option<Lsn>,
}

/// A completion record.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Record {
    /// From 1, the oldest.
    pub number: u64,
    /// Its LSN.
    pub lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
    /// LSN of the turtle page.
    pub metadata_lsn: Option<Lsn>,
    /// Checkpoint timestamp, hex.
    pub timestamp: Option<String>,
    /// LSN of the key page it embeds.
    pub keystore_lsn: Option<Lsn>,
    /// Why its trees could not be read: nothing is known of its sizes.
    pub not_checked: Option<Refusal>,
    /// `database_size` of the record.
    pub published_size: Option<u64>,
    /// Sum of the recomputed sizes of all trees, and the buffer; null where not all of them could be added up.
    pub recomputed_size: Option<u64>,
    /// The one minus the other.
    pub difference: Option<i64>,
    /// `database_size` minus the published sizes of all trees and the buffer: what the total alone is off by.
    pub difference_of_total: Option<i64>,
    /// Trees.
    pub trees: u64,
    /// Trees, or parts of the shared metadata, that could not be read in full.
    pub trees_not_checked: u64,
    /// Orphans that appeared with it.
    pub orphans: Total,
    /// Page versions put since the record before.
    pub written: Written,
    /// The same by table.
    pub written_by_table: Vec<TableWritten>,
    /// What a standby does with it that has taken what it could of the records before.
    pub pickup: Option<PickUp>,
}

/// A number of rows, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Total {
    pub count: u64,
    pub bytes: u64,
}

/// Page versions that were put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Written {
    /// Full images and deltas.
    pub versions: u64,
    /// Deltas.
    pub deltas: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Discard records.
    pub discard_records: u64,
}

/// Page versions of one table.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TableWritten {
    /// The table.
    pub table_id: TableId,
    /// The tree, if a checkpoint names the table.
    pub uri: Option<String>,
    #[serde(flatten)]
    pub written: Written,
}

/// The pick-up of a record by a standby that follows the log.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PickUp {
    /// How it ends.
    pub outcome: Ended,
    /// It embeds an older key than the standby has committed.
    pub stale_keystore: bool,
    /// The key that the standby has committed.
    pub committed_keystore_lsn: Option<Lsn>,
    /// The step that fails.
    pub step: Option<Step>,
    /// Its code.
    pub code: Option<Code>,
    /// Why.
    pub reason: Option<String>,
}

/// A tree over the checkpoints.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TreeHistory {
    /// `file:` URI.
    pub uri: String,
    /// Table.
    pub table_id: TableId,
    /// The checkpoints at which one of its figures is another than at the one before, oldest first.
    pub checkpoints: Vec<TreeAt>,
}

/// What is known of a tree at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TreeState {
    /// All of it was added up.
    Checked,
    /// A part could not be read: what was added up is a lower bound.
    InPart,
    /// Nothing of it is known.
    NotChecked,
    /// The checkpoint does not have it.
    Gone,
}

/// A tree at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TreeAt {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// What is known of it.
    pub state: TreeState,
    /// LSN of its root.
    pub root_lsn: Option<Lsn>,
    /// `size=`.
    pub published_size: Option<u64>,
    /// Sum of cookie sizes, root included.
    pub recomputed_size: u64,
    /// Published minus recomputed; null where no size was kept.
    pub difference: Option<i64>,
    /// No build's way of counting comes to the published size.
    pub wrong: bool,
    /// Reachable pages.
    pub pages: u64,
}

impl TreeAt {
    /// The same but for the record.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        Self { lsn: other.lsn, ..*self } == *other
    }

    /// What its published size is wrong by, where that is known.
    pub fn off(&self) -> Option<i64> {
        let known = matches!(self.state, TreeState::Checked | TreeState::InPart);
        match (known, self.wrong) {
            (true, true) => self.difference,
            // Of a part it is not known.
            (true, false) if self.state == TreeState::Checked => self.difference.map(|_| 0),
            _ => None,
        }
    }
}

impl History {
    /// A tree at a record: its entry there, or the one that holds on from a record before.
    pub fn at(&self, tree: &TreeHistory, lsn: Lsn) -> Option<TreeAt> {
        let at = tree.checkpoints.iter().take_while(|c| c.lsn <= lsn).last()?;
        let known = self.records.iter().any(|r| r.lsn == lsn && r.not_checked.is_none());
        (known && at.state != TreeState::Gone).then_some(*at)
    }
}
