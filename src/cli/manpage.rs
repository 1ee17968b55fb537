//! Man pages, of the definitions that parse the command line and of the table in `manual_pages.rs`.

use super::manual;
use super::manual_pages::Manual;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fmt::Write as _;
use std::io;

/// What every section that is rendered on its own begins with.
const PREAMBLE: [&str; 2] = [".ie \\n(.g .ds Aq \\(aq\n", ".el .ds Aq '\n"];

/// What the environment changes, for the main page.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("COLUMNS", "width of the output where it is not a terminal; unset, nothing is folded there"),
    ("NO_COLOR", "set and not empty: no colours"),
    ("TMPDIR", "where private copies of databases are made; /tmp if unset"),
    (
        "SOURCE_DATE_EPOCH",
        "seconds since 1970 to be taken for now where ages are told, for output that can be compared",
    ),
    ("WTCHECK_COMPLETE", "set by the completion scripts"),
];

/// All pages: file name and text. The main page comes first.
pub fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut out = Vec::new();
    // Commands nest two deep; a stack keeps the order of the help.
    let mut stack = vec![(String::new(), command)];
    while let Some((path, command)) = stack.pop() {
        let name = |path: &str| format!("wtcheck {path}").trim().replace(' ', "-");
        let below = command.get_subcommands();
        let below = below.map(|sub| (format!("{path} {}", sub.get_name()).trim().to_owned(), sub.clone()));
        stack.extend(below.collect::<Vec<_>>().into_iter().rev());
        let text = page(command.display_name(name(&path)), &path, &name(&path))?;
        out.push((format!("{}.1", name(&path)), text.into_bytes()));
    }
    Ok(out)
}

/// No date and no path of this machine: a page depends on the definitions alone.
fn page(command: Command, path: &str, name: &str) -> io::Result<String> {
    let has_commands = command.has_subcommands();
    let version = concat!("wtcheck ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).title(name.to_uppercase()).source(version).manual("wtcheck");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_commands {
        man.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::new();
    if let Some(manual) = manual::of(path) {
        rest(manual, &mut roff);
    }
    roff.to_writer(&mut text)?;
    let mut text = String::from_utf8(text).map_err(io::Error::other)?;
    for line in PREAMBLE {
        let first = text.find(line).map_or(0, |at| at + line.len());
        let (head, tail) = text.split_at(first);
        text = format!("{head}{}", tail.replace(line, ""));
    }
    Ok(text)
}

fn rest(manual: &Manual, roff: &mut Roff) {
    if !manual.more.is_empty() {
        roff.control("SH", ["NOTES"]);
        paragraphs(manual.more, roff);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in manual.all_exits() {
        entry(&code.to_string(), meaning, roff);
    }
    roff.control("PP", []);
    roff.text([roman(Manual::interrupted())]);
    roff.control("SH", ["EXAMPLES"]);
    for (line, what) in manual.examples {
        entry(line, what, roff);
    }
    roff.control("SH", ["FILES"]);
    for (file, what) in manual.files {
        entry(file, what, roff);
    }
    if manual.path.is_empty() {
        roff.control("SH", ["ENVIRONMENT"]);
        for (variable, what) in ENVIRONMENT {
            entry(variable, what, roff);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut pages = String::new();
    let above = (!manual.path.is_empty()).then_some("");
    for path in above.iter().chain(manual.see) {
        let name = format!("wtcheck {path}").trim().replace(' ', "-");
        let _ = write!(pages, "{}{name}(1)", if pages.is_empty() { "" } else { ", " });
    }
    roff.text([roman(pages)]);
    roff.control("PP", []);
    roff.text([roman(Manual::read_on())]);
}

fn entry(head: &str, text: &str, roff: &mut Roff) {
    roff.control("TP", []);
    roff.text([bold(head)]);
    roff.text([roman(text)]);
}

fn paragraphs(text: &str, roff: &mut Roff) {
    for paragraph in text.split("\n\n") {
        roff.control("PP", []);
        roff.text([roman(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))]);
    }
}
