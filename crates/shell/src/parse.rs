use remit_diagnostics::Span;

use crate::arith::unknown_values;
use crate::cursor::{Parser, Read, Shared};
use crate::list::Until;
use crate::{Directory, MAX_LINE, Opaque, Script, flow};

/// Reads a command line as `bash -c` would, with bash's default options, in a UTF-8 locale. Never fails: what cannot be
/// known is in [`Script::opaque`]. A line that is no bash, or not known to be, is read as far as it goes.
pub fn parse(line: &str) -> Script {
    if let Some(opaque) = refused(line) {
        return Script { opaque: vec![opaque], ..Script::default() };
    }
    let mut shared = Shared::default();
    let result = read(&mut Parser::new(line, None, &mut shared));
    let mut script = shared.script;
    script.opaque.extend(result.err());
    if !shared.evaluated.is_empty() {
        let unknown = unknown_values(&script, shared.evaluated);
        script.opaque.extend(unknown);
    }
    script.opaque.sort_by_key(|opaque| opaque.span.start);
    settle_directories(&mut script);
    script
}

fn read(parser: &mut Parser<'_, '_>) -> Read<()> {
    parser.list(Until::End)?;
    if parser.pending.is_empty() { Ok(()) } else { Err(parser.unexpected("a here-document without a body")) }
}

/// Refuses what is not read at all.
fn refused(line: &str) -> Option<Opaque> {
    if line.len() > MAX_LINE {
        return Some(Opaque::new("the line is longer than 256 KiB", Span::new(0, line.len())));
    }
    // Bash uses `\x01` and `\x7f` as marks of its own in the middle of words.
    let special = |byte: u8| matches!(byte, 0 | 1 | 0x7f);
    let at = line.bytes().position(special)?;
    let reason = if line.as_bytes().get(at) == Some(&0) { "there is a NUL character" } else { "there is a control character" };
    Some(Opaque::new(reason, Span::new(at, at + 1)))
}

/// Gives up the directories of a line in which more than the commands that were followed may move the shell.
fn settle_directories(script: &mut Script) {
    if !script.commands.iter().any(flow::moves) {
        return;
    }
    if !script.functions.is_empty() || script.commands.iter().any(flow::unsettles) {
        for command in &mut script.commands {
            command.context.directory = Directory::Unknown;
        }
    }
}
