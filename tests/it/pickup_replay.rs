//! `pickup replay`: every record of every sample against the facts its generator wrote beside it,
//! under each policy; and stores altered on a copy, so that each step of a pick-up fails once.

use crate::common;
use crate::common::forge;
use crate::common::forge::{Fault, Spec};
use crate::common::{path, wtcheck};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wtcheck::audit::{self, Silent};
use wtcheck::format::crc;
use wtcheck::format::key_page;
use wtcheck::id::{Lsn, PageId};
use wtcheck::page::Depth;
use wtcheck::pagelog::catalog;
use wtcheck::pagelog::rewrite::{Counters, Limits, Rewriter};
use wtcheck::pickup::code::Code;
use wtcheck::pickup::merge::Checks;
use wtcheck::pickup::policy::Policy;
use wtcheck::pickup::profile::Profile;
use wtcheck::pickup::replay::{self, Action, Ended, Options, PolicyResult, Record, Replay, ReplayError, Verdict};
use wtcheck::pickup::standby::{Build, Role};
use wtcheck::pickup::step::Step;
use wtcheck::store::edit::{Edit, Ledger, NewRow, Side};
use wtcheck::store::palite::PaliteLedger;
use wtcheck::store::{self, OpenOptions};

fn try_replay(home: &Path, options: &Options) -> Result<Replay, ReplayError> {
    let store = store::open(home, &OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    replay::run(&opened, "HOME", options, &Silent)
}

fn run(home: &Path, options: &Options) -> Replay {
    try_replay(home, options).unwrap()
}

fn plain(home: &Path) -> Replay {
    run(home, &Options::default())
}

fn with_profile(profile: Profile) -> Options {
    Options { build: Build { profile: Some(profile), ..Build::default() }, ..Options::default() }
}

fn u(v: &Value) -> u64 {
    v.as_u64().unwrap()
}

fn policy(replay: &Replay, policy: Policy) -> &PolicyResult {
    replay.policies.iter().find(|p| p.policy == policy).unwrap()
}

fn installed(p: &PolicyResult) -> Option<u64> {
    p.installed.as_ref().map(|i| i.metadata_lsn).map(Lsn::get)
}

fn record(replay: &Replay, lsn: u64) -> &Record {
    replay.records.iter().find(|r| r.lsn == lsn).unwrap()
}

/// Record LSN, step, code of what was refused.
fn refused(replay: &Replay) -> Vec<(u64, Step, Code)> {
    replay.refusals.iter().map(|r| (r.lsn.get(), r.step, r.code)).collect()
}

fn stale_inflight() -> PathBuf {
    common::fixture("palite/2026-07-stale-keystore-inflight")
}

fn copy(name: &str) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&common::fixture("palite").join(name), temp.path());
    temp
}

fn sql(home: &Path, file: &str, text: &str) {
    rusqlite::Connection::open(home.join("kv_home").join(file)).unwrap().execute_batch(text).unwrap();
}

#[test]
fn every_fixture_is_what_its_facts_say() {
    assert_eq!(check_samples(&common::fixture("palite")), (5, 1));
}

#[test]
fn every_sample_is_what_its_facts_say() {
    let (samples, stale) = check_samples(&common::real("palite"));
    assert!(samples >= 12 && stale >= 1, "{samples} samples, {stale} stale");
}

/// Returns the number of samples, and of those with a stale key.
fn check_samples(dir: &Path) -> (usize, usize) {
    let samples = common::samples(dir);
    let mut with_stale = 0;
    for (name, home, facts) in &samples {
        let replay = plain(home);
        let checkpoints = facts["checkpoints"].as_array().unwrap();
        let of = |scenario: &str| -> BTreeSet<u64> {
            let faults = facts["faults"].as_array().unwrap().iter().filter(|f| f["scenario"] == scenario);
            let numbers: Vec<u64> = faults.map(|f| u(&f["checkpoint"])).collect();
            checkpoints.iter().filter(|c| numbers.contains(&u(&c["number"]))).map(|c| u(&c["lsn"])).collect()
        };
        let (stale, turtle) = (of("stale-keystore"), of("turtle-checksum"));
        with_stale += usize::from(!stale.is_empty());

        let found: Vec<(u64, Option<u64>)> =
            replay.records.iter().map(|r| (r.lsn.get(), r.metadata_lsn.map(Lsn::get))).collect();
        let expected: Vec<(u64, Option<u64>)> =
            checkpoints.iter().map(|c| (u(&c["lsn"]), c["metadata_lsn"].as_u64())).collect();
        assert_eq!(found, expected, "{name}: records");
        let keys: Vec<Lsn> = replay.store.keys.iter().map(|k| k.lsn).collect();
        let pages = facts["keystore"]["pages"].as_array().unwrap();
        assert_eq!(keys, pages.iter().map(|p| u(&p["lsn"])).collect::<Vec<_>>(), "{name}: key pages");
        for r in &replay.records {
            let what = format!("{name}: record {}", r.lsn);
            // What a damaged turtle page embeds is not to be believed.
            let embedded = facts["keystore"]["embedded_by_checkpoint"][r.lsn.to_string()].as_u64();
            assert_eq!(r.keystore_lsn, embedded.filter(|_| !turtle.contains(&r.lsn.get())).map(Lsn), "{what}");
            let newest = keys.iter().copied().filter(|k| Some(*k) < r.metadata_lsn).max();
            assert_eq!(r.committed_keystore_lsn, newest, "{what}");
            let expected = if stale.contains(&r.lsn.get()) {
                (Ended::Refused, Some(Step::LoadKey), Some(Code::EINVAL))
            } else if turtle.contains(&r.lsn.get()) {
                (Ended::Refused, Some(Step::Checksum), Some(Code::EIO))
            } else {
                (Ended::Installed, None, None)
            };
            assert_eq!((r.outcome, r.step, r.code), expected, "{what}");
            let taken = if r.outcome == Ended::Installed { 16 } else { 1 + r.step.unwrap() as usize };
            assert_eq!(r.steps.len(), taken, "{what}: steps");
            assert!(r.steps.iter().map(|s| s.step).eq(Step::all().take(taken)), "{what}");
        }
        // The same records as the audit names.
        let store = store::open(home, &OpenOptions::default()).unwrap();
        let options = audit::Options { depth: Depth::Quick, ..audit::Options::default() };
        let audit = audit::pagelog::run(&*store, "HOME", &options, &Silent).unwrap();
        let named: BTreeSet<u64> = audit.keystore.checkpoints.iter().filter(|c| c.stale).map(|c| c.lsn.get()).collect();
        assert_eq!(named, stale, "{name}");
        assert_eq!(replay.store.generation, audit.store.generation, "{name}");
        assert_eq!(replay.store.generation_evidence, audit.store.generation_evidence, "{name}");
        let by_key: BTreeSet<u64> = replay.refusals.iter().filter(|r| r.stale_keystore).map(|r| r.lsn.get()).collect();
        assert_eq!(by_key, stale, "{name}");

        // Where each policy ends.
        let bad = |c: &&Value| stale.contains(&u(&c["lsn"])) || turtle.contains(&u(&c["lsn"]));
        let first_bad = checkpoints.iter().position(|c| bad(&c));
        let metadata = |c: Option<&Value>| c.map(|c| u(&c["metadata_lsn"]));
        let good = metadata(checkpoints.iter().rfind(|c| !bad(c)));
        let readable = metadata(checkpoints.iter().rfind(|c| !turtle.contains(&u(&c["lsn"]))));
        let (abort, skip, down) =
            (policy(&replay, Policy::Abort), policy(&replay, Policy::Skip), policy(&replay, Policy::StepDown));
        match first_bad {
            None => {
                assert_eq!((replay.verdict, replay.exit_code), (Verdict::Installed, 0), "{name}");
                for p in [abort, skip, down] {
                    assert_eq!((p.role, p.records_installed, p.resyncs), (Role::Follower, found.len() as u64, 0));
                    assert_eq!(p.behind.unwrap().records, 0, "{name}");
                    assert_eq!(p.serves_metadata_lsn, good.map(Lsn), "{name}");
                }
            }
            Some(at) => {
                assert_eq!((replay.verdict, replay.exit_code), (Verdict::Refused, 1), "{name}");
                assert_eq!(abort.aborted_at, checkpoints[at]["lsn"].as_u64().map(Lsn), "{name}");
                assert_eq!((abort.role, abort.serves_metadata_lsn), (Role::Aborted, None), "{name}");
                assert_eq!(installed(abort), at.checked_sub(1).and_then(|at| metadata(checkpoints.get(at))));
                assert_eq!((skip.role, skip.serves_metadata_lsn), (Role::Follower, good.map(Lsn)), "{name}");
                assert_eq!((down.role, down.serves_metadata_lsn), (Role::Follower, readable.map(Lsn)), "{name}");
                assert_eq!(down.resyncs as usize, stale.len() + turtle.len(), "{name}");
            }
        }
        // One policy alone gives what it gives beside the others.
        for p in Policy::ALL {
            let alone = run(home, &Options { policies: vec![p], ..Options::default() });
            let (mut one, mut many) = (alone.policies[0].clone(), policy(&replay, p).clone());
            for r in one.records.iter_mut().chain(&mut many.records) {
                r.steps.clear();
            }
            assert_eq!((alone.policies.len(), one), (1, many), "{name}: {}", p.name());
            assert_eq!(alone.exit_code, replay.exit_code, "{name}");
        }
    }
    (samples.len(), with_stale)
}

#[test]
fn the_stale_key_in_full() {
    let replay = plain(&stale_inflight());
    let r = record(&replay, 326);
    assert_eq!(
        (r.metadata_lsn, r.keystore_lsn, r.committed_keystore_lsn),
        (Some(Lsn(325)), Some(Lsn(248)), Some(Lsn(324)))
    );
    assert_eq!(refused(&replay), [(326, Step::LoadKey, Code::EINVAL)]);
    let refusal = &replay.refusals[0];
    assert_eq!((refusal.stale_keystore, refusal.finding, refusal.panics), (true, Some("stale-keystore"), false));
    assert_eq!((refusal.fresh_process_installs, refusal.next_installed), (Some(true), None));
    assert_eq!((refusal.place, r.attempts), ("install step 8", 1));
    assert_eq!(replay.restart_from.as_ref().unwrap().lsn, 326);
    let actions: Vec<Option<Action>> = Policy::ALL.map(|p| policy(&replay, p).records[3].action).to_vec();
    assert_eq!(actions, [Some(Action::Aborted), Some(Action::Skipped), Some(Action::SteppedDown)]);
    let ends = Policy::ALL.map(|p| installed(policy(&replay, p)));
    assert_eq!(ends, [Some(249), Some(249), Some(325)]);
    let down = &policy(&replay, Policy::StepDown).records[3];
    assert_eq!((down.resyncs.len(), down.resyncs[0].outcome, down.resyncs[0].lsn), (1, Ended::Installed, Lsn(326)));
    // The re-synced process holds the old key until the log brings it the new one.
    assert_eq!(policy(&replay, Policy::StepDown).keystore_lsn, Some(Lsn(248)));
    let behind = policy(&replay, Policy::Skip).behind.unwrap();
    assert_eq!((behind.records, behind.lsn), (1, Some(Lsn(76))));
    assert!(behind.seconds.is_some_and(|s| s > 0 && s < 600), "{behind:?}");
}

#[test]
fn a_committed_key_and_an_installed_checkpoint() {
    let home = stale_inflight();
    let outcomes = |r: &Replay| r.records.iter().map(|r| r.outcome).collect::<Vec<_>>();
    use Ended::{Installed, NotTried, Refused, Same};
    for wanted in [180, 179] {
        let replay = run(&home, &Options { installed: Some(Lsn(wanted)), ..Options::default() });
        assert_eq!(outcomes(&replay), [NotTried, Same, Installed, Refused]);
        assert_eq!(replay.standby.keystore_lsn, Some(Lsn(119)));
        assert_eq!(replay.standby.installed.as_ref().unwrap().lsn, 180);
        let same = record(&replay, 180);
        assert_eq!(same.steps.last().unwrap().step, Step::Order);
        assert_eq!(same.steps.last().unwrap().log, ["Picking up the same checkpoint again..."]);
        assert_eq!(policy(&replay, Policy::Skip).records_offered, 2);
    }
    // The stale one in a fresh process: only itself is left.
    let replay = run(&home, &Options { installed: Some(Lsn(326)), ..Options::default() });
    assert_eq!(outcomes(&replay), [NotTried, NotTried, NotTried, Same]);
    assert_eq!((replay.exit_code, replay.standby.keystore_lsn), (0, Some(Lsn(248))));

    // A key from the outset: everything that embeds an older one is refused.
    let skip = |n| Options { keystore_lsn: Some(n), policies: vec![Policy::Skip], ..Options::default() };
    for (key, expected) in [
        (324, [Refused, Refused, Refused, Refused]),
        (248, [Refused, Refused, Installed, Refused]),
        (120, [Refused, Refused, Installed, Refused]),
        (119, [Installed, Installed, Installed, Refused]),
        (1, [Installed, Installed, Installed, Refused]),
    ] {
        assert_eq!(outcomes(&run(&home, &skip(Lsn(key)))), expected, "key {key}");
    }
    assert_eq!(run(&home, &skip(Lsn(120))).notes, ["this store has no key page at LSN 120"]);
    assert!(run(&home, &skip(Lsn(119))).notes.is_empty());
    let both = run(&home, &Options { installed: Some(Lsn(180)), ..skip(Lsn(324)) });
    assert_eq!(outcomes(&both), [NotTried, Same, Refused, Refused]);
    assert_eq!(policy(&both, Policy::Skip).serves_metadata_lsn, Some(Lsn(179)));
    // A step down never falls behind what was served.
    let down = Options { policies: vec![Policy::StepDown], keystore_lsn: Some(Lsn(324)), ..Options::default() };
    let down = run(&home, &down);
    let serves: Vec<_> = down.records.iter().map(|r| r.serves_metadata_lsn).collect();
    assert_eq!(serves, [120, 179, 249, 325].map(|lsn| Some(Lsn(lsn))));
    assert_eq!(outcomes(&down), [Refused, Installed, Installed, Refused]);

    match try_replay(&home, &Options { installed: Some(Lsn(999)), ..Options::default() }) {
        Err(e @ ReplayError::NoSuchCheckpoint { .. }) => {
            let words = e.to_string();
            assert!(["326 (metadata LSN 325)", "121 (metadata LSN 120)"].iter().all(|w| words.contains(w)), "{words}");
        }
        other => panic!("{other:?}"),
    }
    let home = common::real("palite/2026-07-turtle-checksum");
    let error = try_replay(&home, &Options { installed: Some(Lsn(176)), ..Options::default() }).unwrap_err();
    assert!(matches!(error, ReplayError::NotInstallable { .. }), "{error}");
    assert!(error.to_string().contains("EIO(5) at checksum"), "{error}");
}

#[test]
fn rules_of_another_date() {
    let home = common::fixture("palite/2026-07-leak-full");
    for profile in [Profile::October2025, Profile::May2026] {
        let replay = run(&home, &with_profile(profile));
        let expected: Vec<_> = replay.records.iter().map(|r| (r.lsn.get(), Step::Versions, Code::ENOTSUP)).collect();
        assert_eq!(refused(&replay), expected);
        assert_eq!((replay.exit_code, expected.len()), (1, 4));
        assert_eq!(replay.restart_from, None);
        let down = policy(&replay, Policy::StepDown);
        assert_eq!((down.role, down.serves_metadata_lsn, down.resyncs), (Role::Resyncing, None, 4));
        // Each record is tried by a fresh process once, however often the node comes back.
        assert_eq!(down.records.iter().map(|r| r.resyncs.len()).sum::<usize>(), 4);
        let abort = policy(&replay, Policy::Abort);
        assert_eq!((abort.aborted_at, abort.refused.len(), installed(abort)), (Some(Lsn(149)), 1, None));
    }
    let autumn = common::fixture("palite/2025-11-bitflip-missing-delta");
    let replay = run(&autumn, &with_profile(Profile::August2026));
    assert!(refused(&replay).iter().all(|r| (r.1, r.2) == (Step::DatabaseSize, Code::WT_NOTFOUND)), "{replay:#?}");
    assert_eq!(replay.refusals.len(), 4);
    let february = common::fixture("palite/2026-02-double-root");
    for profile in Profile::ALL {
        assert_eq!(run(&february, &with_profile(profile)).exit_code, 0, "{}", profile.name());
    }
    // The store decides where nobody does; --assume decides for the store.
    for (home, name) in [(&home, "2026-08"), (&autumn, "2025-10"), (&february, "2025-10")] {
        assert_eq!(plain(home).standby.profile.name(), name);
    }
    let assume = wtcheck::format::generation::Generation::July2026;
    let assumed = run(&autumn, &Options { assume: Some(assume), ..Options::default() });
    assert_eq!((assumed.standby.profile, assumed.exit_code), (Profile::August2026, 1));
}

fn palm(temp: &Path, data: &[u8]) -> PathBuf {
    std::fs::create_dir_all(temp.join("kv_home")).unwrap();
    std::fs::write(temp.join("kv_home/data.mdb"), data).unwrap();
    temp.to_path_buf()
}

#[test]
fn the_real_palm_store_installs_every_checkpoint() {
    let temp = tempfile::tempdir().unwrap();
    let home = palm(temp.path(), &common::palm_data());
    for diagnostic in [false, true] {
        let checks = Checks { diagnostic, strict: true };
        let replay = run(&home, &Options { build: Build { profile: None, checks }, ..Options::default() });
        assert_eq!((replay.standby.profile, replay.exit_code), (Profile::October2025, 0));
        assert_eq!(replay.records.len(), 12);
        assert!(replay.records.iter().all(|r| r.outcome == Ended::Installed && r.steps.len() == 16));
        assert!(Policy::ALL.iter().all(|p| policy(&replay, *p).serves_metadata_lsn == Some(Lsn(1260))));
    }
    // The records of that time have neither checksum nor size.
    let first = &plain(&home).records[0].steps;
    assert_eq!(first[1].log, ["Checkpoint metadata checksum is missing"]);
    assert_eq!(first[2].note, "missing: accepted");
}

#[test]
fn damaged_palm_stores() {
    let last = |step, code| vec![(1261, step, code)];
    for (name, expected) in [
        ("d01-base-leaf-byteflip", vec![]),
        ("d10-missing-delta", vec![]),
        ("d21-orphan-table", vec![]),
        ("d42-revision-too-small", vec![]),
        ("d30-meta-cookie-digit", last(Step::Merge, Code::EIO)),
        ("d32-meta-no-timestamp", last(Step::ParseTurtle, Code::EINVAL)),
        ("d34-meta-cookie-truncated", last(Step::Merge, Code::EIO)),
        ("d40-ckptrec-bad-lsn", last(Step::FetchTurtle, Code::EIO)),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let home =
            palm(temp.path(), &std::fs::read(common::real("disagg-damaged").join(name).join("data.mdb")).unwrap());
        let replay = plain(&home);
        assert_eq!(refused(&replay), expected, "{name}");
        assert_eq!(replay.exit_code, u8::from(!expected.is_empty()), "{name}");
        let serves = if expected.is_empty() { 1260 } else { 1254 };
        for p in [Policy::Skip, Policy::StepDown] {
            assert_eq!(policy(&replay, p).serves_metadata_lsn, Some(Lsn(serves)), "{name}: {}", p.name());
        }
    }
    // What cannot be read is not bad.
    let temp = tempfile::tempdir().unwrap();
    let home = palm(temp.path(), &std::fs::read(common::real("disagg-damaged/d50-lmdb-truncated/data.mdb")).unwrap());
    let replay = plain(&home);
    assert_eq!((refused(&replay), replay.verdict, replay.exit_code), (vec![], Verdict::Incomplete, 6));
    assert!(replay.records.iter().any(|r| r.outcome == Ended::Unjudged));
    assert!(Policy::ALL.iter().all(|p| policy(&replay, *p).role == Role::Follower));
}

/// A page file of a table that pick-up needs is gone or cut off: nothing is refused, and nothing is clean.
#[test]
fn a_partial_store_is_neither_bad_nor_clean() {
    let mut incomplete = 0;
    for (file, step) in
        [("pages_02.db", Step::FetchTurtle), ("pages_09.db", Step::LoadKey), ("pages_10.db", Step::Merge)]
    {
        for cut in [0, 4, 6] {
            let temp = copy("2026-07-leak-full");
            let file = temp.path().join("kv_home").join(file);
            let bytes = std::fs::read(&file).unwrap();
            match cut {
                0 => std::fs::remove_file(&file).unwrap(),
                n => std::fs::write(&file, &bytes[..bytes.len() * n / 10]).unwrap(),
            }
            let replay = plain(temp.path());
            let what = format!("{} cut at {cut}", file.display());
            // What is left of a file may be all that pick-up reads of it; keys may always have been more.
            let whole = replay.records.iter().all(|r| r.outcome == Ended::Installed) && step != Step::LoadKey;
            let exit = if whole && cut > 0 { 0 } else { 6 };
            assert_eq!((refused(&replay), replay.exit_code), (vec![], exit), "{what}: {:#?}", replay.unchecked);
            incomplete += usize::from(exit == 6);
            assert_eq!(replay.restart_from, None);
            for r in replay.records.iter().filter(|r| r.outcome != Ended::Installed) {
                assert_eq!((r.outcome, r.step, r.action), (Ended::Unjudged, Some(step), None), "{what}");
            }
            if cut == 0 {
                assert!(replay.records.iter().all(|r| r.outcome == Ended::Unjudged), "{what}");
                let named = file.file_name().unwrap().to_str().unwrap();
                let table = named[6..8].parse::<u64>().map(|n| if n == 9 { 26 } else { n }).unwrap();
                let reason = replay.records[0].reason.as_ref().unwrap();
                assert!(reason.contains(&format!("table {table}, page ")), "{what}: {reason}");
            }
            let (code, stdout, stderr) = wtcheck(&["pickup", "replay", path(temp.path())]);
            assert_eq!((code, stderr.lines().count()), (i32::from(exit), usize::from(exit == 6)), "{stderr}");
            if exit == 6 {
                assert!(
                    stdout.contains("INCOMPLETE") && stderr.contains("not enough could be read"),
                    "{stdout}{stderr}"
                );
            }
        }
    }
    assert!(incomplete >= 6, "{incomplete}");
    // A file that pick-up does not read changes nothing.
    let temp = copy("2026-07-leak-full");
    std::fs::remove_file(temp.path().join("kv_home/pages_08.db")).unwrap();
    assert_eq!(plain(temp.path()).exit_code, 0);
    // No record at all.
    sql(temp.path(), "checkpoints.db", "DELETE FROM checkpoints");
    let replay = plain(temp.path());
    assert_eq!((replay.verdict, replay.exit_code), (Verdict::Incomplete, 6));
    let error = try_replay(temp.path(), &Options { installed: Some(Lsn(397)), ..Options::default() }).unwrap_err();
    assert!(error.to_string().contains("no completion record"), "{error}");
}

#[test]
fn key_pages_missing_corrupt_and_unsupported() {
    let embeds_310 = |step, code| vec![(312, step, code), (397, step, code)];
    // Missing: the two that embed it cannot be installed; what a standby holds is the one before.
    let temp = copy("2026-07-leak-full");
    sql(temp.path(), "pages_09.db", "DELETE FROM pages WHERE table_id = 26 AND lsn = 310");
    let replay = plain(temp.path());
    assert_eq!(refused(&replay), embeds_310(Step::LoadKey, Code::EIO));
    assert_eq!(replay.refusals[0].finding, Some("key-page-missing"));
    assert!(replay.refusals.iter().all(|r| r.fresh_process_installs == Some(false)));
    assert_eq!(record(&replay, 397).committed_keystore_lsn, Some(Lsn(147)));
    assert_eq!(record(&replay, 397).reason.as_deref(), Some("table 26, page 1, LSN 310: no such page"));
    // EIO may pass: a server that does not die of it at once tries again, and gets the same answer.
    assert_eq!(policy(&replay, Policy::Skip).records[2].attempts, 8);
    assert_eq!(policy(&replay, Policy::Abort).records[2].attempts, 1);
    assert_eq!(replay.restart_from.as_ref().unwrap().lsn, 224);
    for p in [Policy::Skip, Policy::StepDown] {
        assert_eq!(policy(&replay, p).serves_metadata_lsn, Some(Lsn(223)));
    }
    // A discard record at that LSN is no page either.
    let temp = copy("2026-07-leak-full");
    sql(
        temp.path(),
        "pages_09.db",
        "UPDATE pages SET flags = 65538, page_data = x'' WHERE table_id = 26 AND lsn = 310",
    );
    assert_eq!(refused(&plain(temp.path())), embeds_310(Step::LoadKey, Code::EIO));

    // Corrupt: not committed, and noted.
    let temp = copy("2026-07-leak-full");
    sql(temp.path(), "pages_09.db", "UPDATE pages SET page_data = randomblob(80) WHERE table_id = 26 AND lsn = 310");
    let replay = plain(temp.path());
    assert_eq!(refused(&replay), embeds_310(Step::LoadKey, Code::EIO));
    assert_eq!(replay.refusals[0].finding, Some("key-page-invalid"));
    assert_eq!(record(&replay, 312).committed_keystore_lsn, Some(Lsn(147)));
    assert!(record(&replay, 312).notes[0].starts_with("the key page at LSN 310 is not committed: "));
    assert!(replay.notes[0].starts_with("no standby can commit the key page at LSN 310: "), "{:?}", replay.notes);

    // An invalid newer key does not make the checkpoints stale; a valid one does.
    let temp = copy("2026-07-stale-keystore-inflight");
    sql(temp.path(), "pages_09.db", "UPDATE pages SET page_data = x'00' WHERE table_id = 26 AND lsn = 324");
    let replay = plain(temp.path());
    assert_eq!((refused(&replay), replay.exit_code), (vec![], 0));
    assert_eq!(record(&replay, 326).notes.len(), 1);

    // A key page for readers of version 2: only those of August 2026 take it.
    let temp = copy("2026-02-double-root");
    let mut page = key_page::encode_v2(&[7; 96], 1);
    page[5] = 2;
    page[12..16].fill(0);
    let sum = crc::crc32c(&page);
    page[12..16].copy_from_slice(&sum.to_le_bytes());
    let hex: String = page.iter().map(|b| format!("{b:02x}")).collect();
    let text = format!("UPDATE pages SET page_data = x'{hex}' WHERE table_id = 26 AND lsn = 242");
    sql(temp.path(), "pages_000026.db", &text);
    let replay = run(temp.path(), &with_profile(Profile::October2025));
    assert_eq!(refused(&replay), [(244, Step::LoadKey, Code::ENOTSUP)]);
    assert_eq!(record(&replay, 244).committed_keystore_lsn, Some(Lsn(119)));
    assert_eq!(run(temp.path(), &with_profile(Profile::August2026)).exit_code, 0);
}

#[test]
fn corrupted_completion_texts() {
    for (text, step, code) in [
        ("metadata_lsn=x396", Step::MetadataLsn, Code::EINVAL),
        ("metadata_checksum=1", Step::MetadataLsn, Code::WT_NOTFOUND),
        ("((", Step::MetadataLsn, Code::EINVAL),
        ("metadata_lsn=396,metadata_checksum=123456789a", Step::MetadataChecksum, Code::EINVAL),
        ("metadata_lsn=396", Step::DatabaseSize, Code::WT_NOTFOUND),
        ("metadata_lsn=396,database_size=1,version=9,compatible_version=9", Step::Versions, Code::ENOTSUP),
        ("metadata_lsn=396,database_size=1,version=1,compatible_version=2", Step::Versions, Code::EINVAL),
        ("metadata_lsn=395,database_size=1,version=2,compatible_version=2", Step::FetchTurtle, Code::EIO),
        ("metadata_lsn=223,database_size=1,version=2,compatible_version=2", Step::Order, Code::EINVAL),
        (
            "metadata_lsn=396,metadata_checksum=1,database_size=1,version=2,compatible_version=2",
            Step::Checksum,
            Code::EIO,
        ),
    ] {
        let temp = copy("2026-07-leak-full");
        let update = format!("UPDATE checkpoints SET checkpoint_metadata = CAST('{text}' AS BLOB) WHERE lsn = 397");
        sql(temp.path(), "checkpoints.db", &update);
        let replay = plain(temp.path());
        assert_eq!(refused(&replay), [(397, step, code)], "{text}");
        for (p, role) in
            [(Policy::Abort, Role::Aborted), (Policy::Skip, Role::Follower), (Policy::StepDown, Role::Follower)]
        {
            assert_eq!((policy(&replay, p).role, installed(policy(&replay, p))), (role, Some(311)), "{text}");
        }
    }
}

/// Texts of a store reach a terminal escaped.
#[test]
fn hostile_texts_are_escaped() {
    let temp = copy("2026-07-leak-full");
    let text =
        "UPDATE checkpoints SET checkpoint_metadata = CAST('metadata_lsn=' || char(27) || '[2J' || char(8238) AS BLOB)";
    sql(temp.path(), "checkpoints.db", text);
    for more in [&["-v"][..], &[], &["--policy", "abort"]] {
        let args = [&["pickup", "replay", path(temp.path())], more].concat();
        let (code, stdout, _) = wtcheck(&args);
        assert_eq!(code, 1, "{stdout}");
        assert!(!stdout.contains('\u{1b}') && !stdout.contains('\u{202e}'), "{stdout}");
        assert!(stdout.contains("\\u{1b}[2J"), "{stdout}");
    }
}

/// Put a new checkpoint behind the newest one, in which rows of the shared metadata have other values.
/// Returns the LSNs of its turtle page and its record.
fn append(home: &Path, change: impl Fn(&str, &str) -> Option<String>) -> (u64, u64) {
    let edits = {
        let store = store::open(home, &OpenOptions::default()).unwrap();
        let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
        let mut reader = store.reader().unwrap();
        let newest = audit::pagelog::choose(&opened, &mut *reader, None).unwrap().audited.unwrap();
        let rows = catalog::rows(&opened.index, &mut *reader, &newest.metadata).unwrap();
        let text = |b: &[u8]| String::from_utf8(b.strip_suffix(b"\0").unwrap().to_vec()).unwrap();
        let changed = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let new = change(&text(key), &text(value))?;
            Some((key.clone(), [new.as_bytes(), b"\0"].concat()))
        };
        let values: BTreeMap<Vec<u8>, Vec<u8>> = rows.iter().filter_map(changed).collect();
        assert!(!values.is_empty());
        let highest = opened.layout.lsn_counter.unwrap();
        let counters =
            Counters { lsn: Lsn(highest.get() + 1), page_id: PageId(9_000), write_gen: 9_000, checkpoint_id: 0 };
        let numbers = (Limits::default(), counters);
        let new =
            Rewriter::new(&opened.index, &mut *reader, &newest.metadata, numbers, &|_| true).replace(&values).unwrap();
        let turtle_row = opened.index.get(newest.turtle_at).unwrap();
        let mut turtle = Vec::new();
        reader.read(&turtle_row, &mut turtle).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (old, now) = (hex(&newest.metadata.root.unwrap().encode()), hex(&new.root.encode()));
        let turtle = String::from_utf8(turtle).unwrap();
        assert_eq!(turtle.matches(&old).count(), 1);
        let turtle = turtle.replace(&old, &now).into_bytes();
        let metadata_lsn = new.counters.lsn;
        let mut completion = newest.completion.clone();
        (completion.metadata_lsn, completion.metadata_checksum) = (metadata_lsn, Some(crc::crc32c(&turtle)));
        let mut edits = vec![Edit::Counter { last_lsn: Lsn(metadata_lsn.get() + 1) }];
        edits.extend(new.rows.into_iter().map(Edit::Put));
        edits.push(Edit::Put(NewRow {
            table: turtle_row.table,
            page: turtle_row.page,
            lsn: metadata_lsn,
            backlink_lsn: turtle_row.lsn,
            base_lsn: Lsn(0),
            flags: 0,
            checkpoint_id: 0,
            data: turtle,
        }));
        edits.push(Edit::Complete {
            lsn: Lsn(metadata_lsn.get() + 1),
            timestamp: newest.row_timestamp + (60 << 32),
            checkpoint_id: None,
            text: completion.to_text(),
        });
        edits
    };
    let mut ledger = PaliteLedger::open(&home.join("kv_home")).unwrap();
    let changes = ledger.translate(&edits).unwrap();
    ledger.carry_out(&changes, Side::After).unwrap();
    match edits.last() {
        Some(Edit::Complete { lsn, .. }) => (lsn.get() - 1, (*lsn).get()),
        other => panic!("{other:?}"),
    }
}

/// Replace the value of a field of one row.
fn field(row: &'static str, from: &'static str, to: &'static str) -> impl Fn(&str, &str) -> Option<String> {
    move |uri, value| {
        let hit = uri == row;
        assert!(!hit || value.contains(from), "{uri}: {value}");
        hit.then(|| value.replacen(from, to, 1))
    }
}

type TextRows = Vec<(String, String)>;

/// URIs of stable files and layered tables of users, with their values.
fn user_rows(home: &Path) -> (TextRows, TextRows) {
    let store = store::open(home, &OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    let mut reader = store.reader().unwrap();
    let newest = audit::pagelog::choose(&opened, &mut *reader, None).unwrap().audited.unwrap();
    let rows = catalog::rows(&opened.index, &mut *reader, &newest.metadata).unwrap();
    let text = |b: &[u8]| String::from_utf8(b.strip_suffix(b"\0").unwrap().to_vec()).unwrap();
    let rows: Vec<(String, String)> = rows.iter().map(|(k, v)| (text(k), text(v))).collect();
    let of = |kind: &str| {
        let mine = |(uri, _): &&(String, String)| uri.starts_with(kind) && !uri.contains("WiredTigerShared");
        rows.iter().filter(mine).cloned().collect::<Vec<_>>()
    };
    (of("file:"), of("layered:"))
}

fn leak(text: String) -> &'static str {
    text.leak()
}

#[test]
fn shared_metadata_that_cannot_be_merged() {
    const NAME: &str = "2026-07-leak-full";
    let (files, layered) = user_rows(&common::fixture("palite").join(NAME));
    let id = |value: &str| {
        let at = value.find("id=").filter(|at| *at == 0 || value.as_bytes()[at - 1] == b',');
        let at = at.unwrap_or_else(|| value.find(",id=").unwrap() + 1);
        value[at..].split(',').next().unwrap().to_string()
    };
    let (first, second) = (&files[0], &files[1]);
    let (first_uri, own, other) = (leak(first.0.clone()), leak(id(&first.1)), leak(id(&second.1)));
    assert_ne!(own, other);

    // A change that pick-up allows: everything is installed, the new one too.
    let temp = copy(NAME);
    let (metadata_lsn, lsn) = append(temp.path(), |uri, value| (uri == first_uri).then(|| value.to_string()));
    let replay = plain(temp.path());
    assert_eq!((replay.exit_code, replay.records.len()), (0, 5), "{:#?}", replay.refusals);
    assert!(Policy::ALL.iter().all(|p| policy(&replay, *p).serves_metadata_lsn == Some(Lsn(metadata_lsn))));
    assert_eq!(record(&replay, lsn).steps.len(), 16);

    // The id of a stable file changes: the engine panics, whatever the policy. A restart forgets the old id.
    let temp = copy(NAME);
    let (metadata_lsn, lsn) = append(temp.path(), field(first_uri, own, "id=4242"));
    let replay = plain(temp.path());
    assert_eq!(refused(&replay), [(lsn, Step::Merge, Code::EINVAL)]);
    let refusal = &replay.refusals[0];
    assert!(refusal.panics && refusal.reason.contains("the immutable field `id` differs"), "{refusal:?}");
    assert!(refusal.reason.contains(first_uri), "{refusal:?}");
    assert_eq!((refusal.fresh_process_installs, refusal.next_installed), (Some(true), None));
    assert_eq!(replay.restart_from.as_ref().unwrap().metadata_lsn, Some(Lsn(metadata_lsn)));
    for p in Policy::ALL {
        let p = policy(&replay, p);
        assert_eq!(
            (p.role, p.aborted_at, installed(p)),
            (Role::Aborted, Some(Lsn(lsn)), Some(396)),
            "{}",
            p.policy.name()
        );
    }

    // Two stable files with one id: also in a fresh process.
    let temp = copy(NAME);
    let (_, lsn) = append(temp.path(), field(first_uri, own, other));
    let replay = run(temp.path(), &Options { installed: None, ..Options::default() });
    assert_eq!(refused(&replay), [(lsn, Step::Merge, Code::EINVAL)]);
    assert!(replay.refusals[0].panics);
    assert_eq!(replay.refusals[0].fresh_process_installs, Some(false));
    assert_eq!(replay.restart_from.as_ref().unwrap().lsn, 397);

    // A layered table whose stable file is not there.
    let (table, value) = &layered[0];
    let stable = value.split("stable=").nth(1).unwrap().split([',', ')']).next().unwrap();
    let temp = copy(NAME);
    let (_, lsn) = append(
        temp.path(),
        field(leak(table.clone()), leak(format!("stable={stable}")), "stable=\"file:gone.wt_stable\""),
    );
    let replay = plain(temp.path());
    assert_eq!(refused(&replay), [(lsn, Step::Merge, Code::EINVAL)]);
    let refusal = &replay.refusals[0];
    assert_eq!((refusal.panics, refusal.finding), (false, Some("missing-stable-file")), "{refusal:?}");
    assert!(refusal.reason.starts_with("Missing shared file: metadata entry file:gone.wt_stable"), "{refusal:?}");
    assert_eq!(policy(&replay, Policy::Skip).serves_metadata_lsn, Some(Lsn(396)));
    assert_eq!(policy(&replay, Policy::StepDown).serves_metadata_lsn, Some(Lsn(396)));
    let checks = Checks { diagnostic: false, strict: true };
    let strict = run(temp.path(), &Options { build: Build { profile: None, checks }, ..Options::default() });
    assert!(strict.refusals[0].panics);
    assert_eq!(policy(&strict, Policy::Skip).role, Role::Aborted);

    // A field that only a diagnostic build compares.
    let temp = copy(NAME);
    let (_, lsn) = append(temp.path(), field(first_uri, "key_format=", "key_format=9"));
    assert_eq!(plain(temp.path()).exit_code, 0);
    let (code, _, _) = wtcheck(&["pickup", "replay", path(temp.path())]);
    assert_eq!(code, 0);
    let (code, stdout, _) = wtcheck(&["pickup", "replay", path(temp.path()), "--diagnostic"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("key_format") && stdout.contains("panic at merge"), "{stdout}");
    assert!(stdout.contains(&lsn.to_string()));
}

/// The outcome of each record, and how the refused ones fail.
type Foretold = (Vec<Ended>, Option<(Step, Code)>);

/// Stores of a model engine, with one fault each.
#[test]
fn forged_stores() {
    use Ended::{Installed, NotTried, Panicked, Refused};
    let at_last = |step, code| (vec![Installed, Installed, Installed, Refused], Some((step, code)));
    for seed in 0..6 {
        let cases: Vec<(usize, Option<Fault>, Foretold)> = vec![
            (0, None, (vec![Installed; 4], None)),
            (2, Some(Fault::KeySkipped), (vec![Installed; 4], None)),
            (3, Some(Fault::StaleKeystore), at_last(Step::LoadKey, Code::EINVAL)),
            (3, Some(Fault::FlipTurtle), at_last(Step::Checksum, Code::EIO)),
            (3, Some(Fault::CompletionGarbled), at_last(Step::MetadataLsn, Code::EINVAL)),
            (3, Some(Fault::MetadataGarbled), at_last(Step::Merge, Code::EINVAL)),
            (3, Some(Fault::MissingStable), at_last(Step::Merge, Code::EINVAL)),
            (
                2,
                Some(Fault::MissingStable),
                (vec![Installed, Installed, Refused, Refused], Some((Step::Merge, Code::EINVAL))),
            ),
            (
                2,
                Some(Fault::DuplicateId),
                (vec![Installed, Installed, Panicked, NotTried], Some((Step::Merge, Code::EINVAL))),
            ),
            (3, Some(Fault::FlipLeaf), (vec![Installed; 4], None)),
        ];
        for (at, fault, (outcomes, failure)) in cases {
            let mut spec = Spec::plain(700 + seed);
            if let Some(fault) = &fault {
                spec = spec.with(at, 0, fault.clone());
            }
            let forged = forge::forge(spec);
            let what = format!("seed {seed}: {fault:?} at {at}");
            let replay = run(forged.home(), &with_profile(Profile::August2026));
            let found: Vec<(u64, Ended)> = replay.records.iter().map(|r| (r.lsn.get(), r.outcome)).collect();
            let expected: Vec<(u64, Ended)> =
                forged.checkpoints.iter().map(|c| c.lsn).zip(outcomes.iter().copied()).collect();
            assert_eq!(found, expected, "{what}");
            for r in &replay.refusals {
                assert_eq!(Some((r.step, r.code)), failure, "{what}");
            }
            for (r, c) in replay.records.iter().zip(&forged.checkpoints) {
                if r.outcome == Installed {
                    assert_eq!(
                        (r.metadata_lsn, r.keystore_lsn),
                        (Some(Lsn(c.metadata_lsn)), c.key_lsn.map(Lsn)),
                        "{what}"
                    );
                }
            }
            let stale = fault == Some(Fault::StaleKeystore);
            let last = |k: usize| Some(forged.checkpoints[k].metadata_lsn);
            let good = outcomes.iter().rposition(|o| *o == Installed).unwrap();
            assert_eq!(installed(policy(&replay, Policy::Skip)), last(good), "{what}");
            assert_eq!(installed(policy(&replay, Policy::StepDown)), last(if stale { 3 } else { good }), "{what}");
        }
        // A page of the shared metadata: every checkpoint that reaches it.
        let forged = forge::forge(Spec::plain(700 + seed).with(3, 0, Fault::FlipMetadata));
        let replay = run(forged.home(), &with_profile(Profile::August2026));
        let flipped = &forged.expected[0];
        for (r, c) in replay.records.iter().zip(&forged.checkpoints) {
            let metadata = c.trees.iter().find(|t| Some(t.table) == flipped.table).unwrap();
            let page = metadata.reached.iter().find(|p| Some(p.page) == flipped.page);
            let hit = page.is_some_and(|p| p.lsns.iter().any(|l| Some(*l) == flipped.lsn));
            let expected = if hit { (Refused, Some(Step::Merge), Some(Code::EIO)) } else { (Installed, None, None) };
            assert_eq!((r.outcome, r.step, r.code), expected, "seed {seed}: record {}", r.lsn);
        }
        assert_eq!(replay.records[3].outcome, Refused, "seed {seed}");
        // The key of the newest checkpoint: all that embed it are refused, and the standby keeps the one before.
        for fault in [Fault::KeyGarbled, Fault::KeyMissing] {
            let forged = forge::forge(Spec::plain(700 + seed).with(3, 0, fault.clone()));
            let replay = run(forged.home(), &with_profile(Profile::August2026));
            let gone = forged.checkpoints[3].key_lsn;
            for (r, c) in replay.records.iter().zip(&forged.checkpoints) {
                let hit = c.key_lsn == gone;
                assert_eq!(r.outcome, if hit { Refused } else { Installed }, "seed {seed}: {fault:?}");
                assert_eq!((r.step, r.code), if hit { (Some(Step::LoadKey), Some(Code::EIO)) } else { (None, None) });
                assert!(r.committed_keystore_lsn != gone.map(Lsn), "seed {seed}: {fault:?}");
            }
        }
    }
}

/// Behind a stale checkpoint comes a compatible one: who skips takes it by itself.
#[test]
fn a_compatible_checkpoint_later() {
    for seed in 0..4 {
        let forged = forge::forge(Spec::plain(720 + seed).with(2, 0, Fault::StaleKeystore));
        let lsn = |k: usize| forged.checkpoints[k].lsn;
        for only in [None, Some(Policy::Abort), Some(Policy::StepDown)] {
            let policies = only.map_or_else(|| Policy::ALL.to_vec(), |p| vec![p]);
            let replay = run(forged.home(), &Options { policies, ..with_profile(Profile::August2026) });
            assert_eq!(refused(&replay), [(lsn(2), Step::LoadKey, Code::EINVAL)], "seed {seed}, {only:?}");
            // Also where nobody who was asked about skipped it.
            assert_eq!(replay.refusals[0].next_installed, Some(Lsn(lsn(3))), "seed {seed}, {only:?}");
            for p in &replay.policies {
                let last = if p.policy == Policy::Abort { 1 } else { 3 };
                assert_eq!(installed(p), Some(forged.checkpoints[last].metadata_lsn), "seed {seed}");
                assert_eq!(p.behind.unwrap().records, 3 - last as u64, "seed {seed}");
            }
        }
    }
}

/// Long tables leave out what was installed, never what was refused.
#[test]
fn many_records() {
    let temp = copy("2026-07-leak-full");
    let text = "INSERT INTO checkpoints SELECT n, timestamp, checkpoint_metadata FROM checkpoints,
        (WITH RECURSIVE c(n) AS (VALUES(1001) UNION ALL SELECT n + 1 FROM c WHERE n < 1060) SELECT n FROM c)
        WHERE lsn = 397; UPDATE checkpoints SET checkpoint_metadata = CAST('metadata_lsn=0' AS BLOB) WHERE lsn = 1020;";
    sql(temp.path(), "checkpoints.db", text);
    let rows = |out: &str| -> Vec<String> {
        let first = |l: &str| l.strip_prefix('│').and_then(|l| l.split('┆').next()).map(|c| c.trim().to_string());
        out.lines().filter(|l| l.starts_with('│')).filter_map(first).take_while(|c| c != "Policy").collect()
    };
    let (code, short, _) = wtcheck(&["pickup", "replay", path(temp.path())]);
    let (_, long, _) = wtcheck(&["pickup", "replay", path(temp.path()), "-v"]);
    assert_eq!((code, rows(&short).len(), rows(&long).len()), (1, 1 + 3 + 1 + 1 + 1 + 12, 1 + 64), "{short}");
    assert!(short.contains("20 more records; -v shows them") && short.contains("28 more records"), "{short}");
    assert!(rows(&short).contains(&"1020".to_string()), "{short}");
    assert!(rows(&long).iter().all(|r| r != "..."));
}

#[test]
fn the_command_line() {
    let home = stale_inflight();
    let home = path(&home);
    let (code, stdout, stderr) = wtcheck(&["pickup", "replay", home]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    for words in [
        "Verdict: REFUSED 1 of 4: record 326 at keystore (install step 8), EINVAL(22)",
        "aborted at record 326, had 249 installed",
        "249 (skipped)",
        "325 (re-synced)",
        "embeds the key at LSN 248",
        "What to do next",
        "wtcheck explain stale-keystore",
        "checkpoint_meta=\"metadata_lsn=325,",
    ] {
        assert!(stdout.contains(words), "{words} in {stdout}");
    }
    // Steps of the failing record only, unless asked for.
    let steps = |out: &str| out.lines().filter(|l| l.starts_with("  ok  ") || l.starts_with("  FAIL")).count();
    let (_, verbose, _) = wtcheck(&["pickup", "replay", home, "-v"]);
    assert_eq!((steps(&stdout), steps(&verbose)), (13, 3 * 16 + 13));

    let (code, json, _) = wtcheck(&["pickup", "replay", home, "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["schema_version"], &json["exit_code"]), (1, &1.into(), &1.into()));
    assert_eq!(json["verdict"], "refused");
    let last = &json["records"][3];
    assert_eq!((&last["lsn"], &last["outcome"], &last["code"]), (&326.into(), &"refused".into(), &"EINVAL".into()));
    assert_eq!((&last["step"], last["steps"].as_array().unwrap().len()), (&"keystore".into(), 13));
    let policies = json["policies"].as_array().unwrap();
    let names: Vec<&str> = policies.iter().map(|p| p["policy"].as_str().unwrap()).collect();
    assert_eq!(names, ["abort", "skip", "step-down"]);
    let roles: Vec<&str> = policies.iter().map(|p| p["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["aborted", "follower", "follower"]);

    for (args, code, words) in [
        (vec!["--policy", "skip"], 1, "The standby's policy: skip"),
        (vec!["--policy", "abort", "--installed", "326"], 0, "EVERY CHECKPOINT INSTALLED"),
        (vec!["--profile", "2025-10"], 1, "ENOTSUP"),
        (vec!["--assume", "2025-11"], 1, "ENOTSUP"),
        (vec!["--keystore-lsn", "324", "--policy", "skip"], 1, "REFUSED 4 of 4"),
    ] {
        let (found, stdout, stderr) = wtcheck(&[&["pickup", "replay", home], &args[..]].concat());
        assert_eq!(found, code, "{args:?}: {stderr}");
        assert!(stdout.contains(words), "{args:?}: {stdout}");
    }
    for (args, words) in [
        (vec!["--installed", "999"], "326 (metadata LSN 325), 250 (metadata LSN 249)"),
        (vec!["--policy", "pray"], "step-down"),
        (vec!["--profile", "1999-01"], "2025-10"),
        (vec!["--keystore-lsn", "x"], "invalid"),
    ] {
        let (code, stdout, stderr) = wtcheck(&[&["pickup", "replay", home], &args[..]].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    }
    // A home without a page log.
    for entry in std::fs::read_dir(common::fixture("local")).unwrap() {
        let home = entry.unwrap().path();
        if home.join("WiredTiger.wt").exists() {
            let (code, stdout, stderr) = wtcheck(&["pickup", "replay", path(&home)]);
            assert_eq!((code, stdout.as_str(), stderr.lines().count()), (6, "", 1), "{stderr}");
            assert!(stderr.contains("pick-up needs a page log"), "{stderr}");
        }
    }
}
