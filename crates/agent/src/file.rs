//! An agent file as it was written: every value with the place where it stands, nothing resolved.

use remit_diagnostics::{Span, Spanned};

/// A string of the file with its place.
pub type Text = Spanned<String>;

/// The whole file. A key that is absent is `None` or empty; a value of the wrong type is absent too, and has a diagnostic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFile {
    /// Every key of the top level as it was written, also those that are not of the format.
    pub keys: Vec<Text>,
    pub schema: Option<Text>,
    pub name: Option<Text>,
    pub description: Option<Text>,
    pub prompt: Option<Text>,
    pub model: Option<Text>,
    pub tools: Option<Spanned<Vec<Text>>>,
    pub allowed_tools: Option<Spanned<Vec<Text>>>,
    pub tool_aliases: Vec<(Text, Text)>,
    pub resources: Vec<Spanned<Resource>>,
    pub mcp_servers: Vec<McpServer>,
    pub hooks: Vec<Hook>,
    pub settings: ToolsSettings,
    pub include_mcp_json: Option<Spanned<bool>>,
    pub use_legacy_mcp_json: Option<Spanned<bool>>,
    pub welcome_message: Option<Text>,
    pub keyboard_shortcut: Option<Text>,
    /// Rules of Kiro CLI 3. Remit does not enforce them: a file that has them is linted, and not compiled.
    pub permissions: Option<Spanned<Permissions>>,
}

/// `permissions` of Kiro CLI 3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    pub rules: Vec<PermissionRule>,
}

/// One of the rules: what may be done with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRule {
    pub span: Span,
    pub capability: Option<Text>,
    /// `match`: globs. Without any, the rule is about everything of its capability.
    pub patterns: Vec<Text>,
    pub exclude: Vec<Text>,
    /// `allow`, `ask` or `deny`.
    pub effect: Option<Text>,
}

/// An entry of `resources`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `file://PATTERN`, without the scheme.
    File(String),
    /// `skill://PATTERN`, without the scheme.
    Skill(String),
    /// `{ "type": "knowledgeBase", "source": … }`.
    KnowledgeBase { source: Text, name: Option<Text> },
    /// Anything else that is a string; no product reads it.
    Other(String),
}

/// An entry of `mcpServers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    pub name: Text,
    pub span: Span,
    pub transport: McpTransport,
    pub env: Vec<(Text, Text)>,
    pub timeout_ms: Option<Spanned<u64>>,
    pub disabled: bool,
    pub disabled_tools: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpTransport {
    Stdio { command: Option<Text>, args: Vec<Text> },
    Http { url: Option<Text>, headers: Vec<(Text, Text)> },
    Registry,
}

/// One hook: a command that is started when its trigger fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub trigger: Spanned<HookTrigger>,
    pub span: Span,
    /// `None` when the key is missing, which is an error of the file.
    pub command: Option<Text>,
    pub matcher: Option<Text>,
    pub timeout_ms: Option<Spanned<u64>>,
    pub max_output_size: Option<Spanned<u64>>,
    pub cache_ttl_seconds: Option<Spanned<u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookTrigger {
    AgentSpawn,
    UserPromptSubmit,
    PreToolUse,
    PostToolUse,
    Stop,
}

/// `toolsSettings`, under the tools' names of either generation.
///
/// Two keys that name the same tool (`shell` and `execute_bash`) are an error of the file: which of them would hold
/// differs from product to product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolsSettings {
    pub shell: Option<Spanned<ShellSettings>>,
    pub read: Option<Spanned<PathSettings>>,
    pub write: Option<Spanned<PathSettings>>,
    pub glob: Option<Spanned<PathSettings>>,
    pub grep: Option<Spanned<PathSettings>>,
    pub aws: Option<Spanned<AwsSettings>>,
    pub web_fetch: Option<Spanned<WebSettings>>,
    pub subagent: Option<Spanned<SubagentSettings>>,
    pub sandbox: Option<Spanned<SandboxSettings>>,
    /// Keys that Remit does not read, with the place of the key.
    pub other: Vec<Text>,
    /// Every key as it was written: which of a tool's names was used.
    pub keys: Vec<Text>,
}

/// `execute_bash` / `shell`. A list is `None` when the key is absent: an empty list is not the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellSettings {
    pub allowed_commands: Option<Spanned<Vec<Text>>>,
    pub denied_commands: Option<Spanned<Vec<Text>>>,
    pub auto_allow_readonly: Option<Spanned<bool>>,
    pub deny_by_default: Option<Spanned<bool>>,
}

/// `fs_read` / `read`, `fs_write` / `write`, `glob`, `grep`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSettings {
    pub allowed_paths: Option<Spanned<Vec<Text>>>,
    pub denied_paths: Option<Spanned<Vec<Text>>>,
    pub allow_read_only: Option<Spanned<bool>>,
}

/// `use_aws` / `aws`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    pub allowed_services: Option<Spanned<Vec<Text>>>,
    pub denied_services: Option<Spanned<Vec<Text>>>,
    pub auto_allow_readonly: Option<Spanned<bool>>,
}

/// `web_fetch`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSettings {
    pub trusted: Option<Spanned<Vec<Text>>>,
    pub blocked: Option<Spanned<Vec<Text>>>,
}

/// `subagent` / `use_subagent` / `delegate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubagentSettings {
    pub available_agents: Option<Spanned<Vec<Text>>>,
    pub trusted_agents: Option<Spanned<Vec<Text>>>,
}

/// `sandbox`: Remit's own settings, in the one free-form object of the format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxSettings {
    pub profile: Option<Text>,
    pub network: Option<Spanned<NetworkSettings>>,
    pub files: Option<Spanned<FileSettings>>,
    pub env: Option<Spanned<EnvSettings>>,
    pub limits: Option<Spanned<LimitSettings>>,
    /// Processes of the task may trace each other, as debuggers do.
    pub debug: Option<Spanned<bool>>,
    /// `"layer"` or `"direct"`.
    pub workspace: Option<Text>,
    pub examples: Option<Spanned<ExampleSettings>>,
    /// `hooks.letThrough`: the commands of `preToolUse` hooks that block only as they do in the products.
    pub let_through: Vec<Text>,
    /// `remit-lint-ignore`: rules of lint whose findings are meant to be so, each with the reason.
    pub lint_ignore: Vec<(Text, Text)>,
}

/// `sandbox.network`: `"none"`, `"all"`, or `{ "allow": [HOST[:PORT]…], "loopback": BOOL }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkSettings {
    None,
    All,
    Hosts { allow: Vec<Text>, loopback: Option<Spanned<bool>> },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSettings {
    pub read: Vec<Text>,
    pub write: Vec<Text>,
    pub execute: Vec<Text>,
    pub hide: Vec<Text>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvSettings {
    pub pass: Vec<Text>,
    pub set: Vec<(Text, Text)>,
}

/// `sandbox.limits`, already read as numbers: bytes and seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    pub memory: Option<Spanned<u64>>,
    pub processes: Option<Spanned<u64>>,
    pub open_files: Option<Spanned<u64>>,
    pub wall_time: Option<Spanned<u64>>,
    pub cpu_time: Option<Spanned<u64>>,
    pub file_size: Option<Spanned<u64>>,
    pub output: Option<Spanned<u64>>,
    pub disk_space: Option<Spanned<u64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleSettings {
    pub allow: Vec<Text>,
    pub ask: Vec<Text>,
    pub deny: Vec<Text>,
}
