//! Where things are: the workspace, the home, the directories of state and configuration. Looked up once, here.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use remit_agent::{AbsPath, AgentDirs};
use remit_policy::Workspace;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::failure::Failure;

/// Returns the workspace: `cwd`, or the current directory.
///
/// Every path is canonical, as far as it exists: a policy is about places, however they were reached.
pub(crate) fn workspace(cwd: Option<&Path>) -> Result<Workspace, Failure> {
    let root = root(cwd)?;
    let home = home()?;
    let state = xdg("XDG_STATE_HOME", &home, ".local/state")?;
    let config = xdg("XDG_CONFIG_HOME", &home, ".config")?;
    Ok(Workspace { root, home, state: state.join("remit"), config: config.join("remit") })
}

/// Returns the directory of Remit's state.
pub(crate) fn state() -> Result<AbsPath, Failure> {
    Ok(xdg("XDG_STATE_HOME", &home()?, ".local/state")?.join("remit"))
}

/// Returns where agents are looked for by name.
pub(crate) fn agent_dirs(workspace: &Workspace) -> AgentDirs {
    AgentDirs { workspace: workspace.root.clone(), home: Some(workspace.home.clone()), config: workspace.config.parent() }
}

/// Returns a path that was typed as an absolute one, its directory canonical. The file itself may be a symbolic link,
/// and need not exist.
pub(crate) fn typed(path: &str) -> Result<AbsPath, Failure> {
    let path = Path::new(path);
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Failure::new(format!("`{}` is not a file", path.display())));
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let directory = match known(directory) {
        Some(known) => known.as_path().to_owned(),
        None => fs::canonicalize(directory)
            .map_err(|error| Failure::io(format!("cannot find directory `{}`", directory.display()), &error))?,
    };
    AbsPath::new(&directory.join(name)).map_err(|error| Failure::of(&error))
}

fn root(cwd: Option<&Path>) -> Result<AbsPath, Failure> {
    let shown = cwd.unwrap_or(Path::new("."));
    let failed = |error: &io::Error| {
        Failure::io(format!("cannot use `{}` as the workspace", shown.display()), error)
            .help("give a directory that exists with `--cwd`")
    };
    if let Some(known) = known(shown) {
        return Ok(known);
    }
    let root = fs::canonicalize(shown).map_err(|error| failed(&error))?;
    if !fs::metadata(&root).map_err(|error| failed(&error))?.is_dir() {
        return Err(failed(&io::ErrorKind::NotADirectory.into()));
    }
    AbsPath::new(&root).map_err(|error| Failure::of(&error).help("rename the directory, or give another with `--cwd`"))
}

fn home() -> Result<AbsPath, Failure> {
    let home = match env::var_os("HOME").filter(|home| !home.is_empty()) {
        Some(home) => home,
        None => home_of_user()?,
    };
    absolute("HOME", home)
}

/// Returns the home that the system's list of users has for this user.
fn home_of_user() -> Result<OsString, Failure> {
    let user = rustix::process::geteuid().as_raw();
    let failure = || Failure::new("there is no home directory").help("set `HOME` to an absolute path");
    let users = fs::read_to_string("/etc/passwd").map_err(|_| failure())?;
    home_in(&users, user).map(OsString::from).ok_or_else(failure)
}

/// Finds a user's home in the text of passwd(5).
fn home_in(users: &str, user: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let id = fields.next()?.parse::<u32>().ok()?;
        let home = fields.nth(2).filter(|home| !home.is_empty())?;
        (id == user).then_some(home)
    })
}

fn xdg(variable: &str, home: &AbsPath, default: &str) -> Result<AbsPath, Failure> {
    match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(value) => absolute(variable, value),
        None => Ok(canonical(&home.join(default))),
    }
}

fn absolute(variable: &str, value: OsString) -> Result<AbsPath, Failure> {
    // The XDG specification says to ignore a relative path. Then the state would be somewhere else than was asked for.
    AbsPath::new(&PathBuf::from(value))
        .map(|path| canonical(&path))
        .map_err(|error| Failure::of(&error).help(format!("`{variable}` is set to it; set it to an absolute path, or unset it")))
}

/// Returns a directory that is called by its canonical name; `None` for every other one.
fn known(directory: &Path) -> Option<AbsPath> {
    let path = AbsPath::new(directory).ok().filter(|path| path.as_path() == directory)?;
    opens_without_links(&path, OFlags::DIRECTORY).then_some(path)
}

/// Returns whether something is there and no symbolic link is in its path, asked in one call where `canonicalize` asks for each
/// component.
pub(crate) fn has_no_link(path: &AbsPath) -> bool {
    opens_without_links(path, OFlags::empty())
}

fn opens_without_links(path: &AbsPath, more: OFlags) -> bool {
    let flags = OFlags::PATH | OFlags::CLOEXEC | more;
    openat2(CWD, path.as_path(), flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS).is_ok()
}

/// Returns the path with every symbolic link followed, as far as it exists: a directory that is yet to be made has the
/// same name before and after.
fn canonical(path: &AbsPath) -> AbsPath {
    let mut existing = path.clone();
    loop {
        if has_no_link(&existing) {
            return path.clone();
        }
        if let Ok(found) = fs::canonicalize(existing.as_path())
            && let Ok(found) = AbsPath::new(&found)
        {
            return found.join(path.relative_to(&existing).unwrap_or(""));
        }
        match existing.parent() {
            Some(parent) => existing = parent,
            None => return path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_user() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nme:x:1000:1000:,,,:/home/me:/bin/bash\nnone:x:7:7:::/bin/sh\n";
        assert_eq!(home_in(users, 0), Some("/root"));
        assert_eq!(home_in(users, 1000), Some("/home/me"));
        assert_eq!(home_in(users, 7), None);
        assert_eq!(home_in(users, 8), None);
    }

    #[test]
    fn only_a_canonical_name_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir(real.join("a")).unwrap();
        fs::write(real.join("file"), "").unwrap();
        std::os::unix::fs::symlink("a", real.join("link")).unwrap();
        let check = |path: PathBuf, expected: bool| assert_eq!(known(&path).is_some(), expected, "{}", path.display());
        check(real.join("a"), true);
        check(real.join("link"), false);
        check(real.join("link/."), false);
        check(real.join("file"), false);
        check(real.join("missing"), false);
        check(real.join("a/../a"), false);
        check(PathBuf::from("."), false);
    }

    #[test]
    fn what_does_not_exist_yet_is_canonical_as_far_as_it_does() {
        let directory = tempfile::tempdir().unwrap();
        let real = AbsPath::new(&fs::canonicalize(directory.path()).unwrap()).unwrap().join("real");
        fs::create_dir(real.as_path()).unwrap();
        let link = real.parent().unwrap().join("link");
        std::os::unix::fs::symlink("real", link.as_path()).unwrap();
        assert_eq!(canonical(&link.join("a/b")), real.join("a/b"));
        assert_eq!(canonical(&link), real);
    }
}
