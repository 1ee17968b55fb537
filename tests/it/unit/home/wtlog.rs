use proptest::prelude::*;
use std::collections::BTreeMap;
use wtcheck::coverage::Unchecked;
use wtcheck::format::wtlog::{FileHeader, LogLsn, seal};
use wtcheck::home::wtlog::*;

/// Numbers below 64 take one byte.
fn vuint(n: usize) -> u8 {
    0x80 | u8::try_from(n).ok().filter(|n| *n < 64).unwrap()
}

fn commit(txn: u8, operations: &[Vec<u8>]) -> Vec<u8> {
    seal(&[&[0x81, 0x80 | txn][..], &operations.concat()].concat(), 0, 0, true)
}

/// A row put (`value` given) or remove; sizes stay below 64.
fn row(file_id: u8, key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let fields = match value {
        Some(value) => [&[0x80 | file_id, vuint(key.len())][..], key, value].concat(),
        None => [&[0x80 | file_id][..], key].concat(),
    };
    let kind = if value.is_some() { 0x84 } else { 0x85 };
    [&[kind, vuint(fields.len() + 2)][..], &fields].concat()
}

fn lsn(out: &mut Vec<u8>, lsn: LogLsn) {
    wtcheck::format::int::write_vuint(out, lsn.file.into());
    wtcheck::format::int::write_vuint(out, lsn.offset);
}

fn checkpoint(file: u32, offset: u64) -> Vec<u8> {
    let mut body = vec![0x80];
    lsn(&mut body, LogLsn { file, offset });
    body.push(0x80);
    seal(&body, 0, 0, true)
}

fn start() -> Vec<u8> {
    seal(&[0x84, 0x87, 0x82], 0, 0, true)
}

fn log(previous: (u32, u64), records: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = Vec::new();
    lsn(&mut fields, LogLsn { file: previous.0, offset: previous.1 });
    let body = [&[0x84, 0x88, vuint(fields.len() + 2)][..], &fields].concat();
    let header = FileHeader { version: 5, size: 1 << 20 }.encode();
    [header, seal(&body, 0, 0, false), records.concat()].concat()
}

fn home(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    dir
}

const ONE: &str = "WiredTigerLog.0000000001";
const TWO: &str = "WiredTigerLog.0000000002";

fn words(summary: &Summary) -> Vec<(String, u64, Severity, String)> {
    summary.problems.iter().map(|p| (p.file.clone(), p.offset, p.severity, p.what.to_string())).collect()
}

#[test]
fn no_log_and_no_home() {
    let dir = home(&[("WiredTiger", b"x"), ("WiredTigerLog.1", b"x"), ("WiredTigerLog.99999999999", b"")]);
    let got = read(dir.path()).unwrap();
    assert_eq!((got.state, got.files.len(), got.problems.len()), (State::NoLog, 0, 0));
    assert!(read(&dir.path().join("absent")).is_err());
    assert!(read(&dir.path().join("WiredTiger")).is_err());
}

#[test]
fn clean_and_not() {
    let put = row(0, b"file:a.wt\0", Some(b"id=7,x=1\0"));
    let clean = log((1, 0), &[commit(1, std::slice::from_ref(&put)), start(), commit(2, &[]), checkpoint(1, 384)]);
    let got = read(home(&[(ONE, &clean)]).path()).unwrap();
    // The checkpoint's own entry counts: the engine would replay it.
    assert_eq!((got.state, got.commits, got.commits_within_checkpoint), (State::NeedsRecovery, 1, 1));
    let clean = log((1, 0), &[commit(1, std::slice::from_ref(&put)), start(), checkpoint(1, 384)]);
    let got = read(home(&[(ONE, &clean)]).path()).unwrap();
    assert_eq!((got.state, got.commits, got.problems.len()), (State::Clean, 0, 0));
    assert_eq!(
        got.last_checkpoint.unwrap(),
        Checkpoint { at: LogLsn { file: 1, offset: 512 }, lsn: LogLsn { file: 1, offset: 384 }, snapshot: 0 }
    );
    let remove = row(0, b"file:b.wt\0", None);
    let end = clean.len() as u64;
    let second = log((1, end), &[commit(3, &[put, remove, row(9, b"k", Some(b"v")), row(9, b"k", None)])]);
    let mut zeros = second.clone();
    zeros.resize(9000, 0);
    let got = read(home(&[(ONE, &clean), (TWO, &zeros)]).path()).unwrap();
    assert_eq!((got.state, got.commits, got.problems.len()), (State::NeedsRecovery, 1, 0));
    assert_eq!(got.operations, BTreeMap::from([(0, 2), (9, 2)]));
    let at = LogLsn { file: 2, offset: 256 };
    let change = |change, id: Option<u32>| {
        let value = id.map(|id| format!("id={id},x=1"));
        MetadataChange { change, value, id, lsn: at, within_checkpoint: false }
    };
    let want = [("file:a.wt", change(RowChange::Put, Some(7))), ("file:b.wt", change(RowChange::Removed, None))];
    assert_eq!(got.metadata, want.map(|(k, v)| (k.to_owned(), v)).into());
    assert_eq!((got.files[1].size, got.files[1].used, got.files[1].records), (9000, second.len() as u64, 2));
    // The same in journal/, and where the configuration says.
    for (dir, config) in [("journal", ""), ("elsewhere", "# c\n\nlog=(enabled=true,path=elsewhere,compressor=zstd)\n")]
    {
        let (one, two) = (format!("{dir}/{ONE}"), format!("{dir}/{TWO}"));
        let dir = home(&[(&one, &clean), (&two, &zeros), ("WiredTiger.basecfg", config.as_bytes())]);
        assert_eq!(read(dir.path()).unwrap().commits, 1);
    }
    let both = home(&[(ONE, &clean), (&format!("journal/{TWO}"), &zeros)]);
    let got = read(both.path()).unwrap();
    assert_eq!((got.state, got.files.len(), got.problems[0].severity), (State::Clean, 1, Severity::Normal));
}

#[test]
fn problems_and_their_severity() {
    let one = log((1, 0), &[start(), checkpoint(1, 256)]);
    let end = one.len() as u64;
    let mut torn = commit(1, &[row(2, b"k", Some(b"v"))]);
    torn[40] = 1;
    let bad = torn.clone();
    torn[127] = 0;
    let with = |tail: &[u8]| [&one[..], tail].concat();
    let case = |files: &[(&str, &[u8])]| read(home(files).path()).unwrap();
    // Torn at the end is normal, and damage if a good record or another file follows.
    let got = case(&[(ONE, &with(&torn))]);
    assert_eq!((got.state, &words(&got)[0].2), (State::Clean, &Severity::Normal));
    assert!(words(&got)[0].3.starts_with("torn") && words(&got)[0].1 == end);
    let got = case(&[(ONE, &with(&[torn.clone(), start()].concat()))]);
    assert_eq!((got.state, got.damage().count()), (State::Unknown, 1));
    assert!(words(&got)[0].3.contains("a valid record follows"));
    // A file that was begun, and nothing in it: the log ends in the one before.
    let got = case(&[(ONE, &with(&torn)), (TWO, &log((1, end + 128), &[]))]);
    assert_eq!((got.damage().count(), got.state), (0, State::Clean), "{:?}", words(&got));
    let later = log((1, end + 128), &[commit(3, &[row(9, b"k", None)])]);
    let got = case(&[(ONE, &with(&torn)), (TWO, &later)]);
    let all = words(&got);
    assert!(all[0].3.contains("newer journal files exist") && all[1].3.contains("previous LSN is (1,640)"), "{all:?}");
    assert_eq!(got.damage().count(), 2);
    let got = case(&[(ONE, &with(&torn)), (TWO, &log((1, end), &[]))]);
    assert_eq!((got.damage().count(), got.state), (0, State::Clean));
    assert!(words(&got)[0].3.contains("continues here"));
    // Padding without its mark is noted once.
    let plain = seal(&[0x82, 0x80, 0x80], 0, 0, false);
    let got = case(&[(ONE, &with(&[plain.clone(), plain].concat()))]);
    assert!(words(&got)[0].3.contains("instead of 0xab") && got.problems.len() == 1);
    assert_eq!((got.damage().count(), got.files[0].odd_padding), (0, 2));
    // Bad checksum, hole, no header.
    let got = case(&[(ONE, &with(&bad))]);
    assert!(words(&got)[0].3.starts_with("bad checksum") && got.state == State::Unknown);
    let mut hole = vec![0; 600];
    hole[500] = 1;
    let got = case(&[(ONE, &with(&hole))]);
    assert!(words(&got)[0].3.contains("hole") && words(&got)[0].3.contains(&(end + 500).to_string()));
    let mut headless = one.clone();
    headless[20] ^= 1;
    let got = case(&[(ONE, &headless)]);
    assert!(words(&got)[0].3.contains("file header record") && got.last_checkpoint.is_some());
    assert_eq!(case(&[(ONE, b"")]).damage().count(), 1);
    // Gaps.
    let got = case(&[(ONE, &one), ("WiredTigerLog.0000000004", &log((3, 9), &[]))]);
    assert_eq!(words(&got)[0].0, TWO);
    assert!(words(&got)[0].3.contains("with 1 more") && got.state == State::Unknown);
    // A checkpoint that points nowhere.
    for target in [(1, 300), (1, 5000), (7, 256)] {
        let got = case(&[(ONE, &log((1, 0), &[start(), checkpoint(target.0, target.1)]))]);
        assert!(words(&got)[0].3.contains("points to") && got.state == State::Unknown, "{:?}", words(&got));
    }
    // Files made ahead hold nothing, and say so.
    let got = case(&[
        ("WiredTigerPreplog.0000000003", &FileHeader { version: 5, size: 1 }.encode()),
        ("WiredTigerTmplog.0000000001", b""),
    ]);
    assert_eq!((got.state, got.files.len(), got.problems.len()), (State::NoLog, 2, 0));
    assert_eq!(got.files[0].kind, Kind::Prepared);
}

#[test]
fn records_longer_than_the_window_and_what_is_not_a_file() {
    let text = vec![b'x'; 6 << 20];
    let long = seal(&[&[0x83][..], &text, &[0]].concat(), 0, 0, true);
    let bytes = log((1, 0), &[start(), checkpoint(1, 256), long, commit(1, &[])]);
    let dir = home(&[(ONE, &bytes)]);
    let got = read(dir.path()).unwrap();
    assert_eq!((got.commits, got.files[0].records, got.problems.len()), (1, 5, 0));
    std::fs::create_dir(dir.path().join(TWO)).unwrap();
    let got = read(dir.path()).unwrap();
    // It is no damage of the log: nothing is known of what it says, and so whether there is something to do.
    let unread: Vec<_> = got.unread.iter().collect();
    assert!(
        matches!(unread[..], [(path, Unchecked::Io { error, .. })] if path.ends_with(TWO) && error.contains("not a regular file")),
        "{unread:?}"
    );
    assert!(got.problems.is_empty(), "{:?}", words(&got));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damage_never_panics(at: prop::sample::Index, with in proptest::collection::vec(any::<u8>(), 0..300), cut: prop::sample::Index) {
        let put = row(0, b"file:a.wt\0", Some(b"id=7\0"));
        let mut bytes = log((1, 0), &[commit(1, std::slice::from_ref(&put)), start(), checkpoint(1, 384), commit(2, &[put])]);
        let at = at.index(bytes.len());
        bytes.iter_mut().skip(at).zip(&with).for_each(|(slot, b)| *slot = *b);
        bytes.truncate(cut.index(bytes.len() * 2));
        let two = log((1, bytes.len() as u64), &[]);
        let dir = home(&[(ONE, &bytes), (TWO, &two), ("WiredTiger.config", &with)]);
        let got = read(dir.path()).unwrap();
        prop_assert_eq!(got.files.len(), 2);
    }
}
