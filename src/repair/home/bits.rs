//! Blocks in which one bit is wrong, and their checksums say which.

use crate::audit::finding::{Code, Finding};
use crate::audit::result::Audit;
use crate::format::local::LocalAddress;
use crate::home::directory::Home;
use crate::home::edit::{self, LocalEdit};
use crate::home::fault::{Fact, Fault};
use crate::home::restore::single_bit;
use crate::repair::plan::{Action, What};
use crate::words;
use std::collections::BTreeSet;

/// One action for each block, the blocks of the files in their order.
pub fn propose(home: &Home, audit: &Audit) -> Vec<Action> {
    let mut seen = BTreeSet::new();
    let found = audit.findings.iter().filter_map(|f| action(home, f));
    found.filter(|action| seen.insert(action.writes.clone())).collect()
}

/// Whether a finding is of a block in which one bit can be put right.
pub fn mends(home: &Home, finding: &Finding) -> bool {
    action(home, finding).is_some()
}

fn action(home: &Home, finding: &Finding) -> Option<Action> {
    let fault = finding.block_fault().filter(|_| finding.code == Code::BlockChecksum)?;
    let file = finding.place.file.clone()?;
    let address = address(fault)?;
    let (byte, bit) = single_bit(&address, fault.kind, &fault.fact)?;
    let what = What::FlipBit {
        file: file.clone(),
        offset: address.offset,
        size: address.size,
        checksum: address.checksum,
        byte: byte as u64,
        bit,
    };
    edit::changes(home, &[edit(&what)?], 0).ok()?;
    let said = words::of(finding);
    let mut evidence = vec![format!("expected {}", said.expected), format!("found {}", said.found)];
    evidence.extend(said.evidence);
    evidence.push(format!("with that bit flipped back the block's checksum is {:08x}", address.checksum));
    Some(Action {
        what,
        code: finding.code.name().to_string(),
        why: "One bit of the block is wrong, and no other bit would explain its checksum.".into(),
        evidence,
        writes: vec![format!("{file}: the byte at {}", address.offset.saturating_add(byte as u64))],
    })
}

fn address(fault: &Fault) -> Option<LocalAddress> {
    let Fact::Checksum { expected, .. } = &fault.fact else { return None };
    Some(LocalAddress { offset: fault.offset, size: fault.size, checksum: *expected, object: None })
}

/// The edit that it comes down to.
pub fn edit(what: &What) -> Option<LocalEdit> {
    let What::FlipBit { file, offset, size, checksum, byte, bit } = what else { return None };
    let block = LocalAddress { offset: *offset, size: *size, checksum: *checksum, object: None };
    Some(LocalEdit::FlipBit { file: file.clone(), block, byte: *byte, bit: *bit })
}
