use KindId::*;
use wtcheck::audit::result::ClassTotal;
use wtcheck::report::map::*;
use wtcheck::report::text::Paint;
use wtcheck::report::tone;

const LOOK: Look = Look { paint: Paint { on: false }, width: None, verbose: 0, ascii: false };

fn run(start: u64, len: u64, kind: KindId) -> Run {
    Run { start, len, kind }
}

fn fold(span: u64, count: usize, runs: &[Run]) -> Vec<KindId> {
    let mut fold = Fold::new(100, span, count);
    runs.iter().for_each(|r| fold.add(*r));
    fold.finish().iter().map(|c| c.kind).collect()
}

#[test]
fn the_catalogue_tells_kinds_apart() {
    assert_eq!(KINDS.len(), KindId::ALL.len());
    for (at, kind) in KindId::ALL.iter().enumerate() {
        assert_eq!(*kind as usize, at);
        assert!(kind.kind().ascii.is_ascii_graphic() && kind.kind().meaning.len() < 60, "{kind:?}");
    }
    let few: Vec<(char, char)> = KindId::ALL.iter().filter_map(|k| k.few()).collect();
    assert_eq!(few.len(), KINDS.iter().filter(|k| k.important).count());
    let one = |k: char| k.to_string();
    for (mut all, more) in [
        (KINDS.iter().map(|k| k.name.to_string()).collect::<Vec<_>>(), Vec::new()),
        (KINDS.iter().map(|k| one(k.glyph)).collect(), few.iter().map(|f| one(f.0)).collect()),
        (KINDS.iter().map(|k| one(k.ascii)).collect(), few.iter().map(|f| one(f.1)).collect()),
    ] {
        all.extend(more);
        let before = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), before, "{all:?}");
    }
    assert!(few.iter().all(|f| f.1.is_ascii_graphic()));
    let classes = wtcheck::audit::pagelog::classify::Class::NAMES;
    assert!(classes.iter().all(|(_, name)| KINDS.iter().any(|k| k.name == *name)), "every class has its kind");
}

#[test]
fn cells_show_most_of_what_they_hold() {
    assert_eq!(fold(10, 3, &[run(100, 4, Live), run(104, 6, Kept)]), [Kept, Absent, Absent]);
    assert_eq!(fold(10, 3, &[run(100, 5, Kept), run(105, 5, Live)]), [Live, Absent, Absent], "a tie");
    assert_eq!(fold(10, 3, &[run(108, 1, Live), run(121, 1, Kept)]), [Live, Absent, Kept], "gaps give way");
    assert_eq!(fold(10, 5, &[run(105, 40, Leaf), run(146, 1, Internal)]), [Leaf; 5]);
    assert_eq!(fold(10, 4, &[run(100, 40, Leaf)]), [Leaf; 4]);
    assert_eq!(fold(10, 4, &[run(100, 39, Leaf), run(139, 1, Lost)]), [Leaf, Leaf, Leaf, Lost]);
}

#[test]
fn important_kinds_are_never_hidden() {
    for kind in [Damaged, DoubleBooked, Lost, Missing, Orphan] {
        assert_eq!(fold(1 << 40, 1, &[run(100, 1 << 30, Live), run(1 << 31, 1, kind)]), [kind]);
    }
    assert_eq!(fold(100, 1, &[run(100, 9, Orphan), run(110, 1, Damaged), run(120, 50, Lost)]), [Damaged]);
    // One block of 4 KiB in a file of 1 TiB.
    let mut file = Picture::new("f.wt", Axis::Offset, 0, 1 << 40, 4096);
    file.push(run(0, 4096, Description));
    file.push(run(4096, (1 << 39) - 4096, Leaf));
    file.push(run(1 << 39, 4096, Lost));
    file.push(run((1 << 39) + 4096, (1 << 39) - 4096, Available));
    let shown = text(&file, LOOK);
    let picture: Vec<&str> = shown.lines().filter(|l| l.contains("  ■") || l.contains("  ░")).collect();
    assert_eq!(shown.matches('?').count(), 1, "in the legend: {shown}");
    assert_eq!(shown.matches('!').count(), 2, "in its cell and in what that means: {shown}");
    assert!(shown.contains("\n! lost, less than half of what the character stands for\n"), "{shown}");
    assert!((12..=24).contains(&picture.len()), "{shown}");
    assert!(shown.contains("lost: offset 549755813888, 4,096 (4.0 KiB) (1 block)"), "{shown}");
    assert!(shown.lines().all(|l| l.chars().count() <= 110), "{shown}");
}

#[test]
fn how_much_of_a_cell_it_is_can_be_seen() {
    let shares = |runs: &[Run]| {
        let mut fold = Fold::new(100, 100, 2);
        runs.iter().for_each(|r| fold.add(*r));
        fold.finish().iter().map(|c| (c.kind, c.share, c.shade())).collect::<Vec<_>>()
    };
    for (len, share, shade) in
        [(1, 10, Shade::Trace), (10, 100, Shade::Part), (49, 490, Shade::Part), (50, 500, Shade::Most)]
    {
        let cells = shares(&[run(100, len, Orphan), run(100 + len, 100 - len, Live), run(200, 100, Live)]);
        assert_eq!(cells, [(Orphan, share, shade), (Live, 1000, Shade::Most)]);
    }
    // Of several important kinds in one cell the first stands for all.
    let cells = shares(&[run(100, 20, Orphan), run(120, 5, Damaged), run(130, 70, Live)]);
    assert_eq!(cells[0], (Damaged, 250, Shade::Part));
    let mut p = Picture::new("t", Axis::PageId, 0, 10_000_000, 1);
    p.push(run(0, 5_000_000, Live));
    p.push(run(5_000_000, 1, Orphan));
    p.push(run(5_000_001, 4_999_999, Live));
    let plain = text(&p, LOOK);
    assert!(plain.contains('•') && plain.contains("• orphan, less than half"), "{plain}");
    let ascii = text(&p, Look { ascii: true, ..LOOK });
    assert!(ascii.is_ascii() && ascii.contains("#a#"), "{ascii}");
    let colour = tone::colours(&text(&p, Look { paint: Paint { on: true }, ..LOOK }));
    assert!(colour.contains("\x1b[31m•\x1b[0m"), "a trace is less bright: {colour}");
}

#[test]
fn checkpoints_are_marked_where_they_lie() {
    let mut p = Picture::new("t", Axis::Lsn, 100, 140, 1);
    p.push(run(100, 140, Live));
    let mark = |lsn, audited| Mark { lsn: wtcheck::id::Lsn(lsn), audited };
    p.marks = vec![mark(5, false), mark(103, false), mark(171, true), mark(999, false)];
    let shown = text(&p, LOOK);
    let lines: Vec<&str> = shown.lines().collect();
    let at = lines.iter().position(|l| l.starts_with("100  ")).unwrap();
    let place = |line: &str, c: char| line.chars().position(|x| x == c);
    assert_eq!(place(lines[at + 1], '△'), Some(5 + 3), "{shown}");
    assert!(lines[at + 2].starts_with("170  "), "{shown}");
    assert_eq!(place(lines[at + 3], '▲'), Some(5 + 1), "{shown}");
    assert!(shown.contains("1 checkpoint before the first LSN here; 1 checkpoint after the last LSN here"), "{shown}");
    assert!(text(&p, Look { ascii: true, ..LOOK }).is_ascii());
    let json = serde_json::to_value(&p).unwrap();
    assert_eq!(json["marks"][2], serde_json::json!({ "lsn": 171, "audited": true }));
    p.marks.clear();
    assert!(serde_json::to_value(&p).unwrap().get("marks").is_none() && !text(&p, LOOK).contains('△'));
}

#[test]
fn hostile_runs_do_no_harm() {
    let end = u64::MAX;
    assert_eq!(fold(10, 2, &[run(0, 5, Live), run(end, end, Lost), run(5, 0, Kept)]), [Absent; 2]);
    assert_eq!(fold(10, 2, &[run(0, end, Live)]), [Live; 2]);
    assert_eq!(fold(0, 2, &[run(101, 1, Live), run(100, 1, Kept)]), [Kept, Live], "out of order");
    let mut wild = Picture::new("wild", Axis::PageId, 0, end, 0);
    wild.push(run(end - 1, 9, Orphan));
    let shown = text(&wild, LOOK);
    assert!(shown.contains("orphan: pages 18446744073709551614 to"), "{shown}");
    assert!(text(&Picture::new("none", Axis::Lsn, 5, 0, 1), LOOK).contains("none"));
}

#[test]
fn steps_are_round() {
    assert_eq!([1, 2, 3, 6, 11, 99, 500].map(|n| round(n).unwrap()), [1, 2, 5, 10, 20, 100, 500]);
    assert_eq!(round(u64::MAX), None);
    let grid = |axis, length, unit| Grid::new(&Picture::new("", axis, 0, length, unit), 71, 24);
    assert_eq!(grid(Axis::PageId, 87, 1), Grid { span: 1, columns: 70, cells: 87 });
    assert_eq!(grid(Axis::PageId, 70 * 24 * 3, 1), Grid { span: 5, columns: 70, cells: 1008 });
    assert_eq!(grid(Axis::Offset, 4096 * 5000, 4096), Grid { span: 4 * 4096, columns: 64, cells: 1250 });
    assert_eq!(grid(Axis::Offset, 0, 0).cells, 1);
}

#[test]
fn runs_that_touch_are_one_and_totals_count_gaps() {
    let mut p = Picture::new("t", Axis::Offset, 0, 100, 10);
    for r in [run(0, 10, Leaf), run(10, 10, Leaf), run(30, 10, Leaf), run(40, 0, Lost), run(40, 25, Internal)] {
        p.push(r);
    }
    assert_eq!(p.runs.len(), 3);
    let total = |runs, units, bytes| Total { runs, units, versions: None, bytes: Some(bytes) };
    let expected = [(Internal, total(1, 3, 25)), (Leaf, total(2, 3, 30)), (Absent, total(2, 5, 45))];
    assert_eq!(p.totals(), expected.into());
    let legend = legend(&p, LOOK);
    for line in ["│ ■ ┆ leaf     ┆    2 ┆      3 ┆    30 ┆ 30.0 % ┆ leaf pages", "45.0 %", "25.0 %"] {
        assert!(legend.contains(line), "{line} in {legend}");
    }
    assert!(!legend.contains("lost") && listed(&p, LOOK, 9).is_empty());
    assert_eq!(
        [share(0, 9), share(1, 9999), share(1, 3), share(3, 3), share(0, 0)],
        ["0.0 %", "< 0.1 %", "33.3 %", "100.0 %", "-"]
    );
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let mut p = Picture::new("t", Axis::PageId, 0, 100, 1);
    (0..50).for_each(|i| p.push(run(i * 2, 1, Orphan)));
    let shown = text(&p, LOOK);
    assert!(shown.contains("  orphan: page 38\n") && !shown.contains("page 40\n"), "{shown}");
    assert!(shown.ends_with("and 30 more; -vv or --format json lists all\n"), "{shown}");
    assert!(text(&p, Look { verbose: 2, ..LOOK }).ends_with("  orphan: page 98\n"));
}

#[test]
fn ascii_and_colour() {
    let mut p = Picture::new("naïve\x1b[2J", Axis::PageId, 7, 3, 1);
    p.push(run(7, 1, Live));
    p.push(run(9, 1, Orphan));
    let ascii = text(&p, Look { ascii: true, ..LOOK });
    assert!(ascii.is_ascii() && ascii.contains("7  #.@\n") && !ascii.contains('\x1b'), "{ascii}");
    assert!(ascii.contains("| @ | orphan | "), "{ascii}");
    let colour = tone::colours(&text(&p, Look { paint: Paint { on: true }, ..LOOK }));
    assert!(colour.contains("\x1b[32m█\x1b[0m") && colour.contains("│ \x1b[1;31m●\x1b[0m ┆ orphan"), "{colour}");
    let mut plain = String::new();
    colour.split("\x1b[").for_each(|part| plain.push_str(part.split_once('m').map_or(part, |p| p.1)));
    assert_eq!(plain, text(&p, LOOK), "colour adds nothing but colour");
    assert_eq!(
        ["C.UTF-8", "de_DE.utf8", "C", "POSIX", "en_US.ISO-8859-1"].map(is_utf8),
        [true, true, false, false, false]
    );
}

#[test]
fn programs_get_every_run() {
    let mut p = Picture::new("t", Axis::Lsn, 5, 9, 1);
    p.push(run(5, 1, Live));
    p.push(run(9, 2, Kept));
    p.stored = Some([(Live, ClassTotal { count: 1, bytes: 7 })].into());
    let json = serde_json::to_value(&p).unwrap();
    assert_eq!(
        json["runs"],
        serde_json::json!([
            { "start": 5, "len": 1, "kind": "live" },
            { "start": 9, "len": 2, "kind": "kept-for-older-checkpoint" },
        ])
    );
    assert_eq!((&json["schema_version"], &json["axis"], &json["unit"]), (&1.into(), &"lsn".into(), &1.into()));
    assert_eq!(json["totals"]["live"], serde_json::json!({ "runs": 1, "units": 1, "versions": 1, "bytes": 7 }));
    let lines: Vec<String> = json_lines(&p).lines().map(String::from).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].contains(r#""record":"picture""#) && lines[2].contains(r#""record":"run""#));
}
