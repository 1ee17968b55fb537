//! What a repair refuses, and what a person is told: one plain line, nothing changed.

use crate::common;
use crate::common::forge;
use crate::common::forge::{Fault, Spec};
use crate::common::{path, wtcheck};
use rusqlite::Connection;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

struct Case {
    temp: tempfile::TempDir,
    home: PathBuf,
    plan: PathBuf,
}

impl Case {
    /// A private copy of the leak.
    fn leak() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        common::copy_dir(&common::fixture("palite/2026-07-leak-full"), &home);
        let plan = temp.path().join("plan.yaml");
        Self { temp, home, plan }
    }

    fn planned() -> Self {
        let case = Self::leak();
        let (code, out, err) = wtcheck(&["repair", "plan", path(&case.home), "-o", path(&case.plan)]);
        assert_eq!(code, 1, "{out}{err}");
        case
    }

    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.plan).unwrap();
        assert!(text.contains(from), "{from} is not in the plan:\n{text}");
        std::fs::write(&self.plan, text.replace(from, to)).unwrap();
    }

    fn sql(&self, file: &str, sql: &str) {
        let conn = Connection::open(self.home.join("kv_home").join(file)).unwrap();
        assert!(conn.execute(sql, []).unwrap() > 0, "{sql}");
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    }

    fn apply(&self, more: &[&str]) -> (i32, String, String) {
        wtcheck(&[&["repair", "apply", path(&self.plan)], more].concat())
    }

    /// Applying in place is refused with these words, and nothing changes.
    fn refused(&self, more: &[&str], words: &str) {
        let before = common::snapshot(&self.home);
        let (code, out, err) = self.apply(&[&["--in-place", "--yes"], more].concat());
        assert_eq!((code, out.as_str()), (3, ""), "{err}");
        assert!(err.contains(words) && err.trim_end().lines().count() == 1, "{words}: {err}");
        let after = common::snapshot(&self.home);
        let content = |s: &std::collections::BTreeMap<PathBuf, (std::time::SystemTime, Vec<u8>)>| {
            s.iter().map(|(p, (_, b))| (p.clone(), b.clone())).collect::<Vec<_>>()
        };
        assert_eq!(content(&before), content(&after), "{words}: something changed");
    }
}

#[test]
fn a_store_that_is_not_as_the_plan_saw_it() {
    let set = "the store is not as it was for the plan";
    for (file, sql) in [
        ("checkpoints.db", "INSERT INTO checkpoints VALUES (400, 1, 'metadata_lsn=1')"),
        ("globals.db", "UPDATE globals SET val = 398 WHERE id = 0"),
        ("pages_08.db", "DELETE FROM pages WHERE table_id = 25 AND page_id = 182"),
        ("pages_08.db", "UPDATE pages SET backlink_lsn = 7 WHERE table_id = 25 AND page_id = 182"),
        // A leaf's bytes, beyond what any index shows.
        (
            "pages_08.db",
            "UPDATE pages SET page_data = zeroblob(length(page_data)) WHERE length(page_data) = (SELECT max(length(page_data)) FROM pages)",
        ),
        ("pages_02.db", "UPDATE pages SET page_data = page_data || X'00' WHERE lsn = 148"),
    ] {
        let case = Case::planned();
        case.sql(file, sql);
        case.refused(&[], set);
    }
    // Another store.
    let case = Case::planned();
    let other = forge::forge(Spec::plain(5).with(2, 0, Fault::LeakNew(1)));
    let (code, _, err) = case.apply(&["--in-place", "--yes", "--dir", path(other.home())]);
    assert!(code == 3 && err.contains(set), "{err}");
}

#[test]
fn the_same_store_elsewhere_is_the_same_store() {
    let case = Case::planned();
    let moved = case.temp.path().join("moved");
    common::copy_dir(&case.home, &moved);
    let (code, _, err) = case.apply(&["--in-place", "--yes", "--dir", path(&moved)]);
    assert_eq!(code, 4, "{err}");
}

#[test]
fn applied_undone_and_applied_again() {
    let case = Case::planned();
    for _ in 0..3 {
        let (code, out, err) = case.apply(&["--in-place", "--yes", "--format", "json"]);
        assert_eq!(code, 4, "{err}");
        let report: Value = serde_json::from_str(&out).unwrap();
        let (code, _, err) = wtcheck(&["repair", "undo", report["journal"].as_str().unwrap()]);
        assert_eq!(code, 0, "{err}");
    }
}

#[test]
fn plans_that_say_too_much_or_too_little() {
    let case = Case::planned();
    case.edit("live_pages: 163", "live_pages: 0");
    case.refused(&[], "found no live pages");
    let case = Case::planned();
    case.edit("plan_version: 1", "plan_version: 2");
    case.refused(&[], "has version 2");
    let case = Case::planned();
    case.edit("from: 75503", "from: 75504");
    case.refused(&[], "publishes 75503, not 75504");
    let case = Case::planned();
    case.edit(
        "tree: file:accounts00.wt_stable\n  table_id: 25\n  from",
        "tree: file:nobody.wt_stable\n  table_id: 25\n  from",
    );
    case.refused(&[], "no tree file:nobody.wt_stable");
    // A page in use must not be discarded, whatever a plan says.
    let case = Case::planned();
    case.edit("do: withdraw", "do: discard");
    case.refused(&[], "is in use");
    // Nor a row withdrawn that is no orphan.
    let case = Case::planned();
    case.edit("  - 232\n", "  - 11\n");
    case.refused(&[], "is not an orphan");
    // A size that would be as wrong as the old one is found out before anything is written.
    let case = Case::planned();
    case.edit("to: 73642", "to: 80000");
    case.edit("to: 1193426", "to: 1199784");
    case.refused(&[], "the plan would not help");
    let case = Case::planned();
    case.edit("code: size-inflated", "code: [1");
    let (code, _, err) = case.apply(&["--in-place", "--yes"]);
    assert!(code == 2 && err.contains("line ") && err.contains("column "), "{err}");
    let case = Case::planned();
    case.edit("to: 73642", "too: 73642");
    let (code, _, err) = case.apply(&["--in-place", "--yes"]);
    assert!(code == 2 && err.contains("`to`"), "{err}");
    let case = Case::planned();
    std::fs::write(&case.plan, "").unwrap();
    assert_eq!(case.apply(&["--in-place", "--yes"]).0, 2);
}

#[test]
fn actions_taken_out_of_a_plan_are_not_done() {
    let case = Case::planned();
    let mut plan: serde_yaml::Value = serde_yaml::from_str(&std::fs::read_to_string(&case.plan).unwrap()).unwrap();
    let actions = plan.get_mut("actions").unwrap().as_sequence_mut().unwrap();
    actions.retain(|a| a.get("do").and_then(|d| d.as_str()) == Some("discard"));
    assert_eq!(actions.len(), 2);
    std::fs::write(&case.plan, serde_yaml::to_string(&plan).unwrap()).unwrap();
    let (code, out, err) = case.apply(&["--in-place", "--yes", "--format", "json"]);
    assert_eq!(code, 5, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["before"]["orphans"], 3);
    assert_eq!(report["after"]["orphans"], 1);
    assert_eq!(report["after"]["database_size"], report["before"]["database_size"]);
}

#[test]
fn more_orphans_than_half_of_what_lives() {
    // Few pages, many leaks.
    let mut spec = Spec::plain(3);
    spec.rows = 12;
    spec.tables = 1;
    spec.history = false;
    spec.churn = 4;
    spec.leaf_rows = 8;
    let forged = forge::forge(spec.with(2, 0, Fault::LeakNew(60)));
    let temp = tempfile::tempdir().unwrap();
    let plan = temp.path().join("plan.yaml");
    let args = ["repair", "plan", path(forged.home()), "-o", path(&plan)];
    let (code, _, err) = wtcheck(&args);
    assert!(code == 3 && err.contains("more than half") && err.contains("--max-orphans 60"), "{err}");
    assert_eq!(wtcheck(&[&args[..], &["--max-orphans", "59"]].concat()).0, 3);
    assert_eq!(wtcheck(&[&args[..], &["--max-orphans", "60"]].concat()).0, 1);
    let out = temp.path().join("out");
    assert_eq!(wtcheck(&["repair", "apply", path(&plan), "--output", path(&out)]).0, 4);
}

#[test]
fn a_store_in_use() {
    let case = Case::planned();
    let conn = Connection::open(case.home.join("kv_home/checkpoints.db")).unwrap();
    conn.query_row("SELECT count(*) FROM checkpoints", [], |r| r.get::<_, i64>(0)).unwrap();
    conn.execute_batch("BEGIN; SELECT * FROM checkpoints").unwrap();
    let (code, _, err) = case.apply(&["--in-place", "--yes"]);
    assert!(code == 3 && err.contains("in use"), "{code} {err}");
    let (code, _, err) = wtcheck(&["repair", "plan", path(&case.home)]);
    assert!(code == 3 && err.contains("in use"), "{code} {err}");
}

#[test]
fn in_place_asks() {
    let case = Case::planned();
    let (code, _, err) = case.apply(&["--in-place"]);
    assert!(code == 3 && err.contains("no terminal to ask for confirmation"), "{err}");
    let (code, _, _) = case.apply(&[]);
    assert_eq!(code, 2, "neither a copy nor in place");
    let (code, _, _) = case.apply(&["--in-place", "--output", "x"]);
    assert_eq!(code, 2, "both");
}

#[test]
fn output_that_is_there_already() {
    let case = Case::planned();
    let out = case.temp.path().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("letter"), "x").unwrap();
    let (code, _, err) = case.apply(&["--output", path(&out)]);
    assert!(code == 3 && err.contains("already exists"), "{err}");
    std::fs::remove_file(out.join("letter")).unwrap();
    // An empty one made beforehand will do.
    let (code, _, err) = case.apply(&["--output", path(&out)]);
    assert_eq!(code, 4, "{err}");
    let before = common::snapshot(&case.home);
    for inside in ["copy", "kv_home/copy"] {
        let (code, _, err) = case.apply(&["--output", path(&case.home.join(inside))]);
        assert!(code == 3 && err.contains("must not be changed"), "{err}");
    }
    assert_eq!(common::snapshot(&case.home), before);
    let nowhere = case.temp.path().join("no/such/dir");
    let (code, _, err) = case.apply(&["--output", path(&nowhere)]);
    assert!(code == 6 && err.contains("No such file"), "{code} {err}");
}

#[test]
fn only_what_was_asked_for() {
    let case = Case::leak();
    let yaml = |more: &[&str]| -> Vec<String> {
        let (_, out, err) = wtcheck(&[&["repair", "plan", path(&case.home)], more].concat());
        let plan: Value = serde_yaml::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
        plan["actions"].as_array().unwrap().iter().map(|a| a["do"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(yaml(&[]), ["set-size", "set-database-size", "withdraw", "discard", "discard"]);
    assert_eq!(yaml(&["--only", "orphan-page"]), ["discard", "discard"]);
    assert_eq!(yaml(&["--only", "orphan-image"]), ["withdraw"]);
    assert_eq!(yaml(&["--only", "size-inflated"]), ["set-size", "set-database-size"]);
    assert_eq!(yaml(&["--only", "size-inflated,orphan-page"]), ["set-size", "set-database-size", "discard", "discard"]);
    assert_eq!(yaml(&["--table", "ledger*"]), [""; 0]);
    assert_eq!(yaml(&["--table", "accounts*"]), ["set-size", "set-database-size", "withdraw", "discard", "discard"]);
    // LSNs 231, 232 and 233; the checkpoint is at 397.
    assert_eq!(yaml(&["--min-age", "165", "--only", "orphan-page"]), ["discard"]);
    assert_eq!(yaml(&["--min-age", "166", "--only", "orphan-page"]), ["discard"]);
    assert_eq!(yaml(&["--min-age", "167", "--only", "orphan-page"]), [""; 0]);
    assert_eq!(wtcheck(&["repair", "plan", path(&case.home), "--only", "no-such-code"]).0, 2);
    // Each part on its own can be applied.
    for (at, only) in ["orphan-page", "orphan-image", "size-inflated"].into_iter().enumerate() {
        let args = ["repair", "plan", path(&case.home), "--only", only, "--force", "-o", path(&case.plan)];
        assert_eq!(wtcheck(&args).0, 1);
        let out = case.temp.path().join(format!("out{at}"));
        let (code, said, err) = case.apply(&["--output", path(&out)]);
        assert_eq!(code, 5, "{only}: {said}{err}");
    }
}

#[test]
fn undo_refuses_a_store_that_moved_on() {
    for sql in [
        ("globals.db", "UPDATE globals SET val = val + 1 WHERE id = 0"),
        ("checkpoints.db", "INSERT INTO checkpoints VALUES (9999, 1, 'metadata_lsn=1')"),
        ("pages_10.db", "UPDATE pages SET page_data = X'00' WHERE lsn = (SELECT max(lsn) FROM pages)"),
        ("pages_08.db", "DELETE FROM pages WHERE lsn = (SELECT max(lsn) FROM pages WHERE table_id = 25)"),
    ] {
        let case = Case::planned();
        let (code, out, _) = case.apply(&["--in-place", "--yes", "--format", "json"]);
        assert_eq!(code, 4);
        let report: Value = serde_json::from_str(&out).unwrap();
        let journal = report["journal"].as_str().unwrap().to_string();
        case.sql(sql.0, sql.1);
        let before = common::snapshot(&case.home.join("kv_home"));
        let (code, _, err) = wtcheck(&["repair", "undo", &journal]);
        assert!(code == 3 && err.contains("changed since"), "{}: {code} {err}", sql.1);
        let content = |s: std::collections::BTreeMap<PathBuf, (std::time::SystemTime, Vec<u8>)>| {
            s.into_iter().map(|(p, (_, b))| (p, b)).collect::<Vec<_>>()
        };
        assert_eq!(content(before), content(common::snapshot(&case.home.join("kv_home"))), "{}", sql.1);
    }
    let case = Case::leak();
    for (bytes, words) in
        [(&b""[..], "is empty"), (b"hello\n", "not a wtcheck journal"), (b"00000000 {}\n", "not a wtcheck journal")]
    {
        let file = case.temp.path().join("x.journal");
        std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
        let (code, _, err) = wtcheck(&["repair", "undo", path(&file), "--dir", path(&case.home)]);
        assert!(code == 2 && err.contains(words), "{code} {err}");
    }
    assert_ne!(wtcheck(&["repair", "undo", "/no/such/journal"]).0, 0);
}

/// Who names the directory is told the journal.
#[test]
fn undo_of_a_directory_names_its_journals() {
    let case = Case::planned();
    let undo = || wtcheck(&["repair", "undo", path(&case.home)]);
    let (code, out, err) = undo();
    assert!(code == 6 && out.is_empty() && err.contains("without an undo journal"), "{code} {err}");
    let mut journals = Vec::new();
    for _ in 0..2 {
        let (_, out, _) = case.apply(&["--in-place", "--yes", "--format", "json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        journals.push(report["journal"].as_str().unwrap().to_string());
        let (code, out, err) = undo();
        let newest = journals.last().unwrap();
        assert!(code == 6 && out.is_empty() && err.contains(newest.as_str()), "{code} {err}");
        assert_eq!(err.contains("one of its 2"), journals.len() == 2, "{err}");
        assert_eq!(wtcheck(&["repair", "undo", newest]).0, 0);
    }
}

#[test]
fn an_interrupted_repair_comes_first() {
    let case = Case::planned();
    let (code, out, _) = case.apply(&["--in-place", "--yes", "--format", "json"]);
    assert_eq!(code, 4);
    let report: Value = serde_json::from_str(&out).unwrap();
    // As if the machine had gone down before the completion record: no mark in the journal either.
    let journal = report["journal"].as_str().unwrap();
    let text = std::fs::read_to_string(journal).unwrap();
    assert!(text.ends_with("{\"mark\":\"applied\"}\n"), "{text}");
    let end = text.find("{\"end\":").unwrap();
    let end = end + text[end..].find('\n').unwrap();
    std::fs::write(journal, &text[..=end]).unwrap();
    case.sql("checkpoints.db", "DELETE FROM checkpoints WHERE lsn = (SELECT max(lsn) FROM checkpoints)");
    let (code, _, err) = wtcheck(&["repair", "plan", path(&case.home)]);
    assert!(code == 3 && err.contains("interrupted") && err.contains("repair undo"), "{code} {err}");
    let (code, _, err) = wtcheck(&["repair", "undo", report["journal"].as_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(wtcheck(&["repair", "plan", path(&case.home)]).0, 1);
}

#[test]
fn a_record_that_cannot_be_used_goes_only_by_name() {
    let forged = forge::forge(Spec::plain(11).with(3, 0, Fault::FlipTurtle).with(1, 0, Fault::LeakNew(1)));
    let temp = tempfile::tempdir().unwrap();
    let plan = temp.path().join("plan.yaml");
    let newest = forged.checkpoints.last().unwrap().lsn.to_string();
    let (code, out, err) = wtcheck(&["repair", "plan", path(forged.home()), "-o", path(&plan)]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&format!("--drop-completion {newest}")), "{out}");
    assert!(out.contains("No plan was written") && !plan.exists(), "{out}");
    // The audit names the same record. It gives up what was written since, so it is not what to do now.
    let (_, audit, _) = wtcheck(&["audit", path(forged.home())]);
    assert!(audit.contains(&format!("--drop-completion {newest} ")), "{audit}");
    let (_, answer, _) = wtcheck(&["audit", path(forged.home()), "-q"]);
    assert!(!answer.contains("drop-completion") || answer.contains("last resort"), "{answer}");
    let out = temp.path().join("out");
    let drop = ["repair", "plan", path(forged.home()), "--drop-completion", &newest, "-o", path(&plan)];
    assert_eq!(wtcheck(&drop).0, 1);
    let (code, said, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&out)]);
    assert_eq!(code, 4, "{said}{err}");
    let (code, _, err) = wtcheck(&["repair", "plan", path(forged.home()), "--drop-completion", "1"]);
    assert!(code == 3 && err.contains("LSN 1 is not an unusable"), "{err}");
}

#[test]
fn journals_that_name_what_is_not_the_stores() {
    let case = Case::planned();
    let (code, out, _) = case.apply(&["--in-place", "--yes", "--format", "json"]);
    assert_eq!(code, 4);
    let report: Value = serde_json::from_str(&out).unwrap();
    let journal = PathBuf::from(report["journal"].as_str().unwrap());
    let text = std::fs::read_to_string(&journal).unwrap();
    let outside = case.temp.path().join("pages_07.db");
    std::fs::copy(case.home.join("kv_home/pages_07.db"), &outside).unwrap();
    let foreign = std::fs::read(&outside).unwrap();
    for (from, to) in [
        ("\"file\":\"pages_08.db\"", "\"file\":\"../../pages_07.db\""),
        ("\"file\":\"globals.db\"", "\"file\":\"/elsewhere/globals.db\""),
        ("\"set\":\"pages\"", "\"set\":\"sqlite_schema\""),
        ("\"set\":\"globals\"", "\"set\":\"globals; DROP TABLE globals\""),
        ("\"n\":\"page_id\"", "\"n\":\"page_id\\\" = 1; --\""),
        ("\"file\":\"pages_08.db\"", "\"file\":\"pages_99.db\""),
    ] {
        // Valid checksums: someone meant it.
        let forged: String = text
            .lines()
            .map(|l| l.split_once(' ').unwrap().1.replace(from, to))
            .map(|json| format!("{:08x} {json}\n", crc32c::crc32c(json.as_bytes())))
            .collect();
        assert!(forged.contains(to), "{to}");
        std::fs::write(&journal, forged).unwrap();
        let (code, _, err) = wtcheck(&["repair", "undo", path(&journal)]);
        assert!(code == 3 || code == 6, "{to}: {code} {err}");
        assert!(err.trim_end().lines().count() == 1, "{to}: {err}");
        assert_eq!(std::fs::read(&outside).unwrap(), foreign, "{to}");
    }
    std::fs::write(&journal, text).unwrap();
    let (code, _, err) = wtcheck(&["repair", "undo", path(&journal)]);
    assert_eq!(code, 0, "{err}");
}

/// Turtle page and completion record of the newest checkpoint, changed, with checksums that hold.
fn forge_newest(case: &Case, turtle: impl Fn(&str) -> String, record: impl Fn(&str) -> String) {
    let open = |file: &str| Connection::open(case.home.join("kv_home").join(file)).unwrap();
    let pages = open("pages_02.db");
    let newest = "table_id = 2 AND page_id = 1 AND lsn = (SELECT max(lsn) FROM pages WHERE table_id = 2)";
    let text: Vec<u8> =
        pages.query_row(&format!("SELECT page_data FROM pages WHERE {newest}"), [], |r| r.get(0)).unwrap();
    let text = turtle(std::str::from_utf8(&text).unwrap());
    pages.execute(&format!("UPDATE pages SET page_data = ?1 WHERE {newest}"), [text.as_bytes()]).unwrap();
    let records = open("checkpoints.db");
    let last = "lsn = (SELECT max(lsn) FROM checkpoints)";
    let old: Vec<u8> = records
        .query_row(&format!("SELECT checkpoint_metadata FROM checkpoints WHERE {last}"), [], |r| r.get(0))
        .unwrap();
    let old = record(std::str::from_utf8(&old).unwrap());
    let at = old.find("metadata_checksum=").unwrap() + "metadata_checksum=".len();
    let end = at + old[at..].find(',').unwrap();
    let new = format!("{}{:x}{}", &old[..at], crc32c::crc32c(text.as_bytes()), &old[end..]);
    records
        .execute(&format!("UPDATE checkpoints SET checkpoint_metadata = ?1 WHERE {last}"), [new.as_bytes()])
        .unwrap();
}

#[test]
fn formats_of_a_newer_writer_are_read_but_not_written() {
    type Edit = fn(&str) -> String;
    let same: Edit = |t| t.to_string();
    let record: Edit = |r| r.replace("version=2,compatible", "version=3,compatible");
    let turtle: Edit = |t| t.replacen("version=2,", "version=3,a_new_key=7,", 1);
    for newer in [(same, record), (turtle, same)] {
        let case = Case::leak();
        forge_newest(&case, newer.0, newer.1);
        let (code, out, err) = wtcheck(&["audit", path(&case.home)]);
        assert_eq!(code, 1, "still audited: {out}{err}");
        let (code, _, err) = wtcheck(&["repair", "plan", path(&case.home)]);
        assert!(code == 3 && err.contains("a version newer"), "{code} {err}");
    }
}

#[test]
fn encrypted_shared_metadata() {
    use wtcheck::format::cookie::Cookie;
    let case = Case::leak();
    let pages = Connection::open(case.home.join("kv_home/pages_10.db")).unwrap();
    // The newest root: page 105. Its own flags, its checksum, and every reference to it say encrypted.
    let root = "table_id = 10 AND page_id = 105";
    let mut image: Vec<u8> =
        pages.query_row(&format!("SELECT page_data FROM pages WHERE {root}"), [], |r| r.get(0)).unwrap();
    image[25] |= 0x08;
    image[40] |= 0x02;
    image[32..36].fill(0);
    let checksum = crc32c::crc32c(&image);
    image[32..36].copy_from_slice(&checksum.to_le_bytes());
    pages.execute(&format!("UPDATE pages SET page_data = ?1 WHERE {root}"), [&image]).unwrap();
    drop(pages);
    let turtle = |t: &str| {
        let at = t.find("addr=\"").unwrap() + 6;
        let end = at + t[at..].find('"').unwrap();
        let mut cookie = Cookie::decode(&hex::decode(&t[at..end]).unwrap()).unwrap();
        cookie.checksum = checksum;
        format!("{}{}{}", &t[..at], hex::encode(cookie.encode()), &t[end..])
    };
    forge_newest(&case, turtle, |r| r.to_string());
    let (_, out, _) = wtcheck(&["audit", path(&case.home), "--format", "json"]);
    let audit: Value = serde_json::from_str(&out).unwrap();
    assert!(audit["totals"]["findings"]["encrypted"].as_u64() >= Some(1), "{}", audit["totals"]);
    let (code, _, err) = wtcheck(&["repair", "plan", path(&case.home)]);
    assert!(code == 3 && err.contains("encrypted"), "{code} {err}");
}

#[test]
fn the_size_of_the_shared_metadata_itself() {
    // The engine's own online fix skips this file.
    let case = Case::leak();
    forge_newest(&case, |t| t.replace("size=9456,", "size=19456,"), |r| r.to_string());
    let audit =
        |dir: &Path| -> Value { serde_json::from_str(&wtcheck(&["audit", path(dir), "--format", "json"]).1).unwrap() };
    let metadata = |a: &Value| -> Value {
        let all = a["trees"].as_array().unwrap();
        all.iter().find(|t| t["uri"] == "file:WiredTigerShared.wt_stable").unwrap().clone()
    };
    assert_eq!(metadata(&audit(&case.home))["difference"], 10_000);
    // Alone, which writes no page of it; and with others, which does.
    for (at, more) in [&["--table", "WiredTigerShared"][..], &[]].into_iter().enumerate() {
        let args = [&["repair", "plan", path(&case.home), "--force", "-o", path(&case.plan)], more].concat();
        let (code, _, err) = wtcheck(&args);
        assert_eq!(code, 1, "{err}");
        let out = case.temp.path().join(format!("out{at}"));
        let (code, said, err) = case.apply(&["--output", path(&out)]);
        assert_eq!(code, if at == 0 { 5 } else { 4 }, "{said}{err}");
        let after = audit(&out);
        let tree = metadata(&after);
        assert_eq!(tree["difference"], 0, "{tree}");
        assert_eq!(tree["published_size"], tree["recomputed_size"]);
        // The total was right all along: it stays where it is, or follows the other tree.
        assert_eq!(after["database"]["difference"], 0, "{}", after["database"]);
    }
}
