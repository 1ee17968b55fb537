//! The commands that come next after an audit.

use super::lost_rows::lost_rows;
use super::view::View;
use crate::audit::finding::{Code, Detail, Finding, Remedy, Severity};
use crate::audit::harm::{self, Harm};
use crate::audit::pagelog::fact::Fact;
use crate::audit::result::Verdict;
use crate::page::Depth;
use crate::store::StoreKind;
use crate::words;
use crate::words::text::shell_word;

/// Findings that a repair of a page log can do something about.
const MENDED: [Code; 7] = [
    Code::SizeInflated,
    Code::SizeDeflated,
    Code::SizeDoubleRoot,
    Code::DatabaseSizeInflated,
    Code::DatabaseSizeDeflated,
    Code::OrphanPage,
    Code::OrphanImage,
];
/// Findings on the newest completion record, which goes only by its LSN.
const DROPPED: [Code; 2] = [Code::TurtleChecksum, Code::CompletionInvalid];

/// A command that comes next.
pub(super) struct Next {
    pub(super) command: String,
    /// It mends, takes out or decides; the others look closer.
    pub(super) acts: bool,
}

/// A command that looks closer.
fn look(command: String) -> Next {
    Next { command, acts: false }
}

/// A command that does something about it.
fn act(command: String) -> Next {
    Next { command, acts: true }
}

impl View<'_> {
    /// What to do about a finding, with its own path and numbers in the commands.
    pub(super) fn remedy(&self, f: &Finding) -> String {
        let (home, place) = (self.home(), &f.place);
        let whole = self.audit.store.kind == StoreKind::Local && std::path::Path::new(&self.audit.store.home).is_dir();
        if f.code == Code::DescriptorInvalid && f.remedy == Remedy::OfCode && whole && !self.mendable {
            return "Restore the file from a replica or a backup, and keep this one: the block holds no rows, but too \
                    little else of the file is intact for a repair."
                .to_string();
        }
        let mut out = words::remedy(f).replace('`', "");
        let mut fill = |with: &str, own: Option<String>| {
            if let Some(own) = own {
                out = out.replace(with, &own);
            }
        };
        fill("page DIR TABLE PAGE", place.table_id.zip(place.page_id).map(|(t, p)| format!("page {home} {t} {p}")));
        let offset = place.offset.filter(|_| place.file.is_some());
        fill("page FILE --offset N", offset.map(|at| format!("page {} --offset {at}", self.path_of(f))));
        let older = self.older_checkpoint();
        fill("audit DIR --checkpoint LSN", older.map(|lsn| format!("audit {home} --checkpoint {lsn}")));
        for verb in ["repair plan", "pickup replay"] {
            fill(&format!("{verb} DIR"), Some(format!("{verb} {home}")));
        }
        out
    }

    /// The store in a command: what is gathered, where these are dumps.
    fn home(&self) -> String {
        match self.audit.store.dumps.is_empty() {
            true => shell_word(&self.audit.store.home),
            false => "gathered".into(),
        }
    }

    /// The file of a finding in a command.
    fn path_of(&self, f: &Finding) -> String {
        let dir = std::path::Path::new(&self.audit.store.home);
        let name = f.place.file.as_deref().unwrap_or_default();
        let path = if dir.is_dir() { dir.join(name) } else { dir.to_path_buf() };
        shell_word(&path.display().to_string())
    }

    /// The exact commands that come next.
    pub(super) fn commands(&self) -> Vec<Next> {
        match self.audit.store.kind {
            StoreKind::Local => self.of_home(),
            StoreKind::Palite | StoreKind::Palm => self.of_page_log(),
        }
    }

    fn of_page_log(&self) -> Vec<Next> {
        let a = self.audit;
        let mut out: Vec<Next> = Vec::new();
        let dumps: Vec<String> = a.store.dumps.iter().map(|word| shell_word(word)).collect();
        // What is below reads a page log only.
        let home = self.home();
        let mut codes: Vec<&str> = Vec::new();
        for f in a.findings.iter().filter(|f| f.severity > Severity::Note) {
            if !codes.contains(&f.code.name()) {
                codes.push(f.code.name());
            }
        }
        if let Some(code) = codes.first() {
            out.push(look(format!("wtcheck explain {code}")));
        }
        if !a.orphans.is_empty() {
            out.push(look(format!("wtcheck orphans {home}")));
        }
        let newest = a.checkpoint.as_ref().is_none_or(|c| a.keystore.checkpoints.iter().all(|o| o.lsn <= c.lsn));
        // What could not be read a plan stands on as well.
        let readable = a.coverage.allows_clean() && a.findings.iter().all(|f| f.code != Code::StoreDamaged);
        if newest && readable && a.findings.iter().any(|f| MENDED.contains(&f.code)) {
            out.push(act(format!("wtcheck repair plan {home} -o plan.yaml")));
        }
        // The last resort: it gives up what was written since, so it is no answer by itself.
        let record = |f: &Finding| match &f.detail {
            Detail::PageLog(fact) => match fact.as_ref() {
                Fact::Refused { record, .. } => Some(*record),
                _ => None,
            },
            Detail::Home(_) => None,
        };
        let refused = a.findings.iter().filter(|f| DROPPED.contains(&f.code)).filter_map(record);
        let newer = refused.filter(|lsn| a.checkpoint.as_ref().is_some_and(|c| c.lsn < *lsn));
        let drop: Vec<String> = newer.map(|lsn| format!(" --drop-completion {lsn}")).collect();
        if newest && readable && !drop.is_empty() {
            out.push(look(format!("wtcheck repair plan {home}{} -o plan.yaml", drop.concat())));
        }
        let page = a.findings.iter().find(|f| f.severity == Severity::Error && f.place.page_id.is_some());
        if let Some(f) = page
            && let (Some(table), Some(page)) = (f.place.table_id, f.place.page_id)
        {
            out.push(look(format!("wtcheck page {home} {table} {page}")));
        }
        if a.findings.iter().any(|f| f.code == Code::StaleKeystore) {
            out.push(act(format!("wtcheck pickup replay {home}")));
        }
        let damaged = self.trees().iter().any(|t| !t.complete);
        if let (true, Some(lsn)) = (damaged, self.older_checkpoint()) {
            out.push(act(format!("wtcheck audit {home} --checkpoint {lsn}")));
        }
        if a.local.is_some() {
            out.extend(self.of_files());
        }
        // All but the explanation of a code are about the page log.
        if out.len() > usize::from(!codes.is_empty()) && !dumps.is_empty() {
            out.insert(0, act(format!("wtcheck gather {} -o gathered", dumps.join(" "))));
        }
        out
    }

    fn of_home(&self) -> Vec<Next> {
        let a = self.audit;
        let home = shell_word(&a.store.home);
        let mut out: Vec<Next> = Vec::new();
        let worst = a.findings.iter().find(|f| f.severity > Severity::Note);
        if let Some(f) = worst {
            out.push(look(format!("wtcheck explain {}", f.code.name())));
        }
        if self.mendable {
            out.push(act(format!("wtcheck repair plan {home} -o plan.yaml")));
        }
        out.extend(self.of_files());
        if a.verdict != Verdict::Clean && a.store.depth != Depth::Deep {
            out.push(look(format!("wtcheck audit {home} --deep")));
        }
        out
    }

    /// The commands that show the worst places of block files.
    fn of_files(&self) -> Vec<Next> {
        let a = self.audit;
        let mut out = Vec::new();
        let of_file = |f: &&Finding| {
            let files = a.local.iter().flat_map(|l| &l.files);
            f.place.file.as_ref().is_some_and(|name| files.into_iter().any(|file| file.file == *name))
        };
        let block = a.findings.iter().filter(of_file).find(|f| {
            f.place.offset.is_some()
                && matches!(
                    f.code,
                    Code::BlockChecksum
                        | Code::BlockHeader
                        | Code::PageUndecodable
                        | Code::KeyOutOfOrder
                        | Code::ExtentOverlap
                )
        });
        if let Some(f) = block {
            out.push(look(format!("wtcheck page {} --offset {}", self.path_of(f), f.place.offset.unwrap_or(0))));
        }
        // An index is built again; of it nothing has to be taken out.
        let lost = a.local.as_ref().map(|local| lost_rows(a, local)).unwrap_or_default();
        let mut lost = lost.iter().filter(|(file, _)| file.index.is_none()).peekable();
        if lost.peek().is_some() {
            let older = if lost.any(|(file, _)| file.checkpoints.len() > 1) { " --older" } else { "" };
            out.push(act(format!("wtcheck dump {} -o rescued{older}", shell_word(&a.store.home))));
        } else if a.findings.iter().filter(of_file).any(|f| harm::of(f, a) == Harm::Content) {
            // Which rows is not known: what nothing leads to any more may have them.
            out.push(act(format!("wtcheck dump {} -o rescued --older --orphans", shell_word(&a.store.home))));
        }
        let space =
            a.findings.iter().filter(of_file).find(|f| matches!(f.code, Code::ExtentLost | Code::ExtentOverlap));
        if let Some(f) = space.or(block) {
            out.push(look(format!("wtcheck map {}", self.path_of(f))));
        }
        out
    }
}
