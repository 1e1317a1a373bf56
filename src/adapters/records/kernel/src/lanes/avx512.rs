//! Sixteen lanes of AVX-512. Words are loaded a message at a time and transposed.

use super::{BLOCK, Hash, IV, Key, SCHEDULE, flags};
use std::arch::x86_64::*;

pub const LANES: usize = 16;
type Wide = __m512i;

macro_rules! mix {
    ($v:ident, $a:expr, $b:expr, $c:expr, $d:expr, $x:expr, $y:expr) => {
        $v[$a] = _mm512_add_epi32(_mm512_add_epi32($v[$a], $x), $v[$b]);
        $v[$d] = _mm512_ror_epi32::<16>(_mm512_xor_si512($v[$d], $v[$a]));
        $v[$c] = _mm512_add_epi32($v[$c], $v[$d]);
        $v[$b] = _mm512_ror_epi32::<12>(_mm512_xor_si512($v[$b], $v[$c]));
        $v[$a] = _mm512_add_epi32(_mm512_add_epi32($v[$a], $y), $v[$b]);
        $v[$d] = _mm512_ror_epi32::<8>(_mm512_xor_si512($v[$d], $v[$a]));
        $v[$c] = _mm512_add_epi32($v[$c], $v[$d]);
        $v[$b] = _mm512_ror_epi32::<7>(_mm512_xor_si512($v[$b], $v[$c]));
    };
}

macro_rules! round {
    ($v:ident, $m:ident, $round:literal) => {{
        const S: [usize; 16] = SCHEDULE[$round];
        mix!($v, 0, 4, 8, 12, $m[S[0]], $m[S[1]]);
        mix!($v, 1, 5, 9, 13, $m[S[2]], $m[S[3]]);
        mix!($v, 2, 6, 10, 14, $m[S[4]], $m[S[5]]);
        mix!($v, 3, 7, 11, 15, $m[S[6]], $m[S[7]]);
        mix!($v, 0, 5, 10, 15, $m[S[8]], $m[S[9]]);
        mix!($v, 1, 6, 11, 12, $m[S[10]], $m[S[11]]);
        mix!($v, 2, 7, 8, 13, $m[S[12]], $m[S[13]]);
        mix!($v, 3, 4, 9, 14, $m[S[14]], $m[S[15]]);
    }};
}

/// # Safety
/// AVX-512 F, BW and VL. Each message has `blocks` blocks; the last may be short.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn hash(key: &Key, messages: &[&[u8]; LANES], blocks: usize, out: &mut [Hash; LANES]) {
    let mut chaining = chaining_of(key);
    let mut rows = [_mm512_setzero_si512(); LANES];
    for block in 0..blocks - 1 {
        for (row, message) in rows.iter_mut().zip(messages) {
            // SAFETY: all blocks but the last are whole.
            *row = unsafe { _mm512_loadu_si512(message.as_ptr().add(BLOCK * block).cast()) };
        }
        chaining = compress(&chaining, transpose(rows), _mm512_set1_epi32(BLOCK as i32), flags(key, block, false));
    }
    let done = BLOCK * (blocks - 1);
    let mut lengths = [0u32; LANES];
    for lane in 0..LANES {
        let length = messages[lane].len() - done;
        lengths[lane] = length as u32;
        // SAFETY: bytes that are masked out are not read.
        rows[lane] = unsafe { _mm512_maskz_loadu_epi8(low_bits(length), messages[lane].as_ptr().add(done).cast()) };
    }
    // SAFETY: sixteen words.
    let lengths = unsafe { _mm512_loadu_si512(lengths.as_ptr().cast()) };
    store(&compress(&chaining, transpose(rows), lengths, flags(key, blocks - 1, true)), out);
}

/// Messages of one block: `length` bytes of two halves.
/// # Safety
/// AVX-512 F, BW and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn halves(key: &Key, messages: &[(&Hash, &Hash); LANES], length: u32, out: &mut [Hash; LANES]) {
    let mut rows = [_mm512_setzero_si512(); LANES];
    for (row, (left, right)) in rows.iter_mut().zip(messages) {
        // SAFETY: 32 bytes each.
        let (left, right) = unsafe { (_mm256_loadu_si256(left.as_ptr().cast()), _mm256_loadu_si256(right.as_ptr().cast())) };
        *row = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(left), right);
    }
    store(&compress(&chaining_of(key), transpose(rows), _mm512_set1_epi32(length as i32), flags(key, 0, true)), out);
}

#[inline]
#[target_feature(enable = "avx512f")]
fn chaining_of(key: &Key) -> [Wide; 8] {
    let mut chaining = [_mm512_setzero_si512(); 8];
    for (wide, word) in chaining.iter_mut().zip(key.words) {
        *wide = _mm512_set1_epi32(word as i32);
    }
    chaining
}

#[inline]
#[target_feature(enable = "avx512f")]
fn compress(chaining: &[Wide; 8], m: [Wide; LANES], lengths: Wide, flags: u32) -> [Wide; 8] {
    let mut v = [_mm512_setzero_si512(); 16];
    v[..8].copy_from_slice(chaining);
    for i in 0..4 {
        v[8 + i] = _mm512_set1_epi32(IV[i] as i32);
    }
    v[14] = lengths;
    v[15] = _mm512_set1_epi32(flags as i32);
    round!(v, m, 0);
    round!(v, m, 1);
    round!(v, m, 2);
    round!(v, m, 3);
    round!(v, m, 4);
    round!(v, m, 5);
    round!(v, m, 6);
    let mut next = *chaining;
    for i in 0..8 {
        next[i] = _mm512_xor_si512(v[i], v[i + 8]);
    }
    next
}

/// Columns of words become hashes.
#[inline]
#[target_feature(enable = "avx512f")]
fn store(columns: &[Wide; 8], out: &mut [Hash; LANES]) {
    let first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let (low, high) = (fours(&columns[..4]), fours(&columns[4..]));
    for lane in 0..4 {
        let a = _mm512_permutex2var_epi64(low[lane], first, high[lane]);
        let b = _mm512_permutex2var_epi64(low[lane], second, high[lane]);
        let hashes = [_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64::<1>(a), _mm512_castsi512_si256(b), _mm512_extracti64x4_epi64::<1>(b)];
        for (i, hash) in hashes.into_iter().enumerate() {
            // SAFETY: 32 bytes.
            unsafe { _mm256_storeu_si256(out[4 * i + lane].as_mut_ptr().cast(), hash) };
        }
    }
}

fn low_bits(length: usize) -> u64 {
    if length == BLOCK { !0 } else { (1 << length) - 1 }
}

/// Four columns → in each quarter of the registers the four words of a lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn fours(rows: &[Wide]) -> [Wide; 4] {
    let (a, b) = (_mm512_unpacklo_epi32(rows[0], rows[1]), _mm512_unpacklo_epi32(rows[2], rows[3]));
    let (c, d) = (_mm512_unpackhi_epi32(rows[0], rows[1]), _mm512_unpackhi_epi32(rows[2], rows[3]));
    [_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b), _mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d)]
}

/// Rows of sixteen words → columns.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [Wide; LANES]) -> [Wide; LANES] {
    let quarters = [fours(&rows[..4]), fours(&rows[4..8]), fours(&rows[8..12]), fours(&rows[12..])];
    let mut columns = rows;
    for w in 0..4 {
        let [first, second, third, fourth] = [quarters[0][w], quarters[1][w], quarters[2][w], quarters[3][w]];
        let (a, b) = (_mm512_shuffle_i32x4::<0x88>(first, second), _mm512_shuffle_i32x4::<0x88>(third, fourth));
        let (d, e) = (_mm512_shuffle_i32x4::<0xdd>(first, second), _mm512_shuffle_i32x4::<0xdd>(third, fourth));
        columns[w] = _mm512_shuffle_i32x4::<0x88>(a, b);
        columns[4 + w] = _mm512_shuffle_i32x4::<0x88>(d, e);
        columns[8 + w] = _mm512_shuffle_i32x4::<0xdd>(a, b);
        columns[12 + w] = _mm512_shuffle_i32x4::<0xdd>(d, e);
    }
    columns
}
