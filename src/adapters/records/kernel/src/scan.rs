//! Lines in memory → hashes of their records.

use crate::columns::Columns;
use crate::encode::*;
use crate::fast::{self, Fast};
use crate::hashing::Hashing;
use crate::json::{Json, Shape};
use crate::lanes::Hash;
use std::io;

/// Longer records are not read: see RECORD_BYTES in `problem.ts`.
pub const MAX_RECORD: usize = 64 << 20;

/// What a stretch of a file came to.
#[derive(Default)]
pub struct Found {
    pub hashes: Vec<Hash>,
    /// Where each record begins in the file.
    pub offsets: Vec<u64>,
}

pub enum Stop {
    Io(io::Error),
    /// A record that is refused, by where it begins in the file.
    Record(u64),
    /// What version 1 does not read.
    Unsupported(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Lines {
    Text,
    Json { as_text: bool },
}

/// One thread's reader of lines.
pub struct Reader {
    lines: Lines,
    hashing: Hashing,
    arena: Vec<u8>,
    ends: Vec<u32>,
    shape: Shape,
    fast: Fast,
    has_fast: bool,
    /// Of the fast way's shape.
    names: Vec<Vec<u8>>,
    pub columns: Columns,
}

impl Reader {
    pub fn new(lines: Lines, hashing: Hashing) -> Self {
        let has_fast = fast::is_there() && lines == Lines::Json { as_text: false };
        Reader {
            lines,
            hashing,
            arena: Vec::new(),
            ends: Vec::new(),
            shape: Shape::default(),
            fast: Fast::default(),
            has_fast,
            names: Vec::new(),
            columns: Columns::default(),
        }
    }

    /// The lines in `buffer[from..to]`, behind which there is room for padding; its first byte is at `base` in the file.
    pub fn read(&mut self, buffer: &mut [u8], from: usize, to: usize, base: u64, found: &mut Found, with_offsets: bool) -> Result<(), Stop> {
        buffer[to..to + fast::PADDING].fill(0);
        let bom = usize::from(base == 0 && from == 0 && buffer[..to].starts_with(b"\xef\xbb\xbf")) * 3;
        self.arena.clear();
        self.ends.clear();
        self.take(buffer, from + bom, to, base, with_offsets.then_some(&mut found.offsets))?;
        self.hashing.hash(&self.arena, &self.ends, &mut found.hashes);
        Ok(())
    }

    /// Encodes the lines of `buffer[from..to]`, which ends with padding.
    fn take(&mut self, buffer: &[u8], from: usize, to: usize, base: u64, mut offsets: Option<&mut Vec<u64>>) -> Result<(), Stop> {
        let bytes = &buffer[..to + fast::PADDING];
        if simdutf8::basic::from_utf8(&bytes[from..to]).is_err() {
            return Err(Stop::Record(base + bad_line(bytes, from, to) as u64));
        }
        if self.lines == Lines::Text {
            self.text(bytes, from, to, base, offsets);
            return Ok(());
        }
        let Lines::Json { as_text } = self.lines else { return Ok(()) };
        let mut json = Json::new(bytes, from, as_text);
        while json.at < to {
            let start = json.at;
            json.space();
            if json.at < to && bytes[json.at] != b'\n' {
                self.record(&mut json, base)?;
                json.space();
                self.ends.push(self.arena.len() as u32);
                if let Some(offsets) = &mut offsets {
                    offsets.push(base + start as u64);
                }
                if json.at < to && bytes[json.at] != b'\n' {
                    return Err(Stop::Record(base + start as u64));
                }
            }
            json.at += 1;
        }
        Ok(())
    }

    #[inline]
    fn record(&mut self, json: &mut Json, base: u64) -> Result<(), Stop> {
        let start = json.at;
        // SAFETY: the features were detected; `bytes` is valid UTF-8 and padded.
        if self.has_fast && unsafe { self.fast.record(json, &mut self.arena) }.is_some() {
            return Ok(());
        }
        self.careful(json, start, base)
    }

    #[cold]
    fn careful(&mut self, json: &mut Json, start: usize, base: u64) -> Result<(), Stop> {
        *json = Json::new(json.bytes, start, json.as_text);
        json.object(&mut self.arena, Some(&mut self.shape)).map_err(|_| Stop::Record(base + start as u64))?;
        self.columns.see_all(&self.shape);
        self.settle();
        if self.has_fast {
            self.fast.learn(&self.shape);
            self.names.clone_from(&self.shape.names);
        }
        Ok(())
    }

    fn text(&mut self, bytes: &[u8], from: usize, to: usize, base: u64, mut offsets: Option<&mut Vec<u64>>) {
        const HEAD: [u8; 8] = [STRUCT, 1, 4, b't', b'e', b'x', b't', TEXT];
        if from < to {
            self.columns.see(b"text", TEXT);
        }
        let mut start = from;
        let ends = memchr::memchr_iter(b'\n', &bytes[from..to]).map(|at| from + at);
        for newline in ends.chain((from < to && bytes[to - 1] != b'\n').then_some(to)) {
            let end = if newline > start && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
            self.arena.extend_from_slice(&HEAD);
            length(&mut self.arena, end - start);
            append(&mut self.arena, bytes, start, end - start);
            self.ends.push(self.arena.len() as u32);
            if let Some(offsets) = &mut offsets {
                offsets.push(base + start as u64);
            }
            start = newline + 1;
        }
    }

    /// What the fast way saw of columns goes to the others.
    pub fn settle(&mut self) {
        for (name, bits) in self.names.iter().zip(&mut self.fast.kinds) {
            self.columns.add(bare(name), *bits);
            *bits = 0;
        }
    }
}

/// Whole blocks, which no line is long enough to be worth a call for.
#[inline]
fn append(out: &mut Vec<u8>, bytes: &[u8], from: usize, length: usize) {
    const BLOCK: usize = fast::PADDING;
    assert!(from + length + BLOCK <= bytes.len());
    out.reserve(length + BLOCK);
    // SAFETY: less than a block is read and written past the end; there is room for it in both.
    unsafe {
        let (source, to) = (bytes.as_ptr().add(from), out.as_mut_ptr().add(out.len()));
        for at in (0..length).step_by(BLOCK) {
            to.add(at).cast::<[u8; BLOCK]>().write_unaligned(source.add(at).cast::<[u8; BLOCK]>().read_unaligned());
        }
        out.set_len(out.len() + length);
    }
}

/// A name without its length.
fn bare(name: &[u8]) -> &[u8] {
    let at = name.iter().position(|byte| byte & 128 == 0).map_or(0, |at| at + 1);
    &name[at..]
}

fn bad_line(bytes: &[u8], from: usize, to: usize) -> usize {
    let mut start = from;
    for at in memchr::memchr_iter(b'\n', &bytes[from..to]) {
        if std::str::from_utf8(&bytes[start..from + at]).is_err() {
            break;
        }
        start = from + at + 1;
    }
    start
}
