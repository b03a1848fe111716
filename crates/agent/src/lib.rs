//! Agent files: bytes → [`AgentFile`] (as written, a span on every value) → [`Agent`] (resolved: names, paths, layers).
//!
//! Parsing never fails: [`parse`] gives a tree and diagnostics. Turning the tree into an [`Agent`] does fail when a
//! diagnostic is an error, and nothing that was refused is left out silently.

mod agent;
mod codes;
mod discover;
mod file;
mod json;
mod parse;
mod path;
mod read;
mod tool;
mod yaml;

pub use agent::{Agent, Reading};
pub use codes::PARSE_CODES;
pub use discover::{AgentDirs, AgentRef, DiscoverError, Found, Listing, discover, listing};
pub use file::{
    AgentFile, AwsSettings, EnvSettings, ExampleSettings, FileSettings, Hook, HookTrigger, LimitSettings, McpServer,
    McpTransport, NetworkSettings, PathSettings, PermissionRule, Permissions, Resource, SandboxSettings, ShellSettings,
    SubagentSettings, Text, ToolsSettings, WebSettings,
};
pub use parse::{MAX_FILE_BYTES, Parsed, agent_schema, parse};
pub use path::{AbsPath, PathError};
pub use read::{ReadError, read_agent_file, read_file};
pub use tool::{NativeTool, nearest};
