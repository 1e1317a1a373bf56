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
    ($v:ident, $m:ident, $round:literal) => {
        const S: [usize; 16] = SCHEDULE[$round];
        mix!($v, 0, 4, 8, 12, $m[S[0]], $m[S[1]]);
        mix!($v, 1, 5, 9, 13, $m[S[2]], $m[S[3]]);
        mix!($v, 2, 6, 10, 14, $m[S[4]], $m[S[5]]);
        mix!($v, 3, 7, 11, 15, $m[S[6]], $m[S[7]]);
        mix!($v, 0, 5, 10, 15, $m[S[8]], $m[S[9]]);
        mix!($v, 1, 6, 11, 12, $m[S[10]], $m[S[11]]);
        mix!($v, 2, 7, 8, 13, $m[S[12]], $m[S[13]]);
        mix!($v, 3, 4, 9, 14, $m[S[14]], $m[S[15]]);
    };
}

/// # Safety
/// AVX-512 F, BW and VL. Each message has `blocks` blocks; the last may be short.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn hash(key: &Key, messages: &[&[u8]; LANES], blocks: usize, out: &mut [Hash; LANES]) {
    let mut chaining: [Wide; 8] = std::array::from_fn(|i| _mm512_set1_epi32(key.words[i] as i32));
    for block in 0..blocks {
        let last = block + 1 == blocks;
        let mut rows = [_mm512_setzero_si512(); LANES];
        let mut lengths = [BLOCK as u32; LANES];
        for lane in 0..LANES {
            let rest = &messages[lane][BLOCK * block..];
            let length = rest.len().min(BLOCK);
            lengths[lane] = length as u32;
            let mask = low_bits(length);
            // SAFETY: bytes that are masked out are not read.
            rows[lane] = unsafe { _mm512_maskz_loadu_epi8(mask, rest.as_ptr().cast()) };
        }
        let m = transpose(rows);
        // SAFETY: sixteen words.
        let lengths = unsafe { _mm512_loadu_si512(lengths.as_ptr().cast()) };
        let mut v: [Wide; 16] = std::array::from_fn(|i| match i {
            0..8 => chaining[i],
            8..12 => _mm512_set1_epi32(IV[i - 8] as i32),
            12 | 13 => _mm512_setzero_si512(),
            14 => lengths,
            _ => _mm512_set1_epi32(flags(key, block, last) as i32),
        });
        {
            round!(v, m, 0);
        }
        {
            round!(v, m, 1);
        }
        {
            round!(v, m, 2);
        }
        {
            round!(v, m, 3);
        }
        {
            round!(v, m, 4);
        }
        {
            round!(v, m, 5);
        }
        {
            round!(v, m, 6);
        }
        for i in 0..8 {
            chaining[i] = _mm512_xor_si512(v[i], v[i + 8]);
        }
    }
    let mut columns = [_mm512_setzero_si512(); LANES];
    columns[..8].copy_from_slice(&chaining);
    for (hash, row) in out.iter_mut().zip(transpose(columns)) {
        // SAFETY: 32 bytes.
        unsafe { _mm256_storeu_si256(hash.as_mut_ptr().cast(), _mm512_castsi512_si256(row)) };
    }
}

fn low_bits(length: usize) -> u64 {
    if length == BLOCK { !0 } else { (1 << length) - 1 }
}

/// Rows of sixteen words ↔ columns.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn transpose(rows: [Wide; 16]) -> [Wide; 16] {
    let mut pairs = rows;
    for i in [0, 2, 4, 6, 8, 10, 12, 14] {
        pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    let mut fours = pairs;
    for i in [0, 4, 8, 12] {
        fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    let mut columns = fours;
    for w in 0..4 {
        let (a, b) = (_mm512_shuffle_i32x4::<0x88>(fours[w], fours[4 + w]), _mm512_shuffle_i32x4::<0x88>(fours[8 + w], fours[12 + w]));
        let (d, e) = (_mm512_shuffle_i32x4::<0xdd>(fours[w], fours[4 + w]), _mm512_shuffle_i32x4::<0xdd>(fours[8 + w], fours[12 + w]));
        columns[w] = _mm512_shuffle_i32x4::<0x88>(a, b);
        columns[4 + w] = _mm512_shuffle_i32x4::<0x88>(d, e);
        columns[8 + w] = _mm512_shuffle_i32x4::<0xdd>(a, b);
        columns[12 + w] = _mm512_shuffle_i32x4::<0xdd>(d, e);
    }
    columns
}
