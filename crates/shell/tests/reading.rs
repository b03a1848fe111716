//! What a line is read as: the words, what is assigned and redirected, and where each command runs.

#![allow(clippy::indexing_slicing, reason = "clippy's leave for tests does not reach the helpers of an integration test")]
#![allow(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use remit_shell::{Assignment, Directory, Dynamic, Fd, Part, Redirect, Script, Simple, Value, Word, parse};

#[track_caller]
fn check(line: &str, expected: &str) {
    let script = parse(line);
    let mut lines: Vec<String> = script.commands.iter().map(command).collect();
    lines
        .extend(script.opaque.iter().map(|opaque| format!("? {}: {}", &line[opaque.span.start..opaque.span.end], opaque.reason)));
    assert_eq!(lines.join(" / "), expected, "{line:?}");
}

fn command(command: &Simple) -> String {
    let assigned = command.assignments.iter().map(assignment);
    let words = command.words.iter().map(word);
    let redirects = command.redirects.iter().map(redirect);
    assigned.chain(words).chain(redirects).collect::<Vec<_>>().join(" ")
}

fn assignment(assignment: &Assignment) -> String {
    let value = match &assignment.value {
        Value::Word(value) => word(value),
        Value::Array(words) => format!("({})", words.iter().map(word).collect::<Vec<_>>().join(" ")),
        Value::Number => "<number>".to_owned(),
    };
    let (subscript, append) = (if assignment.subscript { "[]" } else { "" }, if assignment.append { "+" } else { "" });
    format!("{}{subscript}{append}={value}", assignment.name)
}

fn redirect(redirect: &Redirect) -> String {
    let fd = match &redirect.fd {
        Fd::Default => String::new(),
        Fd::Number(number) => number.to_string(),
        Fd::Variable(name) => format!("{{{name}}}"),
    };
    format!("{fd}:{:?}:{}", redirect.operator, word(&redirect.target))
}

/// Shows a word: dynamic parts in `<>`, and `..` after one that may become several.
fn word(word: &Word) -> String {
    let parts = word.parts.iter().map(|part| match part {
        Part::Literal(text) => text.replace(' ', "_"),
        Part::Dynamic(Dynamic::Variable(name)) => format!("<${name}>"),
        Part::Dynamic(Dynamic::Glob(character)) => format!("<{character}>"),
        Part::Dynamic(Dynamic::Tilde(name)) => format!("<~{name}>"),
        Part::Dynamic(other) => format!("<{other:?}>"),
    });
    let text: String = parts.collect();
    let shown = if text.is_empty() { "''".to_owned() } else { text };
    if word.splits { shown + ".." } else { shown }
}

#[test]
fn words_are_static_or_say_what_they_are_not() {
    check("r''m \\-r \"a b\" $'c\\td'", "rm -r a_b c\td");
    check("echo $x \"$x\" a$x\"b\"", "echo <$x>.. <$x> a<$x>b..");
    check("echo \"$@\" \"$*\" $1", "echo <$@>.. <$*> <$1>..");
    check("echo ${x} ${x:-a} \"${x:-a}\" ${#x}", "echo <$x>.. <Parameter>.. <Parameter> <Parameter>..");
    check("echo --out=$x *.rs a?b [a]c a]", "echo --out=<$x>.. <*>.rs.. a<?>b.. <[>a]c.. a]");
    check("echo ~ ~/x ~u/x a~ x=~/y '~'", "echo <~> <~>/x <~u>/x a~ x=<~>/y ~");
    check("[ -f x ]", "[ -f x ]");
    check("echo {a,b}c {1..3} x{${y},z}", "echo ac bc 1 2 3 x<$y>.. xz");
    check("echo \"$(a \"b c\")\" `d`", "a b_c / d / echo <Command> <Command>..");
    check("diff <(a) >(b)", "a / b / diff <Process> <Process>");
    check("echo $((1+2)) \"$[3]\"", "echo <Arithmetic>.. <Arithmetic>");
    check("echo $\"a\" $'\\u00e9'", "echo <Locale> <Locale>");
    check("declare -a a=(b $(c))", "c / declare -a a=<Array>");
}

#[test]
fn assignments_stand_apart() {
    check("A=1 B='x y' make", "A=1 B=x_y make");
    check("A= b", "A='' b");
    check("A+=$x b[1]=2 c=(d {e,f})", "A+=<$x> b[]=2 c=(d e f)");
    check("for PATH in a b; do c; done", "PATH=a PATH=b / c");
    check(": ${PATH:=x}", "PATH=x / : <Parameter>..");
    check("((x = 1)); echo $((x++))", "x=<number> / x=<number> / echo <Arithmetic>..");
    check("coproc PATH { a; }", "PATH=() / a");
    check("select x in a; do b; done", "x=<Parameter> / b");
    check("'A'=1 b", "A=1 b");
    assert!(parse("'A'=1 b").commands[0].assignments.is_empty());
}

#[test]
fn redirections_say_what_they_touch() {
    check("a > b 2>&1 < c", "a :Write:b 2:DuplicateOutput:1 :Read:c");
    check("a &>b >>c >|d <>e >&f", "a :WriteBoth:b :Append:c :Clobber:d :ReadWrite:e :WriteBoth:f");
    check("a 2>&- 3<&1- {fd}>x", "a 2:DuplicateOutput:- 3:DuplicateInput:1- {fd}:Write:x");
    check("a > \"$x\"", "a :Write:<$x>");
    check("a >& '$(b)'", "? >& '$(b)': a descriptor that is not known");
    check("{ a; } > b", "a / :Write:b");
    check("a <<< \"b c\"", "a :HereString:b_c");
    check("a <<E b\nx $y $(c)\nE", "a b :HereDocument:x_<$y>_<Command>\n / c");
    check("a <<'E'\n$(no)\nE\nb", "a :HereDocument:$(no)\n / b");
    check("a <<-E\n\tx\n\tE", "a :HereDocument:x\n");
    check("a {fd>&1", "a {fd :DuplicateOutput:1");
    check("a > b > c{d,e}", "? c{d,e}: a redirection to more than one file");
}

#[test]
fn what_is_not_known_is_opaque() {
    check("$x a", "<$x>.. a / ? $x: the name of the command is not known");
    check("eval a", "eval a / ? eval: `eval` reads its words as code");
    check("a; 'b", "a / ? 'b: a quote is not closed");
    check("a && ", "a / ? : something that cannot stand here");
    check("echo $((x))", "echo <Arithmetic>.. / ? x: arithmetic of a variable whose value may be code");
    check("x=1; echo $((x))", "x=1 / echo <Arithmetic>..");
    check("x='a[$(rm f)]'; [[ $x -eq 1 ]]", "x=a[$(rm_f)] / ? $x: arithmetic of a variable whose value may be code");
    check("echo ${ rm x; }", "? ${: `${ …; }` runs commands in newer versions of bash");
}

#[track_caller]
fn check_directories(line: &str, expected: &str) {
    let script = parse(line);
    assert_eq!(script.opaque, [], "{line:?}");
    let shown: Vec<String> =
        script.commands.iter().filter(|command| name(command) != "cd").map(|command| directory(&script, command)).collect();
    assert_eq!(shown.join(", "), expected, "{line:?}");
}

fn name(command: &Simple) -> &str {
    command.words.first().and_then(Word::as_static).unwrap_or_default()
}

fn directory(script: &Script, command: &Simple) -> String {
    let Directory::AnyOf(chains) = &command.context.directory else { return format!("{}: unknown", name(command)) };
    let path = |chain: &Vec<usize>| {
        let steps = chain.iter().map(|cd| script.commands[*cd].words.get(1).map(word).unwrap_or_default());
        format!("/{}", steps.collect::<Vec<_>>().join("/"))
    };
    format!("{}: {}", name(command), chains.iter().map(path).collect::<Vec<_>>().join(" "))
}

#[test]
fn a_change_of_directory_is_followed() {
    check_directories("x", "x: /");
    check_directories("cd a && x", "x: /a");
    check_directories("cd a; x", "x: /a /");
    check_directories("cd a || x", "x: /");
    check_directories("cd a || exit 1; x", "exit: /, x: /a");
    check_directories("cd a || exit 1 2; x", "exit: /, x: /a /");
    check_directories("cd a && cd b && x; y", "x: /a/b, y: /a/b / /a");
    check_directories("cd a | x; y", "x: /, y: /");
    check_directories("x | cd a; y", "x: /, y: /");
    check_directories("(cd a && x); y", "x: /a, y: /");
    check_directories("{ cd a && x; }; y", "x: /a, y: /a /");
    check_directories("cd a & x", "x: /");
    check_directories("! cd a && x", "x: /");
    check_directories("! cd a || x", "x: /a");
    check_directories("if cd a; then x; else y; fi; z", "x: /a, y: /, z: /a /");
    check_directories("if x; then cd a; fi && y", "x: /, y: /a /");
    check_directories("while x; do cd a; done; y", "x: unknown, y: unknown");
    check_directories("for i in 1; do x; done; y", ": /, x: /, y: /");
    check_directories("case x in a) cd a;; *) y;; esac; z", "y: / /a, z: / /a");
    check_directories("f() { cd a; }; f; x", "f: unknown, x: unknown");
    check_directories("pushd a && x", "pushd: /, x: unknown");
    check_directories("x $(cd a && y)", "y: /a, x: /");
    check_directories("cd a && x $(y) <<E\n$(z)\nE\nw", "y: /a, x: /a, z: /a, w: /a /");
    check_directories("cd a && x <(y) | z", "y: /a, x: /a, z: /a");
    check_directories("cd -P a; x", "x: /-P /");
    check_directories("CDPATH=b; cd a && x", ": unknown, x: unknown");
    check_directories("{ cd a || exit 1; } < b; x", "exit: /, : /, x: /a /");
    check_directories("cd a > b && x", "x: /a");
    check_directories("command cd a && x", "command: /, x: /cd");
}

#[test]
fn a_command_says_how_it_is_joined() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        let script = parse(line);
        let flags = |command: &Simple| {
            let context = &command.context;
            let all = [
                (context.in_pipeline, "pipeline"),
                (context.in_subshell, "subshell"),
                (context.in_substitution, "substitution"),
                (context.in_function, "function"),
                (context.in_loop, "loop"),
                (context.in_background, "background"),
                (context.conditional, "conditional"),
                (context.negated, "negated"),
                (context.timed, "timed"),
            ];
            let said: Vec<&str> = all.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
            format!("{} {}", name(command), said.join("+"))
        };
        assert_eq!(script.commands.iter().map(flags).collect::<Vec<_>>().join(", "), expected, "{line:?}");
        let argv = script.argv().map(|words| words.join(" "));
        assert_eq!(argv.is_some(), expected == "x ", "{line:?}");
    }
    check("x", "x ");
    check("x a 'b c' {d,e}", "x ");
    check("x | y", "x pipeline+subshell, y pipeline+subshell");
    check("x && y", "x , y conditional");
    check("! x", "x negated");
    check("time x", "x timed");
    check("(x)", "x subshell");
    check("x &", "x subshell+background");
    check("a $(x)", "x subshell+substitution, a ");
    check("while x; do y; done", "x loop+conditional, y loop+conditional");
    check("f() { x; }", "x function");
    check("if x; then y; fi", "x , y conditional");
}
