use remit_diagnostics::Span;

use crate::Opaque;

/// What a command line would run.
///
/// A line is understood when `opaque` is empty: then nothing runs but `commands`, in the words given. What is listed could
/// run; whether it does may depend on how the commands before it end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Every simple command, however deeply it is nested, in the order of the text: what stands in a substitution comes
    /// before the command that it is a part of, what stands in a here-document after it. A redirection of a compound
    /// command (`{ a; } > f`) is a command of no words after those of its body.
    pub commands: Vec<Simple>,
    /// What cannot be known, in the order of the text. Empty for a line that is understood.
    pub opaque: Vec<Opaque>,
    /// The functions that the line defines. A command of such a name runs the body, which is among `commands`.
    pub functions: Vec<Function>,
}

/// A simple command: assignments, words and redirections, each of which may be missing.
///
/// `for X in a b` and `${X:=a}` assign too: they stand as a command of no words with assignments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simple {
    /// What is assigned before the name. Without words it stays for the commands that follow.
    pub assignments: Vec<Assignment>,
    /// The name of the command and its arguments. Words that braces make are each a word here, with the same span.
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    pub span: Span,
    pub context: Context,
}

/// How a simple command is joined with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says one independent thing")]
pub struct Context {
    /// Where it may run.
    pub directory: Directory,
    /// One of several commands of a pipeline.
    pub in_pipeline: bool,
    /// Inside `( )`, or of a pipeline, or in the background, or in a substitution: nothing that it sets outlives it.
    pub in_subshell: bool,
    /// In `$( )`, backticks, `<( )` or `>( )`.
    pub in_substitution: bool,
    /// In the body of a function: it runs when the function is called.
    pub in_function: bool,
    /// In a loop, so that it may run many times.
    pub in_loop: bool,
    /// Followed by `&`, or in something that is, or of a `coproc`.
    pub in_background: bool,
    /// Whether it runs depends on how another command ends: after `&&` or `||`, in a branch, in a loop.
    pub conditional: bool,
    /// After `!`.
    pub negated: bool,
    /// After `time`.
    pub timed: bool,
}

/// The directory in which a command runs, as far as the line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directory {
    /// Each alternative is the list of the `cd` commands that have happened before, in order, as indices into
    /// [`Script::commands`]; an empty list is the directory in which the line begins. There is at least one alternative,
    /// and the command may run in any of them: `cd a; x` runs `x` in `a`, or where it was when `a` does not exist.
    AnyOf(Vec<Vec<usize>>),
    /// It depends on more than that: a `cd` in a loop or a function, `pushd`, too many alternatives.
    Unknown,
}

impl Default for Directory {
    fn default() -> Self {
        Directory::AnyOf(vec![Vec::new()])
    }
}

/// `NAME=value`, `NAME+=value`, `NAME[subscript]=value` or `NAME=(…)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub name: String,
    /// Whether an element of an array is assigned.
    pub subscript: bool,
    pub append: bool,
    pub value: Value,
    pub span: Span,
}

/// What is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One word; never split.
    Word(Word),
    /// The words of an array.
    Array(Vec<Word>),
    /// A number that arithmetic makes, as in `((i = 1))`.
    Number,
}

/// `<`, `>` and their like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub fd: Fd,
    pub operator: Operator,
    /// The file, the descriptor (`1`, `1-`, `-`), or the text of a here-document or here-string.
    pub target: Word,
    pub span: Span,
}

/// Which descriptor is redirected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fd {
    /// The operator's own: 0 for those that read, 1 for those that write, both 1 and 2 for those of `&>`.
    Default,
    Number(u32),
    /// `{name}>`: bash chooses one and assigns its number to the variable.
    Variable(String),
}

/// What a redirection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>|`
    Clobber,
    /// `>>`
    Append,
    /// `<>`: creates the file where there is none.
    ReadWrite,
    /// `&> file`, and `>& file` with a plain name.
    WriteBoth,
    /// `&>> file`
    AppendBoth,
    /// `<& 1`: the target is always static, a number, a number and `-`, or `-`.
    DuplicateInput,
    /// `>& 1`, likewise.
    DuplicateOutput,
    /// `<<` and `<<-`: the target is the text. Names no file.
    HereDocument,
    /// `<<<`: the target is the text without the newline that bash adds. Names no file.
    HereString,
}

/// A word once quotes and backslashes are gone and braces expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// No parts is the empty word. Two literal parts never stand side by side, and none is empty.
    pub parts: Vec<Part>,
    /// Whether it may become no word or several: an unquoted expansion that is split, `"$@"`, a file name pattern.
    pub splits: bool,
    pub span: Span,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Stands for itself.
    Literal(String),
    /// Stands for any text, the empty one too.
    Dynamic(Dynamic),
}

/// What is put in place of an expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dynamic {
    /// The value of a variable, `$NAME` or `${NAME}` and nothing more, or a parameter like `$1`, `$?`, `$@`.
    Variable(String),
    /// `${NAME…}` with an operator or a subscript.
    Parameter,
    /// The output of commands, which are among the commands of the script.
    Command,
    /// A path to a pipe of commands, `<(…)` or `>(…)`; the commands are among those of the script.
    Process,
    /// A number.
    Arithmetic,
    /// An unquoted `*`, `?` or `[`: the names of files, or the characters themselves where no file matches. The holder is
    /// the character; a set `[…]` goes on in the parts that follow.
    Glob(char),
    /// `~`, or `~name`, `~+`, `~-` with what follows the `~`. A home directory, or the characters themselves.
    Tilde(String),
    /// Text that the locale decides: `$"…"`, and `$'\u00e9'`, which is a letter in some locales only.
    Locale,
    /// The elements of an array as an argument of `declare` and its like: `declare a=(…)`.
    Array,
}

/// A function that the line defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub span: Span,
}

impl Word {
    /// Returns the text of a word that is always the same, and `None` for any other.
    pub fn as_static(&self) -> Option<&str> {
        match self.parts.as_slice() {
            _ if self.splits => None,
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the text that the word begins with, whatever its expansions become. Empty where the first character may be any.
    ///
    /// A word that splits may become several words; only the first of them begins like this.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }
}

impl Script {
    /// Returns whether everything is known: what would run, and every word of it.
    pub fn is_static(&self) -> bool {
        let fixed = |word: &Word| word.as_static().is_some();
        self.opaque.is_empty()
            && self.commands.iter().all(|command| {
                command.words.iter().all(fixed)
                    && command.redirects.iter().all(|redirect| fixed(&redirect.target))
                    && command.assignments.iter().all(|assignment| match &assignment.value {
                        Value::Word(word) => fixed(word),
                        Value::Array(words) => words.iter().all(fixed),
                        Value::Number => true,
                    })
            })
    }

    /// Returns the words of a line that is one static simple command and nothing else: no assignment, redirection,
    /// operator or reserved word. A program that is given these words needs no shell.
    pub fn argv(&self) -> Option<Vec<&str>> {
        let [command] = self.commands.as_slice() else { return None };
        let alone = self.opaque.is_empty() && self.functions.is_empty() && command.context == Context::default();
        if !alone || !command.assignments.is_empty() || !command.redirects.is_empty() || command.words.is_empty() {
            return None;
        }
        command.words.iter().map(Word::as_static).collect()
    }
}
