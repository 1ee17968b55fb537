use super::catalog::bytes;
use bson::{DateTime, doc};
use wtcheck::mongo::server::*;

#[test]
fn a_start_of_mongod() {
    let row = bytes(&doc! {
        "_id": "host-1", "hostname": "host", "startTime": DateTime::from_millis(1_356_351_330_501),
        "buildinfo": { "version": "8.0.12", "gitVersion": "x", "modules": ["enterprise"] },
    });
    let start = start(&row).unwrap();
    assert_eq!((start.version, &start.modules[..], start.host), (Some("8.0.12"), &["enterprise"][..], Some("host")));
    assert_eq!(start.time, Some(1_356_351_330_501));
    assert!(wtcheck::mongo::server::start(b"\x05").is_err());
}

#[test]
fn the_compatibility_version() {
    let row = bytes(&doc! { "_id": "featureCompatibilityVersion", "version": "7.0", "targetVersion": "8.0" });
    let fcv_now = fcv(&row).unwrap().unwrap();
    assert_eq!((fcv_now.version, fcv_now.target, fcv_now.previous), (Some("7.0"), Some("8.0"), None));
    let schema = bytes(&doc! { "_id": "authSchema", "currentVersion": 5 });
    assert_eq!(fcv(&schema).unwrap(), None);
    assert!(is_auth_schema(&schema).unwrap() && !is_auth_schema(&row).unwrap());
}

#[test]
fn releases() {
    let release = |text| Release::parse(text).map(|r| r.to_string());
    assert_eq!(release("8.0.12").as_deref(), Some("8.0.12"));
    assert_eq!(release("8.3.0-rc1").as_deref(), Some("8.3.0"));
    assert_eq!(release("8.0").as_deref(), Some("8.0.0"));
    for bad in ["", "8", "a.b", "8.0.x", "8.0.1.2", "8..1"] {
        assert_eq!(release(bad), None, "{bad}");
    }
    assert!(Release::parse("8.10.0") > Release::parse("8.9.3"));
}
