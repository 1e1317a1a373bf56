//! Rows of a columnar file, encoded, from any row on: what a comparison shows and what is read again.

use crate::arrow;
use crate::blocks::{self, Pieces};
use crate::cells::Struct;
use crate::run::guarded;
use crate::scan::Stop;
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::ArrowError;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;

/// Rows are taken until so many bytes are there.
const ENOUGH: usize = 16 << 20;
const ROWS: usize = 256;

pub struct Wanted {
    pub path: String,
    pub is_parquet: bool,
    pub as_text: bool,
    pub from: u64,
    pub count: usize,
}

/// Fewer than wanted where they are large; none at the end.
pub fn read(wanted: &Wanted) -> Result<Vec<Vec<u8>>, Stop> {
    let file = File::open(&wanted.path)?;
    guarded(|| if wanted.is_parquet { parquet(file, wanted) } else { ipc(file, wanted) })
}

fn parquet(file: File, wanted: &Wanted) -> Result<Vec<Vec<u8>>, Stop> {
    let (footer, groups) = arrow::parquet_footer(&file, None)?;
    let mut before = 0;
    let of = |group: usize| footer.metadata().row_group(group).num_rows() as u64;
    let Some(first) = groups.clone().find(|&group| {
        let is_here = before + of(group) > wanted.from;
        before += if is_here { 0 } else { of(group) };
        is_here
    }) else {
        return Ok(Vec::new());
    };
    let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone())
        .with_row_groups((first..groups.end).collect())
        .with_offset((wanted.from - before) as usize)
        .with_limit(wanted.count)
        .with_batch_size(ROWS)
        .build()?;
    take(rows, 0, wanted)
}

fn ipc(file: File, wanted: &Wanted) -> Result<Vec<Vec<u8>>, Stop> {
    let size = file.metadata()?.len();
    let is_file = arrow::is_ipc_file(&file)?;
    blocks::check(&file, size, is_file)?;
    if is_file {
        let (first, skip) = blocks::batch_of_row(&file, size, wanted.from)?;
        let mut reader = FileReader::try_new_buffered(file, None)?;
        arrow::check_schema(&reader.schema())?;
        if first >= reader.num_batches() {
            return Ok(Vec::new());
        }
        reader.set_index(first)?;
        take(reader, skip, wanted)
    } else {
        let (pieces, skip) = blocks::messages_from_row(&file, size, wanted.from)?;
        let reader = StreamReader::try_new_buffered(Pieces::new(file, pieces), None)?;
        arrow::check_schema(&reader.schema())?;
        take(reader, skip, wanted)
    }
}

fn take(batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>, mut skip: usize, wanted: &Wanted) -> Result<Vec<Vec<u8>>, Stop> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for batch in batches {
        let batch = batch?;
        let schema = batch.schema();
        let mut record = Struct::new(batch.columns(), schema.fields(), wanted.as_text)?;
        for row in skip..batch.num_rows() {
            if rows.len() == wanted.count || bytes > ENOUGH {
                return Ok(rows);
            }
            let mut encoding = Vec::new();
            record.encode(row, &mut encoding)?;
            bytes += encoding.len();
            rows.push(encoding);
        }
        skip = skip.saturating_sub(batch.num_rows());
    }
    Ok(rows)
}
