/// Returns whether an awk program only reads its input and prints: no `system`, no pipe, no `getline`, no redirection, no
/// `@`. What is not understood is not.
pub(crate) fn only_prints(program: &str) -> bool {
    check(&program.chars().collect::<Vec<_>>()).is_some()
}

fn check(program: &[char]) -> Option<()> {
    let mut at = 0;
    // The last character that means something, and whether a `print` is open at which depth of parentheses.
    let mut last = None::<char>;
    let mut before_last = None::<char>;
    let mut depth = 0_usize;
    let mut printing = None::<usize>;
    while let Some(&c) = program.get(at) {
        at += 1;
        match c {
            ' ' | '\t' => continue,
            '#' => {
                while program.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
                continue;
            }
            '"' => at = string(program, at)?,
            '/' => match last {
                // Nobody knows whether a regular expression or a division stands here.
                Some(')') => return None,
                Some('+' | '-') if before_last == last => return None,
                Some(p) if p.is_alphanumeric() || matches!(p, '_' | ']' | '"' | '$' | '.') => {
                    if word_before(program, at - 1) {
                        return None;
                    }
                }
                _ => at = regex(program, at)?,
            },
            '|' => match program.get(at) {
                Some('|') => at += 1,
                _ => return None,
            },
            '@' | '`' | '\\' => return None,
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ';' | '\n' | '{' | '}' => printing = None,
            '>' if printing.is_some_and(|at| at >= depth) => return None,
            c if c.is_alphabetic() || c == '_' => {
                let start = at - 1;
                while program.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                    at += 1;
                }
                let name: String = program.get(start..at)?.iter().collect();
                match name.as_str() {
                    "system" | "getline" | "close" | "fflush" | "extension" | "load" | "include" | "ARGV" => return None,
                    "print" | "printf" => printing = Some(depth),
                    _ => {}
                }
            }
            _ => {}
        }
        before_last = last;
        last = program.get(at - 1).copied();
    }
    Some(())
}

/// Returns whether the word before is a keyword after which a regular expression stands.
fn word_before(program: &[char], slash: usize) -> bool {
    let before: String = program.get(..slash).unwrap_or_default().iter().collect();
    let before = before.trim_end();
    ["return", "print", "in", "case", "else", "do", "printf"]
        .iter()
        .any(|word| before.strip_suffix(word).is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '_')))
}

fn string(program: &[char], mut at: usize) -> Option<usize> {
    loop {
        match program.get(at)? {
            '"' => return Some(at + 1),
            '\n' => return None,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn regex(program: &[char], mut at: usize) -> Option<usize> {
    let start = at;
    loop {
        match program.get(at)? {
            '/' => break,
            '\n' => return None,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    // Were it a division after all, this is what would be missed.
    let text: String = program.get(start..at)?.iter().collect();
    let suspicious = ["system", "getline", "print"].iter().any(|word| text.contains(word)) || text.contains('"');
    (!suspicious).then_some(at + 1)
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
        ];
        for program in more {
            assert!(!only_prints(program), "{program}");
        }
    }
}
