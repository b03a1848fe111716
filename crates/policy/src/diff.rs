/// One difference between two policies, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    /// As in "can now write `~/.config`".
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// More is permitted than before.
    Widened,
    Narrowed,
    /// Neither, or it cannot be said which.
    Changed,
}

/// Compares two policies by their canonical forms; `None` when one of them is not a canonical form of this version.
pub fn diff(old: &str, new: &str) -> Option<Vec<Change>> {
    let _ = (old, new);
    unimplemented!()
}
