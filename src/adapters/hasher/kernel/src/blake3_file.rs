//! BLAKE3 of one file, from its bytes in order or from its segments in any order, with an outboard where one is wanted.

use crate::file::Failure;
use crate::outboard::Outboard;
use crate::request::{Job, Output};
use crate::tree;
use blake3::hazmat::{ChainingValue, HasherExt};
use std::sync::Mutex;

/// A file read from its start.
pub enum InOrder {
    Plain(Box<blake3::Hasher>),
    Outboard { outboard: Box<Outboard>, groups: Vec<ChainingValue>, segment: usize, segment_groups: usize, size: u64 },
}

impl InOrder {
    pub fn new(job: &Job, segment_bytes: u64) -> Result<Self, Failure> {
        Ok(match Outboard::create(job, segment_bytes)? {
            None => Self::Plain(Box::default()),
            Some(outboard) => {
                let segment_groups = segment_bytes as usize / tree::GROUP_BYTES;
                Self::Outboard { outboard: Box::new(outboard), groups: Vec::new(), segment: 0, segment_groups, size: job.size }
            }
        })
    }

    pub fn update(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Plain(hasher) => _ = hasher.update(bytes),
            Self::Outboard { outboard, groups, segment, segment_groups, size } => {
                tree::group_values(bytes, offset, *size, groups);
                while groups.len() >= *segment_groups {
                    let rest = groups.split_off(*segment_groups);
                    outboard.segment(*segment, groups)?;
                    *groups = rest;
                    *segment += 1;
                }
            }
        }
        Ok(())
    }

    pub fn finish(self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Plain(hasher) => output.blake3 = *hasher.finalize().as_bytes(),
            Self::Outboard { outboard, mut groups, segment, size, .. } => {
                if size == 0 {
                    tree::group_values(&[], 0, 0, &mut groups);
                }
                if !groups.is_empty() {
                    outboard.segment(segment, &groups)?;
                }
                (output.blake3, output.outboard) = outboard.finish()?;
            }
        }
        Ok(())
    }
}

/// A file of at least two segments, as they come in.
pub enum Segments {
    Plain(Mutex<Vec<ChainingValue>>),
    Outboard(Box<Outboard>),
}

impl Segments {
    pub fn new(job: &Job, segment_bytes: u64) -> Result<Self, Failure> {
        Ok(match Outboard::create(job, segment_bytes)? {
            None => Self::Plain(Mutex::new(vec![[0; 32]; job.size.div_ceil(segment_bytes) as usize])),
            Some(outboard) => Self::Outboard(Box::new(outboard)),
        })
    }

    pub fn begin(&self, offset: u64, size: u64) -> Segment {
        match self {
            Self::Plain(_) => Segment::Plain(Box::new(tree::subtree(offset))),
            Self::Outboard(_) => Segment::Outboard { groups: Vec::new(), size },
        }
    }

    pub fn put(&self, number: usize, segment: Segment) -> Result<(), Failure> {
        match (self, segment) {
            (Self::Plain(values), Segment::Plain(hasher)) => values.lock().unwrap()[number] = hasher.finalize_non_root(),
            (Self::Outboard(outboard), Segment::Outboard { groups, .. }) => outboard.segment(number, &groups)?,
            _ => unreachable!("begun by the same"),
        }
        Ok(())
    }

    /// Once, when every segment is in.
    pub fn finish(&self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Plain(values) => output.blake3 = tree::root(&values.lock().unwrap()),
            Self::Outboard(outboard) => (output.blake3, output.outboard) = outboard.finish()?,
        }
        Ok(())
    }
}

/// One segment being hashed.
pub enum Segment {
    Plain(Box<blake3::Hasher>),
    Outboard { groups: Vec<ChainingValue>, size: u64 },
}

impl Segment {
    pub fn update(&mut self, offset: u64, bytes: &[u8]) {
        match self {
            Self::Plain(hasher) => _ = hasher.update(bytes),
            Self::Outboard { groups, size } => tree::group_values(bytes, offset, *size, groups),
        }
    }
}
