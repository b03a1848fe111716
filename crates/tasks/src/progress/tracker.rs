//! The state of a task's progress, and which source of it is believed.

use super::lines::{Lines, Piece};
use super::osc::Said;
use super::tools::{Heard, Recogniser, all};
use super::{Progress, osc, protocol};
use crate::Stream;
use crate::summary::Summary;

/// A tool that has not said anything for so many lines is not waited for: it may have died in the middle.
const PATIENCE: u64 = 5000;

/// Reads a task's output for its progress and its summary.
///
/// What it tells depends on the bytes alone, not on how they were cut into pieces.
#[derive(Debug)]
pub struct Tracker {
    out: Lines,
    err: Lines,
    ears: Ears,
    /// What `feed` returned last.
    told: Option<Progress>,
}

/// The recognisers, and what was heard from them.
#[derive(Debug)]
struct Ears {
    tools: Vec<Box<dyn Recogniser>>,
    /// For each first byte of a line, blanks apart: which recognisers look at it, a bit for each.
    starts: Box<[u32; 256]>,
    /// Which recognisers look at every line.
    awake: u32,
    lines: u64,
    said: Option<Progress>,
    osc: Option<Progress>,
    owner: Option<Owner>,
}

/// The recogniser that is believed.
#[derive(Debug)]
struct Owner {
    tool: usize,
    progress: Progress,
    /// It said that its tool has come to an end.
    over: bool,
    heard_at: u64,
}

impl Tracker {
    pub fn new() -> Tracker {
        Tracker::of_command(&[])
    }

    /// Returns a tracker that knows what is run: some tools print no header, and are known by their name alone.
    pub fn of_command(command: &[String]) -> Tracker {
        Tracker { out: Lines::default(), err: Lines::default(), ears: Ears::new(command), told: None }
    }

    /// Takes output, and returns the progress when it is another than before.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Progress> {
        self.feed_from(Stream::Out, bytes)
    }

    /// Takes output of one of the two streams.
    pub fn feed_from(&mut self, stream: Stream, bytes: &[u8]) -> Option<Progress> {
        let lines = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        let ears = &mut self.ears;
        lines.feed(bytes, |piece| match piece {
            Piece::Line(line) => ears.line(line),
            Piece::Osc(osc) => ears.osc(osc),
        });
        if !self.ears.knows_any() && self.told.is_none() {
            return None;
        }
        let now = self.progress();
        if now == self.told {
            return None;
        }
        self.told.clone_from(&now);
        now
    }

    /// Returns how far the task is, as far as is known.
    pub fn progress(&self) -> Option<Progress> {
        let ears = &self.ears;
        if ears.said.is_some() || ears.osc.is_some() {
            return ears.said.clone().or_else(|| ears.osc.clone());
        }
        let owner = ears.owner.as_ref()?;
        let tool = ears.tools.get(owner.tool).filter(|_| !owner.over);
        // A row of dots grows for minutes before it ends.
        let growing = tool.and_then(|tool| tool.partial(self.out.partial()).or_else(|| tool.partial(self.err.partial())));
        Some(growing.filter(|progress| owner.follows(progress)).unwrap_or_else(|| owner.progress.clone()))
    }

    /// Returns what the output came to; `None` when no known tool said anything.
    pub fn summary(&self) -> Option<Summary> {
        let mut summary = Summary::default();
        // The last line may have no end.
        let mut ears = Ears { tools: self.ears.tools.iter().map(|tool| tool.copy()).collect(), ..Ears::none() };
        (ears.starts, ears.awake) = (self.ears.starts.clone(), self.ears.awake);
        for lines in [&self.out, &self.err] {
            ears.line(lines.partial());
        }
        for tool in &ears.tools {
            tool.summarise(&mut summary);
        }
        summary.settled()
    }
}

impl Default for Tracker {
    fn default() -> Tracker {
        Tracker::new()
    }
}

impl Ears {
    fn none() -> Ears {
        Ears { tools: Vec::new(), starts: Box::new([0; 256]), awake: 0, lines: 0, said: None, osc: None, owner: None }
    }

    fn new(command: &[String]) -> Ears {
        let mut ears = Ears { tools: all(command), ..Ears::none() };
        for (index, tool) in ears.tools.iter().enumerate() {
            for byte in tool.starts() {
                if let Some(mask) = ears.starts.get_mut(usize::from(*byte)) {
                    *mask |= 1 << index;
                }
            }
            ears.awake |= u32::from(tool.is_awake()) << index;
        }
        ears
    }

    fn knows_any(&self) -> bool {
        self.said.is_some() || self.osc.is_some() || self.owner.is_some()
    }

    fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        let Some(first) = line.iter().find(|byte| **byte != b' ' && **byte != b'\t') else { return };
        let mut wanted = self.starts.get(usize::from(*first)).copied().unwrap_or(0) | self.awake;
        if *first == b':'
            && let Some(said) = protocol::read(line)
        {
            self.said = said.into_progress();
        }
        let line = line.trim_ascii_end();
        while wanted != 0 {
            let index = wanted.trailing_zeros() as usize;
            wanted &= wanted - 1;
            if let Some(tool) = self.tools.get_mut(index) {
                let heard = tool.line(line);
                self.awake = self.awake & !(1 << index) | u32::from(tool.is_awake()) << index;
                self.heard(index, heard);
            }
        }
    }

    fn osc(&mut self, bytes: &[u8]) {
        if let Some(said) = osc::read(bytes) {
            self.osc = said.into_progress();
        }
    }

    fn heard(&mut self, tool: usize, heard: Heard) {
        let rank = |tool: usize| self.tools.get(tool).map_or(0, |tool| tool.rank());
        match (heard, &mut self.owner) {
            (Heard::Over, Some(owner)) if owner.tool == tool => owner.over = true,
            (Heard::Nothing | Heard::Over, _) => {}
            (Heard::Progress(progress), Some(owner)) if owner.tool == tool => {
                owner.heard_at = self.lines;
                if owner.follows(&progress) {
                    owner.progress = progress;
                    owner.over = false;
                }
            }
            (Heard::Progress(progress), owner) => {
                // What a test prints is not how far the tests are.
                let held = owner
                    .as_ref()
                    .is_some_and(|owner| !owner.over && rank(owner.tool) > rank(tool) && self.lines - owner.heard_at < PATIENCE);
                if !held {
                    *owner = Some(Owner { tool, progress, over: false, heard_at: self.lines });
                }
            }
        }
    }
}

impl Owner {
    /// Returns whether a progress of the same tool may stand in this one's place: it does not go back, but for a new start.
    fn follows(&self, next: &Progress) -> bool {
        let complete = self.progress.total == Some(self.progress.done);
        let other = (&next.unit, &next.label, next.total) != (&self.progress.unit, &self.progress.label, self.progress.total);
        next.done >= self.progress.done || other || self.over || complete || next.done <= 1
    }
}

impl Said {
    fn into_progress(self) -> Option<Progress> {
        match self {
            Said::Progress(progress) => Some(progress),
            Said::Nothing => None,
        }
    }
}
