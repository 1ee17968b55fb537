//! `wtcheck page FILE --offset`: one block of a local file.

use crate::common;
use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wtcheck::format::crc::crc32c_zeroed;
use wtcheck::format::local::encode_descriptor;

/// A block of a local file around `data`.
fn block(page_type: u8, entries: u32, data: &[u8], size: usize) -> Vec<u8> {
    let mut block = vec![0; 8];
    block.extend(5_u64.to_le_bytes());
    block.extend((40 + data.len() as u32).to_le_bytes());
    block.extend(entries.to_le_bytes());
    block.extend([page_type, 0, 0, 1]);
    block.extend((size as u32).to_le_bytes());
    block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    block.extend(data);
    block.resize(size, 0);
    seal(&mut block);
    block
}

fn seal(block: &mut [u8]) {
    let sum = crc32c_zeroed(block, 32);
    block[32..36].copy_from_slice(&sum.to_le_bytes());
}

const ALLOC: u32 = 512;
const LEAF: u64 = 512;
const LIST: u64 = 2560;
const ZEROS: u64 = 3072;
const TEXT: u64 = 3584;
const FLIPPED: u64 = 4096;
const CUT: u64 = 5120;
const LEAF_BYTES: usize = 2048;

/// A file of five blocks: a leaf, an extent list, zeros, text, a leaf with a flipped bit, and one that
/// the end of the file cuts off.
fn file() -> Vec<u8> {
    let mut file = encode_descriptor(ALLOC).unwrap();
    file.extend(block(7, 2, b"\x11user\x0ftop", LEAF_BYTES));
    file.extend(block(1, 16, &hex::decode("e2f51a80e26fc0cfc0e2cfc0cfc08080").unwrap(), 512));
    file.extend([0; 512]);
    file.extend(&b"the quick brown fox\n".repeat(30)[..512]);
    let mut flipped = block(7, 2, b"\x11user\x0ftop", 1024);
    flipped[700] ^= 4;
    file.extend(flipped);
    file.extend(&block(7, 2, b"\x11user\x0ftop", 4096)[..1024]);
    file
}

struct Sample {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Sample {
    fn new(bytes: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("collection-7.wt");
        std::fs::write(&path, bytes).unwrap();
        Self { _dir: dir, path }
    }
}

fn run(path: &Path, args: &[&str]) -> (i32, String, String) {
    let watched = if path.is_dir() { path } else { path.parent().unwrap() };
    let before = common::snapshot(watched);
    let out = Command::new(env!("CARGO_BIN_EXE_wtcheck")).arg("page").arg(path).args(args).output().unwrap();
    assert!(before == common::snapshot(watched), "{args:?} touched its source");
    let code = out.status.code().unwrap();
    assert!(code != 70 && code != 101, "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    (code, String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

/// The JSON and the text for a block; both exit the same.
fn shown(path: &Path, offset: u64, args: &[&str]) -> (i32, Value, String) {
    let offset = offset.to_string();
    let mut all = vec!["--offset", &offset];
    all.extend(args);
    let (table_code, text, stderr) = run(path, &all);
    assert_eq!(stderr, "", "{all:?}");
    all.extend(["--format", "json"]);
    let (code, stdout, _) = run(path, &all);
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &value["exit_code"], &value["schema_version"]), (table_code, &json!(code), &json!(1)), "{text}");
    assert!(text.contains(value["judgement"].as_str().unwrap()), "{text}");
    (code, value, text)
}

/// A usage error or a file that cannot be read: one line on stderr.
fn refused(path: &Path, args: &[&str], code: i32, want: &[&str]) {
    let (got, stdout, stderr) = run(path, args);
    assert_eq!((got, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
    for w in want {
        assert!(stderr.contains(w), "{w:?} is not in {stderr}");
    }
}

#[test]
fn sound_blocks() {
    let s = Sample::new(&file());
    let (code, v, text) = shown(&s.path, LEAF, &[]);
    assert_eq!((code, &v["verdict"], &v["allocation_size"]), (0, &json!("sound"), &json!(512)), "{text}");
    assert_eq!((&v["size"], &v["file_bytes"]), (&json!(2048), &json!(6144)));
    assert_eq!((&v["block"]["cells_total"], &v["block"]["page_header"]["write_gen"]), (&json!(2), &json!(5)));
    assert_eq!((&v["problems"], &v["notes"]), (&json!([]), &json!([])));
    for want in ["Block at offset 512", "the checksum is valid", "row leaf", "holds; over 2,048 bytes", "Cells"] {
        assert!(text.contains(want), "{want} is not in\n{text}");
    }
    assert!(!text.contains("user"), "{text}");
    assert!(shown(&s.path, LEAF, &["--show", "bson"]).2.contains("user"));
    assert_eq!(run(&s.path, &["--offset", "0x200"]).0, 0);

    // 36,864 and 61,440 are multiples of 512, too.
    let (code, v, text) = shown(&s.path, LIST, &[]);
    assert_eq!((code, &v["block"]["extents"]["total"]), (0, &json!(2)), "{text}");
    assert!(text.contains("36,864") && text.contains("61,440"), "{text}");

    let expected = format!("{:08x}", crc32c_zeroed(&block(7, 2, b"\x11user\x0ftop", LEAF_BYTES), 32));
    for sum in [expected.clone(), format!("0x{expected}"), expected.to_uppercase()] {
        assert_eq!(shown(&s.path, LEAF, &["--size", "2048", "--checksum", &sum]).0, 0);
    }
    let (_, yaml, _) = run(&s.path, &["--offset", "512", "--format", "yaml"]);
    let (_, jsonl, _) = run(&s.path, &["--offset", "512", "--format", "jsonl"]);
    assert_eq!(serde_yaml::from_str::<Value>(&yaml).unwrap(), serde_json::from_str::<Value>(&jsonl).unwrap());
}

#[test]
fn damaged_blocks() {
    let s = Sample::new(&file());
    let (code, v, text) = shown(&s.path, FLIPPED, &[]);
    assert_eq!((code, &v["verdict"]), (1, &json!("flipped-bit")), "{text}");
    assert_eq!(v["flipped_bit"], json!({"byte": 700, "bit": 2, "file_offset": FLIPPED + 700}));
    assert!(text.contains("byte 4,796 of the file") && text.contains("WRONG"), "{text}");

    let (code, v, text) = shown(&s.path, ZEROS, &[]);
    assert_eq!((code, &v["verdict"], &v["block"]), (1, &json!("zeros"), &Value::Null), "{text}");
    let (code, v, text) = shown(&s.path, TEXT, &[]);
    assert_eq!((code, &v["verdict"], &v["looks_like"]), (1, &json!("not-a-block"), &json!("printable text")));
    assert!(!text.contains("quick"), "{text}");

    let (code, v, text) = shown(&s.path, CUT, &[]);
    assert_eq!((code, &v["size"]), (1, &json!(4096)), "{text}");
    assert!(text.contains("extends to byte 9,216, but the file ends at byte 6,144"), "{text}");

    // In the middle of a block.
    let (code, v, text) = shown(&s.path, LEAF + 512, &[]);
    assert_eq!(code, 1);
    assert!(v["judgement"].as_str().unwrap().contains("inside a sound block of 2,048 bytes at offset 512"), "{text}");

    // A checksum that holds over content that does not.
    let mut bytes = file();
    let leaf = &mut bytes[LEAF as usize..LEAF as usize + LEAF_BYTES];
    leaf[40] = 0xff;
    seal(leaf);
    let other = Sample::new(&bytes);
    let (code, v, text) = shown(&other.path, LEAF, &[]);
    assert_eq!((code, &v["verdict"]), (1, &json!("sound")), "{text}");
    assert!(text.contains("the checksum is valid, but the content breaks the rules"), "{text}");
}

#[test]
fn what_the_address_says() {
    let s = Sample::new(&file());
    let (code, v, text) = shown(&s.path, LEAF, &["--checksum", "deadbeef"]);
    assert_eq!((code, &v["verdict"], &v["expected_checksum"]), (1, &json!("other-block"), &json!("deadbeef")));
    assert!(text.contains("row leaf of 2,048 bytes, write generation 5"), "{text}");
    // A size alone: the block is valid, but has another one.
    let (code, v, text) = shown(&s.path, LEAF, &["--size", "1024"]);
    assert_eq!(code, 1, "{text}");
    assert_eq!(v["size"], 1024);
    assert_eq!(shown(&s.path, LEAF, &["--size", "2560"]).1["verdict"], "other-block");
    // The size in the header is wrong in several bits, which only the address tells.
    let mut bytes = file();
    let sum = format!("{:08x}", u32::from_le_bytes(bytes[544..548].try_into().unwrap()));
    bytes[540..544].copy_from_slice(&1536_u32.to_le_bytes());
    let other = Sample::new(&bytes);
    assert_eq!(shown(&other.path, LEAF, &[]).1["verdict"], "damaged");
    let (code, v, _) = shown(&other.path, LEAF, &["--size", "2048", "--checksum", &sum]);
    assert_eq!((code, &v["verdict"]), (1, &json!("size-field")));
}

#[test]
fn allocation_sizes_and_descriptors() {
    let mut bytes = file();
    bytes[8] ^= 1;
    let s = Sample::new(&bytes);
    refused(&s.path, &["--offset", "512"], 6, &["does not match any allocation size", "--alloc"]);
    let (code, v, _) = shown(&s.path, LEAF, &["--alloc", "512"]);
    assert_eq!((code, &v["verdict"]), (0, &json!("sound")));
    assert!(v["notes"][0].as_str().unwrap().contains("descriptor of the file is damaged"), "{v}");
    let s = Sample::new(&file());
    assert!(shown(&s.path, FLIPPED, &["--alloc", "4096"]).2.contains("is 512, not 4096"));
    for (bytes, code, want) in [
        (b"".to_vec(), 2, "which has 0 bytes"),
        (b"not a WiredTiger file, but long enough".repeat(40), 6, "not a WiredTiger file"),
        ([0x41, 0xd8, 1, 0].repeat(300), 6, "allocation size is not known"),
    ] {
        refused(&Sample::new(&bytes).path, &["--offset", "512"], code, &[want]);
    }
    // A large allocation unit is found as well.
    let mut bytes = encode_descriptor(1 << 20).unwrap();
    bytes.extend(block(7, 2, b"\x11user\x0ftop", 1 << 20));
    let s = Sample::new(&bytes);
    assert_eq!(shown(&s.path, 1 << 20, &[]).1["allocation_size"], 1 << 20);
}

#[test]
fn wrong_command_lines() {
    let s = Sample::new(&file());
    let dir = s.path.parent().unwrap();
    refused(
        &s.path,
        &["--offset", "513"],
        2,
        &["not a multiple of the allocation size 512", "starts at 512 and has 2048"],
    );
    refused(&s.path, &["--offset", "3080"], 2, &["the unit that contains it starts at 3072"]);
    refused(&s.path, &["--offset", "0"], 2, &["the descriptor", "first block starts at 512"]);
    refused(&s.path, &["--offset", "6144"], 2, &["past the end of", "6144 bytes", "truncated"]);
    refused(&s.path, &["--offset", "0xffffffffffffffff"], 2, &["past the end of"]);
    refused(&s.path, &["--offset", "512", "--size", "100"], 2, &["not a multiple of the allocation size 512"]);
    refused(&s.path, &["--offset", "512", "--size", "0"], 2, &["0 is not a block size"]);
    refused(&s.path, &["--offset", "512", "--size", "0x40000000"], 2, &["at most 536870912"]);
    refused(&s.path, &["--offset", "512", "--checksum", "xyz"], 2, &["not a checksum"]);
    refused(&s.path, &["--offset", "512", "--checksum", "123456789"], 2, &["not a checksum"]);
    refused(&s.path, &["--offset", "512", "--alloc", "513"], 2, &["not an allocation size"]);
    refused(&s.path, &["--offset", "512", "7", "110"], 2, &["cannot be used with"]);
    refused(&s.path, &["--offset", "512", "--checkpoint", "1"], 2, &["cannot be used with"]);
    refused(&s.path, &["--size", "512"], 2, &["--offset"]);
    refused(&s.path, &[], 2, &["is a file", "--offset N"]);
    refused(dir, &["--offset", "512"], 2, &["is a directory"]);
    refused(dir, &[], 2, &["DIR TABLE PAGE", "FILE --offset N"]);
    refused(dir, &["25"], 2, &["no page id"]);
    refused(&dir.join("nothing"), &["--offset", "512"], 6, &["nothing"]);
    let device = Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(["page", "/dev/null", "--offset", "512"]).output();
    let device = device.unwrap();
    assert_eq!(device.status.code(), Some(6));
    assert!(String::from_utf8(device.stderr).unwrap().contains("not a regular file"));
}

#[test]
fn blocks_of_samples() {
    let damaged = common::real("classic-damaged");
    let private = tempfile::tempdir().unwrap();
    for (at, (path, offset, args, code, verdict)) in [
        (common::real("classic-small/db/rs_plain.wt"), 1_400_832, vec![], 0, "sound"),
        (common::real("classic-small/db/rs_alloc512.wt"), 527_872, vec![], 0, "sound"),
        (common::real("classic-small/db/rs_nocksum.wt"), 323_584, vec![], 0, "sound"),
        (common::real("classic-small/db/rs_unc_cksum.wt"), 45_056, vec![], 0, "sound"),
        (damaged.join("v01-leaf-data-bitflip/changed/rs_plain.wt"), 1_400_832, vec![], 1, "flipped-bit"),
        (
            damaged.join("v03-leaf-disk-size/changed/rs_plain.wt"),
            1_400_832,
            vec!["--size", "28672", "--checksum", "90993a6b"],
            1,
            "flipped-bit",
        ),
        (damaged.join("v05-leaf-swapped/changed/rs_plain.wt"), 1_257_472, vec![], 0, "sound"),
        (
            damaged.join("v05-leaf-swapped/changed/rs_plain.wt"),
            1_257_472,
            vec!["--size", "28672", "--checksum", "0xcb3950d7"],
            1,
            "other-block",
        ),
        (damaged.join("v07-extlist-alloc-bitflip/changed/rs_plain.wt"), 1_925_120, vec![], 1, "flipped-bit"),
        (damaged.join("v11-desc-checksum/changed/rs_plain.wt"), 1_400_832, vec!["--alloc", "4096"], 0, "sound"),
        (damaged.join("v19-internal-bitflip/changed/rs_alloc512.wt"), 527_872, vec![], 1, "flipped-bit"),
        (damaged.join("v21-nocksum-head-bitflip/changed/rs_nocksum.wt"), 323_584, vec![], 1, "flipped-bit"),
        (damaged.join("v23-unccksum-compressed-bitflip/changed/rs_unc_cksum.wt"), 45_056, vec![], 1, "sound"),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = private.path().join(at.to_string()).join("t.wt");
        std::fs::create_dir(copy.parent().unwrap()).unwrap();
        std::fs::write(&copy, std::fs::read(&path).unwrap()).unwrap();
        let (got, v, text) = shown(&copy, offset, &args);
        assert_eq!((got, &v["verdict"]), (code, &json!(verdict)), "{}\n{text}", path.display());
    }
    let cut = damaged.join("v13-truncated-60pct/changed/rs_plain.wt");
    let copy = private.path().join("t.wt");
    std::fs::write(&copy, std::fs::read(cut).unwrap()).unwrap();
    refused(&copy, &["--offset", "1400832"], 2, &["past the end of"]);
}
