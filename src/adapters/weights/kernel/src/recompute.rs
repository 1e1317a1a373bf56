//! Is a child's tensor, bit for bit, what a quantiser or a cast makes of the parent's?

use crate::arithmetic::{Arithmetic, Fused, Plain};
use crate::blocks::Kind;
use crate::floats::{Dtype, Via, cast, narrow, widen};
use crate::{kquants, legacy, nonlinear, ternary};

/// Elements worked on at a time: they and their blocks stay in the first-level cache.
pub const PIECE: usize = 2048;
const PIECE_BYTES: usize = PIECE * 4;

/// One way the child may have been made.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    pub kind: Kind,
    /// Of the parent.
    pub dtype: Dtype,
    pub via: Via,
    pub fused: bool,
    /// One weight for each column; then whole rows of so many columns are given.
    pub importance: Option<&'a [f32]>,
}

/// Blocks (of casts: elements) that are not as recomputed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Differing {
    pub blocks: u64,
    /// Of the first, if any.
    pub first: u64,
}

/// `child` and `parent` hold the same elements: whole blocks, and with importance whole rows.
pub fn recompute(recipe: &Recipe, child: &[u8], parent: &[u8]) -> Differing {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the features are there.
        return unsafe { with_vectors(recipe, child, parent) };
    }
    by_arithmetic(recipe, child, parent)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_vectors(recipe: &Recipe, child: &[u8], parent: &[u8]) -> Differing {
    by_arithmetic(recipe, child, parent)
}

#[inline(always)]
fn by_arithmetic(recipe: &Recipe, child: &[u8], parent: &[u8]) -> Differing {
    if recipe.fused { all::<Fused>(recipe, child, parent) } else { all::<Plain>(recipe, child, parent) }
}

#[inline(always)]
fn all<A: Arithmetic>(recipe: &Recipe, child: &[u8], parent: &[u8]) -> Differing {
    let mut found = Differing::default();
    let elements = parent.len() / recipe.dtype.bytes();
    let columns = recipe.importance.map_or(elements, <[f32]>::len);
    let (block, bytes) = recipe.kind.sizes();
    for row in (0..elements).step_by(columns.max(1)) {
        let spread = mean_square::<A>(recipe, parent, row, columns);
        let mut at = 0;
        while at < columns {
            let count = PIECE.min(columns - at);
            let first = row + at;
            let mut values = [0.0f32; PIECE];
            let values = &mut values[..count];
            widen(recipe.dtype, &parent[first * recipe.dtype.bytes()..], values);
            cast(recipe.via, values);
            let mut made = [0u8; PIECE_BYTES];
            let made = &mut made[..count / block * bytes];
            let columns = recipe.importance.map(|importance| &importance[at..at + count]);
            quantize::<A>(recipe.kind, values, columns.map(|columns| (columns, spread)), made);
            compare(recipe.kind, first / block, &child[first / block * bytes..][..made.len()], made, &mut found);
            at += count;
        }
    }
    found
}

/// Of a row, where a type's search asks for it.
#[inline(always)]
fn mean_square<A: Arithmetic>(recipe: &Recipe, parent: &[u8], row: usize, columns: usize) -> f32 {
    if recipe.importance.is_none() || !matches!(recipe.kind, Kind::Q4_0 | Kind::Q4_1 | Kind::Q5_0 | Kind::Q5_1) {
        return 0.0;
    }
    let mut sum = 0.0;
    for at in (0..columns).step_by(PIECE) {
        let mut values = [0.0f32; PIECE];
        let values = &mut values[..PIECE.min(columns - at)];
        widen(recipe.dtype, &parent[(row + at) * recipe.dtype.bytes()..], values);
        cast(recipe.via, values);
        sum = values.iter().fold(sum, |sum, value| sum + value * value);
    }
    sum / columns as f32
}

#[inline(always)]
fn compare(kind: Kind, first: usize, child: &[u8], made: &[u8], found: &mut Differing) {
    if child == made {
        return;
    }
    let bytes = kind.sizes().1;
    for (index, (child, made)) in child.chunks_exact(bytes).zip(made.chunks_exact(bytes)).enumerate() {
        if child != made && !both_nan(kind, child, made) {
            if found.blocks == 0 {
                found.first = (first + index) as u64;
            }
            found.blocks += 1;
        }
    }
}

/// Which NaN a cast makes of a NaN differs between libraries.
#[inline(always)]
fn both_nan(kind: Kind, child: &[u8], made: &[u8]) -> bool {
    let dtype = match kind {
        Kind::F32 => Dtype::F32,
        Kind::F16 => Dtype::F16,
        Kind::Bf16 => Dtype::Bf16,
        _ => return false,
    };
    let nan = |bytes: &[u8]| {
        let mut value = [0.0f32];
        widen(dtype, bytes, &mut value);
        value[0].is_nan()
    };
    nan(child) && nan(made)
}

/// Whole blocks; `importance`: the columns' and the row's mean square.
#[inline(always)]
pub fn quantize<A: Arithmetic>(kind: Kind, values: &[f32], importance: Option<(&[f32], f32)>, target: &mut [u8]) {
    let dtype = match kind {
        Kind::F32 => Some(Dtype::F32),
        Kind::F16 => Some(Dtype::F16),
        Kind::Bf16 => Some(Dtype::Bf16),
        _ => None,
    };
    if let Some(dtype) = dtype {
        return narrow(dtype, values, target);
    }
    let (block, bytes) = kind.sizes();
    for (index, (values, target)) in values.chunks_exact(block).zip(target.chunks_exact_mut(bytes)).enumerate() {
        let columns = importance.map(|(columns, _)| &columns[index * block..][..block]);
        let weighed = importance.map(|(columns, spread)| (&columns[index * block..][..block], spread));
        let form = |five, minimum| legacy::Form { five, minimum };
        match kind {
            Kind::Q8_0 => legacy::eight(values, target),
            Kind::Q4_0 => legacy::block::<A>(form(false, false), values, weighed, target),
            Kind::Q4_1 => legacy::block::<A>(form(false, true), values, weighed, target),
            Kind::Q5_0 => legacy::block::<A>(form(true, false), values, weighed, target),
            Kind::Q5_1 => legacy::block::<A>(form(true, true), values, weighed, target),
            Kind::Q2K => kquants::two::<A>(values, columns, target),
            Kind::Q3K => kquants::three::<A>(values, columns, target),
            Kind::Q4K => kquants::four_or_five::<A>(false, values, columns, target),
            Kind::Q5K => kquants::four_or_five::<A>(true, values, columns, target),
            Kind::Q6K => kquants::six::<A>(values, columns, target),
            Kind::Iq4Nl => nonlinear::iq4::<A>(false, values, columns, target),
            Kind::Iq4Xs => nonlinear::iq4::<A>(true, values, columns, target),
            Kind::Mxfp4 => nonlinear::mxfp4::<A>(values, target),
            Kind::Nvfp4 => nonlinear::nvfp4::<A>(values, target),
            Kind::Tq1_0 => ternary::one(values, target),
            Kind::Tq2_0 => ternary::two(values, target),
            Kind::F32 | Kind::F16 | Kind::Bf16 => {}
        }
    }
}
