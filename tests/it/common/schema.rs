//! Documents against the schema that `wtcheck schema` prints of them, by another implementation than the one
//! that made it.

use jsonschema::Validator;
use serde_json::Value;
use std::sync::OnceLock;

/// The documents with the commands that print them.
fn validators() -> &'static [(String, String, Validator)] {
    static ALL: OnceLock<Vec<(String, String, Validator)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let all = wtcheck::cli::schema::names();
        all.into_iter()
            .map(|(name, command)| {
                let schema = wtcheck::cli::schema::one(&name).unwrap();
                assert!(jsonschema::meta::is_valid(&schema), "{name}");
                (name, command, jsonschema::validator_for(&schema).unwrap())
            })
            .collect()
    })
}

/// What stands against a document being one that a verb prints, or the failure of one; empty if nothing does.
fn against(verb: &str, document: &Value) -> Vec<String> {
    // What decodes one kind of thing prints what its verb prints.
    let listed = |verb: &str| validators().iter().any(|(_, command, _)| command.contains(verb));
    let verb = if listed(verb) { verb } else { verb.split(' ').next().unwrap() };
    let own = |command: &str| command.strip_prefix("wtcheck ").is_some_and(|c| c.starts_with(verb));
    let failed = document.get("error").is_some() && document.get("hint").is_some();
    let wanted =
        |(name, command, _): &&(String, String, Validator)| if failed { *name == "failure" } else { own(command) };
    let mut out = Vec::new();
    for (name, _, validator) in validators().iter().filter(wanted) {
        let errors: Vec<String> =
            validator.iter_errors(document).map(|e| format!("{name}: {} at {}", e, e.instance_path())).collect();
        if errors.is_empty() {
            return errors;
        }
        out.extend(errors);
    }
    assert!(!out.is_empty(), "there is no document of {verb}");
    out
}

/// What a verb printed as one JSON document is as the schema says. What is no JSON is left alone: man pages, say.
pub fn assert_valid(verb: &str, stdout: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(stdout) else { return };
    if verb == "schema" {
        return;
    }
    let errors = against(verb, &document);
    assert!(errors.is_empty(), "{verb}: {errors:#?}\n{document:#}");
}

#[test]
fn a_document_that_is_wrong_is_found() {
    let audit = |more: &str| -> Vec<String> {
        let text = format!("{{\"schema_version\":1,\"error\":\"x\",\"exit_code\":6{more}}}");
        against("audit", &serde_json::from_str(&text).unwrap())
    };
    assert_eq!(audit(",\"hint\":\"y\""), Vec::<String>::new());
    assert!(!audit("").is_empty() && !audit(",\"hint\":7").is_empty());
}
