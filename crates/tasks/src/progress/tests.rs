//! What the recordings of real tools come to, and what must hold for any bytes.

use std::path::PathBuf;

use proptest::prelude::*;

use super::{Progress, Tracker};
use crate::Stream;

/// Returns a recording: the real output of a real tool; `.pty` on a terminal of 80 columns.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(directory().join(name)).unwrap()
}

/// Returns what a recording tells: the progress each time that it changes, then the summary.
pub(crate) fn told(name: &str) -> String {
    told_of(&[], &recorded(name))
}

pub(crate) fn told_of(command: &[String], output: &[u8]) -> String {
    let mut tracker = Tracker::of_command(command);
    let mut steps: Vec<String> = Vec::new();
    for line in output.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        steps.extend(tracker.feed(line).map(|progress| shown(&progress)));
    }
    let (length, last) = (steps.len(), steps.last().cloned());
    if length > 6 {
        steps.truncate(3);
        steps.push(format!("… {} more …", length - 4));
        steps.extend(last);
    }
    if steps.is_empty() {
        steps.push("nothing".to_owned());
    }
    let summary = tracker.summary().map_or("nothing".to_owned(), |summary| summary.to_string());
    format!("{}\n---\n{summary}", steps.join("\n"))
}

fn shown(progress: &Progress) -> String {
    match &progress.label {
        Some(label) => format!("{progress}, {label}"),
        None => progress.to_string(),
    }
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .map(|name| (name.clone(), recorded(&name)))
        .collect();
    all.sort();
    assert!(all.len() > 50, "{}", all.len());
    all
}

fn of_pieces(bytes: &[u8], size: usize) -> Tracker {
    let mut tracker = Tracker::new();
    for piece in bytes.chunks(size) {
        tracker.feed(piece);
    }
    tracker
}

#[test]
fn how_the_bytes_are_cut_does_not_matter() {
    for (name, bytes) in recordings() {
        let whole = of_pieces(&bytes, usize::MAX);
        for size in [1, 7, 1000] {
            let cut = of_pieces(&bytes, size);
            assert_eq!(cut.progress(), whole.progress(), "{name} in pieces of {size}");
            assert_eq!(cut.summary(), whole.summary(), "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_progress_does_not_go_back_and_has_a_share_of_100_at_most() {
    for (name, bytes) in recordings() {
        let mut tracker = Tracker::new();
        let mut last: Option<Progress> = None;
        for piece in bytes.chunks(16) {
            let Some(next) = tracker.feed(piece) else { continue };
            assert!(next.total.is_none_or(|total| next.done <= total), "{name}: {next:?}");
            let last = last.replace(next.clone());
            if let Some(last) = last.filter(|last| (&last.unit, &last.label, last.total) == (&next.unit, &next.label, next.total))
            {
                let complete = last.total == Some(last.done);
                assert!(next.done >= last.done || complete || next.done <= 1, "{name}: {last:?}, then {next:?}");
            }
        }
    }
}

#[test]
fn an_output_that_breaks_off_anywhere_is_no_error() {
    for (name, bytes) in recordings() {
        let step = bytes.len() / 50 + 1;
        for end in (0..bytes.len()).step_by(step) {
            let tracker = of_pieces(&bytes[..end], usize::MAX);
            let summary = tracker.summary();
            let counted =
                summary.iter().flat_map(|summary| &summary.tests).all(|tests| tests.passed < 1000 && tests.failed < 1000);
            assert!(counted, "{name} up to {end}: {summary:?}");
        }
    }
}

#[test]
fn two_streams_do_not_tear_each_others_lines() {
    let mut tracker = Tracker::new();
    for (out, err) in [("running 2 te", "   Compiling a v0.1"), ("sts\ntest a ... o", ".0\n"), ("k\n", "more")] {
        tracker.feed_from(Stream::Out, out.as_bytes());
        tracker.feed_from(Stream::Err, err.as_bytes());
    }
    assert_eq!(tracker.progress().unwrap().to_string(), "1/2 tests");
}

#[test]
fn what_a_program_says_of_itself_is_believed_first() {
    let mut tracker = Tracker::new();
    let mut check = |bytes: &str, expected: Option<&str>| {
        tracker.feed(bytes.as_bytes());
        assert_eq!(tracker.progress().map(|progress| progress.to_string()).as_deref(), expected, "{bytes:?}");
    };
    check("[1/9] a\n[2/9] b\n[3/9] c\n", Some("3/9 steps"));
    check("\x1b]9;4;1;40\x07", Some("40%"));
    check("::remit progress 5/7 rows::\n", Some("5/7 rows"));
    check("[4/9] d\n\x1b]9;4;1;50\x07", Some("5/7 rows"));
    check("::remit progress none::\n", Some("50%"));
    check("\x1b]9;4;0\x07", Some("4/9 steps"));
}

#[test]
fn what_tests_print_is_not_how_far_the_tests_are() {
    let text = "running 3 tests\n[1/9] a\n[2/9] b\n[3/9] c\ntest a ... ok\n[4/9] d\n";
    let tracker = of_pieces(text.as_bytes(), 5);
    assert_eq!(tracker.progress().unwrap().to_string(), "1/3 tests");
}

/// Output of every day that only looks like something.
const ORDINARY: &str = r"
2026-11-22T10:00:00Z INFO  [worker 3/8] listening on 127.0.0.1:8080
[2026-11-22 10:00:00] 12/345 rows
[11/22] deploy started
22/11/2026 10:00 - 50% done
src/a/1/2/mod.rs:12:3: note: 12/345
    let share = done / total * 100; // 45%
if (a[1/2] == b[2/2]) { return 3/4; }
running tests
running 12 jobs
test result pending
collected 12 stamps
collected items
ok
ok then
not ok with me
1..2..3
--- FAIL
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,4 @@
=== heading ===
================
FAILED to open file
PASS the salt
FAIL safe
Compiling a list of names
Building [the house]
Collecting data
Downloading data (1.3 MB)
Total: 45%
###############    45%
# 12.5%
Progress: 12/345
step 1/2
Test Suites: none
Tests: many
Receiving objects
Receiving objects: 50% (1/3)
Duration 12ms
RUN apt-get update
✓ done
✔ all good (12ms)
1) first
2) second
  3 passing cars
added 3 files
[ 50%] of the time
[100%] sure
1,234 50% off
  0     0    0
tests/a.rs ....
see a/b.txt ... and so on
...
.....................
.F.
sssss
E   x
[gw0] hello
100% tests passed, maybe
ℹ pass 3
";

#[test]
fn ordinary_output_tells_nothing() {
    for size in [1, 64, usize::MAX] {
        let tracker = of_pieces(ORDINARY.as_bytes(), size);
        assert_eq!(tracker.progress(), None);
        assert_eq!(tracker.summary(), None);
    }
    // The project's own sources, which hold every line that a recogniser looks for, indented or in quotes.
    let sources = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/progress/tools");
    for entry in std::fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let tracker = of_pieces(&std::fs::read(&path).unwrap(), usize::MAX);
        assert_eq!(tracker.progress(), None, "{}", path.display());
    }
}

/// Lines near to those that mean something, so that what is made of them reaches deep.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let parts: Vec<&'static str> = vec![
        "\x1b[",
        "\x1b]9;4;1;",
        "\x07",
        "\r",
        "\n",
        "[",
        "]",
        "%",
        "/",
        "1",
        "9",
        "12",
        "99999999999999999999",
        " ",
        "::",
        "::remit progress ",
        "running ",
        "test ",
        " ... ok",
        "test result: ",
        "===",
        " test session starts ===",
        "collected ",
        " items",
        "ok ",
        "not ok ",
        "1..",
        "--- FAIL: ",
        " (0.00s)",
        "PASS ",
        "a.js",
        "Test Suites: ",
        "total",
        "    Starting ",
        "Summary [",
        " RUN  v1.2.3 /",
        "Test Files ",
        "{\"Time\":\"",
        "\",\"Action\":\"pass",
        "\",\"Package\":\"",
        "\"",
        "Files=",
        "a.t ..",
        "Receiving objects:",
        "K ........ ",
        "━",
        "(",
        ")",
        ".",
        "F",
        "✔ ",
        "Saving to: ‘",
        "Collecting ",
        "  Downloading ",
        ".whl",
        "passed",
        "failed",
        ", ",
        "\u{ff}",
    ];
    proptest::collection::vec(proptest::sample::select(parts), 0..60).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..600), size in 1usize..50) {
        let (whole, cut) = (of_pieces(&bytes, usize::MAX), of_pieces(&bytes, size));
        prop_assert_eq!(whole.progress(), cut.progress());
        prop_assert_eq!(whole.summary(), cut.summary());
    }

    #[test]
    fn lines_that_come_near_are_read(bytes in line(), size in 1usize..50) {
        let (whole, cut) = (of_pieces(&bytes, usize::MAX), of_pieces(&bytes, size));
        prop_assert_eq!(whole.progress(), cut.progress());
        prop_assert_eq!(whole.summary(), cut.summary());
        if let Some(progress) = whole.progress() {
            prop_assert!(progress.total.is_none_or(|total| progress.done <= total));
            prop_assert!(progress.percent().is_none_or(|percent| percent <= 100));
        }
    }
}
