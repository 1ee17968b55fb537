//! Dumps of a page service: those of a fixture with their text changed, and any bytes as a dump.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use wtcheck::audit::Silent;
use wtcheck::gather::{self, Checkpoint, Request};
use wtcheck::store::gathered::Gathered;
use wtcheck::store::{OpenOptions, PageLog, open};
use wtcheck_fuzz::homes::Home;
use wtcheck_fuzz::{audits, dumps, homes};

const UNIT: usize = 64;
const PATCHES: usize = 12;

thread_local! {
    static HOME: RefCell<Home> = RefCell::new(Home::new(dumps::of("2026-07-leak-full")));
}

/// Gather, and open what came of it; what is in the manifest is in the store.
fn gathered(sources: &[PathBuf], out: &Path) -> Option<(Gathered, Box<dyn PageLog>)> {
    let request = Request { sources, heads: &[], checkpoint: Checkpoint::NewestTurtle, decrypt: None };
    let found = gather::gather(&request, out, &Silent).ok()?;
    let store = open(out, &OpenOptions { allow_live: true, no_mmap: true });
    if found.tables.is_empty() {
        return None;
    }
    let store = store.expect("what was gathered opens");
    let (index, problems) = store.index(None, &|_| {}).expect("what was gathered has an index");
    assert_eq!(problems, [], "what was gathered is whole");
    for (table, supply) in &found.tables {
        let rows = index.slice(index.table(*table));
        assert_eq!(rows.len() as u64, supply.entries, "a row for each entry");
        let bare = rows.iter().filter(|r| !r.has_bytes()).count();
        assert_eq!(bare as u64, supply.encrypted + supply.lengths, "lengths are counted");
    }
    Some((found, store))
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok(what) = u8::arbitrary(&mut u) else { return };
    let (once, twice) = (homes::temporary(), homes::temporary());
    HOME.with_borrow_mut(|home| {
        let mut sources = vec![home.path().to_path_buf()];
        let raw = once.path().join("raw.jsonl");
        if what & 0x40 != 0 {
            std::fs::write(&raw, u.take_rest()).expect("a file");
            sources = vec![raw];
        } else {
            home.lay(&homes::changes(home.files(), &mut u, PATCHES, UNIT, |_, _, _| {}));
        }
        let dir = once.path().join("home");
        std::fs::create_dir(&dir).expect("a directory");
        let Some((found, store)) = gathered(&sources, &dir) else { return };
        audits::page_log(&*store, what);
        // The same dumps once more add nothing and contradict nothing.
        sources.extend(sources.clone());
        let (again, _) = gathered(&sources, twice.path()).expect("it was gathered once");
        let entries = |g: &Gathered| g.tables.values().map(|t| t.entries).sum::<u64>();
        assert_eq!((entries(&found), found.conflicts * 2), (entries(&again), again.conflicts));
    });
});
