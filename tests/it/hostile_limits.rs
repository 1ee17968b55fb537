//! Small files that would make a reader take all memory, or forever: the program ends, within limits, and says what is
//! wrong with them. Each runs with half a gigabyte of memory and twenty seconds.

use crate::common::{copy_dir, fixture, path};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

struct Ran {
    code: i32,
    text: String,
}

/// Run within the limits; it ends by itself, and memory was not what ended it.
fn limited(args: &[&str]) -> Ran {
    // Far above what may be taken, so that it is seen and does no harm: many an allocation that fails is only an error.
    let script = "ulimit -d 2097152; ulimit -t 20; ulimit -c 0; exec \"$0\" \"$@\"";
    let (mut printed, stdout) = (tempfile::tempfile().unwrap(), |file: &File| file.try_clone().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_wtcheck")]).args(args).arg("--no-progress").stdin(Stdio::null());
    let mut child = command.stdout(stdout(&printed)).stderr(stdout(&printed)).spawn().unwrap();
    let mut peak = 0_u64;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(most.unwrap_or(0));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    printed.rewind().unwrap();
    let mut text = Vec::new();
    printed.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let code = status.code().unwrap_or_else(|| panic!("{args:?}: {status}: {text}"));
    assert!(peak < 512 << 10, "{args:?}: {peak} KiB: {text}");
    assert!(code != 70 && !text.contains("out of memory") && !text.contains("memory allocation"), "{code}: {text}");
    Ran { code, text }
}

/// A store whose database `name` is made anew by `schema`, with the rows of the old one below the name `old`.
fn store(dir: &Path, name: &str, schema: &str) -> PathBuf {
    let home = dir.join("home");
    copy_dir(&fixture("palite/2026-07-leak-full"), &home);
    let at = home.join("kv_home").join(name);
    let old = dir.join("old.db");
    fs::rename(&at, &old).unwrap();
    let conn = Connection::open(&at).unwrap();
    conn.execute_batch("PRAGMA journal_mode=OFF; PRAGMA page_size=512").unwrap();
    conn.execute("ATTACH ?1 AS old", [path(&old)]).unwrap();
    conn.execute_batch(schema).unwrap();
    home
}

/// The shard with most rows.
const SHARD: &str = "pages_08.db";
const KEYS: &str = "table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL, backlink_lsn INTEGER, \
                    base_lsn INTEGER, flags INTEGER";
const COPY: &str = "INSERT INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags) \
                    SELECT table_id, page_id, lsn, backlink_lsn, base_lsn, flags FROM old.pages";

const VERBS: [&[&str]; 5] = [&["audit"], &["audit", "--deep"], &["map"], &["pickup", "replay"], &["repair", "plan"]];

fn is_told(home: &Path, words: &[&str]) {
    for verb in VERBS {
        let ran = limited(&[verb, &[path(home)]].concat());
        // A standby reads few of the tables.
        assert!(ran.code != 0 || verb[0] == "pickup", "{verb:?}: {}", ran.text);
        // A plan and a replay may stop at something else that is wrong because of it.
        if verb[0] == "audit" {
            assert!(words.iter().all(|w| ran.text.contains(w)), "{verb:?}: {}", ran.text);
        }
    }
    let out = home.parent().unwrap().join("export");
    let ran = limited(&["export", path(home), "--out", path(&out)]);
    assert!(ran.code != 0 || out.exists(), "{}", ran.text);
}

#[test]
fn computed_columns() {
    let big = "AS (zeroblob(1000000000))";
    for (name, schema, column) in [
        (SHARD, format!("CREATE TABLE pages ({KEYS}, page_data BLOB {big}, PRIMARY KEY (table_id, page_id, lsn)); {COPY}"), "page_data"),
        (SHARD, format!("CREATE TABLE pages ({KEYS}, page_data {big} STORED, PRIMARY KEY (table_id, page_id, lsn))"), "page_data"),
        (
            SHARD,
            "CREATE TABLE pages (table_id INTEGER, page_id INTEGER, lsn INTEGER, backlink_lsn AS (hex(zeroblob(9999999))), \
             page_data BLOB, PRIMARY KEY (table_id, page_id, lsn)); INSERT INTO pages SELECT table_id, page_id, lsn, page_data \
             FROM old.pages"
                .into(),
            "backlink_lsn",
        ),
        (
            "checkpoints.db",
            format!(
                "CREATE TABLE checkpoints (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB {big}, PRIMARY KEY (lsn, \
                 timestamp)); INSERT INTO checkpoints SELECT lsn, timestamp FROM old.checkpoints"
            ),
            "checkpoint_metadata",
        ),
        ("globals.db", format!("CREATE TABLE globals (id INTEGER, val {big}); INSERT INTO globals SELECT id FROM old.globals"), "val"),
        // A schema that answers for itself what its columns are.
        (
            SHARD,
            format!(
                "CREATE TABLE pages ({KEYS}, page_data BLOB {big}, PRIMARY KEY (table_id, page_id, lsn)); {COPY};
                 CREATE TABLE pragma_table_xinfo (name, hidden, pk); CREATE TABLE pragma_table_list (schema, name, type, wr);
                 INSERT INTO pragma_table_xinfo VALUES ('page_data', 0, 0), ('table_id', 0, 1);
                 INSERT INTO pragma_table_list VALUES ('main', 'pages', 'table', 0)"
            ),
            "page_data",
        ),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let home = store(temp.path(), name, &schema);
        is_told(&home, &["is not a page log's database", column, "is computed"]);
    }
}

#[test]
fn views_and_virtual_tables() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    for (name, schema, words) in [
        (
            SHARD,
            format!(
                "CREATE VIEW pages AS {endless} SELECT i AS table_id, i AS page_id, i AS lsn, i AS page_data FROM n"
            ),
            "no table pages",
        ),
        (SHARD, "CREATE VIRTUAL TABLE pages USING fts5 (table_id, page_id, lsn, page_data)".into(), "no table pages"),
        (
            "checkpoints.db",
            format!(
                "CREATE VIEW checkpoints AS {endless} SELECT i AS lsn, i AS timestamp, i AS checkpoint_metadata FROM n"
            ),
            "no table checkpoints",
        ),
        ("globals.db", format!("CREATE VIEW globals AS {endless} SELECT 1 AS id, i AS val FROM n"), "no table globals"),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let home = store(temp.path(), name, &schema);
        is_told(&home, &[words]);
    }
}

#[test]
fn a_hundred_thousand_objects() {
    for kind in ["TABLE o'||i||' (a)", "VIEW o'||i||' AS SELECT * FROM o'||(i-1)||'", "INDEX o'||i||' ON pages (lsn)"] {
        let temp = tempfile::tempdir().unwrap();
        let what = kind.split(' ').next().unwrap().to_lowercase();
        let page = if what == "view" { "0" } else { "2" };
        let schema = format!(
            "CREATE TABLE pages ({KEYS}, page_data BLOB, PRIMARY KEY (table_id, page_id, lsn)); PRAGMA writable_schema=1;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)
             INSERT INTO sqlite_master SELECT '{what}', 'o'||i, CASE '{what}' WHEN 'index' THEN 'pages' ELSE 'o'||i END,
             {page}, 'CREATE {kind}' FROM n"
        );
        let home = store(temp.path(), SHARD, &schema);
        // Tables that share a root are refused one step before.
        let ran = limited(&["audit", path(&home)]);
        assert!(ran.code != 0, "{}", ran.text);
        is_told(&home, &[SHARD]);
        if what == "view" {
            assert!(ran.text.contains("is not a page log's database: its schema has more than"), "{}", ran.text);
        }
    }
}

/// Let every branch of a table's tree lead to the next one, so that few pages hold more rows than can be read.
fn fold(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let kind = |n: usize| bytes[n * size + if n == 0 { 100 } else { 0 }];
    let count = bytes.len() / size;
    let branches: Vec<usize> = (1..count).filter(|n| kind(*n) == 5).take(15).collect();
    assert!(branches.len() == 15, "{} pages", branches.len());
    let leaf = (1..count).find(|n| kind(*n) == 13).unwrap();
    for (branch, below) in branches.iter().zip(branches.iter().skip(1).chain([&leaf])) {
        let at = branch * size;
        let number = u32::try_from(below + 1).unwrap().to_be_bytes();
        bytes[at + 8..at + 12].copy_from_slice(&number);
        for cell in 0..usize::from(u16::from_be_bytes([bytes[at + 3], bytes[at + 4]])) {
            let place = at + 12 + 2 * cell;
            let cell = at + usize::from(u16::from_be_bytes([bytes[place], bytes[place + 1]]));
            bytes[cell..cell + 4].copy_from_slice(&number);
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn trees_that_lead_to_the_same_pages_again() {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40000)";
    let rows = "INSERT INTO pages SELECT 1, i, i, 0, 0, 0, x'00' FROM n";
    for (name, schema) in [
        (SHARD, format!("CREATE TABLE pages ({KEYS}, page_data BLOB); {many} {rows}")),
        // Without a name for the rowid its order cannot be asked for.
        (
            SHARD,
            format!("CREATE TABLE pages ({KEYS}, page_data BLOB, rowid, oid, _rowid_); {many} {rows}, 0, 0, 0")
                .replace("x'00' FROM n, 0, 0, 0", "x'00', 0, 0, 0 FROM n"),
        ),
        (
            "checkpoints.db",
            format!(
                "CREATE TABLE checkpoints (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB);
                 {many} INSERT INTO checkpoints SELECT i, i, zeroblob(30) FROM n"
            ),
        ),
        (
            "globals.db",
            format!("CREATE TABLE globals (id INTEGER, val INTEGER); {many} INSERT INTO globals SELECT 1, i FROM n"),
        ),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let home = store(temp.path(), name, &schema);
        fold(&home.join("kv_home").join(name));
        is_told(&home, &[name]);
    }
}

#[test]
fn frames_far_behind_the_end() {
    // A write-ahead log says where its pages belong; a copy that is believed would be as long as that.
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    copy_dir(&fixture("palite/2026-07-leak-full"), &home);
    let at = home.join("kv_home").join(SHARD);
    let conn = Connection::open(&at).unwrap();
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; UPDATE pages SET timestamp_materialized_us = 7",
    )
    .unwrap();
    drop(conn);
    let wal = at.with_extension("db-wal");
    let mut bytes = fs::read(&wal).unwrap();
    let size = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    assert!(bytes.len() > 32 + 24 + size);
    let big = bytes[3] & 1 == 1;
    let word = |b: &[u8]| {
        if big { u32::from_be_bytes(b.try_into().unwrap()) } else { u32::from_le_bytes(b.try_into().unwrap()) }
    };
    let mut sums = [24, 28].map(|at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()));
    let frames = (bytes.len() - 32) / (24 + size);
    for frame in 0..frames {
        let from = 32 + frame * (24 + size);
        if frame + 1 == frames {
            // The last one commits: its page, and how long the database is then.
            bytes[from..from + 4].copy_from_slice(&0x7fff_fff0_u32.to_be_bytes());
            bytes[from + 4..from + 8].copy_from_slice(&0x7fff_fff1_u32.to_be_bytes());
        }
        let parts = [&bytes[from..from + 8], &bytes[from + 24..from + 24 + size]].concat();
        for pair in parts.chunks(8) {
            sums[0] = sums[0].wrapping_add(word(&pair[..4])).wrapping_add(sums[1]);
            sums[1] = sums[1].wrapping_add(word(&pair[4..])).wrapping_add(sums[0]);
        }
        for (n, sum) in sums.into_iter().enumerate() {
            bytes[from + 16 + 4 * n..from + 20 + 4 * n].copy_from_slice(&sum.to_be_bytes());
        }
    }
    fs::write(&wal, bytes).unwrap();
    is_told(&home, &[]);
}

// ---- Images ----

fn image(dir: &Path, window: Option<u32>, write: impl FnOnce(&mut dyn Write)) -> PathBuf {
    let at = dir.join("image");
    let mut encoder = zstd::Encoder::new(File::create(&at).unwrap(), 1).unwrap();
    if let Some(window) = window {
        encoder.window_log(window).unwrap();
    }
    write(&mut encoder);
    encoder.finish().unwrap();
    at
}

/// The beginning of a manifest that lists one file, as long as it may be; the rest of it is up to the caller.
const HEAD: &str = "{\"format\":2,\"tool\":\"0\",\"kind\":\"palite\",\"generation\":\"\",\"notes\":[],\"replaced\":{\"blocks\":0,\
                    \"keys\":0,\"values\":0,\"headers_only\":0},\"files\":[{\"name\":\"a\",\"bytes\":3}],\"left_out\":[],\"audits\":[";

/// A member that begins with `head`, goes on with `unit` again and again, and is `size` bytes long.
fn member(out: &mut dyn Write, kind: tar::EntryType, name: &str, (head, unit): (&str, &str), size: usize) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_cksum();
    out.write_all(header.as_bytes()).unwrap();
    out.write_all(head.as_bytes()).unwrap();
    let piece = unit.repeat((1 << 20) / unit.len());
    let mut left = size.next_multiple_of(512) - head.len();
    while left > 0 {
        let n = left.min(piece.len());
        out.write_all(&piece.as_bytes()[..n]).unwrap();
        left -= n;
    }
}

type Writes<'a> = Box<dyn Fn(&mut dyn Write) + 'a>;

#[test]
fn images() {
    use tar::EntryType::{GNULongName, Regular, XGlobalHeader, XHeader};
    const MANIFEST: &str = "manifest.json";
    const MIB: usize = 1 << 20;
    let whole = format!("{HEAD}]}}");
    let manifest = |out: &mut dyn Write| member(out, Regular, MANIFEST, (&whole, "\0"), whole.len());
    let long = |kind| move |out: &mut dyn Write| member(out, kind, "././@LongLink", ("", "a"), 1024 * MIB);
    let stuffed =
        |unit: &'static str, size| move |out: &mut dyn Write| member(out, Regular, MANIFEST, (HEAD, unit), size);
    let cases: [(&str, Option<u32>, Writes<'_>); 9] = [
        (
            "a long name",
            None,
            Box::new(|out| {
                manifest(out);
                long(GNULongName)(out)
            }),
        ),
        (
            "an extended header",
            None,
            Box::new(|out| {
                manifest(out);
                long(XHeader)(out)
            }),
        ),
        (
            "a global header",
            None,
            Box::new(|out| {
                manifest(out);
                long(XGlobalHeader)(out)
            }),
        ),
        ("a manifest of spaces", None, Box::new(stuffed(" ", 200 * MIB))),
        ("a manifest as long as is taken", None, Box::new(stuffed(" ", 64 * MIB))),
        ("a manifest of brackets", None, Box::new(stuffed("[", 60 * MIB))),
        ("a manifest of objects", None, Box::new(stuffed("{},", 60 * MIB))),
        (
            "a manifest of lists",
            None,
            Box::new(|out| {
                let head = format!(
                    "{HEAD}{{\"depth\":\"\",\"outcome\":{{\"verdict\":\"\",\"exit_code\":0}},\"findings\":[],\"facts\":[{{\"about\":{{\"thing\":\"store\"}},\"values\":{{\"\":[0"
                );
                member(out, Regular, MANIFEST, (&head, ",[]"), 8 * MIB);
            }),
        ),
        ("a wide window", Some(27), Box::new(stuffed(" ", 250 * MIB))),
    ];
    for (name, window, write) in cases {
        let temp = tempfile::tempdir().unwrap();
        let at = image(temp.path(), window, |out| write(out));
        assert!(fs::metadata(&at).unwrap().len() < 200 << 10, "{name}");
        let out = temp.path().join("out");
        let ran = limited(&["unpack", path(&at), path(&out)]);
        assert!(
            matches!(ran.code, 2..=6) && !ran.text.contains("unpack it first"),
            "{name}: {}: {}",
            ran.code,
            ran.text
        );
        assert!(!out.exists(), "{name}");
        // Whatever it is, asking what it is costs no more.
        limited(&["audit", path(&at)]);
    }
    let temp = tempfile::tempdir().unwrap();
    let at = image(temp.path(), None, |out| {
        manifest(out);
        member(out, Regular, "store/a", ("abc", "\0"), 3);
    });
    let ran = limited(&["unpack", path(&at), path(&temp.path().join("out"))]);
    assert!(temp.path().join("out/a").exists(), "the same without what is hostile: {}", ran.text);
}

// ---- Scenarios ----

#[test]
fn counts_in_scenarios() {
    let dir = fixture("scenarios");
    let run = |verb: &[&str], text: &str| {
        let temp = tempfile::tempdir().unwrap();
        let at = temp.path().join("scenario.yaml");
        fs::write(&at, text).unwrap();
        limited(&[verb, &[path(&at)]].concat())
    };
    for (file, verb) in [
        ("rapid_seal_burst.yaml", &["pickup", "run"][..]),
        ("new_leader.yaml", &["pickup", "run"]),
        ("accounting-leak.yaml", &["simulate", "accounting"]),
        ("accounting-compound.yaml", &["simulate", "accounting"]),
    ] {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        let text: String = text.lines().map(|l| l.split('#').next().unwrap().to_owned() + "\n").collect();
        // Every number of it, one after the other.
        let starts: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|m| m.0).collect();
        let starts = starts.into_iter().filter(|at| {
            let before = &text[..*at];
            before.ends_with([' ', '[']) && before.trim_end().ends_with([':', '[', ','])
        });
        let mut tried = 0;
        for at in starts {
            let end = at + text[at..].find(|c: char| !c.is_ascii_digit()).unwrap();
            for number in ["0", "4294967296", "9223372036854775807", "18446744073709551614", "18446744073709551615"] {
                let text = format!("{}{number}{}", &text[..at], &text[end..]);
                let ran = run(verb, &text);
                assert!(matches!(ran.code, 0..=2), "{file}: {}: {}\n{text}", ran.code, ran.text);
                tried += 1;
            }
        }
        assert!(tried > 20, "{file}: {tried}");
    }
    let text = fs::read_to_string(dir.join("rapid_seal_burst.yaml")).unwrap();
    for (old, new, words) in [
        ("times: 10", "times: 18446744073709551615", "events[2].times: more than 20000 events in all"),
        ("count: 100", "count: 18446744073709551615", "events[2].count: from 1 to 4294967296"),
        ("version: 2", "version: 18446744073709551615", "keystore.version: at most 4294967296"),
        ("policy: abort", "policy: abort\nretry: {budget: 4294967295}", "retry.budget: at most 1000000"),
    ] {
        let ran = run(&["pickup", "run"], &text.replacen(old, new, 1));
        assert!(ran.code == 2 && ran.text.contains(words), "{}: {}", ran.code, ran.text);
    }
    // Two that wrap together.
    let ran = run(
        &["pickup", "run"],
        &text.replacen(
            "times: 6}",
            "times: 6}\n  - {at: 9s, actor: node-0, do: seal, every: 1s, times: 18446744073709551612}",
            1,
        ),
    );
    assert!(ran.code == 2 && ran.text.contains("events in all"), "{}: {}", ran.code, ran.text);
}

#[test]
fn aliases_in_scenarios() {
    let temp = tempfile::tempdir().unwrap();
    let at = temp.path().join("scenario.yaml");
    let long = "x".repeat(1 << 20);
    let again = "*a, ".repeat(500_000);
    let few = "*a, ".repeat(3);
    for (text, code) in [
        (
            format!(
                "scenario: 1\nname: &a {long}\nprimary: p\nstandbys:\n  - {{name: s}}\npage_servers: [{again}]\nevents: []\n"
            ),
            2,
        ),
        (format!("kind: accounting\ntables: []\nsteps: []\nx: &a [{long}]\ny: [{again}]\n"), 2),
        (
            format!(
                "scenario: 1\nname: &a {long}\nprimary: p\nstandbys:\n  - {{name: s}}\npage_servers: [{few}]\nevents: []\n"
            ),
            2,
        ),
    ] {
        fs::write(&at, &text).unwrap();
        for verb in [["pickup", "run"], ["simulate", "accounting"]] {
            let ran = limited(&[verb[0], verb[1], path(&at)]);
            assert_eq!(ran.code, code, "{}", &ran.text[..ran.text.len().min(500)]);
        }
    }
    let mut laughs = String::from("scenario: 1\na0: &a0 [x, x]\n");
    for n in 1..40 {
        laughs.push_str(&format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1));
    }
    fs::write(&at, laughs).unwrap();
    assert_eq!(limited(&["pickup", "run", path(&at)]).code, 2);
}

// ---- What is no file ----

#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    for (name, from) in [
        ("kv_home/checkpoints.db", "palite/2026-07-leak-full"),
        ("kv_home/pages_08.db", "palite/2026-07-leak-full"),
        ("WiredTiger.turtle", "local/mongo"),
        ("WiredTiger", "local/mongo"),
        ("WiredTiger.wt", "local/mongo"),
        ("WiredTigerLog.0000000001", "local/mongo"),
        ("WiredTiger.basecfg", "local/mongo"),
        ("WiredTiger.backup", "local/mongo"),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        copy_dir(&fixture(from), &home);
        let at = home.join(name);
        let _ = fs::remove_file(&at);
        rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        for verb in ["audit", "map"] {
            let script = "exec timeout 20 \"$0\" \"$@\"";
            let out = Command::new("sh")
                .args(["-c", script, env!("CARGO_BIN_EXE_wtcheck"), verb, path(&home), "--no-progress"])
                .output()
                .unwrap();
            assert!(matches!(out.status.code(), Some(0..=6)), "{verb} {name}: {}", out.status);
        }
    }
}
