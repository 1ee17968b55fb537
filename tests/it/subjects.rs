//! What a path is: every kind of it, and that every verb answers with the same.

use crate::common;
use crate::common::{copy_dir, fixture, path, wtcheck};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use wtcheck::subject::{Archive, Kind, Missing, Packing, Special, Subject};

/// Paths of every kind.
struct Zoo(tempfile::TempDir);

impl Zoo {
    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let at = self.at(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, bytes).unwrap();
        at
    }

    fn copy(&self, from: &str, name: &str) -> PathBuf {
        copy_dir(&fixture(from), &self.at(name));
        self.at(name)
    }
}

fn run(args: &[&str], code: i32) -> (String, String) {
    let (found, stdout, stderr) = wtcheck(args);
    assert_eq!(found, code, "{args:?}: {stdout}{stderr}");
    (stdout, stderr)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar(dir: &Path) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    out.append_dir_all("home", dir).unwrap();
    out.into_inner().unwrap()
}

/// Two entries as a page service prints them.
const DUMP: &str = r#"{"page_id":100,"entries":[{"lsn":{"domain_id":1,"lsn":7594298019588079617},"entry_type":3,"metadata":{"flags":{"val":{"IntVal":0}}},"entry":[96,174],"previous_lsn":7594297998113243153}]}
{"page_id":101,"entries":[]}
"#;

fn palm_data() -> Vec<u8> {
    common::palm_data()
}

/// Add a page log to a home.
fn with_page_log(home: &Path) {
    fs::create_dir_all(home.join("kv_home")).unwrap();
    fs::write(home.join("kv_home/data.mdb"), palm_data()).unwrap();
}

fn per_db(zoo: &Zoo, name: &str) -> PathBuf {
    let home = zoo.copy("local/mongo", name);
    fs::create_dir(home.join("test")).unwrap();
    let file = "collection-0--7234567890123456789.wt";
    fs::copy(home.join(file), home.join("test").join(file)).unwrap();
    home
}

/// Every kind that is no store: a name, how it is made, the exit code of all verbs about stores, and what
/// they say: what it is, and what to do.
type Wrong = (&'static str, fn(&Zoo, &str) -> PathBuf, i32, &'static str, &'static str);

const WRONG: &[Wrong] = &[
    ("nothing", |z, n| z.at(n), 6, "does not exist", "give a home directory"),
    ("below-a-file", |z, n| z.write(n, "x").join("x"), 6, "part of the path is a file", "give a home directory"),
    (
        "dangling-link",
        |z, n| {
            symlink("nowhere", z.at(n)).unwrap();
            z.at(n)
        },
        6,
        "is a symbolic link to something that does not exist",
        "give a home directory",
    ),
    (
        "empty-directory",
        |z, n| {
            fs::create_dir(z.at(n)).unwrap();
            z.at(n)
        },
        6,
        "is an empty directory",
        "give a home directory",
    ),
    (
        "kv-home-empty-and-nothing-else",
        |z, n| {
            fs::create_dir_all(z.at(n).join("kv_home")).unwrap();
            z.at(n)
        },
        6,
        "kv_home: is an empty directory",
        "give a home directory",
    ),
    (
        "kv-home-of-letters",
        |z, n| z.write(&format!("{n}/kv_home/letter.txt"), "x").parent().unwrap().to_path_buf(),
        6,
        "holds no page log: it has neither checkpoints.db (PALite) nor data.mdb (PALM), but \"letter.txt\"",
        "give a home directory",
    ),
    (
        "other-directory",
        |z, n| z.write(&format!("{n}/letter.txt"), "x").parent().unwrap().to_path_buf(),
        6,
        "is not a WiredTiger home: it has neither WiredTiger.wt nor kv_home/ nor checkpoints.db nor data.mdb, but \
        \"letter.txt\"",
        "give a home directory",
    ),
    ("empty-file", |z, n| z.write(n, ""), 6, "it is empty", "give a home directory"),
    ("letter.txt", |z, n| z.write(n, "Dear reader"), 6, "is a file, not a directory", "give a home directory"),
    (
        "fifo",
        |z, n| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, z.at(n), mode).unwrap();
            z.at(n)
        },
        6,
        "is a named pipe (FIFO)",
        "give a home directory",
    ),
    (
        "socket",
        |z, n| {
            drop(std::os::unix::net::UnixListener::bind(z.at(n)).unwrap());
            z.at(n)
        },
        6,
        "is a socket",
        "give a home directory",
    ),
    ("device", |_, _| "/dev/null".into(), 6, "is a device", "give a home directory"),
    (
        "parent-of-homes",
        |z, n| {
            z.copy("local/mongo", &format!("{n}/one"));
            z.copy("palite/2026-07-leak-full", &format!("{n}/deeper/two"));
            z.at(n)
        },
        6,
        "is not a WiredTiger home: it holds 2 homes",
        "parent-of-homes/one, wtcheck audit ",
    ),
    (
        "parent-of-a-page-log",
        |z, n| {
            with_page_log(&z.at(&format!("{n}/home")));
            z.at(n)
        },
        6,
        "is not a WiredTiger home: it holds 1 home,",
        "parent-of-a-page-log/home",
    ),
    ("journal", |z, n| z.copy("local/mongo", n).join("journal"), 6, "is part of the home ", "give the home: wtcheck "),
    ("per-db", |z, n| per_db(z, n).join("test"), 6, "is part of the home ", "give the home: wtcheck "),
    (
        "page-log-file",
        |z, n| z.copy("palite/2026-07-leak-full", n).join("kv_home/checkpoints.db"),
        6,
        "is a file of a page-log store; give the directory above it",
        "kv_home",
    ),
    (
        "shard",
        |z, n| z.copy("palite/2026-07-leak-full", n).join("kv_home/pages_08.db"),
        6,
        "is a file of a page-log store; give the directory above it",
        "kv_home",
    ),
    (
        "turtle",
        |z, n| z.copy("local/mongo", n).join("WiredTiger.turtle"),
        6,
        "is a file of a home directory; give the directory above it",
        "turtle",
    ),
    (
        "image.wtpack",
        |z, n| {
            run(&["pack", path(&fixture("palite/2026-02-double-root")), path(&z.at(n))], 0);
            z.at(n)
        },
        2,
        "an image that `wtcheck pack` wrote",
        "wtcheck unpack ",
    ),
    (
        "mongod.log",
        |z, n| z.write(n, fs::read(fixture("logs/standby-abort-mongod.json")).unwrap()),
        2,
        "a server or engine log",
        "wtcheck log ",
    ),
    (
        "engine.log",
        |z, n| z.write(n, fs::read(fixture("logs/newest-keystore-skipped.txt")).unwrap()),
        2,
        "a server or engine log",
        "wtcheck log ",
    ),
    (
        "old-mongod.log",
        |z, n| z.write(n, "2015-05-12T16:54:35.442+0530 I CONTROL  ***** SERVER RESTARTED *****\n"),
        2,
        "a server or engine log",
        "wtcheck log ",
    ),
    (
        "mongod.log.gz",
        |z, n| z.write(n, gzip(&fs::read(fixture("logs/standby-abort-mongod.json")).unwrap())),
        2,
        "a server or engine log, compressed with gzip",
        "wtcheck log ",
    ),
    (
        "plan.yaml",
        |z, n| {
            run(&["repair", "plan", path(&fixture("palite/2026-07-leak-full")), "-o", path(&z.at(n))], 1);
            z.at(n)
        },
        2,
        "is a file, a repair plan",
        "wtcheck repair apply ",
    ),
    (
        "undo.journal",
        |z, n| {
            let (home, plan, journal) = (z.copy("palite/2026-07-leak-full", "mended"), z.at("plan"), z.at(n));
            run(&["repair", "plan", path(&home), "-o", path(&plan)], 1);
            let words = ["repair", "apply", path(&plan), "--in-place", "--yes", "--journal", path(&journal)];
            run(&words, 4);
            journal
        },
        2,
        "is a file, the undo journal",
        "wtcheck repair undo ",
    ),
    ("home.zip", |z, n| z.write(n, b"PK\x03\x04\x14\x00\x00\x00\x08\x00"), 6, "a zip archive", "unzip "),
    ("home.tar", |z, n| z.write(n, tar(&fixture("local/lost-extent"))), 6, "a tar archive", "tar -xf "),
    (
        "home.tgz",
        |z, n| z.write(n, gzip(&tar(&fixture("local/lost-extent")))),
        6,
        "a tar archive, compressed with gzip",
        "tar -xf ",
    ),
    (
        "home.tar.zst",
        |z, n| z.write(n, zstd::encode_all(&tar(&fixture("local/lost-extent"))[..], 1).unwrap()),
        6,
        "a tar archive, compressed with zstd",
        "tar -xf ",
    ),
    ("home.xz", |z, n| z.write(n, b"\xfd7zXZ\0\0\0"), 6, "compressed with xz", "unpack it first"),
    ("letter.gz", |z, n| z.write(n, gzip(b"Dear reader")), 6, "compressed with gzip", "unpack it first"),
    ("dump.jsonl", |z, n| z.write(n, DUMP), 6, "is a dump of a page service", "wtcheck gather"),
    (
        "dump.jsonl.gz",
        |z, n| z.write(n, gzip(DUMP.as_bytes())),
        6,
        "is a dump of a page service, compressed",
        "wtcheck gather",
    ),
    (
        "dumps",
        |z, n| z.write(&format!("{n}/2.jsonl"), DUMP).parent().unwrap().to_path_buf(),
        6,
        "is a dump of a page service",
        "wtcheck gather",
    ),
];

/// The verbs about stores, with what comes behind the path.
fn verbs(out: &Path) -> [(&'static [&'static str], Vec<String>); 7] {
    let out = |name: &str| out.join(name).display().to_string();
    [
        (&["audit"], vec![]),
        (&["repair", "plan"], vec![]),
        (&["map"], vec![]),
        (&["orphans"], vec![]),
        (&["pack"], vec![out("image")]),
        (&["export"], vec!["--out".into(), out("tables")]),
        (&["pickup", "replay"], vec![]),
    ]
}

#[test]
fn what_is_no_store_is_named_alike_by_every_verb() {
    let out = tempfile::tempdir().unwrap();
    for (name, make, code, what, hint) in WRONG {
        let zoo = Zoo(tempfile::tempdir().unwrap());
        let at = make(&zoo, name);
        for (verb, behind) in verbs(out.path()) {
            let mut args = verb.to_vec();
            args.push(path(&at));
            args.extend(behind.iter().map(String::as_str));
            let (stdout, stderr) = run(&args, *code);
            assert!(stdout.is_empty() && stderr.lines().count() == 1, "{args:?}: {stdout}{stderr}");
            assert!(stderr.contains(what) && stderr.contains(hint), "{args:?}: {stderr}");
        }
        if fs::symlink_metadata(&at).is_ok() {
            // Without a verb it is the same as with it.
            assert_eq!(wtcheck(&[path(&at)]), wtcheck(&["audit", path(&at)]), "{name}");
        }
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn kinds() {
    let zoo = Zoo(tempfile::tempdir().unwrap());
    let kind = |at: &Path| Subject::open(at).kind;
    let log = |at: &Path| matches!(kind(at), Kind::PageLog(_));
    let both = |at: &Path| matches!(kind(at), Kind::Both(_));

    let palite = zoo.copy("palite/2026-07-leak-full", "palite");
    assert!(log(&palite) && log(&palite.join("kv_home")), "a turtle alone is no local file to judge");
    symlink("palite", zoo.at("link")).unwrap();
    assert!(log(&zoo.at("link")));
    // The completion records lost: shards alone are a page log where no local files are.
    fs::remove_file(palite.join("kv_home/checkpoints.db")).unwrap();
    assert!(log(&palite) && log(&palite.join("kv_home")));

    let home = zoo.copy("local/mongo", "home");
    assert_eq!(kind(&home), Kind::Home);
    fs::write(home.join("pages_08.db"), "stray").unwrap();
    fs::write(home.join("globals.db"), "stray").unwrap();
    assert_eq!(kind(&home), Kind::Home, "stray shards do not make it a page log");
    fs::create_dir(home.join("kv_home")).unwrap();
    assert_eq!(kind(&home), Kind::Home, "nor does an empty kv_home");
    with_page_log(&home);
    assert!(both(&home) && log(&home.join("kv_home")));
    fs::remove_file(home.join("kv_home/data.mdb")).unwrap();
    fs::write(home.join("kv_home/pages_08.db"), "shard").unwrap();
    assert!(both(&home), "shards in kv_home are a page log, damaged as it may be");

    let direct = zoo.copy("local/mongo", "direct");
    fs::write(direct.join("data.mdb"), palm_data()).unwrap();
    assert!(both(&direct));

    // A follower's kv_home is a link to its leader's, flattened where there are no links.
    let follower = zoo.copy("local/mongo", "follower");
    with_page_log(&zoo.at("leader"));
    fs::write(follower.join("kv_home"), "../leader/kv_home").unwrap();
    assert!(both(&follower));
    fs::write(follower.join("kv_home"), "../nowhere/kv_home").unwrap();
    assert_eq!(kind(&follower), Kind::Home);
    fs::remove_file(follower.join("kv_home")).unwrap();
    symlink("../leader/kv_home", follower.join("kv_home")).unwrap();
    assert!(both(&follower));

    // Block files: in a home, deeper in it, and alone; a home in a home is one of its own.
    let per_db = per_db(&zoo, "per-db");
    let Kind::BlockFile(block) = kind(&per_db.join("test/collection-0--7234567890123456789.wt")) else { panic!() };
    assert_eq!((block.name.as_str(), block.alone), ("test/collection-0--7234567890123456789.wt", false));
    assert_eq!(block.directory, fs::canonicalize(&per_db).unwrap());
    let spilled = zoo.copy("local/lost-extent", "per-db/_tmp/spilldb");
    assert_eq!(kind(&spilled), Kind::Home);
    assert_eq!(kind(&per_db), Kind::Home);
    assert!(matches!(kind(&per_db.join("test")), Kind::Below { home } if home == per_db));
    assert!(
        matches!(kind(&per_db.join("_tmp")), Kind::Homes { homes, .. } if homes == [spilled.clone()])
            || matches!(kind(&per_db.join("_tmp")), Kind::Below { .. })
    );
    let alone = zoo.write("alone/one.wt", fs::read(fixture("local/lost-extent/one.wt")).unwrap());
    assert!(matches!(kind(&alone), Kind::BlockFile(block) if block.alone));
    assert_eq!(kind(alone.parent().unwrap()), Kind::Home, "block files without metadata are a home without");
    // By its first bytes, whatever its name.
    let renamed = zoo.write("alone/renamed", fs::read(&alone).unwrap());
    assert!(matches!(kind(&renamed), Kind::BlockFile(_)));

    assert_eq!(kind(Path::new("")), Kind::Missing(Missing::NoPath));
    assert_eq!(kind(Path::new("/dev/null")), Kind::Special(Special::Device));
    assert_eq!(kind(&zoo.write("a.zip", b"PK\x03\x04")), Kind::Archive(Archive::Zip));
    assert_eq!(kind(&zoo.write("a.gz", gzip(b"x"))), Kind::Compressed(Packing::Gzip));
    let bomb = zstd::encode_all(&vec![0; 64 << 20][..], 19).unwrap();
    assert_eq!(kind(&zoo.write("bomb", bomb)), Kind::Compressed(Packing::Zstd));
}

/// Run without the right to read everything, which root has.
fn restricted(args: &[&str]) -> Output {
    use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
    let run = || {
        for capability in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
            let dropped = remove_capability_from_bounding_set(capability);
            assert!(dropped.is_ok() || !rustix::process::geteuid().is_root(), "{dropped:?}");
        }
        Command::new(env!("CARGO_BIN_EXE_wtcheck"))
            .args(args)
            .arg("--no-progress")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    std::thread::scope(|s| s.spawn(run).join().unwrap())
}

#[test]
fn what_cannot_be_looked_at_is_not_nothing() {
    let zoo = Zoo(tempfile::tempdir().unwrap());
    let (palite, home) = (zoo.copy("palite/2026-07-leak-full", "palite"), zoo.copy("local/mongo", "home"));
    let both = zoo.copy("local/mongo", "both");
    with_page_log(&both);
    let file = zoo.write("closed.bin", "x");
    let out = tempfile::tempdir().unwrap();
    for (closed, at) in [
        (home.clone(), home.clone()),
        (palite.join("kv_home"), palite.clone()),
        (both.join("kv_home"), both.clone()),
        (home.clone(), home.join("WiredTiger.wt")),
        (file.clone(), file.clone()),
    ] {
        let mode = fs::metadata(&closed).unwrap().permissions().mode();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        for (verb, behind) in verbs(out.path()) {
            let mut args = verb.to_vec();
            args.push(path(&at));
            args.extend(behind.iter().map(String::as_str));
            let done = restricted(&args);
            let stderr = String::from_utf8(done.stderr).unwrap();
            assert_eq!(done.status.code(), Some(6), "{args:?}: {stderr}");
            assert!(stderr.contains("permission denied") && stderr.lines().count() == 1, "{args:?}: {stderr}");
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn the_parent_of_homes_names_them() {
    let (_, stderr) = run(&["audit", path(&fixture("local"))], 6);
    for home in ["local/lost-extent", "local/mongo"] {
        assert!(stderr.contains(&format!("wtcheck audit {}", fixture(home).display())), "{stderr}");
    }
    let (_, stderr) = run(&["audit", path(&fixture("local").join("mongo/journal"))], 6);
    assert!(stderr.contains(&format!("wtcheck audit {}", fixture("local/mongo").display())), "{stderr}");
}

#[test]
fn stray_shards_and_an_empty_kv_home_do_not_divide_the_verbs() {
    for stray in ["pages_08.db", "kv_home"] {
        let zoo = Zoo(tempfile::tempdir().unwrap());
        let home = zoo.copy("local/mongo", "home");
        match stray {
            "kv_home" => fs::create_dir(home.join(stray)).unwrap(),
            _ => fs::write(home.join(stray), "stray").unwrap(),
        }
        let (json, _) = run(&["audit", path(&home), "--format", "json"], 0);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["store"]["kind"], "local", "{stray}");
        let (plan, _) = run(&["repair", "plan", path(&home)], 0);
        assert!(plan.contains("kind: local"), "{plan}");
        for verb in ["map", "orphans"] {
            run(&[verb, path(&home)], 0);
        }
        run(&["pack", path(&home), path(&zoo.at("image"))], 0);
    }
}

#[test]
fn both_families_in_one_report() {
    let zoo = Zoo(tempfile::tempdir().unwrap());
    let home = zoo.copy("local/mongo", "home");
    let alone: serde_json::Value =
        serde_json::from_str(&run(&["audit", path(&home), "--format", "json"], 0).0).unwrap();
    with_page_log(&home);
    let audit = |more: &[&str], code| -> serde_json::Value {
        let mut args = vec!["audit", path(&home), "--format", "json"];
        args.extend(more);
        serde_json::from_str(&run(&args, code).0).unwrap()
    };
    let log: serde_json::Value =
        serde_json::from_str(&run(&["audit", path(&home.join("kv_home")), "--format", "json"], 0).0).unwrap();
    let found = audit(&[], 0);
    assert_eq!((&found["store"]["kind"], &found["verdict"]), (&"palm".into(), &"clean".into()));
    for same in ["database", "versions", "orphans", "keystore", "checkpoint"] {
        assert_eq!(found[same], log[same], "{same}");
    }
    assert_eq!(found["local"]["files"], alone["local"]["files"]);
    let trees = |v: &serde_json::Value| v["trees"].as_array().unwrap().clone();
    assert_eq!(trees(&found), [trees(&log), trees(&alone)].concat());
    let (text, stderr) = run(&["audit", path(&home), "-v"], 0);
    assert!(stderr.is_empty(), "{stderr}");
    for part in ["page log, formats of", "Local files:", "_mdb_catalog.wt", "Accounting (bytes)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("Verdict:").count(), 1);

    // A number is an LSN; a name is of whichever has it.
    let lsn = log["checkpoint"]["lsn"].to_string();
    assert_eq!(audit(&["--checkpoint", &lsn], 0)["local"]["files"], alone["local"]["files"]);
    let name = alone["local"]["files"][0]["checkpoints"][0]["name"].as_str().unwrap().to_string();
    assert_eq!(audit(&["--checkpoint", &name], 0)["checkpoint"]["name"], name.as_str());
    let of_log = audit(&["--checkpoint", "WiredTigerCheckpoint.11"], 0);
    assert_eq!(of_log["checkpoint"]["name"], "WiredTigerCheckpoint.11");
    assert_eq!(of_log["local"]["files"], alone["local"]["files"]);
    run(&["audit", path(&home), "--checkpoint", "nowhere"], 2);
    // A glob that one of them has is about that one.
    let (_, stderr) = run(&["audit", path(&home), "--table", "collection-*"], 0);
    assert!(stderr.contains("no tree of the page log matches"), "{stderr}");
    let (_, stderr) = run(&["audit", path(&home), "--table", "multi_b"], 0);
    assert!(stderr.contains("no local block file matches"), "{stderr}");
    run(&["audit", path(&home), "--table", "nosuch*"], 2);

    // Verbs about the page log alone say so.
    let image = zoo.at("image");
    for args in [vec!["map"], vec!["orphans"], vec!["repair", "plan"], vec!["pack", path(&image)]] {
        let mut words = args.clone();
        let at = if args[0] == "repair" { 2 } else { 1 };
        words.insert(at, path(&home));
        let (_, stderr) = run(&words, 0);
        assert!(stderr.contains("this covers only the page log; there are also local block files"), "{stderr}");
    }

    // What it was once CLEAN with.
    fs::remove_file(home.join("WiredTiger.turtle")).unwrap();
    let bytes = fs::metadata(home.join("WiredTiger.wt")).unwrap().len();
    fs::write(home.join("WiredTiger.wt"), vec![0x5a; usize::try_from(bytes).unwrap()]).unwrap();
    let found = audit(&[], 1);
    assert_eq!((&found["store"]["kind"], &found["verdict"]), (&"palm".into(), &"findings".into()));
    assert_eq!(found["versions"], log["versions"]);
    let files: Vec<&str> =
        found["findings"].as_array().unwrap().iter().filter_map(|f| f["place"]["file"].as_str()).collect();
    assert!(files.contains(&"WiredTiger.turtle") && files.contains(&"WiredTiger.wt"), "{files:?}");
    let (text, _) = run(&["audit", path(&home)], 1);
    assert!(text.contains("error file-missing: WiredTiger.turtle") && text.contains("page log, formats of"), "{text}");
}

/// The local files of real disaggregated nodes, beside their page log.
#[test]
fn real_nodes_are_clean_in_both_parts() {
    for (node, files) in [("leader", 12), ("follower", 11)] {
        let home = common::real("disagg-small/db").join(node);
        for depth in ["--quick", "--newest-only", "--deep"] {
            let (json, stderr) = run(&["audit", path(&home), depth, "--format", "json"], 0);
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!((&json["store"]["kind"], stderr.as_str()), (&"palm".into(), ""));
            assert!(json["local"]["files"].as_array().unwrap().len() >= files, "{node}");
            assert_eq!(json["findings"].as_array().unwrap().len(), 0, "{node} {depth}: {}", json["findings"]);
            assert_eq!(json["local"]["not_checked"].as_array().unwrap().len(), 0, "{node}");
        }
    }
}

/// The metadata names trees of a page log, and the place of the page log is there with nothing in it.
#[test]
fn a_page_log_that_is_lost_is_not_clean() {
    let temp = tempfile::tempdir().unwrap();
    for left in [vec![], vec!["lock.mdb"]] {
        let home = temp.path().join(left.len().to_string());
        fs::create_dir_all(home.join("kv_home")).unwrap();
        for entry in fs::read_dir(common::real("disagg-small/db/leader")).unwrap() {
            let from = entry.unwrap().path();
            if from.is_file() {
                fs::copy(&from, home.join(from.file_name().unwrap())).unwrap();
            }
        }
        for name in left {
            fs::write(home.join("kv_home").join(name), "").unwrap();
        }
        let (json, stderr) = run(&["audit", path(&home), "--format", "json"], 6);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let lost = &json["coverage"]["not_checked"][0];
        assert_eq!((&lost["path"], &lost["reason"]), (&"kv_home/".into(), &"absent".into()));
        assert!(stderr.contains("kv_home/: its files are missing"), "{stderr}");
    }
}

#[test]
fn whatever_is_held_is_refused() {
    let zoo = Zoo(tempfile::tempdir().unwrap());
    let home = per_db(&zoo, "home");
    with_page_log(&home);
    let lock = |name: &str| {
        let file = File::options().write(true).create(true).truncate(false).open(home.join(name)).unwrap();
        rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        file
    };
    let deep = home.join("test/collection-0--7234567890123456789.wt");
    for (name, held) in [
        ("WiredTiger.lock", [&home, &home.join("kv_home"), &home.join("WiredTiger.wt"), &deep]),
        ("kv_home/lock.mdb", [&home, &home.join("kv_home"), &home, &home]),
    ] {
        let file = lock(name);
        for at in held {
            for verb in ["audit", "map", "orphans"] {
                let (_, stderr) = run(&[verb, path(at)], 3);
                assert!(stderr.contains("locked by process") && stderr.contains("--allow-live"), "{stderr}");
            }
            if *at != deep {
                let (code, _, stderr) = wtcheck(&["audit", path(at), "--allow-live"]);
                assert!([0, 1].contains(&code), "{stderr}");
            }
        }
        drop(file);
    }
}

#[test]
fn command_lines_without_a_verb() {
    let in_dir = |dir: &Path, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
        let out = command.args(args).current_dir(dir).stdin(Stdio::null()).output().unwrap();
        let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
        (out.status.code(), text(out.stdout), text(out.stderr))
    };
    let zoo = Zoo(tempfile::tempdir().unwrap());
    let home = zoo.copy("local/mongo", "home");
    assert_eq!(in_dir(&home, &[]), in_dir(&home, &["audit", "."]));
    assert_eq!(in_dir(&home, &[]).0, Some(0));
    assert_eq!(in_dir(&home, &["--format", "json"]), in_dir(&home, &["audit", ".", "--format", "json"]));
    for args in
        [&["home"][..], &["home", "--deep"], &["--deep", "home"], &["--format", "json", "home"], &["-j", "1", "home"]]
    {
        let mut with_verb = vec!["audit"];
        with_verb.extend(args);
        assert_eq!(in_dir(zoo.0.path(), args), in_dir(zoo.0.path(), &with_verb), "{args:?}");
        assert_eq!(in_dir(zoo.0.path(), args).0, Some(0));
    }
    // Where there is no store: what the directory is, and where help is.
    fs::create_dir(zoo.at("empty")).unwrap();
    let (code, stdout, stderr) = in_dir(&zoo.at("empty"), &[]);
    assert_eq!((code, stdout.as_str()), (Some(6), ""));
    assert!(stderr.contains("is an empty directory") && stderr.contains("wtcheck --help"), "{stderr}");
    let (code, _, stderr) = in_dir(zoo.0.path(), &[]);
    assert!(code == Some(6) && stderr.contains("wtcheck audit ./home"), "{stderr}");
    // The verbs of other tools, unless something has that name.
    for (verb, answer) in [
        ("verify", "wtcheck audit PATH"),
        ("check", "wtcheck audit PATH"),
        ("list", "wtcheck audit PATH"),
        ("ls", "wtcheck audit PATH"),
        ("scan", "wtcheck audit PATH"),
        ("fsck", "wtcheck audit PATH"),
        ("salvage", "wtcheck repair plan DIR"),
        ("recover", "wtcheck dump DIR"),
        ("printlog", "wtcheck audit HOME"),
        ("read", "wtcheck dump DIR TABLE"),
        ("stat", "wtcheck map PATH"),
        ("info", "wtcheck page DIR TABLE PAGE"),
        ("turtle", "wtcheck decode turtle FILE"),
    ] {
        let (code, stdout, stderr) = in_dir(zoo.0.path(), &["--format", "json", verb, "home"]);
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (Some(2), "", 1), "{stderr}");
        assert!(stderr.contains(&format!("wtcheck has no `{verb}`: ")) && stderr.contains(answer), "{stderr}");
    }
    copy_dir(&home, &zoo.at("check"));
    assert_eq!(in_dir(zoo.0.path(), &["check"]).0, Some(0));
    assert_eq!(in_dir(zoo.0.path(), &["frobnicate"]).0, Some(2));
}

#[test]
fn verbs_about_files_name_other_kinds() {
    let zoo = Zoo(tempfile::tempdir().unwrap());
    let home = zoo.copy("palite/2026-07-leak-full", "home");
    let (plan, image) = (zoo.at("plan.yaml"), zoo.at("image.wtpack"));
    run(&["repair", "plan", path(&home), "-o", path(&plan)], 1);
    run(&["pack", path(&home), path(&image)], 0);
    let log = fixture("logs/standby-abort.txt");
    for (args, code, words) in [
        (vec!["repair", "apply", path(&home), "--in-place", "--yes"], 6, "wtcheck repair plan "),
        (vec!["repair", "apply", path(&image), "--in-place", "--yes"], 2, "wtcheck unpack "),
        (vec!["repair", "undo", path(&plan)], 2, "wtcheck repair apply "),
        (vec!["unpack", path(&plan), "out"], 2, "wtcheck repair apply "),
        (vec!["unpack", path(&log), "out"], 2, "wtcheck log "),
        (vec!["pickup", "explain", path(&home)], 6, "is a page log"),
        (vec!["pickup", "explain", path(&image)], 2, "wtcheck unpack "),
        (vec!["decode", "--from-log", path(&plan)], 2, "wtcheck repair apply "),
        (vec!["page", path(&image), "--offset", "4096"], 2, "wtcheck unpack "),
        (vec!["page", path(&home.join("kv_home/pages_08.db")), "25", "110"], 2, "is a file"),
        (vec!["pickup", "explain", path(&log), "--home", path(&fixture("local"))], 6, "it holds 2 homes"),
        (vec!["pickup", "explain", path(&log), "--home", path(&fixture("local/mongo"))], 6, "only local block files"),
    ] {
        let (stdout, stderr) = run(&args, code);
        assert!(stdout.is_empty() && stderr.contains(words) && stderr.lines().count() == 1, "{args:?}: {stderr}");
    }
}
