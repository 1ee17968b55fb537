//! Tables at any width: every line fits, no number is torn, nothing is lost that is not said to be left out.

use crate::widths::{numbers, runs, without_colours};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;
use wtcheck::report::fit;
use wtcheck::report::table::{Table, name, number, prose, whole};
use wtcheck::report::tone::{Paint, colours, html, plain};
use wtcheck::words::text::escape;

const PAINT: Paint = Paint { on: true };

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,19}".prop_map(|n| n),
        any::<u64>().prop_map(wtcheck::words::text::grouped),
        "[a-z./_-]{0,60}",
        "([a-zéß漢]{1,12} ){0,12}",
        "2026-0[1-9]-1[0-9] 1[0-9]:0[0-9]:00Z",
        any::<i64>().prop_map(|n| PAINT.bad(&wtcheck::report::text::signed(n))),
        "metadata_lsn=[0-9]{19},metadata_checksum=[0-9a-f]{8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn tables_fit_and_tear_no_number(
        rows in prop::collection::vec(prop::collection::vec(cell(), 5), 1..6),
        room in 60_usize..141,
    ) {
        let columns = || [name("Name"), number("Bytes").goes(2), whole("Code").goes(1), prose("What it is"), number("LSN")];
        let rows: Vec<Vec<String>> = rows;
        let shown = colours(&Table::new(columns(), rows.clone()).text(Some(room), PAINT));
        let shown = without_colours(&shown);
        let all = without_colours(&colours(&Table::new(columns(), rows.clone()).text(None, PAINT)));
        for line in shown.lines() {
            // One long word in a field of its own has no place to be cut at that a number would not suffer from.
            prop_assert!(line.width() <= room || numbers(line).iter().any(|n| n.len() > 19), "{} of {room}: {line}", line.width());
        }
        for number in numbers(&shown) {
            prop_assert!(runs(&all).contains(number.trim_start_matches(['+', '-'])), "{number} is nobody's\n{shown}\n{all}");
        }
        // What is not shown is said.
        let left_out = shown.contains("Left out");
        for last in rows.iter().map(|r| plain(&r[4])).filter(|c| !numbers(c).is_empty()) {
            let compact: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
            let wanted: String = last.chars().filter(|c| !c.is_whitespace()).collect();
            prop_assert!(left_out || compact.contains(&wanted), "{last} is lost\n{shown}");
        }
    }

    #[test]
    fn lines_fit(text in "([a-z0-9,./=_-]{1,40} ){0,20}", room in 60_usize..120) {
        for line in fit::lines(&text, Some(room)).lines() {
            prop_assert!(line.width() <= room, "{line}");
        }
    }

    #[test]
    fn marks_are_never_left(text in any::<String>(), tone in 0_u8..5) {
        let text = escape(&text);
        let painted = match tone {
            0 => PAINT.bad(&text),
            1 => PAINT.warn(&text),
            2 => PAINT.good(&text),
            3 => PAINT.head(&text),
            _ => PAINT.faint(&text),
        };
        prop_assert_eq!(plain(&painted), text.clone());
        prop_assert_eq!(without_colours(&colours(&painted)), text.clone());
        prop_assert_eq!(painted.width(), text.width());
        let page = html(&painted);
        prop_assert_eq!(page.matches("<span").count(), page.matches("</span>").count());
        let bare = page.replace("</span>", "");
        prop_assert!(bare.matches('<').count() == page.matches("<span").count(), "{}", page);
    }
}

#[test]
fn a_folded_command_is_the_same_command() {
    let command =
        "wtcheck repair plan '/data/a b/it'\\''s here' --table file:collection-7-1234567890123456789.wt -o plan.yaml";
    let folded = fit::command(command, Some(60), "  ");
    assert!(folded.lines().count() > 1 && folded.lines().all(|l| l.width() <= 60), "{folded}");
    let words = |text: &str| {
        let out = std::process::Command::new("sh").arg("-c").arg(format!("printf '%s\\n' {text}")).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(words(&folded), words(command));
}

#[test]
fn names_that_would_look_the_same_stand_whole() {
    let long = |n: u32| format!("collection-{n}-{}.wt", "7".repeat(60));
    let rows: Vec<Vec<String>> = vec![vec![long(1), "1".into()], vec![long(2), "2".into()]];
    let text = Table::new([name("File"), number("Bytes")], rows).text(Some(60), PAINT);
    assert!(text.contains('…') && text.contains("collection-1-7"), "{text}");
    let middle = |n: u32| format!("collection{}-{n}-{}.wt", "8".repeat(40), "7".repeat(40));
    let rows: Vec<Vec<String>> = vec![vec![middle(1), "1".into()], vec![middle(2), "2".into()]];
    let text = Table::new([name("File"), number("Bytes")], rows).text(Some(60), PAINT);
    assert!(text.contains("-1-") && text.contains("-2-"), "{text}");
}
