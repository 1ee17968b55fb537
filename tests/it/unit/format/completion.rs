use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::completion::*;
use wtcheck::id::Lsn;

const SAMPLE: &str = "metadata_lsn=124,metadata_checksum=33233555,database_size=1048677,version=2,compatible_version=2";

#[test]
fn sample_of_14_5() {
    let got = parse(SAMPLE.as_bytes()).unwrap();
    let want = Completion {
        metadata_lsn: Lsn(124),
        metadata_checksum: Some(0x3323_3555),
        database_size: Some(1_048_677),
        version: 2,
        compatible_version: 2,
        has_versions: true,
        id: None,
    };
    assert_eq!(got, want);
    assert_eq!(want.to_text(), SAMPLE);
}

#[test]
fn older_texts() {
    for text in ["id=12,metadata_lsn=1260", "metadata_lsn=432,metadata_checksum=fcdaa74b", "metadata_lsn=1"] {
        let got = parse(text.as_bytes()).unwrap();
        assert!(!got.has_versions);
        assert_eq!((got.version, got.compatible_version, got.database_size), (1, 1, None));
        assert_eq!(got.to_text(), text);
    }
    assert_eq!(parse(b"id=12,metadata_lsn=1260").unwrap().id, Some(12));
    assert_eq!(parse(b"metadata_lsn=1,metadata_checksum=0\0").unwrap().metadata_checksum, Some(0));
}

#[test]
fn classes_of_07_5_1() {
    for (text, class) in [
        ("", Class::NotFound),
        ("metadata_checksum=1", Class::NotFound),
        ("metadata_lsn=x", Class::Invalid),
        ("metadata_lsn=-1", Class::Invalid),
        ("metadata_lsn=1,metadata_checksum=100000000", Class::Invalid),
        ("metadata_lsn=1,metadata_checksum=xyz", Class::Invalid),
        ("metadata_lsn=1,metadata_checksum=", Class::Invalid),
        ("metadata_lsn=1,database_size=-5", Class::Invalid),
        ("metadata_lsn=1,version=-1", Class::Invalid),
        ("metadata_lsn=1,version=4294967296", Class::Invalid),
        ("metadata_lsn=1,compatible_version=4294967296", Class::Invalid),
        ("metadata_lsn=1,version=3,compatible_version=3", Class::Unsupported),
        ("metadata_lsn=1,version=1,compatible_version=2", Class::Invalid),
        ("metadata_lsn=1,compatible_version=2", Class::Invalid),
        ("metadata_lsn=(", Class::Invalid),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().class, class, "{text}");
    }
    assert!(parse(b"metadata_lsn=1,version=4294967295,compatible_version=2,new_key=(a=1)").is_ok());
    assert!(parse(b"metadata_lsn=1,version=2").unwrap().has_versions);
}

proptest! {
    #[test]
    fn round_trip(
        metadata_lsn: u64,
        metadata_checksum: Option<u32>,
        database_size: Option<u64>,
        id: Option<u64>,
        versions in proptest::option::of((1..=READER_VERSION, 0..5_u32)),
    ) {
        let (compatible_version, above) = versions.unwrap_or((1, 0));
        let completion = Completion {
            metadata_lsn: Lsn(metadata_lsn),
            metadata_checksum,
            database_size,
            version: compatible_version + above,
            compatible_version,
            has_versions: versions.is_some(),
            id,
        };
        prop_assert_eq!(parse(completion.to_text().as_bytes()).unwrap(), completion);
    }

    #[test]
    fn any_bytes_parse_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..SAMPLE.len()) {
        let _ = parse(&bytes);
        let mut text = SAMPLE.as_bytes()[..cut].to_vec();
        text.extend_from_slice(&bytes);
        let _ = parse(&text);
    }
}
