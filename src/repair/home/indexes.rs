//! Damaged indexes of MongoDB: what they hold can be made anew from their collections, and by whom.

use crate::audit::finding::{Code, Severity};
use crate::audit::result::Audit;
use crate::home::directory::Home;
use crate::home::names::What;
use crate::repair::plan::{Action, Advice, What as Do};
use std::collections::BTreeMap;

/// Engines up to this one came with servers that build an index anew when its table is gone.
const LAST_THAT_REBUILDS: (u32, u32) = (10, 0);

/// One piece of advice for every index that a repair leaves damaged.
///
/// Nothing is cut out of MongoDB's catalog here: servers from 6.0 on only log an index without a table and go on, so
/// that queries would fail later; and up to 4.4 `--repair` of a copy does the same from the same files.
pub fn advice(home: &Home, audit: &Audit, actions: &[Action]) -> Vec<Advice> {
    let mended = |f: &crate::audit::finding::Finding| {
        actions.iter().any(|a| match &a.what {
            Do::FlipBit { file, offset, .. } => f.place.file.as_ref() == Some(file) && f.place.offset == Some(*offset),
            Do::RebuildFirstBlock { file, .. } => {
                f.place.file.as_ref() == Some(file) && f.code == Code::DescriptorInvalid
            }
            Do::SetFileSize { file, .. } => f.place.file.as_ref() == Some(file) && f.checkpoint_sizes().is_some(),
            _ => false,
        })
    };
    let mut out = BTreeMap::new();
    for finding in audit.findings.iter().filter(|f| f.severity == Severity::Error && !mended(f)) {
        let Some(file) = finding.place.file.as_deref() else { continue };
        let Some(name) = home.names.for_file(file).filter(|n| n.what == What::Index) else { continue };
        let index = name.index.unwrap_or_default();
        let server = match home.engine() {
            Some(engine) if engine <= LAST_THAT_REBUILDS => "mongod up to 4.4 rebuilds it when started with --repair",
            _ => "mongod since 5.0 does not rebuild it automatically: start it with --repair",
        };
        out.entry(file.to_string()).or_insert_with(|| Advice {
            code: finding.code.name().to_string(),
            place: file.to_string(),
            advice: format!(
                "an index, {index} of {}, which can be rebuilt from its collection. On a copy of the directory: \
                 {server}. Or drop and recreate the index on a running server, or load the collection from a dump into \
                 a new one. The repair does not remove it from MongoDB's catalog: servers since 6.0 would go on without \
                 the index, and only mention it in their log",
                name.namespace
            ),
        });
    }
    out.into_values().collect()
}
