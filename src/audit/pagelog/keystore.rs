//! Key pages and the keys that checkpoints embed.

use super::Opened;
use super::fact::Fact;
use crate::audit::finding::{Code, Finding, Place};
use crate::audit::result::{KeyPageInfo, KeyUse, KeystoreInfo};
use crate::coverage::Unchecked;
use crate::format::key_page::{self, KeyLayout};
use crate::id::Lsn;
use crate::pagelog::catalog::{Checkpoint, KEY_TABLE, SPECIAL_PAGE};
use crate::store::BlockReader;
use std::collections::BTreeMap;

/// Longer than this nobody uses a key who has them rotated: 90 days, in seconds.
const KEY_LIFE: u64 = 90 * 86_400;

/// What the key table holds, and what is wrong with it for the readable checkpoints.
pub struct Keystore {
    pub info: KeystoreInfo,
    /// A page of header version 2 was seen: evidence for the generation.
    pub saw_v2: bool,
    pub findings: Vec<Finding>,
    /// Files that the system did not let be read.
    pub unread: Vec<(String, Unchecked)>,
}

/// Read all key pages and compare them with what `checkpoints` (ascending by LSN) embed. Where rows of the key table
/// may be hidden by damage, or newer than a dump of it, none is known to be missing.
pub fn examine(opened: &Opened<'_>, reader: &mut dyn BlockReader, checkpoints: &[&Checkpoint]) -> Keystore {
    let index = &opened.index;
    let mut out = Keystore { info: KeystoreInfo::default(), saw_v2: false, findings: Vec::new(), unread: Vec::new() };
    let range = index.table(KEY_TABLE);
    let mut bytes = Vec::new();
    for row in index.slice(range).iter().filter(|r| r.page == SPECIAL_PAGE && !r.is_discard()) {
        let place =
            Place { table_id: Some(KEY_TABLE), page_id: Some(row.page), lsn: Some(row.lsn), ..Place::default() };
        let mut info = KeyPageInfo {
            page_id: row.page,
            lsn: row.lsn,
            version: None,
            bytes: u64::from(row.len),
            payload_bytes: None,
            timestamp: None,
            checksum: None,
            valid: false,
        };
        if !row.has_bytes() {
            out.info.pages.push(info);
            continue;
        }
        let parsed = match reader.read(&row, &mut bytes) {
            // What the service has encrypted is no key page that is invalid.
            Ok(()) if crate::format::block::is_service_encrypted(&bytes) => {
                out.info.pages.push(info);
                continue;
            }
            Ok(()) => key_page::parse(&bytes).map_err(|e| e.to_string()),
            Err(e) if e.unread().is_some() => {
                out.unread.extend(e.unread());
                out.info.pages.push(info);
                continue;
            }
            Err(e) => Err(e.to_string()),
        };
        match parsed {
            Ok(page) => {
                info.version = Some(page.version);
                info.payload_bytes = Some(page.payload_len as u64);
                info.timestamp = page.timestamp.map(|t| format!("{t:x}"));
                info.checksum = Some(format!("{:08x}", page.checksum));
                info.valid = true;
                out.saw_v2 |= page.layout == KeyLayout::V2;
            }
            Err(e) => {
                let users = checkpoints.iter().filter(|c| embedded(c) == Some(row.lsn)).map(|c| c.lsn).collect();
                let fact = Fact::KeyPageInvalid { error: e, users };
                out.findings.push(Finding::of(Code::KeyPageInvalid, place, fact.into()));
            }
        }
        out.info.pages.push(info);
    }
    let mut missing: BTreeMap<Lsn, Vec<Lsn>> = BTreeMap::new();
    for checkpoint in checkpoints {
        let metadata_lsn = checkpoint.completion.metadata_lsn;
        let keystore_lsn = embedded(checkpoint);
        let newest = out.info.pages.iter().map(|p| p.lsn).filter(|l| *l < metadata_lsn).max();
        let stale = matches!((keystore_lsn, newest), (Some(own), Some(newest)) if own < newest);
        out.info.checkpoints.push(KeyUse {
            lsn: checkpoint.lsn,
            metadata_lsn,
            keystore_lsn,
            newest_key_before: newest,
            stale,
        });
        if let (true, Some(own), Some(newest)) = (stale, keystore_lsn, newest) {
            let place = Place {
                table_id: Some(KEY_TABLE),
                page_id: Some(SPECIAL_PAGE),
                lsn: Some(checkpoint.lsn),
                ..Place::default()
            };
            let fact = Fact::StaleKey { own, newest, record: checkpoint.lsn, metadata: metadata_lsn };
            out.findings.push(Finding::of(Code::StaleKeystore, place, fact.into()));
        }
        if let Some(own) = keystore_lsn
            && !opened.is_partial(KEY_TABLE)
            && !opened.may_lack(KEY_TABLE, own)
            && !out.info.pages.iter().any(|p| p.lsn == own)
        {
            missing.entry(own).or_default().push(checkpoint.lsn);
        }
    }
    let old = if opened.is_partial(KEY_TABLE) { None } else { age(&out.info, checkpoints) };
    out.findings.extend(old);
    for (own, users) in missing {
        let place =
            Place { table_id: Some(KEY_TABLE), page_id: Some(SPECIAL_PAGE), lsn: Some(own), ..Place::default() };
        let fact = Fact::KeyPageMissing { lsn: own, users };
        out.findings.push(Finding::of(Code::KeyPageMissing, place, fact.into()));
    }
    out
}

/// A note where every checkpoint embeds the one key page there is, and that for longer than a key is used.
fn age(info: &KeystoreInfo, checkpoints: &[&Checkpoint]) -> Option<Finding> {
    let [page] = info.pages.as_slice() else { return None };
    let users: Vec<&&Checkpoint> = checkpoints.iter().filter(|c| embedded(c) == Some(page.lsn)).collect();
    let newest = users.iter().max_by_key(|c| c.lsn)?;
    let stamp = page.timestamp.as_deref().and_then(|t| u64::from_str_radix(t, 16).ok());
    // Timestamps are compared with timestamps, and LSNs with LSNs: each where both look like times.
    let times = [(stamp, newest.turtle.timestamp), (Some(page.lsn.get()), newest.lsn.get())];
    let (since, until) =
        times.into_iter().find_map(|(key, checkpoint)| Some((seconds(key?)?, seconds(checkpoint)?)))?;
    if until.checked_sub(since)? < KEY_LIFE || users.len() < 2 {
        return None;
    }
    let place =
        Place { table_id: Some(KEY_TABLE), page_id: Some(SPECIAL_PAGE), lsn: Some(page.lsn), ..Place::default() };
    let fact = Fact::KeyAge { lsn: page.lsn, since, until, checkpoints: users.len() as u64 };
    Some(Finding::of(Code::KeyNotRotated, place, fact.into()))
}

/// The seconds of a number whose upper half looks like a time: one of after 2001.
fn seconds(number: u64) -> Option<u64> {
    Some(number >> 32).filter(|s| *s >= 1_000_000_000)
}

fn embedded(checkpoint: &Checkpoint) -> Option<Lsn> {
    checkpoint.turtle.key_provider.as_ref().map(|k| k.lsn)
}
