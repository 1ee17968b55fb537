//! Tables that fit: columns of a kind each, laid out for a width. Numbers are never torn or shortened; names lose their
//! middle, prose is folded at words, columns that matter least go first, and what still does not fit is written as a
//! list of fields. What is left out is said.

use super::fit::{self, width as columns_of};
use super::tone::{Paint, plain};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table as Drawing, Width};

/// How a column behaves where room is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To the right, never folded.
    Number,
    /// To the left, never folded: LSNs with their times, addresses, codes.
    Whole,
    /// Its middle may go.
    Name,
    /// Folded at words.
    Prose,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    title: String,
    kind: Kind,
    /// Columns with the greatest number go first; those with none stay.
    goes: Option<u8>,
}

impl Column {
    fn new(title: &str, kind: Kind) -> Self {
        Self { title: title.to_string(), kind, goes: None }
    }

    /// It may be left out: the higher, the earlier.
    #[must_use]
    pub fn goes(mut self, order: u8) -> Self {
        self.goes = Some(order);
        self
    }
}

pub fn number(title: &str) -> Column {
    Column::new(title, Kind::Number)
}

pub fn whole(title: &str) -> Column {
    Column::new(title, Kind::Whole)
}

pub fn name(title: &str) -> Column {
    Column::new(title, Kind::Name)
}

pub fn prose(title: &str) -> Column {
    Column::new(title, Kind::Prose)
}

/// A table: what stands in it, not how it is laid out.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// The least that a name keeps, and what it has before columns go.
const NAME: (usize, usize) = (14, 22);
/// Words up to this long are not cut.
const WORD: usize = 20;
/// The same for prose.
const PROSE: (usize, usize) = (12, 24);

impl Table {
    /// A table of these columns; cells that a row does not have are empty.
    pub fn new(columns: impl IntoIterator<Item = Column>, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let columns: Vec<Column> = columns.into_iter().collect();
        let row = |mut row: Vec<String>| {
            row.resize(columns.len(), String::new());
            row
        };
        let rows = rows.into_iter().map(row).collect();
        Self { columns, rows }
    }

    pub fn columns(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.columns.iter().map(|c| (c.title.as_str(), c.kind))
    }

    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// On a screen of so many columns; without one nothing is folded.
    pub fn text(&self, room: Option<usize>, paint: Paint) -> String {
        let Some(room) = room else {
            let all: Vec<usize> = (0..self.columns.len()).collect();
            let widths: Vec<usize> = all.iter().map(|&at| self.natural(at)).collect();
            return self.draw(&all, &widths);
        };
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        loop {
            if let Some(widths) = self.widths(&kept, room, true) {
                return self.draw(&kept, &widths) + &self.left_out(&kept, room, paint);
            }
            let goes = |&at: &usize| self.columns.get(at).and_then(|c| c.goes);
            let Some(least) = kept.iter().filter_map(|at| goes(at).map(|g| (g, *at))).max() else { break };
            kept.retain(|at| *at != least.1);
        }
        match self.widths(&kept, room, false) {
            Some(widths) => self.draw(&kept, &widths) + &self.left_out(&kept, room, paint),
            // As fields every column has room.
            None => self.fields(room, paint),
        }
    }

    fn left_out(&self, kept: &[usize], room: usize, paint: Paint) -> String {
        let gone = self.columns.iter().enumerate().filter(|(at, _)| !kept.contains(at));
        let gone: Vec<&str> = gone.map(|(_, c)| c.title.as_str()).filter(|t| !t.is_empty()).collect();
        if gone.is_empty() {
            return String::new();
        }
        let line = format!("Left out for want of room: {}.", gone.join(", "));
        fit::lines(&paint.faint(&line), Some(room)) + "\n"
    }

    fn cells(&self, at: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(at)).map(String::as_str)
    }

    /// What a column takes if nothing is folded.
    fn natural(&self, at: usize) -> usize {
        let title = self.columns.get(at).map_or(0, |c| columns_of(&c.title));
        self.cells(at).map(fit::widest).max().unwrap_or(0).max(title)
    }

    /// What a column takes at least: its titles may be folded at words, its cells as their kind allows.
    fn least(&self, at: usize, easy: bool) -> usize {
        let Some(column) = self.columns.get(at) else { return 0 };
        let title = column.title.split(' ').map(columns_of).max().unwrap_or(0);
        let pick = |(least, fair): (usize, usize)| if easy { fair } else { least };
        let cells = self.cells(at).map(fit::widest).max().unwrap_or(0);
        let torn = || self.cells(at).map(|c| fit::longest_whole(&plain(c))).max().unwrap_or(0);
        title.max(match column.kind {
            Kind::Number | Kind::Whole => cells,
            Kind::Name => cells.min(pick(NAME)).max(torn()),
            Kind::Prose => {
                let word = self.cells(at).map(fit::longest_word).max().unwrap_or(0).min(WORD);
                cells.min(pick(PROSE)).max(word).max(torn())
            }
        })
    }

    /// Widths of columns that come to at most so many with their frame: each its least, and the rest shared so that
    /// rows have few lines.
    fn widths(&self, kept: &[usize], room: usize, easy: bool) -> Option<Vec<usize>> {
        let frame = 3 * kept.len() + 1;
        let room = room.checked_sub(frame)?;
        let natural: Vec<usize> = kept.iter().map(|&at| self.natural(at)).collect();
        let mut widths: Vec<usize> = kept.iter().map(|&at| self.least(at, easy)).collect();
        let mut left = room.checked_sub(widths.iter().sum())?;
        while left > 0 {
            // The one grows that would have most lines.
            let wants = widths.iter().zip(&natural).enumerate().filter(|(_, (w, n))| w < n);
            let Some((at, _)) = wants.max_by_key(|(_, (w, n))| **n * 1000 / (**w).max(1)) else { break };
            if let Some(w) = widths.get_mut(at) {
                *w += 1;
            }
            left -= 1;
        }
        Some(widths)
    }

    /// The cells of a column for its width.
    fn laid(&self, at: usize, room: usize) -> Vec<String> {
        let Some(column) = self.columns.get(at) else { return Vec::new() };
        let folded = |text: &str| -> String {
            let lines = text.split('\n').map(|line| match columns_of(line) <= room {
                true => line.to_string(),
                false => folded(line, room),
            });
            super::tone::by_line(&lines.collect::<Vec<_>>().join("\n"))
        };
        match column.kind {
            Kind::Number | Kind::Whole => self.cells(at).map(str::to_string).collect(),
            Kind::Prose => self.cells(at).map(folded).collect(),
            Kind::Name => {
                let names: Vec<&str> = self.cells(at).collect();
                // Marks must stay whole, and names that would look the same stand there whole.
                let short = fit::shorten(&names, room).filter(|_| names.iter().all(|n| plain(n) == **n));
                short.unwrap_or_else(|| names.into_iter().map(folded).collect())
            }
        }
    }

    fn draw(&self, kept: &[usize], widths: &[usize]) -> String {
        let mut drawing = Drawing::new();
        drawing.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        drawing.set_content_arrangement(ContentArrangement::Dynamic);
        // All is folded already: the library frames it.
        drawing.set_width(u16::MAX);
        let laid: Vec<Vec<String>> = kept.iter().zip(widths).map(|(&at, &w)| self.laid(at, w)).collect();
        let titles = kept.iter().zip(widths).filter_map(|(&at, &w)| self.columns.get(at).map(|c| folded(&c.title, w)));
        drawing.set_header(titles.collect::<Vec<_>>());
        for row in 0..self.rows.len() {
            let cells = laid.iter().map(|column| column.get(row).cloned().unwrap_or_default());
            drawing.add_row(cells.collect::<Vec<_>>());
        }
        for (at, (column, w)) in kept.iter().zip(widths).enumerate() {
            let Some(drawn) = drawing.column_mut(at) else { continue };
            let kind = self.columns.get(*column).map(|c| c.kind);
            if kind == Some(Kind::Number) {
                drawn.set_cell_alignment(CellAlignment::Right);
            }
            let exact = u16::try_from(w + 2).unwrap_or(u16::MAX);
            drawn.set_constraint(ColumnConstraint::Absolute(Width::Fixed(exact)));
        }
        format!("{drawing}\n")
    }

    /// A field a line, a blank line between rows.
    fn fields(&self, room: usize, paint: Paint) -> String {
        let title = self.columns.iter().map(|c| columns_of(&c.title)).max().unwrap_or(0);
        let mut out = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            for (column, cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                let pad = " ".repeat(title - columns_of(&column.title));
                let first = format!("  {}{pad}  ", paint.faint(&column.title));
                // Under a narrow screen a value stands below its title.
                let hanging = if title + 4 + fit::NARROWEST > room { 6 } else { title + 4 };
                let others = " ".repeat(hanging);
                for (n, line) in cell.split('\n').enumerate() {
                    let first = if n == 0 { &first } else { &others };
                    for line in fit::fold_line(line, room, first, &others) {
                        out.push_str(&line);
                        out.push('\n');
                    }
                }
            }
        }
        super::tone::by_line(&out)
    }
}

/// Prose in a cell.
fn folded(line: &str, room: usize) -> String {
    fit::fold_cell(line, room).join("\n")
}
