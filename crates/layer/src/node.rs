use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

/// What stands at a path, as far as its inode tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub kind: Kind,
    /// The permission bits, with set-id and sticky: `0o7777`.
    pub mode: u32,
    /// In bytes; for a symbolic link, the length of what it points to.
    pub size: u64,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) modified: Time,
    /// When the inode last changed: no program can set it.
    pub(crate) changed: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    File,
    Symlink,
    Directory,
    Fifo,
    Socket,
    Device,
}

/// A time of the file system: seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Time(pub(crate) i64, pub(crate) u64);

impl Node {
    pub(crate) fn of(stat: &Stat) -> Node {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Symlink,
            FileType::Directory => Kind::Directory,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            _ => Kind::Device,
        };
        Node {
            kind,
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            device: stat.st_dev,
            inode: stat.st_ino,
            modified: Time(stat.st_mtime, stat.st_mtime_nsec),
            changed: Time(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Returns whether this is the same inode in the same state; renaming it moves `changed`, so that is not asked.
    pub(crate) fn is_still(&self, earlier: &Node) -> bool {
        let directory = self.is_directory();
        (self.device, self.inode, self.kind, self.mode) == (earlier.device, earlier.inode, earlier.kind, earlier.mode)
            // What lies in a directory moves its own time and size, and is looked at by itself.
            && (directory || (self.size, self.modified) == (earlier.size, earlier.modified))
    }

    /// Returns the mode as git writes it: the kind, and of the permissions whether a file can be executed.
    pub(crate) fn git_mode(&self) -> &'static str {
        match self.kind {
            Kind::File if self.mode & 0o100 != 0 => "100755",
            Kind::Symlink => "120000",
            _ => "100644",
        }
    }

    /// Returns the kind and all permission bits, as in `100640`.
    pub(crate) fn full_mode(&self) -> String {
        let kind = match self.kind {
            Kind::File => 0o10_0000,
            Kind::Symlink => return "120000".to_owned(),
            Kind::Directory => 0o4_0000,
            Kind::Fifo => 0o1_0000,
            Kind::Socket => 0o14_0000,
            Kind::Device => 0o2_0000,
        };
        format!("{:06o}", kind | self.mode)
    }
}

impl Kind {
    /// Returns what people call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Symlink => "symbolic link",
            Kind::Directory => "directory",
            Kind::Fifo => "pipe",
            Kind::Socket => "socket",
            Kind::Device => "device",
        }
    }

    /// Returns whether it can be brought to another place: its content is all there is to it.
    pub(crate) fn is_content(self) -> bool {
        matches!(self, Kind::File | Kind::Symlink | Kind::Directory)
    }
}
