//! The types with one F16 scale for 32 values, with or without a minimum: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.

use crate::arithmetic::Arithmetic;
use crate::blocks::{put_half, put_nibbles};
use crate::search::{self, Grid, extreme};

const BLOCK: usize = 32;

/// The type's bits and whether it has a minimum.
#[derive(Clone, Copy)]
pub struct Form {
    pub five: bool,
    pub minimum: bool,
}

/// One block; `importance` holds the columns' and the mean square of the row.
#[inline(never)]
pub fn block<A: Arithmetic>(form: Form, values: &[f32], importance: Option<(&[f32], f32)>, target: &mut [u8]) {
    let mut codes = [0u8; BLOCK];
    let half = if form.five { 16 } else { 8 };
    let (scale, minimum) = match (importance, form.minimum) {
        (None, false) => plain::<A>(half, values, &mut codes),
        (None, true) => plain_minimum::<A>(form.five, values, &mut codes),
        (Some((columns, spread)), minimum) => {
            let mut weights = [0.0; BLOCK];
            search::importance::<A>(values, columns, spread, &mut weights);
            if minimum {
                let grid = Grid { most: 2 * half - 1, start: -0.9, step: 0.05, steps: 36, absolute: false };
                let (scale, below) = search::with_minimum::<A>(&grid, values, &weights, &mut codes);
                (scale, -below)
            } else {
                (search::symmetric::<A>(half, values, Some(&weights), &mut codes), 0.0)
            }
        }
    };
    put_half(target, 0, scale);
    let mut at = 2;
    if form.minimum {
        put_half(target, 2, minimum);
        at = 4;
    }
    if form.five {
        let high = codes.iter().enumerate().fold(0u32, |high, (index, code)| high | u32::from(code >> 4) << index);
        target[at..at + 4].copy_from_slice(&high.to_le_bytes());
        at += 4;
    }
    put_nibbles(&mut target[at..], &codes);
}

#[inline(always)]
fn plain<A: Arithmetic>(half: i32, values: &[f32], codes: &mut [u8]) -> (f32, f32) {
    let scale = extreme(values) / -half as f32;
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    let (shift, most) = (half as f32 + 0.5, 2 * half as i8 - 1);
    codes.iter_mut().zip(values).for_each(|(code, value)| *code = (A::fma(*value, inverse, shift) as i8).min(most) as u8);
    (scale, 0.0)
}

#[inline(always)]
fn plain_minimum<A: Arithmetic>(five: bool, values: &[f32], codes: &mut [u8]) -> (f32, f32) {
    let (min, max) = values.iter().fold((f32::MAX, -f32::MAX), |(min, max), value| (if *value < min { *value } else { min }, if *value > max { *value } else { max }));
    let most = if five { 31.0 } else { 15.0 };
    let scale = (max - min) / most;
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    for (code, value) in codes.iter_mut().zip(values) {
        let level = A::fma(value - min, inverse, 0.5);
        *code = if five { level as u8 } else { (level as i8).min(15) as u8 };
    }
    (scale, min)
}

/// Q8_0: one block. No arithmetic that could be fused.
#[inline(always)]
pub fn eight(values: &[f32], target: &mut [u8]) {
    let values: &[f32; BLOCK] = values.try_into().unwrap();
    let target: &mut [u8; BLOCK + 2] = target.try_into().unwrap();
    // The bits of magnitudes have their order, and integers are compared eight at a time.
    let greatest = f32::from_bits(values.iter().fold(0, |most, value| most.max(value.to_bits() & 0x7fff_ffff)));
    let scale = greatest / 127.0;
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    put_half(target, 0, scale);
    let mut codes = [0u8; BLOCK];
    for at in 0..BLOCK {
        codes[at] = rounded(values[at] * inverse);
    }
    target[2..].copy_from_slice(&codes);
}

/// Halves go away from zero, for magnitudes up to 127: a half less its last bit, with the sign, and cut off.
#[inline(always)]
fn rounded(value: f32) -> u8 {
    let half = f32::from_bits(0x3eff_ffff | value.to_bits() & 0x8000_0000);
    let finite = if value.abs() < 129.0 { value + half } else { 0.0 };
    // SAFETY: of finite values the quotient by the greatest is at most 127 and a last bit in magnitude; NaN and infinities,
    // whose codes mean nothing, are made 0 first.
    unsafe { finite.to_int_unchecked::<i32>() as u8 }
}
