//! Files of the write-ahead log of a home, their records sealed: records, bodies,
//! operations, and the pass over all files of a home.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use wtcheck::format::wtlog::{Body, FIRST_RECORD, FileHeader, Records};
use wtcheck::home::wtlog;
use wtcheck_fuzz::homes::{FileChange, Home};
use wtcheck_fuzz::seal;

thread_local! {
    static HOME: RefCell<Home> = RefCell::new(Home::new(vec![
        ("WiredTigerLog.0000000001".into(), Vec::new()),
        ("WiredTigerLog.0000000002".into(), Vec::new()),
    ]));
}

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let mut file = data.to_vec();
    if how & 1 != 0 {
        seal::log_file(&mut file);
    }
    let header = FileHeader::decode(&file);
    if let Ok(header) = header {
        assert_eq!(FileHeader::decode(&header.encode()), Ok(header));
    }
    let mut records = Records::new(&file);
    let mut end = FIRST_RECORD;
    for record in records.by_ref() {
        assert_eq!(record.offset, end);
        end += u64::from(record.header.len);
        assert!(end <= file.len() as u64);
        let _ = (record.header_fault(), record.lsn(1), record.encrypted_len(), record.encrypted_padding_fault());
        let Ok(plain) = record.plain(None) else { continue };
        let Ok(body) = Body::decode(plain.body()) else { continue };
        if let Some(used) = body.used(plain.body()) {
            assert!(used <= plain.body().len());
            let _ = record.padding_fault(&plain, used);
        }
        if let Body::Commit { operations, .. } = body {
            let mut before = 0;
            let mut all = operations.clone();
            while let Some(operation) = all.next() {
                if let Ok(operation) = operation {
                    let _ = operation.file_id();
                }
                assert!(all.offset() >= before);
                before = all.offset();
            }
        }
    }
    assert!(records.end().is_some());

    HOME.with_borrow_mut(|home| {
        let second = if how & 2 != 0 { FileChange::Content(file.clone()) } else { FileChange::Gone };
        home.lay(&[(0, FileChange::Content(file.clone())), (1, second)]);
        let read = || wtlog::read(home.path()).map(|summary| format!("{summary:?}")).map_err(|e| e.to_string());
        assert_eq!(read(), read(), "the same bytes, another summary");
    });
});
