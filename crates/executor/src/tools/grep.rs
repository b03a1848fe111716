//! `grep`: lines of files that match a regular expression.
//!
//! A search has two steps, between which its files are judged: what may not be seen is not opened either. Otherwise a limit
//! that it meets, or a count, would tell what stands in it.

use std::io;
use std::path::Path;

use grep_matcher::LineTerminator;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};
use serde::{Deserialize, Serialize};

use super::find::{Walk, excluded};
use super::{Control, Failure, Form, Line, Output, Part};
use crate::worker::resolve;

/// How many bytes the names of the files of a search have at most: they go to the session and back in one message each.
const NAMES: usize = 20 << 20;
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

    /// Returns the files that it would read, in order. None of them is opened.
    pub(crate) fn files(self, control: &Control<'_>) -> Result<Vec<String>, Failure> {
        let include = self.include.as_ref().map(|include| excluded(std::slice::from_ref(include)));
        let include = include.transpose().map_err(Failure::new)?;
        let root = self.path.unwrap_or_default();
        if Path::new(&root).is_file() {
            return Ok(vec![root]);
        }
        let mut files = Vec::new();
        let walk = Walk { root: root.into(), depth: self.max_depth, ignore: true };
        walk.each(control, &mut |entry| {
            let named = |set: &globset::GlobSet| set.is_match(entry.path()) || set.is_match(entry.file_name());
            if entry.file_type().is_some_and(|kind| kind.is_file()) && include.as_ref().is_none_or(named) {
                files.push(entry.path().to_string_lossy().into_owned());
            }
        })?;
        if files.iter().map(String::len).sum::<usize>() > NAMES {
            return Err(Failure::new("there are too many files: name a directory further down, or fewer files by `include`"));
        }
        files.sort();
        Ok(files)
    }

    /// Searches the files.
    pub(crate) fn search(self, files: Vec<String>, control: &Control<'_>) -> Result<Output, Failure> {
        let matcher = self.matcher().map_err(Failure::new)?;
        let (per_file, most_files) = (self.max_matches_per_file.unwrap_or(20), self.max_files.unwrap_or(200));
        let (mut lines, mut binary, mut with, mut cut) = (Vec::new(), Vec::new(), 0, false);
        for path in files {
            control.check()?;
            let found = Found::of(&matcher, &path, self.output_mode, per_file);
            if found.binary {
                binary.push(path.clone());
            }
            cut |= found.more;
            if found.count == 0 {
                continue;
            }
            if with == most_files {
                cut = true;
                break;
            }
            with += 1;
            match self.output_mode {
                Mode::Content => {
                    let numbered = |(at, text)| Line { text: format!("{path}:{at}:{text}"), path: path.clone() };
                    lines.extend(found.lines.into_iter().map(numbered));
                }
                Mode::FilesWithMatches => lines.push(Line { text: path.clone(), path }),
                Mode::Count => lines.push(Line { text: format!("{path}:{}", found.count), path }),
            }
        }
        let form = Form::Matches { most: self.max_total_lines.unwrap_or(1000), cut, binary };
        Ok(Output { parts: vec![Part::Found { lines, form }], failed: false })
    }
}

/// What a search found in a file.
struct Found {
    mode: Mode,
    most: usize,
    /// With their numbers; only where they are shown.
    lines: Vec<(u64, String)>,
    count: usize,
    /// There are more that would have been shown.
    more: bool,
    /// There is a NUL in it, where the search of it ended.
    binary: bool,
}

impl Found {
    /// Searches a file. One that cannot be read has nothing.
    fn of(matcher: &RegexMatcher, path: &str, mode: Mode, most: usize) -> Found {
        let mut found = Found { mode, most, lines: Vec::new(), count: 0, more: false, binary: false };
        let Ok(file) = resolve::open_file(Path::new(path)) else { return found };
        let mut searcher = SearcherBuilder::new()
            .binary_detection(BinaryDetection::quit(0))
            .line_terminator(LineTerminator::byte(b'\n'))
            .line_number(true)
            .build();
        // What was found before an error counts.
        let _ = searcher.search_file(matcher, &file, &mut found);
        found
    }
}

impl Sink for &mut Found {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, line: &SinkMatch<'_>) -> Result<bool, io::Error> {
        if self.mode == Mode::Content {
            self.more = self.count == self.most;
            if self.more {
                return Ok(false);
            }
            let text = String::from_utf8_lossy(line.bytes());
            let text = text.trim_end_matches(['\n', '\r']).chars().take(LONGEST).collect();
            self.lines.push((line.line_number().unwrap_or_default(), text));
        }
        self.count += 1;
        Ok(self.mode != Mode::FilesWithMatches)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> Result<bool, io::Error> {
        self.binary = true;
        Ok(false)
    }
}
