//! What `autoAllowReadonly` lets through, and what not.

use super::*;

/// Checks what `autoAllowReadonly` lets through, with files of `**/.env` hidden.
fn check_read_only(expected: Decision, lines: &[&str]) {
    let text =
        r#"{"tools":["shell","read"],"toolsSettings":{"shell":{"autoAllowReadonly":true},"read":{"deniedPaths":["**/.env"]}}}"#;
    let policy = policy(text);
    for text in lines {
        let (decision, reason) = policy.judge(&line(text));
        assert_eq!(decision, expected, "{text}: {}", reason.why);
    }
}

#[test]
fn what_only_reads_runs_unasked() {
    check_read_only(
        Decision::Allow,
        &[
            "ls",
            "ls -la src",
            "cat src/a.rs | head -5",
            "cat *.rs",
            "grep -rn '/api/v1' src",
            "grep -n \"a|b\" f",
            "rg foo src",
            "find . -name '*.rs' -type f",
            "wc -l src/*.rs",
            "pwd && whoami",
            "echo $HOME",
            "which cargo",
            "date +%s",
            "sort f | uniq -c",
            "sed -n 1,5p f",
            "awk '{print $1}' f",
            "git status",
            "git log --oneline -5",
            "git --no-pager diff HEAD~1 -- src",
            "git show HEAD:src/a.rs",
            "git branch -a",
            "git branch --contains HEAD",
            "git tag -l 'v*'",
            "git remote -v",
            "git stash list",
            "git config --get user.name",
            "cargo metadata --no-deps --format-version 1",
            "cargo --version",
            "npm ls",
            "kubectl get pods -n dev",
            "docker ps -a",
            "cd src && ls",
            "ls > /dev/null 2>&1",
            "diff a b",
            "command -v node",
            "node --version",
            "jq .a f.json",
            "timeout 5 ls",
            "cd . && git status",
            "awk -v n=1 '/h/{print n}' a.txt",
            "awk -F : '/root/{print $1}' f",
            "sed -l 5 -n '/h/p' a.txt",
            "grep -A 3 /x f",
            "grep -v -- -x f",
            "grep - f",
            "cat .g* src/.g*",
            "grep -n foo *.rs",
            "grep -rn .env2 .",
            "head -n5 f",
            "ls -la --color=auto",
        ],
    );
    check_read_only(
        Decision::Ask,
        &[
            "cat /etc/shadow",
            "cat ~/.ssh/id_rsa",
            "cat ../../x",
            "cat $F",
            "cat \"$F\"",
            "grep -f/etc/shadow x",
            "grep --file=/etc/shadow x",
            "grep -rn \"$X\" .",
            "sed --exp=p /etc/shadow",
            "sed -i s/a/b/ f",
            "sed w f",
            "find / -name x",
            "find . -delete",
            "find . -exec cat {} +",
            "sort -o f f",
            "sort --files0-from=f",
            "uniq a b",
            "date -s x",
            "date -f /etc/shadow",
            "printf -v x y",
            "hostname evil",
            "tree -o f",
            "git branch foo",
            "git branch -D foo",
            "git branch --sort x foo",
            "git tag foo",
            "git remote add x y",
            "git config a b",
            "git stash",
            "git diff --no-index a b",
            "git diff --output=f",
            "git diff /etc/passwd /etc/shadow",
            "git -C /tmp log",
            "git -c a=b log",
            "git push",
            "git checkout x",
            "git grep -O x",
            "cargo check",
            "cargo metadata",
            "npm run x",
            "npm view x",
            "kubectl get secret x",
            "kubectl get pods,secrets",
            "kubectl get secret/x -o yaml",
            "kubectl get --raw /x",
            "kubectl delete pod x",
            "docker run x",
            "cat a > b",
            "tee f",
            "env",
            "printenv",
            "./ls",
            "FOO=1 ls",
            "ls; id > f",
            "xargs cat",
            "cat < /etc/shadow",
            "cd /etc && ls",
            "awk 'BEGIN{ARGV[1]=\"/etc/shadow\"} 1' f",
            "git -C src log --oneline -5",
            "git -C . status",
            "cd src && git status",
            "cd src; git log",
            "bash -c 'cd src; git status'",
            "cd src && bash -c 'git status'",
            "env -C src git status",
            "GIT_DIR=src git status",
            "env GIT_DIR=src git status",
            "cd src && cargo metadata --no-deps",
            "cat .e*",
            "cat .en[v]",
            "cat app/.en?",
            "cat a*/.env",
            "cat .?/x",
            "grep .e* .",
            "rg --ignore-file .env x",
            "ag -p .env x",
            "cat -- $F",
        ],
    );
    check_read_only(Decision::Deny, &["cat .env", "cat app/.env", "cat < .env", "cd app && cat .env", "head -c5 ./.env"]);
    check_read_only(
        Decision::Deny,
        &[
            "grep -v -- -x .env",
            "grep - .env",
            "grep -A 3 x .env",
            "grep --exclude-dir -- -f.env foo a.txt",
            "diff --from-file=.env /dev/null",
            "file -f.env",
            "grep -f.env a.txt",
            "grep -if.env a.txt",
            "grep -fapp/.env a.txt",
            "du -X.env .",
            "rg -f.env a.txt",
            "awk -v n=1 1 .env",
            "sed -l 5 p .env",
            "cat -- .env",
        ],
    );
}

#[test]
fn what_only_reads_does_so_where_it_was_judged() {
    let check = |text: &str, expected: Decision| {
        let policy = policy(&shell(r#"{"allowedCommands":["env *","nice env *"],"autoAllowReadonly":true}"#));
        assert_eq!(policy.judge(&line(text)).0, expected, "{text}");
    };
    check("env git status", Decision::Allow);
    check("nice env git status", Decision::Allow);
    check("env -C src git status", Decision::Ask);
    check("env --chdir=src cat x", Decision::Ask);
    check("nice env -C src git status", Decision::Ask);
    check("env env -C src git status", Decision::Ask);
}
