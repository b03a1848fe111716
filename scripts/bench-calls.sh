#!/usr/bin/env bash
# Measures single system calls inside a task against the same calls unconfined, in one run by turns, and prints the ratios.
#
# What is decided outside the task (names that must not appear; without namespaces also modes and times) waits for another
# thread, and is listed apart. Needs cc; REMIT names a binary that is built already. Without user namespaces it measures what
# such a host has: `unshare --user --map-current-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; …'`.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
remit=${REMIT:-$directory/release/remit}
[ -n "${REMIT:-}" ] || cargo build --quiet --release --package remit

# Not below /tmp, which a task has of its own.
scratch=$(mktemp -d "${SCRATCH:-$directory}/bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export XDG_STATE_HOME=$scratch/state
mkdir "$scratch/workspace"
cat > "$scratch/calls.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void spawn(void) {
  char *words[] = {"/bin/true", NULL}, *none[] = {NULL};
  pid_t pid;
  if (posix_spawn(&pid, words[0], NULL, NULL, words, none) == 0) waitpid(pid, NULL, 0);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

#define MEASURE(name, times, call)                                     \
  do {                                                                 \
    double best = 1e18;                                                \
    for (int round = 0; round < 15; round++) {                         \
      double start = now();                                            \
      for (int i = 0; i < (times); i++) { call; }                      \
      double each = (now() - start) / (times);                         \
      if (each < best) best = each;                                    \
    }                                                                  \
    printf("%s %.0f\n", name, best);                                   \
  } while (0)

int main(void) {
  struct stat st;
  char buffer[64];
  close(open("file", O_CREAT | O_RDWR, 0644));
  int file = open("file", O_RDWR);
  if (file < 0) return 1;
  MEASURE("getppid", 20000, syscall(SYS_getppid));
  MEASURE("read", 20000, pread(file, buffer, sizeof buffer, 0));
  MEASURE("stat", 10000, stat("file", &st));
  MEASURE("open+close", 10000, close(open("file", O_RDONLY)));
  MEASURE("open+close-for-writing", 10000, close(open("file", O_WRONLY)));
  MEASURE("create+unlink", 300, (close(open("new", O_CREAT | O_WRONLY, 0644)), unlink("new")));
  MEASURE("rename", 300, (rename("file", "moved"), rename("moved", "file")));
  MEASURE("chmod", 300, chmod("file", 0644));
  MEASURE("utimensat", 300, utimensat(AT_FDCWD, "file", NULL, 0));
  // A second and every later command of a task.
  MEASURE("spawn", 20, spawn());
  return 0;
}
END
cc -O2 -o "$scratch/workspace/calls" "$scratch/calls.c"
agent() {
  python3 - "$1" "$2" <<'END'
import json, sys
path, sandbox = sys.argv[1:]
agent = json.load(open("policies/agents/test-runner.json"))
agent["toolsSettings"]["execute_bash"]["allowedCommands"] += ["./calls", "sh -c 'cd free && ./calls'", "cd *"]
agent["toolsSettings"]["sandbox"] = json.loads(sandbox)
json.dump(agent, open(path, "w"))
END
}
# Of the workspace nothing is denied below `file`; with the second, names are.
mkdir "$scratch/workspace/free"
agent "$scratch/free.json" '{ "files": { "write": ["free/**"] }, "profile": "dev" }'
agent "$scratch/names.json" '{ "files": { "write": ["."], "hide": ["**/*.pem"] }, "profile": "dev" }'
cp "$scratch/workspace/calls" "$scratch/workspace/free/calls"
python3 - "$scratch" "$remit" <<'END'
import collections, os, subprocess, sys
scratch, remit = sys.argv[1:]
workspace = f"{scratch}/workspace"
ways = {
    "unconfined": ["./calls"],
    "confined": [remit, "run", "--yes", "--agent", f"{scratch}/free.json", "--", "./calls"],
    "names denied": [remit, "run", "--yes", "--agent", f"{scratch}/names.json", "--", "./calls"],
}
best = collections.defaultdict(dict)
for _ in range(int(os.environ.get("RUNS", "5"))):
    for way, command in ways.items():
        # The first two in a directory in which nothing is denied.
        directory = workspace if way == "names denied" else f"{workspace}/free"
        if way == "confined":
            command = command[:-1] + ["sh", "-c", "cd free && ./calls"]
            directory = workspace
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        for line in done.stdout.splitlines():
            call, time = line.split()
            best[call][way] = min(best[call].get(way, 1e18), float(time))
print("| call | unconfined | confined | ratio | where names are denied | ratio |")
print("| --- | --- | --- | --- | --- | --- |")
for call, times in best.items():
    free, confined, names = (times[way] for way in ways)
    print(f"| {call} | {free:.0f} ns | {confined:.0f} ns | {confined / free:.2f} | {names:.0f} ns | {names / free:.2f} |")
END
