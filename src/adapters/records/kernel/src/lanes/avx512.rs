//! Sixteen lanes of AVX-512. Words are loaded a message at a time and transposed.

use super::{BLOCK, Hash, IV, Key, SCHEDULE, flags};
use std::arch::x86_64::*;

pub const LANES: usize = 16;
type Wide = __m512i;

/// Half of four mixes, which do not wait for each other: of the columns, or by a turn of the rows of the diagonals.
#[inline]
#[target_feature(enable = "avx512f")]
fn halfway<const TURN: usize, const FIRST: i32, const SECOND: i32>(v: &mut [Wide; 16], m: &[Wide; LANES], order: [usize; 4]) {
    let row = |row: usize, i: usize| 4 * row + (i + TURN * row) % 4;
    for i in 0..4 {
        v[i] = _mm512_add_epi32(_mm512_add_epi32(v[i], m[order[i]]), v[row(1, i)]);
    }
    for i in 0..4 {
        v[row(3, i)] = _mm512_ror_epi32::<FIRST>(_mm512_xor_si512(v[row(3, i)], v[i]));
    }
    for i in 0..4 {
        v[row(2, i)] = _mm512_add_epi32(v[row(2, i)], v[row(3, i)]);
    }
    for i in 0..4 {
        v[row(1, i)] = _mm512_ror_epi32::<SECOND>(_mm512_xor_si512(v[row(1, i)], v[row(2, i)]));
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn round<const ROUND: usize>(v: &mut [Wide; 16], m: &[Wide; LANES]) {
    let s = const { SCHEDULE[ROUND] };
    halfway::<0, 16, 12>(v, m, [s[0], s[2], s[4], s[6]]);
    halfway::<0, 8, 7>(v, m, [s[1], s[3], s[5], s[7]]);
    halfway::<1, 16, 12>(v, m, [s[8], s[10], s[12], s[14]]);
    halfway::<1, 8, 7>(v, m, [s[9], s[11], s[13], s[15]]);
}

/// The hashes of some messages go to their places.
/// # Safety
/// AVX-512 F, BW and VL. Each message has `blocks` blocks; the last may be short.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn hash<'a>(key: &Key, blocks: usize, group: &[u32], message: impl Fn(u32) -> &'a [u8], out: &mut [Hash]) {
    let done = BLOCK * (blocks - 1);
    let mut rows = [_mm512_setzero_si512(); LANES];
    for some in group.chunks(LANES) {
        // A lane that repeats the last message writes its hash again.
        let places: [u32; LANES] = std::array::from_fn(|lane| some[lane.min(some.len() - 1)]);
        let mut lengths = [0u32; LANES];
        let from: [*const u8; LANES] = std::array::from_fn(|lane| {
            let message = message(places[lane]);
            lengths[lane] = (message.len() - done) as u32;
            message.as_ptr()
        });
        let mut chaining = chaining_of(key);
        for block in 0..blocks - 1 {
            for (row, from) in rows.iter_mut().zip(from) {
                // SAFETY: all blocks but the last are whole.
                *row = unsafe { _mm512_loadu_si512(from.add(BLOCK * block).cast()) };
            }
            chaining = compress(&chaining, transpose(rows), _mm512_set1_epi32(BLOCK as i32), flags(key, block, false));
        }
        for lane in 0..LANES {
            // SAFETY: bytes that are masked out are not read.
            rows[lane] = unsafe { _mm512_maskz_loadu_epi8(low_bits(lengths[lane]), from[lane].add(done).cast()) };
        }
        // SAFETY: sixteen words.
        let lengths = unsafe { _mm512_loadu_si512(lengths.as_ptr().cast()) };
        let hashes = compress(&chaining, transpose(rows), lengths, flags(key, blocks - 1, true));
        store(&hashes, |lane| &mut out[places[lane] as usize]);
    }
}

/// Messages of one block: `length` bytes of two halves. Each hash goes to its place.
/// # Safety
/// AVX-512 F, BW and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn halves<'a>(key: &Key, length: u32, count: usize, of: impl Fn(usize) -> (&'a Hash, &'a Hash), out: &mut [Hash], place: impl Fn(usize) -> usize) {
    let (chaining, length) = (chaining_of(key), _mm512_set1_epi32(length as i32));
    let load = |i: usize| {
        let (left, right) = of(i);
        // SAFETY: 32 bytes each.
        let (left, right) = unsafe { (_mm256_loadu_si256(left.as_ptr().cast()), _mm256_loadu_si256(right.as_ptr().cast())) };
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(left), right)
    };
    let mut rows = [_mm512_setzero_si512(); LANES];
    for start in (0..count).step_by(LANES) {
        for (lane, row) in rows.iter_mut().enumerate() {
            *row = load((start + lane).min(count - 1));
        }
        let hashes = compress(&chaining, transpose(rows), length, flags(key, 0, true));
        // A lane that repeats the last message writes it again.
        store(&hashes, |lane| &mut out[place((start + lane).min(count - 1))]);
    }
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
    round::<0>(&mut v, &m);
    round::<1>(&mut v, &m);
    round::<2>(&mut v, &m);
    round::<3>(&mut v, &m);
    round::<4>(&mut v, &m);
    round::<5>(&mut v, &m);
    round::<6>(&mut v, &m);
    let mut next = *chaining;
    for i in 0..8 {
        next[i] = _mm512_xor_si512(v[i], v[i + 8]);
    }
    next
}

/// Columns of words become hashes.
#[inline]
#[target_feature(enable = "avx512f")]
fn store(columns: &[Wide; 8], mut out: impl FnMut(usize) -> *mut Hash) {
    let first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let (low, high) = (fours(&columns[..4]), fours(&columns[4..]));
    for lane in 0..4 {
        let a = _mm512_permutex2var_epi64(low[lane], first, high[lane]);
        let b = _mm512_permutex2var_epi64(low[lane], second, high[lane]);
        let hashes = [_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64::<1>(a), _mm512_castsi512_si256(b), _mm512_extracti64x4_epi64::<1>(b)];
        for (i, hash) in hashes.into_iter().enumerate() {
            // SAFETY: 32 bytes.
            unsafe { _mm256_storeu_si256(out(4 * i + lane).cast(), hash) };
        }
    }
}

fn low_bits(length: u32) -> u64 {
    if length == BLOCK as u32 { !0 } else { (1 << length) - 1 }
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
