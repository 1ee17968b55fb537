//! Trees whose pages lie under another id than the metadata gives them: a table that was created again wrote
//! them under the id of the table that was dropped (WT-18509).

use super::fact::Fact;
use super::reach::TreeSums;
use crate::audit::finding::{Code, Finding, Place};
use crate::format::cookie::{Cookie, Layout};
use crate::format::image::Image;
use crate::id::TableId;
use crate::pagelog::catalog::Catalog;
use crate::store::{BlockReader, Index};
use std::collections::{HashMap, HashSet};

/// The trees that were found elsewhere: where they lie, and the id of each in the metadata.
pub type Misplaced = HashMap<TableId, TableId>;

/// Look for roots that are not under their ids, and let their trees be walked where they are. LSNs are unique
/// across the tables of a store, so that a page and an LSN name one block; its checksum must fit all the same.
pub fn relocate(index: &Index, reader: &mut dyn BlockReader, catalog: &mut Catalog) -> Misplaced {
    let mut taken: HashSet<TableId> = catalog.trees.iter().map(|t| t.table).collect();
    let mut out = Misplaced::new();
    for tree in &mut catalog.trees {
        let Some(root) = tree.root.filter(|r| r.layout == Layout::V0) else { continue };
        if index.find(tree.table, root.page_id, root.lsn).is_some() {
            continue;
        }
        let elsewhere = index.tables().into_iter().find(|t| !taken.contains(t) && holds(index, reader, *t, &root));
        if let Some(table) = elsewhere {
            taken.insert(table);
            out.insert(table, tree.table);
            tree.table = table;
        }
    }
    out
}

/// Whether a table has the block that a cookie means.
fn holds(index: &Index, reader: &mut dyn BlockReader, table: TableId, root: &Cookie) -> bool {
    let row = index.find(table, root.page_id, root.lsn).and_then(|at| index.get(at));
    let Some(row) = row.filter(|r| !r.is_discard()) else { return false };
    let mut bytes = Vec::new();
    reader.read(&row, &mut bytes).is_ok()
        && Image::parse(&bytes, None).is_ok_and(|image| image.block.checksum == root.checksum)
}

/// The findings: for a reader the root is missing.
pub fn findings(misplaced: &Misplaced, catalog: &Catalog, sums: &[TreeSums]) -> Vec<Finding> {
    let mut out = Vec::new();
    for (tree, sums) in catalog.trees.iter().zip(sums) {
        let (Some(own), Some(root)) = (misplaced.get(&tree.table), tree.root) else { continue };
        let place = Place {
            uri: Some(tree.uri.clone()),
            table_id: Some(*own),
            page_id: Some(root.page_id),
            lsn: Some(root.lsn),
            ..Place::default()
        };
        let (found, pages, bytes) = (tree.table, sums.pages.reachable, sums.cookie_bytes);
        let fact = Fact::UnderOtherId { found, pages, bytes, whole: sums.complete };
        let mut finding = Finding::of(Code::PageMissing, place, fact.into());
        finding.tickets.push("WT-18509");
        out.push(finding);
    }
    out
}
