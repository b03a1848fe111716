/// Returns whether an awk program only reads its input and prints: no `system`, no pipe, no `getline`, no redirection, no
/// `@`. What is not understood is not.
///
/// Whether a slash divides or begins a regular expression only a whole parser knows, and each awk has its own. So where a
/// program has anything that could do more, strings and regular expressions included, it has to be so plain that all of
/// them read it alike.
pub(crate) fn only_prints(program: &str) -> bool {
    let is_strange = |c: char| c == '\r' || (c.is_control() && c != '\n' && c != '\t');
    if program.contains("\\\n") || program.contains(is_strange) {
        return false;
    }
    let plain = program.contains(['|', '>', '@', '`']) || names_more(program);
    let mut reading = Reading { program: &program.chars().collect::<Vec<_>>(), at: 0, before: Before::Start, plain };
    reading.check().is_some()
}

/// Names of what does more than print, also within another name: after a number a name needs no blank.
fn names_more(text: &str) -> bool {
    ["system", "getline", "close", "fflush", "extension", "ARGV", "SYMTAB", "FUNCTAB"].iter().any(|name| text.contains(name))
}

struct Reading<'a> {
    program: &'a [char],
    at: usize,
    before: Before,
    /// Nothing may be left open: the program has what could do more.
    plain: bool,
}

/// What stands before a slash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// No expression ends here: a regular expression begins, to every awk.
    Start,
    /// A number, after which every awk divides.
    Number,
    /// It may be either.
    Other,
}

impl Reading<'_> {
    fn check(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        // At which depth of parentheses a `print` is open. A line may go on after its end, so that an end is none.
        let mut printing = None::<usize>;
        while let Some(c) = self.next() {
            let mut before = Before::Other;
            match c {
                ' ' | '\t' => before = self.before,
                '#' => while self.next_if(|c| c != '\n').is_some() {},
                '"' => self.string()?,
                '/' if self.before == Before::Start => self.regex()?,
                '/' if self.plain && self.before != Before::Number => return None,
                '0'..='9' => before = Before::Number,
                '|' | '&' if self.next_if(|next| next == c).is_some() => before = Before::Start,
                '|' | '@' | '`' | '\\' => return None,
                '\n' | ',' | '!' | '~' => before = Before::Start,
                '(' => {
                    depth += 1;
                    before = Before::Start;
                }
                ')' => depth = depth.checked_sub(1)?,
                ';' | '{' | '}' => {
                    printing = None;
                    before = Before::Start;
                }
                '>' if printing.is_some_and(|at| at >= depth) => return None,
                c if c.is_ascii_alphabetic() || c == '_' => {
                    let name = self.name(c);
                    match name.as_str() {
                        "print" | "printf" => printing = Some(depth),
                        name if names_more(name) => return None,
                        name if self.plain && name.contains("print") => return None,
                        _ => {}
                    }
                }
                _ => {}
            }
            self.before = before;
        }
        Some(())
    }

    fn name(&mut self, first: char) -> String {
        let mut name = String::from(first);
        while let Some(c) = self.next_if(|c| c.is_ascii_alphanumeric() || c == '_') {
            name.push(c);
        }
        name
    }

    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                '"' => return Some(()),
                '\n' => return None,
                '\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }

    fn regex(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                '/' => return Some(()),
                // A quote would begin a string, were it a division after all.
                '\n' | '"' => return None,
                '\\' => {
                    self.next()?;
                }
                '[' => self.set()?,
                _ => {}
            }
        }
    }

    /// Reads a set of characters, if it is one in which no awk finds the end of the expression, and none looks for the end
    /// of the set elsewhere.
    fn set(&mut self) -> Option<()> {
        let _ = self.next_if(|c| c == '^');
        let mut empty = true;
        loop {
            match self.next()? {
                ']' if !empty => return Some(()),
                ']' | '/' | '\n' | '"' => return None,
                '\\' => {
                    self.next().filter(|c| !matches!(c, '[' | ']'))?;
                }
                '[' => {
                    // `[:alpha:]`
                    self.next_if(|c| c == ':')?;
                    while self.next_if(|c| c.is_ascii_lowercase()).is_some() {}
                    self.next_if(|c| c == ':')?;
                    self.next_if(|c| c == ']')?;
                }
                _ => {}
            }
            empty = false;
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.program.get(self.at).copied()?;
        self.at += 1;
        Some(next)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let next = self.program.get(self.at).copied().filter(|c| wanted(*c))?;
        self.at += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs() {
        let prints = [
            "{print $1}",
            "$3 > 5 {print $1, $2}",
            "NR==1",
            "/a|b/ {n++} END {print n}",
            "{s+=$1} END {print s/NR}",
            "{ printf \"%s|%s\\n\", $1, $2 }",
            "$1 ~ /x>y/",
            "{print ($1 > 2)}",
            "BEGIN{FS=\":\"} {print $NF}",
            "length > 80",
            "a || b",
            "{print $1/2}",
            "!seen[$0]++",
            "# x | y\n{print}",
            "END {print s/NR, length/2}",
            "$1 ~ /^[^[:space:]\\/]+|x$/ && !/a>b/ {print}",
            "BEGIN{FS=\"|\"} $2 > 3 || /x/ {n++}\nEND{print n}",
            "{print \"a@b\"}",
            "NR>1 && $3 > 5 {n += $2/2} END {print 100 / n}",
        ];
        for program in prints {
            assert!(only_prints(program), "{program}");
        }
        let more = [
            "BEGIN{system(\"id\")}",
            "{print | \"sh\"}",
            "{\"id\" | getline x}",
            "{print > \"f\"}",
            "{print $1 >> \"f\"}",
            "{getline < \"f\"}",
            "@load \"x\"",
            "{print \"a\" |& \"sh\"}",
            "{printf \"x\" > \"f\"}",
            "BEGIN { f=\"system\"; @f(\"id\") }",
            "{x++ / 2; print \"a\" | \"sh\" / 1}",
            "{if (x) /\"/; system(\"id\")}",
            "{print \"a",
            "{print ($1) > \"f\"}",
            "{print (1)(2) > \"f\"}",
            "{ system (\"id\") }",
            "BEGIN{ if (0) exit /\"/; system(c); y=/\"/ }",
            "BEGIN{print 1,\n2 > \"/dev/stderr\"}",
            "BEGIN{print 1 &&\n2 > \"f\"}",
            "BEGIN{print 1, # x\n2 > \"f\"}",
            "/[/]\"/{system(c)}/[/]\"/",
            "/[]/]\"/{system(c)}/[]/]\"/",
            "/[[/]\"/{system(c)}/[/]\"/",
            "/[\\]/]\"/{system(c)}/[/]\"/",
            "BEGIN{x=1e1system(\"id\")}",
            "BEGIN{x=0x1system(\"id\")}",
            "{y = x / 2; print \"a|b\"}",
            "{x = length /\"/; system(c); y=/\"/}",
            "{print \"a\\\n\"; system(c)}",
            "BEGIN{SYMTAB[\"ARGV\"][1]=\"f\"}",
            "{print a[1 > \"f\"]}",
            "{x = 1/y /\"/; system(c); y=/\"/}",
            "{x1 /\"/; system(c); y=/\"/}",
            "{x = 2\n/\"/; system(c); y=/\"/}",
        ];
        for program in more {
            assert!(!only_prints(program), "{program}");
        }
    }
}
