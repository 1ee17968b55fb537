//! The integration tests, one binary: each file is a module, and what it needs of SQLite, LMDB, zstd and
//! Parquet is linked once. Tests share a process, so none changes what belongs to it (its environment, its
//! directory, its signals): those that must start a child.
//!
//! Faults in the middle of a command are a library loaded into it, which takes Linux and glibc; other users
//! and files that are held take Linux.

#![allow(missing_docs)]

mod common;

mod answers;
mod architecture;
mod bit_flips;
mod cli_contract;
mod complete;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod contract;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod coverage_home;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod coverage_pagelog;
mod decode_cli;
#[cfg(feature = "devtools")]
mod depths_agree;
#[cfg(feature = "devtools")]
mod devtools;
mod diff;
mod docs;
mod dump;
mod engine;
mod engines;
mod english;
mod export;
mod facts;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod fault_harness;
mod forged_stores;
mod from_log;
mod from_log_pages;
mod fuzz_findings;
#[cfg(target_os = "linux")]
mod gather;
mod generated;
mod history;
mod hostile_limits;
mod hostile_stores;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod html_pages;
mod interrupt;
mod json_page;
mod local_damage;
mod local_edit;
mod local_fixtures;
mod local_forged;
mod local_format;
mod local_home;
mod local_real;
#[cfg(target_os = "linux")]
mod lsn_times;
mod manual;
mod map_cli;
mod pack;
mod page_file;
mod page_rules;
#[cfg(feature = "devtools")]
mod page_rules_both;
mod palite_facts;
mod palite_store;
mod palm_counters;
mod palm_lmdb;
mod palm_real;
mod palm_write;
mod pickup_explain;
mod pickup_replay;
mod pickup_scenarios;
#[cfg(target_os = "linux")]
mod read_only;
mod readme;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod repair_faults;
mod repair_guards;
mod repair_hands;
mod repair_journals;
mod repair_kills;
mod repair_local;
mod repair_metadata;
mod repair_palite;
mod repair_palm;
mod repair_rewrite;
mod round_trips;
mod server_log;
mod server_log_engine;
mod server_log_home;
mod simulate_accounting;
mod sql_audit;
#[cfg(target_os = "linux")]
mod subjects;
mod unit;
#[cfg(feature = "devtools")]
mod upstream_causes;
mod widths;
