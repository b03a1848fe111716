//! The rules of one file, on two threads where the file is large.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use remit_diagnostics::Diagnostic;

use crate::RULES;
use crate::input::Facts;
use crate::paths::Access;

/// Bytes of a file from which a second thread saves more than it takes to start one.
const LARGE: usize = 128 << 10;

/// Returns what the rules find, in the order of the rules.
pub(crate) fn check(facts: &Facts) -> Vec<Diagnostic> {
    if facts.source.text().len() < LARGE { on_one(facts) } else { on_two(facts) }
}

fn on_one(facts: &Facts) -> Vec<Diagnostic> {
    RULES.iter().flat_map(|rule| (rule.check)(rule, facts)).collect()
}

fn on_two(facts: &Facts) -> Vec<Diagnostic> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(rule) = RULES.get(at)
        {
            done.push((at, (rule.check)(rule, facts)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        // Where no thread can be had, this one does all of it.
        let other = thread::Builder::new().spawn_scoped(scope, || {
            // What many rules ask for is made first, one half by each: nobody waits for the other's.
            facts.tool_paths(Access::Write);
            facts.tool_paths(Access::Read);
            work()
        });
        facts.shell();
        let mut done = work();
        if let Ok(other) = other {
            done.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        done
    });
    // Whichever thread had a rule, the order is the same.
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, findings)| findings).collect()
}

#[cfg(test)]
mod tests {
    use remit_agent::Reading;

    use super::*;
    use crate::tests::{disk, settings, with_input};

    /// Checks that the second thread changes nothing, and returns how much is found.
    fn found(file: &str, reading: Reading) -> usize {
        with_input(file, reading, &disk(), |input| {
            let expected = on_one(&Facts::new(input));
            assert_eq!(on_two(&Facts::new(input)), expected, "{file}");
            assert_eq!(check(&Facts::new(input)), expected, "{file}");
            expected.len()
        })
    }

    #[test]
    fn two_threads_find_what_one_does_in_its_order() {
        for rule in RULES {
            assert!(found(rule.example.found, rule.example.reading) > 0, "{}", rule.name);
        }
    }

    #[test]
    fn a_large_file_is_read_to_its_end() {
        let entries = |entry: &str| (0..2_000).map(|at| format!(r#""{entry}-{at} build/**""#)).collect::<Vec<_>>().join(", ");
        let file = settings(
            r#"["shell"]"#,
            &format!(
                r#""shell": {{"allowedCommands": [{}]}}, "write": {{"allowedPaths": [{}, "shared", "~"]}}"#,
                entries("tool"),
                entries("packages/some-directory-with-a-long-name-of-its-own")
            ),
        );
        assert!(file.len() > LARGE);
        for reading in [Reading::Remit, Reading::Kiro, Reading::Q] {
            assert!(found(&file, reading) > 3);
        }
    }
}
