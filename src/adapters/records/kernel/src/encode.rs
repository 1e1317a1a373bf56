//! The canonical encoding of values (docs/datasets.md): tags, lengths, numbers, times.

pub const NULL: u8 = 0x00;
pub const FALSE: u8 = 0x01;
pub const TRUE: u8 = 0x02;
pub const NUMBER: u8 = 0x03;
pub const TEXT: u8 = 0x04;
pub const BYTES: u8 = 0x05;
pub const DATE: u8 = 0x06;
pub const TIME: u8 = 0x07;
pub const TIMESTAMP: u8 = 0x08;
pub const INSTANT: u8 = 0x09;
pub const DURATION: u8 = 0x0a;
pub const LIST: u8 = 0x0b;
pub const STRUCT: u8 = 0x0c;
pub const MAP: u8 = 0x0d;
pub const UUID: u8 = 0x0e;

/// Why a row is refused, and where: an offset in what was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Bad {
    pub why: &'static str,
    pub at: usize,
}

#[inline]
pub fn length(out: &mut Vec<u8>, mut n: usize) {
    while n >= 128 {
        out.push(n as u8 | 128);
        n >>= 7;
    }
    out.push(n as u8);
}

#[inline]
pub fn scalar(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

const MAX_EXPONENT: i64 = 1_000_000;

/// The one text of an exact decimal. `token` is a valid JSON number; None for an exponent beyond a million.
pub fn canonical_number(token: &[u8]) -> Option<Vec<u8>> {
    let (negative, token) = match token.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, token),
    };
    let (mantissa, exponent) = match token.iter().position(|byte| byte | 32 == b'e') {
        Some(at) => (&token[..at], exponent_of(&token[at + 1..])?),
        None => (token, 0),
    };
    let dot = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let lead = digits.iter().take_while(|&&digit| digit == b'0').count();
    if lead == digits.len() {
        return Some(b"0".to_vec());
    }
    let trail = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    Some(layout(negative, &digits[lead..digits.len() - trail], dot as i64 - lead as i64 + exponent))
}

fn exponent_of(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let value = digits.iter().try_fold(0i64, |value, digit| Some((value * 10 + i64::from(digit - b'0')).min(MAX_EXPONENT + 1)))?;
    (value <= MAX_EXPONENT).then_some(if negative { -value } else { value })
}

/// 0.`digits` × 10^`point` as ECMAScript lays it out (RFC 8785, 3.2.2.3).
pub fn layout(negative: bool, digits: &[u8], point: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(digits.len() + 8);
    if negative {
        out.push(b'-');
    }
    let count = digits.len() as i64;
    if count <= point && point <= 21 {
        out.extend_from_slice(digits);
        out.resize(out.len() + (point - count) as usize, b'0');
    } else if 0 < point && point <= 21 {
        out.extend_from_slice(&digits[..point as usize]);
        out.push(b'.');
        out.extend_from_slice(&digits[point as usize..]);
    } else if -6 < point && point <= 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-point) as usize, b'0');
        out.extend_from_slice(digits);
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.push(b'e');
        out.push(if point > 0 { b'+' } else { b'-' });
        out.extend_from_slice((point - 1).abs().to_string().as_bytes());
    }
    out
}

/// Whether the token is a number as RFC 8259 writes it.
pub fn is_number(token: &[u8]) -> bool {
    let mut rest = token.strip_prefix(b"-").unwrap_or(token);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix(b".") {
        let fraction = digits(after);
        if fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    }
    if let Some((b'e' | b'E', after)) = rest.split_first() {
        let after = after.strip_prefix(b"+").or(after.strip_prefix(b"-")).unwrap_or(after);
        let power = digits(after);
        return power > 0 && power == after.len();
    }
    rest.is_empty()
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Where a number ends whose text is canonical as it stands; None: it may not be. A zero follows the bytes.
#[inline]
pub fn plain_number(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + usize::from(bytes[start] == b'-');
    let first = at;
    while bytes[at].is_ascii_digit() {
        at += 1;
    }
    let whole = at - first;
    if whole == 0 || whole > 21 || (whole > 1 && bytes[first] == b'0') {
        return None;
    }
    if bytes[at] == b'.' {
        let point = at + 1;
        at = point;
        while bytes[at].is_ascii_digit() {
            at += 1;
        }
        let fraction = at - point;
        if fraction == 0 || fraction > 90 || bytes[at - 1] == b'0' {
            return None;
        }
        if bytes[first] == b'0' && fraction > 6 && bytes[point..point + 6] == *b"000000" {
            return None;
        }
    } else if bytes[first] == b'0' && first > start {
        return None;
    }
    (bytes[at] | 32 != b'e').then_some(at)
}

/// A tag, a length, and what is written, which is shorter than 128 bytes.
#[inline]
pub fn short(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0]);
    let start = out.len();
    write(out);
    debug_assert!(out.len() - start < 128);
    out[start - 1] = (out.len() - start) as u8;
}

/// As many digits.
#[inline]
fn digits_of<const N: usize>(out: &mut Vec<u8>, mut value: u64) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text);
}

/// Days since 1970-01-01 as `2024-01-02` (Howard Hinnant's `civil_from_days`).
pub fn date(out: &mut Vec<u8>, days: i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * of_year + 2) / 153;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let day = of_year - (153 * part + 2) / 5 + 1;
    match year {
        0..=9999 => digits_of::<4>(out, year as u64),
        _ => out.extend_from_slice(format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.unsigned_abs()).as_bytes()),
    }
    out.push(b'-');
    digits_of::<2>(out, month as u64);
    out.push(b'-');
    digits_of::<2>(out, day as u64);
}

/// Nanoseconds since midnight as `03:04:05.5`.
pub fn time(out: &mut Vec<u8>, nanos: i64) {
    let (seconds, fraction) = (nanos as u64 / 1_000_000_000, nanos as u64 % 1_000_000_000);
    digits_of::<2>(out, seconds / 3600);
    out.push(b':');
    digits_of::<2>(out, seconds / 60 % 60);
    out.push(b':');
    digits_of::<2>(out, seconds % 60);
    if fraction > 0 {
        out.push(b'.');
        digits_of::<9>(out, fraction);
        let zeros = out.iter().rev().take_while(|&&digit| digit == b'0').count();
        out.truncate(out.len() - zeros);
    }
}

pub const DAY_SECONDS: i64 = 86_400;

/// Days since 1970-01-01 and nanoseconds since midnight.
pub fn timestamp(out: &mut Vec<u8>, days: i64, nanos: i64, zone: bool) {
    date(out, days);
    out.push(b'T');
    time(out, nanos);
    if zone {
        out.push(b'Z');
    }
}
