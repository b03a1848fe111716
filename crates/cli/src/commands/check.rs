mod product;

use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use remit_agent::AbsPath;
use remit_diagnostics::visible;
use remit_policy::{CommandLine, CommandPart, Decision, Judgement, Origin, Policy, Reason, Workspace};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{self, Place, ReadAs, UserProfiles, load};
use crate::places;
use crate::ui::{Ui, table};
use product::ProductJudge;

/// Say whether a command line would run unasked, ask, or be denied
///
/// Nothing is run. Exits with 0 for allow, 3 for ask, 126 for deny.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The agent: a file, or a name
    #[arg(value_name = "AGENT", required_unless_present = "lines")]
    agent: Option<String>,

    /// A command line in one word, or a program and its arguments
    #[arg(value_name = "COMMAND", last = true, required_unless_present = "lines")]
    command: Vec<String>,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum)]
    read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Judge many: JSON lines `{"id", "allow", "deny", "command"}` on standard input
    ///
    /// With nothing else allowed. Prints `{"id", "decision"}` for each, and `{"id", "error"}` for what cannot be judged;
    /// then the exit code is 2.
    ///
    /// With `--as q` or `--as kiro` lines may also be `{"kind": "execute_bash", "settings", "trusted", "command"}` or
    /// `{"kind": "path", "pattern", "path"}`: what that product does is printed, as `{"result"}`. Paths are those of a
    /// few made-up files, or with `--cwd` those of the host.
    #[arg(long, conflicts_with_all = ["agent", "command", "json"])]
    lines: bool,
}

pub(crate) fn check(ui: &Ui, args: &CheckArgs) -> Result<Exit, Failure> {
    if args.lines {
        return lines(args);
    }
    let workspace = places::workspace(args.cwd.as_deref())?;
    let loaded = load(args.agent.as_deref().unwrap_or_default(), args.read_as, &workspace)?;
    ui.diagnostics(&loaded.warnings);
    let line = match args.command.as_slice() {
        [line] => CommandLine::Shell(line.clone()),
        words => CommandLine::Argv(words.to_vec()),
    };
    let judgement = loaded.policy.judge_line(&line);
    if args.json {
        ui.print_json(&CheckJson::of(&judgement))?;
    } else {
        ui.print(&told(&judgement))?;
    }
    Ok(match judgement.decision {
        Decision::Allow => Exit::Done,
        Decision::Ask => Exit::Asks,
        Decision::Deny => Exit::Denied,
    })
}

fn told(judgement: &Judgement) -> String {
    let reason = &judgement.reason;
    let mut text = format!("{}: {}\n", word(judgement.decision), visible(&reason.why));
    if judgement.parts.len() > 1 {
        let rows: Vec<[String; 4]> = judgement.parts.iter().map(row).collect();
        text.push('\n');
        text += &table(["", "COMMAND", "BY", "WHERE"], &rows);
    } else {
        text += &line("rule", &rule(reason));
    }
    if let Some(help) = &reason.help {
        text += &line("help", help);
    }
    text
}

fn line(head: &str, text: &str) -> String {
    format!("{head}: {}\n", visible(text))
}

fn row(part: &CommandPart) -> [String; 4] {
    let line = part.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let command = if line.is_empty() { "(the end)".to_owned() } else { visible(&line) };
    // Where no rule decides, the reason is all that there is to say.
    let by = if part.reason.origin == Origin::Silent { &part.reason.why } else { &part.reason.rule };
    [word(part.decision).to_owned(), command, visible(by), part.reason.origin.to_string()]
}

fn rule(reason: &Reason) -> String {
    format!("{} ({})", reason.rule, reason.origin)
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

#[derive(Serialize)]
struct CheckJson<'a> {
    version: u32,
    decision: &'static str,
    #[serde(flatten)]
    reason: ReasonJson<'a>,
    parts: Vec<PartJson<'a>>,
}

#[derive(Serialize)]
struct PartJson<'a> {
    /// Bytes of the line, from and to.
    start: usize,
    end: usize,
    command: &'a str,
    decision: &'static str,
    #[serde(flatten)]
    reason: ReasonJson<'a>,
}

#[derive(Serialize)]
struct ReasonJson<'a> {
    rule: &'a str,
    r#where: String,
    why: &'a str,
    help: Option<&'a str>,
}

impl<'a> CheckJson<'a> {
    fn of(judgement: &'a Judgement) -> CheckJson<'a> {
        let part = |part: &'a CommandPart| PartJson {
            start: part.span.start,
            end: part.span.end,
            command: &part.text,
            decision: word(part.decision),
            reason: ReasonJson::of(&part.reason),
        };
        CheckJson {
            version: 1,
            decision: word(judgement.decision),
            reason: ReasonJson::of(&judgement.reason),
            parts: judgement.parts.iter().map(part).collect(),
        }
    }
}

impl<'a> ReasonJson<'a> {
    fn of(reason: &'a Reason) -> ReasonJson<'a> {
        ReasonJson { rule: &reason.rule, r#where: reason.origin.to_string(), why: &reason.why, help: reason.help.as_deref() }
    }
}

/// One line of `--lines`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: Value,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    command: String,
}

/// Judges each line of standard input by its own patterns.
fn lines(args: &CheckArgs) -> Result<Exit, Failure> {
    let workspace = match &args.cwd {
        Some(_) => places::workspace(args.cwd.as_deref())?,
        None => nowhere()?,
    };
    let profiles =
        UserProfiles::new([(BARE.to_owned(), format!(r#"{{"name":"{BARE}","description":"Grants nothing."}}"#))].into());
    let product = match (args.read_as, &args.cwd) {
        (Some(product @ (ReadAs::Q | ReadAs::Kiro)), Some(_)) => Some(ProductJudge::on_host(product, &workspace)),
        (Some(product @ (ReadAs::Q | ReadAs::Kiro)), None) => Some(ProductJudge::nowhere(product)?),
        (Some(ReadAs::Remit) | None, _) => None,
    };
    let mut judge = Judge { workspace, profiles, read_as: args.read_as, last: None };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut exit = Exit::Done;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line).map_err(|error| Failure::io("cannot read standard input", &error))?;
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = match product.as_ref().filter(|_| has_kind(&line)) {
            Some(product) => product.line(&line),
            None => Some(judge.line(&line)),
        };
        let Some(answer) = answer else { continue };
        if answer.get("error").is_some() {
            exit = Exit::Unreadable;
        }
        match writeln!(out, "{answer}") {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(Failure::broken_pipe()),
            Err(error) => return Err(Failure::io("cannot write to standard output", &error)),
        }
    }
    match out.flush() {
        Ok(()) => Ok(exit),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::broken_pipe()),
        Err(error) => Err(Failure::io("cannot write to standard output", &error)),
    }
}

/// Returns whether a line is a row of another product's.
fn has_kind(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(line).is_ok_and(|value| value.get("kind").is_some())
}

const BARE: &str = "nothing";

/// Returns a workspace that no host has: what is judged in it does not depend on where.
fn nowhere() -> Result<Workspace, Failure> {
    let path = |text: &str| AbsPath::new(Path::new(text)).map_err(|error| Failure::of(&error));
    Ok(Workspace {
        root: path("/workspace")?,
        home: path("/home/user")?,
        state: path("/home/user/.local/state/remit")?,
        config: path("/home/user/.config/remit")?,
    })
}

struct Last {
    allow: Vec<String>,
    deny: Vec<String>,
    policy: Result<Policy, String>,
}

struct Judge {
    workspace: Workspace,
    profiles: UserProfiles,
    read_as: Option<ReadAs>,
    /// The patterns of the line before, and what became of them: many lines in a row have the same.
    last: Option<Last>,
}

impl Judge {
    fn line(&mut self, line: &[u8]) -> Value {
        let case: Case = match serde_json::from_slice(line) {
            Ok(case) => case,
            Err(error) => {
                // The id of a line that is wrong elsewhere helps to find it.
                let id = serde_json::from_slice::<Value>(line).ok().and_then(|value| value.get("id").cloned());
                return json!({ "id": id, "error": error.to_string() });
            }
        };
        let known = self.last.as_ref().is_some_and(|last| last.allow == case.allow && last.deny == case.deny);
        if !known {
            let policy = self.policy(&case);
            self.last = Some(Last { allow: case.allow, deny: case.deny, policy });
        }
        match self.last.as_ref().map(|last| &last.policy) {
            Some(Ok(policy)) => {
                let judged = policy.judge(&remit_policy::Request::Command(CommandLine::Shell(case.command)));
                json!({ "id": case.id, "decision": word(judged.0) })
            }
            Some(Err(error)) => json!({ "id": case.id, "error": error }),
            None => json!({ "id": case.id, "error": "there is no policy" }),
        }
    }

    fn policy(&self, case: &Case) -> Result<Policy, String> {
        let settings =
            json!({ "shell": { "allowedCommands": case.allow, "deniedCommands": case.deny }, "sandbox": { "profile": BARE } });
        let text = json!({ "name": "line", "tools": ["shell"], "toolsSettings": settings }).to_string();
        let path = self.workspace.root.join("line.json");
        let reading = self.read_as.map_or(remit_agent::Reading::Remit, remit_agent::Reading::from);
        let place = Place { path: path.clone(), canonical: path, reading };
        let parsed = remit_agent::parse("line", text.as_bytes());
        load::compile(parsed, place, &self.profiles, &self.workspace).map(|loaded| loaded.policy).map_err(|failure| {
            let first = failure.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
            first.map_or_else(|| failure.message().to_owned(), |diagnostic| diagnostic.message.clone())
        })
    }
}
