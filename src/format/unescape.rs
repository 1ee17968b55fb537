//! Escapes of JSON in the text of a log, however often they were applied: a line of the
//! engine inside a line of mongod inside what `getLog` answers.

/// Undoes escapes, byte by byte.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unescape(State);

/// How far an escape has come.
#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    None,
    Backslash,
    Unicode {
        digits: u8,
        value: u32,
    },
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Out {
    Byte(u8),
    /// What an escape stood for.
    Escaped(u32),
}

impl Out {
    /// As one byte; `?` for what needs more.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Byte(b) => b,
            Self::Escaped(value) => u8::try_from(value).unwrap_or(b'?'),
        }
    }
}

impl Unescape {
    /// The next byte of the log.
    pub(crate) fn push(&mut self, b: u8) -> Option<Out> {
        match self.0 {
            State::None if b == b'\\' => self.0 = State::Backslash,
            State::None => return Some(Out::Byte(b)),
            State::Backslash => match b {
                b'\\' | b'\r' => {}
                b'u' => self.0 = State::Unicode { digits: 0, value: 0 },
                _ => {
                    self.0 = State::None;
                    return Some(match b {
                        b'n' => Out::Escaped(u32::from(b'\n')),
                        b'r' | b't' => Out::Escaped(u32::from(b' ')),
                        // Also a line feed: a line that was wrapped with a backslash.
                        other => Out::Byte(other),
                    });
                }
            },
            State::Unicode { digits, value } => match char::from(b).to_digit(16) {
                Some(digit) if digits == 3 => {
                    self.0 = State::None;
                    return Some(Out::Escaped(value << 4 | digit));
                }
                Some(digit) => self.0 = State::Unicode { digits: digits.saturating_add(1), value: value << 4 | digit },
                None => {
                    self.0 = State::None;
                    return self.push(b);
                }
            },
        }
        None
    }
}
