/// Returns whether a sed script only edits the stream: no `e`, no `r`, `R`, `w`, `W`, no flag `e` or `w` of `s`. What is
/// not understood is not.
pub(crate) fn only_edits(script: &str) -> bool {
    Sed { rest: script.chars().collect(), at: 0 }.script().is_some()
}

struct Sed {
    rest: Vec<char>,
    at: usize,
}

impl Sed {
    fn script(&mut self) -> Option<()> {
        loop {
            self.skip(|c| c.is_whitespace() || c == ';' || c == '}');
            if self.peek().is_none() {
                return Some(());
            }
            if self.peek() == Some('#') {
                self.skip(|c| c != '\n');
                continue;
            }
            self.address()?;
            self.blanks();
            if self.take(',') {
                self.blanks();
                let _ = self.take('+') || self.take('~');
                self.address()?;
                self.blanks();
            }
            while self.take('!') {
                self.blanks();
            }
            self.command()?;
        }
    }

    /// Reads an address, if there is one.
    fn address(&mut self) -> Option<()> {
        match self.peek() {
            Some(c) if c.is_ascii_digit() => {
                self.skip(|c| c.is_ascii_digit());
                if self.take('~') {
                    self.skip(|c| c.is_ascii_digit());
                }
            }
            Some('$') => self.at += 1,
            Some('/') => {
                self.at += 1;
                self.regex('/')?;
                self.skip(|c| matches!(c, 'I' | 'M'));
            }
            Some('\\') => {
                self.at += 1;
                let delimiter = self.delimiter()?;
                self.regex(delimiter)?;
                self.skip(|c| matches!(c, 'I' | 'M'));
            }
            _ => {}
        }
        Some(())
    }

    fn command(&mut self) -> Option<()> {
        match self.next()? {
            '{' => Some(()),
            'p' | 'P' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'x' | '=' | 'z' => self.end(),
            'q' | 'Q' | 'l' | 'L' => {
                self.blanks();
                self.skip(|c| c.is_ascii_digit());
                self.end()
            }
            'b' | 't' | 'T' => {
                self.label();
                self.blanks();
                matches!(self.peek(), None | Some(';' | '\n' | '}')).then_some(())
            }
            // After a blank GNU sed reads a command, and a brace it may take for a part of the name.
            ':' => {
                self.label();
                matches!(self.peek(), None | Some(';' | '\n')).then_some(())
            }
            'a' | 'i' | 'c' => {
                // The text goes on over lines that end in a backslash.
                while let Some(c) = self.next() {
                    match c {
                        '\\' => self.at += 1,
                        '\n' => break,
                        _ => {}
                    }
                }
                Some(())
            }
            'y' => {
                let delimiter = self.delimiter()?;
                self.until(delimiter)?;
                self.until(delimiter)?;
                self.end()
            }
            's' => {
                let delimiter = self.delimiter()?;
                self.regex(delimiter)?;
                self.until(delimiter)?;
                self.skip(|c| matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M') || c.is_ascii_digit());
                self.end()
            }
            _ => None,
        }
    }

    /// Reads a name of plain letters, which all read alike.
    fn label(&mut self) {
        self.blanks();
        self.skip(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    }

    fn delimiter(&mut self) -> Option<char> {
        self.next().filter(|c| *c != '\n' && *c != '\\')
    }

    /// Reads a regular expression. In a set a delimiter ends it to one sed and not to another, so that it must not be there.
    fn regex(&mut self, delimiter: char) -> Option<()> {
        if matches!(delimiter, '[' | ']' | '^') {
            return None;
        }
        loop {
            match self.next()? {
                '\n' => return None,
                '\\' => {
                    self.next()?;
                }
                c if c == delimiter => return Some(()),
                '[' => self.set(delimiter)?,
                _ => {}
            }
        }
    }

    /// Reads a set of characters up to its end, which has to be the same to every sed.
    fn set(&mut self, delimiter: char) -> Option<()> {
        let _ = self.take('^');
        let mut empty = true;
        loop {
            match self.next()? {
                ']' if !empty => return Some(()),
                ']' | '\n' => return None,
                c if c == delimiter => return None,
                '\\' => {
                    self.next().filter(|c| !matches!(c, '[' | ']' | '\\'))?;
                }
                // `[:alpha:]`
                '[' => {
                    let class = delimiter != ':' && self.take(':');
                    self.skip(|c| c.is_ascii_lowercase() && c != delimiter);
                    (class && self.take(':') && self.take(']')).then_some(())?;
                }
                _ => {}
            }
            empty = false;
        }
    }

    /// Reads up to the delimiter.
    fn until(&mut self, delimiter: char) -> Option<()> {
        loop {
            match self.next()? {
                '\\' => {
                    self.next()?;
                }
                c if c == delimiter => return Some(()),
                _ => {}
            }
        }
    }

    /// Makes sure that the command ends here.
    fn end(&mut self) -> Option<()> {
        self.blanks();
        match self.peek() {
            None | Some('\n' | ';' | '}' | '#') => Some(()),
            Some(_) => None,
        }
    }

    fn blanks(&mut self) {
        self.skip(|c| c == ' ' || c == '\t');
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        let edits = [
            "p",
            "1,5p",
            "$d",
            "/a/,/b/d",
            "s/a/b/",
            "s|a|b|g;s,x,y,2p",
            "s/a\\/b/c/gI",
            "/x/!d",
            "1~2p",
            "y/abc/xyz/",
            "$!N;P;D",
            ":a;N;$!ba;s/\\n/ /g",
            "/^#/d",
            "\\,x,d",
            "{p;p}",
            "1{/a/p}",
            "a hello",
            "/re/I p",
            "2q",
            "",
            "# note\np",
            "0,/x/s//y/",
            "5,+3p",
            ": a;$!{N;b a }",
            "s/[^[:space:]]*\\[\\([a-z]\\)/[\\1/",
            "/[.\\/]$/!s,[/],[x],",
            ":a\ns/x/y/;ta",
        ];
        for script in edits {
            assert!(only_edits(script), "{script}");
        }
        let more = [
            "e",
            "e id",
            "1e id",
            "s/a/id/e",
            "s/.*/id/ge",
            "w out",
            "s/a/b/w out",
            "s/a/b/gw out",
            "W f",
            "r /etc/passwd",
            "R f",
            "p;e",
            "{e}",
            "a x\ne id",
            "p\nw f",
            "y/a/b/;e",
            "s/a",
            "1,2e",
            "/x/e id",
            "$!e id",
            "\\,x,e",
            "v",
            "F",
            "#n\ne",
            "s\na\nb\ne",
            "b;e id",
            "}e",
            ":a e id -u",
            ": a e id",
            ":a w out",
            ":a\te id",
            ":a}s;x;e id;",
            ":a#;e id",
            "ba e id",
            "s/[/]/;s/e;/y/p",
            "/[/]/;s/e;/y/p",
            "s/[]/]/;s/e;/y/p",
            "s:[[:]/x]:;s:e;:y:p",
            "ba#;e id",
            "t\re id",
        ];
        for script in more {
            assert!(!only_edits(script), "{script}");
        }
    }
}
