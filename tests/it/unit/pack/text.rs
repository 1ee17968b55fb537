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
fn damage_of_a_text_stays_at_its_place() {
    use wtcheck::format::home_turtle::{check_backup, parse};
    let turtle = b"WiredTiger version string\nWiredTiger 11.2.0: (November 10, 2022)\nWiredTiger version\n\
        major=11,minor=2,patch=0\nfile:WiredTiger.wt\naccess_pattern_hint=none,allocation_size=4KB,app_metadata=(secret=1),\
        checkpoint=(a=(addr=\"0102\",order=1,size=1,write_gen=1)),checkpoint_lsn=(1,128),id=0,key_format=S,log=(enabled=true),\
        value_format=S,version=(major=1,minor=1)\n";
    let backup = [
        &b"table:t\xc3\xa4\naccess_pattern_hint=none,app_metadata=secret,columns=(a),key_format=S,value_format=S\n"[..],
        turtle,
    ]
    .concat();
    let place = |bytes: &[u8], backup: bool| match backup {
        true => check_backup(bytes).err().map(|f| f.0),
        false => parse(bytes).err().map(|f| f.offset),
    };
    for (text, is_backup) in [(&turtle[..], false), (&backup[..], true)] {
        assert_eq!(place(text, is_backup), None);
        for at in 0..text.len() {
            for byte in [0, 1, b'(', b'x', 0xff] {
                let mut damaged = text.to_vec();
                damaged[at] = byte;
                let new = lines(&damaged, &|_, _| None);
                assert_eq!(new.len(), damaged.len());
                let words = String::from_utf8_lossy(&damaged).into_owned();
                assert_eq!(place(&new, is_backup), place(&damaged, is_backup), "{at} {byte}: {words}");
                assert!(!new.windows(6).any(|w| w == b"secret"), "{at} {byte}: {words}");
            }
        }
        for cut in 0..text.len() {
            let new = lines(&text[cut..], &|_, _| None);
            assert!(!new.windows(4).any(|w| w == b"cret"), "from {cut}");
            let new = lines(&text[..cut], &|_, _| None);
            assert_eq!(place(&new, is_backup), place(&text[..cut], is_backup), "to {cut}");
        }
    }
}

#[test]
fn settings_keep_the_place_of_their_fault() {
    let text = b"# comment\n\nversion=(major=11,minor=2)\ncache_size=1MB\nextensions=[\"/home/ada/x.so\"]\n\
        log=(enabled=true,compressor=zlib)\nsession_max=20\n";
    let place =
        |bytes: &[u8]| wtcheck::format::config_keys::check_settings(&String::from_utf8_lossy(bytes)).err().map(|f| f.0);
    let plain = String::from_utf8(log_settings(text)).unwrap();
    assert!(plain.contains("\nlog=(enabled=true,compressor=zlib)\n") && !plain.contains("ada"), "{plain}");
    for at in 0..text.len() {
        for byte in [0, b'(', b'x', 0xff] {
            let mut damaged = text.to_vec();
            damaged[at] = byte;
            let new = log_settings(&damaged);
            assert!(!new.windows(3).any(|w| w == b"ada"));
            assert_eq!(place(&new).is_some(), place(&damaged).is_some(), "{at} {byte}");
        }
    }
}

#[test]
fn even_times_change_nothing_else() {
    let mut text = *b"a=(time=123,size=12),time=,x=1";
    even_times(&mut text);
    assert_eq!(&text, b"a=(time=111,size=12),time=,x=1");
}
