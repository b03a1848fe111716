//! `toolsSettings.sandbox`: Remit's own settings. Every key is Remit's, so an unknown one is always an error.

use remit_diagnostics::{Severity, Spanned};

use super::findings::Findings;
use super::{reader, units};
use crate::json::{Entry, Kind, Value};
use crate::{EnvSettings, ExampleSettings, FileSettings, LimitSettings, NetworkSettings, SandboxSettings, Text, codes};

const KEYS: &[&str] = &["profile", "network", "files", "env", "limits", "workspace", "examples"];

pub(super) fn sandbox(findings: &mut Findings, entries: &[Entry]) -> SandboxSettings {
    let mut settings = SandboxSettings::default();
    for Entry { key, value } in entries {
        match key.value.as_str() {
            "profile" => settings.profile = reader::text(findings, value, "sandbox.profile"),
            "network" => settings.network = network(findings, value),
            "files" => settings.files = files(findings, value),
            "env" => settings.env = env(findings, value),
            "limits" => settings.limits = limits(findings, value),
            "workspace" => settings.workspace = workspace(findings, value),
            "examples" => settings.examples = examples(findings, value),
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
        _ => return reader::wrong_type(findings, value, "sandbox.network", EXPECTED),
    };
    Some(Spanned::new(settings, value.span))
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

const LIMITS: &[&str] = &["memory", "processes", "openFiles", "wallTime", "cpuTime", "fileSize", "output"];

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
            "deny" => settings.deny = list(findings, value, "sandbox.examples.deny"),
            _ => unknown_key(findings, key, "`sandbox.examples`", &["allow", "deny"]),
        }
    }
    Some(Spanned::new(settings, value.span))
}

fn object<'v>(findings: &mut Findings, value: &'v Value, what: &str) -> Option<&'v [Entry]> {
    match &value.kind {
        Kind::Object(entries) => Some(entries),
        _ => reader::wrong_type(findings, value, what, "an object"),
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
