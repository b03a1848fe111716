use std::fmt;

use rustix::io::Errno;
use thiserror::Error;

/// A step of the launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Layer {
    Fork = 1,
    Cgroup,
    Namespaces,
    Mounts,
    Descriptors,
    Session,
    Limits,
    Directory,
    Privileges,
    Landlock,
    Seccomp,
    Exec,
    Network,
}

impl Layer {
    const ALL: [Layer; 13] = [
        Layer::Fork,
        Layer::Cgroup,
        Layer::Namespaces,
        Layer::Mounts,
        Layer::Descriptors,
        Layer::Session,
        Layer::Limits,
        Layer::Directory,
        Layer::Privileges,
        Layer::Landlock,
        Layer::Seccomp,
        Layer::Exec,
        Layer::Network,
    ];

    pub(crate) fn from_code(code: u8) -> Option<Layer> {
        Layer::ALL.into_iter().find(|layer| *layer as u8 == code)
    }

    fn name(self) -> &'static str {
        match self {
            Layer::Fork => "a process",
            Layer::Cgroup => "the cgroup",
            Layer::Namespaces => "the namespaces",
            Layer::Mounts => "the mounts",
            Layer::Descriptors => "the descriptors",
            Layer::Session => "the session",
            Layer::Limits => "the limits",
            Layer::Directory => "the working directory",
            Layer::Privileges => "dropping privileges",
            Layer::Landlock => "Landlock",
            Layer::Seccomp => "seccomp",
            Layer::Exec => "the program",
            Layer::Network => "the way out of the network",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a task did not start. Nothing of it has run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot set up {layer}{}: {}", at(path.as_ref()), describe(*errno))]
pub struct LaunchError {
    pub layer: Layer,
    pub path: Option<String>,
    pub errno: Errno,
}

fn at(path: Option<&String>) -> String {
    path.map_or_else(String::new, |path| format!(" (`{path}`)"))
}

fn describe(errno: Errno) -> String {
    std::io::Error::from(errno).to_string().to_lowercase()
}

impl LaunchError {
    pub(crate) fn new(layer: Layer, errno: Errno) -> LaunchError {
        LaunchError { layer, path: None, errno }
    }

    pub(crate) fn at(layer: Layer, path: impl fmt::Display) -> impl FnOnce(Errno) -> LaunchError {
        move |errno| LaunchError { layer, path: Some(path.to_string()), errno }
    }

    /// Returns what would mend it.
    pub fn remedy(&self) -> String {
        match (self.layer, self.errno) {
            (Layer::Exec, Errno::NOENT) => "check the name, and that its interpreter (`#!`) is granted and exists".to_owned(),
            (Layer::Exec, Errno::ACCESS) => "the file must be executable, and lie where the policy grants execution".to_owned(),
            (Layer::Exec, _) => "check that the file is a program of this machine".to_owned(),
            (Layer::Namespaces, Errno::PERM | Errno::NOSPC | Errno::USERS) => {
                "this host refuses user namespaces: `remit doctor` says how to allow them".to_owned()
            }
            (Layer::Namespaces | Layer::Network | Layer::Cgroup | Layer::Mounts | Layer::Landlock | Layer::Seccomp, _) => {
                "`remit doctor` shows what this host supports".to_owned()
            }
            (Layer::Directory, _) => "the directory must exist and be readable under the policy".to_owned(),
            (Layer::Fork, _) => "the host has no room for another process".to_owned(),
            _ => "this should not happen: please report it with the output of `remit doctor --json`".to_owned(),
        }
    }

    /// The bytes that the child sends: layer, errno, path.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.layer as u8];
        bytes.extend(self.errno.raw_os_error().to_le_bytes());
        bytes.extend(self.path.as_deref().unwrap_or("").as_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<LaunchError> {
        let (layer, rest) = bytes.split_first()?;
        let (errno, path) = rest.split_first_chunk::<4>()?;
        let path = String::from_utf8_lossy(path).into_owned();
        Some(LaunchError {
            layer: Layer::from_code(*layer)?,
            path: (!path.is_empty()).then_some(path),
            errno: Errno::from_raw_os_error(i32::from_le_bytes(*errno)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_pipe() {
        for (layer, path) in [(Layer::Landlock, Some("/a b")), (Layer::Exec, None)] {
            let error = LaunchError { layer, path: path.map(str::to_owned), errno: Errno::ACCESS };
            assert_eq!(LaunchError::from_bytes(&error.to_bytes()), Some(error));
        }
        assert_eq!(LaunchError::from_bytes(&[]), None);
        assert_eq!(LaunchError::from_bytes(&[99, 0, 0, 0, 0]), None);
    }
}
