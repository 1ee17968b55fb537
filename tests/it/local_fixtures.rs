//! The essentials of local homes on the fixtures alone, through the command line.

#![allow(clippy::unwrap_used)]

use crate::common;
use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

fn wtcheck(args: &[&str]) -> (Value, i32) {
    let out = Command::cargo_bin("wtcheck").unwrap().args(args).args(["--format", "json", "-q"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}: {text}"));
    (value, out.status.code().unwrap())
}

fn local(name: &str) -> String {
    common::fixture("local").join(name).display().to_string()
}

fn file<'v>(audit: &'v Value, name: &str) -> &'v Value {
    let files = audit["local"]["files"].as_array().unwrap();
    files.iter().find(|f| f["file"] == name).unwrap()
}

#[test]
fn a_whole_directory_is_clean_and_named() {
    let (audit, code) = wtcheck(&["audit", &local("mongo"), "--deep"]);
    assert_eq!((code, audit["verdict"].as_str()), (0, Some("clean")));
    // Deletes that the stored counts have not seen, and a table that no entry of the catalog names.
    let notes: Vec<_> = audit["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["severity"].as_str().unwrap(), f["code"].as_str().unwrap()))
        .collect();
    assert_eq!(notes, [("note", "catalog-mismatch"), ("note", "count-mismatch"), ("note", "count-mismatch")]);
    assert_eq!(audit["store"]["kind"], "local");
    assert_eq!(audit["local"]["catalog"]["source"], "turtle");
    assert_eq!(audit["local"]["log"]["needs_recovery"], false);
    let users = file(&audit, "collection-0--7234567890123456789.wt");
    assert_eq!((users["namespace"].as_str(), users["documents"].as_i64()), (Some("test.users"), Some(5000)));
    assert_eq!((users["space"]["available"].as_u64(), users["space"]["lost"].as_u64()), (Some(417_792), Some(0)));
    let tree = &audit["trees"].as_array().unwrap().iter().find(|t| t["uri"] == "file:WiredTigerHS.wt").unwrap();
    assert_eq!((tree["rows"]["keys"].as_u64(), tree["difference"].as_i64()), (Some(1000), Some(0)));
    assert_eq!(tree["recomputed_size"], tree["published_size"]);
}

#[test]
fn a_lost_range_is_found_listed_and_drawn() {
    let dir = local("lost-extent");
    let (audit, code) = wtcheck(&["audit", &dir]);
    assert_eq!(code, 1);
    let place = &audit["findings"][0]["place"];
    assert_eq!(audit["findings"][0]["code"], "extent-lost");
    assert_eq!((place["file"].as_str(), place["offset"].as_u64()), (Some("one.wt"), Some(1_208_320)));
    let detail = &audit["findings"][0]["detail"];
    assert_eq!(
        (detail["fact"].as_str(), detail["end"].as_u64().zip(detail["start"].as_u64()).map(|(e, s)| e - s)),
        (Some("lost"), Some(131_072)),
        "{detail}"
    );
    assert_eq!(audit["findings"][0]["found"], "1208320-1339392: in no tree, on no list, not free");
    let space = &file(&audit, "one.wt")["space"];
    assert_eq!(space["lost"], 131_072);
    let sum: u64 = ["description", "tree", "extent_list", "available", "discarded", "lost"]
        .iter()
        .map(|k| space[k].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 1_851_392);
    let (lost, code) = wtcheck(&["orphans", &dir]);
    assert_eq!((code, lost["total_bytes"].as_u64()), (1, Some(131_072)));
    let (map, code) = wtcheck(&["map", &format!("{dir}/one.wt")]);
    assert_eq!(code, 1);
    let picture = &map["pictures"][0];
    assert_eq!(picture["totals"]["lost"]["bytes"], 131_072);
    let runs = picture["runs"].as_array().unwrap();
    let mut at = 0;
    for run in runs {
        assert_eq!(run["start"].as_u64().unwrap(), at, "{run}");
        at += run["len"].as_u64().unwrap();
    }
    assert_eq!(at, 1_851_392);
}

#[test]
fn the_svg_lies_outside_and_is_whole() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("one.svg");
    let dir = local("lost-extent");
    let run = |path: &Path| {
        Command::cargo_bin("wtcheck")
            .unwrap()
            .args(["map", &format!("{dir}/one.wt"), "--svg", &path.display().to_string()])
            .output()
            .unwrap()
    };
    assert_eq!(run(&out).status.code(), Some(1));
    let svg = std::fs::read_to_string(&out).unwrap();
    assert!(
        svg.starts_with("<?xml") && svg.contains("<svg") && svg.trim_end().ends_with("</svg>") && svg.contains("lost")
    );
    assert_eq!(run(&out).status.code(), Some(2), "an existing file is not overwritten");
    let inside = Path::new(&dir).join("one.svg");
    assert_eq!(run(&inside).status.code(), Some(2));
    assert!(!inside.exists());
}

/// Without turtle, without metadata, and one file alone.
#[test]
fn what_is_left_of_a_directory_is_audited() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&common::fixture("local/mongo"), &home);
    let turtle = std::fs::read_to_string(home.join("WiredTiger.turtle")).unwrap();
    std::fs::remove_file(home.join("WiredTiger.turtle")).unwrap();
    let path = home.display().to_string();
    let (audit, code) = wtcheck(&["audit", &path]);
    assert_eq!((code, audit["totals"]["findings"]["file-missing"].as_u64()), (1, Some(1)));
    assert_eq!(audit["local"]["catalog"]["source"], "recovery");
    let worse = audit["findings"].as_array().unwrap().iter().filter(|f| f["severity"] != "note").count();
    assert_eq!(worse, 1);
    // What is proposed leads to the same checkpoint as what was there.
    let proposed = audit["local"]["catalog"]["proposed_turtle"].as_str().unwrap();
    let cookie = |t: &str| t.split("addr=\"").nth(1).unwrap().split('"').next().unwrap().to_string();
    assert_eq!(cookie(proposed), cookie(&turtle));
    std::fs::write(home.join("WiredTiger.turtle"), proposed).unwrap();
    assert_eq!(wtcheck(&["audit", &path]).1, 0);

    std::fs::remove_file(home.join("WiredTiger.turtle")).unwrap();
    std::fs::remove_file(home.join("WiredTiger.wt")).unwrap();
    let (audit, code) = wtcheck(&["audit", &path]);
    assert_eq!((code, audit["local"]["catalog"]["source"].as_str()), (1, Some("files")));
    assert_eq!(file(&audit, "collection-2--7234567890123456789.wt")["source"], "recovery");

    let lone = temp.path().join("collection.wt");
    std::fs::copy(home.join("collection-2--7234567890123456789.wt"), &lone).unwrap();
    let (audit, code) = wtcheck(&["audit", &lone.display().to_string(), "--deep"]);
    assert_eq!((code, audit["trees"][0]["rows"]["keys"].as_u64()), (0, Some(4000)));
}

#[test]
fn no_command_touches_a_local_home() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&common::fixture("local/mongo"), &home);
    let before = common::snapshot(&home);
    let (dir, file) = (home.display().to_string(), home.join("sizeStorer.wt").display().to_string());
    for args in [
        vec!["audit", &dir],
        vec!["audit", &dir, "--deep", "--no-mmap"],
        vec!["audit", &file],
        vec!["orphans", &dir],
        vec!["map", &dir],
        vec!["map", &file],
        vec!["page", &file, "--offset", "4096"],
    ] {
        assert_eq!(wtcheck(&args).1, 0, "{args:?}");
    }
    assert!(before == common::snapshot(&home));
}

#[test]
fn a_checkpoint_or_a_table_that_is_not_there_is_refused() {
    for args in [["--checkpoint", "nonsense"], ["--table", "nonsense*"]] {
        let out = Command::cargo_bin("wtcheck").unwrap().args(["audit", &local("mongo")]).args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        assert_eq!(String::from_utf8(out.stderr).unwrap().lines().count(), 1);
    }
    let out = Command::cargo_bin("wtcheck").unwrap().args(["page", &local("mongo"), "2", "100"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8(out.stderr).unwrap().contains("wtcheck page FILE --offset N"));
    let (audit, code) = wtcheck(&["audit", &local("mongo"), "--table", "test.*"]);
    assert_eq!((code, audit["trees"].as_array().unwrap().len()), (0, 4));
}

/// What the words of a finding say is there as values, too.
#[test]
fn findings_have_values_beside_their_words() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(Path::new(&local("lost-extent")), &home);
    let path = home.join("one.wt");
    let mut bytes = std::fs::read(&path).unwrap();
    let (whole, _) = wtcheck(&["audit", home.to_str().unwrap()]);
    let root = &file(&whole, "one.wt")["checkpoints"][0]["root"];
    let (offset, sum) = (root["offset"].as_u64().unwrap(), root["checksum"].as_u64().unwrap());
    bytes[usize::try_from(offset).unwrap() + 100] ^= 0x55;
    std::fs::write(&path, bytes).unwrap();
    let (audit, code) = wtcheck(&["audit", home.to_str().unwrap()]);
    assert_eq!(code, 1);
    let all = audit["findings"].as_array().unwrap();
    let finding = all.iter().find(|f| f["code"] == "block-checksum").unwrap();
    let detail = &finding["detail"];
    assert_eq!((detail["fact"].as_str(), detail["because"].as_str()), (Some("checksum"), Some("content")), "{detail}");
    assert_eq!((detail["expected_checksum"].as_u64(), detail["offset"].as_u64()), (Some(sum), Some(offset)));
    assert_eq!(finding["expected"], format!("checksum {sum:08x}"));
    let computed = detail["computed_checksum"].as_u64().unwrap();
    assert_eq!(finding["found"], format!("calculated block checksum of {computed:08x}"));
}
