//! Values of Arrow's columns, encoded. A column's type is looked at once for a batch: what is made of it encodes row after row.

use crate::encode::*;
use crate::scan::Stop;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, OffsetSizeTrait, PrimitiveArray};
use arrow_schema::{DataType, Fields, TimeUnit};

/// Encodes a row's value.
type Cell<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), Stop> + 'a>;

/// Rows of named columns.
pub struct Struct<'a> {
    /// By the bytes of their names.
    fields: Vec<Named<'a>>,
}

struct Named<'a> {
    /// Its length and itself.
    name: Vec<u8>,
    bare: &'a [u8],
    cell: Cell<'a>,
    /// A bit for each tag that was not null.
    kinds: u16,
}

impl<'a> Struct<'a> {
    pub fn new(columns: &'a [ArrayRef], names: &'a Fields, as_text: bool) -> Result<Self, Stop> {
        let mut fields = Vec::with_capacity(columns.len());
        for (field, array) in names.iter().zip(columns) {
            let bare = field.name().as_bytes();
            let mut name = Vec::new();
            length(&mut name, bare.len());
            name.extend_from_slice(bare);
            fields.push(Named { name, bare, cell: cell(array.as_ref(), as_text)?, kinds: 0 });
        }
        fields.sort_by_key(|field| field.bare);
        Ok(Struct { fields })
    }

    pub fn encode(&mut self, row: usize, out: &mut Vec<u8>) -> Result<(), Stop> {
        let start = begin(out);
        let mut count = 0;
        for field in &mut self.fields {
            if let Some(tag) = field.encode(row, out)? {
                field.kinds |= 1 << tag;
                count += 1;
            }
        }
        end(out, start, count);
        Ok(())
    }

    pub fn kinds(&self) -> impl Iterator<Item = (&[u8], u16)> {
        self.fields.iter().map(|field| (field.bare, field.kinds))
    }
}

impl Named<'_> {
    /// Name and value, and the value's tag; nothing of a null.
    #[inline]
    fn encode(&self, row: usize, out: &mut Vec<u8>) -> Result<Option<u8>, Stop> {
        let from = out.len();
        out.extend_from_slice(&self.name);
        let tag_at = out.len();
        (self.cell)(row, out)?;
        if out[tag_at] == NULL {
            out.truncate(from);
            return Ok(None);
        }
        Ok(Some(out[tag_at]))
    }
}

/// A struct with room for how many fields it has, of which most have fewer than 128.
#[inline]
fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[STRUCT, 0]);
    out.len() - 1
}

#[inline]
fn end(out: &mut Vec<u8>, start: usize, count: usize) {
    if count < 128 {
        out[start] = count as u8;
    } else {
        out.remove(start);
        crate::json::insert_length(out, start, count);
    }
}

/// Null where the array says so, else what `write` makes of the row.
fn nullable<'a>(array: &'a dyn Array, write: impl Fn(usize, &mut Vec<u8>) -> Result<(), Stop> + 'a) -> Cell<'a> {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => Box::new(write),
        Some(nulls) => Box::new(move |row, out| {
            if nulls.is_null(row) {
                out.push(NULL);
                return Ok(());
            }
            write(row, out)
        }),
    }
}

/// The same where nothing can fail.
fn plain<'a>(array: &'a dyn Array, write: impl Fn(usize, &mut Vec<u8>) + 'a) -> Cell<'a> {
    nullable(array, move |row, out| {
        write(row, out);
        Ok(())
    })
}

fn primitive<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, write: impl Fn(T::Native, &mut Vec<u8>) + 'a) -> Cell<'a> {
    let values: &PrimitiveArray<T> = array.as_primitive();
    plain(array, move |row, out| write(values.value(row), out))
}

fn integer<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, tag: u8) -> Cell<'a>
where
    T::Native: Into<i64>,
{
    primitive::<T>(array, move |value, out| short(out, tag, |out| digits(out, value.into())))
}

fn digits(out: &mut Vec<u8>, value: i64) {
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
    out.extend_from_slice(&digits[at..]);
}

/// The shortest decimal that reads back to it in its own width.
fn float<F: ryu::Float + Into<f64> + Copy>(out: &mut Vec<u8>, tag: u8, value: F) {
    let wide: f64 = value.into();
    if !wide.is_finite() {
        return scalar(out, tag, special(wide));
    }
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(value);
    let text = shortest.strip_suffix(".0").unwrap_or(shortest);
    if shortest.contains('e') || text == "-0" {
        return exact(out, tag, shortest);
    }
    scalar(out, tag, text.as_bytes());
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

/// A number as it is written somewhere.
fn exact(out: &mut Vec<u8>, tag: u8, text: &str) {
    scalar(out, tag, &canonical_number(text.as_bytes()).unwrap_or_else(|| b"0".to_vec()));
}

/// Digits of an integer with its scale: DECIMAL.
fn decimal<'a, T: DecimalType>(array: &'a dyn Array, tag: u8, scale: i8) -> Cell<'a>
where
    T::Native: std::fmt::Display,
{
    primitive::<T>(array, move |value, out| exact(out, tag, &format!("{value}e{}", -i32::from(scale))))
}

fn bytes<'a>(array: &'a dyn Array, as_text: bool, value: impl Fn(usize) -> &'a [u8] + 'a) -> Cell<'a> {
    plain(array, move |row, out| {
        if as_text {
            let hex: String = value(row).iter().map(|byte| format!("{byte:02x}")).collect();
            scalar(out, TEXT, hex.as_bytes());
        } else {
            scalar(out, BYTES, value(row));
        }
    })
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Ticks since midnight.
fn clock<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, tag: u8, unit: TimeUnit) -> Cell<'a>
where
    T::Native: Into<i64>,
{
    let nanos = 1_000_000_000 / per_second(unit);
    primitive::<T>(array, move |ticks, out| short(out, tag, |out| time(out, ticks.into() * nanos)))
}

/// Ticks since 1970-01-01.
fn moment<'a, T: ArrowPrimitiveType<Native = i64>>(array: &'a dyn Array, tag: u8, unit: TimeUnit, zone: bool) -> Cell<'a> {
    let day = DAY_SECONDS * per_second(unit);
    let nanos = 1_000_000_000 / per_second(unit);
    primitive::<T>(array, move |ticks, out| {
        short(out, tag, |out| timestamp(out, ticks.div_euclid(day), ticks.rem_euclid(day) * nanos, zone));
    })
}

fn duration<'a, T: ArrowPrimitiveType<Native = i64>>(array: &'a dyn Array, tag: u8, unit: TimeUnit) -> Cell<'a> {
    let power = per_second(unit).ilog10();
    primitive::<T>(array, move |ticks, out| exact(out, tag, &format!("{ticks}e-{power}")))
}

/// Lists of which each is a range of `values`.
fn lists<'a>(array: &'a dyn Array, values: &'a dyn Array, as_text: bool, range: impl Fn(usize) -> (usize, usize) + 'a) -> Result<Cell<'a>, Stop> {
    let item = cell(values, as_text)?;
    Ok(nullable(array, move |row, out| {
        let (from, to) = range(row);
        out.push(LIST);
        length(out, to - from);
        (from..to).try_for_each(|at| item(at, out))
    }))
}

fn offset_lists<'a, O: OffsetSizeTrait>(array: &'a dyn Array, as_text: bool) -> Result<Cell<'a>, Stop> {
    let list = array.as_list::<O>();
    let offsets = list.value_offsets();
    lists(array, list.values().as_ref(), as_text, move |row| (offsets[row].as_usize(), offsets[row + 1].as_usize()))
}

fn list_views<'a, O: OffsetSizeTrait>(array: &'a dyn Array, as_text: bool) -> Result<Cell<'a>, Stop> {
    let list = array.as_list_view::<O>();
    lists(array, list.values().as_ref(), as_text, move |row| {
        let from = list.value_offset(row).as_usize();
        (from, from + list.value_size(row).as_usize())
    })
}

fn structs(array: &dyn Array, as_text: bool) -> Result<Cell<'_>, Stop> {
    let of = array.as_struct();
    let Struct { fields } = Struct::new(of.columns(), of.fields(), as_text)?;
    Ok(nullable(array, move |row, out| {
        let start = begin(out);
        let mut count = 0;
        for field in &fields {
            count += usize::from(field.encode(row, out)?.is_some());
        }
        end(out, start, count);
        Ok(())
    }))
}

fn maps(array: &dyn Array, as_text: bool) -> Result<Cell<'_>, Stop> {
    let map = array.as_map();
    let (key, item) = (cell(map.keys().as_ref(), as_text)?, cell(map.values().as_ref(), as_text)?);
    let offsets = map.value_offsets();
    Ok(nullable(array, move |row, out| {
        let mut pairs = Vec::new();
        for at in offsets[row] as usize..offsets[row + 1] as usize {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            key(at, &mut one)?;
            item(at, &mut other)?;
            pairs.push((one, other));
        }
        pairs.sort();
        if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Stop::Unsupported("a map has a key twice".into()));
        }
        out.push(MAP);
        length(out, pairs.len());
        pairs.iter().for_each(|(key, item)| out.extend(key.iter().chain(item)));
        Ok(())
    }))
}

fn dictionary(array: &dyn Array, as_text: bool) -> Result<Cell<'_>, Stop> {
    let dictionary = array.as_any_dictionary();
    // Of no values there are nulls alone.
    let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
    let value = cell(dictionary.values().as_ref(), as_text)?;
    Ok(nullable(array, move |row, out| value(keys[row], out)))
}

/// What encodes the values of an array, whatever holds them.
fn cell(array: &dyn Array, as_text: bool) -> Result<Cell<'_>, Stop> {
    let tag = move |tag: u8| if as_text { TEXT } else { tag };
    let number = tag(NUMBER);
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, out| {
            out.push(NULL);
            Ok(())
        }),
        DataType::Boolean => {
            let values = array.as_boolean();
            plain(array, move |row, out| match (values.value(row), as_text) {
                (true, true) => scalar(out, TEXT, b"true"),
                (false, true) => scalar(out, TEXT, b"false"),
                (true, false) => out.push(TRUE),
                (false, false) => out.push(FALSE),
            })
        }
        DataType::Int8 => integer::<Int8Type>(array, number),
        DataType::Int16 => integer::<Int16Type>(array, number),
        DataType::Int32 => integer::<Int32Type>(array, number),
        DataType::Int64 => integer::<Int64Type>(array, number),
        DataType::UInt8 => integer::<UInt8Type>(array, number),
        DataType::UInt16 => integer::<UInt16Type>(array, number),
        DataType::UInt32 => integer::<UInt32Type>(array, number),
        DataType::UInt64 => primitive::<UInt64Type>(array, move |value, out| exact(out, number, &value.to_string())),
        DataType::Float32 => primitive::<Float32Type>(array, move |value, out| float(out, number, value)),
        DataType::Float64 => primitive::<Float64Type>(array, move |value, out| float(out, number, value)),
        DataType::Decimal32(_, scale) => decimal::<Decimal32Type>(array, number, *scale),
        DataType::Decimal64(_, scale) => decimal::<Decimal64Type>(array, number, *scale),
        DataType::Decimal128(_, scale) => decimal::<Decimal128Type>(array, number, *scale),
        DataType::Decimal256(_, scale) => decimal::<Decimal256Type>(array, number, *scale),
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            plain(array, move |row, out| scalar(out, TEXT, values.value(row).as_bytes()))
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            plain(array, move |row, out| scalar(out, TEXT, values.value(row).as_bytes()))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            plain(array, move |row, out| scalar(out, TEXT, values.value(row).as_bytes()))
        }
        DataType::Binary => bytes(array, as_text, |row| array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(array, as_text, |row| array.as_binary::<i64>().value(row)),
        DataType::BinaryView => bytes(array, as_text, |row| array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => bytes(array, as_text, |row| array.as_fixed_size_binary().value(row)),
        DataType::Date32 => primitive::<Date32Type>(array, move |days, out| short(out, tag(DATE), |out| date(out, days.into()))),
        DataType::Date64 => primitive::<Date64Type>(array, move |ticks, out| short(out, tag(DATE), |out| date(out, ticks.div_euclid(86_400_000)))),
        DataType::Time32(TimeUnit::Second) => clock::<Time32SecondType>(array, tag(TIME), TimeUnit::Second),
        DataType::Time32(_) => clock::<Time32MillisecondType>(array, tag(TIME), TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond) => clock::<Time64MicrosecondType>(array, tag(TIME), TimeUnit::Microsecond),
        DataType::Time64(_) => clock::<Time64NanosecondType>(array, tag(TIME), TimeUnit::Nanosecond),
        DataType::Timestamp(unit, zone) => {
            let (tag, zone) = (tag(if zone.is_some() { INSTANT } else { TIMESTAMP }), zone.is_some());
            match unit {
                TimeUnit::Second => moment::<TimestampSecondType>(array, tag, *unit, zone),
                TimeUnit::Millisecond => moment::<TimestampMillisecondType>(array, tag, *unit, zone),
                TimeUnit::Microsecond => moment::<TimestampMicrosecondType>(array, tag, *unit, zone),
                TimeUnit::Nanosecond => moment::<TimestampNanosecondType>(array, tag, *unit, zone),
            }
        }
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => duration::<DurationSecondType>(array, tag(DURATION), *unit),
            TimeUnit::Millisecond => duration::<DurationMillisecondType>(array, tag(DURATION), *unit),
            TimeUnit::Microsecond => duration::<DurationMicrosecondType>(array, tag(DURATION), *unit),
            TimeUnit::Nanosecond => duration::<DurationNanosecondType>(array, tag(DURATION), *unit),
        },
        DataType::List(_) => offset_lists::<i32>(array, as_text)?,
        DataType::LargeList(_) => offset_lists::<i64>(array, as_text)?,
        DataType::ListView(_) => list_views::<i32>(array, as_text)?,
        DataType::LargeListView(_) => list_views::<i64>(array, as_text)?,
        DataType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            lists(array, list.values().as_ref(), as_text, move |row| (list.value_offset_at(row) as usize, list.value_offset_at(row + 1) as usize))?
        }
        DataType::Struct(_) => structs(array, as_text)?,
        DataType::Map(..) => maps(array, as_text)?,
        DataType::Dictionary(..) => dictionary(array, as_text)?,
        other => return Err(Stop::Unsupported(format!("{other} is not read by version 1"))),
    })
}
