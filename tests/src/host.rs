use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::attempt::version;

/// What this machine lets a task have, found by trying, without remit's help.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    pub root: bool,
    /// A mount namespace can be had: by a user namespace of one's own, or as root.
    pub namespaces: bool,
    /// The version of Landlock's interface; 0 where there is none.
    pub landlock: u32,
    /// As in 6.12.
    pub kernel: (u32, u32),
}

impl Host {
    pub fn look() -> Host {
        static HOST: OnceLock<Host> = OnceLock::new();
        *HOST.get_or_init(|| {
            let root = rustix::process::geteuid().is_root();
            let namespaces = works(&["unshare", "--user", "--map-root-user", "--mount", "true"])
                || (root && works(&["unshare", "--mount", "true"]));
            let system = rustix::system::uname();
            let kernel = version(&system.release().to_string_lossy()).unwrap();
            Host { root, namespaces, landlock: landlock(), kernel }
        })
    }
}

fn works(command: &[&str]) -> bool {
    let status = Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Asks the kernel by way of Python: a system call of one's own is unsafe code.
fn landlock() -> u32 {
    let script = "import ctypes; print(max(0, ctypes.CDLL(None).syscall(444, None, 0, 1)))";
    let output = Command::new("/usr/bin/python3").args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
