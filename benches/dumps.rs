//! What gathering dumps of a page service costs, against reading their JSON once and doing nothing with it.
//!
//! A store is forged and written as table dumps, pages in no order. Each measurement runs in a process of its own, so that
//! its peak of resident memory is its own. `read` parses each line in one thread, `read/cores` with a thread a core.

mod common;

use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use wtcheck::audit::{self, Options, Silent};
use wtcheck::devtools::forge::{self, Spec};
use wtcheck::gather::{self, Checkpoint, Request};
use wtcheck::store;

const WAYS: [&str; 4] = ["read", "read/cores", "gather", "audit"];
/// What gathering may take, whatever the size of the dumps.
const MOST_MB: f64 = 512.0;
/// How often the time of reading.
const MOST_TIMES: f64 = 3.0;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, way, dir] = args.as_slice()
        && command == "--measure"
    {
        return measure(way, Path::new(dir));
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let full = args.iter().any(|a| a == "--bench");
    let versions = number("WTCHECK_BENCH_VERSIONS").unwrap_or(if full { 1_000_000 } else { 5_000 });
    let rounds = number("WTCHECK_BENCH_ROUNDS").unwrap_or(if full { 3 } else { 1 });
    let dir = tempfile::tempdir().expect("a directory");
    let spec = Spec { versions, leaf_bytes: 560, fanout: 120, ..Spec::default() };
    let home = dir.path().join("home");
    let truth = forge::forge(&home, &spec, &|_| ()).expect("a store");
    let bytes = dump(&home, &dir.path().join("dumps"));
    println!(
        "{} page versions, {:.0} MB, as {:.0} MB of JSON",
        truth.rows,
        truth.bytes as f64 / 1e6,
        bytes as f64 / 1e6
    );
    let figures = common::measure_all(&WAYS, dir.path(), rounds);
    for (way, (time, peak)) in WAYS.iter().zip(&figures) {
        let (read, cores) = (time / figures[0].0, time / figures[1].0);
        println!("{way:>11}: {read:5.2} x read  {cores:5.2} x read/cores  peak {peak:6.1} MB");
    }
    let (gather, peak) = figures[2];
    assert!(peak <= MOST_MB, "gathering took {peak:.1} MB");
    // Of a small store the time is that of making files.
    let times = gather / figures[0].0;
    assert!(versions < 100_000 || times <= MOST_TIMES, "gathering takes {times:.1} times as long as reading");
}

/// Write a store as dumps, a file a table.
fn dump(home: &Path, to: &Path) -> u64 {
    fs::create_dir(to).expect("a directory");
    let store = store::open(home, &store::OpenOptions::default()).expect("the store");
    let (index, _) = store.index(None, &|_| ()).expect("an index");
    let mut reader = store.reader().expect("a reader");
    let mut files: BTreeMap<u64, BufWriter<File>> = BTreeMap::new();
    // The pages of a dump come in no order: far from each other, and each once.
    let mut pages: Vec<_> = index.pages().collect();
    pages.sort_by_key(|page| (page.start as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut data = Vec::new();
    for page in pages {
        let rows = index.slice(page);
        let first = rows.first().expect("a row");
        let mut entries = Vec::new();
        for row in rows.iter().rev() {
            reader.read(&row, &mut data).expect("a block");
            let number = |n: u64| json!({ "val": { "LongVal": n } });
            let kind = if row.is_discard() { 2 } else { u64::from(row.is_full()) };
            entries.push(json!({
                "lsn": { "domain_id": 1, "lsn": row.lsn.get() },
                "entry_type": 3,
                "metadata": { "flags": number(kind), "table_id": number(row.table.get()), "page_id": number(row.page.get()),
                    "backlink_lsn": number(row.backlink_lsn.get()), "base_lsn": number(row.base_lsn.get()) },
                "entry": data,
            }));
        }
        let table = first.table.get();
        let file = files
            .entry(table)
            .or_insert_with(|| BufWriter::new(File::create(to.join(format!("table_{table}.jsonl"))).expect("a file")));
        writeln!(file, "{}", json!({ "page_id": first.page.get(), "entries": entries })).expect("a line");
    }
    let record = store.completions().expect("records").0.pop().expect("a record");
    fs::write(to.join("completion.txt"), record.text).expect("a file");
    files.into_values().for_each(|mut file| file.flush().expect("written"));
    sources(to).iter().map(|path| fs::metadata(path).expect("a file").len()).sum()
}

fn sources(dumps: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dumps).expect("dumps");
    entries.map(|e| e.expect("a name").path()).filter(|p| p.extension().is_some_and(|e| e == "jsonl")).collect()
}

fn measure(way: &str, dir: &Path) {
    let dumps = dir.join("dumps");
    let gathered = dir.join("gathered");
    let start = Instant::now();
    match way {
        "read" | "read/cores" => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let threads = if way == "read" { 1 } else { cores };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            std::hint::black_box(pool.install(|| sources(&dumps).par_iter().map(|path| read(path)).sum::<usize>()));
        }
        "gather" => {
            let _ = fs::remove_dir_all(&gathered);
            fs::create_dir(&gathered).expect("a directory");
            let text = fs::read_to_string(dumps.join("completion.txt")).expect("a text");
            let checkpoint = Checkpoint::Text(&text);
            let request = Request { sources: &[dumps], heads: &[], checkpoint, decrypt: None };
            let found = gather::gather(&request, &gathered, &Silent).expect("gathered");
            assert_eq!((found.malformed, found.conflicts), (0, 0));
        }
        _ => {
            let store = store::open(&gathered, &store::OpenOptions::default()).expect("the store");
            let audit = audit::pagelog::run(&*store, "HOME", &Options::default(), &Silent).expect("an audit");
            assert_eq!((audit.exit_code, audit.findings.len()), (0, 0), "the forged store is clean");
        }
    }
    println!("{} {}", start.elapsed().as_secs_f64(), common::status_mb("VmHWM:"));
}

/// Parse each line of a file: its numbers, and nothing done with them.
fn read(path: &Path) -> usize {
    let lines = BufReader::with_capacity(1 << 20, File::open(path).expect("a file")).split(b'\n');
    let count = |line: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        value["entries"].as_array().map_or(0, Vec::len)
    };
    lines.map(|line| count(&line.expect("a line"))).sum()
}
