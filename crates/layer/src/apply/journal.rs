//! What was about to be done, written down before: one JSON object a line, in sections, appended to and never changed.
//!
//! It is also evidence. Moving a file aside and back moves the time at which its inode changed; that it had not changed
//! before is known from here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;

use remit_agent::AbsPath;
use rustix::fs::{CWD, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::plan::{Op, Unit};
use super::{ApplyError, io_error};
use crate::layers::Layer;
use crate::node::Node;
use crate::path::RelPath;

const VERSION: u32 = 1;

/// The journal of a layer.
#[derive(Debug)]
pub(super) struct Journal {
    path: AbsPath,
    sections: Vec<Section>,
    /// Behind which a line was cut off, because its writer died.
    torn: bool,
}

/// One apply.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// By unit; the number of an op is its slot in the staging directory.
    pub(super) ops: Vec<(usize, Op)>,
    expected: usize,
    /// Units whose every step is done.
    pub(super) committed: BTreeSet<usize>,
    ended: bool,
}

impl Section {
    /// Returns whether all of it was written: nothing is done before.
    pub(super) fn is_whole(&self) -> bool {
        self.ops.len() == self.expected
    }
}

/// What is known of files from before Remit touched them.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    nodes: BTreeMap<RelPath, Node>,
    directories: BTreeSet<RelPath>,
}

impl Evidence {
    pub(super) fn of(&self, path: &RelPath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Returns whether an apply may have changed the directory: then its times tell nothing.
    pub(super) fn has_touched(&self, path: &RelPath) -> bool {
        self.directories.contains(path)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Begin { version: u32, ops: usize },
    Op { unit: usize, op: OpLine },
    Committed { unit: usize },
    End {},
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum OpLine {
    Place { path: String, before: Option<Node>, mode: u32 },
    Remove { path: String, before: Node },
    Chmod { path: String, before: Option<Node>, mode: u32 },
}

impl Journal {
    pub(super) fn read(layer: &Layer) -> Result<Journal, ApplyError> {
        let path = layer.journal.clone();
        let bytes = match std::fs::read(path.as_path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(io_error("read", &path)(source)),
        };
        let torn = bytes.last().is_some_and(|byte| *byte != b'\n');
        let mut journal = Journal { path, sections: Vec::new(), torn };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        for line in bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(line) => journal.take(line)?,
                Err(_) if is_newer(line) => return Err(crate::LayersError::Newer { path: journal.path }.into()),
                // A line that was cut off is none; its section is not whole.
                Err(_) => {}
            }
        }
        Ok(journal)
    }

    fn take(&mut self, line: Line) -> Result<(), ApplyError> {
        let newer = crate::LayersError::Newer { path: self.path.clone() };
        match (line, self.sections.last_mut()) {
            (Line::Begin { version, .. }, _) if version > VERSION => return Err(newer.into()),
            (Line::Begin { ops, .. }, _) => self.sections.push(Section { expected: ops, ..Section::default() }),
            (Line::Op { unit, op }, Some(section)) => {
                let op = op.parsed().ok_or_else(|| crate::LayersError::Damaged {
                    path: self.path.clone(),
                    reason: "a path in it is none".to_owned(),
                })?;
                section.ops.push((unit, op));
            }
            (Line::Committed { unit }, Some(section)) => {
                section.committed.insert(unit);
            }
            (Line::End {}, Some(section)) => section.ended = true,
            (_, None) => {}
        }
        Ok(())
    }

    /// Returns the apply that did not come to its end.
    pub(super) fn open_section(&self) -> Option<&Section> {
        self.sections.last().filter(|section| !section.ended)
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::default();
        for (_, op) in self.sections.iter().flat_map(|section| &section.ops) {
            let path = op.path();
            evidence.directories.extend(path.parent());
            if op.before().is_none_or(Node::is_directory) {
                evidence.directories.insert(path.clone());
            }
            if let Some(before) = op.before() {
                evidence.nodes.insert(path.clone(), *before);
            }
        }
        evidence
    }

    /// Writes down what is about to be done, and waits until the disk has it.
    pub(super) fn begin(&mut self, units: &[Unit], step: &mut dyn FnMut(&'static str)) -> Result<(), ApplyError> {
        let ops: Vec<(usize, Op)> =
            units.iter().enumerate().flat_map(|(index, unit)| unit.ops.iter().map(move |op| (index, op.clone()))).collect();
        let mut lines = vec![Line::Begin { version: VERSION, ops: ops.len() }];
        lines.extend(ops.iter().map(|(unit, op)| Line::Op { unit: *unit, op: OpLine::of(op) }));
        step("journal");
        self.append(&lines, true)?;
        self.sections.push(Section { expected: ops.len(), ops, ..Section::default() });
        Ok(())
    }

    /// Writes down that every step of a unit is done, so that none of it is taken back.
    pub(super) fn commit(&mut self, unit: usize) -> Result<(), ApplyError> {
        self.append(&[Line::Committed { unit }], true)?;
        if let Some(section) = self.sections.last_mut() {
            section.committed.insert(unit);
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), ApplyError> {
        self.append(&[Line::End {}], false)?;
        if let Some(section) = self.sections.last_mut() {
            section.ended = true;
        }
        Ok(())
    }

    fn append(&mut self, lines: &[Line], sync: bool) -> Result<(), ApplyError> {
        let write = || -> std::io::Result<()> {
            let mut bytes = Vec::new();
            if self.torn {
                bytes.push(b'\n');
            }
            for line in lines {
                serde_json::to_writer(&mut bytes, line)?;
                bytes.push(b'\n');
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(CWD, self.path.as_path(), flags, Mode::from_raw_mode(0o600))?;
            let mut file = File::from(file);
            file.write_all(&bytes)?;
            if sync { file.sync_data() } else { Ok(()) }
        };
        write().map_err(io_error("write", &self.path))?;
        self.torn = false;
        Ok(())
    }
}

/// Returns whether a line that cannot be read begins a section of a version to come.
fn is_newer(line: &[u8]) -> bool {
    let value: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    let version = value.as_ref().and_then(|value| value.get("begin")?.get("version")?.as_u64());
    version.is_some_and(|version| version > u64::from(VERSION))
}

impl OpLine {
    fn of(op: &Op) -> OpLine {
        match op {
            Op::Place { path, before, mode } => OpLine::Place { path: hex(path), before: *before, mode: *mode },
            Op::Remove { path, before } => OpLine::Remove { path: hex(path), before: *before },
            Op::Chmod { path, before, mode } => OpLine::Chmod { path: hex(path), before: *before, mode: *mode },
        }
    }

    fn parsed(self) -> Option<Op> {
        Some(match self {
            OpLine::Place { path, before, mode } => Op::Place { path: unhex(&path)?, before, mode },
            OpLine::Remove { path, before } => Op::Remove { path: unhex(&path)?, before },
            OpLine::Chmod { path, before, mode } => Op::Chmod { path: unhex(&path)?, before, mode },
        })
    }
}

/// A path in a journal is its bytes in hexadecimal: JSON has no other way for what is not UTF-8.
fn hex(path: &RelPath) -> String {
    use std::fmt::Write as _;
    path.as_bytes().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<RelPath> {
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect();
    RelPath::parse(&bytes?)
}
