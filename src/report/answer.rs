//! The first lines of an audit: the verdict, what is wrong in the user's terms, what is lost and whether it can be had
//! back, how old the checkpoint is, and what to type now.

use super::lost_rows::{lost_lines, lost_rows, namespace};
use super::sheet::Sheet;
use super::text::{ago, count, escape, grouped, short_name, signed};
use super::view::View;
use crate::audit::finding::{Code, Detail, Finding, Severity};
use crate::audit::harm::{self, Harm};
use crate::audit::pagelog::account::CandidateKind;
use crate::audit::pagelog::fact::Fact;
use crate::audit::result::{OrphanReason, Verdict};
use crate::decode::view::utc;
use crate::id::LsnTime;
use crate::page::Depth;
use crate::store::StoreKind;
use crate::words;
use crate::words::text::shell_word;
use std::collections::BTreeMap;

/// Things that are wrong, told before the others are counted.
const TOLD: usize = 2;

/// Something wrong, at some places.
struct Wrong<'a> {
    first: &'a Finding,
    /// Names of places, each once.
    places: Vec<String>,
    findings: u64,
}

/// What is to be done first.
enum Now {
    Command(String),
    Words(String),
}

impl View<'_> {
    /// The answer.
    pub(super) fn answer(&self) -> Sheet {
        let mut out = Sheet::from(self.verdict());
        let wrong = self.wrong();
        for (n, one) in wrong.iter().take(TOLD).enumerate() {
            out.field(if n == 0 { "Wrong" } else { "" }, &self.wrong_words(one));
        }
        if wrong.len() > TOLD {
            let more = wrong.len() - TOLD;
            let kinds: Vec<&str> = wrong.iter().skip(TOLD).map(|w| w.first.code.name()).collect();
            out.field("", &format!("and {more} more: {}", kinds.join(", ")));
        }
        for (n, line) in self.lost().into_iter().enumerate() {
            out.field(if n == 0 { "Lost" } else { "" }, &line);
        }
        if let Some(line) = self.stands_on() {
            out.field("Checkpoint", &line);
        }
        match self.now(&wrong) {
            Some(Now::Command(command)) => out.field_command("Do now", &command),
            Some(Now::Words(words)) => out.field("Do now", &words),
            None => {}
        }
        out
    }

    /// What is wrong, a kind a line, the gravest first.
    fn wrong(&self) -> Vec<Wrong<'_>> {
        let mut out: Vec<Wrong<'_>> = Vec::new();
        for f in self.audit.findings.iter().filter(|f| f.severity > Severity::Note) {
            let place = self.place_name(f);
            match out.iter_mut().find(|w| w.first.code == f.code) {
                Some(w) => {
                    w.findings += 1;
                    if !w.places.contains(&place) {
                        w.places.push(place);
                    }
                }
                None => out.push(Wrong { first: f, places: vec![place], findings: 1 }),
            }
        }
        // What explains a size is told with the size.
        let sizes = out.iter().any(|w| matches!(w.first.code, Code::SizeInflated));
        let parts = [Code::OrphanPage, Code::OrphanImage, Code::ObsoleteChainUncounted];
        let part = |w: &Wrong<'_>| parts.contains(&w.first.code);
        if sizes && self.audit.orphans.iter().all(|o| o.explains) {
            out.retain(|w| !part(w));
        }
        out.sort_by_key(|w| std::cmp::Reverse((harm::of(w.first, self.audit), w.first.severity)));
        out
    }

    /// Whose fault it is, in the user's terms: the namespace, the tree, or the file.
    fn place_name(&self, f: &Finding) -> String {
        let p = &f.place;
        let file = p.file.as_deref().map(escape);
        let known = self.audit.local.iter().flat_map(|l| &l.files).find(|i| Some(i.file.as_str()) == p.file.as_deref());
        let named = known.map(namespace).filter(|n| !n.is_empty()).or(p.namespace.as_deref().map(escape));
        match (named, file, &p.uri, p.table_id) {
            (Some(named), Some(file), _, _) => format!("{named} ({file})"),
            (None, Some(file), _, _) => file,
            (_, _, Some(uri), _) => escape(short_name(uri)),
            (_, _, None, Some(table)) => format!("table {table}"),
            _ => String::new(),
        }
    }

    fn wrong_words(&self, wrong: &Wrong<'_>) -> String {
        let f = wrong.first;
        let places = match wrong.places.as_slice() {
            [] => String::new(),
            [one] if one.is_empty() => String::new(),
            [one] => format!("{one}: "),
            [one, more @ ..] => format!("{one} and {} more: ", grouped(more.len() as u64)),
        };
        let what = match &f.detail {
            Detail::PageLog(fact) => match &**fact {
                Fact::TreeSize(size) if wrong.findings == 1 => size_words(size),
                Fact::DatabaseSize(size) if wrong.findings == 1 => {
                    let explained = if size.is_explained() { ", explained to the byte" } else { "" };
                    let by = signed(size.difference);
                    format!("database_size is off by {by} bytes{explained}")
                }
                Fact::Orphan(_) => {
                    let reason = match f.code {
                        Code::OrphanImage => OrphanReason::UnreferencedImage,
                        _ => OrphanReason::NeverReferenced,
                    };
                    let own = self.audit.orphans.iter().filter(|o| o.reason == reason);
                    let bytes: u64 = own.map(|o| o.bytes).sum();
                    format!("{}, {}", count(wrong.findings, "orphan"), super::text::size(bytes))
                }
                _ => f.code.info().title.to_string(),
            },
            Detail::Home(_) if f.code == Code::ExtentLost => {
                let lost = self.audit.findings.iter().filter(|o| o.code == f.code);
                let bytes = lost.fold(0_u64, |sum, o| sum.saturating_add(o.place.length.unwrap_or(0)));
                format!("{} that belong to nothing", super::text::size(bytes))
            }
            Detail::Home(_) => f.code.info().title.to_string(),
        };
        let times =
            if wrong.findings > 1 && !matches!(&f.detail, Detail::PageLog(fact) if matches!(**fact, Fact::Orphan(_))) {
                format!(" ({} times)", grouped(wrong.findings))
            } else {
                String::new()
            };
        format!("{places}{what}{times} [{}]", f.code.name())
    }

    /// What is lost, a line each.
    fn lost(&self) -> Vec<String> {
        let a = self.audit;
        let harms: Vec<Harm> = a.findings.iter().map(|f| harm::of(f, a)).collect();
        let gravest = harms.iter().copied().max().unwrap_or(Harm::Nothing);
        let rows = a.local.as_ref().map(|local| lost_rows(a, local)).unwrap_or_default();
        let mut out = lost_lines(&rows, if self.verbose > 0 { usize::MAX } else { TOLD });
        let mut documents = rows.iter().filter(|(file, _)| file.index.is_none()).peekable();
        if documents.peek().is_some() {
            out.push(match documents.any(|(file, _)| file.checkpoints.len() > 1) {
                true => "Older checkpoints are there: dump --older takes from them what they still have.".to_string(),
                false => "No older checkpoint is left to take them from.".to_string(),
            });
        }
        // Beside what is graver it is lost all the same.
        let commits = "commits after the checkpoint, as many as the damaged or missing journal held";
        if harms.contains(&Harm::Commits) && gravest > Harm::Commits {
            out.push(commits.to_string());
        }
        let unread = !a.coverage.allows_clean() || a.verdict == Verdict::Incomplete;
        let line = match gravest {
            Harm::Content if !rows.is_empty() => return out,
            Harm::Content => return [vec![self.content()], out].concat(),
            Harm::Way => "not known: what leads to the data is damaged",
            Harm::Commits => commits,
            _ if unread => "not known: not everything could be checked",
            _ if a.store.depth == Depth::Quick => "not known: leaf pages were not read (--quick)",
            _ if !out.is_empty() => return out,
            Harm::Nothing if a.verdict == Verdict::Clean => return Vec::new(),
            Harm::Nothing | Harm::Doubt => "nothing is known to be lost",
            Harm::Numbers => "nothing: numbers are wrong, data are not",
            Harm::PickUp => "nothing: a standby may refuse the checkpoint, the data are whole",
            Harm::Space => {
                let space = || a.findings.iter().filter(|f| harm::of(f, a) == Harm::Space);
                let field = space().all(|f| harm::is_checksum_field(f) || harm::is_flipped_bit(f));
                match space().all(harm::is_flipped_bit) {
                    false if field => "nothing: the data reads in full; the engine refuses a block for its checksum",
                    true => "nothing: the data reads in full, with the flipped bit corrected in memory",
                    false => "nothing: the data reads in full; how the file books its space is damaged",
                }
            }
            Harm::Opening => "nothing: the data reads in full; only the engine's own check of a file's start fails",
            Harm::Index => "no document: an index is damaged or missing, and is built again from the documents",
            Harm::Past => "nothing of the newest checkpoint; older versions of rows are damaged",
        };
        [vec![line.to_string()], out].concat()
    }

    /// Content is damaged, and nobody knows which rows.
    fn content(&self) -> String {
        let a = self.audit;
        let of = a.findings.iter().filter(|f| harm::of(f, a) == Harm::Content);
        let mut places: Vec<String> = Vec::new();
        for f in of {
            let place = self.place_name(f);
            if !place.is_empty() && !places.contains(&place) {
                places.push(place);
            }
        }
        let of = match places.as_slice() {
            [] => String::new(),
            [one] => format!(" of {one}"),
            [one, more @ ..] => format!(" of {one} and {} more", grouped(more.len() as u64)),
        };
        let older = match (a.store.kind, self.older_checkpoint()) {
            (StoreKind::Local, _) => String::new(),
            (_, Some(lsn)) => format!("; an older checkpoint, at LSN {}, may have it", lsn.dated()),
            (_, None) => "; there is no older checkpoint".to_string(),
        };
        format!("data{of} that the newest checkpoint needs cannot be trusted{older}")
    }

    /// What the audit rests on, and how old it is.
    fn stands_on(&self) -> Option<String> {
        let a = self.audit;
        if let Some(c) = &a.checkpoint {
            let name = c.name.as_deref().map(|n| format!("{}, ", escape(n))).unwrap_or_default();
            let hex = c.timestamp.as_deref().and_then(|t| u64::from_str_radix(t, 16).ok());
            let time = c.lsn.time().or_else(|| hex.and_then(LsnTime::of_timestamp));
            let age = time.map(|t| format!(", {} ({})", t.clock(), ago(t.seconds))).unwrap_or_default();
            return Some(format!("{name}LSN {}{age}", c.lsn));
        }
        let local = a.local.as_ref()?;
        let newest = local.files.iter().filter_map(|f| f.checkpoints.last()).max_by_key(|c| c.time)?;
        let log = &local.log;
        let replay = match log.commits_after_checkpoint {
            0 => String::new(),
            n if log.needs_recovery => format!("; the journal has {} after it", count(n, "commit")),
            _ => String::new(),
        };
        Some(format!("{}, {} ({}){replay}", escape(&newest.name), utc(newest.time), ago(newest.time)))
    }

    fn now(&self, wrong: &[Wrong<'_>]) -> Option<Now> {
        let Some(worst) = wrong.first() else {
            return match self.audit.verdict {
                Verdict::Clean => None,
                _ => {
                    let why = self.audit.coverage.not_checked_list().map(|(_, why)| why).find(|why| why.matters());
                    why.map(|why| Now::Words(words::way_to_check(why).into_owned()))
                }
            };
        };
        // What looks closer comes later: this is what mends, takes out, or decides.
        let acts = self.commands().into_iter().find(|next| next.acts);
        Some(match acts {
            Some(next) => Now::Command(next.command),
            None => Now::Words(self.remedy(worst.first)),
        })
    }

    /// One line for scripts and for monitoring: `key=value`, the verdict first, the path last.
    pub(super) fn summary(&self) -> String {
        let a = self.audit;
        let verdict = match a.verdict {
            Verdict::Clean => "clean",
            Verdict::Findings => "findings",
            Verdict::Incomplete => "incomplete",
        };
        let t = &a.totals;
        let gravest = a.findings.iter().map(|f| harm::of(f, a)).max().unwrap_or(Harm::Nothing);
        let data = match gravest {
            Harm::Content | Harm::Commits => "damaged",
            Harm::Way => "unknown",
            _ if a.store.depth == Depth::Quick => "unknown",
            _ if a.verdict == Verdict::Incomplete || !a.coverage.allows_clean() => "unknown",
            _ => "whole",
        };
        let mut out = format!(
            "verdict={verdict} exit={} errors={} warnings={} notes={} data={data}",
            a.exit_code, t.errors, t.warnings, t.notes
        );
        let matters = a.coverage.not_checked_list().filter(|(_, why)| why.matters()).count();
        let scope = match a.store.depth {
            _ if self.asked_for() => "tables",
            Depth::Quick => "quick",
            Depth::Normal => "checksums",
            Depth::Deep => "deep",
        };
        out.push_str(&format!(" scope={scope} not_checked={matters}"));
        if a.store.kind != StoreKind::Local {
            let inflated: u64 = a.trees.iter().filter_map(|t| t.difference).map(i64::unsigned_abs).sum();
            let bytes: u64 = a.orphans.iter().map(|o| o.bytes).sum();
            out.push_str(&format!(" size_off={inflated} orphans={} orphan_bytes={bytes}", a.orphans.len()));
        }
        if let Some(local) = &a.local {
            let lost: u64 = local.files.iter().filter_map(|f| f.space).map(|s| s.lost).sum();
            out.push_str(&format!(
                " files={} lost_space={lost} lost_ranges={}",
                local.files.len(),
                lost_rows(a, local).len()
            ));
        }
        if let Some(c) = &a.checkpoint {
            out.push_str(&format!(" checkpoint_lsn={}", c.lsn));
        }
        let codes: Vec<String> = {
            let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
            for f in a.findings.iter().filter(|f| f.severity > Severity::Note) {
                *codes.entry(f.code.name()).or_default() += 1;
            }
            codes.into_iter().map(|(code, n)| format!("{code}:{n}")).collect()
        };
        let codes = if codes.is_empty() { "-".to_string() } else { codes.join(",") };
        format!("{out} codes={codes} path={}\n", shell_word(&a.store.home))
    }
}

/// What a tree's size is off by, and why.
fn size_words(size: &crate::audit::pagelog::fact::TreeSize) -> String {
    let off = size.difference;
    let way = if off < 0 { "low" } else { "high" };
    let mut counts: BTreeMap<CandidateKind, u64> = BTreeMap::new();
    for c in &size.explained_by {
        *counts.entry(c.kind).or_default() += 1;
    }
    let by: Vec<String> = counts
        .into_iter()
        .map(|(kind, n)| {
            let (one, many) = words::pagelog::kind(kind);
            format!("{} {}", grouped(n), if n == 1 { one } else { many })
        })
        .collect();
    let why = match (by.is_empty(), size.is_explained()) {
        (false, true) => format!("; {}: explained to the byte", by.join(", ")),
        (false, false) => format!("; {}: explained in part", by.join(", ")),
        (true, _) => String::new(),
    };
    format!("size= is {} bytes too {way}{why}", grouped(off.unsigned_abs()))
}
