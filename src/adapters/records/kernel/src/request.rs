//! Requests and answers as `native.ts` writes and reads them: texts, each ended by a NUL.

use crate::csv::{Cell, Table};
use crate::index::Indexed;
use crate::lanes::Hash;
use crate::rows::{self, Wanted};
use crate::run::{self, Control, Failure, Format, Request, Source};
use crate::scan::{Lines, Stop};

/// The answer to a request; None if it is malformed.
pub fn serve(bytes: &[u8], control: &Control) -> Option<Vec<u8>> {
    match parse_rows(bytes) {
        Some(wanted) => Some(respond_rows(rows::read(&wanted))),
        None => Some(respond(run::run(&parse(bytes)?, control))),
    }
}

/// `rows format as-text path from count`.
fn parse_rows(bytes: &[u8]) -> Option<Wanted> {
    let text = std::str::from_utf8(bytes).ok()?;
    let fields: Vec<&str> = text.strip_suffix('\0')?.split('\0').collect();
    let ["rows", format, as_text, path, from, count] = fields[..] else { return None };
    Some(Wanted { path: path.to_owned(), is_parquet: format == "parquet", as_text: as_text == "text", from: from.parse().ok()?, count: count.parse().ok()? })
}

/// `ok`, then each row's encoding in hex.
fn respond_rows(outcome: Result<Vec<Vec<u8>>, Stop>) -> Vec<u8> {
    let rows = match outcome {
        Ok(rows) => rows,
        Err(stop) => return respond(Err(Failure { file: usize::MAX, stop })),
    };
    let mut answer = b"ok\0".to_vec();
    for row in rows {
        row.iter().for_each(|byte| answer.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]));
        answer.push(0);
    }
    answer
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `format as-text delimiter header empty threads secret out spill types… "" files…`, a file being `path start end`, both empty for the whole; None if malformed.
pub fn parse(bytes: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut fields = text.strip_suffix('\0')?.split('\0');
    let format = fields.next()?;
    let as_text = fields.next()? == "text";
    let delimiter = *fields.next()?.as_bytes().first()?;
    let header = fields.next()? == "header";
    let empty_is_text = fields.next()? == "text";
    let threads = fields.next()?.parse().ok()?;
    let secret = secret_of(fields.next()?)?;
    let out = fields.next().map(|path| (!path.is_empty()).then(|| path.to_owned()))?;
    let spill = fields.next()?.to_owned();
    let mut types = Vec::new();
    loop {
        let name = fields.next()?;
        if name.is_empty() {
            break;
        }
        types.push((name.as_bytes().to_vec(), cell_of(fields.next()?)?));
    }
    let format = match format {
        "text" => Format::Lines(Lines::Text),
        "jsonl" => Format::Lines(Lines::Json { as_text }),
        "csv" | "tsv" => Format::Table(Table { delimiter, header, empty_is_text, as_text, types }),
        "parquet" => Format::Parquet { as_text },
        "arrow" => Format::Arrow { as_text },
        _ => return None,
    };
    let mut files = Vec::new();
    while let Some(path) = fields.next() {
        let (start, end) = (fields.next()?, fields.next()?);
        let slice = if start.is_empty() { None } else { Some(start.parse().ok()?..end.parse().ok()?) };
        files.push(Source { path: path.to_owned(), slice });
    }
    Some(Request { format, secret, threads, out, spill, files })
}

fn secret_of(hex: &str) -> Option<Option<Hash>> {
    if hex.is_empty() {
        return Some(None);
    }
    let mut secret = [0; 32];
    for (byte, digits) in secret.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (hex.len() == 64).then_some(Some(secret))
}

fn cell_of(name: &str) -> Option<Cell> {
    Some(match name {
        "text" => Cell::Text,
        "number" => Cell::Number,
        "boolean" => Cell::Boolean,
        "date" => Cell::Date,
        "time" => Cell::Time,
        "timestamp" => Cell::Timestamp,
        "instant" => Cell::Instant,
        _ => return None,
    })
}

/// `ok records distinct ordered set`, a count for each file, then names and bits of columns; or `record|unsupported|io file …`.
pub fn respond(outcome: Result<Indexed, Failure>) -> Vec<u8> {
    let fields: Vec<Vec<u8>> = match outcome {
        Ok(Indexed { roots, columns, parts }) => {
            let mut fields = vec![
                b"ok".to_vec(),
                roots.records.to_string().into(),
                roots.distinct.to_string().into(),
                hex(&roots.ordered).into(),
                hex(&roots.set).into(),
                parts.len().to_string().into(),
            ];
            fields.extend(parts.iter().map(|part| part.to_string().into()));
            fields.extend(columns.all().flat_map(|(name, bits)| [name.to_vec(), bits.to_string().into()]));
            fields
        }
        Err(Failure { file, stop }) => {
            let (kind, detail) = match stop {
                Stop::Record(offset) => ("record", offset.to_string()),
                Stop::Unsupported(why) => ("unsupported", why.replace('\0', "")),
                Stop::Io(error) => ("io", error.to_string()),
            };
            let file = if file == usize::MAX { String::new() } else { file.to_string() };
            vec![kind.into(), file.into(), detail.into()]
        }
    };
    fields.into_iter().flat_map(|field| field.into_iter().chain([0])).collect()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
