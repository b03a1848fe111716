use remit_agent::AbsPath;
use serde::Serialize;

/// A private layer: writes below `target` go elsewhere, and the files underneath do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub target: AbsPath,
    pub purpose: LayerPurpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerPurpose {
    Workspace,
    Cache,
}

/// A directory of the task's own that stands where the host's stood, as `/tmp` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrivateDirectory {
    pub target: AbsPath,
    /// In memory (`/dev/shm`), or on disk below the task's own directory.
    pub in_memory: bool,
}

/// A path that is covered by something empty: an empty directory, or an empty file that nobody may open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mask {
    pub path: AbsPath,
    pub directory: bool,
}
