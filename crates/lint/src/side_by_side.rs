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
    if facts.source.text().len() < LARGE {
        return RULES.iter().flat_map(|rule| (rule.check)(rule, facts)).collect();
    }
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
