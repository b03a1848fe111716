//! What the tables say about one program, ready for being looked up.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A list that the data writes as words with blanks between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct List(pub(crate) Vec<String>);

impl From<String> for List {
    fn from(text: String) -> List {
        List(text.split_whitespace().map(str::to_owned).collect())
    }
}

impl List {
    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|item| item == word)
    }
}

/// What an option or an operand does that its command alone does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// Starts a program or evaluates code.
    Run,
    /// Takes settings, or code, from where the option says.
    Config,
    Delete,
    /// Sends a file away.
    Upload,
    /// Writes a file, which the write grant may cover.
    Write,
    /// Writes the product of the program, which may lie anywhere in the workspace.
    Product,
    /// Works in another directory, which the read grant may cover.
    Dir,
    /// Reads a file that is not among the operands.
    Read,
}

impl Effect {
    /// Returns the words for it, to stand after the option.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Effect::Run => "can run another program",
            Effect::Config => "changes what the program does by settings of its own",
            Effect::Delete => "deletes files",
            Effect::Upload => "sends a file away",
            Effect::Write | Effect::Product => "writes a file",
            Effect::Dir => "works in another directory",
            Effect::Read => "reads a file",
        }
    }
}

/// How options are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Style {
    /// `-abc`, `-oVALUE`, `--long`, `--long=VALUE`, and any unambiguous beginning of a long name.
    #[default]
    Gnu,
    /// `-name`, `-name=VALUE`.
    Single,
    /// Nothing is an option: what matters is listed under `operands`.
    Plain,
}

/// Rules for words that are no options.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operands {
    /// By its place among the operands, beginning at 1.
    #[serde(default)]
    pub(crate) nth: BTreeMap<Effect, Vec<usize>>,
    /// Every operand.
    #[serde(default)]
    pub(crate) all: Option<Effect>,
    /// By what it begins with; what follows is the value.
    #[serde(default)]
    pub(crate) prefix: BTreeMap<Effect, List>,
    /// By the whole word.
    #[serde(default)]
    pub(crate) words: BTreeMap<Effect, List>,
    /// By what it holds.
    #[serde(default)]
    pub(crate) contains: BTreeMap<Effect, List>,
    /// By the whole word; the next word is the value.
    #[serde(default)]
    pub(crate) next: BTreeMap<Effect, List>,
    /// `NAME=VALUE` runs code, but for these names.
    #[serde(default)]
    pub(crate) assign: Option<List>,
    /// The first operand is a script in this language.
    #[serde(skip)]
    pub(crate) script: Option<Language>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    Sed,
    Awk,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum WrittenOperands {
    Script(Language),
    Rules(Box<Operands>),
}

fn operands<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Operands, D::Error> {
    Ok(match WrittenOperands::deserialize(from)? {
        WrittenOperands::Script(language) => Operands { script: Some(language), ..Operands::default() },
        WrittenOperands::Rules(rules) => *rules,
    })
}

/// How a program that runs another finds it in its words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own in the data")]
pub(crate) struct Runs {
    /// Operands before the command.
    pub(crate) skip: usize,
    /// `NAME=VALUE` may stand before the command.
    pub(crate) assignments: bool,
    /// Adds nothing to what the command does: it is allowed where the command is.
    pub(crate) transparent: bool,
    /// More words come from its input.
    pub(crate) input: bool,
    /// The words are joined and read as shell code.
    pub(crate) joined: bool,
    /// All words, options too.
    pub(crate) code_all: bool,
    /// The first operand is shell code.
    pub(crate) code_first: bool,
    /// The option that makes its value, or for a shell the first operand, code.
    pub(crate) code_option: List,
    /// Without a command it starts a shell, or reads code from its input.
    pub(crate) always: bool,
    /// Where the command stands is not known.
    pub(crate) unknown: bool,
    /// The command is a program of a package.
    pub(crate) package: bool,
    /// The command stands after one of these operands only.
    pub(crate) verb: List,
    /// Options before that operand, or between it and the command, that have no value and do no harm.
    pub(crate) flags: List,
    /// With one of these it only says where a program is.
    pub(crate) query: List,
}

/// A program, or a subcommand of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own in the data")]
pub(crate) struct Row {
    pub(crate) names: List,
    /// Where it is said: a page of a manual, an advisory.
    pub(crate) source: String,
    pub(crate) style: Style,
    /// Options end at the first operand.
    pub(crate) posix: bool,
    /// Long names are never abbreviated.
    pub(crate) exact: bool,
    /// `-name` is read as `--name` too.
    pub(crate) single_long: bool,
    /// The first word is a cluster of options even without `-`.
    pub(crate) bundle: bool,
    /// Letters that take a value, joined or in the next word.
    pub(crate) short: String,
    /// Letters that take a value only when it is joined.
    pub(crate) optional: String,
    /// Long names that take a value, in the next word where there is no `=`.
    pub(crate) long: List,
    /// Long names that are no abbreviation of another.
    pub(crate) known: List,
    /// By option, the words of which a value may be made without doing any harm; `*` at the end of one stands for the rest.
    pub(crate) harmless: BTreeMap<String, List>,
    /// Options whose value names a file after `@` or `<`.
    pub(crate) files: List,
    pub(crate) escapes: BTreeMap<Effect, List>,
    #[serde(deserialize_with = "operands")]
    pub(crate) operands: Operands,
    /// No option of it does any harm.
    pub(crate) inert: bool,
    /// A builtin that changes what later commands are.
    pub(crate) builtin: bool,
    pub(crate) shell: bool,
    /// Without an operand it reads code from its input.
    pub(crate) stdin_code: bool,
    /// The option whose value names a module that is run in its place.
    pub(crate) module: Option<String>,
    /// The program itself, or the subcommand, does this whatever follows.
    pub(crate) always: Option<Effect>,
    /// … but with one of these words.
    pub(crate) unless: List,
    pub(crate) runs: Option<Runs>,
    /// What all subcommands have in common.
    pub(crate) common: Option<Box<Row>>,
    /// Subcommands of which there is no more to say.
    pub(crate) plain: List,
    pub(crate) always_sub: BTreeMap<Effect, List>,
    pub(crate) sub: BTreeMap<String, Row>,
}

impl Row {
    /// Reads a row of the data.
    pub(super) fn read(text: &str) -> Row {
        let Ok(mut row) = serde_json::from_str::<Row>(text) else { return Row::unreadable() };
        row.unfold();
        row
    }

    /// Returns the row of a program of which nothing can be known: whatever it does, it may be another program.
    pub(super) fn unreadable() -> Row {
        Row { always: Some(Effect::Run), ..Row::default() }
    }

    pub(crate) fn has_subcommands(&self) -> bool {
        !self.sub.is_empty() || !self.plain.0.is_empty()
    }

    /// Puts every subcommand into `sub`, with what all have in common.
    pub(crate) fn unfold(&mut self) {
        let common = self.common.take().map(|row| *row).unwrap_or_default();
        for row in self.sub.values_mut() {
            row.add(&common);
        }
        for name in &self.plain.0 {
            self.sub.insert(name.clone(), common.clone());
        }
        for (effect, names) in &self.always_sub {
            for name in &names.0 {
                self.sub.insert(name.clone(), Row { always: Some(*effect), ..common.clone() });
            }
        }
    }

    fn add(&mut self, common: &Row) {
        if self.style == Style::Gnu {
            self.style = common.style;
        }
        self.exact |= common.exact;
        self.single_long |= common.single_long;
        self.short.push_str(&common.short);
        self.optional.push_str(&common.optional);
        self.long.0.extend(common.long.0.iter().cloned());
        self.known.0.extend(common.known.0.iter().cloned());
        for (option, list) in &common.harmless {
            self.harmless.entry(option.clone()).or_insert_with(|| list.clone());
        }
        for (effect, list) in &common.escapes {
            self.escapes.entry(*effect).or_default().0.extend(list.0.iter().cloned());
        }
    }
}
