//! Logs: what `pickup explain` and `decode --from-log` find in any text, the same however it comes in
//! pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wtcheck::decode::dumps;
use wtcheck::decode::view::View;
use wtcheck::format::block_dump::Scanner;
use wtcheck::pickup::explain::story::Story;
use wtcheck::pickup::explain::{Case, Options};
use wtcheck::report::text::Paint;
use wtcheck::report::{dumps as dumps_view, pickup};

fuzz_target!(|data: &[u8]| {
    let Some((size, text)) = data.split_first() else { return };
    let pieces = usize::from(*size).max(1);
    assert_eq!(explained(text, text.len().max(1)), explained(text, pieces));
    assert_eq!(dumps(text, text.len().max(1)), dumps(text, pieces));
});

fn explained(text: &[u8], pieces: usize) -> String {
    let mut story = Story::new();
    text.chunks(pieces).for_each(|piece| story.push(piece));
    story.end_log("log");
    let explanation = Case::new(&story, Options::default()).explain(None);
    let told = pickup::explain::text(&explanation, Some(80), Paint { on: false }, true);
    serde_json::to_string(&explanation).expect("JSON") + &told
}

fn dumps(text: &[u8], pieces: usize) -> String {
    let mut scanner = Scanner::new();
    text.chunks(pieces).for_each(|piece| scanner.push(piece));
    let report = dumps::log("log", &scanner.finish(), &View::default(), None);
    let told = dumps_view::text(&report, Some(80), Paint { on: false }, true);
    serde_json::to_string(&report).expect("JSON") + &told
}
