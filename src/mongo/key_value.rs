//! What a key can hold.

/// Which of the two: index `v:1` has version 0, `v:2` version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyVersion {
    V0,
    V1,
}

/// A number with its type. Without TypeBits the type is the first that fits.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    Int32(i32),
    Int64(i64),
    Double(f64),
    /// `about`: digits that a double has no room for were left out, or the number of zeros at its end is not known.
    Decimal {
        text: String,
        about: bool,
    },
}

/// A value of a key. Texts are bytes as stored.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyValue {
    MinKey,
    Undefined,
    /// Null, or a missing field.
    Null,
    Number(Number),
    String(Vec<u8>),
    Symbol(Vec<u8>),
    /// The sort key of a text or symbol under a collation.
    SortKey(Vec<u8>),
    Object(Vec<(Vec<u8>, KeyValue)>),
    Array(Vec<KeyValue>),
    Binary {
        subtype: u8,
        bytes: Vec<u8>,
    },
    ObjectId([u8; 12]),
    Bool(bool),
    /// Milliseconds since 1970.
    Date(i64),
    Timestamp {
        seconds: u32,
        increment: u32,
    },
    Regex {
        pattern: Vec<u8>,
        options: Vec<u8>,
    },
    DbPointer {
        namespace: Vec<u8>,
        id: [u8; 12],
    },
    Code(Vec<u8>),
    CodeWithScope {
        code: Vec<u8>,
        scope: Vec<(Vec<u8>, KeyValue)>,
    },
    MaxKey,
}
