use crate::{Diagnostic, Edit, Fix, Source, Span};

/// A text after its fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub text: String,
    /// How many findings were mended.
    pub applied: usize,
    /// How many fixes wait for another pass, because one before them changes the same place.
    pub left: usize,
}

/// Makes the changes of every fix that nobody has to choose in the source's own text, in order of place, and leaves every other byte as it is.
///
/// A fix is made as a whole or not at all: one that touches what another has changed is left for a pass over the new
/// text, as is one with an edit outside the text. Two findings with the same fix are mended by making it once. Findings
/// in other sources are not looked at.
pub fn apply_fixes(source: &Source, diagnostics: &[Diagnostic]) -> Fixed {
    let here = diagnostics.iter().filter(|finding| finding.location.source == *source);
    let mut fixes: Vec<&Fix> =
        here.filter_map(|finding| finding.fix.as_ref()).filter(|fix| !fix.edits.is_empty() && !fix.chosen).collect();
    fixes.sort_by_key(|fix| fix.edits.iter().map(|edit| edit.span).min());
    let mut made: Vec<&Edit> = Vec::new();
    let (mut applied, mut left) = (0, 0);
    for fix in fixes {
        if fix.edits.iter().all(|edit| made.contains(&edit)) {
            applied += 1;
        } else if fits(source, fix, &made) {
            made.extend(&fix.edits);
            applied += 1;
        } else {
            left += 1;
        }
    }
    made.sort_by_key(|edit| edit.span);
    Fixed { text: written(source.text(), &made), applied, left }
}

impl Edit {
    /// Returns the edit that takes an entry out of a JSON list or object, with the comma and the blanks that it leaves
    /// behind; `span` is the whole entry: the value, or the key and its value.
    pub fn remove_entry(source: &Source, span: Span) -> Edit {
        let text = source.text();
        let (before, after) = (text.get(..span.start).unwrap_or(""), text.get(span.end..).unwrap_or(""));
        let (kept, rest) = (before.trim_end_matches(BLANKS), after.trim_start_matches(BLANKS));
        let (next, previous) = (rest.strip_prefix(',').map(|rest| rest.trim_start_matches(BLANKS)), kept.strip_suffix(','));
        let span = match (next, previous) {
            // The next entry takes this one's place.
            (Some(next), _) => Span::new(span.start, text.len() - next.len()),
            (None, Some(previous)) => Span::new(previous.len(), span.end),
            // The only one: the brackets close.
            (None, None) => Span::new(kept.len(), text.len() - rest.len()),
        };
        Edit { span, replacement: String::new() }
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Returns whether every edit lies in the text and meets neither another of its own nor one that is made.
fn fits(source: &Source, fix: &Fix, made: &[&Edit]) -> bool {
    let inside = |edit: &Edit| source.text().get(edit.span.start..edit.span.end).is_some();
    fix.edits.iter().enumerate().all(|(at, edit)| {
        let own = fix.edits.iter().skip(at + 1);
        inside(edit) && own.chain(made.iter().copied()).all(|other| !meet(edit.span, other.span))
    })
}

/// Returns whether two changes would say something about the same place. Two insertions at one place do: nobody could
/// tell which is to come first.
fn meet(a: Span, b: Span) -> bool {
    a.start == b.start || (a.start < b.end && b.start < a.end)
}

fn written(text: &str, edits: &[&Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.span.start).unwrap_or(""));
        out.push_str(&edit.replacement);
        at = edit.span.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, replacement: &str) -> Edit {
        Edit { span: Span::new(start, end), replacement: replacement.to_owned() }
    }

    fn check(text: &str, fixes: &[&[Edit]], expected: &str, applied: usize, left: usize) {
        let source = Source::new("a.json", text);
        let finding = |edits: &&[Edit]| {
            let fix = Fix::new("mend", edits.to_vec());
            Diagnostic::warning("w", &source, Span::at(0), "m").fix(fix)
        };
        let findings: Vec<Diagnostic> = fixes.iter().map(finding).collect();
        assert_eq!(apply_fixes(&source, &findings), Fixed { text: expected.to_owned(), applied, left });
    }

    #[test]
    fn what_no_fix_names_stays() {
        check("a /* b */\tc\r\n", &[], "a /* b */\tc\r\n", 0, 0);
        check("a /* b */\tc\r\n", &[&[edit(10, 11, "d")], &[edit(0, 1, "")]], " /* b */\td\r\n", 2, 0);
    }

    #[test]
    fn fixes_that_meet_are_made_one_after_the_other() {
        check("abcdef", &[&[edit(0, 3, "x")], &[edit(2, 4, "y")]], "xdef", 1, 1);
        check("abcdef", &[&[edit(2, 2, "x")], &[edit(2, 2, "y")]], "abxcdef", 1, 1);
        check("abcdef", &[&[edit(0, 2, "x")], &[edit(2, 4, "y")]], "xyef", 2, 0);
    }

    #[test]
    fn a_fix_is_made_whole_or_not_at_all() {
        check("abcdef", &[&[edit(0, 1, "x")], &[edit(5, 6, "y"), edit(0, 1, "z")]], "xbcdef", 1, 1);
        check("abcdef", &[&[edit(0, 3, "x"), edit(1, 2, "y")]], "abcdef", 0, 1);
    }

    #[test]
    fn the_same_fix_twice_is_made_once() {
        check("abc", &[&[edit(0, 1, "x")], &[edit(0, 1, "x")]], "xbc", 2, 0);
    }

    #[test]
    fn an_edit_outside_the_text_is_not_made() {
        check("aé", &[&[edit(2, 3, "x")], &[edit(9, 10, "y")]], "aé", 0, 2);
    }

    #[test]
    fn an_entry_goes_with_its_comma() {
        let check = |text: &str, entry: &str, expected: &str| {
            let source = Source::new("a.json", text);
            let start = text.find(entry).unwrap();
            let edit = Edit::remove_entry(&source, Span::new(start, start + entry.len()));
            assert_eq!(written(text, &[&edit]), expected);
        };
        check("[\"a\", \"b\", \"c\"]", "\"a\"", "[\"b\", \"c\"]");
        check("[\"a\", \"b\", \"c\"]", "\"c\"", "[\"a\", \"b\"]");
        check("[ \"a\" ]", "\"a\"", "[]");
        check("{\n  \"a\": 1,\n  \"b\": 2\n}", "\"a\": 1", "{\n  \"b\": 2\n}");
        check("{\n  \"a\": 1,\n  \"b\": 2\n}", "\"b\": 2", "{\n  \"a\": 1\n}");
    }
}
