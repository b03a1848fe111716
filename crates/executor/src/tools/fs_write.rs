//! `fs_write`: create a file, replace what occurs exactly once, insert after a line, append.
//!
//! The new text goes into a new file beside the old one, which then takes its name: nobody ever sees half of it. Owner, mode
//! and line ends stay as they were. A hard link to the file elsewhere keeps the old text.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use remit_agent::AbsPath;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, fchown, fstat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::{Failure, Output, cut_middle};
use crate::worker::resolve::{self, refused};

const LARGEST: u64 = 64 << 20;
/// How much of a difference is shown.
const MOST: usize = 30_000;
/// The number of the next new file: one that this process has not used. Where another process has, the name is taken.
static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Write {
    pub(super) path: String,
    edit: Edit,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Edit {
    Create { text: String },
    Replace { old: String, new: String },
    Insert { after: usize, text: String },
    Append { text: String },
}

/// The arguments, under the names of both generations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    command: Command,
    path: String,
    #[serde(alias = "fileText", alias = "content")]
    file_text: Option<String>,
    #[serde(alias = "oldStr")]
    old_str: Option<String>,
    #[serde(alias = "newStr")]
    new_str: Option<String>,
    #[serde(alias = "insertLine")]
    insert_line: Option<usize>,
    #[expect(dead_code, reason = "it is accepted, and has no effect")]
    summary: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    Create,
    #[serde(alias = "strReplace")]
    StrReplace,
    Insert,
    Append,
}

impl Arguments {
    pub(super) fn checked(self) -> Result<Write, String> {
        let need = |value: Option<String>, name: &str, command: &str| value.ok_or_else(|| format!("`{command}` needs `{name}`"));
        let edit = match self.command {
            Command::Create => Edit::Create { text: need(self.file_text.or(self.new_str), "file_text", "create")? },
            Command::StrReplace => {
                let old = need(self.old_str, "old_str", "str_replace")?;
                if old.is_empty() {
                    return Err("`old_str` is empty".to_owned());
                }
                Edit::Replace { old, new: need(self.new_str, "new_str", "str_replace")? }
            }
            Command::Insert => {
                let after = self.insert_line.ok_or("`insert` needs `insert_line`")?;
                Edit::Insert { after, text: need(self.new_str.or(self.file_text), "new_str", "insert")? }
            }
            Command::Append => Edit::Append { text: need(self.new_str.or(self.file_text), "new_str", "append")? },
        };
        Ok(Write { path: self.path, edit })
    }
}

impl Write {
    pub(super) fn perform(self) -> Result<Output, Failure> {
        let path = AbsPath::new(Path::new(&self.path)).map_err(|error| Failure::new(error.to_string()))?;
        let parent = path.parent().ok_or_else(|| Failure::new("`/` is a directory"))?;
        let create = matches!(self.edit, Edit::Create { .. });
        let directory = directory(&parent, create)?;
        let old = Old::read(&directory, &path)?;
        let before = match (&old, create) {
            (Some(old), _) => old.text.as_str(),
            (None, true) => "",
            (None, false) => return Err(Failure::new(format!("there is no `{path}`: `create` makes one"))),
        };
        let after = self.edit.apply(before).map_err(|why| Failure::new(format!("`{path}`: {why}")))?;
        put(&directory, &path, old.as_ref(), after.as_bytes())?;
        let head = match &old {
            None => format!("Created {path}."),
            Some(_) if before == after => format!("{path} has that text already."),
            Some(_) => format!("Changed {path}."),
        };
        let diff = TextDiff::from_lines(before, after.as_str());
        let diff = diff.unified_diff().context_radius(3).header(&format!("a{path}"), &format!("b{path}")).to_string();
        Ok(Output::text(format!("{head}\n{}", cut_middle(&diff, MOST)).trim_end().to_owned()))
    }
}

impl Edit {
    /// Returns the new text. Where every line of the old one ends in CRLF, so do those of the new one.
    fn apply(&self, before: &str) -> Result<String, String> {
        let crlf = before.contains("\r\n") && before.matches('\n').count() == before.matches("\r\n").count();
        let (before, plain) = if crlf { (before.replace("\r\n", "\n"), true) } else { (before.to_owned(), false) };
        let inner = |text: &str| if plain { text.replace("\r\n", "\n") } else { text.to_owned() };
        let after = match self {
            Edit::Create { text } => inner(text),
            Edit::Replace { old, new } => {
                let old = inner(old);
                // Occurrences that overlap are occurrences.
                let count =
                    before.char_indices().filter(|(at, _)| before.get(*at..).is_some_and(|rest| rest.starts_with(&old))).count();
                match count {
                    0 => return Err("`old_str` does not occur in it".to_owned()),
                    1 => before.replacen(&old, &inner(new), 1),
                    more => return Err(format!("`old_str` occurs {more} times in it: add lines around it until it occurs once")),
                }
            }
            Edit::Insert { after, text } => insert(&before, *after, &inner(text))?,
            Edit::Append { text } => {
                let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
                format!("{before}{gap}{}", inner(text))
            }
        };
        Ok(if plain { after.replace('\n', "\r\n") } else { after })
    }
}

fn insert(before: &str, after: usize, text: &str) -> Result<String, String> {
    let lines = before.lines().count();
    if after > lines {
        return Err(format!("`insert_line` is {after}, and it has {lines} lines"));
    }
    let at = if after == 0 { Some(0) } else { before.match_indices('\n').nth(after - 1).map(|(at, _)| at + 1) };
    let (head, tail) = before.split_at(at.unwrap_or(before.len()));
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    let end = if text.ends_with('\n') || text.is_empty() || tail.is_empty() && !before.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{head}{gap}{text}{end}{tail}"))
}

/// The file as it was.
struct Old {
    text: String,
    mode: Mode,
    owner: (u32, u32),
}

impl Old {
    fn read(directory: &File, path: &AbsPath) -> Result<Option<Old>, Failure> {
        let at = |errno| refused(path.as_path(), errno);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(directory, path.file_name(), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(at(errno)),
        };
        let stat = fstat(&file).map_err(at)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Failure::new(format!("`{path}` is not a file")));
        }
        let mut bytes = Vec::new();
        let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::new(format!("`{path}`: {}", error.to_string().to_lowercase())))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
            return Err(Failure::new(format!("`{path}` is longer than {} MiB", LARGEST >> 20)));
        }
        let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("`{path}` is not text in UTF-8")))?;
        Ok(Some(Old { text, mode: Mode::from_raw_mode(stat.st_mode & 0o7777), owner: (stat.st_uid, stat.st_gid) }))
    }
}

/// Opens a directory by its resolved path, and makes what is missing of it when it may.
fn directory(path: &AbsPath, make: bool) -> Result<File, Failure> {
    match resolve::open(path.as_path(), OFlags::RDONLY | OFlags::DIRECTORY) {
        Err(failure) if make && failure.errno == Some(Errno::NOENT.raw_os_error()) => {
            let parent = path.parent().ok_or(failure)?;
            let above = directory(&parent, true)?;
            match mkdirat(&above, path.file_name(), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(refused(path.as_path(), errno)),
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(&above, path.file_name(), flags, Mode::empty()).map(File::from).map_err(|errno| refused(path.as_path(), errno))
        }
        other => other,
    }
}

/// Puts the bytes under the name, all at once.
fn put(directory: &File, path: &AbsPath, old: Option<&Old>, bytes: &[u8]) -> Result<(), Failure> {
    let at = |errno| refused(path.as_path(), errno);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!(".remit-{}-{number}.new", std::process::id());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = old.map_or(Mode::from_raw_mode(0o666), |_| Mode::from_raw_mode(0o600));
    let file = match openat(directory, name.as_str(), flags, mode) {
        Ok(file) => File::from(file),
        // Where only the file itself is granted there is no room for another beside it.
        Err(errno @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) if old.is_some() => return over(directory, path, bytes, errno),
        Err(errno) => return Err(at(errno)),
    };
    if let Some(old) = old
        && let Err(errno) = hand_over(&file, old.owner)
    {
        let _ = unlinkat(directory, name.as_str(), AtFlags::empty());
        let taken = format!("`{path}` belongs to another user or group, and cannot be changed without taking it from them");
        return over(directory, path, bytes, errno).map_err(|failure| match failure.errno {
            Some(other) if other == errno.raw_os_error() => Failure { why: taken, ..failure },
            _ => failure,
        });
    }
    let written = write(&file, bytes).and_then(|()| match old {
        Some(old) => fchmod(&file, old.mode),
        None => Ok(()),
    });
    match written.and_then(|()| renameat(directory, name.as_str(), directory, path.file_name())) {
        Ok(()) => Ok(()),
        Err(errno) => {
            let _ = unlinkat(directory, name.as_str(), AtFlags::empty());
            // The file is a mount of its own.
            if errno == Errno::BUSY && old.is_some() { over(directory, path, bytes, errno) } else { Err(at(errno)) }
        }
    }
}

/// Gives the new file to whom the old one belongs.
fn hand_over(file: &File, owner: (u32, u32)) -> Result<(), Errno> {
    let stat = fstat(file)?;
    if (stat.st_uid, stat.st_gid) == owner {
        return Ok(());
    }
    fchown(file, Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)))
}

/// Writes over the file itself, which others may see half written.
fn over(directory: &File, path: &AbsPath, bytes: &[u8], first: Errno) -> Result<(), Failure> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    // What did not work first is what has to be told.
    let file = openat(directory, path.file_name(), flags, Mode::empty()).map_err(|_| refused(path.as_path(), first))?;
    let file = File::from(file);
    let at = |errno| refused(path.as_path(), errno);
    if FileType::from_raw_mode(fstat(&file).map_err(at)?.st_mode) != FileType::RegularFile {
        return Err(Failure::new(format!("`{path}` is not a file")));
    }
    write(&file, bytes).and_then(|()| rustix::fs::ftruncate(&file, u64::try_from(bytes.len()).unwrap_or(0))).map_err(at)
}

fn write(mut file: &File, bytes: &[u8]) -> Result<(), Errno> {
    file.write_all(bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, edit: &Edit, expected: Result<&str, &str>) {
        assert_eq!(edit.apply(before), expected.map(str::to_owned).map_err(str::to_owned), "{before:?} {edit:?}");
    }

    #[test]
    fn what_occurs_once_is_replaced() {
        let replace = |old: &str, new: &str| Edit::Replace { old: old.to_owned(), new: new.to_owned() };
        check("a b c", &replace("b", "x"), Ok("a x c"));
        check("a b", &replace("z", "x"), Err("`old_str` does not occur in it"));
        check("aaa", &replace("aa", "x"), Err("`old_str` occurs 2 times in it: add lines around it until it occurs once"));
        check("a\r\nb\r\n", &replace("a\nb", "c\nd\ne"), Ok("c\r\nd\r\ne\r\n"));
        check("a\r\nb\n", &replace("b", "c\nd"), Ok("a\r\nc\nd\n"));
        check("äöü", &replace("ö", ""), Ok("äü"));
    }

    #[test]
    fn lines_are_inserted_and_appended() {
        let insert = |after: usize, text: &str| Edit::Insert { after, text: text.to_owned() };
        check("a\nb\n", &insert(0, "x"), Ok("x\na\nb\n"));
        check("a\nb\n", &insert(1, "x\n"), Ok("a\nx\nb\n"));
        check("a\nb\n", &insert(2, "x"), Ok("a\nb\nx\n"));
        check("a\nb", &insert(2, "x"), Ok("a\nb\nx"));
        check("", &insert(0, "x"), Ok("x"));
        check("a\n", &insert(2, "x"), Err("`insert_line` is 2, and it has 1 lines"));
        let append = |text: &str| Edit::Append { text: text.to_owned() };
        check("a", &append("b"), Ok("a\nb"));
        check("a\r\n", &append("b\n"), Ok("a\r\nb\r\n"));
        check("", &append("b"), Ok("b"));
    }

    #[test]
    fn a_command_needs_its_own_arguments() {
        let check = |input: serde_json::Value, expected: &str| {
            let said = serde_json::from_value::<Arguments>(input).map_err(|error| error.to_string()).and_then(Arguments::checked);
            assert_eq!(said.unwrap_err(), expected);
        };
        check(serde_json::json!({ "command": "create", "path": "a" }), "`create` needs `file_text`");
        check(serde_json::json!({ "command": "str_replace", "path": "a", "new_str": "" }), "`str_replace` needs `old_str`");
        check(serde_json::json!({ "command": "insert", "path": "a", "new_str": "" }), "`insert` needs `insert_line`");
        check(serde_json::json!({ "command": "strReplace", "path": "a", "oldStr": "", "newStr": "" }), "`old_str` is empty");
    }
}
