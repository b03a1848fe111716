//! What a model is told about each tool. The arguments are those of the public tools of these names.

use remit_agent::NativeTool;
use serde_json::{Map, Value};

/// A tool as it is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub title: String,
    pub description: String,
    /// A JSON Schema of its arguments.
    pub schema: Map<String, Value>,
    /// Whether it changes nothing. A hint for hosts, and no permission.
    pub read_only: bool,
}

/// Returns what a model is told about a tool, if Remit has it.
pub fn described(tool: NativeTool) -> Option<Described> {
    let all: Value = serde_json::from_str(include_str!("schemas.json")).ok()?;
    let one = all.get(tool.name())?;
    let text = |key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Described {
        title: text("title")?,
        description: text("description")?,
        schema: one.get("schema")?.as_object()?.clone(),
        read_only: !matches!(tool, NativeTool::Write | NativeTool::Shell | NativeTool::Delegate | NativeTool::Aws),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_that_can_be_called_is_described_and_no_other() {
        let all: Map<String, Value> = serde_json::from_str(include_str!("schemas.json")).unwrap();
        for name in all.keys() {
            let tool = NativeTool::named(name).unwrap();
            assert!(described(tool).is_some(), "{name}");
        }
        for tool in NativeTool::ALL {
            let refused = super::super::Call::read(tool, serde_json::json!({})).err();
            let offered = !refused.is_some_and(|why| why.ends_with("is not offered here"));
            assert_eq!(described(tool).is_some(), offered, "{}", tool.name());
        }
    }
}
