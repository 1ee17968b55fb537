//! Times in a document: `250ms`, `1.5s`, `2m`; a bare number is seconds. Kept in whole microseconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A virtual time, or a distance between two, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub u64);

/// Longest time taken: a year.
pub const LONGEST: u64 = 366 * 86_400 * 1_000_000;
const UNITS: [(&str, u64); 5] = [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];

impl Micros {
    /// From milliseconds.
    pub const fn ms(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// The sum, at most the longest time there is.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// From text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a duration; write 250ms, 1.5s or 2m");
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" => 1_000_000,
            unit => UNITS.iter().find(|u| u.0 == unit).ok_or_else(bad)?.1,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || part.contains('.') || part.len() > 9 {
            return Err(bad());
        }
        let whole: u64 = whole.parse().map_err(|_| bad())?;
        let scale = 10_u64.pow(u32::try_from(part.len()).unwrap_or(9));
        let part: u64 = if part.is_empty() { 0 } else { part.parse().map_err(|_| bad())? };
        let micros = u128::from(whole) * u128::from(unit) + u128::from(part) * u128::from(unit) / u128::from(scale);
        match u64::try_from(micros) {
            Ok(n) if n <= LONGEST => Ok(Self(n)),
            _ => Err(format!("{text:?} is longer than a year")),
        }
    }
}

/// Seconds with three digits, more where they are needed: `17.250s`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if micros.is_multiple_of(1_000) {
            write!(f, "{seconds}.{:03}s", micros / 1_000)
        } else {
            write!(f, "{seconds}.{micros:06}s")
        }
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Micros;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as 250ms or 1.5s")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Micros, E> {
                Micros::parse(text).map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Micros, E> {
                Micros::parse(&n.to_string()).map_err(E::custom)
            }
            fn visit_f64<E: serde::de::Error>(self, n: f64) -> Result<Micros, E> {
                Micros::parse(&n.to_string()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// For programs: whole microseconds. Fields written so are named `…_us`.
pub fn number<S: Serializer>(time: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.0)
}

/// As [`number`], null if there is none.
pub fn number_or_null<S: Serializer>(time: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|t| t.0).serialize(serializer)
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
