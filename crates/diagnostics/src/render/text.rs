use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::render::excerpt::{Excerpt, Mark, excerpts};
use crate::render::visible::shown;
use crate::{Diagnostic, Severity};

/// How the text is to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct RenderOptions {
    pub color: bool,
    /// The columns of the terminal.
    pub width: usize,
}

/// Returns the diagnostic as annotated source, for people, without a line end after it.
///
/// Nothing of the source or of the message reaches the terminal as a control character, and the text stays short
/// however long a line of the source is.
pub fn render_text(diagnostic: &Diagnostic, options: RenderOptions) -> String {
    let width = options.width.max(40);
    let title = level(diagnostic.severity).primary_title(short(&diagnostic.message)).id(diagnostic.code);
    let excerpts = excerpts(diagnostic);
    let mut group = Group::with_title(title);
    for excerpt in &excerpts {
        group = group.element(origin(excerpt)).element(snippet(excerpt));
    }
    group = group.elements(diagnostic.notes.iter().map(|note| said(&Level::NOTE, note, width)));
    let help = diagnostic.help.as_deref().or_else(|| diagnostic.fix.as_ref().map(|fix| fix.title.as_str()));
    group = group.elements(help.map(|help| said(&Level::HELP, help, width)));
    let renderer = if options.color { Renderer::styled() } else { Renderer::plain() };
    without_bare_separators(&renderer.term_width(width).render(&[group]))
}

/// Returns the text without the lines that hold nothing but the `:::` before a file's name: the heading above says the
/// place as it is in the file, which a piece of a line cannot, so the pieces are given without a name.
fn without_bare_separators(text: &str) -> String {
    let is_bare = |line: &str| {
        let pieces: String = line.split('\u{1b}').map(|piece| piece.split_once('m').map_or(piece, |(_, rest)| rest)).collect();
        pieces.trim() == ":::"
    };
    text.lines().filter(|line| !is_bare(line)).collect::<Vec<&str>>().join("\n")
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

fn origin(excerpt: &Excerpt) -> Origin<'static> {
    let at = excerpt.source.line_column(excerpt.at);
    Origin::path(short(excerpt.source.name())).line(at.line).char_column(at.column)
}

fn snippet(excerpt: &Excerpt) -> Snippet<'_, Annotation<'_>> {
    let annotation = |mark: &Mark| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(mark.span.start..mark.span.end);
        if mark.label.is_empty() { annotation } else { annotation.label(short(&mark.label)) }
    };
    Snippet::source(excerpt.text.as_str())
        .line_start(excerpt.first_line)
        .fold(false)
        .annotations(excerpt.marks.iter().map(annotation))
}

/// Returns a note or a help, broken into lines of at most `width` columns.
fn said(level: &Level<'static>, text: &str, width: usize) -> Element<'static> {
    const INDENT: usize = 12;
    let mut lines = String::new();
    let mut column = 0;
    for word in short(text).split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width - INDENT {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    level.clone().message(lines).into()
}

/// Returns the text, visible, and cut where it is longer than anybody reads.
fn short(text: &str) -> String {
    const LONGEST: usize = 1000;
    let text = text
        .get(..text.floor_char_boundary(LONGEST))
        .filter(|_| text.len() > LONGEST)
        .map_or_else(|| shown(text), |head| format!("{}…", shown(head)).into());
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Location, Source, Span};

    const PLAIN: RenderOptions = RenderOptions { color: false, width: 80 };

    fn place(source: &Source, needle: &str) -> Span {
        let start = source.text().find(needle).unwrap();
        Span::new(start, start + needle.len())
    }

    fn location(source: &Source, needle: &str) -> Location {
        Location { source: source.clone(), span: place(source, needle) }
    }

    #[test]
    fn a_finding_shows_its_place_and_its_cure() {
        let source = Source::new("a.json", "{\n  \"tools\": [],\n  \"allowedTool\": []\n}\n");
        let diagnostic =
            Diagnostic::error("unknown-key", &source, place(&source, "\"allowedTool\""), "unknown key `allowedTool`")
                .label("not a key")
                .note(
                    "a key that nothing reads says nothing, and this note is long enough that it has to go on for a second line",
                )
                .help("did you mean `allowedTools`?");
        insta::assert_snapshot!(render_text(&diagnostic, PLAIN), @r#"
        error[unknown-key]: unknown key `allowedTool`
         --> a.json:3:3
          |
        3 |   "allowedTool": []
          |   ^^^^^^^^^^^^^ not a key
          |
          = note: a key that nothing reads says nothing, and this note is long enough
                  that it has to go on for a second line
          = help: did you mean `allowedTools`?
        "#);
    }

    #[test]
    fn places_near_each_other_are_shown_together() {
        let source = Source::new("a.json", "{\n\t\"a\": 1,\r\n\t\"b\": 2\n}");
        let diagnostic = Diagnostic::warning("w", &source, place(&source, "\"b\""), "two keys")
            .label("again")
            .also(location(&source, "\"a\""), "first");
        insta::assert_snapshot!(render_text(&diagnostic, PLAIN), @r#"
        warning[w]: two keys
         --> a.json:3:2
          |
        2 |     "a": 1,
          |     --- first
        3 |     "b": 2
          |     ^^^ again
        "#);
    }

    #[test]
    fn places_far_apart_and_in_other_files_are_shown_apart() {
        let source = Source::new("a.json", format!("one{}two\n", "\n".repeat(30)));
        let other = Source::new("b.json", "three\n");
        let diagnostic = Diagnostic::error("e", &source, place(&source, "two"), "three places")
            .also(location(&source, "one"), "the first")
            .also(location(&other, "three"), "the third");
        insta::assert_snapshot!(render_text(&diagnostic, PLAIN), @"
        error[e]: three places
          --> a.json:31:1
           |
        31 | two
           | ^^^
          ::: a.json:1:1
           |
         1 | one
           | --- the first
          ::: b.json:1:1
           |
         1 | three
           | ----- the third
        ");
    }

    #[test]
    fn a_file_cannot_repaint_the_terminal() {
        let source = Source::new("a\u{1b}[2J.json", "\u{1b}[2J\u{202e}\u{9b}K \"key\" \u{2028}\u{200b}\r\n");
        let diagnostic = Diagnostic::error("e", &source, place(&source, "\"key\""), "a\u{1b}[31m\nb")
            .label("\u{1b}]0;title\u{7}")
            .note("\u{202e}n")
            .help("\r\u{1b}c");
        let text = render_text(&diagnostic, PLAIN);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        insta::assert_snapshot!(text, @r#"
        error[e]: a\u{1b}[31m\nb
         --> a\u{1b}[2J.json:1:9
          |
        1 | \u{1b}[2J\u{202e}\u{9b}K "key" \u{2028}\u{200b}
          |                          ^^^^^ \u{1b}]0;title\u{7}
          |
          = note: \u{202e}n
          = help: \r\u{1b}c
        "#);
    }

    #[test]
    fn a_span_over_several_lines_is_marked_on_its_first() {
        let source = Source::new("a.json", "{\n  \"hooks\": [\n    1\n  ]\n}\n");
        let span = Span::new(place(&source, "[").start, source.text().len());
        insta::assert_snapshot!(render_text(&Diagnostic::error("e", &source, span, "a list"), PLAIN), @r#"
        error[e]: a list
         --> a.json:2:12
          |
        2 |   "hooks": [
          |            ^
        "#);
    }

    #[test]
    fn the_end_of_the_text_and_an_empty_text_have_places() {
        let source = Source::new("a.json", "{\n");
        insta::assert_snapshot!(render_text(&Diagnostic::error("e", &source, Span::at(2), "the end"), PLAIN), @"
        error[e]: the end
         --> a.json:2:1
          |
        2 |
          | ^
        ");
        let source = Source::new("a.json", "");
        insta::assert_snapshot!(render_text(&Diagnostic::error("e", &source, Span::at(0), "nothing"), PLAIN), @"
        error[e]: nothing
         --> a.json:1:1
          |
        1 |
          | ^
        ");
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_around_its_places() {
        let filler = "\"é\u{1b}\",".repeat(200_000);
        let source = Source::new("a.json", format!("[{filler}\"first\",{filler}\"second\",{filler}1]"));
        let diagnostic = Diagnostic::error("e", &source, place(&source, "\"second\""), "again")
            .label("second")
            .also(location(&source, "\"first\""), "first");
        let text = render_text(&diagnostic, PLAIN);
        assert!(text.contains("\"second\"") && text.contains("\"first\""), "{text}");
        assert!(text.len() < 4000, "{} bytes", text.len());
        let all = Diagnostic::error("e", &source, Span::new(0, source.text().len()), "m".repeat(1_000_000));
        let text = render_text(&all.label("l".repeat(1_000_000)).help("h".repeat(1_000_000)), PLAIN);
        assert!(text.len() < 10_000, "{} bytes", text.len());
    }

    #[test]
    fn colour_is_there_only_when_it_is_asked_for() {
        let source = Source::new("a.json", "{}");
        let diagnostic = Diagnostic::error("e", &source, Span::new(0, 1), "message");
        assert!(!render_text(&diagnostic, PLAIN).contains('\u{1b}'));
        let colored = render_text(&diagnostic, RenderOptions { color: true, width: 80 });
        assert!(colored.contains('\u{1b}') && !colored.contains(":::"), "{colored}");
    }
}
