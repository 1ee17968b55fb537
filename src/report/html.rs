//! A report as one self-contained page: no network, nothing that a reader has to switch on. Tables sort where scripts
//! run; without them they are tables. Everything that comes from a store is escaped.

use super::table::{Kind, Table};
use super::tone;
use super::xml::xml;

/// A part of a report.
pub enum Part<'a> {
    Lines(&'a str),
    Heading(&'a str),
    Table(&'a Table),
    Command(&'a str),
    Field { label: &'a str, value: &'a str, command: bool },
    Detail { title: &'a str, body: &'a str },
    Picture(&'a str),
}

/// How a report was made.
pub struct Made {
    /// What was looked at.
    pub subject: String,
    /// The command line.
    pub command: String,
    /// UTC.
    pub time: String,
    /// What was read, with hashes, a line each.
    pub lines: Vec<String>,
}

const STYLE: &str = include_str!("html.css");
const SCRIPT: &str = include_str!("html.js");

/// A part as HTML.
pub fn part(part: &Part<'_>) -> String {
    match part {
        Part::Lines(lines) => {
            let text = lines.trim_matches('\n');
            if text.is_empty() { String::new() } else { format!("<div class=\"lines\">{}</div>\n", tone::html(text)) }
        }
        Part::Heading(text) => format!("<h2>{}</h2>\n", tone::html(text)),
        Part::Command(command) => format!("<pre class=\"command\">{}</pre>\n", tone::html(command)),
        Part::Field { label, value, command } => {
            let class = if *command { "command" } else { "value" };
            format!(
                "<div class=\"field\"><span class=\"label\">{}</span><span class=\"{class}\">{}</span></div>\n",
                xml(label),
                tone::html(value)
            )
        }
        Part::Detail { title, body } => {
            format!("<details><summary>{}</summary>\n{body}</details>\n", tone::html(title))
        }
        Part::Picture(svg) => {
            // An XML declaration has no place inside a page.
            match svg.find("<svg").and_then(|at| svg.get(at..)) {
                Some(svg) => format!("<figure>{svg}</figure>\n"),
                None => String::new(),
            }
        }
        Part::Table(table) => rows(table),
    }
}

fn rows(table: &Table) -> String {
    let kinds: Vec<Kind> = table.columns().map(|(_, kind)| kind).collect();
    let class = |at: usize| match kinds.get(at) {
        Some(Kind::Number) => " class=\"n\"",
        Some(Kind::Whole) => " class=\"w\"",
        _ => "",
    };
    let mut out = String::from("<div class=\"wide\"><table>\n<thead><tr>");
    for (at, (title, _)) in table.columns().enumerate() {
        out.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(at), tone::html(title)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in table.rows() {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            out.push_str(&format!("<td{}>{}</td>", class(at), tone::html(cell)));
        }
        out.push_str("</tr>\n");
    }
    out + "</tbody></table></div>\n"
}

/// A whole page.
pub fn page(title: &str, body: &str, made: &Made) -> String {
    let title = xml(title);
    let mut about = format!(
        "<dt>Looked at</dt><dd>{}</dd>\n<dt>Command</dt><dd><code>{}</code></dd>\n<dt>Written</dt><dd>{} by wtcheck {}</dd>\n",
        xml(&made.subject),
        xml(&made.command),
        xml(&made.time),
        env!("CARGO_PKG_VERSION")
    );
    for line in &made.lines {
        about.push_str(&format!("<dt></dt><dd>{}</dd>\n", xml(line)));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; img-src data:\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\
         <h2>How this was made</h2>\n<dl>\n{about}</dl>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
