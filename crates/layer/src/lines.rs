//! Two texts, line by line.

use imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};

/// The lines that differ, and how many.
pub(crate) struct LineDiff<'a> {
    input: InternedInput<&'a [u8]>,
    diff: Diff,
}

/// Lines that are shown together: what differs, and what stands around it.
#[derive(Debug)]
pub(crate) struct Hunk<'a> {
    /// The first line, counted from 1, or the line before where there is none; and how many.
    pub(crate) before: (usize, usize),
    pub(crate) after: (usize, usize),
    pub(crate) lines: Vec<(Sign, &'a [u8])>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Context,
    Removed,
    Added,
}

/// How many lines around a difference are shown.
const CONTEXT: usize = 3;

impl<'a> LineDiff<'a> {
    pub(crate) fn of(before: &'a [u8], after: &'a [u8]) -> LineDiff<'a> {
        let input = InternedInput::new(byte_lines(before), byte_lines(after));
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_lines(&input);
        LineDiff { input, diff }
    }

    pub(crate) fn added(&self) -> u64 {
        self.diff.count_additions().into()
    }

    pub(crate) fn removed(&self) -> u64 {
        self.diff.count_removals().into()
    }

    pub(crate) fn hunks(&self) -> Vec<Hunk<'a>> {
        let index = |line: u32| usize::try_from(line).unwrap_or(usize::MAX);
        let changed: Vec<_> = self
            .diff
            .hunks()
            .map(|hunk| (index(hunk.before.start)..index(hunk.before.end), index(hunk.after.start)..index(hunk.after.end)))
            .collect();
        // Differences whose surroundings meet are one hunk.
        let groups = changed.chunk_by(|one, next| next.0.start - one.0.end <= 2 * CONTEXT);
        groups.map(|group| self.hunk(group)).collect()
    }

    fn hunk(&self, group: &[(std::ops::Range<usize>, std::ops::Range<usize>)]) -> Hunk<'a> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Hunk { before: (0, 0), after: (0, 0), lines: Vec::new() };
        };
        let lead = CONTEXT.min(first.0.start);
        let start = (first.0.start - lead, first.1.start - lead);
        let end = (last.0.end + CONTEXT).min(self.input.before.len());
        let mut lines = Vec::new();
        let mut at = start.0;
        for (before, after) in group {
            lines.extend((at..before.start).map(|line| (Sign::Context, self.line(&self.input.before, line))));
            lines.extend(before.clone().map(|line| (Sign::Removed, self.line(&self.input.before, line))));
            lines.extend(after.clone().map(|line| (Sign::Added, self.line(&self.input.after, line))));
            at = before.end;
        }
        lines.extend((at..end).map(|line| (Sign::Context, self.line(&self.input.before, line))));
        let count = |without: Sign| lines.iter().filter(|(sign, _)| *sign != without).count();
        let (before, after) = (count(Sign::Added), count(Sign::Removed));
        let first_line = |start: usize, count: usize| if count == 0 { start } else { start + 1 };
        Hunk { before: (first_line(start.0, before), before), after: (first_line(start.1, after), after), lines }
    }

    fn line(&self, tokens: &[imara_diff::Token], line: usize) -> &'a [u8] {
        tokens.get(line).map_or(b"", |token| self.input.interner[*token])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_have_their_places_and_surroundings() {
        let lines: Vec<String> = (1..=30).map(|line| line.to_string()).collect();
        let before = lines.join("\n") + "\n";
        let after = before.replace("\n2\n", "\ntwo\n").replace("\n20\n", "\n20\nmore\n").replace("30\n", "30");
        let diff = LineDiff::of(before.as_bytes(), after.as_bytes());
        assert_eq!((diff.added(), diff.removed()), (3, 2));
        let places: Vec<_> = diff.hunks().iter().map(|hunk| (hunk.before, hunk.after)).collect();
        assert_eq!(places, [((1, 5), (1, 5)), ((18, 6), (18, 7)), ((27, 4), (28, 4))]);
    }

    #[test]
    fn nothing_before_or_after_is_line_zero() {
        let places = |before: &str, after: &str| {
            let diff = LineDiff::of(before.as_bytes(), after.as_bytes());
            diff.hunks().iter().map(|hunk| (hunk.before, hunk.after)).collect::<Vec<_>>()
        };
        assert_eq!(places("", "a\nb\n"), [((0, 0), (1, 2))]);
        assert_eq!(places("a\n", ""), [((1, 1), (0, 0))]);
        assert_eq!(places("", ""), []);
    }
}
