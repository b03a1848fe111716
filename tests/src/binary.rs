use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the path of the `remit` under test: `REMIT_BIN`, or a fresh build beside the running test.
///
/// A test package cannot ask cargo for another package's binary, so this asks: after the first time it is a second's look.
pub fn remit() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("REMIT_BIN") {
        Some(path) => {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "REMIT_BIN names no file: `{}`", path.display());
            path
        }
        None => build(),
    })
}

/// Returns the root of the source tree: `REMIT_SOURCE`, or where this was built.
pub fn source() -> PathBuf {
    match std::env::var_os("REMIT_SOURCE") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned(),
    }
}

/// Returns the directory that the running test was built into, as in `target/debug`.
pub(crate) fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    deps.parent().unwrap().to_owned()
}

fn build() -> PathBuf {
    let directory = profile_directory();
    let profile = match directory.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        // The whole workspace, so that cargo chooses the same features as for `cargo test --workspace`.
        .args(["build", "--quiet", "--workspace", "--bin", "remit", "--profile", profile])
        .arg("--target-dir")
        .arg(directory.parent().unwrap())
        .current_dir(source())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo did not build remit:\n{}", String::from_utf8_lossy(&output.stderr));
    directory.join("remit")
}
