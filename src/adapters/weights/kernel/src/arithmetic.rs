//! The two ways a compiler lets `a * b + c` be rounded.

/// Compilers for machines with a fused multiply-add use it where the source says `a * b + c`; others round twice. Both are
/// honest, and give other bytes in a few blocks.
pub trait Arithmetic {
    /// `a * b + c`
    fn fma(a: f32, b: f32, c: f32) -> f32;
}

/// Product and sum are rounded each.
pub struct Plain;
/// One rounding.
pub struct Fused;

impl Arithmetic for Plain {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

impl Arithmetic for Fused {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

/// The nearest integer, ties to even, for |value| up to 2^22: the sum with 1.5 * 2^23 leaves it in the low bits. Compilers
/// that fuse leave this sum alone where the value is a weight's, and sums of squares and of weights too: they make vectors of
/// them (measured with gcc 12.2 at -O3 -march=haswell -ffp-contract=fast).
#[inline(always)]
pub fn nearest(value: f32) -> i32 {
    low_bits(value + MAGIC)
}

/// The same of a scale times what brings it to its codes.
#[inline(always)]
pub fn nearest_scale<A: Arithmetic>(inverse: f32, scale: f32) -> i32 {
    low_bits(A::fma(inverse, scale, MAGIC))
}

const MAGIC: f32 = 12_582_912.0;

#[inline(always)]
fn low_bits(sum: f32) -> i32 {
    (sum.to_bits() & 0x007f_ffff) as i32 - 0x0040_0000
}
