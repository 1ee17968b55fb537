//! The databases of a PALite directory with their bytes changed: SQLite's own structure,
//! write-ahead logs, missing files. Nothing may change the source.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use wtcheck::store::{OpenOptions, open};
use wtcheck_fuzz::homes::Home;
use wtcheck_fuzz::{audits, fixtures, homes};

/// SQLite's pages here are of 512 bytes and more; cells are spread over them.
const UNIT: usize = 512;
const PATCHES: usize = 12;

thread_local! {
    static HOMES: RefCell<Vec<Home>> = RefCell::new(
        fixtures::PALITE.iter().map(|name| Home::new(fixtures::tree(&format!("palite/{name}")))).collect(),
    );
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok([base, what]) = <[u8; 2]>::arbitrary(&mut u) else { return };
    HOMES.with_borrow_mut(|all| {
        let at = usize::from(base) % all.len();
        let home = &mut all[at];
        home.lay(&homes::changes(home.files(), &mut u, PATCHES, UNIT, |_, _, _| {}));
        let before = homes::state(home.path());
        let options = OpenOptions { allow_live: true, no_mmap: true };
        let read = || open(home.path(), &options).ok().and_then(|store| audits::page_log(&*store, what));
        let report = read();
        if what & 0x80 != 0 {
            assert_eq!(report, read(), "the same bytes, another report");
        }
        assert_eq!(before, homes::state(home.path()), "the source was changed");
    });
});
