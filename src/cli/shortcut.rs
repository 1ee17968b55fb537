//! Command lines without a verb: `wtcheck PATH` is `wtcheck audit PATH`, `wtcheck` alone audits the current
//! directory, and the verbs of other tools are answered with ours.

use super::Cli;
use clap::{Arg, CommandFactory};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What people type who know other tools, and what does it here. Of each row the first word is the reason that it is
/// there: wt's verbs, mongod's options and mongodump's family, fsck's and SQLite's words.
pub const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["verify", "check", "fsck", "e2fsck", "scan", "validate", "test", "integrity_check", "quick_check", "chkdsk"],
        "`wtcheck audit PATH` judges it; `--deep` reads every page",
    ),
    (
        &["salvage", "recover", "fix", "mend", "rescue", "restore"],
        "`wtcheck repair plan DIR` says what can be mended, `wtcheck repair apply PLAN` mends a copy; \
         `wtcheck dump DIR` writes out what can still be read",
    ),
    (
        &["list", "ls", "tables", "collections"],
        "`wtcheck dump PATH --list` lists the tables, `wtcheck audit PATH` the files",
    ),
    (
        &["stat", "stats", "dbstat", "collstats", "usage", "du", "df"],
        "`wtcheck audit PATH` and `wtcheck map PATH` have the numbers",
    ),
    (
        &["info", "show", "dumpe2fs", "dbinfo", "metadata"],
        "`wtcheck audit PATH` says what it is and how it stands, `wtcheck page DIR TABLE PAGE` shows one page",
    ),
    (
        &["read", "cat", "get", "export-table", "mongodump", "mongoexport", "bsondump", "load"],
        "`wtcheck dump DIR TABLE` writes the rows out",
    ),
    (
        &["printlog", "logdump", "journal"],
        "`wtcheck audit HOME` reads the write-ahead log, and `wtcheck dump HOME` shows what it would restore; \
         `wtcheck log FILE` reads the log of a server",
    ),
    (&["turtle"], "`wtcheck decode turtle FILE` does it"),
    (
        &["block", "debugfs", "inspect", "showdb"],
        "`wtcheck page FILE --offset N` shows a block, `wtcheck map FILE` where each lies",
    ),
    (
        &["compact", "vacuum", "truncate", "clean", "reclaim", "rebuild", "reindex"],
        "it needs a running engine; `wtcheck orphans DIR` lists what is leaked, and `wtcheck repair plan DIR` what can be freed",
    ),
    (
        &["backup", "copy", "archive", "clone", "dd"],
        "`wtcheck pack DIR OUT` makes a small image without user data; for a copy take `cp -a` while no process has the directory",
    ),
    (&["undo", "apply", "plan", "rollback"], "it is a verb of repair: `wtcheck repair plan|apply|undo`"),
    (&["replay", "explore", "run"], "it is a verb of pickup: `wtcheck pickup replay|run|explore|explain`"),
    (&["version"], "`wtcheck --version` says it"),
];

/// The command line with a verb, or the answer to a word that is none.
pub fn expand(mut args: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let command = Cli::command();
    match first_word(&args, &command) {
        Some(at) => {
            let word = args.get(at).cloned().unwrap_or_default();
            if command.find_subcommand(&word).is_some() || word == "help" {
                return Ok(args);
            }
            let path = Path::new(&word);
            if path.components().count() > 1 || word == "." || word == ".." || path.symlink_metadata().is_ok() {
                args.insert(1, "audit".into());
            } else if let Some((name, answer)) = elsewhere(&word) {
                return Err(format!("wtcheck has no `{name}`: {answer}"));
            }
        }
        None if !asks_for_help(&args) => {
            args.insert(1.min(args.len()), "audit".into());
            args.push(".".into());
        }
        None => {}
    }
    Ok(args)
}

/// The verb of another tool, and what does it here.
fn elsewhere(word: &OsStr) -> Option<(&'static str, &'static str)> {
    ELSEWHERE.iter().find_map(|(names, answer)| Some((*names.iter().find(|name| word == **name)?, *answer)))
}

/// The place of the first word that is neither an option nor the value of one.
fn first_word(args: &[OsString], command: &clap::Command) -> Option<usize> {
    let audit = command.find_subcommand("audit");
    let known: Vec<&Arg> = command.get_arguments().chain(audit.iter().flat_map(|a| a.get_arguments())).collect();
    let takes_value =
        |is: &dyn Fn(&&&Arg) -> bool| known.iter().find(is).is_some_and(|a| a.get_action().takes_values());
    let mut at = 1;
    while let Some(arg) = args.get(at) {
        let text = arg.to_string_lossy();
        if text == "--" {
            return args.get(at + 1).map(|_| at + 1);
        } else if let Some(name) = text.strip_prefix("--") {
            at += usize::from(takes_value(&|a| a.get_long() == Some(name)));
        } else if text.len() > 1 && text.starts_with('-') {
            // Of a cluster, the first that takes a value takes the rest, or the next word.
            let mut letters = text.chars().skip(1);
            let valued = letters.find(|c| takes_value(&|a| a.get_short() == Some(*c)));
            at += usize::from(valued.is_some() && letters.next().is_none());
        } else {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn asks_for_help(args: &[OsString]) -> bool {
    let help = ["-h", "--help", "-V", "--version"];
    args.iter().skip(1).any(|a| help.iter().any(|h| a == OsStr::new(h)))
}
