//! Text out of HTML: what a reader would see, roughly, and nothing that would run.

/// Elements whose content nobody sees.
const UNSEEN: [&str; 8] = ["script", "style", "template", "noscript", "svg", "head", "iframe", "object"];
/// Elements that stand on lines of their own.
const BLOCKS: [&str; 30] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];
const ENTITIES: [(&str, char); 14] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("mdash", '—'),
    ("ndash", '–'),
    ("hellip", '…'),
    ("copy", '©'),
    ("rsquo", '’'),
    ("lsquo", '‘'),
    ("ldquo", '“'),
    ("rdquo", '”'),
];

/// Returns the text of a page: blocks on lines of their own, white space as one blank, headings and items marked.
pub(super) fn text(page: &str) -> String {
    let mut out = Lines::default();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.words(before);
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some((inside, after)) = tag.get(1..).and_then(|tag| tag.split_once('>')) else {
            rest = "";
            break;
        };
        rest = after;
        let is_end = inside.starts_with('/');
        let name: String = inside
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_lowercase();
        if !is_end && !inside.ends_with('/') && UNSEEN.contains(&name.as_str()) {
            rest = past(rest, &name);
        } else if BLOCKS.contains(&name.as_str()) {
            out.end();
            match (is_end, name.as_str()) {
                (false, "li") => out.start("- "),
                (false, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") => out.start("# "),
                _ => {}
            }
        } else if matches!(name.as_str(), "td" | "th") {
            out.words(" ");
        }
    }
    out.words(rest);
    out.end();
    out.text.trim().to_owned()
}

/// Returns what comes after the end of an element, wherever it ends.
fn past<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        let ends = after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
        if ends {
            return after.split_once('>').map_or("", |(_, after)| after);
        }
        rest = after;
    }
    ""
}

#[derive(Default)]
struct Lines {
    text: String,
    line: String,
}

impl Lines {
    fn start(&mut self, mark: &str) {
        self.line.push_str(mark);
    }

    fn words(&mut self, text: &str) {
        for character in decoded(text).chars() {
            if !character.is_whitespace() {
                self.line.push(character);
            } else if !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        }
    }

    fn end(&mut self) {
        let line = self.line.trim();
        if !line.is_empty() && line != "-" && line != "#" {
            self.text.push_str(line);
            self.text.push('\n');
        }
        self.line.clear();
    }
}

fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.find(';').filter(|end| *end <= 10);
        let name = end.and_then(|end| after.get(..end)).unwrap_or_default();
        let character = match name.strip_prefix('#') {
            Some(number) => {
                let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
                hex.unwrap_or_else(|| number.parse()).ok().and_then(char::from_u32)
            }
            None => ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, character)| *character),
        };
        if let Some(character) = character {
            out.push(character);
            rest = after.get(name.len() + 1..).unwrap_or_default();
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_reader_sees() {
        let check = |page: &str, expected: &str| assert_eq!(text(page), expected, "{page}");
        check("<h1>Title</h1><p>One &amp; <b>two</b>.\n  Three<br>four</p>", "# Title\nOne & two. Three\nfour");
        check("<ul><li>a</li><li> b</li></ul>", "- a\n- b");
        check("a<script>if (1 < 2) { x('</div>') }</script>b<STYLE>p{}</StYle >c", "abc");
        check("<!-- <p>no</p> -->yes<!-- never ended", "yes");
        check("<head><title>x</title></head>&lt;p&gt; &#65;&#x42; &unknown; &", "<p> AB &unknown; &");
        check("<table><tr><td>1</td><td>2</td></tr></table>", "1 2");
        check("<p unfinished", "");
        check("", "");
    }

    proptest! {
        #[test]
        fn any_page_has_a_text(page in "(<|>|/|!--|-->|script|li|&|#|;|x|\\PC){0,60}") {
            prop_assert!(text(&page).len() <= page.len() * 4 + 8);
        }
    }
}
