//! The log files of a home with other content.
//!
//! The new file begins as zeros. Records keep their places and lengths; of what a transaction wrote
//! only the operations, file ids and lengths stay, and the names of metadata rows. How a file ends,
//! torn or damaged, stays as well.

use super::page::{self, Recook};
use super::relabel::Alphabet;
use super::search::Samples;
use super::{PackError, squeeze, text};
use crate::format::compress::{Compressor, VERBATIM};
use crate::format::crc;
use crate::format::wtlog::{self, Body, Change, End, FIRST_RECORD, HEADER_LEN, Next, Record};
use std::fs;
use std::path::Path;

/// Last byte of padding.
const PAD_MARK: u8 = 0xab;
/// Where the checksum of a record lies.
const CHECKSUM_AT: usize = 4;
/// Bytes of the file header record that mean something.
const FILE_HEADER: usize = 32;

/// Rewrite a log file into the new file `to`.
pub(super) fn rewrite(
    from: &Path,
    to: &Path,
    cookie: &Recook<'_>,
    alphabet: Alphabet,
    samples: &mut Samples,
) -> Result<(), PackError> {
    let old = crate::store::read_regular_file(from).map_err(|e| PackError::io(from, &e))?;
    fs::write(to, rewritten(&old, cookie, alphabet, samples)).map_err(|e| PackError::io(to, &e))
}

fn rewritten(old: &[u8], cookie: &Recook<'_>, alphabet: Alphabet, samples: &mut Samples) -> Vec<u8> {
    let mut out = vec![0; old.len()];
    let first = usize::try_from(FIRST_RECORD).unwrap_or(128);
    let head = old.get(..first).unwrap_or(old);
    if head.iter().any(|b| *b != 0) {
        let n = FILE_HEADER.min(head.len());
        out[..n].copy_from_slice(&head[..n]);
        if let Some(at) = head[n..].iter().position(|b| *b != 0) {
            out[n + at] = 1;
        }
        // One that does not hold must not begin to.
        let held = crc::crc32c_zeroed(head, CHECKSUM_AT) == stored_sum(head);
        crc::seal(&mut out[..head.len()], CHECKSUM_AT, usize::MAX);
        if !held && let Some(sum) = out.get_mut(CHECKSUM_AT) {
            *sum ^= 0xff;
        }
    }
    let size = old.len() as u64;
    let mut at = first;
    while at < old.len() {
        match wtlog::next(&old[at..], at as u64, size) {
            Next::Record(r) => {
                let new = record(&r, cookie, alphabet, samples);
                out[at..at + new.len()].copy_from_slice(&new);
                at += new.len();
            }
            Next::End(End::Zero) => {
                if let Some(data) = wtlog::first_data(&old[at..]).and_then(|n| usize::try_from(n).ok()) {
                    out[at + data] = 1;
                }
                break;
            }
            Next::End(end) => match broken(&old[at..], &mut out[at..], &end) {
                Some(len) => at += len,
                None => break,
            },
            Next::More(_) => break,
        }
    }
    out
}

/// The checksum a record states.
fn stored_sum(record: &[u8]) -> u32 {
    record.get(CHECKSUM_AT..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

/// A record that is not whole stays so; answers its length, if another may follow.
fn broken(old: &[u8], out: &mut [u8], end: &End) -> Option<usize> {
    let n = 4.min(old.len());
    out[..n].copy_from_slice(&old[..n]);
    let len = usize::try_from(u32::from_le_bytes(*old.first_chunk()?)).ok()?;
    if let Some(sum) = out.get_mut(CHECKSUM_AT..CHECKSUM_AT + 4) {
        sum.fill(0xff);
    }
    if matches!(end, End::BadChecksum { .. })
        && let Some(last) = out.get_mut(len.checked_sub(1)?)
    {
        *last = PAD_MARK;
    }
    // Only what stands right behind is looked at.
    let complete = matches!(end, End::BadChecksum { .. } | End::Torn { .. });
    (complete && len > 0 && len < old.len()).then_some(len)
}

fn record(record: &Record<'_>, cookie: &Recook<'_>, alphabet: Alphabet, samples: &mut Samples) -> Vec<u8> {
    let old = record.bytes;
    let mut out = vec![0; old.len()];
    out[..HEADER_LEN].copy_from_slice(&old[..HEADER_LEN]);
    if record.header.is_encrypted() {
        let n = (HEADER_LEN + 4).min(old.len());
        out[..n].copy_from_slice(&old[..n]);
    } else if let Ok(plain) = record.plain(None) {
        // The old record may have been lucky to become so short; one that stays what it is need not become so again.
        let tries = [false, true].into_iter().map(|even| body(plain.body(), cookie, alphabet, even, samples));
        let stored = match plain.compressor() {
            Some(c) => tries
                .filter_map(|new| match new == plain.body() {
                    true => old.get(HEADER_LEN..).map(<[u8]>::to_vec),
                    false => compressed(c, &new, old.len() - HEADER_LEN),
                })
                .next(),
            None => tries.take(1).next(),
        };
        let stored = stored.unwrap_or_default();
        let n = stored.len().min(out.len() - HEADER_LEN);
        out[HEADER_LEN..HEADER_LEN + n].copy_from_slice(&stored[..n]);
        // The mark stands where the old record had it.
        if old.last() == Some(&PAD_MARK) && out.last() == Some(&0) {
            *out.last_mut().unwrap_or(&mut 0) = PAD_MARK;
        }
    }
    crc::seal(&mut out, CHECKSUM_AT, usize::MAX);
    out
}

/// A body in the compressor's framing, with at most so many bytes.
fn compressed(c: Compressor, body: &[u8], len: usize) -> Option<Vec<u8>> {
    let plain = [&[0; VERBATIM], body].concat();
    let (stored, used) = squeeze::fitted(c, &plain, VERBATIM + len)?;
    stored.get(VERBATIM..used).map(<[u8]>::to_vec)
}

/// A plain body with other content. `even`: and with as little as possible of what nobody compares.
fn body(old: &[u8], cookie: &Recook<'_>, alphabet: Alphabet, even: bool, samples: &mut Samples) -> Vec<u8> {
    let mut out = vec![0; old.len()];
    let Ok(decoded) = Body::decode(old) else { return out };
    let whole = decoded.used(old);
    let mut scrub = Scrub { old, out: &mut out, alphabet, even };
    match decoded {
        Body::Commit { mut operations, .. } | Body::System(mut operations) => {
            scrub.keep(0, operations.offset());
            loop {
                let from = operations.offset();
                match operations.next() {
                    Some(Ok(operation)) => {
                        scrub.keep(from, operations.offset());
                        scrub.change(&operation.change, cookie, samples);
                    }
                    Some(Err(_)) => {
                        // An operation that cannot be read: a type and a size that cannot be.
                        scrub.keep(from, (from + 1).min(old.len()));
                        break;
                    }
                    None => break,
                }
            }
        }
        Body::Message(text) => {
            scrub.keep(0, whole.unwrap_or(0));
            scrub.fill(text, alphabet.text);
        }
        Body::Checkpoint { .. } | Body::FileSync { .. } => {
            scrub.keep(0, whole.unwrap_or(0));
        }
        Body::Unknown { rest, .. } => scrub.keep(0, old.len() - rest.len()),
    }
    out
}

struct Scrub<'a, 'o> {
    old: &'a [u8],
    out: &'o mut [u8],
    alphabet: Alphabet,
    even: bool,
}

impl Scrub<'_, '_> {
    fn keep(&mut self, from: usize, to: usize) {
        if let (Some(old), Some(out)) = (self.old.get(from..to), self.out.get_mut(from..to)) {
            out.copy_from_slice(old);
        }
    }

    /// Put something in the place of a part of the body.
    fn put(&mut self, part: &[u8], new: &[u8]) {
        let Some(at) = part.as_ptr().addr().checked_sub(self.old.as_ptr().addr()) else { return };
        if let Some(slot) = self.out.get_mut(at..at.saturating_add(part.len()))
            && new.len() == slot.len()
        {
            slot.copy_from_slice(new);
        }
    }

    fn fill(&mut self, part: &[u8], with: u8) {
        self.put(part, &vec![with; part.len()]);
    }

    fn change(&mut self, change: &Change<'_>, cookie: &Recook<'_>, samples: &mut Samples) {
        let mut key = |scrub: &mut Self, file: u32, key: &[u8]| {
            if file == 0 && text::is_name(key) {
                samples.shipped(key);
                return true;
            }
            samples.key(key);
            scrub.fill(key, scrub.alphabet.key);
            false
        };
        match change {
            Change::RowPut { file_id, key: k, value, modify } => {
                let name = key(self, *file_id, k);
                if name && !modify {
                    let mut new = page::metadata_value(value, &mut 0, cookie);
                    if self.even {
                        text::even_times(&mut new);
                    }
                    samples.shipped(&new);
                    self.put(value, &new);
                } else {
                    samples.value(value);
                    self.fill(value, self.alphabet.value);
                }
            }
            Change::RowRemove { file_id, key: k } => {
                key(self, *file_id, k);
            }
            Change::RowTruncate { file_id, start, stop, .. } => {
                key(self, *file_id, start);
                key(self, *file_id, stop);
            }
            Change::ColumnPut { value, .. } => {
                samples.value(value);
                self.fill(value, self.alphabet.value);
            }
            other => self.other(other),
        }
    }

    /// What has no key and no value; texts and what is not known go.
    fn other(&mut self, change: &Change<'_>) {
        match change {
            Change::BackupId { name, .. } => self.fill(name, self.alphabet.text),
            Change::Unknown { fields } => self.fill(fields, 0),
            _ => {}
        }
    }
}
