//! Which mongod ran here: starts in `local.startup_log`, and the feature compatibility version in
//! `admin.system.version` (spec 21.1).

use super::document::{Document, Value};
use crate::format::Result;

/// `_id` of the document that tells the feature compatibility version.
const FCV: &str = "featureCompatibilityVersion";
/// `_id` of the document that tells how users are stored.
const AUTH_SCHEMA: &str = "authSchema";

/// A start of mongod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start<'a> {
    /// `buildinfo.version`: `8.0.12`.
    pub version: Option<&'a str>,
    /// `buildinfo.modules`: `enterprise`, or none.
    pub modules: Vec<&'a str>,
    /// Milliseconds since 1970.
    pub time: Option<i64>,
    pub host: Option<&'a str>,
}

/// The feature compatibility version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fcv<'a> {
    /// `8.0`.
    pub version: Option<&'a str>,
    /// While a change is under way.
    pub target: Option<&'a str>,
    pub previous: Option<&'a str>,
}

/// A release of MongoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl Release {
    /// `8.0.12`, `8.0.12-rc1`, `8.0`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split(['-', '+']).next()?;
        let mut parts = text.split('.').map(|part| part.parse::<u16>().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next().unwrap_or(Some(0))?;
        parts.next().is_none().then_some(Self { major, minor, patch })
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Read a document of `local.startup_log`. Each start writes one; the last of the collection is the newest.
///
/// # Errors
/// If the document is broken.
pub fn start(document: &[u8]) -> Result<Start<'_>> {
    let mut out = Start::default();
    for element in Document::new(document)?.elements() {
        let element = element?;
        match (element.name, element.value) {
            (b"hostname", value) => out.host = value.text(),
            (b"startTime", Value::Date(time)) => out.time = Some(time),
            (b"buildinfo", Value::Document(build)) => {
                out.version = build.get("version")?.and_then(|v| v.text());
                if let Some(Value::Array(modules)) = build.get("modules")? {
                    let names = modules.elements().map(|m| Ok(m?.value.text()));
                    out.modules = names.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Read a document of `admin.system.version`; `None` for those of something else.
///
/// # Errors
/// If the document is broken.
pub fn fcv(document: &[u8]) -> Result<Option<Fcv<'_>>> {
    let document = Document::new(document)?;
    if document.get("_id")?.and_then(|v| v.text()) != Some(FCV) {
        return Ok(None);
    }
    let text = |name| document.get(name).map(|v| v.and_then(|v| v.text()));
    Ok(Some(Fcv { version: text("version")?, target: text("targetVersion")?, previous: text("previousVersion")? }))
}

/// Whether a document of `admin.system.version` is the one that mongorestore needs for users and roles.
///
/// # Errors
/// If the document is broken.
pub fn is_auth_schema(document: &[u8]) -> Result<bool> {
    Ok(Document::new(document)?.get("_id")?.and_then(|v| v.text()) == Some(AUTH_SCHEMA))
}
