//! Repair plans (YAML) and undo journals, their lines sealed: read or refused, and what is read is
//! written down as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wtcheck::repair::journal;
use wtcheck::repair::plan::Plan;
use wtcheck_fuzz::{homes, seal};

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(homes::temporary);

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    if how % 2 == 0 {
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(plan) = serde_yaml::from_str::<Plan>(text) {
            let written = wtcheck::report::repair::yaml(&plan);
            let back: Plan = serde_yaml::from_str(&written).unwrap_or_else(|e| panic!("{e}\n{written}"));
            assert_eq!(back, plan);
            for action in &plan.actions {
                let _ = wtcheck::repair::describe(&action.what);
            }
        }
        return;
    }
    let path = DIR.path().join("wtcheck-undo-1.journal");
    let sealed = if how % 4 == 1 { seal::journal(data) } else { data.to_vec() };
    std::fs::write(&path, sealed).expect("a file");
    if let Ok(Some(found)) = journal::read(&path) {
        let copy = DIR.path().join("wtcheck-undo-2.journal");
        let _ = std::fs::remove_file(&copy);
        journal::write(&copy, &found.header, &found.steps).expect("what was read is written and reads back");
        for mark in &found.marks {
            journal::mark(&copy, *mark).expect("a mark");
        }
        assert_eq!(journal::read(&copy).expect("readable"), Some(found));
    }
});
