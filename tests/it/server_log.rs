//! `wtcheck log`: the table of causes holds together, every line is read as it is written, in every form and
//! encoding that a log comes in.

use flate2::write::GzEncoder;
use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wtcheck::audit::finding::Code;
use wtcheck::diagnosis::evidence::Evidence;
use wtcheck::diagnosis::{Diagnosis, Limit, Reader, Verdict};
use wtcheck::id::Lsn;
use wtcheck::pickup::code::Code as PickupCode;
use wtcheck::pickup::explain::reason::Certainty;
use wtcheck::pickup::explain::story::Story as Pickups;
use wtcheck::pickup::explain::{Case, Options};
use wtcheck::pickup::profile::Profile;
use wtcheck::pickup::step::Step;
use wtcheck::report::server_log as view;
use wtcheck::report::text::Paint;
use wtcheck::serverlog::cause::{Cause, Damaged, Role, Sure};
use wtcheck::serverlog::codes;
use wtcheck::serverlog::pickup_lines as said;
use wtcheck::serverlog::source::{Encoding, Packing, Source};
use wtcheck::serverlog::template::{Field, Template, fill};
use wtcheck::serverlog::text::LogFile;

/// Causes that only a store tells.
const OF_STORES: [Cause; 2] = [Cause::EncKeyMissing, Cause::EncPlainWithKey];

fn read(bytes: &[u8]) -> Diagnosis {
    let mut source = Source::new(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
    let mut reader = Reader::new();
    while let Some(piece) = source.take().unwrap() {
        reader.push(&piece);
    }
    let (packing, encoding, cut) = (source.packing, source.encoding, source.cut);
    reader.end_log(LogFile { name: "log".into(), lines: 0, bytes: source.read(), packing, encoding, cut, open: false });
    reader.diagnose()
}

/// The cause to look at, or what is folded where nothing failed.
fn told(d: &Diagnosis) -> Option<Cause> {
    d.main().map(|f| f.cause).or_else(|| d.folded.first().map(|f| f.cause))
}

/// Logs of one cause each: the cause, the file, its bytes.
fn fixtures() -> Vec<(Cause, String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/causes");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let cause = Cause::from_name(name.split('.').next().unwrap()).unwrap_or_else(|| panic!("{name}"));
        out.push((cause, name, std::fs::read(&path).unwrap()));
    }
    out.sort_by(|a, b| a.1.cmp(&b.1));
    out
}

#[test]
fn every_cause_has_one_row_of_its_own() {
    let mut names = BTreeSet::new();
    for cause in Cause::ALL {
        let row = cause.row();
        assert_eq!(row.cause, *cause, "{} has no row", cause.name());
        assert!(names.insert(cause.name()), "{} twice", cause.name());
        assert!(Code::from_name(cause.name()).is_none(), "{} is a finding code", cause.name());
        assert_eq!(Cause::from_name(cause.name()), Some(*cause));
        for text in [row.title, row.meaning, row.damage] {
            assert!(!text.is_empty(), "{}", cause.name());
        }
        assert!(row.title.starts_with(|c: char| !c.is_uppercase() || row.title.starts_with(char::is_uppercase)));
        assert!(!row.title.ends_with('.') && row.meaning.ends_with(['.', '"']), "{}", cause.name());
        assert!(!row.steps.is_empty() && !row.lines.is_empty(), "{}", cause.name());
    }
}

#[test]
fn every_line_is_a_template() {
    for cause in Cause::ALL {
        for line in cause.row().lines.iter().filter(|l| !l.shared) {
            let template = Template::new(line.template).unwrap_or_else(|| panic!("{}", line.template));
            assert!(template.anchor().len() >= 3, "{}: too short to look for", line.template);
        }
    }
}

/// Something for each place of a line.
fn sample(field: Field) -> &'static str {
    match field {
        Field::File => "collection-7-4132.wt",
        Field::Path => "/data/db/collection-7-4132.wt",
        Field::Ident => "index-9-4132",
        Field::Namespace => "shop.orders",
        Field::Offset => "155648",
        Field::Size => "8192",
        Field::Found => "0x5073a148",
        Field::Expected => "0x83b23c02",
        Field::Errno => "WT_ERROR: non-specific WiredTiger error",
        Field::Lsn => "7655505345120305155",
        Field::Backlink => "7655505607113310340",
        Field::Page => "1965",
        Field::Table => "57",
        Field::WtLog => "3",
        Field::Number => "7",
        Field::Limit => "64",
        Field::Version => "4",
        Field::Newest => "3",
        Field::Name => "snappy",
        Field::Stamp => "(5, 1)",
        Field::Text => "something",
    }
}

fn filled(template: &str) -> String {
    let fields: Vec<Field> = Template::new(template).unwrap().fields().collect();
    let values: Vec<(&str, &dyn std::fmt::Display)> =
        fields.iter().map(|f| (f.name(), Box::leak(Box::new(sample(*f))) as &dyn std::fmt::Display)).collect();
    let text = fill(template, &values);
    assert!(!text.contains('{'), "{text}");
    text
}

/// The line in the forms that the engine and mongod give it.
fn forms(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).unwrap();
    let nested = format!(
        "{{\"ts_sec\":1795918586,\"ts_usec\":12,\"thread\":\"29:0x7f7a\",\"session_name\":\"WT_CURSOR.next\",\"category\":\
         \"WT_VERB_DEFAULT\",\"category_id\":9,\"verbose_level\":\"ERROR\",\"verbose_level_id\":-3,\"msg\":{json}}}"
    );
    let head = "[1795918586:30520][29:0x7f7a96f8bcc0]";
    vec![
        format!("{head}, WT_CURSOR.next: [WT_VERB_DEFAULT][ERROR]: __wt_f, 12: {text}"),
        format!("{head}, WT_CURSOR.next: [WT_VERB_DEFAULT][ERROR]: int __wt_f(A *, const B *, int), 12: {text}"),
        format!("{head}, WT_CURSOR.next: __wt_f, 12: {text}"),
        format!("{head}, WT_CURSOR.next: {text}"),
        nested.clone(),
        format!("2015-05-12T16:54:35.469+0530 E STORAGE  [conn1] WiredTiger (-31802) {head}, WT_CURSOR.next: {text}"),
        format!(
            "2019-05-12T16:54:35.469+0000 E STORAGE  [conn1] WiredTiger error (-31802) {head}, WT_CURSOR.next: __wt_f, 12: {text} Raw: {head}, WT_CURSOR.next: __wt_f, 12: {text}"
        ),
        format!(
            "{{\"t\":{{\"$date\":\"2026-11-29T04:12:01.120+00:00\"}},\"s\":\"E\",  \"c\":\"WT\",       \"id\":22435,   \
             \"ctx\":\"conn1\",\"msg\":\"WiredTiger error message\",\"attr\":{{\"error\":-31802,\"message\":{nested}}}}}"
        ),
        format!(
            "{{\"t\":{{\"$date\":\"2026-11-29T04:12:01.120+00:00\"}},\"s\":\"E\",\"c\":\"STORAGE\",\"id\":22435,\
             \"ctx\":\"conn1\",\"msg\":\"WiredTiger error\",\"attr\":{{\"error\":-31802,\"message\":{}}}}}",
            serde_json::to_string(&format!("{head}, WT_CURSOR.next: __wt_f, 12: {text}")).unwrap()
        ),
    ]
}

/// What a line tells where more than its words decide: by file, session or what stands before it.
fn may_be(cause: Cause) -> Vec<Cause> {
    let mut out = vec![cause];
    out.extend(match cause {
        Cause::RootUnreadable => vec![Cause::MetadataUnreadable],
        Cause::DescVersion => vec![Cause::LogVersion],
        Cause::OplogDuplicate | Cause::OplogOrder => vec![Cause::FatalAssertion],
        // Some of its lines tell the step.
        Cause::DisPickup => {
            vec![Cause::DisKeyMissing, Cause::DisKeyStale, Cause::DisMetadataFormat, Cause::DisNotFound]
        }
        _ => vec![],
    });
    out
}

#[test]
fn every_line_is_read_as_it_is_written_in_every_form() {
    let mut read_lines = 0;
    for cause in Cause::ALL {
        for line in cause.row().lines.iter().filter(|l| !l.shared) {
            let text = filled(line.template);
            for form in forms(&text) {
                let found = read(format!("{form}\n").as_bytes());
                let all: Vec<Cause> =
                    found.causes.iter().map(|f| f.cause).chain(found.folded.iter().map(|f| f.cause)).collect();
                assert!(all.iter().any(|c| may_be(*cause).contains(c)), "{}: {form}\n{all:?}", cause.name());
                assert_eq!(found.unknown_errors, 0, "{form}");
                let harmless = matches!(cause.row().role, Role::Note | Role::Advice);
                assert!(found.exit_code == 1 || harmless, "{form}");
                read_lines += 1;
            }
        }
    }
    assert!(read_lines > 1500, "{read_lines}");
}

#[test]
fn every_cause_has_logs_of_its_own_and_is_named() {
    let fixtures = fixtures();
    let with: BTreeSet<Cause> = fixtures.iter().map(|f| f.0).collect();
    let all: BTreeSet<Cause> = Cause::ALL.iter().copied().filter(|c| !OF_STORES.contains(c)).collect();
    assert_eq!(with, all, "a cause without a log in fixtures/logs/causes");
    for (cause, name, bytes) in &fixtures {
        let found = read(bytes);
        assert_eq!(told(&found), Some(*cause), "{name}: {:?}", found.unknown_first);
        let harmless = matches!(cause.row().role, Role::Note | Role::Advice);
        assert!(found.exit_code == 1 || harmless, "{name}");
    }
}

/// Logs of public reports, names and paths replaced, and what their threads ended on.
const REPORTS: [(&str, Cause, &str); 9] = [
    ("checksum-3.0.txt", Cause::BlockChecksum30, "offset 32,768"),
    (
        "disagg-block-dumped.log",
        Cause::CorruptDump,
        "page 111 of test_layered18.wt_stable, 67 B, base image, row internal: intact",
    ),
    ("engine-11.3.1-stale-turtle.log", Cause::TurtleStale, "wtcheck repair plan"),
    (
        "key-provider-says.json",
        Cause::DisKeyStale,
        "the checkpoint has 7655505345120305155 (2026-06-26 01:10:37Z #3), the node has committed 7655505607113310340 (2026",
    ),
    (
        "key-provider-says.txt",
        Cause::DisKeyStale,
        "the checkpoint has 7655505345120305155 (2026-06-26 01:10:37Z #3), the node has committed 7655505607113310340 (2026",
    ),
    ("operation-not-permitted-4.4.json", Cause::EpermOpen, "renamed to WiredTiger.wt.2"),
    ("palite-backlink.log", Cause::DisChain, "wtcheck page DBPATH 57 1965"),
    ("stale-turtle-6.0.json", Cause::TurtleStale, "wtcheck repair plan"),
    ("version-4.0.txt", Cause::LogVersion, "MongoDB 4.2.6 to 4.2.25 write"),
];

#[test]
fn reports_come_to_what_their_threads_ended_on() {
    for (name, cause, says) in REPORTS {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/reports").join(name));
        let text = text.unwrap();
        for (way, bytes) in ways(&text).into_iter().chain([("it is", text.clone().into_bytes())]) {
            let found = read(&bytes);
            assert_eq!((told(&found), found.exit_code), (Some(cause), 1), "{name} as {way}");
            let said = view::sheet(&found, Paint { on: false }, false).text(Some(80), false);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(says), "{name} as {way}: {said}");
        }
    }
}

/// What the model of a standby writes, both readers read.
#[test]
fn lines_of_the_model_are_read_back() {
    for profile in Profile::ALL {
        let lsn = Lsn(7655505607113310321);
        let line = profile.failure_line(lsn, PickupCode::EINVAL);
        let mut story = Pickups::new();
        story.push(line.as_bytes());
        story.end_log("log");
        assert_eq!(story.failures.iter().map(|f| f.lsn).collect::<Vec<_>>(), [Some(lsn)], "{line}");
        let found = read(line.as_bytes());
        assert_eq!(told(&found), Some(Cause::DisPickup), "{line}");
        assert_eq!(found.main().unwrap().place.lsn, Some(lsn.0), "{line}");
    }
    let stale = fill(said::STALE_KEY, &[("lsn", &5), ("backlink", &9)]);
    let mut story = Pickups::new();
    story.push(stale.as_bytes());
    story.end_log("log");
    let stated = story.stated.unwrap();
    assert_eq!((stated.persisted, stated.committed), (Lsn(5), Lsn(9)));
}

fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16());
    units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
}

/// A log in the ways in which people have it.
fn ways(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let each = |f: &dyn Fn(&str) -> String| text.lines().map(f).collect::<String>().into_bytes();
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut bzip2 = Vec::new();
    bzip2::read::BzEncoder::new(text.as_bytes(), bzip2::Compression::fast()).read_to_end(&mut bzip2).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(text.as_bytes()).unwrap();
    let docker = |l: &str| {
        let line = serde_json::to_string(&format!("{l}\n")).unwrap();
        format!("{{\"log\":{line},\"stream\":\"stdout\",\"time\":\"2026-11-29T04:12:01.1Z\"}}\n")
    };
    vec![
        ("utf-8 with a mark", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("utf-16le", utf16(text, false, true)),
        ("utf-16le without a mark", utf16(text, false, false)),
        ("utf-16be", utf16(text, true, true)),
        ("utf-16be without a mark", utf16(text, true, false)),
        ("crlf", text.replace('\n', "\r\n").into_bytes()),
        ("gzip", gzip),
        ("bzip2", bzip2),
        ("xz", xz.finish().unwrap()),
        ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("zstd of utf-16", zstd::encode_all(utf16(text, false, true).as_slice(), 1).unwrap()),
        ("compose", each(&|l| format!("mongo_1       | {l}\n"))),
        ("cri", each(&|l| format!("2026-11-29T04:12:01.123456789Z stdout F {l}\n"))),
        ("docker", each(&docker)),
        ("journald", each(&|l| format!("Nov 29 04:12:01 db-3 mongod[4711]: {l}\n"))),
        ("quoted", each(&|l| format!("> {l}\n"))),
        ("coloured", each(&|l| format!("\x1b[31m{l}\x1b[0m\n"))),
    ]
}

#[test]
fn the_cause_is_the_same_in_every_encoding_and_wrapping() {
    let mut read_logs = 0;
    for (cause, name, bytes) in fixtures() {
        let text = String::from_utf8(bytes).unwrap();
        for (way, bytes) in ways(&text) {
            let found = read(&bytes);
            assert_eq!(told(&found), Some(cause), "{name} as {way}: {:?}", found.unknown_first);
            read_logs += 1;
        }
    }
    assert!(read_logs > 5000, "{read_logs}");
}

/// A wrapped line is one that a terminal broke at its width, or a mail program at blanks.
#[test]
fn the_cause_is_the_same_where_lines_are_wrapped() {
    let wrap = |text: &str, width: usize| -> String {
        let mut out = String::new();
        for line in text.lines() {
            let chars: Vec<char> = line.chars().collect();
            for piece in chars.chunks(width) {
                out.extend(piece);
                out.push('\n');
            }
        }
        out
    };
    for (cause, name, bytes) in fixtures() {
        let text = String::from_utf8(bytes).unwrap();
        for width in [72, 80, 120] {
            let found = read(wrap(&text, width).as_bytes());
            assert_eq!(told(&found), Some(cause), "{name} wrapped at {width}: {:?}", found.unknown_first);
        }
    }
}

#[test]
fn packings_and_encodings_are_told() {
    let text = "[1795918586:12][1:0x7f], connection: unknown compressor 'snappy': Invalid argument\n";
    for (way, bytes) in ways(text) {
        let source = Source::new(Box::new(Cursor::new(bytes))).unwrap();
        let packing = match way {
            "gzip" => Packing::Gzip,
            "bzip2" => Packing::Bzip2,
            "xz" => Packing::Xz,
            "zstd" | "zstd of utf-16" => Packing::Zstd,
            _ => Packing::Plain,
        };
        let encoding = match way {
            w if w.starts_with("utf-16le") || w == "zstd of utf-16" => Encoding::Utf16Le,
            w if w.starts_with("utf-16be") => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        assert_eq!((source.packing, source.encoding), (packing, encoding), "{way}");
    }
}

#[test]
fn a_log_that_is_cut_says_so_and_still_names_its_cause() {
    let (_, _, bytes) = fixtures().into_iter().find(|f| f.1 == "block-zeros.1.log").unwrap();
    let text = String::from_utf8(bytes).unwrap().repeat(40);
    let whole = read(text.as_bytes());
    assert!(!whole.logs[0].open && !whole.logs[0].cut);
    let cut = read(&text.as_bytes()[..text.len() - 7]);
    assert!(cut.logs[0].open && !cut.logs[0].cut);
    assert_eq!(told(&cut), Some(Cause::BlockZeros));
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let cut = read(&packed[..packed.len() - 9]);
    assert!(cut.logs[0].cut);
}

#[test]
fn numbers_of_a_log_are_not_given_a_meaning_that_is_not_known() {
    for number in [28560, 34440, 34441, 40317, 40409, 51085] {
        assert!(codes::assertion(number).is_none(), "{number} has no source");
        let line =
            format!("2019-05-12T16:54:35.469+0000 F -        [initandlisten] Fatal Assertion {number} at x.cpp 1\n");
        let found = read(line.as_bytes());
        assert_eq!((found.exit_code, told(&found)), (1, Some(Cause::FatalAssertion)));
        assert_eq!(found.main().unwrap().place.assertion, Some(number));
    }
}

#[test]
fn the_first_cause_is_told_from_what_follows_and_repeats_are_counted() {
    let head = "[1795918586:30520][29:0x7f7a96f8bcc0]";
    let checksum = "file:a.wt, WT_CURSOR.next: __wt_block_read_off, 226: a.wt: read checksum error for 4096B block at offset 8192: calculated block checksum of 0x1 doesn't match expected checksum of 0x2";
    let mut log = String::new();
    for _ in 0..3 {
        log += &format!("{head}, {checksum}\n");
    }
    log += &format!(
        "{head}, file:a.wt, WT_CURSOR.next: a.wt: fatal read error: WT_ERROR: non-specific WiredTiger error\n"
    );
    log += &format!(
        "{head}, file:a.wt, WT_CURSOR.next: the process must exit and restart: WT_PANIC: WiredTiger library panic\n"
    );
    // What every healthy file says afterwards.
    log += &format!(
        "{head}, file:b.wt, WT_SESSION.checkpoint: /data/b.wt: handle-write: pwrite: failed to write 4096 bytes at offset 0: No space left on device\n"
    );
    let found = read(log.as_bytes());
    assert_eq!(found.causes.len(), 1);
    let main = found.main().unwrap();
    assert_eq!((main.cause, main.times, main.fatal), (Cause::BlockChecksumContent, 3, true));
    assert_eq!((main.place.file.as_deref(), main.place.offset), (Some("a.wt"), Some(8192)));
    // A panic alone is none.
    let alone = read(
        format!("{head}, connection: the process must exit and restart: WT_PANIC: WiredTiger library panic\n")
            .as_bytes(),
    );
    assert_eq!(alone.verdict, Verdict::ConsequencesOnly);
    assert_eq!(alone.exit_code, 1);
}

#[test]
fn a_healthy_log_names_nothing_whatever_users_write() {
    let json = |s: &str, c: &str, id: u32, attr: &str| {
        format!(
            "{{\"t\":{{\"$date\":\"2026-11-29T04:12:01.120+00:00\"}},\"s\":\"{s}\",\"c\":\"{c}\",\"id\":{id},\"ctx\":\"conn1\",\
             \"msg\":\"Slow query\",\"attr\":{attr}}}\n"
        )
    };
    let quoting = "{\"command\":{\"find\":\"a\",\"filter\":{\"note\":\"read checksum error for 4096B block at offset 8192: block \
                   header checksum of 0x1 doesn't match expected checksum of 0x2; WT_PANIC: WiredTiger library panic\"}}}";
    let plain = "2019-03-01T00:00:01.001+0000 I COMMAND  [conn2] command a.b command: find { find: \"b\", filter: { msg: \"No space \
                 left on device\", w: \"Fatal Assertion 28558\" } } 120ms\n";
    let log = json("I", "COMMAND", 51803, quoting) + plain + &json("W", "CONTROL", 22120, "{}");
    let found = read(log.as_bytes());
    assert_eq!((found.verdict, found.exit_code, found.causes.len(), found.folded.len()), (Verdict::NoError, 0, 0, 0));
    assert_eq!(read(b"Dear team,\nthe node is slow today.\n").verdict, Verdict::NoLog);
    assert_eq!(read(b"").exit_code, 6);
}

#[test]
fn versions_get_their_releases_and_the_steps_between_them() {
    let line = "[1713452391:533646][30:0x7f12046b0a80], connection: __log_open_verify, 1043: unsupported WiredTiger file version: this build only supports versions up to 3, and the file is version VERSION: WT_ERROR: non-specific WiredTiger error\n";
    let found = read(line.replace("VERSION", "4").as_bytes());
    let text = view::sheet(&found, Paint { on: false }, false).text(Some(80), false);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("4.2.6 to 4.2.25"), "{text}");
    assert!(text.contains("3.6, 4.0, 4.2"), "{text}");
    // A version that no release has is damage.
    let found = read(line.replace("VERSION", "99").as_bytes());
    assert_eq!(found.main().unwrap().damaged, wtcheck::serverlog::cause::Damaged::Yes);
}

#[test]
fn no_control_character_reaches_the_terminal() {
    let line = "[1795918586:12][1:0x7f], file:a\x07\x1b]0;x.wt, connection: a\x1b[2J\x00\u{9b}.wt does not appear to be a WiredTiger file: WT_ERROR\n";
    let mut child = Command::new(env!("CARGO_BIN_EXE_wtcheck"))
        .args(["log", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.contains("not-a-wiredtiger-file"), "{text}");
}

/// Every line fits 80 columns, but for commands, which are to be copied.
#[test]
fn the_answer_fits_a_terminal() {
    for (_, name, bytes) in fixtures() {
        let found = read(&bytes);
        let text = view::sheet(&found, Paint { on: false }, true).text(Some(80), false);
        for line in text.lines().filter(|l| !l.contains("wtcheck ")) {
            assert!(line.chars().count() <= 80 || !line.trim().contains(' '), "{name}: {line}");
        }
    }
}

#[test]
fn explain_takes_every_word_that_a_log_shows() {
    let explain = |word: &str| {
        let out = Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(["explain", word]).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    for (word, says) in [
        ("WT_PANIC", "never a cause"),
        ("-31804", "WT_PANIC"),
        ("28595", "weak evidence"),
        ("EINVAL", "Invalid argument"),
        ("22", "EINVAL"),
        ("__wt_block_read_off", "checksum"),
        ("__wti_block_read_off", "checksum"),
        ("size-inflated", "bytes"),
        ("block-zeros", "zeros"),
        ("22347", "only a guess"),
    ] {
        let (code, out, _) = explain(word);
        assert_eq!(code, Some(0), "{word}");
        assert!(out.contains(says), "{word}: {out}");
    }
    for (word, near) in [
        ("WT_PANICK", "WT_PANIC"),
        ("block-zero", "block-zeros"),
        ("EINVALL", "EINVAL"),
        ("checksum", "block-checksum"),
    ] {
        let (code, _, err) = explain(word);
        assert_eq!(code, Some(2), "{word}");
        assert!(err.contains(near), "{word}: {err}");
    }
}

fn fixture_log(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs").join(name)).unwrap()
}

/// Several logs of fixtures, as one command takes them.
fn read_all(names: &[&str]) -> Diagnosis {
    let mut reader = Reader::new();
    for name in names {
        reader.push(fixture_log(name).as_bytes());
        let (name, packing, encoding) = (name.to_string(), Packing::Plain, Encoding::Utf8);
        reader.end_log(LogFile { name, lines: 0, bytes: 1, packing, encoding, cut: false, open: false });
    }
    reader.diagnose()
}

/// Where a log tells the step of a pick-up that failed, the cause that goes with it is named, and the lines of the
/// pick-up are its consequences.
#[test]
fn the_step_of_a_pick_up_shows_the_cause() {
    for (name, certainty, fatal) in [
        ("standby-abort.txt", Certainty::ByElimination, true),
        ("standby-abort-mongod.json", Certainty::ByElimination, true),
        ("newest-keystore-skipped.txt", Certainty::LogSaysSo, false),
    ] {
        let text = fixture_log(name);
        // What a node wrote before does not hide what it died of.
        let before = "17:22:30.100  WiredTiger ERROR (error=0, ctx=conn4, session=WT_CURSOR.search): \"read failed for \
                      page ID 12, lsn 40\"\n";
        let before = format!("{before}{text}");
        for text in [Some(text), fatal.then_some(before)].into_iter().flatten() {
            let found = read(text.as_bytes());
            let main = found.main().unwrap();
            assert_eq!(
                (main.cause, main.certainty, main.damaged),
                (Cause::DisKeyStale, Sure::Medium, Damaged::No),
                "{name}"
            );
            assert_eq!((main.fatal, found.verdict), (fatal, Verdict::Cause), "{name}");
            let step = main.evidence.iter().find_map(|e| match e {
                Evidence::PickupStep(step) => Some((step.step, step.certainty, step.code)),
                _ => None,
            });
            assert_eq!(step, Some((Step::LoadKey, certainty, Some(PickupCode::EINVAL))), "{name}");
            assert!(!found.limits.contains(&Limit::BeginsTooLate), "{name}");
            assert!(found.folded.iter().any(|f| f.cause == Cause::DisPickup), "{name}");
        }
    }
    // Of a failure in a second log.
    let found = read_all(&["causes/dis-retry.1.log", "standby-abort.txt"]);
    let main = found.main().unwrap();
    assert_eq!((main.cause, main.first.log), (Cause::DisKeyStale, 1));
    assert_eq!(main.commands[0], "wtcheck pickup explain causes/dis-retry.1.log standby-abort.txt");
}

/// What an earlier process died of comes first.
#[test]
fn an_earlier_death_is_told_first() {
    let found = read_all(&["causes/enospc.1.log", "standby-abort-mongod.json"]);
    let causes: Vec<Cause> = found.causes.iter().map(|f| f.cause).collect();
    assert_eq!((causes, found.processes), (vec![Cause::Enospc, Cause::DisKeyStale], 2));
}

/// What a line states is surer than what is concluded of a step from lines that are missing.
#[test]
fn a_step_that_is_only_concluded_gives_way() {
    let standby = fixture_log("standby-abort.txt");
    let told = |text: &str| told(&read(text.as_bytes())).unwrap();
    let explained = |text: &str| {
        let mut reader = Reader::new();
        reader.push(text.as_bytes());
        let (name, packing, encoding) = ("log".into(), Packing::Plain, Encoding::Utf8);
        reader.end_log(LogFile { name, lines: 0, bytes: 1, packing, encoding, cut: false, open: false });
        let options = Options { stated: reader.stated(), ..Options::default() };
        Case::new(reader.pickups(), options).explain(None).failure.unwrap().step
    };
    assert_eq!((told(&standby), explained(&standby)), (Cause::DisKeyStale, Some(Step::LoadKey)));
    // An error of the same session, with the code that the pick-up ends with.
    let session = "17:22:35.790  WiredTiger ERROR (error=28, ctx=Disagg-5, session=checkpoint-pick-up): ";
    let of_session = [
        (
            28,
            "\"/data/db/a.wt: handle-write: pwrite: failed to write 4096 bytes at offset 0: No space left on device\"",
            Cause::Enospc,
        ),
        (
            5,
            "\"/data/db/a.wt: handle-read: pread: failed to read 4096 bytes at offset 0: Input/output error\"",
            Cause::Eio,
        ),
    ];
    for (code, line, cause) in of_session {
        let text = format!("{session}{line}\n{standby}").replace("ret=22", &format!("ret={code}"));
        assert_eq!((told(&text), explained(&text)), (cause, None), "{text}");
    }
    // In that session the words of what accompanies a failure elsewhere are an error, too.
    for words in
        ["could not reach the keystore service: timed out", "read error for page 7", "WT_NOTFOUND: item not found"]
    {
        let text = format!("{session}\"{words}\"\n{standby}");
        assert_eq!((told(&text), explained(&text)), (Cause::DisPickup, None), "{text}");
    }
    // What another thread of the process states.
    let full = "17:22:35.100  WiredTiger ERROR (error=28, ctx=conn1, session=WT_SESSION.checkpoint): \
                \"/data/db/a.wt: handle-write: pwrite: failed to write 4096 bytes at offset 0: No space left on device\"";
    let text = format!("{full}\n{standby}");
    assert_eq!((told(&text), explained(&text)), (Cause::Enospc, None));
    // Of another process they are not.
    let restart = "***** SERVER RESTARTED *****";
    let other = format!("{session}\"something\"\n{restart}\n{standby}");
    assert_eq!((told(&other), explained(&other)), (Cause::DisKeyStale, Some(Step::LoadKey)));
    // Of codes that any step may pass on no step is known; of others, which only a key provider has, it is.
    for (code, step) in [
        (12, None),
        (28, None),
        (110, None),
        (-31800, None),
        (-31802, None),
        (-31809, None),
        (1000, Some(Step::LoadKey)),
    ] {
        let text = standby.replace("ret=22", &format!("ret={code}"));
        let text = text.replace("Invalid argument", "something").replace("error=22", "error=0");
        let text = text.replace("error_code=22", &format!("error_code={code}")).replace("22: something", "something");
        let cause = if step.is_some() { Cause::DisKeyMissing } else { Cause::DisPickup };
        assert_eq!((told(&text), explained(&text)), (cause, step), "{code}");
    }
    // The same checkpoint, taken by the same process later: a key that is too old stays so.
    let lines: Vec<&str> = standby.lines().take(6).collect();
    let lsn = [("lsn", &7655755784663335110_u64 as &dyn std::fmt::Display), ("number", &4)];
    let later = format!(
        "17:23:35.791  WiredTiger message (ctx=Disagg-5, session=checkpoint-pick-up): \"{}\"",
        fill(said::INSTALLED, &lsn)
    );
    assert_eq!(told(&lines.join("\n")), Cause::DisKeyStale);
    let passed = format!("{}\n{later}\n", lines.join("\n"));
    assert_eq!((told(&passed), explained(&passed)), (Cause::DisPickup, None), "{passed}");
    // By another process: that is what a restart does.
    let restarted = format!("{}\n{restart}\n{later}\n", lines.join("\n"));
    assert_eq!((told(&restarted), explained(&restarted)), (Cause::DisKeyStale, Some(Step::LoadKey)));
    // What the process died of comes first, though its step is open.
    let before = fixture_log("newest-keystore-skipped.txt")
        .lines()
        .take(4)
        .collect::<Vec<_>>()
        .join("\n")
        .replace("7675", "7645");
    let text = format!("{before}\n{session}\"something\"\n{standby}");
    let causes: Vec<(Cause, bool)> = read(text.as_bytes()).causes.iter().map(|f| (f.cause, f.fatal)).collect();
    assert_eq!(causes, [(Cause::DisPickup, true), (Cause::DisKeyStale, false)]);
}

/// A line by itself leaves the step open, and not every step has a cause of its own.
#[test]
fn a_pick_up_whose_step_is_open_stays_one() {
    let lsn = [("lsn", &7655505607113310321_u64 as &dyn std::fmt::Display)];
    let head = "[1787000000:300100][411:0x7f31c2ffd640], checkpoint-pick-up: [WT_VERB_DISAGGREGATED_STORAGE][ERROR]: ";
    let failed = |line: &str, why: &str| format!("{head}f, 1: {}: {why}\n", fill(line, &lsn));
    let newest = |line: &str, why: &str| failed(line, why) + &failed(said::FAILED_NEWEST, why);
    for (text, cause) in [
        (failed(said::FAILED_NEWEST, "Invalid argument"), Cause::DisPickup),
        (newest(said::KEYS_FAILED, "Invalid argument"), Cause::DisKeyStale),
        (newest(said::KEYS_FAILED, "Input/output error"), Cause::DisKeyMissing),
        (failed(said::KEYS_FAILED, "Invalid argument"), Cause::DisKeyStale),
        (newest(said::PARSE_FAILED, "Operation not supported"), Cause::DisMetadataFormat),
        (newest(said::PARSE_FAILED, "Invalid argument"), Cause::DisPickup),
        (newest(said::MERGE_FAILED, "WT_NOTFOUND: item not found"), Cause::DisNotFound),
        (newest(said::MERGE_FAILED, "Invalid argument"), Cause::DisPickup),
    ] {
        assert_eq!(told(&read(text.as_bytes())), Some(cause), "{text}");
    }
    // Of two that failed each is told, the first one first.
    let other =
        newest(said::PARSE_FAILED, "Operation not supported").replace("7655505607113310321", "7655505607113310999");
    let found = read((newest(said::KEYS_FAILED, "Invalid argument") + &other).as_bytes());
    let causes: Vec<Cause> = found.causes.iter().map(|f| f.cause).collect();
    assert_eq!(causes, [Cause::DisKeyStale, Cause::DisMetadataFormat]);
}
