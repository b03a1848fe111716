//! Scripts made from a grammar, and scripts broken by hand.

use super::Numbers;

const NAMES: [&str; 22] = [
    "a",
    "bb",
    "c-c",
    "git",
    "rm",
    "x1",
    "\\rm",
    "r''m",
    "'g'it",
    "r\\\nm",
    "$'\\x72m'",
    "\"g it\"",
    "time_",
    "é",
    "echo",
    "cd",
    "exit",
    "test",
    "export",
    "then_",
    "{a,b}",
    "a#b",
];

const PIECES: [&str; 68] = [
    "a",
    "-x",
    "--out=b",
    "1",
    "2",
    "é",
    "=",
    ":",
    ",",
    "%",
    "^",
    "@",
    "+",
    "!",
    "]",
    "#",
    "''",
    "\"\"",
    "'a b'",
    "'$x'",
    "'\\'",
    "\"a  b\"",
    "\"$x\"",
    "\"\\$x\"",
    "\"\\\"\"",
    "\"\\a\"",
    "\\ ",
    "\\$",
    "\\*",
    "\\\\",
    "\\#",
    "\\{",
    "$'a\\tb'",
    "$'\\''",
    "$'\\x41\\101\\e'",
    "$'\\q'",
    "$'a\\0b'",
    "$\"t\"",
    "{a,b}",
    "{1..3}",
    "{01..3}",
    "{a..c}",
    "{a,'b c'}",
    "{,x}",
    "{}",
    "{a}",
    "{a{b,c}}",
    "{x,{y,z}}",
    "$x",
    "${x}",
    "${x:-a}",
    "\"${x:-a b}\"",
    "${x:-\"a b\"}",
    "${#x}",
    "${x%a*}",
    "$((1+2))",
    "$?",
    "$#",
    "*",
    "a?",
    "~",
    "[a]",
    "[",
    "a\\\nb",
    "\\\n",
    "$",
    "\"$\"",
    "x=1",
];

pub(crate) fn script(numbers: &mut Numbers) -> String {
    list(numbers, 3)
}

/// Breaks a script: cuts, doubles, joins with another, puts something in.
pub(crate) fn broken(numbers: &mut Numbers, corpus: &[String]) -> String {
    let mut characters: Vec<char> = corpus[numbers.below(corpus.len())].chars().collect();
    for _ in 0..=numbers.below(3) {
        if characters.is_empty() {
            break;
        }
        let at = numbers.below(characters.len());
        match numbers.below(5) {
            0 => {
                characters.remove(at);
            }
            1 => characters.insert(at, characters[numbers.below(characters.len())]),
            2 => {
                let end = (at + numbers.below(6)).min(characters.len());
                characters.drain(at..end);
            }
            3 => {
                let special = numbers.of(&[
                    "'",
                    "\"",
                    "\\",
                    "$",
                    "`",
                    "(",
                    ")",
                    "{",
                    "}",
                    ";",
                    "&",
                    "|",
                    "<",
                    ">",
                    "\n",
                    "#",
                    " ",
                    "\\\n",
                    "[",
                    "]",
                    "=",
                    "!",
                    "*",
                    "~",
                    ",",
                    "..",
                    "$(",
                    "${",
                    "<<E\n",
                    "<(",
                    "$((",
                    "))",
                    "((",
                    "[[ ",
                    " ]]",
                    ";;",
                    "&&",
                    "||",
                    " in ",
                    " do ",
                    " then ",
                    "<<<",
                    "2>&1",
                    ">f",
                    " E\n",
                    "\nE\n",
                    "$'",
                    "$\"",
                    "case ",
                    "esac",
                    "function ",
                    "coproc ",
                    "time ",
                    "{fd}>",
                    "a=(",
                    "a[",
                    "+=",
                ]);
                characters.splice(at..at, special.chars());
            }
            _ => {
                let other: Vec<char> = corpus[numbers.below(corpus.len())].chars().collect();
                characters.splice(at..at, other);
            }
        }
    }
    characters.into_iter().collect()
}

fn list(numbers: &mut Numbers, depth: usize) -> String {
    let mut text = pipeline(numbers, depth);
    for _ in 0..numbers.below(3) {
        let joint = numbers.of(&["; ", " && ", " || ", "\n", ";", "&&", " &\n", " && \\\n", " ||\n", " # c\n"]);
        // A here-document ends at its own line, and nothing may follow it there.
        let joint = if text.ends_with("\nE") || text.ends_with("\n\tE") { "\n" } else { joint };
        text = format!("{text}{joint}{}", pipeline(numbers, depth));
    }
    text
}

fn pipeline(numbers: &mut Numbers, depth: usize) -> String {
    let before = numbers.of(&["", "", "", "", "", "! ", "time ", "time -p "]);
    let mut text = format!("{before}{}", command(numbers, depth));
    while numbers.below(5) == 0 && !text.contains("<<") {
        text = format!("{text}{}{}", numbers.of(&[" | ", "|", " |& ", " |\n"]), command(numbers, depth));
    }
    text
}

fn command(numbers: &mut Numbers, depth: usize) -> String {
    if depth == 0 || numbers.below(3) > 0 {
        return simple(numbers, depth);
    }
    let nested = |numbers: &mut Numbers| {
        let text = list(numbers, depth - 1);
        if text.contains("<<") { text + "\n" } else { text }
    };
    let text = match numbers.below(14) {
        0 => format!("( {} )", nested(numbers)),
        1 => format!("{{ {}\n}}", nested(numbers)),
        2 => format!("if {}\nthen {}\nfi", nested(numbers), nested(numbers)),
        3 => format!(
            "if {}\nthen {}\nelif {}\nthen {}\nelse {}\nfi",
            nested(numbers),
            nested(numbers),
            nested(numbers),
            nested(numbers),
            nested(numbers)
        ),
        4 => format!("for i in {} {}; do {}\ndone", word(numbers, depth), word(numbers, depth), nested(numbers)),
        5 => format!("while {}\ndo {}\nbreak; done", nested(numbers), nested(numbers)),
        6 => format!(
            "case {} in a) {}\n;; (b|{}) {}\n;& *) {}\nesac",
            word(numbers, depth),
            nested(numbers),
            word(numbers, 0),
            nested(numbers),
            nested(numbers)
        ),
        7 => format!("for ((i = 0; i < 2; i++)); do {}\ndone", nested(numbers)),
        8 => format!("[[ {} == {} && -n a ]]", word(numbers, depth), word(numbers, 0)),
        9 => "(( 1 + 2 > 2 ))".to_owned(),
        10 => format!("f() {{ {}\n}}", nested(numbers)),
        11 => format!("function g {{ {}\n}}", nested(numbers)),
        12 => format!("coproc {{ {}\n}}", nested(numbers)),
        _ => format!("until {}\ndo {}\ndone", nested(numbers), nested(numbers)),
    };
    if numbers.below(4) == 0 { text + &redirect(numbers, depth, false) } else { text }
}

fn simple(numbers: &mut Numbers, depth: usize) -> String {
    let mut text = String::new();
    if numbers.below(6) == 0 {
        text +=
            numbers.of(&["v=1 ", "v+=2 ", "v= ", "v='a b' ", "v=(1 2) ", "v[1]=3 ", "v={a,b} ", "v=~ ", "v=$(b) ", "v=`b c` "]);
    }
    if numbers.below(8) == 0 {
        text += redirect(numbers, depth, false).trim_start();
        text += " ";
    }
    text += numbers.of(&NAMES);
    for _ in 0..numbers.below(4) {
        text += numbers.of(&[" ", " ", " ", "\t", "  ", " \\\n"]);
        text += &word(numbers, depth);
    }
    if numbers.below(4) == 0 {
        text += &redirect(numbers, depth, true);
    }
    text
}

fn word(numbers: &mut Numbers, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..=numbers.below(3) {
        text += &piece(numbers, depth);
    }
    // What would be a comment or nothing at all in the place of a word.
    if text.starts_with('#') || text.trim_start_matches("\\\n").is_empty() || text.replace("\\\n", "").starts_with('#') {
        "w".to_owned() + &text
    } else {
        text
    }
}

fn piece(numbers: &mut Numbers, depth: usize) -> String {
    if depth == 0 || numbers.below(5) > 0 {
        return numbers.of(&PIECES).to_owned();
    }
    if numbers.below(4) == 0 {
        return format!("{}{}\n)", numbers.of(&["$(", "\"x\"$(", "<("]), list(numbers, depth - 1));
    }
    let inside = simple(numbers, 0);
    if inside.contains("<<") {
        return format!("$({inside}\n)");
    }
    match numbers.below(10) {
        0 => format!("$({inside})"),
        1 => format!("\"$({inside})\""),
        2 => format!("`{}`", inside.replace('\\', "\\\\").replace('`', "\\`")),
        3 => format!("<({inside})"),
        4 => format!("${{x:-$({inside})}}"),
        5 => format!("\"${{x:-$({inside})}}\""),
        6 => format!("$( ({inside}) )"),
        7 => format!("${{x#$({inside})}}"),
        8 => "\"a`b \\`c d\\``\"".to_owned(),
        _ => format!("$({inside}; {})", simple(numbers, 0).replace("<<", "<")),
    }
}

fn redirect(numbers: &mut Numbers, depth: usize, last: bool) -> String {
    let kinds = if last { 15 } else { 10 };
    match numbers.below(kinds) {
        0 => " >f".to_owned(),
        1 => " 2>&1".to_owned(),
        2 => " >> g".to_owned(),
        3 => " 2>/dev/null".to_owned(),
        4 => " &>h".to_owned(),
        5 => format!(" <<< {}", word(numbers, depth)),
        6 => " >| 'f g'".to_owned(),
        7 => " {fd}>k".to_owned(),
        8 => " >&l".to_owned(),
        9 => " <>m".to_owned(),
        10 => " <<E\ntext $x \\$y\n  E\nE".to_owned(),
        11 => " <<-'E'\n\ttext $(no)\n\tE".to_owned(),
        12 => " <<E\n$(rm x) `git y` \"\nE".to_owned(),
        13 => " <<\"E\" 2>&1\n$(no\nE".to_owned(),
        _ => " <<E\na\\\nb \\\\\nE".to_owned(),
    }
}
