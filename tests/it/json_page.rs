//! `docs/schema.json`, which `wtcheck schema` prints, is made from the types that are printed, and `docs/json.md` from it.
//!
//! `WTCHECK_UPDATE=1 cargo test --features devtools json_page` writes both anew.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// A type in a word or two.
fn kind(schema: &Value) -> String {
    let of = |list: &Value| {
        let mut words: Vec<String> = list.as_array().into_iter().flatten().map(kind).collect();
        words.dedup();
        words.join(" or ")
    };
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for list in ["anyOf", "oneOf"] {
        if schema[list].is_array() {
            return of(&schema[list]);
        }
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect();
        return if words.len() > 6 { "a word".into() } else { words.join(" or ") };
    }
    let one = |name: &str| match name {
        "array" if schema["items"].is_object() => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("by name, {}", kind(&schema["additionalProperties"]))
        }
        "integer" | "number" => "number".into(),
        "string" => "text".into(),
        "boolean" => "true or false".into(),
        other => other.to_string(),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or "),
        _ => "anything".into(),
    }
}

/// One line of a description.
fn words(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Fields as a table; shapes that are told apart by a word get one each.
fn fields(schema: &Value, out: &mut String) {
    if let Some(properties) = schema["properties"].as_object() {
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        out.push_str("\n| Field | Type | Meaning |\n| --- | --- | --- |\n");
        for (name, field) in properties {
            let may = if required.contains(name.as_str()) { "" } else { ", may be left out" };
            writeln!(out, "| `{name}` | {}{may} | {} |", kind(field), words(field)).unwrap();
        }
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        for shape in schema[list].as_array().into_iter().flatten() {
            let tag = ["fact", "because", "kind", "of", "problem", "refusal", "issue"];
            let word = tag.iter().find_map(|t| shape["properties"][*t]["const"].as_str()).or(shape["const"].as_str());
            if let Some(word) = word {
                writeln!(out, "\n`{word}`: {}", words(shape)).unwrap();
            }
            if shape["properties"].is_object() {
                fields(shape, out);
            }
        }
    }
    if let Some(list) = schema["enum"].as_array() {
        let list: Vec<String> = list.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect();
        writeln!(out, "\nOne of: {}", list.join(", ")).unwrap();
    }
}

fn page() -> String {
    let mut out = String::from(
        "# What programs get\n\nMade from what `wtcheck schema` prints; do not edit. `--format json` prints one document, `--format yaml` the same as \
         YAML,\n`--format jsonl` a line for each part with its kind in `record`. Fields may be added within a `schema_version`; none is taken \
         away, and\nnone changes its meaning. Sizes and offsets are bytes, LSNs numbers. `exit_code` is what the command exits with.\n\n## Documents\n",
    );
    let whole = serde_json::to_value(wtcheck::cli::schema_made::whole()).unwrap();
    let types = whole["$defs"].as_object().unwrap();
    for schema in whole["anyOf"].as_array().unwrap() {
        let (name, command) = (schema["title"].as_str().unwrap(), schema["$comment"].as_str().unwrap());
        writeln!(out, "\n### {name}\n\n{}: {}.", command.replacen("printed by ", "Printed by ", 1), kind(schema))
            .unwrap();
    }
    out.push_str("\n## Types\n");
    let mut names: Vec<&String> = types.keys().collect();
    names.sort();
    for name in names {
        writeln!(out, "\n### {name}\n\n{}", words(&types[name])).unwrap();
        fields(&types[name], &mut out);
    }
    out
}

#[test]
fn the_page_of_documents_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let page = page();
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/json.md is not current: see the head of tests/it/json_page.rs");
}

/// What `wtcheck schema` prints is what the types say. That of each document is cut out of it, and every document that
/// tests see printed is held against it.
#[test]
fn the_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.json");
    let text = serde_json::to_string_pretty(&wtcheck::cli::schema_made::whole()).unwrap() + "\n";
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(stored == text, "docs/schema.json is not current: see the head of tests/it/json_page.rs");
}
