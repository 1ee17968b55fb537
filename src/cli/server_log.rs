//! Reads logs for the commands that look into them: a file or stdin, piece by piece.

use super::Failure;
use crate::subject::Kind;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const PIECE: usize = 1 << 16;
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// Read a log, `-` for stdin, and hand it on in pieces. `command` is what else would read it from stdin.
pub(super) fn read(name: &str, command: &str, mut push: impl FnMut(&[u8])) -> Result<(), Failure> {
    let unreadable = |e: std::io::Error| {
        Failure::incomplete(format!("{name}: {e}"), "name a log you may read, or - for standard input")
    };
    if name != "-" {
        let is_other = |kind: &Kind| {
            let store =
                matches!(kind, Kind::PageLog(_) | Kind::Home | Kind::Both(_) | Kind::Below { .. } | Kind::Homes { .. });
            store || matches!(kind, Kind::BlockFile(_) | Kind::Image | Kind::Plan | Kind::Journal | Kind::Archive(_))
        };
        super::not_a(Path::new(name), command, |kind| !is_other(kind))?;
    }
    let mut source: Box<dyn Read> = match name {
        "-" => Box::new(std::io::stdin().lock()),
        path => Box::new(File::open(path).map_err(unreadable)?),
    };
    let mut piece = vec![0; PIECE];
    let mut first = true;
    loop {
        let bytes = match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => piece.get(..n).unwrap_or_default(),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(unreadable(e)),
        };
        if first && bytes.starts_with(&GZIP) {
            let hint = format!("unpack it: zcat {name} | wtcheck {command} -");
            return Err(Failure::incomplete(format!("{name}: is compressed with gzip"), hint));
        }
        first = false;
        push(bytes);
    }
}
