//! A page of a page log put together from its base image and its deltas.

use super::cells::{TimesInfo, TruncateInfo};
use super::cookies::AnyCookie;
use super::view::{Addresses, LISTED, Problem, View};
use crate::format::image::Image;
use crate::format::page_header::PageType;
use crate::format::{FormatError, Result};
use crate::page::cell::Times;
use crate::page::delta::{self, Body, Child, Judged, LeafRow, LeafValue};
use serde::Serialize;
use std::borrow::Cow;

/// A row of a leaf page, or a child of an internal one.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct MergedEntry {
    /// Which block it is from: 0 is the base image, 1 the first delta.
    pub block: usize,
    /// Bytes of the key.
    pub key_bytes: usize,
    /// The key, if user bytes are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Bytes of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_bytes: Option<usize>,
    /// The value, if user bytes are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Validity, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<TimesInfo>,
    /// Kind of the address of a child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Fast-truncate information of a child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<TruncateInfo>,
    /// The cookie of a child or of an overflow item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<AnyCookie>,
}

/// A page after merging.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct MergedPage {
    /// Page type in words.
    #[serde(rename = "type")]
    pub page_type: &'static str,
    /// The write generation of the newest block.
    pub write_gen: u64,
    /// How many rows or children there are.
    pub entries_total: usize,
    /// The first [`LISTED`] of them, in the order of their keys.
    pub entries: Vec<MergedEntry>,
    /// What is wrong with the page as a whole.
    pub problems: Vec<Problem>,
}

/// Put a page together; the base image comes first.
pub fn page(blocks: &[&[u8]], view: &View) -> MergedPage {
    read(blocks, view).unwrap_or_else(|e| MergedPage { problems: vec![e.into()], ..MergedPage::default() })
}

fn read(blocks: &[&[u8]], view: &View) -> Result<MergedPage> {
    let mut images = Vec::with_capacity(blocks.len());
    let mut plain: Vec<Cow<'_, [u8]>> = Vec::with_capacity(blocks.len());
    for (at, bytes) in blocks.iter().enumerate() {
        let image = Image::parse(bytes, view.era)?;
        image.check_kind(at > 0)?;
        plain.push(image.plain(view.compressor)?);
        images.push(image);
    }
    let body = |(image, plain): (&Image<'_>, _)| Body {
        plain,
        start: image.data_offset(),
        header: image.page,
        era: image.era,
    };
    let bodies: Vec<Body<'_>> = images.iter().zip(plain.iter().map(AsRef::as_ref)).map(body).collect();
    let Some((base, deltas)) = bodies.split_first() else { return Ok(MergedPage::default()) };
    let page_type = base.header.page_type()?;
    let mut out = MergedPage {
        page_type: page_type.name(),
        write_gen: bodies.last().map_or(0, |b| b.header.write_gen),
        ..MergedPage::default()
    };
    match page_type {
        PageType::RowLeaf => {
            let rows = delta::rows(base, deltas);
            out.take(&rows.broken);
            out.entries_total = rows.list.len();
            out.entries = rows.list.iter().take(LISTED).map(|r| row(r, view)).collect();
        }
        PageType::RowInternal => {
            let children = delta::children(base, deltas);
            out.take(&children.broken);
            out.entries_total = children.list.len();
            out.entries = children.list.iter().take(LISTED).map(|c| child(c, view)).collect();
        }
        _ => return Err(FormatError::unsupported(format!("a {} page has no deltas", page_type.name()))),
    }
    Ok(out)
}

impl MergedPage {
    fn take(&mut self, broken: &[Judged]) {
        for judged in broken {
            let block = if judged.block == 0 { "base image".to_string() } else { format!("delta {}", judged.block) };
            let list = judged.breaches.list.iter();
            self.problems.extend(list.map(|b| FormatError::invalid(format!("{block}: {}", b.what)).into()));
        }
    }
}

fn times(times: &Times) -> Option<TimesInfo> {
    (*times != Times::EMPTY).then(|| times.into())
}

fn cookie(raw: &[u8]) -> Option<AnyCookie> {
    AnyCookie::decode(raw, Addresses::Disaggregated).ok()
}

fn row(row: &LeafRow<'_>, view: &View) -> MergedEntry {
    let (value, overflow) = match row.value {
        LeafValue::Plain(value) => (Some(value), None),
        LeafValue::Overflow(raw) => (None, cookie(raw)),
    };
    MergedEntry {
        block: row.block,
        key_bytes: row.key.len(),
        key: view.shown(&row.key).filter(|_| !row.overflow_key),
        value_bytes: value.map(<[u8]>::len),
        value: value.and_then(|v| view.shown(v)),
        times: times(&row.times),
        kind: None,
        truncate: None,
        cookie: overflow,
    }
}

fn child(child: &Child<'_>, view: &View) -> MergedEntry {
    MergedEntry {
        block: child.block,
        key_bytes: child.key.len(),
        key: view.shown(child.key).filter(|_| !child.overflow_key),
        value_bytes: None,
        value: None,
        times: times(&child.times),
        kind: Some(child.kind.name()),
        truncate: child.truncate.map(|t| TruncateInfo { txn: t.txn, commit_ts: t.commit_ts, durable_ts: t.durable_ts }),
        cookie: cookie(child.cookie),
    }
}
