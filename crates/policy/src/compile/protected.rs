//! What is granted by name only, whatever pattern happens to cover it.
//!
//! Writing any of it lets a task act outside itself later: through a hook, a start-up file, an editor's task, a policy.
//! Reading is barred too where the content is worth stealing, or where reading is acting, as with a socket.

use remit_agent::AbsPath;

use super::Workspace;
use crate::{Origin, PathPattern, PathRule};

/// In the workspace. All of it can be read: git reads its own configuration.
const WORKSPACE: [&str; 18] = [
    ".git/hooks",
    ".git/config",
    ".git/config.worktree",
    // Submodules keep their hooks and configuration here.
    ".git/modules",
    // Names another directory whose configuration and hooks git then uses.
    ".git/commondir",
    // Work trees have a configuration and a `commondir` of their own here.
    ".git/worktrees",
    ".remit",
    ".kiro",
    ".amazonq",
    ".vscode",
    ".idea",
    ".zed",
    ".devcontainer",
    ".envrc",
    ".mcp.json",
    ".claude",
    ".cursor",
    ".husky",
];

/// In the home directory: files that a shell, a session or a tool runs when it starts.
const START_UP: [&str; 27] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".inputrc",
    ".xprofile",
    ".xsession",
    ".xinitrc",
    ".vimrc",
    ".vim",
    ".gitconfig",
    ".config/git",
    ".config/fish",
    ".config/nvim",
    ".config/autostart",
    ".config/systemd",
    ".config/environment.d",
    ".remit",
    ".kiro",
    ".aws/amazonq",
];

/// In the home directory: credential stores.
const CREDENTIALS: [&str; 36] = [
    ".ssh",
    ".aws",
    ".gnupg",
    ".azure",
    ".kube",
    ".docker/config.json",
    ".config/gcloud",
    ".config/gh",
    ".config/glab-cli",
    ".config/hub",
    ".config/op",
    ".config/doctl",
    ".config/rclone",
    ".config/sops",
    ".config/containers/auth.json",
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".config/pip/pip.conf",
    ".config/pypoetry/auth.toml",
    ".cargo/credentials.toml",
    ".cargo/credentials",
    ".gem/credentials",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".pgpass",
    ".my.cnf",
    ".vault-token",
    ".terraform.d/credentials.tfrc.json",
    ".password-store",
    ".local/share/keyrings",
    ".mozilla",
];

/// Credentials inside directories of the system that a profile grants whole.
const SYSTEM: [&str; 3] = ["/usr/local/cargo/credentials.toml", "/usr/local/cargo/credentials", "/usr/local/etc/npmrc"];

/// Sockets of daemons: whoever opens one can have the daemon act.
const SOCKETS: [&str; 14] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
    "/run/podman",
    "/run/crio",
    "/run/user",
    "/var/run/user",
    "/run/dbus",
    "/var/run/dbus",
    "/run/systemd/private",
    "/run/snapd.socket",
    "/run/libvirt",
    "/run/postgresql",
    "/run/mysqld",
];

/// Returns everything that is written by name only, and that part of it which is read by name only; but for the agent's
/// own file, both sorted by path.
pub(super) fn compile(workspace: &Workspace) -> (Vec<PathRule>, Vec<PathRule>) {
    let neither = neither(workspace);
    let mut written = named(workspace);
    written.extend(neither.iter().cloned());
    (rules(written), rules(neither))
}

/// Adds the agent's own file to what is written by name only.
pub(super) fn add_agent(protected: &mut Vec<PathRule>, agent: &AbsPath) {
    if let Err(at) = protected.binary_search_by(|rule| rule.pattern.base.cmp(agent)) {
        protected.insert(at, rule(agent));
    }
}

/// Returns everything in and around a workspace that is written by name only.
pub fn protected(workspace: &Workspace, agent: Option<&AbsPath>) -> Vec<AbsPath> {
    let mut written = named(workspace);
    written.extend(agent.cloned());
    written.extend(neither(workspace));
    written
}

/// Returns what is written by name only, and read like everything around it.
fn named(workspace: &Workspace) -> Vec<AbsPath> {
    let in_workspace = WORKSPACE.iter().map(|path| workspace.root.join(path));
    in_workspace.chain(START_UP.iter().map(|path| workspace.home.join(path))).collect()
}

fn neither(workspace: &Workspace) -> Vec<AbsPath> {
    let home = &workspace.home;
    let mut paths: Vec<AbsPath> = CREDENTIALS.iter().map(|path| home.join(path)).collect();
    paths.extend(SYSTEM.iter().map(|path| AbsPath::root().join(path)));
    paths.extend(SOCKETS.iter().map(|path| AbsPath::root().join(path)));
    paths.push(workspace.state.clone());
    paths.push(workspace.config.clone());
    paths
}

fn rules(mut paths: Vec<AbsPath>) -> Vec<PathRule> {
    // None is told from its equal.
    paths.sort_unstable();
    paths.dedup();
    paths.iter().map(rule).collect()
}

fn rule(path: &AbsPath) -> PathRule {
    PathRule { pattern: PathPattern::literal(path), if_present: true, origin: Origin::BuiltIn }
}
