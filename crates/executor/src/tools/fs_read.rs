//! `fs_read`: lines of a file, a directory, a search in a file, images. Several at once.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::find::{Walk, excluded};
use super::{Control, Failure, Form, Line, Output, Part, cut_middle, images};
use crate::worker::protocol::arguments;
use crate::worker::resolve;

/// What is read of a file at most; a longer one is refused, because nobody can look at it.
const LARGEST: u64 = 64 << 20;
const LARGEST_IMAGE: u64 = 10 << 20;
/// How much text a call returns at most.
const MOST: usize = 400_000;
const EXCLUDED: [&str; 7] = ["node_modules", ".git", "dist", "build", "out", ".cache", "target"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read {
    operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", deny_unknown_fields)]
enum Operation {
    Line {
        path: String,
        #[serde(default = "first")]
        start_line: i64,
        #[serde(default = "last")]
        end_line: i64,
    },
    Directory {
        path: String,
        #[serde(default)]
        depth: usize,
        exclude_patterns: Option<Vec<String>>,
        #[serde(default = "many")]
        max_entries: usize,
        #[serde(default)]
        offset: usize,
    },
    Search {
        path: String,
        pattern: String,
        #[serde(default = "two")]
        context_lines: usize,
    },
    Image {
        image_paths: Vec<String>,
    },
}

const AN_OPERATION: &str = r#"an operation is an object with a `mode`, such as {"mode":"Line","path":"a.txt"}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    operations: Vec<Value>,
    /// What the model says about the call. It grants nothing.
    #[serde(default)]
    #[expect(dead_code, reason = "it is accepted, and has no effect")]
    summary: Option<String>,
}

impl Read {
    pub(crate) fn new(input: Value) -> Result<Read, String> {
        // An older form of the products' has one operation, without the list.
        let input = if input.get("mode").is_some() { json!({ "operations": [input] }) } else { input };
        let Arguments { operations, summary: _ } = arguments(&input)?;
        if operations.is_empty() {
            return Err("`operations` is empty".to_owned());
        }
        let read = |(at, operation): (usize, Value)| {
            let read = if operation.is_object() { arguments::<Operation>(&operation) } else { Err(AN_OPERATION.to_owned()) };
            read.map_err(|why| format!("operation {}: {why}", at + 1))
        };
        let operations = operations.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        for operation in &operations {
            if let Operation::Directory { exclude_patterns: Some(patterns), .. } = operation {
                excluded(patterns)?;
            }
        }
        Ok(Read { operations })
    }

    pub(super) fn paths(&mut self) -> Vec<&mut String> {
        let mut paths = Vec::new();
        for operation in &mut self.operations {
            match operation {
                Operation::Line { path, .. } | Operation::Directory { path, .. } | Operation::Search { path, .. } => {
                    paths.push(path);
                }
                Operation::Image { image_paths } => paths.extend(image_paths),
            }
        }
        paths
    }

    pub(super) fn named(&self) -> Vec<&String> {
        let mut paths = Vec::new();
        for operation in &self.operations {
            match operation {
                Operation::Line { path, .. } | Operation::Directory { path, .. } | Operation::Search { path, .. } => {
                    paths.push(path);
                }
                Operation::Image { image_paths } => paths.extend(image_paths),
            }
        }
        paths
    }

    pub(super) fn perform(self, control: &Control<'_>) -> Result<Output, Failure> {
        let alone = self.operations.len() == 1;
        let mut parts = Vec::new();
        let mut failed = 0;
        let count = self.operations.len();
        for operation in self.operations {
            control.check()?;
            let head = operation.head();
            match operation.perform(control) {
                Ok(found) => {
                    if !alone {
                        parts.push(Part::Text(format!("=== {head} ===")));
                    }
                    parts.extend(found);
                }
                Err(failure) if alone => return Err(failure),
                Err(failure) => {
                    failed += 1;
                    parts.push(Part::Text(format!("=== {head} ===\nerror: {}", failure.why)));
                }
            }
        }
        Ok(Output { parts, failed: failed == count })
    }
}

impl Operation {
    fn head(&self) -> String {
        match self {
            Operation::Line { path, .. } => path.clone(),
            Operation::Directory { path, .. } => format!("{path}/"),
            Operation::Search { path, pattern, .. } => format!("`{pattern}` in {path}"),
            Operation::Image { image_paths } => image_paths.join(", "),
        }
    }

    fn perform(self, control: &Control<'_>) -> Result<Vec<Part>, Failure> {
        match self {
            Operation::Line { path, start_line, end_line } => {
                let text = text_of(Path::new(&path))?;
                Ok(vec![Part::Text(cut_middle(lines(&text, start_line, end_line)?, MOST))])
            }
            Operation::Directory { path, depth, exclude_patterns, max_entries, offset } => {
                let default = || EXCLUDED.map(str::to_owned).to_vec();
                let patterns = exclude_patterns.unwrap_or_else(default);
                let walk = Walk { root: path.into(), depth: Some(depth.saturating_add(1)), ignore: false };
                let (lines, excluded) = entries(&walk, &patterns, control)?;
                Ok(vec![Part::Found { lines, form: Form::Entries { offset, most: max_entries, excluded } }])
            }
            Operation::Search { path, pattern, context_lines } => {
                let text = text_of(Path::new(&path))?;
                Ok(vec![Part::Text(cut_middle(&search(&text, &pattern, context_lines), MOST))])
            }
            Operation::Image { image_paths } => image_paths.iter().map(|path| image(Path::new(path))).collect(),
        }
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = bytes_of(resolve::open_file(path)?, path, LARGEST)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!("`{}` is not text: byte {at} is not UTF-8", path.display()))
    })
}

fn bytes_of(file: File, path: &Path, largest: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = file.take(largest + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(format!("`{}`: {}", path.display(), error.to_string().to_lowercase())))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > largest {
        return Err(Failure::new(format!("`{}` is longer than {} MiB", path.display(), largest >> 20)));
    }
    Ok(bytes)
}

/// Returns the lines from one to another, both included; a negative number counts from the end.
fn lines(text: &str, from: i64, to: i64) -> Result<&str, Failure> {
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).filter(|start| *start < text.len()).collect();
    let count = i64::try_from(starts.len()).unwrap_or(i64::MAX);
    let number = |line: i64| if line < 0 { (count + line + 1).max(1) } else { line.max(1) };
    let (from, to) = (number(from), number(to).min(count));
    if count == 0 {
        return Ok("");
    }
    if from > count {
        return Err(Failure::new(format!("line {from} is beyond the end: the file has {count} lines")));
    }
    if from > to {
        return Err(Failure::new(format!("the first line, {from}, comes after the last, {to}")));
    }
    let start = |line: i64| usize::try_from(line - 1).ok().and_then(|index| starts.get(index)).copied();
    let (start, end) = (start(from).unwrap_or(0), start(to + 1).unwrap_or(text.len()));
    Ok(text.get(start..end).unwrap_or_default())
}

/// Returns the lines with the pattern in them, whatever its case, with numbers and with lines around.
fn search(text: &str, pattern: &str, around: usize) -> String {
    let wanted = pattern.to_lowercase();
    let lines: Vec<&str> = text.lines().collect();
    let hits: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| line.to_lowercase().contains(&wanted)).map(|(at, _)| at).collect();
    if hits.is_empty() {
        return format!("No line has `{pattern}`.");
    }
    let mut shown = Vec::new();
    let mut next = 0;
    for (index, hit) in hits.iter().enumerate() {
        let from = hit.saturating_sub(around).max(next);
        if index > 0 && from > next {
            shown.push("--".to_owned());
        }
        let to = hit.saturating_add(around).min(lines.len().saturating_sub(1));
        for (at, line) in lines.iter().enumerate().take(to + 1).skip(from) {
            let mark = if hits.binary_search(&at).is_ok() { ':' } else { '-' };
            shown.push(format!("{}{mark} {line}", at + 1));
        }
        next = to + 1;
    }
    let count = if hits.len() == 1 { "1 line".to_owned() } else { format!("{} lines", hits.len()) };
    format!("{count} with `{pattern}`:\n{}", shown.join("\n"))
}

/// Returns what stands in a directory, the last changed first, and what a pattern leaves out: of a directory, itself alone.
fn entries(walk: &Walk, exclude: &[String], control: &Control<'_>) -> Result<(Vec<Line>, Vec<String>), Failure> {
    let excluded = excluded(exclude).map_err(Failure::new)?;
    let (mut found, mut left_out): (Vec<_>, Vec<String>) = (Vec::new(), Vec::new());
    walk.each(control, &mut |entry| {
        let relative = entry.path().strip_prefix(&walk.root).unwrap_or(entry.path());
        if excluded.is_match(relative) || relative.components().any(|part| excluded.is_match(part.as_os_str())) {
            // A directory comes before what stands in it.
            if left_out.last().is_none_or(|last| !entry.path().starts_with(last)) {
                left_out.push(entry.path().to_string_lossy().into_owned());
            }
            return;
        }
        let Ok(metadata) = entry.metadata() else { return };
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => 'd',
            kind if kind.is_symlink() => 'l',
            kind if kind.is_file() => '-',
            _ => '?',
        };
        let path = entry.path().to_string_lossy().into_owned();
        let text = format!("{kind} {:>10} {path}", metadata.len());
        found.push((metadata.modified().ok(), Line { path, text }));
    })?;
    found.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.path.cmp(&b.path)));
    Ok((found.into_iter().map(|(_, line)| line).collect(), left_out))
}

fn image(path: &Path) -> Result<Part, Failure> {
    let bytes = bytes_of(resolve::open_file(path)?, path, LARGEST_IMAGE)?;
    match images::mime(&bytes) {
        Some(mime) => Ok(Part::Image { data: BASE64_STANDARD.encode(bytes), mime: mime.to_owned() }),
        None => Err(Failure::new(format!("`{}` is no image: PNG, JPEG, GIF and WebP can be shown", path.display()))),
    }
}

fn first() -> i64 {
    1
}

fn last() -> i64 {
    -1
}

fn two() -> usize {
    2
}

fn many() -> usize {
    1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_either_end() {
        let check = |text: &str, from: i64, to: i64, expected: Result<&str, &str>| {
            assert_eq!(lines(text, from, to).map_err(|failure| failure.why), expected.map_err(str::to_owned), "{from}..{to}");
        };
        let text = "a\nb\nc\n";
        check(text, 1, -1, Ok(text));
        check(text, 2, 2, Ok("b\n"));
        check(text, -1, -1, Ok("c\n"));
        check(text, -9, 1, Ok("a\n"));
        check(text, 0, 99, Ok(text));
        check("a\nb", 2, -1, Ok("b"));
        check("", 1, -1, Ok(""));
        check("\n\n", 2, 2, Ok("\n"));
        check(text, 4, -1, Err("line 4 is beyond the end: the file has 3 lines"));
        check(text, 3, 2, Err("the first line, 3, comes after the last, 2"));
        check(text, i64::MIN, i64::MAX, Ok(text));
    }

    #[test]
    fn a_search_shows_the_lines_around_once() {
        insta::assert_snapshot!(search("a\nb\nHit\nhit\nc\nd\ne\nf\nHIT\n", "hit", 1), @r"
        3 lines with `hit`:
        2- b
        3: Hit
        4: hit
        5- c
        --
        8- f
        9: HIT
        ");
        assert_eq!(search("a\n", "b", 2), "No line has `b`.");
        assert_eq!(search("a", "A", usize::MAX), "1 line with `A`:\n1: a");
    }

    #[test]
    fn arguments_are_read_in_both_forms_and_refused_in_words() {
        let check = |input: Value, expected: Result<usize, &str>| {
            let read = Read::new(input.clone()).map(|read| read.operations.len());
            assert_eq!(read, expected.map_err(str::to_owned), "{input}");
        };
        check(json!({ "operations": [{ "mode": "Line", "path": "a" }, { "mode": "Image", "image_paths": [] }] }), Ok(2));
        check(json!({ "mode": "Line", "path": "a" }), Ok(1));
        check(json!({ "operations": [], "summary": "s" }), Err("`operations` is empty"));
        check(json!({}), Err("missing field `operations`"));
        check(
            json!({ "operations": ["a.txt"] }),
            Err(r#"operation 1: an operation is an object with a `mode`, such as {"mode":"Line","path":"a.txt"}"#),
        );
        check(json!({ "operations": [{ "mode": "Line" }] }), Err("operation 1: missing field `path`"));
        check(
            json!({ "operations": [{ "mode": "Line", "path": "a", "endLine": 2 }] }),
            Err("operation 1: unknown field `endLine`, expected one of `path`, `start_line`, `end_line`"),
        );
    }
}
