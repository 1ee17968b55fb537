//! Rows into a Parquet file, column by column, through the low-level writer of arrow-rs's `parquet`: the
//! rows come as plain values, so Arrow's arrays would only be a detour.

use super::table::{Column, Kind, Put, Record, Text};
use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Rows of a row group: what is held in memory for each file that is being written.
const ROWS_PER_GROUP: usize = 1 << 16;

/// Values of a column, and which rows have one.
struct Values<T> {
    values: Vec<T>,
    /// 1 where there is a value; only for columns that may be null.
    defined: Vec<i16>,
    optional: bool,
}

impl<T> Values<T> {
    fn new(optional: bool) -> Self {
        Self { values: Vec::new(), defined: Vec::new(), optional }
    }

    #[inline]
    fn push(&mut self, value: Option<T>) {
        if self.optional {
            self.defined.push(i16::from(value.is_some()));
        }
        self.values.extend(value);
    }
}

enum Buffer {
    Number(Values<i64>),
    Flag(Values<bool>),
    Text(Texts),
}

struct Texts {
    values: Values<ByteArray>,
    /// The last text that is part of the program: it is known again by where it lies.
    last: Option<(&'static str, ByteArray)>,
}

impl Texts {
    #[inline]
    fn push(&mut self, text: Option<&Text>) {
        self.values.push(match text {
            None => None,
            Some(Text::Owned(text)) => Some(ByteArray::from(text.as_bytes().to_vec())),
            Some(Text::Borrowed(text)) => Some(match &self.last {
                Some((last, bytes)) if std::ptr::eq(*last, *text) => bytes.clone(),
                _ => {
                    let bytes = ByteArray::from(text.as_bytes().to_vec());
                    self.last = Some((text, bytes.clone()));
                    bytes
                }
            }),
        });
    }
}

/// The rows of the row group at hand.
struct Buffers(Vec<Buffer>);

impl Put for Buffers {
    #[inline]
    fn number(&mut self, column: usize, value: Option<u64>) {
        if let Some(Buffer::Number(b)) = self.0.get_mut(column) {
            b.push(value.map(u64::cast_signed));
        }
    }

    #[inline]
    fn flag(&mut self, column: usize, value: Option<bool>) {
        if let Some(Buffer::Flag(b)) = self.0.get_mut(column) {
            b.push(value);
        }
    }

    #[inline]
    fn text(&mut self, column: usize, value: Option<&Text>) {
        if let Some(Buffer::Text(b)) = self.0.get_mut(column) {
            b.push(value);
        }
    }
}

/// A Parquet file in the making.
pub(super) struct Writer {
    file: SerializedFileWriter<File>,
    buffers: Buffers,
    rows: usize,
}

fn failed(e: ParquetError) -> io::Error {
    match e {
        ParquetError::External(e) => match e.downcast::<io::Error>() {
            Ok(e) => *e,
            Err(e) => io::Error::other(e),
        },
        e => io::Error::other(e),
    }
}

impl Writer {
    /// Begin a file.
    pub(super) fn new(file: File, table: &str, columns: &'static [Column]) -> io::Result<Self> {
        let schema = schema(table, columns).map_err(failed)?;
        let mut properties = WriterProperties::builder()
            .set_created_by(format!("wtcheck {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for column in columns.iter().filter(|c| c.kind == Kind::Number) {
            // Ids and LSNs mostly ascend: their differences are small.
            let path = ColumnPath::from(column.name);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).map_err(failed)?;
        let buffers = columns.iter().map(|c| match c.kind {
            Kind::Number => Buffer::Number(Values::new(c.optional)),
            Kind::Flag => Buffer::Flag(Values::new(c.optional)),
            Kind::Text => Buffer::Text(Texts { values: Values::new(c.optional), last: None }),
        });
        Ok(Self { file, buffers: Buffers(buffers.collect()), rows: 0 })
    }

    /// Add a row.
    pub(super) fn push<R: Record>(&mut self, row: &R) -> io::Result<()> {
        row.values(&mut self.buffers);
        self.rows += 1;
        if self.rows >= ROWS_PER_GROUP {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let mut group = self.file.next_row_group().map_err(failed)?;
        for buffer in &mut self.buffers.0 {
            match buffer {
                Buffer::Number(b) => write::<Int64Type>(&mut group, b)?,
                Buffer::Flag(b) => write::<BoolType>(&mut group, b)?,
                Buffer::Text(b) => write::<ByteArrayType>(&mut group, &mut b.values)?,
            }
        }
        group.close().map_err(failed)?;
        Ok(())
    }

    /// Write what is left; answers the file.
    pub(super) fn finish(mut self) -> io::Result<File> {
        self.flush()?;
        self.file.into_inner().map_err(failed)
    }
}

fn write<T: DataType>(group: &mut SerializedRowGroupWriter<'_, File>, buffer: &mut Values<T::T>) -> io::Result<()> {
    let Some(mut column) = group.next_column().map_err(failed)? else {
        return Err(io::Error::other("the schema has fewer columns than the rows"));
    };
    let defined = buffer.optional.then_some(buffer.defined.as_slice());
    column.typed::<T>().write_batch(&buffer.values, defined, None).map_err(failed)?;
    column.close().map_err(failed)?;
    buffer.values.clear();
    buffer.defined.clear();
    Ok(())
}

fn schema(table: &str, columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let field = |column: &Column| {
        let physical = match column.kind {
            Kind::Number => Physical::INT64,
            Kind::Flag => Physical::BOOLEAN,
            Kind::Text => Physical::BYTE_ARRAY,
        };
        let repetition = if column.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let field = Type::primitive_type_builder(column.name, physical).with_repetition(repetition);
        let field = match column.kind {
            Kind::Text => field.with_converted_type(ConvertedType::UTF8).with_logical_type(Some(LogicalType::String)),
            _ => field,
        };
        field.build().map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder(table).with_fields(fields).build()?))
}
