//! Fills `corpus/TARGET` from the fixtures of wtcheck: `seed CORPUS_DIRECTORY`.
//!
//! Targets that change a fixture need no more than its number; the others get what the fixtures hold in
//! their format, behind the bytes that say how to take it.

use libfuzzer_sys as _;
use std::collections::BTreeMap;
use std::path::Path;
use wtcheck::format::image::Image;
use wtcheck::format::local::{DATA_OFFSET, ExtentList};
use wtcheck::format::page_header::PageType;
use wtcheck::home::block::Headers;
use wtcheck::page::cell::{CellKind, Cells};
use wtcheck_fuzz::fixtures;

/// Most seeds of a target: one of each kind is worth more than many of one.
const MOST: usize = 400;

#[derive(Default)]
struct Seeds(BTreeMap<&'static str, Vec<Vec<u8>>>);

impl Seeds {
    fn add(&mut self, target: &'static str, head: &[u8], bytes: &[u8]) {
        let list = self.0.entry(target).or_default();
        let seed = [head, bytes].concat();
        if list.len() < MOST && !list.contains(&seed) {
            list.push(seed);
        }
    }
}

fn main() {
    let Some(corpus) = std::env::args_os().nth(1) else { panic!("usage: seed CORPUS_DIRECTORY") };
    let mut seeds = Seeds::default();
    page_logs(&mut seeds);
    palm(&mut seeds);
    for home in ["local/mongo", "local/lost-extent"] {
        local(&mut seeds, home);
    }
    texts(&mut seeds);
    for n in 0..8_u8 {
        seeds.add("page_log", &[n, n * 2], &[]);
        seeds.add("page_log", &[n, n * 2 + 1], &[n; 64]);
        seeds.add("palite_files", &[n, n * 2], &[]);
        seeds.add("palite_files", &[n, n * 2 + 1], &[n; 48]);
        seeds.add("service_dumps", &[n * 2], &[]);
        seeds.add("service_dumps", &[n * 2 + 1], &[n; 48]);
        seeds.add("palm_lmdb", &[n << 3], &[]);
        seeds.add("palm_lmdb", &[n << 3 | 2], &[n; 48]);
        seeds.add("wt_home", &[n], &[n; 48]);
        seeds.add("dump_home", &[n], &[n; 48]);
    }
    for (target, list) in seeds.0 {
        let dir = Path::new(&corpus).join(target);
        std::fs::create_dir_all(&dir).expect("a directory");
        for (at, seed) in list.iter().enumerate() {
            std::fs::write(dir.join(format!("seed-{at:03}")), seed).expect("a file");
        }
        println!("{target}: {} seeds", list.len());
    }
}

/// Images, deltas, cookies, turtles, key pages and records of PALite stores.
fn page_logs(seeds: &mut Seeds) {
    for name in fixtures::PALITE {
        let (rows, completions, _) = fixtures::palite(name);
        for record in completions {
            seeds.add("config_metadata", &[], &record.text);
        }
        let mut chain = Vec::new();
        for (row, data) in &rows {
            match row.table.get() {
                2 => seeds.add("config_metadata", &[], data),
                26 | 1 if !data.is_empty() => seeds.add("key_page", &[0], data),
                _ => {}
            }
            image(seeds, data, false);
            // The cells of a page and its deltas, one behind the other.
            let Ok(image) = Image::parse(data, None) else { continue };
            let Ok(plain) = image.plain(None) else { continue };
            let cells = plain.get(image.data_offset()..).unwrap_or_default().to_vec();
            if row.is_full() {
                chain.clear();
            }
            chain.push((image.page.flags, cells));
            if row.is_delta() && chain.len() <= 4 {
                delta(seeds, &chain, image.page.type_byte == PageType::RowLeaf.byte());
            }
        }
    }
}

/// As the target `delta` takes it: leaf, four blocks of five bytes, their number, then cells.
fn delta(seeds: &mut Seeds, chain: &[(u8, Vec<u8>)], leaf: bool) {
    if chain.iter().any(|c| c.1.len() >= 2048) {
        return;
    }
    let mut head = vec![u8::from(leaf)];
    for at in 0..4 {
        let (flags, cells) = chain.get(at).cloned().unwrap_or_default();
        head.extend_from_slice(&[0, 0, flags]);
        head.extend_from_slice(&(cells.len() as u16).to_le_bytes());
    }
    head.push(chain.len() as u8 - 1);
    let cells: Vec<u8> = chain.iter().flat_map(|c| c.1.clone()).collect();
    seeds.add("delta", &head, &cells);
}

fn image(seeds: &mut Seeds, data: &[u8], old: bool) {
    let Ok(image) = Image::parse(data, None) else { return };
    seeds.add("page_image", &[1, u8::from(old), 0, 0, 3, image.page.flags], data);
    let Ok(plain) = image.plain(None) else { return };
    for cell in Cells::new(&plain, image.data_offset(), image.page.flags).map_while(Result::ok).take(8) {
        if cell.kind.is_addr() || matches!(cell.kind, CellKind::ValueOverflow | CellKind::KeyOverflow) {
            seeds.add("cookie", &[], cell.data);
        }
    }
}

fn palm(seeds: &mut Seeds) {
    use wtcheck::store::palm::lmdb::Env;
    let small = fixtures::palm_small();
    let env = Env::open(&small).expect("an environment");
    for name in [&b"pages"[..], b"checkpoints"] {
        let Some(db) = env.database(name).0 else { continue };
        for record in env.records(&db).map_while(Result::ok) {
            let Ok(value) = env.value(&record) else { continue };
            if name == b"checkpoints" || value.first().is_some_and(|b| b.is_ascii_graphic()) {
                seeds.add("config_metadata", &[], value);
            }
            image(seeds, value, true);
        }
    }
    let head: Vec<u8> = small.chunks(4096).take(3).flatten().copied().collect();
    seeds.add("palm_lmdb", &[1], &head);
}

/// Blocks, extent lists, cookies, texts and logs of a home of block files.
fn local(seeds: &mut Seeds, home: &str) {
    for (name, bytes) in fixtures::tree(home) {
        if name.ends_with(".turtle") || name == "WiredTiger" {
            seeds.add("config_metadata", &[], &bytes);
        }
        if name.contains("WiredTigerLog.") {
            seeds.add("wt_log", &[1], bytes.get(..16_384).unwrap_or(&bytes));
            seeds.add("wt_log", &[3], bytes.get(..2048).unwrap_or(&bytes));
        }
        if !name.ends_with(".wt") {
            continue;
        }
        seeds.add("packing", &[4], bytes.get(..64).unwrap_or(&bytes));
        let mut kinds = BTreeMap::new();
        for at in (4096..bytes.len()).step_by(4096) {
            let Ok(headers) = Headers::read(&bytes[at..]) else { continue };
            let size = headers.block.disk_size as usize;
            let Some(block) = bytes.get(at..at + size).filter(|b| b.len() >= 64) else { continue };
            if headers.block.compute_checksum(block) != headers.block.checksum {
                continue;
            }
            // Shift 3: allocation size 4096.
            let seen: &mut u32 = kinds.entry(headers.page.type_byte).or_default();
            *seen += 1;
            if *seen <= 6 && block.len() <= 65_536 {
                seeds.add("page_image", &[1, 0, 0, 1, 3, 0], block);
            }
            if ExtentList::decode(block, 4096, 1 << 40).is_ok() {
                seeds.add("packing", &[3, 3], block.get(DATA_OFFSET..).unwrap_or_default());
            }
            strings(seeds, block);
        }
    }
}

/// Configuration texts and checkpoint cookies in a block of metadata.
fn strings(seeds: &mut Seeds, block: &[u8]) {
    for text in block.split(|b| !(b' '..=b'~').contains(b)).filter(|t| t.len() > 40 && t.contains(&b'=')) {
        seeds.add("config_metadata", &[], text);
        let text = String::from_utf8_lossy(text);
        for cookie in text.split("addr=\"").skip(1).filter_map(|t| hex::decode(t.split('"').next()?).ok()) {
            seeds.add("cookie", &[3], &cookie);
        }
    }
}

fn texts(seeds: &mut Seeds) {
    for (n, (name, bytes)) in fixtures::tree("logs").into_iter().enumerate() {
        let beginning = bytes.get(..6000).unwrap_or(&bytes);
        // Of the logs of causes not all: the target is to have time for more than its seeds.
        if name.contains("causes/") && n % 4 > 0 {
            continue;
        }
        seeds.add("server_log", &[200], beginning);
        if !name.contains("causes/") {
            seeds.add("log_text", &[17], beginning);
            seeds.add("server_log", &[30], &zstd::encode_all(beginning, 1).expect("zstd"));
            let units: Vec<u8> = String::from_utf8_lossy(beginning).encode_utf16().flat_map(u16::to_le_bytes).collect();
            seeds.add("server_log", &[31], &units);
        }
    }
    for (name, bytes) in fixtures::tree("scenarios") {
        if name.ends_with(".yaml") {
            seeds.add("scenario_yaml", &[0], &bytes);
        }
    }
    for (n, text) in ["1:@S9", "8:iqQSu@", "9:5s3tB8bxR"].iter().enumerate() {
        seeds.add("packing", &[1], text.as_bytes());
        seeds.add("packing", &[0], &[0x80 + n as u8, 0xc1, 0x02, 0xe3, 1, 2, 3, 0x7f, 0x10]);
        seeds.add("packing", &[2], &[0x81, 0x83, b'k', b'e', b'y', 0xe1, 9, 0x80, 0xff, 0x80, 0x83, b'v']);
    }
    // A plan and a journal as a repair writes them.
    let options = wtcheck::repair::Options::default();
    for name in ["palite/2026-07-leak-full", "palite/2026-02-double-root", "local/lost-extent"] {
        let made = wtcheck::repair::apply::plan(&fixtures::path(name), &options, (1, 0), &wtcheck::audit::Silent);
        if let Ok((plan, _)) = made {
            seeds.add("repair_documents", &[0], wtcheck::report::repair::yaml(&plan).as_bytes());
        }
    }
    for text in JOURNALS {
        seeds.add("repair_documents", &[1], text.as_bytes());
    }
}

/// Lines of journals; the target puts their checksums right.
const JOURNALS: [&str; 2] = [
    concat!(
        "0 {\"header\":{\"journal_version\":1,\"made_by\":\"wtcheck\",\"made_at\":1,\"directory\":\"/d\",",
        "\"kind\":\"palite\",\"fingerprint\":\"00\",\"lsn_counter\":[1,2],\"newest_completion\":null,",
        "\"actions\":[\"set size\"]}}\n",
        "0 {\"record\":{\"file\":\"globals.db\",\"set\":\"globals\",\"before\":[{\"n\":\"val\",\"v\":",
        "{\"integer\":1}}],\"after\":[{\"n\":\"val\",\"v\":{\"blob\":\"00ff\"}}]}}\n",
        "0 {\"end\":1}\n0 {\"mark\":\"applied\"}\n",
    ),
    concat!(
        "0 {\"header\":{\"journal_version\":1,\"made_by\":\"wtcheck\",\"made_at\":1,\"directory\":\"/d\",",
        "\"kind\":\"local\",\"fingerprint\":\"00\",\"lsn_counter\":null,\"newest_completion\":null,\"actions\":[]}}\n",
        "0 {\"end\":0}\n",
    ),
];
