use remit_shell::{Dynamic, Part, Simple, Word};

use crate::programs::Arg;

/// Returns the words of a command as the tables look at them.
pub(super) fn args<'a>(command: &'a Simple, line: &'a str) -> Vec<Arg<'a>> {
    command.words.iter().map(|word| arg(word, line)).collect()
}

fn arg<'a>(word: &'a Word, line: &'a str) -> Arg<'a> {
    let text = word.as_static();
    let only_globs = word.parts.iter().all(|part| matches!(part, Part::Literal(_) | Part::Dynamic(Dynamic::Glob(_))));
    Arg {
        text,
        prefix: text.unwrap_or_else(|| prefix(word)),
        one: !word.splits,
        all_begin: !word.splits || only_globs,
        globs: only_globs,
        raw: line.get(word.span.start..word.span.end).unwrap_or_default(),
    }
}

/// Returns what the word begins with. A path to a pipe and a home directory are paths, whatever they are.
fn prefix(word: &Word) -> &str {
    match word.parts.first() {
        Some(Part::Dynamic(Dynamic::Process)) => "/dev/fd/",
        Some(Part::Dynamic(Dynamic::Tilde(_))) => "~",
        _ => word.prefix(),
    }
}
