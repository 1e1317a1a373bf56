//! SHA-256 of two messages at once on one core: the SHA instructions wait for each other within one message, so two
//! interleaved ones take little longer than one. Elsewhere, and for what is left over, the `sha2` crate.

use sha2::block_api::compress256;

const BLOCK_BYTES: usize = 64;
const INITIAL: [u32; 8] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// One message. All but its last piece must be whole blocks.
pub struct Lane {
    state: [u32; 8],
    length: u64,
}

impl Lane {
    pub fn new() -> Self {
        Self { state: INITIAL, length: 0 }
    }

    /// The digest, with the last piece: fewer bytes than a block.
    pub fn finish(mut self, rest: &[u8]) -> [u8; 32] {
        let mut blocks = [0; 2 * BLOCK_BYTES];
        blocks[..rest.len()].copy_from_slice(rest);
        blocks[rest.len()] = 0x80;
        let padded = if rest.len() < BLOCK_BYTES - 8 { BLOCK_BYTES } else { 2 * BLOCK_BYTES };
        let bits = (self.length + rest.len() as u64) * 8;
        blocks[padded - 8..padded].copy_from_slice(&bits.to_be_bytes());
        self.update(&blocks[..padded]);
        let mut digest = [0; 32];
        for (target, word) in digest.chunks_exact_mut(4).zip(self.state) {
            target.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    /// Whole blocks.
    pub fn update(&mut self, bytes: &[u8]) {
        compress256(&mut self.state, bytes.as_chunks::<BLOCK_BYTES>().0);
        self.length += bytes.len() as u64;
    }
}

/// Whole blocks of two messages; the longer piece's remainder alone.
pub fn update_both(a: &mut Lane, b: &mut Lane, a_bytes: &[u8], b_bytes: &[u8]) {
    let common = a_bytes.len().min(b_bytes.len()) / BLOCK_BYTES * BLOCK_BYTES;
    #[cfg(target_arch = "x86_64")]
    if is_fast() {
        // SAFETY: the features were just detected.
        unsafe { x86::compress_both(&mut a.state, &mut b.state, &a_bytes[..common], &b_bytes[..common]) };
        a.length += common as u64;
        b.length += common as u64;
        a.update(&a_bytes[common..]);
        b.update(&b_bytes[common..]);
        return;
    }
    let _ = common;
    a.update(a_bytes);
    b.update(b_bytes);
}

/// Whether two at once are faster than one after the other.
pub fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("ssse3");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::BLOCK_BYTES;
    use std::arch::x86_64::*;

    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
        0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
        0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
        0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// The working variables as the instructions want them: A, B, E, F and C, D, G, H.
    #[derive(Clone, Copy)]
    struct Halves(__m128i, __m128i);

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    unsafe fn load_state(state: &[u32; 8]) -> Halves {
        // SAFETY: unaligned loads of eight words.
        let (low, high) = unsafe { (_mm_loadu_si128(state.as_ptr().cast()), _mm_loadu_si128(state.as_ptr().add(4).cast())) };
        let cdab = _mm_shuffle_epi32(low, 0xb1);
        let efgh = _mm_shuffle_epi32(high, 0x1b);
        Halves(_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0))
    }

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    unsafe fn store_state(state: &mut [u32; 8], halves: Halves) {
        let feba = _mm_shuffle_epi32(halves.0, 0x1b);
        let dchg = _mm_shuffle_epi32(halves.1, 0xb1);
        // SAFETY: unaligned stores of eight words.
        unsafe {
            _mm_storeu_si128(state.as_mut_ptr().cast(), _mm_blend_epi16(feba, dchg, 0xf0));
            _mm_storeu_si128(state.as_mut_ptr().add(4).cast(), _mm_alignr_epi8(dchg, feba, 8));
        }
    }

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    unsafe fn load_block(block: *const u8) -> [__m128i; 4] {
        let order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        // SAFETY: the caller gives 64 bytes.
        unsafe { std::array::from_fn(|index| _mm_shuffle_epi8(_mm_loadu_si128(block.add(index * 16).cast()), order)) }
    }

    /// Four rounds of both messages, and with `schedule` the words that will be needed twelve rounds later.
    macro_rules! four_rounds {
        ($group:literal, $a:ident, $b:ident, $wa:ident, $wb:ident $(, $schedule:ident)?) => {
            let k = _mm_loadu_si128(K.as_ptr().add($group * 4).cast());
            let (ka, kb) = (_mm_add_epi32($wa[$group % 4], k), _mm_add_epi32($wb[$group % 4], k));
            $a.1 = _mm_sha256rnds2_epu32($a.1, $a.0, ka);
            $b.1 = _mm_sha256rnds2_epu32($b.1, $b.0, kb);
            $(
                $wa[$group % 4] = $schedule(&$wa, $group % 4);
                $wb[$group % 4] = $schedule(&$wb, $group % 4);
            )?
            $a.0 = _mm_sha256rnds2_epu32($a.0, $a.1, _mm_shuffle_epi32(ka, 0x0e));
            $b.0 = _mm_sha256rnds2_epu32($b.0, $b.1, _mm_shuffle_epi32(kb, 0x0e));
        };
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn next_words(w: &[__m128i; 4], at: usize) -> __m128i {
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[at], w[(at + 1) % 4]), _mm_alignr_epi8(w[(at + 3) % 4], w[(at + 2) % 4], 4));
        _mm_sha256msg2_epu32(sum, w[(at + 3) % 4])
    }

    /// Equally many whole blocks of both.
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub unsafe fn compress_both(a_state: &mut [u32; 8], b_state: &mut [u32; 8], a_bytes: &[u8], b_bytes: &[u8]) {
        // SAFETY: the features are the caller's promise, the blocks are whole, K has sixteen groups of four.
        unsafe {
            let (mut a, mut b) = (load_state(a_state), load_state(b_state));
            for (a_block, b_block) in a_bytes.chunks_exact(BLOCK_BYTES).zip(b_bytes.chunks_exact(BLOCK_BYTES)) {
                let (a_before, b_before) = (a, b);
                let (mut wa, mut wb) = (load_block(a_block.as_ptr()), load_block(b_block.as_ptr()));
                four_rounds!(0, a, b, wa, wb, next_words);
                four_rounds!(1, a, b, wa, wb, next_words);
                four_rounds!(2, a, b, wa, wb, next_words);
                four_rounds!(3, a, b, wa, wb, next_words);
                four_rounds!(4, a, b, wa, wb, next_words);
                four_rounds!(5, a, b, wa, wb, next_words);
                four_rounds!(6, a, b, wa, wb, next_words);
                four_rounds!(7, a, b, wa, wb, next_words);
                four_rounds!(8, a, b, wa, wb, next_words);
                four_rounds!(9, a, b, wa, wb, next_words);
                four_rounds!(10, a, b, wa, wb, next_words);
                four_rounds!(11, a, b, wa, wb, next_words);
                four_rounds!(12, a, b, wa, wb);
                four_rounds!(13, a, b, wa, wb);
                four_rounds!(14, a, b, wa, wb);
                four_rounds!(15, a, b, wa, wb);
                a = Halves(_mm_add_epi32(a.0, a_before.0), _mm_add_epi32(a.1, a_before.1));
                b = Halves(_mm_add_epi32(b.0, b_before.0), _mm_add_epi32(b.1, b_before.1));
            }
            store_state(a_state, a);
            store_state(b_state, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn digest(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    fn both(a_bytes: &[u8], b_bytes: &[u8], piece: usize) -> [[u8; 32]; 2] {
        let (mut a, mut b) = (Lane::new(), Lane::new());
        let whole = |bytes: &[u8]| bytes.len() / BLOCK_BYTES * BLOCK_BYTES;
        let (mut at, end) = (0, whole(a_bytes).max(whole(b_bytes)));
        while at < end {
            let part = |bytes: &[u8]| (at.min(whole(bytes)), (at + piece).min(whole(bytes)));
            let ((a_from, a_to), (b_from, b_to)) = (part(a_bytes), part(b_bytes));
            update_both(&mut a, &mut b, &a_bytes[a_from..a_to], &b_bytes[b_from..b_to]);
            at += piece;
        }
        [a.finish(&a_bytes[whole(a_bytes)..]), b.finish(&b_bytes[whole(b_bytes)..])]
    }

    #[test]
    fn two_at_once_are_the_same_as_each_alone() {
        let content: Vec<u8> = (0..10_000u32).map(|index| ((index * 7) ^ (index >> 5)) as u8).collect();
        for a in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 4096, 9999] {
            for b in [0, 1, 55, 64, 191, 192, 5000, 10_000] {
                let (a_bytes, b_bytes) = (&content[..a], &content[10_000 - b..]);
                assert_eq!(both(a_bytes, b_bytes, 640), [digest(a_bytes), digest(b_bytes)], "{a} and {b} bytes");
            }
        }
    }
}
