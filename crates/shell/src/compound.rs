//! Compound commands, and the words that begin them.

use crate::arith::Close;
use crate::cursor::{Parser, Read};
use crate::flow::{self, Dirs, Outcome};
use crate::list::Until;
use crate::quote::Place;
use crate::raw::Raw;
use crate::{Assignment, Dynamic, Function, Part, Value, Word};

/// Words that are special where a command may begin.
const RESERVED: [&str; 22] = [
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select",
    "then", "time", "until", "while", "{", "}",
];

/// Those that begin a compound command.
const OPENERS: [&str; 8] = ["[[", "case", "for", "if", "select", "until", "while", "{"];

impl Parser<'_, '_> {
    /// Returns the reserved word that comes next, where one may stand.
    pub(crate) fn reserved(&mut self) -> Option<&'static str> {
        let first = self.peek()?;
        if !matches!(first, '!' | '[' | ']' | '{' | '}' | 'c'..='w') {
            return None;
        }
        let start = self.pos;
        let found = RESERVED.into_iter().find(|word| {
            self.pos = start;
            word.starts_with(first) && self.eat(word) && self.ends_word()
        });
        self.pos = start;
        found
    }

    /// Reads a command of a pipeline.
    pub(crate) fn command(&mut self, after_pipe: bool) -> Read<Outcome> {
        self.peek();
        let start = self.pos;
        match self.reserved() {
            Some("time") if after_pipe => self.simple(),
            Some("function") => {
                self.eat("function");
                self.blanks();
                let raw = self.raw(Place::Word)?;
                self.blanks();
                if self.eat("(") {
                    self.blanks();
                    if !self.eat(")") {
                        return Err(self.unexpected("a function that is not closed"));
                    }
                }
                self.function(&raw, start)
            }
            Some("coproc") => self.deeper(|parser| parser.coproc(start)),
            Some(word) if !OPENERS.contains(&word) => Err(self.unexpected("a reserved word that cannot stand here")),
            None if self.peek() != Some('(') => self.simple(),
            _ => self.compound(start),
        }
    }

    /// Reads a compound command and its redirections.
    fn compound(&mut self, start: usize) -> Read<Outcome> {
        let before = self.shared.dirs.clone();
        let mut outcome = self.deeper(|parser| parser.nest(start))?;
        self.shared.dirs = before.clone();
        if self.trailing_redirects(start)? {
            // A redirection that fails keeps the whole from running.
            outcome.fail = outcome.fail.or(&before);
        }
        Ok(outcome)
    }

    fn nest(&mut self, start: usize) -> Read<Outcome> {
        let before = self.shared.dirs.clone();
        let word = self.reserved();
        let outcome = match word {
            Some("{") => {
                self.eat("{");
                let outcome = self.some_list(Until::Words(&["}"]))?;
                self.close("}", start)?;
                outcome
            }
            Some("if") => self.condition(start)?,
            Some("while" | "until") => self.repeat(start, word == Some("while"))?,
            Some("for" | "select") => self.iterate(start, word == Some("select"))?,
            Some("case") => self.case(start)?,
            Some("[[") => {
                self.eat("[[");
                self.test(start)?;
                Outcome::still(&before)
            }
            _ if self.eat("((") => {
                self.arithmetic(Close::Parens, start)?;
                Outcome::still(&before)
            }
            _ => {
                self.eat("(");
                let mark = self.mark();
                self.some_list(Until::Paren)?;
                self.close(")", start)?;
                self.since(mark, |context| context.in_subshell = true);
                Outcome::still(&before)
            }
        };
        self.closed = !matches!(word, Some("[["));
        Ok(outcome)
    }

    fn close(&mut self, word: &'static str, start: usize) -> Read<()> {
        if self.eat(word) { Ok(()) } else { Err(self.stop("a compound command is not closed", start)) }
    }

    fn condition(&mut self, start: usize) -> Read<Outcome> {
        self.eat("if");
        let mut ends: Option<Outcome> = None;
        let mut mark = None;
        loop {
            let tested = self.some_list(Until::Words(&["then"]))?;
            // The first condition runs in any case.
            let from = *mark.get_or_insert(self.mark());
            self.close("then", start)?;
            self.shared.dirs = tested.ok;
            let outcome = self.some_list(Until::Words(&["elif", "else", "fi"]))?;
            let mut end = ends.map_or(outcome.clone(), |ends| ends.or(&outcome));
            self.shared.dirs = tested.fail.clone();
            let last = match self.reserved() {
                Some("elif") => {
                    self.eat("elif");
                    ends = Some(end);
                    continue;
                }
                Some("else") => {
                    self.eat("else");
                    self.some_list(Until::Words(&["fi"]))?
                }
                // Where no condition held, `if` succeeds.
                _ => Outcome { ok: tested.fail, fail: Dirs::AnyOf(Vec::new()) },
            };
            end = end.or(&last);
            self.close("fi", start)?;
            self.since(from, |context| context.conditional = true);
            return Ok(end);
        }
    }

    fn repeat(&mut self, start: usize, is_while: bool) -> Read<Outcome> {
        self.eat(if is_while { "while" } else { "until" });
        let before = self.shared.dirs.clone();
        let mark = self.mark();
        self.some_list(Until::Words(&["do"]))?;
        self.close("do", start)?;
        self.some_list(Until::Words(&["done"]))?;
        self.close("done", start)?;
        Ok(self.looped(mark, &before))
    }

    /// Reads `for` and `select`.
    fn iterate(&mut self, start: usize, select: bool) -> Read<Outcome> {
        self.eat(if select { "select" } else { "for" });
        let before = self.shared.dirs.clone();
        let outer = self.mark();
        self.blanks();
        let mut braces = true;
        if !select && self.eat("((") {
            self.arithmetic(Close::For, start)?;
            self.blanks();
            self.eat(";");
        } else {
            let at = self.pos;
            let name = self.name();
            if name.is_empty() || !self.ends_word() {
                return Err(self.stop("a loop over something that is not a name", at));
            }
            let newline = self.newlines()?;
            let mut words = Vec::new();
            if self.reserved() == Some("in") {
                self.eat("in");
                self.loop_words(&mut words)?;
            } else {
                if !newline {
                    self.eat(";");
                }
                words.push(self.any_word(Dynamic::Variable("@".to_owned()), at));
            }
            if select {
                words = vec![self.any_word(Dynamic::Parameter, at)];
            }
            self.loop_variable(&name, words, at)?;
            braces = true;
        }
        self.newlines()?;
        let brace = braces && self.reserved() == Some("{");
        self.close(if brace { "{" } else { "do" }, start)?;
        let ends: &[&str] = if brace { &["}"] } else { &["done"] };
        self.some_list(Until::Words(ends))?;
        self.close(if brace { "}" } else { "done" }, start)?;
        Ok(self.looped(outer, &before))
    }

    fn loop_words(&mut self, words: &mut Vec<Word>) -> Read<()> {
        loop {
            self.blanks();
            match self.peek() {
                Some(';') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some('\n') => return Ok(()),
                _ => {}
            }
            let raw = self.raw(Place::Word)?;
            if raw.pieces.is_empty() {
                return Err(self.unexpected("something that cannot stand here"));
            }
            self.arguments(&raw, words)?;
        }
    }

    fn any_word(&self, dynamic: Dynamic, start: usize) -> Word {
        Word { parts: vec![Part::Dynamic(dynamic)], splits: false, span: self.span(start) }
    }

    /// Closes a loop: what moves in it moves as often as it runs, so that nobody knows where it ends.
    fn looped(&mut self, mark: usize, before: &Dirs) -> Outcome {
        let moved = self.shared.script.commands.iter().skip(mark).any(flow::moves);
        self.since(mark, |context| {
            context.in_loop = true;
            context.conditional = true;
            if moved {
                context.directory = crate::Directory::Unknown;
            }
        });
        Outcome::still(if moved { &Dirs::Unknown } else { before })
    }

    fn case(&mut self, start: usize) -> Read<Outcome> {
        self.eat("case");
        self.blanks();
        let raw = self.raw(Place::Word)?;
        if raw.pieces.is_empty() {
            return Err(self.unexpected("something that cannot stand here"));
        }
        self.newlines()?;
        if self.reserved() != Some("in") {
            return Err(self.unexpected("`case` without `in`"));
        }
        self.eat("in");
        let mark = self.mark();
        // A clause may be fallen into from any one before it.
        let mut reached = Outcome::still(&self.shared.dirs);
        loop {
            self.newlines()?;
            if self.reserved() == Some("esac") {
                break;
            }
            self.patterns()?;
            self.shared.dirs = reached.either();
            if let Some(outcome) = self.list(Until::Clause)? {
                reached = reached.or(&outcome);
            }
            if !(self.eat(";;&") || self.eat(";;") || self.eat(";&")) && self.reserved() != Some("esac") {
                return Err(self.stop("a compound command is not closed", start));
            }
        }
        self.close("esac", start)?;
        self.since(mark, |context| context.conditional = true);
        Ok(reached)
    }

    fn patterns(&mut self) -> Read<()> {
        self.eat("(");
        loop {
            self.blanks();
            let raw = self.raw(Place::Word)?;
            if raw.pieces.is_empty() {
                return Err(self.unexpected("something that cannot stand here"));
            }
            self.blanks();
            if self.eat(")") {
                return Ok(());
            }
            if self.looking_at("||") || !self.eat("|") {
                return Err(self.unexpected("something that cannot stand here"));
            }
        }
    }

    fn coproc(&mut self, start: usize) -> Read<Outcome> {
        if self.printed {
            return Err(self.unexpected("a `coproc` in a substitution"));
        }
        self.eat("coproc");
        self.blanks();
        let before = self.shared.dirs.clone();
        let mark = self.mark();
        let opens =
            |parser: &mut Self| parser.peek() == Some('(') || parser.reserved().is_some_and(|word| OPENERS.contains(&word));
        if opens(self) {
            let at = self.pos;
            self.compound(at)?;
        } else if self.reserved().is_some() || self.peek().is_none() {
            return Err(self.unexpected("something that cannot stand here"));
        } else {
            let at = self.pos;
            let name = self.name();
            self.blanks();
            if !name.is_empty() && opens(self) && self.text.as_bytes().get(self.pos - 1).is_some_and(u8::is_ascii_whitespace) {
                let span = self.span(at);
                self.assign(
                    vec![Assignment { name, subscript: false, append: false, value: Value::Array(Vec::new()), span }],
                    span,
                );
                let at = self.pos;
                self.compound(at)?;
            } else {
                self.pos = at;
                let mark = self.mark();
                self.simple()?;
                if self.mark() == mark {
                    return Err(self.stop("a function in a `coproc`", start));
                }
            }
        }
        self.since(mark, |context| {
            context.in_background = true;
            context.in_subshell = true;
        });
        Ok(Outcome::still(&before))
    }

    /// Reads the definition of a function, after its name.
    pub(crate) fn function_by_name(&mut self, name: &Raw, start: usize) -> Read<Outcome> {
        self.eat("(");
        self.blanks();
        if !self.eat(")") {
            return Err(self.unexpected("a parenthesis that cannot stand here"));
        }
        self.function(name, start)
    }

    /// Reads the body of a function.
    fn function(&mut self, name: &Raw, start: usize) -> Read<Outcome> {
        let before = self.shared.dirs.clone();
        let Some(text) = name.bare().filter(|text| !text.is_empty() && !text.contains(['*', '?', '[', '~', '{', '=', '/']))
        else {
            return Err(self.stop("a function whose name is not a plain word", start));
        };
        let span = name.place();
        self.shared.script.functions.push(Function { name: text.to_owned(), span });
        self.newlines()?;
        if self.peek() != Some('(') && !self.reserved().is_some_and(|word| OPENERS.contains(&word)) {
            return Err(self.unexpected("a function without a body"));
        }
        let mark = self.mark();
        let at = self.pos;
        self.compound(at)?;
        self.since(mark, |context| {
            context.in_function = true;
            context.directory = crate::Directory::Unknown;
        });
        self.closed = self.closed && !matches!(self.reserved(), Some("{"));
        Ok(Outcome::still(&before))
    }
}
