//! Address cookies of page logs and of local files, checkpoint cookies: any bytes
//! end in a cookie or an error, and what was written by the engine's rules encodes to itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wtcheck::decode;
use wtcheck::decode::view::Addresses;
use wtcheck::format::cookie::{Cookie, Layout};
use wtcheck::format::local::{LocalAddress, LocalCheckpoint};
use wtcheck::report::decode as view;
use wtcheck::report::text::Paint;

fuzz_target!(|data: &[u8]| {
    if let Ok(cookie) = Cookie::decode(data) {
        let again = cookie.encode();
        let back = Cookie::decode(&again);
        // Newer writers add bytes, which are not kept.
        let known = Cookie { trailing: 0, ..cookie };
        match back {
            Ok(back) => assert_eq!(back, known),
            // A version byte that only the flags or fields of a newer writer excuse.
            Err(e) => panic!("{cookie:?} does not read back: {e}"),
        }
        if cookie.layout == Layout::V0 && cookie.check_consistency().is_ok() {
            assert!(cookie.base_lsn < cookie.lsn);
        }
        let _ = cookie.to_string();
    }
    let Some((shift, rest)) = data.split_first() else { return };
    let alloc = 512_u32 << (shift % 19);
    if let Ok(Some(address)) = LocalAddress::decode(rest, alloc) {
        let again = address.encode(alloc).expect("what was decoded is a multiple of the unit");
        assert_eq!(LocalAddress::decode(&again, alloc), Ok(Some(address)));
    }
    if let Ok(checkpoint) = LocalCheckpoint::decode(rest, alloc) {
        let again = checkpoint.encode(alloc).expect("what was decoded is a multiple of the unit");
        assert_eq!(LocalCheckpoint::decode(&again, alloc), Ok(checkpoint));
    }
    let halves: Vec<Vec<u8>> = data.chunks(data.len().div_ceil(2).max(1)).map(<[u8]>::to_vec).collect();
    for addresses in [Addresses::Disaggregated, Addresses::Classic(alloc)] {
        let _ = view::text(&decode::cookies(&halves, addresses), Some(80), Paint { on: true });
    }
    let _ = view::text(&decode::checkpoint(rest, alloc), Some(80), Paint { on: false });
});
