//! The fast way for a record shaped like the one before it: where its values are first, then one copy in canonical order.
//! None on anything unusual: then `json` decides. AVX-512 or WebAssembly; elsewhere there is no fast way.

mod block;

use crate::encode::*;
use crate::json::{Json, Shape};
pub use block::is_there;
use block::{begins, digits, specials};

/// Bytes that may be read past a segment, and written past a record.
pub const PADDING: usize = 64;
const MAX_PREFIX: usize = 64;
const MAX_FIELDS: usize = 100;

struct Field {
    prefix: [u8; MAX_PREFIX],
    prefix_length: usize,
    /// Length and bytes of the name, and room for what `copy` reads behind them.
    name: [u8; MAX_PREFIX + 32],
    name_length: usize,
}

/// Where a value is: in the segment, or encoded already in the scratch (`RAW`).
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
    /// As wide as the others: what is written in one piece is read in one.
    tag: usize,
}

const RAW: usize = 255;
const NO_SPAN: Span = Span { start: 0, length: 0, tag: 0 };

#[derive(Default)]
pub struct Fast {
    fields: Vec<Field>,
    order: Vec<usize>,
    spans: Vec<Span>,
    scratch: Vec<u8>,
    /// A bit for each tag seen, by field.
    pub kinds: Vec<u16>,
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
            let mut field = Field { prefix: [0; MAX_PREFIX], prefix_length: prefix.len(), name: [0; MAX_PREFIX + 32], name_length: name.len() };
            field.prefix[..prefix.len()].copy_from_slice(prefix);
            field.name[..name.len()].copy_from_slice(name);
            self.fields.push(field);
        }
        self.spans = vec![NO_SPAN; self.fields.len()];
    }

    /// Encodes the record at `json.at` to the end of `out` and moves past it; None leaves `json.at` anywhere.
    /// # Safety
    /// AVX-512 F, BW and VL, BMI2. `json.bytes` is valid UTF-8 and ends with `PADDING` zeros.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
    pub unsafe fn record(&mut self, json: &mut Json, out: &mut Vec<u8>) -> Option<()> {
        if self.fields.is_empty() {
            return None;
        }
        let begin = json.at;
        let text = Text { base: json.bytes.as_ptr(), limit: json.bytes.len() - PADDING };
        self.scratch.clear();
        let mut at = begin;
        for (field, span) in self.fields.iter().zip(&mut self.spans) {
            // SAFETY: what was matched or found is before the limit: zeros follow it.
            if at > text.limit || unsafe { !begins(text.base.add(at), &field.prefix, field.prefix_length) } {
                return None;
            }
            at += field.prefix_length;
            // SAFETY: as above.
            at = match unsafe { text.plain(at, span) } {
                Some(end) => end,
                None => {
                    let start = self.scratch.len();
                    // SAFETY: as above.
                    let end = match unsafe { text.list(at, &mut self.scratch) } {
                        Some(end) => end,
                        None => careful(json, at, &mut self.scratch)?,
                    };
                    *span = Span { start, length: self.scratch.len() - start, tag: RAW };
                    end
                }
            };
        }
        if json.bytes[at] != b'}' {
            return None;
        }
        json.at = at + 1;
        // Each byte of a value is copied once, each name takes 64 at most, each length 5 and a tag.
        out.reserve(at - begin + self.scratch.len() + self.fields.len() * (MAX_PREFIX + 8) + 2 * PADDING);
        // SAFETY: there is room for all that is written.
        unsafe { self.write(text.base, out) };
        Some(())
    }

    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
    unsafe fn write(&mut self, base: *const u8, out: &mut Vec<u8>) {
        // SAFETY: the caller reserved the room; sources have 64 bytes of padding or are copied exactly.
        unsafe {
            let start = out.as_mut_ptr().add(out.len());
            *start = STRUCT;
            let mut to = start.add(2);
            let mut count = 0u8;
            for &index in &self.order {
                let span = *self.spans.get_unchecked(index);
                let field = self.fields.get_unchecked(index);
                let kind = if span.tag == RAW { *self.scratch.get_unchecked(span.start) } else { span.tag as u8 };
                if kind == NULL {
                    continue;
                }
                *self.kinds.get_unchecked_mut(index) |= 1 << kind;
                count += 1;
                copy(field.name.as_ptr(), to, field.name_length);
                to = to.add(field.name_length);
                if span.tag == RAW {
                    std::ptr::copy_nonoverlapping(self.scratch.as_ptr().add(span.start), to, span.length);
                    to = to.add(span.length);
                } else {
                    to = put(base, span, to);
                }
            }
            *start.add(1) = count;
            let written = to.offset_from(start) as usize;
            out.set_len(out.len() + written);
        }
    }
}

/// Bytes that `PADDING` zeros follow, at the limit.
#[derive(Clone, Copy)]
struct Text {
    base: *const u8,
    limit: usize,
}

impl Text {
    /// A value whose encoding is its text as it stands: where it ends.
    /// # Safety
    /// `at` is not beyond the limit, here and below.
    #[inline]
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
    unsafe fn plain(self, at: usize, span: &mut Span) -> Option<usize> {
        // SAFETY: `at` is at most the limit, so 64 bytes are there.
        let first = unsafe { *self.base.add(at) };
        let (tag, start, length, end) = match first {
            b'"' => {
                // The opening quote is passed over.
                // SAFETY: as above.
                let end = match unsafe { specials(self.base.add(at)) } & !1 {
                    // SAFETY: as above.
                    0 => unsafe { self.text_end(at + 64)? },
                    special => at + special.trailing_zeros() as usize,
                };
                // SAFETY: `end` is at most the limit.
                if unsafe { *self.base.add(end) } != b'"' {
                    return None;
                }
                (TEXT, at + 1, end - at - 1, end + 1)
            }
            b'-' | b'0'..=b'9' => {
                // SAFETY: as above.
                let length = unsafe { number_length(self.base.add(at), first)? };
                (NUMBER, at, length, at + length)
            }
            // SAFETY: as above.
            b'n' | b't' | b'f' => match unsafe { self.base.add(at).cast::<[u8; 5]>().read() } {
                [b'n', b'u', b'l', b'l', _] => (NULL, at, 0, at + 4),
                [b't', b'r', b'u', b'e', _] => (TRUE, at, 0, at + 4),
                [b'f', b'a', b'l', b's', b'e'] => (FALSE, at, 0, at + 5),
                _ => return None,
            },
            _ => return None,
        };
        *span = Span { start, length, tag: tag.into() };
        Some(end)
    }

    /// The next quote, escape or control character.
    #[inline]
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
    unsafe fn text_end(self, mut at: usize) -> Option<usize> {
        while at <= self.limit {
            // SAFETY: as above.
            match unsafe { specials(self.base.add(at)) } {
                0 => at += 64,
                special => return Some(at + special.trailing_zeros() as usize),
            }
        }
        None
    }

    /// A list of plain values with a space after each comma at most, encoded: where it ends.
    #[inline]
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
    unsafe fn list(self, begin: usize, out: &mut Vec<u8>) -> Option<usize> {
        // SAFETY: the caller's.
        if unsafe { *self.base.add(begin) } != b'[' {
            return None;
        }
        let start = out.len();
        let (mut count, mut span) = (0u8, NO_SPAN);
        let mut at = begin + 1;
        out.extend_from_slice(&[LIST, 0]);
        loop {
            // SAFETY: everything up to here was found, so that zeros follow.
            let Some(end) = (unsafe { self.plain(at, &mut span) }) else { break };
            out.reserve(end - at + 2 * PADDING);
            // SAFETY: there is room for the value, its length, and the padding.
            unsafe {
                let to = out.as_mut_ptr().add(out.len());
                let written = put(self.base, span, to).offset_from(to) as usize;
                out.set_len(out.len() + written);
            }
            count += 1;
            // SAFETY: as above.
            let next = unsafe { *self.base.add(end) };
            at = end + 1;
            // SAFETY: as above.
            if next == b',' && unsafe { *self.base.add(at) } == b' ' {
                at += 1;
            }
            if next == b']' {
                out[start + 1] = count;
                return Some(at);
            }
            if next != b',' || count == 127 {
                break;
            }
        }
        out.truncate(start);
        None
    }
}

/// `plain_number` over the 64 bytes from its first on: it is not as long.
/// # Safety
/// The bytes are there.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
unsafe fn number_length(from: *const u8, first: u8) -> Option<usize> {
    // SAFETY: the caller's.
    let digits = unsafe { digits(from) };
    let sign = usize::from(first == b'-');
    let whole = (digits >> sign).trailing_ones() as usize;
    // SAFETY: all places are within the block: what is longer is refused first.
    let byte = |at: usize| unsafe { *from.add(at) };
    let zero = byte(sign) == b'0';
    if whole == 0 || whole > 21 || (whole > 1 && zero) {
        return None;
    }
    let mut end = sign + whole;
    if byte(end) == b'.' {
        let fraction = (digits >> (end + 1)).trailing_ones() as usize;
        end += 1 + fraction;
        if fraction == 0 || end >= 63 || byte(end - 1) == b'0' {
            return None;
        }
        if zero && fraction > 6 && digits_are_zero(byte, sign + 2) {
            return None;
        }
    } else if zero && sign == 1 {
        return None;
    }
    (byte(end) | 32 != b'e').then_some(end)
}

/// Six of them.
#[inline]
fn digits_are_zero(byte: impl Fn(usize) -> u8, from: usize) -> bool {
    (from..from + 6).all(|at| byte(at) == b'0')
}

/// The encoding of a value whose text is copied: tag, length, text. @return where it ends.
/// # Safety
/// There is room for `PADDING` bytes more, and 64 can be read behind the text.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
unsafe fn put(base: *const u8, Span { start, length, tag }: Span, mut to: *mut u8) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe {
        *to = tag as u8;
        to = to.add(1);
        if tag <= TRUE.into() {
            return to;
        }
        let mut rest = length;
        while rest >= 128 {
            *to = rest as u8 | 128;
            to = to.add(1);
            rest >>= 7;
        }
        *to = rest as u8;
        to = to.add(1);
        copy(base.add(start), to, length);
        to.add(length)
    }
}

/// A value that is not plain: encoded to the end of the scratch by `json`. Where it ends.
#[cold]
fn careful(json: &Json, at: usize, scratch: &mut Vec<u8>) -> Option<usize> {
    let mut inner = Json::new(json.bytes, at, false);
    inner.descend();
    inner.value(scratch).ok()?;
    Some(inner.at)
}

/// Whole blocks: what is read and written past the end is padding.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2"))]
unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: the caller's.
    unsafe { to.cast::<[u8; 32]>().write_unaligned(from.cast::<[u8; 32]>().read_unaligned()) };
    let mut at = 32;
    while at < length {
        // SAFETY: as above.
        unsafe { to.add(at).cast::<[u8; 64]>().write_unaligned(from.add(at).cast::<[u8; 64]>().read_unaligned()) };
        at += 64;
    }
}
