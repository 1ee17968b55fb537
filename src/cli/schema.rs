//! `wtcheck schema`: the JSON Schema of what commands print for programs. It is a text of the program, made from the
//! types that are printed (`schema_made.rs`).

use super::{Failure, Outcome};
use crate::exit;
use crate::report::Output;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// All documents: `anyOf` has one each, `$defs` the types in them.
const WHOLE: &str = include_str!("../../docs/schema.json");
/// What a reference to a type begins with.
const DEFS: &str = "#/$defs/";
/// What stands before the command that prints a document.
const PRINTED_BY: &str = "printed by ";

/// Print the JSON Schema of the commands' machine-readable output
///
/// Every document that --format json or --format yaml prints is valid against it. Without a name it
/// prints one schema for all documents; with a name, the schema of that document. Fields may be added
/// within a schema_version; none is removed and none changes its meaning.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One document, as --list names it
    #[arg(value_name = "DOCUMENT", conflicts_with = "list")]
    document: Option<String>,
    /// List the documents, and the commands that print them
    #[arg(long)]
    list: bool,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    if args.list {
        let rows = names().into_iter().map(|(name, command)| vec![name, command]).collect();
        output.text(crate::report::text::table(output.width, &["Document", "Printed by"], &[], rows));
        return Ok(exit::CLEAN);
    }
    match args.document.as_deref() {
        None => output.raw(WHOLE.as_bytes()),
        Some(name) => {
            let Some(schema) = one(name) else {
                let message = format!("there is no document `{name}`");
                return Err(Failure::usage(message, "wtcheck schema --list names them"));
            };
            let text = serde_json::to_string_pretty(&schema).map(|s| s + "\n").unwrap_or_default();
            output.raw(text.as_bytes());
        }
    }
    Ok(exit::CLEAN)
}

/// The documents of the text, each with its schema, and the types in them.
fn documents() -> (Vec<Map<String, Value>>, Map<String, Value>) {
    let Ok(Value::Object(mut whole)) = serde_json::from_str(WHOLE) else { return Default::default() };
    let (Some(Value::Array(all)), Some(Value::Object(types))) = (whole.remove("anyOf"), whole.remove("$defs")) else {
        return Default::default();
    };
    let object = |v| if let Value::Object(o) = v { Some(o) } else { None };
    (all.into_iter().filter_map(object).collect(), types)
}

/// The names of the documents, and the commands that print them.
pub fn names() -> Vec<(String, String)> {
    let text = |document: &Map<String, Value>, key: &str| {
        let text = document.get(key).and_then(Value::as_str).unwrap_or_default();
        text.strip_prefix(PRINTED_BY).unwrap_or(text).to_owned()
    };
    documents().0.iter().map(|d| (text(d, "title"), text(d, "$comment"))).collect()
}

/// The schema of one document: with the types that it leads to, and no others.
pub fn one(name: &str) -> Option<Value> {
    let (all, types) = documents();
    let mut schema = all.into_iter().find(|d| d.get("title").and_then(Value::as_str) == Some(name))?;
    let mut needed = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    references(&Value::Object(schema.clone()), &mut open);
    while let Some(next) = open.pop() {
        if let Some(body) = types.get(&next).filter(|_| !needed.contains(&next)) {
            references(body, &mut open);
            needed.insert(next);
        }
    }
    let types = types.into_iter().filter(|(name, _)| needed.contains(name)).collect();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$defs".into(), Value::Object(types));
    Some(Value::Object(schema))
}

/// Add the types that a schema names.
fn references(schema: &Value, out: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix(DEFS));
            out.extend(named.map(str::to_owned));
            fields.values().for_each(|v| references(v, out));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, out)),
        _ => {}
    }
}
