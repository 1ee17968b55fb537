use KindId::*;
use wtcheck::report::map::{Axis, KindId, Mark, Picture, Run};
use wtcheck::report::svg::*;
use wtcheck::report::svg_bands::{Band, Store};

fn run(start: u64, len: u64, kind: KindId) -> Run {
    Run { start, len, kind }
}

/// Every element is closed by its own end, and text holds no stray markup. Counts rectangles.
fn well_formed(svg: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let body = svg.split_once("?>").unwrap().1;
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        assert!(tag.matches('"').count() % 2 == 0 && !text.contains('>'), "{part}");
        for entity in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|e| entity.starts_with(e)), "{part}");
        }
        match tag {
            t if t.starts_with('/') => assert_eq!(open.pop(), Some(name), "{part}"),
            t if t.ends_with('/') => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(svg.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("<script") && !svg.contains("href"));
    svg.matches("<rect").count()
}

#[test]
fn hostile_text_is_escaped() {
    let mut p = Picture::new("<b>&\"'\x1b]]>\u{fffe}\u{202e}", Axis::PageId, 1, 3, 1);
    p.notes.push("</svg><script>alert(1)</script>".to_string());
    p.push(run(1, 2, Live));
    let svg = render(&p);
    well_formed(&svg);
    assert!(svg.contains("&lt;b&gt;&amp;&quot;&#39;\\u{1b}]]&gt;\\u{fffe}\\u{202e}"), "{svg}");
    assert!(svg.contains("live: pages 1 to 2; 2 page ids"), "{svg}");
}

#[test]
fn runs_are_exact_where_they_are_few() {
    let mut p = Picture::new("f.wt", Axis::Offset, 0, 4096 * 1000, 4096);
    p.push(run(0, 4096, Description));
    p.push(run(4096, 4096 * 998, Leaf));
    p.push(run(4096 * 999, 4096, Lost));
    let svg = render(&p);
    well_formed(&svg);
    assert!(svg.contains("lost: offset 4091904, 4,096 (4.0 KiB); 1 block<"), "{svg}");
    assert!(svg.contains("class=\"lost-marked edge\"") && svg.contains("prefers-color-scheme:dark"));
    // Leaves fill sixteen rows.
    assert_eq!(svg.matches("<title>leaf: offset 4096, ").count(), 16);
}

#[test]
fn size_is_bounded_and_important_runs_stay() {
    let kinds = [Leaf, Available, Internal];
    let mut p = Picture::new("big", Axis::Offset, 0, 4096 * 300_000, 4096);
    for i in 0..300_000_u64 {
        let kind = if i == 123_456 { Lost } else { kinds[usize::try_from(i * i % 7 % 3).unwrap()] };
        p.push(run(i * 4096, 4096, kind));
    }
    assert!(p.runs.len() > 100_000);
    let svg = render(&p);
    assert!(well_formed(&svg) < 20_000);
    assert!(svg.contains("lost: offset 505675776, 4,096 (4.0 KiB); 1 block<") && svg.contains("mostly "));
    let mut p = Picture::new("bad", Axis::PageId, 5, 600_000, 1);
    (0..300_000).for_each(|i| p.push(run(5 + i * 2, 1, if i % 2 == 0 { Orphan } else { Live })));
    let svg = render(&p);
    assert!(well_formed(&svg) < 20_000);
    assert!(svg.contains("runs to look into, the first is orphan: page 5;"));
}

#[test]
fn markers_say_how_much_they_stand_for() {
    // Runs of one page in ten, in a hundredth, in most of a stretch each.
    let mut p = Picture::new("shades", Axis::PageId, 0, 3_000_000, 1);
    for i in 0..300_000_u64 {
        let bad = match i / 100_000 {
            0 => 1,
            1 => 4,
            _ => 8,
        };
        let bad = if i / 100_000 == 0 && i % 10 > 0 { 0 } else { bad };
        p.push(run(i * 10, bad, Orphan));
        p.push(run(i * 10 + bad, 10 - bad, Live));
    }
    let svg = render(&p);
    assert!(well_formed(&svg) < 2_000, "neighbours that look alike are one");
    assert!(svg.contains("the paler, the less"));
    for (opacity, words) in [("0.45", "; 1 % of this<"), ("0.6", "; 40 % of this<"), ("0.8", "; 80 % of this<")] {
        let marked = svg.lines().any(|l| {
            l.contains("orphan-marked") && l.contains(&format!("fill-opacity=\"{opacity}\"")) && l.contains(words)
        });
        assert!(marked, "{opacity} {words}");
    }
    if let Ok(dir) = std::env::var("WTCHECK_PICTURES") {
        std::fs::write(format!("{dir}/shades.svg"), svg).unwrap();
    }
}

#[test]
fn checkpoints_are_lines_with_a_wedge() {
    let mut p = Picture::new("t", Axis::Lsn, 100, 100, 1);
    p.push(run(100, 100, Live));
    p.marks = (90..230).map(|n| Mark { lsn: wtcheck::id::Lsn(n), audited: n == 150 }).collect();
    let svg = render(&p);
    well_formed(&svg);
    assert_eq!(svg.matches("class=\"mark audited\"").count(), 1);
    assert!(svg.contains("checkpoints: 100 here; the thick one is at LSN 150; 40 before or after"), "{svg}");
    assert!(svg.matches("class=\"mark\"").count() <= 300, "of many in one place one");
}

#[test]
fn a_store_is_a_band_for_each_of_its_parts() {
    let mut bands: Vec<Band> = (0..500)
        .map(|n| {
            let mut picture = Picture::new("", Axis::Offset, 0, 4096 * 100, 4096);
            picture.push(run(0, 4096 * 100, if n == 499 { Lost } else { Leaf }));
            Band { name: format!("<file {n}>"), picture }
        })
        .collect();
    let few = bands.split_off(497);
    let store = |bands, common| Store {
        title: "store".into(),
        notes: vec!["word ".repeat(60)],
        bands,
        common,
        marks: Vec::new(),
    };
    let svg = wtcheck::report::svg_bands::render(&store(few, None));
    well_formed(&svg);
    for words in ["&lt;file 497&gt;", "&lt;file 499&gt;: lost: offset 0,", "lost-marked edge", "400.0 KiB, 100.0 %"] {
        assert!(svg.contains(words), "{words} in {svg}");
    }
    let longest = svg.split("<text").filter_map(|t| t.split_once('>')?.1.split_once('<')).map(|t| t.0.len()).max();
    assert!(longest < Some(150), "no line is longer than the paper is wide");
    // A share below a tenth of a percent is written with a sign that XML reads otherwise.
    let mut tiny = Picture::new("", Axis::Offset, 0, 1 << 40, 4096);
    tiny.push(run(0, 4096, Lost));
    let svg = wtcheck::report::svg_bands::render(&store(vec![Band { name: "tiny".into(), picture: tiny }], None));
    well_formed(&svg);
    assert!(svg.contains("4.0 KiB, &lt; 0.1 %"), "{svg}");
    bands
        .extend((0..20).map(|n| Band { name: format!("small {n}"), picture: Picture::new("", Axis::Offset, 0, 9, 1) }));
    let svg = wtcheck::report::svg_bands::render(&store(bands, None));
    assert!(well_formed(&svg) < 2000 && svg.contains("400 bands, and 117 smaller ones"));
    well_formed(&wtcheck::report::svg_bands::render(&store(Vec::new(), Some((5, 2)))));
}

#[test]
fn hostile_pictures_do_no_harm() {
    let mut p = Picture::new("", Axis::Lsn, u64::MAX - 5, u64::MAX, 0);
    p.push(run(u64::MAX - 2, u64::MAX, Orphan));
    p.push(run(1, 5, Live));
    well_formed(&render(&p));
    well_formed(&render(&Picture::new("none", Axis::Offset, 0, 0, 0)));
}
