//! The decoders of local files, configuration texts and compressed blocks against real files.
//!
//! Expected values come from the reference outputs beside them.

use crate::common::real;
use std::collections::BTreeMap;
use std::path::Path;
use wtcheck::format::compress::{self, Compressor};
use wtcheck::format::config::Config;
use wtcheck::format::crc::crc32c_zeroed;
use wtcheck::format::local::{self, Extent, ExtentList, LocalAddress, LocalCheckpoint, Recovery};
use wtcheck::format::{checkpoint_list, completion, crc::crc32c, key_page, pagelog_turtle};

/// Page type of an extent-list block.
const BLOCK_MANAGER: u8 = 1;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// A checkpoint as the reference tool decoded it.
struct Reference {
    name: String,
    cookie: Vec<u8>,
    fields: BTreeMap<String, u64>,
}

/// File -> allocation size and checkpoints, oldest first.
fn references(corpus: &Path) -> BTreeMap<String, (u32, Vec<Reference>)> {
    let text = std::fs::read_to_string(corpus.join("ref/ckpt_decode.txt")).unwrap();
    let mut out: BTreeMap<String, (u32, Vec<Reference>)> = BTreeMap::new();
    for section in text.split("## file:").skip(1) {
        let mut lines = section.lines();
        let head = lines.next().unwrap();
        let (file, rest) = head.split_once(' ').unwrap();
        let (_, rest) = rest.split_once("checkpoint ").unwrap();
        let (name, alloc) = rest.split_once(" allocation_size=").unwrap();
        let Some(cookie) = lines.next().and_then(|l| l.trim().strip_suffix(':')) else { continue };
        let fields = lines
            .filter_map(|l| {
                let words: Vec<_> = l.split_whitespace().collect();
                match words.as_slice() {
                    [a, b, n, ..] => Some((format!("{a} {b}"), n.parse().ok()?)),
                    _ => None,
                }
            })
            .collect();
        let entry = out.entry(file.to_owned()).or_insert((alloc.parse().unwrap(), Vec::new()));
        entry.1.push(Reference { name: name.to_owned(), cookie: hex::decode(cookie).unwrap(), fields });
    }
    out
}

/// All blocks of a file whose own checksum holds, by a scan.
fn scan(file: &[u8], step: usize) -> Vec<(usize, &[u8])> {
    let mut out = Vec::new();
    let mut at = step;
    while at + local::DATA_OFFSET <= file.len() {
        let size = u32_at(file, at + 28) as usize;
        let sane = size != 0 && size.is_multiple_of(step) && size <= local::MAX_BLOCK as usize;
        let block = if sane { file.get(at..at + size) } else { None };
        match block.filter(|b| crc32c_zeroed(covered(b), 32) == u32_at(b, 32)) {
            Some(b) => {
                out.push((at, b));
                at += size;
            }
            None => at += step,
        }
    }
    out
}

/// The bytes a block's checksum covers.
fn covered(block: &[u8]) -> &[u8] {
    if block[36] & 1 == 1 { block } else { &block[..64] }
}

/// The recovery data of the highest generation; on a tie the later block wins.
fn newest_recovery(file: &[u8], alloc: u32) -> Option<(LocalAddress, Recovery)> {
    let mut best: Option<(LocalAddress, Recovery)> = None;
    for (offset, block) in scan(file, alloc as usize) {
        if block[24] != BLOCK_MANAGER {
            continue;
        }
        // Lists of old checkpoints may stem from when the file was larger, so there is no bound to give.
        let list = ExtentList::decode(block, alloc, u64::MAX).unwrap();
        assert_eq!(list.end, u32_at(block, 16) as usize, "mem_size ends behind the end pair");
        assert!(list.recovery_error.is_none(), "{:?}", list.recovery_error);
        let Some(data) = list.recovery else { continue };
        if best.as_ref().is_none_or(|(_, b)| data.generation >= b.generation) {
            let address = LocalAddress {
                offset: offset as u64,
                size: u32_at(block, 28),
                checksum: u32_at(block, 32),
                object: None,
            };
            best = Some((address, data));
        }
    }
    best
}

fn read_list(file: &[u8], address: Option<LocalAddress>, alloc: u32, file_size: u64) -> Vec<Extent> {
    let Some(a) = address else { return Vec::new() };
    let block = &file[a.offset as usize..a.end() as usize];
    assert_eq!(u32_at(block, 32), a.checksum);
    assert_eq!(crc32c_zeroed(block, 32), a.checksum);
    ExtentList::decode(block, alloc, file_size).unwrap().extents
}

/// Units of the file by what they are for; adding counts, removing takes away.
struct Units {
    alloc: u64,
    counts: Vec<i32>,
}

impl Units {
    fn new(alloc: u32, file_size: u64) -> Self {
        let alloc = u64::from(alloc);
        Self { alloc, counts: vec![0; usize::try_from(file_size / alloc).unwrap()] }
    }

    fn add(&mut self, e: Extent, by: i32) {
        for unit in e.offset / self.alloc..(e.offset + e.size) / self.alloc {
            self.counts[usize::try_from(unit).unwrap()] += by;
        }
    }
}

fn extent(a: LocalAddress) -> Extent {
    Extent { offset: a.offset, size: u64::from(a.size) }
}

/// Every unit of the file is live, a root, a list block or free, and nothing twice.
fn check_accounting(name: &str, file: &[u8], alloc: u32, checkpoints: &[LocalCheckpoint]) {
    let last = checkpoints.last().unwrap();
    let mut live = Units::new(alloc, last.file_size);
    let mut tree = Units::new(alloc, last.file_size);
    let mut single = Units::new(alloc, last.file_size);
    for cp in checkpoints {
        for e in read_list(file, cp.alloc, alloc, cp.file_size) {
            live.add(e, 1);
        }
        for e in read_list(file, cp.discard, alloc, cp.file_size) {
            live.add(e, -1);
        }
        read_list(file, cp.avail, alloc, cp.file_size);
        if let Some(root) = cp.root {
            live.add(extent(root), -1);
        }
        assert!(live.counts.iter().all(|c| (0..=1).contains(c)), "{name}: running set");
        let bytes: i64 = live.counts.iter().map(|c| i64::from(*c) * i64::from(alloc)).sum();
        assert_eq!(u64::try_from(bytes).unwrap(), cp.checkpoint_size, "{name}: checkpoint size");
        for (all, now) in tree.counts.iter_mut().zip(&live.counts) {
            *all |= now;
        }
        for block in [cp.root, cp.alloc, cp.avail, cp.discard].into_iter().flatten() {
            single.add(extent(block), 1);
        }
    }
    let mut free = Units::new(alloc, last.file_size);
    for e in read_list(file, last.avail, alloc, last.file_size) {
        free.add(e, 1);
    }
    if let Some(avail) = last.avail {
        for unit in extent(avail).offset / free.alloc..avail.end() / free.alloc {
            free.counts[usize::try_from(unit).unwrap()] = 0;
        }
    }
    for (unit, ((t, s), f)) in tree.counts.iter().zip(&single.counts).zip(&free.counts).enumerate().skip(1) {
        assert_eq!(t + s + f, 1, "{name}: unit {unit}: tree {t}, single {s}, free {f}");
    }
}

#[test]
fn cookies_lists_and_recovery_data_of_real_files() {
    let (mut files, mut cookies) = (0, 0);
    for corpus in ["classic-one", "classic-small", "classic-mongo-like", "classic-encrypted"] {
        let corpus = real(corpus);
        for (name, (alloc, references)) in references(&corpus) {
            let path = corpus.join("db").join(&name);
            let file = std::fs::read(&path).unwrap();
            assert_eq!(local::allocation_size(&file).unwrap(), alloc, "{name}");
            let mut checkpoints = Vec::new();
            for r in &references {
                let cp = LocalCheckpoint::decode(&r.cookie, alloc).unwrap();
                assert_eq!(cp.encode(alloc).unwrap(), r.cookie);
                for (what, address) in
                    [("root", cp.root), ("alloc", cp.alloc), ("avail", cp.avail), ("discard", cp.discard)]
                {
                    let got = address.map_or((0, 0, 0), |a| (a.offset, u64::from(a.size), u64::from(a.checksum)));
                    let want = ["offset", "size", "cksum"].map(|f| r.fields[&format!("{what} {f}")]);
                    assert_eq!([got.0, got.1, got.2], want, "{name} {} {what}", r.name);
                }
                assert_eq!(cp.file_size, r.fields["file size"]);
                assert_eq!(cp.checkpoint_size, r.fields["checkpoint size"]);
                checkpoints.push(cp);
                cookies += 1;
            }
            check_accounting(&name, &file, alloc, &checkpoints);

            let (address, recovery) =
                newest_recovery(&file, alloc).unwrap_or_else(|| panic!("{name}: no recovery data"));
            let rebuilt = recovery.checkpoint(alloc, address).unwrap();
            let last = references.last().unwrap();
            assert_eq!(hex::encode(rebuilt.encode(alloc).unwrap()), hex::encode(&last.cookie), "{name}");
            let mut list =
                checkpoint_list::from_file_config(&Config::parse(&recovery.checkpoint_list).unwrap()).unwrap();
            // The reference tool has nothing to say of checkpoints without data.
            list.retain(|e| !e.addr.is_empty());
            assert_eq!(list.len(), references.len(), "{name}");
            for (entry, r) in list.iter().zip(&references) {
                assert_eq!(entry.name, r.name);
                let want = if r.name == last.name { &recovery.cookie } else { &r.cookie };
                assert_eq!(hex::encode(&entry.addr), hex::encode(want), "{name} {}", r.name);
            }
            let newest = list.last().unwrap();
            assert_eq!(recovery.generation, newest.write_gen + 1, "{name}");
            let root = rebuilt.root.map_or(0, |a| u64::from(a.size));
            assert_eq!(newest.size, rebuilt.checkpoint_size + root, "{name}");
            if let Some(metadata) = recovery.file_metadata().unwrap() {
                let config = Config::parse(metadata).unwrap();
                assert_eq!(config.get("allocation_size").unwrap().u64().unwrap(), u64::from(alloc), "{name}");
                checkpoint_list::from_file_config(&config).unwrap();
            }
            files += 1;
        }
    }
    assert!(files >= 27 && cookies >= 100, "{files} files, {cookies} cookies");
}

#[test]
fn metadata_texts_of_real_files() {
    for corpus in ["classic-one", "classic-small"] {
        let text = std::fs::read_to_string(real(corpus).join("db/WiredTiger.turtle")).unwrap();
        let mut lines = text.lines().skip_while(|l| *l != "file:WiredTiger.wt").skip(1);
        let config = Config::parse(lines.next().unwrap()).unwrap();
        let list = checkpoint_list::from_file_config(&config).unwrap();
        let references = references(&real(corpus));
        let names: Vec<_> = references["WiredTiger.wt"].1.iter().map(|r| r.name.clone()).collect();
        assert_eq!(list.iter().map(|e| e.name.clone()).collect::<Vec<_>>(), names);
    }
    let file = std::fs::read(real("classic-small/db/rs_jsonmeta.wt")).unwrap();
    let (address, recovery) = newest_recovery(&file, 4096).unwrap();
    assert_eq!((address.offset, recovery.generation, recovery.file_size), (77_824, 302, 81_920));
    assert_eq!((recovery.metadata.len(), recovery.checkpoint_list.len(), recovery.cookie.len()), (2005, 1126, 30));
    let config = Config::parse(recovery.file_metadata().unwrap().unwrap()).unwrap();
    let app = config.get("app_metadata").unwrap().config().unwrap();
    assert_eq!(app.get("x y").unwrap().as_str(), "z\\\"q");
    assert_eq!(app.get("formatVersion").unwrap().i64().unwrap(), 1);
}

#[test]
fn compressed_blocks_of_real_files() {
    let mut total = 0;
    for (name, c) in [
        ("rs_snappy.wt", Compressor::Snappy),
        ("rs_unc_cksum.wt", Compressor::Snappy),
        ("rs_zlib.wt", Compressor::Zlib),
        ("rs_zstd.wt", Compressor::Zstd),
        ("rs_cg_rest.wt", Compressor::Zstd),
        ("rs_lz4.wt", Compressor::Lz4),
    ] {
        let file = std::fs::read(real("classic-small/db").join(name)).unwrap();
        let mut count = 0;
        for (offset, block) in scan(&file, 4096) {
            if block[25] & 0x01 == 0 {
                continue;
            }
            count += 1;
            let mem_size = u32_at(block, 16);
            let plain = compress::decompress(c, block, mem_size).unwrap_or_else(|e| panic!("{name} at {offset}: {e}"));
            assert_eq!(plain.len(), mem_size as usize);
            assert_eq!(plain[..64], block[..64]);
            assert_eq!(compress::detect(block), Some(c), "{name} at {offset}");
            assert_eq!(compress::decompress(c, &compress::compress(c, &plain), mem_size).unwrap(), plain);
            let others = [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd, Compressor::Lz4];
            for other in others.into_iter().filter(|o| *o != c) {
                assert!(compress::decompress(other, block, mem_size).is_err(), "{name} at {offset} as {other:?}");
            }
        }
        assert!(count > 0, "{name}: no compressed blocks");
        total += count;
    }
    assert!(total >= 60, "{total} compressed blocks");
}

#[test]
fn turtle_and_key_pages_of_page_logs() {
    let (mut turtles, mut keys) = (0, 0);
    for store in std::fs::read_dir(real("palite")).unwrap() {
        let home = store.unwrap().path().join("kv_home");
        let Ok(files) = std::fs::read_dir(&home) else { continue };
        let mut pages = BTreeMap::new();
        let mut completions = Vec::new();
        for file in files {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // Nothing may be written beside the source, hence immutable.
            let open = || {
                let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
                rusqlite::Connection::open_with_flags(format!("file:{}?immutable=1", path.display()), flags)
            };
            if name == "checkpoints.db" {
                let Ok(db) = open() else { continue };
                let Ok(mut statement) = db.prepare("SELECT * FROM checkpoints") else { continue };
                let column = statement.column_count() - 1;
                let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(column)).unwrap();
                completions.extend(rows.flatten());
            } else if name.starts_with("pages_") && name.ends_with(".db") {
                let Ok(db) = open() else { continue };
                let sql = "SELECT table_id, lsn, page_data FROM pages WHERE page_id = 1 AND table_id IN (1, 2, 26)";
                let Ok(mut statement) = db.prepare(sql) else { continue };
                let rows = statement.query_map([], |row| {
                    Ok(((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?), row.get::<_, Vec<u8>>(2)?))
                });
                pages.extend(rows.unwrap().flatten());
            }
        }
        for text in completions {
            let Ok(done) = completion::parse(&text) else { continue };
            let found = [1, 2].iter().find_map(|table| pages.get(&(*table, done.metadata_lsn.get().cast_signed())));
            let Some(page) = found.filter(|p| Some(crc32c(p)) == done.metadata_checksum) else { continue };
            let parsed = pagelog_turtle::parse(page).unwrap();
            assert_eq!(parsed.checkpoints.len(), 1);
            assert!(parsed.unknown.is_empty());
            assert_eq!(parsed.form == pagelog_turtle::TurtleForm::V2, done.version == 2);
            turtles += 1;
            if let Some(key) = parsed.key_provider.and_then(|k| pages.get(&(26, k.lsn.get().cast_signed()))) {
                let header = key_page::parse(key).unwrap();
                let v2 = header.layout == key_page::KeyLayout::V2;
                assert_eq!(v2, parsed.form == pagelog_turtle::TurtleForm::V2);
                assert!(header.timestamp.is_none_or(|t| t <= parsed.timestamp));
                keys += 1;
            }
        }
    }
    assert!(turtles >= 20 && keys >= 10, "{turtles} turtle pages, {keys} key pages");
}
