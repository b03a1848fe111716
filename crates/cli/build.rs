//! How the binary is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A static binary moves itself to a random place before `main`. There are 17,000 pointers to move, and a table that has 24
    // bytes for each; packed (`DT_RELR`, musl 1.2.4) it is some hundredth of that. Binutils 2.38, lld 15 and mold know the option,
    // an older ld says that it does not and goes on. A dynamic binary would need glibc 2.36 for it.
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
