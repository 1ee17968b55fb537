use bson::spec::BinarySubtype;
use bson::{Binary, Document, doc};
use proptest::prelude::*;
use wtcheck::home::names::*;

fn row() -> Document {
    let uuid = Binary { subtype: BinarySubtype::Uuid, bytes: (0..16).collect() };
    doc! {
        "md": { "ns": "test.users", "options": { "uuid": uuid }, "indexes": [{ "spec": { "name": "_id_" }, "ready": true }] },
        "idxIdent": { "_id_": "index-1--7", "a_1": "index-2--7" },
        "ns": "test.users",
        "ident": "collection-0--7",
    }
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().unwrap()
}

#[test]
fn collections_indexes_and_special_files() {
    let feature = doc! { "isFeatureDoc": true, "ns": null, "nonRepairable": 0_i64 };
    let rows = [bytes(&row()), bytes(&feature), bytes(&row()), b"no document".to_vec()];
    let names = Names::from_catalog(rows.iter().map(Vec::as_slice));
    assert_eq!((names.rows, names.broken, names.without_ident, names.idents.len()), (4, 1, 1, 3));
    assert_eq!(names.duplicates, ["collection-0--7", "index-1--7", "index-2--7"]);
    let uuid = Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let want = Name { what: What::Collection, namespace: "test.users".into(), index: None, uuid };
    assert_eq!(names.for_file("collection-0--7.wt"), Some(want.clone()));
    assert_eq!(names.for_file("file:collection-0--7.wt_stable"), Some(want.clone()));
    let want = Name { what: What::Index, index: Some("a_1".into()), ..want };
    assert_eq!(names.for_file("index-2--7.wt"), Some(want));
    for (file, what) in [
        ("_mdb_catalog.wt", What::Catalog),
        ("sizeStorer.wt", What::SizeStorer),
        ("WiredTiger.wt", What::Metadata),
        ("WiredTigerHS.wt", What::HistoryStore),
    ] {
        let name = names.for_file(file).unwrap();
        assert_eq!((name.what, name.namespace.as_str()), (what, ""), "{file}");
    }
    for file in ["collection-0--7", "collection-1--7.wt", "", ".wt"] {
        assert_eq!(names.for_file(file), None, "{file}");
    }
    assert_eq!(names.idents.len(), 3);
}

#[test]
fn older_and_broken_rows() {
    let mut old = row();
    old.remove("ns");
    old.get_document_mut("md").unwrap().remove("options");
    let names = Names::from_catalog([bytes(&old).as_slice()]);
    let name = names.get("collection-0--7").unwrap();
    assert_eq!((name.namespace.as_str(), name.uuid), ("test.users", None));
    // Damage behind the indexes: they are known, the collection's own ident is not.
    let mut broken = bytes(&row());
    let at = broken.windows(5).position(|w| w == b"ident").unwrap();
    broken[at - 1] = 0x7e;
    let names = Names::from_catalog([broken.as_slice()]);
    assert_eq!((names.broken, names.idents.len()), (1, 2));
    assert!(names.get("index-1--7").is_some() && names.get("collection-0--7").is_none());
}

#[test]
fn sizes() {
    let good = bytes(&doc! { "numRecords": 5000_i64, "dataSize": 7 });
    let rows: [(&[u8], &[u8]); 4] =
        [(b"table:a", &good), (b"table:b", &good[..20]), (b"\xff", &good), (b"table:c", &[5, 0, 0, 0, 0])];
    let sizes = Sizes::from_rows(rows);
    assert_eq!((sizes.broken, sizes.by_uri.len()), (3, 1));
    assert_eq!(sizes.for_ident("a"), Some(Size { records: 5000, bytes: 7 }));
    assert_eq!(sizes.for_ident("b"), None);
}

proptest! {
    #[test]
    fn damage_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut value = bytes(&row());
        for (at, byte) in changes {
            let at = at.index(value.len());
            value[at] = byte;
        }
        if let Some(cut) = cut {
            value.truncate(cut.index(value.len()));
            let n = i32::try_from(value.len()).unwrap().to_le_bytes();
            value.iter_mut().zip(n).for_each(|(slot, b)| *slot = b);
            if let Some(last) = value.last_mut() { *last = 0; }
        }
        let _ = Names::from_catalog([value.as_slice()]);
        let _ = Sizes::from_rows([(&value[..], &value[..])]);
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let framed = [&u32::try_from(bytes.len() + 5).unwrap().to_le_bytes()[..], &bytes, &[0]].concat();
        for value in [&bytes, &framed] {
            let _ = Names::from_catalog([value.as_slice()]);
            let _ = Sizes::from_rows([(&value[..], &value[..])]);
        }
    }
}
