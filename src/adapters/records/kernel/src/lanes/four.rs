//! Four words side by side: of WebAssembly's 128 bits, else small arrays, of which the compiler makes what the machine has.

use super::BLOCK;

#[cfg(target_arch = "wasm32")]
mod words {
    use super::BLOCK;
    use std::arch::wasm32::*;

    pub type Four = v128;

    pub fn splat(word: u32) -> Four {
        u32x4_splat(word)
    }

    pub fn of(words: [u32; 4]) -> Four {
        u32x4(words[0], words[1], words[2], words[3])
    }

    pub fn words(four: Four) -> [u32; 4] {
        [u32x4_extract_lane::<0>(four), u32x4_extract_lane::<1>(four), u32x4_extract_lane::<2>(four), u32x4_extract_lane::<3>(four)]
    }

    #[inline(always)]
    pub fn add(a: Four, b: Four) -> Four {
        u32x4_add(a, b)
    }

    #[inline(always)]
    pub fn xor(a: Four, b: Four) -> Four {
        v128_xor(a, b)
    }

    #[inline(always)]
    pub fn rotate<const BITS: u32>(a: Four) -> Four {
        match BITS {
            16 => i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(a, a),
            8 => i8x16_shuffle::<1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12>(a, a),
            _ => v128_or(u32x4_shr(a, BITS), u32x4_shl(a, 32 - BITS)),
        }
    }

    /// The sixteen words of four blocks.
    #[inline]
    pub fn columns(rows: [&[u8; BLOCK]; 4]) -> [Four; 16] {
        let mut columns = [splat(0); 16];
        for at in 0..4 {
            // SAFETY: 16 bytes of 64.
            let [a, b, c, d] = rows.map(|row| unsafe { v128_load(row.as_ptr().add(16 * at).cast()) });
            let (low, high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
            let (below, above) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
            columns[4 * at] = i64x2_shuffle::<0, 2>(low, below);
            columns[4 * at + 1] = i64x2_shuffle::<1, 3>(low, below);
            columns[4 * at + 2] = i64x2_shuffle::<0, 2>(high, above);
            columns[4 * at + 3] = i64x2_shuffle::<1, 3>(high, above);
        }
        columns
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod words {
    use super::BLOCK;

    pub type Four = [u32; 4];

    pub fn splat(word: u32) -> Four {
        [word; 4]
    }

    pub fn of(words: [u32; 4]) -> Four {
        words
    }

    pub fn words(four: Four) -> [u32; 4] {
        four
    }

    #[inline(always)]
    pub fn add(a: Four, b: Four) -> Four {
        std::array::from_fn(|lane| a[lane].wrapping_add(b[lane]))
    }

    #[inline(always)]
    pub fn xor(a: Four, b: Four) -> Four {
        std::array::from_fn(|lane| a[lane] ^ b[lane])
    }

    #[inline(always)]
    pub fn rotate<const BITS: u32>(a: Four) -> Four {
        a.map(|word| word.rotate_right(BITS))
    }

    /// The sixteen words of four blocks.
    pub fn columns(rows: [&[u8; BLOCK]; 4]) -> [Four; 16] {
        std::array::from_fn(|at| rows.map(|row| u32::from_le_bytes([row[4 * at], row[4 * at + 1], row[4 * at + 2], row[4 * at + 3]])))
    }
}

pub use words::*;
