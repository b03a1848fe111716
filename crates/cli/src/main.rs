//! The command line: arguments in, the other crates, what a person sees out. No logic of its own.
//!
//! A command is a file in [`commands`]: its arguments, whose doc comments are the help, and one function that returns an
//! [`exit::Exit`] or a [`failure::Failure`]. Standard output is for what was asked for, standard error for people.

mod args;
mod ask;
mod commands;
mod disk;
mod exit;
mod failure;
mod host;
mod load;
mod places;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let exit = match args::parse(&arguments) {
        Ok(args) => {
            let ui = ui::Ui::new(args.color);
            args.command.run(&ui).unwrap_or_else(|failure| {
                failure.tell(&ui);
                exit::of_failure(&args.command, &failure)
            })
        }
        Err(error) => args::refuse(&arguments, &error),
    };
    exit.into()
}
