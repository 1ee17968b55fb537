//! A home of classic block files, changed: turtle, metadata, extent lists, pages, their
//! checksums optionally made to hold again. Audit of every depth, and the map.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use wtcheck::audit::Silent;
use wtcheck::audit::home::{self, Options};
use wtcheck::page::Depth;
use wtcheck::report::{map_home, svg};
use wtcheck_fuzz::homes::Home;
use wtcheck_fuzz::{fixtures, homes, seal};

const UNIT: usize = 4096;
const PATCHES: usize = 12;
/// Files of the fixture that are left out: large, and like others.
const LEFT_OUT: [&str; 4] = ["collection-0", "collection-2", "collection-4", "index-3"];

thread_local! {
    static HOME: RefCell<Home> = RefCell::new(Home::new({
        let mut files = fixtures::tree("local/mongo");
        files.retain(|(name, _)| !LEFT_OUT.iter().any(|l| name.starts_with(l)));
        files
    }));
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok(how) = u8::arbitrary(&mut u) else { return };
    HOME.with_borrow_mut(|home| {
        let files = home.files().to_vec();
        let changes = homes::changes(&files, &mut u, PATCHES, UNIT, |file, bytes, (patch, range)| {
            let old = homes::block_of(&files[file].1, range.start).map(|b| b.1);
            if files[file].0.ends_with(".wt")
                && let Some((block, _)) = homes::block_of(bytes, range.start)
            {
                seal::local(&mut bytes[block], patch.mend, old);
            }
        });
        home.lay(&changes);
        let deep = audit(home, Depth::Deep, true);
        match how % 4 {
            0 => assert_eq!(deep, audit(home, Depth::Deep, false), "the same bytes, another report"),
            1 => drop(audit(home, Depth::Quick, true)),
            _ => {}
        }
    });
});

fn audit(home: &Home, depth: Depth, no_mmap: bool) -> Option<serde_json::Value> {
    let (opened, _) = wtcheck::subject::open_home(home.path(), no_mmap, true).ok()?;
    let options = Options { checkpoint: None, depth, no_mmap, tables: None };
    let (audit, maps) = home::run(&opened, "home", &options, &Silent).ok()?;
    let files = audit.local.as_ref().map(|l| l.files.as_slice()).unwrap_or_default();
    for map in maps {
        if let Some(info) = files.iter().find(|f| f.file == map.file) {
            let _ = svg::render(&map_home::picture(&audit, info, &map));
        }
    }
    Some(serde_json::to_value(&audit).expect("JSON"))
}
