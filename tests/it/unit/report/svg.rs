use KindId::*;
use wtcheck::report::map::{Axis, KindId, Picture, Run};
use wtcheck::report::svg::*;

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
fn hostile_pictures_do_no_harm() {
    let mut p = Picture::new("", Axis::Lsn, u64::MAX - 5, u64::MAX, 0);
    p.push(run(u64::MAX - 2, u64::MAX, Orphan));
    p.push(run(1, 5, Live));
    well_formed(&render(&p));
    well_formed(&render(&Picture::new("none", Axis::Offset, 0, 0, 0)));
}
