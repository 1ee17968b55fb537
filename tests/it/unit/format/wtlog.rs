use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::compress::{self, Compressor};
use wtcheck::format::crc::crc32c_zeroed;
use wtcheck::format::int::write_vuint;
use wtcheck::format::wtlog::*;
use wtcheck::format::wtlog_body::{Body, Change, IGNORED, Operation};

const FILE_HEADER: &str = "80000000b79b02d0000000000000000064101000050000000000100000000000";

fn hex(text: &str, len: usize) -> Vec<u8> {
    let mut out = hex::decode(text.replace(' ', "")).unwrap();
    out.resize(len, 0);
    out
}

/// An operation with its size filled in (one byte is enough here).
fn operation(kind: u64, fields: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_vuint(&mut out, kind);
    let size = out.len() + 1 + fields.len();
    assert!(size < 64);
    write_vuint(&mut out, size as u64);
    out.extend_from_slice(fields);
    out
}

fn sealed(body: &[u8]) -> Vec<u8> {
    seal(body, 0, 0, true)
}

/// A log file of the given records.
fn file(records: &[Vec<u8>]) -> Vec<u8> {
    let header = FileHeader { version: 5, size: 1 << 20 }.encode();
    let previous = seal(&hex::decode("848884 8180".replace(' ', "")).unwrap(), 0, 0, false);
    [vec![header, previous], records.to_vec()].concat().concat()
}

fn changes(bytes: &[u8]) -> Vec<Change<'_>> {
    match Body::decode(bytes).unwrap() {
        Body::Commit { operations, .. } | Body::System(operations) => operations.map(|o| o.unwrap().change).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn file_header_of_16_11() {
    let bytes = hex(FILE_HEADER, 128);
    let want = FileHeader { version: 5, size: 1 << 20 };
    assert_eq!(FileHeader::decode(&bytes).unwrap(), want);
    assert_eq!(want.encode(), bytes);
    assert!(FileHeader::decode(&[]).unwrap_err().message.contains("empty"));
    assert!(FileHeader::decode(&bytes[..127]).is_err());
    assert!(FileHeader::decode(&[0; 128]).is_err());
    let newer = FileHeader { version: 6, size: 1 }.encode();
    assert_eq!(FileHeader::decode(&newer).unwrap_err().class, Class::Unsupported);
    assert_eq!(FileHeader::decode(&sealed(b"abcdefghijklmnop")).unwrap_err().class, Class::Invalid);
}

#[test]
fn bodies_of_16_11() {
    let snapshot = 0;
    assert_eq!(
        Body::decode(&hex("8081e30bbc4080", 112)).unwrap(),
        Body::Checkpoint { lsn: LogLsn { file: 1, offset: 777_344 }, snapshot }
    );
    assert_eq!(changes(&hex("848782", 112)), [Change::CheckpointStart]);
    assert_eq!(changes(&hex("8488848180", 112)), [Change::PreviousLsn(LogLsn { file: 1, offset: 0 })]);
    let previous = LogLsn { file: 1, offset: 943_744 };
    assert_eq!(changes(&hex("84888781e30e4640", 112)), [Change::PreviousLsn(previous)]);
    assert_eq!(previous.to_string(), "(1,943744)");
    let body = hex("828081", 112);
    let sync = Body::decode(&body).unwrap();
    assert_eq!((&sync, sync.used(&body)), (&Body::FileSync { file_id: 0, start: true }, Some(3)));
    assert_eq!(Body::decode(&hex("828080", 9)).unwrap(), Body::FileSync { file_id: 0, start: false });
    assert_eq!(Body::decode(b"\x83hello\0\0\0").unwrap(), Body::Message(b"hello"));
    // The commit record of the worked example, its value shortened.
    let mut body = hex("81e2400a 84 9a 82 8c 6b657930303030333633 3000", 20);
    body.extend_from_slice(b"after wired\0");
    body[5] = 0x80 | u8::try_from(body.len() - 4).unwrap();
    let got = Body::decode(&body).unwrap();
    let Body::Commit { txn, mut operations } = got else { panic!() };
    assert_eq!(txn, 24_650);
    let op = operations.next().unwrap().unwrap();
    let change = Change::RowPut { file_id: 2, key: b"key00003630\0", value: b"after wired\0", modify: false };
    assert_eq!(op.change, change);
    assert_eq!((op.kind, op.ignored, op.file_id()), (4, false, Some(2)));
    assert!(operations.next().is_none());
    assert_eq!(operations.offset(), body.len());
}

#[test]
fn every_operation() {
    let key = [&[0x82, 0x83][..], b"abc"].concat();
    let cases: Vec<(u64, Vec<u8>, Change<'_>)> = vec![
        (1, b"\x82\x87v".to_vec(), Change::ColumnPut { file_id: 2, recno: 7, value: b"v", modify: false }),
        (9, b"\x82\x87v".to_vec(), Change::ColumnPut { file_id: 2, recno: 7, value: b"v", modify: true }),
        (2, b"\x82\x87".to_vec(), Change::ColumnRemove { file_id: 2, recno: 7 }),
        (3, b"\x82\x87\x89".to_vec(), Change::ColumnTruncate { file_id: 2, start: 7, stop: 9 }),
        (4, [&key[..], b"v"].concat(), Change::RowPut { file_id: 2, key: b"abc", value: b"v", modify: false }),
        (10, key.clone(), Change::RowPut { file_id: 2, key: b"abc", value: b"", modify: true }),
        (5, b"\x82abc".to_vec(), Change::RowRemove { file_id: 2, key: b"abc" }),
        (6, b"\x82\x81a\x80\x83".to_vec(), Change::RowTruncate { file_id: 2, start: b"a", stop: b"", mode: 3 }),
        (7, vec![], Change::CheckpointStart),
        (8, vec![0x81, 0x80], Change::PreviousLsn(LogLsn { file: 1, offset: 0 })),
        (
            11 | IGNORED,
            vec![0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87],
            Change::Timestamps { clock: (1, 2), commit: 3, durable: 4, first_commit: 5, prepare: 6, read: 7 },
        ),
        (12, b"\x80\x81id\0".to_vec(), Change::BackupId { index: 0, granularity: 1, name: b"id\0" }),
        (13, b"??".to_vec(), Change::Unknown { fields: b"??" }),
    ];
    let mut body = vec![0x81, 0x85];
    for (kind, fields, _) in &cases {
        body.extend_from_slice(&operation(*kind, fields));
    }
    let content = body.len();
    body.resize(content + 20, 0);
    let Body::Commit { mut operations, .. } = Body::decode(&body).unwrap() else { panic!() };
    for (kind, _, change) in &cases {
        let op = operations.next().unwrap().unwrap();
        assert_eq!(op, Operation { kind: kind & !IGNORED, ignored: kind & IGNORED != 0, change: *change });
    }
    assert!(operations.next().is_none());
    assert_eq!(operations.offset(), content);
}

#[test]
fn malformed_bodies() {
    for body in [&[][..], &[0x00], &[0x80], &[0x80, 0x81, 0x81], b"\x83text", &[0x82, 0xe5, 1, 0, 0, 0, 0, 0x80]] {
        assert_eq!(Body::decode(body).unwrap_err().class, Class::Invalid, "{body:02x?}");
    }
    assert!(matches!(Body::decode(&[0x85, 1]).unwrap(), Body::Unknown { kind: 5, rest: [1] }));
    // Operation sizes: below their own head, beyond the body, fields missing, fields left over.
    for body in [&[0x84, 0x87, 0x81][..], &[0x84, 0x87, 0x83], &[0x84, 0x88, 0x82], &[0x84, 0x87, 0x83, 1]] {
        let Body::System(mut operations) = Body::decode(body).unwrap() else { panic!() };
        assert!(operations.next().unwrap().is_err(), "{body:02x?}");
        assert!(operations.next().is_none());
    }
}

#[test]
fn ends_of_a_file() {
    let body = [&[0x81, 0x85][..], &operation(5, b"\x82abc")].concat();
    let record = sealed(&body);
    let good = file(std::slice::from_ref(&record));
    let walk = |bytes: &[u8]| {
        let mut records = Records::new(bytes);
        let n = records.by_ref().count();
        (n, records.end().unwrap().clone(), records.offset())
    };
    assert_eq!(walk(&good), (2, End::Boundary, 384));
    let with = |more: &[u8]| [&good[..], more].concat();
    assert_eq!(walk(&with(&[0; 4096])), (2, End::Zero, 384));
    assert_eq!(walk(&with(&[0; 5])), (2, End::Zero, 384));
    assert_eq!(walk(&with(&[0, 1])), (2, End::Torn { len: 0 }, 384));
    let mut hole = with(&[0; 5000]);
    hole[5000] = 7;
    assert_eq!(walk(&hole), (2, End::Hole { data: 5000 }, 384));
    // Torn: the end was not written; or the file ends within.
    let mut torn = record.clone();
    torn[20] ^= 1;
    assert!(matches!(walk(&with(&torn)), (2, End::BadChecksum { .. }, 384)));
    torn[127] = 0;
    assert_eq!(walk(&with(&torn)), (2, End::Torn { len: 128 }, 384));
    assert_eq!(walk(&with(&record[..100])), (2, End::Torn { len: 128 }, 384));
    let mut odd = record.clone();
    odd[0] = 0x81;
    assert!(matches!(walk(&with(&odd)), (2, End::Malformed(_), 384)));
    assert_eq!(walk(&[]), (0, End::Boundary, 128));
    // A window that does not reach.
    assert_eq!(next(&record[..10], 0, 256), Next::More(16));
    assert_eq!(next(&record[..100], 0, 256), Next::More(128));
    let huge = hex("00000040", 128);
    assert_eq!(next(&huge, 0, 128), Next::End(End::Torn { len: 1 << 30 }));
    assert!(matches!(next(&huge, 0, 1 << 31), Next::End(End::Malformed(_))));
}

#[test]
fn padding_and_header_rules() {
    let body = [0x82, 0x80, 0x81];
    let first = |bytes: &[u8]| -> Option<String> {
        let Next::Record(record) = next(bytes, 256, 1 << 20) else { panic!() };
        let plain = record.plain(None).unwrap();
        let used = Body::decode(plain.body()).unwrap().used(plain.body()).unwrap();
        record.padding_fault(&plain, used)
    };
    assert_eq!(first(&sealed(&body)), None);
    assert!(first(&seal(&body, 0, 0, false)).unwrap().contains("0x00 instead of 0xab"));
    let dirty = [&body[..], &[0, 0, 9]].concat();
    assert!(first(&sealed(&dirty)).unwrap().contains("not zero"));
    let fault = |flags, mem_len| {
        let bytes = seal(&body, flags, mem_len, true);
        let Next::Record(record) = next(&bytes, 256, 1 << 20) else { panic!() };
        record.header_fault()
    };
    assert_eq!(fault(0, 0), None);
    assert!(fault(4, 0).unwrap().contains("flags"));
    assert!(fault(0, 5).unwrap().contains("not compressed"));
    assert!(fault(1, 0).unwrap().contains("plain length"));
}

#[test]
fn compressed_and_encrypted_records() {
    let mut body = vec![0x81, 0x85];
    for _ in 0..50 {
        body.extend_from_slice(&operation(5, b"\x82the same key again and again"));
    }
    let mem_len = u32::try_from(body.len() + HEADER_LEN).unwrap();
    for c in [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd, Compressor::Lz4] {
        let stored = compress::compress(c, &[vec![0; compress::VERBATIM], body.clone()].concat());
        let bytes = seal(&stored[compress::VERBATIM..], 1, mem_len, true);
        let Next::Record(record) = next(&bytes, 256, 1 << 20) else { panic!() };
        assert_eq!(record.header_fault(), None);
        for given in [None, Some(c)] {
            let plain = record.plain(given).unwrap();
            assert_eq!((plain.body(), plain.compressor()), (body.as_slice(), Some(c)));
            assert_eq!(record.padding_fault(&plain, body.len()), None);
        }
        let lie = seal(&stored[compress::VERBATIM..], 1, u32::MAX, true);
        let Next::Record(record) = next(&lie, 256, 1 << 20) else { panic!() };
        assert_eq!(record.plain(Some(c)).unwrap_err().class, Class::Io);
    }
    let bytes = seal(&[&47_u32.to_le_bytes()[..], &[7; 27]].concat(), 2, 0, true);
    let Next::Record(record) = next(&bytes, 256, 1 << 20) else { panic!() };
    assert_eq!(record.plain(None).unwrap_err().class, Class::Unsupported);
    assert_eq!((record.encrypted_len(), record.encrypted_padding_fault()), (Some(47), None));
    let bytes = seal(&[255; 40], 2, 0, true);
    let Next::Record(record) = next(&bytes, 256, 1 << 20) else { panic!() };
    assert!(record.encrypted_len().is_none() && record.encrypted_padding_fault().is_some());
}

proptest! {
    #[test]
    fn any_body_decodes_or_errs(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0x80_u8..0x86) {
        for body in [bytes.clone(), [vec![kind], bytes.clone()].concat(), [vec![0x84, kind], bytes].concat()] {
            match Body::decode(&body) {
                Ok(Body::Commit { operations, .. } | Body::System(operations)) => { let _ = operations.count(); }
                Ok(other) => { let _ = other.used(&body); }
                Err(e) => prop_assert_eq!(e.class, Class::Invalid),
            }
        }
    }

    #[test]
    fn damaged_files_never_panic(at: prop::sample::Index, with in proptest::collection::vec(any::<u8>(), 0..200), resealed: bool) {
        let body = [&[0x81, 0x85][..], &operation(5, b"\x82abc")].concat();
        let mut bytes = file(&[sealed(&body), sealed(&body), sealed(&[0x82, 0x80, 0x81])]);
        let at = at.index(bytes.len());
        for (slot, b) in bytes.iter_mut().skip(at).zip(&with) {
            *slot = *b;
        }
        if resealed {
            for record in bytes.chunks_mut(128) {
                let sum = crc32c_zeroed(record, CHECKSUM_AT);
                record[4..8].copy_from_slice(&sum.to_le_bytes());
            }
        }
        let _ = FileHeader::decode(&bytes);
        let mut records = Records::new(&bytes);
        for record in records.by_ref() {
            let _ = (record.header_fault(), record.encrypted_padding_fault());
            for given in [None, Some(Compressor::Zstd), Some(Compressor::Lz4)] {
                let Ok(plain) = record.plain(given) else { continue };
                if let Ok(Body::Commit { mut operations, .. }) = Body::decode(plain.body()) {
                    let _ = operations.by_ref().count();
                    let _ = record.padding_fault(&plain, operations.offset());
                }
            }
        }
        prop_assert!(records.end().is_some());
    }
}
