//! The facts of findings about homes of local block files as programs read them: `detail` of a finding, beside its
//! words. Offsets and sizes are bytes in the file, checksums the numbers that the words show in hex.

use crate::audit::home::detail::{
    BlockThere, By, Cause, Descriptor, Difference, Fact, HomeDetail, Missing, Named, Number, Sizes,
};
use crate::format::local::LocalAddress;
use crate::format::page_header::PageType;
use crate::home::fault::Opaque;
use crate::home::fault::{self, BadSum, Fault};
use serde_json::{Value, json};

/// What a finding states.
pub(super) fn values(detail: &HomeDetail) -> Value {
    let mut out = fact(&detail.fact);
    if let (Some(cause), Value::Object(map)) = (&detail.cause, &mut out) {
        map.insert("cause".into(), why(cause));
    }
    out
}

fn fact(fact: &Fact) -> Value {
    match fact {
        Fact::Fault(fault) => of_fault(fault),
        Fact::Descriptor { alloc, found } => json!({
            "fact": "descriptor",
            "allocation_size": alloc,
            "found": match found {
                Descriptor::Tail => json!("bytes-behind-it"),
                Descriptor::Of(size) => json!({ "allocation_size": size }),
                Descriptor::Invalid(e) => json!({ "error": e.message }),
            },
        }),
        Fact::Sizes(s) => sizes(s),
        Fact::Overlap(what) => json!({ "fact": "overlap", "of": what.to_string() }),
        Fact::Lost { start, end, block } => {
            json!({ "fact": "lost", "start": start, "end": end, "bytes": end.saturating_sub(*start), "block": block.map(there) })
        }
        Fact::FileSize { stated, physical, needed } => json!({
            "fact": "file-size",
            "expected_bytes": stated,
            "found_bytes": physical,
            "difference": difference(*physical, *stated),
            "needed": needed,
        }),
        Fact::Copy { by, differences } => json!({
            "fact": "copy",
            "compared_with": match by {
                By::Turtle => "turtle",
                By::Metadata => "metadata",
            },
            "differences": differences.iter().map(differing).collect::<Vec<_>>(),
        }),
        Fact::Foreign(f) => {
            json!({ "fact": "foreign", "file_id": f.id, "owner": f.owner, "expected_file_id": f.wanted })
        }
        Fact::Opaque { why, blocks } => json!({ "fact": "opaque", "reason": opaque(*why), "verified_blocks": blocks }),
        Fact::Missing(which) => json!({
            "fact": "missing",
            "what": match which {
                Missing::Listed => "listed",
                Missing::Metadata | Missing::MetadataOfTurtle => "metadata",
                Missing::Version => "version",
                Missing::HistoryStore => "history-store",
            },
        }),
        Fact::NoTurtle { message } => json!({ "fact": "no-turtle", "error": message }),
        Fact::Turtle { message } => json!({ "fact": "turtle", "error": message }),
        Fact::StaleTurtle { cookie, copy } => json!({ "fact": "stale-turtle", "cookie": cookie, "copy": copy }),
        Fact::Row { message } => json!({ "fact": "row", "error": message }),
        Fact::SameId { uris } => json!({ "fact": "same-id", "uris": uris }),
        Fact::Source { source } => json!({ "fact": "source", "uri": source }),
        Fact::Unlisted { bytes, logged } => {
            json!({ "fact": "unlisted", "bytes": bytes, "log_record": logged.map(|l| l.to_string()) })
        }
        Fact::Log(what) => log(what),
        Fact::Recovery { checkpoint, commits } => {
            json!({ "fact": "recovery", "checkpoint_lsn": checkpoint.map(|l| l.to_string()), "commits": commits })
        }
    }
}

fn difference(found: u64, expected: u64) -> i64 {
    let wide = i128::from(found).saturating_sub(i128::from(expected));
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

fn sizes(s: &Sizes) -> Value {
    json!({
        "fact": "sizes",
        "checkpoint": s.checkpoint,
        "published_bytes": s.published,
        "cookie_bytes": s.in_cookie,
        "root_bytes": s.root,
        "recomputed_bytes": s.recomputed,
        "blocks": s.blocks,
        "complete": s.complete,
        "file_bytes": s.file_size,
        "difference": s.complete.then(|| difference(s.published, s.recomputed)),
        "cookie_difference": s.complete.then(|| difference(s.in_cookie, s.below_root())),
    })
}

fn opaque(why: Opaque) -> &'static str {
    match why {
        Opaque::Encrypted => "encrypted",
        Opaque::UnknownCompressor => "unknown-compressor",
    }
}

fn there(block: BlockThere) -> Value {
    json!({ "bytes": block.size, "page_type": block.kind.map(PageType::name), "write_gen": block.write_gen })
}

fn address(a: &Option<LocalAddress>) -> Value {
    a.map_or(Value::Null, |a| json!({ "offset": a.offset, "size": a.size, "checksum": a.checksum }))
}

fn differing(d: &Difference) -> Value {
    match d {
        Difference::Block { which, stated, own } => {
            let name = match which {
                Named::Root => "root",
                Named::Alloc => "alloc",
                Named::Discard => "discard",
            };
            json!({ "of": name, "stated": address(stated), "own": address(own) })
        }
        Difference::Number { which, stated, own } => {
            let name = match which {
                Number::FileSize => "file-size",
                Number::CheckpointSize => "checkpoint-size",
                Number::Generation => "generation",
            };
            json!({ "of": name, "stated": stated, "own": own })
        }
        Difference::List { stated, own } => json!({ "of": "checkpoints", "stated": stated, "own": own }),
    }
}

fn of_fault(fault: &Fault) -> Value {
    let mut out = fault_fact(fault);
    if let Value::Object(map) = &mut out {
        map.insert("block".into(), json!({ "offset": fault.offset, "size": fault.size }));
        map.insert("parent_offset".into(), json!(fault.parent));
        map.insert("mended".into(), json!(fault.mended));
    }
    out
}

fn fault_fact(fault: &Fault) -> Value {
    use fault::Fact as F;
    let kind = |k: &Option<PageType>| k.map(PageType::name);
    match &fault.fact {
        F::FileEnds { needed, len } => json!({ "fact": "file-ends", "expected_bytes": needed, "found_bytes": len }),
        F::Unread => json!({ "fact": "unread" }),
        F::Checksum { expected, found } => sum(*expected, found),
        F::NoBlock { stated } => json!({ "fact": "no-block", "stated_bytes": stated }),
        F::Rule { broken, plain } => json!({
            "fact": "rule",
            "rule": broken.rule.name(),
            "at": broken.at,
            "in_stored_block": plain,
        }),
        F::PageType { wanted, found } => {
            json!({ "fact": "page-type", "expected_type": kind(wanted), "found_type": found.name() })
        }
        F::Generation { own, parent } => json!({ "fact": "generation", "write_gen": own, "parent_write_gen": parent }),
        F::OlderThanChildren { children } => json!({ "fact": "older-than-children", "children": children }),
        F::Alien(why) => json!({ "fact": "alien", "reason": opaque(*why) }),
        F::Undecodable { item, error } => {
            json!({ "fact": "undecodable", "overflow_item": item, "error": error.message })
        }
        F::UnannouncedItem { at } => json!({ "fact": "unannounced-item", "item_offset": at }),
        F::Levels { most } => json!({ "fact": "levels", "most": most }),
        F::Twice { root } => json!({ "fact": "referenced-twice", "root": root }),
        F::CheckpointCookie { error, addr } => {
            json!({ "fact": "checkpoint-cookie", "error": error.message, "cookie": hex::encode(addr) })
        }
        F::AllocatedTwice { bytes, extent } => json!({
            "fact": "allocated-twice", "bytes": bytes,
            "extent": { "offset": extent.offset, "size": extent.size },
        }),
        F::NeverAllocated { bytes } => json!({ "fact": "never-allocated", "bytes": bytes }),
        F::RootUnlisted => json!({ "fact": "root-unlisted" }),
        F::ListBeyond { bound, start, end } => {
            json!({ "fact": "list-beyond", "bound": bound, "start": start, "end": end })
        }
        F::NoList { type_byte } => json!({ "fact": "no-list", "found_type_byte": type_byte }),
        F::List(error) => json!({ "fact": "list", "error": error.message }),
        F::ListSize { wanted, found } => json!({ "fact": "list-size", "expected_bytes": wanted, "found_bytes": found }),
        F::Recovery(error) => json!({ "fact": "recovery-data", "error": error.message }),
        F::ListOrder { avail, at, previous } => json!({
            "fact": "list-order", "avail": avail,
            "extent": { "offset": at.offset, "size": at.size },
            "previous": { "offset": previous.offset, "size": previous.size },
        }),
        F::ExtentBeyond { bound, start, end } => {
            json!({ "fact": "extent-beyond", "bound": bound, "start": start, "end": end })
        }
        F::TreeUnlisted { start, end } => json!({ "fact": "tree-unlisted", "start": start, "end": end }),
        F::Unreached { start, end } => json!({ "fact": "unreached", "start": start, "end": end }),
    }
}

fn sum(expected: u32, found: &BadSum) -> Value {
    let mut out = match found {
        BadSum::Short(bytes) => json!({ "because": "short", "found_bytes": bytes }),
        BadSum::Zeros => json!({ "because": "zeros" }),
        BadSum::FieldOnly { stored } => json!({ "because": "field-only", "stored_checksum": stored }),
        BadSum::OtherBlock { stored, kind, write_gen } => json!({
            "because": "other-block", "stored_checksum": stored, "page_type": kind.map(PageType::name),
            "write_gen": write_gen,
        }),
        BadSum::NeitherHolds { stored, computed } => {
            json!({ "because": "neither-holds", "stored_checksum": stored, "computed_checksum": computed })
        }
        BadSum::Content { computed, disk_size, flipped } => json!({
            "because": "content", "computed_checksum": computed, "disk_size": disk_size,
            "flipped": flipped.map(|(byte, bit)| json!({ "byte": byte, "bit": bit })),
        }),
    };
    if let Value::Object(map) = &mut out {
        map.insert("fact".into(), json!("checksum"));
        map.insert("expected_checksum".into(), json!(expected));
    }
    out
}

fn log(what: &crate::home::wtlog::What) -> Value {
    use crate::home::wtlog::{Tail, What as W};
    match what {
        W::Settings(e) => json!({ "fact": "log-settings", "error": e.message }),
        W::OtherDirectory { read } => json!({ "fact": "log-directory", "read": read }),
        W::FileHeader(e) => json!({ "fact": "log-file-header", "error": e.message }),
        W::RecordHeader { message } => json!({ "fact": "log-record-header", "error": message }),
        W::Record(e) => json!({ "fact": "log-record", "error": e.message }),
        W::Padding { message } => json!({ "fact": "log-padding", "error": message }),
        W::PreviousLsn { found, expected } => json!({
            "fact": "log-previous-lsn", "expected_lsn": expected.to_string(), "found_lsn": found.to_string(),
        }),
        W::NoPreviousLsn => json!({ "fact": "log-no-previous-lsn" }),
        W::Missing { more } => json!({ "fact": "log-missing", "more": more }),
        W::End { end, tail } => json!({
            "fact": "log-end",
            "error": end.to_string(),
            "behind": match tail {
                Tail::Nothing => "nothing",
                Tail::Continued => "continued",
                Tail::Followed => "good-record",
                Tail::NewerFiles => "newer-files",
            },
        }),
        W::CheckpointTarget(lsn) => json!({ "fact": "log-checkpoint-target", "lsn": lsn.to_string() }),
    }
}

fn why(cause: &Cause) -> Value {
    match cause {
        Cause::Exchanged { with } => json!({ "cause": "exchanged", "offset": with }),
        Cause::BelongsAt { offset } => json!({ "cause": "belongs-at", "offset": offset }),
        Cause::ParentDamaged { parent } => json!({ "cause": "parent-damaged", "offset": parent }),
        Cause::SeveralUnfit { parent } => json!({ "cause": "several-unfit", "offset": parent }),
        Cause::FileLonger => json!({ "cause": "file-longer" }),
        Cause::InsteadTwice { twice } => json!({ "cause": "instead-twice", "offset": twice }),
        Cause::SameRoot { later, older } => json!({ "cause": "same-root", "checkpoint": later, "older": older }),
        Cause::Foreign(f) => {
            json!({ "cause": "foreign", "file_id": f.id, "owner": f.owner, "expected_file_id": f.wanted })
        }
        Cause::EmptyFile => json!({ "cause": "empty-file" }),
        Cause::ZeroDescriptor => json!({ "cause": "zero-descriptor" }),
        Cause::SizesOfLists => json!({ "cause": "sizes-of-lists" }),
        Cause::StatedTooSmall => json!({ "cause": "stated-too-small" }),
        Cause::WrittenBefore => json!({ "cause": "written-before-first-checkpoint" }),
        Cause::WrittenAfter => json!({ "cause": "written-after-checkpoint" }),
        Cause::NoBlockBehind => json!({ "cause": "no-block-behind" }),
        Cause::OtherTime => json!({ "cause": "other-time" }),
        Cause::InDamagedLog => json!({ "cause": "in-damaged-log" }),
        Cause::InUnreadLog => json!({ "cause": "in-unread-log" }),
        Cause::RowInLog => json!({ "cause": "row-in-log" }),
    }
}
