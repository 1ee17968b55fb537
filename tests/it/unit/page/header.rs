use wtcheck::format::block::LocalBlockHeader;
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::page::form::Page;
use wtcheck::page::header::*;
use wtcheck::page::rules::Rule;

/// A row leaf with one pair, 512 bytes.
fn sample() -> (Vec<u8>, PageHeader, LocalBlockHeader) {
    let page =
        PageHeader { recno: 0, write_gen: 5, mem_size: 46, entries: 2, type_byte: 7, flags: 4, unused: 0, version: 1 };
    let mut bytes = Vec::new();
    page.write(&mut bytes);
    bytes.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    bytes.extend_from_slice(b"\x09aa\x0bbb");
    bytes.resize(512, 0);
    let block = LocalBlockHeader::read(&mut Reader::at(&bytes, 28).unwrap()).unwrap();
    (bytes, page, block)
}

#[test]
fn each_header_rule_refuses_its_violation() {
    let (bytes, page, block) = sample();
    assert_eq!(header(&bytes, &page, &block), None);
    let flags = |flags| PageHeader { flags, ..page };
    for (bad, rule) in [
        (PageHeader { type_byte: 0, ..page }, Rule::Type),
        (PageHeader { type_byte: 8, ..page }, Rule::Type),
        (PageHeader { recno: 1, ..page }, Rule::RecordNumber),
        // w44: a row leaf turned into a column leaf.
        (PageHeader { type_byte: 4, ..page }, Rule::RecordNumber),
        (flags(6), Rule::Flags),
        (flags(0x40), Rule::Flags),
        (flags(0x24), Rule::Flags),
        (PageHeader { type_byte: 6, ..page }, Rule::Flags),
        (PageHeader { unused: 1, ..page }, Rule::Unused),
        (PageHeader { version: 2, ..page }, Rule::Version),
        (PageHeader { mem_size: 39, ..page }, Rule::Size),
        // w43.
        (PageHeader { mem_size: 5046, ..page }, Rule::Size),
        (PageHeader { mem_size: 45, ..page }, Rule::Tail),
        (PageHeader { entries: 0, ..page }, Rule::Entries),
        (PageHeader { entries: 7, ..page }, Rule::Entries),
        (PageHeader { type_byte: 5, flags: 0, ..page }, Rule::Entries),
        (PageHeader { flags: 5, mem_size: 63, ..page }, Rule::Size),
        (PageHeader { flags: 5, mem_size: u32::MAX, ..page }, Rule::Size),
    ] {
        assert_eq!(header(&bytes, &bad, &block).map(|b| b.rule), Some(rule), "{bad:?}");
    }
    for (bad, rule) in [
        (LocalBlockHeader { flags: 3, ..block }, Rule::Flags),
        (LocalBlockHeader { unused: [0, 0, 1], ..block }, Rule::Unused),
        (LocalBlockHeader { disk_size: 1024, ..block }, Rule::Size),
    ] {
        assert_eq!(header(&bytes, &page, &bad).map(|b| b.rule), Some(rule), "{bad:?}");
    }
}

#[test]
fn the_tail_must_be_zero_unless_it_means_something() {
    let (mut bytes, page, block) = sample();
    for at in [46, 47, 200, 511] {
        bytes[at] = 1;
        let broken = header(&bytes, &page, &block).unwrap();
        assert_eq!((broken.rule, broken.at), (Rule::Tail, at));
        bytes[at] = 0;
    }
    bytes[300] = 1;
    let list = PageHeader { type_byte: 1, flags: 0, entries: 6, ..page };
    assert_eq!(header(&bytes, &list, &block), None);
    let compressed = PageHeader { flags: 5, mem_size: 5000, ..page };
    assert_eq!(header(&bytes, &compressed, &block), None);
    let encrypted = PageHeader { flags: 12, ..page };
    assert_eq!(header(&bytes, &encrypted, &block), None);
}

#[test]
fn overflow_example_of_17_2() {
    let mut bytes = hex::decode(
        "00000000000000000300000000000000ff070000d70700000500000000100000 41f8da9a01000000".replace(' ', ""),
    )
    .unwrap();
    bytes.extend_from_slice(b"K0000-Hn66vaMG");
    bytes.resize(4096, b'x');
    bytes[2047..].fill(0);
    let mut r = Reader::new(&bytes);
    let (page, block) = (PageHeader::read(&mut r).unwrap(), LocalBlockHeader::read(&mut r).unwrap());
    assert_eq!(header(&bytes, &page, &block), None);
    assert!(Page::new(&bytes).is_err(), "more than mem_size bytes");
    let page = Page::new(&bytes[..2047]).unwrap();
    let item = overflow_item(&page).unwrap();
    assert_eq!((item.len(), &item[..6]), (2007, &b"K0000-"[..]));
    let leaf = Page { kind: PageType::RowLeaf, ..page };
    assert_eq!(overflow_item(&leaf).unwrap_err().rule, Rule::Type);
    bytes[20] = 0xd6;
    assert_eq!(overflow_item(&Page::new(&bytes[..2047]).unwrap()).unwrap_err().rule, Rule::Entries);
}
