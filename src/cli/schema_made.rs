//! The schemas of all documents, made from the types that are printed. What `wtcheck schema` prints is what they were
//! when `docs/schema.json` was written; a test compares the two.

use crate::schema::{self, Document};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A document: its name, the command that prints it, its schema.
type Entry = (&'static str, &'static str, fn(&mut SchemaGenerator) -> Schema);

macro_rules! documents {
    ($($type:ty),+ $(,)?) => {
        &[$((<$type as Document>::NAME, <$type as Document>::COMMAND, |g| g.subschema_for::<$type>())),+]
    };
}

const ALL: &[Entry] = documents![
    schema::audit::AuditDocument<'static>,
    schema::audit::Orphans<'static>,
    schema::audit::Lost<'static>,
    crate::report::map_pagelog::Document<'static>,
    crate::report::map_home::Document<'static>,
    crate::report::map::Picture,
    schema::history::PageLogHistory<'static>,
    schema::history::LocalHistory<'static>,
    schema::diff::Difference<'static>,
    schema::page::PageReport<'static>,
    crate::decode::file_block::FileBlock,
    crate::decode::document::Document,
    crate::decode::dumps::LogReport,
    crate::repair::plan::Plan,
    schema::repair::PlanFile<'static>,
    schema::repair::AppliedPlan<'static>,
    schema::repair::UndonePlan<'static>,
    crate::pickup::replay::Replay,
    schema::pickup::Run<'static>,
    schema::pickup::Exploration<'static>,
    crate::pickup::explain::Explanation,
    crate::diagnosis::Diagnosis,
    schema::simulate::Simulation<'static>,
    schema::export::Exported<'static>,
    schema::dump::Dumped<'static>,
    schema::dump::Dumpable,
    schema::gather::GatheredPages<'static>,
    schema::pack::Packed<'static>,
    schema::pack::Unpacked<'static>,
    schema::explain::Entry,
    Vec<schema::explain::Entry>,
    schema::explain::CauseEntry,
    Vec<schema::explain::CauseEntry>,
    schema::explain::WordEntry,
    schema::failure::Failed<'static>,
];

/// The schema of everything: one of the documents.
#[must_use]
pub fn whole() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let all: Vec<Schema> = ALL.iter().map(|entry| titled(entry, &mut generator)).collect();
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What wtcheck prints for programs",
        "anyOf": all,
    });
    schema.insert("$defs".into(), generator.take_definitions(true).into());
    schema
}

fn titled(&(name, command, make): &Entry, generator: &mut SchemaGenerator) -> Schema {
    let mut schema = make(generator);
    schema.insert("title".into(), name.into());
    schema.insert("$comment".into(), format!("printed by {command}").into());
    schema
}
