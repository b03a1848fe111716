use crate::{Directory, Script, Value, Word, parse};

/// Reads any bytes and checks what must hold for all of them. The body of the fuzz target, and of its replay in the tests.
///
/// # Panics
///
/// Panics when something does not hold.
#[doc(hidden)]
pub fn check(bytes: &[u8]) {
    let line = String::from_utf8_lossy(bytes);
    let script = parse(&line);
    for span in spans(&script) {
        assert!(line.get(span.start..span.end).is_some(), "a span lies in the line");
    }
    for (index, command) in script.commands.iter().enumerate() {
        let something = !command.words.is_empty() || !command.assignments.is_empty() || !command.redirects.is_empty();
        assert!(something || !script.opaque.is_empty(), "a command is something");
        if let Directory::AnyOf(chains) = &command.context.directory {
            assert!(!chains.is_empty(), "a command runs somewhere");
            let earlier = |cd: &usize| *cd < index && script.commands.get(*cd).is_some_and(|cd| !cd.words.is_empty());
            assert!(chains.iter().flatten().all(earlier), "a `cd` comes before");
        }
    }
    let size: usize =
        script.commands.iter().map(|command| command.words.iter().map(|word| 1 + word.parts.len()).sum::<usize>()).sum();
    assert!(size <= 4 * (line.len() + crate::MAX_EXPANDED), "what is read is not much larger than the line");
    assert_eq!(parse(&line), script, "reading is a function of the line");
    // Another command behind changes nothing of what was understood.
    if script.opaque.is_empty() && line.len() < 1000 && !script.commands.is_empty() {
        let longer = parse(&format!("{line}\nlast"));
        let last = longer.commands.last().and_then(|command| command.words.first()).and_then(Word::as_static);
        assert!(longer.opaque.is_empty() && last == Some("last"), "a line is over where it ends");
        assert_eq!(longer.commands.len(), script.commands.len() + 1, "a line is over where it ends");
    }
}

fn spans(script: &Script) -> Vec<remit_diagnostics::Span> {
    let mut spans: Vec<_> = script.opaque.iter().map(|opaque| opaque.span).collect();
    spans.extend(script.functions.iter().map(|function| function.span));
    for command in &script.commands {
        spans.push(command.span);
        spans.extend(command.words.iter().map(|word| word.span));
        spans.extend(command.redirects.iter().flat_map(|redirect| [redirect.span, redirect.target.span]));
        for assignment in &command.assignments {
            spans.push(assignment.span);
            match &assignment.value {
                Value::Word(word) => spans.push(word.span),
                Value::Array(words) => spans.extend(words.iter().map(|word| word.span)),
                Value::Number => {}
            }
        }
    }
    spans
}
