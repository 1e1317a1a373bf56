//! The module's three functions over buffers of its own, for `wasm.ts` alone. A question is laid down as the addon's
//! (`weights.rs` there): child, parent and importance each have a place; results are written as 64-bit numbers.

use crate::{Affine, Codes, Differing, Groups, Dtype, Kind, LowRank, Merge, Method, Recipe, Tiles, Via, affine, low_rank, merge, narrow, nearest, recompute, values, widen};

pub const MOST_ELEMENTS: usize = 1 << 18;
const BYTES: usize = MOST_ELEMENTS * 4;

static mut CHILD: [u8; BYTES] = [0; BYTES];
static mut PARENT: [u8; BYTES] = [0; BYTES];
static mut IMPORTANCE: [f32; MOST_ELEMENTS] = [0.0; MOST_ELEMENTS];
/// Of each of the two factors of an adapter.
pub const MOST_FACTORS: usize = 1 << 21;
static mut LEFT: [f32; MOST_FACTORS] = [0.0; MOST_FACTORS];
static mut RIGHT: [f32; MOST_FACTORS] = [0.0; MOST_FACTORS];
static mut RESULT: [f64; 8] = [0.0; 8];

#[unsafe(no_mangle)]
pub extern "C" fn child() -> *mut u8 {
    (&raw mut CHILD).cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn parent() -> *mut u8 {
    (&raw mut PARENT).cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn importance() -> *mut f32 {
    (&raw mut IMPORTANCE).cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn left() -> *mut f32 {
    (&raw mut LEFT).cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn right() -> *mut f32 {
    (&raw mut RIGHT).cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn result() -> *mut f64 {
    (&raw mut RESULT).cast()
}

fn dtype(number: u32) -> Dtype {
    match number {
        0 => Dtype::F32,
        1 => Dtype::F16,
        _ => Dtype::Bf16,
    }
}

fn via(number: u32) -> Via {
    match number {
        0 => Via::Nothing,
        1 => Via::F16,
        _ => Via::Bf16,
    }
}

/// # Safety
/// One thread, and no two references to one buffer at a time.
unsafe fn of<T>(start: *mut T, length: usize) -> &'static mut [T] {
    assert!(length * size_of::<T>() <= BYTES);
    // SAFETY: each buffer is at least so long, but the result's, of which eight numbers are asked for.
    unsafe { std::slice::from_raw_parts_mut(start, length) }
}

/// Lengths in bytes of child and parent, and the columns that have an importance. False for an unknown type.
#[unsafe(no_mangle)]
pub extern "C" fn compare(kind: u32, from: u32, through: u32, fused: u32, child: usize, parent: usize, columns: usize) -> u32 {
    let Some(kind) = Kind::of(kind) else { return 0 };
    // SAFETY: one thread, and no reference outlives the call.
    let (child, parent, importance, result) = unsafe { (of(self::child(), child), of(self::parent(), parent), of(self::importance(), columns), of(self::result(), 8)) };
    let importance = (columns > 0).then_some(&*importance);
    let Differing { blocks, first } = recompute(&Recipe { kind, dtype: dtype(from), via: via(through), fused: fused != 0, importance }, child, parent);
    result[..2].copy_from_slice(&[blocks as f64, first as f64]);
    1
}

#[unsafe(no_mangle)]
pub extern "C" fn near(kind: u32, from: u32, through: u32, child: usize, parent: usize) -> u32 {
    // SAFETY: as above.
    let (child, parent, result) = unsafe { (of(self::child(), child), of(self::parent(), parent), of(self::result(), 8)) };
    let Some(found) = Kind::of(kind).and_then(|kind| nearest(kind, dtype(from), via(through), child, parent)) else { return 0 };
    let answer = [found.beyond as f64, found.far as f64, found.first as f64, found.free as f64, f64::from(found.worst), found.error, found.square, 0.0];
    result.copy_from_slice(&answer);
    1
}

/// The parent's elements in another type, in the child's place.
#[unsafe(no_mangle)]
pub extern "C" fn convert(from: u32, to: u32, elements: usize) {
    // SAFETY: as above.
    let (child, parent, values) = unsafe { (of(self::child(), BYTES), of(self::parent(), BYTES), of(self::importance(), elements)) };
    widen(dtype(from), parent, values);
    narrow(dtype(to), values, child);
}

/// What `elements` of whole blocks in the parent's place stand for, as F32 in the importance's. False for an unknown type.
#[unsafe(no_mangle)]
pub extern "C" fn dequantize(kind: u32, elements: usize) -> u32 {
    let Some(kind) = Kind::of(kind) else { return 0 };
    let (block, bytes) = kind.sizes();
    // SAFETY: as above.
    let (source, target) = unsafe { (of(self::parent(), elements / block * bytes), of(self::importance(), elements)) };
    values(kind, source, target);
    1
}

/// Whole rows of the child and parent; `left` and `right` hold the adapter's factors. `types` has a byte each for the child's type,
/// the parent's, what it was cast to, and what the product was cast to.
#[unsafe(no_mangle)]
pub extern "C" fn merge_low_rank(types: u32, rows: usize, columns: usize, rank: usize, scale: f64) {
    let [own, base, through, product] = types.to_le_bytes().map(u32::from);
    let (dtype, base) = (dtype(own), dtype(base));
    assert!(rows * rank <= MOST_FACTORS && rank * columns <= MOST_FACTORS);
    // SAFETY: as above; the factors are no longer than their places.
    let (left, right) = unsafe { (std::slice::from_raw_parts(self::left(), rows * rank), std::slice::from_raw_parts(self::right(), rank * columns)) };
    // SAFETY: as above; `of` holds the lengths to what there is.
    let (child, parent, result) = unsafe { (of(self::child(), rows * columns * dtype.bytes()), of(self::parent(), rows * columns * base.bytes()), of(self::result(), 8)) };
    let found = low_rank(&LowRank { dtype, base, via: via(through), product: via(product), columns, rank, scale, left, right }, child, parent);
    result[..3].copy_from_slice(&[found.beyond as f64, found.first as f64, found.open as f64]);
}

/// `count` elements of the child, of the base in `right`, and of each of `models` models in `left`; their weights, and behind them
/// the thresholds, in the importance's place. `types` has a byte each for method, child's type, type of computing, normalisation.
#[unsafe(no_mangle)]
pub extern "C" fn merge_models(types: u32, count: usize, models: usize, lambda: f32) {
    let [method, own, compute, normalize] = types.to_le_bytes().map(u32::from);
    let method = [Method::Linear, Method::Task, Method::Ties, Method::Sphere][method as usize % 4];
    let dtype = dtype(own);
    assert!(count * models <= MOST_FACTORS && count <= MOST_ELEMENTS && models <= crate::merges::MOST_MODELS);
    // SAFETY: as above; the models are no longer than their place.
    let values = unsafe { std::slice::from_raw_parts_mut(self::left(), count * models) };
    // SAFETY: as above.
    let (child, base, numbers, result) = unsafe { (of(self::child(), count * dtype.bytes()), of(self::right(), count), of(self::importance(), models * 2), of(self::result(), 8)) };
    let (weights, thresholds) = numbers.split_at(models);
    let question = Merge { method, dtype, compute: via(compute), normalize: normalize != 0, lambda, weights, thresholds };
    let found = merge(&question, child, base, values);
    result[..3].copy_from_slice(&[found.beyond as f64, found.first as f64, found.open as f64]);
}

/// `count` codes in the child's place and as many elements in the parent's; scales and zero points in `left`, the extremes of each group
/// in `right`. `types` has a byte each for the parent's type, that of computing, the codes' (4: by the reciprocal, 8: zero point inside, 16: halves away from
/// zero, 32: fused, 64: by the extremes).
#[unsafe(no_mangle)]
pub extern "C" fn judge_affine(types: u32, least: f32, most: f32, count: usize, columns: usize, rows: usize, run: usize, offset: usize, groups: usize) {
    let [from, through, codes, _] = types.to_le_bytes();
    let dtype = dtype(u32::from(from));
    let kind = [Codes::Signed, Codes::Unsigned, Codes::Eighth][usize::from(codes & 3) % 3];
    assert!(groups > 0 && groups * 2 <= MOST_FACTORS && columns > 0 && rows > 0 && run > 0 && count <= MOST_ELEMENTS);
    // SAFETY: as above; the factors' places hold two numbers a group.
    let (numbers, extremes) = unsafe { (std::slice::from_raw_parts(self::left(), groups * 2), std::slice::from_raw_parts_mut(self::right(), groups * 2)) };
    // SAFETY: as above.
    let (child, parent, result) = unsafe { (of(self::child(), count), of(self::parent(), count * dtype.bytes()), of(self::result(), 8)) };
    let ((scales, zeros), (low, high)) = (numbers.split_at(groups), extremes.split_at_mut(groups));
    let question = Affine { dtype, via: via(u32::from(through)), codes: kind, reciprocal: codes & 4 != 0, inside: codes & 8 != 0, away: codes & 16 != 0, fused: codes & 32 != 0, extremes: codes & 64 != 0, least, most, tiles: Tiles { columns, rows, run }, offset };
    let found = affine(&question, child, parent, &mut Groups { scales, zeros, low, high });
    result[..5].copy_from_slice(&[found.differing as f64, found.first as f64, found.beyond as f64, found.far as f64, found.first_beyond as f64]);
}
