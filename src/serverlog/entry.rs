//! A line of a server log, taken apart.

/// How bad a line says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    Debug,
    Info,
    Notice,
    /// It does not say.
    #[default]
    Unmarked,
    Warning,
    Error,
    Fatal,
}

/// A line of a server log, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its first line, from 1.
    pub line: u64,
    /// Its time as it has it.
    pub time: Option<String>,
    /// The engine's clock: microseconds since 1970.
    pub micros: Option<u64>,
    pub severity: Severity,
    /// mongod's component: `STORAGE`, `WT`.
    pub component: Option<String>,
    /// mongod's number of the message.
    pub id: Option<u32>,
    /// mongod's thread.
    pub context: Option<String>,
    /// It is the engine's, with its head.
    pub engine: bool,
    /// The process, by the engine's head or mongod's start line.
    pub pid: Option<u64>,
    /// What the session worked on: `file:a.wt`. It need not be what broke.
    pub handle: Option<String>,
    pub session: Option<String>,
    /// `WT_VERB_DEFAULT`.
    pub category: Option<String>,
    /// The error's number: one of the system's or the engine's.
    pub code: Option<i32>,
    /// Number of a fatal assertion.
    pub assertion: Option<u32>,
    /// What it says. Breaks are those of [`super::lines`].
    pub text: Vec<u8>,
    /// The text begins with what the line says, without anything in front.
    pub headed: bool,
    /// Text from here on is looked at again with the next record.
    pub limit: usize,
}

/// The severity of a level of the engine.
pub(super) fn level_of(level: &str) -> Severity {
    match level {
        "ERROR" => Severity::Error,
        "WARNING" => Severity::Warning,
        "NOTICE" => Severity::Notice,
        "INFO" => Severity::Info,
        _ => Severity::Debug,
    }
}

/// The engine's clock in microseconds.
pub(super) fn clock(seconds: Option<u64>, micros: Option<u64>) -> Option<u64> {
    seconds?.checked_mul(1_000_000)?.checked_add(micros.unwrap_or_default())
}
