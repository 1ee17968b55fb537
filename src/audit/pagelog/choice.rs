//! Which checkpoint an audit stands on: the completion records of a page log, and those that cannot be used.

use super::Opened;
use super::fact::Fact;
use crate::audit::AuditError;
use crate::audit::finding::{Code, Finding, Place};
use crate::coverage::Unchecked;
use crate::id::{Lsn, PageId, Version};
use crate::pagelog::catalog::{self, Checkpoint, Refusal};
use crate::pagelog::fault::FaultKind;
use crate::store::{BlockReader, CompletionRow};

/// The completion records that were opened: the chosen one, the others, and findings about those
/// that cannot be used.
pub struct Choice {
    /// The checkpoint to stand on.
    pub audited: Option<Checkpoint>,
    /// All other usable ones, ascending by LSN.
    pub others: Vec<Checkpoint>,
    /// Findings about unusable records and turtle pages.
    pub findings: Vec<Finding>,
    /// A record's turtle page may lie in an unreadable part of the store.
    pub unchecked: bool,
    /// Files that the system did not let be read there.
    pub unread: Vec<(String, Unchecked)>,
    /// Turtle pages that are in no dump.
    pub not_supplied: Vec<Version>,
}

/// Open all completion records and choose: the one asked for, or the newest that can be used.
pub fn choose(opened: &Opened<'_>, reader: &mut dyn BlockReader, wanted: Option<&str>) -> Result<Choice, AuditError> {
    let mut choice = Choice {
        audited: None,
        others: Vec::new(),
        findings: Vec::new(),
        unchecked: false,
        unread: Vec::new(),
        not_supplied: Vec::new(),
    };
    let number = wanted.and_then(|w| w.parse::<Lsn>().ok());
    let mut matched = wanted.is_none();
    for row in opened.completions.iter().rev() {
        let result = catalog::open(&opened.index, reader, row);
        let this = match (&result, wanted) {
            (_, None) => choice.audited.is_none(),
            (Ok(c), Some(w)) => {
                number == Some(row.lsn) || number == Some(c.completion.metadata_lsn) || checkpoint_name(c) == Some(w)
            }
            (Err(_), Some(_)) => number == Some(row.lsn),
        } && choice.audited.is_none();
        matched |= this;
        let missing = matches!(&result, Err(Refusal::TurtleMissing(_)));
        if let Err(Refusal::TurtleMissing(fault)) = &result {
            choice.unread.extend(fault.unread.clone());
            let lacks = fault.kind == FaultKind::Missing && opened.may_lack(fault.table, fault.lsn);
            choice.not_supplied.extend(lacks.then(|| fault.place()));
        }
        match result {
            Ok(checkpoint) if this => choice.audited = Some(checkpoint),
            Ok(checkpoint) => choice.others.push(checkpoint),
            Err(Refusal::Unsupported(e)) if this => {
                return Err(AuditError::Unsupported { lsn: row.lsn, reason: e.message });
            }
            // A record only a newer reader understands is no damage; who asked for an older one knows.
            Err(Refusal::Unsupported(_)) => choice.unchecked |= wanted.is_none(),
            Err(refusal) => match refused(row, refusal) {
                // Which of the tables holds turtle pages is not known where none of them was read.
                Some(_) if missing && catalog::TURTLE_TABLES.iter().any(|t| opened.is_unread(*t)) => {
                    choice.unchecked = true
                }
                Some(finding) if missing && finding.place.table_id.is_some_and(|t| opened.may_lack(t, row.lsn)) => {
                    choice.unchecked = true
                }
                Some(finding) if finding.place.table_id.is_some_and(|t| opened.is_partial(t)) => {
                    choice.unchecked = true
                }
                Some(finding) => choice.findings.push(finding),
                None => choice.unchecked = true,
            },
        }
    }
    choice.others.reverse();
    if !matched {
        let available = match opened.completions.as_slice() {
            [] => "none".to_string(),
            rows => rows.iter().rev().take(8).map(|r| r.lsn.to_string()).collect::<Vec<_>>().join(", "),
        };
        return Err(AuditError::NoSuchCheckpoint { wanted: wanted.unwrap_or_default().to_string(), available });
    }
    Ok(choice)
}

pub(crate) fn checkpoint_name(c: &Checkpoint) -> Option<&str> {
    c.metadata.entry.as_ref().map(|e| e.name.as_str())
}

/// A finding for a record that cannot be used; `None` where it just could not be read.
fn refused(row: &CompletionRow, refusal: Refusal) -> Option<Finding> {
    let record = Version { lsn: row.lsn, ..Version::default() };
    let (code, at) = match &refusal {
        Refusal::CompletionInvalid(_) => (Code::CompletionInvalid, record),
        Refusal::Unsupported(_) => (Code::CookieUnsupported, record),
        Refusal::TurtleEncrypted => return None,
        Refusal::TurtleMissing(fault) if fault.kind.is_unchecked() => return None,
        Refusal::TurtleMissing(fault) => (Code::PageMissing, fault.place()),
        Refusal::TurtleChecksum { place, .. } => (Code::TurtleChecksum, *place),
        Refusal::TurtleInvalid { place, .. } => (Code::TurtleInvalid, *place),
        Refusal::RootCookie { place, .. } => (Code::CookieInvalid, *place),
    };
    let of_page = at.page != PageId::default();
    let place = Place {
        table_id: of_page.then_some(at.table),
        page_id: of_page.then_some(at.page),
        lsn: Some(at.lsn),
        ..Place::default()
    };
    let fact = Fact::Refused { record: row.lsn, text: String::from_utf8_lossy(&row.text).into_owned(), refusal };
    Some(Finding::of(code, place, fact.into()))
}
