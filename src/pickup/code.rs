//! Return codes of the engine as callers and logs see them.

use crate::format::Class;
use serde::{Serialize, Serializer};
use std::fmt;

/// A return code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub i32);

impl Code {
    /// Success.
    pub const OK: Self = Self(0);
    /// Input/output error.
    pub const EIO: Self = Self(5);
    /// Busy: try again.
    pub const EBUSY: Self = Self(16);
    /// Invalid argument.
    pub const EINVAL: Self = Self(22);
    /// Not supported.
    pub const ENOTSUP: Self = Self(95);
    /// A conflict between operations; a pick-up turns it into [`Self::EBUSY`].
    pub const WT_ROLLBACK: Self = Self(-31800);
    /// Item not found.
    pub const WT_NOTFOUND: Self = Self(-31803);
    /// The connection is beyond help.
    pub const WT_PANIC: Self = Self(-31804);

    const NAMES: [(Self, &'static str, &'static str); 14] = [
        (Self::OK, "0", "success"),
        (Self(2), "ENOENT", "No such file or directory"),
        (Self::EIO, "EIO", "Input/output error"),
        (Self(12), "ENOMEM", "Cannot allocate memory"),
        (Self::EBUSY, "EBUSY", "Device or resource busy"),
        (Self(17), "EEXIST", "File exists"),
        (Self::EINVAL, "EINVAL", "Invalid argument"),
        (Self::ENOTSUP, "ENOTSUP", "Operation not supported"),
        (Self(110), "ETIMEDOUT", "Connection timed out"),
        (Self::WT_ROLLBACK, "WT_ROLLBACK", "conflict between concurrent operations"),
        (Self(-31802), "WT_ERROR", "non-specific WiredTiger error"),
        (Self::WT_NOTFOUND, "WT_NOTFOUND", "item not found"),
        (Self::WT_PANIC, "WT_PANIC", "WiredTiger library panic"),
        (Self(-31809), "WT_TRY_SALVAGE", "database corruption detected"),
    ];

    /// One of the system or of the engine, which any step may pass on; others are a key provider's own, those of the
    /// system that are about keys (from `ENOKEY` on) among them.
    pub fn is_of_system(self) -> bool {
        (1..=125).contains(&self.0) || (-31_999..=-31_800).contains(&self.0)
    }

    /// Its name: `EINVAL`; the number where it has none.
    pub fn name(self) -> String {
        Self::NAMES.iter().find(|n| n.0 == self).map_or_else(|| self.0.to_string(), |n| n.1.to_string())
    }

    /// What it means, in words.
    pub fn words(self) -> &'static str {
        Self::NAMES.iter().find(|n| n.0 == self).map_or("unknown error", |n| n.2)
    }

    /// The code of a name.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|n| n.1 == name).map(|n| n.0)
    }

    /// Whether trying the same again may help: the cause lies outside the checkpoint.
    pub fn may_pass(self) -> bool {
        [Self::EBUSY, Self::EIO, Self::WT_NOTFOUND, Self(110), Self(12)].contains(&self)
    }
}

impl From<Class> for Code {
    fn from(class: Class) -> Self {
        match class {
            Class::Invalid => Self::EINVAL,
            Class::Io => Self::EIO,
            Class::Unsupported => Self::ENOTSUP,
            Class::NotFound => Self::WT_NOTFOUND,
        }
    }
}

/// Name and number: `EINVAL(22)`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OK => f.write_str("0"),
            Self(n) if Self::NAMES.iter().any(|c| c.0 == *self) => write!(f, "{}({n})", self.name()),
            Self(n) => write!(f, "{n}"),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}
