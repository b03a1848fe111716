use std::sync::OnceLock;

use globset::{Glob, GlobBuilder, GlobMatcher};

/// The part of a path pattern that has wildcards. Its automaton is built when it is first asked: at the start of a command
/// most globs are never asked, and building one takes longer than reading the whole agent file.
#[derive(Clone, Debug)]
pub struct PathGlob {
    glob: Glob,
    /// What every path under it ends with; most do not.
    end: String,
    matcher: OnceLock<GlobMatcher>,
}

/// Bytes. The automaton of a longer glob could be too large to be built, which has to come out when it is compiled.
const SHORT: usize = 1024;

impl PathGlob {
    /// Compiles a glob. A class in it is not lenient: `[a..]` and the like must not be read as more than the writer sees.
    pub(crate) fn compile(text: &str) -> Result<PathGlob, globset::Error> {
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(false).build()?;
        let matcher = OnceLock::new();
        let compiled = PathGlob { glob, end: end(text).to_owned(), matcher };
        if text.len() > SHORT {
            compiled.matcher();
        }
        Ok(compiled)
    }

    pub fn text(&self) -> &str {
        self.glob.glob()
    }

    /// Returns the regular expression that the glob means.
    pub(crate) fn regex(&self) -> &str {
        self.glob.regex()
    }

    pub(crate) fn is_match(&self, path: &str) -> bool {
        path.ends_with(&self.end) && self.matcher().is_match(path)
    }

    fn matcher(&self) -> &GlobMatcher {
        self.matcher.get_or_init(|| self.glob.compile_matcher())
    }
}

/// Returns what stands after the last star, where nothing but stars has a meaning.
fn end(text: &str) -> &str {
    if text.contains(['?', '[', ']', '{', '}', '\\']) {
        return "";
    }
    // In `**/x` the slash goes with what the stars stand for, which may be nothing.
    text.rsplit('*').next().unwrap_or_default().trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_end_rules_out_no_match() {
        let paths = texts("ab/", 6);
        for text in texts("a/*", 6) {
            let glob = PathGlob::compile(&text).unwrap();
            for path in paths.iter().filter(|path| !path.ends_with(end(&text))) {
                assert!(!glob.matcher().is_match(path), "{text} over {path}");
            }
        }
    }
}
