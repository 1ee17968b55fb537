//! A home of block files, changed, its checksums made to hold again or not: its rows as the engine would show them,
//! in every form, with older checkpoints and stray pages, and once more the same.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use wtcheck::audit::Silent;
use wtcheck::dump::all::{self, Options};
use wtcheck::dump::form::Form;
use wtcheck::dump::report::Identity;
use wtcheck::dump::run::Rescue;
use wtcheck::dump::select;
use wtcheck::dump::shelf::{Shelf, Told};
use wtcheck::home::content::At;
use wtcheck::mongo::extjson::Mode;
use wtcheck_fuzz::homes::Home;
use wtcheck_fuzz::{fixtures, homes, seal};

const UNIT: usize = 4096;
const PATCHES: usize = 12;
/// Files of the fixture that are left out: large, and like others.
const LEFT_OUT: [&str; 3] = ["collection-0", "collection-4", "index-3"];
/// Bytes of one table that are written at most: hostile runs of records have no end.
const MOST: usize = 64 << 20;

thread_local! {
    static HOME: RefCell<Home> = RefCell::new(Home::new({
        let mut files = fixtures::tree("local/mongo");
        files.retain(|(name, _)| !LEFT_OUT.iter().any(|l| name.starts_with(l)));
        files
    }));
}

/// Counts what is written, and has an end.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        if self.0 > MOST { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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
        let at = match how % 3 {
            0 => At::Recovered,
            1 => At::Checkpoint,
            _ => At::Named("WiredTigerCheckpoint".into()),
        };
        let form = [Form::WtHex, Form::Bson, Form::Json, Form::Csv, Form::Wt][usize::from(how / 3) % 5];
        let first = dump(home, at.clone(), form);
        if how % 4 == 0 {
            assert_eq!(first, dump(home, at, form), "the same bytes, other rows");
        }
    });
});

fn dump(home: &Home, at: At, form: Form) -> Option<Vec<(usize, serde_json::Value)>> {
    let (opened, _) = wtcheck::subject::open_home(home.path(), true, true).ok()?;
    let shelf = Shelf::default().with_home(opened, None, at, &Told::default()).ok()?;
    let plan = select::choose(&shelf, &[], true, form);
    let rescue = Rescue { older: true, strays: false };
    let options = Options { form, mode: Mode::Canonical, rescue };
    let identity = Identity {
        path: "home".into(),
        at: "recovered".into(),
        form,
        older: true,
        orphans: false,
        names: Vec::new(),
        all: true,
        fingerprint: all::fingerprint(&shelf),
    };
    let _ = serde_json::to_value(all::begin(&shelf, &plan, identity)).expect("JSON");
    let mut out = Vec::new();
    for job in &plan.jobs {
        let mut counted = Counted(0);
        if let Ok(Some(report)) = all::to_stream(&shelf, job, &options, &mut counted, &Silent) {
            assert!(report.unread.is_some() || report.lost_rows.most.is_none_or(|most| report.lost_rows.least <= most));
            out.push((counted.0, serde_json::to_value(&report).expect("JSON")));
        }
    }
    Some(out)
}
