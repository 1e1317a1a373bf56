//! A subtree's chaining value, or the whole's digest, of input that comes piece by piece.

use super::eight::{self, Value, Values};
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use blake3::{CHUNK_LEN, Hasher};

/// Subtrees that are hashed eight chunks at a time, where their input is in one piece.
pub const LEAF_BYTES: usize = 128 << 10;
pub const LEAF_CHUNKS: usize = LEAF_BYTES / CHUNK_LEN;
/// Levels above leaves in 2^64 bytes, and one not yet joined.
const DEPTH: usize = 64 - LEAF_BYTES.ilog2() as usize + 1;

pub struct Stream {
    start: u64,
    leaves: u64,
    /// Whole subtrees from the left, each a power of two of leaves. Two of a size are joined when more input is known
    /// to follow: until then their parent may be the root.
    values: [Value; DEPTH],
    height: usize,
    /// What follows the leaves, at most as long as one.
    rest: Hasher,
}

impl Stream {
    /// Of a subtree that starts `start` bytes into the whole, as aligned as it will be long.
    pub fn new(start: u64) -> Self {
        Self { start, leaves: 0, values: [[0; 32]; DEPTH], height: 0, rest: hasher_at(start) }
    }

    pub fn update(&mut self, mut input: &[u8]) {
        while !input.is_empty() {
            let filled = self.rest.count() as usize;
            if filled == LEAF_BYTES {
                let value = self.rest.finalize_non_root();
                self.push(value);
            } else if filled == 0 && input.len() >= LEAF_BYTES && (self.leaves > 0 || input.len() > LEAF_BYTES) {
                let (leaf, after) = input.split_at(LEAF_BYTES);
                let value = leaf_value(leaf, self.start + self.leaves * LEAF_BYTES as u64);
                self.push(value);
                input = after;
            } else {
                let (piece, after) = input.split_at(input.len().min(LEAF_BYTES - filled));
                self.rest.update(piece);
                input = after;
            }
        }
    }

    pub fn finish(&mut self, root: bool) -> Value {
        if self.height == 0 {
            return if root { *self.rest.finalize().as_bytes() } else { self.rest.finalize_non_root() };
        }
        let mut value = if self.rest.count() > 0 {
            self.join_whole();
            self.rest.finalize_non_root()
        } else {
            self.pop()
        };
        while self.height > 0 {
            let left = self.pop();
            value = if root && self.height == 0 {
                *merge_subtrees_root(&left, &value, Mode::Hash).as_bytes()
            } else {
                merge_subtrees_non_root(&left, &value, Mode::Hash)
            };
        }
        value
    }

    /// The next leaf, of which it is known that the input does not end before or with it unless others precede it.
    fn push(&mut self, value: Value) {
        self.join_whole();
        self.values[self.height] = value;
        self.height += 1;
        self.leaves += 1;
        self.rest = hasher_at(self.start + self.leaves * LEAF_BYTES as u64);
    }

    fn pop(&mut self) -> Value {
        self.height -= 1;
        self.values[self.height]
    }

    /// Joins what is whole: then there is one subtree for each bit of the number of leaves.
    fn join_whole(&mut self) {
        while self.height > self.leaves.count_ones() as usize {
            let right = self.pop();
            let left = &mut self.values[self.height - 1];
            *left = merge_subtrees_non_root(left, &right, Mode::Hash);
        }
    }
}

fn hasher_at(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

fn leaf_value(leaf: &[u8], offset: u64) -> Value {
    let Values(values) = &mut Values([[0; 32]; LEAF_CHUNKS]);
    eight::hash_chunks(leaf, offset / CHUNK_LEN as u64, values);
    let mut count = LEAF_CHUNKS;
    while count > 1 {
        count /= 2;
        eight::join(values, count);
    }
    values[0]
}

/// The chaining value, never the root, of a subtree of at most a leaf's length.
pub fn value_of(input: &[u8], offset: u64) -> Value {
    hasher_at(offset).update(input).finalize_non_root()
}
