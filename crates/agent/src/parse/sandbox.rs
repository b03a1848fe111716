//! `toolsSettings.sandbox`: Remit's own settings. Every key is Remit's, so an unknown one is always an error.

use remit_diagnostics::{Severity, Spanned};

use super::findings::Findings;
use super::{reader, units};
use crate::json::{Entry, Kind, Value};
use crate::{EnvSettings, ExampleSettings, FileSettings, LimitSettings, NetworkSettings, SandboxSettings, Text, codes};

pub(super) const KEYS: &[&str] =
    &["profile", "network", "files", "env", "limits", "debug", "workspace", "examples", "hooks", "remit-lint-ignore"];

pub(super) fn sandbox(findings: &mut Findings, entries: &[Entry]) -> SandboxSettings {
    let mut settings = SandboxSettings::default();
    for Entry { key, value } in entries {
        match key.value.as_str() {
            "profile" => settings.profile = reader::text(findings, value, "sandbox.profile"),
            "network" => settings.network = network(findings, value),
            "files" => settings.files = files(findings, value),
            "env" => settings.env = env(findings, value),
            "limits" => settings.limits = limits(findings, value),
            "debug" => settings.debug = reader::flag(findings, value, "sandbox.debug"),
            "workspace" => settings.workspace = workspace(findings, value),
            "examples" => settings.examples = examples(findings, value),
            "hooks" => settings.let_through = hooks(findings, value),
            "remit-lint-ignore" => settings.lint_ignore = lint_ignore(findings, value),
            _ => unknown_key(findings, key, "`sandbox`", KEYS),
        }
    }
    settings
}

fn network(findings: &mut Findings, value: &Value) -> Option<Spanned<NetworkSettings>> {
    const EXPECTED: &str = "`\"none\"`, `\"all\"`, or an object such as `{ \"allow\": [\"crates.io:443\"] }`";
    let settings = match &value.kind {
        Kind::String(text) if text == "none" => NetworkSettings::None,
        Kind::String(text) if text == "all" => NetworkSettings::All,
        Kind::String(text) => {
            let message = format!("`sandbox.network` cannot be `{}`", codes::abridged(text));
            findings.error(codes::INVALID_VALUE, value.span, message, format!("write {EXPECTED}"));
            return None;
        }
        Kind::Object(entries) => {
            let (mut allow, mut loopback) = (Vec::new(), None);
            for Entry { key, value } in entries {
                match key.value.as_str() {
                    "allow" => allow = list(findings, value, "sandbox.network.allow"),
                    "loopback" => loopback = reader::flag(findings, value, "sandbox.network.loopback"),
                    _ => unknown_key(findings, key, "`sandbox.network`", &["allow", "loopback"]),
                }
            }
            NetworkSettings::Hosts { allow, loopback }
        }
        _ => return reader::wrong_type(findings, value, "`sandbox.network`", EXPECTED),
    };
    Some(Spanned::new(settings, value.span))
}

/// Reads the hooks that do not block when they fail.
fn hooks(findings: &mut Findings, value: &Value) -> Vec<Text> {
    let mut let_through = Vec::new();
    for Entry { key, value } in object(findings, value, "sandbox.hooks").unwrap_or(&[]) {
        match key.value.as_str() {
            "letThrough" => let_through = list(findings, value, "sandbox.hooks.letThrough"),
            _ => unknown_key(findings, key, "`sandbox.hooks`", &["letThrough"]),
        }
    }
    let_through
}

fn files(findings: &mut Findings, value: &Value) -> Option<Spanned<FileSettings>> {
    let mut settings = FileSettings::default();
    for Entry { key, value } in object(findings, value, "sandbox.files")? {
        match key.value.as_str() {
            "read" => settings.read = list(findings, value, "sandbox.files.read"),
            "write" => settings.write = list(findings, value, "sandbox.files.write"),
            "execute" => settings.execute = list(findings, value, "sandbox.files.execute"),
            "hide" => settings.hide = list(findings, value, "sandbox.files.hide"),
            _ => unknown_key(findings, key, "`sandbox.files`", &["read", "write", "execute", "hide"]),
        }
    }
    Some(Spanned::new(settings, value.span))
}

fn env(findings: &mut Findings, value: &Value) -> Option<Spanned<EnvSettings>> {
    let mut settings = EnvSettings::default();
    for Entry { key, value } in object(findings, value, "sandbox.env")? {
        match key.value.as_str() {
            "pass" => settings.pass = list(findings, value, "sandbox.env.pass"),
            "set" => settings.set = reader::pairs(findings, value, "sandbox.env.set"),
            _ => unknown_key(findings, key, "`sandbox.env`", &["pass", "set"]),
        }
    }
    for name in settings.pass.iter().chain(settings.set.iter().map(|(name, _)| name)) {
        if name.value.is_empty() || name.value.contains(['=', '\0']) {
            let message = format!("`{}` cannot be the name of a variable", codes::abridged(&name.value));
            findings.error(codes::INVALID_VALUE, name.span, message, "a name is not empty, and has no `=` and no NUL");
        }
    }
    for (name, set) in &settings.set {
        if set.value.contains('\0') {
            let message = format!("the value of `{}` has a NUL", codes::abridged(&name.value));
            findings.error(codes::INVALID_VALUE, set.span, message, "take the NUL out: no variable can hold one");
        }
    }
    Some(Spanned::new(settings, value.span))
}

pub(super) const LIMITS: &[&str] =
    &["memory", "processes", "openFiles", "wallTime", "cpuTime", "fileSize", "output", "diskSpace"];

fn limits(findings: &mut Findings, value: &Value) -> Option<Spanned<LimitSettings>> {
    let mut settings = LimitSettings::default();
    for Entry { key, value } in object(findings, value, "sandbox.limits")? {
        let what = key.value.as_str();
        match what {
            "memory" => settings.memory = units::bytes(findings, value, what),
            "processes" => settings.processes = units::count(findings, value, what),
            "openFiles" => settings.open_files = units::count(findings, value, what),
            "wallTime" => settings.wall_time = units::seconds(findings, value, what),
            "cpuTime" => settings.cpu_time = units::seconds(findings, value, what),
            "fileSize" => settings.file_size = units::bytes(findings, value, what),
            "output" => settings.output = units::bytes(findings, value, what),
            "diskSpace" => settings.disk_space = units::bytes(findings, value, what),
            _ => unknown_key(findings, key, "`sandbox.limits`", LIMITS),
        }
    }
    Some(Spanned::new(settings, value.span))
}

fn workspace(findings: &mut Findings, value: &Value) -> Option<Text> {
    let text = reader::text(findings, value, "sandbox.workspace")?;
    if matches!(text.value.as_str(), "layer" | "direct") {
        return Some(text);
    }
    let message = format!("`sandbox.workspace` cannot be `{}`", codes::abridged(&text.value));
    let help = "write `\"layer\"` to keep changes apart until they are applied, or `\"direct\"`";
    findings.error(codes::INVALID_VALUE, text.span, message, help);
    None
}

fn examples(findings: &mut Findings, value: &Value) -> Option<Spanned<ExampleSettings>> {
    let mut settings = ExampleSettings::default();
    for Entry { key, value } in object(findings, value, "sandbox.examples")? {
        match key.value.as_str() {
            "allow" => settings.allow = list(findings, value, "sandbox.examples.allow"),
            "ask" => settings.ask = list(findings, value, "sandbox.examples.ask"),
            "deny" => settings.deny = list(findings, value, "sandbox.examples.deny"),
            _ => unknown_key(findings, key, "`sandbox.examples`", &["allow", "ask", "deny"]),
        }
    }
    Some(Spanned::new(settings, value.span))
}

/// Reads the rules whose findings are meant to be so: each with the reason, without which nobody can tell.
fn lint_ignore(findings: &mut Findings, value: &Value) -> Vec<(Text, Text)> {
    let pairs = reader::pairs(findings, value, "sandbox.remit-lint-ignore");
    for (rule, reason) in pairs.iter().filter(|(_, reason)| reason.value.trim().is_empty()) {
        let message = format!("`{}` is ignored without a reason", codes::abridged(&rule.value));
        findings.error(codes::INVALID_VALUE, reason.span, message, "write why the finding is meant to be so");
    }
    pairs
}

fn object<'v>(findings: &mut Findings, value: &'v Value, what: &str) -> Option<&'v [Entry]> {
    match &value.kind {
        Kind::Object(entries) => Some(entries),
        _ => reader::wrong_type(findings, value, &reader::key(what), "an object"),
    }
}

/// Reads a list of strings; one that cannot be read is an error of the file, so the empty list grants nothing by it.
fn list(findings: &mut Findings, value: &Value, what: &str) -> Vec<Text> {
    reader::texts(findings, value, what).map(|texts| texts.value).unwrap_or_default()
}

fn unknown_key(findings: &mut Findings, key: &Text, holder: &str, known: &[&str]) {
    let list: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    findings.unknown_key(Severity::Error, key, holder, known, &format!("the keys are {}", list.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::super::testing::told;
    use crate::{NetworkSettings, SandboxSettings, parse};

    fn read(sandbox: &str) -> SandboxSettings {
        let parsed = parse("a.json", format!(r#"{{ "toolsSettings": {{ "sandbox": {sandbox} }} }}"#).as_bytes());
        assert!(parsed.diagnostics.is_empty(), "{sandbox}: {:?}", parsed.diagnostics);
        parsed.file.settings.sandbox.unwrap().value
    }

    fn check(sandbox: &str) -> String {
        told(&format!(r#"{{ "toolsSettings": {{ "sandbox": {sandbox} }} }}"#))
    }

    #[test]
    fn every_setting_is_read() {
        let settings = read(
            r#"{ "profile": "dev",
                 "network": { "allow": ["crates.io:443", "*.crates.io"], "loopback": true },
                 "files": { "read": ["~/.config/pip"], "write": ["target/**"], "execute": [], "hide": ["**/.env"] },
                 "env": { "pass": ["CI"], "set": { "RUST_BACKTRACE": "1" } },
                 "limits": { "memory": "4G", "processes": 512, "openFiles": 64, "wallTime": "1h", "cpuTime": "30m", "fileSize": 1024, "output": "64M", "diskSpace": "10G" },
                 "workspace": "layer",
                 "examples": { "allow": ["cargo test -p core"], "deny": ["git push"] } }"#,
        );
        let limits = settings.limits.unwrap().value;
        let number = |limit: Option<remit_diagnostics::Spanned<u64>>| limit.unwrap().value;
        assert_eq!(number(limits.memory), 4 << 30);
        assert_eq!(number(limits.processes), 512);
        assert_eq!(number(limits.open_files), 64);
        assert_eq!(number(limits.wall_time), 3600);
        assert_eq!(number(limits.cpu_time), 1800);
        assert_eq!(number(limits.file_size), 1024);
        assert_eq!(number(limits.disk_space), 10 << 30);
        assert_eq!(number(limits.output), 64 << 20);
        assert_eq!(settings.workspace.unwrap().value, "layer");
        assert_eq!(settings.files.unwrap().value.hide.len(), 1);
        assert_eq!(settings.env.unwrap().value.set.len(), 1);
        assert_eq!(settings.examples.unwrap().value.deny.len(), 1);
        assert!(
            matches!(settings.network.unwrap().value, NetworkSettings::Hosts { allow, loopback: Some(_) } if allow.len() == 2)
        );
        assert_eq!(read(r#"{ "network": "none" }"#).network.unwrap().value, NetworkSettings::None);
        assert_eq!(read(r#"{ "network": "all" }"#).network.unwrap().value, NetworkSettings::All);
    }

    #[test]
    fn an_unknown_key_is_an_error_at_every_level() {
        insta::assert_snapshot!(check(r#"{ "profil": "dev", "net": "none", "network": { "deny": [] }, "files": { "hidden": [] },
            "env": { "passs": [] }, "limits": { "wall_time": "1h", "cpu": 1 }, "examples": { "denied": [] } }"#), @"
        error[unknown-key] 1:35: unknown key `profil` in `sandbox`; did you mean `profile`?
        error[unknown-key] 1:52: unknown key `net` in `sandbox`; the keys are `profile`, `network`, `files`, `env`, `limits`, `debug`, `workspace`, `examples`, `hooks`, `remit-lint-ignore`
        error[unknown-key] 1:80: unknown key `deny` in `sandbox.network`; the keys are `allow`, `loopback`
        error[unknown-key] 1:105: unknown key `hidden` in `sandbox.files`; did you mean `hide`?
        error[unknown-key] 2:22: unknown key `passs` in `sandbox.env`; did you mean `pass`?
        error[unknown-key] 2:49: unknown key `wall_time` in `sandbox.limits`; did you mean `wallTime`?
        error[unknown-key] 2:68: unknown key `cpu` in `sandbox.limits`; the keys are `memory`, `processes`, `openFiles`, `wallTime`, `cpuTime`, `fileSize`, `output`, `diskSpace`
        error[unknown-key] 2:94: unknown key `denied` in `sandbox.examples`; the keys are `allow`, `ask`, `deny`
        ");
    }

    #[test]
    fn a_limit_must_limit() {
        insta::assert_snapshot!(check(r#"{ "limits": { "memory": "4GB", "processes": 0, "openFiles": "64", "wallTime": "1d",
            "cpuTime": 1.5, "fileSize": 9223372036854775808, "output": -1 } }"#), @r#"
        error[invalid-limit] 1:57: `4GB` for `memory` is not a limit; write a number of bytes, or a string such as `"512M"` or `"4G"`
        error[invalid-limit] 1:77: `0` for `processes` is zero, with which nothing could run; write a whole number
        error[invalid-limit] 1:93: `64` for `openFiles` is not a limit; write a whole number
        error[invalid-limit] 1:111: `1d` for `wallTime` is not a limit; write a number of seconds, or a string such as `"90s"`, `"30m"` or `"1h30m"`
        error[invalid-limit] 2:24: `1.5` for `cpuTime` is not a limit; write a number of seconds, or a string such as `"90s"`, `"30m"` or `"1h30m"`
        error[invalid-limit] 2:41: `9223372036854775808` for `fileSize` is too large to be a limit; write a number of bytes, or a string such as `"512M"` or `"4G"`
        error[invalid-limit] 2:72: `-1` for `output` is not a limit; write a number of bytes, or a string such as `"512M"` or `"4G"`
        "#);
        insta::assert_snapshot!(check(r#"{ "limits": { "memory": "0K", "processes": 1e3, "openFiles": null, "wallTime": "0h0m",
            "cpuTime": "30G", "fileSize": "16777216T", "output": 184467440737095516160 } }"#), @r#"
        error[invalid-limit] 1:57: `0K` for `memory` is zero, with which nothing could run; write a number of bytes, or a string such as `"512M"` or `"4G"`
        error[invalid-limit] 1:76: `1e3` for `processes` is not a limit; write a whole number
        error[wrong-type] 1:94: `openFiles` must be a whole number, not null
        error[invalid-limit] 1:112: `0h0m` for `wallTime` is zero, with which nothing could run; write a number of seconds, or a string such as `"90s"`, `"30m"` or `"1h30m"`
        error[invalid-limit] 2:24: `30G` for `cpuTime` is not a limit; write a number of seconds, or a string such as `"90s"`, `"30m"` or `"1h30m"`
        error[invalid-limit] 2:43: `16777216T` for `fileSize` is too large to be a limit; write a number of bytes, or a string such as `"512M"` or `"4G"`
        error[invalid-limit] 2:66: `184467440737095516160` for `output` is too large to be a limit; write a number of bytes, or a string such as `"512M"` or `"4G"`
        "#);
    }

    #[test]
    fn a_value_that_is_none_of_those_allowed_is_an_error() {
        insta::assert_snapshot!(check(r#"{ "profile": 1, "network": "some", "workspace": "copy", "files": [], "examples": { "allow": "x" },
            "env": { "pass": ["", "A=B"], "set": { "A\u0000": "b", "C": "\u0000", "D": 1 } } }"#), @r#"
        error[wrong-type] 1:46: `sandbox.profile` must be a string, not the number `1`
        error[invalid-value] 1:60: `sandbox.network` cannot be `some`; write `"none"`, `"all"`, or an object such as `{ "allow": ["crates.io:443"] }`
        error[invalid-value] 1:81: `sandbox.workspace` cannot be `copy`; write `"layer"` to keep changes apart until they are applied, or `"direct"`
        error[wrong-type] 1:98: `sandbox.files` must be an object, not a list
        error[wrong-type] 1:125: `sandbox.examples.allow` must be a list of strings, not a string
        error[invalid-value] 2:31: `` cannot be the name of a variable; a name is not empty, and has no `=` and no NUL
        error[invalid-value] 2:35: `A=B` cannot be the name of a variable; a name is not empty, and has no `=` and no NUL
        error[invalid-value] 2:52: `A\u{0}` cannot be the name of a variable; a name is not empty, and has no `=` and no NUL
        error[invalid-value] 2:73: the value of `C` has a NUL; take the NUL out: no variable can hold one
        error[wrong-type] 2:88: `sandbox.env.set.D` must be a string, not the number `1`
        "#);
        insta::assert_snapshot!(check(r#"{ "network": true, "workspace": null, "limits": 1 }"#), @r#"
        error[wrong-type] 1:46: `sandbox.network` must be `"none"`, `"all"`, or an object such as `{ "allow": ["crates.io:443"] }`, not a boolean
        error[wrong-type] 1:65: `sandbox.workspace` must be a string, not null
        error[wrong-type] 1:81: `sandbox.limits` must be an object, not the number `1`
        "#);
        insta::assert_snapshot!(check("[]"), @"error[wrong-type] 1:33: `toolsSettings.sandbox` must be an object, not a list");
    }
}
