//! What things are called in a page log, as types of their own: a number that is an LSN is never taken
//! for a page id. The LSN of a wtlog is another thing: [`crate::format::wtlog::LogLsn`].

#[cfg(feature = "devtools")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
#[cfg(feature = "devtools")]
use std::borrow::Cow;
use std::fmt;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident)+) => { $(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The bare number, for arithmetic, files and the engine's own texts.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl From<u64> for $name {
            fn from(n: u64) -> Self {
                Self(n)
            }
        }

        // Against literals and the engine's bare numbers; two kinds of ids never compare with each other.
        impl PartialEq<u64> for $name {
            fn eq(&self, other: &u64) -> bool {
                self.0 == *other
            }
        }

        impl PartialOrd<u64> for $name {
            fn partial_cmp(&self, other: &u64) -> Option<std::cmp::Ordering> {
                self.0.partial_cmp(other)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+ };
}

ids! {
    /// A log sequence number of a page log: one number for every put, ascending over all tables. 0 is none.
    Lsn
    /// A page of a table; ids of tree pages begin at 100.
    PageId
    /// A table of a page log.
    TableId
}

impl Lsn {
    /// No LSN.
    pub const NONE: Self = Self(0);

    /// The time in it. A production page service makes an LSN of the second it was given in and a counter;
    /// other stores count from 1, and what they count is no time.
    pub fn time(self) -> Option<LsnTime> {
        let seconds = self.0 >> 32;
        LsnTime::PLAUSIBLE.contains(&seconds).then_some(LsnTime { seconds, counter: self.0 & 0xffff_ffff })
    }

    /// For people: the number, and behind it the time, where it has one.
    pub fn dated(self) -> Dated {
        Dated(self)
    }
}

/// When an LSN was given, and as which one of its second. Programs get the time as RFC 3339 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LsnTime {
    /// Since 1970.
    pub seconds: u64,
    pub counter: u64,
}

impl LsnTime {
    /// From 2015 to the end of 2099: no page service is older, and a number outside is no time.
    const PLAUSIBLE: std::ops::Range<u64> = 1_420_070_400..4_102_444_800;

    /// The time in a timestamp of MongoDB, which is made like such an LSN.
    pub fn of_timestamp(timestamp: u64) -> Option<Self> {
        Lsn(timestamp).time()
    }

    /// The time alone, as it stands in lists.
    pub fn clock(self) -> String {
        self.words(' ')
    }

    /// Date and time of day, and what stands between them.
    fn words(self, between: char) -> String {
        let (date, time) = civil(self.seconds);
        format!("{date}{between}{time}Z")
    }
}

impl fmt::Display for LsnTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.words(' '), self.counter)
    }
}

impl Serialize for LsnTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.words('T'))
    }
}

#[cfg(feature = "devtools")]
impl JsonSchema for LsnTime {
    fn schema_name() -> Cow<'static, str> {
        "LsnTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "When an LSN was given, RFC 3339; only for LSNs that hold a time."
        })
    }
}

/// An LSN for people, see [`Lsn::dated`].
#[derive(Debug, Clone, Copy)]
pub struct Dated(Lsn);

impl fmt::Display for Dated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.time() {
            Some(time) => write!(f, "{} ({time})", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// Seconds since 1970 as a date and a time of day.
pub fn civil(seconds: u64) -> (String, String) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is the last one; eras have 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next;
    (format!("{year:04}-{month:02}-{date:02}"), format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60))
}

/// One version of a page: the block that was put at an LSN, and what it builds on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Version {
    /// Table.
    pub table: TableId,
    /// Page.
    pub page: PageId,
    /// LSN.
    pub lsn: Lsn,
}

impl Version {
    /// A version.
    pub const fn new(table: TableId, page: PageId, lsn: Lsn) -> Self {
        Self { table, page, lsn }
    }
}
