//! What completion knows of a store: names of tables and checkpoints, and the words of `explain`.
//!
//! The store is the one that the line names. It is only read, never waited for, and left alone where reading it
//! would take a copy of it, or where it is in use.

use super::complete_line::Line;
use super::{Cli, schema};
use crate::audit::finding::Code;
use crate::audit::{Silent, pagelog};
use crate::home::names::What;
use crate::pagelog::catalog;
use crate::report::cause;
use crate::report::text::short_name;
use crate::store;
use crate::store::open::names;
use crate::subject::{Kind, Subject};
use crate::words::text::escape;
use clap::{Command, CommandFactory};
use clap_complete::engine::CompletionCandidate;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// Most words that are offered.
const MOST: usize = 200;
/// How long somebody waits who has pressed a key.
const PATIENCE: Duration = Duration::from_millis(700);
/// A `-wal` of SQLite up to this length holds nothing.
const EMPTY_WAL: u64 = 32;

/// A word, and what it is.
type Named = (String, String);

fn candidates(all: impl IntoIterator<Item = Named>, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = current.to_str() else { return Vec::new() };
    let fit = all.into_iter().filter(|(word, _)| word.starts_with(begun)).take(MOST);
    // The order is that of the list.
    fit.enumerate()
        .map(|(n, (word, what))| {
            let help = (!what.is_empty()).then(|| what.into());
            CompletionCandidate::new(word).help(help).display_order(Some(n))
        })
        .collect()
}

/// Codes of findings.
pub(super) fn codes(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(all_codes(), current)
}

fn all_codes() -> impl Iterator<Item = Named> {
    Code::ALL.iter().map(|c| (c.name().to_string(), "finding".to_string()))
}

/// What `explain` takes: codes first; causes and errors, of which there are many, once there is a beginning.
pub(super) fn words(current: &OsStr) -> Vec<CompletionCandidate> {
    let more = cause::words().filter(|_| !current.is_empty()).map(|w| (w.to_string(), String::new()));
    candidates(all_codes().chain(more), current)
}

/// What `schema` takes.
pub(super) fn documents(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(schema::names(), current)
}

/// Tables of the store on the line.
pub(super) fn tables(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(look(|s| s.tables), current)
}

/// What `dump` takes: namespaces, where there are any, and tables.
pub(super) fn namespaces(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(look(|s| s.namespaces.into_iter().chain(s.tables).collect()), current)
}

/// When to dump.
pub(super) fn moments(current: &OsStr) -> Vec<CompletionCandidate> {
    let own = ["recovered", "checkpoint"].map(|w| (w.to_string(), String::new()));
    candidates(own.into_iter().chain(look(|s| s.checkpoints)), current)
}

/// Checkpoints of the store on the line, the newest first.
pub(super) fn checkpoints(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(look(|s| s.checkpoints), current)
}

/// What a store has.
#[derive(Default)]
struct Found {
    tables: Vec<Named>,
    namespaces: Vec<Named>,
    checkpoints: Vec<Named>,
}

/// Look into the store that the line names, for as long as somebody waits. What is not done by then dies with the process.
fn look(of: fn(Found) -> Vec<Named>) -> Vec<Named> {
    let (send, found) = mpsc::channel();
    let started = std::thread::Builder::new().spawn(move || {
        let dir = named(&Line::asked()).filter(|p| p.exists());
        let _ = send.send(dir.map(|dir| read(&dir)).unwrap_or_default());
    });
    let found = started.ok().and_then(|_| found.recv_timeout(PATIENCE).ok()).unwrap_or_default();
    of(found).into_iter().filter(|(word, _)| harmless(word)).collect()
}

/// A name that no shell takes for anything else, and no command for an option: names come from the store.
fn harmless(word: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_-./+,@%".contains(c);
    !word.is_empty() && !word.starts_with('-') && word.chars().all(plain)
}

/// The store on the line: the first word of the verb that is neither an option nor the value of one.
fn named(line: &Line) -> Option<PathBuf> {
    let root = Cli::command();
    let mut command = &root;
    let mut command_found = false;
    let mut words = line.words.iter().enumerate().skip(1);
    let mut first = None;
    while let Some((at, word)) = words.next() {
        let text = word.to_string_lossy();
        if text.len() > 1 && text.starts_with('-') {
            if takes_next(command, &root, &text) {
                words.next();
            }
        } else if let Some(sub) = command.find_subcommand(word).filter(|_| first.is_none()) {
            (command, command_found) = (sub, true);
        } else if at != line.at && first.is_none() {
            first = Some(PathBuf::from(word));
        }
    }
    first.or_else(|| (!command_found).then(|| PathBuf::from(".")))
}

/// Whether the value of an option is the next word.
fn takes_next(command: &Command, root: &Command, option: &str) -> bool {
    let audit = root.find_subcommand("audit");
    let mut known =
        command.get_arguments().chain(root.get_arguments()).chain(audit.iter().flat_map(|a| a.get_arguments()));
    let found = match option.strip_prefix("--") {
        Some(long) => known.find(|a| a.get_long() == Some(long)),
        None => {
            let mut letters = option.chars().skip(1);
            let only = letters.next().filter(|_| letters.next().is_none());
            only.and_then(|c| known.find(|a| a.get_short() == Some(c)))
        }
    };
    found.is_some_and(|a| a.get_action().takes_values())
}

/// What lies in a store that nobody uses, and that can be read without a copy.
fn read(dir: &Path) -> Found {
    let subject = Subject::open(dir);
    let mut found = Found::default();
    if subject.check_live().is_err() {
        return found;
    }
    if subject.page_log().is_some_and(|log| !has_frames(&log.kv_home)) {
        read_log(&subject, &mut found);
    }
    if matches!(subject.kind, Kind::Home | Kind::Both(_)) {
        read_home(&subject, &mut found);
    }
    found
}

/// Whether a database of the page log has what only a copy of it would show.
fn has_frames(kv_home: &Path) -> bool {
    let long = |name: &String| std::fs::metadata(kv_home.join(name)).map_or(true, |m| m.len() > EMPTY_WAL);
    names(kv_home).map_or(true, |list| list.iter().any(|name| name.ends_with("-wal") && long(name)))
}

fn read_log(subject: &Subject, found: &mut Found) {
    let Some(Ok(store)) = subject.page_log().map(|located| store::open_at(located, false)) else { return };
    let heads = |table, _| catalog::is_head_table(table);
    let Ok(opened) = pagelog::open_part(&*store, &heads, &Silent) else { return };
    let newest = opened.completions.iter().rev();
    found.checkpoints = newest.clone().map(|c| (c.lsn.to_string(), "checkpoint".to_string())).take(MOST).collect();
    let Ok(mut reader) = opened.store.reader() else { return };
    let Some(checkpoint) = newest.take(MOST).find_map(|row| catalog::open(&opened.index, &mut *reader, row).ok())
    else {
        return;
    };
    let trees = catalog::read(&opened.index, &mut *reader, &checkpoint).trees;
    found.tables = trees.iter().map(|t| (short_name(&t.uri).to_string(), format!("table {}", t.table))).collect();
}

fn read_home(subject: &Subject, found: &mut Found) {
    let Ok((home, _)) = subject.home(false) else { return };
    for file in &home.files {
        let name = home.names.for_file(&file.name);
        let what = match name.as_ref().map(|n| (n.namespace.as_str(), n.index.as_deref())) {
            Some((namespace, Some(index))) => escape(&format!("{namespace}, index {index}")),
            Some((namespace, None)) => escape(namespace),
            None => String::new(),
        };
        if name.is_some_and(|n| n.what == What::Collection && !n.namespace.is_empty()) {
            found.namespaces.push((what.clone(), file.name.clone()));
        }
        found.tables.push((file.name.clone(), what));
        for checkpoint in file.checkpoints.iter().rev() {
            if !found.checkpoints.iter().any(|(name, _)| *name == checkpoint.name) && found.checkpoints.len() < MOST {
                found.checkpoints.push((checkpoint.name.clone(), "checkpoint".to_string()));
            }
        }
    }
}
