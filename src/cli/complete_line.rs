//! The words of a command line that is being typed.

use std::ffi::OsString;

/// The words of a line as the program would get them.
pub(super) struct Line {
    pub words: Vec<OsString>,
    /// The word that the cursor is in.
    pub at: usize,
    /// The start of that word that bash takes for a word of its own.
    pub given: String,
    /// The word is inside of a quotation that is still open.
    pub open_quote: bool,
}

impl Line {
    /// Of the words of bash, which are as they were typed.
    pub(super) fn of_bash(typed: Vec<OsString>, at: usize) -> Self {
        let mut line = Self { words: Vec::new(), at, given: String::new(), open_quote: false };
        let mut joins = false;
        for (n, word) in typed.into_iter().enumerate() {
            let text = word.to_string_lossy();
            let (plain, open) = unquoted(&text);
            let is_option = |w: &OsString| w.to_str().is_some_and(|w| w.starts_with("--") && !w.contains('='));
            let equals = n > 0 && text == "=" && line.words.last().is_some_and(is_option);
            match line.words.last_mut().filter(|_| joins || equals) {
                Some(last) => {
                    if n == at {
                        line.given = last.to_string_lossy().into_owned() + if equals { "=" } else { "" };
                    }
                    last.push(plain);
                }
                None => line.words.push(plain.into()),
            }
            if n == at {
                (line.at, line.open_quote) = (line.words.len() - 1, open);
            }
            joins = equals;
        }
        line
    }

    /// Of this process.
    pub(super) fn asked() -> Self {
        let behind = std::env::args_os().skip_while(|w| w != "--").skip(1);
        let words: Vec<OsString> = behind.collect();
        let at = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|i| i.parse().ok());
        let at = at.unwrap_or(words.len().saturating_sub(1));
        // What else asks hands over plain words, or such as are quoted the same way.
        Self::of_bash(words, at)
    }
}

/// A word without its quotation marks, and whether one of them is still open.
fn unquoted(text: &str) -> (String, bool) {
    let (mut out, mut quote, mut letters) = (String::new(), None, text.chars());
    while let Some(c) = letters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => out.extend(letters.next()),
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (c, _) => out.push(c),
        }
    }
    (out, quote.is_some())
}
