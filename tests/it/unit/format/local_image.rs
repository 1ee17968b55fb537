use std::borrow::Cow;
use wtcheck::format::Class;
use wtcheck::format::compress::{self, Compressor};
use wtcheck::format::local_image::*;
use wtcheck::format::page_header::{FLAG_COMPRESSED, FLAG_ENCRYPTED, PageHeader};
use wtcheck::format::reader::Reader;

fn block(mem_size: u32) -> (PageHeader, Vec<u8>) {
    let header =
        PageHeader { recno: 0, write_gen: 1, mem_size, entries: 2, type_byte: 7, flags: 4, unused: 0, version: 1 };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.extend((0..472_u32).map(|i| i.to_le_bytes()[0]));
    bytes.resize(512, 0);
    (header, bytes)
}

#[test]
fn stored_plain_or_compressed_the_image_is_the_same() {
    let (header, bytes) = block(500);
    let image = plain(&bytes, &header, None).unwrap();
    assert!(matches!(image, Cow::Borrowed(b) if b == &bytes[..500]));
    for c in [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd, Compressor::Lz4] {
        let mut stored = compress::compress(c, &bytes[..500]);
        stored[25] |= FLAG_COMPRESSED;
        stored.resize(1024, 0);
        let header = PageHeader::read(&mut Reader::new(&stored)).unwrap();
        for known in [Some(c), None] {
            assert_eq!(plain(&stored, &header, known).unwrap()[64..], bytes[64..500], "{c:?}");
        }
    }
}

#[test]
fn what_cannot_be_opened_is_refused() {
    let (header, bytes) = block(513);
    assert_eq!(plain(&bytes, &header, None).unwrap_err().class, Class::Invalid);
    let small = PageHeader { mem_size: 39, ..header };
    assert_eq!(plain(&bytes, &small, None).unwrap_err().class, Class::Invalid);
    let secret = PageHeader { mem_size: 500, flags: FLAG_ENCRYPTED, ..header };
    assert_eq!(plain(&bytes, &secret, None).unwrap_err().class, Class::Unsupported);
    let unknown = PageHeader { mem_size: 500, flags: FLAG_COMPRESSED, ..header };
    assert_eq!(plain(&bytes, &unknown, None).unwrap_err().class, Class::Unsupported);
    assert!(plain(&bytes, &unknown, Some(Compressor::Snappy)).is_err());
}
