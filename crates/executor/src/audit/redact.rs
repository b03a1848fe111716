//! Secrets of the caller's environment do not go into the record, wherever they turn up.

use remit_policy::never_passed;

/// The shortest value that is taken for a secret: a shorter one would blacken half of every line.
const SHORTEST: usize = 6;

/// The values that are replaced, and the names that stand for them.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// As they stand in a JSON string; the longest first, so that a part of another does not spoil it.
    secrets: Vec<(String, String)>,
}

impl Redactor {
    /// Takes the secrets of an environment: what no task is ever given.
    pub fn new<'a>(environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Redactor {
        let mut secrets: Vec<(String, String)> = environment
            .into_iter()
            .filter(|(name, value)| value.len() >= SHORTEST && never_passed(name).is_some())
            .map(|(name, value)| (in_json(value), in_json(&format!("[secret {name}]"))))
            .collect();
        secrets.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        Redactor { secrets }
    }

    /// Replaces every secret in a piece of JSON.
    pub(super) fn redact(&self, json: String) -> String {
        self.secrets
            .iter()
            .fold(json, |json, (secret, name)| if json.contains(secret) { json.replace(secret, name) } else { json })
    }
}

fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_replaced_by_their_names() {
        let environment = [
            ("GITHUB_TOKEN", "ghp_0123456789"),
            ("OTHER_TOKEN", "ghp_0123456789abc"),
            ("DB_PASSWORD", "a\"b\\c\nd"),
            ("SHORT_TOKEN", "abc"),
            ("LANG", "en_GB.UTF-8"),
        ];
        let redactor = Redactor::new(environment);
        let check = |value: &str, expected: &str| {
            assert_eq!(redactor.redact(serde_json::json!(value).to_string()), serde_json::json!(expected).to_string());
        };
        check("curl -H 'x: ghp_0123456789' y", "curl -H 'x: [secret GITHUB_TOKEN]' y");
        check("ghp_0123456789abc", "[secret OTHER_TOKEN]");
        check("x a\"b\\c\nd y", "x [secret DB_PASSWORD] y");
        check("abc en_GB.UTF-8", "abc en_GB.UTF-8");
    }
}
