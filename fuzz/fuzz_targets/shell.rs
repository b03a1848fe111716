//! Any bytes as a command line. What is found is kept in `corpus/shell`, and replayed by `cargo test -p remit-shell`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remit_shell::replay::check(bytes));
