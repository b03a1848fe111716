//! Applies a plan to a process. The only crate with `unsafe` code.
//!
//! [`spawn`] forks; the child ([`stage`](self)) takes one step after another, in the order in which a step may rely on
//! those before it: namespaces and mounts, descriptors, session, limits, directory, privileges, Landlock, seccomp, exec.
//! A step that fails ends the child before anything of the task has run, and comes back as a [`LaunchError`] that names
//! the layer, the path and the errno. Nothing here decides what is allowed.
//!
//! The caller must have one thread: the child goes on with the caller's memory, and a lock that another thread held
//! would stay held for ever.

#[cfg(target_env = "musl")]
mod allocator;
mod error;
mod helper;
// A build without optimization would call them to do what they do.
#[cfg(any(test, all(target_env = "musl", target_arch = "x86_64", not(debug_assertions))))]
mod memory;
mod observe;
mod outside;
mod parent;
mod rest;
mod root;
mod signals;
mod stage;
mod sys;
mod task;
mod trial;

#[cfg(target_env = "musl")]
pub use allocator::Allocator;
pub use error::{LaunchError, Layer};
pub use helper::only_talk;
pub use parent::{
    Ending, Running, become_reaper, end_tree, end_tree_but, pause_tree, resume_tree, same_memory, spawn, spawn_telling,
    spawn_when, threads_but, tree_but,
};
pub use rest::let_go_of_code;
pub use signals::{CaughtSignal, Signals, tell_of_write};
pub use task::{Scratch, Stdio, Task};
pub use trial::{try_cgroups, try_host, try_layer};

/// Sees to it that the programs that this process starts inherit no descriptor but the three standard ones (Linux 5.11).
///
/// What the caller of Remit left open, knowingly or not, is closed to a supervisor that outlives the caller.
pub fn keep_descriptors_to_itself() -> Result<(), rustix::io::Errno> {
    sys::close_at_exec_from(3)
}
