// The least that there is to a start under Landlock and seccomp: a ruleset with one rule, which grants everything below `/`,
// a filter of one instruction, which allows everything, and exec. What this costs is the kernel's, and nothing that confines
// by both can cost less. For scripts/bench-start.sh.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Every right to files, as of Linux 6.10.
#define HANDLED 0xffffULL

int main(int count, char **arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: bare COMMAND [ARGUMENT ...]\n");
    return 125;
  }
  struct landlock_ruleset_attr handled = {.handled_access_fs = HANDLED};
  int rules = syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
  struct landlock_path_beneath_attr rule = {.allowed_access = HANDLED, .parent_fd = open("/", O_PATH | O_CLOEXEC)};
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {.len = 1, .filter = &allow};
  if (rules < 0 || syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, rules, 0) ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)) {
    perror("bare");
    return 125;
  }
  execvp(arguments[1], arguments + 1);
  perror(arguments[1]);
  return 127;
}
