//! What a block's codes stand for, as F32: for comparing what two files hold, never for proving it.

use crate::blocks::Kind;
use crate::codes::{Parts, Sub, each_part};
use crate::floats::{Dtype, widen};

struct Values<'a>(&'a mut [f32]);

impl Parts for Values<'_> {
    #[inline(always)]
    fn steps(&mut self, at: usize, sub: &Sub, codes: &[u8]) {
        self.0[at..at + codes.len()].iter_mut().zip(codes).for_each(|(value, code)| *value = sub.low + sub.scale * f32::from(*code));
    }

    #[inline(always)]
    fn entries(&mut self, at: usize, table: &[f32; 16], (scale, _): (f32, f32), codes: &[u8]) {
        self.0[at..at + codes.len()].iter_mut().zip(codes).for_each(|(value, code)| *value = scale * table[usize::from(*code)]);
    }
}

/// Whole blocks of `source`; as many elements of `target` as they hold.
pub fn values(kind: Kind, source: &[u8], target: &mut [f32]) {
    let (block, bytes) = kind.sizes();
    match kind {
        Kind::F32 => widen(Dtype::F32, source, target),
        Kind::F16 => widen(Dtype::F16, source, target),
        Kind::Bf16 => widen(Dtype::Bf16, source, target),
        _ => source.chunks_exact(bytes).zip(target.chunks_exact_mut(block)).for_each(|(source, target)| each_part(kind, source, &mut Values(target))),
    }
}
