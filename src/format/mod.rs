//! Bytes to structs and back: pure functions, no I/O, no printing, no panic.
//!
//! Every module names the specification chapter its facts come from. All decoders take hostile
//! bytes: they bound what they allocate, never recurse on input, and answer with a
//! [`FormatError`] whose [`Class`] is the error the engine itself would return.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod block;
pub mod block_dump;
pub mod block_error;
pub mod checkpoint_list;
pub mod completion;
pub mod compress;
pub mod config;
pub mod config_keys;
pub mod cookie;
pub mod crc;
pub mod generation;
pub mod home_turtle;
pub mod image;
pub mod int;
pub mod key_page;
pub mod local;
pub mod local_image;
pub mod modify;
pub mod pack;
pub mod page_header;
pub mod pagelog_ids;
pub mod pagelog_turtle;
pub mod reader;
pub(crate) mod unescape;
pub mod wtlog;
pub mod wtlog_body;
pub mod wtlog_plain;

/// What the engine would answer to the same bytes. Numbers are not needed offline, classes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// EINVAL: the bytes are not a valid instance of the format.
    Invalid,
    /// EIO: the bytes were stored damaged (a checksum or a stored length does not hold).
    Io,
    /// ENOTSUP: written by a newer version than this reader knows.
    Unsupported,
    /// WT_NOTFOUND: a required field is missing.
    NotFound,
}

impl Class {
    /// The engine's name of the error.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "EINVAL",
            Self::Io => "EIO",
            Self::Unsupported => "ENOTSUP",
            Self::NotFound => "WT_NOTFOUND",
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why some bytes could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({class})")]
pub struct FormatError {
    /// The error class of the engine for this case.
    pub class: Class,
    /// What was wrong, in words, with offsets in bytes where they help.
    pub message: String,
}

/// For programs it is its message.
impl serde::Serialize for FormatError {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.serialize_str(&self.message)
    }
}

impl FormatError {
    /// EINVAL with a message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { class: Class::Invalid, message: message.into() }
    }
    /// EIO with a message.
    pub fn io(message: impl Into<String>) -> Self {
        Self { class: Class::Io, message: message.into() }
    }
    /// ENOTSUP with a message.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { class: Class::Unsupported, message: message.into() }
    }
    /// WT_NOTFOUND with a message.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { class: Class::NotFound, message: message.into() }
    }
    /// The same error, said of something larger: `context: message`.
    pub fn within(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }
}

/// The result of every decoder.
pub type Result<T> = std::result::Result<T, FormatError>;
