use std::fs;
use std::path::Path;

use jsonschema::Validator;

use super::*;
use crate::parse;

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Calls `visit` with every schema of a property, with the path of keys that leads there.
fn each(schema: &Value, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String], &Value)) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(key.clone());
        visit(path, property);
        each(property, path, visit);
        path.pop();
    }
    let nested = [&schema["items"], &schema["additionalProperties"]];
    let branches = schema["anyOf"].as_array().into_iter().flatten().chain(nested[0]["anyOf"].as_array().into_iter().flatten());
    for (index, nested) in nested.into_iter().enumerate().filter(|(_, nested)| nested.is_object()) {
        path.push(if index == 0 { "[]" } else { "{}" }.to_owned());
        each(nested, path, visit);
        path.pop();
    }
    for branch in branches.filter(|branch| branch.is_object()) {
        let inside = schema["items"]["anyOf"].is_array();
        path.extend(inside.then(|| "[]".to_owned()));
        each(branch, path, visit);
        path.truncate(path.len() - usize::from(inside));
    }
}

/// Returns a file with nothing but a value at a path of keys.
fn file(path: &[String], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |value, key| match key.as_str() {
        "[]" => json!([value]),
        "{}" => json!({ "some": value }),
        key => json!({ key: value }),
    })
}

fn errors(file: &Value) -> Vec<String> {
    let parsed = parse("a.json", file.to_string().as_bytes());
    parsed.diagnostics.iter().filter(|finding| finding.is_error()).map(|finding| finding.code.to_owned()).collect()
}

#[test]
fn what_is_checked_in_is_what_the_code_says() {
    let path = repository().join("policies/agent.schema.json");
    let now = format!("{:#}\n", agent_schema());
    let fresh = fs::read_to_string(&path).unwrap() == now;
    assert!(fresh, "write it anew: cargo run -- schema > policies/agent.schema.json");
}

#[test]
fn every_key_is_described() {
    let (mut seen, mut undescribed) = (0, Vec::new());
    each(&agent_schema(), &mut Vec::new(), &mut |path, schema| {
        seen += 1;
        if !schema["description"].as_str().is_some_and(|text| text.ends_with('.')) {
            undescribed.push(path.join("."));
        }
    });
    assert!(seen > 100, "{seen}");
    assert_eq!(undescribed, [""; 0]);
}

#[test]
fn what_the_schema_refuses_the_reader_refuses() {
    let schema = agent_schema();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    let samples = [
        json!(null),
        json!(true),
        json!(1),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!("4G"),
        json!("1h30m"),
        json!("none"),
        json!([]),
        json!([1]),
        json!(["x"]),
        json!([{}]),
        json!({}),
        json!({ "x": 1 }),
        json!({ "x": "y" }),
        json!({ "x": {} }),
    ];
    let mut paths = vec![Vec::new()];
    each(&schema, &mut Vec::new(), &mut |path, _| paths.push(path.to_vec()));
    let (mut refused, mut taken) = (0, 0);
    for path in &paths {
        for sample in &samples {
            let file = file(path, sample);
            let found = errors(&file);
            if validator.is_valid(&file) {
                taken += 1;
                // The reader knows more than a type, but a type or a key it must not know better.
                let shape = found.iter().any(|code| code == "wrong-type" || code == "unknown-key");
                assert!(!shape, "the schema takes what the reader does not: {file}: {found:?}");
            } else {
                refused += 1;
                assert!(!found.is_empty(), "the schema refuses what the reader takes: {file}");
            }
        }
    }
    assert!(refused > 500 && taken > 300, "{refused} refused, {taken} taken");
}

#[test]
fn our_own_agents_are_of_the_schema() {
    let validator = jsonschema::validator_for(&agent_schema()).unwrap();
    for entry in fs::read_dir(repository().join("policies/agents")).unwrap() {
        let path = entry.unwrap().path();
        let agent: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(validator.is_valid(&agent), "{}", path.display());
    }
}
