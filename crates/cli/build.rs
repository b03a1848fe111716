//! How the binary is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=start-order.ld");
    if !env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        return;
    }
    // A static binary moves itself to a random place before `main`. There are 17,000 pointers to move, and a table that has 24
    // bytes for each; packed (`DT_RELR`, musl 1.2.4) it is some hundredth of that. Binutils 2.38, lld 15 and mold know the option,
    // an older ld says that it does not and goes on. A dynamic binary would need glibc 2.36 for it.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // What a start calls stands together, and so on fewer pages. GNU ld and lld read such a script, mold does not.
    let chosen = ["CARGO_ENCODED_RUSTFLAGS", "RUSTC_LINKER"].into_iter().filter_map(|name| env::var(name).ok());
    if !chosen.into_iter().any(|linker| linker.contains("mold") || linker.contains("gold"))
        && let Ok(directory) = env::var("CARGO_MANIFEST_DIR")
    {
        println!("cargo::rustc-link-arg-bins=-T{directory}/start-order.ld");
    }
}
