//! Numbers in a KeyString, versions 0 and 1 (spec 21.7).

use super::decimal::{KEPT_BITS, Parts};
use super::key_reader::{BitReader, KeyReader};
use super::key_value::{KeyVersion, Number};
use crate::format::Result;

const NAN: u8 = 0x1e;
const NEGATIVE_LARGE: u8 = 0x1f;
const NEGATIVE_8_BYTES: u8 = 0x20;
const NEGATIVE_1_BYTE: u8 = 0x27;
const NEGATIVE_SMALL: u8 = 0x28;
const ZERO: u8 = 0x29;
const POSITIVE_SMALL: u8 = 0x2a;
const POSITIVE_1_BYTE: u8 = 0x2b;
const POSITIVE_8_BYTES: u8 = 0x32;
const POSITIVE_LARGE: u8 = 0x33;
/// Bytes behind a number that a double is not enough for.
const CONTINUATION: usize = 8;
/// Zeros of version 1 have three more bits if their first two are set.
const MINUS_ZERO: u16 = 0b000;
const FIRST_DECIMAL_ZERO: u16 = 0b010;
/// 2^-256: by what very small numbers are multiplied when they are read.
const SHIFT_DOWN: f64 = f64::from_bits((1023 - 256) << 52);

/// The type that TypeBits tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int32,
    Int64,
    Double,
    Decimal,
}

/// A size as it is stored.
#[derive(Debug, Clone, Copy)]
enum Size {
    Whole(u64),
    Double(f64, Rest),
    /// A decimal's own bits.
    Bits(u64, u64),
}

/// What a decimal has beyond the double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// It is the double rounded up to 15 digits.
    Rounded,
    /// More digits follow, which are skipped.
    Continued,
}

pub(super) fn is_number(type_byte: u8) -> bool {
    (NAN..=POSITIVE_LARGE).contains(&type_byte)
}

/// Read the number behind its type byte. Without bits its type is that which fits.
pub(super) fn read(
    reader: &mut KeyReader<'_>,
    type_byte: u8,
    inverted: bool,
    version: KeyVersion,
    mut bits: Option<&mut BitReader<'_>>,
) -> Result<Number> {
    let kind = match bits.as_mut().map(|bits| bits.bits(2)).transpose()? {
        None => None,
        Some(0) => Some(Kind::Int32),
        Some(1) => Some(Kind::Int64),
        Some(2) => Some(Kind::Double),
        Some(_) => Some(Kind::Decimal),
    };
    let misfit = |reader: &KeyReader<'_>| reader.broken("a number that is not of the type its type bits tell, before");
    if type_byte == ZERO {
        return zero(reader, kind, version, bits);
    }
    if version == KeyVersion::V0 && kind == Some(Kind::Decimal) {
        return Err(misfit(reader));
    }
    if type_byte == NAN {
        return match kind {
            None | Some(Kind::Double) => Ok(Number::Double(f64::NAN)),
            Some(Kind::Decimal) => Ok(Number::Decimal { text: "NaN".to_owned(), about: false }),
            Some(_) => Err(misfit(reader)),
        };
    }
    let negative = type_byte < ZERO;
    let turned = inverted != negative;
    let size = match type_byte {
        NEGATIVE_LARGE | POSITIVE_LARGE => large(reader, turned, version)?,
        NEGATIVE_SMALL | POSITIVE_SMALL => small(reader, turned, version)?,
        NEGATIVE_8_BYTES..=NEGATIVE_1_BYTE => whole(reader, usize::from(NEGATIVE_SMALL - type_byte), turned, version)?,
        POSITIVE_1_BYTE..=POSITIVE_8_BYTES => whole(reader, usize::from(type_byte - POSITIVE_SMALL), turned, version)?,
        _ => return Err(reader.broken("not a number")),
    };
    let finite = !matches!(size, Size::Double(x, _) if x.is_infinite());
    let kept = match (kind, bits) {
        (Some(Kind::Decimal), Some(bits)) if finite => Some(bits.bits(KEPT_BITS)?),
        _ => None,
    };
    number(negative, size, kind, kept).ok_or_else(|| misfit(reader))
}

fn zero(
    reader: &KeyReader<'_>,
    kind: Option<Kind>,
    version: KeyVersion,
    bits: Option<&mut BitReader<'_>>,
) -> Result<Number> {
    match (kind, version, bits) {
        (None | Some(Kind::Int32), _, _) => Ok(Number::Int32(0)),
        (Some(Kind::Int64), _, _) => Ok(Number::Int64(0)),
        (Some(Kind::Double), _, _) => Ok(Number::Double(0.0)),
        (Some(Kind::Decimal), KeyVersion::V1, Some(bits)) => match bits.bits(3)? {
            MINUS_ZERO => Ok(Number::Double(-0.0)),
            group if group >= FIRST_DECIMAL_ZERO => {
                // Positive ones by exponent, then negative ones, 12288 each.
                let which = (i32::from(group - FIRST_DECIMAL_ZERO) << 12) | i32::from(bits.bits(12)?);
                let (negative, exponent) = if which < 12_288 { (false, which) } else { (true, which - 12_288) };
                let text = Parts::zero(negative, exponent).map(Parts::text);
                let text = text.ok_or_else(|| reader.broken("a zero of no exponent"))?;
                Ok(Number::Decimal { text, about: false })
            }
            _ => Err(reader.broken("a zero of unknown type bits")),
        },
        (Some(Kind::Decimal), _, _) => Ok(Number::Double(-0.0)),
    }
}

/// -2^63 and below, 2^63 and above.
fn large(reader: &mut KeyReader<'_>, turned: bool, version: KeyVersion) -> Result<Size> {
    let x = reader.u64(turned)?;
    if version == KeyVersion::V0 {
        return Ok(Size::Double(f64::from_bits(x).abs(), Rest::Nothing));
    }
    if x == u64::MAX {
        return Ok(Size::Double(f64::INFINITY, Rest::Nothing));
    }
    if x >> 63 == 1 {
        return Ok(Size::Bits(x & (u64::MAX >> 1), reader.u64(turned)?));
    }
    let rest = continuation(reader, x & 1 == 1)?;
    Ok(Size::Double(f64::from_bits(x >> 1 | 1 << 62), rest))
}

/// Between -1 and 1, and not 0.
fn small(reader: &mut KeyReader<'_>, turned: bool, version: KeyVersion) -> Result<Size> {
    let x = reader.u64(turned)?;
    if version == KeyVersion::V0 {
        return Ok(Size::Double(f64::from_bits(x).abs(), Rest::Nothing));
    }
    Ok(match x >> 62 {
        0 => Size::Bits(x, reader.u64(turned)?),
        3 => Size::Double(f64::from_bits(x >> 2), marker(reader, x)?),
        _ => {
            let rest = continuation(reader, x & 1 == 1)?;
            let scaled = f64::from_bits(x.saturating_sub(1 << 62) >> 1);
            Size::Double(scaled * SHIFT_DOWN, rest)
        }
    })
}

/// From `n` bytes of whole number on, 1 to 8; the lowest bit of them tells whether a fraction follows.
fn whole(reader: &mut KeyReader<'_>, n: usize, turned: bool, version: KeyVersion) -> Result<Size> {
    let mut x = 0_u64;
    for _ in 0..n {
        x = x << 8 | u64::from(reader.byte(turned)?);
    }
    let size = x >> 1;
    if x & 1 == 0 {
        return Ok(Size::Whole(size));
    }
    if version == KeyVersion::V0 {
        return fraction_v0(reader, size, turned);
    }
    let mut all = size;
    let mut scale = 1.0;
    for _ in n..8 {
        all = all << 8 | u64::from(reader.byte(turned)?);
        scale /= 256.0;
    }
    let rest = if n < 8 { marker(reader, all)? } else { continuation(reader, true)? };
    #[allow(clippy::cast_precision_loss, reason = "a double's own bits, but for decimals, which have a rest")]
    let double = (all & !3) as f64 * scale;
    Ok(Size::Double(double, rest))
}

/// The bits of the double that the whole number has no room for.
fn fraction_v0(reader: &mut KeyReader<'_>, size: u64, turned: bool) -> Result<Size> {
    let no_double = |reader: &KeyReader<'_>| reader.broken("a fraction after a number that a double has no room in");
    let top = size.checked_ilog2().filter(|top| *top <= 52).ok_or_else(|| no_double(reader))?;
    let missing = 52 - top;
    let mut bits = (size << missing) & !(1 << 52) | (u64::from(top) + 1023) << 52;
    let count = missing.div_ceil(8);
    for i in (0..count).rev() {
        bits |= u64::from(reader.byte(turned)?) << (8 * i);
    }
    Ok(Size::Double(f64::from_bits(bits), Rest::Nothing))
}

fn marker(reader: &mut KeyReader<'_>, x: u64) -> Result<Rest> {
    match x & 3 {
        0 => Ok(Rest::Nothing),
        1 => Ok(Rest::Rounded),
        _ => continuation(reader, true),
    }
}

fn continuation(reader: &mut KeyReader<'_>, there: bool) -> Result<Rest> {
    if !there {
        return Ok(Rest::Nothing);
    }
    reader.skip(CONTINUATION)?;
    Ok(Rest::Continued)
}

/// `None` where the type has no room for the value.
fn number(negative: bool, size: Size, kind: Option<Kind>, kept: Option<u16>) -> Option<Number> {
    let signed = |x: f64| if negative { -x } else { x };
    match (size, kind) {
        (Size::Whole(size), Some(Kind::Decimal)) => exact(Parts::whole(negative, size), kept),
        #[allow(clippy::cast_precision_loss, reason = "what was a double has room in one")]
        (Size::Whole(size), Some(Kind::Double)) => Some(Number::Double(signed(size as f64))),
        (Size::Whole(size), kind) => {
            let n = if negative { -i128::from(size) } else { i128::from(size) };
            match (kind, i32::try_from(n)) {
                (None | Some(Kind::Int32), Ok(n)) => Some(Number::Int32(n)),
                (Some(Kind::Int32), Err(_)) => None,
                _ => i64::try_from(n).ok().map(Number::Int64),
            }
        }
        (Size::Double(x, _), Some(Kind::Double)) | (Size::Double(x, Rest::Nothing), None) => {
            Some(Number::Double(signed(x)))
        }
        (Size::Double(x, Rest::Nothing), Some(Kind::Int64)) if negative && x == 2_f64.powi(63) => {
            Some(Number::Int64(i64::MIN))
        }
        (Size::Double(..), Some(Kind::Int32 | Kind::Int64)) => None,
        (Size::Double(x, _), _) if x.is_infinite() => {
            let text = if negative { "-Infinity" } else { "Infinity" };
            Some(Number::Decimal { text: text.to_owned(), about: false })
        }
        (Size::Double(x, Rest::Nothing), Some(Kind::Decimal)) => exact(Parts::of_double(negative, x, 34)?, kept),
        (Size::Double(x, Rest::Rounded), _) => exact(Parts::of_double(negative, x, 15)?, kept),
        (Size::Double(x, Rest::Continued), _) => {
            let parts = Parts::of_digits(negative, &format!("{x:e}"))?;
            Some(Number::Decimal { text: parts.text(), about: true })
        }
        (Size::Bits(high, low), None | Some(Kind::Decimal)) => exact(Parts::stored(negative, high, low)?, kept),
        (Size::Bits(..), Some(_)) => None,
    }
}

/// Without the bits that tell its zeros, the value is the same and the text may be another.
fn exact(parts: Parts, kept: Option<u16>) -> Option<Number> {
    let (parts, about) = match kept {
        Some(bits) => (parts.with_bits(bits)?, false),
        None => (parts, true),
    };
    Some(Number::Decimal { text: parts.text(), about })
}
