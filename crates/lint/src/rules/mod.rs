//! The rules: one file each.

mod alias_collides;
mod allow_accepts_another_command;
mod allow_accepts_pipe;
mod allow_list_overridden;
mod allow_matches_nothing;
mod allow_unreachable;
mod alternation_splits_anchors;
mod aws_denial_has_other_name;
mod aws_read_only_reads_secrets;
mod aws_service_grants_everything;
mod credential_store_granted;
mod delegate_runs_anything;
mod delegates_to_freer_agent;
mod denial_holds_in_workspace_only;
mod deny_escaped_by_arguments;
mod deny_escaped_by_newline;
mod deny_escaped_by_space;
mod deny_list_only_guard;
mod deny_matches_nothing;
mod escape_option_allowed;
mod git_hooks_writable;
mod glob_in_regex_list;
mod hook_fails_open;
mod hook_verdict_cached;
mod interpreter_with_wildcard;
mod matcher_matches_no_tool;
mod name_differs_from_file;
mod name_unknown_to_q;
mod own_agent_file_writable;
mod path_leaves_workspace;
mod path_list_overridden;
mod path_misread_as_gitignore;
mod path_never_matches;
mod path_through_symlink;
mod prompt_file_missing;
mod read_differently;
mod read_fully_trusted;
mod refused_by_q;
mod regex_does_not_compile;
mod resource_file_missing;
mod root_granted;
mod secret_in_file;
mod server_not_defined;
mod server_over_http;
mod server_prefix_exposes_another;
mod server_unpinned;
mod shell_fully_trusted;
mod start_up_file_writable;
mod subagent_fully_trusted;
mod sudo_allowed;
mod too_many_patterns;
mod v3_deny_escaped;
mod v3_everything_allowed;
mod v3_regex_in_glob;
mod v3_rule_never_decides;
mod v3_settings_not_read;
mod v3_unknown_tag;
mod v3_without_permissions;
mod web_fully_trusted;
mod web_pattern_broken;
mod whole_home_granted;
mod wrapper_with_wildcard;
mod write_fully_trusted;

use crate::Rule;

/// Every rule, by name.
pub const RULES: &[&Rule] = &[
    &alias_collides::RULE,
    &allow_accepts_another_command::RULE,
    &allow_accepts_pipe::RULE,
    &allow_list_overridden::RULE,
    &allow_matches_nothing::RULE,
    &allow_unreachable::RULE,
    &alternation_splits_anchors::RULE,
    &aws_denial_has_other_name::RULE,
    &aws_read_only_reads_secrets::RULE,
    &aws_service_grants_everything::RULE,
    &credential_store_granted::RULE,
    &delegate_runs_anything::RULE,
    &delegates_to_freer_agent::RULE,
    &denial_holds_in_workspace_only::RULE,
    &deny_escaped_by_arguments::RULE,
    &deny_escaped_by_newline::RULE,
    &deny_escaped_by_space::RULE,
    &deny_list_only_guard::RULE,
    &deny_matches_nothing::RULE,
    &escape_option_allowed::RULE,
    &git_hooks_writable::RULE,
    &glob_in_regex_list::RULE,
    &hook_fails_open::RULE,
    &hook_verdict_cached::RULE,
    &interpreter_with_wildcard::RULE,
    &matcher_matches_no_tool::RULE,
    &name_differs_from_file::RULE,
    &name_unknown_to_q::RULE,
    &own_agent_file_writable::RULE,
    &path_leaves_workspace::RULE,
    &path_list_overridden::RULE,
    &path_misread_as_gitignore::RULE,
    &path_never_matches::RULE,
    &path_through_symlink::RULE,
    &prompt_file_missing::RULE,
    &read_differently::RULE,
    &read_fully_trusted::RULE,
    &refused_by_q::RULE,
    &regex_does_not_compile::RULE,
    &resource_file_missing::RULE,
    &root_granted::RULE,
    &secret_in_file::RULE,
    &server_not_defined::RULE,
    &server_over_http::RULE,
    &server_prefix_exposes_another::RULE,
    &server_unpinned::RULE,
    &shell_fully_trusted::RULE,
    &start_up_file_writable::RULE,
    &subagent_fully_trusted::RULE,
    &sudo_allowed::RULE,
    &too_many_patterns::RULE,
    &v3_deny_escaped::RULE,
    &v3_everything_allowed::RULE,
    &v3_regex_in_glob::RULE,
    &v3_rule_never_decides::RULE,
    &v3_settings_not_read::RULE,
    &v3_unknown_tag::RULE,
    &v3_without_permissions::RULE,
    &web_fully_trusted::RULE,
    &web_pattern_broken::RULE,
    &whole_home_granted::RULE,
    &wrapper_with_wildcard::RULE,
    &write_fully_trusted::RULE,
];
