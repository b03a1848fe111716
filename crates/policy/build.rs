//! Cuts the tables of programs into rows when Remit is built: `policies/commands/{wrappers,programs}.json` become texts with an
//! index by name, so that a start reads the rows of the programs that it asks about, and no others.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a build that cannot make its tables must stop")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;

#[path = "src/programs/hash.rs"]
mod hash;

/// A power of two.
const SLOTS: usize = 4096;

const DATA: [&str; 2] = ["../../policies/commands/wrappers.json", "../../policies/commands/programs.json"];

fn main() {
    let (mut names, mut rows) = (BTreeMap::new(), Vec::new());
    for path in DATA {
        println!("cargo::rerun-if-changed={path}");
        let text = fs::read_to_string(path).expect("the tables are readable");
        let table: Vec<Value> = serde_json::from_str(&text).expect("a table is a list of rows");
        for row in table {
            let listed = row.get("names").and_then(Value::as_str).expect("a row has names");
            for name in listed.split_whitespace() {
                assert!(names.insert(name.to_owned(), rows.len()).is_none(), "`{name}` has two rows");
            }
            rows.push(row.to_string());
        }
    }
    let mut out = String::new();
    writeln!(out, "pub(super) static ROWS: [&str; {}] = {rows:?};", rows.len()).expect("memory");
    let names: Vec<_> = names.into_iter().collect();
    // One text and places in it, not a pointer for each name: a pointer has to be relocated at every start.
    let text: String = names.iter().map(|(name, _)| name.as_str()).collect();
    let mut end = 0;
    let places: Vec<_> = names
        .iter()
        .map(|(name, row)| {
            let start = end;
            end += name.len();
            (start, end, *row)
        })
        .collect();
    assert!(end < usize::from(u16::MAX), "the names are too long together");
    writeln!(out, "pub(super) static TEXT: &str = {text:?};").expect("memory");
    writeln!(out, "pub(super) static NAMES: [(u16, u16, u16); {}] = {places:?};", places.len()).expect("memory");
    // Open addressing, sparse enough for a probe or two: the gate looks names up many times a line.
    let mut slots = vec![u16::MAX; SLOTS];
    for (index, (name, _)) in names.iter().enumerate() {
        let mut slot = hash::hash(name) & (SLOTS - 1);
        while slots[slot] != u16::MAX {
            slot = (slot + 1) & (SLOTS - 1);
        }
        slots[slot] = u16::try_from(index).expect("fewer names than that");
    }
    assert!(names.len() * 2 < SLOTS, "the table of names is too full");
    writeln!(out, "pub(super) static SLOTS: [u16; {SLOTS}] = {slots:?};").expect("memory");
    let path = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("tables.rs");
    fs::write(path, out).expect("OUT_DIR is writable");
}
