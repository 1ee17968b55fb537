//! Server logs, packed and coded in any way: what `log` makes of them is the same however the bytes come in
//! pieces, and has nothing in it that a terminal would obey.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Read;
use wtcheck::diagnosis::Reader;
use wtcheck::report::server_log as view;
use wtcheck::report::text::Paint;
use wtcheck::serverlog::source::Source;
use wtcheck::serverlog::text::LogFile;

/// Unpacked bytes that are read at most: a small input may unpack to very many.
const MOST: u64 = 4 << 20;

struct Pieces<'p> {
    rest: &'p [u8],
    most: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.most).min(self.rest.len());
        buffer[..n].copy_from_slice(&self.rest[..n]);
        self.rest = &self.rest[n..];
        Ok(n)
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else { return };
    let whole = told(bytes, bytes.len().max(1));
    assert_eq!(whole, told(bytes, usize::from(*size).max(1)));
});

fn told(bytes: &[u8], most: usize) -> Option<String> {
    let mut source = Source::new(Box::new(Pieces { rest: bytes, most })).ok()?;
    let mut reader = Reader::new();
    while source.read() < MOST
        && let Some(piece) = source.take().ok()?
    {
        reader.push(&piece);
    }
    if source.read() >= MOST {
        return None;
    }
    let (packing, encoding, cut) = (source.packing, source.encoding, source.cut);
    reader.end_log(LogFile { name: "log".into(), lines: 0, bytes: source.read(), packing, encoding, cut, open: false });
    let found = reader.diagnose();
    let text = view::sheet(&found, Paint { on: false }, true).text(Some(80), false);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    Some(serde_json::to_string(&found).expect("JSON") + &text)
}
