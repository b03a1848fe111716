//! Files: what is granted has to be granted there, what is denied there has to be denied here.

use super::language::{Dot, is_within};
use super::{Beyond, Grant};
use crate::decide::of_the_task;
use crate::{PathPattern, PathRule, Policy, WorkspaceMode};

pub(super) fn compare(policy: &Policy, of: &Policy, all: &mut Beyond) {
    let (files, wide) = (&policy.files, &of.files);
    denials(&files.hidden, &wide.hidden, "sees", all);
    let write_denied: Vec<&PathRule> = files.write_denied.iter().chain(&files.hidden).collect();
    for rule in wide.write_denied.iter().filter(|rule| !write_denied.iter().any(|own| denies(own, rule))) {
        all.say(Grant::Files, format!("is not denied writing {}", words(rule)), None);
    }
    if of.is_unrestricted() {
        return;
    }
    let read: Vec<&PathRule> = wide.read.iter().chain(&wide.write).chain(&wide.execute).collect();
    let write: Vec<&PathRule> = wide.write.iter().collect();
    let execute: Vec<&PathRule> = wide.execute.iter().collect();
    let caches: Vec<&PathRule> = wide.caches.iter().chain(&wide.write).collect();
    let lists = [
        (&files.read, &read, &wide.protected_read, "can read"),
        (&files.write, &read, &wide.protected_read, "can read"),
        (&files.execute, &read, &wide.protected_read, "can read"),
        (&files.write, &write, &wide.protected, "can write"),
        (&files.execute, &execute, &wide.protected_read, "can execute"),
        (&files.caches, &caches, &wide.protected, "can write, in a private layer, the cache"),
    ];
    for (rules, granted, protected, verb) in lists {
        for rule in rules.iter().filter(|rule| !granted.iter().any(|wide| grants(wide, rule, protected))) {
            all.say(Grant::Files, format!("{verb} {}", words(rule)), Some(&rule.origin));
        }
    }
    let reading = || files.read.iter().chain(&files.write).chain(&files.execute);
    by_name(&files.protected_read, &wide.protected_read, &reading, "read", all);
    by_name(&files.protected, &wide.protected, &|| files.write.iter().chain(&files.caches), "write", all);
    if files.workspace == WorkspaceMode::Direct && wide.workspace == WorkspaceMode::Layer {
        all.say(Grant::Files, "writes to the workspace itself, not to a private layer", None);
    }
}

fn denials(own: &[PathRule], wide: &[PathRule], verb: &str, all: &mut Beyond) {
    for rule in wide.iter().filter(|rule| !own.iter().any(|own| denies(own, rule))) {
        all.say(Grant::Files, format!("{verb} {}", words(rule)), None);
    }
}

/// Returns whether one grant covers another, also what of it is granted by name only.
fn grants(wide: &PathRule, narrow: &PathRule, protected: &[PathRule]) -> bool {
    let (outer, inner) = (&wide.pattern, &narrow.pattern);
    let named = |rule: &&PathRule| inner.covers_by_name(&rule.pattern.base);
    // A rule of a profile speaks of what is there; in the task's own places, of the task's.
    (!wide.if_present || narrow.if_present)
        && (!of_the_task(wide) || of_the_task(narrow))
        && protected.iter().filter(named).all(|rule| outer.covers_by_name(&rule.pattern.base))
        && covers(outer, inner, false)
}

/// Returns whether one denial covers another.
fn denies(own: &PathRule, wide: &PathRule) -> bool {
    (!own.if_present || wide.if_present) && covers(&own.pattern, &wide.pattern, true)
}

/// Says what the other policy grants by name only and this one by a pattern that happens to cover it.
fn by_name<'a, I: Iterator<Item = &'a PathRule>>(
    own: &[PathRule],
    wide: &[PathRule],
    granting: &impl Fn() -> I,
    verb: &str,
    all: &mut Beyond,
) {
    for rule in wide {
        let base = &rule.pattern.base;
        let same = own.iter().any(|own| own.pattern.base == *base && own.pattern.glob.is_none());
        // A directory above is enough, if nothing in it is granted by name.
        let above = || {
            own.iter()
                .filter(|own| own.pattern.glob.is_none() && base.is_beneath(&own.pattern.base))
                .any(|own| granting().all(|grant| !grant.pattern.covers_by_name(&own.pattern.base)))
        };
        if same || above() {
            continue;
        }
        let meets = |grant: &&PathRule| {
            let pattern = &grant.pattern.base;
            pattern.is_beneath(base) || base.is_beneath(pattern)
        };
        if let Some(grant) = granting().find(meets) {
            all.say(Grant::Files, format!("can {verb} {}, by a pattern that covers it", words(rule)), Some(&grant.origin));
        }
    }
}

/// Returns whether every path under `narrow` is under `wide`; where they deny, also under what lies below.
fn covers(wide: &PathPattern, narrow: &PathPattern, denying: bool) -> bool {
    match (&wide.glob, &narrow.glob) {
        (None, _) => narrow.base.is_beneath(&wide.base),
        (Some(one), Some(other)) if wide.base == narrow.base && one.text() == other.text() => true,
        _ => match (regex(wide, denying), regex(narrow, false)) {
            (Some(wide), Some(narrow)) => is_within((&narrow, Dot::Any), (&wide, Dot::Any)),
            _ => false,
        },
    }
}

/// Returns the regular expression for the paths under a pattern.
fn regex(pattern: &PathPattern, below: bool) -> Option<String> {
    let base = regex::escape(pattern.base.as_str().trim_end_matches('/'));
    let below = if below || pattern.glob.is_none() { "(?s-u:/.*)?" } else { "" };
    Some(match &pattern.glob {
        None => format!(r"\A{base}{below}\z"),
        Some(glob) => {
            let inner = glob.regex().strip_prefix("(?-u)^")?.strip_suffix('$')?;
            format!(r"\A{base}/(?s-u:{inner}){below}\z")
        }
    })
}

fn words(rule: &PathRule) -> String {
    super::rule_text(rule)
}
