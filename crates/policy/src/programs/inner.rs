use super::examine::{Item, Scan, Value};
use super::row::Runs;
use super::{Arg, Row, Tables};

/// What a command runs besides itself, when its program is one that runs others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner<'a> {
    /// Its program is none of those.
    None,
    /// The command that begins at this word.
    Argv { from: usize, transparent: bool, more_from_input: bool },
    /// This shell code, in this word.
    Code { code: &'a str, word: usize, transparent: bool },
    /// The words from here on, joined by blanks, are shell code.
    Joined { from: usize },
    /// It only says where a program is.
    Query,
    /// Nobody knows: from its input, from an expansion, or where the tables do not say.
    Unknown,
}

/// Finds what a command runs besides itself.
pub(crate) fn inner<'a>(tables: &Tables, args: &[Arg<'a>]) -> Inner<'a> {
    let Some(row) = args.first().and_then(|program| tables.row(program.text?)) else { return Inner::None };
    let Some(runs) = &row.runs else { return Inner::None };
    if runs.unknown {
        return if args.len() > 1 { Inner::Unknown } else { Inner::None };
    }
    if runs.code_all {
        return if args.len() > 1 { Inner::Joined { from: 1 } } else { Inner::None };
    }
    if row.shell {
        return shell(row, args);
    }
    if args.get(1).and_then(|arg| arg.text).is_some_and(|text| runs.query.has(text)) {
        return Inner::Query;
    }
    if !runs.verb.0.is_empty() {
        return verb(row, runs, args);
    }
    let mut operands = 0;
    let mut scan = Scan::new(row, args, 1);
    let mut escapes = false;
    while let Some(item) = scan.next() {
        match item {
            Item::Option { word, end, effect, value } => {
                escapes |= effect.is_some();
                let name = args.get(word).and_then(|arg| arg.text?.get(..end)).unwrap_or_default();
                if names(&runs.code_option.0, name) {
                    return match value {
                        Value::Text(code) => Inner::Code { code, word: word + 1, transparent: false },
                        Value::Unknown => Inner::Unknown,
                    };
                }
            }
            Item::Operand { word, .. } => {
                let Some(arg) = args.get(word) else { break };
                // What may be an option, or several words, leaves open where the command stands.
                if arg.text.is_none() && operands < runs.skip {
                    return Inner::Unknown;
                }
                if runs.assignments && arg.text.is_none_or(|text| text.contains('=')) {
                    if arg
                        .text
                        .and_then(|text| text.split_once('='))
                        .is_none_or(|(name, value)| !tables.may_assign(name, Some(value)))
                    {
                        escapes = true;
                    }
                    // The rest is looked at word by word: here options have ended.
                    return assignments(tables, args, word + 1, runs.transparent, escapes);
                }
                // `su USER -c CODE`: the operands are no command.
                if runs.always && !runs.code_option.0.is_empty() {
                    continue;
                }
                operands += 1;
                if runs.code_first {
                    return match arg.text {
                        Some(code) => Inner::Code { code, word, transparent: false },
                        None => Inner::Unknown,
                    };
                }
                if operands > runs.skip {
                    if runs.joined {
                        return Inner::Joined { from: word };
                    }
                    return Inner::Argv { from: word, transparent: runs.transparent && !escapes, more_from_input: runs.input };
                }
                // What is skipped may be followed by the command, options ended or not.
                if operands == runs.skip {
                    let option = args.get(word + 1).and_then(|arg| arg.text).is_some_and(|text| runs.code_option.has(text));
                    if let (true, Some(code)) = (option, args.get(word + 2).and_then(|arg| arg.text)) {
                        return Inner::Code { code, word: word + 2, transparent: false };
                    }
                    return match args.get(word + 1) {
                        Some(_) => {
                            Inner::Argv { from: word + 1, transparent: runs.transparent && !escapes, more_from_input: runs.input }
                        }
                        None => Inner::None,
                    };
                }
            }
        }
    }
    if runs.always { Inner::Unknown } else { Inner::None }
}

/// Goes over `NAME=VALUE` words to the command.
fn assignments<'a>(tables: &Tables, args: &[Arg<'a>], from: usize, transparent: bool, mut escapes: bool) -> Inner<'a> {
    for (word, arg) in args.iter().enumerate().skip(from) {
        let Some(text) = arg.text else { return Inner::Unknown };
        match text.split_once('=') {
            Some((name, value)) => escapes |= !tables.may_assign(name, Some(value)),
            None => return Inner::Argv { from: word, transparent: transparent && !escapes, more_from_input: false },
        }
    }
    Inner::None
}

/// Finds the verb, and the command after it. An option that is not known may have the next word for its value, whatever
/// that looks like.
fn verb<'a>(row: &Row, runs: &Runs, args: &[Arg<'a>]) -> Inner<'a> {
    let is_verb = |arg: &Arg<'_>| arg.text.is_none_or(|text| runs.verb.has(text));
    let (mut at, mut sure) = (1, true);
    while let Some(arg) = args.get(at) {
        let Some(text) = arg.text else { return Inner::Unknown };
        if !text.starts_with('-') {
            // `pipx list`, `poetry add`: something else than running a command.
            return match (is_verb(arg), sure) {
                (true, true) => after_verb(runs, args, at + 1),
                (false, true) => Inner::None,
                _ if args.iter().skip(at).any(is_verb) => Inner::Unknown,
                _ => Inner::None,
            };
        }
        let long = text.strip_prefix("--").map(|long| long.split_once('=').map_or((long, false), |(name, _)| (name, true)));
        let letter = text.strip_prefix('-').filter(|letter| letter.len() == 1);
        at += match (long, letter) {
            _ if runs.flags.has(text) => 1,
            (Some((name, true)), _) if row.long.has(name) => 1,
            (Some((name, false)), _) if row.long.has(name) => 2,
            (None, Some(letter)) if row.short.contains(letter) => 2,
            _ => {
                sure = false;
                1
            }
        };
    }
    Inner::None
}

/// Finds the command after `run`: the first word that is no option. What the options there do is not examined, so that
/// only those that do no harm may stand before it.
fn after_verb<'a>(runs: &Runs, args: &[Arg<'a>], mut from: usize) -> Inner<'a> {
    while let Some(arg) = args.get(from) {
        match arg.text {
            Some("--") => {
                from += 1;
                break;
            }
            Some(text) if runs.flags.has(text) => from += 1,
            _ if arg.prefix.starts_with('-') => return Inner::Unknown,
            _ => break,
        }
    }
    if from < args.len() { Inner::Argv { from, transparent: false, more_from_input: false } } else { Inner::None }
}

/// Reads the options of a shell: `-c` makes the first operand code, wherever the letter stands in a cluster.
fn shell<'a>(row: &Row, args: &[Arg<'a>]) -> Inner<'a> {
    let is_bash = args.first().is_some_and(|arg| arg.text == Some("bash"));
    let (mut code, mut plain, mut at) = (false, true, 1);
    while let Some(arg) = args.get(at) {
        let Some(text) = arg.text else { return Inner::Unknown };
        if text == "--version" || text == "--help" {
            return Inner::None;
        }
        if text == "--" || text == "-" {
            at += 1;
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            plain = false;
            if names(&row.runs.as_ref().map(|runs| runs.code_option.0.clone()).unwrap_or_default(), text) {
                code = true;
            }
            at += if row.long.has(long) { 2 } else { 1 };
            continue;
        }
        let Some(letters) = text.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty()) else { break };
        code |= letters.contains('c') && text.starts_with('-');
        plain &= letters.chars().all(|letter| "celuo".contains(letter)) && text.starts_with('-');
        at += 1;
        // Each `o` and `O` takes a word of its own.
        for _ in letters.chars().filter(|letter| matches!(letter, 'o' | 'O')) {
            plain &= args.get(at).is_some_and(|arg| matches!(arg.text, Some("pipefail" | "errexit" | "nounset")));
            at += 1;
        }
    }
    match args.get(at) {
        Some(arg) if code => match arg.text {
            Some(text) => Inner::Code { code: text, word: at, transparent: plain && is_bash && at + 1 == args.len() },
            None => Inner::Unknown,
        },
        // A script in a file: the shell is what runs, as any other interpreter does.
        Some(arg) if !code && plain && arg.text.is_some_and(|text| !text.starts_with("/dev/")) => Inner::None,
        _ => Inner::Unknown,
    }
}

/// Returns whether the option is one of those, in a cluster or abbreviated.
fn names(options: &[String], name: &str) -> bool {
    options.iter().any(|option| match (option.strip_prefix("--"), name.strip_prefix("--")) {
        (Some(full), Some(given)) => !given.is_empty() && full.starts_with(given),
        (None, None) => option.chars().last().is_some_and(|letter| name.starts_with('-') && name.ends_with(letter)),
        _ => false,
    })
}
