//! Text in a given width: measured as a terminal shows it, folded at words, shortened in the middle. A number, a date
//! or an LSN is never torn; tones (see `tone`) take no room.

use super::tone::{COMMAND, is_mark};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest screen that is written for.
pub const NARROWEST: usize = 20;

/// Columns that a line takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Columns of the widest line.
pub fn widest(text: &str) -> usize {
    text.split('\n').map(width).max().unwrap_or(0)
}

fn piece(text: &str, room: usize, from_end: bool) -> String {
    let mut left = room;
    let fits = |c: &char| {
        let w = c.width().unwrap_or(0);
        let fits = w <= left;
        left = left.saturating_sub(w);
        if !fits {
            left = 0;
        }
        fits
    };
    match from_end {
        false => text.chars().take_while(fits).collect(),
        true => {
            let taken: Vec<char> = text.chars().rev().take_while(fits).collect();
            taken.into_iter().rev().collect()
        }
    }
}

/// Shares of what is kept of a name that stand at its end.
const TAILS: [(usize, usize); 5] = [(1, 2), (1, 3), (1, 5), (2, 3), (4, 5)];

/// Names in at most so many columns each: their middle is left out, where they still tell themselves apart then.
pub fn shorten(names: &[&str], room: usize) -> Option<Vec<String>> {
    let mut different: Vec<&str> = names.to_vec();
    different.sort_unstable();
    different.dedup();
    let apart = |tail: &(usize, usize)| {
        let mut short: Vec<String> = different.iter().map(|n| shortened(n, room, *tail)).collect();
        short.sort_unstable();
        short.dedup();
        short.len() == different.len()
    };
    let tail = TAILS.iter().find(|tail| apart(tail))?;
    Some(names.iter().map(|n| shortened(n, room, *tail)).collect())
}

/// A name without its middle.
fn shortened(name: &str, room: usize, (share, of): (usize, usize)) -> String {
    if width(name) <= room {
        return name.to_string();
    }
    let kept = room.saturating_sub(1);
    let tail = kept * share / of;
    format!("{}…{}", piece(name, kept - tail, false), piece(name, tail, true))
}

/// A word that reads wrong when it is torn: a number, a date, a time.
pub fn whole(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
    let digits = bare.starts_with(|c: char| c.is_ascii_digit());
    digits && bare.len() > 1 && bare.len() <= 32 && !bare.contains(['/', '\\'])
}

/// Columns of the longest word.
pub fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(width).max().unwrap_or(0)
}

/// What joins the parts of a word, and is a good place to cut it behind.
fn joins(c: char) -> bool {
    matches!(c, '/' | '_' | '=' | '(' | ')' | '{' | '}' | '[' | ']' | '"' | '\'' | ';' | '|')
}

/// Columns of the longest word that must not be torn.
pub fn longest_whole(text: &str) -> usize {
    text.split(|c: char| c.is_whitespace() || joins(c)).filter(|w| whole(w)).map(width).max().unwrap_or(0)
}

/// Cut a word that fits no line: behind what joins its parts, if that is not far from the end.
fn cut(word: &str, room: usize) -> usize {
    let head = piece(word, room.max(1), false);
    let at = head.len().max(word.chars().next().map_or(0, char::len_utf8));
    let joint = head.rfind(|c: char| joins(c) || ".,-:".contains(c)).map(|j| j + 1);
    // A number is not cut: the cut goes before it.
    let digit = |c: char| c.is_ascii_digit() || c == ',';
    let torn = |at: usize| {
        let (before, behind) = word.split_at_checked(at)?;
        let begins = before
            .rfind(|c| !digit(c))
            .map(|j| before.get(j..).map_or(at, |c| j + c.chars().next().map_or(1, char::len_utf8)))?;
        (begins > 0 && begins < at && behind.starts_with(digit)).then_some(begins)
    };
    match joint {
        Some(j) if j * 2 > at && j < word.len() && torn(j).is_none() => j,
        _ => torn(at).unwrap_or(at),
    }
}

/// One line folded at spaces into lines of so many columns, the first and the others after an indent.
pub fn fold_line(line: &str, room: usize, first: &str, others: &str) -> Vec<String> {
    folded(line, room.max(NARROWEST), first, others)
}

/// A line in a cell, which may be as narrow as it likes.
pub fn fold_cell(line: &str, room: usize) -> Vec<String> {
    folded(line, room.max(1), "", "")
}

fn folded(line: &str, room: usize, first: &str, others: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut now = first.to_string();
    let mut empty = true;
    for word in line.split(' ') {
        let gap = usize::from(!empty);
        if width(&now) + gap + width(word) <= room {
            if !empty {
                now.push(' ');
            }
            now.push_str(word);
            empty = false;
            continue;
        }
        if !empty {
            out.push(std::mem::replace(&mut now, others.to_string()));
        }
        let mut rest = word;
        while width(&now) + width(rest) > room {
            let at = cut(rest, room.saturating_sub(width(&now)));
            let (head, tail) = rest.split_at(at);
            if tail.is_empty() {
                break;
            }
            now.push_str(head);
            out.push(std::mem::replace(&mut now, others.to_string()));
            rest = tail;
        }
        now.push_str(rest);
        empty = false;
    }
    out.push(now);
    out
}

/// Every line of a text in so many columns; lines that fit stay as they are. What is folded hangs below its beginning.
pub fn lines(text: &str, room: Option<usize>) -> String {
    let Some(room) = room else { return text.to_string() };
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let ends = text.ends_with('\n');
    let body = if ends { text.get(..text.len() - 1).unwrap_or_default() } else { text };
    for (at, line) in body.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if width(line) <= room {
            out.push_str(line);
            continue;
        }
        if let Some((indent, pasted)) = line.split_once(COMMAND) {
            out.push_str(&command(pasted, Some(room), indent));
            continue;
        }
        // Marks take no room, and may stand before the blanks.
        let head: String = line.chars().take_while(|c| *c == ' ' || is_mark(*c)).collect();
        let rest = line.get(head.len()..).unwrap_or_default();
        let blanks: String = head.chars().filter(|c| *c == ' ').take(room / 2).collect();
        let marks: String = head.chars().filter(|c| is_mark(*c)).collect();
        // Behind a number of a list, or a dash, the lines stand below the words.
        let mark =
            rest.split(' ').next().filter(|w| *w == "-" || w.ends_with('.') && w.len() < 5).map_or(2, |w| w.len() + 1);
        let hanging = format!("{blanks}{}", " ".repeat(mark));
        out.push_str(&(marks + &fold_line(rest, room, &blanks, &hanging).join("\n")));
    }
    if ends {
        out.push('\n');
    }
    out
}

/// A command to be pasted: where it does not fit, it goes on behind a backslash, as a shell reads it. Only a single
/// word that is too long stays so: cut it would be another one.
pub fn command(command: &str, room: Option<usize>, indent: &str) -> String {
    let whole = format!("{indent}{command}");
    let Some(room) = room.filter(|room| width(&whole) > *room) else { return whole };
    let mut out: Vec<String> = vec![indent.to_string()];
    for (at, word) in words(command).into_iter().enumerate() {
        let Some(last) = out.last_mut() else { break };
        let gap = usize::from(at > 0);
        // Room for the backslash, too.
        if at == 0 || width(last) + gap + width(&word) + 2 <= room {
            if at > 0 {
                last.push(' ');
            }
            last.push_str(&word);
        } else {
            last.push_str(" \\");
            out.push(format!("{indent}  {word}"));
        }
    }
    out.join("\n")
}

/// The words of a command, quoted ones whole.
fn words(command: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in command.chars() {
        if c == '\'' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !quoted && !escaped;
        match (c, out.last_mut()) {
            (' ', _) if !quoted => out.push(String::new()),
            (c, Some(last)) => last.push(c),
            (_, None) => {}
        }
    }
    out
}
