//! A BSON document with other content: types, lengths and nesting stay, names and values do not.

/// Documents nested deeper than this are not understood; MongoDB stops at 180.
const MAX_DEPTH: usize = 200;

/// Which field names stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    User,
    /// Those MongoDB's own catalog is made of, and the idents, which are names of files.
    Catalog,
}

/// Names of fields in `_mdb_catalog` that lead to the idents.
const CATALOG_FIELDS: [&str; 9] = ["ident", "idxIdent", "md", "ns", "options", "indexes", "spec", "name", "ready"];
/// Beginnings of idents.
const IDENTS: [&str; 4] = ["collection-", "index-", "internal-", "collection/"];

/// The document, or `None` if the bytes are not one.
pub fn document(bytes: &[u8], fields: Fields) -> Option<Vec<u8>> {
    let mut out = vec![0; bytes.len()];
    let mut scrub = Scrub { bytes, out: &mut out, fields };
    let end = scrub.document(0, bytes.len(), 0, false, false)?;
    (end == bytes.len()).then_some(out)
}

struct Scrub<'a> {
    bytes: &'a [u8],
    out: &'a mut [u8],
    fields: Fields,
}

impl Scrub<'_> {
    fn keep(&mut self, from: usize, to: usize) -> Option<()> {
        let source = self.bytes.get(from..to)?;
        self.out.get_mut(from..to)?.copy_from_slice(source);
        Some(())
    }

    fn fill(&mut self, from: usize, to: usize, with: u8) -> Option<()> {
        self.out.get_mut(from..to)?.fill(with);
        Some(())
    }

    fn length(&self, at: usize) -> Option<usize> {
        let raw = self.bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(i32::from_le_bytes(raw.try_into().ok()?)).ok()
    }

    /// One past the NUL of a text without a length.
    fn text_end(&self, at: usize) -> Option<usize> {
        Some(at + self.bytes.get(at..)?.iter().position(|b| *b == 0)? + 1)
    }

    /// A document at `at`; answers where it ends. `idents`: below a field that maps to idents.
    pub fn document(&mut self, at: usize, limit: usize, depth: usize, array: bool, idents: bool) -> Option<usize> {
        let length = self.length(at)?;
        let end = at.checked_add(length).filter(|end| *end <= limit && length >= 5)?;
        if depth > MAX_DEPTH || self.bytes.get(end - 1) != Some(&0) {
            return None;
        }
        self.keep(at, at + 4)?;
        let mut pos = at + 4;
        while pos < end - 1 {
            let kind = *self.bytes.get(pos)?;
            self.keep(pos, pos + 1)?;
            let name_end = self.text_end(pos + 1).filter(|n| *n < end)?;
            let name = std::str::from_utf8(self.bytes.get(pos + 1..name_end - 1)?).ok()?;
            let known = self.fields == Fields::Catalog && CATALOG_FIELDS.contains(&name);
            let ident = idents || (known && matches!(name, "ident" | "idxIdent"));
            let number = array && name.bytes().all(|b| b.is_ascii_digit());
            if known || number {
                self.keep(pos + 1, name_end)?;
            } else {
                self.fill(pos + 1, name_end - 1, b'n')?;
            }
            pos = self.value(kind, name_end, end - 1, depth, ident)?;
        }
        (pos == end - 1).then_some(end)
    }

    fn value(&mut self, kind: u8, at: usize, limit: usize, depth: usize, ident: bool) -> Option<usize> {
        let fixed = |n: usize| at.checked_add(n).filter(|end| *end <= limit);
        match kind {
            0x01 | 0x09 | 0x11 | 0x12 => fixed(8),
            0x02 | 0x0d | 0x0e => self.string(at, limit, ident),
            0x03 | 0x04 => self.document(at, limit, depth + 1, kind == 0x04, ident),
            0x05 => {
                let n = self.length(at)?;
                let end = at.checked_add(5)?.checked_add(n).filter(|end| *end <= limit)?;
                self.keep(at, at + 5)?;
                // The old binary subtype has its length twice.
                if self.bytes.get(at + 4) == Some(&2) && n >= 4 {
                    self.keep(at + 5, at + 9)?;
                }
                Some(end)
            }
            0x06 | 0x0a | 0xff | 0x7f => Some(at),
            0x07 => fixed(12),
            0x08 => fixed(1),
            0x0b => {
                let pattern = self.text_end(at).filter(|n| *n <= limit)?;
                let end = self.text_end(pattern).filter(|n| *n <= limit)?;
                self.fill(at, pattern - 1, b'x')?;
                // Options are letters of a known set; they are kept as structure is.
                self.keep(pattern, end)?;
                Some(end)
            }
            0x0c => {
                let end = self.string(at, limit, false)?;
                end.checked_add(12).filter(|end| *end <= limit)
            }
            0x0f => {
                let n = self.length(at)?;
                let end = at.checked_add(n).filter(|end| *end <= limit)?;
                self.keep(at, at + 4)?;
                let scope = self.string(at + 4, end, false)?;
                (self.document(scope, end, depth + 1, false, false)? == end).then_some(end)
            }
            0x10 => fixed(4),
            0x13 => fixed(16),
            _ => None,
        }
    }

    fn string(&mut self, at: usize, limit: usize, ident: bool) -> Option<usize> {
        let n = self.length(at).filter(|n| *n >= 1)?;
        let end = at.checked_add(4)?.checked_add(n).filter(|end| *end <= limit)?;
        let text = self.bytes.get(at + 4..end - 1)?;
        if self.bytes.get(end - 1) != Some(&0) || std::str::from_utf8(text).is_err() {
            return None;
        }
        self.keep(at, at + 4)?;
        let ident = ident && std::str::from_utf8(text).is_ok_and(|t| IDENTS.iter().any(|i| t.starts_with(i)));
        if ident {
            self.keep(at + 4, end)?
        } else {
            self.fill(at + 4, end - 1, b'x')?
        }
        Some(end)
    }
}
