//! Where text goes: standard output for what was asked for, standard error for people.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use remit_diagnostics::{Diagnostic, RenderOptions, render_text, visible};
use remit_preview::RenderStyle;

use crate::failure::Failure;

/// When to use colour
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

#[derive(Clone, Debug)]
pub(crate) struct Ui {
    color: ColorWhen,
}

/// The width where there is no terminal to ask.
const WIDTH: usize = 80;

impl Ui {
    pub(crate) fn new(color: ColorWhen) -> Ui {
        Ui { color }
    }

    /// Prints to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.print_bytes(text.as_bytes())
    }

    /// Prints bytes as they are to standard output.
    #[expect(clippy::unused_self, reason = "a caller prints by way of `Ui`, whatever that needs for it")]
    pub(crate) fn print_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        printed(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// Prints a value as JSON, in lines for people, to standard output.
    pub(crate) fn print_json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.print(&(text + "\n")),
            Err(error) => Err(Failure::of(&error)),
        }
    }

    /// Prints a value as JSON as it is made: for what is large, and cannot fail half way.
    #[expect(clippy::unused_self, reason = "a caller prints by way of `Ui`, whatever that needs for it")]
    pub(crate) fn write_json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let mut out = io::BufWriter::with_capacity(64 << 10, io::stdout().lock());
        let written = serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from);
        printed(written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
    }

    /// Prints to standard error. There is nobody to tell when that fails.
    #[expect(clippy::unused_self, reason = "a caller prints by way of `Ui`, whatever that needs for it")]
    pub(crate) fn tell(&self, text: &str) {
        let mut text = text.to_owned();
        if !text.ends_with('\n') && !text.is_empty() {
            text.push('\n');
        }
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Tells findings in a file.
    pub(crate) fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.tell(&(render_text(diagnostic, self.stderr_options()).trim_end().to_owned() + "\n\n"));
        }
    }

    /// Tells an error, with its cures.
    pub(crate) fn error(&self, message: &str, help: &[String]) {
        self.headed("error", AnsiColor::Red, message, help);
    }

    /// Tells a warning, with its cures.
    pub(crate) fn warning(&self, message: &str, help: &[String]) {
        self.headed("warning", AnsiColor::Yellow, message, help);
    }

    #[expect(clippy::unused_self, reason = "a caller prints by way of `Ui`, whatever that needs for it")]
    pub(crate) fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    pub(crate) fn stdout_style(&self) -> RenderStyle {
        RenderStyle { color: self.colored(&io::stdout()), width: width(io::stdout()) }
    }

    pub(crate) fn stderr_style(&self) -> RenderStyle {
        RenderStyle { color: self.colored(&io::stderr()), width: width(io::stderr()) }
    }

    pub(crate) fn stdout_options(&self) -> RenderOptions {
        RenderOptions { color: self.colored(&io::stdout()), width: width(io::stdout()) }
    }

    pub(crate) fn stderr_options(&self) -> RenderOptions {
        RenderOptions { color: self.colored(&io::stderr()), width: width(io::stderr()) }
    }

    fn colored(&self, stream: &(impl anstream::stream::RawStream + IsTerminal)) -> bool {
        match self.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => AutoStream::choice(stream) != ColorChoice::Never,
        }
    }

    fn headed(&self, heading: &str, color: AnsiColor, message: &str, help: &[String]) {
        let colored = self.colored(&io::stderr());
        let style = |style: Style| if colored { style.bold() } else { Style::new() };
        let (red, cyan) = (style(color.on_default()), style(AnsiColor::Cyan.on_default()));
        let mut text = format!("{red}{heading}{red:#}: {}\n", visible(message));
        for help in help {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{cyan}help{cyan:#}: {}", visible(help));
        }
        self.tell(&text);
    }
}

fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::broken_pipe()),
        Err(error) => Err(Failure::io("cannot write to standard output", &error)),
    }
}

/// Returns rows under a head, in columns as wide as they need; nothing when there are no rows.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = head.map(str::to_owned);
    let lines = || std::iter::once(&head).chain(rows);
    let length = |cell: &String| cell.chars().count();
    let mut widths = [0; N];
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = length(cell).max(*width);
        }
    }
    let mut text = String::new();
    for line in lines() {
        let start = text.len();
        for (width, cell) in widths.iter().zip(line) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - length(cell) + 2));
        }
        text.truncate(start.max(text.trim_end().len()));
        text.push('\n');
    }
    text
}

/// Returns the columns of the terminal, but no more than can be read with ease.
fn width(stream: impl AsFd) -> usize {
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).clamp(40, 120),
        _ => WIDTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_it_needs() {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned);
        assert_eq!(table(["A", "B"], &[]), "");
        assert_eq!(table(["A", "LONG"], &[cells(["wörd", "x"]), cells(["", ""])]), "A     LONG\nwörd  x\n\n");
    }
}
