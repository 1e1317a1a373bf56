//! K-quants: 256 values with 8 or 16 sub-blocks, whose scales (and minima) are themselves quantised. Whatever the search
//! finds, the codes are rounded again for the scales as they are stored.

use crate::arithmetic::{Arithmetic, nearest, nearest_scale};
use crate::blocks::{SUPER, half, pairs, put_fours, put_half, put_pairs, put_sixteen, put_twos};
use crate::search::{self, EPSILON, Grid};

type Codes = [u8; SUPER];

/// Codes for a stored scale and minimum; a scale of zero leaves those of the search.
#[inline(always)]
fn round_again(values: &[f32], scale: f32, below: f32, (least, most): (i32, i32), codes: &mut [u8]) {
    if scale == 0.0 {
        return;
    }
    for (value, code) in values.iter().zip(codes) {
        *code = (nearest((value + below) / scale).clamp(least, most) - least) as u8;
    }
}

/// Scales and minima of equal sub-blocks, and the sums of their weights.
struct Parts<const N: usize> {
    scales: [f32; N],
    below: [f32; N],
    sums: [f32; N],
}

#[inline(always)]
fn search_parts<A: Arithmetic, const N: usize>(grid: &Grid, values: &[f32], codes: &mut Codes, weigh: impl Fn(usize, &[f32], &mut [f32])) -> Parts<N> {
    let mut parts = Parts { scales: [0.0; N], below: [0.0; N], sums: [0.0; N] };
    let length = SUPER / N;
    for part in 0..N {
        let (at, mut weights) = (part * length, [0.0; 32]);
        let (values, weights) = (&values[at..at + length], &mut weights[..length]);
        weigh(at, values, weights);
        parts.sums[part] = weights.iter().fold(0.0, |sum, weight| sum + weight);
        (parts.scales[part], parts.below[part]) = search::with_minimum::<A>(grid, values, weights, &mut codes[at..at + length]);
    }
    parts
}

#[inline(always)]
fn greatest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most: f32, value| if *value > most { *value } else { most })
}

/// Q2_K.
#[inline(never)]
pub fn two<A: Arithmetic>(values: &[f32], importance: Option<&[f32]>, target: &mut [u8]) {
    let mut codes = [0; SUPER];
    let (mut scale_codes, mut below_codes) = ([0u8; 16], [0u8; 16]);
    let (scale, below);
    if let Some(columns) = importance {
        let spread = search::squares(values) / SUPER as f32;
        let grid = Grid { most: 3, start: -0.9, step: 0.05, steps: 36, absolute: false };
        let parts: Parts<16> = search_parts::<A, 16>(&grid, values, &mut codes, |at, values, weights| search::importance::<A>(values, &columns[at..], spread, weights));
        scale = search::of_scales::<A>(15, &parts.scales, &parts.sums, &mut scale_codes);
        below = search::of_scales::<A>(15, &parts.below, &parts.sums, &mut below_codes);
    } else {
        let grid = Grid { most: 3, start: -0.5, step: 0.1, steps: 15, absolute: true };
        let parts: Parts<16> = search_parts::<A, 16>(&grid, values, &mut codes, |_, values, weights| values.iter().zip(weights).for_each(|(value, weight)| *weight = value.abs()));
        scale = by_greatest::<A>(15.0, &parts.scales, &mut scale_codes);
        below = by_greatest::<A>(15.0, &parts.below, &mut below_codes);
    }
    for part in 0..16 {
        target[part] = scale_codes[part] | below_codes[part] << 4;
    }
    put_half(target, 80, scale);
    put_half(target, 82, below);
    let (scale, below) = (half(target, 80), half(target, 82));
    for part in 0..16 {
        let at = part * 16;
        let (scale, below) = (scale * f32::from(target[part] & 15), below * f32::from(target[part] >> 4));
        round_again(&values[at..at + 16], scale, below, (0, 3), &mut codes[at..at + 16]);
    }
    put_twos(&mut target[16..], &codes);
}

/// The scale by which the greatest becomes `most`.
#[inline(always)]
fn by_greatest<A: Arithmetic>(most: f32, values: &[f32], codes: &mut [u8]) -> f32 {
    let max = greatest(values);
    if max <= 0.0 {
        return 0.0;
    }
    let inverse = most / max;
    codes.iter_mut().zip(values).for_each(|(code, value)| *code = nearest_scale::<A>(inverse, *value) as u8);
    max / most
}

/// Q3_K.
#[inline(never)]
pub fn three<A: Arithmetic>(values: &[f32], importance: Option<&[f32]>, target: &mut [u8]) {
    let mut codes = [0; SUPER];
    let mut scales = [0.0f32; 16];
    let mut scale_codes = [32u8; 16];
    let block = if let Some(columns) = importance {
        let spread = 2.0 * search::squares(values) / SUPER as f32;
        let mut sums = [0.0f32; 16];
        for part in 0..16 {
            let (at, mut weights) = (part * 16, [0.0; 16]);
            search::importance::<A>(&values[at..at + 16], &columns[at..], spread, &mut weights);
            sums[part] = weights.iter().fold(0.0, |sum, weight| sum + weight);
            scales[part] = search::symmetric::<A>(4, &values[at..at + 16], Some(&weights), &mut codes[at..at + 16]);
        }
        search::symmetric::<A>(32, &scales, Some(&sums), &mut scale_codes)
    } else {
        for part in 0..16 {
            let at = part * 16;
            scales[part] = search::descending::<A>(&values[at..at + 16], &mut codes[at..at + 16]);
        }
        let max = search::extreme(&scales);
        if max == 0.0 {
            scale_codes.fill(0);
            0.0
        } else {
            let inverse = -32.0 / max;
            scale_codes.iter_mut().zip(scales).for_each(|(code, scale)| *code = ((nearest_scale::<A>(inverse, scale) as i8).clamp(-32, 31) + 32) as u8);
            1.0 / inverse
        }
    };
    put_sixteen(&mut target[96..], &scale_codes);
    put_half(target, 108, block);
    let block = half(target, 108);
    for part in 0..16 {
        let (at, scale) = (part * 16, block * (f32::from(scale_codes[part]) - 32.0));
        round_again(&values[at..at + 16], scale, 0.0, (-4, 3), &mut codes[at..at + 16]);
    }
    target[..32].fill(0);
    for (at, code) in codes.iter().enumerate() {
        target[at % 32] |= (code >> 2 & 1) << (at / 32);
    }
    put_twos(&mut target[32..], &codes);
}

/// Q4_K, and with `five` Q5_K.
#[inline(never)]
pub fn four_or_five<A: Arithmetic>(five: bool, values: &[f32], importance: Option<&[f32]>, target: &mut [u8]) {
    let mut codes = [0; SUPER];
    let most = if five { 31 } else { 15 };
    let (mut scale_codes, mut below_codes) = ([0u8; 8], [0u8; 8]);
    let (scale, below);
    if let Some(columns) = importance {
        let spread = 2.0 * search::squares(values) / SUPER as f32;
        let grid = Grid { most, start: -0.9, step: 0.05, steps: 36, absolute: false };
        let parts: Parts<8> = search_parts::<A, 8>(&grid, values, &mut codes, |at, values, weights| search::importance::<A>(values, &columns[at..], spread, weights));
        scale = search::of_scales::<A>(63, &parts.scales, &parts.sums, &mut scale_codes);
        below = search::of_scales::<A>(63, &parts.below, &parts.sums, &mut below_codes);
    } else {
        let (start, steps) = if five { (-0.5, 15) } else { (-1.0, 20) };
        let grid = Grid { most, start, step: 0.1, steps, absolute: false };
        let parts: Parts<8> = search_parts::<A, 8>(&grid, values, &mut codes, |_, values, weights| {
            let root = (search::squares(values) / 32.0).sqrt();
            values.iter().zip(weights).for_each(|(value, weight)| *weight = root + value.abs());
        });
        scale = by_greatest::<A>(63.0, &parts.scales, &mut scale_codes);
        below = by_greatest::<A>(63.0, &parts.below, &mut below_codes);
    }
    put_pairs(&mut target[4..], &std::array::from_fn(|part| (scale_codes[part].min(63), below_codes[part].min(63))));
    put_half(target, 0, scale);
    put_half(target, 2, below);
    let (scale, below) = (half(target, 0), half(target, 2));
    let (scale_codes, below_codes) = pairs(&target[4..]);
    for (part, (scale_code, below_code)) in scale_codes.into_iter().zip(below_codes).enumerate() {
        let at = part * 32;
        round_again(&values[at..at + 32], scale * f32::from(scale_code), below * f32::from(below_code), (0, most), &mut codes[at..at + 32]);
    }
    if five {
        target[16..48].fill(0);
        for (at, code) in codes.iter().enumerate() {
            target[16 + at % 32] |= (code >> 4) << (at / 32);
        }
    }
    put_fours(&mut target[if five { 48 } else { 16 }..], &codes);
}

/// Q6_K.
#[inline(never)]
pub fn six<A: Arithmetic>(values: &[f32], importance: Option<&[f32]>, target: &mut [u8]) {
    let mut codes = [0; SUPER];
    let mut scales = [0.0f32; 16];
    for part in 0..16 {
        let at = part * 16;
        let columns = importance.map(|columns| &columns[at..at + 16]);
        scales[part] = search::symmetric::<A>(32, &values[at..at + 16], columns, &mut codes[at..at + 16]);
    }
    let max = search::extreme(&scales);
    if max.abs() < EPSILON {
        target.fill(0);
        return;
    }
    let inverse = -128.0 / max;
    put_half(target, 208, 1.0 / inverse);
    let block = half(target, 208);
    for part in 0..16 {
        let (at, code) = (part * 16, nearest_scale::<A>(inverse, scales[part]).min(127) as i8);
        target[192 + part] = code as u8;
        round_again(&values[at..at + 16], block * f32::from(code), 0.0, (-32, 31), &mut codes[at..at + 16]);
    }
    for at in 0..64 {
        let first = at / 32 * 128 + at % 32;
        target[at / 32 * 64 + at % 32] = codes[first] & 15 | (codes[first + 64] & 15) << 4;
        target[at / 32 * 64 + at % 32 + 32] = codes[first + 32] & 15 | (codes[first + 96] & 15) << 4;
        target[128 + at] = (0..4).fold(0, |byte, part| byte | (codes[first + 32 * part] >> 4) << (2 * part));
    }
}
