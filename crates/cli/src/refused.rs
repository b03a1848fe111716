//! What a task's network refused, as its audit record has it: alike ones together, with how many there were.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use remit_diagnostics::visible;
use serde::Serialize;
use serde_json::Value;

/// So many kinds are shown.
const SHOWN: usize = 10;

/// Connections that were refused for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// Empty when nothing that could be read was asked for.
    pub(crate) host: String,
    pub(crate) port: u64,
    pub(crate) why: String,
    pub(crate) count: u64,
}

/// Reads them from a record, the most frequent first.
pub(crate) fn refused(record: &str) -> Vec<Refused> {
    let mut kinds: BTreeMap<(String, u64, String), u64> = BTreeMap::new();
    for line in record.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let text = |key: &str| line.pointer(&format!("/event/{key}")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |key: &str| line.pointer(&format!("/event/{key}")).and_then(Value::as_u64).unwrap_or(0);
        let count = match text("kind").as_str() {
            "refused" => 1,
            "refused_alike" => number("more"),
            _ => continue,
        };
        *kinds.entry((text("host"), number("port"), text("why"))).or_default() += count;
    }
    let mut all: Vec<Refused> = kinds.into_iter().map(|((host, port, why), count)| Refused { host, port, why, count }).collect();
    all.sort_by_key(|refused| std::cmp::Reverse(refused.count));
    all
}

/// Returns the text for a person.
pub(crate) fn render(all: &[Refused]) -> String {
    let mut text = "the task's network refused this:\n".to_owned();
    for Refused { host, port, why, count } in all.iter().take(SHOWN) {
        let what = if host.is_empty() { "connections".to_owned() } else { format!("connect to {}:{port}", visible(host)) };
        let times = if *count == 1 { String::new() } else { format!(", {} times", grouped(*count)) };
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n  {what}{times}\n    {}", visible(why));
    }
    if all.len() > SHOWN {
        let rest: u64 = all.iter().skip(SHOWN).map(|refused| refused.count).sum();
        let _ = writeln!(text, "\n  and {} more, of {} kinds: `remit audit` has them", grouped(rest), all.len() - SHOWN);
    }
    text
}

/// Writes a number with a comma after every third digit.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_refusals_are_counted_together() {
        let line = |event: &str| format!("{{\"version\":1,\"event\":{event}}}\n");
        let alike = r#""by":"http","host":"a.test","port":80,"why":"`a.test:80` is not granted""#;
        let record = [
            line(r#"{"kind":"opened","why":"no"}"#),
            line(&format!("{{\"kind\":\"refused\",{alike}}}")),
            line(r#"{"kind":"refused","by":"proxy","host":"","port":0,"why":"the request has a \u001b in it"}"#),
            line(&format!("{{\"kind\":\"refused\",{alike}}}")),
            line(&format!("{{\"kind\":\"refused_alike\",{alike},\"more\":12345,\"all\":12347}}")),
            "not json\n".to_owned(),
        ];
        insta::assert_snapshot!(render(&refused(&record.concat())), @r"
        the task's network refused this:

          connect to a.test:80, 12,347 times
            `a.test:80` is not granted

          connections
            the request has a \u{1b} in it
        ");
    }

    #[test]
    fn numbers_are_read_in_threes() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(1_234_567, "1,234,567");
    }
}
