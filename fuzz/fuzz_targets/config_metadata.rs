//! Configuration text and all that is written in it: checkpoint lists, turtle pages of every form, the
//! turtle of a home, completion records, file metadata.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wtcheck::decode;
use wtcheck::format::config::{self, Config};
use wtcheck::format::{checkpoint_list, completion, home_turtle, pagelog_turtle};
use wtcheck::home::directory::{FileEntry, Source};
use wtcheck::report::decode as view;
use wtcheck::report::text::Paint;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        let _ =
            (home_turtle::parse(data), pagelog_turtle::parse(data), completion::parse(data), Config::parse_bytes(data));
        let _ = view::text(&decode::turtle(data), Some(80), Paint { on: false });
        return;
    };
    configuration(text);
    if let Ok(found) = completion::parse(data) {
        assert_eq!(completion::parse(found.to_text().as_bytes()), Ok(found));
    }
    if let Ok(found) = pagelog_turtle::parse(data) {
        if let Some(newest) = found.checkpoints.last()
            && let Ok(text) = pagelog_turtle::with_newest(text, &newest.name, &[("size", "1")])
        {
            let changed = pagelog_turtle::parse(text.as_bytes()).expect("one number was changed");
            assert_eq!(changed.checkpoints.len(), found.checkpoints.len());
        }
    }
    // As readers of other versions take it.
    for reader in 0..6 {
        let _ = pagelog_turtle::parse_as(data, reader);
    }
    let _ = pagelog_turtle::parse_key_reference(text);
    match home_turtle::parse(data) {
        Ok(found) => {
            let again = home_turtle::render(&found);
            let back = home_turtle::parse(again.as_bytes()).expect("a written turtle reads back");
            assert_eq!(home_turtle::render(&back), again);
        }
        Err(fault) => assert!(fault.offset <= data.len()),
    }
    let _ = home_turtle::pairs(data);
    let _ = FileEntry::parse("a.wt", text, Source::Metadata);
    let paint = Paint { on: false };
    for document in [decode::completion(data), decode::turtle(data), decode::config(data)] {
        let _ = view::text(&document, Some(80), paint);
        serde_json::to_string(&document).expect("JSON");
    }
});

fn configuration(text: &str) {
    let Ok(parsed) = Config::parse(text) else { return };
    for entry in parsed.entries() {
        let value = entry.value;
        let _ = (value.i64(), value.u64(), value.u64_printed_signed(), value.hex_u64(), value.bool());
        if let Ok(inner) = value.config() {
            assert!(inner.entries().len() <= text.len());
        }
        let _ = (checkpoint_list::parse(value), checkpoint_list::parse_lenient(value));
    }
    let _ = checkpoint_list::from_file_config(&parsed);
    if let Ok(changed) = config::with_values(text, &[("size", "12345")]) {
        let again = Config::parse(&changed).expect("one value was changed");
        let there = parsed.get("size").is_some();
        assert_eq!(again.get("size").map(|v| v.u64()), there.then_some(Ok(12345)));
    }
    if let Ok(changed) = checkpoint_list::with_newest(text, &[("size", "7")]) {
        let again = Config::parse(&changed).expect("one value was changed");
        let old = checkpoint_list::from_file_config(&parsed);
        if let (Ok(old), Ok(new)) = (old, checkpoint_list::from_file_config(&again)) {
            assert_eq!((new.len(), new.last().map(|c| c.size)), (old.len(), old.last().map(|_| 7)));
        }
    }
    let _ = checkpoint_list::with_next(text, "WiredTigerCheckpoint.9", &[("order", "9")], true);
}
