//! Room for the way back: a repair that fails for want of space must still be able to undo what it did.

use super::RepairError;
use super::journal::Steps;
use crate::below::{Below, free_space};
use rustix::fd::OwnedFd;
use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, openat};
use rustix::io::Errno;

/// Pages of a database that a record touches: its own and those above it, and the same in an index.
const PAGES: u64 = 4;
/// Their size.
const PAGE: u64 = 4096;
/// For what is written besides.
const SLACK: u64 = 1 << 20;

/// Space that nothing else can take, in a file without a name: it goes with the process.
pub(super) struct Reserve(#[expect(dead_code, reason = "held for its space")] Option<OwnedFd>);

impl Reserve {
    /// Keep room for taking the steps back, where they and the journal fit as well. `store` is how large the store is.
    pub(super) fn keep(dir: &Below, steps: &Steps, store: u64) -> Result<Self, RepairError> {
        let count = u64::try_from(steps.len()).unwrap_or(u64::MAX);
        let touched = count.saturating_mul(PAGES * PAGE).min(store);
        let once = steps.bytes().saturating_mul(2).saturating_add(touched).saturating_add(SLACK);
        let journal = steps.bytes().saturating_mul(2).saturating_add(count.saturating_mul(1 << 10));
        let wanted = once.saturating_mul(2).saturating_add(journal);
        let refused = |free: String| {
            RepairError::Refused(format!(
                "{}: the repair and its undo need {wanted} bytes, {free} free. Free some space, or repair a copy: --output NEWDIR",
                dir.path().display()
            ))
        };
        if let Some(free) = free_space(dir.handle()).filter(|free| *free < wanted) {
            return Err(refused(format!("{free} are")));
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        // Not every file system can do either of these; then there is no reserve.
        let Ok(file) = openat(dir.handle(), ".", flags, Mode::RUSR | Mode::WUSR) else { return Ok(Self(None)) };
        match fallocate(&file, FallocateFlags::empty(), 0, once) {
            Ok(()) => Ok(Self(Some(file))),
            Err(Errno::NOSPC | Errno::DQUOT) => Err(refused("fewer are".to_string())),
            Err(_) => Ok(Self(None)),
        }
    }
}
