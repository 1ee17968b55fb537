//! What stands behind the options of `-h` and `--help`, made of the table in `manual_pages.rs`; man pages are made of it
//! as well.

use super::manual_pages::{Exit, Manual, PAGES};
use crate::exit;
use clap::Command;
use std::fmt::Write as _;

const USAGE: Exit = (exit::USAGE, "the command line is wrong");
const BUG: Exit = (exit::BUG, "a bug in wtcheck");

/// The interrupted end, for long forms.
const INTERRUPTED: &str = "If interrupted, it ends with the signal itself, which a shell shows as 130 (Ctrl-C), \
    143 (SIGTERM) or 129 (SIGHUP): nothing temporary is left behind, and no step of a repair or an undo half done.";

/// The last line of SEE ALSO.
const READ_ON: &str = "The guide: /usr/share/doc/wtcheck/docs/guide/, or docs/guide/ of the source.";

/// The page of a command, by its path.
pub(super) fn of(path: &str) -> Option<&'static Manual> {
    PAGES.iter().find(|page| page.path == path)
}

/// All pages.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn paths() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|page| page.path)
}

/// The exit codes that a command's page has.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn codes(path: &str) -> Vec<u8> {
    of(path).map(|page| page.all_exits().map(|(code, _)| code).collect()).unwrap_or_default()
}

/// The examples of a command's page.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn examples(path: &str) -> Vec<&'static str> {
    of(path).map(|page| page.examples.iter().map(|(line, _)| *line).collect()).unwrap_or_default()
}

impl Manual {
    /// In their order, with those of every command.
    pub(super) fn all_exits(&self) -> impl Iterator<Item = Exit> {
        let mut all: Vec<Exit> = self.exits.iter().copied().chain([USAGE, BUG]).collect();
        if self.exits.is_empty() {
            all.insert(0, (exit::CLEAN, "help was asked for; else the code of the command behind it"));
        }
        all.sort_unstable_by_key(|(code, _)| *code);
        all.into_iter()
    }

    /// What stands behind the options: of `-h`, or longer, of `--help`.
    fn after(&self, long: bool) -> String {
        let mut out = String::new();
        // A code that says no more than that it worked tells nothing here.
        let telling = self.exits.iter().any(|(code, _)| !matches!(*code, exit::CLEAN | exit::INCOMPLETE));
        let exits: Vec<Exit> = if long { self.all_exits().collect() } else { self.exits.to_vec() };
        if telling {
            out.push_str("Exit codes:\n");
            for (code, meaning) in exits {
                let _ = writeln!(out, "  {code:<3} {}", folded(meaning, 6));
            }
            if long {
                let _ = writeln!(out, "{}", folded(INTERRUPTED, 0));
            }
            out.push('\n');
        }
        out.push_str("Examples:\n");
        for (line, what) in self.examples {
            let _ = writeln!(out, "  {line}\n      {}", folded(what, 6));
        }
        if long && !self.more.is_empty() {
            let _ = write!(out, "\n{}", if self.more.contains('\n') { self.more.into() } else { folded(self.more, 0) });
        }
        out.trim_end().to_owned()
    }

    pub(super) fn read_on() -> &'static str {
        READ_ON
    }

    pub(super) fn interrupted() -> &'static str {
        INTERRUPTED
    }
}

/// Text for a terminal of 80 columns whose lines after the first stand so far in.
fn folded(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > 79 {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// Give a command, and all below it, what their pages say.
pub(super) fn dress(command: Command) -> Command {
    fn below(command: Command, path: &str) -> Command {
        let command = match of(path) {
            Some(page) => command.after_help(page.after(false)).after_long_help(page.after(true)),
            None => command,
        };
        let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        names.into_iter().fold(command, |command, name| {
            let deeper = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
            command.mut_subcommand(name, |sub| below(sub, &deeper))
        })
    }
    below(command, "")
}
