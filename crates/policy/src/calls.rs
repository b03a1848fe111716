//! Grants over the calls of two tools, as their settings say them: which services of AWS, which addresses of the web.

use serde::Serialize;

use crate::Origin;

/// `toolsSettings.use_aws`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AwsGrants {
    /// Services whose every call runs unasked; `None` when the file does not say.
    pub allowed: Option<Vec<CallRule>>,
    pub denied: Vec<CallRule>,
    /// Calls of the table of readers run unasked.
    pub read_only: Option<Origin>,
}

/// `toolsSettings.web_fetch`. Both kinds are regular expressions over a whole address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WebGrants {
    pub trusted: Option<Vec<CallRule>>,
    pub blocked: Vec<CallRule>,
}

/// A service, or a regular expression over addresses, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallRule {
    pub text: String,
    #[serde(skip_serializing_if = "Origin::is_erased")]
    pub origin: Origin,
}

impl AwsGrants {
    /// Returns the grants without origins, each rule once and in order.
    pub(crate) fn form(&self) -> AwsGrants {
        AwsGrants {
            allowed: self.allowed.as_deref().map(form),
            denied: form(&self.denied),
            read_only: self.read_only.as_ref().map(|_| Origin::Erased),
        }
    }
}

impl WebGrants {
    /// Returns the grants without origins, each rule once and in order.
    pub(crate) fn form(&self) -> WebGrants {
        WebGrants { trusted: self.trusted.as_deref().map(form), blocked: form(&self.blocked) }
    }
}

fn form(rules: &[CallRule]) -> Vec<CallRule> {
    let mut rules: Vec<CallRule> =
        rules.iter().map(|rule| CallRule { text: rule.text.clone(), origin: Origin::Erased }).collect();
    rules.sort_by(|one, other| one.text.cmp(&other.text));
    rules.dedup();
    rules
}
