//! A whole page log of hostile rows, in memory: rows of a fixture with their data,
//! fields and records changed, every checksum optionally made to hold again. Everything that reads a
//! page log runs on it: audits of every depth, map, replay of pick-ups.

#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wtcheck::format::crc::crc32c;
use wtcheck::format::image::{self, Image, NewImage};
use wtcheck::store::StoreKind;
use wtcheck_fuzz::memory::MemoryLog;
use wtcheck_fuzz::seal::{self, Mend};
use wtcheck_fuzz::{audits, fixtures};

/// Most changes to one store.
const CHANGES: usize = 24;

static BASES: LazyLock<Vec<MemoryLog>> = LazyLock::new(|| {
    let load = |name: &&str| {
        let (rows, completions, layout) = fixtures::palite(name);
        MemoryLog { kind: StoreKind::Palite, rows, completions, layout }
    };
    fixtures::PALITE.iter().map(load).collect()
});

#[derive(Debug)]
enum Change {
    /// Bytes of a row's data, as stored.
    Stored { row: u16, at: u16, bytes: [u8; 4], len: u8, mend: Mend },
    /// Bytes of its plain form, and compressed again.
    Plain { row: u16, at: u16, bytes: [u8; 8], len: u8, mend: Mend },
    /// Its data ends here.
    Cut { row: u16, at: u16 },
    /// A field of the row.
    Field { row: u16, which: u8, value: Value },
    /// The row is gone.
    Remove { row: u16 },
    /// It is there once more, elsewhere.
    Again { row: u16, which: u8, value: Value },
    /// Two rows have changed their data.
    Swap { a: u16, b: u16 },
    /// Bytes of a completion record.
    Record { record: u8, at: u8, bytes: [u8; 2] },
    /// Its turtle page's checksum is right.
    Turtle { record: u8 },
    /// A field of a completion record.
    Position { record: u8, value: Value },
    /// The LSN counter.
    Counter(Value),
}

/// A number that goes with the others, or any.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// As it is, and so much more.
    Near(i8),
    /// As in another row.
    Of(u16),
    /// This.
    Small(u8),
    /// Close to the largest.
    Large(u8),
    Any(u64),
}

impl<'a> Arbitrary<'a> for Change {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let row = u.arbitrary()?;
        let (record, other) = u16::to_le_bytes(row).into();
        Ok(match u.int_in_range(0..=10)? {
            0 => Self::Stored {
                row,
                at: u.arbitrary()?,
                bytes: u.arbitrary()?,
                len: u.arbitrary()?,
                mend: u.arbitrary()?,
            },
            1 => Self::Plain {
                row,
                at: u.arbitrary()?,
                bytes: u.arbitrary()?,
                len: u.arbitrary()?,
                mend: u.arbitrary()?,
            },
            2 => Self::Cut { row, at: u.arbitrary()? },
            3 => Self::Field { row, which: u.arbitrary()?, value: u.arbitrary()? },
            4 => Self::Remove { row },
            5 => Self::Again { row, which: u.arbitrary()?, value: u.arbitrary()? },
            6 => Self::Swap { a: row, b: u.arbitrary()? },
            7 => Self::Record { record, at: other, bytes: u.arbitrary()? },
            8 => Self::Turtle { record },
            9 => Self::Position { record, value: u.arbitrary()? },
            _ => Self::Counter(u.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for Value {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=4)? {
            0 => Self::Near(u.arbitrary()?),
            1 => Self::Of(u.arbitrary()?),
            2 => Self::Small(u.arbitrary()?),
            3 => Self::Large(u.arbitrary()?),
            _ => Self::Any(u.arbitrary()?),
        })
    }
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok([base, what]) = <[u8; 2]>::arbitrary(&mut u) else { return };
    let mut log = BASES[usize::from(base) % BASES.len()].clone();
    if base & 0x80 != 0 {
        log.kind = StoreKind::Palm;
    }
    for _ in 0..CHANGES {
        if u.is_empty() {
            break;
        }
        let Ok(change) = Change::arbitrary(&mut u) else { break };
        apply(&mut log, &change);
    }
    let _ = audits::page_log(&log, what);
});

fn apply(log: &mut MemoryLog, change: &Change) {
    let count = log.rows.len().max(1);
    let pick = |row: u16| usize::from(row) % count;
    match change {
        Change::Stored { row, at, bytes, len, mend } => {
            let Some((_, data)) = log.rows.get_mut(pick(*row)) else { return };
            let old = Image::parse(data, None).ok().map(|i| i.block.checksum);
            patch(data, usize::from(*at), &bytes[..usize::from(len % 4) + 1]);
            seal::image(data, None, *mend, old);
        }
        Change::Plain { row, at, bytes, len, mend } => {
            let Some((_, data)) = log.rows.get_mut(pick(*row)) else { return };
            if let Some(changed) = plain(data, usize::from(*at), &bytes[..usize::from(len % 8) + 1], *mend) {
                *data = changed;
            }
        }
        Change::Cut { row, at } => {
            if let Some((_, data)) = log.rows.get_mut(pick(*row)) {
                data.truncate(usize::from(*at) % (data.len() + 1));
            }
        }
        Change::Field { row, which, value } => field(log, pick(*row), *which, *value),
        Change::Remove { row } => {
            if pick(*row) < log.rows.len() {
                log.rows.remove(pick(*row));
            }
        }
        Change::Again { row, which, value } => {
            if let Some(copy) = log.rows.get(pick(*row)).cloned() {
                log.rows.push(copy);
                field(log, log.rows.len() - 1, *which, *value);
            }
        }
        Change::Swap { a, b } => {
            let (a, b) = (pick(*a), pick(*b));
            if a != b && a.max(b) < log.rows.len() {
                let data = std::mem::take(&mut log.rows[a].1);
                log.rows[a].1 = std::mem::replace(&mut log.rows[b].1, data);
            }
        }
        Change::Record { record, at, bytes } => {
            let records = log.completions.len().max(1);
            if let Some(found) = log.completions.get_mut(usize::from(*record) % records) {
                patch(&mut found.text, usize::from(*at), bytes);
            }
        }
        Change::Turtle { record } => turtle(log, *record),
        Change::Position { record, value } => {
            let records = log.completions.len().max(1);
            let at = usize::from(*record) % records;
            if let Some(now) = log.completions.get(at).map(|c| c.lsn) {
                log.completions[at].lsn = number(log, now.get(), *value);
                log.completions.sort_by_key(|c| c.lsn);
            }
        }
        Change::Counter(value) => {
            log.layout.lsn_counter = Some(number(log, log.layout.lsn_counter.unwrap_or_default().get(), *value));
        }
    }
}

fn patch(bytes: &mut [u8], at: usize, with: &[u8]) {
    let at = at % bytes.len().max(1);
    for (to, from) in bytes.iter_mut().skip(at).zip(with) {
        *to = *from;
    }
}

/// The image with bytes of its cells changed.
fn plain(data: &[u8], at: usize, with: &[u8], mend: Mend) -> Option<Vec<u8>> {
    let parsed = Image::parse(data, None).ok()?;
    let mut cells = parsed.plain(None).ok()?.get(parsed.data_offset()..)?.to_vec();
    patch(&mut cells, at, with);
    let compressor = parsed.is_compressed().then(|| wtcheck::format::compress::detect(data)).flatten();
    let new = NewImage {
        delta: parsed.is_delta(),
        previous_checksum: parsed.block.previous_checksum,
        compressor,
        era: parsed.era,
        ..NewImage::new(parsed.page)
    };
    let old = parsed.block.checksum;
    let (mut out, _) = image::build(&new, &cells);
    seal::image(&mut out, None, mend, Some(old));
    Some(out)
}

/// A number in place of an LSN or an id.
fn number<T: From<u64>>(log: &MemoryLog, now: u64, value: Value) -> T {
    T::from(match value {
        Value::Near(by) => now.wrapping_add_signed(i64::from(by)),
        Value::Of(row) => log.rows.get(usize::from(row) % log.rows.len().max(1)).map_or(0, |r| r.0.lsn.get()),
        Value::Small(n) => u64::from(n),
        Value::Large(n) => u64::MAX - u64::from(n),
        Value::Any(n) => n,
    })
}

fn field(log: &mut MemoryLog, at: usize, which: u8, value: Value) {
    let Some((mut row, _)) = log.rows.get(at).cloned() else { return };
    match which % 6 {
        0 => row.table = number(log, row.table.get(), value),
        1 => row.page = number(log, row.page.get(), value),
        2 => row.lsn = number(log, row.lsn.get(), value),
        3 => row.backlink_lsn = number(log, row.backlink_lsn.get(), value),
        4 => row.base_lsn = number(log, row.base_lsn.get(), value),
        _ => row.flags ^= number::<u64>(log, 0, value) as u32,
    }
    log.rows[at].0 = row;
}

/// Write the checksum that its turtle page now has into a completion record.
fn turtle(log: &mut MemoryLog, record: u8) {
    let records = log.completions.len().max(1);
    let Some(found) = log.completions.get_mut(usize::from(record) % records) else { return };
    let Ok(mut completion) = wtcheck::format::completion::parse(&found.text) else { return };
    let page = log.rows.iter().find(|(r, _)| r.lsn == completion.metadata_lsn);
    if let (Some((_, data)), Some(sum)) = (page, completion.metadata_checksum.as_mut()) {
        *sum = crc32c(data);
        found.text = completion.to_text().into_bytes();
    }
}
