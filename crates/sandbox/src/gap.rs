use serde::Serialize;

/// Which of a policy's promises a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    Tools,
    Commands,
    Files,
    Network,
    Environment,
    Limits,
    /// That the tree of processes ends with the task, and that it touches no other process.
    Processes,
}

/// What holds a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// In process; a program that a command runs does not meet it.
    Gate,
    Landlock,
    Seccomp,
    /// The kernel stops the call, and Remit does it instead, or refuses it.
    SeccompNotification,
    MountNamespace,
    Overlay,
    NetworkNamespace,
    PidNamespace,
    CgroupNamespace,
    Rlimit,
    Cgroup,
    /// The environment is built before exec.
    Exec,
    /// Remit itself, outside the task.
    Supervisor,
    /// Remit itself, at the one way out of the task's network.
    Proxy,
}

impl Mechanism {
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Gate => "the gate",
            Mechanism::Landlock => "Landlock",
            Mechanism::Seccomp => "seccomp",
            Mechanism::SeccompNotification => "seccomp notification",
            Mechanism::MountNamespace => "mount namespace",
            Mechanism::Overlay => "overlay",
            Mechanism::NetworkNamespace => "network namespace",
            Mechanism::PidNamespace => "pid namespace",
            Mechanism::CgroupNamespace => "cgroup namespace",
            Mechanism::Rlimit => "rlimit",
            Mechanism::Cgroup => "cgroup",
            Mechanism::Exec => "built before exec",
            Mechanism::Supervisor => "supervisor",
            Mechanism::Proxy => "the proxy",
        }
    }

    /// Returns whether the kernel holds it, for every descendant process.
    pub fn is_kernel(self) -> bool {
        !matches!(self, Mechanism::Gate | Mechanism::Supervisor | Mechanism::Proxy)
    }
}

/// A promise of the policy and the mechanisms that hold it on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    pub grant: Grant,
    /// As in "writes outside `target`, `~/.npm`".
    pub what: String,
    pub by: Vec<Mechanism>,
}

/// Something that the policy says and that nothing on this host holds, or not fully.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub grant: Grant,
    /// What is not held: a lower-case fragment.
    pub what: String,
    /// Why not.
    pub why: String,
    /// What would close it.
    pub remedy: Option<String>,
}

impl Gap {
    /// What is said where the policy has a private layer over the workspace, and the host none.
    pub const WORKSPACE_IS_READ_ONLY: &str = "commands cannot write anything in the workspace: it has no private layer here";
}
