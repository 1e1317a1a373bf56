//! One JSON line → canonical encoding: the careful way, which decides. `fast` must agree with it.

use crate::encode::*;

const MAX_DEPTH: u32 = 64;

/// Names of a record as they stand in the file, and their canonical order.
#[derive(Default, Clone)]
pub struct Shape {
    /// What stands before each value: bracket or comma, name, colon, white space.
    pub prefixes: Vec<Vec<u8>>,
    /// Length and bytes of each name.
    pub names: Vec<Vec<u8>>,
    pub order: Vec<usize>,
    /// Tags of the last record's values.
    pub tags: Vec<u8>,
}

/// A reader over bytes that are valid UTF-8 and end with 64 zeros; `at` is where it stands.
pub struct Json<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub as_text: bool,
    depth: u32,
}

type Result<T> = std::result::Result<T, Bad>;

impl<'a> Json<'a> {
    pub fn new(bytes: &'a [u8], at: usize, as_text: bool) -> Self {
        Json { bytes, at, as_text, depth: 0 }
    }

    /// One level down: for values of a record's fields, read by themselves.
    pub fn descend(&mut self) {
        self.depth += 1;
    }

    #[inline]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[cold]
    fn bad<T>(&self, why: &'static str) -> Result<T> {
        Err(Bad { why, at: self.at })
    }

    #[inline]
    pub fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    /// From the byte after the opening quote: the closing quote, and whether there are escapes before it.
    fn string_end(&self) -> Result<(usize, bool)> {
        let mut escaped = false;
        let mut at = self.at;
        loop {
            match self.bytes.get(at).copied().unwrap_or(0) {
                b'"' => return Ok((at, escaped)),
                b'\\' => {
                    escaped = true;
                    at += 2;
                }
                0..32 => return Err(Bad { why: "a control character in a string, or no end", at }),
                _ => at += 1,
            }
        }
    }

    /// Length and bytes of the string whose opening quote was just passed.
    fn string(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let start = self.at;
        let (end, escaped) = self.string_end()?;
        if escaped {
            let text = self.unescape(&self.bytes[start..end])?;
            length(out, text.len());
            out.extend_from_slice(&text);
        } else {
            length(out, end - start);
            out.extend_from_slice(&self.bytes[start..end]);
        }
        self.at = end + 1;
        Ok(())
    }

    #[cold]
    fn unescape(&self, text: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            if text[at] != b'\\' {
                if text[at] < 32 {
                    return self.bad("a control character in a string");
                }
                out.push(text[at]);
                at += 1;
                continue;
            }
            let plain = match text.get(at + 1) {
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
                Some(b'u') => 0,
                _ => return self.bad("a bad escape"),
            };
            if text[at + 1] != b'u' {
                out.push(plain);
                at += 2;
                continue;
            }
            let (character, used) = self.code_point(&text[at..])?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            at += used;
        }
        Ok(out)
    }

    /// The character of one `\uXXXX`, or of two that are a surrogate pair, and how many bytes they take.
    fn code_point(&self, text: &[u8]) -> Result<(char, usize)> {
        let unit = |at: usize| -> Option<u32> {
            let digits = text.get(at..at + 6)?;
            if !digits.starts_with(b"\\u") || !digits[2..].iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            u32::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
        };
        let Some(first) = unit(0) else { return self.bad("a bad escape") };
        if let Some(character) = char::from_u32(first) {
            return Ok((character, 6));
        }
        match (first, unit(6)) {
            (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
                let point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                char::from_u32(point).map_or_else(|| self.bad("half of a surrogate pair"), |character| Ok((character, 12)))
            }
            _ => self.bad("half of a surrogate pair"),
        }
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(end) = plain_number(self.bytes, self.at) {
            scalar(out, if self.as_text { TEXT } else { NUMBER }, &self.bytes[self.at..end]);
            self.at = end;
            return Ok(());
        }
        let rest = &self.bytes[self.at..];
        let size = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
        let token = &rest[..size];
        if !is_number(token) {
            return self.bad("not a JSON value");
        }
        let Some(text) = canonical_number(token) else { return self.bad("an exponent beyond a million") };
        scalar(out, if self.as_text { TEXT } else { NUMBER }, &text);
        self.at += size;
        Ok(())
    }

    fn word(&mut self, word: &'static str, tag: u8, out: &mut Vec<u8>) -> Result<()> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.bad("not a JSON value");
        }
        self.at += word.len();
        if self.as_text && tag != NULL {
            scalar(out, TEXT, word.as_bytes());
        } else {
            out.push(tag);
        }
        Ok(())
    }

    pub fn value(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match self.peek() {
            b'"' => {
                self.at += 1;
                out.push(TEXT);
                self.string(out)
            }
            b'{' => self.object(out, None),
            b'[' => self.list(out),
            b't' => self.word("true", TRUE, out),
            b'f' => self.word("false", FALSE, out),
            b'n' => self.word("null", NULL, out),
            _ => self.number(out),
        }
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.bad("nested deeper than 64");
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Past a comma (true) or the closing bracket (false).
    fn goes_on(&mut self, close: u8) -> Result<bool> {
        self.space();
        let byte = self.peek();
        if byte != b',' && byte != close {
            return self.bad("a comma or a bracket is missing");
        }
        self.at += 1;
        Ok(byte == b',')
    }

    fn list(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.enter()?;
        out.push(LIST);
        let start = out.len();
        let mut count = 0;
        if self.peek() == b']' {
            self.at += 1;
        } else {
            loop {
                self.space();
                self.value(out)?;
                count += 1;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        insert_length(out, start, count);
        self.depth -= 1;
        Ok(())
    }

    /// An object; its shape is noted where it is asked for.
    pub fn object(&mut self, out: &mut Vec<u8>, mut shape: Option<&mut Shape>) -> Result<()> {
        let mut begin = self.at;
        if self.peek() != b'{' {
            return self.bad("a record is a JSON object");
        }
        self.enter()?;
        if let Some(shape) = &mut shape {
            shape.prefixes.clear();
            shape.names.clear();
            shape.tags.clear();
        }
        let mut fields: Vec<(Vec<u8>, usize, Vec<u8>)> = Vec::new();
        if self.peek() == b'}' {
            self.at += 1;
        } else {
            loop {
                self.space();
                if self.peek() != b'"' {
                    return self.bad("a key is missing");
                }
                self.at += 1;
                let mut name = Vec::new();
                self.string(&mut name)?;
                self.space();
                if self.peek() != b':' {
                    return self.bad("a colon is missing");
                }
                self.at += 1;
                self.space();
                if let Some(shape) = &mut shape {
                    shape.prefixes.push(self.bytes[begin..self.at].to_vec());
                    shape.names.push(name.clone());
                }
                let mut value = Vec::new();
                self.value(&mut value)?;
                begin = self.at;
                if let Some(shape) = &mut shape {
                    shape.tags.push(value[0]);
                }
                let bare = name.iter().position(|byte| byte & 128 == 0).map_or(0, |at| at + 1);
                fields.push((name, bare, value));
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        let mut order: Vec<usize> = (0..fields.len()).collect();
        let bare = |field: usize| &fields[field].0[fields[field].1..];
        order.sort_by(|&a, &b| bare(a).cmp(bare(b)));
        if order.windows(2).any(|pair| bare(pair[0]) == bare(pair[1])) {
            return self.bad("a key stands twice");
        }
        out.push(STRUCT);
        length(out, fields.iter().filter(|field| field.2[0] != NULL).count());
        for &field in &order {
            let (name, _, value) = &fields[field];
            if value[0] != NULL {
                out.extend_from_slice(name);
                out.extend_from_slice(value);
            }
        }
        if let Some(shape) = shape {
            shape.order = order;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// Puts a length before what was written from `start` on.
pub fn insert_length(out: &mut Vec<u8>, start: usize, count: usize) {
    let end = out.len();
    length(out, count);
    let size = out.len() - end;
    out[start..].rotate_right(size);
}
