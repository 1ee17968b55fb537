//! Where the rows of a table go.

use std::io::Write;

/// Where rows go.
pub struct Streams<'s> {
    pub rows: &'s mut (dyn Write + Send),
    /// Values that are no documents.
    pub apart: &'s mut (dyn Write + Send),
    /// Rows of pages that nothing leads to.
    pub strays: Option<&'s mut (dyn Write + Send)>,
}
