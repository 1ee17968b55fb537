//! First blocks of files that hold no rows, follow from the allocation size alone, and are damaged while the rest of
//! the file is whole: the engine does not open such a file.

use super::bits;
use crate::audit::finding::{Code, Finding, Severity};
use crate::audit::harm::{self, Harm};
use crate::audit::result::Audit;
use crate::home::directory::Home;
use crate::home::edit::{self, LocalEdit};
use crate::repair::plan::{Action, What};
use crate::words;

pub fn propose(home: &Home, audit: &Audit) -> Vec<Action> {
    audit.findings.iter().filter_map(|finding| action(home, audit, finding)).collect()
}

/// Whether a finding is of a first block that can be rebuilt.
pub fn mends(home: &Home, audit: &Audit, finding: &Finding) -> bool {
    action(home, audit, finding).is_some()
}

fn action(home: &Home, audit: &Audit, finding: &Finding) -> Option<Action> {
    let name = finding.place.file.as_deref().filter(|_| finding.code == Code::DescriptorInvalid)?;
    let entry = home.file(name).filter(|f| f.knows_alloc())?;
    let size = entry.alloc;
    let others = audit.findings.iter().filter(|f| {
        let harmless = f.code == Code::DescriptorInvalid || harm::of(f, audit) <= Harm::Numbers;
        f.place.file.as_deref() == Some(name) && f.severity == Severity::Error && !harmless
    });
    // An engine that opens the file reads its lists, too, and panics where it cannot: then it is better off shut.
    if others.into_iter().any(|f| !bits::mends(home, f)) {
        return None;
    }
    let file = audit.local.iter().flat_map(|l| &l.files).find(|f| f.file == name)?;
    // The blocks behind it show that the file is the one that the metadata names, and that its allocation size is right;
    // of one without a checkpoint nothing behind it is read.
    let behind = match file.checkpoints.last() {
        Some(newest) if newest.complete && newest.root.is_some() => {
            format!("every block of the newest checkpoint is intact: {}", newest.pages.reachable)
        }
        Some(newest) if newest.complete => "the newest checkpoint is empty".to_string(),
        Some(_) => return None,
        None => "no checkpoint has anything in this file".to_string(),
    };
    let what = What::RebuildFirstBlock { file: name.to_string(), size };
    edit::changes(home, &[edit(&what)?], 0).ok()?;
    let said = words::of(finding);
    let mut evidence = vec![format!("expected {}", said.expected), format!("found {}", said.found)];
    evidence.push(behind);
    Some(Action {
        what,
        code: finding.code.name().to_string(),
        why: "The engine does not open a file whose first block is damaged. That block holds no rows: only magic, \
              version, and a checksum that follows from the allocation size."
            .into(),
        evidence,
        writes: vec![format!("{name}: the first {size} bytes")],
    })
}

/// The edit that it comes down to.
pub fn edit(what: &What) -> Option<LocalEdit> {
    let What::RebuildFirstBlock { file, size } = what else { return None };
    Some(LocalEdit::FirstBlock { file: file.clone(), size: *size })
}
