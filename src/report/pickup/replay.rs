//! What `wtcheck pickup replay` shows: one row a record, the steps of those that were refused, where
//! each policy ends, and what to do.

use crate::id::Lsn;
use crate::pickup::policy::Policy;
use crate::pickup::replay::{Action, Ended, PolicyResult, Record, Refusal, Replay, Verdict};
use crate::pickup::standby::Role;
use crate::pickup::step::{Done, Step};
use crate::report::Output;
use crate::report::sheet::Sheet;
use crate::report::table::{Table, number, prose, whole};
use crate::report::text::{Paint, command_for, count, escape, grouped, lsn_cell, written};
use crate::words::text::shell;
use std::path::Path;

/// Longer tables leave installed records out.
const WHOLE: usize = 40;
/// What they show of both ends.
const ENDS: (usize, usize) = (3, 12);
/// Refused records shown step by step.
const SHOWN: usize = 3;

/// Print a replay.
pub fn show(replay: &Replay, output: &mut Output) {
    let view = View { replay, paint: output.paint, width: output.width, verbose: output.verbose };
    output.document(replay, || view.whole());
}

/// Why nothing, or not everything, could be judged: one line.
pub fn incomplete_line(replay: &Replay) -> String {
    let unjudged = replay.records.iter().find(|r| r.outcome == Ended::Unjudged).and_then(|r| r.reason.clone());
    let what = match unjudged.or_else(|| replay.unchecked.first().cloned()) {
        Some(what) => what,
        None => "the store has no completion record".to_string(),
    };
    format!(
        "not enough could be read to judge: {what}; copy the files from another source, or see what `wtcheck audit` \
         says about them"
    )
}

struct View<'a> {
    replay: &'a Replay,
    paint: Paint,
    width: Option<u16>,
    verbose: u8,
}

impl View<'_> {
    fn whole(&self) -> Sheet {
        let r = self.replay;
        let mut out = Sheet::from(self.head());
        out.push_str(&self.verdict());
        out.rest();
        if r.records.is_empty() {
            return out;
        }
        out.push_str("\n");
        out.push_str(&self.records());
        out.push_str("\n");
        out.push_str(&self.policies());
        let limit = if self.verbose > 0 { usize::MAX } else { SHOWN };
        let mut shown = 0;
        for record in &r.records {
            let failed = matches!(record.outcome, Ended::Refused | Ended::Panicked | Ended::Unjudged);
            if self.verbose > 0 || (failed && shown < limit) {
                shown += 1;
                out.push_str("\n");
                out.push_str(&self.steps(record));
            }
        }
        let hidden = r.refusals.len().saturating_sub(limit);
        if hidden > 0 {
            out.push_str(&format!("\nand {}; -v shows their steps\n", count(hidden as u64, "more refused record")));
        }
        out.push_str(&self.advice());
        out
    }

    fn head(&self) -> String {
        let r = self.replay;
        let mut out = format!(
            "{}: {}, formats from {}; {}, {}\n",
            escape(&r.store.home),
            r.store.kind.words(),
            r.store.generation,
            count(r.store.completions, "completion record"),
            count(r.store.keys.len() as u64, "key page"),
        );
        if self.verbose > 0 {
            for line in &r.store.generation_evidence {
                out.push_str(&self.paint.faint(&format!("  generation: {}\n", escape(line))));
            }
        }
        let s = &r.standby;
        let start = match &s.installed {
            Some(i) => format!("has checkpoint {} installed", i.metadata_lsn.dated()),
            None => "starts fresh".to_string(),
        };
        let key = s.keystore_lsn.map(|k| format!(", has committed the key at LSN {}", k.dated())).unwrap_or_default();
        let checks = match (s.diagnostic, s.strict) {
            (true, true) => ", diagnostic and strict merge",
            (true, false) => ", diagnostic merge",
            (false, true) => ", strict merge",
            (false, false) => "",
        };
        out.push_str(&format!(
            "Pick-up by the rules of {}{checks}; the standby {start}{key}, and follows the keys in the log\n\n",
            s.profile.name()
        ));
        out
    }

    fn verdict(&self) -> String {
        let r = self.replay;
        let refused = r.refusals.len() as u64;
        let tried = r.records.iter().filter(|r| r.outcome != Ended::NotTried).count() as u64;
        let line = match r.verdict {
            Verdict::Installed if tried == 0 => self.paint.good("nothing to install"),
            Verdict::Installed => self.paint.good(&format!("EVERY CHECKPOINT INSTALLED ({} tried)", grouped(tried))),
            Verdict::Refused => {
                let first = r.refusals.first().map(|f| format!(": {}", short(f))).unwrap_or_default();
                let line = format!("REFUSED {} of {}{}", grouped(refused), grouped(tried), first);
                self.paint.bad(&line)
            }
            Verdict::Incomplete => self.paint.warn("INCOMPLETE: not enough could be read to judge"),
        };
        let mut out = format!("{} {line}\n", self.paint.head("Verdict:"));
        for line in &r.unchecked {
            out.push_str(&self.paint.warn(&format!("could not be read: {}\n", escape(line))));
        }
        for line in &r.notes {
            out.push_str(&self.paint.warn(&format!("note: {}\n", escape(line))));
        }
        out
    }

    fn records(&self) -> String {
        let r = self.replay;
        let mut header = vec!["Record", "Metadata LSN", "Embeds key", "Holds key", "Steps", "Result"];
        let mut out = String::new();
        if let [only] = r.policies.as_slice() {
            header.push("Serves");
            out.push_str(&format!("The standby's policy: {}.\n", only.policy.name()));
        } else {
            header.extend(r.policies.iter().map(|p| p.policy.name()));
            out.push_str("Under each policy: the metadata LSN that the standby serves after the record.\n");
        }
        let n = r.records.len();
        let all = self.verbose > 0 || n <= WHOLE;
        let mut rows = Vec::new();
        let mut left_out = 0_u64;
        for (at, record) in r.records.iter().enumerate() {
            let plain = matches!(record.outcome, Ended::Installed | Ended::Same | Ended::NotTried);
            if !all && plain && at >= ENDS.0 && at + ENDS.1 < n {
                left_out += 1;
                continue;
            }
            if left_out > 0 {
                rows.push(gap(left_out, header.len()));
                left_out = 0;
            }
            rows.push(self.row(at, record));
        }
        // Of seven LSNs the record's own stays longest, and what the policies come to.
        let last = header.len().saturating_sub(1);
        let columns = header.iter().enumerate().map(|(at, title)| match at {
            0 => number(title),
            1 => number(title).goes(3),
            2 => number(title).goes(1),
            3 => number(title).goes(2),
            4 => whole(title).goes(u8::MAX),
            5 => prose(title),
            at if at == last && self.replay.policies.len() == 1 => prose(title),
            at => prose(title).goes(u8::try_from(at).unwrap_or(u8::MAX)),
        });
        out.push_str(&Table::new(columns, rows).text(self.width.map(usize::from), self.paint));
        if let Some(written) = written(r.records.iter().map(|record| record.lsn)) {
            out.push_str(&format!("The records were written {written}\n"));
        }
        out
    }

    fn row(&self, at: usize, record: &Record) -> Vec<String> {
        let number = |n: Option<Lsn>| n.map_or("-".to_string(), lsn_cell);
        let mut row = vec![
            lsn_cell(record.lsn),
            number(record.metadata_lsn),
            number(record.keystore_lsn),
            number(record.committed_keystore_lsn),
            progress(record),
            result(record),
        ];
        row.extend(self.replay.policies.iter().map(|p| p.records.get(at).map_or_else(String::new, serves)));
        row
    }

    /// Where each policy ends.
    fn policies(&self) -> String {
        let rows = self.replay.policies.iter().map(|p| {
            vec![
                p.policy.name().to_string(),
                ends(p),
                p.serves_metadata_lsn.map_or("nothing".to_string(), lsn_cell),
                format!("{} of {}", p.records_installed, p.records_offered),
                list(&p.refused),
                behind(p),
            ]
        });
        let columns = [
            whole("Policy"),
            prose("Ends"),
            number("Serves"),
            whole("Installed").goes(1),
            prose("Refused records"),
            prose("After the newest record").goes(2),
        ];
        Table::new(columns, rows).text(self.width.map(usize::from), self.paint)
    }

    /// The steps of one record.
    fn steps(&self, record: &Record) -> String {
        let metadata = record.metadata_lsn.map(|l| format!(", metadata LSN {}", l.dated())).unwrap_or_default();
        let end = match (record.outcome, record.step) {
            (Ended::Installed, _) => "installed".to_string(),
            (Ended::Same, _) => "the same checkpoint as the installed one".to_string(),
            (Ended::NotTried, _) => "not tried".to_string(),
            (ended, Some(step)) => {
                let what = match ended {
                    Ended::Panicked => "the engine panics",
                    Ended::Unjudged => "could not be judged",
                    _ => "refused",
                };
                let code = record.code.map(|c| format!(", {c} ({})", c.words())).unwrap_or_default();
                let code = if ended == Ended::Unjudged { String::new() } else { code };
                format!("{what} at {step}: {} ({}){code}", step.words(), step.place())
            }
            (_, None) => "not judged".to_string(),
        };
        let head = format!("Record {}{metadata}: {end}", record.lsn.dated());
        let failed = record.outcome != Ended::Installed && record.step.is_some();
        let mut out = if failed { self.paint.head(&head) } else { head };
        out.push('\n');
        for done in &record.steps {
            let unread = record.outcome == Ended::Unjudged && Some(done.step) == record.step;
            out.push_str(&self.step(done, unread, "  "));
        }
        if let (true, Some(reason)) = (record.steps.is_empty(), &record.reason) {
            out.push_str(&format!("  {}\n", escape(reason)));
        }
        if record.outcome == Ended::Unjudged
            && let Some(reason) = &record.reason
        {
            out.push_str(&self.paint.warn(&format!("  could not be read: {}\n", escape(reason))));
        }
        for note in &record.notes {
            out.push_str(&format!("  note: {}\n", escape(note)));
        }
        for policy in &self.replay.policies {
            if let Some(own) = policy.records.iter().find(|r| r.lsn == record.lsn) {
                out.push_str(&self.did(policy.policy, own, record));
            }
        }
        out
    }

    fn step(&self, done: &Done, unread: bool, indent: &str) -> String {
        let ok = done.code == crate::pickup::code::Code::OK;
        let mark = match (ok, unread) {
            (true, _) if done.log.iter().any(|l| !l.starts_with("Finished")) => self.paint.warn("warn"),
            (true, _) => self.paint.good("ok  "),
            (false, true) => self.paint.warn("????"),
            (false, false) => self.paint.bad("FAIL"),
        };
        let code = if ok || unread { String::new() } else { format!("{}: ", done.code) };
        let mut out = format!("{indent}{mark}  {:<18}{code}{}\n", done.step.name(), escape(&done.note));
        if !ok || self.verbose > 0 {
            for line in &done.log {
                out.push_str(&self.paint.faint(&format!("{indent}        log: {}\n", escape(line))));
            }
        }
        out
    }

    /// What a policy did about a record.
    fn did(&self, policy: Policy, own: &Record, detailed: &Record) -> String {
        let serves = own.serves_metadata_lsn.map_or("nothing".to_string(), |l| format!("checkpoint {l}"));
        let what = match (own.outcome, own.action) {
            (Ended::Panicked, _) => "the engine panics and the node goes down".to_string(),
            (_, Some(Action::Aborted)) => "the node aborts (SIGABRT)".to_string(),
            (_, Some(Action::Skipped)) => format!("drops it, serves {serves}"),
            (_, Some(Action::SteppedDown)) if own.role == Role::Aborted => {
                "leaves to re-sync, and the fresh process panics".to_string()
            }
            (_, Some(Action::SteppedDown)) => format!("leaves, re-syncs in a fresh process, serves {serves}"),
            (Ended::NotTried, _) => return String::new(),
            (outcome, None) if outcome != detailed.outcome => format!("{}, serves {serves}", result(own)),
            _ => return String::new(),
        };
        let mut out = format!("  {:<10} {what}\n", format!("{}:", policy.name()));
        for resync in &own.resyncs {
            let end = match (resync.outcome, resync.step, resync.code) {
                (Ended::Installed, ..) => "installs".to_string(),
                (Ended::Unjudged, ..) => "cannot judge".to_string(),
                (_, Some(step), Some(code)) => format!("refuses, {code} at {step}:"),
                _ => "refuses".to_string(),
            };
            let why = resync.reason.as_deref().map(|r| format!(" {}", escape(r))).unwrap_or_default();
            out.push_str(&format!("             a fresh process {end} record {}{why}\n", resync.lsn.dated()));
            if self.verbose > 0 {
                for done in &resync.steps {
                    out.push_str(&self.step(done, resync.outcome == Ended::Unjudged, "             "));
                }
            }
        }
        out
    }

    fn advice(&self) -> String {
        let r = self.replay;
        let Some(first) = r.refusals.first() else { return String::new() };
        let dir = shell(Path::new(&r.store.home));
        let mut lines: Vec<String> = Vec::new();
        for f in r.refusals.iter().take(SHOWN) {
            lines.push(format!("Why: {}", self.why(f)));
        }
        if r.refusals.len() > SHOWN {
            lines.push(format!("and {}", count((r.refusals.len() - SHOWN) as u64, "more refused record")));
        }
        if r.refusals.iter().any(|f| f.panics) {
            lines.push("The engine panics there whatever the server does: no policy helps.".to_string());
        }
        let by_rules = matches!(first.step, Step::DatabaseSize | Step::Versions | Step::ParseTurtle);
        if by_rules && first.finding.is_none() {
            lines.push(format!(
                "The rules of {} cannot read this store's formats ({}): replay it without --profile.",
                r.standby.profile.name(),
                r.store.generation
            ));
        }
        let last = r.refusals.last().unwrap_or(first);
        match last.next_installed {
            Some(next) => lines.push(format!(
                "A compatible checkpoint follows: record {next}. A standby that skips picks it up without help."
            )),
            // What a dead engine would have taken is not known.
            None if last.panics => {}
            None if last.stale_keystore => lines.push(
                "No compatible checkpoint follows in this store: complete another one on the primary; it embeds the \
                 new key."
                    .to_string(),
            ),
            None => lines.push("No later checkpoint in this store can be installed on this standby.".to_string()),
        }
        let newest = r.records.last().map(|r| r.lsn);
        match &r.restart_from {
            Some(from) => lines.push(format!(
                "A fresh process, which has no key and no checkpoint in memory, installs record {}{}:\n    \
                 disaggregated=(checkpoint_meta=\"{}\")",
                from.lsn.dated(),
                if newest == Some(from.lsn) { ", the newest" } else { "; nothing newer" },
                escape(&from.checkpoint_meta)
            )),
            None => {
                lines.push("A fresh process cannot install any of the records: a restart does not help.".to_string())
            }
        }
        let mut out = format!("\n{}\n", self.paint.head("What to do next"));
        for line in lines {
            out.push_str(&format!("  {line}\n"));
        }
        let mut commands = Vec::new();
        if by_rules && first.finding.is_none() {
            commands.push((format!("wtcheck pickup replay {dir}"), "by the rules of the builds that wrote the store"));
        }
        if let Some(finding) = first.finding {
            commands.push((format!("wtcheck explain {finding}"), "what it means and how it happens"));
        }
        match first.step {
            Step::LoadKey => commands.push((format!("wtcheck audit {dir}"), "all key pages, and what embeds them")),
            step if step > Step::Order => {
                commands
                    .push((format!("wtcheck audit {dir} --checkpoint {}", first.lsn), "what else is wrong with it"));
            }
            _ => commands.push((format!("wtcheck audit {dir}"), "what is wrong with the records")),
        }
        if self.verbose == 0 {
            out.push_str("  With -v this command shows every step of every record.\n");
        }
        for (command, what) in commands {
            out.push_str(&command_for(what, &escape(&command)));
        }
        out
    }
}

impl View<'_> {
    /// Why a record was refused, in a sentence or two.
    fn why(&self, f: &Refusal) -> String {
        let record = self.replay.records.iter().find(|r| r.lsn == f.lsn);
        let (Some(own), Some(held), true) =
            (record.and_then(|r| r.keystore_lsn), record.and_then(|r| r.committed_keystore_lsn), f.stale_keystore)
        else {
            return format!("record {}, {}: {}.", f.lsn.dated(), f.step.words(), escape(&f.reason));
        };
        let keys = &self.replay.store.keys;
        let raced = keys.iter().any(|k| k.valid == Some(true) && k.lsn > own && Some(k.lsn) < f.metadata_lsn);
        let cause = if raced {
            "A key rotation raced the checkpoint: the newer key page was in the log before the turtle page"
        } else {
            "The checkpoint is older than that key"
        };
        format!(
            "record {} embeds the key at LSN {}, and the standby has committed the one at LSN {}. {cause}.",
            f.lsn.dated(),
            own.dated(),
            held.dated()
        )
    }
}

fn short(f: &Refusal) -> String {
    let what = if f.panics { "the engine panics at" } else { "at" };
    format!("record {} {what} {} ({}), {}", f.lsn, f.step, f.place, f.code)
}

fn gap(left_out: u64, columns: usize) -> Vec<String> {
    let mut row = vec!["...".to_string(); columns];
    if let Some(cell) = row.get_mut(4) {
        *cell = format!("{}; -v shows them", count(left_out, "more record"));
    }
    row
}

/// How far a record came.
fn progress(record: &Record) -> String {
    let all = Step::TABLE.len();
    match (record.outcome, record.step) {
        (Ended::Installed, _) => format!("{} of {all}", record.steps.len()),
        (Ended::Same, _) => format!("{} of {all}, nothing to do", record.steps.len()),
        (Ended::NotTried, _) => "-".to_string(),
        (Ended::Panicked, Some(step)) => format!("panic at {step}"),
        (Ended::Unjudged, Some(step)) => format!("not readable at {step}"),
        (_, Some(step)) => format!("stopped at {step}"),
        (_, None) => String::new(),
    }
}

fn result(record: &Record) -> String {
    let code = record.code.map(|c| c.to_string()).unwrap_or_default();
    match record.outcome {
        Ended::Installed => "installed".to_string(),
        Ended::Same => "same checkpoint".to_string(),
        Ended::NotTried => "not tried".to_string(),
        Ended::Refused => code,
        Ended::Panicked => format!("PANIC, {code}"),
        Ended::Unjudged => "not judged".to_string(),
    }
}

/// What a node serves behind a record, and what it did if anything.
fn serves(own: &Record) -> String {
    let serves = own.serves_metadata_lsn.map_or("nothing".to_string(), |l| l.to_string());
    match (own.outcome, own.action) {
        (Ended::NotTried, _) => "-".to_string(),
        (Ended::Panicked, _) | (_, Some(Action::Aborted)) => "aborted".to_string(),
        (_, Some(Action::SteppedDown)) if own.role == Role::Aborted => "aborted".to_string(),
        (_, Some(Action::Skipped)) => format!("{serves} (skipped)"),
        (_, Some(Action::SteppedDown)) if own.role == Role::Resyncing => "nothing (waits)".to_string(),
        (_, Some(Action::SteppedDown)) => format!("{serves} (re-synced)"),
        _ => serves,
    }
}

fn ends(p: &PolicyResult) -> String {
    match (p.role, p.aborted_at) {
        (Role::Aborted, Some(lsn)) => {
            let had = p.installed.as_ref().map(|i| format!(", had {} installed", i.metadata_lsn)).unwrap_or_default();
            format!("aborted at record {lsn}{had}")
        }
        (Role::Resyncing, _) => "re-syncing, waits for a checkpoint".to_string(),
        _ => match p.resyncs {
            0 => "up".to_string(),
            n => format!("up, left and came back {}", count(n, "time")),
        },
    }
}

fn list(lsns: &[Lsn]) -> String {
    let shown: Vec<String> = lsns.iter().take(6).map(Lsn::to_string).collect();
    match (shown.len(), lsns.len().saturating_sub(6)) {
        (0, _) => "none".to_string(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn behind(p: &PolicyResult) -> String {
    let Some(b) = p.behind else { return "-".to_string() };
    if b.records == 0 {
        return "it is the newest".to_string();
    }
    let lsn = b.lsn.map(|l| format!(", {}", count(l.get(), "LSN"))).unwrap_or_default();
    let time = match b.seconds {
        Some(s @ 0..120) => format!(", {s} s"),
        Some(s @ 120..7200) => format!(", {} min", s / 60),
        Some(s) => format!(", {} h", s / 3600),
        None => String::new(),
    };
    format!("{}{lsn}{time}", count(b.records, "record"))
}
