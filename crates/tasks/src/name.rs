//! Names of tasks, and which task somebody means.

use crate::TaskId;

/// More than fits beside the other columns of a listing is no name.
const LONGEST: usize = 28;
/// Stands before the number of a later task with the same name; what somebody asks for has none.
const COUNTS: char = '.';
/// Words that say nothing about what a task is.
const EMPTY: [&str; 12] = ["a", "an", "and", "for", "in", "my", "of", "on", "our", "please", "the", "to"];

/// Returns a name for a task, from a description of it or from its command: lower-case words with `-` between them.
pub fn derive(text: &str) -> String {
    from_words(text, |word| !EMPTY.contains(&word))
}

/// Returns the name that somebody asks for, in the form that names have.
pub fn given(text: &str) -> String {
    from_words(text, |_| true)
}

fn from_words(text: &str, says_something: impl Fn(&str) -> bool) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).map(str::to_ascii_lowercase);
    let mut name = String::new();
    for word in words.filter(|word| !word.is_empty() && says_something(word)) {
        let length = name.len() + usize::from(!name.is_empty()) + word.len();
        if length > LONGEST {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word);
    }
    // An id's look is for ids.
    if name.is_empty() || name.starts_with("task-") { format!("work-{name}").trim_end_matches('-').to_owned() } else { name }
}

/// Returns the name, with a number behind it when it is somebody else's: the smallest, where the numbers before it are all taken.
///
/// Of many tasks with one name few are looked at: first ever further, and then between the last two.
pub(crate) fn unique(name: &str, mut is_taken: impl FnMut(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let numbered = |number: u64| format!("{name}{COUNTS}{number}");
    let (mut taken, mut free) = (1_u64, 2_u64);
    while is_taken(&numbered(free)) {
        (taken, free) = (free, free.saturating_mul(2));
    }
    while free - taken > 1 {
        let between = taken + (free - taken) / 2;
        if is_taken(&numbered(between)) {
            taken = between;
        } else {
            free = between;
        }
    }
    numbered(free)
}

/// Which task somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    One(TaskId),
    Nobody,
    /// The ids and names of those that it could be.
    Several(Vec<(TaskId, String)>),
}

/// Finds a task by its id, its name, or a beginning of either that no other has; of an id, `task-` may be left out.
///
/// A name means the newest task that was given it: `suite` is `suite.3` when there are three, and `suite.1` is the first. The tasks
/// are in the order in which they were made.
pub fn meant(text: &str, known: &[(TaskId, String)]) -> Meant {
    let named = |wanted: &str| known.iter().find(|(_, name)| name == wanted);
    let newest = || known.iter().rev().find(|(_, name)| asked_for(name) == text);
    let exact = known.iter().find(|(id, _)| id.as_str() == text).or_else(|| match text.rsplit_once(COUNTS) {
        Some((first, "1")) => named(first),
        Some(_) => named(text),
        None => newest(),
    });
    if let Some((id, _)) = exact {
        return Meant::One(id.clone());
    }
    let begins = |(id, name): &&(TaskId, String)| {
        let letters = id.as_str().trim_start_matches("task-");
        id.as_str().starts_with(text) || letters.starts_with(text) || name.starts_with(text)
    };
    let found: Vec<_> = if text.is_empty() { Vec::new() } else { known.iter().filter(begins).cloned().collect() };
    match found.as_slice() {
        [] => Meant::Nobody,
        [(id, _)] => Meant::One(id.clone()),
        [(_, one), .., (newest, _)]
            if found.iter().all(|(_, name)| name.starts_with(text) && asked_for(name) == asked_for(one)) =>
        {
            Meant::One(newest.clone())
        }
        _ => Meant::Several(found),
    }
}

/// Returns the name that a task was given, without the number that it got.
fn asked_for(name: &str) -> &str {
    name.split_once(COUNTS).map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_from_what_the_task_is() {
        let check = |text: &str, expected: &str| assert_eq!(derive(text), expected);
        check("API performance analysis", "api-performance-analysis");
        check("Run our test suite in the background, please!", "run-test-suite-background");
        check("cargo test -p remit_tasks", "cargo-test-p-remit-tasks");
        check("./build.sh", "build-sh");
        check("", "work");
        check("···", "work");
        check("task-abcdef", "work-task-abcdef");
        check("\u{1b}[31mred\u{7}", "31mred");
        check(&"word ".repeat(30), "word-word-word-word-word");
        check(&"x".repeat(300), "work");
        assert_eq!(given("A_b"), "a-b");
        assert_eq!(given("my suite"), "my-suite");
    }

    #[test]
    fn a_name_is_nobody_elses() {
        let taken = ["suite", "suite.2"];
        assert_eq!(unique("suite", |name| taken.contains(&name)), "suite.3");
        assert_eq!(unique("other", |name| taken.contains(&name)), "other");
    }

    #[test]
    fn a_task_is_found_by_what_no_other_has() {
        let known: Vec<(TaskId, String)> = [
            ("task-3f0000", "suite"),
            ("task-3g0000", "suite.2"),
            ("task-z00000", "deploy"),
            ("task-5t0000", "x"),
            ("task-4f0000", "suite.3"),
            ("task-4g0000", "suite-2"),
        ]
        .map(|(id, name)| (id.parse().unwrap(), name.to_owned()))
        .to_vec();
        let one = |text: &str, expected: &str| assert_eq!(meant(text, &known), Meant::One(expected.parse().unwrap()), "{text}");
        one("task-3f0000", "task-3f0000");
        // The newest of a name, and one of them.
        one("suite", "task-4f0000");
        one("suite.1", "task-3f0000");
        one("suite.2", "task-3g0000");
        one("suite.", "task-4f0000");
        one("suite-2", "task-4g0000");
        one("suite-", "task-4g0000");
        one("d", "task-z00000");
        one("task-z", "task-z00000");
        one("3g", "task-3g0000");
        for (text, count) in [("task-", 6), ("3", 2), ("s", 4), ("sui", 4)] {
            assert!(matches!(meant(text, &known), Meant::Several(found) if found.len() == count), "{text}");
        }
        for text in ["", "nobody", "suite-3", "suite.4", "deploy.2", "*", "%"] {
            assert_eq!(meant(text, &known), Meant::Nobody, "{text}");
        }
        let of_one_name: Vec<_> = known.iter().filter(|(_, name)| asked_for(name) == "suite").cloned().collect();
        assert_eq!(meant("sui", &of_one_name), Meant::One("task-4f0000".parse().unwrap()));
    }
}
