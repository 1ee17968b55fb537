use wtcheck::serverlog::lines::*;

fn records(text: &str) -> Vec<(u64, String)> {
    let mut out = Vec::new();
    let mut lines = Lines::default();
    let mut sink = |r: Record| out.push((r.line, String::from_utf8(r.text).unwrap()));
    lines.push(text.as_bytes(), &mut sink);
    lines.finish(&mut sink);
    out
}

#[test]
fn times() {
    for (text, len) in [
        ("17:22:35.791  x", Some(12)),
        ("2026-06-26T17:22:35.791+00:00 x", Some(29)),
        ("2026-06-26 17:22:35,791 x", Some(23)),
        ("[17:22:35] x", Some(10)),
        ("Jun 26 17:22:35 host", Some(15)),
        ("2026-06-26T17:22:35.791Z\",", None),
        ("17:22:35x", None),
        ("Just 17:22:35", None),
    ] {
        assert_eq!(time_stamp(text.as_bytes()).map(|t| t.len), len, "{text}");
    }
    assert_eq!(envelope(b"[1795315717:660843][2:0x7]"), Some(19));
    assert_eq!(envelope(b"[17:22]"), None);
}

#[test]
fn records_begin_at_times() {
    let text = "\u{feff}> 17:22:35.791 a\r\n>   \u{2022} b\r\n> 1. 17:22:36 \x1b[31mc\x1b[0m 17:22:37.5 d\n\ne";
    let want = [(1, "17:22:35.791 a\x0bb\x0b"), (3, "17:22:36 c "), (3, "17:22:37.5 d\n"), (5, "e\x0b")];
    let got = records(text);
    assert_eq!(got.iter().map(|(n, t)| (*n, t.as_str())).collect::<Vec<_>>(), want);
}

#[test]
fn a_word_may_go_on_behind_a_width() {
    let got = records("a text of twenty-five ch 123\n456 and more\nx");
    assert_eq!(got, [(1, "a text of twenty-five ch 123\n456 and more\x0bx\x0b".to_string())]);
    let got = records("325\n3 lines");
    assert_eq!(got, [(1, "325\x0b3 lines\x0b".to_string())]);
}

#[test]
fn a_long_record_is_cut_with_an_overlap() {
    let line = "x".repeat(99) + "\n";
    let mut pieces = Vec::new();
    let mut lines = Lines::default();
    lines.push(line.repeat(5000).as_bytes(), &mut |r: Record| pieces.push(r));
    lines.finish(&mut |r: Record| pieces.push(r));
    assert!(pieces.len() > 2 && pieces.iter().all(|p| p.text.len() <= MAX_RECORD + MAX_LINE));
    assert_eq!(pieces.iter().map(|p| p.limit).sum::<usize>(), 500_000);
    assert!(pieces.windows(2).all(|w| w[1].line == w[0].line + breaks(&w[0].text[..w[0].limit])));
    assert_eq!(lines.lines(), 5000);
}
