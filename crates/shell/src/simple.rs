use remit_diagnostics::Span;

use crate::Opaque;
use crate::lex::{Word, words};

/// The words of one simple command, quotes and backslashes gone.
///
/// There is at least one word, and the first is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleCommand {
    pub words: Vec<String>,
}

/// Words that begin or join compound commands when they stand first.
const RESERVED: [&str; 22] = [
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select",
    "then", "time", "until", "while", "{", "}",
];

/// Reads a line that is one plain simple command: bash would run exactly these words, whatever its variables, its
/// working directory and its options are.
///
/// # Errors
///
/// Returns the first thing that is more than that, with its place. Never guesses.
pub fn simple_command(line: &str) -> Result<SimpleCommand, Opaque> {
    let words = words(line)?;
    for word in &words {
        static_word(word, line)?;
    }
    let Some(first) = words.first() else { return Err(Opaque::new("there is no command", Span::new(0, line.len()))) };
    program(first)?;
    Ok(SimpleCommand { words: words.iter().map(Word::text).collect() })
}

/// Refuses what bash would expand in a word.
fn static_word(word: &Word, line: &str) -> Result<(), Opaque> {
    for letter in word.letters.iter().filter(|letter| !letter.quoted) {
        let reason = match letter.character {
            '*' | '?' | '[' => "a file name pattern",
            '{' | '}' => "a brace expansion",
            '!' => "a history expansion",
            '~' if may_be_home(line, letter.offset) => "`~` stands for a directory",
            '#' if letter.offset == word.span.start => "a comment",
            _ => continue,
        };
        return Err(Opaque::new(reason, Span::new(letter.offset, letter.offset + letter.character.len_utf8())));
    }
    Ok(())
}

/// Returns whether bash might expand a `~` here: everywhere but after a character that keeps it inside a plain word, as
/// in `HEAD~1`. After `=` and `:` it does in some words.
fn may_be_home(line: &str, offset: usize) -> bool {
    let before = line.get(..offset).and_then(|before| before.chars().next_back());
    !before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '^' | '@'))
}

/// Refuses a first word that is not the name of a program. Quotes would take the meaning of most of these away; they are
/// refused all the same, because nobody needs them.
fn program(first: &Word) -> Result<(), Opaque> {
    let text = first.text();
    let reason = if text.is_empty() {
        "the command is the empty word"
    } else if RESERVED.contains(&text.as_str()) {
        "a compound command"
    } else if is_assignment(&text) {
        "an assignment before the command"
    } else if text.starts_with('%') {
        "a job of the shell"
    } else if text.starts_with('^') {
        "a history expansion"
    } else {
        return Ok(());
    };
    Err(Opaque::new(reason, first.span))
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        match simple_command(line) {
            Ok(command) => assert_eq!(command.words, expected, "{line}"),
            Err(opaque) => panic!("{line}: {opaque}"),
        }
    }

    fn check_opaque(line: &str, reason: &str, at: &str) {
        let opaque = simple_command(line).unwrap_err();
        let span = &line[opaque.span.start..opaque.span.end];
        assert_eq!((opaque.reason, span), (reason, at), "{line:?}");
    }

    #[test]
    fn words_lose_their_quotes() {
        check("cargo test", &["cargo", "test"]);
        check("  cargo\t test  ", &["cargo", "test"]);
        check("g''it pu\"s\"h", &["git", "push"]);
        check("r\\m a\\ b", &["rm", "a b"]);
        check("echo 'a;b' \"c|d\" '$x' '*'", &["echo", "a;b", "c|d", "$x", "*"]);
        check(r#"echo "\$x \" \\ \a""#, &["echo", r#"$x " \ \a"#]);
        check("git diff HEAD~1 a#b x=y", &["git", "diff", "HEAD~1", "a#b", "x=y"]);
        check("echo '' \"\"", &["echo", "", ""]);
        check("echo 日本 -- ]", &["echo", "日本", "--", "]"]);
    }

    #[test]
    fn everything_else_is_opaque() {
        check_opaque("", "there is no command", "");
        check_opaque("   ", "there is no command", "   ");
        check_opaque("''", "the command is the empty word", "''");
        check_opaque("echo $HOME", "a variable or a substitution", "$");
        check_opaque("echo \"$HOME\"", "a variable or a substitution", "$");
        check_opaque("echo `id`", "a command substitution", "`");
        check_opaque("echo \"`id`\"", "a command substitution", "`");
        check_opaque("echo *.rs", "a file name pattern", "*");
        check_opaque("echo a?", "a file name pattern", "?");
        check_opaque("[ -f x ]", "a file name pattern", "[");
        check_opaque("echo {a,b}", "a brace expansion", "{");
        check_opaque("ls ~", "`~` stands for a directory", "~");
        check_opaque("make P=~/x", "`~` stands for a directory", "~");
        check_opaque("make P=a:~/x", "`~` stands for a directory", "~");
        check_opaque("ls # all", "a comment", "#");
        check_opaque("a && b", "`&` runs more than one command", "&");
        check_opaque("a; b", "`;` runs more than one command", ";");
        check_opaque("a | b", "a pipe", "|");
        check_opaque("a > b", "a redirection", ">");
        check_opaque("a 2>&1", "a redirection", ">");
        check_opaque("a <<< b", "a redirection", "<");
        check_opaque("a <(b)", "a redirection", "<");
        check_opaque("a\nb", "there is more than one line", "\n");
        check_opaque("echo 'a\nb'", "there is more than one line", "\n");
        check_opaque("a\0b", "there is a NUL character", "\0");
        check_opaque("a\u{1}b", "there is a control character", "\u{1}");
        check_opaque("a\u{a0}b", "a blank that is neither space nor tab", "\u{a0}");
        check_opaque("a \\", "a backslash at the end continues the line", "\\");
        check_opaque("echo 'a", "a quote is not closed", "'a");
        check_opaque("echo \"a\\\"", "a quote is not closed", "\"a\\\"");
        check_opaque("if true", "a compound command", "if");
        check_opaque("time make", "a compound command", "time");
        check_opaque("coproc make", "a compound command", "coproc");
        check_opaque("! make", "a history expansion", "!");
        check_opaque("echo \"a!b\"", "a history expansion", "!");
        check_opaque("^a^b", "a history expansion", "^a^b");
        check_opaque("A=1 make", "an assignment before the command", "A=1");
        check_opaque("A+=1 make", "an assignment before the command", "A+=1");
        check_opaque("%1", "a job of the shell", "%1");
        check_opaque("f() x", "a parenthesis", "(");
        check_opaque("ls @(a)", "a parenthesis", "(");
        check_opaque("{ a", "a brace expansion", "{");
        check_opaque("{fd}>x a", "a redirection", ">");
    }

    #[test]
    fn a_long_line_is_not_read() {
        assert!(simple_command(&"a".repeat(crate::MAX_LENGTH)).is_ok());
        assert!(simple_command(&"a".repeat(crate::MAX_LENGTH + 1)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_an_answer(line in "\\PC*|[a-z '\"\\\\$`~=*?!#%^\\n\\x00-\\x1f|&;<>(){}\\[\\]]*") {
            match simple_command(&line) {
                Ok(command) => assert!(command.words.first().is_some_and(|word| !word.is_empty())),
                Err(opaque) => assert!(line.get(opaque.span.start..opaque.span.end).is_some()),
            }
        }
    }
}
