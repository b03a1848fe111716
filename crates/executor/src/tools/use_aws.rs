//! `use_aws`: one call of the real `aws` command, started in the sandbox as any command is.
//!
//! What is judged is the service and the operation. An option of the command line itself can turn a call into another (where it
//! is sent, whose keys sign it), so only parameters of the operation pass, and every value is one word with its name.

use std::collections::BTreeMap;
use std::time::Duration;

use remit_policy::AwsCall;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::execute_bash::run_words;
use super::{Control, Failure, Output};

/// The options of the `aws` command itself, of both of its versions. A shorter form of one is taken for it.
const GLOBAL: [&str; 25] = [
    "debug",
    "endpoint-url",
    "no-verify-ssl",
    "no-paginate",
    "output",
    "query",
    "profile",
    "region",
    "version",
    "color",
    "no-sign-request",
    "ca-bundle",
    "cli-read-timeout",
    "cli-connect-timeout",
    "cli-binary-format",
    "cli-input-json",
    "cli-input-yaml",
    "cli-auto-prompt",
    "no-cli-auto-prompt",
    "no-cli-pager",
    "cli-error-format",
    "v2-debug",
    "generate-cli-skeleton",
    "help",
    "v",
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UseAws {
    #[serde(alias = "serviceName")]
    service_name: String,
    #[serde(alias = "operationName")]
    operation_name: String,
    #[serde(default)]
    parameters: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default, alias = "profileName")]
    profile_name: Option<String>,
    /// What the model says about it. It grants nothing.
    #[serde(default)]
    label: Option<String>,
    /// Seconds.
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

impl UseAws {
    pub(super) fn checked(self) -> Result<UseAws, String> {
        for (key, value) in [("service_name", &self.service_name), ("operation_name", &self.operation_name)] {
            let plain = value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if value.is_empty() || !plain || value.starts_with('-') {
                return Err(format!("`{key}` is written as the `aws` command writes it, as in `describe-instances`"));
            }
        }
        for (key, value) in [("region", &self.region), ("profile_name", &self.profile_name)] {
            if value.as_ref().is_some_and(|value| value.is_empty() || value.contains('\0')) {
                return Err(format!("`{key}` is empty, or has a NUL byte"));
            }
        }
        self.words()?;
        Ok(self)
    }

    /// Returns the call that is judged, which is the call that is made.
    pub(super) fn call(&self) -> Result<AwsCall, String> {
        Ok(AwsCall { service: self.service_name.clone(), operation: self.operation_name.clone(), words: self.words()? })
    }

    pub(super) fn within(&mut self, limit: Option<u64>) {
        self.timeout_seconds = [self.timeout_seconds, limit].into_iter().flatten().min();
    }

    pub(super) fn perform(&self, control: &Control<'_>) -> Result<Output, Failure> {
        let call = self.call().map_err(Failure::new)?;
        // Nothing asks the address that a cloud's machines have for their keys, and no pager waits for a key.
        let mut words: Vec<String> = ["env", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "aws"].map(str::to_owned).into();
        words.extend([call.service, call.operation]);
        words.extend(call.words);
        run_words(&words, self.timeout_seconds.map(Duration::from_secs), control)
    }

    fn words(&self) -> Result<Vec<String>, String> {
        let mut words = Vec::new();
        for (key, value) in self.parameters.iter().flatten() {
            words.push(word(key, value)?);
        }
        words.extend(self.region.iter().map(|region| format!("--region={region}")));
        words.extend(self.profile_name.iter().map(|profile| format!("--profile={profile}")));
        Ok(words)
    }
}

/// Returns a parameter as one word. An empty text is a flag; what is no text is written as JSON.
fn word(key: &str, value: &Value) -> Result<String, String> {
    let name = key.strip_prefix("--").unwrap_or(key);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') || name.starts_with('-')
    {
        return Err(format!("`{key}` is no parameter: write it as the `aws` command does, as in `instance-ids`"));
    }
    if GLOBAL.iter().any(|global| global.starts_with(name)) || name.starts_with("cli-") {
        return Err(format!("`{key}` is an option of the `aws` command and no parameter of an operation"));
    }
    let text = match value {
        Value::String(text) if text.is_empty() => return Ok(format!("--{name}")),
        Value::Bool(true) => return Ok(format!("--{name}")),
        Value::Bool(false) => return Ok(format!("--no-{name}")),
        Value::Null => return Err(format!("`{key}` has no value")),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    if text.contains('\0') {
        return Err(format!("`{key}` has a NUL byte"));
    }
    Ok(format!("--{name}={text}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(input: &Value, expected: Result<&[&str], &str>) {
        let read = serde_json::from_value::<UseAws>(input.clone()).map_err(|error| error.to_string());
        match (read.and_then(|read| read.checked()?.call()), expected) {
            (Ok(call), Ok(words)) => assert_eq!(call.words, words, "{input}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{input}: {why}"),
            (found, _) => panic!("{input}: {found:?}"),
        }
    }

    fn call(parameters: &Value) -> Value {
        json!({ "service_name": "ec2", "operation_name": "describe-instances", "parameters": parameters, "region": "eu-west-1", "label": "x" })
    }

    #[test]
    fn only_parameters_of_the_operation_pass() {
        check(&call(&json!({})), Ok(&["--region=eu-west-1"]));
        check(
            &call(&json!({ "instance-ids": ["i-1", "i 2"], "--dry-run": "", "max-items": 5, "filters": "Name=x,Values=y" })),
            Ok(&[
                "--dry-run",
                "--filters=Name=x,Values=y",
                r#"--instance-ids=["i-1","i 2"]"#,
                "--max-items=5",
                "--region=eu-west-1",
            ]),
        );
        for option in [
            "endpoint-url",
            "--endpoint-url",
            "endpoint",
            "end",
            "profile",
            "debug",
            "no-verify-ssl",
            "ca-bundle",
            "ca",
            "cli-input-json",
            "cli-x",
        ] {
            check(&call(&json!({ option: "http://127.0.0.1" })), Err("is an option of the `aws` command"));
        }
        for odd in ["", "-", "-x", "a b", "A", "a=b", "a\0"] {
            check(&call(&json!({ odd: "x" })), Err(""));
        }
        for service in ["", "EC2", "ec2 --debug", "-h", "../x"] {
            check(&json!({ "service_name": service, "operation_name": "x" }), Err("`service_name`"));
        }
        check(&json!({ "service_name": "s3", "operation_name": "ls", "other": 1 }), Err("unknown field"));
    }
}
