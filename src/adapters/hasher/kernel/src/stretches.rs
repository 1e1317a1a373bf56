//! BLAKE3 of parts of a file, each as if it stood alone, while the file is read from its start for its own digests: every
//! byte is read once.

use crate::blake3_file::{InOrder, Segments};
use crate::blake3_lanes::BATCH_BYTES;
use crate::job::{Failure, Job, Output};
use std::ops::Range;

pub struct Stretches<'a> {
    ranges: &'a [Range<u64>],
    segment_bytes: u64,
    current: Option<Stretch>,
    digests: Vec<[u8; 32]>,
}

impl<'a> Stretches<'a> {
    pub fn of(job: &'a Job, segment_bytes: u64) -> Self {
        Self { ranges: &job.stretches, segment_bytes, current: None, digests: Vec::new() }
    }

    /// The next bytes of the file, whichever of them are wanted.
    pub fn update(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let end = offset + bytes.len() as u64;
        while let Some(range) = self.ranges.get(self.digests.len()).filter(|range| range.start < end) {
            let part = &bytes[range.start.saturating_sub(offset) as usize..(range.end.min(end) - offset) as usize];
            let mut stretch = self.current.take().unwrap_or_else(|| Stretch::new(range.end - range.start, self.segment_bytes));
            stretch.update(part)?;
            if range.end > end {
                self.current = Some(stretch);
                break;
            }
            self.digests.push(stretch.finish()?);
        }
        Ok(())
    }

    pub fn finish(self) -> Vec<[u8; 32]> {
        self.digests
    }
}

/// One of them. It begins anywhere in a buffer, so what is no whole batch waits for the next.
struct Stretch {
    blake3: InOrder,
    leaf_bytes: usize,
    waiting: Vec<u8>,
    offset: u64,
}

impl Stretch {
    fn new(size: u64, segment_bytes: u64) -> Self {
        let segments = Segments::plain(size, segment_bytes, BATCH_BYTES);
        Self { leaf_bytes: segments.leaf_bytes(), blake3: InOrder::of(segments), waiting: Vec::new(), offset: 0 }
    }

    fn update(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        if !self.waiting.is_empty() {
            let missing = bytes.len().min(self.leaf_bytes - self.waiting.len());
            self.waiting.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.waiting.len() < self.leaf_bytes {
                return Ok(());
            }
            let whole = std::mem::take(&mut self.waiting);
            self.hash(&whole)?;
            self.waiting = whole;
            self.waiting.clear();
        }
        let (whole, rest) = bytes.split_at(bytes.len() / self.leaf_bytes * self.leaf_bytes);
        if !whole.is_empty() {
            self.hash(whole)?;
        }
        self.waiting.extend_from_slice(rest);
        Ok(())
    }

    fn hash(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.blake3.update(self.offset, bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<[u8; 32], Failure> {
        if !self.waiting.is_empty() {
            let rest = std::mem::take(&mut self.waiting);
            self.hash(&rest)?;
        }
        let mut output = Output::default();
        self.blake3.finish(&mut output)?;
        Ok(output.blake3)
    }
}
