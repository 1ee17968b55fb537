//! Changing single values inside configuration texts and leaving every other byte as it is: metadata
//! rows, turtle pages and completion records (spec 07.5, 07.6).

use crate::format::config::{Config, Entry, Value};
use crate::format::{FormatError, Result};
use std::ops::Range;

/// Replacements to make in one text.
#[derive(Debug)]
pub struct Splice<'t> {
    text: &'t str,
    parts: Vec<(Range<usize>, String)>,
}

impl<'t> Splice<'t> {
    /// Of a text.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        Self { text, parts: Vec::new() }
    }

    /// Where a part of the text lies. The parser hands out slices of what it was given.
    fn range(&self, part: &str) -> Result<Range<usize>> {
        let start = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        let range = start.map(|s| s..s + part.len());
        range
            .filter(|r| self.text.get(r.clone()).is_some_and(|t| std::ptr::eq(t, part)))
            .ok_or_else(|| FormatError::invalid("a value does not lie in its text"))
    }

    /// Put something in the place of a slice of the text.
    pub fn set(&mut self, part: &str, new: impl Into<String>) -> Result<()> {
        let range = self.range(part)?;
        self.parts.push((range, new.into()));
        Ok(())
    }

    /// Put something in the place of the value of a key that must be there.
    pub fn set_key(&mut self, config: &Config<'_>, key: &str, new: impl Into<String>) -> Result<()> {
        let value = config.get(key).ok_or_else(|| FormatError::not_found(format!("{key} is missing")))?;
        self.set(value.text, new)
    }

    /// The new text.
    pub fn finish(mut self) -> Result<String> {
        self.parts.sort_by_key(|(r, _)| r.start);
        let mut out = String::with_capacity(self.text.len() + 32);
        let mut at = 0;
        for (range, new) in self.parts {
            let kept = self.text.get(at..range.start);
            out.push_str(kept.ok_or_else(|| FormatError::invalid("two changes of one value"))?);
            out.push_str(&new);
            at = range.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        Ok(out)
    }
}

/// The newest entry of a checkpoint list: the last one (07.6).
pub fn newest_entry<'t>(list: Value<'t>) -> Result<Entry<'t>> {
    list.config()?.entries().last().copied().ok_or_else(|| FormatError::not_found("no checkpoint in the list"))
}

/// The `size=` of the newest checkpoint in a file's metadata, changed.
pub fn with_size(text: &str, size: u64) -> Result<String> {
    let config = Config::parse(text)?;
    let list = config.get("checkpoint").ok_or_else(|| FormatError::not_found("checkpoint is missing"))?;
    let entry = newest_entry(list)?;
    let mut splice = Splice::new(text);
    splice.set_key(&entry.value.config()?, "size", size.to_string())?;
    splice.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_size_changes() {
        let text = "id=9,size=7,checkpoint=(a=(addr=\"00\",size=101,order=1),b=(size=5,x=(size=6),order=2)),size=8";
        let want = "id=9,size=7,checkpoint=(a=(addr=\"00\",size=101,order=1),b=(size=12345,x=(size=6),order=2)),size=8";
        assert_eq!(with_size(text, 12345).unwrap(), want);
        assert!(with_size("id=9", 1).is_err());
        assert!(with_size("checkpoint=()", 1).is_err());
        assert!(with_size("checkpoint=(a=(order=1))", 1).is_err());
    }

    #[test]
    fn foreign_and_doubled_parts_are_refused() {
        let text = String::from("a=1,b=2");
        let config = Config::parse(&text).unwrap();
        let mut splice = Splice::new(&text);
        assert!(splice.set("1", "x").is_err() || splice.parts.is_empty());
        splice.set_key(&config, "b", "33").unwrap();
        splice.set_key(&config, "b", "44").unwrap();
        assert!(splice.finish().is_err());
    }
}
