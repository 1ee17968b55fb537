//! The document that `decode` makes of one piece of the formats.

use super::block::Block;
use super::cells::CellsReport;
use super::completion::CompletionReport;
use super::config::ConfigReport;
use super::cookies::{CheckpointReport, CookieReport};
use super::key_page::KeystoreReport;
use super::pagelog_turtle::TurtleReport;
use super::view::Problem;
use crate::audit::result::SCHEMA_VERSION;
use crate::format::Class;
use serde::Serialize;

/// A decoded piece.
#[derive(Debug, Serialize)]
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

impl Document {
    pub(super) fn new(kind: &'static str, body: Body) -> Self {
        Self { schema_version: SCHEMA_VERSION, kind, body }
    }

    /// The worst error: damage before what is merely too new.
    #[must_use]
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
