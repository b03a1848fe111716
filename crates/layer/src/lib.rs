//! What a task wrote in its private layers, and what becomes of it.
//!
//! A private layer is an overlay: the task sees the files underneath, the *lower* directory, and what it writes goes to an
//! *upper* directory of its own. Three things meet here:
//!
//! - [`Layers`], the record of which upper belongs to which lower, and of when the task began. It lies beside the uppers, in the
//!   directory of the task, and outlives it;
//! - [`changes`] reads an upper as overlayfs writes it and says what differs from the lower as it stands now, and
//!   [`stat`], [`patch`] and [`json`] show that;
//! - [`apply`] brings chosen changes to the lower, file by file or all or nothing, and [`Layers::discard`] lets them go.
//!
//! **What has changed underneath.** A workspace of any size costs nothing to start on, so nothing of it is looked at or copied
//! before the task begins; only the time is taken, from the clock of the file system. A file underneath counts as changed
//! when its inode changed (`st_ctime`) at that time or later: no program can set that time, and writing, renaming over, changing
//! the mode and linking all move it. So a file that was only touched counts as changed too, and is refused: that is the
//! safe side. What this cannot see: a change made while the machine's clock stood before the start of the task, because
//! somebody set it back, or on a network file system whose server's clock is behind; and that a file was deleted underneath
//! which the task replaced as a whole (as `sed -i` does), which comes back as the task made it. A file whose content is already what
//! the task made of it is no change at all, however it came about.
//!
//! **Nothing is lost.** Applying reads the upper and never writes to it. What is new is written and synced in a staging directory
//! inside the lower, then renamed into its place in a way that keeps what stood there until it has been looked at once more. A journal
//! beside the record says what was about to happen, so that whoever comes after a process that died knows what to do with
//! what it left.
//!
//! No symbolic link is followed below an upper or a lower, and paths are bytes.

mod apply;
mod beneath;
mod changes;
mod content;
mod layers;
mod lines;
mod node;
mod path;
mod renames;
mod show;
mod written;

pub use apply::{Applied, ApplyError, Choice, Manner, Protected, Refusal, Refused, apply, apply_observed, check, is_interrupted};
pub use beneath::View;
pub use changes::{Change, ChangeKind, Changes, Unread, changes};
pub use layers::{Layer, Layers, LayersError, Pattern, Purpose, ToNote, Xattrs};
pub use node::{Kind, Node};
pub use path::RelPath;
pub use show::{PatchStyle, StatStyle, json, patch, stat};
pub use written::written;
