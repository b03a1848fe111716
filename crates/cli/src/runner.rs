//! A chat command that is given a prompt: which one, and how. The user configures them; none is built in.

use remit_tasks::{RUNNERS, Store, command_words};

use crate::failure::Failure;

/// Where the prompt goes in a runner's command.
const PROMPT: &str = "{prompt}";
/// The same, as the path of a file.
const FILE: &str = "{file}";
const AGENT: &str = "{agent}";
/// The standard input of the task, as a file.
const INPUT: &str = "/dev/stdin";

/// A runner with its prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) command: Vec<String>,
    /// What it reads from its standard input.
    pub(crate) input: Option<String>,
}

/// Returns the command that gives a prompt to a runner: the one that is named, the user's choice, or the only one.
pub(crate) fn with_prompt(store: &Store, named: Option<&str>, prompt: &str, agent: Option<&str>) -> Result<Run, Failure> {
    let settings = store.settings()?;
    let known: Vec<&str> = settings.keys().filter_map(|key| key.strip_prefix(RUNNERS)).collect();
    let configure = "say how a chat command is started: `remit settings runners.codex 'codex exec -- {prompt}'`";
    let chosen = named.or(settings.get("delegate.runner").map(String::as_str));
    let name = match (chosen, known.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => return Err(Failure::new("there is no runner for a task in words").help(configure)),
        (None, several) => {
            return Err(Failure::new(format!("there are several runners: {}", several.join(", ")))
                .help("name one, or choose with `remit settings delegate.runner NAME`"));
        }
    };
    let Some(template) = settings.get(&format!("{RUNNERS}{name}")) else {
        return Err(Failure::new(format!("there is no runner `{}`", remit_diagnostics::visible(name))).help(configure));
    };
    fill(&command_words(template), prompt, agent).map_err(|why| {
        Failure::new(format!("the runner `{name}` cannot take this task: {why}"))
            .help(format!("change it with `remit settings {RUNNERS}{name} …`"))
    })
}

/// Puts a prompt, and the agent's name, into the words of a runner.
fn fill(words: &[String], prompt: &str, agent: Option<&str>) -> Result<Run, String> {
    let mut command: Vec<String> = Vec::with_capacity(words.len());
    let mut input = Some(prompt.to_owned());
    for word in words {
        if word == PROMPT && prompt.starts_with('-') && command.last().is_none_or(|before| before != "--") {
            return Err(format!("it begins with `-` and would be an option; put `--` before `{PROMPT}`"));
        }
        // One after the other: what stands in a prompt is never a place for something.
        let filled = match (word.split_once(PROMPT), word.split_once(FILE), word.split_once(AGENT)) {
            (Some((before, after)), _, _) => {
                input = None;
                format!("{before}{prompt}{after}")
            }
            (None, Some((before, after)), _) => format!("{before}{INPUT}{after}"),
            (None, None, Some((before, after))) => {
                let agent = agent.ok_or_else(|| format!("it wants the name of an agent, `{AGENT}`"))?;
                format!("{before}{agent}{after}")
            }
            (None, None, None) => word.clone(),
        };
        command.push(filled);
    }
    Ok(Run { command, input })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_handed_over_as_the_runner_wants_it() {
        let check = |template: &str, prompt: &str, expected: Result<(&[&str], Option<&str>), &str>| {
            let filled = fill(&command_words(template), prompt, Some("tester"));
            match (filled, expected) {
                (Ok(run), Ok((command, input))) => {
                    assert_eq!(
                        (run.command, run.input.as_deref()),
                        (command.iter().map(|word| (*word).to_owned()).collect(), input)
                    );
                }
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (filled, expected) => unreachable!("{template}: {filled:?}, not {expected:?}"),
            }
        };
        check("codex exec {prompt}", "do it", Ok((&["codex", "exec", "do it"], None)));
        check("codex exec -", "do it", Ok((&["codex", "exec", "-"], Some("do it"))));
        check("x --from={file}", "do it", Ok((&["x", "--from=/dev/stdin"], Some("do it"))));
        check("x --agent {agent} -p={prompt}", "{file} {agent}", Ok((&["x", "--agent", "tester", "-p={file} {agent}"], None)));
        check("codex exec {prompt}", "--yolo", Err("begins with `-`"));
        check("codex exec -- {prompt}", "--yolo", Ok((&["codex", "exec", "--", "--yolo"], None)));
        assert!(fill(&command_words("x {agent}"), "y", None).is_err());
    }
}
