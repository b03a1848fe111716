//! The page as one file of HTML: no script, nothing loaded, light or dark as the reader has it.

use std::fmt::Write as _;

use crate::body::{Body, Kind, Piece, Tone};
use crate::sheet::{Line, Section, Sheet};

/// Returns the whole document.
pub(crate) fn html(sheet: &Sheet, title: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escaped(title)
    );
    for (number, section) in sheet.sections.iter().enumerate() {
        write_section(&mut out, section, if number == 0 { "h1" } else { "h2" });
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

const STYLE: &str = include_str!("page.css");

fn write_section(out: &mut String, section: &Section, heading: &str) {
    let tone = section.title.pieces.first().map_or(Tone::Plain, |piece| piece.tone);
    // Writing to a string does not fail.
    let _ = writeln!(out, "<section class=\"{}\">\n<{heading}>{}</{heading}>", class(tone), inline(&section.title));
    for lines in section.lines.chunk_by(|a, b| element(a) == element(b)) {
        let element = lines.first().map_or("div", element);
        let _ = writeln!(out, "<{element}>");
        for line in lines {
            write_line(out, line);
        }
        let _ = writeln!(out, "</{element}>");
    }
    out.push_str("</section>\n");
}

/// Returns the element that lines of a kind stand in.
fn element(line: &Line) -> &'static str {
    match line {
        Line::Row { .. } | Line::Branch { .. } => "dl",
        Line::Item { sign, .. } if sign.chars().all(|c| c.is_ascii_digit()) => "ol",
        Line::Item { .. } => "ul",
        Line::Text(_) => "div",
    }
}

fn write_line(out: &mut String, line: &Line) {
    let text = match line {
        Line::Row { label, body } => format!("<dt>{}</dt><dd>{}</dd>", escaped(label), inline(body)),
        Line::Branch { depth, name, body } => {
            format!("<dt class=\"d{}\">{}</dt><dd>{}</dd>", depth.min(&6), inline(name), inline(body))
        }
        Line::Item { sign, body } if sign.chars().all(|c| c.is_ascii_digit()) => format!("<li>{}</li>", inline(body)),
        Line::Item { sign, body } => format!("<li><b>{}</b> {}</li>", escaped(sign), inline(body)),
        Line::Text(body) => format!("<p>{}</p>", inline(body)),
    };
    out.push_str(&text);
    out.push('\n');
}

fn inline(body: &Body) -> String {
    body.pieces.iter().map(piece).collect::<Vec<_>>().join(" ")
}

fn piece(piece: &Piece) -> String {
    let text = match piece.kind {
        Kind::Words => words(&piece.text),
        Kind::Name | Kind::Code => code(&piece.text),
    };
    let text = format!("{text}{}", piece.after);
    match piece.tone {
        Tone::Plain | Tone::Heading => text,
        tone => format!("<span class=\"{}\">{text}</span>", class(tone)),
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Heading => "plain",
        Tone::Held => "held",
        Tone::Care => "care",
        Tone::Gap => "gap",
    }
}

/// Returns words with what stands in backticks among them as code. Without a second backtick there is none.
fn words(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let paired = parts.len() % 2 == 1;
    let part = |(at, part): (usize, &&str)| if at % 2 == 1 && paired { code(part) } else { escaped(part) };
    parts.iter().enumerate().map(part).collect::<Vec<_>>().join(if paired { "" } else { "`" })
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_file_is_markup() {
        let check = |text: &str, expected: &str| assert_eq!(words(text), expected);
        check("can now write `~/.config`", "can now write <code>~/.config</code>");
        check("`<script>alert('1')</script>`", "<code>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</code>");
        check("one ` alone & \"x\"", "one ` alone &amp; &quot;x&quot;");
    }
}
