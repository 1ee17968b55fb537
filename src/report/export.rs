//! What `wtcheck export` shows.

use super::Output;
use super::text::{escape, grouped, human};
use crate::audit::result::SCHEMA_VERSION;
use crate::export::Exported;
use crate::export::table::TABLES;
use crate::schema::export as schema;
use std::path::Path;

/// Missing shards that are named; the other formats have them all.
const SHOWN: usize = 20;

/// What is in the shard, and what the set still lacks.
pub fn show(exported: &Exported, out: &Path, exit_code: u8, output: &mut Output) {
    let Exported { manifest, missing } = exported;
    let name = out.display().to_string();
    let report = schema::Exported {
        schema: SCHEMA_VERSION,
        out: name.clone(),
        export: manifest,
        missing_shards: missing,
        exit_code,
    };
    let width = output.width;
    output.document(&report, || {
        let identity = &manifest.identity;
        let mut text = format!("{}: {}, formats {}", escape(&name), identity.kind.words(), identity.generation);
        if !manifest.shard.is_whole() {
            text.push_str(&format!(", shard {}", manifest.shard));
        }
        text.push('\n');
        let rows = TABLES.iter().map(|(table, _)| {
            let sums = manifest.tables.get(*table).copied().unwrap_or_default();
            vec![(*table).to_string(), grouped(sums.rows), grouped(sums.files), human(sums.bytes)]
        });
        text.push_str(&super::text::table(width, &["Table", "Rows", "Files", "Size"], &[1, 2, 3], rows.collect()));
        if manifest.unreadable > 0 {
            text.push_str(&format!("\nBlocks that could not be read: {}\n", grouped(manifest.unreadable)));
        }
        for problem in &manifest.problems {
            text.push_str(&format!("\nCould not be read: {}\n", escape(problem)));
        }
        if missing.is_empty() {
            text.push_str(&format!("\nTo audit it: sql/audit.py {}\n", escape(&name)));
        } else {
            let list: Vec<String> = missing.iter().take(SHOWN).map(u32::to_string).collect();
            let more = missing.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push_str(&format!("\nShards still missing of {}: {}{more}\n", manifest.shard.of, list.join(", ")));
        }
        text
    });
}
