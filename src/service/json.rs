//! JSON as page services write it: 64-bit numbers as numbers or as strings, bytes as arrays of numbers or as base64,
//! values in a box that names their type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// An unsigned 64-bit number. A floating-point one has lost its last digits, and is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Number(pub u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;
        impl Visitor<'_> for Of {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an unsigned 64-bit integer")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Number, E> {
                Ok(Number(n))
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Number, E> {
                u64::try_from(n).map(Number).map_err(|_| E::invalid_value(de::Unexpected::Signed(n), &self))
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Number, E> {
                s.parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(s), &self))
            }
        }
        from.deserialize_any(Of)
    }
}

/// Bytes: an array of numbers, or base64. Nothing at all stands for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;
        impl<'de> Visitor<'de> for Of {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of bytes, or base64")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Bytes, E> {
                Ok(Bytes::default())
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Bytes, E> {
                STANDARD.decode(s).map(Bytes).map_err(|e| E::custom(format!("base64: {e}")))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
                // The document is at least twice as long as what it says, so nothing is reserved that is not there.
                let mut out = Vec::new();
                while let Some(byte) = list.next_element::<u8>()? {
                    out.push(byte);
                }
                Ok(Bytes(out))
            }
        }
        from.deserialize_any(Of)
    }
}

/// A value in a box, `{"val":{"LongVal":7}}`: the only member, whatever it is called. `None`: the box is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Boxed(pub Option<u64>);

impl<'de> Deserialize<'de> for Boxed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Outer {
            #[serde(default)]
            val: Option<Only>,
        }
        Ok(Self(Option::<Outer>::deserialize(from)?.and_then(|o| o.val).and_then(|only| only.0)))
    }
}

/// The number that is the only member of an object; truth values count as numbers.
#[derive(Debug, Clone, Copy)]
struct Only(Option<u64>);

impl<'de> Deserialize<'de> for Only {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;
        impl<'de> Visitor<'de> for Of {
            type Value = Only;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Only, A::Error> {
                let mut out = None;
                while map.next_key::<IgnoredAny>()?.is_some() {
                    out = map.next_value::<Scalar>()?.0.or(out);
                }
                Ok(Only(out))
            }
        }
        from.deserialize_map(Of)
    }
}

struct Scalar(Option<u64>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;
        impl Visitor<'_> for Of {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an unsigned 64-bit integer or a boolean")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }
            fn visit_bool<E: de::Error>(self, b: bool) -> Result<Scalar, E> {
                Ok(Scalar(Some(u64::from(b))))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Scalar, E> {
                Ok(Scalar(Some(n)))
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Scalar, E> {
                u64::try_from(n)
                    .map(|n| Scalar(Some(n)))
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(n), &self))
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Scalar, E> {
                s.parse().map(|n| Scalar(Some(n))).map_err(|_| E::invalid_value(de::Unexpected::Str(s), &self))
            }
        }
        from.deserialize_any(Of)
    }
}
