//! One file of an export: rows of one table, as Parquet or as JSON lines.

use super::table::{Column, Put, Record, Text};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::marker::PhantomData;
use std::path::Path;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Apache Parquet; builds without the feature `parquet` cannot write it.
    Parquet,
    /// JSON, an object a line.
    Jsonl,
}

impl Encoding {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
        }
    }
}

/// What a finished part holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub rows: u64,
    pub bytes: u64,
}

/// A file in the making.
pub struct Part<R> {
    sink: Sink,
    rows: u64,
    record: PhantomData<fn(&R)>,
}

enum Sink {
    #[cfg(feature = "parquet")]
    Parquet(super::parquet::Writer),
    Jsonl(BufWriter<File>),
}

impl<R: Record> Part<R> {
    /// Make a file that is not there yet.
    pub fn create(path: &Path, encoding: Encoding) -> io::Result<Self> {
        let file = File::create_new(path)?;
        let sink = match encoding {
            #[cfg(feature = "parquet")]
            Encoding::Parquet => Sink::Parquet(super::parquet::Writer::new(file, R::TABLE, R::COLUMNS)?),
            #[cfg(not(feature = "parquet"))]
            Encoding::Parquet => return Err(io::ErrorKind::Unsupported.into()),
            Encoding::Jsonl => Sink::Jsonl(BufWriter::with_capacity(1 << 16, file)),
        };
        Ok(Self { sink, rows: 0, record: PhantomData })
    }

    /// Add a row.
    pub fn push(&mut self, row: &R) -> io::Result<()> {
        self.rows = self.rows.saturating_add(1);
        match &mut self.sink {
            #[cfg(feature = "parquet")]
            Sink::Parquet(writer) => writer.push(row),
            Sink::Jsonl(out) => json(row, out),
        }
    }

    /// Write what is left, and make sure that it is on the disk.
    pub fn finish(self) -> io::Result<Written> {
        let file = match self.sink {
            #[cfg(feature = "parquet")]
            Sink::Parquet(writer) => writer.finish()?,
            Sink::Jsonl(out) => out.into_inner().map_err(io::IntoInnerError::into_error)?,
        };
        file.sync_all()?;
        Ok(Written { rows: self.rows, bytes: file.metadata()?.len() })
    }
}

/// A row as a line. Nulls are written too: each line has every column.
fn json<R: Record>(row: &R, out: &mut impl Write) -> io::Result<()> {
    let mut line = Line { out, columns: R::COLUMNS, result: Ok(()) };
    row.values(&mut line);
    line.result?;
    out.write_all(b"}\n")
}

struct Line<'l, W> {
    out: &'l mut W,
    columns: &'static [Column],
    result: io::Result<()>,
}

impl<W: Write> Line<'_, W> {
    fn put(&mut self, column: usize, value: impl FnOnce(&mut W) -> io::Result<()>) {
        let Some(name) = self.columns.get(column).map(|c| c.name) else { return };
        if self.result.is_ok() {
            let start = if column == 0 { '{' } else { ',' };
            self.result = write!(self.out, "{start}\"{name}\":").and_then(|()| value(self.out));
        }
    }
}

impl<W: Write> Put for Line<'_, W> {
    fn number(&mut self, column: usize, value: Option<u64>) {
        self.put(column, |out| match value {
            Some(n) => write!(out, "{}", n.cast_signed()),
            None => out.write_all(b"null"),
        });
    }

    fn flag(&mut self, column: usize, value: Option<bool>) {
        self.put(column, |out| match value {
            Some(f) => write!(out, "{f}"),
            None => out.write_all(b"null"),
        });
    }

    fn text(&mut self, column: usize, value: Option<&Text>) {
        self.put(column, |out| serde_json::to_writer(out, &value).map_err(io::Error::from));
    }
}
