//! Four lanes, for what has no wider ones.

use super::four::{Four, add, columns, of, rotate, splat, words, xor};
use super::{BLOCK, Hash, IV, Key, SCHEDULE, flags};

pub const LANES: usize = 4;

/// Each message has `blocks` blocks; the last may be short.
pub fn hash(key: &Key, messages: &[&[u8]; LANES], blocks: usize) -> [Hash; LANES] {
    let mut chaining = key.words.map(splat);
    for block in 0..blocks {
        let mut padded = [[0; BLOCK]; LANES];
        let rests = messages.map(|message| &message[BLOCK * block..]);
        for (padded, rest) in padded.iter_mut().zip(rests).filter(|(_, rest)| rest.len() < BLOCK) {
            padded[..rest.len()].copy_from_slice(rest);
        }
        let rows = std::array::from_fn(|lane| rests[lane].first_chunk().unwrap_or(&padded[lane]));
        let lengths = of(rests.map(|rest| rest.len().min(BLOCK) as u32));
        chaining = compress(&chaining, &columns(rows), lengths, flags(key, block, block + 1 == blocks));
    }
    let mut hashes = [[0; 32]; LANES];
    for (at, column) in chaining.into_iter().enumerate() {
        for (hash, word) in hashes.iter_mut().zip(words(column)) {
            hash[4 * at..][..4].copy_from_slice(&word.to_le_bytes());
        }
    }
    hashes
}

fn compress(chaining: &[Four; 8], words: &[Four; 16], lengths: Four, flags: u32) -> [Four; 8] {
    let mut v: [Four; 16] = std::array::from_fn(|i| match i {
        0..8 => chaining[i],
        8..12 => splat(IV[i - 8]),
        14 => lengths,
        15 => splat(flags),
        _ => splat(0),
    });
    for order in &SCHEDULE {
        for column in 0..4 {
            mix(&mut v, [column, 4 + column, 8 + column, 12 + column], words[order[2 * column]], words[order[2 * column + 1]]);
        }
        for turn in 0..4 {
            let place = [turn, 4 + (turn + 1) % 4, 8 + (turn + 2) % 4, 12 + (turn + 3) % 4];
            mix(&mut v, place, words[order[8 + 2 * turn]], words[order[9 + 2 * turn]]);
        }
    }
    std::array::from_fn(|i| xor(v[i], v[i + 8]))
}

#[inline(always)]
fn mix(v: &mut [Four; 16], [a, b, c, d]: [usize; 4], x: Four, y: Four) {
    v[a] = add(add(v[a], v[b]), x);
    v[d] = rotate::<16>(xor(v[d], v[a]));
    v[c] = add(v[c], v[d]);
    v[b] = rotate::<12>(xor(v[b], v[c]));
    v[a] = add(add(v[a], v[b]), y);
    v[d] = rotate::<8>(xor(v[d], v[a]));
    v[c] = add(v[c], v[d]);
    v[b] = rotate::<7>(xor(v[b], v[c]));
}
