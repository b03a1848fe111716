//! `web_fetch`: one address, read as text.
//!
//! The program is `curl`, started in the sandbox as any command is: it reaches what the network grant names and nothing else,
//! by the same way out, which looks at every connection. It follows no redirection: where one leads is judged anew, by the
//! session, before anything is asked there. What comes back is read inside the sandbox too.

use std::time::Duration;

use remit_diagnostics::visible;
use remit_policy::WebAddress;
use serde::{Deserialize, Serialize};

use super::execute_bash::{Printed, run_for_output};
use super::{Control, Failure, Output, Part, cut_middle, html};

/// The most that is read, in bytes, and the longest that it may take, in seconds.
const MOST: usize = 4_000_000;
const LONGEST: u64 = 60;
/// How much text is returned, in bytes: whole, cut, or around what was searched for.
const FULL: usize = 400_000;
const CUT: usize = 8_000;
const SELECTED: usize = 10_000;
/// What stands between the body and what curl says of the answer.
const MARK: &str = "\n\u{1}remit-web-fetch\u{1}";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fetch {
    pub(super) url: String,
    #[serde(default)]
    mode: Mode,
    #[serde(default, alias = "searchTerms")]
    search_terms: Option<String>,
    /// What the model says about it. It grants nothing.
    #[serde(default)]
    summary: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Around the words that are searched for; without any, as `truncated`.
    #[default]
    Selective,
    Truncated,
    Full,
}

impl Fetch {
    pub(super) fn checked(mut self) -> Result<Fetch, String> {
        self.url = self.address()?.to_string();
        Ok(self)
    }

    /// Returns the address that is judged, which is the one that is fetched.
    pub(crate) fn address(&self) -> Result<WebAddress, String> {
        WebAddress::parse(&self.url).map_err(|why| format!("`{}` is not fetched: {why}", cut_middle(&self.url, 200)))
    }

    /// Returns the same wish for where a redirection leads.
    pub(crate) fn moved(&self, to: &str) -> Result<Fetch, String> {
        let to = self.address()?.join(to).map_err(|why| format!("it is redirected to `{}`: {why}", cut_middle(to, 200)))?;
        Ok(Fetch { url: to.to_string(), ..self.clone() })
    }

    pub(super) fn perform(&self, control: &Control<'_>) -> Result<Output, Failure> {
        let told = format!("{MARK}%{{http_code}} %{{content_type}}{MARK}%{{redirect_url}}{MARK}");
        let (longest, most) = (LONGEST.to_string(), MOST.to_string());
        // `--disable` first: no file of the workspace or the home directory adds to the line.
        let words = [
            "curl",
            "--disable",
            "--silent",
            "--show-error",
            "--globoff",
            "--compressed",
            "--proto",
            "=http,https",
            "--max-time",
            &longest,
            "--max-filesize",
            &most,
            "--user-agent",
            "remit",
            "--header",
            "Accept: text/html, text/*, application/json",
            "--write-out",
            &told,
            "--url",
            &self.url,
        ];
        let words = words.map(str::to_owned);
        let printed = run_for_output(&words, Some(Duration::from_secs(LONGEST + 5)), 2 * (MOST + 10_000), control)?;
        let Printed { code, stdout, stderr } = printed;
        let mut parts = stdout.rsplitn(4, MARK);
        let (_, to, about, body) = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(to), Some(about), Some(body), Some(0)) = (to, about, body, code) else {
            let why = stderr.lines().last().unwrap_or("nobody knows why");
            return Err(Failure::new(format!("`{}` cannot be fetched: {why}", self.url)));
        };
        let (status, kind) = about.split_once(' ').unwrap_or((about, ""));
        if status.starts_with('3') && !to.is_empty() {
            return Ok(Output { parts: vec![Part::Moved(to.to_owned())], failed: false });
        }
        let text = self.shown(body, kind);
        let head = if status == "200" { String::new() } else { format!("[HTTP status {status}]\n") };
        Ok(Output { parts: vec![Part::Text(head + &text)], failed: !status.starts_with('2') })
    }

    fn shown(&self, body: &str, kind: &str) -> String {
        let kind = kind.to_ascii_lowercase();
        let is_text = ["text/", "json", "xml", "javascript", "yaml", "toml"].iter().any(|known| kind.contains(known));
        if !is_text && (!kind.is_empty() || body.contains('\u{fffd}')) {
            return format!("[{} bytes of the type `{}`: not text]", body.len(), cut_middle(&kind, 100));
        }
        let page = if kind.contains("html") { html::text(body) } else { body.to_owned() };
        match (self.mode, &self.search_terms) {
            (Mode::Full, _) => cut_middle(&page, FULL),
            (Mode::Selective, Some(terms)) if !terms.trim().is_empty() => selected(&page, terms),
            (Mode::Selective | Mode::Truncated, _) => match page.get(..page.floor_char_boundary(CUT)) {
                Some(start) if start.len() < page.len() => {
                    format!("{start}\n[… {} more bytes: use the mode `full`]", page.len() - start.len())
                }
                _ => page,
            },
        }
    }
}

/// Returns the address for people.
pub(crate) fn visible_address(fetch: &Fetch) -> String {
    visible(&fetch.url)
}

/// Returns the lines that have any of the words, each with the line before and those after it, in their order.
fn selected(page: &str, terms: &str) -> String {
    let terms: Vec<String> = terms.to_lowercase().split([' ', ',']).filter(|term| !term.is_empty()).map(str::to_owned).collect();
    let lines: Vec<&str> = page.lines().collect();
    let hits = lines.iter().map(|line| {
        let line = line.to_lowercase();
        terms.iter().any(|term| line.contains(term.as_str()))
    });
    let hits: Vec<bool> = hits.collect();
    let near = |at: usize| (at.saturating_sub(2)..=at + 1).any(|at| hits.get(at).copied().unwrap_or(false));
    let (mut text, mut gap) = (String::new(), false);
    for (at, line) in lines.iter().enumerate() {
        if !near(at) {
            gap = true;
            continue;
        }
        if text.len() + line.len() > SELECTED {
            text.push_str("[there is more: search for less, or use the mode `full`]");
            break;
        }
        if gap && !text.is_empty() {
            text.push_str("[…]\n");
        }
        gap = false;
        text.push_str(line);
        text.push('\n');
    }
    if text.is_empty() { "[nothing on the page has these words: use the mode `full`]".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_in_the_way_that_was_asked_for() {
        let check = |input: serde_json::Value, kind: &str, body: &str, expected: &str| {
            let fetch: Fetch = serde_json::from_value(input).unwrap();
            assert_eq!(fetch.checked().unwrap().shown(body, kind), expected);
        };
        let url = "https://a.b/";
        let page = "<p>one<p>two<p>three<p>four<p>five<p>six";
        check(serde_json::json!({ "url": url }), "text/html", page, "one\ntwo\nthree\nfour\nfive\nsix");
        check(
            serde_json::json!({ "url": url, "search_terms": "TWO, six" }),
            "text/html; charset=utf-8",
            page,
            "one\ntwo\nthree\nfour\nfive\nsix\n",
        );
        check(serde_json::json!({ "url": url, "search_terms": "one" }), "text/html", page, "one\ntwo\nthree\n");
        check(serde_json::json!({ "url": url, "mode": "full" }), "application/json", "{\"a\": 1}", "{\"a\": 1}");
        check(serde_json::json!({ "url": url }), "image/png", "\u{fffd}PNG", "[6 bytes of the type `image/png`: not text]");
    }
}
