use super::{Runs, is_word};

/// Returns the commands that make the targets of a makefile. Of what make works out when it runs (includes, variables,
/// pattern rules) nothing is said.
pub(super) fn candidates(file: &str, text: &str) -> Vec<Runs> {
    let rules = rules(text);
    let mut candidates = Vec::new();
    let runs =
        |rule: &Rule| Runs { command: String::new(), runs: steps(&rules, rule, 0), file: file.to_owned(), line: Some(rule.line) };
    // Without a target, make takes the first that is none of its own.
    if let Some(first) = rules.iter().find(|rule| !rule.target.starts_with('.')) {
        candidates.push(Runs { command: "make".to_owned(), ..runs(first) });
    }
    for rule in rules.iter().filter(|rule| is_word(&rule.target) && !rule.target.starts_with('.')) {
        candidates.push(Runs { command: format!("make {}", rule.target), ..runs(rule) });
    }
    candidates
}

struct Rule {
    target: String,
    prerequisites: Vec<String>,
    recipe: Vec<String>,
    line: usize,
}

/// How deep prerequisites are followed: enough for people, and an end for a makefile that goes in circles.
const DEEPEST: usize = 3;

/// Returns the recipes of what a target needs first, then its own.
fn steps(rules: &[Rule], rule: &Rule, depth: usize) -> Vec<String> {
    let mut all = Vec::new();
    if depth < DEEPEST {
        for name in &rule.prerequisites {
            let Some(first) = rules.iter().find(|other| other.target == *name && other.line != rule.line) else { continue };
            for step in steps(rules, first, depth + 1) {
                if !all.contains(&step) {
                    all.push(step);
                }
            }
        }
    }
    all.extend(rule.recipe.iter().cloned());
    all
}

fn rules(text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    // The rules that a recipe line belongs to: one line may have several targets.
    let mut open = 0;
    for (number, line) in logical_lines(text) {
        if let Some(recipe) = line.strip_prefix('\t') {
            let command = recipe.trim().trim_start_matches(['@', '-', '+']).trim();
            let start = rules.len().saturating_sub(open);
            for rule in rules.iter_mut().skip(start).filter(|_| !command.is_empty()) {
                rule.recipe.push(command.to_owned());
            }
            continue;
        }
        let line = line.split('#').next().unwrap_or("").trim_end();
        if line.trim().is_empty() {
            continue;
        }
        open = 0;
        let Some((targets, rest)) = line.split_once(':') else { continue };
        if rest.starts_with('=') || rest.starts_with(":=") || targets.contains(['=', '$', '%']) {
            continue;
        }
        let (prerequisites, inline) = rest.trim_start_matches(':').split_once(';').unwrap_or((rest.trim_start_matches(':'), ""));
        if prerequisites.contains('=') {
            continue;
        }
        for target in targets.split_whitespace() {
            open += 1;
            rules.push(Rule {
                target: target.to_owned(),
                prerequisites: prerequisites.split_whitespace().filter(|word| *word != "|").map(str::to_owned).collect(),
                recipe: Some(inline.trim()).filter(|inline| !inline.is_empty()).map(str::to_owned).into_iter().collect(),
                line: number,
            });
        }
    }
    rules
}

/// Returns the lines with those that end in a backslash put together, each with the number of its first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        let (body, more) = line.strip_suffix('\\').map_or((line, false), |body| (body, true));
        match lines.last_mut() {
            Some((_, last)) if goes_on => {
                last.truncate(last.trim_end().len());
                last.push(' ');
                last.push_str(body.trim_start());
            }
            _ => lines.push((at + 1, body.to_owned())),
        }
        goes_on = more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "CC := gcc\n.PHONY: all test\n\nall: build # the first\nbuild: a.o | dir\n\t@echo building\n\t$(CC) -o app \\\n\t  a.o\n\ntest check: build\n\t-./app --test\ndir: ; mkdir -p dir\n%.o: %.c\n\tcc -c $<\nx: CFLAGS = -O\nloop: loop2\nloop2: loop\n\tevil\n";

    #[test]
    fn a_target_runs_its_recipe_after_what_it_needs() {
        let all = candidates("Makefile", TEXT);
        let check = |command: &str, expected: Option<&str>| {
            let found = all.iter().find(|runs| runs.command == command);
            assert_eq!(found.map(|runs| format!("{:?}: {}", runs.line, runs.runs.join("; "))).as_deref(), expected, "{command}");
        };
        check("make", Some("Some(4): mkdir -p dir; echo building; $(CC) -o app a.o"));
        check("make build", Some("Some(5): mkdir -p dir; echo building; $(CC) -o app a.o"));
        check("make check", Some("Some(10): mkdir -p dir; echo building; $(CC) -o app a.o; ./app --test"));
        check("make dir", Some("Some(12): mkdir -p dir"));
        check("make .PHONY", None);
        check("make x", None);
        check("make loop", Some("Some(16): evil"));
    }

    #[test]
    fn any_text_has_an_end() {
        for text in ["", "\t", ":", "::", "a", "a:", "\\\n\\\n", "a:a\n\tb", ": :\n\t:", "a b c:a b c\n\tx"] {
            candidates("Makefile", text);
        }
    }
}
