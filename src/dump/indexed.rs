//! Which documents of lost ranges an index of their collection still knows.

use super::item::Role;
use super::loss::{Indexed, IndexedDocument, KeyText};
use super::shelf::{Shelf, format_version};
use crate::home::content::rows::{Content, Key, Only, Outcome};
use crate::home::content::walk::Range;
use crate::mongo::extjson::Mode;
use crate::mongo::index_entry;
use crate::mongo::key_json;
use crate::mongo::key_value::KeyVersion;
use crate::mongo::keystring::Shape;
use crate::mongo::record_id::{Form, RecordId};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Lost documents that are named.
const NAMED: usize = 10_000;
/// Lost documents that are told apart, where an index may have several entries of one.
const DISTINCT: usize = 4 << 20;
/// The index whose entries are one a document.
const ID: &str = "_id_";

/// Entries of one batch.
#[derive(Default)]
struct Found {
    records: Vec<Vec<u8>>,
    unread: u64,
    documents: Vec<IndexedDocument>,
}

/// Look through the index of `_id`; where that is damaged, too, or there is none, through the others that have every
/// document.
pub fn look(shelf: &Shelf, database: &str, collection: &str, content: &Content, ranges: &[Range]) -> Option<Indexed> {
    let only: Vec<Only> = ranges.iter().map(|range| content.only_of(range)).collect();
    let names = shelf.items.iter().filter_map(|i| match &i.role {
        Role::Index { database: d, collection: c, name } if d == database && c == collection => Some(name.clone()),
        _ => None,
    });
    let mut names: Vec<String> = names.collect();
    names.sort_by_key(|name| name != ID);
    let mut best: Option<Indexed> = None;
    for name in names {
        let Some(found) = one(shelf, database, collection, &name, content, &only) else { continue };
        let whole = found.whole;
        if best.as_ref().is_none_or(|b| (found.whole, found.entries) > (b.whole, b.entries)) {
            best = Some(found);
        }
        if whole {
            break;
        }
    }
    best
}

fn one(
    shelf: &Shelf,
    database: &str,
    collection: &str,
    name: &str,
    content: &Content,
    only: &[Only],
) -> Option<Indexed> {
    let wanted = Role::Index { database: database.into(), collection: collection.into(), name: name.into() };
    let item = shelf.items.iter().find(|i| i.role == wanted)?;
    let format = index_entry::format(format_version(&item.table)?).ok()?;
    let source = shelf.source(&item.table)?.ok()?;
    let row = shelf.catalog_row(&format!("{database}.{collection}"));
    let index = row.as_ref().and_then(|row| row.indexes.iter().find(|i| i.name == Some(name)));
    // Of the others only those that have every document say which ones are missing.
    if name != ID && !index.is_some_and(crate::mongo::catalog::Index::complete) {
        return None;
    }
    let shape = index.and_then(|i| i.shape(format.version, &row.as_ref()?.options).ok()).unwrap_or(Shape {
        version: KeyVersion::V1,
        descending: vec![false],
        exact: true,
        collated: false,
    });
    let form = if content.entry.key_format == "u" { Form::Text } else { Form::Long };
    let order = content.overlay.order();
    let each = |found: &mut Found, key: Key<'_>, value: &[u8]| {
        let Key::Bytes(key) = key else { return };
        let Ok(entry) = index_entry::entry(format, &shape, form, key, value) else {
            found.unread = found.unread.saturating_add(1);
            return;
        };
        for id in entry.ids.iter().filter(|id| !id.reserved()) {
            let mut packed = Vec::new();
            match id {
                RecordId::Long(id) => crate::format::int::write_vint(&mut packed, *id),
                RecordId::Text(id) => packed.extend_from_slice(id),
            }
            if !only.iter().any(|range| range.has(&packed, order)) {
                continue;
            }
            if found.documents.len() < NAMED {
                let mut text = Vec::new();
                for (n, field) in entry.fields.iter().enumerate() {
                    if n > 0 {
                        text.push(b',');
                    }
                    key_json::write(field, Mode::Canonical, &mut text);
                }
                found.documents.push(IndexedDocument {
                    record: KeyText::of(&content.entry.key_format, &packed),
                    fields: String::from_utf8_lossy(&text).into_owned(),
                });
            }
            found.records.push(packed);
        }
    };
    let mut out = Indexed { index: name.to_string(), entries: 0, whole: true, documents: Vec::new() };
    // An array has several entries of one document.
    let mut distinct: BTreeSet<Vec<u8>> = BTreeSet::new();
    let _ = source.rows::<Found>(&each, &mut |found: Found, outcome: Outcome| {
        out.whole &= outcome.losses.is_empty() && found.unread == 0;
        if name == ID {
            out.entries = out.entries.saturating_add(found.records.len() as u64);
        } else {
            distinct.extend(found.records);
            out.entries = distinct.len() as u64;
            if distinct.len() > DISTINCT {
                out.whole = false;
                return ControlFlow::Break(());
            }
        }
        let room = NAMED.saturating_sub(out.documents.len());
        out.documents.extend(found.documents.into_iter().take(room));
        ControlFlow::Continue(())
    });
    // An index whose keys are none of MongoDB's says nothing.
    (out.whole || out.entries > 0).then_some(out)
}
