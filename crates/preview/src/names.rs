//! How a person would write a path or an amount.

use std::path::Path;

use remit_agent::AbsPath;
use remit_policy::LimitKind;

use crate::Preview;
use crate::surroundings::LimitLine;

/// Returns the path with `~` for the home directory.
pub(crate) fn from_home(path: &AbsPath, home: &AbsPath) -> String {
    match path.relative_to(home) {
        _ if home.as_str() == "/" => path.to_string(),
        Some("") => "~".to_owned(),
        Some(rest) => format!("~/{rest}"),
        None => path.to_string(),
    }
}

/// Returns the path as seen from the workspace, or from home where it does not lie in the workspace.
pub(crate) fn from_workspace(path: &AbsPath, preview: &Preview) -> String {
    match path.relative_to(&preview.workspace) {
        Some("") => "the workspace".to_owned(),
        Some(rest) => rest.to_owned(),
        None => from_home(path, &preview.home),
    }
}

/// Returns a pattern as written, with `~` for the home directory and without the workspace before it.
pub(crate) fn pattern(text: &str, preview: &Preview) -> String {
    match AbsPath::new(Path::new(text)) {
        Ok(path) if path.as_str() == text => from_workspace(&path, preview),
        _ => text.to_owned(),
    }
}

/// Returns the texts in backticks.
pub(crate) fn quoted(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| format!("`{text}`")).collect()
}

/// Returns the items with commas; of more than `most`, the first and how many more there are.
pub(crate) fn listed(items: &[String], most: usize) -> String {
    let shown = if items.len() <= most + 1 { items.len() } else { most };
    let text = items.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    if shown < items.len() { format!("{text} and {} more", items.len() - shown) } else { text }
}

/// Returns a limit in the words and units of an agent file.
pub(crate) fn limit(limit: &LimitLine) -> String {
    let value = limit.value;
    match limit.kind {
        LimitKind::Memory => format!("{} of memory", bytes(value)),
        LimitKind::Processes => format!("{value} processes"),
        LimitKind::OpenFiles => format!("{value} open files a process"),
        LimitKind::WallTime => format!("{} of time", seconds(value)),
        LimitKind::CpuTime => format!("{} of CPU time a process", seconds(value)),
        LimitKind::FileSize => format!("{} a file written", bytes(value)),
        LimitKind::Output => format!("{} of output", bytes(value)),
        LimitKind::DiskSpace => format!("{} of disk space", bytes(value)),
    }
}

fn bytes(value: u64) -> String {
    whole(value, &[(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"), (1, " bytes")])
}

fn seconds(value: u64) -> String {
    whole(value, &[(3600, "h"), (60, "min"), (1, "s")])
}

pub(crate) fn milliseconds(value: u64) -> String {
    whole(value, &[(60_000, "min"), (1000, "s"), (1, "ms")])
}

/// Returns the value in the largest unit that divides it.
fn whole(value: u64, units: &[(u64, &str)]) -> String {
    let unit = units.iter().find(|(size, _)| value >= *size && value.is_multiple_of(*size));
    unit.map_or_else(|| value.to_string(), |(size, name)| format!("{}{name}", value / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_short_but_never_wrong() {
        let path = |text: &str| AbsPath::new(Path::new(text)).unwrap();
        let check = |at: &str, home: &str, expected: &str| assert_eq!(from_home(&path(at), &path(home)), expected);
        check("/home/ann", "/home/ann", "~");
        check("/home/ann/src", "/home/ann", "~/src");
        check("/home/annette", "/home/ann", "/home/annette");
        check("/etc", "/", "/etc");
    }

    #[test]
    fn limits_are_said_exactly() {
        let check = |kind, value, expected: &str| assert_eq!(limit(&LimitLine { kind, value }), expected);
        check(LimitKind::Memory, 4 << 30, "4G of memory");
        check(LimitKind::Memory, (4 << 30) + 1, "4294967297 bytes of memory");
        check(LimitKind::WallTime, 5400, "90min of time");
        check(LimitKind::CpuTime, 0, "0 of CPU time a process");
        check(LimitKind::Processes, 512, "512 processes");
    }
}
