use clap::{Args, ValueEnum};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Print what tells the end of tasks at the next prompt of a shell
///
/// For bash and zsh, put `eval "$(remit shell-init bash)"` into the shell's start-up file, with the shell's name; for fish
/// `remit shell-init fish | source`. A prompt then looks whether one file is there, and starts Remit only when it is.
#[derive(Debug, Args)]
pub(crate) struct ShellInitArgs {
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn shell_init(ui: &Ui, args: &ShellInitArgs) -> Result<Exit, Failure> {
    ui.print(script(args.shell))?;
    Ok(Exit::Done)
}

// The name of the file is `notify::mark`'s, the rule for its directory that of `places::state`.
fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    }
}

const BASH: &str = r#"__remit_prompt() {
    local status=$?
    if [[ -e "${XDG_STATE_HOME:-${HOME-}/.local/state}/remit/untold" ]]; then
        command remit told
    fi
    return "$status"
}
if [[ "$(declare -p PROMPT_COMMAND 2>/dev/null)" == "declare -a"* ]]; then
    [[ "${PROMPT_COMMAND[*]-}" == *__remit_prompt* ]] || PROMPT_COMMAND=(__remit_prompt "${PROMPT_COMMAND[@]}")
else
    [[ "${PROMPT_COMMAND-}" == *__remit_prompt* ]] || PROMPT_COMMAND="__remit_prompt${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
fi
"#;

const ZSH: &str = r#"__remit_prompt() {
    if [[ -e "${XDG_STATE_HOME:-${HOME-}/.local/state}/remit/untold" ]]; then
        command remit told
    fi
}
autoload -Uz add-zsh-hook && add-zsh-hook precmd __remit_prompt
"#;

const FISH: &str = r#"function __remit_prompt --on-event fish_prompt
    set -l state "$XDG_STATE_HOME"
    test -n "$state"; or set state "$HOME/.local/state"
    if test -e "$state/remit/untold"
        command remit told
    end
end
"#;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// Runs lines in a shell that thinks somebody types them, with a `remit` that takes the mark and says so; `None` where
    /// there is no such shell.
    fn session(program: &str, arguments: &[&str], lines: &str) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::create_dir_all(path.join("state/remit")).unwrap();
        let remit = path.join("remit");
        std::fs::write(&remit, "#!/bin/sh\nrm \"$XDG_STATE_HOME/remit/untold\"\necho \"TOLD $1\"\n").unwrap();
        std::fs::set_permissions(&remit, PermissionsExt::from_mode(0o755)).unwrap();
        let mut paths = vec![path.to_owned()];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut child = Command::new(program)
            .args(arguments)
            .env("PATH", std::env::join_paths(paths).unwrap())
            .env("HOME", path)
            .env("XDG_STATE_HOME", path.join("state"))
            .env("MARK", path.join("state/remit/untold"))
            .env_remove("PROMPT_COMMAND")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Some(String::from_utf8(output.stdout).unwrap())
    }

    const TYPED: &str = "echo one\ntouch \"$MARK\"\necho two\n(exit 3)\necho status $?\n";
    const ONCE: &str = "one\nTOLD told\ntwo\nstatus 3\n";

    #[test]
    fn bash_tells_once_and_keeps_the_status() {
        let told = |before: &str| {
            let lines = format!("{before}{BASH}{BASH}{TYPED}");
            session("bash", &["--norc", "--noprofile", "-i"], &lines)
        };
        for before in ["", "PROMPT_COMMAND='true'\n", "PROMPT_COMMAND=(true true)\n", "set -u\n"] {
            assert_eq!(told(before).unwrap(), ONCE, "{before:?}");
        }
    }

    #[test]
    fn zsh_tells_once_and_keeps_the_status() {
        if let Some(told) = session("zsh", &["-f", "-i"], &format!("{ZSH}{ZSH}{TYPED}")) {
            assert_eq!(told, ONCE);
        }
    }

    #[test]
    fn fish_tells_once() {
        // Without a terminal fish shows no prompt: the event is sent by hand.
        let lines = "echo one\nemit fish_prompt\ntouch \"$MARK\"\nemit fish_prompt\necho two\nfalse\nemit fish_prompt\n";
        if let Some(told) = session("fish", &["--no-config"], &format!("{FISH}{FISH}{lines}")) {
            assert_eq!(told, "one\nTOLD told\ntwo\n");
        }
    }
}
