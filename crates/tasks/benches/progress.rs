//! How fast a task's output is read for its progress: `cargo bench -p remit-tasks --bench progress`.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use remit_tasks::progress::Tracker;

/// As much as a chatty build prints; read in the pieces in which a pipe gives it.
const SIZE: usize = 256 << 20;
const PIECE: usize = 64 << 10;

fn main() -> std::io::Result<()> {
    measure("a log", b"2026-11-22T10:00:00.123Z INFO  server::worker: request served path=/api/v1/items status=200 ms=12\n")?;
    measure("source code", b"    let share = done.checked_mul(100).and_then(|done| done.checked_div(total));\n")?;
    measure("short lines", b"a line\n")?;
    measure("colours", b"\x1b[32mINFO\x1b[0m request served \x1b[2mpath=/api/v1/items status=200 ms=12\x1b[0m\n")?;
    measure("no lines", &[b'x'; 4096])?;
    measure("ninja", b"[12/345] Building CXX object src/CMakeFiles/thing.dir/file.cpp.o\n")
}

fn measure(name: &str, line: &[u8]) -> std::io::Result<()> {
    let piece: Vec<u8> = line.iter().copied().cycle().take(PIECE).collect();
    let mut best = 0.0_f64;
    for _ in 0..3 {
        let mut tracker = Tracker::new();
        let start = Instant::now();
        for _ in 0..SIZE / PIECE {
            black_box(tracker.feed(black_box(&piece)));
        }
        best = best.max(f64::from(u32::try_from(SIZE >> 20).unwrap_or(0)) / start.elapsed().as_secs_f64());
    }
    writeln!(std::io::stdout(), "{name:12} {best:8.0} MiB/s")
}
