//! Codes -1, 0, 1 by the greatest magnitude of 256: TQ1_0 (five in a byte), TQ2_0 (four).

use crate::blocks::{SUPER, put_half};
use crate::search::extreme;

/// 0, 1, 2 for -1, 0, 1.
#[inline(always)]
fn trits(values: &[f32], target: &mut [u8], at: usize) -> [u8; SUPER] {
    let scale = extreme(values).abs();
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    put_half(target, at, scale);
    std::array::from_fn(|at| ((values[at] * inverse).round() as i32 + 1) as u8)
}

/// Where each byte of TQ1_0 takes its five codes (the last four bytes: four) from: first, distance, count.
#[inline(always)]
pub fn five(byte: usize) -> (usize, usize, usize) {
    match byte {
        0..32 => (byte, 32, 5),
        32..48 => (160 + byte - 32, 16, 5),
        _ => (240 + byte - 48, 4, 4),
    }
}

#[inline(never)]
pub fn one(values: &[f32], target: &mut [u8]) {
    let codes = trits(values, target, 52);
    for byte in 0..52 {
        let (first, distance, count) = five(byte);
        let number = (0..5).fold(0u16, |number, digit| number * 3 + if digit < count { u16::from(codes[first + digit * distance]) } else { 0 });
        target[byte] = ((number * 256 + 242) / 243) as u8;
    }
}

#[inline(never)]
pub fn two(values: &[f32], target: &mut [u8]) {
    let codes = trits(values, target, 64);
    for byte in 0..64 {
        let first = byte / 32 * 128 + byte % 32;
        target[byte] = (0..4).fold(0, |packed, part| packed | (codes[first + 32 * part] & 3) << (2 * part));
    }
}
