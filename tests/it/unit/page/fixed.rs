use wtcheck::format::local::DATA_OFFSET;
use wtcheck::format::page_header::PageHeader;
use wtcheck::page::form::Page;
use wtcheck::page::leaf::{Leaf, Options, Value, leaf, quick};
use wtcheck::page::rules::{Bounds, Rule};

const BOUNDS: Bounds = Bounds { alloc: 4096, file_size: 1 << 20 };

fn page(recno: u64, entries: u32, data: &str) -> Vec<u8> {
    let data = hex::decode(data.replace(' ', "")).unwrap();
    let mem_size = u32::try_from(DATA_OFFSET + data.len()).unwrap();
    let header = PageHeader { recno, write_gen: 7, mem_size, entries, type_byte: 2, flags: 0, unused: 0, version: 1 };
    let mut out = Vec::new();
    header.write(&mut out);
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&data);
    out
}

/// Record number, value, start timestamp.
fn run(bytes: &[u8], width: Option<u8>) -> (Leaf, Vec<(u64, u8, u64)>) {
    let page = Page::new(bytes).unwrap();
    let options = Options { fixed_width: width, ..Options::deep(BOUNDS) };
    let mut seen = Vec::new();
    let out = leaf(&page, &options, &mut |_| None, &mut |r| match r.value {
        Value::Number(v) => seen.push((r.recno, v, r.times.start_ts)),
        other => panic!("{other:?}"),
    });
    let fast = quick(&page, BOUNDS);
    if width.is_none() {
        assert_eq!((fast.rows, fast.live, fast.stopped), (out.rows, out.live, out.stopped));
    }
    (out, seen)
}

fn rule(bytes: &[u8], width: u8) -> Option<Rule> {
    run(bytes, Some(width)).0.breaches.list.first().map(|b| b.rule)
}

#[test]
fn one_bit_values_of_17_3() {
    for width in [Some(1), None] {
        let (out, seen) = run(&page(1, 24, "499224"), width);
        assert!(out.breaches.is_empty(), "{:?}", out.breaches);
        let ones: Vec<_> = seen.iter().filter(|s| s.1 == 1).map(|s| s.0).collect();
        assert_eq!((ones, out.rows, out.live), (vec![1, 4, 7, 10, 13, 16, 19, 22], 24, 24));
    }
    assert_eq!(rule(&page(1, 21, "499224"), 1), None, "bits behind the last value, as bulk loads of 2.9 leave them");
    assert_eq!(rule(&page(1, 25, "499224"), 1), Some(Rule::Bitmap), "too small");
    assert_eq!(rule(&page(1, 24, "49922400"), 1), None);
    assert_eq!(rule(&page(1, 24, "4992240001"), 1), Some(Rule::Tail));
    assert_eq!(rule(&page(u64::MAX, 24, "499224"), 1), Some(Rule::RecordNumber));
    assert_eq!(rule(&page(1, 24, "499224"), 9), Some(Rule::Bitmap));
}

#[test]
fn values_of_three_bits_start_with_the_highest() {
    // 5 = 101, 1 = 001, 6 = 110: bits 1 0 1 0 0 1 1 1 0, the first in the lowest place.
    let (out, seen) = run(&page(10, 3, "e500"), Some(3));
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    assert_eq!(seen, [(10, 5, 0), (11, 1, 0), (12, 6, 0)]);
}

/// The windows of an example by the engine, on a smaller page.
const WINDOWED: &str = "39404750 0182870000 0000 0581 8c2894e3011ba28080 0583 8c2894e3011ba28080";

#[test]
fn windows_of_17_3() {
    for width in [Some(8), None] {
        let (out, seen) = run(&page(46_272, 4, WINDOWED), width);
        assert!(out.breaches.is_empty(), "{:?}", out.breaches);
        assert_eq!(seen, [(46_272, 57, 0), (46_273, 64, 20), (46_274, 71, 0), (46_275, 80, 20)]);
    }
    let with = |from: &str, to: &str| page(46_272, 4, &WINDOWED.replacen(from, to, 1));
    for (bytes, want) in [
        (with("0182", "0282"), Rule::Bitmap),
        (with("0182", "0181"), Rule::Tail),
        (with("0182", "0183"), Rule::Entries),
        (with("870000 0000", "870000 0100"), Rule::Bitmap),
        (with("870000", "c8ff00"), Rule::Bitmap),
        (with("0583", "0581"), Rule::RecordNumber),
        (with("0583", "0584"), Rule::RecordNumber),
        (with("0581", "0561"), Rule::Cell),
        (with("0581", "0781"), Rule::CellType),
        (with("8080 0583", "8081 78 0583"), Rule::Cell),
        (with("8c2894e3011ba28080 0583", "03 0583"), Rule::Window),
        (with("8c2894e3011ba28080 0583", "e0 0583"), Rule::Cell),
    ] {
        assert_eq!(rule(&bytes, 8), Some(want), "{}", hex::encode(&bytes[40..]));
    }
}
