//! A report in parts: lines, tables, commands, details. A terminal gets it as text in its width, a page as HTML; what
//! stands in it is said once.

use super::fit;
use super::html::{self, Part};
use super::table::Table;
use super::text;
use super::tone::{self, Paint};

/// A part of a report.
#[derive(Debug, Clone)]
enum Block {
    /// Lines, with tones.
    Lines(String),
    Heading(String),
    Table(Table),
    /// A command to be pasted.
    Command(String),
    /// A label and what belongs to it: text, or a command to be pasted.
    Field {
        label: String,
        value: String,
        command: bool,
    },
    /// A title and what stands below it, which a page folds in.
    Detail {
        title: String,
        body: Sheet,
    },
    /// What only a page has room for.
    OnPage(Sheet),
    /// Lines that a page has no use for.
    OffPage(String),
    /// A picture for pages, and the text that a terminal shows instead.
    Picture {
        svg: String,
        text: String,
    },
    /// Here the answer ends, and what it rests on begins.
    Rest,
}

/// Columns of a label.
const LABEL: usize = 12;

/// A report.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    blocks: Vec<Block>,
}

impl From<String> for Sheet {
    fn from(lines: String) -> Self {
        let mut out = Self::default();
        out.push_str(&lines);
        out
    }
}

impl Sheet {
    pub fn new() -> Self {
        Self::default()
    }

    /// Parts with a blank line between them; those without content are passed over.
    pub fn of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Self::default();
        for part in parts.into_iter().filter(|p| !p.is_empty()) {
            if !out.is_empty() {
                out.push_str("\n");
            }
            out.append(part);
        }
        out
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Lines, each with its line feed.
    pub fn push_str(&mut self, lines: &str) {
        match self.blocks.last_mut() {
            _ if lines.is_empty() => {}
            Some(Block::Lines(before)) => before.push_str(lines),
            _ => self.blocks.push(Block::Lines(lines.to_string())),
        }
    }

    pub fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading(text.to_string()));
    }

    pub fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    pub fn command(&mut self, command: &str) {
        self.blocks.push(Block::Command(command.to_string()));
    }

    pub fn field(&mut self, label: &str, value: &str) {
        self.blocks.push(Block::Field { label: label.to_string(), value: value.to_string(), command: false });
    }

    /// A field that is a command to be pasted.
    pub fn field_command(&mut self, label: &str, command: &str) {
        self.blocks.push(Block::Field { label: label.to_string(), value: command.to_string(), command: true });
    }

    pub fn detail(&mut self, title: &str, body: Self) {
        self.blocks.push(Block::Detail { title: title.to_string(), body });
    }

    pub fn on_page(&mut self, body: Self) {
        self.blocks.push(Block::OnPage(body));
    }

    pub fn off_page(&mut self, lines: &str) {
        self.blocks.push(Block::OffPage(lines.to_string()));
    }

    pub fn picture(&mut self, svg: String, text: String) {
        self.blocks.push(Block::Picture { svg, text });
    }

    /// The answer ends here: no more is shown where nothing else was asked for.
    pub fn rest(&mut self) {
        self.blocks.push(Block::Rest);
    }

    /// The answer alone; all of it where nothing says where it ends.
    pub fn answer(&self) -> Self {
        let end = self.blocks.iter().position(|b| matches!(b, Block::Rest)).unwrap_or(self.blocks.len());
        Self { blocks: self.blocks.iter().take(end).cloned().collect() }
    }

    pub fn append(&mut self, other: Self) {
        for block in other.blocks {
            match block {
                Block::Lines(lines) => self.push_str(&lines),
                block => self.blocks.push(block),
            }
        }
    }

    /// As text in so many columns, with its marks.
    pub fn marked(&self, room: Option<usize>, paint: Paint) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            match block {
                Block::Lines(lines) => out.push_str(&fit::lines(lines, room)),
                Block::Heading(text) => out.push_str(&(fit::lines(&paint.head(text), room) + "\n")),
                Block::Table(table) => out.push_str(&table.text(room, paint)),
                Block::Command(command) => out.push_str(&fit::lines(&text::command(command), room)),
                Block::Field { label, value, command } => {
                    let first = format!("  {label:<LABEL$}");
                    let others = " ".repeat(2 + LABEL);
                    out.push_str(&match (command, room) {
                        (true, _) => first + fit::command(value, room, &others).trim_start(),
                        (false, Some(room)) => fit::fold_line(value, room, &first, &others).join("\n"),
                        (false, None) => first + value,
                    });
                    out.push('\n');
                }
                Block::Detail { title, body } => {
                    out.push_str(&(fit::lines(title, room) + "\n"));
                    out.push_str(&body.marked(room, paint));
                }
                Block::OnPage(_) | Block::Rest => {}
                Block::OffPage(lines) => out.push_str(&fit::lines(lines, room)),
                // It is drawn for a width already; what stands around it is not.
                Block::Picture { text, .. } => out.push_str(&fit::lines(text, room)),
            }
        }
        out
    }

    /// As text for a terminal.
    pub fn text(&self, room: Option<usize>, colour: bool) -> String {
        let marked = self.marked(room, Paint { on: colour });
        if colour { tone::colours(&marked) } else { tone::plain(&marked) }
    }

    /// As the body of a page.
    pub fn html(&self) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            out.push_str(&match block {
                Block::Lines(lines) => html::part(&Part::Lines(lines)),
                Block::Heading(text) => html::part(&Part::Heading(text)),
                Block::Table(table) => html::part(&Part::Table(table)),
                Block::Command(command) => html::part(&Part::Command(command)),
                Block::Field { label, value, command } => html::part(&Part::Field { label, value, command: *command }),
                Block::Detail { title, body } => html::part(&Part::Detail { title, body: &body.html() }),
                Block::OnPage(body) => body.html(),
                Block::OffPage(_) | Block::Rest => String::new(),
                Block::Picture { svg, .. } => html::part(&Part::Picture(svg)),
            });
        }
        out
    }
}
