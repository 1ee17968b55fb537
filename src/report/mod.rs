//! What people and programs see: tables, JSON, YAML, colours, progress. Knows what an audit found,
//! not how.

mod answer;
pub mod audit;
pub mod block;
pub mod cause;
pub mod decode;
pub mod diff;
pub mod dump;
pub mod dumps;
pub mod explain;
pub mod export;
pub mod fields;
pub mod file_block;
pub mod finding;
pub mod fit;
pub mod gather;
pub mod history;
pub mod history_picture;
mod home;
pub mod html;
pub mod json;
pub mod lost;
mod lost_rows;
pub mod map;
pub mod map_fold;
pub mod map_home;
pub mod map_kinds;
pub mod map_pagelog;
pub mod map_tree;
pub mod merged;
mod next;
pub mod orphans;
pub mod pack;
pub mod page;
pub mod pickup;
pub mod progress;
pub mod repair;
pub mod server_log;
pub mod sheet;
pub mod simulate;
pub mod subject;
pub mod svg;
pub mod svg_bands;
pub mod svg_tree;
pub mod table;
pub mod text;
pub mod tone;
mod view;
pub mod xml;

pub use crate::decode::bytes::Show;
use crate::schema::Document;
use crate::scratch;
use clap::ValueEnum;
use progress::Bars;
use sheet::Sheet;
use std::io::{ErrorKind, IsTerminal, Write};

/// Screens narrower than this are written for as if they had as much.
const LEAST_WIDTH: u16 = 40;

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Table,
    /// One JSON document
    Json,
    /// JSON, one object per line
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
    /// The answer only.
    pub quiet: bool,
    /// How much detail.
    pub verbose: u8,
    /// Tones for text.
    pub paint: text::Paint,
    /// Whether tones become colours on stdout.
    pub colour: bool,
    pub progress: Bars,
    /// Columns of the terminal on stdout, if it is one, or as `COLUMNS` says.
    pub width: Option<u16>,
    /// Why a result is not on stdout in full, if it is not.
    pub unwritten: Option<String>,
    keep: bool,
    kept: Option<Sheet>,
}

impl Output {
    /// An output as asked for.
    pub fn new(format: Format, color: Color, (quiet, verbose): (bool, u8), progress: Bars) -> Self {
        let tty = std::io::stdout().is_terminal();
        let auto = tty && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && dumb().is_none();
        let on = match color {
            Color::Auto => auto,
            Color::Always => true,
            Color::Never => false,
        };
        let width = asked_width().or_else(|| tty.then(columns).flatten());
        Self {
            format,
            quiet,
            verbose,
            paint: text::Paint { on },
            colour: on,
            progress,
            width,
            unwritten: None,
            keep: false,
            kept: None,
        }
    }

    /// Columns that text is folded to, if it is.
    pub fn room(&self) -> Option<usize> {
        self.width.map(usize::from)
    }

    /// Print a result: text for people, or the value in the chosen format.
    pub fn document<S: Into<Sheet>>(&mut self, value: &impl Document, text: impl FnOnce() -> S) {
        let wanted = self.keep || self.format == Format::Table;
        let sheet = if wanted { text().into() } else { Sheet::new() };
        let out = match self.format {
            Format::Table if self.quiet => sheet.answer().text(self.room(), self.colour),
            Format::Table => sheet.text(self.room(), self.colour),
            Format::Json => json::text(value, true),
            Format::Jsonl => json::text(value, false),
            Format::Yaml => serde_yaml::to_string(value).unwrap_or_default(),
        };
        self.raw(out.as_bytes());
        if self.keep && self.kept.is_none() {
            self.kept = Some(sheet);
        }
    }

    /// Print text for people that no document goes with.
    pub fn text(&mut self, text: String) {
        let text = Sheet::from(text).text(self.room(), self.colour);
        self.raw(text.as_bytes());
    }

    /// Keep what the next document shows to people, for a page; it has tones, whatever the terminal has.
    pub fn keep(&mut self) {
        self.keep = true;
        self.paint.on = true;
    }

    /// Whether it is kept: then what only a page shows is wanted, too.
    pub fn keeps(&self) -> bool {
        self.keep
    }

    /// Keep this for the page, and not what the next document shows.
    pub fn keep_sheet(&mut self, sheet: Sheet) {
        self.kept = Some(sheet);
    }

    /// What the last document shows to people, if it was to be kept.
    pub fn kept(&mut self) -> Option<Sheet> {
        self.kept.take()
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

/// Columns of the terminal on stdout.
fn columns() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|w| w.ws_col).filter(|w| *w > 0)
}

/// Columns asked for in the environment, for a pipe as well: text for a ticket.
fn asked_width() -> Option<u16> {
    let asked: u16 = std::env::var("COLUMNS").ok()?.trim().parse().ok()?;
    (asked > 0).then(|| asked.max(LEAST_WIDTH))
}

/// A terminal that cannot do colour.
fn dumb() -> Option<()> {
    std::env::var_os("TERM").filter(|t| t == "dumb").map(|_| ())
}
