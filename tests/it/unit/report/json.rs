use proptest::prelude::*;
use serde_json::Value;
use wtcheck::report::json::{indent, text};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[{}\\[\\],:\"\\\\]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    /// As the library indents.
    #[test]
    fn indented_as_everybody_does(value in value()) {
        prop_assert_eq!(indent(&value.to_string()), serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(text(&value, false), format!("{value}\n"));
    }
}
