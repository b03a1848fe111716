use std::fmt::Write as _;

use crate::render::visible::shown;
use crate::{Diagnostic, Severity};

/// Returns the diagnostics as GitHub's workflow commands, one a line: what a job prints becomes a note beside the line.
///
/// No text of a file can end its command, begin another, or set a property.
pub fn render_github<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> String {
    let mut out = String::new();
    for finding in diagnostics {
        let (source, span) = (&finding.location.source, finding.location.span);
        let (start, end) = (source.line_column(span.start), source.line_column(span.end));
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        // Writing to a string does not fail.
        let _ = write!(out, "::{command} file={},line={},endLine={}", property(source.name()), start.line, end.line);
        // Columns over several lines are not taken.
        if start.line == end.line {
            let _ = write!(out, ",col={},endColumn={}", start.column, end.column);
        }
        let _ = writeln!(out, ",title={}::{}", property(finding.code), data(&message(finding)));
    }
    out
}

/// Returns the message, what follows from it, and the cure, in lines.
fn message(finding: &Diagnostic) -> String {
    let notes = finding.notes.iter().map(|note| format!("note: {}", shown(note)));
    let help = finding.help.iter().map(|help| format!("help: {}", shown(help)));
    let lines: Vec<String> = std::iter::once(shown(&finding.message).into_owned()).chain(notes).chain(help).collect();
    lines.join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, Span};

    #[test]
    fn a_finding_is_one_command() {
        let source = Source::new("agents/a,b:c.json", "{\n  \"é\": 1\n}");
        let finding = Diagnostic::warning("a-code", &source, Span::new(4, 8), "a message").note("a note").help("a cure");
        let wide = Diagnostic::error("wide", &source, Span::new(0, 12), "all of it");
        insta::assert_snapshot!(render_github([finding, wide].iter()), @"
        ::warning file=agents/a%2Cb%3Ac.json,line=2,endLine=2,col=3,endColumn=6,title=a-code::a message%0Anote: a note%0Ahelp: a cure
        ::error file=agents/a%2Cb%3Ac.json,line=1,endLine=3,title=wide::all of it
        ");
    }

    #[test]
    fn no_text_begins_a_command() {
        let source = Source::new("a\n::set-env::x\r.json", "{}");
        let finding = Diagnostic::warning("w", &source, Span::at(0), "100%\n::error::x\r\u{1b}[2J").note("\n::stop-commands::y");
        let text = render_github([finding].iter());
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        insta::assert_snapshot!(text, @r"::warning file=a%0A%3A%3Aset-env%3A%3Ax%0D.json,line=1,endLine=1,col=1,endColumn=1,title=w::100%25\n::error::x\r\u{1b}[2J%0Anote: \n::stop-commands::y");
    }
}
