//! rsync, with `--info=progress2` and with `--progress`.
//!
//! The first shows the share of the whole, the second that of each file; they look the same. What tells them apart is that
//! the second names the file in a line of its own before.

use super::{Heard, Recogniser, told, told_if};
use crate::progress::scan::{Scan, text};
use crate::progress::{Progress, Unit};

#[derive(Clone, Debug, Default)]
pub(crate) struct Rsync {
    /// The line before, while that may be a file's name.
    before: Option<String>,
    /// The file, of `--progress`.
    file: Option<String>,
    seen: bool,
    /// Files are counted, and the share of one of them is less than that.
    counted: bool,
}

impl Recogniser for Rsync {
    fn starts(&self) -> &'static [u8] {
        b"0123456789s"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        let Some((percent, files)) = transfer(line) else {
            if line == b"sending incremental file list" || line == b"receiving incremental file list" {
                *self = Rsync { seen: true, ..Rsync::default() };
            } else if self.seen && line.starts_with(b"sent ") {
                *self = Rsync::default();
                return Heard::Over;
            } else {
                self.before = Some(text(line));
            }
            return Heard::Nothing;
        };
        if let Some(file) = self.before.take().filter(|_| self.seen) {
            self.file = Some(file);
        }
        self.seen = true;
        match (&self.file, files) {
            (None, _) => told_if(Progress::percentage(percent)),
            (Some(_), Some((left, all))) => {
                self.counted = true;
                told(Progress::new(all.saturating_sub(left), Some(all), Unit::Files))
            }
            (Some(_), None) if self.counted => Heard::Nothing,
            (Some(file), None) => told_if(Progress::percentage(percent).map(|progress| progress.labelled(Some(file.clone())))),
        }
    }

    fn is_awake(&self) -> bool {
        self.seen
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads `     30,000,000 100%   19.78MB/s    0:00:01 (xfr#1, to-chk=1/3)`: the share, and how many files are left of how many.
fn transfer(line: &[u8]) -> Option<(u64, Option<(u64, u64)>)> {
    let mut scan = Scan::trimmed(line);
    (scan.run(|byte| byte.is_ascii_digit() || byte == b',') > 0).then_some(())?;
    scan.gap()?;
    let percent = scan.number().filter(|percent| *percent <= 100)?;
    scan.lit("%")?;
    scan.gap()?;
    scan.number()?;
    scan.lit(".")?;
    scan.number()?;
    ["kB/s", "MB/s", "GB/s", "TB/s"].iter().find_map(|unit| scan.lit(unit))?;
    scan.gap()?;
    scan.number()?;
    scan.lit(":")?;
    scan.number()?;
    scan.lit(":")?;
    scan.number()?;
    if scan.end().is_some() {
        return Some((percent, None));
    }
    scan.lit(" (xfr#")?;
    scan.number()?;
    // While the list is still being made (`ir-chk`), how many files there are is not known.
    let files = scan.lit(", to-chk=").and_then(|()| scan.ratio());
    scan.rest().ends_with(b")").then_some((percent, files))
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("rsync-progress2.txt"), @"
        0%
        70%
        99%
        100%
        ---
        nothing
        ");
        insta::assert_snapshot!(told("rsync-progress.txt"), @"
        0%, big
        74%, big
        2/3 files
        3/3 files
        ---
        nothing
        ");
        insta::assert_snapshot!(told("rsync-v.txt"), @"
        nothing
        ---
        nothing
        ");
    }
}
