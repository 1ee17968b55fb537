//! How fast the audit of a local home is against the floor: crc32c of the same mapped bytes on the
//! same threads, and, where the file is compressed and its cells are wanted, decompression as well.
//! And that its memory beside the map stays small. A dump, in hexadecimal digits to nowhere, is measured beside it.

mod common;
#[path = "../tests/it/common/forge_local.rs"]
mod forge_local;

use forge_local::Spec;
use memmap2::Mmap;
use rayon::prelude::*;
use std::fs::File;
use std::path::Path;
use std::time::Instant;
use wtcheck::audit::Silent;
use wtcheck::audit::home::{Options, run};
use wtcheck::dump::all as dump;
use wtcheck::dump::form::Form;
use wtcheck::dump::run::Rescue;
use wtcheck::dump::select;
use wtcheck::dump::shelf::{Shelf, Told};
use wtcheck::format::compress::{self, Compressor};
use wtcheck::format::page_header::FLAG_COMPRESSED;
use wtcheck::home::content::At;
use wtcheck::mongo::extjson::Mode;
use wtcheck::page::Depth;

const THREADS: usize = 2;
const NAME: &str = "collection-1.wt";
const WAYS: [&str; 7] = ["floor", "floor+plain", "normal", "no-mmap", "quick", "deep", "dump"];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, way, home] = args.as_slice()
        && command == "--measure"
    {
        return measure(way, Path::new(home));
    }
    let (mb, rounds) = common::size(&args, 1000, 5);
    let base = Spec::new(NAME, 7);
    run_one("plain, leaves of 32 KB", &base, mb, 200, rounds);
    run_one("plain, leaves of 4 KB", &Spec { leaf_max: 4096, ..base.clone() }, mb / 4, 200, rounds);
    run_one("snappy", &Spec { compressor: Some(Compressor::Snappy), ..base }, mb / 2, 200, rounds);
}

fn rows(bytes: u64, len: usize) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    const WORDS: &[u8] = b"quick brown fox jumps over the lazy dog while checkpoints store deltas and extents ";
    (0..bytes / (len as u64 + 20)).map(move |i| {
        let mut value = format!("{:016x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes();
        value.extend(WORDS.iter().cycle().skip(usize::try_from(i % 61).unwrap_or(0)).take(len - value.len()));
        (format!("key{i:013}").into_bytes(), value)
    })
}

fn run_one(name: &str, spec: &Spec, mb: u64, len: usize, rounds: u64) {
    let start = Instant::now();
    let home = tempfile::tempdir().expect("a directory");
    let bytes = mb.max(1) * 1_000_000 * if spec.compressor.is_some() { 2 } else { 1 };
    let config = forge_local::file(home.path(), spec, &mut rows(bytes, len));
    forge_local::home(home.path(), &[(NAME.to_string(), config)]);
    let size = std::fs::metadata(home.path().join(NAME)).expect("the file").len() as f64 / 1e6;
    println!("\n{name}: {size:.0} MB, forged in {:.1?}, {THREADS} threads", start.elapsed());
    let figures = common::measure_all(&WAYS, home.path(), rounds);
    for (way, (time, peak)) in WAYS.iter().zip(&figures) {
        println!(
            "{way:>12}: {:8.1} ms  {:5.2} of the floor's throughput  {:6.0} MB/s  peak beside the map {:6.1} MB",
            time * 1e3,
            figures[0].0 / time,
            size / time,
            peak
        );
    }
}

fn measure(way: &str, home: &Path) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global();
    pool.expect("threads");
    let watch = Watch::start();
    let start = Instant::now();
    match way {
        "floor" => {
            std::hint::black_box(floor(home, false));
        }
        "floor+plain" => {
            std::hint::black_box(floor(home, true));
        }
        "dump" => {
            let (home, _) = wtcheck::subject::open_home(home, true, false).expect("the home");
            let shelf = Shelf::default().with_home(home, None, At::Recovered, &Told::default()).expect("tables");
            let options = dump::Options { form: Form::WtHex, mode: Mode::Relaxed, rescue: Rescue::default() };
            let plan = select::choose(&shelf, &[], false, Form::WtHex);
            let [job] = plan.jobs.as_slice() else { panic!("one table") };
            let report = dump::to_stream(&shelf, job, &options, &mut std::io::sink(), &Silent).expect("a stream");
            let report = report.expect("a table");
            assert!(report.rows > 0 && report.lost.is_empty(), "the forged home is whole");
        }
        _ => {
            let depth = match way {
                "quick" => Depth::Quick,
                "deep" => Depth::Deep,
                _ => Depth::Normal,
            };
            let no_mmap = way == "no-mmap";
            let (home, _) = wtcheck::subject::open_home(home, no_mmap, false).expect("the home");
            let options = Options { checkpoint: None, depth, no_mmap, tables: None };
            let audit = run(&home, "HOME", &options, &Silent).expect("an audit").0;
            assert_eq!((audit.exit_code, audit.findings.len()), (0, 0), "the forged home is clean");
        }
    }
    println!("{} {}", start.elapsed().as_secs_f64(), watch.peak_mb());
}

/// Every block of the file summed once on all threads; with `plain` every compressed one decompressed.
fn floor(home: &Path, plain: bool) -> u64 {
    let file = File::open(home.join(NAME)).expect("the file");
    #[allow(unsafe_code)]
    // SAFETY: nobody else writes the benchmark's own file.
    let map = unsafe { Mmap::map(&file) }.expect("a map");
    let mut blocks = Vec::new();
    let mut at = 4096;
    while at < map.len() {
        let word = |n: usize| u32::from_le_bytes(map[at + n..at + n + 4].try_into().expect("four bytes"));
        let size = (word(28) as usize).max(4096);
        blocks.push(&map[at..(at + size).min(map.len())]);
        at += size;
    }
    blocks
        .par_iter()
        .map(|block| {
            let sum = u64::from(crc32c::crc32c(block));
            if plain && block[25] & FLAG_COMPRESSED != 0 {
                let mem_size = u32::from_le_bytes(block[16..20].try_into().expect("four bytes"));
                return sum + compress::decompress(Compressor::Snappy, block, mem_size).expect("a stream").len() as u64;
            }
            sum
        })
        .sum()
}

/// Watches the memory that is no mapped file, which the system keeps no peak of.
struct Watch {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<f64>,
}

impl Watch {
    fn start() -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut peak = common::status_mb("RssAnon:");
            while !flag.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(2));
                peak = peak.max(common::status_mb("RssAnon:"));
            }
            peak.max(common::status_mb("RssAnon:"))
        });
        Self { stop, thread }
    }

    fn peak_mb(self) -> f64 {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.thread.join().unwrap_or(0.0)
    }
}
