//! The formats of a file of which nothing says them: by MongoDB's names, else by the first page of rows.

use super::form::is_document;
use crate::format::pack::Format;
use crate::format::page_header::PageType;
use crate::home::content::fetch;
use crate::home::content::version::Standpoint;
use crate::home::content::walk::{Step, Steps};
use crate::home::directory::Home;
use crate::home::entry::FileEntry;
use crate::page::leaf::{Options, Value};
use crate::store::blockfile::BlockFile;

/// Rows that are looked at.
const ROWS: usize = 64;

/// Put the formats into an entry that has none. What cannot be told is raw bytes.
pub fn formats(home: &Home, entry: &mut FileEntry) {
    let (key, value) = look(home, entry).unwrap_or(("u", "u"));
    entry.key_format = key.to_string();
    entry.value_format = value.to_string();
}

fn look(home: &Home, entry: &FileEntry) -> Option<(&'static str, &'static str)> {
    let file = BlockFile::open_file(&home.path(&entry.name), true).ok()?;
    let point = Standpoint::newest();
    let cookie = entry.checkpoints.last().map(|c| c.addr.clone()).unwrap_or_default();
    let steps = Steps::new(&file, entry, &cookie, &point);
    let shape = fetch::shape(&file, entry, u64::MAX);
    for step in steps {
        let Step::Leaf(found) = step else { continue };
        let Ok(plain) = fetch::read(&shape, &found.address) else { continue };
        let Ok(page) = plain.page() else { continue };
        match page.kind {
            PageType::ColumnVariable => return Some(("r", "u")),
            PageType::ColumnFixed => return Some(("r", "8t")),
            PageType::RowLeaf => {}
            _ => continue,
        }
        let record = Format::parse("q").ok()?;
        let (mut seen, mut records, mut documents, mut last) = (0_usize, true, true, None);
        let options = Options { bounds: shape.bounds(), deep: true, byte_order: false, fixed_width: None };
        let _ = crate::page::leaf::leaf(&page, &options, &mut |_| None, &mut |row| {
            if seen >= ROWS {
                return;
            }
            seen = seen.saturating_add(1);
            let Some(key) = row.key else { return };
            let number = match record.unpack(key).as_deref() {
                Ok([crate::format::pack::Column::Signed(n)]) => Some(*n),
                _ => None,
            };
            records &= number.is_some() && number > last;
            last = number;
            if let Value::Inline(value) = row.value {
                documents &= is_document(value);
            }
        });
        return Some(match (records, documents) {
            (true, true) => ("q", "u"),
            _ => ("u", "u"),
        });
    }
    None
}
