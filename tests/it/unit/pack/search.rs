use wtcheck::pack::search::*;

fn places(needles: &Needles, bytes: &[u8]) -> Vec<usize> {
    let mut out = Vec::new();
    needles.find(bytes, &mut |at, _| out.push(at));
    out
}

#[test]
fn strings_are_found_and_names_are_none() {
    let mut samples = Samples::default();
    samples.key(b"key00000001");
    samples.value(b"short");
    samples.value(b"vvvvvvvvvvvv");
    samples.value(b"vvvvvvvvvvvv\0");
    samples.value(b"\0\0\0\x05\0\0\0\x01\0\0\x02");
    samples.key(b"table:collection-1");
    samples.secret(b"0123456789abcdef");
    samples.shipped(b"table:collection-1");
    let needles = samples.needles();
    assert_eq!(needles.count, 2);
    assert_eq!(places(&needles, b"....key00000001"), [4]);
    assert_eq!(places(&needles, b"....key0000000").len(), 0);
    assert_eq!(places(&needles, b"0123456789abcdef key00000001"), [0, 17]);
    assert_eq!(places(&needles, b"table:collection-1, vvvvvvvvvvvv short").len(), 0);
}

fn found(hits: &[(&str, &[u8])]) -> Found {
    let mut out = Found::default();
    hits.iter().for_each(|(file, string)| out.add(file, string, 7));
    out
}

#[test]
fn what_is_in_every_image_is_a_leak() {
    let mut guard = Guard::default();
    guard.image(found(&[("a", b"aaaaaaab"), ("a", b"Ada Lovelace"), ("b", b"aaaaaaab")]));
    assert_eq!(guard.leak(), Some(("a", 7)));
    // The same string in another file is another matter.
    guard.image(found(&[("a", b"Ada Lovelace"), ("c", b"aaaaaaab")]));
    assert_eq!(guard.leak(), Some(("a", 7)));
    guard.image(found(&[]));
    assert_eq!(guard.leak(), None);
}

#[test]
fn more_hits_than_can_be_told_apart_are_a_leak() {
    let strings: Vec<String> = (0..=MOST_HITS).map(|n| format!("string {n:08}")).collect();
    let hits: Vec<(&str, &[u8])> = strings.iter().map(|s| ("a", s.as_bytes())).collect();
    let mut guard = Guard::default();
    guard.image(found(&hits));
    guard.image(found(&[]));
    assert!(guard.leak().is_some());
}

#[test]
fn memory_is_bounded() {
    let mut samples = Samples::default();
    for n in 0..200_000_u32 {
        samples.key(format!("key{n:010}").as_bytes());
    }
    assert!(samples.keys.strings.len() < MOST && samples.keys.strings.len() > MOST / 8);
}
