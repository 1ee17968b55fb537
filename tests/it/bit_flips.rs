//! Every single-bit flip of what carries a checksum is found: each bit of real images from the fixtures
//! is flipped in turn, and shown to the function that the audit (or the reader of a journal) uses.
//!
//! What is not in here carries no checksum of its own: the completion record (7.5.1), though a flip in
//! what it says of its turtle page is found by that page; repair plans, which people edit; the turtle of
//! a home. Bits that a checksum does not cover are counted apart.

use crate::common::fixture;
use std::collections::BTreeMap;
use wtcheck::format::block::{FLAG_DATA_CHECKSUM, SKIP_LEN};
use wtcheck::format::cookie::Cookie;
use wtcheck::format::image::{Era, Image};
use wtcheck::format::key_page;
use wtcheck::format::local::{ExtentList, LocalAddress, LocalCheckpoint, allocation_size};
use wtcheck::format::page_header::PageType;
use wtcheck::format::wtlog::{self, FileHeader, Next, Records};
use wtcheck::home::block::{Headers, Verified, verify};
use wtcheck::home::fault::FaultKind as LocalFault;
use wtcheck::id::Lsn;
use wtcheck::pagelog::catalog::{self, Refusal};
use wtcheck::pagelog::fault::{Fact, Fault, FaultKind};
use wtcheck::pagelog::page::{self, Checks, Scratch};
use wtcheck::pagelog::{chain, seal};
use wtcheck::repair::journal::{self, Header, Mark, Steps};
use wtcheck::store::edit::{Change, Field, Value};
use wtcheck::store::palite::Palite;
use wtcheck::store::palm::Palm;
use wtcheck::store::{BlockReader, Index, PageLog, Row, StoreError, StoreKind};

/// Flip each bit in turn, and let `look` see the bytes: the number of the bit, byte by byte.
fn each_flip(bytes: &[u8], mut look: impl FnMut(usize, &[u8])) {
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        look(bit, &flipped);
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Every row of a store with its data.
fn rows(store: &dyn PageLog) -> Vec<(Row, Vec<u8>)> {
    let (index, _) = store.index(None, &|_| {}).unwrap();
    let mut reader = store.reader().unwrap();
    let mut read = |row: &Row| {
        let mut data = Vec::new();
        reader.read(row, &mut data).unwrap();
        (*row, data)
    };
    index.rows().iter().map(|row| read(&row)).collect()
}

fn palite(name: &str) -> Palite {
    Palite::open(&fixture("palite").join(name).join("kv_home")).unwrap()
}

/// What flips in the images of a store came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    images: usize,
    /// Found by the checksum, or by a header that cannot be.
    found: usize,
    /// Behind the first 64 bytes of a compressed image with a short checksum: its stream fails.
    stream: usize,
    /// The same, and the stream decodes to something else; the engine would not know either.
    unseen: usize,
}

/// Flips of whole images, seen as the pass over the index sees them.
fn seals(era: Era, rows: &[(Row, Vec<u8>)]) -> Tally {
    let mut tally = Tally::default();
    for (row, data) in rows {
        let sound = seal::seal(era, row, data);
        if sound.state == 0 {
            continue;
        }
        let image = Image::parse(data, Some(era)).unwrap();
        let covered = if image.block.flags & FLAG_DATA_CHECKSUM != 0 { data.len() } else { SKIP_LEN };
        tally.images += 1;
        each_flip(data, |bit, flipped| {
            let seen = seal::seal(era, row, flipped);
            match (seen.state == 0, bit / 8 < covered) {
                (true, true) => tally.found += 1,
                (true, false) => tally.stream += 1,
                (false, true) => panic!("table {}, page {}, LSN {}: bit {bit}", row.table, row.page, row.lsn),
                (false, false) => tally.unseen += 1,
            }
        });
    }
    tally
}

#[test]
fn images_and_deltas_of_a_page_log() {
    let all = rows(&palite("2026-07-leak-full"));
    let deltas = all.iter().filter(|(r, _)| r.is_delta()).count();
    assert!(deltas > 20, "{deltas}");
    let tally = seals(Era::Current, &all);
    println!("PALite: {tally:?}");
    let bits: usize = all.iter().map(|(_, data)| data.len() * 8).sum();
    assert!(tally.images > 300 && tally.found > bits / 2, "{tally:?}");
}

#[test]
fn images_and_deltas_of_june_2025() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = crate::common::palm_data();
    std::fs::write(dir.path().join("data.mdb"), bytes).unwrap();
    let mut all = rows(&Palm::open(dir.path(), true).unwrap());
    all.retain(|(_, data)| data.len() < 3000);
    // Some of each table: full images and deltas, compressed or not.
    let mut of_table: BTreeMap<(u64, bool), usize> = BTreeMap::new();
    all.retain(|(row, _)| {
        let n = of_table.entry((row.table.get(), row.is_delta())).or_default();
        *n += 1;
        *n <= 6
    });
    let tally = seals(Era::June2025, &all);
    println!("PALM: {tally:?}");
    assert!(tally.images > 60 && tally.found > 100_000, "{tally:?}");
}

/// Serves one store's rows, with other bytes for one of them.
struct Flipped<'a> {
    rows: &'a [(Row, Vec<u8>)],
    lsn: u64,
    bytes: Vec<u8>,
}

impl BlockReader for Flipped<'_> {
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let found = self.rows.iter().find(|(r, _)| (r.table, r.page, r.lsn) == (row.table, row.page, row.lsn)).unwrap();
        out.clone_from(if row.lsn == self.lsn { &self.bytes } else { &found.1 });
        Ok(())
    }
}

/// A page of a base image and deltas, read through its cookie: each flip is a fault, and is located if it
/// lies in what the checksum covers but not in the fields that say what that is.
#[test]
fn chains_read_through_their_cookie() {
    let all = rows(&palite("2026-07-leak-full"));
    let index = Index::new(all.iter().map(|(r, data)| Row { len: data.len() as u32, ..*r }).collect());
    let chain_of = |last: &Row| -> Vec<&(Row, Vec<u8>)> {
        let of_page = all.iter().filter(|(r, _)| (r.table, r.page) == (last.table, last.page));
        of_page.filter(|(r, _)| r.lsn == last.base_lsn || (r.base_lsn == last.base_lsn && r.lsn <= last.lsn)).collect()
    };
    let whole =
        |data: &[u8]| Image::parse(data, Some(Era::Current)).is_ok_and(|i| i.block.flags & FLAG_DATA_CHECKSUM != 0);
    // The smallest chain of three blocks whose checksums cover all of them.
    let chains = all.iter().filter(|(r, _)| r.is_delta()).map(|(r, _)| chain_of(r));
    let suitable = chains.filter(|c| c.len() >= 3 && c.iter().all(|(_, data)| whole(data)));
    let in_chain = suitable.min_by_key(|c| c.iter().map(|(_, data)| data.len()).sum::<usize>()).unwrap();
    let newest = &in_chain.last().unwrap().0;
    let size = in_chain.iter().map(|(_, data)| data.len() as u32).sum();
    let sum = Image::parse(&in_chain.last().unwrap().1, Some(Era::Current)).unwrap().block.checksum;
    let cookie = Cookie::new(newest.page, in_chain.last().unwrap().0.lsn, newest.base_lsn, size, sum);
    let read = |lsn: u64, bytes: &[u8]| {
        let mut faults = Vec::new();
        let chain = chain::resolve(&index, newest.table, &cookie, &mut faults).unwrap();
        let mut reader = Flipped { rows: &all, lsn, bytes: bytes.to_vec() };
        let mut scratch = Scratch::default();
        page::read(&mut reader, &index, &cookie, Checks::all(&cookie), chain, &mut scratch, &mut faults);
        faults
    };
    assert_eq!(read(0, &[]), Vec::new());
    for (row, data) in in_chain {
        let mut located = 0;
        each_flip(data, |bit, flipped| {
            let faults = read(row.lsn.get(), flipped);
            assert!(!faults.is_empty(), "LSN {}: bit {bit}", row.lsn);
            let there = (bit / 8, (bit % 8) as u8);
            let here = |f: &Fault| matches!(f.fact, Fact::ComputedSum { flipped: Some(at), .. } if at == there);
            located += usize::from(faults.iter().any(|f| f.recovered && here(f)));
        });
        println!("LSN {}: {located} of {} flips located", row.lsn, data.len() * 8);
        assert!(located * 10 > data.len() * 8 * 8);
    }
}

#[test]
fn key_pages_of_both_layouts() {
    let mut seen = Vec::new();
    for name in ["2025-11-bitflip-missing-delta", "2026-07-leak-full", "2026-07-stale-keystore-inflight"] {
        for (_, data) in rows(&palite(name)) {
            let Ok(page) = key_page::parse(&data) else { continue };
            seen.push(page.layout);
            each_flip(&data, |bit, flipped| {
                assert!(key_page::parse(flipped).is_err(), "{name}: bit {bit} of {} bytes", data.len());
            });
        }
    }
    for made in [key_page::encode_v1(&[7; 60]), key_page::encode_v2(&[7; 60], 1_783_503_208)] {
        seen.push(key_page::parse(&made).unwrap().layout);
        each_flip(&made, |bit, flipped| assert!(key_page::parse(flipped).is_err(), "bit {bit}"));
    }
    println!("{} key pages", seen.len());
    assert!(seen.contains(&key_page::KeyLayout::V1) && seen.contains(&key_page::KeyLayout::V2));
}

#[test]
fn turtle_pages_by_the_checksum_in_their_record() {
    let mut pages = 0;
    for name in ["2026-02-double-root", "2026-07-leak-full"] {
        let store = palite(name);
        let all = rows(&store);
        let index = Index::new(all.iter().map(|(r, _)| *r).collect());
        for record in store.completions().unwrap().0 {
            let mut reader = Flipped { rows: &all, lsn: 0, bytes: Vec::new() };
            let checkpoint = catalog::open(&index, &mut reader, &record).unwrap();
            let lsn = checkpoint.completion.metadata_lsn;
            let turtle = &all.iter().find(|(r, _)| r.lsn == lsn).unwrap().1;
            pages += 1;
            each_flip(turtle, |bit, flipped| {
                let mut reader = Flipped { rows: &all, lsn: lsn.get(), bytes: flipped.to_vec() };
                match catalog::open(&index, &mut reader, &record) {
                    Err(Refusal::TurtleChecksum { .. }) => {}
                    other => panic!("{name}, LSN {lsn}, bit {bit}: {:?}", other.map(|c| c.turtle)),
                }
            });
        }
    }
    assert!(pages >= 4, "{pages}");
}

/// The record has no checksum; but a flip in what it says of its turtle page does not go unnoticed.
#[test]
fn what_a_completion_record_says_of_its_turtle_page() {
    let store = palite("2026-07-leak-full");
    let all = rows(&store);
    let index = Index::new(all.iter().map(|(r, _)| *r).collect());
    for record in store.completions().unwrap().0 {
        let text = String::from_utf8(record.text.clone()).unwrap();
        for key in ["metadata_lsn=", "metadata_checksum="] {
            let start = text.find(key).unwrap() + key.len();
            let end = start + text[start..].find([',', ')']).unwrap_or(text.len() - start);
            each_flip(&record.text, |bit, flipped| {
                if !(start..end).contains(&(bit / 8)) {
                    return;
                }
                let record = wtcheck::store::CompletionRow { text: flipped.to_vec(), ..record.clone() };
                let mut reader = Flipped { rows: &all, lsn: 0, bytes: Vec::new() };
                let opened = catalog::open(&index, &mut reader, &record);
                // A hexadecimal digit in the other case is the same digit.
                let same = flipped[bit / 8].eq_ignore_ascii_case(&record_byte(&text, bit / 8));
                assert_eq!(opened.is_ok(), same, "{key}: bit {bit}");
            });
        }
    }
}

fn record_byte(text: &str, at: usize) -> u8 {
    text.as_bytes()[at]
}

/// Blocks of the local fixtures by page type and coverage, a few of each: (type, whole, block, address).
fn local_blocks() -> Vec<(PageType, bool, Vec<u8>, LocalAddress)> {
    let mut out = Vec::new();
    let mut taken: BTreeMap<(u8, bool), usize> = BTreeMap::new();
    for home in ["local/lost-extent", "local/mongo"] {
        let mut files: Vec<_> = std::fs::read_dir(fixture(home)).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "wt"));
        files.sort();
        for bytes in files.iter().map(|f| std::fs::read(f).unwrap()) {
            for at in (4096..bytes.len()).step_by(4096) {
                let Ok(headers) = Headers::read(&bytes[at..]) else { continue };
                let size = headers.block.disk_size;
                let Some(block) = bytes.get(at..at + size as usize).filter(|b| b.len() >= 512) else { continue };
                let (checksum, offset) = (headers.block.checksum, at as u64);
                let address = LocalAddress { offset, size, checksum, object: None };
                if block.len() > 4096 || !matches!(verify(block, &address), Verified::Sound) {
                    continue;
                }
                let whole = headers.block.flags & FLAG_DATA_CHECKSUM != 0;
                let n = taken.entry((headers.page.type_byte, whole)).or_default();
                *n += 1;
                if *n <= 2 {
                    out.push((headers.page.page_type().unwrap(), whole, block.to_vec(), address));
                }
            }
        }
    }
    out
}

/// Flip every bit of a block: how many flips go unseen, and none of those the checksum covers may. The
/// checksum itself is computed for all of them; what [`verify`] makes of it, with the search for the bit,
/// is asked for those of the headers and for some behind.
fn flips_of_block(whole: bool, block: &[u8], address: &LocalAddress) -> usize {
    let covered = if whole { block.len() } else { SKIP_LEN };
    let mut outside = 0;
    each_flip(block, |bit, flipped| {
        let header = Headers::read(flipped).unwrap().block;
        let sound = header.checksum == address.checksum && header.compute_checksum(flipped) == header.checksum;
        assert_eq!(sound, bit / 8 >= covered, "bit {bit} of the block at {}", address.offset);
        outside += usize::from(sound);
        if bit >= SKIP_LEN * 8 && bit % 509 != 0 {
            return;
        }
        match verify(flipped, address) {
            Verified::Sound => assert!(sound, "bit {bit}"),
            Verified::Flipped(fault, byte, n) => {
                assert_eq!((byte, usize::from(n), fault.kind), (bit / 8, bit % 8, LocalFault::Checksum));
            }
            // The checksum field itself.
            Verified::FieldOnly(_) | Verified::Bad(_) => assert!((32..36).contains(&(bit / 8)), "bit {bit}"),
        }
    });
    outside
}

#[test]
fn blocks_of_local_files() {
    let (mut whole_blocks, mut head_blocks, mut outside, mut kinds) = (0, 0, 0, Vec::new());
    for (kind, whole, block, address) in local_blocks() {
        *(if whole { &mut whole_blocks } else { &mut head_blocks }) += 1;
        kinds.push(kind);
        outside += flips_of_block(whole, &block, &address);
    }
    // Blocks covered by their head only are those that are compressed: here, made of a whole one.
    let (_, _, block, address) = local_blocks().into_iter().find(|b| b.1).unwrap();
    let mut block = block;
    block[36] &= !FLAG_DATA_CHECKSUM;
    let checksum = Headers::read(&block).unwrap().block.compute_checksum(&block);
    block[32..36].copy_from_slice(&checksum.to_le_bytes());
    head_blocks += 1;
    outside += flips_of_block(false, &block, &LocalAddress { checksum, ..address });
    println!("{whole_blocks} blocks covered whole, {head_blocks} by their head; {outside} flips outside");
    assert!(whole_blocks >= 3 && kinds.contains(&PageType::BlockManager) && kinds.contains(&PageType::RowLeaf));
    assert!(outside >= (block.len() - SKIP_LEN) * 8);
}

/// An extent list is a block like others; the cookie of a checkpoint names it.
#[test]
fn extent_lists_through_the_checkpoint_cookie() {
    let blocks = local_blocks();
    let mut lists = 0;
    for (_, whole, block, address) in blocks.iter().filter(|b| b.0 == PageType::BlockManager) {
        if ExtentList::decode(block, 4096, 1 << 40).is_err() {
            continue;
        }
        lists += 1;
        let cookie = LocalCheckpoint {
            version: 1,
            root: None,
            alloc: None,
            avail: Some(*address),
            discard: None,
            file_size: 1 << 30,
            checkpoint_size: 0,
            object: None,
        };
        let named = LocalCheckpoint::decode(&cookie.encode(4096).unwrap(), 4096).unwrap().avail.unwrap();
        assert!(*whole);
        assert_eq!(flips_of_block(*whole, block, &named), 0);
    }
    assert!(lists > 0);
}

#[test]
fn descriptor_blocks() {
    let bytes = std::fs::read(fixture("local/lost-extent/one.wt")).unwrap();
    let alloc = allocation_size(&bytes[..4096]).unwrap();
    assert_eq!(alloc, 4096);
    let head = &bytes[..alloc as usize];
    each_flip(head, |bit, flipped| assert_ne!(allocation_size(flipped), Ok(alloc), "bit {bit}"));
}

#[test]
fn records_of_the_log() {
    let bytes = std::fs::read(fixture("local/mongo/journal/WiredTigerLog.0000000001")).unwrap();
    FileHeader::decode(&bytes).unwrap();
    each_flip(&bytes[..128], |bit, flipped| assert!(FileHeader::decode(flipped).is_err(), "file header, bit {bit}"));
    let mut count = 0;
    for record in Records::new(&bytes).filter(|r| r.stored().len() <= 2048).take(60) {
        let start = record.offset as usize;
        count += 1;
        // With the rest of the file behind it, as a walk sees it: a wrong length may reach into that.
        let len = record.header.len as usize;
        let behind = bytes[start + len..].to_vec();
        each_flip(&bytes[start..start + len], |bit, flipped| {
            let window = [flipped, &behind].concat();
            let found = wtlog::next(&window, record.offset, bytes.len() as u64);
            assert!(!matches!(found, Next::Record(_)), "record at {start}, bit {bit}: {found:?}");
        });
    }
    assert!(count >= 20, "{count}");
}

/// A journal is never read as another one: each flip makes it unreadable or unfinished, or the letter of a
/// checksum a capital one.
#[test]
fn journals() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wtcheck-undo-1.journal");
    let header = Header {
        journal_version: journal::JOURNAL_VERSION,
        made_by: "wtcheck".into(),
        made_at: 1,
        directory: "/data".into(),
        kind: StoreKind::Palite,
        fingerprint: "ab12".into(),
        lsn_counter: Some((Lsn(1), Lsn(2))),
        newest_completion: None,
        actions: vec!["set size= of a from 2 to 1".into()],
    };
    let field = |value| vec![Field { name: "val".into(), value }];
    let change = Change {
        file: "globals.db".into(),
        set: "globals".into(),
        before: Some(field(Value::Integer(1))),
        after: Some(field(Value::Blob(vec![0, 255]))),
    };
    journal::write(&path, &header, &Steps::Records(vec![change])).unwrap();
    journal::mark(&path, Mark::Applied).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let whole = journal::read(&path).unwrap().unwrap();
    let mut without_mark = whole.clone();
    without_mark.marks.clear();
    let last_line = bytes.len() - 1 - bytes[..bytes.len() - 1].iter().rev().position(|b| *b == b'\n').unwrap();
    let damaged = dir.path().join("wtcheck-undo-2.journal");
    each_flip(&bytes, |bit, flipped| {
        std::fs::write(&damaged, flipped).unwrap();
        match journal::read(&damaged) {
            Err(_) | Ok(None) => {}
            Ok(Some(found)) if found == whole => {
                assert!(flipped[bit / 8].eq_ignore_ascii_case(&bytes[bit / 8]), "bit {bit}: {}", flipped[bit / 8]);
            }
            // The last line without its end counts as not written.
            Ok(Some(found)) => assert!(found == without_mark && bit / 8 >= last_line, "bit {bit}: {found:?}"),
        }
    });
}

/// Flips are damage of content, not of the store: the class of fault says so.
#[test]
fn a_flip_is_a_checksum_fault() {
    let all = rows(&palite("2026-07-leak-full"));
    let sound = |data: &[u8]| {
        let image = Image::parse(data, Some(Era::Current));
        image.is_ok_and(|i| i.block.checksum == i.compute_checksum() && i.block.flags & FLAG_DATA_CHECKSUM != 0)
    };
    let full = all.iter().filter(|(r, data)| r.is_full() && sound(data));
    let (row, data) = full.min_by_key(|(_, data)| data.len()).unwrap();
    let index = Index::new(vec![Row { len: data.len() as u32, ..*row }]);
    let sum = Image::parse(data, Some(Era::Current)).unwrap().block.checksum;
    let cookie = Cookie::new(row.page, row.lsn, Lsn(0), data.len() as u32, sum);
    each_flip(data, |bit, flipped| {
        let mut faults = Vec::new();
        let chain = chain::resolve(&index, row.table, &cookie, &mut faults).unwrap();
        let mut reader = Flipped { rows: &all, lsn: row.lsn.get(), bytes: flipped.to_vec() };
        page::read(&mut reader, &index, &cookie, Checks::all(&cookie), chain, &mut Scratch::default(), &mut faults);
        let kinds: Vec<FaultKind> = faults.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [FaultKind::Checksum], "bit {bit}");
    });
}
