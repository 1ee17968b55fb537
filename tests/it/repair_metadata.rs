//! Metadata that is lost, damaged or put aside, and single bits of blocks: what a repair makes of them, in a copy and
//! in place, and that undo gives every byte back. What the engine says of it: `tests/engine/metadata.py`.

use crate::common;
use crate::common::forge_local::{self, Spec};
use crate::common::{path, wtcheck};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use wtcheck::below::Below;
use wtcheck::home::edit::{self, FileChange};
use wtcheck::store::edit::{Side, State};

const METADATA: &str = "WiredTiger.wt";
const TURTLE: &str = "WiredTiger.turtle";

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

/// Newest cookie, formats and rows of every file but the metadata.
fn tables(audit: &Value) -> BTreeMap<String, String> {
    let all = audit["local"]["files"].as_array().unwrap().iter();
    all.filter(|f| f["file"] != METADATA)
        .map(|f| {
            let newest = f["checkpoints"].as_array().unwrap().last().cloned().unwrap_or_default();
            let what = format!("{} {} {} {}", f["id"], f["kind"], newest["root"], newest["rows"]);
            (f["file"].as_str().unwrap().to_string(), what)
        })
        .collect()
}

struct Mended {
    plan: Value,
    after: Value,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// Plan, apply to a copy and in place, undo both.
fn mend(label: &str, home: &Path, code: i32) -> Mended {
    let temp = tempfile::tempdir().unwrap();
    let (plan, out, own) = (temp.path().join("plan.yaml"), temp.path().join("out"), temp.path().join("own"));
    let source = common::snapshot(home);
    let (done, said, err) = wtcheck(&["repair", "plan", path(home), "-o", path(&plan)]);
    assert!(done == 1 || done == 0, "{label}: {said}{err}");
    let text = fs::read_to_string(&plan).unwrap_or_else(|e| panic!("{label}: {e}: {said}{err}"));
    let (done, json, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&out), "--format", "json"]);
    assert_eq!(done, code, "{label}: {json}{err}");
    assert_eq!(common::snapshot(home), source, "{label}: the source was touched");
    let (then, now) = (files(home), files(&out));
    let after = audit(&out);
    let undo = |json: &str, dir: &Path| {
        let report: Value = serde_json::from_str(json).unwrap();
        let journal = report["journal"].as_str().unwrap();
        let (done, said, err) = wtcheck(&["repair", "undo", journal]);
        assert_eq!(done, 0, "{label}: {said}{err}");
        let mut back = files(dir);
        if !then.contains_key(Path::new("WiredTiger.lock")) {
            back.remove(Path::new("WiredTiger.lock"));
        }
        assert!(back == then, "{label}: undo");
        let (done, _, err) = wtcheck(&["repair", "undo", journal]);
        assert!(done == 3 && err.contains("nothing to undo"), "{label}: {err}");
    };
    undo(&json, &out);
    common::copy_dir(home, &own);
    let in_place = ["repair", "apply", path(&plan), "--in-place", "--yes", "--dir", path(&own), "--format", "json"];
    let (done, json, err) = wtcheck(&in_place);
    assert_eq!(done, code, "{label}: {json}{err}");
    undo(&json, &own);
    Mended { plan: serde_yaml::from_str(&text).unwrap(), after, files: now }
}

fn homes() -> Vec<(String, PathBuf)> {
    let real =
        ["classic-one", "classic-small", "classic-mongo-like"].map(|n| (n.to_string(), common::real(n).join("db")));
    let mut out = vec![("local/mongo".to_string(), common::fixture("local/mongo"))];
    out.extend(real);
    out
}

fn damage(home: &Path, how: &str) {
    let metadata = home.join(METADATA);
    let bytes = fs::read(&metadata).unwrap();
    match how {
        "lost" => fs::remove_file(&metadata).unwrap(),
        "lost with the turtle" => {
            fs::remove_file(&metadata).unwrap();
            fs::remove_file(home.join(TURTLE)).unwrap();
        }
        "zeroed" => fs::write(&metadata, vec![0; bytes.len()]).unwrap(),
        "empty" => fs::write(&metadata, []).unwrap(),
        "cut" => fs::write(&metadata, &bytes[..4096 + 512]).unwrap(),
        "without its roots" => {
            let mut bytes = bytes;
            for at in (4096..bytes.len()).step_by(4096).collect::<Vec<_>>() {
                if bytes[at + 24] == 6 {
                    bytes[at + 64..at + 128].fill(0x77);
                }
            }
            fs::write(&metadata, bytes).unwrap();
        }
        _ => panic!("{how}"),
    }
}

#[test]
fn metadata_comes_back_from_the_files() {
    for (name, home) in homes() {
        let wanted = tables(&audit(&home));
        for how in ["lost", "lost with the turtle", "zeroed", "empty", "cut", "without its roots"] {
            let label = format!("{name} {how}");
            let temp = tempfile::tempdir().unwrap();
            let own = temp.path().join("home");
            common::copy_dir(&home, &own);
            damage(&own, how);
            let done = mend(&label, &own, 4);
            assert_eq!(done.plan["actions"][0]["do"], "rebuild-metadata", "{label}");
            assert_eq!(done.after["verdict"], "clean", "{label}");
            let found = tables(&done.after);
            // What was never written to may have got another number, or is named where nothing says what it was.
            let left_out = done.plan["actions"][0]["left_out"].as_array().cloned().unwrap_or_default();
            for (file, what) in &wanted {
                let unused = what.contains(" null ");
                match found.get(file) {
                    Some(now) => assert!(now == what || unused, "{label}: {file}: {now} instead of {what}"),
                    None => assert!(unused && left_out.iter().any(|l| l["file"] == **file), "{label}: {file}"),
                }
            }
            assert!(found.keys().all(|file| wanted.contains_key(file)), "{label}: {found:?}");
            // No file of a table is touched.
            let then = files(&own);
            for (file, bytes) in &done.files {
                let own = [METADATA, TURTLE, "WiredTiger.lock"].contains(&file.to_str().unwrap());
                assert!(own || then.get(file) == Some(bytes), "{label}: {}", file.display());
            }
        }
    }
}

#[test]
fn hundreds_of_tables_come_back() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    fs::create_dir(&home).unwrap();
    let mut list = Vec::new();
    for n in 0..400_u64 {
        let mut spec = Spec::new(&format!("table-{n}-of-a-long-name-that-fills-pages.wt"), n + 2);
        spec.alloc = if n % 9 == 0 { 512 } else { 4096 };
        let row = |k: u64| (format!("{k:08}").into_bytes(), vec![b'v'; 20]);
        let text = match n % 13 {
            5 => forge_local::empty(&home, &spec),
            _ => forge_local::file(&home, &spec, &mut (0..n % 40 + 1).map(row)),
        };
        list.push((spec.name, text));
    }
    forge_local::home(&home, &list);
    fs::remove_file(home.join(METADATA)).unwrap();
    let done = mend("400 tables", &home, 4);
    let found = tables(&done.after);
    let there = list.iter().filter(|(name, _)| found.contains_key(name)).count();
    // Files that were never written to are named, for nothing says how they were made.
    let left_out = done.plan["actions"][0]["left_out"].as_array().unwrap();
    assert_eq!((there, left_out.len()), (369, 31), "{left_out:?}");
    let metadata = &done.after["local"]["files"].as_array().unwrap().iter().find(|f| f["file"] == METADATA).unwrap();
    let newest = metadata["checkpoints"].as_array().unwrap().last().unwrap();
    assert!(newest["pages"]["reachable"].as_u64() > Some(5), "{newest}");
}

#[test]
fn what_was_put_aside_goes_back() {
    let cases = common::real("cases").join("homes");
    let case = |name: &str| cases.join(name);
    let clean = tables(&audit(&case("mongo-clean")));
    let done = mend("turtle set", &case("turtle-set-left"), 4);
    assert_eq!(done.plan["actions"][0]["do"], "rename-turtle");
    assert_eq!(tables(&done.after), clean);
    assert!(!done.files.contains_key(Path::new("WiredTiger.turtle.set")));

    let home = case("restarted-without-turtle");
    let done = mend("restarted", &home, 4);
    assert_eq!(done.plan["actions"][0]["do"], "restore-metadata");
    assert_eq!(tables(&done.after), clean);
    let then = files(&home);
    assert_eq!(done.files[Path::new(METADATA)], then[Path::new("WiredTiger.wt.1")]);
    assert_eq!(done.files[Path::new("WiredTiger.wt.2")], then[Path::new(METADATA)]);
    assert!(!done.files.contains_key(Path::new("WiredTiger.wt.1")));

    // With it, its catalog: the one in its place is of the new life.
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("home");
    common::copy_dir(&home, &own);
    fs::rename(own.join("_mdb_catalog.wt"), own.join("_mdb_catalog.wt.1")).unwrap();
    fs::copy(own.join("sizeStorer.wt"), own.join("_mdb_catalog.wt")).unwrap();
    let done = mend("restarted and used", &own, 4);
    assert_eq!(done.plan["actions"][0]["do"], "rebuild-metadata");
    assert_eq!(done.plan["actions"][0]["put_back"][0]["from"], "_mdb_catalog.wt.1");
    assert_eq!(tables(&done.after), clean);
    assert_eq!(done.files[Path::new("_mdb_catalog.wt")], then[Path::new("_mdb_catalog.wt")]);
}

#[test]
fn a_single_bit_goes_back() {
    for (name, home) in [homes().remove(0), homes().remove(3)] {
        let clean = audit(&home);
        let sound = files(&home);
        for file in clean["local"]["files"].as_array().unwrap() {
            let newest = file["checkpoints"].as_array().unwrap().last().cloned().unwrap_or_default();
            let Some(at) = newest["root"]["offset"].as_u64() else { continue };
            let file = file["file"].as_str().unwrap();
            // A byte of the page header, of the content, and of the checksum itself.
            for byte in [9_u64, 60, 33] {
                let temp = tempfile::tempdir().unwrap();
                let own = temp.path().join("home");
                common::copy_dir(&home, &own);
                let mut bytes = sound[Path::new(file)].clone();
                bytes[usize::try_from(at + byte).unwrap()] ^= 0x10;
                fs::write(own.join(file), bytes).unwrap();
                let label = format!("{name} {file} byte {byte}");
                let done = mend(&label, &own, 4);
                let action = &done.plan["actions"][0];
                assert_eq!((&action["do"], &action["bit"]), (&"flip-bit".into(), &4.into()), "{label}");
                assert_eq!(action["byte"], byte, "{label}");
                assert_eq!(done.plan["actions"].as_array().unwrap().len(), 1, "{label}");
                let mut now = done.files;
                if !sound.contains_key(Path::new("WiredTiger.lock")) {
                    now.remove(Path::new("WiredTiger.lock"));
                }
                assert!(now == sound, "{label}");
            }
        }
    }
}

#[test]
fn two_bits_of_a_block_stay() {
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("home");
    common::copy_dir(&common::fixture("local/mongo"), &own);
    let all = audit(&own);
    let file = all["local"]["files"].as_array().unwrap().iter().find(|f| f["file"] == "_mdb_catalog.wt").unwrap();
    let root = file["checkpoints"].as_array().unwrap().last().unwrap()["root"]["offset"].as_u64().unwrap();
    let mut bytes = fs::read(own.join("_mdb_catalog.wt")).unwrap();
    for byte in [50, 70] {
        bytes[usize::try_from(root).unwrap() + byte] ^= 1;
    }
    fs::write(own.join("_mdb_catalog.wt"), bytes).unwrap();
    let (_, out, err) = wtcheck(&["repair", "plan", path(&own)]);
    assert!(out.contains("actions: []"), "{out}{err}");
}

#[test]
fn what_cannot_be_made_anew_says_why() {
    let temp = tempfile::tempdir().unwrap();
    let advice = |label: &str, wanted: &str, prepare: &dyn Fn(&Path)| {
        let own = temp.path().join(label);
        prepare(&own);
        let (_, out, err) = wtcheck(&["repair", "plan", path(&own)]);
        assert!(out.contains("actions: []"), "{label}: {out}{err}");
        let plan: Value = serde_yaml::from_str(&out).unwrap();
        let said = plan["advice"].to_string();
        assert!(said.contains(wanted), "{label}: {said}{err}");
    };
    advice("encrypted", "encrypted", &|own| {
        common::copy_dir(&common::real("classic-encrypted").join("db"), own);
        fs::remove_file(own.join(METADATA)).unwrap();
    });
    advice("no version", "version", &|own| {
        common::copy_dir(&common::fixture("local/mongo"), own);
        for name in [METADATA, TURTLE, "WiredTiger"] {
            fs::remove_file(own.join(name)).unwrap();
        }
        // A home all the same.
        fs::write(own.join("WiredTiger.basecfg"), "version=(major=12,minor=0)\n").unwrap();
    });
}

/// A rename knows its file by its content, goes both ways from either side, and takes no name that is taken.
#[test]
fn renames_go_both_ways() {
    let temp = tempfile::tempdir().unwrap();
    let dir = Below::open(temp.path()).unwrap();
    let at = |name: &str| temp.path().join(name);
    fs::write(at("fresh"), b"created since").unwrap();
    fs::write(at("old"), vec![7; 300_000]).unwrap();
    let of = |file: &str, to: &str, bytes: &[u8]| {
        let ends = [&bytes[..bytes.len().min(65536)], &bytes[bytes.len() - bytes.len().min(65536)..]].concat();
        let (len, ends) = (bytes.len() as u64, wtcheck::format::crc::crc32c(&ends));
        FileChange::Rename { file: file.into(), to: to.into(), len, ends }
    };
    // The name of the one goes to the other.
    let changes = [of("fresh", "kept", b"created since"), of("old", "fresh", &[7; 300_000])];
    let states = || changes.iter().map(|c| edit::state(&dir, c).unwrap()).collect::<Vec<_>>();
    assert_eq!(states(), [State::Before, State::Before]);
    for _ in 0..2 {
        edit::carry_out(&dir, &changes, Side::After).unwrap();
        assert_eq!(states(), [State::After, State::After]);
        assert_eq!(fs::read(at("fresh")).unwrap().len(), 300_000);
    }
    // Stopped half way, it goes to either side.
    fs::rename(at("fresh"), at("old")).unwrap();
    assert_eq!(states(), [State::After, State::Before]);
    edit::carry_out(&dir, &changes, Side::After).unwrap();
    fs::rename(at("fresh"), at("old")).unwrap();
    edit::carry_out(&dir, &changes, Side::Before).unwrap();
    assert_eq!(fs::read(at("fresh")).unwrap(), b"created since");
    assert_eq!(states(), [State::Before, State::Before]);
    // A name that is taken by something else; a file that is another; a link.
    fs::write(at("kept"), b"somebody's").unwrap();
    assert!(edit::carry_out(&dir, &changes, Side::After).is_err());
    assert_eq!(fs::read(at("kept")).unwrap(), b"somebody's");
    fs::remove_file(at("kept")).unwrap();
    fs::write(at("fresh"), b"not it now").unwrap();
    assert!(matches!(states()[0], State::Other(_)));
    assert!(edit::carry_out(&dir, &changes, Side::After).is_err());
    fs::remove_file(at("fresh")).unwrap();
    symlink(at("old"), at("fresh")).unwrap();
    assert!(edit::carry_out(&dir, &changes, Side::After).is_err());
    assert!(at("old").exists() && !at("kept").exists());
}

/// Write over the beginning of files.
fn overwrite(home: &Path, names: &[String], bytes: impl Fn(&[u8]) -> Vec<u8>) {
    for name in names {
        let mut file = fs::read(home.join(name)).unwrap();
        let new = bytes(&file);
        file[..new.len()].copy_from_slice(&new);
        fs::write(home.join(name), file).unwrap();
    }
}

/// The first block of a file holds no rows, and comes back byte for byte; of the metadata and the history store too.
#[test]
fn first_blocks_are_rebuilt() {
    let mut all = homes();
    for release in ["2.9.3", "3.2.1", "10.0.0", "11.3.1", "12.0.0"] {
        let name = format!("{release}--basic");
        all.push((name.clone(), common::real("engines").join(&name).join("basic")));
    }
    all.push(("no rows".into(), common::real("engines").join("10.0.0--empty").join("empty")));
    for (name, home) in all {
        let before = audit(&home);
        let listed = before["local"]["files"].as_array().unwrap().iter();
        let with_pages =
            |f: &&Value| f["checkpoints"].as_array().unwrap().last().is_some_and(|c| c["complete"] == true);
        let names: Vec<String> = listed.filter(with_pages).map(|f| f["file"].as_str().unwrap().to_string()).collect();
        assert!(names.len() >= 2 && names.iter().any(|n| n == METADATA), "{name}: {names:?}");
        let sound = files(&home);
        let zeros = |_: &[u8]| vec![0_u8; 512];
        let bit = |file: &[u8]| vec![file[0] ^ 4];
        let checksum = |file: &[u8]| [&file[..8], &[!file[8]]].concat();
        for (how, bytes) in [("zeros", &zeros as &dyn Fn(&[u8]) -> Vec<u8>), ("bit", &bit), ("checksum", &checksum)] {
            let label = format!("{name}, {how}");
            let temp = tempfile::tempdir().unwrap();
            let own = temp.path().join("home");
            common::copy_dir(&home, &own);
            overwrite(&own, &names, bytes);
            let done = mend(&label, &own, if before["verdict"] == "clean" { 4 } else { 5 });
            let actions = done.plan["actions"].as_array().unwrap();
            assert_eq!(actions.len(), names.len(), "{label}: {actions:?}");
            assert!(actions.iter().all(|a| a["do"] == "rebuild-first-block"), "{label}: {actions:?}");
            let mut now = done.files;
            if !sound.contains_key(Path::new("WiredTiger.lock")) {
                now.remove(Path::new("WiredTiger.lock"));
            }
            assert!(now == sound, "{label}");
        }
    }
}

/// Where the file is not whole behind it, or the block was written that way, it is not for a repair.
#[test]
fn first_blocks_that_are_not_rebuilt() {
    let home = common::fixture("local/mongo");
    let file = "collection-0--7234567890123456789.wt".to_string();
    let temp = tempfile::tempdir().unwrap();
    let planned = |label: &str, damage: &dyn Fn(&Path)| {
        let own = temp.path().join(label);
        common::copy_dir(&home, &own);
        damage(&own);
        let (_, out, err) = wtcheck(&["repair", "plan", path(&own)]);
        assert!(out.contains("actions: []") && out.contains("descriptor-invalid: 1"), "{label}: {out}{err}");
        let (_, out, _) = wtcheck(&["audit", path(&own)]);
        assert!(!out.contains("repair plan") || out.contains("if the rest"), "{label}: {out}");
    };
    // All of it is zeros, or its root is.
    planned("zeroed", &|own| overwrite(own, std::slice::from_ref(&file), |bytes| vec![0; bytes.len()]));
    // Of a version that is newer, by a checksum that holds.
    planned("newer", &|own| {
        overwrite(own, std::slice::from_ref(&file), |bytes| {
            let mut block = bytes[..4096].to_vec();
            block[4] = 9;
            block[8..12].fill(0);
            let sum = crc32c::crc32c(&block);
            block[8..12].copy_from_slice(&sum.to_le_bytes());
            block
        });
    });
    // With a list of its space damaged, too, an engine that opens the file panics.
    planned("list", &|own| {
        let before = audit(own);
        let listed = before["local"]["files"].as_array().unwrap().iter().find(|f| f["file"] == file.as_str()).unwrap();
        let list = listed["checkpoints"].as_array().unwrap().last().unwrap()["avail"]["offset"].as_u64().unwrap();
        overwrite(own, std::slice::from_ref(&file), |_| vec![0; 4096]);
        let mut bytes = fs::read(own.join(&file)).unwrap();
        bytes[usize::try_from(list).unwrap() + 64..][..40].fill(0);
        fs::write(own.join(&file), bytes).unwrap();
        let (_, out, _) = wtcheck(&["audit", path(own), "-q"]);
        assert!(out.contains("how the file books its space is damaged"), "{out}");
    });
    // Of another allocation size, shorter or longer.
    for (label, size) in [("shorter", 512), ("longer", 16_384)] {
        planned(label, &|own| {
            let other = wtcheck::format::local::encode_descriptor(size).unwrap();
            overwrite(own, std::slice::from_ref(&file), |_| other.clone());
            let (_, out, _) = wtcheck(&["audit", path(own)]);
            assert!(out.contains("The block was written that way"), "{out}");
        });
    }
}

/// Space that belongs to nothing is no reason to leave a file shut.
#[test]
fn a_first_block_beside_lost_space() {
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("home");
    common::copy_dir(&common::fixture("local/lost-extent"), &own);
    overwrite(&own, &["one.wt".to_string()], |_| vec![0; 100]);
    let done = mend("lost extent", &own, 5);
    assert_eq!(done.plan["actions"][0]["do"], "rebuild-first-block");
}

/// Of an index, nothing is lost whatever else of it is damaged.
#[test]
fn a_first_block_of_an_index_loses_no_document() {
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("home");
    common::copy_dir(&common::fixture("local/mongo"), &own);
    let file = "index-1--7234567890123456789.wt";
    let before = audit(&own);
    let listed = before["local"]["files"].as_array().unwrap().iter().find(|f| f["file"] == file).unwrap();
    let root = listed["checkpoints"].as_array().unwrap().last().unwrap()["root"]["offset"].as_u64().unwrap();
    let mut bytes = fs::read(own.join(file)).unwrap();
    bytes[..4096].fill(0);
    bytes[usize::try_from(root).unwrap() + 64..][..200].fill(0);
    fs::write(own.join(file), bytes).unwrap();
    let (_, out, _) = wtcheck(&["audit", path(&own), "-q"]);
    let said = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.to_lowercase().contains("no document") && !said.contains("not known"), "{said}");
}

/// Where no row says it and no checkpoint was found, an allocation size is a guess.
#[test]
fn a_first_block_of_unknown_size_stays() {
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("home");
    common::copy_dir(&common::real("classic-encrypted").join("db"), &own);
    let mut file = wtcheck::format::local::encode_descriptor(16_384).unwrap();
    file[..16].fill(0);
    file.resize(5 * 16_384, 7);
    fs::write(own.join("x16.wt"), file).unwrap();
    let (_, out, err) = wtcheck(&["repair", "plan", path(&own)]);
    assert!(out.contains("actions: []") && out.contains("descriptor-invalid: 1"), "{out}{err}");
}

/// Who reads the audit is told that nothing is lost, and the command.
#[test]
fn a_damaged_first_block_loses_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("home");
    common::copy_dir(&common::fixture("local/mongo"), &own);
    overwrite(&own, &["collection-0--7234567890123456789.wt".to_string()], |_| vec![0; 4096]);
    let (code, out, _) = wtcheck(&["audit", path(&own), "-q"]);
    let said = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 1 && said.contains("Lost nothing: the data reads in full"), "{said}");
    assert!(said.contains("Do now wtcheck repair plan"), "{said}");
}
