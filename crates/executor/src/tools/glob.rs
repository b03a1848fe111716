//! `glob`: the files whose paths match a pattern.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::find::{Walk, pattern};
use super::{Control, Failure, Form, Line, Output, Part};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Glob {
    pattern: String,
    pub(super) path: Option<String>,
    limit: Option<usize>,
    max_depth: Option<usize>,
}

impl Glob {
    pub(super) fn checked(self) -> Result<Glob, String> {
        if self.pattern.is_empty() {
            return Err("`pattern` is empty".to_owned());
        }
        pattern(&self.pattern)?;
        Ok(self)
    }

    pub(super) fn perform(self, control: &Control<'_>) -> Result<Output, Failure> {
        let root = self.path.unwrap_or_default();
        let matcher = pattern(&self.pattern).map_err(Failure::new)?;
        let walk = Walk { root: root.clone().into(), depth: self.max_depth, ignore: true };
        let mut lines = Vec::new();
        walk.each(control, &mut |entry| {
            let path = entry.path();
            let relative = path.strip_prefix(&root).unwrap_or(path);
            if matcher.is_match(relative) || (self.pattern.starts_with('/') && matcher.is_match(path)) {
                let path = path.to_string_lossy().into_owned();
                lines.push(Line { text: path.clone(), path });
            }
        })?;
        lines.sort_by(|one, other| Path::new(&one.path).cmp(Path::new(&other.path)));
        Ok(Output { parts: vec![Part::Found { lines, form: Form::Paths { most: self.limit.unwrap_or(1000) } }], failed: false })
    }
}
