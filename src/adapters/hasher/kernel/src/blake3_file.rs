//! BLAKE3 of one file, from its bytes in order or from its segments in any order, with an outboard where one is wanted.

use crate::blake3_lanes;
use crate::job::{Failure, Job, Output};
use crate::outboard::Outboard;
use crate::tree::{self, GROUP_BYTES};
use blake3::hazmat::ChainingValue;
use std::sync::Mutex;

/// The segments of a file, as they come in.
pub struct Segments {
    size: u64,
    /// A segment is a power of two of these.
    leaf_bytes: usize,
    segment_leaves: usize,
    target: Target,
}

enum Target {
    /// Every segment's chaining value.
    Values(Mutex<Vec<ChainingValue>>),
    Outboard(Box<Outboard>),
}

/// The chaining values of the leaves of one segment, or of more of a file that is read from its start.
pub struct Leaves(Vec<ChainingValue>);

impl Segments {
    pub fn new(job: &Job, segment_bytes: u64) -> Result<Self, Failure> {
        Ok(match Outboard::create(job, segment_bytes)? {
            None => Self::plain(job.size, segment_bytes, blake3_lanes::MOST_BYTES),
            Some(outboard) => Self {
                size: job.size,
                leaf_bytes: GROUP_BYTES,
                segment_leaves: segment_bytes as usize / GROUP_BYTES,
                target: Target::Outboard(Box::new(outboard)),
            },
        })
    }

    /// Of `size` bytes without an outboard, in leaves of at most `most_bytes`.
    pub fn plain(size: u64, segment_bytes: u64, most_bytes: usize) -> Self {
        let leaf_bytes = most_bytes.min(segment_bytes as usize);
        let values = vec![[0; 32]; size.div_ceil(segment_bytes).max(1) as usize];
        Self { size, leaf_bytes, segment_leaves: segment_bytes as usize / leaf_bytes, target: Target::Values(Mutex::new(values)) }
    }

    pub fn leaf_bytes(&self) -> usize {
        self.leaf_bytes
    }

    pub fn begin(&self) -> Leaves {
        Leaves(Vec::new())
    }

    /// Bytes that begin at a leaf, and end at one or at the end of the segment.
    pub fn update(&self, leaves: &mut Leaves, offset: u64, bytes: &[u8]) {
        tree::leaf_values(bytes, offset, self.size, self.leaf_bytes, &mut leaves.0);
    }

    pub fn put(&self, number: usize, leaves: &Leaves) -> Result<(), Failure> {
        match &self.target {
            Target::Values(values) => {
                let mut values = values.lock().unwrap();
                values[number] = if values.len() == 1 { tree::root(&leaves.0) } else { tree::fold(&leaves.0) };
                Ok(())
            }
            Target::Outboard(outboard) => outboard.segment(number, &leaves.0),
        }
    }

    /// Once, when every segment is in.
    pub fn finish(&self, output: &mut Output) -> Result<(), Failure> {
        match &self.target {
            Target::Values(values) => output.blake3 = tree::root(&values.lock().unwrap()),
            Target::Outboard(outboard) => (output.blake3, output.outboard) = outboard.finish()?,
        }
        Ok(())
    }
}

/// A file read from its start: one segment after the other.
pub struct InOrder {
    segments: Segments,
    leaves: Leaves,
    number: usize,
}

impl InOrder {
    pub fn new(job: &Job, segment_bytes: u64) -> Result<Self, Failure> {
        Ok(Self::of(Segments::new(job, segment_bytes)?))
    }

    pub fn of(segments: Segments) -> Self {
        Self { leaves: segments.begin(), segments, number: 0 }
    }

    /// Whole leaves but for the last time.
    pub fn update(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.segments.update(&mut self.leaves, offset, bytes);
        while self.leaves.0.len() >= self.segments.segment_leaves {
            let rest = self.leaves.0.split_off(self.segments.segment_leaves);
            self.put()?;
            self.leaves.0 = rest;
        }
        Ok(())
    }

    pub fn finish(mut self, output: &mut Output) -> Result<(), Failure> {
        if self.segments.size == 0 {
            self.segments.update(&mut self.leaves, 0, &[]);
        }
        if !self.leaves.0.is_empty() {
            self.put()?;
        }
        self.segments.finish(output)
    }

    fn put(&mut self) -> Result<(), Failure> {
        self.segments.put(self.number, &self.leaves)?;
        self.number += 1;
        Ok(())
    }
}
