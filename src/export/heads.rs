//! What joins the pages of a store: completion records, the trees of each checkpoint, and keys. These
//! tables are small, and one shard of a set has them.

use super::table::{Completion, KeyPage, Root, Text};
use crate::audit;
use crate::audit::pagelog::{Choice, Opened, keystore};
use crate::format::completion;
use crate::format::generation::{self, Generation};
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::{self, Catalog, Checkpoint, Tree};
use crate::pagelog::page::Compression;
use crate::pagelog::walk;
use crate::store::{BlockReader, CompletionRow};
use std::collections::{HashMap, HashSet};

/// All that is not pages.
pub struct Heads {
    /// The generation the store was read under.
    pub generation: Generation,
    /// Tables `roots`, `keystore` and `completions`.
    pub roots: Vec<Root>,
    /// See `roots`.
    pub keystore: Vec<KeyPage>,
    /// See `roots`.
    pub completions: Vec<Completion>,
    /// How the images of each table are compressed: as the newest checkpoint that names it has it.
    pub compression: HashMap<TableId, Compression>,
    /// Every tree of every checkpoint: table and URI.
    pub tables: HashSet<(TableId, String)>,
}

/// Read them.
pub fn read(opened: &Opened<'_>, reader: &mut dyn BlockReader, choice: &Choice, assume: Option<Generation>) -> Heads {
    let mut all: Vec<&Checkpoint> = choice.others.iter().chain(&choice.audited).collect();
    all.sort_by_key(|c| c.lsn.get());
    let keys = keystore::examine(opened, reader, &all);
    let evidence = audit::pagelog::evidence(opened, choice.audited.as_ref(), keys.saw_v2);
    let generation = assume.unwrap_or_else(|| generation::detect(&evidence).0);
    let mut heads = Heads {
        generation,
        roots: Vec::new(),
        keystore: Vec::new(),
        completions: Vec::new(),
        compression: HashMap::new(),
        tables: HashSet::new(),
    };
    let name = || Text::Borrowed(generation.name());
    heads.keystore.extend(keys.info.pages.into_iter().map(|page| KeyPage {
        generation: name(),
        page_id: page.page_id.get(),
        lsn: page.lsn.get(),
        version: page.version.map(u64::from),
        bytes: page.bytes,
        payload_bytes: page.payload_bytes,
        timestamp: page.timestamp.map(Text::Owned),
        checksum: page.checksum.map(Text::Owned),
        valid: page.valid,
    }));
    let mut catalogs: HashMap<Lsn, (&Checkpoint, Catalog)> = HashMap::new();
    for checkpoint in &all {
        catalogs.insert(checkpoint.lsn, (checkpoint, catalog::read(&opened.index, reader, checkpoint)));
    }
    for row in &opened.completions {
        let known = catalogs.get(&row.lsn);
        let audited = choice.audited.as_ref().is_some_and(|c| c.lsn == row.lsn);
        heads.completions.push(completion_row(opened, row, known, audited, generation));
        let Some((checkpoint, catalog)) = known else { continue };
        let mut seen = HashSet::new();
        for (position, tree) in (0..).zip(&catalog.trees) {
            let walked = seen.insert(tree.table);
            if walked {
                heads.compression.insert(tree.table, tree.compression);
            }
            heads.tables.insert((tree.table, tree.uri.clone()));
            let unreadable = catalog.root_is_unreadable(tree);
            heads.roots.push(root(opened, checkpoint, position, tree, walked, unreadable, generation));
        }
    }
    // Rows may be needed by a checkpoint that is in no dump, or be of pages whose other versions are in none.
    let before = choice.audited.as_ref().map_or(Lsn::NONE, |audited| opened.unknown_before(audited, &choice.others));
    let lone = opened.lone_tables();
    heads.roots.iter_mut().for_each(|root| {
        root.partial |= before != Lsn::NONE || lone.contains(&TableId(root.table_id));
    });
    // Records ascend by LSN, so the newest one's word stays; what the audit stands on has the last one.
    if let Some((_, catalog)) = choice.audited.as_ref().and_then(|c| catalogs.get(&c.lsn)) {
        let mut seen = HashSet::new();
        for tree in catalog.trees.iter().filter(|t| seen.insert(t.table)) {
            heads.compression.insert(tree.table, tree.compression);
        }
    }
    heads
}

fn completion_row(
    opened: &Opened<'_>,
    row: &CompletionRow,
    known: Option<&(&Checkpoint, Catalog)>,
    audited: bool,
    generation: Generation,
) -> Completion {
    let parsed = completion::parse(&row.text).ok();
    let checkpoint = known.map(|(c, _)| *c);
    let hex = |n: u64| Text::Owned(format!("{n:x}"));
    let key = checkpoint.and_then(|c| c.turtle.key_provider.as_ref());
    Completion {
        generation: Text::Borrowed(generation.name()),
        lsn: row.lsn.get(),
        row_timestamp: hex(row.timestamp),
        usable: known.is_some(),
        audited,
        metadata_lsn: parsed.as_ref().map(|c| c.metadata_lsn.get()),
        turtle_table_id: checkpoint.and_then(|c| opened.index.get(c.turtle_at)).map(|r| r.table.get()),
        version: parsed.as_ref().map(|c| c.version.into()),
        compatible_version: parsed.as_ref().map(|c| c.compatible_version.into()),
        database_size: parsed.as_ref().and_then(|c| c.database_size),
        checkpoint: checkpoint.and_then(audit::pagelog::checkpoint_name).map(|n| Text::Owned(n.to_string())),
        timestamp: checkpoint.map(|c| hex(c.turtle.timestamp)),
        keystore_page_id: key.map(|k| k.page_id.get()),
        keystore_lsn: key.map(|k| k.lsn.get()),
        metadata_complete: known.is_some_and(|(_, catalog)| catalog.complete),
        metadata_readable: known.is_some_and(|(_, catalog)| !catalog.has_unreadable_rows()),
        keeps_sizes: generation.keeps_sizes(),
        discards_pages: generation.discards_pages(),
    }
}

fn root(
    opened: &Opened<'_>,
    checkpoint: &Checkpoint,
    position: u64,
    tree: &Tree,
    walked: bool,
    unreadable: bool,
    generation: Generation,
) -> Root {
    let entry = tree.entry.as_ref();
    Root {
        generation: Text::Borrowed(generation.name()),
        completion_lsn: checkpoint.lsn.get(),
        position,
        uri: Text::Owned(tree.uri.clone()),
        table_id: tree.table.get(),
        walked,
        exported: true,
        checkpoint: entry.map(|e| Text::Owned(e.name.clone())),
        root_cookie: Text::Owned(entry.map(|e| hex::encode(&e.addr)).unwrap_or_default()),
        root_unreadable: unreadable,
        root_page_id: tree.root.map(|c| c.page_id.get()),
        frontier: tree.root.map(|c| c.lsn.get()),
        root_base_lsn: tree.root.map(|c| c.base_lsn.get()),
        root_is_delta: tree.root.and_then(|c| c.is_delta()),
        root_size: tree.root.map(|c| c.size.into()),
        root_checksum: tree.root.map(|c| c.checksum.into()),
        published_size: entry.map(|e| e.size),
        next_page_id: walk::next_page_id(tree),
        partial: opened.is_damaged(tree.table),
    }
}
