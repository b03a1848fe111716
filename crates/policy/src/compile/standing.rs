//! What is granted of the files whatever the agent says: by the profile, and by name only.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Workspace, protected};
use crate::profile::ProfileFiles;
use crate::{Origin, PathPattern, PathPatternError, PathRule, Profile};

/// The rules over files that a profile has in a workspace.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) read: Vec<PathRule>,
    pub(super) write: Vec<PathRule>,
    pub(super) execute: Vec<PathRule>,
    pub(super) hidden: Vec<PathRule>,
    pub(super) caches: Vec<PathRule>,
    /// Sorted by path.
    pub(super) protected: Vec<PathRule>,
    pub(super) protected_read: Vec<PathRule>,
    /// What means nothing, and why; then there is no policy.
    pub(super) refused: Vec<(String, PathPatternError)>,
}

/// All that the rules are made from.
#[derive(PartialEq)]
struct From {
    profile: String,
    files: ProfileFiles,
    workspace: Workspace,
}

thread_local! {
    /// The last that were made: whoever compiles many agents does so under one profile in one workspace, and these rules
    /// are more than an agent has of its own.
    static LAST: RefCell<Option<(From, Rc<Standing>)>> = const { RefCell::new(None) };
}

impl Standing {
    pub(super) fn of(profile: &Profile, workspace: &Workspace) -> Rc<Standing> {
        let is_last = |from: &From| from.profile == profile.name && from.files == profile.files && from.workspace == *workspace;
        let last = LAST.with_borrow(|last| last.as_ref().filter(|(from, _)| is_last(from)).map(|(_, made)| Rc::clone(made)));
        last.unwrap_or_else(|| {
            let made = Rc::new(Standing::make(profile, workspace));
            let from = From { profile: profile.name.clone(), files: profile.files.clone(), workspace: workspace.clone() };
            LAST.set(Some((from, Rc::clone(&made))));
            made
        })
    }

    fn make(profile: &Profile, workspace: &Workspace) -> Standing {
        let (protected, protected_read) = protected::compile(workspace);
        let mut refused = Vec::new();
        let origin = Origin::Profile(profile.name.as_str().into());
        let mut rules = |texts: &[String]| -> Vec<PathRule> {
            let mut rules = Vec::new();
            for text in texts {
                match PathPattern::compile(text, &workspace.root, &workspace.home) {
                    Ok(pattern) => rules.push(PathRule { pattern, if_present: true, origin: origin.clone() }),
                    Err(failure) => refused.push((text.clone(), failure)),
                }
            }
            rules
        };
        let files = &profile.files;
        Standing {
            read: rules(&files.read),
            write: rules(&files.write),
            execute: rules(&files.execute),
            hidden: rules(&files.hide),
            caches: rules(&files.cache),
            protected,
            protected_read,
            refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::path;

    #[test]
    fn each_workspace_and_profile_has_its_own() {
        let workspace = |root: &str| Workspace {
            root: path(root),
            home: path("/home/u"),
            state: path("/home/u/.state"),
            config: path("/home/u/.config/remit"),
        };
        let profile = |write: &str| {
            let text = r#"{"name": "p", "description": "d"}"#.to_owned();
            let mut profile = Profile::load("p", &[("p".to_owned(), text)].into()).unwrap();
            profile.files.write.push(write.to_owned());
            profile
        };
        let check = |write: &str, root: &str, expected: &str| {
            let made = Standing::of(&profile(write), &workspace(root));
            let bases: Vec<&str> = made.write.iter().map(|rule| rule.pattern.base.as_str()).collect();
            assert_eq!(bases.join(" "), expected, "{write} in {root}");
            assert!(made.protected.iter().any(|rule| rule.pattern.base == path(root).join(".git/hooks")), "{root}");
            assert_eq!(made.refused.len(), usize::from(expected.is_empty()), "{write}");
        };
        check("a", "/w", "/w/a");
        check("a", "/x", "/x/a");
        check("b", "/x", "/x/b");
        check("a", "/w", "/w/a");
        check("!a", "/w", "");
    }
}
