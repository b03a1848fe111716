//! `JUnit` files: the XML in which most test runners can write their results.

use memchr::{memchr, memmem};

use super::{Tests, add_name};
use crate::progress::Unit;

/// Reads a `JUnit` file; `None` when there is no test case in it.
///
/// No XML parser: it looks for `<testcase` and what is in it up to its end, expands nothing but the five entities of XML,
/// and goes through the bytes once. A file that breaks off counts as far as it goes, and is not complete.
pub fn read_junit(bytes: &[u8]) -> Option<Tests> {
    let mut tests = Tests {
        tool: "JUnit".to_owned(),
        unit: Unit::Tests,
        passed: 0,
        failed: 0,
        skipped: 0,
        failed_names: Vec::new(),
        complete: memmem::rfind(bytes, b"</testsuite").is_some(),
    };
    let mut rest = bytes;
    while let Some(case) = next_case(&mut rest) {
        match case.result {
            Result::Passed => tests.passed += 1,
            Result::Skipped => tests.skipped += 1,
            Result::Failed => {
                tests.failed += 1;
                add_name(&mut tests.failed_names, case.name());
            }
        }
    }
    (tests.passed + tests.failed + tests.skipped > 0).then_some(tests)
}

struct Case<'a> {
    attributes: &'a [u8],
    result: Result,
}

enum Result {
    Passed,
    Failed,
    Skipped,
}

/// Takes the next test case off the front.
fn next_case<'a>(rest: &mut &'a [u8]) -> Option<Case<'a>> {
    loop {
        let at = memmem::find(rest, b"<testcase")?;
        let tag = rest.get(at + b"<testcase".len()..)?;
        *rest = tag;
        // `<testcases` is something else.
        if !tag.first()?.is_ascii_whitespace() {
            continue;
        }
        let end = tag_end(tag)?;
        let (attributes, after) = tag.split_at_checked(end)?;
        let after = after.get(1..)?;
        if let Some(attributes) = attributes.strip_suffix(b"/") {
            *rest = after;
            return Some(Case { attributes, result: Result::Passed });
        }
        let close = memmem::find(after, b"</testcase").unwrap_or(after.len());
        let (body, after) = after.split_at_checked(close)?;
        *rest = after;
        return Some(Case { attributes, result: result(body) });
    }
}

/// Finds the `>` that ends a tag: one inside quotes does not.
fn tag_end(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    tag.iter().position(|byte| {
        match (quote, byte) {
            (None, b'>') => return true,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
        false
    })
}

/// Reads what is said inside a test case. Output that the case captured is quoted text or CDATA, and is not looked into.
fn result(body: &[u8]) -> Result {
    let mut rest = body;
    while let Some(at) = memchr(b'<', rest) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(b"<![CDATA[") {
            let Some(end) = memmem::find(rest, b"]]>") else { break };
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        for (tag, result) in [("<failure", Result::Failed), ("<error", Result::Failed), ("<skipped", Result::Skipped)] {
            if rest.strip_prefix(tag.as_bytes()).and_then(<[u8]>::first).is_some_and(|byte| !byte.is_ascii_alphanumeric()) {
                return result;
            }
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    Result::Passed
}

impl Case<'_> {
    fn name(&self) -> String {
        let name = attribute(self.attributes, "name").unwrap_or_default();
        match attribute(self.attributes, "classname") {
            Some(class) if !class.is_empty() && !name.starts_with(&class) => format!("{class}::{name}"),
            _ => name,
        }
    }
}

/// Returns an attribute's value, at most 300 characters of it.
fn attribute(attributes: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(attributes);
    let mut rest = &*text;
    loop {
        let (key, after) = rest.split_once('=')?;
        let quote = after.trim_start().chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = after.trim_start().get(1..)?.split_once(quote)?;
        if key.trim() == name {
            let value: String = value.trim().chars().take(300).collect();
            // `&amp;` last, or what it gives would be read again.
            let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
            return Some(entities.iter().fold(value, |value, (entity, text)| value.replace(entity, text)));
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::tests::recorded;

    #[test]
    fn files_of_real_runners_are_read() {
        let told = |name| read_junit(&recorded(name)).unwrap().to_string();
        insta::assert_snapshot!(told("pytest-junit.xml"), @"
        JUnit: 125 passed, 3 failed, 2 skipped
          failed: sub.test_b.TestC::test_two[x/y]
          failed: test_a::test_fails
          failed: test_a::test_error
        ");
        insta::assert_snapshot!(told("jest-junit.xml"), @"
        JUnit: 6 passed, 1 failed, 3 skipped
          failed: fails here
        ");
    }

    #[test]
    fn what_a_test_printed_is_not_a_result() {
        let check = |text: &str, expected: Option<(u64, u64, u64)>| {
            let counts = read_junit(text.as_bytes()).map(|tests| (tests.passed, tests.failed, tests.skipped));
            assert_eq!(counts, expected, "{text}");
        };
        check("", None);
        check("<testcases/>", None);
        check("<testcase name='a'/>", Some((1, 0, 0)));
        check("<testcase name='a>b'/><testcase name=\"'/\"/>", Some((2, 0, 0)));
        check("<testcase name='a'><system-out><![CDATA[<failure>]]></system-out></testcase>", Some((1, 0, 0)));
        check("<testcase name='a'><system-out><![CDATA[<failure>]]></system-out><error/></testcase>", Some((0, 1, 0)));
        check("<testcase name='a'><failures/></testcase>", Some((1, 0, 0)));
        check("<testcase name='a'><skipped/></testcase>", Some((0, 0, 1)));
        check("<testcase name='a'><failure", Some((1, 0, 0)));
        check("<testcase name='a", None);
    }

    #[test]
    fn entities_are_read_once() {
        assert_eq!(attribute(b" classname=\"x\" name=\"a &amp;lt; &quot;b&quot;\"", "name").unwrap(), "a &lt; \"b\"");
        assert_eq!(attribute(b" name=x", "name"), None);
    }
}
