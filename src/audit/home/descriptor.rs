//! The description block of a local file: what is in its place, and whether it was written that way.

use super::detail::{Cause, Descriptor};
use crate::format::local;
use crate::store::blockfile::BlockFile;

/// A first block that does not describe the file.
pub(super) struct Wrong {
    pub cause: Option<Cause>,
    pub found: Descriptor,
    /// Its checksum holds: another engine made it, or it is of another file.
    pub written_so: bool,
}

/// What is wrong with the first block of a file; nothing if it is right, or was not to be read, which the file keeps.
pub(super) fn check(file: &BlockFile, alloc: u32) -> Option<Wrong> {
    let wanted = usize::try_from(alloc).unwrap_or(usize::MAX);
    let (mut buffer, mut more) = (Vec::new(), Vec::new());
    let head = file.read_up_to(0, wanted, &mut buffer).ok()?;
    let cause = if head.is_empty() {
        Some(Cause::EmptyFile)
    } else {
        head.iter().all(|b| *b == 0).then_some(Cause::ZeroDescriptor)
    };
    let found = match local::allocation_size(head) {
        Ok(size) if size == alloc => {
            let tail = head.get(local::DESCRIPTOR_LEN..).is_some_and(|rest| rest.iter().any(|b| *b != 0));
            if !tail {
                return None;
            }
            Descriptor::Tail
        }
        Ok(size) => Descriptor::Of(size),
        Err(e) => Descriptor::Invalid(e),
    };
    // That of another allocation size may be longer.
    let longer = file.read_up_to(0, wanted.max(local::DESCRIPTOR_HEAD), &mut more).unwrap_or(head);
    let found = match (found, local::allocation_size(longer)) {
        (Descriptor::Invalid(_), Ok(size)) => Descriptor::Of(size),
        (found, _) => found,
    };
    Some(Wrong { cause, found, written_so: local::descriptor_holds(longer) })
}
