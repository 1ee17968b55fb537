//! `wtcheck map DIR`: what lies where, as a picture.

use super::args::{DumpArgs, ForceArgs, StoreArgs, TableArgs};
use super::html::{HtmlArgs, place};
use super::{Failure, Outcome};
use crate::audit::pagelog::Opened;
use crate::audit::{self, AuditError, home};
use crate::id::TableId;
use crate::output::Target;
use crate::page::Depth;
use crate::pagelog::catalog;
use crate::report::map::Picture;
use crate::report::map_home::{self, Drawn};
use crate::report::map_pagelog::{self, By, Log};
use crate::report::map_tree::Shape;
use crate::report::{Output, svg, svg_bands, svg_tree};
use crate::store::blockfile::BlockFile;
use crate::subject::{Kind, Subject};
use std::collections::HashMap;
use std::path::PathBuf;

/// Most trees that are drawn one by one; more of them are listed with a bar each.
const FEW: usize = 8;

/// Draw what lies where: live, kept for older checkpoints, freed, leaked, damaged
///
/// Of a page log: lists the trees with a bar each, or draws those that --table chooses: by page id, or
/// by LSN to show how old what they hold is. Every version has the class that the audit gives it.
///
/// Of local block files: lists the files with their sizes and reusable bytes and a bar each, or draws
/// those that --table chooses, or the one file that is named instead of a directory, from the first
/// byte to the last.
///
/// With --by tree it shows the shape of trees instead, of either: levels, pages, how full they are.
///
/// What is leaked, damaged or missing is shown wherever it occurs, however little of it there is. With --svg a
/// tree or file that is alone is drawn at length, several as a band each.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("written").args(["svg", "html"]).multiple(true)))]
#[command(mut_arg("force", |a| a.requires("written")), mut_arg("table", |a| a.help(
    "Draw the trees whose URI or name matches this glob, or whose table id it is; many are listed instead"
)))]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    table: TableArgs,
    /// The axis of pictures and bars
    #[arg(long, value_enum, default_value = "page", value_name = "AXIS")]
    by: By,
    /// Also write the picture to this file as SVG; it must lie outside the inspected directory
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlArgs,
    #[command(flatten)]
    force: ForceArgs,
    #[command(flatten)]
    dumps: DumpArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let subject = super::subject_or_dumps(&args.store.dir, &args.dumps, "map", true, output)?;
    let target = args.svg.as_deref().map(|path| place(path, args.force.force, Some(&subject), "--svg")).transpose()?;
    let page = args.html.begin(args.force.force, Some(&subject), output)?;
    let code = match subject.page_log() {
        None => local_files(args, &subject, target.as_ref(), output)?,
        Some(_) => page_log(args, &subject, target.as_ref(), output)?,
    };
    if let Some(page) = page {
        let home = args.store.home();
        page.write(&format!("Map of {home}"), &home, Vec::new(), output)?;
    }
    Ok(code)
}

/// The files of a local home, or one of them.
fn local_files(args: &Args, subject: &Subject, target: Option<&Target>, output: &mut Output) -> Outcome {
    let (found, maps) = super::audit_local(subject, &args.store, &args.table, Depth::Normal, output)?;
    if args.by == By::Tree {
        let shapes = file_shapes(args, subject, &maps)?;
        let svg = || svg_tree::render(&found.store.home, &[], &shapes);
        draw(target, &svg, output)?;
        map_home::show(&found, &maps, Drawn::Shapes(&shapes), &svg, output);
        return super::judged(&found, found.exit_code, output);
    }
    let svg = || {
        let local = found.local.iter().flat_map(|l| &l.files);
        let one = maps.first().filter(|_| maps.len() == 1);
        match one.and_then(|m| Some((local.into_iter().find(|f| f.file == m.file)?, m))) {
            Some((info, map)) => svg::render(&map_home::picture(&found, info, map)),
            None => svg_bands::render(&map_home::store(&found, &maps)),
        }
    };
    draw(target, &svg, output)?;
    let chosen = matches!(subject.kind, Kind::BlockFile(_)) || args.table.table.is_some();
    let drawn = if chosen && maps.len() <= FEW { Drawn::Pictures } else { Drawn::Bars };
    map_home::show(&found, &maps, drawn, &svg, output);
    super::judged(&found, found.exit_code, output)
}

/// The shapes of the trees in files.
fn file_shapes(args: &Args, subject: &Subject, maps: &[home::FileMap]) -> Result<Vec<Shape>, Failure> {
    let no_mmap = args.store.read.no_mmap;
    let (home, _) = subject.home(no_mmap)?;
    let mut out = Vec::new();
    for map in maps {
        let Some(entry) = home.file(&map.file) else { continue };
        // What cannot be opened the audit has told.
        let Ok(file) = BlockFile::open(&home.path(&entry.name), no_mmap) else { continue };
        let name = home.names.for_file(&entry.name).map(|n| match n.index {
            Some(index) => format!("{}, index {index}", n.namespace),
            None => n.namespace,
        });
        let title = match name.filter(|n| !n.is_empty()) {
            Some(name) => format!("{}: {name}", entry.name),
            None => entry.name.clone(),
        };
        out.push(Shape::of_file(title, file, entry));
    }
    Ok(out)
}

/// The trees of a page log.
fn page_log(args: &Args, subject: &Subject, target: Option<&Target>, output: &mut Output) -> Outcome {
    let store = super::open(subject, args.store.read)?;
    let opened = audit::pagelog::open(&*store, true, &output.progress)?;
    let options = args.store.audit_options(Depth::Normal, None);
    let result = audit::pagelog::run_on(&opened, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    let (found, class) = result?;
    let completions = opened.completions.iter().map(|c| c.lsn).collect();
    let (others, by) = (HashMap::new(), args.by);
    let mut log = Log { index: &opened.index, class: &class, audit: &found, others, completions, by };
    if log.tables().into_iter().any(|t| log.is_nameless(t)) {
        log.others = other_uris(&opened)?;
    }
    let wanted = |table: &TableId| {
        let by_id = args.table.table.as_ref().is_none_or(|g| g.text() == table.to_string());
        by_id || log.uri(*table).is_some_and(|uri| args.table.matches(uri))
    };
    let tables: Vec<TableId> = log.tables().into_iter().filter(wanted).collect();
    if tables.is_empty() && args.table.table.is_some() {
        let names = log.tables().into_iter().map(|t| format!("{} (table {t})", log.name(t))).collect::<Vec<_>>();
        let message = format!("no tree matches; the store has {}", names.join(", "));
        return Err(Failure::usage(message, "name one of them with --table, or leave it out for all"));
    }
    let trees: Vec<_> = tables.iter().map(|t| log.tree(*t)).collect();
    if args.by == By::Tree {
        let shapes = log_shapes(&opened, &log, &tables)?;
        let svg = || svg_tree::render(&found.store.home, &log.notes(), &shapes);
        draw(target, &svg, output)?;
        map_pagelog::show(&log, trees, &[], Some(&shapes), &svg, output);
    } else {
        let drawn = (args.table.table.is_some() || (target.is_some() && trees.len() == 1)) && trees.len() <= FEW;
        let pictures: Vec<Picture> = trees.iter().filter(|_| drawn).map(|t| log.picture(t)).collect();
        let bands = log.store(&trees);
        let svg = || match pictures.as_slice() {
            [picture] => svg::render(picture),
            _ => svg_bands::render(&bands),
        };
        draw(target, &svg, output)?;
        map_pagelog::show(&log, trees, &pictures, None, &svg, output);
    }
    super::beside(subject, "map", output);
    super::judged(&found, found.exit_code, output)
}

/// The shapes of some trees of the audited checkpoint.
fn log_shapes(opened: &Opened<'_>, log: &Log<'_>, tables: &[TableId]) -> Result<Vec<Shape>, AuditError> {
    let stood = log.audit.checkpoint.as_ref().and_then(|c| opened.completions.iter().find(|r| r.lsn == c.lsn));
    let mut reader = opened.store.reader()?;
    let checkpoint = stood.and_then(|row| catalog::open(&opened.index, &mut *reader, row).ok());
    let trees = checkpoint.map_or_else(Vec::new, |c| catalog::read(&opened.index, &mut *reader, &c).trees);
    let mut out = Vec::new();
    for tree in trees.iter().filter(|t| tables.contains(&t.table)) {
        let name = format!("{}, table {}", log.name(tree.table), tree.table);
        out.push(Shape::of_log(name, &opened.index, opened.store.reader()?, tree));
    }
    Ok(out)
}

/// URIs by table, of every checkpoint that can be read: the audited one may not name them all.
fn other_uris(opened: &Opened<'_>) -> Result<HashMap<TableId, String>, AuditError> {
    let mut reader = opened.store.reader()?;
    let mut out = HashMap::new();
    for row in &opened.completions {
        if let Ok(checkpoint) = catalog::open(&opened.index, &mut *reader, row) {
            let trees = catalog::read(&opened.index, &mut *reader, &checkpoint).trees;
            out.extend(trees.into_iter().map(|t| (t.table, t.uri)));
        }
    }
    Ok(out)
}

/// Write the picture if it was asked for, and say where.
fn draw(target: Option<&Target>, svg: &dyn Fn() -> String, output: &mut Output) -> Result<(), Failure> {
    let Some(target) = target else { return Ok(()) };
    target.write(svg().as_bytes())?;
    output.complain(&format!("wrote {}", target.path().display()));
    Ok(())
}
