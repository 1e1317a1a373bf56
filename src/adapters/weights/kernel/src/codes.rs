//! What the codes of a block stand for: the same reading for whoever judges them and whoever wants their values.

use crate::blocks::{Kind, SUPER, fours, half, more_bits, nibbles, pairs, sixes, sixteen, twos};
use crate::nonlinear::{FP4, IQ4, from_ue4m3, half_exponent};
use crate::ternary;

const HALF_ULP: f32 = 1.0 / 2048.0;
/// Below this F16 has no scale.
pub const LEAST_SCALE: f32 = 6e-8;

/// What is done with the parts of a block, in their order.
pub trait Parts {
    /// Elements from `at` of the block are `low + scale * code`.
    fn steps(&mut self, at: usize, sub: &Sub, codes: &[u8]);
    /// Elements are entries of a table times a scale, which is a multiple of `unit`.
    fn entries(&mut self, at: usize, table: &[f32; 16], scale_and_unit: (f32, f32), codes: &[u8]);
}

/// Sub-blocks of one type.
pub struct Sub {
    /// A code's step, as stored, and the value of code zero.
    pub scale: f32,
    pub low: f32,
    /// The scale that is multiplied by a code to give `scale`, and the same of `low`.
    pub unit: f32,
    pub low_unit: f32,
    /// The greatest code.
    pub most: f32,
    /// What rounding of the scale explains, in steps.
    pub slack: f32,
    /// The type's codes may be searched with importance and not be rounded again.
    pub searched: bool,
}

/// How far a number may be from what F16 made of it, in units of it: below 2^-14 F16's steps are even.
#[inline(always)]
pub fn rounding(half: f32) -> f32 {
    HALF_ULP.max(LEAST_SCALE / 2.0 / half.abs().max(LEAST_SCALE / 2.0))
}

/// Nothing for types without blocks.
#[inline(always)]
pub fn each_part(kind: Kind, block: &[u8], parts: &mut impl Parts) {
    let mut codes = [0u8; SUPER];
    match kind {
        Kind::Q8_0 => {
            let scale = half(block, 0);
            let codes: [u8; 32] = std::array::from_fn(|at| block[2 + at].wrapping_add(128));
            parts.steps(0, &old(scale, -128.0 * scale, 255.0, 127.0, false), &codes);
        }
        Kind::Q4_0 | Kind::Q4_1 | Kind::Q5_0 | Kind::Q5_1 => {
            let (five, minimum) = (matches!(kind, Kind::Q5_0 | Kind::Q5_1), matches!(kind, Kind::Q4_1 | Kind::Q5_1));
            let (scale, middle) = (half(block, 0), if five { 16.0 } else { 8.0 });
            let low = if minimum { half(block, 2) } else { -middle * scale };
            let at = if minimum { 4 } else { 2 };
            nibbles(&block[if five { at + 4 } else { at }..], &mut codes[..32]);
            if five {
                let high = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
                codes[..32].iter_mut().enumerate().for_each(|(index, code)| *code |= (high >> index & 1) as u8 * 16);
            }
            let reach = if minimum { 2.0 * middle - 1.0 } else { middle };
            parts.steps(0, &old(scale, low, 2.0 * middle - 1.0, reach, minimum), &codes[..32]);
        }
        Kind::Q2K => {
            let (scale, below) = (half(block, 80), half(block, 82));
            twos(&block[16..80], &mut codes);
            for part in 0..16 {
                let (high, low) = (f32::from(block[part] & 15), f32::from(block[part] >> 4));
                parts.steps(part * 16, &k(scale, high, below, low, 3.0), &codes[part * 16..][..16]);
            }
        }
        Kind::Q3K => {
            let scale = half(block, 108);
            twos(&block[32..96], &mut codes);
            more_bits(block, 2, &mut codes);
            for (part, code) in sixteen(&block[96..]).into_iter().enumerate() {
                parts.steps(part * 16, &centred(scale, f32::from(code) - 32.0, 4.0, 7.0), &codes[part * 16..][..16]);
            }
        }
        Kind::Q4K | Kind::Q5K => {
            let five = kind == Kind::Q5K;
            let (scale, below) = (half(block, 0), half(block, 2));
            fours(&block[if five { 48 } else { 16 }..], &mut codes);
            if five {
                more_bits(&block[16..], 4, &mut codes);
            }
            let (scales, minima) = pairs(&block[4..]);
            for (part, (high, low)) in scales.into_iter().zip(minima).enumerate() {
                parts.steps(part * 32, &k(scale, f32::from(high), below, f32::from(low), if five { 31.0 } else { 15.0 }), &codes[part * 32..][..32]);
            }
        }
        Kind::Q6K => {
            sixes(&block[..128], &block[128..192], &mut codes);
            let scale = half(block, 208);
            for part in 0..16 {
                parts.steps(part * 16, &centred(scale, f32::from(block[192 + part] as i8), 32.0, 63.0), &codes[part * 16..][..16]);
            }
        }
        Kind::Iq4Nl => {
            nibbles(&block[2..], &mut codes[..32]);
            parts.entries(0, &IQ4, (half(block, 0), half(block, 0)), &codes[..32]);
        }
        Kind::Iq4Xs => {
            let (scale, high) = (half(block, 0), u16::from_le_bytes([block[2], block[3]]));
            for part in 0..8 {
                let level = block[4 + part / 2] >> (part % 2 * 4) & 15 | ((high >> (2 * part) & 3) as u8) << 4;
                nibbles(&block[8 + part * 16..], &mut codes[..32]);
                parts.entries(part * 32, &IQ4, (scale * (f32::from(level) - 32.0), scale), &codes[..32]);
            }
        }
        Kind::Mxfp4 => {
            nibbles(&block[1..], &mut codes[..32]);
            parts.entries(0, &FP4, (half_exponent(block[0]), 0.0), &codes[..32]);
        }
        Kind::Nvfp4 => {
            for part in 0..4 {
                nibbles(&block[4 + part * 8..], &mut codes[..16]);
                parts.entries(part * 16, &FP4, (from_ue4m3(block[part]), 0.0), &codes[..16]);
            }
        }
        Kind::Tq1_0 | Kind::Tq2_0 => {
            let one = kind == Kind::Tq1_0;
            unpack_trits(one, block, &mut codes);
            let scale = half(block, if one { 52 } else { 64 });
            parts.steps(0, &old(scale, -scale, 2.0, 1.0, false), &codes);
        }
        Kind::F32 | Kind::F16 | Kind::Bf16 => {}
    }
}

#[inline(always)]
fn unpack_trits(one: bool, block: &[u8], codes: &mut [u8; SUPER]) {
    for (byte, packed) in block[..if one { 52 } else { 64 }].iter().enumerate() {
        let (first, distance, count) = if one { ternary::five(byte) } else { (byte / 32 * 128 + byte % 32, 32, 4) };
        for digit in 0..count {
            codes[first + digit * distance] = if one { (u16::from(packed.wrapping_mul(3u8.pow(digit as u32))) * 3 >> 8) as u8 } else { packed >> (2 * digit) & 3 };
        }
    }
}

/// Types whose codes were rounded before the scale was: `reach` is the greatest magnitude of a code.
#[inline(always)]
fn old(scale: f32, low: f32, most: f32, reach: f32, minimum: bool) -> Sub {
    let shifted = if minimum && scale != 0.0 { (low / scale).abs() } else { 0.0 };
    let slack = reach * rounding(scale) + shifted * rounding(low) + 1e-4;
    let searched = most < 127.0 && most > 2.0;
    Sub { scale, low, unit: scale, low_unit: if minimum { low * HALF_ULP } else { 0.0 }, most, slack, searched }
}

#[inline(always)]
fn k(scale: f32, code: f32, below: f32, below_code: f32, most: f32) -> Sub {
    Sub { scale: scale * code, low: -(below * below_code), unit: scale, low_unit: below, most, slack: 1e-5, searched: false }
}

#[inline(always)]
fn centred(scale: f32, code: f32, middle: f32, most: f32) -> Sub {
    let step = scale * code;
    Sub { scale: step, low: -middle * step, unit: scale, low_unit: 0.0, most, slack: 1e-4, searched: false }
}
