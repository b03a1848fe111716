//! Any bytes as patterns and a command line. What is found is kept in `corpus/decide`, and replayed by `cargo test -p remit-policy`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remit_policy::replay::check(bytes));
