//! Completion on the command line: the shell asks this program what can stand in the place of the cursor.
//!
//! The scripts of `wtcheck completions` call it with `WTCHECK_COMPLETE` set to the name of the shell, and with the words
//! of the line behind `--`. It answers with words, and with nothing where it knows none: an error or a message
//! would spoil the line that somebody is typing.

use super::complete_line::Line;
use super::{Cli, complete_names as names, decode};
use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter, complete};
use clap_complete::env::{Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use clap_complete::{CompleteEnv, Shell};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// What a script sets. Not `COMPLETE`, as is usual: a variable of that name must not make an audit something else.
const VARIABLE: &str = "WTCHECK_COMPLETE";
/// The shells, with a bash of our own.
const SHELLS: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// Answer a shell, if it is one that asks.
pub fn answer() -> Option<ExitCode> {
    let shell = std::env::var_os(VARIABLE).filter(|s| !s.is_empty() && s != "0")?;
    // A bug must not show either.
    std::panic::set_hook(Box::new(|_| {}));
    let words: Vec<OsString> = std::env::args_os().collect();
    let asked = words.iter().any(|w| w == "--");
    let answered = std::panic::catch_unwind(|| {
        let dir = std::env::current_dir().ok();
        environment().try_complete(words, dir.as_deref())
    });
    match answered {
        Ok(Ok(_)) => Some(ExitCode::SUCCESS),
        _ if asked => Some(ExitCode::SUCCESS),
        _ => {
            let names: Vec<&str> = SHELLS.names().collect();
            let shell = crate::words::text::escape(&shell.to_string_lossy());
            let _ = writeln!(std::io::stderr(), "wtcheck: {VARIABLE}={shell}: it is one of {}", names.join(", "));
            Some(ExitCode::from(crate::exit::USAGE))
        }
    }
}

fn environment() -> CompleteEnv<'static, fn() -> Command> {
    CompleteEnv::with_factory(taught as fn() -> Command)
        .var(VARIABLE)
        .bin("wtcheck")
        .completer("wtcheck")
        .shells(SHELLS)
}

/// The script that makes a shell ask. It stays right when options are added.
#[must_use]
pub fn script(shell: Shell) -> Vec<u8> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::PowerShell => &Powershell,
        _ => &Zsh,
    };
    let mut out = Vec::new();
    // Only memory is written to.
    let _ = completer.write_registration(VARIABLE, "wtcheck", "wtcheck", "wtcheck", &mut out);
    if shell == Shell::Zsh {
        // From a file in fpath the function has to answer the first time, too, when it is being defined.
        out.extend_from_slice(
            b"\nif [[ ${funcstack[1]-} == _wtcheck ]]; then\n    _clap_dynamic_completer_wtcheck \"$@\"\nfi\n",
        );
    }
    out
}

/// The commands, with completers for what they do not know themselves.
fn taught() -> Command {
    let command = Cli::command();
    // `wtcheck PATH` is `wtcheck audit PATH`: the path and the options of an audit are known without a verb.
    let own: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    let audit = command.find_subcommand("audit").cloned().unwrap_or_default();
    let without_verb = audit.get_arguments().filter(|a| !own.contains(&a.get_id().to_string())).map(|a| {
        let arg = a.clone().hide(true);
        match a.is_positional() {
            // Who has typed nothing yet sees the verbs.
            true => arg.required(false).add(ArgValueCompleter::new(path_begun)),
            false => arg.required(false),
        }
    });
    let without_verb: Vec<Arg> = without_verb.collect();
    teach(command.args(without_verb))
}

fn teach(mut command: Command) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|s| s.get_name().to_string()).collect();
    for name in below {
        command = command.mut_subcommand(name, teach);
    }
    command.mut_args(|arg| {
        let wanted = match (arg.get_id().as_str(), arg.get_value_names().and_then(<[_]>::first).map(|n| n.as_str())) {
            (_, Some("GLOB" | "TABLE")) => ArgValueCompleter::new(names::tables),
            (_, Some("TABLE|NAMESPACE")) => ArgValueCompleter::new(names::namespaces),
            ("at", _) => ArgValueCompleter::new(names::moments),
            (_, Some("LSN|NAME")) | ("installed" | "drop_completion", _) => ArgValueCompleter::new(names::checkpoints),
            (_, Some("CODE")) => ArgValueCompleter::new(names::codes),
            (_, Some("WORD")) => ArgValueCompleter::new(names::words),
            (_, Some("DOCUMENT")) => ArgValueCompleter::new(names::documents),
            (_, Some("INPUT")) => ArgValueCompleter::new(input),
            (_, Some("LOG")) => ArgValueCompleter::new(PathCompleter::file().stdio()),
            _ => return arg,
        };
        // `--color WHEN` and the like have their own few values.
        if arg.get_possible_values().is_empty() { arg.add(wanted) } else { arg }
    })
}

/// A path of which there is a beginning.
fn path_begun(current: &OsStr) -> Vec<CompletionCandidate> {
    if current.is_empty() { Vec::new() } else { PathCompleter::any().complete(current) }
}

/// The input of `decode`: a file, with or without an @ before it.
fn input(current: &OsStr) -> Vec<CompletionCandidate> {
    match current.to_str().and_then(|text| text.strip_prefix(decode::FILE)) {
        Some(path) => {
            let found = PathCompleter::any().complete(OsStr::new(path));
            found.into_iter().map(|c| c.add_prefix(decode::FILE.to_string())).collect()
        }
        None => PathCompleter::any().stdio().complete(current),
    }
}

/// Bash: as clap has it, but with words in the form in which bash reads them again, and with `--option=VALUE`, which
/// bash hands over in three pieces.
struct Bash;

const BASH: &str = r#"_wtcheck() {
    local IFS=$'\013' words=("${COMP_WORDS[@]}")
    [[ ${words[COMP_CWORD]} == [=\'\"]* ]] || words[COMP_CWORD]=$2
    COMPREPLY=($(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$COMP_CWORD" VARIABLE=bash wtcheck -- "${words[@]}" 2>/dev/null))
    # A word that is whole is followed by a space, a directory is not.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _wtcheck wtcheck 2>/dev/null || complete -F _wtcheck wtcheck
"#;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        variable: &str,
        _name: &str,
        _bin: &str,
        _completer: &str,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        out.write_all(BASH.replace("VARIABLE", variable).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        dir: Option<&Path>,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let at = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|i| i.parse().ok()).unwrap_or_default();
        let line = Line::of_bash(words, at);
        let found = complete(command, line.words, line.at, dir)?;
        let separator = std::env::var("_CLAP_IFS").unwrap_or_else(|_| "\n".to_string());
        let given = found.iter().filter_map(|c| c.get_value().to_str()?.strip_prefix(line.given.as_str()));
        let text: Vec<String> = given.filter_map(|word| quoted(word, line.open_quote)).collect();
        out.write_all(text.join(&separator).as_bytes())
    }
}

/// A word in the form in which bash reads it again. A name that somebody chose to be a command is none; within a quotation
/// only what means itself there is offered.
fn quoted(word: &str, open: bool) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "_-./+,@%=:~^".contains(c);
    match word.chars().all(plain) {
        true => Some(word.to_string()),
        false if open && word.chars().all(|c| plain(c) || c == ' ') => Some(word.to_string()),
        false if open || word.chars().any(char::is_control) => None,
        false => Some(word.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()),
    }
}
