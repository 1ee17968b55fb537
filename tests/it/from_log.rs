//! `wtcheck decode --from-log`: dumps of corrupt blocks in logs of every shape, and what is said of them.

use crate::common;
use assert_cmd::Command;
use proptest::prelude::*;
use serde_json::{Value, json};
use wtcheck::decode::dumps;
use wtcheck::decode::view::View;
use wtcheck::format::block_dump::{Log, Scanner};
use wtcheck::format::crc::crc32c_zeroed;
use wtcheck::format::local::encode_descriptor;
use wtcheck::report::dumps::text as dumps_text;
use wtcheck::report::text::Paint;

const OFFSET: u64 = 40_960;
const FIELD: std::ops::Range<usize> = 32..36;

/// A row leaf of a local file that fills most of `size` bytes with keys and values of letters.
fn leaf(size: usize, write_gen: u64, full: bool) -> Vec<u8> {
    let mut cells = Vec::new();
    let mut entries = 0_u32;
    while cells.len() + 120 < size {
        cells.extend(b"\x31key");
        cells.extend(format!("{:09}", u64::from(entries) + write_gen * 1000).bytes());
        // A value of 50 bytes.
        cells.push(50 << 2 | 3);
        cells.extend((0..50_u32).map(|i| b'a' + u8::try_from((entries * 7 + i * i) % 26).unwrap()));
        entries += 2;
    }
    let mut block = vec![0; 8];
    block.extend(write_gen.to_le_bytes());
    block.extend((40 + u32::try_from(cells.len()).unwrap()).to_le_bytes());
    block.extend(entries.to_le_bytes());
    block.extend([7, 4, 0, 1]);
    block.extend(u32::try_from(size).unwrap().to_le_bytes());
    block.extend([0, 0, 0, 0, u8::from(full), 0, 0, 0]);
    block.extend(cells);
    block.resize(size, 0);
    let sum = computed(&block);
    block[FIELD].copy_from_slice(&sum.to_le_bytes());
    block
}

fn computed(block: &[u8]) -> u32 {
    let covers = if block[36] & 1 != 0 { block.len() } else { 64 };
    crc32c_zeroed(&block[..covers], 32)
}

fn stored(block: &[u8]) -> u32 {
    u32::from_le_bytes(block[FIELD].try_into().unwrap())
}

/// The messages of a dump, the error first, without the envelope. `cleared` is what the engine does to
/// the checksum field before it computes.
fn messages(bytes: &[u8], offset: u64, expected: u32) -> Vec<String> {
    let mut bytes = bytes.to_vec();
    let size = bytes.len();
    let found = if stored(&bytes) == expected {
        bytes[FIELD].fill(0);
        format!("calculated block checksum of {:#x}", computed(&bytes))
    } else {
        format!("block header checksum of {:#x}", stored(&bytes))
    };
    let mut out = vec![format!(
        "__wti_block_read_off, 268: t.wt: potential hardware corruption, read checksum error for {size}B block at \
         offset {offset}: {found} doesn't match expected checksum of {expected:#x}"
    )];
    let total = size.div_ceil(1024);
    for (at, chunk) in bytes.chunks(1024).enumerate() {
        let digits: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
        out.push(format!(
            "__wt_bm_corrupt_dump, 88: {{0: {offset}, {size}, {expected:#x}}}: (chunk {} of {total}): {} ",
            at + 1,
            digits.join(" ")
        ));
    }
    out
}

fn plain(messages: &[String], thread: u32) -> Vec<String> {
    let envelope = |m: &String| {
        format!(
            "[1795315717:660843][23334:0x7fa6da8e{thread:04x}], wt, file:t.wt, WT_CURSOR.next: [WT_VERB_DEFAULT][ERROR]: {m}\n"
        )
    };
    messages.iter().map(envelope).collect()
}

fn log_of(bytes: &[u8], expected: u32) -> String {
    plain(&messages(bytes, OFFSET, expected), 1).concat()
}

fn run(args: &[&str], stdin: impl Into<Vec<u8>>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let out = command.args(["decode", "--from-log"]).args(args).write_stdin(stdin).output().unwrap();
    let code = out.status.code().unwrap();
    assert!(code != 70 && code != 101, "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    (code, String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

/// The JSON and the text for a log.
fn judged(log: &str) -> (Value, String) {
    let (code, stdout, stderr) = run(&["-", "--format", "json"], log);
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&value["schema_version"], &value["kind"], stderr.as_str()), (&json!(1), &json!("dumps"), ""));
    let (table_code, text, _) = run(&["-"], log);
    let some = !value["dumps"].as_array().unwrap().is_empty();
    assert_eq!((code, table_code), (i32::from(some), i32::from(some)), "{text}");
    for d in value["dumps"].as_array().unwrap() {
        assert!(text.contains(d["judgement"].as_str().unwrap()), "{text}");
    }
    (value, text)
}

/// The only dump of a log.
fn only(log: &str) -> (Value, String) {
    let (value, text) = judged(log);
    assert_eq!(value["dumps"].as_array().unwrap().len(), 1, "{text}");
    (value["dumps"][0].clone(), text)
}

fn scan(log: &[u8]) -> Log {
    let mut scanner = Scanner::new();
    scanner.push(log);
    scanner.finish()
}

/// A block with one wrong bit, and the checksum it should have.
fn flipped(size: usize) -> (Vec<u8>, u32) {
    let mut block = leaf(size, 7, true);
    let expected = stored(&block);
    block[3000] ^= 1 << 5;
    (block, expected)
}

fn assert_flipped(d: &Value) {
    assert_eq!((&d["verdict"], &d["complete"]), (&json!("flipped-bit"), &json!(true)), "{d}");
    assert_eq!(d["flipped_bit"], json!({"byte": 3000, "bit": 5, "file_offset": OFFSET + 3000}));
    assert_eq!((&d["file"], &d["offset"]), (&json!("t.wt"), &json!(OFFSET)));
}

#[test]
fn a_plain_log_with_a_flipped_bit() {
    let (block, expected) = flipped(8192);
    let (d, text) = only(&log_of(&block, expected));
    assert_flipped(&d);
    assert_eq!((&d["times"], &d["chunks"], &d["line"]), (&json!(1), &json!(8), &json!(2)));
    assert_eq!((&d["missing"], &d["cut"]), (&json!([]), &json!([])));
    assert_eq!((&d["error"]["comparison"], &d["error"]["line"]), (&json!("computed"), &json!(1)));
    // The engine clears the field; the report has what stood in it.
    assert_eq!(d["block"]["checksum"]["stored"], json!(format!("{expected:08x}")));
    assert_eq!(d["error"]["found"], d["computed"]);
    for want in ["of t.wt", "bit 5 of byte 3,000", "byte 43,960 of the file", "complete, 8 chunks", "row leaf"] {
        assert!(text.contains(want), "{want} is not in\n{text}");
    }
}

#[test]
fn a_log_of_mongod() {
    let (block, expected) = flipped(8192);
    let messages = messages(&block, OFFSET, expected);
    let mut nested = String::new();
    let mut older = String::new();
    for (at, m) in messages.iter().enumerate() {
        let inner = json!({"ts_sec": 1_795_315_717, "ts_usec": 660_843, "thread": "23334:0x7fa6da8e2740",
            "session_dhandle_name": "file:t.wt", "category": "WT_VERB_DEFAULT", "verbose_level": "ERROR", "msg": m});
        let line = |message: Value| {
            json!({"t": {"$date": "2026-04-17T20:47:23.000Z"}, "s": "E", "c": "WT", "id": 22435, "ctx": "conn1",
                "msg": "WiredTiger error message", "attr": {"error": at, "message": message}})
            .to_string()
                + "\n"
        };
        nested.push_str(&line(inner));
        nested.push_str("{\"t\":{\"$date\":\"2026-04-17T20:47:23.000Z\"},\"s\":\"I\",\"msg\":\"Connection ended\"}\n");
        older.push_str(&line(plain(std::slice::from_ref(m), 1)[0].trim_end().into()));
    }
    assert_flipped(&only(&nested).0);
    assert_flipped(&only(&older).0);
    // What `getLog` answers: all lines as strings of one array, in one line; then that once more.
    let lines: Vec<&str> = nested.lines().collect();
    let once = json!({ "totalLinesWritten": lines.len(), "log": lines }).to_string();
    let twice = json!({ "output": once }).to_string();
    let whole = json!({ "text": plain(&messages, 1).concat() }).to_string().replace('\'', "\\u0027");
    for log in [once, twice, whole] {
        assert_eq!(log.lines().count(), 1);
        assert_flipped(&only(&log).0);
    }
}

/// Break lines after `width` characters: anywhere, or at the spaces before.
fn wrapped(log: &str, width: usize, words: bool, prefix: &str, end: &str) -> String {
    let mut out = String::new();
    for line in log.lines() {
        let mut rest = line;
        while !rest.is_empty() {
            let mut cut = rest.len().min(width);
            if words && cut < rest.len() {
                cut = rest[..cut].rfind(' ').map_or(cut, |at| at + 1);
            }
            out.push_str(prefix);
            out.push_str(if words { rest[..cut].trim_end() } else { &rest[..cut] });
            out.push_str(end);
            rest = &rest[cut..];
        }
    }
    out
}

#[test]
fn pastes_of_a_ticket() {
    let (block, expected) = flipped(4096);
    let log = log_of(&block, expected) + "2026-04-17 12:00:00 that was all\n";
    assert_flipped(&only(&wrapped(&log, 100, false, "> ", "\r\n")).0);
    assert_flipped(&only(&wrapped(&log, 80, true, ">> ", "\r\n")).0);
    for width in (4..120).chain((120..400).step_by(9)) {
        for words in [false, true] {
            for (prefix, end) in [("", "\n"), ("  > ", "\r\n"), ("", "\\\n"), ("| ", "\n\n")] {
                let got = scan(wrapped(&log, width, words, prefix, end).as_bytes());
                let why = format!("width {width}, words {words}, {prefix:?} {end:?}");
                assert_eq!(got.dumps.len(), 1, "{why}");
                let d = &got.dumps[0];
                assert!(d.is_complete(), "{why}: missing {:?} cut {:?}", d.missing(), d.cut());
                assert_eq!(d.parts()[0].1[3000], block[3000], "{why}");
                assert_eq!(d.error.as_ref().unwrap().file.as_deref(), Some("t.wt"), "{why}");
            }
        }
    }
    // Without spaces between the bytes, and with no-break spaces.
    let squeezed: String = messages(&block, OFFSET, expected)
        .iter()
        .map(|m| match m.split_once("): ") {
            Some((head, digits)) => format!("{head}): {}\n", digits.replace(' ', "")),
            None => format!("{m}\n"),
        })
        .collect();
    assert_flipped(&only(&squeezed).0);
    assert_flipped(&only(&log.replace(' ', "\u{a0}")).0);
}

#[test]
fn lines_cut_short_do_not_take_what_follows() {
    let (block, expected) = flipped(4096);
    let cut: String = plain(&messages(&block, OFFSET, expected), 1)
        .iter()
        .flat_map(|l| [&l[..l.trim_end().len().min(301)], "\n2026-04-17 12:00:00 next\nadd 42\n12:30\n"])
        .collect();
    let (d, text) = only(&cut);
    assert_eq!((&d["verdict"], &d["complete"]), (&json!("unknown"), &json!(false)), "{text}");
    assert_eq!(d["cut"], json!([{"first": 1, "last": 4}]));
    assert!(d["bytes"].as_u64().unwrap() < 4 * 60, "{d}");
    assert!(text.contains("truncated") && text.contains("1-4"), "{text}");
}

#[test]
fn interleaved_and_repeated_dumps() {
    let (a, expected_a) = flipped(8192);
    let (b, expected_b) = (vec![0; 4096], 0x1234_5678);
    let (a_at, b_at) = (messages(&a, OFFSET, expected_a), messages(&b, 4096, expected_b));
    let (one, two, three) = (plain(&a_at, 1), plain(&a_at, 2), plain(&b_at, 3));
    let mut log = String::new();
    for at in 0..one.len() {
        for lines in [&one, &two, &three] {
            log.push_str(lines.get(at).map_or("", String::as_str));
        }
    }
    let (value, _) = judged(&log);
    let dumps = value["dumps"].as_array().unwrap();
    assert_eq!(dumps.len(), 2);
    assert_flipped(&dumps[0]);
    assert_eq!((&dumps[0]["times"], &dumps[1]["times"]), (&json!(2), &json!(1)));
    assert_eq!((&dumps[1]["verdict"], &dumps[1]["complete"]), (&json!("zeros"), &json!(true)));

    // The same thread once more, out of order and with some chunks twice.
    let mut again = one.clone();
    again[1..].reverse();
    again.push(again[3].clone());
    let (d, _) = only(&(one.concat() + &again.concat()));
    assert_flipped(&d);
    assert_eq!(d["times"], 3);

    // Two reads of the same block that gave different bytes stay apart, by thread or one after the other.
    let mut other = a.clone();
    other[6000] ^= 0xff;
    let other = messages(&other, OFFSET, expected_a);
    for thread in [1, 2] {
        let other = plain(&other, thread);
        let log = if thread == 1 {
            one.concat() + &other.concat()
        } else {
            one.iter().zip(&other).flat_map(|(a, b)| [a.as_str(), b]).collect()
        };
        let (value, _) = judged(&log);
        let verdicts: Vec<&Value> = value["dumps"].as_array().unwrap().iter().map(|d| &d["verdict"]).collect();
        assert_eq!(verdicts, [&json!("flipped-bit"), &json!("damaged")], "thread {thread}");
        assert_eq!((&value["dumps"][1]["complete"], &value["dumps"][1]["times"]), (&json!(true), &json!(1)));
    }
}

#[test]
fn a_missing_chunk() {
    let (block, expected) = flipped(8192);
    let mut lines = plain(&messages(&block, OFFSET, expected), 1);
    lines.remove(5);
    let (d, text) = only(&lines.concat());
    assert_eq!((&d["verdict"], &d["complete"], &d["bytes"]), (&json!("unknown"), &json!(false), &json!(7168)));
    assert_eq!(d["missing"], json!([{"first": 5, "last": 5}]));
    // Its headers are there, and nothing is said of a checksum that cannot be computed.
    assert_eq!((&d["block"]["page_header"]["write_gen"], &d["block"]["checksum"]), (&json!(7), &Value::Null));
    assert!(text.contains("missing chunks") && !text.contains("WRONG"), "{text}");
    // Another thread has it.
    let other = plain(&messages(&block, OFFSET, expected), 2);
    assert_flipped(&only(&(lines.concat() + &other[5])).0);

    // A checksum of 64 bytes needs no more than the first chunk.
    let mut block = leaf(8192, 7, false);
    let expected = stored(&block);
    block[20] ^= 2;
    let lines = plain(&messages(&block, OFFSET, expected), 1);
    let (d, _) = only(&lines[..3].concat());
    assert_eq!((&d["verdict"], &d["flipped_bit"]["byte"]), (&json!("flipped-bit"), &json!(20)));
    assert_eq!(d["missing"], json!([{"first": 3, "last": 8}]));
}

#[test]
fn zeros() {
    let sound = leaf(16_384, 9, true);
    let expected = stored(&sound);
    let (d, text) = only(&log_of(&vec![0; 16_384], expected));
    assert_eq!((&d["verdict"], &d["block"]), (&json!("zeros"), &Value::Null));
    assert!(text.contains("all 16,384 bytes are zero"), "{text}");

    let mut torn = sound.clone();
    torn[8192..].fill(0);
    let first = 8192 - torn[..8192].iter().rev().take_while(|b| **b == 0).count();
    let (d, text) = only(&log_of(&torn, expected));
    assert_eq!(d["verdict"], "zero-sectors");
    let used = u32::from_le_bytes(sound[16..20].try_into().unwrap()) as usize;
    assert_eq!(d["zeros"], json!([{"at": first, "bytes": used - first}]), "{text}");
    assert!(text.contains("onwards, although its content extends to"), "{text}");

    let mut hole = sound.clone();
    hole[4096..12_288].fill(0);
    let (d, text) = only(&log_of(&hole, expected));
    assert_eq!((&d["verdict"], &d["zeros"]), (&json!("zero-sectors"), &json!([{"at": 4096, "bytes": 8192}])), "{text}");

    let mut headless = sound.clone();
    headless[..4096].fill(0);
    let (d, text) = only(&log_of(&headless, expected));
    assert_eq!((&d["verdict"], &d["zeros"]), (&json!("zero-sectors"), &json!([{"at": 0, "bytes": 4096}])), "{text}");
    assert_eq!(d["block"], Value::Null);
    assert!(text.contains("not the header of a block"), "{text}");
}

#[test]
fn fields_of_the_header() {
    let sound = leaf(8192, 9, true);
    let expected = stored(&sound);
    let mut field = sound.clone();
    field[33] ^= 0x81;
    let (d, text) = only(&log_of(&field, expected));
    assert_eq!((&d["verdict"], &d["error"]["comparison"]), (&json!("checksum-field"), &json!("header")), "{text}");
    assert!(text.contains("2 bits of it"), "{text}");

    let mut size = sound.clone();
    size[28..32].copy_from_slice(&28_672_u32.to_le_bytes());
    let (d, text) = only(&log_of(&size, expected));
    assert_eq!(d["verdict"], "size-field", "{text}");
    assert!(text.contains("28,672 instead of 8,192"), "{text}");

    // The flag that says what the checksum covers is what is wrong.
    for full in [true, false] {
        let mut flag = leaf(8192, 9, full);
        let expected = stored(&flag);
        flag[36] ^= 1;
        let (d, text) = only(&log_of(&flag, expected));
        assert_eq!((&d["verdict"], &d["flipped_bit"]["byte"]), (&json!("flipped-bit"), &json!(36)), "{text}");
    }

    // The log has another block than the one that was refused.
    let (damaged, expected) = flipped(8192);
    let mut good = leaf(8192, 7, true);
    good[FIELD].fill(0);
    let error = &plain(&messages(&damaged, OFFSET, expected), 1)[0];
    let dump = plain(&messages(&good, OFFSET, expected), 1)[1..].concat();
    let (d, text) = only(&(error.clone() + &dump));
    assert_eq!(d["verdict"], "sound", "{text}");
    assert!(text.contains("not in them") && text.contains("does not have what was read"), "{text}");
}

#[test]
fn another_block() {
    let (other, wanted) = (leaf(8192, 12, true), leaf(8192, 13, true));
    let (d, text) = only(&log_of(&other, stored(&wanted)));
    assert_eq!((&d["verdict"], &d["block"]["page_header"]["write_gen"]), (&json!("other-block"), &json!(12)));
    assert_eq!(d["block"]["problems"], json!([]), "{text}");
    for want in ["row leaf of 8,192 bytes", "write generation 12", "misdirected or lost", "in the header"] {
        assert!(text.contains(want), "{want} is not in\n{text}");
    }
    // A smaller one, and one that begins later.
    let mut smaller = leaf(4096, 12, true);
    smaller.extend_from_slice(&wanted[4096..]);
    let (d, text) = only(&log_of(&smaller, stored(&wanted)));
    assert_eq!(d["verdict"], "other-block", "{text}");
    assert!(text.contains("row leaf of 4,096 bytes"), "{text}");
    let mut later = wanted.clone();
    later[4096..].copy_from_slice(&leaf(4096, 12, true));
    let (d, text) = only(&log_of(&later, stored(&wanted)));
    assert_eq!((&d["verdict"], &d["foreign"][0]["at"]), (&json!("foreign-data"), &json!(4096)), "{text}");
    let mut descriptor = wanted.clone();
    descriptor[4096..].copy_from_slice(&encode_descriptor(4096).unwrap());
    let (d, text) = only(&log_of(&descriptor, stored(&wanted)));
    assert_eq!(d["verdict"], "foreign-data", "{text}");
    assert!(text.contains("the start of a WiredTiger file"), "{text}");
}

#[test]
fn not_a_block_at_all() {
    let text = b"The quick brown fox jumps over the lazy dog.\n".repeat(100);
    let mut bson = vec![0x0c, 0, 0, 0, 0x10, b'a', 0, 1, 0, 0, 0, 0];
    bson.resize(4096, 0xa5);
    let mut log = vec![0; 4096];
    log[0] = 128;
    log[16..20].copy_from_slice(&0x0010_1064_u32.to_le_bytes());
    for (bytes, want) in [
        (text[..4096].to_vec(), "printable text"),
        (bson, "a BSON document of 12 bytes"),
        (encode_descriptor(4096).unwrap(), "its descriptor"),
        (log, "a WiredTiger journal file"),
        (vec![0xff; 4096], "only the byte ff"),
        ([b"SQLite format 3\0".as_slice(), &[9; 4080]].concat(), "an SQLite database"),
    ] {
        let (d, shown) = only(&log_of(&bytes, 0x0bad_cafe));
        assert_eq!((&d["verdict"], &d["block"]), (&json!("not-a-block"), &Value::Null), "{shown}");
        assert!(d["looks_like"].as_str().unwrap().contains(want) && shown.contains("not a block at all"), "{shown}");
        assert!(!shown.contains("quick brown"), "{shown}");
    }
    // Bytes of which nothing can be told are not given a name.
    let mut noise = 1_u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let bytes: Vec<u8> = (0..4096).map(|_| random()).collect();
    let (d, shown) = only(&log_of(&bytes, 0x0bad_cafe));
    assert_eq!((&d["verdict"], d.get("looks_like")), (&json!("damaged"), None), "{shown}");
    assert!(shown.contains("not the header of a block"), "{shown}");
}

#[test]
fn logs_without_a_dump() {
    let dir = tempfile::tempdir().unwrap();
    let mut garbage: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    garbage.extend(b"(chunk 1 of 2): (chunk of): {0: 1, 2}: doesn't match");
    for (name, bytes, lines) in [
        ("empty", Vec::new(), 0),
        ("words", b"nothing\nhere".to_vec(), 2),
        ("huge", vec![b'x'; 20 << 20], 1),
        ("huge-hex", b"00 ".repeat(1 << 20), 1),
        ("open", b"{\"\\u00".repeat(50_000), 1),
        ("garbage", garbage.clone(), garbage.iter().filter(|b| **b == b'\n').count() + 1),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let path = path.display().to_string();
        let (code, stdout, stderr) = run(&[&path], "");
        // A chunk without an address that reads is no dump, and no reason to be quiet about it.
        let want = if name == "garbage" { 6 } else { 0 };
        assert_eq!((code, stderr.as_str()), (want, ""), "{name}");
        let first = format!(
            "no dump of a corrupt block in {} line",
            if lines > 999 { String::new() } else { lines.to_string() }
        );
        assert!(lines > 999 || stdout.starts_with(&first), "{name}: {stdout}");
        let (_, json, _) = run(&[&path, "--format", "json"], "");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["lines"], lines, "{name}");
    }
    let error = messages(&flipped(4096).0, OFFSET, 7)[0].clone();
    // An error whose block was not dumped cannot be judged, which is not the same as none.
    let (code, stdout, _) = run(&["-"], error);
    assert_eq!(code, 6);
    assert!(stdout.contains("no dump") && stdout.contains("4,096 bytes at offset 40,960"), "{stdout}");
    let unknown = log_of(&flipped(4096).0, 7).replace("{0: 40960, 4096, 0x7}", "{page 7, lsn 9}");
    let (code, stdout, _) = run(&["-"], unknown);
    assert_eq!(code, 6);
    assert!(stdout.contains("4 chunks have an address in an unknown form"), "{stdout}");
}

#[test]
fn a_dump_behind_a_huge_line() {
    let (block, expected) = flipped(8192);
    let mut log = "x{\"> 12 34".repeat(500_000);
    log.push('\n');
    log.push_str(&log_of(&block, expected));
    assert_flipped(&only(&log).0);
}

#[test]
fn wrong_command_lines_and_unreadable_logs() {
    let dir = tempfile::tempdir().unwrap();
    let packed = dir.path().join("mongod.log.gz");
    std::fs::write(&packed, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let decode = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_wtcheck")).arg("decode").args(args).output().unwrap();
        assert!(out.stdout.is_empty(), "{args:?}");
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (packed, dir) = (packed.display().to_string(), dir.path().display().to_string());
    for (args, code, want) in [
        (vec!["--from-log", "/no/such/log"], 6, "/no/such/log"),
        (vec!["--from-log", &dir], 6, "directory"),
        (vec!["--from-log", &packed], 6, "decompressed"),
        (vec!["--from-log", "-", "cookie", "00"], 2, "--from-log does not take a kind"),
        (vec!["--quiet"], 2, "nothing to decode"),
        (vec!["--alloc", "4096", "cookie", "00"], 2, "--from-log"),
        (vec!["--from-log", "-", "--alloc", "4095"], 2, "not an allocation size"),
    ] {
        let (got, stderr) = decode(&args);
        assert_eq!(got, code, "{args:?}: {stderr}");
        assert!(stderr.contains(want), "{args:?}: {stderr}");
    }
    // Options for all commands may still stand before the kind.
    let out = Command::new(env!("CARGO_BIN_EXE_wtcheck"))
        .args(["decode", "--format", "json", "cookie", "00c025808282bd21596019"])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0));
}

#[test]
fn every_format_and_hidden_user_bytes() {
    let (block, expected) = flipped(8192);
    let log = log_of(&block, expected);
    let (_, json, _) = run(&["-", "--format", "json"], log.as_str());
    let (_, yaml, _) = run(&["-", "--format", "yaml"], log.as_str());
    let (_, jsonl, _) = run(&["-", "--format", "jsonl"], log.as_str());
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value, serde_yaml::from_str::<Value>(&yaml).unwrap());
    assert_eq!(value, serde_json::from_str::<Value>(&jsonl).unwrap());
    let key = "key000007000";
    for args in [vec!["-"], vec!["-", "-v"], vec!["-", "--format", "json"]] {
        assert!(!run(&args, log.as_str()).1.contains(key), "{args:?}");
    }
    assert!(!run(&["-"], log.as_str()).1.contains("Cells"));
    assert!(run(&["-", "-v"], log.as_str()).1.contains("Cells"));
    assert!(run(&["-", "-v", "--show", "bson"], log.as_str()).1.contains(key));
}

#[test]
fn blocks_of_damaged_samples() {
    let damaged = common::real("classic-damaged");
    for (variant, file, offset, size, expected, logged, verdict, byte) in [
        (
            "v01-leaf-data-bitflip",
            "rs_plain.wt",
            1_400_832,
            28_672,
            0x9099_3a6b_u32,
            0x9d40_5377_u32,
            "flipped-bit",
            Some(1000),
        ),
        ("v03-leaf-disk-size", "rs_plain.wt", 1_400_832, 28_672, 0x9099_3a6b, 0x8b6e_0f01, "flipped-bit", Some(29)),
        ("v05-leaf-swapped", "rs_plain.wt", 1_257_472, 28_672, 0xcb39_50d7, 0x9099_3a6b, "other-block", None),
        (
            "v21-nocksum-head-bitflip",
            "rs_nocksum.wt",
            323_584,
            16_384,
            0x972d_cd71,
            0xf77c_e94e,
            "flipped-bit",
            Some(20),
        ),
        (
            "v25-hs-leaf-bitflip",
            "WiredTigerHS.wt",
            1_232_896,
            28_672,
            0x5fb8_ed31,
            0x72a6_34b0,
            "flipped-bit",
            Some(2000),
        ),
    ] {
        let bytes = std::fs::read(damaged.join(variant).join("changed").join(file)).unwrap();
        let block = &bytes[offset..offset + size];
        let log = plain(&messages(block, offset as u64, expected), 1).concat();
        let (d, text) = only(&log);
        assert_eq!(d["verdict"], verdict, "{variant}: {text}");
        assert_eq!(d["flipped_bit"].get("byte").and_then(Value::as_u64), byte, "{variant}");
        // What is computed here is what the engine said.
        assert_eq!(d["computed"], format!("{logged:08x}"), "{variant}");
    }
}

#[test]
fn messages_of_the_engine() {
    let mut dumps = 0;
    for variant in std::fs::read_dir(common::real("classic-damaged")).unwrap() {
        let Ok(reports) = std::fs::read_dir(variant.unwrap().path().join("ref")) else { continue };
        for report in reports {
            let path = report.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let log = scan(&bytes);
            let of = |word: &[u8]| bytes.windows(word.len()).filter(|w| *w == word).count();
            let name = path.display();
            assert_eq!(log.unread, 0, "{name}");
            assert_eq!(log.dumps.is_empty(), of(b"(chunk ") == 0, "{name}");
            for d in &log.dumps {
                dumps += 1;
                assert!(!d.is_complete() && d.error.as_ref().is_some_and(|e| e.file.is_some()), "{name}");
                // The samples are cut off after 300 columns, so every chunk is cut short.
                let present: usize = d.cut().iter().map(|(a, b)| (b - a + 1) as usize).sum();
                assert!(present > 0 && present <= of(b"(chunk "), "{name}");
            }
        }
    }
    assert!(dumps > 20);
}

fn report(log: &Log) -> (String, String) {
    let report = dumps::log("-", log, &View::default(), None);
    let text = dumps_text(&report, Some(80), Paint { on: false }, true);
    (serde_json::to_string(&report).unwrap(), text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// However the log is cut into pieces, the result is the same.
    #[test]
    fn pieces_of_any_size(cuts in prop::collection::vec(1..3000_usize, 1..40)) {
        let (block, expected) = flipped(4096);
        let log = log_of(&block, expected);
        let mut scanner = Scanner::new();
        let mut rest = log.as_bytes();
        for cut in cuts.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*cut));
            scanner.push(piece);
            rest = behind;
            if rest.is_empty() { break }
        }
        prop_assert_eq!(report(&scanner.finish()), report(&scan(log.as_bytes())));
    }

    /// Damage to a log breaks nothing.
    #[test]
    fn damaged_logs(edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 0..12)) {
        let (block, expected) = flipped(4096);
        let mut log = log_of(&block, expected).into_bytes();
        for (at, what, byte) in edits {
            let at = at.index(log.len());
            match what {
                0 => log[at] = byte,
                1 => { log.remove(at); }
                2 => log.insert(at, b"\n\\\"u 0f{:)"[usize::from(byte) % 10]),
                _ => log.truncate(log.len() - (log.len() - at) / 8),
            }
        }
        let log = scan(&log);
        let _ = report(&log);
        for d in &log.dumps {
            prop_assert!(d.parts().iter().all(|(at, bytes)| at + bytes.len() <= d.address.size as usize));
        }
    }

    /// Any bytes as a dump.
    #[test]
    fn any_block(bytes in prop::collection::vec(any::<u8>(), 0..2000), head in any::<bool>(), size in 0..3_usize) {
        let mut block = if head { leaf(4096, 3, true) } else { Vec::new() };
        block.truncate(64);
        block.extend(bytes);
        block.resize([512, 4096, 1536][size], 0);
        let (json, _) = report(&scan(log_of(&block, 5).as_bytes()));
        prop_assert!(json.contains("\"verdict\""));
    }
}

/// The words of MongoDB 3.0 have no dump behind them: an error that cannot be judged, and no clean log.
#[test]
fn an_error_in_the_words_of_3_0_is_one() {
    let log = common::fixture("logs/reports/checksum-3.0.txt");
    let (code, out, _) = common::wtcheck(&["decode", "--from-log", log.to_str().unwrap(), "--format", "json"]);
    let v: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 6, "{out}");
    let error = &v["errors_without_dump"][0];
    assert_eq!(
        (&error["file"], &error["offset"], &error["size"]),
        (&"WiredTiger.wt".into(), &32768.into(), &4096.into())
    );
}
