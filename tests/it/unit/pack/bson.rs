use ::bson::{Bson, Document, RawDocument, doc};
use proptest::prelude::*;
use std::cell::RefCell;
use wtcheck::pack::bson::*;
use wtcheck::pack::relabel::*;

fn user(bytes: &[u8]) -> Option<Vec<u8>> {
    document(bytes, &Fields::User, Alphabet::default(), &mut 0)
}

fn catalog(bytes: &[u8]) -> Option<Vec<u8>> {
    document(bytes, &Fields::Catalog(RefCell::default()), Alphabet::default(), &mut 0)
}

#[test]
fn types_and_lengths_stay() {
    let old = doc! {
        "_id": 7_i64, "name": "Ada Lovelace", "at": [1, "two", { "deep": true }], "none": Bson::Null, "x": 1.5,
        "re": ::bson::Regex { pattern: "^a".try_into().unwrap(), options: "i".try_into().unwrap() },
        "b": ::bson::Binary { subtype: ::bson::spec::BinarySubtype::Generic, bytes: b"secret".to_vec() },
    };
    let bytes = old.to_vec().unwrap();
    let new = user(&bytes).unwrap();
    assert_eq!(new.len(), bytes.len());
    let types = |bytes: &[u8]| -> Vec<_> {
        RawDocument::from_bytes(bytes).unwrap().iter().map(|f| f.unwrap().1.element_type()).collect()
    };
    assert_eq!(types(&new), types(&bytes));
    let has = |word: &[u8]| new.windows(word.len()).any(|w| w == word);
    assert!(!has(b"Lovelace") && !has(b"secret") && !has(b"name"));
    for cut in 0..bytes.len() {
        assert!(user(&bytes[..cut]).is_none());
    }
}

#[test]
fn the_catalog_keeps_idents() {
    let old = doc! { "ident": "collection-0--1", "ns": "shop.orders", "idxIdent": { "_id_": "index-1--1" } };
    let new = catalog(&old.to_vec().unwrap()).unwrap();
    let back = Document::from_reader(new.as_slice()).unwrap();
    assert_eq!((back.get_str("ident").unwrap(), back.get_str("ns").unwrap()), ("collection-0--1", "aaaaaaaaaaa"));
    let map = back.get_document("idxIdent").unwrap();
    assert_eq!(map.iter().next().unwrap(), (&"_id_".to_string(), &Bson::from("index-1--1")));
}

#[test]
fn namespaces_stay_apart_and_counts_stay() {
    let fields = Fields::Catalog(Default::default());
    let ns = |name: &str| {
        let bytes = doc! { "ns": name }.to_vec().unwrap();
        let new = document(&bytes, &fields, Alphabet::default(), &mut 0).unwrap();
        Document::from_reader(new.as_slice()).unwrap().get_str("ns").unwrap().to_string()
    };
    let names: Vec<String> = ["a.b", "a.c", "a.b", "shop.b"].map(ns).to_vec();
    assert!(names[0] == names[2] && names[0] != names[1] && names[3].len() == 6, "{names:?}");
    assert!(names.iter().all(|n| !n.contains('.')), "{names:?}");
    let old = doc! { "numRecords": 12_i64, "dataSize": 345_i64, "else": 6_i64 };
    let new = document(&old.to_vec().unwrap(), &Fields::Sizes, Alphabet::default(), &mut 0).unwrap();
    let back = Document::from_reader(new.as_slice()).unwrap();
    assert_eq!((back.get_i64("numRecords").unwrap(), back.get_i64("dataSize").unwrap()), (12, 345));
    assert!(!back.contains_key("else"));
}

#[test]
fn a_document_takes_what_it_has_room_for_of_a_number() {
    let bytes = doc! { "_id": 7_i32, "name": "Ada Lovelace" }.to_vec().unwrap();
    let new = |mut left: u64| (document(&bytes, &Fields::User, Alphabet::default(), &mut left).unwrap(), left);
    let all: std::collections::BTreeSet<_> = (0..3000).map(|n| new(n).0).collect();
    assert_eq!((all.len(), new(3000).1), (3000, 0));
    assert!(new(u64::MAX).1 > 0);
}

proptest! {
    #[test]
    fn anything_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = user(&bytes);
        let mut framed = u32::try_from(bytes.len() + 5).unwrap().to_le_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        framed.push(0);
        if let Some(new) = catalog(&framed) {
            prop_assert_eq!(new.len(), framed.len());
        }
    }
}
