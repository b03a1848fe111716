//! `grep`: lines of files that match a regular expression.

use std::path::Path;

use grep_matcher::LineTerminator;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, SearcherBuilder};
use serde::{Deserialize, Serialize};

use super::find::{Walk, excluded};
use super::{Control, Failure, Form, Line, Output, Part};
use crate::worker::resolve;

/// The longest line that is shown, in characters.
const LONGEST: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grep {
    pattern: String,
    pub(super) path: Option<String>,
    include: Option<String>,
    #[serde(default)]
    case_sensitive: bool,
    #[serde(default)]
    output_mode: Mode,
    max_matches_per_file: Option<usize>,
    max_files: Option<usize>,
    max_total_lines: Option<usize>,
    max_depth: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Content,
    FilesWithMatches,
    Count,
}

impl Grep {
    pub(super) fn checked(self) -> Result<Grep, String> {
        self.matcher()?;
        if let Some(include) = &self.include {
            excluded(std::slice::from_ref(include))?;
        }
        Ok(self)
    }

    fn matcher(&self) -> Result<RegexMatcher, String> {
        let mut builder = RegexMatcherBuilder::new();
        builder.case_insensitive(!self.case_sensitive).line_terminator(Some(b'\n')).size_limit(16 << 20);
        builder.build(&self.pattern).map_err(|error| format!("`{}` does not compile: {error}", self.pattern))
    }

    pub(super) fn perform(self, control: &Control<'_>) -> Result<Output, Failure> {
        let matcher = self.matcher().map_err(Failure::new)?;
        let include = self.include.as_ref().map(|include| excluded(std::slice::from_ref(include)));
        let include = include.transpose().map_err(Failure::new)?;
        let root = self.path.clone().unwrap_or_default();
        let (per_file, most_files) = (self.max_matches_per_file.unwrap_or(20), self.max_files.unwrap_or(200));
        let mut files = Vec::new();
        if Path::new(&root).is_file() {
            files.push(root.clone());
        } else {
            let walk = Walk { root: root.into(), depth: self.max_depth, ignore: true };
            walk.each(control, &mut |entry| {
                let named = |set: &globset::GlobSet| set.is_match(entry.path()) || set.is_match(entry.file_name());
                if entry.file_type().is_some_and(|kind| kind.is_file()) && include.as_ref().is_none_or(named) {
                    files.push(entry.path().to_string_lossy().into_owned());
                }
            })?;
            files.sort();
        }
        let (mut lines, mut with, mut cut) = (Vec::new(), 0, false);
        for path in files {
            control.check()?;
            let (found, more) = search(&matcher, &path, if self.output_mode == Mode::Count { usize::MAX } else { per_file });
            cut |= more;
            if found.is_empty() {
                continue;
            }
            if with == most_files {
                cut = true;
                break;
            }
            with += 1;
            match self.output_mode {
                Mode::Content => {
                    lines.extend(
                        found.into_iter().map(|(at, text)| Line { text: format!("{path}:{at}:{text}"), path: path.clone() }),
                    );
                }
                Mode::FilesWithMatches => lines.push(Line { text: path.clone(), path }),
                Mode::Count => lines.push(Line { text: format!("{path}:{}", found.len()), path }),
            }
        }
        let form = Form::Matches { most: self.max_total_lines.unwrap_or(1000), cut: cut && self.output_mode == Mode::Content };
        Ok(Output { parts: vec![Part::Found { lines, form }], failed: false })
    }
}

/// Returns the matching lines of a file with their numbers, and whether there are more. A file that cannot be read has none.
fn search(matcher: &RegexMatcher, path: &str, most: usize) -> (Vec<(u64, String)>, bool) {
    let Ok(file) = resolve::open_file(Path::new(path)) else { return (Vec::new(), false) };
    let mut searcher = SearcherBuilder::new()
        .binary_detection(BinaryDetection::quit(0))
        .line_terminator(LineTerminator::byte(b'\n'))
        .line_number(true)
        .build();
    let (mut found, mut more) = (Vec::new(), false);
    let sink = Lossy(|at, line: &str| {
        more = found.len() == most;
        if !more {
            found.push((at, line.trim_end_matches(['\n', '\r']).chars().take(LONGEST).collect()));
        }
        Ok(!more)
    });
    // What was found before an error counts.
    let _ = searcher.search_file(matcher, &file, sink);
    (found, more)
}
