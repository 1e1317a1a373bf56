//! BLAKE3's tree above equal aligned subtrees.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

pub const GROUP_BYTES: usize = 16 << 10;

/// A hasher for the subtree that starts `offset` bytes into the whole.
pub fn subtree(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// Appends the chaining values of the 16 KiB groups of `bytes`, which start at `offset`; a group that is the whole of
/// `size` bytes yields the digest.
pub fn group_values(bytes: &[u8], offset: u64, size: u64, values: &mut Vec<ChainingValue>) {
    if size <= GROUP_BYTES as u64 {
        return values.push(*blake3::hash(bytes).as_bytes());
    }
    for (index, group) in bytes.chunks(GROUP_BYTES).enumerate() {
        values.push(subtree(offset + (index * GROUP_BYTES) as u64).update(group).finalize_non_root());
    }
}

/// Digest over the chaining values of at least two equal aligned subtrees, of which the last may be short.
pub fn root(values: &[ChainingValue]) -> [u8; 32] {
    let (left, right) = values.split_at(left_leaves(values.len()));
    *merge_subtrees_root(&fold(left), &fold(right), Mode::Hash).as_bytes()
}

fn fold(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [value] => *value,
        _ => {
            let (left, right) = values.split_at(left_leaves(values.len()));
            merge_subtrees_non_root(&fold(left), &fold(right), Mode::Hash)
        }
    }
}

/// Leaves below the left child of a parent of `leaves` ≥ 2.
pub fn left_leaves(leaves: usize) -> usize {
    1 << (leaves - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_of_any_length_lead_to_the_digest() {
        for size in [1025, 2048, 2049, 3073, 16385, 65536, 100_000, 262_145] {
            for subtree_bytes in [1024, 2048, 16384].into_iter().filter(|bytes| *bytes < size) {
                let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
                let values: Vec<_> = bytes.chunks(subtree_bytes).enumerate().map(|(index, piece)| subtree((index * subtree_bytes) as u64).update(piece).finalize_non_root()).collect();
                assert_eq!(root(&values), *blake3::hash(&bytes).as_bytes(), "{size} bytes in subtrees of {subtree_bytes}");
            }
        }
    }
}
