use std::ffi::OsString;
use wtcheck::cli::shortcut::*;

fn expanded(line: &str) -> String {
    let args = std::iter::once("wtcheck").chain(line.split_whitespace()).map(OsString::from).collect();
    match expand(args) {
        Ok(args) => args.iter().skip(1).map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" "),
        Err(answer) => answer,
    }
}

#[test]
fn a_path_alone_is_audited() {
    for (line, want) in [
        ("src", "audit src"),
        ("./nowhere", "audit ./nowhere"),
        (".", "audit ."),
        ("--format json src", "audit --format json src"),
        ("--format=json src --deep", "audit --format=json src --deep"),
        ("-qv -j 4 src", "audit -qv -j 4 src"),
        ("-j4 src", "audit -j4 src"),
        ("-qj 4 src", "audit -qj 4 src"),
        ("--table user* src", "audit --table user* src"),
        ("-- src", "audit -- src"),
        ("", "audit ."),
        ("-q --format json", "audit -q --format json ."),
        ("--help", "--help"),
        ("-V", "-V"),
        ("audit src", "audit src"),
        ("--format json map src", "--format json map src"),
        ("help map", "help map"),
        ("frobnicate", "frobnicate"),
    ] {
        assert_eq!(expanded(line), want, "{line}");
    }
    for word in ["verify", "check", "list", "ls", "scan", "fsck", "salvage"] {
        let answer = expanded(&format!("{word} src"));
        assert!(answer.starts_with(&format!("wtcheck has no `{word}`: ")) && answer.contains("wtcheck "), "{answer}");
    }
}

#[test]
fn answers_name_verbs_that_there_are() {
    let command = wtcheck::cli::command();
    let mut seen = std::collections::HashSet::new();
    for (names, answer) in ELSEWHERE {
        for name in *names {
            assert!(seen.insert(*name), "{name} is there twice");
            assert!(command.find_subcommand(name).is_none(), "{name} is a verb of wtcheck");
        }
        // Each `wtcheck VERB` in the answer.
        for rest in answer.split("`wtcheck ").skip(1) {
            let words: Vec<&str> = rest.split(['`', ' ', '|']).collect();
            let verb = command.find_subcommand(words[0]);
            assert!(verb.is_some() || words[0].starts_with("--"), "{answer}");
            let has_verbs = verb.is_some_and(|v| v.has_subcommands() && words[0] != "decode");
            assert!(!has_verbs || verb.is_some_and(|v| v.find_subcommand(words[1]).is_some()), "{answer}");
        }
    }
}
