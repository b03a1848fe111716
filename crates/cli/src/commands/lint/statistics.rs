//! How often each rule found something, over all files.

use std::collections::BTreeMap;

use remit_diagnostics::Diagnostic;
use serde::Serialize;

use crate::ui::table;

#[derive(Debug, Serialize)]
pub(super) struct Statistics {
    version: u32,
    files: usize,
    rules: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    code: &'static str,
    findings: usize,
    /// Files with at least one of them.
    files: usize,
}

impl Statistics {
    /// Counts the findings of each file.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a [Diagnostic]>) -> Statistics {
        let mut rows: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
        let mut count = 0;
        for findings in files {
            count += 1;
            let mut of_file: BTreeMap<&'static str, usize> = BTreeMap::new();
            for finding in findings {
                *of_file.entry(finding.code).or_default() += 1;
            }
            for (code, findings) in of_file {
                let row = rows.entry(code).or_default();
                row.0 += findings;
                row.1 += 1;
            }
        }
        let mut rules: Vec<Row> = rows.into_iter().map(|(code, (findings, files))| Row { code, findings, files }).collect();
        rules.sort_by(|a, b| (b.files, b.findings, a.code).cmp(&(a.files, a.findings, b.code)));
        Statistics { version: 1, files: count, rules }
    }

    pub(super) fn text(&self) -> String {
        let rows: Vec<[String; 3]> =
            self.rules.iter().map(|row| [row.code.to_owned(), row.findings.to_string(), row.files.to_string()]).collect();
        let table = table(["RULE", "FINDINGS", "FILES"], &rows);
        let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
        let rules = if self.rules.len() == 1 { "1 rule".to_owned() } else { format!("{} rules", self.rules.len()) };
        format!("{table}{}{files}, findings of {rules}\n", if table.is_empty() { "" } else { "\n" })
    }
}
