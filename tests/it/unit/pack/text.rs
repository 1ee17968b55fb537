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

#[test]
fn a_text_is_varied_without_changing_what_it_means() {
    let text = "access_pattern_hint=none,assert=(commit_timestamp=none),verbose=[],checkpoint=(a=(addr=\"00\",order=1,\
                time=1700000999,size=1),b=(time=7)),checkpoint_time=1700000999";
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..4000 {
        let (mut new, mut left) = (text.to_string(), number);
        vary(&mut new, &mut left);
        assert_eq!((new.len(), left), (text.len(), 0));
        let config = wtcheck::format::config::Config::parse(&new).unwrap();
        let old = wtcheck::format::config::Config::parse(text).unwrap();
        for key in ["access_pattern_hint", "checkpoint_time"] {
            assert_eq!(config.get(key).unwrap().text, old.get(key).unwrap().text);
        }
        assert_eq!(config.get("assert").unwrap().config().unwrap().entries().len(), 1);
        let list = config.get("checkpoint").unwrap().config().unwrap();
        assert_eq!(list.get("b").unwrap().text, "(time=7)");
        assert_eq!(list.get("a").unwrap().config().unwrap().get("size").unwrap().text, "1");
        assert!(seen.insert(new));
    }
    // More than it has room for is left for the next one.
    let mut left = 5000;
    vary(&mut text.to_string(), &mut left);
    assert_eq!(left, 1);
}

#[test]
fn even_times_change_nothing_else() {
    let mut text = *b"a=(time=123,size=12),time=,x=1";
    even_times(&mut text);
    assert_eq!(&text, b"a=(time=111,size=12),time=,x=1");
}
