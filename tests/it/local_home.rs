//! Turtle files, logs and MongoDB names of real homes, against what the real tool printed of them.

use crate::common::real;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wtcheck::format::block::LocalBlockHeader;
use wtcheck::format::compress;
use wtcheck::format::config::Config;
use wtcheck::format::home_turtle::{self, Fault};
use wtcheck::format::local::{DATA_OFFSET, allocation_size};
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::format::wtlog::{Body, Change, End, FileHeader, LogLsn, Operation, Records};
use wtcheck::format::{Class, checkpoint_list};
use wtcheck::home::names::{Names, Size, Sizes, What};
use wtcheck::home::wtlog::{self, Kind, RowChange, Severity, State};
use wtcheck::page::cell::{CellKind, Cells, KeyBuilder};

const HOMES: [&str; 9] = [
    "classic-crash",
    "classic-encrypted",
    "classic-mongo-like",
    "classic-one",
    "classic-small",
    "disagg-small",
    "engines",
    "palite",
    "recovered",
];

/// Every file of that name below a directory.
fn find(dir: &Path, name: &str, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            find(&path, name, out);
        } else if path.file_name().is_some_and(|n| n == name) {
            out.push(path);
        }
    }
}

#[test]
fn turtles_of_all_homes_round_trip() {
    let mut files = Vec::new();
    let damaged = ["classic-damaged", "classic-one-damaged"];
    for set in HOMES.into_iter().chain(damaged) {
        find(&real(set), home_turtle::FILE_NAME, &mut files);
    }
    let mut whole = 0;
    for path in files.iter().filter(|p| !p.to_string_lossy().contains("v31-turtle-truncated")) {
        let bytes = std::fs::read(path).unwrap();
        let turtle = home_turtle::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(home_turtle::render(&turtle).as_bytes(), bytes, "{}", path.display());
        assert!(turtle.version_string.contains(&turtle.version.to_string()), "{}", turtle.version_string);
        assert_eq!(
            (turtle.compatibility, turtle.live_restore, turtle.unknown.len(), turtle.cut),
            (None, None, 0, false)
        );
        let config = Config::parse(&turtle.metadata).unwrap();
        assert!(config.get("checkpoint_lsn").is_some());
        assert!(!checkpoint_list::from_file_config(&config).unwrap().is_empty());
        assert_eq!(home_turtle::pairs(&bytes).len(), 3);
        whole += 1;
    }
    assert!(whole >= 15, "{whole}");
    let reference = std::fs::read_to_string(real("classic-one/ref/turtle.txt")).unwrap();
    let turtle = home_turtle::parse(&std::fs::read(real("classic-one/db/WiredTiger.turtle")).unwrap()).unwrap();
    assert_eq!(home_turtle::render(&turtle), reference);
}

#[test]
fn damaged_turtles_say_what_and_where() {
    let bytes = std::fs::read(real("classic-damaged/v31-turtle-truncated/changed/WiredTiger.turtle")).unwrap();
    assert_eq!(bytes.len(), 700);
    let fault = home_turtle::parse(&bytes).unwrap_err();
    assert_eq!((fault.offset, fault.key), (700, Some("file:WiredTiger.wt")), "{fault}");
    assert!(fault.message.contains("truncated") && fault.message.contains("no line end"), "{fault}");

    let good = std::fs::read(real("classic-crash/db/WiredTiger.turtle")).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let value = text.find("file:WiredTiger.wt\n").unwrap() + "file:WiredTiger.wt\n".len();
    // Wherever it is cut before the end of the checkpoint list, the fault is at the cut; in the key lines too.
    let list = text.find(",checkpoint=(").unwrap();
    for cut in (value + 1..list + 50).step_by(7) {
        let fault = home_turtle::parse(&good[..cut]).unwrap_err();
        assert_eq!((fault.offset, fault.key), (cut, Some("file:WiredTiger.wt")), "{fault}");
    }
    // Behind the list nothing is missing that the engine needs.
    let turtle = home_turtle::parse(&good[..text.find(",checkpoint_lsn=").unwrap()]).unwrap();
    assert!(turtle.cut && !home_turtle::parse(&good).unwrap().cut);
    for cut in 1..value {
        let fault = home_turtle::parse(&good[..cut]).unwrap_err();
        assert!(fault.offset <= cut && fault.key.is_some(), "{cut}: {fault}");
    }
    let fault = home_turtle::parse(b"").unwrap_err();
    assert_eq!((fault.offset, fault.class, fault.message.as_str()), (0, Class::NotFound, "the file is empty"));
    for key in ["WiredTiger version string\n", "WiredTiger version\n", "file:WiredTiger.wt\n"] {
        let mut overwritten = good.clone();
        let at = text.find(key).unwrap();
        overwritten[at..at + 4].copy_from_slice(b"####");
        let fault = home_turtle::parse(&overwritten).unwrap_err();
        assert_eq!((fault.offset, fault.key), (at, Some(key.trim_end())), "{fault}");
        assert!(fault.to_string().contains("is missing; line `####"), "{fault}");
    }
    assert!(Fault::missing(true).message.contains("turtle missing, metadata present"));
}

/// One record as `wt printlog` shows it.
fn printed(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap().replace("{ REDACTED", "{ ");
    // The output was cut to a size, so the last record is not whole.
    let mut parts: Vec<&str> = text.split("  { \"lsn\" : ").skip(1).collect();
    parts.pop();
    parts
        .into_iter()
        .map(|part| {
            let text = format!("{{ \"lsn\" : {}", part.trim_end().trim_end_matches(','));
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
        })
        .collect()
}

/// Printed text is one character per byte.
fn bytes_of(value: &serde_json::Value) -> Vec<u8> {
    value.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn compare_operation(got: &Operation<'_>, want: &serde_json::Value, context: &str) {
    let id = want.get("fileid").map(|v| v.as_u64().unwrap() as u32);
    assert_eq!(got.file_id(), id, "{context}");
    match (want["optype"].as_str().unwrap(), got.change) {
        ("row_put", Change::RowPut { key, value, modify: false, .. }) => {
            assert_eq!((key, value), (&bytes_of(&want["key"])[..], &bytes_of(&want["value"])[..]), "{context}");
        }
        ("prev_lsn", Change::PreviousLsn(lsn)) => {
            assert_eq!(serde_json::json!([lsn.file, lsn.offset]), want["prev_lsn"], "{context}");
        }
        (name, other) => panic!("{context}: {name} {other:?}"),
    }
}

/// Records of the reference that were compared.
fn compare_log(file: &[u8], number: u32, reference: &[serde_json::Value]) -> usize {
    let mut records = Records::new(file);
    let (mut compared, mut operations_compared) = (0, 0);
    for want in reference {
        let record = records.next().unwrap();
        let context = want["lsn"].to_string();
        let lsn = record.lsn(number);
        assert_eq!(serde_json::json!([lsn.file, lsn.offset]), want["lsn"]);
        assert_eq!(record.header.is_compressed(), want["hdr_flags"] == "compressed", "{context}");
        assert_eq!(record.header.len, want["rec_len"].as_u64().unwrap() as u32, "{context}");
        let mem_len = if record.header.is_compressed() { record.header.mem_len } else { record.header.len };
        assert_eq!(mem_len, want["mem_len"].as_u64().unwrap() as u32, "{context}");
        let plain = record.plain(None).unwrap();
        let body = Body::decode(plain.body()).unwrap();
        assert_eq!(body.name().replace(' ', "_"), want["type"].as_str().unwrap(), "{context}");
        match &body {
            Body::Commit { operations, .. } | Body::System(operations) => {
                if let Body::Commit { txn, .. } = body {
                    assert_eq!(txn, want["txnid"].as_u64().unwrap(), "{context}");
                }
                let got: Vec<_> = operations.clone().map(Result::unwrap).collect();
                let wanted = want["ops"].as_array().unwrap();
                assert_eq!(got.len(), wanted.len(), "{context}");
                // What belongs to users is left out without the option for it.
                for (got, want) in got.iter().zip(wanted).filter(|(_, w)| w.get("optype").is_some()) {
                    compare_operation(got, want, &context);
                    operations_compared += 1;
                }
            }
            Body::FileSync { file_id, start } => {
                assert_eq!(u64::from(*file_id), want["fileid"].as_u64().unwrap(), "{context}");
                assert_eq!(u64::from(*start), want["start"].as_u64().unwrap(), "{context}");
            }
            Body::Message(text) => assert_eq!(*text, bytes_of(&want["message"]), "{context}"),
            other => panic!("{context}: {other:?}"),
        }
        compared += 1;
    }
    println!("{compared} records, {operations_compared} operations");
    compared
}

#[test]
fn log_records_agree_with_printlog() {
    let dir = real("classic-crash");
    let file = std::fs::read(dir.join("db/WiredTigerLog.0000000001")).unwrap();
    for (name, at_least) in [("printlog.txt", 1400), ("printlog_u.txt", 100)] {
        let reference = printed(&dir.join("ref").join(name));
        assert!(reference.len() > at_least, "{}", reference.len());
        assert_eq!(compare_log(&file, 1, &reference), reference.len());
    }
    let messages: Vec<String> = Records::new(&file)
        .filter_map(|r| match Body::decode(r.plain(None).unwrap().body()).unwrap() {
            Body::Message(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
            _ => None,
        })
        .collect();
    let reference = std::fs::read_to_string(dir.join("ref/printlog_m.txt")).unwrap();
    let reference: Vec<&str> = reference.lines().filter(|l| l.starts_with("SYSTEM")).collect();
    assert_eq!(messages, reference);
}

/// Type -> number of records; every rule of the records is checked on the way.
fn walk(file: &[u8]) -> (BTreeMap<&'static str, u64>, u64, End) {
    let mut records = Records::new(file);
    let mut counts = BTreeMap::new();
    for record in records.by_ref() {
        assert_eq!(record.header_fault(), None, "{}", record.offset);
        let plain = record.plain(None).unwrap();
        let body = Body::decode(plain.body()).unwrap();
        *counts.entry(body.name()).or_default() += 1;
        let used = match &body {
            Body::Commit { operations, .. } | Body::System(operations) => {
                let mut operations = operations.clone();
                for operation in operations.by_ref() {
                    operation.unwrap();
                }
                operations.offset()
            }
            other => other.used(plain.body()).unwrap(),
        };
        assert_eq!(record.padding_fault(&plain, used), None, "{}", record.offset);
    }
    let end = records.end().unwrap().clone();
    (counts, records.offset(), end)
}

#[test]
fn every_record_of_the_plain_logs_decodes() {
    let read = |path: &str| std::fs::read(real(path)).unwrap();
    let one = read("classic-crash/db/WiredTigerLog.0000000001");
    let (counts, used, end) = walk(&one);
    assert_eq!((used, end), (943_744, End::Boundary));
    assert_eq!(
        counts,
        BTreeMap::from([("checkpoint", 2), ("commit", 3648), ("file sync", 7), ("message", 2), ("system", 3)])
    );
    let two = read("classic-crash/db/WiredTigerLog.0000000002");
    let (counts, used, end) = walk(&two);
    assert_eq!((used, end), (442_112, End::Zero));
    assert_eq!(counts["system"], 1);
    let (_, used, end) = walk(&read("classic-mongo-like/db/journal/WiredTigerLog.0000000001"));
    assert_eq!((used, end), (24_960, End::Zero));
    // The worked record: file 2, offset 256.
    let record = Records::new(&two).nth(1).unwrap();
    assert_eq!((record.offset, record.header.len, record.header.checksum), (256, 256, 0xc8fc_92a2));
    let Body::Commit { txn, operations } = Body::decode(record.stored()).unwrap() else { panic!() };
    let operations: Vec<_> = operations.map(|o| o.unwrap().change).collect();
    let value = b"after ckpt, only in log tiger wired over deltas lazy wired value\0";
    assert_eq!(txn, 24_650);
    assert_eq!(operations[0], Change::RowPut { file_id: 2, key: b"key00003630\0", value, modify: false });
    assert!(matches!(operations[1], Change::RowPut { file_id: 3, key: [0xcd, 0xee], .. }));
}

#[test]
fn a_crashed_home_needs_recovery() {
    let home = real("classic-crash/db");
    let got = wtlog::read(&home).unwrap();
    assert_eq!(got.problems, []);
    assert_eq!((got.state, got.needs_recovery(), got.encrypted, got.unlisted), (State::NeedsRecovery, true, false, 0));
    let files: Vec<_> = got.files.iter().map(|f| (f.name.as_str(), f.kind, f.size, f.used, f.version)).collect();
    assert_eq!(
        files,
        [
            ("WiredTigerLog.0000000001", Kind::Log, 943_744, 943_744, Some(5)),
            ("WiredTigerLog.0000000002", Kind::Log, 1_048_576, 442_112, Some(5)),
        ]
    );
    assert_eq!(got.files[0].records, 3662);
    assert_eq!(got.files[0].first, Some(LogLsn { file: 1, offset: 128 }));
    assert_eq!(got.files[0].compressor.map(|c| c.name()), Some("snappy"));
    // The last checkpoint, and the metadata that names it.
    let checkpoint = got.last_checkpoint.unwrap();
    assert_eq!((checkpoint.at.to_string(), checkpoint.lsn.to_string()), ("(1,782336)".into(), "(1,779648)".into()));
    let turtle = home_turtle::parse(&std::fs::read(home.join("WiredTiger.turtle")).unwrap()).unwrap();
    assert_eq!(
        Config::parse(&turtle.metadata).unwrap().get("checkpoint_lsn").unwrap().as_str(),
        checkpoint.lsn.to_string()
    );
    // 2000 + 500 transactions with rows in two logged files, and the new table.
    assert_eq!(got.commits_within_checkpoint, 1);
    let new = &got.metadata["file:after_ckpt.wt"];
    assert_eq!((new.change, new.within_checkpoint, new.lsn.file), (RowChange::Put, false, 2));
    let changed: BTreeSet<&str> =
        got.metadata.iter().filter(|(_, m)| !m.within_checkpoint).map(|(uri, _)| uri.as_str()).collect();
    assert_eq!(changed, BTreeSet::from(["colgroup:after_ckpt", "file:after_ckpt.wt", "table:after_ckpt"]));
    let id = new.id.unwrap();
    println!("after_ckpt.wt: id {id}, commits {}, operations {:?}", got.commits, got.operations);
    // Rows after the checkpoint: 2000 new and 500 changed in logged, 2000 in logged_zstd, 200 in the new table.
    assert_eq!((got.operations[&2], got.operations[&3], got.operations[&id]), (2500, 2000, 200));
    assert_eq!(got.operations.keys().copied().collect::<Vec<_>>(), [0, 2, 3, id]);
}

#[test]
fn clean_homes_and_homes_without_log() {
    let got = wtlog::read(&real("classic-mongo-like/db")).unwrap();
    assert_eq!(got.problems, []);
    assert_eq!((got.state, got.needs_recovery(), got.commits), (State::Clean, false, 0));
    let checkpoint = got.last_checkpoint.unwrap();
    // At a clean close the record points to the end of the file sync, the metadata to its beginning.
    assert_eq!((checkpoint.at.to_string(), checkpoint.lsn.to_string()), ("(1,24832)".into(), "(1,24704)".into()));
    let turtle = std::fs::read(real("classic-mongo-like/db/WiredTiger.turtle")).unwrap();
    let turtle = home_turtle::parse(&turtle).unwrap();
    assert!(turtle.metadata.ends_with("checkpoint_lsn=(1,24576)"));
    assert!(got.files[0].path.parent().unwrap().ends_with("journal"));
    assert!(got.metadata.is_empty() && got.operations.is_empty());
    for home in ["classic-small/db", "classic-one/db", "disagg-small/db/leader"] {
        let got = wtlog::read(&real(home)).unwrap();
        assert_eq!((got.state, got.files.len(), got.problems.len()), (State::NoLog, 0, 0), "{home}");
    }
}

#[test]
fn an_encrypted_log_is_recognised() {
    let home = real("classic-encrypted/db");
    let got = wtlog::read(&home).unwrap();
    assert_eq!(got.problems, []);
    assert_eq!((got.state, got.needs_recovery(), got.encrypted), (State::Unknown, false, true));
    let files: Vec<_> = got.files.iter().map(|f| (f.kind, f.number, f.used)).collect();
    assert_eq!(files, [(Kind::Log, 2, 737_536), (Kind::Prepared, 2, 128)]);
    // All but the previous LSN.
    assert_eq!(got.files[0].encrypted, got.files[0].records - 1);
    let bytes = std::fs::read(home.join("WiredTigerLog.0000000002")).unwrap();
    assert_eq!(FileHeader::decode(&bytes).unwrap(), FileHeader { version: 5, size: 1 << 20 });
    let record = Records::new(&bytes).nth(1).unwrap();
    assert_eq!((record.encrypted_len(), record.encrypted_padding_fault()), (Some(140), None));
    assert_eq!(record.plain(None).unwrap_err().class, Class::Unsupported);
}

/// A damaged copy of the crashed home.
fn damaged(home: &Path, change: impl Fn(&Path)) -> wtlog::Summary {
    let copy = tempfile::tempdir().unwrap();
    for name in ["WiredTigerLog.0000000001", "WiredTigerLog.0000000002", "WiredTiger.basecfg"] {
        std::fs::write(copy.path().join(name), std::fs::read(home.join(name)).unwrap()).unwrap();
    }
    change(copy.path());
    wtlog::read(copy.path()).unwrap()
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damage_to_a_real_log_is_placed() {
    let home = real("classic-crash/db");
    let (one, two) = ("WiredTigerLog.0000000001", "WiredTigerLog.0000000002");
    let first = |got: &wtlog::Summary| {
        let p = got.problems[0].clone();
        (p.file, p.offset, p.severity, p.what.to_string())
    };
    // The last record torn: its last sector was not written.
    let last = wtlog::read(&home).unwrap().files[1].last.unwrap().offset as usize;
    let got = damaged(&home, |dir| edit(&dir.join(two), |b| b[last + 100..442_112].fill(0)));
    assert_eq!((got.problems.len(), got.damage().count()), (1, 0));
    let (file, offset, severity, words) = first(&got);
    assert_eq!((file.as_str(), offset as usize, severity), (two, last, Severity::Normal));
    assert!(words.starts_with("torn"), "{words}");
    // One bit in the middle: not torn, and everything behind it is out of reach.
    let got = damaged(&home, |dir| edit(&dir.join(two), |b| b[300] ^= 1));
    let (_, offset, severity, words) = first(&got);
    assert_eq!((offset, severity), (256, Severity::Damage));
    assert!(words.starts_with("bad checksum") && words.contains("a valid record follows"), "{words}");
    assert!(got.needs_recovery());
    // In the first file, the next one no longer fits.
    let got = damaged(&home, |dir| edit(&dir.join(one), |b| b[900_000] ^= 1));
    assert_eq!(got.damage().count(), 2);
    assert!(got.problems[1].what.to_string().contains("previous LSN is (1,943744)"), "{:?}", got.problems);
    // A hole, and a missing file.
    let got = damaged(&home, |dir| edit(&dir.join(two), |b| b[512..1024].fill(0)));
    let (_, offset, severity, words) = first(&got);
    assert_eq!(
        (offset, severity, words.as_str()),
        (512, Severity::Damage, "hole: zeros, but data again at offset 1025")
    );
    let got = damaged(&home, |dir| std::fs::rename(dir.join(two), dir.join("WiredTigerLog.0000000003")).unwrap());
    assert_eq!((first(&got).0.as_str(), first(&got).2), (two, Severity::Damage));
    // Without the first file the checkpoint is gone, and all that is left would be replayed.
    let got = damaged(&home, |dir| std::fs::remove_file(dir.join(one)).unwrap());
    assert_eq!((got.last_checkpoint, got.state, got.problems.len()), (None, State::NeedsRecovery, 0));
}

/// Rows of the newest row-store leaf of a small file: the block of the highest write generation.
fn newest_leaf(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let file = std::fs::read(path).unwrap();
    let alloc = allocation_size(&file).unwrap() as usize;
    let mut newest: Option<(PageHeader, &[u8])> = None;
    let mut at = alloc;
    while at + DATA_OFFSET <= file.len() {
        let mut r = Reader::new(&file[at..]);
        let page = PageHeader::read(&mut r).unwrap();
        let header = LocalBlockHeader::read(&mut r).unwrap();
        let size = header.disk_size as usize;
        let block = file.get(at..at + size).filter(|_| size != 0 && size.is_multiple_of(alloc));
        let Some(block) = block.filter(|b| header.compute_checksum(b) == header.checksum) else {
            at += alloc;
            continue;
        };
        at += size;
        let newer = newest.as_ref().is_none_or(|(p, _)| p.write_gen < page.write_gen);
        if newer && page.page_type().is_ok_and(|t| t == PageType::RowLeaf) {
            newest = Some((page, block));
        }
    }
    let (page, block) = newest.unwrap();
    let image = if page.is_compressed() {
        compress::decompress(compress::detect(block).unwrap(), block, page.mem_size).unwrap()
    } else {
        block[..page.mem_size as usize].to_vec()
    };
    let mut keys = KeyBuilder::default();
    let mut rows = Vec::new();
    for cell in Cells::new(&image, DATA_OFFSET, page.flags) {
        let cell = cell.unwrap();
        match cell.kind {
            CellKind::Key => rows.push((keys.full(&cell).unwrap().to_vec(), Vec::new())),
            CellKind::Value => rows.last_mut().unwrap().1 = cell.data.to_vec(),
            other => panic!("{other:?}"),
        }
    }
    rows
}

#[test]
fn mongodb_names() {
    let home = real("classic-mongo-like/db");
    let rows = newest_leaf(&home.join("_mdb_catalog.wt"));
    let names = Names::from_catalog(rows.iter().map(|(_, value)| value.as_slice()));
    assert_eq!((names.rows, names.broken, names.without_ident), (3, 0, 0));
    assert!(names.duplicates.is_empty());
    let file = |prefix: &str| format!("{prefix}--7234567890123456789.wt");
    for (collection, index, namespace, uuid) in [
        ("collection-0", "index-1", "test.users", [0; 16]),
        ("collection-2", "index-3", "test.orders", [1; 16]),
        ("collection-4", "index-5", "local.oplog.rs", [2; 16]),
    ] {
        let name = names.for_file(&file(collection)).unwrap();
        assert_eq!((name.what, name.namespace.as_str(), name.uuid), (What::Collection, namespace, Some(uuid)));
        let name = names.for_file(&file(index)).unwrap();
        assert_eq!((name.what, name.namespace.as_str(), name.index.as_deref()), (What::Index, namespace, Some("_id_")));
    }
    // The corpus has an index that no row of the catalog names.
    assert_eq!(names.for_file(&file("index-6")), None);
    for entry in std::fs::read_dir(&home).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = names.for_file(&name).is_some();
        assert_eq!(known, name.ends_with(".wt") && !name.starts_with("index-6"), "{name}");
    }
    let rows = newest_leaf(&home.join("sizeStorer.wt"));
    let sizes = Sizes::from_rows(rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice())));
    assert_eq!((sizes.broken, sizes.by_uri.len()), (0, 4));
    let size = |records, bytes| Some(Size { records, bytes });
    assert_eq!(sizes.for_ident("_mdb_catalog"), size(3, 600));
    assert_eq!(sizes.for_ident("collection-0--7234567890123456789"), size(5000, 1_000_000));
    assert_eq!(sizes.for_ident("collection-2--7234567890123456789"), size(4000, 800_000));
    assert_eq!(sizes.for_ident("collection-4--7234567890123456789"), size(6000, 1_200_000));
}
