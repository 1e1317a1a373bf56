//! Element types of weights as f32, and back with one rounding (to nearest, ties to even).

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
}

/// What weights were cast to on their way to the quantiser.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Nothing,
    F16,
    Bf16,
}

impl Dtype {
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// As many elements as `target` has; `source` holds as many.
#[inline(always)]
pub fn widen(dtype: Dtype, source: &[u8], target: &mut [f32]) {
    match dtype {
        Dtype::F32 => source.as_chunks().0.iter().zip(target).for_each(|(bytes, value)| *value = f32::from_le_bytes(*bytes)),
        Dtype::Bf16 => source.as_chunks().0.iter().zip(target).for_each(|(bytes, value)| *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16)),
        Dtype::F16 => source.as_chunks().0.iter().zip(target).for_each(|(bytes, value)| *value = from_f16(u16::from_le_bytes(*bytes))),
    }
}

#[inline(always)]
pub fn narrow(dtype: Dtype, source: &[f32], target: &mut [u8]) {
    match dtype {
        Dtype::F32 => source.iter().zip(target.as_chunks_mut().0).for_each(|(value, bytes)| *bytes = value.to_le_bytes()),
        Dtype::Bf16 => source.iter().zip(target.as_chunks_mut().0).for_each(|(value, bytes)| *bytes = to_bf16(*value).to_le_bytes()),
        Dtype::F16 => source.iter().zip(target.as_chunks_mut().0).for_each(|(value, bytes)| *bytes = to_f16(*value).to_le_bytes()),
    }
}

#[inline(always)]
pub fn cast(via: Via, values: &mut [f32]) {
    match via {
        Via::Nothing => {}
        Via::F16 => values.iter_mut().for_each(|value| *value = from_f16(to_f16(*value))),
        Via::Bf16 => values.iter_mut().for_each(|value| *value = f32::from_bits(u32::from(to_bf16(*value)) << 16)),
    }
}

/// Without branches: subnormals are normalised by a subtraction, infinities and NaNs keep all their bits.
#[inline(always)]
pub fn from_f16(bits: u16) -> f32 {
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7fff) << 13);
    let special = if bits & 0x7c00 == 0x7c00 { 0x7f80_0000 - (31 << 23) } else { 112 << 23 };
    let normal = rest + special;
    let subnormal = (f32::from_bits(rest + (113 << 23)) - f32::from_bits(113 << 23)).to_bits();
    f32::from_bits(sign | if bits & 0x7c00 == 0 { subnormal } else { normal })
}

/// A NaN stays one; which, is nobody's word.
#[inline(always)]
pub fn to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let (sign, magnitude) = ((bits >> 16) as u16 & 0x8000, bits & 0x7fff_ffff);
    // Adding a number whose last place is F16's lets the sum's own rounding do it.
    let subnormal = (f32::from_bits(magnitude) + f32::from_bits(126 << 23)).to_bits().wrapping_sub(126 << 23);
    let normal = (magnitude.wrapping_sub(112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    let finite = if magnitude < 113 << 23 { subnormal } else { normal };
    let clamped = if magnitude >= 0x477f_f000 { 0x7c00 } else { finite };
    sign | (if magnitude > 0x7f80_0000 { 0x7e00 } else { clamped }) as u16
}

#[inline(always)]
pub fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = (bits.wrapping_add(0x7fff + (bits >> 16 & 1))) >> 16;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { bits >> 16 | 64 } else { rounded }) as u16
}
