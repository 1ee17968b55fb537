//! Repair of local homes below the plan: sizes set through a new checkpoint of the metadata file, turtles
//! written anew, both undone, and both interrupted at every kind of place.
//!
//! On the fixtures and on forged homes.

use crate::common;
use crate::common::forge_local;
use crate::common::forge_local::Spec;
use crate::common::localdamage;
use crate::common::localdamage::{Base, METADATA_FILE, TURTLE, reseal, span};
use crate::common::{copy_dir, fixture, real};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wtcheck::audit::Silent;
use wtcheck::audit::finding::{Code, Finding, Severity};
use wtcheck::audit::home::result::{FileInfo, LocalCheckpointInfo};
use wtcheck::audit::home::{self, Options};
use wtcheck::audit::result::{Audit, Verdict};
use wtcheck::below::Below;
use wtcheck::format::checkpoint_list::{self, CheckpointEntry};
use wtcheck::format::compress::Compressor;
use wtcheck::format::home_turtle;
use wtcheck::format::local::{DATA_OFFSET, ExtentList, LocalAddress, LocalCheckpoint};
use wtcheck::format::local_image;
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::home::directory::{self, FileEntry, Home, Source, Way};
use wtcheck::home::edit::{self, EditError, FileChange, LocalEdit, changes};
use wtcheck::page::Depth;
use wtcheck::page::cell::{CellKind, Cells, KeyBuilder, Times};
use wtcheck::repair::home::propose::{edit, propose};
use wtcheck::repair::plan::{Action, What};
use wtcheck::store::edit::{Side, State};

fn carry_out(dir: &Path, changes: &[FileChange], to: Side) -> Result<(), EditError> {
    edit::carry_out(&Below::open(dir).unwrap(), changes, to)
}

fn state(dir: &Path, change: &FileChange) -> Result<State, EditError> {
    edit::state(&Below::open(dir).unwrap(), change)
}

const NOW: u64 = 1_900_000_000;

/// A home and what an audit says of it.
fn look(dir: &Path, depth: Depth) -> (Home, Audit) {
    let (home, file) = wtcheck::subject::open_home(dir, true, true).unwrap();
    assert_eq!(file, None);
    let options = Options { checkpoint: None, depth, no_mmap: true, tables: None };
    let audit = home::run(&home, "home", &options, &Silent).unwrap().0;
    (home, audit)
}

fn open(dir: &Path) -> Home {
    Home::open(dir, directory::Options { no_mmap: true }).unwrap()
}

/// Code, file and what was found of everything that is more than a note.
fn told(audit: &Audit) -> Vec<(Code, String, String)> {
    let worse = audit.findings.iter().filter(|f| f.severity > Severity::Note);
    worse.map(|f| (f.code, f.place.file.clone().unwrap_or_default(), wtcheck::words::of(f).found)).collect()
}

fn info<'a>(audit: &'a Audit, name: &str) -> &'a FileInfo {
    audit.local.as_ref().unwrap().files.iter().find(|f| f.file == name).unwrap_or_else(|| panic!("no {name}"))
}

fn newest<'a>(audit: &'a Audit, name: &str) -> &'a LocalCheckpointInfo {
    info(audit, name).checkpoints.last().unwrap()
}

/// Names and bytes of everything below a directory.
fn bytes_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    common::snapshot(dir).into_iter().map(|(name, (_, bytes))| (name, bytes)).collect()
}

fn set_size(file: &str, checkpoint: &str, size: u64, cookie_size: u64) -> LocalEdit {
    LocalEdit::SetSize { file: file.to_string(), checkpoint: checkpoint.to_string(), size, cookie_size }
}

/// Edits, made and carried out.
fn apply(dir: &Path, edits: &[LocalEdit]) -> Vec<FileChange> {
    let made = changes(&open(dir), edits, NOW).unwrap_or_else(|e| panic!("{edits:?}: {e}"));
    assert!(made.iter().all(|c| state(dir, c).unwrap() == State::Before));
    carry_out(dir, &made, Side::After).unwrap();
    assert!(made.iter().all(|c| state(dir, c).unwrap() == State::After));
    made
}

fn edits_of(actions: &[Action]) -> Vec<LocalEdit> {
    actions.iter().map(|a| edit(&a.what).unwrap()).collect()
}

/// Files whose newest checkpoint has a tree, apart from the metadata file.
fn with_trees(audit: &Audit) -> Vec<&FileInfo> {
    let files = &audit.local.as_ref().unwrap().files;
    let has = |f: &&FileInfo| f.file != METADATA_FILE && f.checkpoints.last().is_some_and(|c| c.root.is_some());
    files.iter().filter(has).collect()
}

/// Every row of the metadata, read by other means than the library's: key, value, window.
fn metadata_rows(dir: &Path) -> Vec<(Vec<u8>, Vec<u8>, Times)> {
    let turtle = home_turtle::parse(&std::fs::read(dir.join(TURTLE)).unwrap()).unwrap();
    let entry = FileEntry::parse(METADATA_FILE, &turtle.metadata, Source::Turtle).unwrap();
    let cookie = LocalCheckpoint::decode(&entry.checkpoints.last().unwrap().addr, entry.alloc).unwrap();
    let bytes = std::fs::read(dir.join(METADATA_FILE)).unwrap();
    let mut todo = vec![cookie.root.unwrap()];
    let mut out: Vec<(Vec<u8>, Vec<u8>, Times)> = Vec::new();
    while let Some(address) = todo.pop() {
        let stored = &bytes[span(&address)];
        let header = PageHeader::read(&mut Reader::new(stored)).unwrap();
        let plain = local_image::plain(stored, &header, entry.compression()).unwrap();
        let mut keys = KeyBuilder::default();
        let mut children = Vec::new();
        for cell in Cells::new(&plain, DATA_OFFSET, header.flags).map(Result::unwrap) {
            match cell.kind {
                CellKind::Key if header.page_type() == Ok(PageType::RowLeaf) => {
                    out.push((keys.full(&cell).unwrap().to_vec(), Vec::new(), Times::EMPTY));
                }
                CellKind::Key => {}
                CellKind::Value => {
                    let row = out.last_mut().unwrap();
                    (row.1, row.2) = (cell.data.to_vec(), cell.times);
                }
                CellKind::ValueOverflow => {
                    let at = LocalAddress::decode(cell.data, entry.alloc).unwrap().unwrap();
                    let item = &bytes[span(&at)];
                    let header = PageHeader::read(&mut Reader::new(item)).unwrap();
                    assert_eq!(header.page_type(), Ok(PageType::Overflow));
                    let row = out.last_mut().unwrap();
                    (row.1, row.2) = (item[DATA_OFFSET..DATA_OFFSET + header.entries as usize].to_vec(), cell.times);
                }
                kind if kind.is_addr() => children.push(LocalAddress::decode(cell.data, entry.alloc).unwrap().unwrap()),
                other => panic!("{other:?}"),
            }
        }
        todo.extend(children.into_iter().rev());
    }
    assert!(out.is_sorted_by(|a, b| a.0 < b.0));
    out
}

/// The metadata file: every byte has one use, and its sizes are right.
fn metadata_is_whole(audit: &Audit) {
    let file = info(audit, METADATA_FILE);
    let space = file.space.unwrap();
    assert_eq!((space.lost, space.overlapping, space.beyond_checkpoint, space.uncertain), (0, 0, 0, false));
    let sum = space.description + space.tree + space.extent_list + space.available + space.discarded;
    assert_eq!((Some(sum), file.physical_size), (file.file_size, sum));
    let last = file.checkpoints.last().unwrap();
    assert_eq!((last.difference, last.complete), (0, true));
    assert_eq!(last.published_size, last.checkpoint_size + u64::from(last.root.unwrap().size));
    assert_eq!(file.recovery.as_ref().unwrap().agrees, Some(true));
    assert_eq!(file.recovery.as_ref().unwrap().generation, last.write_gen + 1);
}

/// A home of forged files; the metadata file of a shape of its own.
fn forged(dir: &Path, files: u64, metadata: &Spec) {
    let mut list = Vec::new();
    for n in 0..files {
        let spec = Spec { leaf_max: 4096, gap_every: Some(3), ..Spec::new(&format!("table-{n:03}.wt"), 10 + n) };
        let rows = |i: u64| (format!("key{i:06}").into_bytes(), vec![b'v'; 90]);
        list.push((spec.name.clone(), forge_local::file(dir, &spec, &mut (0..60 + n * 7).map(rows))));
    }
    forge_local::home_with(dir, &list, metadata);
}

fn metadata_spec(leaf_max: usize, internal_max: usize, compressor: Option<Compressor>) -> Spec {
    Spec { leaf_max, internal_max, compressor, formats: ("S", "S"), ..Spec::new(METADATA_FILE, 0) }
}

/// Copies of homes in which no newest checkpoint states a wrong size, by name.
fn homes() -> Vec<(String, tempfile::TempDir)> {
    let mut sources: Vec<(String, PathBuf)> =
        ["mongo", "lost-extent"].map(|n| (n.to_string(), fixture("local").join(n))).to_vec();
    for set in ["classic-one", "classic-small", "classic-mongo-like", "classic-crash"] {
        sources.push((set.to_string(), real(set).join("db")));
    }
    sources.push(("disagg-small".to_string(), real("disagg-small/db/leader")));
    let mut out = Vec::new();
    for (name, from) in sources {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(&from, dir.path());
        out.push((name, dir));
    }
    for (name, spec) in [
        ("forged", metadata_spec(32 << 10, 4096, None)),
        ("forged, small pages", metadata_spec(4096, 512, None)),
        ("forged, snappy", metadata_spec(16 << 10, 1024, Some(Compressor::Snappy))),
        ("forged, zstd, 512", Spec { alloc: 512, ..metadata_spec(8 << 10, 512, Some(Compressor::Zstd)) }),
        ("forged, overflow", Spec { overflow_above: Some(500), ..metadata_spec(4096, 4096, None) }),
        ("forged, 64 KB", Spec { alloc: 64 << 10, ..metadata_spec(32 << 10, 4096, None) }),
    ] {
        let dir = tempfile::tempdir().unwrap();
        forged(dir.path(), 24, &spec);
        out.push((name.to_string(), dir));
    }
    out
}

/// Three files of a home, of different kinds where there are.
fn some<'a>(files: &[&'a FileInfo]) -> Vec<&'a FileInfo> {
    let mut at = vec![0, files.len() / 2, files.len().saturating_sub(1)];
    at.dedup();
    at.into_iter().filter_map(|n| files.get(n).copied()).collect()
}

#[test]
fn sizes_are_set_wrong_and_right_again() {
    // Of a home that was killed recovery takes the rows from the log, so another size in the metadata is no matter.
    for (name, dir) in homes().into_iter().filter(|(name, _)| name != "classic-crash") {
        let dir = dir.path();
        let (_, clean) = look(dir, Depth::Deep);
        // Of one home something else is wrong, and stays so; its metadata's copy is of another time.
        let base: Vec<_> = told(&clean).into_iter().filter(|(code, ..)| *code != Code::RecoveryMismatch).collect();
        assert_eq!(base.is_empty(), name != "lost-extent", "{name}: {base:?}");
        let before = bytes_of(dir);
        let rows = metadata_rows(dir);
        let files = with_trees(&clean);
        assert!(!files.is_empty(), "{name}");
        for (n, file) in some(&files).into_iter().enumerate() {
            let last = file.checkpoints.last().unwrap();
            let old = std::fs::read(dir.join(METADATA_FILE)).unwrap();
            let (size, cookie) = (last.published_size + (4 << 20), last.checkpoint_size + (4 << 20));
            let wrong = [(size, cookie), (last.published_size + 1, last.checkpoint_size), (1, 0)];
            for (size, cookie) in wrong.into_iter().skip(n).take(if n == 0 { 2 } else { 1 }) {
                let label = format!("{name}: {} to {size}, {cookie}", file.file);
                let wrong = apply(dir, &[set_size(&file.file, &last.name, size, cookie)]);
                assert!(matches!(wrong.as_slice(), [FileChange::Write { .. }, FileChange::Replace { .. }]), "{label}");
                let (home, audit) = look(dir, Depth::Normal);
                let found = format!("size={size}, {cookie} in the cookie");
                // The copy in the file itself still has the right size.
                let others = |(code, file, _): &(Code, String, String)| {
                    !base.iter().any(|b| (b.0, &b.1) == (*code, file)) && *code != Code::RecoveryMismatch
                };
                let errors: Vec<_> = told(&audit).into_iter().filter(others).collect();
                assert_eq!(errors, [(Code::CheckpointSizeMismatch, file.file.clone(), found)], "{label}");
                let mismatch = |f: &Finding| f.code == Code::RecoveryMismatch;
                let copies: Vec<_> = audit.findings.iter().filter(|f| mismatch(f)).collect();
                let of_file = |f: &&&Finding| f.place.file.as_deref() == Some(&file.file);
                let own = usize::from(cookie != last.checkpoint_size || size != last.published_size);
                assert_eq!((copies.len(), copies.iter().filter(of_file).count()), (own, own), "{label}");
                metadata_is_whole(&audit);
                let wrong_rows = metadata_rows(dir);
                let key = format!("file:{}\0", file.file).into_bytes();
                let differ: Vec<_> = rows.iter().zip(&wrong_rows).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
                assert_eq!((rows.len(), differ), (wrong_rows.len(), vec![&key]), "{label}");

                // With errors elsewhere in the file its size is left alone.
                let actions = propose(&home, &audit).0;
                if base.iter().any(|(_, f, _)| *f == file.file) {
                    assert!(actions.is_empty(), "{label}: {actions:?}");
                    carry_out(dir, &wrong, Side::Before).unwrap();
                    continue;
                }
                let [action] = actions.as_slice() else { panic!("{label}: {actions:?}") };
                let what = What::SetFileSize {
                    file: file.file.clone(),
                    checkpoint: last.name.clone(),
                    from: size,
                    to: last.published_size,
                    cookie_from: cookie,
                    cookie_to: last.checkpoint_size,
                };
                assert_eq!((&action.what, action.code.as_str()), (&what, "checkpoint-size-mismatch"), "{label}");
                assert!(action.writes.len() >= 5 && action.writes.last().unwrap() == TURTLE, "{label}: {action:?}");
                let leaf = format!("new leaf with the row file:{}", file.file);
                assert_eq!(action.writes.iter().filter(|w| w.contains(&leaf)).count(), 1, "{label}: {action:?}");

                let right = apply(dir, &edits_of(&actions));
                let (home, audit) = look(dir, Depth::Deep);
                let left: Vec<_> = told(&audit).into_iter().filter(|t| !base.contains(t)).collect();
                assert!(left.is_empty(), "{label}: {left:?}");
                assert!(base.iter().any(|_| true) || audit.verdict == clean.verdict, "{label}");
                assert!(propose(&home, &audit).0.is_empty(), "{label}");
                metadata_is_whole(&audit);
                assert_eq!(metadata_rows(dir), rows, "{label}");
                assert_eq!(newest(&audit, METADATA_FILE).time, NOW.max(newest(&clean, METADATA_FILE).time));
                // Whatever was there is there still.
                assert!(std::fs::read(dir.join(METADATA_FILE)).unwrap().starts_with(&old), "{label}");
                // Twice is as good as once.
                carry_out(dir, &right, Side::After).unwrap();
                for change in [&right, &wrong] {
                    carry_out(dir, change, Side::Before).unwrap();
                    carry_out(dir, change, Side::Before).unwrap();
                }
                assert!(bytes_of(dir) == before, "{label}: not every byte is back");
            }
        }
        // All at once.
        let all: Vec<_> = files.iter().filter(|f| !base.iter().any(|(_, b, _)| *b == f.file)).collect();
        let wrong: Vec<_> = all
            .iter()
            .map(|f| (f, f.checkpoints.last().unwrap()))
            .map(|(f, c)| set_size(&f.file, &c.name, c.published_size + 12_345_678_901, c.checkpoint_size + 98_765))
            .collect();
        let first = apply(dir, &wrong);
        let (home, audit) = look(dir, Depth::Normal);
        let actions = propose(&home, &audit).0;
        assert_eq!(actions.len(), all.len(), "{name}");
        metadata_is_whole(&audit);
        let second = apply(dir, &edits_of(&actions));
        let (_, audit) = look(dir, Depth::Deep);
        assert!(told(&audit).iter().all(|t| base.contains(t)), "{name}: {:?}", told(&audit));
        metadata_is_whole(&audit);
        assert_eq!(metadata_rows(dir), rows, "{name}");
        carry_out(dir, &second, Side::Before).unwrap();
        carry_out(dir, &first, Side::Before).unwrap();
        assert!(bytes_of(dir) == before, "{name}: not every byte is back");
    }
}

#[test]
fn thirty_times_in_a_row() {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&fixture("local/mongo"), dir.path());
    let dir = dir.path();
    let (_, clean) = look(dir, Depth::Deep);
    let rows = metadata_rows(dir);
    let files: Vec<(String, String, u64, u64)> = with_trees(&clean)
        .iter()
        .map(|f| (f.file.clone(), f.checkpoints.last().unwrap().clone()))
        .map(|(f, c)| (f, c.name, c.published_size, c.checkpoint_size))
        .collect();
    let length = |dir: &Path| std::fs::metadata(dir.join(METADATA_FILE)).unwrap().len();
    let first = length(dir);
    let mut grown = Vec::new();
    let mut done = Vec::new();
    let before = bytes_of(dir);
    for round in 0..15_u64 {
        let (file, checkpoint, size, cookie) = &files[round as usize % files.len()];
        for (size, cookie) in [(size + 7 * (round + 1), cookie + 5), (*size, *cookie)] {
            let at = length(dir);
            done.push(apply(dir, &[set_size(file, checkpoint, size, cookie)]));
            grown.push(length(dir) - at);
        }
        let (_, audit) = look(dir, if round % 5 == 4 { Depth::Deep } else { Depth::Normal });
        assert!(told(&audit).is_empty(), "{round}: {:#?}", audit.findings);
        metadata_is_whole(&audit);
        let last = newest(&audit, METADATA_FILE);
        let order = newest(&clean, METADATA_FILE).order + 2 * (i64::try_from(round).unwrap() + 1);
        assert_eq!((last.order, &last.name), (order, &format!("WiredTigerCheckpoint.{order}")));
        assert_eq!(info(&audit, METADATA_FILE).checkpoints.len(), 1);
        assert_eq!(metadata_rows(dir), rows);
    }
    // Each adds the same: a leaf, a root, two lists. Space is not used again, that is for the engine to do.
    assert!(grown.iter().all(|n| *n == grown[0]), "{grown:?}");
    assert_eq!(length(dir), first + 30 * grown[0]);
    for change in done.iter().rev() {
        carry_out(dir, change, Side::Before).unwrap();
    }
    assert!(bytes_of(dir) == before);
}

/// Pages of the metadata's newest tree: type, mem_size, rows or children.
fn metadata_pages(dir: &Path) -> Vec<(PageType, usize, u32)> {
    let base = Base::open(dir);
    let tree = base.tree(METADATA_FILE);
    let bytes = std::fs::read(dir.join(METADATA_FILE)).unwrap();
    let header = |a: &LocalAddress| PageHeader::read(&mut Reader::new(&bytes[span(a)])).unwrap();
    let last = tree.last();
    let newest = tree.nodes.values().filter(|n| n.checkpoints.contains(&last));
    newest.map(|n| (n.kind, header(&n.address))).map(|(k, h)| (k, h.mem_size as usize, h.entries / 2)).collect()
}

/// What lies behind the avail list is of the form the engine gives it.
#[test]
fn the_copy_has_the_engines_form() {
    let read = |dir: &Path| {
        let turtle = home_turtle::parse(&std::fs::read(dir.join(TURTLE)).unwrap()).unwrap();
        let entry = FileEntry::parse(METADATA_FILE, &turtle.metadata, Source::Turtle).unwrap();
        let cookie = LocalCheckpoint::decode(&entry.checkpoints.last().unwrap().addr, entry.alloc).unwrap();
        let bytes = std::fs::read(dir.join(METADATA_FILE)).unwrap();
        let block = &bytes[span(&cookie.avail.unwrap())];
        let header = PageHeader::read(&mut Reader::new(block)).unwrap();
        assert_eq!((header.recno, header.write_gen, header.flags, header.version), (0, 0, 0, 1));
        let list = ExtentList::decode(block, entry.alloc, cookie.file_size).unwrap();
        assert_eq!((header.mem_size as usize, header.entries as usize), (list.end, list.end - DATA_OFFSET));
        assert_eq!((list.end_value, block.len() - list.encode().len() - DATA_OFFSET < entry.alloc as usize), (1, true));
        (list.recovery.unwrap(), cookie, entry, turtle.metadata)
    };
    for (name, dir) in homes() {
        let dir = dir.path();
        let (engine, _, entry, metadata) = read(dir);
        let (_, audit) = look(dir, Depth::Quick);
        let file = with_trees(&audit)[0];
        apply(dir, &[set_size(&file.file, &file.checkpoints.last().unwrap().name, 1, 1)]);
        let (ours, cookie, new, text) = read(dir);
        let wrapper = |text: &str| text.split_once('[').unwrap().0.to_string();
        assert_eq!(wrapper(&ours.metadata), wrapper(&engine.metadata), "{name}");
        assert_eq!(ours.file_metadata().unwrap(), Some(metadata.as_str()), "{name}");
        // The cookie lacks the avail list and has the size the file had.
        let before = LocalCheckpoint::decode(&entry.checkpoints.last().unwrap().addr, entry.alloc).unwrap();
        let incomplete = LocalCheckpoint { avail: None, file_size: before.file_size, ..cookie.clone() };
        assert_eq!(ours.cookie, incomplete.encode(entry.alloc).unwrap(), "{name}");
        assert_eq!(
            (ours.generation, ours.file_size),
            (new.checkpoints.last().unwrap().write_gen + 1, cookie.file_size)
        );
        let complete = hex::encode(cookie.encode(entry.alloc).unwrap());
        let list = format!("checkpoint={}", checkpoint_list::text_in(&text).unwrap());
        assert_eq!(ours.checkpoint_list, list.replace(&complete, &hex::encode(&ours.cookie)), "{name}");
        // One write generation a page, the root's is the checkpoint's, and no older one is as high.
        let bytes = std::fs::read(dir.join(METADATA_FILE)).unwrap();
        let root = PageHeader::read(&mut Reader::new(&bytes[span(&cookie.root.unwrap())])).unwrap();
        assert_eq!(root.write_gen, new.checkpoints.last().unwrap().write_gen, "{name}");
        assert!(root.write_gen > engine.generation && cookie.file_size == bytes.len() as u64, "{name}");
    }
}

/// Rows that grow make their leaf too large, its halves make the page above too large, and so on up.
#[test]
fn pages_that_grow_too_large_are_split() {
    // Leaves that are full to the last byte with so many rows.
    let trial = tempfile::tempdir().unwrap();
    forged(trial.path(), 96, &metadata_spec(32 << 10, 4096, None));
    let longest = metadata_rows(trial.path()).iter().map(|(k, v, _)| k.len() + v.len()).max().unwrap();
    for (full, files, internal_max, compressor) in [
        (2, 20, 512, None),
        (2, 96, 512, None),
        (3, 96, 512, Some(Compressor::Zlib)),
        (1, 96, 512, Some(Compressor::Lz4)),
        (30, 96, 4096, None),
    ] {
        let leaf_max = DATA_OFFSET + full * longest + 4 * (full - 1) + 16;
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        forged(dir, files, &metadata_spec(leaf_max, internal_max, compressor));
        let (_, clean) = look(dir, Depth::Deep);
        assert!(clean.findings.is_empty(), "{:#?}", clean.findings);
        let before = bytes_of(dir);
        let (rows, pages) = (metadata_rows(dir), metadata_pages(dir));
        let large = |size: u64| -> Vec<LocalEdit> {
            let files = with_trees(&clean).into_iter();
            files.map(|f| set_size(&f.file, &f.checkpoints.last().unwrap().name, size, size)).collect()
        };
        let first = apply(dir, &large(u64::MAX >> 1));
        let (home, audit) = look(dir, Depth::Deep);
        assert!(told(&audit).iter().all(|(c, ..)| matches!(c, Code::CheckpointSizeMismatch | Code::RecoveryMismatch)));
        metadata_is_whole(&audit);
        let more = metadata_pages(dir);
        // One row has the leaf to itself, however long it is.
        assert!((full > 1) == (more.len() > pages.len()), "{} and then {} pages", pages.len(), more.len());
        let depth = |a: &Audit| newest(a, METADATA_FILE).pages.depth;
        assert_eq!(depth(&audit) - depth(&clean), u64::from(files == 20), "{full}");
        for (kind, mem_size, n) in &more {
            let (limit, least) = if *kind == PageType::RowLeaf { (leaf_max, 1) } else { (internal_max, 3) };
            assert!(*mem_size <= limit || *n <= least, "{kind:?}: {mem_size} bytes, {n}");
        }
        assert_eq!(metadata_rows(dir).len(), rows.len());
        let second = apply(dir, &edits_of(&propose(&home, &audit).0));
        let (_, audit) = look(dir, Depth::Deep);
        assert!(audit.findings.is_empty(), "{:#?}", audit.findings);
        metadata_is_whole(&audit);
        assert_eq!(metadata_rows(dir), rows);
        carry_out(dir, &second, Side::Before).unwrap();
        carry_out(dir, &first, Side::Before).unwrap();
        assert!(bytes_of(dir) == before);
    }
}

/// A turtle is made anew from the copy in the metadata file, and is what it was.
#[test]
fn turtles_come_back() {
    for (name, dir) in homes() {
        let dir = dir.path();
        let path = dir.join(TURTLE);
        let good = std::fs::read(&path).unwrap();
        // The copy in the metadata of this one is of another time than its turtle.
        if name == "lost-extent" {
            continue;
        }
        let (_, clean) = look(dir, Depth::Deep);
        let list = String::from_utf8(good.clone()).unwrap().find(",checkpoint=(").unwrap();
        let cookie = newest(&clean, METADATA_FILE).cookie.clone();
        let mut stale = String::from_utf8(good.clone()).unwrap();
        let digit = stale.find(&cookie).unwrap() + 8;
        stale.replace_range(digit..=digit, if &stale[digit..=digit] == "7" { "6" } else { "7" });
        let cases: Vec<(&str, Option<Vec<u8>>)> = vec![
            ("missing", None),
            ("empty", Some(Vec::new())),
            ("cut at the end", Some(good[..list + 40].to_vec())),
            ("cut at 100", Some(good[..100].to_vec())),
            ("zeros", Some(vec![0; good.len()])),
            ("another cookie", Some(stale.into_bytes())),
            ("garbage", Some(b"no turtle\nat all\n".to_vec())),
        ];
        // Large homes need not see them all.
        let step = if name.starts_with("classic") { 3 } else { 1 };
        for (what, bytes) in cases.into_iter().step_by(step) {
            let label = format!("{name}, {what}");
            match &bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let before = bytes_of(dir);
            let (home, audit) = look(dir, Depth::Normal);
            let actions = propose(&home, &audit).0;
            let [action] = actions.as_slice() else { panic!("{label}: {actions:?} {:#?}", told(&audit)) };
            let code = if bytes.is_none() { "file-missing" } else { "turtle-invalid" };
            assert_eq!((action.code.as_str(), action.writes.as_slice()), (code, &[TURTLE.to_string()][..]), "{label}");
            assert!(matches!(action.what, What::RebuildTurtle { .. }), "{label}");
            let made = apply(dir, &edits_of(&actions));
            assert!(matches!(made.as_slice(), [FileChange::Replace { .. }]), "{label}");
            assert!(!dir.join(home_turtle::TEMPORARY_NAME).exists());
            let (home, audit) = look(dir, Depth::Normal);
            let worse = told(&audit);
            assert!(worse.is_empty() && home.way == Way::Turtle, "{label}: {worse:?}");
            assert_eq!(audit.verdict, clean.verdict, "{label}");
            let (now, then) = (std::fs::read(&path).unwrap(), good.clone());
            let text = |bytes| home_turtle::parse(bytes).unwrap();
            // Newer engines put a page id into the text, and none into the copy.
            let entries = |bytes| -> Vec<CheckpointEntry> {
                let entry = FileEntry::parse(METADATA_FILE, &text(bytes).metadata, Source::Turtle).unwrap();
                entry.checkpoints.into_iter().map(|c| CheckpointEntry { next_page_id: None, ..c }).collect()
            };
            assert_eq!(entries(&now[..]), entries(&then[..]), "{label}");
            carry_out(dir, &made, Side::Before).unwrap();
            assert!(bytes_of(dir) == before, "{label}");
        }
    }
}

/// The real variants with a turtle that is of no use.
#[test]
fn stored_turtles_come_back() {
    for variant in ["v31-turtle-truncated", "v33-turtle-missing"] {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(&real("classic-small/db"), dir.path());
        let changed = real("classic-damaged").join(variant).join("changed").join(TURTLE);
        let path = dir.path().join(TURTLE);
        std::fs::remove_file(&path).unwrap();
        if changed.exists() {
            std::fs::write(&path, std::fs::read(changed).unwrap()).unwrap();
        }
        let before = bytes_of(dir.path());
        let (home, audit) = look(dir.path(), Depth::Normal);
        let actions = propose(&home, &audit).0;
        assert_eq!(actions.len(), 1, "{variant}");
        let made = apply(dir.path(), &edits_of(&actions));
        let (_, audit) = look(dir.path(), Depth::Deep);
        assert_eq!((audit.verdict, told(&audit)), (Verdict::Clean, Vec::new()), "{variant}");
        carry_out(dir.path(), &made, Side::Before).unwrap();
        assert!(bytes_of(dir.path()) == before, "{variant}");
    }
}

/// Homes to damage: a fixture, and real ones.
fn bases() -> Vec<Base> {
    let mut out = vec![Base::open(&fixture("local/mongo"))];
    out.extend(["classic-one", "classic-small"].map(|n| Base::open(&real(n).join("db"))));
    out
}

/// A copy of a damaged home in which nothing is shared with its base.
fn copy_of(case: &localdamage::Case<'_>) -> tempfile::TempDir {
    let (linked, own) = (case.make(), tempfile::tempdir().unwrap());
    copy_dir(linked.path(), own.path());
    own
}

/// Makes `size=` and the size in the cookie wrong.
type Change = fn(&mut u64, &mut u64);

/// w56 and its like: sizes that are wrong in the cookie, in the text, in both, or in the file's own copy too.
#[test]
fn damaged_sizes_are_put_right() {
    for base in bases() {
        let (_, clean) = look(&base.dir, Depth::Quick);
        for (n, file) in some(&with_trees(&clean)).into_iter().enumerate() {
            let last = file.checkpoints.len() - 1;
            let changes: [(&str, bool, Change); 6] = [
                ("cookie", false, |_, cookie| *cookie += 4 << 20),
                ("text", false, |size, _| *size += 1),
                ("both", false, |size, cookie| (*size, *cookie) = (*size + (4 << 20), *cookie + (4 << 20))),
                ("both and the copy", true, |size, cookie| (*size, *cookie) = (*size + 8192, *cookie + 8192)),
                ("nothing left", false, |size, cookie| (*size, *cookie) = (0, 0)),
                ("less, and the copy", true, |size, cookie| (*size, *cookie) = (*size - 4096, *cookie - 4096)),
            ];
            for (what, consistent, change) in changes.into_iter().skip(n).step_by(n + 1) {
                let label = format!("{} of {}, {what}", file.file, base.dir.display());
                let mut case = base.case();
                case.consistent = consistent;
                case.cookies(&file.file, |at, cookie, size| {
                    if at == last {
                        change(size, &mut cookie.checkpoint_size);
                    }
                });
                let dir = copy_of(&case);
                let dir = dir.path();
                let before = bytes_of(dir);
                let (home, audit) = look(dir, Depth::Normal);
                let of = |code: Code| told(&audit).into_iter().filter(|t| t.0 == code).count();
                assert_eq!(of(Code::CheckpointSizeMismatch), 1, "{label}: {:?}", told(&audit));
                let actions = propose(&home, &audit).0;
                assert_eq!(actions.len(), 1, "{label}");
                let made = apply(dir, &edits_of(&actions));
                let (home, audit) = look(dir, Depth::Normal);
                // The file's own copy is changed by the engine's next checkpoint only.
                let left: Vec<_> = told(&audit).into_iter().map(|(code, file, _)| (code, file)).collect();
                let wanted = if consistent { vec![(Code::RecoveryMismatch, file.file.clone())] } else { Vec::new() };
                assert_eq!(left, wanted, "{label}");
                assert!(propose(&home, &audit).0.is_empty(), "{label}");
                metadata_is_whole(&audit);
                carry_out(dir, &made, Side::Before).unwrap();
                assert!(bytes_of(dir) == before, "{label}");
            }
        }
    }
}

/// Older checkpoints are not changed, and where something else is wrong with a file its sizes are not touched.
#[test]
fn doubtful_sizes_are_left_alone() {
    let base = Base::open(&real("classic-small/db"));
    let file = "rs_plain.wt";
    let last = base.tree(file).last();
    for newest_too in [false, true] {
        let mut case = base.case();
        case.cookies(file, |at, _, size| *size += if at < last || newest_too { 4096 } else { 0 });
        let dir = copy_of(&case);
        let (home, audit) = look(dir.path(), Depth::Normal);
        let actions = propose(&home, &audit).0;
        assert_eq!(actions.len(), usize::from(newest_too), "{actions:?}");
        if newest_too {
            apply(dir.path(), &edits_of(&actions));
            let (_, audit) = look(dir.path(), Depth::Normal);
            let named = told(&audit).into_iter().filter(|(code, ..)| *code == Code::CheckpointSizeMismatch);
            assert_eq!(named.count(), last, "those of the older ones stay");
        }
    }
    // A leaf that cannot be read: the sum is only a guess.
    let mut case = base.case();
    case.cookies(file, |at, _, size| *size += if at == last { 4096 } else { 0 });
    let leaf = base.tree(file).newest(PageType::RowLeaf)[5].address;
    case.bytes(file)[span(&leaf)].fill(0);
    let dir = copy_of(&case);
    let (home, audit) = look(dir.path(), Depth::Normal);
    assert!(told(&audit).iter().any(|(code, ..)| *code == Code::CheckpointSizeMismatch));
    assert!(propose(&home, &audit).0.is_empty());
    // Real variants: those with a wrong size have it because blocks are lost.
    let mut seen = 0;
    for variant in std::fs::read_dir(real("classic-one-damaged")).unwrap() {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(&real("classic-one/db"), dir.path());
        copy_dir(&variant.unwrap().path().join("changed"), dir.path());
        let edits: Vec<PathBuf> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(edits.iter().any(|p| p.ends_with(TURTLE)));
        let (home, audit) = look(dir.path(), Depth::Normal);
        seen += usize::from(told(&audit).iter().any(|(code, ..)| *code == Code::CheckpointSizeMismatch));
        assert!(propose(&home, &audit).0.is_empty());
    }
    assert!(seen <= 1, "{seen}");
}

/// The metadata file's own size stands in the turtle, and in its own copy.
#[test]
fn the_metadatas_own_size() {
    for base in bases() {
        // Wrong in the turtle alone: the copy is right, and the turtle is made from it.
        let mut case = base.case();
        let last = base.tree(METADATA_FILE).last();
        let change = |at: usize, cookie: &mut LocalCheckpoint, size: &mut u64| {
            if at == last {
                (*size, cookie.checkpoint_size) = (*size + 4096, cookie.checkpoint_size + 4096);
            }
        };
        case.cookies(METADATA_FILE, change);
        let dir = copy_of(&case);
        let dir = dir.path();
        let (home, audit) = look(dir, Depth::Normal);
        let actions = propose(&home, &audit).0;
        assert!(matches!(actions.as_slice(), [Action { what: What::RebuildTurtle { .. }, .. }]), "{actions:?}");
        apply(dir, &edits_of(&actions));
        let (_, audit) = look(dir, Depth::Normal);
        assert_eq!(told(&audit), []);

        // Wrong in both: a new checkpoint, which has the same rows.
        let turtle = std::fs::read_to_string(dir.join(TURTLE)).unwrap();
        let parsed = home_turtle::parse(turtle.as_bytes()).unwrap();
        let entry = FileEntry::parse(METADATA_FILE, &parsed.metadata, Source::Turtle).unwrap();
        let newest = entry.checkpoints.last().unwrap();
        let mut cookie = LocalCheckpoint::decode(&newest.addr, entry.alloc).unwrap();
        let right = (newest.size, cookie.checkpoint_size);
        let wrong = (right.0 + 4096, right.1 + 4096);
        cookie.checkpoint_size = wrong.1;
        let mut bytes = std::fs::read(dir.join(METADATA_FILE)).unwrap();
        let block = &mut bytes[span(&cookie.avail.unwrap())];
        let mut list = ExtentList::decode(block, entry.alloc, u64::MAX).unwrap();
        let copy = list.recovery.as_mut().unwrap();
        let old = copy.cookie.clone();
        let incomplete = LocalCheckpoint::decode(&old, entry.alloc).unwrap();
        copy.cookie = LocalCheckpoint { checkpoint_size: wrong.1, ..incomplete }.encode(entry.alloc).unwrap();
        copy.checkpoint_list = checkpoint_list::with_newest(
            &copy.checkpoint_list,
            &[("addr", &hex::encode(&copy.cookie)), ("size", &wrong.0.to_string())],
        )
        .unwrap();
        let data = list.encode();
        block[DATA_OFFSET..DATA_OFFSET + data.len()].copy_from_slice(&data);
        cookie.avail.as_mut().unwrap().checksum = reseal(block);
        std::fs::write(dir.join(METADATA_FILE), bytes).unwrap();
        let addr = hex::encode(cookie.encode(entry.alloc).unwrap());
        let fields = [("addr", addr.as_str()), ("size", &wrong.0.to_string())];
        let metadata = checkpoint_list::with_newest(&parsed.metadata, &fields).unwrap();
        std::fs::write(dir.join(TURTLE), turtle.replace(&parsed.metadata, &metadata)).unwrap();
        let before = bytes_of(dir);
        let rows = metadata_rows(dir);
        let (home, audit) = look(dir, Depth::Normal);
        assert_eq!((told(&audit).len(), told(&audit)[0].0), (1, Code::CheckpointSizeMismatch), "{:?}", told(&audit));
        let actions = propose(&home, &audit).0;
        let [Action { what: What::SetFileSize { file, to, cookie_to, .. }, .. }] = actions.as_slice() else {
            panic!("{actions:?}")
        };
        assert_eq!((file.as_str(), *to, *cookie_to), (METADATA_FILE, right.0, right.1));
        let made = apply(dir, &edits_of(&actions));
        assert_eq!(made.len(), 2);
        let (_, audit) = look(dir, Depth::Deep);
        assert_eq!(told(&audit), []);
        metadata_is_whole(&audit);
        assert_eq!(metadata_rows(dir), rows);
        carry_out(dir, &made, Side::Before).unwrap();
        assert!(bytes_of(dir) == before);

        // Any other number goes into the turtle and nowhere else.
        let name = actions[0].evidence.iter().find_map(|e| e.strip_prefix("checkpoint ")).unwrap();
        let made = apply(dir, &[set_size(METADATA_FILE, name, 5, 4)]);
        assert!(matches!(made.as_slice(), [FileChange::Replace { .. }]));
        carry_out(dir, &made, Side::Before).unwrap();
        assert!(bytes_of(dir) == before);
    }
}

/// What an interrupted repair may leave is the old home, with something behind the metadata's end; from there
/// either side can be reached.
#[test]
fn interrupted_anywhere() {
    let mut homes: Vec<_> =
        homes().into_iter().filter(|(n, _)| !["classic-small", "disagg-small"].contains(&n.as_str())).collect();
    homes.truncate(7);
    for (name, dir) in homes {
        let dir = dir.path();
        let (_, clean) = look(dir, Depth::Quick);
        let file = with_trees(&clean)[0];
        let last = file.checkpoints.last().unwrap();
        // Blocks written after a checkpoint, or garbage, may lie there already.
        let metadata = dir.join(METADATA_FILE);
        if name == "forged" {
            let mut bytes = std::fs::read(&metadata).unwrap();
            bytes.extend([0xa5; 5000]);
            std::fs::write(&metadata, bytes).unwrap();
        }
        // A wrong size is there to be put right.
        apply(dir, &[set_size(&file.file, &last.name, last.published_size + 4096, last.checkpoint_size)]);
        let depth = Depth::Normal;
        let (home, audit) = look(dir, depth);
        let before = bytes_of(dir);
        let edits = [set_size(&file.file, &last.name, last.published_size, last.checkpoint_size)];
        let made = changes(&home, &edits, NOW).unwrap();
        let [FileChange::Write { offset, before: none, after, .. }, FileChange::Replace { .. }] = made.as_slice()
        else {
            panic!("{made:?}")
        };
        assert!(none.is_empty());
        carry_out(dir, &made, Side::After).unwrap();
        let done = bytes_of(dir);
        carry_out(dir, &made, Side::Before).unwrap();
        assert!(bytes_of(dir) == before);
        let old = std::fs::read(&metadata).unwrap();
        assert_eq!(*offset, old.len() as u64);
        let notes = |audit: &Audit| -> Vec<(Code, Option<String>, String)> {
            let behind =
                |f: &&Finding| f.code != Code::FileSizeMismatch || f.place.file.as_deref() != Some(METADATA_FILE);
            let list = audit.findings.iter().filter(behind);
            list.map(|f| (f.code, f.place.file.clone(), wtcheck::words::of(f).found)).collect()
        };
        let n = after.len();
        let mut states: Vec<Vec<u8>> = Vec::new();
        for written in [0, 1, 100, 4096, n / 2, n - 4096, n - 1, n] {
            states.push([&old[..], &after[..written]].concat());
            // The length reached the medium, and not all of the bytes.
            states.push([&old[..], &after[..written], &vec![0; n - written][..]].concat());
        }
        states.push([&old[..], &vec![0; n / 2], &after[n / 2..]].concat());
        let turtle = done[&dir.join(TURTLE)].clone();
        for (at, bytes) in states.into_iter().enumerate() {
            let label = format!("{name}, state {at}");
            // A temporary turtle beside it, whole or not.
            let temporary = dir.join(home_turtle::TEMPORARY_NAME);
            for to in [Side::After, Side::Before] {
                std::fs::write(&metadata, &bytes).unwrap();
                if let Some(part) = turtle.len().checked_div(at % 3) {
                    std::fs::write(&temporary, &turtle[..part]).unwrap();
                }
                if to == Side::After {
                    let (_, now) = look(dir, depth);
                    assert_eq!((now.verdict, notes(&now)), (audit.verdict, notes(&audit)), "{label}");
                }
                let whole = bytes.len() == old.len() + n && bytes.ends_with(after);
                let wanted = if whole { State::After } else { State::Before };
                assert_eq!(state(dir, &made[0]).unwrap(), wanted, "{label}");
                assert_eq!(state(dir, &made[1]).unwrap(), State::Before, "{label}");
                carry_out(dir, &made, to).unwrap_or_else(|e| panic!("{label}: {e}"));
                let wanted = if to == Side::After { &done } else { &before };
                assert!(bytes_of(dir) == *wanted, "{label}, {to:?}");
                carry_out(dir, &made, Side::Before).unwrap();
            }
        }
    }
}

/// What is neither before nor after is not touched.
#[test]
fn someone_else_was_here() {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&fixture("local/mongo"), dir.path());
    let dir = dir.path();
    let (_, audit) = look(dir, Depth::Quick);
    let file = with_trees(&audit)[0];
    let last = file.checkpoints.last().unwrap();
    let made = changes(&open(dir), &[set_size(&file.file, &last.name, 1, 1)], NOW).unwrap();
    let FileChange::Write { after, .. } = &made[0] else { panic!("{made:?}") };
    let (metadata, turtle) = (dir.join(METADATA_FILE), dir.join(TURTLE));
    let (old, text) = (std::fs::read(&metadata).unwrap(), std::fs::read(&turtle).unwrap());
    let mut other = after.clone();
    other[5000] ^= 1;
    let refused = |bytes: Option<&[u8]>, path: &Path, change: usize| {
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        let before = bytes_of(dir);
        assert!(matches!(state(dir, &made[change]).unwrap(), State::Other(_)));
        for to in [Side::After, Side::Before] {
            let e = carry_out(dir, &made, to).unwrap_err();
            assert!(matches!(&e, EditError::Changed { file, .. } if path.ends_with(file)), "{e}");
            assert!(bytes_of(dir) == before);
        }
    };
    for bytes in [
        [&old[..], &other].concat(),
        [&old[..], after, &[0]].concat(),
        [&old[..], &[7]].concat(),
        old[..old.len() - 1].to_vec(),
    ] {
        refused(Some(&bytes), &metadata, 0);
    }
    refused(None, &metadata, 0);
    std::fs::write(&metadata, &old).unwrap();
    refused(Some(&text[..text.len() - 1]), &turtle, 1);
    refused(None, &turtle, 1);
    std::fs::write(&turtle, &text).unwrap();
    carry_out(dir, &made, Side::After).unwrap();

    // Nor is anything outside, or through a link.
    let outside = FileChange::Replace { file: "../x".to_string(), before: None, after: Some(vec![1]) };
    assert!(matches!(carry_out(dir, &[outside], Side::After), Err(EditError::Refused(_))));
    std::fs::rename(&turtle, dir.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &turtle).unwrap();
    let e = carry_out(dir, &made, Side::Before).unwrap_err();
    assert!(e.to_string().contains("symbolic link"), "{e}");
    let crooked = FileChange::Write {
        file: METADATA_FILE.to_string(),
        offset: 0,
        len_before: 10,
        before: vec![1],
        after: vec![1, 2, 3],
    };
    assert!(matches!(state(dir, &crooked), Err(EditError::Refused(_))));
}

/// A range within a file, and one that leaves it.
#[test]
fn ranges_within_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let old: Vec<u8> = (0..100).collect();
    let change = |offset: usize, after: Vec<u8>| FileChange::Write {
        file: "a".to_string(),
        offset: offset as u64,
        len_before: 100,
        before: old[offset..(offset + after.len()).min(100)].to_vec(),
        after,
    };
    for change in
        [change(10, vec![200; 20]), change(90, vec![200; 20]), change(100, vec![200; 5]), change(0, old.clone())]
    {
        std::fs::write(&path, &old).unwrap();
        let FileChange::Write { offset, after, .. } = &change else { panic!() };
        let mut new = old.clone();
        let (from, to) = (*offset as usize, *offset as usize + after.len());
        new.resize(new.len().max(to), 0);
        new[from..to].copy_from_slice(after);
        // Half of the range is new.
        let mut half = new.clone();
        let middle = from + after.len() / 2;
        half.truncate(middle.max(100));
        let stays = middle.min(100)..to.min(100);
        half[stays.clone()].copy_from_slice(&old[stays]);
        for start in [&old, &new, &half] {
            for (side, wanted) in [(Side::After, &new), (Side::Before, &old)] {
                std::fs::write(&path, start).unwrap();
                carry_out(dir.path(), std::slice::from_ref(&change), side).unwrap();
                assert_eq!(std::fs::read(&path).unwrap(), **wanted);
            }
        }
    }
}

#[test]
fn a_turtle_keeps_its_owner_and_a_left_temporary_one_comes_back() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    forged(dir.path(), 2, &metadata_spec(32 << 10, 4096, None));
    let dir = dir.path();
    let (turtle, temporary) = (dir.join(TURTLE), dir.join(home_turtle::TEMPORARY_NAME));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    std::fs::set_permissions(&turtle, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::set_permissions(dir.join(METADATA_FILE), std::fs::Permissions::from_mode(0o604)).unwrap();
    let owned = std::os::unix::fs::chown(dir.join(METADATA_FILE), Some(1234), Some(4321)).is_ok();
    std::fs::write(&temporary, "left by the engine").unwrap();
    let text = std::fs::read_to_string(&turtle).unwrap();
    let new = LocalEdit::Turtle { text: format!("{text}Another key\nand its value\n") };
    let before = bytes_of(dir);
    let made = apply(dir, &[new]);
    assert_eq!((made.len(), mode(&turtle), temporary.exists()), (2, 0o640, false));
    carry_out(dir, &made, Side::After).unwrap();
    carry_out(dir, &made, Side::Before).unwrap();
    assert!(bytes_of(dir) == before && mode(&turtle) == 0o640);
    // Interrupted while the temporary name was in use.
    std::fs::write(&temporary, "half of somethi").unwrap();
    carry_out(dir, &made, Side::Before).unwrap();
    assert!(bytes_of(dir) == before);
    // A turtle that was not there belongs to whom the metadata belongs to.
    std::fs::remove_file(&turtle).unwrap();
    std::fs::remove_file(&temporary).unwrap();
    let made = apply(dir, &[LocalEdit::Turtle { text: text.clone() }]);
    assert_eq!(mode(&turtle), 0o604);
    if owned {
        let meta = std::fs::metadata(&turtle).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (1234, 4321));
    }
    assert!(changes(&open(dir), &[LocalEdit::Turtle { text }], NOW).unwrap().is_empty());
    carry_out(dir, &made, Side::Before).unwrap();
    assert!(!turtle.exists());
    // A journal holds changes as text.
    let made: Vec<FileChange> = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
    carry_out(dir, &made, Side::After).unwrap();
    assert!(turtle.exists());
    let whole = FileChange::Write {
        file: "x".to_string(),
        offset: 3,
        len_before: 3,
        before: Vec::new(),
        after: vec![0xab, 0xcd],
    };
    let json = serde_json::to_string(&whole).unwrap();
    assert!(json.contains("\"abcd\""), "{json}");
    assert_eq!(serde_json::from_str::<FileChange>(&json).unwrap(), whole);
}

/// A file that was never written has a checkpoint without a cookie; only its text can be changed.
#[test]
fn files_without_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    forged(dir.path(), 3, &metadata_spec(32 << 10, 4096, None));
    let dir = dir.path();
    let (before, rows) = (bytes_of(dir), metadata_rows(dir));
    let size = |home: &Home| home.file("WiredTigerHS.wt").unwrap().checkpoints.last().unwrap().size;
    let name = "WiredTigerCheckpoint.1";
    assert!(matches!(
        changes(&open(dir), &[set_size("WiredTigerHS.wt", name, 77, 4)], NOW),
        Err(EditError::Refused(_))
    ));
    assert!(changes(&open(dir), &[set_size("WiredTigerHS.wt", name, 0, 0)], NOW).unwrap().is_empty());
    let first = apply(dir, &[set_size("WiredTigerHS.wt", name, 77, 0)]);
    assert_eq!(size(&open(dir)), 77);
    let second = apply(dir, &[set_size("WiredTigerHS.wt", name, 0, 0)]);
    assert_eq!((size(&open(dir)), metadata_rows(dir)), (0, rows));
    carry_out(dir, &second, Side::Before).unwrap();
    carry_out(dir, &first, Side::Before).unwrap();
    assert!(bytes_of(dir) == before);
}

/// The free space at the end of the metadata file is gone: what the new checkpoint has before it is padded.
#[test]
fn a_metadata_file_that_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&fixture("local/lost-extent"), dir.path());
    let dir = dir.path();
    let metadata = std::fs::OpenOptions::new().write(true).open(dir.join(METADATA_FILE)).unwrap();
    metadata.set_len(20_480 + 100).unwrap();
    let before = bytes_of(dir);
    let (_, audit) = look(dir, Depth::Normal);
    // What is cut off is free, so it is only noted.
    let is_cut = |f: &Finding| f.code == Code::FileSizeMismatch && f.place.file.as_deref() == Some(METADATA_FILE);
    let cut = |audit: &Audit| audit.findings.iter().any(is_cut);
    assert!(cut(&audit), "{:?}", told(&audit));
    let last = newest(&audit, "WiredTigerHS.wt");
    let edit = set_size("WiredTigerHS.wt", &last.name, last.published_size, last.checkpoint_size + 1);
    let made = apply(dir, &[edit]);
    let (home, audit) = look(dir, Depth::Deep);
    assert!(!cut(&audit), "{:?}", told(&audit));
    metadata_is_whole(&audit);
    apply(dir, &edits_of(&propose(&home, &audit).0));
    let (_, audit) = look(dir, Depth::Deep);
    assert_eq!(told(&audit).iter().map(|t| t.0).collect::<Vec<_>>(), [Code::ExtentLost]);
    assert!(carry_out(dir, &made, Side::Before).is_err());
    let length = std::fs::metadata(dir.join(METADATA_FILE)).unwrap().len();
    assert!(length > 32_768 && before.len() == bytes_of(dir).len());
}

#[test]
fn what_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    forged(dir.path(), 3, &metadata_spec(32 << 10, 4096, None));
    let dir = dir.path();
    let refused = |home: &Home, edits: &[LocalEdit], words: &str| {
        let before = bytes_of(&home.dir);
        let e = changes(home, edits, NOW).unwrap_err();
        assert!(matches!(&e, EditError::Refused(why) if why.contains(words)), "{words}: {e}");
        assert!(bytes_of(&home.dir) == before);
    };
    let (file, name) = ("table-001.wt", "WiredTigerCheckpoint.1");
    let good = set_size(file, name, 5, 5);
    let turtle = LocalEdit::Turtle { text: std::fs::read_to_string(dir.join(TURTLE)).unwrap() };
    let home = open(dir);
    refused(&home, &[set_size(file, "WiredTigerCheckpoint.2", 5, 5)], "its newest checkpoint is");
    refused(&home, &[set_size("nowhere.wt", name, 5, 5)], "no row of nowhere.wt");
    refused(&home, &[good.clone(), set_size(file, name, 6, 6)], "two sizes");
    refused(&home, &[good.clone(), turtle.clone()], "write it first");
    refused(&home, &[turtle.clone(), turtle], "more than one");
    refused(&home, &[LocalEdit::Turtle { text: "no turtle".to_string() }], "the new turtle");
    let alone = Home::alone(dir, file, directory::Options { no_mmap: true });
    refused(&alone, std::slice::from_ref(&good), "outside a home");
    refused(&alone, &[LocalEdit::Turtle { text: String::new() }], "outside a home");
    assert!(changes(&home, &[], NOW).unwrap().is_empty());
    // The home was read before someone changed it.
    let made = changes(&home, std::slice::from_ref(&good), NOW).unwrap();
    carry_out(dir, &made, Side::After).unwrap();
    refused(&home, std::slice::from_ref(&good), "changed since");
    // No turtle, no metadata that could be changed.
    let text = std::fs::read(dir.join(TURTLE)).unwrap();
    std::fs::remove_file(dir.join(TURTLE)).unwrap();
    refused(&open(dir), std::slice::from_ref(&good), "through the turtle");
    std::fs::write(dir.join(TURTLE), text).unwrap();
    // A leaf of the metadata is lost.
    let base = Base::open(dir);
    let leaf = base.tree(METADATA_FILE).newest(PageType::RowLeaf)[0].address;
    let mut bytes = std::fs::read(dir.join(METADATA_FILE)).unwrap();
    bytes[span(&leaf)].fill(0);
    std::fs::write(dir.join(METADATA_FILE), bytes).unwrap();
    let home = open(dir);
    assert!(!home.complete && changes(&home, std::slice::from_ref(&good), NOW).is_err());

    let home = open(&real("classic-encrypted/db"));
    refused(&home, std::slice::from_ref(&good), "encrypted");
    // A named checkpoint of the metadata that is damaged: what it uses is not known for sure.
    let base = Base::open(&real("classic-small/db"));
    let mut case = base.case();
    let tree = base.tree(METADATA_FILE);
    let named: Vec<_> =
        tree.of(PageType::RowLeaf).into_iter().filter(|n| !n.checkpoints.contains(&tree.last())).collect();
    case.flip(METADATA_FILE, named[0].address.offset + 900, 1);
    let dir = copy_of(&case);
    let home = open(dir.path());
    let file = home.files.iter().find(|f| f.name == "rs_plain.wt").unwrap();
    let name = &file.checkpoints.last().unwrap().name;
    refused(&home, &[set_size("rs_plain.wt", name, 5, 5)], "is itself damaged");
}
