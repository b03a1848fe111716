//! The corpus of the fuzz target `decide`, and what proptest makes of it, under plain `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test, outside of its test functions too")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use remit_policy::replay::check;

fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/decide");
    fs::read_dir(directory).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn what_was_found_once_holds() {
    let corpus = corpus();
    assert!(corpus.len() >= 12);
    for bytes in corpus {
        check(&bytes);
    }
}

proptest! {
    #[test]
    fn it_holds_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn it_holds_for_what_a_byte_makes_of_the_corpus(seed in 0_usize..12, at in 0_usize..60, byte: u8) {
        let mut bytes = corpus().swap_remove(seed);
        let at = at.min(bytes.len().saturating_sub(1));
        bytes[at] = byte;
        check(&bytes);
    }
}
