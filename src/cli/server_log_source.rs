//! Reads server logs for the commands that look into them: a file or stdin, unpacked, as UTF-8, piece by
//! piece.

use super::Failure;
use crate::audit::Progress;
use crate::report::Output;
use crate::serverlog::source::Source;
use crate::serverlog::text::LogFile;
use crate::subject::{Archive, Kind};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the bytes of the file itself, for progress.
struct Counted<'c, R> {
    inner: R,
    read: &'c AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Read a log, `-` for stdin, and hand it on in pieces. `command` is what else would read it from stdin.
pub(super) fn read(
    name: &str,
    command: &str,
    output: &Output,
    mut push: impl FnMut(&[u8]),
) -> Result<LogFile, Failure> {
    let unreadable = |e: io::Error| {
        Failure::incomplete(
            format!("{name}: {e}"),
            "name a log that you can read, or - for standard \
            input",
        )
    };
    if name != "-" {
        let is_log = |kind: &Kind| {
            matches!(kind, Kind::ServerLog(_) | Kind::Compressed(_) | Kind::Archive(Archive::Other("xz" | "bzip2")))
                || matches!(kind, Kind::Dump(_))
        };
        super::not_a(Path::new(name), command, is_log)?;
    }
    let read = AtomicU64::new(0);
    let (inner, total): (Box<dyn Read>, Option<u64>) = match name {
        "-" => (Box::new(io::stdin().lock()), None),
        path => {
            let file = File::open(path).map_err(unreadable)?;
            let len = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
            (Box::new(file), len)
        }
    };
    let mut source = Source::new(Box::new(Counted { inner, read: &read })).map_err(unreadable)?;
    output.progress.phase(&format!("reading {}", crate::report::text::escape(name)), None);
    while let Some(piece) = source.take().map_err(unreadable)? {
        push(&piece);
        if let Some(total) = total {
            output.progress.part(read.load(Ordering::Relaxed), total);
        }
    }
    output.progress.finish();
    if source.cut && source.read() == 0 {
        let message = format!("{name}: is compressed, and none of the stream can be decompressed");
        return Err(Failure::incomplete(message, "get the file again; it may have been truncated in transit"));
    }
    Ok(LogFile {
        name: name.to_string(),
        lines: 0,
        bytes: source.read(),
        packing: source.packing,
        encoding: source.encoding,
        cut: source.cut,
        open: false,
    })
}
