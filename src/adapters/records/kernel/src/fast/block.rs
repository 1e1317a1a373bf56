//! Sixty-four bytes at a time, as the machine has it.

use super::MAX_PREFIX;

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::MAX_PREFIX;
    use std::arch::x86_64::*;

    pub fn is_there() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("bmi2")
    }

    /// Whether a prefix stands there.
    /// # Safety
    /// 64 bytes can be read, here and below.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    pub unsafe fn begins(at: *const u8, prefix: &[u8; MAX_PREFIX], length: usize) -> bool {
        let mask = _bzhi_u64(!0, length as u32);
        // SAFETY: the caller's; the prefix has 64 bytes.
        unsafe { _mm512_mask_cmpneq_epi8_mask(mask, _mm512_loadu_si512(at.cast()), _mm512_loadu_si512(prefix.as_ptr().cast())) == 0 }
    }

    /// Bytes that end a text, or cannot be copied as they stand.
    /// # Safety
    /// As above.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    pub unsafe fn specials(at: *const u8) -> u64 {
        // SAFETY: the caller's.
        let block = unsafe { _mm512_loadu_si512(at.cast()) };
        _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(b'"' as i8))
            | _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(b'\\' as i8))
            | _mm512_cmplt_epu8_mask(block, _mm512_set1_epi8(32))
    }

    /// # Safety
    /// As above.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    pub unsafe fn digits(at: *const u8) -> u64 {
        // SAFETY: the caller's.
        let block = unsafe { _mm512_loadu_si512(at.cast()) };
        _mm512_cmplt_epu8_mask(_mm512_sub_epi8(block, _mm512_set1_epi8(b'0' as i8)), _mm512_set1_epi8(10))
    }
}

#[cfg(target_arch = "wasm32")]
mod wide {
    use super::MAX_PREFIX;
    use std::arch::wasm32::*;

    pub fn is_there() -> bool {
        true
    }

    /// Whether a prefix stands there; zeros follow it.
    /// # Safety
    /// 64 bytes can be read, here and below.
    #[inline]
    pub unsafe fn begins(at: *const u8, prefix: &[u8; MAX_PREFIX], length: usize) -> bool {
        // SAFETY: the caller's; the prefix has 64 bytes.
        let differing = |word: usize| unsafe { at.cast::<u64>().add(word).read_unaligned() ^ prefix.as_ptr().cast::<u64>().add(word).read_unaligned() };
        let whole = length / 8;
        // Little-endian: the first bytes are the low ones.
        (0..whole).fold(0, |all, word| all | differing(word)) == 0 && (length % 8 == 0 || differing(whole) << (64 - 8 * (length % 8)) == 0)
    }

    /// # Safety
    /// As above.
    #[inline]
    unsafe fn mask(at: *const u8, of: impl Fn(v128) -> v128) -> u64 {
        // SAFETY: the caller's.
        (0..4).fold(0, |all, quarter| all | (i8x16_bitmask(of(unsafe { v128_load(at.add(16 * quarter).cast()) })) as u64) << (16 * quarter))
    }

    /// Bytes that end a text, or cannot be copied as they stand.
    /// # Safety
    /// As above.
    #[inline]
    pub unsafe fn specials(at: *const u8) -> u64 {
        let is_special = |block| v128_or(v128_or(u8x16_eq(block, u8x16_splat(b'"')), u8x16_eq(block, u8x16_splat(b'\\'))), u8x16_lt(block, u8x16_splat(32)));
        // SAFETY: the caller's.
        unsafe { mask(at, is_special) }
    }

    /// # Safety
    /// As above.
    #[inline]
    pub unsafe fn digits(at: *const u8) -> u64 {
        // SAFETY: the caller's.
        unsafe { mask(at, |block| u8x16_lt(u8x16_sub(block, u8x16_splat(b'0')), u8x16_splat(10))) }
    }
}

pub use wide::*;
