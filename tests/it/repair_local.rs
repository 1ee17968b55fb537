//! Repairs of homes of local block files by the command line: sizes and turtles, applied to a copy
//! and in place, undone byte for byte.

use crate::common;
use crate::common::{path, wtcheck};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wtcheck::below::Below;
use wtcheck::home::directory::{self, Home};
use wtcheck::home::edit::{self, LocalEdit};
use wtcheck::store::edit::Side;

fn audit(home: &Path) -> Value {
    let (_, out, err) = wtcheck(&["audit", path(home), "--deep", "--format", "json"]);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {err}"))
}

/// Files and their bytes, without the journals.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = common::snapshot(dir).into_iter().filter(|(p, _)| p.is_file());
    all.filter(|(p, _)| p.extension().is_none_or(|e| e != "journal"))
        .map(|(p, (_, bytes))| (p.strip_prefix(dir).unwrap().to_path_buf(), bytes))
        .collect()
}

/// A copy of a home in which the newest checkpoint of a file has a size that is wrong by so much.
fn wrong_size(from: &Path, to: &Path, file: &str, by: u64) {
    common::copy_dir(from, to);
    let home = Home::open(to, directory::Options::default()).unwrap();
    let entry = home.files.iter().find(|f| f.name == file).unwrap();
    let last = entry.checkpoints.last().unwrap();
    let audit = audit(to);
    let info = audit["local"]["files"].as_array().unwrap().iter().find(|f| f["file"] == file).unwrap().clone();
    let of = |name: &str| info["checkpoints"].as_array().unwrap().last().unwrap()[name].as_u64().unwrap();
    let set = LocalEdit::SetSize {
        file: file.into(),
        checkpoint: last.name.clone(),
        size: of("published_size") + by,
        cookie_size: of("checkpoint_size") + by,
    };
    let changes = edit::changes(&home, &[set], 1_800_000_000).unwrap();
    edit::carry_out(&Below::open(to).unwrap(), &changes, Side::After).unwrap();
}

/// Plan, apply to a copy and in place, undo both.
fn mend(what: &str, home: &Path, errors: &str) {
    let temp = tempfile::tempdir().unwrap();
    let (plan, out) = (temp.path().join("plan.yaml"), temp.path().join("out"));
    let before = audit(home);
    assert!(before["totals"]["findings"][errors].as_u64() >= Some(1), "{what}: {}", before["totals"]);
    let source = common::snapshot(home);
    let (code, _, err) = wtcheck(&["repair", "plan", path(home), "-o", path(&plan)]);
    assert_eq!(code, 1, "{what}: {err}");
    let (code, json, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&out), "--format", "json"]);
    assert_eq!(code, 4, "{what}: {json}{err}");
    assert_eq!(common::snapshot(home), source, "{what}: the source was touched");
    let after = audit(&out);
    assert_eq!((&after["verdict"], &after["totals"]["errors"]), (&"clean".into(), &0.into()), "{what}");
    for file in after["local"]["files"].as_array().unwrap() {
        let space = &file["space"];
        assert_eq!((&space["lost"], &space["overlapping"]), (&0.into(), &0.into()), "{what}: {}", file["file"]);
        assert_eq!(file["checkpoints"].as_array().unwrap().last().map(|c| &c["difference"]), Some(&0.into()), "{what}");
    }
    // No file but the metadata and the turtle has changed, and the metadata only behind its old end.
    let (then, now) = (files(home), files(&out));
    for (name, bytes) in &now {
        match name.to_str().unwrap() {
            "WiredTiger.turtle" => {}
            "WiredTiger.wt" => assert!(bytes.starts_with(&then[name]), "{what}: what was there was changed"),
            _ => assert!(then.get(name) == Some(bytes), "{what}: {}", name.display()),
        }
    }
    let report: Value = serde_json::from_str(&json).unwrap();
    let undo = |journal: &str, dir: &Path| {
        let (code, said, err) = wtcheck(&["repair", "undo", journal]);
        assert_eq!(code, 0, "{what}: {said}{err}");
        assert!(files(dir) == then, "{what}: undo");
        let (code, _, err) = wtcheck(&["repair", "undo", journal]);
        assert!(code == 3 && err.contains("nothing to undo"), "{what}: {err}");
    };
    undo(report["journal"].as_str().unwrap(), &out);

    let own = temp.path().join("own");
    common::copy_dir(home, &own);
    let in_place = ["repair", "apply", path(&plan), "--in-place", "--yes", "--dir", path(&own), "--format", "json"];
    let (code, json, err) = wtcheck(&in_place);
    assert_eq!(code, 4, "{what}: {json}{err}");
    assert!(files(&own) == now, "{what}: in place as in the copy");
    let (code, _, err) = wtcheck(&in_place);
    assert!(code == 3 && err.contains("not as it was for the plan"), "{what}: applied twice: {err}");
    let report: Value = serde_json::from_str(&json).unwrap();
    let journal = report["journal"].as_str().unwrap();
    // The engine's next checkpoint of the metadata writes a new turtle.
    let turtle = own.join("WiredTiger.turtle");
    let mended = std::fs::read_to_string(&turtle).unwrap();
    std::fs::write(&turtle, mended.replace("write_gen=", "write_gen=1")).unwrap();
    let (code, _, err) = wtcheck(&["repair", "undo", journal]);
    assert!(code == 3 && err.contains("changed since"), "{what}: {err}");
    std::fs::write(&turtle, mended).unwrap();
    undo(journal, &own);
}

fn homes() -> Vec<(String, PathBuf)> {
    let mut out = vec![("local/mongo".to_string(), common::fixture("local/mongo"))];
    out.extend(
        ["classic-one", "classic-small", "classic-mongo-like"].map(|n| (n.to_string(), common::real(n).join("db"))),
    );
    out
}

#[test]
fn sizes() {
    for (name, home) in homes() {
        let clean = audit(&home);
        // The first and the last file with a tree, and the history store if it has one.
        let all = clean["local"]["files"].as_array().unwrap();
        let named = |f: &Value| f["file"].as_str().unwrap().to_string();
        let with_tree: Vec<String> = all
            .iter()
            .filter(|f| f["checkpoints"].as_array().unwrap().last().is_some_and(|c| !c["root"].is_null()))
            .map(named)
            .filter(|n| n != "WiredTiger.wt")
            .collect();
        let chosen = [with_tree.first(), with_tree.last()];
        for (file, by) in chosen.into_iter().flatten().zip([4096, 1 << 40]) {
            let temp = tempfile::tempdir().unwrap();
            let home_with = temp.path().join("home");
            wrong_size(&home, &home_with, file, by);
            mend(&format!("{name} {file}"), &home_with, "checkpoint-size-mismatch");
        }
    }
}

#[test]
fn turtles() {
    for (name, home) in homes() {
        for how in ["missing", "empty", "cut", "zeroed"] {
            let temp = tempfile::tempdir().unwrap();
            let own = temp.path().join("home");
            common::copy_dir(&home, &own);
            let turtle = own.join("WiredTiger.turtle");
            let text = std::fs::read(&turtle).unwrap();
            match how {
                "missing" => std::fs::remove_file(&turtle).unwrap(),
                "empty" => std::fs::write(&turtle, "").unwrap(),
                "cut" => std::fs::write(&turtle, &text[..text.len() / 2]).unwrap(),
                _ => std::fs::write(&turtle, vec![0; text.len()]).unwrap(),
            }
            let code = if how == "missing" { "file-missing" } else { "turtle-invalid" };
            mend(&format!("{name} {how}"), &own, code);
        }
    }
}

#[test]
fn one_file_is_no_home() {
    let file = common::fixture("local/mongo").join("WiredTiger.wt");
    let (code, _, err) = wtcheck(&["repair", "plan", path(&file)]);
    assert!(code != 0 && err.lines().count() == 1, "{code} {err}");
    // Nothing to do in a clean home.
    let (code, out, err) = wtcheck(&["repair", "plan", path(&common::fixture("local/mongo"))]);
    assert!(code == 0 && out.contains("actions: []"), "{code} {err}");
}
