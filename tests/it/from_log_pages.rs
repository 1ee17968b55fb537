//! `decode --from-log` and `page` on a log that has dumped blocks of a page log: what each is, and the
//! pages they make.

use crate::common::schema::assert_valid;
use crate::common::{fixture, path, wtcheck};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::PathBuf;
use wtcheck::decode::dumps;
use wtcheck::decode::view::View;
use wtcheck::format::block_dump::Scanner;
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::report::Show;
use wtcheck::report::dumps::text as dumps_text;
use wtcheck::report::text::Paint;
use wtcheck::store::{self, OpenOptions};

/// A block of a page, with the LSN of its row.
#[derive(Debug, Clone)]
struct Stored {
    lsn: u64,
    bytes: Vec<u8>,
}

impl Stored {
    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn checksum(&self) -> u32 {
        self.word(32)
    }
}

fn home(name: &str) -> PathBuf {
    fixture("palite").join(name)
}

/// The newest chain of a page, base image first.
fn chain(home: &str, table: u64, page: u64) -> Vec<Stored> {
    let store = store::open(&self::home(home), &OpenOptions::default()).unwrap();
    let (index, _) = store.index(None, &|_| ()).unwrap();
    let mut reader = store.reader().unwrap();
    let rows = index.slice(index.page(TableId(table), PageId(page))).to_vec();
    let base = rows.iter().rposition(|r| r.is_full()).unwrap();
    let mut out = Vec::new();
    for row in &rows[base..] {
        let mut bytes = Vec::new();
        reader.read(row, &mut bytes).unwrap();
        let Lsn(lsn) = row.lsn;
        out.push(Stored { lsn, bytes });
    }
    assert!(out.len() > 1, "page {page} of table {table} has no deltas");
    out
}

/// The lines of a dump in the envelope of the engine; the address names the page and the checksum.
fn dumped(file: &str, page: u64, checksum: u32, bytes: &[u8]) -> String {
    let size = bytes.len();
    let total = size.div_ceil(1024);
    let mut out = String::new();
    for (at, chunk) in bytes.chunks(1024).enumerate() {
        let digits: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
        out.push_str(&format!(
            "[1765258643:985883][7884:0x7fa6eefc4540], file:{file}, WT_CURSOR.search: [WT_VERB_DEFAULT][ERROR]: \
             int __wt_bm_corrupt_dump(WT_SESSION_IMPL *, WT_ITEM *, uint32_t, wt_off_t, uint32_t, uint32_t), 91: \
             {{0: {page}, {size}, {checksum:#x}}}: (chunk {} of {total}): {} \n",
            at + 1,
            digits.join(" ")
        ));
    }
    out
}

const FILE: &str = "rs.wt_stable/WiredTigerCheckpoint.4";

fn whole(page: u64, block: &Stored) -> String {
    dumped(FILE, page, block.checksum(), &block.bytes)
}

struct Judged {
    json: Value,
    text: String,
    code: i32,
}

/// What is said of a log; `decode --from-log` and `page` agree.
fn judged(log: &str, more: &[&str]) -> Judged {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mongod.log");
    std::fs::write(&file, log).unwrap();
    let run = |args: &[&str], format: &str| wtcheck(&[args, more, &["--format", format]].concat());
    let (code, stdout, stderr) = run(&["decode", "--from-log", path(&file)], "json");
    assert_eq!(stderr, "");
    assert_valid("decode --from-log", stdout.as_bytes());
    let (page_code, page_stdout, _) = run(&["page", path(&file)], "json");
    assert_eq!((code, &stdout), (page_code, &page_stdout));
    let (text_code, text, _) = run(&["page", path(&file)], "table");
    assert_eq!(code, text_code);
    Judged { json: serde_json::from_str(&stdout).unwrap(), text, code }
}

/// Where a page of the fixture has deltas: home, table, page.
const PAGES: [(&str, u64, u64); 4] = [
    ("2026-07-leak-full", 41, 102),
    ("2026-07-leak-full", 41, 110),
    ("2026-07-leak-full", 10, 101),
    ("2025-11-bitflip-missing-delta", 7, 127),
];

/// A log of a report: an image, and two deltas of another page, the older one cut off.
const REPORTED: &str = "\
[1765258643:985883][7884:0x7fa6eefc4540], file:test_layered18.wt_stable/WiredTigerCheckpoint.11, WT_CURSOR.search: [WT_VERB_DEFAULT][ERROR]: int __wt_bm_corrupt_dump(WT_SESSION_IMPL *, WT_ITEM *, uint32_t, wt_off_t, uint32_t, uint32_t), 91: {0: 111, 67, 0x16cc8b27}: (chunk 1 of 1): 00 00 00 00 00 00 00 00 17 00 00 00 00 00 00 00 43 00 00 00 02 00 00 00 06 20 00 01 db 01 01 2c 27 8b cc 16 00 00 00 00 01 00 00 00 05 00 38 2a c0 24 a5 8a 8e 00 c0 24 81 c0 29 c0 28 c0 00 54 79 ba 6c
[1765258643:986002][7884:0x7fa6eefc4540], file:test_layered18.wt_stable/WiredTigerCheckpoint.11, WT_CURSOR.search: [WT_VERB_DEFAULT][ERROR]: int __wt_bm_corrupt_dump(WT_SESSION_IMPL *, WT_ITEM *, uint32_t, wt_off_t, uint32_t, uint32_t), 91: {0: 100, 64, 0x6cba7954}: (chunk 1 of 1): 00 00 00 00 00 00 00 00 16 00 00 00 00 00 00 00 40 00 00 00 02 00 00 00 07 00 00 00 dd 01 01 2c 54 79 ba 6c 24 f2 49 d4 01 00 00 00 09 30 00 8c 28 c0 2e a5 80 8a 88 62 62 62 30 2d 31 30 00 00
[1765258643:986026][7884:0x7fa6eefc4540], file:test_layered18.wt_stable/WiredTigerCheckpoint.11, WT_CURSOR.search: [WT_VERB_DEFAULT][ERROR]: int __wt_bm_corrupt_dump(WT_SESSION_IMPL *, WT_ITEM *, uint32_t, wt_off_t, uint32_t, uint32_t), 91: {0: 100, 63, 0xd449f224}: (chunk 1 of 1): 00 00 00 00 00 00 00 00 14 00 00 00 00 00 00 00 3f 00 00 00 02 00 00 00 07 00 00 00 dd 01 01 2c 24 f2 49 d4 a1 53 4b 09 01 00 0";

#[test]
fn the_reported_log() {
    let Judged { json, text, code } = judged(REPORTED, &[]);
    assert_eq!(code, 1);
    let said = |at: usize, field: &str| json["dumps"][at][field].clone();
    for (at, page, verdict) in [(0, 111, "sound"), (1, 100, "sound"), (2, 100, "unknown")] {
        assert_eq!((said(at, "page_id"), said(at, "verdict")), (json!(page), json!(verdict)), "{text}");
        assert_eq!((said(at, "storage"), said(at, "offset")), (json!("page-log"), Value::Null));
        assert_eq!(
            (said(at, "file"), said(at, "checkpoint")),
            (json!("test_layered18.wt_stable"), json!("WiredTigerCheckpoint.11"))
        );
    }
    assert_eq!(said(0, "block")["page_header"]["type"], "row internal");
    assert_eq!(said(0, "block")["form"], "base");
    assert_eq!(said(1, "block")["form"], "delta");
    let pages = json["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 2);
    assert_eq!((&pages[0]["page_id"], &pages[0]["complete"]), (&json!(111), &json!(true)));
    let deltas = &pages[1];
    assert_eq!((&deltas["complete"], &deltas["missing_checksum"]), (&json!(false), &json!("094b53a1")));
    let blocks: Vec<_> = deltas["blocks"].as_array().unwrap().iter().map(|b| (&b["form"], &b["state"])).collect();
    assert_eq!(blocks, [(&json!("delta"), &json!("incomplete")), (&json!("delta"), &json!("intact"))]);
    for words in [
        "Block of page 111 of test_layered18.wt_stable\nintact: its checksum is the expected one, and valid\n",
        "Page 100 of test_layered18.wt_stable, from its blocks",
        "The page cannot be merged: the block before the oldest delta, with checksum 094b53a1, is not in the log; the \
         block with checksum d449f224 is incomplete.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("at offset"), "{text}");
}

/// Chains in any order are what `page` shows of the store itself.
#[test]
fn chains_are_put_together() {
    for (name, table, page) in PAGES {
        let blocks = chain(name, table, page);
        let newest = blocks.last().unwrap().lsn.to_string();
        let (table, number) = (table.to_string(), page.to_string());
        let dir = home(name);
        let place = ["page", path(&dir), &table, &number, "--lsn", &newest, "--show", "hex", "--format", "json", "-v"];
        let (_, stdout, stderr) = wtcheck(&place);
        assert_valid("page", stdout.as_bytes());
        let store: Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"));
        assert!(store["merged"]["entries_total"].as_u64().unwrap() > 0, "{name} {page}");
        assert_eq!(store["merged"]["problems"], json!([]));
        let orders: [fn(&mut Vec<Stored>); 3] = [|_| (), |b| b.reverse(), |b| b.rotate_left(1)];
        for order in orders {
            let mut shuffled = blocks.clone();
            order(&mut shuffled);
            let log: String = shuffled.iter().map(|b| whole(page, b)).collect();
            let Judged { json, text, code } = judged(&log, &["--show", "hex"]);
            assert_eq!(code, 1);
            let [chain] = json["pages"].as_array().unwrap().as_slice() else { panic!("{text}") };
            assert_eq!((&chain["complete"], &chain["page_id"]), (&json!(true), &json!(page)));
            assert_eq!(chain["page"], store["merged"], "{name} {page}");
            for (at, of_chain) in chain["blocks"].as_array().unwrap().iter().enumerate() {
                let dump = &json["dumps"][usize::try_from(of_chain["dump"].as_u64().unwrap()).unwrap()];
                assert_eq!(dump["verdict"], "sound", "{text}");
                assert_eq!(dump["block"], store["blocks"][at], "{name} {page}");
            }
            let deltas = blocks.len() - 1;
            let s = if deltas == 1 { "" } else { "s" };
            assert!(text.contains(&format!("All of it is here: a full image and {deltas} delta{s}.")), "{text}");
        }
    }
}

#[test]
fn content_is_shown_when_asked_for() {
    let (name, table, page) = PAGES[0];
    let log: String = chain(name, table, page).iter().map(|b| whole(page, b)).collect();
    let hidden = judged(&log, &[]);
    let entries = hidden.json["pages"][0]["page"]["entries"].as_array().unwrap();
    assert!(entries.iter().all(|e| e.get("key").is_none() && e.get("value").is_none()));
    let shown = judged(&log, &["--show", "hex"]);
    assert!(shown.json["pages"][0]["page"]["entries"].as_array().unwrap().iter().all(|e| e["key"].is_string()));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.log");
    std::fs::write(&file, &log).unwrap();
    let (_, short, _) = wtcheck(&["decode", "--from-log", path(&file)]);
    let n = entries.len();
    assert!(short.contains(&format!("It has {n} rows; -v lists them.")), "{short}");
}

#[test]
fn damage_is_judged() {
    let (name, table, page) = PAGES[1];
    let blocks = chain(name, table, page);
    let sound = judged(&blocks.iter().map(|b| whole(page, b)).collect::<String>(), &["--show", "hex"]);
    // One bit of any byte: of a header, of what tells the kind, of the content.
    for (at, byte) in [(0, 9), (1, 28), (1, 31), (1, 40), (2, 50), (0, 60)] {
        let mut log = String::new();
        for (n, block) in blocks.iter().enumerate() {
            let mut bytes = block.bytes.clone();
            if n == at {
                bytes[byte] ^= 4;
            }
            log.push_str(&dumped(FILE, page, block.checksum(), &bytes));
        }
        let Judged { json, text, .. } = judged(&log, &["--show", "hex"]);
        let dump = &json["dumps"][at];
        assert_eq!(dump["verdict"], "flipped-bit", "byte {byte}: {text}");
        assert_eq!(dump["flipped_bit"], json!({"byte": byte, "bit": 2}));
        let chain = &json["pages"][0];
        assert_eq!((&chain["complete"], &chain["blocks"][at]["state"]), (&json!(true), &json!("put-right")), "{text}");
        assert_eq!(chain["page"], sound.json["pages"][0]["page"], "byte {byte}");
        assert!(text.contains(&format!("a single flipped bit explains it: bit 2 of byte {byte}\n")), "{text}");
        assert!(text.contains("corrected"));
    }
    let one = |bytes: &[u8], expected: u32| judged(&dumped(FILE, page, expected, bytes), &[]).json["dumps"][0].clone();
    let block = &blocks[1];
    // The field that the reader clears before it computes; one that is wrong.
    let mut bytes = block.bytes.clone();
    bytes[32..36].fill(0);
    assert_eq!(one(&bytes, block.checksum())["verdict"], "sound");
    bytes[32] = 1;
    assert_eq!(one(&bytes, block.checksum())["verdict"], "checksum-field");
    assert_eq!(one(&vec![0; 900], 7)["verdict"], "zeros");
    assert_eq!(one(&block.bytes, 7)["verdict"], "other-block");
    let mut bytes = block.bytes.clone();
    for (at, byte) in bytes.iter_mut().enumerate().skip(45) {
        *byte ^= u8::try_from(at % 251).unwrap();
    }
    let damaged = one(&bytes, block.checksum());
    assert_eq!((&damaged["verdict"], &damaged["page_id"]), (&json!("damaged"), &json!(page)));
    let mut encrypted = vec![0x60, 0xae, 0x6e, 0x6c];
    encrypted.extend(&block.bytes);
    let encrypted = one(&encrypted, 7);
    assert_eq!(encrypted["judgement"], "encrypted by the page service: none of it can be checked");
    // Other content, which has nothing of an image, is of the page log by its table's name.
    let text = b"the quick brown fox jumps over the lazy dog, and once more, ".repeat(20);
    assert_eq!((&one(&text, 7)["verdict"], &one(&text, 7)["storage"]), (&json!("not-a-block"), &json!("page-log")));
}

#[test]
fn what_is_missing_is_said() {
    let (name, table, page) = PAGES[1];
    let blocks = chain(name, table, page);
    let log = |which: &[usize]| which.iter().map(|at| whole(page, &blocks[*at])).collect::<String>();
    let Judged { json, text, .. } = judged(&log(&[1, 2]), &[]);
    let base = format!("{:08x}", blocks[0].checksum());
    let chain = &json["pages"][0];
    assert_eq!((&chain["complete"], &chain["missing_checksum"]), (&json!(false), &json!(base)), "{text}");
    assert!(chain.get("page").is_none());
    assert!(text.contains(&format!("the block before the oldest delta, with checksum {base}, is not in the log.")));
    // A link in the middle is missing: the image is there, and the delta behind the gap.
    let Judged { json, .. } = judged(&log(&[0, 2]), &[]);
    let pages = json["pages"].as_array().unwrap();
    let (image, delta) = (&pages[0], &pages[1]);
    assert_eq!((pages.len(), &image["complete"], &delta["complete"]), (2, &json!(true), &json!(false)));
    assert_eq!(delta["missing_checksum"], json!(format!("{:08x}", blocks[1].checksum())));
    // An image that is damaged beyond one bit is no base.
    let mut bytes = blocks[0].bytes.clone();
    bytes[45..60].iter_mut().for_each(|b| *b ^= 0x55);
    let log = dumped(FILE, page, blocks[0].checksum(), &bytes) + &log(&[1]);
    let Judged { json, text, .. } = judged(&log, &[]);
    assert_eq!(json["pages"][0]["blocks"][0]["state"], "damaged");
    assert!(text.contains(&format!("the block with checksum {base} is damaged.")), "{text}");
}

#[test]
fn pages_are_kept_apart() {
    let (one, other) = (chain(PAGES[0].0, 41, 102), chain(PAGES[1].0, 41, 110));
    let mut log = String::new();
    for (a, b) in one.iter().rev().zip(other.iter().rev()) {
        log.push_str(&whole(102, a));
        log.push_str(&whole(110, b));
    }
    for b in &other[..other.len() - one.len()] {
        log.push_str(&whole(110, b));
    }
    // A page of the same number of another table.
    log.push_str(&dumped("b.wt_stable", 102, other[0].checksum(), &other[0].bytes));
    let Judged { json, .. } = judged(&log, &[]);
    let pages: Vec<(&Value, &Value, usize, bool)> = json["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (&p["file"], &p["page_id"], p["blocks"].as_array().unwrap().len(), p["complete"] == true))
        .collect();
    let (rs, b) = (json!("rs.wt_stable"), json!("b.wt_stable"));
    assert_eq!(
        pages,
        [(&rs, &json!(102), one.len(), true), (&rs, &json!(110), other.len(), true), (&b, &json!(102), 1, true)]
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mongod.log");
    std::fs::write(&file, &log).unwrap();
    let chosen = |args: &[&str]| {
        let (code, stdout, stderr) = wtcheck(&[&["page", path(&file), "--format", "json"], args].concat());
        (code, serde_json::from_str::<Value>(&stdout).unwrap_or_default(), stderr)
    };
    let (code, json, _) = chosen(&["rs", "110"]);
    assert_eq!((code, json["dumps"].as_array().unwrap().len()), (1, other.len()));
    let [only] = json["pages"].as_array().unwrap().as_slice() else { panic!("{json}") };
    let of_chain = only["blocks"].as_array().unwrap().iter();
    let mut numbers: Vec<u64> = of_chain.map(|b| b["dump"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..other.len() as u64).collect::<Vec<_>>());
    assert_eq!(chosen(&["file:b.wt_stable"]).1["dumps"].as_array().unwrap().len(), 1);
    for (args, words) in [
        (&["rs", "7"][..], "no dump of page 7 of table rs; it has page 102 of b, page 102 of rs, page 110 of rs"),
        (&["x"], "no dump of table x"),
        (&["--lsn", "5"], "this is a server log"),
    ] {
        let (code, _, stderr) = chosen(args);
        assert!(code == 2 && stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[test]
fn errors_of_the_page_log() {
    let (name, table, page) = PAGES[0];
    let blocks = chain(name, table, page);
    let mut bytes = blocks[1].bytes.clone();
    bytes[50] ^= 1;
    let size = bytes.len();
    let error = |reason: &str| {
        format!(
            "[1765258643:985000][7884:0x7fa6eefc4540], file:{FILE}, WT_CURSOR.search: [WT_VERB_DEFAULT][ERROR]: \
             __block_disagg_read_multiple, 251: rs.wt_stable: read error for {size}B block at page {page}, lsn \
             {lsn}, delta page: 1, {reason}\n",
            lsn = blocks[1].lsn
        )
    };
    let computed = error("calculated checksum of 0x1f3967f doesn't match expected checksum of 0x5");
    let Judged { json, text, code } =
        judged(&(computed.clone() + &dumped(FILE, page, blocks[1].checksum(), &bytes)), &[]);
    assert_eq!(code, 1);
    let said = &json["dumps"][0]["error"];
    assert_eq!((&said["page_id"], &said["lsn"]), (&json!(page), &json!(blocks[1].lsn)), "{text}");
    assert_eq!((&said["comparison"], &said["found"]), (&json!("computed"), &json!("01f3967f")));
    for (line, comparison) in [
        (computed.as_str(), "computed"),
        (&error("header checksum of 1f3967f doesn't match expected checksum of 5"), "header"),
        (&error("magic 219: doesn't match expected magic of 221"), "magic"),
    ] {
        let Judged { json, text, code } = judged(line, &[]);
        let said = &json["errors_without_dump"][0];
        assert_eq!((code, &said["comparison"], &said["page_id"]), (6, &json!(comparison), &json!(page)), "{text}");
        assert!(text.contains(&format!("{size} bytes of page {page} at LSN {}", blocks[1].lsn)), "{text}");
    }
}

fn report(log: &[u8], show: Show) -> (String, String) {
    let mut scanner = Scanner::new();
    scanner.push(log);
    let report = dumps::log("-", &scanner.finish(), &View { show, ..View::default() }, None);
    let text = dumps_text(&report, Some(80), Paint { on: false }, true);
    (serde_json::to_string(&report).unwrap(), text)
}

#[test]
fn it_fits_a_terminal() {
    let log: String = chain(PAGES[0].0, 41, 102).iter().map(|b| whole(102, b)).collect();
    let (_, text) = report(log.as_bytes(), Show::None);
    let wide = text.lines().filter(|l| l.starts_with(['┌', '│', '╞']) && l.chars().count() > 80).count();
    assert_eq!(wide, 0, "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Any edits of the bytes of a chain are judged.
    #[test]
    fn damaged_chains(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
        let mut blocks = chain(PAGES[1].0, 41, 110);
        let sums: Vec<u32> = blocks.iter().map(Stored::checksum).collect();
        for (block, at, byte) in &edits {
            let n = block.index(blocks.len());
            let at = at.index(blocks[n].bytes.len());
            blocks[n].bytes[at] = *byte;
        }
        let mut log: String = blocks.iter().zip(&sums).map(|(b, sum)| dumped(FILE, 110, *sum, &b.bytes)).collect();
        if edits.len() % 2 == 1 {
            log.truncate(cut.index(log.len()));
        }
        let (json, _) = report(log.as_bytes(), Show::Hex);
        prop_assert!(json.contains("\"pages\""));
    }

    /// Deltas that name each other end.
    #[test]
    fn circles_end(links in prop::collection::vec((0..40_u8, 0..40_u8), 1..80)) {
        let mut log = String::new();
        for (sum, previous) in links {
            let mut bytes = vec![0; 64];
            bytes[24..32].copy_from_slice(&[7, 0, 0, 1, 0xdd, 1, 1, 44]);
            bytes[16] = 64;
            bytes[32] = sum;
            bytes[36] = previous;
            // Cut short, so that the checksum is not looked at.
            let text = dumped(FILE, 9, u32::from(sum), &bytes);
            log.push_str(&text[..text.len() - 10]);
            log.push('\n');
        }
        let (json, _) = report(log.as_bytes(), Show::None);
        prop_assert!(json.contains("\"pages\""));
    }
}
