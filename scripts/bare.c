// The least that confines: a ruleset of Landlock with a rule for `/` alone, a filter of one instruction, exec. What this
// costs is the kernel's, and nothing that confines by both can cost less. For scripts/bench-start.sh.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Of Linux 6.10: every right to files.
#define HANDLED 0xffffULL
#define READ_AND_EXECUTE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static int rules;

static int grant(const char *path, unsigned long long rights) {
  struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
  return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: bare WRITABLE COMMAND [ARGUMENT ...]\n");
    return 125;
  }
  struct landlock_ruleset_attr handled = {.handled_access_fs = HANDLED};
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {.len = 1, .filter = &allow};
  rules = syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
  // The working directory of a benchmark, and what a shell opens to write.
  if (rules < 0 || grant("/", READ_AND_EXECUTE) || grant(arguments[1], HANDLED) ||
      grant("/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE) ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, rules, 0) ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)) {
    perror("bare");
    return 125;
  }
  execvp(arguments[2], arguments + 2);
  perror(arguments[2]);
  return 127;
}
