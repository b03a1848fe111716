//! Previews, written out: what the rendering makes of given data is tested, not what other crates say today.

use std::path::Path;

use remit_agent::AbsPath;
use remit_policy::{Confinement, LimitKind, Otherwise, StartKind};
use remit_sandbox::{Gap, Grant, Mechanism, PrivateDirectory, Rights, Temporary};

use crate::{
    Commands, Environment, FileGrant, Files, Held, LimitLine, Network, NetworkReach, Place, Preview, Project, Risk, Runs,
    StartLine, Tools, Writes,
};

pub(super) fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

pub(super) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(super) fn grant(at: &str, place: Place, writes: Writes, execute: bool) -> FileGrant {
    FileGrant {
        path: path(at),
        place,
        of_profile: matches!(place, Place::Home | Place::System),
        device: at.starts_with("/dev/"),
        read: true,
        writes,
        execute,
        patterns: strings(&[at]),
        wider: false,
    }
}

pub(super) fn held(grant: Grant, what: &str, by: &[Mechanism]) -> Held {
    Held { grant, what: what.to_owned(), by: by.to_vec(), kernel: by.iter().any(|one| one.is_kernel()) }
}

/// The product's own example on a host that has everything.
#[expect(clippy::too_many_lines, reason = "a page, written out")]
pub(super) fn test_runner() -> Preview {
    let system = ["/usr", "/bin", "/lib", "/lib64", "/sbin", "/opt", "/usr/local", "/etc/alternatives"];
    let read = [
        "/etc/passwd",
        "/etc/group",
        "/etc/hosts",
        "/etc/ssl/certs",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/proc",
        "/sys/fs/cgroup",
    ];
    let mut grants = vec![
        grant("/home/ann/src/app", Place::Workspace, Writes::PrivateLayer, true),
        grant("/home/ann/.cargo", Place::Home, Writes::Nothing, true),
        grant("/home/ann/.cargo/registry", Place::Home, Writes::PrivateLayer, true),
        grant("/home/ann/.gitconfig", Place::Home, Writes::Nothing, false),
        grant("/home/ann/.rustup", Place::Home, Writes::Nothing, true),
    ];
    grants.extend(system.map(|at| grant(at, Place::System, Writes::Nothing, true)));
    grants.extend(read.map(|at| grant(at, Place::System, Writes::Nothing, false)));
    grants.push(grant("/dev/null", Place::System, Writes::Direct, false));
    grants.push(grant("/tmp", Place::System, Writes::OwnDirectory, true));
    Preview {
        version: 1,
        agent: Some("test-runner".to_owned()),
        description: Some("Runs test suites in background".to_owned()),
        reading: "remit".to_owned(),
        profile: "dev".to_owned(),
        confinement: Confinement::Confined,
        workspace: path("/home/ann/src/app"),
        home: path("/home/ann"),
        digest: "3f2a9c41d07b5566778899aabbccddeeff00112233445566778899aabbccddee".to_owned(),
        risks: [
            (32, "`npm test` runs whatever `package.json` says when it is started"),
            (10, "reads every file of the workspace, but what is hidden"),
        ]
        .map(|(weight, text)| Risk { weight, text: text.to_owned() })
        .to_vec(),
        project: Project {
            runs: vec![Runs {
                command: "npm test".to_owned(),
                runs: strings(&["tsc --noEmit", "node --test"]),
                file: "package.json".to_owned(),
                line: Some(7),
            }],
            unread: Vec::new(),
        },
        tools: Tools {
            pre_approved: Vec::new(),
            by_command: strings(&["execute_bash"]),
            by_path: strings(&["fs_read"]),
            by_call: Vec::new(),
            asks: Vec::new(),
            denied: Vec::new(),
            unknown: Vec::new(),
        },
        commands: Commands {
            everything: false,
            allow: strings(&["npm test", "pytest", "cargo test"]),
            deny: Vec::new(),
            unexamined: Vec::new(),
            read_only: false,
            otherwise: Otherwise::Ask,
        },
        files: Files {
            kernel: true,
            hidden_from_tools: Vec::new(),
            grants,
            private: ["/tmp", "/dev/shm"]
                .map(|at| PrivateDirectory { target: path(at), in_memory: true, no_exec: false })
                .to_vec(),
            temporary: Temporary::Mounted,
            made: Vec::new(),
            read_only: Vec::new(),
            absent: Vec::new(),
            masked: Vec::new(),
            hidden: strings(&["~/.ssh", "~/.aws", "~/.gnupg", "~/.netrc", "~/.docker", "~/.kube", "~/.npmrc", "~/.config/gh"]),
            write_denied: Vec::new(),
            written_by_name: strings(&[
                "/home/ann/.bashrc",
                "/home/ann/src/app/.git/hooks",
                ".git/config",
                "/home/ann/.profile",
                ".vscode",
            ]),
            read_by_name: strings(&["~/.local/state/remit"]),
        },
        network: Network { reach: NetworkReach::Nothing, loopback: true, proxy: None, catches: false, gap: false },
        limits: [
            (LimitKind::Memory, 8 << 30),
            (LimitKind::Processes, 1024),
            (LimitKind::OpenFiles, 4096),
            (LimitKind::WallTime, 3600),
            (LimitKind::FileSize, 4 << 30),
        ]
        .map(|(kind, value)| LimitLine { kind, value })
        .to_vec(),
        environment: Environment {
            inherit: false,
            passed_by_agent: Vec::new(),
            set: strings(&["CARGO_HOME"]),
            variables: strings(&["CARGO_HOME", "HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER"]),
        },
        starts: Vec::new(),
        held: vec![
            held(Grant::Commands, "which command lines run unasked", &[Mechanism::Gate]),
            held(Grant::Files, "every path that is not named above", &[Mechanism::Landlock]),
            held(
                Grant::Files,
                "writes to the workspace stay in a private layer",
                &[Mechanism::Overlay, Mechanism::MountNamespace],
            ),
            held(Grant::Network, "no socket but unix ones of its own", &[Mechanism::Seccomp, Mechanism::NetworkNamespace]),
            held(Grant::Processes, "the tree ends with the task", &[Mechanism::PidNamespace]),
            held(Grant::Limits, "time", &[Mechanism::Supervisor]),
        ],
        not_held: vec![Gap {
            grant: Grant::Limits,
            what: "memory and processes of the whole task".to_owned(),
            why: "no control group is used".to_owned(),
            remedy: None,
        }],
    }
}

/// The same agent where no user namespaces are to be had.
pub(super) fn without_namespaces() -> Preview {
    let mut preview = test_runner();
    for grant in &mut preview.files.grants {
        if grant.writes == Writes::PrivateLayer {
            grant.writes = Writes::Nothing;
        }
    }
    preview.files.private = Vec::new();
    preview.files.temporary = Temporary::Named(Rights::READ | Rights::WRITE);
    preview.network.loopback = false;
    preview.held.retain(|held| !held.by.contains(&Mechanism::Overlay) && !held.by.contains(&Mechanism::PidNamespace));
    preview.held.iter_mut().for_each(|held| held.by.retain(|mechanism| *mechanism != Mechanism::NetworkNamespace));
    preview.not_held = vec![
        Gap {
            grant: Grant::Files,
            what: "the private layer: a command cannot write to the workspace at all".to_owned(),
            why: "unshare(CLONE_NEWUSER): EPERM; AppArmor restricts user namespaces for programs without a profile".to_owned(),
            remedy: Some(
                "set kernel.apparmor_restrict_unprivileged_userns=0, or name what may be written: \
                 `\"files\": { \"write\": [\"target/**\"] }`"
                    .to_owned(),
            ),
        },
        Gap {
            grant: Grant::Processes,
            what: "a process that leaves the session may outlive the task for a moment".to_owned(),
            why: "no pid namespace".to_owned(),
            remedy: None,
        },
    ];
    preview
}

pub(super) fn docs_writer() -> Preview {
    let mut preview = test_runner();
    preview.agent = Some("docs-writer".to_owned());
    preview.description = None;
    preview.profile = "base".to_owned();
    preview.tools = Tools {
        pre_approved: strings(&["introspect", "@docs"]),
        by_command: strings(&["execute_bash"]),
        by_path: strings(&["fs_read", "fs_write"]),
        by_call: Vec::new(),
        asks: strings(&["use_aws"]),
        denied: strings(&["@git/push"]),
        unknown: strings(&["fs_lst"]),
    };
    preview.commands = Commands {
        everything: false,
        allow: Vec::new(),
        deny: strings(&["git push *", "rm *"]),
        unexamined: Vec::new(),
        read_only: true,
        otherwise: Otherwise::Deny,
    };
    let wide = FileGrant {
        patterns: strings(&["notes/*.md"]),
        wider: true,
        ..grant("/home/ann/src/app/notes", Place::Workspace, Writes::Direct, false)
    };
    preview.files.grants = vec![
        grant("/home/ann/src/app", Place::Workspace, Writes::Nothing, true),
        grant("/home/ann/src/app/docs", Place::Workspace, Writes::Direct, false),
        wide,
        grant("/usr", Place::System, Writes::Nothing, true),
        grant("/srv/style", Place::Elsewhere, Writes::Nothing, false),
    ];
    preview.held.retain(|held| !held.by.contains(&Mechanism::Overlay));
    preview.files.read_only = vec![path("/home/ann/src/app/docs/.git")];
    preview.files.write_denied = strings(&["docs/LICENSE"]);
    preview.network = Network {
        reach: NetworkReach::Hosts(strings(&["crates.io:443", "*.crates.io"])),
        loopback: true,
        proxy: None,
        catches: false,
        gap: true,
    };
    preview.environment.passed_by_agent = strings(&["CI"]);
    preview.environment.variables = strings(&["CI", "HOME", "PATH"]);
    preview.starts = vec![
        StartLine {
            kind: StartKind::Hook {
                trigger: "preToolUse".to_owned(),
                matcher: Some("fs_write".to_owned()),
                lets_through_after: None,
            },
            command: "./guard.sh  --strict".to_owned(),
            env: Vec::new(),
            handed_on: Vec::new(),
        },
        StartLine {
            kind: StartKind::McpServer { name: "docs".to_owned() },
            command: "npx -y @example/documentation-server --root . --verbose --no-colour".to_owned(),
            env: strings(&["DOCS_TOKEN", "MODE"]),
            handed_on: strings(&["GITHUB_TOKEN"]),
        },
    ];
    preview
}

pub(super) fn unrestricted() -> Preview {
    let mut preview = test_runner();
    preview.agent = None;
    preview.description = None;
    preview.profile = "unrestricted".to_owned();
    preview.confinement = Confinement::Unrestricted;
    preview.held = vec![held(Grant::Processes, "the tree ends with the task", &[Mechanism::PidNamespace])];
    preview.not_held = Vec::new();
    preview
}
