use proptest::prelude::*;
use wtcheck::format::compress::{self, Compressor, VERBATIM};
use wtcheck::pack::squeeze::*;

fn image(body: &[u8]) -> Vec<u8> {
    let mut plain = vec![7; VERBATIM];
    plain.extend_from_slice(body);
    plain
}

proptest! {
    #[test]
    fn the_careful_encoder_is_right_and_no_longer(
        body in proptest::collection::vec(0_u8..8, 1..600), more in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let body = [&body[..], &more[..], &body[..body.len() / 2]].concat();
        let stream = snappy(&body).unwrap();
        prop_assert_eq!(snap::raw::Decoder::new().decompress_vec(&stream).unwrap(), body.clone());
        let usual = snap::raw::Encoder::new().compress_vec(&body).unwrap();
        prop_assert!(stream.len() <= usual.len() + body.len().div_ceil(SNAPPY_LITERAL));
    }

    #[test]
    fn the_careful_lz4_encoder_is_right_and_no_longer(
        body in proptest::collection::vec(0_u8..5, 1..900), more in proptest::collection::vec(any::<u8>(), 0..400),
        run in 0_usize..3000,
    ) {
        let body = [&body[..], &vec![3; run][..], &more[..], &body[..body.len() / 2]].concat();
        let stream = lz4(&body).unwrap();
        prop_assert_eq!(lz4_flex::block::decompress(&stream, body.len()).unwrap(), body.clone());
        prop_assert!(stream.len() <= lz4_flex::block::compress(&body).len());
    }

    #[test]
    fn what_fits_reads_back(body in proptest::collection::vec(0_u8..4, 1..900), spare in 0_usize..40) {
        let plain = image(&body);
        for c in [Compressor::Snappy, Compressor::Zstd, Compressor::Zlib, Compressor::Lz4] {
            let len = compress::compress(c, &plain).len();
            let size = u32::try_from(plain.len()).unwrap();
            let (stored, _) = fitted(c, &plain, len + spare).unwrap();
            prop_assert_eq!(stored.len(), len + spare);
            prop_assert_eq!(compress::decompress(c, &stored, size).unwrap(), plain.clone());
            if let Some((tight, _)) = fitted(c, &plain, len - 1) {
                prop_assert_eq!(compress::decompress(c, &tight, size).unwrap(), plain.clone());
            }
        }
    }
}
