//! A whole store as one SVG: a band for each table or file, one below the other, and one legend for all.

use super::map::{Axis, Grid, KindId, Mark, Picture, Total, share, shortened};
use super::svg::{
    EXACT, LETTER, LINE, LISTED, MARGIN, PITCH, Plane, ROW, Sums, WIDTH, begin, folded, legend, listing, words_of, xml,
};
use super::text::{grouped, human};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most bands; what must be seen comes before the rest.
const BANDS: usize = 400;
/// Cells of a band that cannot be drawn exactly.
const CELLS: u64 = 360;
/// Right edge of the bands: behind it, size and the share that must be seen.
const RIGHT: f64 = WIDTH - MARGIN - 230.0;

/// A band: its name, and what lies on it.
pub struct Band {
    pub name: String,
    pub picture: Picture,
}

/// A store: a title, lines below it, its bands.
pub struct Store {
    pub title: String,
    pub notes: Vec<String>,
    pub bands: Vec<Band>,
    /// All bands have this axis, from the one number to before the other; else each has its own.
    pub common: Option<(u64, u64)>,
    /// Checkpoints, on a common axis.
    pub marks: Vec<Mark>,
}

/// Draw it.
pub fn render(store: &Store) -> String {
    let mut shown: Vec<&Band> = store.bands.iter().collect();
    let hidden = shown.len().saturating_sub(BANDS);
    if hidden > 0 {
        shown.sort_by_key(|b| (b.picture.important().next().is_none(), std::cmp::Reverse(b.picture.whole())));
        shown.truncate(BANDS);
    }
    let mut sums = sums(&store.bands);
    if store.common.is_some() {
        // Each counts its own gaps, which are none of the axis that they share.
        sums.totals.remove(&KindId::Absent);
    }
    let important: Vec<(&Band, usize)> =
        store.bands.iter().map(|b| (b, b.picture.important().count())).filter(|(_, n)| *n > 0).collect();
    let count: usize = important.iter().map(|(_, n)| n).sum();
    let mut notes: Vec<String> = store.notes.iter().flat_map(|n| folded(n)).collect();
    if hidden > 0 {
        notes.push(format!(
            "{} bands, and {} smaller ones without anything to look into",
            BANDS,
            grouped(hidden as u64)
        ));
    }
    let marked = Picture { marks: store.marks.clone(), ..axis_of(store, None) };
    notes.extend(super::svg::marks_meant(&marked));
    let names = shown.iter().map(|b| shortened(&b.name).chars().count()).max().unwrap_or(0);
    #[allow(clippy::cast_precision_loss)]
    let (left, rows, listed) = (
        MARGIN + names as f64 * LETTER + 10.0,
        shown.len() as f64,
        (sums.totals.len() + count.min(LISTED + 1) + 4) as f64,
    );
    #[allow(clippy::cast_precision_loss)]
    let top = MARGIN + 14.0 + LINE * notes.len() as f64 + LINE * 1.8;
    let bottom = top + rows * PITCH + LINE;
    let kinds: Vec<KindId> = sums.totals.keys().copied().collect();
    let (mut out, _) = begin(&store.title, &notes, bottom + listed * LINE + MARGIN, &kinds);
    let head = top - 6.0;
    let _ = writeln!(
        out,
        "<text class=\"label\" x=\"{:.1}\" y=\"{head:.1}\">bytes</text>\
         <text class=\"label\" x=\"{:.1}\" y=\"{head:.1}\">to look into</text>",
        RIGHT + 80.0,
        WIDTH - MARGIN
    );
    let mut y = top;
    for band in shown {
        draw(band, store, (left, y), &mut out);
        y += PITCH;
    }
    marks(store, (left, top, y - top - (PITCH - ROW)), &mut out);
    let end = legend(&sums, bottom, &mut out);
    let lines = important.iter().flat_map(|(b, _)| {
        b.picture.important().map(|r| format!("{}: {}", b.name, words_of(&b.picture, r))).take(LISTED)
    });
    listing(count, lines, end, &mut out);
    out.push_str("</svg>\n");
    out
}

/// The axis of a band, or of all.
fn axis_of(store: &Store, band: Option<&Band>) -> Picture {
    let (start, end) = match (store.common, band) {
        (Some(common), _) => common,
        (None, Some(band)) => (band.picture.start, band.picture.start.saturating_add(band.picture.length)),
        (None, None) => (0, 0),
    };
    let (axis, unit) = band.map_or((Axis::Lsn, 1), |b| (b.picture.axis, b.picture.unit));
    Picture::new("", axis, start, end.saturating_sub(start), unit)
}

/// Checkpoints, as lines across all bands.
fn marks(store: &Store, (left, top, tall): (f64, f64, f64), out: &mut String) {
    let picture = Picture { marks: store.marks.clone(), ..axis_of(store, None) };
    let per_row = picture.length.max(1);
    let grid = Grid { span: per_row, columns: 1, cells: 1 };
    Plane { picture: &picture, grid, per_row, left, right: RIGHT, top, exact: 0, tall }.marks(out);
}

fn draw(band: &Band, store: &Store, (left, y): (f64, f64), out: &mut String) {
    let p = &band.picture;
    let mut picture = axis_of(store, Some(band));
    picture.runs.clone_from(&p.runs);
    // A band has no cell smaller than the smallest step.
    let span = picture.length.div_ceil(CELLS).max(picture.unit);
    let cells = picture.length.div_ceil(span).max(1);
    let grid = Grid { span, columns: cells, cells };
    let per_row = picture.length.max(1);
    let exact = EXACT / store.bands.len().clamp(1, BANDS);
    let plane = Plane { picture: &picture, grid, per_row, left, right: RIGHT, top: y, exact, tall: ROW };
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{:.1}\"><title>{}</title>{}</text>\
         <rect class=\"absent\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{ROW}\"/>",
        y + ROW - 4.0,
        xml(&band.name),
        xml(&shortened(&band.name)),
        RIGHT - left
    );
    plane.draw(out);
    let totals = p.totals();
    let bad: u64 = totals.iter().filter(|(k, _)| k.kind().important).filter_map(|(_, t)| t.bytes).sum();
    let runs = p.important().count() as u64;
    let words = match (runs, bad) {
        (0, _) => "-".to_string(),
        // What is missing has no bytes.
        (n, 0) => format!("{} x", grouped(n)),
        (_, bytes) => format!("{}, {}", human(bytes), share(bytes, p.whole())),
    };
    let _ = writeln!(
        out,
        "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        RIGHT + 80.0,
        y + ROW - 4.0,
        human(p.whole()),
        WIDTH - MARGIN,
        y + ROW - 4.0,
        xml(&words)
    );
}

/// What there is of each kind in all bands.
fn sums(bands: &[Band]) -> Sums {
    let mut totals: BTreeMap<KindId, Total> = BTreeMap::new();
    let plus = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    for (kind, t) in bands.iter().flat_map(|b| b.picture.totals()) {
        let sum = totals.entry(kind).or_default();
        sum.runs = sum.runs.saturating_add(t.runs);
        sum.units = sum.units.saturating_add(t.units);
        (sum.versions, sum.bytes) = (plus(sum.versions, t.versions), plus(sum.bytes, t.bytes));
    }
    Sums {
        totals,
        whole: bands.iter().fold(0, |sum, b| sum.saturating_add(b.picture.whole())),
        noun: bands.first().map_or("page ids", |b| b.picture.axis.noun(2)),
        versions: bands.iter().any(|b| b.picture.stored.is_some()),
    }
}
