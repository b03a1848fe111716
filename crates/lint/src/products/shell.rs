//! What Amazon Q CLI and Kiro CLI say to a command line: a restatement of the published rules, for comparison.
//!
//! Q's is from its source (version 1.19.7). Kiro's source is closed: what is known of it is that the chains which Q asks
//! about are judged command by command.

use remit_agent::ShellSettings;
use remit_diagnostics::Spanned;
use remit_policy::Decision;

use super::pattern::Pattern;

/// The shell tool of an agent, as a product sees it.
#[derive(Clone, Debug, Default)]
pub struct ProductShell {
    /// Whether `allowedTools` has the tool.
    pub trusted: bool,
    pub settings: ProductSettings,
}

/// The settings of the shell tool.
#[derive(Clone, Debug, Default)]
pub enum ProductSettings {
    #[default]
    Absent,
    /// A value of another type than its key takes: the product asks about everything, and denies nothing.
    Unreadable,
    Read(ProductRules),
}

#[derive(Clone, Debug, Default)]
pub struct ProductRules {
    pub allowed: Vec<Pattern>,
    pub denied: Vec<Pattern>,
    pub read_only: bool,
    pub deny_by_default: bool,
}

impl ProductRules {
    pub fn of(settings: &ShellSettings) -> ProductRules {
        let patterns = |list: &Option<Spanned<Vec<Spanned<String>>>>| {
            list.iter().flat_map(|list| &list.value).map(|text| Pattern::new(&text.value)).collect()
        };
        let on = |switch: &Option<Spanned<bool>>| switch.as_ref().is_some_and(|switch| switch.value);
        ProductRules {
            allowed: patterns(&settings.allowed_commands),
            denied: patterns(&settings.denied_commands),
            read_only: on(&settings.auto_allow_readonly),
            deny_by_default: on(&settings.deny_by_default),
        }
    }
}

/// Programs that Q takes for read-only, whatever their words are.
const READ_ONLY: [&str; 10] = ["ls", "cat", "echo", "pwd", "which", "head", "tail", "find", "grep", "dir"];
/// What makes a word dangerous, wherever it stands in it, quoted or not.
const DANGEROUS: [&str; 10] = ["<(", "$(", "`", ">", "&&", "||", "&", ";", "$", "IFS"];
/// What Kiro takes apart, and Q asks about.
const CHAINS: [&str; 3] = ["&&", "||", ";"];

impl ProductShell {
    /// Returns what Amazon Q CLI does with a line.
    pub fn judge_as_q(&self, line: &str) -> Decision {
        let rules = match self.rules() {
            Ok(rules) => rules,
            Err(decision) => return decision,
        };
        if rules.denied.iter().any(|pattern| denies(pattern, line)) {
            Decision::Deny
        } else if self.trusted || !rules.needs_acceptance(line) {
            Decision::Allow
        } else if rules.deny_by_default {
            Decision::Deny
        } else {
            Decision::Ask
        }
    }

    /// Returns what Kiro CLI 2.x does with a line, as far as is known: each command of a chain is judged by itself.
    pub fn judge_as_kiro(&self, line: &str) -> Decision {
        let Some(parts) = segments(line).filter(|parts| parts.len() > 1) else { return self.judge_as_q(line) };
        let whole = match self.rules() {
            Ok(rules) if rules.denied.iter().any(|pattern| denies(pattern, line)) => Decision::Deny,
            _ => Decision::Allow,
        };
        parts.iter().map(|part| self.judge_as_q(part)).fold(whole, Decision::max)
    }

    /// Returns the rules, or what is decided without any.
    fn rules(&self) -> Result<&ProductRules, Decision> {
        const NONE: &ProductRules =
            &ProductRules { allowed: Vec::new(), denied: Vec::new(), read_only: false, deny_by_default: false };
        match &self.settings {
            ProductSettings::Absent => Ok(NONE),
            ProductSettings::Unreadable => Err(Decision::Ask),
            ProductSettings::Read(rules) => Ok(rules),
        }
    }
}

impl ProductRules {
    fn needs_acceptance(&self, line: &str) -> bool {
        if line.contains(['\n', '\r']) {
            return true;
        }
        let Some(words) = shlex::split(line) else { return true };
        if words.iter().any(|word| DANGEROUS.iter().any(|mark| word.contains(mark))) {
            return true;
        }
        if words.iter().any(|word| word.contains('|') && word != "|") {
            return true;
        }
        let segments: Vec<&[String]> = words.split(|word| word == "|").filter(|segment| !segment.is_empty()).collect();
        if segments.iter().any(|segment| has_dangerous_option(segment)) {
            return true;
        }
        if self.allowed.iter().any(|pattern| pattern.matches(line) == Some(true)) {
            return false;
        }
        let is_read_only = |segment: &&[String]| segment.first().is_some_and(|program| READ_ONLY.contains(&program.as_str()));
        !segments.iter().all(|segment| self.read_only && is_read_only(segment))
    }
}

/// Returns whether a denial covers the line. One that does not compile covers every line without a line end.
fn denies(pattern: &Pattern, line: &str) -> bool {
    pattern.matches(line).unwrap_or_else(|| !line.contains('\n'))
}

fn has_dangerous_option(segment: &[String]) -> bool {
    let options: &[&str] = match segment.first().map(String::as_str) {
        Some("find") => &["-exec", "-delete", "-ok", "-fprint", "-fls"],
        Some("grep") => &["-P", "--perl-regexp"],
        _ => &[],
    };
    segment.iter().any(|word| options.iter().any(|option| word.contains(option)))
}

/// Returns the commands of a chain, or `None` where its quotes do not close.
fn segments(line: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut quote, mut at) = (0, None, 0);
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.chars().next().map_or(1, char::len_utf8);
        match (quote, rest.as_bytes().first()) {
            (Some(open), Some(found)) if open == *found => quote = None,
            (None | Some(b'"'), Some(b'\\')) => at += rest.chars().nth(1).map_or(0, char::len_utf8),
            (None, Some(open @ (b'"' | b'\''))) => quote = Some(*open),
            (None, _) => {
                let mark = CHAINS.iter().chain(&["|"]).find(|mark| rest.starts_with(**mark));
                if let Some(mark) = mark {
                    parts.push(line.get(start..at)?.trim());
                    start = at + mark.len();
                    at = start;
                    continue;
                }
            }
            _ => {}
        }
        at += next;
    }
    parts.push(line.get(start..)?.trim());
    quote.is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(allowed: &[&str], denied: &[&str], trusted: bool) -> ProductShell {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(*text)).collect();
        let rules = ProductRules { allowed: patterns(allowed), denied: patterns(denied), ..ProductRules::default() };
        ProductShell { trusted, settings: ProductSettings::Read(rules) }
    }

    #[test]
    fn kiro_takes_chains_apart_and_q_does_not() {
        let check = |allowed: &[&str], line: &str, q: Decision, kiro: Decision| {
            let shell = shell(allowed, &["git push.*"], false);
            assert_eq!((shell.judge_as_q(line), shell.judge_as_kiro(line)), (q, kiro), "{line}");
        };
        check(&["cat .*"], "cat x | bash", Decision::Allow, Decision::Ask);
        check(&["git status", "ls"], "git status && ls", Decision::Ask, Decision::Allow);
        check(&["git status"], "git status; git push", Decision::Ask, Decision::Deny);
        check(&["echo .*"], "echo 'a;b'", Decision::Ask, Decision::Ask);
        check(&["echo .*"], "echo \"a", Decision::Ask, Decision::Ask);
        check(&["echo .*"], " git push", Decision::Ask, Decision::Ask);
    }

    #[test]
    fn a_line_is_split_outside_quotes() {
        let check = |line: &str, expected: Option<&[&str]>| assert_eq!(segments(line).as_deref(), expected, "{line}");
        check("a && b|c ; d", Some(&["a", "b", "c", "d"]));
        check(r#"a 'x && y' "z;" \; b"#, Some(&[r#"a 'x && y' "z;" \; b"#]));
        check("a 'b", None);
        check("é|ü", Some(&["é", "ü"]));
        check("\\", Some(&["\\"]));
        check("", Some(&[""]));
    }

    #[test]
    fn without_rules_only_what_is_no_command_runs() {
        let check = |settings: ProductSettings, trusted: bool, line: &str, expected: Decision| {
            assert_eq!(ProductShell { trusted, settings }.judge_as_q(line), expected, "{line}");
        };
        check(ProductSettings::Absent, false, "ls", Decision::Ask);
        check(ProductSettings::Absent, false, "# ls", Decision::Allow);
        check(ProductSettings::Absent, true, "ls > f", Decision::Allow);
        check(ProductSettings::Unreadable, true, "ls", Decision::Ask);
    }
}
