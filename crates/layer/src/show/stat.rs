//! Changes at a glance, as `git diff --stat --summary` has them.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Extent, extent};
use crate::beneath::View;
use crate::changes::{Change, ChangeKind, Changes, below};
use crate::node::{Kind, Node};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatStyle {
    pub color: bool,
    pub width: usize,
    /// A directory that came or went whole has a line for each file too.
    pub all: bool,
    /// So many lines at most; of more changes it says how many there are.
    pub most: usize,
}

/// A directory that came or went with more files than this is one line.
const FOLDED: usize = 20;

/// Returns a line for each file, and what all of them come to; empty when nothing changed.
pub fn stat(view: &View, changes: &Changes, style: StatStyle) -> String {
    let mut rows: Vec<Row> = Vec::new();
    let mut total = Total::default();
    let mut summary = String::new();
    let mut folded: Option<&Change> = None;
    for change in &changes.list {
        if folded.is_some_and(|directory| is_folded(change, directory)) {
            continue;
        }
        if changes.is_implied(change) {
            let fold = Fold::of(change, &changes.list);
            if !style.all && fold.files > FOLDED {
                folded = Some(change);
                total.files += fold.files;
                rows.push(Row { name: format!("{}/", change.path.quoted()), what: What::Note(fold.note(change)) });
            }
            continue;
        }
        let extent = extent(view, change);
        total.add(change, &extent);
        rows.push(Row { name: name(change), what: what(change, extent) });
        if let Some(line) = summary_line(change) {
            // Writing to a string does not fail.
            let _ = writeln!(summary, " {line}");
        }
    }
    for unread in &changes.unread {
        rows.push(Row { name: unread.path.quoted(), what: What::Note(format!("not looked at: {}", unread.why)) });
    }
    if rows.is_empty() {
        return String::new();
    }
    let left = rows.len().saturating_sub(style.most);
    rows.truncate(style.most);
    let more = if left > 0 { format!(" and {left} more\n") } else { String::new() };
    let summary = if left > 0 { String::new() } else { summary };
    table(&rows, style) + &more + &total.line() + &summary
}

struct Row {
    name: String,
    what: What,
}

enum What {
    Lines { added: u64, removed: u64 },
    Note(String),
}

/// A directory that came or went with all that is in it.
struct Fold {
    files: usize,
    bytes: u64,
}

impl Fold {
    fn of(directory: &Change, all: &[Change]) -> Fold {
        let inside = below(all, &directory.path).iter();
        let inside = inside.filter(|change| is_folded(change, directory) && !change.is_directory());
        inside.fold(Fold { files: 0, bytes: 0 }, |fold, change| {
            let size = change.after.or(change.before).map_or(0, |node| node.size);
            Fold { files: fold.files + 1, bytes: fold.bytes + size }
        })
    }

    fn note(&self, directory: &Change) -> String {
        let what = if directory.after.is_some() { "new" } else { "deleted" };
        format!("{} {what} files, {}", self.files, amount(self.bytes))
    }
}

/// Returns whether the line of a directory stands for the change too: not where a file came from somewhere else.
fn is_folded(change: &Change, directory: &Change) -> bool {
    change.path.is_beneath(&directory.path) && change.kind == directory.kind
}

#[derive(Default)]
struct Total {
    files: usize,
    added: u64,
    removed: u64,
}

impl Total {
    fn add(&mut self, change: &Change, extent: &Extent) {
        if !change.is_directory() {
            self.files += 1;
        }
        if let Extent::Lines { added, removed } = extent {
            self.added += added;
            self.removed += removed;
        }
    }

    fn line(&self) -> String {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let files = u64::try_from(self.files).unwrap_or(u64::MAX);
        let mut line = format!(" {files} file{} changed", plural(files));
        let (added, removed) = (self.added, self.removed);
        if added > 0 || removed == 0 {
            let _ = write!(line, ", {added} insertion{}(+)", plural(added));
        }
        if removed > 0 || added == 0 {
            let _ = write!(line, ", {removed} deletion{}(-)", plural(removed));
        }
        line + "\n"
    }
}

fn name(change: &Change) -> String {
    match change.renamed_from() {
        Some(from) => format!("{} => {}", from.quoted(), change.path.quoted()),
        None if change.is_directory() && !change.path.is_root() => format!("{}/", change.path.quoted()),
        None => change.path.quoted(),
    }
}

fn what(change: &Change, extent: Extent) -> What {
    match extent {
        Extent::Lines { added, removed } => What::Lines { added, removed },
        Extent::Binary { before, after } => What::Note(format!("Bin {before} -> {after} bytes")),
        Extent::Unread(why) => What::Note(format!("cannot be read: {why}")),
        Extent::None if change.kind == ChangeKind::ModeChanged => What::Lines { added: 0, removed: 0 },
        Extent::None => {
            let kind = |node: Option<Node>| node.map_or("nothing", |node| node.kind.name());
            What::Note(match (change.before, change.after) {
                (None, after) => format!("new {}", kind(after)),
                (before, None) => format!("{} deleted", kind(before)),
                (before, after) => format!("{} -> {}", kind(before), kind(after)),
            })
        }
    }
}

fn summary_line(change: &Change) -> Option<String> {
    let path = change.path.quoted();
    let mode = |node: Option<Node>| node.map_or_else(String::new, |node| node.full_mode());
    let (before, after) = (mode(change.before), mode(change.after));
    Some(match &change.kind {
        ChangeKind::Added if change.is_directory() => format!("create directory {path}"),
        ChangeKind::Deleted if change.is_directory() => format!("delete directory {path}"),
        ChangeKind::Added => format!("create mode {after} {path}"),
        ChangeKind::Deleted => format!("delete mode {before} {path}"),
        ChangeKind::Renamed { from } => format!("rename {} => {path} (100%)", from.quoted()),
        ChangeKind::TypeChanged | ChangeKind::ModeChanged | ChangeKind::Modified
            if before != after && change.after.is_none_or(|node| node.kind != Kind::Symlink || before != "120000") =>
        {
            format!("mode change {before} => {after} {path}")
        }
        _ => return None,
    })
}

fn table(rows: &[Row], style: StatStyle) -> String {
    let length = |text: &str| text.chars().count();
    let most = style.width.max(40) * 5 / 8;
    let names: Vec<String> = rows.iter().map(|row| shortened(&row.name, most)).collect();
    let name_width = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let lines = |row: &Row| match row.what {
        What::Lines { added, removed } => added + removed,
        What::Note(_) => 0,
    };
    let largest = rows.iter().map(lines).max().unwrap_or(0);
    let number_width = largest.to_string().len();
    let room = u64::try_from(style.width.max(40).saturating_sub(name_width + number_width + 5)).unwrap_or(0).max(10);
    let mut out = String::new();
    for (row, name) in rows.iter().zip(&names) {
        let pad = " ".repeat(name_width - length(name));
        let _ = match &row.what {
            What::Note(note) => writeln!(out, " {name}{pad} | {note}"),
            What::Lines { added, removed } => {
                let graph = graph(*added, *removed, largest, room, style.color);
                writeln!(out, "{}", format!(" {name}{pad} | {:>number_width$} {graph}", added + removed).trim_end())
            }
        };
    }
    out
}

/// Returns as many signs as there are lines, or fewer in proportion; one at least where there is anything.
fn graph(added: u64, removed: u64, largest: u64, room: u64, color: bool) -> String {
    let scaled = |lines: u64| match lines {
        0 => 0,
        _ if largest <= room => lines,
        _ => (lines * room / largest.max(1)).max(1),
    };
    let signs = |sign: &str, count: u64, color_of: AnsiColor| {
        let style = if color && count > 0 { color_of.on_default() } else { Style::new() };
        format!("{style}{}{style:#}", sign.repeat(usize::try_from(count).unwrap_or(0)))
    };
    signs("+", scaled(added), AnsiColor::Green) + &signs("-", scaled(removed), AnsiColor::Red)
}

fn shortened(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    format!("...{}", name.chars().skip(length + 3 - most).collect::<String>())
}

/// Returns a size in a unit that fits.
fn amount(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    units.into_iter().find(|(shift, _)| bytes >> shift > 0).map_or_else(
        || format!("{bytes} bytes"),
        |(shift, unit)| {
            let tenths = (bytes >> (shift - 10)) * 10 / 1024;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_unit_that_fits() {
        let check = |bytes: u64, expected: &str| assert_eq!(amount(bytes), expected);
        check(0, "0 bytes");
        check(1023, "1023 bytes");
        check(1536, "1.5 KiB");
        check(95 << 20, "95.0 MiB");
        check(u64::MAX, "17179869183.9 GiB");
    }

    #[test]
    fn the_graph_is_in_proportion_and_shows_what_is_little() {
        assert_eq!(graph(2, 1, 3, 10, false), "++-");
        assert_eq!(graph(1000, 1, 1001, 10, false), "+++++++++-");
        assert_eq!(graph(u64::from(u32::MAX), 0, u64::from(u32::MAX), 10, false).len(), 10);
    }
}
