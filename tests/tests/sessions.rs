//! Sessions as a person has them, in `tests/sessions/`: what is typed, what is shown, how it ends.
//!
//! `TRYCMD=overwrite cargo test -p remit-tests --test sessions` writes what is shown now; read the difference before you commit it.

use remit_tests::{World, remit, source};

#[test]
fn sessions() {
    let world = World::empty();
    let home = world.home().to_str().unwrap();
    let below = |name: &str| world.path().join(name).to_str().unwrap().to_owned();
    let cases = trycmd::TestCases::new();
    cases
        .register_bin("remit", remit())
        .env("HOME", home)
        .env("XDG_STATE_HOME", below("state"))
        .env("XDG_CONFIG_HOME", below("config"))
        .env("NO_COLOR", "1")
        .case(source().join("tests/sessions/*.trycmd"));
    cases.insert_var("[CONFIG]", below("config")).unwrap();
    cases.insert_var("[HOME]", home.to_owned()).unwrap();
}
