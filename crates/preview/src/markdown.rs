//! The page in Markdown, for a pull request.
//!
//! What comes from a file stands in code spans, and every other character that means something to Markdown is escaped: no
//! name makes a link, an image, a mention or a line of its own.

use std::fmt::Write as _;

use crate::body::{Body, Kind, Piece};
use crate::sheet::{Line, Section, Sheet};

pub(crate) fn markdown(sheet: &Sheet) -> String {
    let mut out = String::new();
    for (number, section) in sheet.sections.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        write_section(&mut out, section, if number == 0 { "##" } else { "###" });
    }
    out
}

fn write_section(out: &mut String, section: &Section, level: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{level} {}", inline(&section.title));
    let mut open = false;
    for line in &section.lines {
        let (list, text) = match line {
            // It goes on with the row above.
            Line::Row { label, body } if label.is_empty() && open => (true, format!("  - {}", inline(body))),
            Line::Row { label, body } if label.is_empty() => (true, format!("- {}", inline(body))),
            Line::Row { label, body } => (true, format!("- **{}**: {}", escaped(label), inline(body))),
            Line::Branch { depth, name, body } if name.pieces.iter().all(|piece| piece.text.is_empty()) => {
                (true, format!("{:indent$}- {}", "", inline(body), indent = 2 * (depth + 1)))
            }
            Line::Branch { depth, name, body } => {
                (true, format!("{:indent$}- {}: {}", "", inline(name), inline(body), indent = 2 * depth))
            }
            Line::Item { sign, body } if sign.chars().all(|c| c.is_ascii_digit()) => (true, format!("{sign}. {}", inline(body))),
            Line::Item { sign, body } => (true, format!("- {} {}", escaped(sign), inline(body))),
            Line::Text(body) => (false, inline(body)),
        };
        if !open || !list {
            out.push('\n');
        }
        out.push_str(&text);
        out.push('\n');
        open = list;
    }
}

fn inline(body: &Body) -> String {
    body.pieces.iter().map(piece).collect::<Vec<_>>().join(" ")
}

fn piece(piece: &Piece) -> String {
    let text = match piece.kind {
        Kind::Words => words(&piece.text),
        Kind::Name | Kind::Code => code(&piece.text),
    };
    format!("{text}{}", piece.after)
}

/// Returns words with what stands in backticks among them in code spans. Without a second backtick there is no span.
fn words(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let paired = parts.len() % 2 == 1;
    let part = |(at, part): (usize, &&str)| if at % 2 == 1 && paired { code(part) } else { escaped(part) };
    let separator = if paired { "" } else { "\\`" };
    parts.iter().enumerate().map(part).collect::<Vec<_>>().join(separator)
}

/// Returns a code span that holds the text, whatever backticks it has.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One blank at either end is taken off, and is there only to be taken off.
    let blank = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Returns the text with every ASCII sign that may mean something escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        // A mention or the number of an issue is no Markdown, and is broken by a joiner of no width.
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '&' | '$' | '^' => {
                out.push('\\');
                out.push(c);
            }
            '@' => out.push_str("&#64;"),
            '-' | '+' if at == 0 => {
                out.push('\\');
                out.push(c);
            }
            ':' if text.get(at..).is_some_and(|rest| rest.starts_with("://")) => out.push_str("&#58;"),
            _ => out.push(c),
        }
    }
    // What GitHub takes for an address without a scheme.
    out.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_file_is_markup() {
        let check = |text: &str, expected: &str| assert_eq!(words(text), expected);
        check("can now write `~/.config`", "can now write `~/.config`");
        check("![x](http://y) <b> @you #1", "\\!\\[x\\](http&#58;//y) \\<b\\> &#64;you \\#1");
        check("one ` alone", "one \\` alone");
        check("- a", "\\- a");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("cargo test"), "`cargo test`");
    }
}
