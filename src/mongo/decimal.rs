//! Decimals of 34 digits, as far as keys need them: exact sums of digits and exponents, no arithmetic.

use bson::Decimal128;

/// What is added to an exponent when it is stored.
const BIAS: i32 = 6176;
/// The largest exponent, as stored.
const MAX_EXPONENT: i32 = 12_287;
/// One more than the largest coefficient: 34 digits.
const COEFFICIENTS: u128 = 10_u128.pow(34);
/// Digits after the first that every double has room in.
const DOUBLE_DIGITS: usize = 780;
/// Bits of an exponent that TypeBits keep.
pub(super) const KEPT_BITS: u32 = 6;

/// A finite decimal. The exponent is the stored one, 0 to 12287; 6176 stands for 10^0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    pub negative: bool,
    pub coefficient: u128,
    pub exponent: i32,
}

impl Parts {
    pub fn whole(negative: bool, size: u64) -> Self {
        Self { negative, coefficient: u128::from(size), exponent: BIAS }
    }

    pub fn zero(negative: bool, exponent: i32) -> Option<Self> {
        (0..=MAX_EXPONENT).contains(&exponent).then_some(Self { negative, coefficient: 0, exponent })
    }

    /// The 128 bits without the sign, as MongoDB stores numbers beyond the range of doubles.
    pub fn stored(negative: bool, high: u64, low: u64) -> Option<Self> {
        let coefficient = u128::from(high & ((1 << 49) - 1)) << 64 | u128::from(low);
        let exponent = i32::try_from(high >> 49 & 0x3fff).ok()?;
        let fits = coefficient < COEFFICIENTS && exponent <= MAX_EXPONENT;
        fits.then_some(Self { negative, coefficient, exponent })
    }

    /// A double's size with so many digits, at most 34, rounded up.
    pub fn of_double(negative: bool, size: f64, digits: usize) -> Option<Self> {
        let text = format!("{size:.DOUBLE_DIGITS$e}");
        let (all, exponent) = text.split_once('e')?;
        let all: String = all.chars().filter(|c| *c != '.').collect();
        let (kept, rest) = all.split_at_checked(digits)?;
        let up = u128::from(rest.bytes().any(|b| b != b'0'));
        let coefficient = kept.parse::<u128>().ok()?.checked_add(up)?;
        let behind = i32::try_from(digits).ok()?.checked_sub(1)?;
        let exponent = exponent.parse::<i32>().ok()?.checked_sub(behind)?.checked_add(BIAS)?;
        let mut parts = Self { negative, coefficient, exponent };
        while parts.coefficient != 0 && parts.coefficient.is_multiple_of(10) {
            parts.coefficient /= 10;
            parts.exponent = parts.exponent.checked_add(1)?;
        }
        ((0..=MAX_EXPONENT).contains(&parts.exponent) && parts.coefficient < COEFFICIENTS).then_some(parts)
    }

    /// The same value with an exponent that ends in these bits. Of the 34 there can be, at most one does.
    pub fn with_bits(self, bits: u16) -> Option<Self> {
        let span = 1_i32.checked_shl(KEPT_BITS)?;
        let mut up = (self.exponent - self.exponent.rem_euclid(span)).checked_add(i32::from(bits))?;
        if up < self.exponent {
            up = up.checked_add(span)?;
        }
        let scale = 10_u128.checked_pow(u32::try_from(up.checked_sub(self.exponent)?).ok()?);
        if let Some(scale) = scale
            && self.coefficient.is_multiple_of(scale)
        {
            let coefficient = self.coefficient.checked_div(scale)?;
            return (up <= MAX_EXPONENT).then_some(Self { coefficient, exponent: up, ..self });
        }
        let down = up.checked_sub(span)?;
        let scale = 10_u128.checked_pow(u32::try_from(self.exponent.checked_sub(down)?).ok()?)?;
        let coefficient = self.coefficient.checked_mul(scale)?;
        (down >= 0 && coefficient < COEFFICIENTS).then_some(Self { coefficient, exponent: down, ..self })
    }

    /// As Extended JSON has it.
    pub fn text(self) -> Option<String> {
        let sign = if self.negative { "-" } else { "" };
        let text = format!("{sign}{}E{}", self.coefficient, self.exponent.checked_sub(BIAS)?);
        Some(text.parse::<Decimal128>().ok()?.to_string())
    }
}
