//! A standby and one attempt of its to pick up a checkpoint: the checks in the engine's order, with
//! the return code of each, on real bytes.
//!
//! State moves only in the last step, except what the engine too leaves changed: the write
//! generation, the key that was loaded and the LSN of its page. The encoding of stable values is put
//! back when an attempt fails.

use super::code::Code;
use super::merge::{self, Checks, Conflict, Local};
use super::profile::Profile;
use super::source::{Fetch, Source};
use super::step::{Done, Step};
use crate::format::completion;
use crate::format::config::Config;
use crate::format::crc;
use crate::format::key_page;
use crate::format::pagelog_turtle::{self, Turtle, TurtleForm};
use crate::id::Lsn;
use crate::serverlog::pickup_lines as said;
use crate::serverlog::template::fill;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Attempts of the engine at a turtle or key page before it gives up.
pub const FETCH_ATTEMPTS: u32 = 100;

/// How long those take: 10 ms, and 5 ms more each time.
pub const fn fetch_patience_ms() -> u64 {
    let n = FETCH_ATTEMPTS as u64;
    n * 10 + 5 * n * (n - 1) / 2
}

/// What a node is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Writes pages and completes checkpoints.
    Leader,
    /// Serves reads from the checkpoint it has installed.
    Follower,
    /// Left cleanly; comes back with the newest complete checkpoint.
    Resyncing,
    /// Stopped by an operator.
    Down,
    /// Died of a failed pick-up.
    Aborted,
}

/// A key the key provider of a node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Key {
    /// Version, where one is known: of a scenario's rotation.
    pub version: Option<u64>,
    /// LSN of its page.
    pub lsn: Lsn,
}

/// A checkpoint that a node serves from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Installed {
    /// LSN of the turtle page.
    pub metadata_lsn: Lsn,
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// Checkpoint timestamp; 0 = none.
    #[serde(serialize_with = "hexadecimal")]
    #[cfg_attr(feature = "devtools", schemars(with = "String"))]
    pub timestamp: u64,
    /// Oldest timestamp.
    #[serde(serialize_with = "hexadecimal_or_null")]
    #[cfg_attr(feature = "devtools", schemars(with = "Option<String>"))]
    pub oldest_timestamp: Option<u64>,
    /// As adopted from the record.
    pub database_size: Option<u64>,
    /// LSN of the key page the turtle page embeds.
    pub keystore_lsn: Option<Lsn>,
}

/// Timestamps as the turtle page and the other reports write them.
fn hexadecimal<S: Serializer>(timestamp: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{timestamp:x}"))
}

fn hexadecimal_or_null<S: Serializer>(timestamp: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    timestamp.map(|t| format!("{t:x}")).serialize(serializer)
}

/// A node as pick-up sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    pub role: Role,
    pub installed: Option<Installed>,
    /// The metadata LSN published as pending.
    pub pending: Option<Lsn>,
    /// The key its provider has committed.
    pub keystore: Option<Key>,
    /// LSN of the key page read last.
    pub last_key_page: Option<Lsn>,
    /// Last materialized LSN; 0 = unset.
    pub materialized: Lsn,
    /// Sessions that hold snapshots of the installed checkpoint.
    pub snapshots: u32,
    /// Stable values are stored escaped.
    pub escaped: bool,
    /// Base write generation.
    pub base_write_gen: u64,
    /// Highest file index known.
    pub largest_file_id: u64,
    pub local: Arc<Local>,
}

impl Standby {
    /// A fresh follower: no checkpoint, no key.
    pub fn new() -> Self {
        Self {
            role: Role::Follower,
            installed: None,
            pending: None,
            keystore: None,
            last_key_page: None,
            materialized: Lsn::NONE,
            snapshots: 0,
            escaped: false,
            base_write_gen: 1,
            largest_file_id: 0,
            local: Arc::default(),
        }
    }

    /// The same node in a new process: what it had in memory is gone.
    pub fn restart(&mut self, role: Role) {
        *self = Self { role, materialized: self.materialized, ..Self::new() };
    }

    /// Its key provider commits a key. One that is not newer changes nothing.
    pub fn commit_key(&mut self, key: Key) -> bool {
        let newer = self.keystore.is_none_or(|own| own.lsn < key.lsn);
        if newer {
            self.keystore = Some(key);
        }
        newer
    }
}

impl Default for Standby {
    fn default() -> Self {
        Self::new()
    }
}

/// How builds and callers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Build {
    /// The dated rules.
    pub profile: Option<Profile>,
    pub checks: Checks,
}

impl Build {
    /// The rules; the newest if none were named.
    pub fn rules(&self) -> Profile {
        self.profile.unwrap_or(Profile::August2026)
    }
}

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The next step can be taken.
    Going,
    /// The next step needs a page that nobody serves at the moment.
    Waiting,
    Over(Outcome),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The checkpoint is installed.
    Installed,
    /// It was installed already.
    Same,
    /// Queued until older snapshots are gone.
    Deferred,
    Failed(Step, Code),
    /// The engine panicked: no policy helps.
    Panicked(Step, Code),
}

/// One attempt to pick up one checkpoint.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// LSN of the completion record.
    pub lsn: Lsn,
    text: Vec<u8>,
    forced: bool,
    next: Step,
    metadata_lsn: Lsn,
    checksum: Option<u32>,
    database_size: Option<u64>,
    compatible: u32,
    encoding_before: bool,
    page: Vec<u8>,
    turtle: Option<Turtle>,
    wrong_key: Option<crate::format::FormatError>,
    merged: Option<Arc<Local>>,
    /// What stood against the merge.
    conflict: Option<Conflict>,
}

/// What one step came to, before it is written down.
enum Did {
    Ok(String),
    /// Go on; the engine logs a warning.
    Warned(String, String),
    /// Nobody answers.
    Wait,
    /// Stop: nothing more to do.
    Stop(Outcome, String),
    /// The step fails: note, and the engine's lines.
    Fail(Code, String, Vec<String>),
    Panic(Code, String, Vec<String>),
}

impl Attempt {
    /// Begin with a completion record. `forced`: not held up by snapshots.
    pub fn new(lsn: Lsn, text: &[u8], forced: bool) -> Self {
        Self {
            lsn,
            text: text.to_vec(),
            forced,
            next: Step::MetadataLsn,
            metadata_lsn: Lsn::NONE,
            checksum: None,
            database_size: None,
            compatible: 1,
            encoding_before: false,
            page: Vec::new(),
            turtle: None,
            wrong_key: None,
            merged: None,
            conflict: None,
        }
    }

    /// The step that comes next.
    pub fn next(&self) -> Step {
        self.next
    }

    /// Where it stands: with its record, everything it does follows from this. What was read is part of
    /// it, as a wrong fix may have gone past what was not.
    pub fn stage(&self) -> (Step, [bool; 6]) {
        let read = [!self.page.is_empty(), self.turtle.is_some(), self.wrong_key.is_some(), self.merged.is_some()];
        let [page, turtle, wrong_key, merged] = read;
        (self.next, [self.forced, self.encoding_before, page, turtle, wrong_key, merged])
    }

    /// The turtle page's LSN, once read.
    pub fn metadata_lsn(&self) -> Option<Lsn> {
        (self.next > Step::MetadataLsn).then_some(self.metadata_lsn)
    }

    /// The key the turtle page embeds, once parsed.
    pub fn keystore_lsn(&self) -> Option<Lsn> {
        self.turtle.as_ref().and_then(|t| t.key_provider).map(|k| k.lsn)
    }

    /// What stood against the merge, once that was tried.
    pub fn conflict(&self) -> Option<Conflict> {
        self.conflict
    }

    /// Take the next step. `trace` gets what was seen.
    pub fn step(
        &mut self,
        standby: &mut Standby,
        source: &mut dyn Source,
        build: &Build,
        trace: &mut Vec<Done>,
    ) -> Progress {
        let step = self.next;
        let did = self.take(step, standby, source, build);
        let mut done = Done { step, code: Code::OK, note: String::new(), log: Vec::new() };
        let progress = match did {
            Did::Wait => return Progress::Waiting,
            Did::Ok(note) => {
                done.note = note;
                self.onward()
            }
            Did::Warned(note, line) => {
                (done.note, done.log) = (note, vec![line]);
                self.onward()
            }
            Did::Stop(outcome, note) => {
                done.note = note;
                if outcome == Outcome::Same {
                    done.log.push(said::SAME.to_string());
                }
                Progress::Over(outcome)
            }
            Did::Fail(code, note, log) => {
                self.fail(standby, build, &mut done, code, note, log);
                Progress::Over(Outcome::Failed(step, code))
            }
            Did::Panic(code, note, log) => {
                self.fail(standby, build, &mut done, code, note, log);
                Progress::Over(Outcome::Panicked(step, code))
            }
        };
        trace.push(done);
        progress
    }

    /// Take all steps there are. Waiting for a page ends it as the engine's patience would.
    pub fn run(
        mut self,
        standby: &mut Standby,
        source: &mut dyn Source,
        build: &Build,
        trace: &mut Vec<Done>,
    ) -> (Self, Outcome) {
        loop {
            match self.step(standby, source, build, trace) {
                Progress::Going => {}
                Progress::Waiting => {
                    let outcome = self.give_up(standby, build, trace);
                    return (self, outcome);
                }
                Progress::Over(outcome) => return (self, outcome),
            }
        }
    }

    /// The step that waits fails: the engine's patience is over.
    pub fn give_up(&mut self, standby: &mut Standby, build: &Build, trace: &mut Vec<Done>) -> Outcome {
        let step = self.next;
        let code = if step == Step::Merge { Code::WT_NOTFOUND } else { Code::EIO };
        let mut done = Done { step, code, note: String::new(), log: Vec::new() };
        let note = format!("no page server responded in {FETCH_ATTEMPTS} attempts");
        let line = self.fetch_line(step);
        self.fail(standby, build, &mut done, code, note, vec![line]);
        trace.push(done);
        Outcome::Failed(step, code)
    }

    /// Install it in spite of the failure at the step that comes next: what a wrong fix would do.
    pub fn ignore_failure(&mut self) -> Progress {
        self.onward()
    }

    fn onward(&mut self) -> Progress {
        match self.next.next() {
            Some(next) => {
                self.next = next;
                Progress::Going
            }
            None => Progress::Over(Outcome::Installed),
        }
    }

    fn fetch_line(&self, step: Step) -> String {
        match step {
            Step::FetchTurtle => fill(said::FETCH_FAILED, &[("lsn", &self.metadata_lsn)]),
            Step::LoadKey => {
                fill(said::READ_FAILED, &[("page", &1), ("lsn", &self.keystore_lsn().unwrap_or_default())])
            }
            _ => "WT_NOTFOUND: item not found".to_string(),
        }
    }

    /// Write a failure down: the engine's lines, inner first, and what is put back.
    fn fail(&self, standby: &mut Standby, build: &Build, done: &mut Done, code: Code, note: String, log: Vec<String>) {
        (done.code, done.note, done.log) = (code, note, log);
        let rules = build.rules();
        if done.step > Step::Defer {
            standby.escaped = self.encoding_before;
            // An older checkpoint is refused before the line that names the LSN.
            done.log.push(rules.failure_line(self.metadata_lsn, code));
        }
        let text = String::from_utf8_lossy(&self.text);
        done.log.push(fill(said::FAILED_CONFIG, &[("text", &text)]));
    }

    fn take(&mut self, step: Step, standby: &mut Standby, source: &mut dyn Source, build: &Build) -> Did {
        match step {
            Step::MetadataLsn
            | Step::MetadataChecksum
            | Step::DatabaseSize
            | Step::Versions
            | Step::Encoding
            | Step::Pending
            | Step::Defer => self.outer(step, standby, build),
            Step::Order => self.order(standby),
            Step::FetchTurtle => match source.turtle(self.metadata_lsn) {
                Ok(page) => {
                    let note = format!("{} bytes at LSN {}", page.len(), self.metadata_lsn);
                    self.page = page;
                    Did::Ok(note)
                }
                Err(Fetch::Wait) => Did::Wait,
                Err(Fetch::NoTable) => Did::Fail(Code::ENOTSUP, "no table for turtle pages".into(), Vec::new()),
                Err(Fetch::Missing(why) | Fetch::Damaged(why)) => Did::Fail(
                    Code::EIO,
                    why,
                    vec![fill(said::READ_FAILED, &[("page", &1), ("lsn", &self.metadata_lsn)]), self.fetch_line(step)],
                ),
            },
            Step::Checksum => self.check_sum(),
            Step::ParseTurtle => self.parse(build),
            Step::WriteGeneration => match self.turtle.as_ref().and_then(|t| t.max_write_gen) {
                Some(own @ 1..) => {
                    standby.base_write_gen = standby.base_write_gen.max(own.saturating_add(1));
                    Did::Ok(format!("base write generation {}", standby.base_write_gen))
                }
                Some(0) => Did::Ok("0: derived".into()),
                None => Did::Ok("the page states none: derived".into()),
            },
            Step::LoadKey => self.load_key(standby, source, build),
            Step::SaveEntry => Did::Ok(match self.turtle.as_ref().and_then(|t| t.checkpoints.last()) {
                Some(entry) => format!("shared metadata at {}", entry.name),
                None => "shared metadata without a checkpoint".into(),
            }),
            Step::Merge => self.merge(standby, source, build),
            Step::Finalize => self.finalize(standby),
        }
    }

    /// The steps on the text of the record.
    fn outer(&mut self, step: Step, standby: &mut Standby, build: &Build) -> Did {
        let rules = build.rules();
        let config = match Config::parse_bytes(&self.text) {
            Ok(config) => config,
            Err(e) => return Did::Fail(e.class.into(), e.message, Vec::new()),
        };
        let failed = |e: crate::format::FormatError| Did::Fail(e.class.into(), e.message, Vec::new());
        match step {
            Step::MetadataLsn => match completion::metadata_lsn(&config) {
                Ok(lsn) => {
                    self.metadata_lsn = lsn;
                    Did::Ok(lsn.to_string())
                }
                Err(e) => failed(e),
            },
            Step::MetadataChecksum => match completion::metadata_checksum(&config) {
                Ok(Some(sum)) => {
                    self.checksum = Some(sum);
                    Did::Ok(format!("{sum:08x}"))
                }
                Ok(None) => Did::Warned(
                    "missing: the page is not checked".into(),
                    "Checkpoint metadata checksum is missing".into(),
                ),
                Err(e) => failed(e),
            },
            Step::DatabaseSize => match completion::database_size(&config) {
                Ok(Some(size)) => {
                    self.database_size = Some(size);
                    Did::Ok(size.to_string())
                }
                Ok(None) if rules.needs_database_size() => {
                    Did::Fail(Code::WT_NOTFOUND, "missing; required since May 2026".into(), Vec::new())
                }
                Ok(None) => Did::Ok("missing: accepted".into()),
                Err(e) => failed(e),
            },
            Step::Versions => match completion::versions(&config, rules.completion_reader()) {
                Ok((own, compatible)) => {
                    self.compatible = compatible.unwrap_or(1);
                    Did::Ok(format!("version {}, compatible {}", own.unwrap_or(1), self.compatible))
                }
                Err(e) => {
                    let line = format!("Checkpoint meta {}", e.message.trim_start_matches("completion record: "));
                    Did::Fail(e.class.into(), e.message, vec![line])
                }
            },
            Step::Encoding => {
                self.encoding_before = standby.escaped;
                standby.escaped = self.compatible < 2;
                Did::Ok(if standby.escaped { "stable values escaped" } else { "stable values unescaped" }.into())
            }
            Step::Pending => {
                standby.pending = Some(self.metadata_lsn);
                Did::Ok(format!("pending {}", self.metadata_lsn))
            }
            _ => {
                let newer = standby.installed.as_ref().is_some_and(|i| i.metadata_lsn < self.metadata_lsn);
                match standby.snapshots {
                    n if n > 0 && newer && !self.forced && rules.defers() => {
                        // The text is queued; what it adopted so far is taken back until then.
                        standby.escaped = self.encoding_before;
                        Did::Stop(Outcome::Deferred, format!("queued: {n} sessions hold older snapshots"))
                    }
                    _ => Did::Ok("nothing to wait for".into()),
                }
            }
        }
    }

    fn order(&self, standby: &mut Standby) -> Did {
        let new = self.metadata_lsn;
        match standby.installed.as_ref().map(|i| i.metadata_lsn) {
            Some(own) if new < own => {
                let line = fill(said::OLDER, &[("lsn", &own), ("backlink", &new)]);
                Did::Fail(Code::EINVAL, format!("older than the installed one, {own}"), vec![line])
            }
            Some(own) if new == own => {
                standby.escaped = self.encoding_before;
                Did::Stop(Outcome::Same, "the same as the installed one: nothing to do".into())
            }
            Some(own) => Did::Ok(format!("newer than the installed one, {own}")),
            None => Did::Ok("none installed".into()),
        }
    }

    fn check_sum(&self) -> Did {
        let found = crc::crc32c(&self.page);
        match self.checksum {
            None => Did::Ok("the record has none".into()),
            Some(sum) if sum == found => Did::Ok(format!("{found:08x}")),
            Some(sum) => Did::Fail(
                Code::EIO,
                format!("expected {sum:08x}, calculated {found:08x}"),
                vec![fill(
                    said::CHECKSUM,
                    &[
                        ("lsn", &self.metadata_lsn),
                        ("expected", &format_args!("0x{sum:x}")),
                        ("found", &format_args!("0x{found:x}")),
                    ],
                )],
            ),
        }
    }

    fn parse(&mut self, build: &Build) -> Did {
        let lines = || vec![fill(said::PARSE_FAILED, &[("lsn", &self.metadata_lsn)])];
        match pagelog_turtle::parse_as(&self.page, build.rules().turtle_reader()) {
            Ok((turtle, _)) if !build.rules().reads_turtle(turtle.form) => {
                let why = "the page starts with version keys: readers from this date expect `checkpoint=` first";
                Did::Fail(Code::EINVAL, why.into(), lines())
            }
            Ok((turtle, wrong_key)) => {
                let form = match turtle.form {
                    TurtleForm::Spring => "spring 2025",
                    TurtleForm::Legacy => "legacy",
                    TurtleForm::LegacyKey => "legacy with a key",
                    TurtleForm::V1 => "version 1",
                    TurtleForm::V2 => "with versions",
                };
                let version = turtle.version.map(|v| format!("version {v}"));
                let form = version.as_deref().unwrap_or(form);
                let note = format!("{form}, timestamp {:x}", turtle.timestamp);
                (self.turtle, self.wrong_key) = (Some(turtle), wrong_key);
                Did::Ok(note)
            }
            Err(e) => Did::Fail(e.class.into(), e.message.clone(), lines()),
        }
    }

    fn load_key(&self, standby: &mut Standby, source: &mut dyn Source, build: &Build) -> Did {
        let failed = |code: Code, note: String, mut lines: Vec<String>| {
            lines.push(format!("Failed to load encryption keys for checkpoint {}", self.metadata_lsn));
            Did::Fail(code, note, lines)
        };
        if let Some(e) = &self.wrong_key {
            return failed(e.class.into(), e.message.clone(), Vec::new());
        }
        let Some(lsn) = self.keystore_lsn() else {
            return Did::Ok("the checkpoint embeds no key".into());
        };
        let bytes = match source.key_page(lsn) {
            Ok(bytes) => bytes,
            Err(Fetch::Wait) => return Did::Wait,
            Err(Fetch::NoTable) => return failed(Code::ENOTSUP, "no table for key pages".into(), Vec::new()),
            Err(Fetch::Missing(why) | Fetch::Damaged(why)) => {
                return failed(Code::EIO, why, vec![fill(said::READ_FAILED, &[("page", &1), ("lsn", &lsn)])]);
            }
        };
        // Kept also if a later step fails.
        standby.last_key_page = Some(lsn);
        match key_page::parse(&bytes) {
            Err(e) => return failed(e.class.into(), e.message, Vec::new()),
            Ok(page) => {
                let reader = build.rules().key_page_reader();
                if let Some(c) = page.compatible_version.filter(|c| *c > reader) {
                    let why = format!("compatible version {c} is newer than this reader ({reader})");
                    return failed(Code::ENOTSUP, why, Vec::new());
                }
            }
        }
        match standby.keystore {
            // What the bug report met: the provider does not go back behind what it has committed.
            Some(own) if lsn < own.lsn => {
                let version = own.version.map(|v| format!(" (version {v})")).unwrap_or_default();
                let why =
                    format!("embeds the key at LSN {lsn}; the node has committed the one at {}{version}", own.lsn);
                let stated = build.rules().states_stale_keys();
                let lines = stated.then(|| fill(said::STALE_KEY, &[("lsn", &lsn), ("backlink", &own.lsn)]));
                failed(Code::EINVAL, why, lines.into_iter().collect())
            }
            Some(own) if lsn == own.lsn => Did::Ok(format!("key at LSN {lsn}, committed already")),
            _ => {
                standby.commit_key(Key { version: None, lsn });
                Did::Ok(format!("key at LSN {lsn} committed"))
            }
        }
    }

    fn merge(&mut self, standby: &mut Standby, source: &mut dyn Source, build: &Build) -> Did {
        let lsn = self.metadata_lsn;
        let lines = || vec![fill(said::MERGE_FAILED, &[("lsn", &lsn)])];
        let Some(turtle) = &self.turtle else { return Did::Fail(Code::EINVAL, "no turtle page".into(), lines()) };
        let rows = match source.metadata(lsn, turtle) {
            Ok(rows) => rows,
            Err(Fetch::Wait) => return Did::Wait,
            Err(Fetch::NoTable) => return Did::Fail(Code::ENOTSUP, "no table of shared metadata".into(), lines()),
            Err(Fetch::Missing(why)) => return Did::Fail(Code::WT_NOTFOUND, why, lines()),
            Err(Fetch::Damaged(why)) => return Did::Fail(Code::EIO, why, lines()),
        };
        match merge::merge(&standby.local, &rows, build.checks) {
            Ok(merged) => {
                let note = format!("{} created, {} replaced, {} kept", merged.created, merged.replaced, merged.kept);
                self.merged = Some(Arc::new(merged.local));
                Did::Ok(note)
            }
            Err(refused) => {
                self.conflict = Some(refused.conflict);
                let mut log = vec![refused.reason.clone()];
                log.extend(lines());
                if refused.panics || !build.rules().unrolls() {
                    Did::Panic(refused.code, refused.reason, log)
                } else {
                    Did::Fail(refused.code, refused.reason, log)
                }
            }
        }
    }

    fn finalize(&self, standby: &mut Standby) -> Did {
        let Some(turtle) = &self.turtle else { return Did::Panic(Code::WT_PANIC, "no turtle page".into(), Vec::new()) };
        if let Some(local) = &self.merged {
            standby.local = Arc::clone(local);
        }
        standby.largest_file_id = standby.largest_file_id.max(turtle.largest_file_id.unwrap_or(0));
        standby.installed = Some(Installed {
            metadata_lsn: self.metadata_lsn,
            lsn: self.lsn,
            timestamp: turtle.timestamp,
            oldest_timestamp: turtle.oldest_timestamp,
            database_size: self.database_size,
            keystore_lsn: self.keystore_lsn(),
        });
        let line = format!("Finished picking up disaggregated storage checkpoint: metadata_lsn={}", self.metadata_lsn);
        Did::Warned(format!("installed {}", self.metadata_lsn), line)
    }
}
