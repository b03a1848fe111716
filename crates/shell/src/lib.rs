//! A command line (bash) in; the simple commands that it would run out, or [`Opaque`] with a reason.
//!
//! [`parse`] reads a whole line, however nested. The text is read once, from left to right, because what a character
//! means in bash depends on all that stands before it: `list` reads what is joined, `compound` what is nested, `command`
//! the words between; `quote` and `dollar` read a word into pieces that still know what was quoted, `brace` and `word` make
//! of it the words that the command gets. `flow` follows `cd`. What is not certain ends the reading: a command that is
//! not listed is one that cannot run, or the line is opaque.
//!
//! [`pattern_words`] reads a command pattern by the same rules, so that a pattern and a line never disagree about where a
//! word ends.

mod ansi;
mod arith;
mod brace;
mod command;
mod compound;
mod cursor;
mod dollar;
mod flow;
mod heredoc;
mod lex;
mod list;
mod options;
mod parse;
mod pattern;
mod quote;
mod raw;
mod redirect;
#[doc(hidden)]
pub mod replay;
mod script;
mod simple;
mod test;
mod word;

pub use lex::{MAX_LENGTH, Opaque};
pub use parse::parse;
pub use pattern::{PatternPart, pattern_words};
pub use script::{Assignment, Context, Directory, Dynamic, Fd, Function, Operator, Part, Redirect, Script, Simple, Value, Word};
pub use simple::{SimpleCommand, simple_command};

/// The length in bytes above which a line is not read.
pub const MAX_LINE: usize = 256 * 1024;

/// How deeply compound commands, substitutions and quotes may be nested.
pub const MAX_DEPTH: usize = 64;

/// How many words and characters brace expansion may make in a line.
const MAX_EXPANDED: usize = 16 * 1024;
