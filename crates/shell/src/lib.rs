//! A command line (bash) in; the simple commands that it would run out, or [`Opaque`] with a reason.
//!
//! What is read here is a first part: one plain simple command, with quotes and backslashes. Everything else that bash
//! would accept is opaque, and the gate asks or denies. [`pattern_words`] reads a command pattern by the same rules, so
//! that a pattern and a line never disagree about where a word ends.

mod lex;
mod pattern;
mod script;
mod simple;

pub use lex::{MAX_LENGTH, Opaque};
pub use pattern::{PatternPart, pattern_words};
pub use script::{
    Assignment, Context, Directory, Dynamic, Fd, Function, Operator, Part, Redirect, Script, Simple, Value, Word, parse,
};
pub use simple::{SimpleCommand, simple_command};
