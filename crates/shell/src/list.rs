//! Lists and pipelines: `;`, `&`, newlines, `&&`, `||`, `|`.

use crate::Context;
use crate::cursor::{Parser, Read};
use crate::flow::Outcome;

/// What ends a list. It is left to the caller to pass it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The end of the text.
    End,
    /// A `)`.
    Paren,
    /// One of these reserved words.
    Words(&'static [&'static str]),
    /// `esac`, or what ends a clause of a `case`.
    Clause,
}

impl Parser<'_, '_> {
    /// Reads commands up to what ends the list. Returns the outcome of the last, or `None` when there is no command.
    pub(crate) fn list(&mut self, until: Until) -> Read<Option<Outcome>> {
        let mut last = None;
        loop {
            self.newlines()?;
            if self.ends(until) {
                return Ok(last);
            }
            if self.printed && self.documented {
                return Err(self.unexpected("more commands after a here-document in a substitution"));
            }
            let before = self.shared.dirs.clone();
            let mark = self.mark();
            let outcome = self.and_or()?;
            self.shared.dirs = outcome.either();
            last = Some(outcome);
            self.blanks();
            self.printed_as_read()?;
            if self.looking_at(";;") || self.looking_at(";&") {
                if until != Until::Clause {
                    return Err(self.unexpected("`;;` outside `case`"));
                }
            } else if self.eat(";") || self.peek() == Some('\n') {
            } else if self.eat("&") {
                self.since(mark, |context| {
                    context.in_background = true;
                    context.in_subshell = true;
                });
                self.shared.dirs = before.clone();
                last = Some(Outcome::still(&before));
            } else if !self.may_end(until) {
                return Err(self.unexpected("something that cannot stand here"));
            }
        }
    }

    /// Reads commands of which there must be one.
    pub(crate) fn some_list(&mut self, until: Until) -> Read<Outcome> {
        match self.list(until)? {
            Some(outcome) => Ok(outcome),
            None => Err(self.unexpected("there is no command where one must be")),
        }
    }

    /// Returns whether the list ends here, where a command could begin.
    fn ends(&mut self, until: Until) -> bool {
        match until {
            Until::End => self.peek().is_none(),
            Until::Paren => self.peek() == Some(')'),
            Until::Words(words) => self.reserved().is_some_and(|word| words.contains(&word)),
            Until::Clause => self.looking_at(";;") || self.looking_at(";&") || self.reserved() == Some("esac"),
        }
    }

    /// Returns whether the list ends here, right after a command.
    fn may_end(&mut self, until: Until) -> bool {
        match until {
            Until::End | Until::Paren => self.ends(until),
            Until::Words(_) | Until::Clause => self.closed && self.ends(until),
        }
    }

    fn and_or(&mut self) -> Read<Outcome> {
        let mut outcome = self.pipeline()?;
        loop {
            self.blanks();
            let and = self.looking_at("&&");
            if !and && !self.looking_at("||") {
                return Ok(outcome);
            }
            self.printed_as_read()?;
            self.eat(if and { "&&" } else { "||" });
            self.newlines()?;
            self.shared.dirs = if and { outcome.ok.clone() } else { outcome.fail.clone() };
            let mark = self.mark();
            let right = self.pipeline()?;
            self.since(mark, |context| context.conditional = true);
            outcome = if and {
                Outcome { ok: right.ok, fail: outcome.fail.or(&right.fail) }
            } else {
                Outcome { ok: outcome.ok.or(&right.ok), fail: right.fail }
            };
        }
    }

    fn pipeline(&mut self) -> Read<Outcome> {
        let mut negated = false;
        let mut timed = false;
        loop {
            self.blanks();
            match self.reserved() {
                Some("!") => {
                    self.eat("!");
                    negated = !negated;
                }
                Some("time") => {
                    self.eat("time");
                    timed = true;
                    self.time_options()?;
                }
                _ => break,
            }
        }
        let before = self.shared.dirs.clone();
        if timed && !negated && matches!(self.peek(), None | Some('\n' | ';')) {
            return Ok(Outcome::still(&before));
        }
        let mark = self.mark();
        let mut outcome = self.command(false)?;
        let mut piped = false;
        loop {
            self.blanks();
            if self.looking_at("||") || !self.eat("|") {
                break;
            }
            self.printed_as_read()?;
            self.eat("&");
            piped = true;
            self.shared.dirs = before.clone();
            let newline = self.newlines()?;
            if newline && self.reserved() == Some("time") {
                return Err(self.unexpected("`time` after a pipe and a newline"));
            }
            self.command(true)?;
        }
        if piped {
            self.since(mark, |context| {
                context.in_pipeline = true;
                context.in_subshell = true;
            });
            outcome = Outcome::still(&before);
        }
        if negated || timed {
            self.since(mark, |context| {
                context.negated |= negated;
                context.timed |= timed;
            });
        }
        Ok(if negated { Outcome { ok: outcome.fail, fail: outcome.ok } } else { outcome })
    }

    fn time_options(&mut self) -> Read<()> {
        for option in ["-p", "--"] {
            self.blanks();
            let start = self.pos;
            if self.eat(option) && !self.ends_word() {
                self.pos = start;
            }
        }
        self.blanks();
        if self.peek() == Some('-') { Err(self.unexpected("an option of `time` that is not known")) } else { Ok(()) }
    }

    /// Returns whether a word ends here.
    pub(crate) fn ends_word(&mut self) -> bool {
        matches!(self.peek(), None | Some(' ' | '\t' | '\n' | '|' | '&' | ';' | '(' | ')' | '<' | '>'))
    }

    /// Returns the place after the commands read so far.
    pub(crate) fn mark(&self) -> usize {
        self.shared.script.commands.len()
    }

    /// Changes what is said about the commands read since a mark.
    pub(crate) fn since(&mut self, mark: usize, change: impl Fn(&mut Context)) {
        for command in self.shared.script.commands.iter_mut().skip(mark) {
            change(&mut command.context);
        }
    }
}
