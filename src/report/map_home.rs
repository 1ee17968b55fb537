//! Local files as pictures: where every byte of a file belongs.

use super::map::{self, Axis, Cell, Fold, KindId, Look, Picture, Run};
use super::map_pagelog::{BAR, NAME, Verdicts, shortened, verdict};
use super::map_tree::{self, Shape};
use super::sheet::Sheet;
use super::svg_bands::{Band, Store};
use super::table::{Table, name, number};
use super::text::{count, escape, grouped, size};
use super::view::View;
use super::{Format, Output};
use crate::audit::finding::{Code, Severity};
use crate::audit::home::FileMap;
use crate::audit::home::result::{FileInfo, NotKnown};
use crate::audit::result::{Audit, SCHEMA_VERSION};
use crate::coverage::Coverage;
use crate::home::space::{Units, Use};
use crate::schema;
use crate::words::text::shell_word;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Files on screen, unless more detail was asked for.
const SHOWN_FILES: usize = 40;

/// The picture of one file.
pub fn picture(audit: &Audit, info: &FileInfo, map: &FileMap) -> Picture {
    let title = match (&info.namespace, &info.index) {
        (Some(ns), Some(index)) => format!("{}: {ns}, index {index}", info.file),
        (Some(ns), None) => format!("{}: {ns}", info.file),
        _ => info.file.clone(),
    };
    let length = info.physical_size.max(info.file_size.unwrap_or(0));
    let alloc = u64::from(info.allocation_size);
    let mut picture = Picture::new(title, Axis::Offset, 0, length, alloc);
    if let Some(space) = &info.space {
        picture.notes.push(format!(
            "{}; {} reusable, {} kept for older checkpoints, {} lost{}",
            count(info.checkpoints.len() as u64, "checkpoint"),
            size(space.available),
            size(space.discarded),
            size(space.lost),
            if space.uncertain { "; not everything could be read" } else { "" }
        ));
    }
    let account = &map.account;
    // What must be seen wins over what lies there.
    let mut taken = Units::new(info.allocation_size, length);
    let mut runs = Vec::new();
    let mut draw = |units: &Units, kind| {
        let mine = units.without(&taken);
        runs.extend(mine.spans().map(|s| Run { start: s.start, len: s.len().min(length - s.start), kind }));
        taken.join(&mine);
    };
    let mut damaged = Units::new(info.allocation_size, info.physical_size);
    let broken = |code| {
        matches!(
            code,
            Code::BlockChecksum
                | Code::BlockHeader
                | Code::PageUndecodable
                | Code::KeyOutOfOrder
                | Code::DescriptorInvalid
        )
    };
    for f in audit.findings.iter().filter(|f| f.place.file.as_deref() == Some(info.file.as_str())) {
        if let (Some(offset), Severity::Error, true) = (f.place.offset, f.severity, broken(f.code)) {
            damaged.add(offset, f.place.length.unwrap_or(alloc));
        }
    }
    draw(&damaged, KindId::Damaged);
    let mut twice = damaged.empty();
    for (span, _) in &account.overlaps {
        twice.add(span.start, span.len());
    }
    draw(&twice, KindId::DoubleBooked);
    let mut lost = damaged.empty();
    if let (true, Some(units)) = (account.certain, account.of(Use::Lost)) {
        lost.join(units);
    }
    draw(&lost, KindId::Lost);
    draw(&account.internal, KindId::Internal);
    draw(&account.overflow, KindId::Overflow);
    for (what, kind) in [
        (Use::Description, KindId::Description),
        (Use::Tree, KindId::Leaf),
        (Use::ExtentList, KindId::ExtentList),
        (Use::Available, KindId::Available),
        (Use::Discarded, KindId::Kept),
        (Use::Lost, KindId::Undetermined),
    ] {
        if let Some(units) = account.of(what) {
            draw(units, kind);
        }
    }
    let end = info.file_size.unwrap_or(length);
    if end < info.physical_size {
        runs.push(Run { start: end, len: info.physical_size - end, kind: KindId::Beyond });
    } else if info.physical_size < end {
        runs.push(Run { start: info.physical_size, len: end - info.physical_size, kind: KindId::Missing });
    }
    runs.sort_by_key(|r| r.start);
    let mut at = 0;
    for run in runs {
        // The last unit of a cut file may reach into what is missing.
        let start = run.start.max(at);
        let stop = run.start.saturating_add(run.len);
        picture.push(Run { start, len: stop.saturating_sub(start), ..run });
        at = at.max(stop);
    }
    picture
}

/// All of some files in one picture.
pub fn store(audit: &Audit, maps: &[FileMap]) -> Store {
    let local = audit.local.iter().flat_map(|l| &l.files);
    let bands: Vec<Band> = local
        .filter_map(|f| {
            let picture = picture(audit, f, maps.iter().find(|m| m.file == f.file)?);
            Some(Band { name: named(f), picture })
        })
        .collect();
    let bytes = bands.iter().map(|b| b.picture.length).sum();
    let title = format!("{}, each file from its first byte to its last", audit.store.home);
    let notes = vec![format!("{}, {}, {}", audit.store.kind.words(), count(bands.len() as u64, "file"), size(bytes))];
    Store { title, notes, bands, common: None, marks: Vec::new() }
}

/// A file by what it holds: MongoDB's file names differ in the middle only.
fn named(f: &FileInfo) -> String {
    match (&f.namespace, &f.index) {
        (Some(ns), Some(index)) => format!("{ns} {index}"),
        (Some(ns), None) => ns.clone(),
        _ => f.file.clone(),
    }
}

/// Everything a map of a home says, for programs.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "HomeMap"))]
pub(crate) struct Document<'a> {
    schema_version: u32,
    home: &'a str,
    files: Vec<&'a FileInfo>,
    pictures: &'a [Picture],
    #[serde(skip_serializing_if = "<[Shape]>::is_empty")]
    shapes: &'a [Shape],
    not_checked: &'a [NotKnown],
    coverage: &'a Coverage,
    audit: Verdicts,
    exit_code: u8,
}

impl schema::Document for Document<'_> {
    const NAME: &'static str = "map-home";
    const COMMAND: &'static str = "wtcheck map, on local block files";
}

/// What is shown of files.
#[derive(Clone, Copy)]
pub enum Drawn<'a> {
    /// A list with a bar each.
    Bars,
    /// The pictures of a few.
    Pictures,
    /// The shapes of their trees.
    Shapes(&'a [Shape]),
}

/// Show files.
pub fn show(audit: &Audit, maps: &[FileMap], drawn: Drawn<'_>, svg: &dyn Fn() -> String, output: &mut Output) {
    let Some(local) = &audit.local else { return };
    let by_name: HashMap<&str, &FileMap> = maps.iter().map(|m| (m.file.as_str(), m)).collect();
    let all: Vec<Picture> =
        local.files.iter().filter_map(|f| Some(picture(audit, f, by_name.get(f.file.as_str())?))).collect();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        home: &audit.store.home,
        files: local.files.iter().collect(),
        pictures: if matches!(drawn, Drawn::Pictures) { &all } else { &[] },
        shapes: if let Drawn::Shapes(shapes) = drawn { shapes } else { &[] },
        not_checked: &local.not_checked,
        coverage: &audit.coverage,
        audit: Verdicts::of(audit),
        exit_code: audit.exit_code,
    };
    if output.format == Format::Jsonl {
        return lines(&document, output);
    }
    let look = Look::of(output);
    let keeps = output.keeps();
    let files = &local.files;
    output.document(&document, || {
        let text = drawn_as(audit, files, drawn, (&by_name, &all), look);
        let mut out = Sheet::new();
        out.picture(if keeps { svg() } else { String::new() }, text);
        out.push_str(&look.plain(verdict(audit)));
        let view = View { audit, paint: look.paint, verbose: look.verbose, mendable: false };
        out.push_str(&look.plain(view.not_checked()));
        out
    });
}

fn drawn_as(
    audit: &Audit,
    files: &[FileInfo],
    drawn: Drawn<'_>,
    (by_name, all): (&HashMap<&str, &FileMap>, &[Picture]),
    look: Look,
) -> String {
    let mut out = String::new();
    match drawn {
        Drawn::Pictures => {
            let texts: Vec<String> = all.iter().map(|p| map::text(p, look)).collect();
            out.push_str(&texts.join("\n"));
        }
        Drawn::Bars => {
            let mapped = files.iter().map(|f| f.file.as_str()).filter(|f| by_name.contains_key(f));
            let by_name: HashMap<&str, &Picture> = mapped.zip(all).collect();
            out.push_str(&look.plain(overview(audit, files, &by_name, look)));
        }
        Drawn::Shapes(shapes) => {
            out.push_str(&format!("{}: {}\n\n", escape(&audit.store.home), audit.store.kind.words()));
            out.push_str(&look.plain(map_tree::text(shapes, look)));
        }
    }
    out
}

/// JSON lines: each file, picture and run, and a summary.
fn lines(document: &Document<'_>, output: &mut Output) {
    let mut out: String = document.files.iter().map(|f| map::json_line("file", f)).collect();
    out.extend(document.pictures.iter().map(map::json_lines));
    out.extend(document.shapes.iter().map(|s| map::json_line("shape", s)));
    let rest = Document { files: Vec::new(), pictures: &[], shapes: &[], ..document.clone() };
    out.push_str(&map::json_summary(&rest, &["files", "pictures", "shapes"]));
    output.raw(out.as_bytes());
}

fn overview(audit: &Audit, files: &[FileInfo], pictures: &HashMap<&str, &Picture>, look: Look) -> String {
    let mut out = format!(
        "{}: {}, {}, {}\n\n",
        escape(&audit.store.home),
        audit.store.kind.words(),
        count(files.len() as u64, "file"),
        size(audit.store.bytes)
    );
    let mut order: Vec<&FileInfo> = files.iter().collect();
    let hidden = order.len().saturating_sub(if look.verbose > 0 { usize::MAX } else { SHOWN_FILES });
    if hidden > 0 {
        order.sort_by_key(|f| std::cmp::Reverse(f.physical_size));
        order.truncate(SHOWN_FILES);
    }
    let have_names = order.iter().any(|f| f.namespace.is_some());
    let rows = order.iter().map(|f| {
        let mut row = vec![escape(&f.file)];
        if have_names {
            row.push(match (&f.namespace, &f.index) {
                (Some(ns), Some(index)) => format!("{}, index {}", escape(ns), escape(index)),
                (Some(ns), None) => escape(ns),
                _ => String::new(),
            });
        }
        let space = f.space.unwrap_or_default();
        row.extend([grouped(f.physical_size), grouped(space.tree), grouped(space.available)]);
        row.push(map::share(space.available, f.physical_size));
        row.extend([grouped(space.discarded), grouped(space.lost)]);
        row
    });
    let mut columns = vec![name("File")];
    columns.extend(have_names.then(|| name("Holds")));
    columns.extend([
        number("File bytes"),
        number("Tree").goes(2),
        number("Reusable"),
        number("Share").goes(3),
        number("Kept").goes(1),
        number("Lost"),
    ]);
    out.push_str(&Table::new(columns, rows.collect::<Vec<_>>()).text(look.width.map(usize::from), look.paint));
    if hidden > 0 {
        out.push_str(&format!("and {} smaller files; -v shows all\n", grouped(hidden as u64)));
    }
    out.push_str(&format!("\n{}\n", look.paint.head("Each file from its first byte to its last")));
    let width = look.columns().saturating_sub(NAME + 2).clamp(10, BAR);
    let (mut kinds, mut seen): (BTreeMap<KindId, u64>, Vec<Cell>) = Default::default();
    for f in &order {
        let Some(p) = pictures.get(f.file.as_str()) else { continue };
        // A bar has no cell smaller than an allocation unit.
        let span = p.length.div_ceil(width as u64).max(p.unit);
        let mut fold = Fold::new(0, span, usize::try_from(p.length.div_ceil(span)).unwrap_or(width).max(1));
        p.runs.iter().for_each(|run| fold.add(*run));
        let cells = fold.finish();
        out.push_str(&format!("{:<NAME$}  {}\n", shortened(&escape(&named(f))), look.cells(&cells)));
        seen.extend(cells);
        for run in &p.runs {
            *kinds.entry(run.kind).or_default() += run.len;
        }
    }
    out.push_str(&look.few(&seen));
    let whole: u64 = kinds.values().sum();
    let rows = kinds.into_iter().map(|(kind, bytes)| (kind, vec![grouped(bytes), map::share(bytes, whole)]));
    out.push('\n');
    out.push_str(&look.legend(&["Bytes", "Share"], rows.collect()));
    let bad = files.iter().find(|f| pictures.get(f.file.as_str()).is_some_and(|p| p.important().next().is_some()));
    if let Some(f) = bad.or(order.iter().max_by_key(|f| f.physical_size).copied()) {
        let path = std::path::Path::new(&audit.store.home).join(&f.file);
        let word = shell_word(&path.display().to_string());
        out.push_str(&format!("\n{}\n  wtcheck map {word}\n", look.paint.head("Next")));
    }
    out
}
