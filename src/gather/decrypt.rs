//! Blocks that the service has encrypted, made plain by a program of the person's own: wtcheck never sees a key.

use crate::format::block::{MAGIC_BASE, MAGIC_DELTA, is_service_encrypted};
use crate::format::image::Image;
use crate::format::pagelog_ids::{KEY_TABLE, TURTLE_TABLES};
use crate::id::TableId;
use crate::scratch::{self, Held, Work};
use crate::service::{Content, Entry, EntryKind, Malformed, Piece};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest plain block.
const LONGEST: u64 = 128 << 20;

/// How the program is called: its words, with marks for what differs from block to block.
pub struct Decryptor {
    words: Vec<String>,
    work: Held<Work>,
    /// Blocks so far: each has files of its own, as several are decrypted at a time.
    count: AtomicU64,
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
        Ok(Self { words, work: scratch::temporary("decrypt")?, count: AtomicU64::new(0) })
    }

    /// The plain form of one block. The error says what the program did, in words.
    pub fn block(&self, entry: &Entry) -> Result<Vec<u8>, String> {
        let Content::Bytes(bytes) = &entry.content else { return Err("there are no bytes to decrypt".into()) };
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let files = Files(["in", "out"].map(|name| self.work.path().join(format!("{name}.{number}"))));
        let Files([from, to]) = &files;
        fs::write(from, STANDARD.encode(bytes)).map_err(|e| format!("its files: {e}"))?;
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
        let ran = ran.map_err(|e| format!("{program}: {e}"))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            let said = said.lines().next().unwrap_or("it printed nothing");
            return Err(format!("it ended with {}: {said}", ran.status));
        }
        let plain = plain(to).map_err(|e| format!("it did not write a plain block: {e}"))?;
        if is_service_encrypted(&plain) {
            return Err("it returned the block unchanged".into());
        }
        if is_block(entry.at.table, &plain) { Ok(plain) } else { Err("what it wrote is not a block of a page".into()) }
    }

    /// The plain form of all blocks of a piece that are encrypted; what went wrong is added to its faults.
    pub fn piece(&self, piece: &mut Piece) {
        for entry in &mut piece.entries {
            if !matches!(&entry.content, Content::Bytes(bytes) if is_service_encrypted(bytes)) {
                continue;
            }
            match self.block(entry) {
                Ok(plain) => entry.decrypted(plain),
                Err(why) => piece.faults.push(Malformed::Decryptor(why)),
            }
        }
    }
}

/// Whether bytes may be what the engine put: text in the tables of turtle pages, a key, or an image.
fn is_block(table: TableId, plain: &[u8]) -> bool {
    if TURTLE_TABLES.contains(&table) && std::str::from_utf8(plain).is_ok() {
        return true;
    }
    table == KEY_TABLE
        || Image::parse(plain, None).is_ok_and(|image| [MAGIC_BASE, MAGIC_DELTA].contains(&image.block.magic))
}

/// The files of one block, gone with it.
struct Files([PathBuf; 2]);

impl Drop for Files {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = fs::remove_file(file);
        }
    }
}

fn plain(path: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    crate::store::regular_file(path)?.take(LONGEST).read_to_end(&mut out)?;
    Ok(out)
}
