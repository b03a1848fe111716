use std::path::PathBuf;

use clap::Args;
use remit_diagnostics::visible;
use remit_policy::{Decision, Example, Origin, examples};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{AgentArgs, load_untried};
use crate::places;
use crate::ui::{Ui, table};

/// Try the examples in an agent file
///
/// They stand in `toolsSettings.sandbox.examples`, under `allow`, `ask` and `deny`. Nothing is run. Exits with 0 when all
/// of them hold, 1 when one fails, 2 when the file cannot be used.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    agent: AgentArgs,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct TestJson<'a> {
    version: u32,
    agent: &'a str,
    passed: usize,
    failed: usize,
    examples: Vec<ExampleJson<'a>>,
}

#[derive(Serialize)]
struct ExampleJson<'a> {
    command: &'a str,
    expected: &'static str,
    decision: &'static str,
    holds: bool,
    rule: &'a str,
    r#where: String,
    why: &'a str,
}

pub(crate) fn test(ui: &Ui, args: &TestArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let loaded = load_untried(&args.agent.agent, args.agent.read_as, &workspace)?;
    let examples = examples(&loaded.policy, &loaded.agent);
    let failed = examples.iter().filter(|example| !example.holds()).count();
    if args.json {
        ui.print_json(&TestJson {
            version: 1,
            agent: &loaded.agent.name,
            passed: examples.len() - failed,
            failed,
            examples: examples.iter().map(json).collect(),
        })?;
    } else {
        ui.print(&told(&examples, failed))?;
        if examples.is_empty() {
            let cure = "write some: `\"sandbox\": { \"examples\": { \"allow\": [\"cargo test\"], \"ask\": [\"git push\"] } }`";
            ui.warning("the agent file has no examples", &[cure.to_owned()]);
        }
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Findings })
}

fn told(examples: &[Example], failed: usize) -> String {
    let rows: Vec<[String; 4]> = examples.iter().map(row).collect();
    let table = table(["", "EXPECTED", "COMMAND", "DECIDED BY"], &rows);
    let passed = examples.len() - failed;
    let blank = if table.is_empty() { "" } else { "\n" };
    format!("{table}{blank}{passed} passed, {failed} failed\n")
}

fn row(example: &Example) -> [String; 4] {
    // Where no rule decides, the reason is all that there is to say.
    let by = if example.reason.origin == Origin::Silent {
        visible(&example.reason.why)
    } else {
        format!("{} ({})", visible(&example.reason.rule), example.reason.origin)
    };
    let by = if example.holds() { by } else { format!("{}: {by}", word(example.decision)) };
    let mark = if example.holds() { "ok" } else { "FAIL" };
    [mark.to_owned(), word(example.expected).to_owned(), visible(&example.line.value), by]
}

fn json(example: &Example) -> ExampleJson<'_> {
    ExampleJson {
        command: &example.line.value,
        expected: word(example.expected),
        decision: word(example.decision),
        holds: example.holds(),
        rule: &example.reason.rule,
        r#where: example.reason.origin.to_string(),
        why: &example.reason.why,
    }
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}
