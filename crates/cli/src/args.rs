//! What was typed. The doc comments are the help.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use remit_diagnostics::visible;

use crate::commands::{BackgroundArgs, Command, RunArgs};
use crate::exit::Exit;
use crate::ui::ColorWhen;

/// Run an agent's work under exactly the permissions that you approved
///
/// An agent file says what an agent may do. Remit compiles it into a policy, shows you the policy, and runs commands so
/// that the kernel holds them to it.
#[derive(Debug, Parser)]
#[command(name = "remit", version, max_term_width = 80, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// When to use colour
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorWhen,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  remit preview policies/agents/test-runner.json
  remit run --agent policies/agents/test-runner.json -- cargo test
  remit run -- make            # no agent: a trust-all task, after a warning
  remit lint policies/agents/*.json";

/// The arguments, where `run` is the command: making the other thirty commands known takes longer than all the rest of it.
#[derive(Debug, Parser)]
#[command(name = "remit", disable_help_subcommand = true)]
struct OnlyRun {
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", global = true, hide_possible_values = true)]
    color: ColorWhen,

    #[command(subcommand)]
    command: Run,
}

#[derive(Debug, Subcommand)]
enum Run {
    Run(RunArgs),
}

pub(crate) fn parse(arguments: &[OsString]) -> Result<Args, clap::Error> {
    if let Some(run) = plain_run(arguments) {
        return Ok(Args { color: ColorWhen::Auto, command: Command::Run(run) });
    }
    if arguments.get(1).is_some_and(|word| word == "run")
        && let Ok(OnlyRun { color, command: Run::Run(run) }) = OnlyRun::try_parse_from(arguments)
    {
        return Ok(Args { color, command: Command::Run(run) });
    }
    // Also for help and for what is wrong, which know the other commands.
    let mut command = Args::command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    Args::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Reads what is typed most often, `run [--agent AGENT] [--cwd DIR] -- COMMAND …`, which costs a start less than making the
/// arguments known from which it could be read; `None` for everything else.
fn plain_run(arguments: &[OsString]) -> Option<RunArgs> {
    let mut rest = arguments.iter().skip(1);
    if rest.next()? != "run" {
        return None;
    }
    let (mut agent, mut cwd) = (None, None);
    loop {
        let place = match rest.next()?.to_str()? {
            "--" => break,
            "--agent" => &mut agent,
            "--cwd" => &mut cwd,
            _ => return None,
        };
        let value = rest.next()?.to_str().filter(|value| !value.is_empty() && !value.starts_with('-'))?;
        if place.replace(value).is_some() {
            return None;
        }
    }
    let command: Vec<OsString> = rest.cloned().collect();
    let run = RunArgs {
        agent: agent.map(str::to_owned),
        read_as: None,
        cwd: cwd.map(PathBuf::from),
        yes: false,
        trust_all: false,
        strict: false,
        background: false,
        name: None,
        description: None,
        explain: false,
        later: BackgroundArgs::default(),
        command,
    };
    (!run.command.is_empty()).then_some(run)
}

/// Prints the help that was asked for, or what is wrong with the arguments.
pub(crate) fn refuse(arguments: &[OsString], error: &clap::Error) -> Exit {
    let printed = if error.use_stderr() { wrong(arguments, error) } else { error.print() };
    match printed {
        _ if error.use_stderr() && is_run(arguments) => Exit::CouldNotStart,
        _ if error.use_stderr() => Exit::Usage,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::BrokenPipe,
        Err(_) => Exit::Failed,
        Ok(()) => Exit::Done,
    }
}

/// Prints what is wrong with the arguments: where they have what a terminal would act on, without that and without colour.
fn wrong(arguments: &[OsString], error: &clap::Error) -> std::io::Result<()> {
    let harmless = |argument: &OsString| argument.to_str().is_some_and(|text| visible(text) == text);
    if arguments.iter().all(harmless) {
        return error.print();
    }
    let text: String = error.render().to_string().lines().map(|line| visible(line) + "\n").collect();
    std::io::stderr().write_all(text.as_bytes())
}

/// Returns whether `run` is the command: what starts a program must not fail with a code that the program may have.
fn is_run(arguments: &[OsString]) -> bool {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        if argument == "--color" {
            rest.next();
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return argument == "run";
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_most_often_is_read_as_everything_else_is() {
        let words = ["--agent", "--cwd", "--", "run", "a", "-y", "", "--agent=a", "-"];
        let mut read = 0;
        let mut check = |line: &[OsString]| {
            let Some(plain) = plain_run(line) else { return };
            let Run::Run(whole) = OnlyRun::try_parse_from(line).unwrap().command;
            assert_eq!(format!("{plain:?}"), format!("{whole:?}"), "{line:?}");
            read += 1;
        };
        // Every line of up to five of the words.
        let mut lines = vec![vec![OsString::from("remit"), OsString::from("run")]];
        for _ in 0..5 {
            lines = lines
                .iter()
                .flat_map(|line| words.map(|word| line.iter().cloned().chain([OsString::from(word)]).collect::<Vec<_>>()))
                .filter(|line| line.len() < 6 || line.iter().any(|word| word == "--"))
                .collect();
            for line in &lines {
                check(line);
            }
        }
        assert!(read > 100, "{read}");
    }

    #[test]
    fn the_arguments_are_in_order() {
        Args::command().debug_assert();
    }

    #[test]
    fn run_is_known_by_its_place() {
        let check = |line: &str, expected: bool| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(is_run(&arguments), expected, "{line}");
        };
        check("remit run --what", true);
        check("remit --color run run", true);
        check("remit --color=never run", true);
        check("remit --color run lint", false);
        check("remit lint run", false);
        check("remit", false);
    }

    #[test]
    fn help_fits_80_columns() {
        let mut command = Args::command();
        command.build();
        let mut helps = vec![command.clone().render_long_help().to_string()];
        helps.extend(command.get_subcommands_mut().map(|command| command.render_long_help().to_string()));
        for line in helps.iter().flat_map(|help| help.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
