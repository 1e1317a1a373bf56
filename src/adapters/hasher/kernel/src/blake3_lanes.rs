//! BLAKE3 of 32 chunks at once with AVX-512. The blake3 crate does 16: their four chains of dependent operations leave much
//! of a core idle that needs two cycles for each (Zen 5), and another 16 in between cost half as much again.

use blake3::hazmat::ChainingValue;

const LANES: usize = 32;
const BLOCK_BYTES: usize = 64;
const CHUNK_BYTES: usize = 1 << 10;
/// Chunks hashed at once.
pub const BATCH_BYTES: usize = LANES * CHUNK_BYTES;
/// Subtrees of at most this length.
pub const MOST_BYTES: usize = 256 << 10;

/// Whether this machine can.
pub fn is_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Appends the chaining values of the subtrees of `leaf_bytes`, a power of two up to `MOST_BYTES`, that make up `bytes`:
/// whole subtrees and whole batches, the first of which begins `offset` bytes into the input, at a multiple of a batch.
#[cfg(target_arch = "x86_64")]
pub fn subtree_values(bytes: &[u8], offset: u64, leaf_bytes: usize, values: &mut Vec<ChainingValue>) {
    assert!(is_here() && leaf_bytes.is_power_of_two() && (CHUNK_BYTES..=MOST_BYTES).contains(&leaf_bytes));
    assert!(bytes.len().is_multiple_of(leaf_bytes.max(BATCH_BYTES)) && offset.is_multiple_of(BATCH_BYTES as u64));
    for (index, piece) in bytes.chunks(MOST_BYTES).enumerate() {
        let first = (offset + (index * MOST_BYTES) as u64) / CHUNK_BYTES as u64;
        let mut nodes = [[0; 32]; MOST_BYTES / CHUNK_BYTES];
        for (batch, chunks) in piece.chunks_exact(BATCH_BYTES).enumerate() {
            let at = batch * LANES;
            // SAFETY: the feature is there.
            nodes[at..at + LANES].copy_from_slice(&unsafe { x86::chunks(chunks, first + at as u64) });
        }
        let (mut count, leaves) = (piece.len() / CHUNK_BYTES, piece.len() / leaf_bytes);
        while count > leaves {
            count /= 2;
            join(&mut nodes, count);
        }
        values.extend_from_slice(&nodes[..count]);
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn subtree_values(_bytes: &[u8], _offset: u64, _leaf_bytes: usize, _values: &mut Vec<ChainingValue>) {
    unreachable!("not here");
}

/// Parents in place of pairs of children; what is computed of more than `parents` means nothing.
#[cfg(target_arch = "x86_64")]
fn join(nodes: &mut [ChainingValue], parents: usize) {
    for at in (0..parents).step_by(LANES) {
        let pairs = nodes[2 * at..2 * (at + LANES)].as_flattened();
        // SAFETY: called where the feature is there.
        let values = unsafe { x86::parents(pairs) };
        nodes[at..at + LANES].copy_from_slice(&values);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BLOCK_BYTES, LANES};
    use blake3::hazmat::ChainingValue;
    use std::arch::asm;
    use std::arch::x86_64::*;

    const IV: [u32; 8] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    const CHUNK_START: u32 = 1;
    const CHUNK_END: u32 = 2;
    const PARENT: u32 = 4;
    /// Blocks of a chunk.
    const CHUNK: usize = 16;

    /// One word of 16 inputs.
    type Word = __m512i;

    /// Of two times 16 inputs; `rounds` knows where everything is.
    #[repr(C, align(64))]
    struct State {
        message: [[Word; 16]; 2],
        values: [[Word; 8]; 2],
        counter_low: [Word; 2],
        counter_high: u32,
        block_bytes: u32,
        flags: u32,
        iv: [u32; 4],
    }

    /// The chaining values of 32 chunks, with numbers from `first`, a multiple of 32, on.
    #[target_feature(enable = "avx512f")]
    pub fn chunks(bytes: &[u8], first: u64) -> [ChainingValue; LANES] {
        let low = _mm512_add_epi32(_mm512_set1_epi32(first as i32), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        hash::<CHUNK>(bytes, [low, _mm512_add_epi32(low, _mm512_set1_epi32(16))], (first >> 32) as u32)
    }

    /// The chaining values above 32 pairs of such.
    #[target_feature(enable = "avx512f")]
    pub fn parents(bytes: &[u8]) -> [ChainingValue; LANES] {
        hash::<1>(bytes, [_mm512_setzero_si512(); 2], 0)
    }

    /// Of 32 inputs of so many blocks, side by side.
    #[target_feature(enable = "avx512f")]
    fn hash<const BLOCKS: usize>(bytes: &[u8], counter_low: [Word; 2], counter_high: u32) -> [ChainingValue; LANES] {
        assert_eq!(bytes.len(), LANES * BLOCKS * BLOCK_BYTES);
        let message = [[_mm512_setzero_si512(); 16]; 2];
        let values = [IV.map(|word| _mm512_set1_epi32(word as i32)); 2];
        let mut state = State { message, values, counter_low, counter_high, block_bytes: BLOCK_BYTES as u32, flags: 0, iv: [IV[0], IV[1], IV[2], IV[3]] };
        for block in 0..BLOCKS {
            state.flags = flags::<BLOCKS>(block);
            for (half, message) in state.message.iter_mut().enumerate() {
                let mut rows = [_mm512_setzero_si512(); 16];
                for (lane, row) in rows.iter_mut().enumerate() {
                    // SAFETY: each input has this block, as asserted.
                    *row = unsafe { _mm512_loadu_si512(bytes.as_ptr().add(((half * 16 + lane) * BLOCKS + block) * BLOCK_BYTES).cast()) };
                }
                *message = transpose(rows);
            }
            rounds(&mut state);
        }
        end(&state.values)
    }

    fn flags<const BLOCKS: usize>(block: usize) -> u32 {
        match block {
            _ if BLOCKS != CHUNK => PARENT,
            0 => CHUNK_START,
            15 => CHUNK_END,
            _ => 0,
        }
    }

    #[target_feature(enable = "avx512f")]
    fn end(values: &[[Word; 8]; 2]) -> [ChainingValue; LANES] {
        let mut chaining_values = [[0; 32]; LANES];
        for (half, words) in values.iter().enumerate() {
            let mut columns = [_mm512_setzero_si512(); 16];
            columns[..8].copy_from_slice(words);
            let rows = transpose(columns);
            for (row, target) in rows.into_iter().zip(&mut chaining_values[half * 16..]) {
                // SAFETY: an unaligned store of 32 bytes.
                unsafe { _mm256_storeu_si256(target.as_mut_ptr().cast(), _mm512_castsi512_si256(row)) };
            }
        }
        chaining_values
    }

    /// Rows to columns of 32-bit words. Plain loops, since the compiler unrolls them.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose(rows: [Word; 16]) -> [Word; 16] {
        let mut pairs = rows;
        for row in [0, 2, 4, 6, 8, 10, 12, 14] {
            pairs[row] = _mm512_unpacklo_epi32(rows[row], rows[row + 1]);
            pairs[row + 1] = _mm512_unpackhi_epi32(rows[row], rows[row + 1]);
        }
        // Word 4 l + j of rows 4 q to 4 q + 3 is the l-th quarter of vector 4 q + j.
        let mut fours = pairs;
        for row in [0, 4, 8, 12] {
            fours[row] = _mm512_unpacklo_epi64(pairs[row], pairs[row + 2]);
            fours[row + 1] = _mm512_unpackhi_epi64(pairs[row], pairs[row + 2]);
            fours[row + 2] = _mm512_unpacklo_epi64(pairs[row + 1], pairs[row + 3]);
            fours[row + 3] = _mm512_unpackhi_epi64(pairs[row + 1], pairs[row + 3]);
        }
        let mut columns = fours;
        for word in 0..4 {
            let (low, high) = ((fours[word], fours[4 + word]), (fours[8 + word], fours[12 + word]));
            let even = (_mm512_shuffle_i32x4::<0x88>(low.0, low.1), _mm512_shuffle_i32x4::<0x88>(high.0, high.1));
            let odd = (_mm512_shuffle_i32x4::<0xdd>(low.0, low.1), _mm512_shuffle_i32x4::<0xdd>(high.0, high.1));
            columns[word] = _mm512_shuffle_i32x4::<0x88>(even.0, even.1);
            columns[4 + word] = _mm512_shuffle_i32x4::<0x88>(odd.0, odd.1);
            columns[8 + word] = _mm512_shuffle_i32x4::<0xdd>(even.0, even.1);
            columns[12 + word] = _mm512_shuffle_i32x4::<0xdd>(odd.0, odd.1);
        }
        columns
    }

    /// Half of G in four columns or diagonals of one half: a, b, c, d and the message word of each.
    macro_rules! half_g {
        ($message:literal, $rotate_d:literal $rotate_b:literal, $([$a:literal $b:literal $c:literal $d:literal $word:literal])*) => {
            concat!(
                $("vpaddd zmm", $a, ", zmm", $a, ", [{state} + ", $message, " + 64 * ", $word, "]\n",)*
                $("vpaddd zmm", $a, ", zmm", $a, ", zmm", $b, "\n",)*
                $("vpxord zmm", $d, ", zmm", $d, ", zmm", $a, "\n",)*
                $("vprord zmm", $d, ", zmm", $d, ", ", $rotate_d, "\n",)*
                $("vpaddd zmm", $c, ", zmm", $c, ", zmm", $d, "\n",)*
                $("vpxord zmm", $b, ", zmm", $b, ", zmm", $c, "\n",)*
                $("vprord zmm", $b, ", zmm", $b, ", ", $rotate_b, "\n",)*
            )
        };
    }

    /// One round of both halves by turns, the message's words in this order.
    macro_rules! round {
        ($m0:literal $m1:literal $m2:literal $m3:literal $m4:literal $m5:literal $m6:literal $m7:literal $m8:literal $m9:literal $m10:literal $m11:literal $m12:literal $m13:literal $m14:literal $m15:literal) => {
            concat!(
                half_g!(0, 16 12, [0 4 8 12 $m0] [1 5 9 13 $m2] [2 6 10 14 $m4] [3 7 11 15 $m6]),
                half_g!(1024, 16 12, [16 20 24 28 $m0] [17 21 25 29 $m2] [18 22 26 30 $m4] [19 23 27 31 $m6]),
                half_g!(0, 8 7, [0 4 8 12 $m1] [1 5 9 13 $m3] [2 6 10 14 $m5] [3 7 11 15 $m7]),
                half_g!(1024, 8 7, [16 20 24 28 $m1] [17 21 25 29 $m3] [18 22 26 30 $m5] [19 23 27 31 $m7]),
                half_g!(0, 16 12, [0 5 10 15 $m8] [1 6 11 12 $m10] [2 7 8 13 $m12] [3 4 9 14 $m14]),
                half_g!(1024, 16 12, [16 21 26 31 $m8] [17 22 27 28 $m10] [18 23 24 29 $m12] [19 20 25 30 $m14]),
                half_g!(0, 8 7, [0 5 10 15 $m9] [1 6 11 12 $m11] [2 7 8 13 $m13] [3 4 9 14 $m15]),
                half_g!(1024, 8 7, [16 21 26 31 $m9] [17 22 27 28 $m11] [18 23 24 29 $m13] [19 20 25 30 $m15]),
            )
        };
    }

    /// For each chaining word: its registers, those of what is folded into it, and its place.
    macro_rules! for_each_value {
        ($macro:ident) => {
            concat!(
                $macro!(0 8 2048), $macro!(1 9 2112), $macro!(2 10 2176), $macro!(3 11 2240), $macro!(4 12 2304), $macro!(5 13 2368), $macro!(6 14 2432), $macro!(7 15 2496),
                $macro!(16 24 2560), $macro!(17 25 2624), $macro!(18 26 2688), $macro!(19 27 2752), $macro!(20 28 2816), $macro!(21 29 2880), $macro!(22 30 2944), $macro!(23 31 3008),
            )
        };
    }

    macro_rules! load {
        ($value:literal $other:literal $place:literal) => {
            concat!("vmovdqa64 zmm", $value, ", [{state} + ", $place, "]\n")
        };
    }

    macro_rules! fold {
        ($value:literal $other:literal $place:literal) => {
            concat!("vpxord zmm", $value, ", zmm", $value, ", zmm", $other, "\n", "vmovdqa64 [{state} + ", $place, "], zmm", $value, "\n")
        };
    }

    /// Compresses one block of all 32 inputs. Their state is all 32 registers, which no compiler manages to keep there: the
    /// first 16 inputs' 16 words are zmm0 to 15, the others' zmm16 to 31.
    #[inline(never)]
    #[target_feature(enable = "avx512f")]
    fn rounds(state: &mut State) {
        // SAFETY: reads and writes the state alone, at the places its `repr(C)` gives; names every register that it changes.
        unsafe {
            asm!(
                for_each_value!(load),
                "vpbroadcastd zmm8, [{state} + 3212]", "vpbroadcastd zmm9, [{state} + 3216]", "vpbroadcastd zmm10, [{state} + 3220]", "vpbroadcastd zmm11, [{state} + 3224]",
                "vmovdqa64 zmm24, zmm8", "vmovdqa64 zmm25, zmm9", "vmovdqa64 zmm26, zmm10", "vmovdqa64 zmm27, zmm11",
                "vmovdqa64 zmm12, [{state} + 3072]", "vmovdqa64 zmm28, [{state} + 3136]",
                "vpbroadcastd zmm13, [{state} + 3200]", "vpbroadcastd zmm14, [{state} + 3204]", "vpbroadcastd zmm15, [{state} + 3208]",
                "vmovdqa64 zmm29, zmm13", "vmovdqa64 zmm30, zmm14", "vmovdqa64 zmm31, zmm15",
                round!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
                round!(2 6 3 10 7 0 4 13 1 11 12 5 9 14 15 8),
                round!(3 4 10 12 13 2 7 14 6 5 9 0 11 15 8 1),
                round!(10 7 12 9 14 3 13 15 4 0 11 2 5 8 1 6),
                round!(12 13 9 11 15 10 14 8 7 2 5 3 0 1 6 4),
                round!(9 14 11 5 8 12 15 1 13 3 0 10 2 6 4 7),
                round!(11 15 5 0 1 9 8 6 14 10 2 12 3 4 7 13),
                for_each_value!(fold),
                state = in(reg) state,
                out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _, out("zmm4") _, out("zmm5") _, out("zmm6") _, out("zmm7") _,
                out("zmm8") _, out("zmm9") _, out("zmm10") _, out("zmm11") _, out("zmm12") _, out("zmm13") _, out("zmm14") _, out("zmm15") _,
                out("zmm16") _, out("zmm17") _, out("zmm18") _, out("zmm19") _, out("zmm20") _, out("zmm21") _, out("zmm22") _, out("zmm23") _,
                out("zmm24") _, out("zmm25") _, out("zmm26") _, out("zmm27") _, out("zmm28") _, out("zmm29") _, out("zmm30") _, out("zmm31") _,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blake3::Hasher;
    use blake3::hazmat::HasherExt;

    #[test]
    fn every_subtree_has_the_crate_s_chaining_value() {
        if !is_here() {
            return println!("no AVX-512 here");
        }
        let content: Vec<u8> = (0..(2 * MOST_BYTES + BATCH_BYTES) as u32).map(|index| ((index * 7) ^ (index >> 5)) as u8).collect();
        for leaf_bytes in (10..=18).map(|log| 1 << log) {
            for batches in [1, 2, 3, 5, 8, 9, 16, 17] {
                let length = batches * BATCH_BYTES / leaf_bytes * leaf_bytes / BATCH_BYTES * BATCH_BYTES;
                // The last crosses from the low to the high half of the counter.
                for offset in [0, 1, 77, (1 << 24) - 1].map(|most: u64| most * MOST_BYTES as u64) {
                    let bytes = &content[..length];
                    let mut values = Vec::new();
                    subtree_values(bytes, offset, leaf_bytes, &mut values);
                    let expected: Vec<_> = bytes
                        .chunks(leaf_bytes)
                        .enumerate()
                        .map(|(index, leaf)| Hasher::new().set_input_offset(offset + (index * leaf_bytes) as u64).update(leaf).finalize_non_root())
                        .collect();
                    assert_eq!(values, expected, "{length} bytes at {offset} in subtrees of {leaf_bytes}");
                }
            }
        }
    }
}
