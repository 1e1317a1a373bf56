//! Parquet and Arrow IPC, decoded by arrow-rs, by logical type alone: what is hashed is what `encode` makes of values.

use crate::columns::Columns;
use crate::encode::*;
use crate::hashing::Hashing;
use crate::scan::{Found, Stop};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, IntervalUnit, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::{Read, Seek};

const ROWS: usize = 2048;
const MAX_DEPTH: usize = 64;

/// One thread's reader of record batches.
pub struct Reader {
    hashing: Hashing,
    as_text: bool,
    arena: Vec<u8>,
    ends: Vec<u32>,
    pub columns: Columns,
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Self {
        Stop::Unsupported(format!("it does not decode: {error}"))
    }
}

impl From<parquet::errors::ParquetError> for Stop {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Stop::Unsupported(format!("it does not decode: {error}"))
    }
}

/// The footer of a Parquet file. @return how many row groups it has, to read by.
pub fn parquet_footer(file: &File) -> Result<(ArrowReaderMetadata, usize), Stop> {
    let footer = ArrowReaderMetadata::load(file, Default::default())?;
    let groups = footer.metadata().num_row_groups();
    check_schema(footer.schema())?;
    Ok((footer, groups))
}

impl Reader {
    pub fn new(hashing: Hashing, as_text: bool) -> Self {
        Reader { hashing, as_text, arena: Vec::new(), ends: Vec::new(), columns: Columns::default() }
    }

    pub fn row_group(&mut self, file: File, footer: &ArrowReaderMetadata, group: usize, found: &mut Found) -> Result<(), Stop> {
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone()).with_row_groups(vec![group]).with_batch_size(ROWS).build()?;
        for batch in rows {
            self.batch(&batch?, found)?;
        }
        Ok(())
    }

    /// An Arrow IPC file (Feather version 2 is one) or stream.
    pub fn ipc(&mut self, mut file: File, mut take: impl FnMut(&mut Found) -> Result<(), Stop>) -> Result<(), Stop> {
        let mut magic = [0; 6];
        let is_file = file.read_exact(&mut magic).is_ok() && &magic == b"ARROW1";
        file.rewind()?;
        if is_file {
            let reader = FileReader::try_new_buffered(file, None)?;
            check_schema(&reader.schema())?;
            self.all(reader, &mut take)
        } else {
            let reader = StreamReader::try_new_buffered(file, None)?;
            check_schema(&reader.schema())?;
            self.all(reader, &mut take)
        }
    }

    fn all(
        &mut self,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        take: &mut impl FnMut(&mut Found) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut found = Found::default();
        for batch in batches {
            let batch = batch?;
            for start in (0..batch.num_rows()).step_by(ROWS) {
                self.batch(&batch.slice(start, ROWS.min(batch.num_rows() - start)), &mut found)?;
                take(&mut found)?;
                found.hashes.clear();
            }
        }
        Ok(())
    }

    /// Names are noted even where every value is null.
    pub fn see_schema(&mut self, schema: &Schema) {
        for field in schema.fields() {
            self.columns.see(field.name().as_bytes(), NULL);
        }
    }

    fn batch(&mut self, batch: &RecordBatch, found: &mut Found) -> Result<(), Stop> {
        self.see_schema(&batch.schema());
        self.arena.clear();
        self.ends.clear();
        let fields = ordered_fields(batch);
        let mut kinds = vec![0u16; fields.len()];
        for row in 0..batch.num_rows() {
            self.arena.push(STRUCT);
            let start = self.arena.len();
            let mut count = 0;
            for ((name, array, _), kind) in fields.iter().zip(&mut kinds) {
                let from = self.arena.len();
                self.arena.extend_from_slice(name);
                let tag_at = self.arena.len();
                value(array.as_ref(), row, self.as_text, &mut self.arena)?;
                if self.arena[tag_at] == NULL {
                    self.arena.truncate(from);
                    continue;
                }
                *kind |= 1 << self.arena[tag_at];
                count += 1;
            }
            crate::json::insert_length(&mut self.arena, start, count);
            self.ends.push(self.arena.len() as u32);
        }
        for ((_, _, name), bits) in fields.iter().zip(kinds) {
            self.columns.add(name.as_bytes(), bits);
        }
        self.hashing.hash(&self.arena, &self.ends, &mut found.hashes);
        Ok(())
    }
}

type NamedColumn<'a> = (Vec<u8>, &'a arrow_array::ArrayRef, String);

/// By the bytes of their names; length and name ready to be written.
fn ordered_fields(batch: &RecordBatch) -> Vec<NamedColumn<'_>> {
    let schema = batch.schema();
    let mut fields: Vec<NamedColumn> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| {
            let mut name = Vec::new();
            length(&mut name, field.name().len());
            name.extend_from_slice(field.name().as_bytes());
            (name, array, field.name().clone())
        })
        .collect();
    fields.sort_by(|a, b| a.2.as_bytes().cmp(b.2.as_bytes()));
    fields
}

fn check_schema(schema: &Schema) -> Result<(), Stop> {
    check_fields(schema.fields().iter().map(AsRef::as_ref))?;
    schema.fields().iter().try_for_each(|field| check_type(field.data_type(), field, 0))
}

fn check_fields<'a>(fields: impl Iterator<Item = &'a Field>) -> Result<(), Stop> {
    let mut names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Stop::Unsupported(format!("two columns are called {}", pair[0]))),
        None => Ok(()),
    }
}

/// Types that have a place in version 1; the others are refused before a row is read.
fn check_type(of: &DataType, field: &Field, depth: usize) -> Result<(), Stop> {
    let unsupported = || Err(Stop::Unsupported(format!("column {} is {of}, which version 1 does not read", field.name())));
    if depth > MAX_DEPTH {
        return unsupported();
    }
    if let Some(extension) = field.metadata().get("ARROW:extension:name")
        && !matches!(extension.as_str(), "arrow.uuid" | "arrow.json")
    {
        return Err(Stop::Unsupported(format!("column {} is the extension type {extension}", field.name())));
    }
    match of {
        DataType::Union(..) | DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::MonthDayNano | IntervalUnit::DayTime) => unsupported(),
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) | DataType::ListView(inner) | DataType::LargeListView(inner) => {
            check_type(inner.data_type(), inner, depth + 1)
        }
        DataType::Struct(fields) => {
            check_fields(fields.iter().map(AsRef::as_ref))?;
            fields.iter().try_for_each(|inner| check_type(inner.data_type(), inner, depth + 1))
        }
        DataType::Map(entries, _) => check_type(entries.data_type(), entries, depth + 1),
        DataType::Dictionary(_, inner) => check_type(inner, field, depth + 1),
        DataType::RunEndEncoded(_, inner) => check_type(inner.data_type(), inner, depth + 1),
        _ => Ok(()),
    }
}

fn number(out: &mut Vec<u8>, as_text: bool, text: &[u8]) {
    scalar(out, if as_text { TEXT } else { NUMBER }, text);
}

fn integer(out: &mut Vec<u8>, as_text: bool, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    number(out, as_text, &digits[at..]);
}

fn special(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"nan"
    } else if value > 0.0 {
        b"inf"
    } else {
        b"-inf"
    }
}

/// The shortest decimal that reads back to it in its own width.
fn float(out: &mut Vec<u8>, as_text: bool, value: f64, shortest: &str) {
    if !value.is_finite() {
        return number(out, as_text, special(value));
    }
    let text = canonical_number(shortest.as_bytes()).unwrap_or_else(|| b"0".to_vec());
    number(out, as_text, &text);
}

/// Digits of an integer with its scale: DECIMAL.
fn decimal(out: &mut Vec<u8>, as_text: bool, unscaled: &str, scale: i8) {
    let text = canonical_number(format!("{unscaled}e{}", -i32::from(scale)).as_bytes()).unwrap_or_else(|| b"0".to_vec());
    number(out, as_text, &text);
}

fn tagged(out: &mut Vec<u8>, as_text: bool, tag: u8, text: &str) {
    scalar(out, if as_text { TEXT } else { tag }, text.as_bytes());
}

fn bytes(out: &mut Vec<u8>, as_text: bool, value: &[u8]) {
    if as_text {
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        scalar(out, TEXT, hex.as_bytes());
    } else {
        scalar(out, BYTES, value);
    }
}

fn nanos_of(unit: &TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

fn of_unit(array: &dyn Array, row: usize, unit: &TimeUnit, family: Family) -> i64 {
    match (family, unit) {
        (Family::Timestamp, TimeUnit::Second) => array.as_primitive::<TimestampSecondType>().value(row),
        (Family::Timestamp, TimeUnit::Millisecond) => array.as_primitive::<TimestampMillisecondType>().value(row),
        (Family::Timestamp, TimeUnit::Microsecond) => array.as_primitive::<TimestampMicrosecondType>().value(row),
        (Family::Timestamp, TimeUnit::Nanosecond) => array.as_primitive::<TimestampNanosecondType>().value(row),
        (Family::Duration, TimeUnit::Second) => array.as_primitive::<DurationSecondType>().value(row),
        (Family::Duration, TimeUnit::Millisecond) => array.as_primitive::<DurationMillisecondType>().value(row),
        (Family::Duration, TimeUnit::Microsecond) => array.as_primitive::<DurationMicrosecondType>().value(row),
        (Family::Duration, TimeUnit::Nanosecond) => array.as_primitive::<DurationNanosecondType>().value(row),
    }
}

#[derive(Clone, Copy)]
enum Family {
    Timestamp,
    Duration,
}

fn list(out: &mut Vec<u8>, values: &dyn Array, as_text: bool) -> Result<(), Stop> {
    out.push(LIST);
    length(out, values.len());
    (0..values.len()).try_for_each(|at| value(values, at, as_text, out))
}

fn structure(out: &mut Vec<u8>, array: &arrow_array::StructArray, row: usize, as_text: bool) -> Result<(), Stop> {
    let mut order: Vec<usize> = (0..array.num_columns()).collect();
    let names = array.column_names();
    order.sort_by(|&a, &b| names[a].as_bytes().cmp(names[b].as_bytes()));
    out.push(STRUCT);
    let start = out.len();
    let mut count = 0;
    for column in order {
        let from = out.len();
        length(out, names[column].len());
        out.extend_from_slice(names[column].as_bytes());
        let tag_at = out.len();
        value(array.column(column).as_ref(), row, as_text, out)?;
        if out[tag_at] == NULL {
            out.truncate(from);
        } else {
            count += 1;
        }
    }
    crate::json::insert_length(out, start, count);
    Ok(())
}

fn map(out: &mut Vec<u8>, entries: &arrow_array::StructArray, as_text: bool) -> Result<(), Stop> {
    let mut pairs = Vec::with_capacity(entries.len());
    for at in 0..entries.len() {
        let (mut key, mut item) = (Vec::new(), Vec::new());
        value(entries.column(0).as_ref(), at, as_text, &mut key)?;
        value(entries.column(1).as_ref(), at, as_text, &mut item)?;
        pairs.push((key, item));
    }
    pairs.sort();
    if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Stop::Unsupported("a map has a key twice".into()));
    }
    out.push(MAP);
    length(out, pairs.len());
    for (key, item) in pairs {
        out.extend_from_slice(&key);
        out.extend_from_slice(&item);
    }
    Ok(())
}

/// Encodes one value, whatever holds it.
fn value(array: &dyn Array, row: usize, as_text: bool, out: &mut Vec<u8>) -> Result<(), Stop> {
    if array.is_null(row) {
        out.push(NULL);
        return Ok(());
    }
    match array.data_type() {
        DataType::Null => out.push(NULL),
        DataType::Boolean => match (array.as_boolean().value(row), as_text) {
            (true, true) => scalar(out, TEXT, b"true"),
            (false, true) => scalar(out, TEXT, b"false"),
            (true, false) => out.push(TRUE),
            (false, false) => out.push(FALSE),
        },
        DataType::Int8 => integer(out, as_text, array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => integer(out, as_text, array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => integer(out, as_text, array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => integer(out, as_text, array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => integer(out, as_text, array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => integer(out, as_text, array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => integer(out, as_text, array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => decimal(out, as_text, &array.as_primitive::<UInt64Type>().value(row).to_string(), 0),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(out, as_text, value.into(), ryu::Buffer::new().format(value));
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(out, as_text, value, ryu::Buffer::new().format(value));
        }
        DataType::Decimal32(_, scale) => decimal(out, as_text, &array.as_primitive::<Decimal32Type>().value(row).to_string(), *scale),
        DataType::Decimal64(_, scale) => decimal(out, as_text, &array.as_primitive::<Decimal64Type>().value(row).to_string(), *scale),
        DataType::Decimal128(_, scale) => decimal(out, as_text, &array.as_primitive::<Decimal128Type>().value(row).to_string(), *scale),
        DataType::Decimal256(_, scale) => decimal(out, as_text, &array.as_primitive::<Decimal256Type>().value(row).to_string(), *scale),
        DataType::Utf8 => scalar(out, TEXT, array.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => scalar(out, TEXT, array.as_string::<i64>().value(row).as_bytes()),
        DataType::Utf8View => scalar(out, TEXT, array.as_string_view().value(row).as_bytes()),
        DataType::Binary => bytes(out, as_text, array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(out, as_text, array.as_binary::<i64>().value(row)),
        DataType::BinaryView => bytes(out, as_text, array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => bytes(out, as_text, array.as_fixed_size_binary().value(row)),
        DataType::Date32 => tagged(out, as_text, DATE, &date(array.as_primitive::<Date32Type>().value(row).into())),
        DataType::Date64 => tagged(out, as_text, DATE, &date(array.as_primitive::<Date64Type>().value(row).div_euclid(86_400_000))),
        DataType::Time32(unit) => {
            let ticks = match unit {
                TimeUnit::Second => array.as_primitive::<Time32SecondType>().value(row),
                _ => array.as_primitive::<Time32MillisecondType>().value(row),
            };
            tagged(out, as_text, TIME, &time((i128::from(ticks) * nanos_of(unit)) as i64));
        }
        DataType::Time64(unit) => {
            let ticks = match unit {
                TimeUnit::Microsecond => array.as_primitive::<Time64MicrosecondType>().value(row),
                _ => array.as_primitive::<Time64NanosecondType>().value(row),
            };
            tagged(out, as_text, TIME, &time((i128::from(ticks) * nanos_of(unit)) as i64));
        }
        DataType::Timestamp(unit, zone) => {
            let nanos = i128::from(of_unit(array, row, unit, Family::Timestamp)) * nanos_of(unit);
            tagged(out, as_text, if zone.is_some() { INSTANT } else { TIMESTAMP }, &timestamp(nanos, zone.is_some()));
        }
        DataType::Duration(unit) => {
            let nanos = i128::from(of_unit(array, row, unit, Family::Duration)) * nanos_of(unit);
            let text = canonical_number(format!("{nanos}e-9").as_bytes()).unwrap_or_else(|| b"0".to_vec());
            scalar(out, if as_text { TEXT } else { DURATION }, &text);
        }
        DataType::List(_) => return list(out, array.as_list::<i32>().value(row).as_ref(), as_text),
        DataType::LargeList(_) => return list(out, array.as_list::<i64>().value(row).as_ref(), as_text),
        DataType::ListView(_) => return list(out, array.as_list_view::<i32>().value(row).as_ref(), as_text),
        DataType::LargeListView(_) => return list(out, array.as_list_view::<i64>().value(row).as_ref(), as_text),
        DataType::FixedSizeList(..) => return list(out, array.as_fixed_size_list().value(row).as_ref(), as_text),
        DataType::Struct(_) => return structure(out, array.as_struct(), row, as_text),
        DataType::Map(..) => return map(out, &array.as_map().value(row), as_text),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            return value(dictionary.values().as_ref(), dictionary.normalized_keys()[row], as_text, out);
        }
        other => return Err(Stop::Unsupported(format!("{other} is not read by version 1"))),
    }
    Ok(())
}
