//! The document that `decode` makes of one piece of the formats.

use super::block::{self, Block};
use super::cells::{self, CellsReport};
use super::completion::{self, CompletionReport};
use super::config::{self, ConfigReport};
use super::cookies::{self, CheckpointReport, CookieReport};
use super::key_page::{self, KeystoreReport};
use super::pagelog_turtle::{self, TurtleReport};
use super::view::{Addresses, Problem, View};
use crate::audit::result::SCHEMA_VERSION;
use crate::format::Class;
use serde::Serialize;

/// A decoded piece.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "Decoded"))]
pub struct Document {
    /// Version of this schema.
    pub schema_version: u32,
    /// What was decoded.
    pub kind: &'static str,
    /// Its content.
    #[serde(flatten)]
    pub body: Body,
}

/// The content of a [`Document`].
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Body {
    /// Address cookies.
    Cookies {
        /// In the order given.
        cookies: Vec<CookieReport>,
    },
    /// A checkpoint cookie.
    Checkpoint(Box<CheckpointReport>),
    /// A completion record.
    Completion(CompletionReport),
    /// A turtle page.
    Turtle(Box<TurtleReport>),
    /// A configuration text.
    Config(ConfigReport),
    /// A key page.
    Keystore(KeystoreReport),
    /// A stored block.
    Page(Box<Block>),
    /// Cells.
    Cells(CellsReport),
}

/// Decode address cookies.
pub fn cookies(inputs: &[Vec<u8>], addresses: Addresses) -> Document {
    Document::new("cookie", Body::Cookies { cookies: cookies::cookies(inputs, addresses) })
}

/// Decode a checkpoint cookie; in disaggregated storage that is the root's address cookie.
pub fn checkpoint(raw: &[u8], alloc: u32) -> Document {
    Document::new("checkpoint", Body::Checkpoint(Box::new(cookies::checkpoint(raw, alloc))))
}

/// Decode a completion record.
pub fn completion(raw: &[u8]) -> Document {
    Document::new("completion", Body::Completion(completion::completion(raw)))
}

/// Decode a turtle page.
pub fn turtle(raw: &[u8]) -> Document {
    Document::new("turtle", Body::Turtle(Box::new(pagelog_turtle::turtle(raw))))
}

/// Decode a configuration text.
pub fn config(raw: &[u8]) -> Document {
    Document::new("config", Body::Config(config::config(raw)))
}

/// Decode a key page. Of the payload only length and checksum are told.
pub fn keystore(raw: &[u8]) -> Document {
    Document::new("keystore", Body::Keystore(key_page::keystore(raw)))
}

/// Decode a stored block.
pub fn page(raw: &[u8], view: &View) -> Document {
    Document::new("page", Body::Page(Box::new(block::block(raw, view))))
}

/// Decode cells from the first byte to the last; `page_flags` are those of their page.
pub fn cells(raw: &[u8], page_flags: u8, addresses: Addresses, view: &View) -> Document {
    Document::new("cell", Body::Cells(cells::cells(raw, page_flags, addresses, view)))
}

impl Document {
    fn new(kind: &'static str, body: Body) -> Self {
        Self { schema_version: SCHEMA_VERSION, kind, body }
    }

    /// The worst error: damage before what is merely too new.
    pub fn worst(&self) -> Option<Class> {
        let problems: Vec<&Problem> = match &self.body {
            Body::Cookies { cookies } => cookies.iter().flat_map(|c| &c.problems).collect(),
            Body::Checkpoint(r) => r.problems.iter().collect(),
            Body::Completion(r) => r.problems.iter().collect(),
            Body::Turtle(r) => r.problems.iter().collect(),
            Body::Config(r) => r.problems.iter().collect(),
            Body::Keystore(r) => r.problems.iter().collect(),
            Body::Page(r) => r.problems.iter().collect(),
            Body::Cells(r) => r.problems.iter().collect(),
        };
        let damage = problems.iter().find(|p| p.class != Class::Unsupported);
        damage.or(problems.first()).map(|p| p.class)
    }
}
