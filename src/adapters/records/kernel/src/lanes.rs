//! BLAKE3 of many short messages at once, a message a lane: AVX-512, else as wide as the compiler makes it. Messages of
//! more than one chunk go to the crate. Messages are grouped by their number of blocks, so no lane waits for another.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod four;
mod portable;

use blake3::hazmat::HasherExt;

pub type Hash = [u8; 32];
pub const CHUNK: usize = 1024;
pub const BLOCK: usize = 64;

const KEYED: u32 = 16;
const MATERIAL: u32 = 64;

/// A key of BLAKE3 and the flag that says what it is: a context's, or a secret.
#[derive(Clone, Copy)]
pub struct Key {
    pub words: [u32; 8],
    pub flag: u32,
}

impl Key {
    pub fn of_context(context: &str) -> Key {
        Key::new(&blake3::hazmat::hash_derive_key_context(context), MATERIAL)
    }

    pub fn of_secret(secret: &Hash) -> Key {
        Key::new(secret, KEYED)
    }

    pub fn new(bytes: &Hash, flag: u32) -> Key {
        Key { words: std::array::from_fn(|i| u32::from_le_bytes([bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]])), flag }
    }

    fn bytes(&self) -> Hash {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(self.words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// One message of any length, by the crate.
    pub fn hash(&self, message: &[u8]) -> Hash {
        let mut hasher = if self.flag == KEYED { blake3::Hasher::new_keyed(&self.bytes()) } else { blake3::Hasher::new_from_context_key(&self.bytes()) };
        hasher.update(message);
        *hasher.finalize().as_bytes()
    }
}

/// Messages of the same number of blocks, by their place in the arena.
type Group = Vec<u32>;

/// Scratch of `hash_many`, kept from batch to batch.
pub struct Lanes {
    groups: [Group; CHUNK / BLOCK + 1],
    #[cfg(target_arch = "x86_64")]
    wide: bool,
}

impl Default for Lanes {
    fn default() -> Self {
        Lanes {
            groups: std::array::from_fn(|_| Vec::new()),
            #[cfg(target_arch = "x86_64")]
            wide: is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl"),
        }
    }
}

impl Lanes {
    /// Appends the hash of each message; message `i` ends at `ends[i]` and begins where the one before it ends.
    pub fn hash_many(&mut self, key: &Key, arena: &[u8], ends: &[u32], out: &mut Vec<Hash>) {
        let base = out.len();
        out.resize(base + ends.len(), [0; 32]);
        for group in &mut self.groups {
            group.clear();
        }
        let mut start = 0;
        for (i, &end) in ends.iter().enumerate() {
            let length = (end - start) as usize;
            if length > CHUNK {
                out[base + i] = key.hash(&arena[start as usize..end as usize]);
            } else {
                self.groups[length.div_ceil(BLOCK).max(1)].push(i as u32);
            }
            start = end;
        }
        let message = |i: u32| {
            let start = if i == 0 { 0 } else { ends[i as usize - 1] } as usize;
            &arena[start..ends[i as usize] as usize]
        };
        for blocks in 1..self.groups.len() {
            self.group(key, blocks, message, &mut out[base..]);
        }
    }

    fn group<'a>(&self, key: &Key, blocks: usize, message: impl Fn(u32) -> &'a [u8], out: &mut [Hash]) {
        let group = &self.groups[blocks];
        #[cfg(target_arch = "x86_64")]
        if self.wide {
            // SAFETY: the features were detected.
            return unsafe { avx512::hash(key, blocks, group, message, out) };
        }
        for some in group.chunks(portable::LANES) {
            let messages = std::array::from_fn(|lane| message(some[lane.min(some.len() - 1)]));
            for (&i, hash) in some.iter().zip(portable::hash(key, &messages, blocks)) {
                out[i as usize] = hash;
            }
        }
    }

    /// Appends the hash of each pair of neighbours.
    pub fn pairs(&self, key: &Key, nodes: &[Hash], out: &mut Vec<Hash>) {
        debug_assert!(nodes.len().is_multiple_of(2));
        let base = out.len();
        out.resize(base + nodes.len() / 2, [0; 32]);
        let (pairs, out) = (nodes.as_chunks::<2>().0, &mut out[base..]);
        self.halves(key, BLOCK, pairs.len(), |i| (&pairs[i][0], &pairs[i][1]), out, |i| i);
    }

    /// Hashes messages of one block, the first `length` bytes of two halves, each to its place.
    #[inline]
    pub fn halves<'a>(
        &self,
        key: &Key,
        length: usize,
        count: usize,
        of: impl Fn(usize) -> (&'a Hash, &'a Hash),
        out: &mut [Hash],
        place: impl Fn(usize) -> usize,
    ) {
        #[cfg(target_arch = "x86_64")]
        if self.wide {
            // SAFETY: the features were detected.
            return unsafe { avx512::halves(key, length as u32, count, of, out, place) };
        }
        for start in (0..count).step_by(portable::LANES) {
            let blocks: [[u8; BLOCK]; portable::LANES] = std::array::from_fn(|lane| {
                let (left, right) = of((start + lane).min(count - 1));
                std::array::from_fn(|at| if at < 32 { left[at] } else { right[at - 32] })
            });
            let hashes = portable::hash(key, &blocks.each_ref().map(|block| &block[..length]), 1);
            for (lane, hash) in hashes.iter().enumerate().take(count - start) {
                out[place(start + lane)] = *hash;
            }
        }
    }
}

pub const IV: [u32; 8] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// The message words each round mixes, in order (BLAKE3 paper, 2.2).
pub const SCHEDULE: [[usize; 16]; 7] = {
    let order = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0; 16]; 7];
    let mut i = 0;
    while i < 16 {
        schedule[0][i] = i;
        i += 1;
    }
    let mut round = 1;
    while round < 7 {
        let mut i = 0;
        while i < 16 {
            schedule[round][i] = schedule[round - 1][order[i]];
            i += 1;
        }
        round += 1;
    }
    schedule
};

/// Flags of a block of a message that is one chunk.
pub fn flags(key: &Key, block: usize, last: bool) -> u32 {
    key.flag | if block == 0 { 1 } else { 0 } | if last { 2 | 8 } else { 0 }
}
