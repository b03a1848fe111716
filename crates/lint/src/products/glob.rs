use std::cell::OnceCell;

use globset::{Glob, GlobMatcher};

use super::path::BadGlob;

/// A glob in which `*` crosses `/`. Its automaton is built when a path comes that has what the glob asks for: most paths
/// do not, and to build one takes longer than all that it is asked.
#[derive(Clone, Debug)]
pub struct ProductGlob {
    text: String,
    /// What stands before the first star and after the last one, where nothing but stars has a meaning.
    ends: Option<Ends>,
    matcher: OnceCell<Option<GlobMatcher>>,
}

#[derive(Clone, Debug)]
struct Ends {
    start: String,
    /// What a path has, and where.
    rest: Rest,
}

#[derive(Clone, Debug)]
enum Rest {
    At(String),
    /// Of a glob for what is below: somewhere before what the last stars take.
    Within(String),
}

impl ProductGlob {
    /// Returns the glob.
    ///
    /// # Errors
    ///
    /// Returns the text where it is no glob.
    pub fn new(text: String) -> Result<ProductGlob, BadGlob> {
        let ends = Ends::of(&text);
        // With stars alone, no text is malformed.
        if ends.is_none() && Glob::new(&text).is_err() {
            return Err(BadGlob(text));
        }
        Ok(ProductGlob { text, ends, matcher: OnceCell::new() })
    }

    pub(crate) fn is_match(&self, path: &str) -> bool {
        if self.ends.as_ref().is_some_and(|ends| !ends.are_of(path)) {
            return false;
        }
        let matcher = self.matcher.get_or_init(|| Glob::new(&self.text).ok().map(|glob| glob.compile_matcher()));
        matcher.as_ref().is_some_and(|matcher| matcher.is_match(path))
    }
}

impl Ends {
    fn of(text: &str) -> Option<Ends> {
        // At the very beginning, `**/` may stand for nothing, with its slash.
        if text.contains(['?', '[', ']', '{', '}', '\\']) || text.starts_with('*') {
            return None;
        }
        let (start, rest) = text.split_once('*')?;
        let last = |text: &str| text.rsplit('*').next().unwrap_or_default().to_owned();
        let rest = match rest.strip_suffix("/**") {
            Some(above) => Rest::Within(last(above) + "/"),
            None => Rest::At(last(rest)),
        };
        Some(Ends { start: start.to_owned(), rest })
    }

    /// Returns whether a path that has not both cannot be a match.
    fn are_of(&self, path: &str) -> bool {
        path.starts_with(&self.start)
            && match &self.rest {
                Rest::At(end) => path.ends_with(end),
                Rest::Within(part) => path.contains(part),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of these characters, shortest first.
    fn texts(characters: &str, longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..longest {
            let to = all.len();
            for at in from..to {
                all.extend(characters.chars().map(|c| format!("{}{c}", all[at])).collect::<Vec<_>>());
            }
            from = to;
        }
        all
    }

    #[test]
    fn the_ends_rule_out_no_match() {
        let paths = texts("ab/", 6);
        for text in texts("a/*", 6) {
            let glob = ProductGlob::new(text.clone()).unwrap();
            let Some(ends) = &glob.ends else { continue };
            let matcher = Glob::new(&text).unwrap().compile_matcher();
            for path in paths.iter().filter(|path| !ends.are_of(path)) {
                assert!(!matcher.is_match(path), "{text} over {path}");
            }
        }
    }

    #[test]
    fn ends_are_looked_at_first() {
        let check = |text: &str, path: &str, matches: bool, built: bool| {
            let glob = ProductGlob::new(text.to_owned()).unwrap();
            assert_eq!((glob.is_match(path), glob.matcher.get().is_some()), (matches, built), "{text} over {path}");
        };
        check("/w/**/*.ts", "/home/x", false, false);
        check("/w/**/*.ts", "/w/x.js", false, false);
        check("/w/**/*.ts", "/w/a/x.ts", true, true);
        check("/w/*/a/**", "/w/x/b/c", false, false);
        check("/w/*/a/**", "/w/x/a/c", true, true);
        check("/w/[ab]", "/w/c", false, true);
        assert_eq!(ProductGlob::new("/w/[".to_owned()).unwrap_err(), BadGlob("/w/[".to_owned()));
    }
}
