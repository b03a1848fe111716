//! The front matter of an agent in Markdown, as the same tree that JSON gives: values and keys with their places.
//!
//! Of YAML this is the part that people write there: mappings and lists by indentation, lists and mappings in brackets on
//! one line, quoted and plain scalars, and text after `|` or `>`. Everything else (anchors, aliases, tags, more than one
//! document) is an error at its place: nothing is granted on a reading that is in doubt.

use remit_diagnostics::{Diagnostic, Source, Span};

use crate::Text;
use crate::codes;
use crate::json::{Entry, Kind, Value};

/// What a Markdown file says: its front matter, and where the text after it begins.
#[derive(Debug)]
pub(crate) struct FrontMatter {
    pub(crate) tree: Value,
    pub(crate) body: usize,
}

/// Reads the front matter of a Markdown file.
///
/// # Errors
///
/// Returns the first place where it is none, or not of the kind that is read here.
pub(crate) fn read(source: &Source) -> Result<FrontMatter, Box<Diagnostic>> {
    let text = source.text();
    let problem = |place: Span, message: &str, help: &str| {
        Box::new(Diagnostic::error(codes::SYNTAX, source, place, message.to_owned()).help(help))
    };
    let first = text.lines().next().unwrap_or("");
    if first.trim_end() != "---" {
        let help = "begin with a line `---`, the keys, and another line `---`";
        return Err(problem(Span::at(0), "an agent in Markdown begins with its front matter", help));
    }
    let mut lines = Vec::new();
    let mut at = 0;
    let mut body = None;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let written = line.trim_end();
        if number > 0 && written == "---" {
            body = Some(at + line.len());
            break;
        }
        let indent = written.len() - written.trim_start_matches(' ').len();
        let content = written.get(indent..).unwrap_or("");
        if number > 0 {
            lines.push(Line { indent, start: at + indent, text: content });
        }
        at += line.len();
    }
    let Some(body) = body else {
        return Err(problem(Span::new(0, 3), "the front matter does not end", "end it with a line `---`"));
    };
    let mut reader = Reader { lines: &lines, next: 0 };
    let tree = reader.document(Span::new(0, body)).map_err(|wrong| problem(wrong.place, wrong.message, wrong.help))?;
    Ok(FrontMatter { tree, body })
}

/// Levels of nesting; no key of an agent goes deeper than five.
const DEEPEST: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Line<'t> {
    indent: usize,
    /// The offset of the first character that is no blank.
    start: usize,
    text: &'t str,
}

#[derive(Debug)]
struct Wrong {
    place: Span,
    message: &'static str,
    help: &'static str,
}

#[derive(Debug)]
struct Reader<'t> {
    lines: &'t [Line<'t>],
    next: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self, whole: Span) -> Result<Value, Wrong> {
        let Some(first) = self.peek() else { return Ok(Value { kind: Kind::Object(Vec::new()), span: whole }) };
        let value = self.block(first.indent, 0)?;
        match self.peek() {
            Some(line) => Err(wrong(line.start, line.text, "this line is indented otherwise than those before it")),
            None => Ok(value),
        }
    }

    /// Returns the next line that says something.
    fn peek(&mut self) -> Option<Line<'t>> {
        while let Some(line) = self.lines.get(self.next) {
            if !line.text.is_empty() && !line.text.starts_with('#') {
                return Some(*line);
            }
            self.next += 1;
        }
        None
    }

    /// Reads the lines of one indentation: a list where they begin with `-`, and a mapping otherwise.
    fn block(&mut self, indent: usize, depth: usize) -> Result<Value, Wrong> {
        let Some(first) = self.peek() else { return Err(wrong(0, "", "a value is missing")) };
        if depth > DEEPEST {
            return Err(wrong(first.start, first.text, "nested too deep"));
        }
        if is_item(first.text) { self.list(indent, depth) } else { self.mapping(indent, depth) }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Value, Wrong> {
        let mut values = Vec::new();
        let mut span: Option<Span> = None;
        while let Some(line) = self.peek().filter(|line| line.indent == indent && is_item(line.text)) {
            let rest = line.text.get(1..).unwrap_or("");
            let blanks = rest.len() - rest.trim_start().len();
            let (inner, at) = (rest.trim_start(), line.start + 1 + blanks);
            let value = if inner.is_empty() || inner.starts_with('#') {
                self.next += 1;
                self.nested(indent, line, depth)?
            } else if key_of(inner, at).is_some() {
                // The mapping begins on the line of its item, and goes on below its first key.
                let column = indent + 1 + blanks;
                self.mapping_from(Some(Line { indent: column, start: at, text: inner }), column, depth + 1)?
            } else {
                self.next += 1;
                self.scalar(inner, at, indent)?
            };
            span = Some(span.map_or(value.span, |span| span.to(value.span)).to(Span::at(line.start)));
            values.push(value);
        }
        Ok(Value { kind: Kind::List(values), span: span.unwrap_or(Span::at(0)) })
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Result<Value, Wrong> {
        self.mapping_from(None, indent, depth)
    }

    /// Reads a mapping whose first line is `first`, which stands in the middle of the next line, or the next line.
    fn mapping_from(&mut self, first: Option<Line<'t>>, indent: usize, depth: usize) -> Result<Value, Wrong> {
        let mut entries = Vec::new();
        let mut span: Option<Span> = None;
        let mut first = first;
        while let Some(line) = first.take().or_else(|| self.peek().filter(|line| line.indent == indent && !is_item(line.text))) {
            let Some((key, rest, at)) = key_of(line.text, line.start) else {
                return Err(wrong(line.start, line.text, "not a key and its value"));
            };
            self.next += 1;
            let value = if rest.is_empty() || rest.starts_with('#') {
                self.nested(indent, line, depth)?
            } else {
                self.scalar(rest, at, indent)?
            };
            span = Some(span.unwrap_or(key.span).to(value.span));
            entries.push(Entry { key, value });
        }
        Ok(Value { kind: Kind::Object(entries), span: span.unwrap_or(Span::at(0)) })
    }

    /// Reads the value of a key or an item that has none on its line.
    fn nested(&mut self, indent: usize, line: Line<'t>, depth: usize) -> Result<Value, Wrong> {
        match self.peek() {
            Some(next) if next.indent > indent => self.block(next.indent, depth + 1),
            Some(next) if next.indent == indent && is_item(next.text) && !is_item(line.text) => self.list(indent, depth + 1),
            _ => Ok(Value { kind: Kind::Null, span: Span::at(line.start + line.text.len()) }),
        }
    }

    fn scalar(&mut self, text: &str, at: usize, indent: usize) -> Result<Value, Wrong> {
        if matches!(text, "|" | "|-" | "|+" | ">" | ">-" | ">+") {
            return Ok(self.folded(text, at, indent));
        }
        let mut flow = Flow { text, at, next: 0 };
        let value = flow.value(false, 0)?;
        flow.end()?;
        Ok(value)
    }

    /// Reads the lines below `|` or `>`, which are deeper than the key.
    fn folded(&mut self, mark: &str, at: usize, indent: usize) -> Value {
        let joint = if mark.starts_with('|') { "\n" } else { " " };
        let (mut parts, mut span) = (Vec::new(), Span::new(at, at + mark.len()));
        while let Some(line) = self.lines.get(self.next).filter(|line| line.text.is_empty() || line.indent > indent) {
            parts.push(line.text);
            span = span.to(Span::new(line.start, line.start + line.text.len()));
            self.next += 1;
        }
        Value { kind: Kind::String(parts.join(joint).trim_end().to_owned()), span }
    }
}

/// Values on one line.
#[derive(Debug)]
struct Flow<'t> {
    text: &'t str,
    /// The offset of the text in the source.
    at: usize,
    next: usize,
}

impl Flow<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.next..).unwrap_or("")
    }

    fn blanks(&mut self) {
        self.next += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    fn wrong(&self, message: &'static str) -> Wrong {
        wrong(self.at + self.next, self.rest(), message)
    }

    fn end(&mut self) -> Result<(), Wrong> {
        self.blanks();
        if self.rest().is_empty() || self.rest().starts_with('#') { Ok(()) } else { Err(self.wrong("more text after the value")) }
    }

    fn value(&mut self, is_inner: bool, depth: usize) -> Result<Value, Wrong> {
        self.blanks();
        if depth > DEEPEST {
            return Err(self.wrong("nested too deep"));
        }
        match self.rest().chars().next() {
            Some('-' | '?') if self.rest().get(1..2).is_none_or(|next| next == " ") => {
                Err(self.wrong("a value that is not plain"))
            }
            Some('[') => self.list(depth),
            Some('{') => self.mapping(depth),
            Some('"' | '\'') => self.quoted(),
            Some('&' | '*' | '!' | '|' | '>' | '%' | '@' | '`') => Err(self.wrong("a value that YAML reads in a way of its own")),
            _ => self.plain(is_inner),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Wrong> {
        let start = self.next;
        self.next += 1;
        let mut values = Vec::new();
        loop {
            self.blanks();
            if self.rest().starts_with(']') {
                self.next += 1;
                return Ok(Value { kind: Kind::List(values), span: self.span(start) });
            }
            values.push(self.value(true, depth + 1)?);
            self.blanks();
            if self.rest().starts_with(',') {
                self.next += 1;
            } else if !self.rest().starts_with(']') {
                return Err(self.wrong("a list that does not end on its line"));
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Wrong> {
        let start = self.next;
        self.next += 1;
        let mut entries = Vec::new();
        loop {
            self.blanks();
            if self.rest().starts_with('}') {
                self.next += 1;
                return Ok(Value { kind: Kind::Object(entries), span: self.span(start) });
            }
            let Some((key, rest, at)) = key_of(self.rest(), self.at + self.next) else {
                return Err(self.wrong("a mapping that does not end on its line"));
            };
            self.next = if rest.is_empty() { self.text.len() } else { at - self.at };
            let value = self.value(true, depth + 1)?;
            entries.push(Entry { key, value });
            self.blanks();
            if self.rest().starts_with(',') {
                self.next += 1;
            } else if !self.rest().starts_with('}') {
                return Err(self.wrong("a mapping that does not end on its line"));
            }
        }
    }

    fn quoted(&mut self) -> Result<Value, Wrong> {
        let start = self.next;
        let Some((text, length)) = unquoted(self.rest()) else {
            return Err(self.wrong("a string that does not end on its line"));
        };
        self.next += length;
        Ok(Value { kind: Kind::String(text), span: self.span(start) })
    }

    fn plain(&mut self, is_inner: bool) -> Result<Value, Wrong> {
        let rest = self.rest();
        let end = rest.find(" #").unwrap_or(rest.len());
        let end = if is_inner { rest.find([',', ']', '}', '[', '{']).unwrap_or(end).min(end) } else { end };
        let text = rest.get(..end).unwrap_or("").trim_end();
        if text.contains(": ") || text.ends_with(':') || text.is_empty() {
            return Err(self.wrong("a value that is not plain"));
        }
        let is_number = text.parse::<f64>().is_ok() && text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let kind = match text {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" | "~" => Kind::Null,
            _ if is_number => Kind::Number(text.to_owned()),
            _ => Kind::String(text.to_owned()),
        };
        let (start, length) = (self.next, text.len());
        self.next += length;
        Ok(Value { kind, span: self.span(start) })
    }

    fn span(&self, start: usize) -> Span {
        Span::new(self.at + start, self.at + self.next)
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// Returns the key at the beginning of a text, what follows its colon, and where that begins.
fn key_of(text: &str, at: usize) -> Option<(Text, &str, usize)> {
    let (key, length) = if text.starts_with(['"', '\'']) {
        unquoted(text)?
    } else {
        let end = text.find(':')?;
        let key = text.get(..end)?;
        let is_plain = !key.is_empty() && !key.contains(['[', ']', '{', '}', ',', '#', '"', '\'', '&', '*', '!']);
        is_plain.then(|| (key.trim_end().to_owned(), end))?
    };
    let rest = text.get(length..)?.strip_prefix(':')?;
    // Without a blank it is a plain scalar, as in `https://x`.
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    Some((Text::new(key, Span::new(at, at + length)), rest.get(blanks..)?, at + length + 1 + blanks))
}

/// Returns the text in quotes at the beginning, and how many bytes it takes with them.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let quote = text.chars().next()?;
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
                value.push('\'');
            }
            _ if c == quote => return Some((value, at + 1)),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                escaped @ ('"' | '\\' | '/' | ' ') => value.push(escaped),
                _ => return None,
            },
            _ => value.push(c),
        }
    }
    None
}

fn wrong(at: usize, text: &str, message: &'static str) -> Wrong {
    let help = "put the value in double quotes, or write the agent as JSON";
    Wrong { place: Span::new(at, at + text.len()), message, help }
}

#[cfg(test)]
mod tests {
    use crate::parse;
    use crate::parse::testing::lines;

    fn told(text: &str) -> String {
        lines(&parse("a.md", text.as_bytes()))
    }

    #[test]
    fn an_agent_in_markdown_is_read() {
        let text = "---\nname: reviewer\n# a comment\ndescription: >\n  Reads the code,\n  and says what it thinks.\ntools: [read, \"@mcp\"]\npermissions:\n  rules:\n    - capability: shell\n      match: [\"git *\"]\n      exclude:\n        - \"git push *\"\n      effect: allow   # unasked\n    - { capability: fs_write, effect: 'deny' }\n---\n\nReview the change.\n";
        let parsed = parse("reviewer.md", text.as_bytes());
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let permissions = parsed.file.permissions.unwrap().value;
        let rule = permissions.rules.first().unwrap();
        assert_eq!(parsed.source.slice(rule.patterns.first().unwrap().span), "\"git *\"");
        assert_eq!(rule.exclude.first().unwrap().value, "git push *");
        assert_eq!(rule.effect.as_ref().unwrap().value, "allow");
        assert_eq!(permissions.rules.len(), 2);
        assert_eq!(parsed.file.name.unwrap().value, "reviewer");
        assert_eq!(parsed.file.description.unwrap().value, "Reads the code, and says what it thinks.");
        assert_eq!(parsed.file.tools.unwrap().value.len(), 2);
        assert_eq!(parsed.file.prompt.unwrap().value, "Review the change.");
    }

    #[test]
    fn what_is_not_read_is_an_error() {
        let check = |text: &str, expected: &str| {
            let told = told(text);
            assert!(told.contains(expected), "{text}: {told}");
        };
        check("# A page\n", "begins with its front matter");
        check("---\nname: a\n", "does not end");
        check("---\ntools: *\n---\n", "1:8: a value that YAML reads in a way of its own".trim_start_matches("1:8: "));
        check("---\nname: &a b\n---\n", "a way of its own");
        check("---\ntools: [a\n---\n", "does not end on its line");
        check("---\nname: a\n   tools: b\n---\n", "indented otherwise");
        check("---\nname: a\nname: b\n---\n", "is there twice");
        check("---\nnamed: a\n---\n", "did you mean `name`?");
        check("---\njust text\n---\n", "not a key and its value");
        check("---\nname: a: b\n---\n", "not plain");
    }

    #[test]
    fn any_text_has_an_answer() {
        let text = "---\na:\n - b: [c, {d: 'e'}]\n   f: \"g\\n\"\n - h\n---\nx";
        for end in 0..=text.len() {
            let _ = told(text.get(..end).unwrap_or(""));
        }
        let _ = told(&format!("---\na: {}\n---\n", "[".repeat(100_000)));
        let _ =
            told(&format!("---\n{}\n---\n", (0..5_000).map(|n| format!("{}a:", " ".repeat(n))).collect::<Vec<_>>().join("\n")));
        let _ = told(&format!("---\n{}x\n---\n", "- ".repeat(50_000)));
    }
}
