use wtcheck::format::local::{DATA_OFFSET, LocalAddress};
use wtcheck::format::page_header::PageHeader;
use wtcheck::page::leaf::*;
use wtcheck::page::rules::{Bounds, Page, Rule};

const BOUNDS: Bounds = Bounds { alloc: 4096, file_size: 1 << 20 };

fn page(type_byte: u8, flags: u8, entries: u32, cells: &str) -> Vec<u8> {
    let cells = hex::decode(cells.replace(' ', "")).unwrap();
    let mem_size = u32::try_from(DATA_OFFSET + cells.len()).unwrap();
    let recno = u64::from(type_byte != 7);
    let header = PageHeader { recno, write_gen: 9, mem_size, entries, type_byte, flags, unused: 0, version: 1 };
    let mut out = Vec::new();
    header.write(&mut out);
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&cells);
    out
}

type Seen = Vec<(Option<String>, u64, u64, String)>;

fn run(bytes: &[u8], items: &[(u64, &str)]) -> (Leaf, Seen) {
    let mut seen = Vec::new();
    let page = Page::new(bytes).unwrap();
    let mut resolve =
        |a: &LocalAddress| items.iter().find(|(at, _)| *at == a.offset).map(|(_, key)| key.as_bytes().to_vec());
    let out = leaf(&page, &Options::deep(BOUNDS), &mut resolve, &mut |r| {
        let key = r.key.map(|k| String::from_utf8_lossy(k).into_owned());
        let value = match r.value {
            Value::Inline(v) => String::from_utf8_lossy(v).into_owned(),
            other => format!("{other:?}"),
        };
        seen.push((key, r.recno, r.run, value));
    });
    let fast = quick(&page, BOUNDS);
    assert_eq!((fast.rows, fast.live, fast.stopped), (out.rows, out.live, out.stopped));
    assert_eq!((&fast.overflows, fast.copies, fast.prefix_keys), (&out.overflows, out.copies, out.prefix_keys));
    (out, seen)
}

fn rules_of(bytes: &[u8]) -> Vec<Rule> {
    run(bytes, &[]).0.breaches.list.iter().map(|b| b.rule).collect()
}

#[test]
fn rows_of_05_13() {
    let cells = "156170706c65 0f726564 16027269636f74 8c089080866f72616e6765 1962616e616e61 0f79656c";
    let (out, seen) = run(&page(7, 4, 6, cells), &[]);
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    let rows: Vec<_> = seen.iter().map(|s| (s.0.as_deref().unwrap(), s.3.as_str())).collect();
    assert_eq!(rows, [("apple", "red"), ("apricot", "orange"), ("banana", "yel")]);
    assert_eq!((out.rows, out.live, out.prefix_keys), (3, 3, 1));
    assert_eq!((out.first_key.unwrap(), out.last_key.unwrap()), (b"apple".to_vec(), b"banana".to_vec()));
}

#[test]
fn empty_values_and_stopped_ones() {
    // "a" without value, "b" stopped at 20, "c" without value.
    let (out, seen) = run(&page(7, 0, 4, "0561 0562 8c188a8a8081 78 0563"), &[]);
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    let rows: Vec<_> = seen.iter().map(|s| (s.0.as_deref().unwrap(), s.3.as_str())).collect();
    assert_eq!(rows, [("a", "Empty"), ("b", "x"), ("c", "Empty")]);
    assert_eq!((out.rows, out.live, out.stopped), (3, 2, 1));
    assert_eq!(rules_of(&page(7, 2, 3, "0561 0562 0563")), []);
    assert_eq!(rules_of(&page(7, 2, 3, "0561 0562 0778")), [Rule::Entries]);
    assert_eq!(rules_of(&page(7, 4, 3, "0561 0562 0778")), [Rule::Entries]);
}

#[test]
fn overflow_keys_take_part_in_the_order_if_they_are_known() {
    let cells = "0561 0778 6083818180 0779 060163 077a";
    let bytes = page(7, 4, 6, cells);
    let (out, seen) = run(&bytes, &[(8192, "ab")]);
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    let keys: Vec<_> = seen.iter().map(|s| s.0.clone()).collect();
    // The prefix comes from the key before the overflow key.
    assert_eq!(keys, [Some("a".into()), Some("ab".into()), Some("ac".into())]);
    assert_eq!((out.overflows.len(), out.overflows[0].key), (1, true));
    let (out, seen) = run(&bytes, &[]);
    assert!(out.breaches.is_empty() && seen[1].0.is_none());
    for item in ["a", "0"] {
        assert!(run(&bytes, &[(8192, item)]).0.breaches.has(Rule::Order), "{item}");
    }
    for item in ["ac", "b"] {
        let (out, _) = run(&bytes, &[(8192, item)]);
        assert_eq!(out.breaches.list[0].at, 40 + 11, "{item}");
    }
}

#[test]
fn row_rules() {
    for (cells, entries, want) in [
        ("0778 0561", 2, vec![Rule::Alternation]),
        ("0561 0778 0778", 3, vec![Rule::Alternation]),
        ("0562 0778 0561 0778", 4, vec![Rule::Order]),
        ("0561 0778 0561 0778", 4, vec![Rule::Order]),
        ("0961 62 0778 060262 0778", 4, vec![]),
        ("0961 62 0778 060261 0778 060262 0778", 6, vec![]),
        // A prefix that is too long is told once, though the next key builds on it.
        ("0561 0778 060262 0778 060263 0778 0562 0778", 8, vec![Rule::Prefix]),
        ("0561 0778 d080 0562", 4, vec![Rule::CellType]),
        ("0561 4080", 2, vec![Rule::CellType, Rule::Tail]),
        ("0561 0778", 4, vec![Rule::Entries]),
        ("0561 0778 0562 0778", 2, vec![Rule::Tail]),
        ("0561 e0", 2, vec![Rule::CellType]),
        ("0561 0b78", 2, vec![Rule::Cell]),
        // Stop 9 before start 10, as a difference modulo 2^64.
        ("0561 8c188ae8ffffffffffffdfbf 8081 78", 2, vec![Rule::Window]),
        ("0561 8c088a82 8178", 2, vec![Rule::Cell]),
        ("0561 a083808180", 2, vec![]),
        ("0561 a083808080", 2, vec![Rule::Address]),
        ("0561 a084c0c08180", 2, vec![Rule::AddressBeyondEnd]),
        ("0561 0778 0562 9080", 4, vec![Rule::Copy]),
        ("0561 0778 0562 9084", 4, vec![]),
        ("0561 0778 0562 9083", 4, vec![Rule::Copy]),
        ("0561 0778 0562 90c000", 4, vec![Rule::Copy]),
        // A copy of a copy.
        ("0561 0778 0562 9084 0563 9084", 6, vec![Rule::Copy]),
    ] {
        assert_eq!(rules_of(&page(7, 0, entries, cells)), want, "{cells}");
    }
    assert_eq!(rules_of(&page(6, 0, 2, "05000303")), [Rule::Type]);
    let unordered = page(7, 4, 4, "0562 0778 0561 0778");
    let options = Options { byte_order: false, ..Options::deep(BOUNDS) };
    let out = leaf(&Page::new(&unordered).unwrap(), &options, &mut |_| None, &mut |_| {});
    assert!(out.breaches.is_empty());
}

#[test]
fn records_of_17_3() {
    // A run by the engine (8 records), a deleted run, a plain value, its copy under another window.
    let cells = "8c288ac0338886 72756e2d3000 4483 0778 98088b82";
    let (out, seen) = run(&page(4, 0, 4, cells), &[]);
    assert!(out.breaches.is_empty(), "{:?}", out.breaches);
    let rows: Vec<_> = seen.iter().map(|s| (s.1, s.2, s.3.as_str())).collect();
    assert_eq!(rows, [(1, 8, "run-0\0"), (9, 3, "Deleted"), (12, 1, "x"), (13, 1, "x")]);
    assert_eq!((out.rows, out.live, out.deleted, out.copies), (13, 10, 3, 1));
    for (cells, entries, want) in [
        ("0778 0779", 2, vec![]),
        ("0778 0778", 2, vec![Rule::Run]),
        ("0778 9082", 2, vec![Rule::Run]),
        ("4081", 1, vec![Rule::Tail]),
        ("4481 4482", 2, vec![Rule::Run]),
        ("0778 0561", 2, vec![Rule::CellType]),
        ("84e8ffffffffffffdfbf 81 78 0779", 2, vec![Rule::RecordNumber]),
        ("0778 0779", 3, vec![Rule::Entries]),
    ] {
        assert_eq!(rules_of(&page(4, 0, entries, cells)), want, "{cells}");
    }
}
