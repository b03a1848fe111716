//! Finding the program, as the task's own `PATH` has it.

use remit_agent::AbsPath;
use remit_sandbox::Plan;
use rustix::fs::{Access, access};
use thiserror::Error;

/// The program is nowhere where the task could find it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("command `{name}` is not found")]
pub struct NotFound {
    pub name: String,
    pub help: String,
}

/// Finds a program: by its path when the name has a slash, otherwise on the task's `PATH` and nowhere else.
///
/// `elsewhere` are the directories of the caller's own `PATH`, to tell a program that is not there from one that the
/// policy does not let the task execute.
pub fn find(name: &str, plan: &Plan, directory: &AbsPath, elsewhere: &[AbsPath]) -> Result<AbsPath, NotFound> {
    let missing = |help: String| NotFound { name: name.to_owned(), help };
    if name.is_empty() {
        return Err(missing("give the name of a program".to_owned()));
    }
    if name.contains('/') {
        // Not made normal beyond `.` and `..`: the kernel follows links, and judges what it finds.
        let path = directory.join(name);
        return if path.as_path().exists() { Ok(path) } else { Err(missing(format!("there is no file `{path}`"))) };
    }
    let in_directory = |directories: &[AbsPath]| directories.iter().map(|directory| directory.join(name)).find(is_program);
    if let Some(found) = in_directory(&plan.search_path) {
        return Ok(found);
    }
    Err(missing(match in_directory(elsewhere) {
        Some(found) => {
            format!("`{found}` lies where the policy does not let the task execute: grant it in `sandbox.files.execute`")
        }
        None => "check the name; `remit preview` shows where programs may be executed".to_owned(),
    }))
}

fn is_program(path: &AbsPath) -> bool {
    path.as_path().is_file() && access(path.as_path(), Access::EXEC_OK).is_ok()
}
