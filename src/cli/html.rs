//! `--html FILE`: what a verb shows to people, as one page for a colleague.

use super::Failure;
use crate::output::{Eyes, Target};
use crate::report::Output;
use crate::report::html::{self, Made};
use crate::report::text::now;
use crate::scratch;
use crate::subject::Subject;
use crate::words::text::{shell_word, utc};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// For verbs whose report can be a page.
#[derive(Debug, Default, clap::Args)]
pub struct HtmlArgs {
    /// Also write the report to this file, as a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// A page to be written when its report is there.
pub struct Sheet {
    target: Target,
}

impl HtmlArgs {
    /// Look at the place before anything is read, and keep what will be shown.
    pub fn begin(
        &self,
        force: bool,
        inspected: Option<&Subject>,
        output: &mut Output,
    ) -> Result<Option<Sheet>, Failure> {
        let Some(path) = &self.html else { return Ok(None) };
        if path.as_os_str() == "-" {
            return Err(Failure::usage("a page is not written to standard output", "give --html a file"));
        }
        let target = place(path, force, inspected, "--html")?;
        output.keep();
        Ok(Some(Sheet { target }))
    }
}

/// A place for a result that is no part of what is looked at.
pub fn place(path: &Path, force: bool, inspected: Option<&Subject>, option: &str) -> Result<Target, Failure> {
    let above = scratch::directory_of(path);
    let dir = std::fs::canonicalize(above).map_err(|e| {
        Failure::usage(format!("{}: {e}", above.display()), format!("give {option} a file in a directory that exists"))
    })?;
    let name = path.file_name().unwrap_or_default();
    if inspected.is_some_and(|s| s.places().iter().any(|e| dir.starts_with(e) || dir.join(name) == *e)) {
        let what = format!("{} is inside the inspected directory, where nothing is written", path.display());
        return Err(Failure::usage(what, format!("give {option} a file outside of it")));
    }
    Ok(Target::new(path, force, Eyes::Owner)?)
}

/// The hash of a file that was read, for whoever wants to know whether it is the same one.
pub fn hashed(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    // Not a pipe, which has been read.
    file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).ok()? {
            0 => break,
            n => hash.update(piece.get(..n)?),
        }
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Some(format!("SHA-256 of {name}: {}", hex::encode(hash.finalize())))
}

impl Sheet {
    /// Write the page, and say where. `lines`: what was read.
    pub fn write(self, title: &str, subject: &str, lines: Vec<String>, output: &mut Output) -> Result<(), Failure> {
        let body = output.kept().map(|sheet| sheet.html()).unwrap_or_default();
        let words = std::env::args_os().map(|a| shell_word(&a.to_string_lossy()));
        let command = std::iter::once("wtcheck".to_string()).chain(words.skip(1)).collect::<Vec<_>>().join(" ");
        let made = Made { subject: subject.to_string(), command, time: utc(now()), lines };
        self.target.write(html::page(title, &body, &made).as_bytes())?;
        output.complain(&format!("wrote {}", self.target.path().display()));
        Ok(())
    }
}
