//! Which files are to be linted: those that were typed, those below directories, those that a glob matches.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::failure::Failure;

pub(super) const STDIN: &str = "-";

/// Finds the files to lint, in the order that was typed, those of a directory or a glob sorted.
pub(super) fn find(typed: &[String]) -> (Vec<String>, Vec<Failure>) {
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for path in typed {
        let found = if path == STDIN || Path::new(path).is_file() {
            Ok(vec![path.clone()])
        } else if Path::new(path).is_dir() {
            below(path)
        } else if path.contains(['*', '?', '[', '{']) {
            matching(path)
        } else {
            // What is not there is told when it is read.
            Ok(vec![path.clone()])
        };
        match found {
            Ok(found) => files.extend(found),
            Err(failure) => failures.push(failure),
        }
    }
    (files, failures)
}

fn below(directory: &str) -> Result<Vec<String>, Failure> {
    let files = walk(Path::new(directory), &is_agent)?;
    if files.is_empty() {
        return Err(Failure::new(format!("directory `{directory}` has no `*.json`")).help("give the path of a file"));
    }
    Ok(files)
}

fn matching(pattern: &str) -> Result<Vec<String>, Failure> {
    let glob: GlobMatcher = GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| Failure::new(format!("`{pattern}` is no glob: {}", error.kind())))?
        .compile_matcher();
    let files = walk(&start(pattern), &|path| glob.is_match(path))?;
    if files.is_empty() {
        return Err(Failure::new(format!("no file matches `{pattern}`")).help("check the path; nothing is taken instead"));
    }
    Ok(files)
}

/// Returns the directory above the first wildcard.
fn start(pattern: &str) -> PathBuf {
    let literal: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    if literal.as_os_str().is_empty() { PathBuf::from(".") } else { literal }
}

/// Returns whether a file below a directory is an agent: any `*.json`, and `*.md` where Kiro CLI looks for agents.
fn is_agent(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => true,
        Some("md") => path.parent().is_some_and(|directory| directory.ends_with(".kiro/agents")),
        _ => false,
    }
}

/// Finds every file below a directory; no symbolic link to a directory is followed, for it may lead back.
fn walk(top: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    let mut directories = vec![top.to_owned()];
    while let Some(directory) = directories.pop() {
        let failed = |error: &io::Error| Failure::io(format!("cannot read directory `{}`", directory.display()), error);
        for entry in fs::read_dir(&directory).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            // `./x` is called `x`, as it was typed.
            let path = entry.path().strip_prefix("./").map_or_else(|_| entry.path(), Path::to_owned);
            if entry.file_type().map_err(|error| failed(&error))?.is_dir() {
                directories.push(path);
            } else if is_wanted(&path) {
                let path = path.into_os_string().into_string();
                files.push(path.map_err(|path| Failure::new(format!("path `{}` is not UTF-8", path.display())))?);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_is_walked_from_its_first_wildcard() {
        let check = |pattern: &str, expected: &str| assert_eq!(start(pattern), PathBuf::from(expected), "{pattern}");
        check("agents/*.json", "agents");
        check("**/*.json", ".");
        check("/a/b*/c", "/a");
        check("a/b/c.json", "a/b/c.json");
    }

    #[test]
    fn directories_have_agents_of_either_kind() {
        let check = |path: &str, expected: bool| assert_eq!(is_agent(Path::new(path)), expected, "{path}");
        check("a.json", true);
        check(".kiro/agents/a.md", true);
        check("docs/a.md", false);
        check("a", false);
    }
}
