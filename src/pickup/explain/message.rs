//! The messages of a record that say something about pick-up, found by their stable
//! fragments, white space and case aside.

use crate::format::completion;
use crate::id::Lsn;
use crate::pickup::code::Code;
use crate::pickup::step::Step;
use crate::serverlog::form;
use crate::serverlog::lines::{self, HARD, Record, SOFT};
use crate::serverlog::pickup_lines as said;
use crate::serverlog::squeezed::Squeezed;

/// Characters of a message that are quoted.
const QUOTED: usize = 300;
/// How far behind a message its return code may stand.
const NEAR: usize = 600;
/// Longest completion text.
const MAX_CONFIG: usize = 4096;

/// Lines that accompany a failure and do not cause it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noise {
    /// `WT_NOTFOUND`, `item not found`, -31803.
    NotFound,
    /// A read above the materialization frontier.
    Frontier,
    /// A block that was read again.
    Retry,
    /// A block that could not be read.
    ReadError,
}

/// Which number of the server's checkpoint manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Newest checkpoint that is materialized and applied.
    Latest,
    Installed,
    ToInstall,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// The inner function failed. `newest`: in the words of the newest builds.
    Failed { lsn: Lsn, code: Option<Code>, newest: bool },
    /// The outer function failed; the completion text.
    Config { text: String, code: Option<Code> },
    /// A step names itself.
    Named { lsn: Option<Lsn>, step: Step, words: String, code: Option<Code> },
    /// The key provider states what was persisted and what it has committed.
    Stale { persisted: Lsn, committed: Lsn, words: String },
    /// A row of a page log did not come.
    ReadFailed { lsn: Lsn },
    /// An older checkpoint was refused.
    Older { current: Lsn, new: Lsn },
    /// The installed checkpoint once more.
    Same,
    /// A checkpoint was installed.
    Installed { lsn: Lsn, ms: Option<u64> },
    /// A leader wrote or completed one.
    Wrote { lsn: Lsn },
    /// A number of the checkpoint manager.
    Manager(Field, Lsn),
    /// The process dies: what failed, if it says so.
    Dies { text: Option<String>, signal: Option<u64> },
    /// The engine panicked.
    Panic,
    /// An accompanying line. `older`: words of builds until April 2026; `newer`: of those since.
    Noise { noise: Noise, older: bool, newer: bool },
    /// Something about keys.
    Key(String),
    /// An error of the session that picks up, in words that are not known here.
    Other(String),
    /// A server starts.
    Starts,
}

/// A message and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) line: u64,
    /// Time as the log has it.
    pub(crate) time: Option<String>,
    /// Session of the engine.
    pub(crate) session: Option<String>,
    /// Thread of the server.
    pub(crate) context: Option<String>,
    /// The process, if the line has it.
    pub(crate) pid: Option<u64>,
    pub(crate) message: Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    FailedOld,
    FailedNew,
    Config,
    Step(Step),
    StepAt(Step),
    Stale,
    ReadFailed,
    Older,
    Same,
    Installed,
    Wrote,
    Manager(Field),
    Invariant,
    Signal,
    Dying,
    Panic,
    Noise(Noise),
    Key,
    /// The name of the session that picks up.
    Session,
    Starts,
}

/// Words that a message begins with, up to its first place. The first that fits at a place wins.
const FRAGMENTS: [(&str, Kind); 52] = [
    (said::FAILED, Kind::FailedOld),
    (said::FAILED_NEWEST, Kind::FailedNew),
    (said::FAILED_CONFIG, Kind::Config),
    (said::PARSE_FAILED, Kind::StepAt(Step::ParseTurtle)),
    (said::KEYS_FAILED, Kind::StepAt(Step::LoadKey)),
    (said::MERGE_FAILED, Kind::StepAt(Step::Merge)),
    (said::OLDER, Kind::Older),
    (said::SAME, Kind::Same),
    (said::CHECKSUM, Kind::StepAt(Step::Checksum)),
    (said::FETCH_FAILED, Kind::StepAt(Step::FetchTurtle)),
    ("read failed for page ID 1, lsn", Kind::ReadFailed),
    (said::VERSION, Kind::Step(Step::Versions)),
    (said::KEY_TOO_SMALL, Kind::Step(Step::LoadKey)),
    ("would leave btree ID", Kind::Step(Step::Merge)),
    (said::MISSING_FILE, Kind::Step(Step::Merge)),
    ("legacy metadata invalid timestamp", Kind::Step(Step::ParseTurtle)),
    ("missing checkpoint entry", Kind::Step(Step::ParseTurtle)),
    (said::STALE_KEY, Kind::Stale),
    (said::KEY_LINES[0], Kind::Step(Step::LoadKey)),
    (said::KEY_LINES[1], Kind::Step(Step::LoadKey)),
    (said::KEY_LINES[2], Kind::Step(Step::LoadKey)),
    (said::KEY_LINES[3], Kind::Step(Step::LoadKey)),
    (said::INSTALLED, Kind::Installed),
    (said::WROTE, Kind::Wrote),
    (said::COMPLETED, Kind::Wrote),
    ("latest materialized and applied checkpoint LSN", Kind::Manager(Field::Latest)),
    ("installed checkpoint LSN", Kind::Manager(Field::Installed)),
    ("checkpoint to install LSN", Kind::Manager(Field::ToInstall)),
    ("invariant failure", Kind::Invariant),
    ("fatal assertion", Kind::Invariant),
    ("got signal", Kind::Signal),
    ("backtrace", Kind::Dying),
    ("fassert() failure", Kind::Dying),
    ("sigabrt", Kind::Dying),
    ("WiredTiger library panic", Kind::Panic),
    ("WT_PANIC", Kind::Panic),
    ("-31804", Kind::Panic),
    ("WT_NOTFOUND", Kind::Noise(Noise::NotFound)),
    ("item not found", Kind::Noise(Noise::NotFound)),
    ("-31803", Kind::Noise(Noise::NotFound)),
    ("LSN frontier", Kind::Noise(Noise::Frontier)),
    ("retry #", Kind::Noise(Noise::Retry)),
    ("read error for", Kind::Noise(Noise::ReadError)),
    ("kek", Kind::Key),
    ("keystore", Kind::Key),
    ("key provider", Kind::Key),
    ("key_provider", Kind::Key),
    ("kmip", Kind::Key),
    ("rotat", Kind::Key),
    ("checkpoint-pick-up", Kind::Session),
    ("SERVER RESTARTED", Kind::Starts),
    ("MongoDB starting", Kind::Starts),
];

/// The words of a template up to its first place, without white space, in lower case. What parts them from a number
/// differs: it is left out.
fn words(template: &str, kind: Kind) -> String {
    let named = matches!(kind, Kind::Older | Kind::Installed);
    // The names of these numbers are looked for behind the words.
    let words = template.split(if named { ':' } else { '{' }).next().unwrap_or_default();
    let squeezed: String = words.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>().to_ascii_lowercase();
    match squeezed.strip_suffix("metadata_lsn=") {
        Some(stem) => format!("{stem}metadata_lsn"),
        None => squeezed,
    }
}

/// Finds messages.
#[derive(Debug)]
pub(crate) struct Finder {
    /// Fragments, squeezed.
    fragments: Vec<(String, Kind)>,
    /// Fragments by their first byte.
    by_first: Vec<Vec<usize>>,
}

impl Default for Finder {
    fn default() -> Self {
        let mut by_first = vec![Vec::new(); 256];
        let fragments: Vec<(String, Kind)> = FRAGMENTS.iter().map(|(text, kind)| (words(text, *kind), *kind)).collect();
        for (n, (fragment, _)) in fragments.iter().enumerate() {
            if let Some(list) = fragment.bytes().next().and_then(|first| by_first.get_mut(usize::from(first))) {
                list.push(n);
            }
        }
        Self { fragments, by_first }
    }
}

impl Finder {
    /// The messages of a record, in its order.
    pub(crate) fn find(&self, record: &Record) -> Vec<Found> {
        let text = Squeezed::new(&record.text);
        let mut hits = Vec::new();
        let mut at = 0;
        while let Some(first) = text.lower.get(at) {
            let fits = |n: &&usize| {
                self.fragments
                    .get(**n)
                    .is_some_and(|(f, kind)| text.is(at, f) && (*kind != Kind::Key || text.is_word(at, f)))
            };
            let hit = self.by_first.get(usize::from(*first)).and_then(|list| list.iter().find(fits));
            match hit.and_then(|n| self.fragments.get(*n)) {
                Some((fragment, kind)) => {
                    hits.push((at, at.saturating_add(fragment.len()), *kind));
                    at = at.saturating_add(fragment.len());
                }
                None => at = at.saturating_add(1),
            }
        }
        if hits.is_empty() {
            return Vec::new();
        }
        let entry = form::entry(record);
        let named = hits.iter().any(|h| h.2 == Kind::Session && text.is_name_of_session(h.0));
        let session = entry.as_ref().and_then(|e| e.session.as_deref());
        let in_session = session.map_or(named, |name| name.starts_with("checkpoint-pick-up"));
        hits.retain(|h| h.2 != Kind::Session);
        let mut out = tell(record, &text, &hits);
        // What is no more than noise elsewhere is an error of its own in this session.
        let own = |h: &(usize, usize, Kind)| {
            !matches!(h.2, Kind::Key | Kind::Panic | Kind::Noise(Noise::NotFound | Noise::ReadError))
        };
        if in_session && !hits.iter().any(own) && text.is_error() {
            let message = Message::Other(text.quote(0, text.bytes.len()));
            let (line, time) = (record.line, text.time());
            out.push(Found { line, time, session: None, context: None, pid: None, message });
        }
        let pid = entry.and_then(|e| e.pid);
        out.iter_mut().for_each(|found| found.pid = pid);
        out
    }
}

/// What the fragments that were found mean.
fn tell(record: &Record, text: &Squeezed<'_>, hits: &[(usize, usize, Kind)]) -> Vec<Found> {
    let main = |k: Kind| !matches!(k, Kind::Noise(_) | Kind::Panic | Kind::Key | Kind::Starts);
    let single = lines::time_stamp(&record.text).is_some()
        || lines::envelope(&record.text).is_some()
        || record.text.starts_with(b"{");
    let first_main = hits.iter().find(|h| main(h.2)).map(|h| h.0);
    let time = text.time();
    let mut out: Vec<Found> = Vec::new();
    // What a message has used up, such as the code behind it.
    let mut used = 0;
    let (mut line, mut counted) = (record.line, 0);
    let mut next_main = vec![text.bytes.len(); hits.len()];
    let mut next = text.bytes.len();
    for (slot, hit) in next_main.iter_mut().zip(hits).rev() {
        *slot = next;
        next = if main(hit.2) { hit.0 } else { next };
    }
    let mut noisy = None;
    let mut keyed = None;
    for (n, (at, end, kind)) in hits.iter().enumerate() {
        let (at, end) = (*at, *end);
        let offset = text.at.get(at).copied().unwrap_or_default();
        if offset >= record.limit {
            break;
        }
        line = line.saturating_add(lines::breaks(record.text.get(counted..offset).unwrap_or_default()));
        counted = offset;
        // The next message that is no part of this one.
        let until = next_main.get(n).copied().unwrap_or(text.bytes.len());
        let message = match kind {
            Kind::FailedOld => text.number(text.skip(end)).map(|(lsn, end)| {
                let ret = text.is(end, ":ret=").then(|| text.signed(end.saturating_add(5))).flatten();
                used = ret.map_or(end, |r| r.1);
                Message::Failed { lsn: Lsn(lsn), code: ret.map(|r| r.0), newest: false }
            }),
            Kind::FailedNew => text.number(end).map(|(lsn, end)| {
                let code = text.code(at, end, until);
                used = code.map_or(end, |c| c.1);
                Message::Failed { lsn: Lsn(lsn), code: code.map(|c| c.0), newest: true }
            }),
            Kind::Config => {
                let (config, end) = text.config(end);
                let code = text.code(at, end, until);
                used = code.map_or(end, |c| c.1);
                Some(Message::Config { text: config, code: code.map(|c| c.0) })
            }
            Kind::StepAt(step) => {
                let lsn = text.number(end);
                let code = lsn.and_then(|(_, end)| text.code(at, end, until));
                used = code.map(|c| c.1).or(lsn.map(|l| l.1)).unwrap_or(end);
                let code = code.map(|c| c.0);
                let words = text.quote(at, until);
                lsn.map(|(lsn, _)| Message::Named { lsn: Some(Lsn(lsn)), step: *step, words, code })
            }
            Kind::Step(step) => {
                Some(Message::Named { lsn: None, step: *step, words: text.quote(at, until), code: None })
            }
            Kind::Stale => text.number(text.skip(end)).and_then(|(persisted, behind)| {
                let (committed, _) = text.after(behind, "timestamp")?;
                let words = text.quote(at, until);
                Some(Message::Stale { persisted: Lsn(persisted), committed: Lsn(committed), words })
            }),
            Kind::ReadFailed => text.number(text.skip(end)).map(|(lsn, _)| Message::ReadFailed { lsn: Lsn(lsn) }),
            Kind::Older => {
                let current = text.after(end, "currentmetadatalsn=");
                let new = current.and_then(|(_, end)| text.after(end, "newmetadatalsn="));
                current.zip(new).map(|(c, n)| Message::Older { current: Lsn(c.0), new: Lsn(n.0) })
            }
            Kind::Same => Some(Message::Same),
            Kind::Installed => text.after(end, "metadata_lsn=").map(|(lsn, end)| {
                let ms = text.is(end, "in").then(|| text.number(end.saturating_add(2))).flatten();
                Message::Installed { lsn: Lsn(lsn), ms: ms.filter(|(_, end)| text.is(*end, "ms")).map(|m| m.0) }
            }),
            Kind::Wrote => text.number(end).map(|(lsn, _)| Message::Wrote { lsn: Lsn(lsn) }),
            Kind::Manager(field) => text.number(text.skip(end)).map(|(lsn, _)| Message::Manager(*field, Lsn(lsn))),
            Kind::Invariant => {
                used = at.saturating_add(NEAR);
                let dead = |h: &&(usize, usize, Kind)| h.0 > at && matches!(h.2, Kind::Signal | Kind::Dying);
                let end = hits.iter().find(dead).map_or(text.bytes.len(), |h| h.0);
                Some(Message::Dies { text: Some(text.invariant(at, end)), signal: None })
            }
            Kind::Signal => {
                let signal = text.number(text.skip(end)).map(|s| s.0);
                Some(Message::Dies { text: None, signal })
            }
            Kind::Dying => Some(Message::Dies { text: None, signal: None }),
            // A code that belongs to another message says nothing of its own.
            Kind::Panic | Kind::Noise(Noise::NotFound)
                if at < used || (single && first_main.is_some_and(|m| at < m)) =>
            {
                None
            }
            Kind::Panic => Some(Message::Panic),
            Kind::Noise(noise) => {
                let place = if single { record.line } else { line };
                let new = noisy.replace(place) != Some(place);
                let older = text.is(end, "violation");
                new.then_some(Message::Noise { noise: *noise, older, newer: text.is(end, "warning") })
            }
            Kind::Session => None,
            Kind::Starts => Some(Message::Starts),
            Kind::Key => {
                let place = if single { record.line } else { line };
                let new = keyed.replace(place) != Some(place) && first_main.is_none();
                new.then(|| Message::Key(text.line_around(offset)))
            }
        };
        if let Some(message) = message {
            let (session, context) = (text.session(at), text.value_before(at, &["ctx=", "\"ctx\":\""]));
            out.push(Found { line, time: time.clone(), session, context, pid: None, message });
        }
    }
    out
}

impl Squeezed<'_> {
    /// A fragment that stands in one piece and begins a word.
    fn is_word(&self, at: usize, fragment: &str) -> bool {
        let end = at.saturating_add(fragment.len());
        let inside = (at + 1..end).all(|i| self.gap(i).iter().all(|c| *c == SOFT || fragment.starts_with("key")));
        let before = at.checked_sub(1).and_then(|b| self.bytes.get(b)).is_some_and(u8::is_ascii_alphabetic);
        inside && (!before || !self.gap(at).is_empty())
    }

    /// What stands here is the name of the session that wrote the line.
    fn is_name_of_session(&self, at: usize) -> bool {
        let before = self.lower.get(..at).unwrap_or_default();
        before.ends_with(b"session=") || before.ends_with(b"\"session_name\":\"")
    }

    /// The line is an error by what the engine or mongod says of it.
    fn is_error(&self) -> bool {
        const MARKS: [&str; 4] = ["][error]", "\"verbose_level\":\"error\"", "\"s\":\"e\"", "wiredtigererror("];
        MARKS.iter().any(|mark| self.lower.windows(mark.len()).any(|w| w == mark.as_bytes()))
    }

    /// A return code.
    fn signed(&self, at: usize) -> Option<(Code, usize)> {
        let negative = self.is(at, "-");
        let (value, end) = self.number(at.saturating_add(usize::from(negative)))?;
        let value = i32::try_from(value).ok()?;
        Some((Code(if negative { -value } else { value }), end))
    }

    /// The number behind a name that follows soon.
    fn after(&self, at: usize, name: &str) -> Option<(u64, usize)> {
        let near = self.lower.get(at..self.lower.len().min(at.saturating_add(QUOTED)))?;
        let found = near.windows(name.len()).position(|w| w == name.as_bytes())?;
        self.number(at.checked_add(found)?.checked_add(name.len())?)
    }

    /// The return code of a message: behind it, or in front of it in the envelope.
    fn code(&self, at: usize, end: usize, until: usize) -> Option<(Code, usize)> {
        let near = self.lower.get(end..until.min(end.saturating_add(NEAR)))?;
        let find = |name: &str| near.windows(name.len()).position(|w| w == name.as_bytes());
        if let Some(found) = find("error_code") {
            let code = self.signed(self.skip(end.saturating_add(found).saturating_add(10)));
            if let Some(code) = code.filter(|c| c.0 != Code::OK) {
                return Some(code);
            }
        }
        let words = |code: &Code| {
            let words: String = code.words().to_ascii_lowercase().split(' ').collect();
            find(&format!(":{words}")).or_else(|| find(&format!("={words}"))).filter(|at| *at < 80)
        };
        const WITH_WORDS: [Code; 7] =
            [Code::EINVAL, Code::EIO, Code::ENOTSUP, Code::EBUSY, Code::WT_NOTFOUND, Code::WT_PANIC, Code(12)];
        if let Some((code, found)) = WITH_WORDS.iter().find_map(|c| words(c).map(|at| (*c, at))) {
            return Some((code, end.saturating_add(found).saturating_add(2)));
        }
        let before = self.lower.get(at.saturating_sub(NEAR)..at)?;
        ["(error=", "\"error\":"].iter().find_map(|name| {
            let found = before.windows(name.len()).rposition(|w| w == name.as_bytes())?;
            self.signed(self.skip(at.saturating_sub(NEAR).saturating_add(found).saturating_add(name.len())))
                .filter(|c| c.0 != Code::OK)
                .map(|c| (c.0, end))
        })
    }

    /// The completion text that begins here, and where it ends.
    fn config(&self, at: usize) -> (String, usize) {
        let mut end = at;
        let mut breaks = Vec::new();
        while let Some(c) = self.bytes.get(end) {
            if end > at && !self.gap(end).is_empty() {
                let open = matches!(self.bytes.get(end - 1), Some(b',' | b'(' | b'='));
                let broken = self.gap(end).iter().any(|c| matches!(*c, SOFT | HARD));
                if !(open || (broken && self.goes_on(end))) {
                    break;
                }
                breaks.push(end);
            }
            let stops = b"\"'`:;]}<".contains(c) || self.is(end, "error_str") || self.is(end, "error_code");
            if stops || end - at >= MAX_CONFIG {
                break;
            }
            end += 1;
        }
        let text = |end: usize| self.bytes.get(at..end).unwrap_or_default();
        // Another line may follow that only looks like the rest of a wrapped one.
        let read = std::iter::once(end)
            .chain(breaks.into_iter().rev())
            .find(|e| completion::parse(text(*e)).is_ok())
            .unwrap_or(end);
        let shown = String::from_utf8_lossy(text(read)).into_owned();
        (shown.trim_end_matches([',', '.', ')']).to_string(), read)
    }

    /// The text from one place to another, white space made single.
    fn quote(&self, at: usize, end: usize) -> String {
        let from = self.at.get(at).copied().unwrap_or_default();
        let to = self.at.get(end).copied().unwrap_or(self.text.len()).min(from.saturating_add(QUOTED));
        let text = String::from_utf8_lossy(self.text.get(from..to).unwrap_or_default()).into_owned();
        let text = text.replace(char::from(HARD), " ");
        // Of JSON, no more than the string.
        let text = text.split("\",\"").next().unwrap_or_default();
        let mut words: Vec<&str> = text.split_whitespace().collect();
        // A file or expression behind the message is of no use without its end.
        if to < self.text.len() && words.len() > 3 && to == from.saturating_add(QUOTED) {
            words.pop();
        }
        words.join(" ").trim_end_matches(['"', '}', ',']).to_string()
    }

    /// What an invariant says, of plain text or of an object of mongod's.
    fn invariant(&self, at: usize, end: usize) -> String {
        let from = self.at.get(at).copied().unwrap_or_default();
        let to = self.at.get(end).copied().unwrap_or(self.text.len());
        let near = String::from_utf8_lossy(self.text.get(from..to).unwrap_or_default()).replace(char::from(HARD), " ");
        let near = near.split_whitespace().collect::<Vec<_>>().join(" ");
        let value = |name: &str| {
            let rest = near.split_once(&format!("\"{name}\":\""))?.1;
            rest.split("\",\"").next()?.split("\"}").next().map(str::to_string)
        };
        if let Some(expression) = value("expr") {
            let error = value("error").or_else(|| value("msg")).or_else(|| value("status"));
            let error = error.map(|e| format!(", {e}")).unwrap_or_default();
            return format!("Invariant failure: {expression}{error}");
        }
        self.quote(at, end)
    }

    /// The line around a place, shortened.
    fn line_around(&self, offset: usize) -> String {
        let is_break = |c: &u8| matches!(*c, HARD | SOFT);
        let single = lines::time_stamp(self.text).is_some() || self.text.starts_with(b"{");
        let (before, behind) = self.text.split_at(offset.min(self.text.len()));
        let from = before.iter().rposition(is_break).filter(|_| !single).map_or(0, |b| b + 1);
        let from = from.max(offset.saturating_sub(QUOTED));
        let to = behind.iter().position(is_break).filter(|_| !single).map_or(self.text.len(), |b| offset + b);
        let line = self.text.get(from..to.min(from.saturating_add(QUOTED))).unwrap_or_default();
        let line = String::from_utf8_lossy(line).replace(char::from(HARD), " ");
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        // Of an object of mongod's, what it says.
        match line.split_once("\"msg\":\"").filter(|_| line.starts_with('{')) {
            Some((_, message)) => message.trim_end_matches('}').replace("\",\"attr\":{", " "),
            None => line,
        }
    }

    /// The time of the record, as it has it.
    fn time(&self) -> Option<String> {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        if let Some(len) = lines::envelope(self.text) {
            return self.text.get(1..len - 1).map(|t| text(t).replace(':', "."));
        }
        if let Some(stamp) = lines::time_stamp(self.text) {
            return self.text.get(..stamp.len).map(|t| text(t).trim_matches(['[', ']', '(', ')']).to_string());
        }
        let head = self.bytes.get(..self.bytes.len().min(4 * QUOTED))?;
        let behind = |name: &str| {
            let at = head.windows(name.len()).position(|w| w == name.as_bytes())?;
            head.get(at.checked_add(name.len())?..)
        };
        if let Some(date) = behind("\"$date\":\"") {
            return date.split(|c| *c == b'"').next().filter(|d| d.len() < 64).map(text);
        }
        let digits = |b: &[u8]| text(b.split(|c| !c.is_ascii_digit()).next().unwrap_or_default());
        let (seconds, micros) = (digits(behind("\"ts_sec\":")?), digits(behind("\"ts_usec\":")?));
        (!seconds.is_empty()).then(|| format!("{seconds}.{micros:0>6}"))
    }

    /// The value behind the last of these names in front of a place.
    fn value_before(&self, at: usize, names: &[&str]) -> Option<String> {
        let before = self.bytes.get(at.saturating_sub(NEAR)..at)?;
        let found = names.iter().filter_map(|n| {
            before
                .windows(n.len())
                .rposition(|w| w.eq_ignore_ascii_case(n.as_bytes()))
                .map(|p| p.saturating_add(n.len()))
        });
        let value = before.get(found.max()?..)?;
        let value = value.split(|c| b"\"),".contains(c)).next()?;
        (!value.is_empty() && value.len() <= 100).then(|| String::from_utf8_lossy(value).into_owned())
    }

    /// The session in whose name a message was logged.
    fn session(&self, at: usize) -> Option<String> {
        let named = self.value_before(at, &["session=", "\"session_name\":\""]);
        named.or_else(|| {
            let before = self.bytes.get(at.saturating_sub(NEAR)..at)?;
            let category = before.windows(10).rposition(|w| w.eq_ignore_ascii_case(b":[WT_VERB_"))?;
            let name = before.get(..category)?.rsplit(|c| b",]".contains(c)).next()?;
            let ok = !name.is_empty() && name.len() <= 100 && !name.starts_with(b"file:");
            ok.then(|| String::from_utf8_lossy(name).into_owned())
        })
    }
}
