//! The rules: one file each.

mod allow_list_overridden;
mod deny_escaped_by_space;
mod deny_list_only_guard;
mod hook_fails_open;
mod interpreter_with_wildcard;
mod name_differs_from_file;
mod secret_in_file;
mod server_unpinned;
mod shell_fully_trusted;
mod write_fully_trusted;

use crate::Rule;

/// Every rule, by name.
pub const RULES: &[&Rule] = &[
    &allow_list_overridden::RULE,
    &deny_escaped_by_space::RULE,
    &deny_list_only_guard::RULE,
    &hook_fails_open::RULE,
    &interpreter_with_wildcard::RULE,
    &name_differs_from_file::RULE,
    &secret_in_file::RULE,
    &server_unpinned::RULE,
    &shell_fully_trusted::RULE,
    &write_fully_trusted::RULE,
];
