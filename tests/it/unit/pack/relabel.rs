use proptest::prelude::*;
use wtcheck::format::pack;
use wtcheck::pack::relabel::*;

fn keys(list: &[&[u8]], form: &Form) -> Keys {
    Keys::new(list.iter().map(|k| (*k).into()).collect(), form, Alphabet::default())
}

fn holds(list: &[Vec<u8>], form: &Form) {
    for alphabet in ALPHABETS {
        holds_in(list, &Keys::new(list.iter().map(|k| k.as_slice().into()).collect(), form, alphabet));
    }
}

fn holds_in(list: &[Vec<u8>], map: &Keys) {
    for a in list {
        let new_a = map.get(a).unwrap();
        assert_eq!(new_a.len(), a.len());
        for b in list {
            let new_b = map.get(b).unwrap();
            assert_eq!(new_a.cmp(new_b), a.cmp(b), "{a:02x?} {b:02x?} -> {new_a:02x?} {new_b:02x?}");
            assert_eq!(common(new_a, new_b), common(a, b));
        }
    }
}

#[test]
fn examples() {
    let map = keys(&[b"apple", b"apricot", b"ap", b"banana"], &Form::Bytes);
    let new = |k: &[u8]| String::from_utf8(map.get(k).unwrap().to_vec()).unwrap();
    assert_eq!((new(b"ap"), new(b"apple")), ("aa".into(), "aaaaa".into()));
    assert_eq!((new(b"apricot"), new(b"banana")), ("aabaaaa".into(), "baaaaa".into()));
    assert!(map.get(b"cherry").is_none());
    let names = keys(&[b"file:a.wt\0"], &Form::Names);
    assert_eq!(names.get(b"file:a.wt\0"), Some(&b"file:a.wt\0"[..]));
}

#[test]
fn a_node_with_all_edges_keeps_its_labels_and_its_neighbours_do_not() {
    let list: Vec<Vec<u8>> = (0..=255_u8).map(|b| vec![7, b, 9]).collect();
    holds(&list, &Form::Bytes);
    let map = Keys::new(list.iter().map(|k| k.as_slice().into()).collect(), &Form::Bytes, Alphabet::default());
    assert_eq!(map.get(&[7, 33, 9]).unwrap(), b"a\x21a");
    let most: Vec<Vec<u8>> = (0..Alphabet::default().room() as u8).map(|b| vec![b]).collect();
    holds(&most, &Form::Bytes);
}

#[test]
fn formats_stay_well_formed() {
    for (format, list) in [
        ("S", vec![&b"key00000001\0"[..], b"key00000002\0", b"key1\0", b"\0"]),
        ("SSi", vec![&b"Rome\0Ann\0\x85"[..], b"Rome\0Bob\0\xc1\x20", b"Oslo\0\0\x40", b"Oslo\0Al\0\x3f\xff"]),
        ("q", vec![&b"\x81"[..], b"\x82", b"\xc0\x00", b"\xe1\x05", b"\xe2\x01\x00", b"\x7f", b"\x20\x00"]),
        ("uQ", vec![&b"\x83abc\x81"[..], b"\x83abd\x82", b"\x80\x85"]),
    ] {
        let map = keys(&list, &Form::of(format));
        for key in &list {
            let new = map.get(key).unwrap();
            assert!(pack::check(format, key).is_ok() && pack::check(format, new).is_ok(), "{format} {new:02x?}");
        }
    }
    // A string of a raw cursor, without its NUL, does not get one.
    let raw = keys(&[b"no end"], &Form::of("SS"));
    assert!(pack::check("SS", raw.get(b"no end").unwrap()).is_err());
}

#[test]
fn of_a_history_key_only_the_users_part_changes() {
    let key = b"\x82\x8ckey00000000\0\x8a\x80";
    let map = keys(&[key], &Form::history());
    assert_eq!(map.get(key).unwrap(), b"\x82\x8caaaaaaaaaaaa\x8a\x80");
}

proptest! {
    #[test]
    fn order_prefixes_and_lengths_stay(
        list in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 0..40),
        narrow in proptest::collection::vec(proptest::collection::vec(b'a'..=b'c', 0..6), 0..60),
    ) {
        for form in [Form::Bytes, Form::of("S"), Form::of("qS"), Form::of("uI"), Form::of("3SB"), Form::history()] {
            holds(&list, &form);
            holds(&narrow, &form);
        }
    }

    #[test]
    fn moved_labels_keep_order_and_prefixes(
        list in proptest::collection::vec(proptest::collection::vec(b'a'..=b'd', 0..6), 1..60), moves: [(u8, u8); 4],
    ) {
        for form in [Form::Bytes, Form::of("S"), Form::of("uI"), Form::history()] {
            let mut map = Keys::new(list.iter().map(|k| k.as_slice().into()).collect(), &form, Alphabet::default());
            for (at, by) in moves {
                let key = &list[usize::from(at) % list.len()];
                let before = map.get(key).unwrap().to_vec();
                for spot in map.spots(key, &form, usize::MAX, 4096) {
                    let by = u8::try_from(u64::from(by) % spot.room + 1).unwrap();
                    map.move_at(&spot, by, false);
                    prop_assert!(map.get(key).unwrap() != before);
                    map.move_at(&spot, by, true);
                    prop_assert_eq!(map.get(key).unwrap(), &before[..]);
                }
                // Those of one key are at places of their own, so all may be moved at once.
                for spot in map.spots(key, &form, usize::MAX, 4096) {
                    map.move_at(&spot, u8::try_from(u64::from(by) % (spot.room + 1)).unwrap(), false);
                }
                holds_in(&list, &map);
            }
        }
    }

    #[test]
    fn crowded_nodes_keep_the_order(list in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..3), 200..1000)) {
        holds(&list[..list.len().min(300)], &Form::Bytes);
        let map = Keys::new(list.iter().map(|k| k.as_slice().into()).collect(), &Form::of("S"), Alphabet::default());
        prop_assert!(map.new.is_sorted());
        prop_assert!(map.new.windows(2).all(|w| w[0] != w[1]));
    }
}
