//! The block types of GGUF: their sizes, and what packs and unpacks the parts that several share.

use crate::floats::{from_f16, to_f16};

/// Elements of a super-block.
pub const SUPER: usize = 256;

/// By GGML's numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q2K = 10,
    Q3K = 11,
    Q4K = 12,
    Q5K = 13,
    Q6K = 14,
    Iq4Nl = 20,
    Iq4Xs = 23,
    Bf16 = 30,
    Tq1_0 = 34,
    Tq2_0 = 35,
    Mxfp4 = 39,
    Nvfp4 = 40,
}

const KINDS: [Kind; 19] = [
    Kind::F32,
    Kind::F16,
    Kind::Q4_0,
    Kind::Q4_1,
    Kind::Q5_0,
    Kind::Q5_1,
    Kind::Q8_0,
    Kind::Q2K,
    Kind::Q3K,
    Kind::Q4K,
    Kind::Q5K,
    Kind::Q6K,
    Kind::Iq4Nl,
    Kind::Iq4Xs,
    Kind::Bf16,
    Kind::Tq1_0,
    Kind::Tq2_0,
    Kind::Mxfp4,
    Kind::Nvfp4,
];

impl Kind {
    pub fn of(number: u32) -> Option<Self> {
        KINDS.into_iter().find(|kind| *kind as u32 == number)
    }

    /// Elements and bytes of a block.
    pub const fn sizes(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 | Self::Iq4Nl => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q2K => (SUPER, 84),
            Self::Q3K => (SUPER, 110),
            Self::Q4K => (SUPER, 144),
            Self::Q5K => (SUPER, 176),
            Self::Q6K => (SUPER, 210),
            Self::Iq4Xs => (SUPER, 136),
            Self::Tq1_0 => (SUPER, 54),
            Self::Tq2_0 => (SUPER, 66),
            Self::Mxfp4 => (32, 17),
            Self::Nvfp4 => (64, 36),
        }
    }
}

#[inline(always)]
pub fn put_half(block: &mut [u8], at: usize, value: f32) {
    block[at..at + 2].copy_from_slice(&to_f16(value).to_le_bytes());
}

#[inline(always)]
pub fn half(block: &[u8], at: usize) -> f32 {
    from_f16(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// Eight pairs of 6-bit scale and minimum in twelve bytes (Q4_K, Q5_K).
#[inline(always)]
pub fn put_pairs(packed: &mut [u8], pairs: &[(u8, u8); 8]) {
    packed[..12].fill(0);
    for (index, (scale, minimum)) in pairs.iter().enumerate() {
        if index < 4 {
            packed[index] |= scale;
            packed[index + 4] |= minimum;
        } else {
            packed[index + 4] = scale & 15 | (minimum & 15) << 4;
            packed[index - 4] |= scale >> 4 << 6;
            packed[index] |= minimum >> 4 << 6;
        }
    }
}

/// The scales and the minima.
#[inline(always)]
pub fn pairs(packed: &[u8]) -> ([u8; 8], [u8; 8]) {
    let [scales, minima, rest] = words(packed);
    let (mut high, mut low) = ([0; 8], [0; 8]);
    put_words(&mut high, [scales & 0x3f3f_3f3f, rest & 0x0f0f_0f0f | (scales >> 6 & 0x0303_0303) << 4]);
    put_words(&mut low, [minima & 0x3f3f_3f3f, rest >> 4 & 0x0f0f_0f0f | (minima >> 6 & 0x0303_0303) << 4]);
    (high, low)
}

/// Twelve bytes, four at a time.
#[inline(always)]
fn words(packed: &[u8]) -> [u32; 3] {
    let packed: &[u8; 12] = packed[..12].try_into().unwrap();
    let word = |at: usize| u32::from_le_bytes([packed[at], packed[at + 1], packed[at + 2], packed[at + 3]]);
    [word(0), word(4), word(8)]
}

#[inline(always)]
fn put_words<const N: usize>(target: &mut [u8], words: [u32; N]) {
    target.as_chunks_mut().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
}

/// Sixteen 6-bit scales in twelve bytes (Q3_K), 0 to 63.
#[inline(always)]
pub fn put_sixteen(packed: &mut [u8], scales: &[u8; 16]) {
    packed[..12].fill(0);
    for (index, scale) in scales.iter().enumerate() {
        packed[index % 8] |= (scale & 15) << (index / 8 * 4);
        packed[8 + index % 4] |= scale >> 4 << (index / 4 * 2);
    }
}

#[inline(always)]
pub fn sixteen(packed: &[u8]) -> [u8; 16] {
    let [even, odd, rest] = words(packed);
    let high = |part: u32| (rest >> (2 * part) & 0x0303_0303) << 4;
    let mut scales = [0; 16];
    put_words(&mut scales, [even & 0x0f0f_0f0f | high(0), odd & 0x0f0f_0f0f | high(1), even >> 4 & 0x0f0f_0f0f | high(2), odd >> 4 & 0x0f0f_0f0f | high(3)]);
    scales
}

/// 2-bit codes of a super-block, four in a byte with 32 elements between them (Q2_K, Q3_K).
#[inline(always)]
pub fn put_twos(packed: &mut [u8], codes: &[u8; SUPER]) {
    for (at, byte) in packed[..64].iter_mut().enumerate() {
        let first = at / 32 * 128 + at % 32;
        *byte = (0..4).fold(0, |byte, part| byte | (codes[first + 32 * part] & 3) << (2 * part));
    }
}

#[inline(always)]
pub fn twos(packed: &[u8], codes: &mut [u8; SUPER]) {
    for (packed, codes) in packed.as_chunks::<32>().0.iter().zip(codes.as_chunks_mut::<128>().0) {
        for (part, codes) in codes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            put_eights(codes, fields(packed, 2 * part as u32, 3));
        }
    }
}

/// The same field of each of 32 bytes, eight bytes at a time.
#[inline(always)]
fn fields(packed: &[u8; 32], shift: u32, mask: u8) -> [u64; 4] {
    let mut words = [0; 4];
    words.iter_mut().zip(packed.as_chunks().0).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes) >> shift & each(mask));
    words
}

/// A byte eight times.
#[inline(always)]
const fn each(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

#[inline(always)]
fn put_eights(codes: &mut [u8], words: [u64; 4]) {
    codes.as_chunks_mut().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
}

/// 4-bit codes of 64 elements in 32 bytes: the first half low, the second high (Q4_K, Q5_K).
#[inline(always)]
pub fn put_fours(packed: &mut [u8], codes: &[u8; SUPER]) {
    for (at, byte) in packed[..128].iter_mut().enumerate() {
        let first = at / 32 * 64 + at % 32;
        *byte = codes[first] & 15 | (codes[first + 32] & 15) << 4;
    }
}

#[inline(always)]
pub fn fours(packed: &[u8], codes: &mut [u8; SUPER]) {
    for (packed, codes) in packed.as_chunks::<32>().0.iter().zip(codes.as_chunks_mut::<64>().0) {
        put_eights(&mut codes[..32], fields(packed, 0, 15));
        put_eights(&mut codes[32..], fields(packed, 4, 15));
    }
}

/// One more bit of each code, from 32 bytes that hold the eight bits of every 32nd element (Q3_K, Q5_K).
#[inline(always)]
pub fn more_bits(packed: &[u8], bit: u8, codes: &mut [u8; SUPER]) {
    let packed: &[u8; 32] = packed[..32].try_into().unwrap();
    for (part, codes) in codes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (low, high) = (fields(codes, 0, 255), fields(packed, part as u32, 1));
        put_eights(codes, std::array::from_fn(|at| low[at] | high[at] << bit));
    }
}

/// 6-bit codes: of 128 elements the low halves in 64 bytes, the rest in 32 (Q6_K).
#[inline(always)]
pub fn sixes(low: &[u8], high: &[u8], codes: &mut [u8; SUPER]) {
    let (low, high) = (low.as_chunks::<64>().0, high.as_chunks::<32>().0);
    for ((low, high), codes) in low.iter().zip(high).zip(codes.as_chunks_mut::<128>().0) {
        for (part, codes) in codes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let own: &[u8; 32] = low[part % 2 * 32..][..32].try_into().unwrap();
            let (low, high) = (fields(own, part as u32 / 2 * 4, 15), fields(high, 2 * part as u32, 3));
            put_eights(codes, std::array::from_fn(|at| low[at] | high[at] << 4));
        }
    }
}

/// 4-bit codes of 32 elements in 16 bytes: the first half low, the second high (legacy types, IQ4, MXFP4).
#[inline(always)]
pub fn put_nibbles(packed: &mut [u8], codes: &[u8]) {
    let half = codes.len() / 2;
    for (at, byte) in packed[..half].iter_mut().enumerate() {
        *byte = codes[at] & 15 | (codes[at + half] & 15) << 4;
    }
}

#[inline(always)]
pub fn nibbles(packed: &[u8], codes: &mut [u8]) {
    let half = codes.len() / 2;
    for (at, byte) in packed[..half].iter().enumerate() {
        codes[at] = byte & 15;
        codes[at + half] = byte >> 4;
    }
}
