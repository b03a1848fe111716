//! Simple commands: assignments, words and redirections.

use remit_diagnostics::Span;

use crate::arith::{Close, is_name};
use crate::cursor::{Parser, Read};
use crate::flow::{self, Outcome};
use crate::quote::Place;
use crate::{Assignment, Context, Dynamic, Part, Redirect, Simple, Value, Word, options};

/// Builtins whose arguments may be `NAME=(…)`.
const DECLARES: [&str; 5] = ["declare", "typeset", "local", "export", "readonly"];

impl Parser<'_, '_> {
    /// Reads a simple command, or the definition of a function by its name and `()`.
    pub(crate) fn simple(&mut self) -> Read<Outcome> {
        self.peek();
        let start = self.pos;
        let span = self.span(start);
        let mut command =
            Simple { assignments: Vec::new(), words: Vec::new(), redirects: Vec::new(), span, context: Context::default() };
        let mut declares = false;
        loop {
            self.blanks();
            if self.redirect(&mut command.redirects)? {
                continue;
            }
            if self.peek().is_none() || (self.ends_word() && !self.looking_at("<(") && !self.looking_at(">(")) {
                break;
            }
            let at = self.pos;
            if command.words.is_empty() && self.assignment(&mut command.assignments)? {
                let last = command.assignments.last();
                let array = last.is_some_and(|last| last.subscript || matches!(last.value, Value::Array(_)));
                if array && !command.redirects.is_empty() {
                    // There bash takes blanks in the subscript to end the word.
                    return Err(self.stop("an array after a redirection", at));
                }
                continue;
            }
            if declares && let Some(word) = self.declared_array()? {
                command.words.push(word);
                continue;
            }
            let raw = self.raw(Place::Word)?;
            if command.words.is_empty() {
                declares = raw.bare().is_some_and(|name| DECLARES.contains(&name));
                self.blanks();
                if command.assignments.is_empty() && command.redirects.is_empty() && self.peek() == Some('(') {
                    return self.function_by_name(&raw, start);
                }
            }
            self.arguments(&raw, &mut command.words)?;
        }
        if command.words.is_empty() && command.assignments.is_empty() && command.redirects.is_empty() {
            return Err(self.unexpected("something that cannot stand here"));
        }
        command.span = self.span(start);
        self.closed = false;
        self.judge_name(&command);
        Ok(self.push(command))
    }

    /// Adds a command to the script, and returns where the shell is after it.
    pub(crate) fn push(&mut self, mut command: Simple) -> Outcome {
        let index = self.mark();
        command.context.directory = self.shared.dirs.directory();
        for pending in self.pending.iter_mut().rev().take_while(|pending| pending.command.is_none()) {
            pending.command = Some(index);
        }
        let outcome = flow::outcome(&command, index, &self.shared.dirs);
        self.shared.script.commands.push(command);
        outcome
    }

    /// Adds a command that only assigns.
    pub(crate) fn assign(&mut self, assignments: Vec<Assignment>, span: Span) {
        let context = Context { directory: self.shared.dirs.directory(), ..Context::default() };
        let command = Simple { assignments, words: Vec::new(), redirects: Vec::new(), span, context };
        self.shared.script.commands.push(command);
    }

    /// Notes that the name of a command is not known, or that nobody knows how bash reads on after it.
    fn judge_name(&mut self, command: &Simple) {
        let Some(word) = command.words.first() else { return };
        let reason = match word.as_static() {
            None => "the name of the command is not known",
            Some("eval") => "`eval` reads its words as code",
            Some("alias") => "`alias` may change what the commands after it are",
            Some("set" | "shopt") if !options::harmless(&command.words) => "an option that may change how bash reads on",
            Some(name) if name.starts_with('%') => "a job of the shell",
            Some(_) => return,
        };
        self.unknown(reason, word.span);
    }

    /// Reads `NAME=value` and its like, if one begins here.
    fn assignment(&mut self, assignments: &mut Vec<Assignment>) -> Read<bool> {
        let start = self.pos;
        let name = self.name();
        if name.is_empty() {
            return Ok(false);
        }
        let subscript = self.eat("[");
        if subscript {
            self.subscript(start)?;
        }
        let append = self.eat("+=");
        if !append && !self.eat("=") {
            if subscript {
                return Err(self.stop("a subscript without an assignment", start));
            }
            self.pos = start;
            return Ok(false);
        }
        let value = if self.looking_at("(") {
            if subscript {
                return Err(self.unexpected("something that cannot stand here"));
            }
            Value::Array(self.array()?)
        } else {
            let raw = self.raw(Place::Word)?;
            Value::Word(crate::word::value(&raw))
        };
        assignments.push(Assignment { name, subscript, append, value, span: self.span(start) });
        Ok(true)
    }

    fn subscript(&mut self, start: usize) -> Read<()> {
        if self.looking_at("]") { Err(self.stop("an empty subscript", start)) } else { self.arithmetic(Close::Bracket, start) }
    }

    /// Reads `NAME=(…)` as an argument of `declare` and its like, if it begins here.
    fn declared_array(&mut self) -> Read<Option<Word>> {
        let start = self.pos;
        let name = self.name();
        if name.is_empty() || !(self.eat("=") || self.eat("+=")) || !self.looking_at("(") {
            self.pos = start;
            return Ok(None);
        }
        self.array()?;
        let parts = vec![Part::Literal(format!("{name}=")), Part::Dynamic(Dynamic::Array)];
        Ok(Some(Word { parts, splits: false, span: self.span(start) }))
    }

    /// Reads the elements of an array, in parentheses.
    fn array(&mut self) -> Read<Vec<Word>> {
        let start = self.pos;
        self.eat("(");
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None => return Err(self.stop("a parenthesis is not closed", start)),
                Some('\n') => self.pos += 1,
                Some(')') => {
                    self.pos += 1;
                    self.no_body_here(start)?;
                    if !self.ends_word() {
                        return Err(self.unexpected("something right after an array"));
                    }
                    return Ok(words);
                }
                Some('[') => {
                    let at = self.pos;
                    self.eat("[");
                    self.subscript(at)?;
                    if !self.eat("=") && !self.eat("+=") {
                        return Err(self.stop("a subscript without an assignment", at));
                    }
                    let raw = self.raw(Place::Word)?;
                    if raw.bare().is_some_and(|text| text.contains('{')) {
                        return Err(self.stop("braces in an element of an array", at));
                    }
                    words.push(crate::word::value(&raw));
                }
                Some(_) => {
                    let raw = self.raw(Place::Word)?;
                    if raw.pieces.is_empty() {
                        return Err(self.unexpected("something that cannot stand in an array"));
                    }
                    self.arguments(&raw, &mut words)?;
                }
            }
        }
    }

    /// Reads redirections after a compound command, in the directory where it began.
    /// Returns whether there are any.
    pub(crate) fn trailing_redirects(&mut self, start: usize) -> Read<bool> {
        let mut redirects: Vec<Redirect> = Vec::new();
        loop {
            self.blanks();
            if !self.redirect(&mut redirects)? {
                break;
            }
        }
        let any = !redirects.is_empty();
        if any {
            self.closed = false;
            let span = self.span(start);
            self.push(Simple { assignments: Vec::new(), words: Vec::new(), redirects, span, context: Context::default() });
        }
        Ok(any)
    }

    /// Makes the assignment of a variable that a loop sets.
    pub(crate) fn loop_variable(&mut self, name: &str, words: Vec<Word>, start: usize) -> Read<()> {
        if !is_name(name) {
            return Err(self.stop("a loop over something that is not a name", start));
        }
        if words.is_empty() {
            return Ok(());
        }
        let span = self.span(start);
        let assignment = |value| Assignment { name: name.to_owned(), subscript: false, append: false, value, span };
        self.assign(words.into_iter().map(|word| assignment(Value::Word(word))).collect(), span);
        Ok(())
    }
}
