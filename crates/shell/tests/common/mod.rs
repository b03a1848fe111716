//! The corpus: one topic a file, records parted by lines of `%%`.

#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::indexing_slicing, reason = "clippy's leave for tests does not reach the helpers of an integration test")]
#![allow(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

pub(crate) mod generate;

use std::path::Path;

pub(crate) struct Record {
    pub(crate) file: String,
    pub(crate) script: String,
}

/// Returns the scripts of the corpus, in order. Those of the files `opaque-*` are not to be understood.
pub(crate) fn corpus() -> Vec<Record> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut records = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let scripts = text.split("\n%%\n").map(|script| script.trim_end_matches('\n').to_owned());
        records.extend(scripts.filter(|script| !script.is_empty()).map(|script| Record { file: file.clone(), script }));
    }
    records
}

/// A small generator of numbers, the same on every machine.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}
