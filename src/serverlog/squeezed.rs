//! The text of a record without white space: messages are looked for in it, so it does not matter where
//! a line was broken.

use super::lines::{HARD, SOFT};

/// A text without white space, and where each byte of it stands.
pub(crate) struct Squeezed<'r> {
    pub(crate) text: &'r [u8],
    pub(crate) bytes: Vec<u8>,
    /// In lower case.
    pub(crate) lower: Vec<u8>,
    /// Where each byte stands in the text.
    pub(crate) at: Vec<usize>,
}

impl<'r> Squeezed<'r> {
    pub(crate) fn new(text: &'r [u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        let mut at = Vec::with_capacity(text.len());
        for (n, c) in text.iter().enumerate().filter(|(_, c)| !c.is_ascii_whitespace() && **c != HARD) {
            bytes.push(*c);
            at.push(n);
        }
        Self { text, lower: bytes.to_ascii_lowercase(), bytes, at }
    }

    pub(crate) fn is(&self, at: usize, fragment: &str) -> bool {
        self.lower.get(at..).is_some_and(|rest| rest.starts_with(fragment.as_bytes()))
    }

    /// What lies between a byte and the one before it.
    pub(crate) fn gap(&self, at: usize) -> &'r [u8] {
        let from = at.checked_sub(1).and_then(|b| self.at.get(b)).map_or(0, |b| b + 1);
        self.at.get(at).and_then(|to| self.text.get(from..*to)).unwrap_or_default()
    }

    /// Whether a word may go on from the byte before: nothing lies between, or a break by width.
    pub(crate) fn goes_on(&self, at: usize) -> bool {
        let gap = self.gap(at);
        gap.is_empty() || (gap.contains(&SOFT) && gap.iter().all(|c| matches!(*c, SOFT | b' ')))
    }

    /// Past what stands between a name and its number in plain text and in JSON.
    pub(crate) fn skip(&self, mut at: usize) -> usize {
        loop {
            if self.is(at, "$numberlong") {
                at = at.saturating_add(11);
            } else if self.is(at, "numberlong(") {
                at = at.saturating_add(10);
            } else if self.lower.get(at).is_some_and(|c| b"\"':={([".contains(c)) {
                at = at.saturating_add(1);
            } else {
                return at;
            }
        }
    }

    /// A decimal number, and where it ends.
    pub(crate) fn number(&self, at: usize) -> Option<(u64, usize)> {
        let mut value: Option<u64> = None;
        let mut end = at;
        // The value up to the last break: what follows may be something else.
        let mut before_break = None;
        while let Some(digit) = self.bytes.get(end).filter(|c| c.is_ascii_digit()) {
            if end > at && !self.gap(end).is_empty() {
                if !self.goes_on(end) {
                    break;
                }
                before_break = value.map(|v| (v, end));
            }
            let next = value.unwrap_or(0).checked_mul(10).and_then(|v| v.checked_add(u64::from(*digit - b'0')));
            let Some(next) = next else { return before_break };
            value = Some(next);
            end = end.saturating_add(1);
        }
        value.map(|v| (v, end))
    }
}
