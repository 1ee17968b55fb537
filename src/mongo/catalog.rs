//! A row of `_mdb_catalog`: one collection with its options and indexes (spec 21.3 to 21.5).
//!
//! Facts are borrowed from the row. What stands before a damage is used, and the damage is told.

use super::document::{Document, Value};
use super::key_value::KeyVersion;
use super::keystring::Shape;
use crate::format::{FormatError, Result};

/// First field of the row that tells features of the catalog and is no collection.
const FEATURE: &str = "isFeatureDoc";
/// What the buckets of a time series are called, before its name.
pub const BUCKETS: &str = "system.buckets.";
/// Key of a wildcard index, or the end of one.
const WILDCARD: &[u8] = b"$**";
/// Collation that is none.
const SIMPLE: &str = "simple";

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub enum Row<'a> {
    Feature(Feature),
    Collection(Box<Collection<'a>>),
}

/// The row that is no collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feature {
    /// Bits of features that an older server must not meet.
    pub non_repairable: Option<i64>,
    /// Bits of features that an older server can repair.
    pub repairable: Option<i64>,
}

/// A collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collection<'a> {
    /// `db.collection`.
    pub ns: Option<&'a str>,
    /// `md.ns`, which must be the same.
    pub md_ns: Option<&'a str>,
    pub ident: Option<&'a str>,
    /// `md.options`, as stored.
    pub raw_options: Option<Document<'a>>,
    pub options: Options<'a>,
    pub indexes: Vec<Index<'a>>,
    /// Name and ident of each index.
    pub index_idents: Vec<(&'a str, &'a str)>,
    /// 0 and above: the table is shared with other collections. -1 and none: its own.
    pub prefix: Option<i64>,
    /// What could not be read.
    pub damage: Option<FormatError>,
}

/// What of the options matters to a reader.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options<'a> {
    pub uuid: Option<[u8; 16]>,
    pub capped: bool,
    pub temp: bool,
    /// Record ids are KeyStrings of the cluster key.
    pub clustered: bool,
    pub timeseries: Option<Document<'a>>,
    pub view_on: Option<&'a str>,
    /// Not there if it is the simple one.
    pub collation: Option<Document<'a>>,
}

/// What a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ordinary,
    View,
    /// `DB.system.buckets.NAME`, up to 8.2.
    Buckets,
    /// `DB.NAME` itself, from 8.3 on.
    Timeseries,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index<'a> {
    /// As stored.
    pub spec: Option<Document<'a>>,
    pub name: Option<&'a str>,
    pub key: Option<Document<'a>>,
    /// `v`.
    pub version: Option<i64>,
    pub unique: bool,
    pub sparse: bool,
    pub partial: bool,
    /// Of its own; not there if it is the simple one.
    pub collation: Option<Document<'a>>,
    /// Whether it says that it has the simple one, whatever the collection has.
    pub simple_collation: bool,
    /// False while it is built.
    pub ready: Option<bool>,
    pub multikey: Option<bool>,
    /// Field → one byte for each part of its path, 1 where that part is an array.
    pub multikey_paths: Option<Document<'a>>,
    /// While a build of two phases runs.
    pub build_uuid: Option<[u8; 16]>,
}

/// Read the value of a row. Broken rows answer with what stands before the damage.
///
/// # Errors
/// If not even the document's frame holds.
pub fn row(value: &[u8]) -> Result<Row<'_>> {
    let document = Document::new(value)?;
    let first = document.elements().next();
    if let Some(Ok(first)) = first
        && first.name == FEATURE.as_bytes()
        && first.value.truthy()
    {
        let integer = |name| document.get(name).ok().flatten().and_then(|v| v.integer());
        let feature = Feature { non_repairable: integer("nonRepairable"), repairable: integer("repairable") };
        return Ok(Row::Feature(feature));
    }
    let mut out = Collection::default();
    if let Err(error) = out.read(document) {
        out.damage = Some(error);
    }
    Ok(Row::Collection(Box::new(out)))
}

impl<'a> Collection<'a> {
    fn read(&mut self, document: Document<'a>) -> Result<()> {
        for element in document.elements() {
            let element = element?;
            match (element.name, element.value) {
                (b"ns", value) => self.ns = value.text(),
                (b"ident", value) => self.ident = value.text(),
                (b"idxIdent", Value::Document(idents)) => {
                    for ident in idents.elements() {
                        let ident = ident?;
                        let (name, ident) = (std::str::from_utf8(ident.name).ok(), ident.value.text());
                        self.index_idents.extend(name.zip(ident));
                    }
                }
                (b"md", Value::Document(md)) => self.metadata(md)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn metadata(&mut self, md: Document<'a>) -> Result<()> {
        for element in md.elements() {
            let element = element?;
            match (element.name, element.value) {
                (b"ns", value) => self.md_ns = value.text(),
                (b"prefix", value) => self.prefix = value.integer(),
                (b"options", Value::Document(options)) => {
                    self.raw_options = Some(options);
                    self.options.read(options)?;
                }
                (b"indexes", Value::Array(indexes)) => {
                    for index in indexes.elements() {
                        if let Value::Document(index) = index?.value {
                            let mut out = Index::default();
                            let read = out.read(index);
                            self.indexes.push(out);
                            read?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Database and collection: what stands before and behind the first dot.
    pub fn names(&self) -> Option<(&'a str, &'a str)> {
        self.ns.or(self.md_ns)?.split_once('.')
    }

    pub fn kind(&self) -> Kind {
        match self.names() {
            _ if self.options.view_on.is_some() => Kind::View,
            Some((_, name)) if self.options.timeseries.is_some() && name.starts_with(BUCKETS) => Kind::Buckets,
            _ if self.options.timeseries.is_some() => Kind::Timeseries,
            _ => Kind::Ordinary,
        }
    }

    /// The ident of an index.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn index_ident(&self, name: &str) -> Option<&'a str> {
        self.index_idents.iter().find(|(known, _)| *known == name).map(|(_, ident)| *ident)
    }
}

impl<'a> Options<'a> {
    fn read(&mut self, options: Document<'a>) -> Result<()> {
        for element in options.elements() {
            let element = element?;
            let value = element.value;
            match element.name {
                b"uuid" => self.uuid = value.uuid(),
                b"capped" => self.capped = value.truthy(),
                b"temp" => self.temp = value.truthy(),
                b"clusteredIndex" => self.clustered = value.truthy() || value.document().is_some(),
                b"timeseries" => self.timeseries = value.document(),
                b"viewOn" => self.view_on = value.text(),
                b"collation" => self.collation = value.document().filter(|c| !is_simple(*c)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> Index<'a> {
    fn read(&mut self, index: Document<'a>) -> Result<()> {
        for element in index.elements() {
            let element = element?;
            let value = element.value;
            match (element.name, value) {
                (b"spec", Value::Document(spec)) => {
                    self.spec = Some(spec);
                    self.specification(spec)?;
                }
                (b"ready", _) => self.ready = value.bool(),
                (b"multikey", _) => self.multikey = value.bool(),
                (b"multikeyPaths", _) => self.multikey_paths = value.document(),
                (b"buildUUID", _) => self.build_uuid = value.uuid(),
                _ => {}
            }
        }
        Ok(())
    }

    fn specification(&mut self, spec: Document<'a>) -> Result<()> {
        for element in spec.elements() {
            let element = element?;
            let value = element.value;
            match element.name {
                b"name" => self.name = value.text(),
                b"key" => self.key = value.document(),
                b"v" => self.version = value.integer(),
                b"unique" => self.unique = value.truthy(),
                b"sparse" => self.sparse = value.truthy(),
                b"partialFilterExpression" => self.partial = true,
                b"collation" => {
                    self.simple_collation = value.document().is_some_and(is_simple);
                    self.collation = value.document().filter(|c| !is_simple(*c));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How its keys are read, by the version that its `formatVersion` tells.
    ///
    /// # Errors
    /// If the index has no key, or a broken one.
    pub fn shape(&self, version: KeyVersion, options: &Options<'_>) -> Result<Shape> {
        let key = self.key.ok_or_else(|| FormatError::not_found("an index without a key"))?;
        let (mut descending, mut exact) = (Vec::new(), true);
        for element in key.elements() {
            let element = element?;
            descending.push(element.value.number().is_some_and(|n| n < 0.0));
            // Wildcard indexes have a path before the value, text indexes a term and a weight.
            exact &= !element.name.ends_with(WILDCARD) && element.value.text() != Some("text");
        }
        if !exact && descending.iter().all(|d| !d) {
            descending.clear();
        }
        // An index without one of its own has that of its collection.
        let collated = self.collation.is_some() || (options.collation.is_some() && !self.simple_collation);
        Ok(Shape { version, descending, exact, collated })
    }

    /// Whether every document has at least one entry in it.
    pub fn complete(&self) -> bool {
        let key = self.key.into_iter().flat_map(|key| key.elements()).flatten();
        let mut plain = key.map(|e| !e.name.ends_with(WILDCARD) && e.value.text() != Some("text"));
        self.ready == Some(true) && !self.sparse && !self.partial && plain.all(|p| p)
    }
}

fn is_simple(collation: Document<'_>) -> bool {
    collation.get("locale").ok().flatten().and_then(|v| v.text()) == Some(SIMPLE)
}
