//! `wtcheck log` for people: the cause first, what it is about, whether data are damaged, what to type next;
//! then how that is known, and what follows from it.

use super::sheet::Sheet;
use super::text::{Paint, command, count, escape, grouped, human};
use crate::decode::judge::Verdict as Judged;
use crate::decode::view::utc;
use crate::diagnosis::check::{Answer, Fact};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::pickup::StepFound;
use crate::diagnosis::versions::Versions;
use crate::diagnosis::{Diagnosis, Folded, Found, Limit, Verdict};
use crate::id::Lsn;
use crate::pickup::code::Code;
use crate::pickup::explain::reason::Certainty;
use crate::pickup::step::Step;
use crate::serverlog::cause::{Cause, Damaged, Role, Sure};
use crate::serverlog::place::{FileKind, Place};
use crate::serverlog::source::{Encoding, Packing};
use crate::serverlog::story::Seen;
use crate::words::text::shell_word;

/// Folded lines that are listed without `--verbose`.
const FEW: usize = 5;

/// The diagnosis as text. `all`: long lists, too.
pub fn sheet(d: &Diagnosis, paint: Paint, all: bool) -> Sheet {
    let several = d.logs.len() > 1;
    let mut out = Sheet::from(head(d, paint));
    let names_cause = d.verdict == Verdict::Cause || d.verdict == Verdict::ConsequencesOnly;
    for (n, found) in d.causes.iter().enumerate() {
        if n == 1 {
            out.push_str("\n");
            out.heading("Also in the log");
        }
        if n == 0 || all {
            out.append(cause(d, n, several, paint));
        } else {
            out.push_str(&also(found, several));
        }
    }
    let more = d.causes_total.saturating_sub(d.causes.len() as u64);
    if more > 0 {
        out.push_str(&format!("  and {} more\n", grouped(more)));
    }
    if d.unknown_errors > 0 {
        out.push_str(&unknown(d, several, paint, names_cause));
    }
    if d.causes.is_empty() {
        out.rest();
    }
    out.push_str(&dumps(d, paint, all));
    out.push_str(&checks(d, paint));
    if let Some(pickup) = &d.pickup {
        out.push_str("\n");
        out.heading("Checkpoint pick-up");
        out.push_str(&line(&escape(&pickup.summary)));
        out.push_str("  wtcheck pickup explain shows the evidence, and what the node does next.\n");
    }
    out.push_str(&folded(&d.folded, several, paint, all));
    if !d.limits.is_empty() {
        out.push_str("\n");
        out.heading("What the log cannot show");
        for limit in &d.limits {
            out.push_str(&line(limit_words(*limit)));
        }
    }
    out
}

fn head(d: &Diagnosis, paint: Paint) -> String {
    let lines: u64 = d.logs.iter().map(|l| l.lines).fold(0, u64::saturating_add);
    let logs = match d.logs.as_slice() {
        [one] => escape(&one.name),
        many => count(many.len() as u64, "log"),
    };
    let packed = d.logs.iter().find(|l| l.packing != Packing::Plain || l.encoding != Encoding::Utf8);
    let form = packed.map(|l| {
        let packing = match l.packing {
            Packing::Plain => None,
            Packing::Gzip => Some("gzip"),
            Packing::Xz => Some("xz"),
            Packing::Bzip2 => Some("bzip2"),
            Packing::Zstd => Some("zstd"),
        };
        let encoding = (l.encoding != Encoding::Utf8).then_some("UTF-16");
        [packing, encoding].into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let form = form.map(|f| format!(", {f}")).unwrap_or_default();
    let server = d.server_version.as_deref().map(|v| format!(", MongoDB {}", escape(v))).unwrap_or_default();
    let read = format!("{logs}: {}{form}, {}{server}", count(lines, "line"), processes(d.processes));
    let verdict = match (d.verdict, d.main()) {
        (Verdict::Cause, Some(found)) => {
            let title = sentence(found.title);
            if found.damaged == Damaged::No { paint.warn(&title) } else { paint.bad(&title) }
        }
        (Verdict::ConsequencesOnly, Some(found)) => paint.warn(&sentence(found.title)),
        (Verdict::UnknownErrors, _) => {
            paint.warn(&format!("No known cause: {} not in the table", count(d.unknown_errors, "error")))
        }
        (Verdict::NoLog, _) => paint.warn(&format!("No line from mongod or the engine in {}", count(lines, "line"))),
        _ => paint.good(&format!("No known cause of a failure, and no error, in {}", count(lines, "line"))),
    };
    let mut out = format!("{}\n", &verdict);
    out.push_str(&format!("{}\n", &read));
    out
}

fn processes(n: u64) -> String {
    match n {
        1 => "1 process".to_string(),
        n => format!("{} processes", grouped(n)),
    }
}

/// A line of prose.
fn line(words: &str) -> String {
    format!("  {words}\n")
}

/// A title as a sentence of its own.
fn sentence(title: &str) -> String {
    let mut chars = title.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => String::new(),
    }
}

fn cause(d: &Diagnosis, n: usize, several: bool, paint: Paint) -> Sheet {
    let Some(f) = d.causes.get(n) else { return Sheet::new() };
    let mut out = Sheet::new();
    let mut row = |name: &str, value: &str| out.field(name, value);
    if let Some(place) = place(&f.place, f.namespace.as_deref()) {
        row("where", &place);
    }
    row("when", &when(f, several));
    let damaged = match f.damaged {
        Damaged::No => paint.good("no"),
        Damaged::Perhaps => paint.warn("perhaps"),
        Damaged::Yes => paint.bad("yes"),
    };
    let said = match f.damaged {
        Damaged::No => "No",
        Damaged::Perhaps => "Perhaps",
        Damaged::Yes => "Yes",
    };
    // What the word before says already.
    let rest = f.damage.strip_prefix(said).filter(|r| r.starts_with(['.', ':', ';', ',']));
    let why = rest.map_or(f.damage, |r| r.trim_start_matches(['.', ':', ';', ',', ' ']));
    row("damaged", format!("{damaged}. {}", sentence(why)).trim_end_matches([' ']));
    // Of a block, what it held; of a file as a whole the words before say it.
    let of_block = f.place.offset.is_some() || matches!(f.place.kind, Some(FileKind::Index | FileKind::Counts));
    if let Some(lost) = f.place.kind.filter(|_| of_block && f.damaged != Damaged::No).and_then(lost) {
        row("lost", lost);
    }
    let sure = match f.certainty {
        Sure::High => "high",
        Sure::Medium => "medium: other causes can produce the same line",
        Sure::Low => "low: many causes produce the line",
    };
    row("confidence", sure);
    row("line", &format!("\"{}\"", escape(&f.text)));
    if n == 0 {
        for check in d.checks.iter().filter(|c| c.cause == 0) {
            out.field("the store", &format!("{}. {}", answer(check.answer, paint), fact(&check.fact)));
        }
        let others: Vec<&str> = d.causes.iter().skip(1).map(|f| f.cause.name()).collect();
        if !others.is_empty() {
            let more = d.causes_total.saturating_sub(d.causes.len() as u64);
            let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
            out.field("also", &format!("{}{more}", others.join(", ")));
        }
    }
    if let Some(first) = f.commands.first() {
        out.field_command("next", first);
    }
    out.rest();
    out.push_str("\n");
    out.heading("What it means");
    out.push_str(&line(f.meaning));
    for evidence in &f.evidence {
        out.push_str(&line(&evidence_words(evidence)));
    }
    if let Some(dump) = &f.dump {
        let words = format!("The block as dumped at line {}: {}.", grouped(dump.line), escape(&dump.judgement));
        out.push_str(&line(&words));
    }
    if !f.steps.is_empty() {
        out.push_str("\n");
        out.heading("What to do");
        let home = d.home.as_deref().map_or_else(|| "DBPATH".to_string(), shell_word);
        for (n, step) in (1..).zip(&f.steps) {
            let step = step.replace('`', "").replace(" DIR", &format!(" {home}"));
            out.push_str(&line(&format!("{n}. {step}")));
        }
    }
    if f.commands.len() > 1 {
        out.push_str("\n");
        out.heading("Next commands");
        for command in &f.commands {
            out.command(command);
        }
    }
    out.push_str(&format!("\n  {}\n", paint.faint(&format!("wtcheck explain {} has the details.", f.cause.name()))));
    out
}

/// A further cause in two lines.
fn also(f: &Found, several: bool) -> String {
    let place = place(&f.place, f.namespace.as_deref()).map(|p| format!(": {p}")).unwrap_or_default();
    let words = format!("{} [{}]{place}; {}", sentence(f.title), f.cause.name(), when(f, several));
    line(&words)
}

fn at(seen: &Seen, several: bool) -> String {
    let log = if several { format!("log {}, ", seen.log.saturating_add(1)) } else { String::new() };
    let time = seen.time.as_deref().map(|t| format!(", {}", clock(t, seen.micros))).unwrap_or_default();
    format!("{log}line {}{time}", grouped(seen.line))
}

/// A time as the log has it; one of the engine's own, in seconds since 1970, as a date.
fn clock(time: &str, micros: Option<u64>) -> String {
    let own = time.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    match micros.filter(|_| own) {
        Some(micros) => format!("{}.{:03}", utc(micros / 1_000_000), micros / 1000 % 1000).replace(" UTC.", "."),
        None => escape(time),
    }
}

fn when(f: &Found, several: bool) -> String {
    let mut out = at(&f.first, several);
    if let Some(session) = &f.first.session {
        out.push_str(&format!(" ({})", escape(session)));
    }
    if f.times > 1 {
        out.push_str(&format!("; {} times", grouped(f.times)));
        if f.processes > 1 {
            out.push_str(&format!(" in {}", processes(f.processes)));
        }
        out.push_str(&format!(", last at {}", at(&f.last, several)));
    }
    if f.over {
        out.push_str("; a later start succeeded");
    } else if f.fatal {
        out.push_str("; the process ended after it");
    }
    out
}

/// What a cause is about, in words.
fn place(p: &Place, namespace: Option<&str>) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(namespace) = namespace {
        parts.push(escape(namespace));
    }
    let named = p.path.as_deref().or(p.file.as_deref());
    if let Some(file) = named {
        let kind = p.kind.and_then(kind).map(|k| format!(" ({k})")).unwrap_or_default();
        parts.push(format!("{}{kind}", escape(file)));
    }
    if let Some(offset) = p.offset {
        let size = p.size.map(|s| format!(", {}", human(s))).unwrap_or_default();
        parts.push(format!("offset {}{size}", grouped(offset)));
    } else if let Some(size) = p.size {
        parts.push(human(size));
    }
    let numbered = [("table", p.table_id), ("page", p.page_id)];
    parts.extend(numbered.iter().filter_map(|(name, n)| n.map(|n| format!("{name} {n}"))));
    parts.extend(p.lsn.map(|n| format!("LSN {}", Lsn(n).dated())));
    if let Some(ident) = &p.ident {
        parts.push(format!("table {}", escape(ident)));
    }
    if let Some(name) = &p.name {
        parts.push(escape(name));
    }
    if let Some(ns) = &p.namespace {
        parts.push(escape(ns));
    }
    if let Some(to) = &p.renamed_to {
        parts.push(format!("renamed to {}", escape(to)));
    }
    if let Some(error) = p.error {
        parts.push(error.to_string());
    }
    if let Some(assertion) = p.assertion {
        parts.push(format!("fatal assertion {assertion}"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn kind(kind: FileKind) -> Option<&'static str> {
    Some(match kind {
        FileKind::Metadata => "the metadata",
        FileKind::Turtle => "where the metadata starts",
        FileKind::VersionFile => "the version file",
        FileKind::Lock => "the lock file",
        FileKind::Settings => "settings",
        FileKind::History => "the history store",
        FileKind::Lookaside => "the lookaside table",
        FileKind::Counts => "MongoDB's counts",
        FileKind::Catalog => "MongoDB's catalog",
        FileKind::Collection => "a collection",
        FileKind::Index => "an index",
        FileKind::Internal => "a table for mongod's own use",
        FileKind::WtLog => "the journal",
        FileKind::Journal => "the journal directory",
        FileKind::KeyDatabase => "the key database",
        FileKind::PageLog => "in the page log",
        FileKind::Table => "a table",
        FileKind::Other => return None,
    })
}

/// What goes with a file of a kind, where it is damaged.
fn lost(kind: FileKind) -> Option<&'static str> {
    Some(match kind {
        FileKind::Metadata => {
            "No document: the tables' files are not affected. What the metadata recorded about them may be lost."
        }
        FileKind::Turtle => "Nothing: the turtle can be rebuilt from WiredTiger.wt.",
        FileKind::History => "No current document: only older versions, and writes that still had to be rolled back.",
        FileKind::Counts => "Only counts, which validate recomputes.",
        FileKind::Catalog => "Names, options and index definitions; the documents are in other files.",
        FileKind::Collection => "The documents of that block. All others can be extracted with wtcheck dump.",
        FileKind::Index => "No document: an index is rebuilt.",
        FileKind::WtLog => "What was committed after the last checkpoint, from the damaged position on.",
        FileKind::KeyDatabase => "The keys: without them the encrypted data cannot be read.",
        FileKind::Lookaside | FileKind::Internal => "Nothing that lasts: the server recreates it.",
        FileKind::Table => "The rows of that block. All others can be extracted with wtcheck dump.",
        FileKind::VersionFile | FileKind::Lock | FileKind::Settings => "Nothing: it holds no data.",
        FileKind::Journal | FileKind::PageLog | FileKind::Other => return None,
    })
}

fn evidence_words(e: &Evidence) -> String {
    match e {
        Evidence::AnotherBlock => "The dumped bytes are an intact block, but not the one that the address names.".to_string(),
        Evidence::HeaderOfABlock => {
            "The dumped bytes start with a valid block header; not all bytes of the block are in the log.".to_string()
        }
        Evidence::MiddleOfSomething => {
            "The dumped bytes do not start a block: the address points into the middle of something else.".to_string()
        }
        Evidence::Zeros => "The dumped bytes are zeros.".to_string(),
        Evidence::OneBit => "A single wrong bit explains everything in the dumped bytes: this is damage, not another \
            block.".to_string(),
        Evidence::PageOfRows => "The header in the dumped bytes is that of a page of metadata rows.".to_string(),
        Evidence::DumpIsSound => "The dumped bytes are the expected block, intact: whatever was wrong is not in them.".to_string(),
        Evidence::ShiftedChecksum => {
            "The found and the expected checksum differ by the same amount in every byte that differs: the address was decrypted with another key.".to_string()
        }
        Evidence::ChecksumIsText(text) => {
            format!("The found checksum is text (\"{}\"): this is the content of another block.", escape(text))
        }
        Evidence::BothNumbers(persisted, committed) => {
            let (persisted, committed) = (Lsn(*persisted).dated(), Lsn(*committed).dated());
            format!("The key provider states both itself: the checkpoint has {persisted}, the node has committed {committed}.")
        }
        Evidence::PickupStep(found) => step_words(*found),
        Evidence::Versions(versions) => versions_words(versions),
        Evidence::Files(files) => {
            let files: Vec<String> = files.iter().map(|f| escape(f)).collect();
            format!("Files that do not fit each other: {}.", files.join(", "))
        }
    }
}

/// How the failed step of a pick-up is known.
fn step_words(found: StepFound) -> String {
    let step = found.step.words();
    let code = found.code.map(|c| format!(" with {c}")).unwrap_or_default();
    let mut out = match found.certainty {
        Certainty::LogSaysSo => format!("The log names the step that failed{code}: {step}."),
        Certainty::ShownByFigures => format!("The figures in the log show the step that failed{code}: {step}."),
        Certainty::ByElimination | Certainty::NotKnown => format!(
            "The step that failed{code} is known by elimination: {step}. The others would have left lines of their own."
        ),
    };
    if (found.step, found.code) == (Step::LoadKey, Some(Code::EINVAL)) {
        out.push_str(" A malformed reference to the key would look the same; wtcheck pickup replay tells them apart.");
    }
    out
}

fn versions_words(v: &Versions) -> String {
    let version = escape(&v.version);
    if !v.known {
        return format!("No release writes version {version}: the bytes that hold it are damaged.");
    }
    let mut out = match v.written_by {
        Some((first, last)) if first == last => format!("MongoDB {first} writes version {version}."),
        Some((first, last)) => format!("MongoDB {first} to {last} write version {version}."),
        None => format!("Version {version} belongs to a known release."),
    };
    if let (Some(newest), Some((first, last))) = (&v.newest, v.build) {
        let newest = escape(newest);
        out.push_str(&format!(" This build reads up to {newest}, as MongoDB {first} to {last} do."));
    }
    if v.steps.len() > 1 {
        out.push_str(&format!(" The upgrade path between them, one step at a time: {}.", v.steps.join(", ")));
    }
    out
}

fn unknown(d: &Diagnosis, several: bool, paint: Paint, aside: bool) -> String {
    let title = if aside { "Errors that are not in the table" } else { "The first of them" };
    let mut out = format!("\n{}: {}\n", paint.head(title), grouped(d.unknown_errors));
    for error in &d.unknown_first {
        out.push_str(&line(&format!("{}: {}", at(&error.seen, several), escape(&error.text))));
    }
    if !aside {
        out.push_str(&format!("\nCheck the data directory itself:\n{}", command("wtcheck audit DBPATH --deep")));
    }
    out
}

fn folded(list: &[Folded], several: bool, paint: Paint, all: bool) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let groups =
        [("Consequences", &[Role::Consequence, Role::Advice][..]), ("Also seen", &[Role::Primary, Role::Note][..])];
    for (title, roles) in groups {
        let those: Vec<&Folded> = list.iter().filter(|f| roles.contains(&f.role)).collect();
        let lines: u64 = those.iter().map(|f| f.times).fold(0, u64::saturating_add);
        if those.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{}: {}\n", paint.head(title), count(lines, "line")));
        let shown = if all { those.len() } else { FEW };
        for f in those.iter().take(shown) {
            let place = f.place.file.as_deref().map(|p| format!(" ({})", escape(p))).unwrap_or_default();
            let number = f.place.assertion.map(|n| format!(" {n}")).unwrap_or_default();
            let words =
                format!("{} × {}{number}{place}, from {}", grouped(f.times), f.cause.name(), at(&f.first, several));
            out.push_str(&line(&words));
        }
        if those.len() > shown {
            out.push_str(&format!("  and {} more kinds; -v lists them\n", those.len() - shown));
        }
    }
    out
}

/// The dumped blocks, a line each.
fn dumps(d: &Diagnosis, paint: Paint, all: bool) -> String {
    let alone = d.main().is_none_or(|f| f.cause == Cause::CorruptDump);
    if d.dumps.is_empty() || !(all || alone) {
        return String::new();
    }
    let mut out = format!("\n{}: {}\n", paint.head("Dumped blocks"), grouped(d.dumps_total));
    let shown = if all { d.dumps.len() } else { FEW };
    for b in d.dumps.iter().take(shown) {
        let place = match (b.page_id, b.offset) {
            (Some(page), _) => format!("page {page}"),
            (None, Some(offset)) => format!("offset {}", grouped(offset)),
            (None, None) => "a block".to_string(),
        };
        let file = b.file.as_deref().map(|f| format!(" of {}", escape(f))).unwrap_or_default();
        let form = match b.form {
            Some("base") => ", base image",
            Some("delta") => ", delta",
            _ => "",
        };
        let kind = b.page_type.as_deref().map(|t| format!(", {t}")).unwrap_or_default();
        let words = format!(
            "line {}: {place}{file}, {}{form}{kind}: {}",
            grouped(b.judged.line),
            human(b.size.into()),
            escape(&b.judged.judgement)
        );
        out.push_str(&line(&words));
    }
    for page in &d.dumped_pages {
        let whole = match (&page.missing_checksum, page.complete) {
            (_, true) => "which is intact".to_string(),
            (Some(sum), false) => format!("which depends on a block with checksum {sum} that is not in the log"),
            (None, false) => "not all of which is in the log".to_string(),
        };
        let words = format!("Page {}: {} form one chain, {whole}.", page.page_id, count(page.blocks, "block"));
        out.push_str(&line(&words));
    }
    out.push_str("  wtcheck decode --from-log shows their headers and cells.\n");
    out
}

fn answer(answer: Answer, paint: Paint) -> String {
    match answer {
        Answer::Agreed => paint.bad("agreed"),
        Answer::Contradicted => paint.warn("contradicted"),
        Answer::NotChecked => paint.faint("not checked"),
    }
}

/// What the store says of each claim.
fn checks(d: &Diagnosis, paint: Paint) -> String {
    let Some(home) = &d.home else { return String::new() };
    let mut out = format!("\n{}: {}\n", paint.head("What the data directory shows"), escape(home));
    for check in &d.checks {
        let answer = answer(check.answer, paint);
        let Some(found) = d.causes.get(check.cause) else { continue };
        let place = found.place.file.as_deref().map(|f| format!(", {}", escape(f))).unwrap_or_default();
        let words = format!("{}{place}: {answer}. {}", found.cause.name(), fact(&check.fact));
        out.push_str(&line(&words));
    }
    let told = |a: Answer| d.checks.iter().any(|c| c.answer == a);
    if told(Answer::Contradicted) && !told(Answer::Agreed) {
        let words = "Nothing here matches what the log says: it has been repaired since, or the log is from another \
                     directory or an earlier time.";
        out.push_str(&line(words));
    }
    out
}

fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Block { verdict: Judged::Sound, .. } => {
            "The block was read again; it is the expected one, and intact.".to_string()
        }
        Fact::Block { judgement, .. } => format!("The block was read again: {}.", escape(judgement)),
        Fact::EndsBefore { size, end } => {
            format!("The file has {} bytes; the block would end at {}.", grouped(*size), grouped(*end))
        }
        Fact::FileThere { size } => format!("The file exists, with {} bytes.", grouped(*size)),
        Fact::FileNotThere => "The file does not exist.".to_string(),
        Fact::RemovedByLog => "The file is not there, and the journal drops it: a drop was under way.".to_string(),
        Fact::Owner { uid, mode, most } => {
            format!("It belongs to user {uid}, mode {mode:04o}; most files here belong to user {most}.")
        }
        Fact::Room { bytes, files } => {
            format!("There is now space for {} and {} files.", human(*bytes), grouped(*files))
        }
        Fact::MetadataWhole => "All rows of the metadata can be read, and it is not encrypted.".to_string(),
        Fact::MetadataEncrypted => "The metadata is intact and encrypted: what is missing is the key.".to_string(),
        Fact::TurtleDoesNotFit => {
            "The turtle does not fit WiredTiger.wt, whose own newest checkpoint is intact.".to_string()
        }
        Fact::MetadataDamaged => "The metadata cannot be read here either.".to_string(),
        Fact::WtLogs { first, last, count: n } => {
            format!("The journal has {}, numbered {first} to {last}.", count(*n, "file"))
        }
        Fact::NoWtLogs => "There are no journal files.".to_string(),
        Fact::WrittenBy { engine, mongodb } => {
            let by = mongodb
                .map(|(first, last)| format!(", which is part of MongoDB {first} to {last}"))
                .unwrap_or_default();
            format!("The dbPath was written by engine {engine}{by}.")
        }
        Fact::Findings { count: n, codes } => {
            format!("The audit has {} there: {}.", count(*n, "finding"), codes.join(", "))
        }
        Fact::NoFinding => "The audit finds nothing wrong there.".to_string(),
        Fact::CutByStart => {
            "The journal is consistent here: the start that wrote this line truncated it. Anything after that is gone."
                .to_string()
        }
        Fact::SetAside { name, rows, lost } => format!(
            "{} has {}; {} of their files are here but not in the metadata.",
            escape(name),
            count(*rows, "row"),
            grouped(*lost)
        ),
        Fact::FileEmpty => "The file exists, but is empty.".to_string(),
        Fact::OtherVersion { found } => format!("The files here have version {found}."),
        Fact::NothingToAsk => "A data directory cannot show this.".to_string(),
        Fact::Unreadable { reason } => format!("It could not be read: {}.", escape(reason)),
    }
}

fn limit_words(limit: Limit) -> &'static str {
    match limit {
        Limit::SilenceIsNotHealth => {
            "A log without errors does not prove that the data is intact: the engine does not complain about what it \
             never reads. wtcheck audit DBPATH reads everything."
        }
        Limit::Cut => "The compressed stream is truncated; the rest is not in the log.",
        Limit::LastLineOpen => "The last line does not end with a line feed; it may be truncated.",
        Limit::BeginsTooLate => "The lines before the first one here, which show the cause.",
        Limit::TooMany => "There are too many different places to count separately: some counts are too low.",
        Limit::SalvageIsSilent => {
            "What was in the truncated part of the journal: the engine does not say how many commits it dropped."
        }
    }
}
