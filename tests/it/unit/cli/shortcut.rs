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
        assert!(answer.starts_with(&format!("there is no `{word}`; ")) && answer.contains("wtcheck "), "{answer}");
    }
}
