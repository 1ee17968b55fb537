use wtcheck::pack::search::*;

#[test]
fn strings_are_found_and_names_are_none() {
    let mut samples = Samples::default();
    samples.key(b"key00000001");
    samples.value(b"short");
    samples.value(b"vvvvvvvvvvvv");
    samples.key(b"table:collection-1");
    samples.secret(b"0123456789abcdef");
    samples.name(b"table:collection-1");
    let needles = samples.needles();
    assert_eq!(needles.count, 2);
    assert_eq!(needles.find(b"....key00000001"), Some(4));
    assert_eq!(needles.find(b"....key0000000"), None);
    assert_eq!(needles.find(b"0123456789abcdef"), Some(0));
    assert_eq!(needles.find(b"table:collection-1, vvvvvvvvvvvv short"), None);
}

#[test]
fn memory_is_bounded() {
    let mut samples = Samples::default();
    for n in 0..200_000_u32 {
        samples.key(format!("key{n:010}").as_bytes());
    }
    assert!(samples.keys.strings.len() < MOST && samples.keys.strings.len() > MOST / 8);
}
