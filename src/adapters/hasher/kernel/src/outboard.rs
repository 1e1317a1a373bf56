//! bao-tree's pre-order outboards, written while a file is hashed: each aligned segment yields a run of pairs that lie
//! side by side, so memory does not grow with the file.

use crate::job::{Failure, Job, Sink};
use crate::tree::{self, GROUP_BYTES};
use blake3::hazmat::{ChainingValue, Mode, merge_subtrees_non_root, merge_subtrees_root};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

const PAIR_BYTES: usize = 64;
const PREFIX_BYTES: usize = 8;

enum Target {
    Memory(Mutex<Vec<u8>>),
    File(File),
}

pub struct Outboard {
    target: Target,
    groups: usize,
    /// Groups of a whole segment.
    segment_groups: usize,
    /// The segments' values as they come in; a single segment's is the digest.
    values: Mutex<Vec<ChainingValue>>,
}

impl Outboard {
    pub fn create(job: &Job, segment_bytes: u64) -> Result<Option<Self>, Failure> {
        let groups = (job.size.div_ceil(GROUP_BYTES as u64) as usize).max(1);
        let target = match &job.sink {
            Sink::None => return Ok(None),
            Sink::Memory => Target::Memory(Mutex::new(vec![0; PREFIX_BYTES + (groups - 1) * PAIR_BYTES])),
            Sink::File(path) => Target::File(File::create_new(std::ffi::OsStr::from_bytes(path.to_bytes())).map_err(Failure::from)?),
        };
        let segment_groups = (segment_bytes as usize / GROUP_BYTES).max(1);
        let values = Mutex::new(vec![[0; 32]; groups.div_ceil(segment_groups)]);
        let outboard = Self { target, groups, segment_groups, values };
        outboard.put(0, &job.size.to_le_bytes())?;
        Ok(Some(outboard))
    }

    /// One segment's groups, all of them.
    pub fn segment(&self, segment: usize, groups: &[ChainingValue]) -> Result<(), Failure> {
        let mut pairs = vec![0; groups.len().saturating_sub(1) * PAIR_BYTES];
        let value = place(groups, self.groups == groups.len(), &mut pairs);
        if !pairs.is_empty() {
            self.put(PREFIX_BYTES + self.index_of(segment * self.segment_groups) * PAIR_BYTES, &pairs)?;
        }
        self.values.lock().unwrap()[segment] = value;
        Ok(())
    }

    /// The parents above the segments, then the digest and the bytes where they are wanted in memory.
    pub fn finish(&self) -> Result<([u8; 32], Vec<u8>), Failure> {
        let values = std::mem::take(&mut *self.values.lock().unwrap());
        let root = match &values[..] {
            [root] => *root,
            _ => self.join(&values, 0)?,
        };
        match &self.target {
            Target::Memory(bytes) => Ok((root, std::mem::take(&mut *bytes.lock().unwrap()))),
            Target::File(file) => file.sync_data().map_err(Failure::from).map(|()| (root, Vec::new())),
        }
    }

    fn join(&self, values: &[ChainingValue], index: usize) -> Result<ChainingValue, Failure> {
        if let [value] = values {
            return Ok(*value);
        }
        let (left, right) = values.split_at(tree::left_leaves(values.len()));
        let left_groups = left.len() * self.segment_groups;
        let pair = [self.join(left, index + 1)?, self.join(right, index + left_groups)?];
        self.put(PREFIX_BYTES + index * PAIR_BYTES, pair.as_flattened())?;
        Ok(parent(&pair, index == 0))
    }

    /// Pre-order index of the parent at the top of the segment that begins with this group.
    fn index_of(&self, group: usize) -> usize {
        let (mut first, mut groups, mut index) = (0, self.groups, 0);
        while first != group || groups > self.segment_groups {
            let left = tree::left_leaves(groups);
            if group < first + left {
                groups = left;
                index += 1;
            } else {
                first += left;
                groups -= left;
                index += left;
            }
        }
        index
    }

    fn put(&self, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        match &self.target {
            Target::Memory(target) => target.lock().unwrap()[offset..offset + bytes.len()].copy_from_slice(bytes),
            Target::File(file) => file.write_all_at(bytes, offset as u64).map_err(Failure::from)?,
        }
        Ok(())
    }
}

fn place(groups: &[ChainingValue], is_root: bool, pairs: &mut [u8]) -> ChainingValue {
    if let [value] = groups {
        return *value;
    }
    let (left, right) = groups.split_at(tree::left_leaves(groups.len()));
    let (own, below) = pairs.split_at_mut(PAIR_BYTES);
    let (left_pairs, right_pairs) = below.split_at_mut((left.len() - 1) * PAIR_BYTES);
    let pair = [place(left, false, left_pairs), place(right, false, right_pairs)];
    own.copy_from_slice(pair.as_flattened());
    parent(&pair, is_root)
}

fn parent(pair: &[ChainingValue; 2], is_root: bool) -> ChainingValue {
    if is_root { *merge_subtrees_root(&pair[0], &pair[1], Mode::Hash).as_bytes() } else { merge_subtrees_non_root(&pair[0], &pair[1], Mode::Hash) }
}
