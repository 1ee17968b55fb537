//! Texts of completion records in a server's log.

use crate::format::completion;
use crate::id::Lsn;
use crate::store::regular_file;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// How the text begins.
const BEGIN: &str = "metadata_lsn=";
/// Longest line that is looked at.
const LONGEST: u64 = 1 << 20;
/// The newest so many are kept.
const KEPT: usize = 10_000;

/// What ends a text within a line: quotes, brackets, blanks.
fn is_end(c: char) -> bool {
    c.is_whitespace() || "\"'\\()[]{};".contains(c)
}

/// Every text of a log that is a completion record, by the LSN of its turtle page.
pub fn in_log(path: &Path) -> io::Result<BTreeMap<Lsn, String>> {
    let mut from = BufReader::new(regular_file(path)?);
    let mut out = BTreeMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(out);
        }
        let text = String::from_utf8_lossy(&line);
        for (at, _) in text.match_indices(BEGIN) {
            let rest = text.get(at..).unwrap_or_default();
            let record = rest.split(is_end).next().unwrap_or_default().trim_end_matches([',', '.']);
            if let Ok(parsed) = completion::parse(record.as_bytes()) {
                out.insert(parsed.metadata_lsn, record.to_string());
                if out.len() > KEPT {
                    out.pop_first();
                }
            }
        }
    }
}
