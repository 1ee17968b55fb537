use proptest::prelude::*;
use wtcheck::format::block;
use wtcheck::format::compress::Compressor;
use wtcheck::format::image::*;
use wtcheck::format::page_header::{self, PageHeader};

/// Images by the engine: name, hex, checksum, delta.
const IMAGES: [(&str, &str, u32, bool); 5] = [
    (
        "leaf base",
        "00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c",
        0x1c07_6bf5,
        false,
    ),
    (
        "leaf base, short checksum",
        "00000000000000000500000000000000530000000600000007040001db01012c64e787960000000000000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c",
        0x9687_e764,
        false,
    ),
    (
        "leaf delta",
        "00000000000000000600000000000000470000000400000007000000dd01012c3e0079dff56b071c01000000156170706c658c08a0808600677265656e1d61707269636f740701",
        0xdf79_003e,
        true,
    ),
    (
        "root base",
        "000000000000000005000000000000004e0000000400000006200001db01012c4bee285200000000010000000500308c00c026809494c013f56b071c0d636174308c00c027809595c1c00df0feca",
        0x5228_ee4b,
        false,
    ),
    (
        "root delta",
        "00000000000000000700000000000000470000000400000006000000dd01012c357daac84bee2852010000000d636174d0800d646f67380a90908c00c028809a9ac0ec04030201",
        0xc8aa_7d35,
        true,
    ),
];

const COMPRESSORS: [Option<Compressor>; 5] =
    [None, Some(Compressor::Snappy), Some(Compressor::Zlib), Some(Compressor::Zstd), Some(Compressor::Lz4)];

#[test]
fn images_of_14_3() {
    for (name, hex, sum, delta) in IMAGES {
        let bytes = hex::decode(hex).unwrap();
        let image = Image::parse(&bytes, None).unwrap();
        assert_eq!(image.era, Era::Current, "{name}");
        assert_eq!((image.block.checksum, image.compute_checksum(), image.is_delta()), (sum, sum, delta), "{name}");
        image.check_kind(delta).unwrap();
        assert!(image.check_kind(!delta).is_err());
        image.check_headers().unwrap();
        assert_eq!(image.plain(None).unwrap().len(), bytes.len(), "{name}");
    }
}

#[test]
fn images_of_14_3_are_built() {
    for (name, hex, sum, delta) in IMAGES {
        let bytes = hex::decode(hex).unwrap();
        let image = Image::parse(&bytes, None).unwrap();
        let new = NewImage {
            delta,
            previous_checksum: image.block.previous_checksum,
            checksum_all: Some(image.block.flags & block::FLAG_DATA_CHECKSUM != 0),
            ..NewImage::new(image.page)
        };
        let (built, its_sum) = build(&new, &bytes[44..]);
        assert_eq!((hex::encode(built), its_sum), (hex.to_string(), sum), "{name}");
    }
}

#[test]
fn every_bit_flip_of_a_fully_checksummed_image_is_found() {
    for (name, hex, _, _) in IMAGES.iter().filter(|i| i.0 != "leaf base, short checksum") {
        let bytes = hex::decode(hex).unwrap();
        let expected = Image::parse(&bytes, None).unwrap().block.checksum;
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let found = Image::parse(&damaged, Some(Era::Current)).is_ok_and(|i| {
                i.block.checksum == expected && i.compute_checksum() == expected && i.check_headers().is_ok()
            });
            assert!(!found, "{name}: bit {bit}");
        }
    }
}

/// An image whose header says that both headers take `len` bytes; what lies between is filled.
fn with_header_size(hex: &str, len: u8) -> Vec<u8> {
    let mut bytes = hex::decode(hex).unwrap();
    bytes.splice(44..44, vec![0xee; usize::from(len).saturating_sub(44)]);
    bytes[31] = len;
    let size = u32::try_from(bytes.len()).unwrap();
    bytes[16..20].copy_from_slice(&size.to_le_bytes());
    let covered = if bytes[40] & block::FLAG_DATA_CHECKSUM == 0 { 64.min(bytes.len()) } else { bytes.len() };
    wtcheck::format::crc::seal(&mut bytes, 32, covered);
    bytes
}

#[test]
fn data_starts_where_the_header_says() {
    for (name, hex, _, delta) in IMAGES {
        let cells = &hex::decode(hex).unwrap()[44..];
        for len in [44, 45, 52, 63, 64] {
            let bytes = with_header_size(hex, len);
            let image = Image::parse(&bytes, None).unwrap();
            image.check_kind(delta).unwrap();
            image.check_headers().unwrap();
            assert_eq!(image.data_offset(), usize::from(len), "{name}");
            assert_eq!(&image.plain(None).unwrap()[image.data_offset()..], cells, "{name}");
        }
        for len in [0, 28, 36, 43, 65, 255] {
            let bytes = with_header_size(hex, len);
            let image = Image::parse(&bytes, None).unwrap();
            assert!(image.check_headers().unwrap_err().message.contains("header size"), "{name} {len}");
        }
        // Not more than the block has.
        let mut short = hex::decode(hex).unwrap()[..50].to_vec();
        (short[16], short[31]) = (50, 51);
        let image = Image::parse(&short, None).unwrap();
        assert!(image.check_headers().unwrap_err().message.contains("exceeds the 50 bytes"), "{name}");
        assert_eq!(image.data_offset(), 44);
    }
}

#[test]
fn old_layouts_are_recognised() {
    // A June 2025 delta: 20-byte header, then the block header at 20 with size 36.
    let mut bytes = vec![0; 36];
    bytes[16] = 1;
    bytes[17] = 7;
    bytes[20..24].copy_from_slice(&[0xdd, 1, 1, 36]);
    bytes[8] = 36;
    bytes[33] = 1;
    let image = Image::parse(&bytes, None).unwrap();
    assert_eq!((image.era, image.data_offset(), image.page.type_byte, image.block.flags), (Era::June2025, 36, 7, 1));
    image.check_headers().unwrap();
    // A base image with a flag in byte 41.
    let mut base = hex::decode(IMAGES[0].1).unwrap();
    base[40..42].copy_from_slice(&[3, 1]);
    let image = Image::parse(&base, None).unwrap();
    assert_eq!((image.era, image.block.reconciliation_id, image.block.flags), (Era::June2025, Some(3), 1));
}

proptest! {
    #[test]
    fn built_images_read_back(
        cells in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..2000),
            proptest::collection::vec(0_u8..3, 0..2000),
        ],
        write_gen: u64,
        delta: bool,
        old: bool,
        reconciliation_id: u8,
        checksum_all: Option<bool>,
        was_compressed: bool,
        which in 0_usize..5,
    ) {
        let compressor = COMPRESSORS[which];
        let era = if old { Era::June2025 } else { Era::Current };
        let flags = if was_compressed { page_header::FLAG_COMPRESSED } else { 0 };
        let page = PageHeader { recno: 0, write_gen, mem_size: 0, entries: 0, type_byte: 7, flags, unused: 0, version: 1 };
        let new = NewImage { delta, previous_checksum: 7, compressor, era, reconciliation_id, checksum_all, ..NewImage::new(page) };
        let (bytes, sum) = build(&new, &cells);
        let image = Image::parse(&bytes, Some(era)).unwrap();
        prop_assert_eq!((image.era, image.page.write_gen), (era, write_gen));
        prop_assert_eq!(image.block.checksum, sum);
        prop_assert_eq!(image.compute_checksum(), sum);
        prop_assert_eq!(image.block.previous_checksum, 7);
        prop_assert_eq!(image.block.reconciliation_id, old.then_some(reconciliation_id));
        image.check_headers().unwrap();
        image.check_kind(delta).unwrap();
        let plain = image.plain(compressor).unwrap();
        prop_assert_eq!(plain.get(image.data_offset()..).unwrap(), &cells[..]);

        let compressed = image.block.flags & block::FLAG_COMPRESSED != 0;
        prop_assert_eq!(compressed, image.page.is_compressed());
        prop_assert_eq!(compressed, bytes.len() < plain.len());
        prop_assert!(compressed || bytes.len() == plain.len());
        prop_assert!(!compressed || compressor.is_some());
        let expected = match (compressor, compressed) {
            (Some(_), false) => true,
            (_, compressed) => checksum_all.unwrap_or(!compressed),
        };
        prop_assert_eq!(image.block.flags & block::FLAG_DATA_CHECKSUM != 0, expected);

        // Built from what was parsed, it is the same again.
        let again = NewImage {
            previous_checksum: image.block.previous_checksum,
            reconciliation_id: image.block.reconciliation_id.unwrap_or(0),
            checksum_all: Some(expected),
            compressor: compressor.filter(|_| compressed),
            page: image.page,
            ..new
        };
        prop_assert_eq!(build(&again, &plain[image.data_offset()..]), (bytes.clone(), sum));
    }

    #[test]
    fn any_bytes_parse_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for era in [None, Some(Era::Current), Some(Era::June2025)] {
            if let Ok(image) = Image::parse(&bytes, era) {
                let _ = (image.compute_checksum(), image.check_headers(), image.plain(None), image.data_offset());
            }
        }
    }
}
