use bson::spec::BinarySubtype;
use bson::{Binary, Document, doc};
use proptest::prelude::*;
use wtcheck::mongo::catalog::*;
use wtcheck::mongo::key_value::KeyVersion;

pub fn uuid() -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: (0..16).collect() }
}

pub fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().unwrap()
}

pub fn collection(row: &[u8]) -> Collection<'_> {
    match wtcheck::mongo::catalog::row(row).unwrap() {
        Row::Collection(collection) => *collection,
        Row::Feature(_) => panic!("a feature document"),
    }
}

fn users() -> Document {
    doc! {
        "md": {
            "ns": "test.users",
            "options": { "uuid": uuid(), "capped": true, "size": 4096, "collation": { "locale": "de" } },
            "indexes": [
                { "spec": { "v": 2, "key": { "_id": 1 }, "name": "_id_" }, "ready": true, "multikey": false, "head": 0_i64 },
                {
                    "spec": { "v": 2, "unique": true, "key": { "b": -1.0, "a": 1, "c": "hashed" }, "name": "b_-1_a_1",
                        "sparse": 12345, "collation": { "locale": "simple" } },
                    "ready": true,
                    "multikey": true,
                    "multikeyPaths": { "b": Binary { subtype: BinarySubtype::Generic, bytes: vec![1] } },
                },
                {
                    "spec": { "v": 2, "key": { "x.$**": 1 }, "name": "wild", "partialFilterExpression": { "x": 1 } },
                    "ready": false,
                    "buildUUID": uuid(),
                },
            ],
            "prefix": -1_i64,
        },
        "idxIdent": { "_id_": "index-1--7", "b_-1_a_1": "index-2--7" },
        "ns": "test.users",
        "ident": "collection-0--7",
    }
}

#[test]
fn a_row_in_facts() {
    let row = bytes(&users());
    let row = collection(&row);
    assert_eq!((row.ns, row.md_ns, row.ident), (Some("test.users"), Some("test.users"), Some("collection-0--7")));
    assert_eq!(row.names(), Some(("test", "users")));
    assert_eq!((row.damage.as_ref(), row.prefix, row.kind()), (None, Some(-1), Kind::Ordinary));
    let options = &row.options;
    assert_eq!(options.uuid.unwrap().to_vec(), uuid().bytes);
    assert!(options.capped && !options.temp && !options.clustered && options.collation.is_some());
    assert_eq!(row.index_idents, [("_id_", "index-1--7"), ("b_-1_a_1", "index-2--7")]);
    assert_eq!(row.index_ident("b_-1_a_1"), Some("index-2--7"));
    let [id, unique, wild] = &row.indexes[..] else { panic!("{row:?}") };
    assert_eq!((id.name, id.version, id.ready, id.multikey), (Some("_id_"), Some(2), Some(true), Some(false)));
    assert!(!id.unique && id.complete());
    assert!(unique.unique && unique.sparse && !unique.complete() && unique.multikey_paths.is_some());
    assert!(wild.partial && wild.ready == Some(false) && wild.build_uuid.is_some());
    let shape = |index: &Index<'_>| index.shape(KeyVersion::V1, options).unwrap();
    assert!(shape(id).collated, "that of its collection");
    assert!(!shape(unique).collated, "it says that it has none");
    assert_eq!(shape(unique).descending, [true, false, false]);
    assert!(shape(unique).exact && !shape(wild).exact);
}

#[test]
fn the_feature_document_by_its_first_field() {
    let feature = bytes(&doc! { "isFeatureDoc": true, "ns": null, "nonRepairable": 0_i64, "repairable": 1_i64 });
    assert_eq!(row(&feature).unwrap(), Row::Feature(Feature { non_repairable: Some(0), repairable: Some(1) }));
    let later = bytes(&doc! { "ns": "a.b", "isFeatureDoc": true });
    assert!(matches!(row(&later).unwrap(), Row::Collection(_)));
}

#[test]
fn kinds() {
    let kind = |ns: &str, options: Document| {
        let row = bytes(&doc! { "ns": ns, "md": { "ns": ns, "options": options } });
        let row = collection(&row);
        (row.kind(), row.options.clustered)
    };
    let series = || doc! { "timeField": "t" };
    assert_eq!(
        kind("d.system.buckets.s", doc! { "clusteredIndex": true, "timeseries": series() }),
        (Kind::Buckets, true)
    );
    assert_eq!(kind("d.s", doc! { "timeseries": series() }), (Kind::Timeseries, false));
    assert_eq!(kind("d.v", doc! { "viewOn": "s" }), (Kind::View, false));
    assert_eq!(kind("d.c", doc! { "clusteredIndex": { "v": 2 } }), (Kind::Ordinary, true));
    assert_eq!(kind("d.c", doc! { "clusteredIndex": false }), (Kind::Ordinary, false));
}

#[test]
fn what_stands_before_a_damage_is_used() {
    let mut row = bytes(&users());
    let at = row.windows(5).position(|w| w == b"ident").unwrap();
    // The type of the last field.
    row[at - 1] = 0x55;
    let row = collection(&row);
    assert!(row.damage.unwrap().message.contains("unknown type 0x55"));
    assert_eq!((row.ns, row.ident, row.indexes.len()), (Some("test.users"), None, 3));
    assert!(wtcheck::mongo::catalog::row(b"").is_err());
}

proptest! {
    #[test]
    fn flipped_bytes_are_read_or_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut row = bytes(&users());
        let at = at.index(row.len());
        row[at] = to;
        if let Ok(Row::Collection(row)) = wtcheck::mongo::catalog::row(&row) {
            for index in &row.indexes {
                let _ = (index.shape(KeyVersion::V0, &row.options), index.complete());
            }
            let _ = wtcheck::mongo::metadata::of_collection(&row);
        }
    }
}
