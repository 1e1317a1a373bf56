//! Files of lines, a segment at a time: the lines that begin in it.

use crate::fast;
use crate::scan::{Found, MAX_RECORD, Reader, Stop};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// What is read stays in a core's cache while it is checked, encoded and hashed.
pub const SEGMENT: usize = 128 << 10;

/// One thread's reader of segments.
pub struct Segments {
    pub reader: Reader,
    buffer: Vec<u8>,
}

impl Segments {
    pub fn new(reader: Reader) -> Self {
        Segments { reader, buffer: Vec::new() }
    }

    pub fn read(&mut self, file: &File, size: u64, index: u64, found: &mut Found, with_offsets: bool) -> Result<(), Stop> {
        let (base, from, to) = segment(file, size, index, &mut self.buffer)?;
        self.reader.read(&mut self.buffer, from, to, base, found, with_offsets)
    }
}

/// The whole lines that begin in segment `index`: [from, to) is theirs, padding fits behind, `base` is the buffer's offset.
fn segment(file: &File, size: u64, index: u64, buffer: &mut Vec<u8>) -> Result<(u64, usize, usize), Stop> {
    let start = (index * SEGMENT as u64).saturating_sub(u64::from(index > 0));
    let end = ((index + 1) * SEGMENT as u64).min(size);
    let need = (end - start) as usize;
    let mut extra = 4096;
    loop {
        let length = (need + extra).min((size - start) as usize);
        // Grown once: what is there of the last segment is written over.
        if buffer.len() < length + fast::PADDING {
            buffer.resize(length + fast::PADDING, 0);
        }
        file.read_exact_at(&mut buffer[..length], start)?;
        let from = match index {
            0 => 0,
            _ => match memchr::memchr(b'\n', &buffer[..need]) {
                Some(at) => at + 1,
                None => return Ok((start, 0, 0)),
            },
        };
        if end == size {
            return bounded(buffer, (start, from, length), need);
        }
        if from > need - 1 {
            return Ok((start, 0, 0));
        }
        match memchr::memchr(b'\n', &buffer[need - 1..length]) {
            Some(at) => return bounded(buffer, (start, from, need + at), need),
            None if start + length as u64 == size => return bounded(buffer, (start, from, length), need),
            None if extra > MAX_RECORD => return Err(Stop::Unsupported("a record longer than 67108864 bytes".into())),
            None => extra *= 4,
        }
    }
}

/// Refuses a line that is too long: only the last one of a segment can be, which begins at or before `need`.
fn bounded(buffer: &[u8], (base, from, to): (u64, usize, usize), need: usize) -> Result<(u64, usize, usize), Stop> {
    if to - from > MAX_RECORD {
        let begin = memchr::memrchr(b'\n', &buffer[from..need - 1]).map_or(from, |at| from + at + 1);
        if to - begin > MAX_RECORD {
            return Err(Stop::Unsupported("a record longer than 67108864 bytes".into()));
        }
    }
    Ok((base, from, to))
}
