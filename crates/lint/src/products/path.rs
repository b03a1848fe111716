//! Which paths a pattern of `allowedPaths` or `deniedPaths` covers in Amazon Q CLI: a restatement of its published rules.
//!
//! Pattern and path are made absolute and, as far as they exist, free of symbolic links; what does not exist is only
//! made normal. Then the one is a glob over the other, in which `*` crosses `/`.

use std::borrow::Cow;

use remit_agent::AbsPath;

use super::glob::ProductGlob;
use crate::Disk;

/// Where the product runs.
#[derive(Clone, Copy, Debug)]
pub struct PathWorld<'a> {
    pub cwd: &'a AbsPath,
    pub home: &'a AbsPath,
    pub disk: &'a dyn Disk,
}

/// A pattern that is no glob, as it was when it came to be read: the product leaves it out, of its denials too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadGlob(pub String);

/// A pattern, ready to be compared with paths.
#[derive(Clone, Debug)]
pub enum ProductPath {
    /// The path, and what is below it.
    Literal(String),
    /// What is below the path.
    Beneath(String),
    /// The pattern, and the pattern for what is below.
    Glob(Box<[ProductGlob; 2]>),
}

impl ProductPath {
    /// Returns whether the path, as [`PathWorld::canonical`] gives it, is covered.
    pub fn covers(&self, path: &str) -> bool {
        let is_below = |base: &str| path.strip_prefix(base.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        match self {
            ProductPath::Literal(base) => path == base || is_below(base),
            ProductPath::Beneath(base) => is_below(base),
            ProductPath::Glob(globs) => globs.iter().any(|glob| glob.is_match(path)),
        }
    }
}

impl PathWorld<'_> {
    /// Returns whether the pattern covers the path, or anything above it.
    ///
    /// # Errors
    ///
    /// Returns the pattern where it is no glob.
    pub fn covers(&self, pattern: &str, path: &str) -> Result<bool, BadGlob> {
        self.rule(pattern).map(|rule| rule.covers(&self.canonical(path)))
    }

    /// Returns the pattern, ready to be compared with many paths.
    ///
    /// # Errors
    ///
    /// Returns the pattern where it is no glob.
    pub fn rule(&self, pattern: &str) -> Result<ProductPath, BadGlob> {
        const WILD: [char; 6] = ['*', '?', '[', ']', '{', '\\'];
        let mut pattern = self.canonical(pattern);
        if !pattern.contains(WILD) {
            return Ok(ProductPath::Literal(pattern));
        }
        // What is below a directory is most of what is written; it needs no automaton.
        let base = pattern.strip_suffix("/**").or_else(|| pattern.strip_suffix("/*"));
        if let Some(base) = base.filter(|base| !base.contains(WILD)) {
            pattern.truncate(base.len());
            return Ok(ProductPath::Beneath(pattern));
        }
        let below = ProductGlob::new(format!("{}/**", pattern.trim_end_matches('/')));
        Ok(ProductPath::Glob(Box::new([ProductGlob::new(pattern)?, below?])))
    }

    /// Returns a path as the product compares it.
    pub fn canonical(&self, text: &str) -> String {
        let path = self.cwd.join(&self.expanded(text));
        self.disk.canonical(&path).unwrap_or(path).as_str().to_owned()
    }

    /// Returns the text with a leading `~` and `$HOME` replaced. Other variables are not known here, and stay.
    fn expanded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let at_start = |name: &str, text: &str| match text.strip_prefix(name) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(format!("{}{rest}", self.home)),
            _ => None,
        };
        let text = at_start("~", text).map_or(Cow::Borrowed(text), Cow::Owned);
        if !text.contains('$') {
            return text;
        }
        let text = text.replace("${HOME}", self.home.as_str());
        Cow::Owned(at_start("$HOME", &text).unwrap_or(text))
    }
}
