//! Sorts the hashes of a bucket by words of their first bits and their index: what is moved about stays in the cache.

use crate::lanes::Hash;

/// Low bits of a word, for the index.
const INDEX_BITS: usize = 24;
const INDEX: u64 = (1 << INDEX_BITS) - 1;
/// Cells that have got more are not sorted by insertion.
const FEW: usize = 24;

#[derive(Default)]
pub struct Sorter {
    words: Vec<u64>,
    spread: Vec<u64>,
    /// Where the next word of each cell goes: hashes are uniform, so that a cell has one or two.
    cells: Vec<u32>,
}

impl Sorter {
    /// Hashes that have their first `skip` bits in common → their indexes by hash, equal ones as they came.
    pub fn sort(&mut self, hashes: &[Hash], skip: usize, order: &mut Vec<u32>) {
        order.clear();
        if hashes.len() > INDEX as usize {
            order.extend(0..hashes.len() as u32);
            order.sort_by_key(|&index| hashes[index as usize]);
            return;
        }
        let words = self.spread(hashes, skip);
        order.extend(words.iter().map(|word| (word & INDEX) as u32));
        // Words tell forty bits apart.
        let mut from = 0;
        for run in words.chunk_by(|a, b| a >> INDEX_BITS == b >> INDEX_BITS) {
            if run.len() > 1 {
                order[from..from + run.len()].sort_by_key(|&index| hashes[index as usize]);
            }
            from += run.len();
        }
    }

    /// Words in order: each goes to its cell, then cells are sorted.
    fn spread(&mut self, hashes: &[Hash], skip: usize) -> &[u64] {
        let bits = hashes.len().max(2).ilog2();
        let cell_of = |word: u64| (word >> (u64::BITS - bits)) as usize;
        let words = room(&mut self.words, hashes.len());
        self.cells.clear();
        self.cells.resize((1 << bits) + 1, 0);
        for ((word, hash), index) in words.iter_mut().zip(hashes).zip(0..) {
            *word = first_bits(hash) << skip & !INDEX | index;
            self.cells[cell_of(*word) + 1] += 1;
        }
        for at in 1..self.cells.len() {
            self.cells[at] += self.cells[at - 1];
        }
        let spread = room(&mut self.spread, hashes.len());
        for &word in &*words {
            let place = &mut self.cells[cell_of(word)];
            spread[*place as usize] = word;
            *place += 1;
        }
        let mut from = 0;
        for &to in &self.cells[..1 << bits] {
            sort_few(&mut spread[from..to as usize]);
            from = to as usize;
        }
        spread
    }
}

#[inline]
fn first_bits(hash: &Hash) -> u64 {
    u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}

#[inline]
fn sort_few(words: &mut [u64]) {
    if words.len() > FEW {
        words.sort_unstable();
        return;
    }
    for from in 1..words.len() {
        let mut at = from;
        while at > 0 && words[at] < words[at - 1] {
            words.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// The first `count` of scratch that grows and is never cleared: what is in it is to be written over.
pub fn room<T: Copy + Default>(scratch: &mut Vec<T>, count: usize) -> &mut [T] {
    if scratch.len() < count {
        scratch.resize(count, T::default());
    }
    &mut scratch[..count]
}
