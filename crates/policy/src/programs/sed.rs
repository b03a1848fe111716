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
                self.until('/')?;
                self.skip(|c| matches!(c, 'I' | 'M'));
            }
            Some('\\') => {
                self.at += 1;
                let delimiter = self.next()?;
                self.until(delimiter)?;
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
            'b' | 't' | 'T' | ':' => {
                self.skip(|c| c != ';' && c != '\n' && c != '}');
                Some(())
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
                self.until(delimiter)?;
                self.until(delimiter)?;
                self.skip(|c| matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M') || c.is_ascii_digit());
                self.end()
            }
            _ => None,
        }
    }

    fn delimiter(&mut self) -> Option<char> {
        self.next().filter(|c| *c != '\n' && *c != '\\')
    }

    /// Reads up to the delimiter. In a set of a regular expression GNU sed lets a delimiter end it all the same.
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
        ];
        for script in more {
            assert!(!only_edits(script), "{script}");
        }
    }
}
