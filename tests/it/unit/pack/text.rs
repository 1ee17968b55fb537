use wtcheck::pack::text::*;

#[test]
fn cookies_change_and_words_go() {
    let text = "access_pattern_hint=none,app_metadata=(formatVersion=1,\"x y\"=\"z\\\"q)\",é=(a)),\
                checkpoint=(a=(addr=\"0102\",size=1),b=(addr=\"\",size=0),c=(addr=\"zz\")),x=(app_metadata=shop.db)";
    let new = rewritten(text, &|c| Some(c.iter().map(|b| b + 1).collect()));
    assert_eq!(
        new,
        "access_pattern_hint=none,app_metadata=(xxxxxxxxxxxxx=0,\"xxx\"=\"x\\\"x)\",xx=(x)),\
         checkpoint=(a=(addr=\"0203\",size=1),b=(addr=\"\",size=0),c=(addr=\"zz\")),x=(app_metadata=xxxxxxx)"
    );
    assert_eq!(new.len(), text.len());
}

#[test]
fn names_and_digits() {
    for (key, name) in [("file:a.wt\0", true), ("fi", true), ("t", true), ("Ada Lovelace\0", false), ("\u{1}le", false)]
    {
        assert_eq!(is_name(key.as_bytes()), name, "{key:?}");
    }
    assert_eq!(without_hex("a=1,block_metadata=[12ab],b=2", "block_metadata=["), "a=1,block_metadata=[0000],b=2");
}

#[test]
fn texts_of_the_engine() {
    assert!(!is_engines("version=2,compatible_version=1,\ncheckpoint=(", &["version="]));
    assert!(is_engines("checkpoint=(a=(addr=\"00\")),\ntimestamp=1", &["checkpoint="]));
    assert!(!is_engines("Dear Ada", &["checkpoint="]));
}
