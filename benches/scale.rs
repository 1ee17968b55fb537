//! What an audit costs a page version, in time and memory, as a store grows: a million versions, and
//! with `WTCHECK_BENCH_VERSIONS` any other number.
//!
//! Each measurement runs in a process of its own, so that its peak of resident memory is its own.
//! Two floors are measured in the same run, each file by file in one thread, and with a thread a core:
//!
//! * `index`: SQLite reads the columns of the index of every row, and the data of the internal pages;
//! * `all`: SQLite reads the same, and touches every byte of every row's data.
//!
//! `export` writes the tables of `wtcheck export` as Parquet beside the store.

mod common;

use rayon::prelude::*;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Instant;
use wtcheck::audit::{self, Options, Silent};
use wtcheck::devtools::forge::{self, Spec};
use wtcheck::export::part::Encoding;
use wtcheck::export::shard::Shard;
use wtcheck::page::Depth;
use wtcheck::{export, store};

const WAYS: [&str; 8] = ["index", "all", "index/cores", "all/cores", "quick", "normal", "deep", "export"];
/// What an export may take besides: row groups and the writer's buffers of two files a core.
const EXPORT_MB: f64 = 128.0;
/// Offset of the page type in a block, and the type of internal pages of row stores.
const TYPE_OFFSET: usize = 24;
const ROW_INTERNAL: u8 = 6;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, way, home] = args.as_slice()
        && command == "--measure"
    {
        return measure(way, Path::new(home));
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let full = args.iter().any(|a| a == "--bench");
    let versions = number("WTCHECK_BENCH_VERSIONS").unwrap_or(if full { 1_000_000 } else { 5_000 });
    let rounds = number("WTCHECK_BENCH_ROUNDS").unwrap_or(if full { 5 } else { 1 });
    let small = Spec { versions, leaf_bytes: 560, fanout: 120, ..Spec::default() };
    run("small pages, where a version costs most", &small, rounds);
    let large = Spec { versions: versions / 25, leaf_bytes: 32 << 10, fanout: 120, ..Spec::default() };
    run("leaves of 32 KB, where leaves dominate", &large, rounds);
}

fn run(name: &str, spec: &Spec, rounds: u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("home");
    let start = Instant::now();
    let truth = forge::forge(&home, spec, &|_| ()).expect("a store");
    println!(
        "\n{name}: {} page versions, {:.0} MB, forged in {:.1?}",
        truth.rows,
        truth.bytes as f64 / 1e6,
        start.elapsed()
    );
    let figures = common::measure_all(&WAYS, &home, rounds);
    let versions = truth.rows as f64;
    for (way, (time, peak)) in WAYS.iter().zip(&figures) {
        let x = |floor: usize| time / figures[floor].0;
        println!(
            "{way:>11}: {:6.2} us a version  {:5.2} x index  {:5.2} x all  {:5.2} x index/cores  {:5.2} x all/cores  \
             peak {peak:6.1} MB",
            time * 1e6 / versions,
            x(0),
            x(1),
            x(2),
            x(3),
        );
    }
    let allowed = 64.0 + 24.0 * versions / f64::from(1 << 20);
    println!("{:>11}: 64 MB + 24 bytes a version are {allowed:.1} MB", "memory");
    let [.., quick, normal, deep, export] = figures.as_slice() else { return };
    println!(
        "{:>11}: {:.1} times as fast as deep, {:.1} times as normal",
        "quick",
        deep.0 / quick.0,
        normal.0 / quick.0
    );
    println!("{:>11}: {:.2} times as long as normal", "export", export.0 / normal.0);
    let peak = quick.1.max(normal.1).max(deep.1);
    assert!(peak <= allowed, "an audit took {peak:.1} MB");
    let allowed = allowed + EXPORT_MB;
    assert!(export.1 <= allowed, "an export took {:.1} MB of {allowed:.1}", export.1);
}

fn measure(way: &str, home: &Path) {
    let internal = if way.starts_with("index") { internal_pages(home) } else { Vec::new() };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    match way {
        "index" | "all" | "index/cores" | "all/cores" => {
            let threads = if way.ends_with("cores") { jobs } else { 1 };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            std::hint::black_box(pool.install(|| floor(home, way.starts_with("all"), &internal)));
        }
        "export" => {
            let store = store::open(home, &store::OpenOptions::default()).expect("the store");
            let out = home.with_file_name("tables");
            let options = export::Options {
                shard: Shard::WHOLE,
                own: None,
                encoding: Encoding::Parquet,
                tables: None,
                assume: None,
            };
            let exported = export::export(&*store, home, &out, &options, &Silent).expect("an export");
            assert_eq!((exported.manifest.unreadable, exported.missing.len()), (0, 0));
        }
        _ => {
            let depth = match way {
                "quick" => Depth::Quick,
                "normal" => Depth::Normal,
                _ => Depth::Deep,
            };
            let store = store::open(home, &store::OpenOptions::default()).expect("the store");
            let options = Options { depth, jobs, ..Options::default() };
            let audit = audit::pagelog::run(&*store, "HOME", &options, &Silent).expect("an audit");
            assert_eq!((audit.exit_code, audit.findings.len()), (0, 0), "the forged store is clean");
        }
    }
    println!("{} {}", start.elapsed().as_secs_f64(), common::status_mb("VmHWM:"));
}

fn databases(home: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home.join("kv_home")).expect("kv_home");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pages_")));
    paths.sort();
    paths
}

fn open(path: &Path) -> Connection {
    let uri = format!("file:{}?mode=ro&immutable=1", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags).expect("a database")
}

/// The rowids of internal pages, by database.
fn internal_pages(home: &Path) -> Vec<Vec<i64>> {
    let of = |path: &PathBuf| {
        let conn = open(path);
        let mut statement = conn.prepare("SELECT rowid, page_data FROM pages ORDER BY rowid").expect("a statement");
        let mut rows = statement.query([]).expect("rows");
        let mut out = Vec::new();
        while let Some(row) = rows.next().expect("a row") {
            let data = row.get_ref(1).expect("a column").as_bytes_or_null().expect("a blob").unwrap_or_default();
            if data.get(TYPE_OFFSET) == Some(&ROW_INTERNAL) {
                out.push(row.get(0).expect("a rowid"));
            }
        }
        out
    };
    databases(home).iter().map(of).collect()
}

/// What any audit has to read, and nothing else done with it.
fn floor(home: &Path, all: bool, internal: &[Vec<i64>]) -> u64 {
    let data = if all { "page_data" } else { "octet_length(page_data)" };
    let sql =
        format!("SELECT rowid, table_id, page_id, lsn, backlink_lsn, base_lsn, flags, {data} FROM pages NOT INDEXED");
    let of = |(at, path): (usize, &PathBuf)| {
        let conn = open(path);
        let mut sum = 0_u64;
        let mut statement = conn.prepare(&sql).expect("a statement");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..7 {
                sum = sum
                    .wrapping_add(row.get_ref(column).expect("a column").as_i64().expect("a number").cast_unsigned());
            }
            let data = row.get_ref(7).expect("a column");
            match data.as_bytes_or_null() {
                Ok(bytes) => sum = sum.wrapping_add(touch(bytes.unwrap_or_default())),
                Err(_) => sum = sum.wrapping_add(1),
            }
        }
        let mut one = conn.prepare("SELECT page_data FROM pages WHERE rowid=?1").expect("a statement");
        for rowid in internal.get(at).into_iter().flatten() {
            sum =
                sum.wrapping_add(one.query_row([rowid], |row| Ok(touch(row.get_ref(0)?.as_bytes()?))).expect("a row"));
        }
        sum
    };
    databases(home).par_iter().enumerate().map(|(at, path)| of((at, path))).reduce(|| 0, u64::wrapping_add)
}

fn touch(bytes: &[u8]) -> u64 {
    bytes.iter().map(|b| u64::from(*b)).sum()
}
