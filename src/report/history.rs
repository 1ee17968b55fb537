//! What `wtcheck history` shows: when a difference began, then every checkpoint.

use super::Output;
use super::history_picture;
use super::sheet::Sheet;
use super::table::{Table, name, number, prose};
use super::text::{Paint, count, escape, grouped, lsn_cell, short_name, signed, size};
use super::view::View;
use crate::audit::pagelog::fact::Fact;
use crate::audit::result::{Audit, SCHEMA_VERSION, Tool, Verdict};
use crate::history::home::{FileAt, FileHistory, HomeHistory};
use crate::history::{Change, History, PickUp, Record, TreeState};
use crate::id::Lsn;
use crate::pickup::replay::Ended;
use crate::schema::history::{LocalHistory, PageLogHistory};
use crate::words;
use crate::words::text::{shell, utc};
use std::path::Path;

/// Changes that are told one by one, unless more detail was asked for.
const TOLD: usize = 8;
/// Orphans that are named of a change, likewise.
const NAMED: usize = 6;

/// Show the history of a page log; gives back the exit code. `home`: as it is typed, unless it is a private copy.
pub fn show(history: &History, audit: &Audit, home: Option<&Path>, output: &mut Output) -> u8 {
    let exit_code = history.verdict.exit_code();
    let document = PageLogHistory {
        schema_version: SCHEMA_VERSION,
        tool: Tool::default(),
        store: &audit.store,
        history,
        exit_code,
    };
    let (paint, verbose) = (output.paint, output.verbose);
    output.document(&document, || {
        let told = Records { history, paint, verbose };
        let view = View { audit, paint, verbose, mendable: false };
        let mut answer = Sheet::from(told.answer());
        next(history, home).iter().for_each(|(what, command)| answer.field_command(what, command));
        answer.rest();
        let mut plot = Sheet::new();
        plot.picture(history_picture::render(history, &audit.store.home), String::new());
        let mut parts = vec![answer, told.records(), told.not_checked(&view).into()];
        if verbose > 0 {
            parts.extend([told.trees(), told.written()]);
        }
        let mut out = Sheet::of(parts);
        out.append(plot);
        out
    });
    exit_code
}

/// The line on stderr when not enough could be read.
pub fn incomplete_line(history: &History) -> String {
    let unread = history.records.iter().find(|r| r.not_checked.is_some() || r.trees_not_checked > 0);
    let what = match unread {
        Some(r) => format!("the checkpoint at LSN {}", r.lsn.dated()),
        None if history.records.is_empty() => "the store has no completion record".to_string(),
        None => "parts of the store".to_string(),
    };
    format!("not enough could be read to judge: {what}; wtcheck audit names what is damaged or missing")
}

/// What a record cannot be stood on for.
fn why_not(record: &Record) -> Option<String> {
    let refusal = record.not_checked.clone()?;
    let said = words::pagelog::of(&Fact::Refused { record: record.lsn, text: String::new(), refusal });
    Some(format!("{} was expected, and found was {}", said.expected, said.found))
}

/// What comes next, and the command.
fn next(history: &History, home: Option<&Path>) -> Vec<(&'static str, String)> {
    let Some(home) = home.map(shell) else { return Vec::new() };
    let now = history.records.iter().rfind(|r| r.not_checked.is_none());
    let off = now.is_some_and(|r| r.difference.is_some_and(|d| d != 0)) || !history.orphans.is_empty();
    match (history.verdict, off) {
        (Verdict::Findings, true) => vec![
            ("Do now", format!("wtcheck repair plan {home} -o plan.yaml")),
            ("Blocks", format!("wtcheck orphans {home} -v")),
        ],
        // The newest checkpoint is right again.
        (Verdict::Findings, false) => Vec::new(),
        (Verdict::Incomplete, _) => vec![("Do now", format!("wtcheck audit {home}"))],
        (Verdict::Clean, _) => Vec::new(),
    }
}

struct Records<'a> {
    history: &'a History,
    paint: Paint,
    verbose: u8,
}

impl Records<'_> {
    /// When each difference began.
    fn answer(&self) -> String {
        let History { changes, records, orphans, verdict, .. } = self.history;
        let mut out = String::new();
        let most = if self.verbose > 0 { changes.len() } else { TOLD };
        for change in changes.iter().take(most) {
            let text = self.sentence(change) + "\n";
            out.push_str(&if change.to == 0 { self.paint.good(&text) } else { self.paint.bad(&text) });
        }
        if let Some(more) = changes.len().checked_sub(most).filter(|m| *m > 0) {
            out.push_str(&format!("and {}; -v tells all\n", count(more as u64, "more change")));
        }
        let told: usize = changes.iter().map(|c| c.orphans.len()).sum();
        let bytes = orphans.iter().fold(0_u64, |sum, o| sum.saturating_add(o.orphan.bytes));
        if let (Some(first), true) = (records.iter().find(|r| r.orphans.count > 0), orphans.len() > told) {
            let text = format!(
                "There {} {} of {}; the first appeared with {}.",
                if orphans.len() == 1 { "is" } else { "are" },
                count(orphans.len() as u64, "orphan"),
                size(bytes),
                self.place(first.number, first.lsn)
            );
            out.push_str(&self.paint.bad(&(text + "\n")));
        }
        let of = count(records.len() as u64, "checkpoint");
        match (verdict, changes.is_empty()) {
            (Verdict::Clean, _) => {
                out.push_str(&self.paint.good(&format!("No difference and no orphan at any of {of}.\n")));
            }
            (Verdict::Incomplete, _) => {
                let text = format!("No difference was found, but not everything could be read of {of}.\n");
                out.push_str(&self.paint.warn(&text));
            }
            (Verdict::Findings, true) => out.push_str(&format!("No size differs at any of {of} that could be read.\n")),
            (Verdict::Findings, false) => {}
        }
        let refused: Vec<&Record> = records.iter().filter(|r| r.pickup.as_ref().is_some_and(is_refused)).collect();
        if let Some(first) = refused.first() {
            let text = format!(
                "A standby refuses {} of {of}; the first is {}: {}.",
                refused.len(),
                self.place(first.number, first.lsn),
                first.pickup.as_ref().map(picked_up).unwrap_or_default()
            );
            out.push_str(&self.paint.warn(&(text + "\n")));
        }
        out
    }

    fn place(&self, number: u64, lsn: Lsn) -> String {
        let time = lsn.time().map(|t| format!(", {}", t.clock())).unwrap_or_default();
        format!("checkpoint {number} of {} (LSN {lsn}{time})", self.history.records.len())
    }

    fn sentence(&self, change: &Change) -> String {
        let Change { from, to, .. } = change;
        let place = self.place(change.record, change.lsn);
        let whose = change.uri.as_deref().map_or("the total of the database".into(), |u| escape(short_name(u)));
        let dated = |lsn: Lsn| match lsn.time() {
            Some(time) => format!("LSN {lsn} ({})", time.clock()),
            None => format!("LSN {lsn}"),
        };
        let put = |after: Lsn| format!("after {} and up to {}", dated(after), dated(change.upto));
        let bytes = format!("{} bytes", signed(*to));
        let mut text = match (change.after, *from, *to) {
            (None, ..) => format!(
                "At {place}, the oldest that could be read, {whose} is off by {bytes}: it may have begun before."
            ),
            (Some(after), 0, 1..) if change.uri.is_some() => {
                format!("Leak begins at {place}: {whose} {bytes}; its blocks were put {}.", put(after))
            }
            (Some(after), 0, _) => {
                format!("Difference begins at {place}: {whose} {bytes}; what made it was put {}.", put(after))
            }
            (Some(_), from, 0) => {
                format!("At {place} the difference is gone: {whose} was off by {} bytes.", signed(from))
            }
            (Some(after), from, to) => format!(
                "At {place} the difference of {whose} goes from {} to {} bytes; what made it was put {}.",
                signed(from),
                signed(to),
                put(after)
            ),
        };
        let own: Vec<_> = change.orphans.iter().filter_map(|at| self.history.orphans.get(*at)).collect();
        let most = if self.verbose > 0 { own.len() } else { NAMED };
        let named: Vec<String> = own
            .iter()
            .take(most)
            .map(|o| format!("page {} at {}, {} bytes", o.orphan.page_id, dated(o.orphan.lsn), grouped(o.orphan.bytes)))
            .collect();
        let more = own.len().saturating_sub(named.len());
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        if !named.is_empty() {
            text.push_str(&format!(" {}: {}{more}.", orphans(own.len()), named.join("; ")));
        }
        text
    }

    /// A checkpoint a row.
    fn records(&self) -> Sheet {
        let figure = |n: Option<u64>, r: &Record| match (n, &r.not_checked) {
            (Some(n), _) => grouped(n),
            (None, Some(_)) => "not checked".to_string(),
            (None, None) if r.trees_not_checked > 0 => "in part".to_string(),
            (None, None) => "-".to_string(),
        };
        let rows = self.history.records.iter().map(|r| {
            vec![
                lsn_cell(r.lsn),
                r.published_size.map_or("-".to_string(), grouped),
                figure(r.recomputed_size, r),
                match r.difference {
                    Some(d) => signed(d),
                    None if r.published_size.is_none() && r.not_checked.is_none() => "-".to_string(),
                    None => figure(None, r),
                },
                match r.orphans.count {
                    0 => "-".to_string(),
                    n => format!("{} ({} bytes)", grouped(n), grouped(r.orphans.bytes)),
                },
                r.pickup.as_ref().map(picked_up).unwrap_or_default(),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        if rows.is_empty() {
            return Sheet::from("There is no completion record.\n".to_string());
        }
        let columns = [
            number("LSN"),
            number("Published"),
            number("Recomputed").goes(1),
            number("Difference"),
            prose("New orphans").goes(2),
            prose("Pick-up"),
        ];
        let mut out = Sheet::new();
        out.table(Table::new(columns, rows));
        out
    }

    fn not_checked(&self, view: &View<'_>) -> String {
        let mut out = String::new();
        for record in &self.history.records {
            let place = self.place(record.number, record.lsn);
            if let Some(why) = why_not(record) {
                out.push_str(&self.paint.warn(&format!("Not checked: {}: {}\n", place, escape(&why))));
            } else if record.trees_not_checked > 0 {
                let n = count(record.trees_not_checked, "tree");
                out.push_str(&self.paint.warn(&format!("Not checked: {place}: {n} could not be read in full\n")));
            }
        }
        out + &view.not_checked()
    }

    /// Each tree where one of its figures changed.
    fn trees(&self) -> Sheet {
        let mut rows = Vec::new();
        for tree in &self.history.trees {
            for at in &tree.checkpoints {
                let named = escape(short_name(&tree.uri));
                let (mut size, mut off) = (grouped(at.recomputed_size), at.difference.map_or("-".into(), signed));
                match at.state {
                    TreeState::Checked => {}
                    TreeState::InPart => size = format!("at least {size}"),
                    TreeState::NotChecked => (size, off) = ("not checked".into(), "not checked".into()),
                    TreeState::Gone => (size, off) = ("gone".into(), "-".into()),
                }
                let published = at.published_size.map_or("-".into(), grouped);
                rows.push(vec![named, lsn_cell(at.lsn), published, size, off, grouped(at.pages)]);
            }
        }
        let columns = [
            name("Tree"),
            number("LSN"),
            number("Published"),
            number("Recomputed").goes(2),
            number("Difference"),
            number("Pages").goes(1),
        ];
        let mut out = Sheet::new();
        out.heading("Trees, at each checkpoint that changed one of their figures");
        out.table(Table::new(columns, rows));
        out
    }

    /// What was put between two records.
    fn written(&self) -> Sheet {
        let mut rows = Vec::new();
        for r in &self.history.records {
            let mut tables: Vec<_> = r.written_by_table.iter().filter(|t| t.written.versions > 0).collect();
            tables.sort_by_key(|t| std::cmp::Reverse(t.written.bytes));
            let most = if self.verbose > 1 { tables.len() } else { NAMED };
            let mut names: Vec<String> = tables
                .iter()
                .take(most)
                .map(|t| {
                    let name = t.uri.as_deref().map_or(format!("table {}", t.table_id), |u| escape(short_name(u)));
                    format!("{name} {}", grouped(t.written.bytes))
                })
                .collect();
            names.extend((tables.len() > most).then(|| format!("{} more", tables.len() - most)));
            rows.push(vec![
                lsn_cell(r.lsn),
                r.timestamp.clone().unwrap_or_else(|| "-".into()),
                r.keystore_lsn.map_or("-".into(), lsn_cell),
                format!("{} ({} deltas)", grouped(r.written.versions), grouped(r.written.deltas)),
                grouped(r.written.bytes),
                names.join(", "),
            ]);
        }
        let columns = [
            number("LSN"),
            number("Timestamp").goes(3),
            number("Key page"),
            number("Versions put").goes(1),
            number("Bytes"),
            prose("By tree").goes(2),
        ];
        let mut out = Sheet::new();
        out.heading("What each checkpoint embeds, and what was put since the one before");
        out.table(Table::new(columns, rows));
        out
    }
}

fn orphans(n: usize) -> String {
    if n == 1 { "Its orphan".into() } else { format!("Its {} orphans", grouped(n as u64)) }
}

fn is_refused(pickup: &PickUp) -> bool {
    matches!(pickup.outcome, Ended::Refused | Ended::Panicked)
}

fn picked_up(pickup: &PickUp) -> String {
    let at = || match (pickup.step, pickup.code) {
        (Some(step), Some(code)) => format!(" at {step}, {code}"),
        _ => String::new(),
    };
    match pickup.outcome {
        Ended::Installed => "taken".into(),
        Ended::Same => "taken already".into(),
        Ended::NotTried => "not tried".into(),
        Ended::Unjudged => "not known".into(),
        Ended::Refused if pickup.stale_keystore => "refused: stale keystore".into(),
        Ended::Refused => format!("refused{}", at()),
        Ended::Panicked => format!("panics{}", at()),
    }
}

/// Show the history of local files; gives back the exit code.
pub fn show_home(history: &HomeHistory, audit: &Audit, home: &Path, output: &mut Output) -> u8 {
    let exit_code = history.verdict.exit_code();
    let document = LocalHistory {
        schema_version: SCHEMA_VERSION,
        tool: Tool::default(),
        home: &audit.store.home,
        history,
        coverage: &audit.coverage,
        exit_code,
    };
    let (paint, verbose) = (output.paint, output.verbose);
    output.document(&document, || {
        let mut out = Sheet::new();
        for file in history.files.iter().filter(|f| is_off(f)) {
            out.push_str(&paint.bad(&about(file)));
        }
        let checkpoints: usize = history.files.iter().map(|f| f.checkpoints.len()).sum();
        let of =
            format!("{} of {}", count(checkpoints as u64, "checkpoint"), count(history.files.len() as u64, "file"));
        out.push_str(&match history.verdict {
            Verdict::Clean => paint.good(&format!("No difference and no lost range: {of}.\n")),
            Verdict::Incomplete => {
                paint.warn(&format!("No difference was found, but not everything could be read: {of}.\n"))
            }
            Verdict::Findings => String::new(),
        });
        if history.verdict == Verdict::Findings {
            out.field_command("Do now", &format!("wtcheck audit {}", shell(home)));
        }
        out.rest();
        let mut rows = Vec::new();
        for file in &history.files {
            let whole = verbose > 0 || is_off(file);
            let newest = file.checkpoints.len().saturating_sub(1);
            let shown = file.checkpoints.iter().enumerate().filter(|(at, _)| whole || *at == newest);
            rows.extend(shown.map(|(at, c)| {
                let lost = match (at == newest, file.lost_bytes) {
                    (false, _) => String::new(),
                    (true, Some(bytes)) => grouped(bytes),
                    (true, None) => "not checked".into(),
                };
                row(file, c, lost)
            }));
        }
        let columns = [
            name("File"),
            prose("Checkpoint"),
            number("Published").goes(2),
            number("Recomputed").goes(1),
            number("Difference"),
            number("Lost bytes"),
        ];
        out.push_str("\n");
        out.table(Table::new(columns, rows));
        if verbose == 0 {
            out.push_str("Of files without a difference the newest checkpoint is shown; -v shows all.\n");
        }
        out.push_str(&View { audit, paint, verbose, mendable: false }.not_checked());
        out
    });
    exit_code
}

fn is_off(file: &FileHistory) -> bool {
    file.first_difference.is_some() || file.lost_ranges > 0
}

fn about(file: &FileHistory) -> String {
    let name = escape(&file.file);
    let mut out = String::new();
    let first = file.checkpoints.iter().position(|c| c.difference.is_some_and(|d| d != 0));
    if let Some((at, c)) = first.and_then(|at| Some((at, file.checkpoints.get(at)?))) {
        let oldest = if at == 0 { ", the oldest there is: it may have begun before" } else { "" };
        out.push_str(&format!(
            "Difference begins at checkpoint {} of {} ({}, {}): {name} {} bytes{oldest}.\n",
            at + 1,
            file.checkpoints.len(),
            escape(&c.name),
            utc(c.time),
            signed(c.difference.unwrap_or(0))
        ));
    }
    if file.lost_ranges > 0 {
        let bytes = file.lost_bytes.map(|b| format!(", {}", size(b))).unwrap_or_default();
        let n = count(file.lost_ranges, "range");
        out.push_str(&format!("{name}: {n} that belongs to nothing at the newest checkpoint{bytes}.\n"));
    }
    out
}

fn row(file: &FileHistory, c: &FileAt, lost: String) -> Vec<String> {
    let rows = c.live_rows.map(|n| format!(", {}", count(n, "row"))).unwrap_or_default();
    vec![
        escape(&file.file),
        format!("{} ({}{rows})", escape(&c.name), utc(c.time)),
        grouped(c.published_size),
        if c.complete { grouped(c.recomputed_size) } else { format!("at least {}", grouped(c.recomputed_size)) },
        c.difference.map_or("not checked".into(), signed),
        lost,
    ]
}
