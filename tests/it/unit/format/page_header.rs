use wtcheck::format::page_header::*;
use wtcheck::format::reader::Reader;

fn sample() -> PageHeader {
    PageHeader { recno: 0, write_gen: 5, mem_size: 83, entries: 6, type_byte: 7, flags: 4, unused: 0, version: 1 }
}

#[test]
fn example_of_03_8() {
    let bytes = hex::decode("00000000000000000500000000000000530000000600000007040001").unwrap();
    let header = PageHeader::read(&mut Reader::new(&bytes)).unwrap();
    assert_eq!(header, sample());
    header.check().unwrap();
    let mut out = Vec::new();
    header.write(&mut out);
    assert_eq!(out, bytes);
}

#[test]
fn each_field_rule_refuses_its_violation() {
    let bad = [
        PageHeader { type_byte: 0, ..sample() },
        PageHeader { type_byte: 8, ..sample() },
        PageHeader { recno: 1, ..sample() },
        PageHeader { type_byte: 3, ..sample() },
        PageHeader { flags: 6, ..sample() },
        PageHeader { flags: 0x40, ..sample() },
        PageHeader { unused: 1, ..sample() },
        PageHeader { version: 2, ..sample() },
    ];
    for header in bad {
        assert!(header.check().is_err(), "{header:?}");
    }
}
