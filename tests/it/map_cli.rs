//! `wtcheck map`: pictures that agree with the audit to the row, text that any terminal can show, SVG
//! that any XML reader accepts, and nothing written where it should not be.

use crate::common;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use wtcheck::audit::{self, Options, Silent};
use wtcheck::id::TableId;
use wtcheck::store;

const SAMPLES: [(&str, i32); 5] = [
    ("2025-11-bitflip-missing-delta", 1),
    ("2026-02-double-root", 1),
    ("2026-07-dup-delta-wal", 0),
    ("2026-07-leak-full", 1),
    ("2026-07-stale-keystore-inflight", 1),
];

fn home(name: &str) -> String {
    common::fixture("palite").join(name).display().to_string()
}

fn map_in(locale: &str, args: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("wtcheck").unwrap();
    for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("LANG", locale).arg("map").args(args).output().unwrap()
}

fn map(args: &[&str]) -> Output {
    map_in("C.UTF-8", args)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(args: &[&str]) -> Value {
    let out = map(&[args, &["--format", "json"]].concat());
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {}", text(&out.stderr)))
}

fn u(v: &Value) -> u64 {
    v.as_u64().unwrap()
}

/// Runs as (position, kind), after a look at their order.
fn positions(picture: &Value) -> BTreeMap<u64, String> {
    let (start, length) = (u(&picture["start"]), u(&picture["length"]));
    let mut out = BTreeMap::new();
    let mut end = start;
    let mut last = None;
    for run in picture["runs"].as_array().unwrap() {
        let (from, len, kind) = (u(&run["start"]), u(&run["len"]), run["kind"].as_str().unwrap());
        assert!(len > 0 && from >= end, "ascending and disjoint: {run}");
        assert!(from > end || last != Some(kind), "merged: {run}");
        (end, last) = (from + len, Some(kind));
        out.extend((from..end).map(|at| (at, kind.to_string())));
    }
    assert_eq!(end, start + length, "the axis ends with the last run");
    out
}

#[test]
fn runs_cover_exactly_the_versions_and_totals_are_the_audits() {
    for (name, code) in SAMPLES {
        let store = store::open(Path::new(&home(name)), &store::OpenOptions::default()).unwrap();
        let opened = audit::pagelog::open(&*store, true, &Silent).unwrap();
        let (audit, class) = audit::pagelog::run_on(&opened, "HOME", &Options::default(), &Silent).unwrap();
        let all = json(&[&home(name)]);
        assert_eq!((&all["schema_version"], &all["exit_code"]), (&1.into(), &code.into()), "{name}");
        assert_eq!(u(&all["audit"]["errors"]), audit.totals.errors, "{name}");
        assert!(all["pictures"].as_array().unwrap().is_empty());
        for (class, total) in &audit.versions {
            let found = &all["versions"][class];
            let found = (found["count"].as_u64().unwrap_or(0), found["bytes"].as_u64().unwrap_or(0));
            assert_eq!(found, (total.count, total.bytes), "{name}: {class}");
        }
        let mut seen = 0;
        for tree in all["trees"].as_array().unwrap() {
            let table = u(&tree["table_id"]);
            let range = opened.index.table(TableId(table));
            let rows: Vec<_> = opened.index.slice(range.clone()).iter().zip(&class[range]).collect();
            seen += rows.len();
            let bytes: u64 = rows.iter().map(|(r, _)| u64::from(r.len)).sum();
            assert_eq!((u(&tree["versions"]), u(&tree["bytes"])), (rows.len() as u64, bytes), "{name} {table}");
            let damaged: Vec<_> = audit.findings.iter().filter(|f| f.code.name().starts_with("page-")).collect();
            let damaged: Vec<_> = damaged.into_iter().map(|f| (f.place.table_id, f.place.page_id)).collect();
            for by in ["page", "lsn"] {
                let one = json(&[&home(name), "--table", &table.to_string(), "--by", by]);
                let [picture] = one["pictures"].as_array().unwrap().as_slice() else { panic!("{name} {table}") };
                assert_eq!(picture["schema_version"], 1);
                assert_eq!(picture["axis"], if by == "page" { "page-id" } else { "lsn" });
                let found = positions(picture);
                let mut expected: Vec<u64> =
                    rows.iter().map(|(r, _)| if by == "page" { r.page.get() } else { r.lsn.get() }).collect();
                expected.sort_unstable();
                expected.dedup();
                assert_eq!(found.keys().copied().collect::<Vec<_>>(), expected, "{name} {table} {by}");
                for (row, class) in &rows {
                    let kind = &found[&if by == "page" { row.page.get() } else { row.lsn.get() }];
                    let is_damaged = damaged.contains(&(Some(TableId(table)), Some(row.page)));
                    let exact = by == "lsn" || class.name() == "orphan";
                    assert!(!exact || kind == class.name() || kind == "damaged", "{name} {table} {by} {row:?}: {kind}");
                    assert!(by == "lsn" || !is_damaged || kind == "damaged", "{name} {table} {row:?}: {kind}");
                }
                let totals = picture["totals"].as_object().unwrap();
                assert_eq!(
                    totals.values().map(|t| t["versions"].as_u64().unwrap_or(0)).sum::<u64>(),
                    rows.len() as u64
                );
                let units: u64 = totals.values().map(|t| u(&t["units"])).sum();
                assert_eq!(units, u(&picture["length"]), "{name} {table} {by}");
            }
        }
        assert_eq!(seen, opened.index.len(), "{name}: every row is in some tree");
    }
}

#[test]
fn leaks_and_damage_are_seen() {
    let home_of = |name| home(name);
    let leak = home_of("2026-07-leak-full");
    let out = map(&[&leak]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stderr), "");
    let shown = text(&out.stdout);
    let bar = shown.lines().find(|l| l.starts_with("accounts00 ") && l.contains('█')).unwrap();
    assert_eq!((bar.matches('●').count(), bar.matches('•').count()), (1, 1), "{shown}");
    assert!(shown.contains("--table accounts00\n"), "{shown}");
    assert!(shown.ends_with(&format!("\nThe audit has 4 errors: run wtcheck audit {leak}\n")), "{shown}");
    for name in ["accounts00", "file:accounts00.wt_stable", "acc*", "25"] {
        let shown = text(&map(&[&leak, "--table", name]).stdout);
        assert!(shown.starts_with("accounts00, table 25, by page id\n"), "{shown}");
        for words in ["\n100  ███████▄██●▄", "orphan: page 110\n", "orphan: pages 182 to 183\n", "1.8 %"]
        {
            assert!(shown.contains(words), "{words} in {shown}");
        }
        // A path is as long as it is.
        let narrow = |l: &str| l.starts_with(['┌', '│', '╞', '└', 'T']) || l.contains(&leak) || l.chars().count() <= 80;
        assert!(shown.lines().all(narrow), "{shown}");
    }
    let shown = text(&map(&[&leak, "--table", "25", "--by", "lsn"]).stdout);
    assert!(shown.contains("orphan: LSN 231 to 233\n") && shown.contains("●●●"), "{shown}");
    let shown = text(&map(&[&home_of("2025-11-bitflip-missing-delta"), "--table", "ledger01"]).stdout);
    for words in ["damaged: page 115\n", "damaged: page 121\n", "damaged: page 144\n"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    let clean = map(&[&home_of("2026-07-dup-delta-wal")]);
    assert_eq!(clean.status.code(), Some(0));
    assert!(!text(&clean.stdout).contains("The audit has"));
    let warned = text(&map(&[&home_of("2026-02-double-root")]).stdout);
    assert!(warned.contains("The audit has 1 warning: "), "{warned}");
    // Several trees: one picture each.
    let several = text(&map(&[&leak, "--table", "{accounts00,ledger01}"]).stdout);
    assert_eq!(several.matches("one character is").count(), 2, "{several}");
}

#[test]
fn colour_and_characters_are_what_the_terminal_can_show() {
    let leak = home("2026-07-leak-full");
    for args in [vec![leak.as_str()], vec![&leak, "--table", "25"], vec![&leak, "--table", "25", "--by", "lsn", "-vv"]]
    {
        let plain = map(&args);
        assert!(!plain.stdout.contains(&0x1b), "{args:?}");
        let with = |more: &[&'static str]| [&args[..], more].concat();
        let coloured = text(&map(&with(&["--color", "always"])).stdout);
        assert!(coloured.contains("\x1b[1;31m●"), "{coloured}");
        let ascii = map_in("C", &args);
        assert!(ascii.stdout.is_ascii() && text(&ascii.stdout).contains('@'), "{args:?}");
        assert_eq!(text(&ascii.stdout).lines().count(), text(&plain.stdout).lines().count());
        let both = map_in("de_DE.ISO-8859-1", &with(&["--color", "always"]));
        assert!(both.stdout.is_ascii() && text(&both.stdout).contains("\x1b[1;31m@"));
        assert_eq!(map_in("en_GB.utf8", &args).stdout, plain.stdout);
        // Programs get the same whatever the terminal.
        let json = with(&["--format", "json"]);
        assert_eq!(map_in("C", &[&json[..], &["--color", "always"]].concat()).stdout, map(&json).stdout);
    }
}

#[test]
fn every_format_says_the_same() {
    let leak = home("2026-07-leak-full");
    for args in [vec![leak.as_str()], vec![&leak, "--table", "{accounts00,ledger01}"]] {
        let with = |format| text(&map(&[&args[..], &["--format", format]].concat()).stdout);
        let json: Value = serde_json::from_str(&with("json")).unwrap();
        let yaml: Value = serde_yaml::from_str(&with("yaml")).unwrap();
        assert_eq!(json, yaml);
        let lines: Vec<Value> = with("jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let of = |record: &str| lines.iter().filter(|l| l["record"] == record).map(|l| l["data"].clone()).collect();
        let (trees, pictures, runs): (Vec<Value>, Vec<Value>, Vec<Value>) = (of("tree"), of("picture"), of("run"));
        assert_eq!(Value::Array(trees), json["trees"]);
        assert_eq!(pictures.len(), json["pictures"].as_array().unwrap().len());
        let all = json["pictures"].as_array().unwrap().iter().flat_map(|p| p["runs"].as_array().unwrap().clone());
        assert_eq!(runs, all.collect::<Vec<_>>());
        assert_eq!(lines.last().unwrap()["data"]["exit_code"], 1);
        assert!(lines.iter().all(|l| l["schema_version"] == 1));
    }
}

/// Every element is closed by its own end.
fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in xml.split_once("?>").unwrap().1.split('<').skip(1) {
        let (tag, rest) = part.split_once('>').unwrap();
        assert!(!rest.contains('>') && tag.matches('"').count() % 2 == 0, "{part}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{part}"),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn svg_is_whole_and_self_contained() {
    let temp = tempfile::tempdir().unwrap();
    let leak = home("2026-07-leak-full");
    for (by, words) in [("page", "<title>orphan: pages 182 to 183;"), ("lsn", "<title>orphan: LSN 231 to 233;")] {
        let out = temp.path().join(format!("{by}.svg"));
        let path = out.display().to_string();
        let args = [leak.as_str(), "--table", "accounts00", "--by", by];
        let ran = map(&[&args[..], &["--svg", &path]].concat());
        assert_eq!(ran.status.code(), Some(1));
        assert_eq!(text(&ran.stderr), format!("wtcheck: wrote {path}\n"));
        assert_eq!(ran.stdout, map(&args).stdout, "the picture is shown all the same");
        let svg = std::fs::read_to_string(&out).unwrap();
        well_formed(&svg);
        assert!(svg.contains(words) && svg.contains("prefers-color-scheme:dark"), "{svg}");
        let links = svg.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for alien in ["http", "<script", "href", "import", "@font"] {
            assert!(!links.contains(alien), "{alien}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(temp.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
}

#[test]
fn a_whole_store_is_one_picture() {
    let temp = tempfile::tempdir().unwrap();
    let draw = |name: &str, args: &[&str]| {
        let out = temp.path().join(name);
        let path = out.display().to_string();
        let ran = map(&[args, &["--svg", &path]].concat());
        assert_eq!(text(&ran.stderr), format!("wtcheck: wrote {path}\n"), "{args:?}");
        let svg = std::fs::read_to_string(&out).unwrap();
        well_formed(&svg);
        svg
    };
    let leak = home("2026-07-leak-full");
    let svg = draw("store.svg", &[&leak]);
    for name in ["accounts00 25", "ledger01 41", "WiredTigerShared 10", "(turtle pages) 2", "(key pages) 26"] {
        assert!(svg.contains(&format!("</title>{name}</text>")), "{name} in {svg}");
    }
    assert!(svg.contains("accounts00 25: orphan: pages 182 to 183<"), "{svg}");
    let lsn = draw("lsn.svg", &[&leak, "--by", "lsn"]);
    assert_eq!(lsn.matches("<g class=\"mark").count(), 4, "a line for each of four checkpoints: {lsn}");
    assert!(lsn.contains("checkpoints: 4 here; the thick one is at LSN 397<"), "{lsn}");
    let two = draw("two.svg", &[&leak, "--table", "{accounts00,ledger01}"]);
    assert!(two.contains("accounts00 25") && two.contains("ledger01 41") && !two.contains("WiredTigerShared"));
    let mongo = common::fixture("local/mongo").display().to_string();
    let files = draw("home.svg", &[&mongo]);
    for name in ["WiredTiger.wt", "test.users", "test.users _id_", "sizeStorer.wt"] {
        assert!(files.contains(&format!("</title>{name}</text>")), "{name} in {files}");
    }
    let lost = draw("lost.svg", &[&common::fixture("local/lost-extent").display().to_string()]);
    assert!(lost.contains("lost-marked edge") && lost.contains(": lost: offset "), "{lost}");
}

#[test]
fn the_shape_of_trees() {
    let temp = tempfile::tempdir().unwrap();
    for (dir, name) in [
        (home("2026-07-leak-full"), "accounts00"),
        (common::fixture("local/mongo").display().to_string(), "test.users"),
    ] {
        let svg = temp.path().join(format!("{name}.svg")).display().to_string();
        let shown = map(&[&dir, "--by", "tree", "--svg", &svg]);
        let shown = text(&shown.stdout);
        assert!(
            shown.contains("│ Level ┆") && shown.contains(name) && shown.contains("Bytes are as stored."),
            "{shown}"
        );
        let svg = std::fs::read_to_string(svg).unwrap();
        well_formed(&svg);
        assert!(svg.contains(name) && svg.contains("class=\"curve\""), "{svg}");
        let document = json(&[&dir, "--by", "tree"]);
        assert_eq!(document["by"].as_str().unwrap_or("tree"), "tree");
        let directory = wtcheck::Directory::open(&dir).unwrap();
        let shapes = document["shapes"].as_array().unwrap();
        assert!(shapes.iter().any(|s| s["name"].as_str().unwrap().contains(name)));
        let mut seen = 0;
        for uri in directory.trees() {
            // Another walk of the same tree.
            let mut pages: Vec<u64> = Vec::new();
            for page in directory.pages(uri).unwrap() {
                pages.resize(pages.len().max(page.level + 1), 0);
                pages[page.level] += 1;
            }
            let short = wtcheck::report::text::short_name(uri);
            let fits = |s: &&Value| {
                let name = s["name"].as_str().unwrap();
                name == short || name.starts_with(&format!("{short}, ")) || name.starts_with(&format!("{short}: "))
            };
            let shape = shapes.iter().find(fits).unwrap_or_else(|| panic!("{uri} in {shapes:?}"));
            let levels = shape["levels"].as_array().unwrap();
            assert_eq!(levels.iter().map(|l| u(&l["pages"])).collect::<Vec<_>>(), pages, "{uri}");
            for level in levels {
                let fill: u64 = level["fill"].as_array().unwrap().iter().map(u).sum();
                assert_eq!(fill, u(&level["pages"]), "{uri}");
                assert!(u(&level["smallest"]) <= u(&level["median"]) && u(&level["median"]) <= u(&level["greatest"]));
                assert!(u(&level["bytes"]) >= u(&level["smallest"]) * u(&level["pages"]), "{uri}");
            }
            seen += 1;
        }
        assert_eq!(seen, shapes.len());
    }
    // What cannot be read is told, and what is below it is not counted.
    let shown = text(&map(&[&home("2025-11-bitflip-missing-delta"), "--by", "tree"]).stdout);
    assert!(shown.contains("not everything could be read"), "{shown}");
    let ascii = map_in("C", &[&home("2026-07-leak-full"), "--by", "tree"]);
    assert!(ascii.stdout.is_ascii());
}

#[test]
fn refusals_write_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().canonicalize().unwrap();
    let copy = root.join("home");
    common::copy_dir(&common::fixture("palite/2026-07-leak-full"), &copy);
    std::fs::create_dir(root.join("out")).unwrap();
    std::fs::write(root.join("out/there.svg"), "mine").unwrap();
    std::os::unix::fs::symlink(&copy, root.join("link")).unwrap();
    let at = |name: &str| root.join(name).display().to_string();
    let (dir, kv_home) = (at("home"), at("home/kv_home"));
    let before = common::snapshot(&root);
    let tree = ["--table", "accounts00"];
    for (dir, svg, more, words) in [
        (&dir, "home/a.svg", &tree[..], "inside the inspected directory"),
        (&dir, "home/kv_home/a.svg", &tree, "inside the inspected directory"),
        (&dir, "out/../home/a.svg", &tree, "inside the inspected directory"),
        (&dir, "link/a.svg", &tree, "inside the inspected directory"),
        (&dir, "home/kv_home/checkpoints.db", &["--table", "accounts00", "--force"], "inside the inspected directory"),
        (&kv_home, "home/a.svg", &tree, "inside the inspected directory"),
        (&dir, "out/there.svg", &tree, "exists"),
        (&dir, "out", &["--table", "accounts00", "--force"], "is a directory"),
        (&dir, "nowhere/a.svg", &tree, "No such file"),
        (&dir, "out/a.svg", &["--table", "nosuch*"], "no tree matches; the store has WiredTigerSharedHS (table 18)"),
    ] {
        let out = map(&[&[dir.as_str(), "--svg", &at(svg)], more].concat());
        let stderr = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{svg} {more:?}: {stderr}");
        assert!(out.stdout.is_empty() && stderr.lines().count() == 1, "{stderr}");
        assert!(stderr.contains(words) && stderr.contains("; "), "{stderr}");
        assert!(before == common::snapshot(&root), "{svg} {more:?} wrote something");
    }
    // A bare name lies in the current directory, here the evidence.
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let out = command.current_dir(&copy).args(["map", ".", "--table", "25", "--svg", "a.svg"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
    for args in [vec!["--force"], vec!["--by", "size"], vec!["--table", "nosuch"]] {
        assert_eq!(map(&[&[dir.as_str()], &args[..]].concat()).status.code(), Some(2), "{args:?}");
    }
    assert!(before == common::snapshot(&root));
    let there = at("out/there.svg");
    let forced = map(&[&dir, "--table", "25", "--svg", &there, "--force"]);
    assert_eq!(forced.status.code(), Some(1), "{}", text(&forced.stderr));
    well_formed(&std::fs::read_to_string(&there).unwrap());
}

#[test]
fn the_source_stays_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    for (name, code) in SAMPLES {
        let copy = temp.path().join(name);
        common::copy_dir(&common::fixture("palite").join(name), &copy);
        let before = common::snapshot(&copy);
        let (dir, svg) = (copy.display().to_string(), temp.path().join("out.svg").display().to_string());
        for args in [vec![dir.as_str()], vec![&dir, "--by", "lsn"], vec![&dir, "--table", "25", "--checkpoint", "9999"]]
        {
            let expected = if args.contains(&"9999") { 2 } else { code };
            assert_eq!(map(&args).status.code(), Some(expected), "{args:?}");
        }
        let drawn = map(&[&dir, "--table", "accounts00", "--svg", &svg, "--force"]);
        assert_eq!(drawn.status.code(), Some(code), "{}", text(&drawn.stderr));
        assert!(before == common::snapshot(&copy), "{name} was touched");
    }
}

#[test]
fn what_cannot_be_read_is_said_in_one_line() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name).display().to_string();
    std::fs::create_dir(at("other")).unwrap();
    std::fs::write(at("other/letter.txt"), "x").unwrap();
    for (path, words) in
        [("nothing", "does not exist"), ("other", "is not a WiredTiger home"), ("other/letter.txt", "is a file")]
    {
        let out = map(&[&at(path)]);
        let stderr = text(&out.stderr);
        assert_eq!(out.status.code(), Some(6), "{stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains(words) && out.stdout.is_empty(), "{stderr}");
    }
    // Without a checkpoint nothing can be judged, but what is there can be drawn.
    let copy = temp.path().join("none");
    common::copy_dir(&common::fixture("palite/2026-02-double-root"), &copy);
    let database = rusqlite::Connection::open(copy.join("kv_home/checkpoints.db")).unwrap();
    database.execute_batch("DELETE FROM checkpoints").unwrap();
    drop(database);
    let out = map(&[&at("none")]);
    let shown = text(&out.stdout);
    assert_eq!(out.status.code(), Some(6), "{shown}");
    assert!(shown.contains("no usable checkpoint") && shown.contains("not-judged"), "{shown}");
    assert!(text(&out.stderr).contains("no completion record"), "{}", text(&out.stderr));
    assert_eq!(map(&[&at("none"), "--table", "25"]).status.code(), Some(6));
}
