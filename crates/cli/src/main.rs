//! The command line: arguments in, the other crates, what a person sees out. No logic of its own.
//!
//! A command is a file in [`commands`]: its arguments, whose doc comments are the help, and one function that returns an
//! [`exit::Exit`] or a [`failure::Failure`]. Standard output is for what was asked for, standard error for people.

mod args;
mod ask;
mod board;
mod commands;
mod consent;
mod desk;
mod disk;
mod duration;
mod exit;
mod failure;
mod harmless;
mod host;
mod judge;
mod junit;
mod layers;
mod load;
mod notices;
mod observing;
mod over;
mod places;
mod project;
mod refused;
mod replay;
mod runner;
mod store;
mod ui;
mod watch;
mod work;

use std::process::ExitCode;

/// musl's own allocator asks the kernel for nearly every block, which costs a start more than all else that it does.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: remit_launch::Allocator = remit_launch::Allocator::new();

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
