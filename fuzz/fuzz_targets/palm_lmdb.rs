//! The LMDB file of a PALM store with its pages changed: meta pages, branches, leaves,
//! overflow pages, and the rows and blocks in them.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use wtcheck::format::image::{Era, Image};
use wtcheck::store::palm::lmdb::Env;
use wtcheck::store::{OpenOptions, open};
use wtcheck_fuzz::homes::Home;
use wtcheck_fuzz::{audits, fixtures, homes, seal};

const PAGE: usize = 4096;
const PATCHES: usize = 12;
/// Headers of a page that holds one large value.
const OVERFLOW_HEADER: usize = 16;

thread_local! {
    static HOME: RefCell<Home> = RefCell::new(Home::new(vec![("kv_home/data.mdb".into(), fixtures::palm_small())]));
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok(how) = u8::arbitrary(&mut u) else { return };
    if how & 1 != 0 {
        raw(u.take_rest());
        return;
    }
    HOME.with_borrow_mut(|home| {
        let changes = homes::changes(home.files(), &mut u, PATCHES, PAGE, |_, bytes, (patch, range)| {
            // Blocks that have a page to themselves start behind its header.
            let start = range.start / PAGE * PAGE + OVERFLOW_HEADER;
            let Some(block) = bytes.get_mut(start..) else { return };
            let Some(len) = block.get(16..20).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize) else {
                return;
            };
            let Some(block) = block.get_mut(..len) else { return };
            let old = Image::parse(block, Some(Era::June2025)).ok().map(|i| i.block.checksum);
            seal::image(block, Some(Era::June2025), patch.mend, old);
        });
        home.lay(&changes);
        let options = OpenOptions { allow_live: true, no_mmap: how & 2 != 0 };
        if let Ok(store) = open(home.path(), &options) {
            let _ = audits::page_log(&*store, how >> 2);
        }
    });
});

/// Any bytes as an environment.
fn raw(bytes: &[u8]) {
    let Ok((states, _)) = Env::states(bytes) else { return };
    for state in states {
        let env = Env::new(bytes, state);
        for name in [&b"pages"[..], b"checkpoints", b"globals"] {
            let (db, _) = env.database(name);
            let Some(db) = db else { continue };
            let mut records = 0_usize;
            for record in env.records(&db) {
                if let Ok(record) = record {
                    let _ = env.value(&record);
                }
                records += 1;
            }
            assert!(records <= bytes.len(), "more records than bytes");
        }
    }
}
