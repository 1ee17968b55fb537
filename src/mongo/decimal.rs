//! Decimals of 34 digits (Decimal128): their bits, and their text as Extended JSON has it. Exact sums of digits and
//! exponents, no arithmetic.

/// What is added to an exponent when it is stored.
const BIAS: i32 = 6176;
/// The largest exponent, as stored.
const MAX_EXPONENT: i32 = 12_287;
/// One more than the largest coefficient: 34 digits.
const COEFFICIENTS: u128 = 10_u128.pow(34);
/// The bits that say infinite, or no number, behind the sign.
const INFINITE: u64 = 0b11110 << 58;
const NAN: u64 = 0b11111 << 58;
/// Below this exponent of the first digit the text has an exponent of its own.
const PLAIN_FROM: i32 = -6;
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

    /// The double that these digits are (`-1.25e-7`), its sign apart.
    pub fn of_digits(negative: bool, text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once('e')?;
        let (whole, behind) = digits.split_once('.').unwrap_or((digits, ""));
        let coefficient = format!("{whole}{behind}").parse::<u128>().ok()?;
        let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(behind.len()).ok()?)?;
        let exponent = exponent.checked_add(BIAS)?;
        ((0..=MAX_EXPONENT).contains(&exponent) && coefficient < COEFFICIENTS).then_some(Self {
            negative,
            coefficient,
            exponent,
        })
    }

    /// As Extended JSON has it: plain from 10^-6 up as long as the exponent is not above 0, else with an exponent.
    pub fn text(self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = self.coefficient.to_string();
        let exponent = self.exponent.saturating_sub(BIAS);
        let behind_first = i32::try_from(digits.len()).unwrap_or(i32::MAX).saturating_sub(1);
        let scientific = exponent.saturating_add(behind_first);
        if exponent > 0 || scientific < PLAIN_FROM {
            let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
            let point = if rest.is_empty() { "" } else { "." };
            return format!("{sign}{first}{point}{rest}E{scientific:+}");
        }
        if exponent == 0 {
            return format!("{sign}{digits}");
        }
        let behind = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
        let (whole, part) = digits.split_at_checked(digits.len().saturating_sub(behind)).unwrap_or(("", &digits));
        let whole = if whole.is_empty() { "0" } else { whole };
        format!("{sign}{whole}.{part:0>behind$}")
    }
}

/// The text of 16 bytes, little-endian, and whether it reads back as the same: not for a coefficient that is no
/// number of 34 digits, which is zero by definition, nor for the bits of a NaN.
pub(super) fn text(bytes: [u8; 16]) -> (String, bool) {
    let bits = u128::from_le_bytes(bytes);
    let [low, high] = [bits, bits >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default());
    let negative = high >> 63 == 1;
    let unsigned = high & (u64::MAX >> 1);
    match unsigned & NAN {
        NAN => return ("NaN".into(), high == NAN && low == 0),
        INFINITE => {
            let text = if negative { "-Infinity" } else { "Infinity" };
            return (text.into(), unsigned == INFINITE && low == 0);
        }
        _ => {}
    }
    if let Some(parts) = Parts::stored(negative, unsigned, low) {
        return (parts.text(), true);
    }
    // Where a coefficient of 34 digits has no room the exponent stands two bits lower.
    let long = unsigned >> 61 == 0b11;
    let exponent = i32::try_from(unsigned >> if long { 47 } else { 49 } & 0x3fff).unwrap_or_default();
    (Parts { negative, coefficient: 0, exponent }.text(), false)
}
