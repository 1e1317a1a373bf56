//! Is every code the nearest one for the scale and minimum that its block stores? It holds for what honest quantisers
//! write whatever importance matrix they were given, and for any build; what it leaves open is whether the scales are
//! the search's.

use crate::blocks::Kind;
use crate::codes::{LEAST_SCALE, Parts, Sub, each_part, rounding};
use crate::floats::{Dtype, Via, cast, widen};
use crate::recompute::PIECE;

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
            each_part(kind, child, &mut Judge { values, first: (at + index * block) as u64, found: &mut found });
        }
    }
    found
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

/// One block's values against what its codes stand for.
struct Judge<'a> {
    values: &'a [f32],
    first: u64,
    found: &'a mut Nearness,
}

impl Parts for Judge<'_> {
    #[inline(always)]
    fn steps(&mut self, at: usize, sub: &Sub, codes: &[u8]) {
        judge(sub, &self.values[at..at + codes.len()], codes, self.first + at as u64, self.found);
    }

    #[inline(always)]
    fn entries(&mut self, at: usize, table: &[f32; 16], (scale, unit): (f32, f32), codes: &[u8]) {
        judge_table(table, scale, unit, (&self.values[at..at + codes.len()], codes), self.first + at as u64, self.found);
    }
}
