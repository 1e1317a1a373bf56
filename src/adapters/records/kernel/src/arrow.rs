//! Parquet and Arrow IPC, decoded by arrow-rs, by logical type alone; `cells` encodes what they hold.

use crate::blocks::{self, Pieces, Slice};
use crate::cells::Struct;
use crate::columns::Columns;
use crate::encode::NULL;
use crate::hashing::Hashing;
use crate::scan::{Found, Stop};
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;

const ROWS: usize = 2048;
const MAX_DEPTH: usize = 64;

/// One thread's reader of record batches.
pub struct Reader {
    hashing: Hashing,
    as_text: bool,
    arena: Vec<u8>,
    ends: Vec<u32>,
    pub columns: Columns,
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Stop::Unsupported(format!("it does not decode: {error}"))
    }
}

impl From<parquet::errors::ParquetError> for Stop {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Stop::Unsupported(format!("it does not decode: {error}"))
    }
}

/// The footer of a Parquet file. @return which row groups the slice has, to read by; without one all.
pub fn parquet_footer(file: &File, slice: Option<&Slice>) -> Result<(ArrowReaderMetadata, Range<usize>), Stop> {
    let footer = ArrowReaderMetadata::load(file, Default::default())?;
    check_schema(footer.schema())?;
    let size = file.metadata()?.len();
    let starts = blocks::row_groups(footer.metadata());
    let groups = blocks::owned(&starts, slice.unwrap_or(&(0..size)), size);
    Ok((footer, groups))
}

impl Reader {
    pub fn new(hashing: Hashing, as_text: bool) -> Self {
        Reader { hashing, as_text, arena: Vec::new(), ends: Vec::new(), columns: Columns::default() }
    }

    pub fn row_group(&mut self, file: File, footer: &ArrowReaderMetadata, group: usize, found: &mut Found) -> Result<(), Stop> {
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone()).with_row_groups(vec![group]).with_batch_size(ROWS).build()?;
        for batch in rows {
            self.batch(&batch?, found)?;
        }
        Ok(())
    }

    /// An Arrow IPC file (Feather version 2 is one) or stream, or the record batches of a slice of it.
    pub fn ipc(&mut self, file: File, slice: Option<&Slice>, mut take: impl FnMut(&mut Found) -> Result<(), Stop>) -> Result<(), Stop> {
        let size = file.metadata()?.len();
        let is_file = is_ipc_file(&file)?;
        blocks::check(&file, size, is_file)?;
        if is_file {
            let owned = slice.map(|slice| Ok::<_, Stop>(blocks::owned(&blocks::batches(&file, size)?, slice, size))).transpose()?;
            let mut reader = FileReader::try_new_buffered(file, None)?;
            check_schema(&reader.schema())?;
            let Range { start, end } = owned.unwrap_or(0..reader.num_batches());
            if start < end {
                reader.set_index(start)?;
            }
            self.all(&reader.schema(), reader.take(end - start), &mut take)
        } else if let Some(slice) = slice {
            let reader = StreamReader::try_new_buffered(Pieces::new(file.try_clone()?, blocks::messages(&file, slice, size)?), None)?;
            self.stream(reader, &mut take)
        } else {
            self.stream(StreamReader::try_new_buffered(file, None)?, &mut take)
        }
    }

    fn stream(&mut self, reader: StreamReader<impl Read>, take: &mut impl FnMut(&mut Found) -> Result<(), Stop>) -> Result<(), Stop> {
        check_schema(&reader.schema())?;
        self.all(&reader.schema(), reader, take)
    }

    fn all(
        &mut self,
        schema: &Schema,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        take: &mut impl FnMut(&mut Found) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.see_schema(schema);
        let mut found = Found::default();
        for batch in batches {
            let batch = batch?;
            for start in (0..batch.num_rows()).step_by(ROWS) {
                self.batch(&batch.slice(start, ROWS.min(batch.num_rows() - start)), &mut found)?;
                take(&mut found)?;
                found.hashes.clear();
            }
        }
        Ok(())
    }

    /// Names are noted even where every value is null.
    pub fn see_schema(&mut self, schema: &Schema) {
        for field in schema.fields() {
            self.columns.see(field.name().as_bytes(), NULL);
        }
    }

    fn batch(&mut self, batch: &RecordBatch, found: &mut Found) -> Result<(), Stop> {
        let schema = batch.schema();
        self.see_schema(&schema);
        self.arena.clear();
        self.ends.clear();
        let mut record = Struct::new(batch.columns(), schema.fields(), self.as_text)?;
        for row in 0..batch.num_rows() {
            record.encode(row, &mut self.arena)?;
            self.ends.push(self.arena.len() as u32);
        }
        for (name, bits) in record.kinds() {
            self.columns.add(name, bits);
        }
        self.hashing.hash(&self.arena, &self.ends, &mut found.hashes);
        Ok(())
    }
}

/// By its first bytes; else it is a stream.
pub fn is_ipc_file(file: &File) -> Result<bool, Stop> {
    let mut magic = [0; 6];
    let count = file.read_at(&mut magic, 0)?;
    Ok(&magic[..count] == b"ARROW1")
}

pub fn check_schema(schema: &Schema) -> Result<(), Stop> {
    check_fields(schema.fields().iter().map(AsRef::as_ref))?;
    schema.fields().iter().try_for_each(|field| check_type(field.data_type(), field, 0))
}

fn check_fields<'a>(fields: impl Iterator<Item = &'a Field>) -> Result<(), Stop> {
    let mut names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Stop::Unsupported(format!("two columns are called {}", pair[0]))),
        None => Ok(()),
    }
}

/// Types that have a place in version 1; the others are refused before a row is read.
fn check_type(of: &DataType, field: &Field, depth: usize) -> Result<(), Stop> {
    let unsupported = || Err(Stop::Unsupported(format!("column {} is {of}, which version 1 does not read", field.name())));
    if depth > MAX_DEPTH {
        return unsupported();
    }
    if let Some(extension) = field.metadata().get("ARROW:extension:name")
        && !matches!(extension.as_str(), "arrow.uuid" | "arrow.json")
    {
        return Err(Stop::Unsupported(format!("column {} is the extension type {extension}", field.name())));
    }
    match of {
        DataType::Union(..) | DataType::Interval(_) | DataType::Float16 | DataType::RunEndEncoded(..) => unsupported(),
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) | DataType::ListView(inner) | DataType::LargeListView(inner) => {
            check_type(inner.data_type(), inner, depth + 1)
        }
        DataType::Struct(fields) => {
            check_fields(fields.iter().map(AsRef::as_ref))?;
            fields.iter().try_for_each(|inner| check_type(inner.data_type(), inner, depth + 1))
        }
        DataType::Map(entries, _) => check_type(entries.data_type(), entries, depth + 1),
        DataType::Dictionary(_, inner) => check_type(inner, field, depth + 1),
        _ => Ok(()),
    }
}
