//! A BSON document with other content: types, lengths and nesting stay, names and values do not.

use super::relabel::Alphabet;
use std::cell::RefCell;
use std::collections::HashMap;

/// Documents nested deeper than this are not understood; MongoDB stops at 180.
const MAX_DEPTH: usize = 200;

/// Which field names stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    User,
    /// Those MongoDB's own catalog is made of, and the idents, which are names of files. Namespaces
    /// become others, the same where they were the same.
    Catalog(RefCell<Numbers>),
    /// Those of MongoDB's counts, and the counts.
    Sizes,
}

/// Namespaces, by the order they were met in. (A sum of their bytes would let everyone test guesses of them.)
pub type Numbers = HashMap<Vec<u8>, usize>;

/// Names of fields in `_mdb_catalog` that lead to the idents.
const CATALOG_FIELDS: [&str; 10] =
    ["ident", "idxIdent", "md", "ns", "options", "indexes", "spec", "name", "ready", ID_INDEX];
/// What MongoDB calls the index of `_id`.
const ID_INDEX: &str = "_id_";
/// Names of fields in `sizeStorer`.
const SIZES: [&str; 2] = ["numRecords", "dataSize"];
/// Beginnings of idents.
const IDENTS: [&str; 4] = ["collection-", "index-", "internal-", "collection/"];

/// The document, or `None` if the bytes are not one. `left`: a number of which it takes what it has room for.
pub fn document(bytes: &[u8], fields: &Fields, alphabet: Alphabet, left: &mut u64) -> Option<Vec<u8>> {
    let mut out = vec![0; bytes.len()];
    let mut rest = *left;
    let mut scrub = Scrub { bytes, out: &mut out, fields, alphabet, left: &mut rest };
    let end = scrub.document(0, bytes.len(), 0, false, Keeps::Nothing)?;
    if end != bytes.len() {
        return None;
    }
    *left = rest;
    Some(out)
}

/// What a field of MongoDB's own tables keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    /// Idents, in it or below it.
    Idents,
    /// That it is the same as another one.
    Sameness,
    Count,
}

struct Scrub<'a> {
    bytes: &'a [u8],
    out: &'a mut [u8],
    fields: &'a Fields,
    alphabet: Alphabet,
    left: &'a mut u64,
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

    /// Numbers and ids become zero, or a part of the attempt's number.
    fn number(&mut self, at: usize, end: usize) -> Option<usize> {
        for byte in self.out.get_mut(at..end)?.iter_mut().take(4) {
            *byte = u8::try_from(*self.left & 0xff).ok()?;
            *self.left >>= 8;
        }
        Some(end)
    }

    /// A document at `at`; answers where it ends.
    fn document(&mut self, at: usize, limit: usize, depth: usize, array: bool, keeps: Keeps) -> Option<usize> {
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
            let known = match self.fields {
                Fields::User => false,
                Fields::Catalog(_) => CATALOG_FIELDS.contains(&name),
                Fields::Sizes => SIZES.contains(&name),
            };
            let keeps = match name {
                _ if !known => keeps,
                "ident" | "idxIdent" => Keeps::Idents,
                "ns" => Keeps::Sameness,
                "numRecords" | "dataSize" => Keeps::Count,
                _ => keeps,
            };
            let number = array && name.bytes().all(|b| b.is_ascii_digit());
            if known || number {
                self.keep(pos + 1, name_end)?;
            } else {
                self.fill(pos + 1, name_end - 1, self.alphabet.name)?;
            }
            pos = self.value(kind, name_end, end - 1, depth, keeps)?;
        }
        (pos == end - 1).then_some(end)
    }

    fn value(&mut self, kind: u8, at: usize, limit: usize, depth: usize, keeps: Keeps) -> Option<usize> {
        let fixed = |n: usize| at.checked_add(n).filter(|end| *end <= limit);
        match kind {
            0x10 | 0x12 if keeps == Keeps::Count => {
                let end = fixed(if kind == 0x10 { 4 } else { 8 })?;
                self.keep(at, end)?;
                Some(end)
            }
            0x01 | 0x09 | 0x11 | 0x12 => self.number(at, fixed(8)?),
            0x02 | 0x0d | 0x0e => self.string(at, limit, keeps),
            0x03 | 0x04 => self.document(at, limit, depth + 1, kind == 0x04, keeps),
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
            0x07 => self.number(at, fixed(12)?),
            0x08 => fixed(1),
            0x0b => {
                let pattern = self.text_end(at).filter(|n| *n <= limit)?;
                let end = self.text_end(pattern).filter(|n| *n <= limit)?;
                self.fill(at, pattern - 1, self.alphabet.text)?;
                // Options are letters of a known set; they are kept as structure is.
                self.keep(pattern, end)?;
                Some(end)
            }
            0x0c => {
                let end = self.string(at, limit, Keeps::Nothing)?;
                end.checked_add(12).filter(|end| *end <= limit)
            }
            0x0f => {
                let n = self.length(at)?;
                let end = at.checked_add(n).filter(|end| *end <= limit)?;
                self.keep(at, at + 4)?;
                let scope = self.string(at + 4, end, Keeps::Nothing)?;
                (self.document(scope, end, depth + 1, false, Keeps::Nothing)? == end).then_some(end)
            }
            0x10 => self.number(at, fixed(4)?),
            0x13 => fixed(16),
            _ => None,
        }
    }

    fn string(&mut self, at: usize, limit: usize, keeps: Keeps) -> Option<usize> {
        let n = self.length(at).filter(|n| *n >= 1)?;
        let end = at.checked_add(4)?.checked_add(n).filter(|end| *end <= limit)?;
        let text = self.bytes.get(at + 4..end - 1)?;
        if self.bytes.get(end - 1) != Some(&0) || std::str::from_utf8(text).is_err() {
            return None;
        }
        self.keep(at, at + 4)?;
        let ident =
            keeps == Keeps::Idents && std::str::from_utf8(text).is_ok_and(|t| IDENTS.iter().any(|i| t.starts_with(i)));
        let fields = self.fields;
        if let Fields::Catalog(_) = fields
            && (ident || text == ID_INDEX.as_bytes())
        {
            self.keep(at + 4, end)?;
            return Some(end);
        }
        self.fill(at + 4, end - 1, self.alphabet.text)?;
        let slots = self.out.get_mut(at + 4..end - 1)?.iter_mut();
        if let (Fields::Catalog(numbers), Keeps::Sameness) = (fields, keeps) {
            let mut numbers = numbers.try_borrow_mut().ok()?;
            let next = numbers.len();
            let mut number = *numbers.entry(text.to_vec()).or_insert(next);
            for slot in slots {
                *slot = b'a' + u8::try_from(number % 26).ok()?;
                number /= 26;
            }
            return Some(end);
        }
        for slot in slots.take(4) {
            if *self.left == 0 {
                break;
            }
            *slot = b'a' + u8::try_from(*self.left % 26).ok()?;
            *self.left /= 26;
        }
        Some(end)
    }
}
