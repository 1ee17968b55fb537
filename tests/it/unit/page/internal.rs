use wtcheck::format::local::DATA_OFFSET;
use wtcheck::format::page_header::PageHeader;
use wtcheck::page::internal::*;
use wtcheck::page::rules::{Bounds, Page, Rule};

const BOUNDS: Bounds = Bounds { alloc: 4096, file_size: 1 << 20 };

/// A page of a type with these cells.
fn page(type_byte: u8, recno: u64, entries: u32, cells: &str) -> Vec<u8> {
    let cells = hex::decode(cells.replace(' ', "")).unwrap();
    let mem_size = u32::try_from(DATA_OFFSET + cells.len()).unwrap();
    let header = PageHeader { recno, write_gen: 9, mem_size, entries, type_byte, flags: 0x20, unused: 0, version: 1 };
    let mut out = Vec::new();
    header.write(&mut out);
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&cells);
    out
}

/// Number, separator and offset of each child.
type Seen = Vec<(u32, Option<Vec<u8>>, Option<u64>)>;

fn run(bytes: &[u8]) -> (Internal, Seen) {
    let mut seen = Vec::new();
    let page = Page::new(bytes).unwrap();
    let out = children(&page, BOUNDS, true, &mut |c| {
        let key = match c.separator {
            Separator::Key(k) => Some(k.to_vec()),
            Separator::Record(r) => Some(r.to_be_bytes().to_vec()),
            _ => None,
        };
        seen.push((c.index, key, c.address.map(|a| a.offset)));
    });
    (out, seen)
}

fn rules_of(bytes: &[u8]) -> Vec<Rule> {
    run(bytes).0.breaches.list.iter().map(|b| b.rule).collect()
}

const A: &str = "3083 808180";
const B: &str = "3083 818180";

#[test]
fn row_children_with_the_deleted_one_of_17_2() {
    let deleted = "080a8a80 82a8a8 87 8f81e4ea5c0f2c";
    let overflow = "6087 8c81e49adad801";
    let bytes = page(6, 0, 8, &format!("0500 {A} 0962 62 {deleted} {overflow} {B} 0963 63 {B}"));
    let (out, seen) = run(&bytes);
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    assert_eq!((out.children, out.deleted), (4, 1));
    assert_eq!(out.overflows.len(), 1);
    assert_eq!((out.overflows[0].address.offset, out.overflows[0].key), (53_248, true));
    assert_eq!(
        seen,
        [
            (0, None, Some(4096)),
            (1, Some(b"bb".to_vec()), Some(65_536)),
            (2, None, Some(8192)),
            (3, Some(b"cc".to_vec()), Some(8192))
        ]
    );
}

#[test]
fn row_rules() {
    for (cells, entries, want) in [
        (A.to_owned(), 1, vec![Rule::Alternation]),
        (format!("0500 0500 {A}"), 3, vec![Rule::Alternation]),
        (format!("0500 {A} {B}"), 3, vec![Rule::Alternation]),
        (format!("0500 {A} 0561"), 3, vec![Rule::Entries]),
        (format!("0500 {A} 0561 {B}"), 6, vec![Rule::Entries]),
        (format!("0500 {A} 0561 {B}"), 2, vec![Rule::Tail]),
        (format!("0561 {A} 0562 {A} 0562 {B}"), 6, vec![Rule::Order]),
        // The 0th key says nothing.
        (format!("057a {A} 0562 {B}"), 4, vec![]),
        (format!("0500 {A} 0601 62 {B}"), 4, vec![Rule::Cell]),
        ("0500 0762".into(), 2, vec![Rule::CellType]),
        ("0500 d080".into(), 2, vec![Rule::CellType]),
        ("0500 3083 808080".into(), 2, vec![Rule::Address]),
        ("0500 3082 8081".into(), 2, vec![Rule::Address]),
        ("0500 3084 c0c0 8180".into(), 2, vec![Rule::AddressBeyondEnd]),
        ("0500 380a 9083 83 808180".into(), 2, vec![]),
        // Durable start before the oldest start: none stored at all.
        ("0500 3808 90 83 808180".into(), 2, vec![Rule::Window]),
        ("0500 000a 8a80".into(), 2, vec![Rule::Cell]),
        ("0500 080a8a80 82a8a7 83 808180".into(), 2, vec![Rule::Truncation]),
        ("0500 3481 83 808180".into(), 2, vec![Rule::Cell]),
    ] {
        assert_eq!(rules_of(&page(6, 0, entries, &cells)), want, "{cells}");
    }
    assert_eq!(rules_of(&page(7, 0, 2, "05000303")), [Rule::Type]);
}

#[test]
fn column_children_of_17_3() {
    let first = "3c029481 87 9789e402b516f9";
    let second = |record: &str| format!("34{record} 83 808180");
    let (out, seen) = run(&page(3, 1, 2, &format!("{first} {}", second("c001"))));
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    assert_eq!(seen[0].2, Some(98_304));
    assert_eq!(seen[1].1, Some(65_u64.to_be_bytes().to_vec()));
    for (bytes, want) in [
        (page(3, 2, 1, first), Rule::RecordNumber),
        (page(3, 1, 2, &format!("{first} {}", second("81"))), Rule::RecordNumber),
        (page(3, 1, 2, &format!("{first} {A}")), Rule::RecordNumber),
        (page(3, 1, 2, &format!("{first} 0561")), Rule::CellType),
        (page(3, 1, 2, first), Rule::Entries),
    ] {
        assert_eq!(rules_of(&bytes), [want]);
    }
}
