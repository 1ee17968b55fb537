//! How fast an audit is against the floor: SQLite reading every blob once. And that its memory
//! follows the number of page versions, not the bytes of the store.
//!
//! Each measurement runs in a process of its own, so that its peak of resident memory is its own.

mod common;
#[path = "../tests/it/common/forge.rs"]
mod forge;

use forge::{KeyForm, Spec};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Instant;
use wtcheck::audit::{self, Options, Silent};
use wtcheck::page::Depth;
use wtcheck::store;

/// Rows of a leaf; with the value length this makes the size of a leaf image.
const LEAF_ROWS: usize = 48;
/// Value length of the large store: leaf images of about 24 KB.
const VALUE_LEN: u32 = 640;
const WAYS: [&str; 4] = ["floor", "normal", "quick", "deep"];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, way, home] = args.as_slice()
        && command == "--measure"
    {
        return measure(way, Path::new(home));
    }
    let (mb, rounds) = common::size(&args, 300, 7);
    // As many page versions in both stores: only the pages differ in size.
    let rows = mb * 1_000_000 / 700;
    let small = run("quarter", &spec(rows, VALUE_LEN / 4), rounds);
    let large = run("full", &spec(rows, VALUE_LEN), rounds);
    // As many bytes in pages of about 1 KB: here the cost of a page version shows.
    run("small pages", &Spec { leaf_rows: 8, ..spec(mb * 1_000_000 / 150, VALUE_LEN / 6) }, rounds);
    println!();
    for (way, (a, b)) in WAYS.iter().zip(small.iter().zip(&large)) {
        println!("peak memory {way:>8}: {a:.1} MB in the quarter store, {b:.1} MB in the full one");
    }
}

fn spec(rows: u64, value_len: u32) -> Spec {
    Spec {
        sharded: true,
        turtle_v2: true,
        keys: KeyForm::V2,
        tables: 3,
        rows: rows / 3,
        churn: rows / 300,
        checkpoints: 3,
        history: true,
        compressors: vec![None],
        leaf_rows: LEAF_ROWS,
        fanout: 120,
        value_len,
        prefix: true,
        windows: true,
        truncate: false,
        overflow: false,
        frontier: true,
        gaps: false,
        load_evicts: false,
        wal: false,
        faults: Vec::new(),
        seed: 1,
    }
}

/// Forge a store and measure every way of reading it; returns the peaks of memory in MB.
fn run(name: &str, spec: &Spec, rounds: u64) -> Vec<f64> {
    let start = Instant::now();
    let forged = forge::forge(spec.clone());
    let mb = forged.bytes as f64 / 1e6;
    println!("\n{name}: {} page versions, {mb:.0} MB, forged in {:.1?}", forged.rows.len(), start.elapsed());
    let figures = common::measure_all(&WAYS, forged.home(), rounds);
    for (at, way) in WAYS.iter().enumerate() {
        let (time, peak) = figures[at];
        println!(
            "{way:>8}: {:8.1} ms  {:5.2} x floor  {:6.0} MB/s  peak {peak:6.1} MB",
            time * 1e3,
            time / figures[0].0,
            mb / time
        );
    }
    figures.into_iter().map(|(_, peak)| peak).collect()
}

fn measure(way: &str, home: &Path) {
    let start = Instant::now();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    match way {
        "floor" => {
            std::hint::black_box(floor(home));
        }
        _ => {
            let depth = match way {
                "quick" => Depth::Quick,
                "deep" => Depth::Deep,
                _ => Depth::Normal,
            };
            let store = store::open(home, &store::OpenOptions::default()).expect("the store");
            let options = Options { depth, jobs, ..Options::default() };
            let audit = audit::pagelog::run(&*store, "HOME", &options, &Silent).expect("an audit");
            assert_eq!((audit.exit_code, audit.findings.len()), (0, 0), "the forged store is clean");
        }
    }
    println!("{} {}", start.elapsed().as_secs_f64(), common::status_mb("VmHWM:"));
}

/// Every blob of every row, once, in rowid order, each byte touched.
fn floor(home: &Path) -> u64 {
    let mut sum = 0_u64;
    for entry in std::fs::read_dir(home.join("kv_home")).expect("kv_home") {
        let path = entry.expect("an entry").path();
        if !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pages_")) {
            continue;
        }
        let uri = format!("file:{}?mode=ro&immutable=1", path.display());
        let conn = Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
            .expect("a database");
        let mut statement = conn.prepare("SELECT page_data FROM pages ORDER BY rowid").expect("a statement");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let data = row.get_ref(0).expect("a column").as_bytes_or_null().expect("a blob").unwrap_or_default();
            sum = sum.wrapping_add(data.iter().map(|b| u64::from(*b)).sum::<u64>());
        }
    }
    sum
}
