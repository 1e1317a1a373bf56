//! The fast way for a record shaped like the one before it: where its values are first, then one copy in canonical order.
//! None on anything unusual: then `json` decides. AVX-512; elsewhere there is no fast way.

use crate::encode::*;
use crate::json::{Json, Shape};
use std::arch::x86_64::*;

/// Bytes that may be read past a segment, and written past a record.
pub const PADDING: usize = 64;
const MAX_PREFIX: usize = 64;
const MAX_FIELDS: usize = 100;

struct Field {
    prefix: [u8; MAX_PREFIX],
    prefix_length: usize,
    /// Length and bytes of the name.
    name: [u8; MAX_PREFIX],
    name_length: usize,
}

/// Where a value is: in the segment, or encoded already in the scratch (`RAW`).
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
    tag: u8,
}

const RAW: u8 = 255;

#[derive(Default)]
pub struct Fast {
    fields: Vec<Field>,
    order: Vec<usize>,
    spans: Vec<Span>,
    scratch: Vec<u8>,
    /// A bit for each tag seen, by field.
    pub kinds: Vec<u16>,
}

pub fn is_there() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("bmi2")
}

impl Fast {
    /// From now on records are expected to have this shape.
    pub fn learn(&mut self, shape: &Shape) {
        self.fields.clear();
        self.order.clone_from(&shape.order);
        self.kinds = vec![0; shape.names.len()];
        let fits = |part: &Vec<u8>| part.len() <= MAX_PREFIX;
        if shape.names.len() > MAX_FIELDS || !shape.prefixes.iter().all(fits) || !shape.names.iter().all(fits) {
            return;
        }
        for (prefix, name) in shape.prefixes.iter().zip(&shape.names) {
            let mut field = Field { prefix: [0; MAX_PREFIX], prefix_length: prefix.len(), name: [0; MAX_PREFIX], name_length: name.len() };
            field.prefix[..prefix.len()].copy_from_slice(prefix);
            field.name[..name.len()].copy_from_slice(name);
            self.fields.push(field);
        }
        self.spans = vec![Span { start: 0, length: 0, tag: 0 }; self.fields.len()];
    }

    /// Encodes the record at `json.at` to the end of `out` and moves past it; None leaves `json.at` anywhere.
    /// # Safety
    /// AVX-512 F and BW, BMI2. `json.bytes` is valid UTF-8 and ends with `PADDING` zeros.
    #[target_feature(enable = "avx512f,avx512bw,bmi2")]
    pub unsafe fn record(&mut self, json: &mut Json, out: &mut Vec<u8>) -> Option<()> {
        if self.fields.is_empty() {
            return None;
        }
        let begin = json.at;
        let base = json.bytes.as_ptr();
        let limit = json.bytes.len() - PADDING;
        self.scratch.clear();
        let mut at = begin;
        for (field, span) in self.fields.iter().zip(&mut self.spans) {
            if at > limit {
                return None;
            }
            // SAFETY: `at` is at most `limit`, so 64 bytes are there; so are those of the prefix.
            let differs = unsafe {
                let mask = _bzhi_u64(!0, field.prefix_length as u32);
                _mm512_mask_cmpneq_epi8_mask(mask, _mm512_loadu_si512(base.add(at).cast()), _mm512_loadu_si512(field.prefix.as_ptr().cast()))
            };
            if differs != 0 {
                return None;
            }
            at += field.prefix_length;
            match json.bytes[at] {
                b'"' => {
                    let start = at + 1;
                    at = start;
                    loop {
                        if at > limit {
                            return None;
                        }
                        // SAFETY: as above.
                        let special = unsafe {
                            let bytes = _mm512_loadu_si512(base.add(at).cast());
                            _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'"' as i8))
                                | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\\' as i8))
                                | _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8(32))
                        };
                        if special != 0 {
                            at += special.trailing_zeros() as usize;
                            break;
                        }
                        at += 64;
                    }
                    if json.bytes[at] == b'"' {
                        *span = Span { start, length: at - start, tag: TEXT };
                        at += 1;
                    } else {
                        at = careful(json, start - 1, &mut self.scratch, span)?;
                    }
                }
                b'-' | b'0'..=b'9' => match plain_number(json.bytes, at) {
                    Some(end) => {
                        *span = Span { start: at, length: end - at, tag: NUMBER };
                        at = end;
                    }
                    None => at = careful(json, at, &mut self.scratch, span)?,
                },
                b'n' if json.bytes[at..].starts_with(b"null") => {
                    *span = Span { start: at, length: 0, tag: NULL };
                    at += 4;
                }
                b't' if json.bytes[at..].starts_with(b"true") => {
                    *span = Span { start: at, length: 0, tag: TRUE };
                    at += 4;
                }
                b'f' if json.bytes[at..].starts_with(b"false") => {
                    *span = Span { start: at, length: 0, tag: FALSE };
                    at += 5;
                }
                b'[' | b'{' => at = careful(json, at, &mut self.scratch, span)?,
                _ => return None,
            }
        }
        if json.bytes[at] != b'}' {
            return None;
        }
        json.at = at + 1;
        // Each byte of a value is copied once, each name takes 64 at most, each length 5 and a tag.
        out.reserve(at - begin + self.scratch.len() + self.fields.len() * (MAX_PREFIX + 8) + 2 * PADDING);
        // SAFETY: there is room for all that is written.
        unsafe { self.write(base, out) };
        Some(())
    }

    #[target_feature(enable = "avx512f,avx512bw,bmi2")]
    unsafe fn write(&mut self, base: *const u8, out: &mut Vec<u8>) {
        // SAFETY: the caller reserved the room; sources have 64 bytes of padding or are copied exactly.
        unsafe {
            let start = out.as_mut_ptr().add(out.len());
            *start = STRUCT;
            let mut to = start.add(2);
            let mut count = 0u8;
            for &index in &self.order {
                let Span { start, length, tag } = *self.spans.get_unchecked(index);
                let field = self.fields.get_unchecked(index);
                let kind = if tag == RAW { *self.scratch.get_unchecked(start) } else { tag };
                if kind == NULL {
                    continue;
                }
                *self.kinds.get_unchecked_mut(index) |= 1 << kind;
                count += 1;
                _mm512_storeu_si512(to.cast(), _mm512_loadu_si512(field.name.as_ptr().cast()));
                to = to.add(field.name_length);
                match tag {
                    RAW => {
                        std::ptr::copy_nonoverlapping(self.scratch.as_ptr().add(start), to, length);
                        to = to.add(length);
                    }
                    TRUE | FALSE => {
                        *to = tag;
                        to = to.add(1);
                    }
                    _ => {
                        *to = tag;
                        to = to.add(1);
                        let mut rest = length;
                        while rest >= 128 {
                            *to = rest as u8 | 128;
                            to = to.add(1);
                            rest >>= 7;
                        }
                        *to = rest as u8;
                        to = to.add(1);
                        copy(base.add(start), to, length);
                        to = to.add(length);
                    }
                }
            }
            *start.add(1) = count;
            let written = to.offset_from(start) as usize;
            out.set_len(out.len() + written);
        }
    }
}

/// A value that is not plain: encoded into the scratch by `json`. Where it ends.
#[cold]
fn careful(json: &mut Json, at: usize, scratch: &mut Vec<u8>, span: &mut Span) -> Option<usize> {
    json.at = at;
    let start = scratch.len();
    let mut inner = Json::new(json.bytes, at, false);
    inner.descend();
    inner.value(scratch).ok()?;
    *span = Span { start, length: scratch.len() - start, tag: RAW };
    Some(inner.at)
}

/// Whole blocks of 64 bytes: what is read and written past the end is padding.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    let mut at = 0;
    loop {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_si512(to.add(at).cast(), _mm512_loadu_si512(from.add(at).cast())) };
        at += 64;
        if at >= length {
            break;
        }
    }
}
