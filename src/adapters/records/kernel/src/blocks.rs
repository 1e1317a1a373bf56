//! Which blocks of a columnar file (row groups, record batches) a slice of it has: those that begin in it. Any cut of the file's bytes
//! into slices thus gives each block to one of them, and the order of the slices is the order of the rows.

use crate::scan::Stop;
use arrow_ipc::reader::read_footer_length;
use arrow_ipc::{RecordBatch, root_as_footer, root_as_message};
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of a file.
pub type Slice = Range<u64>;

/// Blocks that do not stand in the order of their bytes all belong to who has the file's beginning.
pub fn owned(starts: &[u64], slice: &Slice, size: u64) -> Range<usize> {
    let all = 0..starts.len();
    if !starts.is_sorted() {
        return if slice.start == 0 { all } else { 0..0 };
    }
    let edge = |at: u64| match at {
        0 => 0,
        _ if at >= size => starts.len(),
        _ => starts.partition_point(|&start| start < at),
    };
    edge(slice.start)..edge(slice.end)
}

/// Where the data of each row group begin. One without columns has no place: 0.
pub fn row_groups(footer: &ParquetMetaData) -> Vec<u64> {
    let starts = footer.row_groups().iter().map(|group| group.columns().iter().map(|column| column.data_page_offset()).min());
    starts.map(|start| u64::try_from(start.unwrap_or(0)).unwrap_or(0)).collect()
}

/// Refuses what a decoder would make room for before it looks whether it is there: room that cannot be had ends the process.
pub fn check(file: &File, size: u64, is_file: bool) -> Result<(), Stop> {
    if !is_file {
        let mut at = 0;
        while at < size
            && let Some(Message { end, .. }) = message(file, at, size)?
        {
            at = end;
        }
        return Ok(());
    }
    let bytes = footer_bytes(file, size)?;
    let footer = root_as_footer(&bytes).map_err(|error| undecodable(&error.to_string()))?;
    for block in footer.dictionaries().iter().flatten().chain(footer.recordBatches().iter().flatten()) {
        let [Ok(at), Ok(head), Ok(body)] = [block.offset(), i64::from(block.metaDataLength()), block.bodyLength()].map(u64::try_from) else {
            return Err(undecodable("a block of negative length"));
        };
        if at.saturating_add(head).saturating_add(body) > size {
            return Err(undecodable("a block longer than the file"));
        }
        message(file, at, size)?;
    }
    Ok(())
}

/// Where the record batches of an Arrow IPC file begin.
pub fn batches(file: &File, size: u64) -> Result<Vec<u64>, Stop> {
    let bytes = footer_bytes(file, size)?;
    let footer = root_as_footer(&bytes).map_err(|error| undecodable(&error.to_string()))?;
    Ok(footer.recordBatches().iter().flatten().map(|block| block.offset() as u64).collect())
}

fn footer_bytes(file: &File, size: u64) -> Result<Vec<u8>, Stop> {
    let mut tail = [0; 10];
    file.read_exact_at(&mut tail, size.saturating_sub(10))?;
    let length = read_footer_length(tail)?;
    let Some(at) = size.checked_sub(10 + length as u64) else { return Err(undecodable("its footer is cut off")) };
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// What of an Arrow IPC stream makes a stream of the record batches of a slice: the schema and all dictionaries before go along.
pub fn messages(file: &File, slice: &Slice, size: u64) -> Result<Vec<Slice>, Stop> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < slice.end.min(size)
        && let Some(Message { rows, end }) = message(file, at, size)?
    {
        if rows.is_none() || at >= slice.start {
            pieces.push(at..end);
        }
        at = end;
    }
    Ok(pieces)
}

/// The same from the batch on that has a row. @return how many rows of that batch stand before it.
pub fn messages_from_row(file: &File, size: u64, row: u64) -> Result<(Vec<Slice>, usize), Stop> {
    let mut pieces = Vec::new();
    let (mut at, mut before, mut skip) = (0, 0, None);
    while at < size
        && let Some(Message { rows, end }) = message(file, at, size)?
    {
        match rows {
            Some(rows) if skip.is_none() && before + rows <= row => before += rows,
            Some(_) => {
                skip.get_or_insert((row - before) as usize);
                pieces.push(at..end);
            }
            None => pieces.push(at..end),
        }
        at = end;
    }
    Ok((pieces, skip.unwrap_or(0)))
}

/// Which batch of an Arrow IPC file has a row, and how many rows of it stand before; the number of batches where none has it.
pub fn batch_of_row(file: &File, size: u64, row: u64) -> Result<(usize, usize), Stop> {
    let starts = batches(file, size)?;
    let mut before = 0;
    for (index, &start) in starts.iter().enumerate() {
        let rows = message(file, start, size)?.and_then(|message| message.rows).unwrap_or(0);
        if before + rows > row {
            return Ok((index, (row - before) as usize));
        }
        before += rows;
    }
    Ok((starts.len(), 0))
}

struct Message {
    /// Of a record batch.
    rows: Option<u64>,
    end: u64,
}

/// None where the stream ends.
fn message(file: &File, at: u64, size: u64) -> Result<Option<Message>, Stop> {
    let mut prefix = [0; 8];
    let there = 8.min(size.saturating_sub(at)) as usize;
    file.read_exact_at(&mut prefix[..there], at)?;
    let word = |from: usize| i32::from_le_bytes([prefix[from], prefix[from + 1], prefix[from + 2], prefix[from + 3]]);
    // Before version 0.15 there was no mark before the length.
    let (length, begin) = if word(0) == -1 { (word(4), at + 8) } else { (word(0), at + 4) };
    if length == 0 || there < 4 {
        return Ok(None);
    }
    let length = u64::try_from(length).map_err(|_| undecodable("a message of negative length"))?;
    let mut bytes = vec![0; length.min(size.saturating_sub(begin)) as usize];
    file.read_exact_at(&mut bytes, begin)?;
    let message = root_as_message(&bytes).map_err(|error| undecodable(&error.to_string()))?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| undecodable("a body of negative length"))?;
    let end = (begin + length).saturating_add(body);
    if end > size {
        return Err(undecodable("a message longer than the file"));
    }
    let batch = message.header_as_record_batch();
    if let Some(batch) = batch.or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data())) {
        check_batch(file, &batch, begin + length..end)?;
    }
    let rows = batch.map(|batch| u64::try_from(batch.length()).unwrap_or(0));
    Ok(Some(Message { rows, end }))
}

/// Zstandard makes of four bytes a block of 128 KiB at most.
const MOST_RATIO: u64 = 1 << 15;
/// Rows that take no bytes: columns that are null throughout.
const MOST_EMPTY_ROWS: u64 = 1 << 27;

fn check_batch(file: &File, batch: &RecordBatch, body: Slice) -> Result<(), Stop> {
    let bytes = body.end - body.start;
    if u64::try_from(batch.length()).is_ok_and(|rows| rows > MOST_EMPTY_ROWS + bytes.saturating_mul(MOST_RATIO)) {
        return Err(undecodable("more rows than its bytes can hold"));
    }
    if batch.compression().is_none() {
        return Ok(());
    }
    for buffer in batch.buffers().iter().flatten() {
        let [Ok(at), Ok(packed)] = [buffer.offset(), buffer.length()].map(u64::try_from) else { continue };
        // Without as much it is empty, or beyond the body, which the decoder refuses.
        if packed < 8 || at.saturating_add(packed) > bytes {
            continue;
        }
        let mut length = [0; 8];
        file.read_exact_at(&mut length, body.start + at)?;
        let most = packed.saturating_mul(MOST_RATIO);
        if u64::try_from(i64::from_le_bytes(length)).is_ok_and(|unpacked| unpacked > most) {
            return Err(undecodable("a buffer that no compression made so small"));
        }
    }
    Ok(())
}

fn undecodable(why: &str) -> Stop {
    Stop::Unsupported(format!("it does not decode: {why}"))
}

/// Reads pieces of a file as one.
pub struct Pieces {
    file: File,
    rest: std::vec::IntoIter<Slice>,
    now: Slice,
}

impl Pieces {
    pub fn new(file: File, pieces: Vec<Slice>) -> Self {
        Pieces { file, rest: pieces.into_iter(), now: 0..0 }
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.rest.next() {
                Some(next) => self.now = next,
                None => return Ok(0),
            }
        }
        let most = into.len().min(usize::try_from(self.now.end - self.now.start).unwrap_or(usize::MAX));
        let count = self.file.read_at(&mut into[..most], self.now.start)?;
        self.now.start += count as u64;
        Ok(count)
    }
}
