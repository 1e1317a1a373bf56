//! The searches for a block's scale that K-quants, and the older types with an importance matrix, are made by. The order
//! of every sum is that of ggml: it decides the last bit.

use crate::arithmetic::{Arithmetic, nearest, nearest_scale};

/// Blocks all of whose values are smaller count as zero.
pub const EPSILON: f32 = 1e-15;

/// The value of the greatest magnitude, the first of equals.
#[inline(always)]
pub fn extreme(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |best: f32, value| if value.abs() > best.abs() { *value } else { best })
}

/// Scale and codes (0 to 2 * half - 1) of a block without a minimum: 18 scales are tried around the first one.
/// `weights` absent: the squares of the values.
#[inline(never)]
pub fn symmetric<A: Arithmetic>(half: i32, values: &[f32], weights: Option<&[f32]>, codes: &mut [u8]) -> f32 {
    let max = extreme(values);
    if max.abs() < EPSILON {
        codes.fill(0);
        return 0.0;
    }
    let weight = |at: usize| weights.map_or(values[at] * values[at], |weights| weights[at]);
    let code = |inverse: f32, value: f32| nearest(inverse * value).clamp(-half, half - 1);
    let sums = |inverse: f32| {
        values.iter().enumerate().fold((0.0, 0.0), |(lx, l2), (at, value)| {
            let (weight, level) = (weight(at), code(inverse, *value) as f32);
            (A::fma(weight * value, level, lx), A::fma(weight * level, level, l2))
        })
    };
    let fill = |inverse: f32, codes: &mut [u8]| values.iter().zip(codes).for_each(|(value, target)| *target = (code(inverse, *value) + half) as u8);
    let first = -half as f32 / max;
    let (lx, l2) = sums(first);
    fill(first, codes);
    let mut scale = if l2 != 0.0 { lx / l2 } else { 0.0 };
    let mut best = scale * lx;
    for step in (-9..=9).filter(|step| *step != 0) {
        let inverse = -A::fma(0.1, step as f32, half as f32) / max;
        let (lx, l2) = sums(inverse);
        if l2 > 0.0 && lx * lx > best * l2 {
            fill(inverse, codes);
            scale = lx / l2;
            best = scale * lx;
        }
    }
    scale
}

/// Scale of a Q3_K block without importance: codes are bettered one by one, five times over. Codes are 0 to 7.
#[inline(never)]
pub fn descending<A: Arithmetic>(values: &[f32], codes: &mut [u8]) -> f32 {
    let max = extreme(values);
    if max.abs() < EPSILON {
        codes.fill(0);
        return 0.0;
    }
    let inverse = -4.0 / max;
    let mut levels = [0i32; 16];
    let (mut sum_lx, mut sum_l2) = (0.0f32, 0.0f32);
    for (value, level) in values.iter().zip(&mut levels) {
        *level = nearest(inverse * *value).clamp(-4, 3);
        let weight = value * value;
        sum_lx = A::fma(weight * value, *level as f32, sum_lx);
        sum_l2 = A::fma(weight * *level as f32, *level as f32, sum_l2);
    }
    for _ in 0..5 {
        let mut changed = false;
        for (value, level) in values.iter().zip(&mut levels) {
            let (weight, old) = (value * value, *level as f32);
            let lx = A::fma(-(weight * value), old, sum_lx);
            if lx <= 0.0 || lx.is_nan() {
                continue;
            }
            let l2 = A::fma(-(weight * old), old, sum_l2);
            let better = nearest(value * l2 / lx).clamp(-4, 3);
            if better == *level {
                continue;
            }
            let new = better as f32;
            let (lx, l2) = (A::fma(weight * value, new, lx), A::fma(weight * new, new, l2));
            if l2 > 0.0 && lx * lx * sum_l2 > sum_lx * sum_lx * l2 {
                (*level, sum_lx, sum_l2, changed) = (better, lx, l2, true);
            }
        }
        if !changed {
            break;
        }
    }
    codes.iter_mut().zip(levels).for_each(|(code, level)| *code = (level + 4) as u8);
    if sum_l2 > 0.0 { sum_lx / sum_l2 } else { 0.0 }
}

/// How the scales with a minimum are searched.
pub struct Grid {
    pub most: i32,
    pub start: f32,
    pub step: f32,
    pub steps: i32,
    /// The error is the sum of magnitudes, not of squares.
    pub absolute: bool,
}

/// Scale and minimum (as how far it lies below zero) of a block, with its codes.
#[inline(never)]
pub fn with_minimum<A: Arithmetic>(grid: &Grid, values: &[f32], weights: &[f32], codes: &mut [u8]) -> (f32, f32) {
    let (mut min, mut max) = (values[0], values[0]);
    let (mut sum_w, mut sum_x) = (weights[0], weights[0] * values[0]);
    for (value, weight) in values.iter().zip(weights).skip(1) {
        min = if *value < min { *value } else { min };
        max = if *value > max { *value } else { max };
        sum_w += weight;
        sum_x = A::fma(*weight, *value, sum_x);
    }
    min = if min > 0.0 { 0.0 } else { min };
    if max <= min {
        codes.fill(0);
        return (0.0, -min);
    }
    let code = |inverse: f32, value: f32, min: f32| nearest(inverse * (value - min)).clamp(0, grid.most);
    let error = |codes: &[u8], scale: f32, min: f32| {
        values.iter().zip(weights).zip(codes).fold(0.0, |sum, ((value, weight), code)| {
            let difference = A::fma(scale, f32::from(*code), min) - value;
            A::fma(*weight, if grid.absolute { difference.abs() } else { difference * difference }, sum)
        })
    };
    let inverse = grid.most as f32 / (max - min);
    let mut scale = 1.0 / inverse;
    values.iter().zip(&mut *codes).for_each(|(value, target)| *target = code(inverse, *value, min) as u8);
    let mut best = error(codes, scale, min);
    let mut tried = [0u8; 32];
    let tried = &mut tried[..values.len()];
    for step in 0..=grid.steps {
        let inverse = (A::fma(grid.step, step as f32, grid.start) + grid.most as f32) / (max - min);
        let (mut sum_l, mut sum_l2, mut sum_xl) = (0.0f32, 0.0f32, 0.0f32);
        for ((value, weight), target) in values.iter().zip(weights).zip(&mut *tried) {
            let level = code(inverse, *value, min);
            *target = level as u8;
            let weighed = weight * level as f32;
            sum_l += weighed;
            sum_l2 = A::fma(weighed, level as f32, sum_l2);
            sum_xl = A::fma(weighed, *value, sum_xl);
        }
        let determinant = A::fma(sum_w, sum_l2, -(sum_l * sum_l));
        if determinant <= 0.0 || determinant.is_nan() {
            continue;
        }
        let mut new_scale = A::fma(-sum_x, sum_l, sum_w * sum_xl) / determinant;
        let mut new_min = A::fma(sum_l2, sum_x, -(sum_l * sum_xl)) / determinant;
        if new_min > 0.0 {
            (new_min, new_scale) = (0.0, sum_xl / sum_l2);
        }
        let new_error = error(tried, new_scale, new_min);
        if new_error < best {
            codes.copy_from_slice(tried);
            (best, scale, min) = (new_error, new_scale, new_min);
        }
    }
    (scale, -min)
}

/// The common scale of a super-block's scales, all positive, with their codes.
#[inline(never)]
pub fn of_scales<A: Arithmetic>(most: i32, values: &[f32], weights: &[f32], codes: &mut [u8]) -> f32 {
    let max = values.iter().fold(0.0, |max: f32, value| if max > *value { max } else { *value });
    if max < EPSILON {
        codes.fill(0);
        return 0.0;
    }
    let error = |inverse: f32, bound: i32| {
        let scale = 1.0 / inverse;
        values.iter().zip(weights).fold(0.0, |sum, (value, weight)| {
            let level = nearest_scale::<A>(inverse, *value).min(bound);
            let difference = A::fma(-scale, level as f32, *value);
            A::fma(weight * difference, difference, sum)
        })
    };
    let mut inverse = most as f32 / max;
    let mut best = error(inverse, i32::MAX);
    for step in (-4..=4).filter(|step| *step != 0) {
        let tried = A::fma(0.1, step as f32, most as f32) / max;
        let error = error(tried, most);
        if error < best {
            (best, inverse) = (error, tried);
        }
    }
    let (mut sum_lx, mut sum_l2) = (0.0f32, 0.0f32);
    for ((value, weight), code) in values.iter().zip(weights).zip(&mut *codes) {
        let level = nearest_scale::<A>(inverse, *value).min(most);
        *code = level as u8;
        sum_lx = A::fma(weight * value, level as f32, sum_lx);
        sum_l2 = A::fma(weight * level as f32, level as f32, sum_l2);
    }
    for _ in 0..5 {
        let mut changed = false;
        for ((value, weight), code) in values.iter().zip(weights).zip(&mut *codes) {
            let old = f32::from(*code);
            let (lx, l2) = (A::fma(-(weight * value), old, sum_lx), A::fma(-(weight * old), old, sum_l2));
            if !(lx > 0.0 && l2 > 0.0) {
                continue;
            }
            let better = nearest(value * l2 / lx).min(most);
            if better == i32::from(*code) {
                continue;
            }
            let new = better as f32;
            let (lx, l2) = (A::fma(weight * value, new, lx), A::fma(weight * new, new, l2));
            if lx * lx * sum_l2 > sum_lx * sum_lx * l2 {
                (*code, sum_lx, sum_l2, changed) = (better as u8, lx, l2, true);
            }
        }
        if !changed {
            break;
        }
    }
    if sum_l2 > 0.0 { sum_lx / sum_l2 } else { 0.0 }
}

/// Sum of squares in order.
#[inline(always)]
pub fn squares(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |sum, value| sum + value * value)
}

/// Importance of each value: its column's, times the root of spread and square.
#[inline(always)]
pub fn importance<A: Arithmetic>(values: &[f32], columns: &[f32], spread: f32, weights: &mut [f32]) {
    for ((value, column), weight) in values.iter().zip(columns).zip(weights) {
        *weight = column * A::fma(*value, *value, spread).sqrt();
    }
}
