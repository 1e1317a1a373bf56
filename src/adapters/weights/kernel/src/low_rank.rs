//! Is a child's matrix what merging a low-rank adapter into the parent's gives? The sum of products may be taken in any order, so
//! what is recomputed is the interval that every order stays within; where it holds one number of the type, that one is it.

use crate::floats::{Dtype, Via, cast, narrow, widen};

/// Columns worked on at a time.
const PIECE: usize = 512;
/// Half a unit in the last place of 1, F32.
const UNIT: f64 = 1.0 / (1u64 << 24) as f64;
const TINY: f64 = 1.5e-45;

/// `left` has a row of `rank` numbers for each row of the matrix, `right` `rank` rows of its columns.
pub struct LowRank<'a> {
    /// Of the child, and of the parent.
    pub dtype: Dtype,
    pub base: Dtype,
    /// What the parent was cast to before it was merged into, and the product before it was added.
    pub via: Via,
    pub product: Via,
    pub columns: usize,
    pub rank: usize,
    pub scale: f64,
    pub left: &'a [f32],
    pub right: &'a [f32],
}

#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Merged {
    /// Elements that no order of the sum gives, and the first.
    pub beyond: u64,
    pub first: u64,
    /// Elements within what orders give, and not what the plain orders give.
    pub open: u64,
}

struct Sums {
    sum: [f64; PIECE],
    size: [f64; PIECE],
}

/// `child` and `parent` hold whole rows.
pub fn low_rank(question: &LowRank, child: &[u8], parent: &[u8]) -> Merged {
    let mut found = Merged::default();
    let LowRank { dtype, columns, rank, .. } = *question;
    let (width, base_width) = (dtype.bytes(), question.base.bytes());
    for row in 0..child.len() / width / columns.max(1) {
        let left = &question.left[row * rank..][..rank];
        for at in (0..columns).step_by(PIECE) {
            let count = PIECE.min(columns - at);
            let first = row * columns + at;
            let mut base = [0.0f32; PIECE];
            widen(question.base, &parent[first * base_width..], &mut base[..count]);
            cast(question.via, &mut base[..count]);
            piece(question, left, at, &base[..count], &child[first * width..][..count * width], first as u64, &mut found);
        }
    }
    found
}

fn piece(question: &LowRank, left: &[f32], at: usize, base: &[f32], child: &[u8], first: u64, found: &mut Merged) {
    let mut sums = Sums { sum: [0.0; PIECE], size: [0.0; PIECE] };
    for (part, factor) in left.iter().enumerate() {
        let right = &question.right[part * question.columns + at..][..base.len()];
        let factor = f64::from(*factor);
        for ((sum, size), value) in sums.sum.iter_mut().zip(&mut sums.size).zip(right) {
            let product = factor * f64::from(*value);
            *sum += product;
            *size += product.abs();
        }
    }
    let own = child.chunks_exact(question.dtype.bytes());
    for (index, (base, own)) in base.iter().zip(own).enumerate() {
        let middle = question.scale * sums.sum[index];
        let slack = question.scale.abs() * sums.size[index] * (question.rank as f64 + 4.0) * 1.01 * UNIT + TINY * (question.rank as f64 + 4.0);
        let bits = bits_of(own);
        let (low, high) = (added(question, *base, middle - slack), added(question, *base, middle + slack));
        let key = ordered(question.dtype, bits);
        let nan = is_nan(question.dtype, low) || is_nan(question.dtype, high);
        let within = if nan { is_nan(question.dtype, bits) } else { ordered(question.dtype, low) <= key && key <= ordered(question.dtype, high) };
        if !within {
            if found.beyond == 0 {
                found.first = first + index as u64;
            }
            found.beyond += 1;
        } else if !nan && (low != bits || high != bits) && !in_order(question, left, at + index, *base, bits) {
            found.open += 1;
        }
    }
}

/// What the matrix's type makes of base and product: each sum and cast is rounded.
fn added(question: &LowRank, base: f32, product: f64) -> u32 {
    let mut product = [product as f32];
    cast(question.product, &mut product);
    bits(question.dtype, base + product[0])
}

/// One product after the other, fused or not, and summed without error.
fn in_order(question: &LowRank, left: &[f32], column: usize, base: f32, wanted: u32) -> bool {
    let right = |part: usize| question.right[part * question.columns + column];
    let (mut fused, mut plain, mut wide) = (0.0f32, 0.0f32, 0.0f64);
    for (part, factor) in left.iter().enumerate() {
        fused = factor.mul_add(right(part), fused);
        plain += factor * right(part);
        wide += f64::from(*factor) * f64::from(right(part));
    }
    let scale = question.scale as f32;
    [fused, plain, wide as f32].into_iter().any(|sum| added(question, base, f64::from(sum * scale)) == wanted)
}

pub fn bits_of(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte))
}

pub fn bits(dtype: Dtype, value: f32) -> u32 {
    let mut bytes = [0u8; 4];
    narrow(dtype, &[value], &mut bytes[..dtype.bytes()]);
    bits_of(&bytes[..dtype.bytes()])
}

fn value(dtype: Dtype, bits: u32) -> f32 {
    let mut out = [0.0f32];
    widen(dtype, &bits.to_le_bytes()[..dtype.bytes()], &mut out);
    out[0]
}

pub fn is_nan(dtype: Dtype, bits: u32) -> bool {
    value(dtype, bits).is_nan()
}

/// Integers in the order of the numbers; both zeros are one.
pub fn ordered(dtype: Dtype, bits: u32) -> i64 {
    let sign = 1u32 << (dtype.bytes() * 8 - 1);
    let magnitude = i64::from(bits & (sign - 1));
    if bits & sign == 0 { magnitude } else { -magnitude }
}
