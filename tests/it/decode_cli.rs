//! `wtcheck decode` on the samples of an engine, on its inputs, and on garbage.

use crate::common;
use assert_cmd::Command;
use proptest::prelude::*;
use serde_json::Value;
use wtcheck::decode::bytes::Show;
use wtcheck::decode::view::{Addresses, View};
use wtcheck::decode::{self, block};
use wtcheck::format::crc::{crc32c, crc32c_zeroed};
use wtcheck::format::image::Era;
use wtcheck::report;
use wtcheck::report::text::Paint;

const LEAF: &str = "00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c";
const LEAF_SHORT: &str = "00000000000000000500000000000000530000000600000007040001db01012c64e787960000000000000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c";
const LEAF_DELTA: &str = "00000000000000000600000000000000470000000400000007000000dd01012c3e0079dff56b071c01000000156170706c658c08a0808600677265656e1d61707269636f740701";
const ROOT: &str = "000000000000000005000000000000004e0000000400000006200001db01012c4bee285200000000010000000500308c00c026809494c013f56b071c0d636174308c00c027809595c1c00df0feca";
const ROOT_DELTA: &str = "00000000000000000700000000000000470000000400000006000000dd01012c357daac84bee2852010000000d636174d0800d646f67380a90908c00c028809a9ac0ec04030201";
const KEY_V1: &str = "7774636801011000100000003a618c83deadbeefdeadbeefdeadbeefdeadbeef";
const KEY_V2: &str = "777463680201180010000000bdd088d601000000549ce269deadbeefdeadbeefdeadbeefdeadbeef";
const TURTLE: &str = "version=2,compatible_version=1,\ncheckpoint=(WiredTigerCheckpoint.1=(addr=\"00c025808282bd21596019\",order=1,time=1766470626,size=101,newest_start_durable_ts=0,oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,write_gen=3,run_write_gen=1,next_page_id=102)),\ntimestamp=c0ffee12,\noldest_timestamp=c0ffee12,\nlargest_file_id=17,\nkey_provider=(page.1=(page_id=1,lsn=123),version=1)";
const COMPLETION: &str =
    "metadata_lsn=124,metadata_checksum=33233555,database_size=1048677,version=2,compatible_version=2";
const CLASSIC: &str = "018e81e4f7dc19e29081e47bcef2b99281e470c9eed09181e4219ad4aee3011fc0cfc0";

fn run(args: &[&str], stdin: &[u8]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_wtcheck")).arg("decode").args(args).write_stdin(stdin).output().unwrap();
    let code = out.status.code().unwrap();
    assert_ne!(code, 70, "{args:?}");
    (code, String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

/// The JSON of a decode, and its exit code.
fn json(args: &[&str]) -> (i32, Value) {
    let mut all = args.to_vec();
    all.extend(["--format", "json"]);
    let (code, stdout, stderr) = run(&all, b"");
    assert_eq!(stderr, "", "{args:?}");
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&value["schema_version"], &value["kind"]), (&1.into(), &args[0].into()));
    (code, value)
}

/// The same call as a table: same exit code, and these words in it.
fn table(args: &[&str], want_code: i32, want: &[&str]) -> String {
    let (code, stdout, stderr) = run(args, b"");
    assert_eq!((code, stderr.as_str()), (want_code, ""), "{args:?}\n{stdout}");
    for w in want {
        assert!(stdout.contains(w), "{w:?} is not in\n{stdout}");
    }
    stdout
}

/// A usage error: one line on stderr, nothing on stdout.
fn refused(args: &[&str], want_code: i32, want: &str) {
    let (code, stdout, stderr) = run(args, b"");
    assert_eq!((code, stdout.as_str()), (want_code, ""), "{args:?}");
    assert!(stderr.contains(want) && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn cookies_of_14_2() {
    for (hex, page, lsn, base, size, sum) in [
        ("00c025808282bd21596019", 101, 2_u64, 0, 61, "19605921"),
        ("00c025808484bd3d981d30", 101, 4, 0, 61, "301d983d"),
        ("00c025808484bd1dbd547c", 101, 4, 0, 61, "7c54bd1d"),
        (
            "00e311fbdc80e869e29c5affffe200e869e29c5affffe200c081e7fcf957",
            1_186_844,
            7_629_832_633_374_999_104,
            0,
            193,
            "57f9fce7",
        ),
        ("00c09880e869252cb0ffffdfc5e869252cb0ffffdfc5c00a5d4a4c25", 216, 7_576_511_086_841_561_093, 0, 74, "254c4a5d"),
        ("00d05281c3dab2d34844332211", 4242, 1050, 1000, 5000, "11223344"),
        ("00c02680c00dc00dc1c0efbeadde", 102, 77, 0, 512, "deadbeef"),
        ("00c026809494c013f56b071c", 102, 20, 0, 83, "1c076bf5"),
        ("00c026819985c05a3e0079df", 102, 25, 20, 154, "df79003e"),
        ("00c025819e88c055357daac8", 101, 30, 22, 149, "c8aa7d35"),
    ] {
        let (code, v) = json(&["cookie", hex]);
        let c = &v["cookies"][0]["cookie"];
        assert_eq!(code, 0);
        assert_eq!(v["cookies"][0]["input"], hex);
        assert_eq!((&c["layout"], &c["page_id"], &c["lsn"]), (&"v0".into(), &page.into(), &lsn.into()));
        assert_eq!((&c["base_lsn"], &c["size"], &c["checksum"]), (&base.into(), &size.into(), &sum.into()));
        assert_eq!(c["notes"], serde_json::json!([]));
        table(&["cookie", hex], 0, &["v0", sum, &format!("[{page}, 0x{}, {lsn}", u8::from(base != 0))]);
    }
    let production = "00e311fbdc80e869e29c5affffe200e869e29c5affffe200c081e7fcf957";
    table(&["cookie", production], 0, &["2026-04-17 20:47:23 UTC, counter 576"]);
}

#[test]
fn negative_and_forward_cookies_of_14_2() {
    for (hex, want, class) in [
        ("00c02680c00dc00dc1c0efbeadde85", 1, "EINVAL"),
        ("11c02680c00dc00dc1c0efbeadde", 3, "ENOTSUP"),
        ("00c02680c00dc00d8001020304", 1, "EINVAL"),
        ("008080c00dc00d8501020304", 1, "EINVAL"),
        ("00c02680c00dc00e8501020304", 1, "EINVAL"),
        ("00c02680c00dc00dc1c0efbead", 1, "EINVAL"),
        ("", 1, "EINVAL"),
        ("00", 1, "EINVAL"),
        ("80808080", 1, "EINVAL"),
    ] {
        let (code, v) = json(&["cookie", hex]);
        assert_eq!((code, &v["cookies"][0]["problems"][0]["class"]), (want, &class.into()), "{hex}");
        table(&["cookie", hex], want, &[class]);
    }
    table(&["cookie", "01c02680c00dc00dc1c0efbeadde85"], 0, &["1 bytes after", "version 1"]);
    table(&["cookie", "00c02682c00dc00d850102030489"], 0, &["unknown flags 0x2", "1 bytes after"]);
    table(&["cookie", "00c026809485bd21596019"], 0, &["delta flag 0 and base LSN"]);
    table(&["cookie", "00e20000c0808282bd21596019"], 0, &["canonical"]);
}

#[test]
fn older_and_classic_cookies() {
    for (hex, layout, page) in [
        ("87c1c0e4dead9eaf", "L1", 7),
        ("c0268481c1c0e4dead9eaf", "L2", 102),
        ("c026c00d8481c1c0e4dead9eaf", "L3", 102),
    ] {
        let (code, v) = json(&["cookie", hex]);
        let c = &v["cookies"][0]["cookie"];
        assert_eq!((code, &c["layout"], &c["page_id"]), (0, &layout.into(), &page.into()));
        assert_eq!((&c["size"], &c["checksum"], &c["base_lsn"]), (&512.into(), &"deadbeef".into(), &Value::Null));
        table(&["cookie", hex], 0, &[layout, "deadbeef"]);
    }
    table(&["cookie", "808080808080"], 0, &["no address"]);
    table(&["cookie", "8e81e4f7dc19e2", "--classic", "4096"], 0, &["61,440", "f7dc3a22"]);
    let (_, v) = json(&["cookie", "8e81e4f7dc19e2", "--classic", "0x1000"]);
    assert_eq!(v["cookies"][0]["cookie"], serde_json::json!({"offset": 61440, "size": 4096, "checksum": "f7dc3a22"}));
    table(&["cookie", "808080", "--classic", "4096"], 0, &["no block"]);
}

#[test]
fn several_cookies_and_spellings_of_hex() {
    let (code, v) = json(&["cookie", "0x00 0xc0 25:80-82 82bd 0x21596019", "00", "11c02680c00dc00dc1c0efbeadde"]);
    assert_eq!((code, v["cookies"].as_array().unwrap().len()), (1, 3));
    assert_eq!(v["cookies"][0]["cookie"]["checksum"], "19605921");
    // Too new alone is refused; damage beside it is damage.
    assert_eq!(json(&["cookie", "00c025808282bd21596019", "11c02680c00dc00dc1c0efbeadde"]).0, 3);
}

#[test]
fn files_and_standard_input() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw");
    let text = dir.path().join("text");
    std::fs::write(&raw, hex::decode(LEAF).unwrap()).unwrap();
    std::fs::write(&text, format!("{}\n{}\n", &LEAF[..80], &LEAF[80..])).unwrap();
    for path in [&raw, &text] {
        table(&["page", &format!("@{}", path.display())], 0, &["1c076bf5", "holds"]);
    }
    for input in [hex::decode(LEAF).unwrap(), LEAF.as_bytes().to_vec()] {
        let (code, stdout, _) = run(&["page", "-"], &input);
        assert!(code == 0 && stdout.contains("1c076bf5"), "{stdout}");
    }
    let (code, stdout, _) = run(&["turtle", "-"], TURTLE.as_bytes());
    assert!(code == 0 && stdout.contains("33233555"));
    // Without the @, too, where the word is not the piece itself.
    let turtle = dir.path().join("turtle.txt");
    std::fs::write(&turtle, TURTLE).unwrap();
    table(&["turtle", turtle.to_str().unwrap()], 0, &["33233555"]);
    table(&["page", raw.to_str().unwrap()], 0, &["1c076bf5"]);
    let in_dir = |args: &[&str]| {
        let out =
            Command::new(env!("CARGO_BIN_EXE_wtcheck")).arg("decode").args(args).current_dir(&dir).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
    };
    let cookie = "00c025808282bd21596019";
    std::fs::write(dir.path().join(cookie), "ff").unwrap();
    assert_eq!(in_dir(&["cookie", cookie]), in_dir(&["cookie", &format!("0x{cookie}")]), "the piece itself is no file");
    assert_ne!(in_dir(&["cookie", cookie]), in_dir(&["cookie", &format!("@{cookie}")]));
    refused(&["turtle", "no/such.turtle"], 2, "no/such.turtle: no such file");
    refused(&["page", "no/such.page"], 2, "a file that exists");
    let home = common::fixture("local/mongo/WiredTiger.turtle");
    table(&["turtle", home.to_str().unwrap()], 1, &["the WiredTiger.turtle of a home", "wtcheck audit HOME"]);
    refused(&["page", "@/no/such/file"], 6, "/no/such/file");
    refused(&["page", &format!("@{}", dir.path().display())], 6, "directory");
    let huge = std::fs::File::create(&raw).unwrap();
    huge.set_len(513 << 20).unwrap();
    refused(&["page", &format!("@{}", raw.display())], 2, "more than 512 MiB");
    refused(&["turtle", &format!("@{}", raw.display())], 2, "more than 16 MiB");
}

#[test]
fn bad_hex_is_a_usage_error() {
    for kind in ["cookie", "checkpoint", "keystore", "page", "cell"] {
        refused(&[kind, "0"], 2, "an odd number");
        refused(&[kind, "00c"], 2, "an odd number");
        refused(&[kind, "xyz"], 2, "'x' is not a hexadecimal digit");
        refused(&[kind, "00\u{1b}[2J"], 2, "'\\u{1b}'");
    }
    refused(&["turtle", "--hex", "zz"], 2, "not a hexadecimal digit");
    let (code, stdout, _) = run(&["cookie", "0", "--format", "json"], b"");
    let v: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &v["exit_code"]), (2, &2.into()));
    assert_eq!(run(&["cookie"], b"").0, 2);
    assert_eq!(run(&["cookie", "00", "--classic", "4095"], b"").0, 2);
    assert_eq!(run(&["cell", "00", "--page-flags", "256"], b"").0, 2);
    assert_eq!(run(&["page", "00", "--compressor", "lzma"], b"").0, 2);
}

#[test]
fn checkpoints() {
    let (code, v) = json(&["checkpoint", CLASSIC]);
    let c = &v["checkpoint"];
    assert_eq!((code, &v["form"], &c["file_size"]), (0, &"classic".into(), &81920.into()));
    assert_eq!((&c["checkpoint_size"], &c["root"]["checksum"]), (&4096.into(), &"f7dc3a22".into()));
    assert_eq!((&c["avail"]["offset"], &c["discard"]["offset"]), (&77824.into(), &73728.into()));
    table(&["checkpoint", CLASSIC], 0, &["81,920", "[offset 61440, size 4096, 0xf7dc3a22]", "8192"]);
    for root in ["00c025808282bd21596019", "c026c00d8481c1c0e4dead9eaf"] {
        let (code, v) = json(&["checkpoint", root]);
        assert_eq!((code, &v["form"]), (0, &"disaggregated".into()));
        table(&["checkpoint", root], 0, &["address cookie of the root"]);
    }
    table(&["checkpoint", ""], 0, &["empty"]);
    table(&["checkpoint", "018e"], 1, &["EINVAL: root"]);
    table(&["checkpoint", "00c0"], 1, &["EINVAL: address cookie of a root"]);
    table(&["checkpoint", "42"], 3, &["ENOTSUP: checkpoint cookie version 66"]);
}

#[test]
fn completions() {
    let (code, v) = json(&["completion", COMPLETION]);
    assert_eq!((code, &v["metadata_lsn"], &v["metadata_checksum"]), (0, &124.into(), &"33233555".into()));
    assert_eq!((&v["database_size"], &v["pick_up"]), (&1_048_677.into(), &"ok".into()));
    assert_eq!((&v["stable_values"], &v["defaulted"]), (&"plain".into(), &serde_json::json!([])));
    table(&["completion", COMPLETION], 0, &["124", "33233555", "ok"]);
    table(&["completion", &hex::encode(COMPLETION), "--hex"], 0, &["33233555"]);
    let (code, v) = json(&["completion", "metadata_lsn=7,extra=(a=1)"]);
    assert_eq!((code, &v["pick_up"], &v["version"]), (0, &"WT_NOTFOUND".into(), &1.into()));
    assert_eq!((&v["unknown"][0]["key"], &v["unknown"][0]["kind"]), (&"extra".into(), &"struct".into()));
    for (text, want, class) in [
        ("", 1, "WT_NOTFOUND"),
        ("metadata_checksum=1", 1, "WT_NOTFOUND"),
        ("metadata_lsn=1,metadata_checksum=100000000", 1, "EINVAL"),
        ("metadata_lsn=1,metadata_checksum=xyz", 1, "EINVAL"),
        ("metadata_lsn=1,version=3,compatible_version=3", 3, "ENOTSUP"),
        ("metadata_lsn=1,version=1,compatible_version=2", 1, "EINVAL"),
        ("metadata_lsn=(", 1, "EINVAL"),
    ] {
        let (code, v) = json(&["completion", text]);
        assert_eq!((code, &v["pick_up"]), (want, &class.into()), "{text}");
        table(&["completion", text], want, &[class]);
    }
}

/// The output of `wt turtle`, of today and of June 2026, as text and in the JSON of its own document.
#[test]
fn what_wt_turtle_prints() {
    let of_today = |sum: &str, expected: &str| {
        format!(
            "{COMPLETION}\n\n=== turtle page (table_id=2, page_id=1, requested_lsn=124) ===\n\
             checksum=0x{sum} (expected=0x{expected})\n{TURTLE}\n"
        )
    };
    let of_june = format!(
        "=== turtle ===\nlsn=126\nmetadata_lsn=124\nmetadata_checksum=0x33233555\ndatabase_size=1048677\n\
         version=<missing>\ncompatible_version=<missing>\n\n\
         === metadata page (table_id=2, page_id=1, requested_lsn=124) ===\nchecksum=OK\n{TURTLE}\n"
    );
    let right = of_today("33233555", "33233555");
    for text in [right.as_str(), &right.replace(&format!("{COMPLETION}\n"), ""), &of_june] {
        let (code, v) = json(&["turtle", text]);
        assert_eq!((code, &v["crc32c"], &v["largest_file_id"]), (0, &"33233555".into(), &17.into()), "{text}");
        let printed = &v["wt_turtle"];
        assert_eq!((&printed["table_id"], &printed["page_id"]), (&2.into(), &1.into()));
        assert_eq!((&printed["requested_lsn"], &printed["page"]), (&124.into(), &TURTLE.into()));
        table(&["turtle", text], 0, &["requested LSN", "124", "[101, 0x0, 2, 0, 61, 0x19605921]"]);
        // What it is as JSON says the same again.
        let again = json(&["turtle", &v.to_string()]);
        assert_eq!(again, (0, v.clone()));
    }
    let (_, v) = json(&["turtle", &right]);
    assert_eq!(v["wt_turtle"]["completion"]["database_size"], 1_048_677);
    table(&["turtle", &right], 0, &["as the completion record states", "1,048,677"]);
    let (code, v) = json(&["turtle", &of_june.replace("metadata_checksum=0x33233555", "metadata_checksum=0x00000001")]);
    assert_eq!((code, &v["problems"][0]["class"]), (1, &"EIO".into()));
    table(&["turtle", &of_today("33233555", "00000001")], 1, &["EIO", "names 00000001"]);
    table(&["turtle", &of_today("00000001", "33233555")], 0, &["00000001 was printed"]);
    // The page has a line feed of its own: that one stays.
    let sum = format!("{:08x}", crc32c(format!("{TURTLE}\n").as_bytes()));
    let own = of_today(&sum, &sum).replace(COMPLETION, "metadata_lsn=124");
    assert_eq!(json(&["turtle", &own]).1["crc32c"], sum.as_str());
    for hostile in
        ["=== turtle page (", "{}", "{\"page\":7}", "{\"page\":\"\"}", "=== metadata page (=,=) ===\nchecksum=\n"]
    {
        assert_eq!(json(&["turtle", hostile]).0, 1, "{hostile}");
    }
}

#[test]
fn turtles_of_14_5() {
    let (code, v) = json(&["turtle", TURTLE]);
    let c = &v["checkpoints"][0];
    assert_eq!((code, &v["form"], &v["crc32c"]), (0, &"v2".into(), &"33233555".into()));
    assert_eq!((&v["timestamp"]["hex"], &v["largest_file_id"]), (&"c0ffee12".into(), &17.into()));
    assert_eq!((&c["root"]["page_id"], &c["size"], &c["newest_stop_ts"]), (&101.into(), &101.into(), &Value::Null));
    assert_eq!((&v["key_provider"]["lsn"], &c["next_page_id"]), (&123.into(), &102.into()));
    let text = table(&["turtle", TURTLE], 0, &["33233555", "v2", "[101, 0x0, 2, 0, 61, 0x19605921]", "LSN 123"]);
    assert!(text.contains("2025-12-23 06:17:06 UTC"));
    table(&["turtle", &format!("{TURTLE}\n")], 0, &["without it the crc32c is 33233555"]);
    let legacy = "(WiredTigerCheckpoint.1=(addr=\"00c025808282bd21596019\",order=1,time=1766470626))\ntimestamp=";
    for (text, want, has) in [
        ("version=1,checkpoint=(),timestamp=c0ffee12,".to_string(), 1, "EINVAL"),
        ("compatible_version=1,checkpoint=(),timestamp=c0ffee12,".into(), 1, "EINVAL"),
        ("version=1,compatible_version=999,checkpoint=(),timestamp=c0ffee12,".into(), 3, "ENOTSUP"),
        ("checkpoint=(),timestamp=c0ffee12,".into(), 0, "v1"),
        ("checkpoint=()".into(), 1, "EINVAL"),
        ("version=3,compatible_version=1,unknown_key=foo,checkpoint=(),timestamp=c0ffee12,".into(), 0, "unknown_key"),
        (format!("{legacy}c0ffee12"), 0, "legacy"),
        (format!("{legacy}zzzz"), 1, "EINVAL"),
        (legacy.to_string(), 1, "EINVAL"),
        (format!("{legacy}-1234"), 1, "EINVAL"),
        (format!("{legacy}{}", "1".repeat(30)), 1, "EINVAL"),
        (legacy.replace("timestamp", "timestomp") + "1", 1, "EINVAL"),
        (String::new(), 1, "EINVAL"),
        (TURTLE.replace("00c025808282bd21596019", "00c0"), 1, "EINVAL: WiredTigerCheckpoint.1"),
        (TURTLE.replace("oldest_timestamp=c0ffee12", "oldest_timestamp=69e2954c00000001"), 0, "2026"),
        (TURTLE.replace("page_id=1,", "page_id=123,"), 1, "EINVAL"),
        (TURTLE.replace("lsn=123", "lsn=aaa"), 1, "EINVAL"),
        (TURTLE.replace("),version=1)", "))"), 1, "EINVAL"),
        (TURTLE.replace("),version=1)", "),version=2)"), 1, "EINVAL"),
        (TURTLE.replace("(page.1=(page_id=1,lsn=123),version=1)", "invalid_format"), 1, "EINVAL"),
    ] {
        table(&["turtle", &text], want, &[has]);
        assert_eq!(json(&["turtle", &text]).0, want, "{text}");
    }
}

#[test]
fn configurations() {
    let (code, v) = json(&["config", "a=(b=1,b=\"x\",c=[d,e=true]),n=-5,secretkey=hush,k"]);
    assert_eq!(code, 0);
    let entries = serde_json::json!([
        {"key": "a", "kind": "struct", "value": [
            {"key": "b", "kind": "number", "value": "1"},
            {"key": "b", "kind": "string", "value": "x"},
            {"key": "c", "kind": "struct", "value": [
                {"key": "d", "kind": "bool", "value": "true"},
                {"key": "e", "kind": "bool", "value": "true"},
            ]},
        ]},
        {"key": "n", "kind": "number", "value": "-5"},
        {"key": "secretkey", "kind": "id", "value": "(hidden)"},
        {"key": "k", "kind": "bool", "value": "true"},
    ]);
    assert_eq!(v["entries"], entries);
    table(&["config", "a=(b=(c=d))"], 0, &["│     c "]);
    table(&["config", ""], 0, &[]);
    table(&["config", "a=(b"], 1, &["EINVAL"]);
    table(&["config", &format!("a={}", "(".repeat(5000))], 1, &["EINVAL"]);
    table(&["config", &format!("a={}{}", "(".repeat(64), ")".repeat(64))], 0, &[]);
    let hostile = table(&["config", "a=\"\u{1b}[2J\u{202e}\""], 0, &["\\u{1b}[2J\\u{202e}"]);
    assert!(!hostile.contains('\u{1b}'));
}

#[test]
fn key_pages_of_14_4() {
    for (hex, layout, sum) in [(KEY_V1, "v1", "838c613a"), (KEY_V2, "v2", "d688d0bd")] {
        let (code, v) = json(&["keystore", hex]);
        assert_eq!((code, &v["layout"], &v["checksum"]), (0, &layout.into(), &sum.into()));
        assert_eq!((&v["payload_bytes"], &v["checksum_ok"]), (&16.into(), &true.into()));
        let text = table(&["keystore", hex], 0, &[layout, sum, "16 bytes"]);
        assert!(!text.contains("deadbeef") && !v.to_string().contains("deadbeef"));
    }
    table(&["keystore", KEY_V2], 0, &["69e29c5400000001", "2026-04-17 20:47:16 UTC"]);
    table(&["keystore", &KEY_V1.replace("deadbeef", "deadbeee")], 1, &["EIO"]);
    table(&["keystore", ""], 1, &["EIO"]);
}

#[test]
fn page_images_of_14_3() {
    for (hex, form, sum, cells) in [
        (LEAF, "base", "1c076bf5", 6),
        (LEAF_SHORT, "base", "9687e764", 6),
        (LEAF_DELTA, "delta", "df79003e", 4),
        (ROOT, "base", "5228ee4b", 4),
        (ROOT_DELTA, "delta", "c8aa7d35", 4),
    ] {
        let (code, v) = json(&["page", hex]);
        assert_eq!((code, &v["problems"]), (0, &serde_json::json!([])));
        assert_eq!((&v["form"], &v["era"], &v["cells_total"]), (&form.into(), &"current".into(), &cells.into()));
        assert_eq!((&v["checksum"]["stored"], &v["checksum"]["holds"]), (&sum.into(), &true.into()));
        table(&["page", hex], 0, &[sum, "holds"]);
    }
    let (_, v) = json(&["page", ROOT]);
    assert_eq!(v["cells"][1]["kind"], "address-leaf-no-overflow");
    assert_eq!(v["cells"][1]["cookie"]["page_id"], 102);
    let (_, v) = json(&["page", ROOT_DELTA]);
    let actions: Vec<_> = v["cells"].as_array().unwrap().iter().map(|c| c["change"]["action"].clone()).collect();
    assert_eq!(actions, [Value::Null, "delete".into(), Value::Null, "update".into()]);
    assert_eq!(v["cells"][3]["times"]["durable_start_ts"], 32);
    let (_, v) = json(&["page", LEAF_DELTA, "--show", "hex"]);
    assert_eq!(v["cells"][1]["change"], serde_json::json!({"action": "update", "form": "Bu", "flags": 0}));
    assert_eq!((&v["cells"][1]["data"], &v["cells"][1]["times"]["start_ts"]), (&"677265656e".into(), &32.into()));
    assert_eq!(v["cells"][3]["change"]["action"], "delete");
}

#[test]
fn user_bytes_only_when_asked_for() {
    for format in ["table", "json", "jsonl", "yaml"] {
        let (_, stdout, _) = run(&["page", LEAF, "--format", format], b"");
        for secret in ["banana", "62616e616e61", "orange", "yel", "apple"] {
            assert!(!stdout.contains(secret), "{secret} in {stdout}");
        }
        let (_, stdout, _) = run(&["page", LEAF, "--format", format, "--show", "bson"], b"");
        assert!(stdout.contains("banana") && stdout.contains("apricot"), "{stdout}");
    }
    table(&["page", LEAF, "--show", "hex"], 0, &["62616e616e61"]);
    let redacted = table(&["page", LEAF, "--show", "redacted"], 0, &["xxxxxx"]);
    assert!(!redacted.contains("banana"));
    assert!(!table(&["cell", "1962616e616e61"], 0, &["key"]).contains("banana"));
    table(&["cell", "1962616e616e61", "--show", "bson"], 0, &["banana"]);
}

#[test]
fn payload_forms_of_14_7() {
    for (payload, form, flags, action, data) in [
        ("00677265656e", "Bu", 0, "update", "677265656e"),
        ("01", "Bu", 1, "delete", ""),
        ("85677265656e00", "uB", 0, "update", "677265656e"),
        ("8001", "uB", 1, "delete", ""),
    ] {
        let value = hex::decode(payload).unwrap();
        let mut cells = b"\x05k".to_vec();
        cells.push((value.len() as u8) << 2 | 3);
        cells.extend(value);
        let (code, v) = json(&["page", &delta(&cells), "--show", "hex"]);
        assert_eq!((code, &v["problems"]), (0, &serde_json::json!([])), "{payload}");
        let cell = &v["cells"][1];
        assert_eq!(cell["change"], serde_json::json!({"action": action, "form": form, "flags": flags}));
        assert_eq!(cell["data"], data);
    }
    table(&["page", &delta(b"\x05k\x0b\x85g")], 1, &["EINVAL"]);
}

/// A leaf delta around two cells, checksum and all.
fn delta(cells: &[u8]) -> String {
    let mut image = hex::decode(LEAF_DELTA).unwrap();
    image.truncate(44);
    image.extend(cells);
    image[16] = image.len() as u8;
    image[20] = 2;
    let sum = crc32c_zeroed(&image, 32);
    image[32..36].copy_from_slice(&sum.to_le_bytes());
    hex::encode(image)
}

#[test]
fn compressed_pages() {
    use wtcheck::format::compress::Compressor;
    use wtcheck::format::image::{NewImage, build};
    use wtcheck::format::page_header::PageHeader;
    use wtcheck::format::reader::Reader;
    let page = PageHeader::read(&mut Reader::new(&hex::decode(LEAF).unwrap())).unwrap();
    let mut cells = Vec::new();
    wtcheck::page::cell::write_key(&mut cells, 0, b"key");
    wtcheck::page::cell::write_value(&mut cells, &wtcheck::page::cell::Times::EMPTY, &[7; 5000]);
    for name in ["snappy", "zlib", "zstd", "lz4"] {
        let compressor = Compressor::from_name(name);
        let page = PageHeader { entries: 2, ..page };
        let (bytes, _) = build(&NewImage { compressor, ..NewImage::new(page) }, &cells);
        for extra in [&[][..], &["--compressor", name]] {
            let hex = hex::encode(&bytes);
            let args: Vec<&str> = ["page", &hex].into_iter().chain(extra.iter().copied()).collect();
            let (code, v) = json(&args);
            assert_eq!((code, &v["content"], &v["compressor"]), (0, &"compressed".into(), &name.into()));
            assert_eq!(v["cells"][1]["length"], 5000);
        }
        let other = if name == "zlib" { "lz4" } else { "zlib" };
        assert_eq!(json(&["page", &hex::encode(&bytes), "--compressor", other]).0, 1);
    }
}

#[test]
fn damaged_pages() {
    let mut image = hex::decode(LEAF).unwrap();
    image[82] ^= 0x10;
    let (code, v) = json(&["page", &hex::encode(&image)]);
    assert_eq!((code, &v["checksum"]["flipped_bit"]), (1, &serde_json::json!({"byte": 82, "bit": 4})));
    assert_eq!((&v["problems"][0]["class"], &v["cells_total"]), (&"EIO".into(), &6.into()));
    table(&["page", &hex::encode(&image)], 1, &["WRONG", "byte 82, bit 4"]);
    // Newer than this reader, with a checksum that holds.
    let mut image = hex::decode(LEAF).unwrap();
    image[30] = 2;
    let sum = crc32c_zeroed(&image, 32);
    image[32..36].copy_from_slice(&sum.to_le_bytes());
    table(&["page", &hex::encode(&image)], 3, &["ENOTSUP"]);
    // Sizes beyond all reason.
    let mut image = hex::decode(LEAF).unwrap();
    image[16..24].fill(0xff);
    table(&["page", &hex::encode(&image)], 1, &["mem_size 4294967295"]);
    image[25] |= 1;
    table(&["page", &hex::encode(&image)], 1, &["EIO"]);
    for input in ["", "00", &LEAF[..40], &"ff".repeat(100), &"00".repeat(4096)] {
        let (code, _) = json(&["page", input]);
        assert_eq!(code, 1, "{input}");
        table(&["page", input], 1, &["EINVAL"]);
    }
    table(&["page", &"db".repeat(64)], 1, &["EIO", "ENOTSUP"]);
    table(&["cell", ""], 1, &["EINVAL"]);
    table(&["cell", "80e8ffffffffffffdfbf"], 1, &["EINVAL"]);
    table(&["cell", "30e8ffffffffffffdfbf"], 1, &["EINVAL"]);
}

#[test]
fn cells() {
    let (code, v) = json(&["cell", "308c00c026809494c013f56b071c0d6361748c0890808178"]);
    assert_eq!((code, &v["cells_total"], &v["problems"]), (0, &3.into(), &serde_json::json!([])));
    assert_eq!(v["cells"][0]["cookie"]["checksum"], "1c076bf5");
    assert_eq!(v["cells"][2]["times"]["start_ts"], 16);
    assert_eq!(v["cells"][1].get("data"), None);
    // Fast-truncate information is there only on pages that say so.
    let deleted = "008590a0b0878e81e4f7dc19e2";
    let fast = "0085a0b0878e81e4f7dc19e2";
    table(&["cell", fast, "--page-flags", "0x20", "--classic", "4096"], 0, &["truncated by txn 5", "61440"]);
    assert_eq!(json(&["cell", deleted, "--classic", "4096"]).0, 1);
    table(&["cell", "30820001"], 1, &["EINVAL", "address-leaf-no-overflow cell at offset 0"]);
}

/// A block of a classic file around `data`, which says its own size.
fn classic(page_type: u8, entries: u32, data: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 16];
    block.extend((40 + data.len() as u32).to_le_bytes());
    block.extend(entries.to_le_bytes());
    block.extend([page_type, 0, 0, 1]);
    block.extend(4096_u32.to_le_bytes());
    block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    block.extend(data);
    block.extend(behind);
    block.resize(4096, 0);
    let sum = crc32c_zeroed(&block, 32);
    block[32..36].copy_from_slice(&sum.to_le_bytes());
    block
}

#[test]
fn blocks_of_classic_files() {
    let leaf = classic(7, 2, b"\x05k\x0ftop", b"");
    let (code, v) = json(&["page", &hex::encode(&leaf)]);
    assert_eq!((code, &v["form"], &v["cells_total"]), (0, &"classic".into(), &2.into()));
    let list = hex::decode("e2f51a80e26fc0cfc0e2cfc0cfc08080").unwrap();
    let block = classic(1, 16, &list, b"");
    let (code, v) = json(&["page", &hex::encode(&block)]);
    assert_eq!((code, &v["extents"]["total"], &v["extents"]["bytes"]), (0, &2.into(), &8192.into()));
    assert_eq!(v["extents"]["extents"][0], serde_json::json!({"offset": 36864, "size": 4096}));
    table(&["page", &hex::encode(&block)], 0, &["36,864", "61,440", "holds"]);
    table(&["page", &hex::encode(&block), "--alloc", "8192"], 1, &["allocation size 8192"]);
    table(&["page", &hex::encode(&leaf[..100])], 1, &["EIO", "100 bytes given, for a block of 4096"]);
    table(&["page", &hex::encode(classic(7, 2, b"\x05k\x0ftop", b"x"))], 1, &["non-zero bytes after"]);
    table(&["page", &hex::encode(classic(6, 2, b"\x05k\x30\x87\x8e\x81\xe4\xf7\xdc\x19\xe2", b""))], 0, &["61440"]);
    let item = hex::encode(classic(5, 3, b"abc", b""));
    table(&["page", &item, "--show", "bson"], 0, &["abc"]);
    assert!(!table(&["page", &item], 0, &["item bytes"]).contains("abc"));
}

#[test]
fn every_image_of_a_sound_store_decodes() {
    let home = common::real("palite/2025-11-clean/kv_home");
    let mut count = 0;
    for entry in std::fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        // Table 1 is the turtle page in this store.
        if !name.starts_with("pages_") || name == "pages_000001.db" || !name.ends_with(".db") {
            continue;
        }
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
        let uri = format!("file:{}?immutable=1", path.display());
        let db = rusqlite::Connection::open_with_flags(uri, flags).unwrap();
        let mut rows = db.prepare("SELECT page_data FROM pages WHERE length(page_data) > 0").unwrap();
        let images: Vec<Vec<u8>> = rows.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        for image in images {
            let shown = block::block(&image, &View::default());
            assert_eq!(shown.problems, [], "{name}: {}", hex::encode(&image[..image.len().min(64)]));
            count += 1;
        }
    }
    assert!(count > 0);
}

/// Every library function on the same bytes; none may panic, and all must print.
fn everything(bytes: &[u8], flags: u8) {
    let paint = Paint { on: false };
    let views = [
        View { show: Show::Bson, ..View::default() },
        View { show: Show::Hex, era: Some(Era::June2025), all: true, ..View::default() },
        View { era: Some(Era::Current), ..View::default() },
    ];
    let input = [bytes.to_vec()];
    let mut documents = vec![
        decode::cookies(&input, Addresses::Disaggregated),
        decode::cookies(&input, Addresses::Classic(4096)),
        decode::checkpoint(bytes, 512),
        decode::completion(bytes),
        decode::turtle(bytes),
        decode::config(bytes),
        decode::keystore(bytes),
    ];
    for view in &views {
        documents.push(decode::page(bytes, view));
        documents.push(decode::cells(bytes, flags, Addresses::Disaggregated, view));
    }
    for d in documents {
        let _ = (d.worst(), report::decode::text(&d, Some(80), paint), report::decode::text(&d, None, paint));
        assert!(serde_json::to_string(&d).unwrap().starts_with('{'));
    }
    let classic = block::classic(bytes, &views[0]);
    let _ = report::block::text(&classic, None, paint);
}

/// A vector with some bytes overwritten.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let vectors = prop::sample::select(vec![LEAF, LEAF_DELTA, ROOT, ROOT_DELTA, KEY_V1, KEY_V2, CLASSIC]);
    (vectors, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(|(hex, edits)| {
        let mut bytes = hex::decode(hex).unwrap();
        for (at, b) in edits {
            let at = at.index(bytes.len());
            bytes[at] = b;
        }
        bytes
    })
}

/// Text with the characters that matter.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "(",
        ")",
        "[",
        "]",
        ",",
        "=",
        "\"",
        "\n",
        "checkpoint",
        "timestamp",
        "addr",
        "version",
        "metadata_lsn",
        "1",
        "-1",
        "ff",
        "\u{202e}",
        "\\",
        "key_provider",
        "(WiredTigerCheckpoint.",
        "order",
        "time",
        "file:",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|w| w.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), flags: u8) {
        everything(&bytes, flags);
    }

    #[test]
    fn damaged_vectors(bytes in damaged(), flags: u8) {
        everything(&bytes, flags);
    }

    #[test]
    fn random_texts(bytes in texts()) {
        everything(&bytes, 0);
    }
}
