//! The documents that programs read, one file a verb. What of a document is a result of a lower layer is
//! serialised there; here is what is put together for output, and what schemas of them are made by.

pub mod audit;
#[cfg(feature = "devtools")]
pub(crate) mod by_hand;
pub(crate) mod diff;
pub(crate) mod dump;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod failure;
pub(crate) mod gather;
pub(crate) mod history;
pub(crate) mod pack;
pub(crate) mod page;
pub(crate) mod pickup;
pub(crate) mod repair;
pub(crate) mod simulate;

use serde::Serialize;

/// What a schema can be made of. Only the tools that do so need it; everybody else has the schema as a text.
#[cfg(feature = "devtools")]
pub use schemars::JsonSchema as Described;
#[cfg(not(feature = "devtools"))]
pub trait Described {}
#[cfg(not(feature = "devtools"))]
impl<T: ?Sized> Described for T {}

/// What a command prints for programs, under the name that `wtcheck schema` knows it by.
#[cfg_attr(not(feature = "devtools"), allow(dead_code, reason = "what the schema is made by"))]
pub trait Document: Serialize + Described {
    const NAME: &'static str;
    /// The command that prints it.
    const COMMAND: &'static str;
}

macro_rules! documents {
    ($($type:ty, $name:literal, $command:literal;)+) => {
        $(impl Document for $type {
            const NAME: &'static str = $name;
            const COMMAND: &'static str = $command;
        })+
    };
}

documents! {
    audit::AuditDocument<'_>, "audit", "wtcheck audit";
    audit::Orphans<'_>, "orphans", "wtcheck orphans, on a page log";
    audit::Lost<'_>, "lost", "wtcheck orphans, on local block files";
    history::PageLogHistory<'_>, "history", "wtcheck history, on a page log";
    history::LocalHistory<'_>, "home-history", "wtcheck history, on local block files";
    diff::Difference<'_>, "difference", "wtcheck diff";
    page::PageReport<'_>, "page", "wtcheck page, on a page log";
    crate::decode::file_block::FileBlock, "file-block", "wtcheck page, on a local block file";
    crate::decode::document::Document, "decoded", "wtcheck decode";
    crate::decode::dumps::LogReport, "log-dumps", "wtcheck decode --from-log, and wtcheck page on a server log";
    crate::repair::plan::Plan, "plan", "wtcheck repair plan";
    repair::PlanFile<'_>, "plan-file", "wtcheck repair plan -o";
    repair::AppliedPlan<'_>, "applied", "wtcheck repair apply";
    repair::UndonePlan<'_>, "undone", "wtcheck repair undo";
    crate::pickup::replay::Replay, "replay", "wtcheck pickup replay";
    pickup::Run<'_>, "run", "wtcheck pickup run";
    pickup::Exploration<'_>, "exploration", "wtcheck pickup explore";
    crate::pickup::explain::Explanation, "pickup-explained", "wtcheck pickup explain";
    crate::diagnosis::Diagnosis, "log", "wtcheck log";
    simulate::Simulation<'_>, "simulation", "wtcheck simulate accounting";
    export::Exported<'_>, "exported", "wtcheck export";
    dump::Dumped<'_>, "dumped", "wtcheck dump -o";
    dump::Dumpable, "dumpable", "wtcheck dump --list";
    gather::GatheredPages<'_>, "gathered", "wtcheck gather";
    pack::Packed<'_>, "packed", "wtcheck pack";
    pack::Unpacked<'_>, "unpacked", "wtcheck unpack";
    explain::Entry, "explained", "wtcheck explain CODE";
    Vec<explain::Entry>, "codes", "wtcheck explain";
    explain::CauseEntry, "explained-cause", "wtcheck explain CAUSE";
    Vec<explain::CauseEntry>, "causes", "wtcheck explain --causes";
    explain::WordEntry, "explained-word", "wtcheck explain WORD, of a word of a server log";
    failure::Failed<'_>, "failure", "any command that fails";
}
