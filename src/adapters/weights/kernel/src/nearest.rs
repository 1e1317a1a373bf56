//! Is every code the nearest one for the scale and minimum that its block stores? It holds for what honest quantisers
//! write whatever importance matrix they were given, and for any build; what it leaves open is whether the scales are
//! the search's.

use crate::blocks::{Kind, SUPER, fours, half, nibbles, pairs, sixteen, twos};
use crate::floats::{Dtype, Via, cast, widen};
use crate::nonlinear::{FP4, IQ4, from_ue4m3, half_exponent};
use crate::recompute::PIECE;
use crate::ternary;

/// What was found of all the elements given.
#[derive(Clone, Copy, Default, Debug)]
pub struct Nearness {
    /// Codes that are not the nearest, beyond what rounding of the stored scale explains.
    pub beyond: u64,
    /// Codes that no honest quantiser of the type writes, with any importance.
    pub far: u64,
    /// The first of `beyond`.
    pub first: u64,
    /// Elements in sub-blocks of scale zero whose codes are not all zero: bytes that carry no value.
    pub free: u64,
    /// The greatest distance of a value from its code, in steps.
    pub worst: f32,
    /// Sum of the squares of what the child is away from the parent, and of the parent's.
    pub error: f64,
    pub square: f64,
}

/// Steps between a value and its code that rounding alone explains, and that a search with importance may leave.
const FAR: f32 = 1.25;
const HALF_ULP: f32 = 1.0 / 2048.0;
/// Below this F16 has no scale.
const LEAST_SCALE: f32 = 6e-8;

/// `child` and `parent` hold the same elements, whole blocks; null for types whose codes are no numbers of their own.
pub fn nearest(kind: Kind, dtype: Dtype, via: Via, child: &[u8], parent: &[u8]) -> Option<Nearness> {
    if matches!(kind, Kind::F32 | Kind::F16 | Kind::Bf16) {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the features are there.
        return Some(unsafe { with_vectors(kind, dtype, via, child, parent) });
    }
    Some(all(kind, dtype, via, child, parent))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_vectors(kind: Kind, dtype: Dtype, via: Via, child: &[u8], parent: &[u8]) -> Nearness {
    all(kind, dtype, via, child, parent)
}

#[inline(always)]
fn all(kind: Kind, dtype: Dtype, via: Via, child: &[u8], parent: &[u8]) -> Nearness {
    let mut found = Nearness::default();
    let (block, bytes) = kind.sizes();
    let elements = parent.len() / dtype.bytes();
    for at in (0..elements).step_by(PIECE) {
        let mut values = [0.0f32; PIECE];
        let values = &mut values[..PIECE.min(elements - at)];
        widen(dtype, &parent[at * dtype.bytes()..], values);
        cast(via, values);
        let blocks = child[at / block * bytes..].chunks_exact(bytes);
        for (index, (values, child)) in values.chunks_exact(block).zip(blocks).enumerate() {
            look(kind, values, child, (at + index * block) as u64, &mut found);
        }
    }
    found
}

/// Sub-blocks of one type.
struct Sub {
    /// A code's step, as stored, and the value of code zero.
    scale: f32,
    low: f32,
    /// The scale that is multiplied by a code to give `scale`, and the same of `low`.
    unit: f32,
    low_unit: f32,
    /// The greatest code.
    most: f32,
    /// What rounding of the scale explains, in steps.
    slack: f32,
    /// The type's codes may be searched with importance and not be rounded again.
    searched: bool,
}

/// Sums that a core keeps side by side: each is in order, and none waits for another.
const LANES: usize = 8;

#[inline(always)]
fn judge(sub: &Sub, values: &[f32], codes: &[u8], first: u64, found: &mut Nearness) {
    let worst = if sub.scale == 0.0 { judge_flat(sub, values, codes, found) } else { judge_steps(sub, values, codes, found) };
    settle(sub, worst, (values, codes), first, found);
}

/// Without a scale no code says anything: the values must lie where a code of a scale too small to be stored would.
#[inline(always)]
fn judge_flat(sub: &Sub, values: &[f32], codes: &[u8], found: &mut Nearness) -> f32 {
    let bound = sub.most * sub.unit.abs().max(LEAST_SCALE) + sub.low_unit.abs();
    if codes.iter().any(|code| *code != 0) {
        found.free += codes.len() as u64;
    }
    for value in values {
        let away = f64::from(value - sub.low);
        found.error += away * away;
        found.square += f64::from(*value) * f64::from(*value);
    }
    if values.iter().all(|value| (value - sub.low).abs() <= bound) { 0.0 } else { f32::INFINITY }
}

/// The greatest distance of a value from its code; magnitudes are compared by their bits, where a NaN is above all.
#[inline(always)]
fn judge_steps(sub: &Sub, values: &[f32], codes: &[u8], found: &mut Nearness) -> f32 {
    let (mut worst, mut error, mut square) = ([0u32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    for (values, codes) in values.as_chunks::<LANES>().0.iter().zip(codes.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let (value, code) = (values[lane], f32::from(codes[lane]));
            worst[lane] = worst[lane].max(distance(sub, value, code).to_bits());
            let away = value - (sub.low + sub.scale * code);
            error[lane] += away * away;
            square[lane] += value * value;
        }
    }
    found.error += f64::from(error.iter().sum::<f32>());
    found.square += f64::from(square.iter().sum::<f32>());
    f32::from_bits(worst.into_iter().fold(0, u32::max))
}

#[inline(always)]
fn distance(sub: &Sub, value: f32, code: f32) -> f32 {
    let wanted = (value - sub.low) / sub.scale;
    let wanted = if wanted < 0.0 { 0.0 } else { wanted };
    let wanted = if wanted > sub.most { sub.most } else { wanted };
    (wanted - code).abs()
}

/// Counts what is beyond; looks element by element only where there is something to name.
#[inline(always)]
fn settle(sub: &Sub, worst: f32, (values, codes): (&[f32], &[u8]), first: u64, found: &mut Nearness) {
    let slack = 0.5 + sub.slack + if sub.scale == 0.0 { 0.0 } else { 4.0 * f32::EPSILON * (sub.low / sub.scale).abs() };
    found.worst = if sub.scale == 0.0 { found.worst } else { found.worst.max(worst) };
    if worst <= slack {
        return;
    }
    for (index, (value, code)) in values.iter().zip(codes).enumerate() {
        let away = if sub.scale == 0.0 { worst } else { distance(sub, *value, f32::from(*code)) };
        if !(away <= slack) {
            note(found, first + index as u64, !(away <= if sub.searched { FAR } else { slack }));
        }
    }
}

#[inline(always)]
fn note(found: &mut Nearness, at: u64, far: bool) {
    if found.beyond == 0 {
        found.first = at;
    }
    found.beyond += 1;
    found.far += u64::from(far);
}

/// How far a number may be from what F16 made of it, in units of it: below 2^-14 F16's steps are even.
#[inline(always)]
fn rounding(half: f32) -> f32 {
    HALF_ULP.max(LEAST_SCALE / 2.0 / half.abs().max(LEAST_SCALE / 2.0))
}

/// The nearest entry of a table, for types without a step. `unit` is what the scale is a multiple of.
#[inline(always)]
fn judge_table(table: &[f32; 16], scale: f32, unit: f32, (values, codes): (&[f32], &[u8]), first: u64, found: &mut Nearness) {
    if scale == 0.0 && codes.iter().any(|code| table[usize::from(*code)] != table[0] && *code != 8) {
        found.free += codes.len() as u64;
    }
    let exact = table[7] > 0.0;
    let gap = if exact { 1e-4 } else { 2.0 * 127.0 * rounding(unit) };
    for (index, (value, code)) in values.iter().zip(codes).enumerate() {
        let away = |level: &f32| (value - scale * level).abs();
        let own = away(&table[usize::from(*code)]);
        let least = if scale == 0.0 { 127.0 * unit.abs().max(LEAST_SCALE) } else { table.iter().map(away).fold(f32::INFINITY, f32::min) };
        let distance = ((own - least) / scale.abs().max(LEAST_SCALE)).max(0.0);
        found.worst = found.worst.max(distance);
        found.error += f64::from(own * own);
        found.square += f64::from(value * value);
        if distance > gap || distance.is_nan() {
            note(found, first + index as u64, true);
        }
    }
}

#[inline(always)]
fn look(kind: Kind, values: &[f32], block: &[u8], first: u64, found: &mut Nearness) {
    let mut codes = [0u8; SUPER];
    match kind {
        Kind::Q8_0 => {
            let scale = half(block, 0);
            let codes: [u8; 32] = std::array::from_fn(|at| block[2 + at].wrapping_add(128));
            judge(&old(scale, -128.0 * scale, 255.0, 127.0, false), values, &codes, first, found);
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
            judge(&old(scale, low, 2.0 * middle - 1.0, reach, minimum), values, &codes[..32], first, found);
        }
        Kind::Q2K => {
            let (scale, below) = (half(block, 80), half(block, 82));
            twos(&block[16..], &mut codes);
            for part in 0..16 {
                let (high, low) = (f32::from(block[part] & 15), f32::from(block[part] >> 4));
                part_of(16, part, &k(scale, high, below, low, 3.0), values, &codes, first, found);
            }
        }
        Kind::Q3K => {
            let scale = half(block, 108);
            twos(&block[32..], &mut codes);
            codes.iter_mut().enumerate().for_each(|(at, code)| *code |= (block[at % 32] >> (at / 32) & 1) << 2);
            for (part, code) in sixteen(&block[96..]).into_iter().enumerate() {
                part_of(16, part, &centred(scale, f32::from(code) - 32.0, 4.0, 7.0), values, &codes, first, found);
            }
        }
        Kind::Q4K | Kind::Q5K => {
            let five = kind == Kind::Q5K;
            let (scale, below) = (half(block, 0), half(block, 2));
            fours(&block[if five { 48 } else { 16 }..], &mut codes);
            if five {
                codes.iter_mut().enumerate().for_each(|(at, code)| *code |= (block[16 + at % 32] >> (at / 32) & 1) << 4);
            }
            for (part, (high, low)) in pairs(&block[4..]).into_iter().enumerate() {
                part_of(32, part, &k(scale, f32::from(high), below, f32::from(low), if five { 31.0 } else { 15.0 }), values, &codes, first, found);
            }
        }
        Kind::Q6K => {
            for at in 0..64 {
                let target = at / 32 * 128 + at % 32;
                let (low, next, high) = (block[at / 32 * 64 + at % 32], block[at / 32 * 64 + at % 32 + 32], block[128 + at]);
                codes[target] = low & 15 | (high & 3) << 4;
                codes[target + 32] = next & 15 | (high >> 2 & 3) << 4;
                codes[target + 64] = low >> 4 | (high >> 4 & 3) << 4;
                codes[target + 96] = next >> 4 | (high >> 6) << 4;
            }
            let scale = half(block, 208);
            for part in 0..16 {
                part_of(16, part, &centred(scale, f32::from(block[192 + part] as i8), 32.0, 63.0), values, &codes, first, found);
            }
        }
        Kind::Iq4Nl => {
            nibbles(&block[2..], &mut codes[..32]);
            judge_table(&IQ4, half(block, 0), half(block, 0), (values, &codes[..32]), first, found);
        }
        Kind::Iq4Xs => {
            let (scale, high) = (half(block, 0), u16::from_le_bytes([block[2], block[3]]));
            for part in 0..8 {
                let level = block[4 + part / 2] >> (part % 2 * 4) & 15 | ((high >> (2 * part) & 3) as u8) << 4;
                nibbles(&block[8 + part * 16..], &mut codes[..32]);
                let values = &values[part * 32..part * 32 + 32];
                judge_table(&IQ4, scale * (f32::from(level) - 32.0), scale, (values, &codes[..32]), first + part as u64 * 32, found);
            }
        }
        Kind::Mxfp4 => {
            nibbles(&block[1..], &mut codes[..32]);
            judge_table(&FP4, half_exponent(block[0]), 0.0, (values, &codes[..32]), first, found);
        }
        Kind::Nvfp4 => {
            for part in 0..4 {
                nibbles(&block[4 + part * 8..], &mut codes[..16]);
                let values = &values[part * 16..part * 16 + 16];
                judge_table(&FP4, from_ue4m3(block[part]), 0.0, (values, &codes[..16]), first + part as u64 * 16, found);
            }
        }
        Kind::Tq1_0 | Kind::Tq2_0 => {
            let one = kind == Kind::Tq1_0;
            unpack_trits(one, block, &mut codes);
            let scale = half(block, if one { 52 } else { 64 });
            judge(&old(scale, -scale, 2.0, 1.0, false), values, &codes, first, found);
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

#[inline(always)]
fn part_of(length: usize, part: usize, sub: &Sub, values: &[f32], codes: &[u8; SUPER], first: u64, found: &mut Nearness) {
    let at = part * length;
    judge(sub, &values[at..at + length], &codes[at..at + length], first + at as u64, found);
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
