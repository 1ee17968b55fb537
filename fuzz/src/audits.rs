//! What must hold of every audit, whatever the bytes: it ends, its report can be written down, and the
//! same bytes give the same report whatever the number of threads.

use std::collections::HashMap;
use std::io;
use wtcheck::audit::pagelog::Opened;
use wtcheck::audit::{self, AuditError, Options, Silent};
use wtcheck::export::heads;
use wtcheck::export::pages::{Ground, Pages, Rows};
use wtcheck::export::table::{Edge, Version};
use wtcheck::format::image::Era;
use wtcheck::page::Depth;
use wtcheck::pagelog::catalog;
use wtcheck::pickup::replay;
use wtcheck::report::map_pagelog::{By, Log};
use wtcheck::report::svg;
use wtcheck::store::{PageLog, StoreKind};

/// Everything that reads a page log and changes nothing; `what` chooses what runs besides the deep audit.
/// The report of that one, as JSON.
pub fn page_log(store: &dyn PageLog, what: u8) -> Option<serde_json::Value> {
    let opened = audit::pagelog::open(store, what & 1 == 0, &Silent).ok()?;
    let deep = report(&opened, Depth::Deep, 1);
    match what >> 1 & 7 {
        0 => assert_eq!(deep, report(&opened, Depth::Deep, 2), "the same bytes, another report"),
        1 => drop(report(&opened, Depth::Quick, 1)),
        2 | 3 => {
            let options = Options { depth: Depth::Normal, ..Options::default() };
            if let Ok((found, class)) = audit::pagelog::run_on(&opened, "home", &options, &Silent) {
                map(&opened, &found, &class, if what & 1 == 0 { By::Page } else { By::Lsn });
            }
        }
        4 | 5 => {
            if let Ok(replayed) = replay::run(&opened, "home", &replay::Options::default(), &Silent) {
                serde_json::to_string(&replayed).expect("JSON");
            }
        }
        _ => export(&opened),
    }
    deep.ok()
}

/// The tables of an export: a version for each row, whatever it holds.
fn export(opened: &Opened<'_>) {
    struct Count(usize);
    impl Rows for Count {
        fn version(&mut self, _: Version) -> io::Result<()> {
            self.0 += 1;
            Ok(())
        }
        fn edge(&mut self, _: Edge) -> io::Result<()> {
            Ok(())
        }
    }
    let Ok(mut reader) = opened.store.reader() else { return };
    let Ok(choice) = audit::pagelog::choose(opened, &mut *reader, None) else { return };
    let heads = heads::read(opened, &mut *reader, &choice, None);
    let palm = opened.store.kind() == StoreKind::Palm;
    let ground = Ground {
        index: &opened.index,
        era: if palm { Era::June2025 } else { Era::Current },
        generation: heads.generation.name(),
        turtle_table: catalog::turtle_table(&opened.index),
        compression: &heads.compression,
    };
    let mut count = Count(0);
    let mut rows = 0;
    Pages::new(ground, reader)
        .pages(0..opened.index.len(), &mut count, &mut |more| rows += more)
        .expect("nothing is written");
    assert_eq!((count.0, rows), (opened.index.len(), opened.index.len() as u64), "a version for each row");
}

fn report(opened: &Opened<'_>, depth: Depth, jobs: usize) -> Result<serde_json::Value, String> {
    let options = Options { depth, jobs, ..Options::default() };
    let audit = audit::pagelog::run_on(opened, "home", &options, &Silent);
    let (audit, class) = audit.map_err(|e: AuditError| e.to_string())?;
    assert!(class.is_empty() || class.len() == opened.index.len(), "a class for every row");
    Ok(serde_json::to_value(&audit).expect("JSON"))
}

fn map(opened: &Opened<'_>, found: &audit::result::Audit, class: &[audit::pagelog::classify::Class], by: By) {
    let completions = opened.completions.iter().map(|c| c.lsn).collect();
    let log = Log { index: &opened.index, class, audit: found, others: HashMap::new(), completions, by };
    for table in log.tables() {
        let tree = log.tree(table);
        let _ = svg::render(&log.picture(&tree));
    }
}
