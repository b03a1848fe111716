//! The rules: one file each.

mod allow_accepts_another_command;
mod allow_accepts_pipe;
mod allow_list_overridden;
mod allow_matches_nothing;
mod allow_unreachable;
mod alternation_splits_anchors;
mod deny_escaped_by_arguments;
mod deny_escaped_by_newline;
mod deny_escaped_by_space;
mod deny_list_only_guard;
mod deny_matches_nothing;
mod glob_in_regex_list;
mod hook_fails_open;
mod interpreter_with_wildcard;
mod name_differs_from_file;
mod regex_does_not_compile;
mod secret_in_file;
mod server_unpinned;
mod shell_fully_trusted;
mod write_fully_trusted;

use crate::Rule;

/// Every rule, by name.
pub const RULES: &[&Rule] = &[
    &allow_accepts_another_command::RULE,
    &allow_accepts_pipe::RULE,
    &allow_list_overridden::RULE,
    &allow_matches_nothing::RULE,
    &allow_unreachable::RULE,
    &alternation_splits_anchors::RULE,
    &deny_escaped_by_arguments::RULE,
    &deny_escaped_by_newline::RULE,
    &deny_escaped_by_space::RULE,
    &deny_list_only_guard::RULE,
    &deny_matches_nothing::RULE,
    &glob_in_regex_list::RULE,
    &hook_fails_open::RULE,
    &interpreter_with_wildcard::RULE,
    &name_differs_from_file::RULE,
    &regex_does_not_compile::RULE,
    &secret_in_file::RULE,
    &server_unpinned::RULE,
    &shell_fully_trusted::RULE,
    &write_fully_trusted::RULE,
];
