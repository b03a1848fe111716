//! Changes as a patch that git applies.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use remit_diagnostics::visible;

use super::text;
use crate::beneath::View;
use crate::changes::{Change, ChangeKind};
use crate::content::{Side, sides};
use crate::lines::{Hunk, LineDiff, Sign};
use crate::node::Node;
use crate::path::RelPath;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchStyle {
    pub color: bool,
    /// Control characters in the content are made visible, as they have to be on a terminal. Such a patch is to be read, and
    /// not to be applied.
    pub visible: bool,
}

/// Returns the patch of one change; empty where a patch has no word for it, as for a directory.
pub fn patch(view: &View, change: &Change, style: PatchStyle) -> io::Result<Vec<u8>> {
    let mut out = Out { bytes: Vec::new(), style };
    let content = |node: &Option<Node>| node.filter(|node| matches!(node.kind, crate::Kind::File | crate::Kind::Symlink));
    let (before, after) = (content(&change.before), content(&change.after));
    let (old_side, new_side) = match sides(view, change) {
        Ok(sides) => sides,
        Err(error) => {
            out.head(&format!("# {}: {error}", change.path.quoted()))?;
            return Ok(out.bytes);
        }
    };
    match (before, after) {
        (None, None) => {}
        // Of another kind: a patch takes the one away and brings the other.
        (Some(old), Some(new)) if old.kind != new.kind => {
            out.part(change, Some(&old), None, &old_side, &Side::Absent)?;
            out.part(change, None, Some(&new), &Side::Absent, &new_side)?;
        }
        (Some(old), None) => out.part(change, Some(&old), None, &old_side, &Side::Absent)?,
        (None, Some(new)) => out.part(change, None, Some(&new), &Side::Absent, &new_side)?,
        (Some(old), Some(new)) => out.part(change, Some(&old), Some(&new), &old_side, &new_side)?,
    }
    Ok(out.bytes)
}

struct Out {
    bytes: Vec<u8>,
    style: PatchStyle,
}

impl Out {
    fn part(&mut self, change: &Change, old: Option<&Node>, new: Option<&Node>, before: &Side, after: &Side) -> io::Result<()> {
        let from = change.renamed_from().unwrap_or(&change.path);
        let modes = (old.map(Node::git_mode), new.map(Node::git_mode));
        let renamed = matches!(change.kind, ChangeKind::Renamed { .. });
        if let (Some(old), Some(new)) = modes
            && old == new
            && change.kind == ChangeKind::ModeChanged
        {
            // Of a mode, git knows only whether a file can be executed.
            return Ok(());
        }
        self.head(&format!("diff --git {} {}", from.quoted_behind("a/"), change.path.quoted_behind("b/")))?;
        match modes {
            (None, Some(mode)) => self.head(&format!("new file mode {mode}"))?,
            (Some(mode), None) => self.head(&format!("deleted file mode {mode}"))?,
            (Some(old), Some(new)) if old != new => self.head(&format!("old mode {old}\nnew mode {new}"))?,
            _ => {}
        }
        if renamed {
            self.head("similarity index 100%")?;
            self.head(&format!("rename from {}\nrename to {}", from.quoted(), change.path.quoted()))?;
            return Ok(());
        }
        let (Some(before), Some(after)) = (text(before), text(after)) else {
            let name = |node: Option<&Node>, path: &RelPath, prefix| {
                if node.is_some() { path.quoted_behind(prefix) } else { "/dev/null".to_owned() }
            };
            return self.head(&format!("Binary files {} and {} differ", name(old, from, "a/"), name(new, &change.path, "b/")));
        };
        let hunks = LineDiff::of(before, after).hunks();
        if !hunks.is_empty() {
            self.head(&format!("--- {}", name_line(old, from, "a/")))?;
            self.head(&format!("+++ {}", name_line(new, &change.path, "b/")))?;
        }
        hunks.iter().try_for_each(|hunk| self.hunk(hunk))
    }

    fn hunk(&mut self, hunk: &Hunk<'_>) -> io::Result<()> {
        let range = |(start, count): (usize, usize)| if count == 1 { start.to_string() } else { format!("{start},{count}") };
        self.colored(AnsiColor::Cyan.on_default(), format!("@@ -{} +{} @@", range(hunk.before), range(hunk.after)).as_bytes())?;
        for (sign, line) in &hunk.lines {
            let (mark, style) = match sign {
                Sign::Context => (b' ', Style::new()),
                Sign::Removed => (b'-', AnsiColor::Red.on_default()),
                Sign::Added => (b'+', AnsiColor::Green.on_default()),
            };
            let (line, ended) = line.strip_suffix(b"\n").map_or((*line, false), |line| (line, true));
            let mut whole = vec![mark];
            whole.extend(self.shown(line));
            self.colored(style, &whole)?;
            if !ended {
                self.colored(Style::new(), b"\\ No newline at end of file")?;
            }
        }
        Ok(())
    }

    fn shown(&self, line: &[u8]) -> Vec<u8> {
        if !self.style.visible {
            return line.to_vec();
        }
        let text = String::from_utf8_lossy(line);
        // A tab only moves to the right.
        text.split('\t').map(visible).collect::<Vec<_>>().join("\t").into_bytes()
    }

    fn head(&mut self, line: &str) -> io::Result<()> {
        for line in line.lines() {
            self.colored(Style::new().bold(), line.as_bytes())?;
        }
        Ok(())
    }

    fn colored(&mut self, style: Style, line: &[u8]) -> io::Result<()> {
        let style = if self.style.color { style } else { Style::new() };
        write!(self.bytes, "{style}")?;
        self.bytes.extend_from_slice(line);
        writeln!(self.bytes, "{style:#}")
    }
}

/// Returns a name as it stands behind `---`: one with a space has a tab behind it, or patch(1) reads on.
fn name_line(node: Option<&Node>, path: &RelPath, prefix: &str) -> String {
    if node.is_none() {
        return "/dev/null".to_owned();
    }
    let name = path.quoted_behind(prefix);
    if name.contains(' ') && !name.starts_with('"') { name + "\t" } else { name }
}
