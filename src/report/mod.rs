//! What people and programs see: tables, JSON, YAML, colours, progress. Knows what an audit found,
//! not how.

pub mod audit;
pub mod block;
pub mod cause;
pub mod decode;
pub mod dump;
pub mod dumps;
pub mod explain;
pub mod export;
pub mod fields;
pub mod file_block;
pub mod gather;
mod home;
pub mod lost;
pub mod map;
pub mod map_home;
pub mod map_pagelog;
pub mod merged;
pub mod pack;
pub mod page;
pub mod pickup;
pub mod progress;
pub mod repair;
pub mod server_log;
pub mod simulate;
pub mod subject;
pub mod svg;
pub mod text;

pub use crate::decode::bytes::Show;
use crate::schema::Document;
use crate::scratch;
use clap::ValueEnum;
use progress::Bars;
use std::io::{ErrorKind, IsTerminal, Write};

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Table,
    /// One JSON document
    Json,
    /// JSON, one object a line
    Jsonl,
    /// YAML
    Yaml,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where results go.
pub struct Output {
    pub format: Format,
    /// How much detail.
    pub verbose: u8,
    /// Colours for text on stdout.
    pub paint: text::Paint,
    pub progress: Bars,
    /// Columns of the terminal on stdout, if it is one.
    pub width: Option<u16>,
    /// Why a result is not on stdout in full, if it is not.
    pub unwritten: Option<String>,
}

impl Output {
    /// An output as asked for.
    pub fn new(format: Format, color: Color, verbose: u8, progress: Bars) -> Self {
        let tty = std::io::stdout().is_terminal();
        let auto = tty && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && dumb().is_none();
        let on = match color {
            Color::Auto => auto,
            Color::Always => true,
            Color::Never => false,
        };
        let width = tty.then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|w| w.ws_col)).flatten();
        let width = width.filter(|w| *w > 0);
        Self { format, verbose, paint: text::Paint { on }, progress, width, unwritten: None }
    }

    /// Print a result: text for people, or the value in the chosen format.
    pub fn document(&mut self, value: &impl Document, text: impl FnOnce() -> String) {
        let out = match self.format {
            Format::Table => text(),
            Format::Json => serde_json::to_string_pretty(value).map(|s| s + "\n").unwrap_or_default(),
            Format::Jsonl => serde_json::to_string(value).map(|s| s + "\n").unwrap_or_default(),
            Format::Yaml => serde_yaml::to_string(value).unwrap_or_default(),
        };
        self.raw(out.as_bytes());
    }

    /// Print bytes as they are. A reader that went away is no error.
    pub fn raw(&mut self, bytes: &[u8]) {
        scratch::wait_if_ending();
        let mut stdout = std::io::stdout().lock();
        if let Err(e) = stdout.write_all(bytes).and_then(|()| stdout.flush())
            && e.kind() != ErrorKind::BrokenPipe
        {
            self.unwritten.get_or_insert(e.to_string());
        }
    }

    /// One line on stderr.
    pub fn complain(&mut self, line: &str) {
        scratch::wait_if_ending();
        let _ = writeln!(std::io::stderr().lock(), "wtcheck: {}", text::escape(line));
    }
}

/// A terminal that cannot do colour.
fn dumb() -> Option<()> {
    std::env::var_os("TERM").filter(|t| t == "dumb").map(|_| ())
}
