use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::home_turtle::*;

const PLAIN: &str = "WiredTiger version string\nWiredTiger 12.0.0: (November 15, 2024)\nWiredTiger version\n\
    major=12,minor=0,patch=0\nfile:WiredTiger.wt\nallocation_size=4KB,key_format=S,value_format=S,\
    version=(major=2,minor=1),checkpoint=(WiredTigerCheckpoint.2=(addr=\"01\",order=2)),checkpoint_lsn=(1,779648)\n";

fn fault(text: &str) -> Fault {
    parse(text.as_bytes()).unwrap_err()
}

#[test]
fn plain_and_full_files() {
    let got = parse(PLAIN.as_bytes()).unwrap();
    assert_eq!(got.version_string, "WiredTiger 12.0.0: (November 15, 2024)");
    assert_eq!((got.version.to_string().as_str(), got.compatibility, &got.live_restore), ("12.0.0", None, &None));
    assert!(got.metadata.starts_with("allocation_size=") && PLAIN[got.metadata_at..].starts_with(&got.metadata));
    assert!(got.unknown.is_empty());
    assert_eq!(render(&got), PLAIN);
    let full = format!("Compatibility version\nmajor=10,minor=1\nLive Restore\nstate=2\n{PLAIN}");
    let got = parse(full.as_bytes()).unwrap();
    assert_eq!((got.compatibility, got.live_restore.as_deref()), (Some((10, 1)), Some("2")));
    assert_eq!(render(&got), full);
    // An unknown pair is kept apart; what follows an empty line is not read.
    let more = format!("New key\nnew value\n{PLAIN}\nfile:WiredTiger.wt\nx\n");
    let got = parse(more.as_bytes()).unwrap();
    assert_eq!(got.unknown, [Pair { key: "New key".into(), key_at: 0, value: Some("new value".into()), value_at: 8 }]);
    assert_eq!(render(&got), PLAIN);
    assert_eq!(pairs(more.as_bytes()).len(), 4);
}

#[test]
fn faults_say_what_and_where() {
    let empty = fault("");
    assert_eq!((empty.offset, empty.message.as_str()), (0, "the file is empty"));
    // Cut within brackets: the configuration parser notices, at the end of the text.
    let cut = PLAIN.find("order=2").unwrap();
    let f = fault(&PLAIN[..cut]);
    assert_eq!((f.offset, f.key), (cut, Some(METADATA)));
    assert!(f.message.contains("never closed") && f.message.contains("truncated"), "{f}");
    // Cut between entries: it parses, but the checkpoint is missing.
    let cut = PLAIN.find(",checkpoint=").unwrap();
    let f = fault(&PLAIN[..cut]);
    assert_eq!((f.offset, f.class), (cut, Class::NotFound));
    assert!(f.message.contains("without `checkpoint`") && f.message.contains("no line end"), "{f}");
    // A key line overwritten: its place.
    let f = fault(&PLAIN.replace("file:WiredTiger.wt", "file:WiredOther.wt"));
    assert_eq!((f.offset, f.key), (PLAIN.find("file:").unwrap(), Some(METADATA)));
    assert!(f.message.contains("key `file:WiredTiger.wt` is missing; line `file:WiredOther.wt`"), "{f}");
    // An empty line ends the search.
    let f = fault(&PLAIN.replace("file:", "\nfile:"));
    assert_eq!(f.offset, PLAIN.find("file:").unwrap());
    assert!(f.message.contains("empty line"), "{f}");
    // Ends behind a key.
    let end = PLAIN.find("file:").unwrap() + "file:WiredTiger.wt\n".len();
    let f = fault(&PLAIN[..end]);
    assert_eq!(f.offset, end);
    assert!(f.message.contains("value of `file:WiredTiger.wt` is missing"), "{f}");
    assert!(fault(&PLAIN[..PLAIN.find("file:").unwrap()]).message.contains("the file ends here"));
    let f = fault(&PLAIN.replace(",patch=0", ""));
    assert!(f.message.contains("no `patch`") && f.key == Some(VERSION), "{f}");
    assert!(fault(&PLAIN.replace("patch=0", "patch=x")).message.contains("not a number"));
    assert!(fault(&PLAIN.replace("WiredTiger version string\n", "")).message.contains("version string"));
    let f = parse(b"WiredTiger\xff").unwrap_err();
    assert_eq!((f.offset, f.class), (10, Class::Invalid));
    assert!(Fault::missing(true).to_string().contains("turtle missing, metadata present"));
    assert!(Fault::missing(false).to_string().contains("WT_NOTFOUND"));
}

#[test]
fn a_lost_line_shifts_only_its_own_pair() {
    let lost = PLAIN.replace("WiredTiger 12.0.0: (November 15, 2024)\n", "");
    assert_eq!(pairs(lost.as_bytes()).len(), 3);
    // The engine takes the next line for the value, whatever it is.
    assert_eq!(parse(lost.as_bytes()).unwrap().version_string, "WiredTiger version");
}

proptest! {
    #[test]
    fn any_bytes_parse_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (parse(&bytes), pairs(&bytes));
    }

    #[test]
    fn damage_never_panics(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = PLAIN.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for bytes in [&bytes[..], &bytes[..cut.index(PLAIN.len())]] {
            if let Err(f) = parse(bytes) {
                prop_assert!(f.offset <= bytes.len());
            }
            let _ = pairs(bytes);
        }
    }

    #[test]
    fn what_is_rendered_is_read(
        compatibility: Option<(u32, u32)>, state in proptest::option::of("[a-z0-9]{1,9}"), major: u32, text in "[ -~]{1,40}",
    ) {
        prop_assume!(!KEYS.contains(&text.as_str()));
        let turtle = HomeTurtle { compatibility, live_restore: state, version_string: text,
            version: Version { major, minor: 1, patch: 2 }, ..parse(PLAIN.as_bytes()).unwrap() };
        let written = render(&turtle);
        let back = parse(written.as_bytes()).unwrap();
        prop_assert_eq!(render(&back), written);
        prop_assert_eq!(HomeTurtle { metadata_at: turtle.metadata_at, ..back }, turtle);
    }
}
