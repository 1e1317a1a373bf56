//! Is every code the nearest one for the scale and minimum that its block stores? It holds for what honest quantisers
//! write whatever importance matrix they were given, and for any build; what it leaves open is whether the scales are
//! the search's.

use crate::blocks::{Kind, SUPER};
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
    let mut found = Nearness::default();
    go_on(kind, dtype, via, (child, parent), 0, &mut found).then_some(found)
}

/// The same, with what was found of the elements before; these begin with `first`.
pub fn go_on(kind: Kind, dtype: Dtype, via: Via, bytes: (&[u8], &[u8]), first: usize, found: &mut Nearness) -> bool {
    if matches!(kind, Kind::F32 | Kind::F16 | Kind::Bf16) {
        return false;
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the features are there.
        unsafe { with_vectors(kind, dtype, via, bytes, first, found) };
        return true;
    }
    all(kind, dtype, via, bytes, first, found);
    true
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_vectors(kind: Kind, dtype: Dtype, via: Via, bytes: (&[u8], &[u8]), first: usize, found: &mut Nearness) {
    all(kind, dtype, via, bytes, first, found);
}

#[inline(always)]
fn all(kind: Kind, dtype: Dtype, via: Via, (child, parent): (&[u8], &[u8]), first: usize, found: &mut Nearness) {
    let (block, bytes) = kind.sizes();
    let elements = parent.len() / dtype.bytes();
    let mut room = [0.0f32; PIECE];
    for at in (0..elements).step_by(PIECE) {
        let values = &mut room[..PIECE.min(elements - at)];
        widen(dtype, &parent[at * dtype.bytes()..], values);
        cast(via, values);
        let children = child[at / block * bytes..].chunks(SUPER / block * bytes);
        for (index, (values, child)) in values.chunks(SUPER).zip(children).enumerate() {
            judge_blocks(kind, child, values, (first + at + index * SUPER) as u64, found);
        }
    }
}

/// First whether all is well, of 256 values at a time; only where it is not, part by part and element by element.
#[inline(always)]
fn judge_blocks(kind: Kind, child: &[u8], values: &[f32], first: u64, found: &mut Nearness) {
    let (block, bytes) = kind.sizes();
    let mut look = Look::default();
    for (values, child) in values.chunks_exact(block).zip(child.chunks_exact(bytes)) {
        each_part(kind, child, &mut Looking { values, look: &mut look });
    }
    if look.is_well() { look.told(found) } else { judge_parts(kind, child, values, first, found) }
}

#[cold]
#[inline(never)]
fn judge_parts(kind: Kind, child: &[u8], values: &[f32], first: u64, found: &mut Nearness) {
    let (block, bytes) = kind.sizes();
    for (index, (values, child)) in values.chunks_exact(block).zip(child.chunks_exact(bytes)).enumerate() {
        each_part(kind, child, &mut Judge { values, first: first + (index * block) as u64, found });
    }
}

/// Sums that a core keeps side by side: each is in order, and none waits for another.
const LANES: usize = 8;

/// Codes at one look. Magnitudes are compared by their bits, where a NaN is above all.
#[derive(Default)]
struct Look {
    worst: [i32; LANES],
    /// How far the greatest distance is beyond its slack, as bits.
    beyond: [i32; LANES],
    error: [f32; LANES],
    square: [f32; LANES],
    /// There is a part that this does not judge.
    other: bool,
}

impl Look {
    #[inline(always)]
    fn is_well(&self) -> bool {
        !self.other && self.beyond.into_iter().fold(0, i32::max) == 0
    }

    #[inline(always)]
    fn told(&self, found: &mut Nearness) {
        found.worst = greater(found.worst, f32::from_bits(self.worst.into_iter().fold(0, i32::max) as u32));
        found.error += f64::from(self.error.iter().sum::<f32>());
        found.square += f64::from(self.square.iter().sum::<f32>());
    }
}

/// One block's values, and what was seen so far.
struct Looking<'a> {
    values: &'a [f32],
    look: &'a mut Look,
}

impl Parts for Looking<'_> {
    #[inline(always)]
    fn steps(&mut self, at: usize, sub: &Sub, codes: &[u8]) {
        let inverse = 1.0 / sub.scale;
        let slack = slack_of(sub, inverse);
        let Look { worst, beyond, error, square, other } = &mut *self.look;
        // Of a slack that is a NaN the bits have no order.
        *other |= sub.scale == 0.0 || slack.is_nan();
        let slack = slack.to_bits() as i32;
        let values = &self.values[at..at + codes.len()];
        for (values, codes) in values.as_chunks::<LANES>().0.iter().zip(codes.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                let (value, code) = (values[lane], f32::from(codes[lane]));
                let distance = distance(sub, inverse, value, code).to_bits() as i32;
                worst[lane] = worst[lane].max(distance);
                beyond[lane] = beyond[lane].max(distance.wrapping_sub(slack));
                let away = value - (sub.low + sub.scale * code);
                error[lane] += away * away;
                square[lane] += value * value;
            }
        }
    }

    #[inline(always)]
    fn entries(&mut self, _at: usize, _table: &[f32; 16], _scale: (f32, f32), _codes: &[u8]) {
        self.look.other = true;
    }
}

/// Of a scale that is not zero: how far a value may be from its code, in steps.
#[inline(always)]
fn slack_of(sub: &Sub, inverse: f32) -> f32 {
    0.5 + sub.slack + 4.0 * f32::EPSILON * (sub.low * inverse).abs()
}

#[inline(always)]
fn distance(sub: &Sub, inverse: f32, value: f32, code: f32) -> f32 {
    let wanted = (value - sub.low) * inverse;
    let wanted = if wanted < 0.0 { 0.0 } else { wanted };
    let wanted = if wanted > sub.most { sub.most } else { wanted };
    (wanted - code).abs()
}

/// Of two magnitudes; a NaN is above all.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    f32::from_bits(a.to_bits().max(b.to_bits()))
}

/// Counts what is beyond, element by element.
#[inline(always)]
fn judge_steps(sub: &Sub, values: &[f32], codes: &[u8], first: u64, found: &mut Nearness) {
    let inverse = 1.0 / sub.scale;
    let slack = slack_of(sub, inverse);
    for (index, (value, code)) in values.iter().zip(codes).enumerate() {
        let code = f32::from(*code);
        let distance = distance(sub, inverse, *value, code);
        found.worst = greater(found.worst, distance);
        if !(distance <= slack) {
            note(found, first + index as u64, !(distance <= if sub.searched { FAR } else { slack }));
        }
        let away = f64::from(value - (sub.low + sub.scale * code));
        found.error += away * away;
        found.square += f64::from(*value) * f64::from(*value);
    }
}

/// Without a scale no code says anything: the values must lie where a code of a scale too small to be stored would.
#[inline(always)]
fn judge_flat(sub: &Sub, values: &[f32], codes: &[u8], first: u64, found: &mut Nearness) {
    let bound = sub.most * sub.unit.abs().max(LEAST_SCALE) + sub.low_unit.abs();
    if codes.iter().any(|code| *code != 0) {
        found.free += codes.len() as u64;
    }
    let beyond = !values.iter().all(|value| (value - sub.low).abs() <= bound);
    for (index, value) in values.iter().enumerate() {
        let away = f64::from(value - sub.low);
        found.error += away * away;
        found.square += f64::from(*value) * f64::from(*value);
        if beyond {
            note(found, first + index as u64, true);
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
        let distance = if own <= least { 0.0 } else { (own - least) / scale.abs().max(LEAST_SCALE) };
        found.worst = greater(found.worst, distance.abs());
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
        let judge = if sub.scale == 0.0 { judge_flat } else { judge_steps };
        judge(sub, &self.values[at..at + codes.len()], codes, self.first + at as u64, self.found);
    }

    #[inline(always)]
    fn entries(&mut self, at: usize, table: &[f32; 16], (scale, unit): (f32, f32), codes: &[u8]) {
        judge_table(table, scale, unit, (&self.values[at..at + codes.len()], codes), self.first + at as u64, self.found);
    }
}
