//! Lines of a server log that report a block whose checksum, or magic number, is not the expected one: what is
//! in front of them, without white space, in; the error out.

/// Which of the reader's two comparisons failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The checksum in the block's header with the expected one; the bytes were not looked at.
    Header,
    /// The checksum of the bytes; the header's was right.
    Computed,
    /// The magic byte, which a page log's blocks have; the checksums were right.
    Magic,
}

/// A line that reports a checksum error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Name of the file, if it is there.
    pub file: Option<String>,
    /// First byte of the block; of a block of a page log its page id.
    pub offset: u64,
    /// The LSN that was asked for, page logs only.
    pub lsn: Option<u64>,
    pub size: u32,
    /// What was compared.
    pub comparison: Comparison,
    /// The checksum that was found.
    pub found: Option<u32>,
    /// Line of the log, the first one is 1.
    pub line: u64,
    pub thread: u64,
}

/// The error that a text without white space ends in: up to `doesn't match`, or to the bracket of MongoDB 3.0.
pub(super) fn error(near: &[u8]) -> Option<ReadError> {
    if near.ends_with(b"]") { old_error(near) } else { read_error(near).or_else(|| page_error(near)) }
}

/// `NAME:readerrorforSIZEBblockatpagePAGE,lsnLSN,WHAT,REASON...match`: a block of a page log.
fn page_error(near: &[u8]) -> Option<ReadError> {
    const BEGIN: &[u8] = b":readerrorfor";
    let (before, rest) = near.split_at_checked(find_last(near, BEGIN)?)?;
    let (size, rest) = number_at_start(rest.strip_prefix(BEGIN)?)?;
    let (page, rest) = number_at_start(rest.strip_prefix(b"Bblockatpage")?)?;
    let (lsn, reason) = number_at_start(rest.strip_prefix(b",lsn")?)?;
    let found = |begin: &[u8]| {
        let value = reason.get(find_last(reason, begin)?.checked_add(begin.len())?..)?;
        let digits = value.strip_prefix(b"0x").unwrap_or(value);
        // The digits are those of words, too: `d` of `doesn't` is one.
        let end = digits.windows(4).position(|w| w == b"does")?;
        Some(digits.get(..end).and_then(hexadecimal).and_then(|v| u32::try_from(v).ok()))
    };
    let (comparison, found) = match (found(b"headerchecksumof"), found(b"calculatedchecksumof")) {
        (Some(found), _) => (Comparison::Header, found),
        (None, Some(found)) => (Comparison::Computed, found),
        (None, None) if find_last(reason, b",magic").is_some() => (Comparison::Magic, None),
        (None, None) => return None,
    };
    Some(ReadError {
        file: Some(last_word(before)).filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into_owned()),
        offset: page,
        lsn: Some(lsn),
        size: u32::try_from(size).ok()?,
        comparison,
        found,
        line: 0,
        thread: thread(before),
    })
}

/// The words of MongoDB 3.0: `read checksum error [4096B @ 32768, 1 != 2]`; computed, then expected.
fn old_error(near: &[u8]) -> Option<ReadError> {
    const BEGIN: &[u8] = b"readchecksumerror[";
    let at = find_last(near, BEGIN)?;
    let (before, rest) = near.split_at_checked(at)?;
    let (size, rest) = number_at_start(rest.strip_prefix(BEGIN)?)?;
    let (offset, rest) = number_at_start(rest.strip_prefix(b"B@")?)?;
    let (found, rest) = number_at_start(rest.strip_prefix(b",")?)?;
    number_at_start(rest.strip_prefix(b"!=")?).filter(|(_, rest)| *rest == b"]")?;
    let name =
        find_last(before, b"file:").and_then(|at| before.get(at.checked_add(5)?..)?.split(|c| *c == b',').next());
    Some(ReadError {
        file: name.filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into_owned()),
        offset,
        lsn: None,
        size: u32::try_from(size).ok()?,
        comparison: Comparison::Computed,
        found: u32::try_from(found).ok(),
        line: 0,
        thread: thread(before),
    })
}

/// `NAME:potentialhardwarecorruption,readchecksumerrorforSIZEBblockatoffsetOFFSET:...match`.
fn read_error(near: &[u8]) -> Option<ReadError> {
    const BEGIN: &[u8] = b"readchecksumerrorfor";
    let at = find_last(near, BEGIN)?;
    let (before, rest) = near.split_at_checked(at)?;
    let (size, rest) = number_at_start(rest.strip_prefix(BEGIN)?)?;
    let (offset, rest) = number_at_start(rest.strip_prefix(b"Bblockatoffset")?)?;
    let rest = rest.strip_prefix(b":")?;
    let header = rest.strip_prefix(b"blockheaderchecksumof");
    let comparison = if header.is_some() { Comparison::Header } else { Comparison::Computed };
    let value = header.or_else(|| rest.strip_prefix(b"calculatedblockchecksumof"))?;
    let end = value.windows(4).position(|w| w == b"does")?;
    // Without 0x it is zero, or of a build that writes these numbers in another way.
    let found = value.get(..end).and_then(|v| match v.strip_prefix(b"0x") {
        Some(digits) => hexadecimal(digits),
        None => decimal(v).filter(|v| *v == 0),
    });
    let name = match before.strip_suffix(b":potentialhardwarecorruption,") {
        Some(before) => Some(last_word(before)),
        None => {
            find_last(before, b"file:").and_then(|at| before.get(at.checked_add(5)?..)?.split(|c| *c == b',').next())
        }
    };
    Some(ReadError {
        file: name.filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into_owned()),
        offset,
        lsn: None,
        size: u32::try_from(size).ok()?,
        comparison,
        found: found.and_then(|v| u32::try_from(v).ok()),
        line: 0,
        thread: thread(before),
    })
}

/// The thread in the envelope, `[PID:0xTHREAD]` or `"thread":"PID:0xTHREAD"`; 0 if there is none.
pub fn thread(before: &[u8]) -> u64 {
    let tail = |at: usize| {
        let preceded = at.checked_sub(1).and_then(|at| before.get(at)).is_some_and(u8::is_ascii_digit);
        let digits = before.get(at.checked_add(3)?..).filter(|_| preceded)?;
        let length = digits.iter().position(|c| !c.is_ascii_hexdigit())?;
        let closed = matches!(digits.get(length), Some(b']' | b'"'));
        hexadecimal(digits.get(..length).filter(|_| closed)?)
    };
    let starts = before.windows(3).enumerate().rev().filter(|(_, w)| *w == b":0x");
    starts.filter_map(|(at, _)| tail(at)).next().unwrap_or_default()
}

/// The last place of a fragment.
pub(super) fn find_last(text: &[u8], fragment: &[u8]) -> Option<usize> {
    text.windows(fragment.len()).rposition(|w| w == fragment)
}

/// What stands behind the last colon or quotation mark.
pub(super) fn last_word(text: &[u8]) -> &[u8] {
    text.rsplit(|c| matches!(c, b':' | b'"' | b',')).next().unwrap_or_default()
}

/// The decimal number at the end, and what is before it.
pub(super) fn number_at_end(text: &[u8]) -> Option<(&[u8], u64)> {
    let digits = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let (before, number) = text.split_at_checked(text.len().checked_sub(digits)?)?;
    Some((before, decimal(number)?))
}

/// The decimal number at the beginning, and what is behind it.
pub(super) fn number_at_start(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let (number, behind) = text.split_at_checked(digits)?;
    Some((decimal(number)?, behind))
}

pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let ok = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| ok)?.parse().ok()
}

pub(super) fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let ok = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| ok)?, 16).ok()
}
