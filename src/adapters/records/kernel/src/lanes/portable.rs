//! Lanes as small arrays, which the compiler turns into what the machine has: four lanes of WebAssembly's or NEON's 128 bits.

use super::{BLOCK, Hash, IV, Key, SCHEDULE, flags};

pub const LANES: usize = 4;
type Words = [u32; LANES];

/// Each message has `blocks` blocks; the last may be short.
pub fn hash(key: &Key, messages: &[&[u8]; LANES], blocks: usize) -> [Hash; LANES] {
    let mut chaining: [Words; 8] = key.words.map(|word| [word; LANES]);
    for block in 0..blocks {
        let last = block + 1 == blocks;
        let mut words = [[0; LANES]; 16];
        let mut lengths = [BLOCK as u32; LANES];
        for (lane, message) in messages.iter().enumerate() {
            let rest = &message[BLOCK * block..];
            let mut padded = [0; BLOCK];
            let length = rest.len().min(BLOCK);
            padded[..length].copy_from_slice(&rest[..length]);
            lengths[lane] = length as u32;
            for (word, bytes) in words.iter_mut().zip(padded.chunks_exact(4)) {
                word[lane] = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
        chaining = compress(&chaining, &words, lengths, flags(key, block, last));
    }
    let mut hashes = [[0; 32]; LANES];
    for (lane, hash) in hashes.iter_mut().enumerate() {
        for (bytes, word) in hash.chunks_exact_mut(4).zip(&chaining) {
            bytes.copy_from_slice(&word[lane].to_le_bytes());
        }
    }
    hashes
}

fn compress(chaining: &[Words; 8], words: &[Words; 16], lengths: Words, flags: u32) -> [Words; 8] {
    let mut v: [Words; 16] = std::array::from_fn(|i| match i {
        0..8 => chaining[i],
        8..12 => [IV[i - 8]; LANES],
        14 => lengths,
        15 => [flags; LANES],
        _ => [0; LANES],
    });
    for order in &SCHEDULE {
        for column in 0..4 {
            mix(&mut v, [column, 4 + column, 8 + column, 12 + column], &words[order[2 * column]], &words[order[2 * column + 1]]);
        }
        for turn in 0..4 {
            let place = [turn, 4 + (turn + 1) % 4, 8 + (turn + 2) % 4, 12 + (turn + 3) % 4];
            mix(&mut v, place, &words[order[8 + 2 * turn]], &words[order[9 + 2 * turn]]);
        }
    }
    std::array::from_fn(|i| each(|lane| v[i][lane] ^ v[i + 8][lane]))
}

#[inline(always)]
fn mix(v: &mut [Words; 16], [a, b, c, d]: [usize; 4], x: &Words, y: &Words) {
    v[a] = each(|l| v[a][l].wrapping_add(v[b][l]).wrapping_add(x[l]));
    v[d] = each(|l| (v[d][l] ^ v[a][l]).rotate_right(16));
    v[c] = each(|l| v[c][l].wrapping_add(v[d][l]));
    v[b] = each(|l| (v[b][l] ^ v[c][l]).rotate_right(12));
    v[a] = each(|l| v[a][l].wrapping_add(v[b][l]).wrapping_add(y[l]));
    v[d] = each(|l| (v[d][l] ^ v[a][l]).rotate_right(8));
    v[c] = each(|l| v[c][l].wrapping_add(v[d][l]));
    v[b] = each(|l| (v[b][l] ^ v[c][l]).rotate_right(7));
}

#[inline(always)]
fn each(value: impl Fn(usize) -> u32) -> Words {
    std::array::from_fn(value)
}
