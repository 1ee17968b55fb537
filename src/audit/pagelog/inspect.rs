//! One page of a page log: its rows with their classes, the version a checkpoint reaches, and the
//! blocks of that version with everything that is wrong with them.

use super::classify::Class;
use super::{AuditError, Opened, reach};
use crate::audit::finding::Finding;
use crate::audit::result::Audit;
use crate::format::cookie::Cookie;
use crate::format::image::{Era, Image};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::page::Depth;
use crate::pagelog::catalog::{self, Tree};
use crate::pagelog::chain::{self, Chain};
use crate::pagelog::fault::{Fault, FaultKind};
use crate::pagelog::page::{self, Checks, Compression, Scratch};
use crate::pagelog::walk::{self, Visited, Visitor};
use crate::store::{BlockReader, Index, Row};

/// What the bytes of a page are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Images of a tree's page, with their header layout and compressor.
    Tree(Era, Compression),
    /// Text: a turtle page.
    Turtle,
    Key,
}

/// One page.
pub struct Inspection {
    /// URI of the tree, if the audited checkpoint names the table.
    pub uri: Option<String>,
    /// Every row of the page, oldest first, with its class.
    pub rows: Vec<(Row, Class)>,
    /// The cookie by which the audited checkpoint reaches the page.
    pub cookie: Option<Cookie>,
    /// The blocks of the version shown, oldest first.
    pub blocks: Vec<(Row, Vec<u8>)>,
    /// What is wrong with that version.
    pub findings: Vec<Finding>,
    pub content: Content,
}

/// Look at a page. `lsn` chooses a version; else the one the audited checkpoint reaches, else the newest.
pub fn inspect(
    opened: &Opened<'_>,
    (audit, class): (&Audit, &[Class]),
    (table, page): (TableId, PageId),
    lsn: Option<Lsn>,
) -> Result<Inspection, AuditError> {
    let index = &opened.index;
    let range = index.page(table, page);
    let rows: Vec<(Row, Class)> = index
        .slice(range.clone())
        .iter()
        .enumerate()
        .map(|(at, row)| (row, class.get(range.start + at).copied().unwrap_or_default()))
        .collect();
    let info = audit.trees.iter().find(|t| t.table_id == table);
    let mut out = Inspection {
        uri: info.map(|t| t.uri.clone()),
        rows,
        cookie: None,
        blocks: Vec::new(),
        findings: Vec::new(),
        content: content(index, table, page),
    };
    let mut reader = opened.store.reader()?;
    if let Content::Tree(era, compression) = &mut out.content
        && let Some(checkpoint) = audit.checkpoint.as_ref()
        && let Some((tree, found)) = live_cookie(opened, &mut *reader, checkpoint.lsn, table, page)?
    {
        *compression = tree.compression;
        *era = page::era_of(&found);
        out.cookie = Some(found);
    }
    let reached = out.cookie.filter(|c| lsn.is_none_or(|l| l == c.lsn));
    let mut faults = Vec::new();
    let chain = match reached {
        Some(cookie) => chain::resolve(index, table, &cookie, &mut faults),
        None => own_chain(index, table, page, lsn, class, range.start),
    };
    if let (Some(chain), Content::Tree(..)) = (chain, &out.content) {
        verify(index, &mut *reader, chain, reached.as_ref(), &mut faults);
    }
    for row in chain.iter().flat_map(|c| c.rows(index)) {
        let mut bytes = Vec::new();
        match reader.read(&row, &mut bytes) {
            Ok(()) => out.blocks.push((row, bytes)),
            Err(e) => faults.push(page::unreadable(Version::new(row.table, row.page, row.lsn), &e)),
        }
    }
    faults.dedup();
    let uri = out.uri.clone().unwrap_or_default();
    out.findings = faults.iter().map(|f| reach::finding(&uri, f, None)).collect();
    Ok(out)
}

/// What the bytes of a page should be, by its place.
fn content(index: &Index, table: TableId, page: PageId) -> Content {
    if page == catalog::SPECIAL_PAGE && table == catalog::KEY_TABLE {
        Content::Key
    } else if page == catalog::SPECIAL_PAGE && table == catalog::turtle_table(index) {
        Content::Turtle
    } else {
        Content::Tree(Era::Current, Compression::Unknown)
    }
}

/// The cookie by which a checkpoint reaches a page.
fn live_cookie(
    opened: &Opened<'_>,
    reader: &mut dyn BlockReader,
    checkpoint: Lsn,
    table: TableId,
    page: PageId,
) -> Result<Option<(Tree, Cookie)>, AuditError> {
    struct Find {
        page: PageId,
        found: Option<Cookie>,
    }
    impl Visitor for Find {
        fn page(&mut self, _tree: usize, page: &Visited) {
            if page.cookie.page_id == self.page {
                self.found.get_or_insert(page.cookie);
            }
        }
        fn fault(&mut self, _tree: usize, _fault: Fault) {}
    }
    let Some(row) = opened.completions.iter().find(|c| c.lsn == checkpoint) else { return Ok(None) };
    let Ok(checkpoint) = catalog::open(&opened.index, reader, row) else { return Ok(None) };
    let trees = catalog::read(&opened.index, reader, &checkpoint).trees;
    let Some(tree) = trees.into_iter().find(|t| t.table == table) else { return Ok(None) };
    let mut find = Find { page, found: None };
    let options = walk::Options { depth: Depth::Quick, jobs: 1, entered: None, marks: None };
    walk::walk(opened.store, &opened.index, std::slice::from_ref(&tree), options, &mut find)?;
    Ok(find.found.map(|c| (tree, c)))
}

/// The chain that ends at `lsn`, or at the newest row worth showing, from the rows alone.
fn own_chain(
    index: &Index,
    table: TableId,
    page: PageId,
    lsn: Option<Lsn>,
    class: &[Class],
    start: usize,
) -> Option<Chain> {
    let range = index.page(table, page);
    let rows = index.slice(range.clone()).to_vec();
    let shown = |at: &usize| !rows[*at].is_discard();
    let live = |at: &usize| class.get(start + at) == Some(&Class::Live);
    let newest = match lsn {
        Some(lsn) => rows.iter().rposition(|r| r.lsn == lsn)?,
        None => (0..rows.len()).rev().filter(shown).find(live).or_else(|| (0..rows.len()).rev().find(shown))?,
    };
    let base = (0..=newest).rev().find(|at| rows[*at].is_full()).unwrap_or(newest);
    let base = if rows[newest].is_full() || rows[newest].is_discard() { newest } else { base };
    Some(Chain { base: range.start + base, newest: range.start + newest })
}

/// Verify the blocks of a chain: against the cookie where there is one, else against themselves.
fn verify(index: &Index, reader: &mut dyn BlockReader, chain: Chain, cookie: Option<&Cookie>, faults: &mut Vec<Fault>) {
    let Some(newest) = index.get(chain.newest).filter(|r| !r.is_discard()) else { return };
    let mut scratch = Scratch::default();
    let (cookie, checks) = match cookie {
        Some(cookie) => {
            // Where the rows do not link, the checksums cannot either; once is enough.
            let linked = !faults.iter().any(|f| f.kind == FaultKind::ChainBroken);
            (*cookie, Checks { linked, ..Checks::all(cookie) })
        }
        None => {
            let mut bytes = Vec::new();
            let image = reader.read(&newest, &mut bytes).ok().and_then(|()| Image::parse(&bytes, None).ok());
            let Some(image) = image else { return };
            let mut cookie = Cookie::new(newest.page, newest.lsn, newest.base_lsn, newest.len, image.block.checksum);
            if image.era == Era::June2025 {
                cookie.layout = crate::format::cookie::Layout::L3;
            }
            (cookie, Checks { newest: None, linked: true })
        }
    };
    page::read(reader, index, &cookie, checks, chain, &mut scratch, faults);
}
