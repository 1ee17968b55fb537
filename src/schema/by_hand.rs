//! Schemas of the types that are serialised by hand: what of a value programs get.

use crate::format::cookie::Cookie;
use crate::format::{FormatError, wtlog};

/// Types that stand as another type in documents.
macro_rules! stands_as {
    ($($type:ty => $other:ty;)+) => {$(
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$other as schemars::JsonSchema>::schema_name()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                <$other as schemars::JsonSchema>::schema_id()
            }

            fn inline_schema() -> bool {
                <$other as schemars::JsonSchema>::inline_schema()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$other as schemars::JsonSchema>::json_schema(generator)
            }
        }
    )+};
}

stands_as! {
    FormatError => String;
    Cookie => String;
    wtlog::LogLsn => String;
    crate::audit::home::result::NotKnown => String;
    crate::coverage::Coverage => crate::coverage::Ledger;
    crate::decode::view::Sum => String;
    crate::pickup::code::Code => String;
    crate::pickup::step::Step => String;
    crate::scenario::duration::Micros => String;
}

/// Types that stand as one of some words.
macro_rules! one_of {
    ($($type:ty, $name:literal => $words:expr;)+) => {$(
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": $words })
            }
        }
    )+};
}

pub(crate) use {one_of, stands_as};

one_of! {
    crate::audit::finding::Code, "FindingCode" =>
        crate::audit::finding::Code::ALL.iter().map(|c| c.name()).collect::<Vec<_>>();
}
