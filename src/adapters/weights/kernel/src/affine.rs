//! Codes whose scale (and zero point) stand beside them: integers of up to 8 bits and FP8 of torch's quantisers, ONNX Runtime and TFLite,
//! one scale for a tile of rows and columns. Which library rounded where is a rule of the caller; each is tried.

use crate::floats::{Dtype, Via, cast, widen};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Codes {
    Signed,
    Unsigned,
    /// E4M3FN: no infinities, 448 at most.
    Eighth,
}

/// One way the codes may have been computed.
#[derive(Clone, Copy)]
pub struct Affine {
    pub dtype: Dtype,
    /// What every step was rounded to.
    pub via: Via,
    pub codes: Codes,
    /// By the reciprocal of the scale; else divided by it.
    pub reciprocal: bool,
    /// The zero point was added before the code was rounded; else after.
    pub inside: bool,
    /// Halves are rounded away from zero; else to even.
    pub away: bool,
    /// Product and zero point are rounded once.
    pub fused: bool,
    /// By `most` over the group's greatest magnitude (`reciprocal`: times one over it), which is known: the extremes are given.
    pub extremes: bool,
    pub least: f32,
    pub most: f32,
    pub tiles: Tiles,
    /// Of the first element.
    pub offset: usize,
}

/// Which scale element `i` has: it lies in row `i / columns`, and `rows` of them by `run` columns share one.
#[derive(Clone, Copy)]
pub struct Tiles {
    pub columns: usize,
    pub rows: usize,
    pub run: usize,
}

impl Tiles {
    /// The scale of element `at`, and how many elements from it on have the same one.
    fn of(&self, at: usize) -> (usize, usize) {
        let (row, column) = (at / self.columns, at % self.columns);
        let group = row / self.rows * self.columns.div_ceil(self.run) + column / self.run;
        (group, (self.run - column % self.run).min(self.columns - column))
    }
}

/// A scale a group, its zero point, and the extremes of the parent's values so far.
pub struct Groups<'a> {
    pub scales: &'a [f32],
    pub zeros: &'a [f32],
    pub low: &'a mut [f32],
    pub high: &'a mut [f32],
}

#[derive(Clone, Copy, Default, Debug)]
pub struct Affined {
    /// Codes that are not those computed, and the first of them.
    pub differing: u64,
    pub first: u64,
    /// Of these, not as near as the nearest; and beyond what computing in BF16 or F16 explains; and the first of the former.
    pub beyond: u64,
    pub far: u64,
    pub first_beyond: u64,
}

/// What rounding in F32 explains, and of each unit of a value what rounding three times in BF16 does.
const SLACK: f32 = 1e-4;
const HALF_SLACK: f32 = 1.0 / 128.0;
const PIECE: usize = 2048;

pub fn affine(question: &Affine, codes: &[u8], parent: &[u8], groups: &mut Groups) -> Affined {
    let mut found = Affined::default();
    let mut room = [0.0f32; PIECE];
    for at in (0..codes.len()).step_by(PIECE) {
        let values = &mut room[..PIECE.min(codes.len() - at)];
        widen(question.dtype, &parent[at * question.dtype.bytes()..], values);
        let mut done = 0;
        while done < values.len() {
            let (group, length) = question.tiles.of(question.offset + at + done);
            let end = values.len().min(done + length);
            one_tile(question, (&values[done..end], &codes[at + done..at + end]), (at + done, group), groups, &mut found);
            done = end;
        }
    }
    found
}

#[inline(always)]
fn one_tile(question: &Affine, (values, codes): (&[f32], &[u8]), (start, group): (usize, usize), groups: &mut Groups, found: &mut Affined) {
    let (scale, zero) = (groups.scales[group], groups.zeros[group]);
    let (mut low, mut high) = (groups.low[group], groups.high[group]);
    let greatest = high.max(-low);
    let factor = match (question.extremes, question.reciprocal) {
        (true, true) => 1.0 / greatest * question.most,
        (true, false) => question.most / greatest,
        (false, _) => 1.0 / rounded(question.via, scale),
    };
    let factor = rounded(question.via, factor);
    for (index, (value, code)) in values.iter().zip(codes).enumerate() {
        low = if *value < low { *value } else { low };
        high = if *value > high { *value } else { high };
        if !is_computed(question, *value, (scale, factor, zero), *code) {
            note(question, (value / scale, zero), *code, (start + index) as u64, found);
        }
    }
    (groups.low[group], groups.high[group]) = (low, high);
}

#[inline(always)]
fn rounded(via: Via, value: f32) -> f32 {
    let mut one = [value];
    cast(via, &mut one);
    one[0]
}

#[inline(always)]
fn is_computed(question: &Affine, value: f32, (scale, factor, zero): (f32, f32, f32), code: u8) -> bool {
    let via = question.via;
    let (value, scale) = (rounded(via, value), rounded(via, scale));
    // Of a scale of zero integers are the zero point, and FP8 is what 0 / 0 is.
    let quotient = if scale == 0.0 && question.codes != Codes::Eighth { 0.0 } else { rounded(via, if question.reciprocal || question.extremes { value * factor } else { value / scale }) };
    if question.codes == Codes::Eighth {
        return if quotient.is_nan() { code & 0x7f == 0x7f } else { to_eighth(quotient) == code };
    }
    let sum = if question.fused && scale != 0.0 { value.mul_add(factor, zero) } else { rounded(via, quotient + zero) };
    let level = match (question.inside, question.away) {
        (true, true) => sum.round(),
        (true, false) => sum.round_ties_even(),
        (false, true) => quotient.round() + zero,
        (false, false) => quotient.round_ties_even() + zero,
    };
    held(question, level) == number(question.codes, code)
}

#[inline(always)]
fn held(question: &Affine, level: f32) -> f32 {
    level.max(question.least).min(question.most)
}

/// `wanted`: the quotient and the zero point.
#[inline(always)]
fn note(question: &Affine, wanted: (f32, f32), code: u8, at: u64, found: &mut Affined) {
    if found.differing == 0 {
        found.first = at;
    }
    found.differing += 1;
    let own = number(question.codes, code);
    let (level, best) = if question.codes == Codes::Eighth {
        let level = wanted.0.clamp(-448.0, 448.0);
        (level, number(Codes::Eighth, to_eighth(level)))
    } else {
        let level = held(question, wanted.0 + wanted.1);
        (level, level.round_ties_even())
    };
    let gap = (level - own).abs() - (level - best).abs();
    let unit = if question.codes == Codes::Eighth { wanted.0.abs() } else { 1.0 };
    if !(gap <= SLACK * unit) {
        if found.beyond == 0 {
            found.first_beyond = at;
        }
        found.beyond += 1;
        found.far += u64::from(!(gap <= SLACK * unit + HALF_SLACK * (wanted.0.abs() + wanted.1.abs())));
    }
}

#[inline(always)]
fn number(codes: Codes, code: u8) -> f32 {
    match codes {
        Codes::Signed => f32::from(code as i8),
        Codes::Unsigned => f32::from(code),
        Codes::Eighth => from_eighth(code),
    }
}

/// To nearest, ties to even; beyond 448 it is 448.
#[inline(always)]
pub fn to_eighth(value: f32) -> u8 {
    let sign = (value.to_bits() >> 24) as u8 & 0x80;
    let size = value.abs().min(448.0);
    if size < 0.015_625 {
        return sign | (size * 512.0).round_ties_even() as u8;
    }
    let bits = size.to_bits();
    sign | (((bits + 0x7_ffff + (bits >> 20 & 1)) >> 20) - (120 << 3)) as u8
}

#[inline(always)]
pub fn from_eighth(code: u8) -> f32 {
    let (exponent, fraction) = (u32::from(code >> 3 & 15), u32::from(code & 7));
    let size = match (exponent, fraction) {
        (15, 7) => f32::NAN,
        (0, _) => fraction as f32 / 512.0,
        _ => f32::from_bits((exponent + 120) << 23 | fraction << 20),
    };
    if code & 0x80 == 0 { size } else { -size }
}
