//! Documents as JSON text, on one line or indented.

/// A value with a line end behind it. Each type is turned into text by one piece of code, indented or not.
pub fn text(value: &impl serde::Serialize, indented: bool) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut text = if indented { indent(&text) } else { text };
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Compact JSON with a line for each field and item, two blanks for each level.
#[must_use]
pub fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len().saturating_mul(2));
    let mut depth: usize = 0;
    let (mut quoted, mut escaped, mut opened) = (false, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for c in json.chars() {
        let closes = !quoted && matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // What is empty stays on its line.
        if opened != closes {
            line(&mut out, depth);
        }
        opened = false;
        out.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => {
                depth += 1;
                opened = true;
            }
            ',' if !quoted => line(&mut out, depth),
            ':' if !quoted => out.push(' '),
            _ => {}
        }
    }
    out
}
