//! Feather, version 2: a file of the Arrow IPC format (arrow.apache.org/docs/format/Columnar.html).
//!
//! Numbers, truth values and texts without gaps, plain or with buffers compressed by LZ4 or Zstandard: what data sets of
//! vehicles hold. The `arrow-ipc` crate would do the same with 40 more crates and half as much time again for a clean build.

use super::Column;
use super::flat::{Flat, array};
use std::collections::BTreeMap;
use std::io::Read;

pub(super) type Decoded<T> = Result<T, String>;

const MAGIC: &[u8] = b"ARROW1";
/// A buffer beyond this is taken for damage.
const LARGEST_BUFFER: usize = 1 << 30;
const BLOCK_BYTES: usize = 24;
const RECORD_BATCH: u8 = 3;

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Integer { bytes: usize, signed: bool },
    Float { bytes: usize },
    Truth,
    Text { wide: bool },
}

pub(super) fn columns(data: &[u8]) -> Decoded<BTreeMap<String, Column>> {
    let footer = footer(data)?;
    let schema = footer.table(1)?.ok_or("a file without a schema")?;
    if i16::from_le_bytes(schema.number(0)?) != 0 {
        return Err("numbers are big-endian".into());
    }
    let fields = schema.tables(1)?.iter().map(field).collect::<Decoded<Vec<_>>>()?;
    let mut columns: Vec<Column> = fields.iter().map(|(_, kind)| empty(*kind)).collect();
    for block in footer.structures(3, BLOCK_BYTES)? {
        let start = usize::try_from(i64::from_le_bytes(array(block, 0)?)).map_err(|error| error.to_string())?;
        let head = usize::try_from(i32::from_le_bytes(array(block, 8)?)).map_err(|error| error.to_string())?;
        let body = start.checked_add(head).and_then(|body| data.get(body..)).ok_or("a batch beyond the end")?;
        let message = data.get(start..start + head).ok_or("a batch beyond the end")?;
        batch(message, body, &fields, &mut columns)?;
    }
    Ok(fields.into_iter().map(|(name, _)| name).zip(columns).collect())
}

fn footer(data: &[u8]) -> Decoded<Flat<'_>> {
    if !data.starts_with(MAGIC) {
        return Err(format!("not a Feather file of version 2: it begins with {:02x?}", &data[..data.len().min(6)]));
    }
    if !data.ends_with(MAGIC) || data.len() < 2 * MAGIC.len() + 6 {
        return Err(format!("the file was cut at byte {}", data.len()));
    }
    let end = data.len() - MAGIC.len() - 4;
    let length = u32::from_le_bytes(array(data, end)?) as usize;
    let start = end.checked_sub(length).ok_or_else(|| format!("a footer of {length} bytes"))?;
    Flat::root(&data[start..end])
}

/// Name and kind of a column.
fn field(field: &Flat) -> Decoded<(String, Kind)> {
    let name = field.text(0)?.to_owned();
    if field.table(4)?.is_some() {
        return Err(format!("column {name} is dictionary-encoded: write it as plain values"));
    }
    let [kind] = field.number::<1>(2)?;
    let details = field.table(3)?;
    let of = |index, fallback| details.map_or(Ok(fallback), |table| Ok::<_, String>(table.number::<4>(index)?[0]));
    Ok(match kind {
        2 => {
            let signed = details.map_or(Ok(false), |table| Ok::<_, String>(table.number::<1>(1)? != [0]))?;
            (name, Kind::Integer { bytes: usize::from(of(0, 0)?) / 8, signed })
        }
        3 => {
            let precision = details.map_or(Ok(0), |table| Ok::<_, String>(table.number::<2>(0)?[0]))?;
            (name, Kind::Float { bytes: 2 << precision.min(2) })
        }
        5 => (name, Kind::Text { wide: false }),
        6 => (name, Kind::Truth),
        20 => (name, Kind::Text { wide: true }),
        other => {
            return Err(format!("column {name} is of Arrow's type {other}: known are numbers, truth values and texts"));
        }
    })
}

fn empty(kind: Kind) -> Column {
    match kind {
        Kind::Integer { .. } | Kind::Truth => Column::Integers(Vec::new()),
        Kind::Float { .. } => Column::Floats(Vec::new()),
        Kind::Text { .. } => Column::Texts(Vec::new()),
    }
}

/// Appends the rows of one batch.
fn batch(message: &[u8], body: &[u8], fields: &[(String, Kind)], columns: &mut [Column]) -> Decoded<()> {
    // Files of before 2019 have no continuation mark in front of the length.
    let skip = if array::<4>(message, 0)? == [0xff; 4] { 8 } else { 4 };
    let message = Flat::root(message.get(skip..).ok_or("a batch without a head")?)?;
    if message.number::<1>(1)? != [RECORD_BATCH] {
        return Err("a message that is no batch of rows".into());
    }
    let batch = message.table(2)?.ok_or("a batch without a head")?;
    let rows = usize::try_from(i64::from_le_bytes(batch.number(0)?)).map_err(|error| error.to_string())?;
    let codec = batch.table(3)?.map(|compression| compression.number::<1>(0)).transpose()?.map(|[codec]| codec);
    let (nodes, mut buffers) = (batch.structures(1, 16)?, batch.structures(2, 16)?.into_iter());
    let mut next = || -> Decoded<Vec<u8>> {
        let buffer = buffers.next().ok_or("fewer buffers than columns need")?;
        let number = |at| usize::try_from(i64::from_le_bytes(array(buffer, at)?)).map_err(|error| error.to_string());
        let (start, length) = (number(0)?, number(8)?);
        let bytes = start.checked_add(length).and_then(|end| body.get(start..end)).ok_or("a buffer beyond the end")?;
        plain(bytes, codec)
    };
    for ((name, kind), (column, node)) in fields.iter().zip(columns.iter_mut().zip(nodes)) {
        let gaps = i64::from_le_bytes(array(node, 8)?);
        if gaps != 0 {
            return Err(format!("column {name} has {gaps} gaps"));
        }
        next()?;
        let short = || format!("column {name} has fewer than {rows} values");
        match (kind, column) {
            (Kind::Integer { bytes, signed }, Column::Integers(values)) if matches!(bytes, 1 | 2 | 4 | 8) => {
                let data = next()?;
                let data = rows.checked_mul(*bytes).and_then(|end| data.get(..end)).ok_or_else(short)?;
                values.extend(data.chunks_exact(*bytes).map(|value| integer(value, *signed)));
            }
            (Kind::Float { bytes }, Column::Floats(values)) => {
                let data = next()?;
                let data = rows.checked_mul(*bytes).and_then(|end| data.get(..end)).ok_or_else(short)?;
                values.extend(data.chunks_exact(*bytes).map(float));
            }
            (Kind::Truth, Column::Integers(values)) => {
                let data = next()?;
                let data = data.get(..rows.div_ceil(8)).ok_or_else(short)?;
                values.extend((0..rows).map(|row| i64::from(data[row / 8] >> (row % 8) & 1)));
            }
            (Kind::Text { wide }, Column::Texts(values)) => {
                texts(&next()?, &next()?, *wide, rows, values).ok_or_else(short)?
            }
            _ => return Err(format!("column {name} has whole numbers of an odd size")),
        }
    }
    Ok(())
}

/// A buffer without its compression.
fn plain(bytes: &[u8], codec: Option<u8>) -> Decoded<Vec<u8>> {
    let Some(codec) = codec.filter(|_| !bytes.is_empty()) else { return Ok(bytes.to_vec()) };
    let length = i64::from_le_bytes(array(bytes, 0)?);
    if length == -1 {
        return Ok(bytes[8..].to_vec());
    }
    let length = usize::try_from(length).ok().filter(|&length| length <= LARGEST_BUFFER);
    let length = length.ok_or("a compressed buffer of an impossible size")?;
    let mut plain = Vec::new();
    // One byte more than said: a longer buffer is found out, and no more than that is made.
    let limit = length as u64 + 1;
    let read = match codec {
        0 => lz4::Decoder::new(&bytes[8..]).and_then(|decoder| decoder.take(limit).read_to_end(&mut plain)),
        1 => zstd::Decoder::new(&bytes[8..]).and_then(|decoder| decoder.take(limit).read_to_end(&mut plain)),
        other => return Err(format!("compression {other} is unknown")),
    };
    read.map_err(|error| format!("a compressed buffer: {error}"))?;
    if plain.len() == length { Ok(plain) } else { Err(format!("a compressed buffer holds not {length} bytes")) }
}

fn integer(value: &[u8], signed: bool) -> i64 {
    let negative = signed && value.last().is_some_and(|&last| last >= 0x80);
    let mut bytes = [if negative { 0xff } else { 0 }; 8];
    bytes[..value.len()].copy_from_slice(value);
    i64::from_le_bytes(bytes)
}

fn float(value: &[u8]) -> f64 {
    match *value {
        [a, b] => half(u16::from_le_bytes([a, b])),
        [a, b, c, d] => f32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => f64::NAN,
    }
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2.0_f64.powi(exponent - 15),
    }
}

fn texts(offsets: &[u8], data: &[u8], wide: bool, rows: usize, values: &mut Vec<String>) -> Option<()> {
    let size = if wide { 8 } else { 4 };
    let place = |row: usize| usize::try_from(integer(offsets.get(row * size..(row + 1) * size)?, true)).ok();
    // A batch without rows may leave its offsets out.
    for row in 0..rows {
        let bytes = data.get(place(row)?..place(row + 1)?)?;
        values.push(String::from_utf8_lossy(bytes).into_owned());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by pyarrow (`tests/data/make_tables.py`): two batches, each way of compression.
    const FILES: [&[u8]; 3] = [
        include_bytes!("../../tests/data/plain.feather"),
        include_bytes!("../../tests/data/lz4.feather"),
        include_bytes!("../../tests/data/zstd.feather"),
    ];

    #[test]
    fn what_pyarrow_wrote_is_read() {
        for file in FILES {
            let columns = columns(file).unwrap();
            let floats = |power: i32| (0..300).map(|n| f64::from(n - 150) * 2.0_f64.powi(power)).collect::<Vec<_>>();
            assert_eq!(columns["half"], Column::Floats(floats(-2)));
            assert_eq!(columns["single"], Column::Floats(floats(-3)));
            assert_eq!(columns["double"], Column::Floats(floats(-4)));
            assert_eq!(columns["octet"], Column::Integers((0..300).map(|n| n % 256).collect()));
            assert_eq!(columns["offset"], Column::Integers((0..300).map(|n| -1000 * n).collect()));
            let stamp = 315_973_157_959_879_000;
            assert_eq!(columns["stamp"], Column::Integers((0..300).map(|n| stamp + n).collect()));
            assert_eq!(columns["even"], Column::Integers((0..300).map(|n| 1 - n % 2).collect()));
            assert_eq!(columns["name"], Column::Texts((0..300).map(|n| format!("n{}", n % 7)).collect()));
        }
    }

    #[test]
    fn half_precision_at_its_borders() {
        for (bits, value) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65_504.0), (0x0001, 2.0_f64.powi(-24)), (0x8000, 0.0)]
        {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(columns(b"PAR1").unwrap_err().starts_with("not a Feather file of version 2"));
        assert!(columns(&FILES[0][..500]).unwrap_err().contains("cut at byte 500"));
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_another_value(
            file in 0..3_usize, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = FILES[file].to_vec();
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let _ = columns(&bytes);
        }
    }
}
