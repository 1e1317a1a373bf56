//! BLAKE3's tree above equal aligned subtrees.

use crate::blake3_lanes::{self, BATCH_BYTES};
use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

pub const GROUP_BYTES: usize = 16 << 10;

/// A hasher for the subtree that starts `offset` bytes into the whole.
pub fn subtree(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// Appends the chaining values of the subtrees of `leaf_bytes` (a power of two) that `bytes` consists of, which start at
/// `offset`; only the last of all may be short. A leaf that is the whole of `size` bytes yields the digest.
pub fn leaf_values(bytes: &[u8], offset: u64, size: u64, leaf_bytes: usize, values: &mut Vec<ChainingValue>) {
    if size <= leaf_bytes as u64 {
        return values.push(*blake3::hash(bytes).as_bytes());
    }
    let step = leaf_bytes.max(BATCH_BYTES);
    let at_once = if blake3_lanes::is_here() && offset.is_multiple_of(step as u64) { bytes.len() / step * step } else { 0 };
    if at_once > 0 {
        blake3_lanes::subtree_values(&bytes[..at_once], offset, leaf_bytes, values);
    }
    for (index, leaf) in bytes[at_once..].chunks(leaf_bytes).enumerate() {
        values.push(subtree(offset + (at_once + index * leaf_bytes) as u64).update(leaf).finalize_non_root());
    }
}

/// Digest over the chaining values of equal aligned subtrees, of which the last may be short; a single one is the digest.
pub fn root(values: &[ChainingValue]) -> [u8; 32] {
    if let [digest] = values {
        return *digest;
    }
    let (left, right) = values.split_at(left_leaves(values.len()));
    *merge_subtrees_root(&fold(left), &fold(right), Mode::Hash).as_bytes()
}

/// The chaining value above such values.
pub fn fold(values: &[ChainingValue]) -> ChainingValue {
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
    fn leaves_of_any_length_lead_to_the_digest() {
        let content: Vec<u8> = (0..1_100_000).map(|index| (index % 251) as u8).collect();
        for size in [0, 1, 1025, 2048, 2049, 3073, 16385, 65536, 100_000, 262_145, 524_288, 557_057, 1_100_000] {
            for leaf_bytes in [1024, 2048, 16384, 262_144] {
                let mut values = Vec::new();
                let bytes = &content[..size];
                for (index, piece) in bytes.chunks(262_144).enumerate() {
                    leaf_values(piece, index as u64 * 262_144, size as u64, leaf_bytes, &mut values);
                }
                if size == 0 {
                    leaf_values(bytes, 0, 0, leaf_bytes, &mut values);
                }
                assert_eq!(root(&values), *blake3::hash(bytes).as_bytes(), "{size} bytes in subtrees of {leaf_bytes}");
            }
        }
    }
}
