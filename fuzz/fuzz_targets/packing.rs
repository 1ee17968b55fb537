//! Packed integers, packed formats, history-store records, extent lists with their recovery data, and
//! the descriptor block.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wtcheck::format::int;
use wtcheck::format::local::{DATA_OFFSET, ExtentList, LocalAddress, allocation_size, descriptor, encode_descriptor};
use wtcheck::format::reader::Reader;
use wtcheck::format::{crc, pack};
use wtcheck::page::cell::Times;
use wtcheck::page::history::{HistoryKey, HistoryValue, times_fit, versions_fit};

fuzz_target!(|data: &[u8]| {
    let Some((what, data)) = data.split_first() else { return };
    match what % 5 {
        0 => integers(data),
        1 => formats(data),
        2 => history(data),
        3 => extents(data),
        _ => head(data),
    }
});

fn integers(data: &[u8]) {
    let mut r = Reader::new(data);
    let mut out = Vec::new();
    while let Ok(n) = int::read_vuint(&mut r) {
        let start = out.len();
        int::write_vuint(&mut out, n.value);
        if n.canonical {
            let end = r.pos();
            assert_eq!(out[start..], data[end - (out.len() - start)..end]);
        }
        assert!(r.pos() <= data.len());
    }
    let mut r = Reader::new(data);
    while let Ok(n) = int::read_vint(&mut r) {
        let mut out = Vec::new();
        int::write_vint(&mut out, n);
        assert_eq!(int::read_vint(&mut Reader::new(&out)), Ok(n));
    }
    if let Ok((a, b)) = int::read_nibble_pair(&mut Reader::new(data)) {
        let mut out = Vec::new();
        int::write_nibble_pair(&mut out, a, b);
        assert_eq!(int::read_nibble_pair(&mut Reader::new(&out)), Ok((a, b)));
    }
}

fn formats(data: &[u8]) {
    let (format, bytes) = data.split_at(data.len().min(usize::from(data.first().copied().unwrap_or(0) % 32)));
    if let Ok(format) = std::str::from_utf8(format) {
        let _ = pack::check(format, bytes);
    }
}

fn history(data: &[u8]) {
    let (a, b) = data.split_at(data.len() / 2);
    let key = HistoryKey::decode(a);
    if let Ok(key) = &key {
        let again = key.encode();
        assert_eq!(HistoryKey::decode(&again).as_ref(), Ok(key));
        let _ = key.recno();
    }
    if let (Ok(older), Ok(value), Ok(newer)) = (&key, HistoryValue::decode(b), HistoryKey::decode(b)) {
        let _ = (versions_fit((older, &value), (&newer, &value)), times_fit(older, &value, &Times::EMPTY));
    }
}

fn extents(data: &[u8]) {
    let Some((shift, data)) = data.split_first() else { return };
    let alloc = 512_u32 << (shift % 8);
    let mut block = vec![0; DATA_OFFSET];
    block.extend_from_slice(data);
    if let Ok(list) = ExtentList::decode(&block, alloc, 1 << 40) {
        assert!(list.end <= block.len() && list.extents.len() <= block.len() / 2);
        let mut again = vec![0; DATA_OFFSET];
        again.extend_from_slice(&list.encode());
        let back = ExtentList::decode(&again, alloc, 1 << 40).expect("what was decoded encodes");
        assert_eq!((back.extents, back.end_value), (list.extents, list.end_value));
        if let Some(recovery) = list.recovery {
            assert_eq!(back.recovery.as_ref(), Some(&recovery));
            let avail = LocalAddress { offset: u64::from(alloc), size: alloc, checksum: 1, object: None };
            if let Ok(found) = recovery.checkpoint(alloc, avail) {
                assert_eq!(found.avail, Some(avail));
            }
            let _ = recovery.file_metadata();
        }
    }
}

fn head(data: &[u8]) {
    let mut head = data.to_vec();
    head.resize(512, 0);
    let _ = (descriptor(data), descriptor(&head), allocation_size(data));
    let sum = crc::crc32c_zeroed(&head, 8);
    head[8..12].copy_from_slice(&sum.to_le_bytes());
    let _ = descriptor(&head);
    if let Ok(alloc) = allocation_size(&head)
        && let Some(written) = encode_descriptor(alloc)
    {
        descriptor(&written).expect("a written descriptor reads back");
    }
}
