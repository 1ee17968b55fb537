use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::compress::*;

const ALL: [Compressor; 4] = [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd, Compressor::Lz4];

/// A plain image with its size in the header.
fn image(body: &[u8]) -> Vec<u8> {
    let mut out = vec![7; VERBATIM];
    out.extend_from_slice(body);
    let size = u32::try_from(out.len()).unwrap();
    out[MEM_SIZE_AT..MEM_SIZE_AT + 4].copy_from_slice(&size.to_le_bytes());
    out
}

fn size(image: &[u8]) -> u32 {
    u32::try_from(image.len()).unwrap()
}

#[test]
fn names() {
    for c in ALL {
        assert_eq!(Compressor::from_name(c.name()), Some(c));
    }
    for name in ["", "none", "nop", "SNAPPY"] {
        assert_eq!(Compressor::from_name(name), None, "{name}");
    }
}

#[test]
fn padding_is_fine_and_wrong_sizes_are_not() {
    let plain = image(&b"lazy wired tiger ".repeat(300));
    for c in ALL {
        let mut stored = compress(c, &plain);
        assert!(stored.len() < plain.len(), "{c:?}");
        stored.resize(8192, 0);
        assert_eq!(decompress(c, &stored, size(&plain)).unwrap(), plain, "{c:?}");
        assert_eq!(detect(&stored), Some(c));
        for wrong in [0, 63, 64, size(&plain) - 1, size(&plain) + 1, MAX_MEM_SIZE, MAX_MEM_SIZE + 1, u32::MAX] {
            assert_eq!(decompress(c, &stored, wrong).unwrap_err().class, Class::Io, "{c:?} {wrong}");
        }
        for cut in [0, 1, 63, 64, 65, 72, 80, 90] {
            assert_eq!(decompress(c, &stored[..cut], size(&plain)).unwrap_err().class, Class::Io, "{c:?} {cut}");
        }
    }
    assert!(decompress(Compressor::Zlib, &[0; 4096], MAX_MEM_SIZE + 1).unwrap_err().message.contains("limit"));
    assert_eq!(detect(&[0; 4096]), None);
    assert_eq!(detect(&[]), None);
    assert_eq!(compress(Compressor::Zlib, &[1, 2]), [1, 2]);
}

proptest! {
    #[test]
    fn round_trip(body in proptest::collection::vec(any::<u8>(), 0..3000), repeat in 1_usize..4, pad in 0_usize..600) {
        let plain = image(&body.repeat(repeat));
        for c in ALL {
            let mut stored = compress(c, &plain);
            stored.resize(stored.len() + pad, 0);
            let back = decompress(c, &stored, size(&plain));
            prop_assert_eq!(back.as_deref(), Ok(plain.as_slice()), "{:?}", c);
            prop_assert_eq!(detect(&stored), (!body.is_empty()).then_some(c));
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), mem_size in 0..20_000_u32) {
        let _ = detect(&bytes);
        for c in ALL {
            let _ = decompress(c, &bytes, mem_size);
        }
    }

    #[test]
    fn damage_never_panics(body in proptest::collection::vec(any::<u8>(), 1..400), at: prop::sample::Index, byte: u8) {
        let plain = image(&body.repeat(3));
        for c in ALL {
            let mut stored = compress(c, &plain);
            let at = at.index(stored.len());
            stored[at] = byte;
            let _ = detect(&stored);
            if let Ok(out) = decompress(c, &stored, size(&plain)) {
                prop_assert_eq!(out.len(), plain.len());
            }
        }
    }
}
