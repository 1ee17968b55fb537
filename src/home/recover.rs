//! The copy of the newest checkpoint that a file carries itself, behind its avail list:
//! found by a scan when the metadata is lost, read beside the checkpoint when it is not.

use super::block::{self, probe};
use crate::format::config::Config;
use crate::format::config_keys::METADATA_DEFAULTS;
use crate::format::local::{self, ExtentList, LocalAddress, LocalCheckpoint, Recovery};
use crate::format::page_header::PageType;
use crate::format::{FormatError, checkpoint_list};
use crate::store::blockfile::BlockFile;

/// The scan's step while the allocation size is not known: the smallest there is.
const SMALLEST: u32 = *local::ALLOCATION_SIZES.start();

/// A checkpoint found in the file itself.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The avail block the data was found in.
    pub avail: LocalAddress,
    /// The allocation size: what the metadata text says, else the descriptor, else what all offsets share.
    pub alloc: u32,
    pub recovery: Recovery,
    /// The complete checkpoint cookie.
    pub checkpoint: LocalCheckpoint,
}

impl Recovered {
    /// The metadata file's configuration text with its checkpoints replaced by those of the recovery data, as
    /// the turtle would have it. `None` if it is encrypted.
    pub fn metadata_text(&self) -> Option<String> {
        let text = self.recovery.file_metadata().ok()??;
        let config = Config::parse(text).ok()?;
        let list = self.checkpoint_list()?;
        let mut parts = Vec::new();
        // Before its first checkpoint a file's text may have no list at all.
        if config.get("checkpoint").is_none() {
            parts.push(format!("checkpoint={list}"));
        }
        for entry in config.entries() {
            if entry.key == "checkpoint" {
                parts.push(format!("checkpoint={list}"));
            } else if entry.value.kind == crate::format::config::Kind::String {
                parts.push(format!("{}=\"{}\"", entry.key, entry.value.text));
            } else {
                parts.push(format!("{}={}", entry.key, entry.value.text));
            }
        }
        // Engines up to 3.2 leave out of the copy what every metadata file is made with.
        if config.get("allocation_size").is_none() {
            let absent = METADATA_DEFAULTS.iter().filter(|(key, _)| config.get(key).is_none());
            parts.extend(absent.map(|(key, value)| format!("{key}={value}")));
            parts.sort();
        }
        Some(parts.join(","))
    }

    /// `(NAME=(addr="..",..),..)` with the last cookie completed.
    pub fn checkpoint_list(&self) -> Option<String> {
        let incomplete = hex::encode(&self.recovery.cookie);
        let complete = hex::encode(self.checkpoint.encode(self.alloc).ok()?);
        let list = self.recovery.checkpoint_list.strip_prefix("checkpoint=")?;
        // The incomplete cookie is that of the last entry; an older one may be equal only in part.
        let at = list.rfind(&format!("\"{incomplete}\""))?;
        let (head, tail) = list.split_at(at);
        Some(format!("{head}{}", tail.replacen(&incomplete, &complete, 1)))
    }

    /// The checkpoints, oldest first, the last cookie completed.
    pub fn checkpoints(&self) -> Result<Vec<checkpoint_list::CheckpointEntry>, FormatError> {
        let config = Config::parse(&self.recovery.checkpoint_list)?;
        let mut list = checkpoint_list::from_file_config(&config)?;
        if let Some(last) = list.last_mut() {
            last.addr = self.checkpoint.encode(self.alloc)?;
        }
        Ok(list)
    }
}

/// The recovery data in the avail block of a checkpoint. `None` where there is none, or the block is
/// damaged, which is the business of whoever reads it as a list.
pub fn beside(file: &BlockFile, alloc: u32, avail: &LocalAddress) -> Option<Recovered> {
    let mut buffer = Vec::new();
    let stored = block::load(file, avail, &mut buffer, &mut Vec::new())?;
    let recovery = ExtentList::decode(stored, alloc, u64::MAX).ok()?.recovery?;
    let checkpoint = recovery.checkpoint(alloc, *avail).ok()?;
    Some(Recovered { avail: *avail, alloc, recovery, checkpoint })
}

/// Look through the whole file for the newest checkpoint. `alloc` is the allocation size, where known.
pub fn scan(file: &BlockFile, alloc: Option<u32>, progress: &dyn Fn(u64)) -> Option<Recovered> {
    let step = alloc.unwrap_or(SMALLEST);
    let mut buffer = Vec::new();
    let mut best: Option<(LocalAddress, Recovery)> = None;
    // What all offsets and sizes are multiples of.
    let mut shared = 0_u64;
    let mut offset = u64::from(alloc.unwrap_or(0));
    while offset < file.len() {
        progress(offset);
        let Some((address, headers, stored)) = probe(file, offset, step, &mut buffer) else {
            offset = offset.saturating_add(u64::from(step));
            continue;
        };
        shared = gcd(shared, gcd(address.offset, u64::from(address.size)));
        if headers.page.page_type() == Ok(PageType::BlockManager)
            && let Ok(ExtentList { recovery: Some(found), .. }) = ExtentList::decode(stored, step, u64::MAX)
            && best.as_ref().is_none_or(|(_, b)| b.generation <= found.generation)
        {
            best = Some((address, found));
        }
        offset = address.end();
    }
    let (avail, recovery) = best?;
    let alloc = alloc.or_else(|| stated(&recovery)).or_else(|| guessed(shared))?;
    let checkpoint = recovery.checkpoint(alloc, avail).ok()?;
    Some(Recovered { avail, alloc, recovery, checkpoint })
}

/// The allocation size in the metadata text.
fn stated(recovery: &Recovery) -> Option<u32> {
    let config = Config::parse(recovery.file_metadata().ok()??).ok()?;
    let value = config.get("allocation_size")?.u64().ok()?;
    u32::try_from(value).ok().filter(|a| a.is_power_of_two() && local::ALLOCATION_SIZES.contains(a))
}

/// The largest allocation size that all blocks agree with.
fn guessed(shared: u64) -> Option<u32> {
    let power = u32::try_from(1_u64.checked_shl(shared.trailing_zeros())?).ok()?;
    local::ALLOCATION_SIZES.contains(&power).then_some(power)
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    a
}
