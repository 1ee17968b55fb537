//! What brings the metadata of a home back: a turtle or metadata under another name, or all of it made anew.

use super::first_block;
use crate::audit::finding::{Code, Finding, Severity};
use crate::audit::result::Audit;
use crate::format::home_turtle;
use crate::home::directory::{Home, Issue, METADATA, Way};
use crate::home::edit;
use crate::home::rebuild::{self, From, Reason, Rebuilt, System};
use crate::home::restore;
use crate::repair::plan::{Action, Advice, LeftOut, PutBack, What};
use crate::words;

/// Files that are named one by one.
const NAMED: usize = 20;

/// What one look at the metadata comes to.
pub enum Proposal {
    /// It is in its place.
    NotNeeded,
    Do(Box<Action>),
    /// Something is wrong with it, and nothing here mends it.
    Cannot(Advice),
}

/// The action that comes before every other, if one is needed.
pub fn propose(home: &Home, audit: &Audit) -> Proposal {
    if home.alone || home.way == Way::Backup {
        return Proposal::NotNeeded;
    }
    if home.issues.contains(&Issue::TurtleSet) && home.complete {
        return rename(home, audit).map_or(Proposal::NotNeeded, |action| Proposal::Do(Box::new(action)));
    }
    if let Some(name) = rebuild::aside(home) {
        let Some(finding) = about(audit, name).find(|f| f.code == Code::MetadataReplaced) else {
            return Proposal::NotNeeded;
        };
        return match set_back(home, finding) {
            Ok(action) => Proposal::Do(Box::new(action)),
            // Not as it is, but its rows.
            Err(why) => made_anew(home, finding, vec![format!("{name} cannot be put back as it is: {why}")]),
        };
    }
    let of_turtle = about(audit, home_turtle::FILE_NAME);
    let mut errors = about(audit, METADATA).chain(of_turtle).filter(|f| f.severity == Severity::Error);
    // With all rows read, what the engine stumbles over are its lists or its end.
    let finding = if home.complete {
        errors.find(|f| is_unusable(f) && !first_block::mends(home, audit, f))
    } else {
        errors.next()
    };
    match finding.filter(|_| !home.encrypted) {
        Some(finding) => made_anew(home, finding, Vec::new()),
        None => Proposal::NotNeeded,
    }
}

/// A block of the file that is not to be had, or the file as a whole.
fn is_unusable(finding: &Finding) -> bool {
    let whole = [Code::DescriptorInvalid, Code::FileSizeMismatch].contains(&finding.code);
    whole || finding.block_fault().is_some_and(|fault| !fault.mended)
}

fn about<'a>(audit: &'a Audit, file: &'a str) -> impl Iterator<Item = &'a Finding> {
    audit.findings.iter().filter(move |f| f.place.file.as_deref() == Some(file))
}

fn rename(home: &Home, audit: &Audit) -> Option<Action> {
    let finding = about(audit, home_turtle::FILE_NAME).find(|f| f.code == Code::FileMissing)?;
    edit::changes(home, &[edit::LocalEdit::RenameTurtle], 0).ok()?;
    let (from, to) = (home_turtle::TEMPORARY_NAME.to_string(), home_turtle::FILE_NAME.to_string());
    Some(Action {
        writes: vec![format!("{from} is renamed to {to}")],
        what: What::RenameTurtle { from, to },
        code: finding.code.name().to_string(),
        why: "The engine was stopped between writing the turtle and renaming it. A copy of the directory without this \
              file has no way to the metadata."
            .into(),
        evidence: vec!["it leads to every metadata row".into()],
    })
}

fn set_back(home: &Home, finding: &Finding) -> Result<Action, String> {
    let found = restore::set_back(home).map_err(|e| e.to_string())?;
    let edit = edit::LocalEdit::RestoreMetadata { from: found.from.clone() };
    edit::changes(home, &[edit], 0).map_err(|e| e.to_string())?;
    let mut evidence = words::of(finding).evidence;
    evidence.push(format!("all {} rows are there, and each one matches its file", found.rows));
    evidence.push(format!("what was created since is kept as {}", found.to));
    Ok(Action {
        code: finding.code.name().to_string(),
        why: "An engine that found no turtle took the directory for a new database and set the metadata aside.".into(),
        evidence,
        writes: vec![
            format!("{METADATA} is renamed to {}", found.to),
            format!("{} is renamed to {METADATA}", found.from),
            home_turtle::FILE_NAME.to_string(),
        ],
        what: What::RestoreMetadata { from: found.from, kept_as: found.to, rows: found.rows },
    })
}

fn made_anew(home: &Home, finding: &Finding, mut evidence: Vec<String>) -> Proposal {
    // The time of a plan is no part of it, so any will do to see whether it can be carried out.
    let made = rebuild::rebuild(home, 0)
        .and_then(|made| edit::changes(home, &[edit::LocalEdit::RebuildMetadata], 0).map(|_| made));
    let made = match made {
        Ok(made) => made,
        Err(e) => {
            evidence.push(e.to_string());
            let advice = format!(
                "the metadata cannot be rebuilt: {}. Restore {METADATA} and the turtle or the directory from a backup, \
                 or the member from a healthy one; each table can be examined on its own with wtcheck audit FILE",
                evidence.join("; ")
            );
            let (code, place) = (finding.code.name().to_string(), METADATA.to_string());
            return Proposal::Cannot(Advice { code, place, advice });
        }
    };
    let there = home.inventory.contains_key(METADATA);
    let (instead_of, why) = match (&made.aside, there) {
        (Some(aside), _) => (
            format!("the one created when {aside} was set aside"),
            "An engine that found no turtle took the directory for a new database and set the metadata aside.",
        ),
        (None, false) => {
            ("there is none".to_string(), "Without its metadata the engine cannot open anything in the directory.")
        }
        (None, true) if home.complete => (
            "the engine cannot open it".to_string(),
            "All rows of the metadata can be read, but not what the engine needs to write to the file.",
        ),
        (None, true) => (
            "it cannot be read in full".to_string(),
            "The metadata is damaged, so the engine cannot open the directory, or not all of it.",
        ),
    };
    evidence.extend(facts(home, &made));
    let left_out = made.left_out.iter().map(|(file, reason)| LeftOut { file: file.clone(), why: words_of(reason) });
    let put_back = made.stand_ins.iter().map(|(file, from)| PutBack { file: file.clone(), from: from.clone() });
    let renamed = made.stand_ins.iter().map(|(file, from)| {
        format!(
            "{from} is renamed to {file}; the file with that name gets a \
            new one"
        )
    });
    let mut writes: Vec<String> = renamed.collect();
    writes.push(format!("{METADATA}, {} bytes", made.bytes()));
    writes.push(home_turtle::FILE_NAME.to_string());
    Proposal::Do(Box::new(Action {
        what: What::RebuildMetadata {
            instead_of,
            tables: made.tables,
            rows: made.rows,
            left_out: left_out.collect(),
            put_back: put_back.collect(),
        },
        code: finding.code.name().to_string(),
        why: why.into(),
        evidence,
        writes,
    }))
}

/// What the new metadata rests on.
fn facts(home: &Home, made: &Rebuilt) -> Vec<String> {
    let mut out = Vec::new();
    for from in [From::Copy, From::Remains, From::Log, From::Kind] {
        let files: Vec<&str> = made.files.iter().filter(|(_, f)| *f == from).map(|(name, _)| name.as_str()).collect();
        let rows = match files.len() {
            1 => "the row of 1 file is".to_string(),
            count => format!("the rows of {count} files are"),
        };
        out.extend((!files.is_empty()).then(|| match from {
            From::Copy => format!("{rows} from the copy of the newest checkpoint in the file itself"),
            From::Remains => format!("{rows} recovered from the old metadata"),
            From::Log => format!("{rows} from the journal"),
            From::Kind => format!("never written to, and given a row like others of their kind: {}", listed(&files)),
        }));
    }
    out.push(match made.system {
        System::Known(From::Log) => "the timestamps of the last checkpoint are in the journal".into(),
        System::Known(_) => {
            "the timestamps of the last checkpoint are in the recovered part of the old metadata".into()
        }
        System::NotNeeded => {
            "no file has versions with timestamps, so nothing depends on the timestamp of the last checkpoint".into()
        }
        System::Lost(files) => format!(
            "the stable timestamp of the last checkpoint is lost with the metadata: {files} files have versions with \
             timestamps, and the engine will keep those newer than it, which it would have rolled back"
        ),
        System::NoHistory(files) => format!(
            "the history store is lost: {files} files have versions with timestamps, and those newer than the last \
             checkpoint stay, because the versions they replaced are gone"
        ),
    });
    let replayed = home.log.as_ref().is_ok_and(|log| !log.files.is_empty());
    out.extend(replayed.then(|| match made.lsn.as_str() {
        "(4294967295,2147483647)" => "nothing from the journal will be applied".to_string(),
        lsn => format!("the engine will apply the journal from {lsn} onwards"),
    }));
    if !made.parts.is_empty() {
        let names: Vec<&str> = made.parts.iter().map(String::as_str).collect();
        out.push(format!(
            "only the metadata recorded which table's columns they are, or that they are an index; all of their rows \
             can be extracted file by file: {}",
            listed(&names)
        ));
    }
    if !made.unclaimed.is_empty() {
        let names: Vec<&str> = made.unclaimed.iter().map(String::as_str).collect();
        out.push(format!(
            "not in MongoDB's catalog, so mongod drops it at its next start, as it would have done before: {}",
            listed(&names)
        ));
    }
    let left: Vec<String> = made
        .left_out
        .iter()
        .take(NAMED)
        .map(|(file, reason)| format!("left out: {file}: {}", words_of(reason)))
        .collect();
    out.extend(left);
    let more = made.left_out.len().saturating_sub(NAMED);
    out.extend((more > 0).then(|| format!("left out: {more} more files")));
    out
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn words_of(reason: &Reason) -> String {
    match reason {
        Reason::NoCopy => "it holds no copy of a checkpoint, and nothing else says how it was created".into(),
        Reason::SameId(other) => format!("it states the id of {other}, which is newer"),
        Reason::Dropped => "the journal says that it was dropped".into(),
        Reason::NotInMetadata => "it was created after the metadata was set aside".into(),
        Reason::Name => "its name is one used for files that were set aside".into(),
        Reason::Text(why) => why.clone(),
    }
}
