//! Key provider pages of both layouts, their checksums put right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wtcheck::decode;
use wtcheck::format::key_page;
use wtcheck::report::decode as view;
use wtcheck::report::text::Paint;
use wtcheck_fuzz::seal;

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let mut page = match how % 4 {
        0 => data.to_vec(),
        1 => key_page::encode_v1(data),
        2 => key_page::encode_v2(data, u64::from(*how)),
        _ => {
            let mut page = data.to_vec();
            seal::key_page(&mut page);
            page
        }
    };
    if let Ok(found) = key_page::parse(&page) {
        assert!(found.payload_len + usize::from(found.header_size) == page.len());
        // One changed bit is always found.
        let at = usize::from(*how) * 31 % page.len();
        page[at] ^= 1 << (how % 8);
        assert!(key_page::parse(&page).is_err(), "bit {} of byte {at} does not matter", how % 8);
        page[at] ^= 1 << (how % 8);
    }
    let document = decode::keystore(&page);
    let _ = view::text(&document, Some(80), Paint { on: false });
    serde_json::to_string(&document).expect("JSON");
});
