//! Which environment variables never reach a task, whoever asks for them.

/// Variables that make a program load or run something else than it would.
const LOADERS: [&str; 24] = [
    "BASH_ENV",
    "ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "IFS",
    "NODE_OPTIONS",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PERL5OPT",
    "PERL5DB",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "GCONV_PATH",
    "GIO_EXTRA_MODULES",
    "GTK_MODULES",
    "GLIBC_TUNABLES",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "MALLOC_TRACE",
];

const LOADER_PREFIXES: [&str; 5] = ["LD_", "DYLD_", "BASH_FUNC_", "GIT_SSH", "GIT_CONFIG_"];

const SECRETS: [&str; 12] = [
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GPG_AGENT_INFO",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "DOCKER_HOST",
    "KUBECONFIG",
    "DATABASE_URL",
    "DBUS_SESSION_BUS_ADDRESS",
    "XAUTHORITY",
    "NETRC",
];

/// Parts of a name that say that its value is a secret. `AWS_REGION` is none, but the list is safer without exceptions.
const SECRET_PARTS: [&str; 11] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "AUTHORIZATION",
];

const SECRET_ENDINGS: [&str; 6] = ["_KEY", "_PAT", "_AUTH", "_PASS", "_PWD", "_DSN"];

/// Returns why a variable of this name is never passed to a task, if it is not: a lower-case fragment.
pub fn never_passed(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    if is_loader(&name) {
        return Some("it makes programs load or run something else");
    }
    let secret = SECRETS.contains(&name.as_str())
        || name.starts_with("AWS_")
        || SECRET_PARTS.iter().any(|part| name.contains(part))
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending));
    secret.then_some("it looks like a secret, or a way to one")
}

/// Returns whether the variable decides what a program loads or runs.
pub(crate) fn is_loader(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    LOADERS.contains(&name.as_str()) || LOADER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns whether a shell and every program would read this as a variable's name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], passed: bool) {
        for name in names {
            assert_eq!(never_passed(name).is_none(), passed, "{name}");
        }
    }

    #[test]
    fn secrets_and_loaders_are_never_passed() {
        check(
            &[
                "GITHUB_TOKEN",
                "CARGO_REGISTRY_TOKEN",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_PROFILE",
                "OPENAI_API_KEY",
                "npm_config__auth",
            ],
            false,
        );
        check(
            &["LD_PRELOAD", "ld_preload", "BASH_ENV", "ENV", "GIT_SSH_COMMAND", "NODE_OPTIONS", "DYLD_INSERT_LIBRARIES"],
            false,
        );
        check(&["SSH_AUTH_SOCK", "GOOGLE_APPLICATION_CREDENTIALS", "DB_PASSWORD", "PGPASSWORD"], false);
        check(&["TERM", "LANG", "CI", "CARGO_HOME", "GOFLAGS", "JAVA_HOME", "KEYBOARD", "PATHS"], true);
    }

    #[test]
    fn names() {
        for (name, expected) in
            [("A", true), ("_a1", true), ("1A", false), ("", false), ("A-B", false), ("A=B", false), ("A*", false)]
        {
            assert_eq!(is_name(name), expected, "{name}");
        }
    }
}
