//! Blocks that the service has encrypted, made plain by a program of the person's own: wtcheck never sees a key.

use crate::scratch::{self, Held, Work};
use crate::service::{Content, Entry, EntryKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

/// Longest plain block.
const LONGEST: u64 = 128 << 20;

/// How the program is called: its words, with marks for what differs from block to block.
pub struct Decryptor {
    words: Vec<String>,
    work: Held<Work>,
}

impl Decryptor {
    /// From a template such as `decrypt.sh {in} {out} {table} {page} {lsn} {base} {backlink} {delta}`. Words are split at
    /// blanks.
    pub fn new(template: &str) -> io::Result<Self> {
        let words: Vec<String> = template.split_whitespace().map(str::to_string).collect();
        let named = |mark: &str| words.iter().any(|w| w.contains(mark));
        if words.is_empty() || !named("{in}") || !named("{out}") {
            return Err(io::Error::other("the command needs {in} and {out}, the names of two files"));
        }
        Ok(Self { words, work: scratch::temporary("decrypt")? })
    }

    /// The plain form of one block. The error says what the program did, in words.
    pub fn block(&self, entry: &Entry) -> Result<Vec<u8>, String> {
        let Content::Bytes(bytes) = &entry.content else { return Err("there are no bytes to decrypt".into()) };
        let (from, to) = (self.work.path().join("in"), self.work.path().join("out"));
        let told = |e: io::Error| format!("the decryptor's files: {e}");
        fs::write(&from, STANDARD.encode(bytes)).map_err(told)?;
        let _ = fs::remove_file(&to);
        let marks = [
            ("{in}", from.display().to_string()),
            ("{out}", to.display().to_string()),
            ("{table}", entry.at.table.to_string()),
            ("{page}", entry.at.page.to_string()),
            ("{lsn}", entry.at.lsn.to_string()),
            ("{base}", entry.base.to_string()),
            ("{backlink}", entry.backlink.to_string()),
            ("{delta}", u8::from(entry.kind == EntryKind::Delta).to_string()),
        ];
        let filled = |word: &String| marks.iter().fold(word.clone(), |w, (mark, value)| w.replace(mark, value));
        let mut words = self.words.iter().map(filled);
        let program = words.next().unwrap_or_default();
        let ran = Command::new(&program).args(words).stdin(Stdio::null()).output();
        let ran = ran.map_err(|e| format!("the decryptor {program}: {e}"))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            let said = said.lines().next().unwrap_or("it said nothing");
            return Err(format!("the decryptor ended with {}: {said}", ran.status));
        }
        plain(&to).map_err(|e| format!("the decryptor left no plain block: {e}"))
    }
}

fn plain(path: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    crate::store::regular_file(path)?.take(LONGEST).read_to_end(&mut out)?;
    Ok(out)
}
