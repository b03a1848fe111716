use std::sync::OnceLock;

use globset::{Glob, GlobBuilder, GlobMatcher};

/// The part of a path pattern that has wildcards. Its automaton is built when it is first asked: at the start of a command
/// most globs are never asked, and building one takes longer than reading the whole agent file.
#[derive(Clone, Debug)]
pub struct PathGlob {
    glob: Glob,
    matcher: OnceLock<GlobMatcher>,
}

/// Bytes. The automaton of a longer glob could be too large to be built, which has to come out when it is compiled.
const SHORT: usize = 1024;

impl PathGlob {
    /// Compiles a glob. A class in it is not lenient: `[a..]` and the like must not be read as more than the writer sees.
    pub(crate) fn compile(text: &str) -> Result<PathGlob, globset::Error> {
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(false).build()?;
        let matcher = OnceLock::new();
        let compiled = PathGlob { glob, matcher };
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
        self.matcher().is_match(path)
    }

    fn matcher(&self) -> &GlobMatcher {
        self.matcher.get_or_init(|| self.glob.compile_matcher())
    }
}
