//! Forged local homes: every allocation size and compressor, which the real samples lack.

#![allow(clippy::unwrap_used)]

use crate::common::forge_local;
use crate::common::forge_local::Spec;
use std::path::Path;
use wtcheck::audit::Silent;
use wtcheck::audit::home::{Options, run};
use wtcheck::audit::result::Audit;
use wtcheck::format::compress::Compressor;
use wtcheck::home::directory::Way;
use wtcheck::page::Depth;

fn rows(n: u32, len: usize) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    (0..n).map(move |i| {
        let value = (0..len).map(|b| u8::try_from((b as u32 * 31 + i * 7) % 97).unwrap() + 32).collect();
        (format!("key{i:09}").into_bytes(), value)
    })
}

fn audit(path: &Path, no_mmap: bool) -> Audit {
    let (home, _) = wtcheck::subject::open_home(path, no_mmap, false).unwrap();
    let options = Options { checkpoint: None, depth: Depth::Deep, no_mmap, tables: None };
    run(&home, "home", &options, &Silent).unwrap().0
}

#[test]
fn every_allocation_size_and_compressor() {
    let compressors =
        [None, Some(Compressor::Snappy), Some(Compressor::Zlib), Some(Compressor::Zstd), Some(Compressor::Lz4)];
    for (n, shift) in (9..=17).enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let alloc = 1_u32 << shift;
        let spec = Spec {
            alloc,
            leaf_max: 8 << 10,
            internal_max: 1024,
            compressor: compressors[n % compressors.len()],
            gap_every: Some(5),
            ..Spec::new("a.wt", 7)
        };
        let config = forge_local::file(dir.path(), &spec, &mut rows(3000, 90));
        forge_local::home(dir.path(), &[("a.wt".into(), config)]);
        for no_mmap in [false, true] {
            let audit = audit(dir.path(), no_mmap);
            assert!(audit.findings.is_empty(), "{alloc}: {:#?}", audit.findings);
            let file = audit.local.as_ref().unwrap().files.iter().find(|f| f.file == "a.wt").unwrap();
            let last = file.checkpoints.last().unwrap();
            assert_eq!((file.allocation_size, last.rows.unwrap().keys, last.difference), (alloc, 3000, 0));
            assert!(last.pages.depth >= 3 && file.space.unwrap().available > 0, "{alloc}: {:?}", last.pages);
        }
        // On its own, the allocation size comes from the file itself.
        let lone = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join("a.wt"), lone.path().join("a.wt")).unwrap();
        let audit = audit(&lone.path().join("a.wt"), false);
        assert!(audit.findings.is_empty(), "{alloc}: {:#?}", audit.findings);
        assert_eq!(audit.local.unwrap().files[0].allocation_size, alloc);
    }
}

/// Values that are not what their format says, and documents that are no BSON, with valid checksums.
#[test]
fn values_that_cannot_be_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let row = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    let mut files = Vec::new();
    let mut write = |spec: Spec, rows: Vec<(Vec<u8>, Vec<u8>)>| {
        files.push((spec.name.clone(), forge_local::file(dir.path(), &spec, &mut rows.into_iter())));
    };
    let text = Spec { formats: ("S", "Si"), ..Spec::new("text.wt", 7) };
    write(text, vec![row(b"a\0", b"one\0\x81"), row(b"b\0", b"two\x81"), row(b"c\0", b"three\0\x83")]);
    let catalog = bson::doc! {"ident": "collection-1", "ns": "shop.orders", "md": {"ns": "shop.orders"}};
    write(Spec::new("_mdb_catalog.wt", 8), vec![row(b"\x81", &catalog.to_vec().unwrap())]);
    let document = bson::doc! {"_id": 1, "name": "x"}.to_vec().unwrap();
    let mut cut = document.clone();
    cut.truncate(document.len() - 2);
    write(Spec::new("collection-1.wt", 9), vec![row(b"\x81", &document), row(b"\x82", &cut)]);
    forge_local::home(dir.path(), &files);
    let audit = audit(dir.path(), false);
    let found: Vec<_> = audit
        .findings
        .iter()
        .map(|f| {
            let found = wtcheck::words::of(f).found;
            (f.code.name(), f.place.file.as_deref().unwrap(), f.place.namespace.as_deref(), found)
        })
        .collect();
    let expected = [
        ("page-undecodable", "collection-1.wt", Some("shop.orders"), "a value that is not a BSON document"),
        ("page-undecodable", "text.wt", None, "a value that is not \"Si\": column 1: a string without its NUL"),
    ];
    assert_eq!(found, expected.map(|(code, file, name, found)| (code, file, name, found.to_string())));
}

/// A backup copy has no turtle, and its metadata file may be a different point in time than its list.
#[test]
fn a_backup_copy_is_read_by_its_list() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (name, id) in [("a.wt", 7), ("b.wt", 8)] {
        let config = forge_local::file(dir.path(), &Spec::new(name, id), &mut rows(500, 60));
        files.push((name.to_string(), config));
    }
    forge_local::home(dir.path(), &files);
    let history = forge_local::empty(dir.path(), &Spec::new("WiredTigerHS.wt", 1));
    files.push(("WiredTigerHS.wt".to_string(), history));
    let list: String = files.iter().map(|(name, config)| format!("file:{name}\n{config}\n")).collect();
    std::fs::remove_file(dir.path().join("WiredTiger.turtle")).unwrap();
    std::fs::write(dir.path().join("WiredTiger.wt"), "a different point in time").unwrap();
    std::fs::write(dir.path().join("WiredTiger.backup"), list).unwrap();
    let got = audit(dir.path(), false);
    assert!(got.findings.is_empty(), "{:#?}", got.findings);
    let local = got.local.unwrap();
    assert_eq!((local.catalog.source, local.files.len()), (Way::Backup, 3));
    // A file of the list that is not there is missed; without the list the home has no turtle.
    std::fs::remove_file(dir.path().join("b.wt")).unwrap();
    let codes = |audit: &Audit| audit.findings.iter().map(|f| f.code.name()).collect::<Vec<_>>();
    assert_eq!(codes(&audit(dir.path(), false)), ["file-missing"]);
    std::fs::write(dir.path().join("WiredTiger.backup"), "no list").unwrap();
    assert!(codes(&audit(dir.path(), false)).contains(&"file-missing"));
}
