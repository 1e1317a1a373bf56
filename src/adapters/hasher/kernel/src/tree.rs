//! BLAKE3's tree above equal aligned subtrees, and bao-tree's pre-order outboards.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

pub const GROUP_BYTES: usize = 16 << 10;
const PAIR_BYTES: usize = 64;
const PREFIX_BYTES: usize = 8;

/// A hasher for the subtree that starts `offset` bytes into the whole.
pub fn subtree(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// Appends the chaining values of the 16 KiB groups of `bytes`, which start at `offset` and are not the whole.
pub fn group_values(bytes: &[u8], offset: u64, values: &mut Vec<ChainingValue>) {
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

fn left_leaves(leaves: usize) -> usize {
    1 << (leaves - 1).ilog2()
}

/// The outboard of a file and its digest, from the values of all its groups (at least two).
pub fn outboard(groups: &[ChainingValue], size: u64) -> (Vec<u8>, [u8; 32]) {
    let mut bytes = empty_outboard(size);
    bytes.resize(PREFIX_BYTES + (groups.len() - 1) * PAIR_BYTES, 0);
    let (left, right) = groups.split_at(left_leaves(groups.len()));
    let pair = [place(left, 1, &mut bytes), place(right, left.len(), &mut bytes)];
    put(&mut bytes, 0, &pair);
    (bytes, *merge_subtrees_root(&pair[0], &pair[1], Mode::Hash).as_bytes())
}

/// The outboard of a file of at most one group: its length.
pub fn empty_outboard(size: u64) -> Vec<u8> {
    size.to_le_bytes().to_vec()
}

fn place(groups: &[ChainingValue], index: usize, bytes: &mut [u8]) -> ChainingValue {
    if let [value] = groups {
        return *value;
    }
    let (left, right) = groups.split_at(left_leaves(groups.len()));
    let pair = [place(left, index + 1, bytes), place(right, index + left.len(), bytes)];
    put(bytes, index, &pair);
    merge_subtrees_non_root(&pair[0], &pair[1], Mode::Hash)
}

fn put(bytes: &mut [u8], index: usize, pair: &[ChainingValue; 2]) {
    bytes[PREFIX_BYTES + index * PAIR_BYTES..][..PAIR_BYTES].copy_from_slice(pair.as_flattened());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn subtrees_of_any_length_lead_to_the_digest() {
        for size in [1025, 2048, 2049, 3073, 16385, 65536, 100_000, 262_145] {
            for subtree_bytes in [1024, 2048, 16384].into_iter().filter(|bytes| *bytes < size) {
                let bytes = content(size);
                let values: Vec<_> = bytes.chunks(subtree_bytes).enumerate().map(|(index, piece)| subtree((index * subtree_bytes) as u64).update(piece).finalize_non_root()).collect();
                assert_eq!(root(&values), *blake3::hash(&bytes).as_bytes(), "{size} bytes in subtrees of {subtree_bytes}");
            }
        }
    }

    #[test]
    fn outboards_lead_to_the_digest() {
        for size in [16385, 32768, 49153, 1_000_000] {
            let bytes = content(size);
            let mut values = Vec::new();
            group_values(&bytes, 0, &mut values);
            let (outboard, root) = outboard(&values, size as u64);
            assert_eq!(root, *blake3::hash(&bytes).as_bytes());
            assert_eq!(outboard.len(), PREFIX_BYTES + (values.len() - 1) * PAIR_BYTES);
        }
    }
}
