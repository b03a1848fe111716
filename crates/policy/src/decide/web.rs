use regex::{Regex, RegexBuilder};
use remit_agent::NativeTool;

use super::{Decision, reason, trusted, with_help};
use crate::tools::{Tool, rule};
use crate::{CallRule, HostRule, NetworkMode, Origin, Policy, Reason, WebAddress, WebGrants};

/// Bytes that a compiled pattern may take.
const SIZE: usize = 1 << 20;

/// Judges the fetching of one address: each redirection is a request of its own.
pub(super) fn judge(policy: &Policy, address: &WebAddress) -> (Decision, Reason) {
    let tools = &policy.tools;
    let none = WebGrants::default();
    let grants = tools.web.as_ref().unwrap_or(&none);
    if let Some(blocked) = grants.blocked.iter().find(|rule| is_blocked(rule, address)) {
        return (Decision::Deny, reason(&blocked.text, &blocked.origin, "`blocked` matches the address"));
    }
    if policy.is_unrestricted() {
        return trusted(policy);
    }
    let tool = Tool::Native(NativeTool::WebFetch);
    let Some(visible) = rule(&tools.visible, tool) else {
        let absent = reason("tools", &Origin::Silent, "the agent has no `web_fetch`");
        return (Decision::Deny, with_help(absent, "add `web_fetch` to `tools`"));
    };
    if !reached(policy, address) {
        let origin = &policy.network.origin;
        // A rule without a port is for those of the web.
        let (host, port) = (address.host(), address.port());
        let name = if matches!(port, 80 | 443) { host.to_owned() } else { format!("{host}:{port}") };
        let outside = reason("sandbox.network", origin, format!("the network grant does not name `{name}`"));
        return (Decision::Deny, with_help(outside, format!("add `{name}` to `sandbox.network.allow`")));
    }
    if let Some(trusted) = grants.trusted.iter().flatten().find(|rule| is_match(rule, address.as_str())) {
        return (Decision::Allow, reason(&trusted.text, &trusted.origin, "`trusted` matches the address"));
    }
    match rule(&tools.allowed, tool) {
        Some(allowed) if grants.trusted.is_none() => {
            (Decision::Allow, reason("web_fetch", &allowed.origin, "`allowedTools` pre-approves it"))
        }
        Some(allowed) => (Decision::Ask, reason("web_fetch", &allowed.origin, "no pattern of `trusted` matches the address")),
        None => (Decision::Ask, reason("web_fetch", &visible.origin, "`allowedTools` does not pre-approve it")),
    }
}

/// Compiles a pattern: alone first, so that nothing of it escapes from the anchors.
pub(crate) fn compiled_address(pattern: &str) -> Result<Regex, regex::Error> {
    let compile = |text: &str| RegexBuilder::new(text).size_limit(SIZE).build();
    compile(pattern)?;
    compile(&format!(r"\A(?:{pattern})\z"))
}

fn is_match(rule: &CallRule, text: &str) -> bool {
    compiled_address(&rule.text).is_ok_and(|pattern| pattern.is_match(text))
}

/// A pattern that can be read two ways blocks under both: the products put their anchors round an alternation without a
/// group, and a host may be meant in any case.
fn is_blocked(rule: &CallRule, address: &WebAddress) -> bool {
    let bare = RegexBuilder::new(&format!("^{}$", rule.text)).size_limit(SIZE).case_insensitive(true).build();
    let Ok(bare) = bare else { return true };
    // With and without the slash of an address that has no path.
    let text = address.as_str();
    let slim = text.strip_suffix('/').unwrap_or(text);
    is_match(rule, text) || bare.is_match(text) || bare.is_match(slim)
}

fn reached(policy: &Policy, address: &WebAddress) -> bool {
    match &policy.network.mode {
        NetworkMode::None => false,
        NetworkMode::All => true,
        NetworkMode::Hosts(hosts) => hosts.iter().any(|rule| covers(rule, address)),
    }
}

fn covers(rule: &HostRule, address: &WebAddress) -> bool {
    let host = address.host();
    let name = rule.host == host
        || rule.host.strip_prefix('*').is_some_and(|tail| host.strip_suffix(tail).is_some_and(|labels| !labels.is_empty()));
    name && rule.port.map_or(matches!(address.port(), 80 | 443), |port| port == address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    fn check(rules: &str, address: &str, expected: Decision, why: &str) {
        let text = format!(r#"{{"name":"a","tools":["web_fetch"],{rules}}}"#);
        let (decision, reason) = judge(&policy(&text), &WebAddress::parse(address).unwrap());
        assert_eq!((decision, reason.why.contains(why)), (expected, true), "{rules} {address}: {}", reason.why);
    }

    #[test]
    fn an_address_is_reached_trusted_and_not_blocked() {
        let rules = r#""toolsSettings":{"sandbox":{"network":{"allow":["docs.rs","*.example.org","10.0.0.1:8080"]}},
            "web_fetch":{"trusted":["https://docs\\.rs/.*"],"blocked":[".*/secret.*|.*\\.zip","https://b\\.example\\.org"]}}"#;
        check(rules, "https://docs.rs/regex", Decision::Allow, "`trusted` matches");
        check(rules, "https://DOCS.rs./regex#x", Decision::Allow, "`trusted` matches");
        check(rules, "http://docs.rs/regex", Decision::Ask, "does not pre-approve");
        check(rules, "https://docs.rs:8443/regex", Decision::Deny, "does not name `docs.rs:8443`");
        check(rules, "https://docs.rs.evil.org/", Decision::Deny, "does not name");
        check(rules, "https://a.example.org/", Decision::Ask, "");
        check(rules, "https://example.org/", Decision::Deny, "does not name");
        check(rules, "https://docs.rs/SECRET/x", Decision::Deny, "`blocked` matches");
        check(rules, "https://docs.rs/%73ecret/x", Decision::Deny, "`blocked` matches");
        check(rules, "https://docs.rs/a%2ezip", Decision::Deny, "`blocked` matches");
        check(rules, "https://docs.rs/a.zip", Decision::Deny, "`blocked` matches");
        check(rules, "https://b.example.org", Decision::Deny, "`blocked` matches");
        check(rules, "http://10.0.0.1:8080/", Decision::Ask, "");
        check(rules, "http://10.0.0.1/", Decision::Deny, "does not name");
        check(r#""allowedTools":["web_fetch"]"#, "https://docs.rs/", Decision::Deny, "does not name");
        let all = r#""allowedTools":["web_fetch"],"toolsSettings":{"sandbox":{"network":"all"}}"#;
        check(all, "https://docs.rs/", Decision::Allow, "pre-approves");
    }
}
