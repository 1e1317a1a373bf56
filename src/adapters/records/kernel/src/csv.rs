//! CSV and TSV as `csv.ts` reads them: RFC 4180, cells of declared types. One thread a file.

use crate::columns::Columns;
use crate::encode::*;
use crate::hashing::Hashing;
use crate::scan::{Found, MAX_RECORD, Stop};
use std::fs::File;
use std::os::unix::fs::FileExt;

const CHUNK: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
pub enum Cell {
    Text,
    Number,
    Boolean,
    Date,
    Time,
    Timestamp,
    Instant,
}

/// What is declared of a table.
#[derive(Clone)]
pub struct Table {
    pub delimiter: u8,
    pub header: bool,
    pub empty_is_text: bool,
    pub as_text: bool,
    pub types: Vec<(Vec<u8>, Cell)>,
}

/// A cell in the buffer, without its quotes.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    quoted: bool,
    doubled: bool,
}

pub struct Reader<'a> {
    table: &'a Table,
    hashing: Hashing,
    /// Length and bytes of each name, and what the column holds; none before the header.
    names: Option<Vec<(Vec<u8>, Cell)>>,
    order: Vec<usize>,
    kinds: Vec<u16>,
    cells: Vec<Place>,
    arena: Vec<u8>,
    ends: Vec<u32>,
    pub columns: Columns,
}

enum Row {
    /// Where the next one begins.
    Next(usize),
    More,
    Bad,
}

impl<'a> Reader<'a> {
    pub fn new(table: &'a Table, hashing: Hashing) -> Self {
        Reader {
            table,
            hashing,
            names: None,
            order: Vec::new(),
            kinds: Vec::new(),
            cells: Vec::new(),
            arena: Vec::new(),
            ends: Vec::new(),
            columns: Columns::default(),
        }
    }

    /// Reads a whole file, a batch at a time. A reader is for one file.
    pub fn read(&mut self, file: &File, size: u64, mut take: impl FnMut(&mut Found) -> Result<(), Stop>) -> Result<(), Stop> {
        let mut buffer: Vec<u8> = Vec::new();
        let (mut base, mut at) = (0u64, 0u64);
        let mut found = Found::default();
        loop {
            let rest = buffer.len();
            let more = ((size - at) as usize).min(CHUNK.max(rest.min(MAX_RECORD)));
            buffer.resize(rest + more, 0);
            file.read_exact_at(&mut buffer[rest..], at)?;
            at += more as u64;
            let last = at == size;
            let used = self.chunk(&buffer, base, last, &mut found)?;
            self.hashing.hash(&self.arena, &self.ends, &mut found.hashes);
            take(&mut found)?;
            found.hashes.clear();
            found.offsets.clear();
            self.arena.clear();
            self.ends.clear();
            buffer.drain(..used);
            base += used as u64;
            if buffer.len() > MAX_RECORD {
                return Err(Stop::Unsupported("a record longer than 67108864 bytes".into()));
            }
            if last {
                break;
            }
        }
        let names = self.names.take().unwrap_or_default();
        for ((name, _), bits) in names.iter().zip(&self.kinds) {
            self.columns.add(bare(name), *bits);
        }
        Ok(())
    }

    fn chunk(&mut self, bytes: &[u8], base: u64, last: bool, found: &mut Found) -> Result<usize, Stop> {
        let mut at = if base == 0 && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let whole = if last { bytes.len() } else { memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1) };
        let valid = whole <= at || simdutf8::basic::from_utf8(&bytes[at..whole]).is_ok();
        while at < bytes.len() {
            match self.row(bytes, at, last) {
                Row::More => break,
                Row::Bad => return Err(Stop::Record(base + at as u64)),
                Row::Next(next) if next - at > MAX_RECORD => {
                    return Err(Stop::Unsupported("a record longer than 67108864 bytes".into()));
                }
                Row::Next(next) => {
                    if !valid && std::str::from_utf8(&bytes[at..next]).is_err() {
                        return Err(Stop::Record(base + at as u64));
                    }
                    if self.take(bytes).ok_or(Stop::Record(base + at as u64))? {
                        self.ends.push(self.arena.len() as u32);
                        found.offsets.push(base + at as u64);
                    }
                    at = next;
                }
            }
        }
        Ok(at)
    }

    fn row(&mut self, bytes: &[u8], start: usize, last: bool) -> Row {
        self.cells.clear();
        let mut at = start;
        loop {
            let place = if bytes.get(at) == Some(&b'"') { quoted(bytes, at, last) } else { self.plain(bytes, at, last) };
            let place = match place {
                Ok(place) => place,
                Err(row) => return row,
            };
            self.cells.push(place);
            at = place.end + usize::from(place.quoted);
            if bytes.get(at) != Some(&self.table.delimiter) {
                break;
            }
            at += 1;
        }
        match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) if last => Row::Next(at),
            (None, _) => Row::More,
            (Some(b'\n'), _) => Row::Next(at + 1),
            (Some(b'\r'), Some(b'\n')) => Row::Next(at + 2),
            (Some(b'\r'), None) if !last => Row::More,
            _ => Row::Bad,
        }
    }

    fn plain(&self, bytes: &[u8], start: usize, last: bool) -> Result<Place, Row> {
        let mut at = start;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte == self.table.delimiter || byte == b'\n' || byte == b'\r' {
                break;
            }
            if byte == b'"' || byte == 0 {
                return Err(Row::Bad);
            }
            at += 1;
        }
        if at == bytes.len() && !last { Err(Row::More) } else { Ok(Place { start, end: at, quoted: false, doubled: false }) }
    }

    /// Encodes the row; false: it was the header. None: it is refused.
    fn take(&mut self, bytes: &[u8]) -> Option<bool> {
        if self.names.is_none() && self.header(bytes)? {
            return Some(false);
        }
        let names = self.names.as_ref()?;
        if self.cells.len() != names.len() {
            return None;
        }
        self.arena.push(STRUCT);
        let start = self.arena.len();
        let mut count = 0;
        for &column in &self.order {
            let (name, cell) = &names[column];
            let place = self.cells[column];
            let text = &bytes[place.start..place.end];
            if text.is_empty() && !place.quoted && (*cell != Cell::Text || !self.table.empty_is_text) {
                continue;
            }
            self.arena.extend_from_slice(name);
            let tag_at = self.arena.len();
            let unquoted = place.doubled.then(|| undouble(text));
            encode(unquoted.as_deref().unwrap_or(text), *cell, self.table.as_text, &mut self.arena)?;
            self.kinds[column] |= 1 << self.arena[tag_at];
            count += 1;
        }
        crate::json::insert_length(&mut self.arena, start, count);
        Some(true)
    }

    fn header(&mut self, bytes: &[u8]) -> Option<bool> {
        let texts: Vec<Vec<u8>> = self
            .cells
            .iter()
            .enumerate()
            .map(|(column, place)| match (self.table.header, place.doubled) {
                (false, _) => column.to_string().into_bytes(),
                (true, false) => bytes[place.start..place.end].to_vec(),
                (true, true) => undouble(&bytes[place.start..place.end]),
            })
            .collect();
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by(|&a, &b| texts[a].cmp(&texts[b]));
        let twice = order.windows(2).any(|pair| texts[pair[0]] == texts[pair[1]]);
        let declared = self.table.types.iter().all(|(name, _)| texts.contains(name));
        if twice || !declared || texts.iter().any(Vec::is_empty) {
            return None;
        }
        let type_of = |name: &Vec<u8>| self.table.types.iter().find(|(each, _)| each == name).map_or(Cell::Text, |(_, cell)| *cell);
        let named = |text: &Vec<u8>| {
            let mut name = Vec::new();
            length(&mut name, text.len());
            name.extend_from_slice(text);
            (name, type_of(text))
        };
        self.names = Some(texts.iter().map(named).collect());
        self.kinds = vec![0; texts.len()];
        self.order = order;
        Some(self.table.header)
    }
}

fn quoted(bytes: &[u8], start: usize, last: bool) -> Result<Place, Row> {
    let mut doubled = false;
    let mut at = start + 1;
    loop {
        let Some(quote) = memchr::memchr(b'"', bytes.get(at..).unwrap_or(&[])) else { return Err(if last { Row::Bad } else { Row::More }) };
        at += quote;
        match bytes.get(at + 1) {
            None if !last => return Err(Row::More),
            Some(b'"') => {
                doubled = true;
                at += 2;
            }
            _ => break,
        }
    }
    if memchr::memchr(0, &bytes[start..at]).is_some() {
        return Err(Row::Bad);
    }
    Ok(Place { start: start + 1, end: at, quoted: true, doubled })
}

fn undouble(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        out.push(text[at]);
        at += if text[at] == b'"' { 2 } else { 1 };
    }
    out
}

fn bare(name: &[u8]) -> &[u8] {
    let at = name.iter().position(|byte| byte & 128 == 0).map_or(0, |at| at + 1);
    &name[at..]
}

fn encode(text: &[u8], cell: Cell, as_text: bool, out: &mut Vec<u8>) -> Option<()> {
    let tag = |tag: u8| if as_text { TEXT } else { tag };
    match cell {
        Cell::Text => scalar(out, TEXT, text),
        Cell::Boolean => match (text, as_text) {
            (b"true" | b"false", true) => scalar(out, TEXT, text),
            (b"true", _) => out.push(TRUE),
            (b"false", _) => out.push(FALSE),
            _ => return None,
        },
        Cell::Number => {
            let special: Option<&[u8]> = match text {
                b"nan" | b"NaN" => Some(b"nan"),
                b"inf" | b"Infinity" => Some(b"inf"),
                b"-inf" | b"-Infinity" => Some(b"-inf"),
                _ => None,
            };
            match special {
                Some(special) => scalar(out, tag(NUMBER), special),
                None if is_number(text) => scalar(out, tag(NUMBER), &canonical_number(text)?),
                None => return None,
            }
        }
        Cell::Date => {
            let days = days_of(text)?;
            short(out, tag(DATE), |out| date(out, days));
        }
        Cell::Time => {
            let nanos = nanos_of(text)?;
            short(out, tag(TIME), |out| time(out, nanos));
        }
        Cell::Timestamp => {
            let (days, nanos) = moment(text, false)?;
            short(out, tag(TIMESTAMP), |out| timestamp(out, days, nanos, false));
        }
        Cell::Instant => {
            let (days, nanos) = moment(text, true)?;
            short(out, tag(INSTANT), |out| timestamp(out, days, nanos, true));
        }
    }
    Some(())
}

fn number_at(text: &[u8], from: usize, to: usize) -> Option<i64> {
    let digits = text.get(from..to)?;
    digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

fn days_of(text: &[u8]) -> Option<i64> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number_at(text, 0, 4)?, number_at(text, 5, 7)?, number_at(text, 8, 10)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    // The 30th of February is written in another way.
    let mut written = Vec::with_capacity(10);
    date(&mut written, days);
    (written == text).then_some(days)
}

fn nanos_of(text: &[u8]) -> Option<i64> {
    if text.len() < 8 || text[2] != b':' || text[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number_at(text, 0, 2)?, number_at(text, 3, 5)?, number_at(text, 6, 8)?);
    let fraction = match text.get(8) {
        None => 0,
        Some(b'.') if (10..=18).contains(&text.len()) => number_at(text, 9, text.len())? * 10i64.pow(18 - text.len() as u32),
        _ => return None,
    };
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 3600 + minute * 60 + second) * 1_000_000_000 + fraction)
}

/// Days since 1970-01-01 and nanoseconds since midnight.
fn moment(text: &[u8], instant: bool) -> Option<(i64, i64)> {
    if text.len() < 19 || !matches!(text[10], b'T' | b' ') {
        return None;
    }
    let rest = &text[11..];
    let zone = rest.iter().position(|byte| matches!(byte, b'Z' | b'+' | b'-'));
    if zone.is_some() != instant {
        return None;
    }
    let (clock, zone) = rest.split_at(zone.unwrap_or(rest.len()));
    let offset = match zone {
        [] | [b'Z'] => 0,
        [sign, digits @ ..] => {
            let minutes = match digits {
                [_, _] | [_, _, b':'] => 0,
                [_, _, b':', _, _] => number_at(digits, 3, 5)?,
                [_, _, _, _] => number_at(digits, 2, 4)?,
                _ => return None,
            };
            let hours = number_at(digits, 0, 2)?;
            if hours > 23 || minutes > 59 || *sign == b'Z' {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
    };
    const DAY: i64 = DAY_SECONDS * 1_000_000_000;
    // A day more or less at most.
    let nanos = nanos_of(clock)? - offset * 1_000_000_000;
    Some((days_of(&text[..10])? + nanos.div_euclid(DAY), nanos.rem_euclid(DAY)))
}
