//! Types whose codes stand for entries of a table: IQ4_NL, IQ4_XS, MXFP4, NVFP4.

use crate::arithmetic::{Arithmetic, nearest_scale};
use crate::blocks::{SUPER, put_half, put_nibbles};
use crate::search::{self, EPSILON};

pub const IQ4: [f32; 16] = [-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0];
/// E2M1, doubled.
pub const FP4: [f32; 16] = [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 0.0, -1.0, -2.0, -3.0, -4.0, -6.0, -8.0, -12.0];
const TRIES: i32 = 7;

/// The table's nearest entry; of two the higher.
#[inline(always)]
fn entry(value: f32) -> usize {
    if value <= IQ4[0] {
        return 0;
    }
    if value >= IQ4[15] || value.is_nan() {
        return 15;
    }
    let (mut low, mut high) = (0, 15);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if value < IQ4[middle] { high = middle } else { low = middle }
    }
    if value - IQ4[high - 1] < IQ4[high] - value { high - 1 } else { high }
}

/// The scale of 32 values, with `weights`.
#[inline(always)]
fn scale_of<A: Arithmetic>(values: &[f32], weights: &[f32]) -> f32 {
    let max = search::extreme(values);
    if max.abs() < EPSILON {
        return 0.0;
    }
    let sums = |inverse: f32| {
        values.iter().zip(weights).fold((0.0, 0.0), |(qx, q2), (value, weight)| {
            let level = IQ4[entry(inverse * value)];
            (A::fma(weight * level, *value, qx), A::fma(weight * level, level, q2))
        })
    };
    let (qx, q2) = sums(1.0 / (-max / IQ4[0]));
    let mut scale = if q2 > 0.0 { qx / q2 } else { 0.0 };
    let mut best = scale * qx;
    for step in -TRIES..=TRIES {
        let (qx, q2) = sums((step as f32 + IQ4[0]) / max);
        if q2 > 0.0 && qx * qx > best * q2 {
            scale = qx / q2;
            best = scale * qx;
        }
    }
    scale
}

/// `extended`: 256 values with eight scales (IQ4_XS); else 32 with one (IQ4_NL).
#[inline(never)]
pub fn iq4<A: Arithmetic>(extended: bool, values: &[f32], importance: Option<&[f32]>, target: &mut [u8]) {
    let count = if extended { 8 } else { 1 };
    let spread = search::squares(values) * (2.0 / values.len() as f32);
    let mut scales = [0.0f32; 8];
    for part in 0..count {
        let (at, mut weights) = (part * 32, [0.0; 32]);
        let values = &values[at..at + 32];
        match importance {
            Some(columns) => search::importance::<A>(values, &columns[at..], spread, &mut weights),
            None => values.iter().zip(&mut weights).for_each(|(value, weight)| *weight = value * value),
        }
        scales[part] = scale_of::<A>(values, &weights);
    }
    let mut codes = [0u8; SUPER];
    let mut fill = |part: usize, inverse: f32| {
        for at in part * 32..part * 32 + 32 {
            codes[at] = entry(inverse * values[at]) as u8;
        }
    };
    if !extended {
        put_half(target, 0, scales[0]);
        fill(0, if scales[0] != 0.0 { 1.0 / scales[0] } else { 0.0 });
        put_nibbles(&mut target[2..], &codes[..32]);
        return;
    }
    let block = -search::extreme(&scales) / 32.0;
    put_half(target, 0, block);
    let inverse = if block != 0.0 { 1.0 / block } else { 0.0 };
    let mut high = 0u16;
    target[4..8].fill(0);
    for (part, scale) in scales.into_iter().enumerate() {
        let level = nearest_scale::<A>(inverse, scale).clamp(-32, 31);
        let step = block * level as f32;
        fill(part, if step != 0.0 { 1.0 / step } else { 0.0 });
        let code = (level + 32) as u8;
        target[4 + part / 2] |= (code & 15) << (part % 2 * 4);
        high |= u16::from(code >> 4) << (2 * part);
    }
    target[2..4].copy_from_slice(&high.to_le_bytes());
    for part in 0..8 {
        put_nibbles(&mut target[8 + part * 16..], &codes[part * 32..part * 32 + 32]);
    }
}

/// The nearest of the E2M1 numbers; of two the first in the table.
#[inline(always)]
fn fp4<A: Arithmetic>(value: f32, scale: f32) -> u8 {
    let (mut best, mut least) = (0, A::fma(FP4[0], scale, -value).abs());
    for (code, level) in FP4.iter().enumerate().skip(1) {
        let error = A::fma(*level, scale, -value).abs();
        if error < least {
            (best, least) = (code, error);
        }
    }
    best as u8
}

/// Half of what the exponent byte says: the table is doubled.
#[inline(always)]
pub fn half_exponent(byte: u8) -> f32 {
    f32::from_bits(if byte < 2 { 0x0020_0000 << byte } else { u32::from(byte - 1) << 23 })
}

#[inline(never)]
pub fn mxfp4<A: Arithmetic>(values: &[f32], target: &mut [u8]) {
    let amax = search::extreme(values).abs();
    let exponent = if amax > 0.0 { (f64::from(amax).log2() as f32).floor() as i32 - 2 + 127 } else { 0 };
    target[0] = exponent as u8;
    let scale = half_exponent(target[0]);
    let mut codes = [0u8; 32];
    codes.iter_mut().zip(values).for_each(|(code, value)| *code = fp4::<A>(*value, scale));
    put_nibbles(&mut target[1..], &codes);
}

/// The unsigned E4M3 scale as a number, halved as the table is doubled.
#[inline(always)]
pub fn from_ue4m3(byte: u8) -> f32 {
    if byte == 0 || byte == 0x7f {
        return 0.0;
    }
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let raw = if exponent == 0 { mantissa * 2f32.powi(-9) } else { (1.0 + mantissa / 8.0) * 2f32.powi(exponent - 7) };
    raw * 0.5
}

/// Ties go up, as the quantiser has it.
#[inline(always)]
fn to_ue4m3(value: f32) -> u8 {
    if value <= 0.0 || value.is_nan() {
        return 0;
    }
    let bits = value.min(448.0).to_bits();
    let (exponent, mantissa) = ((bits >> 23) as i32 - 127 + 7, (bits >> 20 & 7) as i32);
    if exponent <= 0 {
        return ((f32::from_bits(bits) * 512.0 + 0.5) as i32).clamp(0, 7) as u8;
    }
    if exponent >= 15 {
        return 0x7e;
    }
    let rounded = mantissa + (bits >> 19 & 1) as i32;
    let (exponent, mantissa) = if rounded > 7 { (exponent + 1, 0) } else { (exponent, rounded) };
    if exponent >= 15 { 0x7e } else { (exponent << 3 | mantissa) as u8 }
}

#[inline(never)]
pub fn nvfp4<A: Arithmetic>(values: &[f32], target: &mut [u8]) {
    for part in 0..4 {
        let values = &values[part * 16..part * 16 + 16];
        target[part] = to_ue4m3(search::extreme(values).abs() / 6.0);
        let scale = from_ue4m3(target[part]);
        let mut codes = [0u8; 16];
        codes.iter_mut().zip(values).for_each(|(code, value)| *code = fp4::<A>(*value, scale));
        put_nibbles(&mut target[4 + part * 8..], &codes);
    }
}
