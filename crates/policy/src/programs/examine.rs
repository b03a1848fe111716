use super::row::{Effect, Language, Operands, Row, Style};
use super::{Arg, Tables, awk, sed};

/// A word that turns a command into another, or bounds where it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape<'a> {
    /// Which word, and how many bytes of it name the option.
    pub(crate) word: usize,
    pub(crate) end: usize,
    pub(crate) effect: Effect,
    pub(crate) value: Value<'a>,
}

/// What stands after an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    /// There is none, or nobody knows it.
    Unknown,
}

/// How deep programs that run programs are followed.
const DEPTH: usize = 4;

/// Returns every escape in the words of a command, the program first; `None` when no row describes the program.
pub(crate) fn examine<'a>(tables: &Tables, args: &[Arg<'a>]) -> Option<Vec<Escape<'a>>> {
    let mut found = Vec::new();
    at(tables, args, 0, DEPTH, &mut found).then_some(found)
}

/// Examines the command that begins at the word `from`.
fn at<'a>(tables: &Tables, args: &[Arg<'a>], from: usize, depth: usize, found: &mut Vec<Escape<'a>>) -> bool {
    let Some(row) = args.get(from).and_then(|program| tables.row(program.text?)) else { return false };
    if depth == 0 {
        found.push(whole(from, args, Effect::Run));
        return true;
    }
    if let Some(effect) = row.always {
        // Naming the program is not enough to spell out what it does: a word after it has to be spelled out too.
        found.push(whole((from + 1).min(args.len().saturating_sub(1)), args, effect));
    }
    let module = walk(tables, row, args, from + 1, found);
    if let Some(module) = module {
        let _ = at(tables, args, module, depth - 1, found);
    }
    true
}

/// Returns the index of the subcommand, for a program that has them.
pub(crate) fn subcommand(tables: &Tables, args: &[Arg<'_>]) -> Option<usize> {
    let row = args.first().and_then(|program| tables.row(program.text?)).filter(|row| row.has_subcommands())?;
    let mut scan = Scan::new(row, args, 1);
    while let Some(item) = scan.next() {
        if let Item::Operand { word, .. } = item
            && !args.get(word).is_some_and(|arg| arg.prefix.starts_with('+'))
        {
            return Some(word);
        }
    }
    None
}

/// Returns whether the word is the value of an option that takes the next word for its own, whatever that is.
pub(crate) fn is_value(tables: &Tables, args: &[Arg<'_>], at: usize) -> bool {
    let Some(program) = args.first().and_then(|program| tables.row(program.text?)) else { return false };
    let sub = subcommand(tables, args).filter(|sub| *sub < at);
    let row = match sub {
        Some(sub) => args.get(sub).and_then(|name| program.sub.get(name.text?)),
        None if program.has_subcommands() => None,
        None => Some(program),
    };
    let from = sub.unwrap_or(0) + 1;
    let Some(row) = row.filter(|row| row.style == Style::Gnu && !row.posix) else { return false };
    let before = args.get(from..at).unwrap_or_default();
    if before.iter().any(|arg| arg.text.is_none_or(|text| text == "--")) || before.is_empty() {
        return false;
    }
    // An option may itself be the value of the one before.
    let taking = before.iter().rev().take_while(|arg| arg.text.is_some_and(|text| takes_next(row, text))).count();
    taking % 2 == 1
}

/// Returns whether a word is an option that takes the next word for its value, and does nothing else.
fn takes_next(row: &Row, word: &str) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        return row.long.has(long) && !row.escapes.values().any(|list| list.has(word));
    }
    let Some(letters) = word.strip_prefix('-') else { return false };
    let mut rest = letters.chars();
    let Some(last) = rest.next_back() else { return false };
    let flag = |letter: char| !row.short.contains(letter) && !row.optional.contains(letter);
    let is_escape = |option: &String| option.strip_prefix('-').is_some_and(|name| name.chars().eq([last]));
    row.short.contains(last) && rest.all(flag) && !row.escapes.values().any(|list| list.0.iter().any(is_escape))
}

/// Walks over the words of a program or a subcommand. Returns where a module begins that is run in its place.
fn walk<'a>(tables: &Tables, row: &Row, args: &[Arg<'a>], from: usize, found: &mut Vec<Escape<'a>>) -> Option<usize> {
    let mut scan = Scan::new(row, args, from);
    let mut operands = 0;
    let mut script_by_option = false;
    while let Some(item) = scan.next() {
        match item {
            Item::Option { word, end, effect, value, .. } => {
                if row.module.as_ref().is_some_and(|module| is_option(module, name(args, word, end))) {
                    let known = args.get(word + 1).and_then(|arg| tables.row(arg.text?)).is_some_and(|row| row.runs.is_none());
                    if known && args.get(word).is_some_and(|arg| arg.text.is_some_and(|text| text.len() == end)) {
                        return Some(word + 1);
                    }
                    found.push(whole((word + 1).min(args.len() - 1), args, Effect::Run));
                    return None;
                }
                if let (Some(file), true) =
                    (file_of(value), row.files.0.iter().any(|option| is_option(option, name(args, word, end))))
                {
                    found.push(Escape { word, end, effect: Effect::Read, value: Value::Text(file) });
                }
                if let Some(effect) = effect.filter(|_| !has_harmless_value(row, name(args, word, end), value)) {
                    found.push(Escape { word, end, effect, value });
                }
                if row.operands.script.is_some() && is_script_option(args, word, end) {
                    script_by_option = true;
                    let harmless = matches!((value, row.operands.script), (Value::Text(text), Some(language)) if is_harmless(language, text));
                    if !harmless {
                        found.push(Escape { word, end: usize::MAX, effect: Effect::Run, value: Value::Unknown });
                    }
                }
            }
            Item::Operand { word, nth } => {
                let Some(arg) = args.get(word) else { continue };
                if row.has_subcommands() && !arg.prefix.starts_with('+') {
                    subcommands(tables, row, args, word, found);
                    return None;
                }
                operands = nth;
                operand(&row.operands, args, word, nth, script_by_option, found);
            }
        }
    }
    if row.stdin_code && operands == 0 && args.len() == from {
        found.push(whole(from, args, Effect::Run));
    }
    None
}

/// Returns the option that a word names in its first bytes; of a cluster, the letter that ends there.
fn name<'a>(args: &[Arg<'a>], word: usize, end: usize) -> &'a str {
    args.get(word).and_then(|arg| arg.text?.get(..end)).unwrap_or_default()
}

/// Returns whether the value of an option is made of words that do no harm.
fn has_harmless_value(row: &Row, name: &str, value: Value<'_>) -> bool {
    let Value::Text(text) = value else { return false };
    let allowed = |list: &super::List, word: &str| {
        list.0.iter().any(|item| item.strip_suffix('*').map_or(item == word, |prefix| word.starts_with(prefix)))
    };
    // Programs part their flags at every blank. In front of the flags may stand for which packages they are.
    row.harmless.iter().any(|(option, list)| {
        let flags = list.0.iter().any(|item| item.starts_with('-'));
        option == name
            && !text.is_empty()
            && (!flags || text.starts_with('-'))
            && text.split(char::is_whitespace).all(|word| allowed(list, word))
    })
}

/// Returns whether that is the option: its letter at the end of a cluster, or its long name, perhaps abbreviated.
fn is_option(option: &str, name: &str) -> bool {
    match (option.strip_prefix("--"), name.strip_prefix("--")) {
        (Some(full), Some(given)) => !given.is_empty() && full.starts_with(given),
        (None, None) => option.strip_prefix('-').is_some_and(|letter| name.ends_with(letter)),
        _ => false,
    }
}

/// Returns the file that a value names after `@` or `<`.
fn file_of(value: Value<'_>) -> Option<&str> {
    let Value::Text(text) = value else { return None };
    let at = text.find(['@', '<'])?;
    text.get(at + 1..)?.split(';').next().filter(|file| *file != "-")
}

fn subcommands<'a>(tables: &Tables, row: &Row, args: &[Arg<'a>], word: usize, found: &mut Vec<Escape<'a>>) {
    let name = args.get(word).and_then(|arg| arg.text);
    // What is no known subcommand is an alias or another program: nobody knows what it runs.
    let Some(sub) = name.and_then(|name| row.sub.get(name)) else {
        found.push(whole(word, args, Effect::Run));
        return;
    };
    let excused = || args.iter().skip(word + 1).any(|arg| arg.text.is_some_and(|text| sub.unless.has(text)));
    if let Some(effect) = sub.always
        && !excused()
    {
        found.push(whole(word, args, effect));
    }
    walk(tables, sub, args, word + 1, found);
}

fn operand<'a>(rules: &Operands, args: &[Arg<'a>], word: usize, nth: usize, script_by_option: bool, found: &mut Vec<Escape<'a>>) {
    let Some(arg) = args.get(word) else { return };
    let value = arg.text.map_or(Value::Unknown, Value::Text);
    if let Some(language) = rules.script
        && nth == 1
        && !script_by_option
        && !arg.text.is_some_and(|text| is_harmless(language, text))
    {
        found.push(whole(word, args, Effect::Run));
    }
    if let Some(effect) = rules.all {
        found.push(Escape { value, ..whole(word, args, effect) });
    }
    for (effect, places) in &rules.nth {
        if places.contains(&nth) {
            found.push(Escape { value, ..whole(word, args, *effect) });
        }
    }
    let any = !rules.prefix.is_empty() || !rules.words.is_empty() || !rules.contains.is_empty() || rules.assign.is_some();
    let Some(text) = arg.text else {
        // What its beginning does not rule out, it may be.
        if any && (arg.prefix.is_empty() || !rules.contains.is_empty() || rules.assign.is_some()) {
            found.push(whole(word, args, Effect::Run));
        }
        prefixes(rules, arg.prefix, word, true, found);
        return;
    };
    prefixes(rules, text, word, false, found);
    for (effect, list) in &rules.words {
        if list.has(text) {
            found.push(whole(word, args, *effect));
        }
    }
    for (effect, list) in &rules.contains {
        if list.0.iter().any(|part| text.contains(part.as_str())) {
            found.push(whole(word, args, *effect));
        }
    }
    for (effect, list) in &rules.next {
        if list.has(text) {
            let value = args.get(word + 1).and_then(|arg| arg.text).map_or(Value::Unknown, Value::Text);
            found.push(Escape { value, ..whole(word, args, *effect) });
        }
    }
    if let Some(names) = &rules.assign
        && let Some((name, value)) = text.split_once('=')
        && (!names.has(name) || value.contains(['$', '`']))
    {
        found.push(Escape { word, end: name.len() + 1, effect: Effect::Run, value: Value::Unknown });
    }
}

fn prefixes<'a>(rules: &Operands, text: &'a str, word: usize, open: bool, found: &mut Vec<Escape<'a>>) {
    for (effect, list) in &rules.prefix {
        for prefix in &list.0 {
            let Some(rest) = text.strip_prefix(prefix.as_str()) else { continue };
            // `-o` alone has its value in the next word, which `next` looks at.
            if rest.is_empty() && rules.next.values().any(|list| list.has(prefix)) {
                continue;
            }
            let value = if open { Value::Unknown } else { Value::Text(rest) };
            found.push(Escape { word, end: prefix.len(), effect: *effect, value });
        }
    }
}

fn whole<'a>(word: usize, args: &[Arg<'a>], effect: Effect) -> Escape<'a> {
    let end = args.get(word).and_then(|arg| arg.text).map_or(usize::MAX, str::len);
    Escape { word, end, effect, value: Value::Unknown }
}

fn is_harmless(language: Language, script: &str) -> bool {
    match language {
        Language::Sed => sed::only_edits(script),
        Language::Awk => awk::only_prints(script),
    }
}

/// Returns whether the option gives the script, so that no operand is one.
fn is_script_option(args: &[Arg<'_>], word: usize, end: usize) -> bool {
    let name = args.get(word).and_then(|arg| arg.text?.get(..end)).unwrap_or_default();
    match name.strip_prefix("--") {
        Some(long) => ["expression", "file", "source"].iter().any(|full| !long.is_empty() && full.starts_with(long)),
        None => name.ends_with(['e', 'f']) && name.len() >= 2,
    }
}

/// One thing among the words of a command.
pub(super) enum Item<'a> {
    Option {
        word: usize,
        /// The bytes that name it, dashes included.
        end: usize,
        effect: Option<Effect>,
        value: Value<'a>,
    },
    Operand {
        word: usize,
        /// Counted from 1.
        nth: usize,
    },
}

/// Takes the words of a program apart as the program does.
pub(super) struct Scan<'r, 's, 'a> {
    row: &'r Row,
    args: &'s [Arg<'a>],
    at: usize,
    first: usize,
    operands: usize,
    /// After `--`, or after the first operand of a program whose options end there.
    ended: bool,
    /// What is left of a cluster of short options: its word, and the byte of the next letter.
    cluster: Option<(usize, usize)>,
    /// The next word is the value of an option.
    value_at: Option<usize>,
}

impl<'r, 's, 'a> Scan<'r, 's, 'a> {
    pub(super) fn new(row: &'r Row, args: &'s [Arg<'a>], from: usize) -> Scan<'r, 's, 'a> {
        Scan { row, args, at: from, first: from, operands: 0, ended: false, cluster: None, value_at: None }
    }

    pub(super) fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some((word, byte)) = self.cluster.take() {
                if let Some(item) = self.letter(word, byte) {
                    return Some(item);
                }
                continue;
            }
            let word = self.at;
            let arg = *self.args.get(word)?;
            self.at += 1;
            let text = arg.text.unwrap_or(arg.prefix);
            let is_value = self.value_at.take() == Some(word);
            let bundle = self.row.bundle && word == self.first && !text.starts_with('-') && !text.contains('=');
            let optional = text.starts_with('-') && text.len() > 1;
            if self.row.style == Style::Plain || self.ended {
                if is_value && !optional {
                    continue;
                }
                return Some(self.operand(word));
            }
            if text == "--" && arg.text.is_some() {
                // To `find` it ends nothing.
                self.ended = self.row.style == Style::Gnu;
                continue;
            }
            if bundle {
                self.cluster = Some((word, 0));
                continue;
            }
            if text == "-" && self.escape_of("-").is_some() && arg.text.is_some() {
                return Some(Item::Option { word, end: 1, effect: self.escape_of("-"), value: Value::Unknown });
            }
            if !optional {
                // An expansion at the beginning of a word may make an option.
                if is_value && (arg.text.is_some() || arg.one) {
                    continue;
                }
                return Some(self.operand(word));
            }
            if let Some(item) = self.option(word, text, arg.text.is_none()) {
                return Some(item);
            }
        }
    }

    fn operand(&mut self, word: usize) -> Item<'a> {
        self.operands += 1;
        if self.row.posix {
            self.ended = true;
        }
        Item::Operand { word, nth: self.operands }
    }

    /// Reads a word that begins with `-`.
    fn option(&mut self, word: usize, text: &'a str, open: bool) -> Option<Item<'a>> {
        // Escapes of several letters after one dash are compared as they are.
        if let Some((effect, name)) = self.joined(text) {
            let rest = text.get(name..).unwrap_or_default();
            let value = if rest.is_empty() { self.following(word) } else { Value::Text(rest.trim_start_matches('=')) };
            return Some(Item::Option {
                word,
                end: name,
                effect: Some(effect),
                value: if open { Value::Unknown } else { value },
            });
        }
        let single = self.row.style == Style::Single;
        if single || text.starts_with("--") || (self.row.single_long && text.len() > 2) {
            let dashes = if text.starts_with("--") { 2 } else { 1 };
            let body = text.get(dashes..).unwrap_or_default();
            let (name, joined) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
            let (effect, takes) = self.long(name, open && joined.is_none());
            let value = match joined {
                _ if open => Value::Unknown,
                Some(value) => Value::Text(value),
                None if takes || (single && effect.is_some()) => self.following(word),
                None => Value::Unknown,
            };
            if joined.is_none() && takes {
                self.value_at = Some(word + 1);
            }
            if dashes == 2 || single || effect.is_some() {
                return Some(Item::Option { word, end: dashes + name.len(), effect, value });
            }
        }
        self.cluster = Some((word, 1));
        None
    }

    /// Reads one letter of a cluster.
    fn letter(&mut self, word: usize, byte: usize) -> Option<Item<'a>> {
        let arg = self.args.get(word)?;
        let text = arg.text.unwrap_or(arg.prefix);
        let rest = text.get(byte..)?;
        let Some(letter) = rest.chars().next() else {
            // The rest of the cluster is an expansion: it may be any letter.
            let open =
                arg.text.is_none() && self.row.escapes.values().flat_map(|list| &list.0).any(|option| !option.starts_with("--"));
            return open.then_some(Item::Option { word, end: text.len(), effect: Some(Effect::Run), value: Value::Unknown });
        };
        let end = byte + letter.len_utf8();
        let after = text.get(end..).unwrap_or_default();
        let takes = self.row.short.contains(letter);
        let optional = self.row.optional.contains(letter);
        let bundle = !text.starts_with('-');
        let effect = self.short(letter);
        let value = match (arg.text.is_none(), after.is_empty()) {
            (false, false) if (takes || optional) && !bundle => Value::Text(after),
            (false, true) if takes && !bundle => self.following(word),
            _ => Value::Unknown,
        };
        if bundle || !(takes || optional) {
            self.cluster = Some((word, end));
        } else if takes && after.is_empty() && arg.text.is_some() {
            self.value_at = Some(word + 1);
        }
        (effect.is_some() || takes || optional).then_some(Item::Option { word, end, effect, value })
    }

    fn following(&self, word: usize) -> Value<'a> {
        self.args.get(word + 1).and_then(|arg| arg.text).map_or(Value::Unknown, Value::Text)
    }

    fn escape_of(&self, option: &str) -> Option<Effect> {
        self.row.escapes.iter().find(|(_, list)| list.has(option)).map(|(effect, _)| *effect)
    }

    fn short(&self, letter: char) -> Option<Effect> {
        let is = |option: &String| {
            option.strip_prefix('-').is_some_and(|rest| rest.len() == letter.len_utf8() && rest.starts_with(letter))
        };
        self.row.escapes.iter().find(|(_, list)| list.0.iter().any(is)).map(|(effect, _)| *effect)
    }

    /// Returns the escape of several letters after one dash that the word begins with, and its length.
    fn joined(&self, text: &str) -> Option<(Effect, usize)> {
        if self.row.style == Style::Single || text.starts_with("--") {
            return None;
        }
        self.row.escapes.iter().find_map(|(effect, list)| {
            let is = |option: &&String| option.len() > 2 && !option.starts_with("--") && text.starts_with(option.as_str());
            list.0.iter().find(is).map(|option| (*effect, option.len()))
        })
    }

    /// Returns the effect of a long option, and whether its value may stand in the next word.
    fn long(&self, name: &str, open: bool) -> (Option<Effect>, bool) {
        let bare = |option: &'r String| -> Option<&'r str> {
            match self.row.style {
                Style::Single => option.strip_prefix("--").or_else(|| option.strip_prefix('-')),
                _ => option.strip_prefix("--"),
            }
        };
        let known = self.row.known.has(name) || self.row.long.has(name);
        let abbreviates = !self.row.exact && self.row.style == Style::Gnu && !known && !name.is_empty();
        let matches = |full: &str| full == name || ((abbreviates || open) && full.starts_with(name));
        let effect =
            self.row.escapes.iter().find(|(_, list)| list.0.iter().filter_map(bare).any(matches)).map(|(effect, _)| *effect);
        let takes = self.row.long.0.iter().any(|full| full == name || (abbreviates && full.starts_with(name)));
        (effect, takes)
    }
}
