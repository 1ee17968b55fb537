use super::catalog::{bytes, collection, uuid};
use bson::{Document, doc};
use proptest::prelude::*;
use wtcheck::mongo::layout::*;
use wtcheck::mongo::metadata::{IndexLeftOut, Why, of_collection, of_view, prelude};

#[test]
fn names_of_files() {
    for (name, stem) in [
        ("users", "users"),
        ("a b", "a+b"),
        ("x/y", "x%2Fy"),
        ("a$b", "a%24b"),
        ("é", "%C3%A9"),
        ("A-_.~%", "A-_.~%25"),
    ] {
        assert_eq!(file_stem(name).unwrap(), stem);
    }
    assert_eq!(data_file("..").unwrap(), "...bson");
    assert_eq!(data_file("system.buckets.s").unwrap(), "system.buckets.s.bson");
    assert_eq!(metadata_file("system.buckets.s").unwrap(), "s.metadata.json");
    assert_eq!(file_stem(""), Err(BadName::Empty));
    let longest = "x".repeat(238);
    assert_eq!(file_stem(&longest).unwrap(), longest);
    let long = "x".repeat(239);
    // Taken with Python's hashlib and base64.
    let digest = "Nq75d-cu3iRxNs-ce3Tvf9gagoU";
    assert_eq!(file_stem(&long).unwrap(), format!("{}%24{digest}", "x".repeat(208)));
    // The cut falls into a `%XX`.
    let cut = file_stem(&format!("{}/{}", "x".repeat(206), "y".repeat(40))).unwrap();
    assert_eq!((cut.len(), &cut[206..211]), (238, "%2%24"));
}

#[test]
fn names_of_databases() {
    for good in ["test", "é", "a-b", "local", &"x".repeat(63)] {
        assert_eq!(check_database(good), Ok(()));
    }
    assert_eq!(check_database(""), Err(BadName::Empty));
    assert_eq!(check_database(&"x".repeat(64)), Err(BadName::TooLong(64)));
    for (bad, c) in [("..", '.'), (".", '.'), ("a/b", '/'), ("a\\b", '\\'), ("a\0", '\0'), ("$x", '$'), ("a b", ' ')] {
        assert_eq!(check_database(bad), Err(BadName::Forbidden(c)));
    }
    assert!(check_database("a\nb").is_err(), "no line ends in paths");
}

#[test]
fn what_goes_in() {
    use Asked::{All, Collection, Database, Everything};
    let cases = [
        ("test", "users", Everything, Ok(())),
        ("test", "system.js", Everything, Ok(())),
        ("test", "system.buckets.s", Everything, Ok(())),
        ("test", "system.profile", Everything, Err(LeftOut::System)),
        ("test", "system.views", Everything, Err(LeftOut::Views)),
        ("test", "a$b", Everything, Err(LeftOut::Dollar)),
        ("test", "a$b", All, Ok(())),
        ("test", "system.profile", Collection, Ok(())),
        ("admin", "system.users", Everything, Ok(())),
        ("admin", "system.version", Everything, Ok(())),
        ("admin", "system.keys", Everything, Err(LeftOut::Keys)),
        ("admin", "system.keys", Database, Err(LeftOut::Keys)),
        ("config", "shards", Everything, Ok(())),
        ("config", "system.preimages", Everything, Err(LeftOut::Config)),
        ("config", "system.preimages", Database, Ok(())),
        ("local", "oplog.rs", Everything, Err(LeftOut::Local)),
        ("local", "oplog.rs", Database, Ok(())),
        ("local", "system.replset", Database, Err(LeftOut::System)),
        ("local", "oplog.rs", All, Ok(())),
        ("__mdb_internal_x", "c", Everything, Err(LeftOut::Internal)),
    ];
    for (database, name, asked, answer) in cases {
        assert_eq!(selected(database, name, asked), answer, "{database}.{name} {asked:?}");
    }
}

fn metadata(ns: &str, options: Document, indexes: Vec<Document>) -> (String, Vec<IndexLeftOut>) {
    let row = bytes(&doc! { "ns": ns, "ident": "x", "md": { "ns": ns, "options": options, "indexes": indexes } });
    let out = of_collection(&collection(&row)).unwrap();
    assert!(out.notes.reversible());
    (String::from_utf8(out.text).unwrap(), out.left_out)
}

fn index(key: Document, name: &str) -> Document {
    doc! { "spec": { "v": 2, "key": key, "name": name }, "ready": true }
}

#[test]
fn metadata_of_a_collection() {
    let mut unfinished = index(doc! { "b": 1 }, "b_1");
    unfinished.insert("ready", false);
    let (text, left_out) = metadata(
        "db.us.ers",
        doc! { "uuid": uuid(), "capped": true, "size": 4096 },
        vec![index(doc! { "_id": 1 }, "_id_"), unfinished],
    );
    assert_eq!(
        text,
        concat!(
            r#"{"options":{"capped":true,"size":{"$numberInt":"4096"}},"#,
            r#""indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}],"#,
            r#""uuid":"000102030405060708090a0b0c0d0e0f","collectionName":"us.ers","type":"collection"}"#
        )
    );
    assert_eq!(left_out, [IndexLeftOut { name: "b_1".into(), why: Why::NotReady }]);
    let (text, _) = metadata("db.c", doc! {}, vec![]);
    assert_eq!(text, r#"{"indexes":[],"collectionName":"c","type":"collection"}"#);
}

#[test]
fn metadata_of_a_time_series() {
    let mut filtered = index(doc! { "meta": 1 }, "filtered");
    filtered.get_document_mut("spec").unwrap().insert("partialFilterExpression", doc! { "meta": 1 });
    let mut original = index(doc! { "data.l": "2dsphere_bucket" }, "l");
    let user = doc! { "key": { "l": "2dsphere" }, "name": "l" };
    original.get_document_mut("spec").unwrap().insert("originalSpec", user);
    let (text, left_out) = metadata(
        "db.system.buckets.s",
        doc! {
            "uuid": uuid(),
            "validator": { "a": 1 },
            "clusteredIndex": true,
            "timeseries": { "timeField": "t", "metaField": "m" },
            "expireAfterSeconds": 9_i64,
        },
        vec![
            index(doc! { "meta.x": 1, "control.min.t": 1, "control.max.t": 1 }, "up"),
            index(doc! { "control.max.t": -1, "control.min.t": -1, "meta": "hashed" }, "down"),
            index(doc! { "control.min.t": 1, "control.max.u": 1 }, "odd"),
            index(doc! { "control.min.t": -1, "control.max.t": -1 }, "turned"),
            index(doc! { "control.min.t": 1 }, "half"),
            filtered,
            original,
        ],
    );
    assert_eq!(
        text,
        concat!(
            r#"{"options":{"timeseries":{"timeField":"t","metaField":"m"},"expireAfterSeconds":{"$numberLong":"9"}},"#,
            r#""indexes":[{"v":{"$numberInt":"2"},"key":{"m.x":{"$numberInt":"1"},"t":{"$numberInt":"1"}},"name":"up"},"#,
            r#"{"v":{"$numberInt":"2"},"key":{"t":{"$numberInt":"-1"},"m":"hashed"},"name":"down"},"#,
            r#"{"key":{"l":"2dsphere"},"name":"l"}],"collectionName":"s","type":"timeseries"}"#
        )
    );
    let names: Vec<_> = left_out.iter().map(|l| (l.name.as_str(), l.why)).collect();
    assert_eq!(names, ["odd", "turned", "half", "filtered"].map(|n| (n, Why::Buckets)));
}

#[test]
fn metadata_of_views() {
    let view = bytes(&doc! { "_id": "db.v.w", "viewOn": "users", "pipeline": [{ "$match": { "a": 1 } }] });
    let (database, name, out) = of_view(&view).unwrap().unwrap();
    assert_eq!((database, name), ("db", "v.w"));
    assert_eq!(
        String::from_utf8(out.text).unwrap(),
        concat!(
            r#"{"options":{"viewOn":"users","pipeline":[{"$match":{"a":{"$numberInt":"1"}}}]},"#,
            r#""indexes":[],"collectionName":"v.w","type":"view"}"#
        )
    );
    let series = bytes(&doc! { "_id": "db.s", "viewOn": "system.buckets.s", "pipeline": [] });
    assert_eq!(of_view(&series).unwrap(), None);
    assert!(of_view(&bytes(&doc! { "viewOn": "users" })).is_err());
}

#[test]
fn preludes() {
    assert_eq!(prelude(Some("8.0.12"), "1.2"), br#"{"ServerVersion":"8.0.12","ToolVersion":"1.2"}"#);
    assert_eq!(prelude(None, "\"")[..], br#"{"ServerVersion":"unknown","ToolVersion":"\""}"#[..]);
}

proptest! {
    #[test]
    fn every_stem_is_one_part_of_a_path(name in ".{1,300}") {
        let stem = file_stem(&name).unwrap();
        prop_assert!(stem.len() <= 238 && !stem.is_empty());
        prop_assert!(stem.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\'));
    }
}
