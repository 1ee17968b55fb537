//! `wtcheck map DIR`: what lies where, as a picture.

use super::args::{DumpArgs, ForceArgs, StoreArgs, TableArgs};
use super::{Failure, Outcome};
use crate::audit::pagelog::Opened;
use crate::audit::{self, AuditError, home};
use crate::exit;
use crate::id::TableId;
use crate::output::{Eyes, Target};
use crate::page::Depth;
use crate::pagelog::catalog;
use crate::report::map::Picture;
use crate::report::map_home;
use crate::report::map_pagelog::{self, By, Log};
use crate::report::{Output, svg};
use crate::scratch;
use crate::subject::{Kind, Subject};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

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
/// What is leaked, damaged or missing is shown wherever it occurs, however little of it there is.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP, mut_arg("force", |a| a.requires("svg")), mut_arg("table", |a| a.help(
    "Draw the trees whose URI or name matches this glob, or whose table id it is; many are listed instead"
)))]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    dumps: DumpArgs,
    #[command(flatten)]
    table: TableArgs,
    /// The axis of pictures and bars
    #[arg(long, value_enum, default_value = "page", value_name = "AXIS")]
    by: By,
    /// Also write the picture to this file as SVG; it must lie outside the inspected directory
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    force: ForceArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let subject = super::subject_or_dumps(&args.store.dir, &args.dumps, "map", true, output)?;
    let target = args.svg.as_deref().map(|path| self::target(path, args.force.force, &subject)).transpose()?;
    if subject.page_log().is_none() {
        return local_files(args, &subject, target.as_ref(), output);
    }
    page_log(args, &subject, target.as_ref(), output)
}

/// The files of a local home, or one of them.
fn local_files(args: &Args, subject: &Subject, target: Option<&Target>, output: &mut Output) -> Outcome {
    let (found, maps) = super::audit_local(subject, &args.store, &args.table, Depth::Normal, output)?;
    if let Some(target) = target {
        let local = found.local.as_ref();
        let info = |m: &home::FileMap| local?.files.iter().find(|f| f.file == m.file);
        let one = maps.first().filter(|_| maps.len() == 1).and_then(|m| Some((info(m)?, m)));
        let Some((info, map)) = one else {
            let message = format!("--svg draws one file, and there are {} to draw", maps.len());
            return Err(Failure::usage(message, "name one file, or choose one with --table"));
        };
        draw(target, &map_home::picture(&found, info, map), output)?;
    }
    let chosen = matches!(subject.kind, Kind::BlockFile(_)) || args.table.table.is_some();
    map_home::show(&found, &maps, chosen && maps.len() <= FEW, output);
    super::judged(&found, found.exit_code, output)
}

/// The trees of a page log.
fn page_log(args: &Args, subject: &Subject, target: Option<&Target>, output: &mut Output) -> Outcome {
    let store = super::open(subject, args.store.read)?;
    let opened = audit::pagelog::open(&*store, true, &output.progress)?;
    let options = args.store.audit_options(Depth::Normal, None);
    let result = audit::pagelog::run_on(&opened, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    let (found, class) = result?;
    let mut log = Log { index: &opened.index, class: &class, audit: &found, others: HashMap::new(), by: args.by };
    if log.tables().into_iter().any(|t| log.is_nameless(t)) {
        log.others = other_uris(&opened)?;
    }
    let wanted = |table: &TableId| {
        let by_id = args.table.table.as_ref().is_none_or(|g| g.glob().glob() == table.to_string());
        by_id || log.uri(*table).is_some_and(|uri| args.table.matches(uri))
    };
    let tables: Vec<TableId> = log.tables().into_iter().filter(wanted).collect();
    if tables.is_empty() && args.table.table.is_some() {
        let names = log.tables().into_iter().map(|t| format!("{} (table {t})", log.name(t))).collect::<Vec<_>>();
        let message = format!("no tree matches; the store has {}", names.join(", "));
        return Err(Failure::usage(message, "name one of them with --table, or leave it out for all"));
    }
    if target.is_some() && tables.len() != 1 {
        let message = format!("--svg draws one tree, and there are {}", tables.len());
        return Err(Failure::usage(message, "choose one of them with --table"));
    }
    let trees: Vec<_> = tables.iter().map(|t| log.tree(*t)).collect();
    let drawn = (args.table.table.is_some() || target.is_some()) && trees.len() <= FEW;
    let pictures: Vec<Picture> = trees.iter().filter(|_| drawn).map(|t| log.picture(t)).collect();
    if let (Some(target), Some(picture)) = (target, pictures.first()) {
        draw(target, picture, output)?;
    }
    map_pagelog::show(&log, trees, &pictures, output);
    super::beside(subject, "map", output);
    super::judged(&found, found.exit_code, output)
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

/// A place for the picture that is no part of what is looked at.
fn target(path: &Path, force: bool, inspected: &Subject) -> Result<Target, Failure> {
    let above = scratch::directory_of(path);
    let dir = std::fs::canonicalize(above).map_err(|e| {
        Failure::usage(format!("{}: {e}", above.display()), "give --svg a file in a directory that exists")
    })?;
    let name = path.file_name().unwrap_or_default();
    if inspected.places().iter().any(|e| dir.starts_with(e) || dir.join(name) == *e) {
        let what = format!("{} lies inside the inspected directory, where nothing is written", path.display());
        return Err(Failure::usage(what, "give --svg a file outside of it"));
    }
    Ok(Target::new(path, force, Eyes::Owner)?)
}

/// Write the picture, and say where.
fn draw(target: &Target, picture: &Picture, output: &mut Output) -> Result<(), Failure> {
    target.write(svg::render(picture).as_bytes())?;
    output.complain(&format!("wrote {}", target.path().display()));
    Ok(())
}
